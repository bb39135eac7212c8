"""A forecast as a line of the ledger, and what such a line says of a scenario, a state or a question."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from usru_scenarios.problems import UsageError, list_choices, suggest_name, to_printable
from usru_scenarios.results.ask import Answer
from usru_scenarios.results.ledger import (
    AskedSettings,
    ForecastRecord,
    RecordedErrors,
    RecordedPoint,
    RecordedQuestion,
    RecordedScenario,
    RecordLine,
)
from usru_scenarios.results.simulate import Simulation, StatesResult
from usru_scenarios.timeline import TimeError, parse_date, parse_day

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from usru_scenarios.model.schema import DatedQuestion
    from usru_scenarios.results.ask import Answers
    from usru_scenarios.results.simulate import ScenarioResult

DIGITS, ERROR_DIGITS = 6, 3
"""Significant digits of the numbers of a record and of their errors: below any error of sampling, above what machines
differ by."""


Entry = TypeVar("Entry")


class LedgerError(UsageError):
    """Something was asked of the ledger that makes no sense, or that it is not in a state for."""


class UnreadableRecord(ValueError):  # noqa: N818  # it never leaves the package
    """A line that is no record, and why.

    Attributes:
        hint: what helps; empty where nothing does but the line as it was.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(message)


class NumberedRecord(NamedTuple):
    """A record with its line in the ledger, from 1."""

    number: int
    record: ForecastRecord

    @property
    def as_line(self) -> RecordLine:
        """Which record it is, as results say it."""
        record = self.record
        return RecordLine(self.number, record.date, record.message, record.model, record.run.profile)


# Making a record ------------------------------------------------------------------------------------------------------


def make_record(
    simulation: Simulation | ForecastRecord,
    questions: Mapping[str, DatedQuestion],
    answers: Answers | None,
    *,
    date: str,
    message: str,
    asked: AskedSettings,
) -> ForecastRecord:
    """The record of a forecast, without the hash of the line before.

    Args:
        simulation: the forecast; of a record its head alone.
        questions: those of the file, by id.
        answers: to what they mean, in their order; None where there are none.
        date: the day of the forecast.
        message: what is said of it.
        asked: what was asked of the run.
    """
    all_answers = answers.in_order() if answers is not None else ()
    full = simulation if isinstance(simulation, Simulation) else None
    record = ForecastRecord(
        date=date,
        message=message,
        model=simulation.model,
        run=simulation.run,
        asked=asked,
        scenarios={name: _recorded_scenario(result) for name, result in full.scenarios.items()} if full else {},
        groups={name: _recorded_scenario(result) for name, result in full.groups.items()} if full else {},
        drivers=full.drivers if full else {},
        consequences=full.consequences if full else {},
        questions={
            name: _recorded_question(question, answer)
            for (name, question), answer in zip(questions.items(), all_answers, strict=True)
        },
    )
    data = record.to_dict()
    return _validate_record({**data, **{part: _round_numbers(data[part]) for part in _NUMERIC_PARTS}})


_NUMERIC_PARTS = ("scenarios", "groups", "drivers", "consequences", "questions")


def _recorded_scenario(scenario: ScenarioResult) -> RecordedScenario:
    errors = scenario.standard_errors
    return RecordedScenario(
        scenario.title,
        scenario.by_step,
        scenario.mean,
        scenario.ever,
        RecordedErrors(errors.by_step, errors.mean, errors.ever),
        scenario.band,
    )


def _recorded_question(question: DatedQuestion, answer: object) -> RecordedQuestion:
    asked = question.asks, question.means, question.closes
    if not isinstance(answer, Answer):
        return RecordedQuestion(*asked, None, None)
    low, high = (answer.band.low, answer.band.high) if answer.band is not None else (None, None)
    return RecordedQuestion(*asked, answer.value, answer.standard_error, low, high)


def _round_numbers(part: Any, digits: int = DIGITS) -> Any:
    if isinstance(part, float):
        return float(f"{part:.{digits}g}")
    if isinstance(part, dict):
        return {
            key: _round_numbers(entry, ERROR_DIGITS if key in _ERROR_KEYS else digits) for key, entry in part.items()
        }
    return [_round_numbers(entry, digits) for entry in part] if isinstance(part, list) else part


_ERROR_KEYS = ("standard_errors", "standard_error")


# Lines ----------------------------------------------------------------------------------------------------------------


def encode_record(record: ForecastRecord, prev: str | None) -> bytes:
    """The line of a record, without its line break, behind a line with such a hash."""
    return encode_line({**record.to_dict(), "prev": prev})


def encode_line(data: Mapping[str, Any]) -> bytes:
    """The line of plain data."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def read_line(line: bytes) -> ForecastRecord:
    """The record that a line holds.

    Raises:
        UnreadableRecord: it holds none.
    """
    try:
        data = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise UnreadableRecord("it is no text in UTF-8") from None
    except RecursionError:
        raise UnreadableRecord("it is nested too deep") from None
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError):
            raise UnreadableRecord(f"it is no JSON at column {error.colno}: {_lower_first(error.msg)}") from None
        raise UnreadableRecord(f"it is no JSON: {error}") from None
    if not isinstance(data, dict):
        raise UnreadableRecord("it is no JSON object")
    later = _is_later_version(data.get("format"))
    try:
        record = _validate_record({**data, "format": "usru.forecast/1.0"})
        _check_record(record)
    except UnreadableRecord as error:
        raise UnreadableRecord(str(error), _LATER_VERSION_HINT if later else "") from None
    return record


_LATER_VERSION_HINT = "a later version of usru wrote it, and reads it"


def _is_later_version(written: object) -> bool:
    """Whether a record is of a later minor version of the format than this program's.

    Raises:
        UnreadableRecord: it is of another major version, or of another format.
    """
    version = re.fullmatch(r"usru\.forecast/([0-9]{1,4})\.([0-9]{1,4})", written if isinstance(written, str) else "")
    if version is None or version[1] != "1":
        hint = _LATER_VERSION_HINT if version and int(version[1]) > 1 else ""
        raise UnreadableRecord(f"its format is {to_printable(json.dumps(written))[:60]}, not usru.forecast/1.0", hint)
    return version[2] != "0"


def _lower_first(text: str) -> str:
    return f"{text[:1].lower()}{text[1:]}"


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _validate_record(data: Mapping[str, Any]) -> ForecastRecord:
    from pydantic import ValidationError

    try:
        return _record_validator().validate_python(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise UnreadableRecord(to_printable(f"{place}: {_lower_first(first['msg'])}")) from None


@cache
def _record_validator() -> TypeAdapter[ForecastRecord]:
    from pydantic import TypeAdapter

    return TypeAdapter(ForecastRecord)


def _check_record(record: ForecastRecord) -> None:
    """Refuse a record whose numbers make no sense.

    Raises:
        UnreadableRecord: they do not.
    """
    _check_dates(record)
    hashes = {"model.sha256": record.model.sha256}
    if record.run.evidence is not None:
        hashes["run.evidence.sha256"] = record.run.evidence.sha256
    for place, sha256 in hashes.items():
        if not re.fullmatch("[0-9a-f]{64}", sha256):
            raise UnreadableRecord(f"{place} is no SHA-256 in hexadecimal")
    steps = len(record.run.steps)
    for place, series in _series_by_step(record):
        if len(series) != steps:
            raise UnreadableRecord(f"{place} has {len(series)} numbers for {steps} steps")
    for place, probabilities in _probability_lists(record):
        if not all(0.0 <= probability <= 1.0 for probability in probabilities):
            raise UnreadableRecord(f"{place} has a number that is no probability")


def _check_dates(record: ForecastRecord) -> None:
    try:
        parse_day(record.date)
    except TimeError as error:
        raise UnreadableRecord(f"date: {error}") from None
    if not record.run.steps:
        raise UnreadableRecord("run.steps is empty")
    try:
        for label in record.run.steps:
            _ = label == "now" or parse_date(label)
    except TimeError as error:
        raise UnreadableRecord(f"run.steps: {error}") from None


def _series_by_step(record: ForecastRecord) -> Iterator[tuple[str, list[float]]]:
    """Every list with a number for each step, with its place."""
    for place, scenario in _entries_by_place(scenarios=record.scenarios, groups=record.groups):
        yield f"{place}.by_step", scenario.by_step
        yield f"{place}.standard_errors.by_step", scenario.standard_errors.by_step
        if scenario.band is not None:
            yield from ((f"{place}.band.low", scenario.band.low), (f"{place}.band.high", scenario.band.high))
    for place, node in _entries_by_place(drivers=record.drivers, consequences=record.consequences):
        errors = f"{place}.standard_errors"
        if isinstance(node, StatesResult):
            yield from _series_with_errors(f"{place}.by_step", node.by_step, errors, node.standard_errors)
        else:
            yield from ((f"{place}.mean", node.mean), (f"{errors}.mean", node.standard_errors.mean))
            yield from _series_with_errors(
                f"{place}.quantiles", node.quantiles, f"{errors}.quantiles", node.standard_errors.quantiles
            )


def _series_with_errors(
    place: str, numbers: Mapping[str, list[float]], errors_place: str, errors: Mapping[str, list[float]]
) -> Iterator[tuple[str, list[float]]]:
    """Series by name, and the errors of each; an error that is missing is none for any step."""
    for name, series in numbers.items():
        yield f"{place}.{name}", series
        yield f"{errors_place}.{name}", errors.get(name, [])


def _probability_lists(record: ForecastRecord) -> Iterator[tuple[str, list[float]]]:
    """Every list of probabilities, with its place."""
    for place, scenario in _entries_by_place(scenarios=record.scenarios, groups=record.groups):
        yield f"{place}.by_step", scenario.by_step
        yield from ((f"{place}.mean", [scenario.mean]), (f"{place}.ever", [scenario.ever]))
    for place, node in _entries_by_place(drivers=record.drivers, consequences=record.consequences):
        if isinstance(node, StatesResult):
            yield from ((f"{place}.by_step.{state}", series) for state, series in node.by_step.items())
    for name, question in record.questions.items():
        if question.probability is not None:
            yield f"questions.{name}.probability", [question.probability]


def _entries_by_place(**sections: Mapping[str, Entry]) -> Iterator[tuple[str, Entry]]:
    """The entries of sections of a record, each with its place in the record."""
    for section, entries in sections.items():
        yield from ((f"{section}.{name}", entry) for name, entry in entries.items())


def record_warnings(record: ForecastRecord, previous: ForecastRecord | None) -> Iterator[str]:
    """What may not be meant of a record that is appended behind another."""
    name = record.model.name
    if previous is not None and previous.model.name != name:
        yield (
            f"the record before it is of {previous.model.name} and this one of {name}: history, why and score look at "
            "the records of one model; --ledger DIR keeps them apart"
        )
    last = record.run.steps[-1]
    if last != "now" and (end := parse_date(last)).month + end.length <= parse_date(record.date).month:
        yield f"{record.date} is after the last step of the model, {last}"


# What a record says ---------------------------------------------------------------------------------------------------

EventKind = Literal["scenario", "group", "state", "question"]
MEASURES = ("start", "end", "now", "mean", "ever")
"""At what scenarios can be read beside a step; `now` is the step of the record's own day."""


def event_kind(record: ForecastRecord, name: str) -> EventKind | None:
    """What a name means in a record: a scenario, group, question, or a state (`driver.state` or `driver=state`)."""
    if name in record.scenarios:
        return "scenario"
    if name in record.groups:
        return "group"
    if name in record.questions:
        return "question"
    return "state" if _state_series(record, name) is not None else None


def event_title(record: ForecastRecord, name: str) -> str:
    """What a record calls something that it knows."""
    match event_kind(record, name):
        case "scenario":
            return record.scenarios[name].title
        case "group":
            return record.groups[name].title
        case "question":
            return record.questions[name].asks
    return name


def known_names(record: ForecastRecord) -> list[str]:
    """All names that a record knows."""
    nodes = {**record.drivers, **record.consequences}
    states = (
        f"{name}.{state}" for name, node in nodes.items() if isinstance(node, StatesResult) for state in node.by_step
    )
    return [*record.scenarios, *record.groups, *record.questions, *states]


def _state_series(record: ForecastRecord, name: str) -> tuple[list[float], list[float]] | None:
    """The probabilities of a state at each step, and their errors."""
    node_name, _, state = name.replace("=", ".", 1).partition(".")
    node = {**record.consequences, **record.drivers}.get(node_name)
    if not isinstance(node, StatesResult) or state not in node.by_step:
        return None
    return node.by_step[state], node.standard_errors[state]


def check_names(records: list[NumberedRecord], names: list[str]) -> None:
    """Refuse names that no record knows.

    Raises:
        LedgerError: there is one.
    """
    for name in names:
        if all(event_kind(numbered.record, name) is None for numbered in records):
            known = list(dict.fromkeys(other for numbered in records for other in known_names(numbered.record)))
            who = "no record knows" if len(records) > 1 else f"number {records[0].number} does not know"
            message = f"{who} '{to_printable(name)}', as a scenario, group, driver.state or question"
            raise LedgerError(message, suggest_name(name, known) or list_choices(known))


def recorded_point(numbered: NumberedRecord, name: str, at: str) -> RecordedPoint | None:
    """What a record says of something it knows; None where it knows nothing of it at that time.

    Args:
        numbered: the record.
        name: a scenario, group, `driver.state` or question, which has its own time.
        at: the label of a step, or one of `MEASURES`.
    """
    record = numbered.record
    match event_kind(record, name):
        case "question":
            question = record.questions[name]
            if question.probability is None:
                return None
            return RecordedPoint(
                numbered.number, question.probability, question.standard_error or 0.0, question.low, question.high
            )
        case "scenario" | "group" as kind:
            return _scenario_point(numbered, (record.scenarios if kind == "scenario" else record.groups)[name], at)
        case "state":
            series, step = _state_series(record, name), step_number(record, at)
            if series is None or step is None:
                return None
            probabilities, errors = series
            return RecordedPoint(numbered.number, probabilities[step], errors[step], step=record.run.steps[step])
    return None


def _scenario_point(numbered: NumberedRecord, scenario: RecordedScenario, at: str) -> RecordedPoint | None:
    if at == "mean":
        return RecordedPoint(numbered.number, scenario.mean, scenario.standard_errors.mean)
    if at == "ever":
        return RecordedPoint(numbered.number, scenario.ever, scenario.standard_errors.ever)
    if (step := step_number(numbered.record, at)) is None:
        return None
    low, high = (None, None) if scenario.band is None else (scenario.band.low[step], scenario.band.high[step])
    label, errors = numbered.record.run.steps[step], scenario.standard_errors.by_step
    return RecordedPoint(numbered.number, scenario.by_step[step], errors[step], low, high, label)


def step_number(record: ForecastRecord, at: str) -> int | None:
    """The number of the step that a time means in a record; None where the record has none for it."""
    steps = record.run.steps
    if at in ("start", "end"):
        return 0 if at == "start" else len(steps) - 1
    if at in steps:
        return steps.index(at)
    return step_of_day(steps, record.date) if at == "now" else None


def step_of_day(steps: list[str], day: str) -> int | None:
    """The step within which a day lies; None where there is none."""
    month = parse_date(day).month
    for number, label in enumerate(steps):
        if label != "now":
            date = parse_date(label)
            if date.month <= month < date.month + date.length:
                return number
    return None


def check_time(records: list[NumberedRecord], at: str) -> None:
    """Refuse a time that no record has.

    Raises:
        LedgerError: none has it.
    """
    steps = list(dict.fromkeys(step for numbered in records for step in numbered.record.run.steps))
    if at not in MEASURES and at not in steps:
        hint = suggest_name(at, [*steps, *MEASURES]) or f"{', '.join(MEASURES)} or a step: {', '.join(steps[:3])}, ..."
        whose = "the step of no record" if len(records) > 1 else f"no step of number {records[0].number}"
        raise LedgerError(f"--at {to_printable(at)} is {whose}", hint)


def missing_point_error(numbered: NumberedRecord, name: str, at: str) -> LedgerError:
    """Why a record that knows something says nothing of it at a time."""
    if event_kind(numbered.record, name) == "question":
        message = (
            f"number {numbered.number} has no answer to '{to_printable(name)}': what it is conditional on is impossible"
        )
        return LedgerError(message, "--of names another")
    if at == "now":
        message = f"the day of number {numbered.number}, {numbered.record.date}, lies in no step of its model"
        return LedgerError(message, "--at end, or a step that both have")
    return LedgerError(
        f"number {numbered.number} says nothing of '{to_printable(name)}' @ {to_printable(at)}", "another --at may be"
    )


def asked_settings(settings: Mapping[str, Any]) -> AskedSettings:
    """What options ask of a run."""
    return AskedSettings(
        settings.get("trials"), settings.get("seed", 1), settings.get("method", "auto"), settings.get("judgements")
    )
