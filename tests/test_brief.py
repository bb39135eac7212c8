"""The model on one page: it is right, solved exactly, made of the whole model's parts, and its statements can fail."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import usru_scenarios as us
from support.command import answer
from usru_scenarios.model.schema import CategoricalDriver

BRIEF = Path(__file__).parents[1] / "scenarios" / "brief.yaml"

BROKEN: dict[str, dict[str, object]] = {
    "the_first_two_lead": {"scenarios.status_quo.baseline": 0.4},
    "later_the_third": {"drivers.geopolitical_climate.impacts.crisis.status_quo": -2},
    "or_even_the_fourth": {"drivers.geopolitical_climate.impacts.crisis.deterioration": -2},
    "as_the_world_goes": {"drivers.geopolitical_climate.impacts.crisis.status_quo": -2},
    "opposition_hurts": {"drivers.domestic_opposition.impacts.hard.deterioration": -2},
    "a_crossed_line_hurts": {"drivers.russian_conduct.impacts.unacceptable_action.deterioration": -3},
    "a_relapse_hurts": {"drivers.us_approach.impacts.relapse.deterioration": -2},
    "moscow_is_key": {"drivers.russian_conduct.impacts.compromise_ready.reset": -2},
    "the_war_decides": {"drivers.ukraine_talks.impacts.attrition.reset": 2},
    "relief_helps": {"drivers.sanctions.impacts.tightened.reset": 2},
    "congress_makes_room": {"drivers.sanctions.influences.congress_control.opposition.eased": 1},
}
"""A number of the file turned round, for each of its statements one that it must not survive."""


@pytest.fixture(scope="module")
def brief() -> us.Study:
    return us.load("brief")


def test_it_is_valid_without_a_warning_and_solved_exactly() -> None:
    done = answer("validate", "brief")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        "brief is valid: 16 steps, 4 scenarios, 2 groups, 7 drivers, 11 expectations, 3 questions"
    )
    found = json.loads(answer("simulate", "brief", "--json").stdout)
    assert (found["run"]["method"], found["warnings"]) == ("exact", [])
    shares = [one["by_step"][0] for one in found["scenarios"].values()]
    assert shares == pytest.approx([0.30, 0.36, 0.21, 0.13], abs=1e-4)  # the anchor: the baselines are solved


def test_it_says_what_the_article_says() -> None:
    done = answer("check", "brief")
    assert done.returncode == 0
    assert "11 hold, 0 fail, 0 undecided.\nExact, without sampling." in done.stdout


@pytest.mark.parametrize("name", BROKEN)
def test_each_statement_can_fail(name: str, brief: us.Study) -> None:
    statement = brief.loaded.model.expectations[name].that
    asked, turned = (one.ask(statement, judgements=0) for one in (brief, brief.varied(overrides=BROKEN[name])))
    assert (asked.holds, turned.holds) == (True, False)


def test_no_statement_is_left_out(brief: us.Study) -> None:
    assert [*BROKEN] == [*brief.loaded.model.expectations]


def test_its_names_are_those_of_the_whole_model(brief: us.Study, bundled: us.Study) -> None:
    page, whole = brief.loaded.model, bundled.loaded.model
    assert (page.scenarios.keys(), page.groups) == (whole.scenarios.keys(), whole.groups)
    assert page.drivers.keys() <= whole.drivers.keys()
    for name, driver in page.drivers.items():
        other = whole.drivers[name]
        assert isinstance(driver, CategoricalDriver)
        assert isinstance(other, CategoricalDriver)
        assert driver.states.keys() <= other.states.keys()


def test_every_number_rests_on_a_claim() -> None:
    found = json.loads(answer("sources", "brief", "--json").stdout)
    assert [one["path"] for one in found["judgements"] if not one["sources"]] == []


def test_a_copy_works_wherever_it_stands(tmp_path: Path) -> None:
    shutil.copy(BRIEF, tmp_path / "mine.yaml")
    done = answer("calibrate", "mine.yaml", "--write", folder=tmp_path)
    assert done.returncode == 0
    found = json.loads(answer("simulate", "mine.yaml", "--json", folder=tmp_path).stdout)["scenarios"]
    shares = [one["by_step"][0] for one in found.values()]
    assert shares == pytest.approx([0.30, 0.36, 0.21, 0.13], abs=0.005)  # solved by sampling
    assert answer("validate", "mine.yaml", folder=tmp_path).stdout == answer("validate", "brief").stdout


def test_it_fits_on_a_page() -> None:
    lines = BRIEF.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 200
    assert max(map(len, lines)) <= 106
