"""The trials of a block, and tables of numbers for the joint states of a node's parents, read for each trial.

A law that no single table holds is multiplied out for each trial from tables over small groups of parents. Arrays hold
trials in their last axis.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.program.laws import JUDGEMENTS, Parent, PiecewiseCurve, StepLaw, Term, log_weights
from usru_scenarios.program.program import Floats

States = npt.NDArray[np.uint8]
RowIndices = npt.NDArray[np.intp]
Parents = tuple[Parent, ...]

_ZERO: Floats = np.asarray(0.0)
_FACTOR_ROWS = 1 << 14
"""The most rows of one of the tables that a law is multiplied out from."""
_MOST_BYTE_STATES = 255
"""The most joint states that are packed in bytes; their number has to fit too."""
_SAFE_SPREAD = 600.0
"""Products of factors are formed as such while no state's log-weight can fall this far below the largest."""


class BlockStates:
    """The states of all nodes in a block of trials, now and one step before.

    Args:
        nodes: how many there are.
        trials: of the block.
        draw_numbers: which draw of the judgements each of them has, shape (trials,), or None.
        programs: how many are walked together: each has the trials of the block, one program's after the other's.

    Attributes:
        trials: of all programs.
        now, before: by index of the node, shape (trials,): states as small integers or values of numeric nodes.
        draw_numbers: as above, of all programs; the last in `now` too.
        latent: by index of the node, the latent normals of numeric nodes.
        curve_memory: what was worked out along values that other walks have too; None where there are none.
    """

    def __init__(
        self, nodes: int, trials: int, draw_numbers: npt.NDArray[np.int64] | None = None, programs: int = 1
    ) -> None:
        self.programs = programs
        self.trials = trials * programs
        self._trials_per_draw: npt.NDArray[np.int64] | int | None = None
        self._draw_states: npt.NDArray[Any] | None = None
        if draw_numbers is not None:
            counts = np.bincount(draw_numbers)
            self._trials_per_draw = int(counts[0]) if (counts == counts[0]).all() else counts  # one number is faster
            draw_numbers = _repeat_for_programs(draw_numbers, programs)
            self._draw_states = draw_numbers.astype(np.min_scalar_type(draw_numbers.max()))
        self.draw_numbers = draw_numbers
        self.now: list[Any] = [None] * nodes
        self.before: list[Any] = [None] * nodes
        self.latent: list[Any] = [None] * nodes
        self.curve_memory: CurveMemory | None = None

    def advance(self) -> None:
        """Begin a new step."""
        self.before, self.now = self.now, [None] * len(self.now)
        self.now[-1] = self._draw_states

    def per_trial(self, values: Floats) -> Floats:
        """A judgement's value in every trial, shape () where it is the same in all and else (trials,)."""
        if not values.ndim:
            return values
        assert self._trials_per_draw is not None, "a value for each draw needs draws"
        # the trials of a program come draw by draw, so that nothing has to be looked up
        return _repeat_for_programs(values.repeat(self._trials_per_draw), self.programs)

    def select_trials(self, trials: slice) -> BlockStates:
        """The states in some of the trials; what is drawn in these does not show in the others."""
        own = copy.copy(self)
        own.programs, own.trials = 1, trials.stop - trials.start
        own.draw_numbers = None if self.draw_numbers is None else self.draw_numbers[trials]
        own.now, own.before, own.latent = (
            [part if part is None else part[trials] for part in parts] for parts in (self.now, self.before, self.latent)
        )
        return own


class CurveMemory:
    """What laws make of the values of numeric nodes that several walks over a block have, as far as there is room.

    An exponential takes as long as all that a table gives for a trial, and the values are often the same in each walk.

    Args:
        make_room: says whether so many more bytes may be kept.
    """

    def __init__(self, make_room: Callable[[int], bool]) -> None:
        self._make_room = make_room
        self._made_from: dict[int, tuple[Floats, dict[object, dict[int, Floats]]]] = {}

    def track(self, values: Floats) -> None:
        """From now on keep what is made of some values, shape (trials,), which other walks will have as this array."""
        self._made_from[id(values)] = values, {}  # as long as an array is kept here, no other one has its identity

    def get_or_make(
        self, key: object, values: Sequence[Floats], make: Callable[[], dict[int, Floats]]
    ) -> Mapping[int, Floats]:
        """The effects of curves along some values, by column, shape () or (trials,), which nobody changes.

        Args:
            key: equal only where the same is made of the same values.
            values: of one or more nodes, shape (trials,) each.
            make: makes it.
        """
        if any(id(value) not in self._made_from for value in values):
            return make()
        made, effects_key = self._made_from[id(values[0])][1], (key, *map(id, values[1:]))
        if effects_key not in made:
            effects = make()
            if not self._make_room(sum(value.nbytes for value in effects.values())):
                return effects
            made[effects_key] = effects
        return made[effects_key]


Repeated = TypeVar("Repeated", bound=np.generic)


def _repeat_for_programs(values: npt.NDArray[Repeated], times: int) -> npt.NDArray[Repeated]:
    """The values of the trials of a block for each of so many programs: shape (times * trials,)."""
    return values if times == 1 else np.tile(values, times)


@dataclass(frozen=True)
class RowIndex:
    """Packs the joint state of some parents into the row of a table, first parent slowest."""

    parents: tuple[tuple[int, Parent], ...]
    """Index of each parent's node, and the parent."""

    def rows(self, block_states: BlockStates) -> RowIndices:
        """The row of each trial, shape (trials,)."""
        return self.packed_rows(block_states).astype(np.intp)

    def packed_rows(self, block_states: BlockStates) -> npt.NDArray[np.unsignedinteger[Any]]:
        """The same, shape (trials,), in bytes where there are few rows; it may be the states of a parent."""
        (_, first), *others = self._byte_groups
        rows = _pack_states(first, block_states)
        for dtype, parents in others:
            rows = rows.astype(dtype, copy=False) * dtype.type(math.prod(size for _, _, size, _ in parents))
            rows += _pack_states(parents, block_states).astype(dtype, copy=False)
        return rows

    @cached_property
    def _byte_groups(self) -> list[tuple[np.dtype[Any], list[_ParentKey]]]:
        """Neighbouring parents whose joint state fits into a byte, and a type for that of all up to these.

        Bytes are packed many at a time; to add numbers of two types takes ten times as long.
        """
        groups: list[tuple[np.dtype[Any], list[_ParentKey]]] = []
        group_rows = rows = 1
        for index, parent in self.parents:
            rows, group_rows = rows * parent.size, group_rows * parent.size
            if group_rows > _MOST_BYTE_STATES or not groups:
                group_rows = parent.size
                groups.append((np.dtype(np.uint8), []))
            whole, places = np.dtype(np.min_scalar_type(rows)), groups[-1][1]
            groups[-1] = whole, [*places, (index, parent.lag, parent.size, parent.edges)]
        return groups


_ParentKey = tuple[int, int, int, tuple[float, ...]]
"""Index, lag, size and edges of a parent."""


def _pack_states(parents: list[_ParentKey], block_states: BlockStates) -> npt.NDArray[np.unsignedinteger[Any]]:
    """The joint state of some parents, shape (trials,), in bytes where these can hold it."""
    first, *others = (_parent_states(parent, block_states) for parent in parents)
    for (_, _, size, _), state in zip(parents[1:], others, strict=True):
        first = first * np.uint8(size)
        first += state
    return first


def _parent_states(parent: _ParentKey, block_states: BlockStates) -> npt.NDArray[np.unsignedinteger[Any]]:
    """The states of a parent, shape (trials,)."""
    index, lag, _, edges = parent
    states: npt.NDArray[Any] = (block_states.before if lag else block_states.now)[index]
    return _count_edges_reached(states, edges) if edges else states


def _count_edges_reached(values: Floats, edges: tuple[float, ...]) -> npt.NDArray[np.unsignedinteger[Any]]:
    """How many edges each value reaches."""
    if len(edges) > np.iinfo(np.uint8).max:
        return np.searchsorted(np.array(edges), values, side="right").astype(np.uint32)
    first, *others = (np.greater_equal(values, edge).view(np.uint8) for edge in edges)
    return sum(others, first)


@dataclass(frozen=True)
class Lookup:
    """Columns of numbers for each joint state of some parents: shape (columns, rows), or (columns, 1) without any."""

    reader: RowIndex
    columns: Floats

    def fill(self, block_states: BlockStates, into: Floats) -> None:
        """Write the numbers of each trial, shape (columns, trials)."""
        if not self.reader.parents:
            into[:] = self.columns
            return
        rows = self.reader.rows(block_states)
        for column, out in zip(self.columns, into, strict=True):
            column.take(rows, out=out, mode="wrap")  # rows are in range; of the modes, this one is the fastest

    def combine(self, block_states: BlockStates, into: Floats, operation: np.ufunc) -> None:
        """Add or multiply the numbers of each trial to what is there, shape (columns, trials)."""
        changed_columns = self._changed_columns(operation)
        if not self.reader.parents:
            for column in changed_columns:
                operation(into[column], self.columns[column], out=into[column])
            return
        if [parent.node for _, parent in self.reader.parents] == [JUDGEMENTS]:
            for column in changed_columns:
                operation(into[column], block_states.per_trial(self.columns[column]), out=into[column])
            return
        rows = self.reader.rows(block_states)
        for column in changed_columns:
            operation(into[column], self.columns[column].take(rows, mode="wrap"), out=into[column])

    def _changed_columns(self, operation: np.ufunc) -> list[int]:
        """The columns in which adding or multiplying changes anything."""
        if operation not in self._changed_by_operation:
            self._changed_by_operation[operation] = _nonzero_rows(self.columns != operation.identity)
        return self._changed_by_operation[operation]

    @cached_property
    def _changed_by_operation(self) -> dict[np.ufunc, list[int]]:
        return {}


@dataclass(frozen=True)
class PiecewiseLinear:
    """Points along numeric parents, as sums of slopes over the stretches between knots: method (5)."""

    index: int
    lag: int
    knots: Floats
    """Shape (stretches + 1,)."""
    first_points: Floats
    """At the first knot: shape (columns,) or, where judgements are drawn, (columns, draws)."""
    slopes: Floats
    """Shape (stretches, columns) or (stretches, columns, draws)."""

    @classmethod
    def of(cls, curve: PiecewiseCurve, index: int) -> PiecewiseLinear:
        """A curve of a law, in this form."""
        points = np.moveaxis(curve.points, 0, -1) if curve.points.ndim == 3 else curve.points
        slopes = np.diff(points, axis=0) / np.diff(curve.knots).reshape(-1, *(1,) * (points.ndim - 1))
        return cls(index, curve.lag, curve.knots, points[0], slopes)

    def without_first(self) -> PiecewiseLinear:
        """This curve without the points at the first knot, which a table has instead."""
        return replace(self, first_points=np.zeros_like(self.first_points))

    @cached_property
    def affected_columns(self) -> list[int]:
        """The columns that get any points."""
        return sorted({*_nonzero_rows(self.first_points)}.union(*map(_nonzero_rows, self.slopes)))

    def node_values(self, block_states: BlockStates) -> Floats:
        """The values of the node that it lies along, shape (trials,)."""
        values: Floats = (block_states.before if self.lag else block_states.now)[self.index]
        return values

    @cached_property
    def key(self) -> tuple[bytes, ...]:
        """Equal where the same values get the same points."""
        return self.knots.tobytes(), self.first_points.tobytes(), self.slopes.tobytes()

    def points(self, block_states: BlockStates) -> dict[int, Floats]:
        """The points of each trial, by column that gets any, shape () or (trials,)."""
        values = self.node_values(block_states)
        points: dict[int, Floats] = {}
        for left, right, slopes in self._segments:
            along = np.minimum(np.maximum(values, left), right)
            along -= left
            for column, slope in slopes:
                rise = block_states.per_trial(slope) * along
                points[column] = points[column] + rise if column in points else rise
        for column, first in self._first_by_column:
            points[column] = points.get(column, _ZERO) + block_states.per_trial(first)
        return points

    @cached_property
    def _segments(self) -> list[tuple[np.float64, np.float64, list[tuple[int, Floats]]]]:
        """The ends of each stretch, and its slopes by column that has any."""
        ends = zip(self.knots[:-1], self.knots[1:], self.slopes, strict=True)
        return [
            (left, right, [(column, slopes[column]) for column in _nonzero_rows(slopes)])
            for left, right, slopes in ends
        ]

    @cached_property
    def _first_by_column(self) -> list[tuple[int, Floats]]:
        """The points at the first knot, by column that gets any."""
        return [(column, self.first_points[column]) for column in _nonzero_rows(self.first_points)]


def _nonzero_rows(rows: Floats) -> list[int]:
    """Which rows have anything in them."""
    return np.flatnonzero(rows.reshape(len(rows), -1).any(axis=1)).tolist()


class LogWeightTable:
    """Log-weights over the joint states of some parents: of the states and, in the last column, log-odds of keeping.

    Args:
        law: of which it is a part; what it has besides its terms is left out.
        terms: that it is made of.
        offset: shape (states + 1,), added to all rows.
    """

    def __init__(self, law: StepLaw, terms: tuple[Term, ...], offset: Floats) -> None:
        self.parents = tuple(sorted({parent for term in terms for parent in term.parents}))
        part = StepLaw(law.name, law.size, None, terms=terms, prior=np.ones(law.size), offset=offset)
        rows = log_weights(part, self.parents).reshape(-1, law.size + 1)
        self.logs: Floats = np.ascontiguousarray(rows.T)
        self.has_hold = bool(self.logs[-1].any())
        self.smallest_log = float(self.logs.min())
        if self.smallest_log == -math.inf:
            self.smallest_log = float(self.logs[np.isfinite(self.logs)].min(initial=0.0))
        self.largest_hold = float(self.logs[-1].max(initial=0.0))

    @cached_property
    def factors(self) -> Floats:
        """The factors of weights and odds, shape (states + 1, rows)."""
        return np.exp(self.logs)

    def columns(self, *, logarithmic: bool, with_hold: bool) -> Floats:
        """The logarithms or the factors, with those of keeping or without: shape (states + holds, rows).

        One and the same array for all laws that the table is a part of, so that they are pickled with one copy of it.
        """
        table = self.logs if logarithmic else self.factors
        return table if with_hold else table[:-1]


def sum_by_column(parts: Iterable[Mapping[int, Floats]]) -> dict[int, Floats]:
    """Points by column, added up: shape () or (trials,)."""
    total: dict[int, Floats] = {}
    for part in parts:
        for column, points in part.items():
            total[column] = total[column] + points if column in total else points
    return total


class TableCache:
    """Tables that were made already, by what they were made of.

    Args:
        permanent_from: whose tables these share, except those with drawn judgements, which belong to a block.
    """

    def __init__(self, permanent_from: TableCache | None = None) -> None:
        self.permanent: dict[object, LogWeightTable] = {} if permanent_from is None else permanent_from.permanent
        self._block_tables: dict[object, LogWeightTable] = {}

    def copy(self) -> TableCache:
        """A copy with the same permanent tables, to which more can be added."""
        other = TableCache()
        other.permanent.update(self.permanent)
        return other

    def table(self, law: StepLaw, terms: tuple[Term, ...], offset: Floats) -> LogWeightTable:
        """As `LogWeightTable`."""
        drawn = any(parent.node == JUDGEMENTS for term in terms for parent in term.parents)
        tables = self._block_tables if drawn else self.permanent
        key = (offset.tobytes(), *((term.parents, term.points.tobytes()) for term in terms))
        if key not in tables:
            tables[key] = LogWeightTable(law, terms, offset)
        return tables[key]


class LogWeightEvaluator:
    """Multiplies out a law for each trial: weights of the states, and the odds of keeping: method (1, 2).

    Args:
        law: the law.
        index: each node's place in `BlockStates`.
        tables: those already made, which laws of other steps and blocks share.
        varying_weights: the weights that change over time; terms without them get tables that can be shared.
    """

    def __init__(
        self,
        law: StepLaw,
        index: Mapping[str, int],
        tables: TableCache | None = None,
        varying_weights: frozenset[str] = frozenset(),
    ) -> None:
        self.size = law.size
        self.curves = [PiecewiseLinear.of(curve, index[curve.node]) for curve in law.curves]
        constant = (curve.first_points for curve in self.curves if curve.first_points.ndim == 1)
        law = replace(law, offset=sum(constant, law.offset))
        parts_tables = _make_tables(law, varying_weights, tables or TableCache())
        steepest = [2.0 * float(np.abs(curve.points).max()) for curve in law.curves]
        spread = math.fsum(steepest) + sum(part.largest_hold - part.smallest_log for part in parts_tables)
        self.logarithmic = spread > _SAFE_SPREAD
        self.curves = [curve.without_first() if curve.first_points.ndim == 1 else curve for curve in self.curves]
        curves_have_hold = any(law.size in curve.affected_columns for curve in self.curves)
        self.has_hold = curves_have_hold or any(part.has_hold for part in parts_tables)
        self.lookups = [
            Lookup(
                RowIndex(tuple((index[parent.node], parent) for parent in part.parents)),
                part.columns(logarithmic=self.logarithmic, with_hold=self.has_hold),
            )
            for part in parts_tables
        ]

    def __call__(self, block_states: BlockStates) -> tuple[Floats, Floats | None]:
        """Weights of the states, shape (states, trials), and the log-odds of keeping, or None where they are 0."""
        weights, hold = self._multiply(block_states)
        return weights, hold if hold is None or self.logarithmic else np.log(hold)

    def with_odds(self, block_states: BlockStates) -> tuple[Floats, Floats | None]:
        """Weights, shape (states, trials), and the factor of the odds of keeping, (trials,), None where it is 1."""
        weights, hold = self._multiply(block_states)
        if hold is not None and self.logarithmic:
            hold = np.exp(np.clip(hold, -_SAFE_SPREAD, _SAFE_SPREAD))
        return weights, hold

    def _multiply(self, block_states: BlockStates) -> tuple[Floats, Floats | None]:
        """Weights of the states, and the factor of the odds, or its logarithm where logarithms are added up."""
        columns = np.empty((self.size + self.has_hold, block_states.trials))
        first, *others = self.lookups
        first.fill(block_states, columns)
        for lookup in others:
            lookup.combine(block_states, columns, np.add if self.logarithmic else np.multiply)
        weights, hold = columns[: self.size], columns[self.size] if self.has_hold else None
        for column, effect in self._curve_effects(block_states).items():
            if self.logarithmic:
                columns[column] += effect
            else:
                columns[column] *= effect
        if self.logarithmic:
            weights -= np.maximum(weights.max(axis=0), -1e300)
            np.exp(weights, out=weights)
        return weights, hold

    def _curve_effects(self, block_states: BlockStates) -> Mapping[int, Floats]:
        """What curves add to the logarithms, or multiply weights and odds by: by column, shape () or (trials,)."""

        def make() -> dict[int, Floats]:
            points = sum_by_column(curve.points(block_states) for curve in self.curves)
            return points if self.logarithmic else {column: np.exp(added) for column, added in points.items()}

        if block_states.curve_memory is None or not self.curves:
            return make()
        key = (self.logarithmic, *(curve.key for curve in self.curves))
        values = [curve.node_values(block_states) for curve in self.curves]
        return block_states.curve_memory.get_or_make(key, values, make)


def _make_tables(law: StepLaw, varying_weights: frozenset[str], cache: TableCache) -> list[LogWeightTable]:
    """The tables of a law. Event windows go into the smallest."""
    terms = law.terms
    if not terms or bool(np.any(law.prior != law.prior[..., :1])):  # else the prior says nothing
        terms = (*terms, law.prior_term())
    groups, smallest = _group_terms(tuple((term.parents, term.weight in varying_weights) for term in terms))
    no_offset = np.zeros(law.size + 1)
    return [
        cache.table(law, tuple(terms[place] for place in group), law.offset if group is smallest else no_offset)
        for group in groups
    ]


class _TermGroup:
    """Terms that are put into one table, by their places in the law."""

    def __init__(self) -> None:
        self.parents: set[Parent] = set()
        self.places: list[int] = []
        self.rows = 1

    def rows_with(self, parents: Parents) -> int:
        """How many rows it would have with another term."""
        return self.rows * math.prod(parent.size for parent in parents if parent not in self.parents)

    def add(self, place: int, parents: Parents) -> None:
        """Take a term in."""
        self.rows = self.rows_with(parents)
        self.parents.update(parents)
        self.places.append(place)


@lru_cache(maxsize=1024)
def _group_terms(terms: tuple[tuple[Parents, bool], ...]) -> tuple[list[list[int]], list[int]]:
    """The places of terms in groups whose parents have at most `_FACTOR_ROWS` joint states, and the smallest group.

    What is drawn of judgements, and what varies over time, keeps apart from what does not. Large terms come first and
    each goes where it adds the fewest rows. The laws of an outcome at all steps are mostly grouped alike.

    Args:
        terms: of each, its parents, and whether its weight varies over time.
    """
    groups: dict[tuple[bool, bool], list[_TermGroup]] = {}
    for place in sorted(range(len(terms)), key=lambda place: (-len(terms[place][0]), terms[place][0])):
        parents, is_varying = terms[place]
        has_draws = any(parent.node == JUDGEMENTS for parent in parents)
        similar_groups = groups.setdefault((is_varying, has_draws), [])
        fitting = [group for group in similar_groups if group.rows_with(parents) <= max(_FACTOR_ROWS, group.rows)]
        if not fitting:
            similar_groups.append(_TermGroup())
        min(fitting or similar_groups[-1:], key=lambda group: group.rows_with(parents)).add(place, parents)
    all_groups = [group for kind in sorted(groups) for group in groups[kind]]
    return [group.places for group in all_groups], min(all_groups, key=lambda group: group.rows).places
