"""Runs the command: in a process of its own, as a user does, or within this one, where only its answer matters."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from usru_scenarios.cli import main

HERE = Path(__file__).parents[1]
GOLDEN = HERE / "golden"
HARBOUR = str(GOLDEN / "harbour.yaml")
COMMAND = [sys.executable, "-m", "usru_scenarios"]

_OURS = ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TERM", "LC_ALL", "LANG", "PYTHONUTF8", "PYTHONIOENCODING")


def environment(**changes: str) -> dict[str, str]:
    """The environment without what steers colour, width and encoding, but for what is given."""
    found = {name: value for name, value in os.environ.items() if name not in _OURS}
    found["PYTHONPATH"] = os.pathsep.join(filter(None, (str(HERE.parent / "src"), os.environ.get("PYTHONPATH"))))
    return {**found, "USRU_CACHE": "off", **changes}


def usru(
    *arguments: str, stdin: str | None = None, folder: Path | None = None, **changes: str
) -> subprocess.CompletedProcess[str]:
    """Run `usru` with these arguments; `changes` are of the environment."""
    return subprocess.run(
        [*COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder or HERE.parent,
        env=environment(**changes),
        timeout=120,
        check=False,
    )


def answer(
    *arguments: str, stdin: str = "", folder: Path | None = None, **changes: str
) -> subprocess.CompletedProcess[str]:
    """What `usru` would do, found without a process of its own, which takes most of a second to start."""
    streams = [io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8") for text in (stdin, "", "")]
    with (
        contextlib.chdir(folder or HERE.parent),
        mock.patch.dict(os.environ, environment(**changes), clear=True),
        mock.patch.multiple(sys, stdin=streams[0], stdout=streams[1], stderr=streams[2]),
    ):
        status = main(arguments)
    for stream in streams:
        stream.seek(0)
    return subprocess.CompletedProcess(arguments, status, streams[1].read(), streams[2].read())


def refusal(*arguments: str, status: int = 2, stdin: str = "", folder: Path | None = None, **changes: str) -> str:
    """What `usru` says to standard error of what it refuses; it says nothing else, and ends with this status."""
    done = answer(*arguments, stdin=stdin, folder=folder, **changes)
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    return done.stderr


def shell(script: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `$usru` is the command and `$harbour` the example."""
    return subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=HERE.parent,
        env=environment(usru=" ".join(COMMAND), harbour=HARBOUR),
        timeout=120,
        check=False,
    )


def in_terminal(command: list[str], columns: int = 80, status: int = 0, /, **changes: str) -> str:
    """What a command writes to a terminal so many columns wide, where it ends with this status."""
    import pty  # on Unix alone
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**changes), close_fds=True
    )
    os.close(theirs)
    shown = bytearray()
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # how Linux says that the other side is closed
        pass
    finally:
        os.close(ours)
    assert process.wait() == status
    return shown.decode("utf-8")
