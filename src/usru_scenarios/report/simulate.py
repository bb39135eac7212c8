"""A simulation as a table for people, as wide as there is room.

The numbers always stand. A bar and a sparkline are drawn where the titles and the numbers leave room for them; long
titles go on in a second line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from usru_scenarios.report.numbers import bar, between, decimals_for, largest_error, rounded_up, sparkline
from usru_scenarios.report.provenance_line import conditions, how_run
from usru_scenarios.report.terminal import GAP, drawn, grid, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from usru_scenarios.report import Layout
    from usru_scenarios.results.simulate import ScenarioResult, Simulation

_NUMBERS = ("start", "end", "ever", "share\nof time")
"""The last of them is what the bar beside it shows."""

_BAND = "90% band"
"""What uncertain judgements leave open of the number before it."""

_SHORTEST_TITLE, _SHORTEST_BAR, _LONGEST_BAR = 12, 6, 30
_SHORTEST_SPARKLINE, _LONGEST_SPARKLINE = 8, 48

_SMALL_PRINT = "The likelihoods follow from the judgements in the file, not from data."


def table(result: Simulation, layout: Layout) -> str:
    """Scenarios and groups with their likelihoods, and how they were found."""
    drawing = _ForecastTable.of(result, layout)
    head = [words(result.model.title, "bold"), words(_subtitle(result), "dim"), *_conditions(result), Text()]
    foot = [Text(), *(Text(line, "dim") for line in _footer(result, drawing))]
    return drawn([*head, drawing.table(), *foot], layout)


def _subtitle(result: Simulation) -> str:
    steps = result.run.steps
    span = f", {len(steps)} steps from {steps[0]} to {steps[-1]}" if len(steps) > 1 else ""
    profile = f", profile {result.run.profile}" if result.run.profile else ""
    return f"{result.model.name}{span}{profile}"


def _conditions(result: Simulation) -> list[Text]:
    """What was imposed and what was seen."""
    return [
        Text.assemble((f"{one.kind}  ", "cyan"), words(one.text), (f"  {one.meaning}", "dim"))
        for one in conditions(result.run.do, result.run.given)
    ]


def _footer(result: Simulation, drawing: _ForecastTable) -> list[str]:
    run = result.run
    noisy = run.trials or run.judgements
    found = how_run(run)
    lines = [f"{found}, standard errors at most {rounded_up(largest_error(result))}." if noisy else f"{found}."]
    if drawing.banded:
        what = "likelihood at the end" if drawing.moving else "likelihood"
        lines.append(f"Band: 90% of the draws of the uncertain judgements put the {what} in it.")
    if drawing.sparkline:
        tops = [f"{_top(part):.{drawing.decimals}f} ({name})" for name, part in drawing.sections.items()]
        lines.append(f"Small columns rise from 0 to {' and '.join(tops)}.")
    return [*lines, _SMALL_PRINT, "More: --json for every step and driver, usru show, usru sources, usru --help."]


def _top(rows: Mapping[str, ScenarioResult]) -> float:
    """The highest likelihood at any step."""
    return max(max(row.by_step) for row in rows.values())


@dataclass(frozen=True)
class _ForecastTable:
    """The table, its columns measured: 0 where one is left out."""

    sections: dict[str, Mapping[str, ScenarioResult]]
    steps: list[str]
    decimals: int
    banded: bool
    title: int
    bar: int
    sparkline: int

    @classmethod
    def of(cls, result: Simulation, layout: Layout) -> _ForecastTable:
        sections = {"scenarios": result.scenarios, "groups": result.groups}
        rows = [row for part in sections.values() for row in part.values()]
        decimals = decimals_for(largest_error(result))
        banded = any(row.band is not None for row in rows)
        numbers = _numbers_width(decimals, moving=len(result.run.steps) > 1, banded=banded)
        title, room = _title_width(max(cell_len(words(row.title).plain) for row in rows), layout.width - numbers)
        small = _sparkline_width(len(result.run.steps), room)
        left = room - (small + GAP if small else 0) - GAP
        return cls(
            sections={name: part for name, part in sections.items() if part},
            steps=result.run.steps,
            decimals=decimals,
            banded=banded,
            title=title,
            bar=min(left, _LONGEST_BAR) if left >= _SHORTEST_BAR else 0,
            sparkline=small,
        )

    @property
    def moving(self) -> bool:
        """Whether there is more than one step, so that start, end and time have a meaning."""
        return len(self.steps) > 1

    def table(self) -> Table:
        table = grid()
        table.add_column("", width=self.title)
        for name in _NUMBERS if self.moving else ("likelihood",):
            table.add_column(name, justify="right", no_wrap=True, vertical="top")
            if self.banded and name in ("end", "likelihood"):
                table.add_column(_BAND, justify="right", no_wrap=True, vertical="top", style="dim")
        if self.bar:
            table.add_column("", width=self.bar, no_wrap=True, style="cyan")
        if self.sparkline:
            table.add_column(self._span(), width=self.sparkline, no_wrap=True, style="cyan")
        for number, rows in enumerate(self.sections.values()):
            if number:
                table.add_row()
            for row in rows.values():
                table.add_row(*self._row(row, _top(rows), quiet=bool(number)))
        return table

    def _span(self) -> str:
        first, last = self.steps[0], self.steps[-1]
        return f"{first}\nto {last}" if self.sparkline >= len(last) + 3 else ""

    def _row(self, row: ScenarioResult, top: float, *, quiet: bool) -> list[Text]:
        values = [row.by_step[0], row.end, row.ever, row.mean] if self.moving else [row.end]
        cells = [words(row.title, "" if quiet else "bold"), *(Text(f"{value:.{self.decimals}f}") for value in values)]
        if row.band is not None:
            band = between(row.band.low[-1], row.band.high[-1], self.decimals)
            cells.insert(3 if self.moving else 2, Text(band))
        if self.bar:
            cells.append(Text(bar(row.mean, self._longest(), self.bar)))
        if self.sparkline:
            cells.append(Text(sparkline(row.by_step, top, self.sparkline)))
        return cells

    def _longest(self) -> float:
        return max(row.mean for part in self.sections.values() for row in part.values())


def _numbers_width(decimals: int, *, moving: bool, banded: bool) -> int:
    """Columns that the numbers and the gaps before them take."""
    headers = _NUMBERS if moving else ("likelihood",)
    band = GAP + max(2 * decimals + 5, len(_BAND)) if banded else 0
    return band + sum(GAP + max(decimals + 2, *(len(line) for line in name.split("\n"))) for name in headers)


def _title_width(longest: int, room: int) -> tuple[int, int]:
    """Columns for the titles, and those that are left: a bar is worth more than a title in one line."""
    width = min(longest, max(room - GAP - _SHORTEST_BAR, _SHORTEST_TITLE))
    return width, max(room - width, 0)


def _sparkline_width(steps: int, room: int) -> int:
    """Columns for the steps where a bar has its room too."""
    available = min(room - 2 * GAP - _SHORTEST_BAR, _LONGEST_SPARKLINE)
    if steps == 1 or available < min(steps, _SHORTEST_SPARKLINE):
        return 0
    return min(steps, available)
