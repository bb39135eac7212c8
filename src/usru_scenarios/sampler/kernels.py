"""Kernels: a node's law at a step, compiled so that a whole block of trials is drawn at once.

A law whose parents have few enough combinations becomes thresholds: the parents' joint state picks a row, and a 32-bit
word is compared with the row's cumulative probabilities. A larger one, or one that follows a numeric node along its
scale, is multiplied out for each trial from tables over small groups of parents.

Arrays hold trials in their last axis. Words are never 0, so that a state of probability 0 is never drawn and one of
probability 1 always is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from usru_scenarios.meaning.program import Curve, Floats, Law, NumericNode, Parent, Term, kept, log_weights

States = npt.NDArray[np.uint8]
Words = Callable[[int], npt.NDArray[np.uint32]]
"""Takes a number of words per trial and gives them, shape (words, trials)."""

_THRESHOLD_ROWS = 1 << 17
"""The most rows of a threshold table; beyond, gathers would miss the cache more than factors cost."""
_FACTOR_ROWS = 1 << 14
"""The most rows of one of the tables that a law is multiplied out from."""
_SAFE_SPREAD = 600.0
"""Products of factors are formed as such while no state's log-weight can fall this far below the largest."""


class Worlds:
    """The states of all nodes in a block of trials, now and one step before.

    Attributes:
        now, before: by index of the node, shape (trials,): states as small integers or values of numeric nodes.
        latent: by index of the node, the latent normals of numeric nodes.
        weight: shape (trials,), the probability of what draws were restricted to, given each world's past.
        met: by what a watcher waits for, shape (trials,), whether it has come about.
    """

    def __init__(self, nodes: int, trials: int) -> None:
        self.trials = trials
        self.now: list[Any] = [None] * nodes
        self.before: list[Any] = [None] * nodes
        self.latent: list[Any] = [None] * nodes
        self.weight = np.ones(trials)
        self.met: dict[Any, npt.NDArray[np.bool_]] = {}

    def advance(self) -> None:
        """Begin a new step."""
        self.before, self.now = self.now, [None] * len(self.now)


@dataclass(frozen=True)
class Reader:
    """Packs the joint state of some parents into the row of a table, first parent slowest."""

    parents: tuple[tuple[int, Parent], ...]
    """Index of each parent's node, and the parent."""

    def rows(self, worlds: Worlds) -> npt.NDArray[np.intp]:
        """The row of each trial, shape (trials,)."""
        width = math.prod(parent.size for _, parent in self.parents)
        dtype: Any = np.uint8 if width <= 1 << 8 else np.uint16 if width <= 1 << 16 else np.int64
        packed: npt.NDArray[Any] | None = None
        for index, parent in self.parents:
            state = (worlds.before if parent.lag else worlds.now)[index]
            if parent.edges:
                state = np.searchsorted(np.array(parent.edges), state, side="right")
            if packed is None:
                packed = state.astype(dtype)
            else:
                packed *= dtype(parent.size)
                packed += state.astype(dtype, copy=False)
        assert packed is not None, "a table without parents has no rows to read"
        return packed.astype(np.intp)


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
            column.take(rows, out=out, mode="clip")  # rows are in range; the mode spares take a buffer

    def combine(self, worlds: Worlds, into: Floats, operation: np.ufunc) -> None:
        """Add or multiply the numbers of each trial to what is there, shape (columns, trials)."""
        rows = self.reader.rows(worlds)
        for column, out in zip(self.columns, into, strict=True):
            operation(out, column.take(rows), out=out)


@dataclass(frozen=True)
class Hinges:
    """Points along numeric parents, as sums of slopes over the stretches between knots: shape (columns, trials)."""

    index: int
    lag: int
    knots: Floats
    first: Floats
    slopes: Floats
    """Shape (stretches, columns)."""

    @classmethod
    def of(cls, curve: Curve, index: int) -> Hinges:
        """The hinges of a curve."""
        slopes = np.diff(curve.points, axis=0) / np.diff(curve.knots)[:, None]
        return cls(index, curve.lag, curve.knots, curve.points[0], slopes)

    @property
    def touched(self) -> list[int]:
        """The columns that get any points."""
        return np.flatnonzero(np.any(self.slopes, axis=0) | (self.first != 0)).tolist()

    def add(self, worlds: Worlds, sums: Floats) -> None:
        """Add the points of each trial to `sums`, shape (columns, trials)."""
        values = (worlds.before if self.lag else worlds.now)[self.index]
        for column in np.flatnonzero(self.first).tolist():
            sums[column] += self.first[column]
        for left, right, slopes in zip(self.knots[:-1], self.knots[1:], self.slopes, strict=True):
            along = np.clip(values, left, right)
            along -= left
            for column in np.flatnonzero(slopes).tolist():
                sums[column] += slopes[column] * along


class Weigher:
    """Multiplies out a law for each trial: unnormalised weights of the states, and the odds of keeping."""

    def __init__(self, law: Law, index: Mapping[str, int]) -> None:
        self.size = law.size
        groups = _grouped(law)
        tables = [_group_table(law, *group, first=number == 0) for number, group in enumerate(groups)]
        lowest = [float(table[np.isfinite(table)].min(initial=0.0)) for table in tables]
        lowest += [-float(table[..., law.size].max(initial=0.0)) for table in tables]
        steepest = [2.0 * float(np.abs(curve.points).max()) for curve in law.curves]
        self.logarithmic = math.fsum(steepest) - math.fsum(lowest) > _SAFE_SPREAD
        self.hinges = [Hinges.of(curve, index[curve.node]) for curve in law.curves]
        self.holds = any(table[..., law.size].any() for table in tables) or any(
            curve.points[:, law.size].any() for curve in law.curves
        )
        self.lookups = []
        for (group, _), table in zip(groups, tables, strict=True):
            columns = np.moveaxis(table, -1, 0).reshape(law.size + 1, -1)
            if not self.holds:
                columns = columns[: law.size]
            reader = Reader(tuple((index[parent.node], parent) for parent in group))
            self.lookups.append(Lookup(reader, columns if self.logarithmic else np.exp(columns)))

    def __call__(self, worlds: Worlds) -> tuple[Floats, Floats | None]:
        """Weights of the states, shape (states, trials), and the log-odds of keeping, or None where they are 0."""
        sums = np.empty((self.size + self.holds, worlds.trials))
        first, *others = self.lookups
        first.fill(worlds, sums)
        for lookup in others:
            lookup.combine(worlds, sums, np.add if self.logarithmic else np.multiply)
        weights = sums[: self.size]
        if self.logarithmic:
            for hinges in self.hinges:
                hinges.add(worlds, sums)
            weights -= np.maximum(weights.max(axis=0), -1e300)
            np.exp(weights, out=weights)
            return weights, sums[self.size] if self.holds else None
        self._tilt(worlds, sums)
        return weights, np.log(sums[self.size]) if self.holds else None

    def _tilt(self, worlds: Worlds, factors: Floats) -> None:
        """Multiply by what numeric parents give, only where they give anything."""
        if not self.hinges:
            return
        points = np.zeros_like(factors)
        for hinges in self.hinges:
            hinges.add(worlds, points)
        for column in sorted({column for hinges in self.hinges for column in hinges.touched}):
            factors[column] *= np.exp(points[column])


def _grouped(law: Law) -> list[tuple[tuple[Parent, ...], tuple[Term, ...]]]:
    """The terms in groups whose parents have at most `_FACTOR_ROWS` joint states; the first group holds the prior's.

    Large terms come first and each goes where it adds the fewest rows.
    """
    groups: list[tuple[set[Parent], list[Term]]] = [(set(law.prior_parents), [])]
    for term in sorted(law.terms, key=lambda term: (-len(term.parents), term.parents)):
        wanted = set(term.parents)
        sizes = [math.prod(parent.size for parent in parents | wanted) for parents, _ in groups]
        fitting = [
            (size, number) for number, size in enumerate(sizes) if size <= _FACTOR_ROWS or wanted <= groups[number][0]
        ]
        if fitting:
            parents, terms = groups[min(fitting)[1]]
            parents |= wanted
            terms.append(term)
        else:
            groups.append((wanted, [term]))
    return [(tuple(sorted(parents)), tuple(terms)) for parents, terms in groups]


def _group_table(law: Law, parents: tuple[Parent, ...], terms: tuple[Term, ...], *, first: bool) -> Floats:
    """The log-weights that a group of parents gives; the first group carries the prior and the events too."""
    part = replace(law, terms=terms, curves=())
    if not first:
        part = replace(part, prior_parents=(), prior=np.ones(law.size), offset=np.zeros(law.size + 1))
    return log_weights(part, parents)


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
class Thresholds:
    """A row for each joint state of the parents; a state is passed when the word exceeds its threshold.

    Attributes:
        reader: packs the parents into a row; without parents there is one row.
        levels: shape (states - 1, rows).
    """

    reader: Reader
    levels: npt.NDArray[np.uint32]

    @classmethod
    def of(cls, law: Law, index: Mapping[str, int]) -> Thresholds:
        """The thresholds of a law without curves."""
        cumulative = np.cumsum(law.table(), axis=-1)[..., :-1]
        scaled = np.clip(np.rint(cumulative * 2.0**32) - 1.0, 0.0, 2.0**32 - 1.0).astype(np.uint32)
        levels = np.ascontiguousarray(np.moveaxis(scaled, -1, 0).reshape(law.size - 1, law.rows))
        return cls(Reader(tuple((index[parent.node], parent) for parent in law.parents)), levels)

    def draw(self, worlds: Worlds, index: int, words: Words, restriction: Restriction | None = None) -> None:
        """Count the thresholds that each word exceeds."""
        assert restriction is None, "a node that is held to something is drawn from its factors"
        state = np.zeros(worlds.trials, dtype=np.uint8)
        if len(self.levels):
            word = words(1)[0]
            rows = self.reader.rows(worlds) if self.reader.parents else None
            for level in self.levels:
                state += (word > (level[0] if rows is None else level.take(rows))).view(np.uint8)
        worlds.now[index] = state


@dataclass(frozen=True)
class Factors:
    """Weights multiplied out for each trial.

    Attributes:
        weigher: the weights of a redraw.
        keep: persistence by state, or None where nothing is kept.
    """

    weigher: Weigher
    keep: Floats | None

    @classmethod
    def of(cls, law: Law, index: Mapping[str, int]) -> Factors:
        """The factors of a law; what is fixed is a prior that nothing acts on."""
        if law.fixed is not None:
            law = replace(law, prior=law.fixed)
        return cls(Weigher(_with_mask(law), index), law.keep)

    def draw(self, worlds: Worlds, index: int, words: Words, restriction: Restriction | None = None) -> None:
        """Draw from the mixture of keeping and redrawing, states in order."""
        share = self.share(worlds, worlds.before[index])
        if restriction is not None:
            share = restriction.narrow(share, worlds)
        worlds.now[index] = draw_state(share, words(1)[0])

    def share(self, worlds: Worlds, own: States | None) -> Floats:
        """The probabilities of the states after the step, shape (states, trials)."""
        weights, odds = self.weigher(worlds)
        share = _shares(weights)
        if self.keep is not None and own is not None:
            keep = self.keep.take(own)
            share *= 1.0 - (keep if odds is None else kept(keep, odds))
            share += (1.0 - share.sum(axis=0)) * (np.arange(len(share))[:, None] == own)
        return share


def kernel(law: Law, index: Mapping[str, int]) -> Kernel:
    """The fastest kernel of a law; `index` gives each node's place in `Worlds`."""
    if law.keep is not None and bool(np.all(law.keep >= 1.0)):
        return Keep()
    if law.curves or law.rows > _THRESHOLD_ROWS:
        return Factors.of(law, index)
    return Thresholds.of(law, index)


def draw_state(share: Floats, word: npt.NDArray[np.uint32]) -> States:
    """The states that words pick by probabilities `share`, shape (states, trials), which sum to 1."""
    uniform = word * 2.0**-32
    state = np.zeros(len(uniform), dtype=np.uint8)
    for row in share[:-1]:
        uniform -= row
        state += (uniform > 0.0).view(np.uint8)
    return state


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


@dataclass(frozen=True)
class Mixing:
    """A step of the outcome in which every scenario is kept with the same probability or redrawn by the same shares.

    Attributes:
        hold: the probability of keeping, a number or shape (trials,).
        share: where a redraw goes, shape (scenarios, trials).
    """

    hold: float | Floats
    share: Floats

    def advance(self, probability: Floats) -> Floats:
        """The scenario's probabilities after the step, shape (scenarios, trials)."""
        after: Floats = probability * self.hold
        after += self.moved
        return after

    @property
    def scenarios(self) -> int:
        """How many there are."""
        return len(self.share)

    def start(self) -> Floats:
        """The probabilities at the first step, before which nothing is kept."""
        return self.share

    @cached_property
    def moved(self) -> Floats:
        """The probability of a redraw that ends in each scenario."""
        return self.share * (1.0 - self.hold)

    def moves(self, probability: Floats) -> Iterable[Floats]:
        """For each scenario, the probability of being there and then in each one, shape (scenarios, trials)."""
        moved = self.moved
        for scenario, there in enumerate(probability):
            joint = moved * there
            joint[scenario] += there * self.hold
            yield joint

    def row(self, states: States) -> Floats:
        """The probabilities after the step for trials that were in `states`."""
        row = self.moved.copy()
        row[states, np.arange(len(states))] += self.hold
        return row

    def survive(self, unseen: Floats, members: list[int]) -> Floats:
        """Move the probability of not having been in `members` yet, shape (scenarios, trials), and lose the seen."""
        after: Floats = unseen * self.hold + unseen.sum(axis=0) * self.moved
        after[members] = 0.0
        return after


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
        after: Floats = np.einsum("an,abn->bn", probability, self.matrix)
        return after

    def moves(self, probability: Floats) -> Iterable[Floats]:
        """As in `Mixing`."""
        return (there * row for there, row in zip(probability, self.matrix, strict=True))

    def row(self, states: States) -> Floats:
        """As in `Mixing`."""
        rows: Floats = np.take_along_axis(self.matrix, states[None, None, :].astype(np.intp), axis=0)[0]
        return rows

    def survive(self, unseen: Floats, members: list[int]) -> Floats:
        """As in `Mixing`."""
        after = self.advance(unseen)
        after[members] = 0.0
        return after


class OutcomeKernel:
    """Gives the outcome's transition in every trial of a block."""

    def __init__(self, law: Law, index: Mapping[str, int]) -> None:
        self.law = law
        own = {law.own} & {parent for part in (law.prior_parents, *(t.parents for t in law.terms)) for parent in part}
        masked = _with_mask(law)
        uniform = law.keep is None or bool(np.all(law.keep == law.keep[0]))
        self.mixes = law.fixed is not None or (not own and law.allowed is None and uniform)
        laws = [masked] if self.mixes else [_from_state(masked, state) for state in range(law.size)]
        self.weighers = [] if law.fixed is not None else [Weigher(part, index) for part in laws]

    def transition(self, worlds: Worlds) -> Mixing | Matrix:
        """The transition of this step; without a step before, its shares are the start."""
        if self.law.fixed is not None:
            return Mixing(0.0, np.broadcast_to(self.law.fixed[:, None], (self.law.size, worlds.trials)))
        if self.mixes:
            weights, odds = self.weighers[0](worlds)
            share = _shares(weights)
            if self.law.keep is None:
                return Mixing(0.0, share)
            keep = self.law.keep[0]
            return Mixing(float(keep) if odds is None else kept(keep, odds), share)
        return Matrix(np.stack([self._row(state, worlds) for state in range(self.law.size)]))

    def _row(self, state: int, worlds: Worlds) -> Floats:
        weights, odds = self.weighers[state](worlds)
        share = _shares(weights)
        if self.law.keep is None:
            return share
        keep = self.law.keep[state : state + 1]
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
    before = worlds.before[index]
    share = transition.start() if before is None else transition.row(before)
    if restriction is not None:
        share = restriction.narrow(share, worlds)
    worlds.now[index] = draw_state(share, words(1)[0])


# Numeric nodes -------------------------------------------------------------------------------------------------------


class NumericKernel:
    """Draws the value of a numeric node for every trial of a block."""

    def __init__(self, node: NumericNode, step: int, index: Mapping[str, int]) -> None:
        self.node = node
        self.first = step == 0
        self.imposed = float(node.imposed[step])
        self.window = float(node.windows[step])
        active = [term for term in node.terms if step or not any(parent.lag for parent in term.parents)]
        self.lookups = [
            Lookup(Reader(tuple((index[p.node], p) for p in term.parents)), term.points.reshape(1, -1))
            for term in active
        ]
        self.hinges = [Hinges.of(curve, index[curve.node]) for curve in node.curves if step or not curve.lag]

    def draw(self, worlds: Worlds, index: int, words: Words, restriction: Restriction | None = None) -> None:
        """Set `worlds.now[index]` and `worlds.latent[index]`, shape (trials,)."""
        shift = self._shift(worlds)
        centre, spread = self._latent(worlds.latent[index], shift)
        known = self._known()
        if spread == 0.0:
            latent = centre
        elif restriction is None or known is not None:
            latent = centre + spread * normals(words)
        else:
            latent = centre + spread * self._narrow(restriction, worlds, words, (centre + shift) / spread, spread)
        worlds.latent[index] = latent
        worlds.now[index] = self.node.scale(latent + shift) if known is None else np.full(worlds.trials, known)
        if restriction is not None and (spread == 0.0 or known is not None):
            restriction.keep(worlds.now[index], worlds)

    def _known(self) -> float | None:
        """The value where an intervention or `initial` says it."""
        if not math.isnan(self.imposed):
            return self.imposed
        return self.node.initial if self.first else None

    def _narrow(self, restriction: Restriction, worlds: Worlds, words: Words, centre: Floats, spread: float) -> Floats:
        """Standard normals that bring the value within a restriction, whose probability goes into the weights.

        `centre`, shape (trials,), is where the shifted latent normal stands, in units of its `spread`.
        """
        low, high = (self.node.scale.latent(value) / spread - centre for value in (restriction.low, restriction.high))
        free = worlds.met.get(restriction.unless)
        if free is not None:
            low, high = np.where(free, -np.inf, low), np.where(free, np.inf, high)
        upper = low > 0
        low, high = np.where(upper, -high, low), np.where(upper, -low, high)
        below, inside = _normal_cdf(low), _normal_cdf(high) - _normal_cdf(low)
        worlds.weight *= inside
        drawn = _normal_quantile(np.clip(below + words(2)[0] * 2.0**-32 * inside, 1e-300, 1.0 - 2.0**-53))
        return np.where(upper, -drawn, drawn)

    def _latent(self, before: Floats | None, shift: Floats) -> tuple[Floats, float]:
        """Mean and standard deviation of the latent normal given the past: an autoregression of lag one.

        It starts as a standard normal, or where an `initial` value comes out.
        """
        if before is None:
            if self.node.initial is None:
                return np.zeros_like(shift), 1.0
            return self.node.scale.latent(self.node.initial) - shift, 0.0
        r = self.node.persistence
        return r * before, math.sqrt(1.0 - r * r)

    def _shift(self, worlds: Worlds) -> Floats:
        points = np.full((1, worlds.trials), self.window)
        for lookup in self.lookups:
            lookup.combine(worlds, points, np.add)
        for hinges in self.hinges:
            hinges.add(worlds, points)
        shift: Floats = points[0] * self.node.sd_per_point
        return shift


def normals(words: Words) -> Floats:
    """Standard normals from two words each (G. E. P. Box and M. E. Muller, 1958), shape (trials,)."""
    radius: Floats
    angle: Floats
    radius, angle = words(2) * 2.0**-32
    np.log(radius, out=radius)
    radius *= -2.0
    np.sqrt(radius, out=radius)
    angle *= 2.0 * math.pi
    np.cos(angle, out=angle)
    radius *= angle
    return radius


def _normal_cdf(values: Floats) -> Floats:
    """Phi, accurate in the lower tail."""
    return 0.5 * np.array([math.erfc(value) for value in (values * -math.sqrt(0.5)).tolist()])


def _normal_quantile(shares: Floats) -> Floats:
    """The inverse of Phi."""
    from statistics import NormalDist

    quantile = NormalDist().inv_cdf
    return np.array([quantile(share) for share in shares.tolist()])
