"""Questions of a file (section 13): read with their places, laid over one another, listed, and held to their days."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import usru_scenarios as us
from support.command import answer, refusal
from usru_scenarios.timeline import Grid, TimeError, parse_day

MODEL = """
usru: 1
name: asked
title: What will be known
time: {start: 2027-01, end: 2029-01, step: quarter}
scenarios: {war: 0.5, peace: 0.5}
drivers:
  talks: {states: {open: 0.5, closed: 0.5}, persistence: 0.5, impacts: {open: {peace: 1}}}
profiles:
  hopeful: {weights: {talks: 2}}
questions:
  reopen:
    asks: Are the talks open at some time in the first half of 2027?
    means: "P(talks=open @ ever 2027-Q1..2027-Q2)"
    closes: 2027-06-30
    resolves: a round that both sides announce
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "asked.yaml").write_text(MODEL, encoding="utf-8")
    return tmp_path


def faults(folder: Path, text: str) -> str:
    """What is said of a file that has faults."""
    (folder / "asked.yaml").write_text(text, encoding="utf-8")
    return refusal("validate", "asked.yaml", folder=folder, status=1)


def test_a_question_is_read_and_listed(folder: Path) -> None:
    done = answer("validate", "asked.yaml", folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("1 profile, 1 question\n")
    told = json.loads(answer("show", "asked.yaml", "--json", folder=folder).stdout)["questions"]
    assert told == {
        "reopen": {
            "asks": "Are the talks open at some time in the first half of 2027?",
            "means": "P(talks=open @ ever 2027-Q1..2027-Q2)",
            "closes": "2027-06-30",
            "resolves": "a round that both sides announce",
            "sources": [],
        }
    }
    assert json.loads(answer("show", "asked.yaml", "talks", "--json", folder=folder).stdout)["questions"] == {}
    text = answer("show", "asked.yaml", folder=folder).stdout
    assert "reopen  Are the talks open at some time in the first half of 2027?\n" in text
    assert "  closes 2027-06-30, resolved by a round that both sides announce\n" in text


def test_what_it_means_is_a_probability_of_the_model(folder: Path) -> None:
    study = us.load(folder / "asked.yaml")
    (meaning,) = study.questions().values()
    assert study.ask(meaning.text).value == pytest.approx(0.5 + 0.5 * 0.25)


def test_it_moves_no_forecast(folder: Path) -> None:
    (folder / "silent.yaml").write_text(MODEL[: MODEL.index("questions:")], encoding="utf-8")
    found = [
        json.loads(answer("simulate", name, "--json", folder=folder).stdout) for name in ("asked.yaml", "silent.yaml")
    ]
    assert found[0]["scenarios"] == found[1]["scenarios"]
    assert "s are the same.\n" in answer("compare", "asked.yaml", "silent.yaml", folder=folder).stdout


@pytest.mark.parametrize(
    ("closes", "means", "last"),
    [
        ("2027-06-29", "P(talks=open @ ever 2027-Q1..2027-Q2)", "2027-06-30"),
        ("2027-12-30", "P(war @ always 2027)", "2027-12-31"),
        ("2028-12-30", "P(talks=open @ start | war @ end)", "2028-12-31"),
        ("2027-09-29", "P(peace @ by 2027-Q3)", "2027-09-30"),
        ("2028-03-30", "P((talks=open @ 2028-Q1) or (war @ 2027-Q1))", "2028-03-31"),
    ],
)
def test_it_closes_when_all_that_it_asks_about_is_known(closes: str, means: str, last: str, folder: Path) -> None:
    text = MODEL.replace("2027-06-30", closes).replace("P(talks=open @ ever 2027-Q1..2027-Q2)", means)
    (folder / "early.yaml").write_text(text, encoding="utf-8")
    said = refusal("validate", "early.yaml", folder=folder, status=1)
    assert said.startswith(f"early.yaml:15:13: the question closes on {closes}, before the last step")
    assert f"write {last} or a later day" in said
    (folder / "early.yaml").write_text(text.replace(closes, last), encoding="utf-8")
    assert answer("validate", "early.yaml", folder=folder).returncode == 0


@pytest.mark.parametrize(
    ("means", "said"),
    [
        ("P(talks=open @ 2027-Q1) > 0.5", "one probability, without arithmetic or a comparison"),
        ("1 - P(talks=open @ 2027-Q1)", "one probability, without arithmetic or a comparison"),
        ("0.5", "one probability, without arithmetic or a comparison"),
        ("P(talks=open)", "an average over steps is no event"),
        ("P(talks=open @ 2027)", "an average over steps is no event"),
        ("P(war @ end | do(talks=open))", "under an intervention or a profile will never be seen"),
        ("P(war @ end | profile(hopeful))", "under an intervention or a profile will never be seen"),
        ("P(talks=opn @ end)", "did you mean 'open'?"),
        ("P(war @ 2031)", "2031"),
    ],
)
def test_what_means_nothing_that_will_be_seen_is_refused(means: str, said: str, folder: Path) -> None:
    refused = faults(folder, MODEL.replace("P(talks=open @ ever 2027-Q1..2027-Q2)", means))
    assert refused.startswith("asked.yaml:14:")
    assert said in refused
    with pytest.raises(us.ModelError):
        us.load(folder / "asked.yaml").questions()


def test_faults_of_questions_and_expectations_come_together(folder: Path) -> None:
    text = MODEL.replace("talks=open @ ever", "talks=opn @ ever") + 'expectations: {e: {that: "P(wr @ end) > 0"}}\n'
    said = faults(folder, text)
    assert "unknown scenario 'wr'" in said
    assert "'opn'" in said


@pytest.mark.parametrize(
    ("closes", "said"),
    [
        *((text, f"'{text}' is no day: write for instance 2027-06-30") for text in ("soon", "2027", "2027-06")),
        ("2027-02-30", "'2027-02-30' is no day: 2027-02 has days 01 to 28"),
        ("2027-06-00", "'2027-06-00' is not a date: there is no day 00"),
        ("2027-13-01", "there is no month 13"),
    ],
)
def test_it_closes_on_a_day_of_the_calendar(closes: str, said: str, folder: Path) -> None:
    refused = faults(folder, MODEL.replace("2027-06-30", closes))
    assert refused.startswith("asked.yaml:15:13: ")
    assert said in refused
    with pytest.raises(TimeError):
        parse_day(closes)


@pytest.mark.parametrize(("closes", "proposed"), [("30 June 2027", "2027-06-30"), ("31 Feb 2027", None)])
def test_a_day_is_proposed_if_the_calendar_has_it(closes: str, proposed: str | None, folder: Path) -> None:
    refused = faults(folder, MODEL.replace("2027-06-30", closes))
    assert f"'{closes}' is no day" in refused
    assert re.findall(r"did you mean '(.*)'\?", refused) == [proposed] * (proposed is not None)


def test_what_lacks_or_is_misspelt_is_named(folder: Path) -> None:
    text = MODEL.replace("    resolves:", "    resolvs:")
    said = faults(folder, text)
    assert "did you mean 'resolves'?" in said
    assert "question 'reopen'" in said


def test_an_overlay_changes_adds_and_withdraws(folder: Path) -> None:
    over = """
usru: 1
name: over
title: Over
extends: asked.yaml
questions:
  reopen: {closes: 2027-07-07}
  war: {asks: War at the end?, means: "P(war @ end)", closes: 2028-12-31, resolves: a list}
"""
    (folder / "over.yaml").write_text(over, encoding="utf-8")
    told = json.loads(answer("show", "over.yaml", "--json", folder=folder).stdout)["questions"]
    assert {name: one["closes"] for name, one in told.items()} == {"reopen": "2027-07-07", "war": "2028-12-31"}
    gone = json.loads(answer("show", "over.yaml", "--json", "--set", "questions.reopen=null", folder=folder).stdout)
    assert list(gone["questions"]) == ["war"]


def test_its_sources_are_claims_of_the_register() -> None:
    said = refusal("validate", "brief", "--set", "questions.relief_2027.sources=[Q9]")
    assert "unknown claim 'Q9' in sources of question 'relief_2027'" in said


def test_without_a_calendar_a_question_closes_on_any_day(folder: Path) -> None:
    text = MODEL.replace("time: {start: 2027-01, end: 2029-01, step: quarter}\n", "")
    (folder / "asked.yaml").write_text(text.replace(" @ ever 2027-Q1..2027-Q2", ""), encoding="utf-8")
    assert answer("validate", "asked.yaml", folder=folder).returncode == 0


@pytest.mark.parametrize(
    ("start", "end", "step", "days"),
    [
        ("2027-12", "2028-04", "month", ["2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31"]),
        ("2027-01", "2028-01", "quarter", ["2027-03-31", "2027-06-30", "2027-09-30", "2027-12-31"]),
        ("2027-03", "2029-03", "year", ["2028-02-29", "2029-02-28"]),
        ("0000-01", "0000-03", "month", ["0000-01-31", "0000-02-29"]),
    ],
)
def test_the_last_day_of_a_step(start: str, end: str, step: str, days: list[str]) -> None:
    grid = Grid.between(start, end, step)  # type: ignore[arg-type]
    assert [grid.last_day(number) for number in range(grid.count)] == days


def test_the_bundled_model_asks_what_it_speaks_to(bundled: us.Study) -> None:
    questions = bundled.loaded.model.questions
    assert 8 <= len(questions) <= 12
    assert [*bundled.questions()] == [*questions]
    assert all(question.sources and question.resolves for question in questions.values())


def test_all_questions_of_a_file_are_asked_at_once(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(
        "usru: 1\nname: m\ntitle: M\ntime: {start: 2025-01, end: 2025-07, step: quarter}\n"
        "scenarios: {a: 0.3, b: 0.7}\nquestions:\n"
        '  first: {asks: A?, means: "P(a @ 2025-Q1)", closes: 2025-12-31, resolves: seen}\n'
        '  ever: {asks: B?, means: "P(b @ ever)", closes: 2025-12-31, resolves: seen}\n'
    )
    means = ["P(a @ 2025-Q1)", "P(b @ ever)"]
    for words, asked in (([], means), (["P(a @ end)"], ["P(a @ end)", *means])):
        found = json.loads(answer("ask", *words, "--questions", "m.yaml", "--json", folder=tmp_path).stdout)
        assert [one["query"] for one in found["answers"]] == asked
        alone = [json.loads(answer("ask", one, "m.yaml", "--json", folder=tmp_path).stdout) for one in asked]
        assert [one["value"] for one in found["answers"]] == [one["value"] for one in alone]
    (tmp_path / "m.yaml").write_text("usru: 1\nname: m\ntitle: M\nscenarios: {a: 0.3, b: 0.7}\n")
    done = answer("ask", "--questions", "m.yaml", folder=tmp_path)
    assert (done.returncode, "the model has no questions" in done.stderr) == (2, True)
