"""Reported standard errors against the spread of the estimates over many seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from support.effort import slow_but, tries
from support.oracle import Json
from support.sampled import Key, changed, compiled, estimates, exact_model
from usru_scenarios.estimation.estimates import MOST_MISSED
from usru_scenarios.program.program import Floats
from usru_scenarios.sampler.blocks import Plan

TRIALS = 2_000


def carried() -> Json:
    """Nothing reads the scenario, and every scenario is kept alike."""
    return exact_model("outcome_lumped")


def carried_apart() -> Json:
    """Nothing reads the scenario, which may move only where it is allowed to."""
    return exact_model("outcome_moves")


def feedback() -> Json:
    """The drivers read the scenario, which therefore is drawn."""
    return exact_model("feedback")


def feedback_in_groups() -> Json:
    """As before, with a group that is left often and one that is never left."""
    return changed(exact_model("consequence_feedback"), "outcome/persistence", 0.2)


MODELS = {model.__name__: model for model in (carried, carried_apart, feedback, feedback_in_groups)}

Runs = dict[Key, tuple[Floats, Floats]]


def runs(name: str, seeds: int) -> Runs:
    """Every estimate over all seeds, and its reported errors, each of shape (seeds,)."""
    raw = MODELS[name]()
    program = compiled(raw)
    found = [estimates(raw, TRIALS, seed, program) for seed in range(seeds)]
    return {
        key: (np.array([run[key].value for run in found]), np.array([run[key].error for run in found]))
        for key in found[0]
    }


def wrong(found: Runs, tolerances: dict[str, float], scale: float = 1.0) -> dict[Key, float]:
    """Where scaled errors miss the spread by more than the tolerance for their kind, and by what factor."""
    factors = {}
    for key, (values, errors) in found.items():
        kind = next((part for part in key if part in tolerances), None)
        spread = float(values.std(ddof=1))
        if kind is None or spread < 1e-12:
            continue
        if spread < errors.min() and errors.max() <= MOST_MISSED / TRIALS:
            continue  # no error is less than what trials that were never drawn could make, however small the spread
        factor = scale * float(np.sqrt((errors**2).mean())) / spread
        if abs(factor - 1) > tolerances[str(kind)]:
            factors[key] = factor
    return factors


SEEDS = 400
SUMMARIES = {"end": 0.15, "mean": 0.15, "ever": 0.15}
STEPS = {"by_step": 0.2, "first_visit": 0.2, "moves": 0.2}
"""With 400 seeds, which leave the spread itself uncertain by 3.5%."""


def allowed(tolerances: dict[str, float], seeds: int) -> dict[str, float]:
    """The tolerances for fewer seeds, which leave the spread less certain."""
    return {kind: tolerance * math.sqrt(SEEDS / seeds) for kind, tolerance in tolerances.items()}


@pytest.mark.more
@pytest.mark.parametrize("name", slow_but(["feedback_in_groups"], MODELS))
def test_errors_match_the_spread(name: str) -> None:
    seeds = tries(200, SEEDS)
    found = runs(name, seeds)
    for tolerances in (allowed(SUMMARIES, seeds), allowed(STEPS, seeds)):
        assert wrong(found, tolerances) == {}
        for scale in (0.7, 1.4):
            assert len(wrong(found, tolerances, scale)) > len(tolerances)
    for key, (values, errors) in found.items():
        if values.std() < 1e-12 and not np.isnan(values).any():
            met = float(values[0]) * Plan(TRIALS, 1).set_size  # by every set of trials, where it is a whole number
            assert errors.max() < (MOST_MISSED / TRIALS if met == round(met) else 1e-9), key  # where nothing varies


def test_carrying_the_outcome_pays() -> None:
    """Errors are well below those of counting, p (1 - p) / n."""
    p, error = estimates(carried(), TRIALS, 1)["crisis", "mean"]
    assert 0 < error < 0.5 * math.sqrt(p * (1 - p) / TRIALS)
