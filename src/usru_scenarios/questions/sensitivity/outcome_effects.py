"""What the outcome's own judgements and weights change: carried back from the last step, or along its draws."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation.batches import batched
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.program.laws import PiecewiseCurve, Term
from usru_scenarios.program.program import Floats
from usru_scenarios.questions.sensitivity.pathwise_sums import BlockSums, products
from usru_scenarios.questions.sensitivity.tilting import (
    Codes,
    DrawnTransition,
    LawEvaluator,
    RedrawLaw,
    RowPacker,
    RowTilt,
    Tilting,
    coded,
)
from usru_scenarios.sampler.outcome import FullTransition, LazyTransition
from usru_scenarios.sampler.tables import BlockStates, States

_MOST_MADE = 1 << 26
"""Bytes of moves that are remembered for judgements that tilt a law alike."""


@dataclass(frozen=True)
class WeightScore:
    """What a weight multiplies, for the derivative: log-odds for each unit of the weight, or of a factor on a schedule.

    Attributes:
        factors: shape (steps,), what the points are multiplied by at each.
    """

    parts: tuple[Term | PiecewiseCurve, ...]
    factors: Floats

    def slopes(self, step: int, rows: RowPacker) -> Floats | None:
        """The derivative of the log-odds, shape (scenarios + 1, trials); None where it is 0."""
        factor, parts = float(self.factors[step]), [part for part in self.parts if step or not _looks_back(part)]
        if not parts or not factor:
            return None
        if len(parts) == 1:
            return _slopes(parts[0], rows, factor)
        first, *others = (_slopes(part, rows, 1.0) for part in parts)
        for other in others:
            first += other
        first *= factor
        return first

    @property
    def most(self) -> float:
        """The most by which a trial's probability can move for each unit."""
        states = sum(float(np.ptp(part.points[..., :-1], axis=-1).max(initial=0.0)) for part in self.parts)
        hold = sum(float(np.abs(part.points[..., -1]).max(initial=0.0)) for part in self.parts)
        return (states + hold) / 4 * float(np.abs(self.factors).max(initial=0.0))


def _looks_back(part: Term | PiecewiseCurve) -> bool:
    return bool(part.lag) if isinstance(part, PiecewiseCurve) else any(parent.lag for parent in part.parents)


def _slopes(part: Term | PiecewiseCurve, rows: RowPacker, factor: float) -> Floats:
    """The points that a part gives, times a factor, shape (scenarios + 1, trials)."""
    if isinstance(part, PiecewiseCurve):
        along = rows.along(part.node, part.lag, part.knots)
        found: Floats = np.array([along.read(column) for column in part.points.T])
        found *= factor
        return found
    columns = factor * part.points.reshape(-1, part.points.shape[-1]).T
    at = rows.of(part.parents)
    found = np.zeros((len(columns), len(at)))
    for column, into in zip(columns, found, strict=True):
        if column.any():
            np.ascontiguousarray(column).take(at, out=into, mode="wrap")
    return found


@dataclass(frozen=True)
class OutcomeChanges:
    """What is asked of the outcome's own law.

    Attributes:
        evaluators: of the law, by step.
        cells: the numbers of its judgements.
        unfit: those of them under which it could no longer be carried.
        weight_scores: of the weights.
        scenarios: how many there are.
        counted: of how many steps sums are kept.
    """

    evaluators: Sequence[LawEvaluator]
    cells: Sequence[int]
    unfit: frozenset[int]
    weight_scores: Sequence[WeightScore]
    scenarios: int
    counted: int


class OutcomeStep(NamedTuple):
    """What there is to see of the outcome at a step; `before`: its probabilities before, shape (scenarios, trials)."""

    step: int
    block_states: BlockStates
    rows: RowPacker
    transition: LazyTransition | FullTransition
    before: Floats | None
    share: float
    counted: int


# Carried -------------------------------------------------------------------------------------------------------------


class _BackwardStep(NamedTuple):
    """A step on the way back.

    Attributes:
        law: of the outcome.
        before: shape (scenarios, trials), the scenarios' probabilities before the step.
        counts: for how much a move at this step counts, here and at later ones, shape (trials,) or (1,).
        redrawn: by how much a move of where a redraw goes counts, the same shape.
        own: by the number of a judgement that changes what is kept, shape as `counts`.
    """

    law: RedrawLaw
    before: Floats
    counts: Floats
    redrawn: Floats
    own: Mapping[int, Floats]


class CarriedOutcome:
    """Remembers the steps, and sums what arises at each from the last one back.

    Attributes:
        cells, of_weights: shape (things, batches, scenarios), the sums of effects, which are those of the block.
    """

    def __init__(self, changes: OutcomeChanges, block: BlockSums) -> None:
        self.changes = changes
        self.block = block
        self.steps: list[OutcomeStep] = []
        sums = block.sums
        self.cells, self.of_weights = (each.with_visits.swapaxes(0, 1) for each in (sums.cells, sums.weights))

    def observe(self, seen: OutcomeStep) -> None:
        """Remember a step; its trials go on, but what they were does not change."""
        block_states = copy.copy(seen.block_states)
        self.steps.append(seen._replace(block_states=block_states, rows=RowPacker(block_states, seen.rows.index)))

    def finish(self) -> None:
        """Walk back."""
        counts = np.zeros(1)
        own: dict[int, Floats] = {}
        for seen in reversed(self.steps):
            share = seen.share * self.block.weights
            counts = counts + share
            own = {cell: count + share for cell, count in own.items()}
            law = _law(seen.transition)
            before = law.share if seen.before is None else seen.before
            present = _BackwardStep(law, before, counts, (1.0 - law.hold) * counts, own)
            self._weights(seen, present)
            own = {cell: count * law.hold for cell, count in own.items()} | self._cells(seen, present)
            counts = counts * law.hold

    def _cells(self, seen: OutcomeStep, present: _BackwardStep) -> dict[int, Floats]:
        """Add what judgements move at a step; gives for how much a move before it counts where that changes."""
        evaluator = self.changes.evaluators[seen.step]
        after: dict[int, Floats] = {}
        made: dict[object, Floats] = {}
        under: dict[object, Floats] = {}
        fit = [tilt for tilt in evaluator.tilts.tables if not self.changes.unfit.intersection(tilt.cells)]
        for tilt, codes in coded(fit, seen.rows):
            if self.changes.scenarios in tilt.log_odds:
                after.update(self._holding(tilt, codes, present))
                continue
            if tilt.kind not in made:
                while len(made) * present.law.share.nbytes > _MOST_MADE:
                    del made[next(iter(made))]
                made[tilt.kind] = _redrawn(present, tilt.log_odds)
            if tilt.key not in under:
                under[tilt.key] = _under(tilt, codes)
            self._by_code(tilt, under[tilt.key], made[tilt.kind])
        for curve_tilt in evaluator.tilts.curves:
            changed = self._one(curve_tilt.cell, present.law.tilted(curve_tilt.at(seen.rows)), present)
            if self.changes.scenarios in curve_tilt.points:
                after[curve_tilt.cell] = changed
        return after

    def _by_code(self, tilt: RowTilt, under: Floats, moved: Floats) -> None:
        """Add what moves in the trials in which each judgement acts."""
        by_code = products(under, moved, self.block.edges)
        if not tilt.one_each:
            by_code = tilt.acting[:, 1:].astype(np.float64) @ by_code
        for place, cell in enumerate(tilt.cells):
            self.cells[cell] += by_code[:, place]

    def _holding(self, tilt: RowTilt, codes: Codes, present: _BackwardStep) -> dict[int, Floats]:
        """The judgements that change what is kept, each with products of its own."""
        law, everywhere = present.law, present.law.tilted(tilt.log_odds)
        found = {}
        for cell, there in tilt.each(codes):
            changed = everywhere
            if there is not None:
                changed = RedrawLaw(
                    np.where(there, everywhere.share, law.share), np.where(there, everywhere.hold, law.hold)
                )
            found[cell] = self._one(cell, changed, present)
        return found

    def _one(self, cell: int, changed: RedrawLaw, present: _BackwardStep) -> Floats:
        """Add what one judgement moves at a step; gives for how much a move before it counts."""
        law, counts = present.law, present.own.get(cell, present.counts)
        moved = changed.share - law.share
        moved *= 1.0 - changed.hold
        if changed.hold is not law.hold:
            moved += (changed.hold - law.hold) * (present.before - law.share)
        moved *= counts
        self.cells[cell] += batched(moved, self.block.edges)
        after: Floats = counts * changed.hold
        return after

    def _weights(self, seen: OutcomeStep, present: _BackwardStep) -> None:
        for number, weight_score in enumerate(self.changes.weight_scores):
            slopes = weight_score.slopes(seen.step, seen.rows)
            if slopes is not None:
                moved = _derivative(present.law, slopes, present.before) * present.counts
                self.of_weights[number] += batched(moved, self.block.edges)


def _redrawn(present: _BackwardStep, tilting: Tilting) -> Floats:
    """What tilting where a redraw goes moves, for as much as it counts: shape (scenarios, trials)."""
    moved = present.law.tilted(tilting).share
    moved -= present.law.share
    moved *= present.redrawn
    return moved


def _under(tilt: RowTilt, codes: Codes) -> Floats:
    """1 where a judgement acts, by code but 0, shape (codes - 1, trials)."""
    kinds = np.arange(1, tilt.acting.shape[1]).astype(codes.dtype)
    under: Floats = (codes == kinds[:, None]).astype(np.float64)
    return under


def _law(transition: LazyTransition | FullTransition) -> RedrawLaw:
    assert isinstance(transition, LazyTransition), "the outcome is carried where every step keeps all scenarios alike"
    return RedrawLaw(transition.redraw_shares, np.asarray(transition.hold))


def _derivative(law: RedrawLaw, slopes: Floats, before: Floats) -> Floats:
    """The derivative of a step's probabilities from `before`, (scenarios, trials), along log-odds: method (50)."""
    moved: Floats = law.share * slopes[:-1]
    moved -= law.share * moved.sum(axis=0)
    moved *= 1.0 - law.hold
    if slopes[-1].any():
        moved += law.hold * (1.0 - law.hold) * slopes[-1] * (before - law.share)
    return moved


# The outcome, drawn --------------------------------------------------------------------------------------------------


class _DrawnStep(NamedTuple):
    """A step of the drawn outcome.

    Attributes:
        draw: its law, and what was drawn.
        before: the scenario before; None where nothing is kept.
        row: the probabilities of the scenarios after the step, shape (scenarios, trials).
        share: how much the step counts.
    """

    draw: DrawnTransition
    before: States | None
    row: Floats
    share: float


class _DrawnChange(NamedTuple):
    """What a tilt of the law changes at a step.

    Attributes:
        moved: the probabilities of the scenarios after the step, shape (scenarios, trials); None where it counts not.
        ratio: the likelihood of what was drawn, shape (trials,).
    """

    moved: Floats | None
    ratio: Floats

    @classmethod
    def of(cls, present: _DrawnStep, tilting: Tilting) -> _DrawnChange:
        """Of a tilt of the law of a step."""
        draw = present.draw
        moved = draw.law.tilted(tilting).row(present.before) - present.row if present.share else None
        return cls(moved, draw.ratio(tilting))


class DrawnOutcome:
    """Reweights paths of the drawn scenario, and follows their score: methods (49) and (51)."""

    def __init__(self, changes: OutcomeChanges, block: BlockSums) -> None:
        self.changes = changes
        self.block = block
        self.ratios = {cell: np.ones(block.trials) * block.weights for cell in changes.cells}
        self.scores = np.zeros((len(changes.weight_scores), block.trials))

    def observe(self, seen: OutcomeStep) -> None:
        """Add a step."""
        evaluator = self.changes.evaluators[seen.step]
        draw = evaluator.drawn(seen.block_states)
        before = seen.block_states.before[evaluator.node] if evaluator.keep is not None else None
        present = _DrawnStep(draw, before, draw.law.row(before), seen.share)
        if seen.share:
            self.count(present.row, seen.share, seen.counted)
        made: dict[object, _DrawnChange] = {}
        for tilt, codes in coded(evaluator.tilts.tables, seen.rows):
            if tilt.kind not in made:
                made[tilt.kind] = _DrawnChange.of(present, tilt.log_odds)
            for cell, there in tilt.each(codes):
                self._reweigh(cell, made[tilt.kind], present, there)
        for curve_tilt in evaluator.tilts.curves:
            self._reweigh(curve_tilt.cell, _DrawnChange.of(present, curve_tilt.at(seen.rows)), present, None)
        self._weights(seen, present)
        if seen.share and seen.counted == self.changes.counted - 1:
            self.square()

    def finish(self) -> None:
        """Nothing is left to do."""

    def square(self) -> None:
        """Add up the ratios and their squares as they are."""
        for cell, ratio in self.ratios.items():
            self.block.sums.cells.squares[cell] = float((ratio * ratio).sum())
            self.block.sums.cells.total[cell] = float(ratio.sum())

    def count(self, asked: Floats, share: float, counted: int) -> None:
        """Add what is asked of the trials, shape (scenarios, trials), as the steps so far have changed it."""
        sums, edges, weights, _ = self.block
        for cell, ratio in self.ratios.items():
            more = ratio - weights
            sums.cells.with_visits[:, cell] += share * batched(asked * more, edges)
            sums.cells.alone[:, counted, cell] += batched(more[None], edges)[:, 0]
        scores = self.scores * weights
        sums.weights.with_visits += share * products(scores, asked, edges)
        sums.weights.alone[:, counted] += batched(scores, edges)

    def _reweigh(
        self, cell: int, change: _DrawnChange, present: _DrawnStep, there: npt.NDArray[np.bool_] | None
    ) -> None:
        """Add what a judgement changes at this step, where it acts, and reweight the paths for the steps to come."""
        ratio = self.ratios[cell]
        if change.moved is not None:
            moved = change.moved * (present.share * ratio if there is None else present.share * ratio * there)
            self.block.sums.cells.with_visits[:, cell] += batched(moved, self.block.edges)
        ratio *= change.ratio if there is None else np.where(there, change.ratio, 1.0)

    def _weights(self, seen: OutcomeStep, present: _DrawnStep) -> None:
        draw, row = present.draw, present.row
        origin = row if present.before is None else np.eye(len(row))[:, present.before]
        for number, weight_score in enumerate(self.changes.weight_scores):
            slopes = weight_score.slopes(seen.step, seen.rows)
            if slopes is None:
                continue
            if seen.share:
                moved = seen.share * _derivative(draw.law, slopes, origin)
                self.block.sums.weights.with_visits[:, number] += batched(moved, self.block.edges)
            self.scores[number] += draw.score(slopes)
