"""Likelihoods over a range: softmaxes in closed form, crossings with honest errors, and what may be varied."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len

from support.cases import Case, cases
from support.command import answer
from support.effort import tries
from support.oracle import Json
from support.reference_models import model
from support.sabotage import replace_everywhere
from support.sampled import ERRORS, Opened, changed
from support.schemas import assert_follows
from support.tiny import TINY
from usru_scenarios.language.variable import parse_variable
from usru_scenarios.problems import QueryError, RequestError
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.reading.yaml_source import read_file
from usru_scenarios.report import TABULAR_FORMATS, Layout, render_report
from usru_scenarios.results.sweep import Crossing, Sweep
from usru_scenarios.study import Study, load

CERTAIN: Json = model(
    scenarios={"a": {"baseline": 0.2}, "b": {"baseline": 0.7}, "c": {"baseline": 0.1}},
    groups={"rest": ["a", "c"]},
    drivers={"push": {"states": {"on": 1}, "impacts": {"on": {"a": 1}}}},
    consequences={"after": {"states": {"x": 1}}},
)
"""Nothing is random."""


@pytest.fixture(scope="module")
def swept(bundled: Study) -> Sweep:
    return bundled.sweep("domestic_opposition=0..3", trials=100)


@pytest.fixture(scope="module")
def mapped(bundled: Study) -> Sweep:
    return bundled.sweep(["domestic_opposition=0..3:4", "odds_per_point.impacts=1.1,1.3,1.6"], trials=100)


# Closed forms ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["sample", "exact"])
@pytest.mark.parametrize("variable", ["push=0..4:9", "drivers.push.impacts.on.a=0..4:9", "drivers.push.weight=0..4:9"])
def test_a_softmax_and_its_crossing(opened: Opened, variable: str, method: Any) -> None:
    """P(a) = 2^w 0.2 / (2^w 0.2 + 0.8), and a is as likely as b where 2^w = 0.7 / 0.2."""
    found = opened(CERTAIN).sweep(variable, method=method, trials=None if method == "exact" else 50)
    values = np.array(found.variables[0].values)
    truth = 2**values * 0.2 / (2**values * 0.2 + 0.8)
    assert values == pytest.approx(np.arange(0, 4.5, 0.5))
    assert found.scenarios["a"].curves["now"].probability == pytest.approx(truth, abs=1e-12)
    assert found.groups["rest"].curves["now"].probability[0] == pytest.approx(0.3)
    assert max(found.scenarios["a"].curves["now"].standard_errors) < 1e-12
    (crossing,) = found.crossings
    assert (crossing.before, crossing.after, crossing.low, crossing.high) == ("b", "a", 1.5, 2.0)
    assert crossing.value == pytest.approx(math.log2(0.7 / 0.2), abs=1e-6)
    assert crossing.standard_error == pytest.approx(0, abs=1e-9)
    assert found.likeliest["now"] == ["b"] * 4 + ["a"] * 5
    assert found.variables[0].present == 1.0


def test_odds_per_point_crosses_too(opened: Opened) -> None:
    (crossing,) = opened(CERTAIN).sweep("odds_per_point=1.5..5", method="exact").crossings
    assert crossing.value == pytest.approx(3.5, abs=1e-6)


def test_a_prior_is_a_relative_weight(opened: Opened) -> None:
    found = opened(CERTAIN).sweep({"scenarios.b.baseline": [0.3, 0.7, 1.7]}, method="exact")
    assert found.scenarios["b"].curves["now"].probability == pytest.approx([v / (v + 0.5) for v in (0.3, 0.7, 1.7)])
    assert found.variables[0].present == 0.7


def test_a_leader_between_two_points_is_found(opened: Opened) -> None:
    """a leads b from w = 1 on, and c, which rises twice as fast, leads a from w = 2 on."""
    raw = changed(CERTAIN, "drivers/push/impacts/on", {"a": 1, "c": 2})
    raw["scenarios"] = {"a": {"baseline": 0.5}, "b": {"baseline": 1}, "c": {"baseline": 0.125}}
    found = opened(raw).sweep("push=0,4", method="exact").crossings
    assert [(one.before, one.after) for one in found] == [("b", "a"), ("a", "c")]
    assert [one.value for one in found] == pytest.approx([1, 2], abs=1e-6)


# Sampled --------------------------------------------------------------------------------------------------------------


def crossing_of(study: Study, **how: Any) -> Crossing:
    (crossing,) = study.sweep("mood=0.5..4:6", at=["end"], **how).crossings
    assert crossing.value is not None
    assert crossing.standard_error is not None
    return crossing


def misfit(study: Study, runs: int) -> float:
    """The mean square of a crossing's distance from the truth in standard errors, over many seeds: about 1."""
    truth = crossing_of(study, method="exact").value
    squares = []
    for seed in range(runs):
        one = crossing_of(study, trials=1000, seed=seed)
        assert one.value is not None
        assert one.standard_error is not None
        squares.append(((one.value - (truth or 0)) / one.standard_error) ** 2)
    return float(np.mean(squares))


@pytest.mark.more
def test_the_error_of_a_crossing_is_honest(opened: Opened) -> None:
    raw = changed(TINY, "scenarios/thaw/baseline", 0.5)
    raw["scenarios"]["war"]["baseline"] = 0.3
    raw["drivers"]["mood"]["impacts"] = {"high": {"thaw": 1}, "low": {"war": 1}}
    runs = tries(30, 60)
    found, spread = misfit(opened(raw), runs), ERRORS * math.sqrt(2 / runs)
    assert found == pytest.approx(1, abs=spread)
    assert found / 0.5**2 != pytest.approx(1, abs=spread)  # so half the error would be noticed


@pytest.mark.parametrize(
    ("variable", "how"),
    [
        ("sanctions=0.5,2.5", {"weights": {"sanctions": 2.5}}),
        ("drivers.sanctions.persistence=0.3,0.9", {"overrides": {"drivers.sanctions.persistence": 0.9}}),
        ("drivers.us_approach.initial.relapse=0.1,0.4", {"overrides": {"drivers.us_approach.initial.relapse": 0.4}}),
    ],
)
def test_a_point_is_the_model_with_that_value(bundled: Study, variable: str, how: Json) -> None:
    found = bundled.sweep(variable, trials=100, do=["dialogue=summit"])
    alone = load("us-russia", **how).simulate(trials=100, judgements=0, do=["dialogue=summit"])
    for name, one in found.scenarios.items():
        assert one.curves["end"].probability[1] == pytest.approx(alone.scenarios[name].end, abs=1e-9)
        assert one.curves["mean"].probability[1] == pytest.approx(alone.scenarios[name].mean, abs=1e-9)
    assert found.run.do == ["dialogue=summit"]


def test_two_variables_make_a_grid(mapped: Sweep) -> None:
    assert mapped.points == [[v, w] for v in (0.0, 1.0, 2.0, 3.0) for w in (1.1, 1.3, 1.6)]
    assert mapped.crossings == []
    alone = load("us-russia", weights={"domestic_opposition": 2}, overrides={"odds_per_point.impacts": 1.6}).simulate(
        trials=100, judgements=0
    )
    assert mapped.scenarios["reset"].curves["end"].probability[8] == pytest.approx(
        alone.scenarios["reset"].end, abs=1e-9
    )


def test_weights_alone_are_neither_read_nor_compiled_again(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError

    study = opened(TINY)
    assert study.program
    for function in (compile_model, read_file):
        replace_everywhere(monkeypatch, function, refuse)
    assert len(study.sweep(["mood=0..2:3", "drivers.talks.weight=0..1:3"], trials=100).points) == 9
    with pytest.raises(AssertionError):
        study.sweep("drivers.mood.persistence=0..1:3", trials=100)


def test_blocks_may_run_in_any_order(opened: Opened) -> None:
    def backwards(function: Callable[[int], Any], blocks: Iterable[int]) -> list[Any]:
        return [function(block) for block in reversed(list(blocks))][::-1]

    study, variable = opened(TINY), "drivers.mood.persistence=0.5..1:9"
    again = study.sweep(variable, trials=20_000, map_blocks=backwards)
    assert again == study.sweep(variable, trials=20_000)


def test_times_are_read_as_asked(opened: Opened) -> None:
    found = opened(TINY).sweep("mood=0,2", at=["2001", "start"], method="exact")
    alone = opened(TINY).varied(weights={"mood": 2}).simulate(method="exact").scenarios["war"]
    assert found.at == ["2001", "start"]
    assert found.scenarios["war"].curves["2001"].probability[1] == pytest.approx(alone.by_step[1])
    assert found.scenarios["war"].curves["start"].probability[1] == pytest.approx(alone.by_step[0])


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("x=0..1:3", (0.0, 0.5, 1.0)),
        ("x = -1 .. 1 : 2", (-1.0, 1.0)),
        ("x=2,0.5,1e1,2", (0.5, 2.0, 10.0)),
        ("x=.5..1.:2", (0.5, 1.0)),
        ('a."b=c".d=1,2', (1.0, 2.0)),
    ],
)
def test_values_are_read(text: str, values: tuple[float, ...]) -> None:
    found = parse_variable(text)
    assert found.values == values
    assert found.name == text.rpartition("=")[0].strip()


def test_a_range_has_eleven_points_and_its_very_ends() -> None:
    values = parse_variable("x=0.1..0.7").values
    assert len(values) == 11
    assert (values[0], values[-1]) == (0.1, 0.7)


@pytest.mark.parametrize("case", cases("refused_variables.txt"), ids=lambda case: " ".join(case.written))
def test_what_makes_no_sense_is_told_in_its_place(opened: Opened, case: Case) -> None:
    with pytest.raises((QueryError, RequestError)) as raised:
        opened(TINY).sweep(case.written, trials=10)
    assert case.said in str(raised.value)
    assert raised.value.exit_status == 2
    if case.written:
        assert "sweep:1:" in str(raised.value)
        assert "--set" not in str(raised.value)


def test_what_is_no_number_is_not_varied(opened: Opened) -> None:
    raw = {**TINY, "rules": {"r": {"when": {"mood": "low", "talks": "none"}, "then": {"scenario": {"war": 1}}}}}
    with pytest.raises(QueryError, match="nothing changes"):
        opened(raw).sweep("rules.r.at_least=1,2", trials=10)


@pytest.mark.parametrize(
    ("at", "said"), [("2000..2001", "not a date"), ("1999", "off the grid"), ("now", "no meaning")]
)
def test_a_time_must_be_one(opened: Opened, at: str, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        opened(TINY).sweep("mood=0..1", at=[at], trials=10)


# Output ---------------------------------------------------------------------------------------------------------------


def test_json_follows_its_schema(swept: Sweep, mapped: Sweep) -> None:
    for one in (swept, mapped):
        assert_follows(json.loads(render_report(one, "json", Layout())), "sweep", points=[1])


def test_rows_are_tidy(mapped: Sweep) -> None:
    rows = list(csv.DictReader(io.StringIO(render_report(mapped, "csv", Layout()))))
    assert len(rows) == 12 * 2 * 6
    assert list(rows[0]) == [
        "model", "model_hash", "profile", "domestic_opposition", "odds_per_point.impacts", "kind", "id", "title",
        "at", "date", "probability", "standard_error",
    ]  # fmt: skip
    (row,) = (
        one
        for one in rows
        if (one["domestic_opposition"], one["odds_per_point.impacts"], one["id"], one["at"])
        == ("2.0", "1.6", "thaw", "end")
    )
    assert float(row["probability"]) == mapped.groups["thaw"].curves["end"].probability[8]


@pytest.mark.parametrize("width", [60, 80, 140])
def test_tables_keep_to_their_width_and_their_numbers_whole(swept: Sweep, mapped: Sweep, width: int) -> None:
    text = render_report(swept, "table", Layout(width=width))
    assert max(map(cell_len, text.splitlines())) <= width
    assert "…" not in text
    for one in swept.scenarios.values():
        curve = one.curves["end"].probability
        assert f"{100 * curve[0]:.0f}%" in text
        assert f"{100 * curve[-1]:.0f}%" in text
    assert ("have them all" in " ".join(text.split())) == (width < 140)
    drawn = render_report(mapped, "table", Layout(width=width))
    assert max(map(cell_len, drawn.splitlines())) <= width
    shown = [cell for line in drawn.splitlines() for cell in line.split()[1:] if cell[1:].isdigit()]
    assert len([cell for cell in shown if cell[0].isalpha()]) == 2 * 12
    chosen = render_report(mapped.only("thaw"), "table", Layout(width=width))
    assert f"{100 * mapped.groups['thaw'].curves['end'].probability[0]:.0f}" in chosen
    assert "likelihood in percent of thaw" in chosen


def test_a_table_of_many_points_is_thinned_out(opened: Opened) -> None:
    found = opened(TINY).sweep("mood=0..1:60", trials=20)
    text = render_report(found, "table", Layout())
    assert max(map(cell_len, text.splitlines())) <= 80
    assert "have them all" in " ".join(text.split())


@pytest.mark.parametrize("form", TABULAR_FORMATS)
def test_every_format_of_a_model_without_time(opened: Opened, form: str) -> None:
    found = opened(CERTAIN).sweep(["push=0..4", "odds_per_point=1.5,2"])
    text = render_report(found, form, Layout())
    assert text.endswith("\n")
    assert "of time" not in text


def test_the_crossing_is_told(swept: Sweep, opened: Opened) -> None:
    text = render_report(opened(CERTAIN).sweep("push=0..4"), "table", Layout())
    assert "Here b is likeliest up to push = 1.807, then a." in text
    assert "is likeliest" in render_report(swept, "md", Layout())


# The command ----------------------------------------------------------------------------------------------------------


def test_the_command_takes_variables_and_a_model_in_any_order(tmp_path: Path) -> None:
    file = tmp_path / "tiny.json.yaml"
    file.write_text(json.dumps(TINY), encoding="utf-8")
    for words in (["mood=0..1:3", "talks=0,1", str(file)], [str(file), "mood=0..1:3", "talks=0,1"]):
        done = answer("sweep", *words, "-n", "50", "--json", "-w", "mood=2", "-p", "gloomy")
        assert (done.returncode, done.stderr) == (0, "")
        data = json.loads(done.stdout)
        assert (data["model"]["name"], len(data["points"]), data["run"]["profile"]) == ("tiny", 6, "gloomy")
        assert [one["present"] for one in data["variables"]] == [2.0, 0.5]


def test_the_command_shows_one_scenario_where_asked() -> None:
    done = answer("sweep", "sanctions=0..1:3", "--of", "thaw", "-n", "50", "-q")
    assert done.returncode == 0
    assert "Reset" not in done.stdout
    assert "thaw" in done.stdout


def test_a_weight_that_is_set_besides_has_the_last_word(opened: Opened) -> None:
    study = opened(TINY).varied(weights={"mood": 3})
    with pytest.raises(QueryError, match="nothing changes"):
        study.sweep("drivers.mood.weight=0..1", trials=10)
