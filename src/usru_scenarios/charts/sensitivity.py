"""The chart of what matters: how far each driver moves the outcome (a tornado)."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from usru_scenarios.charts import colours, layout
from usru_scenarios.charts.lettering import break_lines, max_width
from usru_scenarios.report.likelihoods import format_distance, format_points, percent_decimals
from usru_scenarios.report.sensitivity import describe_time
from usru_scenarios.report.sentences import quote_title

if TYPE_CHECKING:
    from usru_scenarios.results.sensitivity import DriverMoves, Sensitivity

_BAR = 15.0
_MAX_LABEL_SHARE, _MAX_ROUNDS = 0.4, 12
"""The largest share of the room beside the names for a line of a label; and how often the axis gives way to labels."""
_LOWER, _HIGHER = 3, 1
"""The places of the colours of what makes less likely and more likely."""


class _BarEnd(NamedTuple):
    """An end of a bar: the state, and by how much it changes the likelihood, in points."""

    state: str
    change: float
    value: str

    @property
    def colour(self) -> int:
        """The place of its colour."""
        return _HIGHER if self.change >= 0 else _LOWER

    @property
    def label(self) -> str:
        value = self.value.replace("-", "\u2212")  # as wide as a plus
        return f"{self.state.replace('_', ' ')} {value}"


def sensitivity(result: Sensitivity, width: int) -> layout.View:
    """For one scenario each driver from its lowest to its highest change; for all how far its states are apart."""
    room = width - 2 * layout.MARGIN
    moves = result.moves or []
    places = max(percent_decimals(max((driver.standard_error for driver in moves), default=0.0)), 1)
    ends = [_bar_ends(driver, result.of, places) for driver in moves]
    names = [(driver.title, "") for driver in moves]
    inner = layout.name_width(names, 0.85 * room)
    changes = [end.change for pair in ends for end in pair]
    scale = layout.Scale.from_zero(min(changes, default=0.0), max(changes, default=0.0))
    low, high = _label_rooms(ends, scale, room - inner - 8)
    left = inner + 8 + low
    length = room - left - high
    rows = layout.lay_out_rows(names, inner)
    data: list[layout.View] = []
    labels: tuple[list[layout.View], list[layout.View]] = ([], [])
    for pair, row in zip(ends, rows, strict=True):
        edges = {"top": row.middle - _BAR / 2, "bottom": row.middle + _BAR / 2}
        for side, end in enumerate(pair):
            if end.change or end.state:
                change = {"state": end.state, "change": round(end.change, 4), "from": 0.0}
                data.append({**change, **edges, "colour": colours.mark(end.colour)})
                x = scale.position(end.change, length) + (5 if side else -5)
                labels[side].append({**_end_label(end, x, row.middle, room - inner - 8), "side": side})
    view = {
        "width": length,
        "height": max(layout.total_height(rows), 20),
        "data": {"values": data},
        "layer": [*_layers(scale, *labels), *layout.row_name_layers(rows, left)],
    }
    errors = (error for driver in moves for state in driver.states for error in state.standard_errors.values())
    largest = max((*errors, *(driver.standard_error for driver in moves)), default=0.0)
    source = layout.source_lines(result.model, result.run, largest)
    texts = (
        f"{quote_title(driver.title)}: {', '.join(end.label for end in pair if end.state)}"
        for driver, pair in zip(moves, ends, strict=True)
    )
    title, details = _title(result, places), f"{'; '.join(texts)}."
    return layout.specification(width, title, _subtitle(result), [view], left=left, source=source, details=details)


def _layers(scale: layout.Scale, left_labels: list[layout.View], right_labels: list[layout.View]) -> list[layout.View]:
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
    return [bars, layout.text_layer(right_labels, **style), layout.text_layer(left_labels, align="right", **style)]


def _end_label(end: _BarEnd, x: float, middle: float, room: float) -> layout.View:
    lines = _label_lines(end, room)
    y = middle - (len(lines) - 1) * (layout.LABEL - 1) * layout.LINE / 2
    return layout.label("\n".join(lines), x, y, colours.text(end.colour))


def _label_lines(end: _BarEnd, room: float) -> list[str]:
    return break_lines(end.label, layout.LABEL - 1, _MAX_LABEL_SHARE * room, most=2)


def _label_rooms(ends: Sequence[tuple[_BarEnd, _BarEnd]], scale: layout.Scale, room: float) -> tuple[float, float]:
    """The pixels that labels need to the left and to the right of the axis, where it takes what they leave."""
    low = high = 0.0
    for _ in range(_MAX_ROUNDS):
        length = room - low - high
        for left, right in ends:
            low = max(low, _label_width(left, room) - scale.position(left.change, length))
            high = max(high, _label_width(right, room) - (length - scale.position(right.change, length)))
    return low, high


def _label_width(end: _BarEnd, room: float) -> float:
    return max_width(_label_lines(end, room), layout.LABEL - 1) + 8 if end.state else 0.0


def _bar_ends(driver: DriverMoves, of: str | None, places: int) -> tuple[_BarEnd, _BarEnd]:
    """Both ends of a driver's bar, in points."""
    nothing = _BarEnd("", 0.0, "")
    if of is None:
        swing = format_distance(driver.swing, places)
        return nothing, _BarEnd(" to ".join(driver.between), 100.0 * driver.swing, swing)
    changes = [(state.change[of], state.state) for state in driver.states]
    least, most = min(changes, key=itemgetter(0)), max(changes, key=itemgetter(0))
    low, high = (_BarEnd(state, 100.0 * change, format_points(change, places)) for change, state in (least, most))
    return (low if low.change < 0 else nothing), (high if high.change >= 0 else nothing)


def _title(result: Sensitivity, places: int) -> str:
    if not result.moves:
        return f"No driver moves {_target(result)}."
    first = result.moves[0]
    low, high = (state.replace("_", " ") for state in first.between)
    swing = f"{format_distance(first.swing, places)} points from {low} to {high}"
    return f"{quote_title(first.title)} moves {_target(result)} most: {swing}."


def _target(result: Sensitivity) -> str:
    return f"the likelihood of {quote_title(result.title)}" if result.of else "the likelihoods of the scenarios"


def _subtitle(result: Sensitivity) -> str:
    time = f" {describe_time(result)}" if len(result.run.steps) > 1 else ""
    change = f"By how many percentage points {_target(result)}{time} would change"
    distance = "" if result.of else ": how far apart, in total variation, they are under two of its states"
    return f"{result.model.title}. {change} if a driver were held in one state at every step{distance}."
