"""Results as data: JSON, and tidy rows as CSV or NDJSON.

Rows have fixed columns. There is one row for each scenario, group, or state of a driver or consequence, and step; a
numeric driver has one row for each step.

| column           | meaning                                                                                   |
|------------------|-------------------------------------------------------------------------------------------|
| `kind`           | scenario, group, driver or consequence                                                    |
| `id`             | as in the file                                                                            |
| `state`          | of a driver or consequence with states, otherwise empty                                   |
| `step`           | the label of the step                                                                     |
| `probability`    | that it holds at the step; empty for a numeric driver                                     |
| `mean`           | of a numeric driver at the step, otherwise empty                                          |
| `standard_error` | of sampling, of the probability or mean                                                   |
| `first_visit`    | that the step is the first visit, of scenarios and groups; their sum is `ever`            |
| `q05` ... `q95`  | quantiles of a numeric driver at the step                                                 |
| `band_low`,      | of scenarios and groups, the 90% band that comes from uncertain judgements; empty where   |
| `band_high`      | none is drawn                                                                             |

In wide rows `quantity` says whether it is a `probability` or a `mean`, and the steps are columns.
"""

from __future__ import annotations

import csv as csv_format
import io
import json as json_format
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from usru_scenarios.results.simulate import Simulation, StatesResult

if TYPE_CHECKING:
    from usru_scenarios.report import Layout

QUANTILES = {"q05": "0.05", "q25": "0.25", "q50": "0.50", "q75": "0.75", "q95": "0.95"}
"""The columns of quantiles, and their names in the result."""

COLUMNS = ("kind", "id", "state", "step", "probability", "mean", "standard_error", "first_visit", *QUANTILES)
COLUMNS += ("band_low", "band_high")

Row = dict[str, str | float | None]


def to_json(data: dict[str, Any]) -> str:
    """Plain data as JSON for people and programs; a number that is none would be a fault of ours."""
    return json_format.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def json(result: Simulation, _layout: Layout) -> str:
    """The whole result."""
    return to_json(result.to_dict())


def ndjson(result: Simulation, layout: Layout) -> str:
    """Rows as JSON, one object a line."""
    return "".join(
        json_format.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in _rows(result, wide=layout.wide)
    )


def csv(result: Simulation, layout: Layout) -> str:
    """Rows as comma-separated values with a header."""
    columns = ("kind", "id", "state", "quantity", *result.run.steps) if layout.wide else COLUMNS
    text = io.StringIO()
    writer = csv_format.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_rows(result, wide=layout.wide))
    return text.getvalue()


def _rows(result: Simulation, *, wide: bool) -> Iterator[Row]:
    for series in _series(result):
        if wide:
            quantity = "mean" if series["probability"] is None else "probability"
            steps = dict(zip(result.run.steps, series[quantity], strict=True))
            yield {**{key: series[key] for key in ("kind", "id", "state")}, "quantity": quantity, **steps}
        else:
            for number, step in enumerate(result.run.steps):
                yield {
                    column: step if column == "step" else entry[number] if isinstance(entry, list) else entry
                    for column in COLUMNS
                    for entry in [series.get(column)]
                }


def _series(result: Simulation) -> Iterator[dict[str, Any]]:
    """What becomes a row for each step: values that vary are lists over the steps."""
    for kind, scenarios in (("scenario", result.scenarios), ("group", result.groups)):
        for name, scenario in scenarios.items():
            yield {
                "kind": kind,
                "id": name,
                "state": None,
                "probability": scenario.by_step,
                "standard_error": scenario.standard_errors.by_step,
                "first_visit": scenario.first_visit,
                "band_low": scenario.band and scenario.band.low,
                "band_high": scenario.band and scenario.band.high,
            }
    for kind, nodes in (("driver", result.drivers), ("consequence", result.consequences)):
        for name, node in nodes.items():
            if isinstance(node, StatesResult):
                for state, share in node.by_step.items():
                    yield {
                        "kind": kind,
                        "id": name,
                        "state": state,
                        "probability": share,
                        "standard_error": node.standard_errors[state],
                    }
            else:
                yield {
                    "kind": kind,
                    "id": name,
                    "state": None,
                    "probability": None,
                    "mean": node.mean,
                    "standard_error": node.standard_errors.mean,
                    **{column: node.quantiles[share] for column, share in QUANTILES.items()},
                }
