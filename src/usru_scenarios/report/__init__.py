"""Results to text: pure functions; nothing here prints.

What draws a format is imported when the format is asked for: data formats must not pay for what draws tables. The
builders of reports read results only, and `document` says what a report is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from usru_scenarios.report.data import Rows
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


SIMULATION = ("table", "json", "ndjson", "csv", "md")
"""The formats of a simulation."""

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


class Builders(NamedTuple):
    """What is made of a result: a report for people, and where it is a table of numbers, rows of data."""

    report: Callable[[Any, Layout], Report]
    rows: Callable[[Any, Layout], Rows] | None = None


def _ask() -> Builders:
    from usru_scenarios.report import ask

    return Builders(ask.report)


def _check() -> Builders:
    from usru_scenarios.report import check

    return Builders(check.report, check.rows)


def _compare() -> Builders:
    from usru_scenarios.report import compare

    return Builders(compare.report, compare.rows)


def _explain() -> Builders:
    from usru_scenarios.report import explain

    return Builders(explain.report)


def _sensitivity() -> Builders:
    from usru_scenarios.report import sensitivity

    return Builders(sensitivity.report, sensitivity.rows)


def _simulate() -> Builders:
    from usru_scenarios.report import simulate

    return Builders(simulate.report, simulate.rows)


def _sources() -> Builders:
    from usru_scenarios.report import directions

    return Builders(directions.report, directions.rows)


def _sweep() -> Builders:
    from usru_scenarios.report import sweep

    return Builders(sweep.report, sweep.rows)


def _watch() -> Builders:
    from usru_scenarios.report import watch

    return Builders(watch.report, watch.rows)


_BUILDERS: Mapping[str, Callable[[], Builders]] = {
    "ask": _ask,
    "check": _check,
    "compare": _compare,
    "explain": _explain,
    "sensitivity": _sensitivity,
    "simulate": _simulate,
    "sources": _sources,
    "sweep": _sweep,
    "watch": _watch,
}
"""What loads the builders of the answer to each question."""


def render_report(result: ReportedResult, question: str, form: str, layout: Layout) -> str:
    """The answer to a question in one of its formats, ending in a line break."""
    from usru_scenarios.report import data

    if form == "json":
        return data.to_json(result.to_dict())
    builders = _BUILDERS[question]()
    if form in ("csv", "ndjson"):
        assert builders.rows is not None, f"{question} has no rows"
        return (data.csv if form == "csv" else data.ndjson)(builders.rows(result, layout))
    if form == "md":
        from usru_scenarios.report.markdown import md

        return md(builders.report(result, replace(layout, width=0)))
    from usru_scenarios.report.terminal import table

    return table(builders.report(result, layout), layout)
