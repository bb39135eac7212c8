"""Ranked lists under a question, as reports for people have them: the first entries, and notes on what is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from usru_scenarios.report.markdown import escaped, row
from usru_scenarios.report.terminal import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from usru_scenarios.report import Layout


def shown(count: int, layout: Layout) -> int:
    """How many of so many entries are told."""
    return min(count, layout.top) if layout.top else count


def rest(count: int, layout: Layout) -> str:
    """How many are not; empty where all are."""
    left = count - shown(count, layout)
    return f"and {left} more (--top 0 for all)" if left else ""


def difference(value: float, decimals: int) -> str:
    """A change with its sign; without one where rounding leaves nothing."""
    text = f"{value:+.{decimals}f}"
    return text if text.strip("+-0.") else text[1:]


def narrowed(name: str, width: int) -> str:
    """A name at the head of a narrow column: a line for each word, cut where it must be."""
    return "\n".join(word if len(word) <= width else f"{word[: width - 1]}." for word in name.split("_"))


def heading(title: str, sentence: str) -> Iterator[RenderableType]:
    """The question, and what it means in a sentence."""
    yield Text(f"\n{title}\n", "bold cyan")
    yield words(sentence)
    yield Text()


def foot(left: str, *notes: str) -> Iterator[RenderableType]:
    """How many entries are left, and what the numbers mean."""
    if left:
        yield words(left, "dim")
    yield Text()
    yield from (words(note, "dim") for note in notes)


def md_heading(title: str, sentence: str, names: Sequence[str], heads: Sequence[str]) -> Iterator[str]:
    """The same in Markdown, and the head of a table with columns of names and then of numbers."""
    yield from ("", f"## {title}", "", sentence, "")
    yield row([head.replace("\n", " ") for head in (*names, *heads)])
    yield row([*["---"] * len(names), *["---:"] * len(heads)])


def md_foot(left: str, *notes: str) -> Iterator[str]:
    """The same as `foot`."""
    yield from ("", escaped(" ".join(filter(None, [left and f"{left[:1].upper()}{left[1:]}.", *notes]))))
