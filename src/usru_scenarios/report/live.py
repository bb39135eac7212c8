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
    from usru_scenarios.results.compare import Comparison, InputDifference
    from usru_scenarios.results.simulate import ScenarioResult, Simulation

NOISE_ERRORS = 3.0
"""A difference of fewer standard errors counts as sampling error, as in verdicts: method (26)."""

_TITLE = "What changed since the last run"
_MOST_INPUTS = 8
_NARROW = 60
"""With fewer columns nothing but the end is shown."""
_HEADS = {"start": "start", "end": "end", "mean": "share\nof time"}
_MOST_DECIMALS = 2
"""Of points."""
_ROUNDING = 1e-12


class Difference(NamedTuple):
    """The change of a likelihood, from -1 to 1, and its standard error."""

    difference: float
    error: float

    @property
    def is_noise(self) -> bool:
        """Whether sampling error alone could make it."""
        return abs(self.difference) <= max(NOISE_ERRORS * self.error, _ROUNDING)


class Changes(NamedTuple):
    """What is different in the later of two runs.

    Attributes:
        inputs: what the file says differently.
        moves: by title, the change of each scenario and group at each time (`start`, `end`, `mean`).
        independent: whether errors are those of two independent runs, and so the most that they can be.
        left_out: the names that only one of them has.
        with_evidence: whether evidence is known, so that the forecast itself begins with the present step.
    """

    inputs: Sequence[InputDifference]
    moves: Mapping[str, Mapping[str, Difference]]
    independent: bool = False
    left_out: Sequence[str] = ()
    with_evidence: bool = False


def changes_between_variants(result: Comparison) -> Changes:
    """The changes from one variant to another on common random numbers."""
    _, later = result.variants.values()
    times = ("start", "end", "mean") if len(result.run.steps) > 1 else ("end",)
    moves: dict[str, dict[str, Difference]] = {}
    for likelihood in {**later.scenarios, **later.groups}.values():
        if (change := likelihood.difference) is not None:
            errors = change.standard_errors
            moves[likelihood.title] = {time: Difference(getattr(change, time), getattr(errors, time)) for time in times}
    return Changes(later.inputs, moves, left_out=result.left_out, with_evidence=result.run.evidence is not None)


def changes_between_runs(before: Simulation, after: Simulation) -> Changes:
    """The changes from one forecast to another, where these are all that is known.

    They may have random numbers in common; the errors are those of independent runs, which are larger.
    """
    moves: dict[str, dict[str, Difference]] = {}
    names: list[str] = []
    for old, new in ((before.scenarios, after.scenarios), (before.groups, after.groups)):
        names += [name for name in {**old, **new} if name not in old or name not in new]
        moves |= {new[name].title: _differences(old[name], new[name]) for name in new if name in old}
    if len(after.run.steps) == 1:
        moves = {title: {"end": by_time["end"]} for title, by_time in moves.items()}
    return Changes((), moves, independent=True, left_out=names, with_evidence=after.run.evidence is not None)


def _differences(before: ScenarioResult, after: ScenarioResult) -> dict[str, Difference]:
    old, new = before.standard_errors, after.standard_errors
    return {
        "start": Difference(after.by_step[0] - before.by_step[0], math.hypot(old.by_step[0], new.by_step[0])),
        "end": Difference(after.end - before.end, math.hypot(old.end, new.end)),
        "mean": Difference(after.mean - before.mean, math.hypot(old.mean, new.mean)),
    }


def report(changes: Changes, layout: Layout) -> Report:
    """What the file says now, and the differences with their errors."""
    blocks: list[Lines | Table] = []
    listed, more = changes.inputs[:_MOST_INPUTS], len(changes.inputs) - _MOST_INPUTS
    if listed:
        lines = [StyledText(f"{difference.path}  {describe_change(difference)}") for difference in listed]
        blocks.append(Lines((*lines, *([StyledText(f"and {more} more")] if more > 0 else []))))
    left_out = [f"Not in both runs: {', '.join(changes.left_out[:8])}."] if changes.left_out else []
    every = [move for by_time in changes.moves.values() for move in by_time.values()]
    subtitle = "each with sampling errors of its own" if changes.independent else "on the same random numbers"
    if all(move.is_noise for move in every):
        error = max((move.error for move in every), default=0.0)
        bound = _format_error(NOISE_ERRORS * error)
        verdict = f"Nothing moves by more than the noise: three standard errors are {bound} points."
        return Report(_TITLE, subtitle, blocks, left_out, verdict=verdict if error else "Nothing moves.")
    footer = ["In points of percent. ± is one standard error of the difference; noise: it is less than three of them."]
    times = _shown_times(changes, layout)
    if changes.with_evidence and len(times) > 1:
        footer.insert(0, "start, share of time: of all steps, those before now too.")
    return Report(_TITLE, subtitle, [*blocks, _difference_table(changes, times)], [*footer, *left_out])


def _shown_times(changes: Changes, layout: Layout) -> list[str]:
    times = [*next(iter(changes.moves.values()))]
    return times if layout.width >= _NARROW or len(times) == 1 else ["end"]


def _difference_table(changes: Changes, times: Sequence[str]) -> Table:
    heads = [_HEADS[time] for time in times] if len(times) > 1 else ["end" if times == ["end"] else "likelihood"]
    columns = [Column(folds=True)]
    for head in heads:
        columns += [Column(head, "number"), Column("±", "number", style="dim")]
    rows: list[list[Cell]] = [
        [StyledText(title, "bold"), *(cell for time in times for cell in _difference_cells(by_time[time]))]
        for title, by_time in changes.moves.items()
    ]
    return Table(columns, rows)


def _difference_cells(move: Difference) -> tuple[str, str]:
    """A difference in points with as many decimals as its error, or that it is noise; and the error."""
    error = _format_error(move.error)
    if move.is_noise:
        return ("noise" if move.error else "0"), error
    decimals = len(error.partition(".")[2]) if move.error else _MOST_DECIMALS
    return format_points(move.difference, decimals), error


def _format_error(error: float) -> str:
    """A standard error in points, rounded up; a tiny one as a bound."""
    least = 10.0**-_MOST_DECIMALS
    return f"<{least:g}" if 0.0 < 100.0 * error < least else round_up_error(100.0 * error)
