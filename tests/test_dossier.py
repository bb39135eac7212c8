"""`usru report`: one document to hand on, which says what the commands say, and in which titles are texts alone."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.command import HARBOUR, HERE, answer, refusal
from support.reports import Elements
from support.tiny import TINY
from usru_scenarios.problems import TooFewTrials
from usru_scenarios.study import Study

FEW = ("-n", "256", "-q")
SECTIONS = [
    "How likely it is",
    "What drives it",
    "What to watch",
    "What it rests on",
    "What the sources say",
    "How it was computed",
    "What the numbers are not",
    "To cite",
]
HOSTILE = "</title><script>alert(1)</script><img src=x onerror='a()'>&|*_[a](javascript:b)"
MARKUP = ["--set", f"scenarios.open.title={HOSTILE}", "--set", f"drivers.weather.title={HOSTILE}", HARBOUR]


@pytest.fixture
def plain_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws the same of anything, which then gets its own title and hash; so these tests need no extra."""
    drawing: Any = ModuleType("vl_convert")
    drawing.vegalite_to_svg = lambda _specification, **_: "<svg><g/></svg>"
    monkeypatch.setitem(sys.modules, "vl_convert", drawing)


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the extra is not installed."""
    monkeypatch.setitem(sys.modules, "vl_convert", None)


def written(file: Path, *arguments: str) -> str:
    done = answer("report", *arguments, *FEW, "-o", str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return file.read_text("utf-8")


@pytest.mark.usefixtures("plain_drawing")
def test_a_page_has_all_parts_in_order_and_a_picture_for_each_width(tmp_path: Path) -> None:
    text = written(tmp_path / "a.html", HARBOUR)
    seen = Elements(text)
    assert seen.elements[0] == ("html", {"lang": "en"})
    assert seen.texts["h1"] == seen.texts["title"] == ["Will the harbour open?"]
    assert seen.texts["h2"] == SECTIONS
    (image,) = [about for tag, about in seen.elements if tag == "img"]
    (narrow,) = [about for tag, about in seen.elements if tag == "source"]
    assert "is likeliest" in (image["alt"] or "")
    assert image["src"] != narrow["srcset"]
    assert "<a href" not in text


def test_the_document_says_what_the_commands_say() -> None:
    text = answer("report", HARBOUR, *FEW).stdout
    assert re.findall("^## (.*)$", text, re.MULTILINE) == SECTIONS
    simulated = answer("simulate", HARBOUR, *FEW, "-f", "md").stdout
    table = [line for line in simulated.splitlines() if line.startswith("|")]
    assert "\n".join(table) in text
    assert simulated.splitlines()[-1] == text.splitlines()[-1]
    lead = next(line for line in simulated.splitlines() if "is likeliest" in line)
    assert lead in text
    asked = ("--question", "drivers", "--question", "judgements", "--json")
    found = json.loads(answer("sensitivity", HARBOUR, *asked, *FEW).stdout)
    first = found["drivers"][0]
    assert f"| {first['title']} | {100 * first['shift']:.1f} |" in text
    largest = found["judgements"][0]
    assert f"`{largest['path'].split('.', 2)[2]}` ({100 * largest['size']['value']:.1f} points" in text
    for claim in largest["sources"]:
        assert f"**{claim}** {found['claims'][claim]}" in text
    assert found["model"]["sha256"] in text


@pytest.mark.parametrize(
    ("method", "how"), [("exact", "Exact, without sampling"), ("sample", r"[\d,]+ trials, seed 1")]
)
def test_what_to_watch_is_found_by_the_method_that_is_asked_for(method: str, how: str) -> None:
    text = answer("report", str(HERE / "models" / "exact" / "feedback.yaml"), "--method", method, "-q").stdout
    assert re.search(f"^- What to watch: {how}[.,]", text, re.MULTILINE)


def test_what_is_changed_imposed_and_observed_is_said() -> None:
    changed = ("-w", "weather=2", "--sourced-only", "--do", "dispute=loud", "--given", "weather=storm@2025-Q2")
    text = answer("report", HARBOUR, *changed, *FEW).stdout
    assert "- changed: weight weather=2 (" in text
    assert "- changed: points that cite no claim of a document are 0 (" in text
    assert "- intervention: dispute=loud" in text
    assert "- observation: weather=storm@2025-Q2" in text
    assert "leaving aside" not in text
    assert text.count("effective sample size") == 3


def test_where_too_few_trials_agree_what_matters_is_said_without_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The forecast may be exact then, and the document is not refused for one part of it."""
    sensitivity = Study.sensitivity

    def few(study: Study, *args: Any, given: Any = (), **how: Any) -> Any:
        if given:
            raise TooFewTrials(3.0, 0.5, 0.2, "open")
        return sensitivity(study, *args, **how)

    monkeypatch.setattr(Study, "sensitivity", few)
    text = answer("report", HARBOUR, "--given", "weather=storm@2025-Q2", *FEW).stdout
    assert text.count("leaving aside what is observed") == 2
    assert "- observation: weather=storm@2025-Q2" in text


@pytest.mark.usefixtures("plain_drawing")
def test_titles_full_of_markup_are_texts(tmp_path: Path) -> None:
    seen = Elements(written(tmp_path / "a.html", *MARKUP))
    assert not {tag for tag, _ in seen.elements} & {"script", "iframe", "object", "link", "b", "a"}
    images = [about for tag, about in seen.elements if tag == "img"]
    assert [sorted(about) for about in images] == [["alt", "src"]]
    assert HOSTILE in (images[0]["alt"] or "")
    named = [about.get(key) or "" for _, about in seen.elements for key in ("src", "srcset") if key in about]
    assert all(address.startswith("data:image/svg+xml;base64,") for address in named)
    (policy,) = [about["content"] for _, about in seen.elements if "http-equiv" in about]
    assert (policy or "").startswith("default-src 'none'; img-src data:; ")
    text = written(tmp_path / "a.md", *MARKUP)
    assert not re.search(r"(?<!\\)<(?!a\.svg>)", text)
    assert "](javascript" not in text.replace("\\]", "")


@pytest.mark.usefixtures("plain_drawing")
@pytest.mark.parametrize("ending", ["html", "md"])
def test_the_same_input_gives_the_same_bytes(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"a.{ending}"
    assert written(file, HARBOUR) == written(file, HARBOUR, "--jobs", "2")


@pytest.mark.usefixtures("plain_drawing")
def test_markdown_refers_to_the_picture_beside_it(tmp_path: Path) -> None:
    text = written(tmp_path / "my view.md", HARBOUR)
    assert "](<my view.svg>)" in text
    assert "data-specification=" in (tmp_path / "my view.svg").read_text("utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my view.md", "my view.svg"]
    assert "![" not in answer("report", HARBOUR, *FEW).stdout


@pytest.mark.usefixtures("plain_drawing")
def test_a_picture_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text("<svg/>", "utf-8")
    said = refusal("report", HARBOUR, *FEW, "-o", str(tmp_path / "a.md"))
    assert "a.svg is there already, and no picture of usru" in said
    assert not (tmp_path / "a.md").exists()
    assert (tmp_path / "a.svg").read_text("utf-8") == "<svg/>"


@pytest.mark.usefixtures("no_drawing")
@pytest.mark.parametrize("ending", ["html", "md"])
def test_without_what_draws_there_is_no_picture_and_a_line_says_what_to_install(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"a.{ending}"
    done = answer("report", HARBOUR, "-n", "256", "-o", str(file))
    assert done.returncode == 0
    assert done.stderr.count("pip install 'usru-scenarios[pictures]'") == 1
    assert "How likely it is" in file.read_text("utf-8")
    assert "svg" not in file.read_text("utf-8")
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


@pytest.mark.usefixtures("plain_drawing")
@pytest.mark.parametrize("ending", ["html", "md"])
def test_a_run_that_fails_leaves_the_old_files(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"a.{ending}"
    before = written(file, HARBOUR)
    drawn = {path: path.read_bytes() for path in tmp_path.iterdir()}
    done = answer("report", HARBOUR, *FEW, "--do", "weather=none", "-o", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert file.read_text("utf-8") == before
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == drawn


def test_a_model_in_which_nothing_moves_says_so() -> None:
    lone = "usru: 1\nname: lone\ntitle: Lone\nscenarios: {a: 1}\n"
    done = answer("report", "-", *FEW, stdin=lone)
    assert done.returncode == 0
    assert "a is the only scenario." in done.stdout
    assert "What drives it\n" not in done.stdout
    assert "none points" not in done.stdout


def test_a_model_without_sources_says_nothing_of_them() -> None:
    text = answer("report", "-", *FEW, stdin=json.dumps(TINY)).stdout
    assert "## What drives it" in text
    assert "## What the sources say" not in text
