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
    """What the place where an answer is shown allows.

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


WIDE_FORMATS = ("ndjson", "csv")
"""The formats that can put the steps in columns."""


TABULAR_FORMATS = ("table", "json", "ndjson", "csv", "md")
"""The formats of answers that are tables of numbers."""

LIST_FORMATS = ("table", "json", "ndjson", "csv")
"""The formats of lists of what a file holds."""

PART_FORMATS = (*LIST_FORMATS, "md", "yaml")
"""The formats of what a file says; the last is the file itself, resolved."""


class ReportedResult(Protocol):
    """An answer that has a JSON form."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as plain data."""


class Builders(NamedTuple):
    """The functions that make the texts of a result.

    Attributes:
        report: for people; None where what is drawn for terminals is all that is said, and rows are tables elsewhere.
        rows: of data; None where it is no table.
        text: drawn for terminals, in the place of a report.
    """

    report: Callable[[Any, Layout], Report] | None = None
    rows: Callable[[Any, Layout], Rows] | None = None
    text: Callable[[Any, Layout], str] | None = None

    def build_rows(self, result: object, layout: Layout) -> Rows:
        """The rows of data of a result that has some."""
        assert self.rows is not None, f"{type(result).__name__} has no rows"
        return self.rows(result, layout)

    def build_report(self, result: Any, layout: Layout) -> Report:
        """The report on a result, or its rows as tables."""
        if self.report is not None:
            return self.report(result, layout)
        from usru_scenarios.report.inventory import build_tables

        return build_tables(result, self.build_rows(result, layout))


_BUILDER_NAMES = {
    "Answer": "ask",
    "Answers": "answers",
    "Attribution": "ledger.why",
    "Calibration": "calibrate",
    "CheckReport": "check",
    "Comparison": "compare",
    "DirectionsReport": "directions",
    "EvidenceReport": "evidence",
    "Explanation": "explain",
    "History": "ledger.history",
    "LedgerScore": "ledger.score",
    "Sensitivity": "sensitivity",
    "Simulation": "simulate",
    "Sweep": "sweep",
    "Verification": "ledger.verification",
    "Watch": "watch",
}
"""The module that makes `report` and `rows` of each result; or the function there, such as `why` beside `why_rows`."""


def _find_builders(result: object) -> Builders:
    """The builders of a result, by its type; none of rows where it is no table of numbers."""
    name = type(result).__name__
    if name in _BUILDER_NAMES:
        module_name, _, function = _BUILDER_NAMES[name].partition(".")
        module = import_module(f"{__name__}.{module_name}")
        rows = f"{function}_rows" if function else "rows"
        return Builders(getattr(module, function or "report"), getattr(module, rows, None))
    if name == "Overview":
        return Builders(rows=lazy_builder("inventory.part_rows"), text=lazy_builder("show.overview_text"))
    return Builders(rows=lazy_builder("inventory.source_rows"), text=lazy_builder("sources.text"))


def lazy_builder(qualified_name: str) -> Callable[[Any, Layout], Any]:
    """A function of a module here, such as `show.overview_text`, that is imported once it is called."""
    module, _, function = qualified_name.partition(".")

    def build(result: object, layout: Layout) -> Any:
        return getattr(import_module(f"{__name__}.{module}"), function)(result, layout)

    return build


def build_rows(result: object) -> list[dict[str, Datum]]:
    """The rows of data of a result, by the names of their columns."""
    rows = _find_builders(result).build_rows(result, Layout())
    header = [str(name) for name in next(rows)]
    return [dict(zip(header, row, strict=True)) for row in rows]


def build_html(result: object) -> str:
    """A result as a part of a page in HTML."""
    from usru_scenarios.report.html import preformatted_html, render_html

    builders = _find_builders(result)
    if builders.text is not None:
        return preformatted_html(builders.text(result, Layout()))
    return render_html(builders.build_report(result, Layout(width=0)))


def render_report(result: ReportedResult, output_format: str, layout: Layout, builders: Builders | None = None) -> str:
    """A result in one of its formats, ending in a line break; by the usual builders where none are given."""
    from usru_scenarios.report import data

    if output_format == "json":
        return data.to_json(result.to_dict())
    builders = builders or _find_builders(result)
    if output_format in ("csv", "ndjson"):
        return (data.to_csv if output_format == "csv" else data.to_ndjson)(builders.build_rows(result, layout))
    if output_format == "md":
        from usru_scenarios.report.markdown import render_markdown

        return render_markdown(builders.build_report(result, replace(layout, width=0)))
    if builders.text is not None:
        return builders.text(result, layout)
    from usru_scenarios.report import lines

    report = builders.build_report(result, layout)
    if (text := lines.render_lines(report, layout)) is not None:
        return text
    from usru_scenarios.report.terminal import render_terminal

    return render_terminal(report, layout)
