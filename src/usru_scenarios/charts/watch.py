"""The chart of what to watch: for each indicator by how much its observation would move each scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.charts import colours, layout
from usru_scenarios.report.likelihoods import format_distance, format_percent, percent_decimals
from usru_scenarios.report.sentences import quote_title

if TYPE_CHECKING:
    from usru_scenarios.results.watch import Indicator, Watch

_ROW, _DOT = 38.0, 70.0


def watch(result: Watch, width: int) -> layout.View:
    """A row for each indicator, the largest expected move first: a dot for each scenario that it moves."""
    room, indicators = width - 2 * layout.MARGIN, result.indicators
    places = max(percent_decimals(max((each.standard_errors.expected_move for each in indicators), default=0.0)), 1)
    names = list(result.forecast) if result.of is None else [result.of]
    titles = [(_observation(indicator), _note(indicator, places)) for indicator in indicators]
    inner = layout.name_width(titles, room)
    left, rows = inner + 12, layout.lay_out_rows(titles, inner, _ROW)
    length = room - left - 12
    shifts = [[100.0 * indicator.forecast[name].shift for name in names] for indicator in indicators]
    scale = layout.Scale.from_zero(min(map(min, shifts), default=0.0), max(map(max, shifts), default=0.0))
    dots, ranges = [], []
    for (title, _), row, row_shifts in zip(titles, rows, shifts, strict=True):
        rounded = [round(shift, 4) for shift in row_shifts]
        ranges.append({"y": row.middle, "low": min(0.0, *rounded), "high": max(0.0, *rounded)})
        for number, (name, shift) in enumerate(zip(names, rounded, strict=True)):
            of = {"observation": title, "scenario": result.forecast[name].title}
            dots.append({**of, "shift": shift, "y": row.middle, "colour": colours.mark(number)})
    view = {
        "width": length,
        "height": max(layout.total_height(rows), 20),
        "data": {"values": dots},
        "layer": [*_layers(scale, ranges), *layout.row_name_layers(rows, left)],
    }
    entries = [
        layout.KeyEntry(result.forecast[name].title, colours.mark(number), colours.text(number))
        for number, name in enumerate(names)
    ]
    views = [layout.key(entries, room, left, filled=True), view]
    errors = [shifted.standard_errors.shift for each in indicators for shifted in each.forecast.values()]
    source = layout.source_lines(result.model, result.run, max(errors, default=0.0))
    texts = (f"{each.title}, {each.state_title}: {_note(each, places)} points" for each in indicators)
    return layout.specification(
        width,
        _title(result, places),
        _subtitle(result),
        views,
        left=left,
        source=source,
        details=f"{'. '.join(texts)}.",
    )


def _layers(scale: layout.Scale, ranges: list[layout.View]) -> list[layout.View]:
    """A line at 0, one from the lowest to the highest shift of each row, and the dots."""
    x, rule = scale.encoding("shift", sign="", grid=True), {"type": "rule", "color": colours.RULE}
    zero = {"data": {"values": [{"shift": 0.0}]}, "mark": rule, "encoding": {"x": x}}
    y = layout.pixel_channel("y")
    spread = {
        "data": {"values": ranges},
        "mark": rule,
        "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y},
    }
    tooltip = layout.tooltip(observation="nominal", scenario="nominal", shift="quantitative")
    dots = {
        "mark": {"type": "circle", "size": _DOT, "opacity": 1, "stroke": colours.PAPER, "strokeWidth": 0.75},
        "encoding": {"x": x, "y": y, "color": layout.colour_channel(), "tooltip": tooltip},
    }
    return [zero, spread, dots]


def _observation(indicator: Indicator) -> str:
    return f"{indicator.title}: {indicator.state_title.replace('_', ' ')}"


def _note(indicator: Indicator, places: int) -> str:
    move = format_distance(indicator.expected_move, places)
    return f"{format_percent(indicator.probability, 0)} likely; expected move {move}"


def _title(result: Watch, places: int) -> str:
    if not result.indicators:
        return "No state occurs in enough trials to tell what it would say."
    first = result.indicators[0]
    observation = f"{quote_title(first.title)}: {first.state_title.replace('_', ' ')}"
    move = format_distance(first.expected_move, places)
    return f"What to watch at {result.on}: most is to be expected of {observation}, {move} points."


def _subtitle(result: Watch) -> str:
    target = "each scenario's likelihood"
    if result.of:
        target = f"the likelihood of {quote_title(result.forecast[result.of].title)}"
    horizon = f" at {result.horizon}" if len(result.run.steps) > 1 else ""
    move = f"By how many percentage points an observation at {result.on} would move {target}{horizon}."
    expected = "Expected move: how likely the observation is times how far it moves the forecast."
    return f"{result.model.title}. {move} {expected}"
