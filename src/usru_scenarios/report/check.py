"""What a model says to its expectations, for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from usru_scenarios.report.markdown import escaped, row
from usru_scenarios.report.numbers import rounded_up
from usru_scenarios.report.provenance_line import at_means, exactly
from usru_scenarios.report.terminal import drawn, grid, indented, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType
    from rich.table import Table

    from usru_scenarios.report import Layout
    from usru_scenarios.results.check import CheckReport, ExpectationChecked

_NUMBERS, _CLAIMS, _SHORTEST_NAME = 48, 12, 16
"""Columns that the verdict and the numbers take, the least for the claims, and for the names."""

_STYLES = {"holds": "green", "fails": "bold red", "undecided": "bold yellow"}


def table(result: CheckReport, layout: Layout) -> str:
    """A line for each expectation; those that do not hold are told at length below."""
    head = [words(result.model.title, "bold"), words(_subtitle(result), "dim"), Text()]
    if not result.expectations:
        return drawn([*head, words("The file says nothing that must hold: it has no expectations.")], layout)
    foot = [Text(), words(_counted(result), "bold"), *(words(line, "dim") for line in _small_print(result))]
    return drawn([*head, _lines(result, layout), *_troubles(result), *foot], layout)


def md(result: CheckReport, _layout: Layout) -> str:
    """The same as Markdown."""
    robust = ["still holds"] if result.perturbation else []
    lines = [
        f"# {escaped(result.model.title)}",
        "",
        escaped(_subtitle(result)),
        "",
        row(["", "", "left", "right", "margin", "+-", *robust, "claims"]),
        row(["---", "---", "---:", "---:", "---:", "---:", *("---:" for _ in robust), "---"]),
        *(row([one.verdict, f"`{name}`", *_cells(one, result)]) for name, one in result.expectations.items()),
        "",
        f"**{_counted(result)}** {escaped(' '.join(_small_print(result)))}",
        "",
    ]
    return "\n".join(lines)


def _subtitle(result: CheckReport) -> str:
    return f"{result.model.name}{f', profile {result.profile}' if result.profile else ''}: do its expectations hold?"


def _lines(result: CheckReport, layout: Layout) -> Table:
    longest = max(map(cell_len, result.expectations))
    width = min(longest, max(layout.width - _NUMBERS - _CLAIMS, _SHORTEST_NAME))
    lines = grid()
    lines.add_column("", no_wrap=True)
    lines.add_column("", width=width)
    for header in ("left", "right", "margin", "+-"):
        lines.add_column(header, justify="right", no_wrap=True)
    if result.perturbation:
        lines.add_column("still\nholds", justify="right", no_wrap=True)
    lines.add_column("claims")
    for name, one in result.expectations.items():
        lines.add_row(Text(one.verdict, _STYLES[one.verdict]), Text(_broken(name, width)), *_cells(one, result))
    return lines


def _broken(name: str, width: int) -> str:
    """A name that is too long for its column, in lines that end with an underscore."""
    lines = [""]
    for piece in re.findall(r"[^_]*_|[^_]+$", name):
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines)


def _cells(one: ExpectationChecked, result: CheckReport) -> list[str]:
    """The numbers of an expectation, and the claims behind it."""
    error = "" if one.standard_error is None else rounded_up(one.standard_error)
    robust = [f"{one.robust}"] if result.perturbation else []
    return [*map(_number, (one.left, one.right)), _number(one.margin, "+"), error, *robust, " ".join(one.sources)]


def _number(value: float | None, sign: str = "") -> str:
    return "" if value is None else f"{value:{sign}.3f}"


def _troubles(result: CheckReport) -> Iterator[RenderableType]:
    """What fails or is undecided: the statement, where it was tested, and the claims that it contradicts."""
    for name, one in result.expectations.items():
        if one.verdict == "holds":
            continue
        yield Text()
        yield Text.assemble((f"{one.verdict}  ", _STYLES[one.verdict]), (name, "bold"), "  ", words(one.title or ""))
        yield indented(words(one.that), 2)
        yield from (indented(words(line, "dim"), 2) for line in _remarks(one, result.judgements))


def _remarks(one: ExpectationChecked, judgements: int) -> Iterator[str]:
    if one.problem:
        yield one.problem.split("\n", 1)[0]
    if one.step:
        yield f"the sides are those of {one.step}"
    if one.verdict == "undecided" and not one.problem:
        drawn = f"after {one.trials:,} trials the sampling" if one.trials else f"with {judgements:,} draws the"
        yield f"{drawn} error still spans the bound"
    if one.sources:
        yield f"'usru sources {one.sources[0]}' shows what the claim says"


def _counted(result: CheckReport) -> str:
    counts = result.counts
    means = at_means(result.judgements_at_means, ", with ")
    return f"{counts['holds']} hold, {counts['fails']} fail, {counts['undecided']} undecided{means}."


def _small_print(result: CheckReport) -> Iterator[str]:
    most = max(one.trials for one in result.expectations.values()) if result.expectations else 0
    drawn_for = f"{result.trials:,} trials, at most {most:,}" if most > result.trials else f"{most:,} trials"
    draws = f" under {result.judgements:,} draws of the judgements" if result.judgements else ""
    means = at_means(result.judgements_at_means)
    yield (
        f"{drawn_for}{draws}, seed {result.seed}{means}."
        if most
        else f"{exactly(result.judgements, result.seed)}{means}."
    )
    if result.perturbation:
        spread = result.perturbation
        moved = "; ".join(f"{kind} {how}" for kind, how in spread.spreads.items())
        anchored = "; baselines solved for the anchor each time" if spread.anchored else ""
        yield (
            f"'Still holds' counts {spread.models} models with all judgements moved, {spread.trials:,} trials each: "
            f"{moved}{anchored}{'; uncertain ones from their means' if result.uncertain else ''}."
        )
