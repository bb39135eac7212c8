"""What rows of data begin with, so that those of several runs can stand in one table; and dates of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from usru_scenarios.report.data import Datum
    from usru_scenarios.results.common import ModelLine

MODEL_COLUMNS = ("model", "model_hash", "profile")
"""The name of the model, the first digits of its hash, and the profile; empty where none is applied."""

_DIGITS = 8


def model_cells(model: ModelLine, profile: str | None) -> tuple[Datum, ...]:
    """What stands in these columns."""
    return model.name, model.sha256[:_DIGITS], profile


def first_day(step: str) -> str | None:
    """The first day of a step by its label, as `2025-04-01` of `2025-Q2`; None where it is no date, such as `now`."""
    year, _, part = step.partition("-")
    if not (year.isdecimal() and len(year) == 4):
        return None
    month = 3 * int(part[1:]) - 2 if part.startswith("Q") else int(part or 1)
    return f"{year}-{month:02d}-01"


def dates(steps: Iterable[str]) -> list[str | None]:
    """The first day of each step."""
    return list(map(first_day, steps))
