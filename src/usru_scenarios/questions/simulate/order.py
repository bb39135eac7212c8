"""The order that probabilities of a forecast have by definition, where estimates differ by chance: method (16).

To have been in a scenario by a step is no less likely than to be in it at that step, and no less likely than to have
been in it before; of a group it is no less likely than of its members. Where the scenario is drawn and its probability
read one step ahead, first visits and single steps are told from different means of the same trials, and where they are
nearly equal they may come out the other way round.
"""

from __future__ import annotations

from collections.abc import Iterable

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
    ordered = {name: _with_ordered_visits(result, ()) for name, result in scenarios.items()}
    members = {name: [ordered[states[state]] for state in indices] for name, indices in program.groups.items()}
    return ordered, {name: _with_ordered_visits(result, members[name]) for name, result in groups.items()}


def enforce_order_ahead(ahead: Ahead, row: ScenarioResult, now: int) -> Ahead:
    """What a scenario is from a step on, likewise: no less likely than at one of these steps, and no more than ever."""
    step = now + int(np.argmax(row.by_step[now:]))
    own, raised = ahead.standard_errors.ever, ahead.ever < row.by_step[step]
    ever = row.by_step[step] if raised else min(ahead.ever, row.ever)
    error = own + float(_distance_moved(ahead.ever, ever))
    if raised:
        error = max(error, row.standard_errors.by_step[step])
    return replace(ahead, ever=ever, standard_errors=replace(ahead.standard_errors, ever=error))


def _with_ordered_visits(result: ScenarioResult, members: Iterable[ScenarioResult]) -> ScenarioResult:
    """A scenario or group that has been visited by each step with no less than any of the probabilities below it.

    The error of what is moved is its own and, added to that, how far it is moved: it may lie off by both. What a rise
    adds to the first visit at one step is taken from a later one, so that both are moved.
    """
    visited = np.cumsum(result.first_visit)
    below = [np.array(result.by_step), *(np.cumsum(member.first_visit) for member in members)]
    least = np.max([visited, *below], axis=0)
    ordered = np.minimum(np.maximum.accumulate(least), 1.0)
    if not _distance_moved(visited, ordered).any():
        return replace(result, ever=max(result.ever, *result.by_step))
    errors, ever, first_visit = result.standard_errors, float(ordered[-1]), np.diff(ordered, prepend=0.0)
    first_errors = errors.first_visit + _distance_moved(np.array(result.first_visit), first_visit)
    return replace(
        result,
        ever=ever,
        first_visit=first_visit.tolist(),
        standard_errors=replace(
            errors, ever=errors.ever + float(_distance_moved(result.ever, ever)), first_visit=first_errors.tolist()
        ),
    )


def _distance_moved(old: Floats | float, new: Floats | float) -> Floats:
    """How far probabilities are moved, of the same shape; by no more than rounding is not at all."""
    difference = np.abs(np.subtract(new, old))
    return np.where(difference > _ROUNDING, difference, 0.0)
