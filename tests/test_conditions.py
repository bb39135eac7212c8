"""Joint conditions of many parents: counted along a chain of auxiliary nodes, never listed.

The chain is held against the reference engine, which lists all combinations, and, where no list is possible, against
the tail of the binomial distribution.
"""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.command import answer
from support.enumerated import assert_forecast
from support.oracle import Json, Resolution, marginals
from support.sampled import compiled, estimates, exact_model, misses, truths_of
from usru_scenarios.exact.inference import forecast
from usru_scenarios.program import auxiliary, compilation
from usru_scenarios.study import load

TRIALS = 30_000
STATES: Json = {
    "a": {"x": 0.5, "y": 0.3, "z": 0.2},
    "b": {"x": 1, "y": 2},
    "c": {"x": 0.2, "y": 0.8},
    "d": {"x": 3, "y": 1},
}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every joint condition is counted, two rows at a time, however few combinations it has."""
    monkeypatch.setattr(compilation, "RULE_ROWS", 0)
    monkeypatch.setattr(compilation, "LARGEST_TABLE", 0)
    monkeypatch.setattr(auxiliary, "_MOST_STAGE_ROWS", 2)


def four(at_least: int, lag: int) -> Json:
    """Four drivers that last, and a rule on how many of them are in some of their states."""
    drivers: Json = {name: {"states": dict(states), "persistence": 0.6} for name, states in STATES.items()}
    if lag:  # what the rule gives may then come back to what it asks about
        drivers["a"]["influences"] = {"b": {"x": {"z": 1}}}
    return {
        "usru": 1,
        "name": "four",
        "title": "Four",
        "time": {"start": 2000, "end": 2003, "step": "year"},
        "odds_per_point": 2,
        "scenarios": {"calm": {"baseline": 0.6}, "war": {"baseline": 0.4}},
        "outcome": {"persistence": 0.3},
        "drivers": drivers,
        "consequences": {"prices": {"states": {"up": 1, "down": 2}, "persistence": 0.2}},
        "rules": {
            "r": {
                "when": {"a": ["x", "z"], "b": "x", "c": "y", "d": "x", **({"scenario": "war"} if lag else {})},
                "at_least": at_least,
                "lag": lag,
                "then": {
                    "scenario": {"war": 2, "hold": -1},
                    "prices": {"up": 1.5},
                    **({"b": {"x": -1, "hold": 1}} if lag else {}),
                },
                "weight": {2000: 2, 2002: 0.5},
            }
        },
    }


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("lag", [0, 1])
@pytest.mark.parametrize("at_least", [1, 2, 3, 4])
def test_a_counted_rule_is_the_reference_s(at_least: int, lag: int) -> None:
    raw = json.loads(json.dumps(four(at_least, lag)))
    program = compiled(raw)
    assert len(program.nodes) > len(program.model_nodes) == 6
    assert_forecast(raw)
    assert misses(estimates(raw, TRIALS, at_least), truths_of(marginals(raw))) == {}


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("lag", [0, 1])
def test_sabotaged_a_rule_that_asks_for_one_more_differs(lag: int) -> None:
    truth = marginals(json.loads(json.dumps(four(2, lag))))
    assert misses(estimates(json.loads(json.dumps(four(3, lag))), TRIALS, 1), truths_of(truth))


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("name", ["rules", "priors"])
def test_comparisons_and_first_rows_are_found_along_a_chain(name: str) -> None:
    """The models with all kinds of conditions, on numbers too, draw what they draw with tables."""
    raw = exact_model(name)
    assert any(node.role == "auxiliary" for node in compiled(raw).nodes.values())
    resolution, slack = Resolution(fixed=20), 8e-4
    assert misses(estimates(raw, TRIALS, 3), truths_of(marginals(raw, resolution=resolution)), slack) == {}


def many(count: int, at_least: int | None, steps: int = 1, lag: int = 0) -> Json:
    """So many independent drivers, each in `x` half of the time, and a rule that doubles the odds of a scenario."""
    rule: Json = {"when": {f"d{i}": "x" for i in range(count)}, "then": {"scenario": {"a": 1}}, "lag": lag}
    return {
        "usru": 1,
        "name": "many",
        "title": "Many",
        "odds_per_point": 2,
        **({"time": {"start": 2000, "end": 2000 + steps, "step": "year"}} if steps > 1 else {}),
        "scenarios": {"a": {}, "b": {}},
        "drivers": {f"d{i}": {"states": {"x": 0.5, "y": 0.3, "z": 0.2}, "persistence": 0} for i in range(count)},
        "rules": {"r": rule | ({} if at_least is None else {"at_least": at_least})},
    }


def tail(count: int, at_least: int) -> float:
    """The chance that so many of independent conditions hold, each of which does half of the time."""
    return float(sum(math.comb(count, met) for met in range(at_least, count + 1)) / 2**count)


@pytest.mark.parametrize(("count", "at_least"), [(14, 7), (60, 30), (60, 33), (60, 1), (150, 80)])
def test_many_conditions_hold_as_often_as_the_binomial_distribution_says(count: int, at_least: int) -> None:
    raw, chance = many(count, at_least), tail(count, at_least)
    truth = 0.5 + chance * (2 / 3 - 1 / 2)
    assert forecast(compiled(raw)).scenarios[0] == pytest.approx([truth, 1 - truth], abs=1e-12)
    sampled = estimates(raw, TRIALS, 1)["a", "end"]
    assert abs(sampled.value - truth) <= 4.5 * sampled.error + 1e-9
    assert sampled.error < 2e-3


def test_a_lag_counts_the_conditions_of_the_step_before() -> None:
    """At the first step no rule of a lag acts; later it holds as often as ever, since the drivers keep nothing."""
    raw, chance = many(40, 20, steps=3, lag=1), tail(40, 20)
    truth = 0.5 + chance * (2 / 3 - 1 / 2)
    sampled = estimates(raw, TRIALS, 1)
    for step, wanted in enumerate([0.5, truth, truth]):
        found = sampled["a", "by_step", step]
        assert abs(found.value - wanted) <= 4.5 * found.error + 1e-9


def test_all_of_many_conditions_hold_when_they_are_imposed(tmp_path: Path) -> None:
    """A conjunction of sixty: what holds in no trial that is drawn holds where it is imposed."""
    (tmp_path / "many.yaml").write_text(json.dumps(many(60, None)))
    imposed = [part for i in range(60) for part in ("--do", f"d{i}=x")]
    done = answer("simulate", "--json", str(tmp_path / "many.yaml"), *imposed)
    assert done.returncode == 0
    assert json.loads(done.stdout)["scenarios"]["a"]["end"] == pytest.approx(2 / 3, abs=1e-12)


def test_no_auxiliary_node_is_shown_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "many.yaml"
    path.write_text(json.dumps(many(14, 3, steps=2)))
    for command in (
        ["show", "--json"],
        ["simulate", "--json", "-n", "400"],
        ["simulate", "--json", "-n", "400", "--given", "d0=x @ 2000"],
        ["explain", "a", "--json", "-n", "400"],
        ["watch", "--json", "-n", "400", "--on", "2000"],
        ["sensitivity", "--json", "-n", "400"],
        ["compare", "--json", "-n", "400", "-w", "r=2"],
    ):
        done = answer(
            *command[:1],
            *command[1:2] * (command[0] == "explain"),
            str(path),
            *command[1 + (command[0] == "explain") :],
        )
        assert done.returncode == 0, (command, done.stderr)
        assert '"r.' not in done.stdout, command
    shown = json.loads(answer("show", "--json", str(path)).stdout)
    assert shown["order"] == [*sorted(f"d{i}" for i in range(14)), "scenario"]


def test_a_prior_over_more_combinations_than_can_be_listed() -> None:
    """Rows over 20 parents of 3 states: the first row that holds is found without a table of 3^20."""
    rows = [{"when": {f"d{i}": "x"}, "prior": {"hit": 1}} for i in range(20)]
    raw = many(20, 1)
    raw["drivers"]["seen"] = {"states": {"hit": 0, "miss": 1}, "prior_given": rows}
    del raw["rules"]
    assert forecast(compiled(raw)).shares["seen"][0] == pytest.approx([1 - 2**-20, 2**-20], abs=1e-12)


def test_a_prior_with_too_many_cases_is_refused_in_its_place(tmp_path: Path) -> None:
    dice = np.random.default_rng(3)
    rows = [{"when": {f"d{i}": "xyz"[dice.integers(3)] for i in range(20)}, "prior": {"hit": 1}} for _ in range(2_000)]
    raw = many(20, 1)
    raw["drivers"]["seen"] = {"states": {"hit": 0, "miss": 1}, "prior_given": rows}
    (tmp_path / "many.yaml").write_text(json.dumps(raw))
    done = answer("validate", str(tmp_path / "many.yaml"))
    assert done.returncode == 1
    assert "the parents of 'seen' have too many combinations" in done.stderr + done.stdout


def test_a_rule_that_counts_beyond_what_a_state_holds_is_refused_in_its_place(tmp_path: Path) -> None:
    raw: Any = copy.deepcopy(many(520, 258))
    (tmp_path / "many.yaml").write_text(json.dumps(raw))
    done = answer("validate", str(tmp_path / "many.yaml"))
    assert done.returncode == 1
    assert "rule 'r' counts up to 258 of 520 conditions" in done.stdout + done.stderr
    raw["rules"]["r"]["at_least"] = 252
    (tmp_path / "many.yaml").write_text(json.dumps(raw))
    assert load(tmp_path / "many.yaml").check(trials=2) is not None
