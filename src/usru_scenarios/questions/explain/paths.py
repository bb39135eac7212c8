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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import All, Formula, atoms, conjuncts, timed_parts
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.questions.explain.log_odds import LogOddsDecomposition
from usru_scenarios.questions.explain.state_evidence import Codes, EvidenceSums, discretizations
from usru_scenarios.sampler.engine import BlockSampler, MapBlocks, Plan, batched
from usru_scenarios.sampler.likelihood_weighting import CERTAIN, EventTracker, restrictions_of
from usru_scenarios.sampler.outcome import FullTransition, LazyTransition
from usru_scenarios.sampler.tables import BlockStates


@dataclass
class PathSums:
    """The sums of the first walk; axes as in `EvidenceSums` and `direct.shares`.

    Attributes:
        parts: for each part of the contrast.
        passed: for each reading, shape (steps, states): in how many of the trials that led there it was in a state.
        arrived: the number of these trials, each counted by its weight.
        squares: of the weights of all trials, summed.
    """

    trials: Floats
    true: Floats
    counts: list[Floats]
    totals: dict[str, Floats]
    parts: list[Floats]
    passed: list[Floats]
    arrived: float
    squares: float = 0.0

    def add(self, other: PathSums, at: slice) -> None:
        """Add the sums of a block, whose batches are at `at`."""
        self.trials[at] += other.trials
        self.true[at] += other.true
        for mine, theirs in zip([*self.counts, *self.parts], [*other.counts, *other.parts], strict=True):
            mine[at] += theirs
        for name, totals in other.totals.items():
            self.totals[name][at] += totals
        for passed, more in zip(self.passed, other.passed, strict=True):
            np.add(passed, more, out=passed)
        self.arrived += other.arrived
        self.squares += other.squares

    @property
    def effective_trials(self) -> float:
        """For how many unweighted trials the weighted ones stand."""
        return float(self.trials.sum()) ** 2 / self.squares if self.squares else 0.0

    @property
    def tellings(self) -> EvidenceSums:
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

    Where something was observed, trials are weighted by how well they agree with it: each block is walked once more
    beforehand, up to the last observation, for the weights. An observation of what the scenario reaches tells of the
    scenario, which is then taken as it was drawn and not as it was foreseen.
    """

    def __init__(
        self,
        program: Program,
        drivers: frozenset[str],
        contrast: LogOddsDecomposition,
        plan: Plan,
        given: Sequence[Formula] = (),
    ) -> None:
        self.program = program
        self.contrast = contrast
        self.plan = plan
        self.given = All(tuple(given))
        self.readings = discretizations(program, [*drivers, OUTCOME])
        observed = max((part.steps[-1] for part in timed_parts(self.given)), default=0)
        self.whole = replace(program, grid=replace(program.grid, count=max(program.steps, observed + 1)))
        asked = {atom.node for atom in atoms(self.given)}
        entries = sum(part.log_odds.size for part in contrast.parts)
        entries = 2 * (1 + entries + sum(len(reading.states) + 1 for reading in self.readings))
        self.batches = plan.batches(entries)
        self.walker = BlockSampler(
            self.whole,
            plan,
            draw_outcome=True,
            needed=program.upstream([*drivers, OUTCOME, *asked]),
            restrictions=restrictions_of(self.whole, conjuncts(self.given), carried=False),
            beside=self.batches.bytes(entries),
        )
        reads_itself = (OUTCOME, 1) in program.outcome.links
        reached = program.downstream(OUTCOME)
        self.told = bool(asked & {OUTCOME, *reached})
        self.carried = not reads_itself and not reached & {*drivers, OUTCOME}

    def survey(self, map_blocks: MapBlocks) -> PathSums:
        """The first walk."""
        total = self.zeros(self.batches.count)
        for block, part in enumerate(map_blocks(self._survey, range(self.plan.blocks))):
            total.add(part, self.batches.at(block))
        return total

    def zeros(self, batches: int) -> PathSums:
        """The sums of no trials, with room for so many batches."""
        return PathSums(
            trials=np.zeros(batches),
            true=np.zeros(batches),
            counts=[np.zeros((batches, 2, len(reading.states))) for reading in self.readings],
            totals={reading.node: np.zeros((batches, 2)) for reading in self.readings if reading.is_numeric},
            parts=[np.zeros((batches, 2, *part.log_odds.shape)) for part in self.contrast.parts],
            passed=[np.zeros((self.program.steps, len(one.states))) for one in self.readings],
            arrived=0.0,
        )

    @property
    def seconds_each(self) -> float:
        """What a block is predicted to take, as in `engine.Walker`."""
        return self.walker.seconds_each

    def weights(self, block: int) -> Floats | None:
        """The weight of each trial of a block, shape (trials,); None where nothing was observed."""
        if not self.given.parts:
            return None
        tracker = EventTracker(self.whole, [(CERTAIN, self.given)], self.plan.trials_in(block), carried=False)
        block_states = self.walker.walk(block, tracker)
        weights: Floats = block_states.weight * tracker.probabilities(0)[1]
        return weights

    def _survey(self, block: int) -> PathSums:
        surveyor = _PathObserver(self, block)
        self.walker.walk(block, surveyor)
        return surveyor.sums

    def typical(self, sums: PathSums, map_blocks: MapBlocks) -> TypicalPath | None:
        """The second walk: the typical path by method (57); None where no path leads there."""
        if not sums.arrived:
            return None
        shares = [passed / sums.arrived for passed in sums.passed]
        best: TypicalPath | None = None
        for found in map_blocks(partial(self._match, shares), range(self.plan.blocks)):
            if found is not None and (best is None or found.agreement > best.agreement):
                best = found
        return best

    def _match(self, shares: list[Floats], block: int) -> TypicalPath | None:
        matcher = _AgreementObserver(self, shares, self.plan.trials_in(block))
        self.walker.walk(block, matcher)
        weights = self.weights(block)
        counts = matcher.arrived if weights is None else matcher.arrived & (weights > 0.0)
        agreement = np.where(counts, matcher.agreement, -np.inf)
        trial = int(agreement.argmax())
        if agreement[trial] < 0:
            return None
        return TypicalPath(block, trial, float(agreement[trial]) / (len(self.readings) * self.program.steps))

    def write_down(self, found: TypicalPath) -> DrawnPath:
        """The third walk."""
        writer = _PathWriter(self, found.trial)
        self.walker.walk(found.block, writer)
        return DrawnPath(writer.values, writer.probability)

    def arrives(self, block_states: BlockStates) -> npt.NDArray[np.bool_]:
        """Whether the drawn scenario is what is explained, shape (trials,)."""
        return np.isin(block_states.now[self.walker.index[OUTCOME]], self.contrast.members)


class _TargetProbability:
    """Follows the scenario's probability in each trial."""

    def __init__(self, traveller: PathSampler) -> None:
        self.carried = traveller.carried
        self.outcome = traveller.walker.index[OUTCOME]
        self.members = traveller.contrast.members
        self.present: Floats | None = None

    def observe(self, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Take a step."""
        assert transition is not None, "the outcome is among the nodes that are drawn"
        before = block_states.before[self.outcome]
        if self.present is None:
            self.present = transition.start()
        else:
            self.present = transition.advance(self.present) if self.carried else transition.row(before)

    @property
    def probability(self) -> Floats:
        """That what is explained holds now, shape (trials,)."""
        assert self.present is not None, "a step has been seen"
        probability: Floats = np.clip(self.present[self.members].sum(axis=0), 0.0, 1.0)
        return probability


class _PathObserver:
    """Watches a block for the first walk."""

    def __init__(self, traveller: PathSampler, block: int) -> None:
        self.traveller = traveller
        self.trials = traveller.plan.trials_in(block)
        self.carried = _TargetProbability(traveller)
        self.edges = traveller.batches.starts(block)
        self.sums = traveller.zeros(len(self.edges))
        self.batches = np.searchsorted(self.edges, np.arange(self.trials), side="right") - 1
        self.codes: list[list[Codes]] = []
        weights = traveller.weights(block)
        self.weights = np.ones(self.trials) if weights is None else weights

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Remember the states of a step; at the last one, make the sums."""
        if step >= self.traveller.program.steps:
            return
        self.carried.observe(block_states, transition)
        self.codes.append([reading.codes(block_states.now[reading.index]) for reading in self.traveller.readings])
        if step == self.traveller.program.steps - 1:
            arrived = self.traveller.arrives(block_states)
            true = self.weights * (arrived if self.traveller.told else self.carried.probability)
            self.sums.trials += batched(self.weights[None], self.edges)[:, 0]
            self.sums.squares += float((self.weights**2).sum())
            self.sums.true += batched(true[None], self.edges)[:, 0]
            self._states(block_states, true)
            self._parts(block_states, true)
            self._paths(arrived & (self.weights > 0.0))

    def _states(self, block_states: BlockStates, true: Floats) -> None:
        for reading, codes, counts in zip(self.traveller.readings, self.codes[-1], self.sums.counts, strict=True):
            for number, weights in enumerate((self.weights, true)):
                counts[:, number] += self._counted(codes, weights, len(reading.states))
            if reading.is_numeric:
                values = block_states.now[reading.index]
                self.sums.totals[reading.node] += batched(np.stack([values * self.weights, values * true]), self.edges)

    def _parts(self, block_states: BlockStates, true: Floats) -> None:
        contrast = self.traveller.contrast
        if not contrast.parts:
            return
        signs = contrast.sign(block_states)
        for part, sums in zip(contrast.parts, self.sums.parts, strict=True):
            for rows, share in part.places(block_states):
                for scenario, sign in enumerate(signs):
                    pull = sign * share
                    sums[:, 0, :, scenario] += self._counted(rows, pull * self.weights, sums.shape[2])
                    sums[:, 1, :, scenario] += self._counted(rows, pull * true, sums.shape[2])

    def _counted(self, codes: npt.NDArray[Any], weights: Floats | None, size: int) -> Floats:
        """Sums of weights by batch and code, shape (batches, size)."""
        batches = len(self.edges)
        counted = np.bincount(self.batches * size + codes, weights, minlength=batches * size)
        return counted.reshape(batches, size).astype(np.float64)

    def _paths(self, arrived: npt.NDArray[np.bool_]) -> None:
        weights = self.weights[arrived]
        self.sums.arrived += float(weights.sum())
        for step, row in enumerate(self.codes):
            for codes, passed in zip(row, self.sums.passed, strict=True):
                passed[step] += np.bincount(codes[arrived], weights, minlength=passed.shape[1])


class _AgreementObserver:
    """Watches a block for the second walk: with what share of the others does each path agree, summed over nodes."""

    def __init__(self, traveller: PathSampler, shares: list[Floats], trials: int) -> None:
        self.readings = traveller.readings
        self.shares = shares
        self.agreement = np.zeros(trials)
        self.traveller = traveller
        self.arrived = np.zeros(trials, dtype=np.bool_)

    def observe(
        self, step: int, block_states: BlockStates, _transition: LazyTransition | FullTransition | None
    ) -> None:
        """Add a step."""
        if step >= self.traveller.program.steps:
            return
        self.arrived = self.traveller.arrives(block_states)
        for reading, shares in zip(self.readings, self.shares, strict=True):
            self.agreement += shares[step].take(reading.codes(block_states.now[reading.index]))


class _PathWriter:
    """Watches a block for the third walk and writes down one of its paths."""

    def __init__(self, traveller: PathSampler, trial: int) -> None:
        self.traveller = traveller
        self.carried = _TargetProbability(traveller)
        self.trial = trial
        self.index = {name: traveller.walker.index[name] for name in traveller.walker.needed}
        self.values: dict[str, list[float]] = {name: [] for name in self.index}
        self.probability: list[float] = []

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Write a step down."""
        if step >= self.traveller.program.steps:
            return
        self.carried.observe(block_states, transition)
        self.probability.append(float(self.carried.probability[self.trial]))
        for name, index in self.index.items():
            self.values[name].append(float(block_states.now[index][self.trial]))
