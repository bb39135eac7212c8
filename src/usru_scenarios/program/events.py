"""Events on the path of a trial through its steps: what queries ask about and observations state (section 9).

Values only, of one kind: a formula. Its leaves are atoms on single nodes; `Timed` says at which steps the formula in
it is read. A formula without `Timed` is a *predicate*, true or false at a step; one whose atoms all stand within a
`Timed` is an *event*, true or false of a whole path. Interventions are no events: they change the program.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from usru_scenarios.light_dataclasses import dataclass

Truth = npt.NDArray[np.bool_]

_FEW_STATES = 8
"""Most states that are compared one by one, in a fifth of the time that `np.isin` takes."""


@dataclass(frozen=True)
class InStates:
    """A categorical node (the outcome included) is in one of some states, given by their indices in the program."""

    node: str
    states: frozenset[int]


@dataclass(frozen=True)
class Compared:
    """A numeric node's value compares with a number."""

    node: str
    sign: Literal["<", "<=", ">", ">="]
    value: float


COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
"""The comparison of a value, or an array, with a bound that each sign stands for."""


@dataclass(frozen=True)
class Timed:
    """A predicate at a step, at some step, or at every step of a range (of one step for `at`)."""

    mode: Literal["at", "ever", "always"]
    steps: range
    predicate: Formula


@dataclass(frozen=True)
class Not:
    """The opposite."""

    part: Formula


@dataclass(frozen=True)
class All:
    """All parts hold; without parts, always true."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True)
class Some:
    """At least one part holds; without parts, never true."""

    parts: tuple[Formula, ...]


Formula = InStates | Compared | Timed | Not | All | Some


def conjuncts(formula: Formula) -> Iterator[Formula]:
    """The parts that must all hold for a formula to hold."""
    if isinstance(formula, All):
        for part in formula.parts:
            yield from conjuncts(part)
    else:
        yield formula


def timed_parts(formula: Formula) -> Iterator[Timed]:
    """The timed parts of an event, each once, in the order in which they are first met."""
    seen: set[Timed] = set()
    waiting = [formula]
    while waiting:
        match waiting.pop(0):
            case Timed() as timed:
                if timed not in seen:
                    seen.add(timed)
                    yield timed
            case Not(part):
                waiting.insert(0, part)
            case All(parts) | Some(parts):
                waiting[:0] = parts
            case InStates() | Compared():
                raise ValueError("an event's atoms stand within a time")


def last_step(event: Formula) -> int:
    """The last step at which an event can still come true or fail; -1 of one that says nothing of any step."""
    return max((timed.steps[-1] for timed in timed_parts(event)), default=-1)


def atoms(formula: Formula) -> Iterator[InStates | Compared]:
    """All atoms of a formula, in order, repeated where they are repeated."""
    match formula:
        case InStates() | Compared():
            yield formula
        case Timed(predicate=part) | Not(part):
            yield from atoms(part)
        case All(parts) | Some(parts):
            for part in parts:
                yield from atoms(part)


# Where formulas are true ----------------------------------------------------------------------------------------------


def truth(formula: Formula, leaf: Callable[[Any], Truth]) -> Truth:
    """The truth of a formula from that of its leaves; shapes broadcast."""
    match formula:
        case Not(part):
            return ~truth(part, leaf)
        case All(parts):
            result = np.array(True)
            for part in parts:
                result = result & truth(part, leaf)
            return result
        case Some(parts):
            result = np.array(False)
            for part in parts:
                result = result | truth(part, leaf)
            return result
        case _:
            return leaf(formula)


def atom_truth(atom: Formula, values: npt.NDArray[Any]) -> Truth:
    """The truth of an atom for states or values, of any shape."""
    if isinstance(atom, InStates):
        if len(atom.states) > _FEW_STATES:
            return np.isin(values, sorted(atom.states))
        result = np.zeros(np.shape(values), dtype=np.bool_)
        for state in atom.states:
            result |= values == state
        return result
    assert isinstance(atom, Compared), "atoms are about states or values"
    return np.asarray(COMPARISONS[atom.sign](values, atom.value))


def satisfying_states(predicate: Formula, states: int) -> Truth:
    """The states of a single node in which a predicate of it holds, shape (states,)."""
    all_states = np.arange(states)
    return np.broadcast_to(truth(predicate, lambda atom: atom_truth(atom, all_states)), all_states.shape)
