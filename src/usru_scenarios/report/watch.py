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
from usru_scenarios.report.document import Column, Heading, Item, Items, Lines, Report, StyledText, Table, paragraph
from usru_scenarios.report.likelihoods import format_distance, format_error_bound, format_percent, percent_decimals
from usru_scenarios.report.provenance import FROM_JUDGEMENTS, describe_profile, describe_run, result_report
from usru_scenarios.report.sentences import quote_title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Rows
    from usru_scenarios.results.watch import Indicator, KnownVerdict, Watch

_MAX_NODES, _MAX_CLAIMS, _MAX_KNOWN = 5, 4, 4
_OFFSET = 6
"""Columns of a terminal before the notes on an indicator."""
LEGEND = (
    "The expected move is the probability of a state times how far its observation moves the forecast. An observation "
    "is no intervention: it is evidence about causes as well as effects."
)
_KNOWN_PHRASES: dict[KnownVerdict, str] = {
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
    listed = replace(result, indicators=result.indicators[: layout.top or None])
    omitted = _describe_omitted(result, len(listed.indicators))
    several = len(result.run.steps) > 1
    horizon = f", for the forecast of {result.horizon}" if several else ""
    blocks = [
        _indicator_table(listed, layout) if listed.indicators else paragraph(NO_INDICATORS),
        *([Lines(tuple(map(StyledText, omitted)))] if omitted else []),
        *_scenario_signposts(listed),
        *_node_table(listed),
    ]
    if not layout.width:
        cited = {claim for indicator in listed.indicators for claim in indicator.sources}
        blocks += document.claim_blocks(filter(cited.__contains__, result.claims), result.claims)
    return result_report(
        result,
        f"{result.model.name}{horizon}{describe_profile(result.run.profile)}",
        blocks,
        [LEGEND, describe_method(listed), FROM_JUDGEMENTS],
        title=f"What to watch at {result.on}" if several else "What to watch",
        lead=_describe_forecast(listed),
    )


def _describe_forecast(result: Watch) -> str:
    """The forecast before anything is observed, and what is worth most to look at."""
    places = _share_decimals(result)
    shares = [f"{each.title} {format_percent(each.probability, places)}" for each in result.forecast.values()]
    further = "further " if result.run.given or result.run.evidence else ""
    before = f"Before any {further}observation: {', '.join(shares)}."
    if not result.nodes:
        return before
    most = max(result.nodes, key=lambda node: node.expected_move)
    move = format_distance(most.expected_move, move_decimals(result))
    return f"{before} Most is to be expected of {quote_title(most.title)}: {move} points."


def _share_decimals(result: Watch) -> int:
    """Decimals of likelihoods, wherever they are."""
    errors = [each.standard_error for each in result.forecast.values()]
    errors += [each.standard_errors.seen for indicator in result.indicators for each in indicator.forecast.values()]
    return percent_decimals(max(errors), 1)


def move_decimals(result: Watch) -> int:
    """Decimals of expected moves: one at least, for they are small."""
    errors = [indicator.standard_errors.expected_move for indicator in result.indicators]
    errors += [node.standard_errors.expected_move for node in result.nodes[:_MAX_NODES]]
    return max(percent_decimals(max(errors, default=0.0)), 1)


def describe_changes(indicator: Indicator, result: Watch) -> list[str]:
    """Which scenarios an indicator speaks for and against, with their probabilities before and after."""
    places = _share_decimals(result)

    def change(name: str) -> str:
        before, after = result.forecast[name].probability, indicator.forecast[name].seen
        enough = places + (format_percent(before, places) == format_percent(after, places))  # a change must show
        return f"{result.forecast[name].title} {format_percent(before, enough)} -> {format_percent(after, enough)}"

    parts = [change(result.of)] if result.of is not None and not indicator.within_noise else []
    sides = (("for", indicator.speaks_for), ("against", indicator.speaks_against))
    parts += [f"{side} {change(name)}" for side, name in sides if name is not None and name != result.of]
    if indicator.within_noise:
        parts.insert(0, f"no change{'' if result.of is None else f' of {result.of}'} beyond sampling error")
    return parts


def _describe_known(indicator: Indicator) -> list[str]:
    """What is known of the state already: the words of each verdict, when, and the item that says so."""
    known = indicator.known[:_MAX_KNOWN]
    phrases = [f"{_KNOWN_PHRASES[each.verdict]} {each.at} ({each.item or '--given'})" for each in known]
    if len(indicator.known) > len(known):
        phrases.append(f"and {len(indicator.known) - len(known)} more")
    return [f"known: {phrases[0]}", *phrases[1:]] if phrases else []


def _describe_omitted(result: Watch, listed: int) -> list[str]:
    """What is to be said of the indicators that are not shown."""
    omitted = result.indicators[listed:]
    lines = []
    if omitted:
        noise = sum(indicator.within_noise for indicator in omitted)
        within_error = f", {noise} of them within sampling error" if noise else ""
        lines.append(f"And {len(omitted):,} more{within_error}: --top 0 for all.")
    if result.too_rare:
        names = f"{', '.join(result.too_rare[:3])}{', ...' if len(result.too_rare) > 3 else ''}"
        count = f"{len(result.too_rare)} states occur in too few trials for an estimate"
        lines.append(f"{count} ({names}): more trials with -n.")
    return lines


def describe_method(result: Watch) -> str:
    """How the moves were found, with their largest standard error."""
    sampling = describe_run(result.run)
    errors = [indicator.standard_errors.expected_move for indicator in result.indicators]
    if not result.run.trials or not any(errors):
        return f"{sampling}."
    return f"{sampling}, standard errors of the moves {format_error_bound(max(errors))}."


def _indicator_table(result: Watch, layout: Layout) -> Table:
    places, move_places = _share_decimals(result), move_decimals(result)
    columns = [
        Column(kind="number"),
        document.name_column("observation"),
        *document.number_columns(["likely", "expected\nmove, points"]),
        Column(kind="notes", label="change of the forecast"),
        *([] if layout.width else [Column("rests on")]),
    ]
    rows: list[document.Row] = []
    for rank, indicator in enumerate(result.indicators, 1):
        name = StyledText(f"{indicator.title}: {indicator.state_title}", "bold", "**")
        move = format_distance(indicator.expected_move, move_places)
        notes: document.Row = _markdown_cells(indicator, result)
        if layout.width:
            notes = (tuple(_terminal_notes(indicator, result, layout.width - _OFFSET)),)
        rows.append((str(rank), name, format_percent(indicator.probability, places), move, *notes))
    return Table(columns, rows)


def _terminal_notes(indicator: Indicator, result: Watch, room: int) -> Iterator[StyledText]:
    """What it speaks for, its signposts, and the first of the claims, one below the other."""
    yield from map(StyledText, _pack_lines(describe_changes(indicator, result), room))
    yield from (StyledText(line, "yellow") for line in _pack_lines(_describe_known(indicator), room))
    if indicator.signposts_of == "state":
        yield from (StyledText(signpost, "dim", "-") for signpost in indicator.signposts)
    more = len(indicator.sources) - _MAX_CLAIMS
    claims = ", ".join(indicator.sources[:_MAX_CLAIMS])
    yield StyledText(f"{claims} and {more} more" if more > 0 else claims, "dim cyan")


def _markdown_cells(indicator: Indicator, result: Watch) -> tuple[str, str]:
    """The same with all claims, in two cells."""
    signposts = f" ({'; '.join(indicator.signposts)})" if indicator.signposts_of == "state" else ""
    known = f"; {', '.join(_describe_known(indicator))}" if indicator.known else ""
    return f"{', '.join(describe_changes(indicator, result))}{signposts}{known}", ", ".join(indicator.sources)


def _pack_lines(parts: list[str], room: int) -> Iterator[str]:
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


def _scenario_signposts(result: Watch) -> Iterator[document.Block]:
    """The signposts of the scenarios that stand for those that states have none of."""
    texts = {
        indicator.speaks_for: indicator.signposts
        for indicator in result.indicators
        if indicator.signposts_of == "scenario" and indicator.speaks_for is not None
    }
    if texts:
        yield Heading("Signposts of the scenarios they speak for")
        items: list[Item] = []
        for name, signposts in texts.items():
            points = tuple((StyledText(text), "") for text in signposts)
            items.append(Item((StyledText(result.forecast[name].title),), points))
        yield Items(tuple(items), dashes=True)


def _node_table(result: Watch) -> Iterator[document.Block]:
    if result.nodes:
        places = move_decimals(result)
        columns = document.number_columns(["expected\nmove, points", "bits"])
        rows = [
            (node.title, format_distance(node.expected_move, places), f"{node.information:.3f}")
            for node in result.nodes[:_MAX_NODES]
        ]
        yield Heading("Where to look")
        yield Table([document.name_column("driver or consequence"), *columns], rows)


def rows(result: Watch, _layout: Layout) -> Rows:
    """A row for each indicator and scenario."""
    yield (
        *(*MODEL_COLUMNS, "rank", "node", "role", "state", "on", "on_date", "horizon", "horizon_date"),
        *("probability", "probability_error"),
        *("expected_move", "expected_move_error", "distance", "distance_error"),
        *("scenario", "forecast", "forecast_error", "seen", "seen_error", "shift", "shift_error", "known"),
    )
    model = model_cells(result.model, result.run.profile)
    steps = result.on, first_day(result.on), result.horizon, first_day(result.horizon)
    for rank, indicator in enumerate(result.indicators, 1):
        errors = indicator.standard_errors
        known = " ".join(f"{known.verdict}:{known.item or 'given'}" for known in indicator.known) or None
        for name, shifted in indicator.forecast.items():
            before = result.forecast[name]
            yield (
                *(*model, rank, indicator.node, indicator.role, indicator.state, *steps),
                *(indicator.probability, errors.probability, indicator.expected_move, errors.expected_move),
                *(indicator.distance, errors.distance, name, before.probability, before.standard_error),
                *(shifted.seen, shifted.standard_errors.seen, shifted.shift, shifted.standard_errors.shift, known),
            )
