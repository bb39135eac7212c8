"""The answers to several queries, for people and as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.report import ask
from usru_scenarios.report.data import model_cells
from usru_scenarios.report.document import Column, Report, Table, bullets, number_columns
from usru_scenarios.report.likelihoods import BAND_HEAD, ERROR_MEANING
from usru_scenarios.report.provenance import citation_line, describe_profile, describe_sampling, list_conditions
from usru_scenarios.results.ask import Answer

if TYPE_CHECKING:
    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Rows
    from usru_scenarios.report.document import Block, Row
    from usru_scenarios.results.ask import Answers


def report(result: Answers, _layout: Layout) -> Report:
    """A row for each query; below them why some have no answer."""
    times = Column(kind="notes", label="time")
    answers, bands = number_columns(["answer", BAND_HEAD])
    columns = [Column("query", takes_rest=True, folds=True), times, answers, bands._replace(rank=1)]
    rows: list[Row] = []
    for entry in result.in_order():
        query = " ".join(entry.query.split())
        if isinstance(entry, Answer):
            rows.append((query, ask.answer_time(entry), *_answer_cells(entry)))
        else:
            rows.append((query, "", "none", ""))
    if not any(row[-1] for row in rows):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    blocks: list[Block] = [Table(columns, rows)]
    problems = [f"{entry.number}: {entry.problem.splitlines()[0]}" for entry in result.unanswered]
    if problems:
        blocks.append(bullets(problems))
    title = result.model.title
    if not result.answers:
        return Report(title, result.model.name, blocks, [])
    longest = max(result.answers, key=lambda answer: answer.trials)
    sampling = describe_sampling(longest.trials, longest.seed, judgements=longest.judgements)
    errors = f" {ERROR_MEANING}." if any(answer.standard_error for answer in result.answers) else ""
    return Report(
        title,
        subtitle=f"{result.model.name}{describe_profile(longest.profile)}",
        blocks=blocks,
        footer=[f"{sampling}.{errors}"],
        conditions=list_conditions(longest.do, longest.given),
        citation=citation_line(longest.model, longest.run.usru_version),
    )


def rows(result: Answers, _layout: Layout) -> Rows:
    """A row for each query, as of one alone, and why it has no answer."""
    yield *ask.COLUMNS, "problem"
    model = model_cells(result.model, result.answers[0].profile if result.answers else None)
    empty = (None,) * (len(ask.COLUMNS) - len(model) - 1)
    for entry in result.in_order():
        if isinstance(entry, Answer):
            yield *ask.answer_row(entry), None
        else:
            yield *model, entry.query, *empty, entry.problem


def _answer_cells(answer: Answer) -> tuple[str, str]:
    """The value with its error, and the band; of a comparison its verdict."""
    if answer.compares:
        return ask.describe_outcome(answer), ""
    return ("no number", "") if answer.value is None else ask.format_value_and_band(answer, answer.value)
