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

from usru_scenarios.report import document, likelihoods
from usru_scenarios.report.data import MODEL_COLUMNS, first_day, model_cells
from usru_scenarios.report.document import Column, Legend, Report, StyledText, Table
from usru_scenarios.report.likelihoods import BAND_HEAD, format_band, format_percent, percent_decimals
from usru_scenarios.report.numbers import bar, sparkline
from usru_scenarios.report.provenance import FROM_JUDGEMENTS, describe_profile, describe_run, result_report
from usru_scenarios.report.sentences import SHARE_OF_TIME, column_legends, describe_steps, summarize_forecast
from usru_scenarios.results.simulate import StatesResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Rows
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

_MIN_TITLE, _MIN_BAR, _MAX_BAR = 12, 6, 60
_MIN_SPARKLINE, _MAX_SPARKLINE = 8, 48

_RANKS = {"ever": 1, "share\nof time": 2, BAND_HEAD: 3}
"""Columns that a narrow terminal leaves out after bar and sparkline: those of the highest rank first."""


def report(result: Simulation, layout: Layout) -> Report:
    """Scenarios and groups with their likelihoods, and how they were found."""
    heads = _number_heads(result)
    cells = [
        list(_number_cells(row, (result.ahead or {}).get(name), heads, result))
        for part in _sections(result).values()
        for name, row in part.items()
    ]
    widths = _DrawingWidths.fit(result, heads, cells, layout.width) if layout.width else _DrawingWidths(0, 0)
    run = result.run
    return result_report(
        result,
        f"{result.model.name}{describe_steps(run.steps)}{describe_profile(run.profile)}",
        [_likelihood_table(result, heads, cells, widths)],
        list(_footer(result, widths)),
        lead=summarize_forecast(result),
        more="More: --json for every step and driver, usru show, usru sources, usru --help.",
    )


def _sections(result: Simulation) -> dict[str, Mapping[str, ScenarioResult]]:
    return {name: part for name, part in (("scenarios", result.scenarios), ("groups", result.groups)) if part}


def _footer(result: Simulation, widths: _DrawingWidths) -> Iterator[FooterLine]:
    yield _legends(result)
    yield describe_method(result)
    yield (Legend(describe_band(result), (BAND_HEAD,)),)
    if widths.sparkline:
        places = percent_decimals(largest_error(result))
        tops = [f"{format_percent(_top(part.values()), places)} ({name})" for name, part in _sections(result).items()]
        yield f"Small columns rise from 0% to {' and '.join(tops)}."
    yield FROM_JUDGEMENTS


def _legends(result: Simulation) -> tuple[Legend, ...]:
    evidence = result.run.evidence
    return column_legends(result.run.steps, now=None if evidence is None else evidence.now)


def describe_columns(result: Simulation) -> str:
    """What the columns of the table mean; nothing where there is one step."""
    return document.join_footer_line(_legends(result))


def describe_method(result: Simulation) -> str:
    """How the likelihoods were found, with their largest standard error."""
    largest = largest_error(result)
    errors = f", standard errors {likelihoods.format_error_bound(largest)}" if largest > 0.0 else ""
    return f"{describe_run(result.run)}{errors}."


def describe_band(result: Simulation) -> str:
    """What the band means; nothing where there is none."""
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


def _number_heads(result: Simulation) -> list[str]:
    """The heads of the columns of numbers: where there is one step, start, end and time have no meaning."""
    bands = [BAND_HEAD] if _is_banded(result) else []
    first = "start" if result.ahead is None else "now"
    return [first, "end", *bands, "ever", SHARE_OF_TIME] if len(result.run.steps) > 1 else ["likelihood", *bands]


def _number_cells(row: ScenarioResult, ahead: Ahead | None, heads: list[str], result: Simulation) -> Iterator[str]:
    """The numbers of a row, in the order of the columns; from the present step on where that is known."""
    places = percent_decimals(largest_error(result))
    values = {"start": row.by_step[0], "end": row.end, "likelihood": row.end, "ever": row.ever, SHARE_OF_TIME: row.mean}
    if ahead is not None:
        values |= {"now": ahead.now, "ever": ahead.ever, SHARE_OF_TIME: ahead.share}
    for head in heads:
        if head in values:
            yield format_percent(values[head], places)
        else:
            edges = row.band
            yield ("" if edges is None else format_band(edges.low[-1], edges.high[-1], places, row.standard_errors.end))


class _DrawingWidths(NamedTuple):
    """The widths in a terminal of what is drawn, 0 where there is none, and of the titles beside it."""

    bar: int
    sparkline: int
    title: int = 0

    @classmethod
    def fit(cls, result: Simulation, heads: list[str], cells: list[list[str]], width: int) -> _DrawingWidths:
        """What there is room for beside titles and numbers; a bar is worth more than a title in one line."""
        titles = [document.single_line(row.title) for part in _sections(result).values() for row in part.values()]
        room = width - document.total_width(document.number_column_widths(heads, cells))
        longest = max(map(document.cell_len, titles))
        title = min(longest, max(room - document.GAP - _MIN_BAR, _MIN_TITLE))
        room -= title
        steps, available = len(result.run.steps), min(room - 2 * document.GAP - _MIN_BAR, _MAX_SPARKLINE)
        has_sparkline = steps > 1 and available >= min(steps, _MIN_SPARKLINE)
        small = min(steps, available) if has_sparkline else 0
        left = room - (small + document.GAP if small else 0) - document.GAP
        return cls(min(left, _MAX_BAR) if left >= _MIN_BAR else 0, small, title)


def _likelihood_table(
    result: Simulation, heads: list[str], number_cells: list[list[str]], widths: _DrawingWidths
) -> Table:
    first, last = result.run.steps[0], result.run.steps[-1]
    columns = [Column(width=widths.title if widths.bar else None, folds=True)]
    labels = {"start": f"start ({first})", "end": f"end ({last})"}
    if result.run.evidence is not None:
        labels["now"] = f"now ({result.run.evidence.now})"
    for column in document.number_columns(heads):
        style = "dim" if column.head == BAND_HEAD else ""
        columns.append(column._replace(label=labels.get(column.head), style=style, rank=_RANKS.get(column.head, 0)))
    if widths.bar:
        columns.append(Column(kind="drawing", width=widths.bar, rank=4))
    if widths.sparkline:
        steps = f"{first}\nto {last}" if widths.sparkline >= len(last) + 3 else ""
        columns.append(Column(steps, "drawing", width=widths.sparkline, rank=5))
    sections = [list(part.values()) for part in _sections(result).values()]
    longest = max(row.mean for part in sections for row in part)
    rows: list[document.Row] = []
    cells = iter(number_cells)
    for number, part in enumerate(sections):
        rows += [()] if number else []
        for row in part:
            title = StyledText(row.title, "", "*") if number else StyledText(row.title, "bold")
            drawings = [bar(row.mean, longest, widths.bar)] if widths.bar else []
            if widths.sparkline:
                drawings.append(sparkline(row.by_step, _top(part), widths.sparkline))
            rows.append((title, *next(cells), *drawings))
    return Table(columns, rows)


# Rows -----------------------------------------------------------------------------------------------------------------


def rows(result: Simulation, layout: Layout) -> Rows:
    """A row for each scenario, group and state and each step; or the steps in columns."""
    steps = result.run.steps
    model = model_cells(result.model, result.run.profile)
    if layout.wide:
        yield *MODEL_COLUMNS, "kind", "id", "title", "state", "quantity", *steps
        for series in _series(result):
            quantity = "mean" if series["probability"] is None else "probability"
            names = (series[key] for key in ("kind", "id", "title", "state"))
            yield *model, *names, quantity, *series[quantity]
        return
    shared = {**dict(zip(MODEL_COLUMNS, model, strict=True)), "step": steps, "date": list(map(first_day, steps))}
    columns = COLUMNS if result.ahead is None else (*COLUMNS, *AHEAD_COLUMNS)
    yield columns
    for series in _series(result):
        values = {**shared, **series}
        cells = [values.get(column) for column in columns]
        for number in range(len(steps)):
            yield tuple(cell[number] if isinstance(cell, list) else cell for cell in cells)


def _ahead_cells(result: Simulation, name: str) -> dict[str, Any]:
    """The cells of a scenario or group from the present step on; none where that is not known."""
    evidence = result.run.evidence
    if result.ahead is None or evidence is None:
        return {}
    ahead = result.ahead[name]
    numbers = ahead.ever, ahead.standard_errors.ever, ahead.share, ahead.standard_errors.share
    return dict(zip(AHEAD_COLUMNS, (evidence.now, *numbers), strict=True))


def _series(result: Simulation) -> Iterator[dict[str, Any]]:
    """The cells that become a row for each step, by column: those that vary are lists over the steps."""
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
                **_ahead_cells(result, name),
            }
    for kind, nodes in (("driver", result.drivers), ("consequence", result.consequences)):
        for name, node in nodes.items():
            cells = {"kind": kind, "id": name, "title": node.title}
            if isinstance(node, StatesResult):
                for state, share in node.by_step.items():
                    error = node.standard_errors[state]
                    yield {**cells, "state": state, "probability": share, "standard_error": error}
            else:
                yield {
                    **cells,
                    "state": None,
                    "probability": None,
                    "mean": node.mean,
                    "standard_error": node.standard_errors.mean,
                    **{column: node.quantiles[share] for column, share in QUANTILES.items()},
                }
