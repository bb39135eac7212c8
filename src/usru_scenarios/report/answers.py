"""The answers to several queries, for people and as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.report import ask
from usru_scenarios.report.data import model_cells
from usru_scenarios.report.document import Column, Lines, Report, StyledText, Table, number_columns
from usru_scenarios.report.likelihoods import BAND_HEAD, ERROR_MEANING
from usru_scenarios.report.provenance_line import citation_line, describe_profile, describe_sampling, list_conditions
from usru_scenarios.results.ask import Answer

if TYPE_CHECKING:
    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Rows
    from usru_scenarios.report.document import Block, Cell
    from usru_scenarios.results.ask import Answers


def report(result: Answers, _layout: Layout) -> Report:
    """A row for each query; below them why some have no answer."""
    times = Column(kind="notes", label="time")
    answers, bands = number_columns(["answer", BAND_HEAD])
    columns = [Column("query", takes_rest=True, folds=True), times, answers, bands._replace(rank=1)]
    rows: list[tuple[Cell, ...]] = []
    for one in result.in_order():
        query = " ".join(one.query.split())
        rows.append((query, ask.answer_time(one), *_cells(one)) if isinstance(one, Answer) else (query, "", "none", ""))
    if not any(row[-1] for row in rows):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    blocks: list[Block] = [Table(columns, rows)]
    if without := tuple(StyledText(f"{one.number}: {one.problem.splitlines()[0]}") for one in result.unanswered):
        blocks.append(Lines(without, as_list=True))
    meant = f" {ERROR_MEANING}." if any(one.standard_error for one in result.answers) else ""
    first = max(result.answers, key=lambda one: one.trials, default=None)
    return Report(
        title=result.model.title,
        subtitle=f"{result.model.name}{describe_profile(first.profile) if first else ''}",
        blocks=blocks,
        footer=[f"{describe_sampling(first.trials, first.seed, judgements=first.judgements)}.{meant}"] if first else [],
        conditions=list_conditions(first.do, first.given) if first else (),
        citation=citation_line(first.model, first.run.usru_version) if first else "",
    )


def rows(result: Answers, _layout: Layout) -> Rows:
    """A row for each query, as of one alone, and why it has no answer."""
    yield *ask.COLUMNS, "problem"
    first = next(iter(result.answers), None)
    model = model_cells(result.model, first.profile if first else None)
    empty = (None,) * (len(ask.COLUMNS) - len(model) - 1)
    for one in result.in_order():
        yield (*ask.answer_row(one), None) if isinstance(one, Answer) else (*model, one.query, *empty, one.problem)


def _cells(one: Answer) -> tuple[str, str]:
    """The value with its error, and the band; of a comparison its verdict."""
    if one.compares:
        verdict = "undecided" if one.holds is None else "holds" if one.holds else "fails"
        return f"{verdict}{f' at {one.step}' if one.step else ''}", ""
    return ("no number", "") if one.value is None else ask.format_value_and_band(one, one.value)
