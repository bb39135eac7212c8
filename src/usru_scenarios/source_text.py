"""Texts that are read, and places in them: of files, of arguments, of queries."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.problems import Problem, QueryError, Replacement, Span

_LINE_BREAK = "\r\n|[\r\n\x85\u2028\u2029]"
"""What ends a line for YAML, and so for all texts."""


class Mark(NamedTuple):
    """A place by line and column, both from 0, and the number of characters meant; a `block` spans several lines."""

    line: int
    column: int
    width: int = 1
    block: bool = False


@dataclass(frozen=True)
class SourceText:
    """A text and the name that messages give it; `folder` is what its relative paths are relative to."""

    name: str
    text: str
    folder: Path = field(default_factory=Path)

    @cached_property
    def lines(self) -> list[str]:
        """The lines, without what ends them."""
        return re.split(_LINE_BREAK, self.text)

    @cached_property
    def line_starts(self) -> list[int]:
        """The offset of each line."""
        return [0, *(match.end() for match in re.finditer(_LINE_BREAK, self.text))]

    def offset(self, mark: Mark) -> int:
        """Where a mark begins."""
        return self.line_starts[mark.line] + mark.column

    def mark(self, start: int, end: int) -> Mark:
        """What stands between two offsets; of several lines the part on the first."""
        line = bisect_right(self.line_starts, start) - 1
        column = start - self.line_starts[line]
        return Mark(line, column, max(1, min(end - start, len(self.lines[line]) - column)))

    def span(self, mark: Mark) -> Span:
        """A mark of this text as a place that can be shown."""
        text = self.lines[mark.line] if mark.line < len(self.lines) else ""
        return Span(self.name, mark.line + 1, mark.column + 1, max(1, mark.width), text)

    def replacement(self, start: int, end: int, text: str) -> Replacement:
        """What puts another text between two offsets."""
        first, last = (bisect_right(self.line_starts, offset) - 1 for offset in (start, end))
        column, end_column = start - self.line_starts[first] + 1, end - self.line_starts[last] + 1
        return Replacement(first + 1, column, last + 1, end_column, text)

    def apply_edits(self, edits: Iterable[Replacement]) -> str:
        """The text after some edits."""
        parts, done = [], 0
        for edit in sorted(set(edits), key=lambda edit: (edit.line, edit.column)):
            start = self.line_starts[edit.line - 1] + edit.column - 1
            end = self.line_starts[edit.end_line - 1] + edit.end_column - 1
            if start >= done:  # of two that overlap the first is made
                parts += [self.text[done:start], edit.text]
                done = end
        return "".join([*parts, self.text[done:]])

    def error(self, code: str, message: str, start: int, end: int, hint: str = "") -> QueryError:
        """An error about what stands between two offsets."""
        return QueryError(Problem(code, message, self.span(self.mark(start, end)), hint))

    def text_between(self, start: int, end: int) -> str:
        """What stands between two offsets, on one line and with single blanks."""
        return " ".join(self.text[start:end].split())
