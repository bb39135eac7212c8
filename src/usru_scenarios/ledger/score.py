"""How good the recorded forecasts were, by what is known now: derived from records and evidence at every call."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

from usru_scenarios.ledger.chain import Chain
from usru_scenarios.ledger.history import require_records
from usru_scenarios.ledger.recompute import ForecastParts, Recomputation, recorded_conditions
from usru_scenarios.ledger.records import NumberedRecord, step_number
from usru_scenarios.ledger.scores import LEAST_FOR_CALIBRATION, all_scores, calibration_bins, mean_scores
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import UsruError
from usru_scenarios.results.ledger import ForecastRecord, LedgerScore, ScoredForecasts, ScoredResolution, ScoreValues

if TYPE_CHECKING:
    from usru_scenarios.questions.evidence.items import Evidence, LearnedItem

YES, NO = "yes", "no"
"""The two states of a question."""

RECORDED, FIRST_KEPT, FIRST_MODEL, EVEN = "recorded", "first record kept", "first model", "even odds"
"""Whose forecasts are scored, beside each profile."""


class KnownOutcome(NamedTuple):
    """How something came out.

    Attributes:
        kind: a question, or the scenario at a step.
        name: its id, or the label of the step.
        day: on which it was known.
        outcome: the share of each state in what came.
    """

    kind: Literal["question", "step"]
    name: str
    day: str
    outcome: dict[str, float]


def known_outcomes(evidence: Evidence, record: ForecastRecord) -> list[KnownOutcome]:
    """What an evidence file says of questions and of the scenario at steps; facts before likelihoods.

    Args:
        evidence: the file, held against the model of the record.
        record: whose scenarios and steps they are.
    """
    questions = [
        KnownOutcome("question", name, one.resolved, {YES: float(one.came_true), NO: float(not one.came_true)})
        for name, one in evidence.resolutions.items()
    ]
    return [*questions, *_known_scenarios(evidence.items, record)]


def _known_scenarios(items: Sequence[LearnedItem], record: ForecastRecord) -> Iterator[KnownOutcome]:
    """The scenario at each step of which the file says which one it was, as a fact or by likelihoods of all."""
    states, steps = list(record.scenarios), record.run.steps
    facts: dict[int, tuple[str, dict[str, float]]] = {}
    judged: dict[int, tuple[str, dict[str, float]]] = {}
    for item in items:
        if item.fact is not None:
            name, _, at = (part.strip() for part in item.fact.partition("@"))
            step = step_number(record, at)
            if name in states and step is not None:
                facts.setdefault(step, (item.learned, {one: float(one == name) for one in states}))
        for hint in (hint for hint in item.hints if hint.node == OUTCOME and hint.is_found is None):
            step = hint.steps[-1]
            _, before = judged.get(step, ("", dict.fromkeys(states, 1.0)))
            judged[step] = item.learned, {one: before[one] * hint.mean_likelihoods[one] for one in states}
    for step, (day, shares) in sorted((judged | facts).items()):
        total = math.fsum(shares.values())
        yield KnownOutcome("step", steps[step], day, {name: share / total for name, share in shares.items()})


@dataclass(frozen=True)
class _Scorer:
    """Scores what is known.

    Attributes:
        records: those of the ledger, in the order of their days.
        again: asks their models again.
        parts: of forecasts that are needed for it.
    """

    records: list[NumberedRecord]
    again: Recomputation
    parts: ForecastParts

    def score(self, known: KnownOutcome) -> ScoredResolution | str:
        """The scores of what is known, or why there are none."""
        standing = [one for one in self.records if one.record.date < known.day]
        recorded = [
            (one, found) for one in standing if (found := forecast_probabilities(one.record, known)) is not None
        ]
        if not recorded:
            return f"no record of a day before {known.day} forecasts it"
        standing = [one for one, _ in recorded]
        days = _days_standing(standing, known.day)
        forecasts = [found for _, found in recorded]
        series: dict[str, list[list[float]]] = {RECORDED: forecasts, FIRST_KEPT: [forecasts[0]] * len(forecasts)}
        first = standing[0].record
        if (frozen := self._forecasts_by_model(standing, known, lambda _: first)) is not None:
            series[FIRST_MODEL] = frozen
        for profile in self._shared_profiles(standing):
            if (under := self._forecasts_by_model(standing, known, lambda one: one, profile)) is not None:
                series[f"profile {profile}"] = under
        series[EVEN] = [[1.0 / len(known.outcome)] * len(known.outcome)] * len(forecasts)
        outcome = list(known.outcome.values())
        return ScoredResolution(
            kind=known.kind,
            title=standing[-1].record.questions[known.name].asks if known.kind == "question" else known.name,
            known=known.day,
            outcome=known.outcome,
            records=[one.number for one in standing],
            last=dict(zip(known.outcome, forecasts[-1], strict=True)),
            scores={name: _score_series(one, outcome, days) for name, one in series.items()},
        )

    def _shared_profiles(self, standing: Sequence[NumberedRecord]) -> list[str]:
        """The profiles that all of these models have, where none is applied already."""
        if any(one.record.run.profile is not None for one in standing):
            return []
        try:
            several = [list(self.again.study(one.record).loaded.model.profiles) for one in standing]
        except UsruError:
            return []
        return [name for name in several[0] if all(name in names for names in several)]

    def _forecasts_by_model(
        self,
        standing: Sequence[NumberedRecord],
        known: KnownOutcome,
        model: Callable[[ForecastRecord], ForecastRecord],
        profile: str | None = None,
    ) -> list[list[float]] | None:
        """What other models forecast under the conditions of each record; None where one can't be asked."""
        found = []
        for _, record in standing:
            try:
                other = self.again.forecast_under(model(record), recorded_conditions(record), profile, self.parts)
            except UsruError:
                return None
            forecast = forecast_probabilities(other, known)
            if forecast is None:
                return None
            found.append(forecast)
        return found


def forecast_probabilities(record: ForecastRecord, known: KnownOutcome) -> list[float] | None:
    """What a record says of something, by its states in their order; None where it knows nothing of it."""
    if known.kind == "question":
        question = record.questions.get(known.name)
        if question is None or question.probability is None:
            return None
        return [question.probability, 1.0 - question.probability]
    step = step_number(record, known.name)
    if step is None or record.scenarios.keys() != known.outcome.keys():
        return None
    return [record.scenarios[name].by_step[step] for name in known.outcome]


def _days_standing(standing: Sequence[NumberedRecord], known: str) -> list[float]:
    """For how many days each record stood, until the next one or the day on which it was known."""
    dates = [date.fromisoformat(day) for day in (*(one.record.date for one in standing), known)]
    return [float((after - before).days) for before, after in pairwise(dates)]


def _score_series(
    series: Sequence[Sequence[float]], outcome: Sequence[float], days: Sequence[float]
) -> ScoredForecasts:
    found = [all_scores(forecast, outcome) for forecast in series]
    return ScoredForecasts(1, mean_scores(zip(found, days, strict=True)), found[-1])


def score_ledger(chain: Chain, again: Recomputation, evidence: Evidence) -> LedgerScore:
    """How good the recorded forecasts were.

    Args:
        chain: the ledger.
        again: asks recorded models again.
        evidence: how things came out, held against the model of the last record.

    Raises:
        LedgerError: there is no record.
    """
    records = require_records(chain)
    known = known_outcomes(evidence, records[-1].record)
    asked = frozenset(one.name for one in known if one.kind == "question")
    parts = ForecastParts(any(one.kind == "step" for one in known), asked)
    scorer = _Scorer(records, again, parts)
    found = {one.name: scorer.score(one) for one in known}
    scored = {name: one for name, one in found.items() if not isinstance(one, str)}
    last = [(one.last[YES], one.outcome[YES] == 1.0) for one in scored.values() if one.kind == "question"]
    return LedgerScore(
        model=records[-1].record.model,
        run=records[-1].record.run,
        evidence=evidence.name,
        as_of=evidence.as_of,
        resolutions=scored,
        means={
            kind: _mean_scores_by_forecast([one for one in scored.values() if one.kind == kind])
            for kind in ("question", "step")
            if any(one.kind == kind for one in scored.values())
        },
        calibration=calibration_bins(last),
        needed=LEAST_FOR_CALIBRATION,
        unscored={name: one for name, one in found.items() if isinstance(one, str)},
        skipped=chain.unreadable_lines,
    )


def _mean_scores_by_forecast(scored: Sequence[ScoredResolution]) -> dict[str, ScoredForecasts]:
    """The means over resolutions, each of which counts alike, of everybody who forecast any."""
    names = list(dict.fromkeys(name for one in scored for name in one.scores))
    order = [*(name for name in names if name != EVEN), EVEN]
    means = {}
    for name in order:
        own = [one.scores[name] for one in scored if name in one.scores]
        weighted: list[tuple[ScoreValues, float]] = [(one.time_weighted, 1.0) for one in own]
        last = [(one.last, 1.0) for one in own]
        means[name] = replace(own[0], resolutions=len(own), time_weighted=mean_scores(weighted), last=mean_scores(last))
    return means
