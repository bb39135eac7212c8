"""What the records of a ledger say of something over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from usru_scenarios.ledger.chain import Chain
from usru_scenarios.ledger.records import (
    LedgerError,
    NumberedRecord,
    check_names,
    check_time,
    event_kind,
    event_title,
    recorded_point,
)
from usru_scenarios.results.ledger import History, RecordedResolution, RecordedSeries

if TYPE_CHECKING:
    from usru_scenarios.model.evidence import Resolution


def history(chain: Chain, wanted: list[str], at: str, resolutions: Mapping[str, Resolution] | None = None) -> History:
    """The recorded forecasts over time.

    Args:
        chain: the ledger.
        wanted: scenarios, groups, `driver.state`s or questions; all scenarios of the last record where there is none.
        at: the label of a step, or one of `MEASURES`.
        resolutions: how questions came out, by their ids, where that is known.

    Raises:
        LedgerError: there is no record, or none knows a name or the time.
    """
    records = require_records(chain)
    names = wanted or list(records[-1].record.scenarios)
    check_names(records, names)
    check_time(records, at)
    series = {name: _recorded_series(records, name, at, resolutions or {}) for name in names}
    last = records[-1].record
    return History(last.model, last.run, at, [numbered.as_line for numbered in records], series, chain.unreadable_lines)


def require_records(chain: Chain) -> list[NumberedRecord]:
    """The records in the order of their days.

    Raises:
        LedgerError: there is none.
    """
    if not (records := chain.by_day):
        hint = "usru ledger verify says what is wrong" if chain.unreadable_lines else "usru ledger record makes one"
        raise LedgerError("the ledger has no record that can be read", hint)
    return records


def latest_of_each_model(chain: Chain) -> list[NumberedRecord]:
    """The last record of each model by its name, of the latest model first.

    Raises:
        LedgerError: there is none.
    """
    latest: dict[str, NumberedRecord] = {}
    for numbered in reversed(require_records(chain)):
        latest.setdefault(numbered.record.model.name, numbered)
    return list(latest.values())


def _recorded_series(
    records: list[NumberedRecord], name: str, at: str, resolutions: Mapping[str, Resolution]
) -> RecordedSeries:
    points = [point for numbered in records if (point := recorded_point(numbered, name, at)) is not None]
    kind, title = next(
        (kind, event_title(numbered.record, name))
        for numbered in reversed(records)
        if (kind := event_kind(numbered.record, name)) is not None
    )
    matching = resolutions.get(name) if kind == "question" else None
    resolution = None if matching is None else RecordedResolution(matching.came_true, matching.resolved)
    return RecordedSeries(kind, title, points, resolution)
