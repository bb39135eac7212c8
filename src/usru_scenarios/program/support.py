"""What can happen at all in a program, and what is the same in every trial: method (28).

Parents are combined as if they were independent, so that a state that is called impossible is impossible, while one
that is called possible may yet have probability 0. So also for events: `Support.truths` says which truth values an
event can have.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import (
    Compared,
    Formula,
    Timed,
    Truth,
    atom_truth,
    atoms,
    conjuncts,
    satisfying_states,
    timed_parts,
    truth,
)
from usru_scenarios.program.laws import JUDGEMENTS, Parent, StepLaw, hold_probability, normalise_rows
from usru_scenarios.program.program import CategoricalNode, Floats, NumericNode, Program

Site = tuple[str, int]
"""A node at a step."""

Tables = list[tuple[Floats, tuple[Parent, ...]]]

EITHER = frozenset({False, True})

_MOST_COMBINATIONS = 1 << 14
"""The most combinations of states for which an event is worked out in each."""

_FEW_SCENARIOS = 16
"""Most scenarios for which the limits of their probabilities are kept for later runs: these take time."""

_CACHED_PAIRS = 1 << 22
"""Pairs of scenarios for which what a step makes of them is remembered."""


class _LawCache:
    """Results about laws, shared by all programs that have their nodes.

    Attributes:
        targets: by law, with what can be read of its parents, and the states before: where it can go, and whether it
            differs between trials.
        reachable, set_limits, entry_limits, redraw_weights: by the number of a law of an outcome, what `Support` finds
            of it.
    """

    def __init__(self) -> None:
        self.targets: dict[object, tuple[Truth, bool]] = {}
        self.reachable: dict[object, Truth] = {}
        self.set_limits: dict[object, tuple[float, ...]] = {}
        self.entry_limits: dict[object, tuple[Floats, Floats]] = {}
        self.redraw_weights: dict[int, tuple[Floats, Floats, Floats]] = {}
        self._numbers: dict[object, int] = {}
        self._next_number = 0

    def law_number(self, law: object) -> int:
        """A number that a law has to itself."""
        if law not in self._numbers:
            self._numbers[law] = self._next_number
            self._next_number += 1
        return self._numbers[law]

    def __getstate__(self) -> dict[str, object]:
        """Without the laws, which have nodes in them; their numbers are given to no others."""
        return {**vars(self), "targets": {}, "_numbers": {}}


class Support:
    """The possible states and values of all nodes at all steps.

    Args:
        program: with its interventions; where judgements are drawn, what is possible in some draw is possible.
        observations: what has been observed. Of it the parts that are about a single node with states are used, where
            they stand; conclusions from them about earlier steps are not drawn.
        shared_with: what is possible in a program that has nodes in common with this one: of the same law over the same
            states nothing is worked out twice.

    Attributes:
        possible: by categorical node, the outcome included, shape (steps, states).
        ranges: by numeric node, the least and the largest value, shape (steps, 2).
        varies: by node, shape (steps,), whether it can be in more than one state, or at more than one value.
        moves: where the outcome can go from each scenario, shape (steps, scenarios, scenarios), none at the first step.
        law_varies: shape (steps,), whether the outcome's law at a step differs between trials that have had the same
            scenarios.
        law_numbers: for each step, a number that steps share at which the outcome has the same law and reads the same
            possible states.
    """

    def __init__(
        self, program: Program, observations: Iterable[Formula] = (), shared_with: Support | None = None
    ) -> None:
        self.program = program
        self._cache: _LawCache = _LawCache() if shared_with is None else shared_with._cache  # noqa: SLF001  # what both know
        steps = program.steps
        self.possible: dict[str, Truth] = {}
        self.ranges: dict[str, Floats] = {}
        self.varies: dict[str, Truth] = {name: np.zeros(steps, dtype=np.bool_) for name in program.nodes}
        self._latent_varies: dict[str, Truth] = {}
        for name, node in program.nodes.items():
            if isinstance(node, CategoricalNode):
                self.possible[name] = np.zeros((steps, len(node.states)), dtype=np.bool_)
            else:
                self.ranges[name] = np.zeros((steps, 2))
                self._latent_varies[name] = np.zeros(steps, dtype=np.bool_)
        scenarios = len(program.outcome.states)
        self.moves: Truth = np.zeros((steps, scenarios, scenarios), dtype=np.bool_)
        self.law_varies: Truth = np.zeros(steps, dtype=np.bool_)
        observed = dict(_observed_states(program, observations))
        self._readable_keys: dict[tuple[str, int], bytes] = {}
        self.law_numbers: list[int] = []
        self._reach_numbers: list[int] = []
        for step in range(steps):
            for name, node in program.nodes.items():
                if isinstance(node, CategoricalNode):
                    self._find_states(node, step)
                    if (name, step) in observed:
                        self.possible[name][step] &= observed[name, step]
                    self.varies[name][step] = self.possible[name][step].sum() > 1
                else:
                    self._find_range(node, step)

    def cacheable_findings(self) -> dict[str, object]:
        """The results, those included that a forecast needs of the outcome, for `from_findings` in a later run."""
        states = np.arange(len(self.program.outcome.states))
        for step in range(self.program.steps):
            self._redraw_weights(step)
            if step and len(states) <= _FEW_SCENARIOS:
                for state in states:
                    self.entry_limits(states == state, step)
        if len(states) <= _FEW_SCENARIOS:
            for members in (*([state] for state in states.tolist()), *self.program.groups.values()):
                self.probability_limits(members)
                self.first_visit_limits(members)
        return {name: value for name, value in vars(self).items() if name not in ("program", "_readable_keys")}

    @classmethod
    def from_findings(cls, program: Program, findings: Mapping[str, object]) -> Self:
        """The support of a program from the results of an earlier run."""
        support = cls.__new__(cls)
        vars(support).update(findings, program=program)
        return support

    # Node by node -----------------------------------------------------------------------------------------------------

    def _find_states(self, node: CategoricalNode, step: int) -> None:
        """Find the possible states of a node at a step; the same law over the same states is worked out once."""
        previous = self.possible[node.name][step - 1] if step else None
        parents = [(parent, lag) for parent, lag in sorted(node.links) if step or not lag]
        state = tuple(self._readable_key(parent, step - lag) for parent, lag in parents)
        law = (node, self.program.law_key(node, step), state, bool(step))
        key, known_targets = (law, None if previous is None else previous.tobytes()), self._cache.targets
        if node.name == OUTCOME:
            self.law_numbers.append(self._cache.law_number(law))
            self._reach_numbers.append(self._cache.law_number(key))
        if key not in known_targets:
            known_targets[key] = self._find_targets(self.program.law(node, step), step, previous)
        targets_by_state, varies = known_targets[key]
        start = np.ones(len(targets_by_state), dtype=np.bool_) if previous is None else previous
        self.possible[node.name][step] = targets_by_state[start].any(axis=0)
        if node.name == OUTCOME:
            self.law_varies[step] = varies
            if previous is not None:
                self.moves[step] = targets_by_state & previous[:, None]

    def _readable_key(self, name: str, step: int) -> bytes:
        """A key of what another node can read of this one at a step: states or range, and whether it varies."""
        if (key := (name, step)) not in self._readable_keys:
            possible = self.possible[name][step] if name in self.possible else self.ranges[name][step]
            self._readable_keys[key] = possible.tobytes() + self.varies[name][step].tobytes()
        return self._readable_keys[key]

    def _find_targets(self, law: StepLaw, step: int, previous: Truth | None) -> tuple[Truth, bool]:
        """The possible next states for each previous one, shape (states, states), and whether the law varies."""
        if law.fixed is not None:
            return np.broadcast_to(law.fixed > 0, (law.size, law.size)), False
        prior = self._possible_rows(law.prior, law.prior_parents, step)
        rows: Truth = prior.reshape(-1, law.size) > 0
        can_go = np.zeros((law.size, law.size), dtype=np.bool_)
        if law.persistence is None:
            can_go[:] = rows.any(axis=0)
        else:
            keep = law.persistence.reshape(-1, law.size)
            for state in range(law.size) if previous is None else np.flatnonzero(previous).tolist():
                targets = rows if law.allowed is None else rows & law.allowed[state]
                if (keep[:, state] < 1).any():
                    can_go[state] = targets.any(axis=0)
                can_go[state, state] |= bool((keep[:, state] > 0).any() or not targets.any(axis=1).all())
        return can_go, self._law_varies(law, prior, step)

    def _law_varies(self, law: StepLaw, prior: Floats, step: int) -> bool:
        """Whether a law differs between trials: by what varies of its parents, or by drawn judgements."""
        if self._differs_along_parents(normalise_rows(prior), law.prior_parents, law.name):
            return True
        keep = law.persistence
        if keep is not None and keep.ndim == 2 and bool((keep != keep[:1]).any()):
            return True
        tables = self._point_tables(law, step)
        if any(self._differs_along_parents(points, parents, law.name) for points, parents in tables):
            return True
        return any(
            self.varies[curve.node][step - curve.lag]
            and bool(np.any(points != (points[..., :1, :] if curve.points.ndim == 2 else points[:1, :1])))
            for curve in law.curves
            for points in [_relative_points(curve.points, law.size, holds=law.persistence is not None)]
        )

    def _differs_along_parents(self, table: Floats, parents: Sequence[Parent], own_name: str) -> bool:
        """Whether a table, cut down to what is possible, differs along a parent other than the own past."""
        others = [axis for axis, parent in enumerate(parents) if not (parent.node == own_name and parent.lag)]
        return any(_differs_along(table, axis) for axis in others)

    def _point_tables(self, law: StepLaw, step: int) -> Iterator[tuple[Floats, tuple[Parent, ...]]]:
        """The points of each term that can be read, as differences between states, with the parents."""
        for term in law.terms:
            points = self._possible_rows(term.points, term.parents, step)
            yield _relative_points(points, law.size, holds=law.persistence is not None), term.parents

    def _possible_rows(
        self, table: Floats, parents: Sequence[Parent], step: int, known: tuple[Parent, int] | None = None
    ) -> Floats:
        """The rows of a table that possible states of the parents can read; of one parent the state may be known."""
        for axis, parent in enumerate(parents):
            if known is not None and parent == known[0]:
                table = table.take([known[1]], axis=axis)
            elif parent.node != JUDGEMENTS:
                table = table.take(self.possible_indices(parent, step - parent.lag), axis=axis)
        return table

    def possible_indices(self, parent: Parent, step: int) -> npt.NDArray[np.intp]:
        """Which states of a parent, or which parts of its scale, are possible: shape (indices,), rising."""
        if not parent.edges:
            return np.flatnonzero(self.possible[parent.node][step])
        low, high = (sum(end >= edge for edge in parent.edges) for end in self.ranges[parent.node][step])
        return np.arange(low, high + 1)

    def _find_range(self, node: NumericNode, step: int) -> None:
        """Find the range of a numeric node at a step."""
        name, shift = node.name, self._latent_shift(node, step)
        latent_varies = self._latent_varies[name]
        if step:
            latent_varies[step] = latent_varies[step - 1] or bool(np.any(node.persistence < 1))
        else:
            latent_varies[step] = node.initial is None or bool(node.initial.ndim) or shift is None
        ends = np.array([node.scale.values.min(), node.scale.values.max()])
        if not math.isnan(node.imposed[step]):
            self.ranges[name][step] = node.imposed[step]
        elif node.initial is not None and not step:
            self.ranges[name][step] = node.initial.min(), node.initial.max()
            self.varies[name][step] = bool(node.initial.ndim)
        else:
            self.varies[name][step] = bool(latent_varies[step] or shift is None or node.scale.values.ndim > 1)
            self.ranges[name][step] = ends
            if not self.varies[name][step] and node.initial is not None:
                shift_since_start = (shift or 0.0) - (self._latent_shift(node, 0) or 0.0)
                latent_value = np.atleast_1d(node.scale.latent(node.initial) + shift_since_start)
                self.ranges[name][step] = node.scale(latent_value)[0]

    def _latent_shift(self, node: NumericNode, step: int) -> float | None:
        """The shift of a numeric node's latent normal at a step; None where it differs between trials."""
        window = node.windows[..., step]
        if window.ndim or node.sd_per_point.ndim:
            return None
        points = float(window)
        for term in node.terms:
            if step or not any(parent.lag for parent in term.parents):
                points_row = self._possible_rows(term.points, term.parents, step)
                if points_row.size == 0 or bool(np.any(points_row != points_row.flat[0])):
                    return None
                points += float(points_row.flat[0])
        for curve in node.curves:
            if step or not curve.lag:
                if curve.points.ndim > 2 or self.varies[curve.node][step - curve.lag]:
                    return None
                low = self.ranges[curve.node][step - curve.lag][0]
                points += float(np.interp(low, curve.knots, curve.points[:, 0]))
        return points * float(node.sd_per_point)

    # The outcome's probability in any trial ---------------------------------------------------------------------------

    def probability_limits(self, members: Iterable[int]) -> tuple[Floats, Floats]:
        """The least and the largest probability that trials can give to a set of scenarios: each of shape (steps,).

        Where the outcome is carried along the drivers, that is its probability given all of them; where it feeds back
        and is drawn, its probability one step ahead. Where all trials agree, both are the same value within the ends of
        method (28).
        """
        inside = np.isin(np.arange(len(self.program.outcome.states)), list(members))
        low, high = np.zeros(self.program.steps), np.zeros(self.program.steps)
        for step in range(self.program.steps):
            before = self.possible[OUTCOME][step - 1] if step else np.ones_like(inside)
            stay_low, stay_high, come_low, come_high = self._set_limits(inside, step, before)
            if step == 0 or self.program.has_feedback or not (before & inside).any() or not (before & ~inside).any():
                low[step], high[step] = min(stay_low, come_low), max(stay_high, come_high)
                continue
            ends = low[step - 1], high[step - 1]
            low[step] = min(end * stay_low + (1.0 - end) * come_low for end in ends)
            high[step] = max(end * stay_high + (1.0 - end) * come_high for end in ends)
        return low if self.program.has_feedback else np.where(self.carried_varies, low, high), high

    def first_visit_limits(self, members: Iterable[int]) -> tuple[Floats, Floats, Floats]:
        """The limits of the probability that a step is the first visit of a set of scenarios, and of any visit.

        Returns the least and the largest probability by step, each of shape (steps,), and of `ever`, shape (2,). Where
        the outcome feeds back, a trial adds up what is read one step ahead, which may come to more than 1.
        """
        inside = np.isin(np.arange(len(self.program.outcome.states)), list(members))
        low, high = np.zeros(self.program.steps), np.zeros(self.program.steps)
        unvisited = np.ones(2)  # the least and the largest probability of not having been there
        before = np.ones_like(inside)  # where a trial can be that has not been there
        for step in range(self.program.steps):
            if before.any():
                stay_low, stay_high, come_low, come_high = self._set_limits(inside, step, before)
                entering = np.array([min(stay_low, come_low), max(stay_high, come_high)])
                low[step], high[step] = unvisited * entering
                staying = 1.0 - entering[::-1]
                unvisited = unvisited * (
                    np.array([staying[0] >= 1.0, staying[1] > 0.0]) if self.program.has_feedback else staying
                )
            reached = self._reachable_from(before, step) if step else self.possible[OUTCOME][0]
            before = reached & ~inside & self.possible[OUTCOME][step]
        ever = np.array([low.sum(), high.sum()]) if self.program.has_feedback else 1.0 - unvisited[::-1]
        return low, high, ever if before.any() or self.program.has_feedback else np.ones(2)

    def _reachable_from(self, before: Truth, step: int) -> Truth:
        """The scenarios that a step can lead to from some others, each of shape (scenarios,)."""
        key = self._reach_numbers[step], before.tobytes()
        if key not in self._cache.reachable:
            self._cache.reachable[key] = self.moves[step][before].any(axis=0)
        return self._cache.reachable[key]

    def _set_limits(self, inside: Truth, step: int, before: Truth) -> tuple[float, ...]:
        """The least and the largest probability of staying in a set, and of coming into it, from where trials may be.

        Where no trial is within, or none outside, the ends are those that no trial changes: 1 and 0. Steps that have
        the same law, read with the same states, share what is found.
        """
        key = self.law_numbers[step], inside.tobytes(), before.tobytes()
        if key not in self._cache.set_limits:
            least, most = self.entry_limits(inside, step)
            parts = (before & inside, before & ~inside)
            ends = [(least[part].min(initial=1.0), most[part].max(initial=0.0)) for part in parts]
            self._cache.set_limits[key] = tuple(float(end) for pair in ends for end in pair)
        return self._cache.set_limits[key]

    def entry_limits(self, inside: Truth, step: int) -> tuple[Floats, Floats]:
        """The least and the largest probability of a set of scenarios after a step, given the scenario before it.

        The set and both probabilities are of shape (scenarios,).
        """
        key = self.law_numbers[step], inside.tobytes()
        if key not in self._cache.entry_limits:
            low, high, keep = self._redraw_weights(step)
            in_low, in_high = (part[:, inside].sum(axis=1) for part in (low, high))
            out_low, out_high = (part[:, ~inside].sum(axis=1) for part in (low, high))
            least = np.divide(in_low, in_low + out_high, out=np.zeros_like(in_low), where=in_low + out_high > 0)
            most = np.divide(in_high, in_high + out_low, out=np.zeros_like(in_low), where=in_high + out_low > 0)
            ends = [keep[end] * inside + (1.0 - keep[end]) * share for share in (least, most) for end in (0, 1)]
            self._cache.entry_limits[key] = np.minimum(*ends[:2]), np.maximum(*ends[2:])
        return self._cache.entry_limits[key]

    def _redraw_weights(self, step: int) -> tuple[Floats, Floats, Floats]:
        """For each scenario before a step, the least and the largest weight of each in a redraw, and of being kept.

        Shapes (scenarios, scenarios) twice, and (2, scenarios).
        """
        if (law_number := self.law_numbers[step]) not in self._cache.redraw_weights:
            if len(self._cache.redraw_weights) * len(self.program.outcome.states) ** 2 > _CACHED_PAIRS:
                self._cache.redraw_weights.clear()
            outcome = self.program.outcome
            law, size = self.program.law(outcome, step), len(outcome.states)
            before, terms = range(size if step else 1), () if law.fixed is not None else (law.prior_term(), *law.terms)
            tables = [(term.points, term.parents) for term in terms]
            reads_itself = law.previous_state in {parent for _, parents in tables for parent in parents}
            read_states = before if reads_itself else range(1)
            limits = [self._log_weight_limits(law, tables, state, step) for state in read_states]
            by_state = [_weights_from_state(law, limits[state if reads_itself else 0], state) for state in before]
            rows = by_state if reads_itself or law.allowed is not None else by_state[:1]  # else alike
            low, high = (np.stack([np.broadcast_to(row[part], (size,)) for row in rows]) for part in (0, 1))
            keep = np.broadcast_to(np.array([row[2] for row in by_state]).T, (2, size))
            shape = (size, size)
            self._cache.redraw_weights[law_number] = np.broadcast_to(low, shape), np.broadcast_to(high, shape), keep
        return self._cache.redraw_weights[law_number]

    def _log_weight_limits(self, law: StepLaw, tables: Tables, state: int, step: int) -> tuple[Floats, Floats]:
        """The least and the largest log-weights, and log-odds of keeping, from an own state before."""
        low, high = law.offset, law.offset
        for table, parents in tables:
            rows = self._possible_rows(table, parents, step, (law.previous_state, state)).reshape(-1, law.size + 1)
            low, high = low + rows.min(axis=0), high + rows.max(axis=0)
        for curve in law.curves:
            rows = curve.points.reshape(-1, law.size + 1)
            low, high = low + rows.min(axis=0), high + rows.max(axis=0)
        return low, high

    # Questions --------------------------------------------------------------------------------------------------------

    def outcome_depends_on(self, name: str) -> bool:
        """Whether the outcome's law depends on a node at any step."""
        laws = (self.program.law(self.program.outcome, step) for step in range(self.program.steps))
        return any(self._law_depends_on(law, name, step) for step, law in enumerate(laws))

    def _law_depends_on(self, law: StepLaw, name: str, step: int) -> bool:
        if law.fixed is not None:
            return False
        prior = self._possible_rows(law.prior, law.prior_parents, step)
        return any(curve.node == name for curve in law.curves) or any(
            parent.node == name and _differs_along(table, axis)
            for table, parents in ((prior, law.prior_parents), *self._point_tables(law, step))
            for axis, parent in enumerate(parents)
        )

    @cached_property
    def carried_varies(self) -> Truth:
        """Whether the outcome's probability, carried along drawn trials, differs between them: shape (steps,)."""
        varies: Truth = self.law_varies.copy()
        for step in range(1, self.program.steps):
            law = self.program.law(self.program.outcome, step)
            reads_itself = law.persistence is not None or any(law.previous_state in term.parents for term in law.terms)
            varies[step] |= reads_itself and law.fixed is None and varies[step - 1]
        return varies

    def truths(self, event: Formula) -> frozenset[bool]:
        """The truth values that an event can have: both where neither is impossible, or that can't be told.

        Raises:
            ValueError: an atom does not stand within a time.
        """
        parts = list(timed_parts(event))
        domains = self._domains((step, part.predicate) for part in parts for step in part.steps)
        if math.prod(map(len, domains.values())) <= _MOST_COMBINATIONS:
            values = _combinations(domains)
            return _truth_values(truth(event, lambda part: _timed_truth(part, values)))
        can: dict[Formula, Sequence[Any]] = {part: sorted(self._part_truths(part)) for part in parts}
        if math.prod(map(len, can.values())) > _MOST_COMBINATIONS:
            return EITHER
        flags = _combinations(can)
        return _truth_values(truth(event, lambda part: flags[part]))

    def _part_truths(self, part: Timed) -> frozenset[bool]:
        """The truth values of a timed predicate, each step by itself."""
        at_steps = []
        for step in part.steps:
            domains = self._domains([(step, part.predicate)])
            is_small = math.prod(map(len, domains.values())) <= _MOST_COMBINATIONS
            truths = _predicate_truth(step, part.predicate, _combinations(domains)) if is_small else np.array([*EITHER])
            at_steps.append(_truth_values(truths))
        decisive = part.mode != "always"  # one step with this truth value decides, all others have to agree
        can_decide = any(decisive in truths for truths in at_steps)
        can_agree = all((not decisive) in truths for truths in at_steps)
        return frozenset(({decisive} if can_decide else set()) | ({not decisive} if can_agree else set()))

    def _domains(self, asked: Iterable[tuple[int, Formula]]) -> dict[Site, Sequence[Any]]:
        """The possible states of each node that predicates ask about, or values from each part of its range."""
        ends: dict[Site, set[float]] = {}
        for step, predicate in asked:
            for atom in atoms(predicate):
                ends.setdefault((atom.node, step), set()).update([atom.value] if isinstance(atom, Compared) else [])
        return {site: self._domain(site, values) for site, values in ends.items()}

    def _domain(self, site: Site, ends: set[float]) -> Sequence[Any]:
        name, step = site
        if name in self.possible:
            return np.flatnonzero(self.possible[name][step]).tolist()
        low, high = self.ranges[name][step].tolist()
        edges = sorted({low, high, *(value for value in ends if low < value < high)})
        return [*edges, *((edge + next_edge) / 2 for edge, next_edge in pairwise(edges))]


def _weights_from_state(
    law: StepLaw, ends: tuple[Floats, Floats], state: int
) -> tuple[Floats, Floats, tuple[float, float]]:
    """The least and the largest weights in a redraw from a state, and the least and the largest chance to keep it."""
    if law.fixed is not None:
        return law.fixed, law.fixed, (0.0, 0.0)
    largest = ends[1][: law.size].max()
    low, high = (np.exp(end[: law.size] - (largest if math.isfinite(largest) else 0.0)) for end in ends)
    if law.persistence is None:
        return low, high, (0.0, 0.0)
    if law.allowed is not None:
        low, high = low * law.allowed[state], high * law.allowed[state]
    keep = law.persistence.reshape(-1, law.size)[:, state]
    holds = float(hold_probability(keep.min(), ends[0][-1])), float(hold_probability(keep.max(), ends[1][-1]))
    # Where nothing is left to go to, the scenario is kept.
    return low, high, (holds[0] if high.any() else 1.0, holds[1] if low.any() else 1.0)


def _differs_along(table: Floats, axis: int) -> bool:
    return bool(np.any(table != table.take([0], axis=axis)))


def _relative_points(points: Floats, size: int, *, holds: bool) -> Floats:
    """Points of states as differences to the first one's, since only these matter; and of `hold`, where it acts."""
    states = points[..., :size] - points[..., :1]
    return np.concatenate([states, points[..., size:]], axis=-1) if holds else states


def _observed_states(program: Program, seen: Iterable[Formula]) -> Iterator[tuple[Site, Truth]]:
    """The states that observations of single nodes leave possible."""
    possible: dict[Site, Truth] = {}
    for part in (conjunct for formula in seen for conjunct in conjuncts(formula)):
        asked_nodes = {atom.node for atom in atoms(part)}
        if not isinstance(part, Timed) or len(asked_nodes) != 1 or (part.mode == "ever" and len(part.steps) > 1):
            continue
        node = program.nodes[next(iter(asked_nodes))]
        if isinstance(node, CategoricalNode):
            inside = satisfying_states(part.predicate, len(node.states))
            for step in part.steps:
                possible[node.name, step] = possible.get((node.name, step), True) & inside
    yield from possible.items()


def _combinations(domains: Mapping[Any, Sequence[Any]]) -> dict[Any, npt.NDArray[Any]]:
    """All combinations of some choices: each one's values on an axis of its own."""
    axes = len(domains)
    return {
        name: np.asarray(values).reshape([-1 if axis == place else 1 for axis in range(axes)])
        for place, (name, values) in enumerate(domains.items())
    }


def _truth_values(truths: Truth) -> frozenset[bool]:
    return frozenset(np.unique(truths).tolist())


def _predicate_truth(step: int, predicate: Formula, values: Mapping[Site, npt.NDArray[Any]]) -> Truth:
    """The truth of a predicate at a step, of the shape that the values broadcast to."""
    return truth(predicate, lambda atom: atom_truth(atom, values[atom.node, step]))


def _timed_truth(part: Timed, values: Mapping[Site, npt.NDArray[Any]]) -> Truth:
    """The truth of a timed predicate, of the shape that the values broadcast to."""
    first, *others = (_predicate_truth(step, part.predicate, values) for step in part.steps)
    for other in others:
        first = first & other if part.mode == "always" else first | other
    return first
