"""Several programs on the same random numbers, to be compared trial by trial: method (10).

Variants whose drivers move by the same laws, because only what acts on the outcome differs (weights, impacts,
baselines), are walked once, with an outcome for each. All others are walked apart, with the same words for the same
(block, node, step, trial), and share the kernels of the nodes that they have in common, and what these draw alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation.batches import BatchSums, TrialBatches, accumulate, batch_sizes, sum_by_batch
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.sampler.blocks import BlockSampler, KernelCache, MapBlocks, Plan, require_memory
from usru_scenarios.sampler.outcome import OutcomeKernel, Transition, probabilities_after
from usru_scenarios.sampler.shared_draws import SharedDraws
from usru_scenarios.sampler.tables import BlockStates


@dataclass
class VariantSums(BatchSums):
    """The sums of a run of several variants.

    Attributes:
        trials: shape (batches,), the trials of each batch, the same for all variants.
        visits: for each variant, shape (batches, steps, scenarios), sums of the scenario's probability at the steps
            that are asked about, scenarios in the order of the program.
    """

    trials: Floats
    visits: list[Floats]


def simulate_variants(
    programs: Sequence[Program],
    plan: Plan,
    map_blocks: MapBlocks = map,
    kernels: KernelCache | None = None,
    steps: Sequence[int] | None = None,
) -> VariantSums:
    """Run programs that have the same scenarios and steps on the same random numbers; of all steps, or of some.

    Only the scenarios' probabilities are kept, and only the nodes that these depend on are drawn. Each variant gets the
    digits that it would get alone.
    """
    sampler = VariantSampler(programs, plan, kernels, steps)
    return accumulate(map_blocks(sampler.run, range(plan.blocks)), sampler.batches)


class VariantSampler:
    """Programs and the plan that they are drawn under.

    Args:
        programs: they have the same scenarios and steps.
        plan: how much is drawn of each.
        kernels: compiled laws and draws of others that are drawn under the plan.
        steps: those of which sums are kept; by default all.

    Raises:
        TooMuchMemoryError: they would take more than `blocks.MOST_BYTES` together.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        plan: Plan,
        kernels: KernelCache | None = None,
        steps: Sequence[int] | None = None,
    ) -> None:
        self.programs = programs
        self.plan = plan
        first = programs[0]
        self.steps = range(first.steps) if steps is None else steps
        self.shape = (len(self.steps), len(first.outcome.states))
        self.batches = self.batches_of(first, plan)
        kernels = kernels or KernelCache(SharedDraws() if len(programs) > 1 else None)
        groups: dict[tuple[object, ...], _SharedDrivers] = {}
        for number, program in enumerate(programs):
            drivers = program.upstream([OUTCOME]) - {OUTCOME}
            shared_drivers = () if program.has_feedback else tuple(program.nodes[name] for name in sorted(drivers))
            key: tuple[object, ...] = shared_drivers or (number,)
            groups.setdefault(key, _SharedDrivers(program, plan, kernels)).add_variant(number, program)
        self.groups = list(groups.values())
        block_states = max(group.block_sampler.bytes for group in self.groups)
        require_memory(block_states + len(programs) * self.bytes_per_program(first, plan))

    @staticmethod
    def bytes_per_program(program: Program, plan: Plan) -> int:
        """Predicted memory for one program beside the trials: for its sums and the moves of its outcome."""
        entries = program.steps * len(program.outcome.states)
        return VariantSampler.batches_of(program, plan).bytes(entries) + 8 * 2 * len(
            program.outcome.states
        ) * plan.trials_in(0)

    @staticmethod
    def batches_of(program: Program, plan: Plan) -> TrialBatches:
        """The batches of each of programs that have the steps and scenarios of this one."""
        return plan.batches(program.steps * len(program.outcome.states))

    @property
    def seconds_each(self) -> float:
        """Predicted seconds for a block, from the number of draws alone."""
        return sum(
            sampler.seconds_each for group in self.groups for sampler in (group.block_sampler, *group.outcomes.values())
        )

    def run(self, block: int) -> VariantSums:
        """The sums of one block."""
        starts = self.batches.starts(block)
        visits = [np.zeros((len(starts), *self.shape)) for _ in self.programs]
        for group in self.groups:
            group.block_sampler.walk(block, _VariantObserver(group, block, self.steps, visits, starts))
        return VariantSums(batch_sizes(starts, self.plan.trials_in(block)), visits)


class _SharedDrivers:
    """Variants that are walked together: the first says how the drivers move, each how its outcome does."""

    def __init__(self, program: Program, plan: Plan, kernels: KernelCache) -> None:
        needed = program.upstream([OUTCOME])
        self.plan = plan
        self.kernels = kernels
        self.feedback = program.has_feedback
        self.block_sampler = BlockSampler(
            program,
            plan,
            draw_outcome=self.feedback,
            needed=needed if self.feedback else needed - {OUTCOME},
            kernels=kernels,
        )
        self.outcomes: dict[int, BlockSampler] = {}

    def add_variant(self, number: int, program: Program) -> None:
        """Let another variant take part."""
        only = frozenset({OUTCOME})
        self.outcomes[number] = BlockSampler(program, self.plan, draw_outcome=False, needed=only, kernels=self.kernels)


class _VariantObserver:
    """Carries the outcome of every variant of a group along a block."""

    def __init__(
        self,
        group: _SharedDrivers,
        block: int,
        steps: Sequence[int],
        visits: list[Floats],
        starts: npt.NDArray[np.int64],
    ) -> None:
        self.position_of_step = {step: place for place, step in enumerate(steps)}
        self.outcome = group.block_sampler.index[OUTCOME]
        self.visits = visits
        self.starts = starts
        self.feedback = group.feedback
        self.probabilities: dict[int, Floats] = {}
        self.kernels = {number: block_sampler.kernels(block) for number, block_sampler in group.outcomes.items()}

    def observe(self, step: int, block_states: BlockStates, transition: Transition | None) -> None:
        """Add a step."""
        scenarios_before = block_states.before[self.outcome] if self.feedback else None
        for number, kernels in self.kernels.items():
            if not self.feedback:
                (kernel,) = kernels[step]
                assert isinstance(kernel, OutcomeKernel)
                transition = kernel.transition(block_states)
            assert transition is not None, "where the outcome feeds back, it is drawn"
            probabilities = probabilities_after(transition, self.probabilities.get(number), scenarios_before)
            if step in self.position_of_step:
                self.visits[number][:, self.position_of_step[step]] = sum_by_batch(probabilities, self.starts)
            self.probabilities[number] = probabilities
