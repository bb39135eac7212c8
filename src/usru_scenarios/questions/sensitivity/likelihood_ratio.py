"""What would the same draws say under other judgements and weights? One walk answers for all of them.

Judgements of drivers reweight paths by method (49). Where the outcome is carried along the drivers and every step keeps
all scenarios alike, what its own judgements and weights move is carried back from the last step by method (50). Where
it is drawn, its judgements reweight paths too, and weights take the score of method (51); of the last step the
probability is known and is used in both.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation.batches import BatchSums, accumulated, batch_trials, batched
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import Formula
from usru_scenarios.program.program import CategoricalNode, Floats, PiecewiseCurve, Program, Term
from usru_scenarios.program.support import Support
from usru_scenarios.questions.sensitivity.observed import ObservedLikelihoods, ObservedWalk, one_hot
from usru_scenarios.questions.sensitivity.tilting import (
    Codes,
    DrawnTransition,
    LawEvaluator,
    RedrawLaw,
    RowPacker,
    RowTilt,
    TiltedProgram,
    Tilting,
)
from usru_scenarios.sampler.blocks import BLOCK, BlockSampler, KernelCache, MapBlocks, Plan
from usru_scenarios.sampler.outcome import FullTransition, LazyTransition, OutcomeKernel, probabilities_after
from usru_scenarios.sampler.tables import BlockStates, States

_MOST_MADE = 1 << 26
"""Bytes of moves that are remembered for judgements that tilt a law alike."""

_SCENARIOS = 6
"""Scenarios whose moves are summed in the time of one factor."""

_SECONDS_PER_FACTOR = 1e-8
"""Time for a trial, judgement and step, as in `blocks.SECONDS_PER_DRAW`."""


@dataclass(frozen=True)
class EffectEstimates:
    """Effects of some things on the scenarios, and how they vary between batches.

    Attributes:
        value: shape (things, scenarios).
        residuals: shape (batches, things, scenarios), what each batch's sums are off, to first order; sum 0.
        count: the trials.
    """

    value: Floats
    residuals: Floats
    count: float


@dataclass
class CovarianceSums(BatchSums):
    """Sums over batches that give effects of some things on the scenarios, each as a covariance or a plain mean.

    Attributes:
        with_visits: shape (batches, things, scenarios), sums of probability times (W - 1), or of the effect itself;
            each step by how much it counts.
        alone: shape (batches, steps, things), sums of W - 1 at the steps that count; 0 where the effect is plain.
        squares: shape (things,), sums of W squared at the last step; 0 where the effect is plain.
        total: shape (things,), sums of W at the last step.
    """

    WHOLE = frozenset({"squares", "total"})

    with_visits: Floats
    alone: Floats
    squares: Floats
    total: Floats

    @classmethod
    def zeros(cls, batches: int, steps: int, things: int, scenarios: int) -> CovarianceSums:
        """The sums of no trials."""
        return cls(
            np.zeros((batches, things, scenarios)),
            np.zeros((batches, steps, things)),
            np.zeros(things),
            np.zeros(things),
        )

    def effects(self, sums: PathwiseSums, shares: Floats) -> EffectEstimates:
        """The effects; `shares` is how much each of the steps counts that `alone` is about."""
        trials, visits = sums.trials, sums.visits
        count = trials.sum()
        mean, alone = visits.sum(axis=0) / count, self.alone.sum(axis=0) / count
        centre = np.einsum("t,tc,tk->kc", shares, mean, alone)
        value = self.with_visits.sum(axis=0) / count - centre
        residuals = self.with_visits - (value - centre) * trials[:, None, None]
        if self.alone.any():
            residuals -= np.einsum("tc,btk->bkc", shares[:, None] * mean, self.alone, optimize=True)
            residuals -= np.einsum("tk,btc->bkc", shares[:, None] * alone, visits, optimize=True)
        return EffectEstimates(value, residuals, count)

    def ratio_effects(self, sums: PathwiseSums) -> EffectEstimates:
        """The effects given what is observed, by method (65): E[f W] / E[W] - E[f], at the one time that counts.

        The mean of W is not known then to be 1: how much likelier W makes what is observed is part of the effect. Where
        the effect is plain, no weight changes.
        """
        trials, visits = sums.trials, sums.visits[:, 0]
        count = trials.sum()
        weights = trials[:, None] + self.alone[:, 0]
        mean, whole = visits.sum(axis=0) / count, weights.sum(axis=0)
        changed = visits[:, None] + self.with_visits
        value = changed.sum(axis=0) / whole[:, None]
        residuals = (changed - value * weights[..., None]) * (count / whole)[:, None]
        residuals -= (visits - mean * trials[:, None])[:, None]
        return EffectEstimates(value - mean, residuals, count)

    def effective_share(self, trials: float) -> Floats:
        """For what share of the trials the weighted ones stand, shape (things,): (sum W)^2 / (n sum W^2)."""
        return np.divide(self.total**2, trials * self.squares, out=np.ones_like(self.total), where=self.squares > 0)


@dataclass
class PathwiseSums(BatchSums):
    """The sums of a walk.

    Attributes:
        trials: shape (batches,); under observations the weights of the trials.
        visits: shape (batches, steps, scenarios), sums of the scenario's probability at the steps that count; under
            observations of what is asked of a trial, as if at one step.
        cells, weights: of the judgements and of the weights.
    """

    trials: Floats
    visits: Floats
    cells: CovarianceSums
    weights: CovarianceSums


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
        slopes: Floats | None = None
        for part in self.parts:
            if not step and (
                part.lag if isinstance(part, PiecewiseCurve) else any(parent.lag for parent in part.parents)
            ):
                continue
            given = _along(part, rows) if isinstance(part, PiecewiseCurve) else _by_row(part, rows)
            slopes = given if slopes is None else slopes + given
        return slopes * self.factors[step] if slopes is not None and self.factors[step] else None

    @property
    def most(self) -> float:
        """The most by which a trial's probability can move for each unit."""
        states = sum(float(np.ptp(part.points[..., :-1], axis=-1).max(initial=0.0)) for part in self.parts)
        hold = sum(float(np.abs(part.points[..., -1]).max(initial=0.0)) for part in self.parts)
        return (states + hold) / 4 * float(np.abs(self.factors).max(initial=0.0))


def _by_row(term: Term, rows: RowPacker) -> Floats:
    return term.points.reshape(-1, term.points.shape[-1]).T.take(rows.of(term.parents), axis=1)


def _along(curve: PiecewiseCurve, rows: RowPacker) -> Floats:
    values = (rows.block_states.before if curve.lag else rows.block_states.now)[rows.index[curve.node]]
    return np.array([np.interp(values, curve.knots, column) for column in curve.points.T])


class PathwiseEstimator:
    """A program and what is asked of it: judgements that tilt a law, and weights.

    Args:
        tilted: the judgements, all of them of categorical nodes that the outcome depends on, or of the outcome; their
            program ends with the last step that counts.
        plan: the trials.
        shares: how much each step counts, shape (steps,).
        weights: the drivers and rules, and whether each weight is a schedule.
        kernels: as in `BlockSampler`.
        seen: what is observed; None where nothing is.

    Attributes:
        counted_shares: how much each of the times counts that sums are kept of, shape (steps that count,); under
            observations all that is asked of a trial is one number, when its weight is known.
    """

    def __init__(
        self,
        tilted: TiltedProgram,
        plan: Plan,
        shares: Floats,
        weights: Mapping[str, bool],
        kernels: KernelCache | None = None,
        *,
        seen: Formula | None = None,
    ) -> None:
        self.program = program = tilted.program
        self.plan = plan
        self.shares = shares
        self.counted_shares: Floats = shares[np.flatnonzero(shares)] if seen is None else np.ones(1)
        self.scenarios = len(program.outcome.states)
        self.cells = sum(map(len, tilted.cells.values()))
        self.of_outcome = np.isin(np.arange(self.cells), tilted.cells.get(OUTCOME, []))
        self.carried = not program.feedback and _mixes(program, plan)
        entries = (self.cells + len(weights) + 1) * (self.scenarios + len(self.counted_shares))
        self.batches = plan.batches(entries)
        self.observed: ObservedWalk | None = None
        if seen is None:
            self.block_sampler = BlockSampler(
                program,
                plan,
                draw_outcome=not self.carried,
                needed=program.upstream([OUTCOME]),
                kernels=kernels,
                beside=self.batches.bytes(entries) + self._remembered,
            )
        else:
            beside = self.batches.bytes(entries) + self._remembered
            self.observed = ObservedWalk(program, seen, plan, drawn=not self.carried, kernels=kernels, beside=beside)
            self.carried = self.observed.carried
            self.block_sampler = self.observed.block_sampler
        self.drivers = _evaluators(program, tilted, self.block_sampler.index, outcome=False)
        self.outcome = _evaluators(program, tilted, self.block_sampler.index, outcome=True)
        self.unfit = self._unfit() if self.carried else frozenset()
        self.weight_scores = [self._weight_score(name, scheduled=scheduled) for name, scheduled in weights.items()]

    @property
    def _remembered(self) -> int:
        """The bytes of the steps of a block, which are kept until the last one where the outcome is carried."""
        if not self.carried:
            return 0
        each = len(self.program.upstream([OUTCOME])) + 8 * 2 * self.scenarios
        return self.program.steps * self.plan.trials_in(0) * each

    def _unfit(self) -> frozenset[int]:
        """The judgements under which the outcome could no longer be carried: they are about keeping one scenario."""
        own = self.program.law(self.program.outcome, self.program.steps - 1).own
        tilts = [tilt for (evaluator,) in self.outcome for tilt in evaluator.tilts.tables]
        return frozenset(cell for tilt in tilts if own in tilt.parents for cell in tilt.cells)

    def _weight_score(self, name: str, *, scheduled: bool) -> WeightScore:
        outcome, steps = self.program.outcome, self.program.steps
        parts: tuple[Term | PiecewiseCurve, ...] = (*outcome.terms, *outcome.curves)
        factors = self.program.weights[name][:steps] if scheduled else np.ones(steps)
        free = [self.program.law(outcome, step).fixed is None for step in range(steps)]
        return WeightScore(
            tuple(part for part in parts if part.weight == name), factors * float(outcome.log_odds) * free
        )

    def most(self, support: Support) -> tuple[Floats, Floats]:
        """The most that a trial can count for the effect of each judgement and for that of each weight.

        A judgement that adds d to the log-odds makes what it acts on at most exp(d) times as likely: so much more may
        come of a state that was never drawn. Where it is the outcome's and that is carried, a trial's probability
        moves by at most tanh(d / 4), by a unit of a weight by at most d / 4 for the states and as much for keeping one;
        nothing differs then where the outcome's law does not vary between trials. Shapes (judgements,) and (weights,).
        """
        acting = np.zeros(self.cells)
        known: set[object] = set()
        for step, evaluators in enumerate(zip(self.drivers, self.outcome, strict=True)):
            for evaluator in (each for some in evaluators for each in some):
                _raise(acting, evaluator, support, step, known)
        states = np.maximum(1.0, np.expm1(acting)) * (acting > 0.0)
        own = self.of_outcome & self.carried
        varies = bool(support.carried_varies.any()) or not self.carried
        most = np.where(own, np.tanh(acting / 4) * varies, states)
        return most, np.array([weight_score.most for weight_score in self.weight_scores]) * varies

    def sums(self, map_blocks: MapBlocks) -> PathwiseSums:
        """Walk all blocks."""
        return accumulated(map_blocks(self.run, range(self.plan.blocks)), self.batches)

    def zeros(self, batches: int) -> PathwiseSums:
        """The sums of no trials."""
        steps = len(self.counted_shares)
        return PathwiseSums(
            np.zeros(batches),
            np.zeros((batches, steps, self.scenarios)),
            CovarianceSums.zeros(batches, steps, self.cells, self.scenarios),
            CovarianceSums.zeros(batches, steps, len(self.weight_scores), self.scenarios),
        )

    @property
    def seconds_each(self) -> float:
        """What a block is predicted to take, as in `BlockSampler`."""
        return self.block_sampler.seconds_each + tilting_seconds(self.cells, self.program.steps, self.scenarios)

    def run(self, block: int) -> PathwiseSums:
        """The sums of one block."""
        if self.observed is not None:
            observer: _PathwiseObserver = _ObservedPathwiseObserver(self, block, self.observed)
        else:
            observer = _PathwiseObserver(self, block)
        self.block_sampler.walk(block, observer)
        observer.finish()
        return observer.sums


def tilting_seconds(judgements: int, steps: int, scenarios: int) -> float:
    """What following so many judgements is predicted to take in a block, beside its trials."""
    return judgements * steps * BLOCK * _SECONDS_PER_FACTOR * max(1.0, scenarios / _SCENARIOS)


def _raise(acting: Floats, evaluator: LawEvaluator, support: Support, step: int, known: set[object]) -> None:
    """Raise the log-odds by which each judgement tilts a law to those at a step, in rows that are possible there."""
    for tilt in evaluator.tilts.tables:
        held = [support.indices(parent, step - parent.lag) for parent in tilt.parents]
        key = (tilt, *(each.tobytes() for each in held))
        if key in known:
            continue
        known.add(key)
        codes = tilt.codes.reshape([parent.size for parent in tilt.parents])[np.ix_(*held)]
        added = np.array([*tilt.log_odds.values(), 0.0])
        acts = tilt.acting[:, np.unique(codes)].any(axis=1)
        cells = np.asarray(tilt.cells)[acts]
        acting[cells] = np.maximum(acting[cells], float(np.ptp(added)))
    for curve_tilt in evaluator.tilts.curves:
        points = max(float(np.abs(each).max()) for each in curve_tilt.points.values())
        acting[curve_tilt.cell] = max(acting[curve_tilt.cell], 2.0 * points)


def _mixes(program: Program, plan: Plan) -> bool:
    """Whether every step keeps all scenarios alike, whatever the one before."""
    (outcome,) = zip(
        *BlockSampler(program, plan, draw_outcome=False, needed=frozenset({OUTCOME})).kernels(0), strict=True
    )
    return all(isinstance(kernel, OutcomeKernel) and kernel.mixes for kernel in outcome)


def _evaluators(
    program: Program, tilted: TiltedProgram, index: Mapping[str, int], *, outcome: bool
) -> list[list[LawEvaluator]]:
    """For each step, the laws of the drivers that are tilted there, or that of the outcome."""
    made: dict[tuple[object, ...], LawEvaluator | None] = {}

    def of(node: CategoricalNode, step: int) -> LawEvaluator | None:
        key = (node.name, program.regime(node, step), _regime(tilted, node, step))
        if key not in made:
            tilts = tilted.of(node, step)
            made[key] = LawEvaluator(program.law(node, step), tilts, index) if tilts or outcome else None
        return made[key]

    nodes = [program.outcome] if outcome else [program.nodes[name] for name in tilted.cells if name != OUTCOME]
    return [
        [evaluator for node in nodes if isinstance(node, CategoricalNode) and (evaluator := of(node, step)) is not None]
        for step in range(program.steps)
    ]


def _regime(tilted: TiltedProgram, node: CategoricalNode, step: int) -> tuple[object, ...]:
    return tilted.program.regime(tilted.nodes[node.name], step) if node.name in tilted.cells else ()


class _PathwiseObserver:
    """Watches a block: follows the scenario's probability, the weights of paths, and the outcome's own changes.

    Args:
        estimator: whose sums.
        block: which block.
        weights: of its trials, shape (trials,); None where all count alike.

    Attributes:
        ratios: by judgement of a driver, shape (judgements, trials), of paths, times the weights of the trials.
    """

    def __init__(self, estimator: PathwiseEstimator, block: int, weights: Floats | None = None) -> None:
        self.estimator = estimator
        self.weights: Floats = np.asarray(1.0) if weights is None else weights
        self.trials = estimator.plan.trials_in(block)
        self.edges = estimator.batches.starts(block)
        self.sums = estimator.zeros(len(self.edges))
        self.sums.trials += (
            batch_trials(self.edges, self.trials) if weights is None else batched(weights[None], self.edges)[:, 0]
        )
        self.present: Floats | None = None
        self.driver_cells = np.flatnonzero(~estimator.of_outcome)
        self.place = {cell: place for place, cell in enumerate(self.driver_cells.tolist())}
        self.ratios = np.ones((len(self.driver_cells), self.trials)) * self.weights
        self.outcome: _CarriedOutcome | _DrawnOutcome = (
            _CarriedOutcome(self) if estimator.carried else _DrawnOutcome(self)
        )
        self.counted = 0

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Add a step."""
        assert transition is not None, "the outcome is among the nodes that are walked"
        rows = RowPacker(block_states, self.estimator.block_sampler.index)
        share = float(self.estimator.shares[step])
        before = self.present
        drawn = (
            block_states.before[self.estimator.block_sampler.index[OUTCOME]]
            if self.estimator.program.feedback
            else None
        )
        self.present = probability = probabilities_after(transition, before, drawn)
        for evaluator in self.estimator.drivers[step]:
            self._weigh(evaluator, block_states, rows)
        self.outcome.observe(_OutcomeStep(step, block_states, rows, transition, before, share, self.counted))
        if share:
            self._count(probability, share)

    def finish(self) -> None:
        """Add what is summed from the last step back."""
        self.outcome.finish()

    def _weigh(self, evaluator: LawEvaluator, block_states: BlockStates, rows: RowPacker) -> None:
        """Multiply the ratios of paths by what the drawn states of a node give."""
        drawn = evaluator.drawn(block_states)
        made: dict[object, Floats] = {}
        for tilt, codes in coded(evaluator.tilts.tables, rows):
            if tilt.kind not in made:
                made[tilt.kind] = drawn.ratio(tilt.log_odds)
            for cell, there in tilt.each(codes):
                self.ratios[self.place[cell]] *= np.where(there, made[tilt.kind], 1.0)
        for curve_tilt in evaluator.tilts.curves:
            self.ratios[self.place[curve_tilt.cell]] *= drawn.ratio(curve_tilt.at(block_states, rows.index))

    def _count(self, probability: Floats, share: float) -> None:
        """Add what is asked of the trials, shape (scenarios, trials), and how paths that lead there are reweighted."""
        cells, at = self.sums.cells, self.driver_cells
        summed = batched(probability * self.weights, self.edges)
        self.sums.visits[:, self.counted] += summed
        if len(at):
            more = batched(self.ratios, self.edges)
            cells.with_visits[:, at] += share * (_products(self.ratios, probability, self.edges) - summed[:, None, :])
            cells.alone[:, self.counted, at] += more - self.sums.trials[:, None]
            if self.counted == len(self.estimator.counted_shares) - 1:
                cells.squares[at] = np.einsum("kn,kn->k", self.ratios, self.ratios)
                cells.total[at] = more.sum(axis=0)
        self.counted += 1


class _ObservedPathwiseObserver(_PathwiseObserver):
    """The same where something is observed: the block is walked before, for the weights of its trials.

    What is asked of a trial is added up and counts at the end, when its path has gone through all that is observed.
    """

    def __init__(self, estimator: PathwiseEstimator, block: int, observed: ObservedWalk) -> None:
        super().__init__(estimator, block, observed.walk(block))
        self.likelihoods = ObservedLikelihoods(observed)
        self.asked: Floats = np.zeros((estimator.scenarios, self.trials))
        self.drawn: Floats = np.zeros((estimator.scenarios, self.trials))

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Add a step."""
        estimator = self.estimator
        rows = RowPacker(block_states, estimator.block_sampler.index)
        share, before = float(estimator.shares[step]), self.likelihoods.present
        present = self.likelihoods.after(step, block_states, transition)
        assert transition is not None, "the outcome is among the nodes that are walked"
        for evaluator in estimator.drivers[step]:
            self._weigh(evaluator, block_states, rows)
        own = share if estimator.carried else 0.0
        self.outcome.observe(_OutcomeStep(step, block_states, rows, transition, before, own, self.counted))
        if not estimator.carried:
            drawn = one_hot(estimator.scenarios, block_states.now[estimator.block_sampler.index[OUTCOME]])
            self.drawn += share * drawn
            present = drawn if estimator.program.feedback else present
        self.asked += share * present

    def finish(self) -> None:
        """Count what was asked of the trials, with the ratios of whole paths."""
        self._count(self.asked, 1.0)
        self.outcome.finish()
        if isinstance(self.outcome, _DrawnOutcome):
            self.outcome.count(self.drawn, 1.0, 0)
            self.outcome.square()


def coded(tilts: Iterable[RowTilt], rows: RowPacker) -> Iterator[tuple[RowTilt, Codes]]:
    """Tilts with who acts in each trial, as a code of shape (trials,)."""
    for tilt in tilts:
        yield tilt, tilt.codes.take(rows.of(tilt.parents))


def _products(one: Floats, other: Floats, edges: npt.NDArray[np.int64]) -> Floats:
    """Sums over batches of products, of shape (things, trials) each; shape (batches, things, other things)."""
    trials, batches = one.shape[1], len(edges)
    if trials == batches * (size := trials // batches) and (edges == np.arange(0, trials, size)).all():
        by_batch = [values.reshape(len(values), batches, size).swapaxes(0, 1) for values in (one, other)]
        products: Floats = by_batch[0] @ by_batch[1].swapaxes(1, 2)
        return products
    bounds = [*edges.tolist(), trials]
    return np.array([one[:, low:high] @ other[:, low:high].T for low, high in pairwise(bounds)])


class _OutcomeStep(NamedTuple):
    """What there is to see of the outcome at a step; `before`: its probabilities before, shape (scenarios, trials)."""

    step: int
    block_states: BlockStates
    rows: RowPacker
    transition: LazyTransition | FullTransition
    before: Floats | None
    share: float
    counted: int


# The outcome, carried ------------------------------------------------------------------------------------------------


class _BackwardStep(NamedTuple):
    """A step on the way back.

    Attributes:
        law: of the outcome.
        before: the scenarios' probabilities before the step.
        counts: for how much a move at this step counts, here and at later ones, shape (trials,) or (1,).
        own: the same for judgements that change what is kept, by their numbers.
    """

    law: RedrawLaw
    before: Floats
    counts: Floats
    own: Mapping[int, Floats]


class _CarriedOutcome:
    """Remembers the steps, and sums what arises at each from the last one back."""

    def __init__(self, observer: _PathwiseObserver) -> None:
        self.observer = observer
        self.estimator = observer.estimator
        self.steps: list[_OutcomeStep] = []

    def observe(self, seen: _OutcomeStep) -> None:
        """Remember a step; its trials go on, but what they were does not change."""
        block_states = copy.copy(seen.block_states)
        self.steps.append(seen._replace(block_states=block_states, rows=RowPacker(block_states, seen.rows.index)))

    def finish(self) -> None:
        """Walk back."""
        counts = np.zeros(1)
        own: dict[int, Floats] = {}
        for seen in reversed(self.steps):
            share = seen.share * self.observer.weights
            counts = counts + share
            own = {cell: count + share for cell, count in own.items()}
            law = _law(seen.transition)
            present = _BackwardStep(law, law.share if seen.before is None else seen.before, counts, own)
            self._weights(seen, present)
            own = {cell: count * law.hold for cell, count in own.items()} | self._cells(seen, present)
            counts = counts * law.hold

    def _cells(self, seen: _OutcomeStep, present: _BackwardStep) -> dict[int, Floats]:
        """Add what judgements move at a step; gives for how much a move before it counts where that changes."""
        (evaluator,) = self.estimator.outcome[seen.step]
        after: dict[int, Floats] = {}
        made: dict[object, Floats] = {}
        fit = [tilt for tilt in evaluator.tilts.tables if not self.estimator.unfit.intersection(tilt.cells)]
        for tilt, codes in coded(fit, seen.rows):
            if self.estimator.scenarios in tilt.log_odds:
                after.update(self._holding(tilt, codes, present))
                continue
            if tilt.kind not in made:
                while len(made) * present.law.share.nbytes > _MOST_MADE:
                    del made[next(iter(made))]
                made[tilt.kind] = present.law.tilted(tilt.log_odds).share - present.law.share
                made[tilt.kind] *= (1.0 - present.law.hold) * present.counts
            self._by_code(tilt, codes, made[tilt.kind])
        for curve_tilt in evaluator.tilts.curves:
            changed = present.law.tilted(curve_tilt.at(seen.block_states, seen.rows.index))
            after[curve_tilt.cell] = self._one(curve_tilt.cell, changed, present)
        return after

    def _by_code(self, tilt: RowTilt, codes: Codes, moved: Floats) -> None:
        """Add what moves in the trials in which each judgement acts."""
        kinds = np.arange(1, tilt.acting.shape[1])
        under = (codes == kinds.astype(codes.dtype)[:, None]).astype(np.float64)
        by_code = _products(under, moved, self.observer.edges)
        acting = tilt.acting[:, 1:].astype(np.float64)
        self.observer.sums.cells.with_visits[:, list(tilt.cells)] += acting @ by_code

    def _holding(self, tilt: RowTilt, codes: Codes, present: _BackwardStep) -> dict[int, Floats]:
        """The judgements that change what is kept, each with products of its own."""
        law, everywhere = present.law, present.law.tilted(tilt.log_odds)
        found = {}
        for cell, there in tilt.each(codes):
            changed = RedrawLaw(
                np.where(there, everywhere.share, law.share), np.where(there, everywhere.hold, law.hold)
            )
            found[cell] = self._one(cell, changed, present)
        return found

    def _one(self, cell: int, changed: RedrawLaw, present: _BackwardStep) -> Floats:
        """Add what one judgement moves at a step; gives for how much a move before it counts."""
        law, counts = present.law, present.own.get(cell, present.counts)
        moved = (changed.share - law.share) * (1.0 - changed.hold)
        moved += (changed.hold - law.hold) * (present.before - law.share)
        self.observer.sums.cells.with_visits[:, cell] += batched(moved * counts, self.observer.edges)
        after: Floats = counts * changed.hold
        return after

    def _weights(self, seen: _OutcomeStep, present: _BackwardStep) -> None:
        for number, weight_score in enumerate(self.estimator.weight_scores):
            slopes = weight_score.slopes(seen.step, seen.rows)
            if slopes is not None:
                moved = _derivative(present.law, slopes, present.before) * present.counts
                self.observer.sums.weights.with_visits[:, number] += batched(moved, self.observer.edges)


def _law(transition: LazyTransition | FullTransition) -> RedrawLaw:
    assert isinstance(transition, LazyTransition), "the outcome is carried where every step keeps all scenarios alike"
    return RedrawLaw(transition.share, np.asarray(transition.hold))


def _derivative(law: RedrawLaw, slopes: Floats, before: Floats) -> Floats:
    """The derivative of a step's probabilities from `before`, (scenarios, trials), along log-odds: method (50)."""
    moved: Floats = law.share * slopes[:-1]
    moved -= law.share * moved.sum(axis=0)
    moved *= 1.0 - law.hold
    if slopes[-1].any():
        moved += law.hold * (1.0 - law.hold) * slopes[-1] * (before - law.share)
    return moved


# The outcome, drawn --------------------------------------------------------------------------------------------------


_EVERYWHERE = np.asarray(True)


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


class _DrawnOutcome:
    """Reweights paths of the drawn scenario, and follows their score."""

    def __init__(self, observer: _PathwiseObserver) -> None:
        self.observer = observer
        self.estimator = observer.estimator
        cells = np.flatnonzero(observer.estimator.of_outcome)
        self.ratios = {cell: np.ones(observer.trials) * observer.weights for cell in cells.tolist()}
        self.scores = np.zeros((len(observer.estimator.weight_scores), observer.trials))

    def observe(self, seen: _OutcomeStep) -> None:
        """Add a step."""
        (evaluator,) = self.estimator.outcome[seen.step]
        draw = evaluator.drawn(seen.block_states)
        before = seen.block_states.before[evaluator.node] if evaluator.keep is not None else None
        present = _DrawnStep(draw, before, draw.law.row(before), seen.share)
        if seen.share:
            self.count(present.row, seen.share, seen.counted)
        for tilt, codes in coded(evaluator.tilts.tables, seen.rows):
            for cell, there in tilt.each(codes):
                self._reweigh(cell, tilt.log_odds, present, there)
        for curve_tilt in evaluator.tilts.curves:
            self._reweigh(curve_tilt.cell, curve_tilt.at(seen.block_states, seen.rows.index), present, _EVERYWHERE)
        self._weights(seen, present)
        if seen.share and seen.counted == len(self.estimator.counted_shares) - 1:
            self.square()

    def finish(self) -> None:
        """Nothing is left to do."""

    def square(self) -> None:
        for cell, ratio in self.ratios.items():
            self.observer.sums.cells.squares[cell] = float((ratio * ratio).sum())
            self.observer.sums.cells.total[cell] = float(ratio.sum())

    def count(self, asked: Floats, share: float, counted: int) -> None:
        """Add what is asked of the trials, shape (scenarios, trials), as the steps so far have changed it."""
        sums, edges, weights = self.observer.sums, self.observer.edges, self.observer.weights
        for cell, ratio in self.ratios.items():
            more = ratio - weights
            sums.cells.with_visits[:, cell] += share * batched(asked * more, edges)
            sums.cells.alone[:, counted, cell] += batched(more[None], edges)[:, 0]
        scores = self.scores * weights
        sums.weights.with_visits += share * _products(scores, asked, edges)
        sums.weights.alone[:, counted] += batched(scores, edges)

    def _reweigh(self, cell: int, tilting: Tilting, present: _DrawnStep, there: npt.NDArray[np.bool_]) -> None:
        """Add what a judgement changes at this step, where it acts, and reweight the paths for the steps to come."""
        ratio, draw = self.ratios[cell], present.draw
        if present.share:
            moved = (draw.law.tilted(tilting).row(present.before) - present.row) * (present.share * ratio * there)
            self.observer.sums.cells.with_visits[:, cell] += batched(moved, self.observer.edges)
        ratio *= np.where(there, draw.ratio(tilting), 1.0)

    def _weights(self, seen: _OutcomeStep, present: _DrawnStep) -> None:
        draw, row = present.draw, present.row
        origin = row if present.before is None else np.eye(len(row))[:, present.before]
        for number, weight_score in enumerate(self.estimator.weight_scores):
            slopes = weight_score.slopes(seen.step, seen.rows)
            if slopes is None:
                continue
            if seen.share:
                moved = seen.share * _derivative(draw.law, slopes, origin)
                self.observer.sums.weights.with_visits[:, number] += batched(moved, self.observer.edges)
            self.scores[number] += draw.score(slopes)
