"""The chain of hashes: the lines of a ledger, each holding the hash of the one before, and what is wrong with it.

A line that was changed, taken out or put in shows in the line behind it; the last one is held by nothing but its model
(see `recompute`) and the history of the folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from usru_scenarios.ledger.records import (
    LedgerError,
    NumberedRecord,
    UnreadableRecord,
    line_of_data,
    read_line,
)
from usru_scenarios.results.ledger import ForecastRecord, LedgerFault

_MARKERS = (b"<<<<<<< ", b"=======", b">>>>>>> ", b"||||||| ")
"""What git puts around the two sides of a conflict."""

_SHOWN = 8


@dataclass(frozen=True)
class LedgerLine:
    """A line of the ledger.

    Attributes:
        number: from 1.
        text: its bytes, without the line break.
        record: what it holds; None where it can't be read.
        problem: why not.
    """

    number: int
    text: bytes = field(repr=False)
    record: ForecastRecord | None
    problem: str = ""

    @property
    def hash(self) -> str:
        """Its SHA-256 in hexadecimal, by which the next line names it."""
        return line_hash(self.text)

    @property
    def is_marker(self) -> bool:
        """Whether it is no line of the ledger but one that a conflict of git has left."""
        return self.text.startswith(_MARKERS)


@dataclass(frozen=True)
class Chain:
    """A ledger as it is read.

    Attributes:
        lines: its lines.
        torn: what stands behind the last line break: the beginning of a line that was never finished; else empty.
    """

    lines: tuple[LedgerLine, ...]
    torn: bytes = field(default=b"", repr=False)

    @property
    def records(self) -> list[NumberedRecord]:
        """The records that can be read, in the order of the file."""
        return [NumberedRecord(line.number, line.record) for line in self.lines if line.record is not None]

    @property
    def by_day(self) -> list[NumberedRecord]:
        """The same in the order of their days; those of one day as they stand in the file."""
        return sorted(self.records, key=lambda one: one.record.date)

    @property
    def unreadable(self) -> list[LedgerFault]:
        """The lines that can't be read, and why."""
        return [*self._unreadable()]

    def _unreadable(self) -> Iterator[LedgerFault]:
        for line in self.lines:
            if line.is_marker:
                message = "a conflict of git was left in the ledger"
                yield LedgerFault("conflict", line.number, message, "usru ledger verify --relink keeps both sides")
            elif line.record is None:
                hint = "the history of the folder has it as it was"
                yield LedgerFault("unreadable", line.number, f"this is no record: {line.problem}", hint)
        if self.torn:
            message = f"the line is not finished: it ends after {len(self.torn):,} bytes"
            hint = "usru ledger verify --repair takes it out"
            yield LedgerFault("torn", len(self.lines) + 1, message, hint)


def line_hash(text: bytes) -> str:
    """The SHA-256 of a line without its line break, in hexadecimal."""
    return sha256(text).hexdigest()


def read_chain(data: bytes) -> Chain:
    """The lines of a ledger."""
    *lines, rest = data.split(b"\n")
    return Chain(tuple(_line(number, text) for number, text in enumerate(lines, 1)), rest)


def _line(number: int, text: bytes) -> LedgerLine:
    try:
        return LedgerLine(number, text, read_line(text))
    except UnreadableRecord as error:
        return LedgerLine(number, text, None, str(error))


def faults(chain: Chain) -> list[LedgerFault]:
    """All that is wrong with a chain, in the order of its lines."""
    return sorted([*chain.unreadable, *_links(chain)], key=lambda fault: fault.line)


def _links(chain: Chain) -> Iterator[LedgerFault]:
    lines = [line for line in chain.lines if not line.is_marker]
    earlier: dict[str, int] = {}
    last: LedgerLine | None = None
    for line in lines:
        if line.record is not None and line.record.prev != (None if last is None else last.hash):
            yield _link_fault(line, line.record.prev, last, earlier)
        earlier[line.hash] = line.number
        last = line


def _link_fault(line: LedgerLine, prev: str | None, last: LedgerLine | None, earlier: dict[str, int]) -> LedgerFault:
    if last is not None and (prev is None or prev in earlier):
        after = "begins a ledger" if prev is None else f"follows line {earlier[prev]}"
        message = f"the record {after}, as line {_next(prev, earlier)} does: two ledgers were merged"
        return LedgerFault("merged", line.number, message, "usru ledger verify --relink makes one chain of them")
    message = f"the record names {(prev or 'nothing')[:_SHOWN]} as the line before, which is {_hash(last)}"
    hint = "a line before it was changed, taken out or put in; the history of the folder tells which"
    return LedgerFault("broken", line.number, message, hint)


def _next(prev: str | None, earlier: dict[str, int]) -> int:
    return 1 if prev is None else earlier[prev] + 1


def _hash(line: LedgerLine | None) -> str:
    return "missing" if line is None else line.hash[:_SHOWN]


def relinked(chain: Chain) -> bytes:
    """The bytes of a ledger of which merged parts make one chain, in the order of their days.

    Markers of a conflict are left out, and so is a record that both sides hold.

    Raises:
        LedgerError: something else is wrong with the chain, which this would hide.
    """
    if wrong := [fault for fault in faults(chain) if fault.code not in ("merged", "conflict")]:
        raise LedgerError(f"line {wrong[0].line} can't be linked: {wrong[0].message}", wrong[0].hint)
    lines = list({line.text: line for line in chain.lines if not line.is_marker}.values())
    merged = {fault.line for fault in faults(chain) if fault.code == "merged"}
    known = {line.hash: place for place, line in enumerate(lines)}
    parting = [line.record.prev for line in lines if line.number in merged and line.record is not None]
    fixed = min((0 if prev is None else known[prev] + 1 for prev in parting), default=len(lines))
    order = [*lines[:fixed], *sorted(lines[fixed:], key=lambda line: line.record.date if line.record else "")]
    written: list[bytes] = []
    for line in order:
        data = json.loads(line.text)
        prev = line_hash(written[-1]) if written else None
        written.append(line.text if data["prev"] == prev else line_of_data({**data, "prev": prev}))
    return b"".join(line + b"\n" for line in written)
