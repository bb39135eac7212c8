"""What a file holds as rows of data: its parts and names, its judgements and documents, its faults; and as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.report.data import MODEL_COLUMNS, model_cells
from usru_scenarios.report.document import Column, Heading, Report, Table
from usru_scenarios.report.provenance import citation_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Datum, Rows
    from usru_scenarios.report.document import Block
    from usru_scenarios.results.show import NodePart, Overview, PartNames, ProfilePart, RulePart, ScenarioPart
    from usru_scenarios.results.sources import SourcesReport
    from usru_scenarios.results.validate import Validation


def part_rows(overview: Overview, _layout: Layout) -> Rows:
    """One row for each scenario, group, driver, rule, consequence, profile, expectation and question."""
    titled: dict[str, Mapping[str, ScenarioPart | NodePart | RulePart | ProfilePart]] = {
        "scenario": overview.scenarios,
        "driver": overview.drivers,
        "rule": overview.rules,
        "consequence": overview.consequences,
        "profile": overview.profiles,
    }
    cells = [(kind, name, part.title) for kind, named in titled.items() for name, part in named.items()]
    cells += [("group", name, " ".join(members)) for name, members in overview.groups.items()]
    cells += [("expectation", name, statement) for name, statement in overview.expectations.items()]
    cells += [("question", name, question.asks) for name, question in overview.questions.items()]
    yield *MODEL_COLUMNS, "kind", "id", "title"
    yield from ((*model_cells(overview.model, overview.profile), *row) for row in cells)


def name_rows(result: PartNames, _layout: Layout) -> Rows:
    """One row for each name."""
    yield *MODEL_COLUMNS, "kind", "name"
    for kind, names in result.names.items():
        yield from ((*model_cells(result.model, result.profile), kind, name) for name in names)


def problem_rows(result: Validation, _layout: Layout) -> Rows:
    """One row for each fault and warning; none where there are none. A file with faults is no model with a hash."""
    yield *MODEL_COLUMNS, "severity", "code", "message", "path", "line", "column", "hint", "count"
    profile = result.run.profile
    model = (None, None, profile) if result.model is None else model_cells(result.model, profile)
    for problem in result.problems:
        place = problem.path, problem.line, problem.column
        yield *model, problem.severity, problem.code, problem.message, *place, problem.hint, problem.count


def source_rows(result: SourcesReport, _layout: Layout) -> Rows:
    """One row for each judgement that was asked about; else for each kind of judgement and for each document."""
    model = model_cells(result.model, result.run.profile)
    if result.about is not None:
        yield *MODEL_COLUMNS, "path", "kind", "value", "inferred", "sources"
        for judged in result.judgements:
            yield *model, judged.path, judged.role, judged.value, judged.inferred, " ".join(judged.sources)
        return
    yield *MODEL_COLUMNS, "of", "name", "judgements", "inferred", "claims", "cited"
    for name, role in result.roles.items():
        yield *model, "kind", name, role.judgements, role.inferred, None, None
    for name, document in result.documents.items():
        yield *model, "document", name, document.judgements, None, document.claims, document.cited


def build_tables(result: Overview | PartNames | SourcesReport, rows: Rows) -> Report:
    """Rows as a report of tables, one for each kind of what is listed, without what is the same in all."""
    header, *cells = rows
    first = len(MODEL_COLUMNS)
    kinds = dict.fromkeys(row[first] for row in cells) if header[first] in ("kind", "of") else {None: None}
    profile = f", profile {result.run.profile}" if result.run.profile else ""
    blocks: list[Block] = []
    for kind in kinds:
        start = first if kind is None else first + 1
        of_kind = [row[start:] for row in cells if kind is None or row[first] == kind]
        filled = [place for place in range(len(header) - start) if any(row[place] is not None for row in of_kind)]
        columns = [Column(str(header[start + place])) for place in filled]
        if kind is not None:
            blocks.append(Heading(str(kind).capitalize()))
        blocks.append(Table(columns, [tuple(_format_datum(row[place]) for place in filled) for row in of_kind]))
    footer = [citation_line(result.model, result.run.usru_version)]
    return Report(result.model.title, f"Model {result.model.name}{profile}.", blocks, footer)


def _format_datum(value: Datum) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)
