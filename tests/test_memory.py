"""Memory of a forecast does not grow with the draws of the judgements times the steps, nor with steps and scenarios."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.command import COMMAND, answer, environment
from support.oracle import Json
from support.sampled import compiled
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import All, InStates, Timed
from usru_scenarios.program.support import Support
from usru_scenarios.sampler import blocks, forecast
from usru_scenarios.sampler.blocks import BLOCK, Plan, TooMuchMemoryError
from usru_scenarios.sampler.forecast import simulate
from usru_scenarios.sampler.likelihood_weighting import CERTAIN, CaseSampler, ProgramCases
from usru_scenarios.study import load

MOST = 190
"""Megabytes: some 60 for Python and numpy, the rest for the run."""


def uncertain(drivers: int, steps: int) -> str:
    """A model in which each driver has uncertain judgements."""
    judged = "{states: {x: {uniform: [0.1, 0.9]}, y: 0.5}, persistence: {uniform: [0.1, 0.9]}, impacts: {x: {a: 1}}}"
    return "\n".join(
        [
            "usru: 1\nname: wide\ntitle: Wide",
            f"time: {{start: 2000, end: {1999 + steps}, step: year}}",
            "scenarios: {a: {baseline: 0.5}, b: {baseline: 0.5}}\ndrivers:",
            *(f"  d{number}: {judged}" for number in range(drivers)),
        ]
    )


PEAK = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no count of memory")
def test_memory_does_not_grow_with_draws_times_steps(tmp_path: Path) -> None:
    # 300 steps x (2 x 40 + 4) quantities x 1,024 halves of draws x 8 bytes are 206 MB, were sums kept for each half:
    # beside the 60 MB of Python and numpy that is well over the bound, and their moments are 5 MB.
    path = tmp_path / "wide.yaml"
    path.write_text(uncertain(40, 300))
    command = [*COMMAND, "simulate", "-q", "--jobs", "1", "-n", "1024", "--judgements", "512", str(path)]
    found = subprocess.run(
        [sys.executable, "-c", PEAK, *command], capture_output=True, text=True, check=True, env=environment()
    )
    status, peak = map(int, found.stdout.split())
    megabytes = peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    assert status == 0
    assert megabytes < MOST


@pytest.mark.skipif(sys.platform == "win32", reason="no count of memory")
def test_memory_does_not_grow_with_events_times_draws_times_steps(tmp_path: Path) -> None:
    # An event at each of 600 steps, 600 steps and 256 draws are 740 MB, were each event kept by step.
    path = tmp_path / "long.yaml"
    path.write_text(uncertain(1, 600))
    asked = ["ask", "-q", "--jobs", "1", "--method", "exact", "--judgements", "256", "P(a or d0=x @ mean)", str(path)]
    found = subprocess.run(
        [sys.executable, "-c", PEAK, *COMMAND, *asked], capture_output=True, text=True, check=True, env=environment()
    )
    status, peak = map(int, found.stdout.split())
    assert status == 0
    assert peak / (1 << 20 if sys.platform == "darwin" else 1 << 10) < MOST


# --- Many scenarios --------------------------------------------------------------------------------------------------


def many(scenarios: int) -> Json:
    """A model of so many scenarios, with a driver that moves them."""
    return {
        "usru": 1,
        "name": "many",
        "title": "Many",
        "time": {"start": "2025", "end": "2029", "step": "year"},
        "outcome": {"persistence": 0.3},
        "scenarios": {f"s{number}": {"baseline": 1 + number % 3} for number in range(scenarios)},
        "drivers": {"d": {"states": {"x": 1, "y": 1}, "persistence": 0.5, "impacts": {"x": {"s1": 2, "s2": -1}}}},
    }


@pytest.mark.parametrize("trials", [7, 1000, 2100, 40_000])
def test_moves_of_many_scenarios_are_the_same_by_several_steps_as_by_one(
    trials: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, plan = compiled(many(40)), Plan(trials, 5)
    monkeypatch.setattr(blocks, "_MOST_BATCH_ENTRIES", 1 << 19)
    together = simulate(program, plan)
    monkeypatch.setattr(forecast, "MANY_SCENARIOS", 1000)
    by_one = simulate(program, plan)
    np.testing.assert_allclose(together.moves, by_one.moves, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(together.visits, by_one.visits, rtol=1e-9, atol=1e-12)


def test_steps_that_have_the_same_law_share_what_is_found_of_it() -> None:
    support = Support(compiled({**many(40), "time": {"start": "2025", "end": "2064", "step": "year"}}))
    assert len({support.law_numbers[step] for step in range(support.program.steps)}) <= 3
    low, high = support.probability_limits([1])
    assert np.all(low < high)


# --- Every question --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unlike(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose scenarios are kept unlike each other, so that each trial has a whole matrix: 200 x 200 numbers."""
    path = tmp_path_factory.mktemp("unlike") / "many.yaml"
    keep = {f"s{number}": 0.3 + 0.1 * (number % 2) for number in range(200)}
    path.write_text(json.dumps({**many(200), "outcome": {"persistence": keep}}))
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ["simulate", "--method", "sample"],
        ["simulate", "--method", "sample", "--given", "d=x @ 2026"],
        ["ask", "P(s1)", "--method", "sample"],
        ["compare", "--method", "sample", "--do", "d=x"],
        ["sweep", "d=0..2", "--method", "sample"],
        ["sensitivity", "--question", "drivers"],
        ["sensitivity", "--question", "judgements"],
        ["watch"],
        ["explain", "s1"],
    ],
)
def test_every_question_that_would_not_fit_is_refused_before_it_is_drawn(
    arguments: list[str], unlike: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks.BlockSampler, "walk", None)
    done = answer(*arguments, str(unlike))
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "GB of memory" in done.stderr


def test_what_a_question_keeps_apart_of_the_scenario_counts() -> None:
    # two events up to the end, each told apart from not having happened: 4 shares for 200 scenarios in 16,384 trials
    program = compiled(many(200))
    ever = [Timed("ever", range(program.steps), InStates(OUTCOME, frozenset({state}))) for state in (1, 2)]
    one, both = (CaseSampler([(program, [(case, CERTAIN)])], Plan(BLOCK, 1)) for case in (ever[0], All(tuple(ever))))
    assert both.shares_bytes - one.shares_bytes == 2 * 8 * 200 * BLOCK
    with pytest.raises(TooMuchMemoryError, match="GB of memory"):
        CaseSampler([(program, [(All(tuple(ever)), CERTAIN)] * 30)], Plan(BLOCK, 1))


def test_what_does_not_fit_together_is_drawn_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statements about more and more of the scenarios, up to the end: the shares of each take memory of their own."""
    path = tmp_path / "by.yaml"
    path.write_text(json.dumps(many(20)))
    query = " + ".join(f"P(s{number} @ by end)" for number in range(8))
    study = load(path)
    together = study.ask(query, trials=2000, method="sample")
    monkeypatch.setattr(blocks, "MOST_BYTES", 3 << 20)
    drawn: list[int] = []
    make = CaseSampler.__init__

    def noted(self: CaseSampler, asked: Sequence[ProgramCases], *rest: Any) -> None:
        make(self, asked, *rest)
        drawn.extend(len(cases) for _, cases in asked)

    monkeypatch.setattr(CaseSampler, "__init__", noted)
    apart = study.ask(query, trials=2000, method="sample")
    assert sum(drawn) == 8
    assert len(drawn) > 1
    assert apart.value == pytest.approx(together.value, rel=1e-12)


def test_effects_of_many_judgements_are_found_within_bounds(tmp_path: Path) -> None:
    """80 scenarios, each moved by a judgement of its own: 80 x 80 x 16,384 numbers are 839 MB."""
    path = tmp_path / "judged.yaml"
    path.write_text(json.dumps({**many(80), "time": {"start": "2025", "end": "2026", "step": "year"}}))
    tracemalloc.start()
    try:
        load(path).sensitivity(questions=["judgements"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 400e6
