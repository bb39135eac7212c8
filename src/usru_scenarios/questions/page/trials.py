"""The trials that a page carries: the states of the drivers at every step, a byte each; method (62)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation.estimates import Controls
from usru_scenarios.program.program import Program
from usru_scenarios.questions.page.law import PathKey
from usru_scenarios.questions.page.packing import Kind, Pack
from usru_scenarios.sampler.blocks import BlockSampler, Plan
from usru_scenarios.sampler.outcome import FullTransition, LazyTransition
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


class _Histories:
    """Keeps what is carried of the trials of a block."""

    def __init__(self, program: Program, sampler: BlockSampler, keys: Sequence[PathKey], trials: int) -> None:
        self.keys, self.index = keys, sampler.index
        self.values: list[npt.NDArray[Any]] = [
            np.empty((trials, program.steps), np.float64 if edges is None else np.uint16) for _, edges in keys
        ]

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Take note of a step."""
        del transition
        for (name, edges), kept in zip(self.keys, self.values, strict=True):
            now = block_states.now[self.index[name]]
            kept[:, step] = np.searchsorted(np.array(edges), now, side="right") if edges else now


def histories(program: Program, plan: Plan, keys: Sequence[PathKey]) -> list[npt.NDArray[Any]]:
    """What is carried of the trials of a plan, each of shape (trials, steps).

    Args:
        program: with as many draws of the judgements as the plan has.
        plan: which trials.
        keys: what is carried of them.
    """
    sampler = BlockSampler(program, plan, draw_outcome=False, needed=program.upstream(name for name, _ in keys))
    blocks = []
    for block in range(plan.blocks):
        kept = _Histories(program, sampler, keys, plan.trials_in(block))
        sampler.walk(block, kept)
        blocks.append(kept.values)
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


class TrialPack:
    """Puts the trials of several programs under one plan into a pack.

    A history is told by what is different in it from that of the same node in the first program: the trials have common
    random numbers, so that this is mostly nothing.

    Args:
        pack: where arrays are put.
    """

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self._first: dict[tuple[PathKey, Plan, tuple[int, ...]], npt.NDArray[Any]] = {}
        self._basis: dict[Plan, tuple[dict[str, Any], list[float]]] = {}

    def put(self, program: Program, plan: Plan, keys: Sequence[PathKey]) -> dict[str, Any]:
        """The trials of a program, and the groups of them that errors come from; arguments as for `histories`.

        The controls are those of the first program: functions of the same draws, whose means are known all the same.
        """
        if plan not in self._basis:
            controls = Controls(program.controls if plan.judgements else np.zeros((0, 0)))
            self._basis[plan] = self.pack.floats(controls.basis.T), controls.means.tolist()
        basis, means = self._basis[plan]
        found = histories(program, plan, keys)
        return {
            "trials": plan.trials,
            "groupSize": plan.trials // plan.judgements if plan.judgements else plan.batches(1).size,
            "paths": [self._path(key, plan, values) for key, values in zip(keys, found, strict=True)],
            "basis": basis,
            "means": means,
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
        kind: Kind = "uint8" if max(values.max(), first.max()) < 1 << 8 else "uint16"
        if first is values:
            return {"states": self.pack.put(values, kind), **scale}
        return {"states": self.pack.put(values ^ first, kind), "beside": self.pack.put(first, kind), **scale}
