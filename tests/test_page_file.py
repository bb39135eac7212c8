"""The page as a file: what may run in it, what its address means, and that a browser shows what the command says."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from support.command import answer
from support.page import NODE, browsed, needs_chromium, needs_node, under_node
from support.reports import Elements
from support.tiny import TINY
from usru_scenarios import page as the_page
from usru_scenarios.page import FOLDER, MODULES, bundled_script

if TYPE_CHECKING:
    from support.oracle import Json

HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=2'>\u2028'\"&lt;{{script}}\\"

END = "document.querySelector('tr[data-id={}] td[data-key={}]').dataset"
MOVE = """(async () => {{
  const slider = document.querySelector('[data-weight={}]');
  slider.value = {};
  slider.dispatchEvent(new Event('input'));
  await ready();
}})()"""


def written(folder: Path, raw: Json, *options: str) -> Path:
    """The page of a model, as a file."""
    model, made = folder / "model.yaml", folder / "page.html"
    model.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    run = answer("page", str(model), "-q", "-o", str(made), *options)
    assert (run.returncode, run.stderr) == (0, "")
    return made


@pytest.fixture
def tiny_page(tmp_path: Path) -> Path:
    return written(tmp_path, TINY)


def hostile() -> Json:
    """A model whose texts are markup and scripts wherever it can have any."""
    raw: Json = json.loads(json.dumps(TINY))
    raw["title"] = HOSTILE
    for scenario in raw["scenarios"].values():
        scenario["title"] = HOSTILE
    for driver in raw["drivers"].values():
        driver["title"] = HOSTILE
    raw["profiles"]["gloomy"]["title"] = HOSTILE
    return raw


def assert_closed(text: str) -> None:
    """The policy of a page lets nothing run but its one script, and nothing be fetched."""
    page = Elements(text)
    (policy,) = [part["content"] for tag, part in page.elements if part.get("http-equiv") == "Content-Security-Policy"]
    hashes = [
        base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        for part in (page.texts["script"][-1], page.texts["style"][0])
    ]
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{hashes[0]}'; style-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert [(tag, part.get("id")) for tag, part in page.elements if tag in ("script", "style")] == [
        ("style", None),
        ("script", "data"),
        ("script", None),
    ]
    assert not [part for _, part in page.elements if {"style", "src", "href", "onclick", "onerror"} & part.keys()]


def test_nothing_else_runs_and_nothing_is_fetched(tiny_page: Path) -> None:
    assert_closed(tiny_page.read_text("utf-8"))


def test_texts_of_a_file_are_data(tmp_path: Path) -> None:
    text = written(tmp_path, hostile()).read_text("utf-8")
    assert_closed(text)
    page = Elements(text)
    assert page.texts["h1"] == [HOSTILE]
    assert page.texts["title"] == [f"{HOSTILE}: what if?"]


def test_the_bundled_model_fits_into_a_mail(tmp_path: Path) -> None:
    made = tmp_path / "page.html"
    assert answer("page", "-q", "-n", "2048", "-o", str(made)).returncode == 0
    assert made.stat().st_size < 600_000


def test_same_options_same_bytes(tiny_page: Path, tmp_path: Path) -> None:
    before = tiny_page.read_bytes()
    assert written(tmp_path, TINY).read_bytes() == before


def test_names_of_modules_do_not_clash() -> None:
    names = re.findall(r"^(?:async )?(?:function|class|const|let) (\w+)", bundled_script(), re.MULTILINE)
    assert sorted(names) == sorted(set(names))
    assert {path.stem for path in FOLDER.glob("*.mjs")} == {*MODULES}
    assert "import " not in re.sub(r"//.*", "", bundled_script())


@needs_node
@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_right_in_itself(name: str) -> None:
    assert NODE is not None
    run = subprocess.run([NODE, "--check", str(FOLDER / f"{name}.mjs")], capture_output=True, text=True, check=False)
    assert run.stderr == ""


def states(about: dict[str, Any], *fragments: str) -> list[dict[str, str]]:
    return under_node("state.mjs", {"about": about, "fragments": fragments})


@pytest.fixture
def about(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What the page of the small model carries."""
    kept: list[dict[str, Any]] = []
    document = the_page.render_page

    def noted(about: dict[str, Any], arrays: bytes) -> str:
        kept.append(about)
        return document(about, arrays)

    monkeypatch.setattr(the_page, "render_page", noted)
    written(tmp_path, TINY, "--do", "talks=deal@2001", "-n", "1000")
    return kept[0]


@needs_node
def test_the_address_says_all_that_is_chosen(about: dict[str, Any]) -> None:
    chosen = "#w.mood=2&w.talks=0.5&p=gloomy&s.talks=deal@2002"
    (found,) = states(about, chosen)
    assert found["again"] == chosen
    model = about["command"]["model"]
    assert found["command"] == (
        f"usru simulate {model} -p gloomy --do talks=deal@2001 --trials 1000 -w mood=2 -w talks=0.5 "
        "--given 'talks=deal @ 2002'"
    )


@needs_node
@pytest.mark.parametrize(
    "fragment",
    [
        "#w.nobody=2",
        "#w.mood=much",
        "#w.mood=-1",
        "#w.mood=1001",
        "#p=nobody",
        "#s.talks=nothing@2002",
        "#s.talks=deal@1999",
        "#%E0%A4%A",
        "#=&&x",
        "",
    ],
)
def test_what_the_model_does_not_have_is_left_out(fragment: str, about: dict[str, Any]) -> None:
    assert states(about, fragment)[0]["again"] == ""


@needs_node
@pytest.mark.parametrize("fragment", ["#w.mood=2&w.talks=0.5", "#w.mood=2&p=gloomy"])
def test_overlay_and_command_are_the_same_model(fragment: str, about: dict[str, Any], tmp_path: Path) -> None:
    (found,) = states(about, fragment)
    (tmp_path / "my-view.yaml").write_text(found["overlay"], encoding="utf-8")
    profile = ("-p", "gloomy") if "gloomy" in fragment else ()
    laid = answer("simulate", "my-view.yaml", *profile, "--json", "--do", "talks=deal@2001", folder=tmp_path)
    words = found["command"].replace(" --trials 1000", "").split()[1:]
    said = answer(*words, "--json", folder=tmp_path)
    assert (laid.returncode, said.returncode) == (0, 0), laid.stderr + said.stderr
    assert json.loads(laid.stdout)["scenarios"] == json.loads(said.stdout)["scenarios"]


@needs_chromium
def test_in_a_browser_a_file_of_markup_changes_nothing(tmp_path: Path) -> None:
    made = written(tmp_path, hostile())
    seen = browsed(
        {"open": made.as_uri(), "width": 360},
        {"run": "[window.hacked ?? null, document.querySelectorAll('img, script').length]"},
        {"run": "document.querySelector('label[for=w-mood]').textContent"},
        {"run": "document.documentElement.scrollWidth <= innerWidth"},
    )
    assert seen.found[1:] == [[None, 2], HOSTILE, True]
    assert (seen.messages, seen.requests) == ([], [made.as_uri()])


@needs_chromium
def test_in_a_browser_the_page_begins_with_the_forecast(tiny_page: Path) -> None:
    command = json.loads(answer("simulate", str(tiny_page.with_name("model.yaml")), "--json").stdout)["scenarios"]
    seen = browsed(
        {"open": tiny_page.as_uri()},
        *({"run": f"Number({END.format(name, key)}.value)"} for name in command for key in ("end", "mean", "ever")),
        {"run": MOVE.format("mood", 2)},
        {"run": f"{END.format('thaw', 'end')}.value"},
        {"run": "new Promise((resolve) => setTimeout(() => resolve(location.hash), 800))"},
        {"run": "document.getElementById('status').textContent.startsWith('In 2002: ')"},
        {"open": f"{tiny_page.as_uri()}#w.mood=2"},
        {"run": f"{END.format('thaw', 'end')}.value"},
        {"run": "document.querySelector('[data-weight=mood]').value"},
        {"open": f"{tiny_page.as_uri()}#s.talks=deal@2000&s.mood=high@2000&s.mood=low@2001&s.talks=none@2001"},
        {"run": "[document.querySelectorAll('[data-value]').length, document.getElementById('note').textContent]"},
    )
    shown = iter(seen.found[1:])
    for part in command.values():
        for key in ("end", "mean", "ever"):
            assert next(shown) == pytest.approx(part[key], abs=1e-12)
    _, moved, fragment, is_said, _, again, position, _, few = shown
    assert float(moved) > command["thaw"]["end"] + 0.01
    assert (fragment, is_said, again, position) == ("#w.mood=2", True, moved, "2")
    assert few[0] == 0
    assert "too few to tell" in few[1]
    assert (seen.messages, {url.partition("#")[0] for url in seen.requests}) == ([], {tiny_page.as_uri()})


SEEN = """
usru: 1
kind: evidence
name: what-came
model: model.yaml
as_of: 2001-06-30
evidence:
  wire: {about: mood @ 2000, likelihood: {high: 4, low: 1}, learned: 2001-02-12}
  streets:
    title: <b>Quiet streets</b>
    signpost: {of: war, at: 2001, found: false, if_so: 0.9, if_not: 0.2}
    learned: 2001-03-01
  later: {about: mood @ 2001, likelihood: {high: 4, low: 1}, learned: 2001-05-01}
"""


def with_evidence(folder: Path) -> Path:
    """The page of the small model with what has been seen up to some day."""
    (folder / "seen.yaml").write_text(SEEN, encoding="utf-8")
    return written(folder, TINY, "--evidence", str(folder / "seen.yaml"), "--as-of", "2001-04-01")


@needs_chromium
def test_in_a_browser_evidence_holds_in_all_that_is_said(tmp_path: Path) -> None:
    made = with_evidence(tmp_path)
    seen = browsed(
        {"open": made.as_uri()},
        {"run": "[...document.querySelectorAll('#known p, #known li')].map((one) => one.textContent)"},
        *({"run": f"{END.format('thaw', key)}.value"} for key in ("start", "end", "mean", "ever")),
        {"run": "[...document.querySelectorAll('#likelihoods thead th')].map((one) => one.textContent)"},
        {"run": MOVE.format("mood", 2.5)},
        {"run": f"[{END.format('thaw', 'end')}.value, {END.format('thaw', 'end')}.error]"},
        {"run": "document.getElementById('command').textContent"},
        {"run": "document.getElementById('note').textContent"},
    )
    told, start, end, mean, ever, heads, _, moved, command, note = seen.found[1:]
    assert told == [
        "As of 2001-04-01, from the evidence file what-came. It holds in all that this page says.",
        "wire: a hint about mood @ 2000, learned on 2001-02-12",
        "<b>Quiet streets</b>: a signpost of war not found @ 2001, learned on 2001-03-01",
    ]
    assert heads == ["Scenario", "now", "end", "against the file", "share from now on", "ever from now on"]
    words = command.split()[1:]
    assert words == ["simulate", "model.yaml", "--evidence", "seen.yaml", "--as-of", "2001-04-01", "-w", "mood=2.5"]
    still, after = (json.loads(answer(*some, "--json", folder=tmp_path).stdout) for some in (words[:-2], words))
    ahead = still["ahead"]["thaw"]
    assert [float(one) for one in (start, end, mean, ever)] == pytest.approx(
        [ahead["now"], still["scenarios"]["thaw"]["end"], ahead["share"], ahead["ever"]], abs=1e-12
    )
    value, error = map(float, moved)
    assert value == pytest.approx(after["scenarios"]["thaw"]["end"], abs=4.5 * error)
    assert value != pytest.approx(float(end), abs=4.5 * error)
    assert "trials (worth " in note
    assert (seen.messages, seen.requests) == ([], [made.as_uri()])


def test_nothing_else_runs_in_a_page_with_evidence(tmp_path: Path) -> None:
    assert_closed(with_evidence(tmp_path).read_text("utf-8"))


CHOICES = (
    {"domestic_opposition": 2.0},
    {"russian_conduct": 0.0, "sanctions": 2.5},
    {"us_approach": 0.0, "ukraine_talks": 3.0, "unpredictability": 2.0},
)


@needs_chromium
@pytest.mark.slow
def test_in_a_browser_errors_are_honest(tmp_path: Path) -> None:
    """Against long runs of the command with another seed: for each choice, z of all numbers by their root mean square.

    The numbers of a choice go up and down together, so that one such root is as uncertain as that of few numbers.
    """
    made = tmp_path / "page.html"
    assert answer("page", "-q", "-o", str(made)).returncode == 0
    squares = []
    for choice in CHOICES:
        fragment = "&".join(f"w.{name}={value}" for name, value in choice.items())
        weights = [part for name, value in choice.items() for part in ("-w", f"{name}={value}")]
        run = answer("simulate", "--json", "-q", "-n", "400000", "--judgements", "2048", "--seed", "7", *weights)
        truth = json.loads(run.stdout)
        seen = browsed(
            {"open": f"{made.as_uri()}#{fragment}"},
            {
                "run": "[...document.querySelectorAll('td[data-value]')].filter((cell) => cell.dataset.key !== "
                "'difference').map((cell) => [cell.parentNode.dataset.id, cell.dataset.key, cell.dataset.value, "
                "cell.dataset.error])"
            },
        )
        for name, key, value, error in seen.found[1]:
            part = {**truth["scenarios"], **truth["groups"]}[name]
            errors = part["standard_errors"]
            wanted, own = (part["by_step"][0], errors["by_step"][0]) if key == "start" else (part[key], errors[key])
            squares.append((float(value) - wanted) ** 2 / (float(error) ** 2 + own**2))
    assert 0.5 < math.sqrt(sum(squares) / len(squares)) < 1.5
    assert math.sqrt(max(squares)) < 4.5
