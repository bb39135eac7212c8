"""Exact inference: probabilities without sampling, where a model is small enough for it.

A question is answered by one or more forward passes over the joint table of the variables that must be remembered
(`passes`), whose laws come from the same compiled program as the sampler's (`discretize`), with the events that are
asked about followed in channels of that table (`formula_states`). What a pass takes is predicted from the sizes of its
tables before anything starts, and a question beyond the bound is refused with both figures, memory and time.

Events that depend on the same nodes share a pass; one whose tables would not fit is taken apart, down to single events
and, with numeric nodes, to parts of their quadrature.

Of a program with values for many draws of its uncertain judgements everything is found in each draw. The draws are one
more variable of the joint table, so that a pass over all of them takes as many calls as one over a single draw; they
are taken in portions whose tables stay small.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, reduce
from typing import TypeVar

import numpy as np

from usru_scenarios.exact.discretize import DiscretizedModel, EffectiveLaws, NotExact
from usru_scenarios.exact.passes import ForwardPass, PassAnswer, PassQuestion
from usru_scenarios.exact.quadrature import NodeDistribution
from usru_scenarios.exact.variable_elimination import NO_COST, ContractionCost
from usru_scenarios.light_dataclasses import dataclass, field, replace
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import UsruError
from usru_scenarios.program.events import Formula, InStates, Timed, atoms
from usru_scenarios.program.program import CategoricalNode, Floats, Program
from usru_scenarios.work import NO_LISTENER, Listener

__all__ = [
    "DEFAULT_BOUND",
    "Bound",
    "ContractionCost",
    "ExactForecast",
    "ExactValues",
    "NotExact",
    "NothingObservedError",
    "TooLarge",
    "forecast",
    "is_possible",
    "predict_cost",
    "probabilities",
    "probabilities_by_draw",
    "require_feasible",
]


Thing = TypeVar("Thing")
Solved = TypeVar("Solved")


@dataclass(frozen=True)
class Bound:
    """What an exact computation may take: entries of its largest table, and operations."""

    entries: int = 1 << 24
    operations: int = 50_000_000_000

    def admits(self, needed: ContractionCost) -> bool:
        """Whether a computation stays within."""
        return needed.entries <= self.entries and needed.operations <= self.operations


DEFAULT_BOUND = Bound()
"""Tables of 16.8 million entries (134 MB each), and 50,000 million operations (100 seconds at the fixed rate)."""


class TooLarge(UsruError):  # noqa: N818  # a public name
    """An exact computation that is beyond the bound.

    Attributes:
        cost: what it takes; where the smallest part of the question is beyond the bound already, what that takes.
        bound: what it may take.
    """

    exit_status = 2

    def __init__(self, needed: ContractionCost, bound: Bound) -> None:
        self.cost = needed
        self.bound = bound
        memory = _format_amount(float(needed.memory), "bytes", _BYTES)
        time = _format_amount(needed.seconds, "seconds", _SECONDS)
        longest = _format_amount(ContractionCost(bound.entries, 0, bound.operations).seconds, "seconds", _SECONDS)
        super().__init__(
            f"exact inference is too large here: it needs at least {memory} of memory (a table of {needed.entries:,}"
            f" entries, where the bound is {bound.entries:,}) and {time} (where the bound is {longest})"
        )


class NothingObservedError(UsruError):
    """The observation has no probability that a float holds: it is impossible, or next to it."""


_BYTES = tuple((1000.0, 1000.0, unit) for unit in ("kB", "MB", "GB", "TB", "PB"))
_SECONDS = ((120.0, 60.0, "minutes"), (120.0, 60.0, "hours"), (48.0, 24.0, "days"), (730.0, 365.0, "years"))
"""Units that follow on a smaller one: from how many of that on they are used, and how many of it they are."""


def _format_amount(amount: float, unit: str, larger_units: Iterable[tuple[float, float, str]]) -> str:
    for least, size, larger_unit in larger_units:
        if amount < least:
            break
        amount, unit = amount / size, larger_unit
    return f"{amount:,.3g} {unit}" if amount < 1e5 else f"{amount:.1e} {unit}"


@dataclass(frozen=True)
class _InferenceRequest:
    """What is asked of a program: the probabilities of events or, without any, a forecast, given what is observed."""

    events: tuple[Formula, ...]
    given: Formula | None = None
    bound: Bound = DEFAULT_BOUND


# Probabilities -------------------------------------------------------------------------------------------------------


def predict_cost(
    program: Program, events: Sequence[Formula] = (), *, given: Formula | None = None, bound: Bound = DEFAULT_BOUND
) -> ContractionCost:
    """What `probabilities` of some events takes, or `forecast` where none are named, predicted without computing.

    Raises:
        NotExact: see `probabilities`.
    """
    return _plan_portions(program, _InferenceRequest(tuple(events), given, bound))[1]


def require_feasible(program: Program, events: Sequence[Formula]) -> None:
    """Find out whether the probabilities of events can be had, without computing any.

    Raises:
        TooLarge, NotExact: see `probabilities`.
    """
    _require_within_bound(program, _InferenceRequest(tuple(events)))


def probabilities(
    program: Program, events: Sequence[Formula], *, bound: Bound = DEFAULT_BOUND, progress: Listener = NO_LISTENER
) -> list[float]:
    """The probabilities of events on the path, whose atoms all stand within a `Timed`.

    A conditional probability P(A | B) is that of `All((A, B))` over that of B: ask for both at once, and they share
    the work.

    Raises:
        TooLarge: it would take more than the bound.
        NotExact: a numeric node that matters moves along several steps.
        ValueError: an event's time is off the grid, or an atom stands outside of any time.
    """
    values: list[float] = probabilities_by_draw(program, events, bound=bound, progress=progress).mean(axis=1).tolist()
    return values


def probabilities_by_draw(
    program: Program, events: Sequence[Formula], *, bound: Bound = DEFAULT_BOUND, progress: Listener = NO_LISTENER
) -> Floats:
    """The probabilities of events in each draw of the judgements, shape (events, draws); without any, (events, 1).

    Raises:
        TooLarge, NotExact, ValueError: see `probabilities`.
    """
    if not events:
        return np.zeros((0, max(program.draws, 1)))
    request = _InferenceRequest(tuple(events), bound=bound)
    return np.concatenate([*_solve_portions(program, request, _portion_probabilities, progress)], axis=1)


def _portion_probabilities(planner: _Planner, request: _InferenceRequest) -> Floats:
    """The probabilities of events in each draw of a portion, shape (events, draws)."""
    by_event: dict[Formula, Floats] = {}
    for forward_pass, answer in planner.answers(request, by_step=False):
        by_event.update(zip(forward_pass.question.events, np.clip(answer.decided.sum(axis=2), 0.0, 1.0), strict=True))
    return np.stack([np.broadcast_to(by_event[event], planner.draws) for event in request.events])


def is_possible(program: Program, event: Formula) -> bool:
    """Whether an event comes true on some path of positive probability, even of one that no float holds.

    Raises:
        TooLarge, NotExact, ValueError: see `probabilities`.
    """
    request = _InferenceRequest((event,))
    portions = _require_within_bound(program, request)
    return any(one_pass.is_possible() for portion in portions for one_pass in portion.passes(request))


def _group_by_nodes(depends: Mapping[Thing, frozenset[str]]) -> list[list[Thing]]:
    """Things together with the first one whose nodes include theirs, those with most nodes first."""
    groups: list[tuple[frozenset[str], list[Thing]]] = []
    for thing, nodes in sorted(depends.items(), key=lambda item: -len(item[1])):
        home = next((things for group_nodes, things in groups if nodes <= group_nodes), None)
        if home is None:
            groups.append((nodes, [thing]))
        else:
            home.append(thing)
    return [things for _, things in groups]


# Passes --------------------------------------------------------------------------------------------------------------


def _total_cost(passes: Iterable[ForwardPass]) -> ContractionCost:
    return reduce(ContractionCost.then, (one_pass.cost for one_pass in passes), NO_COST)


@dataclass
class _Planner:
    """Plans passes over a program, and knows the last ones again; an answer is worked out anew each time."""

    laws: EffectiveLaws
    cached_passes: dict[_InferenceRequest, list[ForwardPass]] = field(default_factory=dict)
    cached_portions: tuple[int, list[_Planner]] = (0, [])

    @property
    def draws(self) -> int:
        """For how many draws of the judgements there are answers; 1 where none is drawn."""
        return max(self.laws.program.draws, 1)

    def passes(self, request: _InferenceRequest) -> list[ForwardPass]:
        """The passes that answer what is asked."""
        if request in self.cached_passes:
            return self.cached_passes[request]
        if request.events:
            upstream = self.laws.program.upstream
            nodes = {event: upstream(atom.node for atom in atoms(event)) for event in request.events}
            questions = [PassQuestion(events=tuple(group)) for group in _group_by_nodes(nodes)]
        else:
            questions = _forecast_questions(self.laws, request.given)
        passes = _plan_passes(self.laws, questions, request.bound)
        if _total_cost(passes).memory <= _MOST_CACHED_BYTES:
            if len(self.cached_passes) >= _MOST_QUESTIONS:
                self.cached_passes.pop(next(iter(self.cached_passes)))
            self.cached_passes[request] = passes
        return passes

    def answers(self, request: _InferenceRequest, *, by_step: bool = True) -> Iterator[tuple[ForwardPass, PassAnswer]]:
        """Passes whose questions make up the one asked, each with the answer, as `ForwardPass.run`."""
        by_question: dict[PassQuestion, tuple[ForwardPass, PassAnswer]] = {}
        for forward_pass in self.passes(request):
            answer = forward_pass.run(by_step=by_step)
            if (previous := by_question.get(forward_pass.question)) is not None:
                answer = previous[1].add(answer)
            by_question[forward_pass.question] = forward_pass, answer
        yield from by_question.values()

    def portions(self, size: int) -> list[_Planner]:
        """Planners of the program for at most so many draws each, in order; the last ones made are remembered."""
        program = self.laws.program
        if size >= self.draws:
            return [self]
        if self.cached_portions[0] != size:
            ranges = [range(first, min(first + size, self.draws)) for first in range(0, self.draws, size)]
            self.cached_portions = size, [_Planner(EffectiveLaws(program.select_draws(draws))) for draws in ranges]
        return self.cached_portions[1]


_MOST_PROGRAMS = 4
"""Programs whose passes are remembered."""
_MOST_QUESTIONS = 16
"""Questions of each program whose passes are remembered."""
_MOST_CACHED_BYTES = 32_000_000
"""Passes that take more bytes than this are not remembered: next to running them, planning them is nothing."""


@lru_cache(maxsize=_MOST_PROGRAMS)
def _cached_planner(program: Program) -> _Planner:
    return _Planner(EffectiveLaws(program))


_PORTION_ENTRIES = 1 << 18
"""Draws of the judgements are taken in portions whose largest table has no more entries, where there is such a way."""


def _plan_portions(program: Program, request: _InferenceRequest) -> tuple[list[_Planner], ContractionCost]:
    """Planners for a question, of the whole program or of portions of its draws, and what they take together.

    That is told from the first portion: the others are no larger.
    """
    planner, size, most = _cached_planner(program), program.draws, min(_PORTION_ENTRIES, request.bound.entries)
    portions = [planner]
    while (cost := _total_cost(portions[0].passes(request))).entries > most and size > 1:
        size = max(min(size // 2, size * most // cost.entries), 1)
        portions = planner.portions(size)
    return portions, replace(cost, operations=cost.operations * len(portions))


def _require_within_bound(program: Program, request: _InferenceRequest) -> list[_Planner]:
    """Planners for a question that is within its bound.

    Raises:
        TooLarge: it would take more.
    """
    portions, needed = _plan_portions(program, request)
    if not request.bound.admits(needed):
        raise TooLarge(needed, request.bound)
    return portions


def _solve_portions(
    program: Program,
    request: _InferenceRequest,
    solve: Callable[[_Planner, _InferenceRequest], Solved],
    progress: Listener,
) -> Iterator[Solved]:
    """Solve each portion of a question that is within its bound.

    Raises:
        TooLarge: it would take more.
    """
    portions = _require_within_bound(program, request)
    seconds_per_portion = _total_cost(portions[0].passes(request)).seconds
    for portion in portions:
        with progress.unmapped_work(seconds_per_portion):
            solution = solve(portion, request)
        yield solution


def _plan_passes(laws: EffectiveLaws, questions: Sequence[PassQuestion], bound: Bound) -> list[ForwardPass]:
    """Passes that answer the questions, each within the bound on size, or else the one that can't be brought there."""
    passes: list[ForwardPass] = []
    unplanned = list(questions)
    while unplanned:
        question = unplanned.pop(0)
        one_pass = _make_pass(laws, question)
        if one_pass.cost.entries <= bound.entries:
            passes.append(one_pass)
        elif halves := question.split():
            unplanned[:0] = halves
        elif parts := _split_quadrature(laws, one_pass, bound):
            passes += parts
        else:
            return [one_pass]
    return passes


def _make_pass(laws: EffectiveLaws, question: PassQuestion, part: tuple[str, slice] | None = None) -> ForwardPass:
    if question.given is None:
        return ForwardPass(laws, question, part)
    from usru_scenarios.exact.smoothing import Smoothing

    return Smoothing(laws, question, part)


def _split_quadrature(laws: EffectiveLaws, one_pass: ForwardPass, bound: Bound) -> list[ForwardPass]:
    """Passes over parts of the widest quadrature, each within the bound on entries; none where there is no such way."""
    if one_pass.widest_latent is None:
        return []
    points = len(one_pass.widest_latent.points)
    count = min(points, -(-one_pass.cost.entries // bound.entries))
    while True:
        size = -(-points // count)
        slices = [slice(first, min(first + size, points)) for first in range(0, points, size)]
        if _make_pass(laws, one_pass.question, (one_pass.widest_latent.name, slices[0])).cost.entries <= bound.entries:
            return [_make_pass(laws, one_pass.question, (one_pass.widest_latent.name, part)) for part in slices]
        if count == points:
            return []
        count = min(points, 2 * count)


# The forecast --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ExactValues:
    """Where a numeric node stands at each step.

    Attributes:
        mean: shape (steps,); where judgements are drawn, (draws, steps).
        distributions: for each step, its distribution given some variables, and their joint distribution in each draw,
            shape (draws, size of each variable ...), one draw where none is drawn, times how much the draw counts.
    """

    mean: Floats
    distributions: tuple[tuple[NodeDistribution, Floats], ...]

    def quantile(self, share: float | Floats) -> Floats:
        """The value that is not exceeded with probability `share` over all draws, shape (steps,).

        It has no error of discretisation where the node's latent normal is independent of what moves it, and a small
        one where the node's own past comes back to it. The share is one for all steps, or of shape (steps,).
        """
        shares = np.broadcast_to(share, len(self.distributions)).tolist()
        pairs = zip(self.distributions, shares, strict=True)
        return np.array([spread.quantile(own_share, joints.mean(axis=0)) for (spread, joints), own_share in pairs])

    def below(self, values: Floats) -> Floats:
        """The probability of not exceeding values, shape (steps,), in each draw: shape (draws, steps)."""
        columns = []
        for (spread, joints), value in zip(self.distributions, values.tolist(), strict=True):
            flat = joints.reshape(len(joints), -1)
            below = (joints * spread.below_given(value, joints.ndim - 1)).reshape(flat.shape).sum(axis=1)
            columns.append(_share_of(below, flat.sum(axis=1)))
        return np.array(columns).T


@dataclass(frozen=True)
class ExactForecast:
    """All that a simulation reports, exactly; states, scenarios and groups in the program's order.

    Where judgements are drawn, all arrays have an axis for the draws before their own: in each draw, what follows if
    its values of the judgements are the right ones.

    Attributes:
        scenarios: shape (steps, scenarios), the probability of each at each step.
        ever: shape (scenarios + groups,), that it is visited at some step.
        first_visit: shape (steps, scenarios + groups), that a step is the first visit.
        transitions: shape (scenarios, scenarios), sums over the steps of P(a at t, b at t + 1); under observations
            of that and what is observed, on any scale.
        shares: for every other categorical node, shape (steps, states).
        values: for every numeric node.
        weights: shape (draws,), how likely what is observed is in each draw, 1 in the mean; nothing follows from a draw
            in which it does not happen. 1 where nothing is observed.
    """

    scenarios: Floats
    ever: Floats
    first_visit: Floats
    transitions: Floats
    shares: dict[str, Floats]
    values: dict[str, ExactValues]
    weights: Floats


def forecast(
    program: Program, *, given: Formula | None = None, bound: Bound = DEFAULT_BOUND, progress: Listener = NO_LISTENER
) -> ExactForecast:
    """Everything that a simulation of the program estimates, of the trials in which `given` comes true if it is named.

    Raises:
        NothingObservedError: what is given does not come true.
        TooLarge, NotExact: see `probabilities`.
    """
    portions = list(_solve_portions(program, _InferenceRequest((), given, bound), _portion_forecast, progress))
    scales = np.exp([log_scale - max(log_scale for _, log_scale in portions) for _, log_scale in portions])
    forecasts = [part for part, _ in portions]
    weights = np.concatenate([part.weights * scale for part, scale in zip(forecasts, scales, strict=True)])
    if not weights.any():
        raise NothingObservedError("the observation is impossible")
    counts = [part.weights.mean() * scale / weights.mean() for part, scale in zip(forecasts, scales, strict=True)]

    def join_portions(parts: Iterable[Floats]) -> Floats:
        """The arrays of the portions in one, which has an axis for the draws where there are any."""
        joined = np.concatenate(list(parts))
        return joined if program.draws else joined[0]

    return ExactForecast(
        scenarios=join_portions(part.scenarios for part in forecasts),
        ever=join_portions(part.ever for part in forecasts),
        first_visit=join_portions(part.first_visit for part in forecasts),
        transitions=join_portions(part.transitions * count for part, count in zip(forecasts, counts, strict=True)),
        shares={name: join_portions(part.shares[name] for part in forecasts) for name in forecasts[0].shares},
        values={
            name: ExactValues(
                join_portions(part.values[name].mean for part in forecasts),
                _join_distributions(forecasts, counts, name),
            )
            for name in forecasts[0].values
        },
        weights=weights / weights.mean(),
    )


def _portion_forecast(planner: _Planner, request: _InferenceRequest) -> tuple[ExactForecast, float]:
    """The forecast in each draw of a portion, the weights on a scale of their own, and the logarithm of that scale.

    All arrays have an axis for the draws before their own, of size 1 where none is drawn.
    """
    program, draws, given = planner.laws.program, planner.draws, request.given
    visit_events: dict[Formula, frozenset[int]] = {
        _visit_event(program, members): members for members in _scenario_sets(program)
    }
    first_by_set: dict[frozenset[int], Floats] = {}
    unvisited_by_set: dict[frozenset[int], Floats] = {}
    transitions = np.zeros((draws, *(len(program.outcome.states),) * 2))
    shares: dict[str, Floats] = {}
    values: dict[str, ExactValues] = {}
    is_possible_draw, weights, log_scale = np.ones(draws, dtype=np.bool_), np.ones(1), 0.0
    for forward_pass, answer in planner.answers(request):
        question = forward_pass.question
        if given is None:
            visited = question.visits or [visit_events[event] for event in question.events]
            first_by_set.update(zip(visited, answer.decided, strict=True))
        else:
            unvisited_by_set.update(zip(question.visits, _share_of(answer.decided, answer.evidence), strict=True))
            is_possible_draw &= answer.evidence.all(axis=1)
            if len(answer.evidence) >= len(weights):
                weights, log_scale = answer.evidence[:, -1], answer.log_scale
        transitions += np.moveaxis(answer.pairs, -1, 0) * (1 if given is None else forward_pass.draws)
        for name in question.reported_nodes:
            if isinstance(program.nodes[name], CategoricalNode):
                shares[name] = _repeat_draws(_state_shares(forward_pass.whole_model, name, answer), draws)
            else:
                values[name] = _numeric_values(forward_pass.whole_model, name, answer, draws)
    scenarios = shares.pop(OUTCOME)
    first_visit, ever = _visit_probabilities(program, scenarios, first_by_set, unvisited_by_set)
    result = ExactForecast(
        scenarios=scenarios,
        ever=ever,
        first_visit=first_visit,
        transitions=transitions,
        shares={name: shares[name] for name in program.nodes if name in shares},
        values={name: values[name] for name in program.nodes if name in values},
        weights=_repeat_draws(weights, draws) * is_possible_draw,
    )
    return result, log_scale


def _repeat_draws(array: Floats, draws: int) -> Floats:
    """An array by draws; what is the same in all of them has it once."""
    return np.broadcast_to(array, (draws, *array.shape[1:]))


def _share_of(part: Floats, total: Floats) -> Floats:
    """Shares of what is observed, 0 where it is not."""
    return np.divide(part, total, out=np.zeros_like(part), where=total > 0.0)


def _join_distributions(
    portions: Sequence[ExactForecast], counts: Sequence[float], name: str
) -> tuple[tuple[NodeDistribution, Floats], ...]:
    """The distributions of a numeric node in the draws of all portions, of which each counts for so much."""
    by_step = zip(*(portion.values[name].distributions for portion in portions), strict=True)
    return tuple(
        (parts[0][0], np.concatenate([joints * count for (_, joints), count in zip(parts, counts, strict=True)]))
        for parts in by_step
    )


def _visit_probabilities(
    program: Program,
    scenarios: Floats,
    first_by_set: dict[frozenset[int], Floats],
    unvisited_by_set: dict[frozenset[int], Floats],
) -> tuple[Floats, Floats]:
    """That a step is the first visit of a set of scenarios, shape (draws, steps, sets), and any visit, (draws, sets).

    Args:
        program: whose scenarios and groups are the sets.
        scenarios: shape (draws, steps, scenarios).
        first_by_set: what is known of the former, shape (draws or 1, steps).
        unvisited_by_set: of other sets the probability of no visit up to the end of a step, likewise.
    """
    sets, draws = _scenario_sets(program), len(scenarios)
    if program.steps == 1:
        first_by_set = {members: scenarios[..., sorted(members)].sum(axis=2) for members in sets}
    for members, unvisited in unvisited_by_set.items():
        visits = np.maximum(-np.diff(unvisited, prepend=1.0), 0.0)
        first_by_set[members] = np.where(scenarios[..., sorted(members)].any(axis=2), visits, 0.0)
    first_visit = np.stack([_repeat_draws(first_by_set[members], draws) for members in sets], axis=2)
    ever = first_visit.sum(axis=1)
    for column, members in enumerate(sets):
        if members in unvisited_by_set:
            visited = scenarios[..., sorted(members)].any(axis=(1, 2))
            ever[:, column] = np.where(visited, 1.0 - unvisited_by_set[members][:, -1], 0.0)
    return first_visit, ever


def _scenario_sets(program: Program) -> list[frozenset[int]]:
    """The scenarios and the groups, as sets of scenarios."""
    singles = [frozenset([state]) for state in range(len(program.outcome.states))]
    return singles + [frozenset(members) for members in program.groups.values()]


def _visit_event(program: Program, members: frozenset[int]) -> Timed:
    return Timed("ever", range(program.steps), InStates(OUTCOME, members))


def _forecast_questions(laws: EffectiveLaws, given: Formula | None) -> list[PassQuestion]:
    """The questions of a forecast: the outcome and its transitions, its first visits, and all other nodes."""
    program = laws.program
    observed = () if given is None else tuple(atom.node for atom in atoms(given))
    others = {name: program.upstream([name, *observed]) for name in program.model_nodes if name != OUTCOME}
    reports = [PassQuestion(reported_nodes=tuple(group), given=given) for group in _group_by_nodes(others)]
    if program.steps == 1:
        return [PassQuestion(reported_nodes=(OUTCOME,), given=given), *reports]
    sets = tuple(dict.fromkeys(_scenario_sets(program)))
    if given is not None:
        outcome_question = PassQuestion(reported_nodes=(OUTCOME,), pairs=True, given=given)
        return [outcome_question, PassQuestion(visits=sets, given=given), *reports]
    # Whether trials get into a set with the same chance wherever outside of it the outcome was before.
    laws_of_outcome = (laws.law(OUTCOME, step) for step in range(program.steps))
    if not program.has_feedback and all(law.is_uniform_mixture for law in laws_of_outcome):
        visit_question = PassQuestion(visits=sets)
    else:
        visit_question = PassQuestion(tuple(_visit_event(program, members) for members in sets))
    return [PassQuestion(reported_nodes=(OUTCOME,), pairs=True), visit_question, *reports]


def _state_shares(model: DiscretizedModel, name: str, answer: PassAnswer) -> Floats:
    """A node's states by step, from the variables that they are functions of: shape (draws, steps, states)."""
    node = model.program.nodes[name]
    assert isinstance(node, CategoricalNode)
    observed = answer.evidence.size > 0
    rows = []
    for step in range(model.program.steps):
        states = model.reading(name, step).states.ravel()
        joint = answer.reports[name, step].reshape(len(states), -1)
        row = np.zeros((len(node.states), joint.shape[1]))
        np.add.at(row, states, joint)
        rows.append(_share_of(row, np.array([math.fsum(column) for column in row.T.tolist()])) if observed else row)
    return np.stack(rows).transpose(2, 0, 1)


def _numeric_values(model: DiscretizedModel, name: str, answer: PassAnswer, draws: int) -> ExactValues:
    means, distributions = [], []
    for step in range(model.program.steps):
        values = model.reading(name, step).values
        assert values is not None
        joint = answer.reports[name, step]
        if answer.evidence.size:
            joint = joint / (joint.sum() or 1.0) * joint.shape[-1]
        joints = np.ascontiguousarray(np.moveaxis(joint, -1, 0))
        totals = [(float(row.sum()) or 1.0) if len(answer.evidence) > 1 else 1.0 for row in joints]
        means.append([float((values * row).sum()) / total for row, total in zip(joints, totals, strict=True)])
        distributions.append((model.distributions[name, step], _repeat_draws(joints, draws)))
    return ExactValues(_repeat_draws(np.array(means).T, draws), tuple(distributions))
