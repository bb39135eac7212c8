"""A report as values, which the writers for terminals and for Markdown draw; and how wide its columns are.

A builder makes the report of a result for a width; without one, as in Markdown, it has what fits into no terminal too.
Texts are as in the file: the writers make them safe. Styles are those of the terminal, marks those of Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Literal, NamedTuple

GAP = 2
"""Blank columns between two columns of a table."""


class StyledText(NamedTuple):
    """A text with its style in a terminal and the mark that is put around it in Markdown."""

    text: str
    style: str = ""
    mark: str = ""


class Heading(NamedTuple):
    """The head of a section."""

    text: str
    style: str = "bold cyan"


class Lines(NamedTuple):
    """Lines below each other; in Markdown a paragraph, or a list."""

    lines: tuple[StyledText, ...]
    as_list: bool = False


class Notes(NamedTuple):
    """Notes on a table: directly below it how many entries it leaves out, then what its numbers mean."""

    notes: tuple[str, ...]
    omitted: str = ""


class Item(NamedTuple):
    """An item of a list: its head, a summary, and its points, each with a note."""

    head: tuple[StyledText, ...]
    points: tuple[tuple[StyledText, str], ...] = ()
    summary: str = ""


class Items(NamedTuple):
    """A list whose items have points; in a terminal with or without dashes."""

    items: tuple[Item, ...]
    dashes: bool = False


Cell = str | StyledText | tuple[StyledText, ...]
Row = tuple[Cell, ...]


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        head: its lines.
        kind: text; numbers, which stand to the right in one line; a drawing, for terminals alone; or notes, which
            terminals put below the first text of the row that is not whole.
        label: its head in Markdown, where it is not that of the terminal.
        width, min_width: its columns in a terminal, or the fewest.
        takes_rest: it takes the columns that are left.
        folds: words that are too long for it are broken.
        no_wrap: its texts stand in one line each.
        multiline: its texts are given in lines.
        style: of its cells in a terminal.
        rank: where there is no room for all columns of a terminal, those of the highest rank are left out first; those
            of rank 0 always stand.
        drop_noted: where it is left out, a line below the table says so: the others say less without it.
    """

    head: str = ""
    kind: Literal["text", "number", "drawing", "notes"] = "text"
    label: Cell | None = None
    width: int | None = None
    min_width: int | None = None
    takes_rest: bool = False
    folds: bool = False
    no_wrap: bool = False
    multiline: bool = False
    style: str = ""
    rank: int = 0
    drop_noted: bool = False


class Table(NamedTuple):
    """Rows of cells, one for each column; an empty row sets parts of the table apart in a terminal."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    has_header: bool = True


class Legend(NamedTuple):
    """A part of a line below the body that speaks of columns, by their heads; and what is said where none stands."""

    text: str
    heads: tuple[str, ...]
    otherwise: str = ""


FooterLine = str | tuple[str | Legend, ...]
"""A line below the body, or the parts of one."""

Block = Heading | Lines | Notes | Items | Table


class ShownCondition(NamedTuple):
    """A condition of an answer: of which kind, as written, and what the kind means."""

    kind: str
    text: str
    meaning: str


class Figure(NamedTuple):
    """A picture that stands before the body, for formats that can hold one.

    Attributes:
        text: what it shows, for those who can't see it.
        address: where it is, or all of it as a `data:` address.
        narrow: another one for narrow screens, likewise; empty where there is none.
    """

    text: str
    address: str
    narrow: str = ""


class Report(NamedTuple):
    """All that is said of a result.

    Attributes:
        title, subtitle: its head.
        blocks: its body.
        footer: how it was found and what it means.
        lead: what it comes down to, in a sentence.
        conditions: the interventions and observations.
        verdict: what comes down to one sentence, before the footer.
        more: where more is to be had, for terminals.
        citation: the line to cite.
        picture: what it looks like.
    """

    title: str
    subtitle: str
    blocks: Sequence[Block]
    footer: Sequence[FooterLine]
    lead: str = ""
    conditions: Sequence[ShownCondition] = ()
    verdict: str = ""
    more: str = ""
    citation: str = ""
    picture: Figure | None = None


def paragraph(text: str, style: str = "") -> Lines:
    """A single line of text."""
    return Lines((StyledText(text, style),))


def bullets(texts: Iterable[str]) -> Lines:
    """A list of texts."""
    return Lines(tuple(map(StyledText, texts)), as_list=True)


def name_column(head: str = "", label: Cell | None = None) -> Column:
    """A column of names that takes what the numbers leave."""
    return Column(head, label=label, takes_rest=True, folds=True)


def number_columns(heads: Iterable[str]) -> list[Column]:
    """Columns of numbers."""
    return [Column(head, "number") for head in heads]


def number_column_widths(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """The width in a terminal of each column of numbers, its head included."""
    return [
        max(cell_len(text) for text in (*head.split("\n"), *(row[place] for row in rows)))
        for place, head in enumerate(heads)
    ]


def drop_columns(table: Table, width: int) -> Table:
    """A table without the columns for which a terminal of such a width has no room, so that no number is cut."""
    kept_places = list(range(len(table.columns)))
    needed = [_min_width(column, _column_cells(table, place)) for place, column in enumerate(table.columns)]
    while total_width(needed[place] for place in kept_places if needed[place]) - GAP > width:
        last_rank = max(table.columns[place].rank for place in kept_places)
        if not last_rank:
            break
        kept_places = [place for place in kept_places if table.columns[place].rank < last_rank]
    if len(kept_places) == len(table.columns):
        return table
    rows = [[row[place] for place in kept_places] if row else row for row in table.rows]
    return Table([table.columns[place] for place in kept_places], rows, table.has_header)


def join_footer_line(line: FooterLine, shown_heads: Collection[str] | None = None) -> str:
    """A line below the body where the columns with these heads stand; by default all of which it speaks."""
    if isinstance(line, str):
        return line
    parts: list[str] = []
    for part in line:
        if isinstance(part, str):
            parts.append(part)
        else:
            is_shown = shown_heads is None or any(head in shown_heads for head in part.heads)
            parts.append(part.text if is_shown else part.otherwise)
    return "".join(parts).strip()


def footer_lines(report: Report, width: int = 0) -> list[str]:
    """The lines below the body, without what they say of columns for which a terminal of such a width has no room."""
    if all(isinstance(line, str) for line in report.footer):
        return list(map(join_footer_line, report.footer))
    tables = [block for block in report.blocks if isinstance(block, Table)]
    heads = {column.head for table in tables for column in (drop_columns(table, width) if width else table).columns}
    return [joined for line in report.footer if (joined := join_footer_line(line, heads))]


def column_widths(table: Table, width: int) -> list[int]:
    """The width in a terminal of each column that is no notes: what it needs, where there is room."""
    places = [place for place, column in enumerate(table.columns) if column.kind != "notes"]
    widths = {place: _natural_width(table, place) for place in places}
    for place in places:
        if table.columns[place].takes_rest:
            rest = width - total_width(widths[other] for other in places if other != place)
            widths[place] = max(min(rest, widths[place]), min(widths[place], _LONGEST_WORD))
    return [widths[place] for place in places]


def describe_dropped_columns(table: Table, fitted: Table) -> str:
    """A sentence on the columns that a table has lost for want of room; nothing where none is missed."""
    kept_heads = {column.head for column in fitted.columns}
    missed = [single_line(each.head) for each in table.columns if each.drop_noted and each.head not in kept_heads]
    return f"No room for {', '.join(missed)}: a wider terminal or --json." if missed else ""


_BREAKS = re.compile(r"(?<=[_.=/(|-])")
"""Where a name, a path or a query may be broken: behind what joins its parts."""


def insert_breaks(text: str, width: int) -> str:
    """A text in which words that are too long for a line of such a width have a blank where they are to be broken.

    What stands before the blank fills a line as far as its parts allow, so that both sides of it never share one.
    """
    return " ".join(" ".join(_split_word(word, width)) if cell_len(word) > width else word for word in text.split(" "))


_MIN_PIECE = 6


def _split_word(word: str, width: int) -> list[str]:
    pieces = [""]
    for part in _BREAKS.split(word):
        if pieces[-1] and cell_len(pieces[-1] + part) > width:
            pieces.append("")
        pieces[-1] += part
    return pieces


def break_long_names(table: Table, width: int) -> Table:
    """A table whose column of names has its long ones broken where their parts join, if there is no room for them."""
    folding = [place for place, column in enumerate(table.columns) if column.folds]
    candidates = [place for place in folding if table.columns[place].takes_rest] or folding
    if len(candidates) != 1:
        return table
    (place,) = candidates
    column = table.columns[place]
    others = [other for other, column in enumerate(table.columns) if column.kind != "notes" and other != place]
    available = width - total_width(_natural_width(table, other) for other in others)
    room = min(_natural_width(table, place), available)
    words = [word for cell in _column_cells(table, place) for word in single_line(_plain_text(cell)).split()]
    fits = room == (column.width or room) and all(cell_len(word) <= room for word in words)
    if fits or room < _MIN_PIECE:
        return table
    columns, rows = list(table.columns), [list(row) for row in table.rows]
    columns[place] = column._replace(width=room, takes_rest=False)
    for row in filter(None, rows):
        cell = row[place]
        if isinstance(cell, StyledText):
            row[place] = cell._replace(text=insert_breaks(cell.text, room))
        elif isinstance(cell, str):
            row[place] = insert_breaks(cell, room)
    return Table(columns, rows, table.has_header)


def _column_cells(table: Table, place: int) -> list[Cell]:
    return [row[place] for row in table.rows if row]


def _cell_lines(column: Column, cells: Sequence[Cell]) -> list[str]:
    return [line for text in (column.head, *map(_plain_text, cells)) for line in text.split("\n")]


def _natural_width(table: Table, place: int) -> int:
    """The width in a terminal of the longest line of a column."""
    column = table.columns[place]
    if column.width is not None:
        return column.width
    return max(column.min_width or 0, *map(cell_len, _cell_lines(column, _column_cells(table, place))))


_LONGEST_WORD = 14
"""Longer ones are broken where columns of numbers need the room."""


def _min_width(column: Column, cells: Sequence[Cell]) -> int:
    """The least width in a terminal: for numbers that of the longest, for texts that of the longest word."""
    if column.kind == "notes":
        return 0
    if column.kind == "drawing":
        return column.width or 0
    least, lines = column.min_width or 0, _cell_lines(column, cells)
    if column.kind == "number" or column.no_wrap:
        return max(least, *map(cell_len, lines))
    words = (word for line in lines for word in single_line(line).split())
    longest = min(max(map(cell_len, words), default=0), _LONGEST_WORD)
    return max(least, longest if column.width is None else min(longest, column.width))


def _plain_text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    return cell.text if isinstance(cell, StyledText) else ""


def total_width(widths: Iterable[int]) -> int:
    """The columns of a terminal that columns of such widths take behind another one."""
    return sum(GAP + width for width in widths)


def cell_len(text: str) -> int:
    """The columns of a terminal that a text takes."""
    from rich.cells import cell_len

    return cell_len(text)


def single_line(text: str) -> str:
    """Text of a file as it may be shown: in one line, without signs that would steer the terminal."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def claim_blocks(cited: Iterable[str], texts: dict[str, str]) -> list[Block]:
    """What the cited claims say, below a heading; nothing where no text of them is known."""
    lines = [f"{claim}: {texts[claim]}" for claim in dict.fromkeys(cited) if claim in texts]
    return [Heading("What the claims say"), bullets(lines)] if lines else []
