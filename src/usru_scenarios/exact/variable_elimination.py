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

from usru_scenarios.exact.discretize import LARGE_TABLE_ROWS, ConditionalTable, FactoredTable, broadcast_to_axes
from usru_scenarios.exact.formula_states import ChannelSplit
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.program.events import Timed, Truth
from usru_scenarios.program.laws import Parent
from usru_scenarios.program.program import Floats

SECONDS_PER_OPERATION = 2e-9
"""The fixed rate by which work is turned into a predicted time; of an ordinary machine, and no clock is asked."""

CALL_COST = 50_000
"""What one task costs however small its table, the planning included, in operations."""
BUILD_COST = 25
"""What an entry of a conditional table costs to build, in operations."""
_ATTEMPTS = 48
"""Starts of the search for an order."""
_LEAST_MATMUL_WORK = 64
"""Multiplications from which on a matrix product of its own is faster than a loop over many small ones."""
_LEAST_MATMUL_ENTRIES = 1024
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
        entries, memory = max(self.entries, other.entries), max(self.memory, other.memory)
        return ContractionCost(entries, memory, self.operations + other.operations)


NO_COST = ContractionCost(0, 0, 0)


# Order ---------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def elimination_order(
    sizes: tuple[int, ...], live: int, kept: int, tasks: tuple[tuple[int, int], ...]
) -> tuple[int, ...]:
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
        candidate = _greedy_order(sizes, live, kept, tasks, ranked)
        if best is None or candidate < best:
            best = candidate
    assert best is not None
    return best[1]


def _greedy_order(
    sizes: tuple[int, ...], live: int, kept: int, tasks: tuple[tuple[int, int], ...], ranked: list[int]
) -> tuple[tuple[int, int], tuple[int, ...]]:
    """Always the task that leaves the smallest table; among equals the first as ranked. The score, and the order."""
    used = [_bits_of(variables) for variables, _ in tasks]
    uses_left = [0] * len(sizes)
    for bits in used:
        for bit in bits:
            uses_left[bit] += 1
    entries = peak = math.prod(sizes[bit] for bit in _bits_of(live))
    operations = 0
    task_order: list[int] = []
    waiting = list(ranked)
    while waiting:
        smallest, task = math.inf, -1
        for candidate in waiting:
            variables, new_variable = tasks[candidate]
            if variables & ~new_variable & ~live:
                continue
            after = entries * (sizes[new_variable.bit_length() - 1] if new_variable else 1)
            for bit in used[candidate]:
                if uses_left[bit] == 1 and not kept >> bit & 1:
                    after //= sizes[bit]
            if after < smallest:
                smallest, task = after, candidate
        variables, new_variable = tasks[task]
        operations += entries * (sizes[new_variable.bit_length() - 1] if new_variable else 1)
        live |= new_variable
        for bit in used[task]:
            uses_left[bit] -= 1
        entries = int(smallest)
        peak = max(peak, entries)
        waiting.remove(task)
        task_order.append(task)
    return (peak, operations), tuple(task_order)


def _bits_of(mask: int) -> list[int]:
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
        places, uses = {axis: number for number, axis in enumerate(before)}, set(factor)
        self._summed_axes = tuple(number for axis, number in places.items() if axis not in wanted and axis not in uses)
        axes_held = tuple(axis for axis in before if axis in wanted or axis in uses)
        self._factor = factor
        self._batched = shared = tuple(axis for axis in axes_held if axis in uses and axis in wanted)
        self._contracted = contracted = tuple(axis for axis in axes_held if axis in uses and axis not in wanted)
        self._new = new = tuple(axis for axis in factor if axis not in places and axis in wanted)
        first = next((number for number, axis in enumerate(axes_held) if axis in uses), len(axes_held))
        free = tuple(axis for axis in axes_held[first:] if axis not in uses)
        leading = axes_held[:first]
        channel_axes = int(CHANNELS in places)
        if _count_entries(contracted) * _count_entries(free) < _LEAST_MATMUL_ENTRIES:
            leading, free = axes_held[:channel_axes], (*axes_held[channel_axes:first], *free)
        self.after = (
            (*leading, *shared, *free, *new)
            if contracted
            else (*axes_held[:channel_axes], *new, *axes_held[channel_axes:])
        )
        self._widened = (*(slice(None),) * channel_axes, *(None,) * len(new))
        numbers = {axis: number for number, axis in enumerate(axes_held)}
        self._permutation = tuple(numbers[axis] for axis in (*leading, *shared, *contracted, *free))
        self._leading_count = len(leading)
        self._stack_sizes = _count_entries(shared), _count_entries(contracted), _count_entries(free)
        self._result_sizes = [axis.size for axis in (*shared, *free, *new)]

    def prepare(self, factor: Floats) -> Floats:
        """The factor as the product wants it: shape (shared, summed, new), or one that broadcasts over the result."""
        kept_axes = (*self._batched, *self._contracted, *self._new)
        unwanted = tuple(place for place, axis in enumerate(self._factor) if axis not in kept_axes)
        array = factor.sum(axis=unwanted) if unwanted else factor
        axes = tuple(axis for axis in self._factor if axis in kept_axes)
        if not self._contracted:
            return np.ascontiguousarray(broadcast_to_axes(array, axes, self.after))
        turned = array.transpose([axes.index(axis) for axis in kept_axes])
        return np.ascontiguousarray(turned.reshape(*self._stack_sizes[:2], _count_entries(self._new)))

    def __call__(self, table: Floats, prepared: Floats) -> Floats:
        """The product of a table and a factor that was laid out for it: shape (size of each axis of `after` ...)."""
        if self._summed_axes:
            table = table.sum(axis=self._summed_axes)
        if not self._contracted:
            product: Floats = prepared * table[self._widened]
            return product
        turned = table.transpose(self._permutation)
        lead = turned.shape[: self._leading_count]
        stack = turned.reshape(math.prod(lead), *self._stack_sizes).swapaxes(2, 3)
        if stack.shape[0] * len(prepared) == 1 or stack.shape[2] * prepared[0].size >= _LEAST_MATMUL_WORK:
            product = np.matmul(stack, prepared)
        else:
            product = np.einsum("lsfk,skn->lsfn", stack, prepared)
        return product.reshape(*lead, *self._result_sizes)


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
            self.widest = max(self.widest, _count_entries(self.after))

    def prepare(self, factors: Iterable[Floats]) -> list[Floats]:
        """The factors as the products want them; shapes as in `TableProduct.prepare`."""
        return [product.prepare(factor) for product, factor in zip(self._products, factors, strict=True)]

    def __call__(self, table: Floats, prepared: Iterable[Floats]) -> Floats:
        """The table times the factors, shape (size of each axis of `after` ...)."""
        for product, factor in zip(self._products, prepared, strict=True):
            table = product(table, factor)
        return table


def _count_entries(axes: Iterable[Parent]) -> int:
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

    conditional_table: ConditionalTable
    sets: tuple[frozenset[int], ...]

    def chances(self) -> Floats:
        """The probability of getting into each set, shape (size of each of the redraw's parents ..., sets)."""
        shares, hold = self.conditional_table.mixture()
        members = np.array([[float(state in members) for members in self.sets] for state in range(shares.shape[-1])])
        chances: Floats = shares.reshape(-1, len(members)) @ members
        return chances.reshape(*shares.shape[:-1], len(self.sets)) * (1.0 - hold)


@dataclass(frozen=True)
class EliminationTask:
    """One thing to do at a step; truths of predicates have the shape (size of each axis of `predicate_axes` ...).

    Attributes:
        action: a move, timed predicates over the same variables and where they hold, a report, or first visits.
        variables: all variables that must be in the table.
        new_variable: the variable that comes in.
        report: of scenarios in sequence, read in passing while the outcome moves.
        draws_axis: the draws of the judgements among `variables`, where what is read is kept apart by them.
    """

    action: ConditionalTable | dict[Timed, Truth] | JointRequest | FirstPassage
    variables: Axes
    new_variable: Parent | None = None
    report: JointRequest | None = None
    draws_axis: Axes = ()

    @property
    def predicate_axes(self) -> Axes:
        """The variables that predicates are laid out over."""
        return tuple(axis for axis in self.variables if axis not in self.draws_axis)


@dataclass(frozen=True)
class Contraction:
    """How a conditional table is multiplied in.

    Attributes:
        factors: the axes of its factors; of one factor where it is multiplied out.
        chain: for the factors.
        factored: the factors, where it is not multiplied out.
    """

    factors: tuple[Axes, ...]
    chain: ProductChain
    factored: FactoredTable | None

    @staticmethod
    def of(conditional: ConditionalTable, new_variable: Parent, before: Axes, needed: set[Parent]) -> Contraction:
        """The halves of the table where it has any and no table on the way is larger for them, or else the table."""
        wanted = {*needed, CHANNELS}
        factors: tuple[Axes, ...] = ((*conditional.parents, new_variable),)
        unfactored = ProductChain((CHANNELS, *before), factors, wanted)
        halves = conditional.factored({axis: place for place, axis in enumerate(before)})
        if halves is not None:
            # The second half first: its parents are the last axes of the table, which are summed over without a copy.
            half_axes = tuple((*parents, new_variable) for parents in reversed(halves.parents))
            chain = ProductChain((CHANNELS, *before), half_axes, wanted)
            if chain.widest <= max(_count_entries(before), unfactored.widest):
                return Contraction(half_axes, chain, halves)
        return Contraction(factors, unfactored, None)


@dataclass(frozen=True, eq=False)
class ContractionStep:
    """A task in its place.

    Attributes:
        before, after: the axes of the table, the channels' not counted.
        unsummed: the axes before anything is summed out, in the order of the table as the task leaves it.
        channels: how many there are before and after.
        split: what becomes of the channels where predicates are read.
        contraction: how a conditional table is multiplied in; None for other tasks, and for a move that mixes keeping
            and redrawing in place.
        report_chain: for the factors, where a report is read in passing.
    """

    task: EliminationTask
    before: Axes
    unsummed: Axes
    after: Axes
    channels: tuple[int, int]
    split: ChannelSplit | None = None
    contraction: Contraction | None = None
    report_chain: ProductChain | None = None

    @staticmethod
    def of(
        task: EliminationTask, before: Axes, needed: set[Parent], channels: tuple[int, int], split: ChannelSplit | None
    ) -> ContractionStep:
        """A task where the table has some axes, of which some are needed afterwards."""
        conditional, new_variable = task.action, task.new_variable
        if not isinstance(conditional, ConditionalTable) or new_variable is None:
            after = tuple(axis for axis in before if axis in needed)
            return ContractionStep(task, before, before, after, channels, split)
        contraction, previous = None, conditional.law.previous_state
        if (
            conditional.is_mixture
            and conditional.rows >= LARGE_TABLE_ROWS
            and previous in before
            and previous not in needed
        ):
            factors: tuple[Axes, ...] = ((*conditional.redraw_parents, new_variable),)
            unsummed = tuple(new_variable if axis == previous else axis for axis in before)
            after = tuple(axis for axis in unsummed if axis in needed)
        else:
            contraction = Contraction.of(conditional, new_variable, before, needed)
            factors = contraction.factors
            unsummed = after = contraction.chain.after[1:]
        report_chain = None if task.report is None else ProductChain(before, factors, task.report.axes)
        return ContractionStep(task, before, unsummed, after, channels, split, contraction, report_chain)

    @property
    def is_mixture(self) -> bool:
        """Whether a move mixes keeping and redrawing in place."""
        return isinstance(self.task.action, ConditionalTable) and self.contraction is None

    @property
    def conditional_table(self) -> ConditionalTable:
        """The move whose conditional table the task takes."""
        what = self.task.action
        assert isinstance(what, ConditionalTable | FirstPassage)
        return what if isinstance(what, ConditionalTable) else what.conditional_table

    @property
    def factors_key(self) -> Hashable:
        """Equal for two stages only where they have the same factors."""
        halves = None if self.contraction is None else self.contraction.factored
        return self.conditional_table, self.is_mixture, None if halves is None else self

    def factors(self) -> list[Floats]:
        """The arrays that a task multiplies by, each of shape (size of each of its axes ...).

        The factors of `contraction`; for a move that mixes in place the redraw's shares times the chance of a redraw,
        and the chance to keep; for first visits their chances.
        """
        match self.task.action:
            case ConditionalTable() as conditional if self.contraction is not None:
                halves = self.contraction.factored
                return [conditional.table()] if halves is None else [*reversed(halves.odds)]
            case ConditionalTable() as conditional:
                shares, hold = conditional.mixture()
                return [shares * (1.0 - hold), hold]
            case FirstPassage() as passage:
                return [passage.chances()]
        return []

    def prepare(self, factors: list[Floats]) -> tuple[list[Floats], list[Floats]]:
        """The factors as the sums want them, and as the report in passing does; shapes as `ProductChain.prepare`."""
        report_factors = factors[:1] if self.is_mixture else factors
        for_report = [] if self.report_chain is None else self.report_chain.prepare(report_factors)
        if self.contraction is not None:
            return self.contraction.chain.prepare(factors), for_report
        factor_axes = (*self.conditional_table.redraw_parents, self.task.new_variable or CHANNELS)
        axes = (CHANNELS, *self.unsummed)
        return [np.ascontiguousarray(broadcast_to_axes(one, factor_axes, axes)) for one in factors], for_report

    @property
    def conditional_entries(self) -> int:
        """The entries of the conditional table."""
        match self.task.action:
            case ConditionalTable() if self.contraction is not None and self.contraction.factored is not None:
                return sum(odds.size for odds in self.contraction.factored.odds)
            case ConditionalTable() as conditional:
                return conditional.rows * (1 if self.is_mixture else conditional.law.size)
            case FirstPassage(conditional, sets):
                columns = max(len(sets), conditional.law.size)
                return math.prod(parent.size for parent in conditional.redraw_parents) * columns
        return 0

    @property
    def joint_entries(self) -> tuple[int, int]:
        """The entries of the joint table before and after."""
        return _count_entries(self.before) * self.channels[0], _count_entries(self.after) * self.channels[1]

    @property
    def entries(self) -> int:
        """The entries of the largest table."""
        before, after = _count_entries(self.before), _count_entries(self.after)
        wide = before if self.contraction is None else max(after, self.contraction.chain.widest)
        return max(before * self.channels[0], wide * self.channels[1], self.conditional_entries)

    @property
    def operations(self) -> int:
        """Multiplications with an addition."""
        before = _count_entries(self.before) * self.channels[0]
        if self.task.new_variable is None:
            return CALL_COST + 2 * before
        return CALL_COST + before * (3 if self.is_mixture else self.task.new_variable.size)


# Sums ----------------------------------------------------------------------------------------------------------------


def sum_out(table: Floats, before: Axes, after: Axes) -> Floats:
    """The table without the axes that nothing needs any more: shape (size of each axis of `after` ...)."""
    summed_axes = tuple(place for place, axis in enumerate(before) if axis not in after)
    return table.sum(axis=summed_axes) if summed_axes else table


def marginal(table: Floats, before: Axes, wanted: Axes) -> Floats:
    """The sum of a table over the axes that are not wanted: shape (size of each one wanted ...)."""
    kept_axes = tuple(axis for axis in before if axis in wanted)
    return sum_out(table, before, kept_axes).transpose([kept_axes.index(axis) for axis in wanted])


def split_channels(stage: ContractionStep, table: Floats, split: ChannelSplit, decided: Floats) -> Floats:
    """The trials in their channels after predicates were read, shape (channels after, size of each axis ...).

    What has become certain is added to `decided`, shape (events, draws), or (events, 1) where nothing depends on drawn
    judgements. The table may be overwritten.
    """
    axes = stage.task.predicate_axes
    if split.decided:
        joint = marginal(table, (CHANNELS, *stage.before), (CHANNELS, *axes, *stage.task.draws_axis))
        for (channel, event), where in split.decided.items():
            decided[event] += joint[channel, where].sum(axis=0)
    before, after = stage.channels
    if before == after and split.keeps_channels:
        open_masks = np.zeros((after, *(axis.size for axis in axes)))
        for (channel, _), where in split.routes.items():
            open_masks[channel] = where
        if not open_masks.all():
            table *= broadcast_to_axes(open_masks, (CHANNELS, *axes), (CHANNELS, *stage.before))
        return table
    result = np.zeros((after, *table.shape[1:]))
    for (source, target), where in split.routes.items():
        part = table[source]
        result[target] += part if where.all() else part * broadcast_to_axes(where, axes, stage.before)
    return result
