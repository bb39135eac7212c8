"""In which direction claims push the numbers that cite them: what is amiss, for people; and all of it as rows of data.

A row for each number and claim: `path`, `value`, `sign`, `cause`, `target`, `claim`, `says` and `verdict`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.report.data import MODEL_COLUMNS, model_cells
from usru_scenarios.report.document import Column, Heading, Report, StyledText, Table, name_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Rows
    from usru_scenarios.report.document import Block, Row
    from usru_scenarios.results.sources import DirectedPart, DirectionsReport

_SAYS = {"+": "+", "-": "-", "both": "+-", "none": "nothing"}
_MAX_NAMES = 12
_VERDICTS = {
    "carried": "sign from a claim",
    "contradicted": "sign against all claims that speak of it",
    "undirected": "no cited claim speaks of it",
    "inferred": "cites assumptions alone, none of which says a sign",
    "zero": "no sign: it is 0",
}


def report(result: DirectionsReport, layout: Layout) -> Report:
    """The numbers that no claim carries, and what is cited beside a claim that does."""
    part = f" of {result.about}" if result.about else ""
    subtitle = f"{result.model.name}: signs of the numbers of points{part} that cite claims"
    return Report(
        title=result.model.title,
        subtitle=subtitle if layout.width else f"{subtitle}.",
        blocks=list(_blocks(result)),
        footer=[_describe_skipped(result)],
    )


def _blocks(result: DirectionsReport) -> Iterator[Block]:
    counts = [(text, str(result.verdicts[name])) for name, text in _VERDICTS.items() if name in result.verdicts]
    yield Table([Column(), Column("numbers", "number")], [*counts, ("in all", str(len(result.numbers)))])
    against = (number for number in result.numbers if number.verdict == "contradicted")
    yield from _number_section("Against the claims that they cite", against)
    undirected = (number for number in result.numbers if number.verdict == "undirected")
    yield from _number_section("No cited claim speaks of these", undirected)
    carried = [number for number in result.numbers if number.verdict == "carried"]
    yield from _number_section("Claims on both sides", filter(_is_disputed, carried))
    silent = (number for number in carried if "none" in number.claims.values())
    yield from _number_section("Carried by one claim, with others beside it that say nothing of them", silent)


def _is_disputed(number: DirectedPart) -> bool:
    signs = set(number.claims.values())
    return "both" in signs or {"+", "-"} <= signs


def _number_section(heading: str, numbers: Iterable[DirectedPart]) -> Iterator[Block]:
    rows: list[Row] = []
    for number in numbers:
        signs = ", ".join(f"{claim} {_SAYS[sign]}" for claim, sign in number.claims.items())
        rows.append((StyledText(number.path), f"{number.value:g}", StyledText(signs, "cyan")))
    if rows:
        yield Heading(heading)
        yield Table([name_column("number"), Column("value", "number"), Column("what the claims say", folds=True)], rows)


def _describe_skipped(result: DirectionsReport) -> str:
    """How many pushes name what the model lacks."""
    if not result.pushes:
        return "No claim of the model's register states a direction."
    if not result.skipped:
        return f"All {result.pushes} pushes of the register name what the model has."
    unknown = list(dict.fromkeys(push.unknown for push in result.skipped))
    more = "" if len(unknown) <= _MAX_NAMES else f", ... ({len(unknown)} names)"
    passed_over = f"{len(result.skipped)} of {result.pushes} pushes are passed over: the model has no"
    return f"{passed_over} {', '.join(unknown[:_MAX_NAMES])}{more}."


def rows(result: DirectionsReport, _layout: Layout) -> Rows:
    """A row for each number and claim."""
    yield *MODEL_COLUMNS, "path", "value", "sign", "cause", "target", "claim", "says", "verdict"
    model = model_cells(result.model, result.run.profile)
    for number in result.numbers:
        cells = number.path, number.value, number.sign, number.cause, number.target
        for claim, sign in number.claims.items():
            yield *model, *cells, claim, sign, number.verdict
