"""Random valid models: they run, their probabilities add up, and they agree with the reference engine."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings

from support.effort import tries
from support.model_strategies import MODELS, STEPS, models
from support.oracle import Json, marginals
from support.sampled import Estimate, Estimates, Key, compiled, estimates, same, truths_of

# --- What holds for every model --------------------------------------------------------------------------------------


def near(value: float, other: float) -> bool:
    return math.isclose(value, other, rel_tol=0, abs_tol=1e-9)


def series(found: Estimates, name: str, kind: str) -> list[float]:
    return [found[name, kind, step].value for step in range(STEPS)]


@pytest.mark.more
@settings(MODELS, max_examples=tries(15, 60))
@given(raw=models())
def test_random_models_run_and_add_up(raw: Json) -> None:
    program = compiled(raw)
    found = estimates(raw, 500, 1, program)
    scenarios, groups = list(raw["scenarios"]), raw["groups"]
    for name in (*scenarios, *groups):
        visits, first = series(found, name, "by_step"), series(found, name, "first_visit")
        # What is read one step ahead of single draws may add up to more than is certain; then `ever` is 1.
        assert near(min(sum(first), 1), found[name, "ever"].value)
        assert near(sum(visits) / STEPS, found[name, "mean"].value)
        assert near(visits[0], first[0])
        assert all(-1e-9 <= p <= 1 + 1e-9 for p in (*visits, *first, found[name, "mean"].value))
    for step in range(STEPS):
        assert near(sum(found[name, "by_step", step].value for name in scenarios), 1)
        for group, members in groups.items():
            total = sum(found[name, "by_step", step].value for name in members)
            assert near(found[group, "by_step", step].value, total)
    for origin in scenarios:
        row = [found["moves", origin, goal].value for goal in scenarios]
        assert all(map(math.isnan, row)) if math.isnan(row[0]) else near(sum(row), 1)
        assert all(math.isnan(p) or -1e-9 <= p <= 1 + 1e-9 for p in row)
    check_ever(raw, found, feedback=program.has_feedback)
    check_nodes(raw, found)
    assert all(estimate.error >= 0 or math.isnan(estimate.error) for estimate in found.values())


def check_ever(raw: Json, found: Estimates, *, feedback: bool) -> None:
    """Ever is as likely as any step, and as any member's ever, and no more than certain.

    Where the scenario is carried this holds in every run. Where it is drawn, steps and first visits are read one step
    ahead of different draws, so that it holds but for their errors.
    """

    def at_most(less: Key, more: Key) -> bool:
        one, other = found[less], found[more]
        return one.value <= other.value + 1e-9 + feedback * (5 * math.hypot(one.error, other.error) + 5 / 500)

    for name in (*raw["scenarios"], *raw["groups"]):
        assert found[name, "ever"].value <= 1
        assert feedback or sum(series(found, name, "first_visit")) <= 1 + 1e-9
        assert all(at_most((name, "by_step", step), (name, "ever")) for step in range(STEPS))
    for group, members in raw["groups"].items():
        assert all(at_most((name, "ever"), (group, "ever")) for name in members)


def check_nodes(raw: Json, found: Estimates) -> None:
    for name, block in {**raw["drivers"], **raw["consequences"]}.items():
        for step in range(STEPS):
            if "states" in block:
                assert near(sum(found[name, state, step].value for state in block["states"]), 1)
            else:
                assert -1e-9 <= found[name, "mean", step].value <= 1 + 1e-9
        if not any(block["states"].values() if "states" in block else ()):
            continue
        # A state that nothing gives a chance is never drawn.
        laws = [block["states"], block.get("initial", {}), *(row["prior"] for row in block.get("prior_given", []))]
        laws += [event["prior"] for event in block["events"] if "prior" in event]
        for state in block["states"]:
            if not any(law.get(state) for law in laws):
                assert all(found[name, state, step].value == 0 for step in range(STEPS))


def turned(raw: Any) -> Any:
    if isinstance(raw, dict):
        return {key: turned(raw[key]) for key in reversed(raw)}
    return [turned(value) for value in raw] if isinstance(raw, list) else raw


@pytest.mark.more
@settings(MODELS, max_examples=tries(8, 30))
@given(raw=models())
def test_the_order_of_random_models_decides_no_digit(raw: Json) -> None:
    assert same(estimates(raw, 300, 1), estimates(turned(raw), 300, 1))


TRIALS = 4_000


def renamed(raw: Any, old: str, new: str) -> Any:
    if isinstance(raw, dict):
        return {new if key == old else key: renamed(value, old, new) for key, value in raw.items()}
    return [renamed(value, old, new) for value in raw] if isinstance(raw, list) else raw


def spread_of(key: Key, estimate: Estimate, found: Estimates) -> float:
    """The larger of the reported error and a binomial one, and what a single trial weighs: rare things vary little."""
    trials = float(TRIALS)
    if key[0] == "moves":
        trials *= sum(found[key[1], "by_step", step].value for step in range(STEPS - 1))
    p = min(max(estimate.value, 0.0), 1.0)
    return max(estimate.error, math.sqrt(p * (1 - p) / max(trials, 1.0)), 1 / max(trials, 1.0))


@pytest.mark.more
@settings(MODELS, max_examples=tries(10, 40))
@given(raw=models())
def test_renaming_a_driver_changes_nothing_but_the_draws(raw: Json) -> None:
    one, other = estimates(raw, TRIALS, 1), estimates(renamed(raw, "a", "q"), TRIALS, 1)
    for key, estimate in one.items():
        twin = other["q" if key[0] == "a" else key[0], *key[1:]]
        reach = 6 * math.hypot(spread_of(key, estimate, one), spread_of(key, twin, one))
        assert math.isnan(estimate.value) or abs(estimate.value - twin.value) <= reach, key


# --- The reference engine --------------------------------------------------------------------------------------------


@pytest.mark.more
@settings(MODELS, max_examples=tries(15, 60))
@given(raw=models(numeric=False))
def test_random_models_agree_with_the_reference(raw: Json) -> None:
    found, known = estimates(raw, TRIALS, 1), truths_of(marginals(raw))
    assert found.keys() == known.keys()
    for key, truth in known.items():
        estimate = found[key]
        if math.isnan(truth):
            assert math.isnan(estimate.value), key
        elif not math.isnan(estimate.value):
            reach = 6 * max(spread_of(key, part, found) for part in (estimate, Estimate(truth, 0)))
            assert abs(estimate.value - truth) <= reach, (key, estimate, truth)
