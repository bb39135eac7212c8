from __future__ import annotations

import io
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.effort import slow_but
from usru_scenarios.model.judgements import JudgementRole, judgements
from usru_scenarios.problems import ModelError, UnreadableInput
from usru_scenarios.reading.loading import load, model_digest
from usru_scenarios.reading.locations import bundled_folder, bundled_models
from usru_scenarios.reading.pydantic_errors import locate
from usru_scenarios.reading.request import Request

MODELS = Path(__file__).parent / "models"
EVERYTHING = MODELS / "good/everything.yaml"
MINIMAL = "usru: 1\nname: m\ntitle: M\nscenarios: {a: {}, b: {}}\n"


# Where a model comes from


def test_a_path_and_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(MINIMAL)
    loaded = load(Request.of("m.yaml"))
    assert (loaded.path, loaded.model.name, loaded.register, loaded.request.profile) == (
        Path("m.yaml"),
        "m",
        None,
        None,
    )
    assert str(loaded.find_span(("scenarios", "b"))) == "m.yaml:4:20"
    assert loaded.find_span(("rules", "x")) is None


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(MINIMAL.encode())))
    loaded = load(Request.of("-"))
    assert loaded.path is None
    assert str(loaded.find_span(("name",))) == "<stdin>:2:1"


def test_bundled_models_in_a_wheel_and_in_a_source_tree(tmp_path: Path) -> None:
    wheel, tree = tmp_path / "package/bundled/scenarios", tmp_path / "scenarios"
    assert bundled_folder([wheel, tree]) is None
    tree.mkdir()
    (tree / "one.yaml").write_text(MINIMAL)
    assert bundled_models([wheel, tree]) == {"one": tree / "one.yaml"}
    wheel.mkdir(parents=True)
    (wheel / "two.yaml").write_text(MINIMAL)
    assert bundled_models([wheel, tree]) == {"two": wheel / "two.yaml"}


def test_what_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.yaml").write_text(MINIMAL)
    with pytest.raises(
        UnreadableInput, match=r"no file and no bundled model 'modle.yaml'\n.*did you mean 'model.yaml'"
    ):
        load(Request.of("modle.yaml"))
    with pytest.raises(UnreadableInput, match="is a folder"):
        load(Request.of(str(tmp_path)))
    for name in ("", "x\0y", "x" * 5000):
        with pytest.raises(UnreadableInput) as caught:
            load(Request.of(name))
        assert caught.value.exit_status == 2


# What the result holds


def test_the_digest_is_of_meaning_not_of_writing() -> None:
    one = {"a": {"x": 1, "y": [2.0, "G1"]}, "b": 3}
    assert model_digest(one) == model_digest({"b": 3.0, "a": {"y": [2, "G1"], "x": 1.0}})
    assert model_digest(one) != model_digest({"a": {"x": 1, "y": [2.5, "G1"]}, "b": 3})
    rows = {"first": {"when": 1}, "second": {"when": 2}}
    assert model_digest({"prior_given": rows}) != model_digest({"prior_given": dict(reversed(rows.items()))})


def test_judgements_and_what_they_rest_on() -> None:
    found = {judged.path: judged for judged in judgements(load(Request.of(EVERYTHING)).model)}
    assert {judged.role for judged in found.values()} == {*get_args(JudgementRole)} - {"strength"}
    expected = {
        ("odds_per_point", "impacts"): ("A01",),
        ("scenarios", "reset", "baseline"): ("G01",),
        ("scenarios", "freeze", "baseline"): (),
        ("outcome", "events", "summit", "points", "reset"): ("G01",),
        ("outcome", "lagged_influences", "scenario", "break", "hold"): ("G01",),
        ("anchor", "shares", "reset"): ("G01",),
        ("drivers", "congress", "states", "unified", "prior"): ("G01",),
        ("drivers", "congress", "states", "opposed", "prior"): ("G02", "A01"),
        ("drivers", "congress", "events", 0, "prior", "divided"): ("A01",),
        ("drivers", "congress", "weight", "2028-10"): ("A01",),
        ("drivers", "approach", "prior_given", 1, "prior", "rivalry"): ("G01",),
        ("drivers", "approach", "impacts", "deal", "hold"): ("G01",),
        ("drivers", "mood", "distribution", "pert", 1): ("G01",),
        ("drivers", "mood", "impacts", "0", "reset"): (),
        ("rules", "refused", "then", "scenario", "break"): ("G02",),
        ("rules", "tired", "then", "pace"): (),
    }
    assert {path: found[path].sources for path in expected} == expected


def test_every_judgement_has_a_place_of_its_own() -> None:
    loaded = load(Request.of(EVERYTHING))
    places = [str(locate(loaded.tree.place, judged.path)[0].span()) for judged in judgements(loaded.model)]
    shared = {place for place in places if places.count(place) > 1}
    assert len(places) > 80
    assert not shared


def test_sourced_only_silences_what_is_inferred() -> None:
    plain, sourced = load(Request.of(EVERYTHING)), load(Request.of(EVERYTHING, sourced_only=True))
    silenced = [judged.path for judged in judgements(plain.model) if judged.role == "points" and judged.is_inferred]
    after = {judged.path: judged for judged in judgements(sourced.model)}
    assert ("drivers", "congress", "impacts", "unified", "break") in silenced
    assert all(after[path].judgement.value == 0 for path in silenced)
    kept = [judged for judged in judgements(plain.model) if judged.path not in silenced]
    assert all(after[judged.path].judgement == judged.judgement for judged in kept)
    assert plain.sha256 != sourced.sha256


def test_a_number_without_sources_in_a_list_inherits(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(
        MINIMAL + "drivers: {d: {states: {x: {}, y: {}}, sources: [G1], impacts: {x: {a: [2], b: [1, A1]}}}}\n"
    )
    points = load(Request.of(path, sourced_only=True)).model.drivers["d"].impacts["x"]
    assert (points["a"].mean, points["b"].mean) == (2, 0)


# Faults


def test_the_message_of_the_manual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("scenarios").mkdir()
    lines = ["# line"] * 35 + [
        *MINIMAL.splitlines(),
        "drivers:",
        "  congress_control:",
        "    states: {unified: {}, split: {}}",
        "  sanctions:",
        "    states:",
        "      eased: {}",
        "    influences:",
        "      # who decides",
        "      congres_control:",
        "        unified: {eased: 1}",
    ]
    Path("scenarios/us-russia.yaml").write_text("\n".join(lines))
    with pytest.raises(ModelError) as caught:
        load(Request.of("scenarios/us-russia.yaml"))
    assert str(caught.value) == (
        "scenarios/us-russia.yaml:48:7: unknown driver 'congres_control' in influences of 'sanctions'\n"
        "   48 |       congres_control:\n"
        "      |       ^^^^^^^^^^^^^^^\n"
        "      = did you mean 'congress_control'?"
    )


def test_a_profile_is_checked_though_it_is_not_chosen(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(MINIMAL + "profiles: {p: {overrides: {scenarios: {c: 3}}}, q: {weights: {x: 1}}}\n")
    with pytest.raises(ModelError) as caught:
        load(Request.of(path))
    assert [problem.code for problem in caught.value.problems] == ["missing_baseline", "unknown_weight"]


def test_warnings_are_handed_back(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(MINIMAL + "drivers: {d: {states: {x: {}, y: {}}, impacts: {x: {a: 4}}}}\n")
    (warning,) = load(Request.of(path)).warnings
    assert (warning.code, warning.severity) == ("points_off_scale", "warning")


def test_a_problem_can_not_move_the_cursor_or_colour_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(MINIMAL + '"\\e[31mred\\nline": 1\n')
    with pytest.raises(ModelError) as caught:
        load(Request.of(path))
    first, source, *_ = str(caught.value).splitlines()
    assert first == f"{path}:5:1: unknown key ' [31mred line' in the file"
    assert source.startswith("   5 | ")


# Hostile files

_HOSTILE = {
    "nested brackets": b"[" * 100_000 + b"]" * 100_000,
    "open brackets": b"[" * 2_000_000,
    "open braces": b"{a: " * 400_000,
    "keys in a line": b"a: " * 600_000,
    "dashes": b"- " * 900_000,
    "question marks": b"? " * 900_000,
    "three MiB": b"# fill\n" * 450_000,
    "one long line": b"title: " + b"x" * 2_000_000,
    "one long key": b"x" * 2_000_000 + b": 1",
    "long number": b"usru: " + b"9" * 5_000,
    "Latin-1": "title: caf\xe9".encode("latin-1"),
    "NUL": b"title: a\0b",
    "aliases": b"a: &a [x]\nb: [" + b"*a, " * 400_000 + b"]",
    "anchors": b"&a " * 600_000,
    "many values": b"[" + b"1," * 900_000 + b"]",
    "deep and wide": b"[" * 49 + b"1," * 199_000 + b"]" * 49,
    "many keys": b"".join(b"k%d: 1\n" % number for number in range(90_000)),
    "same key": b"a: 1\n" * 300_000,
    "many states": MINIMAL.encode()
    + b"drivers: {d: {states: {"
    + b"".join(b"s%d: 1," % number for number in range(90_000))
    + b"}}}",
    "many unknown names": MINIMAL.encode()
    + b"drivers: {d: {states: {x: 1}, impacts: {x: {"
    + b"".join(b"s%d: 1," % number for number in range(90_000))
    + b"}}}}",
    "empty": b"",
    "a list": b"- a\n- b\n",
}

# Each file is read by a fork of one process, which need not import the program again. The kernel's high-water mark is
# of the fork alone: getrusage would count the process that it was forked from.
_PROBE = """
import os, re, resource, signal, sys
from pathlib import Path
from usru_scenarios.reading.pydantic_errors import locate
from usru_scenarios.reading.loading import load
from usru_scenarios.reading.request import Request
from usru_scenarios.problems import UsruError

def read(path):
    resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
    signal.alarm(60)
    try:
        load(Request.of(path))
        status = 0
    except UsruError as error:
        status, _ = error.exit_status, str(error)
    peak = re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())
    print(status, int(peak[1]) // 1024, end=" ", flush=True)

for line in sys.stdin:
    if not (fork := os.fork()):
        try:
            read(line.rstrip())
        except BaseException as error:
            print(repr(error)[:200], flush=True)
            os._exit(1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def probe() -> Iterator[Callable[[Path], list[str]]]:
    """Reads a file under a limit of memory: the exit status of the command, its most megabytes, and how it ended."""
    source = Path(__file__).parents[1] / "src"
    with subprocess.Popen(
        [sys.executable, "-c", _PROBE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(source)},
    ) as process:
        asked, told = process.stdin, process.stdout
        assert asked is not None
        assert told is not None

        def read(path: Path) -> list[str]:
            print(path, file=asked, flush=True)
            return told.readline().split()

        yield read
        asked.close()


_LARGE = {"many unknown names", "one long line", "many keys", "deep and wide", "many values", "many states"}
"""What takes a second each."""

_UNREADABLE = {
    "nested brackets",
    "open brackets",
    "open braces",
    "dashes",
    "question marks",
    "three MiB",
    "Latin-1",
    "NUL",
    "many values",
}


@pytest.mark.parametrize("name", slow_but({*_HOSTILE} - _LARGE, _HOSTILE))
def test_a_hostile_file_is_read_or_refused_in_little_memory(
    name: str, tmp_path: Path, probe: Callable[[Path], list[str]]
) -> None:
    path = tmp_path / "hostile.yaml"
    path.write_bytes(_HOSTILE[name])
    status, megabytes, ended = probe(path)
    assert ended == "0"
    assert int(status) == (2 if name in _UNREADABLE else 1)
    assert int(megabytes) < 300


# Mutations

_TEXTS = [path.read_text() for path in sorted((MODELS / "good").glob("*.yaml"))]
_SCALARS = [
    "",
    "~",
    "{}",
    "[]",
    "-1",
    "1e400",
    ".nan",
    "true",
    "x",
    "scenario",
    "hold",
    "'",
    "[1",
    "&a",
    "2025",
    "1 year",
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A good file with a few characters, lines or values changed."""
    text = draw(st.sampled_from(_TEXTS))
    chance = random.Random(draw(st.integers(0, 2**32)))
    for _ in range(draw(st.integers(1, 4))):
        text = draw(st.sampled_from([_characters, _lines, _words]))(text, chance)
    return text


def _characters(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    new = "".join(chance.choice(" \n\t:{}[],-#&*!|>'\"%@`~?abc019.\0é\u2028") for _ in range(chance.randrange(3)))
    return text[:at] + new + text[at + chance.randrange(4) :]


def _lines(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    moved = [lines[one]] if chance.random() < 0.5 else []
    return "\n".join(lines[:other] + moved + lines[other + chance.randrange(2) :])


def _words(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    words[chance.randrange(len(words))] = chance.choice([*_SCALARS, chance.choice(words)])
    return " ".join(words)


@pytest.fixture(scope="module")
def neighbourhood(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the register and the parts that the good files name."""
    return Path(shutil.copytree(MODELS / "good", tmp_path_factory.mktemp("mutations") / "good"))


@settings(max_examples=300, deadline=None)
@given(text=mutated())
def test_a_mutated_file_is_loaded_or_refused_with_places(neighbourhood: Path, text: str) -> None:
    path = neighbourhood / "mutated.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        load(Request.of(path))
    except ModelError as error:
        faults = error.problems
    else:
        return
    assert faults
    assert all(problem.span and str(problem) for problem in faults)
