"""Reports in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.problems import printable
from usru_scenarios.report.document import Heading, Items, Lines, Notes, Words, footer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from usru_scenarios.report.document import Block, Cell, Report, Table


def md(report: Report) -> str:
    """A report whose parts are set apart by a blank line each."""
    paragraphs = ["\n".join(part) for part in map(list, _parts(report)) if any(part)]
    return "\n\n".join(paragraphs) + "\n"


def _parts(report: Report) -> Iterator[Iterable[str]]:
    yield [f"# {escaped(report.title)}"]
    yield [escaped(f"{report.subtitle.removesuffix('.')}.")]
    yield (f"- {kind}: {escaped(text)} ({meaning})" for kind, text, meaning in report.conditions)
    yield [escaped(report.lead)]
    if report.picture is not None:
        yield [f"![{escaped(report.picture.text)}](<{report.picture.address}>)"]
    yield from map(_block, report.blocks)
    verdict = f"**{report.verdict}**" if report.verdict else ""
    yield [" ".join(filter(None, (verdict, *map(escaped, footer(report)))))]
    yield [escaped(report.citation)]


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading(text):
            yield f"## {escaped(text)}"
        case Lines(lines, listed):
            shown = [_cell(line) for line in lines]
            yield from (f"- {line}" for line in shown) if listed else [" ".join(shown)]
        case Notes(notes, left):
            rest = left and f"{left[:1].upper()}{left[1:]}."
            yield escaped(" ".join(filter(None, (rest, *notes))))
        case Items(items):
            for item in items:
                head = " ".join(_cell(part) for part in item.head)
                yield f"- {head}{' ' if item.whole else ''}{escaped(item.whole)}"
                for point, note in item.points:
                    yield f"  - {_cell(point)}{f' ({escaped(note)})' if note else ''}"
        case _:
            yield from _rows(block)


def _rows(table: Table) -> Iterator[str]:
    columns = [column for column in table.columns if column.kind != "drawing"]
    heads = (column.head if column.label is None else column.label for column in columns)
    yield row(map(_cell, heads))
    yield row("---:" if column.kind == "number" else "---" for column in columns)
    for cells in filter(None, table.rows):
        shown = zip(table.columns, cells, strict=True)
        yield row(_cell(cell) for column, cell in shown if column.kind != "drawing")


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return escaped(cell)
    if not isinstance(cell, Words):
        return " ".join(map(_cell, cell))
    return f"`{cell.text}`" if cell.mark == "`" else f"{cell.mark}{escaped(cell.text)}{cell.mark}"


def row(cells: Iterable[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """Text of the file that can't break the table or be taken for markup."""
    flat = " ".join(printable(text).split())
    for sign in "\\|*_`<>[]#":
        flat = flat.replace(sign, f"\\{sign}")
    return flat
