"""The formats of a simulation, against golden outputs and each other, and the table at several widths."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

import usru_scenarios as us
from support.command import GOLDEN, HARBOUR
from usru_scenarios.report import TABULAR_FORMATS, Layout, render_report
from usru_scenarios.report.numbers import bar, decimals_for, round_up_error, sparkline
from usru_scenarios.report.simulate import COLUMNS
from usru_scenarios.results.simulate import ScenarioResult, Simulation

TOLERANCE = 1e-9
"""Of golden numbers: what another version of numpy may do to the last digits, and no more."""


@pytest.fixture(scope="module")
def result() -> Simulation:
    return us.load(HARBOUR).simulate(trials=4000)


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    """A model of one step."""
    file = tmp_path_factory.mktemp("still") / "m.yaml"
    file.write_text("usru: 1\nname: m\ntitle: M\nscenarios: {a: {baseline: 0.25}, b: {baseline: 0.75}}\n")
    return us.load(file).simulate(trials=100)


def near(found: Any, golden: Any, path: str = "") -> None:
    """Compare parsed data: keys, order of lists and texts exactly, numbers to the tolerance."""
    if isinstance(golden, dict):
        assert list(found) == list(golden), path
        for key in golden:
            near(found[key], golden[key], f"{path}.{key}")
    elif isinstance(golden, list):
        assert len(found) == len(golden), path
        for number, (left, right) in enumerate(zip(found, golden, strict=True)):
            near(left, right, f"{path}[{number}]")
    elif isinstance(golden, float):
        assert found == pytest.approx(golden, abs=TOLERANCE), path
    else:
        assert found == golden, path


def test_json_is_the_golden_output(result: Simulation) -> None:
    found = json.loads(render_report(result, "json", Layout()))
    golden = json.loads((GOLDEN / "simulation.json").read_text(encoding="utf-8"))
    found["run"].pop("usru_version")
    golden["run"].pop("usru_version")
    near(found, golden)


@pytest.mark.parametrize("wide", [False, True])
def test_csv_is_the_golden_output(result: Simulation, wide: bool) -> None:
    text = render_report(result, "csv", Layout(wide=wide))
    assert "\r" not in text
    near(_cells(text), _cells((GOLDEN / f"simulation{'-wide' * wide}.csv").read_text(encoding="utf-8")))


def _cells(text: str) -> list[list[str | float]]:
    def read(cell: str) -> str | float:
        try:
            return float(cell)
        except ValueError:
            return cell

    return [[read(cell) for cell in row] for row in csv.reader(io.StringIO(text))]


@pytest.mark.parametrize("form", ["table", "md"])
def test_texts_for_people_are_the_golden_output(result: Simulation, form: str) -> None:
    golden = (GOLDEN / f"simulation.{form}").read_text(encoding="utf-8")
    assert render_report(result, form, Layout()) == golden.replace("VERSION", us.__version__)


def test_rows_have_fixed_columns_and_hold_what_the_json_holds(result: Simulation) -> None:
    rows = [json.loads(line) for line in render_report(result, "ndjson", Layout()).splitlines()]
    assert all(tuple(row) == COLUMNS for row in rows)
    assert {row["model"] for row in rows} == {"harbour"}
    assert {row["step"]: row["date"] for row in rows}["2025-Q3"] == "2025-07-01"
    assert rows[0]["title"] == result.scenarios["open"].title
    assert {row["ever"] for row in rows if row["id"] == "open"} == {result.scenarios["open"].ever}
    states = 2 + 1 + 2 + 1 + 2 + 2
    assert len(rows) == states * 4
    shown = {(row["kind"], row["id"], row["state"], row["step"]): row for row in rows}
    assert shown["scenario", "open", None, "2025-Q3"]["probability"] == result.scenarios["open"].by_step[2]
    assert shown["group", "either", None, "2025-Q1"]["first_visit"] == pytest.approx(1)
    assert shown["driver", "weather", "storm", "2025-Q1"]["probability"] == pytest.approx(0.1, abs=0.03)
    traffic = shown["driver", "traffic", None, "2025-Q1"]
    assert traffic["probability"] is None
    assert traffic["q05"] < traffic["q50"] < traffic["q95"]
    wide = [json.loads(line) for line in render_report(result, "ndjson", Layout(wide=True)).splitlines()]
    assert len(wide) == states
    assert wide[0]["2025-Q3"] == result.scenarios["open"].by_step[2]


@pytest.mark.parametrize("form", TABULAR_FORMATS)
def test_every_format_of_a_model_without_time(still: Simulation, form: str) -> None:
    text = render_report(still, form, Layout())
    assert text.endswith("\n")
    assert "25.0%" in text or "0.25" in text
    assert "of time" not in text


# The table


def retitled(result: Simulation, title: str) -> Simulation:
    """The result with another title for its first scenario."""
    return replace(result, scenarios={**result.scenarios, "open": replace(result.scenarios["open"], title=title)})


@pytest.mark.parametrize("width", [40, 60, 80, 140])
@pytest.mark.parametrize(
    "title", ["Open", "A title that is far too long to stand in one line of a table of numbers", "关系正常化" * 8]
)
def test_the_table_keeps_within_its_width_and_drops_no_number(result: Simulation, width: int, title: str) -> None:
    text = render_report(retitled(result, title), "table", Layout(width=width))
    assert max(map(cell_len, text.splitlines())) <= width
    assert "…" not in text
    for row in (*result.scenarios.values(), *result.groups.values()):
        numbers = " ".join(f"{100 * number:.1f}%" for number in _numbers(row)[:2])
        assert numbers in " ".join(text.split())


@pytest.mark.parametrize("colour", [False, True])
def test_the_layout_alone_decides_what_is_drawn(
    result: Simulation, colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(width=70, colour=colour)
    drawn = render_report(result, "table", layout)
    assert ("\x1b[" in drawn) == colour
    others = {"COLUMNS": "30", "LINES": "5", "NO_COLOR": "1", "TERM": "dumb", "JUPYTER_COLUMNS": "20"}
    for name, value in {**others, "FORCE_COLOR": "1", "TTY_COMPATIBLE": "0", "TTY_INTERACTIVE": "1"}.items():
        monkeypatch.setenv(name, value)
    assert render_report(result, "table", layout) == drawn


def _numbers(row: ScenarioResult) -> list[float]:
    return [row.by_step[0], row.end, row.ever, row.mean]


def test_bar_and_sparkline_come_with_the_room(result: Simulation) -> None:
    narrow, usual, broad = (render_report(result, "table", Layout(width=width)) for width in (36, 80, 140))
    assert "█" not in narrow
    assert usual.count("█") < broad.count("█") or "▇▇" in usual
    assert "Small columns rise from 0" in usual
    assert "Small columns rise from 0" not in narrow


def test_only_colour_makes_the_difference(result: Simulation) -> None:
    plain, coloured = (render_report(result, "table", Layout(colour=colour)) for colour in (False, True))
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert "\x1b" not in plain
    assert "\x1b" in coloured
    assert [line.rstrip() for line in bare.splitlines()] == plain.splitlines()


def test_titles_can_neither_steer_the_terminal_nor_break_a_table(result: Simulation) -> None:
    hostile = retitled(result, "[red]a\x1b[31m|b\nc[/red]")
    table, markdown = (render_report(hostile, form, Layout()) for form in ("table", "md"))
    assert "\x1b" not in table
    assert "[red]a [31m|b c[/red]" in table
    assert "| \\[red\\]a" in markdown
    assert "\\|b c" in markdown


# Numbers


@pytest.mark.parametrize(
    ("error", "decimals"), [(0, 3), (0.2, 1), (0.05, 1), (0.0099, 2), (0.0011, 2), (0.00099, 3), (1e-9, 4)]
)
def test_decimals_go_as_far_as_the_error_allows(error: float, decimals: int) -> None:
    assert decimals_for(error) == decimals


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (0.00105, "0.002"),
        (0.002, "0.002"),
        (0.0095, "0.01"),
        (0.23, "0.3"),
        (0.00005, "0.00005"),
        (0, "0"),
        (2.4e-310, "3e-310"),
        (3e298, "3e+298"),
    ],
)
def test_errors_are_rounded_up(error: float, text: str) -> None:
    assert round_up_error(error) == text


def test_sparklines_average_what_they_have_no_room_for() -> None:
    assert sparkline([0, 0.5, 1], 1, 3) == "▁▅█"
    assert sparkline([0, 0, 1, 1], 1, 2) == "▁█"
    assert len(sparkline([0.1] * 1200, 1, 48)) == 48
    assert sparkline([0, 0], 0, 2) == "▁▁"


def test_bars_are_exact_to_an_eighth() -> None:
    assert bar(1, 1, 4) == "████"
    assert bar(0.5, 1, 4) == "██"
    assert bar(1 / 32, 1, 4) == "▏"
    assert bar(0, 0, 4) == ""


def test_goldens_are_small_files() -> None:
    assert all(file.stat().st_size < 60_000 for file in Path(GOLDEN).iterdir() if file.is_file())
