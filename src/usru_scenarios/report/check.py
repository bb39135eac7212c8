"""What a model says to its expectations, for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from usru_scenarios.report import document, mutants
from usru_scenarios.report.ask import format_sides
from usru_scenarios.report.data import MODEL_COLUMNS, first_day, model_cells
from usru_scenarios.report.document import Column, Item, Items, Legend, Report, StyledText, Table, paragraph
from usru_scenarios.report.likelihoods import format_error, format_rounded_percent
from usru_scenarios.report.numbers import round_up_error
from usru_scenarios.report.provenance import describe_exact, describe_means, describe_profile, result_report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Rows
    from usru_scenarios.report.document import Block, Cell, FooterLine, Row
    from usru_scenarios.results.check import CheckReport, ExpectationChecked

_STYLES = {"holds": "green", "fails": "bold red", "undecided": "bold yellow"}


def report(result: CheckReport, layout: Layout) -> Report:
    """A line for each expectation; in a terminal those that do not hold are shown at length below."""
    subtitle = f"{result.model.name}{describe_profile(result.profile)}: do its expectations hold?"
    survey = result.mutants
    survey_blocks = [] if survey is None else list(mutants.survey_blocks(result, survey))
    if layout.width and not result.expectations:
        nothing = paragraph("The file says nothing that must hold: it has no expectations.")
        footer = [] if survey is None else [mutants.describe_sample(survey, result.seed)]
        return Report(result.model.title, subtitle, [nothing, *survey_blocks], footer)
    blocks = [_expectation_table(result), *(_explanations(result) if layout.width else ()), *survey_blocks]
    counts = result.counts
    means = describe_means(result.judgements_at_means, ", with ")
    verdict = f"{counts['holds']} hold, {counts['fails']} fail, {counts['undecided']} undecided{means}."
    if survey is not None:
        verdict = f"{verdict} {mutants.describe_verdict(survey)}"
    return result_report(result, subtitle, blocks, list(_footer(result)), verdict=verdict)


def rows(result: CheckReport, _layout: Layout) -> Rows:
    """A row for each mutant where some were made, else for each expectation."""
    if result.mutants is not None:
        yield from mutants.rows(result, result.mutants)
        return
    yield (
        *(*MODEL_COLUMNS, "expectation", "title", "that", "verdict", "compared", "left", "right", "margin"),
        *("standard_error", "step", "date", "method", "trials", "robust", "claims"),
    )
    for name, checked in result.expectations.items():
        statement = name, checked.title, checked.that, checked.verdict, checked.compared
        numbers = checked.left, checked.right, checked.margin, checked.standard_error
        step = checked.step, checked.step and first_day(checked.step)
        basis = checked.method, checked.trials, checked.robust, " ".join(checked.sources)
        yield *model_cells(result.model, result.profile), *statement, *numbers, *step, *basis


def _expectation_table(result: CheckReport) -> Table:
    """The failures first, then what is undecided; each with its statement, which says which side is left."""
    columns = [
        Column(no_wrap=True),
        document.name_column(label="expectation"),
        Column(kind="notes", label="statement"),
        *document.number_columns(["left", "right"]),
        Column("margin", "number", rank=1),
        Column("±", "number", label="± (one standard error)", rank=3),
        *([Column("still\nholds", "number", rank=2)] if result.perturbation else []),
        Column("claims", rank=4, folds=True),
    ]
    rows: list[Row] = []
    for name, checked in _ranked_expectations(result):
        head = StyledText(checked.verdict, _STYLES[checked.verdict]), StyledText(name, "bold", "`")
        robust = [f"{checked.robust}"] if result.perturbation else []
        numbers = *_format_comparison(checked), *robust
        rows.append((*head, _statement_cell(checked), *numbers, " ".join(checked.sources)))
    return Table(columns, rows)


def _ranked_expectations(result: CheckReport) -> list[tuple[str, ExpectationChecked]]:
    order = ("fails", "undecided", "holds")
    return sorted(result.expectations.items(), key=lambda pair: order.index(pair[1].verdict))


def _statement_cell(checked: ExpectationChecked) -> Cell:
    """The title and the statement; of a chain the two sides that the numbers are about."""
    parts = [StyledText(checked.title)] if checked.title else []
    parts.append(StyledText(checked.that, "dim", "`"))
    if checked.compared is not None and len(_SIGN.findall(checked.that)) > len(_SIGN.findall(checked.compared)):
        parts.append(StyledText(f"closest: {checked.compared}", "dim"))
    if checked.step:
        parts.append(StyledText(f"the sides are those of {checked.step}", "dim"))
    return tuple(parts)


_MIN_ERROR = 0.0001
"""Errors of ratios and logarithms that are smaller are rounded up to it."""
_SIGN = re.compile(r"[<>]=?")


def _format_comparison(checked: ExpectationChecked) -> tuple[str, str, str, str]:
    """Both sides, the margin and its error; nothing where there is no answer."""
    if checked.left is None or checked.right is None or checked.margin is None:
        is_probability = checked.measure == "probability"
        left, right = (
            "" if side is None else format_rounded_percent(side, 0.0) if is_probability else f"{side:.6g}"
            for side in (checked.left, checked.right)
        )
        return left, right, "", ""
    error = checked.standard_error or 0.0
    if not error:
        shown_error = "none"
    else:
        shown_error = round_up_error(max(error, _MIN_ERROR)) if checked.measure == "number" else format_error(error)
    return *format_sides(checked.left, checked.right, checked.margin, error, checked.measure), shown_error


def _explanations(result: CheckReport) -> Iterator[Block]:
    """Of what fails or is undecided: why, and the claims that it contradicts."""
    for name, checked in _ranked_expectations(result):
        remarks = list(_remarks(checked, result.judgements)) if checked.verdict != "holds" else []
        if remarks:
            head = StyledText(checked.verdict, _STYLES[checked.verdict]), StyledText(name, "bold")
            yield Items((Item(head, tuple((StyledText(line, "dim"), "") for line in remarks)),))


def _remarks(checked: ExpectationChecked, judgements: int) -> Iterator[str]:
    if checked.problem:
        yield checked.problem.split("\n", 1)[0]
    elif checked.verdict == "undecided":
        effort = f"after {checked.trials:,} trials the sampling" if checked.trials else f"with {judgements:,} draws the"
        yield f"{effort} error still spans the bound"
    if checked.sources:
        yield f"'usru sources {checked.sources[0]}' shows what the claim says"


def _footer(result: CheckReport) -> Iterator[FooterLine]:
    most = max((checked.trials for checked in result.expectations.values()), default=0)
    means = describe_means(result.judgements_at_means)
    if most:
        trials = f"{result.trials:,} trials, at most {most:,}" if most > result.trials else f"{most:,} trials"
        draws = f" under {result.judgements:,} draws of the judgements" if result.judgements else ""
        yield f"{trials}{draws}, seed {result.seed}{means}."
    else:
        yield f"{describe_exact(result.judgements, result.seed)}{means}."
    margin = (
        "Margin: by how much the statement holds, below 0 by how much it fails; in points where the sides are "
        "percentages. "
    )
    yield Legend(margin, ("margin",)), Legend("± is one standard error of the margin.", ("±",))
    if result.perturbation:
        spread = result.perturbation
        moves = "; ".join(f"{kind} {spread_text}" for kind, spread_text in spread.spreads.items())
        anchored = "; baselines solved for the anchor each time" if spread.anchored else ""
        from_means = "; uncertain ones from their means" if result.uncertain else ""
        meaning = (
            f"'Still holds' counts {spread.models} models with all judgements moved, {spread.trials:,} trials each: "
            f"{moves}{anchored}{from_means}."
        )
        yield (Legend(meaning, ("still\nholds",)),)
    if result.mutants is not None:
        yield mutants.describe_sample(result.mutants, result.seed)
