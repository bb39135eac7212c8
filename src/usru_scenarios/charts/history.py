"""The chart of a ledger: what each record said of scenarios, states and questions, over the days of the records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from usru_scenarios.charts import colours, layout
from usru_scenarios.charts.lettering import break_lines, max_width, spread_labels
from usru_scenarios.report.ledger import FROM_RECORDS, describe_period, describe_time, format_count
from usru_scenarios.report.likelihoods import format_error_bound, format_percent, percent_decimals
from usru_scenarios.report.sentences import quote_title

if TYPE_CHECKING:
    from usru_scenarios.results.ledger import History, RecordedPoint, RecordedSeries

_HEIGHT = 300
_DOT, _RESOLVED = 40, 110
"""Areas of a record and of a resolution, in square pixels."""
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
"""Distances of labelled months."""
_MIN_CHANGE = 0.005
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
    days = {record.number: record.date for record in result.records}
    curves = [
        _RecordedCurve(place, series, [days[point.number] for point in series.points])
        for place, series in enumerate(result.series.values())
        if series.points
    ]
    largest_error = max((point.standard_error for curve in curves for point in curve.series.points), default=0.0)
    places = percent_decimals(largest_error, 0)
    views, left = _panel_view(result, curves, places, width) if curves else ([], 0.0)
    details = "; ".join(f"{quote_title(curve.series.title)} {_describe_course(curve, places)}" for curve in curves)
    source = _source_texts(result, largest_error)
    title, subtitle = _title(curves, places), _subtitle(result, curves)
    return layout.specification(width, title, subtitle, views, left=left, source=source, details=f"{details}.")


# Words ----------------------------------------------------------------------------------------------------------------


def _title(curves: Sequence[_RecordedCurve], places: int) -> str:
    """What changed most from its first record to its last, in a sentence."""
    if not curves:
        return "No record says anything of what is asked about."
    most = max(curves, key=lambda curve: (len(curve.days) > 1, abs(curve.change), curve.last.probability))
    course = f"{quote_title(most.series.title)}, {_describe_course(most, places)}."
    if len(most.days) == 1:
        return f"{'Likeliest where it was recorded' if len(curves) > 1 else 'Recorded once'}: {course}"
    if abs(most.change) < _MIN_CHANGE:
        return f"Hardly a forecast changed{' from the first record to the last' if len(curves) > 1 else f': {course}'}"
    return f"{'What changed most' if len(curves) > 1 else 'Over the records'}: {course}"


def _describe_course(curve: _RecordedCurve, places: int) -> str:
    last = f"{format_percent(curve.last.probability, places)} on {curve.days[-1]}"
    if len(curve.days) == 1:
        return last
    return f"from {format_percent(curve.first.probability, places)} on {curve.days[0]} to {last}"


def _subtitle(result: History, curves: Sequence[_RecordedCurve]) -> str:
    time = f", {describe_time(result.at)}" if any(curve.series.kind != "question" for curve in curves) else ""
    is_banded = any(point.low is not None for curve in curves for point in curve.series.points)
    shaded = " Shaded: 90% of the draws of the uncertain judgements." if is_banded else ""
    diamond = " Diamond: how it came out." if any(curve.series.resolution for curve in curves) else ""
    return f"{result.model.title}: each recorded forecast by its day, in percent{time}.{shaded}{diamond}"


def _source_texts(result: History, largest_error: float) -> list[str]:
    models = len({record.model.sha256 for record in result.records})
    days = describe_period(result.records[0].date, result.records[-1].date) if result.records else "none"
    errors = f"; standard errors {format_error_bound(largest_error)}" if largest_error > 0.0 else ""
    records = format_count(len(result.records), "record")
    last, judgements = layout.source_lines(result.model, result.run, 0.0)
    return [
        f"{records} of {format_count(models, 'model')}, {days}{errors}. {FROM_RECORDS}",
        f"The last record: {last[:1].lower()}{last[1:]}",
        judgements,
    ]


# The panel ------------------------------------------------------------------------------------------------------------


class _Days(NamedTuple):
    """An axis of days, by their ordinals, so many pixels long; a single day stands in the middle of three."""

    first: int
    last: int
    room: float

    @classmethod
    def covering(cls, days: Sequence[str], room: float) -> _Days:
        """The axis of all these days."""
        numbers = [date.fromisoformat(day).toordinal() for day in days]
        margin = 1 if min(numbers) == max(numbers) else 0
        return cls(max(min(numbers) - margin, 1), min(max(numbers) + margin, date.max.toordinal()), room)

    def encoding(self) -> layout.View:
        """The channel of `day`."""
        ticks, tick_format = self._ticks()
        return {
            "field": "day",
            "type": "temporal",
            "scale": {"type": "utc", "domain": [_utc_date(self.first), _utc_date(self.last)], "nice": False},
            "axis": {"values": [_utc_date(day) for day in ticks], "format": tick_format, **layout.DATE_AXIS},
        }

    def _ticks(self) -> tuple[list[int], str]:
        """The days that are labelled, and their format: beginnings of months or years, or some days of two months."""
        first, last = date.fromordinal(self.first), date.fromordinal(self.last)
        begin, end = (day.year * 12 + day.month - 1 for day in (first, last))
        for step in _MONTHS:
            tick_format, example = ("%Y", "2025") if step % 12 == 0 else ("%Y-%m", "2025-01")
            months = range(-(-(begin + (first.day > 1)) // step) * step, end + 1, step)
            if len(months) < 2:
                break
            if len(months) * (max_width([example], layout.LABEL) + 14) <= self.room:
                return [date(month // 12, month % 12 + 1, 1).toordinal() for month in months], tick_format
        most = max(int(self.room / (max_width(["2025-01-01"], layout.LABEL) + 14)), 1)
        offsets = layout.round_ticks(0, self.last - self.first, most=most)
        return [self.first + int(offset) for offset in offsets if offset == int(offset)], "%Y-%m-%d"


def _utc_date(ordinal: int) -> layout.View:
    day = date.fromordinal(ordinal)
    return {"year": day.year, "month": day.month, "date": day.day, "utc": True}


def _panel_view(
    result: History, curves: Sequence[_RecordedCurve], places: int, width: int
) -> tuple[list[layout.View], float]:
    """All lines, and what stands to the left of them."""
    shares = [share for curve in curves for point in curve.series.points for share in (point.probability, point.high)]
    resolutions = [curve.series.resolution for curve in curves if curve.series.resolution]
    shares += [1.0 for resolution in resolutions if resolution.came_true]
    scale = layout.percent_scale([share or 0.0 for share in shares])
    room = width - 2 * layout.MARGIN - scale.label_width
    percents = [f" {format_percent(0.00004, places)}", f" {format_percent(1.0, places)}"]
    value = max_width(percents, layout.LABEL, bold=True)
    titles = [curve.series.title for curve in curves]
    name = min(max_width(titles, layout.LABEL, bold=True), 0.36 * room - value - 6)
    length = room - (name + value + 6)
    days = [*(record.date for record in result.records), *(resolution.resolved for resolution in resolutions)]
    channels = {"x": _Days.covering(days, length).encoding(), "y": scale.encoding("likelihood")}
    layers = [_curve_layers(curve, channels) for curve in curves]
    layers += [layer for curve in curves for layer in _outcome_layer(curve, channels)]
    layers.append(_name_layer(curves, scale, length, name, places))
    return [{"width": length, "height": _HEIGHT, "layer": layers}], scale.label_width


def _curve_layers(curve: _RecordedCurve, channels: layout.View) -> layout.View:
    """The band, the line, and a dot for each record."""
    data, without_band = [], 0
    for place, (day, point) in enumerate(zip(curve.days, curve.series.points, strict=True)):
        likelihood, row = layout.to_percent(point.probability), {"what": curve.series.title, "record": point.number}
        data.append({"day": day, "likelihood": likelihood, **row, "place": place})
        if point.low is None or point.high is None:
            without_band += 1  # the band ends here, and begins anew
        else:
            data[-1] |= {"low": layout.to_percent(point.low), "high": layout.to_percent(point.high)}
            data[-1]["part"] = without_band
    colour, order = colours.mark(curve.place), {"field": "place", "type": "quantitative"}
    layers: list[layout.View] = []
    if any("low" in row for row in data):
        band = {**channels, "y": {**channels["y"], "field": "low"}, "y2": {"field": "high"}}
        banded = [{"filter": "isValid(datum.low)"}]
        parts = {**band, "detail": {"field": "part", "type": "nominal"}}
        layers += [
            {"transform": banded, "mark": {"type": "area", "opacity": 0.15, "color": colour}, "encoding": parts},
            {"transform": banded, "mark": {"type": "rule", "opacity": 0.4, "color": colour}, "encoding": band},
        ]
    line = {"type": "line", "strokeWidth": 2.5, "color": colour, "strokeDash": colours.dash(curve.place)}
    layers.append({"mark": line, "encoding": {**channels, "order": order}})
    tooltip = layout.tooltip(what="nominal", day="nominal", record="quantitative", likelihood="quantitative")
    dot = {"type": "circle", "size": _DOT, "opacity": 1, "color": colour}
    layers.append({"mark": dot, "encoding": {**channels, "tooltip": tooltip}})
    return {"data": {"values": data}, "layer": layers}


def _outcome_layer(curve: _RecordedCurve, channels: layout.View) -> Iterator[layout.View]:
    """A diamond where it is known how a question came out."""
    if (outcome := curve.series.resolution) is not None:
        row = {"day": outcome.resolved, "likelihood": 100.0 * outcome.came_true, "what": curve.series.title}
        mark = {
            "type": "point",
            "shape": "diamond",
            "filled": True,
            "opacity": 1,
            "size": _RESOLVED,
            "color": colours.mark(curve.place),
            "stroke": colours.INK,
        }
        encoding = {**channels, "tooltip": layout.tooltip(what="nominal", day="nominal")}
        yield {"data": {"values": [row]}, "mark": mark, "encoding": encoding}


def _name_layer(
    curves: Sequence[_RecordedCurve], scale: layout.Scale, length: float, room: float, places: int
) -> layout.View:
    """The names of the lines to the right of these, each with what the last record that knows it says."""
    line_height = layout.LABEL * layout.LINE
    most = max(int(_HEIGHT / line_height / len(curves)), 1)
    names = [break_lines(curve.series.title, layout.LABEL, room, bold=True, most=min(most, 3)) for curve in curves]
    gap = max(map(len, names)) * line_height + 2
    middles = [_HEIGHT - scale.position(100.0 * curve.last.probability, _HEIGHT) for curve in curves]
    labels = []
    for curve, lines, place in zip(curves, names, spread_labels(middles, gap, 0, _HEIGHT), strict=True):
        percent = format_percent(curve.last.probability, places)
        text = "\n".join([*lines[:-1], f"{lines[-1]} {percent}"])
        top = place - (len(lines) - 1) * line_height / 2
        labels.append(layout.label(text, length + 8, top, colours.text(curve.place)))
    return layout.text_layer(labels, fontWeight="bold")
