"""What is said of a text that is no YAML, in the place of what the parser says."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from usru_scenarios.problems import Problem
from usru_scenarios.reading.broken_yaml import likely_slip
from usru_scenarios.source_text import Mark, SourceText

if TYPE_CHECKING:
    import yaml


def broken_yaml_problem(
    source: SourceText,
    start: int,
    error: yaml.MarkedYAMLError,
    bracket: Mark | None,
    first_unreadable_line: Callable[[str], int | None] | None,
) -> Problem:
    """The fault that keeps a text from being YAML, where it likely lies.

    Args:
        source: the text.
        start: the column of its first line at which what is read begins.
        error: what the parser says.
        bracket: the innermost bracket that is still open.
        first_unreadable_line: at which line another text can't be read any further, None of a whole one; None where no
            slip is looked for.
    """
    parser_message = error.problem or "broken YAML"
    searched = f"{error.context or ''}: {parser_message}"
    unknown = ("", f"this is not YAML: {parser_message}", "", False)
    _, message, hint, is_at_opening = next((fault for fault in _FAULTS if re.search(fault[0], searched)), unknown)
    noticed = error.problem_mark or error.context_mark
    if message == _NO_VALUE and bracket and noticed is not None:
        rest = "".join(source.lines[noticed.line :])[noticed.column :]
        if not rest.strip():
            sign = source.lines[bracket.line][bracket.column]
            return Problem("broken_yaml", f"this '{sign}' is never closed", source.span(bracket))
    if noticed is not None and first_unreadable_line is not None:
        slip = likely_slip(source, noticed.line, first_unreadable_line)
        if slip is not None:
            return slip
    shown = (error.context_mark or noticed) if is_at_opening else noticed
    mark = Mark(0, 0) if shown is None else _mark_within(source, start, shown)
    before = source.lines[mark.line][: mark.column]
    indent = source.lines[mark.line][: mark.column + 1]
    if "tab" not in message and not indent.strip() and "\t" in indent:
        message, hint = _TAB
    if message == _COLON[0] and ": " in before:
        hint = _COLON_IN_TEXT
    return Problem("broken_yaml", message, source.span(mark), hint)


def _mark_within(source: SourceText, start: int, place: Any) -> Mark:
    """A mark of the parser; one behind the last character of the text is moved to the end of its last line."""
    lines = source.lines
    if place.line < len(lines) and (place.line + 1 < len(lines) or lines[place.line].strip()):
        return Mark(place.line, place.column + (start if place.line == 0 else 0))
    last = next((line for line in range(len(lines) - 1, -1, -1) if lines[line].strip()), 0)
    return Mark(last, len(lines[last].rstrip()))


_TAB = ("a tab can't be used to indent a line", "indent with spaces")
_NO_VALUE = "a value was expected here"
_COLON = ("a ':' can't stand here", "is the line above finished, and this one indented like its neighbours?")
_COLON_IN_TEXT = "text that holds ': ' is written in quotes"

_GOES_ON = r".*(?:did not find expected|expected ',')"

_FAULTS: tuple[tuple[str, str, str, bool], ...] = (
    (r"violates indentation|found character '\\t'", *_TAB, False),
    (r"mapping values are not allowed", *_COLON, False),
    (r"quoted scalar.*(?:end of stream|indicator)", "this quoted text is never closed", "add the closing quote", True),
    (rf"flow sequence{_GOES_ON}", "this '[' is never closed, or a ',' is missing in it", "", True),
    (rf"flow mapping{_GOES_ON}", "this '{' is never closed, or a ',' is missing in it", "", True),
    (r"cannot start any token", "no value can begin with this character", "put the text in quotes", False),
    (r"unknown escape", "unknown escape after '\\' in this text", "in single quotes '\\' is a plain character", True),
    (
        r"entries are not allowed",
        "a list item ('- ...') can't stand here",
        "begin the list on a line of its own, below its key",
        False,
    ),
    (
        r"block collection.*(?:expected '-'|<block end>)",
        "a list item ('- ...') was expected here",
        "is the line indented like its neighbours?",
        False,
    ),
    (
        r"block mapping.*(?:expected key|<block end>)",
        "a key was expected here",
        "is the line indented like its neighbours, and is every quote and bracket before it closed once?",
        False,
    ),
    (r"expected ':'", "this line has no ':' after its key", "", True),
    (r"node content", _NO_VALUE, "an empty text is written ''", False),
    (
        r"tag handle|parsing a tag|scanning a tag",
        "tags (beginning with '!') can't be used here",
        "put the text in quotes",
        False,
    ),
    (r"scanning an (?:alias|anchor)", "'*' and '&' can't begin a value", "put the text in quotes", True),
    (r"block scalar", "after '|' or '>' the text begins on the next line", "", True),
    (r"directive|document start", "only one document without directives ('%...') can be read", "", False),
)
"""What the parsers say (libyaml's and the pure Python one's), what is said instead, a way to mend it, and whether the
place is where the broken thing begins rather than where it was noticed."""
