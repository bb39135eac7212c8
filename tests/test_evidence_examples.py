"""Evidence files about the bundled model: the example beside it, and a long one that is invented."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from support.command import answer
from support.sampled import ERRORS
from usru_scenarios.reading.evidence import read_evidence
from usru_scenarios.results.simulate import StatesResult
from usru_scenarios.study import Study

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "scenarios" / "evidence" / "seen-2025.yaml"
HUNDRED = ROOT / "tests" / "models" / "evidence" / "invented-hundred.yaml"


def test_the_example_rests_on_what_documents_state() -> None:
    read = read_evidence(EXAMPLE, confined=True)
    assert not read.problems
    assert read.register is not None
    assert len(read.file.evidence) == 11
    for name, item in read.file.evidence.items():
        assert item.title, name
        assert item.sources, name
        for claim in item.sources:
            assert read.register.claims[claim].kind != "assumption", name


def test_no_item_of_the_example_is_a_surprise(bundled: Study) -> None:
    found = bundled.knowing(EXAMPLE).foresight(profiles=False, trials=4096, judgements=0)
    assert len(found.items) == 9
    for name, one in found.items.items():
        assert one.probability is not None
        assert one.probability > 0.01, name
    assert not [one for one in found.warnings if one.code == "odd_evidence"]


def test_the_example_moves_the_forecast_as_it_is_shown() -> None:
    how = ("--evidence", str(EXAMPLE), "-n", "4096", "--judgements", "0", "--json")
    known = json.loads(answer("simulate", "us-russia", *how).stdout)
    assert known["run"]["evidence"]["name"] == "seen-2025"
    plain = json.loads(answer("simulate", "us-russia", *how[2:]).stdout)
    shares = [one["drivers"]["congress_control"]["by_step"]["unified_republican"][0] for one in (known, plain)]
    assert shares[0] == pytest.approx(1.0, abs=1e-12)
    assert shares[1] < 0.99


@pytest.mark.slow
def test_a_hundred_items_are_taken_for_given(bundled: Study) -> None:
    study = bundled.knowing(HUNDRED)
    how: dict[str, Any] = {"method": "sample", "trials": 32_768, "judgements": 0}
    one, other = study.simulate(seed=1, **how), study.simulate(seed=2, **how)
    assert one.run.evidence is not None
    assert len(one.run.evidence.items) == 100
    assert one.run.effective_trials is not None
    assert one.run.effective_trials > 500
    facts = [item.seen for item in read_evidence(HUNDRED).file.evidence.values() if item.seen is not None]
    for fact in facts:
        (node, state), step = fact.partition(" @ ")[0].split("="), one.run.steps.index(fact.partition(" @ ")[2])
        driver = one.drivers[node]
        assert isinstance(driver, StatesResult)
        assert driver.by_step[state][step] == pytest.approx(1.0, abs=1e-9)
    for name, scenario in one.scenarios.items():
        again = other.scenarios[name]
        for step, value in enumerate(scenario.by_step):
            error = math.hypot(scenario.standard_errors.by_step[step], again.standard_errors.by_step[step])
            assert abs(value - again.by_step[step]) < ERRORS * error + 1e-12


@pytest.mark.slow
def test_its_facts_alone_are_what_observations_say(bundled: Study, tmp_path: Path) -> None:
    shutil.copy(HUNDRED, tmp_path / "hundred.yaml")
    items = read_evidence(HUNDRED).file.evidence
    withdrawn = {name: None for name, item in items.items() if item.seen is None}
    overlay = tmp_path / "facts.yaml"
    overlay.write_text(json.dumps({"extends": "hundred.yaml", "name": "facts", "evidence": withdrawn}))
    how: dict[str, Any] = {"method": "sample", "trials": 4096, "judgements": 0}
    known = bundled.knowing(overlay).ask("P(reset @ end)", **how)
    given = bundled.ask("P(reset @ end)", given=[item.seen for item in items.values() if item.seen is not None], **how)
    assert known.value == pytest.approx(given.value, abs=1e-12)
