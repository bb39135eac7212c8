"""Where the `usru` command begins: what holds for its whole process is settled here, before numpy is loaded.

Help is written from files that `python docs/generate.py` makes of the commands, so that it takes next to no time: this
module imports nothing that Python has not loaded for itself.
"""

from __future__ import annotations

import atexit
import os
import sys
from io import TextIOWrapper

from usru_scenarios.garbage import postpone_collection
from usru_scenarios.threads import single_thread_variables

HELP = os.path.join(os.path.dirname(__file__), "help")  # noqa: PTH118, PTH120  # pathlib takes as long as all the rest
"""The folder of the help texts; that of a command is called as `help_file` says."""

WIDTH = 80
"""Columns for which they are laid out, and which help never goes beyond."""


def main() -> int:
    """Run the command line of this process, and end it.

    To take all modules apart, which Python does at the end of a process, takes a tenth of a short command and does
    nothing for anybody: all has been written and closed. Where somebody watches the process, such as a profiler, it
    ends as others do, with the exit status that this returns.
    """
    postpone_collection()
    status = run()
    if sys.gettrace() is not None or sys.getprofile() is not None:
        return status
    atexit._run_exitfuncs()  # noqa: SLF001  # what others have asked for to be done at the end
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (
        AttributeError,
        OSError,
        ValueError,
    ):  # there is none, or nobody reads it: Python knows what becomes of that
        return status
    os._exit(status)


def run() -> int:
    """Run the command line of this process, and return its exit status."""
    try:
        status = _write_help(sys.argv[1:])
        if status is not None:
            return status
        os.environ.update(single_thread_variables(os.environ))
        from usru_scenarios.cli import main as command

        return command(forks=True)
    except KeyboardInterrupt:  # while that is still being imported
        return 130


def help_file(command: str = "") -> str:
    """The name of the file with the help text of a command, or of `usru` itself."""
    return f"usru-{command}.txt" if command else "usru.txt"


def _write_help(arguments: list[str]) -> int | None:
    """Write the help text that is asked for, in full and in no other way than the commands themselves would write it.

    Returns:
        The exit status; None where something else is asked for, the terminal is narrower, or the text can't be written:
        then nothing has been done that the commands would not do again, or report.
    """
    match arguments:
        case []:
            name, stream, status = "", sys.stderr, 2
        case ["-h" | "--help" | "help"]:
            name, stream, status = "", sys.stdout, 0
        case [name, "-h" | "--help"] | ["help", name] if name.isalpha() and name.islower():
            stream, status = sys.stdout, 0
        case _:
            return None
    if not isinstance(stream, TextIOWrapper) or _terminal_columns() < WIDTH:
        return None
    try:
        with open(os.path.join(HELP, help_file(name)), encoding="utf-8") as file:  # noqa: PTH118, PTH123
            text = file.read()
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        return None
    return status


def _terminal_columns() -> int:
    """How wide the terminal is, found as `shutil.get_terminal_size` finds it."""
    try:
        columns = int(os.environ.get("COLUMNS", ""))
    except ValueError:
        columns = 0
    if columns > 0:
        return columns
    try:
        return (sys.__stdout__ and os.get_terminal_size(sys.__stdout__.fileno()).columns) or WIDTH
    except (ValueError, OSError):
        return WIDTH
