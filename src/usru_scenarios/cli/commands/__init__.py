"""The commands, each a function of the same name in a module of its own."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = (
    *("simulate", "ask", "compare", "sweep", "explain", "sensitivity", "watch", "check"),
    *("validate", "show", "sources", "schema", "new", "calibrate"),
)
"""In the order in which a user meets the questions they answer; a new one is a module and a word here."""


def described(name: str) -> Callable[..., None]:
    """The function that describes a command; only that of a command which is called or listed is imported."""
    function: Callable[..., None] = getattr(import_module(f"{__name__}.{name}"), name)
    return function
