"""What a file holds as rows of data: its parts and names, its judgements and documents, its faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.report.document import Column, Heading, Report, Table
from usru_scenarios.report.provenance_line import cited
from usru_scenarios.report.run_columns import MODEL_COLUMNS, model_cells

if TYPE_CHECKING:
    from collections.abc import Mapping

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Datum, Rows
    from usru_scenarios.report.document import Block
    from usru_scenarios.results.show import NodePart, Overview, PartNames, ProfilePart, RulePart, ScenarioPart
    from usru_scenarios.results.sources import SourcesReport
    from usru_scenarios.results.validate import Validation


def parts(found: Overview, _layout: Layout) -> Rows:
    """One row for each scenario, group, driver, rule, consequence, profile, expectation and question."""
    titled: dict[str, Mapping[str, ScenarioPart | NodePart | RulePart | ProfilePart]] = {
        "scenario": found.scenarios,
        "driver": found.drivers,
        "rule": found.rules,
        "consequence": found.consequences,
        "profile": found.profiles,
    }
    told = [(kind, name, part.title) for kind, named in titled.items() for name, part in named.items()]
    told += [("group", name, " ".join(members)) for name, members in found.groups.items()]
    told += [("expectation", name, that) for name, that in found.expectations.items()]
    told += [("question", name, question.asks) for name, question in found.questions.items()]
    model = model_cells(found.model, found.profile)
    return (*MODEL_COLUMNS, "kind", "id", "title"), [(*model, *one) for one in told]


def names(found: PartNames, _layout: Layout) -> Rows:
    """One row for each name."""
    model = model_cells(found.model, found.profile)
    return (*MODEL_COLUMNS, "kind", "name"), [
        (*model, kind, name) for kind, names in found.names.items() for name in names
    ]


def problems(found: Validation, _layout: Layout) -> Rows:
    """One row for each fault and warning; none where there are none."""
    header = ("severity", "code", "message", "path", "line", "column", "hint", "count")
    return header, [
        (one.severity, one.code, one.message, one.path, one.line, one.column, one.hint, one.count)
        for one in found.problems
    ]


def sources(found: SourcesReport, _layout: Layout) -> Rows:
    """One row for each judgement that was asked about; else for each kind of judgement and for each document."""
    model = model_cells(found.model, found.run.profile)
    if found.about is not None:
        header = (*MODEL_COLUMNS, "path", "kind", "value", "inferred", "sources")
        return header, [
            (*model, one.path, one.role, one.value, one.inferred, " ".join(one.sources)) for one in found.judgements
        ]
    told: list[tuple[Datum, ...]] = []
    for name, role in found.roles.items():
        told.append(("kind", name, role.judgements, role.inferred, None, None))
    for name, document in found.documents.items():
        told.append(("document", name, document.judgements, None, document.claims, document.cited))
    columns = (*MODEL_COLUMNS, "of", "name", "judgements", "inferred", "claims", "cited")
    return columns, [(*model, *one) for one in told]


def tables(found: Overview | PartNames | SourcesReport, rows: Rows) -> Report:
    """Rows as a report of tables, one for each kind of what is listed, without what is the same in all."""
    header, cells = rows
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
    footer = [cited(found.model, found.run.usru_version)]
    return Report(found.model.title, f"Model {found.model.name}{profile}.", blocks, footer)


def _cell(value: Datum) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)
