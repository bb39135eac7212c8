"""Bytes to text, before any YAML is read: what is no text at all, and characters that look like blanks and are none."""

from __future__ import annotations

import re
from pathlib import Path

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.problems import Problem, Span, UnreadableModelError
from usru_scenarios.reading.files import MAXIMUM_BYTES
from usru_scenarios.source_text import SourceText
from usru_scenarios.written_forms import ODD_SPACE, describe_character

_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


def decode_text(text: str | bytes, name: str, folder: Path) -> SourceText:
    """The text of a file.

    Raises:
        UnreadableModelError: it is too large, or no text.
    """
    if isinstance(text, bytes):
        _check_size(len(text), name)
        try:
            decoded = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise UnreadableModelError([_not_utf8(text, error, name)]) from None
    else:
        decoded = text
    source = SourceText(name, decoded.removeprefix("\ufeff"), folder)
    check_text(source)
    return source


def check_text(source: SourceText) -> None:
    """Refuse what is too large or no text.

    Raises:
        UnreadableModelError: it is.
    """
    # Every character takes at least a byte, so the exact and costlier count is made only where it can matter.
    if len(source.text) > MAXIMUM_BYTES // 4:
        _check_size(len(source.text.encode("utf-8", "replace")), source.name)
    if match := _NOT_TEXT.search(source.text):
        message = f"the character U+{ord(match[0]):04X} can't stand in a text file"
        span = source.span(source.mark(*match.span()))
        raise UnreadableModelError([Problem("not_text", message, span, "is this a YAML file saved as UTF-8?")])


def _check_size(size: int, name: str) -> None:
    if size > MAXIMUM_BYTES:
        message = "the file is larger than 2 MiB, the most that is read"
        raise UnreadableModelError([Problem("too_large", message, Span(name, 1, 1))])


def _not_utf8(raw: bytes, error: UnicodeDecodeError, name: str) -> Problem:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Problem("not_utf8", "the file is saved as UTF-16", Span(name, 1, 1), "save it as UTF-8")
    # The bytes before the fault are UTF-8; in Latin-1 every byte is a character, so the line can be shown.
    before = raw[: error.start].decode()
    source = SourceText(name, before + raw[error.start :].decode("latin-1"))
    start = len(before)
    message = f"the byte 0x{raw[error.start]:02X} is not UTF-8"
    return Problem("not_utf8", message, source.span(source.mark(start, start + 1)), "save the file as UTF-8")


_STRUCTURAL = re.compile(
    rf"(?P<before>^[ \t]*(?:- *)?|[:,\[{{] *)(?P<odd>{ODD_SPACE.pattern}[ ]*(?:{ODD_SPACE.pattern}[ ]*)*)"
    rf"|(?P<inside>{ODD_SPACE.pattern}+)(?= *:(?: |$))"
)
"""What is no blank in a place where only a blank can be meant: before a key, around a ':' or behind a ','."""
_QUOTED = re.compile(r"#.*|\"(?:[^\"\\]|\\.)*\"|(?<!\w)'(?:[^']|'')*'")
_OPENS_BLOCK_TEXT = re.compile(r"[|>][-+0-9]*\s*(?:#.*)?$")


def replace_odd_blanks(source: SourceText) -> tuple[Problem, SourceText] | None:
    """The problem that signs which look like blanks stand in the place of some, and the text with blanks; else None."""
    if not ODD_SPACE.search(source.text):
        return None
    offsets: list[int] = []
    block_indent: int | None = None
    for start, line in zip(source.line_starts, source.lines, strict=True):
        indent = len(line) - len(line.lstrip(" "))
        if block_indent is not None and (not line.strip() or indent > block_indent):
            continue
        block_indent = indent if _OPENS_BLOCK_TEXT.search(line) else None
        quoted = [match.span() for match in _QUOTED.finditer(line)]
        for match in _STRUCTURAL.finditer(line):
            if not any(left < match.start() < right for left, right in quoted):
                odd = match.span("odd") if match["odd"] else match.span("inside")
                offsets += [start + column for column in range(*odd) if ODD_SPACE.match(line, column)]
    if not offsets:
        return None
    text = list(source.text)
    for offset in offsets:
        text[offset] = " "
    first = offsets[0]
    more = f" (and {len(offsets) - 1} more)" if len(offsets) > 1 else ""
    message = f"a {describe_character(source.text[first])} stands here in the place of a blank{more}"
    hint = "write blanks: an editor or a web page put it there"
    edits = tuple(source.replacement(offset, offset + 1, " ") for offset in offsets)
    problem = Problem("odd_blank", message, source.span(source.mark(first, first + 1)), hint, fix=edits)
    return problem, replace(source, text="".join(text))
