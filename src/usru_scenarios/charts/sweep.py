"""The chart of a sweep: the likelihoods over a judgement, with the crossings; a map over two judgements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from usru_scenarios.charts import colours, layout
from usru_scenarios.charts.lettering import break_lines, max_width, spread_labels
from usru_scenarios.report.likelihoods import format_percent
from usru_scenarios.report.sentences import join_names, quote_title
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

_MIN_LINE_PANEL, _MIN_MAP_PANEL = 230, 260
"""The least width of a panel."""
_MIN_NUMBERED_CELL = 26
"""A cell that is narrower has no number."""


def sweep(result: Sweep, width: int) -> layout.View:
    """A panel for each time: lines for the scenarios over one variable, or a map of the likeliest over two."""
    views, left = _map_views(result, width) if len(result.variables) == 2 else _line_views(result, width)
    shows_leaders = len(result.variables) == 2 and bool(result.likeliest)
    title = " ".join(describe_crossings(result))
    if not title:
        variables = join_names([variable.name for variable in result.variables])
        names = join_names([quote_title(swept.title) for swept in _shown_swept(result)])
        title = f"Which scenario is likeliest, by {variables}"
        if not shows_leaders:
            title = f"The likelihood of {names}, by {variables}"
    quantity = "the likeliest scenario and its likelihood" if shows_leaders else "the likelihood of each scenario"
    subtitle = f"{result.model.title}: {quantity}, in percent, over the {' and the '.join(describe_variables(result))}."
    source = layout.source_lines(result.model, result.run, largest_error(result))
    return layout.specification(width, title, subtitle, views, left=left, source=source)


def _shown_swept(result: Sweep) -> list[Swept]:
    """The scenarios; the group where a group alone is looked at."""
    return list((result.scenarios or result.groups).values())


def _value_axis(result: Sweep, ticks: int) -> tuple[layout.Scale, layout.View]:
    """The axis of the first variable, and its channel."""
    variable = result.variables[0]
    ends = layout.Scale(variable.values[0], variable.values[-1], [])
    labelled = layout.round_ticks(ends.low, ends.high, most=ticks)
    return ends, {
        "field": "value",
        "type": "quantitative",
        "scale": ends.domain,
        "axis": {
            "values": labelled,
            "format": "~g",
            "grid": False,
            "domain": True,
            "domainColor": colours.RULE,
            "ticks": True,
            "tickColor": colours.RULE,
            "title": variable.name,
            "titleColor": colours.QUIET,
            "titleFontWeight": "normal",
        },
    }


# One variable ---------------------------------------------------------------------------------------------------------


def _line_views(result: Sweep, width: int) -> tuple[list[layout.View], float]:
    room, swept = width - 2 * layout.MARGIN, _shown_swept(result)
    scale = layout.percent_scale([value for each in swept for at in result.at for value in each.curves[at].probability])
    labels = min(max_width((each.title for each in swept), layout.LABEL, bold=True), 0.2 * room) + 44
    grid = layout.PanelGrid.fit(len(result.at), room - scale.label_width, labels, _MIN_LINE_PANEL)
    titles = layout.panel_titles([describe_time(at, result) for at in result.at], grid.width + labels - 12)
    panels = []
    for number, (at, title) in enumerate(zip(result.at, titles, strict=True)):
        y = scale.encoding("likelihood", labelled=grid.is_first(number))
        ends, x = _value_axis(result, min(max(int(grid.width // 50), 2), 8))
        layers = [*_line_layers(result, at, x, y), _name_layer(result, at, scale, grid)]
        panels.append(layout.panel(grid, title, colours.INK, [*layers, *_marker_layers(result, at, ends, grid)]))
    return [grid.view(panels, max(map(len, titles)) + 2)], scale.label_width


def _line_layers(result: Sweep, at: str, x: layout.View, y: layout.View) -> Iterator[layout.View]:
    for number, swept in enumerate(_shown_swept(result)):
        data = [
            {"value": point[0], "likelihood": layout.to_percent(share), "scenario": swept.title}
            for point, share in zip(result.points, swept.curves[at].probability, strict=True)
        ]
        mark = {"type": "line", "strokeWidth": 2.5, "color": colours.mark(number), "strokeDash": colours.dash(number)}
        tooltip = layout.tooltip(scenario="nominal", value="quantitative", likelihood="quantitative")
        yield {"data": {"values": data}, "mark": mark, "encoding": {"x": x, "y": y, "tooltip": tooltip}}


def _name_layer(result: Sweep, at: str, scale: layout.Scale, grid: layout.PanelGrid) -> layout.View:
    """The names of the lines to the right of these, each with its last value."""
    swept, line_height = _shown_swept(result), layout.LABEL * layout.LINE
    room = grid.gap - 12 - max_width(["100%"], layout.LABEL, bold=True)
    most = 1 if len(swept) > 6 else 2
    names = [break_lines(each.title, layout.LABEL, room, bold=True, most=most) for each in swept]
    shares = [each.curves[at].probability[-1] for each in swept]
    middles = [grid.height - scale.position(100.0 * share, grid.height) for share in shares]
    places = spread_labels(middles, max(map(len, names)) * line_height, 0, grid.height)
    labels = []
    for number, (lines, share, place) in enumerate(zip(names, shares, places, strict=True)):
        text = "\n".join([*lines[:-1], f"{lines[-1]} {format_percent(share, 0)}"])
        top = place - (len(lines) - 1) * line_height / 2
        labels.append(layout.label(text, grid.width + 5, top, colours.text(number)))
    return layout.text_layer(labels, fontWeight="bold")


def _marker_layers(result: Sweep, at: str, ends: layout.Scale, grid: layout.PanelGrid) -> Iterator[layout.View]:
    """The present value and the crossings: a line each, and what it is."""
    markers: list[tuple[float, str]] = []
    for crossing in result.crossings:
        if crossing.at == at:
            value = crossing.value if crossing.value is not None else (crossing.low + crossing.high) / 2
            markers.append((value, f"likeliest changes at {format_crossing(crossing)}"))
    present = result.variables[0].present
    if present is not None and ends.low <= present <= ends.high:
        markers.append((present, f"now {format_value(present)}"))
    rules, labels = [], []
    for number, (value, text) in enumerate(markers):
        place, text_width = ends.position(value, grid.width), max_width([text], layout.LABEL - 1)
        rules.append({"x": place, "x2": place, "y": 0, "y2": grid.height, "colour": colours.RULE})
        x = place + 4 if place + 4 + text_width <= grid.width else max(place - 4 - text_width, 0)
        labels.append(layout.label(text, x, grid.height - 8 - number * (layout.LABEL + 2), colours.QUIET))
    if markers:
        yield layout.line_layer(rules, strokeDash=[3, 3], strokeWidth=1)
        yield layout.text_layer(labels, fontSize=layout.LABEL - 1)


# Two variables --------------------------------------------------------------------------------------------------------


def _map_views(result: Sweep, width: int) -> tuple[list[layout.View], float]:
    """A cell for each point: the colour of the likeliest scenario, and its likelihood; of one scenario a shade."""
    room = width - 2 * layout.MARGIN
    down, across = result.variables
    left = max_width(map(format_value, down.values), layout.LABEL) + 12
    grid = layout.PanelGrid.fit(len(result.at), room - left, 30, _MIN_MAP_PANEL)
    grid = grid._replace(height=min(max(len(down.values) * 24, 120), 420))
    titles = layout.panel_titles([describe_time(at, result) for at in result.at], grid.width)
    panels = [
        layout.panel(grid, title, colours.INK, list(_cell_layers(result, at, grid, labelled=grid.is_first(number))))
        for number, (at, title) in enumerate(zip(result.at, titles, strict=True))
    ]
    axes = f"Across: {across.name}. Down: {down.name}."
    leaders = {name for names in result.likeliest.values() for name in names}
    entries = [
        layout.KeyEntry(scenario.title, colours.mark(number), colours.text(number))
        for number, (name, scenario) in enumerate(result.scenarios.items())
        if name in leaders
    ] or [layout.KeyEntry(swept.title, colours.mark(1), colours.text(1)) for swept in _shown_swept(result)]
    axes_layer = layout.text_layer([layout.label(axes, -left, 6, colours.QUIET)], fontSize=layout.HEAD)
    axes_view = {"width": room - left, "height": 12, "layer": [axes_layer]}
    return [axes_view, layout.key(entries, room, left, filled=True), grid.view(panels, max(map(len, titles)))], left


def _cell_layers(result: Sweep, at: str, grid: layout.PanelGrid, *, labelled: bool) -> Iterator[layout.View]:
    order = list(result.scenarios)
    data = []
    for number, point in enumerate(result.points):
        if result.likeliest:
            leader = result.likeliest[at][number]
            swept, ground = result.scenarios[leader], colours.mark(order.index(leader))
        else:
            swept = _shown_swept(result)[0]
            ground = colours.shade(swept.curves[at].probability[number])
        share = swept.curves[at].probability[number]
        data.append(
            {
                "down": format_value(point[0]),
                "across": format_value(point[1]),
                "scenario": swept.title,
                "likelihood": layout.to_percent(share),
                "text": f"{100.0 * share:.0f}",
                "colour": ground,
                "ink": colours.text_on(ground),
            }
        )
    rows, columns = (list(map(format_value, variable.values)) for variable in result.variables)
    column_labels = columns[:: max(-(-30 * len(columns) // int(grid.width)), 1)]
    row_labels = rows[:: max(len(rows) * 14 // int(grid.height), 1)]
    x_axis, y_axis = {"labelAngle": 0, "values": column_labels}, {"labels": labelled, "values": row_labels}
    x = {"field": "across", "type": "ordinal", "sort": columns, "axis": x_axis}
    y = {"field": "down", "type": "ordinal", "sort": rows, "axis": y_axis}
    tooltip = layout.tooltip(across="nominal", down="nominal", scenario="nominal", likelihood="nominal")
    yield {
        "data": {"values": data},
        "mark": {"type": "rect", "stroke": colours.PAPER},
        "encoding": {"x": x, "y": y, "color": layout.colour_channel(), "tooltip": tooltip},
    }
    if grid.width / len(columns) >= _MIN_NUMBERED_CELL and grid.height / len(rows) >= layout.LABEL:
        text = {"field": "text", "type": "nominal"}
        yield {
            "data": {"values": data},
            "mark": {"type": "text", "fontSize": layout.LABEL - 1},
            "encoding": {"x": x, "y": y, "text": text, "color": layout.colour_channel("ink")},
        }
