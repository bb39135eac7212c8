"""Likelihoods over a range: sparklines with numbers for one variable, a heat map for two; and as rows of data.

A row for each point, time, and scenario or group: `model`, `model_hash` and `profile`, one or two columns that are
called as the variables, then `kind`, `id`, `title`, `at`, the `date` on which that step begins, `probability` and
`standard_error`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from usru_scenarios.report.data import MODEL_COLUMNS, first_day, model_cells
from usru_scenarios.report.document import GAP, Column, Heading, Lines, Report, StyledText, Table, cell_len, single_line
from usru_scenarios.report.forecast_in_words import quote_title
from usru_scenarios.report.likelihoods import format_error_bound, format_percent, percent_decimals
from usru_scenarios.report.numbers import decimals_for, format_number, round_up_error, sparkline
from usru_scenarios.report.provenance_line import (
    FROM_JUDGEMENTS,
    citation_line,
    describe_profile,
    describe_run,
    list_conditions,
)

if TYPE_CHECKING:
    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Rows
    from usru_scenarios.report.document import Block, Cell
    from usru_scenarios.results.sweep import Crossing, Sweep, Swept

_SHORTEST_TITLE, _LONGEST_TITLE = 12, 30
_SHORTEST_SPARKLINE, _LONGEST_SPARKLINE = 8, 48
_MOST_ROWS = 41
"""More values of the first of two variables are thinned out, for people."""

_SHADES = " ░▒▓█"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_STYLES = ("green", "cyan", "yellow", "red", "magenta", "blue")


def report(result: Sweep, layout: Layout) -> Report:
    """A table for each time: of curves for one variable, a map for two."""
    blocks: list[Block] = []
    thinned = False
    for at in result.at:
        table, skips = _points(result, at, layout) if len(result.variables) == 1 else _map(result, at, layout)
        blocks += [Heading(describe_time(at, result), "cyan"), table]
        thinned |= skips
    if len(result.variables) == 2:
        blocks.append(Lines((StyledText(_key(result), "dim"),), as_list=True))
    subtitle = f"{result.model.name}{describe_profile(result.run.profile)}: {' and '.join(describe_variables(result))}"
    return Report(
        title=result.model.title,
        subtitle=subtitle if layout.width else f"{subtitle}.",
        conditions=list_conditions(result.run.do, result.run.given, result.run.evidence),
        lead=" ".join(describe_crossings(result)),
        blocks=blocks,
        footer=list(_footer(result, thinned=thinned)),
        citation=citation_line(result.model, result.run.usru_version),
    )


def _points(result: Sweep, at: str, layout: Layout) -> tuple[Table, bool]:
    """The curves in a terminal; else a row for each point. And whether points are left out."""
    return _curves(result, at, layout) if layout.width else (_every_point(result, at), False)


def describe_variables(result: Sweep) -> Iterator[str]:
    """What is varied, from where to where."""
    for one in result.variables:
        kind = "weight of " if one.kind == "weight" else ""
        present = "" if one.present is None else f" (now {format_value(one.present)})"
        yield f"{kind}{one.name} from {format_value(one.values[0])} to {format_value(one.values[-1])}{present}"


def format_value(value: float) -> str:
    """A value that is swept."""
    return format_number(value) if abs(value) >= 0.001 or value == 0 else f"{value:g}"


def describe_time(at: str, result: Sweep) -> str:
    """A time, with the steps that it is."""
    first, last = result.run.steps[0], result.run.steps[-1]
    if at == "mean":
        return f"Share of time, average over {first} to {last}"
    return {"start": f"At the start, {first}", "end": f"At the end, {last}", "now": "Likelihood"}.get(at, f"In {at}")


def _when(at: str) -> str:
    """A time, as a sentence begins."""
    return {"mean": "On average over time", "start": "At the start", "end": "At the end", "now": "Here"}.get(
        at, f"In {at}"
    )


def describe_crossings(result: Sweep) -> Iterator[str]:
    """A sentence for each change of the likeliest scenario; none where two variables or one scenario are looked at."""
    if len(result.variables) > 1 or not result.likeliest:
        return
    name = result.variables[0].name
    for at in result.at:
        found = [one for one in result.crossings if one.at == at]
        leader = quote_title(result.scenarios[result.likeliest[at][0]].title)
        if not found:
            yield f"{_when(at)} {leader} is likeliest over the whole range."
        for one in found:
            before, after = (
                quote_title(result.scenarios[one.before].title),
                quote_title(result.scenarios[one.after].title),
            )
            yield f"{_when(at)} {before} is likeliest up to {name} = {format_crossing(one)}, then {after}."


def format_crossing(one: Crossing) -> str:
    """Where it changes, with its standard error, or between which values."""
    if one.value is None or one.standard_error is None:
        return f"somewhere between {format_value(one.low)} and {format_value(one.high)}"
    if one.standard_error == 0:
        return f"{one.value:.4g}"
    return f"{one.value:.{decimals_for(one.standard_error) + 1}f} ± {round_up_error(one.standard_error)}"


def _footer(result: Sweep, *, thinned: bool) -> Iterator[str]:
    run = result.run
    each = " for each point, the same random numbers for all" if run.trials else ""
    errors = f"; standard errors {format_error_bound(largest_error(result))}" if run.trials else ""
    crossing = ", ± of crossings is one" if any(one.standard_error for one in result.crossings) else ""
    yield f"{describe_run(run)}{each}{errors}{crossing}."
    if thinned:
        yield "Not every point has its number here: -f csv and --json have them all."
    yield FROM_JUDGEMENTS


def _all(result: Sweep) -> list[Swept]:
    return [*result.scenarios.values(), *result.groups.values()]


def largest_error(result: Sweep) -> float:
    """The largest standard error of a likelihood."""
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
    places = min(percent_decimals(largest_error(result)), 1)
    title = min(max(cell_len(single_line(one.title)) for one in _all(result)), _LONGEST_TITLE)
    number = GAP + max(places + 4, *(len(format_value(value)) for value in values))
    small = min(len(values), _LONGEST_SPARKLINE)
    if layout.width - title - GAP - small < 3 * number:
        title, small = min(title, 2 * _SHORTEST_TITLE), min(small, _SHORTEST_SPARKLINE)
    if layout.width - title - GAP - small < 2 * number:
        title = _SHORTEST_TITLE
    shown = _thinned(len(values), max((layout.width - title - GAP - small) // number, 2))
    name = result.variables[0].name
    columns = [
        Column(name if len(name) <= title else "", width=title, folds=True),
        *(Column(format_value(values[place]), "number") for place in shown),
        Column(kind="drawing", width=small),
    ]
    rows: list[tuple[Cell, ...]] = []
    for number_of, section in enumerate((result.scenarios, result.groups)):
        if number_of and section and result.scenarios:
            rows.append(())
        top = max((max(one.curves[at].probability) for one in section.values()), default=0.0)
        for one in section.values():
            curve = one.curves[at].probability
            cells = [format_percent(curve[place], places) for place in shown]
            rows.append((StyledText(one.title, "" if number_of else "bold"), *cells, sparkline(curve, top, small)))
    return Table(columns, rows), len(shown) < len(values)


def _every_point(result: Sweep, at: str) -> Table:
    """A row for each value, a column for each scenario and group."""
    places = min(percent_decimals(largest_error(result)), 1)
    found = _all(result)
    name = result.variables[0].name
    rows = [
        (format_value(value), *(format_percent(one.curves[at].probability[number], places) for one in found))
        for number, value in enumerate(result.variables[0].values)
    ]
    return Table(
        [Column(kind="number", label=StyledText(name, "", "`")), *(Column(one.title, "number") for one in found)], rows
    )


# Two variables --------------------------------------------------------------------------------------------------------


def _map(result: Sweep, at: str, layout: Layout) -> tuple[Table, bool]:
    """Rows for the first variable and columns for the second: the likeliest scenario, or the chosen one."""
    down, across = result.variables
    columns, lines = list(range(len(across.values))), list(range(len(down.values)))
    if layout.width:
        label = max(map(len, map(format_value, down.values)))
        cell = GAP + max(4, *(len(format_value(value)) for value in across.values))
        columns, lines = (
            _thinned(len(columns), max((layout.width - label) // cell, 2)),
            _thinned(len(lines), _MOST_ROWS),
        )
    rows: list[tuple[Cell, ...]] = [
        (format_value(down.values[line]), *(_cell(result, at, line * len(across.values) + place) for place in columns))
        for line in lines
    ]
    heads = (Column(format_value(across.values[place]), "number") for place in columns)
    corner = Column(
        kind="number",
        label=(StyledText(down.name, "", "`"), StyledText("by"), StyledText(across.name, "", "`")),
        style="dim",
    )
    return Table([corner, *heads], rows), len(rows) < len(down.values) or len(columns) < len(across.values)


def _cell(result: Sweep, at: str, point: int) -> StyledText:
    if not result.likeliest:
        (one,) = _all(result)
        value = one.curves[at].probability[point]
        return StyledText(f"{_SHADES[min(int(value * len(_SHADES)), len(_SHADES) - 1)]}{_share(value)}")
    leader = result.likeliest[at][point]
    number = list(result.scenarios).index(leader)
    style = _STYLES[number % len(_STYLES)]
    return StyledText(
        f"{_letters(result)[leader]}{_share(result.scenarios[leader].curves[at].probability[point])}", style
    )


def _share(value: float) -> str:
    """Whole percents, without their sign."""
    return f"{100.0 * value:.0f}"


def _letters(result: Sweep) -> dict[str, str]:
    """A letter for each scenario: its first where all differ."""
    first = [single_line(one.title)[:1].upper() for one in result.scenarios.values()]
    if len(set(first)) < len(first) or not all(letter.isalpha() for letter in first):
        first = [_LETTERS[number % len(_LETTERS)] for number in range(len(first))]
    return dict(zip(result.scenarios, first, strict=True))


def _key(result: Sweep) -> str:
    """What rows, columns and cells of a map mean."""
    down, across = (one.name for one in result.variables)
    axes = f"Down: {down}; across: {across}."
    if not result.likeliest:
        return f"{axes} Each cell: the likelihood in percent of {_all(result)[0].title}."
    letters = _letters(result)
    shown = {name for each in result.likeliest.values() for name in each}
    named = ", ".join(f"{letters[name]} {one.title}" for name, one in result.scenarios.items() if name in shown)
    return f"{axes} Each cell: the likeliest scenario and its likelihood in percent: {named}."


# Rows -----------------------------------------------------------------------------------------------------------------


def rows(result: Sweep, _layout: Layout) -> Rows:
    """A row for each point, time, and scenario or group."""
    varied = (one.name for one in result.variables)
    yield *MODEL_COLUMNS, *varied, "kind", "id", "title", "at", "date", "probability", "standard_error"
    found = (("scenario", result.scenarios), ("group", result.groups))
    rows = [(kind, name, one) for kind, each in found for name, one in each.items()]
    model = model_cells(result.model, result.run.profile)
    edges = {"start": result.run.steps[0], "end": result.run.steps[-1]}
    days = {at: first_day(edges.get(at, at)) for at in result.at}
    for number, point in enumerate(result.points):
        for at in result.at:
            for kind, name, one in rows:
                curve = one.curves[at]
                said = kind, name, one.title, at, days[at]
                yield (*model, *point, *said, curve.probability[number], curve.standard_errors[number])
