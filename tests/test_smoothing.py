"""Exact forecasts under observations, against the enumeration of all that is remembered of a path."""

from __future__ import annotations

import itertools
import math
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.effort import tries
from support.enumerated import decided, true_in
from support.oracle import Json, View, marginals, remembered
from support.published import umbrella
from support.random_models import random_case, random_event
from support.reference_models import (
    EVERYTHING,
    NUMERIC,
    at,
    compiled,
    fed_back,
    is_in,
    model,
    smaller,
    without_feedback,
)
from usru_scenarios.exact.inference import (
    Bound,
    ExactForecast,
    NothingObservedError,
    forecast,
    is_possible,
    predict_cost,
    probabilities,
)
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import All, Compared, Formula, InStates, Not, Some, Timed, timed_parts
from usru_scenarios.program.program import CategoricalNode, Program

Memory = Any


def among_the_observed(raw: Json, seen: Formula, keep: Callable[[Memory, int, View], Memory], **how: Any) -> Any:
    """The distribution of what is kept of a path, of the paths on which an event comes true; not normalised."""
    program, timed = compiled(raw), list(timed_parts(seen))

    def remember(memory: Memory, step: int, view: View) -> Memory:
        flags, kept = memory
        truths = list(flags)
        for place, one in enumerate(timed):
            if step in one.steps:
                truth = true_in(program, one.predicate, view)
                truths[place] = flags[place] and truth if one.mode == "always" else flags[place] or truth
        return tuple(truths), keep(kept, step, view)

    start = tuple(one.mode == "always" for one in timed), ()
    law: dict[Memory, float] = defaultdict(float)
    for (flags, kept), p in remembered(raw, start, remember, **how).items():
        if decided(seen, dict(zip(timed, flags, strict=True))):
            law[kept] += p
    return law


def share(law: Mapping[Memory, float], wanted: Callable[[Memory], bool]) -> float:
    return math.fsum(p for kept, p in law.items() if wanted(kept)) / math.fsum(law.values())


def assert_smoothed(raw: Json, seen: Formula, tolerance: float = 1e-12, **how: Any) -> ExactForecast | None:
    """The forecast given an event is that of the enumeration in every part; None where the event is impossible."""
    program = compiled(raw, how.get("do"))
    paths = among_the_observed(raw, seen, lambda kept, _step, view: (*kept, view[OUTCOME]), **how)
    if not paths:
        assert not is_possible(program, seen)
        with pytest.raises(NothingObservedError):
            forecast(program, given=seen)
        return None
    assert is_possible(program, seen)
    found = forecast(program, given=seen)
    names = program.outcome.states
    sets = [*((name,) for name in names), *(tuple(names[one] for one in group) for group in program.groups.values())]
    steps = range(program.steps)
    close: Any = {"rtol": 0.0, "atol": tolerance}
    by_step = [[share(paths, lambda path: path[step] == name) for name in names] for step in steps]  # noqa: B023
    np.testing.assert_allclose(found.scenarios, by_step, **close)
    first = [[share(paths, lambda path: _first(path, one) == step) for one in sets] for step in steps]  # noqa: B023
    np.testing.assert_allclose(found.first_visit, first, **close)
    np.testing.assert_allclose(found.ever, np.sum(first, axis=0), **close)
    moves = [[math.fsum(p * _moves(path, one, two) for path, p in paths.items()) for two in names] for one in names]
    np.testing.assert_allclose(
        found.transitions / max(found.transitions.sum(), 1), moves / max(np.sum(moves), 1e-300), **close
    )
    for step in steps:
        law = among_the_observed(raw, seen, lambda kept, now, view: tuple(view.items()) if now == step else kept, **how)  # noqa: B023
        for name, shares in found.shares.items():
            node = program.nodes[name]
            assert isinstance(node, CategoricalNode)
            wanted = [share(law, lambda view: (name, state) in view) for state in node.states]  # noqa: B023
            np.testing.assert_allclose(shares[step], wanted, **close)
    return found


def _first(path: tuple[str, ...], members: tuple[str, ...]) -> int | None:
    return next((step for step, name in enumerate(path) if name in members), None)


def _moves(path: tuple[str, ...], start: str, end: str) -> int:
    return sum(pair == (start, end) for pair in itertools.pairwise(path))


def evidence_of(program: Program) -> dict[str, Formula]:
    """Observations of every form on nodes that are summed out early and late."""
    high, strong, up = is_in(program, "mood", "high"), is_in(program, "power", "strong"), is_in(program, "trade", "up")
    good, bad = is_in(program, "scenario", "good"), is_in(program, "scenario", "bad")
    return {
        "a scenario and a consequence": All((at(1, good), Timed("ever", range(2, 4), All((up, Not(bad)))))),
        "a scenario never": Not(Timed("ever", range(4), bad)),
        "one of two, always": Some((Timed("always", range(1, 3), high), All((at(3, strong), at(0, bad))))),
    }


@pytest.mark.parametrize("evidence", ["a scenario and a consequence", "a scenario never", "one of two, always"])
def test_a_forecast_under_observations_is_as_in_the_reference(evidence: str) -> None:
    raw = smaller(EVERYTHING if evidence == "one of two, always" else without_feedback())
    del raw["drivers"]["power"]["persistence"], raw["drivers"]["law"]["persistence"]
    assert assert_smoothed(raw, evidence_of(compiled(raw))[evidence]) is not None


@pytest.mark.more
@settings(max_examples=tries(6, 20), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_random_models_under_random_observations_are_as_in_the_reference(dice: random.Random) -> None:
    raw, program, do = random_case(dice)
    assert_smoothed(raw, random_event(dice, program), 1e-11, do=do)


def test_sabotaged_evidence_differs() -> None:
    program = compiled(EVERYTHING)
    one, other = (forecast(program, given=at(2, is_in(program, "mood", state))) for state in ("high", "low"))
    assert np.abs(one.scenarios - other.scenarios).max() > 0.1


def state_alone(program: Program, name: str, state: str) -> list[float]:
    node = program.nodes[name]
    assert isinstance(node, CategoricalNode)
    return [float(one == state) for one in node.states]


def test_what_is_given_is_1_or_0_and_the_states_sum_to_1() -> None:
    program = compiled(EVERYTHING)
    seen = All((at(2, is_in(program, "scenario", "good", "bad")), at(1, is_in(program, "power", "weak"))))
    found = forecast(program, given=seen)
    assert found.shares["power"][1].tolist() == state_alone(program, "power", "weak")
    ugly = program.outcome.states.index("ugly")
    assert found.scenarios[2, ugly] == 0.0
    assert found.first_visit[2, ugly] == 0.0
    calm = len(program.outcome.states) + list(program.groups).index("calm")
    assert found.ever[calm] == 1.0
    np.testing.assert_allclose(found.scenarios.sum(axis=1), 1.0, rtol=0, atol=1e-15)


def test_a_scenario_never_seen_is_never_visited() -> None:
    program = compiled(EVERYTHING)
    bad = program.outcome.states.index("bad")
    found = forecast(program, given=Not(Timed("ever", range(4), is_in(program, "scenario", "bad"))))
    assert found.ever[bad] == 0.0
    assert not found.first_visit[:, bad].any()


def test_the_umbrella_world_is_smoothed_as_published() -> None:
    """S. Russell and P. Norvig (2010), section 15.2: P(rain on day 1 | umbrella on days 1 and 2) = 0.883."""
    program = compiled(umbrella(2))
    seen = All(tuple(at(step, is_in(program, "umbrella", "yes")) for step in range(2)))
    rain = program.nodes["rain"]
    assert isinstance(rain, CategoricalNode)
    assert forecast(program, given=seen).shares["rain"][0, rain.states.index("yes")] == pytest.approx(0.883, abs=5e-4)


def test_within_a_tight_bound_a_forecast_under_observations_is_taken_apart() -> None:
    program = compiled(smaller(EVERYTHING))
    seen = evidence_of(program)["a scenario and a consequence"]
    whole = forecast(program, given=seen)
    tight = Bound(entries=predict_cost(program, given=seen).entries * 2 // 3)
    apart = forecast(program, given=seen, bound=tight)
    np.testing.assert_allclose(apart.scenarios, whole.scenarios, rtol=0, atol=1e-13)
    np.testing.assert_allclose(apart.first_visit, whole.first_visit, rtol=0, atol=1e-13)
    for name, shares in whole.shares.items():
        np.testing.assert_allclose(apart.shares[name], shares, rtol=0, atol=1e-13)


def test_a_long_series_of_observations_is_not_lost_below_the_least_float() -> None:
    """400 steps, at each of which what has probability 1e-3 was seen: 1e-1200 in all. Kept apart, the steps do not
    bear on one another: each state of the scenario is as likely as after its own observation alone."""
    steps = 400
    raw = model(
        steps,
        drivers={"d": {"states": {"rare": 0.001, "common": 0.999}, "persistence": 0, "impacts": {"rare": {"x": 1}}}},
        outcome={"persistence": 0},
        groups={"either": ["x", "y"]},
    )
    program = compiled(raw)
    rare = is_in(program, "d", "rare")
    found = forecast(program, given=Timed("always", range(steps), rare))
    x = program.outcome.states.index("x")
    np.testing.assert_allclose(found.scenarios[:, x], 2 / 3, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.first_visit[:3, x], [2 / 3, 2 / 9, 2 / 27], rtol=0, atol=1e-12)
    assert probabilities(program, [Timed("always", range(steps), rare)]) == [0.0]
    assert is_possible(program, Timed("always", range(steps), rare))
    assert found.shares["d"].tolist() == [state_alone(program, "d", "rare")] * steps


def test_next_to_impossible_is_possible() -> None:
    raw = model(
        drivers={
            name: {"states": {"yes": 1e-300, "no": 1}, "impacts": {"yes": {"x": 3}}, "weight": 1} for name in ("a", "b")
        }
    )
    program = compiled(raw)
    both = All((at(0, is_in(program, "a", "yes")), at(0, is_in(program, "b", "yes"))))
    assert probabilities(program, [both]) == [0.0]
    assert is_possible(program, both)
    assert not is_possible(program, All((both, at(0, is_in(program, "a", "no")))))
    alone = forecast(program, given=at(0, is_in(program, "a", "yes")))
    assert alone.shares["a"][0].max() == 1.0
    assert alone.scenarios[0, program.outcome.states.index("x")] == pytest.approx(8 / 9, abs=1e-12)


@pytest.mark.slow
def test_first_visits_of_many_scenarios_under_observations() -> None:
    raw = fed_back(66, 2)
    assert assert_smoothed(raw, at(1, is_in(compiled(raw), "d", "a"))) is not None


def test_a_number_that_was_compared() -> None:
    """Of a uniform number above one half the mean is 3/4, and quantiles go from 1/2 to 1 in proportion."""
    raw = model(
        2,
        drivers={
            "n": {"kind": "numeric", "range": [0, 1], "persistence": 1, "impacts": {"0": {"x": 0}, "1": {"x": 2}}},
            "m": {"kind": "numeric", "range": [0, 1]},
        },
    )
    program = compiled(raw)
    found = forecast(program, given=at(1, Compared("n", ">", 0.5)))
    np.testing.assert_allclose(found.values["n"].mean, 0.75, rtol=0, atol=2e-6)
    np.testing.assert_allclose(found.values["n"].quantile(0.2), 0.6, rtol=0, atol=2e-6)
    np.testing.assert_allclose(found.values["m"].mean, 0.5, rtol=0, atol=2e-6)
    tight = Bound(entries=predict_cost(program, given=at(1, Compared("n", ">", 0.5))).entries * 2 // 3)
    apart = forecast(program, given=at(1, Compared("n", ">", 0.5)), bound=tight)
    np.testing.assert_allclose(apart.scenarios, found.scenarios, rtol=0, atol=1e-13)
    np.testing.assert_allclose(apart.transitions / apart.transitions.sum(), found.transitions, rtol=0, atol=1e-13)
    np.testing.assert_allclose(apart.first_visit, found.first_visit, rtol=0, atol=1e-13)
    np.testing.assert_allclose(apart.values["n"].mean, found.values["n"].mean, rtol=0, atol=1e-13)


def test_a_number_seen_through_what_reads_it_is_as_in_the_reference() -> None:
    program = compiled(NUMERIC)
    wanted = marginals(NUMERIC, given=[("act", 0, "yes")])
    found = forecast(program, given=at(0, is_in(program, "act", "yes")))
    x = program.outcome.states.index("x")
    assert found.scenarios[0, x] == pytest.approx(wanted["scenarios"]["x"]["end"], abs=1e-3)
    assert found.values["temper"].mean[0] == pytest.approx(wanted["drivers"]["temper"]["mean"][0], abs=1e-3)
    asked: list[Formula] = [
        All((at(0, InStates(OUTCOME, frozenset([x]))), at(0, is_in(program, "act", "yes")))),
        at(0, is_in(program, "act", "yes")),
    ]
    both, seen = probabilities(program, asked)
    assert found.scenarios[0, x] == pytest.approx(both / seen, abs=1e-12)
