"""Trials that count by their weights where something is observed: method (22).

A trial's weight is known when the last observation has been drawn, which may be after the step that is asked about: so
programs go on to that step.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import Formula, atoms, conjuncts, last_step, timed_parts
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.sampler.blocks import BlockSampler, KernelCache, Observer, Plan
from usru_scenarios.sampler.likelihood_weighting import CERTAIN, EventTracker
from usru_scenarios.sampler.outcome import FullTransition, LazyTransition
from usru_scenarios.sampler.restrictions import restrictions_of
from usru_scenarios.sampler.tables import BlockStates, States


def asked_nodes(seen: Formula) -> frozenset[str]:
    """The nodes that an observation is about; of a report the auxiliary one that stands for it."""
    return frozenset(atom.node for atom in atoms(seen))


def last_observed(seen: Formula, about: Iterable[str]) -> int:
    """The last step at which something is observed of some nodes; -1 for none."""
    nodes = {*about}
    return max(
        (part.steps[-1] for part in timed_parts(seen) if nodes & {atom.node for atom in atoms(part)}), default=-1
    )


def up_to(program: Program, steps: int, seen: Formula | None) -> Program:
    """A program of so many steps, or of as many as what is observed needs."""
    count = steps if seen is None else max(steps, 1 + last_step(seen))
    return replace(program, grid=replace(program.grid, count=count))


def one_hot(scenarios: int, drawn: States) -> Floats:
    """The probabilities of scenarios where they are those drawn, shape (scenarios, trials)."""
    found: Floats = (np.arange(scenarios)[:, None] == drawn).astype(np.float64)
    return found


class ObservedWalk:
    """Walks the trials of a program, and gives them weights by what is observed.

    Args:
        program: with what is imposed, up to the last step that is asked about or observed (see `up_to`).
        seen: what is observed.
        plan: of the draws.
        nodes: what is looked at besides the outcome.
        drawn: whether the scenario is to be drawn, whatever is observed.
        kernels, beside: as in `BlockSampler`.

    Attributes:
        told: the last step at which what is observed has read the scenario; -1 for never.
        read: whether what is looked at reads the scenario of the step before.
        carried: whether the scenario is not drawn at all.
    """

    def __init__(
        self,
        program: Program,
        seen: Formula,
        plan: Plan,
        *,
        nodes: Iterable[str] = (),
        drawn: bool = False,
        kernels: KernelCache | None = None,
        beside: int = 0,
    ) -> None:
        self.program = program
        self.seen = seen
        self.plan = plan
        below = program.downstream(OUTCOME)
        self.told = last_observed(seen, below | {OUTCOME})
        self.read = bool(below & {OUTCOME, *nodes})
        self.carried = not drawn and not self.read and self.told < 0
        self.block_sampler = BlockSampler(
            program,
            plan,
            draw_outcome=not self.carried,
            restrictions=restrictions_of(program, conjuncts(seen), carried=self.carried),
            needed=program.upstream({OUTCOME, *nodes, *asked_nodes(seen)}),
            kernels=kernels,
            beside=beside,
        )

    def walk(self, block: int, observer: Observer | None = None) -> Floats:
        """Draw a block and show it; gives the weights of its trials, shape (trials,)."""
        tracker = EventTracker([(self.program, [(CERTAIN, self.seen)])], self.plan.trials_in(block), carried=False)
        drawn = self.block_sampler.walk(block, tracker if observer is None else _Both(tracker, observer))
        _, given = tracker.of[0].probabilities(0)
        return drawn * given


@dataclass(frozen=True)
class _Both:
    """Two observers of the same walk."""

    first: Observer
    second: Observer

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Show the step to both."""
        self.first.observe(step, block_states, transition)
        self.second.observe(step, block_states, transition)
