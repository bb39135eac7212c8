"""The order in which variables are summed out of a joint table, what that takes, and the sums themselves.

A pass keeps a table with an axis for each variable that something still depends on and a last one for the channels of
the events that are followed (`tracking`). A step is a list of *tasks*: a variable moves, conditions are read, a
distribution is reported. A task multiplies its conditional table in or reads the joint table; a variable is summed out
as soon as no task needs it any more. In which order the tasks of a step are done decides how large the table grows; the
order is searched for, greedily from many deterministic starts, which is cheap next to what a good order saves (the
problem is that of U. Bertele and F. Brioschi, 1972; no fast way to the best order is known).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from usru_scenarios.exact.finite import Move, Truths, laid_out
from usru_scenarios.exact.tracking import Split
from usru_scenarios.meaning.events import Timed
from usru_scenarios.meaning.program import Floats, Parent

SECONDS_PER_OPERATION = 2e-9
"""The fixed rate by which work is turned into a predicted time; of an ordinary machine, and no clock is asked."""

CALL = 50_000
"""What one task costs however small its table, the planning included, in operations."""
BUILD = 25
"""What an entry of a conditional table costs to build, in operations."""
_ATTEMPTS = 48
"""Starts of the search for an order."""
_MIXING_ROWS = 1024
"""From so many rows on, a table that mixes keeping and redrawing is applied without being multiplied out."""


@dataclass(frozen=True)
class Cost:
    """What an exact computation takes, predicted from the sizes of its tables alone.

    Attributes:
        entries: of the largest table that is held at once.
        memory: bytes, estimated: the largest table three times over, and the conditional tables.
        operations: multiplications with an addition, small tasks rounded up.
    """

    entries: int
    memory: int
    operations: int

    @property
    def seconds(self) -> float:
        """The predicted time: operations at a fixed rate, so that what depends on it does not depend on a clock."""
        return self.operations * SECONDS_PER_OPERATION

    def then(self, other: Cost) -> Cost:
        """The cost of one computation after another."""
        return Cost(
            max(self.entries, other.entries), max(self.memory, other.memory), self.operations + other.operations
        )


NOTHING = Cost(0, 0, 0)


# Order ---------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def order(sizes: tuple[int, ...], live: int, kept: int, tasks: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    """A good order of the tasks of a step: smallest peak of the joint table first, then fewest operations.

    Args:
        sizes: of the variables; sets of variables are given as bits.
        live: the variables that the table has at the start.
        kept: those that it must have at the end.
        tasks: for each, the variables that it uses, and the one of them that it brings in (0: none).
    """
    best: tuple[tuple[int, int], tuple[int, ...]] | None = None
    for attempt in range(1, _ATTEMPTS + 1):
        # Powers modulo a prime: as good as a shuffle here, and the same on every machine.
        ranked = sorted(range(len(tasks)), key=lambda task: (pow(attempt, task + 1, 1_000_003), task))
        found = _greedily(sizes, live, kept, tasks, ranked)
        if best is None or found < best:
            best = found
    assert best is not None
    return best[1]


def _greedily(
    sizes: tuple[int, ...], live: int, kept: int, tasks: tuple[tuple[int, int], ...], ranked: list[int]
) -> tuple[tuple[int, int], tuple[int, ...]]:
    """Always the task that leaves the smallest table; among equals the first as ranked. The score, and the order."""
    used = [_bits(uses) for uses, _ in tasks]
    left = [0] * len(sizes)
    for bits in used:
        for bit in bits:
            left[bit] += 1
    entries = peak = math.prod(sizes[bit] for bit in _bits(live))
    operations = 0
    chosen: list[int] = []
    waiting = list(ranked)
    while waiting:
        smallest, task = math.inf, -1
        for candidate in waiting:
            uses, brings = tasks[candidate]
            if uses & ~brings & ~live:
                continue
            after = entries * (sizes[brings.bit_length() - 1] if brings else 1)
            for bit in used[candidate]:
                if left[bit] == 1 and not kept >> bit & 1:
                    after //= sizes[bit]
            if after < smallest:
                smallest, task = after, candidate
        uses, brings = tasks[task]
        operations += entries * (sizes[brings.bit_length() - 1] if brings else 1)
        live |= brings
        for bit in used[task]:
            left[bit] -= 1
        entries = int(smallest)
        peak = max(peak, entries)
        waiting.remove(task)
        chosen.append(task)
    return (peak, operations), tuple(chosen)


def _bits(mask: int) -> list[int]:
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]


# Steps ---------------------------------------------------------------------------------------------------------------

Axes = tuple[Parent, ...]


@dataclass(frozen=True)
class Report:
    """A joint distribution that is read from the channel of all worlds: of a node, or of scenarios in sequence."""

    name: str
    axes: Axes
    pairs: bool = False


@dataclass(frozen=True)
class Avoiding:
    """A move of the outcome, as far as it takes worlds into the sets whose first visits are wanted.

    Worlds that have not been in a set yet get into it by a redraw only, whatever scenario they are in: so neither is
    remembered which one it is, and the probability of not having been there is all that a set needs.
    """

    move: Move
    sets: tuple[frozenset[int], ...]

    def chances(self) -> Floats:
        """The probability of getting into each set, shape (size of each of the redraw's parents ..., sets)."""
        shares, hold = self.move.mixture()
        members = np.array([[float(state in members) for members in self.sets] for state in range(shares.shape[-1])])
        chances: Floats = (shares * (1.0 - hold)) @ members
        return chances


@dataclass(frozen=True)
class Task:
    """One thing to do at a step.

    Attributes:
        what: a move, timed conditions over the same variables and where they hold, a report, or first visits.
        uses: all variables that must be in the table.
        brings: the variable that comes in.
        report: of scenarios in sequence, read in passing while the outcome moves.
    """

    what: Move | dict[Timed, Truths] | Report | Avoiding
    uses: Axes
    brings: Parent | None = None
    report: Report | None = None


@dataclass(frozen=True)
class Stage:
    """A task in its place.

    Attributes:
        before, after: the axes of the table, the channels' not counted.
        channels: how many there are before and after.
        split: what becomes of the channels where conditions are read.
    """

    task: Task
    before: Axes
    after: Axes
    channels: tuple[int, int]
    split: Split | None = None

    @cached_property
    def mixes(self) -> bool:
        """Whether a move mixes keeping and redrawing in place."""
        move = self.task.what
        return (
            isinstance(move, Move)
            and move.mixes
            and move.own in self.before
            and move.own not in self.after
            and move.rows >= _MIXING_ROWS
        )

    @property
    def conditional(self) -> int:
        """The entries of the conditional table."""
        match self.task.what:
            case Move() as move:
                return move.rows * (1 if self.mixes else move.law.size)
            case Avoiding(move, sets):
                return math.prod(parent.size for parent in move.redraw_parents) * max(len(sets), move.law.size)
        return 0

    @property
    def entries(self) -> int:
        """The entries of the largest table."""
        before, after = (math.prod(axis.size for axis in axes) for axes in (self.before, self.after))
        wide = before if self.mixes else after
        return max(before * self.channels[0], wide * self.channels[1], self.conditional)

    @property
    def operations(self) -> int:
        """Multiplications with an addition."""
        before = math.prod(axis.size for axis in self.before) * self.channels[0]
        if self.task.brings is None:
            return CALL + 2 * before
        return CALL + before * (3 if self.mixes else self.task.brings.size)


def turned(axes: Axes, tasks: Sequence[Task]) -> tuple[int, ...]:
    """The axes in order of how many tasks involve their nodes, most first.

    Sums run fastest over the last axes of a table where these take no part.
    """
    involved = Counter(name for task in tasks for name in {axis.node for axis in task.uses})
    return tuple(sorted(range(len(axes)), key=lambda place: (-involved[axes[place].node], place)))


def axes_after(axes: Axes, task: Task, needed: Iterable[Parent]) -> Axes:
    """The axes after a task: a variable that moves takes the place of its former self, any other comes last."""
    still = set(needed)
    brought = task.brings if task.brings in still else None
    own = None if task.brings is None else Parent(task.brings.node, 1, task.brings.size)
    after: list[Parent] = []
    for axis in axes:
        if axis == own and brought is not None:
            after.append(brought)
        if axis in still:
            after.append(axis)
    return tuple(after) if brought is None or brought in after else (*after, brought)


# Sums ----------------------------------------------------------------------------------------------------------------

CHANNELS = Parent("(channels)", 0, 0)
"""Stands for the axis of the channels, the last one of every joint table."""


def contracted(parts: Sequence[tuple[Floats, Axes]], wanted: Axes) -> Floats:
    """A sum of products; axes are told apart by their parents, and those that are not wanted are summed out."""
    numbers: dict[Parent, int] = {}
    operands: list[Any] = []
    for array, axes in parts:
        operands += [array, [numbers.setdefault(axis, len(numbers)) for axis in axes]]
    result: Floats = np.einsum(*operands, [numbers[axis] for axis in wanted])
    return result


def summed(table: Floats, before: Axes, after: Axes) -> Floats:
    """The table without the axes that nothing needs any more; the others are in the same order."""
    gone = tuple(place for place, axis in enumerate(before) if axis not in after)
    return table.sum(axis=gone) if gone else table


def parted(stage: Stage, table: Floats, parting: Split, decided: Floats) -> Floats:
    """The worlds in their channels after conditions were read; what has become certain is added to `decided`."""
    axes = stage.task.uses
    if parting.decided:
        joint = contracted([(table, (*stage.before, CHANNELS))], (*axes, CHANNELS))
        for (channel, event), where in parting.decided.items():
            decided[event] += joint[..., channel][where].sum()
    before, after = stage.channels
    if before == after and parting.stays:
        left = np.zeros((*(axis.size for axis in axes), after))
        for (channel, _), where in parting.routes.items():
            left[..., channel] = where
        if not left.all():
            table *= np.stack([laid_out(left[..., channel], axes, stage.before) for channel in range(after)], axis=-1)
        return table
    result = np.zeros((*table.shape[:-1], after))
    for (source, target), where in parting.routes.items():
        part = table[..., source]
        result[..., target] += part if where.all() else part * laid_out(where, axes, stage.before)
    return result
