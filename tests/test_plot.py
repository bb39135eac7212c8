"""`usru plot`: which chart of what, in which format, and pictures that hold all of themselves."""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from support.command import HARBOUR, answer, refusal
from usru_scenarios.charts import KINDS

drawing = pytest.mark.skipif(find_spec("vl_convert") is None, reason="the extra pictures is not installed")

FEW = ("-n", "200", "-q")

ASKED = {
    "forecast": FEW,
    "drivers": FEW,
    "first-visits": FEW,
    "compare": ("-w", "weather=2", *FEW),
    "sweep": ("dispute=0..2:3", *FEW),
    "sensitivity": ("--of", "open", "-n", "256", "-q"),
    "watch": FEW,
    "history": (),
    "influences": (),
}

KEPT = "tests/models/harbour"
LEDGER = ("--ledger", f"{KEPT}/forecasts")


def about(name: str) -> tuple[str, ...]:
    """The arguments of a chart: of a model, or of a ledger."""
    return LEDGER if name == "history" else (*ASKED[name], HARBOUR)


def specification(*arguments: str) -> dict[str, Any]:
    done = answer("plot", *arguments, "-f", "vega")
    assert (done.returncode, done.stderr) == (0, "")
    made = json.loads(done.stdout)
    assert isinstance(made, dict)
    return made


@pytest.mark.parametrize("name", KINDS)
def test_every_chart_of_a_model_is_written_as_a_specification(name: str) -> None:
    made = specification(name, *about(name))
    assert made["$schema"].startswith("https://vega.github.io/schema/vega-lite/v5")
    assert made["title"]["text"]


def test_a_forecast_is_the_usual_chart_and_a_model_may_stand_alone() -> None:
    assert specification(HARBOUR, *FEW) == specification("forecast", HARBOUR, *FEW)


def test_a_saved_result_gives_the_same_chart(tmp_path: Path) -> None:
    saved = {
        "forecast": ("simulate", HARBOUR, *FEW),
        "drivers": ("simulate", HARBOUR, *FEW),
        "compare": ("compare", HARBOUR, "-w", "weather=2", *FEW),
        "sweep": ("sweep", "dispute=0..2:3", HARBOUR, *FEW),
        "sensitivity": ("sensitivity", HARBOUR, "--of", "open", "--question", "moves", "-n", "256", "-q"),
        "watch": ("watch", HARBOUR, *FEW),
        "history": ("ledger", "history", *LEDGER),
        "influences": ("show", HARBOUR),
    }
    file = tmp_path / "result.json"
    for name, asked in saved.items():
        assert answer(*asked, "-o", str(file)).returncode == 0
        assert specification(name, "--from", str(file)) == specification(name, *about(name)), name


def test_a_saved_result_is_read_from_standard_input_and_by_any_minor_version() -> None:
    result = answer("simulate", HARBOUR, *FEW, "--json").stdout.replace("simulation/1.0", "simulation/1.9")
    assert answer("plot", "--from", "-", "-f", "vega", stdin=result).returncode == 0


def test_the_same_input_gives_the_same_bytes_whatever_the_jobs() -> None:
    one, two = (answer("plot", HARBOUR, *FEW, "--jobs", jobs, "-f", "vega").stdout for jobs in ("1", "2"))
    assert one == two


def test_the_ending_of_the_file_says_the_format(tmp_path: Path) -> None:
    file = tmp_path / "chart.json"
    assert answer("plot", HARBOUR, *FEW, "-o", str(file)).returncode == 0
    assert json.loads(file.read_text("utf-8")) == specification(HARBOUR, *FEW)
    graph = tmp_path / "graph.dot"
    assert answer("plot", HARBOUR, "-o", str(graph)).returncode == 0
    assert graph.read_text("utf-8").startswith("digraph")


def test_a_narrower_picture_breaks_its_title_into_more_lines() -> None:
    wide, narrow = (specification(HARBOUR, *FEW, "--width", width)["title"]["text"] for width in ("1400", "400"))
    assert len(narrow) > len(wide)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[]", "it is no result of usru"),
        ('{"format": 1}', "it is no result of usru"),
        ('{"format": "usru.nonsense/1.0"}', "there is no output 'nonsense'"),
        ('{"format": "usru.simulation/2.0"}', "which this version can't read"),
        ('{"format": "usru.simulation/1.0"}', "it is no usru.simulation/1.0: at model, field required"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_a_file_that_is_no_result_is_refused(text: str, error: str) -> None:
    assert error in refusal("plot", "--from", "-", "-f", "vega", stdin=text)


def test_a_result_that_has_no_chart_or_another_one_is_refused(tmp_path: Path) -> None:
    file = str(tmp_path / "a.json")
    answer("ask", "P(open @ end)", HARBOUR, "-q", "-o", file)
    assert "there is no chart of a result of the kind answer" in answer("plot", "--from", file, "-f", "vega").stderr
    answer("simulate", HARBOUR, *FEW, "-o", file)
    assert "has no chart sweep" in answer("plot", "sweep", "--from", file, "-f", "vega").stderr
    refused = answer("plot", "--from", file, "-n", "5", "-f", "vega")
    assert "--trials has no meaning for a result that is saved" in refused.stderr
    answer("sensitivity", HARBOUR, "--question", "weights", "-n", "256", "-q", "-o", file)
    assert "save it with --question moves" in answer("plot", "--from", file, "-f", "vega").stderr


def test_a_ledger_without_a_record_is_told(tmp_path: Path) -> None:
    (tmp_path / "forecasts.jsonl").write_text("")
    said = refusal("plot", "history", "--ledger", str(tmp_path), "-f", "vega")
    assert "the ledger has no record that can be read" in said


def test_a_saved_history_that_was_changed_by_hand_is_refused() -> None:
    saved = json.loads(answer("ledger", "history", *LEDGER, "--json").stdout)
    for record, error in (({"date": "soon"}, "has the day 'soon', which is none"), ({"number": 9}, "has no record 1")):
        changed = {**saved, "records": [{**saved["records"][0], **record}, *saved["records"][1:]]}
        assert error in refusal("plot", "--from", "-", "-f", "vega", stdin=json.dumps(changed))


@pytest.mark.parametrize("part", ["curves", "points"])
def test_a_saved_result_whose_parts_do_not_fit_together_is_refused(part: str) -> None:
    saved = json.loads(answer("sweep", *ASKED["sweep"], HARBOUR, "--json").stdout)
    (saved["scenarios"]["open"] if part == "curves" else saved)[part] = {} if part == "curves" else [[]]
    said = refusal("plot", "--from", "-", "-f", "vega", stdin=json.dumps(saved))
    assert "its parts do not fit together" in said
    assert "was it changed by hand?" in said


def test_how_questions_came_out_is_marked_by_the_day_on_which_it_was_known() -> None:
    asked = ("walkout_2025", "open_at_the_end", "open", *LEDGER)
    seen = ("--evidence", f"{KEPT}/seen.yaml")
    for more, days in (
        ((), []),
        (seen, ["2026-01-05", "2026-01-12"]),
        ((*seen, "--as-of", "2026-01-06"), ["2026-01-05"]),
    ):
        made = specification("history", *asked, *more)
        marks = [one["data"]["values"] for one in made["vconcat"][0]["layer"] if "diamond" in str(one.get("mark"))]
        assert [(rows[0]["day"], rows[0]["likelihood"]) for rows in marks] == list(zip(days, [0, 100], strict=False))


def test_a_history_in_words_says_how_questions_came_out() -> None:
    done = answer("ledger", "history", "walkout_2025", "open_at_the_end", *LEDGER, "--evidence", f"{KEPT}/seen.yaml")
    assert "walkout_2025 did not come true, known on 2026-01-05.\nopen_at_the_end came true, known on 2026-01-12." in (
        done.stdout
    )


def test_without_what_draws_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    assert "pip install 'usru-scenarios[pictures]'" in refusal("plot", HARBOUR, *FEW)
    assert answer("plot", HARBOUR, *FEW, "-f", "vega").returncode == 0


def test_an_option_of_python_s_spelling_is_named_as_it_is_written() -> None:
    assert "--as-of has no meaning" in refusal("plot", "--from", "run.json", "--as-of", "2025-01-01", "-f", "vega")


def test_under_a_limit_of_address_space_one_line_says_how_to_lift_it(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (4 << 30, resource.RLIM_INFINITY))
    said = refusal("plot", HARBOUR, *FEW)
    assert "the limit of this process is 4 GB" in said
    assert "ulimit -v unlimited" in said
    assert answer("plot", HARBOUR, *FEW, "-f", "vega").returncode == 0
    report = answer("report", HARBOUR, "-n", "256", "-f", "html")
    assert report.returncode == 0
    assert "note: without its picture: " in report.stderr


def test_graphs_have_every_influence_and_quote_titles() -> None:
    titled = ["--set", 'drivers.weather.title=<b>"x" & [y]</b>', HARBOUR]
    mermaid = answer("plot", "influences", "-f", "mermaid", *titled).stdout
    assert mermaid.startswith("flowchart LR\n")
    assert "n_weather -.->|1| n_dispute" in mermaid
    assert "n_weather ==>|3| n_scenario" in mermaid
    assert "<b>" not in mermaid
    dot = answer("plot", "influences", "-f", "dot", *titled).stdout
    assert '"weather" -> "dispute" [style=dotted, label="1"];' in dot
    assert r'[label="<b>\"x\" & [y]</b>"]' in dot


# Pictures -------------------------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"
MARKUP = ["--set", "scenarios.open.title=</script><script>alert(1)</script>&<b>", HARBOUR]


@drawing
def test_an_svg_has_a_title_and_says_what_it_shows() -> None:
    done = answer("plot", HARBOUR, *FEW)
    root = ET.fromstring(done.stdout)
    made = specification(HARBOUR, *FEW)
    assert root.findtext(f"{SVG}title") == " ".join(made["title"]["text"])
    assert root.findtext(f"{SVG}desc") == made["description"]
    assert root.get("role") == "img"
    assert answer("plot", HARBOUR, *FEW).stdout == done.stdout


@drawing
@pytest.mark.parametrize("name", KINDS)
def test_every_chart_is_drawn_about_as_wide_as_asked(name: str) -> None:
    for width in (600, 1400):
        done = answer("plot", name, *about(name), "--width", str(width))
        assert (done.returncode, done.stderr) == (0, "")
        assert float(ET.fromstring(done.stdout).get("width", "0")) <= width + 16


class Seen(HTMLParser):
    """The tags of a page, and the addresses that it names."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name.removeprefix("xlink:") in ("src", "href")]


@drawing
def test_a_page_runs_no_script_and_fetches_nothing_whatever_titles_say(tmp_path: Path) -> None:
    file = tmp_path / "a.html"
    assert answer("plot", *MARKUP, *FEW, "-o", str(file)).returncode == 0
    seen = Seen()
    seen.feed(file.read_text("utf-8"))
    assert not seen.tags & {"script", "b", "iframe", "object", "link", "img"}
    assert not seen.addresses
    assert "default-src 'none'" in file.read_text("utf-8")


@drawing
def test_markup_in_a_recorded_question_is_text(tmp_path: Path) -> None:
    saved = answer("ledger", "history", "walkout_2025", *LEDGER, "--json").stdout
    file = tmp_path / "a.html"
    asked = saved.replace("Is there a walkout", "</script><script>alert(1)</script>&<b>")
    assert answer("plot", "--from", "-", "-o", str(file), stdin=asked).returncode == 0
    seen = Seen()
    seen.feed(file.read_text("utf-8"))
    assert not seen.tags & {"script", "b"}
    assert "&lt;b&gt;" in file.read_text("utf-8")


@drawing
def test_png_and_pdf_are_what_they_say_and_a_png_is_the_same_each_time(tmp_path: Path) -> None:
    for form, magic in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        made = []
        for number in range(2):
            file = tmp_path / f"{number}.{form}"
            assert answer("plot", HARBOUR, *FEW, "--width", "600", "-o", str(file)).returncode == 0
            made.append(file.read_bytes())
        assert all(one.startswith(magic) for one in made)
        assert made[0] == made[1] or form == "pdf"  # what draws a PDF puts its fonts in any order
