"""An explanation for people: what gives to a scenario, what would have to be true, and its story; and as rows of data.

| column of the rows               | meaning                                                                        |
|----------------------------------|--------------------------------------------------------------------------------|
| `model`, `model_hash`, `profile` | which model it is                                                              |
| `scenario`, `step`, `date`       | what is explained, at which step, and its first day                            |
| `kind`                           | what the row is about: the `probability` of the scenario; the log-odds that it |
|                                  | gets `directly`, together and from each part of the model, and from each       |
|                                  | `number` of a part; a `state` of a driver, or the `mean` of a numeric one,     |
|                                  | where it comes true and where not; a step of the `story`, and each `change`    |
| `part`                           | the kind of the part of the model, as in the JSON                              |
| `name`, `state`, `before`        | the driver, rule or other node; its state; of a change that before it          |
| `at`, `at_date`                  | the step of the story, and its first day                                       |
| `path`, `points`, `for`          | of a number of the file: where it stands, what it says, for which scenario     |
| `value`                          | the probability, or the log-odds or mean over all trials                       |
| `where_true`, `where_not`        | the probability, log-odds or mean where the scenario comes true, and where not |
| `ratio`                          | of the two probabilities                                                       |
| `information`                    | what the state tells of the scenario, in bits                                  |
| `..._error`                      | standard errors                                                                |
| `sources`, `inferred`            | the claims that a number cites, and whether none of them is a document's       |
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from usru_scenarios.report import document
from usru_scenarios.report.data import MODEL_COLUMNS, first_day, model_cells
from usru_scenarios.report.document import Column, Heading, Item, Items, Report, StyledText, Table, bullets, paragraph
from usru_scenarios.report.likelihoods import format_error_phrase, format_percent, percent_decimals
from usru_scenarios.report.numbers import format_signed
from usru_scenarios.report.provenance import FROM_JUDGEMENTS, citation_line, describe_model, describe_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Datum, Rows
    from usru_scenarios.results.explain import (
        CarriedCell,
        CitedPoints,
        DirectPart,
        DirectShares,
        Explanation,
        NumberEvidence,
        PathContribution,
        StateEvidence,
        StoryChange,
        StoryMoment,
    )

COLUMNS = (
    *(*MODEL_COLUMNS, "scenario", "step", "date", "kind", "part", "name", "state", "before", "at", "at_date"),
    *("path", "points", "for", "value", "value_error", "where_true", "where_true_error"),
    *("where_not", "where_not_error", "ratio", "ratio_error", "information", "sources", "inferred"),
)

_CLAIM = re.compile(r"[A-Za-z][\w-]*")
_MAX_STATES, _MAX_PUSHES, _MAX_CELLS = 8, 3, 3
_MIN_LOG_ODDS = 0.05
"""Log-odds below this, a factor of 1.05 on the odds, are shown together."""
_CLEAR_ERRORS = 3.0
"""Standard errors by which a difference must exceed 0 to be shown."""

_DIRECT = "What gives to it directly"
_EVIDENCE = "What would have to be true"
_STORY = "The likeliest story"
_DIRECT_LEGEND = (
    "Log-odds against the alternatives when the scenario is drawn anew, under the model's own weights: +0.7 doubles "
    "the odds, -0.7 halves them; points for an alternative count against it. Averages over all trials, and over those "
    "in which it comes true."
)
_EVIDENCE_LEGEND = "How often a state holds at that step where it comes true, and where not; most informative first."
_STORY_LEGEND = (
    "One path that was really drawn and led there: of all that did, the one most like the others. The number is the "
    "likelihood along it; by chance means that no points pushed that way."
)


def report(result: Explanation, layout: Layout) -> Report:
    """The explanation; in Markdown with what the cited claims say."""
    blocks = [*_direct_section(result), *_evidence_section(result), *_story_section(result, layout)]
    if not layout.width:
        cited = set(_CLAIM.findall(repr(blocks)))
        blocks += document.claim_blocks(filter(cited.__contains__, result.claims), result.claims)
    at = f" at {result.step}" if len(result.run.steps) > 1 else ""
    sampling = describe_run(result.run)
    if result.exact:
        sampling = f"Likelihoods exact; the direct shares and the story by {sampling}"
    return Report(
        title=f"Why {result.title}{at}?",
        subtitle=f"{result.scenario} in {describe_model(result.model, result.run)}",
        lead=_describe_likelihood(result),
        blocks=blocks,
        footer=[f"{sampling}. {FROM_JUDGEMENTS}"],
        more="More: --json for all parts, states and errors; usru sources G12 for what a claim says.",
        citation=citation_line(result.model, result.run.usru_version),
    )


def _direct_section(result: Explanation) -> Iterator[document.Block]:
    yield Heading(_DIRECT)
    direct = result.direct
    if direct is None:
        yield paragraph(result.note)
        return
    yield paragraph(_DIRECT_LEGEND, "dim")
    # two decimals, unless not even the second would be worth a fifth of a standard error
    decimals = 2 if max(direct.standard_errors.everywhere, direct.standard_errors.where_true) <= 0.05 else 1
    large = [part for part in direct.parts if _is_large(part)]
    small = [part for part in direct.parts if not _is_large(part)]
    *drivers, unexplained = large

    def numbers(*parts: DirectPart | DirectShares) -> tuple[str, str]:
        everywhere, where_true = sum(part.everywhere for part in parts), sum(part.where_true for part in parts)
        return _format_log_odds(everywhere, decimals), _format_log_odds(where_true, decimals)

    rows: list[document.Row] = []
    rows += ((StyledText(_part_name(part), "bold"), *numbers(part), _part_note(part)) for part in drivers)
    if small:
        others = f"{len(small)} others, each below" if len(small) > 1 else "1 other, below"
        rows.append((f"{others} {_MIN_LOG_ODDS}", *numbers(*small), ""))
    rows.append((StyledText("unexplained", "bold", "*"), *numbers(unexplained), _part_note(unexplained)))
    rows.append((StyledText("together", "bold", "**"), *numbers(direct), ""))
    heads = document.number_columns(["all\ntrials", "where it\ncomes true"])
    yield Table([document.name_column(), *heads, Column(kind="notes", label="carried by")], rows)


def _is_large(part: DirectPart) -> bool:
    """Whether a part is shown by itself."""
    return max(abs(part.everywhere), abs(part.where_true)) >= _MIN_LOG_ODDS or part.kind == "unexplained"


def _evidence_section(result: Explanation) -> Iterator[document.Block]:
    yield Heading(_EVIDENCE)
    states = [state for state in result.states if _is_clear(state)][:_MAX_STATES]
    if states:
        yield paragraph(_EVIDENCE_LEGEND, "dim")
        rows: list[document.Row] = []
        for state in states:
            shares = format_percent(state.given, 0), format_percent(state.otherwise or 0.0, 0)
            name, note = StyledText(f"{state.driver} = {state.state}", "bold"), _state_note(state, result.scenario)
            rows.append((name, *shares, _format_ratio(state), note))
        heads = document.number_columns(["where it\ncomes true", "where\nnot", "ratio"])
        notes = Column(kind="notes", label="directly")
        yield Table([document.name_column(label="at that step"), *heads, notes], rows)
    else:
        yield paragraph("No state of a driver is clearly more common where it comes true.")
    if result.numbers:
        yield bullets(_describe_shift(number) for number in result.numbers)


def _story_section(result: Explanation, layout: Layout) -> Iterator[document.Block]:
    yield Heading(_STORY)
    story = result.story
    if story is None:
        yield paragraph("None of the drawn trials led there: ask for more with -n.")
        return
    yield paragraph(_STORY_LEGEND, "dim")
    first, *rest = story.moments
    opening = "; ".join(f"{node}: {state}" for node, state in story.opening.items())
    eventful = [each for each in rest if each.events or each.rules or each.changes or each.step == result.step]
    yield Items((_moment_item(first, layout, opening), *(_moment_item(moment, layout) for moment in eventful)))


def _moment_item(moment: StoryMoment, layout: Layout, opening: str | None = None) -> Item:
    likelihood = format_percent(moment.probability, 0)
    begins = "holds" if opening is not None else "begins to hold"
    beginnings = [(StyledText(text), "") for text in _events_and_rules(moment, begins)]
    changes = [(StyledText(_describe_change(change)), _describe_pushes(change)) for change in moment.changes]
    head = StyledText(moment.step, "bold", "**"), StyledText(likelihood if layout.width else f"({likelihood})")
    return Item(head, (*beginnings, *changes), opening or "")


# The words ----------------------------------------------------------------------------------------------------------


def _describe_likelihood(result: Explanation) -> str:
    percent = format_percent(result.probability, percent_decimals(result.standard_error))
    if "probability" in result.exact:
        return f"Its likelihood is {percent}, found exactly."
    return f"Its likelihood is {percent} (standard error {format_error_phrase(result.standard_error)})."


def _format_log_odds(value: float, decimals: int) -> str:
    """Log-odds with their sign; 0 where rounding leaves nothing."""
    text = f"{value:+.{decimals}f}"
    return text.replace("-", "+") if not text.strip("+-0.") else text


def _part_name(part: DirectPart) -> str:
    match part.kind:
        case "lagged":
            return f"{part.name}, the step before"
        case "rule":
            return f"rule {part.name}"
        case _:
            return part.name


def _part_note(part: DirectPart) -> str:
    """What carries a part: its heaviest cells with their claims."""
    if part.kind == "unexplained":
        return "the baseline: what the cited drivers do not explain"
    by_state: dict[str, list[str]] = {}
    for cell in sorted(part.cells, key=lambda cell: -abs(cell.where_true))[:_MAX_CELLS]:
        points = f"{cell.scenario} {format_signed(cell.points)}{_cite(cell.sources, inferred=cell.inferred)}"
        by_state.setdefault(cell.state if cell.state and part.kind != "rule" else "", []).append(points)
    return "; ".join(f"{state}{': ' if state else ''}{', '.join(points)}" for state, points in by_state.items())


def _cite(sources: Iterable[str], *, inferred: bool) -> str:
    """The claims behind a number, in parentheses."""
    marks = [*sources, *(["inferred"] if inferred else [])]
    return f" ({', '.join(marks)})" if marks else ""


def _is_clear(state: StateEvidence) -> bool:
    errors = state.standard_errors
    if state.otherwise is None or errors.otherwise is None:
        return False
    return state.given - state.otherwise > _CLEAR_ERRORS * float((errors.given**2 + errors.otherwise**2) ** 0.5)


def _format_ratio(state: StateEvidence) -> str:
    if state.ratio is None:
        return "only then"
    return f"{state.ratio:.1f}" if state.ratio < 100 else "> 100"


def _state_note(state: StateEvidence, explained: str) -> str:
    """The points that the state gives directly, with their claims."""
    if not state.points:
        return "gives it nothing directly"
    return f"gives {', '.join(_format_points(points, state, explained) for points in state.points)}"


def _format_points(points: CitedPoints, state: StateEvidence, explained: str) -> str:
    """Points, with the scenario where a group is explained, and the knot where the driver is a number."""
    row, member = points.path.split(".impacts.")[1].rsplit(".", 1)
    to = "" if member == explained else f"{member} "
    at = "" if row == state.state else f" at {row}"
    return f"{to}{format_signed(points.points)}{at}{_cite(points.sources, inferred=points.inferred)}"


def _describe_shift(number: NumberEvidence) -> str:
    mean = f"{number.driver}: {number.given:.3g} on average where it comes true"
    if number.otherwise is None or number.shift is None:
        return f"{mean}."
    is_clear = abs(number.shift) > _CLEAR_ERRORS * (number.standard_errors.shift or 0.0)
    remark = "" if is_clear else "; the difference is within the error of sampling"
    return f"{mean}, {number.otherwise:.3g} where it does not{remark}."


def _describe_change(change: StoryChange) -> str:
    chance = "" if change.pushes else ", by chance"
    return f"{change.node}: {change.before} -> {change.after}{chance}"


def _describe_pushes(change: StoryChange) -> str:
    """What pushed a change; nothing where it came by chance."""
    pushes = [_describe_push(push, change) for push in change.pushes[:_MAX_PUSHES]]
    more = len(change.pushes) - len(pushes)
    return f"{', '.join(pushes)}{f', and {more} more' if more else ''}"


def _describe_push(push: PathContribution, change: StoryChange) -> str:
    claims = _cite(push.sources, inferred=push.inferred)
    if push.kind == "imposed":
        return "imposed"
    if push.kind == "prior":
        return f"likely where {push.state}{claims}"
    points = "" if push.points is None else f" {format_signed(round(push.points, 2))}"
    hold = "" if push.hold is None else f" {format_signed(round(push.hold, 2))} on the hold of {change.before}"
    effect = f"{points}{' and' if points and hold else ''}{hold}{claims}"
    before = " the step before" if push.lag else ""
    if push.kind == "event":
        return f"{push.state}{effect}"
    cause = f"rule {push.of}" if push.kind == "rule" else f"{push.of} = {push.state}"
    return f"{cause}{before}{effect}"


def _events_and_rules(moment: StoryMoment, begins: str) -> Iterator[str]:
    for event in moment.events:
        until = f" until {event.until}" if event.until != moment.step else ""
        yield f"Calendar, {event.node}: {event.title}{until}{_cite(event.sources, inferred=False)}"
    for rule in moment.rules:
        yield f"Rule {rule.rule} {begins}{_cite(rule.sources, inferred=False)}"


# Rows ---------------------------------------------------------------------------------------------------------------


def rows(result: Explanation, _layout: Layout) -> Rows:
    """A row for the scenario, each part, number, state and mean, and each step and change of the story."""
    about = (*model_cells(result.model, result.run.profile), *(result.scenario, result.step, first_day(result.step)))
    yield COLUMNS
    for cells in _row_cells(result):
        yield *about, *(cells.get(column) for column in COLUMNS[len(about) :])


def _row_cells(result: Explanation) -> Iterator[dict[str, Datum]]:
    """The filled cells of each row, by column."""
    yield {"kind": "probability", "value": result.probability, "value_error": result.standard_error}
    if result.direct is not None:
        yield {"kind": "directly", **_averages(result.direct)}
        for part in result.direct.parts:
            name: dict[str, Datum] = {"part": part.kind, "name": part.name}
            yield {"kind": "directly", **name, **_averages(part)}
            yield from ({"kind": "number", **name, **_cited_points(cell)} for cell in part.cells)
    for state in result.states:
        ratio = {"ratio": state.ratio, "ratio_error": state.standard_errors.ratio}
        yield {**_by_truth("state", state), "state": state.state, **ratio, "information": state.information}
    for number in result.numbers:
        yield _by_truth("mean", number)
    for moment in result.story.moments if result.story else ():
        step: dict[str, Datum] = {"at": moment.step, "at_date": first_day(moment.step)}
        yield {"kind": "story", **step, "value": moment.probability}
        for change in moment.changes:
            yield {"kind": "change", **step, "name": change.node, "state": change.after, "before": change.before}


def _averages(part: DirectPart | DirectShares) -> dict[str, Datum]:
    errors = part.standard_errors
    return {
        "value": part.everywhere,
        "value_error": errors.everywhere,
        "where_true": part.where_true,
        "where_true_error": errors.where_true,
    }


def _cited_points(cell: CarriedCell) -> dict[str, Datum]:
    return {
        "state": cell.state,
        "path": cell.path,
        "points": cell.points,
        "for": cell.scenario,
        "value": cell.everywhere,
        "where_true": cell.where_true,
        "sources": " ".join(cell.sources) or None,
        "inferred": cell.inferred,
    }


def _by_truth(kind: str, driver: StateEvidence | NumberEvidence) -> dict[str, Datum]:
    """The cells of a driver where the event is true, and where it is not."""
    errors = driver.standard_errors
    return {
        "kind": kind,
        "name": driver.driver,
        "where_true": driver.given,
        "where_true_error": errors.given,
        "where_not": driver.otherwise,
        "where_not_error": errors.otherwise,
    }
