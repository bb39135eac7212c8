"""Where a text stopped being YAML, as opposed to where the parser noticed it.

A parser tells the first place at which it can't go on, which may lie far below the slip: an open quote runs to the next
one, a line indented too far is noticed at its neighbour. So likely slips are tried out: the one whose repair lets the
text be read, or be read much further, is reported, with its repair; where there is none, what the parser says, in other
words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from usru_scenarios.problems import Problem, Replacement
from usru_scenarios.source_text import Mark
from usru_scenarios.written_forms import suggest_number

if TYPE_CHECKING:
    import yaml

    from usru_scenarios.source_text import SourceText


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
    if noticed and first_unreadable_line and (slip := _likely_slip(source, noticed.line, first_unreadable_line)):
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
"""What the parsers say (libyaml's and the pure Python one's), the message in its place, the hint, and whether the
place is where the broken thing begins rather than where it was noticed."""

# Likely slips


class _Slip(NamedTuple):
    """What may be wrong, where, and the changes of the text that mend it."""

    message: str
    hint: str
    mark: Mark
    edits: tuple[Replacement, ...]


class _Line(NamedTuple):
    """A line of a text, by its number from 0."""

    source: SourceText
    number: int

    @property
    def text(self) -> str:
        return self.source.lines[self.number]

    def mark(self, start: int, end: int) -> Mark:
        return Mark(self.number, start, max(1, end - start))

    def edit(self, start: int, end: int, replacement: str) -> Replacement:
        offset = self.source.line_starts[self.number]
        return self.source.replacement(offset + start, offset + end, replacement)

    def slip(  # noqa: PLR0917  # the order of an edit, then the words
        self, start: int, end: int, replacement: str, message: str, hint: str, shown: tuple[int, int] | None = None
    ) -> _Slip:
        """A slip between two columns; `shown` are the columns to point at, where these are others."""
        return _Slip(message, hint, self.mark(*(shown or (start, end))), (self.edit(start, end, replacement),))


_MAXIMUM_TRIES = 60
"""Slips that are tried out: each takes one more reading of the text."""

_MAXIMUM_LENGTH = 200_000
"""Characters of a text in which slips are tried out."""

_MINIMUM_PROGRESS = 4
"""By so many lines a text must be read further for a slip to be likely, if it can't be read to its end."""


def _likely_slip(source: SourceText, line: int, first_unreadable_line: Callable[[str], int | None]) -> Problem | None:
    """The slip that keeps a text from being read past a line.

    Args:
        source: the text.
        line: where the parser stopped, from 0.
        first_unreadable_line: at which line another text can't be read any further; None of one that is whole.
    """
    if len(source.text) > _MAXIMUM_LENGTH:
        return None
    best: _Slip | None = None
    best_line = line + _MINIMUM_PROGRESS
    for slip in islice(_possible_slips(source, min(line, len(source.lines) - 1)), _MAXIMUM_TRIES):
        stop = first_unreadable_line(source.apply_edits(slip.edits))
        if stop is None or stop > best_line:
            best = slip
        if stop is None:
            break
        best_line = max(best_line, stop)
    if best is None:
        return None
    return Problem("broken_yaml", best.message, source.span(best.mark), best.hint, fix=best.edits)


def _possible_slips(source: SourceText, last: int) -> Iterator[_Slip]:
    """All slips that are looked for in the lines up to one, the likeliest first."""
    for number in range(last, max(-1, last - 3), -1):
        line = _Line(source, number)
        if line.text.strip():
            for slips in _SLIPS_OF_LINE:
                yield from slips(line)
    yield from _unclosed_quotes(source, last)
    yield from _wrong_indents(source, last)


# Within a line

_KEY = r"[\w.-]+"


def _missing_spaces(line: _Line) -> Iterator[_Slip]:
    """`title:The dispute`."""
    text, quoted = line.text, _quoted_ranges(line.text)
    matches = [
        match
        for match in re.finditer(rf"(?:^\s*(?:- )?|[{{,]\s*)(\"?{_KEY}\"?):(?=[^\s:/])", text)
        if not any(start < match.end() - 1 < end for start, end in quoted)
    ]
    for match in matches:
        key, value, end = match[1], text[match.end() :], match.end()
        if "{" in text[: match.start() + 1]:
            value = re.split(r"[,}\n]", value)[0]
        message = f"a space is missing after ':' in '{key}:{value.strip()}'"
        yield line.slip(end, end, " ", message, f"write {key}: {value.strip()}", (match.start(1), end))
    if len(matches) > 1:
        edits = tuple(line.edit(match.end(), match.end(), " ") for match in matches)
        mark = line.mark(matches[0].start(1), matches[0].end())
        yield _Slip("a space is missing after each ':' of this line", "write key: value", mark, edits)


def _quoted_ranges(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"\"(?:[^\"\\]|\\.)*\"|(?<!\w)'(?:[^']|'')*'(?!')", text)]


def _quotes_inside_quotes(line: _Line) -> Iterator[_Slip]:
    """`'Chancellor's standing'` and `"The "budget" dispute"`."""
    text = line.text
    for match in re.finditer(r"(?:: |^\s*- |[\[{,]\s*)(['\"])", text):
        quote, start = match[1], match.start(1)
        ends = [end.start() for end in re.finditer(rf"{quote}(?=\s*(?:[,\]}}]|$|#))", text[start + 1 :])]
        for end in (start + 1 + length for length in reversed(ends)):
            inner = text[start + 1 : end].replace("''", "'") if quote == "'" else text[start + 1 : end]
            if quote not in inner:
                continue
            other = '"' if quote == "'" else "'"
            quoted = f"{other}{inner}{other}" if other not in inner and "\\" not in inner else _in_quotes(inner)
            closing = text.index(quote, start + 1)
            hint = f"double the ' inside, or write {quoted}" if quote == "'" else f"write {quoted}"
            message = "this quote ends the text, and more follows"
            yield line.slip(start, end + 1, quoted, message, hint, (closing, closing + 1))


def _spaced_or_bare_numbers(line: _Line) -> Iterator[_Slip]:
    """`- 2` and `,4`, which YAML takes for something else."""
    for match in re.finditer(r"(?<=[:\[,] )\s*([-+] \d[\d.,]*%?|,\d+%?)(?=\s*(?:[,\]}#]|$))", line.text):
        if (suggested := suggest_number(match[1])) and suggested.text:
            yield line.slip(*match.span(1), suggested.text, f"expected a number, found '{match[1]}'", suggested.hint)


def _missing_colons(line: _Line) -> Iterator[_Slip]:
    """`persistence = 0.6` and `persistence 0.6`."""
    if match := re.match(rf"\s*(?:- )?({_KEY})(\s*:?=\s*|\s+)(?=\S)(.*)", line.text):
        message, hint = f"there is no ':' after '{match[1]}'", f"write {match[1]}: {match[3].strip()}"
        yield line.slip(*match.span(2), ": ", message, hint, match.span(1))
    if match := re.fullmatch(rf"\s*({_KEY})\s*", line.text):
        message, hint = f"there is no ':' after '{match[1]}'", f"write {match[1]}:"
        yield line.slip(match.end(1), match.end(1), ":", message, hint, match.span(1))


def _maps_without_braces(line: _Line) -> Iterator[_Slip]:
    """`early_election: pert: [1, 2, 3]`."""
    matches = list(re.finditer(rf"(?<=: )({_KEY}: (?:\[[^\]]*\]|{{[^}}]*}}))", line.text))
    entry = r"[a-z]\w*: [-+]?[\d.]+%?"
    if match := re.match(rf"\s*(?:- )?{_KEY}: ({entry}(?:, {entry})*)\s*$", line.text):
        matches.append(match)
    for match in matches:
        braces = f"{{{match[1]}}}"
        yield line.slip(*match.span(1), braces, "a map behind a key stands in braces", f"write {braces}")
    if match := re.match(rf"\s*(?:- )?{_KEY}: ([^'\"\[{{|>&*!%@`].*: .*?)\s*$", line.text):
        quoted = _in_quotes(match[1])
        yield line.slip(*match.span(1), quoted, "text that holds ': ' is written in quotes", f"write {quoted}")


def _in_quotes(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _unmatched_brackets(line: _Line) -> Iterator[_Slip]:
    """A bracket that is not closed in its line, or closed twice."""
    closing = {"{": "}", "[": "]"}
    unclosed: list[tuple[str, int]] = []
    text = re.sub(r"\"(?:[^\"\\]|\\.)*\"", lambda quoted: " " * len(quoted[0]), line.text)
    for column, sign in enumerate(text):
        if sign in closing:
            unclosed.append((sign, column))
        elif sign in "}]" and not unclosed:
            yield line.slip(column, column + 1, "", f"nothing opens this '{sign}'", "remove it")
            return
        elif sign in "}]":
            bracket, start = unclosed.pop()
            missing = closing[bracket]
            if missing != sign:
                message, hint = f"this '{bracket}' is never closed", f"write '{missing}' before '{sign}'"
                yield line.slip(column, column, missing, message, hint, (start, start + 1))
                return
    if unclosed:
        missing = "".join(closing[bracket] for bracket, _ in reversed(unclosed))
        end = len(line.text.rstrip())
        bracket, start = unclosed[-1]
        message, hint = f"this '{bracket}' is never closed", f"end the line with '{missing}'"
        yield line.slip(end, end, missing, message, hint, (start, start + 1))


def _missing_commas(line: _Line) -> Iterator[_Slip]:
    """A comma that is missing between two entries."""
    text, hint = line.text, "separate the entries by ','"
    if not re.search(r"[{\[]", text):
        return
    if ";" in text:
        quoted = _quoted_ranges(text)
        columns = [column for column, sign in enumerate(text) if sign == ";"]
        edits = tuple(
            line.edit(column, column + 1, ",")
            for column in columns
            if not any(start < column < end for start, end in quoted)
        )
        yield _Slip("a ';' can't stand here", hint, line.mark(columns[0], columns[0] + 1), edits)
    for match in re.finditer(rf"(?<=[\w\]}}\"%])\s+(?={_KEY}:\s)", text):
        start, end = match.span()
        yield line.slip(start, start, ",", "a ',' is missing before this", hint, (end, end + 1))


_SPECIAL_CHARACTERS = {
    r"(?<=: )([\[{][^\]}]*[\]}] \w.*?)\s*$": "a value that begins with '{}' ends with its bracket",
    r"(?<=: )([%@`&*!|>?,][^,\[\]{}]*?)(?=\s*(?:[,\]}]|$))": "no value can begin with this character, '{}'",
}


def _special_characters(line: _Line) -> Iterator[_Slip]:
    """A value that begins with a sign of YAML's own."""
    for pattern, message in _SPECIAL_CHARACTERS.items():
        for match in re.finditer(pattern, line.text):
            quoted = _in_quotes(match[1])
            hint = f"put the text in quotes: {quoted}"
            yield line.slip(*match.span(1), quoted, message.format(match[1][0]), hint)


_SLIPS_OF_LINE = (
    _missing_spaces,
    _quotes_inside_quotes,
    _spaced_or_bare_numbers,
    _missing_colons,
    _maps_without_braces,
    _unmatched_brackets,
    _missing_commas,
    _special_characters,
)

# Quotes that are never closed


def _unclosed_quotes(source: SourceText, last: int) -> Iterator[_Slip]:
    """Quotes that open in a line up to the last and do not close there."""
    message = "this quoted text is never closed"
    for number, column, quote in _opening_quotes(source.lines, last):
        line = _Line(source, number)
        text = line.text.rstrip()
        brackets = len(text) - len(re.sub(r"[\]}]+$", "", text))
        if re.match(rf"{_KEY}:\s", text[column + 1 :]) and brackets:
            yield line.slip(column, column + 1, "", message, f"remove the {quote}, or add the closing one")
        for brackets_behind in dict.fromkeys((0, *range(brackets, 0, -1))):
            end = len(text) - brackets_behind
            yield line.slip(end, end, quote, message, f"add the closing {quote}", (column, column + 1))


def _opening_quotes(lines: list[str], last: int) -> Iterator[tuple[int, int, str]]:
    """The line, the column and the sign of each quote that does not close in its line: the nearest line first."""
    for number in range(min(last, len(lines) - 1), -1, -1):
        text = lines[number]
        quoted = _quoted_ranges(text)
        for match in re.finditer(r"(?:(?<=: )|(?<=- )|(?<=[\[{,])|(?<=, )|(?<=[\[{] ))(['\"])", text):
            quote, column = match[1], match.start(1)
            inside = any(start < column < end for start, end in quoted)
            rest = r"(?:[^\"\\]|\\.)*\"" if quote == '"' else r"(?:[^']|'')*'(?!')"
            if not inside and re.compile(rest).match(text, column + 1) is None:
                yield number, column, quote


# Indents

_OPENS_BLOCK = re.compile(r":\s*(?:#.*)?$")


def _wrong_indents(source: SourceText, last: int) -> Iterator[_Slip]:
    """Lines whose indent differs from that of their neighbours."""
    lines = source.lines
    numbers = [number for number, text in enumerate(lines) if number == last or text.strip()[:1] not in ("", "#")]
    indents = {number: len(lines[number]) - len(lines[number].lstrip(" ")) for number in numbers}
    unit = _usual_indent(indents.values())
    nearest = [number for number in reversed(numbers) if number <= last][:60]
    odd = [number for number in nearest if indents[number] % unit]
    for number in dict.fromkeys((*odd[:6], *nearest[:4])):
        yield from _indents_of(source, number, numbers, indents, unit)


def _usual_indent(indents: Iterable[int]) -> int:
    """By how much most lines of the text are indented."""
    depths = [indent for indent in indents if indent]
    units = (unit for unit in (4, 3, 2) if sum(depth % unit == 0 for depth in depths) > 0.7 * len(depths))
    return next(units, 2)


def _indents_of(
    source: SourceText, number: int, numbers: list[int], indents: dict[int, int], unit: int
) -> Iterator[_Slip]:
    """A line moved to each indent that its neighbours have, alone or with the lines below it."""
    index = numbers.index(number)
    own = indents[number]
    after = indents[numbers[index + 1]] if index + 1 < len(numbers) else None
    levels = {0, *(indents[other] for other in numbers[max(0, index - 40) : index])}
    if index and _OPENS_BLOCK.search(source.lines[numbers[index - 1]]):
        levels.add(indents[numbers[index - 1]] + unit)
    if after is not None:
        levels.add(after)
    has_children = after is not None and after > own and _OPENS_BLOCK.search(source.lines[number]) is not None
    near = sorted(levels - {own}, key=lambda level: (abs(level - own), -level))
    for level in near:
        if after is None or not has_children or after > level:
            yield _indented(source, [number], level - own, indents)
    if has_children:
        block = [number, *takewhile(lambda below: indents[below] > own, numbers[index + 1 :])]
        for level in near:
            yield _indented(source, block, level - own, indents)


def _indented(source: SourceText, numbers: list[int], shift: int, indents: dict[int, int]) -> _Slip:
    """The slip that the first of some lines, and with it the others, should be indented by more or less."""
    own = indents[numbers[0]]
    edits = (
        _Line(source, number).edit(0, min(max(0, -shift), indents[number]), " " * max(0, shift)) for number in numbers
    )
    blanks = "blank" if own == 1 else "blanks"
    message = f"this line is indented by {own} {blanks}, where {own + shift} would fit its neighbours"
    return _Slip(message, "indent it like its neighbours", _Line(source, numbers[0]).mark(0, own), tuple(edits))
