"""How good recorded forecasts were, by what came of questions and of the scenario at steps, and who forecast better."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import usru_scenarios as us
from support import ledgers
from support.command import answer
from usru_scenarios import schemas
from usru_scenarios.ledger.score import all_scores

MODEL = """\
usru: 1
name: talks
title: Two powers
time: {start: 2025-01, end: 2026-01, step: quarter}
scenarios: {thaw: 0.4, chill: 0.35, freeze: 0.25}
drivers:
  talks: {states: {open: 0.5, closed: 0.5}, persistence: 0.5, impacts: {open: {thaw: 1}}}
questions:
  reopen: {asks: Are they open at the end?, means: "P(talks=open @ 2025-Q4)", closes: 2025-12-31, resolves: a round}
  thaws: {asks: Is there a thaw at the end?, means: "P(thaw @ 2025-Q4)", closes: 2025-12-31, resolves: both say so}
profiles: {hopeful: {weights: {talks: 3}}}
"""

SEEN = """\
usru: 1
kind: evidence
name: seen
model: talks.yaml
as_of: 2026-01-10
evidence:
  opened: {seen: "talks=open @ 2025-Q2", learned: 2025-06-10}
  second: {seen: "chill @ 2025-Q2", learned: 2025-07-05}
  fourth: {about: scenario @ 2025-Q4, likelihood: {thaw: 3, default: 0.5}, learned: 2026-01-05}
resolutions:
  reopen: {came_true: true, resolved: 2026-01-01}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return ledgers.laid_out(tmp_path, talks=MODEL, seen=SEEN)


def record(place: Path, day: str, *options: str) -> dict[str, Any]:
    """The record that is made."""
    ledgers.record(place, day, *options)
    return ledgers.recorded(place)[-1]


def scored(place: Path, *options: str) -> dict[str, Any]:
    return ledgers.asked(place, "score", "--evidence", "seen.yaml", *options)


def test_questions_and_steps_by_the_days_that_each_forecast_stood(place: Path) -> None:
    first = record(place, "2025-01-31")
    second = record(place, "2025-07-30", "--evidence", "seen.yaml", "--as-of", "2025-07-30")
    assert second["run"]["evidence"]["items"] == ["opened", "second"]
    found = scored(place)
    assert list(found["resolutions"]) == ["reopen", "2025-Q2", "2025-Q4"]
    reopen = found["resolutions"]["reopen"]
    p = [one["questions"]["reopen"]["probability"] for one in (first, second)]
    days = 180, 155
    right = sum(2 * (1 - one) ** 2 * for_days for one, for_days in zip(p, days, strict=True)) / sum(days)
    assert reopen["scores"]["recorded"]["time_weighted"]["brier"] == pytest.approx(right, rel=1e-5)
    assert reopen["scores"]["recorded"]["last"]["log"] == pytest.approx(-math.log(p[1]), rel=1e-5)
    assert reopen["scores"]["first record kept"]["last"]["log"] == pytest.approx(-math.log(p[0]), rel=1e-5)
    assert reopen["scores"]["even odds"]["last"]["brier"] == 0.5
    assert found["resolutions"]["2025-Q2"]["records"] == [1]
    last = [second["scenarios"][name]["by_step"][3] for name in ("thaw", "chill", "freeze")]
    shares = [3 / 4, 0.5 / 4, 0.5 / 4]
    step = found["resolutions"]["2025-Q4"]
    assert list(step["outcome"].values()) == pytest.approx(shares)
    assert step["scores"]["recorded"]["last"]["rps"] == pytest.approx(all_scores(last, shares).rps, rel=1e-5)
    Draft202012Validator(schemas.schema("score")).validate(found)


def test_the_first_model_and_the_profiles_are_asked_under_what_had_been_seen(place: Path) -> None:
    record(place, "2025-01-31")
    record(place, "2025-07-30", "-w", "talks=2", "--evidence", "seen.yaml", "--as-of", "2025-07-30")
    (place / "talks.yaml").rename(place / "elsewhere.yaml")  # the ledger has all it needs
    found = scored(place)["resolutions"]["2025-Q4"]["scores"]
    first = us.load(place / "elsewhere.yaml")
    for name, study in (
        ("first model", first),
        ("recorded", first.varied(weights={"talks": 2})),
        ("profile hopeful", first.varied(profile="hopeful")),
    ):
        forecast = study.knowing(place / "seen.yaml", as_of="2025-07-30").simulate().scenarios
        right = all_scores([one.by_step[3] for one in forecast.values()], [3 / 4, 0.5 / 4, 0.5 / 4])
        assert found[name]["last"]["log"] == pytest.approx(right.log, rel=1e-4), name


def test_a_record_of_the_day_on_which_it_was_known_does_not_count(place: Path) -> None:
    record(place, "2026-01-01")
    found = scored(place)
    assert found["unscored"]["reopen"] == "no record of a day before 2026-01-01 forecasts it"
    assert found["resolutions"].keys() == {"2025-Q4"}


def test_what_is_learned_later_does_not_count(place: Path) -> None:
    record(place, "2025-01-31")
    assert scored(place, "--as-of", "2025-08-01")["resolutions"].keys() == {"2025-Q2"}


def test_too_few_are_called_too_few(place: Path) -> None:
    record(place, "2025-01-31")
    shown = answer("ledger", "score", "--evidence", "seen.yaml", folder=place).stdout
    assert "Too few to speak of calibration: 1 resolved question, of 20 that it needs." in shown
    assert scored(place)["calibration"] is None


def test_calibration_of_many_questions(place: Path) -> None:
    several = "".join(
        f'  q{place}: {{asks: Open?, means: "P(talks=open @ 2025-Q4)", closes: 2025-12-31, resolves: a round}}\n'
        for place in range(20)
    )
    (place / "talks.yaml").write_text(MODEL.replace("questions:\n", "questions:\n" + several))
    resolved = "".join(f"  q{place}: {{came_true: {place < 9}, resolved: 2026-01-01}}\n".lower() for place in range(20))
    (place / "seen.yaml").write_text(SEEN + resolved)
    record(place, "2025-01-31")
    (only,) = scored(place)["calibration"]
    assert (only["forecasts"], only["share_true"]) == (21, pytest.approx(10 / 21))
    assert "came true" in answer("ledger", "score", "--evidence", "seen.yaml", folder=place).stdout


@pytest.mark.parametrize("form", ["table", "csv", "md", "ndjson"])
@pytest.mark.parametrize("columns", ["40", "80"])
def test_scores_in_all_forms(place: Path, form: str, columns: str) -> None:
    record(place, "2025-01-31")
    done = answer("ledger", "score", "--evidence", "seen.yaml", "-f", form, folder=place, COLUMNS=columns)
    assert (done.returncode, done.stderr) == (0, "")
    assert "first record kept" in done.stdout.replace("\n", " ") or columns == "40"
    assert form != "table" or max(map(len, done.stdout.splitlines())) <= int(columns)


def test_what_is_missing_or_wrong_is_told(place: Path) -> None:
    record(place, "2025-01-31")
    done = answer("ledger", "score", folder=place)
    assert (done.returncode, "--evidence FILE, with resolutions" in done.stderr) == (2, True)
    (place / "seen.yaml").write_text(SEEN.replace("reopen:", "reopn:"))
    done = answer("ledger", "score", "--evidence", "seen.yaml", folder=place)
    assert (done.returncode, "did you mean 'reopen'?" in done.stderr) == (1, True)


def test_evidence_that_was_changed_is_told(place: Path) -> None:
    record(place, "2025-07-30", "--evidence", "seen.yaml", "--as-of", "2025-07-30")
    assert answer("ledger", "verify", folder=place).returncode == 0
    (kept,) = (place / "forecasts" / "evidence").iterdir()
    kept.write_text(kept.read_text().replace("chill @ 2025-Q2", "thaw @ 2025-Q2"))
    done = answer("ledger", "verify", folder=place)
    assert (done.returncode, "it holds other evidence" in done.stdout) == (1, True)


def test_who_forecast_better_is_said(place: Path) -> None:
    record(place, "2025-01-31")
    record(place, "2025-07-30", "--evidence", "seen.yaml")
    found = scored(place)["means"]["question"]
    own = found["recorded"]["time_weighted"]["brier"]
    better = [name for name, one in found.items() if one["time_weighted"]["brier"] >= own + 0.0005]
    alike = [name for name in found if name not in (*better, "recorded", "profile hopeful")]
    shown = answer("ledger", "score", "--evidence", "seen.yaml", folder=place, COLUMNS="400").stdout
    (said,) = re.findall(r"By the Brier score of questions.*?, what was recorded was (.*?)\.", shown)
    assert (better, alike) == (["first record kept", "even odds"], ["first model"])
    assert said == "better than first record kept and even odds, as good as first model and profile hopeful"


def test_only_what_is_scored_is_asked_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(place, "2025-01-31")
    asked: list[list[str]] = []
    answers = us.Study.answers

    def noted(study: us.Study, queries: list[str], **settings: Any) -> Any:
        asked.append(list(queries))
        return answers(study, queries, **settings)

    monkeypatch.setattr(us.Study, "answers", noted)
    assert "reopen" in scored(place)["resolutions"]
    assert asked == [["P(talks=open @ 2025-Q4)"]] * 2  # of the first model and the profile; not of `thaws`
