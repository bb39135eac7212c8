"""The order that probabilities of a forecast have by definition, where estimates differ by chance: method (16).

To have been in a scenario by a step is no less likely than to be in it at that step, and no less likely than to have
been in it before; of a group it is no less likely than of its members. Where the scenario is drawn and its probability
read one step ahead, first visits and single steps are told from different means of the same trials, and where they are
nearly equal they may come out the other way round.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

import numpy as np

from usru_scenarios.program.program import Program
from usru_scenarios.results.simulate import Ahead, ScenarioResult

_ROUNDING = 1e-12
"""Probabilities that differ by no more are the same."""

Results = dict[str, ScenarioResult]


def in_order(scenarios: Results, groups: Results, program: Program) -> tuple[Results, Results]:
    """Scenarios and groups whose first visits, and `ever`, are in the order that they have by definition.

    Args:
        scenarios: as they are estimated.
        groups: likewise.
        program: that they are of.
    """
    states = program.outcome.states
    members = {name: {states[one] for one in indices} for name, indices in program.groups.items()}
    single = {name: _ordered(one, ()) for name, one in scenarios.items()}
    return single, {name: _ordered(one, _of(single, members[name])) for name, one in groups.items()}


def ahead_in_order(found: Ahead, row: ScenarioResult, now: int) -> Ahead:
    """What a scenario is from a step on, likewise: no less likely than at one of these steps, and no more than ever."""
    step = now + int(np.argmax(row.by_step[now:]))
    if found.ever >= row.by_step[step]:
        return replace(found, ever=min(found.ever, row.ever))
    errors = found.standard_errors
    told = max(errors.ever, row.standard_errors.by_step[step])
    return replace(found, ever=row.by_step[step], standard_errors=replace(errors, ever=told))


def _of(scenarios: Results, names: Collection[str]) -> list[ScenarioResult]:
    return [one for name, one in scenarios.items() if name in names]


def _ordered(found: ScenarioResult, members: Iterable[ScenarioResult]) -> ScenarioResult:
    """A scenario or group that has been visited by each step with no less than any of the probabilities below it.

    The error of what takes the place of an estimate is that of what is taken, where it is larger than its own.
    """
    errors = found.standard_errors
    below = [(np.array(found.by_step), np.array(errors.by_step))]
    below += [(np.cumsum(one.first_visit), np.array(one.standard_errors.first_visit)) for one in members]
    least = np.stack([value for value, _ in below])
    visited = np.cumsum(found.first_visit)
    wanted = np.minimum(np.maximum.accumulate(np.maximum(visited, least.max(axis=0))), 1.0)
    changed = np.abs(wanted - visited) > _ROUNDING
    if not changed.any():
        return replace(found, ever=max(found.ever, *found.by_step))
    taken = np.take_along_axis(np.stack([error for _, error in below]), least.argmax(axis=0)[None], axis=0)[0]
    first = np.where(changed, np.maximum(errors.first_visit, taken), errors.first_visit)
    ever = max(errors.ever, float(taken[changed].max())) if changed[-1] else errors.ever
    return replace(
        found,
        ever=float(wanted[-1]),
        first_visit=np.diff(wanted, prepend=0.0).tolist(),
        standard_errors=replace(errors, ever=ever, first_visit=first.tolist()),
    )
