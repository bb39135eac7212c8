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


WIDE = ("ndjson", "csv")
"""The formats that can put the steps in columns."""


TABULAR = ("table", "json", "ndjson", "csv", "md")
"""The formats of answers that are tables of numbers."""

LISTS = ("table", "json", "ndjson", "csv")
"""The formats of what is told of a file."""

PARTS = (*LISTS, "yaml")
"""The formats of what a file says; the last is the file itself, resolved."""

REPORTS = ("table", "json", "md")
"""The formats of answers that are reports in words."""


class ReportedResult(Protocol):
    """An answer that has a JSON form."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as plain data."""


class Builders(NamedTuple):
    """What is made of a result: a report for people, or its text in a terminal, and rows of data."""

    report: Callable[[Any, Layout], Report | str]
    rows: Callable[[Any, Layout], Rows] | None = None


def _ask() -> Builders:
    from usru_scenarios.report import ask

    return Builders(ask.report, ask.rows)


def _answers() -> Builders:
    from usru_scenarios.report import answers

    return Builders(answers.report, answers.rows)


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
    "answers": _answers,
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


def render_report(result: ReportedResult, question: str | Builders, form: str, layout: Layout) -> str:
    """The answer to a question, or what is built of it, in one of its formats, ending in a line break."""
    from usru_scenarios.report import data

    if form == "json":
        return data.to_json(result.to_dict())
    builders = _BUILDERS[question]() if isinstance(question, str) else question
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
    from usru_scenarios.report.terminal import table

    return table(made, layout)
