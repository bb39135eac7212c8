"""What a file holds as rows of data: its parts and names, its judgements and documents, its faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Datum, Rows
    from usru_scenarios.results.common import ModelLine
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
    columns, model = _begin(found.model, found.profile)
    return (*columns, "kind", "id", "title"), [(*model, *one) for one in told]


def names(found: PartNames, _layout: Layout) -> Rows:
    """One row for each name."""
    columns, model = _begin(found.model, found.profile)
    return (*columns, "kind", "name"), [(*model, kind, name) for kind, names in found.names.items() for name in names]


def problems(found: Validation, _layout: Layout) -> Rows:
    """One row for each fault and warning; none where there are none. A file with faults is no model with a hash."""
    columns, model = _begin(found.model, found.run.profile)
    header = (*columns, "severity", "code", "message", "path", "line", "column", "hint", "count")
    return header, [
        (*model, one.severity, one.code, one.message, one.path, one.line, one.column, one.hint, one.count)
        for one in found.problems
    ]


def sources(found: SourcesReport, _layout: Layout) -> Rows:
    """One row for each judgement that was asked about; else for each kind of judgement and for each document."""
    columns, model = _begin(found.model, found.run.profile)
    if found.about is not None:
        header = (*columns, "path", "kind", "value", "inferred", "sources")
        return header, [
            (*model, one.path, one.role, one.value, one.inferred, " ".join(one.sources)) for one in found.judgements
        ]
    told: list[tuple[Datum, ...]] = []
    for name, role in found.roles.items():
        told.append(("kind", name, role.judgements, role.inferred, None, None))
    for name, document in found.documents.items():
        told.append(("document", name, document.judgements, None, document.claims, document.cited))
    header = (*columns, "of", "name", "judgements", "inferred", "claims", "cited")
    return header, [(*model, *one) for one in told]


def _begin(model: ModelLine | None, profile: str | None) -> tuple[tuple[str, ...], tuple[Datum, ...]]:
    """The columns that rows begin with, and what stands in them."""
    from usru_scenarios.report.run_columns import MODEL_COLUMNS, model_cells

    return MODEL_COLUMNS, (None, None, profile) if model is None else model_cells(model, profile)
