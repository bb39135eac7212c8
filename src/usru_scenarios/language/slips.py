"""What was likely meant by a query that can't be read: numbers, dates and names as people write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from usru_scenarios.problems import QueryError
from usru_scenarios.source_text import SourceText
from usru_scenarios.written_forms import CURLY_QUOTES, normalize_name, suggest_date, suggest_number

_MOST_TRIES = 20


class _Guess(NamedTuple):
    """A stretch of the text, what may stand there instead, and how that is said."""

    start: int
    end: int
    text: str
    message: str
    hint: str


def likely_slip(error: QueryError, text: SourceText, read: Callable[[SourceText], object]) -> QueryError:
    """The error at the slip that it comes from, if there is one without which the text can be read further.

    Args:
        error: what is said of the text.
        text: the text.
        read: reads a text; raises what is said of it.
    """
    for number, guess in enumerate(_guesses(text.text)):
        if number >= _MOST_TRIES:
            break
        mended = SourceText(text.name, text.text[: guess.start] + guess.text + text.text[guess.end :], text.folder)
        if _reads_past(mended, guess.start + len(guess.text), read) and _place(error, text) < guess.end + 1:
            return text.error(error.problem.code, guess.message, guess.start, guess.end, guess.hint)
    return error


def _reads_past(text: SourceText, end: int, read: Callable[[SourceText], object]) -> bool:
    try:
        read(text)
    except QueryError as error:
        return _place(error, text) > end
    return True


def _place(error: QueryError, text: SourceText) -> int:
    span = error.problem.span
    return text.line_starts[span.line - 1] + span.column - 1 if span else 0


def _guesses(text: str) -> Iterator[_Guess]:
    yield from sorted((*_dates(text), *_numbers(text), *_names(text), *_quotes(text)), key=lambda guess: guess.start)


_TIME = re.compile(
    r"(?:@\s*(?:(?:by|ever|always|each)\s+)?|\.\.\s*)(?P<date>[^()|@\s][^()|@]*?)"
    r"(?=\s*(?:[)|]|\.\.|,\s*[a-z]|$| and | or ))"
)


def _dates(text: str) -> Iterator[_Guess]:
    for match in _TIME.finditer(text):
        written = match["date"]
        hint, date = suggest_date(written)
        if date and date != written:
            yield _Guess(*match.span("date"), date, f"'{written}' is not a date", hint)


_DIGIT = r"[\d\u00bc-\u00be\u2150-\u215e]"
_NUMBER = re.compile(
    rf"(?<![\w.@/-])[\u2012-\u2015\u2212]?{_DIGIT}(?:[\d.,'\u00a0\u202f\u2009 ]*{_DIGIT})?"
    rf"(?:\s*(?:%|per ?cent\b|pct\b))?"
)


def _numbers(text: str) -> Iterator[_Guess]:
    for match in _NUMBER.finditer(text):
        written = match[0]
        meant = suggest_number(written)
        if meant is not None and meant.text and meant.text != written and not _is_plain(written):
            yield _Guess(*match.span(), meant.text, f"expected a number, found '{written}'", meant.hint)


def _is_plain(written: str) -> bool:
    """Whether the parser itself knows what to say of a number."""
    return re.fullmatch(r"[0-9]+\.?[0-9]*%?", written) is not None


def _names(text: str) -> Iterator[_Guess]:
    for match in re.finditer(r"[^\W\d]\w*(?:-[^\W\d]\w*)+|\w*[^\W\d_a-zA-Z]\w*", text):
        written, name = match[0], normalize_name(match[0])
        if name and name != written and not name[0].isdigit():
            yield _Guess(*match.span(), name, f"'{written}' is not a name", f"write {name}")


def _quotes(text: str) -> Iterator[_Guess]:
    found = [column for column, sign in enumerate(text) if sign in CURLY_QUOTES]
    if found:
        first, last = found[0], found[-1]
        bare = "".join(sign for sign in text[first : last + 1] if sign not in CURLY_QUOTES)
        yield _Guess(first, last + 1, bare, f"'{text[first]}' can't stand here", "names are written without quotes")
