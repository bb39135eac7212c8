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

from usru_scenarios.report import likelihoods
from usru_scenarios.report.compare import describe_value
from usru_scenarios.report.data import MODEL_COLUMNS, first_day, model_cells
from usru_scenarios.report.document import Column, Heading, Report, Table, bullets, name_column, number_columns
from usru_scenarios.report.likelihoods import format_percent, format_points, percent_decimals
from usru_scenarios.report.numbers import sparkline
from usru_scenarios.report.sentences import capitalize, join_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Datum, Rows
    from usru_scenarios.report.document import Block, Row
    from usru_scenarios.results.ledger import (
        Attribution,
        CalibrationBin,
        History,
        LedgerScore,
        NumberEffect,
        RecordedPoint,
        RecordedSeries,
        RecordLine,
        ScoredForecasts,
        ScoreValues,
        Verification,
    )

_RECORD_COLUMNS = (*MODEL_COLUMNS, "number", "recorded")
_MAX_SPARKLINE = 24
_MIN_ERROR = 0.0005
"""Of sampling: below it the first decimal of a percentage is right."""

FROM_RECORDS = "Each as it was recorded: usru ledger verify computes them again."


def _record_cells(record: RecordLine) -> tuple[Datum, ...]:
    return *model_cells(record.model, record.profile), record.number, record.date


# History --------------------------------------------------------------------------------------------------------------


def history(result: History, layout: Layout) -> Report:
    """What each record said of everything that is asked about; of one thing alone with every record in a row."""
    first, last = result.records[0], result.records[-1]
    series = list(result.series.values())
    is_timed = any(one.kind != "question" for one in series)
    time = f", {describe_time(result.at)}" if is_timed else ""
    points = [point for one in series for point in one.points]
    top = max((point.probability for point in points), default=1.0)
    largest_error = max((point.standard_error for point in points), default=0.0)
    title, course = f"Recorded forecasts{time}", ""
    if len(series) == 1:
        title = f"{series[0].title}{time}"
        course = f", {_draw_course(series[0], top)}" if len(series[0].points) > 1 else ""
    footer = [
        f"{name} {'came' if outcome.came_true else 'did not come'} true, known on {outcome.resolved}."
        for name, one in result.series.items()
        if (outcome := one.resolution) is not None
    ]
    if largest_error >= _MIN_ERROR:
        footer.append(f"Standard errors of sampling are {likelihoods.format_error_bound(largest_error)}.")
    if len(result.records) > 1:
        footer.append(f"Small columns rise from 0% to {format_percent(top, 0)}.")
    return Report(
        title,
        subtitle=f"{format_count(len(result.records), 'record')}, {describe_period(first.date, last.date)}{course}",
        blocks=[_record_table(result, series[0]) if len(series) == 1 else _series_table(result, layout, top)],
        footer=[*footer, FROM_RECORDS],
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
    """The first and the last day."""
    return first if first == last else f"{first} to {last}"


def format_count(number: int, noun: str) -> str:
    """A number with its noun, as in `1 record` or `2 records`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _format_probability(point: RecordedPoint) -> str:
    if point.standard_error < _MIN_ERROR:
        return format_percent(point.probability, 1)
    return likelihoods.format_rounded_percent(point.probability, point.standard_error)


def _draw_course(series: RecordedSeries, top: float) -> str:
    return sparkline([point.probability for point in series.points], top, _MAX_SPARKLINE)


def _format_change(before: RecordedPoint | None, after: RecordedPoint) -> str:
    if before is None:
        return ""
    places = percent_decimals(max(before.standard_error, after.standard_error))
    return format_points(after.probability - before.probability, places)


def _series_table(result: History, layout: Layout, top: float) -> Table:
    """A row for each thing: the first and the last forecast of it, and the course between."""
    columns = [name_column(), *number_columns(["likelihood"])]
    if len(result.records) > 1:
        first, last = Column("first", "number", rank=1), Column("last", "number")
        change, course = Column("change", "number", rank=2), Column("course", no_wrap=True, rank=3)
        columns = [name_column(), first, last, change, course]
    rows: list[Row] = []
    for name, series in result.series.items():
        label = name if series.kind != "scenario" or not layout.width else series.title
        cells = ["none"] * (len(columns) - 1)
        if series.points:
            first_point, last_point = series.points[0], series.points[-1]
            cells = [_format_probability(last_point)]
            if len(result.records) > 1:
                change_cells = _format_change(first_point, last_point), _draw_course(series, top)
                cells = [_format_probability(first_point), *cells, *change_cells]
        rows.append((label, *cells))
    return Table(columns, rows)


def _record_table(result: History, series: RecordedSeries) -> Table:
    """A row for each record that knows the one thing that is asked about."""
    records = {record.number: record for record in result.records}
    columns = [
        *number_columns(["no."]),
        Column("recorded", no_wrap=True),
        *number_columns(["likelihood"]),
        Column("change", "number", rank=1),
        Column("message", takes_rest=True, folds=True, rank=2),
    ]
    rows: list[Row] = []
    for before, point in zip((None, *series.points), series.points, strict=False):
        record = records[point.number]
        change = _format_change(before, point)
        rows.append((str(record.number), record.date, _format_probability(point), change, record.message))
    return Table(columns, rows)


def history_rows(result: History, _layout: Layout) -> Rows:
    """A row for each record and thing."""
    yield (
        *(*_RECORD_COLUMNS, "kind", "what", "at", "step", "date"),
        *("probability", "standard_error", "band_low", "band_high", "message"),
    )
    records = {record.number: record for record in result.records}
    for name, series in result.series.items():
        at = None if series.kind == "question" else result.at
        for point in series.points:
            record = records[point.number]
            step = point.step, point.step and first_day(point.step)
            numbers = point.probability, point.standard_error, point.low, point.high
            yield *_record_cells(record), series.kind, name, at, *step, *numbers, record.message


# Score ----------------------------------------------------------------------------------------------------------------

SCORE_NAMES = ("brier", "log", "rps", "baseline")
_SCORE_HEADS = {"brier": "Brier", "log": "log", "rps": "RPS", "baseline": "baseline"}
_KIND_HEADINGS = {"question": "Questions", "step": "The scenario at a step"}
_KIND_NOUNS = {"question": "questions", "step": "steps"}
_EQUAL_SCORES = 0.0005
"""Scores that are nearer are shown alike."""


def score(result: LedgerScore, _layout: Layout) -> Report:
    """The means for each who forecast, first of questions and then of steps; and what each came to."""
    blocks: list[Block] = []
    for kind, means in result.means.items():
        blocks += [Heading(_KIND_HEADINGS[kind]), _score_table(means, kind)]
    if result.resolutions:
        blocks += [Heading("What came"), _resolution_table(result)]
    if result.unscored:
        blocks.append(bullets(f"{name}: {why}" for name, why in result.unscored.items()))
    if result.calibration is not None:
        blocks += [Heading("Calibration"), _calibration_table(result.calibration)]
    return Report(
        title="How good were the forecasts?",
        subtitle=f"{format_count(len(result.resolutions), 'resolution')} in {result.evidence}, up to {result.as_of}",
        blocks=blocks,
        verdict=_describe_scores(result.means),
        footer=list(_score_footer(result)),
    )


def _describe_scores(means: Mapping[str, Mapping[str, ScoredForecasts]]) -> str:
    """Than whose forecasts the recorded ones were better."""
    kinds_by_rank: dict[str, list[str]] = {}
    for kind, of_kind in means.items():
        kinds_by_rank.setdefault(_describe_rank(of_kind), []).append(_KIND_NOUNS[kind])
    return " ".join(
        f"By the Brier score of {join_names(kinds)}, what was recorded was {rank}."
        for rank, kinds in kinds_by_rank.items()
    )


def _describe_rank(means: Mapping[str, ScoredForecasts]) -> str:
    """How the recorded forecasts compare with the others over the days."""
    own = means["recorded"].time_weighted.brier or 0.0
    gaps = {who: (mean.time_weighted.brier or 0.0) - own for who, mean in means.items() if who != "recorded"}
    ranks = {
        "better than": [who for who, gap in gaps.items() if gap >= _EQUAL_SCORES],
        "as good as": [who for who, gap in gaps.items() if abs(gap) < _EQUAL_SCORES],
        "worse than": [who for who, gap in gaps.items() if gap <= -_EQUAL_SCORES],
    }
    if len(ranks["better than"]) == len(gaps):
        return "better than all others"
    return ", ".join(f"{rank} {join_names(others)}" for rank, others in ranks.items() if others)


def _score_table(means: Mapping[str, ScoredForecasts], kind: str) -> Table:
    """A row for each who forecast; the numbers are means over the days, and last ones."""
    names = ("brier", "log", "baseline") if kind == "question" else SCORE_NAMES
    ranks = {"brier": 0, "log": 0, "rps": 2, "baseline": 1}
    heads = [Column(_SCORE_HEADS[name], "number", rank=ranks[name]) for name in names]
    last = [Column(f"last\n{_SCORE_HEADS[name]}", "number", rank=3) for name in ("brier", "log")]
    differ = len({mean.resolutions for mean in means.values()}) > 1
    counts = [Column("of", "number", rank=1)] if differ else []
    rows = [
        (
            who,
            *([f"{mean.resolutions:,}"] if differ else []),
            *(_format_score(mean.time_weighted, name) for name in names),
            *(_format_score(mean.last, name) for name in ("brier", "log")),
        )
        for who, mean in means.items()
    ]
    return Table([name_column("mean over days"), *counts, *heads, *last], rows)


def _format_score(values: ScoreValues, name: str) -> str:
    score: float | None = getattr(values, name)
    if score is None:
        return "-inf" if name == "baseline" else "inf"
    return f"{score:.1f}" if name == "baseline" else f"{score:.3f}"


def _resolution_table(result: LedgerScore) -> Table:
    columns = [
        name_column(),
        Column("known", no_wrap=True, rank=2),
        Column("came", no_wrap=True),
        *number_columns(["last"]),
        Column("records", "number", rank=3),
        Column("Brier", "number", rank=1),
    ]
    rows: list[Row] = []
    for name, resolution in result.resolutions.items():
        state = max(resolution.outcome, key=resolution.outcome.__getitem__)
        share = resolution.outcome[state]
        # judged by likelihoods, it has a share
        came = state if share == 1.0 else f"{state} ({format_percent(share, 0)})"
        brier = _format_score(resolution.scores["recorded"].time_weighted, "brier")
        last = format_percent(resolution.last[state], 1)
        rows.append((name, resolution.known, came, last, f"{len(resolution.records):,}", brier))
    return Table(columns, rows)


def _calibration_table(bins: Sequence[CalibrationBin]) -> Table:
    rows: list[Row] = []
    for each in bins:
        forecast, share = format_percent(each.mean_forecast, 0), format_percent(each.share_true, 0)
        rows.append((f"{100 * each.low:.0f}\u2013{100 * each.high:.0f}%", f"{each.forecasts:,}", forecast, share))
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
        resolved = sum(resolution.kind == "question" for resolution in result.resolutions.values())
        questions = f"{format_count(resolved, 'resolved question')}, of {result.needed} that it needs"
        yield f"Too few to speak of calibration: {questions}."
    if any("first model" in means for means in result.means.values()):
        yield "first model: the model of the first record, under what had been seen at each later one."


def score_rows(result: LedgerScore, _layout: Layout) -> Rows:
    """A row for each resolution and each who forecast it; scores as means over days, and last ones."""
    yield (
        *(*MODEL_COLUMNS, "kind", "what", "step", "date", "known", "forecaster", "records"),
        *(*SCORE_NAMES, *(f"last_{score}" for score in SCORE_NAMES)),
    )
    model = model_cells(result.model, result.run.profile)
    for name, resolution in result.resolutions.items():
        step = (resolution.title, first_day(resolution.title)) if resolution.kind == "step" else (None, None)
        cells = resolution.kind, name, *step, resolution.known
        for who, scored in resolution.scores.items():
            scores = (getattr(values, score) for values in (scored.time_weighted, scored.last) for score in SCORE_NAMES)
            yield *model, *cells, who, float(len(resolution.records)), *scores


# Why ------------------------------------------------------------------------------------------------------------------

_PARTS = ("judgement", "evidence", "time", "noise")
_PART_RANKS = {"judgement": 0, "evidence": 0, "time": 3, "noise": 1}
_POINT_DECIMALS = 2
_MAX_NUMBERS = 20


def why(result: Attribution, _layout: Layout) -> Report:
    """The parts of each change, then what single observations and single numbers of the model do."""
    blocks: list[Block] = [_change_table(result)]
    if result.items:
        heads = _effect_columns(result)
        rows = [(item.item, *_format_effects(item.effects, result)) for item in result.items]
        blocks += [
            Heading("What was seen, one after the other, in the later model"),
            Table([name_column(), *heads], rows),
        ]
    if result.numbers:
        blocks += [Heading("What the models say differently"), _number_table(result)]
    earlier, later = result.earlier, result.later
    return Report(
        title=f"Why did the forecast move, {describe_time(result.at)}?",
        subtitle=f"from number {earlier.number} of {earlier.date} to number {later.number} of {later.date}",
        blocks=blocks,
        footer=list(_why_footer(result)),
    )


def _change_table(result: Attribution) -> Table:
    heads = [Column("from", "number", rank=2), Column("to", "number", rank=2), Column("change", "number")]
    heads += [Column(part, "number", rank=_PART_RANKS[part], drop_noted=True) for part in _PARTS]
    rows: list[Row] = []
    for name, change in result.changes.items():
        parts = [format_points(getattr(change, part), _POINT_DECIMALS) for part in ("change", *_PARTS)]
        rows.append((name, format_percent(change.before, 1), format_percent(change.after, 1), *parts))
    return Table([name_column(), *heads], rows)


def _effect_columns(result: Attribution) -> list[Column]:
    return [
        Column(name.replace("_", "\n"), "number", rank=place, drop_noted=True)
        for place, name in enumerate(result.changes)
    ]


def _format_effects(effects: Mapping[str, float], result: Attribution) -> Iterator[str]:
    for name in result.changes:
        yield format_points(effects[name], _POINT_DECIMALS) if name in effects else ""


def _number_table(result: Attribution) -> Table:
    has_effects = any(number.effects for number in result.numbers)
    rows = [
        (number.path, *_format_values(number), *(_format_effects(number.effects, result) if has_effects else ()))
        for number in result.numbers[:_MAX_NUMBERS]
    ]
    values = [Column("was", folds=True, min_width=4), Column("is", folds=True, min_width=4)]
    return Table([name_column(), *values, *(_effect_columns(result) if has_effects else [])], rows)


def _format_values(number: NumberEffect) -> tuple[str, str]:
    """A number in the earlier model, and in the later one."""
    return describe_value(number.before, "-"), describe_value(number.after, "-")


def _why_footer(result: Attribution) -> Iterator[str]:
    yield (
        "In points; the parts sum to the change. Judgement, evidence and time are Shapley values on the random numbers "
        "of the earlier record; noise is what is left: other trials, another seed or version."
    )
    if not any(change.time for change in result.changes.values()):
        add = 'usru evidence FILE --add "quiet: {from: ..., to: ..., of: [...]}"'
        quiet = f": that nothing happened counts once an item says so, and none does; {add}"
        if result.quiet:
            quiet = f"; that nothing happened counts as evidence: {', '.join(result.quiet)}"
        yield f"Time alone moves nothing at a fixed step{quiet}."
    if any(number.effects for number in result.numbers):
        yield "Numbers each alone in the earlier model, without what was seen."
    if len(result.numbers) > _MAX_NUMBERS:
        yield f"And {len(result.numbers) - _MAX_NUMBERS} more numbers: see --json."
    if result.note:
        yield f"{capitalize(result.note).rstrip('.')}."


def why_rows(result: Attribution, _layout: Layout) -> Rows:
    """A row for each `change` with its parts, and for the change that each `observation` and `number` makes."""
    yield *MODEL_COLUMNS, "kind", "what", "item", "before", "after", "change", *_PARTS
    model, nothing = model_cells(result.model, result.run.profile), (None,) * len(_PARTS)
    for name, change in result.changes.items():
        parts = [getattr(change, part) for part in _PARTS]
        yield *model, "change", name, None, change.before, change.after, change.change, *parts
        for item in result.items:
            yield *model, "observation", name, item.item, None, None, item.effects[name], *nothing
        for number in result.numbers:
            if name in number.effects:
                yield *model, "number", name, number.path, *_format_values(number), number.effects[name], *nothing


# Verify ---------------------------------------------------------------------------------------------------------------

_VERDICTS = {
    "same": "the same digits",
    "within_errors": "within sampling error",
    "differs": "other numbers",
    "not_recomputed": "not computed again",
}


def verification(result: Verification, _layout: Layout) -> Report:
    """What is wrong with the ledger, and what became of each record."""
    verdicts = {recomputed.number: _VERDICTS[recomputed.verdict] for recomputed in result.recomputed}
    rows = [(str(record.number), record.date, verdicts[record.number], record.message) for record in result.records]
    columns = [
        *number_columns(["no."]),
        Column("recorded", no_wrap=True),
        Column("computed again", no_wrap=True),
        Column("message", takes_rest=True, folds=True, rank=1),
    ]
    blocks: list[Block] = [Table(columns, rows)] if rows else []
    fault_lines: list[str] = []
    for fault in result.faults:
        fault_lines += [f"line {fault.line}: {fault.message}", *([f"  = {fault.hint}"] if fault.hint else [])]
    if fault_lines:
        blocks.append(bullets(fault_lines))
    return Report(
        title="The ledger is whole" if result.whole else f"The ledger has {format_count(len(result.faults), 'fault')}",
        subtitle=format_count(result.lines, "line"),
        blocks=blocks,
        footer=[
            *([f"{capitalize(result.done)}."] if result.done else []),
            "The chain of hashes shows changes of all lines but the last; computing again shows those of its numbers.",
        ],
    )


def verification_rows(result: Verification, _layout: Layout) -> Rows:
    """A row for each line that is a record or has a fault."""
    yield *_RECORD_COLUMNS, "verdict", "largest_difference", "faults", "message"
    records = {record.number: record for record in result.records}
    recomputed = {each.number: each for each in result.recomputed}
    for number in sorted({*records, *(fault.line for fault in result.faults)}):
        faults = [fault for fault in result.faults if fault.line == number]
        cells = _record_cells(records[number]) if number in records else (None, None, None, number, None)
        again = recomputed.get(number)
        verdict = (again.verdict, again.largest) if again is not None else (None, None)
        codes = " ".join(fault.code for fault in faults)
        yield *cells, *verdict, codes, faults[0].message if faults else ""
