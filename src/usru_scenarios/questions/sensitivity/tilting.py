"""What changed judgements do to a node's law: tilts of the odds between its states, and of its hold, by method (49).

A judgement stands in one place of a law, so that another value of it multiplies the odds of some states, or of keeping
the present one, by a factor wherever some combination of parents holds. All judgements of all nodes are compiled at
once, as if they were drawn: in draw i, the i-th of each node has its other value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.model.schema import Model
from usru_scenarios.names import KeyPath
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.laws import JUDGEMENTS, Parent, PiecewiseCurve, StepLaw, kept
from usru_scenarios.program.program import CategoricalNode, Floats, Program
from usru_scenarios.questions.sensitivity.one_point import UnitPerturbation
from usru_scenarios.sampler.tables import BlockStates, LogWeightEvaluator, RowIndex, States, TableCache

_NOTHING: Floats = np.asarray(0.0)

_DIGITS = 12
"""Decimals of log-odds that are told apart."""

Codes = npt.NDArray[Any]
"""Small whole numbers, in as few bytes as hold them."""

Tilting = Mapping[int, float | Floats]
"""Log-odds that are added, by column, a state or the number of states for `hold`: in all trials, or shape (trials,)."""


@dataclass(frozen=True, eq=False)
class RowTilt:
    """The same log-odds, which several judgements add where their own combinations of parents hold.

    Attributes:
        parents: whose combinations they are.
        log_odds: what is added.
        cells: the numbers of the judgements.
        codes: shape (rows,), by combination of parents, which of the judgements act; 0 where none does.
        acting: shape (cells, codes), which act under each code.
    """

    parents: tuple[Parent, ...]
    log_odds: Mapping[int, float]
    cells: tuple[int, ...]
    codes: Codes
    acting: npt.NDArray[np.bool_]

    @cached_property
    def kind(self) -> tuple[tuple[int, float], ...]:
        """Equal for tilts that add the same log-odds."""
        return tuple(self.log_odds.items())

    @cached_property
    def key(self) -> tuple[object, ...]:
        """Equal for tilts whose codes are the same in every trial."""
        return self.parents, self.codes.tobytes()

    @cached_property
    def one_each(self) -> bool:
        """Whether each code but 0 is that of one judgement, in their order."""
        return np.array_equal(self.acting[:, 1:], np.eye(len(self.cells), dtype=np.bool_))

    def each(self, codes: Codes) -> Iterator[tuple[int, npt.NDArray[np.bool_] | None]]:
        """The judgements with the trials in which each acts, from the codes of the trials: shape (trials,).

        None stands for all trials, where no parent tells them apart.
        """
        for cell, acting, own in zip(self.cells, self.acting, self._codes_of, strict=True):
            if not self.parents:
                yield cell, None
            else:
                yield cell, codes == own[0] if len(own) == 1 else acting.take(codes)

    @cached_property
    def _codes_of(self) -> list[npt.NDArray[np.intp]]:
        """The codes under which each judgement acts."""
        return [np.flatnonzero(acting) for acting in self.acting]


@dataclass(frozen=True)
class CurveTilt:
    """Log-odds that one judgement adds along the scale of a numeric parent: linear between knots, flat outside.

    Attributes:
        cell: the number of the judgement.
        points: shape (knots,), by column.
    """

    cell: int
    node: str
    lag: int
    knots: Floats
    points: Mapping[int, Floats]

    def at(self, rows: RowPacker) -> Tilting:
        """The log-odds in each trial, shape (trials,) by column."""
        along = rows.along(self.node, self.lag, self.knots)
        return {column: along.read(points) for column, points in self.points.items()}


@dataclass(frozen=True)
class LawTilts:
    """All that changed judgements do to a law."""

    tables: tuple[RowTilt, ...]
    curves: tuple[CurveTilt, ...]

    def __bool__(self) -> bool:
        return bool(self.tables or self.curves)


class TiltedProgram:
    """The laws of a program's nodes with other values of their judgements.

    Args:
        model, program: the model, and its program, perhaps with interventions.
        cells: the judgements, numbered in their order.
    """

    def __init__(self, model: Model, program: Program, cells: Sequence[UnitPerturbation]) -> None:
        self.program = program
        self.cells: dict[str, list[int]] = {}
        draw: dict[KeyPath, int] = {}
        for number, cell in enumerate(cells):
            assert cell.owner is not None, "a judgement of all nodes tilts no single law"
            own = self.cells.setdefault(cell.owner, [])
            own.append(number)
            draw[cell.path] = len(own)
        draws = 1 + max((len(own) for own in self.cells.values()), default=0)
        values = {cell.path: np.where(np.arange(draws) == draw[cell.path], cell.changed, cell.value) for cell in cells}
        self.nodes = compile_model(model, values).nodes
        self._tilts: dict[tuple[object, ...], list[RowTilt]] = {}

    def of(self, node: CategoricalNode, step: int) -> LawTilts:
        """What the judgements of a node do to its law at a step."""
        cells = self.cells.get(node.name, [])
        if not cells:
            return LawTilts((), ())
        drawn = self.nodes[node.name]
        assert isinstance(drawn, CategoricalNode), "only laws of states are tilted"
        law = self.program.law(replace(drawn, imposed=node.imposed), step)
        if law.keeps_all:
            return LawTilts((), ())
        tables = [tilt for parents, added in _tables(law, len(cells)) for tilt in self._grouped(node, parents, added)]
        slants = [
            curve_tilt for curve in law.curves if curve.points.ndim == 3 for curve_tilt in _curve_tilts(curve, cells)
        ]
        return LawTilts(tuple(tables), tuple(slants))

    def _grouped(self, node: CategoricalNode, parents: tuple[Parent, ...], added: Floats) -> list[RowTilt]:
        """As `_grouped`; most tables of a node say the same at all steps."""
        key = node.name, parents, added.tobytes()
        if key not in self._tilts:
            self._tilts[key] = list(_grouped(parents, added, self.cells[node.name]))
        return self._tilts[key]


def _tables(law: StepLaw, cells: int) -> Iterator[tuple[tuple[Parent, ...], Floats]]:
    """The parts of a law that differ between draws, with what each draw adds, shape (cells, rows ..., states + 1)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        for held, table in (
            (law.prior_parents, np.log(law.prior)),
            *((term.parents, term.points) for term in law.terms),
        ):
            axis = next((axis for axis, parent in enumerate(held) if parent.node == JUDGEMENTS), None)
            if axis is not None:
                parents = (*held[:axis], *held[axis + 1 :])
                yield parents, _added(np.moveaxis(table, axis, 0), cells, law.size)
        if law.keep is not None and law.keep.ndim == 2:
            odds = np.log(law.keep) - np.log1p(-law.keep)
            padded = np.zeros((*odds.shape, law.size + 1))
            padded[..., law.size] = odds
            added = _added(padded, cells, law.size)
            alike = (added == added[:, :1]).all(axis=(1, 2))[:, None]
            yield (), np.where(alike, added[:, 0], 0.0)
            yield (law.own,), np.where(alike[..., None], 0.0, added)


def _added(table: Floats, cells: int, size: int) -> Floats:
    """What draws add to the first of them, with 0 for `hold` where the table is silent about it.

    What is added to all states alike changes nothing, so most of them are brought to 0. So is what stays impossible.
    """
    added: Floats = np.zeros((cells, *table.shape[1:-1], size + 1))
    added[..., : table.shape[-1]] = table[1 : cells + 1] - table[0]
    added[np.isnan(added)] = 0.0
    middle = np.sort(added[..., :size], axis=-1)[..., (size - 1) // 2]
    added[..., :size] -= middle[..., None]
    rounded: Floats = added.round(_DIGITS)
    return rounded


def _grouped(parents: tuple[Parent, ...], added: Floats, cells: Sequence[int]) -> Iterator[RowTilt]:
    """The tilts of one table: for each row of log-odds that occurs, who adds it and where."""
    flat = added.reshape(len(cells), -1, added.shape[-1])
    cell, row = np.nonzero(flat.any(axis=-1))
    kinds, kind = np.unique(flat[cell, row], axis=0, return_inverse=True)
    for number, log_odds in enumerate(kinds):
        among = kind.reshape(-1) == number
        adding = np.zeros(flat.shape[:2], dtype=bool)
        adding[cell[among], row[among]] = True
        who = np.flatnonzero(adding.any(axis=1))
        nobody = np.zeros((1, len(who)), dtype=bool)
        patterns, codes = np.unique(np.concatenate([nobody, adding[who].T]), axis=0, return_inverse=True)
        assert not patterns[0].any(), "patterns are in order, the one without any first"
        small = codes.reshape(-1)[1:].astype(np.uint8 if len(patterns) <= 1 << 8 else np.uint32)
        acts = {column: float(added_odds) for column, added_odds in enumerate(log_odds) if added_odds}
        yield RowTilt(parents, acts, tuple(cells[one] for one in who.tolist()), small, patterns.T)


def _curve_tilts(curve: PiecewiseCurve, cells: Sequence[int]) -> Iterator[CurveTilt]:
    added = (curve.points[1 : len(cells) + 1] - curve.points[0]).round(_DIGITS)
    for cell, points in zip(cells, added, strict=True):
        if points.any():
            columns = {int(column): points[:, column] for column in np.flatnonzero(points.any(axis=0))}
            yield CurveTilt(cell, curve.node, curve.lag, curve.knots, columns)


# Laws in trials ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RedrawLaw:
    """The law of a node in each trial.

    Attributes:
        share: shape (states, trials), where a redraw goes; 0 for all where it can go nowhere.
        hold: shape (trials,) or (), the probability that the present state is kept.
    """

    share: Floats
    hold: Floats

    def tilted(self, tilting: Tilting) -> RedrawLaw:
        """The tilted law."""
        size = len(self.share)
        factors = {column: np.exp(added) for column, added in tilting.items() if column < size}
        share = self.share
        if factors:
            share = share / self.total(factors)
            for column, factor in factors.items():
                share[column] *= factor
        if size not in tilting:
            return RedrawLaw(share, self.hold)
        factor = np.exp(tilting[size])
        return RedrawLaw(share, self.hold * factor / (1.0 + self.hold * (factor - 1.0)))

    def total(self, factors: Mapping[int, float | Floats]) -> Floats:
        """The sum of the shares once some are multiplied by factors, shape (trials,)."""
        return 1.0 + sum((self.share[column] * (factor - 1.0) for column, factor in factors.items()), _NOTHING)

    def row(self, before: States | None) -> Floats:
        """The probabilities of the states after the step, shape (states, trials)."""
        if before is None:
            return self.share
        row: Floats = self.share * (1.0 - self.hold)
        row[before, np.arange(len(before))] += self.hold
        return row


@dataclass(frozen=True)
class DrawnTransition:
    """A law and the states that were drawn from it.

    Attributes:
        states: shape (trials,).
        anew: shape (trials,), the probability that the state came of a redraw.
    """

    law: RedrawLaw
    states: States
    anew: Floats

    @classmethod
    def of(cls, law: RedrawLaw, states: States, before: States | None) -> DrawnTransition:
        """What was drawn, given the states before."""
        trials = np.arange(len(states))
        anew = law.share[states, trials] * (1.0 - law.hold)
        whole = anew if before is None else anew + law.hold * (states == before)
        return cls(law, states, np.divide(anew, whole, out=np.ones_like(anew), where=whole > 0))

    def ratio(self, tilting: Tilting) -> Floats:
        """The likelihood of the drawn states under the tilted law, divided by that under the law; shape (trials,)."""
        size = len(self.law.share)
        factors = {column: np.exp(added) for column, added in tilting.items() if column < size}
        ratio: Floats = np.ones(len(self.states))
        if factors:
            for column, factor in factors.items():
                ratio = np.where(self.states == column, factor, ratio)
            ratio /= self.law.total(factors)
            ratio -= 1.0
            ratio *= self.anew
            ratio += 1.0
        if size in tilting:
            more = np.exp(tilting[size]) - 1.0
            ratio += (1.0 - self.anew) * more
            ratio /= 1.0 + self.law.hold * more
        return ratio

    def score(self, slopes: Floats) -> Floats:
        """The derivative of its logarithm along `slopes`, shape (states + 1, trials): method (51), shape (trials,)."""
        added = slopes[self.states, np.arange(len(self.states))] - (self.law.share * slopes[:-1]).sum(axis=0)
        score: Floats = self.anew * added + ((1.0 - self.anew) - self.law.hold) * slopes[-1]
        return score


class LawEvaluator:
    """Tells the law of a node at a step in every trial, with what changed judgements do to it.

    Args:
        law, tilts: the law, and what changes it.
        index: each node's place in `BlockStates`.
        tables: those already made, as in `LogWeightEvaluator`.
    """

    def __init__(
        self, law: StepLaw, tilts: LawTilts, index: Mapping[str, int], tables: TableCache | None = None
    ) -> None:
        self.tilts = tilts
        self.node = index[law.name]
        self.keep = law.keep
        self.allowed = law.allowed
        self.parents = law.parents
        self.curves = bool(law.curves)
        self.own = Parent(law.name, 0, law.size)
        self._weighed = law if law.fixed is None else replace(law, prior=law.fixed)
        self.index = index
        self._tables = tables

    def __getstate__(self) -> dict[str, object]:
        """What is soon made again does not travel to another process."""
        return {**{name: value for name, value in vars(self).items() if name != "weigher"}, "_tables": None}

    @cached_property
    def weigher(self) -> LogWeightEvaluator:
        """Multiplies out the law."""
        return LogWeightEvaluator(self._weighed, self.index, self._tables)

    def law(self, block_states: BlockStates) -> RedrawLaw:
        """The law."""
        share, odds = self.weigher(block_states)
        before = block_states.before[self.node]
        if self.keep is not None and self.allowed is not None:
            share *= self.allowed.T[:, before]
        total = share.sum(axis=0)
        if self.keep is None:
            share /= total
            return RedrawLaw(share, np.asarray(0.0))
        hold = self.keep.take(before)
        if odds is not None:
            hold = kept(hold, odds)
        stuck = total <= 0.0
        share /= np.where(stuck, 1.0, total)
        return RedrawLaw(share, np.where(stuck, 1.0, hold))

    def drawn(self, block_states: BlockStates) -> DrawnTransition:
        """The law and what was drawn from it."""
        before = block_states.before[self.node] if self.keep is not None else None
        return DrawnTransition.of(self.law(block_states), block_states.now[self.node], before)


class Along:
    """Where values lie between knots, for any points at these: linear between, flat outside, as `np.interp`.

    Args:
        values: shape (trials,).
        knots: shape (knots,), rising.
    """

    def __init__(self, values: Floats, knots: Floats) -> None:
        self._knots = knots
        self._stretch = sum((values >= knot).view(np.uint8) for knot in knots).astype(np.intp)
        self._beyond = values - knots.take(np.maximum(self._stretch - 1, 0), mode="wrap")

    def read(self, points: Floats) -> Floats:
        """Points in each trial, shape (trials,), from those at the knots."""
        slopes = np.concatenate([[0.0], np.diff(points) / np.diff(self._knots), [0.0]])
        found: Floats = slopes.take(self._stretch, mode="wrap")
        found *= self._beyond
        found += np.concatenate([points[:1], points]).take(self._stretch, mode="wrap")
        return found


class RowPacker:
    """Packs parents into rows, once for each group of parents in the trials of a step."""

    def __init__(self, block_states: BlockStates, index: Mapping[str, int]) -> None:
        self.block_states = block_states
        self.index = index
        self._packed: dict[tuple[Parent, ...], npt.NDArray[np.intp]] = {}
        self._along: dict[tuple[str, int, bytes], Along] = {}

    def of(self, parents: tuple[Parent, ...]) -> npt.NDArray[np.intp]:
        """The rows of the parents' tables, shape (trials,)."""
        if parents not in self._packed:
            reader = RowIndex(tuple((self.index[parent.node], parent) for parent in parents))
            self._packed[parents] = (
                reader.rows(self.block_states) if parents else np.zeros(self.block_states.trials, dtype=np.intp)
            )
        return self._packed[parents]

    def along(self, node: str, lag: int, knots: Floats) -> Along:
        """Where the values of a numeric node lie between knots."""
        key = node, lag, knots.tobytes()
        if key not in self._along:
            values = (self.block_states.before if lag else self.block_states.now)[self.index[node]]
            self._along[key] = Along(values, knots)
        return self._along[key]


def coded(tilts: Iterable[RowTilt], rows: RowPacker) -> Iterator[tuple[RowTilt, Codes]]:
    """Tilts with who acts in each trial, as a code of shape (trials,)."""
    for tilt in tilts:
        yield tilt, tilt.codes.take(rows.of(tilt.parents))
