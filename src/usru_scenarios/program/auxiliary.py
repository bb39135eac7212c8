"""Joint conditions of many parents, read one parent after the other: method (6).

The states of the automaton after some parents are those of an auxiliary node, which reads the auxiliary node before it;
so the sampler and exact inference take it for a node like any other, and no table lists all combinations.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.limits import MOST_STATES

State = TypeVar("State", bound=Hashable)

_ROWS = 256
"""A stage takes in further parents while the table of its states has no more rows."""


class TooManyCasesError(ValueError):
    """So many different things can be left open after some parents that no auxiliary node has a state for each."""


@dataclass(frozen=True)
class ChainStage:
    """Some parents of a joint condition, and what their states do to what is left open.

    Attributes:
        parents: the positions of the parents that are read.
        after: shape (states of the stage before, size of each parent ...), the state that follows; the first stage has
            a single state before it.
        size: how many states there are.
    """

    parents: range
    after: npt.NDArray[np.intp]
    size: int


@dataclass(frozen=True)
class ConditionChain(Generic[State]):
    """The stages, and what the states of the last one mean."""

    stages: tuple[ChainStage, ...]
    states: tuple[State, ...]


def build_chain(
    sizes: Sequence[int], start: State, advance: Callable[[State, int, int], State]
) -> ConditionChain[State]:
    """The stages of a joint condition.

    Args:
        sizes: of the parents.
        start: what is open before any parent is read.
        advance: what is open after a parent is read: from what was, the parent's position and its state.

    Raises:
        TooManyCasesError: a stage would have more than `MOST_STATES` states.
    """
    states: tuple[State, ...] = (start,)
    stages, first = list[ChainStage](), 0
    while first < len(sizes):
        stop = first + 1
        while stop < len(sizes) and len(states) * math.prod(sizes[first : stop + 1]) <= _ROWS:
            stop += 1
        number: dict[State, int] = {}
        after = []
        for before, found in itertools.product(states, itertools.product(*map(range, sizes[first:stop]))):
            state = before
            for position, own in enumerate(found, first):
                state = advance(state, position, own)
            after.append(number.setdefault(state, len(number)))
            if len(number) > MOST_STATES:
                raise TooManyCasesError
        shape = (len(states), *sizes[first:stop])
        stages.append(ChainStage(range(first, stop), np.array(after).reshape(shape), len(number)))
        states, first = tuple(number), stop
    return ConditionChain(tuple(stages), states)


HOLDS, FAILS = 0, -1
"""What is open, as the number of conditions that still have to hold, once that is decided."""


def at_least_chain(wanted: int, holds: Sequence[npt.NDArray[np.bool_]]) -> ConditionChain[int]:
    """Whether at least so many conditions hold.

    What is open is how many more have to hold, down to `HOLDS`, or `FAILS` where too few are left. By stage these are
    at most min(wanted, n - wanted) + 3 of n conditions.

    Args:
        wanted: how many, from 1 to their number.
        holds: for each condition, shape (states of its parent,), where it holds.
    """

    def advance(needed: int, position: int, own: int) -> int:
        if needed in (HOLDS, FAILS):
            return needed
        needed -= int(holds[position][own])
        return needed if needed < len(holds) - position else FAILS

    return build_chain([len(one) for one in holds], wanted, advance)


FirstRow = int | tuple[int, ...]
"""The row that decides, -1 where none does; or, while that is open, the rows that may still hold."""


def first_row_chain(sizes: Sequence[int], rows: Sequence[dict[int, npt.NDArray[np.bool_]]]) -> ConditionChain[FirstRow]:
    """Which of some rows is the first that holds.

    Args:
        sizes: of the parents.
        rows: for each, by the position of a parent that it asks, shape (size,), where it holds.

    Raises:
        TooManyCasesError: see `build_chain`.
    """
    last = [max(row, default=-1) for row in rows]

    def advance(open_: FirstRow, position: int, own: int) -> FirstRow:
        if isinstance(open_, int):
            return open_
        left = []
        for number in open_:
            if position not in (row := rows[number]) or row[position][own]:
                left.append(number)
                if last[number] <= position:  # it holds whatever comes, so those behind it have no say
                    break
        if not left:
            return -1
        return left[0] if last[left[0]] <= position else tuple(left)

    return build_chain(sizes, tuple(range(len(rows))), advance)
