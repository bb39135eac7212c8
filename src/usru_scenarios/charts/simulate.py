"""Charts of a forecast: each scenario over time, when it is first visited, and the drivers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from usru_scenarios.charts import colours, layout
from usru_scenarios.charts.lettering import break_lines, max_width, spread_labels
from usru_scenarios.report.forecast_in_words import (
    capitalize,
    describe_last_step,
    quote_title,
    step_range,
    summarize_forecast,
)
from usru_scenarios.report.likelihoods import format_percent, percent_decimals
from usru_scenarios.report.numbers import format_number
from usru_scenarios.report.simulate import QUANTILES, largest_error
from usru_scenarios.results.simulate import StatesResult

if TYPE_CHECKING:
    from usru_scenarios.results.simulate import ScenarioResult, Simulation, ValuesResult

_BANDED = "90% of the draws of the uncertain judgements"
_LEAST_NAMED = 0.03
"""The least share of a state that is named beside its area."""
_LEAST_CHANGE = 0.01
"""The least change of the likelihood of a state that is spoken of."""
_BAR = 14.0
"""The height of a bar."""


def forecast(result: Simulation, width: int) -> layout.View:
    """Each scenario's likelihood at each step, with the band of the judgements: a panel each; bars of a single step."""
    banded = any(one.band is not None for one in result.scenarios.values())
    drawn = "Shaded" if len(result.run.steps) > 1 else "Black lines"
    told = f"{_times(result)}. {drawn}: {_BANDED}." if banded else f"{_times(result)}."
    if len(result.run.steps) == 1:
        views, left = _bars(result, width)
    else:
        series = [(one, one.by_step) for one in result.scenarios.values()]
        views, left = _curves(result, series, width, banded=banded)
    shares = [
        f"{quote_title(one.title)} {format_percent(one.by_step[0], 0)} to {format_percent(one.end, 0)}"
        for one in _scenarios(result)
    ]
    read = f"From the first step to the last: {'; '.join(shares)}." if len(result.run.steps) > 1 else ""
    return layout.made(layout.Picture(summarize_forecast(result), told, views, left, _source(result), read), width)


def first_visits(result: Simulation, width: int) -> layout.View:
    """For each scenario how likely it has been visited by each step: cumulative, so that the last is `ever`."""
    until = [(one, list(_cumulative(one.first_visit))) for one in _scenarios(result)]
    views, left = _curves(result, until, width, banded=False)
    steps = result.run.steps
    most = max(_scenarios(result), key=lambda one: one.ever)
    by = f" by {describe_last_step(steps[-1])}" if len(steps) > 1 else ""
    title = (
        f"{quote_title(most.title)} is the likeliest to have come at least once{by}, {format_percent(most.ever, 0)}."
    )
    when = f", {steps[0]} to {steps[-1]}" if len(steps) > 1 else ""
    told = f"{result.model.title}: how likely each scenario has come at least once by then, in percent{when}."
    read = "; ".join(f"{quote_title(one.title)} {format_percent(one.ever, 0)}" for one in _scenarios(result))
    return layout.made(
        layout.Picture(capitalize(title), told, views, left, _source(result), f"In the end: {read}."), width
    )


def drivers(result: Simulation, width: int) -> layout.View:
    """The states of each driver at each step as stacked areas; of a number its median and quantiles."""
    room = width - 2 * layout.MARGIN
    left = layout.Scale.over(0, 100).left
    states = [state for one in result.drivers.values() if isinstance(one, StatesResult) for state in one.by_step]
    labels = min(max(max_width((f"{_spaced(name)} 100%" for name in states), layout.LABEL - 1), 50.0) + 8, 0.22 * room)
    grid = layout.PanelGrid.of(max(len(result.drivers), 1), room - left, labels + 8, least=100)
    titles = layout.panel_titles([one.title for one in result.drivers.values()], grid.width + labels)
    panels = [
        layout.panel(grid, head, colours.INK, list(_driver(result, one, grid, labels, labelled=grid.is_first(number))))
        for number, (head, one) in enumerate(zip(titles, result.drivers.values(), strict=True))
    ]
    views = [grid.view(panels, max(map(len, titles)))] if panels else []
    told = f"{result.model.title}: how likely each state of each driver is, in percent, {step_range(result.run.steps)}"
    numeric = any(not isinstance(one, StatesResult) for one in result.drivers.values())
    ranges = (
        ". Of a number: the median, and between which values it lies in 50% and 90% of the trials" if numeric else ""
    )
    return layout.made(layout.Picture(_most_moved(result), f"{told}{ranges}.", views, left, _source(result)), width)


def _scenarios(result: Simulation) -> list[ScenarioResult]:
    return list(result.scenarios.values())


def _source(result: Simulation) -> list[str]:
    return layout.source_lines(result.model, result.run, largest_error(result))


def _times(result: Simulation) -> str:
    return f"{result.model.title}: how likely each scenario is, in percent, {step_range(result.run.steps)}"


def _spaced(name: str) -> str:
    """An id as words."""
    return name.replace("_", " ")


def _cumulative(shares: Sequence[float]) -> Iterator[float]:
    total = 0.0
    for share in shares:
        total = min(total + share, 1.0)
        yield total


# Scenarios ------------------------------------------------------------------------------------------------------------


def _curves(
    result: Simulation, series: Sequence[tuple[ScenarioResult, Sequence[float]]], width: int, *, banded: bool
) -> tuple[list[layout.View], float]:
    """A panel for each series, and what stands to the left of the first."""
    tops = [max(values) for _, values in series]
    tops += [max(one.band.high) for one, _ in series if one.band is not None and banded]
    scale, steps = layout.percent_scale(tops), result.run.steps
    grid = layout.PanelGrid.of(len(series), width - 2 * layout.MARGIN - scale.left, 46)
    titles = layout.panel_titles([one.title for one, _ in series], grid.width + 30)
    places = percent_decimals(largest_error(result), 0)
    panels = []
    for number, (head, (one, values)) in enumerate(zip(titles, series, strict=True)):
        y = scale.encoding("likelihood", labelled=grid.is_first(number))
        x = layout.step_channel(steps, grid.width)
        tooltip = layout.tooltip(step="ordinal", likelihood="quantitative")
        data = [
            {"step": step, "likelihood": layout.to_percent(value)} for step, value in zip(steps, values, strict=True)
        ]
        layers: list[layout.View] = []
        if one.band is not None and banded:
            edges = zip(data, one.band.low, one.band.high, strict=True)
            data = [{**row, "low": layout.to_percent(low), "high": layout.to_percent(high)} for row, low, high in edges]
            area = {"type": "area", "opacity": 0.25, "color": colours.mark(number)}
            layers.append({"mark": area, "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}})
        line = {"type": "line" if len(steps) > 1 else "point", "strokeWidth": 2.5, "color": colours.mark(number)}
        layers.append({"mark": line, "encoding": {"x": x, "y": y, "tooltip": tooltip}})
        place = grid.height - scale.place(100.0 * values[-1], grid.height)
        end = layout.label(format_percent(values[-1], places), grid.width + 5, place, colours.text(number))
        layers.append(layout.text_layer([end], fontWeight="bold", fontSize=layout.HEAD))
        panels.append({**layout.panel(grid, head, colours.text(number), layers), "data": {"values": data}})
    return [grid.view(panels, max(map(len, titles)))], scale.left


def _bars(result: Simulation, width: int) -> tuple[list[layout.View], float]:
    """A bar for each scenario, with a line for its band: where there is one step."""
    room = width - 2 * layout.MARGIN
    found = _scenarios(result)
    named = [(one.title, "") for one in found]
    left = layout.name_width(named, room) + 10
    placed = layout.lay_out_rows(named, left - 10)
    tops = [max(one.end, one.band.high[-1] if one.band else 0.0) for one in found]
    scale, length = layout.percent_scale(tops), room - left - 60
    x = scale.encoding("likelihood", grid=True)
    places = percent_decimals(largest_error(result))
    data = [
        {
            "scenario": one.title,
            "likelihood": layout.to_percent(one.end),
            "from": 0.0,
            **(
                {"low": layout.to_percent(one.band.low[-1]), "high": layout.to_percent(one.band.high[-1])}
                if one.band
                else {}
            ),
            "top": row.middle - _BAR / 2,
            "bottom": row.middle + _BAR / 2,
            "middle": row.middle,
            "colour": colours.mark(number),
        }
        for number, (one, row) in enumerate(zip(found, placed, strict=True))
    ]
    y = {"y": layout.pixel_channel("top"), "y2": {"field": "bottom"}}
    bars = {"mark": "bar", "encoding": {"x": x, "x2": {"field": "from"}, **y, "color": layout.colour_channel()}}
    band = {
        "transform": [{"filter": "isValid(datum.low)"}],
        "mark": {"type": "rule", "strokeWidth": 2, "color": colours.INK},
        "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": layout.pixel_channel("middle")},
    }
    values = [
        layout.label(
            format_percent(one.end, places), scale.place(100.0 * top, length) + 6, row.middle, colours.text(number)
        )
        for number, (one, top, row) in enumerate(zip(found, tops, placed, strict=True))
    ]
    shown = layout.row_name_layers(placed, left, [colours.text(number) for number in range(len(found))])
    layers = [bars, band, layout.text_layer(values, fontWeight="bold"), *shown]
    return [{"width": length, "height": layout.total_height(placed), "data": {"values": data}, "layer": layers}], left


# Drivers --------------------------------------------------------------------------------------------------------------


def _driver(
    result: Simulation, one: StatesResult | ValuesResult, grid: layout.PanelGrid, labels: float, *, labelled: bool
) -> Iterator[layout.View]:
    x = layout.step_channel(result.run.steps, grid.width)
    if isinstance(one, StatesResult):
        yield from _areas(result, one, x, grid, labels, labelled=labelled)
    else:
        yield from _quantiles(result, one, x, grid)


def _areas(
    result: Simulation, one: StatesResult, x: layout.View, grid: layout.PanelGrid, labels: float, *, labelled: bool
) -> Iterator[layout.View]:
    """The states stacked in the order of the file, the first on top; each named at its right end."""
    y = layout.Scale.over(0, 100, most=100).encoding("high", labelled=labelled)
    data: list[layout.View] = []
    middles: list[tuple[int, str, float, float]] = []
    ground = [0.0] * len(result.run.steps)
    for number, (state, shares) in reversed(list(enumerate(one.by_step.items()))):
        top = [min(low + share, 1.0) for low, share in zip(ground, shares, strict=True)]
        data += [
            {
                "state": state,
                "step": step,
                "likelihood": layout.to_percent(share),
                "low": layout.to_percent(low),
                "high": layout.to_percent(high),
                "colour": colours.mark(number),
            }
            for step, share, low, high in zip(result.run.steps, shares, ground, top, strict=True)
        ]
        middles.append((number, state, shares[-1], (ground[-1] + top[-1]) / 2))
        ground = top
    single = len(result.run.steps) == 1
    yield {
        "data": {"values": data},
        "mark": {"type": "bar", "width": grid.width}
        if single
        else {"type": "area", "stroke": colours.PAPER, "strokeWidth": 0.75, "opacity": 0.8},
        "encoding": {
            "x": x,
            "y": y,
            "y2": {"field": "low"},
            "color": layout.colour_channel(),
            "detail": {"field": "state", "type": "nominal"},
            "tooltip": layout.tooltip(state="nominal", step="ordinal", likelihood="quantitative"),
        },
    }
    named = [one for one in middles if one[2] >= _LEAST_NAMED]
    at = spread_labels(
        [(1 - middle) * grid.height for *_, middle in named], layout.LABEL * layout.LINE, 4, grid.height - 4
    )
    yield layout.text_layer(
        [
            layout.label(_label(state, share, labels), grid.width + 5, place, colours.text(number))
            for (number, state, share, _), place in zip(named, at, strict=True)
        ],
        fontSize=layout.LABEL - 1,
    )


def _label(state: str, share: float, room: float) -> str:
    """A state and its share in one line."""
    shown = format_percent(share, 0)
    (name,) = break_lines(_spaced(state), layout.LABEL - 1, room - max_width([f" {shown}"], layout.LABEL - 1), most=1)
    return f"{name} {shown}"


def _quantiles(result: Simulation, one: ValuesResult, x: layout.View, grid: layout.PanelGrid) -> Iterator[layout.View]:
    """The median of a number, and the ranges that hold 50% and 90% of its distribution."""
    found = {name: one.quantiles[share] for name, share in QUANTILES.items()}
    data = [
        {"step": step, **{name: values[number] for name, values in found.items()}}
        for number, step in enumerate(result.run.steps)
    ]
    least, most = min(found["q05"]), max(found["q95"])
    scale = layout.Scale.within(least, most)
    y = {
        "type": "quantitative",
        "scale": scale.between,
        "axis": {"values": scale.ticks, "labelAlign": "left", "labelPadding": -3},
    }
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
    last = found["q50"][-1]
    place = grid.height - scale.place(last, grid.height)
    end = layout.label(f"median {format_number(last)}", grid.width + 5, place, colours.text(1))
    yield layout.text_layer([end], fontSize=layout.LABEL - 1)


def _most_moved(result: Simulation) -> str:
    """The state of a driver whose likelihood changes most from the first step to the last, in a sentence."""
    moved = [
        (shares[-1] - shares[0], shares, one, state)
        for one in result.drivers.values()
        if isinstance(one, StatesResult)
        for state, shares in one.by_step.items()
    ]
    if not moved or len(result.run.steps) == 1:
        return f"The drivers of {result.model.title}"
    change, shares, one, state = max(moved, key=lambda each: abs(each[0]))
    if abs(change) < _LEAST_CHANGE:
        return f"No driver changes much from {result.run.steps[0]} to {result.run.steps[-1]}."
    return (
        f"Of all drivers, {quote_title(one.title)} changes most: {_spaced(state)} from {format_percent(shares[0], 0)} "
        f"to {format_percent(shares[-1], 0)} by {describe_last_step(result.run.steps[-1])}."
    )
