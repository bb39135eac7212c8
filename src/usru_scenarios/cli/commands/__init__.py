"""The commands, each a function of the same name in a module of its own."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

GROUPS = {
    "Ask how likely": ("simulate", "ask", "compare", "sweep"),
    "Ask why, and what matters": ("explain", "sensitivity", "watch", "check"),
    "Keep a forecast": ("evidence", "ledger"),
    "Look at the file": ("validate", "show", "sources", "schema"),
    "Start or mend a file": ("new", "calibrate"),
    "Show it to others": ("report", "plot", "page"),
}
"""By what they are for, in the order in which a user meets them; a new command is a module and a word here."""

COMMANDS = tuple(name for names in GROUPS.values() for name in names)


def summary(name: str) -> str:
    """What a command does: the first line of its description."""
    return (command_function(name).__doc__ or "").partition("\n")[0]


def command_function(name: str) -> Callable[..., None]:
    """The function that describes a command; only that of a command which is called or listed is imported."""
    function: Callable[..., None] = getattr(import_module(f"{__name__}.{name}"), name)
    return function
