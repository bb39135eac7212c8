"""What would the same draws say under other judgements and weights? One walk answers for all of them.

Judgements of drivers reweight paths by method (49). Where the outcome is carried along the drivers and every step keeps
all scenarios alike, what its own judgements and weights move is carried back from the last step by method (50). Where
it is drawn, its judgements reweight paths too, and weights take the score of method (51); of the last step the
probability is known and is used in both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from usru_scenarios.estimation.batches import accumulate, batch_sizes, sum_by_batch
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import Formula
from usru_scenarios.program.laws import PiecewiseCurve, Term
from usru_scenarios.program.program import CategoricalNode, Floats, Program
from usru_scenarios.program.support import Support
from usru_scenarios.questions.sensitivity.observed import ObservedLikelihoods
from usru_scenarios.questions.sensitivity.outcome_effects import (
    CarriedOutcome,
    DrawnOutcome,
    OutcomeChanges,
    OutcomeStep,
    WeightScore,
)
from usru_scenarios.questions.sensitivity.path_ratios import PathRatios, RatioTables
from usru_scenarios.questions.sensitivity.pathwise_sums import BlockSums, CovarianceSums, PathwiseSums, sum_products
from usru_scenarios.questions.sensitivity.tilting import LawEvaluator, LawTilts, NodeTilts, RowPacker
from usru_scenarios.sampler.blocks import BLOCK, BlockSampler, KernelCache, MapBlocks, Plan
from usru_scenarios.sampler.likelihood_weighting import ObservedWalk
from usru_scenarios.sampler.outcome import FullTransition, LazyTransition, OutcomeKernel, probabilities_after
from usru_scenarios.sampler.outcome_paths import one_hot
from usru_scenarios.sampler.tables import BlockStates, TableCache

_SCENARIOS = 6
"""Scenarios whose moves are summed in the time of one factor."""

_SECONDS_PER_FACTOR = 1e-8
"""Time for a trial, judgement and step, as in `blocks.SECONDS_PER_DRAW`."""


class PathwiseEstimator:
    """A program and what is asked of it: judgements that tilt a law, and weights.

    Args:
        program: it ends with the last step that counts.
        plan: the trials.
        shares: how much each step counts, shape (steps,).
        weights: the drivers and rules, and whether each weight is a schedule.
        owners: of each judgement, the categorical node that has it: the outcome, or one that it depends on.
        tilts: what the judgements do to the laws of these nodes.
        kernels: as in `BlockSampler`.
        given: what is observed; None where nothing is.

    Attributes:
        counted_shares: how much each of the times counts that sums are kept of, shape (steps that count,); under
            observations all that is asked of a trial is one number, when its weight is known.
    """

    def __init__(
        self,
        program: Program,
        plan: Plan,
        shares: Floats,
        weights: Mapping[str, bool],
        *,
        owners: Sequence[str],
        tilts: NodeTilts,
        kernels: KernelCache | None = None,
        given: Formula | None = None,
    ) -> None:
        self.program = program
        self.plan = plan
        self.shares = shares
        self.counted_shares: Floats = shares[np.flatnonzero(shares)] if given is None else np.ones(1)
        self.scenarios = len(program.outcome.states)
        self.judgement_count = len(owners)
        self.of_outcome = np.array([owner == OUTCOME for owner in owners], dtype=np.bool_)
        self.carried = not program.has_feedback and _redraws_alike(program, plan)
        entries = (self.judgement_count + len(weights) + 1) * (self.scenarios + len(self.counted_shares))
        self.batches = plan.batches(entries)
        self.observed: ObservedWalk | None = None
        observer_bytes, draw_outcome = self.batches.bytes(entries) + self._remembered_bytes, not self.carried
        if given is None:
            needed = program.upstream([OUTCOME])
            self.block_sampler = BlockSampler(
                program, plan, draw_outcome=draw_outcome, needed=needed, kernels=kernels, observer_bytes=observer_bytes
            )
        else:
            self.observed = ObservedWalk(
                program, given, plan, draw_outcome=draw_outcome, kernels=kernels, observer_bytes=observer_bytes
            )
            self.carried = self.observed.carried
            self.block_sampler = self.observed.block_sampler
        self.drivers = _evaluators_by_step(program, tilts, self.block_sampler.index, outcome=False)
        steps_of = Counter(evaluator for evaluators in self.drivers for evaluator in evaluators)
        self.tables = RatioTables({evaluator: steps * plan.trials for evaluator, steps in steps_of.items()})
        of_outcome = _evaluators_by_step(program, tilts, self.block_sampler.index, outcome=True)
        self.outcome = [evaluator for (evaluator,) in of_outcome]
        self.uncarried = self._find_uncarried() if self.carried else frozenset()
        self.weight_scores = [self._weight_score(name, scheduled=scheduled) for name, scheduled in weights.items()]
        self.changes = OutcomeChanges(
            self.outcome,
            np.flatnonzero(self.of_outcome).tolist(),
            self.uncarried,
            self.weight_scores,
            self.scenarios,
            len(self.counted_shares),
        )

    @property
    def _remembered_bytes(self) -> int:
        """The bytes of the steps of a block, which are kept until the last one where the outcome is carried."""
        if not self.carried:
            return 0
        each = len(self.program.upstream([OUTCOME])) + 8 * 2 * self.scenarios
        return self.program.steps * self.plan.trials_in(0) * each

    def _find_uncarried(self) -> frozenset[int]:
        """The judgements under which the outcome could no longer be carried: they are about keeping one scenario."""
        previous_state = self.program.law(self.program.outcome, self.program.steps - 1).previous_state
        tilts = [tilt for evaluator in self.outcome for tilt in evaluator.tilts.tables]
        return frozenset(judgement for tilt in tilts if previous_state in tilt.parents for judgement in tilt.judgements)

    def _weight_score(self, name: str, *, scheduled: bool) -> WeightScore:
        outcome, steps = self.program.outcome, self.program.steps
        parts: tuple[Term | PiecewiseCurve, ...] = (*outcome.terms, *outcome.curves)
        factors = self.program.weights[name][:steps] if scheduled else np.ones(steps)
        is_redrawn = [self.program.law(outcome, step).fixed is None for step in range(steps)]
        weighted = tuple(part for part in parts if part.weight == name)
        return WeightScore(weighted, factors * float(outcome.log_odds) * is_redrawn)

    def largest_effects(self, support: Support) -> tuple[Floats, Floats]:
        """The most that a trial can count for the effect of each judgement and for that of each weight.

        A judgement that adds d to the log-odds makes what it acts on at most exp(d) times as likely: so much more may
        come of a state that was never drawn. Where it is the outcome's and that is carried, a trial's probability
        moves by at most tanh(d / 4), by a unit of a weight by at most d / 4 for the states and as much for keeping one;
        nothing differs then where the outcome's law does not vary between trials. Shapes (judgements,) and (weights,).
        """
        log_odds = np.zeros(self.judgement_count)
        known_keys: set[object] = set()
        for step, (drivers, outcome) in enumerate(zip(self.drivers, self.outcome, strict=True)):
            for evaluator in (*drivers, outcome):
                _raise_log_odds(log_odds, evaluator, support, step, known_keys)
        states = np.maximum(1.0, np.expm1(log_odds)) * (log_odds > 0.0)
        is_carried = self.of_outcome & self.carried
        varies = bool(support.carried_varies.any()) or not self.carried
        largest = np.where(is_carried, np.tanh(log_odds / 4) * varies, states)
        return largest, np.array([weight_score.largest_effect for weight_score in self.weight_scores]) * varies

    def sums(self, map_blocks: MapBlocks) -> PathwiseSums:
        """Walk all blocks."""
        return accumulate(map_blocks(self.run, range(self.plan.blocks)), self.batches)

    def zeros(self, batches: int) -> PathwiseSums:
        """The sums of no trials."""
        steps = len(self.counted_shares)
        return PathwiseSums(
            np.zeros(batches),
            np.zeros((batches, steps, self.scenarios)),
            CovarianceSums.zeros(batches, steps, self.judgement_count, self.scenarios),
            CovarianceSums.zeros(batches, steps, len(self.weight_scores), self.scenarios),
        )

    @property
    def seconds_each(self) -> float:
        """What a block is predicted to take, as in `BlockSampler`."""
        tilting = predict_tilting_seconds(self.judgement_count, self.program.steps, self.scenarios)
        return self.block_sampler.seconds_each + tilting

    def run(self, block: int) -> PathwiseSums:
        """The sums of one block."""
        if self.observed is not None:
            observer: _PathwiseObserver = _ObservedPathwiseObserver(self, block, self.observed)
        else:
            observer = _PathwiseObserver(self, block)
        self.block_sampler.walk(block, observer)
        observer.finish()
        return observer.sums


def predict_tilting_seconds(judgements: int, steps: int, scenarios: int) -> float:
    """What following so many judgements is predicted to take in a block, beside its trials."""
    return judgements * steps * BLOCK * _SECONDS_PER_FACTOR * max(1.0, scenarios / _SCENARIOS)


def _raise_log_odds(
    log_odds: Floats, evaluator: LawEvaluator, support: Support, step: int, known_keys: set[object]
) -> None:
    """Raise the log-odds by which each judgement tilts a law to those at a step, in rows that are possible there."""
    for tilt in evaluator.tilts.tables:
        possible = [support.possible_indices(parent, step - parent.lag) for parent in tilt.parents]
        key = (tilt, *(changes.tobytes() for changes in possible))
        if key in known_keys:
            continue
        known_keys.add(key)
        codes = tilt.codes.reshape([parent.size for parent in tilt.parents])[np.ix_(*possible)]
        added = np.array([*tilt.log_odds.values(), 0.0])
        acts = tilt.acting[:, np.unique(codes)].any(axis=1)
        judgements = np.asarray(tilt.judgements)[acts]
        log_odds[judgements] = np.maximum(log_odds[judgements], float(np.ptp(added)))
    for curve_tilt in evaluator.tilts.curves:
        points = max(float(np.abs(changes).max()) for changes in curve_tilt.points.values())
        log_odds[curve_tilt.judgement] = max(log_odds[curve_tilt.judgement], 2.0 * points)


def _redraws_alike(program: Program, plan: Plan) -> bool:
    """Whether every step keeps all scenarios alike, whatever the one before."""
    (outcome,) = zip(
        *BlockSampler(program, plan, draw_outcome=False, needed=frozenset({OUTCOME})).kernels(0), strict=True
    )
    return all(isinstance(kernel, OutcomeKernel) and kernel.redraws_alike for kernel in outcome)


def _evaluators_by_step(
    program: Program, tilts: NodeTilts, index: Mapping[str, int], *, outcome: bool
) -> list[list[LawEvaluator]]:
    """For each step, the laws of the drivers that are tilted there, or that of the outcome."""
    evaluators: dict[tuple[object, ...], LawEvaluator | None] = {}
    tables, no_tilts = TableCache(), LawTilts()

    def evaluator_at(node: CategoricalNode, step: int) -> LawEvaluator | None:
        law_tilts = tilts[node.name][step] if node.name in tilts and node.imposed[step] < 0 else no_tilts
        key = node.name, program.law_key(node, step), law_tilts
        if key not in evaluators:
            evaluators[key] = (
                LawEvaluator(program.law(node, step), law_tilts, index, tables) if law_tilts or outcome else None
            )
        return evaluators[key]

    nodes = [program.outcome] if outcome else [program.nodes[name] for name in tilts if name != OUTCOME]
    categorical = [node for node in nodes if isinstance(node, CategoricalNode)]
    by_step = ([evaluator_at(node, step) for node in categorical] for step in range(program.steps))
    return [[evaluator for evaluator in at_step if evaluator is not None] for at_step in by_step]


class _PathwiseObserver:
    """Watches a block: follows the scenario's probability, the weights of paths, and the outcome's own changes.

    Args:
        estimator: whose sums.
        block: which block.
        weights: of its trials, shape (trials,); None where all count alike.
    """

    def __init__(self, estimator: PathwiseEstimator, block: int, weights: Floats | None = None) -> None:
        self.estimator = estimator
        self.weights: Floats = np.asarray(1.0) if weights is None else weights
        self.trials = estimator.plan.trials_in(block)
        self.edges = estimator.batches.starts(block)
        self.sums = estimator.zeros(len(self.edges))
        self.sums.trials += (
            batch_sizes(self.edges, self.trials) if weights is None else sum_by_batch(weights[None], self.edges)[:, 0]
        )
        self.present: Floats | None = None
        self.driver_judgements = np.flatnonzero(~estimator.of_outcome)
        self.paths = PathRatios(self.driver_judgements.tolist(), estimator.tables, np.ones(self.trials) * self.weights)
        outcome_class: type[CarriedOutcome | DrawnOutcome] = CarriedOutcome if estimator.carried else DrawnOutcome
        block_sums = BlockSums(self.sums, self.edges, self.weights, self.trials)
        self.outcome = outcome_class(estimator.changes, block_sums)
        self.counted = 0

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Add a step."""
        assert transition is not None, "the outcome is among the nodes that are walked"
        rows = RowPacker(block_states, self.estimator.block_sampler.index)
        share = float(self.estimator.shares[step])
        before = self.present
        place = self.estimator.block_sampler.index[OUTCOME]
        drawn = block_states.before[place] if self.estimator.program.has_feedback else None
        self.present = probability = probabilities_after(transition, before, drawn)
        for evaluator in self.estimator.drivers[step]:
            self.paths.follow(evaluator, rows)
        self.outcome.observe(OutcomeStep(step, block_states, rows, transition, before, share, self.counted))
        if share:
            self._add_to_sums(probability, share)

    def finish(self) -> None:
        """Add what is summed from the last step back."""
        self.outcome.finish()

    def _add_to_sums(self, probability: Floats, share: float) -> None:
        """Add what is asked of the trials, shape (scenarios, trials), and how paths that lead there are reweighted."""
        covariances, at, ratios = self.sums.judgements, self.driver_judgements, self.paths.ratios
        summed = sum_by_batch(probability * self.weights, self.edges)
        self.sums.visits[:, self.counted] += summed
        if len(at):
            batch_ratios = sum_by_batch(ratios, self.edges)
            covariances.with_visits[:, at] += share * (
                sum_products(ratios, probability, self.edges) - summed[:, None, :]
            )
            covariances.weight_changes[:, self.counted, at] += batch_ratios - self.sums.trials[:, None]
            if self.counted == len(self.estimator.counted_shares) - 1:
                covariances.weight_squares[at] = np.einsum("kn,kn->k", ratios, ratios)
                covariances.weight_totals[at] = batch_ratios.sum(axis=0)
        self.counted += 1


class _ObservedPathwiseObserver(_PathwiseObserver):
    """The same where something is observed: the block is walked before, for the weights of its trials.

    What is asked of a trial is added up and counts at the end, when its path has gone through all that is observed.
    """

    def __init__(self, estimator: PathwiseEstimator, block: int, observed: ObservedWalk) -> None:
        super().__init__(estimator, block, observed.walk(block))
        self.likelihoods = ObservedLikelihoods(observed)
        self.target_values: Floats = np.zeros((estimator.scenarios, self.trials))
        self.drawn: Floats = np.zeros((estimator.scenarios, self.trials))

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Add a step."""
        estimator = self.estimator
        rows = RowPacker(block_states, estimator.block_sampler.index)
        share, before = float(estimator.shares[step]), self.likelihoods.present
        present = self.likelihoods.advance(step, block_states, transition)
        assert transition is not None, "the outcome is among the nodes that are walked"
        for evaluator in estimator.drivers[step]:
            self.paths.follow(evaluator, rows)
        outcome_share = share if estimator.carried else 0.0
        self.outcome.observe(OutcomeStep(step, block_states, rows, transition, before, outcome_share, self.counted))
        if not estimator.carried:
            drawn = one_hot(estimator.scenarios, block_states.now[estimator.block_sampler.index[OUTCOME]])
            self.drawn += share * drawn
            present = drawn if estimator.program.has_feedback else present
        self.target_values += share * present

    def finish(self) -> None:
        """Count what was asked of the trials, with the ratios of whole paths."""
        self._add_to_sums(self.target_values, 1.0)
        self.outcome.finish()
        if isinstance(self.outcome, DrawnOutcome):
            self.outcome.count(self.drawn, 1.0, 0)
            self.outcome.add_squares()
