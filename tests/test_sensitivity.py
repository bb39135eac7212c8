"""What matters: information, shares and tornados against hand-worked models, enumeration and exact answers."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from support import oracle
from support.command import HARBOUR, answer
from support.oracle import Json, View
from support.reports import md, table
from support.sampled import ERRORS, Opened, changed, entropy, exact_model
from support.schemas import assert_follows
from support.tiny import TINY, kept_by_state
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import QueryError
from usru_scenarios.report import Layout, render_report
from usru_scenarios.report.sensitivity import draw_range
from usru_scenarios.results.sensitivity import DriverMoves, DriverUncertainty, Question, Sensitivity
from usru_scenarios.schemas import schema
from usru_scenarios.settings import ArgumentError
from usru_scenarios.study import Study

FIRST: tuple[Question, ...] = ("drivers", "moves")
TRIALS = 16_384

FOUR: Json = yaml.safe_load("""
usru: 1
name: four
title: Two drivers that act, one behind them, one beside
odds_per_point: 2
scenarios: {good: {baseline: 0.5}, bad: {baseline: 0.5}}
groups: {any: [good, bad]}
drivers:
  war: {states: {over: 0.3, rages: 0.7}, impacts: {over: {good: 2}}}
  talks: {states: {held: 0.5, none: 0.5}, impacts: {held: {good: 1}}}
  beside: {states: {wet: 0.4, dry: 0.6}}
  behind: {states: {near: 0.5, far: 0.5}}
""")


def behind_talks() -> Json:
    """The same, but a driver without impacts now moves the talks."""
    return changed(FOUR, "drivers/talks/influences", {"behind": {"near": {"held": 2}}})


@pytest.fixture(scope="module")
def whole(bundled: Study) -> Sensitivity:
    return bundled.sensitivity(questions=FIRST, trials=512)


@pytest.fixture(scope="module")
def reset(bundled: Study) -> Sensitivity:
    return bundled.sensitivity("reset", questions=FIRST, trials=512)


def uncertainty(found: Sensitivity, driver: str) -> DriverUncertainty:
    (one,) = (one for one in found.drivers or () if one.driver == driver)
    return one


def moved(found: Sensitivity, driver: str) -> DriverMoves:
    (one,) = (one for one in found.moves or () if one.driver == driver)
    return one


def near(value: float | None, error: float | None, truth: float, slack: float = 1e-9) -> bool:
    assert value is not None
    assert error is not None
    return abs(value - truth) < ERRORS * error + slack


# By hand -------------------------------------------------------------------------------------------------------------

GOOD = {("over", "held"): 8 / 9, ("over", "none"): 4 / 5, ("rages", "held"): 2 / 3, ("rages", "none"): 1 / 2}
"""P(good): the odds are 2 ** (2 * over + held)."""
WORLDS = {("over", "held"): 0.15, ("over", "none"): 0.15, ("rages", "held"): 0.35, ("rages", "none"): 0.35}
MEAN = math.fsum(WORLDS[world] * GOOD[world] for world in WORLDS)
VARIANCE = math.fsum(p * (GOOD[world] - MEAN) ** 2 for world, p in WORLDS.items())
GIVEN = {
    "war": {"over": (0.3, 38 / 45), "rages": (0.7, 7 / 12)},
    "talks": {"held": (0.5, 11 / 15), "none": (0.5, 59 / 100)},
}
"""The probability of each state, and P(good) given it."""


def truths(driver: str) -> dict[str, float]:
    given = GIVEN[driver].values()
    between = math.fsum(p * (good - MEAN) ** 2 for p, good in given)
    other = 1 - list(GIVEN).index(driver)
    apart: dict[str, list[float]] = defaultdict(list)
    for world, good in GOOD.items():
        apart[world[other]].append(good)
    weight = {state: math.fsum(p for world, p in WORLDS.items() if world[other] == state) for state in apart}
    shares = [p for p, _ in given]
    within = math.fsum(weight[state] * math.prod(shares) * (one - two) ** 2 for state, (one, two) in apart.items())
    return {
        "information": entropy(MEAN, 1 - MEAN) - math.fsum(p * entropy(good, 1 - good) for p, good in given),
        "shift": math.fsum(p * abs(good - MEAN) for p, good in given),
        "first_order": between / VARIANCE,
        "total": within / VARIANCE,
    }


@pytest.mark.parametrize("driver", GIVEN)
@pytest.mark.parametrize("of", [None, "good"])
def test_two_drivers_by_hand(opened: Opened, driver: str, of: str | None) -> None:
    found = uncertainty(opened(FOUR).sensitivity(of, questions=["drivers"], trials=60_000), driver)
    for measure, truth in truths(driver).items():
        value, error = getattr(found, measure), getattr(found.standard_errors, measure)
        assert near(value, error, truth), measure
        assert not near(value, error, truth * 1.3), measure
    shares = found.by_scenario["good"]
    assert shares.first_order == pytest.approx(found.first_order)
    assert shares.total == pytest.approx(found.total)


def test_what_is_beside_the_outcome_tells_nothing(opened: Opened) -> None:
    found = opened(FOUR).sensitivity(questions=FIRST, trials=60_000)
    for driver in ("beside", "behind"):
        one = uncertainty(found, driver)
        assert near(one.information, one.standard_errors.information, 0.0)
        assert near(one.shift, one.standard_errors.shift, 0.0)
        assert near(one.first_order, one.standard_errors.first_order, 0.0)
        assert (one.total, one.standard_errors.total) == (0.0, 0.0)
        assert (moved(found, driver).swing, moved(found, driver).standard_error) == (0.0, 0.0)
    assert [one.driver for one in found.drivers or ()][:2] == ["war", "talks"]


def test_a_driver_behind_another_tells_and_moves_but_does_nothing_itself(opened: Opened) -> None:
    """P(held | near) = 4 / 5 and P(held | far) = 1 / 2; its own path changes nothing where the talks stay."""
    found = opened(behind_talks()).sensitivity("good", questions=FIRST, trials=60_000)
    one = uncertainty(found, "behind")
    held, none = 11 / 15, 59 / 100
    near_by, far = 0.8 * held + 0.2 * none, 0.5 * held + 0.5 * none
    assert near(one.shift, one.standard_errors.shift, (near_by - far) / 2)
    assert one.total == 0.0
    assert one.first_order is not None
    assert one.first_order > 10 * (one.standard_errors.first_order or 0.0)
    swing = moved(found, "behind")
    assert near(swing.swing, swing.standard_error, near_by - far)
    assert swing.between == ("far", "near")


def test_drivers_that_depend_on_each_other_explain_more_than_all(opened: Opened) -> None:
    """A twin of the war shares all that it tells; of two that are one, neither acts alone."""
    raw = changed(FOUR, "drivers/twin", {
        "states": {"over": 0.5, "rages": 0.5},
        "prior_given": [
            {"when": {"war": "over"}, "prior": {"over": 1.0}},
            {"when": {"war": "rages"}, "prior": {"rages": 1.0}},
        ],
    })  # fmt: skip
    found = opened(raw).sensitivity(questions=["drivers"], trials=20_000)
    assert uncertainty(found, "twin").first_order == uncertainty(found, "war").first_order
    assert math.fsum(one.first_order or 0.0 for one in found.drivers or ()) > 1.5
    assert uncertainty(found, "twin").total == 0.0


def test_a_group_of_all_is_certain(opened: Opened) -> None:
    found = opened(FOUR).sensitivity("any", questions=FIRST, trials=2000)
    assert found.probability == {"any": pytest.approx(1.0)}
    for one in found.drivers or ():
        assert (one.first_order, one.total) == (None, None)
        assert one.information == pytest.approx(0.0, abs=1e-12)
    assert all(one.swing == pytest.approx(0.0, abs=1e-12) for one in found.moves or ())
    assert "any" in table(found, Layout())


def test_a_number_is_read_in_bins_and_held_at_its_quantiles(opened: Opened) -> None:
    """A uniform number alone: it explains all, P(crisis) = 1 / (1 + 2 ** -3x), held at .05 and .95."""
    raw = yaml.safe_load(
        "{usru: 1, name: number, title: A number, odds_per_point: 2, scenarios: {calm: {}, crisis: {}}, "
        "drivers: {risk: {kind: numeric, range: [0, 1], impacts: {0.0: {}, 1.0: {crisis: 3}}}}}"
    )
    found = opened(raw).sensitivity("crisis", questions=FIRST, trials=TRIALS)
    risk, held = uncertainty(found, "risk"), moved(found, "risk")
    assert 0.99 < (risk.first_order or 0.0) <= 1.0
    assert near(risk.total, risk.standard_errors.total, 1.0)
    assert [(state.state, state.quantile) for state in held.states] == [("0.05", 0.05), ("0.95", 0.95)]
    low, high = (1 / (1 + 2.0 ** (-3 * x)) for x in (0.05, 0.95))
    assert held.swing == pytest.approx(high - low, abs=1e-9)


# Against enumeration -------------------------------------------------------------------------------------------------


def tells(raw: Json, steps: range, driver: str) -> tuple[float, float]:
    """Information and expected shift, averaged over steps, from the joint law of all nodes."""
    laws = oracle.trials(raw)
    bits = shift = 0.0
    for step in steps:
        joint: dict[tuple[str, str], float] = defaultdict(float)
        for view, p in laws[step]:
            joint[str(view[driver]), str(view[OUTCOME])] += p
        own: dict[str, float] = defaultdict(float)
        theirs: dict[str, float] = defaultdict(float)
        for (state, scenario), p in joint.items():
            own[state] += p
            theirs[scenario] += p
        for state, scenario in itertools.product(own, theirs):
            p = joint.get((state, scenario), 0.0)
            bits += p * math.log2(p / own[state] / theirs[scenario]) if p > 0 else 0.0
            shift += abs(p - own[state] * theirs[scenario]) / 2
    return bits / len(steps), shift / len(steps)


@pytest.mark.parametrize("name", ["feedback", "consequence_feedback", "outcome_moves", "weights", "influences"])
@pytest.mark.parametrize("at", ["2025-Q2", "mean"])
def test_drivers_against_enumeration(opened: Opened, name: str, at: str) -> None:
    raw = exact_model(name)
    study = opened(raw)
    label = at if at == "mean" else study.program.grid.labels[1]
    found = study.sensitivity(at=label, questions=["drivers"], trials=40_000)
    steps = range(study.program.steps) if at == "mean" else range(1, 2)
    for one in found.drivers or ():
        bits, shift = tells(raw, steps, one.driver)
        assert near(one.information, one.standard_errors.information, bits), one
        assert near(one.shift, one.standard_errors.shift, shift, slack=5e-4), one


def test_enumeration_notices_another_model(opened: Opened) -> None:
    raw = exact_model("feedback")
    twin = changed(raw, "drivers/mood/lagged_influences/scenario/crisis/cold", 1.2)
    found = uncertainty(opened(twin).sensitivity(questions=["drivers"], trials=200_000), "mood")
    bits, _ = tells(raw, range(4, 5), "mood")
    assert not near(found.information, found.standard_errors.information, bits)


Path_ = tuple[tuple[str, str], ...]


def shares_of_paths(raw: Json, scenario: str) -> dict[str, tuple[float, float]]:
    """First-order and total share of each driver of the tiny model at the end, from the probability of every path."""
    empty: tuple[Path_, str] = ((), "")

    def keep(memory: tuple[Path_, str], _step: int, view: View) -> tuple[Path_, str]:
        return (*memory[0], (str(view["mood"]), str(view["talks"]))), str(view[OUTCOME])

    joint = oracle.remembered(raw, empty, keep)
    paths: dict[Path_, float] = defaultdict(float)
    true: dict[Path_, float] = defaultdict(float)
    for (path, outcome), p in joint.items():
        paths[path] += p
        true[path] += p * (outcome == scenario)
    given = {path: true[path] / p for path, p in paths.items()}
    mean = math.fsum(true.values())
    variance = math.fsum(p * (given[path] - mean) ** 2 for path, p in paths.items())
    return {name: _shares(paths, given, place, mean, variance) for place, name in enumerate(("mood", "talks"))}


def _shares(
    paths: Mapping[Path_, float], given: Mapping[Path_, float], place: int, mean: float, variance: float
) -> tuple[float, float]:
    at_end: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    own: dict[tuple[str, ...], float] = defaultdict(float)
    for path, p in paths.items():
        at_end[path[-1][place]][0] += p
        at_end[path[-1][place]][1] += p * given[path]
        own[tuple(states[place] for states in path)] += p
    first = math.fsum(p * (sums / p - mean) ** 2 for p, sums in at_end.values())
    total = 0.0
    for path, p in paths.items():
        for mine, q in own.items():
            mixed = [
                (state, states[1]) if place == 0 else (states[0], state)
                for states, state in zip(path, mine, strict=True)
            ]
            total += p * q * (given[path] - given[tuple(mixed)]) ** 2 / 2
    return first / variance, total / variance


@pytest.mark.parametrize("raw", [TINY, kept_by_state()], ids=["carried", "matrix"])
def test_shares_of_variance_over_time_against_all_paths(opened: Opened, raw: Json) -> None:
    """The talks depend on the mood, so that the two shares mean different things; both are as they are defined."""
    found = opened(raw).sensitivity(questions=["drivers"], trials=60_000)
    for scenario in raw["scenarios"]:
        for driver, (first, total) in shares_of_paths(raw, scenario).items():
            shares = uncertainty(found, driver).by_scenario[scenario]
            assert near(shares.first_order, shares.standard_errors.first_order, first), (driver, scenario)
            assert near(shares.total, shares.standard_errors.total, total), (driver, scenario)
    shares = uncertainty(found, "mood").by_scenario["war"]
    assert not near(shares.total, shares.standard_errors.total, shares_of_paths(raw, "thaw")["talks"][1])


def test_where_a_driver_reads_the_scenario_there_are_no_total_shares(opened: Opened) -> None:
    found = opened(exact_model("feedback")).sensitivity(questions=["drivers"], trials=500)
    assert all(one.total is None and one.standard_errors.total is None for one in found.drivers or ())
    assert all(one.first_order is not None for one in found.drivers or ())
    assert found.note in " ".join(table(found, Layout()).split())


# Tornados against exact answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["feedback", "consequence_feedback", "outcome_moves", "priors", "rules"])
def test_tornados_against_exact_answers(opened: Opened, name: str) -> None:
    study = opened(exact_model(name))
    found = study.sensitivity(questions=["moves"], trials=TRIALS)
    told = False
    present = {scenario: _exact(study, f"P({scenario} @ end)") for scenario in found.probability}
    for driver in found.moves or ():
        truth: dict[str, dict[str, float]] = {}
        for state in driver.states:
            imposed = f"do({driver.driver}={state.state})"
            truth[state.state] = {
                scenario: _exact(study, f"P({scenario} @ end | {imposed})") - share
                for scenario, share in present.items()
            }
            for scenario, change in truth[state.state].items():
                assert near(state.change[scenario], state.standard_errors[scenario], change), (driver.driver, state)
                told |= not near(state.change[scenario], state.standard_errors[scenario], change + 0.05)
        apart = [
            math.fsum(abs(one[scenario] - two[scenario]) for scenario in found.probability) / 2
            for one, two in itertools.combinations(truth.values(), 2)
        ]
        assert near(driver.swing, driver.standard_error, max(apart), slack=2e-3)
    assert told, "the check sees errors"


def _exact(study: Study, query: str) -> float:
    found = study.ask(query, method="exact")
    assert found.value is not None
    return found.value


def test_a_tornado_of_the_bundled_model_is_what_ask_says(bundled: Study, reset: Sensitivity) -> None:
    sanctions = moved(reset, "sanctions")
    (eased,) = (state for state in sanctions.states if state.state == "eased")
    asked = bundled.ask(
        "P(reset @ end | do(sanctions=eased)) - P(reset @ end)", trials=512, method="sample", judgements=0
    )
    assert eased.change["reset"] == pytest.approx(asked.value, abs=1e-9)
    assert eased.standard_errors["reset"] < 0.02


def test_what_is_imposed_already_is_not_moved(opened: Opened) -> None:
    study = opened(TINY)
    found = study.sensitivity("war", questions=FIRST, trials=500, do=["mood=low @ 2001"])
    assert [one.driver for one in found.moves or ()] == ["talks"]
    assert found.run.do == ["mood=low @ 2001"]
    whole = study.sensitivity("war", questions=["drivers"], trials=500, do=["mood=low"])
    assert uncertainty(whole, "mood").information == pytest.approx(0.0, abs=1e-12)
    assert uncertainty(whole, "talks").information > 1e-3


# Asking --------------------------------------------------------------------------------------------------------------


def test_the_same_question_gives_the_same_answer(opened: Opened) -> None:
    study = opened(TINY)

    def backwards(function: Callable[[int], Any], blocks: Any) -> list[Any]:
        return [function(block) for block in reversed(blocks)][::-1]

    one = study.sensitivity("thaw", questions=FIRST, trials=20_000, at="2001")
    assert one == study.sensitivity("thaw", "2001", questions=FIRST, trials=20_000, map_blocks=backwards)
    assert one.drivers != study.sensitivity("thaw", "2001", questions=["drivers"], trials=20_000, seed=2).drivers
    assert one.probability["thaw"] == pytest.approx(
        study.ask("P(thaw @ 2001)", trials=20_000, method="sample").value, abs=1e-9
    )


def test_the_answers_are_ranked_and_named(whole: Sensitivity, reset: Sensitivity) -> None:
    for found in (whole, reset):
        shifts = [one.shift for one in found.drivers or ()]
        swings = [one.swing for one in found.moves or ()]
        assert shifts == sorted(shifts, reverse=True)
        assert swings == sorted(swings, reverse=True)
    assert list(whole.probability) == ["reset", "limited_cooperation", "status_quo", "deterioration"]
    assert (whole.of, whole.at, reset.of, reset.title) == (None, "2028-Q4", "reset", "Reset")
    assert (whole.weights, whole.judgements) == (None, None)


def test_uncertain_judgements_stand_at_their_means_and_say_so(whole: Sensitivity) -> None:
    assert "judgements_at_their_means" in [one.code for one in whole.warnings]


@pytest.mark.parametrize(
    ("of", "at", "said"),
    [
        ("rest", None, "did you mean 'reset'"),
        ("sanctions", None, "no scenario"),
        (None, "2026", "has 4 steps"),
        (None, "1999", "off the grid"),
        (None, "meen", "did you mean 'mean'"),
    ],
)
def test_a_question_without_meaning_is_refused_in_place(
    bundled: Study, of: str | None, at: str | None, said: str
) -> None:
    with pytest.raises(QueryError, match=said):
        bundled.sensitivity(of, at, questions=FIRST, trials=100)


def test_too_few_trials_and_unknown_questions_are_refused(bundled: Study) -> None:
    with pytest.raises(ValueError, match="at least 100"):
        bundled.sensitivity(trials=99)
    with pytest.raises(ValueError, match="no question"):
        bundled.sensitivity(questions=["who"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="seed"):
        bundled.sensitivity(seed=-1)


# Forms ---------------------------------------------------------------------------------------------------------------


def test_json_follows_its_schema(whole: Sensitivity) -> None:
    assert_follows(json.loads(json.dumps(whole.to_dict(), allow_nan=False)), "sensitivity", moves=[{}])


def test_rows_are_one_for_each_thing_state_scenario_and_measure(whole: Sensitivity) -> None:
    rows = list(csv.DictReader(io.StringIO(render_report(whole, "csv", Layout(top=1)))))
    keys = [tuple(row[name] for name in ("question", "id", "state", "scenario", "measure")) for row in rows]
    assert len(keys) == len(set(keys))
    assert {row["question"] for row in rows} == {"drivers", "moves"}
    found = dict(zip(keys, rows, strict=True))
    first = (whole.moves or [])[0]
    change = found["moves", first.driver, first.states[0].state, "reset", "change"]
    assert float(change["value"]) == first.states[0].change["reset"]
    one = uncertainty(whole, "sanctions").by_scenario["reset"]
    assert float(found["drivers", "sanctions", "", "reset", "total"]["value"]) == one.total


@pytest.mark.parametrize("width", [60, 80, 100, 140])
@pytest.mark.parametrize("which", ["whole", "reset"])
def test_text_keeps_to_its_width_and_its_numbers_whole(which: str, width: int, request: pytest.FixtureRequest) -> None:
    found: Sensitivity = request.getfixturevalue(which)
    drawn = table(found, Layout(width=width))
    assert max(map(len, drawn.splitlines())) <= width
    assert "…" not in drawn
    lines = [line.split() for line in drawn.splitlines() if " moves " not in line]
    for driver in found.drivers or ():
        (numbers, *_) = ([*line[1:5]] for line in lines if line and line[0] == driver.driver)
        assert float(numbers[0]) == pytest.approx(100 * max(driver.shift, 0.0), abs=0.051)
        assert float(numbers[3]) == pytest.approx(driver.total, abs=0.051)
    for moves in found.moves or ():
        (_, line) = (line for line in lines if line and line[0] == moves.driver)
        if which == "whole":
            assert float(line[1]) == pytest.approx(100 * moves.swing, abs=0.051)
        else:
            low, high = (min, max)
            changes = [state.change["reset"] for state in moves.states]
            assert float(line[1]) == pytest.approx(100 * low(changes), abs=0.051)
            assert float(line[-1]) == pytest.approx(100 * high(changes), abs=0.051)
        assert any("│" in part for part in line)


@pytest.mark.slow
def test_the_four_questions_stand_side_by_side(bundled: Study) -> None:
    found = bundled.sensitivity(trials=500)
    jsonschema.validate(json.loads(json.dumps(found.to_dict(), allow_nan=False)), schema("sensitivity"))
    rows = list(csv.DictReader(io.StringIO(render_report(found, "csv", Layout()))))
    assert len({tuple(row.values())[:10] for row in rows}) == len(rows)
    assert {row["question"] for row in rows} == {"drivers", "moves", "weights", "judgements"}
    for width in (60, 140):
        drawn = table(found, Layout(width=width, top=4))
        assert max(map(len, drawn.splitlines())) <= width
        assert drawn.count("more (--top 0 for all)") == 4
    assert md(found, Layout(top=2)).count("\n## Which ") == 4


def test_the_top_is_shown_and_the_rest_counted(reset: Sensitivity) -> None:
    for form in (table, md):
        drawn = form(reset, Layout(top=3))
        assert drawn.lower().count("and 11 more (--top 0 for all)") == 2
        assert "more (--top" not in form(reset, Layout())


def test_markdown_has_every_state(whole: Sensitivity) -> None:
    said = md(whole, Layout()).replace("\\", "")
    for driver in whole.moves or ():
        for state in driver.states:
            assert f"| {driver.driver} | {state.state} |" in said


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ((-1.0, 1.0), "████│████"),
        ((0.0, 0.5), "    │██  "),
        ((-0.25, 0.0), "   █│    "),
        ((0.25, 0.5), "    │ █  "),
        ((-0.5, -0.25), "  █ │    "),
        ((-0.125, 0.125), "   ▐│▌   "),
        ((0.0, 0.0), "    │    "),
    ],
)
def test_bars_stand_around_zero(values: tuple[float, float], drawn: str) -> None:
    assert draw_range(*values, -1.0, 1.0, 9) == drawn


def test_an_axis_alone_where_nothing_moves() -> None:
    assert draw_range(0.0, 0.0, 0.0, 0.0, 5) == "  │  "


def test_the_command_answers(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    done = answer(
        "sensitivity", HARBOUR, "--of", "open", "--question", "moves", "-n", "200", "-q", "-f", "csv", "-o", str(target)
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert target.read_text(encoding="utf-8").startswith(
        "model,model_hash,profile,at,date,question,id,state,scenario,measure,value,standard_error\n"
    )
    data = json.loads(
        answer("sensitivity", HARBOUR, "--question", "drivers", "-n", "200", "--at", "mean", "--json", "-q").stdout
    )
    assert (data["format"], data["at"], data["moves"]) == ("usru.sensitivity/1.0", "mean", None)
    drawn = answer("sensitivity", "--question", "drivers", "-n", "200", "--top", "2", "-q").stdout
    assert "and 12 more" in drawn


def test_an_exact_answer_is_refused_with_the_reason(bundled: Study) -> None:
    """What single trials tell is what the answer is found from; `sample` and `auto` are the same."""
    with pytest.raises(ArgumentError, match="no exact method"):
        bundled.sensitivity(method="exact")
    refused = answer("sensitivity", "--method", "exact", "-q")
    assert refused.returncode == 2
    assert "sensitivity has no exact method" in refused.stderr
    by = {method: bundled.sensitivity(trials=200, method=method).to_dict() for method in ("auto", "sample")}
    assert by["auto"] == by["sample"]
