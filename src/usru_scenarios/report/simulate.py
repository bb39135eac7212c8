"""A simulation for people, as wide as there is room.

The numbers always stand. A bar and a sparkline are drawn where the titles and the numbers leave room for them; long
titles go on in a second line.

Rows have fixed columns. There is one row for each scenario, group, or state of a driver or consequence, and step; a
numeric driver has one row for each step.

| column           | meaning                                                                                   |
|------------------|-------------------------------------------------------------------------------------------|
| `model`,         | the name of the model, and the first 8 digits of its hash                                 |
| `model_hash`     |                                                                                           |
| `profile`        | that is applied, or empty                                                                 |
| `kind`           | scenario, group, driver or consequence                                                    |
| `id`, `title`    | as in the file                                                                            |
| `state`          | of a driver or consequence with states, otherwise empty                                   |
| `step`, `date`   | the label of the step, and its first day; without a calendar no day                       |
| `probability`    | that it holds at the step; empty for a numeric driver                                     |
| `mean`           | of a numeric driver at the step, otherwise empty                                          |
| `standard_error` | of sampling, of the probability or mean                                                   |
| `first_visit`    | that the step is the first visit, of scenarios and groups; their sum is `ever`            |
| `q05` ... `q95`  | quantiles of a numeric driver at the step                                                 |
| `band_low`,      | of scenarios and groups, the 90% band that comes from uncertain judgements; empty where   |
| `band_high`      | none is drawn                                                                             |
| `ever`,          | of scenarios and groups, over all steps and so the same in each row, with their standard  |
| `share_of_time`  | errors `ever_error` and `share_of_time_error`                                             |

Under evidence there are more, which say of scenarios and groups what a table does:

| column           | meaning                                                                                   |
|------------------|-------------------------------------------------------------------------------------------|
| `now`            | the label of the present step, which is that of the day up to which the evidence counts   |
| `ever_from_now`, | over the steps from that on, with their standard errors `ever_from_now_error` and         |
| `share_from_now` | `share_from_now_error`                                                                    |

In wide rows `quantity` says whether it is a `probability` or a `mean`, and the steps are columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from usru_scenarios.report import document
from usru_scenarios.report.data import MODEL_COLUMNS, first_day, model_cells
from usru_scenarios.report.document import Column, Legend, Report, StyledText, Table
from usru_scenarios.report.forecast_in_words import SHARE_OF_TIME, column_legends, describe_steps, summarize_forecast
from usru_scenarios.report.likelihoods import (
    BAND_HEAD,
    format_band,
    format_error_bound,
    format_percent,
    percent_decimals,
)
from usru_scenarios.report.numbers import bar, sparkline
from usru_scenarios.report.provenance_line import (
    FROM_JUDGEMENTS,
    citation_line,
    describe_profile,
    describe_run,
    list_conditions,
)
from usru_scenarios.results.simulate import StatesResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Datum, Rows
    from usru_scenarios.report.document import FooterLine
    from usru_scenarios.results.simulate import Ahead, ScenarioResult, Simulation

QUANTILES = {"q05": "0.05", "q25": "0.25", "q50": "0.50", "q75": "0.75", "q95": "0.95"}
"""The columns of quantiles, and their names in the result."""

COLUMNS = (
    *(*MODEL_COLUMNS, "kind", "id", "title", "state", "step", "date", "probability", "mean", "standard_error"),
    *("first_visit", *QUANTILES, "band_low", "band_high"),
    *("ever", "ever_error", "share_of_time", "share_of_time_error"),
)

AHEAD_COLUMNS = ("now", "ever_from_now", "ever_from_now_error", "share_from_now", "share_from_now_error")
"""What rows have besides where evidence says which step is the present one."""

_SHORTEST_TITLE, _SHORTEST_BAR, _LONGEST_BAR = 12, 6, 60
_SHORTEST_SPARKLINE, _LONGEST_SPARKLINE = 8, 48

_RANKS = {"ever": 1, "share\nof time": 2, BAND_HEAD: 3}
"""What is left out where a terminal is too narrow, once bar and sparkline are: that of the highest rank first."""


def report(result: Simulation, layout: Layout) -> Report:
    """Scenarios and groups with their likelihoods, and how they were found."""
    heads = _heads(result)
    rows = [
        tuple(_numbers(row, (result.ahead or {}).get(name), heads, result))
        for part in _sections(result).values()
        for name, row in part.items()
    ]
    shape = _Drawings.of(result, heads, rows, layout.width) if layout.width else _Drawings(0, 0)
    run = result.run
    return Report(
        title=result.model.title,
        subtitle=f"{result.model.name}{describe_steps(run.steps)}{describe_profile(run.profile)}",
        lead=summarize_forecast(result),
        conditions=list_conditions(run.do, run.given, run.evidence),
        blocks=[_table(result, heads, rows, shape)],
        footer=list(_footer(result, shape)),
        more="More: --json for every step and driver, usru show, usru sources, usru --help.",
        citation=citation_line(result.model, run.usru_version),
    )


def _sections(result: Simulation) -> dict[str, Mapping[str, ScenarioResult]]:
    return {name: part for name, part in (("scenarios", result.scenarios), ("groups", result.groups)) if part}


def _footer(result: Simulation, shape: _Drawings) -> Iterator[FooterLine]:
    yield _columns_mean(result)
    yield describe_method(result)
    yield (Legend(describe_band(result), (BAND_HEAD,)),)
    if shape.sparkline:
        places = percent_decimals(largest_error(result))
        tops = [f"{format_percent(_top(part.values()), places)} ({name})" for name, part in _sections(result).items()]
        yield f"Small columns rise from 0% to {' and '.join(tops)}."
    yield FROM_JUDGEMENTS


def _columns_mean(result: Simulation) -> tuple[Legend, ...]:
    evidence = result.run.evidence
    return column_legends(result.run.steps, now=None if evidence is None else evidence.now)


def describe_columns(result: Simulation) -> str:
    """What the columns of the table are; nothing where there is one step."""
    return document.join_footer_line(_columns_mean(result))


def describe_method(result: Simulation) -> str:
    """How the likelihoods were found, with their largest standard error."""
    largest = largest_error(result)
    errors = f", standard errors {format_error_bound(largest)}" if largest > 0.0 else ""
    return f"{describe_run(result.run)}{errors}."


def describe_band(result: Simulation) -> str:
    """What the band is; nothing where there is none."""
    if not _is_banded(result):
        return ""
    what = "likelihood at the end" if len(result.run.steps) > 1 else "likelihood"
    return f"Band: 90% of the draws of the uncertain judgements put the {what} in it."


def largest_error(result: Simulation) -> float:
    """The largest standard error of what is said of any scenario or group."""
    errors = [row.standard_errors for row in (*result.scenarios.values(), *result.groups.values())]
    return max(max(*error.by_step, error.end, error.mean, error.ever) for error in errors)


def _top(rows: Iterable[ScenarioResult]) -> float:
    """The highest likelihood at any step."""
    return max(max(row.by_step) for row in rows)


def _is_banded(result: Simulation) -> bool:
    return any(row.band is not None for part in _sections(result).values() for row in part.values())


def _heads(result: Simulation) -> list[str]:
    """The columns of numbers: where there is one step, start, end and time have no meaning."""
    bands = [BAND_HEAD] if _is_banded(result) else []
    first = "start" if result.ahead is None else "now"
    return [first, "end", *bands, "ever", SHARE_OF_TIME] if len(result.run.steps) > 1 else ["likelihood", *bands]


def _numbers(row: ScenarioResult, ahead: Ahead | None, heads: list[str], result: Simulation) -> Iterator[str]:
    """The numbers of a row, in the order of the columns; what it says from the present step on where that is known."""
    places = percent_decimals(largest_error(result))
    values = {"start": row.by_step[0], "end": row.end, "likelihood": row.end, "ever": row.ever}
    if ahead is not None:
        values |= {"now": ahead.now, "ever": ahead.ever, SHARE_OF_TIME: ahead.share}
    for head in heads:
        if head == BAND_HEAD:
            edges = row.band
            yield "" if edges is None else format_band(edges.low[-1], edges.high[-1], places, row.standard_errors.end)
        else:
            yield format_percent(values.get(head, row.mean), places)


class _Drawings(NamedTuple):
    """The columns of a terminal that are drawn in: 0 where there is none."""

    bar: int
    sparkline: int
    title: int = 0

    @classmethod
    def of(cls, result: Simulation, heads: list[str], rows: list[tuple[str, ...]], width: int) -> _Drawings:
        """What there is room for beside titles and numbers; a bar is worth more than a title in one line."""
        titles = [document.single_line(row.title) for part in _sections(result).values() for row in part.values()]
        room = width - document.total_width(document.number_column_widths(heads, rows))
        longest = max(map(document.cell_len, titles))
        title = min(longest, max(room - document.GAP - _SHORTEST_BAR, _SHORTEST_TITLE))
        room -= title
        small = _sparkline_width(len(result.run.steps), room)
        left = room - (small + document.GAP if small else 0) - document.GAP
        return cls(min(left, _LONGEST_BAR) if left >= _SHORTEST_BAR else 0, small, title)


def _table(result: Simulation, heads: list[str], numbered: list[tuple[str, ...]], shape: _Drawings) -> Table:
    first, last = result.run.steps[0], result.run.steps[-1]
    columns = [Column(width=shape.title if shape.bar else None, folds=True)]
    labels = {"start": f"start ({first})", "end": f"end ({last})"}
    if result.run.evidence is not None:
        labels["now"] = f"now ({result.run.evidence.now})"
    for column in document.number_columns(heads):
        style = "dim" if column.head == BAND_HEAD else ""
        columns.append(column._replace(label=labels.get(column.head), style=style, rank=_RANKS.get(column.head, 0)))
    if shape.bar:
        columns.append(Column(kind="drawing", width=shape.bar, rank=4))
    if shape.sparkline:
        span = f"{first}\nto {last}" if shape.sparkline >= len(last) + 3 else ""
        columns.append(Column(span, "drawing", width=shape.sparkline, rank=5))
    sections = [list(part.values()) for part in _sections(result).values()]
    longest = max(row.mean for part in sections for row in part)
    rows: list[tuple[document.Cell, ...]] = []
    cells = iter(numbered)
    for number, part in enumerate(sections):
        rows += [()] if number else []
        for row in part:
            title = StyledText(row.title, "", "*") if number else StyledText(row.title, "bold")
            rows.append((title, *next(cells), *_drawn(row, shape, (longest, _top(part)))))
    return Table(columns, rows)


def _drawn(row: ScenarioResult, shape: _Drawings, tops: tuple[float, float]) -> Iterator[str]:
    if shape.bar:
        yield bar(row.mean, tops[0], shape.bar)
    if shape.sparkline:
        yield sparkline(row.by_step, tops[1], shape.sparkline)


def _sparkline_width(steps: int, room: int) -> int:
    """Columns for the steps where a bar has its room too."""
    available = min(room - 2 * document.GAP - _SHORTEST_BAR, _LONGEST_SPARKLINE)
    if steps == 1 or available < min(steps, _SHORTEST_SPARKLINE):
        return 0
    return min(steps, available)


# Rows -----------------------------------------------------------------------------------------------------------------


def rows(result: Simulation, layout: Layout) -> Rows:
    """A row for each scenario, group and state and each step; or the steps in columns."""
    steps = result.run.steps
    model = model_cells(result.model, result.run.profile)
    if layout.wide:
        yield *MODEL_COLUMNS, "kind", "id", "title", "state", "quantity", *steps
        yield from ((*model, *_wide(series)) for series in _series(result))
        return
    grid = {**dict(zip(MODEL_COLUMNS, model, strict=True)), "step": steps, "date": list(map(first_day, steps))}
    columns = COLUMNS if result.ahead is None else (*COLUMNS, *AHEAD_COLUMNS)
    yield columns
    for series in _series(result):
        known = {**grid, **series}
        entries = [known.get(column) for column in columns]
        for number in range(len(steps)):
            yield tuple(entry[number] if isinstance(entry, list) else entry for entry in entries)


def _wide(series: dict[str, Any]) -> tuple[Datum, ...]:
    quantity = "mean" if series["probability"] is None else "probability"
    return series["kind"], series["id"], series["title"], series["state"], quantity, *series[quantity]


def _ahead(result: Simulation, name: str) -> dict[str, Any]:
    """What is said of a scenario or group from the present step on; nothing where that is not known."""
    evidence = result.run.evidence
    if result.ahead is None or evidence is None:
        return {}
    found = result.ahead[name]
    errors = found.standard_errors
    numbers = found.ever, errors.ever, found.share, errors.share
    return dict(zip(AHEAD_COLUMNS, (evidence.now, *numbers), strict=True))


def _series(result: Simulation) -> Iterator[dict[str, Any]]:
    """What becomes a row for each step: values that vary are lists over the steps."""
    for kind, scenarios in (("scenario", result.scenarios), ("group", result.groups)):
        for name, scenario in scenarios.items():
            yield {
                "kind": kind,
                "id": name,
                "title": scenario.title,
                "state": None,
                "probability": scenario.by_step,
                "standard_error": scenario.standard_errors.by_step,
                "ever": scenario.ever,
                "ever_error": scenario.standard_errors.ever,
                "share_of_time": scenario.mean,
                "share_of_time_error": scenario.standard_errors.mean,
                "first_visit": scenario.first_visit,
                "band_low": scenario.band and scenario.band.low,
                "band_high": scenario.band and scenario.band.high,
                **_ahead(result, name),
            }
    for kind, nodes in (("driver", result.drivers), ("consequence", result.consequences)):
        for name, node in nodes.items():
            if isinstance(node, StatesResult):
                for state, share in node.by_step.items():
                    yield {
                        "kind": kind,
                        "id": name,
                        "title": node.title,
                        "state": state,
                        "probability": share,
                        "standard_error": node.standard_errors[state],
                    }
            else:
                yield {
                    "kind": kind,
                    "id": name,
                    "title": node.title,
                    "state": None,
                    "probability": None,
                    "mean": node.mean,
                    "standard_error": node.standard_errors.mean,
                    **{column: node.quantiles[share] for column, share in QUANTILES.items()},
                }
