"""Several programs on the same random numbers, to be compared trial by trial: method (10).

Variants whose drivers move by the same laws, because only what acts on the outcome differs (weights, impacts,
baselines), are walked once, with an outcome for each. All others are walked apart, with the same words for the same
(block, node, step, trial), and share the kernels of the nodes that they have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from usru_scenarios.names import OUTCOME
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.sampler.engine import (
    BlockSampler,
    KernelCache,
    MapBlocks,
    Plan,
    RaoBlackwellPath,
    SampledPath,
    TrialBatches,
    batched,
    require_memory,
)
from usru_scenarios.sampler.outcome import FullTransition, LazyTransition, OutcomeKernel
from usru_scenarios.sampler.tables import BlockStates


@dataclass
class VariantSums:
    """The sums of a run of several variants.

    Attributes:
        trials: shape (batches,), the trials of each batch, the same for all variants.
        visits: shape (variants, batches, steps, scenarios), sums of the scenario's probability, scenarios in the order
            of the program.
    """

    trials: Floats
    visits: Floats


def simulate_variants(programs: Sequence[Program], plan: Plan, map_blocks: MapBlocks = map) -> VariantSums:
    """Run programs that have the same scenarios and steps on the same random numbers.

    Only the scenarios' probabilities are kept, and only the nodes that these depend on are drawn. Each variant gets the
    digits that it would get alone.
    """
    panel = VariantSampler(programs, plan)
    total = panel.zeros(panel.batches.count)
    for block, part in enumerate(map_blocks(panel.run, range(plan.blocks))):
        at = panel.batches.at(block)
        total.trials[at] += part.trials
        total.visits[:, at] += part.visits
    return total


class VariantSampler:
    """Programs and the plan that they are drawn under.

    Raises:
        TooMuchMemory: they would take more than `engine.MOST_BYTES` together.
    """

    def __init__(self, programs: Sequence[Program], plan: Plan) -> None:
        self.programs = programs
        self.plan = plan
        first = programs[0]
        self.shape = (first.steps, len(first.outcome.states))
        self.batches: TrialBatches = plan.batches(first.steps * self.shape[1])
        kernels = KernelCache()
        groups: dict[tuple[int, ...], _SharedDrivers] = {}
        for number, program in enumerate(programs):
            above = program.upstream([OUTCOME]) - {OUTCOME}
            shared = () if program.feedback else tuple(id(program.nodes[name]) for name in sorted(above))
            key = (*shared, -1) if shared else (number,)
            groups.setdefault(key, _SharedDrivers(program, plan, kernels)).add(number, program)
        self.groups = list(groups.values())
        block_states = max(group.walker.bytes for group in self.groups)
        require_memory(block_states + len(programs) * self.bytes_each(first, plan))

    @staticmethod
    def bytes_each(program: Program, plan: Plan) -> int:
        """What one of the programs is predicted to take beside the trials: its sums, and how its outcome moves."""
        entries = program.steps * len(program.outcome.states)
        return plan.batches(entries).bytes(entries) + 8 * 2 * len(program.outcome.states) * plan.trials_in(0)

    @property
    def seconds_each(self) -> float:
        """What a block is predicted to take, from the number of draws alone."""
        return sum(
            group.walker.seconds_each + sum(o.seconds_each for o in group.outcomes.values()) for group in self.groups
        )

    def zeros(self, batches: int) -> VariantSums:
        """The sums of no trials, with room for so many batches."""
        return VariantSums(np.zeros(batches), np.zeros((len(self.programs), batches, *self.shape)))

    def run(self, block: int) -> VariantSums:
        """The sums of one block."""
        starts = self.batches.starts(block)
        sums = self.zeros(len(starts))
        sums.trials += np.diff(np.append(starts, self.plan.trials_in(block)))
        for group in self.groups:
            group.run(block, sums.visits, starts)
        return sums


class _SharedDrivers:
    """Variants that are walked together: the first says how the drivers move, each how its outcome does."""

    def __init__(self, program: Program, plan: Plan, kernels: KernelCache) -> None:
        above = program.upstream([OUTCOME])
        self.plan = plan
        self.kernels = kernels
        self.feedback = program.feedback
        self.walker = BlockSampler(
            program,
            plan,
            draw_outcome=self.feedback,
            needed=above if self.feedback else above - {OUTCOME},
            kernels=kernels,
        )
        self.outcomes: dict[int, BlockSampler] = {}

    def add(self, number: int, program: Program) -> None:
        """Let another variant take part."""
        only = frozenset({OUTCOME})
        self.outcomes[number] = BlockSampler(program, self.plan, draw_outcome=False, needed=only, kernels=self.kernels)

    def run(self, block: int, visits: Floats, starts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
        """Add the sums of a block to the variants' own."""
        self.walker.walk(block, _VariantObserver(self, block, visits, starts))


class _VariantObserver:
    """Carries the outcome of every variant of a group along a block."""

    def __init__(
        self, group: _SharedDrivers, block: int, visits: Floats, starts: np.ndarray[tuple[int], np.dtype[np.int64]]
    ) -> None:
        self.place = group.walker.index[OUTCOME]
        self.visits = visits
        self.starts = starts
        self.feedback = group.feedback
        self.paths: dict[int, RaoBlackwellPath | SampledPath] = {
            number: SampledPath([]) if group.feedback else RaoBlackwellPath([], lumped=False)
            for number in group.outcomes
        }
        self.kernels = {number: walker.kernels(block) for number, walker in group.outcomes.items()}

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Add a step."""
        for number, path in self.paths.items():
            if not self.feedback:
                (kernel,) = self.kernels[number][step]
                assert isinstance(kernel, OutcomeKernel)
                transition = kernel.transition(block_states)
            assert transition is not None, "where the outcome feeds back, it is drawn"
            probability, _ = path.move(transition, block_states.now[self.place])
            self.visits[number, :, step] += batched(probability, self.starts)
