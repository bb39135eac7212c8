"""Likelihoods over a range, for people: sparklines with numbers for one variable, a heat map for two."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from usru_scenarios.report import rows
from usru_scenarios.report.markdown import escaped, row
from usru_scenarios.report.numbers import decimals_for, plain, rounded_up, sparkline
from usru_scenarios.report.provenance_line import conditions, how_run
from usru_scenarios.report.terminal import GAP, drawn, grid, words

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from usru_scenarios.report import Layout
    from usru_scenarios.results.sweep import Crossing, Sweep, Swept

_SHORTEST_TITLE, _LONGEST_TITLE = 12, 30
_SHORTEST_SPARKLINE, _LONGEST_SPARKLINE = 8, 48
_MOST_ROWS = 41
"""More values of the first of two variables are thinned out, for people."""

_SHADES = " ░▒▓█"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_STYLES = ("green", "cyan", "yellow", "red", "magenta", "blue")


def table(result: Sweep, layout: Layout) -> str:
    """The sweep, drawn to a width."""
    parts: list[RenderableType] = [words(result.model.title, "bold"), words(_subtitle(result), "dim")]
    parts += [
        Text.assemble((f"{one.kind}  ", "cyan"), words(one.text), (f"  {one.meaning}", "dim"))
        for one in conditions(result.run.do, ())
    ]
    thinned = False
    for at in result.at:
        parts += [Text(), words(_named(at), "cyan"), Text()]
        drawing, skips = (_curves if len(result.variables) == 1 else _map)(result, at, layout)
        parts.append(drawing)
        thinned |= skips
    if len(result.variables) == 2:
        parts += [Text(), words(_key(result), "dim")]
    parts += [Text(), *map(words, _crossings(result))] if len(result.variables) == 1 and result.likeliest else []
    return drawn([*parts, *(words(line, "dim") for line in ("", *_foot(result, thinned=thinned)))], layout)


def csv(result: Sweep, _layout: Layout) -> str:
    """The sweep as rows."""
    return rows.sweep(result)


# Words that both forms share ------------------------------------------------------------------------------------------


def _subtitle(result: Sweep) -> str:
    profile = f", profile {result.run.profile}" if result.run.profile else ""
    return f"{result.model.name}{profile}: {' and '.join(_varied(result))}"


def _varied(result: Sweep) -> Iterator[str]:
    for one in result.variables:
        kind = "weight of " if one.kind == "weight" else ""
        present = "" if one.present is None else f" (now {_number(one.present)})"
        yield f"{kind}{one.name} from {_number(one.values[0])} to {_number(one.values[-1])}{present}"


def _number(value: float) -> str:
    return plain(value) if abs(value) >= 0.001 or value == 0 else f"{value:g}"


def _named(at: str) -> str:
    if at == "mean":
        return "Share of time"
    return {"start": "At the start", "end": "At the end", "now": "Likelihood"}.get(at, f"At {at}")


def _crossings(result: Sweep) -> Iterator[str]:
    """A sentence for each change of the likeliest scenario."""
    name = result.variables[0].name
    for at in result.at:
        found = [one for one in result.crossings if one.at == at]
        leader = result.scenarios[result.likeliest[at][0]].title
        time = _named(at)
        if not found:
            yield f"{time}: {leader} is the likeliest over the whole range."
        for one in found:
            before, after = result.scenarios[one.before].title, result.scenarios[one.after].title
            yield f"{time}: {before} is the likeliest up to {name} = {_crossing(one)}, then {after}."


def _crossing(one: Crossing) -> str:
    if one.value is None or one.standard_error is None:
        return f"somewhere between {_number(one.low)} and {_number(one.high)}"
    if one.standard_error == 0:
        return f"{one.value:.4g}"
    return f"{one.value:.{decimals_for(one.standard_error) + 1}f} +- {rounded_up(one.standard_error)}"


def _foot(result: Sweep, *, thinned: bool = False) -> Iterator[str]:
    run = result.run
    each = " for each point, the same random numbers for all" if run.trials else ""
    errors = f"; standard errors at most {rounded_up(_largest_error(result))}" if run.trials else ""
    found = how_run(run)
    yield f"{found}{each}{errors}."
    if thinned:
        yield "Not every point has its number here: -f csv and --json have them all."
    yield "The likelihoods follow from the judgements in the file, not from data."


def _all(result: Sweep) -> list[Swept]:
    return [*result.scenarios.values(), *result.groups.values()]


def _largest_error(result: Sweep) -> float:
    return max(max(curve.standard_errors) for one in _all(result) for curve in one.curves.values())


def _thinned(count: int, most: int) -> list[int]:
    """Places in a row of so many, evenly spaced, with the first and, where that can be, the last."""
    if count <= most:
        return list(range(count))
    fits = [stride for stride in range(2, count) if (count - 1) % stride == 0 and (count - 1) // stride + 1 <= most]
    least = -(-(count - 1) // max(most - 1, 1))
    stride = fits[0] if fits and fits[0] <= 2 * least else least
    return list(range(0, count, stride))


# One variable ---------------------------------------------------------------------------------------------------------


def _curves(result: Sweep, at: str, layout: Layout) -> tuple[Table, bool]:
    """A row for each scenario and group: a sparkline, and as many numbers as there is room for."""
    values = result.variables[0].values
    decimals = min(decimals_for(_largest_error(result)), 3)
    title = min(max(cell_len(words(one.title).plain) for one in _all(result)), _LONGEST_TITLE)
    number = GAP + max(decimals + 2, *(len(_number(value)) for value in values))
    small = min(len(values), _LONGEST_SPARKLINE)
    if layout.width - title - GAP - small < 3 * number:
        title, small = min(title, 2 * _SHORTEST_TITLE), min(small, _SHORTEST_SPARKLINE)
    if layout.width - title - GAP - small < 2 * number:
        title = _SHORTEST_TITLE
    shown = _thinned(len(values), max((layout.width - title - GAP - small) // number, 2))
    lines = grid()
    lines.add_column(
        result.variables[0].name if len(result.variables[0].name) <= title else "", width=title, overflow="fold"
    )
    for place in shown:
        lines.add_column(_number(values[place]), justify="right", no_wrap=True, vertical="top")
    lines.add_column("", width=small, no_wrap=True, style="cyan")
    for number_of, section in enumerate((result.scenarios, result.groups)):
        if number_of and section and result.scenarios:
            lines.add_row()
        top = max((max(one.curves[at].probability) for one in section.values()), default=0.0)
        for one in section.values():
            curve = one.curves[at].probability
            cells = [Text(f"{curve[place]:.{decimals}f}") for place in shown]
            lines.add_row(words(one.title, "" if number_of else "bold"), *cells, Text(sparkline(curve, top, small)))
    return lines, len(shown) < len(values)


# Two variables --------------------------------------------------------------------------------------------------------


def _map(result: Sweep, at: str, layout: Layout) -> tuple[Table, bool]:
    """Rows for the first variable and columns for the second: the likeliest scenario, or the chosen one."""
    down, across = result.variables
    label = max(map(len, map(_number, down.values)))
    cell = GAP + max(4, *(len(_number(value)) for value in across.values))
    columns = _thinned(len(across.values), max((layout.width - label) // cell, 2))
    lines_shown = _thinned(len(down.values), _MOST_ROWS)
    lines = grid()
    lines.add_column("", no_wrap=True, justify="right", style="dim")
    for place in columns:
        lines.add_column(_number(across.values[place]), justify="right", no_wrap=True, vertical="bottom")
    for line in lines_shown:
        points = [line * len(across.values) + place for place in columns]
        lines.add_row(_number(down.values[line]), *(_cell(result, at, point) for point in points))
    return lines, len(columns) < len(across.values) or len(lines_shown) < len(down.values)


def _cell(result: Sweep, at: str, point: int) -> Text:
    if not result.likeliest:
        (one,) = _all(result)
        value = one.curves[at].probability[point]
        return Text.assemble((_SHADES[min(int(value * len(_SHADES)), len(_SHADES) - 1)], "cyan"), _share(value))
    leader = result.likeliest[at][point]
    number = list(result.scenarios).index(leader)
    style = _STYLES[number % len(_STYLES)]
    return Text(f"{_letters(result)[leader]}{_share(result.scenarios[leader].curves[at].probability[point])}", style)


def _share(value: float) -> str:
    """Two decimals without the 0 before them."""
    return f"{value:.2f}".removeprefix("0") if value < 0.995 else "1.0"


def _letters(result: Sweep) -> dict[str, str]:
    """A letter for each scenario: its first where all differ."""
    first = [words(one.title).plain[:1].upper() for one in result.scenarios.values()]
    if len(set(first)) < len(first) or not all(letter.isalpha() for letter in first):
        first = [_LETTERS[number % len(_LETTERS)] for number in range(len(first))]
    return dict(zip(result.scenarios, first, strict=True))


def _key(result: Sweep) -> str:
    """What rows, columns and cells of a map mean."""
    down, across = (one.name for one in result.variables)
    axes = f"Down: {down}; across: {across}."
    if not result.likeliest:
        return f"{axes} Each cell: the probability of {_all(result)[0].title}."
    letters = _letters(result)
    shown = {name for each in result.likeliest.values() for name in each}
    named = ", ".join(f"{letters[name]} {one.title}" for name, one in result.scenarios.items() if name in shown)
    return f"{axes} Each cell: the likeliest scenario and its probability: {named}."


# Markdown -------------------------------------------------------------------------------------------------------------


def md(result: Sweep, _layout: Layout) -> str:
    """The sweep as Markdown: a row for each point, or a map of two variables."""
    lines = [f"# {escaped(result.model.title)}", "", f"{escaped(_subtitle(result))}.", ""]
    lines += [f"- {one.kind}: {escaped(one.text)} ({one.meaning})" for one in conditions(result.run.do, ())]
    for at in result.at:
        lines += ["", f"## {escaped(_named(at))}", ""]
        lines += _md_points(result, at) if len(result.variables) == 1 else _md_map(result, at)
    told = [_key(result)] if len(result.variables) == 2 else list(_crossings(result)) if result.likeliest else []
    lines += ["", *(f"- {escaped(one)}" for one in told)] if told else []
    return "\n".join([*lines, "", escaped(" ".join(_foot(result))), ""])


def _md_points(result: Sweep, at: str) -> Iterator[str]:
    decimals = min(decimals_for(_largest_error(result)), 3)
    found = _all(result)
    yield row([f"`{result.variables[0].name}`", *(escaped(one.title) for one in found)])
    yield row(["---:" for _ in range(len(found) + 1)])
    for number, value in enumerate(result.variables[0].values):
        yield row([_number(value), *(f"{one.curves[at].probability[number]:.{decimals}f}" for one in found)])


def _md_map(result: Sweep, at: str) -> Iterator[str]:
    down, across = result.variables
    yield row([f"`{down.name}` by `{across.name}`", *map(_number, across.values)])
    yield row(["---:" for _ in range(len(across.values) + 1)])
    for line, value in enumerate(down.values):
        points = range(line * len(across.values), (line + 1) * len(across.values))
        yield row([_number(value), *(_cell(result, at, point).plain.strip() for point in points)])
