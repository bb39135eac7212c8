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
from usru_scenarios.report.likelihoods import format_error_bound, format_percent, percent_decimals
from usru_scenarios.report.numbers import decimals_for, format_number, round_up_error, sparkline
from usru_scenarios.report.provenance import FROM_JUDGEMENTS, describe_profile, describe_run, result_report
from usru_scenarios.report.sentences import quote_title

if TYPE_CHECKING:
    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Rows
    from usru_scenarios.report.document import Block, Row
    from usru_scenarios.results.sweep import Crossing, Sweep, Swept

_MIN_TITLE, _MAX_TITLE = 12, 30
_MIN_SPARKLINE, _MAX_SPARKLINE = 8, 48
_MAX_ROWS = 41
"""More values of the first of two variables are thinned out, for people."""

_SHADES = " ░▒▓█"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_STYLES = ("green", "cyan", "yellow", "red", "magenta", "blue")


def report(result: Sweep, layout: Layout) -> Report:
    """A table for each time: of curves for one variable, a map for two."""
    blocks: list[Block] = []
    any_thinned = False
    for at in result.at:
        if len(result.variables) == 2:
            table, is_thinned = _map_table(result, at, layout)
        elif layout.width:
            table, is_thinned = _curve_table(result, at, layout)
        else:
            table, is_thinned = _point_table(result, at), False
        blocks += [Heading(describe_time(at, result), "cyan"), table]
        any_thinned |= is_thinned
    if len(result.variables) == 2:
        blocks.append(Lines((StyledText(_map_key(result), "dim"),), as_list=True))
    subtitle = f"{result.model.name}{describe_profile(result.run.profile)}: {' and '.join(describe_variables(result))}"
    lead = " ".join(describe_crossings(result))
    footer = list(_footer(result, any_thinned=any_thinned))
    return result_report(result, subtitle if layout.width else f"{subtitle}.", blocks, footer, lead=lead)


def describe_variables(result: Sweep) -> Iterator[str]:
    """What is varied, from where to where."""
    for variable in result.variables:
        kind = "weight of " if variable.kind == "weight" else ""
        present = "" if variable.present is None else f" (now {format_value(variable.present)})"
        first, last = format_value(variable.values[0]), format_value(variable.values[-1])
        yield f"{kind}{variable.name} from {first} to {last}{present}"


def format_value(value: float) -> str:
    """A value that is swept."""
    return format_number(value) if abs(value) >= 0.001 or value == 0 else f"{value:g}"


def describe_time(at: str, result: Sweep) -> str:
    """A time as a heading, with the steps that it is."""
    first, last = result.run.steps[0], result.run.steps[-1]
    if at == "mean":
        return f"Share of time, average over {first} to {last}"
    return {"start": f"At the start, {first}", "end": f"At the end, {last}", "now": "Likelihood"}.get(at, f"In {at}")


_TIMES = {"mean": "On average over time", "start": "At the start", "end": "At the end", "now": "Here"}
"""How sentences about a time begin."""


def describe_crossings(result: Sweep) -> Iterator[str]:
    """A sentence for each change of the likeliest scenario; none where two variables or one scenario are looked at."""
    if len(result.variables) > 1 or not result.likeliest:
        return
    name = result.variables[0].name
    for at in result.at:
        time = _TIMES.get(at, f"In {at}")
        crossings = [crossing for crossing in result.crossings if crossing.at == at]
        if not crossings:
            leader = quote_title(result.scenarios[result.likeliest[at][0]].title)
            yield f"{time} {leader} is likeliest over the whole range."
        for crossing in crossings:
            before, after = (quote_title(result.scenarios[one].title) for one in (crossing.before, crossing.after))
            yield f"{time} {before} is likeliest up to {name} = {format_crossing(crossing)}, then {after}."


def format_crossing(crossing: Crossing) -> str:
    """Where the likeliest scenario changes, with its standard error, or between which values."""
    if crossing.value is None or crossing.standard_error is None:
        return f"somewhere between {format_value(crossing.low)} and {format_value(crossing.high)}"
    if crossing.standard_error == 0:
        return f"{crossing.value:.4g}"
    decimals = decimals_for(crossing.standard_error) + 1
    return f"{crossing.value:.{decimals}f} ± {round_up_error(crossing.standard_error)}"


def _footer(result: Sweep, *, any_thinned: bool) -> Iterator[str]:
    run = result.run
    common = " for each point, the same random numbers for all" if run.trials else ""
    errors = f"; standard errors {format_error_bound(largest_error(result))}" if run.trials else ""
    crossings = ", ± of crossings is one" if any(crossing.standard_error for crossing in result.crossings) else ""
    yield f"{describe_run(run)}{common}{errors}{crossings}."
    if any_thinned:
        yield "Not every point has its number here: -f csv and --json have them all."
    yield FROM_JUDGEMENTS


def _all_swept(result: Sweep) -> list[Swept]:
    return [*result.scenarios.values(), *result.groups.values()]


def largest_error(result: Sweep) -> float:
    """The largest standard error of a likelihood."""
    return max(max(curve.standard_errors) for swept in _all_swept(result) for curve in swept.curves.values())


def _thin_out(count: int, most: int) -> list[int]:
    """At most so many places in a row, evenly spaced, with the first and, where that can be, the last."""
    if count <= most:
        return list(range(count))
    fits = [stride for stride in range(2, count) if (count - 1) % stride == 0 and (count - 1) // stride + 1 <= most]
    least = -(-(count - 1) // max(most - 1, 1))
    stride = fits[0] if fits and fits[0] <= 2 * least else least
    return list(range(0, count, stride))


# One variable ---------------------------------------------------------------------------------------------------------


def _curve_table(result: Sweep, at: str, layout: Layout) -> tuple[Table, bool]:
    """A sparkline of each scenario and group, with as many numbers as have room; and whether some are missing."""
    name, values = result.variables[0].name, result.variables[0].values
    places = _decimals(result)
    title = min(max(cell_len(single_line(swept.title)) for swept in _all_swept(result)), _MAX_TITLE)
    number = GAP + max(places + 4, *(len(format_value(value)) for value in values))
    small = min(len(values), _MAX_SPARKLINE)
    if layout.width - title - GAP - small < 3 * number:
        title, small = min(title, 2 * _MIN_TITLE), min(small, _MIN_SPARKLINE)
    if layout.width - title - GAP - small < 2 * number:
        title = _MIN_TITLE
    shown_places = _thin_out(len(values), max((layout.width - title - GAP - small) // number, 2))
    columns = [
        Column(name if len(name) <= title else "", width=title, folds=True),
        *(Column(format_value(values[place]), "number") for place in shown_places),
        Column(kind="drawing", width=small),
    ]
    rows: list[Row] = []
    for section, style in ((result.scenarios, "bold"), (result.groups, "")):
        if rows and section:
            rows.append(())
        top = max((max(swept.curves[at].probability) for swept in section.values()), default=0.0)
        for swept in section.values():
            curve = swept.curves[at].probability
            cells = [format_percent(curve[place], places) for place in shown_places]
            rows.append((StyledText(swept.title, style), *cells, sparkline(curve, top, small)))
    return Table(columns, rows), len(shown_places) < len(values)


def _decimals(result: Sweep) -> int:
    return min(percent_decimals(largest_error(result)), 1)


def _point_table(result: Sweep, at: str) -> Table:
    """A row for each value, a column for each scenario and group."""
    places, swept, (variable,) = _decimals(result), _all_swept(result), result.variables
    rows = [
        (format_value(value), *(format_percent(each.curves[at].probability[number], places) for each in swept))
        for number, value in enumerate(variable.values)
    ]
    values = Column(kind="number", label=StyledText(variable.name, "", "`"))
    return Table([values, *(Column(each.title, "number") for each in swept)], rows)


# Two variables --------------------------------------------------------------------------------------------------------


def _map_table(result: Sweep, at: str, layout: Layout) -> tuple[Table, bool]:
    """A map of the two variables: the likeliest scenario or the chosen one; and whether some are missing."""
    down, across = result.variables
    columns, lines = list(range(len(across.values))), list(range(len(down.values)))
    if layout.width:
        label = max(map(len, map(format_value, down.values)))
        cell = GAP + max(4, *(len(format_value(value)) for value in across.values))
        columns = _thin_out(len(columns), max((layout.width - label) // cell, 2))
        lines = _thin_out(len(lines), _MAX_ROWS)
    rows: list[Row] = []
    for line in lines:
        cells = (_map_cell(result, at, line * len(across.values) + place) for place in columns)
        rows.append((format_value(down.values[line]), *cells))
    heads = (Column(format_value(across.values[place]), "number") for place in columns)
    names = StyledText(down.name, "", "`"), StyledText("by"), StyledText(across.name, "", "`")
    corner = Column(kind="number", label=names, style="dim")
    return Table([corner, *heads], rows), len(rows) < len(down.values) or len(columns) < len(across.values)


def _map_cell(result: Sweep, at: str, point: int) -> StyledText:
    """The likelihood in whole percents, behind the letter of the scenario or a shade."""
    if not result.likeliest:
        (swept,) = _all_swept(result)
        value = swept.curves[at].probability[point]
        shade = _SHADES[min(int(value * len(_SHADES)), len(_SHADES) - 1)]
        return StyledText(f"{shade}{100.0 * value:.0f}")
    leader = result.likeliest[at][point]
    style = _STYLES[list(result.scenarios).index(leader) % len(_STYLES)]
    value = result.scenarios[leader].curves[at].probability[point]
    return StyledText(f"{_scenario_letters(result)[leader]}{100.0 * value:.0f}", style)


def _scenario_letters(result: Sweep) -> dict[str, str]:
    """A letter for each scenario: its first where all differ."""
    letters = [single_line(scenario.title)[:1].upper() for scenario in result.scenarios.values()]
    if len(set(letters)) < len(letters) or not all(letter.isalpha() for letter in letters):
        letters = [_LETTERS[number % len(_LETTERS)] for number in range(len(letters))]
    return dict(zip(result.scenarios, letters, strict=True))


def _map_key(result: Sweep) -> str:
    """What rows, columns and cells of a map mean."""
    down, across = (variable.name for variable in result.variables)
    axes = f"Down: {down}; across: {across}."
    if not result.likeliest:
        return f"{axes} Each cell: the likelihood in percent of {_all_swept(result)[0].title}."
    leaders = {name for names in result.likeliest.values() for name in names}
    letters = _scenario_letters(result).items()
    key = ", ".join(f"{letter} {result.scenarios[name].title}" for name, letter in letters if name in leaders)
    return f"{axes} Each cell: the likeliest scenario and its likelihood in percent: {key}."


# Rows -----------------------------------------------------------------------------------------------------------------


def rows(result: Sweep, _layout: Layout) -> Rows:
    """A row for each point, time, and scenario or group."""
    variables = (variable.name for variable in result.variables)
    yield *MODEL_COLUMNS, *variables, "kind", "id", "title", "at", "date", "probability", "standard_error"
    sections = (("scenario", result.scenarios), ("group", result.groups))
    model = model_cells(result.model, result.run.profile)
    edges = {"start": result.run.steps[0], "end": result.run.steps[-1]}
    days = {at: first_day(edges.get(at, at)) for at in result.at}
    for number, point in enumerate(result.points):
        for at in result.at:
            for kind, section in sections:
                for name, swept in section.items():
                    curve = swept.curves[at]
                    cells = kind, name, swept.title, at, days[at]
                    yield *model, *point, *cells, curve.probability[number], curve.standard_errors[number]
