"""What changed between two runs of a file that is being edited: what it says now, and what that moves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from usru_scenarios.report.compare import describe_change
from usru_scenarios.report.document import Column, Lines, Report, StyledText, Table
from usru_scenarios.report.likelihoods import format_points
from usru_scenarios.report.numbers import round_up_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from usru_scenarios.report import Layout
    from usru_scenarios.report.document import Cell
    from usru_scenarios.results.compare import Comparison, InputDifference, LikelihoodChange
    from usru_scenarios.results.simulate import ScenarioResult, Simulation

NOISE_ERRORS = 3.0
"""A difference of fewer standard errors is not told from sampling error, as in verdicts: method (26)."""

_TITLE = "What changed since the last run"
_MOST_INPUTS = 8
_NARROW = 60
"""With fewer columns nothing but the end is shown."""
_HEADS = {"start": "start", "end": "end", "mean": "share\nof time"}
_MOST_DECIMALS = 2
"""Of points."""
_SAME = 1e-12
"""What is nearer is rounding."""


class Difference(NamedTuple):
    """By how much a likelihood is another one, from 0 to 1, and the standard error of that."""

    difference: float
    error: float

    @property
    def is_noise(self) -> bool:
        """Whether sampling error alone could make it."""
        return abs(self.difference) <= max(NOISE_ERRORS * self.error, _SAME)


class Changes(NamedTuple):
    """What is different in the later of two runs.

    Attributes:
        inputs: what the file says differently.
        moves: by title, what becomes of scenarios and groups at each time (`start`, `end`, `mean`).
        apart: whether errors are those of two runs that know nothing of each other, and so the most that they can be.
        left_out: what only one of them has.
    """

    inputs: Sequence[InputDifference]
    moves: Mapping[str, Mapping[str, Difference]]
    apart: bool = False
    left_out: Sequence[str] = ()


def changes_between_variants(result: Comparison) -> Changes:
    """The changes from one variant to another on common random numbers."""
    _, later = result.variants.values()
    times = ("start", "end", "mean") if len(result.run.steps) > 1 else ("end",)
    found = {**later.scenarios, **later.groups}.values()
    moves = {one.title: {time: _move(one.difference, time) for time in times} for one in found if one.difference}
    return Changes(later.inputs, moves, left_out=result.left_out)


def _move(change: LikelihoodChange, time: str) -> Difference:
    return Difference(getattr(change, time), getattr(change.standard_errors, time))


def changes_between_runs(before: Simulation, after: Simulation) -> Changes:
    """The changes from one forecast to another, where these are all that is known.

    They may have random numbers in common; the errors are those of independent runs, which are larger.
    """
    moves: dict[str, dict[str, Difference]] = {}
    names: list[str] = []
    for old, new in ((before.scenarios, after.scenarios), (before.groups, after.groups)):
        names += [name for name in {**old, **new} if name not in old or name not in new]
        moves |= {new[name].title: _moves(old[name], new[name]) for name in new if name in old}
    if len(after.run.steps) == 1:
        moves = {title: {"end": by_time["end"]} for title, by_time in moves.items()}
    return Changes((), moves, apart=True, left_out=names)


def _moves(before: ScenarioResult, after: ScenarioResult) -> dict[str, Difference]:
    old, new = before.standard_errors, after.standard_errors
    return {
        "start": _apart(before.by_step[0], after.by_step[0], old.by_step[0], new.by_step[0]),
        "end": _apart(before.end, after.end, old.end, new.end),
        "mean": _apart(before.mean, after.mean, old.mean, new.mean),
    }


def _apart(before: float, after: float, *errors: float) -> Difference:
    return Difference(after - before, math.hypot(*errors))


def report(changes: Changes, layout: Layout) -> Report:
    """What the file says now, and the differences with their errors."""
    blocks: list[Lines | Table] = []
    shown, more = changes.inputs[:_MOST_INPUTS], len(changes.inputs) - _MOST_INPUTS
    if shown:
        lines = [StyledText(f"{one.path}  {describe_change(one)}") for one in shown]
        blocks.append(Lines((*lines, *([StyledText(f"and {more} more")] if more > 0 else []))))
    every = [move for by_time in changes.moves.values() for move in by_time.values()]
    subtitle = "each with sampling errors of its own" if changes.apart else "on the same random numbers"
    if all(move.is_noise for move in every):
        error = max((move.error for move in every), default=0.0)
        told = (
            f"Nothing moves by more than the noise: three standard errors are {_points(NOISE_ERRORS * error)} points."
        )
        verdict = told if error else "Nothing moves."
        return Report(_TITLE, subtitle, blocks, _left_out(changes), verdict=verdict)
    footer = ["In points of percent. ± is one standard error of the difference; noise: it is less than three of them."]
    return Report(_TITLE, subtitle, [*blocks, _table(changes, layout)], [*footer, *_left_out(changes)])


def _left_out(changes: Changes) -> list[str]:
    return [f"Not in both runs: {', '.join(changes.left_out[:8])}."] if changes.left_out else []


def _table(changes: Changes, layout: Layout) -> Table:
    times = [*next(iter(changes.moves.values()))]
    times = times if layout.width >= _NARROW or len(times) == 1 else ["end"]
    heads = [_HEADS[time] for time in times] if len(times) > 1 else ["end" if times == ["end"] else "likelihood"]
    columns = [Column(folds=True)]
    for head in heads:
        columns += [Column(head, "number"), Column("±", "number", style="dim")]
    rows: list[list[Cell]] = [
        [StyledText(title, "bold"), *(cell for time in times for cell in _cells(by_time[time]))]
        for title, by_time in changes.moves.items()
    ]
    return Table(columns, rows)


def _cells(move: Difference) -> tuple[str, str]:
    """A difference in points to its error, or that it is noise; and the error."""
    error = _points(move.error)
    if move.is_noise:
        return ("noise" if move.error else "0"), error
    decimals = len(error.partition(".")[2]) if move.error else _MOST_DECIMALS
    return format_points(move.difference, decimals), error


def _points(error: float) -> str:
    """A standard error in points, rounded up; or that it is below what anybody would look at."""
    least = 10.0**-_MOST_DECIMALS
    return f"<{least:g}" if 0.0 < 100.0 * error < least else round_up_error(100.0 * error)
