"""Solved baselines, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.report.data import MODEL_COLUMNS, first_day, model_cells
from usru_scenarios.report.document import Column, Report, StyledText, Table, number_columns
from usru_scenarios.report.likelihoods import format_percent, format_small_distance
from usru_scenarios.report.provenance import citation_line, describe_sampling

if TYPE_CHECKING:
    from collections.abc import Mapping

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Rows
    from usru_scenarios.report.document import Row
    from usru_scenarios.results.calibrate import Calibration


def rows(result: Calibration, _layout: Layout) -> Rows:
    """One row for each scenario."""
    yield (
        *(*MODEL_COLUMNS, "scenario", "step", "date", "anchor", "share_before", "baseline_before", "baseline"),
        *("trials", "seed"),
    )
    columns = result.anchor, result.shares_before, result.before, result.baselines
    model, step = model_cells(result.model, result.run.profile), (result.at, first_day(result.at))
    for name in result.baselines:
        yield *model, name, *step, *(column[name] for column in columns), result.trials, result.seed


def report(result: Calibration, _layout: Layout, titles: Mapping[str, str] | None = None) -> Report:
    """For each scenario, by its title, what the anchor says, what the file gives, and the baseline that mends it."""
    gap = max(abs(result.anchor[name] - share) for name, share in result.shares_before.items())
    largest_gap = f"The share that is farthest from the anchor misses it by {format_small_distance(gap)} points."
    sampling = describe_sampling(result.trials, result.seed, judgements_at_means=result.judgements_at_means)
    heads = ("anchor", "share\nnow", "baseline\nnow", "baseline\nsolved")
    ranks = {"share\nnow": 1, "baseline\nnow": 2}
    shares = [column._replace(rank=ranks.get(column.head, 0)) for column in number_columns(heads)]
    rows: list[Row] = []
    for name, title in (titles or {name: name for name in result.baselines}).items():
        percents = [format_percent(shares[name], 2) for shares in (result.anchor, result.shares_before)]
        baselines = [_format_baseline(shares[name]) for shares in (result.before, result.baselines)]
        rows.append((StyledText(title, "bold"), *percents, *baselines))
    return Report(
        title=result.model.title,
        subtitle=f"{result.model.name}: what the cited drivers do not explain, solved for {result.at}",
        blocks=[Table([Column(folds=True), *shares], rows)],
        footer=[f"{largest_gap} {sampling}. Baselines sum to 1, as in the file; --write puts them there."],
        citation=citation_line(result.model, result.run.usru_version),
    )


def _format_baseline(baseline: float) -> str:
    """A baseline as it is written into a file: to four decimals, or four digits where it is small."""
    return f"{baseline:.4f}" if baseline >= 0.1 or not baseline else f"{baseline:#.4g}"
