"""Solved baselines, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from usru_scenarios.report.provenance_line import how
from usru_scenarios.report.terminal import drawn, grid, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from usru_scenarios.report import Layout
    from usru_scenarios.results.calibrate import Calibration


def table(result: Calibration, titles: Mapping[str, str], layout: Layout) -> str:
    """For each scenario, by its title, what the anchor says, what the file gives, and the baseline that mends it."""
    head = words(result.model.title, "bold")
    about = words(f"{result.model.name}: what the cited drivers do not explain, solved for {result.at}", "dim")
    gap = max(abs(result.anchor[name] - share) for name, share in result.shares_before.items())
    drawn_with = how(
        result.trials, result.seed, None, conditioned=False, judgements_at_means=result.judgements_at_means
    )
    foot = (
        f"The file misses its anchor by {gap:.4f} at most. {drawn_with}. "
        "Baselines sum to 1; --write puts them into the file."
    )
    return drawn([head, about, Text(), _rows(result, titles), Text(), words(foot, "dim")], layout)


def _rows(result: Calibration, titles: Mapping[str, str]) -> Table:
    rows = grid()
    rows.add_column("")
    for header in ("anchor", "share\nbefore", "baseline\nbefore", "baseline\nsolved"):
        rows.add_column(header, justify="right", no_wrap=True)
    for name, title in titles.items():
        numbers = (result.anchor[name], result.shares_before[name], result.before[name], result.baselines[name])
        rows.add_row(words(title, "bold"), *(f"{number:.4f}" for number in numbers))
    return rows
