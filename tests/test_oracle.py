"""The reference engine against answers worked by hand, closed forms and published networks.

Numbers that are not from a case file are worked out in the test itself, in plain arithmetic. Some tests have a
sabotaged twin: the same model with one thing wrong, which must give other numbers, so that the comparison can fail.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from datetime import date
from functools import partial
from statistics import NormalDist
from typing import Any

import pytest

from support.effort import slow_but
from support.oracle import Json, Resolution, View, marginals, posterior, remembered, trials
from support.published import WEATHER, kidney_stones, network, oz_driver, oz_scenarios, published, umbrella
from support.reference_models import case, model, two_states

NORMAL = NormalDist()


def years(count: int) -> Json:
    return {"start": 2000, "end": 2000 + count, "step": "year"}


def close(value: float, tolerance: float = 1e-12) -> Any:
    return pytest.approx(value, abs=tolerance, rel=0)


def all_close(values: list[float], tolerance: float = 1e-12) -> Any:
    return pytest.approx(values, abs=tolerance, rel=0)


def driver(raw: Json, state: str, name: str = "d", **how: Any) -> list[float]:
    return marginals(raw, **how)["drivers"][name][state]


def outcome(raw: Json, scenario: str = "x", **how: Any) -> list[float]:
    return marginals(raw, **how)["scenarios"][scenario]["by_step"]


# --- Section 3: persistence and redraws ------------------------------------------------------------------------------


def test_two_state_chain_relaxes_geometrically() -> None:
    closed_form = [0.2 + 0.8 * 0.6**t for t in range(7)]
    assert driver(two_states(7), "a") == all_close(closed_form)
    assert driver(two_states(7, states={"a": 0.8, "b": 0.2}), "a") != all_close(closed_form, 0.1)


@pytest.mark.parametrize(("step", "months"), [("quarter", 3), ("year", 12)])
def test_duration_is_the_continuous_time_chain(step: str, months: int) -> None:
    """Rates .3 and .1 are redraws at rate .4, one in 2.5 years, that give `a` with a quarter."""
    closed_form = {float(t): p for t, p in case("ctmc_two_state")["P_a_at_t_from_a"].items()}
    for duration in ("2.5 years", "30 months", ["10 quarters", "G01"]):
        raw = two_states(1, states={"a": 0.1, "b": 0.3}, persistence=duration)
        raw["time"] = {"start": 2000, "end": 2011, "step": step}
        at_step = driver(raw, "a")
        for t, p in closed_form.items():
            if t * 12 % months == 0:
                assert at_step[int(t * 12) // months] == close(p, 1e-9)


def test_without_persistence_a_driver_is_drawn_once() -> None:
    raw = model(4, drivers={"d": {"states": {"a": 0.2, "b": 0.8}}})
    assert driver(raw, "a") == all_close([0.2] * 4)
    assert posterior(raw, lambda path: len({world["d"] for world in path}) == 1) == close(1)


def test_persistence_per_state_with_default() -> None:
    """From a: kept .9; b and c fall under the default .5, and every redraw gives c."""
    raw = model(
        3,
        drivers={
            "d": {
                "states": {"a": 0, "b": 0, "c": 1},
                "initial": {"a": 0.5, "b": 0.5},
                "persistence": {"a": 0.9, "default": 0.5},
            }
        },
    )
    assert driver(raw, "a") == all_close([0.5, 0.45, 0.405])
    assert driver(raw, "b") == all_close([0.5, 0.25, 0.125])
    del raw["drivers"]["d"]["persistence"]["default"]
    with pytest.raises(ValueError, match="no persistence"):
        marginals(raw)


def test_allowed_restricts_the_redraw_but_not_the_keeping() -> None:
    raw = two_states(2, states={"a": 0.5, "b": 0.3, "c": 0.2}, persistence=0.4, allowed={"a": ["b", "c"]})
    result = marginals(raw)["drivers"]["d"]
    assert [result[s][1] for s in "abc"] == all_close([0.4, 0.6 * 0.6, 0.6 * 0.4])


@pytest.mark.parametrize("targets", [["b"], []])
def test_with_nothing_left_the_state_is_kept(targets: list[str]) -> None:
    raw = two_states(3, states={"a": 0.5, "b": 0, "c": 0.5}, persistence=0, allowed={"a": targets})
    assert driver(raw, "a") == all_close([1, 1, 1])


def test_a_zero_prior_is_never_drawn_whatever_the_points() -> None:
    raw = two_states(2, states={"a": 0, "b": 0.5, "c": 0.5}, persistence=0, events=[{"at": "start", "until": "end"}])
    raw["drivers"]["d"]["events"][0]["points"] = {"a": 30, "b": 1}
    assert [driver(raw, s)[1] for s in "abc"] == all_close([0, 2 / 3, 1 / 3])


@pytest.mark.parametrize(
    ("persistence", "points", "expected"),
    [(0.5, 1, 2 / 3), (0.5, -1, 1 / 3), (0.2, 2, 0.5), (1, -40, 1), (0, 40, 0), (0.5, 0.5, 2**0.5 / (1 + 2**0.5))],
)
def test_points_for_hold_act_on_its_odds(persistence: float, points: float, expected: float) -> None:
    """Every redraw gives b, so that what is left in a was kept."""
    events = [{"at": 2001, "points": {"hold": points}}]
    raw = two_states(2, states={"a": 0, "b": 1}, persistence=persistence, events=events)
    assert driver(raw, "a")[1] == close(expected)


def test_hold_points_from_every_source_add_up() -> None:
    """1 from a lagged influence, 2 from a same-step one, -1 from an event, 1 from a rule of lag 1: odds 1 to 8."""
    raw = model(
        2,
        drivers={
            "p": {"states": {"on": {}}},
            "d": {
                "states": {"a": 0, "b": 1},
                "initial": {"a": 1},
                "persistence": 0.5,
                "influences": {"p": {"on": {"hold": [2, "G01"]}}},
                "lagged_influences": {"d": {"a": {"hold": 1}}},
                "events": {"shock": {"at": 2000, "until": 2001, "points": {"hold": -1}}},
            },
        },
        rules={"r": {"when": {"d": "a"}, "lag": 1, "then": {"d": {"hold": 1}}, "weight": 7}},
    )
    assert driver(raw, "a") == all_close([1, 8 / 9])


# --- Section 3: priors, rows and the order of precedence -------------------------------------------------------------


def test_priors_are_relative_and_equal_where_none_is_given() -> None:
    assert driver(model(drivers={"d": {"states": {"a": 3, "b": {"prior": [1, "G01"]}}}}), "a") == all_close([0.75])
    assert driver(model(drivers={"d": {"states": {"a": {}, "b": {"title": "B"}}}}), "a") == all_close([0.5])
    with pytest.raises(ValueError, match="some have none"):
        marginals(model(drivers={"d": {"states": {"a": 0.5, "b": {}}}}))


def test_the_first_row_that_holds_gives_the_prior() -> None:
    rows: list[Json] = [
        {"when": {"p": ["u", "v"], "q": "on"}, "prior": {"a": 0.9, "b": 0.1}},
        {"when": {"p": "u"}, "prior": {"b": 1}},
    ]
    raw = model(
        drivers={
            "p": {"states": {"u": 0.5, "v": 0.3, "w": 0.2}},
            "q": {"states": {"on": 0.4, "off": 0.6}},
            "d": {"states": {"a": 0.6, "b": 0.4}, "prior_given": rows},
        }
    )
    expected = 0.8 * 0.4 * 0.9 + 0.5 * 0.6 * 0 + (0.3 * 0.6 + 0.2) * 0.6
    assert driver(raw, "a") == all_close([expected])
    by_id = copy.deepcopy(raw)
    by_id["drivers"]["d"]["prior_given"] = {"joint": rows[0], "single": rows[1]}
    assert driver(by_id, "a") == all_close([expected])
    turned = copy.deepcopy(raw)
    turned["drivers"]["d"]["prior_given"] = rows[::-1]
    assert driver(turned, "a") == all_close([0.5 * 0 + 0.3 * (0.4 * 0.9 + 0.6 * 0.6) + 0.2 * 0.6])
    uncovered = copy.deepcopy(raw)
    uncovered["drivers"]["d"]["states"] = {"a": {}, "b": {}}
    with pytest.raises(ValueError, match="no own prior"):
        marginals(uncovered)


def test_points_do_not_touch_initial_but_tilt_the_first_draw() -> None:
    tilt = {"influences": {"p": {"on": {"a": 1}}}, "events": [{"at": 2000, "points": {"a": 1}}]}
    states: Json = {"states": {"a": 0.5, "b": 0.5}}
    parent: Json = {"states": {"on": {}}}
    assert driver(model(2, drivers={"p": parent, "d": states | tilt}), "a") == all_close([0.8, 0.8])
    fixed = states | tilt | {"initial": {"a": 3, "b": 7}}
    assert driver(model(2, drivers={"p": parent, "d": fixed}), "a") == all_close([0.3, 0.3])


def test_lagged_influences_and_lagged_rules_wait_for_the_second_step() -> None:
    raw = model(
        3,
        drivers={
            "p": {"states": {"on": {}}},
            "d": {"states": {"a": {}, "b": {}}, "persistence": 0, "lagged_influences": {"p": {"on": {"a": 1}}}},
        },
        rules={"r": {"when": {"p": "on"}, "lag": 1, "then": {"d": {"a": 1}}}},
    )
    assert driver(raw, "a") == all_close([0.5, 0.8, 0.8])
    raw["rules"]["r"]["lag"] = 0
    assert driver(raw, "a") == all_close([2 / 3, 0.8, 0.8])


def test_lagged_influences_and_lagged_rules_read_the_previous_step() -> None:
    """p is on at the first step alone, so that it speaks at the second alone: 1 point each way, odds 4 to 1."""
    parent: Json = {"states": {"on": 0, "off": 1}, "initial": {"on": 1}, "persistence": 0}
    block: Json = {"states": {"a": {}, "b": {}}, "persistence": 0, "lagged_influences": {"p": {"on": {"a": 1}}}}
    rule: Json = {"when": {"p": "on"}, "lag": 1, "then": {"d": {"a": 1}}}
    raw = model(4, drivers={"p": parent, "d": block}, rules={"r": rule})
    assert driver(raw, "a") == all_close([0.5, 0.8, 0.5, 0.5])


def test_a_forced_redraw_ignores_persistence_and_allowed_but_feels_points() -> None:
    """Kept for ever in a, from where nothing else is allowed; yet at step 2 drawn from b and c, b with a point more."""
    events: list[Json] = [
        {"at": 2002, "until": 2003, "prior": {"b": 1, "c": 1}},
        {"at": 2001, "until": 2003, "points": {"b": 1}},
    ]
    raw = two_states(5, states={"a": 0.6, "b": 0.2, "c": 0.2}, persistence=1, allowed={"a": ["a"]}, events=events)
    assert driver(raw, "a") == all_close([1, 1, 0, 0, 0])
    assert driver(raw, "b") == all_close([0, 0, 2 / 3, 2 / 3, 2 / 3])
    assert driver(raw, "c") == all_close([0, 0, 1 / 3, 1 / 3, 1 / 3])
    # The prior acts at `at` alone, whatever `until` says: what was drawn then is kept.
    assert posterior(raw, lambda path: path[2]["d"] == path[3]["d"]) == close(1)


def test_an_intervention_goes_before_a_forced_redraw_and_the_node_goes_on_from_it() -> None:
    raw = two_states(4, persistence=0.6, events=[{"at": 2001, "prior": {"b": 1}}])
    assert driver(raw, "a") == all_close([1, 0, 0.4 * 0.2, 0.6 * 0.08 + 0.08])
    assert driver(raw, "a", do={("d", 1): "a"}) == all_close([1, 1, 0.68, 0.6 * 0.68 + 0.08])
    assert driver(raw, "a", do={("d", 0): "b", ("d", 2): "a"}) == all_close([0, 0, 1, 0.68])
    assert driver(raw, "a", do={"d": "a"}) == all_close([1] * 4)
    with pytest.raises(ValueError, match="overlaps"):
        marginals(raw, do={"d": "a", ("d", 1): "b"})


def test_a_forced_redraw_at_the_first_step_replaces_rows_and_priors() -> None:
    block: Json = {
        "states": {"a": 0.9, "b": 0.1},
        "prior_given": [{"when": {"p": "on"}, "prior": {"b": 1}}],
        "influences": {"p": {"on": {"a": 2}}},
        "events": [{"at": "start", "prior": {"a": 1, "b": 1}}],
    }
    raw = model(2, drivers={"p": {"states": {"on": {}}}, "d": block})
    assert driver(raw, "a") == all_close([0.8, 0.8])
    block["initial"] = {"a": 1}
    with pytest.raises(ValueError, match="hidden by `initial`"):
        marginals(model(2, drivers={"p": {"states": {"on": {}}}, "d": block}))
    del block["initial"]
    block["events"] *= 2
    with pytest.raises(ValueError, match="two forced redraws"):
        marginals(model(2, drivers={"p": {"states": {"on": {}}}, "d": block}))


def test_everything_at_once_in_one_draw() -> None:
    """Second step of d, drawn by hand for both states of its parent p and its own past a."""
    raw = model(
        2,
        odds_per_point={"impacts": 5, "influences": 3},
        drivers={
            "p": {"states": {"u": 0.7, "v": 0.3}},
            "d": {
                "states": {"a": 0.5, "b": 0.3, "c": 0.2},
                "initial": {"a": 1},
                "persistence": 0.25,
                "allowed": {"a": ["b", "c"]},
                "influences": {"p": {"u": {"b": 1, "a": 3}}},
                "lagged_influences": {"scenario": {"x": {"b": 1}, "y": {"b": 1}}, "d": {"a": {"hold": 1}}},
                "events": [{"at": 2001, "until": 2001, "points": {"c": [1, "G01"]}}],
            },
        },
        rules={"r": {"when": {"p": "v", "d": "a"}, "lag": 1, "then": {"d": {"b": -2, "c": 1}}, "weight": 4}},
    )
    h = (1 / 3 * 3) / (1 + 1 / 3 * 3)
    under_u = {"b": 0.3 * 3**2, "c": 0.2 * 3}
    under_v = {"b": 0.3 * 3 ** (1 - 2), "c": 0.2 * 3**2}
    b = (1 - h) * (0.7 * under_u["b"] / sum(under_u.values()) + 0.3 * under_v["b"] / sum(under_v.values()))
    assert [driver(raw, s)[1] for s in "abc"] == all_close([h, b, 1 - h - b])


@pytest.mark.parametrize("odds", case("crossimpact_odds_and_frechet")["odds_updates"])
def test_points_multiply_odds(odds: dict[str, float]) -> None:
    for k in (1.5, 2.0):
        points = math.log(odds["odds_ratio"]) / math.log(k)
        block = {"states": {"a": odds["p"], "b": 1 - odds["p"]}, "influences": {"p": {"on": {"a": points}}}}
        raw = model(drivers={"p": {"states": {"on": {}}}, "d": block}, odds_per_point=k)
        assert driver(raw, "a") == all_close([odds["p_new"]])


def test_same_step_influences_must_be_acyclic() -> None:
    a: Json = {"states": {"on": {}, "off": {}}, "influences": {"b": {"on": {"on": 1}}}}
    b: Json = {"states": {"on": {}, "off": {}}, "influences": {"a": {"on": {"on": 1}}}}
    with pytest.raises(ValueError, match="circle"):
        marginals(model(drivers={"a": a, "b": b}))


# --- Section 2: dates ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "until", "steps"),
    [
        ("2025-Q2", None, {1}),
        ("2025-05", None, {1}),
        ("2025-05-31", None, {1}),
        (date(2025, 5, 31), None, {1}),
        (2026, None, {4}),
        ("2026", 2026, {4, 5, 6, 7}),
        ("2025-12", "2026-02", {3, 4}),
        (2025, "end", set(range(8))),
        ("start", None, {0}),
    ],
)
def test_labels_on_a_quarterly_grid(at: Any, until: Any, steps: set[int]) -> None:
    event = {"at": at, "points": {"a": 1}} | ({"until": until} if until else {})
    raw = model(drivers={"d": {"states": {"a": {}, "b": {}}, "persistence": 0, "events": [event]}})
    raw["time"] = {"start": "2025-01", "end": "2027-01", "step": "quarter"}
    assert driver(raw, "a") == all_close([2 / 3 if t in steps else 0.5 for t in range(8)])


@pytest.mark.parametrize("at", ["2024-12", 2027, "2025-Q5", "now"])
def test_labels_off_the_grid_are_refused(at: Any) -> None:
    raw = model(drivers={"d": {"states": {"a": {}, "b": {}}, "events": [{"at": at, "points": {"a": 1}}]}})
    raw["time"] = {"start": "2025-01", "end": "2027-01", "step": "quarter"}
    with pytest.raises(ValueError, match=r"off the grid|not a date"):
        marginals(raw)


def test_without_time_there_is_one_step_called_now_and_no_dates() -> None:
    raw = model(drivers={"d": {"states": {"a": {}, "b": {}}, "events": [{"at": "now", "points": {"a": 1}}]}})
    assert driver(raw, "a") == all_close([2 / 3])
    raw["drivers"]["d"]["events"][0]["at"] = "2025-01"
    with pytest.raises(ValueError, match="without `time`"):
        marginals(raw)


# --- Section 4: the outcome ------------------------------------------------------------------------------------------


def weighted(weight: Any, sign: int = 1) -> Json:
    impacts = {"on": {"x": [2 * sign, "G02"], "z": {"value": -1 * sign, "sources": ["G03"]}, "sources": ["G04"]}}
    return model(
        scenarios={"x": {"baseline": 0.5}, "y": {"baseline": [0.3, "G01"]}, "z": {"baseline": 0.2}},
        odds_per_point={"impacts": 2, "influences": 9},
        drivers={"d": {"states": {"on": {}}, "weight": weight, "impacts": impacts}},
    )


@pytest.mark.parametrize("weight", [0, 1, 1.5, [2, "G01"]])
def test_the_outcome_is_a_weighted_softmax(weight: Any) -> None:
    w = weight[0] if isinstance(weight, list) else weight
    x, y, z = 0.5 * 2 ** (2 * w), 0.3, 0.2 * 2 ** (-w)
    by_hand = [x / (x + y + z), y / (x + y + z), z / (x + y + z)]
    assert [outcome(weighted(weight), s)[0] for s in "xyz"] == all_close(by_hand)
    if w:
        assert [outcome(weighted(weight, sign=-1), s)[0] for s in "xyz"] != all_close(by_hand, 0.01)


def test_a_weight_schedule_is_linear_in_months_and_read_at_step_starts() -> None:
    schedule = {"2000-01": 0, 2001: 2}
    raw = model(drivers={"d": {"states": {"on": {}}, "weight": schedule, "impacts": {"on": {"x": 1}}}})
    raw |= {"odds_per_point": 3, "time": {"start": "1999-10", "end": "2001-10", "step": "quarter"}}
    assert outcome(raw) == all_close([3**w / (1 + 3**w) for w in (0, 0, 0.5, 1, 1.5, 2, 2, 2)])


def test_a_weight_leaves_influences_on_other_drivers() -> None:
    parent = {"states": {"on": {}}, "weight": 0, "impacts": {"on": {"x": 3}}}
    raw = model(drivers={"p": parent, "d": {"states": {"a": {}, "b": {}}, "influences": {"p": {"on": {"a": 1}}}}})
    assert outcome(raw) == all_close([0.5])
    assert driver(raw, "a") == all_close([2 / 3])


def test_hold_points_in_impacts_and_in_rules_on_the_outcome_are_weighted() -> None:
    """Odds of 1 of staying in x, times 2^(2 * 1) by a weighted impact, times 2^(3 * -1) by a weighted rule."""
    raw = model(
        2,
        scenarios={"x": {"baseline": 0}, "y": {"baseline": 1}},
        outcome={"persistence": 0.5, "initial": {"x": 1}},
        drivers={"d": {"states": {"on": {}}, "weight": 2, "impacts": {"on": {"hold": 1}}}},
        rules={"r": {"when": {"d": "on"}, "then": {"scenario": {"hold": -1}}, "weight": 3}},
    )
    assert outcome(raw) == all_close([1, 1 / 3])
    raw["rules"] = {}
    assert outcome(raw) == all_close([1, 4 / 5])


def test_without_persistence_the_outcome_follows_the_drivers_afresh() -> None:
    raw = model(3, drivers={"d": {"states": {"on": {}}}})
    result = marginals(raw)
    assert result["scenarios"]["x"]["ever"] == close(1 - 0.5**3)
    assert result["scenarios"]["x"]["first_visit"] == all_close([0.5, 0.25, 0.125])


def test_land_of_oz_powers() -> None:
    known = published("markov_land_of_oz")
    for row, start in enumerate(WEATHER):
        result = marginals(oz_driver(7, {start: 1}))["drivers"]["d"]
        for power, matrix in {"1": known["p"], **known["powers"]}.items():
            assert [result[s][int(power)] for s in WEATHER] == all_close(matrix[row], 5e-9)
    still = marginals(oz_driver(4, dict(zip(WEATHER, known["stationary"], strict=True))))
    for state, share in zip(WEATHER, known["stationary"], strict=True):
        assert still["drivers"]["d"][state] == all_close([share] * 4)
    sabotaged = oz_driver(7, {"rain": 1})
    del sabotaged["drivers"]["d"]["allowed"]
    assert driver(sabotaged, "rain")[2] != close(known["powers"]["2"][0][0], 0.01)


def test_land_of_oz_first_visits_and_transitions() -> None:
    """From rain to snow, by hand: .25, then .5 * .25 + .25 * .5, then (.375, .125) without snow so far."""
    known = published("markov_land_of_oz")
    result = marginals(oz_scenarios(4, {"rain": 1}))
    first = [0, 0.25, 0.25, 0.375 * 0.25 + 0.125 * 0.5]
    assert result["scenarios"]["snow"]["first_visit"] == all_close(first)
    assert result["scenarios"]["snow"]["ever"] == close(sum(first))
    for a, row in zip(WEATHER, known["p"], strict=True):
        pooled = result["transitions"][a]
        assert pooled is not None
        assert [pooled[b] for b in WEATHER] == all_close(row)
    from_nice = marginals(oz_scenarios(4, {"nice": 1}))
    assert from_nice["groups"]["wet"]["first_visit"] == all_close([0, 1, 0, 0])
    assert from_nice["groups"]["dry"] == from_nice["scenarios"]["nice"]
    nice = from_nice["scenarios"]["nice"]["by_step"]
    assert from_nice["groups"]["wet"]["by_step"] == all_close([1 - p for p in nice])


def test_land_of_oz_expected_first_passage() -> None:
    known = published("markov_land_of_oz")["expected_first_passage"]
    states = WEATHER
    for row, start in enumerate(states):
        result = marginals(oz_scenarios(80, {start: 1}))
        for column, goal in enumerate(states):
            first = result["scenarios"][goal]["first_visit"]
            assert sum(t * p for t, p in enumerate(first)) == close(known[row][column], 1e-6)


def test_pooled_transitions_weigh_steps_by_occupancy() -> None:
    """x starts with 1, then .5; it stays with 1/2 into step 1 and, one point down, with 1/3 into step 2."""
    raw = model(
        3,
        scenarios={"x": {}, "y": {}, "z": {"baseline": 0}},
        outcome={"initial": {"x": 1}, "events": [{"at": 2002, "points": {"x": -1}}]},
    )
    raw["scenarios"] = {"x": {"baseline": 1}, "y": {"baseline": 1}, "z": {"baseline": 0}}
    result = marginals(raw)
    x, y = result["transitions"]["x"], result["transitions"]["y"]
    assert x is not None
    assert y is not None
    assert x["x"] == close((1 * 0.5 + 0.5 / 3) / 1.5)
    assert y["x"] == close(1 / 3)
    assert result["transitions"]["z"] is None
    assert result["scenarios"]["x"]["end"] == close(1 / 3)
    assert result["scenarios"]["x"]["mean"] == close((1 + 0.5 + 1 / 3) / 3)
    assert set(marginals(model())["transitions"].values()) == {None}


# --- Section 6: rules ------------------------------------------------------------------------------------------------


def coins(**rule: Any) -> Json:
    coin: Json = {"states": {"on": {}, "off": {}}}
    drivers = {name: copy.deepcopy(coin) for name in ("p", "q", "r", "d")}
    return model(2, drivers=drivers, rules={"joint": {"when": {"p": "on", "q": "on", "r": ["on"]}} | rule})


def test_a_rule_counts_conditions_and_its_weight_is_for_the_scenarios_only() -> None:
    then = {"scenario": {"x": [1, "G01"]}, "d": {"on": 1}}
    two_of_three = coins(at_least=2, weight=2, then=then)
    assert outcome(two_of_three) == all_close([0.5 * 0.8 + 0.25] * 2)
    assert driver(two_of_three, "on") == all_close([0.5 * 2 / 3 + 0.25] * 2)
    all_three = coins(weight=2, then=then)
    assert outcome(all_three) == all_close([0.125 * 0.8 + 0.875 * 0.5] * 2)
    later = coins(at_least=2, weight={2000: 0, 2001: 2}, lag=1, then=then)
    assert outcome(later) == all_close([0.5, 0.5 * 0.8 + 0.25])
    assert driver(later, "on") == all_close([0.5, 0.5])  # drawn once, before the rule could act


# --- Section 7: consequences -----------------------------------------------------------------------------------------


def test_consequences_follow_the_outcome_and_feed_back_a_step_later() -> None:
    """x is 2/3 likely where d is on; c copies x with 9 to 1; d is drawn afresh, one point up after c was on."""
    raw = model(
        2,
        drivers={
            "d": {
                "states": {"on": {}, "off": {}},
                "persistence": 0,
                "lagged_influences": {"c": {"on": {"on": 1}}},
                "impacts": {"on": {"x": 1}},
            }
        },
        consequences={
            "c": {
                "states": {"on": 0.1, "off": 0.9},
                "prior_given": [{"when": {"scenario": "x"}, "prior": {"on": 0.9, "off": 0.1}}],
            },
            "copy": {"states": {"on": 0, "off": 1}, "prior_given": [{"when": {"c": "on"}, "prior": {"on": 1}}]},
        },
    )

    def step(on: float) -> tuple[float, float]:
        x = on * 2 / 3 + (1 - on) / 2
        return x, 0.9 * x + 0.1 * (1 - x)

    x0, c0 = step(0.5)
    d1 = c0 * 2 / 3 + (1 - c0) / 2
    x1, c1 = step(d1)
    result = marginals(raw)
    assert result["scenarios"]["x"]["by_step"] == all_close([x0, x1])
    assert result["consequences"]["c"]["on"] == all_close([c0, c1])
    assert result["consequences"]["copy"]["on"] == all_close([c0, c1])
    assert result["drivers"]["d"]["on"] == all_close([0.5, d1])


# --- Section 9: seeing, doing and paths ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bn_asia", "bn_cancer"])
def test_published_networks(name: str) -> None:
    known = published(name)
    raw = network(known)
    result = marginals(raw)["drivers"]
    for node, expected in known["expected_prior_marginals"].items():
        assert {state: p[0] for state, p in result[node].items()} == pytest.approx(expected, abs=1e-9)
    for query in known["expected_queries"]:
        given = [(node, 0, state) for node, state in query.get("see", {}).items()]
        after = marginals(raw, do=query.get("do"), given=given)["drivers"][query["target"]]
        assert {state: p[0] for state, p in after.items()} == pytest.approx(query["expected"], abs=1e-9)


def test_a_published_network_with_one_row_turned_gives_other_numbers() -> None:
    known = published("bn_asia")
    raw = network(known)
    row = raw["drivers"]["bronc"]["prior_given"][0]["prior"]
    row["yes"], row["no"] = row["no"], row["yes"]
    result = marginals(raw)["drivers"]
    assert result["bronc"]["yes"] != all_close([known["expected_prior_marginals"]["bronc"]["yes"]], 1e-3)
    assert result["dysp"]["yes"] != all_close([known["expected_prior_marginals"]["dysp"]["yes"]], 1e-3)
    assert result["smoke"]["yes"] == all_close([known["expected_prior_marginals"]["smoke"]["yes"]])


def test_seeing_is_not_doing() -> None:
    known = published("causal_kidney_stones")
    raw = kidney_stones()
    for treatment in "ab":
        seen = driver(raw, "healed", "result", given=[("treatment", 0, treatment)])
        done = driver(raw, "healed", "result", do={"treatment": treatment})
        assert seen == all_close([known["see"][treatment]])
        assert done == all_close([known["do"][treatment]])
        assert seen != all_close(done, 0.01)
    # Doing tells nothing about the cause; seeing does.
    assert driver(raw, "small", "size", do={"treatment": "a"}) == all_close([357 / 700])
    assert driver(raw, "small", "size", given=[("treatment", 0, "a")]) == all_close([87 / 350])


def test_filtering_and_smoothing_the_umbrella_world() -> None:
    raw = umbrella(2)
    first = driver(raw, "yes", "rain", given=[("umbrella", 0, "yes")])
    assert first == all_close([0.9 / 1.1, 0.7 * 0.9 / 1.1 + 0.3 * 0.2 / 1.1])
    both = driver(raw, "yes", "rain", given=[("umbrella", 0, "yes"), ("umbrella", 1, "yes")])
    by_hand = 0.9 * 0.69 / (0.9 * 0.69 + 0.2 * 0.41)
    assert both == all_close([by_hand, by_hand])


def three_nodes() -> Json:
    """Everything that is categorical, small enough for paths."""
    return model(
        3,
        scenarios={"x": {"baseline": 0.5}, "y": {"baseline": 0.3}, "z": {"baseline": 0.2}},
        groups={"g": ["x", "z"]},
        outcome={
            "persistence": {"x": 0.5, "default": 0.3},
            "allowed": {"x": ["y"]},
            "lagged_influences": {"e": {"on": {"z": 1, "hold": -1}}},
        },
        drivers={
            "d": {
                "states": {"a": 0.6, "b": 0.4},
                "persistence": 0.7,
                "weight": {2000: 0.5, 2002: 1.5},
                "lagged_influences": {"scenario": {"z": {"b": 2, "hold": -1}}},
                "impacts": {"a": {"x": 1, "hold": 0.5}, "b": {"z": 2}},
            },
            "e": {
                "states": {"on": 0.3, "off": 0.7},
                "persistence": "2 years",
                "influences": {"d": {"b": {"on": 1}}},
                "events": [{"at": 2001, "prior": {"on": 0.8, "off": 0.2}}],
                "impacts": {"on": {"y": -1}},
            },
        },
        rules={"r": {"when": {"d": "b", "scenario": ["y", "z"]}, "lag": 1, "then": {"e": {"on": -1}}}},
    )


Steps = list[View]
History = Callable[[Steps], list[bool]]


def visited(history: History, path: Steps) -> bool:
    return any(history(path))


def there(history: History, t: int, path: Steps) -> bool:
    return history(path)[t]


def first_there(history: History, t: int, path: Steps) -> bool:
    return history(path)[: t + 1] == [False] * t + [True]


def moves(origin: History, goal: History, t: int, path: Steps) -> bool:
    return origin(path)[t] and goal(path)[t + 1]


@pytest.mark.parametrize("do", [None, {("e", 1): "off"}, {"d": "b"}, {("scenario", 1): "x"}])
@pytest.mark.parametrize("given", [[], [("e", 2, "on")], [("scenario", 0, ["x", "y"]), ("d", 1, "b")]])
def test_marginals_agree_with_the_enumeration_of_paths(do: Any, given: list[Any]) -> None:
    raw = three_nodes()
    result = marginals(raw, do=do, given=given)

    def seen(path: Steps) -> bool:
        return all(path[t][name] in wanted for name, t, wanted in given)

    def ask(event: Callable[[Steps], bool]) -> float:
        return posterior(raw, event, seen, do)

    def inside(members: set[str]) -> History:
        return lambda path: [world["scenario"] in members for world in path]

    for members, visits in [({s}, result["scenarios"][s]) for s in "xyz"] + [({"x", "z"}, result["groups"]["g"])]:
        history = inside(members)
        assert visits["ever"] == close(ask(partial(visited, history)))
        for t in range(3):
            assert visits["by_step"][t] == close(ask(partial(there, history, t)))
            assert visits["first_visit"][t] == close(ask(partial(first_there, history, t)))
    for t in range(3):
        assert result["drivers"]["d"]["a"][t] == close(ask(partial(there, lambda p: [w["d"] == "a" for w in p], t)))
    for a in "xyz":
        from_a, to_y = inside({a}), inside({"y"})
        moved = sum(ask(partial(moves, from_a, to_y, t)) for t in range(2))
        occupied = sum(ask(partial(there, from_a, t)) for t in range(2))
        row = result["transitions"][a]
        assert (row is None) == (occupied == 0)
        assert row is None or row["y"] == close(moved / occupied)


def test_what_is_remembered_agrees_with_the_enumeration_of_paths() -> None:
    """P(e on at every step | z visited), by remembering whether each still can be true."""
    raw = three_nodes()
    law = remembered(
        raw, (True, False), lambda m, _t, world: (m[0] and world["e"] == "on", m[1] or world["scenario"] == "z")
    )
    by_paths = posterior(
        raw,
        lambda path: all(world["e"] == "on" for world in path),
        lambda path: any(world["scenario"] == "z" for world in path),
    )
    assert law[True, True] / (law[True, True] + law[False, True]) == close(by_paths)
    assert sum(law.values()) == close(1)


def test_impossible_evidence_is_refused() -> None:
    raw = two_states(2)
    with pytest.raises(ValueError, match="impossible"):
        marginals(raw, given=[("d", 0, "b")])
    with pytest.raises(ValueError, match="impossible"):
        posterior(raw, lambda _path: True, lambda path: path[0]["d"] == "b")


def test_a_model_of_full_size_adds_up() -> None:
    node: Json = {"states": {"a": 0.5, "b": 0.3, "c": 0.2}, "persistence": 0.8, "impacts": {"a": {"x": 1}}}
    drivers = {name: copy.deepcopy(node) for name in "def"}
    drivers["e"]["influences"] = {"d": {"a": {"b": 1}}}
    drivers["f"]["lagged_influences"] = {"scenario": {"x": {"c": 2, "hold": -1}}}
    raw = model(5, scenarios={"x": {}, "y": {}, "z": {}}, outcome={"persistence": 0.5}, drivers=drivers)
    result = marginals(raw)
    for t, law in enumerate(trials(raw)):
        assert sum(p for _, p in law) == close(1)
        assert len(law) == 81
        assert sum(result["scenarios"][s]["by_step"][t] for s in "xyz") == close(1)
        x = sum(p for world, p in law if world["scenario"] == "x")
        assert result["scenarios"]["x"]["by_step"][t] == close(x)
    for row in result["transitions"].values():
        assert row is not None
        assert sum(row.values()) == close(1)


# --- Section 5: numeric drivers --------------------------------------------------------------------------------------


def numeric(steps: int = 1, driver: Json | None = None, **parts: Any) -> Json:
    block = {"kind": "numeric", "range": [0, 1]} | (driver or {})
    return model(steps, drivers={"u": block} | parts.pop("drivers", {}), **parts)


def above(raw: Json, threshold: float, **how: Any) -> list[float]:
    """P(u > threshold) at each step, read off a consequence that copies it."""
    raw = copy.deepcopy(raw)
    rows = [{"when": {"u": f"> {threshold}"}, "prior": {"yes": 1}}]
    raw["consequences"] = {"high": {"states": {"yes": 0, "no": 1}, "prior_given": rows}}
    return marginals(raw, **how)["consequences"]["high"]["yes"]


def test_a_comparison_on_a_uniform_driver() -> None:
    rule = {"when": {"u": "> 0.7"}, "then": {"scenario": {"x": 1}}}
    assert outcome(numeric(rules={"r": rule})) == all_close([0.3 * 2 / 3 + 0.7 / 2])
    rule["when"] = {"u": ["< 0.1", ">= 0.7"]}
    assert outcome(numeric(rules={"r": rule})) == all_close([0.4 * 2 / 3 + 0.6 / 2])


@pytest.mark.parametrize(("wanted", "holds"), [("> 0.7", 0), (">= 0.7", 1), ("< 0.7", 0), ("<=0.7", 1)])
def test_comparisons_at_the_threshold_itself(wanted: str, holds: int) -> None:
    rule = {"when": {"u": wanted}, "then": {"scenario": {"x": 1}}}
    assert outcome(numeric(rules={"r": rule}), do={"u": 0.7}) == all_close([2 / 3 if holds else 0.5])


@pytest.mark.parametrize("weight", [1, 2])
def test_knots_are_linear_between(weight: int) -> None:
    """The integral of the logistic function of weight * u over u from 0 to 1."""
    raw = numeric(driver={"impacts": {0: {"y": 0}, 1.0: {"x": 1}}, "weight": weight}, odds_per_point=math.e)
    assert outcome(raw) == all_close([math.log((1 + math.exp(weight)) / 2) / weight], 1e-6)
    raw["drivers"]["u"]["impacts"] = {0: {"x": 1}, 1: {}}
    raw["scenarios"] = {"x": {"baseline": 1}, "y": {"baseline": 2}}
    assert outcome(raw) != all_close([math.log((1 + math.exp(weight)) / 2) / weight], 0.01)


def test_knots_are_flat_outside() -> None:
    raw = numeric(driver={"range": [0, 4], "impacts": {1: {"x": 1}, 2: {"x": 3, "y": 1}, "3": {"y": 3}}})
    for x, (for_x, for_y) in {0.5: (1, 0), 1.25: (1.5, 0.25), 2: (3, 1), 2.5: (1.5, 2), 4: (0, 3)}.items():
        assert outcome(raw, do={"u": x}) == all_close([2**for_x / (2**for_x + 2**for_y)])


def test_points_shift_the_latent_normal() -> None:
    """Two points up, half a standard deviation each: P(u > .7) = 1 - Phi(z(.7) - 1)."""
    pushed = {"influences": {"p": {"on": [2, "G01"]}}}
    raw = numeric(driver=pushed, drivers={"p": {"states": {"on": {}}}}, sd_per_point=0.5)
    expected = 1 - NORMAL.cdf(NORMAL.inv_cdf(0.7) - 1)
    assert above(raw, 0.7) == all_close([expected], 1 / 400)
    assert above(raw, 0.7, resolution=Resolution(points=(2,))) == all_close([expected], 1e-9)
    raw["drivers"]["u"]["influences"]["p"]["on"] = -2
    assert above(raw, 0.7, resolution=Resolution(points=(2,))) != all_close([expected], 0.1)


def test_numeric_points_from_events_rules_and_numeric_parents() -> None:
    """Imposed v = .5 gives half a point by its knots, a window 1, a rule of lag 1 two more from the second step on."""
    raw = numeric(
        2,
        driver={"influences": {"v": {0: 0, 1: 1}}, "events": [{"at": 2000, "points": [1, "G01"]}]},
        drivers={"v": {"kind": "numeric", "range": [0, 1]}},
        rules={"r": {"when": {"v": "< 0.6"}, "lag": 1, "then": {"u": 2}, "weight": 5}},
    )
    resolution = Resolution(fixed=20, points=(1.5, 2.5))
    expected = [1 - NORMAL.cdf(-0.25 * points) for points in (1.5, 2.5)]
    assert above(raw, 0.5, do={"v": 0.5}, resolution=resolution) == all_close(expected, 1e-9)


@pytest.mark.parametrize(
    ("distribution", "mean"),
    [
        (None, 6.0),
        ({"uniform": [5, [6, "G01"]]}, 5.5),
        ({"triangular": [4, 5, 8]}, 17 / 3),
        ({"pert": [4, 5, 8], "sources": ["G01"]}, (4 + 4 * 5 + 8) / 6),
        ({"beta": [2, 6]}, 4 + 4 * 0.25),
        ({"normal": [6, 1]}, 6.0),
        ({"normal": [4, 1]}, 4 + (NORMAL.pdf(0) - NORMAL.pdf(4)) / (NORMAL.cdf(4) - 0.5)),
    ],
)
def test_means_of_distributions(distribution: Json | None, mean: float) -> None:
    block: Json = {"range": [4, 8]} | ({"distribution": distribution} if distribution else {})
    assert marginals(numeric(driver=block))["drivers"]["u"]["mean"] == all_close([mean], 1e-3)


@pytest.mark.parametrize("known", case("second_order_beta_dirichlet")["beta"])
def test_quantiles_of_beta(known: dict[str, float]) -> None:
    raw = numeric(driver={"distribution": {"beta": [known["a"], known["b"]]}})
    for quantile, p in (("q05", 0.95), ("q50", 0.5), ("q95", 0.05)):
        assert above(raw, known[quantile]) == all_close([p], 1e-9)


PERT_MEDIAN = 0.6372673222737  # of pert(.2, .65, 1): the integral of t^2.25 (1 - t)^1.75, halved by bisection


@pytest.mark.parametrize("r", slow_but([0.5], [0, 0.5, 0.9]))
def test_the_latent_normal_is_a_stationary_chain(r: float) -> None:
    """The share of two standard normals of correlation r that are both positive is 1/4 + asin(r) / 2 pi."""
    raw = numeric(3, driver={"persistence": r, "distribution": {"pert": [0.2, 0.65, 1.0]}})
    assert above(raw, PERT_MEDIAN) == all_close([0.5] * 3, 1e-7)
    resolution = Resolution(thresholds={"u": [PERT_MEDIAN]})

    def high_at(t: int, seen: frozenset[int], now: int, world: View) -> frozenset[int]:
        return seen | {now} if now in (0, t) and float(world["u"]) > PERT_MEDIAN else seen

    nothing: frozenset[int] = frozenset()
    for lag, tolerance in ((1, 1e-4), (2, 2e-3)):
        law = remembered(raw, nothing, partial(high_at, lag), resolution=resolution)
        assert law[frozenset({0, lag})] == close(0.25 + math.asin(r**lag) / (2 * math.pi), tolerance)


def test_numeric_persistence_may_be_a_duration() -> None:
    raw = numeric(2, driver={"persistence": "1 year", "initial": 0.8})
    r = math.exp(-1)
    z = NORMAL.inv_cdf(0.8)
    assert above(raw, 0.5) == all_close([1, NORMAL.cdf(r * z / math.sqrt(1 - r * r))], 1e-6)


@pytest.mark.parametrize("r", [1, 0.8])
def test_initial_fixes_the_first_value_whatever_the_points(r: float) -> None:
    """A point is there at both steps, so that z(0) = z(.62) - .25 and z(1) is shifted by .25 again."""
    block = {"persistence": r, "initial": [0.62, "G01"], "influences": {"p": {"on": 1}}}
    raw = numeric(2, driver=block, drivers={"p": {"states": {"on": {}}}})
    z0 = NORMAL.inv_cdf(0.62) - 0.25
    mean = marginals(raw)["drivers"]["u"]["mean"]
    # With x uniform, x(1) = Phi(z(1) + .25), whose mean has a closed form.
    assert mean == all_close([0.62, NORMAL.cdf((r * z0 + 0.25) / math.sqrt(2 - r * r))], 1e-3)


def test_an_intervention_sets_x_and_leaves_z() -> None:
    raw = numeric(3, driver={"initial": 0.8, "impacts": {0: {"x": 0}, 1: {"x": 1}}})
    result = marginals(raw, do={("u", 1): 0.1})
    assert result["drivers"]["u"]["mean"] == all_close([0.8, 0.1, 0.8])
    assert result["scenarios"]["x"]["by_step"] == all_close([2**u / (1 + 2**u) for u in (0.8, 0.1, 0.8)])


def test_a_numeric_driver_is_observed_by_comparison() -> None:
    """x is 2/3 likely above .7 and even below: P(u > .7 | x) by Bayes; and the fixed z carries it to all steps."""
    raw = numeric(2, rules={"r": {"when": {"u": "> 0.7"}, "then": {"scenario": {"x": 1}}}})
    assert above(raw, 0.7, given=[("scenario", 0, "x")]) == all_close([0.2 / 0.55] * 2)
    assert outcome(raw, given=[("u", 0, "> 0.7")]) == all_close([2 / 3] * 2)
    assert marginals(raw, given=[("u", 1, "<= 0.2")])["drivers"]["u"]["mean"] == all_close([0.1] * 2)


# --- What is refused -------------------------------------------------------------------------------------------------


FAULTY_DRIVERS: list[tuple[Json, str]] = [
    ({"impacts": {"a": {"w": 1}}}, r"unknown \['w'\]"),
    ({"impacts": {"c": {"x": 1}}}, r"unknown \['c'\]"),
    ({"impcats": {}}, "impcats"),
    ({"states": {"a": {"prior": {"pert": [0, 1, 2]}}, "b": 1}}, "uncertain"),
    ({"states": {"a": 0, "b": 0}}, "not a distribution"),
    ({"states": {"a": -1, "b": 2}}, "not a distribution"),
    ({"states": {"a": True, "b": 2}}, "not a number"),
    ({"persistence": 1.5}, "not a persistence"),
    ({"persistence": "1 week"}, "not a duration"),
    ({"initial": {"c": 1}}, r"unknown \['c'\]"),
    ({"events": [{"at": 2001, "until": 2000, "points": {"a": 1}}]}, "ends before it starts"),
    ({"kind": "numeric", "range": [0, 1]}, "no priors and no allowed moves"),
]


@pytest.mark.parametrize(("part", "message"), FAULTY_DRIVERS)
def test_faults_of_a_driver_are_refused(part: Json, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        marginals(model(2, drivers={"d": {"states": {"a": {}, "b": {}}} | part}))


FAULTY_MODELS: list[tuple[Json, str]] = [
    ({"consequences": {"c": {"states": {"a": {}, "b": {}}, "impacts": {"a": {"x": 1}}}}}, "neither impacts"),
    ({"groups": {"g": ["x", "w"]}}, r"unknown \['w'\]"),
    ({"rules": {"r": {"when": {"scenario": "w"}, "lag": 1, "then": {}}}}, "no state 'w'"),
    ({"extends": "base.yaml"}, "extends"),
]


@pytest.mark.parametrize(("part", "message"), FAULTY_MODELS)
def test_faults_of_a_model_are_refused(part: Json, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        marginals(model(**part))
