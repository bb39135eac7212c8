"""Results as data: JSON, and rows as CSV or NDJSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

Datum = str | float | None
Rows = Iterator[Sequence[Datum]]
"""Rows of data; the first one has the names of the columns."""


def to_json(data: dict[str, Any]) -> str:
    """Plain data as JSON for people and programs; a number that is none would be a fault of ours."""
    return json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def to_ndjson(rows: Rows) -> str:
    """Rows as JSON, one object a line."""
    header = next(rows)
    objects = (dict(zip(header, row, strict=True)) for row in rows)
    return "".join(json.dumps(one, ensure_ascii=False, allow_nan=False) + "\n" for one in objects)


def to_csv(rows: Rows) -> str:
    """Rows as comma-separated values with a header."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([str(one).lower() if isinstance(one, bool) else one for one in row] for row in rows)
    return text.getvalue()
