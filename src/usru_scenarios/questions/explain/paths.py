"""Walks trials up to the step that is explained: what they say about a scenario there, and which path is typical.

Blocks of trials are walked twice, and one of them a third time, so that memory is that of a block however many there
are. The first walk makes the sums of all estimates, and counts the states at every step of the trials that lead to the
scenario. The second finds among these the path that agrees best, on average, with another one of them: the medoid under
the Hamming distance, which those counts are enough to find. The third writes that path down.

The scenario is always drawn, since a path needs one. Estimates do not use the drawn one where its probability can be
carried along the drivers; where a driver, or the outcome itself, reads the scenario of the step before, its
probability given the trial is read one step ahead instead.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation import batches
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import All, Formula
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.questions.discretization import Codes, discretizations
from usru_scenarios.questions.explain.log_odds import LogOddsDecomposition
from usru_scenarios.questions.explain.state_evidence import EvidenceSums
from usru_scenarios.sampler.blocks import MapBlocks, Plan
from usru_scenarios.sampler.likelihood_weighting import ObservedWalk, program_of_steps
from usru_scenarios.sampler.outcome import FullTransition, LazyTransition, probabilities_after
from usru_scenarios.sampler.tables import BlockStates


@dataclass
class PathSums(batches.BatchSums):
    """The sums of the first walk; axes as in `EvidenceSums` and `log_odds.estimate_direct_shares`.

    Attributes:
        part_sums: for each part of the contrast, shape (batches, 2, rows, scenarios).
        passed_weights: for each reading, shape (steps, states): in how many of the trials that led to the scenario it
            was in a state, each counted by its weight.
        arrived_weight: shape (), the number of these trials, counted in the same way.
        squares: shape (), of the weights of all trials, summed.
    """

    OVER_ALL_TRIALS = frozenset({"passed_weights", "arrived_weight", "squares"})

    trials: Floats
    true: Floats
    counts: list[Floats]
    totals: dict[str, Floats]
    part_sums: list[Floats]
    passed_weights: list[Floats]
    arrived_weight: Floats
    squares: Floats

    @property
    def effective_trials(self) -> float:
        """For how many unweighted trials the weighted ones stand."""
        return float(batches.effective_trials(self.trials.sum(), self.squares))

    @property
    def evidence_sums(self) -> EvidenceSums:
        """Those that speak of the drivers' states."""
        return EvidenceSums(self.trials, self.true, self.counts, self.totals)


@dataclass(frozen=True)
class TypicalPath:
    """Where the typical path is: its block and trial, and its average agreement with a path like it."""

    block: int
    trial: int
    agreement: float


@dataclass(frozen=True)
class DrawnPath:
    """A path as it was drawn.

    Attributes:
        values: for each node, its state (by number) or value at each step.
        probability: at each step, the scenario's probability given the states up to it.
    """

    values: Mapping[str, list[float]]
    probability: list[float]


class PathSampler:
    """A program that ends at the step to explain, and the plan that its trials are drawn under.

    Where something was observed, trials are weighted by how well they agree with it. An observation of what the
    scenario reaches tells of the scenario, which is then taken as it was drawn and not as it was foreseen.
    """

    def __init__(
        self,
        program: Program,
        drivers: frozenset[str],
        decomposition: LogOddsDecomposition,
        plan: Plan,
        given: Sequence[Formula] = (),
    ) -> None:
        self.program = program
        self.decomposition = decomposition
        self.plan = plan
        self.readings = discretizations(program, [*drivers, OUTCOME])
        event = All(tuple(given))
        entries = sum(part.log_odds.size for part in decomposition.parts)
        entries = 2 * (1 + entries + sum(len(reading.states) + 1 for reading in self.readings))
        self.batches = plan.batches(entries)
        walked, observer_bytes = program_of_steps(program, program.steps, event), self.batches.bytes(entries)
        self.walk = ObservedWalk(walked, event, plan, nodes=drivers, draw_outcome=True, observer_bytes=observer_bytes)
        self.outcome = self.walk.block_sampler.index[OUTCOME]
        reads_itself = (OUTCOME, 1) in program.outcome.links
        self.carried = not reads_itself and not program.downstream(OUTCOME) & {*drivers, OUTCOME}

    def sums(self, map_blocks: MapBlocks) -> PathSums:
        """The first walk."""
        return batches.accumulate(map_blocks(self._block_sums, range(self.plan.blocks)), self.batches)

    @property
    def seconds_each(self) -> float:
        """What a block is predicted to take, as in `BlockSampler`."""
        return self.walk.block_sampler.seconds_each

    def _block_sums(self, block: int) -> PathSums:
        observer = _PathObserver(self)
        weights = self.walk.walk(block, observer)
        return observer.sums(weights, self.batches.starts(block))

    def find_typical(self, sums: PathSums, map_blocks: MapBlocks) -> TypicalPath | None:
        """The second walk: the typical path by method (57); None where no path leads there."""
        if not sums.arrived_weight:
            return None
        shares = [passed_weights / sums.arrived_weight for passed_weights in sums.passed_weights]
        best: TypicalPath | None = None
        for candidate in map_blocks(partial(self._best_in_block, shares), range(self.plan.blocks)):
            if candidate is not None and (best is None or candidate.agreement > best.agreement):
                best = candidate
        return best

    def _best_in_block(self, shares: list[Floats], block: int) -> TypicalPath | None:
        observer = _AgreementObserver(self, shares, self.plan.trials_in(block))
        weights = self.walk.walk(block, observer)
        agreement = np.where(observer.arrived & (weights > 0.0), observer.agreement, -np.inf)
        trial = int(agreement.argmax())
        if agreement[trial] < 0:
            return None
        return TypicalPath(block, trial, float(agreement[trial]) / (len(self.readings) * self.program.steps))

    def record(self, path: TypicalPath) -> DrawnPath:
        """The third walk, which records a path."""
        writer = _PathWriter(self, path.trial)
        self.walk.walk(path.block, writer)
        return DrawnPath(writer.values, writer.probability)

    def arrived_trials(self, block_states: BlockStates) -> npt.NDArray[np.bool_]:
        """Whether the drawn scenario is what is explained, shape (trials,)."""
        return np.isin(block_states.now[self.outcome], self.decomposition.members)


class _TargetProbability:
    """Follows the probability of what is explained in each trial."""

    def __init__(self, sampler: PathSampler) -> None:
        self.sampler = sampler
        self.present: Floats | None = None

    def advance(self, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> Floats:
        """Take a step; gives the probability that what is explained holds after it, shape (trials,)."""
        assert transition is not None, "the outcome is among the nodes that are drawn"
        drawn = None if self.sampler.carried else block_states.before[self.sampler.outcome]
        self.present = probabilities_after(transition, self.present, drawn)
        probability: Floats = np.clip(self.present[self.sampler.decomposition.members].sum(axis=0), 0.0, 1.0)
        return probability


class _PathObserver:
    """Remembers what the sums of the first walk over a block are made of, until the weights of its trials are known."""

    def __init__(self, sampler: PathSampler) -> None:
        self.sampler = sampler
        self.target = _TargetProbability(sampler)
        self.codes_by_step: list[list[Codes]] = []
        self.last_states: BlockStates | None = None
        self.probability: Floats = np.zeros(0)

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Remember the states of a step."""
        sampler = self.sampler
        if step < sampler.program.steps:
            self.probability = self.target.advance(block_states, transition)
            self.codes_by_step.append([reading.codes(block_states.now[reading.index]) for reading in sampler.readings])
        if step == sampler.program.steps - 1:
            self.last_states = copy.copy(block_states)

    def sums(self, weights: Floats, edges: npt.NDArray[np.int64]) -> PathSums:
        """The sums of the block, each trial counted by its weight."""
        sampler, last_states, numbers = self.sampler, self.last_states, batches.batch_numbers(edges, len(weights))
        assert last_states is not None, "the step that is explained has been seen"
        arrived = sampler.arrived_trials(last_states)
        comes_true = arrived if sampler.walk.last_outcome_observation >= 0 else self.probability
        weight_pairs = np.stack([weights, weights * comes_true])
        arrived &= weights > 0.0
        trials, true = batches.sum_by_batch(weight_pairs, edges).T

        def sum_by_code(codes: batches.Integers, weight_pairs: Floats, size: int) -> Floats:
            """Sums of weights, shape (2, trials), by batch and code, shape (batches, 2, size)."""
            sums = [batches.sum_by_batch_and_code(codes, row, size, numbers, len(edges)) for row in weight_pairs]
            return np.stack(sums, axis=1)

        return PathSums(
            trials=trials,
            true=true,
            counts=[
                sum_by_code(codes, weight_pairs, len(reading.states))
                for reading, codes in zip(sampler.readings, self.codes_by_step[-1], strict=True)
            ],
            totals={
                reading.node: batches.sum_by_batch(last_states.now[reading.index] * weight_pairs, edges)
                for reading in sampler.readings
                if reading.is_numeric
            },
            part_sums=self._part_sums(last_states, weight_pairs, sum_by_code),
            passed_weights=self._passed_weights(arrived, weights[arrived]),
            arrived_weight=np.asarray(weights[arrived].sum()),
            squares=np.asarray((weights**2).sum()),
        )

    def _part_sums(
        self,
        last_states: BlockStates,
        weight_pairs: Floats,
        sum_by_code: Callable[[batches.Integers, Floats, int], Floats],
    ) -> list[Floats]:
        decomposition = self.sampler.decomposition
        if not decomposition.parts:
            return []
        signs, part_sums = decomposition.signs(last_states), []
        for part in decomposition.parts:
            rows_of = list(part.row_picker(last_states))
            sums = [
                sum(sum_by_code(rows, sign * share * weight_pairs, len(part.log_odds)) for rows, share in rows_of)
                for sign in signs
            ]
            part_sums.append(np.stack(sums, axis=-1))
        return part_sums

    def _passed_weights(self, arrived: npt.NDArray[np.bool_], weights: Floats) -> list[Floats]:
        """By reading the weights of the trials that arrived in each of its states, shape (steps, states)."""
        return [
            np.stack(
                [batches.sum_by_code(row[number][arrived], weights, len(reading.states)) for row in self.codes_by_step]
            )
            for number, reading in enumerate(self.sampler.readings)
        ]


class _AgreementObserver:
    """The second walk over a block: with what share of the others each path agrees, summed over nodes."""

    def __init__(self, sampler: PathSampler, shares: list[Floats], trials: int) -> None:
        self.readings = sampler.readings
        self.shares = shares
        self.agreement = np.zeros(trials)
        self.sampler = sampler
        self.arrived = np.zeros(trials, dtype=np.bool_)

    def observe(
        self, step: int, block_states: BlockStates, _transition: LazyTransition | FullTransition | None
    ) -> None:
        """Add a step."""
        if step >= self.sampler.program.steps:
            return
        self.arrived = self.sampler.arrived_trials(block_states)
        for reading, shares in zip(self.readings, self.shares, strict=True):
            self.agreement += shares[step].take(reading.codes(block_states.now[reading.index]))


class _PathWriter:
    """The third walk over a block: writes down one of its paths."""

    def __init__(self, sampler: PathSampler, trial: int) -> None:
        self.sampler = sampler
        self.target = _TargetProbability(sampler)
        self.trial = trial
        block_sampler = sampler.walk.block_sampler
        self.index = {name: block_sampler.index[name] for name in block_sampler.needed}
        self.values: dict[str, list[float]] = {name: [] for name in self.index}
        self.probability: list[float] = []

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Write a step down."""
        if step >= self.sampler.program.steps:
            return
        self.probability.append(float(self.target.advance(block_states, transition)[self.trial]))
        for name, index in self.index.items():
            self.values[name].append(float(block_states.now[index][self.trial]))
