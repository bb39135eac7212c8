"""A forecast read from the present step on, where evidence says which that is."""

from __future__ import annotations

import math

import numpy as np

from usru_scenarios.estimation.estimates import rule_of_three_bound
from usru_scenarios.light_dataclasses import replace
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.events import InStates, Timed
from usru_scenarios.questions.evidence.chances import chances
from usru_scenarios.questions.simulate.order import enforce_order_ahead
from usru_scenarios.results.simulate import Ahead, AheadErrors, Simulation
from usru_scenarios.sampler.blocks import MapBlocks
from usru_scenarios.settings import RunSettings


def read_ahead(
    result: Simulation, conditioned: Conditioned, now: int, settings: RunSettings, map_blocks: MapBlocks = map
) -> Simulation:
    """A forecast with what it says from a step on: whether scenarios hold from then on takes the same trials once more.

    Raises:
        ImpossibleEvidence, TooFewTrials, TooLarge, NotExact: as for the forecast.
    """
    program, rows = conditioned.program, {**result.scenarios, **result.groups}
    members = {name: (program.outcome.states.index(name),) for name in result.scenarios} | {
        name: program.groups[name] for name in result.groups
    }
    ahead = range(now, program.steps)
    events = [Timed("ever", ahead, InStates(OUTCOME, frozenset(members[name]))) for name in rows]
    settings = replace(settings, method=result.run.method, trials=result.run.trials or settings.trials)
    found = chances(conditioned, events, settings, map_blocks)
    values, errors = found.values, found.errors
    if found.effective_trials is not None:
        unseen = float(rule_of_three_bound(found.effective_trials))
        errors = np.maximum(errors, unseen * np.maximum(values, 1.0 - values))
    parts = {}
    for (name, row), ever, error in zip(rows.items(), values.tolist(), errors.tolist(), strict=True):
        own = row.standard_errors.by_step[now:]
        share = math.fsum(row.by_step[now:]) / len(ahead)
        told = Ahead(row.by_step[now], ever, share, AheadErrors(own[0], error, math.fsum(own) / len(ahead)))
        parts[name] = enforce_order_ahead(told, row, now)
    return replace(result, ahead=parts)
