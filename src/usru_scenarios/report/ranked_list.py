"""Ranked lists under a question: the first entries, and notes on what is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from usru_scenarios.report.document import Heading, Lines, Notes, StyledText

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from usru_scenarios.report import Layout
    from usru_scenarios.report.document import Block, Table

Entry = TypeVar("Entry")


def first_entries(entries: Sequence[Entry], layout: Layout) -> Sequence[Entry]:
    """Those that are listed."""
    return entries[: layout.top or None]


def ranked_section(
    title: str, question: str, table: Table, entries: Sequence[object], layout: Layout, *notes: str
) -> tuple[Block, ...]:
    """A section: the question in a sentence, the table of the first entries, how many are left, and notes."""
    rest = len(entries) - len(first_entries(entries, layout))
    left = f"and {rest} more (--top 0 for all)" if rest else ""
    return Heading(title), Lines((StyledText(question),)), table, Notes(notes, left)


def hyphenate(name: str, width: int) -> str:
    """A name at the head of a narrow column: a line for each word, or more where it is too long for one."""
    return "\n".join(piece for word in name.split("_") for piece in _pieces(word, width))


def _pieces(word: str, width: int) -> Iterator[str]:
    while len(word) > width > 1:
        yield f"{word[: width - 1]}-"
        word = word[width - 1 :]
    yield word
