"""Results as rows and as HTML, for tables of other libraries and for notebooks."""

from __future__ import annotations

import csv
import html
import io
import json
import pickle
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

import usru_scenarios as us
from support.command import answer

MODEL = """
usru: 1
name: shown
title: "<b>Peace & war</b> | 'quoted'"
time: {start: 2025-01, end: 2025-07, step: quarter}
scenarios: {peace: {baseline: 0.5, title: "<script>alert(1)</script>"}, war: 0.5}
groups: {any: [peace, war]}
outcome: {persistence: 0.5}
anchor: {at: start, shares: {peace: 0.5, war: 0.5}}
drivers:
  mood:
    states: {warm: {prior: 0.5, title: "a < b", signposts: ["<i>"]}, cool: 0.5}
    persistence: 0.5
    impacts: {warm: {peace: {pert: [0, 1, 2]}}, cool: {war: [1, G1]}}
expectations:
  mood_decides: {that: "P(peace | mood=warm) > P(peace | mood=cool)", title: "<u>"}
"""

Asked = Callable[[us.Study], object]
QUESTIONS: dict[str, Asked] = {
    "simulate": lambda study: study.simulate(),
    "ask": lambda study: study.ask("P(peace @ end)"),
    "answers": lambda study: study.answers(["P(peace @ end)", "P(war @ ever)"]),
    "compare": lambda study: study.compare({"other": study.varied(weights={"mood": 2})}),
    "sweep": lambda study: study.sweep("mood=0..1:2"),
    "explain": lambda study: study.explain("peace", trials=256),
    "sensitivity": lambda study: study.sensitivity(trials=256),
    "watch": lambda study: study.watch(trials=256),
    "check": lambda study: study.check(trials=256),
    "calibrate": lambda study: study.calibrate(),
    "sources": lambda study: study.sources(),
    "sources of one": lambda study: study.sources("mood"),
    "directions": lambda study: study.directions(),
    "overview": lambda study: study.overview,
}
COMMANDS = {
    "simulate": ["simulate"],
    "ask": ["ask", "P(peace @ end)"],
    "answers": ["ask", "P(peace @ end)", "P(war @ ever)"],
    "sweep": ["sweep", "mood=0..1:2"],
    "explain": ["explain", "peace", "-n", "256"],
    "sensitivity": ["sensitivity", "-n", "256"],
    "watch": ["watch", "-n", "256"],
    "check": ["check", "-n", "256"],
    "calibrate": ["calibrate"],
    "sources": ["sources"],
    "directions": ["sources", "--directions"],
    "overview": ["show"],
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shown") / "shown.yaml"
    path.write_text(MODEL, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def study(file: Path) -> us.Study:
    return us.load(file)


@pytest.mark.parametrize("question", COMMANDS)
def test_rows_are_those_of_csv_and_ndjson(study: us.Study, file: Path, question: str) -> None:
    result = QUESTIONS[question](study)
    rows = getattr(result, "to_rows")()  # noqa: B009  # of whatever type it is
    command, *rest = COMMANDS[question]
    written = answer(command, *rest, str(file), "-q", "-f", "csv").stdout
    assert list(rows[0]) == next(csv.reader(io.StringIO(written)))
    lines = answer(command, *rest, str(file), "-q", "-f", "ndjson").stdout.splitlines()
    assert rows == [json.loads(line) for line in lines]
    assert rows


def test_rows_of_a_forecast_have_its_numbers(study: us.Study) -> None:
    result = study.simulate()
    found = {(row["id"], row["step"]): row for row in result.to_rows() if row["kind"] == "scenario"}
    for name, scenario in result.scenarios.items():
        for step, probability in zip(result.run.steps, scenario.by_step, strict=True):
            assert found[name, step]["probability"] == probability
            assert found[name, step]["ever"] == scenario.ever
    assert found["peace", "2025-Q2"]["date"] == "2025-04-01"


class Tags(HTMLParser):
    """The tags of a page, and its text; closed as they are opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert {name for name, _ in attrs} <= {"style"}
        self.seen.add(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


OURS = {"p", "strong", "br", "small", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "em", "code", "pre"}


def parsed(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    tags.close()
    assert not tags.open
    return tags


def everything(study: us.Study) -> Iterator[tuple[str, object]]:
    yield from ((name, asked(study)) for name, asked in QUESTIONS.items())


def test_every_result_is_a_part_of_a_page_in_which_no_text_of_the_file_is_markup(study: us.Study) -> None:
    for question, result in everything(study):
        page = getattr(result, "_repr_html_")()  # noqa: B009
        tags = parsed(page)
        assert tags.seen <= OURS, question
        assert "<script" not in page, question
        assert "<b>" not in page, question
        assert study.outline.model.name in tags.text or "Peace & war" in tags.text or "mood" in tags.text, question


def test_a_forecast_in_a_notebook_has_its_table_and_its_citation(study: us.Study) -> None:
    page = study.simulate()._repr_html_()
    assert "<table>" in page
    assert html.escape("<script>alert(1)</script>") in page
    assert "Cite as" in page
    assert page.count("<tr>") == 1 + 2 + 1  # the head, two scenarios, a group


def test_a_page_with_markup_of_the_file_would_be_noticed(study: us.Study) -> None:
    page = html.unescape(study.simulate()._repr_html_())
    with pytest.raises(AssertionError):
        assert parsed(page).seen <= OURS


def test_a_result_that_was_stored_shows_itself_too(study: us.Study) -> None:
    result = study.simulate()
    again = pickle.loads(pickle.dumps(result))
    assert again.to_rows() == result.to_rows()
    assert again._repr_html_() == result._repr_html_()


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_result_is_shown_in_a_line(study: us.Study, question: str) -> None:
    shown = repr(QUESTIONS[question](study))
    assert shown.startswith("<")
    assert "shown" in shown or question == "compare"
    assert len(shown) < 250
    assert "\n" not in shown


def test_a_study_is_shown_in_a_line(file: Path) -> None:
    assert repr(us.load(file)) == f"<Study of {file}>"
