"""Several programs on the same random numbers: variants of one model, to be compared trial by trial.

Variants whose drivers move by the same laws, because only what acts on the outcome differs (weights, impacts,
baselines), are walked once, with an outcome for each. All others are walked apart, with the same words for the same
(block, node, step, trial), and share the kernels of the nodes that they have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from usru_scenarios.meaning.program import Floats, Program
from usru_scenarios.names import OUTCOME
from usru_scenarios.sampler.engine import Batches, Carried, Drawn, Kernels, MapBlocks, Plan, Walker, batched
from usru_scenarios.sampler.outcome import Matrix, Mixing, OutcomeKernel
from usru_scenarios.sampler.tables import Worlds


@dataclass
class Visits:
    """The sums of a run of several variants.

    Attributes:
        trials: shape (batches,), the trials of each batch, the same for all variants.
        visits: shape (variants, batches, steps, scenarios), sums of the scenario's probability, scenarios in the order
            of the program.
    """

    trials: Floats
    visits: Floats


def simulate_variants(programs: Sequence[Program], plan: Plan, map_blocks: MapBlocks = map) -> Visits:
    """Run programs that have the same scenarios and steps on the same random numbers.

    Only the scenarios' probabilities are kept, and only the nodes that these depend on are drawn. Each variant gets the
    digits that it would get alone.
    """
    panel = Panel(programs, plan)
    total = panel.nothing(panel.batches.count)
    for block, part in enumerate(map_blocks(panel.run, range(plan.blocks))):
        at = panel.batches.at(block)
        total.trials[at] += part.trials
        total.visits[:, at] += part.visits
    return total


class Panel:
    """Programs and the plan that they are drawn under."""

    def __init__(self, programs: Sequence[Program], plan: Plan) -> None:
        self.programs = programs
        self.plan = plan
        first = programs[0]
        self.shape = (first.steps, len(first.outcome.states))
        self.batches: Batches = plan.batches(first.steps * self.shape[1])
        kernels = Kernels()
        groups: dict[tuple[int, ...], _Group] = {}
        for number, program in enumerate(programs):
            above = program.upstream([OUTCOME]) - {OUTCOME}
            shared = () if program.feedback else tuple(id(program.nodes[name]) for name in sorted(above))
            key = (*shared, -1) if shared else (number,)
            groups.setdefault(key, _Group(program, plan, kernels)).add(number, program)
        self.groups = list(groups.values())

    @property
    def seconds_each(self) -> float:
        """What a block is predicted to take, from the number of draws alone."""
        return sum(
            group.walker.seconds_each + sum(o.seconds_each for o in group.outcomes.values()) for group in self.groups
        )

    def nothing(self, batches: int) -> Visits:
        """The sums of no trials, with room for so many batches."""
        return Visits(np.zeros(batches), np.zeros((len(self.programs), batches, *self.shape)))

    def run(self, block: int) -> Visits:
        """The sums of one block."""
        starts = self.batches.starts(block)
        sums = self.nothing(len(starts))
        sums.trials += np.diff(np.append(starts, self.plan.trials_in(block)))
        for group in self.groups:
            group.run(block, sums.visits, starts)
        return sums


class _Group:
    """Variants that are walked together: the first says how the drivers move, each how its outcome does."""

    def __init__(self, program: Program, plan: Plan, kernels: Kernels) -> None:
        above = program.upstream([OUTCOME])
        self.plan = plan
        self.kernels = kernels
        self.feedback = program.feedback
        self.walker = Walker(
            program,
            plan,
            draw_outcome=self.feedback,
            needed=above if self.feedback else above - {OUTCOME},
            kernels=kernels,
        )
        self.outcomes: dict[int, Walker] = {}

    def add(self, number: int, program: Program) -> None:
        """Let another variant take part."""
        only = frozenset({OUTCOME})
        self.outcomes[number] = Walker(program, self.plan, draw_outcome=False, needed=only, kernels=self.kernels)

    def run(self, block: int, visits: Floats, starts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
        """Add the sums of a block to the variants' own."""
        self.walker.walk(block, _Watcher(self, block, visits, starts))


class _Watcher:
    """Carries the outcome of every variant of a group along a block."""

    def __init__(
        self, group: _Group, block: int, visits: Floats, starts: np.ndarray[tuple[int], np.dtype[np.int64]]
    ) -> None:
        self.place = group.walker.index[OUTCOME]
        self.visits = visits
        self.starts = starts
        self.feedback = group.feedback
        self.paths: dict[int, Carried | Drawn] = {
            number: Drawn([]) if group.feedback else Carried([], lumped=False) for number in group.outcomes
        }
        self.kernels = {number: walker.kernels(block) for number, walker in group.outcomes.items()}

    def see(self, step: int, worlds: Worlds, transition: Mixing | Matrix | None) -> None:
        """Add a step."""
        for number, path in self.paths.items():
            if not self.feedback:
                (kernel,) = self.kernels[number][step]
                assert isinstance(kernel, OutcomeKernel)
                transition = kernel.transition(worlds)
            assert transition is not None, "where the outcome feeds back, it is drawn"
            probability, _ = path.move(transition, worlds.now[self.place])
            self.visits[number, :, step] += batched(probability, self.starts)
