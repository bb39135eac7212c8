"""Kernels: a node's law at a step, compiled so that a whole block of trials is drawn at once.

A law whose parents have few enough combinations becomes thresholds: the parents' joint state picks a row, and a word is
compared with the row's cumulative probabilities. A larger one, or one that follows a numeric node along its scale, is
multiplied out for each trial from tables over small groups of parents.

Arrays hold trials in their last axis.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from usru_scenarios.meaning.program import JUDGEMENTS, Curve, Floats, Law, Parent, Term, kept, log_weights
from usru_scenarios.sampler.streams import Words

_NOTHING: Floats = np.asarray(0.0)

States = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.intp]

_THRESHOLD_ROWS = 1 << 17
"""The most rows of a threshold table; beyond, gathers would miss the cache more than factors cost."""
_DRAWN_ROWS = 1 << 13
"""The same for a table that only one block uses, since its judgements are drawn: to fill it costs more than factors."""
_FACTOR_ROWS = 1 << 14
"""The most rows of one of the tables that a law is multiplied out from."""
_SAFE_SPREAD = 600.0
"""Products of factors are formed as such while no state's log-weight can fall this far below the largest."""
_CELL = 1024
"""Trials whose products are summed by one matrix product: few enough that no library splits it between threads."""
_LEVELS = 4
"""How many thresholds of 16 bits one gather brings."""


class Worlds:
    """The states of all nodes in a block of trials, now and one step before.

    Attributes:
        now, before: by index of the node, shape (trials,): states as small integers or values of numeric nodes.
        drawn: which draw of the judgements each trial has, shape (trials,), or None; the last in `now` too.
        latent: by index of the node, the latent normals of numeric nodes.
        weight: shape (trials,), the probability of what draws were restricted to, given each world's past.
        met: by what a watcher waits for, shape (trials,), whether it has come about.
    """

    def __init__(self, nodes: int, trials: int, drawn: npt.NDArray[np.int64] | None = None) -> None:
        self.trials = trials
        self.drawn = drawn
        self._drawn_state = None if drawn is None else drawn.astype(np.min_scalar_type(drawn.max()))
        self.now: list[Any] = [None] * nodes
        self.before: list[Any] = [None] * nodes
        self.latent: list[Any] = [None] * nodes
        self.weight = np.ones(trials)
        self.met: dict[Any, npt.NDArray[np.bool_]] = {}

    def advance(self) -> None:
        """Begin a new step."""
        self.before, self.now = self.now, [None] * len(self.now)
        self.now[-1] = self._drawn_state

    def each(self, values: Floats) -> Floats:
        """A judgement's value in every trial, shape () where it is the same in all and else (trials,)."""
        if not values.ndim:
            return values
        assert self.drawn is not None, "a value for each draw needs draws"
        return values.take(self.drawn)


@dataclass(frozen=True)
class Reader:
    """Packs the joint state of some parents into the row of a table, first parent slowest."""

    parents: tuple[tuple[int, Parent], ...]
    """Index of each parent's node, and the parent."""

    def rows(self, worlds: Worlds) -> Rows:
        """The row of each trial, shape (trials,)."""
        packed: npt.NDArray[Any] | None = None
        for index, parent, dtype in self._steps:
            state = (worlds.before if parent.lag else worlds.now)[index]
            if parent.edges:
                state = _reached(state, parent.edges)
            if packed is None:
                packed = state
            else:
                packed = packed.astype(dtype, copy=False) * parent.size
                packed += state
        assert packed is not None, "a table without parents has no rows to read"
        return packed.astype(np.intp)

    @cached_property
    def _steps(self) -> list[tuple[int, Parent, Any]]:
        """The parents, each with the smallest type that holds the joint state of those up to it."""
        widths = accumulate((parent.size for _, parent in self.parents), operator.mul)
        return [(*part, np.min_scalar_type(width - 1)) for part, width in zip(self.parents, widths, strict=True)]


def _reached(values: Floats, edges: tuple[float, ...]) -> States:
    """How many edges each value reaches."""
    first, *others = (np.greater_equal(values, edge).view(np.uint8) for edge in edges)
    return sum(others, first)


# Laws that are multiplied out ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lookup:
    """Columns of numbers for each joint state of some parents: shape (columns, rows), or (columns, 1) without any."""

    reader: Reader
    columns: Floats

    def fill(self, worlds: Worlds, into: Floats) -> None:
        """Write the numbers of each trial, shape (columns, trials)."""
        if not self.reader.parents:
            into[:] = self.columns
            return
        rows = self.reader.rows(worlds)
        for column, out in zip(self.columns, into, strict=True):
            column.take(rows, out=out, mode="wrap")  # rows are in range; of the modes, this one is the fastest

    def combine(self, worlds: Worlds, into: Floats, operation: np.ufunc) -> None:
        """Add or multiply the numbers of each trial to what is there, shape (columns, trials)."""
        rows = self.reader.rows(worlds)
        for column, out in zip(self.columns, into, strict=True):
            operation(out, column.take(rows, mode="wrap"), out=out)


@dataclass(frozen=True)
class Hinges:
    """Points along numeric parents, as sums of slopes over the stretches between knots: shape (columns, trials)."""

    index: int
    lag: int
    knots: Floats
    first: Floats
    """Shape (columns,) or, where judgements are drawn, (columns, draws)."""
    slopes: Floats
    """Shape (stretches, columns) or (stretches, columns, draws)."""

    @classmethod
    def of(cls, curve: Curve, index: int) -> Hinges:
        """The hinges of a curve."""
        points = np.moveaxis(curve.points, 0, -1) if curve.points.ndim == 3 else curve.points
        slopes = np.diff(points, axis=0) / np.diff(curve.knots).reshape(-1, *(1,) * (points.ndim - 1))
        return cls(index, curve.lag, curve.knots, points[0], slopes)

    def without_first(self) -> Hinges:
        """The same where the points at the first knot are given by something else."""
        return replace(self, first=np.zeros_like(self.first))

    @cached_property
    def touched(self) -> list[int]:
        """The columns that get any points."""
        return sorted({*_nonzero(self.first), *(column for slopes in self.slopes for column in _nonzero(slopes))})

    def points(self, worlds: Worlds) -> dict[int, Floats]:
        """The points of each trial, by column that gets any, shape () or (trials,)."""
        values = (worlds.before if self.lag else worlds.now)[self.index]
        points: dict[int, Floats] = {}
        for left, right, slopes in zip(self.knots[:-1], self.knots[1:], self.slopes, strict=True):
            along = np.clip(values, left, right)
            along -= left
            for column in _nonzero(slopes):
                rise = worlds.each(slopes[column]) * along
                points[column] = points[column] + rise if column in points else rise
        for column in _nonzero(self.first):
            points[column] = points.get(column, _NOTHING) + worlds.each(self.first[column])
        return points


def _nonzero(rows: Floats) -> list[int]:
    """Which rows have anything in them."""
    return np.flatnonzero(rows.reshape(len(rows), -1).any(axis=1)).tolist()


class Table:
    """Log-weights over the joint states of some parents: of the states and, in the last column, log-odds of keeping.

    Args:
        law: of which it is a part; what it has besides its terms is left out.
        terms: that it is made of.
        offset: shape (states + 1,), added to all rows.
    """

    def __init__(self, law: Law, terms: tuple[Term, ...], offset: Floats) -> None:
        self.parents = tuple(sorted({parent for term in terms for parent in term.parents}))
        part = Law(law.name, law.size, None, terms=terms, prior=np.ones(law.size), offset=offset)
        rows = log_weights(part, self.parents).reshape(-1, law.size + 1)
        self.logs: Floats = np.ascontiguousarray(rows.T)
        self.holds = bool(self.logs[-1].any())
        self.lowest = float(self.logs.min())
        if self.lowest == -math.inf:
            self.lowest = float(self.logs[np.isfinite(self.logs)].min(initial=0.0))
        self.most_hold = float(self.logs[-1].max(initial=0.0))

    @cached_property
    def factors(self) -> Floats:
        """What they multiply weights and odds by."""
        return np.exp(self.logs)


def added_up(parts: Iterable[Mapping[int, Floats]]) -> dict[int, Floats]:
    """Points by column, added up."""
    whole: dict[int, Floats] = {}
    for part in parts:
        for column, points in part.items():
            whole[column] = whole[column] + points if column in whole else points
    return whole


class Tables:
    """Tables that were made already, by what they were made of.

    Args:
        others: those whose tables these share, but for what is drawn of judgements: that is a block's and goes with it.
    """

    def __init__(self, others: Tables | None = None) -> None:
        self.lasting: dict[object, Table] = {} if others is None else others.lasting
        self._drawn: dict[object, Table] = {}

    def of(self, law: Law, terms: tuple[Term, ...], offset: Floats) -> Table:
        """As `Table`."""
        drawn = any(parent.node == JUDGEMENTS for term in terms for parent in term.parents)
        known = self._drawn if drawn else self.lasting
        made_of = (offset.tobytes(), *((term.parents, term.points.tobytes()) for term in terms))
        if made_of not in known:
            known[made_of] = Table(law, terms, offset)
        return known[made_of]


class Weigher:
    """Multiplies out a law for each trial: unnormalised weights of the states, and the odds of keeping.

    Args:
        law: the law.
        index: each node's place in `Worlds`.
        tables: those already made, which laws of other steps and blocks share.
        varying: the weights that change over time; their terms get tables of their own, so that others can be shared.
    """

    def __init__(
        self,
        law: Law,
        index: Mapping[str, int],
        tables: Tables | None = None,
        varying: frozenset[str] = frozenset(),
    ) -> None:
        self.size = law.size
        self.hinges = [Hinges.of(curve, index[curve.node]) for curve in law.curves]
        law = replace(law, offset=sum((hinges.first for hinges in self.hinges if hinges.first.ndim == 1), law.offset))
        parts = _tables(law, varying, tables or Tables())
        steepest = [2.0 * float(np.abs(curve.points).max()) for curve in law.curves]
        self.logarithmic = math.fsum(steepest) + sum(part.most_hold - part.lowest for part in parts) > _SAFE_SPREAD
        self.hinges = [hinges.without_first() if hinges.first.ndim == 1 else hinges for hinges in self.hinges]
        tilted = any(law.size in hinges.touched for hinges in self.hinges)
        self.holds = tilted or any(part.holds for part in parts)
        self.lookups = [
            Lookup(
                Reader(tuple((index[parent.node], parent) for parent in part.parents)),
                (part.logs if self.logarithmic else part.factors)[: law.size + self.holds],
            )
            for part in parts
        ]

    def __call__(self, worlds: Worlds) -> tuple[Floats, Floats | None]:
        """Weights of the states, shape (states, trials), and the log-odds of keeping, or None where they are 0."""
        weights, last = self._multiplied(worlds)
        return weights, last if last is None or self.logarithmic else np.log(last)

    def with_odds(self, worlds: Worlds) -> tuple[Floats, Floats | None]:
        """The same with what the odds of keeping are multiplied by, neither 0 nor infinite, or None where it is 1."""
        weights, last = self._multiplied(worlds)
        if last is not None and self.logarithmic:
            last = np.exp(np.clip(last, -_SAFE_SPREAD, _SAFE_SPREAD))
        return weights, last

    def _multiplied(self, worlds: Worlds) -> tuple[Floats, Floats | None]:
        """Weights of the states, and the factor of the odds, or its logarithm where logarithms are added up."""
        columns = np.empty((self.size + self.holds, worlds.trials))
        first, *others = self.lookups
        first.fill(worlds, columns)
        for lookup in others:
            lookup.combine(worlds, columns, np.add if self.logarithmic else np.multiply)
        weights, last = columns[: self.size], columns[self.size] if self.holds else None
        for column, points in added_up(hinges.points(worlds) for hinges in self.hinges).items():
            if self.logarithmic:
                columns[column] += points
            else:
                columns[column] *= np.exp(points)
        if self.logarithmic:
            weights -= np.maximum(weights.max(axis=0), -1e300)
            np.exp(weights, out=weights)
        return weights, last


def _tables(law: Law, varying: frozenset[str], known: Tables) -> list[Table]:
    """The tables of a law. Event windows go into the smallest."""
    groups = _grouped(law, varying)
    smallest = min(groups, key=lambda group: group.rows)
    nothing = np.zeros(law.size + 1)
    return [known.of(law, tuple(group.terms), law.offset if group is smallest else nothing) for group in groups]


class _Group:
    """Terms that are put into one table."""

    def __init__(self) -> None:
        self.parents: set[Parent] = set()
        self.terms: list[Term] = []
        self.rows = 1

    def rows_with(self, term: Term) -> int:
        """How many rows it would have with another term."""
        return self.rows * math.prod(parent.size for parent in term.parents if parent not in self.parents)

    def add(self, term: Term) -> None:
        """Take a term in."""
        self.rows = self.rows_with(term)
        self.parents.update(term.parents)
        self.terms.append(term)


def _grouped(law: Law, varying: frozenset[str]) -> list[_Group]:
    """The terms, the prior among them, in groups whose parents have at most `_FACTOR_ROWS` joint states.

    What is drawn of judgements, and what varies over time, keeps apart from what does not. Large terms come first and
    each goes where it adds the fewest rows.
    """
    groups: dict[tuple[bool, bool], list[_Group]] = {}
    for term in sorted((*law.terms, *_prior(law)), key=lambda term: (-len(term.parents), term.parents)):
        drawn = any(parent.node == JUDGEMENTS for parent in term.parents)
        alike = groups.setdefault((term.weight in varying, drawn), [])
        fitting = [group for group in alike if group.rows_with(term) <= max(_FACTOR_ROWS, group.rows)]
        if not fitting:
            alike.append(_Group())
        min(fitting or alike[-1:], key=lambda group: group.rows_with(term)).add(term)
    return [group for kind in sorted(groups) for group in groups[kind]]


def _prior(law: Law) -> Iterator[Term]:
    """The prior as a term, where it says anything or nothing else does."""
    if not law.terms or bool(np.any(law.prior != law.prior[..., :1])):
        with np.errstate(divide="ignore"):
            log = np.log(law.prior)
        yield Term(law.prior_parents, np.concatenate([log, np.zeros((*log.shape[:-1], 1))], axis=-1))


# Categorical nodes ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Restriction:
    """What an observation holds a node to at a step.

    Attributes:
        states: the states of a categorical node that may be drawn.
        low, high: the values between which a numeric node may be drawn.
        unless: trials in which this has been met (`Worlds.met`) are drawn freely.
    """

    states: tuple[int, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    unless: object = None

    def narrow(self, share: Floats, worlds: Worlds) -> Floats:
        """Probabilities of states, shape (states, trials), given the restriction, whose own go into the weights."""
        inside = share[list(self.states)].sum(axis=0)
        narrowed = np.zeros_like(share)
        narrowed[list(self.states)] = share[list(self.states)] / np.where(inside > 0, inside, 1.0)
        free = worlds.met.get(self.unless)
        if free is not None:
            narrowed = np.where(free, share, narrowed)
            inside = np.where(free, 1.0, inside)
        worlds.weight *= inside
        return narrowed

    def keep(self, values: Floats, worlds: Worlds) -> None:
        """Take the weight of trials whose value, which nothing is left to draw of, is outside the restriction."""
        inside = (values >= self.low) & (values <= self.high)
        free = worlds.met.get(self.unless)
        if free is not None:
            inside |= free
        worlds.weight *= inside


class Kernel(Protocol):
    """Draws a node for every trial of a block."""

    def draw(self, worlds: Worlds, index: int, words: Words, restriction: Restriction | None = None) -> None:
        """Set `worlds.now[index]`, shape (trials,)."""


@dataclass(frozen=True)
class Keep:
    """Every state is kept."""

    def draw(self, worlds: Worlds, index: int, words: Words, restriction: Restriction | None = None) -> None:  # noqa: ARG002
        """The state before is the state now."""
        worlds.now[index] = worlds.before[index]


@dataclass(frozen=True)
class Certain:
    """The same state in every trial."""

    state: int

    def draw(self, worlds: Worlds, index: int, words: Words, restriction: Restriction | None = None) -> None:  # noqa: ARG002
        """Nothing is left to chance."""
        worlds.now[index] = np.full(worlds.trials, self.state, dtype=np.uint8)


@dataclass(frozen=True)
class Thresholds:
    """A row for each joint state of the parents; a state is passed when the word exceeds its threshold.

    The upper halves of words and thresholds are compared. Only where they are equal, once in 65,536 trials, do the
    lower ones decide.

    Attributes:
        reader: packs the parents into a row; without parents there is one row.
        upper: the upper halves of up to four thresholds each, packed into one integer, the first lowest; shape (rows,).
        lower: the lower halves, shape (states - 1, rows).
    """

    reader: Reader
    upper: tuple[npt.NDArray[np.unsignedinteger[Any]], ...]
    lower: npt.NDArray[np.uint16]

    @classmethod
    def of(cls, law: Law, index: Mapping[str, int]) -> Thresholds:
        """The thresholds of a law without curves."""
        cumulative = np.cumsum(law.table(), axis=-1).reshape(law.rows, law.size).T[:-1]
        levels = np.clip(np.rint(cumulative * 2.0**32) - 1.0, 0.0, 2.0**32 - 1.0).astype(np.uint32)
        halves = (levels >> 16).astype(np.uint64)
        upper = tuple(_packed(halves[start : start + _LEVELS]) for start in range(0, len(halves), _LEVELS))
        reader = Reader(tuple((index[parent.node], parent) for parent in law.parents))
        return cls(reader, upper, levels.astype(np.uint16))

    def draw(self, worlds: Worlds, index: int, words: Words, restriction: Restriction | None = None) -> None:
        """Count the thresholds that each word exceeds."""
        assert restriction is None, "a node that is held to something is drawn from its factors"
        rows = self.reader.rows(worlds) if self.reader.parents else np.zeros(worlds.trials, dtype=np.intp)
        word = words.upper
        passed: list[States] = []
        for lower, upper in zip(self.lower, self._upper_of(rows), strict=False):
            exceeds = word > upper
            (tied,) = (word == upper).nonzero()
            if len(tied):  # a word of 0 counts as 1, so that a state of probability 0 is never drawn
                exceeds[tied] = np.maximum(words.lower(tied), 1) > lower[rows[tied]]
            passed.append(exceeds.view(np.uint8))
        worlds.now[index] = _added(passed, worlds.trials)

    def _upper_of(self, rows: Rows) -> Iterator[npt.NDArray[np.uint16]]:
        """The upper halves of the thresholds of each trial, shape (trials,), one threshold after the other."""
        for table in self.upper:
            packed = table.take(rows, mode="wrap")
            yield packed.astype(np.uint16, copy=False)
            for shift in range(16, 8 * table.itemsize, 16):
                yield (packed >> table.dtype.type(shift)).astype(np.uint16)


def _packed(halves: npt.NDArray[np.uint64]) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Numbers of 16 bits, shape (numbers, rows), in one integer for each row, the first lowest."""
    packed = np.zeros(halves.shape[1], dtype=np.uint64)
    for place, half in enumerate(halves):
        packed |= half << np.uint64(16 * place)
    return packed.astype({1: np.uint16, 2: np.uint32}.get(len(halves), np.uint64))


class Factors:
    """Weights multiplied out for each trial."""

    def __init__(self, law: Law, index: Mapping[str, int], tables: Tables | None = None) -> None:
        if law.fixed is not None:  # which is a prior that nothing acts on
            law = replace(law, prior=law.fixed)
        self.weigher = Weigher(_with_mask(law), index, tables)
        self.keep = law.keep
        """Persistence by state, or None where nothing is kept; with draws of the judgements before the states."""
        self.odds = None if law.keep is None else _odds(law.keep)
        self.confined = law.allowed is not None
        """Whether a state may have nowhere to go, and then stays."""
        self.simple = not self.weigher.logarithmic and (self.odds is None or bool(np.isfinite(self.odds).all()))
        """Whether odds are never infinite, so that a state can be drawn from weights."""

    def draw(self, worlds: Worlds, index: int, words: Words, restriction: Restriction | None = None) -> None:
        """Draw from the mixture of keeping and redrawing, states in order."""
        own = worlds.before[index]
        if restriction is None and self.simple:
            weights, odds = self.weigher.with_odds(worlds)
            stay = None if self.odds is None or own is None else self._stay(worlds, own, odds)
            state = draw_kept(weights, stay, own, words.uniforms)
            worlds.now[index] = np.where(weights[-1] > 0.0, state, own) if self.confined else state
            return
        share = self.share(worlds, own)
        if restriction is not None:
            share = restriction.narrow(share, worlds)
        worlds.now[index] = draw_state(share, words.uniforms)

    def share(self, worlds: Worlds, own: States | None) -> Floats:
        """The probabilities of the states after the step, shape (states, trials)."""
        weights, odds = self.weigher(worlds)
        share = _shares(weights)
        if self.keep is not None and own is not None:
            keep = _by_state(self.keep, worlds, own)
            share *= 1.0 - (keep if odds is None else kept(keep, odds))
            share += (1.0 - share.sum(axis=0)) * (np.arange(len(share))[:, None] == own)
        return share

    def _stay(self, worlds: Worlds, own: States, odds: Floats | None) -> Floats:
        """The odds of keeping."""
        assert self.odds is not None
        stay = _by_state(self.odds, worlds, own)
        return stay if odds is None else np.multiply(stay, odds, out=odds)


def kernel(law: Law, index: Mapping[str, int], tables: Tables | None = None) -> Kernel:
    """The fastest kernel of a law; `index` gives each node's place in `Worlds`, `tables` those already made."""
    if law.fixed is not None and law.fixed.max() == 1.0:
        return Certain(int(law.fixed.argmax()))
    if law.keep is not None and bool(np.all(law.keep >= 1.0)):
        return Keep()
    drawn = any(parent.node == JUDGEMENTS for parent in law.parents)
    if law.curves or law.rows > (min(_DRAWN_ROWS, _THRESHOLD_ROWS) if drawn else _THRESHOLD_ROWS):
        return Factors(law, index, tables)
    return Thresholds.of(law, index)


def _odds(keep: Floats) -> Floats:
    """The odds of a probability; one for all states, shape (), where it is the same for all and not drawn."""
    with np.errstate(divide="ignore"):
        odds: Floats = keep / (1.0 - keep)
    return odds[0] if keep.ndim == 1 and bool(np.all(keep == keep[0])) else odds


def _by_state(values: Floats, worlds: Worlds, own: States) -> Floats:
    """Values by state, shape (), (states,) or (draws, states), of each trial's own state: shape () or (trials,)."""
    if values.ndim < 2:
        return values.take(own) if values.ndim else values
    return values[worlds.drawn, own]


def draw_state(share: Floats, uniforms: Floats) -> States:
    """The states that `uniforms` pick by probabilities `share`, shape (states, trials), which sum to 1."""
    rest = uniforms.copy()
    state = np.zeros(len(rest), dtype=np.uint8)
    for row in share[:-1]:
        rest -= row
        state += (rest > 0.0).view(np.uint8)
    return state


def draw_kept(weights: Floats, stay: Floats | None, own: States | None, uniforms: Floats) -> States:
    """The states that `uniforms` pick from a mixture of keeping one's own state and a redraw.

    Args:
        weights: of a redraw, shape (states, trials), which become cumulative; where all are 0, what is drawn is void.
        stay: the odds of keeping, shape () or (trials,), or None where nothing is kept.
        own: shape (trials,), or None.
        uniforms: shape (trials,); overwritten.
    """
    *levels, total = _cumulative(weights)
    if stay is None or own is None:
        uniforms *= total
        return _passed(uniforms, levels)
    stay = stay * total
    uniforms *= stay + total
    return _kept_or_passed(uniforms, stay, own, levels)


def _cumulative(weights: Floats) -> Floats:
    """Cumulative sums over the states, in place."""
    for below, weight in pairwise(weights):  # many times faster than `np.cumsum` along the first axis
        np.add(weight, below, out=weight)
    return weights


def _kept_or_passed(values: Floats, stay: Floats, own: States, levels: Iterable[Floats]) -> States:
    """How many levels each value exceeds, where the level of `own` and all above it are raised by `stay`.

    Both counts, with all levels raised and with none, bound it: below `own` the one holds, above it the other.
    """
    levels = list(levels)
    above = _passed(values, levels)
    values -= stay
    return np.maximum(np.minimum(own, above), _passed(values, levels))


def _passed(values: Floats, levels: Iterable[Floats]) -> States:
    """How many levels each value exceeds."""
    return _added([(values > level).view(np.uint8) for level in levels], len(values))


def _added(passed: list[States], trials: int) -> States:
    """The sum of what each trial passed, shape (trials,); without anything to pass, 0."""
    return sum(passed[1:], passed[0]) if passed else np.zeros(trials, dtype=np.uint8)


def _shares(weights: Floats) -> Floats:
    """Weights brought to sum to 1, in place; all 0 where they are."""
    total = weights.sum(axis=0)
    weights /= np.where(total > 0, total, 1.0)
    return weights


def _with_mask(law: Law) -> Law:
    """The law with its allowed moves as a term: minus infinity where a redraw may not go."""
    if law.allowed is None or law.keep is None:
        return law
    mask = np.zeros((law.size, law.size + 1))
    mask[:, : law.size][~law.allowed] = -np.inf
    return replace(law, terms=(*law.terms, Term((law.own,), mask)), allowed=None)


# The outcome ---------------------------------------------------------------------------------------------------------


class Mixing:
    """A step of the outcome in which every scenario is kept with the same probability or redrawn by the same shares.

    Args:
        hold: the probability of keeping, shape () or (trials,).
        weights: of where a redraw goes, shape (scenarios, trials), of any sum above 0.
    """

    def __init__(self, hold: Floats, weights: Floats) -> None:
        self.hold = hold
        self.weights = weights

    @property
    def scenarios(self) -> int:
        """How many there are."""
        return len(self.weights)

    @cached_property
    def total(self) -> Floats:
        """The sum of the weights, shape (trials,)."""
        total: Floats = self.weights.sum(axis=0)
        return total

    @cached_property
    def share(self) -> Floats:
        """Where a redraw goes, shape (scenarios, trials)."""
        return self.weights / self.total

    @cached_property
    def flow(self) -> Floats:
        """The probability of a redraw that ends in each scenario and, in the last row, that of keeping."""
        flow = np.empty((len(self.weights) + 1, self.weights.shape[1]))
        np.multiply(self.weights, (1.0 - self.hold) / self.total, out=flow[:-1])
        flow[-1] = self.hold
        return flow

    @property
    def moved(self) -> Floats:
        """The probability of a redraw that ends in each scenario, shape (scenarios, trials)."""
        return self.flow[:-1]

    def start(self) -> Floats:
        """The probabilities at the first step, before which nothing is kept."""
        return self.share

    def advance(self, probability: Floats) -> Floats:
        """The scenario's probabilities after the step, shape (scenarios, trials)."""
        after: Floats = probability * self.hold
        after += self.moved
        return after

    def moves(self, probability: Floats) -> Iterable[Floats]:
        """For each scenario, the probability of being there and then in each one, shape (scenarios, trials)."""
        moved = self.moved
        for scenario, there in enumerate(probability):
            joint = moved * there
            joint[scenario] += there * self.hold
            yield joint

    def summed_moves(self, probability: Floats, edges: npt.NDArray[np.int64]) -> Floats:
        """The sums of these over batches of trials that start at `edges`: shape (batches, from, to)."""
        products = _products(probability, self.flow, edges)
        products[:, range(self.scenarios), range(self.scenarios)] += products[..., -1]
        return products[..., :-1]

    def row(self, states: States) -> Floats:
        """The probabilities after the step for trials that were in `states`."""
        row = self.moved.copy()
        row[states, np.arange(len(states))] += self.hold
        return row

    def draw(self, before: States, uniforms: Floats) -> States:
        """The states that `uniforms`, overwritten, pick after the step for trials that were in `before`."""
        return _kept_or_passed(uniforms, self.hold, before, _cumulative(self.moved[:-1].copy()))

    def survive(self, unseen: Floats, members: list[int]) -> Floats:
        """Move the probability of not having been in `members` yet, shape (scenarios, trials), and lose the seen."""
        after: Floats = unseen * self.hold + unseen.sum(axis=0) * self.moved
        after[members] = 0.0
        return after


def _products(one: Floats, other: Floats, edges: npt.NDArray[np.int64]) -> Floats:
    """Sums of products over batches of trials that start at `edges`: shape (batches, things of one, of the other)."""
    size, rest = divmod(one.shape[1], len(edges))
    if rest or not np.array_equal(edges, size * np.arange(len(edges))):
        return np.stack([np.add.reduceat(row * other, edges, axis=-1).T for row in one], axis=1)
    cell = size if size <= _CELL else math.gcd(size, _CELL)
    sums: Floats
    sums = one.reshape(len(one), -1, cell).swapaxes(0, 1) @ other.reshape(len(other), -1, cell).transpose(1, 2, 0)
    return sums if cell == size else sums.reshape(len(edges), -1, len(one), len(other)).sum(axis=1)


@dataclass(frozen=True)
class Matrix:
    """A step of the outcome by its whole transition matrix, shape (from, to, trials)."""

    matrix: Floats

    @property
    def scenarios(self) -> int:
        """How many there are."""
        return len(self.matrix)

    def start(self) -> Floats:
        """The probabilities where every scenario before leads to the same ones."""
        start: Floats = self.matrix[0]
        return start

    def advance(self, probability: Floats) -> Floats:
        """As in `Mixing`."""
        after: Floats = probability[0] * self.matrix[0]
        for there, row in zip(probability[1:], self.matrix[1:], strict=True):
            after += there * row
        return after

    def moves(self, probability: Floats) -> Iterable[Floats]:
        """As in `Mixing`."""
        return (there * row for there, row in zip(probability, self.matrix, strict=True))

    def summed_moves(self, probability: Floats, edges: npt.NDArray[np.int64]) -> Floats:
        """As in `Mixing`."""
        return np.stack([np.add.reduceat(joint, edges, axis=-1).T for joint in self.moves(probability)], axis=1)

    def row(self, states: States) -> Floats:
        """As in `Mixing`."""
        rows: Floats = np.take_along_axis(self.matrix, states[None, None, :].astype(np.intp), axis=0)[0]
        return rows

    def draw(self, before: States, uniforms: Floats) -> States:
        """As in `Mixing`."""
        return draw_state(self.row(before), uniforms)

    def survive(self, unseen: Floats, members: list[int]) -> Floats:
        """As in `Mixing`."""
        after = self.advance(unseen)
        after[members] = 0.0
        return after


class OutcomeKernel:
    """Gives the outcome's transition in every trial of a block."""

    def __init__(
        self,
        law: Law,
        index: Mapping[str, int],
        tables: Tables | None = None,
        varying: frozenset[str] = frozenset(),
    ) -> None:
        self.law = law
        own = {law.own} & {parent for part in (law.prior_parents, *(t.parents for t in law.terms)) for parent in part}
        masked = _with_mask(law)
        uniform = law.keep is None or bool(np.all(law.keep == law.keep[..., :1]))
        self.mixes = law.fixed is not None or (not own and law.allowed is None and uniform)
        laws = [masked] if self.mixes else [_from_state(masked, state) for state in range(law.size)]
        self.weighers = [] if law.fixed is not None else [Weigher(part, index, tables, varying) for part in laws]

    def transition(self, worlds: Worlds) -> Mixing | Matrix:
        """The transition of this step; without a step before, its shares are the start."""
        if self.law.fixed is not None:
            return Mixing(_NOTHING, np.broadcast_to(self.law.fixed[:, None], (self.law.size, worlds.trials)))
        if self.mixes:
            weights, odds = self.weighers[0].with_odds(worlds)
            if self.law.keep is None:
                return Mixing(_NOTHING, weights)
            hold = worlds.each(self.law.keep[..., 0])
            if odds is not None:
                odds *= hold
                hold = odds / (odds + (1.0 - hold))
            return Mixing(hold, weights)
        return Matrix(np.stack([self._row(state, worlds) for state in range(self.law.size)]))

    def _row(self, state: int, worlds: Worlds) -> Floats:
        weights, odds = self.weighers[state](worlds)
        share = _shares(weights)
        if self.law.keep is None:
            return share
        keep = worlds.each(self.law.keep[..., state])
        share *= 1.0 - (keep if odds is None else kept(keep, odds))
        share[state] += 1.0 - share.sum(axis=0)
        return share


def _from_state(law: Law, state: int) -> Law:
    """The law of the trials whose own previous state is known."""

    def sliced(table: Floats, parents: tuple[Parent, ...]) -> tuple[Floats, tuple[Parent, ...]]:
        if law.own not in parents:
            return table, parents
        axis = parents.index(law.own)
        return np.take(table, state, axis=axis), (*parents[:axis], *parents[axis + 1 :])

    terms = []
    for term in law.terms:
        points, parents = sliced(term.points, term.parents)
        terms.append(replace(term, points=points, parents=parents))
    prior, prior_parents = sliced(law.prior, law.prior_parents)
    return replace(law, terms=tuple(terms), prior=prior, prior_parents=prior_parents)


def draw_scenario(
    transition: Mixing | Matrix, worlds: Worlds, index: int, words: Words, restriction: Restriction | None
) -> None:
    """Set the outcome in `worlds.now[index]`, shape (trials,)."""
    before, uniforms = worlds.before[index], words.uniforms
    if restriction is not None:
        share = transition.start() if before is None else transition.row(before)
        worlds.now[index] = draw_state(restriction.narrow(share, worlds), uniforms)
    elif before is None:
        worlds.now[index] = draw_state(transition.start(), uniforms)
    else:
        worlds.now[index] = transition.draw(before, uniforms)
