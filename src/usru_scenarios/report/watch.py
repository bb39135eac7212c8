"""What to watch, for people: a list of indicators, each with what it would say; and as rows of data.

| column of the rows       | meaning                                                                        |
|--------------------------|--------------------------------------------------------------------------------|
| `model`, `model_hash`, `profile` | which model it is                                                     |
| `rank`                   | from 1 on; there is a row for each scenario, and for the group that is asked about |
| `node`, `role`, `state`  | what is seen                                                                   |
| `on`, `horizon`          | when it is seen, and which step's forecast moves; their first days, `on_date`  |
|                          | and `horizon_date`                                                             |
| `probability`            | of the state                                                                   |
| `expected_move`          | the probability times the distance                                             |
| `distance`               | how far its observation moves the forecast                                     |
| `scenario`               | the scenario or group                                                          |
| `forecast`               | its probability before anything is seen                                        |
| `seen`, `shift`          | its probability once the state is seen, and the difference                     |
| `..._error`              | standard errors                                                                |
| `known`                  | what is known of the state already, each as `verdict:item`, as in the JSON     |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.report import document
from usru_scenarios.report.data import MODEL_COLUMNS, first_day, model_cells
from usru_scenarios.report.document import Column, Heading, Item, Items, Lines, Report, StyledText, Table
from usru_scenarios.report.forecast_in_words import quote_title
from usru_scenarios.report.likelihoods import format_distance, format_error_bound, format_percent, percent_decimals
from usru_scenarios.report.provenance_line import (
    FROM_JUDGEMENTS,
    citation_line,
    describe_profile,
    describe_run,
    list_conditions,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Rows
    from usru_scenarios.results.watch import Indicator, KnownVerdict, Watch

_MOST_NODES, _MOST_CLAIMS, _MOST_KNOWN = 5, 4, 4
_OFFSET = 6
"""Columns before what is said of an indicator."""
LEGEND = (
    "The expected move is the probability of a state times how far its observation moves the forecast. An observation "
    "is no intervention: it is evidence about causes as well as effects."
)
_KNOWN: dict[KnownVerdict, str] = {
    "seen": "seen",
    "either": "this or another seen",
    "ruled_out": "ruled out",
    "found": "sign found",
    "not_found": "no sign found",
    "for": "hint for it",
    "against": "hint against it",
}
NO_INDICATORS = "No state of a driver or consequence occurs in enough trials for an estimate."


def report(result: Watch, layout: Layout) -> Report:
    """The indicators, each with what it would change; in Markdown with what the cited claims say."""
    result, rest = _cut(result, layout)
    many = len(result.run.steps) > 1
    ahead = f", for the forecast of {result.horizon}" if many else ""
    blocks = [
        _indicators(result, layout) if result.indicators else Lines((StyledText(NO_INDICATORS),)),
        *([Lines(tuple(map(StyledText, rest)))] if rest else []),
        *_signposts(result),
        *_nodes(result),
    ]
    if not layout.width:
        named = {claim for indicator in result.indicators for claim in indicator.sources}
        blocks += document.claim_blocks(filter(named.__contains__, result.claims), result.claims)
    return Report(
        title=f"What to watch at {result.on}" if many else "What to watch",
        subtitle=f"{result.model.name}{ahead}{describe_profile(result.run.profile)}",
        conditions=list_conditions(result.run.do, result.run.given, result.run.evidence),
        lead=_before(result),
        blocks=blocks,
        footer=[LEGEND, describe_method(result), FROM_JUDGEMENTS],
        citation=citation_line(result.model, result.run.usru_version),
    )


def _before(result: Watch) -> str:
    """The forecast before anything is observed, and what is worth most to look at."""
    places = _places(result)
    shares = [f"{one.title} {format_percent(one.probability, places)}" for one in result.forecast.values()]
    before = (
        f"Before any {'further ' if result.run.given or result.run.evidence else ''}observation: {', '.join(shares)}."
    )
    if not result.nodes:
        return before
    most = max(result.nodes, key=lambda node: node.expected_move)
    moved = format_distance(most.expected_move, move_decimals(result))
    return f"{before} Most is to be expected of {quote_title(most.title)}: {moved} points."


def _places(result: Watch) -> int:
    """Decimals of likelihoods, wherever they are."""
    errors = [one.standard_error for one in result.forecast.values()]
    errors += [
        shifted.standard_errors.seen for indicator in result.indicators for shifted in indicator.forecast.values()
    ]
    return percent_decimals(max(errors), 1)


def move_decimals(result: Watch) -> int:
    """Those of expected moves: one at least, for they are small."""
    errors = [indicator.standard_errors.expected_move for indicator in result.indicators]
    errors += [node.standard_errors.expected_move for node in result.nodes[:_MOST_NODES]]
    return max(percent_decimals(max(errors, default=0.0)), 1)


def describe_changes(indicator: Indicator, result: Watch) -> list[str]:
    """Which scenarios it speaks for and against, with their probabilities before and after."""
    places = _places(result)

    def change(name: str) -> str:
        before, after = result.forecast[name].probability, indicator.forecast[name].seen
        more = places + (format_percent(before, places) == format_percent(after, places))  # a change must show
        return f"{result.forecast[name].title} {format_percent(before, more)} -> {format_percent(after, more)}"

    parts = [change(result.of)] if result.of is not None and not indicator.within_noise else []
    sides = (("for", indicator.speaks_for), ("against", indicator.speaks_against))
    parts += [f"{side} {change(name)}" for side, name in sides if name is not None and name != result.of]
    if indicator.within_noise:
        parts.insert(0, f"no change{'' if result.of is None else f' of {result.of}'} beyond sampling error")
    return parts


def _cited(indicator: Indicator) -> str:
    more = len(indicator.sources) - _MOST_CLAIMS
    return ", ".join(indicator.sources[:_MOST_CLAIMS]) + (f" and {more} more" if more > 0 else "")


def _known(indicator: Indicator) -> list[str]:
    """What is known of the state already: the words of each verdict, when, and the item that says so."""
    said = [f"{_KNOWN[one.verdict]} {one.at} ({one.item or '--given'})" for one in indicator.known[:_MOST_KNOWN]]
    more = len(indicator.known) - len(said)
    return [f"known: {said[0]}", *said[1:], *([f"and {more} more"] if more else [])] if said else []


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


def describe_method(result: Watch) -> str:
    """How the moves were found, with their largest standard error."""
    run = result.run
    found = describe_run(run)
    if not run.trials:
        return f"{found}."
    errors = [indicator.standard_errors.expected_move for indicator in result.indicators]
    return f"{found}, standard errors of the moves {format_error_bound(max(errors))}." if any(errors) else f"{found}."


def _indicators(result: Watch, layout: Layout) -> Table:
    places, moves = _places(result), move_decimals(result)
    columns = [
        Column(kind="number"),
        document.name_column("observation"),
        *document.number_columns(["likely", "expected\nmove, points"]),
        Column(kind="notes", label="change of the forecast"),
        *([] if layout.width else [Column("rests on")]),
    ]
    rows = [
        (
            str(rank),
            StyledText(f"{one.title}: {one.state_title}", "bold", "**"),
            format_percent(one.probability, places),
            format_distance(one.expected_move, moves),
            *(_notes(one, result, layout.width - _OFFSET) if layout.width else _in_full(one, result)),
        )
        for rank, one in enumerate(result.indicators, 1)
    ]
    return Table(columns, rows)


def _notes(indicator: Indicator, result: Watch, room: int) -> tuple[document.Cell]:
    """What it speaks for, its signposts, and the first of the claims, one below the other."""
    signposts = indicator.signposts if indicator.signposts_of == "state" else []
    return (
        (
            *map(StyledText, _packed(describe_changes(indicator, result), room)),
            *(StyledText(line, "yellow") for line in _packed(_known(indicator), room)),
            *(StyledText(signpost, "dim", "-") for signpost in signposts),
            StyledText(_cited(indicator), "dim cyan"),
        ),
    )


def _in_full(indicator: Indicator, result: Watch) -> tuple[str, str]:
    """The same with all claims, in two cells."""
    signposts = f" ({'; '.join(indicator.signposts)})" if indicator.signposts_of == "state" else ""
    known = f"; {', '.join(_known(indicator))}" if indicator.known else ""
    return f"{', '.join(describe_changes(indicator, result))}{signposts}{known}", ", ".join(indicator.sources)


def _packed(parts: list[str], room: int) -> Iterator[str]:
    """Lines of parts, none of which is broken in two where it fits into a line."""
    line = ""
    for number, part in enumerate(parts, 1):
        added = part if number == len(parts) else f"{part},"
        if line and document.cell_len(f"{line} {added}") > room:
            yield line
            line = ""
        line = f"{line} {added}".strip()
    if line:
        yield line


def _signposts(result: Watch) -> Iterator[document.Block]:
    """The signposts of the scenarios that stand for those that states have none of."""
    texts = {
        indicator.speaks_for: indicator.signposts
        for indicator in result.indicators
        if indicator.signposts_of == "scenario" and indicator.speaks_for is not None
    }
    if texts:
        yield Heading("Signposts of the scenarios they speak for")
        items = (
            Item((StyledText(result.forecast[name].title),), tuple((StyledText(text), "") for text in each))
            for name, each in texts.items()
        )
        yield Items(tuple(items), dashes=True)


def _nodes(result: Watch) -> Iterator[document.Block]:
    if result.nodes:
        moves = move_decimals(result)
        yield Heading("Where to look")
        yield Table(
            [
                document.name_column("driver or consequence"),
                *document.number_columns(["expected\nmove, points", "bits"]),
            ],
            [
                (node.title, format_distance(node.expected_move, moves), f"{node.information:.3f}")
                for node in result.nodes[:_MOST_NODES]
            ],
        )


def rows(result: Watch, _layout: Layout) -> Rows:
    """A row for each indicator and scenario."""
    yield (
        *(*MODEL_COLUMNS, "rank", "node", "role", "state", "on", "on_date", "horizon", "horizon_date"),
        *("probability", "probability_error"),
        *("expected_move", "expected_move_error", "distance", "distance_error"),
        *("scenario", "forecast", "forecast_error", "seen", "seen_error", "shift", "shift_error", "known"),
    )
    model = model_cells(result.model, result.run.profile)
    for rank, indicator in enumerate(result.indicators, 1):
        errors = indicator.standard_errors
        for name, shifted in indicator.forecast.items():
            before = result.forecast[name]
            yield (
                *(*model, rank, indicator.node, indicator.role, indicator.state),
                *(result.on, first_day(result.on), result.horizon, first_day(result.horizon)),
                *(indicator.probability, errors.probability, indicator.expected_move, errors.expected_move),
                *(indicator.distance, errors.distance),
                *(name, before.probability, before.standard_error),
                *(shifted.seen, shifted.standard_errors.seen, shifted.shift, shifted.standard_errors.shift),
                " ".join(f"{known.verdict}:{known.item or 'given'}" for known in indicator.known) or None,
            )
