"""Results as data: JSON, and rows as CSV or NDJSON; and what rows begin with, so that several runs fit in one table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from usru_scenarios.results.common import ModelLine

Datum = str | float | None
Rows = Iterator[Sequence[Datum]]
"""Rows of data; the first one has the names of the columns."""

MODEL_COLUMNS = ("model", "model_hash", "profile")
"""The name of the model, the first digits of its hash, and the profile; empty where none is applied."""

_HASH_DIGITS = 8


def model_cells(model: ModelLine, profile: str | None) -> tuple[Datum, ...]:
    """The cells of these columns."""
    return model.name, model.sha256[:_HASH_DIGITS], profile


def first_day(step: str) -> str | None:
    """The first day of a step by its label, as `2025-04-01` of `2025-Q2`; None where it is no date, such as `now`."""
    year, _, part = step.partition("-")
    if not (year.isdecimal() and len(year) == 4):
        return None
    month = 3 * int(part[1:]) - 2 if part.startswith("Q") else int(part or 1)
    return f"{year}-{month:02d}-01"


def to_json(data: dict[str, Any]) -> str:
    """Plain data as JSON for people and programs; NaN and infinities are refused."""
    return json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def to_ndjson(rows: Rows) -> str:
    """Rows as JSON, one object a line."""
    header = next(rows)
    records = (dict(zip(header, row, strict=True)) for row in rows)
    return "".join(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n" for record in records)


def to_csv(rows: Rows) -> str:
    """Rows as comma-separated values with a header."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([str(cell).lower() if isinstance(cell, bool) else cell for cell in row] for row in rows)
    return text.getvalue()
