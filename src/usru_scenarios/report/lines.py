"""Reports that are lines of text and nothing else, as terminals show them.

They are drawn as `report/terminal.py` draws them, which draws all reports: by rich, whose import takes as long as a
third of numpy's. An answer to a query is a few lines, and with this it does without.
"""

from __future__ import annotations

import re
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from usru_scenarios.report import document
from usru_scenarios.report.document import StyledText, single_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from usru_scenarios.report import Layout

Line = tuple[StyledText, ...]
"""The texts of a line, from left to right, each with its style."""

BLANK: Line = ()

SGR = {"": "", "bold": "1", "dim": "2", "cyan": "36", "bold cyan": "1;36"}
"""The codes by which terminals know the styles of such lines."""

SINGLE_WIDTH = r"[ -~\xa1-\xac\xae-\u02ff\u0370-\u0482\u2010-\u2027\u2030-\u205e\u2190-\u2193\u2248\u2260-\u2265]*"
"""Signs of which each takes up one column."""


def head_lines(report: document.Report) -> Iterator[Line]:
    """The lines above the body of a report."""
    yield _styled_line(report.title, "bold")
    yield _styled_line(report.subtitle, "dim")
    for kind, text, meaning in report.conditions:
        yield StyledText(f"{kind}  ", "cyan"), *_styled_line(text), StyledText(f"  {meaning}", "dim")
    if report.lead:
        yield from (BLANK, _styled_line(report.lead))


def block_lines(block: document.Block) -> Iterator[Line] | None:
    """The lines of a block, the first blank that sets it apart; None where it is a table or a list."""
    match block:
        case document.Notes(notes, omitted):
            above = [_styled_line(omitted, "dim")] if omitted else []
            return chain(above, [BLANK], (_styled_line(note, "dim") for note in notes))
        case document.Heading(text, style):
            return iter((BLANK, _styled_line(text, style)))
        case document.Lines(lines):
            return chain([BLANK], (_styled_line(*line[:2]) for line in lines))
    return None


def footer_lines(report: document.Report, width: int) -> Iterator[Line]:
    """The lines below the body of a report in a terminal of such a width."""
    texts = document.footer_lines(report, width)
    if texts:
        yield BLANK
    if report.verdict:
        yield _styled_line(report.verdict, "bold")
    yield from (_styled_line(text, "dim") for text in (*texts, report.citation, report.more) if text)


def join_parts(parts: Sequence[StyledText]) -> Line:
    """A line of parts with two blanks between them; one behind a colon."""
    line: list[StyledText] = []
    for number, part in enumerate(parts):
        if number:
            line.append(StyledText(" " if parts[number - 1].text.endswith(":") else "  "))
        line += _styled_line(part.text, part.style)
    return tuple(line)


def _styled_line(text: str, style: str = "") -> Line:
    """Text of a file as it may be shown: in one line, without signs that would steer the terminal."""
    return (StyledText(single_line(text), style),)


def render_lines(report: document.Report, layout: Layout) -> str | None:
    """A report of lines alone, drawn to the width of the layout; None where it needs more than this can draw.

    Too much are tables, lists, signs that take up two columns or none, and words too long for a line.
    """
    blocks = [block_lines(block) for block in report.blocks]
    lines = list(chain(head_lines(report), *(lines or () for lines in blocks), footer_lines(report, layout.width)))
    texts = ["".join(part.text for part in line) for line in lines]
    styles = {part.style for line in lines for part in line}
    if (
        None in blocks
        or not all(re.fullmatch(SINGLE_WIDTH, text) for text in texts)
        or max((len(word) for text in texts for word in text.split()), default=0) > layout.width
        or not styles <= SGR.keys()
    ):
        return None
    return "".join(
        f"{_cut_line(line, start, min(end, start + layout.width), colour=layout.colour).rstrip()}\n"
        for line, text in zip(lines, texts, strict=True)
        for start, end in pairwise(_line_breaks(text, layout.width))
    )


def _line_breaks(text: str, width: int) -> Iterator[int]:
    """Where the lines begin that a text is broken into, and its end."""
    yield 0
    length = 0
    for word in re.finditer(r"\s*\S+\s*", text):
        if length and length + len(word[0].rstrip()) > width:
            yield word.start()
            length = 0
        length += len(word[0])
    yield len(text)


def _cut_line(line: Line, start: int, end: int, *, colour: bool) -> str:
    """A part of a line; each text of it stands between signs that switch its style on and off."""
    parts, offset = [], 0
    for text, style, _ in line:
        part = text[max(start - offset, 0) : max(end - offset, 0)]
        offset += len(text)
        parts.append(f"\x1b[{SGR[style]}m{part}\x1b[0m" if part and style and colour else part)
    return "".join(parts)
