"""The order that probabilities of a forecast have by definition, where estimates differ by chance: method (16).

To have been in a scenario by a step is no less likely than to be in it at that step, and no less likely than to have
been in it before; of a group it is no less likely than of its members. Where the scenario is drawn and its probability
read one step ahead, first visits and single steps are told from different means of the same trials, and where they are
nearly equal they may come out the other way round.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.results.simulate import Ahead, ScenarioResult

_ROUNDING = 1e-12
"""Probabilities that differ by no more are the same."""

Results = dict[str, ScenarioResult]


def enforce_order(scenarios: Results, groups: Results, program: Program) -> tuple[Results, Results]:
    """Scenarios and groups whose first visits, and `ever`, are in the order that they have by definition."""
    states = program.outcome.states
    members = {name: {states[one] for one in indices} for name, indices in program.groups.items()}
    single = {name: _with_ordered_visits(one, ()) for name, one in scenarios.items()}
    return single, {name: _with_ordered_visits(one, _of(single, members[name])) for name, one in groups.items()}


def enforce_order_ahead(found: Ahead, row: ScenarioResult, now: int) -> Ahead:
    """What a scenario is from a step on, likewise: no less likely than at one of these steps, and no more than ever."""
    step = now + int(np.argmax(row.by_step[now:]))
    own, raised = found.standard_errors.ever, found.ever < row.by_step[step]
    ever = row.by_step[step] if raised else min(found.ever, row.ever)
    error = own + float(_distance_moved(found.ever, ever))
    if raised:
        error = max(error, row.standard_errors.by_step[step])
    return replace(found, ever=ever, standard_errors=replace(found.standard_errors, ever=error))


def _of(scenarios: Results, names: Collection[str]) -> list[ScenarioResult]:
    return [one for name, one in scenarios.items() if name in names]


def _with_ordered_visits(found: ScenarioResult, members: Iterable[ScenarioResult]) -> ScenarioResult:
    """A scenario or group that has been visited by each step with no less than any of the probabilities below it.

    The error of what is moved is its own and, added to that, how far it is moved: it may lie off by both. What a rise
    adds to the first visit at one step is taken from a later one, so that both are moved.
    """
    visited = np.cumsum(found.first_visit)
    below = [np.array(found.by_step), *(np.cumsum(one.first_visit) for one in members)]
    least = np.max([visited, *below], axis=0)
    wanted = np.minimum(np.maximum.accumulate(least), 1.0)
    if not _distance_moved(visited, wanted).any():
        return replace(found, ever=max(found.ever, *found.by_step))
    errors, ever, first = found.standard_errors, float(wanted[-1]), np.diff(wanted, prepend=0.0)
    first_errors = errors.first_visit + _distance_moved(np.array(found.first_visit), first)
    return replace(
        found,
        ever=ever,
        first_visit=first.tolist(),
        standard_errors=replace(
            errors, ever=errors.ever + float(_distance_moved(found.ever, ever)), first_visit=first_errors.tolist()
        ),
    )


def _distance_moved(one: Floats | float, other: Floats | float) -> Floats:
    """How far probabilities are moved, of the same shape; by no more than rounding is not at all."""
    apart = np.abs(np.subtract(other, one))
    return np.where(apart > _ROUNDING, apart, 0.0)
