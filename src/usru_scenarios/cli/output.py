"""Where answers go: standard output, or a file that is replaced as a whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.problems import UsruError, to_printable
from usru_scenarios.report import Layout

STANDARD_OUTPUT = "-"

WIDTH = 80
"""Columns where nobody says how many there are."""

_NARROWEST, _WIDEST = 40, 400


class OutputError(UsruError):
    """The answer can't be written to where it was wanted."""

    exit_status = 2

    @classmethod
    def of(cls, where: str, error: OSError) -> OutputError:
        """The error of the system, in a sentence that names the place."""
        return cls(f"usru: {to_printable(where)} can't be written: {(error.strerror or str(error)).lower()}")


@dataclass(frozen=True)
class Destination:
    """The place that an answer is for: a path, or None for standard output."""

    path: Path | None

    @classmethod
    def from_option(cls, output: str | None) -> Destination:
        """The target of `-o`, checked before any work is done for it.

        Raises:
            OutputError: it is a folder, or there is no folder that it could be in.
        """
        if output is None or output == STANDARD_OUTPUT:
            return cls(None)
        try:
            path = Path(output) if _is_device_or_pipe(Path(output)) else Path(os.path.realpath(output))
            if path.is_dir():
                raise IsADirectoryError(None, "it is a folder")
            if not path.parent.is_dir():
                raise FileNotFoundError(None, "there is no such folder")
        except (OSError, ValueError) as error:
            reason = error if isinstance(error, OSError) else OSError(None, str(error))
            raise OutputError.of(output or "the empty file name", reason) from error
        return cls(path)

    @property
    def suffix(self) -> str:
        """How the name of the file ends, in small letters, such as `.csv`; empty for a stream, device or pipe."""
        return "" if self.path is None or _is_device_or_pipe(self.path) else self.path.suffix.lower()

    def __str__(self) -> str:
        return "standard output" if self.path is None else self.path.name

    @property
    def is_terminal(self) -> bool:
        """Whether a person looks at it as it is written."""
        return self.path is None and sys.stdout is not None and sys.stdout.isatty()

    @property
    def folder(self) -> Path:
        """The folder to which paths in the text are relative."""
        return Path.cwd() if self.path is None else self.path.parent

    def layout(self, *, wide: bool = False, top: int = 0) -> Layout:
        """What the place allows: COLUMNS, else the terminal's width, else 80; NO_COLOR and FORCE_COLOR are honoured.

        A file is never given colour.
        """
        return Layout(min(max(self._width(), _NARROWEST), _WIDEST), colour=self._colour(), wide=wide, top=top)

    def _width(self) -> int:
        columns = os.environ.get("COLUMNS", "")
        if columns.isdecimal() and int(columns) > 0:
            return int(columns)
        if self.is_terminal:
            with suppress(OSError, ValueError):
                return os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH
        return WIDTH

    def _colour(self) -> bool:
        if self.path is not None or os.environ.get("NO_COLOR"):
            return False
        return bool(os.environ.get("FORCE_COLOR")) or (self.is_terminal and os.environ.get("TERM") != "dumb")

    def write(self, text: str) -> None:
        """Write the text, in UTF-8.

        Raises:
            BrokenPipeError: the reader of a pipe has gone away.
            OutputError: for any other reason.
        """
        self.write_bytes(text.encode("utf-8", errors="backslashreplace"))

    def write_bytes(self, data: bytes) -> None:
        """Write bytes; raises as `write` does."""
        try:
            if self.path is None:
                _write_to_stdout(data)
            elif _is_device_or_pipe(self.path):
                self.path.write_bytes(data)
            else:
                from usru_scenarios.reading.files import write_atomically

                write_atomically(self.path, data, mode=_file_mode(self.path))
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError.of("standard output" if self.path is None else str(self.path), error) from error


def write_together(texts: Mapping[Path, str]) -> None:
    """Write texts to files, in UTF-8: all of them or none.

    Raises:
        OutputError: one of them can't be written.
    """
    from usru_scenarios.reading.files import write_all_or_none

    try:
        write_all_or_none(
            {path: text.encode("utf-8", errors="backslashreplace") for path, text in texts.items()}, _file_mode
        )
    except OSError as error:
        raise OutputError.of(error.filename, error) from error


def _write_to_stdout(data: bytes) -> None:
    if sys.stdout is None:
        raise OSError(None, "it is closed")
    sys.stdout.flush()
    rest = memoryview(data)
    while rest:  # an unbuffered stream (PYTHONUNBUFFERED) may take only a part
        written = sys.stdout.buffer.write(rest)
        if not written:
            raise BlockingIOError(None, "it takes nothing more")
        rest = rest[written:]
    sys.stdout.buffer.flush()


def _is_device_or_pipe(path: Path) -> bool:
    """Whether a path is that of a device or pipe, which is written into, and not of a file, which is replaced."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _file_mode(path: Path) -> int:
    """The permissions of the old file, or those that any new file would get."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
