"""Reports in HTML, as notebooks show them: parts of a page without style sheets, every text escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from usru_scenarios.problems import printable
from usru_scenarios.report.document import Heading, Items, Lines, Notes, Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from usru_scenarios.report.document import Block, Cell, Report, Table


def html(report: Report) -> str:
    """A report whose parts stand below each other."""
    return "".join(f"{part}\n" for part in _parts(report))


def preformatted(text: str) -> str:
    """A text whose lines and columns stay as they are."""
    return f"<pre>{escape(text)}</pre>\n"


def _parts(report: Report) -> Iterator[str]:
    yield f"<p><strong>{_text(report.title)}</strong><br>{_text(report.subtitle)}</p>"
    yield from _list(f"{kind}: {_text(text)} ({_text(meaning)})" for kind, text, meaning in report.conditions)
    yield from _paragraph(_text(report.lead))
    for block in report.blocks:
        yield from _block(block)
    yield from _paragraph(f"<strong>{_text(report.verdict)}</strong>" if report.verdict else "")
    yield from _small((*report.footer, report.citation))


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading(text):
            yield f"<p><strong>{_text(text)}</strong></p>"
        case Lines(lines, listed):
            shown = [_cell(line) for line in lines]
            yield from _list(shown) if listed else _paragraph("<br>".join(shown))
        case Notes(notes, left):
            yield from _small((left, *notes))
        case Items(items):
            for item in items:
                head = " ".join(map(_cell, item.head))
                yield from _paragraph(f"{head} {_text(item.whole)}")
                yield from _list(f"{_cell(point)}{f' ({_text(note)})' if note else ''}" for point, note in item.points)
        case _:
            yield "".join(_table(block))


def _table(table: Table) -> Iterator[str]:
    yield "<table>"
    heads = [column.head if column.label is None else column.label for column in table.columns]
    yield f"<thead>{_row('th', table, heads)}</thead><tbody>"
    yield from (_row("td", table, cells) for cells in table.rows if cells)
    yield "</tbody></table>"


def _row(tag: str, table: Table, cells: Iterable[Cell]) -> str:
    """A row without what is drawn for terminals; numbers stand to the right."""
    shown = (
        f'<{tag} style="text-align: {"right" if column.kind == "number" else "left"}">{_cell(cell)}</{tag}>'
        for column, cell in zip(table.columns, cells, strict=True)
        if column.kind != "drawing"
    )
    return f"<tr>{''.join(shown)}</tr>"


def _list(items: Iterable[str]) -> Iterator[str]:
    if shown := "".join(f"<li>{item}</li>" for item in items):
        yield f"<ul>{shown}</ul>"


def _paragraph(text: str) -> Iterator[str]:
    if text:
        yield f"<p>{text}</p>"


def _small(lines: Iterable[str]) -> Iterator[str]:
    if text := "<br>".join(_text(line) for line in lines if line):
        yield f"<p><small>{text}</small></p>"


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return _text(cell)
    if not isinstance(cell, Words):
        return " ".join(map(_cell, cell))
    text = _text(cell.text)
    match cell.mark:
        case "**":
            return f"<strong>{text}</strong>"
        case "`":
            return f"<code>{text}</code>"
        case "*":
            return f"<em>{text}</em>"
    return text


def _text(text: str) -> str:
    """Text of the file in one line, which can't be taken for markup."""
    return escape(" ".join(printable(text).split()))
