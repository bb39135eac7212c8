"""The forecasts of a ledger once more, from the resolved files that it keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from math import hypot
from typing import TYPE_CHECKING, Any, NamedTuple

from usru_scenarios.ledger.records import NumberedRecord, make_record
from usru_scenarios.light_dataclasses import asdict, dataclass, field, replace
from usru_scenarios.problems import ModelError, QueryError, UnreadableInput, UsruError, to_printable
from usru_scenarios.results.ledger import ForecastRecord, LedgerFault, Recomputed
from usru_scenarios.results.simulate import StatesResult, ValuesResult

if TYPE_CHECKING:
    from pathlib import Path

    from usru_scenarios.ledger.store import LedgerFolder
    from usru_scenarios.reading.evidence import EvidenceText
    from usru_scenarios.sampler.blocks import MapBlocks
    from usru_scenarios.study import Study

MOST_STANDARD_ERRORS = 4.5
"""Two numbers further apart than so many standard errors of both are not those of the same model."""

ROUNDING_TOLERANCE = 2e-6
"""Probabilities closer than that are the same to the digits of a record."""


class NotRecomputed(UnreadableInput):
    """The model of a record can't be had again."""


class RecordedConditions(NamedTuple):
    """What a record was made under: interventions, observations, and the evidence file by its hash, up to a day.

    Attributes:
        items: of the evidence file that act alone; None for all.
    """

    do: tuple[str, ...]
    given: tuple[str, ...]
    evidence: str | None
    as_of: str | None
    items: tuple[str, ...] | None = None


def recorded_conditions(record: ForecastRecord) -> RecordedConditions:
    """What a record was made under."""
    used = record.run.evidence
    seen = (None, None) if used is None else (used.sha256, used.as_of)
    return RecordedConditions(tuple(record.run.do), tuple(record.run.given), *seen)


class ForecastParts(NamedTuple):
    """Which parts of a forecast are wanted.

    Attributes:
        scenarios: whether those of scenarios and drivers are.
        questions: the ids of those that are; None for all.
    """

    scenarios: bool = True
    questions: frozenset[str] | None = None


ALL_PARTS = ForecastParts()


@dataclass
class Recomputation:
    """Recorded models, loaded once each, and what is asked of them again.

    Attributes:
        folder: the ledger.
        map_blocks: gives what runs the blocks of trials of one run.
    """

    folder: LedgerFolder
    map_blocks: Callable[[], MapBlocks]
    left_out: dict[str, str] = field(default_factory=dict)
    """What had been observed and means nothing in a model that was asked, with the reason."""
    _studies: dict[str, Study] = field(default_factory=dict)
    _cached_forecasts: dict[tuple[object, ...], ForecastRecord] = field(default_factory=dict)

    def study(self, record: ForecastRecord) -> Study:
        """The model of a record.

        Raises:
            NotRecomputed: its resolved file is missing, can't be read, or is that of another model.
        """
        sha256 = record.model.sha256
        if sha256 not in self._studies:
            self._studies[sha256] = self._load_study(sha256)
        return self._studies[sha256]

    def _load_study(self, sha256: str) -> Study:
        from usru_scenarios.reading.request import Request
        from usru_scenarios.study import load_cached

        path = self.folder.model_file(sha256)
        if not path.exists():
            raise _missing_file_error(path)
        try:
            study = load_cached(Request.of(path))
        except UsruError as error:
            raise NotRecomputed(to_printable(str(error).splitlines()[0])) from error
        if study.outline.model.sha256 != sha256:
            raise NotRecomputed(to_printable(f"{path} was changed: it holds another model"), _restore_hint(path))
        return study

    def forecast_under(
        self,
        record: ForecastRecord,
        conditions: RecordedConditions,
        profile: str | None = None,
        parts: ForecastParts = ALL_PARTS,
    ) -> ForecastRecord:
        """What the model of a record says under conditions, with the settings of the record; remembered.

        Of conditions that are not its own, those that mean nothing in it are left out, and noted in `left_out`: a later
        record may have observed what an earlier model has no word for.

        Args:
            record: whose model it is.
            conditions: what it is asked under.
            profile: of the model, to be applied to it.
            parts: of the record that are wanted; the others are empty.

        Raises:
            NotRecomputed: the model, or what had been seen, can't be had.
            UsruError: it can't be asked so.
        """
        key = record.model.sha256, record.asked, conditions, profile, parts
        if key not in self._cached_forecasts:
            study = self.study(record) if profile is None else self.study(record).varied(profile=profile)
            self._cached_forecasts[key] = self._compute(study, record, conditions, parts)
        return replace(self._cached_forecasts[key], date=record.date, message=record.message)

    def _compute(
        self, study: Study, record: ForecastRecord, conditions: RecordedConditions, parts: ForecastParts
    ) -> ForecastRecord:
        given = conditions.given
        if conditions.evidence is not None:
            evidence = self._read_evidence(conditions.evidence, conditions.items)
            study = self._with_evidence(study, evidence, conditions.as_of)
        if conditions != recorded_conditions(record):
            given = tuple(observation for observation in given if self._observation_applies(study, observation))
        return repeat_forecast(study, record, {"do": conditions.do, "given": given}, self.map_blocks, parts)

    def quiet_items(self, record: ForecastRecord, items: Sequence[str]) -> list[str]:
        """Those of some items, by their ids, that say in the evidence of a record that nothing happened.

        Raises:
            NotRecomputed: what had been seen can't be had.
        """
        run_evidence = record.run.evidence
        if run_evidence is None or not items:
            return []
        items_by_name = self._read_evidence(run_evidence.sha256, None).file.evidence
        return [name for name in items if name in items_by_name and items_by_name[name].quiet is not None]

    def _with_evidence(self, study: Study, text: EvidenceText, as_of: str | None) -> Study:
        """The model with the items that mean something in it."""
        try:
            return study.knowing(text, as_of=as_of)
        except ModelError:
            applicable = [name for name in text.file.evidence if self._item_applies(study, text, name)]
            return study.knowing(_select_items(text, applicable), as_of=as_of)

    def _item_applies(self, study: Study, text: EvidenceText, name: str) -> bool:
        try:
            study.knowing(_select_items(text, [name]))
        except ModelError as error:
            # a warning may come first
            self.left_out[name] = next(fault.message for fault in error.problems if fault.severity == "error")
            return False
        return True

    def _observation_applies(self, study: Study, given: str) -> bool:
        """Whether an observation of the command line means something in the model."""
        from usru_scenarios.language.query import parse_observation

        try:
            parse_observation(given, study.outline, study.program, source="--given")
        except QueryError as error:
            self.left_out[given] = error.problem.message
            return False
        return True

    def _read_evidence(self, sha256: str, items: tuple[str, ...] | None) -> EvidenceText:
        """What had been seen, as the ledger keeps it; without resolutions, for an older model has other questions."""
        from usru_scenarios.reading.evidence import read_evidence

        path = self.folder.evidence_file(sha256)
        if not path.exists():
            raise _missing_file_error(path)
        text = read_evidence(path)
        if text.sha256 != sha256:
            raise NotRecomputed(to_printable(f"{path} was changed: it holds other evidence"), _restore_hint(path))
        return _select_items(text, text.file.evidence if items is None else items)


def _select_items(text: EvidenceText, names: Iterable[str]) -> EvidenceText:
    """A file of evidence with these of its items alone, in their order there, and no resolutions."""
    wanted = set(names)
    items = {name: item for name, item in text.file.evidence.items() if name in wanted}
    return replace(text, file=text.file.model_copy(update={"resolutions": {}, "evidence": items}))


def _missing_file_error(path: Path) -> NotRecomputed:
    return NotRecomputed(to_printable(f"there is no {path}"), _restore_hint(path))


def _restore_hint(path: Path) -> str:
    return to_printable(f"the history of the folder may have it: git log -- {path}")


def repeat_forecast(
    study: Study,
    like: ForecastRecord,
    conditions: dict[str, Any],
    map_blocks: Callable[[], MapBlocks],
    parts: ForecastParts = ALL_PARTS,
) -> ForecastRecord:
    """The forecast of a model under conditions, with all else as in a record.

    Args:
        study: the model, with what has been seen.
        like: whose date, message and settings it has.
        conditions: by the names that `Study` takes.
        map_blocks: gives what runs the blocks of trials of one run.
        parts: that are wanted.

    Raises:
        UsruError: as for `Study.simulate`.
    """
    settings = {name: value for name, value in asdict(like.asked).items() if value is not None}
    simulation = study.simulate(**conditions, **settings, map_blocks=map_blocks()) if parts.scenarios else None
    questions = study.loaded.model.questions
    if parts.questions is not None:
        questions = {name: question for name, question in questions.items() if name in parts.questions}
    meanings = [question.means for question in questions.values()]
    answers = study.answers(meanings, **conditions, **settings, map_blocks=map_blocks()) if meanings else None
    return make_record(
        like if simulation is None else simulation,
        questions,
        answers,
        date=like.date,
        message=like.message,
        asked=like.asked,
    )


def compare_with_record(number: int, record: ForecastRecord, again: ForecastRecord) -> Recomputed:
    """Whether a record and the forecast that its model gives now are the same, or as near as their errors allow."""
    recorded, recomputed = (dict(recorded_numbers(each)) for each in (record, again))
    if recorded.keys() != recomputed.keys():
        return Recomputed(number, "differs", None, "it speaks of other things")
    largest, worst, most = 0.0, "", 0.0
    same = True
    for place, (value, error) in recorded.items():
        other, other_error = recomputed[place]
        same &= value == other
        difference = abs(value - other)
        tolerance = MOST_STANDARD_ERRORS * hypot(error, other_error) + ROUNDING_TOLERANCE * max(1.0, abs(value))
        largest = max(largest, difference)
        if difference / tolerance > most:
            most, worst = difference / tolerance, place
    if same:
        return Recomputed(number, "same", 0.0)
    if most <= 1.0:
        return Recomputed(number, "within_errors", largest)
    reason = f"{worst} was {recorded[worst][0]:g} and is {recomputed[worst][0]:g}"
    return Recomputed(number, "differs", largest, reason)


def recorded_numbers(record: ForecastRecord) -> Iterator[tuple[str, tuple[float, float]]]:
    """Every number of a record with its standard error, by its place."""
    for name, scenario in chain(record.scenarios.items(), record.groups.items()):
        errors = scenario.standard_errors
        yield from _numbers_by_step(record, name, scenario.by_step, errors.by_step)
        yield f"{name} @ mean", (scenario.mean, errors.mean)
        yield f"{name} @ ever", (scenario.ever, errors.ever)
    for name, node in chain(record.drivers.items(), record.consequences.items()):
        if isinstance(node, StatesResult):
            for state, series in node.by_step.items():
                yield from _numbers_by_step(record, f"{name}={state}", series, node.standard_errors[state])
        elif isinstance(node, ValuesResult):
            yield from _numbers_by_step(record, f"mean of {name}", node.mean, node.standard_errors.mean)
    for name, question in record.questions.items():
        if question.probability is not None:
            yield name, (question.probability, question.standard_error or 0.0)


def _numbers_by_step(
    record: ForecastRecord, name: str, series: Sequence[float], errors: Sequence[float]
) -> Iterator[tuple[str, tuple[float, float]]]:
    for step, value, error in zip(record.run.steps, series, errors, strict=True):
        yield f"{name} @ {step}", (value, error)


def recompute_records(records: Sequence[NumberedRecord], recomputation: Recomputation) -> Iterator[Recomputed]:
    """Ask the model of each record again, one after the other, and compare."""
    for number, record in records:
        try:
            again = recomputation.forecast_under(record, recorded_conditions(record))
            yield compare_with_record(number, record, again)
        except UsruError as error:
            yield Recomputed(number, "not_recomputed", None, str(error).splitlines()[0])


def recomputation_faults(results: Sequence[Recomputed]) -> Iterator[LedgerFault]:
    """The results that are faults of the ledger."""
    for result in results:
        if result.verdict == "not_recomputed":
            message = f"the forecast can't be computed again: {result.reason}"
            yield LedgerFault("no_model", result.number, message, "the history of the folder may have the file")
        elif result.verdict == "differs":
            message = f"the model gives other numbers: {result.reason}"
            yield LedgerFault(
                "differs", result.number, message, "the record was changed, or the program answers otherwise"
            )
