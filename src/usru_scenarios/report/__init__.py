"""Results to text: pure functions, found by the name of the format; nothing here prints.

The functions of a format live in the module that is named here and are imported when they are asked for: data formats
must not pay for what draws tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from usru_scenarios.results.simulate import Simulation


@dataclass(frozen=True)
class Layout:
    """What the place of an answer allows.

    Attributes:
        width: columns of text.
        colour: whether colour and weight of type may be used.
        wide: in rows of data, put the steps in columns.
        top: at most so many entries of each list for people; 0 for all.
    """

    width: int = 80
    colour: bool = False
    wide: bool = False
    top: int = 0


SIMULATION = {"table": "simulate", "json": "data", "ndjson": "data", "csv": "data", "md": "markdown"}
"""The formats of a simulation, and the modules that have a function for each, named as the format is."""

WIDE = ("ndjson", "csv")
"""The formats that can put the steps in columns."""


TABULAR = ("table", "json", "csv", "md")
"""The formats of answers that are tables of numbers."""

REPORTS = ("table", "json", "md")
"""The formats of all other answers."""


class ReportedResult(Protocol):
    """An answer that has a JSON form."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as plain data."""


def render_report(result: ReportedResult, home: str, form: str, layout: Layout) -> str:
    """An answer in one of its formats, ending in a line break; `home` is the module that has the functions for text."""
    if form == "json":
        from usru_scenarios.report.data import to_json

        return to_json(result.to_dict())
    function = cast("Callable[[ReportedResult, Layout], str]", getattr(import_module(f"{__name__}.{home}"), form))
    return function(result, layout)


def render_simulation(result: Simulation, form: str, layout: Layout) -> str:
    """A simulation in one of its formats, ending in a line break."""
    home = import_module(f"{__name__}.{SIMULATION[form]}")
    function = cast("Callable[[Simulation, Layout], str]", getattr(home, form))
    return function(result, layout)
