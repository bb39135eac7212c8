"""A simulation for people, as wide as there is room.

The numbers always stand. A bar and a sparkline are drawn where the titles and the numbers leave room for them; long
titles go on in a second line.

Rows have fixed columns. There is one row for each scenario, group, or state of a driver or consequence, and step; a
numeric driver has one row for each step.

| column           | meaning                                                                                   |
|------------------|-------------------------------------------------------------------------------------------|
| `kind`           | scenario, group, driver or consequence                                                    |
| `id`             | as in the file                                                                            |
| `state`          | of a driver or consequence with states, otherwise empty                                   |
| `step`           | the label of the step                                                                     |
| `probability`    | that it holds at the step; empty for a numeric driver                                     |
| `mean`           | of a numeric driver at the step, otherwise empty                                          |
| `standard_error` | of sampling, of the probability or mean                                                   |
| `first_visit`    | that the step is the first visit, of scenarios and groups; their sum is `ever`            |
| `q05` ... `q95`  | quantiles of a numeric driver at the step                                                 |
| `band_low`,      | of scenarios and groups, the 90% band that comes from uncertain judgements; empty where   |
| `band_high`      | none is drawn                                                                             |

In wide rows `quantity` says whether it is a `probability` or a `mean`, and the steps are columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from usru_scenarios.report.document import GAP, Column, Report, Table, Words, flat, numbers, taken
from usru_scenarios.report.numbers import bar, between, decimals_for, largest_error, rounded_up, sparkline
from usru_scenarios.report.provenance_line import FROM_JUDGEMENTS, conditions, how_run, made_by, profiled
from usru_scenarios.results.simulate import StatesResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Datum, Rows
    from usru_scenarios.report.document import Cell
    from usru_scenarios.results.simulate import ScenarioResult, Simulation

QUANTILES = {"q05": "0.05", "q25": "0.25", "q50": "0.50", "q75": "0.75", "q95": "0.95"}
"""The columns of quantiles, and their names in the result."""

COLUMNS = ("kind", "id", "state", "step", "probability", "mean", "standard_error", "first_visit", *QUANTILES)
COLUMNS += ("band_low", "band_high")

_NUMBERS = ("start", "end", "ever", "share\nof time")
"""The last of them is what the bar beside it shows."""

_BAND = "90% band"
"""What uncertain judgements leave open of the number before it."""

_NARROWEST_TITLE, _SHORTEST_TITLE, _SHORTEST_BAR, _LONGEST_BAR = 8, 12, 6, 30
_SHORTEST_SPARKLINE, _LONGEST_SPARKLINE = 8, 48


def report(result: Simulation, layout: Layout) -> Report:
    """Scenarios and groups with their likelihoods, and how they were found."""
    return _drawn(result, layout.width) if layout.width else _in_full(result)


def _in_full(result: Simulation) -> Report:
    """A table of numbers alone."""
    steps, run = result.run.steps, result.run
    heads = [steps[0], steps[-1], "share of time", "ever"] if len(steps) > 1 else [steps[0]]
    heads += [f"{steps[-1]}, band of judgement"] if run.judgements else []
    decimals = decimals_for(largest_error(result))

    def row(one: ScenarioResult, mark: str) -> tuple[Cell, ...]:
        values = (one.by_step[0], one.end, one.mean, one.ever) if len(steps) > 1 else (one.end,)
        band = [] if one.band is None else [between(one.band.low[-1], one.band.high[-1], decimals)]
        return Words(one.title, "", mark), *(f"{value:.{decimals}f}" for value in values), *band

    rows = [row(one, mark) for part, mark in ((result.scenarios, ""), (result.groups, "*")) for one in part.values()]
    errors = f", standard errors at most {rounded_up(largest_error(result))}" if run.trials else ""
    profile = f", profile `{run.profile}`" if run.profile else ""
    found = f"`{result.model.name}`{profile}: {how_run(run)}{errors}, {made_by(result.model, run)} {FROM_JUDGEMENTS}"
    return Report(
        title=result.model.title,
        subtitle="",
        conditions=conditions(run.do, run.given),
        blocks=[Table([Column(), *numbers(heads)], rows)],
        footer=[],
        provenance=found,
    )


def _drawn(result: Simulation, width: int) -> Report:
    """A table with as much of a drawing as there is room for."""
    shape = _Columns.of(result, width)
    steps = result.run.steps
    span = f", {len(steps)} steps from {steps[0]} to {steps[-1]}" if shape.moving else ""
    return Report(
        title=result.model.title,
        subtitle=f"{result.model.name}{span}{profiled(result.run.profile)}",
        conditions=conditions(result.run.do, result.run.given),
        blocks=[_table(result, shape)],
        footer=_footer(result, shape),
    )


def _sections(result: Simulation) -> dict[str, Mapping[str, ScenarioResult]]:
    return {name: part for name, part in (("scenarios", result.scenarios), ("groups", result.groups)) if part}


def _footer(result: Simulation, shape: _Columns) -> list[str]:
    run = result.run
    found = how_run(run)
    noisy = run.trials or run.judgements
    lines = [f"{found}, standard errors at most {rounded_up(largest_error(result))}." if noisy else f"{found}."]
    if shape.banded:
        what = "likelihood at the end" if shape.moving else "likelihood"
        lines.append(f"Band: 90% of the draws of the uncertain judgements put the {what} in it.")
    if shape.sparkline:
        tops = [f"{_top(part.values()):.{shape.decimals}f} ({name})" for name, part in _sections(result).items()]
        lines.append(f"Small columns rise from 0 to {' and '.join(tops)}.")
    return [*lines, FROM_JUDGEMENTS, "More: --json for every step and driver, usru show, usru sources, usru --help."]


def _top(rows: Iterable[ScenarioResult]) -> float:
    """The highest likelihood at any step."""
    return max(max(row.by_step) for row in rows)


class _Columns(NamedTuple):
    """What the columns of the table are, in columns of the terminal: 0 where one is left out."""

    decimals: int
    moving: bool
    banded: bool
    title: int
    bar: int
    sparkline: int

    @classmethod
    def of(cls, result: Simulation, width: int) -> _Columns:
        """The shape for a width. Where there is one step, start, end and time have no meaning."""
        from rich.cells import cell_len

        rows = [*result.scenarios.values(), *result.groups.values()]
        decimals, moving = decimals_for(largest_error(result)), len(result.run.steps) > 1
        banded = any(row.band is not None for row in rows)
        room = width - _numbers_width(decimals, moving=moving, banded=banded)
        title, room = _title_width(max(cell_len(flat(row.title)) for row in rows), room)
        small = _sparkline_width(len(result.run.steps), room)
        left = room - (small + GAP if small else 0) - GAP
        return cls(decimals, moving, banded, title, min(left, _LONGEST_BAR) if left >= _SHORTEST_BAR else 0, small)


def _table(result: Simulation, shape: _Columns) -> Table:
    columns = [Column(width=shape.title)]
    for name in _NUMBERS if shape.moving else ("likelihood",):
        columns.append(Column(name, "number"))
        if shape.banded and name in ("end", "likelihood"):
            columns.append(Column(_BAND, "number", style="dim"))
    first, last = result.run.steps[0], result.run.steps[-1]
    if shape.bar:
        columns.append(Column(kind="drawing", width=shape.bar))
    if shape.sparkline:
        span = f"{first}\nto {last}" if shape.sparkline >= len(last) + 3 else ""
        columns.append(Column(span, "drawing", width=shape.sparkline))
    sections = [list(part.values()) for part in _sections(result).values()]
    longest = max(row.mean for part in sections for row in part)
    rows: list[tuple[Cell, ...]] = []
    for number, part in enumerate(sections):
        rows += [()] if number else []
        rows += [_row(row, shape, (longest, _top(part)), "" if number else "bold") for row in part]
    return Table(columns, rows)


def _row(row: ScenarioResult, shape: _Columns, tops: tuple[float, float], style: str) -> tuple[Cell, ...]:
    values = [row.by_step[0], row.end, row.ever, row.mean] if shape.moving else [row.end]
    cells: list[Cell] = [Words(row.title, style), *(f"{value:.{shape.decimals}f}" for value in values)]
    if row.band is not None:
        cells.insert(3 if shape.moving else 2, between(row.band.low[-1], row.band.high[-1], shape.decimals))
    if shape.bar:
        cells.append(bar(row.mean, tops[0], shape.bar))
    if shape.sparkline:
        cells.append(sparkline(row.by_step, tops[1], shape.sparkline))
    return tuple(cells)


def _numbers_width(decimals: int, *, moving: bool, banded: bool) -> int:
    """Columns that the numbers and the gaps before them take."""
    headers = _NUMBERS if moving else ("likelihood",)
    band = GAP + max(2 * decimals + 5, len(_BAND)) if banded else 0
    return band + taken(max(decimals + 2, *map(len, name.split("\n"))) for name in headers)


def _title_width(longest: int, room: int) -> tuple[int, int]:
    """Columns for the titles, and those that are left: a bar is worth more than a title in one line."""
    least = min(_SHORTEST_TITLE, max(room, _NARROWEST_TITLE))  # numbers have precedence
    width = min(longest, max(room - GAP - _SHORTEST_BAR, least))
    return width, max(room - width, 0)


def _sparkline_width(steps: int, room: int) -> int:
    """Columns for the steps where a bar has its room too."""
    available = min(room - 2 * GAP - _SHORTEST_BAR, _LONGEST_SPARKLINE)
    if steps == 1 or available < min(steps, _SHORTEST_SPARKLINE):
        return 0
    return min(steps, available)


# Rows -----------------------------------------------------------------------------------------------------------------


def rows(result: Simulation, layout: Layout) -> Rows:
    """A row for each scenario, group and state and each step; or the steps in columns."""
    steps = result.run.steps
    if layout.wide:
        return ("kind", "id", "state", "quantity", *steps), map(_wide, _series(result))
    return COLUMNS, (row for series in _series(result) for row in _by_step(series, steps))


def _wide(series: dict[str, Any]) -> tuple[Datum, ...]:
    quantity = "mean" if series["probability"] is None else "probability"
    return series["kind"], series["id"], series["state"], quantity, *series[quantity]


def _by_step(series: dict[str, Any], steps: list[str]) -> Iterator[tuple[Datum, ...]]:
    columns = [series.get(column) if column != "step" else steps for column in COLUMNS]
    for number in range(len(steps)):
        yield tuple(entry[number] if isinstance(entry, list) else entry for entry in columns)


def _series(result: Simulation) -> Iterator[dict[str, Any]]:
    """What becomes a row for each step: values that vary are lists over the steps."""
    for kind, scenarios in (("scenario", result.scenarios), ("group", result.groups)):
        for name, scenario in scenarios.items():
            yield {
                "kind": kind,
                "id": name,
                "state": None,
                "probability": scenario.by_step,
                "standard_error": scenario.standard_errors.by_step,
                "first_visit": scenario.first_visit,
                "band_low": scenario.band and scenario.band.low,
                "band_high": scenario.band and scenario.band.high,
            }
    for kind, nodes in (("driver", result.drivers), ("consequence", result.consequences)):
        for name, node in nodes.items():
            if isinstance(node, StatesResult):
                for state, share in node.by_step.items():
                    yield {
                        "kind": kind,
                        "id": name,
                        "state": state,
                        "probability": share,
                        "standard_error": node.standard_errors[state],
                    }
            else:
                yield {
                    "kind": kind,
                    "id": name,
                    "state": None,
                    "probability": None,
                    "mean": node.mean,
                    "standard_error": node.standard_errors.mean,
                    **{column: node.quantiles[share] for column, share in QUANTILES.items()},
                }
