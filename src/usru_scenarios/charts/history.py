"""The chart of a ledger: what each record said of scenarios, states and questions, over the days of the records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from usru_scenarios.charts import colours, layout
from usru_scenarios.charts.lettering import break_lines, max_width, spread_labels
from usru_scenarios.report.forecast_in_words import quote_title
from usru_scenarios.report.ledger import FROM_RECORDS, describe_period, describe_time, format_count
from usru_scenarios.report.likelihoods import format_error_bound, format_percent, percent_decimals

if TYPE_CHECKING:
    from usru_scenarios.results.ledger import History, RecordedPoint, RecordedSeries

_HEIGHT = 300
_DOT, _RESOLVED = 40, 110
"""Areas of a record and of a resolution, in square pixels."""
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
"""Distances of labelled months."""
_LEAST_CHANGE = 0.005
"""The least change of a likelihood that is spoken of."""


class _RecordedCurve(NamedTuple):
    """A series that some record knows, the days of its points, and its place among all, which is its colour."""

    place: int
    series: RecordedSeries
    days: list[str]

    @property
    def first(self) -> RecordedPoint:
        return self.series.points[0]

    @property
    def last(self) -> RecordedPoint:
        return self.series.points[-1]

    @property
    def change(self) -> float:
        return self.last.probability - self.first.probability


def history(result: History, width: int) -> layout.View:
    """A line for each thing that is asked about, with its name at the end: a point for each record that knows it.

    The days stand as far apart as they are. Shaded is the band of the judgements, where it is recorded; a diamond
    stands where it is known how a question came out, at 100% if it came true and at 0% if not.
    """
    found = list(_drawn(result))
    places = percent_decimals(
        max((point.standard_error for one in found for point in one.series.points), default=0.0), 0
    )
    views, left = _panel(result, found, places, width) if found else ([], 0.0)
    read = "; ".join(f"{quote_title(one.series.title)} {_course(one, places)}" for one in found)
    picture = layout.Picture(
        _title(found, places), _told(result, found), views, left, _source(result, found), f"{read}."
    )
    return layout.made(picture, width)


def _drawn(result: History) -> Iterator[_RecordedCurve]:
    days = {one.number: one.date for one in result.records}
    for place, series in enumerate(result.series.values()):
        if series.points:
            yield _RecordedCurve(place, series, [days[point.number] for point in series.points])


# Words ----------------------------------------------------------------------------------------------------------------


def _title(found: Sequence[_RecordedCurve], places: int) -> str:
    """What changed most from its first record to its last, in a sentence."""
    if not found:
        return "No record says anything of what is asked about."
    moved = max(found, key=lambda one: (len(one.days) > 1, abs(one.change), one.last.probability))
    said = f"{quote_title(moved.series.title)}, {_course(moved, places)}."
    if len(moved.days) == 1:
        return f"{'Likeliest where it was recorded' if len(found) > 1 else 'Recorded once'}: {said}"
    if abs(moved.change) < _LEAST_CHANGE:
        return f"Hardly a forecast changed{' from the first record to the last' if len(found) > 1 else f': {said}'}"
    return f"{'What changed most' if len(found) > 1 else 'Over the records'}: {said}"


def _course(one: _RecordedCurve, places: int) -> str:
    last = f"{format_percent(one.last.probability, places)} on {one.days[-1]}"
    return (
        last
        if len(one.days) == 1
        else f"from {format_percent(one.first.probability, places)} on {one.days[0]} to {last}"
    )


def _told(result: History, found: Sequence[_RecordedCurve]) -> str:
    when = f", {describe_time(result.at)}" if any(one.series.kind != "question" for one in found) else ""
    banded = any(point.low is not None for one in found for point in one.series.points)
    shaded = " Shaded: 90% of the draws of the uncertain judgements." if banded else ""
    came = " Diamond: how it came out." if any(one.series.resolution for one in found) else ""
    return f"{result.model.title}: each recorded forecast by its day, in percent{when}.{shaded}{came}"


def _source(result: History, found: Sequence[_RecordedCurve]) -> list[str]:
    models = len({one.model.sha256 for one in result.records})
    days = describe_period(result.records[0].date, result.records[-1].date) if result.records else "none"
    largest = max((point.standard_error for one in found for point in one.series.points), default=0.0)
    errors = f"; standard errors {format_error_bound(largest)}" if largest > 0.0 else ""
    records = format_count(len(result.records), "record")
    last, judgements = layout.source_lines(result.model, result.run, 0.0)
    return [
        f"{records} of {format_count(models, 'model')}, {days}{errors}. {FROM_RECORDS}",
        f"The last record: {last[:1].lower()}{last[1:]}",
        judgements,
    ]


# The panel ------------------------------------------------------------------------------------------------------------


class _Days(NamedTuple):
    """An axis of days from one to another, so many pixels long; a single day stands in the middle of three."""

    first: int
    last: int
    room: float

    @classmethod
    def over(cls, days: Sequence[str], room: float) -> _Days:
        numbers = [date.fromisoformat(day).toordinal() for day in days]
        alone = min(numbers) == max(numbers)
        return cls(max(min(numbers) - alone, 1), min(max(numbers) + alone, date.max.toordinal()), room)

    def encoding(self) -> layout.View:
        """The channel of `day`."""
        ticks = self._ticks()
        return {
            "field": "day",
            "type": "temporal",
            "scale": {"type": "utc", "domain": [_utc(self.first), _utc(self.last)], "nice": False},
            "axis": {"values": [_utc(one) for one in ticks.days], "format": ticks.format, **layout.DATE_AXIS},
        }

    def _ticks(self) -> _Ticks:
        """The beginnings of months or years, as many as there is room for; of less than two months some days."""
        first, last = date.fromordinal(self.first), date.fromordinal(self.last)
        begin, end = (day.year * 12 + day.month - 1 for day in (first, last))
        for step in _MONTHS:
            form, shown = ("%Y", "2025") if step % 12 == 0 else ("%Y-%m", "2025-01")
            months = range(-(-(begin + (first.day > 1)) // step) * step, end + 1, step)
            if len(months) < 2:
                break
            if len(months) * (max_width([shown], layout.LABEL) + 14) <= self.room:
                return _Ticks([date(one // 12, one % 12 + 1, 1).toordinal() for one in months], form)
        most = max(int(self.room / (max_width(["2025-01-01"], layout.LABEL) + 14)), 1)
        some = [day for one in layout.round_ticks(0, self.last - self.first, most=most) if one == (day := int(one))]
        return _Ticks([self.first + day for day in some], "%Y-%m-%d")


class _Ticks(NamedTuple):
    """The days that are labelled, and how."""

    days: list[int]
    format: str


def _utc(ordinal: int) -> layout.View:
    day = date.fromordinal(ordinal)
    return {"year": day.year, "month": day.month, "date": day.day, "utc": True}


def _panel(
    result: History, found: Sequence[_RecordedCurve], places: int, width: int
) -> tuple[list[layout.View], float]:
    """All lines, and what stands to the left of them."""
    shares = [share for one in found for point in one.series.points for share in (point.probability, point.high or 0.0)]
    shares += [1.0 for one in found if one.series.resolution and one.series.resolution.came_true]
    scale = layout.percent_scale(shares)
    room = width - 2 * layout.MARGIN - scale.left
    value = max_width(
        [f" {format_percent(0.00004, places)}", f" {format_percent(1.0, places)}"], layout.LABEL, bold=True
    )
    name = min(max_width((one.series.title for one in found), layout.LABEL, bold=True), 0.36 * room - value - 6)
    across = room - (name + value + 6)
    x = _Days.over([*(one.date for one in result.records), *_resolved(found)], across).encoding()
    y = scale.encoding("likelihood")
    layers = [layer for one in found for layer in _curve(one, x, y)]
    layers += [layer for one in found for layer in _outcome(one, x, y)]
    layers.append(_named(found, scale, across, name, places))
    return [{"width": across, "height": _HEIGHT, "layer": layers}], scale.left


def _resolved(found: Sequence[_RecordedCurve]) -> list[str]:
    return [one.series.resolution.resolved for one in found if one.series.resolution]


def _curve(one: _RecordedCurve, x: layout.View, y: layout.View) -> Iterator[layout.View]:
    """The band, the line, and a dot for each record."""
    data, without = [], 0
    for place, (day, point) in enumerate(zip(one.days, one.series.points, strict=True)):
        likelihood, row = layout.to_percent(point.probability), {"what": one.series.title, "record": point.number}
        data.append({"day": day, "likelihood": likelihood, **row, "place": place})
        if point.low is None or point.high is None:
            without += 1  # the band ends here, and begins anew
        else:
            data[-1] |= {"low": layout.to_percent(point.low), "high": layout.to_percent(point.high), "part": without}
    colour, order = colours.mark(one.place), {"field": "place", "type": "quantitative"}
    both = {"x": x, "y": y}
    layers: list[layout.View] = []
    if any("low" in row for row in data):
        band = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}
        kept = [{"filter": "isValid(datum.low)"}]
        parts = {**band, "detail": {"field": "part", "type": "nominal"}}
        layers += [
            {"transform": kept, "mark": {"type": "area", "opacity": 0.15, "color": colour}, "encoding": parts},
            {"transform": kept, "mark": {"type": "rule", "opacity": 0.4, "color": colour}, "encoding": band},
        ]
    line = {"type": "line", "strokeWidth": 2.5, "color": colour, "strokeDash": colours.dash(one.place)}
    layers.append({"mark": line, "encoding": {**both, "order": order}})
    told = layout.tooltip(what="nominal", day="nominal", record="quantitative", likelihood="quantitative")
    dot = {"type": "circle", "size": _DOT, "opacity": 1, "color": colour}
    layers.append({"mark": dot, "encoding": {**both, "tooltip": told}})
    yield {"data": {"values": data}, "layer": layers}


def _outcome(one: _RecordedCurve, x: layout.View, y: layout.View) -> Iterator[layout.View]:
    """A diamond where it is known how a question came out."""
    if (known := one.series.resolution) is not None:
        row = {"day": known.resolved, "likelihood": 100.0 * known.came_true, "what": one.series.title}
        mark = {
            "type": "point",
            "shape": "diamond",
            "filled": True,
            "opacity": 1,
            "size": _RESOLVED,
            "color": colours.mark(one.place),
            "stroke": colours.INK,
        }
        encoding = {"x": x, "y": y, "tooltip": layout.tooltip(what="nominal", day="nominal")}
        yield {"data": {"values": [row]}, "mark": mark, "encoding": encoding}


def _named(
    found: Sequence[_RecordedCurve], scale: layout.Scale, across: float, room: float, places: int
) -> layout.View:
    """The names of the lines to the right of these, each with what the last record that knows it says."""
    most = max(int(_HEIGHT / (layout.LABEL * layout.LINE) / len(found)), 1)
    named = [break_lines(one.series.title, layout.LABEL, room, bold=True, most=min(most, 3)) for one in found]
    gap = max(map(len, named)) * layout.LABEL * layout.LINE + 2
    middles = [_HEIGHT - scale.place(100.0 * one.last.probability, _HEIGHT) for one in found]
    rows = [
        layout.label(
            "\n".join([*words[:-1], f"{words[-1]} {format_percent(one.last.probability, places)}"]),
            across + 8,
            place - (len(words) - 1) * layout.LABEL * layout.LINE / 2,
            colours.text(one.place),
        )
        for one, words, place in zip(found, named, spread_labels(middles, gap, 0, _HEIGHT), strict=True)
    ]
    return layout.text_layer(rows, fontWeight="bold")
