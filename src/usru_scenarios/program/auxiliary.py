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

_MOST_STAGE_ROWS = 256
"""A stage takes in further parents while the table of its states has no more rows."""


class TooManyCasesError(ValueError):
    """More cases can be left open after some parents than an auxiliary node has states."""


@dataclass(frozen=True)
class ChainStage:
    """Some parents of a joint condition, and what their states do to what is left open.

    Attributes:
        parents: the positions of the parents that are read.
        next_states: shape (states of the stage before, size of each parent ...); the first stage has
            a single state before it.
        size: how many states there are.
    """

    parents: range
    next_states: npt.NDArray[np.intp]
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
        while stop < len(sizes) and len(states) * math.prod(sizes[first : stop + 1]) <= _MOST_STAGE_ROWS:
            stop += 1
        numbers: dict[State, int] = {}
        next_states = []
        combinations = itertools.product(*map(range, sizes[first:stop]))
        for before, combination in itertools.product(states, combinations):
            state = before
            for position, parent_state in enumerate(combination, first):
                state = advance(state, position, parent_state)
            next_states.append(numbers.setdefault(state, len(numbers)))
            if len(numbers) > MOST_STATES:
                raise TooManyCasesError
        shape = (len(states), *sizes[first:stop])
        stages.append(ChainStage(range(first, stop), np.array(next_states).reshape(shape), len(numbers)))
        states, first = tuple(numbers), stop
    return ConditionChain(tuple(stages), states)


HOLDS, FAILS = 0, -1
"""What is open, as the number of conditions that still have to hold, once that is decided."""


def at_least_chain(required: int, masks: Sequence[npt.NDArray[np.bool_]]) -> ConditionChain[int]:
    """The stages that tell whether at least so many conditions hold.

    What is open is how many more have to hold, down to `HOLDS`, or `FAILS` where too few are left. By stage these are
    at most min(wanted, n - wanted) + 3 of n conditions.

    Args:
        required: how many, from 1 to their number.
        masks: for each condition, shape (states of its parent,), where it holds.
    """

    def advance(needed: int, position: int, parent_state: int) -> int:
        if needed in (HOLDS, FAILS):
            return needed
        needed -= int(masks[position][parent_state])
        return needed if needed < len(masks) - position else FAILS

    return build_chain([len(mask) for mask in masks], required, advance)


FirstRow = int | tuple[int, ...]
"""The row that decides, -1 where none does; or, while that is open, the rows that may still hold."""


def first_row_chain(sizes: Sequence[int], rows: Sequence[dict[int, npt.NDArray[np.bool_]]]) -> ConditionChain[FirstRow]:
    """The stages that tell which of some rows is the first that holds.

    Args:
        sizes: of the parents.
        rows: for each, by the position of a parent that it asks, shape (size,), where it holds.

    Raises:
        TooManyCasesError: see `build_chain`.
    """
    last_position = [max(row, default=-1) for row in rows]

    def advance(open_rows: FirstRow, position: int, parent_state: int) -> FirstRow:
        if isinstance(open_rows, int):
            return open_rows
        still_open = []
        for number in open_rows:
            if position not in (row := rows[number]) or row[position][parent_state]:
                still_open.append(number)
                if last_position[number] <= position:  # it holds whatever comes, so those behind it have no say
                    break
        if not still_open:
            return -1
        return still_open[0] if last_position[still_open[0]] <= position else tuple(still_open)

    return build_chain(sizes, tuple(range(len(rows))), advance)
