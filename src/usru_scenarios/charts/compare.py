"""The chart of variants side by side: a panel for each scenario, a line for each variant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.charts import colours, layout
from usru_scenarios.charts.lettering import max_width, spread_labels
from usru_scenarios.report.compare import FROM_FILES, largest_error, summarize
from usru_scenarios.report.forecast_in_words import step_range
from usru_scenarios.report.likelihoods import format_percent

if TYPE_CHECKING:
    from usru_scenarios.results.compare import Comparison

_REFERENCE = layout.KeyEntry("", colours.RULE, colours.QUIET)


def compare(result: Comparison, width: int) -> layout.View:
    """The likelihood of each scenario over time in each variant; the reference is grey."""
    room, steps = width - 2 * layout.MARGIN, result.run.steps
    entries = _entries(result)
    likelihoods = [one for each in result.variants.values() for one in each.scenarios.values()]
    scale = layout.percent_scale([max(one.by_step) for one in likelihoods])
    shared = next(iter(result.variants.values())).scenarios
    ends = [format_percent(one.end, 0) for one in likelihoods]
    grid = layout.PanelGrid.of(len(shared), room - scale.left, max_width(ends, layout.HEAD, bold=True) + 16)
    titles = layout.panel_titles([one.title for one in shared.values()], grid.width + 30)
    panels = []
    for number, (name, head) in enumerate(zip(shared, titles, strict=True)):
        found = [variant.scenarios[name] for variant in result.variants.values()]
        x, y = layout.step_channel(steps, grid.width), scale.encoding("likelihood", labelled=grid.is_first(number))
        layers: list[layout.View] = []
        for entry, one in zip(entries, found, strict=True):
            data = [
                {"step": step, "likelihood": layout.to_percent(share), "variant": entry.text}
                for step, share in zip(steps, one.by_step, strict=True)
            ]
            mark = {
                "type": "line" if len(steps) > 1 else "point",
                "strokeWidth": 2.5,
                "color": entry.colour,
                **({"strokeDash": list(entry.dash)} if entry.dash else {}),
            }
            tooltip = layout.tooltip(variant="nominal", step="ordinal", likelihood="quantitative")
            layers.append({"data": {"values": data}, "mark": mark, "encoding": {"x": x, "y": y, "tooltip": tooltip}})
        middles = [grid.height - scale.place(100.0 * one.end, grid.height) for one in found]
        placed = spread_labels(middles, layout.HEAD * layout.LINE, 0, grid.height)
        labels = [
            layout.label(format_percent(one.end, 0), grid.width + 5, place, entry.text_colour)
            for entry, one, place in zip(entries, found, placed, strict=True)
        ]
        layers.append(layout.text_layer(labels, fontWeight="bold", fontSize=layout.HEAD))
        panels.append(layout.panel(grid, head, colours.INK, layers))
    told = f"{result.model.title}: how likely each scenario is, in percent, {step_range(steps)}, in each variant."
    source = [*layout.source_lines(result.model, result.run, largest_error(result))[:1], FROM_FILES]
    read = " ".join(
        f"{one.title} at the end: "
        + ", ".join(
            f"{name} {format_percent(variant.scenarios[which].end, 0)}" for name, variant in result.variants.items()
        )
        + "."
        for which, one in shared.items()
    )
    views = [layout.key(entries, room, scale.left), grid.view(panels, max(map(len, titles)))]
    return layout.made(layout.Picture(summarize(result), told, views, scale.left, source, read), width)


def _entries(result: Comparison) -> list[layout.KeyEntry]:
    """The variants with their colours; the reference stands out by none."""
    others = (name for name in result.variants if name != result.reference)
    places = {name: number for number, name in enumerate(others, 1)}
    return [
        _REFERENCE._replace(text=name)
        if name == result.reference
        else layout.KeyEntry(name, colours.mark(places[name]), colours.text(places[name]), colours.dash(places[name]))
        for name in result.variants
    ]
