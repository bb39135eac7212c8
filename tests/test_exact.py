"""Exact inference against the brute-force reference, closed forms, published networks and quadrature.

Identities have a sabotaged twin: the same comparison with one thing in the model changed, which must come out visibly
different, so that the comparison can fail.
"""

from __future__ import annotations

import copy
import importlib
import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.effort import slow_but, tries
from support.enumerated import assert_forecast, reference
from support.oracle import Json, Resolution
from support.published import WEATHER, kidney_stones, network, oz_scenarios, published, umbrella
from support.random_models import random_case, random_event
from support.reference_models import (
    EVERYTHING,
    NUMERIC,
    SCENARIOS,
    at,
    case,
    compiled,
    fed_back,
    is_in,
    model,
    smaller,
    two_states,
    without_feedback,
)
from usru_scenarios.exact.inference import (
    DEFAULT_BOUND,
    Bound,
    NotExact,
    TooLarge,
    forecast,
    predict_cost,
    probabilities,
)
from usru_scenarios.exact.quadrature import SmoothScale, quadrature
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import All, Compared, Formula, InStates, Not, Some, Timed
from usru_scenarios.program.latent_scale import LatentScale
from usru_scenarios.program.program import NumericNode, Program
from usru_scenarios.study import Study, load

# By name, because scipy has no type stubs everywhere and the checker must be content with and without them.
stats: Any = importlib.import_module("scipy.stats")
integrate: Any = importlib.import_module("scipy.integrate")

ROOT = Path(__file__).parent.parent

# Models and events ---------------------------------------------------------------------------------------------------


def ratio(program: Program, event: Formula, seen: Formula) -> float:
    both, evidence = probabilities(program, [All((event, seen)), seen])
    return both / evidence


# Every construct -----------------------------------------------------------------------------------------------------


INTERVENTIONS: list[dict[str | tuple[str, int], str | float]] = [
    {},
    {"mood": "low"},
    {("power", 2): "strong"},
    {("scenario", 1): "ugly"},
    {"scenario": "good", ("trade", 3): "down"},
    {("fixed", 0): "on", ("law", 1): "yes", ("law", 2): "no"},
]


@pytest.mark.parametrize("do", INTERVENTIONS)
def test_every_construct_is_as_in_the_reference(do: dict[str | tuple[str, int], str | float]) -> None:
    assert_forecast(EVERYTHING, do=do)


@pytest.mark.parametrize("do", slow_but(INTERVENTIONS[:2], INTERVENTIONS))
@pytest.mark.parametrize("persistence", [0.45, 0.0, 1.0])
def test_first_visits_of_an_outcome_that_comes_alone(
    persistence: float, do: dict[str | tuple[str, int], str | float]
) -> None:
    raw = without_feedback()
    raw["outcome"]["persistence"] = persistence
    if persistence in (0.0, 1.0):
        del raw["outcome"]["lagged_influences"]["mood"]["high"]["hold"]
        del raw["drivers"]["mood"]["impacts"]["low"]
    assert_forecast(raw, do=do)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("outcome", "persistence", "good"), 0.5),
        (("drivers", "mood", "weight", "2003"), 2.0),
        (("drivers", "mood", "lagged_influences", "scenario", "ugly", "hold"), 1),
        (("drivers", "power", "initial", "weak"), 0.5),
        (("rules", "two_of_three", "at_least"), 3),
        (("rules", "both", "weight"), 0.5),
    ],
)
def test_sabotaged_every_construct_differs(place: tuple[str, ...], value: object) -> None:
    raw = copy.deepcopy(EVERYTHING)
    block = raw
    for key in place[:-1]:
        block = block[key]
    block[place[-1]] = value
    assert np.abs(forecast(compiled(raw)).scenarios - forecast(compiled(EVERYTHING)).scenarios).max() > 1e-4


def test_a_step_alone() -> None:
    raw = model(
        drivers={
            "a": {"states": {"p": 0.2, "q": 0.8}, "impacts": {"p": {"x": 1}}},
            "b": {"states": {"p": 0.5, "q": 0.5}, "influences": {"a": {"p": {"p": 1}}}, "impacts": {"q": {"y": 2}}},
        }
    )
    found = assert_forecast(raw)
    assert found.transitions.sum() == 0


def test_a_scenario_alone_and_a_driver_with_one_state() -> None:
    raw = model(3, scenarios={"only": {}}, drivers={"d": {"states": {"s": {}}, "impacts": {"s": {"only": 1}}}})
    found = forecast(compiled(raw))
    assert found.scenarios.tolist() == [[1.0]] * 3
    assert found.ever.tolist() == [1.0]
    assert found.transitions.tolist() == [[2.0]]
    assert found.shares["d"].tolist() == [[1.0]] * 3


def many_drivers(odds: float = 2.0) -> Json:
    """Twelve drivers, half for one scenario and half for the other, and a rule over the first and the last."""
    dice = random.Random(5)
    drivers: Json = {
        f"d{number:02}": {
            "states": {"a": dice.uniform(0.2, 1), "b": 1},
            "impacts": {"a": {"x": 2 if number < 6 else -2, "z": -2 if number < 6 else 2}},
        }
        for number in range(12)
    }
    drivers["d06"]["influences"] = {"d02": {"a": {"a": 2}}}
    rules = {"ends": {"when": {"d00": "a", "d11": "b"}, "then": {"scenario": {"x": 0.3}}}}
    return model(scenarios={"x": {}, "z": {}}, drivers=drivers, rules=rules, odds_per_point=odds)


@pytest.mark.parametrize("odds", [2.0, 1e21])
def test_an_outcome_that_reads_many_drivers(odds: float) -> None:
    """Its table is the product of two smaller ones, unless the odds are such that these leave the range of a float."""
    assert_forecast(many_drivers(odds))


def test_sabotaged_rule_over_many_drivers_differs() -> None:
    raw = many_drivers()
    raw["rules"]["ends"]["when"]["d11"] = "a"
    assert np.abs(forecast(compiled(raw)).scenarios - forecast(compiled(many_drivers())).scenarios).max() > 1e-3


@pytest.mark.parametrize(
    "counts",
    slow_but(
        [(32, 0), (33, 0), (64, 0), (65, 0), (12, 60)],
        [(31, 0), (32, 0), (33, 0), (63, 0), (64, 0), (65, 0), (66, 0), (70, 0), (130, 0), (12, 60)],
    ),
)
def test_any_number_of_scenarios_and_groups_is_followed(counts: tuple[int, int]) -> None:
    """As many conditions are read at a step as there are scenarios and groups; the next test has 150 of them."""
    assert_forecast(fed_back(*counts))


def test_any_number_of_conditions_in_one_event() -> None:
    """P(each of 140 conditions, true of all but one scenario each, holds) = P(the scenario is none of those)."""
    program = compiled(fed_back(150, 0))
    everything = range(150)
    apart = All(tuple(at(1, InStates(OUTCOME, frozenset(everything) - {one})) for one in range(140)))
    counted = Some(tuple(at(1, InStates(OUTCOME, frozenset([one]))) for one in range(140)))
    none, some, rest = probabilities(program, [apart, counted, at(1, InStates(OUTCOME, frozenset(range(140, 150))))])
    assert none == pytest.approx(rest, abs=1e-14)
    assert some == pytest.approx(1.0 - rest, abs=1e-14)


def test_what_is_asked_again_is_the_same_to_the_last_digit_and_another_program_is_not() -> None:
    program = compiled(EVERYTHING)
    events = events_of(program)
    first, whole = probabilities(program, events), forecast(program)
    others = [program.intervene("mood", "low", range(program.steps)) for _ in range(6)]
    found = [probabilities(other, events) for other in others]
    assert all(one == found[0] != first for one in found)
    assert probabilities(program, events) == probabilities(program, events) == first
    assert forecast(program).scenarios.tobytes() == whole.scenarios.tobytes()


# Published networks and closed forms ---------------------------------------------------------------------------------


def all_in(program: Program, states: Mapping[str, str]) -> Formula:
    return All(tuple(at(0, is_in(program, node, state)) for node, state in states.items()))


def network_answers(raw: Json, known: Any) -> list[float]:
    """The marginals and the answers to all queries, in the order of the file."""
    program = compiled(raw)
    events = [
        all_in(program, {node: state}) for node, shares in known["expected_prior_marginals"].items() for state in shares
    ]
    answers = probabilities(program, events)
    for query in known["expected_queries"]:
        done = compiled(raw, query.get("do"))
        seen = all_in(program, query.get("see", {}))
        answers += [ratio(done, all_in(program, {query["target"]: state}), seen) for state in query["expected"]]
    return answers


def network_expected(known: Any) -> list[float]:
    return [
        *(share for shares in known["expected_prior_marginals"].values() for share in shares.values()),
        *(share for query in known["expected_queries"] for share in query["expected"].values()),
    ]


@pytest.mark.parametrize("name", ["bn_asia", "bn_cancer"])
def test_published_networks(name: str) -> None:
    known = published(name)
    assert network_answers(network(known), known) == pytest.approx(network_expected(known), abs=1e-9)


def test_sabotaged_network_differs() -> None:
    known = published("bn_asia")
    raw = network(known)
    row = raw["drivers"]["bronc"]["prior_given"][0]["prior"]
    row["yes"], row["no"] = row["no"], row["yes"]
    off = np.abs(np.array(network_answers(raw, known)) - network_expected(known))
    assert off.max() > 0.1


def test_seeing_is_not_doing() -> None:
    raw, known = kidney_stones(), published("causal_kidney_stones")
    program = compiled(raw)
    healed = at(0, is_in(program, "result", "healed"))
    for treatment in "ab":
        seen = ratio(program, healed, at(0, is_in(program, "treatment", treatment)))
        (done,) = probabilities(compiled(raw, {"treatment": treatment}), [healed])
        assert seen == pytest.approx(known["see"][treatment], abs=1e-12)
        assert done == pytest.approx(known["do"][treatment], abs=1e-12)
        assert abs(seen - done) > 0.04


def test_two_state_chain_relaxes_geometrically() -> None:
    closed_form = [0.2 + 0.8 * 0.6**t for t in range(7)]
    found = forecast(compiled(two_states(7))).shares["d"][:, 0]
    np.testing.assert_allclose(found, closed_form, atol=1e-14)
    sabotaged = forecast(compiled(two_states(7, persistence=0.5))).shares["d"][:, 0]
    assert np.abs(sabotaged - closed_form).max() > 0.05


@pytest.mark.parametrize(("step", "months"), [("quarter", 3), ("year", 12)])
def test_continuous_time_two_state_chain(step: str, months: int) -> None:
    raw = two_states(1, states={"a": 0.1, "b": 0.3}, persistence="30 months")
    raw["time"] = {"start": "2000", "end": "2011", "step": step}
    found = forecast(compiled(raw)).shares["d"][:, 0]
    known = {float(t): p for t, p in case("ctmc_two_state")["P_a_at_t_from_a"].items()}
    on_grid = {int(t * 12) // months: p for t, p in known.items() if t * 12 % months == 0}
    assert len(on_grid) > 3
    assert [found[t] for t in on_grid] == pytest.approx(list(on_grid.values()), abs=1e-9)


def smoothed(sensor: float) -> float:
    """P(rain at 1 | umbrellas at 0, 1, 3 and none at 2) by hand: forward and backward in plain matrices."""
    move = np.array([[0.7, 0.3], [0.3, 0.7]])
    likely = np.array([sensor, 0.2])
    forward = move.T @ (np.array([0.5, 0.5]) * likely) * likely
    backward = move @ ((1 - likely) * (move @ likely))
    return float((forward * backward)[0] / (forward * backward).sum())


def test_filtering_and_smoothing_the_umbrella_world() -> None:
    program = compiled(umbrella(4))
    yes, rain = is_in(program, "umbrella", "yes"), is_in(program, "rain", "yes")
    seen = [at(0, yes), at(1, yes), at(2, Not(yes)), at(3, yes)]
    assert ratio(program, at(0, rain), seen[0]) == pytest.approx(0.9 / 1.1, abs=1e-14)
    assert ratio(program, at(1, rain), seen[0]) == pytest.approx(0.7 * 0.9 / 1.1 + 0.3 * 0.2 / 1.1, abs=1e-14)
    both = 0.9 * 0.69 / (0.9 * 0.69 + 0.2 * 0.41)
    assert ratio(program, at(0, rain), All(tuple(seen[:2]))) == pytest.approx(both, abs=1e-14)
    late = ratio(program, at(1, rain), All(tuple(seen)))
    assert late == pytest.approx(smoothed(0.9), abs=1e-14)
    assert abs(late - smoothed(0.8)) > 0.005


def test_land_of_oz() -> None:
    known = published("markov_land_of_oz")
    places = [sorted(WEATHER).index(name) for name in WEATHER]
    for row, start in enumerate(WEATHER):
        found = forecast(compiled(oz_scenarios(7, {start: 1})))
        for power, matrix in {"1": known["p"], **known["powers"]}.items():
            assert found.scenarios[int(power), places] == pytest.approx(matrix[row], abs=5e-9)
        pooled = found.transitions[np.ix_(places, places)]
        assert pooled / pooled.sum(axis=1, keepdims=True) == pytest.approx(np.array(known["p"]), abs=1e-14)
    # From rain to snow by hand: .25, then .5 * .25 + .25 * .5, then (.375, .125) without snow so far.
    first = forecast(compiled(oz_scenarios(7, {"rain": 1}))).first_visit[:4, places[2]]
    assert first == pytest.approx([0, 0.25, 0.25, 0.375 * 0.25 + 0.125 * 0.5], abs=1e-14)
    sabotaged = oz_scenarios(7, {"rain": 1})
    del sabotaged["outcome"]["allowed"]
    assert abs(forecast(compiled(sabotaged)).scenarios[2, places[0]] - known["powers"]["2"][0][0]) > 0.01


# Events --------------------------------------------------------------------------------------------------------------


def events_of(program: Program) -> list[Formula]:
    """Events of every mode and combination, on nodes that are summed out early and late."""
    high, low = is_in(program, "mood", "high"), is_in(program, "mood", "low")
    strong, yes, up = is_in(program, "power", "strong"), is_in(program, "law", "yes"), is_in(program, "trade", "up")
    good, bad = is_in(program, "scenario", "good"), is_in(program, "scenario", "bad")
    whole = range(4)
    ever_bad, always_calm = Timed("ever", whole, bad), Timed("always", whole, Not(is_in(program, "scenario", "ugly")))
    by_one, from_two = Timed("ever", range(2), All((high, yes))), Timed("always", range(2, 4), Some((low, strong)))
    return [
        at(0, good),
        at(3, All((high, up))),
        ever_bad,
        always_calm,
        by_one,
        from_two,
        Not(ever_bad),
        All((ever_bad, always_calm)),
        Some((by_one, from_two)),
        All((Not(by_one), Some((at(2, bad), All((ever_bad, from_two)))))),
        All((at(0, high), at(1, low), at(2, high), at(3, low))),
        Some((at(1, up), at(3, up))),
        All((Timed("ever", range(1, 4), All((good, up))), Timed("ever", range(1, 4), bad))),
        All((at(2, good), at(2, high), at(2, Not(up)))),
        Timed("ever", range(0, 4, 2), All((good, Not(yes)))),
        Timed("ever", range(0), good),
        Timed("always", range(0), good),
        All(()),
        Some(()),
        Some((ever_bad, Not(ever_bad))),
        Timed("always", whole, Some(())),
    ]


def references(raw: Json, events: Sequence[Formula], **how: Any) -> list[float]:
    """The reference in batches: what it must remember grows with every condition."""
    return [p for first in range(0, len(events), 4) for p in reference(raw, events[first : first + 4], **how)]


@pytest.mark.parametrize("raw", [smaller(EVERYTHING), smaller(without_feedback())], ids=["feedback", "alone"])
def test_events_are_as_in_the_reference(raw: Json) -> None:
    events = events_of(compiled(raw))
    assert probabilities(compiled(raw), events) == pytest.approx(references(raw, events), abs=1e-12)


def test_events_under_interventions() -> None:
    raw = smaller(EVERYTHING)
    events = events_of(compiled(raw))
    do: dict[str | tuple[str, int], str | float] = {("mood", 1): "high", ("scenario", 2): "bad"}
    found = probabilities(compiled(raw, do), events)
    assert found == pytest.approx(references(raw, events, do=do), abs=1e-12)
    assert np.abs(np.array(found) - probabilities(compiled(raw), events)).max() > 0.1


def test_events_alone_are_as_events_together() -> None:
    program = compiled(EVERYTHING)
    events = events_of(program)
    alone = [probabilities(program, [event])[0] for event in events]
    assert probabilities(program, events) == pytest.approx(alone, abs=1e-14)


def test_an_event_leaves_out_what_has_no_bearing_on_it() -> None:
    raw = copy.deepcopy(EVERYTHING)
    for number in range(30):
        raw["drivers"][f"idle{number}"] = {"states": {"a": 1, "b": 2, "c": 3}, "persistence": 0.5}
        raw["consequences"][f"after{number}"] = {"states": {"a": {}, "b": {}}, "persistence": 0.5}
    events = events_of(compiled(raw))
    assert predict_cost(compiled(raw), events) == predict_cost(compiled(EVERYTHING), events)
    assert probabilities(compiled(raw), events) == probabilities(compiled(EVERYTHING), events)
    # In the forecast each of them is a pass of its own, and the largest table is the one of before.
    assert predict_cost(compiled(raw)).entries == predict_cost(compiled(EVERYTHING)).entries


def test_a_weight_of_zero_takes_an_axis_away() -> None:
    raw = without_feedback()
    raw["drivers"]["fixed"]["weight"] = 0
    events = [at(3, is_in(compiled(raw), "scenario", "good"))]
    assert predict_cost(compiled(raw), events).entries < predict_cost(compiled(without_feedback()), events).entries
    assert_forecast(raw)


def test_events_share_channels() -> None:
    """A range of facts, each with the same evidence, is asked for together at little more than the price of one."""
    raw = smaller(without_feedback())
    program = compiled(raw)
    evidence = Timed("ever", range(4), is_in(program, "law", "no"))
    facts = [All((at(step, is_in(program, "scenario", name)), evidence)) for step in range(4) for name in SCENARIOS]
    one = predict_cost(program, facts[-1:])
    assert predict_cost(program, facts).operations < 4 * one.operations
    assert probabilities(program, facts) == pytest.approx(reference(raw, facts), abs=1e-12)


def test_events_off_the_grid_or_without_a_time_are_refused() -> None:
    program = compiled(EVERYTHING)
    good = is_in(program, "scenario", "good")
    with pytest.raises(ValueError, match="off the grid of 4 steps"):
        probabilities(program, [at(4, good)])
    with pytest.raises(ValueError, match="within a time"):
        probabilities(program, [good])
    with pytest.raises(ValueError, match="no time of its own"):
        probabilities(program, [at(1, at(1, good))])


# Random models -------------------------------------------------------------------------------------------------------


@pytest.mark.more
@settings(max_examples=tries(15, 60), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_random_models_are_as_in_the_reference(dice: random.Random) -> None:
    raw, program, do = random_case(dice)
    assert_forecast(raw, 1e-11, do=do)
    events = [random_event(dice, program) for _ in range(4)]
    assert probabilities(compiled(raw, do), events) == pytest.approx(reference(raw, events, do=do), abs=1e-11)


# Numeric nodes -------------------------------------------------------------------------------------------------------

PERT = stats.beta(1 + 4 * 0.45 / 0.8, 1 + 4 * 0.35 / 0.8, 0.2, 0.8)
"""The distribution `pert: [0.2, 0.65, 1.0]`."""


def accurate(program: Program, name: str, distribution: Any) -> Program:
    """The program with a scale that is tabulated to the last digits, so that only the quadrature's error is left."""
    node = program.nodes[name]
    assert isinstance(node, NumericNode)
    z = np.linspace(-8.5, 8.5, len(node.scale.values))
    values = np.where(z < 0, distribution.ppf(stats.norm.cdf(z)), distribution.isf(stats.norm.sf(z)))
    return replace(
        program,
        nodes={**program.nodes, name: replace(node, scale=LatentScale(node.scale.low, node.scale.high, values))},
    )


def integrated(worth: Any, kinks: Sequence[float]) -> float:
    """The mean of a function of a standard normal, by adaptive quadrature."""
    total, _ = integrate.quad(
        lambda z: worth(z) * stats.norm.pdf(z), -8.4, 8.4, points=sorted(kinks), limit=800, epsabs=1e-13, epsrel=1e-12
    )
    return float(total)


def by_quadrature(sd_per_point: float) -> tuple[float, float]:
    """P(x) and P(temper > 0.55 and act) of the numeric model, from its definition."""
    favoured = joint = 0.0
    for share, shift in ((0.3, 1.5 * sd_per_point), (0.7, 0.0)):

        def value(z: float, shift: float = shift) -> float:
            return float(PERT.ppf(stats.norm.cdf(z + shift)))

        def acts(x: float) -> float:
            return 0.9 if x > 0.7 else 0.3 if x <= 0.4 else 0.5

        def favours(z: float) -> float:
            x = value(z)
            lead = 1.2 * (np.interp(x, [0.3, 0.6, 0.9], [2, -1, 0]) - np.interp(x, [0.3, 0.6, 0.9], [0, 0.5, 3]))
            return sum(p / (1 + 2.5 ** -(lead + extra)) for p, extra in ((acts(x), 1), (1 - acts(x), 0)))

        kinks = [float(stats.norm.ppf(PERT.cdf(place))) - shift for place in (0.3, 0.4, 0.55, 0.6, 0.7, 0.9)]
        favoured += share * integrated(favours, kinks)
        joint += share * integrated(lambda z: acts(value(z)) * (value(z) > 0.55), kinks)
    return favoured, joint


def numeric_answers(raw: Json) -> list[float]:
    program = accurate(compiled(raw), "temper", PERT)
    tempered = All((at(0, Compared("temper", ">", 0.55)), at(0, is_in(program, "act", "yes"))))
    return probabilities(program, [at(0, is_in(program, "scenario", "x")), tempered])


def test_a_numeric_driver_in_one_step_is_as_by_quadrature() -> None:
    wanted = by_quadrature(0.4)
    assert numeric_answers(NUMERIC) == pytest.approx(wanted, abs=1e-9)
    sabotaged = numeric_answers(NUMERIC | {"sd_per_point": 0.35})
    assert np.abs(np.array(sabotaged) - wanted).min() > 1e-4


def test_a_numeric_driver_as_the_program_tabulates_it() -> None:
    program = compiled(NUMERIC)
    favoured, _ = by_quadrature(0.4)
    found = forecast(program)
    assert found.scenarios[0, 0] == pytest.approx(favoured, abs=1e-6)
    mean = 0.3 * integrated(lambda z: PERT.ppf(stats.norm.cdf(z + 0.6)), []) + 0.7 * PERT.mean()
    assert found.values["temper"].mean == pytest.approx([mean], abs=1e-6)


def test_a_numeric_driver_against_the_reference() -> None:
    assert_forecast(NUMERIC, 5e-5, resolution=Resolution(fixed=500, points=(0.0, 1.5)))


def test_observing_a_numeric_driver() -> None:
    """Bayes by hand: P(cause | temper > 0.7)."""
    program = accurate(compiled(NUMERIC), "temper", PERT)
    above = [float(stats.norm.sf(stats.norm.ppf(PERT.cdf(0.7)) - shift)) for shift in (0.6, 0.0)]
    by_hand = 0.3 * above[0] / (0.3 * above[0] + 0.7 * above[1])
    seen = at(0, Compared("temper", ">", 0.7))
    assert ratio(program, at(0, is_in(program, "cause", "on")), seen) == pytest.approx(by_hand, abs=1e-10)
    assert probabilities(program, [Not(at(0, Compared("temper", "<=", 0.7)))]) == probabilities(program, [seen])


def test_quantiles_of_a_numeric_driver() -> None:
    program = accurate(compiled(NUMERIC), "temper", PERT)
    for share in (0.05, 0.5, 0.95):
        (value,) = forecast(program).values["temper"].quantile(share)
        z = stats.norm.ppf(PERT.cdf(value))
        assert 0.3 * stats.norm.cdf(z - 0.6) + 0.7 * stats.norm.cdf(z) == pytest.approx(share, abs=1e-9)


STEADY: Json = model(
    4,
    sd_per_point=0.4,
    outcome={"persistence": 0.5},
    drivers={
        "temper": {
            "kind": "numeric",
            "range": [0, 1],
            "distribution": {"pert": [0.2, 0.65, 1.0]},
            "events": [{"at": "2002", "points": 1}],
            "impacts": {"0.0": {"x": 2}, "1.0": {"y": 3}},
        },
        "act": {
            "states": {"yes": {}, "no": {}},
            "persistence": 0.6,
            "lagged_influences": {"temper": {"0.5": {"yes": 1}, "0.8": {"no": 2, "hold": -1}}},
            "impacts": {"yes": {"x": 1}},
        },
    },
    rules={"hot": {"when": {"temper": "> 0.75", "act": "yes"}, "lag": 1, "then": {"scenario": {"y": 1}}}},
)


def test_a_numeric_driver_that_stands_still_is_an_average_over_its_values() -> None:
    """The forecast is the mean of the forecasts with the value imposed, here by adaptive quadrature over the latent."""
    raw = copy.deepcopy(STEADY)
    del raw["drivers"]["temper"]["events"]
    program = accurate(compiled(raw), "temper", PERT)

    def imposed(z: float) -> Any:
        value = float(PERT.ppf(stats.norm.cdf(z)))
        found = forecast(program.intervene("temper", value, range(4)))
        return np.concatenate([found.scenarios.ravel(), found.ever, found.shares["act"].ravel()]) * stats.norm.pdf(z)

    places = [float(stats.norm.ppf(PERT.cdf(place))) for place in (0.5, 0.75, 0.8)]
    wanted = sum(
        integrate.fixed_quad(lambda zs: np.array([imposed(z) for z in zs]).T, low, high, n=24)[0]
        for low, high in zip([-7, -3, *places, 3], [-3, *places, 3, 7], strict=True)
    )
    found = forecast(program)
    np.testing.assert_allclose(
        np.concatenate([found.scenarios.ravel(), found.ever, found.shares["act"].ravel()]), wanted, atol=1e-9
    )


def test_a_numeric_driver_that_stands_still_against_the_reference() -> None:
    assert_forecast(STEADY, 1e-4, resolution=Resolution(fixed=100, points=(0.0, 1.0)))
    moved = copy.deepcopy(STEADY)
    moved["drivers"]["temper"]["initial"] = 0.62
    assert_forecast(moved, 1e-5)
    assert_forecast(STEADY, 1e-5, do={"temper": 0.71})
    assert_forecast(STEADY, 1e-4, do={("temper", 1): 0.9}, resolution=Resolution(fixed=100, points=(0.0, 1.0)))


def test_a_stated_value_is_kept_to_the_digit() -> None:
    """A comparison with the very value that a node starts from holds or not as written, at every step."""
    raw = copy.deepcopy(STEADY)
    raw["drivers"]["temper"] |= {"initial": 0.62, "events": []}
    program = compiled(raw)
    events = [Timed("always", range(4), Compared("temper", sign, 0.62)) for sign in (">=", "<=")]
    events += [Timed("ever", range(4), Compared("temper", sign, 0.62)) for sign in (">", "<")]
    assert probabilities(program, events) == [1.0, 1.0, 0.0, 0.0]


def test_points_from_drivers_move_a_value_that_stands_still() -> None:
    raw = copy.deepcopy(STEADY)
    raw["drivers"]["mood"] = {"states": {"up": {}, "down": {}}, "persistence": 0.5}
    raw["drivers"]["temper"] |= {"influences": {"mood": {"up": 1}}, "events": []}
    assert_forecast(raw, 1.5e-4, resolution=Resolution(fixed=100, points=(0.0, 1.0)))


def test_a_numeric_consequence_that_nothing_reads() -> None:
    raw = copy.deepcopy(without_feedback())
    raw["consequences"]["price"] = {
        "kind": "numeric",
        "range": [0, 10],
        "distribution": {"triangular": [1, 3, 9]},
        "influences": {"scenario": {"good": 2, "ugly": -2}},
    }
    program = accurate(compiled(raw), "price", stats.triang(0.25, 1, 8))
    found = forecast(program)
    triangle = stats.triang(0.25, 1, 8)
    means = [integrated(lambda z, s=s: triangle.ppf(stats.norm.cdf(z + s)), []) for s in (0.0, 0.5, -0.5)]
    assert program.outcome.states == ("bad", "good", "ugly")
    np.testing.assert_allclose(found.values["price"].mean, found.scenarios @ means, atol=1e-8)
    latent = stats.norm.ppf(triangle.cdf(found.values["price"].quantile(0.9)))
    reached = stats.norm.cdf(latent[:, None] - [0.0, 0.5, -0.5])
    np.testing.assert_allclose((found.scenarios * reached).sum(axis=1), 0.9, atol=1e-9)


def test_a_moving_numeric_driver_is_refused_by_name() -> None:
    raw = copy.deepcopy(STEADY)
    raw["drivers"]["temper"]["persistence"] = 0.8
    program = compiled(raw)
    for ask in (forecast, predict_cost):
        with pytest.raises(NotExact, match=r"the numeric node temper moves from step to step \(persistence 0\.8\)"):
            ask(program)
    # What it has no bearing on, or what asks for one of its steps only, is answered all the same.
    raw["drivers"]["aside"] = {"states": {"a": 0.3, "b": 0.7}}
    program = accurate(compiled(raw), "temper", PERT)
    asked = [at(2, is_in(program, "aside", "a")), at(0, Compared("temper", ">", 0.7))]
    assert [probabilities(program, [event])[0] for event in asked] == pytest.approx([0.3, PERT.sf(0.7)], abs=1e-10)
    moved = at(2, Compared("temper", ">", 0.7))
    wanted = stats.norm.sf(stats.norm.ppf(PERT.cdf(0.7)) - 0.4)
    assert probabilities(program, [moved]) == pytest.approx([wanted], abs=1e-10)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"influences": {"other": {"0.0": -1, "1.0": 1}}}, "temper depends on another one that is uncertain"),
        ({"initial": 0.6, "influences": {"mood": {"up": 1}}}, "temper starts from a value while points of uncertain"),
        ({"lagged_influences": {"mood": {"up": 1}}}, "temper is read one step later than it reads others"),
    ],
)
def test_what_no_finite_sum_follows_is_refused_in_words(parts: Json, words: str) -> None:
    raw = copy.deepcopy(STEADY)
    raw["drivers"]["other"] = {"kind": "numeric", "range": [0, 1]}
    raw["drivers"]["mood"] = {"states": {"up": {}, "down": {}}, "persistence": 0.5}
    raw["drivers"]["temper"] |= parts
    with pytest.raises(NotExact, match=words):
        forecast(compiled(raw))


def test_smooth_scale_and_its_inverse() -> None:
    values = np.tanh(np.linspace(-8.5, 8.5, 8193) / 3)
    scale = SmoothScale(LatentScale(-1.0, 1.0, values))
    z = np.linspace(-5, 5, 777)
    np.testing.assert_allclose(scale(z), np.tanh(z / 3), atol=1e-13)
    np.testing.assert_allclose(scale.latent(np.tanh(z / 3)), z, atol=1e-11)


def test_quadrature_over_the_normal() -> None:
    at_points, weights = quadrature([0.3, -1.7, 0.3])
    assert weights @ at_points**4 == pytest.approx(3.0, abs=1e-11)
    assert weights @ (at_points > 0.3) == pytest.approx(stats.norm.sf(0.3), abs=1e-14)
    assert abs(quadrature([])[1] @ (quadrature([])[0] > 0.3) - stats.norm.sf(0.3)) > 1e-4


# What it takes -------------------------------------------------------------------------------------------------------


def ten_drivers() -> Json:
    """Ten drivers of three states that read one another one step late, and an outcome that reads them all."""
    dice = random.Random(3)
    late = {0: [1], 1: [2], 2: [0, 3], 4: [3], 5: [4, 6], 6: [5], 7: [8], 8: [9, 6], 9: [0]}
    states, scenarios = ["a", "b", "c"], ["w", "x", "y", "z"]
    drivers = {
        f"d{number}": {
            "states": {state: dice.uniform(0.1, 1) for state in states},
            "persistence": 0.8,
            "lagged_influences": {
                f"d{parent}": {state: {to: dice.gauss(0, 1) for to in states} for state in states}
                for parent in late.get(number, [])
            },
            "impacts": {state: {to: dice.uniform(-1, 1) for to in scenarios} for state in states},
        }
        for number in range(10)
    }
    return model(24, scenarios={name: {} for name in scenarios}, drivers=drivers, outcome={"persistence": 0.5})


def test_ten_drivers_over_24_steps_take_about_a_second() -> None:
    """No more than one variable of the step before is ever held back: 3^11 x 4 entries; and the work is predicted."""
    predicted = predict_cost(compiled(ten_drivers()))
    assert predicted.entries == 3**11 * 4
    assert predicted.seconds < 2
    assert predicted.memory < 50e6


def test_ten_drivers_first_visits_two_ways() -> None:
    """The pass that forgets the scenario against the one that follows an event."""
    program = compiled(ten_drivers() | {"time": {"start": "2000", "end": "2004", "step": "year"}})
    found = forecast(program)
    visits = [Timed("ever", range(4), InStates("scenario", frozenset([number]))) for number in range(4)]
    assert found.ever == pytest.approx(probabilities(program, visits), abs=1e-12)
    assert found.scenarios.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-12)
    assert found.transitions.sum(axis=1) == pytest.approx(found.scenarios[:-1].sum(axis=0), abs=1e-12)


def test_what_is_too_large_is_refused_with_both_figures() -> None:
    program = compiled(ten_drivers())
    with pytest.raises(TooLarge) as small:
        forecast(program, bound=Bound(entries=100_000))
    assert small.value.cost.entries > 100_000
    assert "memory" in str(small.value)
    assert "the bound is 100,000" in str(small.value)
    with pytest.raises(TooLarge, match=r"[\d.]+ seconds \(where the bound is 0\.002 seconds\)") as slow:
        forecast(program, bound=Bound(operations=1_000_000))
    assert slow.value.cost.operations > 1_000_000


def test_within_a_tight_bound_questions_are_taken_apart() -> None:
    program = compiled(EVERYTHING)
    events = events_of(program)
    whole = predict_cost(program, events)
    tight = Bound(entries=whole.entries // 3)
    assert predict_cost(program, events, bound=tight).entries <= tight.entries
    assert probabilities(program, events, bound=tight) == pytest.approx(probabilities(program, events), abs=1e-14)
    forecast_whole, forecast_tight = forecast(program), forecast(program, bound=tight)
    np.testing.assert_allclose(forecast_tight.first_visit, forecast_whole.first_visit, atol=1e-14)
    np.testing.assert_allclose(forecast_tight.transitions, forecast_whole.transitions, atol=1e-14)


@pytest.mark.slow
def test_within_a_tight_bound_a_quadrature_is_taken_apart() -> None:
    program = compiled(STEADY)
    event: list[Formula] = [
        Timed("ever", range(4), All((Compared("temper", ">", 0.7), is_in(program, "scenario", "x"))))
    ]
    event.append(All(()))
    tight = Bound(entries=predict_cost(program, event).entries // 10)
    assert predict_cost(program, event, bound=tight).entries <= tight.entries
    assert probabilities(program, event, bound=tight) == pytest.approx(probabilities(program, event), abs=1e-14)
    whole, parts = forecast(program), forecast(program, bound=tight)
    np.testing.assert_allclose(parts.scenarios, whole.scenarios, atol=1e-14)
    np.testing.assert_allclose(parts.values["temper"].mean, whole.values["temper"].mean, atol=1e-14)
    np.testing.assert_allclose(parts.values["temper"].quantile(0.3), whole.values["temper"].quantile(0.3), atol=1e-12)


def test_the_bundled_model_is_beyond_the_bound(bundled: Study) -> None:

    program = bundled.program
    with pytest.raises(NotExact, match="unpredictability"):
        forecast(program)
    still = program.intervene("unpredictability", 0.6, range(program.steps))
    with pytest.raises(TooLarge) as refused:
        forecast(still)
    assert refused.value.cost.entries > DEFAULT_BOUND.entries
    assert not DEFAULT_BOUND.admits(predict_cost(still))


PRINTED = """
import yaml, sys
from usru_scenarios.exact.inference import forecast
from usru_scenarios.model.schema import Model
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.compilation import compile_model
found = forecast(compile_model(Model.model_validate(yaml.safe_load(sys.stdin))))
print(found.scenarios.tobytes().hex(), found.first_visit.tobytes().hex())
"""


@pytest.mark.more
def test_the_same_bytes_whatever_the_order_of_hashes() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PRINTED],
            input=yaml.safe_dump(EVERYTHING),
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "77", "2", "3")[: tries(2, 4)]
    }
    assert len(outputs) == 1


def test_an_outcome_of_very_many_drivers_is_too_large_and_takes_no_memory(tmp_path: Path) -> None:
    """Its table could not even be listed: 3^64 rows, and 3^32 in each half."""
    states = {"low": 1, "mid": 1, "high": 1}
    drivers = {f"d{n:02}": {"states": {**states}, "impacts": {"high": {"a": 1}}} for n in range(64)}
    raw = {"usru": 1, "name": "many", "title": "Many", "scenarios": {"a": {}, "b": {}}, "drivers": drivers}
    path = tmp_path / "many.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    study = load(path)
    assert study.simulate().run.method == "sample"
    with pytest.raises(TooLarge):
        study.simulate(method="exact")
