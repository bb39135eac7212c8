"""What a file holds as tables in a text: the rows of `inventory`, those of a kind together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.report.document import Column, Heading, Report, Table
from usru_scenarios.report.provenance_line import citation_line
from usru_scenarios.report.run_columns import MODEL_COLUMNS

if TYPE_CHECKING:
    from usru_scenarios.report.data import Datum, Rows
    from usru_scenarios.report.document import Block
    from usru_scenarios.results.show import Overview, PartNames
    from usru_scenarios.results.sources import SourcesReport


def tables(found: Overview | PartNames | SourcesReport, rows: Rows) -> Report:
    """Rows as a report of tables, one for each kind of what is listed, without what is the same in all."""
    names, *cells = rows
    header = [str(name) for name in names]
    first = len(MODEL_COLUMNS)
    kinds = dict.fromkeys(row[first] for row in cells) if header[first] in ("kind", "of") else {None: None}
    profile = f", profile {found.run.profile}" if found.run.profile else ""
    blocks: list[Block] = []
    for kind in kinds:
        start = first if kind is None else first + 1
        some = [row[start:] for row in cells if kind is None or row[first] == kind]
        shown = [number for number in range(len(header) - start) if any(row[number] is not None for row in some)]
        columns = [Column(header[start + number]) for number in shown]
        if kind is not None:
            blocks.append(Heading(str(kind).capitalize()))
        blocks.append(Table(columns, [tuple(_cell(row[number]) for number in shown) for row in some]))
    footer = [citation_line(found.model, found.run.usru_version)]
    return Report(found.model.title, f"Model {found.model.name}{profile}.", blocks, footer)


def _cell(value: Datum) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)
