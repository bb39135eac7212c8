"""Ranked lists under a question: the first entries, and notes on what is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from usru_scenarios.report.document import Heading, Lines, Notes, Words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from usru_scenarios.report import Layout
    from usru_scenarios.report.document import Block, Table

Entry = TypeVar("Entry")


def shown(entries: Sequence[Entry], layout: Layout) -> Sequence[Entry]:
    """Those that are listed."""
    return entries[: layout.top or None]


def ranked(
    title: str, question: str, table: Table, entries: Sequence[object], layout: Layout, *notes: str
) -> tuple[Block, ...]:
    """A section: the question in a sentence, the table of the first entries, how many are left, and notes."""
    rest = len(entries) - len(shown(entries, layout))
    left = f"and {rest} more (--top 0 for all)" if rest else ""
    return Heading(title), Lines((Words(question),)), table, Notes(notes, left)


def difference(value: float, decimals: int) -> str:
    """A change with its sign; without one where rounding leaves nothing."""
    text = f"{value:+.{decimals}f}"
    return text if text.strip("+-0.") else text[1:]


def narrowed(name: str, width: int) -> str:
    """A name at the head of a narrow column: a line for each word, cut where it must be."""
    return "\n".join(word if len(word) <= width else f"{word[: width - 1]}." for word in name.split("_"))
