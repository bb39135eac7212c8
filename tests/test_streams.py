"""Exit statuses where standard output or standard error is closed, full, or read by nobody any more.

All combinations run in copies (forks) of one process that has loaded everything, for a start takes most of a second.
"""

from __future__ import annotations

import json
import subprocess
from itertools import product
from pathlib import Path

import pytest

import usru_scenarios as us
from support import effort
from support.command import COMMAND, HARBOUR, answer, environment, refusal, shell
from usru_scenarios.problems import to_printable_lines

OUTCOMES = {
    "an answer with warnings": ["validate", "warned.yaml"],
    "an answer for a file": ["validate", "warned.yaml", "-o", "answer.txt"],
    "help": ["--help"],
    "an answer with findings": ["check", "failing.yaml", "--jobs", "1"],
    "an invalid model": ["validate", "invalid.yaml"],
    "no such model": ["validate", "nope"],
    "no such option": ["simulate", "--nope"],
    "a fault": ["schema"],
}
STREAMS = ("open", "closed", "full", "gone")
FAILING = "usru: 1\nname: f\ntitle: F\nscenarios: {a: {}, b: {}}\nexpectations: {e: {that: P(a) > 0.9}}\n"
WARNED = "usru: 1\nname: m\ntitle: M\ntime: {start: 2025, end: 2027, step: year}\nscenarios: {a: {}, b: {}}\n"

_DRIVER = """
import json, os, sys
import usru_scenarios as us
from usru_scenarios.cli import execution, main

def fail(*_, **__):
    raise ZeroDivisionError("oh")

def stream(number, kind):
    if kind == "closed":
        os.close(number)
        return None
    if kind == "full":
        there = os.open("/dev/full", os.O_WRONLY)
    else:
        here, there = os.pipe()
        if kind == "gone":
            os.close(here)
    os.dup2(there, number)
    return open(number, "w", encoding="utf-8", closefd=False)

def copy(outcome, arguments, out, err):
    if outcome == "a fault":
        execution._run = fail
    sys.stdout, sys.stderr = stream(1, out), stream(2, err)
    status = main(arguments)
    for stream_ in (sys.stdout, sys.stderr):  # as the interpreter does in the end, which complains by status 120
        try:
            stream_ and stream_.flush()
        except OSError:
            status = 120
    return status

for text in ("failing.yaml", "warned.yaml"):
    us.load(text).simulate(trials=100)
main(["check", "failing.yaml", "-o", "warm.txt"])
statuses = []
for case in json.loads(sys.argv[1]):
    child = os.fork()
    if child == 0:
        os._exit(copy(*case))
    statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps(statuses))
"""


def expected(outcome: str, out: str) -> int:
    """The status; what is written to standard error never matters."""
    match outcome:
        case "an answer with warnings" | "help":
            return {"open": 0, "closed": 2, "full": 2, "gone": 141}[out]
        case "an answer with findings":
            return {"open": 1, "closed": 2, "full": 2, "gone": 141}[out]
        case "an answer for a file":
            return 0
        case "an invalid model":
            return 1
        case "a fault":
            return 101
    return 2


@pytest.mark.more
def test_the_status_is_right_whatever_the_streams_are(tmp_path: Path) -> None:
    (tmp_path / "failing.yaml").write_text(FAILING)
    (tmp_path / "warned.yaml").write_text(WARNED)
    (tmp_path / "invalid.yaml").write_text(FAILING.replace("scenarios", "scenaros"))
    pairs = [pair for pair in product(STREAMS, STREAMS) if effort.everything or "open" in pair or len({*pair}) == 1]
    cases = [(name, OUTCOMES[name], *pair) for name, pair in product(OUTCOMES, pairs)]
    done = subprocess.run(
        [COMMAND[0], "-c", _DRIVER, json.dumps(cases)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = {
        (name, out, err): status for (name, _, out, err), status in zip(cases, json.loads(done.stdout), strict=True)
    }
    wrong = {case: status for case, status in found.items() if status != expected(case[0], case[1])}
    assert wrong == {}


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("$usru validate nope 2>/dev/full", 2),
        ("$usru --nope 2>&-", 2),
        ("$usru ask 'P(open)' $harbour >&- 2>&- <&-", 2),
        ("$usru --version 2>&- >/dev/null", 0),
    ],
)
def test_a_shell_sees_the_same(script: str, status: int) -> None:
    done = shell(f"{script}; echo $? > /dev/stdout")
    assert (done.stdout, done.stderr) == (f"{status}\n", "")


def test_a_file_that_is_read_does_not_take_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    """With standard error closed the next file that is opened would be number 2, and get the messages."""
    (tmp_path / "m.yaml").write_text(WARNED)
    done = shell(f"$usru simulate {tmp_path}/m.yaml -n 100 -o {tmp_path}/answer --json 2>&- >&- <&-; echo $?")
    assert done.stdout == "0\n"
    assert (tmp_path / "m.yaml").read_text() == WARNED
    assert json.loads((tmp_path / "answer").read_text())["format"].startswith("usru.simulation/")


# What messages quote --------------------------------------------------------------------------------------------------

NASTY = "\x1b[31m\x07\u202e\r\nforged: line\x9b"


@pytest.mark.parametrize(
    "arguments",
    [
        ["validate", f"no{NASTY}.yaml"],
        ["validate", f"./{NASTY}/x.yaml"],
        ["validate", f"folder{NASTY}"],
        ["simulate", HARBOUR, "-o", f"/nonexistent/{NASTY}"],
        ["simulate", HARBOUR, "-o", f"folder{NASTY}"],
        ["simulate", HARBOUR, "-p", NASTY],
        ["simulate", HARBOUR, "-w", f"{NASTY}=1"],
        ["simulate", HARBOUR, "--set", f"{NASTY}=1"],
        ["simulate", HARBOUR, "--do", f"{NASTY}=1"],
        ["simulate", HARBOUR, "-n", NASTY],
        ["simulate", HARBOUR, "-f", NASTY],
        ["simulate", HARBOUR, "--cluster", NASTY],
        ["simulate", f"--{NASTY}"],
        ["simulate", HARBOUR, NASTY],
        [NASTY],
        ["ask", NASTY, HARBOUR],
        ["show", HARBOUR, NASTY],
        ["sources", HARBOUR, NASTY],
        ["schema", NASTY],
        ["new", f"folder{NASTY}/x{NASTY}"],
        ["new", f"new{NASTY}"],
        ["new", f"nowhere{NASTY}/x"],
        ["compare", HARBOUR, "--variant", NASTY],
        ["compare", HARBOUR, "--variant", f"{NASTY}: -w weather=2", "--variant", f"{NASTY}: -w weather=3"],
    ],
)
@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["", "debug"])
def test_no_message_moves_the_cursor_or_forges_a_line(
    arguments: list[str], debug: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / f"folder{NASTY}").mkdir()
    done = answer(*debug, *arguments, folder=tmp_path)
    assert all(line.isprintable() for line in done.stderr.split("\n"))
    assert done.stderr
    if not debug:
        assert done.returncode == (0 if arguments[0] == "new" and "nowhere" not in arguments[1] else 2)
        assert not any(line.startswith("forged") for line in done.stderr.split("\n"))


def test_messages_of_the_system_name_files_in_safety(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", f"Some{NASTY}")

    monkeypatch.setattr(us.Study, "simulate", fail)
    said = refusal("simulate", HARBOUR)
    assert said.startswith("usru: permission denied: Some [31m")
    assert said.count("\n") == 1
    assert said[:-1].isprintable()


@pytest.mark.parametrize(
    "arguments",
    [
        ["validate", "a" * 5000],
        ["validate", "a/" * 2000],
        ["simulate", HARBOUR, "-p", "a" * 5000],
        ["simulate", HARBOUR, "-n", "9" * 5000],
        ["ask", "P(" + "a" * 5000 + ")", HARBOUR],
        ["ask", "P(open) > " + "9" * 400, HARBOUR],
        ["ask", "P(open @ " + "9" * 400 + ")", HARBOUR],
        ["show", HARBOUR, "a b " * 2000],
        ["a" * 5000],
        ["simulate", "--" + "a" * 5000],
        ["simulate", HARBOUR, "-o", "a" * 5000],
    ],
)
def test_no_message_quotes_what_nobody_would_read_to_its_end(arguments: list[str]) -> None:
    said = refusal(*arguments)
    assert max(map(len, said.split("\n"))) <= 1000


def test_what_is_cut_and_what_is_not() -> None:
    path = "/" + "x" * 200
    assert to_printable_lines(f"a\n  b: {path}") == f"a\n  b: {path}"
    assert to_printable_lines(f"'{'x' * 500}' is no y") == f"'{'x' * 119}...{'x' * 39}' is no y"
    assert to_printable_lines("\x1b[1m\tx\r") == " [1m x "


def test_a_method_that_cannot_be_had_is_a_wrong_call() -> None:
    for arguments in (
        ["simulate", "--method", "exact"],
        ["simulate", "--method", "exact", "--given", "sanctions=eased @ 2026-Q4"],
        ["ask", "P(reset | unpredictability > 0.5 @ end)", "--method", "exact"],
        ["check", "--method", "exact"],
    ):
        done = answer(*arguments)
        assert (done.returncode, done.stdout) == (2, "")


def test_a_current_folder_that_is_gone(tmp_path: Path) -> None:
    gone = f"mkdir {tmp_path}/gone; cd {tmp_path}/gone; rmdir ../gone"
    done = shell(f"{gone}; $usru ask 'P(reset @ end)' --method sample -n 100 --json; echo $?")
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""
