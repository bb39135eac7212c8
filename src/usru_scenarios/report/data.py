"""Results as data: JSON, and rows as CSV or NDJSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

Datum = str | float | None
Rows = tuple[Sequence[str], Iterable[Sequence[Datum]]]
"""The names of the columns, and the rows."""


def to_json(data: dict[str, Any]) -> str:
    """Plain data as JSON for people and programs; a number that is none would be a fault of ours."""
    return json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def ndjson(rows: Rows) -> str:
    """Rows as JSON, one object a line."""
    header, cells = rows
    objects = (dict(zip(header, row, strict=True)) for row in cells)
    return "".join(json.dumps(one, ensure_ascii=False, allow_nan=False) + "\n" for one in objects)


def csv(rows: Rows) -> str:
    """Rows as comma-separated values with a header."""
    import csv
    import io

    header, cells = rows
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([str(one).lower() if isinstance(one, bool) else one for one in row] for row in cells)
    return text.getvalue()
