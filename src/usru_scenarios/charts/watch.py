"""The chart of what to watch: for each indicator by how much its observation would move each scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.charts import colours, layout
from usru_scenarios.report.forecast_in_words import quote_title
from usru_scenarios.report.likelihoods import format_distance, format_percent, percent_decimals

if TYPE_CHECKING:
    from usru_scenarios.results.watch import Indicator, Watch

_ROW, _DOT = 38.0, 70.0


def watch(result: Watch, width: int) -> layout.View:
    """A row for each indicator, the largest expected move first: a dot for each scenario that it moves."""
    room = width - 2 * layout.MARGIN
    places = max(
        percent_decimals(max((one.standard_errors.expected_move for one in result.indicators), default=0.0)), 1
    )
    shown = list(result.forecast) if result.of is None else [result.of]
    titles = [(f"{one.title}: {one.state_title.replace('_', ' ')}", _note(one, places)) for one in result.indicators]
    inner = layout.name_width(titles, room)
    left, placed = inner + 12, layout.lay_out_rows(titles, inner, _ROW)
    length = room - left - 12
    shifts = [100.0 * one.forecast[name].shift for one in result.indicators for name in shown]
    scale = layout.Scale.over(min(shifts, default=0.0), max(shifts, default=0.0))
    data = [
        {
            "observation": title,
            "scenario": result.forecast[name].title,
            "shift": round(100.0 * one.forecast[name].shift, 4),
            "y": row.middle,
            "colour": colours.mark(number),
        }
        for one, (title, _), row in zip(result.indicators, titles, placed, strict=True)
        for number, name in enumerate(shown)
    ]
    x = scale.encoding("shift", sign="", grid=True)
    ends = [
        {"y": row.middle, "low": min(found), "high": max(found)}
        for one, row in zip(result.indicators, placed, strict=True)
        if (found := [0.0, *(round(100.0 * one.forecast[name].shift, 4) for name in shown)])
    ]
    told = layout.tooltip(observation="nominal", scenario="nominal", shift="quantitative")
    spread = {
        "data": {"values": ends},
        "mark": {"type": "rule", "color": colours.RULE},
        "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": layout.pixel_channel("y")},
    }
    none = {"data": {"values": [{"shift": 0.0}]}, "mark": {"type": "rule", "color": colours.RULE}, "encoding": {"x": x}}
    dots = {
        "mark": {"type": "circle", "size": _DOT, "opacity": 1, "stroke": colours.PAPER, "strokeWidth": 0.75},
        "encoding": {"x": x, "y": layout.pixel_channel("y"), "color": layout.colour_channel(), "tooltip": told},
    }
    view = {
        "width": length,
        "height": max(layout.total_height(placed), 20),
        "data": {"values": data},
        "layer": [none, spread, dots, *layout.row_name_layers(placed, left)],
    }
    entries = [
        layout.KeyEntry(result.forecast[name].title, colours.mark(number), colours.text(number))
        for number, name in enumerate(shown)
    ]
    views = [layout.key(entries, room, left, filled=True), view]
    errors = [each.standard_errors.shift for one in result.indicators for each in one.forecast.values()]
    source = layout.source_lines(result.model, result.run, max(errors, default=0.0))
    return layout.made(
        layout.Picture(_title(result, places), _told(result), views, left, source, _read(result, places)), width
    )


def _note(one: Indicator, places: int) -> str:
    return f"{format_percent(one.probability, 0)} likely; expected move {format_distance(one.expected_move, places)}"


def _title(result: Watch, places: int) -> str:
    if not result.indicators:
        return "No state occurs in enough trials to tell what it would say."
    first = result.indicators[0]
    what = f"{quote_title(first.title)}: {first.state_title.replace('_', ' ')}"
    moved = format_distance(first.expected_move, places)
    return f"What to watch at {result.on}: most is to be expected of {what}, {moved} points."


def _told(result: Watch) -> str:
    moved = (
        f"the likelihood of {quote_title(result.forecast[result.of].title)}"
        if result.of
        else "each scenario's likelihood"
    )
    when = f" at {result.horizon}" if len(result.run.steps) > 1 else ""
    expected = "Expected move: how likely the observation is times how far it moves the forecast"
    return (
        f"{result.model.title}. By how many percentage points an observation at {result.on} would move {moved}{when}. "
        f"{expected}."
    )


def _read(result: Watch, places: int) -> str:
    said = (f"{one.title}, {one.state_title}: {_note(one, places)} points" for one in result.indicators)
    return f"{'. '.join(said)}."
