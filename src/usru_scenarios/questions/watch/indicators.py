"""Walks trials once and counts what is seen at one step together with the scenario at another.

In every trial the scenario's probability is carried along the drivers (`RaoBlackwellPath`), so that only what
the drivers leave open costs precision. That is right as long as nothing that is looked at has read the scenario. A
consequence has; so have drivers where the outcome feeds back, and so has what was observed of either. For these the
scenario is drawn up to the last step at which they read it, taken as known there, and carried on from it. The scenario
moves by itself and the drivers, so that beyond its own state at that step a consequence says nothing more about it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation import batches
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import All, Formula
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.questions.discretization import Codes, discretizations
from usru_scenarios.sampler.blocks import MapBlocks, Plan
from usru_scenarios.sampler.likelihood_weighting import ObservedWalk, last_observed_step, program_of_steps
from usru_scenarios.sampler.outcome import FullTransition, LazyTransition
from usru_scenarios.sampler.outcome_paths import one_hot
from usru_scenarios.sampler.tables import BlockStates


@dataclass
class IndicatorSums(batches.BatchSums):
    """What was seen and what came of it, summed over batches of trials with their weights.

    Attributes:
        weight: shape (batches,), the trials' weights, all 1 where nothing was observed.
        squares: shape (), the sum over trials of the squared weight.
        future: for each way of foreseeing, shape (batches, scenarios), the probability of each scenario to come.
        joint: for each reading, shape (batches, states, scenarios): that of the trials in which a state was seen.
        seen_squares: for each reading, shape (states,), the sum of squared weights of the same trials.
    """

    OVER_ALL_TRIALS = frozenset({"squares", "seen_squares"})

    weight: Floats
    squares: Floats
    future: list[Floats]
    joint: list[Floats]
    seen_squares: list[Floats]

    @property
    def effective_trials(self) -> float:
        """For how many unweighted trials the weighted ones stand."""
        return float(batches.effective_trials(self.weight.sum(), self.squares))


class IndicatorSampler:
    """A program that is looked at on one step to foresee the scenario at that or a later one, given what is seen."""

    def __init__(self, program: Program, on: int, horizon: int, seen: Sequence[Formula], plan: Plan) -> None:
        given = All(tuple(seen))
        self.program = program_of_steps(program, horizon + 1, given)
        self.step = on
        self.horizon = horizon
        self.plan = plan
        self.readings = discretizations(program, [name for name in program.model_nodes if name != OUTCOME])
        step_unread, step_read = self._known_steps(given)
        self.known_steps = (step_unread,) if step_unread == step_read else (step_unread, step_read)
        downstream = program.downstream(OUTCOME)
        last = len(self.known_steps) - 1
        self.foresight_of = [last if reading.node in downstream else 0 for reading in self.readings]
        nodes = [reading.node for reading in self.readings]
        self.walk = ObservedWalk(self.program, given, plan, nodes=nodes, draw_outcome=step_read >= 0)
        scenarios = len(program.outcome.states)
        states = sum(len(reading.states) for reading in self.readings)
        self.batches = plan.batches(1 + scenarios * (len(self.known_steps) + states))

    def _known_steps(self, given: Formula) -> tuple[int, int]:
        """Up to which step the drawn scenario is known: for what never reads it, and for what does; -1 for never."""
        downstream = self.program.downstream(OUTCOME)
        step_unread = last_observed_step(given, {OUTCOME, *downstream})
        if self.program.has_feedback:
            step_unread = max(step_unread, self.horizon - 1)
        step_read = max(step_unread, self.step) if downstream else step_unread
        return min(step_unread, self.horizon), min(step_read, self.horizon)

    @property
    def seconds_each(self) -> float:
        """What a block is predicted to take, as in `BlockSampler`."""
        return self.walk.block_sampler.seconds_each

    def sums(self, map_blocks: MapBlocks) -> IndicatorSums:
        """Walk all blocks."""
        return batches.accumulate(map_blocks(self.run, range(self.plan.blocks)), self.batches)

    def run(self, block: int) -> IndicatorSums:
        """The sums of one block."""
        observer = _IndicatorObserver(self)
        weights = self.walk.walk(block, observer)
        return observer.sums(weights, self.batches.starts(block))


class CarriedForecast:
    """The scenario's probabilities in each trial, where the drawn one is known up to a step and carried on from it.

    Where that step is the one before the horizon, its probability is read one step ahead.
    """

    def __init__(self, known_step: int) -> None:
        self.known_step = known_step
        self.present: Floats | None = None

    def observe(
        self, step: int, drawn: npt.NDArray[np.uint8] | None, transition: LazyTransition | FullTransition
    ) -> None:
        """Take a step."""
        if step > self.known_step:
            self.present = transition.start() if self.present is None else transition.advance(self.present)
        elif step == self.known_step:
            assert drawn is not None, "what is read is drawn"
            self.present = one_hot(transition.scenarios, drawn)


class _IndicatorObserver:
    """Watches a block: remembers what is seen and what is foreseen until the weights of the trials are known."""

    def __init__(self, sampler: IndicatorSampler) -> None:
        self.sampler = sampler
        self.outcome = sampler.walk.block_sampler.index[OUTCOME]
        self.foresights = [CarriedForecast(known_step) for known_step in sampler.known_steps]
        self.codes: list[Codes] = []
        self.future: list[Floats] = []

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Take note of a step."""
        assert transition is not None, "the outcome is among the nodes that are drawn"
        for carried in self.foresights:
            carried.observe(step, block_states.now[self.outcome], transition)
        if step == self.sampler.step:
            self.codes = [reading.codes(block_states.now[reading.index]) for reading in self.sampler.readings]
        if step == self.sampler.horizon:
            self.future = [self._present(carried) for carried in self.foresights]

    @staticmethod
    def _present(carried: CarriedForecast) -> Floats:
        assert carried.present is not None, "a scenario is known at the horizon at the latest"
        return carried.present

    def sums(self, weights: Floats, edges: npt.NDArray[np.int64]) -> IndicatorSums:
        """The sums of the block, each trial counted by its weight."""
        future = [present * weights for present in self.future]
        numbers, squares = batches.batch_numbers(edges, len(weights)), weights**2
        read = list(zip(self.sampler.readings, self.codes, self.sampler.foresight_of, strict=True))
        return IndicatorSums(
            weight=batches.sum_by_batch(weights[None], edges)[:, 0],
            squares=np.asarray(squares.sum()),
            future=[batches.sum_by_batch(part, edges) for part in future],
            joint=[
                np.stack(
                    [
                        batches.sum_by_batch_and_code(codes, part, len(reading.states), numbers, len(edges))
                        for part in future[way]
                    ],
                    axis=-1,
                )
                for reading, codes, way in read
            ],
            seen_squares=[batches.sum_by_code(codes, squares, len(reading.states)) for reading, codes, _ in read],
        )
