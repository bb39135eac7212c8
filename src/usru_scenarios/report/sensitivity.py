"""What matters, for people and as rows: which driver's uncertainty, which driver moves it, which weight and judgement.

Rows have the columns `question`, `id`, `state`, `scenario`, `measure`, `value` and `standard_error`: one row for each
measure of each thing that a question is about. `scenario` is empty for all scenarios together, `state` where the whole
driver, weight or judgement is meant.
"""

from __future__ import annotations

import csv as csv_format
import io
from typing import TYPE_CHECKING

from rich.text import Text

from usru_scenarios.report.markdown import escaped, row
from usru_scenarios.report.numbers import bar, decimals_for, rounded_up
from usru_scenarios.report.provenance_line import how_run
from usru_scenarios.report.ranked_list import difference, foot, heading, md_foot, md_heading, narrowed, rest, shown
from usru_scenarios.report.slopes import judgements_part, md_judgements, md_weights, weights_part
from usru_scenarios.report.slopes import rows as slopes_rows
from usru_scenarios.report.terminal import GAP, drawn, grid, indented, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from usru_scenarios.report import Layout
    from usru_scenarios.results.sensitivity import DriverMoves, DriverUncertainty, Sensitivity

COLUMNS = ("question", "id", "state", "scenario", "measure", "value", "standard_error")

_DRIVERS = "Which driver's uncertainty matters?"
_MOVES = "Which driver moves it?"

_SHORTEST_NAME, _SHORTEST_BAR, _LONGEST_BAR = 20, 6, 30


# Words that all forms share ------------------------------------------------------------------------------------------


def _headline(result: Sensitivity) -> str:
    when = f" {_when(result)}" if len(result.run.steps) > 1 else ""
    return f"What matters for {result.title}{when}?" if result.of else f"What matters{when}?"


def _when(result: Sensitivity) -> str:
    first, *_, last = result.run.steps
    return f"on average over {first} to {last}" if result.at == "mean" else f"at {result.at}"


def _subtitle(result: Sensitivity) -> str:
    profile = f", profile {result.run.profile}" if result.run.profile else ""
    imposed = f", intervention {', '.join(result.run.do)}" if result.run.do else ""
    return f"{result.model.name}{profile}{imposed}"


def _present(result: Sensitivity) -> str:
    decimals = decimals_for(max(result.standard_errors.values()))
    if result.of:
        return f"Its likelihood is {result.probability[result.of]:.{decimals}f} as things stand."
    shares = ", ".join(f"{name} {share:.{decimals}f}" for name, share in result.probability.items())
    return f"As things stand: {shares}."


def _drivers_sentence(result: Sensitivity) -> str:
    return f"If a driver's state at that time were known, how far would that be expected to shift {_what(result)}?"


def _moves_sentence(result: Sensitivity) -> str:
    return f"If a driver were held in one state at every step, how would that change {_what(result)}?"


def _what(result: Sensitivity) -> str:
    return "its likelihood" if result.of else "the likelihoods"


def _drivers_notes(result: Sensitivity) -> Iterator[str]:
    """What the numbers mean."""
    way, which = ("up or down", "whether it") if result.of else ("in total variation", "which scenario")
    yield f"Expected shift: {way}. Bits: how much information the state carries about {which} comes true."
    yield (
        "The shares are of how much the likelihood, given the drivers' paths, varies between trials. First order: what "
        "the state explains, drivers that are correlated with it included, so that shares may sum to more than 1."
    )
    yield result.note or (
        "Total: what exchanging the driver's whole path between trials changes, the others' left as they are; what it "
        "does directly, as if it were independent of them."
    )


def _moves_notes(result: Sensitivity) -> Iterator[str]:
    """What is done, and what the numbers mean."""
    yield ("A held state is an intervention: the driver is cut off from its causes, and what it acts on follows.")
    if any(state.quantile is not None for driver in result.moves or () for state in driver.states):
        yield "A number is held at the 5% and 95% quantiles of its own distribution."
    yield (
        "Changes are against the model as it is, in the two states named."
        if result.of
        else "Swing: how far apart in total variation the likelihoods are in the two states named. Small bars: from "
        "the lowest to the highest change of a scenario's likelihood, around none."
    )


def _run(result: Sensitivity) -> str:
    drawn_with = how_run(result.run)
    return f"{drawn_with}. The likelihoods follow from the judgements in the file, not from data."


def _more(result: Sensitivity) -> str:
    scenario = next(iter(result.probability))
    of = "" if result.of else f"--of {scenario} for one scenario; "
    return f"More: {of}--json or -f csv for every scenario, state and error."


def _decimals(errors: Iterable[float | None]) -> int:
    return decimals_for(max((error for error in errors if error is not None), default=0.0))


def _unsigned(value: float | None, decimals: int) -> str:
    """What can't be below 0 but for the error of sampling."""
    return "" if value is None else f"{max(value, 0.0):.{decimals}f}"


class _UncertaintyColumns:
    """The columns of the first question: their heads, and the numbers of each driver with the same decimals."""

    def __init__(self, drivers: Sequence[DriverUncertainty]) -> None:
        self.heads = ["expected\nshift", "bits", "first\norder", "total"]
        errors = [driver.standard_errors for driver in drivers]
        self.errors = [
            max((error.shift for error in errors), default=0.0),
            max((error.information for error in errors), default=0.0),
            max((error.first_order or 0.0 for error in errors), default=0.0),
            max((error.total or 0.0 for error in errors), default=0.0),
        ]
        self.decimals = [min(decimals_for(error), 3) for error in self.errors]
        if all(driver.total is None for driver in drivers):
            self.heads.pop()

    def numbers(self, driver: DriverUncertainty) -> list[str]:
        """The numbers of a driver."""
        values = [driver.shift, driver.information, driver.first_order, driver.total][: len(self.heads)]
        return [_unsigned(value, decimals) for value, decimals in zip(values, self.decimals, strict=False)]

    @property
    def error(self) -> str:
        """How exact they are."""
        bounds = [rounded_up(error) for error in self.errors[: len(self.heads)]]
        names = ["shift", "bits", "first order", "total"]
        return f"Standard errors at most {', '.join(f'{b} ({n})' for b, n in zip(bounds, names, strict=False))}."


# Text ----------------------------------------------------------------------------------------------------------------


def table(result: Sensitivity, layout: Layout) -> str:
    """What matters, for people, drawn to a width."""
    head = [words(_headline(result), "bold"), words(_subtitle(result), "dim"), words(_present(result))]
    parts: list[RenderableType] = [
        *_drivers(result, layout),
        *_moves(result, layout),
        *weights_part(result, layout),
        *judgements_part(result, layout),
    ]
    return drawn([*head, *parts, Text(), words(_run(result), "dim"), words(_more(result), "dim")], layout)


def _drivers(result: Sensitivity, layout: Layout) -> Iterator[RenderableType]:
    if result.drivers is None:
        return
    yield from heading(_DRIVERS, _drivers_sentence(result))
    columns = _UncertaintyColumns(result.drivers)
    told = result.drivers[: shown(len(result.drivers), layout)]
    cells = [columns.numbers(driver) for driver in told]
    taken = sum(GAP + width for width in _widths([head.split("\n") for head in columns.heads], cells))
    name, room = _name_width([driver.driver for driver in told], layout.width - taken)
    table = _names(name, columns.heads)
    length = min(room - GAP, _LONGEST_BAR)
    if length >= _SHORTEST_BAR:
        table.add_column("", width=length, no_wrap=True, style="cyan")
    top = max((driver.shift for driver in told), default=0.0)
    for driver, numbers in zip(told, cells, strict=True):
        bars = [bar(max(driver.shift, 0.0), top, length)] if length >= _SHORTEST_BAR else []
        table.add_row(words(driver.driver, "bold"), *numbers, *bars)
    yield table
    yield from foot(rest(len(result.drivers), layout), *_drivers_notes(result), columns.error)


def _names(width: int, heads: Sequence[str]) -> Table:
    """A table of names and of numbers that always have their room."""
    table = grid()
    table.add_column("", width=width, overflow="fold")
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True, vertical="top")
    return table


def _widths(heads: Sequence[Sequence[str]], cells: Sequence[Sequence[str]]) -> list[int]:
    return [
        max(len(text) for text in (*head, *(numbers[place] for numbers in cells))) for place, head in enumerate(heads)
    ]


def _name_width(names: Iterable[str], room: int) -> tuple[int, int]:
    """Columns for the names, and those that are left."""
    longest = max(map(len, names), default=0)
    width = min(longest, max(room - GAP - _SHORTEST_BAR, _SHORTEST_NAME))
    return width, room - width


def _moves(result: Sensitivity, layout: Layout) -> Iterator[RenderableType]:
    if result.moves is None:
        return
    yield from heading(_MOVES, _moves_sentence(result))
    told = result.moves[: shown(len(result.moves), layout)]
    yield _tornado(result, told, layout.width) if result.of else _spread(result, told, layout.width)
    yield from foot(rest(len(result.moves), layout), *_moves_notes(result), _moves_error(result.moves))


def _moves_error(moves: Sequence[DriverMoves]) -> str:
    changes = (error for driver in moves for state in driver.states for error in state.standard_errors.values())
    bound = rounded_up(max((*changes, *(driver.standard_error for driver in moves)), default=0.0))
    return f"Standard errors of changes at most {bound}."


def _extremes(driver: DriverMoves, scenario: str) -> tuple[float, float]:
    """The smallest and the largest change of a scenario's probability."""
    changes = [state.change[scenario] for state in driver.states]
    return min(changes), max(changes)


def _entry(driver: DriverMoves, width: int) -> RenderableType:
    low, high = (_broken(state, width - 2) for state in driver.between)
    entry = grid(header=False)
    entry.add_column(overflow="fold")
    entry.add_row(words(driver.driver, "bold"))
    entry.add_row(indented(words(low if low == high else f"{low} to {high}", "dim"), 2))
    return entry


def _broken(name: str, width: int) -> str:
    """A name with breaks between its words where it is too long for a line."""
    return name if len(name) <= width else name.replace("_", "_ ")


def _entries(told: Sequence[DriverMoves], room: int) -> int:
    """Columns for the drivers and their states, each in a line of its own if there is so much room."""
    longest = max((len(word) + 2 for driver in told for word in (driver.driver, *driver.between)), default=0)
    return max(min(longest, room), _SHORTEST_NAME)


def _tornado(result: Sensitivity, told: Sequence[DriverMoves], width: int) -> Table:
    """For one scenario: each driver from its lowest to its highest change, around zero."""
    assert result.of is not None
    ends = [_extremes(driver, result.of) for driver in told]
    decimals = _decimals(driver.standard_error for driver in told)
    numbers = [[difference(value, decimals) for value in pair] for pair in ends]
    taken = sum(GAP + column for column in _widths([["lowest"], ["highest"]], numbers))
    name = _entries(told, width - taken - GAP - 2 * _SHORTEST_BAR)
    length = max(min(width - taken - GAP - name, 2 * _LONGEST_BAR), _SHORTEST_BAR)
    table = grid()
    table.add_column("", width=width - taken - GAP - length)
    table.add_column("lowest", justify="right", no_wrap=True)
    table.add_column("", width=length, no_wrap=True, style="cyan")
    table.add_column("highest", justify="right", no_wrap=True)
    least, most = min((low for low, _ in ends), default=0.0), max((high for _, high in ends), default=0.0)
    for driver, pair, (low, high) in zip(told, ends, numbers, strict=True):
        table.add_row(_entry(driver, name), low, span(*pair, least, most, length), high)
    return table


def _spread(result: Sensitivity, told: Sequence[DriverMoves], width: int) -> Table:
    """For all scenarios: how far apart the outcomes are, and for each scenario its changes around zero."""
    decimals = _decimals(driver.standard_error for driver in told)
    numbers = [[f"{driver.swing:.{decimals}f}"] for driver in told]
    (swing,) = _widths([["swing"]], numbers)
    scenarios = list(result.probability)
    name = _entries(told, width - GAP - swing - len(scenarios) * (GAP + _SHORTEST_BAR))
    length = min((width - name - GAP - swing) // max(len(scenarios), 1) - GAP, _LONGEST_BAR // 2)
    bars = len(scenarios) * (GAP + length) if length >= _SHORTEST_BAR else 0
    table = grid()
    table.add_column("", width=min(width - GAP - swing - bars, 2 * name))
    table.add_column("swing", justify="right", no_wrap=True)
    if bars:
        for scenario in scenarios:
            table.add_column(narrowed(scenario, length), width=length, no_wrap=True, style="cyan")
    ends = [[_extremes(driver, scenario) for scenario in scenarios] for driver in told]
    least = min((low for row in ends for low, _ in row), default=0.0)
    most = max((high for row in ends for _, high in row), default=0.0)
    for driver, row_ends, (number,) in zip(told, ends, numbers, strict=True):
        spans = [span(*pair, least, most, length) for pair in row_ends] if bars else []
        table.add_row(_entry(driver, name), number, *spans)
    return table


def span(low: float, high: float, least: float, most: float, width: int) -> str:
    """A bar from one value to another with an axis at 0, on a scale from `least` to `most`, to half a character."""
    least, most = min(least, 0.0), max(most, 0.0)
    if most == least:
        return "│".center(width)
    cells = width - 1
    left = round(cells * -least / (most - least))
    before = _half(max(-high, 0.0), max(-low, 0.0), -least, left)[::-1].translate(_MIRRORED)
    after = _half(max(low, 0.0), max(high, 0.0), most, cells - left)
    return f"{before}│{after}"


_MIRRORED = str.maketrans("▌▐", "▐▌")


def _half(near: float, far: float, top: float, width: int) -> str:
    """What lies between two distances from the axis, on a scale that ends at `top`."""
    halves = 2 * width
    first, last = (round(halves * distance / top) if top > 0 else 0 for distance in (near, far))
    cells = ((first <= 2 * cell < last, first <= 2 * cell + 1 < last) for cell in range(width))
    return "".join({(True, True): "█", (True, False): "▌", (False, True): "▐"}.get(cell, " ") for cell in cells)


# Markdown ------------------------------------------------------------------------------------------------------------


def md(result: Sensitivity, layout: Layout) -> str:
    """What matters, in Markdown."""
    lines = [
        f"# {escaped(_headline(result))}",
        "",
        f"{escaped(_subtitle(result))}. {escaped(_present(result))}",
        *_md_drivers(result, layout),
        *_md_moves(result, layout),
        *md_weights(result, layout),
        *md_judgements(result, layout),
        "",
        f"{_run(result)} usru {result.run.usru_version}, model {result.model.sha256[:12]}.",
        "",
    ]
    return "\n".join(lines)


def _md_drivers(result: Sensitivity, layout: Layout) -> Iterator[str]:
    if result.drivers is None:
        return
    columns = _UncertaintyColumns(result.drivers)
    yield from md_heading(_DRIVERS, _drivers_sentence(result), ["driver"], columns.heads)
    for driver in result.drivers[: shown(len(result.drivers), layout)]:
        yield row([escaped(driver.driver), *columns.numbers(driver)])
    yield from md_foot(rest(len(result.drivers), layout), *_drivers_notes(result), columns.error)


def _md_moves(result: Sensitivity, layout: Layout) -> Iterator[str]:
    if result.moves is None:
        return
    scenarios = list(result.probability)
    heads = [*map(escaped, scenarios), "swing"]
    yield from md_heading(_MOVES, _moves_sentence(result), ["driver", "state"], heads)
    told = result.moves[: shown(len(result.moves), layout)]
    decimals = _decimals(driver.standard_error for driver in told)
    for driver in told:
        for number, state in enumerate(driver.states):
            changes = [difference(state.change[scenario], decimals) for scenario in scenarios]
            swing = "" if number else f"{driver.swing:.{decimals}f}"
            yield row([escaped(driver.driver), escaped(state.state), *changes, swing])
    yield from md_foot(rest(len(result.moves), layout), *_moves_notes(result), _moves_error(result.moves))


# Rows ----------------------------------------------------------------------------------------------------------------


def csv(result: Sensitivity, _layout: Layout) -> str:
    """Every measure in a row of its own."""
    text = io.StringIO()
    writer = csv_format.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_rows(result))
    return text.getvalue()


Row = tuple[str, str, str, str, str, float | None, float | None]


def _rows(result: Sensitivity) -> Iterator[Row]:
    for driver in result.drivers or ():
        errors = driver.standard_errors
        for measure in ("information", "shift", "first_order", "total"):
            yield "drivers", driver.driver, "", "", measure, getattr(driver, measure), getattr(errors, measure)
        for scenario, shares in driver.by_scenario.items():
            for measure in ("first_order", "total"):
                value, error = getattr(shares, measure), getattr(shares.standard_errors, measure)
                yield "drivers", driver.driver, "", scenario, measure, value, error
    for moved in result.moves or ():
        yield "moves", moved.driver, "", "", "swing", moved.swing, moved.standard_error
        for state in moved.states:
            for scenario, value in state.change.items():
                error = state.standard_errors[scenario]
                yield "moves", moved.driver, state.state, scenario, "change", value, error
    yield from slopes_rows(result)
