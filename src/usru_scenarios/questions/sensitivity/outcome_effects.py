"""What the outcome's own judgements and weights change: carried back from the last step, or along its draws."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation.batches import sum_by_batch
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.program.laws import PiecewiseCurve, Term
from usru_scenarios.program.program import Floats
from usru_scenarios.questions.sensitivity.pathwise_sums import BlockSums, sum_products
from usru_scenarios.questions.sensitivity.tilting import (
    Codes,
    DrawnTransition,
    LawEvaluator,
    RedrawLaw,
    RowPacker,
    RowTilt,
    Tilting,
    codes_in_trials,
)
from usru_scenarios.sampler.outcome import FullTransition, LazyTransition
from usru_scenarios.sampler.tables import BlockStates, States

_MOST_CACHED_BYTES = 1 << 26
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
        factor, parts = float(self.factors[step]), [part for part in self.parts if step or not _reads_step_before(part)]
        if not parts or not factor:
            return None
        if len(parts) == 1:
            return _part_slopes(parts[0], rows, factor)
        total, *others = (_part_slopes(part, rows, 1.0) for part in parts)
        for points in others:
            total += points
        total *= factor
        return total

    @property
    def largest_effect(self) -> float:
        """The most by which a trial's probability can move for each unit."""
        states = sum(float(np.ptp(part.points[..., :-1], axis=-1).max(initial=0.0)) for part in self.parts)
        hold = sum(float(np.abs(part.points[..., -1]).max(initial=0.0)) for part in self.parts)
        return (states + hold) / 4 * float(np.abs(self.factors).max(initial=0.0))


def _reads_step_before(part: Term | PiecewiseCurve) -> bool:
    return bool(part.lag) if isinstance(part, PiecewiseCurve) else any(parent.lag for parent in part.parents)


def _part_slopes(part: Term | PiecewiseCurve, rows: RowPacker, factor: float) -> Floats:
    """The points that a part gives, times a factor, shape (scenarios + 1, trials)."""
    if isinstance(part, PiecewiseCurve):
        along = rows.along(part.node, part.lag, part.knots)
        points: Floats = np.array([along.interpolate(column) for column in part.points.T])
        points *= factor
        return points
    columns = factor * part.points.reshape(-1, part.points.shape[-1]).T
    at = rows.of(part.parents)
    points = np.zeros((len(columns), len(at)))
    for column, into in zip(columns, points, strict=True):
        if column.any():
            np.ascontiguousarray(column).take(at, out=into, mode="wrap")
    return points


@dataclass(frozen=True)
class OutcomeChanges:
    """What is asked of the outcome's own law.

    Attributes:
        evaluators: of the law, by step.
        judgements: the numbers of its judgements.
        uncarried: those of them under which it could no longer be carried.
        weight_scores: of the weights.
        scenarios: how many there are.
        counted: of how many steps sums are kept.
    """

    evaluators: Sequence[LawEvaluator]
    judgements: Sequence[int]
    uncarried: frozenset[int]
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
        own_counts: by the number of a judgement that changes what is kept, shape as `counts`.
    """

    law: RedrawLaw
    before: Floats
    counts: Floats
    redrawn: Floats
    own_counts: Mapping[int, Floats]


class CarriedOutcome:
    """Remembers the steps, and sums what arises at each from the last one back.

    Attributes:
        judgements, of_weights: shape (things, batches, scenarios), the sums of effects, which are those of the block.
    """

    def __init__(self, changes: OutcomeChanges, block: BlockSums) -> None:
        self.changes = changes
        self.block = block
        self.steps: list[OutcomeStep] = []
        sums = block.sums
        self.judgements, self.of_weights = (each.with_visits.swapaxes(0, 1) for each in (sums.judgements, sums.weights))

    def observe(self, current: OutcomeStep) -> None:
        """Remember a step; its trials go on, but what they were does not change."""
        block_states = copy.copy(current.block_states)
        self.steps.append(current._replace(block_states=block_states, rows=RowPacker(block_states, current.rows.index)))

    def finish(self) -> None:
        """Walk back."""
        counts = np.zeros(1)
        own_counts: dict[int, Floats] = {}
        for current in reversed(self.steps):
            share = current.share * self.block.weights
            counts = counts + share
            own_counts = {judgement: count + share for judgement, count in own_counts.items()}
            assert isinstance(current.transition, LazyTransition), "every step keeps all scenarios alike"
            law = RedrawLaw(current.transition.redraw_shares, np.asarray(current.transition.hold))
            before = law.share if current.before is None else current.before
            backward = _BackwardStep(law, before, counts, (1.0 - law.hold) * counts, own_counts)
            self._add_weights(current, backward)
            own_counts = {judgement: count * law.hold for judgement, count in own_counts.items()}
            own_counts |= self._add_judgements(current, backward)
            counts = counts * law.hold

    def _add_judgements(self, current: OutcomeStep, backward: _BackwardStep) -> dict[int, Floats]:
        """Add what judgements move at a step; gives for how much a move before it counts where that changes."""
        evaluator = self.changes.evaluators[current.step]
        counts_after: dict[int, Floats] = {}
        redraws: dict[object, Floats] = {}
        indicators: dict[object, Floats] = {}
        carried_tilts = [
            tilt for tilt in evaluator.tilts.tables if not self.changes.uncarried.intersection(tilt.judgements)
        ]
        for tilt, codes in codes_in_trials(carried_tilts, current.rows):
            if self.changes.scenarios in tilt.log_odds:
                counts_after.update(self._add_hold_changes(tilt, codes, backward))
                continue
            if tilt.kind not in redraws:
                while len(redraws) * backward.law.share.nbytes > _MOST_CACHED_BYTES:
                    del redraws[next(iter(redraws))]
                redraws[tilt.kind] = changes = backward.law.tilted_by(tilt.log_odds).share
                changes -= backward.law.share
                changes *= backward.redrawn
            if tilt.key not in indicators:  # by code but 0, 1 where it is that of the trial, shape (codes - 1, trials)
                kinds = np.arange(1, tilt.acting.shape[1]).astype(codes.dtype)
                indicators[tilt.key] = (codes == kinds[:, None]).astype(np.float64)
            by_code = sum_products(indicators[tilt.key], redraws[tilt.kind], self.block.edges)
            if not tilt.one_code_each:
                by_code = tilt.acting[:, 1:].astype(np.float64) @ by_code
            for place, judgement in enumerate(tilt.judgements):
                self.judgements[judgement] += by_code[:, place]
        for curve_tilt in evaluator.tilts.curves:
            changed = backward.law.tilted_by(curve_tilt.log_odds_in_trials(current.rows))
            counts = self._add_judgement(curve_tilt.judgement, changed, backward)
            if self.changes.scenarios in curve_tilt.points:
                counts_after[curve_tilt.judgement] = counts
        return counts_after

    def _add_hold_changes(self, tilt: RowTilt, codes: Codes, backward: _BackwardStep) -> dict[int, Floats]:
        """The judgements that change what is kept, each with products of its own."""
        law, everywhere = backward.law, backward.law.tilted_by(tilt.log_odds)
        counts_after = {}
        for judgement, acts in tilt.trials_of_each(codes):
            changed = everywhere
            if acts is not None:
                share = np.where(acts, everywhere.share, law.share)
                changed = RedrawLaw(share, np.where(acts, everywhere.hold, law.hold))
            counts_after[judgement] = self._add_judgement(judgement, changed, backward)
        return counts_after

    def _add_judgement(self, judgement: int, changed: RedrawLaw, backward: _BackwardStep) -> Floats:
        """Add what one judgement moves at a step; gives for how much a move before it counts."""
        law, counts = backward.law, backward.own_counts.get(judgement, backward.counts)
        changes = changed.share - law.share
        changes *= 1.0 - changed.hold
        if changed.hold is not law.hold:
            changes += (changed.hold - law.hold) * (backward.before - law.share)
        changes *= counts
        self.judgements[judgement] += sum_by_batch(changes, self.block.edges)
        return np.asarray(counts * changed.hold)

    def _add_weights(self, current: OutcomeStep, backward: _BackwardStep) -> None:
        for number, weight_score in enumerate(self.changes.weight_scores):
            slopes = weight_score.slopes(current.step, current.rows)
            if slopes is not None:
                changes = _weight_derivative(backward.law, slopes, backward.before) * backward.counts
                self.of_weights[number] += sum_by_batch(changes, self.block.edges)


def _weight_derivative(law: RedrawLaw, slopes: Floats, before: Floats) -> Floats:
    """The derivative of a step's probabilities from `before`, (scenarios, trials), along log-odds: method (50)."""
    changes: Floats = law.share * slopes[:-1]
    changes -= law.share * changes.sum(axis=0)
    changes *= 1.0 - law.hold
    if slopes[-1].any():
        changes += law.hold * (1.0 - law.hold) * slopes[-1] * (before - law.share)
    return changes


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
        row_changes: of the probabilities after the step, shape (scenarios, trials); None where the step doesn't count.
        ratio: the likelihood of what was drawn, shape (trials,).
    """

    row_changes: Floats | None
    ratio: Floats

    @classmethod
    def of(cls, present: _DrawnStep, tilting: Tilting) -> _DrawnChange:
        """Of a tilt of the law of a step."""
        draw = present.draw
        changes = draw.law.tilted_by(tilting).row(present.before) - present.row if present.share else None
        return cls(changes, draw.ratio(tilting))


class DrawnOutcome:
    """Reweights paths of the drawn scenario, and follows their score: methods (49) and (51)."""

    def __init__(self, changes: OutcomeChanges, block: BlockSums) -> None:
        self.changes = changes
        self.block = block
        self.ratios = {judgement: np.ones(block.trials) * block.weights for judgement in changes.judgements}
        self.scores = np.zeros((len(changes.weight_scores), block.trials))

    def observe(self, current: OutcomeStep) -> None:
        """Add a step."""
        evaluator = self.changes.evaluators[current.step]
        draw = evaluator.drawn_transition(current.block_states)
        before = current.block_states.before[evaluator.node] if evaluator.keep is not None else None
        present = _DrawnStep(draw, before, draw.law.row(before), current.share)
        if current.share:
            self.count(present.row, current.share, current.counted)
        changes: dict[object, _DrawnChange] = {}
        for tilt, codes in codes_in_trials(evaluator.tilts.tables, current.rows):
            if tilt.kind not in changes:
                changes[tilt.kind] = _DrawnChange.of(present, tilt.log_odds)
            for judgement, acts in tilt.trials_of_each(codes):
                self._reweigh(judgement, changes[tilt.kind], present, acts)
        for curve_tilt in evaluator.tilts.curves:
            change = _DrawnChange.of(present, curve_tilt.log_odds_in_trials(current.rows))
            self._reweigh(curve_tilt.judgement, change, present, None)
        self._add_weights(current, present)
        if current.share and current.counted == self.changes.counted - 1:
            self.add_squares()

    def finish(self) -> None:
        """Nothing is left to do."""

    def add_squares(self) -> None:
        """Add up the ratios and their squares as they are."""
        for judgement, ratio in self.ratios.items():
            self.block.sums.judgements.weight_squares[judgement] = float((ratio * ratio).sum())
            self.block.sums.judgements.weight_totals[judgement] = float(ratio.sum())

    def count(self, target_values: Floats, share: float, counted: int) -> None:
        """Add what is asked of the trials, shape (scenarios, trials), as the steps so far have changed it."""
        sums, edges, weights, _ = self.block
        for judgement, ratio in self.ratios.items():
            changes = ratio - weights
            sums.judgements.with_visits[:, judgement] += share * sum_by_batch(target_values * changes, edges)
            sums.judgements.weight_changes[:, counted, judgement] += sum_by_batch(changes[None], edges)[:, 0]
        scores = self.scores * weights
        sums.weights.with_visits += share * sum_products(scores, target_values, edges)
        sums.weights.weight_changes[:, counted] += sum_by_batch(scores, edges)

    def _reweigh(
        self, judgement: int, change: _DrawnChange, present: _DrawnStep, acts: npt.NDArray[np.bool_] | None
    ) -> None:
        """Add what a judgement changes at this step, where it acts, and reweight the paths for the steps to come."""
        ratio = self.ratios[judgement]
        if change.row_changes is not None:
            changes = change.row_changes * (present.share * ratio if acts is None else present.share * ratio * acts)
            self.block.sums.judgements.with_visits[:, judgement] += sum_by_batch(changes, self.block.edges)
        ratio *= change.ratio if acts is None else np.where(acts, change.ratio, 1.0)

    def _add_weights(self, current: OutcomeStep, present: _DrawnStep) -> None:
        draw, row = present.draw, present.row
        origin = row if present.before is None else np.eye(len(row))[:, present.before]
        for number, weight_score in enumerate(self.changes.weight_scores):
            slopes = weight_score.slopes(current.step, current.rows)
            if slopes is None:
                continue
            if current.share:
                changes = current.share * _weight_derivative(draw.law, slopes, origin)
                self.block.sums.weights.with_visits[:, number] += sum_by_batch(changes, self.block.edges)
            self.scores[number] += draw.score(slopes)
