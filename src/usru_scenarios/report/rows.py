"""Answers that are many likelihoods, as comma-separated rows.

A comparison has a row for each variant, scenario or group, and time (`mean`, which is the share of time, or a step):

| column             | meaning                                                                 |
|--------------------|-------------------------------------------------------------------------|
| `variant`          | its name; the first is the reference                                    |
| `kind`, `id`       | scenario or group, as in the file                                       |
| `at`               | the time                                                                |
| `probability`      | with its `standard_error` of sampling                                   |
| `difference`       | to the reference, with its own standard error, `difference_error`; empty for the reference |
| `band_low`, ...    | of the probability and of the difference, where uncertain judgements are drawn |

A sweep has a row for each point, time, and scenario or group: one or two columns that are called as the variables, then
`kind`, `id`, `at`, `probability` and `standard_error`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usru_scenarios.results.compare import Comparison, Likelihood
    from usru_scenarios.results.sweep import Sweep

Cell = str | float | None

_NONE: tuple[None, None] = (None, None)


def comparison(result: Comparison) -> str:
    """The rows of a comparison."""
    numbers = "probability", "standard_error", "difference", "difference_error"
    bands = "band_low", "band_high", "difference_low", "difference_high"
    return _written(("variant", "kind", "id", "at", *numbers, *bands), _compared(result))


def _compared(result: Comparison) -> Iterator[tuple[Cell, ...]]:
    for variant, one in result.variants.items():
        for kind, found in (("scenario", one.scenarios), ("group", one.groups)):
            for name, likelihood in found.items():
                for at, *numbers in _times(likelihood, result.run.steps):
                    yield (variant, kind, name, at, *numbers)


def _times(one: Likelihood, steps: list[str]) -> Iterator[tuple[Cell, ...]]:
    """The numbers of a likelihood: its mean, then step by step."""
    errors, apart = one.standard_errors, one.difference
    bands = [part and part.band for part in (one, apart)]
    change = (apart.mean, apart.standard_errors.mean) if apart else _NONE
    yield "mean", one.mean, errors.mean, *change, *(edge for band in bands for edge in (band.mean if band else _NONE))
    for number, step in enumerate(steps):
        change = (apart.by_step[number], apart.standard_errors.by_step[number]) if apart else _NONE
        edges = [(band.low[number], band.high[number]) if band else _NONE for band in bands]
        yield step, one.by_step[number], errors.by_step[number], *change, *(edge for pair in edges for edge in pair)


def sweep(result: Sweep) -> str:
    """The rows of a sweep."""
    names = [one.name for one in result.variables]
    return _written([*names, "kind", "id", "at", "probability", "standard_error"], _swept(result))


def _swept(result: Sweep) -> Iterator[tuple[Cell, ...]]:
    found = (("scenario", result.scenarios), ("group", result.groups))
    rows = [(kind, name, one) for kind, each in found for name, one in each.items()]
    for number, point in enumerate(result.points):
        for at in result.at:
            for kind, name, one in rows:
                curve = one.curves[at]
                yield (*point, kind, name, at, curve.probability[number], curve.standard_errors[number])


def _written(header: Iterable[str], rows: Iterable[tuple[Cell, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
