"""Results as Markdown, for a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.problems import printable
from usru_scenarios.report.numbers import between, decimals_for, largest_error, rounded_up
from usru_scenarios.report.provenance_line import conditions, how_run

if TYPE_CHECKING:
    from usru_scenarios.report import Layout
    from usru_scenarios.results.simulate import ScenarioResult, Simulation


def md(result: Simulation, _layout: Layout) -> str:
    """A table of scenarios and groups, and the line that says how it was found."""
    decimals = decimals_for(largest_error(result))
    columns, moving = _columns(result), len(result.run.steps) > 1
    lines = [
        f"# {escaped(result.model.title)}",
        "",
        *_conditions(result),
        row(["", *columns]),
        row(["---", *("---:" for _ in columns)]),
        *(row([escaped(one.title), *_numbers(one, decimals, moving)]) for one in result.scenarios.values()),
        *(row([f"*{escaped(one.title)}*", *_numbers(one, decimals, moving)]) for one in result.groups.values()),
        "",
        _run_line(result),
        "",
    ]
    return "\n".join(lines)


def _conditions(result: Simulation) -> list[str]:
    lines = [
        f"- {one.kind}: {escaped(one.text)} ({one.meaning})" for one in conditions(result.run.do, result.run.given)
    ]
    return [*lines, ""] if lines else []


def _columns(result: Simulation) -> list[str]:
    steps = result.run.steps
    numbers = [steps[0]] if len(steps) == 1 else [steps[0], steps[-1], "share of time", "ever"]
    return [*numbers, f"{steps[-1]}, band of judgement"] if result.run.judgements else numbers


def _numbers(one: ScenarioResult, decimals: int, moving: bool) -> list[str]:
    numbers = (one.by_step[0], one.end, one.mean, one.ever) if moving else (one.end,)
    shown = [f"{number:.{decimals}f}" for number in numbers]
    return shown if one.band is None else [*shown, between(one.band.low[-1], one.band.high[-1], decimals)]


def _run_line(result: Simulation) -> str:
    run = result.run
    profile = f", profile `{run.profile}`" if run.profile else ""
    found = how_run(run)
    errors = f", standard errors at most {rounded_up(largest_error(result))}" if run.trials else ""
    return (
        f"`{result.model.name}`{profile}: {found}{errors}, usru {run.usru_version}, model {result.model.sha256[:12]}. "
        "The likelihoods follow from the judgements in the file, not from data."
    )


def row(cells: list[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """Text of the file that can't break the table or be taken for markup."""
    flat = " ".join(printable(text).split())
    for sign in "\\|*_`<>[]#":
        flat = flat.replace(sign, f"\\{sign}")
    return flat
