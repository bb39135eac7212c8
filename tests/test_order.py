"""What is ordered by definition is reported in order, with errors that are the true ones, with and without evidence."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.effort import tries
from support.oracle import Json
from support.random_models import random_model
from support.reference_models import model
from support.sabotage import replace_everywhere
from support.tiny import MODELS, study_of
from usru_scenarios.estimation.estimates import with_control_variates
from usru_scenarios.program.program import Program
from usru_scenarios.questions.evidence import chances
from usru_scenarios.questions.simulate import order
from usru_scenarios.results.simulate import Ahead, AheadErrors, Errors, ScenarioResult, Simulation
from usru_scenarios.study import Study

ROUNDING = 1e-12


def knowing(raw: Json, items: Json, folder: Path, as_of: str = "2001-06-01") -> Study:
    head = {"usru": 1, "kind": "evidence", "name": "seen", "model": "model.yaml", "as_of": as_of}
    file = folder / "seen.yaml"
    file.write_text(json.dumps({**head, "evidence": items}), encoding="utf-8")
    return study_of(raw, folder).knowing(file)


def out_of_order(found: Simulation, groups: dict[str, list[str]]) -> Iterator[str]:
    """What is not as it has to be: pairs of numbers of which the first may not be the larger one."""
    now = 0 if found.run.evidence is None else found.run.steps.index(found.run.evidence.now)
    rows: dict[str, ScenarioResult] = {**found.scenarios, **found.groups}
    pairs = []
    for name, row in rows.items():
        visited = list(accumulate(row.first_visit))
        pairs += [(f"{name} {step}", at, by) for step, (at, by) in enumerate(zip(row.by_step, visited, strict=True))]
        pairs += [(f"{name} ever", visited[-1], row.ever), (f"{name} sum", row.ever, visited[-1])]
        pairs += [(f"{name} end", max(row.by_step), row.ever), (f"{name} negative", 0.0, min(row.first_visit))]
        pairs += [(f"{name} mean", row.mean, max(row.by_step)), (f"{name} mean", min(row.by_step), row.mean)]
        if found.ahead is not None:
            ahead, rest = found.ahead[name], row.by_step[now:]
            pairs += [(f"{name} ahead", max(rest), ahead.ever), (f"{name} ahead", ahead.ever, row.ever)]
            pairs += [(f"{name} share", ahead.share, max(rest)), (f"{name} share", min(rest), ahead.share)]
    for group, members in groups.items():
        pairs += [(f"{group} {one}", rows[one].ever, rows[group].ever) for one in members]
    yield from (f"{what}: {low} > {high}" for what, low, high in pairs if low > high + ROUNDING)


def with_doubt(raw: Json) -> Json:
    """A model some numbers of which are uncertain."""
    raw["outcome"].setdefault("persistence", {"uniform": [0.1, 0.9]})
    for driver in raw["drivers"].values():
        for points in driver.get("impacts", {}).values():
            points.update({name: {"uniform": [point - 0.5, point + 0.5]} for name, point in points.items()})
    return raw


def items_of(raw: Json, number: int) -> Json:
    """A hint about a driver, at times about the scenario, and at times nothing."""
    first = next(iter(raw["drivers"]["d0"]["states"]))
    items: Json = {"hint": {"about": "d0 @ 2001", "likelihood": {first: 3, "default": 1}, "learned": "2001-05-01"}}
    if number % 3 == 0:
        likely = {next(iter(raw["scenarios"])): 3, "default": 1}
        items["judged"] = {"about": "scenario @ 2001", "likelihood": likely, "learned": "2001-05-01"}
    return items if number % 5 else {}


@pytest.mark.more
@pytest.mark.parametrize("method", ["exact", "sample"])
def test_whatever_the_model_and_what_is_known(method: Any, tmp_path: Path) -> None:
    for number in range(tries(12, 120)):
        raw = random_model(random.Random(number))
        raw = with_doubt(raw) if number % 2 else raw
        how = {"method": method, "trials": None if method == "exact" else 4096, "judgements": 64}
        study = study_of(raw, tmp_path)
        assert not list(out_of_order(study.simulate(**how), raw["groups"])), number
        known = knowing(raw, items_of(raw, number), tmp_path)
        assert not list(out_of_order(known.simulate(**how), raw["groups"])), number


def lasting() -> Json:
    """A model that is fed back, in which war never ends: then `ever` and `end` are the same."""
    raw = copy.deepcopy(MODELS["feedback"]())
    raw["outcome"] = {"persistence": 0.4, "allowed": {"war": ["war"]}}
    raw["groups"]["trouble"] = ["war"]
    return raw


def test_estimates_that_differ_by_chance_are_put_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left as they are they come out of order at some seed; and the comparison notices it."""
    study = study_of(lasting(), tmp_path)
    groups = {"trouble": ["war"]}
    for seed in range(3, 7):
        found = study.simulate(method="sample", trials=1024, seed=seed)
        assert not list(out_of_order(found, groups))
        assert found.groups["trouble"].ever == found.scenarios["war"].ever
    replace_everywhere(monkeypatch, order.enforce_order, lambda scenarios, groups, _: (scenarios, groups))
    runs = [study.simulate(method="sample", trials=1024, seed=seed) for seed in range(3, 7)]
    assert any(list(out_of_order(found, groups)) for found in runs)


@pytest.mark.more
def test_what_is_put_in_order_has_the_error_that_it_has(tmp_path: Path) -> None:
    """Over seeds the squares of misses over errors are 1 on average, where estimates take each other's place too.

    An `ever` that takes the place of what is below it rises by chance: its error has to say so.
    """
    study = study_of(lasting(), tmp_path)
    truth = study.simulate(method="exact").scenarios["war"]
    seeds = tries(40, 400)
    squares = []
    for seed in range(1, seeds + 1):
        war = study.simulate(method="sample", trials=512, seed=seed).scenarios["war"]
        squares.append(((war.ever - truth.ever) / war.standard_errors.ever) ** 2)
    assert np.mean(squares) < 1.0 + 4.5 * math.sqrt(2.0 / seeds)
    assert np.mean(squares) > 0.3


def redrawn() -> Json:
    """A model that is fed back: calm lasts from a known start until all is redrawn.

    The drawn start makes `crisis` at the second step rough, while no first visit to it is possible there; and what its
    first visits gain there they lose at the redraw.
    """
    return model(
        3,
        scenarios={"calm": {"baseline": 0.5}, "crisis": {"baseline": 0.5}},
        outcome={
            "persistence": 1,
            "initial": {"calm": 0.8, "crisis": 0.2},
            "events": [{"at": "2002", "prior": {"calm": 0.5, "crisis": 0.5}}],
        },
        drivers={
            "mood": {
                "states": {"high": 0.5, "low": 0.5},
                "impacts": {"high": {"calm": 1}},
                "lagged_influences": {"scenario": {"calm": {"high": 1}}},
            }
        },
        odds_per_point=1.5,
    )


def worst_first_visit(study: Study, trials: int, seeds: range) -> float:
    """By how many of its own standard errors a first visit is off, at most."""
    truth = study.simulate(method="exact").scenarios
    found = [study.simulate(method="sample", trials=trials, seed=seed).scenarios for seed in seeds]
    misses = [
        abs(value - known) / error if error else (math.inf if abs(value - known) > ROUNDING else 0.0)
        for rows in found
        for name, row in rows.items()
        for value, known, error in zip(
            row.first_visit, truth[name].first_visit, row.standard_errors.first_visit, strict=True
        )
    ]
    return max(misses)


@pytest.mark.parametrize("trials", [64, 1000])
def test_a_step_that_rises_takes_from_a_later_one_whose_error_says_so(
    trials: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, seeds = study_of(redrawn(), tmp_path), range(1, 17)
    assert worst_first_visit(study, trials, seeds) < 3.0
    ordered = order.enforce_order

    def with_own_errors(scenarios: order.Results, groups: order.Results, program: Program) -> Any:
        return tuple(
            {name: replace(row, standard_errors=before[name].standard_errors) for name, row in after.items()}
            for before, after in zip((scenarios, groups), ordered(scenarios, groups, program), strict=True)
        )

    replace_everywhere(monkeypatch, order.enforce_order, with_own_errors)
    assert worst_first_visit(study, trials, seeds) > 4.5


def test_what_is_moved_from_a_step_on_has_an_error_that_says_so() -> None:
    errors = Errors(by_step=[0.1, 0.01, 0.02], end=0.02, mean=0.01, ever=0.03, first_visit=[0.1, 0.0, 0.0])
    row = ScenarioResult("", [0.2, 0.4, 0.5], 0.5, 0.3, 0.6, [0.2, 0.2, 0.2], errors, None)

    def told(ever: float, error: float) -> list[float]:
        found = order.enforce_order_ahead(Ahead(0.4, ever, 0.45, AheadErrors(0.01, error, 0.01)), row, 1)
        return [found.ever, found.standard_errors.ever]

    assert told(0.55, 0.001) == [0.55, 0.001]
    assert told(0.45, 0.001) == pytest.approx([0.5, 0.051])
    assert told(0.49, 0.001) == pytest.approx([0.5, 0.02])  # that of what takes its place
    assert told(0.65, 0.001) == pytest.approx([0.6, 0.051])
    assert told(0.6 + 2e-16, 0.001) == [0.6, 0.001]


# Under evidence -------------------------------------------------------------------------------------------------------

KNOWN: Json = {
    "press": {"about": "mood @ 2000", "likelihood": {"high": 5, "low": 1}, "learned": "2000-07-01"},
    "met": {"seen": "talks=none @ 2001", "learned": "2001-02-01"},
    "sign": {
        "signpost": {"of": "thaw", "at": "2001", "found": False, "if_so": 0.7, "if_not": 0.1},
        "learned": "2001-03-01",
    },
}


def doubtful(name: str) -> Json:
    raw = copy.deepcopy(MODELS[name]())
    raw["drivers"]["mood"]["impacts"]["high"]["thaw"] = {"uniform": [-2, 6]}
    raw["drivers"]["talks"]["impacts"]["deal"]["war"] = {"uniform": [-5, 1]}
    return raw


def told(found: Simulation) -> dict[str, tuple[float, float]]:
    """Numbers with their standard errors."""
    assert found.ahead is not None
    numbers = {}
    for name, row in {**found.scenarios, **found.groups}.items():
        errors, ahead = row.standard_errors, found.ahead[name]
        numbers[f"{name} end"] = row.end, errors.end
        numbers[f"{name} ever"] = row.ever, errors.ever
        numbers[f"{name} first"] = row.first_visit[1], errors.first_visit[1]
        numbers[f"{name} ahead"] = ahead.ever, ahead.standard_errors.ever
    return numbers


def misses(name: str, folder: Path, seeds: int, *, doubt: bool) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Squares of misses over errors, shape (seeds, numbers); the truth is exact, of judgements over many draws."""
    study = knowing(doubtful(name) if doubt else MODELS[name](), KNOWN, folder)
    truth = told(study.simulate(method="exact", judgements=4096 if doubt else 0, seed=77))
    squares = []
    for seed in range(1, seeds + 1):
        found = told(study.simulate(method="sample", trials=2048, seed=seed, judgements=32 if doubt else 0))
        squares.append(
            [
                (value - truth[number][0]) ** 2 / (error**2 + truth[number][1] ** 2)
                for number, (value, error) in found.items()
            ]
        )
    return np.array(squares)


@pytest.mark.more
@pytest.mark.parametrize("doubt", [False, True], ids=["", "doubt"])
@pytest.mark.parametrize("name", MODELS)
def test_errors_under_evidence_are_the_true_ones(name: str, doubt: bool, tmp_path: Path) -> None:
    seeds = tries(12, 120)
    squares = misses(name, tmp_path, seeds, doubt=doubt)
    spread = 4.5 * math.sqrt(2.0 / seeds)
    assert squares.mean(axis=0).max() < 1.0 + spread + (0.3 if doubt else 0.1)
    assert squares.mean() > 0.4


@pytest.mark.more
def test_errors_that_are_too_small_are_noticed(tmp_path: Path) -> None:
    squares = misses("carried", tmp_path, tries(12, 120), doubt=False)
    assert (4.0 * squares).mean(axis=0).max() > 1.0 + 4.5 * math.sqrt(2.0 / len(squares)) + 0.1


def test_from_now_on_is_averaged_over_the_draws_as_the_forecast_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one step to go `ever` from now on is what the end is, digit for digit; not if draws count otherwise."""
    raw = doubtful("carried")
    study = knowing(raw, KNOWN, tmp_path, as_of="2002-06-01")
    found = study.simulate(method="sample", trials=2048, judgements=64)
    assert found.ahead is not None
    for name, ahead in found.ahead.items():
        row = {**found.scenarios, **found.groups}[name]
        assert ahead.ever == pytest.approx(row.end, abs=1e-12)
        assert ahead.now == row.end
    monkeypatch.setattr(chances, with_control_variates.__name__, lambda sums, _: sums)
    monkeypatch.setattr(order, "enforce_order_ahead", lambda found, *_: found)
    plain = study.simulate(method="sample", trials=2048, judgements=64)
    assert plain.ahead is not None
    assert any(abs(plain.ahead[name].ever - row.end) > 1e-6 for name, row in plain.scenarios.items())


def test_the_bundled_model_with_one_step_to_go(bundled: Study, tmp_path: Path) -> None:
    """So few effective trials that two ways of averaging told 32% beside 31%."""
    items = "".join(
        f"  i{number}: {{about: {about}, likelihood: {{{state}: 9, default: 1}}, learned: 2028-10-02}}\n"
        for number, (about, state) in enumerate(
            [("sanctions @ 2028-Q3", "eased"), ("dialogue @ 2028-Q3", "working"), ("us_approach @ 2028-Q2", "relapse")]
        )
    )
    file = tmp_path / "seen.yaml"
    head = "usru: 1\nkind: evidence\nname: seen\nmodel: us-russia\nas_of: 2028-10-03\nevidence:\n"
    file.write_text(head + items, encoding="utf-8")
    found = bundled.knowing(file).simulate(trials=4096)
    assert found.ahead is not None
    for name, row in {**found.scenarios, **found.groups}.items():
        assert found.ahead[name].ever == pytest.approx(row.end, abs=1e-12)
