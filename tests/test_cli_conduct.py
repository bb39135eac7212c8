"""Rules of conduct: exit statuses, streams, pipes, and what is said when something goes wrong."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import usru_scenarios as us
from support.command import COMMAND, HARBOUR, HERE, answer, environment, in_terminal, refusal, shell, usru
from support.living import processor_seconds, wait_until
from usru_scenarios.cli import main, progress
from usru_scenarios.cli.progress import Progress

RUN = ("simulate", HARBOUR, "-n", "2000")


def test_a_result_is_all_that_standard_output_gets() -> None:
    done = usru(*RUN, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith('{\n  "format": "usru.simulation/1.0"')


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    first, again, other = (answer(*RUN, "--json", "--seed", seed).stdout for seed in ("7", "7", "8"))
    assert first == again != other


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["simulte"], "did you mean 'simulate'?"),
        (["simulate", "--trails", "5"], "did you mean '--trials'?"),
        (["simulate", "-n", "abc"], "--trials takes a whole number"),
        (["simulate", "-n", "2.5"], "--trials takes a whole number"),
        (["simulate", "-n", "0"], "--trials 0 is too few"),
        (["simulate", "-n", "-5"], "not '-5'"),
        (["simulate", "-n", "1e400"], "too many"),
        (["simulate", "-n", "1e9999"], "--trials takes a whole number"),
        (["simulate", "-n", "9" * 5000], "--trials takes a whole number"),
        (["simulate", "--seed", "-1"], "--seed takes a whole number"),
        (["simulate", "--seed", "1e30"], "a seed is at most"),
        (["simulate", "-f", "tabel"], "did you mean 'table'?"),
        (["simulate", "--json", "-f", "csv"], "contradict"),
        (["simulate", "--wide"], "--wide has no meaning"),
        (["simulate", "one", "two"], "unexpected extra argument"),
        (["simulate", "-n"], "requires an argument"),
        (["simulate", "no-such-file.yaml"], "there is no file"),
        (["simulate", HARBOUR, "-p", "sailer"], "did you mean 'sailor'?"),
        (["simulate", HARBOUR, "-w", "wether=2"], "did you mean 'weather'?"),
        (["simulate", HARBOUR, "--set", "drivers.wether.persistence=0.2"], "weather"),
        (["simulate", HARBOUR, "--set", "drivers.weather.persistence=3"], "--set:1:29: "),
        (["simulate", HARBOUR, "-w", "weather=-1"], "-w:1:9: "),
        (["validate", HARBOUR, "-w", "weather=two"], "-w:1:9: expected a number"),
        (["simulate", HARBOUR, "--set", "weather.persistence=0.2"], "did you mean drivers.weather.persistence?"),
        (["simulate", "-p", "-n", "2000"], "-p takes the name of a profile, not the option -n"),
        (["simulate", "--do", "--seed", "2"], "--do takes a value (NODE=STATE[@TIME]), not the option --seed"),
        (["show", HARBOUR, "wether"], "did you mean 'weather'?"),
        (["show", HARBOUR, "--resolved", "--json"], "contradict"),
        (["sources", HARBOUR, "wether"], "did you mean 'weather'?"),
        (["schema", "modle"], "did you mean 'model'?"),
        (["simulate", "--csv"], "write -f csv"),
        (["ask", "P(storm)", "--markdown"], "write -f md"),
        (["simulate", "--color"], "NO_COLOR=1 or FORCE_COLOR=1"),
        (["simulate", "-f", "markdown"], "did you mean 'md'?"),
        (["simulate", HARBOUR, "\N{EN DASH}n", "100"], "write -n"),
        (["simulate", HARBOUR, "\N{EM DASH}json"], "write --json"),
        ([HARBOUR], f"no such command '{HARBOUR}'\n    = write usru simulate {HARBOUR}"),
        (["sweep", HARBOUR], f"write usru sweep NAME=0..3 {HARBOUR}"),
        (["sweep", "weather", HARBOUR], f"write usru sweep weather=0..3 {HARBOUR}"),
        (["sources", "us-russia", "g12"], "did you mean 'G12'?"),
        (["schema", "seeds"], "did you mean 'claims'?"),
        (["schema", "overlay"], "did you mean 'model'?"),
        ([], "Usage: usru"),
    ],
)
def test_misuse_exits_with_2_and_says_what_would_be_right(arguments: list[str], said: str) -> None:
    told = refusal(*arguments)
    assert said in told
    assert "Traceback" not in told


def test_an_invalid_model_exits_with_1_and_shows_every_fault(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("usru: 1\nname: b\ntitle: B\nscenarios: {a: {}, b: {}}\ndrivres: {}\ngroups: {g: [c]}\n")
    done = answer("simulate", str(broken))
    assert done.returncode == 1
    assert "broken.yaml:5:1:" in done.stderr
    assert "broken.yaml:6:" in done.stderr
    assert "Traceback" not in done.stderr + answer("--debug", "show", HARBOUR).stderr
    assert "Traceback" in answer("simulate", str(broken), "--debug").stderr


def test_a_fault_of_the_program_exits_with_101(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(us.Study, "simulate", fail)
    assert main(["simulate", HARBOUR]) == 101
    said = capsys.readouterr().err
    assert "ZeroDivisionError: oh" in said
    assert "Traceback" not in said


def test_a_lack_of_memory_is_no_fault_of_the_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(us.Study, "simulate", fail)
    assert main(["simulate", HARBOUR]) == 2
    assert capsys.readouterr().err.startswith("usru: out of memory\n")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_ends_the_run_with_141_in_silence(unbuffered: str) -> None:
    done = shell(f"export PYTHONUNBUFFERED={unbuffered}; $usru simulate $harbour -n 1e5 -f csv > /dev/null; "
                 "$usru schema | true; echo ${PIPESTATUS[0]}")  # fmt: skip
    assert done.stdout.splitlines()[-1:] == ["141"]
    assert done.stderr == ""


def test_a_long_answer_of_which_one_line_is_read() -> None:
    done = shell("set -o pipefail; $usru -q simulate -n 2000 --judgements 0 -f ndjson | head -1; echo $?")
    assert done.stdout.splitlines()[1:] == ["141"]
    assert done.stderr == ""


def test_a_full_disk_is_an_error() -> None:
    for script in ("$usru simulate $harbour -n 2000 > /dev/full", "$usru simulate $harbour -n 2000 -o /dev/full"):
        done = shell(script)
        assert done.returncode == 2
        assert "no space left on device" in done.stderr
        assert "Traceback" not in done.stderr
    assert shell("$usru --help > /dev/full").returncode == 2


def test_a_closed_standard_output_is_an_error() -> None:
    done = shell("$usru simulate $harbour -n 2000 >&-")
    assert done.returncode == 2
    assert "standard output can't be written: it is closed" in done.stderr


@pytest.mark.usefixtures("unmeasured")
def test_an_interruption_exits_with_130_in_silence() -> None:
    with subprocess.Popen(
        [*COMMAND, "-q", "simulate", HARBOUR, "-n", "1e10", "--yes", "--jobs", "1"],  # else others do the work
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        wait_until(lambda: processor_seconds(process.pid) >= 1)  # the command has begun to work
        process.send_signal(signal.SIGINT)
        output, said = process.communicate(timeout=60)
    assert (process.returncode, output, said) == (130, b"", b"")


def test_output_is_utf_8_in_any_locale() -> None:
    done = subprocess.run(
        [*COMMAND, *RUN],
        capture_output=True,
        env=environment(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"),
        check=True,
    )
    assert "█" in done.stdout.decode("utf-8")


def test_a_model_from_standard_input() -> None:
    text = Path(HARBOUR).read_text(encoding="utf-8").replace("sources: register\n", "")
    done = answer("validate", "-", stdin=text)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("harbour is valid: 4 steps, 2 scenarios, 1 group,")


def test_warnings_go_to_standard_error_in_short_and_into_the_data(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(
        "usru: 1\nname: m\ntitle: M\ntime: {start: 2025, end: 2027, step: year}\nscenarios: {a: {}, b: {}}\n"
    )
    done = answer("simulate", str(file), "-n", "100", "--json")
    assert done.returncode == 0
    assert "warning: the outcome has no persistence" in done.stderr
    assert '"code": "independent_outcome"' in done.stdout
    assert answer("simulate", str(file), "-n", "100", "-q").stderr == ""
    assert answer("-q", "simulate", str(file), "-n", "100").stderr == ""


# Colour, width and progress


@pytest.mark.parametrize(
    ("changes", "coloured"), [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)]
)
def test_colour_where_there_is_no_terminal(changes: dict[str, str], coloured: bool) -> None:
    assert ("\x1b[" in answer(*RUN, stdin="", folder=None, **changes).stdout) == coloured


@pytest.mark.parametrize(("changes", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colour_in_a_terminal(changes: dict[str, str], coloured: bool) -> None:
    shown = in_terminal([*COMMAND, *RUN], **{"TERM": "xterm", "COLUMNS": "80", **changes})
    assert "Open" in shown
    assert ("\x1b[" in shown) == coloured


class Terminal(io.StringIO):
    """Standard error of someone who looks at it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("patience", "shown"), [(0.0, True), (60.0, False)])
def test_a_run_that_takes_long_shows_a_bar_and_takes_it_away(
    monkeypatch: pytest.MonkeyPatch, patience: float, shown: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", screen := Terminal())
    assert list(Progress(wanted=True, patience=patience)(str, range(3))) == ["0", "1", "2"]
    assert (" 33%" in screen.getvalue()) == shown
    assert screen.getvalue().endswith("\r\x1b[2K" if shown else "")


def test_a_run_that_takes_long_is_said_beforehand_where_no_bar_can_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(wanted: bool, seconds: float, screen: io.StringIO) -> str:
        monkeypatch.setattr("sys.stderr", screen)
        progress = Progress(wanted=wanted, patience=60.0)
        progress.expect(seconds)
        for _ in range(2):
            assert list(progress(str, range(1))) == ["0"]
        return screen.getvalue()

    monkeypatch.setenv("TERM", "xterm")
    assert told(True, 42.0, io.StringIO()) == "usru: the run is predicted to take some 42 seconds\n"
    assert told(True, 300.0, io.StringIO()) == "usru: the run is predicted to take some 5 minutes\n"
    assert told(True, 9.0, io.StringIO()) == told(False, 42.0, io.StringIO()) == told(True, 42.0, Terminal()) == ""


def test_what_was_asked_for_is_no_warning() -> None:
    everything = str(HERE / "models" / "good" / "everything.yaml")
    for command in ("simulate", "compare", "check"):
        asked = [command, everything, "-n", "256", *(["-w", "congress=2"] if command == "compare" else [])]
        done = answer(*asked, "--judgements", "0", "--json")
        assert "at their means" not in done.stderr
        (told,) = (one for one in json.loads(done.stdout)["warnings"] if one["code"] == "judgements_at_their_means")
        assert "at their means" in told["message"]


def test_what_an_answer_says_itself_is_not_said_beside_it() -> None:
    """That judgements stand at their means: a table says it below, rows do not."""
    everything = str(HERE / "models" / "good" / "everything.yaml")
    for words in (("watch",), ("sensitivity", "--question", "weights"), ("sweep", "congress=0..1:2")):
        told = {form: answer(*words, everything, "-n", "256", "-f", form) for form in ("table", "csv")}
        assert "at their means" in " ".join(told["table"].stdout.split())
        assert "at their means" not in told["table"].stderr
        assert told["csv"].stderr.count("at their means") == 1


def test_a_schema_is_json_and_may_be_asked_for_as_such() -> None:
    assert answer("schema", "sweep", "-f", "json").stdout == answer("schema", "sweep").stdout
    assert answer("schema", "sweep", "-f", "csv").returncode == 2


def test_a_block_that_takes_long_shows_a_bar_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", screen := Terminal())

    class Slow:
        seconds_each = 100.0

        def run(self, number: int) -> int:
            while "%" not in screen.getvalue():
                time.sleep(0.01)
            return number

    assert list(Progress(wanted=True, patience=0.0, tick=0.01)(Slow().run, range(1))) == [0]
    assert "about 100 s left" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[2K")


@pytest.mark.parametrize(
    "arguments",
    [
        ("simulate", HARBOUR, "--method", "sample"),
        ("ask", "P(open)", HARBOUR, "--method", "sample"),
        ("check", HARBOUR, "--robust", "5"),
        ("compare", HARBOUR, "-w", "weather=2"),
        ("sweep", "weather=0..2", HARBOUR),
        ("sensitivity", HARBOUR),
        ("explain", "open", HARBOUR),
        ("watch", HARBOUR),
    ],
)
def test_a_run_of_more_than_an_hour_is_refused_with_its_predicted_time(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = answer(*arguments, *(() if arguments[0] == "check" else ("-n", "1e11")))
    assert arguments[0] == "check" or (long.returncode, long.stdout) == (2, "")
    assert arguments[0] == "check" or re.search("is predicted to take some [0-9,]+ (hours|days|years)", long.stderr)
    monkeypatch.setattr(progress, "MOST_SECONDS", 0.0)
    refused = answer(*arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "is predicted to take some 0 seconds" in refused.stderr
    assert "--yes" in refused.stderr
    assert answer(*arguments, "--yes").returncode < 2


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(4000, "67 minutes"), (7200, "2 hours"), (3 * 86_400, "3 days"), (1e9, "32 years"), (1e12, "31,688 years")],
)
def test_long_times_are_told_in_words(seconds: float, words: str) -> None:
    assert progress.format_duration(seconds) == words


def test_nobody_sees_a_bar_who_did_not_want_one_or_has_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for screen, wanted in ((Terminal(), False), (io.StringIO(), True)):
        monkeypatch.setattr("sys.stderr", screen)
        assert list(Progress(wanted=wanted, patience=0.0)(str, range(3))) == ["0", "1", "2"]
        assert screen.getvalue() == ""


# Start-up


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from usru_scenarios.cli import main; status = main(['--help']); "
        "heavy = {'numpy', 'pydantic', 'yaml', 'rich'} & set(sys.modules); sys.exit(status or ' '.join(heavy) or 0)"
    )
    done = subprocess.run([COMMAND[0], "-c", script], env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_data_formats_do_without_rich() -> None:
    script = (
        "import sys; from usru_scenarios.cli import main; "
        f"status = main(['simulate', {HARBOUR!r}, '-n', '100', '--json']); "
        "sys.exit(status or ('rich' in sys.modules and 'rich is imported'))"
    )
    done = subprocess.run([COMMAND[0], "-c", script], env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_uncertain_judgements_are_told_to_stand_at_their_means(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    text = "usru: 1\nname: m\ntitle: M\nscenarios: {a: {baseline: BASE}, b: {baseline: 0.5}}\n"
    file.write_text(text.replace("BASE", "{uniform: [0.4, 0.6]}"))
    done = answer("simulate", str(file), "--json", "--judgements", "0")
    assert '"code": "judgements_at_their_means"' in done.stdout
    assert not done.stderr, "it was asked for"
    assert "judgements_at_their_means" not in answer("simulate", str(file), "--json").stdout
    file.write_text(text.replace("BASE", "0.5"))
    assert "judgements_at_their_means" not in answer("simulate", str(file), "--json").stdout


def test_no_name_and_no_standard_input() -> None:
    assert "the name of a model is empty" in refusal("validate", "")
    closed = shell("$usru validate - <&-; echo $?")
    assert closed.stdout.split() == ["2"]
    assert "standard input is closed" in closed.stderr


# --- Memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space are kept on Linux")
@pytest.mark.parametrize("megabytes", [60, 150, 190])
@pytest.mark.parametrize("command", [["simulate", HARBOUR], ["validate", HARBOUR]])
def test_a_limit_of_memory_is_told_in_a_sentence(command: list[str], megabytes: int) -> None:
    limited = ["bash", "-c", f'ulimit -v {megabytes * 1000}; exec "$@"', "-", *COMMAND, *command]
    done = subprocess.run(limited, capture_output=True, text=True, env=environment(), check=False)
    said = "usru: out of memory\n    = fewer --jobs, -n, --judgements or steps need less\n"
    assert (done.returncode, done.stderr) in [(2, said), *([(0, "")] if megabytes > 150 else [])]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ImportError("x.so: failed to map segment from shared object"),
        OSError(12, "Cannot allocate memory"),
    ],
)
def test_want_of_memory_is_no_fault_of_the_program(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(us.Study, "simulate", fail)
    assert refusal("simulate", HARBOUR).startswith("usru: out of memory\n")
