"""The chart of a sweep: the likelihoods over a judgement, with the crossings; a map over two judgements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from usru_scenarios.charts import colours, layout
from usru_scenarios.charts.lettering import break_lines, max_width, spread_labels
from usru_scenarios.report.forecast_in_words import join_names, quote_title
from usru_scenarios.report.likelihoods import format_percent
from usru_scenarios.report.sweep import (
    describe_crossings,
    describe_time,
    describe_variables,
    format_crossing,
    format_value,
    largest_error,
)

if TYPE_CHECKING:
    from usru_scenarios.results.sweep import Sweep, Swept

_LEAST_LINES, _LEAST_CELLS = 230, 260
"""The least width of a panel."""
_NARROWEST_CELL = 26
"""A cell that is narrower has no number."""


def sweep(result: Sweep, width: int) -> layout.View:
    """A panel for each time: lines for the scenarios over one variable, or a map of the likeliest over two."""
    views, left = _maps(result, width) if len(result.variables) == 2 else _lines(result, width)
    title = " ".join(describe_crossings(result)) or _title(result)
    what = "the likeliest scenario and its likelihood" if _is_led(result) else "the likelihood of each scenario"
    told = f"{result.model.title}: {what}, in percent, over the {' and the '.join(describe_variables(result))}."
    source = layout.source_lines(result.model, result.run, largest_error(result))
    return layout.made(layout.Picture(title, told, views, left, source), width)


def _title(result: Sweep) -> str:
    over = join_names([one.name for one in result.variables])
    if _is_led(result):
        return f"Which scenario is likeliest, by {over}"
    return f"The likelihood of {join_names([quote_title(one.title) for one in _found(result)])}, by {over}"


def _is_led(result: Sweep) -> bool:
    return len(result.variables) == 2 and bool(result.likeliest)


def _found(result: Sweep) -> list[Swept]:
    """The scenarios; the group where a group alone is looked at."""
    return list((result.scenarios or result.groups).values())


def _across(result: Sweep, ticks: int) -> tuple[layout.Scale, layout.View]:
    """The axis of the first variable, and its channel."""
    one = result.variables[0]
    ends = layout.Scale(one.values[0], one.values[-1], [])
    labelled = layout.round_ticks(ends.low, ends.high, most=ticks)
    return ends, {
        "field": "value",
        "type": "quantitative",
        "scale": ends.between,
        "axis": {
            "values": labelled,
            "format": "~g",
            "grid": False,
            "domain": True,
            "domainColor": colours.RULE,
            "ticks": True,
            "tickColor": colours.RULE,
            "title": one.name,
            "titleColor": colours.QUIET,
            "titleFontWeight": "normal",
        },
    }


# One variable ---------------------------------------------------------------------------------------------------------


def _lines(result: Sweep, width: int) -> tuple[list[layout.View], float]:
    room, found = width - 2 * layout.MARGIN, _found(result)
    scale = layout.percent_scale([value for one in found for at in result.at for value in one.curves[at].probability])
    labels = min(max(max_width([one.title], layout.LABEL, bold=True) for one in found), 0.2 * room) + 44
    grid = layout.PanelGrid.of(len(result.at), room - scale.left, labels, _LEAST_LINES)
    titles = layout.panel_titles([describe_time(at, result) for at in result.at], grid.width + labels - 12)
    panels = [
        layout.panel(grid, head, colours.INK, list(_curves(result, at, scale, grid, labelled=grid.is_first(number))))
        for number, (at, head) in enumerate(zip(result.at, titles, strict=True))
    ]
    return [grid.view(panels, max(map(len, titles)) + 2)], scale.left


def _curves(
    result: Sweep, at: str, scale: layout.Scale, grid: layout.PanelGrid, *, labelled: bool
) -> Iterator[layout.View]:
    """The lines of all scenarios with their names, and where they cross."""
    ends, x = _across(result, min(max(int(grid.width // 50), 2), 8))
    y, found = scale.encoding("likelihood", labelled=labelled), _found(result)
    for number, one in enumerate(found):
        curve = one.curves[at].probability
        data = [
            {"value": point[0], "likelihood": layout.to_percent(share), "scenario": one.title}
            for point, share in zip(result.points, curve, strict=True)
        ]
        mark = {"type": "line", "strokeWidth": 2.5, "color": colours.mark(number), "strokeDash": colours.dash(number)}
        told = layout.tooltip(scenario="nominal", value="quantitative", likelihood="quantitative")
        yield {"data": {"values": data}, "mark": mark, "encoding": {"x": x, "y": y, "tooltip": told}}
    last = [one.curves[at].probability[-1] for one in found]
    room = grid.gap - 12 - max_width(["100%"], layout.LABEL, bold=True)
    named = [break_lines(one.title, layout.LABEL, room, bold=True, most=1 if len(found) > 6 else 2) for one in found]
    gap = max(map(len, named)) * layout.LABEL * layout.LINE
    middles = [grid.height - scale.place(100.0 * share, grid.height) for share in last]
    yield layout.text_layer(
        [
            layout.label(
                "\n".join([*words[:-1], f"{words[-1]} {format_percent(share, 0)}"]),
                grid.width + 5,
                place - (len(words) - 1) * layout.LABEL * layout.LINE / 2,
                colours.text(number),
            )
            for number, (words, share, place) in enumerate(
                zip(named, last, spread_labels(middles, gap, 0, grid.height), strict=True)
            )
        ],
        fontWeight="bold",
    )
    yield from _marked(result, at, ends, grid)


def _marked(result: Sweep, at: str, ends: layout.Scale, grid: layout.PanelGrid) -> Iterator[layout.View]:
    """The present value and the crossings: a line each, and what it is."""
    present = result.variables[0].present
    marked = [
        (one.value if one.value is not None else (one.low + one.high) / 2, format_crossing(one))
        for one in result.crossings
        if one.at == at
    ]
    marked = [(value, f"likeliest changes at {said}") for value, said in marked]
    if present is not None and ends.low <= present <= ends.high:
        marked.append((present, f"now {format_value(present)}"))
    rules, labels = [], []
    for number, (value, said) in enumerate(marked):
        place = ends.place(value, grid.width)
        rules.append({"x": place, "x2": place, "y": 0, "y2": grid.height, "colour": colours.RULE})
        fits = place + 4 + max_width([said], layout.LABEL - 1) <= grid.width
        at_left = place - 4 - max_width([said], layout.LABEL - 1)
        x = place + 4 if fits else max(at_left, 0)
        labels.append(layout.label(said, x, grid.height - 8 - number * (layout.LABEL + 2), colours.QUIET))
    if marked:
        yield layout.line_layer(rules, strokeDash=[3, 3], strokeWidth=1)
        yield layout.text_layer(labels, fontSize=layout.LABEL - 1)


# Two variables --------------------------------------------------------------------------------------------------------


def _maps(result: Sweep, width: int) -> tuple[list[layout.View], float]:
    """A cell for each point: the colour of the likeliest scenario, and its likelihood; of one scenario a shade."""
    room = width - 2 * layout.MARGIN
    down, across = result.variables
    left = max_width(map(format_value, down.values), layout.LABEL) + 12
    grid = layout.PanelGrid.of(len(result.at), room - left, 30, _LEAST_CELLS)._replace(
        height=min(max(len(down.values) * 24, 120), 420)
    )
    titles = layout.panel_titles([describe_time(at, result) for at in result.at], grid.width)
    panels = [
        layout.panel(grid, head, colours.INK, list(_cells(result, at, grid, labelled=grid.is_first(number))))
        for number, (at, head) in enumerate(zip(result.at, titles, strict=True))
    ]
    axes = f"Across: {across.name}. Down: {down.name}."
    shown = {name for names in result.likeliest.values() for name in names}
    entries = [
        layout.KeyEntry(one.title, colours.mark(number), colours.text(number))
        for number, (name, one) in enumerate(result.scenarios.items())
        if name in shown
    ] or [layout.KeyEntry(one.title, colours.MARKS[1], colours.TEXTS[1]) for one in _found(result)]
    said = layout.text_layer([layout.label(axes, -left, 6, colours.QUIET)], fontSize=layout.HEAD)
    axes_view = {"width": room - left, "height": 12, "layer": [said]}
    return [axes_view, layout.key(entries, room, left, filled=True), grid.view(panels, max(map(len, titles)))], left


def _cells(result: Sweep, at: str, grid: layout.PanelGrid, *, labelled: bool) -> Iterator[layout.View]:
    down, across = result.variables
    order = list(result.scenarios)
    data = []
    for number, point in enumerate(result.points):
        if result.likeliest:
            leader = result.likeliest[at][number]
            one, ground = result.scenarios[leader], colours.mark(order.index(leader))
        else:
            one = _found(result)[0]
            ground = colours.shade(one.curves[at].probability[number])
        share = one.curves[at].probability[number]
        data.append(
            {
                "down": format_value(point[0]),
                "across": format_value(point[1]),
                "scenario": one.title,
                "likelihood": layout.to_percent(share),
                "text": f"{100.0 * share:.0f}",
                "colour": ground,
                "ink": colours.text_on(ground),
            }
        )
    skip = max(-(-30 * len(across.values) // int(grid.width)), 1)
    x = {
        "field": "across",
        "type": "ordinal",
        "sort": list(map(format_value, across.values)),
        "axis": {"labelAngle": 0, "values": list(map(format_value, across.values))[::skip]},
    }
    rows = list(map(format_value, down.values))
    y = {
        "field": "down",
        "type": "ordinal",
        "sort": rows,
        "axis": {"labels": labelled, "values": rows[:: max(len(rows) * 14 // int(grid.height), 1)]},
    }
    told = layout.tooltip(across="nominal", down="nominal", scenario="nominal", likelihood="nominal")
    yield {
        "data": {"values": data},
        "mark": {"type": "rect", "stroke": colours.PAPER},
        "encoding": {"x": x, "y": y, "color": layout.colour_channel(), "tooltip": told},
    }
    if grid.width / len(across.values) >= _NARROWEST_CELL and grid.height / len(down.values) >= layout.LABEL:
        yield {
            "data": {"values": data},
            "mark": {"type": "text", "fontSize": layout.LABEL - 1},
            "encoding": {
                "x": x,
                "y": y,
                "text": {"field": "text", "type": "nominal"},
                "color": layout.colour_channel("ink"),
            },
        }
