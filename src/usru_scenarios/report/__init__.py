"""Results to text: pure functions; nothing here prints.

What draws a format is imported when the format is asked for: data formats must not pay for what draws tables. The
builders of reports read results only, and `document` says what a report is.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from usru_scenarios.light_dataclasses import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from usru_scenarios.report.data import Datum, Rows
    from usru_scenarios.report.document import Report


@dataclass(frozen=True)
class Layout:
    """What the place of an answer allows.

    Attributes:
        width: columns of text; 0 where lines have no end, as in Markdown.
        colour: whether colour and weight of type may be used.
        wide: in rows of data, put the steps in columns.
        top: at most so many entries of each list for people; 0 for all.
    """

    width: int = 80
    colour: bool = False
    wide: bool = False
    top: int = 0


WIDE = ("ndjson", "csv")
"""The formats that can put the steps in columns."""


TABULAR = ("table", "json", "ndjson", "csv", "md")
"""The formats of answers that are tables of numbers."""

LISTS = ("table", "json", "ndjson", "csv")
"""The formats of what is told of a file."""

PARTS = (*LISTS, "md", "yaml")
"""The formats of what a file says; the last is the file itself, resolved."""


class ReportedResult(Protocol):
    """An answer that has a JSON form."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as plain data."""


class Builders(NamedTuple):
    """What is made of a result: a report for people, or its text in a terminal, and rows of data."""

    report: Callable[[Any, Layout], Report | str]
    rows: Callable[[Any, Layout], Rows] | None = None


_MODULES = {
    "Answer": "ask",
    "Answers": "answers",
    "Calibration": "calibrate",
    "CheckReport": "check",
    "Comparison": "compare",
    "DirectionsReport": "directions",
    "EvidenceReport": "evidence",
    "Explanation": "explain",
    "Sensitivity": "sensitivity",
    "Simulation": "simulate",
    "Sweep": "sweep",
    "Watch": "watch",
}
"""The module that makes the report of each result."""


def _builders(module: str) -> Builders:
    """What a module makes of its result: `report`, and `rows` where the result is a table of numbers."""
    found = import_module(f"{__name__}.{module}")
    return Builders(found.report, getattr(found, "rows", None))


def _builders_of(result: object) -> Builders:
    """What is made of a result, by its type."""
    name = type(result).__name__
    if name in _MODULES:
        return _builders(_MODULES[name])
    from usru_scenarios.report import inventory, show, sources

    return Builders(show.overview, inventory.parts) if name == "Overview" else Builders(sources.text, inventory.sources)


def rows_of(result: object) -> list[dict[str, Datum]]:
    """The rows of data of a result, by the names of their columns."""
    rows = _builders_of(result).rows
    assert rows is not None, f"{type(result).__name__} has no rows"
    header, cells = rows(result, Layout())
    return [dict(zip(header, row, strict=True)) for row in cells]


def html_of(result: object) -> str:
    """A result as a part of a page in HTML."""
    from usru_scenarios.report.html import html, preformatted

    report = _builders_of(result).report
    if type(result).__name__ not in _MODULES:
        return preformatted(str(report(result, Layout())))
    made = report(result, Layout(width=0))
    assert not isinstance(made, str), f"{type(result).__name__} has no report"
    return html(made)


def render_report(result: ReportedResult, question: str | Builders, form: str, layout: Layout) -> str:
    """The answer to a question, or what is built of it, in one of its formats, ending in a line break."""
    from usru_scenarios.report import data

    if form == "json":
        return data.to_json(result.to_dict())
    builders = _builders(question) if isinstance(question, str) else question
    if form in ("csv", "ndjson"):
        assert builders.rows is not None, f"{question} has no rows"
        return (data.csv if form == "csv" else data.ndjson)(builders.rows(result, layout))
    if form == "md":
        from usru_scenarios.report.markdown import md

        made = builders.report(result, replace(layout, width=0))
        assert not isinstance(made, str), f"{question} has no Markdown"
        return md(made)
    if isinstance(made := builders.report(result, layout), str):
        return made
    from usru_scenarios.report import lines

    if (written := lines.drawn(made, layout)) is not None:
        return written
    from usru_scenarios.report.terminal import table

    return table(made, layout)
