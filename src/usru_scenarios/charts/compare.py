"""The chart of variants side by side: a panel for each scenario, a line for each variant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.charts import colours, layout
from usru_scenarios.charts.lettering import max_width, spread_labels
from usru_scenarios.report.compare import FROM_FILES, largest_error, summarize
from usru_scenarios.report.likelihoods import format_percent
from usru_scenarios.report.sentences import step_range

if TYPE_CHECKING:
    from usru_scenarios.results.compare import Comparison

_REFERENCE = layout.KeyEntry("", colours.RULE, colours.QUIET)


def compare(result: Comparison, width: int) -> layout.View:
    """The likelihood of each scenario over time in each variant; the reference is grey."""
    room, steps, variants = width - 2 * layout.MARGIN, result.run.steps, result.variants.values()
    entries = _variant_entries(result)
    likelihoods = [likelihood for variant in variants for likelihood in variant.scenarios.values()]
    scale = layout.percent_scale([max(likelihood.by_step) for likelihood in likelihoods])
    shared = next(iter(variants)).scenarios
    ends = [format_percent(likelihood.end, 0) for likelihood in likelihoods]
    gap = max_width(ends, layout.HEAD, bold=True) + 16
    grid = layout.PanelGrid.fit(len(shared), room - scale.label_width, gap)
    titles = layout.panel_titles([scenario.title for scenario in shared.values()], grid.width + 30)
    panels = []
    for number, (name, title) in enumerate(zip(shared, titles, strict=True)):
        x = layout.step_channel(steps, grid.width)
        y = scale.encoding("likelihood", labelled=grid.is_first(number))
        curves = [variant.scenarios[name] for variant in variants]
        layers = [_line(entry, curve.by_step, steps, x, y) for entry, curve in zip(entries, curves, strict=True)]
        middles = [grid.height - scale.position(100.0 * curve.end, grid.height) for curve in curves]
        places = spread_labels(middles, layout.HEAD * layout.LINE, 0, grid.height)
        labels = [
            layout.label(format_percent(curve.end, 0), grid.width + 5, place, entry.text_colour)
            for entry, curve, place in zip(entries, curves, places, strict=True)
        ]
        layers.append(layout.text_layer(labels, fontWeight="bold", fontSize=layout.HEAD))
        panels.append(layout.panel(grid, title, colours.INK, layers))
    views = [layout.key(entries, room, scale.label_width), grid.view(panels, max(map(len, titles)))]
    subtitle = f"{result.model.title}: how likely each scenario is, in percent, {step_range(steps)}, in each variant."
    source = [*layout.source_lines(result.model, result.run, largest_error(result))[:1], FROM_FILES]
    details: list[str] = []
    for name, scenario in shared.items():
        at_the_end = (f"{key} {format_percent(each.scenarios[name].end, 0)}" for key, each in result.variants.items())
        details.append(f"{scenario.title} at the end: {', '.join(at_the_end)}.")
    headline, left, text = summarize(result), scale.label_width, " ".join(details)
    return layout.specification(width, headline, subtitle, views, left=left, source=source, details=text)


def _line(
    entry: layout.KeyEntry, likelihoods: list[float], steps: list[str], x: layout.View, y: layout.View
) -> layout.View:
    """The line of a variant; a point where there is one step."""
    data = [
        {"step": step, "likelihood": layout.to_percent(share), "variant": entry.text}
        for step, share in zip(steps, likelihoods, strict=True)
    ]
    mark = {
        "type": "line" if len(steps) > 1 else "point",
        "strokeWidth": 2.5,
        "color": entry.colour,
        **({"strokeDash": list(entry.dash)} if entry.dash else {}),
    }
    tooltip = layout.tooltip(variant="nominal", step="ordinal", likelihood="quantitative")
    return {"data": {"values": data}, "mark": mark, "encoding": {"x": x, "y": y, "tooltip": tooltip}}


def _variant_entries(result: Comparison) -> list[layout.KeyEntry]:
    """The variants with their colours; the reference stands out by none."""
    others = (name for name in result.variants if name != result.reference)
    places = {name: number for number, name in enumerate(others, 1)}
    return [
        _REFERENCE._replace(text=name)
        if name == result.reference
        else layout.KeyEntry(name, colours.mark(places[name]), colours.text(places[name]), colours.dash(places[name]))
        for name in result.variants
    ]
