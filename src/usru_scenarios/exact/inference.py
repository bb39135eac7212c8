"""Exact inference: probabilities without sampling, where a model is small enough for it.

A question is answered by one or more forward passes over the joint table of the variables that must be remembered
(`passes`), whose laws come from the same compiled program as the sampler's (`finite`), with the events that are
asked about followed in channels of that table (`tracking`). What a pass takes is predicted from the sizes of its tables
before anything starts, and a question beyond the bound is refused with both figures, memory and time.

Events that depend on the same nodes share a pass; one whose tables would not fit is taken apart, down to single events
and, with numeric nodes, to parts of their quadrature.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TypeVar

import numpy as np

from usru_scenarios.exact.elimination import NOTHING, Cost
from usru_scenarios.exact.finite import Finite, Laws, NotExact, redraws_alike
from usru_scenarios.exact.latent import Spread
from usru_scenarios.exact.passes import Answer, Pass, Question
from usru_scenarios.meaning.events import Formula, InStates, Timed, atoms
from usru_scenarios.meaning.program import CategoricalNode, Floats, Program
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import UsruError

__all__ = [
    "DEFAULT_BOUND",
    "Bound",
    "Cost",
    "ExactForecast",
    "ExactValues",
    "NotExact",
    "NothingObserved",
    "TooLarge",
    "cost",
    "forecast",
    "possible",
    "probabilities",
]


Thing = TypeVar("Thing")
Other = TypeVar("Other")


@dataclass(frozen=True)
class Bound:
    """What an exact computation may take: entries of its largest table, and operations."""

    entries: int = 1 << 24
    operations: int = 50_000_000_000

    def admits(self, needed: Cost) -> bool:
        """Whether a computation stays within."""
        return needed.entries <= self.entries and needed.operations <= self.operations


DEFAULT_BOUND = Bound()
"""Tables of 16.8 million entries (134 MB each), and 50,000 million operations (100 seconds at the fixed rate)."""


class TooLarge(UsruError):  # noqa: N818  # says what is at fault
    """An exact computation that is beyond the bound.

    Attributes:
        cost: what it takes; where the smallest part of the question is beyond the bound already, what that takes.
        bound: what it may take.
    """

    exit_status = 2

    def __init__(self, needed: Cost, bound: Bound) -> None:
        self.cost = needed
        self.bound = bound
        most = Cost(bound.entries, 0, bound.operations)
        super().__init__(
            f"exact inference is too large here: it needs at least {_bytes(needed.memory)} of memory (a table of"
            f" {needed.entries:,} entries, where the bound is {bound.entries:,}) and {_duration(needed.seconds)} (where"
            f" the bound is {_duration(most.seconds)})"
        )


class NothingObserved(UsruError):  # noqa: N818  # says what is at fault
    """What is given has no probability that a float holds: it is impossible, or next to it."""


def _bytes(count: int) -> str:
    size, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:,.3g} {unit}" if size < 1e5 else f"{size:.1e} {unit}"


def _duration(seconds: float) -> str:
    amount, unit = seconds, "seconds"
    for length, larger in ((60.0, "minutes"), (60.0, "hours"), (24.0, "days"), (365.0, "years")):
        if amount < 2 * length:
            break
        amount, unit = amount / length, larger
    return f"{amount:,.3g} {unit}" if amount < 1e5 else f"{amount:.1e} {unit}"


# Probabilities -------------------------------------------------------------------------------------------------------


def cost(
    program: Program, events: Sequence[Formula] = (), *, given: Formula | None = None, bound: Bound = DEFAULT_BOUND
) -> Cost:
    """What `probabilities` of some events takes, or `forecast` where none are named, predicted without computing.

    Raises:
        NotExact: see `probabilities`.
    """
    return _total(_planned(program, tuple(events), given, bound))


def probabilities(program: Program, events: Sequence[Formula], *, bound: Bound = DEFAULT_BOUND) -> list[float]:
    """The probabilities of events on the path, whose atoms all stand within a `Timed`.

    A conditional probability P(A | B) is that of `All((A, B))` over that of B: ask for both at once, and they share
    the work.

    Raises:
        TooLarge: it would take more than the bound.
        NotExact: a numeric node that matters moves along several steps.
        ValueError: an event's time is off the grid, or an atom stands outside of any time.
    """
    found: dict[Formula, float] = {}
    for one, answer in _answered(program, tuple(events), None, bound) if events else ():
        found.update(zip(one.question.events, np.clip(answer.decided.sum(axis=1), 0.0, 1.0).tolist(), strict=True))
    return [found[event] for event in events]


def possible(program: Program, event: Formula, *, bound: Bound = DEFAULT_BOUND) -> bool:
    """Whether an event comes true on some path of positive probability, even of one that no float holds.

    Raises:
        TooLarge, NotExact, ValueError: see `probabilities`.
    """
    passes = _planned(program, (event,), None, bound)
    if not bound.admits(needed := _total(passes)):
        raise TooLarge(needed, bound)
    return any(one.possible() for one in passes)


def _asked(program: Program, events: Sequence[Formula]) -> list[Question]:
    """One question for the events that depend on the same nodes."""
    depends = {event: _ancestors(program, (atom.node for atom in atoms(event))) for event in events}
    return [Question(events=tuple(group)) for group in _grouped(depends)]


def _ancestors(program: Program, names: Iterable[str]) -> frozenset[str]:
    """The nodes that some nodes depend on at any lag, themselves among them."""
    reached: set[str] = set()
    frontier = set(names)
    while frontier:
        reached |= frontier
        frontier = {parent for name in frontier for parent, _ in program.nodes[name].links} - reached
    return frozenset(reached)


def _grouped(depends: Mapping[Thing, frozenset[str]]) -> list[list[Thing]]:
    """Things together with the first one whose nodes include theirs, those with most nodes first."""
    groups: list[tuple[frozenset[str], list[Thing]]] = []
    for thing, nodes in sorted(depends.items(), key=lambda item: -len(item[1])):
        home = next((things for held, things in groups if nodes <= held), None)
        if home is None:
            groups.append((nodes, [thing]))
        else:
            home.append(thing)
    return [things for _, things in groups]


# Passes --------------------------------------------------------------------------------------------------------------


def _answered(
    program: Program, events: tuple[Formula, ...], given: Formula | None, bound: Bound
) -> list[tuple[Pass, Answer]]:
    """Passes whose questions make up the one asked, as in `_planned`, each with the answer.

    Raises:
        TooLarge: they would take more than the bound.
    """
    passes = _planned(program, events, given, bound)
    if not bound.admits(needed := _total(passes)):
        raise TooLarge(needed, bound)
    answered: dict[Question, tuple[Pass, Answer]] = {}
    for one in passes:
        answer = one.run()
        if (known := answered.get(one.question)) is not None:
            answer = known[1].plus(answer)
        answered[one.question] = one, answer
    return list(answered.values())


def _total(passes: Iterable[Pass]) -> Cost:
    return reduce(Cost.then, (one.cost for one in passes), NOTHING)


@dataclass
class _Planner:
    """Plans passes over a program, and knows the last ones again; an answer is worked out anew each time."""

    laws: Laws
    known: dict[tuple[tuple[Formula, ...], Formula | None, Bound], list[Pass]] = field(default_factory=dict)

    def passes(self, events: tuple[Formula, ...], given: Formula | None, bound: Bound) -> list[Pass]:
        """The passes for some events, or a forecast where there are none."""
        key = events, given, bound
        if key in self.known:
            return self.known[key]
        questions = _asked(self.laws.program, events) if events else _forecast_questions(self.laws, given)
        passes = _passes(self.laws, questions, bound)
        if _total(passes).memory <= _LIGHT:
            _forget(self.known, _QUESTIONS - 1)
            self.known[key] = passes
        return passes


_PROGRAMS = 4
"""Programs whose passes are remembered."""
_QUESTIONS = 16
"""Questions of each program whose passes are remembered."""
_LIGHT = 32_000_000
"""Passes that take more bytes than this are not remembered: next to running them, planning them is nothing."""

_planners: dict[int, _Planner] = {}
"""By the program's identity, which lasts as long as its planner holds it; the one asked last comes last."""


def _planned(program: Program, events: tuple[Formula, ...], given: Formula | None, bound: Bound) -> list[Pass]:
    """The passes for some events, or a forecast where there are none, planned once for a program."""
    planner = _planners.pop(id(program), None) or _Planner(Laws(program))
    _forget(_planners, _PROGRAMS - 1)
    _planners[id(program)] = planner
    return planner.passes(events, given, bound)


def _forget(known: dict[Thing, Other], most: int) -> None:
    """Leave the last entries only."""
    for key in list(known)[: max(len(known) - most, 0)]:
        known.pop(key, None)


def _passes(laws: Laws, questions: Sequence[Question], bound: Bound) -> list[Pass]:
    """Passes that answer the questions, each within the bound on size, or else the one that can't be brought there."""
    passes: list[Pass] = []
    waiting = list(questions)
    while waiting:
        question = waiting.pop(0)
        whole = _pass(laws, question)
        if whole.cost.entries <= bound.entries:
            passes.append(whole)
        elif halves := question.halves():
            waiting[:0] = halves
        elif parts := _parts(laws, whole, bound):
            passes += parts
        else:
            return [whole]
    return passes


def _pass(laws: Laws, question: Question, part: tuple[str, slice] | None = None) -> Pass:
    if question.given is None:
        return Pass(laws, question, part)
    from usru_scenarios.exact.smoothing import Smoothing

    return Smoothing(laws, question, part)


def _parts(laws: Laws, whole: Pass, bound: Bound) -> list[Pass]:
    """Passes over parts of the widest quadrature, each within the bound on entries; none where there is no such way."""
    if whole.widest is None:
        return []
    points = len(whole.widest.points)
    count = min(points, -(-whole.cost.entries // bound.entries))
    while True:
        size = -(-points // count)
        slices = [slice(first, min(first + size, points)) for first in range(0, points, size)]
        if _pass(laws, whole.question, (whole.widest.name, slices[0])).cost.entries <= bound.entries:
            return [_pass(laws, whole.question, (whole.widest.name, part)) for part in slices]
        if count == points:
            return []
        count = min(points, 2 * count)


# The forecast --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ExactValues:
    """Where a numeric node stands at each step.

    Attributes:
        mean: shape (steps,).
        spreads: for each step, its distribution given some variables, and their joint distribution.
    """

    mean: Floats
    spreads: tuple[tuple[Spread, Floats], ...]

    def quantile(self, share: float) -> Floats:
        """The value that is not exceeded with probability `share`, shape (steps,).

        It has no error of discretisation where the node's latent normal is independent of what moves it, and a small
        one where the node's own past comes back to it.
        """
        return np.array([spread.quantile(share, joint) for spread, joint in self.spreads])


@dataclass(frozen=True)
class ExactForecast:
    """All that a simulation reports, exactly; states, scenarios and groups in the program's order.

    Attributes:
        scenarios: shape (steps, scenarios), the probability of each at each step.
        ever: shape (scenarios + groups,), that it is visited at some step.
        first_visit: shape (steps, scenarios + groups), that a step is the first visit.
        transitions: shape (scenarios, scenarios), sums over the steps of P(a at t, b at t + 1).
        shares: for every other categorical node, shape (steps, states).
        values: for every numeric node.
    """

    scenarios: Floats
    ever: Floats
    first_visit: Floats
    transitions: Floats
    shares: dict[str, Floats]
    values: dict[str, ExactValues]


def forecast(program: Program, *, given: Formula | None = None, bound: Bound = DEFAULT_BOUND) -> ExactForecast:
    """Everything that a simulation of the program estimates.

    Args:
        program: the model with its interventions.
        given: an event that has been observed: all is reported of the worlds in which it comes true.
        bound: what it may take.

    Raises:
        NothingObserved: what is given does not come true.
        TooLarge, NotExact: see `probabilities`.
    """
    sets = _sets(program)
    first: dict[frozenset[int], Floats] = {}
    unvisited: dict[frozenset[int], Floats] = {}
    transitions = np.zeros((len(program.outcome.states),) * 2)
    shares: dict[str, Floats] = {}
    values: dict[str, ExactValues] = {}
    for one, answer in _answered(program, (), given, bound):
        question = one.question
        if given is None:
            followed = question.visits or map(_members, question.events)
            first.update(zip(followed, answer.decided, strict=True))
        elif not answer.evidence.all():
            raise NothingObserved("what is said to be seen does not happen")
        else:
            unvisited.update(zip(question.visits, answer.decided / answer.evidence, strict=True))
        transitions += answer.pairs
        for name in question.reported:
            if isinstance(program.nodes[name], CategoricalNode):
                shares[name] = _shares(one.whole, name, answer)
            else:
                values[name] = _values(one.whole, name, answer)
    scenarios = shares.pop(OUTCOME)
    for members, never in unvisited.items():
        first[members] = _first_visits(never, scenarios[:, sorted(members)])
    if program.steps == 1:
        first = {members: scenarios[:, sorted(members)].sum(axis=1) for members in sets}
    first_visit = np.stack([first[members] for members in sets], axis=1)
    ever = first_visit.sum(axis=0)
    for column, members in enumerate(sets):
        if members in unvisited:
            ever[column] = 1.0 - unvisited[members][-1] if scenarios[:, sorted(members)].any() else 0.0
    return ExactForecast(
        scenarios=scenarios,
        ever=ever,
        first_visit=first_visit,
        transitions=transitions,
        shares={name: shares[name] for name in program.nodes if name in shares},
        values={name: values[name] for name in program.nodes if name in values},
    )


def _first_visits(unvisited: Floats, shares: Floats) -> Floats:
    """The probability that a step is the first visit of some scenarios, shape (steps,).

    Args:
        unvisited: shape (steps,), of not having been in any of them up to the end of a step.
        shares: shape (steps, scenarios), of being in each; where none is possible, none is visited.
    """
    visits = -np.diff(unvisited, prepend=1.0)
    return np.where(shares.any(axis=1), np.maximum(visits, 0.0), 0.0)


def _sets(program: Program) -> list[frozenset[int]]:
    """The scenarios and the groups, as sets of scenarios."""
    alone = [frozenset([state]) for state in range(len(program.outcome.states))]
    return alone + [frozenset(members) for members in program.groups.values()]


def _visit(program: Program, members: frozenset[int]) -> Timed:
    return Timed("ever", range(program.steps), InStates(OUTCOME, members))


def _members(visit: Formula) -> frozenset[int]:
    assert isinstance(visit, Timed)
    assert isinstance(visit.condition, InStates)
    return visit.condition.states


def _forecast_questions(laws: Laws, given: Formula | None) -> list[Question]:
    """Where the outcome is and what follows what, its first visits, and where all other nodes are."""
    program = laws.program
    observed = () if given is None else tuple(atom.node for atom in atoms(given))
    others = {name: _ancestors(program, [name, *observed]) for name in program.named if name != OUTCOME}
    reports = [Question(reported=tuple(group), given=given) for group in _grouped(others)]
    if program.steps == 1:
        return [Question(reported=(OUTCOME,), given=given), *reports]
    sets = tuple(dict.fromkeys(_sets(program)))
    if given is not None:
        place = Question(reported=(OUTCOME,), pairs=True, given=given)
        return [place, Question(visits=sets, given=given), *reports]
    first = Question(visits=sets) if _comes_alone(laws) else Question(tuple(_visit(program, one) for one in sets))
    return [Question(reported=(OUTCOME,), pairs=True), first, *reports]


def _comes_alone(laws: Laws) -> bool:
    """Whether worlds get into a set of scenarios with the same chance wherever outside of it the outcome was before."""
    program = laws.program
    return not program.feedback and all(redraws_alike(laws.law(OUTCOME, step)) for step in range(program.steps))


def _shares(finite: Finite, name: str, answer: Answer) -> Floats:
    """A node's states by step, from the variables that they are functions of: shape (steps, states)."""
    node = finite.program.nodes[name]
    assert isinstance(node, CategoricalNode)
    rows = []
    for step in range(finite.program.steps):
        states = finite.reading(name, step).states
        row = np.bincount(states.ravel(), answer.reports[name, step].ravel(), len(node.states))
        rows.append(row if len(answer.evidence) == 0 else row / math.fsum(row))
    return np.array(rows)


def _values(finite: Finite, name: str, answer: Answer) -> ExactValues:
    mean, spreads = [], []
    for step in range(finite.program.steps):
        values = finite.reading(name, step).values
        assert values is not None
        joint = answer.reports[name, step]
        joint = joint if len(answer.evidence) == 0 else joint / joint.sum()
        mean.append(float((values * joint).sum()))
        spreads.append((finite.spreads[name, step], joint))
    return ExactValues(np.array(mean), tuple(spreads))
