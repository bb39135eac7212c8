"""The trials that a page carries: the states of the drivers at every step, a byte each; method (62)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation.estimates import NO_CONTROLS
from usru_scenarios.problems import ImpossibleEvidence
from usru_scenarios.program.events import All, Formula, atoms, conjuncts
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.questions.page.law import ArrayType, Pack, PathKey
from usru_scenarios.sampler.blocks import BlockSampler, Plan
from usru_scenarios.sampler.likelihood_weighting import CERTAIN, EventTracker
from usru_scenarios.sampler.outcome import FullTransition, LazyTransition
from usru_scenarios.sampler.restrictions import restrictions_of
from usru_scenarios.sampler.tables import BlockStates

LEVELS = 128
"""Into so many equally spaced values, from the least to the largest that is drawn, a numeric driver is rounded."""

_TRIALS_PER_DRAW = 16
"""Trials for each draw of the judgements, at least: more draws make errors no smaller, and a page larger."""


def plan_carried_trials(trials: int, seed: int, draws: int) -> Plan:
    """The plan of the trials that a page carries, at least so many.

    With draws of the judgements these are as many as leave `_TRIALS_PER_DRAW` trials for each, and no more than are
    wanted.
    The seed is another than that of the forecast which the page's differences are added to: so both are independent.
    """
    return Plan.of(trials, seed + 1, max(2, min(draws, trials // _TRIALS_PER_DRAW)) if draws else 0)


class _HistoryObserver:
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
        for (name, edges), values in zip(self.keys, self.values, strict=True):
            now = block_states.now[self.index[name]]
            values[:, step] = np.searchsorted(np.array(edges), now, side="right") if edges else now


def draw_histories(
    program: Program, plan: Plan, keys: Sequence[PathKey], given: Formula = CERTAIN
) -> tuple[list[npt.NDArray[Any]], Floats]:
    """What is carried of the trials of a plan, each of shape (trials, steps), and their weights, shape (trials,).

    The program has as many draws of the judgements as the plan; what has been seen is of the drivers.
    """
    sampler = BlockSampler(
        program,
        plan,
        draw_outcome=False,
        restrictions=restrictions_of(program, conjuncts(given), carried=True),
        needed=program.upstream({*(atom.node for atom in atoms(given)), *(name for name, _ in keys)}),
    )
    blocks, weights = [], []
    for block in range(plan.blocks):
        tracker = EventTracker([(program, [(CERTAIN, given)])], plan.trials_in(block), carried=False)
        observer = _HistoryObserver(program, sampler, keys, plan.trials_in(block), tracker)
        weight = sampler.walk(block, observer)
        blocks.append(observer.values)
        weights.append(weight * tracker.events_by_program[0].probabilities(0)[1])
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)], np.concatenate(weights)


class TrialPack:
    """Puts the trials of several programs under one plan into a pack.

    A history is stored as its difference from that of the same node in the first program: the trials have common random
    numbers, so that this is mostly nothing.
    """

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self._first: dict[tuple[PathKey, Plan, tuple[int, ...]], npt.NDArray[Any]] = {}
        self._basis: dict[Plan, tuple[dict[str, Any], list[float]]] = {}

    def put(self, program: Program, plan: Plan, keys: Sequence[PathKey], given: All) -> dict[str, Any]:
        """The trials of a program, and the groups of them that errors come from; arguments as for `draw_histories`.

        Where something has been seen they have weights, of which the mean is 1.

        The controls are those of the first program: functions of the same draws, whose means are known all the same.
        """
        if plan not in self._basis:
            controls = program.controls if plan.judgements else NO_CONTROLS
            self._basis[plan] = self.pack.floats(controls.basis.T), controls.means.tolist()
        basis, means = self._basis[plan]
        arrays, weights = draw_histories(program, plan, keys, given)
        if not weights.any():
            message = f"what has been seen was not met in the {plan.trials:,} trials that a page carries"
            raise ImpossibleEvidence(message, "take more: --carried")
        trial_weights = {"trialWeights": self.pack.floats(weights / weights.mean())} if given.parts else {}
        return {
            "trials": plan.trials,
            "groupSize": plan.trials // plan.judgements if plan.judgements else plan.batches(1).size,
            "paths": [self._pack_history(key, plan, values) for key, values in zip(keys, arrays, strict=True)],
            "basis": basis,
            "means": means,
            **trial_weights,
        }

    def _pack_history(self, key: PathKey, plan: Plan, values: npt.NDArray[Any]) -> dict[str, Any]:
        """The states of a history, or the levels of a numeric one with their scale."""
        scale = {}
        if key[1] is None:
            low, high = float(values.min()), float(values.max())
            step = (high - low) / (LEVELS - 1)
            values = np.rint((values - low) / (step or 1.0)).astype(np.uint16)
            scale = {"low": low, "step": step}
        first = self._first.setdefault((key, plan, values.shape), values)
        kind: ArrayType = "uint8" if max(values.max(), first.max()) < 1 << 8 else "uint16"
        if first is values:
            return {"states": self.pack.put(values, kind), **scale}
        return {"states": self.pack.put(values ^ first, kind), "beside": self.pack.put(first, kind), **scale}
