"""The ledger on the disk: a folder with `forecasts.jsonl`, append only, and a resolved file of each model."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from usru_scenarios.ledger.chain import (
    Chain,
    find_faults,
    is_conflict_marker,
    line_hash,
    read_chain,
    relink_chain,
    split_lines,
)
from usru_scenarios.ledger.records import LedgerError, UnreadableRecord, encode_record, read_line
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.problems import UnreadableInput, to_printable
from usru_scenarios.reading.files import open_locked, write_atomically
from usru_scenarios.results.ledger import ForecastRecord

RECORDS, MODELS, EVIDENCE = "forecasts.jsonl", "models", "evidence"

MOST_BYTES = 1 << 28
"""Of a ledger: some ten thousand records."""

_FILE_MODE = 0o644
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Opens a pipe without waiting for whoever writes to it, and bytes as they are."""
_READ_FLAGS = os.O_RDONLY | _NO_WAIT
_APPEND_FLAGS = os.O_RDWR | os.O_APPEND | _NO_WAIT


@dataclass(frozen=True)
class LedgerFolder:
    """A ledger in a folder, which need not be there before the first record."""

    path: Path

    @property
    def records_file(self) -> Path:
        """The file of the records."""
        return self.path / RECORDS

    def model_file(self, sha256: str) -> Path:
        """The resolved file of a model."""
        return self.path / MODELS / f"{sha256}.yaml"

    def evidence_file(self, sha256: str) -> Path:
        """The evidence file of such a hash, as a record was made under it."""
        return self.path / EVIDENCE / f"{sha256}.yaml"

    def read(self) -> Chain:
        """All of its lines.

        Raises:
            UnreadableInput: there is no ledger, or it can't be read.
        """
        try:
            with open_locked(self.records_file, _READ_FLAGS) as handle:
                return read_chain(_read_bytes(handle))
        except FileNotFoundError:
            message = f"there is no ledger in '{to_printable(str(self.path))}'"
            raise UnreadableInput(message, "usru ledger record begins one; --ledger names another folder") from None
        except OSError as error:
            raise self._unusable_error(error) from error

    def last_record(self) -> ForecastRecord | None:
        """The record of the last line that can be read; None where there is none.

        Raises:
            UnreadableInput: the ledger can't be read.
        """
        try:
            with open_locked(self.records_file, _READ_FLAGS) as handle:
                lines, _ = split_lines(_read_bytes(handle))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable_error(error) from error
        for text in reversed(lines):
            with suppress(UnreadableRecord):
                return read_line(text)
        return None

    def _unusable_error(self, error: OSError) -> UnreadableInput:
        reason = (error.strerror or str(error)).lower()
        return UnreadableInput(
            to_printable(f"the ledger {self.records_file} can't be used: {reason}"), _error_hint(error.errno)
        )

    def append(self, record: ForecastRecord, resolved: Callable[[Path], str], evidence: str | None = None) -> int:
        """Append a record, whole or not at all, and keep its model and evidence; the number of its line.

        Of two writers one waits for the other.

        Args:
            record: without the hash of the line before.
            resolved: the text of the resolved model for a folder.
            evidence: the text of the evidence file that it was made under, if there was one.

        Raises:
            LedgerError: the last line is not finished.
            UnreadableInput: the ledger can't be written.
        """
        try:
            _write_once(self.model_file(record.model.sha256), resolved)
            if record.run.evidence is not None and evidence is not None:
                _write_once(self.evidence_file(record.run.evidence.sha256), lambda _: evidence)
            with open_locked(self.records_file, _APPEND_FLAGS | os.O_CREAT) as handle:
                data = _read_bytes(handle)
                lines, torn = split_lines(data)
                self._refuse_faults(lines, torn)
                last = next((text for text in reversed(lines) if text.strip()), None)
                line = encode_record(record, None if last is None else line_hash(last))
                _append(handle, line + b"\n", len(data))
                return len(lines) + 1
        except OSError as error:
            raise self._unusable_error(error) from error

    def _refuse_faults(self, lines: list[bytes], torn: bytes) -> None:
        """Refuse to append behind what is no line.

        Raises:
            LedgerError: the last line is not finished, or a conflict of git was left.
        """
        if torn:
            message = f"the last line of {self.records_file} is not finished"
            raise LedgerError(to_printable(message), "usru ledger verify --repair takes it out")
        if (
            marked := next((number for number, text in enumerate(lines, 1) if is_conflict_marker(text)), None)
        ) is not None:
            message = f"{self.records_file}:{marked}: a conflict of git was left in the ledger"
            raise LedgerError(to_printable(message), "usru ledger verify --relink keeps both sides")

    def repair(self) -> int:
        """Take out a last line that is not finished; how many bytes it had.

        Raises:
            UnreadableInput: the ledger can't be written.
        """
        try:
            with open_locked(self.records_file, _APPEND_FLAGS) as handle:
                data = _read_bytes(handle)
                torn = len(read_chain(data).torn)
                if torn:
                    os.ftruncate(handle, len(data) - torn)
                    os.fsync(handle)
                return torn
        except OSError as error:
            raise self._unusable_error(error) from error

    def relink(self) -> bool:
        """Make one chain of merged parts; whether anything was changed.

        Raises:
            LedgerError: something else is wrong with the chain.
            UnreadableInput: the ledger can't be written.
        """
        try:
            with open_locked(self.records_file, _APPEND_FLAGS) as handle:
                chain = read_chain(_read_bytes(handle))
                linked = relink_chain(chain)
                if has_faults := bool(find_faults(chain)):
                    mode = stat.S_IMODE(os.fstat(handle).st_mode)
                    path = self.records_file.resolve()  # what a link leads to, not the link
                    write_atomically(path, linked, mode=mode)
                return has_faults
        except OSError as error:
            raise self._unusable_error(error) from error


def _error_hint(number: int | None) -> str:
    """What helps against an error of the system."""
    match number:
        case errno.ENOSPC | errno.EFBIG | errno.EDQUOT:
            return "nothing was recorded; make room and record it again"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return "--ledger names another folder"
        case errno.EEXIST | errno.ENOTDIR:
            return "a file stands where the ledger needs a folder; --ledger names another"
        case errno.ENOENT:
            return "the folder that it is to lie in must be there"
    return ""


def _write_once(path: Path, text: Callable[[Path], str]) -> None:
    """Write a file for a folder of the ledger, unless it is there."""
    for folder in (path.parent.parent, path.parent):
        folder.mkdir(exist_ok=True)
    if not path.exists():
        write_atomically(path, text(path.parent).encode(), mode=_FILE_MODE)


def _read_bytes(handle: int) -> bytes:
    size = os.fstat(handle).st_size
    if size > MOST_BYTES:
        raise OSError(None, f"it has more than {MOST_BYTES >> 20} MB")
    os.lseek(handle, 0, os.SEEK_SET)
    parts = []
    while part := os.read(handle, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _append(handle: int, data: bytes, size: int) -> None:
    """Write to the end of a file that has so many bytes; what could be written in part alone is taken out again."""
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    except BaseException:
        with suppress(OSError):
            os.ftruncate(handle, size)
        raise


def resolved_evidence(file: str) -> str:
    """The text of an evidence file as a ledger keeps it: overlays applied, without the register, of the same hash.

    Raises:
        ModelError, UnreadableInput: as for `read_evidence`.
    """
    from usru_scenarios.reading.evidence import read_evidence
    from usru_scenarios.reading.yaml_text import to_yaml

    data = read_evidence(file).tree.data
    return to_yaml({key: value for key, value in data.items() if key not in ("sources", "extends")})
