"""What is kept between runs changes no answer, is found stale whenever it is, and never makes a run fail."""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import pytest

from support.command import HERE, answer
from support.systems import on_unix
from usru_scenarios import compiled_file, study
from usru_scenarios.estimation import estimates
from usru_scenarios.estimation.estimates import orthonormal_basis
from usru_scenarios.problems import Span, UnreadableInput
from usru_scenarios.program.laws import StepLaw
from usru_scenarios.program.program import CategoricalNode, Floats
from usru_scenarios.program.support import Support
from usru_scenarios.questions import difference_error_floors
from usru_scenarios.questions.sensitivity import law_tilts, one_point
from usru_scenarios.reading import cache, loading
from usru_scenarios.reading.cache import CompileCache
from usru_scenarios.reading.files import ABSENT, content_digest
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.reading.request import Request
from usru_scenarios.results.sensitivity import Sensitivity
from usru_scenarios.sampler import blocks
from usru_scenarios.sampler.kernels import Kernel, compile_kernel
from usru_scenarios.sampler.tables import TableCache

FILE = """\
usru: 1
name: m
title: M
sources: register
scenarios: {a: {baseline: [2, C1]}, b: {baseline: [1, C1]}}
"""
CLAIM = "title: T\nclaims:\n  C1: {claim: a thing}\n"


def written(folder: Path, text: str) -> Path:
    """A file of that text."""
    (folder / "m.yaml").write_text(text, encoding="utf-8")
    return folder / "m.yaml"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "register").mkdir()
    (tmp_path / "register" / "one.yaml").write_text(CLAIM, encoding="utf-8")
    return written(tmp_path, FILE)


@pytest.fixture
def ask(model: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def ask(*arguments: str, keep: str = "") -> subprocess.CompletedProcess[str]:
        home = str(tmp_path / "home")
        return answer("ask", "P(a)", str(model), "--json", *arguments, USRU_CACHE=keep, XDG_CACHE_HOME=home)

    return ask


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "home" / "usru").glob("*"))


Ask = Callable[..., subprocess.CompletedProcess[str]]


def test_the_second_answer_is_the_first(ask: Ask, model: Path) -> None:
    first = ask()
    assert first.returncode == 0
    files = kept(model.parent)
    assert files
    second = ask()
    assert (second.stdout, second.stderr) == (first.stdout, first.stderr)
    assert kept(model.parent) == files
    assert second.stdout == ask(keep="off").stdout


def test_nothing_is_kept_where_that_is_switched_off(ask: Ask, model: Path) -> None:
    assert ask(keep="off").returncode == 0
    assert kept(model.parent) == []


def test_a_changed_file_is_read(ask: Ask, model: Path) -> None:
    first = ask()
    model.write_text(FILE.replace("[2, C1]", "[8, C1]"), encoding="utf-8")
    assert '"value": 0.888888' in ask().stdout
    assert '"value": 0.666666' in first.stdout
    assert '"value": 0.5' in ask("--set", "scenarios.a.baseline=1").stdout


def test_a_changed_register_is_read(ask: Ask, model: Path) -> None:
    assert ask().returncode == 0
    (model.parent / "register" / "one.yaml").write_text(CLAIM.replace("C1", "C2"), encoding="utf-8")
    assert "unknown claim 'C1'" in ask().stderr


def test_a_new_file_of_the_register_is_read(ask: Ask, model: Path) -> None:
    assert ask().returncode == 0
    (model.parent / "register" / "two.yaml").write_text(CLAIM, encoding="utf-8")
    assert "the claim 'C1' stands here a second time" in ask().stderr


def test_what_appears_where_nothing_was_before_is_read(model: Path) -> None:
    """`extends: us-russia` means the bundled model only while there is nothing of that name beside the file."""
    model.write_text("extends: us-russia\nsources: us-russia\n", encoding="utf-8")

    def asked() -> subprocess.CompletedProcess[str]:
        home = str(model.parent / "home")
        query = ("P(reset @ start)", str(model), "-n", "100")
        return answer("ask", *query, USRU_CACHE="", XDG_CACHE_HOME=home)

    assert [asked().returncode, asked().returncode] == [0, 0]
    (model.parent / "us-russia").write_text("another thing", encoding="utf-8")
    assert "us-russia is no .yaml or .yml file" in asked().stderr


FORM = b"usru kept 3\n"
HEAD = len(FORM) + 32


def sealed(entry: Path, pickled: bytes) -> bytes:
    """An entry as the program writes them, with no arrays apart from the pickle."""
    sizes = struct.pack("<QQ", 1, len(pickled))
    payload = sizes + bytes(-(HEAD + len(sizes)) % 64) + pickled
    return FORM + sha256(entry.name.encode() + b"\n" + payload).digest() + payload


def flipped(content: bytes, at: int, bit: int = 0) -> bytes:
    return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


Damage = Callable[[bytes], bytes]
DAMAGES: dict[str, Damage] = {
    "empty": lambda _: b"",
    "rubbish": lambda _: b"rubbish",
    "a pickle of another form": lambda _: pickle.dumps(({}, os.getcwd)),
    "the form of before, without a digest": lambda content: content[HEAD:],
    "another form": lambda content: flipped(content, 10),
    "a digest with a bit flipped": lambda content: flipped(content, HEAD - 1),
    "cut by a byte": lambda content: content[:-1],
    "cut to the head": lambda content: content[:HEAD],
    "cut in the head": lambda content: content[: HEAD - 1],
    "a byte more": lambda content: content + b"\0",
    "zeros at the end, as after a crash": lambda content: content[: len(content) // 2].ljust(len(content), b"\0"),
    **{
        f"random {seed}": lambda content, seed=seed: flipped(  # type: ignore[misc]  # the seed is bound, not given
            content, Random(seed).randrange(len(content)), seed % 8
        )
        for seed in range(24)
    },
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_made_anew(ask: Ask, model: Path, damage: str) -> None:
    first = ask()
    files = {file: file.read_bytes() for file in kept(model.parent)}
    for file, content in files.items():
        file.write_bytes(DAMAGES[damage](content))
    again = ask()
    assert (again.returncode, again.stdout, again.stderr) == (0, first.stdout, first.stderr)
    assert {file: file.read_bytes() for file in kept(model.parent)} == files


def test_a_number_that_is_changed_changes_no_answer(ask: Ask, model: Path) -> None:
    """The weights of the file are 2 and 1; a 2 that became a 3 would give 3/4 instead of 2/3."""
    first = ask()
    changed = 0
    for file in kept(model.parent):
        content = file.read_bytes()
        for order in "<>":
            content = content.replace(struct.pack(f"{order}d", 2 / 3), struct.pack(f"{order}d", 0.75))
        changed += content != file.read_bytes()
        file.write_bytes(content)
    assert changed, "no such number is kept"
    assert ask().stdout == first.stdout


def test_an_entry_under_the_name_of_another_is_not_used(home: Path) -> None:
    file = home / "a"
    file.write_text("one", encoding="utf-8")
    made_anew(file, part="first")
    (entry,) = kept(home)
    content = entry.read_bytes()
    made_anew(file, part="second")
    (other,) = set(kept(home)) - {entry}
    other.write_bytes(content)
    assert made_anew(file, part="second")


@pytest.mark.parametrize("what", ["folder", "fifo", "unreadable", "dangling link"])
def test_what_stands_in_the_place_of_an_entry_holds_nobody_up(ask: Ask, model: Path, what: str) -> None:
    first = ask()
    for file in kept(model.parent):
        file.unlink()
        if what == "folder":
            (file / "x").mkdir(parents=True)
        elif what == "fifo":
            os.mkfifo(file)
        elif what == "unreadable":
            file.touch(mode=0o000)
        else:
            file.symlink_to("nowhere")
    again = ask()
    assert (again.returncode, again.stdout, again.stderr) == (0, first.stdout, first.stderr)
    assert not [file for file in kept(model.parent) if file.name.startswith(".new-")]


def test_a_disk_that_is_full_keeps_nothing(ask: Ask, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    assert ask().returncode == 0
    assert kept(model.parent) == []


@pytest.mark.parametrize("home", ["", "relative"])
def test_a_home_that_is_none_or_in_the_current_folder_keeps_nothing(model: Path, home: str) -> None:
    assert answer("ask", "P(a)", str(model), folder=model.parent, USRU_CACHE="", HOME=home).returncode == 0
    assert sorted(path.name for path in model.parent.iterdir()) == ["m.yaml", "register"]


def test_what_killed_runs_left_is_removed_after_an_hour(ask: Ask, model: Path) -> None:
    ask()
    old, new = (model.parent / "home" / "usru" / f".new-{name}" for name in ("old", "new"))
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    ask("--seed", "2", "--method", "sample", "--set", "scenarios.a.baseline=5")
    assert (old.exists(), new.exists()) == (False, True)


# What is read once


SIMPLE = FILE.replace("sources: register\n", "").replace(", C1]", "]")


@on_unix
def test_a_pipe_is_read_once_and_has_no_place_in_the_cache(model: Path) -> None:
    """Each run gets another text through the same path, and answers for that one."""
    fifo = model.parent / "fifo"
    os.mkfifo(fifo)
    for baseline, value in ((2, "0.6666"), (8, "0.8888"), (2, "0.6666")):
        writer = Thread(target=fifo.write_text, args=(SIMPLE.replace("[2]", f"[{baseline}]"),), daemon=True)
        writer.start()
        home = str(model.parent / "home")
        done = answer("ask", "P(a)", str(fifo), "--json", USRU_CACHE="", XDG_CACHE_HOME=home)
        writer.join(10)
        assert (done.returncode, value in done.stdout) == (0, True)
    assert kept(model.parent) == []


ONCE = {
    "simulate": ["simulate", "MODEL", "-n", "100"],
    "ask": ["ask", "P(a)", "MODEL"],
    "compare": ["compare", "MODEL", "--set", "scenarios.a.baseline=3", "-n", "100"],
    "compare variants": ["compare", "MODEL", "--variant", "x: --set scenarios.a.baseline=3", "--variant", "y: -w d=2"],
    "compare claims": ["compare", "MODEL", "--sourced-only", "--set", "scenarios.a.baseline=3", "-n", "100"],
    "sweep": ["sweep", "scenarios.a.baseline=1,2", "MODEL", "-n", "100"],
    "explain": ["explain", "a", "MODEL", "-n", "1000"],
    "sensitivity": ["sensitivity", "MODEL", "-n", "500"],
    "watch": ["watch", "MODEL", "-n", "1000"],
    "check": ["check", "MODEL"],
    "validate": ["validate", "MODEL"],
    "show": ["show", "MODEL"],
    "sources": ["sources", "MODEL"],
    "calibrate": ["calibrate", "MODEL"],
    "calibrate --write": ["calibrate", "--write", "MODEL"],
}
PIPED = SIMPLE + "drivers: {d: {states: {x: 1, y: 1}, impacts: {x: {a: 1}}}}\nexpectations: {e: {that: P(a) > 0.1}}\n"


@on_unix
@pytest.mark.parametrize("command", ONCE)
def test_every_command_reads_a_pipe_once(command: str, tmp_path: Path) -> None:
    """A FIFO with one writer, who writes once: a second reading would wait for ever."""
    file, fifo = tmp_path / "m.yaml", tmp_path / "fifo.yaml"
    file.write_text(PIPED)
    os.mkfifo(fifo)
    Thread(target=fifo.write_text, args=(PIPED,), daemon=True).start()
    piped, plain = (answer(*(str(place) if one == "MODEL" else one for one in ONCE[command])) for place in (fifo, file))
    if command == "calibrate --write":
        assert piped.returncode == 2
        assert "the model comes from a pipe" in piped.stderr
    else:
        named = plain.stdout.replace("m.yaml", "fifo.yaml"), plain.stderr.replace("m.yaml", "fifo.yaml")
        assert (piped.returncode, piped.stdout, piped.stderr) == (1 if command == "calibrate" else 0, *named)


RECALLED = {name: words for name, words in ONCE.items() if name != "calibrate --write"}


@pytest.mark.parametrize(
    "command", [*RECALLED, "ask in a profile", "show resolved", "show a part", "sources of a part"]
)
def test_the_second_run_of_a_command_reads_no_yaml_and_says_the_same(
    command: str, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(PIPED + "profiles: {p: {weights: {d: 2}}}\n")
    words = {
        **RECALLED,
        "ask in a profile": ["ask", "P(a | profile(p)) > P(a)", "MODEL"],
        "show resolved": ["show", "MODEL", "--resolved"],
        "show a part": ["show", "MODEL", "d"],
        "sources of a part": ["sources", "MODEL", "d"],
    }[command]
    arguments = [str(file) if one == "MODEL" else one for one in words]
    found = [answer(*arguments, USRU_CACHE=keep, XDG_CACHE_HOME=str(home / "home")) for keep in ("off", "")]
    monkeypatch.setattr("usru_scenarios.reading.loading._read_input", lambda _: pytest.fail("it has been read before"))
    found.append(answer(*arguments, USRU_CACHE="", XDG_CACHE_HOME=str(home / "home")))
    assert len({(done.returncode, done.stdout, done.stderr) for done in found}) == 1


@pytest.mark.parametrize("command", ["show", "sources", "validate", "watch", "check", "sensitivity"])
def test_every_command_sees_a_file_that_was_edited(command: str, tmp_path: Path, home: Path) -> None:
    file = tmp_path / "m.yaml"

    def told() -> str:
        return answer(command, str(file), "--json", USRU_CACHE="", XDG_CACHE_HOME=str(home / "home")).stdout

    file.write_text(PIPED)
    first = told()
    assert first == told()
    file.write_text(PIPED.replace("[2]", "[8]").replace("title: M", "title: another"))
    assert first != told()
    file.write_text(PIPED.replace("drivers", "divers"))
    assert "divers" in told() if command == "validate" else told() == ""


MODELS = sorted(file for folder in ("good", "exact") for file in (HERE / "models" / folder).glob("*.yaml"))


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("file", [HERE.parent / "scenarios" / "us-russia.yaml", *MODELS], ids=lambda file: file.stem)
def test_a_file_is_the_same_when_it_is_recalled(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def recalled() -> Loaded:
        return study.load_cached(Request.of(file, overrides={"title": "another"})).loaded

    def profiles(loaded: Loaded) -> list[object]:
        return [(one.tree.data, one.model, one.problems) for one in loaded.file.profiles.values()]

    read = recalled()
    monkeypatch.setattr("usru_scenarios.reading.loading._read_input", lambda _: pytest.fail("it has been read before"))
    assert recalled() == read
    assert profiles(recalled()) == profiles(read)


def test_what_is_possible_is_the_same_when_it_is_recalled() -> None:
    program = study.load(HERE / "golden" / "harbour.yaml").drawn(1, 8)
    made = Support(program)
    recalled = Support.from_findings(program, pickle.loads(pickle.dumps(Support(program).cacheable_findings())))
    for state in range(len(program.outcome.states)):
        for ask in (Support.probability_limits, Support.first_visit_limits):
            assert [one.tolist() for one in ask(recalled, [state])] == [one.tolist() for one in ask(made, [state])]


def test_the_same_text_on_standard_input_is_compared_with_itself() -> None:
    done = answer("compare", "-", "--set", "scenarios.a.baseline=3", "-n", "100", "--json", stdin=PIPED)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_that_changes_between_two_parts_is_told_and_never_mixed(home: Path) -> None:
    file = home / "a"
    file.write_text("one", encoding="utf-8")
    made_anew(file, part="first")
    shelf = CompileCache("this")
    assert shelf.get_or_make("first", lambda: pytest.fail("it was kept")) == Span("one", 1, 1)
    file.write_text("two", encoding="utf-8")
    with pytest.raises(UnreadableInput, match="changed while it was being read"):
        shelf.get_or_make("second", lambda: shelf.set_inputs({str(file): content_digest(file.read_bytes())}))


def test_what_is_read_late_is_among_what_a_part_is_made_of(home: Path) -> None:
    file, late = home / "a", home / "late"
    for place in (file, late):
        place.write_text("one", encoding="utf-8")

    def is_made(part: str, *places: Path) -> bool:
        read: dict[str, str] = {}
        shelf.set_inputs(read)
        made = []

        def make() -> Span:
            read.update({str(place): content_digest(place.read_bytes()) for place in places})
            made.append(part)
            return Span(part, 1, 1)

        shelf.get_or_make(part, make)
        return bool(made)

    shelf = CompileCache("this")
    assert [is_made("first", file), is_made("second", late)] == [True, True]
    shelf = CompileCache("this")
    assert [is_made("second"), is_made("first")] == [False, False]
    late.write_text("two", encoding="utf-8")
    shelf = CompileCache("this")
    assert [is_made("first", file), is_made("second", late)] == [False, True]


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="there are no owners")
def test_what_others_could_have_written_is_not_used(ask: Ask, model: Path) -> None:
    ask()
    folder = model.parent / "home" / "usru"
    before = [file.stat().st_mtime_ns for file in kept(model.parent)]
    folder.chmod(0o777)
    assert ask().returncode == 0
    assert [file.stat().st_mtime_ns for file in kept(model.parent)] == before


def test_a_cache_folder_that_cannot_be_is_done_without(ask: Ask, model: Path) -> None:
    (model.parent / "home").write_text("a file", encoding="utf-8")
    assert ask().returncode == 0


# The cache itself


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("USRU_CACHE", raising=False)
    return tmp_path


def made_anew(file: Path, asked: str = "this", part: str = "part") -> bool:
    """Whether a part was made, and not found on the shelf."""
    shelf, made = CompileCache(asked), []

    def make() -> Span:
        shelf.set_inputs({str(file): content_digest(file.read_bytes())})
        made.append(True)
        return Span(file.read_text(encoding="utf-8"), 1, 1)

    assert shelf.get_or_make(part, make).source == file.read_text(encoding="utf-8")
    return bool(made)


def test_a_part_is_made_once_for_what_is_asked_and_what_was_read(home: Path) -> None:
    file = home / "a"
    file.write_text("one", encoding="utf-8")
    assert [made_anew(file), made_anew(file)] == [True, False]
    assert [made_anew(file, "that"), made_anew(file, part="other")] == [True, True]
    file.write_text("two", encoding="utf-8")
    assert [made_anew(file), made_anew(file)] == [True, False]
    file.unlink()
    file.write_text("two", encoding="utf-8")
    assert not made_anew(file)


def test_another_version_of_the_program_finds_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / "a"
    file.write_text("one", encoding="utf-8")
    made_anew(file)
    monkeypatch.setattr(cache, "_program_digest", lambda: "a newer one")
    assert made_anew(file)


def test_what_is_kept_stays_small(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / "a"
    file.write_text("x" * 100, encoding="utf-8")
    monkeypatch.setattr(cache, "MAXIMUM_CACHE_BYTES", 1_000)
    for number in range(20):
        assert made_anew(file, f"{number}")
    assert 1 <= len(kept(home)) <= 4
    assert not made_anew(file, "19")
    assert made_anew(file, "0")


class Trap:
    """What would run a command if it were made from a pickle."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("exit 3",)


UNCERTAIN = """\
usru: 1
name: m
title: M
time: {start: 2026, end: 2027, step: quarter}
scenarios: {a: {baseline: 2}, b: {baseline: 1}}
outcome: {persistence: 0.5}
drivers:
  calm:
    states: {low: 0.5, high: 0.5}
    persistence: 0.5
    impacts: {high: {a: {normal: [1, 0.5]}}}
"""


@pytest.mark.parametrize("most", [compiled_file.MOST_KERNEL_BYTES, 1_000])
def test_kernels_of_the_default_forecast_are_kept_and_change_no_digit(
    home: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Compiled once where they are small; where they are not, by each run as if nothing had been kept."""
    file = written(home, UNCERTAIN)
    monkeypatch.setattr(compiled_file, "MOST_KERNEL_BYTES", most)
    compiled: list[object] = []

    def compiles(seed: int = 1) -> bool:
        compiled.clear()
        found = study.load_cached(Request.of(file)).simulate(method="sample", seed=seed)
        any_compiled = bool(compiled)
        assert found == study.load(file).simulate(method="sample", seed=seed)
        return any_compiled

    def noted(law: StepLaw, index: Mapping[str, int], tables: TableCache) -> Kernel:
        compiled.append(law)
        return compile_kernel(law, index, tables)

    monkeypatch.setattr(blocks, "compile_kernel", noted)
    small = most > 1_000
    assert [compiles(), compiles(), compiles(), compiles(seed=2)] == [True, not small, not small, True]


RARE = """\
usru: 1
name: m
title: M
scenarios: {war: {baseline: 1}, calm: {baseline: 1}}
drivers:
  d:
    states: {a: 0.0004, z: 1}
    impacts: {a: {war: 15}}
  e:
    states: {x: 0.5, y: 0.5}
    impacts: {x: {war: 1}}
"""


def test_what_single_trials_say_of_a_held_driver_is_kept_and_is_that_of_another_plan(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(home, RARE)
    made: list[object] = []

    def noted(*arguments: Any, **named: Any) -> Support:
        made.append(arguments)
        return Support(*arguments, **named)

    monkeypatch.setattr(difference_error_floors, "Support", noted)

    def supports(seed: int, of: str | None = None) -> int:
        made.clear()
        found = study.load_cached(Request.of(file)).sensitivity(of, questions=["moves"], trials=1000, seed=seed)
        count = len(made)
        assert found == study.load(file).sensitivity(of, questions=["moves"], trials=1000, seed=seed)
        return count

    first = supports(1)
    assert first > max(supports(1), supports(2))
    assert supports(1, "war") == first  # of another aim


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("file", ["good/everything.yaml", "exact/numeric_drift.yaml", "exact/weights.yaml"])
def test_what_follows_from_other_judgements_is_kept_and_is_that_of_all_conditions(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kept without conditions, used under them: an intervention cuts off the laws that judgements would change."""
    source = HERE / "models" / file
    program = study.load(source).program
    do = [f"{name}={node.states[-1]}" for name, node in program.nodes.items() if isinstance(node, CategoricalNode)]
    asked: list[dict[str, Any]] = [{}, {"of": program.outcome.states[0], "at": "mean"}, {"seed": 2}]
    asked += [{"do": [f"{do[0]} @ {program.grid.labels[-1]}"]}, {"given": [f"{program.outcome.states[0]} @ end"]}]

    def made(one: Mapping[str, Any], of: study.Study) -> Sensitivity:
        return of.sensitivity(**one, trials=1000)

    assert made({}, study.load_cached(Request.of(source))) == made({}, study.load(source))
    expected = [made(one, study.load(source)) for one in asked]
    monkeypatch.setattr(loading, "_read_input", lambda _: pytest.fail("it has been read before"))
    monkeypatch.setattr(one_point, "list_perturbations", lambda *_: pytest.fail("they have been listed before"))
    monkeypatch.setattr(law_tilts, "compile_model", lambda *_: pytest.fail("it has been compiled before"))
    assert [made(one, study.load_cached(Request.of(source))) for one in asked] == expected


def test_controls_are_factored_once_for_a_program_and_its_variants_and_kept(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(home, UNCERTAIN)
    factored: list[Floats] = []

    def factorings(seed: int = 1, do: Sequence[str] = ()) -> int:
        factored.clear()
        study.load_cached(Request.of(file)).simulate(method="sample", seed=seed, do=do)
        return len(factored)

    def noted(columns: Floats, carried: Floats) -> tuple[Floats, Floats]:
        factored.append(columns)
        return orthonormal_basis(columns, carried)

    monkeypatch.setattr(estimates, "orthonormal_basis", noted)
    assert [factorings(), factorings(), factorings(do=["calm=high"]), factorings(seed=2)] == [1, 0, 0, 1]


def test_of_a_part_that_is_too_large_something_else_is_kept(home: Path) -> None:
    def part(most: int) -> str:
        shelf = CompileCache(most)
        shelf.set_inputs({str(home / "absent"): ABSENT})
        return shelf.get_or_make("part", lambda: "made" * 100, max_bytes=most, fallback="instead")

    assert [part(1_000), part(1_000), part(200), part(200)] == ["made" * 100, "made" * 100, "made" * 100, "instead"]


def test_a_path_is_made_again_by_a_class_of_the_package(home: Path) -> None:
    for _ in range(2):
        shelf = CompileCache("this")
        shelf.set_inputs({str(home): "1"})
        assert shelf.get_or_make("path", lambda: (home, Path("a"))) == (home, Path("a"))


@pytest.mark.parametrize("held", [Trap(), os.getcwd, content_digest, Path()])
def test_nothing_but_classes_of_the_package_and_arrays_is_made(home: Path, held: object) -> None:
    file = home / "a"
    file.write_text("one", encoding="utf-8")
    made_anew(file)
    (entry,) = kept(home)
    inputs = {str(file): sha256(b"one").hexdigest()}
    entry.write_bytes(sealed(entry, pickle.dumps((inputs, Span("one", 1, 1)))))
    assert not made_anew(file), "an entry of this form would be used"
    entry.write_bytes(sealed(entry, pickle.dumps((inputs, held))))
    assert made_anew(file)
