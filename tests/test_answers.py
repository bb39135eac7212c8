"""What answers say for people: percentages, points and bands, a forecast in a sentence, and what stays at any width."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from rich.cells import cell_len

import usru_scenarios as us
from support.command import HARBOUR, answer
from usru_scenarios.report import Layout, render_report
from usru_scenarios.report.data import first_day
from usru_scenarios.report.document import Column, Table, drop_columns
from usru_scenarios.report.likelihoods import (
    format_band,
    format_difference_band,
    format_error,
    format_exact_percent,
    format_likelihood,
    format_percent,
    format_points,
    percent_decimals,
)
from usru_scenarios.report.sentences import summarize_forecast
from usru_scenarios.results.simulate import Band, ScenarioResult, Simulation
from usru_scenarios.schemas import schema


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (0.2053, 1, "20.5%"),
        (0.2053, 0, "21%"),
        (0.0, 1, "0.0%"),
        (0.0004, 1, "<0.1%"),
        (0.9996, 1, ">99.9%"),
        (1.0, 1, "100.0%"),
        (1.0 - 1e-15, 0, "100%"),
        (1e-15, 0, "0%"),
    ],
)
def test_a_likelihood_is_a_percentage_and_what_is_not_none_or_all_says_so(value: float, places: int, text: str) -> None:
    assert format_percent(value, places) == text


@pytest.mark.parametrize(("one", "places"), [(0.0, 1), (0.05, 0), (0.002, 0), (0.001, 1), (0.0006, 1), (0.0001, 2)])
def test_decimals_of_percentages_go_as_far_as_the_error_allows(one: float, places: int) -> None:
    assert percent_decimals(one) == places


def test_differences_are_in_points_with_their_sign() -> None:
    assert [format_points(value, 1) for value in (0.04, -0.0123, 0.0001, -0.0001)] == ["+4.0", "-1.2", "0.0", "0.0"]
    assert format_likelihood(0.20531, 0.0006) == "20.53% ± 0.06 points"
    assert format_likelihood(0.5493524017683, 1e-13) == "54.94% ± <0.0001 points"
    assert [format_error(value) for value in (0.00105, 0.0, 1e-7)] == ["0.2", "none", "<0.01"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0.0, "0%"), (1.0, "100%"), (0.5, "50%"), (0.24839123, "24.84%"), (2.3456789, "234.57%"), (-0.0, "0%")),
        *((0.000012345, "0.0012%"), (0.0005149, "0.051%"), (0.99998766, "99.9988%"), (1.0 - 1e-16, "100%")),
        (1.234e-10, "1.2e-08%"),
    ],
)
def test_a_likelihood_without_error_has_two_decimals_or_two_digits_near_none_and_all(value: float, text: str) -> None:
    assert format_exact_percent(value) == text


@pytest.mark.parametrize(
    ("low", "high", "sampled", "text"),
    [
        (0.14, 0.28, 0.0006, "14\u201328%"),
        (0.1444, 0.1512, 0.0, "14.4\u201315.1%"),
        (0.322, 0.322, 0.0, "below 0.1 points"),
        (0.322, 0.3225, 0.0009, "below 0.6 points"),
        (1.0, 1.0, 0.0, "below 0.1 points"),
    ],
)
def test_no_band_is_without_width(low: float, high: float, sampled: float, text: str) -> None:
    """Of 0.0009 the noise of a band is up to 6.58 x 0.09 = 0.59 points."""
    assert format_band(low, high, 1, sampled) == text


def test_bands_of_differences_have_signs() -> None:
    assert format_difference_band(-0.02, 0.04, 1) == "-2 to +4"
    assert format_difference_band(0.04, 0.04, 1) == "below 0.1 points"
    assert format_difference_band(-0.0004, 0.04, 1) == "0 to +4"  # and not -0


# A forecast in a sentence ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def harbour() -> Simulation:
    return us.load(HARBOUR).simulate(trials=4000)


def at(one: ScenarioResult, ends: tuple[float, float], error: float, width: float) -> ScenarioResult:
    """A scenario with other likelihoods at the start and at the end."""
    steps, (start, end) = len(one.by_step), ends
    by_step = [start, *([0.5] * (steps - 2)), end]
    errors = replace(one.standard_errors, by_step=[error] * steps, end=error)
    edges = Band([value - width for value in by_step], [value + width for value in by_step]) if width else None
    return replace(one, by_step=by_step, end=end, standard_errors=errors, band=edges)


def of(result: Simulation, start: float, end: float, error: float = 0.0, width: float = 0.0) -> Simulation:
    """The forecast of two scenarios with these likelihoods of the first."""
    first = at(result.scenarios["open"], (start, end), error, width)
    second = at(result.scenarios["shut"], (1 - start, 1 - end), error, width)
    return replace(result, scenarios={"open": first, "shut": second})


BANDED = "At the end of 2025 Open is likeliest, 69% (64 to 74); at the start it was Shut, 60%."
AHEAD = "At the end of 2025 Open is likeliest, 50.5%, just ahead of Shut, 49.5%; at the start it was Shut, 60%."
WITHIN = (
    "At the end of 2025 Open and Shut are equally likely within sampling error, 50% each; at the start it was Shut, "
    "60%."
)
WERE = "At the end of 2025 Open is likeliest, 80%; at the start Open and Shut were equally likely, 50% each."


@pytest.mark.parametrize(
    ("likelihoods", "said"),
    [
        (
            (0.4, 0.69, 0.001, 0.05),
            "At the end of 2025 Open is likeliest, 69% (64 to 74); at the start it was Shut, 60%.",
        ),
        ((0.6, 0.69, 0.001), "At the end of 2025 Open is likeliest, 69%; at the start it was so too, with 60%."),
        ((0.4, 0.505, 0.001), AHEAD),
        ((0.4, 0.505, 0.01), WITHIN),
        ((0.5, 0.5), "At the end of 2025 Open and Shut are equally likely, 50% each, as at the start."),
        ((0.5, 0.8), WERE),
    ],
)
def test_a_forecast_in_a_sentence(harbour: Simulation, likelihoods: tuple[float, ...], said: str) -> None:
    assert summarize_forecast(of(harbour, *likelihoods)) == said


def test_what_is_given_is_said_and_titles_keep_their_punctuation(harbour: Simulation) -> None:
    found = of(harbour, 0.4, 0.7)
    told = replace(found, run=replace(found.run, given=["weather=storm@start"]))
    assert summarize_forecast(told).startswith("Under these conditions at the end of 2025 Open")
    titled = replace(
        found, scenarios={**found.scenarios, "open": replace(found.scenarios["open"], title="Open, at last")}
    )
    assert '"Open, at last" is likeliest' in summarize_forecast(titled)
    alone = replace(found, scenarios={"open": found.scenarios["open"]})
    assert summarize_forecast(alone) == "Open is the only scenario."


# At any width ---------------------------------------------------------------------------------------------------------


def test_columns_are_left_out_in_their_order() -> None:
    columns = [Column(), Column("start", "number"), Column("ever", "number", rank=1), Column("band", "number", rank=2)]
    table = Table(columns, [("title", "30.0%", "56.9%", "16-27%")])
    kept = {width: [column.head for column in drop_columns(table, width).columns[1:]] for width in (27, 26, 19, 18, 5)}
    some, all_three = ["start", "ever"], ["start", "ever", "band"]
    assert kept == {27: all_three, 26: some, 19: some, 18: ["start"], 5: ["start"]}


@pytest.mark.parametrize("width", [40, 60, 140])
def test_no_answer_cuts_a_number(width: int) -> None:
    for words in (
        ["simulate"],
        ["compare", "-w", "weather=2"],
        ["sweep", "weather=0..2:3"],
        ["watch", "--top", "2"],
        ["explain", "open"],
        ["ask", "P(open @ end) - P(open @ start)"],
    ):
        done = answer(*words[:1], *words[1:], HARBOUR, "-n", "1000", "-q", COLUMNS=str(width))
        assert done.returncode == 0, done
        assert "…" not in done.stdout, words
        assert max(map(cell_len, done.stdout.splitlines())) <= width, words
        assert "Cite as: Will the harbour open? (model harbour " in " ".join(done.stdout.split())


# Data that can be stacked ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [["simulate"], ["compare", "-w", "weather=2"], ["sweep", "weather=0..2:3"], ["watch"], ["sensitivity"], ["check"]],
)
def test_every_row_says_which_model_it_is_of(words: list[str]) -> None:
    done = answer(*words, HARBOUR, "-n", "1000", "-q", "-f", "csv")
    header, *rows = csv.reader(io.StringIO(done.stdout))
    assert header[:3] == ["model", "model_hash", "profile"]
    assert {row[0] for row in rows} <= {"harbour"}
    assert any("date" in name for name in header)


def test_rows_of_several_queries_say_which_model_and_what_is_measured() -> None:
    done = answer("ask", "P(open)", "P(open @ end) - P(open @ start)", HARBOUR, "-n", "1000", "-q", "-f", "csv")
    first, second = csv.DictReader(io.StringIO(done.stdout))
    assert (first["model"], first["measure"], second["measure"]) == ("harbour", "probability", "difference")
    assert first["model_hash"] == us.load(HARBOUR).outline.model.sha256[:8]
    assert (first["time"], second["time"]) == ("average over 2025-Q1 to 2025-Q4", "")
    shown = answer("ask", "P(open)", "P(open @ end)", HARBOUR, "-n", "1000", "-q").stdout
    assert "average over 2025-Q1 to 2025-Q4" in shown
    assert "Cite as: Will the harbour open?" in shown


@pytest.mark.parametrize(
    ("step", "day"),
    [("2025", "2025-01-01"), ("2025-Q4", "2025-10-01"), ("2025-11", "2025-11-01"), ("now", None), ("mean", None)],
)
def test_a_step_has_a_first_day(step: str, day: str | None) -> None:
    assert first_day(step) == day


@pytest.mark.parametrize(
    "words",
    [
        ["simulate"],
        ["compare", "-w", "weather=2"],
        ["sweep", "weather=0..2:3"],
        ["watch"],
        ["sensitivity", "--question", "drivers"],
        ["check"],
        ["explain", "open"],
        ["ask", "P(open)"],
    ],
)
def test_every_answer_has_the_same_model_and_run(words: list[str]) -> None:
    found = json.loads(answer(*words, HARBOUR, "-n", "1000", "-q", "--json").stdout)
    assert set(found["model"]) == {"name", "title", "sha256", "authors", "date"}
    assert {"trials", "seed", "method", "steps", "profile", "weights", "do", "given", "usru_version"} <= set(
        found["run"]
    )


OF_A_FILE = [["validate"], ["show"], ["show", "--names"], ["sources"], ["sources", "--directions"]]


@pytest.mark.parametrize("words", OF_A_FILE)
def test_what_a_file_says_has_the_same_model_and_run(words: list[str]) -> None:
    keys, found = (
        json.loads(answer(*asked, "--json").stdout)["run"]
        for asked in (["simulate", HARBOUR, "-n", "1000", "-p", "sailor"], [words[0], HARBOUR, *words[1:]])
    )
    assert set(found) == set(keys)
    assert (found["profile"], found["usru_version"], found["trials"]) == (None, us.__version__, None)
    profiled = json.loads(answer(words[0], HARBOUR, *words[1:], "-p", "sailor", "--json").stdout)
    assert (profiled["model"]["name"], profiled["run"]["profile"]) == ("harbour", "sailor")
    jsonschema.validate(profiled, schema(profiled["format"].removeprefix("usru.").split("/")[0]))


def test_the_row_of_a_comparison_at_each_step_has_its_date() -> None:
    rows = answer("ask", "P(open @ each 2025-Q2..) >= 0", "P(open @ end)", HARBOUR, "-q", "-f", "csv").stdout
    first, second = csv.DictReader(io.StringIO(rows))
    assert first["step"] in {"2025-Q2", "2025-Q3", "2025-Q4"}
    assert first["date"] == {"2025-Q2": "2025-04-01", "2025-Q3": "2025-07-01", "2025-Q4": "2025-10-01"}[first["step"]]
    assert (second["step"], second["date"]) == ("", "")


def test_rows_of_faults_and_warnings_say_which_model_they_are_of(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "usru: 1\nname: mine\ntitle: Mine\nscenarios: {a: 0.5, b: 0.3}\nprofiles: {p: {}}\n", encoding="utf-8"
    )
    (warned,) = csv.DictReader(io.StringIO(answer("validate", str(file), "-p", "p", "-f", "csv").stdout))
    assert (warned["model"], len(warned["model_hash"]), warned["profile"]) == ("mine", 8, "p")
    assert warned["code"] == "shares_off_one"
    file.write_text("usru: 1\nname: mine\n", encoding="utf-8")
    faults = list(csv.DictReader(io.StringIO(answer("validate", str(file), "-f", "csv").stdout)))
    assert [(one["model"], one["model_hash"], one["severity"]) for one in faults] == [("", "", "error")] * 2


@pytest.mark.parametrize("words", OF_A_FILE[1:])
def test_what_a_file_says_can_be_stacked_and_put_into_a_text(words: list[str]) -> None:
    asked = [words[0], HARBOUR, *words[1:]]
    header, *rows = csv.reader(io.StringIO(answer(*asked, "-f", "csv").stdout))
    assert header[:3] == ["model", "model_hash", "profile"]
    assert {(row[0], len(row[1])) for row in rows} == {("harbour", 8)}
    text = answer(*asked, "-f", "md").stdout
    assert text.startswith("# Will the harbour open?")
    assert "| ---" in text


def test_the_trials_that_are_told_are_those_that_were_drawn(bundled: us.Study) -> None:
    found = bundled.ask("P(reset)", trials=4000, judgements=512)
    assert found.effective_trials is not None
    assert found.run.trials == found.trials == 4096 >= found.effective_trials


def test_an_answer_says_over_which_time_it_averages() -> None:
    said = {
        "P(open)": "average over 2025-Q1 to 2025-Q4",
        "P(open @ by 2025-Q3)": "in at least one step from 2025-Q1 to 2025-Q3",
        "P(open @ ever)": "in at least one step from 2025-Q1 to 2025-Q4",
        "P(open @ always)": "in every step from 2025-Q1 to 2025-Q4",
        "P(open @ end)": "in 2025-Q4",
    }
    study = us.load(HARBOUR)
    for query, time in said.items():
        assert study.ask(query, trials=100).probabilities[0].time == time
    kinds = {
        "P(open)": "probability",
        "P(open @ end) - P(open @ start)": "difference",
        "2 * P(open)": "probability",
        "P(open @ end) / P(open @ start)": "number",
        "odds(P(open))": "number",
        "P(open) > 0.2": "probability",
    }
    for query, kind in kinds.items():
        assert study.ask(query, trials=100).measure == kind


def test_who_judged_stands_in_the_line_to_cite() -> None:
    text = "usru: 1\nname: m\ntitle: M\nauthors: [A. B., C. D.]\ndate: 2024-12\nscenarios: {a: 1, b: 3}\n"
    done = answer("simulate", "-", stdin=text)
    assert "judgements by A. B., C. D. of 2024-12), usru " in " ".join(done.stdout.split())
    assert json.loads(answer("simulate", "-", "--json", stdin=text).stdout)["model"]["authors"] == ["A. B.", "C. D."]


def test_check_shows_failures_first_with_the_two_sides_of_a_chain() -> None:
    text = (
        "usru: 1\nname: m\ntitle: M\nscenarios: {a: 1, b: 3}\nexpectations:\n"
        '  holding: {that: "P(b) > P(a)"}\n  chain: {that: "0.1 < P(b) < P(a) < 0.9", title: A chain}\n'
    )
    shown = answer("check", "-", stdin=text).stdout
    assert shown.index("fails  chain") < shown.index("holds  holding")
    assert "closest: P(b) < P(a)" in shown
    assert "75.0%  25.0%   -50.0" in shown


def test_a_table_for_people_is_all_that_changes(harbour: Simulation) -> None:
    found = json.loads(render_report(harbour, "json", Layout()))
    assert found["scenarios"]["open"]["end"] == harbour.scenarios["open"].end < 1
