"""Text for terminals: tables and paragraphs drawn to a width, in colour or plain."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import RenderableType

    from usru_scenarios.report import Layout

GAP = 2
"""Blank columns between two columns of a table."""

_HEIGHT = 25
"""Lines of a terminal, which nothing here depends on."""


def drawn(parts: list[RenderableType], layout: Layout) -> str:
    """The parts one below the other, without blanks at the ends of lines.

    All that rich would else look up in the environment is said, so that a layout alone decides what is drawn.
    """
    console = Console(
        file=io.StringIO(),
        width=layout.width,
        height=_HEIGHT,
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


def words(text: str, style: str = "") -> Text:
    """Text of a file as it may be shown: in one line, without signs that would steer the terminal."""
    flat = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return Text(flat, style)


def indented(part: RenderableType, columns: int) -> Padding:
    """A part moved to the right."""
    return Padding(part, (0, 0, 0, columns))


def grid(*, header: bool = True) -> Table:
    """A table without lines, whose columns are set apart by a gap."""
    return Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, show_header=header, header_style="dim")
