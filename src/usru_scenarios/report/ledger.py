"""What the ledger of forecasts says, for people and as rows.

Rows of `ledger history`, one for each record that knows what is asked about:

| column                      | meaning                                                                        |
|-----------------------------|--------------------------------------------------------------------------------|
| `model`, `model_hash`       | the name of the record's model, and the first 8 digits of its hash             |
| `profile`                   | that was applied, or empty                                                     |
| `number`, `recorded`        | the line of the record in the ledger, and its day                              |
| `kind`, `what`, `at`        | scenario, group, state or question; its name; the time, of a question none     |
| `step`, `date`              | the step that the time means in that record, and its first day                 |
| `probability`               | that it holds there                                                            |
| `standard_error`            | of sampling, of the probability                                                |
| `band_low`, `band_high`     | the 90% band that comes from uncertain judgements; empty where none is drawn   |
| `message`                   | what was said of the record                                                    |

Rows of `ledger verify`, one for each record: the same columns up to `recorded`, then `verdict`, `largest_difference` of
a likelihood, `faults` by their codes, and the first of their `message`s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.report.compare import describe_value
from usru_scenarios.report.data import MODEL_COLUMNS, first_day, model_cells
from usru_scenarios.report.document import (
    Column,
    Heading,
    Lines,
    Report,
    StyledText,
    Table,
    name_column,
    number_columns,
)
from usru_scenarios.report.forecast_in_words import join_names
from usru_scenarios.report.likelihoods import (
    format_error_bound,
    format_percent,
    format_points,
    format_rounded_percent,
    percent_decimals,
)
from usru_scenarios.report.numbers import sparkline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Datum, Rows
    from usru_scenarios.report.document import Block, Cell
    from usru_scenarios.results.ledger import (
        Attribution,
        CalibrationBin,
        History,
        LedgerFault,
        LedgerScore,
        NumberEffect,
        RecordedPoint,
        RecordedSeries,
        RecordLine,
        ScoredForecasts,
        ScoredResolution,
        ScoreValues,
        Verification,
    )

_RECORD = (*MODEL_COLUMNS, "number", "recorded")
_LONGEST_SPARKLINE = 24

FROM_RECORDS = "Each as it was recorded: usru ledger verify computes them again."


def _record_cells(one: RecordLine) -> tuple[Datum, ...]:
    return *model_cells(one.model, one.profile), one.number, one.date


# History --------------------------------------------------------------------------------------------------------------


def history(result: History, layout: Layout) -> Report:
    """What each record said of everything that is asked about; of one thing alone with every record in a row."""
    first, last = result.records[0], result.records[-1]
    one = next(iter(result.series.items()))
    alone = len(result.series) == 1
    course = f", {_drawn(one[1], _top(result))}" if alone and len(one[1].points) > 1 else ""
    when = (
        "" if all(series.kind == "question" for series in result.series.values()) else f", {describe_time(result.at)}"
    )
    return Report(
        title=f"{one[1].title}{when}" if alone else f"Recorded forecasts{when}",
        subtitle=f"{format_count(len(result.records), 'record')}, {describe_period(first.date, last.date)}{course}",
        blocks=[*([_each_record(result, one[1])] if alone else []), *([] if alone else [_overview(result, layout)])],
        footer=[*_outcomes(result), *filter(None, (_errors(result), _small_columns(result))), FROM_RECORDS],
    )


def describe_time(at: str) -> str:
    """The time at which recorded forecasts are read, in words."""
    words = {
        "start": "at the start",
        "end": "at the end",
        "now": "at the step of each record",
        "mean": "on average over the steps",
        "ever": "at any step",
    }
    return words.get(at, f"at {at}")


def describe_period(first: str, last: str) -> str:
    """From one day to another."""
    return first if first == last else f"{first} to {last}"


def format_count(number: int, noun: str) -> str:
    """So many of what a noun names."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _outcomes(result: History) -> Iterator[str]:
    """How questions came out, where that is known."""
    for name, one in result.series.items():
        if (known := one.resolution) is not None:
            yield f"{name} {'came' if known.came_true else 'did not come'} true, known on {known.resolved}."


_LEAST_ERROR = 0.0005
"""Of sampling: below it the first decimal of a percentage is right."""


def _errors(result: History) -> str:
    largest = max((point.standard_error for one in result.series.values() for point in one.points), default=0.0)
    return f"Standard errors of sampling are {format_error_bound(largest)}." if largest >= _LEAST_ERROR else ""


def _small_columns(result: History) -> str:
    return f"Small columns rise from 0% to {format_percent(_top(result), 0)}." if len(result.records) > 1 else ""


def _top(result: History) -> float:
    """The highest likelihood of any record."""
    return max((point.probability for one in result.series.values() for point in one.points), default=1.0)


def _value(point: RecordedPoint) -> str:
    if point.standard_error < _LEAST_ERROR:
        return format_percent(point.probability, 1)
    return format_rounded_percent(point.probability, point.standard_error)


def _drawn(series: RecordedSeries, top: float) -> str:
    return sparkline([point.probability for point in series.points], top, _LONGEST_SPARKLINE)


def _change(before: RecordedPoint | None, after: RecordedPoint) -> str:
    if before is None:
        return ""
    return format_points(
        after.probability - before.probability, percent_decimals(max(before.standard_error, after.standard_error))
    )


def _overview(result: History, layout: Layout) -> Table:
    """A row for each thing: the first and the last forecast of it, and the course between."""
    several = len(result.records) > 1
    last = number_columns(["last" if several else "likelihood"])
    columns = [name_column(), *([Column("first", "number", rank=1)] if several else []), *last]
    columns += [Column("change", "number", rank=2), Column("course", "text", no_wrap=True, rank=3)] if several else []
    rows: list[tuple[Cell, ...]] = []
    top = _top(result)
    for name, series in result.series.items():
        first, end = series.points[:1], series.points[-1:]
        shown = name if series.kind != "scenario" or not layout.width else series.title
        if not end:
            rows.append((shown, *(["none"] * (len(columns) - 1))))
        elif several:
            rows.append((shown, _value(first[0]), _value(end[0]), _change(first[0], end[0]), _drawn(series, top)))
        else:
            rows.append((shown, _value(end[0])))
    return Table(columns, rows)


def _each_record(result: History, series: RecordedSeries) -> Table:
    """A row for each record that knows the one thing that is asked about."""
    lines = {one.number: one for one in result.records}
    columns = [
        *number_columns(["no."]),
        Column("recorded", no_wrap=True),
        *number_columns(["likelihood"]),
        Column("change", "number", rank=1),
        Column("message", takes_rest=True, folds=True, rank=2),
    ]
    rows: list[tuple[Cell, ...]] = []
    before: RecordedPoint | None = None
    for point in series.points:
        line = lines[point.number]
        rows.append((str(line.number), line.date, _value(point), _change(before, point), line.message))
        before = point
    return Table(columns, rows)


def history_rows(result: History, _layout: Layout) -> Rows:
    """A row for each record and thing."""
    yield (
        *(*_RECORD, "kind", "what", "at", "step", "date"),
        *("probability", "standard_error", "band_low", "band_high", "message"),
    )
    lines = {one.number: one for one in result.records}
    for name, series in result.series.items():
        at = None if series.kind == "question" else result.at
        for point in series.points:
            line = lines[point.number]
            found = point.probability, point.standard_error, point.low, point.high
            when = point.step, point.step and first_day(point.step)
            yield *_record_cells(line), series.kind, name, at, *when, *found, line.message


# Score ----------------------------------------------------------------------------------------------------------------

SCORE_NAMES = ("brier", "log", "rps", "baseline")


def score(result: LedgerScore, _layout: Layout) -> Report:
    """The means for each who forecast, first of questions and then of steps; and what each came to."""
    blocks: list[Block] = []
    for kind, means in result.means.items():
        blocks += [Heading(_NAMES[kind]), _means(means, kind)]
    if result.resolutions:
        blocks += [Heading("What came"), _resolutions(result)]
    if result.unscored:
        blocks.append(Lines(tuple(StyledText(f"{name}: {why}") for name, why in result.unscored.items()), as_list=True))
    if result.calibration is not None:
        blocks += [Heading("Calibration"), _calibration(result.calibration)]
    return Report(
        title="How good were the forecasts?",
        subtitle=f"{format_count(len(result.resolutions), 'resolution')} in {result.evidence}, up to {result.as_of}",
        blocks=blocks,
        verdict=_verdict(result.means),
        footer=list(_score_footer(result)),
    )


_NAMES = {"question": "Questions", "step": "The scenario at a step"}


_ALIKE = 0.0005
"""Scores that are nearer are shown alike."""


def _verdict(means: Mapping[str, Mapping[str, ScoredForecasts]]) -> str:
    """Than whose forecasts the recorded ones were better."""
    said: dict[str, list[str]] = {}
    for kind, found in means.items():
        said.setdefault(_beside_others(found), []).append(_OF[kind])
    return " ".join(
        f"By the Brier score of {join_names(kinds)}, what was recorded was {how}." for how, kinds in said.items()
    )


_OF = {"question": "questions", "step": "steps"}


def _beside_others(means: Mapping[str, ScoredForecasts]) -> str:
    """How the recorded forecasts compare with the others over the days."""
    own = means["recorded"].time_weighted.brier or 0.0
    behind = {who: (one.time_weighted.brier or 0.0) - own for who, one in means.items() if who != "recorded"}
    found = {
        "better than": [who for who, by in behind.items() if by >= _ALIKE],
        "as good as": [who for who, by in behind.items() if abs(by) < _ALIKE],
        "worse than": [who for who, by in behind.items() if by <= -_ALIKE],
    }
    if len(found["better than"]) == len(behind):
        return "better than all others"
    return ", ".join(f"{how} {join_names(those)}" for how, those in found.items() if those)


def _means(means: Mapping[str, ScoredForecasts], kind: str) -> Table:
    """A row for each who forecast; the numbers are means over the days, and last ones."""
    shown = ("brier", "log", "baseline") if kind == "question" else SCORE_NAMES
    ranks = {"brier": 0, "log": 0, "rps": 2, "baseline": 1}
    heads = [Column(f"{_HEADS[name]}", "number", rank=ranks[name]) for name in shown]
    last = [Column(f"last\n{_HEADS[name]}", "number", rank=3) for name in ("brier", "log")]
    several = len({one.resolutions for one in means.values()}) > 1
    counts = [Column("of", "number", rank=1)] if several else []
    rows = [
        (
            name,
            *([f"{one.resolutions:,}"] if several else []),
            *(_number(one.time_weighted, of) for of in shown),
            *(_number(one.last, of) for of in ("brier", "log")),
        )
        for name, one in means.items()
    ]
    return Table([name_column("mean over days"), *counts, *heads, *last], rows)


_HEADS = {"brier": "Brier", "log": "log", "rps": "RPS", "baseline": "baseline"}


def _number(values: ScoreValues, name: str) -> str:
    found: float | None = getattr(values, name)
    if found is None:
        return "-inf" if name == "baseline" else "inf"
    return f"{found:.1f}" if name == "baseline" else f"{found:.3f}"


def _resolutions(result: LedgerScore) -> Table:
    columns = [
        name_column(),
        Column("known", no_wrap=True, rank=2),
        Column("came", no_wrap=True),
        *number_columns(["last"]),
    ]
    columns += [Column("records", "number", rank=3), Column("Brier", "number", rank=1)]
    rows = [
        (
            name,
            one.known,
            _came(one),
            format_percent(one.last[max(one.outcome, key=one.outcome.__getitem__)], 1),
            f"{len(one.records):,}",
            _number(one.scores["recorded"].time_weighted, "brier"),
        )
        for name, one in result.resolutions.items()
    ]
    return Table(columns, rows)


def _came(one: ScoredResolution) -> str:
    """What came; the most likely one where it was judged by likelihoods, with its share."""
    state = max(one.outcome, key=one.outcome.__getitem__)
    return state if one.outcome[state] == 1.0 else f"{state} ({format_percent(one.outcome[state], 0)})"


def _calibration(bins: Sequence[CalibrationBin]) -> Table:
    rows = [
        (
            f"{100 * one.low:.0f}\u2013{100 * one.high:.0f}%",
            f"{one.forecasts:,}",
            format_percent(one.mean_forecast, 0),
            format_percent(one.share_true, 0),
        )
        for one in bins
    ]
    return Table([Column("forecast", no_wrap=True), *number_columns(["questions", "mean forecast", "came true"])], rows)


def _score_footer(result: LedgerScore) -> Iterator[str]:
    if not result.resolutions:
        yield (
            "Nothing that was forecast is known yet: how a question came out stands under 'resolutions' in the "
            "evidence file, which scenario it was at a step under 'evidence'."
        )
        return
    ranked = ", RPS, in the file's order and not divided, from 0" if "step" in result.means else ""
    yield f"Brier is from 0, the best, to 2, log (nats) from 0{ranked}; baseline 0 at even odds, 100 at best."
    yield "Each day until it was known counts alike, with the forecast of that day; last: the one before it was known."
    if result.calibration is None:
        resolved = sum(one.kind == "question" for one in result.resolutions.values())
        what = f"{format_count(resolved, 'resolved question')}, of {result.needed} that it needs"
        yield f"Too few to speak of calibration: {what}."
    if any("first model" in one for one in result.means.values()):
        yield "first model: the model of the first record, under what had been seen at each later one."


def _step(one: ScoredResolution) -> tuple[str | None, str | None]:
    """The step that is scored, and its first day; nothing of a question."""
    return (one.title, first_day(one.title)) if one.kind == "step" else (None, None)


def score_rows(result: LedgerScore, _layout: Layout) -> Rows:
    """A row for each resolution and each who forecast it; scores as means over days, and last ones."""
    yield (
        *(*MODEL_COLUMNS, "kind", "what", "step", "date", "known", "forecaster", "records"),
        *(*SCORE_NAMES, *(f"last_{of}" for of in SCORE_NAMES)),
    )
    model = model_cells(result.model, result.run.profile)
    for name, one in result.resolutions.items():
        for who, found in one.scores.items():
            scores = (getattr(values, of) for values in (found.time_weighted, found.last) for of in SCORE_NAMES)
            yield *model, one.kind, name, *_step(one), one.known, who, float(len(one.records)), *scores


# Why ------------------------------------------------------------------------------------------------------------------

_PARTS = ("judgement", "evidence", "time", "noise")


def why(result: Attribution, _layout: Layout) -> Report:
    """The parts of each change, then what single observations and single numbers of the model do."""
    blocks: list[Block] = [_changes(result)]
    if result.items:
        heads = _effect_columns(result)
        rows = [(one.item, *_effects(one.effects, result)) for one in result.items]
        blocks += [
            Heading("What was seen, one after the other, in the later model"),
            Table([name_column(), *heads], rows),
        ]
    if result.numbers:
        blocks += [Heading("What the models say differently"), _numbers_of(result)]
    earlier, later = result.earlier, result.later
    return Report(
        title=f"Why did the forecast move, {describe_time(result.at)}?",
        subtitle=f"from number {earlier.number} of {earlier.date} to number {later.number} of {later.date}",
        blocks=blocks,
        footer=list(_why_footer(result)),
    )


def _changes(result: Attribution) -> Table:
    ranks = {"judgement": 0, "evidence": 0, "time": 3, "noise": 1}
    heads = [Column("from", "number", rank=2), Column("to", "number", rank=2), Column("change", "number")]
    heads += [Column(part, "number", rank=ranks[part], drop_noted=True) for part in _PARTS]
    rows = [
        (
            name,
            format_percent(one.before, 1),
            format_percent(one.after, 1),
            format_points(one.change, _POINTS),
            *(format_points(getattr(one, part), _POINTS) for part in _PARTS),
        )
        for name, one in result.changes.items()
    ]
    return Table([name_column(), *heads], rows)


_POINTS = 2
"""Decimals of parts of a change, in points."""


def _effect_columns(result: Attribution) -> list[Column]:
    return [
        Column(name.replace("_", "\n"), "number", rank=place, drop_noted=True)
        for place, name in enumerate(result.changes)
    ]


def _effects(effects: Mapping[str, float], result: Attribution) -> Iterator[str]:
    for name in result.changes:
        yield format_points(effects[name], _POINTS) if name in effects else ""


def _numbers_of(result: Attribution) -> Table:
    known = any(one.effects for one in result.numbers)
    rows = [
        (one.path, *_said(one), *(_effects(one.effects, result) if known else ()))
        for one in result.numbers[:_MOST_NUMBERS]
    ]
    said = [Column("was", folds=True, min_width=4), Column("is", folds=True, min_width=4)]
    return Table([name_column(), *said, *(_effect_columns(result) if known else [])], rows)


_MOST_NUMBERS = 20


def _said(one: NumberEffect) -> tuple[str, str]:
    """What the earlier model says of a number, and what the later one."""
    return describe_value(one.before, "-"), describe_value(one.after, "-")


def _why_footer(result: Attribution) -> Iterator[str]:
    yield (
        "In points; the parts sum to the change. Judgement, evidence and time are Shapley values on the random numbers "
        "of the earlier record; noise is what is left: other trials, another seed or version."
    )
    if not any(one.time for one in result.changes.values()):
        yield f"Time alone moves nothing at a fixed step{_what_did_not_happen(result)}."
    if any(one.effects for one in result.numbers):
        yield "Numbers each alone in the earlier model, without what was seen."
    if len(result.numbers) > _MOST_NUMBERS:
        yield f"And {len(result.numbers) - _MOST_NUMBERS} more numbers: see --json."
    if result.note:
        yield f"{result.note[:1].upper()}{result.note[1:].rstrip('.')}."


def _what_did_not_happen(result: Attribution) -> str:
    """Whether it was observed, and how it can be."""
    if result.quiet:
        return f"; that nothing happened counts as evidence: {', '.join(result.quiet)}"
    wanted = '"quiet: {from: ..., to: ..., of: [...]}"'
    return f": that nothing happened counts once an item says so, and none does; usru evidence FILE --add {wanted}"


def why_rows(result: Attribution, _layout: Layout) -> Rows:
    """A row for each `change` with its parts, and for the change that each `observation` and `number` makes."""
    yield *MODEL_COLUMNS, "kind", "what", "item", "before", "after", "change", *_PARTS
    model, nothing = model_cells(result.model, result.run.profile), (None,) * len(_PARTS)
    for name, one in result.changes.items():
        parts = [getattr(one, part) for part in _PARTS]
        yield *model, "change", name, None, one.before, one.after, one.change, *parts
        for item in result.items:
            yield *model, "observation", name, item.item, None, None, item.effects[name], *nothing
        for number in result.numbers:
            if name in number.effects:
                yield *model, "number", name, number.path, *_said(number), number.effects[name], *nothing


# Verify ---------------------------------------------------------------------------------------------------------------

_VERDICTS = {
    "same": "the same digits",
    "within_errors": "within sampling error",
    "differs": "other numbers",
    "not_recomputed": "not computed again",
}


def verification(result: Verification, _layout: Layout) -> Report:
    """What is wrong with the ledger, and what became of each record."""
    found = {one.number: one for one in result.recomputed}
    rows = [(str(one.number), one.date, _VERDICTS[found[one.number].verdict], one.message) for one in result.records]
    columns = [
        *number_columns(["no."]),
        Column("recorded", no_wrap=True),
        Column("computed again", no_wrap=True),
        Column("message", takes_rest=True, folds=True, rank=1),
    ]
    wrong = format_count(len(result.faults), "fault")
    blocks: list[Block] = [Table(columns, rows)] if rows else []
    if result.faults:
        blocks.append(
            Lines(tuple(StyledText(line) for one in result.faults for line in _fault_lines(one)), as_list=True)
        )
    return Report(
        title="The ledger is whole" if result.whole else f"The ledger has {wrong}",
        subtitle=format_count(result.lines, "line"),
        blocks=blocks,
        footer=[
            *([f"{result.done[:1].upper()}{result.done[1:]}."] if result.done else []),
            "The chain of hashes shows changes of all lines but the last; computing again shows those of its numbers.",
        ],
    )


def _fault_lines(one: LedgerFault) -> Iterator[str]:
    yield f"line {one.line}: {one.message}"
    if one.hint:
        yield f"  = {one.hint}"


def verification_rows(result: Verification, _layout: Layout) -> Rows:
    """A row for each line that is a record or has a fault."""
    yield *_RECORD, "verdict", "largest_difference", "faults", "message"
    lines = {one.number: one for one in result.records}
    found = {one.number: one for one in result.recomputed}
    for number in sorted({*lines, *(one.line for one in result.faults)}):
        wrong = [one for one in result.faults if one.line == number]
        cells = _record_cells(lines[number]) if number in lines else (None, None, None, number, None)
        again = found.get(number)
        verdict = (again.verdict, again.largest) if again is not None else (None, None)
        yield *cells, *verdict, " ".join(one.code for one in wrong), wrong[0].message if wrong else ""
