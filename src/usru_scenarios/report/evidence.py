"""What the items of an evidence file did to the forecast, for people: a row for each; and as rows of data.

| column of the rows       | meaning                                                                        |
|--------------------------|--------------------------------------------------------------------------------|
| `model`, `model_hash`, `profile` | which model it is                                                     |
| `item`, `text`           | the id of an item that acts, and what it says; a row for each and each scenario |
| `learned`                | the day on which it became known; rows are in this order                       |
| `probability`            | how likely the model found it, given the items before, with its standard error |
| `surprise`               | the same in bits                                                               |
| `scenario`               | a scenario                                                                     |
| `forecast`, `moved`      | its probability at the last step once the item is known, and by how much that  |
|                          | changed it                                                                     |
| `effective_trials`       | the effective sample size that is left; empty where it is exact                |
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from usru_scenarios.report import document
from usru_scenarios.report.data import MODEL_COLUMNS, model_cells
from usru_scenarios.report.document import Column, Heading, Legend, Report, StyledText, Table, bullets, paragraph
from usru_scenarios.report.likelihoods import format_percent, format_points
from usru_scenarios.report.provenance import describe_profile, describe_run, result_report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Rows
    from usru_scenarios.report.document import Block, Row
    from usru_scenarios.results.evidence import EvidenceReport

_SURPRISE = "surprise,\nbits"

_MEANING = (
    "likely: given the items before; of a hint, as if the state that fits best made it certain. ",
    Legend("Surprise: the same in bits, of which a coin has 1. ", (_SURPRISE,)),
    "Other columns: points by which the item moved each scenario.",
)


def report(result: EvidenceReport, layout: Layout) -> Report:
    """The items in the order in which they were learned, and who foresaw them best."""
    run = result.run
    subtitle = f"{result.model.name}{describe_profile(run.profile)}, for the forecast of {run.steps[-1]}"
    blocks = [*_item_table(result), *_inactive_items(result, layout), *_foresight(result)]
    return result_report(result, subtitle, blocks, [_MEANING, f"{describe_run(run)}."], title="What has been seen")


def _item_table(result: EvidenceReport) -> Iterator[Block]:
    if not result.items:
        yield paragraph("Nothing has been seen.")
        return
    sampled = any(item.effective_trials is not None for item in result.items.values())
    columns = [document.name_column("item"), Column("learned", no_wrap=True, rank=1), Column("likely", "number")]
    columns.append(Column(_SURPRISE, "number", rank=3))
    columns += document.number_columns([title.replace(" ", "\n") for title in result.scenarios.values()])
    columns += [Column("effective\ntrials", "number", rank=2)] if sampled else []
    rows: list[Row] = [_forecast_row("before any", result.before, sampled=sampled)]
    for name, item in result.items.items():
        moves = (format_points(change, 1) for change in item.moved.values())
        effective = [f"{item.effective_trials or 0.0:,.0f}"] if sampled else []
        likely = _format_probability(item.probability)
        rows.append((StyledText(name, "bold"), item.learned, likely, f"{item.surprise:.2f}", *moves, *effective))
    last = list(result.items.values())[-1]
    yield Table(columns, [*rows, _forecast_row("after all", last.forecast, sampled=sampled)])


def _forecast_row(name: str, forecast: dict[str, float], *, sampled: bool) -> Row:
    """A row with the probabilities of the scenarios."""
    shares = [format_percent(share, 1) for share in forecast.values()]
    return StyledText(name, "dim"), "", "", "", *shares, *([""] if sampled else [])


def _format_probability(probability: float) -> str:
    """A probability in percent; a small one with two digits."""
    places = 1 if probability >= 0.01 else max(1, 1 - math.floor(math.log10(100.0 * probability)))
    return format_percent(probability, places)


def _inactive_items(result: EvidenceReport, layout: Layout) -> Iterator[Block]:
    if result.passed_over:
        yield Heading("Items that do not act")
        reasons = bullets(f"{name}: {why}" for name, why in result.passed_over.items())
        yield reasons._replace(as_list=not layout.width)


def _foresight(result: EvidenceReport) -> Iterator[Block]:
    """Log scores, the best first."""
    if len(result.foresight) == 1:
        yield paragraph(f"Log score: {result.log_score:.2f}")
        return
    yield Heading("Who foresaw it best")
    rows: list[Row] = []
    for name, score in sorted(result.foresight.items(), key=lambda entry: entry[1].behind):
        behind = f"{-score.behind:.2f}" if score.behind else "best"
        rows.append((name, f"{score.log_score:.2f}", f"{score.standard_error:.2f}", behind))
    errors = Column("± one\nerror", "number", label="± one standard error", rank=1)
    scores, gaps = document.number_columns(["log score", "behind"])
    yield Table([document.name_column("profile"), scores, errors, gaps], rows)


def rows(result: EvidenceReport, _layout: Layout) -> Rows:
    """A row for each item and scenario."""
    yield (
        *(*MODEL_COLUMNS, "item", "text", "learned", "probability", "standard_error", "surprise"),
        *("scenario", "forecast", "moved", "effective_trials"),
    )
    model = model_cells(result.model, result.run.profile)
    for name, item in result.items.items():
        for scenario, forecast in item.forecast.items():
            yield (
                *(*model, name, item.text, item.learned, item.probability, item.standard_error, item.surprise),
                *(scenario, forecast, item.moved[scenario], item.effective_trials),
            )
