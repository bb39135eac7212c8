"""What a model says to its expectations, for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from usru_scenarios.report import mutants
from usru_scenarios.report.ask import format_sides
from usru_scenarios.report.data import MODEL_COLUMNS, first_day, model_cells
from usru_scenarios.report.document import (
    Column,
    Item,
    Items,
    Legend,
    Lines,
    Report,
    StyledText,
    Table,
    name_column,
    number_columns,
)
from usru_scenarios.report.likelihoods import format_error, format_rounded_percent
from usru_scenarios.report.numbers import round_up_error
from usru_scenarios.report.provenance_line import (
    citation_line,
    describe_exact,
    describe_means,
    describe_profile,
    list_conditions,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Rows
    from usru_scenarios.report.document import Block, Cell, FooterLine
    from usru_scenarios.results.check import CheckReport, ExpectationChecked

_STYLES = {"holds": "green", "fails": "bold red", "undecided": "bold yellow"}


def report(result: CheckReport, layout: Layout) -> Report:
    """A line for each expectation; in a terminal those that do not hold are shown at length below."""
    head = f"{result.model.name}{describe_profile(result.profile)}: do its expectations hold?"
    survey = result.mutants
    changed = [] if survey is None else list(mutants.survey_blocks(result, survey))
    if layout.width and not result.expectations:
        nothing = Lines((StyledText("The file says nothing that must hold: it has no expectations."),))
        made = [] if survey is None else [mutants.describe_sample(survey, result.seed)]
        return Report(result.model.title, head, [nothing, *changed], made)
    return Report(
        title=result.model.title,
        subtitle=head,
        conditions=list_conditions(result.run.do, result.run.given, result.run.evidence),
        blocks=[_lines(result), *(_explanations(result) if layout.width else ()), *changed],
        verdict=" ".join([_counted(result), *([] if survey is None else [mutants.describe_verdict(survey)])]),
        footer=list(_small_print(result)),
        citation=citation_line(result.model, result.run.usru_version),
    )


def rows(result: CheckReport, _layout: Layout) -> Rows:
    """A row for each mutant where some were made, else for each expectation."""
    if result.mutants is not None:
        yield from mutants.rows(result, result.mutants)
        return
    yield (
        *(*MODEL_COLUMNS, "expectation", "title", "that", "verdict", "compared", "left", "right", "margin"),
        *("standard_error", "step", "date", "method", "trials", "robust", "claims"),
    )
    for name, one in result.expectations.items():
        said = name, one.title, one.that, one.verdict, one.compared
        found = one.left, one.right, one.margin, one.standard_error, one.step, one.step and first_day(one.step)
        how = one.method, one.trials, one.robust, " ".join(one.sources)
        yield *model_cells(result.model, result.profile), *said, *found, *how


def _lines(result: CheckReport) -> Table:
    """The failures first, then what is undecided; each with its statement, which says which side is left."""
    columns = [
        Column(no_wrap=True),
        name_column(label="expectation"),
        Column(kind="notes", label="statement"),
        *number_columns(["left", "right"]),
        Column("margin", "number", rank=1),
        Column("±", "number", label="± (one standard error)", rank=3),
        *([Column("still\nholds", "number", rank=2)] if result.perturbation else []),
        Column("claims", rank=4, folds=True),
    ]
    rows: list[tuple[Cell, ...]] = [
        (
            StyledText(one.verdict, _STYLES[one.verdict]),
            StyledText(name, "bold", "`"),
            _statement(one),
            *_cells(one, result),
        )
        for name, one in _ranked(result)
    ]
    return Table(columns, rows)


def _ranked(result: CheckReport) -> list[tuple[str, ExpectationChecked]]:
    order = ("fails", "undecided", "holds")
    return sorted(result.expectations.items(), key=lambda pair: order.index(pair[1].verdict))


def _statement(one: ExpectationChecked) -> Cell:
    """The title and the statement; of a chain the two sides that the numbers are about."""
    parts = (
        [StyledText(one.title), StyledText(one.that, "dim", "`")] if one.title else [StyledText(one.that, "dim", "`")]
    )
    if one.compared is not None and len(_SIGN.findall(one.that)) > len(_SIGN.findall(one.compared)):
        parts.append(StyledText(f"closest: {one.compared}", "dim"))
    if one.step:
        parts.append(StyledText(f"the sides are those of {one.step}", "dim"))
    return tuple(parts)


_LEAST = 0.0001
"""Errors of ratios and logarithms that are smaller are rounded up to it."""
_SIGN = re.compile(r"[<>]=?")


def _cells(one: ExpectationChecked, result: CheckReport) -> list[str]:
    """The numbers of an expectation, and the claims behind it."""
    robust = [f"{one.robust}"] if result.perturbation else []
    return [*_sides(one), *robust, " ".join(one.sources)]


def _sides(one: ExpectationChecked) -> tuple[str, str, str, str]:
    """Both sides, the margin and its error; nothing where there is no answer."""
    if one.left is None or one.right is None or one.margin is None:
        known = one.measure == "probability"
        both = one.left, one.right
        left, right = (
            "" if side is None else format_rounded_percent(side, 0.0) if known else f"{side:.6g}" for side in both
        )
        return left, right, "", ""
    found = one.standard_error or 0.0
    sampled = (
        (round_up_error(max(found, _LEAST)) if one.measure == "number" else format_error(found)) if found else "none"
    )
    return *format_sides(one.left, one.right, one.margin, found, one.measure), sampled


def _explanations(result: CheckReport) -> Iterator[Block]:
    """Of what fails or is undecided: why, and the claims that it contradicts."""
    for name, one in _ranked(result):
        remarks = list(_remarks(one, result.judgements)) if one.verdict != "holds" else []
        if remarks:
            head = StyledText(one.verdict, _STYLES[one.verdict]), StyledText(name, "bold")
            yield Items((Item(head, tuple((StyledText(line, "dim"), "") for line in remarks)),))


def _remarks(one: ExpectationChecked, judgements: int) -> Iterator[str]:
    if one.problem:
        yield one.problem.split("\n", 1)[0]
    if one.verdict == "undecided" and not one.problem:
        drawn = f"after {one.trials:,} trials the sampling" if one.trials else f"with {judgements:,} draws the"
        yield f"{drawn} error still spans the bound"
    if one.sources:
        yield f"'usru sources {one.sources[0]}' shows what the claim says"


def _counted(result: CheckReport) -> str:
    counts = result.counts
    means = describe_means(result.judgements_at_means, ", with ")
    return f"{counts['holds']} hold, {counts['fails']} fail, {counts['undecided']} undecided{means}."


def _small_print(result: CheckReport) -> Iterator[FooterLine]:
    most = max(one.trials for one in result.expectations.values()) if result.expectations else 0
    drawn_for = f"{result.trials:,} trials, at most {most:,}" if most > result.trials else f"{most:,} trials"
    draws = f" under {result.judgements:,} draws of the judgements" if result.judgements else ""
    means = describe_means(result.judgements_at_means)
    yield (
        f"{drawn_for}{draws}, seed {result.seed}{means}."
        if most
        else f"{describe_exact(result.judgements, result.seed)}{means}."
    )
    margin = (
        "Margin: by how much the statement holds, below 0 by how much it fails; in points where the sides are "
        "percentages. "
    )
    yield Legend(margin, ("margin",)), Legend("± is one standard error of the margin.", ("±",))
    if result.perturbation:
        spread = result.perturbation
        moved = "; ".join(f"{kind} {how}" for kind, how in spread.spreads.items())
        anchored = "; baselines solved for the anchor each time" if spread.anchored else ""
        said = (
            f"'Still holds' counts {spread.models} models with all judgements moved, {spread.trials:,} trials each: "
            f"{moved}{anchored}{'; uncertain ones from their means' if result.uncertain else ''}."
        )
        yield (Legend(said, ("still\nholds",)),)
    if result.mutants is not None:
        yield mutants.describe_sample(result.mutants, result.seed)
