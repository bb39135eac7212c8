"""Results as pictures: pure functions from a result to a Vega-Lite specification, with all data inside.

Each module has the charts of one question. Nothing here draws: `cli/pictures.py` hands specifications to what does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from usru_scenarios.light_dataclasses import replace

if TYPE_CHECKING:
    from collections.abc import Callable


class ChartKind(NamedTuple):
    """A kind of chart.

    Attributes:
        question: whose answer it draws, which is the name of the module here.
        output: the name of that answer in the `format` of its JSON.
        shows: what it shows, in a few words.
        ranked: the list of the answer of which only the first entries are drawn; empty where there is none.
    """

    question: str
    output: str
    shows: str
    ranked: str = ""


KINDS = {
    "forecast": ChartKind("simulate", "simulation", "each scenario over time, with the band of the judgements"),
    "drivers": ChartKind("simulate", "simulation", "the states of each driver over time"),
    "first-visits": ChartKind("simulate", "simulation", "how likely each scenario has come by then"),
    "compare": ChartKind("compare", "comparison", "variants side by side"),
    "sweep": ChartKind("sweep", "sweep", "the likelihoods over a range, with the crossings"),
    "sensitivity": ChartKind("sensitivity", "sensitivity", "how far each driver moves the outcome", "moves"),
    "watch": ChartKind("watch", "watch", "which observations would move the forecast most", "indicators"),
    "history": ChartKind("history", "history", "what the records of a ledger said, over their days"),
    "influences": ChartKind("show", "overview", "which driver acts on which, and how strongly"),
}
"""The charts, by name; the first of a question is the usual one."""


_USUAL_CHARTS = {
    "Simulation": "forecast",
    "Comparison": "compare",
    "Sweep": "sweep",
    "Sensitivity": "sensitivity",
    "Watch": "watch",
    "History": "history",
}
"""The usual charts of results, by the names of their classes."""

_DEFAULT_TOP = 10
"""So many entries of a ranked list are drawn where nobody says how many."""


def usual_chart(result: object) -> dict[str, Any] | None:
    """The usual chart of a result; None where there is none."""
    name = _USUAL_CHARTS.get(type(result).__name__)
    if name is None or (KINDS[name].ranked and not getattr(result, KINDS[name].ranked)):
        return None
    return chart(name, result, top=_DEFAULT_TOP)


DEFAULT_WIDTH, WIDTH_BOUNDS = 800, (400, 4000)
"""Of a picture in pixels: where nobody says, and the least and the most."""


def chart(name: str, result: Any, width: int = DEFAULT_WIDTH, top: int = 0) -> dict[str, Any]:
    """The chart of a result as a Vega-Lite specification, so many pixels wide.

    Args:
        name: in `KINDS`.
        result: an answer to the question of that chart.
        width: of the picture, in pixels; a matrix of many drivers may be wider.
        top: at most so many entries of a ranked list; 0 for all.
    """
    if top and (ranked := KINDS[name].ranked) and getattr(result, ranked) is not None:
        result = replace(result, **{ranked: getattr(result, ranked)[:top]})
    module = import_module(f"{__name__}.{KINDS[name].question}")
    make: Callable[[Any, int], dict[str, Any]] = getattr(module, name.replace("-", "_"))
    return make(result, width)
