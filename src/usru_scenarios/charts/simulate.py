"""Charts of a forecast: each scenario over time, when it is first visited, and the drivers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from usru_scenarios.charts import colours, layout
from usru_scenarios.charts.lettering import break_lines, max_width, spread_labels
from usru_scenarios.report.likelihoods import format_percent, percent_decimals
from usru_scenarios.report.numbers import format_number
from usru_scenarios.report.sentences import capitalize, describe_last_step, quote_title, step_range, summarize_forecast
from usru_scenarios.report.simulate import QUANTILES, largest_error
from usru_scenarios.results.simulate import StatesResult

if TYPE_CHECKING:
    from usru_scenarios.results.simulate import ScenarioResult, Simulation, ValuesResult

_BAND_MEANING = "90% of the draws of the uncertain judgements"
_MIN_NAMED_SHARE = 0.03
"""The least share of a state that is named beside its area."""
_MIN_CHANGE = 0.01
"""The least change of the likelihood of a state that is spoken of."""
_BAR_HEIGHT = 14.0
"""The height of a bar."""


def forecast(result: Simulation, width: int) -> layout.View:
    """Each scenario's likelihood at each step, with the band of the judgements: a panel each; bars of a single step."""
    scenarios, steps = list(result.scenarios.values()), result.run.steps
    is_banded = any(scenario.band is not None for scenario in scenarios)
    details = ""
    if len(steps) == 1:
        views, left = _bar_view(result, width)
    else:
        series = [(scenario, scenario.by_step) for scenario in scenarios]
        views, left = _curve_panels(result, series, width, is_banded=is_banded)
        changes = [
            f"{quote_title(each.title)} {format_percent(each.by_step[0], 0)} to {format_percent(each.end, 0)}"
            for each in scenarios
        ]
        details = f"From the first step to the last: {'; '.join(changes)}."
    subtitle = f"{result.model.title}: how likely each scenario is, in percent, {step_range(steps)}."
    if is_banded:
        subtitle += f" {'Shaded' if len(steps) > 1 else 'Black lines'}: {_BAND_MEANING}."
    title, source = summarize_forecast(result), _source_texts(result)
    return layout.specification(width, title, subtitle, views, left=left, source=source, details=details)


def first_visits(result: Simulation, width: int) -> layout.View:
    """For each scenario how likely it has been visited by each step: cumulative, so that the last is `ever`."""
    scenarios, steps = list(result.scenarios.values()), result.run.steps
    # sums of rounded numbers may exceed 1
    sums = [[min(total, 1.0) for total in accumulate(scenario.first_visit)] for scenario in scenarios]
    views, left = _curve_panels(result, list(zip(scenarios, sums, strict=True)), width, is_banded=False)
    most = max(scenarios, key=lambda scenario: scenario.ever)
    by_then, range_of_steps = "", ""
    if len(steps) > 1:
        by_then, range_of_steps = f" by {describe_last_step(steps[-1])}", f", {steps[0]} to {steps[-1]}"
    likeliest = f"{quote_title(most.title)} is the likeliest to have come at least once"
    title = capitalize(f"{likeliest}{by_then}, {format_percent(most.ever, 0)}.")
    likelihood = "how likely each scenario has come at least once by then, in percent"
    subtitle = f"{result.model.title}: {likelihood}{range_of_steps}."
    texts = (f"{quote_title(scenario.title)} {format_percent(scenario.ever, 0)}" for scenario in scenarios)
    details, source = f"In the end: {'; '.join(texts)}.", _source_texts(result)
    return layout.specification(width, title, subtitle, views, left=left, source=source, details=details)


def drivers(result: Simulation, width: int) -> layout.View:
    """The states of each driver at each step as stacked areas; of a number its median and quantiles."""
    room, nodes = width - 2 * layout.MARGIN, list(result.drivers.values())
    left = layout.Scale.from_zero(0, 100).label_width
    states = [state for node in nodes if isinstance(node, StatesResult) for state in node.by_step]
    longest = max_width((f"{_id_to_words(name)} 100%" for name in states), layout.LABEL - 1)
    labels = min(max(longest, 50.0) + 8, 0.22 * room)
    grid = layout.PanelGrid.fit(max(len(nodes), 1), room - left, labels + 8, min_width=100)
    titles = layout.panel_titles([node.title for node in nodes], grid.width + labels)
    panels = []
    for number, (heading, node) in enumerate(zip(titles, nodes, strict=True)):
        x = layout.step_channel(result.run.steps, grid.width)
        if isinstance(node, StatesResult):
            y = layout.Scale.from_zero(0, 100, limit=100).encoding("high", labelled=grid.is_first(number))
            layers = list(_area_layers(result, node, (x, y), grid, labels))
        else:
            layers = list(_quantile_layers(result, node, x, grid))
        panels.append(layout.panel(grid, heading, colours.INK, layers))
    views = [grid.view(panels, max(map(len, titles)))] if panels else []
    steps = step_range(result.run.steps)
    subtitle = f"{result.model.title}: how likely each state of each driver is, in percent, {steps}"
    if not all(isinstance(node, StatesResult) for node in nodes):
        subtitle += ". Of a number: the median, and between which values it lies in 50% and 90% of the trials"
    title, source = _describe_most_changed(result), _source_texts(result)
    return layout.specification(width, title, f"{subtitle}.", views, left=left, source=source)


def _source_texts(result: Simulation) -> list[str]:
    return layout.source_lines(result.model, result.run, largest_error(result))


def _id_to_words(name: str) -> str:
    """An id as words."""
    return name.replace("_", " ")


# Scenarios ------------------------------------------------------------------------------------------------------------


def _curve_panels(
    result: Simulation, series: Sequence[tuple[ScenarioResult, Sequence[float]]], width: int, *, is_banded: bool
) -> tuple[list[layout.View], float]:
    """A panel for each series, and what stands to the left of the first."""
    tops = [max(values) for _, values in series]
    tops += [max(scenario.band.high) for scenario, _ in series if scenario.band is not None and is_banded]
    scale, steps = layout.percent_scale(tops), result.run.steps
    grid = layout.PanelGrid.fit(len(series), width - 2 * layout.MARGIN - scale.label_width, 46)
    titles = layout.panel_titles([scenario.title for scenario, _ in series], grid.width + 30)
    places = percent_decimals(largest_error(result), 0)
    tooltip = layout.tooltip(step="ordinal", likelihood="quantitative")
    panels = []
    for number, (title, (scenario, values)) in enumerate(zip(titles, series, strict=True)):
        y = scale.encoding("likelihood", labelled=grid.is_first(number))
        x = layout.step_channel(steps, grid.width)
        data = [
            {"step": step, "likelihood": layout.to_percent(value)} for step, value in zip(steps, values, strict=True)
        ]
        layers: list[layout.View] = []
        if scenario.band is not None and is_banded:
            for row, low, high in zip(data, scenario.band.low, scenario.band.high, strict=True):
                row |= {"low": layout.to_percent(low), "high": layout.to_percent(high)}
            area = {"type": "area", "opacity": 0.25, "color": colours.mark(number)}
            layers.append({"mark": area, "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}})
        line = {"type": "line" if len(steps) > 1 else "point", "strokeWidth": 2.5, "color": colours.mark(number)}
        layers.append({"mark": line, "encoding": {"x": x, "y": y, "tooltip": tooltip}})
        place = grid.height - scale.position(100.0 * values[-1], grid.height)
        end = layout.label(format_percent(values[-1], places), grid.width + 5, place, colours.text(number))
        layers.append(layout.text_layer([end], fontWeight="bold", fontSize=layout.HEAD))
        panels.append({**layout.panel(grid, title, colours.text(number), layers), "data": {"values": data}})
    return [grid.view(panels, max(map(len, titles)))], scale.label_width


def _bar_view(result: Simulation, width: int) -> tuple[list[layout.View], float]:
    """A bar for each scenario, with a line for its band: where there is one step."""
    room = width - 2 * layout.MARGIN
    names = [(scenario.title, "") for scenario in result.scenarios.values()]
    left = layout.name_width(names, room) + 10
    rows = layout.lay_out_rows(names, left - 10)
    tops = [max(each.end, each.band.high[-1] if each.band else 0.0) for each in result.scenarios.values()]
    scale, length = layout.percent_scale(tops), room - left - 60
    x = scale.encoding("likelihood", grid=True)
    places = percent_decimals(largest_error(result))
    data: list[layout.View] = []
    values = []
    for number, (scenario, top, row) in enumerate(zip(result.scenarios.values(), tops, rows, strict=True)):
        likelihood = layout.to_percent(scenario.end)
        data.append({"scenario": scenario.title, "likelihood": likelihood, "from": 0.0})
        if band := scenario.band:
            data[-1] |= {"low": layout.to_percent(band.low[-1]), "high": layout.to_percent(band.high[-1])}
        edges = {"top": row.middle - _BAR_HEIGHT / 2, "bottom": row.middle + _BAR_HEIGHT / 2, "middle": row.middle}
        data[-1] |= {**edges, "colour": colours.mark(number)}
        position = scale.position(100.0 * top, length) + 6
        percent = format_percent(scenario.end, places)
        values.append(layout.label(percent, position, row.middle, colours.text(number)))
    y = {"y": layout.pixel_channel("top"), "y2": {"field": "bottom"}}
    bars = {"mark": "bar", "encoding": {"x": x, "x2": {"field": "from"}, **y, "color": layout.colour_channel()}}
    bands = {
        "transform": [{"filter": "isValid(datum.low)"}],
        "mark": {"type": "rule", "strokeWidth": 2, "color": colours.INK},
        "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": layout.pixel_channel("middle")},
    }
    name_layers = layout.row_name_layers(rows, left, [colours.text(number) for number in range(len(rows))])
    layers = [bars, bands, layout.text_layer(values, fontWeight="bold"), *name_layers]
    return [{"width": length, "height": layout.total_height(rows), "data": {"values": data}, "layer": layers}], left


# Drivers --------------------------------------------------------------------------------------------------------------


def _area_layers(
    result: Simulation, node: StatesResult, axes: tuple[layout.View, layout.View], grid: layout.PanelGrid, labels: float
) -> Iterator[layout.View]:
    """The states stacked in the order of the file, the first on top; each named at its right end."""
    steps = result.run.steps
    data: list[layout.View] = []
    middles: list[tuple[int, str, float, float]] = []
    lows = [0.0] * len(steps)
    for number, (state, shares) in reversed(list(enumerate(node.by_step.items()))):
        highs = [min(low + share, 1.0) for low, share in zip(lows, shares, strict=True)]
        data += [
            {
                "state": state,
                "step": step,
                "likelihood": layout.to_percent(share),
                "low": layout.to_percent(low),
                "high": layout.to_percent(high),
                "colour": colours.mark(number),
            }
            for step, share, low, high in zip(steps, shares, lows, highs, strict=True)
        ]
        middles.append((number, state, shares[-1], (lows[-1] + highs[-1]) / 2))
        lows = highs
    area = {"type": "area", "stroke": colours.PAPER, "strokeWidth": 0.75, "opacity": 0.8}
    yield {
        "data": {"values": data},
        "mark": {"type": "bar", "width": grid.width} if len(steps) == 1 else area,
        "encoding": {
            "x": axes[0],
            "y": axes[1],
            "y2": {"field": "low"},
            "color": layout.colour_channel(),
            "detail": {"field": "state", "type": "nominal"},
            "tooltip": layout.tooltip(state="nominal", step="ordinal", likelihood="quantitative"),
        },
    }
    named = [entry for entry in middles if entry[2] >= _MIN_NAMED_SHARE]
    heights = [(1 - middle) * grid.height for *_, middle in named]
    places = spread_labels(heights, layout.LABEL * layout.LINE, 4, grid.height - 4)
    texts = [
        layout.label(_state_label(state, share, labels), grid.width + 5, place, colours.text(number))
        for (number, state, share, _), place in zip(named, places, strict=True)
    ]
    yield layout.text_layer(texts, fontSize=layout.LABEL - 1)


def _state_label(state: str, share: float, room: float) -> str:
    """A state and its share in one line."""
    percent = format_percent(share, 0)
    room -= max_width([f" {percent}"], layout.LABEL - 1)
    (name,) = break_lines(_id_to_words(state), layout.LABEL - 1, room, most=1)
    return f"{name} {percent}"


def _quantile_layers(
    result: Simulation, node: ValuesResult, x: layout.View, grid: layout.PanelGrid
) -> Iterator[layout.View]:
    """The median of a number, and the ranges that hold 50% and 90% of its distribution."""
    quantiles = {name: node.quantiles[share] for name, share in QUANTILES.items()}
    data = [
        {"step": step, **{name: values[number] for name, values in quantiles.items()}}
        for number, step in enumerate(result.run.steps)
    ]
    scale = layout.Scale.around(min(quantiles["q05"]), max(quantiles["q95"]))
    axis = {"values": scale.ticks, "labelAlign": "left", "labelPadding": -3}
    y = {"type": "quantitative", "scale": scale.domain, "axis": axis}
    for low, high, opacity in (("q05", "q95", 0.2), ("q25", "q75", 0.35)):
        yield {
            "data": {"values": data},
            "mark": {"type": "area", "opacity": opacity, "color": colours.mark(1)},
            "encoding": {"x": x, "y": {**y, "field": low}, "y2": {"field": high}},
        }
    yield {
        "data": {"values": data},
        "mark": {"type": "line", "strokeWidth": 2.5, "color": colours.mark(1)},
        "encoding": {"x": x, "y": {**y, "field": "q50"}},
    }
    last = quantiles["q50"][-1]
    place = grid.height - scale.position(last, grid.height)
    median = layout.label(f"median {format_number(last)}", grid.width + 5, place, colours.text(1))
    yield layout.text_layer([median], fontSize=layout.LABEL - 1)


def _describe_most_changed(result: Simulation) -> str:
    """The state of a driver whose likelihood changes most from the first step to the last, in a sentence."""
    states = [
        (shares, node, state)
        for node in result.drivers.values()
        if isinstance(node, StatesResult)
        for state, shares in node.by_step.items()
    ]
    steps = result.run.steps
    if not states or len(steps) == 1:
        return f"The drivers of {result.model.title}"
    shares, node, state = max(states, key=lambda entry: abs(entry[0][-1] - entry[0][0]))
    if abs(shares[-1] - shares[0]) < _MIN_CHANGE:
        return f"No driver changes much from {steps[0]} to {steps[-1]}."
    before, after = format_percent(shares[0], 0), format_percent(shares[-1], 0)
    change = f"{_id_to_words(state)} from {before} to {after} by {describe_last_step(steps[-1])}"
    return f"Of all drivers, {quote_title(node.title)} changes most: {change}."
