"""Which mutants of a model are noticed, for people and as rows."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from usru_scenarios.report.data import MODEL_COLUMNS, model_cells
from usru_scenarios.report.document import Heading, Item, Items, Lines, StyledText, Table, name_column, number_columns
from usru_scenarios.report.numbers import format_signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from usru_scenarios.report.data import Rows
    from usru_scenarios.report.document import Block, Cell
    from usru_scenarios.results.check import CheckReport
    from usru_scenarios.results.mutants import Mutant, MutantSurvey, NoticedShare

_WORDS = {
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

_MOST_CLAIMS = 8
_LONGEST = 240
"""Characters of what makes a mutant; a longer one is left to JSON and rows."""


def _words(kind: str) -> str:
    return _WORDS.get(kind, kind.replace("_", " "))


def survey_blocks(result: CheckReport, survey: MutantSurvey) -> Iterator[Block]:
    """How many mutants of each kind are noticed, those that are not, and what each expectation notices."""
    yield Heading("What is noticed when the file says something else")
    heads = ["of", "made", "by\nread-\ning", "by\nex-\npect.", "by\nnone"]
    labels = ["of", "made", "noticed by reading", "by expectations", "by none"]
    columns = [column._replace(label=label) for column, label in zip(number_columns(heads), labels, strict=True)]
    yield Table([name_column("mutants"), *columns], list(_counts(survey)))
    if survey.unnoticed:
        yield Heading("What nothing notices")
        yield Items(tuple(map(_item, survey.unnoticed)))
    yield from _noticing(result)


def _counts(survey: MutantSurvey) -> Iterator[tuple[Cell, ...]]:
    for kind, one in survey.kinds.items():
        counts = one.population, one.made, one.by_reading, one.by_expectations, one.unnoticed
        yield _words(kind), *(f"{count}" for count in counts)


def _item(mutant: Mutant) -> Item:
    cited = mutant.sources[:_MOST_CLAIMS]
    more = f" and {len(mutant.sources) - len(cited)} more" if len(mutant.sources) > len(cited) else ""
    claims = f"cites {' '.join(cited)}{more}" if cited else "cites nothing"
    turned = "" if mutant.value is None else f"{format_signed(mutant.value)} turned to {format_signed(-mutant.value)}, "
    how = assignments(mutant)
    way = StyledText(how, "dim", "`") if len(how) <= _LONGEST else StyledText("its --set is long: see --json", "dim")
    head = StyledText(mutant.path, "bold", "`"), StyledText(_words(mutant.kind))
    return Item(head, ((StyledText(f"{turned}{claims}"), ""), (way, "")))


def assignments(mutant: Mutant) -> str:
    """What makes the mutant of the file, as one writes it in a shell."""
    return " ".join(f"--set {shlex.quote(one)}" for one in mutant.overrides)


def _noticing(result: CheckReport) -> Iterator[Block]:
    counts = {name: one.mutants for name, one in result.expectations.items() if one.mutants is not None}
    if any(counts.values()):
        yield Heading("What each expectation notices")
        ranked = sorted(((name, count) for name, count in counts.items() if count), key=lambda pair: -pair[1])
        rows = [(StyledText(name, "", "`"), f"{count}") for name, count in ranked]
        yield Table([name_column("expectation"), *number_columns(["mutants"])], rows)
    if none := [name for name, count in counts.items() if not count]:
        yield Heading("Expectations that notice none of them")
        yield Lines((StyledText(", ".join(none)),))


def describe_verdict(survey: MutantSurvey) -> str:
    """The shares that are noticed."""
    signs = _share(survey.sourced_signs)
    sourced = f", {signs} of the signs that rest on a document" if survey.sourced_signs.made else ""
    return f"{_share(survey.all)} of the mutants are noticed{sourced}." if survey.all.made else "There are no mutants."


def _share(one: NoticedShare) -> str:
    share, error = 100 * (one.share or 0.0), 100 * (one.standard_error or 0.0)
    return f"{share:.0f}% (± {error:.0f})" if error else f"{share:.0f}%"


def describe_sample(survey: MutantSurvey, seed: int) -> str:
    """How the mutants were made."""
    made, population = survey.all.made, survey.all.population
    some = f"{made} of {population} mutants, each kind in proportion, drawn by seed {seed}; ± is one standard error"
    anchored = "; baselines solved for the anchor each time" if survey.anchored else ""
    left = (
        f"; {len(survey.not_counted)} expectations that do not hold here count for none" if survey.not_counted else ""
    )
    which = f"All {made} mutants" if made == population else some
    how = f"sampled, with {survey.trials:,} trials each at first" if survey.trials else "solved exactly"
    return f"{which}: {how}{anchored}{left}." if made else ""


def rows(result: CheckReport, survey: MutantSurvey) -> Rows:
    """A row for each mutant that was made."""
    yield (
        *(*MODEL_COLUMNS, "kind", "path", "value", "sourced", "claims", "noticed_by", "problem", "failed"),
        *("undecided", "set"),
    )
    for one in survey.mutants:
        problem = one.problem.message if one.problem else None
        said = one.kind, one.path, one.value, str(one.sourced).lower(), " ".join(one.sources), one.noticed_by, problem
        lists = " ".join(one.failed), " ".join(one.undecided), assignments(one)
        yield *model_cells(result.model, result.profile), *said, *lists
