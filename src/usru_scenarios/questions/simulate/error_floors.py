"""The least standard errors of what a forecast reports: what trials that were never drawn could add, by method (27).

For every quantity the limits between which a single trial's value lies, by method (28), and the number of trials that
stand behind it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np

from usru_scenarios.estimation.estimates import (
    MOST_MISSED,
    Estimate,
    largest_deviation,
    may_miss_trials,
    rule_of_three_bound,
    with_error_floor,
)
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import All, Formula, Not, Timed, Truth, atoms, satisfying_states, timed_parts
from usru_scenarios.program.program import CategoricalNode, Floats, Node, NumericNode, Program
from usru_scenarios.program.support import Support
from usru_scenarios.sampler.blocks import Plan
from usru_scenarios.sampler.forecast import ForecastSums, simulate
from usru_scenarios.settings import DEFAULT_SEED

Limits = tuple[Floats, Floats]

_OFTEN_DRAWN = 20.0
"""Draws of a state by which it is surely not one that is mostly missed."""

_FEW_TRIALS = 4096
"""Trials that tell which states are drawn often."""


@dataclass(frozen=True)
class UnseenTrialBounds:
    """Trials that were never drawn, as they can be at a step.

    Attributes:
        support: what is possible.
        step: the step.
        chance: the least and the largest probability, in any trial, of what is asked about.
        weight: how much they weigh, in the weights of the trials that were drawn.
    """

    support: Support
    step: int
    chance: tuple[float, float]
    weight: float


@dataclass(eq=False)
class LeastErrors:
    """Raises the errors of a forecast to what was never drawn.

    Attributes:
        program: with its interventions.
        trials: for how many independent trials those drawn stand.
        state_shares: gives those of a node's states that were found, the scenarios' too, shape (steps, states).
        seen: what has been observed.
        make_support: gives what is possible, where an earlier run may have found it.
    """

    program: Program
    trials: float
    state_shares: Callable[[str], Floats]
    seen: Sequence[Formula] = ()
    make_support: Callable[[], Support] | None = None

    @cached_property
    def support(self) -> Support:
        """What is possible; made only where an error is small enough to ask for it."""
        return Support(self.program, self.seen) if self.make_support is None else self.make_support()

    @cached_property
    def _cached_limits(self) -> dict[tuple[int, ...], Limits]:
        return {}

    @cached_property
    def _is_outcome_drawn(self) -> bool:
        """Whether the scenario is drawn and taken as it is, since what was observed has read it."""
        asked = {atom.node for event in self.seen for atom in atoms(event)}
        below = self.program.downstream(OUTCOME) | {OUTCOME}
        return bool(self.seen) and (self.program.has_feedback or bool(asked & below))

    # Scenarios and groups ---------------------------------------------------------------------------------------------

    def by_step(self, members: Sequence[int], estimate: Estimate) -> Estimate:
        """The probability of some scenarios at each step, shape (steps,)."""
        return self._with_floor(estimate, self.trials, lambda: self.likelihood_limits(members))

    def mean(self, members: Sequence[int], estimate: Estimate) -> Estimate:
        """Their mean over the steps, shape ()."""

        def limits() -> Limits:
            low, high = self.likelihood_limits(members)
            return np.asarray(low.mean()), np.asarray(high.mean())

        return self._with_floor(estimate, self.trials, limits)

    def first_visit(self, members: Sequence[int], estimate: Estimate) -> Estimate:
        """The probability that a step is the first at which they are visited, shape (steps,)."""
        missed = self._missed_path_count
        return self._with_floor(estimate, self.trials, lambda: self._first_visit_limits(members)[:2], missed)

    def ever(self, members: Sequence[int], estimate: Estimate) -> Estimate:
        """The probability that they are visited at some step, shape ()."""

        def limits() -> Limits:
            _, _, (low, high) = self._first_visit_limits(members)
            return (low, high) if not self._has_same_law[-1] else (high, high)

        return self._with_floor(estimate, self.trials, limits, self._missed_path_count)

    def transitions(self, found: Estimate, mass: Floats) -> Estimate:
        """The pooled transition matrix, shape (from, to).

        Args:
            found: the matrix.
            mass: shape (scenarios,), for how many steps a trial has been in each scenario on average, before the last.

        A row rests on the trials that visit its scenario. As many as would have been there for as long as a trial can
        be make the same mass, so that rare trials that would be there for long are allowed for.
        """
        at_least = self.trials * mass[:, None] / max(self.program.steps - 1, 1)
        if not (may_miss_trials(found, at_least) and may_miss_trials(found, at_least, self.missed_count)):
            return found
        # how likely it is that a trial is in a scenario, as a row of the transition matrix weighs it
        is_drawn = self.program.has_feedback or self._is_outcome_drawn
        limits_of = self._drawn_limits if is_drawn else self.likelihood_limits
        longest = np.array([limits_of([state])[1][:-1].sum() for state in range(len(mass))])
        effective = np.divide(self.trials * mass, longest, out=np.zeros_like(mass), where=longest > 0)
        return self._with_floor(found, effective[:, None], self._transition_limits)

    def unseen(self, members: Sequence[int], step: int, weight: float) -> UnseenTrialBounds:
        """Trials that were never drawn, at a step, of which some scenarios are asked.

        `weight` is the mean weight of the trials that were drawn.
        """
        low, high = self.likelihood_limits(members)
        drawn = self.trials * weight
        return UnseenTrialBounds(
            self.support, step, (float(low[step]), float(high[step])), float(rule_of_three_bound(self.trials)) * drawn
        )

    def cell_limits(self, cells: Sequence[Sequence[int]], step: int, *, drawn: bool) -> Limits:
        """The least and the largest probability of sets of scenarios at a step, each of shape (cells,).

        If it is told from a drawn scenario, it may be anything that is possible.
        """
        limits_of = self._drawn_limits if drawn else self.likelihood_limits
        low, high = zip(*map(limits_of, cells), strict=True)
        return np.array([each[step] for each in low]), np.array([each[step] for each in high])

    def _with_floor(
        self, estimate: Estimate, effective: float | Floats, limits: Callable[[], Limits], missed: float | None = None
    ) -> Estimate:
        """An estimate of the outcome, its error raised where trials that were never drawn could add to it."""
        if not may_miss_trials(estimate, effective):
            return estimate
        return with_error_floor(estimate, effective, limits, self.missed_count if missed is None else missed)

    @property
    def _missed_path_count(self) -> float | None:
        """The same of whole paths: a drawn scenario that has never been somewhere may be rare, its states often met."""
        return MOST_MISSED if self.program.has_feedback or self._is_outcome_drawn else None

    @cached_property
    def missed_count(self) -> float:
        """How many trials may be expected to hit what none has hit: c of method (27)."""
        return missed_trials(self.least_share, self.trials)

    @cached_property
    def least_share(self) -> float:
        """The least share of a state, or of states that a node responds to together, that the outcome depends on."""
        causes = self.program.upstream([OUTCOME])
        read_nodes = {name for name in causes if name != OUTCOME or self.program.has_feedback or self._is_outcome_drawn}
        possible = self.support.possible
        least_shares: dict[str, Floats] = {
            name: np.where(possible[name], self.state_shares(name), 1.0).min(axis=0)
            for name in read_nodes
            if name in possible
        }
        alone = (float(shares.min()) for shares in least_shares.values())
        together = (_least_joint_share(node, least_shares) for node in map(self.program.nodes.__getitem__, causes))
        return min([1.0, *alone, *together])

    def _transition_limits(self) -> Limits:
        """The limits of the transition matrix: of a row at any of its steps."""
        states = len(self.program.outcome.states)
        low, high = np.ones((states, states)), np.zeros((states, states))
        seen_kinds: set[object] = set()
        for step in range(1, self.program.steps):
            start = self.support.possible[OUTCOME][step - 1]
            law_key = self.support.moves[step].tobytes() if self._is_outcome_drawn else self.support.law_numbers[step]
            if (key := (law_key, start.tobytes())) in seen_kinds:
                continue
            seen_kinds.add(key)
            for target in range(states):
                inside = np.arange(states) == target
                if self._is_outcome_drawn:
                    least, most = _limits_of_drawn(self.support.moves[step], inside)
                else:
                    least, most = self.support.entry_limits(inside, step)
                low[start, target] = np.minimum(low[start, target], least[start])
                high[start, target] = np.maximum(high[start, target], most[start])
        return low, low if self._has_same_law[-1] else high

    def likelihood_limits(self, members: Iterable[int]) -> Limits:
        """The least and the largest probability of some scenarios in a trial at each step, each of shape (steps,)."""
        key = tuple(sorted(members))
        if key not in self._cached_limits:
            limits_of = self._drawn_limits if self._is_outcome_drawn else self.support.probability_limits
            self._cached_limits[key] = limits_of(key)
        return self._cached_limits[key]

    def _drawn_limits(self, members: Iterable[int]) -> Limits:
        """The limits of scenarios of which one is drawn at each step."""
        possible = self.support.possible[OUTCOME]
        return _limits_of_drawn(possible, np.isin(np.arange(possible.shape[1]), list(members)))

    def _first_visit_limits(self, members: Sequence[int]) -> tuple[Floats, Floats, Floats]:
        """The limits of first visits, each of shape (steps,), and of any visit, shape (2,)."""
        low, high, ever = self.support.first_visit_limits(members)
        if self._is_outcome_drawn:  # then a trial has one first visit at most
            low, high = np.floor(low), np.ceil(high)
            ever = np.array([float((low > 0).any()), float((high > 0).any())])
        return np.where(self._has_same_law, high, low), high, ever

    @cached_property
    def _has_same_law(self) -> Truth:
        """Up to which step the outcome's law is the same in all trials, so that carried probabilities must agree."""
        if self.program.has_feedback or self._is_outcome_drawn:
            return np.zeros(self.program.steps, dtype=np.bool_)
        return ~np.logical_or.accumulate(self.support.law_varies)

    # Nodes ------------------------------------------------------------------------------------------------------------

    def states(self, name: str, estimate: Estimate) -> Estimate:
        """The share of each state of a node at each step, shape (steps, states)."""

        def limits() -> Limits:
            possible = self.support.possible[name]
            certain = possible & (possible.sum(axis=1, keepdims=True) == 1)
            return certain.astype(np.float64), possible.astype(np.float64)

        return with_error_floor(estimate, self.trials, limits)

    def values(self, name: str, value: Floats, error: Floats) -> Floats:
        """The errors of a numeric node's mean or quantile at each step, shape (steps,)."""
        node = self.program.nodes[name]
        assert isinstance(node, NumericNode), "states have shares"
        missed = rule_of_three_bound(self.trials)
        if not np.any(error < missed * (node.scale.high - node.scale.low)):
            return error
        low, high = self.support.ranges[name].T
        floor: Floats = np.maximum(error, missed * largest_deviation(value, low, high))
        return floor


def missed_trials(least_share: float, trials: float) -> float:
    """As `LeastErrors.missed_count`, from the least share and the number of independent trials of the run."""
    return MOST_MISSED if least_share * trials < _OFTEN_DRAWN else 1.0


def least_share(program: Program) -> float:
    """As in `LeastErrors`, from a few trials of its own, where those of a run have left no shares of states."""
    program = program.restrict_to(program.upstream([OUTCOME]))  # what follows from the scenarios is not asked about
    sums = simulate(program, Plan.of(_FEW_TRIALS, DEFAULT_SEED, program.draws))
    return LeastErrors(program, sums.trials.sum(), lambda name: state_shares(sums, name)).least_share


def state_shares(sums: ForecastSums, name: str) -> Floats:
    """The shares of a node's states, the scenarios' too, shape (steps, states)."""
    if name != OUTCOME:
        return sums.state_shares(name).value
    shares: Floats = sums.visits.sum(axis=0) / sums.trials.sum()  # with an error it would take twice as much memory
    return shares


def least_standard_error(
    cases: Sequence[tuple[Formula, Formula | None]], program: Program, value: float, effective: float
) -> float:
    """The least standard error of a probability, averaged over cases: events, each given another one or None.

    Args:
        cases: those that were found possible.
        program: in which they are read.
        value: the estimate.
        effective: for how many unweighted trials those stand that agree with what is given, at the least.

    It is 0 where all trials must agree; else by the rule of three, as in `estimates.with_error_floor`.
    """
    if not cases or math.isnan(value):
        return 0.0
    support = Support(program)
    limits_of_cases = [_probability_limits(support, *case) for case in cases]
    low, high = (math.fsum(end) / len(limits_of_cases) for end in zip(*limits_of_cases, strict=True))
    return float(
        rule_of_three_bound(effective) * largest_deviation(np.asarray(value), np.asarray(low), np.asarray(high))
    )


def raise_to_least_error(
    error: float, value: float, case: tuple[Formula, Formula | None], program: Program, effective: float
) -> float:
    """The standard error of a sampled probability, raised to the `least_standard_error` of its single case."""
    if error >= float(rule_of_three_bound(effective)) * max(value, 1.0 - value):
        return error  # it is no constant, and what is possible need not be looked into
    return max(error, least_standard_error([case], program, value, effective))


def _probability_limits(support: Support, event: Formula, given: Formula | None) -> tuple[float, float]:
    """The least and the largest probability of an event in a trial that agrees with what is given."""
    program = support.program
    given_event = All(()) if given is None else given
    if True not in support.truths(All((event, given_event))):
        return 0.0, 0.0
    if True not in support.truths(All((Not(event), given_event))):
        return 1.0, 1.0
    asked_nodes = {atom.node for formula in (event, given_event) for atom in atoms(formula)}
    if asked_nodes != {OUTCOME} or program.has_feedback:
        return 0.0, 1.0
    parts = [part for formula in (event, given_event) for part in timed_parts(formula)]
    if not support.law_varies[: max(part.steps[-1] for part in parts) + 1].any():
        return 0.0, 0.0  # carried along by the same law in all trials
    if given is not None or not isinstance(event, Timed) or len(event.steps) > 1:
        return 0.0, 1.0
    states = np.arange(len(program.outcome.states))
    low, high = support.probability_limits(np.flatnonzero(satisfying_states(event.predicate, len(states))))
    return float(low[event.steps[0]]), float(high[event.steps[0]])


def _least_joint_share(node: Node, least_shares: Mapping[str, Floats]) -> float:
    """The least share of a combination of parents to which a node responds, were they independent."""
    tables = [(term.parents, term.points.any(axis=-1)) for term in node.terms]
    if isinstance(node, CategoricalNode):
        tables.append((node.prior_parents, np.ones(node.prior.shape[:-1], dtype=np.bool_)))
    least = 1.0
    for parents, responds in tables:
        joint = np.ones(())
        for parent in parents:
            is_known = parent.node in least_shares and not parent.edges
            joint = joint[..., None] * (least_shares[parent.node] if is_known else np.ones(parent.size))
        least = min(least, float(joint[responds].min(initial=1.0)))
    return least


def _limits_of_drawn(possible: Truth, inside: Truth) -> Limits:
    """The limits of a set of states of which one is drawn: 0 and 1, unless the set is certain or impossible.

    Args:
        possible: shape (..., states).
        inside: shape (states,), those of the set.
    """
    low, high = ~possible[:, ~inside].any(axis=1), possible[:, inside].any(axis=1)
    return np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)


def extreme_distributions(mean: Floats, low: Floats, high: Floats) -> Floats:
    """Distributions in each of which one cell is as likely or unlikely as it can be; the others share the rest.

    They are those of kinds of trials that may exist and were never drawn, and say what these could make of an estimate
    that is no mean: method (27). Where all trials are of one kind, nothing is added, and the error may be 0.

    Args:
        mean: shape (..., cells), the probabilities of cells that share out all scenarios, on average.
        low: the same shape, the least in any trial.
        high: the largest.

    Returns:
        Shape (2 cells, ..., cells): first the least of each cell, then the largest.
    """
    cells = mean.shape[-1]
    own = np.eye(cells, dtype=np.bool_).reshape(cells, *(1,) * (mean.ndim - 1), cells)
    rest = np.where(own, 0.0, mean)
    total = rest.sum(axis=-1, keepdims=True)
    share = np.divide(rest, total, out=np.where(own, 0.0, np.ones_like(rest) / max(cells - 1, 1)), where=total > 0)

    def with_own_at(ends: Floats) -> Floats:
        return np.where(own, ends, share * (1.0 - np.where(own, ends, 0.0).sum(axis=-1, keepdims=True)))

    return np.concatenate([with_own_at(low), with_own_at(high)])
