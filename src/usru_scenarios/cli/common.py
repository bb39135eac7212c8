"""What the whole command line shares: exit statuses, what `-q` and `--debug` ask for, and where messages leave."""

from __future__ import annotations

import sys
from contextlib import suppress

from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.problems import UsageError, to_one_line, to_printable_lines

DONE, FINDINGS, USAGE, FAULT, INTERRUPTED, READER_GONE = 0, 1, 2, 101, 130, 141
"""The exit statuses: 1 is what a question found (an invalid model), 141 a pipe that nobody reads any more."""


@dataclass
class CommandState:
    """Flags of the whole command line, noted as soon as its arguments are split; and the warnings written so far.

    Attributes:
        forks: whether the process is the command's own, and may be forked.
        quiet, debug: whether `-q` and `--debug` were given.
        warnings: those that have been written: none is written twice of one answer.
    """

    forks: bool = False
    quiet: bool = False
    debug: bool = False
    warnings: set[str] = field(default_factory=set)

    def note(self, *, quiet: bool, debug: bool) -> None:
        """Add the flags that were given before the command's name or after it."""
        self.quiet |= quiet
        self.debug |= debug


class CommandEnd(Exception):  # noqa: N818  # it is no error: the answer has been written
    """A command ends with another status than that of success."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class OptionError(UsageError):
    """An option has a value that makes no sense."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(to_one_line(f"usru: {message}"), to_one_line(hint))


def write_message(message: str) -> None:
    """Write a message to standard error: the one place where messages leave.

    Names of files and whatever else a message quotes are made safe for the terminal. Where standard error is closed,
    full or read by nobody any more the message is lost, and only the exit status says that something failed.
    """
    write_line(to_printable_lines(message))


def write_line(line: str) -> None:
    """Write to standard error what a terminal may show, if it can be written."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
