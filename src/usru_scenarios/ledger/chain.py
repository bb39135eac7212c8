"""The chain of hashes: the lines of a ledger, each holding the hash of the one before, and what is wrong with it.

A line that was changed, taken out or put in shows in the line behind it; the last one is held by nothing but its model
(see `recompute`) and the history of the folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256

from usru_scenarios.ledger.records import LedgerError, NumberedRecord, UnreadableRecord, encode_line, read_line
from usru_scenarios.light_dataclasses import dataclass, field, replace
from usru_scenarios.results.ledger import ForecastRecord, LedgerFault

_MARKERS = (b"<<<<<<< ", b"=======", b">>>>>>> ", b"||||||| ")
"""What git puts around the two sides of a conflict."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What some editors put before the first line."""

_HASH_DIGITS = 8


@dataclass(frozen=True)
class LedgerLine:
    """A line of the ledger.

    Attributes:
        number: from 1.
        text: its bytes, without the line break.
        record: what it holds; None where it can't be read.
        problem: why not.
        hint: what helps.
    """

    number: int
    text: bytes = field(repr=False)
    record: ForecastRecord | None
    problem: str = ""
    hint: str = ""

    @property
    def hash(self) -> str:
        """Its SHA-256 in hexadecimal, by which the next line names it."""
        return line_hash(self.text)

    @property
    def is_conflict_marker(self) -> bool:
        """Whether it is no line of the ledger but one that a conflict of git has left."""
        return is_conflict_marker(self.text)

    @property
    def is_entry(self) -> bool:
        """Whether it is a line of the ledger: no marker and not empty."""
        return not self.is_conflict_marker and bool(self.text.strip())


@dataclass(frozen=True)
class Chain:
    """A ledger as it is read.

    Attributes:
        lines: its lines.
        torn: what stands behind the last line break: the beginning of a line that was never finished; else empty.
        model_name: the name of the model of which records are wanted; None of all.
    """

    lines: tuple[LedgerLine, ...]
    torn: bytes = field(default=b"", repr=False)
    model_name: str | None = None

    @property
    def records(self) -> list[NumberedRecord]:
        """The records that can be read, in the order of the file."""
        readable = (NumberedRecord(line.number, line.record) for line in self.lines if line.record is not None)
        return [numbered for numbered in readable if self.model_name in (None, numbered.record.model.name)]

    @property
    def by_day(self) -> list[NumberedRecord]:
        """The same in the order of their days; those of one day as they stand in the file."""
        return sorted(self.records, key=lambda numbered: numbered.record.date)

    def for_model(self, name: str) -> Chain:
        """The same, with the records of a model of that name alone."""
        return replace(self, model_name=name)

    @property
    def unreadable_lines(self) -> list[LedgerFault]:
        """The lines that can't be read, and why."""
        faults = []
        for line in self.lines:
            if line.is_conflict_marker:
                message = "a conflict of git was left in the ledger"
                hint = "usru ledger verify --relink keeps both sides"
                faults.append(LedgerFault("conflict", line.number, message, hint))
            elif line.record is None and line.is_entry:
                hint = line.hint or f"the history of the folder has it as it was: {_HISTORY_COMMAND}"
                faults.append(LedgerFault("unreadable", line.number, f"this is no record: {line.problem}", hint))
        if self.torn:
            size = "1 byte" if len(self.torn) == 1 else f"{len(self.torn):,} bytes"
            message = f"the line is not finished: it ends after {size}"
            hint = "usru ledger verify --repair takes it out"
            faults.append(LedgerFault("torn", len(self.lines) + 1, message, hint))
        return faults


_HISTORY_COMMAND = "git log -p forecasts.jsonl"


def line_hash(text: bytes) -> str:
    """The SHA-256 of a line without its line break, in hexadecimal."""
    return sha256(text).hexdigest()


def is_conflict_marker(text: bytes) -> bool:
    """Whether a line is one that a conflict of git has left."""
    return text.startswith(_MARKERS)


def split_lines(data: bytes) -> tuple[list[bytes], bytes]:
    """The lines of a ledger without their line breaks, of whichever system, and what stands behind the last one."""
    *lines, rest = data.removeprefix(_BYTE_ORDER_MARK).split(b"\n")
    return [text.removesuffix(b"\r") for text in lines], rest


def read_chain(data: bytes) -> Chain:
    """The lines of a ledger."""
    lines, rest = split_lines(data)
    return Chain(tuple(_parse_line(number, text) for number, text in enumerate(lines, 1)), rest)


def _parse_line(number: int, text: bytes) -> LedgerLine:
    try:
        return LedgerLine(number, text, read_line(text))
    except UnreadableRecord as error:
        return LedgerLine(number, text, None, str(error), error.hint)


def find_faults(chain: Chain) -> list[LedgerFault]:
    """All that is wrong with a chain, in the order of its lines."""
    return sorted([*chain.unreadable_lines, *_find_broken_links(chain)], key=lambda fault: fault.line)


def _find_broken_links(chain: Chain) -> Iterator[LedgerFault]:
    number_by_hash: dict[str, int] = {}
    first_follower: dict[str | None, int] = {}
    last: LedgerLine | None = None
    for line in filter(lambda line: line.is_entry, chain.lines):
        if line.record is not None:
            prev = line.record.prev
            if prev != (None if last is None else last.hash):
                yield _describe_broken_link(line.number, prev, last, number_by_hash, first_follower)
            first_follower.setdefault(prev, line.number)
        number_by_hash[line.hash] = line.number
        last = line


def _describe_broken_link(
    number: int,
    prev: str | None,
    last: LedgerLine | None,
    number_by_hash: Mapping[str, int],
    first_follower: Mapping[str | None, int],
) -> LedgerFault:
    """What is wrong with a record that does not follow the line before it.

    Args:
        number: its line.
        prev: the hash of the line that it follows.
        last: the line before it.
        number_by_hash: of the earlier lines.
        first_follower: the number of the first record that follows a line, by the hash of that line.
    """
    if prev is None:
        follows = "begins a ledger"
    elif prev in number_by_hash:
        follows = f"follows line {number_by_hash[prev]}"
    else:
        follows = f"follows a line {prev[:_HASH_DIGITS]}"
    if prev in first_follower:
        message = f"the record {follows}, as line {first_follower[prev]} does: two ledgers were merged"
        return LedgerFault("merged", number, message, "usru ledger verify --relink makes one chain of them")
    if last is None:
        why = "which is not there: it was taken out"
    elif prev is None or prev in number_by_hash:
        why = f"not line {last.number}: what is between was put in"
    else:
        why = f"and line {last.number} is {last.hash[:_HASH_DIGITS]}: it was changed, or what was between was taken out"
    hint = f"the history of the folder tells what: {_HISTORY_COMMAND}"
    return LedgerFault("broken", number, f"the record {follows}, {why}", hint)


def relink_chain(chain: Chain) -> bytes:
    """The bytes of a ledger of which merged parts make one chain, in the order of their days.

    Markers of a conflict are left out, and so is a record that both sides hold.

    Raises:
        LedgerError: something else is wrong with the chain, which this would hide.
    """
    faults = find_faults(chain)
    for fault in faults:
        if fault.code not in ("merged", "conflict"):
            raise LedgerError(f"line {fault.line} can't be linked: {fault.message}", fault.hint)
    lines = list({line.text: line for line in chain.lines if line.is_entry}.values())
    merged = {fault.line for fault in faults if fault.code == "merged"}
    place_by_hash = {line.hash: place for place, line in enumerate(lines)}
    fork_hashes = [line.record.prev for line in lines if line.number in merged and line.record is not None]
    common = min((0 if prev is None else place_by_hash[prev] + 1 for prev in fork_hashes), default=len(lines))
    order = [*lines[:common], *sorted(lines[common:], key=lambda line: line.record.date if line.record else "")]
    new_lines: list[bytes] = []
    for line in order:
        data = json.loads(line.text)
        prev = line_hash(new_lines[-1]) if new_lines else None
        new_lines.append(line.text if data["prev"] == prev else encode_line({**data, "prev": prev}))
    return b"".join(line + b"\n" for line in new_lines)
