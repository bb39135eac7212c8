"""What a file holds as rows of data: its parts and names, its judgements and documents, its faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.report.run_columns import MODEL_COLUMNS, model_cells

if TYPE_CHECKING:
    from collections.abc import Mapping

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Rows
    from usru_scenarios.results.show import NodePart, Overview, PartNames, ProfilePart, RulePart, ScenarioPart
    from usru_scenarios.results.sources import SourcesReport
    from usru_scenarios.results.validate import Validation


def part_rows(found: Overview, _layout: Layout) -> Rows:
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
    yield *MODEL_COLUMNS, "kind", "id", "title"
    yield from ((*model_cells(found.model, found.profile), *one) for one in told)


def name_rows(found: PartNames, _layout: Layout) -> Rows:
    """One row for each name."""
    yield *MODEL_COLUMNS, "kind", "name"
    for kind, names in found.names.items():
        yield from ((*model_cells(found.model, found.profile), kind, name) for name in names)


def problem_rows(found: Validation, _layout: Layout) -> Rows:
    """One row for each fault and warning; none where there are none. A file with faults is no model with a hash."""
    yield *MODEL_COLUMNS, "severity", "code", "message", "path", "line", "column", "hint", "count"
    profile = found.run.profile
    model = (None, None, profile) if found.model is None else model_cells(found.model, profile)
    for one in found.problems:
        yield *model, one.severity, one.code, one.message, one.path, one.line, one.column, one.hint, one.count


def source_rows(found: SourcesReport, _layout: Layout) -> Rows:
    """One row for each judgement that was asked about; else for each kind of judgement and for each document."""
    model = model_cells(found.model, found.run.profile)
    if found.about is not None:
        yield *MODEL_COLUMNS, "path", "kind", "value", "inferred", "sources"
        for one in found.judgements:
            yield *model, one.path, one.role, one.value, one.inferred, " ".join(one.sources)
        return
    yield *MODEL_COLUMNS, "of", "name", "judgements", "inferred", "claims", "cited"
    for name, role in found.roles.items():
        yield *model, "kind", name, role.judgements, role.inferred, None, None
    for name, document in found.documents.items():
        yield *model, "document", name, document.judgements, None, document.claims, document.cited
