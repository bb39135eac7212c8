"""What all charts are made of: a page with title, source and fonts, panels beside one another, axes, keys and texts.

A chart is a Vega-Lite specification (version 5) as plain data. Places that nobody reads off an axis are in pixels of
the view, so that texts fit whatever they say: all that is beside the data is laid out here, not by what draws it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from usru_scenarios.charts.colours import GRID, INK, PAPER, QUIET, RULE
from usru_scenarios.charts.lettering import FONT, break_lines, max_width
from usru_scenarios.report.likelihoods import format_error_bound
from usru_scenarios.report.provenance import FROM_JUDGEMENTS, describe_model, describe_run

if TYPE_CHECKING:
    from usru_scenarios.results.common import ModelLine, Run

View = dict[str, Any]
"""A part of a specification."""

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"

MARGIN = 16
TITLE, SUBTITLE, HEAD, LABEL, SOURCE = 18, 13, 13, 12, 11
"""Sizes of type."""
LINE = 1.25
"""The distance of lines, of the size of their type."""

_DECIMALS = 4
"""Decimals of percentages in the data of a chart."""
_DATED = re.compile(r"\d{4}(-.*)?")
_MAX_TICKS = 5
_ROUND_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_MIN_TOP = 0.1
"""The end of an axis of percentages is no lower, in percent."""
_PANEL_WIDTHS = (150, 250)
"""The least and the largest width of a panel."""
_ASPECT = 0.66
_ABOVE, _BELOW = 12, 26
"""Pixels between the title of a panel and its plot, and those of the axis below it."""


def specification(
    width: int,
    title: str,
    subtitle: str,
    views: Sequence[View],
    *,
    left: float,
    source: Sequence[str],
    details: str = "",
) -> View:
    """The whole specification of a chart.

    Args:
        width: of the picture, in pixels.
        title: what is seen, in a sentence.
        subtitle: what is drawn.
        views: the views, one below the other.
        left: pixels to the left of where they begin.
        source: the lines below.
        details: what else is seen, for those who can't see it.
    """
    room = width - 2 * MARGIN
    return {
        "$schema": SCHEMA,
        "description": " ".join(filter(None, (title, subtitle, details, *source))),
        "background": PAPER,
        "padding": MARGIN,
        "title": {
            "text": break_lines(title, TITLE, room, bold=True),
            "subtitle": break_lines(subtitle, SUBTITLE, room),
            "anchor": "start",
            "frame": "bounds",
            "offset": 14,
            "subtitlePadding": 5,
        },
        "spacing": 14,
        "vconcat": [*views, _source_view(source, left, room)],
        "config": _CONFIG,
    }


_CONFIG: View = {
    "font": FONT,
    "view": {"stroke": None},
    "title": {
        "fontSize": TITLE,
        "lineHeight": TITLE * LINE,
        "color": INK,
        "subtitleFontSize": SUBTITLE,
        "subtitleLineHeight": SUBTITLE * LINE,
        "subtitleColor": QUIET,
    },
    "axis": {
        "domain": False,
        "ticks": False,
        "gridColor": GRID,
        "labelColor": QUIET,
        "labelFontSize": LABEL,
        "labelLimit": 0,
        "labelPadding": 5,
        "title": None,
    },
    "text": {"fontSize": LABEL, "lineBreak": "\n", "lineHeight": LABEL * LINE},
}


def source_lines(model: ModelLine, run: Run, largest_error: float) -> list[str]:
    """The lines below a chart: which model, how it was computed, how exact it is, and what it follows from."""
    described = describe_model(model, run)
    errors = f", standard errors {format_error_bound(largest_error)}" if largest_error > 0.0 else ""
    return [
        f"Model {described} ({model.sha256[:8]}). {describe_run(run)}{errors}. usru {run.usru_version}.",
        FROM_JUDGEMENTS,
    ]


def _source_view(source: Sequence[str], left: float, room: float) -> View:
    lines = [line for text in source for line in break_lines(text, SOURCE, room)]
    rows = [{"text": line, "y": number * SOURCE * LINE} for number, line in enumerate(lines)]
    mark = {"type": "text", "align": "left", "baseline": "top", "fontSize": SOURCE, "color": QUIET, "x": -left}
    return {
        "width": room - left,
        "height": len(lines) * SOURCE * LINE,
        "data": {"values": rows},
        "mark": mark,
        "encoding": {"text": {"field": "text", "type": "nominal"}, "y": pixel_channel("y")},
    }


def pixel_channel(field: str) -> View:
    """A channel whose field is in pixels of the view."""
    return {"field": field, "type": "quantitative", "scale": None, "axis": None}


def edge_channels() -> View:
    """The channels of what reaches from `x` to `x2` and from `y` to `y2`, in pixels."""
    return {"x": pixel_channel("x"), "y": pixel_channel("y"), "x2": {"field": "x2"}, "y2": {"field": "y2"}}


def colour_channel(field: str = "colour") -> View:
    """A channel whose field is a colour."""
    return {"field": field, "type": "nominal", "scale": None, "legend": None}


def tooltip(**fields: str) -> list[View]:
    """The channel of what is shown where one points at a mark: fields and their types."""
    return [{"field": name, "type": kind} for name, kind in fields.items()]


def label(text: str, x: float, y: float, colour: str) -> View:
    """A text at a place in pixels, in a colour: a row of `text_layer`."""
    return {"text": text, "x": x, "y": y, "colour": colour}


def text_layer(rows: Sequence[View], **mark: Any) -> View:
    """Texts, each at its place in pixels and in its colour: rows as of `label`."""
    return {
        "data": {"values": list(rows)},
        "mark": {"type": "text", "align": "left", "baseline": "middle", **mark},
        "encoding": {
            "text": {"field": "text", "type": "nominal"},
            "x": pixel_channel("x"),
            "y": pixel_channel("y"),
            "color": colour_channel(),
        },
    }


def line_layer(rows: Sequence[View], **mark: Any) -> View:
    """Straight lines, each between its ends in pixels and in its colour: `x`, `y`, `x2`, `y2` and `colour`."""
    return {
        "data": {"values": list(rows)},
        "mark": {"type": "rule", **mark},
        "encoding": {**edge_channels(), "color": colour_channel()},
    }


# Axes -----------------------------------------------------------------------------------------------------------------


def to_percent(share: float) -> float:
    """A share from 0 to 1 as the data of charts has it."""
    return round(100.0 * share, _DECIMALS)


class Scale(NamedTuple):
    """An axis of percentages or points, from one end to the other, with the values that are labelled."""

    low: float
    high: float
    ticks: list[float]

    @classmethod
    def from_zero(cls, low: float, high: float, *, limit: float = math.inf) -> Scale:
        """Ends at round numbers beyond both values, and 0 between them; none is beyond the limit."""
        low, high = min(low, 0.0), max(high, _MIN_TOP)
        step = _round_step((high - low) / _MAX_TICKS)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        ticks = [round(number * step, 6) for number in range(first, last + 1) if number * step <= limit + 1e-9]
        return cls(ticks[0], ticks[-1], ticks)

    @classmethod
    def around(cls, low: float, high: float) -> Scale:
        """The axis of a number of any size: the values that are labelled lie between its ends, away from them."""
        spread = (high - low) or abs(high) or 1.0
        low, high = low - spread / 20, high + spread / 20
        return cls(low, high, round_ticks(low, high, 0.25))

    def position(self, value: float, room: float) -> float:
        """Where a value stands on an axis so many pixels long, from its low end."""
        return (value - self.low) / (self.high - self.low) * room

    def encoding(self, field: str, *, labelled: bool = True, sign: str = "%", **settings: Any) -> View:
        """The channel of a field, with settings of its axis."""
        expression = f"(datum.value > 0 ? '+' : '') + datum.label + '{sign}'" if self.low < 0 else None
        axis = {
            "values": self.ticks,
            "labels": labelled,
            "format": "~f",
            "labelExpr": expression or f"datum.label + '{sign}'",
            **settings,
        }
        return {"field": field, "type": "quantitative", "scale": self.domain, "axis": axis}

    @property
    def domain(self) -> View:
        """The scale of a channel, from one end to the other."""
        return {"domain": [self.low, self.high], "nice": False, "zero": False}

    @property
    def label_width(self) -> float:
        """The pixels that its labels take to the left."""
        return math.ceil(max_width((f"{tick:g}%" for tick in self.ticks), LABEL)) + 7


def round_ticks(low: float, high: float, margin: float = 0.0, most: int = _MAX_TICKS) -> list[float]:
    """Round numbers between two ends, at least `margin` of their distance away from these."""
    step = _round_step((high - low) / most)
    first, last = math.ceil(low / step + margin - 1e-9), math.floor(high / step - margin + 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def _round_step(least: float) -> float:
    """The distance of labelled values: a round number of at least so much."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * digit for digit in _ROUND_STEPS if power * digit >= least * (1 - 1e-9))


def percent_scale(values: Sequence[float]) -> Scale:
    """The axis of shares from 0 to 1."""
    return Scale.from_zero(0.0, 100.0 * max(values, default=0.0), limit=100.0)


def step_channel(steps: Sequence[str], room: float) -> View:
    """The channel of steps, with labels for as many as there is room for: years where they begin."""
    years = [step for number, step in enumerate(steps) if number == 0 or step[:4] != steps[number - 1][:4]]
    by_year = len(years) > 1 and all(_DATED.fullmatch(step) for step in steps)
    candidates = years if by_year else list(steps)
    longest = max_width((step[:4] if by_year else step for step in candidates), LABEL) + 10
    every = len(steps) / len(candidates)
    spacing = room / max(len(steps) - 1, 1) * every
    strides = (1, 2, 5, 10, 20, 25, 50, 100, 200, 500)
    stride = next((number for number in strides if number * spacing >= longest), len(candidates))
    return {
        "field": "step",
        "type": "ordinal",
        "scale": {"type": "point", "padding": 0, "domain": list(steps)},
        "axis": {
            "values": candidates[::stride],
            "labelExpr": "slice(datum.value, 0, 4)" if by_year else "datum.value",
            **DATE_AXIS,
        },
    }


DATE_AXIS: View = {
    "labelAngle": 0,
    "labelOverlap": False,
    "grid": False,
    "ticks": True,
    "tickColor": RULE,
    "domain": True,
    "domainColor": RULE,
}
"""An axis of dates below a plot: a line with ticks and upright labels."""


# Panels ---------------------------------------------------------------------------------------------------------------


class PanelGrid(NamedTuple):
    """Panels of one size, in rows; with room to the right of each for labels.

    Attributes:
        columns: how many stand beside one another.
        width, height: of a panel, without what stands around it.
        gap: pixels between two panels in a row, for the labels of the left one.
    """

    columns: int
    width: float
    height: float
    gap: float

    @classmethod
    def fit(cls, count: int, room: float, gap: float, min_width: float = _PANEL_WIDTHS[0]) -> PanelGrid:
        """The grid of so many panels: as many in a row as there is room for, in rows that are about as long."""
        most = max(int(room // (min_width + gap)), 1)
        rows = math.ceil(count / min(most, count))
        columns = math.ceil(count / rows)
        width = math.floor(room / columns - gap)
        return cls(columns, width, round(min(max(width * _ASPECT, 110), _PANEL_WIDTHS[1])), gap)

    def view(self, panels: Sequence[View], lines: int = 1) -> View:
        """The panels, whose plots begin below one another and have titles of so many lines above them."""
        return {
            "concat": list(panels),
            "columns": self.columns,
            "spacing": {"row": _BELOW + lines * HEAD * LINE + _ABOVE, "column": self.gap},
            "align": "all",
            "bounds": "flush",
        }

    def is_first(self, number: int) -> bool:
        """Whether a panel is the first one of its row."""
        return number % self.columns == 0


def panel_titles(titles: Sequence[str], room: float) -> list[list[str]]:
    """The titles of panels in lines."""
    return [break_lines(title, HEAD, room, bold=True, most=3) for title in titles]


def panel(grid: PanelGrid, head: Sequence[str], colour: str, layers: Sequence[View]) -> View:
    """A panel: its title in a colour, and its layers."""
    text = label("\n".join(head), 0, -_ABOVE - (len(head) - 1) * HEAD * LINE, colour)
    title = text_layer([text], fontSize=HEAD, fontWeight="bold", lineHeight=HEAD * LINE)
    return {"width": grid.width, "height": grid.height, "layer": [*layers, title]}


# Keys -----------------------------------------------------------------------------------------------------------------


class KeyEntry(NamedTuple):
    """An entry of a key: the name of what a colour stands for, and the colour of that name."""

    text: str
    colour: str
    text_colour: str
    dash: Sequence[float] = ()


def key(entries: Sequence[KeyEntry], room: float, left: float, *, filled: bool = False) -> View:
    """What colours stand for, in as many lines as it takes: each a line or a square before its name."""
    placements = list(_place_entries(entries, room))
    labels = [
        label(line, x + 24 - left, y + number * LABEL * LINE, entry.text_colour)
        for entry, x, y, names in placements
        for number, line in enumerate(names)
    ]
    marks = [
        _square_mark(entry, x - left, y)
        if filled
        else line_layer(
            [{"x": x + 2 - left, "x2": x + 18 - left, "y": y, "y2": y, "colour": entry.colour}],
            strokeWidth=2.5,
            **({"strokeDash": list(entry.dash)} if entry.dash else {}),
        )
        for entry, x, y, _ in placements
    ]
    last = max(y + len(names) * LABEL * LINE for _, _, y, names in placements)
    return {"width": room - left, "height": last - 2, "layer": [*marks, text_layer(labels, fontWeight="bold")]}


def _square_mark(entry: KeyEntry, x: float, y: float) -> View:
    row = {"x": x, "x2": x + 16, "y": y - 6, "y2": y + 6, "colour": entry.colour}
    ends = {"x": pixel_channel("x"), "x2": {"field": "x2"}, "y": pixel_channel("y"), "y2": {"field": "y2"}}
    return {"data": {"values": [row]}, "mark": "rect", "encoding": {**ends, "color": colour_channel()}}


def _place_entries(entries: Sequence[KeyEntry], room: float) -> Iterator[tuple[KeyEntry, float, float, list[str]]]:
    """Where each entry begins, and its name in lines."""
    x, y, lines_in_row = 0.0, LABEL / 2, 1
    for entry in entries:
        names = break_lines(entry.text, LABEL, room - 24, bold=True, most=2)
        width = 24 + max_width(names, LABEL, bold=True) + 18
        if x and x + width - 18 > room:
            x, y, lines_in_row = 0.0, y + lines_in_row * LABEL * LINE + 3, 1
        yield entry, x, y, names
        x, lines_in_row = x + width, max(lines_in_row, len(names))


# Rows -----------------------------------------------------------------------------------------------------------------


class NamedRow(NamedTuple):
    """A row with its name and a note below it, in lines, so many pixels high around its middle."""

    name: list[str]
    note: list[str]
    middle: float
    height: float


_PADDING = 10


def lay_out_rows(texts: Sequence[tuple[str, str]], room: float, min_height: float = 30.0) -> list[NamedRow]:
    """Rows below one another, each as high as its name and its note need."""
    rows: list[NamedRow] = []
    y = 0.0
    for name, note in texts:
        names = break_lines(name, LABEL, room, bold=True, most=3)
        notes = break_lines(note, SOURCE, room, most=3) if note else []
        height = max(min_height, (len(names) * LABEL + len(notes) * SOURCE) * LINE + _PADDING)
        rows.append(NamedRow(names, notes, y + height / 2, height))
        y += height
    return rows


def total_height(rows: Sequence[NamedRow]) -> float:
    """The height of rows together."""
    return sum(row.height for row in rows)


def row_name_layers(rows: Sequence[NamedRow], left: float, colours: Sequence[str] = ()) -> list[View]:
    """The names and notes of rows, from `left` pixels before the data on; the names in colours, if given."""
    names, notes = [], []
    for number, row in enumerate(rows):
        top = row.middle - (len(row.name) * LABEL + len(row.note) * SOURCE) * LINE / 2
        names.append(label("\n".join(row.name), -left, top, colours[number] if colours else INK))
        if row.note:
            notes.append(label("\n".join(row.note), -left, top + len(row.name) * LABEL * LINE, QUIET))
    layers = [text_layer(names, baseline="top", fontWeight="bold")]
    if notes:
        layers.append(text_layer(notes, baseline="top", fontSize=SOURCE, lineHeight=SOURCE * LINE))
    return layers


def name_width(texts: Sequence[tuple[str, str]], room: float) -> float:
    """The pixels for the names and notes of rows: what the longest needs, at most two fifths of all."""
    needed = max_width((name for name, _ in texts), LABEL, bold=True)
    return min(max(needed, min(max_width((note for _, note in texts), SOURCE), 180.0)), 0.4 * room)
