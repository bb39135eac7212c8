"""A forecast that leaves consequences out says of all else what the whole one says."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

import pytest

from support.command import answer
from support.sampled import EXACT_MODELS, compiled, exact_model
from usru_scenarios.report import Layout, render_report
from usru_scenarios.sampler.blocks import Plan
from usru_scenarios.sampler.forecast import Sampler
from usru_scenarios.study import Study, load

TRIALS = 4096


def flat(result: Any) -> dict[str, Any]:
    """All of a forecast but its consequences, by path."""
    found: dict[str, Any] = {}

    def walk(path: str, part: Any) -> None:
        parts = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else None
        if parts is None:
            found[path] = part
        for key, value in parts or ():
            walk(f"{path}.{key}", value)

    walk("", {name: part for name, part in result.to_dict().items() if name != "consequences"})
    return found


def numbers(found: dict[str, Any]) -> dict[str, float]:
    return {path: value for path, value in found.items() if isinstance(value, float)}


def compared(study: Study, **asked: Any) -> None:
    """Hold a forecast without consequences against the whole one."""
    whole, without = study.simulate(**asked), study.simulate(**asked, consequences=False)
    assert whole.consequences
    assert without.consequences == {}
    here, there = flat(without), flat(whole)
    assert numbers(here) == pytest.approx(numbers(there), rel=1e-12, abs=1e-13)
    assert {**here, **numbers(there)} == there


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"judgements": 0},
        {"do": ["sanctions=eased"]},
        {"given": ["sanctions=eased@2026-Q4"]},
        {"given": ["ukraine_position=holding@end"], "judgements": 0},
    ],
    ids=str,
)
def test_the_bundled_model(asked: dict[str, Any]) -> None:
    compared(load(), trials=TRIALS, **asked)


@pytest.mark.parametrize(
    ("name", "method"),
    [
        *((name, "sample") for name in ("consequences", "consequence_feedback", "numeric_consequences")),
        ("numeric_feedback", "sample"),
        *((name, "exact") for name in ("consequences", "consequence_feedback")),
    ],
)
def test_small_models(name: str, method: str) -> None:
    """Where a driver reads a consequence, that one is drawn."""
    compared(load(EXACT_MODELS / f"{name}.yaml"), method=method)


def test_what_nothing_else_reads_is_not_drawn() -> None:
    """What is left out is what saves the time."""
    program = compiled(exact_model("consequences"))
    needed = program.upstream(["scenario"])
    sampler = Sampler(program, Plan(TRIALS, 1), nodes=needed)
    assert len(needed) < len(program.nodes)
    assert set(sampler.nodes) == needed
    assert set(sampler.block_sampler.needed) == needed


def test_a_table_is_the_same_and_data_have_the_consequences() -> None:
    asked = ("simulate", "-n", str(TRIALS))
    whole = load().simulate(trials=TRIALS)
    assert answer(*asked).stdout == render_report(whole, "table", Layout())
    kinds = {row["kind"] for row in csv.DictReader(StringIO(answer(*asked, "-f", "csv").stdout))}
    assert kinds == {"scenario", "group", "driver", "consequence"}
