"""Which mutants of a model are noticed, for people and as rows."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from usru_scenarios.report import document
from usru_scenarios.report.data import MODEL_COLUMNS, model_cells
from usru_scenarios.report.document import Heading, Item, Items, StyledText, Table
from usru_scenarios.report.numbers import format_signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from usru_scenarios.report.data import Rows
    from usru_scenarios.report.document import Block, Row
    from usru_scenarios.results.check import CheckReport
    from usru_scenarios.results.mutants import Mutant, MutantSurvey, NoticedShare

_KINDS = {
    "impact": "sign of an impact",
    "influence": "sign of an influence",
    "lagged_influence": "sign of a lagged influence",
    "curve_point": "sign of a point along a scale",
    "rule_point": "sign of a rule's point",
    "event_point": "sign of an event's point",
    "profile_point": "sign of a profile's point",
    "consequence_influence": "sign of an influence on a consequence",
    "rows_swapped": "two rows swapped",
}

_MAX_CLAIMS = 8
_MAX_CHARACTERS = 240
"""Characters of what makes a mutant; a longer one is left to JSON and rows."""


def _describe_kind(kind: str) -> str:
    return _KINDS.get(kind, kind.replace("_", " "))


def survey_blocks(result: CheckReport, survey: MutantSurvey) -> Iterator[Block]:
    """How many mutants of each kind are noticed, those that are not, and what each expectation notices."""
    yield Heading("What is noticed when the file says something else")
    heads = ["of", "made", "by\nread-\ning", "by\nex-\npect.", "by\nnone"]
    labels = ["of", "made", "noticed by reading", "by expectations", "by none"]
    columns = [
        column._replace(label=label) for column, label in zip(document.number_columns(heads), labels, strict=True)
    ]
    rows: list[Row] = []
    for kind, counts in survey.kinds.items():
        numbers = counts.population, counts.made, counts.by_reading, counts.by_expectations, counts.unnoticed
        rows.append((_describe_kind(kind), *map(str, numbers)))
    yield Table([document.name_column("mutants"), *columns], rows)
    if survey.unnoticed:
        yield Heading("What nothing notices")
        yield Items(tuple(map(_mutant_item, survey.unnoticed)))
    yield from _notices_by_expectation(result)


def _mutant_item(mutant: Mutant) -> Item:
    cited = mutant.sources[:_MAX_CLAIMS]
    more = f" and {len(mutant.sources) - len(cited)} more" if len(mutant.sources) > len(cited) else ""
    claims = f"cites {' '.join(cited)}{more}" if cited else "cites nothing"
    change = "" if mutant.value is None else f"{format_signed(mutant.value)} turned to {format_signed(-mutant.value)}, "
    options = _format_options(mutant)
    is_short = len(options) <= _MAX_CHARACTERS
    recipe = StyledText(options, "dim", "`") if is_short else StyledText("its --set is long: see --json", "dim")
    head = StyledText(mutant.path, "bold", "`"), StyledText(_describe_kind(mutant.kind))
    return Item(head, ((StyledText(f"{change}{claims}"), ""), (recipe, "")))


def _format_options(mutant: Mutant) -> str:
    """The options that make the mutant of the file, as one writes them in a shell."""
    return " ".join(f"--set {shlex.quote(override)}" for override in mutant.overrides)


def _notices_by_expectation(result: CheckReport) -> Iterator[Block]:
    counts = {name: checked.mutants for name, checked in result.expectations.items() if checked.mutants is not None}
    if any(counts.values()):
        yield Heading("What each expectation notices")
        ranked = sorted(counts.items(), key=lambda pair: -pair[1])
        rows = [(StyledText(name, "", "`"), f"{count}") for name, count in ranked if count]
        yield Table([document.name_column("expectation"), *document.number_columns(["mutants"])], rows)
    if unhelpful := [name for name, count in counts.items() if not count]:
        yield Heading("Expectations that notice none of them")
        yield document.paragraph(", ".join(unhelpful))


def describe_verdict(survey: MutantSurvey) -> str:
    """The shares that are noticed."""
    if not survey.all.made:
        return "There are no mutants."
    signs = _format_noticed_share(survey.sourced_signs)
    sourced = f", {signs} of the signs that rest on a document" if survey.sourced_signs.made else ""
    return f"{_format_noticed_share(survey.all)} of the mutants are noticed{sourced}."


def _format_noticed_share(noticed: NoticedShare) -> str:
    share, error = 100 * (noticed.share or 0.0), 100 * (noticed.standard_error or 0.0)
    return f"{share:.0f}% (± {error:.0f})" if error else f"{share:.0f}%"


def describe_sample(survey: MutantSurvey, seed: int) -> str:
    """How many mutants were made, and how."""
    made, population = survey.all.made, survey.all.population
    if not made:
        return ""
    sample = f"{made} of {population} mutants, each kind in proportion, drawn by seed {seed}; ± is one standard error"
    which = f"All {made} mutants" if made == population else sample
    method = f"sampled, with {survey.trials:,} trials each at first" if survey.trials else "solved exactly"
    anchored = "; baselines solved for the anchor each time" if survey.anchored else ""
    not_counted = len(survey.not_counted)
    excluded = f"; {not_counted} expectations that do not hold here count for none" if not_counted else ""
    return f"{which}: {method}{anchored}{excluded}."


def rows(result: CheckReport, survey: MutantSurvey) -> Rows:
    """A row for each mutant that was made."""
    yield (
        *(*MODEL_COLUMNS, "kind", "path", "value", "sourced", "claims", "noticed_by", "problem", "failed"),
        *("undecided", "set"),
    )
    for mutant in survey.mutants:
        sources = str(mutant.sourced).lower(), " ".join(mutant.sources)
        notice = mutant.noticed_by, mutant.problem.message if mutant.problem else None
        failures = " ".join(mutant.failed), " ".join(mutant.undecided)
        cells = mutant.kind, mutant.path, mutant.value, *sources, *notice, *failures, _format_options(mutant)
        yield *model_cells(result.model, result.profile), *cells
