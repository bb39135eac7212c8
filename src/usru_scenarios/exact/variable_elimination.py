"""The order in which variables are summed out of a joint table, what that takes, and the sums: method (35).

A pass keeps a table with a first axis for the channels of the events that are followed (`formula_states`), and one for
each variable that something still depends on. A step is a list of *tasks*: a variable moves, predicates are read, a
distribution is reported.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache

import numpy as np

from usru_scenarios.exact.discretize import LARGE, ConditionalTable, FactoredTable, Truths, broadcast_to_axes
from usru_scenarios.exact.formula_states import ChannelSplit
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.program.events import Timed
from usru_scenarios.program.laws import Parent
from usru_scenarios.program.program import Floats

SECONDS_PER_OPERATION = 2e-9
"""The fixed rate by which work is turned into a predicted time; of an ordinary machine, and no clock is asked."""

CALL = 50_000
"""What one task costs however small its table, the planning included, in operations."""
BUILD = 25
"""What an entry of a conditional table costs to build, in operations."""
_ATTEMPTS = 48
"""Starts of the search for an order."""
_WORTH_A_CALL = 64
"""Multiplications from which on a matrix product of its own is faster than a loop over many small ones."""
_WORTH_NO_COPY = 1024
"""Entries from which on a matrix product of its own is faster than a copy of them."""


@dataclass(frozen=True)
class ContractionCost:
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

    def then(self, other: ContractionCost) -> ContractionCost:
        """The cost of one computation after another."""
        return ContractionCost(
            max(self.entries, other.entries), max(self.memory, other.memory), self.operations + other.operations
        )


NOTHING = ContractionCost(0, 0, 0)


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


# Products ------------------------------------------------------------------------------------------------------------

Axes = tuple[Parent, ...]

CHANNELS = Parent("(channels)", 0, 0)
"""Stands for the axis of the channels, the first one of every joint table."""


class TableProduct:
    """A table times a factor, summed over what is not wanted any more: a matrix product wherever something is summed.

    All that follows from the axes alone is worked out once, so that a product of small tables takes few calls. What is
    new comes last in the result, so that a table whose variables move in the order of its axes, step after step, is
    never copied: each takes its former self from the front and leaves its new one at the back.

    Attributes:
        after: the axes of the result, in the order that costs least.
    """

    def __init__(self, before: Axes, factor: Axes, wanted: set[Parent]) -> None:
        place, uses = {axis: number for number, axis in enumerate(before)}, set(factor)
        self._gone = tuple(number for axis, number in place.items() if axis not in wanted and axis not in uses)
        held = tuple(axis for axis in before if axis in wanted or axis in uses)
        self._factor = factor
        self._shared = shared = tuple(axis for axis in held if axis in uses and axis in wanted)
        self._inner = inner = tuple(axis for axis in held if axis in uses and axis not in wanted)
        self._new = new = tuple(axis for axis in factor if axis not in place and axis in wanted)
        first = next((number for number, axis in enumerate(held) if axis in uses), len(held))
        free = tuple(axis for axis in held[first:] if axis not in uses)
        lead = held[:first]
        followed = int(CHANNELS in place)
        if _entries(inner) * _entries(free) < _WORTH_NO_COPY:
            lead, free = held[:followed], (*held[followed:first], *free)
        self.after = (*lead, *shared, *free, *new) if inner else (*held[:followed], *new, *held[followed:])
        self._widened = (*(slice(None),) * followed, *(None,) * len(new))
        order = {axis: number for number, axis in enumerate(held)}
        self._turn = tuple(order[axis] for axis in (*lead, *shared, *inner, *free))
        self._lead = len(lead)
        self._stack = _entries(shared), _entries(inner), _entries(free)
        self._sizes = [axis.size for axis in (*shared, *free, *new)]

    def laid(self, factor: Floats) -> Floats:
        """The factor as the product wants it: shape (shared, summed, new), or one that broadcasts over the result."""
        known = (*self._shared, *self._inner, *self._new)
        unwanted = tuple(place for place, axis in enumerate(self._factor) if axis not in known)
        array = factor.sum(axis=unwanted) if unwanted else factor
        axes = tuple(axis for axis in self._factor if axis in known)
        if not self._inner:
            return np.ascontiguousarray(broadcast_to_axes(array, axes, self.after))
        turned = array.transpose([axes.index(axis) for axis in known])
        return np.ascontiguousarray(turned.reshape(*self._stack[:2], _entries(self._new)))

    def __call__(self, table: Floats, laid: Floats) -> Floats:
        """The product of a table and a factor that was laid out for it: shape (size of each axis of `after` ...)."""
        if self._gone:
            table = table.sum(axis=self._gone)
        if not self._inner:
            product: Floats = laid * table[self._widened]
            return product
        turned = table.transpose(self._turn)
        lead = turned.shape[: self._lead]
        stack = turned.reshape(math.prod(lead), *self._stack).swapaxes(2, 3)
        if stack.shape[0] * len(laid) == 1 or stack.shape[2] * laid[0].size >= _WORTH_A_CALL:
            product = np.matmul(stack, laid)
        else:
            product = np.einsum("lsfk,skn->lsfn", stack, laid)
        return product.reshape(*lead, *self._sizes)


class ProductChain:
    """Several products, one after another, with every axis summed out as early as can be.

    Attributes:
        after: the axes of the result, in the order that costs least.
        widest: the entries of the largest table on the way.
    """

    def __init__(self, before: Axes, factors: Sequence[Axes], wanted: Iterable[Parent]) -> None:
        self._products: list[TableProduct] = []
        self.after = before
        self.widest = 0
        for number, factor in enumerate(factors):
            product = TableProduct(self.after, factor, set(wanted).union(*factors[number + 1 :]))
            self._products.append(product)
            self.after = product.after
            self.widest = max(self.widest, _entries(self.after))

    def laid(self, factors: Iterable[Floats]) -> list[Floats]:
        """The factors as the products want them; shapes as in `TableProduct.laid`."""
        return [product.laid(factor) for product, factor in zip(self._products, factors, strict=True)]

    def __call__(self, table: Floats, laid: Iterable[Floats]) -> Floats:
        """The table times the factors, shape (size of each axis of `after` ...)."""
        for product, factor in zip(self._products, laid, strict=True):
            table = product(table, factor)
        return table


def _entries(axes: Iterable[Parent]) -> int:
    """The entries of a table over some axes, those of one channel."""
    return math.prod(axis.size for axis in axes if axis is not CHANNELS)


# Steps ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class JointRequest:
    """A joint distribution that is read from the channel of all trials: of a node, or of scenarios in sequence."""

    name: str
    axes: Axes
    pairs: bool = False


@dataclass(frozen=True)
class FirstPassage:
    """A move of the outcome, as far as it takes trials into the sets whose first visits are wanted.

    The probability of not having been there is all that a set needs: method (16, 37).
    """

    move: ConditionalTable
    sets: tuple[frozenset[int], ...]

    def chances(self) -> Floats:
        """The probability of getting into each set, shape (size of each of the redraw's parents ..., sets)."""
        shares, hold = self.move.mixture()
        members = np.array([[float(state in members) for members in self.sets] for state in range(shares.shape[-1])])
        chances: Floats = shares.reshape(-1, len(members)) @ members
        return chances.reshape(*shares.shape[:-1], len(self.sets)) * (1.0 - hold)


@dataclass(frozen=True)
class EliminationTask:
    """One thing to do at a step; truths of predicates have the shape (size of each axis of `over` ...).

    Attributes:
        what: a move, timed predicates over the same variables and where they hold, a report, or first visits.
        uses: all variables that must be in the table.
        brings: the variable that comes in.
        report: of scenarios in sequence, read in passing while the outcome moves.
        drawn: the draws of the judgements among `uses`, where what is read is kept apart by them.
    """

    what: ConditionalTable | dict[Timed, Truths] | JointRequest | FirstPassage
    uses: Axes
    brings: Parent | None = None
    report: JointRequest | None = None
    drawn: Axes = ()

    @property
    def over(self) -> Axes:
        """The variables that predicates are laid out over."""
        return tuple(axis for axis in self.uses if axis not in self.drawn)


@dataclass(frozen=True)
class Contraction:
    """How a conditional table is multiplied in.

    Attributes:
        factors: the axes of its factors; of one factor where it is multiplied out.
        chain: for the factors.
        halves: the factors, where it is not multiplied out.
    """

    factors: tuple[Axes, ...]
    chain: ProductChain
    halves: FactoredTable | None

    @staticmethod
    def of(move: ConditionalTable, brings: Parent, before: Axes, needed: set[Parent]) -> Contraction:
        """The halves of the table where it has any and no table on the way is larger for them, or else the table."""
        wanted = {*needed, CHANNELS}
        factors: tuple[Axes, ...] = ((*move.parents, brings),)
        whole = ProductChain((CHANNELS, *before), factors, wanted)
        halves = move.halves({axis: place for place, axis in enumerate(before)})
        if halves is not None:
            # The second half first: its parents are the last axes of the table, which are summed over without a copy.
            apart = tuple((*parents, brings) for parents in reversed(halves.parents))
            chain = ProductChain((CHANNELS, *before), apart, wanted)
            if chain.widest <= max(_entries(before), whole.widest):
                return Contraction(apart, chain, halves)
        return Contraction(factors, whole, None)


@dataclass(frozen=True, eq=False)
class ContractionStep:
    """A task in its place.

    Attributes:
        before, after: the axes of the table, the channels' not counted.
        over: the axes before anything is summed out, in the order of the table as the task leaves it.
        channels: how many there are before and after.
        split: what becomes of the channels where predicates are read.
        moving: how a conditional table is multiplied in; None for other tasks, and for a move that mixes keeping and
            redrawing in place.
        passing: for the factors, where a report is read in passing.
    """

    task: EliminationTask
    before: Axes
    over: Axes
    after: Axes
    channels: tuple[int, int]
    split: ChannelSplit | None = None
    moving: Contraction | None = None
    passing: ProductChain | None = None

    @staticmethod
    def of(
        task: EliminationTask,
        before: Axes,
        needed: set[Parent],
        channels: tuple[int, int],
        parting: ChannelSplit | None,
    ) -> ContractionStep:
        """A task where the table has some axes, of which some are needed afterwards."""
        move, brings = task.what, task.brings
        if not isinstance(move, ConditionalTable) or brings is None:
            after = tuple(axis for axis in before if axis in needed)
            return ContractionStep(task, before, before, after, channels, parting)
        if move.mixes and move.rows >= LARGE and move.own in before and move.own not in needed:
            over = tuple(brings if axis == move.own else axis for axis in before)
            after = tuple(axis for axis in over if axis in needed)
            passing = _passing(task, before, ((*move.redraw_parents, brings),))
            return ContractionStep(task, before, over, after, channels, passing=passing)
        moving = Contraction.of(move, brings, before, needed)
        after = moving.chain.after[1:]
        return ContractionStep(
            task, before, after, after, channels, moving=moving, passing=_passing(task, before, moving.factors)
        )

    @property
    def mixes(self) -> bool:
        """Whether a move mixes keeping and redrawing in place."""
        return isinstance(self.task.what, ConditionalTable) and self.moving is None

    @property
    def move(self) -> ConditionalTable:
        """The move whose conditional table the task takes."""
        what = self.task.what
        assert isinstance(what, ConditionalTable | FirstPassage)
        return what if isinstance(what, ConditionalTable) else what.move

    @property
    def source(self) -> Hashable:
        """Equal for two stages only where they have the same factors."""
        halves = None if self.moving is None else self.moving.halves
        return self.move, self.mixes, None if halves is None else self

    def factors(self) -> list[Floats]:
        """The arrays that a task multiplies by, each of shape (size of each of its axes ...).

        The factors of `moving`; for a move that mixes in place the redraw's shares times the chance of a redraw, and
        the chance to keep; for first visits their chances.
        """
        match self.task.what:
            case ConditionalTable() as move if self.moving is not None:
                halves = self.moving.halves
                return [move.table()] if halves is None else [*reversed(halves.odds)]
            case ConditionalTable() as move:
                shares, hold = move.mixture()
                return [shares * (1.0 - hold), hold]
            case FirstPassage() as avoiding:
                return [avoiding.chances()]
        return []

    def laid(self, factors: list[Floats]) -> tuple[list[Floats], list[Floats]]:
        """The factors as the sums want them, and as the report in passing does; shapes as `ProductChain.laid`."""
        passing = [] if self.passing is None else self.passing.laid(factors[:1] if self.mixes else factors)
        if self.moving is not None:
            return self.moving.chain.laid(factors), passing
        held, over = (*self.move.redraw_parents, self.task.brings or CHANNELS), (CHANNELS, *self.over)
        return [np.ascontiguousarray(broadcast_to_axes(factor, held, over)) for factor in factors], passing

    @property
    def conditional(self) -> int:
        """The entries of the conditional table."""
        match self.task.what:
            case ConditionalTable() as move if self.moving is not None and self.moving.halves is not None:
                return sum(odds.size for odds in self.moving.halves.odds)
            case ConditionalTable() as move:
                return move.rows * (1 if self.mixes else move.law.size)
            case FirstPassage(move, sets):
                return math.prod(parent.size for parent in move.redraw_parents) * max(len(sets), move.law.size)
        return 0

    @property
    def held(self) -> tuple[int, int]:
        """The entries of the joint table before and after."""
        return _entries(self.before) * self.channels[0], _entries(self.after) * self.channels[1]

    @property
    def entries(self) -> int:
        """The entries of the largest table."""
        before, after = _entries(self.before), _entries(self.after)
        wide = before if self.moving is None else max(after, self.moving.chain.widest)
        return max(before * self.channels[0], wide * self.channels[1], self.conditional)

    @property
    def operations(self) -> int:
        """Multiplications with an addition."""
        before = _entries(self.before) * self.channels[0]
        if self.task.brings is None:
            return CALL + 2 * before
        return CALL + before * (3 if self.mixes else self.task.brings.size)


def _passing(task: EliminationTask, before: Axes, factors: Sequence[Axes]) -> ProductChain | None:
    return None if task.report is None else ProductChain(before, factors, task.report.axes)


# Sums ----------------------------------------------------------------------------------------------------------------


def summed(table: Floats, before: Axes, after: Axes) -> Floats:
    """The table without the axes that nothing needs any more: shape (size of each axis of `after` ...)."""
    gone = tuple(place for place, axis in enumerate(before) if axis not in after)
    return table.sum(axis=gone) if gone else table


def read(table: Floats, before: Axes, wanted: Axes) -> Floats:
    """The sum of a table over the axes that are not wanted: shape (size of each one wanted ...)."""
    left = tuple(axis for axis in before if axis in wanted)
    return summed(table, before, left).transpose([left.index(axis) for axis in wanted])


def split_channels(stage: ContractionStep, table: Floats, parting: ChannelSplit, decided: Floats) -> Floats:
    """The trials in their channels after predicates were read, shape (channels after, size of each axis ...).

    What has become certain is added to `decided`, shape (events, draws), or (events, 1) where nothing depends on drawn
    judgements. The table may be overwritten.
    """
    axes = stage.task.over
    if parting.decided:
        joint = read(table, (CHANNELS, *stage.before), (CHANNELS, *axes, *stage.task.drawn))
        for (channel, event), where in parting.decided.items():
            decided[event] += joint[channel, where].sum(axis=0)
    before, after = stage.channels
    if before == after and parting.stays:
        left = np.zeros((after, *(axis.size for axis in axes)))
        for (channel, _), where in parting.routes.items():
            left[channel] = where
        if not left.all():
            table *= broadcast_to_axes(left, (CHANNELS, *axes), (CHANNELS, *stage.before))
        return table
    result = np.zeros((after, *table.shape[1:]))
    for (source, target), where in parting.routes.items():
        part = table[source]
        result[target] += part if where.all() else part * broadcast_to_axes(where, axes, stage.before)
    return result
