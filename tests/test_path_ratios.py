"""Ratios of paths that are looked up are those that are worked out trial by trial, digit for digit."""

from __future__ import annotations

import numpy as np
import pytest

from support.sampled import EXACT_MODELS
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.questions.sensitivity import path_ratios
from usru_scenarios.questions.sensitivity.observed import SensitivityRun
from usru_scenarios.questions.sensitivity.path_ratios import RatioTable
from usru_scenarios.questions.sensitivity.perturbed_model import PerturbedModel
from usru_scenarios.questions.sensitivity.slopes import estimate_slopes
from usru_scenarios.questions.sensitivity.tilting import KnotInterpolation, LawEvaluator
from usru_scenarios.questions.target import Target
from usru_scenarios.reading.loading import load
from usru_scenarios.reading.request import Request
from usru_scenarios.results.sensitivity import Slopes
from usru_scenarios.sampler.blocks import Plan

MODELS = sorted(path.stem for path in EXACT_MODELS.glob("*.yaml"))


def asked(name: str, trials: int = 1_000) -> Slopes:
    loaded = load(Request.of(EXACT_MODELS / f"{name}.yaml"))
    program = compile_model(loaded.model)
    run = SensitivityRun(program, Target(None, "", None), Plan(trials, 3))
    return estimate_slopes(PerturbedModel(lambda: loaded, program), run)


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[RatioTable]:
    """The tables that were made."""
    tables: list[RatioTable] = []
    make = RatioTable.of

    def made(evaluator: LawEvaluator, most_rows: int) -> RatioTable | None:
        table = make(evaluator, most_rows)
        tables.extend([] if table is None else [table])
        return table

    monkeypatch.setattr(RatioTable, "of", made)
    return tables


@pytest.mark.parametrize("name", MODELS)
def test_ratios_that_are_looked_up_are_those_of_each_trial(
    name: str, looked_up: list[RatioTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = asked(name)
    count = len(looked_up)
    monkeypatch.setattr(path_ratios, "MOST_ROWS", 0)
    assert asked(name) == found
    assert len(looked_up) == count, "without rows there are no tables"


def test_most_models_have_tables(looked_up: list[RatioTable]) -> None:
    having = []
    for name in MODELS:
        looked_up.clear()
        asked(name, 64)
        having += [name] if looked_up else []
    assert len(having) > len(MODELS) / 2, having


def test_ratios_of_other_states_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sabotaged twin: rows that are looked up one further on."""
    right, make = asked("influences"), RatioTable.of

    def shifted(evaluator: LawEvaluator, most_rows: int) -> RatioTable | None:
        table = make(evaluator, most_rows)
        return (
            None
            if table is None
            else table._replace(columns={cell: np.roll(column, 1) for cell, column in table.columns.items()})
        )

    monkeypatch.setattr(RatioTable, "of", shifted)
    assert asked("influences") != right


def test_a_law_that_few_trials_read_is_not_worked_out_for_every_row(looked_up: list[RatioTable]) -> None:
    asked("influences", 2)
    few = sum(len(column) for table in looked_up for column in table.columns.values())
    looked_up.clear()
    asked("influences", 1_000)
    assert few < sum(len(column) for table in looked_up for column in table.columns.values())


@pytest.mark.parametrize("knots", [[0.0, 1.0], [-2.0, 0.5, 0.75, 3.0]])
def test_values_between_knots_are_read_as_numpy_reads_them(knots: list[float]) -> None:
    rng = np.random.default_rng(5)
    values = np.concatenate([rng.normal(0.0, 3.0, 1_000), knots])
    along = KnotInterpolation(values, np.array(knots))
    for points in rng.normal(size=(5, len(knots))):
        assert np.array_equal(along.interpolate(points), np.interp(values, knots, points))
