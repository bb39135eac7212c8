"""What was likely meant by a query that can't be read: numbers, dates and names as people write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from usru_scenarios.problems import QueryError
from usru_scenarios.source_text import SourceText
from usru_scenarios.written_forms import CURLY_QUOTES, normalize_name, suggest_date, suggest_number

_MOST_TRIES = 20


class _Correction(NamedTuple):
    """What may stand in a part of the text instead, with the message and the hint."""

    start: int
    end: int
    text: str
    message: str
    hint: str


def locate_slip(error: QueryError, text: SourceText, read: Callable[[SourceText], object]) -> QueryError:
    """The error at the slip that it comes from, if there is one without which the text can be read further.

    Args:
        error: raised for the text.
        text: which can't be read.
        read: reads a text, or raises an error.
    """
    finders = (_date_corrections, _number_corrections, _name_corrections, _quote_corrections)
    corrections = [correction for find in finders for correction in find(text.text)]
    corrections.sort(key=lambda correction: correction.start)
    for start, end, replacement, message, hint in corrections[:_MOST_TRIES]:
        corrected = SourceText(text.name, text.text[:start] + replacement + text.text[end:], text.folder)
        if _error_offset(error, text) <= end and _is_readable_past(corrected, start + len(replacement), read):
            return text.error(error.problem.code, message, start, end, hint)
    return error


def _is_readable_past(text: SourceText, end: int, read: Callable[[SourceText], object]) -> bool:
    try:
        read(text)
    except QueryError as error:
        return _error_offset(error, text) > end
    return True


def _error_offset(error: QueryError, text: SourceText) -> int:
    span = error.problem.span
    return text.line_starts[span.line - 1] + span.column - 1 if span else 0


_TIME = re.compile(
    r"(?:@\s*(?:(?:by|ever|always|each)\s+)?|\.\.\s*)(?P<date>[^()|@\s][^()|@]*?)"
    r"(?=\s*(?:[)|]|\.\.|,\s*[a-z]|$| and | or ))"
)


def _date_corrections(text: str) -> Iterator[_Correction]:
    for match in _TIME.finditer(text):
        written = match["date"]
        hint, date = suggest_date(written)
        if date and date != written:
            yield _Correction(*match.span("date"), date, f"'{written}' is not a date", hint)


_DIGIT = r"[\d\u00bc-\u00be\u2150-\u215e]"
_NUMBER = re.compile(
    rf"(?<![\w.@/-])[\u2012-\u2015\u2212]?{_DIGIT}(?:[\d.,'\u00a0\u202f\u2009 ]*{_DIGIT})?"
    rf"(?:\s*(?:%|per ?cent\b|pct\b))?"
)


def _number_corrections(text: str) -> Iterator[_Correction]:
    for match in _NUMBER.finditer(text):
        written = match[0]
        suggestion = suggest_number(written)
        if suggestion is not None and suggestion.text and suggestion.text != written and not _is_plain_number(written):
            yield _Correction(*match.span(), suggestion.text, f"expected a number, found '{written}'", suggestion.hint)


def _is_plain_number(written: str) -> bool:
    """Whether the parser itself knows what to say of a number."""
    return re.fullmatch(r"[0-9]+\.?[0-9]*%?", written) is not None


def _name_corrections(text: str) -> Iterator[_Correction]:
    for match in re.finditer(r"[^\W\d]\w*(?:-[^\W\d]\w*)+|\w*[^\W\d_a-zA-Z]\w*", text):
        written, name = match[0], normalize_name(match[0])
        if name and name != written and not name[0].isdigit():
            yield _Correction(*match.span(), name, f"'{written}' is not a name", f"write {name}")


def _quote_corrections(text: str) -> Iterator[_Correction]:
    offsets = [offset for offset, sign in enumerate(text) if sign in CURLY_QUOTES]
    if offsets:
        first, last = offsets[0], offsets[-1]
        bare = "".join(sign for sign in text[first : last + 1] if sign not in CURLY_QUOTES)
        yield _Correction(
            first, last + 1, bare, f"'{text[first]}' can't stand here", "names are written without quotes"
        )
