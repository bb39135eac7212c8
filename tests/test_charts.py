"""Charts: specifications that Vega-Lite knows, whose data are the result's and whose texts can be read."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import usru_scenarios as us
from support.command import HARBOUR
from support.effort import tries
from support.tiny import TINY, study_of
from usru_scenarios.charts import KINDS, chart, colours, layout, usual_chart
from usru_scenarios.charts.lettering import break_lines, spread_labels, text_width
from usru_scenarios.charts.show import Influence, influences_of
from usru_scenarios.cli.pictures import fingerprint
from usru_scenarios.results.common import ModelLine, Run
from usru_scenarios.results.ledger import History, RecordedPoint, RecordedResolution, RecordedSeries, RecordLine
from usru_scenarios.results.simulate import Band, Errors, ScenarioResult, Simulation, StatesResult

ALTAIR = find_spec("altair")
PUBLISHED = (
    Path(*ALTAIR.submodule_search_locations or (), "vegalite/v5/schema/vega-lite-schema.json") if ALTAIR else None
)
by_schema = pytest.mark.skipif(
    PUBLISHED is None, reason="altair, which brings the schema of Vega-Lite, is not installed"
)

Spec = dict[str, Any]


@pytest.fixture(scope="module")
def study() -> us.Study:
    """The example, with an uncertain judgement."""
    return us.load(HARBOUR, overrides={"drivers.weather.impacts.storm.open": {"pert": [-3, -2, 0]}})


def kept(forecast: Simulation) -> History:
    """Records of three days, far from evenly apart, of which the second has no band."""
    records = [
        RecordLine(number, day, "", forecast.model, None)
        for number, day in ((1, "2025-01-15"), (3, "2025-02-01"), (2, "2025-12-31"))
    ]
    series = {}
    for name, one in forecast.scenarios.items():
        assert one.band is not None
        found = [
            RecordedPoint(
                number, one.by_step[step], 0.001, *(() if number == 3 else (one.band.low[step], one.band.high[step]))
            )
            for number, step in ((1, 0), (3, 1), (2, -1))
        ]
        series[name] = RecordedSeries("scenario", one.title, found)
    came = RecordedResolution(came_true=True, resolved="2026-01-20")
    series["opens"] = RecordedSeries("question", "Does it open?", [RecordedPoint(2, 0.25, 0.001)], came)
    return History(forecast.model, forecast.run, "end", records, series)


@pytest.fixture(scope="module")
def results(study: us.Study) -> dict[str, Any]:
    """An answer for each chart."""
    forecast = study.simulate(trials=400, judgements=16)
    return {
        "forecast": forecast,
        "drivers": forecast,
        "first-visits": forecast,
        "compare": study.compare({"calm": study.varied(weights={"weather": 2.0})}, trials=400, judgements=0),
        "sweep": study.sweep("weather=0..3:4", trials=200),
        "sensitivity": study.sensitivity("open", questions=("moves",), trials=256),
        "watch": study.watch(trials=400),
        "history": kept(forecast),
        "influences": study.overview,
    }


# What a specification is ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def validator() -> Any:
    assert PUBLISHED is not None
    schema = json.loads(PUBLISHED.read_text("utf-8"))
    return jsonschema.Draft7Validator(schema)


@by_schema
@pytest.mark.parametrize("name", KINDS)
def test_a_chart_is_a_specification_by_the_published_schema(name: str, results: dict[str, Any], validator: Any) -> None:
    validator.validate(chart(name, results[name], 700))


@by_schema
def test_sabotaged_another_specification_is_refused(results: dict[str, Any], validator: Any) -> None:
    made = chart("sensitivity", results["sensitivity"], 700)
    made["vconcat"][0]["layer"][0]["mark"] = "barr"
    assert not validator.is_valid(made)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("width", [400, 700, 1400])
def test_a_chart_is_plain_data_that_json_can_hold(name: str, width: int, results: dict[str, Any]) -> None:
    made = chart(name, results[name], width)
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert chart(name, results[name], width) == made


def parts(made: Any) -> Iterator[Spec]:
    """All maps of a specification."""
    if isinstance(made, dict):
        yield made
        made = list(made.values())
    if isinstance(made, list):
        for one in made:
            yield from parts(one)


def rows(made: Spec) -> Iterator[Spec]:
    """All rows of data."""
    for part in parts(made):
        if isinstance(part.get("values"), list):
            yield from (row for row in part["values"] if isinstance(row, dict))


def said(made: Spec) -> str:
    """All that a chart says below and above the data."""
    return " ".join(
        [*made["title"]["text"], *made["title"]["subtitle"], *(str(row.get("text", "")) for row in rows(made))]
    )


@pytest.mark.parametrize("name", KINDS)
def test_a_chart_says_which_model_how_found_and_that_all_follows_from_judgements(
    name: str, results: dict[str, Any]
) -> None:
    result, made = results[name], chart(name, results[name], 1000)
    shown = said(made)
    assert f"({result.model.sha256[:8]})" in shown
    assert "judgements" in shown.lower()
    if name != "influences":
        assert "seed 1" in shown
        assert "The likelihoods follow from the judgements" in shown
        assert "standard errors at most" in shown or not result.run.trials
    assert " ".join(made["title"]["text"]) in made["description"]


def test_a_forecast_has_the_numbers_of_its_result_in_percent(results: dict[str, Any]) -> None:
    result = results["forecast"]
    made = chart("forecast", result, 800)
    found = [row for row in rows(made) if "likelihood" in row]
    right = [
        (step, share, low, high)
        for one in result.scenarios.values()
        for step, share, low, high in zip(result.run.steps, one.by_step, one.band.low, one.band.high, strict=True)
    ]
    assert len(found) == len(right)
    for row, (step, share, low, high) in zip(found, right, strict=True):
        assert row["step"] == step
        for key, value in (("likelihood", share), ("low", low), ("high", high)):
            assert row[key] == pytest.approx(100 * value, abs=1e-4)


def test_a_forecast_of_one_step_has_a_bar_from_none_to_each_likelihood() -> None:
    result = us.load("tests/models/fault-tree.yaml").simulate()
    found = [row for row in rows(chart("forecast", result, 800)) if "from" in row]
    assert [row["from"] for row in found] == [0.0] * len(result.scenarios)
    assert [row["likelihood"] for row in found] == pytest.approx([100 * one.end for one in result.scenarios.values()])


def test_first_visits_add_up_to_ever(results: dict[str, Any]) -> None:
    result = results["first-visits"]
    last = [
        row["likelihood"] for row in rows(chart("first-visits", result, 800)) if row.get("step") == result.run.steps[-1]
    ]
    assert last == pytest.approx([100 * one.ever for one in result.scenarios.values()], abs=1e-3)


def test_states_of_a_driver_are_stacked_up_to_one_hundred(results: dict[str, Any]) -> None:
    found = [row for row in rows(chart("drivers", results["drivers"], 800)) if "state" in row]
    states = [one for one in results["drivers"].drivers.values() if isinstance(one, StatesResult)]
    assert len(found) == sum(len(one.by_step) for one in states) * len(results["drivers"].run.steps)
    assert all(row["high"] - row["low"] == pytest.approx(row["likelihood"], abs=1e-3) for row in found)
    assert max(row["high"] for row in found) == pytest.approx(100, abs=1e-3)


def test_a_tornado_has_the_changes_of_both_ends(results: dict[str, Any]) -> None:
    result = results["sensitivity"]
    found = [row["change"] for row in rows(chart("sensitivity", result, 800)) if "change" in row]
    for one in result.moves:
        changes = [100 * state.change["open"] for state in one.states]
        for end in (min(changes), max(changes)):
            if (end < 0) == (end == min(changes)):
                assert any(change == pytest.approx(end, abs=1e-3) for change in found)


def test_only_the_first_of_a_ranked_list_are_drawn(results: dict[str, Any]) -> None:
    made = chart("watch", results["watch"], 800, top=2)
    assert len({row["observation"] for row in rows(made) if "observation" in row}) == 2


def test_a_sweep_marks_what_is_now_and_where_the_likeliest_changes(study: us.Study) -> None:
    result = study.sweep("scenarios.open.baseline=0.1..0.9:5", trials=1000)
    assert result.crossings
    shown = said(chart("sweep", result, 800))
    assert "now " in shown
    assert shown.count("likeliest changes at") == len(result.crossings)


def test_a_map_names_the_likeliest_scenario_at_each_point(study: us.Study) -> None:
    result = study.sweep(["weather=0..3:3", "dispute=0..3:3"], trials=100)
    cells = [row["scenario"] for row in rows(chart("sweep", result, 800)) if "across" in row]
    leaders = [result.scenarios[name].title for at in result.at for name in result.likeliest[at]]
    assert cells == leaders * 2  # once as colours, once as numbers


def test_a_history_has_each_record_at_its_day_and_a_band_where_one_is_recorded(results: dict[str, Any]) -> None:
    result = results["history"]
    days = {one.number: one.date for one in result.records}
    found = [row for row in rows(chart("history", result, 800)) if "record" in row]
    right = [(one.title, point) for one in result.series.values() for point in one.points]
    assert [(row["what"], row["day"], row["record"]) for row in found] == [
        (title, days[point.number], point.number) for title, point in right
    ]
    for row, (_, point) in zip(found, right, strict=True):
        assert row["likelihood"] == pytest.approx(100 * point.probability, abs=1e-4)
        assert ("low" in row) == (point.low is not None)
        if point.low is not None:
            assert [row["low"], row["high"]] == pytest.approx([100 * point.low, 100 * point.high], abs=1e-4)
    assert [row["part"] for row in found if "part" in row] == [0, 1] * (len(result.series) - 1)


def test_the_days_of_a_history_are_as_far_apart_as_they_are(results: dict[str, Any]) -> None:
    result = results["history"]
    (axis,) = {
        json.dumps(part["scale"]) for part in parts(chart("history", result, 800)) if part.get("type") == "temporal"
    }
    first, last = json.loads(axis)["domain"]
    assert (first["year"], first["month"], first["date"]) == (2025, 1, 15)
    assert (last["year"], last["month"], last["date"]) == (2026, 1, 20)
    assert json.loads(axis)["type"] == "utc"


@pytest.mark.parametrize("day", ["0001-01-01", "2025-06-15", "9999-12-31"])
def test_a_single_record_is_a_point_within_its_axis(day: str, results: dict[str, Any]) -> None:
    result = results["history"]
    one = replace(result.records[0], date=day)
    series = {name: replace(each, points=each.points[:1]) for name, each in result.series.items() if name != "opens"}
    made = chart("history", replace(result, records=[one], series=series), 400)
    (axis,) = {json.dumps(part["scale"]) for part in parts(made) if part.get("type") == "temporal"}
    ends = ["{year:04}-{month:02}-{date:02}".format_map(end) for end in json.loads(axis)["domain"]]
    assert ends[0] <= day <= ends[1]
    assert ends[0] < ends[1]


def test_a_history_of_nothing_says_so(results: dict[str, Any]) -> None:
    made = chart("history", replace(results["history"], series={}), 800)
    assert "No record says anything" in said(made)


def test_influences_are_those_of_the_file(study: us.Study) -> None:
    found = influences_of(study.overview)
    direct = {one.source for one in found if one.target == "scenario"}
    assert direct >= {name for name, node in study.overview.drivers.items() if node.impacts}
    assert all(isinstance(one, Influence) and one.points >= 0 for one in found)


def test_a_row_of_points_may_be_empty(tmp_path: Path) -> None:
    raw = TINY | {"drivers": TINY["drivers"] | {"idle": {"states": {"on": 0.5, "off": 0.5}, "impacts": {"on": {}}}}}
    made = study_of(raw, tmp_path).overview
    assert all(one.points >= 0 for one in influences_of(made))
    assert chart("influences", made, 800)["title"]["text"]


def test_the_usual_chart_of_a_result_is_what_a_notebook_shows(results: dict[str, Any]) -> None:
    shown = results["forecast"]._repr_mimebundle_()
    assert (
        shown["application/vnd.vegalite.v5+json"]
        == usual_chart(results["forecast"])
        == chart("forecast", results["forecast"])
    )
    assert shown["text/html"] == results["forecast"]._repr_html_()


def test_a_result_without_a_chart_is_shown_in_words(study: us.Study) -> None:
    assert [*study.ask("P(open @ end)")._repr_mimebundle_()] == ["text/plain", "text/html"]


# Any result -----------------------------------------------------------------------------------------------------------

SIGNS = "abcxyz WMI.,;:-&<>\"'\\\n\t\u0301\u200bßéЖאш雪協力…−"  # noqa: RUF001  # of all kinds, as files have them
TITLES = st.one_of(
    st.text(SIGNS, min_size=1, max_size=90),
    st.sampled_from(
        [
            "Reset",
            "雪解けと限定的な協力",
            "A very long title that goes on and on, with commas; and more",
            "W" * 70,
            "Ослабление",
        ]
    ),
)
SHARES = st.floats(0, 1, allow_nan=False)


@st.composite
def simulations(draw: st.DrawFn) -> Simulation:
    """A forecast that any model could have, of 1 to 200 steps and 2 to 12 scenarios."""
    count, scenarios = draw(st.integers(1, 200)), draw(st.integers(2, 12))
    kind = draw(st.sampled_from(["quarter", "month", "year", "none"]))
    labels = {
        "quarter": lambda step: f"{2025 + step // 4}-Q{step % 4 + 1}",
        "month": lambda step: f"{2025 + step // 12}-{step % 12 + 1:02d}",
        "year": lambda step: f"{2025 + step}",
        "none": lambda step: f"step {step}" if count > 1 else "now",
    }
    steps = [labels[kind](step) for step in range(count)]
    banded = draw(st.booleans())

    def scenario() -> ScenarioResult:
        start, end, title = draw(SHARES), draw(SHARES), draw(TITLES)
        by_step = [start + (end - start) * step / max(count - 1, 1) for step in range(count)]
        errors = Errors([0.001] * count, 0.001, 0.001, 0.001, [0.001] * count)
        band = Band([0.9 * one for one in by_step], [min(1.1 * one, 1.0) for one in by_step]) if banded else None
        first = [start, *[0.0] * (count - 1)]
        return ScenarioResult(title, by_step, by_step[-1], start, start, first, errors, band)

    found = {f"s{number}": scenario() for number in range(scenarios)}
    share = draw(SHARES)
    states = StatesResult(draw(TITLES), {"low": [share] * count, "high": [1 - share] * count}, {"low": [0.0] * count})
    run = Run(1000, 1, "sample", steps, None, {}, [], [], None, "0", 0, 0)
    model = ModelLine("any", draw(TITLES), "0" * 64)
    none: dict[str, Any] = {}
    return Simulation(model, run, found, {}, none, none, {"driver": states}, {}, dict.fromkeys(found, 0.1))


@pytest.mark.more
@settings(max_examples=tries(15, 60), deadline=None, derandomize=True)
@given(simulations(), st.sampled_from([400, 600, 1400]))
def test_every_forecast_can_be_drawn_and_its_texts_have_room(result: Simulation, width: int) -> None:
    for name in ("forecast", "drivers", "first-visits"):
        made = chart(name, result, width)
        json.dumps(made, allow_nan=False)
        for size, bold, lines in ((18, True, made["title"]["text"]), (13, False, made["title"]["subtitle"])):
            assert all(text_width(line, size, bold=bold) <= width - 32 for line in lines)
        for part in parts(made):
            if "values" in part and isinstance(part["values"], list):
                for row in part["values"]:
                    if isinstance(row, dict) and "likelihood" in row:
                        assert 0 <= row["likelihood"] <= 100
            if "axis" in part and isinstance(part["axis"], dict) and part.get("type") == "ordinal":
                assert {*part["axis"].get("values", [])} <= {*result.run.steps}


@by_schema
@pytest.mark.slow
@settings(max_examples=12, deadline=None, derandomize=True)
@given(simulations())
def test_every_forecast_is_a_specification_by_the_published_schema(result: Simulation) -> None:
    assert PUBLISHED is not None
    validator = jsonschema.Draft7Validator(json.loads(PUBLISHED.read_text("utf-8")))
    validator.validate(chart("forecast", result, 600))


# Lettering ------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.floats(-50, 500), max_size=14), st.floats(1, 40))
def test_labels_keep_apart_in_order_and_within_the_ends(places: list[float], gap: float) -> None:
    found = spread_labels(places, gap, 0, 300)
    gap = min(gap, 300 / max(len(places) - 1, 1))
    ranked = [found[number] for number in sorted(range(len(places)), key=lambda number: (places[number], number))]
    assert all(-1e-6 <= one <= 300 + 1e-6 for one in found)
    assert all(after - before >= gap - 1e-6 for before, after in pairwise(ranked))


def test_labels_that_have_room_stay_where_they_are_and_others_move_as_little_as_they_can() -> None:
    assert spread_labels([10, 50, 90], 15, 0, 100) == [10, 50, 90]
    assert spread_labels([50, 50], 10, 0, 100) == [45, 55]
    assert spread_labels([50, 52, 90], 10, 0, 100) == [46, 56, 90]
    assert spread_labels([99, 100], 10, 0, 100) == [90, 100]


@settings(deadline=None)
@given(st.text(SIGNS, max_size=200), st.floats(20, 300))
def test_broken_lines_fit_and_lose_nothing(text: str, room: float) -> None:
    lines = break_lines(text, 12, room)
    assert all(text_width(line, 12) <= room or len(line) == 1 for line in lines)
    kept = "".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    assert "".join("".join(lines).split()) == kept


def test_a_text_of_too_many_lines_ends_in_dots() -> None:
    lines = break_lines("one two three four five six", 12, 50, most=2)
    assert len(lines) == 2
    assert lines[-1].endswith("...")
    assert text_width(lines[-1], 12) <= 50


# Colours and axes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", [*colours.TEXTS, colours.INK, colours.QUIET])
def test_text_is_told_from_paper(colour: str) -> None:
    assert colours.contrast(colour, colours.PAPER) >= 4.5


@pytest.mark.parametrize("share", [number / 20 for number in range(21)])
def test_text_is_told_from_every_shade(share: float) -> None:
    ground = colours.shade(share)
    assert colours.contrast(colours.text_on(ground), ground) >= 4.5


@pytest.mark.parametrize("ground", colours.MARKS)
def test_text_is_told_from_every_colour_of_a_map(ground: str) -> None:
    assert colours.contrast(colours.text_on(ground), ground) >= 4.5


def test_contrast_is_that_of_wcag() -> None:
    assert colours.contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert colours.contrast("#009E73", "#FFFFFF") == pytest.approx(3.42, abs=0.005)
    assert colours.contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.005)


@settings(deadline=None)
@given(st.floats(0, 100), st.floats(0.01, 100))
def test_an_axis_holds_its_values_between_round_numbers(low: float, spread: float) -> None:
    scale = layout.Scale.from_zero(-low, spread)
    assert scale.low <= min(-low, 0) + 1e-6
    assert scale.high >= spread - 1e-6
    assert scale.low in scale.ticks
    assert scale.high in scale.ticks
    assert any(math.isclose(tick, 0, abs_tol=1e-9) for tick in scale.ticks)
    assert 2 <= len(scale.ticks) <= 8


# The same input gives the same bytes ----------------------------------------------------------------------------------

GOLDEN = {
    "forecast": "8094c866f9d1aeae",
    "drivers": "bb0b5f4b7f1d96c5",
    "first-visits": "4703b34042b2b48a",
    "compare": "e41a22fc2d5c1171",
    "sweep": "177d5d2b75ca2383",
    "sensitivity": "8c7e6eead6c81a84",
    "watch": "66a6b8be781399d1",
    "history": "1af03d4792e7cc50",
    "influences": "7f505ba63f25916e",
}
"""After a change of charts: look at them, then write the hashes that the test tells.

No processor's last digits count.
"""


@pytest.mark.parametrize("name", GOLDEN)
def test_a_chart_is_the_one_that_was_looked_at(name: str, results: dict[str, Any]) -> None:
    assert fingerprint(chart(name, results[name], 800)) == GOLDEN[name]
