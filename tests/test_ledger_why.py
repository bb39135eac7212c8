"""Why a recorded forecast moved: parts that sum to the change, each what it says it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

import usru_scenarios as us
from support import ledgers
from support.command import answer, refusal
from support.ledgers import asked, record, recorded
from support.tiny import TALKS
from usru_scenarios import schemas
from usru_scenarios.ledger.why import shapley_values

MODEL = TALKS + ledgers.MONEY + ledgers.REOPEN


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return ledgers.laid_out(tmp_path, talks=MODEL, seen=ledgers.SEEN)


def told(place: Path, *words: str) -> dict[str, Any]:
    return asked(place, "why", *words)


def parts(change: Mapping[str, float]) -> list[float]:
    return [change[name] for name in ("judgement", "evidence", "time", "noise")]


def test_shapley_values_against_the_formula_over_sets() -> None:
    """Of `n` factors, a set of `k` others has the weight `k! (n - k - 1)! / n!`."""
    rng = np.random.default_rng(3)
    factors = ("a", "b", "c")
    worth: dict[frozenset[str], float] = {}

    def value(chosen: frozenset[str]) -> float:
        return worth.setdefault(chosen, float(rng.normal()))

    found = shapley_values(factors, value)
    for factor in factors:
        right = 0.0
        for chosen, without in list(worth.items()):
            if factor not in chosen:
                weight = math.factorial(len(chosen)) * math.factorial(2 - len(chosen)) / 6
                right += weight * (worth[chosen | {factor}] - without)
        assert found[factor].value == pytest.approx(right)
        assert found[factor].low <= found[factor].value <= found[factor].high
    whole = value(frozenset(factors)) - value(frozenset())
    assert math.fsum(one.value for one in found.values()) == pytest.approx(whole)


def test_of_factors_that_add_up_the_orders_agree() -> None:
    found = shapley_values(("a", "b"), lambda chosen: 2.0 * ("a" in chosen) + 3.0 * ("b" in chosen))
    assert found["a"] == (2.0, 2.0, 2.0)
    assert found["b"] == (3.0, 3.0, 3.0)


def test_judgement_and_evidence_are_the_means_over_both_orders(place: Path) -> None:
    record(place, "2025-01-20")
    record(place, "2025-12-10", "-w", "talks=2", "--evidence", "seen.yaml")
    found = told(place)
    change = found["changes"]["thaw"]
    earlier = us.load(place / "talks.yaml")
    later = earlier.varied(weights={"talks": 2})

    def p(study: us.Study, *, seen: bool) -> float:
        return (study.knowing(place / "seen.yaml") if seen else study).simulate().scenarios["thaw"].end

    corners = [[p(study, seen=seen) for seen in (False, True)] for study in (earlier, later)]
    judgement = (corners[1][0] - corners[0][0] + corners[1][1] - corners[0][1]) / 2
    evidence = (corners[0][1] - corners[0][0] + corners[1][1] - corners[1][0]) / 2
    assert change["judgement"] == pytest.approx(judgement, abs=3e-6)
    assert change["evidence"] == pytest.approx(evidence, abs=3e-6)
    assert (change["time"], change["noise"]) == (0.0, pytest.approx(0.0, abs=1e-12))
    low, high = change["ranges"]["judgement"]
    assert low < change["judgement"] < high
    Draft202012Validator(schemas.schema("attribution")).validate(found)


@pytest.mark.parametrize("at", ["end", "2025-Q2", "mean", "ever", "now"])
def test_the_parts_sum_to_the_recorded_change(place: Path, at: str) -> None:
    record(place, "2025-01-20", "-n", "1000", "--seed", "4")
    record(place, "2025-12-10", "-w", "talks=2", "-n", "2000", "--given", "talks=open@2025-Q1")
    found = told(place, "--at", at)["changes"]
    made = recorded(place)
    for name, change in found.items():
        assert sum(parts(change)) == pytest.approx(change["change"], abs=1e-15)
        assert change["noise"] != 0.0
        if at == "end":
            first, last = (one["scenarios"][name]["by_step"][-1] for one in made)
            assert change["change"] == last - first
    assert (found["thaw"]["time"] != 0.0) == (at == "now")


def test_another_seed_is_noise_alone(place: Path) -> None:
    record(place, "2025-01-20", "-n", "1000", "--seed", "4")
    record(place, "2025-12-10", "-n", "1000", "--seed", "5")
    change = told(place)["changes"]["thaw"]
    assert parts(change)[:3] == [0.0, 0.0, 0.0]
    assert change["noise"] == change["change"] != 0.0


def test_time_alone_moves_what_is_read_at_another_step(place: Path) -> None:
    for day in ("2025-01-20", "2025-12-10"):
        record(place, day, "--given", "talks=open@2025-Q1")
    fixed, relative = (told(place, "--at", at)["changes"]["thaw"] for at in ("2025-Q3", "now"))
    assert parts(fixed) == [0.0, 0.0, 0.0, 0.0]
    assert relative["time"] == relative["change"] != 0.0
    assert "Time alone moves nothing at a fixed step" in answer("ledger", "why", folder=place).stdout


def test_items_one_after_the_other(place: Path) -> None:
    record(place, "2025-01-20", "--given", "money=ample@2025-Q1")
    record(place, "2025-12-10", "--evidence", "seen.yaml", "--given", "talks=open@2025-Q2")
    found = told(place)
    assert [one["item"] for one in found["items"]] == [
        "what was withdrawn or said otherwise",
        "talks=open@2025-Q2",
        "opened",
        "budget",
    ]
    moved = [one["effects"]["thaw"] for one in found["items"]]
    assert sum(moved) == pytest.approx(found["changes"]["thaw"]["evidence"], abs=1e-9)
    study = us.load(place / "talks.yaml")
    last = study.simulate(given=["money=ample@2025-Q1"]).scenarios["thaw"].end
    for item, given in zip(found["items"], ([], ["talks=open@2025-Q2"]), strict=False):
        now = study.simulate(given=given).scenarios["thaw"].end
        assert item["effects"]["thaw"] == pytest.approx(now - last, abs=3e-6)
        last = now


def test_that_nothing_happened_is_evidence_and_time_is_not(place: Path) -> None:
    """A fixed step: what passes without a word moves nothing, and the sentence says how to say it."""
    record(place, "2025-01-20")
    record(place, "2025-08-10")
    assert told(place)["quiet"] == []
    silent = answer("ledger", "why", folder=place).stdout
    assert "that nothing happened counts once an item says so, and none does" in " ".join(silent.split())
    still = "  still: {quiet: {from: 2025-Q1, to: 2025-Q3, of: [talks.open]}, learned: 2025-08-05}\n"
    (place / "seen.yaml").write_text(ledgers.SEEN.partition("  opened")[0] + still)
    record(place, "2025-08-10", "--evidence", "seen.yaml")
    found = told(place)
    assert found["quiet"] == ["still"]
    change = found["changes"]["thaw"]
    assert change["time"] == 0.0
    assert change["evidence"] == pytest.approx(change["change"])
    assert change["change"] < -0.01
    said = answer("ledger", "why", folder=place).stdout
    assert "that nothing happened counts as evidence: still." in " ".join(said.split())


def test_numbers_of_the_model_each_alone(place: Path) -> None:
    record(place, "2025-01-20")
    record(place, "2025-06-10", "-w", "talks=2", "--set", "drivers.money.persistence=0.2")
    found = told(place)
    assert {one["path"]: (one["before"], one["after"]) for one in found["numbers"]} == {
        "drivers.talks.weight": (1.0, 2.0),
        "drivers.money.persistence": (0.8, 0.2),
    }
    study = us.load(place / "talks.yaml")
    alone = study.varied(weights={"talks": 2}).simulate().scenarios["thaw"].end - study.simulate().scenarios["thaw"].end
    (weight,) = (one for one in found["numbers"] if one["path"] == "drivers.talks.weight")
    assert weight["effects"]["thaw"] == pytest.approx(alone, abs=1e-9)


def test_records_are_named_by_number_or_day(place: Path) -> None:
    for day, weight in (("2025-01-20", 1), ("2025-03-01", 2), ("2025-12-10", 3)):
        record(place, day, "-w", f"talks={weight}")
    for words, numbers in (
        ([], (2, 3)),
        (["1"], (1, 3)),
        (["1", "#2"], (1, 2)),
        (["3", "1"], (3, 1)),
        (["2025-02-01", "2025-03-01"], (1, 2)),
    ):
        found = told(place, *words)
        assert (found["earlier"]["number"], found["later"]["number"]) == numbers


def test_states_and_questions(place: Path) -> None:
    record(place, "2025-01-20")
    record(place, "2025-12-10", "--evidence", "seen.yaml")
    found = told(place, "--of", "reopen", "--of", "money=scarce")["changes"]
    assert found["reopen"]["evidence"] == pytest.approx(found["reopen"]["change"])
    assert found["money=scarce"]["evidence"] == pytest.approx(found["money=scarce"]["change"])
    assert found["money=scarce"]["change"] > 0.05


@pytest.mark.parametrize("form", ["table", "csv", "md", "ndjson"])
@pytest.mark.parametrize("columns", ["40", "80"])
def test_in_all_forms(place: Path, form: str, columns: str) -> None:
    record(place, "2025-01-20")
    record(place, "2025-12-10", "-w", "talks=2", "--evidence", "seen.yaml")
    done = answer("ledger", "why", "-f", form, folder=place, COLUMNS=columns)
    assert (done.returncode, done.stderr) == (0, "")
    assert "drivers.talks.weight" in done.stdout or columns == "40"
    assert form != "table" or max(map(len, done.stdout.splitlines())) <= int(columns)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["7"], "there is no record '7'"),
        (["soon"], "there is no record 'soon'"),
        (["2024-01-01"], "there is no record '2024-01-01'"),
        (["--of", "thraw"], "did you mean 'thaw'?"),
        (["--at", "2031"], "--at 2031 is no step of number 1"),
        (["1", "2", "3"], "'3' is one word too many"),
    ],
)
def test_what_makes_no_sense_is_told(place: Path, words: list[str], message: str) -> None:
    for day in ("2025-01-20", "2025-12-10"):
        record(place, day)
    assert message in refusal("ledger", "why", *words, folder=place)


def test_one_record_can_be_compared_with_nothing(place: Path) -> None:
    record(place, "2025-01-20")
    done = answer("ledger", "why", folder=place)
    assert (done.returncode, "one record of talks alone" in done.stderr) == (2, True)
