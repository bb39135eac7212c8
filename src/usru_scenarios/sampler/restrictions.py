"""What observations hold draws to, and which trials are free of it; method (22)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import Compared, Formula, Timed, Truth, atom_truth, atoms, satisfying_states, truth
from usru_scenarios.program.program import CategoricalNode, Floats, Program
from usru_scenarios.sampler.tables import BlockStates


@dataclass(frozen=True)
class Restriction:
    """What an observation holds a node to at a step.

    Attributes:
        states: the states of a categorical node that may be drawn.
        low, high: the values between which a numeric node may be drawn.
        released_by: trials in which this has come about at an earlier step are drawn freely.
        free_trials: shape (trials,), which trials of a block these are; None for none.
    """

    states: tuple[int, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    released_by: Timed | None = None
    free_trials: Truth | None = None

    def narrow(self, share: Floats) -> tuple[Floats, Floats]:
        """Probabilities of states, shape (states, trials), given the restriction, and its own, shape (trials,)."""
        inside = share[list(self.states)].sum(axis=0)
        narrowed = np.zeros_like(share)
        narrowed[list(self.states)] = share[list(self.states)] / np.where(inside > 0, inside, 1.0)
        if self.free_trials is not None:
            narrowed = np.where(self.free_trials, share, narrowed)
            inside = np.where(self.free_trials, 1.0, inside)
        return narrowed, inside

    def admits(self, values: Floats) -> Truth:
        """The trials whose value, of which nothing is left to draw, is within the restriction: shape (trials,)."""
        inside = (values >= self.low) & (values <= self.high)
        return inside if self.free_trials is None else inside | self.free_trials


class RestrictedDraws:
    """The restrictions of a block as its trials go on: who has met one that is to be met once is free from then on.

    Args:
        restrictions: by step and node.
        program: that is drawn.
        trials: of the block.
    """

    def __init__(self, restrictions: Mapping[tuple[int, str], Restriction], program: Program, trials: int) -> None:
        self.restrictions = restrictions
        self.index = {name: index for index, name in enumerate(program.nodes)}
        events = (restriction.released_by for restriction in restrictions.values())
        self.met_events: dict[Timed, Truth] = {
            part: np.zeros(trials, dtype=np.bool_) for part in events if part is not None
        }

    def restriction_at(self, step: int, node: str) -> Restriction | None:
        """What the draw of a node at a step is held to, in the trials that are not free of it."""
        restriction = self.restrictions.get((step, node))
        if restriction is None or restriction.released_by is None:
            return restriction
        return replace(restriction, free_trials=self.met_events[restriction.released_by])

    def advance(self, step: int, block_states: BlockStates) -> None:
        """Take note of what the draws of a step have met."""
        for part in self.met_events:
            if step in part.steps:
                met_now = truth(part.predicate, lambda atom: atom_truth(atom, block_states.now[self.index[atom.node]]))
                self.met_events[part] = self.met_events[part] | met_now


def restrictions_of(
    program: Program, observations: Iterable[Formula], *, carried: bool
) -> dict[tuple[int, str], Restriction]:
    """What draws can be held to, by step and node: the parts of observations about a single node, method (22)."""
    restrictions: dict[tuple[int, str], Restriction] = {}
    for timed in sorted((part for part in observations if isinstance(part, Timed)), key=repr):
        nodes = {atom.node for atom in atoms(timed.predicate)}
        if len(nodes) != 1 or (carried and OUTCOME in nodes):
            continue
        (node,) = nodes
        restriction = _make_restriction(program, node, timed)
        if restriction is None:
            continue
        for step in timed.steps[-1:] if timed.mode == "ever" else timed.steps:
            restrictions.setdefault((step, node), restriction)  # a second one on the same draw keeps or drops trials
    return restrictions


def _make_restriction(program: Program, name: str, timed: Timed) -> Restriction | None:
    """A predicate of one node as a restriction of its draw, or None where it is no single interval of a number."""
    released_by = timed if timed.mode == "ever" else None
    node = program.nodes[name]
    if isinstance(node, CategoricalNode):
        admitted = satisfying_states(timed.predicate, len(node.states))
        return Restriction(states=tuple(np.flatnonzero(admitted).tolist()), released_by=released_by)
    if not isinstance(atom := timed.predicate, Compared):
        return None
    match atom.sign:
        case ">":
            return Restriction(low=math.nextafter(atom.value, math.inf), released_by=released_by)
        case ">=":
            return Restriction(low=atom.value, released_by=released_by)
        case "<":
            return Restriction(high=math.nextafter(atom.value, -math.inf), released_by=released_by)
        case "<=":
            return Restriction(high=atom.value, released_by=released_by)
