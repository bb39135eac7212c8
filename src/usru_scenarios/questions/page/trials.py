"""The trials that a page carries: the states of the drivers at every step, a byte each; method (62)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation.estimates import NO_CONTROLS
from usru_scenarios.problems import ImpossibleEvidence
from usru_scenarios.program.events import All, atoms, conjuncts
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.questions.page.law import PathKey
from usru_scenarios.questions.page.packing import Pack, StoredType
from usru_scenarios.sampler.blocks import BlockSampler, Plan
from usru_scenarios.sampler.likelihood_weighting import EventTracker
from usru_scenarios.sampler.outcome import FullTransition, LazyTransition
from usru_scenarios.sampler.restrictions import restrictions_of
from usru_scenarios.sampler.tables import BlockStates

LEVELS = 128
"""Into so many equally spaced values, from the least to the largest that is drawn, a numeric driver is rounded."""

_PER_DRAW = 16
"""Trials for each draw of the judgements, at least: more draws make errors no smaller, and a page larger."""


def plan_of(trials: int, seed: int, draws: int) -> Plan:
    """The plan of the trials that a page carries, at least so many.

    With draws of the judgements these are as many as leave `_PER_DRAW` trials for each, and no more than are wanted.
    The seed is another than that of the forecast which the page's differences are added to: so both are independent.
    """
    return Plan.of(trials, seed + 1, max(2, min(draws, trials // _PER_DRAW)) if draws else 0)


CERTAIN = All(())
"""Nothing has been seen."""


class _Histories:
    """Keeps what is carried of the trials of a block."""

    def __init__(
        self, program: Program, sampler: BlockSampler, keys: Sequence[PathKey], trials: int, tracker: EventTracker
    ) -> None:
        self.keys, self.index, self.tracker = keys, sampler.index, tracker
        self.values: list[npt.NDArray[Any]] = [
            np.empty((trials, program.steps), np.float64 if edges is None else np.uint16) for _, edges in keys
        ]

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Take note of a step."""
        self.tracker.observe(step, block_states, transition)
        for (name, edges), kept in zip(self.keys, self.values, strict=True):
            now = block_states.now[self.index[name]]
            kept[:, step] = np.searchsorted(np.array(edges), now, side="right") if edges else now


def histories(
    program: Program, plan: Plan, keys: Sequence[PathKey], seen: All = CERTAIN
) -> tuple[list[npt.NDArray[Any]], Floats]:
    """What is carried of the trials of a plan, each of shape (trials, steps), and their weights, shape (trials,).

    The program has as many draws of the judgements as the plan; what has been seen is of the drivers.
    """
    asked = {atom.node for atom in atoms(seen)}
    sampler = BlockSampler(
        program,
        plan,
        draw_outcome=False,
        restrictions=restrictions_of(program, conjuncts(seen), carried=True),
        needed=program.upstream({*asked, *(name for name, _ in keys)}),
    )
    blocks, weights = [], []
    for block in range(plan.blocks):
        tracker = EventTracker([(program, [(CERTAIN, seen)])], plan.trials_in(block), carried=False)
        kept = _Histories(program, sampler, keys, plan.trials_in(block), tracker)
        drawn = sampler.walk(block, kept)
        blocks.append(kept.values)
        weights.append(drawn * tracker.of[0].probabilities(0)[1])
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)], np.concatenate(weights)


class TrialPack:
    """Puts the trials of several programs under one plan into a pack.

    A history is told by what is different in it from that of the same node in the first program: the trials have common
    random numbers, so that this is mostly nothing.
    """

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self._first: dict[tuple[PathKey, Plan, tuple[int, ...]], npt.NDArray[Any]] = {}
        self._basis: dict[Plan, tuple[dict[str, Any], list[float]]] = {}

    def put(self, program: Program, plan: Plan, keys: Sequence[PathKey], seen: All = CERTAIN) -> dict[str, Any]:
        """The trials of a program, and the groups of them that errors come from; arguments as for `histories`.

        Where something has been seen they have weights, of which the mean is 1.

        The controls are those of the first program: functions of the same draws, whose means are known all the same.
        """
        if plan not in self._basis:
            controls = program.controls if plan.judgements else NO_CONTROLS
            self._basis[plan] = self.pack.floats(controls.basis.T), controls.means.tolist()
        basis, means = self._basis[plan]
        found, weights = histories(program, plan, keys, seen)
        if not weights.any():
            said = f"what has been seen was not met in the {plan.trials:,} trials that a page carries"
            raise ImpossibleEvidence(said, "take more: --carried")
        weighed = {"trialWeights": self.pack.floats(weights / weights.mean())} if seen.parts else {}
        return {
            "trials": plan.trials,
            "groupSize": plan.trials // plan.judgements if plan.judgements else plan.batches(1).size,
            "paths": [self._path(key, plan, values) for key, values in zip(keys, found, strict=True)],
            "basis": basis,
            "means": means,
            **weighed,
        }

    def _path(self, key: PathKey, plan: Plan, values: npt.NDArray[Any]) -> dict[str, Any]:
        scale = {}
        if key[1] is None:
            low, high = float(values.min()), float(values.max())
            step = (high - low) / (LEVELS - 1)
            values = (
                np.rint((values - low) / step).astype(np.uint16) if step > 0.0 else np.zeros_like(values, np.uint16)
            )
            scale = {"low": low, "step": step}
        first = self._first.setdefault((key, plan, values.shape), values)
        kind: StoredType = "uint8" if max(values.max(), first.max()) < 1 << 8 else "uint16"
        if first is values:
            return {"states": self.pack.put(values, kind), **scale}
        return {"states": self.pack.put(values ^ first, kind), "beside": self.pack.put(first, kind), **scale}
