"""What the place of an answer allows: how wide it is and whether it shows colour."""

from __future__ import annotations

import os
import sys

from usru_scenarios.cli.output import Destination
from usru_scenarios.report import Layout

WIDTH = 80
"""Columns where nobody says how many there are."""

_NARROWEST, _WIDEST = 40, 400


def layout(target: Destination, *, wide: bool = False) -> Layout:
    """The layout for a target: COLUMNS, else the terminal's width, else 80; NO_COLOR and FORCE_COLOR are honoured.

    A file is never given colour.
    """
    return Layout(width=min(max(_width(target), _NARROWEST), _WIDEST), colour=_colour(target), wide=wide)


def _width(target: Destination) -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    if target.is_terminal:
        try:
            return os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH
        except (OSError, ValueError):
            return WIDTH
    return WIDTH


def _colour(target: Destination) -> bool:
    if target.path is not None or os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return target.is_terminal and os.environ.get("TERM") != "dumb"
