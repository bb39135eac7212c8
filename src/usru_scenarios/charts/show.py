"""Which part of a model acts on which: a matrix, as in cross-impact analysis, or a graph as text."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from usru_scenarios.charts import colours, layout
from usru_scenarios.charts.lettering import break_lines, max_width
from usru_scenarios.report.numbers import format_number
from usru_scenarios.report.provenance import describe_profile
from usru_scenarios.report.sentences import join_names, quote_title

if TYPE_CHECKING:
    from usru_scenarios.results.show import NodePart, Overview

_OUTCOME = "scenario"
_STRONG_POINTS = 1.5
"""Points from which an influence is drawn thick."""
_MIN_CELL, _MAX_CELL = 18.0, 34.0
"""Of a cell of the matrix, in pixels."""
_ANGLE, _MAX_HEAD = 50, 170.0
"""By how many degrees the names of columns rise, and how long they are at most, in pixels."""


class Influence(NamedTuple):
    """A part that acts on another: in the step before (`lag` 1) or the same, with so many points at most."""

    source: str
    target: str
    lag: int
    points: float


def influences_of(overview: Overview) -> list[Influence]:
    """All influences between drivers and consequences, and on the scenarios, in the order of the file.

    Points on the scenarios are multiplied by the largest weight of their driver. A node that acts by a row of priors
    or by a rule alone has 0 points. Two influences of a pair with different lags are two.
    """
    nodes = {**overview.drivers, **overview.consequences}
    strongest: dict[tuple[str, str, int], float] = {}
    for name, node in nodes.items():
        strongest |= {(of, name, lag): 0.0 for lag, read in enumerate((node.reads, node.reads_before)) for of in read}
    for name, node in nodes.items():
        for push in node.pushes:
            pair = (push.of, name, push.lag)
            strongest[pair] = max([strongest.get(pair, 0.0), *map(abs, push.points.values())])
        weight = max(node.weight or [1.0])
        for push in node.impacts:
            pair = (name, _OUTCOME, push.lag)
            strongest[pair] = max(
                [strongest.get(pair, 0.0), *(abs(points) * weight for points in push.points.values())]
            )
    for push in overview.outcome_pushes:
        pair = (push.of, _OUTCOME, push.lag)
        strongest[pair] = max([strongest.get(pair, 0.0), *map(abs, push.points.values())])
    known = {*nodes, _OUTCOME}
    return [Influence(*pair, points) for pair, points in strongest.items() if {pair[0], pair[1]} <= known]


def influences(result: Overview, width: int) -> layout.View:
    """The matrix of drivers and scenarios: what acts in rows, what it acts on in columns, the strongest points in them.

    Consequences act on nothing that a forecast depends on: the graphs have them.
    """
    nodes, room = result.drivers, width - 2 * layout.MARGIN
    names = [*nodes, _OUTCOME]
    shown = [each for each in influences_of(result) if each.source in names and each.target in names]
    sources = [name for name in names if any(each.source == name for each in shown)]
    targets = [name for name in names if any(each.target == name for each in shown)]
    row_names = {name: break_lines(_node_title(name, nodes), layout.LABEL, 0.36 * room, most=2) for name in sources}
    heads = {name: break_lines(_node_title(name, nodes), layout.LABEL, _MAX_HEAD, most=1)[0] for name in targets}
    left = max_width((line for lines in row_names.values() for line in lines), layout.LABEL) + 10
    right = max_width(heads.values(), layout.LABEL) * math.cos(math.radians(_ANGLE))
    line_height, most_lines = layout.LABEL * layout.LINE, max(map(len, row_names.values()), default=1)
    cell = min(max((room - left - right) / max(len(targets), 1), _MIN_CELL), _MAX_CELL)
    height = max(most_lines * line_height + 4, min(cell, 26.0))
    columns = {name: place * cell for place, name in enumerate(targets)}
    rows = {name: place * height for place, name in enumerate(sources)}
    head_labels = [layout.label(heads[name], columns[name] + cell / 2, -6, colours.INK) for name in targets]
    tops = {name: rows[name] + (height - (len(lines) - 1) * line_height) / 2 for name, lines in row_names.items()}
    labels = [layout.label("\n".join(lines), -left, tops[name], colours.INK) for name, lines in row_names.items()]
    data, layers = _cell_layers(shown, nodes, (columns, cell), (rows, height))
    view = {
        "width": max(cell * len(targets), 20),
        "height": max(height * len(sources), 20),
        "data": {"values": data},
        "layer": [*layers, layout.text_layer(head_labels, angle=360 - _ANGLE), layout.text_layer(labels)],
    }
    model = result.model
    model_line = f"Model {model.name}{describe_profile(result.profile)} ({model.sha256[:8]}). Points are judgements."
    weighted = "; on the scenarios, times its weight" if _OUTCOME in targets else ""
    subtitle = (
        f"{model.title}: how many points what stands at the left gives at most to what stands above{weighted}. "
        "A dot: it acts in the next step. Shaded without a number: by a table or a rule."
    )
    texts = (
        f"{_node_title(each.source, nodes)} on {_node_title(each.target, nodes)} {format_number(each.points)}"
        for each in shown
    )
    title, details = _describe_strongest(shown, nodes), f"{'; '.join(texts)}."
    return layout.specification(width, title, subtitle, [view], left=left, source=[model_line], details=details)


def _cell_layers(
    shown: list[Influence],
    nodes: dict[str, NodePart],
    columns: tuple[dict[str, float], float],
    rows: tuple[dict[str, float], float],
) -> tuple[list[layout.View], list[layout.View]]:
    """The data of the cells, a cell for each pair, and their layers: shades, points, and dots of what acts later.

    Args:
        shown: the influences.
        nodes: the drivers.
        columns: where the column of each target begins, and how wide columns are.
        rows: where the row of each source begins, and how high rows are.
    """
    (lefts, width), (tops, height) = columns, rows
    most = max((each.points for each in shown), default=0.0)
    pairs: dict[tuple[str, str], list[Influence]] = {}
    for influence in shown:
        pairs.setdefault((influence.source, influence.target), []).append(influence)
    cells, labels, dots = [], [], []
    for (source, target), of_pair in pairs.items():
        points = max(influence.points for influence in of_pair)
        ground = colours.shade(0.05 + 0.95 * points / most if most else 0.05)
        x, y, ink = lefts[target], tops[source], colours.text_on(ground)
        names = {"from": _node_title(source, nodes), "to": _node_title(target, nodes), "points": round(points, 4)}
        cells.append({**names, "x": x, "x2": x + width, "y": y, "y2": y + height, "colour": ground})
        number = format_number(round(points, 1)) if points else ""
        labels.append(layout.label(number, x + width / 2, y + height / 2, ink))
        if any(influence.lag for influence in of_pair):
            dots.append({"x": x + width - 5, "y": y + 5, "colour": ink})
    x_channel, y_channel = layout.pixel_channel("x"), layout.pixel_channel("y")
    tooltip = [{"field": name, "type": "nominal"} for name in ("from", "to", "points")]
    edges = {"x": x_channel, "x2": {"field": "x2"}, "y": y_channel, "y2": {"field": "y2"}}
    shades = {
        "mark": {"type": "rect", "stroke": colours.PAPER},
        "encoding": {**edges, "color": layout.colour_channel(), "tooltip": tooltip},
    }
    dot_layer = {
        "data": {"values": dots},
        "mark": {"type": "circle", "size": 14, "opacity": 1},
        "encoding": {"x": x_channel, "y": y_channel, "color": layout.colour_channel()},
    }
    return cells, [shades, layout.text_layer(labels, align="center", fontSize=layout.LABEL - 1), dot_layer]


def _node_title(name: str, nodes: dict[str, NodePart]) -> str:
    return nodes[name].title if name in nodes else "The scenarios"


def _describe_strongest(shown: list[Influence], nodes: dict[str, NodePart]) -> str:
    """What acts most on the scenarios, in a sentence."""
    direct = [influence for influence in shown if influence.target == _OUTCOME and influence.source in nodes]
    if not direct:
        return "What acts on what"
    most = max(influence.points for influence in direct)
    strongest = [influence.source for influence in direct if influence.points >= most - 1e-9]
    titles = list(dict.fromkeys(quote_title(nodes[name].title) for name in strongest))
    names = join_names(titles) if len(titles) <= 3 else f"{len(titles)} drivers"
    verb = "acts" if len(titles) == 1 else "act"
    return f"{names} {verb} most strongly on the scenarios: by up to {format_number(most)} points."


# As text --------------------------------------------------------------------------------------------------------------


def mermaid(result: Overview) -> str:
    """The graph as Mermaid draws it: dotted what acts in the next step, thick from 1.5 points on."""
    titles, joined = _graph(result)
    lines = ["flowchart LR"]
    for name, title in titles.items():
        label = re.sub(r"[^\w\s,.:;?!\'()/%+-]", lambda sign: f"#{ord(sign[0])};", title)
        shape = ('(["', '"])') if name == _OUTCOME else ('["', '"]')
        lines.append(f"  n_{name}{shape[0]}{label}{shape[1]}")
    for influence in joined:
        arrow = "-.->" if influence.lag else "==>" if influence.points >= _STRONG_POINTS else "-->"
        points = f"|{format_number(round(influence.points, 2))}|" if influence.points else ""
        lines.append(f"  n_{influence.source} {arrow}{points} n_{influence.target}")
    return "\n".join([*lines, ""])


def dot(result: Overview) -> str:
    """The graph as Graphviz draws it, likewise."""
    titles, joined = _graph(result)
    lines = ["digraph influences {", "  rankdir=LR;", '  node [shape=box, fontname="Liberation Sans"];']
    for name, title in titles.items():
        escaped = title.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'  "{name}" [label="{escaped}"{", shape=ellipse" if name == _OUTCOME else ""}];')
    for influence in joined:
        style = ["style=dotted"] if influence.lag else []
        style += ["penwidth=2.5"] if influence.points >= _STRONG_POINTS else []
        style += [f'label="{format_number(round(influence.points, 2))}"'] if influence.points else []
        attributes = f" [{', '.join(style)}]" if style else ""
        lines.append(f'  "{influence.source}" -> "{influence.target}"{attributes};')
    return "\n".join([*lines, "}", ""])


def _graph(result: Overview) -> tuple[dict[str, str], list[Influence]]:
    """The titles of what a graph joins, each in one line, and the influences between them."""
    nodes, joined = {**result.drivers, **result.consequences}, influences_of(result)
    names = [*nodes, *([_OUTCOME] if any(influence.target == _OUTCOME for influence in joined) else [])]
    return {name: " ".join(_node_title(name, nodes).split()) for name in names}, joined
