"""Reports for terminals: drawn to a width, in colour or plain."""

from __future__ import annotations

import io
from itertools import takewhile
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from usru_scenarios.report import document, lines
from usru_scenarios.report.document import Column, Items, StyledText

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from usru_scenarios.report import Layout
    from usru_scenarios.report.document import Item, Report, Table


def render_terminal(report: Report, layout: Layout) -> str:
    """A report, drawn to the width of the layout."""
    return draw(list(_report_parts(report, layout.width)), layout)


def _report_parts(report: Report, width: int) -> Iterator[RenderableType]:
    """What is drawn; each block is set apart by a blank line."""
    yield from (_line_text(line, width) for line in lines.head_lines(report))
    for block in report.blocks:
        yield from _draw_block(block, width)
    yield from (_line_text(line, width) for line in lines.footer_lines(report, width))


def _draw_block(block: document.Block, width: int) -> Iterator[RenderableType]:
    if (plain_lines := lines.block_lines(block)) is not None:
        yield from (_line_text(line, width) for line in plain_lines)
        return
    yield Text()
    if isinstance(block, Items):
        for item in block.items:
            yield from _draw_item(item, width, dashes=block.dashes)
    else:
        assert isinstance(block, document.Table)
        yield from _draw_table(block, width)


def _line_text(line: lines.Line, width: int) -> Text:
    """A line of styled texts."""
    return Text.assemble(*((document.insert_breaks(part.text, width), part.style) for part in line))


def _draw_item(item: Item, width: int, *, dashes: bool) -> Iterator[RenderableType]:
    yield _line_text(lines.join_parts(item.head), width)
    if item.summary:
        yield indent(safe_text(document.insert_breaks(item.summary, width - 2)), 2)
    for point, note in item.points:
        yield indent(_dashed_point(point.text) if dashes else safe_text(*point[:2]), 2)
        if note:
            yield indent(safe_text(note, "dim"), 6)


def _dashed_point(text: str) -> Grid:
    """An item of a list behind a dash."""
    point = grid(header=False)
    point.add_column(width=1)
    point.add_column(overflow="fold")
    point.padding = (0, 1, 0, 0)
    point.add_row(Text("-", "dim"), safe_text(text, "dim"))
    return point


def _draw_table(table: Table, width: int) -> Iterator[RenderableType]:
    """A table without the columns that have no room; notes stand below their row, as wide as there is room."""
    fitted = document.break_long_names(document.drop_columns(table, width), width)
    yield from _draw_rows(fitted, width)
    if dropped := document.describe_dropped_columns(table, fitted):
        yield safe_text(dropped, "dim")


def _draw_rows(table: Table, width: int) -> Iterator[RenderableType]:
    if all(column.kind != "notes" for column in table.columns):
        yield _make_grid(table.columns, table.rows, header=table.has_header)
        return
    widths = iter(document.column_widths(table, width))
    columns = [
        column if column.kind == "notes" else column._replace(width=next(widths), takes_rest=False)
        for column in table.columns
    ]
    left = takewhile(lambda column: column.kind != "text" or column.no_wrap, columns)
    offset = sum(document.GAP + (column.width or 0) for column in left)
    if table.has_header:
        yield _make_grid(columns, (), header=True)
    for row in table.rows:
        yield _make_grid(columns, (row,), header=False)
        for note in _row_notes(columns, row):
            yield indent(_draw_note(note, width - offset), offset)


def _make_grid(columns: Sequence[Column], rows: Sequence[Sequence[document.Cell]], *, header: bool) -> Grid:
    table = grid(header=header)
    for column in columns:
        if column.kind != "notes":
            _add_column(table, column)
    for row in rows:
        table.add_row(*_draw_cells(columns, row))
    return table


def _row_notes(columns: Sequence[Column], row: Sequence[document.Cell]) -> Iterator[StyledText]:
    """The notes of a row, each in a line of its own."""
    for column, cell in zip(columns, row, strict=False):
        if column.kind == "notes":
            parts = (
                (StyledText(cell, "dim"),)
                if isinstance(cell, str)
                else (cell,)
                if isinstance(cell, StyledText)
                else cell
            )
            yield from (part for part in parts if part.text)


def _draw_note(note: StyledText, width: int) -> RenderableType:
    """A point behind a dash, or text; what is dim is indented."""
    if note.mark == "-":
        return _dashed_point(note.text)
    margin = 2 if note.style == "dim" else 0
    return indent(safe_text(document.insert_breaks(note.text, width - margin), note.style), margin)


def _add_column(rows: Grid, column: Column) -> None:
    rows.add_column(
        column.head,
        justify="right" if column.kind == "number" else "left",
        no_wrap=column.no_wrap or column.kind != "text",
        style="cyan" if column.kind == "drawing" else column.style,
        width=column.width,
        min_width=column.min_width,
        ratio=1 if column.takes_rest else None,
        overflow="fold" if column.folds else "ellipsis",
    )


def _draw_cells(columns: Sequence[Column], row: Sequence[document.Cell]) -> Iterator[RenderableType]:
    for column, cell in zip(columns, row, strict=False):
        if column.kind != "notes":
            assert isinstance(cell, str | StyledText)
            text, style, _ = StyledText(cell) if isinstance(cell, str) else cell
            if column.multiline:
                yield Text("\n").join(safe_text(line, style) for line in text.split("\n"))
            else:
                yield safe_text(text, style) if column.kind == "text" else Text(text, style)


def draw(parts: list[RenderableType], layout: Layout) -> str:
    """The parts one below the other, without blanks at the ends of lines.

    All that rich would else look up in the environment is given, so that the layout alone decides what is drawn.
    """
    console = Console(
        file=io.StringIO(),
        width=layout.width,
        height=25,  # which nothing here depends on
        force_terminal=layout.colour,
        color_system="standard" if layout.colour else None,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
        no_color=False,
        force_interactive=False,
        force_jupyter=False,
    )
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().split("\n")[:-1])


def safe_text(text: str, style: str = "") -> Text:
    """Text of a file as it may be shown: in one line, without signs that would steer the terminal."""
    return Text(document.single_line(text), style)


def indent(part: RenderableType, columns: int) -> Padding:
    """A part moved to the right."""
    return Padding(part, (0, 0, 0, columns))


def grid(*, header: bool = True) -> Grid:
    """A table without lines, whose columns are set apart by a gap."""
    return Grid(box=None, padding=(0, document.GAP, 0, 0), pad_edge=False, show_header=header, header_style="dim")
