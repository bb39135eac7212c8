"""The benchmark's contenders that need numpy alone, and C where there is a compiler: all of them answer the same model.

Nothing is timed here.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from bench.checking import WrongAnswer, check
from bench.contenders import Contender, Unavailable, ours, plain, yardstick
from bench.contenders.register import CONTENDERS, PLAIN, C, contender
from bench.measure import Row, What, in_rounds
from bench.model import Case, Shape, built
from bench.report import as_csv, as_markdown, bars, summary
from bench.suite import BEFORE, CPU, NS, PEAK, WALL, Suite
from usru_scenarios.version import __version__

TRIALS = 40_000
SHAPES = {
    "static": Shape(6, 3, 4, 1, same_step={3: (0,), 5: (2, 1)}),
    "dynamic": Shape(6, 3, 4, 3, same_step={4: (1,)}, previous={0: (1,), 1: (0, 3), 5: (4,)}),
    "feedback": Shape(3, 2, 3, 3, previous={1: (0,)}, feedback=True),
}
CHECKED = [
    pytest.param(model, one, id=f"{model}-{one.name}-{one.method}")
    for model in SHAPES
    for one in CONTENDERS
    if model in one.trials and one.prepare.__module__ in {module.__name__ for module in (ours, plain, yardstick)}
]


@cache
def tiny(model: str) -> Case:
    return built(model, SHAPES[model])


@pytest.mark.parametrize(("model", "one"), CHECKED)
def test_a_contender_gives_the_exact_answer(model: str, one: Contender) -> None:
    if one.name == C and shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    trials = TRIALS if one.trials[model] else 0
    check(tiny(model), one.prepare(tiny(model))(trials, 1), trials)


@pytest.mark.parametrize("model", SHAPES)
def test_an_answer_to_another_model_is_found_out(model: str) -> None:
    other = built(model, SHAPES[model], seed=2)
    answer = contender(PLAIN, "drawn", model).prepare(other)(TRIALS, 1)
    check(other, answer, TRIALS)
    with pytest.raises(WrongAnswer):
        check(tiny(model), answer, TRIALS)


@pytest.mark.parametrize("part", ["shares", "first", "moves", "states"])
def test_a_number_that_is_off_by_more_than_chance_is_found_out(part: str) -> None:
    right = tiny("dynamic").truth
    check(tiny("dynamic"), right, 0)
    wrong = getattr(right, part).copy()
    wrong.flat[-1] += 0.05
    with pytest.raises(WrongAnswer, match="where"):
        check(tiny("dynamic"), dataclasses.replace(right, **{part: wrong}), TRIALS)
    with pytest.raises(WrongAnswer):
        check(tiny("dynamic"), dataclasses.replace(right, **{part: np.full_like(wrong, np.nan)}), TRIALS)


def test_the_same_seed_gives_the_same_model() -> None:
    one, other = built("static", SHAPES["static"]), built("static", SHAPES["static"])
    assert np.array_equal(one.truth.shares, other.truth.shares)
    assert not np.allclose(one.truth.shares, built("static", SHAPES["static"], seed=3).truth.shares)


def test_without_a_compiler_the_yardstick_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(Unavailable, match="no C compiler"):
        yardstick.compiler()


def test_a_package_that_is_missing_is_named() -> None:
    from bench.contenders import optional

    with pytest.raises(Unavailable, match="no_such_peer is not installed"):
        optional("no_such_peer.models")


def test_tasks_take_turns() -> None:
    turns: list[str] = []

    def task(name: str) -> None:
        if not turns or turns[-1] != name:
            turns.append(name)

    times = in_rounds({name: lambda name=name: task(name) for name in "abc"}, 2)  # type: ignore[misc]
    assert turns == ["a", "b", "c", "a", "b", "c", "b", "c", "a"]
    assert [len(measured.wall) for measured in times.values()] == [2, 2, 2]


def measured() -> Suite:
    """A suite as if it had run: half as slow again as C, and plain numpy five times too fast."""
    suite = Suite(rounds=3)
    for name, nanoseconds in (("usru", 6.0), (PLAIN, 24.0), (C, 4.0)):
        what = What("static", "static", name, "carried", 1000, 10, 1)
        suite.rows += [Row(what, NS, "ns", (nanoseconds,) * 3), Row(what, CPU, "s", (0.1, 0.3, 0.2))]
    process = What("memory", "static", "usru", "carried", 1000, 10, 1)
    suite.rows += [Row(process, BEFORE, "MB", (50.0,)), Row(process, PEAK, "MB", (60.0,))]
    suite.rows.append(Row(What("startup", "", "usru --help"), WALL, "s", (0.2, 0.3, 0.1)))
    suite.skipped["numba, carried, static: numba is not installed"] = None
    return suite


def test_bars_compare_ratios_of_the_same_round() -> None:
    verdicts = {bar.name: bar.line[-1] for bar in bars(measured().rows) if bar.measured is not None}
    assert verdicts == {
        "static sampling against plain numpy (carried)": "missed by 5.00 times",
        "static sampling against C (carried)": "met",
        "static, memory at 1,000 trials": "met",
    }


def test_the_table_is_tidy() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(measured().rows))))
    assert len(rows) == len(measured().rows)
    assert (rows[1]["median"], rows[1]["min"], rows[1]["max"], rows[1]["rounds"]) == ("0.2", "0.1", "0.3", "3")
    assert rows[0]["quantity"] == NS


def test_the_report_names_versions_and_who_did_not_run() -> None:
    for text in (as_markdown(measured()), summary(measured())):
        assert f"usru {__version__}" in text
        assert "| static sampling against C (carried) | <= 3.00 times | 1.50 (1.50 to 1.50) times | met |" in text
    assert "- numba, carried, static: numba is not installed" in as_markdown(measured())


def test_the_report_is_a_page_with_a_title_as_the_one_that_is_kept() -> None:
    kept = (Path(__file__).parent.parent / "bench" / "results" / "bench.md").read_text(encoding="utf-8")
    assert kept.splitlines()[0] == as_markdown(measured()).splitlines()[0] == "# The benchmark"
