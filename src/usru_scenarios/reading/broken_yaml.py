"""Where a text stopped being YAML, as opposed to where the parser noticed it.

A parser tells the first place at which it can't go on, which may lie far below the slip: an open quote runs to the next
one, a line indented too far is noticed at its neighbour. So likely slips are tried out: the one whose repair lets the
text be read, or be read much further, is told, with the repair.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from usru_scenarios.problems import Problem, Replacement
from usru_scenarios.source_text import Mark
from usru_scenarios.written_forms import suggest_number

if TYPE_CHECKING:
    from usru_scenarios.source_text import SourceText


class _Slip(NamedTuple):
    """What may be wrong, where, and what to write instead."""

    message: str
    hint: str
    mark: Mark
    edits: tuple[Replacement, ...]


_MOST_TRIES = 60
"""Slips that are tried out: each takes one more reading of the text."""

_LONGEST = 200_000
"""Characters of a text in which slips are tried out."""

_FURTHER = 4
"""By so many lines a text must be read further for a slip to be likely, if it can't be read to its end."""


def likely_slip(source: SourceText, line: int, reads_to: Callable[[str], int | None]) -> Problem | None:
    """The slip that keeps a text from being read past a line.

    Args:
        source: the text.
        line: where the parser stopped, from 0.
        reads_to: up to which line another text can be read; None of one that is whole.
    """
    if len(source.text) > _LONGEST:
        return None
    best: tuple[int, _Slip] | None = None
    for number, slip in enumerate(_slips(source, min(line, len(source.lines) - 1))):
        if number >= _MOST_TRIES:
            break
        after = reads_to(source.apply_edits(slip.edits))
        if after is None:
            return _told(source, slip)
        if after > line + _FURTHER and (best is None or after > best[0]):
            best = after, slip
    return _told(source, best[1]) if best else None


def _told(source: SourceText, slip: _Slip) -> Problem:
    return Problem("broken_yaml", slip.message, source.span(slip.mark), slip.hint, fix=slip.edits)


def _slips(source: SourceText, line: int) -> Iterator[_Slip]:
    lines = [one for one in range(line, max(-1, line - 3), -1) if source.lines[one].strip()]
    for at in lines:
        yield from _in_line(source, at)
    yield from _open_quotes(source, line)
    yield from _indents(source, line)


# Within a line

_KEY = r"[\w.-]+"


def _in_line(source: SourceText, line: int) -> Iterator[_Slip]:
    text = source.lines[line]
    for slip in (_spaces, _inner_quotes, _signs_of_numbers, _equals, _nested, _brackets, _commas, _special):
        yield from slip(source, line, text)


def _slip(  # noqa: PLR0917  # the order of an edit, then the words
    source: SourceText, line: int, start: int, end: int, text: str, message: str, hint: str
) -> _Slip:
    offset = source.line_starts[line]
    width = max(1, end - start)
    return _Slip(message, hint, Mark(line, start, width), (source.replacement(offset + start, offset + end, text),))


def _spaces(source: SourceText, line: int, text: str) -> Iterator[_Slip]:
    """`title:The dispute`."""
    quoted = _quoted_parts(text)
    found = [
        match
        for match in re.finditer(rf"(?:^\s*(?:- )?|[{{,]\s*)(\"?{_KEY}\"?):(?=[^\s:/])", text)
        if not any(start < match.end() - 1 < end for start, end in quoted)
    ]
    for match in found:
        key = match[1]
        rest = (
            re.split(r"[,}\n]", text[match.end() :])[0].strip()
            if "{" in text[: match.start() + 1]
            else text[match.end() :].strip()
        )
        message = f"a space is missing after ':' in '{key}:{rest}'"
        yield _slip(source, line, match.end(), match.end(), " ", message, f"write {key}: {rest}")._replace(
            mark=Mark(line, match.start(1), match.end() - match.start(1))
        )
    if len(found) > 1:
        edits = tuple(
            source.replacement(source.line_starts[line] + one.end(), source.line_starts[line] + one.end(), " ")
            for one in found
        )
        mark = Mark(line, found[0].start(1), found[0].end() - found[0].start(1))
        yield _Slip("a space is missing after each ':' of this line", "write key: value", mark, edits)


def _quoted_parts(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"\"(?:[^\"\\]|\\.)*\"|(?<!\w)'(?:[^']|'')*'(?!')", text)]


def _inner_quotes(source: SourceText, line: int, text: str) -> Iterator[_Slip]:
    """`'Chancellor's standing'` and `"The "budget" dispute"`."""
    for match in re.finditer(r"(?:: |^\s*- |[\[{,]\s*)(['\"])", text):
        quote, start = match[1], match.start(1)
        ends = [end.start() for end in re.finditer(rf"{quote}(?=\s*(?:[,\]}}]|$|#))", text[start + 1 :])]
        for end in (start + 1 + one for one in reversed(ends)):
            inner = text[start + 1 : end].replace("''", "'") if quote == "'" else text[start + 1 : end]
            if quote not in inner:
                continue
            other = '"' if quote == "'" else "'"
            fresh = (
                f"{other}{inner}{other}"
                if other not in inner and "\\" not in inner
                else json.dumps(inner, ensure_ascii=False)
            )
            at = text.index(quote, start + 1)
            message = "this quote ends the text, and more follows"
            double = "double the ' inside" if quote == "'" else "use single quotes around it"
            hint = f"{double}, or write {fresh}" if quote == "'" else f"write {fresh}"
            yield _slip(source, line, start, end + 1, fresh, message, hint)._replace(mark=Mark(line, at))


def _signs_of_numbers(source: SourceText, line: int, text: str) -> Iterator[_Slip]:
    """`- 2` and `,4`, which YAML takes for something else."""
    for match in re.finditer(r"(?<=[:\[,] )\s*([-+] \d[\d.,]*%?|,\d+%?)(?=\s*(?:[,\]}#]|$))", text):
        if (meant := suggest_number(match[1])) and meant.text:
            message = f"expected a number, found '{match[1]}'"
            yield _slip(source, line, match.start(1), match.end(1), meant.text, message, meant.hint)


def _equals(source: SourceText, line: int, text: str) -> Iterator[_Slip]:
    """`persistence = 0.6` and `persistence 0.6`."""
    if match := re.match(rf"\s*(?:- )?({_KEY})(\s*:?=\s*|\s+)(?=\S)(.*)", text):
        value = match[3].strip()
        message = f"there is no ':' after '{match[1]}'"
        yield _slip(source, line, match.start(2), match.end(2), ": ", message, f"write {match[1]}: {value}")._replace(
            mark=Mark(line, match.start(1), match.end(1) - match.start(1))
        )
    if match := re.fullmatch(rf"\s*({_KEY})\s*", text):
        message = f"there is no ':' after '{match[1]}'"
        yield _slip(source, line, match.end(1), match.end(1), ":", message, f"write {match[1]}:")._replace(
            mark=Mark(line, match.start(1), match.end(1) - match.start(1))
        )


def _nested(source: SourceText, line: int, text: str) -> Iterator[_Slip]:
    """`early_election: pert: [1, 2, 3]`."""
    for match in re.finditer(rf"(?<=: )({_KEY}: (?:\[[^\]]*\]|{{[^}}]*}}))", text):
        fresh = f"{{{match[1]}}}"
        yield _slip(source, line, *match.span(1), fresh, "a map behind a key stands in braces", f"write {fresh}")
    entry = r"[a-z]\w*: [-+]?[\d.]+%?"
    if entries := re.match(rf"\s*(?:- )?{_KEY}: ({entry}(?:, {entry})*)\s*$", text):
        fresh = f"{{{entries[1]}}}"
        yield _slip(source, line, *entries.span(1), fresh, "a map behind a key stands in braces", f"write {fresh}")
    if plain := re.match(rf"\s*(?:- )?{_KEY}: ([^'\"\[{{|>&*!%@`].*: .*?)\s*$", text):
        fresh = _in_quotes(plain[1])
        yield _slip(source, line, *plain.span(1), fresh, "text that holds ': ' is written in quotes", f"write {fresh}")


def _in_quotes(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _brackets(source: SourceText, line: int, text: str) -> Iterator[_Slip]:
    """A bracket that is not closed in its line, or closed twice."""
    open_: list[tuple[str, int]] = []
    bare = re.sub(r"\"(?:[^\"\\]|\\.)*\"", lambda quoted: " " * len(quoted[0]), text)
    closing = {"{": "}", "[": "]"}
    for column, sign in enumerate(bare):
        if sign in closing:
            open_.append((sign, column))
        elif sign in "}]":
            if open_ and closing[open_[-1][0]] == sign:
                open_.pop()
            elif not open_:
                yield _slip(source, line, column, column + 1, "", f"nothing opens this '{sign}'", "remove it")
                return
            else:
                message = f"this '{open_[-1][0]}' is never closed"
                missing = closing[open_[-1][0]]
                found = _slip(source, line, column, column, missing, message, f"write '{missing}' before '{sign}'")
                yield found._replace(mark=Mark(line, open_[-1][1]))
                return
    if open_:
        missing = "".join(closing[sign] for sign, _ in reversed(open_))
        end = len(text.rstrip())
        sign, column = open_[-1]
        hint = f"end the line with '{missing}'"
        yield _slip(source, line, end, end, missing, f"this '{sign}' is never closed", hint)._replace(
            mark=Mark(line, column)
        )


def _commas(source: SourceText, line: int, text: str) -> Iterator[_Slip]:
    """A comma that is missing between two entries."""
    if not re.search(r"[{\[]", text):
        return
    if ";" in text:
        edits = tuple(
            source.replacement(source.line_starts[line] + at, source.line_starts[line] + at + 1, ",")
            for at, sign in enumerate(text)
            if sign == ";" and not any(left < at < right for left, right in _quoted_parts(text))
        )
        yield _Slip("a ';' can't stand here", "separate the entries by ','", Mark(line, text.index(";")), edits)
    for match in re.finditer(rf"(?<=[\w\]}}\"%])\s+(?={_KEY}:\s)", text):
        message = "a ',' is missing before this"
        found = _slip(source, line, match.start(), match.start(), ",", message, "separate the entries by ','")
        yield found._replace(mark=Mark(line, match.end()))


def _special(source: SourceText, line: int, text: str) -> Iterator[_Slip]:
    """A value that begins with a sign of YAML's own."""
    if listed := re.search(r"(?<=: )([\[{][^\]}]*[\]}] \w.*?)\s*$", text):
        fresh = _in_quotes(listed[1])
        message = f"a value that begins with '{listed[1][0]}' ends with its bracket"
        yield _slip(source, line, *listed.span(1), fresh, message, f"put the text in quotes: {fresh}")
    for match in re.finditer(r"(?<=: )([%@`&*!|>?,][^,\[\]{}]*?)(?=\s*(?:[,\]}]|$))", text):
        fresh = _in_quotes(match[1])
        message = f"no value can begin with this character, '{match[1][0]}'"
        yield _slip(source, line, *match.span(1), fresh, message, f"put the text in quotes: {fresh}")


# Quotes that are never closed


def _open_quotes(source: SourceText, line: int) -> Iterator[_Slip]:
    """Quotes that open in a line before, or in this one, and do not close there."""
    for at, column, quote in _unclosed(source.lines, line):
        text = source.lines[at]
        end = len(text.rstrip())
        message = "this quoted text is never closed"
        hint = f"add the closing {quote}"
        mark = Mark(at, column)
        inner = text[column + 1 : end]
        whole = text.rstrip()
        brackets = len(whole) - len(re.sub(r"[\]}]+$", "", whole))
        if re.match(rf"{_KEY}:\s", inner) and brackets:
            offset = source.line_starts[at] + column
            yield _Slip(
                message,
                f"remove the {quote}, or add the closing one",
                mark,
                (source.replacement(offset, offset + 1, ""),),
            )
        for back in dict.fromkeys((0, *range(brackets, 0, -1))):
            place = source.line_starts[at] + end - back
            yield _Slip(message, hint, mark, (source.replacement(place, place, quote),))


def _unclosed(lines: list[str], until: int) -> list[tuple[int, int, str]]:
    """Where quoted texts open that do not close in their line: the nearest first."""
    found = []
    for at in range(min(until, len(lines) - 1), -1, -1):
        text = lines[at]
        for match in re.finditer(r"(?:(?<=: )|(?<=- )|(?<=[\[{,])|(?<=, )|(?<=[\[{] ))(['\"])", text):
            quote, column = match[1], match.start(1)
            inside = any(start < column < end for start, end in _quoted_parts(text))
            pattern = r"(?:[^\"\\]|\\.)*\"" if quote == '"' else r"(?:[^']|'')*'(?!')"
            if not inside and re.compile(pattern).match(text, column + 1) is None:
                found.append((at, column, quote))
    return found


# Indents


def _indents(source: SourceText, line: int) -> Iterator[_Slip]:
    """Lines whose indent differs from that of their neighbours."""
    content = [at for at, text in enumerate(source.lines) if text.strip() and not text.lstrip().startswith("#")]
    if line not in content:
        content = sorted({*content, line})
    indents = {at: len(source.lines[at]) - len(source.lines[at].lstrip(" ")) for at in content}
    unit = _unit(indents.values())
    before = [at for at in reversed(content) if at <= line][:60]
    odd = [at for at in before if indents[at] % unit]
    for at in dict.fromkeys((*odd[:6], *before[:4])):
        yield from _indents_of(source, at, content, indents, unit)


def _unit(indents: Iterable[int]) -> int:
    """By how much most lines of the text are indented."""
    depths = [indent for indent in indents if indent]
    if not depths:
        return 2
    return next((unit for unit in (4, 3, 2) if sum(depth % unit == 0 for depth in depths) > 0.7 * len(depths)), 2)


def _indents_of(source: SourceText, at: int, content: list[int], indents: dict[int, int], unit: int) -> Iterator[_Slip]:
    number = content.index(at)
    own = indents[at]
    before = content[number - 1] if number else None
    after = content[number + 1] if number + 1 < len(content) else None
    text = source.lines[at]
    opens = re.search(r":\s*(?:#.*)?$", text) is not None
    levels = {0, *(indents[one] for one in content[max(0, number - 40) : number])}
    if before is not None and re.search(r":\s*(?:#.*)?$", source.lines[before]):
        levels |= {indents[before] + unit}
    if after is not None:
        levels |= {indents[after]}
    has_children = opens and after is not None and indents[after] > own
    block = list(takewhile(lambda one: indents[one] > own, content[number + 1 :]))
    near = sorted(levels - {own}, key=lambda level: (abs(level - own), -level))
    for level in near:
        if after is None or not has_children or indents[after] > level:
            yield _indented(source, [at], level - own, indents)
    for level in near if block and has_children else ():
        yield _indented(source, [at, *block], level - own, indents)


def _indented(source: SourceText, lines: list[int], shift: int, indents: dict[int, int]) -> _Slip:
    at = lines[0]
    own, wanted = indents[at], indents[at] + shift
    edits = []
    for one in lines:
        start = source.line_starts[one]
        cut = min(max(0, -shift), indents[one])
        edits.append(source.replacement(start, start + cut, " " * max(0, shift)))
    message = (
        f"this line is indented by {own} {'blank' if own == 1 else 'blanks'}, where {wanted} would fit its neighbours"
    )
    hint = "indent it like its neighbours"
    return _Slip(message, hint, Mark(at, 0, max(1, own)), tuple(edits))
