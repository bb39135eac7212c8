"""What a model says to its expectations, for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.cells import cell_len

from usru_scenarios.report import mutants
from usru_scenarios.report.document import Column, Item, Items, Lines, Report, Table, Words, numbers
from usru_scenarios.report.numbers import rounded_up
from usru_scenarios.report.provenance_line import at_means, exactly, profiled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Datum, Rows
    from usru_scenarios.report.document import Block, Cell
    from usru_scenarios.results.check import CheckReport, ExpectationChecked

_NUMBERS, _CLAIMS, _SHORTEST_NAME = 48, 12, 16
"""Columns that the verdict and the numbers take, the least for the claims, and for the names."""

_STYLES = {"holds": "green", "fails": "bold red", "undecided": "bold yellow"}


def report(result: CheckReport, layout: Layout) -> Report:
    """A line for each expectation; in a terminal those that do not hold are shown at length below."""
    head = f"{result.model.name}{profiled(result.profile)}: do its expectations hold?"
    survey = result.mutants
    changed = [] if survey is None else list(mutants.blocks(result, survey))
    if layout.width and not result.expectations:
        nothing = Lines((Words("The file says nothing that must hold: it has no expectations."),))
        made = [] if survey is None else [mutants.small_print(survey, result.seed)]
        return Report(result.model.title, head, [nothing, *changed], made)
    return Report(
        title=result.model.title,
        subtitle=head,
        blocks=[_lines(result, layout), *(_troubles(result) if layout.width else ()), *changed],
        verdict=" ".join([_counted(result), *([] if survey is None else [mutants.verdict(survey)])]),
        footer=list(_small_print(result)),
    )


def rows(result: CheckReport, _layout: Layout) -> Rows:
    """A row for each mutant where some were made, else for each expectation."""
    if result.mutants is not None:
        return mutants.rows(result, result.mutants)
    header = ("model", "profile", "expectation", "verdict", "left", "right", "margin", "standard_error", "step")
    return (*header, "method", "trials", "robust", "claims"), _rows(result)


def _rows(result: CheckReport) -> Iterator[tuple[Datum, ...]]:
    for name, one in result.expectations.items():
        found = name, one.verdict, one.left, one.right, one.margin, one.standard_error, one.step
        how = one.method, one.trials, one.robust, " ".join(one.sources)
        yield result.model.name, result.profile, *found, *how


def _lines(result: CheckReport, layout: Layout) -> Table:
    longest = max(map(cell_len, result.expectations), default=0)
    width = min(longest, max(layout.width - _NUMBERS - _CLAIMS, _SHORTEST_NAME)) if layout.width else longest
    heads = ["left", "right", "margin", "+-", *(["still\nholds"] if result.perturbation else [])]
    columns = [Column(whole=True), Column(width=width, broken=True), *numbers(heads), Column("claims")]
    rows: list[tuple[Cell, ...]] = [
        (
            Words(one.verdict, _STYLES[one.verdict]),
            Words(_broken(name, width), "", "`"),
            *_cells(one, result),
        )
        for name, one in result.expectations.items()
    ]
    return Table(columns, rows)


def _broken(name: str, width: int) -> str:
    """A name that is too long for its column, in lines that end with an underscore."""
    lines = [""]
    for piece in re.findall(r"[^_]*_|[^_]+$", name):
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines)


def _cells(one: ExpectationChecked, result: CheckReport) -> list[str]:
    """The numbers of an expectation, and the claims behind it."""
    error = "" if one.standard_error is None else rounded_up(one.standard_error)
    robust = [f"{one.robust}"] if result.perturbation else []
    return [*map(_number, (one.left, one.right)), _number(one.margin, "+"), error, *robust, " ".join(one.sources)]


def _number(value: float | None, sign: str = "") -> str:
    return "" if value is None else f"{value:{sign}.3f}"


def _troubles(result: CheckReport) -> Iterator[Block]:
    """What fails or is undecided: the statement, where it was tested, and the claims that it contradicts."""
    for name, one in result.expectations.items():
        if one.verdict != "holds":
            head = Words(one.verdict, _STYLES[one.verdict]), Words(name, "bold"), Words(one.title or "")
            remarks = [Words(line, "dim") for line in _remarks(one, result.judgements)]
            yield Items((Item(head, tuple((line, "") for line in (Words(one.that), *remarks))),))


def _remarks(one: ExpectationChecked, judgements: int) -> Iterator[str]:
    if one.problem:
        yield one.problem.split("\n", 1)[0]
    if one.step:
        yield f"the sides are those of {one.step}"
    if one.verdict == "undecided" and not one.problem:
        drawn = f"after {one.trials:,} trials the sampling" if one.trials else f"with {judgements:,} draws the"
        yield f"{drawn} error still spans the bound"
    if one.sources:
        yield f"'usru sources {one.sources[0]}' shows what the claim says"


def _counted(result: CheckReport) -> str:
    counts = result.counts
    means = at_means(result.judgements_at_means, ", with ")
    return f"{counts['holds']} hold, {counts['fails']} fail, {counts['undecided']} undecided{means}."


def _small_print(result: CheckReport) -> Iterator[str]:
    most = max(one.trials for one in result.expectations.values()) if result.expectations else 0
    drawn_for = f"{result.trials:,} trials, at most {most:,}" if most > result.trials else f"{most:,} trials"
    draws = f" under {result.judgements:,} draws of the judgements" if result.judgements else ""
    means = at_means(result.judgements_at_means)
    yield (
        f"{drawn_for}{draws}, seed {result.seed}{means}."
        if most
        else f"{exactly(result.judgements, result.seed)}{means}."
    )
    if result.perturbation:
        spread = result.perturbation
        moved = "; ".join(f"{kind} {how}" for kind, how in spread.spreads.items())
        anchored = "; baselines solved for the anchor each time" if spread.anchored else ""
        yield (
            f"'Still holds' counts {spread.models} models with all judgements moved, {spread.trials:,} trials each: "
            f"{moved}{anchored}{'; uncertain ones from their means' if result.uncertain else ''}."
        )
    if result.mutants is not None:
        yield mutants.small_print(result.mutants, result.seed)
