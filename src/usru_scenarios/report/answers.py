"""The answers to several queries, for people and as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.report import ask
from usru_scenarios.report.document import Column, Lines, Report, Table, Words, numbers
from usru_scenarios.report.likelihoods import BAND, ONE_ERROR
from usru_scenarios.report.provenance_line import conditions, how, profiled
from usru_scenarios.results.ask import Answer

if TYPE_CHECKING:
    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Rows
    from usru_scenarios.report.document import Block, Cell
    from usru_scenarios.results.ask import Answers


def report(result: Answers, _layout: Layout) -> Report:
    """A row for each query; below them why some have no answer."""
    columns = [Column("query", fills=True, folds=True), *numbers(["answer", BAND])]
    rows: list[tuple[Cell, ...]] = []
    blocks: list[Block] = [Table(columns, rows)]
    for one in result.in_order():
        query = " ".join(one.query.split())
        rows.append((query, *_cells(one)) if isinstance(one, Answer) else (query, "none", ""))
    if without := tuple(Words(f"{one.number}: {one.problem.splitlines()[0]}") for one in result.unanswered):
        blocks.append(Lines(without, listed=True))
    meant = f" {ONE_ERROR}." if any(one.standard_error for one in result.answers) else ""
    first = max(result.answers, key=lambda one: one.trials, default=None)
    return Report(
        title=result.model.title,
        subtitle=f"{result.model.name}{profiled(first.profile) if first else ''}",
        blocks=blocks,
        footer=[f"{how(first.trials, first.seed, judgements=first.judgements)}.{meant}"] if first else [],
        conditions=conditions(first.do, first.given) if first else (),
    )


def rows(result: Answers, _layout: Layout) -> Rows:
    """A row for each query, as of one alone, and why it has no answer."""
    empty = (None,) * (len(ask.ROW) - 3)
    found = [
        (*ask.row(one), None) if isinstance(one, Answer) else (result.model.name, None, one.query, *empty, one.problem)
        for one in result.in_order()
    ]
    return (*ask.ROW, "problem"), found


def _cells(one: Answer) -> tuple[str, str]:
    """The value with its error, and the band; of a comparison its verdict."""
    if one.compares:
        verdict = "undecided" if one.holds is None else "holds" if one.holds else "fails"
        return f"{verdict}{f' at {one.step}' if one.step else ''}", ""
    return ("no number", "") if one.value is None else ask.found(one, one.value)
