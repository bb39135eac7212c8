"""Scalars as they stand in a text: where a piece of one is, and the text with others in the place of some."""

from __future__ import annotations

import re
from collections.abc import Iterable

from usru_scenarios.problems import Span
from usru_scenarios.reading.places import Place
from usru_scenarios.source_text import SourceText

_ESCAPED = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r\n|.)", re.DOTALL)
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]*[^\n\r\x85\u2028\u2029]*")


def span_within(place: Place, value: str, start: int, end: int) -> Span:
    """The place of a piece of a scalar in the file.

    However the text is folded, indented, quoted or escaped, the characters of the value that are not blank stand in it
    in their order; so they are counted. A piece that goes on in further lines is shown up to the end of its first.

    Args:
        place: the scalar's.
        value: what it says.
        start: the piece's offset in `value`.
        end: its end; an empty piece stands for the character at `start`.
    """
    source = place.source
    offsets = _character_offsets(source.text, source.offset(place.value), value)
    if not offsets:
        return place.span()
    first = offsets[min(start, len(value) - 1)]
    last = max(offsets[min(max(end, start + 1), len(value)) - 1], first)
    return source.span(source.mark(first, last + 1))


def replace_scalars(source: SourceText, scalars: Iterable[tuple[Place, str]]) -> str:
    """The text with other scalars in the place of some that stand on a line, and every other character as it is."""
    text = source.text
    for place, scalar in sorted(scalars, key=lambda pair: pair[0].value, reverse=True):
        start = source.offset(place.value)
        text = text[:start] + scalar + text[start + place.value.width :]
    return text


def _character_offsets(text: str, begin: int, value: str) -> list[int] | None:
    """Where each character of a value stands in the text that begins with its scalar; blanks where the one before is.

    None where the two do not fit together.
    """
    quote = text[begin : begin + 1]
    header = _BLOCK_HEADER.match(text, begin)
    offset = header.end() if header else begin + (quote in ("'", '"'))
    offsets: list[int] = []
    for character in value:
        if character.isspace():
            offsets.append(offsets[-1] + 1 if offsets else offset)
            continue
        while offset < len(text) and (text[offset].isspace() or _is_blank_escape(text, offset, quote)):
            offset += _width(text, offset, quote)
        if offset >= len(text) or not _is_written_at(text, offset, quote, character):
            return None
        offsets.append(offset)
        offset += _width(text, offset, quote)
    return offsets


def _width(text: str, offset: int, quote: str) -> int:
    """How many characters of the text write one of the value."""
    if quote == '"' and (escaped := _ESCAPED.match(text, offset)):
        return escaped.end() - offset
    return 2 if quote == "'" and text.startswith("''", offset) else 1


def _is_blank_escape(text: str, offset: int, quote: str) -> bool:
    """Whether an escape stands for a blank, or for nothing because it ends a line."""
    return quote == '"' and text[offset] == "\\" and text[offset + 1 : offset + 2] in tuple("ntr \t\n\rabefv0NLP_")


def _is_written_at(text: str, offset: int, quote: str, character: str) -> bool:
    """Whether a character of the value is what the text writes at an offset."""
    if quote == '"' and text[offset] == "\\":
        escape = text[offset + 1 : offset + 2]
        if escape in ("x", "u", "U"):
            return int(text[offset + 2 : offset + _width(text, offset, quote)], 16) == ord(character)
        return escape == character
    return text[offset] == character
