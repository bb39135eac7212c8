"""Reports in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.problems import to_printable
from usru_scenarios.report.document import Heading, Items, Lines, Notes, StyledText, footer_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from usru_scenarios.report.document import Block, Cell, Report, Table


def render_markdown(report: Report) -> str:
    """A report whose parts are set apart by a blank line each."""
    paragraphs = ["\n".join(part) for part in map(list, _report_parts(report)) if any(part)]
    return "\n\n".join(paragraphs) + "\n"


def _report_parts(report: Report) -> Iterator[Iterable[str]]:
    yield [f"# {escape(report.title)}"]
    yield [escape(f"{report.subtitle.removesuffix('.')}.")]
    yield (f"- {kind}: {escape(text)} ({meaning})" for kind, text, meaning in report.conditions)
    yield [escape(report.lead)]
    if report.picture is not None:
        yield [f"![{escape(report.picture.text)}](<{report.picture.address}>)"]
    yield from map(_block_lines, report.blocks)
    verdict = f"**{report.verdict}**" if report.verdict else ""
    yield [" ".join(filter(None, (verdict, *map(escape, footer_lines(report)))))]
    yield [escape(report.citation)]


def _block_lines(block: Block) -> Iterator[str]:
    match block:
        case Heading(text):
            yield f"## {escape(text)}"
        case Lines(lines, as_list):
            texts = [_cell_text(line) for line in lines]
            yield from (f"- {text}" for text in texts) if as_list else [" ".join(texts)]
        case Notes(notes, omitted):
            first = omitted and f"{omitted[:1].upper()}{omitted[1:]}."
            yield escape(" ".join(filter(None, (first, *notes))))
        case Items(items):
            for item in items:
                head = " ".join(_cell_text(part) for part in item.head)
                yield f"- {head}{' ' if item.summary else ''}{escape(item.summary)}"
                for point, note in item.points:
                    yield f"  - {_cell_text(point)}{f' ({escape(note)})' if note else ''}"
        case _:
            yield from _table_rows(block)


def _table_rows(table: Table) -> Iterator[str]:
    columns = [column for column in table.columns if column.kind != "drawing"]
    heads = (column.head if column.label is None else column.label for column in columns)
    yield table_row(map(_cell_text, heads))
    yield table_row("---:" if column.kind == "number" else "---" for column in columns)
    for cells in filter(None, table.rows):
        pairs = zip(table.columns, cells, strict=True)
        yield table_row(_cell_text(cell) for column, cell in pairs if column.kind != "drawing")


def _cell_text(cell: Cell) -> str:
    if isinstance(cell, str):
        return escape(cell)
    if not isinstance(cell, StyledText):
        return " ".join(map(_cell_text, cell))
    return f"`{cell.text}`" if cell.mark == "`" else f"{cell.mark}{escape(cell.text)}{cell.mark}"


def table_row(cells: Iterable[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def escape(text: str) -> str:
    """Text of the file that can't break the table or be taken for markup."""
    flat = " ".join(to_printable(text).split())
    for sign in "\\|*_`<>[]#":
        flat = flat.replace(sign, f"\\{sign}")
    return flat
