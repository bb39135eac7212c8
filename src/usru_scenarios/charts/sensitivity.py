"""The chart of what matters: how far each driver moves the outcome (a tornado)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from usru_scenarios.charts import colours, layout
from usru_scenarios.charts.lettering import break_lines, max_width
from usru_scenarios.report.forecast_in_words import quote_title
from usru_scenarios.report.likelihoods import format_distance, format_points, percent_decimals
from usru_scenarios.report.sensitivity import describe_time

if TYPE_CHECKING:
    from usru_scenarios.results.sensitivity import DriverMoves, Sensitivity

_BAR = 15.0
_LONGEST, _ROUNDS = 0.4, 12
"""Of all room beside the names what a line of a label takes at most; and how often the axis gives way to labels."""
_LOWER, _HIGHER = 3, 1
"""The places of the colours of what makes less likely and more likely."""


class _End(NamedTuple):
    """An end of a bar: the state, and by how much it changes the likelihood, in points."""

    state: str
    change: float
    value: str

    @property
    def label(self) -> str:
        return f"{self.state.replace('_', ' ')} {layout.typeset_minus(self.value)}"


def sensitivity(result: Sensitivity, width: int) -> layout.View:
    """For one scenario each driver from its lowest to its highest change; for all how far its states are apart."""
    room = width - 2 * layout.MARGIN
    found = result.moves or []
    places = max(percent_decimals(max((one.standard_error for one in found), default=0.0)), 1)
    ends = [_ends(one, result.of, places) for one in found]
    named = [(one.title, "") for one in found]
    inner = layout.name_width(named, 0.85 * room)
    scale = layout.Scale.over(
        min((pair[0].change for pair in ends), default=0.0), max((pair[1].change for pair in ends), default=0.0)
    )
    low, high = _label_rooms(ends, scale, room - inner - 8)
    left = inner + 8 + low
    length = room - left - high
    placed = layout.lay_out_rows(named, inner)
    data, labels = [], []
    for pair, row in zip(ends, placed, strict=True):
        for side, one in enumerate(pair):
            if one.change == 0.0 and not one.state:
                continue
            colour, words = _HIGHER if one.change >= 0 else _LOWER, _words(one, room - inner - 8)
            ends_at = {"top": row.middle - _BAR / 2, "bottom": row.middle + _BAR / 2}
            change = {"state": one.state, "change": round(one.change, 4), "from": 0.0}
            data.append({**change, **ends_at, "colour": colours.mark(colour)})
            x = scale.place(one.change, length) + (5 if side else -5)
            y = row.middle - (len(words) - 1) * (layout.LABEL - 1) * layout.LINE / 2
            labels.append({**layout.label("\n".join(words), x, y, colours.text(colour)), "side": side})
    bars = {
        "mark": "bar",
        "encoding": {
            "x": scale.encoding("change", sign="", grid=True),
            "x2": {"field": "from"},
            "y": layout.pixel_channel("top"),
            "y2": {"field": "bottom"},
            "color": layout.colour_channel(),
            "tooltip": layout.tooltip(state="nominal", change="quantitative"),
        },
    }
    style = {"fontSize": layout.LABEL - 1, "lineHeight": (layout.LABEL - 1) * layout.LINE}
    layers = [
        bars,
        layout.text_layer([one for one in labels if one["side"]], **style),
        layout.text_layer([one for one in labels if not one["side"]], align="right", **style),
        *layout.row_name_layers(placed, left),
    ]
    view = {"width": length, "height": max(layout.total_height(placed), 20), "data": {"values": data}, "layer": layers}
    errors = (error for one in found for state in one.states for error in state.standard_errors.values())
    largest = max((*errors, *(one.standard_error for one in found)), default=0.0)
    source = layout.source_lines(result.model, result.run, largest)
    return layout.made(
        layout.Picture(_title(result, places), _told(result), [view], left, source, _read(ends, found)), width
    )


def _words(one: _End, room: float) -> list[str]:
    """The label of an end in lines."""
    return break_lines(one.label, layout.LABEL - 1, _LONGEST * room, most=2)


def _label_rooms(ends: Sequence[tuple[_End, _End]], scale: layout.Scale, room: float) -> tuple[float, float]:
    """The pixels that labels need to the left and to the right of the axis, where it takes what they leave."""
    low = high = 0.0
    for _ in range(_ROUNDS):
        length = room - low - high
        for left, right in ends:
            needed = [max_width(_words(one, room), layout.LABEL - 1) + 8 if one.state else 0.0 for one in (left, right)]
            low = max(low, needed[0] - scale.place(left.change, length))
            high = max(high, needed[1] - (length - scale.place(right.change, length)))
    return low, high


def _ends(one: DriverMoves, of: str | None, places: int) -> tuple[_End, _End]:
    """Both ends of a driver's bar, in points."""
    if of is None:
        between = " to ".join(one.between)
        return _End("", 0.0, ""), _End(between, 100.0 * one.swing, format_distance(one.swing, places))
    least = min(one.states, key=lambda state: state.change[of])
    most = max(one.states, key=lambda state: state.change[of])
    low, high = (
        _End(each.state, 100.0 * each.change[of], format_points(each.change[of], places)) for each in (least, most)
    )
    return (low if low.change < 0 else _End("", 0.0, "")), (high if high.change >= 0 else _End("", 0.0, ""))


def _title(result: Sensitivity, places: int) -> str:
    what = f"the likelihood of {quote_title(result.title)}" if result.of else "the likelihoods of the scenarios"
    if not result.moves:
        return f"No driver moves {what}."
    first = result.moves[0]
    low, high = (state.replace("_", " ") for state in first.between)
    swing = f"{format_distance(first.swing, places)} points from {low} to {high}"
    return f"{quote_title(first.title)} moves {what} most: {swing}."


def _told(result: Sensitivity) -> str:
    what = f"the likelihood of {quote_title(result.title)}" if result.of else "the likelihoods of the scenarios"
    at = f" {describe_time(result)}" if len(result.run.steps) > 1 else ""
    held = f"By how many percentage points {what}{at} would change if a driver were held in one state at every step"
    apart = "" if result.of else ": how far apart, in total variation, they are under two of its states"
    return f"{result.model.title}. {held}{apart}."


def _read(ends: list[tuple[_End, _End]], found: list[DriverMoves]) -> str:
    said = (
        f"{quote_title(one.title)}: {', '.join(end.label for end in pair if end.state)}"
        for one, pair in zip(found, ends, strict=True)
    )
    return f"{'; '.join(said)}."
