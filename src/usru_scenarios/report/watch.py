"""What to watch, for people: a list of indicators, each with what it would say; and as rows of data.

| column of the rows       | meaning                                                                        |
|--------------------------|--------------------------------------------------------------------------------|
| `rank`                   | from 1 on; there is a row for each scenario, and for the group that is asked about |
| `node`, `role`, `state`  | what is seen                                                                   |
| `on`, `horizon`          | when it is seen, and which step's forecast moves                               |
| `probability`            | of the state                                                                   |
| `expected_move`          | the probability times the distance                                             |
| `distance`               | how far the sighting moves the forecast                                        |
| `scenario`               | the scenario or group                                                          |
| `forecast`               | its probability before anything is seen                                        |
| `seen`, `shift`          | its probability once the state is seen, and the difference                     |
| `..._error`              | standard errors                                                                |
"""

from __future__ import annotations

import csv as csv_format
import io
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from usru_scenarios.report.markdown import escaped, row
from usru_scenarios.report.numbers import decimals_for, rounded_up
from usru_scenarios.report.provenance_line import conditions, how_run
from usru_scenarios.report.terminal import drawn, grid, indented, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType
    from rich.table import Table

    from usru_scenarios.report import Layout
    from usru_scenarios.results.watch import Indicator, Watch, WatchedNode

COLUMNS = (
    *("rank", "node", "role", "state", "on", "horizon", "probability", "probability_error"),
    *("expected_move", "expected_move_error", "distance", "distance_error"),
    *("scenario", "forecast", "forecast_error", "seen", "seen_error", "shift", "shift_error"),
)

_MOST_NODES, _MOST_CLAIMS = 5, 4
_NUMBERS = 22
"""Columns that the rank and the numbers take beside an indicator."""
_WHERE = "Where to look"
_SIGNPOSTS = "Signposts of the scenarios they speak for"
_LEGEND = (
    "The expected move is the probability of a state times how far its observation moves the forecast. An observation "
    "is no intervention: it is evidence about causes as well as effects."
)
_SMALL_PRINT = "The likelihoods follow from the judgements in the file, not from data."


# Words that all forms share ------------------------------------------------------------------------------------------


def _headline(result: Watch) -> str:
    return f"What to watch at {result.on}" if len(result.run.steps) > 1 else "What to watch"


def _subtitle(result: Watch) -> str:
    ahead = f", for the forecast of {result.horizon}" if len(result.run.steps) > 1 else ""
    profile = f", profile {result.run.profile}" if result.run.profile else ""
    return f"{result.model.name}{ahead}{profile}"


def _before(result: Watch) -> str:
    """The forecast before anything is seen."""
    decimals = _decimals(result)
    told = [f"{one.title} {one.probability:.{decimals}f}" for one in result.forecast.values()]
    return f"Before any observation: {', '.join(told)}."


def _decimals(result: Watch) -> int:
    """Those that probabilities are told with, wherever they are."""
    errors = [one.standard_error for one in result.forecast.values()]
    errors += [
        shifted.standard_errors.seen for indicator in result.indicators for shifted in indicator.forecast.values()
    ]
    return min(max(decimals_for(max(errors)), 2), 3)


def _move_decimals(result: Watch) -> int:
    """Those that expected moves are told with: three at least, for they are small."""
    errors = [indicator.standard_errors.expected_move for indicator in result.indicators]
    errors += [node.standard_errors.expected_move for node in result.nodes[:_MOST_NODES]]
    return min(max(decimals_for(max(errors, default=0.0)), 3), 4)


def _what(indicator: Indicator) -> str:
    return f"{indicator.title}: {indicator.state_title}"


def _speaks(indicator: Indicator, result: Watch) -> list[str]:
    """Which scenarios it speaks for and against, with their probabilities before and after."""
    decimals = _decimals(result)

    def change(name: str) -> str:
        before, after = result.forecast[name].probability, indicator.forecast[name].seen
        more = decimals + (f"{before:.{decimals}f}" == f"{after:.{decimals}f}")  # a change that is told must show
        return f"{result.forecast[name].title} {before:.{more}f} -> {after:.{more}f}"

    parts = [change(result.of)] if result.of is not None and not indicator.within_noise else []
    sides = (("for", indicator.speaks_for), ("against", indicator.speaks_against))
    parts += [f"{side} {change(name)}" for side, name in sides if name is not None and name != result.of]
    if indicator.within_noise:
        parts.insert(0, f"no change{'' if result.of is None else f' of {result.of}'} beyond sampling error")
    return parts


def _cited(indicator: Indicator) -> str:
    more = len(indicator.sources) - _MOST_CLAIMS
    return ", ".join(indicator.sources[:_MOST_CLAIMS]) + (f" and {more} more" if more > 0 else "")


def _spoken_for(result: Watch) -> dict[str, list[str]]:
    """The signposts of the scenarios that stand for those that states have none of."""
    return {
        indicator.speaks_for: indicator.signposts
        for indicator in result.indicators
        if indicator.signposts_of == "scenario" and indicator.speaks_for is not None
    }


def _cut(result: Watch, layout: Layout) -> tuple[Watch, list[str]]:
    """The answer with as many indicators as are to be shown, and what is to be said of the others."""
    shown = result.indicators[: layout.top or None]
    left = result.indicators[len(shown) :]
    lines = []
    if left:
        noise = sum(indicator.within_noise for indicator in left)
        lines.append(
            f"And {len(left):,} more{f', {noise} of them within sampling error' if noise else ''}: --top 0 for all."
        )
    if result.too_rare:
        few = f"{len(result.too_rare)} states occur in too few trials for an estimate"
        names = f"{', '.join(result.too_rare[:3])}{', ...' if len(result.too_rare) > 3 else ''}"
        lines.append(f"{few} ({names}): more trials with -n.")
    return replace(result, indicators=shown), lines


def _found(result: Watch) -> str:
    run = result.run
    found = how_run(run)
    if not run.trials:
        return f"{found}."
    errors = [indicator.standard_errors.expected_move for indicator in result.indicators]
    return f"{found}, standard errors of the moves at most {rounded_up(max(errors))}." if errors else f"{found}."


_NOTHING = "No state of a driver or consequence occurs in enough trials for an estimate."


# Text ----------------------------------------------------------------------------------------------------------------


def table(result: Watch, layout: Layout) -> str:
    """The indicators for people, drawn to a width."""
    result, rest = _cut(result, layout)
    parts: list[RenderableType] = [words(_headline(result), "bold"), words(_subtitle(result), "dim")]
    parts += [
        Text.assemble((f"{one.kind}  ", "cyan"), words(one.text), (f"  {one.meaning}", "dim"))
        for one in conditions(result.run.do, result.run.given)
    ]
    parts += [Text(), words(_before(result)), Text()]
    parts += [_indicators(result, layout) if result.indicators else words(_NOTHING)]
    parts += [Text(), *(words(line) for line in rest)] if rest else []
    parts += [*_signposts(result), *_nodes(result), Text()]
    parts += [words(line, "dim") for line in (_LEGEND, _found(result), _SMALL_PRINT)]
    return drawn(parts, layout)


def _indicators(result: Watch, layout: Layout) -> Table:
    decimals, moves = _decimals(result), _move_decimals(result)
    rows = grid()
    rows.add_column("", justify="right", no_wrap=True, vertical="top")
    rows.add_column("observation", ratio=1)
    for header in ("likely", "expected\nmove"):
        rows.add_column(header, justify="right", no_wrap=True, vertical="top")
    for rank, indicator in enumerate(result.indicators, 1):
        rows.add_row(
            str(rank),
            _entry(indicator, result, layout.width - _NUMBERS),
            f"{indicator.probability:.{decimals}f}",
            f"{indicator.expected_move:.{moves}f}",
        )
    return rows


def _packed(parts: list[str], room: int) -> Iterator[str]:
    """Lines of parts, none of which is broken in two where it fits into a line."""
    line = ""
    for number, part in enumerate(parts, 1):
        added = part if number == len(parts) else f"{part},"
        if line and cell_len(f"{line} {added}") > room:
            yield line
            line = ""
        line = f"{line} {added}".strip()
    if line:
        yield line


def _entry(indicator: Indicator, result: Watch, room: int) -> RenderableType:
    """What is seen, what it speaks for, and by what one knows it."""
    entry = grid(header=False)
    entry.add_column(overflow="fold")
    entry.add_row(words(_what(indicator), "bold"))
    for line in _packed(_speaks(indicator, result), room):
        entry.add_row(words(line))
    if indicator.signposts_of == "state":
        for signpost in indicator.signposts:
            entry.add_row(_point(signpost))
    if indicator.sources:
        entry.add_row(words(_cited(indicator), "dim cyan"))
    return entry


def _point(text: str) -> RenderableType:
    """An item of a list."""
    point = grid(header=False)
    point.add_column(width=1)
    point.add_column(overflow="fold")
    point.padding = (0, 1, 0, 0)
    point.add_row(Text("-", "dim"), words(text, "dim"))
    return point


def _heading(title: str) -> Text:
    return Text(f"\n{title}\n", "bold cyan")


def _signposts(result: Watch) -> Iterator[RenderableType]:
    spoken_for = _spoken_for(result)
    if not spoken_for:
        return
    yield _heading(_SIGNPOSTS)
    for name, texts in spoken_for.items():
        yield words(result.forecast[name].title)
        yield from (indented(_point(text), 2) for text in texts)


def _nodes(result: Watch) -> Iterator[RenderableType]:
    if not result.nodes:
        return
    yield _heading(_WHERE)
    rows = grid()
    rows.add_column("driver or consequence", ratio=1)
    for header in ("expected\nmove", "bits"):
        rows.add_column(header, justify="right", no_wrap=True, vertical="top")
    for node in result.nodes[:_MOST_NODES]:
        rows.add_row(words(node.title), *_worth(node, result))
    yield rows


def _worth(node: WatchedNode, result: Watch) -> tuple[str, str]:
    return f"{node.expected_move:.{_move_decimals(result)}f}", f"{node.information:.3f}"


# Data and Markdown ---------------------------------------------------------------------------------------------------


def csv(result: Watch, _layout: Layout) -> str:
    """A row for each indicator and scenario, as comma-separated values with a header."""
    text = io.StringIO()
    writer = csv_format.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for rank, indicator in enumerate(result.indicators, 1):
        errors = indicator.standard_errors
        seen = (rank, indicator.node, indicator.role, indicator.state, result.on, result.horizon)
        worth = (indicator.probability, errors.probability, indicator.expected_move, errors.expected_move)
        for name, shifted in indicator.forecast.items():
            before = result.forecast[name]
            writer.writerow(
                (
                    *seen,
                    *worth,
                    *(indicator.distance, errors.distance),
                    *(name, before.probability, before.standard_error),
                    *(shifted.seen, shifted.standard_errors.seen, shifted.shift, shifted.standard_errors.shift),
                )
            )
    return text.getvalue()


def md(result: Watch, layout: Layout) -> str:
    """The indicators in Markdown, with what the cited claims say."""
    result, rest = _cut(result, layout)
    lines = [f"# {escaped(_headline(result))}", "", f"{escaped(_subtitle(result))}. {escaped(_before(result))}", ""]
    for one in conditions(result.run.do, result.run.given):
        lines += [f"- {one.kind}: {escaped(one.text)} ({one.meaning})"]
    lines += [""] if result.run.do or result.run.given else []
    lines += [*_md_indicators(result), ""]
    lines += [f"{escaped(line)}\n" for line in rest]
    lines += [*_md_signposts(result), *_md_nodes(result), *_md_claims(result)]
    run = f"{_found(result)} {_SMALL_PRINT} usru {result.run.usru_version}, model {result.model.sha256[:12]}."
    return "\n".join([*lines, _LEGEND, "", run, ""])


def _md_indicators(result: Watch) -> Iterator[str]:
    if not result.indicators:
        yield _NOTHING
        return
    decimals, moves = _decimals(result), _move_decimals(result)
    yield row(["", "observation", "likely", "expected move", "change of the forecast", "rests on"])
    yield row(["---:", "---", "---:", "---:", "---", "---"])
    for rank, indicator in enumerate(result.indicators, 1):
        numbers = f"{indicator.probability:.{decimals}f}", f"{indicator.expected_move:.{moves}f}"
        said = escaped(", ".join(_speaks(indicator, result)))
        if indicator.signposts_of == "state":
            said += f" ({escaped('; '.join(indicator.signposts))})"
        name, claims = f"**{escaped(_what(indicator))}**", escaped(", ".join(indicator.sources))
        yield row([str(rank), name, *numbers, said, claims])


def _md_signposts(result: Watch) -> Iterator[str]:
    spoken_for = _spoken_for(result)
    if spoken_for:
        yield from (f"## {_SIGNPOSTS}", "")
    for name, texts in spoken_for.items():
        yield f"- {escaped(result.forecast[name].title)}"
        yield from (f"  - {escaped(text)}" for text in texts)
    if spoken_for:
        yield ""


def _md_nodes(result: Watch) -> Iterator[str]:
    if not result.nodes:
        return
    yield from (f"## {_WHERE}", "")
    yield row(["driver or consequence", "expected move", "bits"])
    yield row(["---", "---:", "---:"])
    yield from (row([escaped(node.title), *_worth(node, result)]) for node in result.nodes[:_MOST_NODES])
    yield ""


def _md_claims(result: Watch) -> Iterator[str]:
    cited = {claim for indicator in result.indicators for claim in indicator.sources}
    if told := {claim: said for claim, said in result.claims.items() if claim in cited}:
        yield from ("## What the claims say", "")
        yield from (f"- {escaped(claim)}: {escaped(said)}" for claim, said in told.items())
        yield ""
