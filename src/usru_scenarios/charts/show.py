"""Which part of a model acts on which: a matrix, as in cross-impact analysis, or a graph as text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from usru_scenarios.charts import colours, layout
from usru_scenarios.charts.lettering import break_lines, max_width
from usru_scenarios.report.forecast_in_words import join_names, quote_title
from usru_scenarios.report.numbers import format_number
from usru_scenarios.report.provenance_line import describe_profile

if TYPE_CHECKING:
    from usru_scenarios.results.show import NodePart, Overview

_OUTCOME = "scenario"
_STRONG = 1.5
"""Points from which an influence is drawn thick."""
_SMALLEST, _LARGEST = 18.0, 34.0
"""Of a cell of the matrix, in pixels."""
_ANGLE, _LONGEST_HEAD = 50, 170.0
"""By how many degrees the names of columns rise, and how long they are at most, in pixels."""


class Influence(NamedTuple):
    """That a part acts on another: in the step before (`lag` 1) or the same, with so many points at most."""

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
            strongest[pair] = max([strongest.get(pair, 0.0), *(abs(one) * weight for one in push.points.values())])
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
    known = {*nodes, _OUTCOME}
    found = [one for one in influences_of(result) if {one.source, one.target} <= known]
    acting = [name for name in (*nodes, _OUTCOME) if any(one.source == name for one in found)]
    acted = [name for name in (*nodes, _OUTCOME) if any(one.target == name for one in found)]
    named = {name: break_lines(_title(name, nodes), layout.LABEL, 0.36 * room, most=2) for name in acting}
    left = max_width((line for lines in named.values() for line in lines), layout.LABEL) + 10
    headed = {name: break_lines(_title(name, nodes), layout.LABEL, _LONGEST_HEAD, most=1)[0] for name in acted}
    beyond = max((max_width([head], layout.LABEL) for head in headed.values()), default=0.0) * math.cos(
        math.radians(_ANGLE)
    )
    cell = min(max((room - left - beyond) / max(len(acted), 1), _SMALLEST), _LARGEST)
    high = max(max((len(named[name]) for name in acting), default=1) * layout.LABEL * layout.LINE + 4, min(cell, 26.0))
    most = max((one.points for one in found), default=0.0)
    across = {name: place * cell for place, name in enumerate(acted)}
    down = {name: place * high for place, name in enumerate(acting)}
    cells, said, lagged = [], [], []
    for (source, target), both in _paired(found).items():
        points = max(one.points for one in both)
        ground = colours.shade(0.05 + 0.95 * points / most if most else 0.05)
        x, y = across[target], down[source]
        act = {"from": _title(source, nodes), "to": _title(target, nodes), "points": round(points, 4)}
        cells.append({**act, "x": x, "x2": x + cell, "y": y, "y2": y + high, "colour": ground})
        shown = format_number(round(points, 1)) if points else ""
        said.append(layout.label(shown, x + cell / 2, y + high / 2, colours.text_on(ground)))
        if any(one.lag for one in both):
            lagged.append({"x": x + cell - 5, "y": y + 5, "colour": colours.text_on(ground)})
    heads = [layout.label(headed[name], across[name] + cell / 2, -6, colours.INK) for name in acted]
    tops = {name: (high - (len(lines) - 1) * layout.LABEL * layout.LINE) / 2 for name, lines in named.items()}
    rows = [layout.label("\n".join(named[name]), -left, down[name] + tops[name], colours.INK) for name in named]
    rect = {
        "mark": {"type": "rect", "stroke": colours.PAPER},
        "encoding": {
            "x": layout.pixel_channel("x"),
            "x2": {"field": "x2"},
            "y": layout.pixel_channel("y"),
            "y2": {"field": "y2"},
            "color": layout.colour_channel(),
            "tooltip": [{"field": name, "type": "nominal"} for name in ("from", "to", "points")],
        },
    }
    dots = {
        "data": {"values": lagged},
        "mark": {"type": "circle", "size": 14, "opacity": 1},
        "encoding": {"x": layout.pixel_channel("x"), "y": layout.pixel_channel("y"), "color": layout.colour_channel()},
    }
    view = {
        "width": max(cell * len(acted), 20),
        "height": max(high * len(acting), 20),
        "data": {"values": cells},
        "layer": [
            rect,
            layout.text_layer(said, align="center", fontSize=layout.LABEL - 1),
            dots,
            layout.text_layer(heads, angle=360 - _ANGLE),
            layout.text_layer(rows),
        ],
    }
    model = result.model
    said_below = [f"Model {model.name}{describe_profile(result.profile)} ({model.sha256[:8]}). Points are judgements."]
    picture = layout.Picture(
        _seen(found, nodes), _told(result, scenarios=_OUTCOME in acted), [view], left, said_below, _read(found, nodes)
    )
    return layout.made(picture, width)


def _paired(found: list[Influence]) -> dict[tuple[str, str], list[Influence]]:
    pairs: dict[tuple[str, str], list[Influence]] = {}
    for one in found:
        pairs.setdefault((one.source, one.target), []).append(one)
    return pairs


def _title(name: str, nodes: dict[str, NodePart]) -> str:
    return nodes[name].title if name in nodes else "The scenarios"


def _seen(found: list[Influence], nodes: dict[str, NodePart]) -> str:
    """What acts most on the scenarios, in a sentence."""
    direct = [one for one in found if one.target == _OUTCOME and one.source in nodes]
    if not direct:
        return "What acts on what"
    most = max(one.points for one in direct)
    titles = list(dict.fromkeys(quote_title(nodes[one.source].title) for one in direct if one.points >= most - 1e-9))
    shown = join_names(titles) if len(titles) <= 3 else f"{len(titles)} drivers"
    verb = "acts" if len(titles) == 1 else "act"
    return f"{shown} {verb} most strongly on the scenarios: by up to {format_number(most)} points."


def _told(result: Overview, *, scenarios: bool) -> str:
    weighted = "; on the scenarios, times its weight" if scenarios else ""
    return (
        f"{result.model.title}: how many points what stands at the left gives at most to what stands above{weighted}. "
        "A dot: it acts in the next step. Shaded without a number: by a table or a rule."
    )


def _read(found: list[Influence], nodes: dict[str, NodePart]) -> str:
    said = (f"{_title(one.source, nodes)} on {_title(one.target, nodes)} {format_number(one.points)}" for one in found)
    return f"{'; '.join(said)}."


# As text --------------------------------------------------------------------------------------------------------------


def mermaid(result: Overview) -> str:
    """The graph as Mermaid draws it: dotted what acts in the next step, thick from 1.5 points on."""
    return "\n".join(["flowchart LR", *(f"  {line}" for line in _mermaid(result)), ""])


def _graph(result: Overview) -> tuple[dict[str, str], list[Influence]]:
    """The titles of what a graph joins, each in one line, and the influences between them."""
    nodes, found = {**result.drivers, **result.consequences}, influences_of(result)
    joined = [*nodes, *([_OUTCOME] if any(one.target == _OUTCOME for one in found) else [])]
    return {name: " ".join(_title(name, nodes).split()) for name in joined}, found


def _mermaid(result: Overview) -> Iterator[str]:
    titles, found = _graph(result)
    for name, title in titles.items():
        label = re.sub(r"[^\w\s,.:;?!\'()/%+-]", lambda sign: f"#{ord(sign[0])};", title)
        shape = ('(["', '"])') if name == _OUTCOME else ('["', '"]')
        yield f"n_{name}{shape[0]}{label}{shape[1]}"
    for one in found:
        arrow = "-.->" if one.lag else "==>" if one.points >= _STRONG else "-->"
        said = f"|{format_number(round(one.points, 2))}|" if one.points else ""
        yield f"n_{one.source} {arrow}{said} n_{one.target}"


def dot(result: Overview) -> str:
    """The graph as Graphviz draws it, likewise."""
    return "\n".join(["digraph influences {", "  rankdir=LR;", *(f"  {line};" for line in _dot(result)), "}", ""])


def _dot(result: Overview) -> Iterator[str]:
    titles, found = _graph(result)
    yield 'node [shape=box, fontname="Liberation Sans"]'
    for name, title in titles.items():
        escaped = title.replace("\\", "\\\\").replace('"', '\\"')
        yield f'"{name}" [label="{escaped}"{", shape=ellipse" if name == _OUTCOME else ""}]'
    for one in found:
        style = ["style=dotted"] if one.lag else []
        style += ["penwidth=2.5"] if one.points >= _STRONG else []
        style += [f'label="{format_number(round(one.points, 2))}"'] if one.points else []
        styled = f" [{', '.join(style)}]" if style else ""
        yield f'"{one.source}" -> "{one.target}"{styled}'
