"""How good the recorded forecasts were, by what is known now: derived from records and evidence at every call.

The scores are proper ones of probabilities over the states of what was forecast, method (63). Where what came is known
by shares alone, each is the mean over these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

from usru_scenarios.ledger.chain import Chain
from usru_scenarios.ledger.history import require_records
from usru_scenarios.ledger.recompute import ForecastParts, Recomputation, recorded_conditions
from usru_scenarios.ledger.records import NumberedRecord, step_number
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import UsruError
from usru_scenarios.results.ledger import (
    CalibrationBin,
    ForecastRecord,
    LedgerScore,
    ScoredForecasts,
    ScoredResolution,
    ScoreValues,
)

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
    outcomes = []
    for name, resolution in evidence.resolutions.items():
        shares = {YES: float(resolution.came_true), NO: float(not resolution.came_true)}
        outcomes.append(KnownOutcome("question", name, resolution.resolved, shares))
    return [*outcomes, *_known_scenarios(evidence.items, record)]


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
                facts.setdefault(step, (item.learned, {scenario: float(scenario == name) for scenario in states}))
        for hint in (hint for hint in item.hints if hint.node == OUTCOME and hint.is_found is None):
            step = hint.steps[-1]
            _, before = judged.get(step, ("", dict.fromkeys(states, 1.0)))
            judged[step] = (
                item.learned,
                {scenario: before[scenario] * hint.mean_likelihoods[scenario] for scenario in states},
            )
    for step, (day, shares) in sorted((judged | facts).items()):
        total = math.fsum(shares.values())
        yield KnownOutcome("step", steps[step], day, {name: share / total for name, share in shares.items()})


@dataclass(frozen=True)
class _Scorer:
    """Scores the forecasts of what is known by now.

    Attributes:
        records: those of the ledger, in the order of their days.
        recomputation: asks their models again.
        parts: of forecasts that are needed for it.
    """

    records: list[NumberedRecord]
    recomputation: Recomputation
    parts: ForecastParts

    def score(self, known: KnownOutcome) -> ScoredResolution | str:
        """The scores of what is known, or why there are none."""
        records, forecasts = [], []
        for numbered in self.records:
            if numbered.record.date < known.day and (forecast := forecast_probabilities(numbered.record, known)):
                records.append(numbered)
                forecasts.append(forecast)
        if not records:
            return f"no record of a day before {known.day} forecasts it"
        series = {RECORDED: forecasts, FIRST_KEPT: [forecasts[0]] * len(forecasts)}
        first = records[0].record
        if (by_first_model := self._forecasts_by_model(records, known, lambda _: first)) is not None:
            series[FIRST_MODEL] = by_first_model
        for profile in self._shared_profiles(records):
            if (in_profile := self._forecasts_by_model(records, known, lambda record: record, profile)) is not None:
                series[f"profile {profile}"] = in_profile
        series[EVEN] = [[1.0 / len(known.outcome)] * len(known.outcome)] * len(forecasts)
        outcome, days = list(known.outcome.values()), _days_standing(records, known.day)
        return ScoredResolution(
            kind=known.kind,
            title=records[-1].record.questions[known.name].asks if known.kind == "question" else known.name,
            known=known.day,
            outcome=known.outcome,
            records=[numbered.number for numbered in records],
            last=dict(zip(known.outcome, forecasts[-1], strict=True)),
            scores={name: _score_series(each, outcome, days) for name, each in series.items()},
        )

    def _shared_profiles(self, records: Sequence[NumberedRecord]) -> list[str]:
        """The profiles that all of these models have, where none is applied already."""
        if any(numbered.record.run.profile is not None for numbered in records):
            return []
        try:
            models = [self.recomputation.study(numbered.record).loaded.model for numbered in records]
        except UsruError:
            return []
        return [name for name in models[0].profiles if all(name in model.profiles for model in models)]

    def _forecasts_by_model(
        self,
        records: Sequence[NumberedRecord],
        known: KnownOutcome,
        model_of: Callable[[ForecastRecord], ForecastRecord],
        profile: str | None = None,
    ) -> list[list[float]] | None:
        """What other models forecast under the conditions of each record; None where one can't be asked."""
        forecasts = []
        for _, record in records:
            try:
                conditions = recorded_conditions(record)
                other = self.recomputation.forecast_under(model_of(record), conditions, profile, self.parts)
            except UsruError:
                return None
            forecast = forecast_probabilities(other, known)
            if forecast is None:
                return None
            forecasts.append(forecast)
        return forecasts


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


def _days_standing(records: Sequence[NumberedRecord], day_known: str) -> list[float]:
    """For how many days each record stood, until the next one or the day on which it was known."""
    dates = [date.fromisoformat(day) for day in (*(numbered.record.date for numbered in records), day_known)]
    return [float((after - before).days) for before, after in pairwise(dates)]


def _score_series(
    series: Sequence[Sequence[float]], outcome: Sequence[float], days: Sequence[float]
) -> ScoredForecasts:
    scores = [all_scores(forecast, outcome) for forecast in series]
    return ScoredForecasts(1, mean_scores(zip(scores, days, strict=True)), scores[-1])


def score_ledger(chain: Chain, recomputation: Recomputation, evidence: Evidence) -> LedgerScore:
    """How good the recorded forecasts were.

    Args:
        chain: the ledger.
        recomputation: asks recorded models again.
        evidence: how things came out, held against the model of the last record.

    Raises:
        LedgerError: there is no record.
    """
    records = require_records(chain)
    known = known_outcomes(evidence, records[-1].record)
    question_ids = frozenset(item.name for item in known if item.kind == "question")
    scorer = _Scorer(records, recomputation, ForecastParts(any(item.kind == "step" for item in known), question_ids))
    results = {item.name: scorer.score(item) for item in known}
    scored = {name: result for name, result in results.items() if not isinstance(result, str)}
    by_kind: dict[str, list[ScoredResolution]] = {}
    for kind in ("question", "step"):
        if of_kind := [result for result in scored.values() if result.kind == kind]:
            by_kind[kind] = of_kind
    last = [(result.last[YES], result.outcome[YES] == 1.0) for result in by_kind.get("question", [])]
    return LedgerScore(
        model=records[-1].record.model,
        run=records[-1].record.run,
        evidence=evidence.name,
        as_of=evidence.as_of,
        resolutions=scored,
        means={kind: _mean_scores_by_forecast(of_kind) for kind, of_kind in by_kind.items()},
        calibration=calibration_bins(last),
        needed=LEAST_FOR_CALIBRATION,
        unscored={name: result for name, result in results.items() if isinstance(result, str)},
        skipped=chain.unreadable_lines,
    )


def _mean_scores_by_forecast(scored: Sequence[ScoredResolution]) -> dict[str, ScoredForecasts]:
    """The means over resolutions, each of which counts alike, of everybody who forecast any."""
    names = list(dict.fromkeys(name for resolution in scored for name in resolution.scores))
    order = [*(name for name in names if name != EVEN), EVEN]
    means = {}
    for name in order:
        scores = [resolution.scores[name] for resolution in scored if name in resolution.scores]
        time_weighted = mean_scores((each.time_weighted, 1.0) for each in scores)
        last = mean_scores((each.last, 1.0) for each in scores)
        means[name] = replace(scores[0], resolutions=len(scores), time_weighted=time_weighted, last=last)
    return means


# Scores ---------------------------------------------------------------------------------------------------------------

LEAST_FOR_CALIBRATION = 20
"""Resolved questions, with fewer of which calibration is noise."""

_BINS = 10


def brier_score(forecast: Sequence[float], outcome: int) -> float:
    """The Brier score, 0 to 2, of the probabilities of all states, of which one came."""
    return math.fsum((p - (state == outcome)) ** 2 for state, p in enumerate(forecast))


def log_score(forecast: Sequence[float], outcome: int) -> float:
    """The logarithmic score in nats; infinite where what came was held to be impossible."""
    return -math.log(forecast[outcome]) if forecast[outcome] > 0.0 else math.inf


def ranked_probability_score(forecast: Sequence[float], outcome: int) -> float:
    """The ranked probability score over the order of the states, not divided by the number of its terms."""
    cumulative = list(accumulate(forecast))[:-1]
    return math.fsum((below - (state >= outcome)) ** 2 for state, below in enumerate(cumulative))


def baseline_score(forecast: Sequence[float], outcome: int) -> float:
    """100 where what came was certain, 0 at even odds."""
    return 100.0 * (1.0 - log_score(forecast, outcome) / math.log(len(forecast)))


_SCORING_RULES: dict[str, Callable[[Sequence[float], int], float]] = {
    "brier": brier_score,
    "log": log_score,
    "rps": ranked_probability_score,
    "baseline": baseline_score,
}


def all_scores(forecast: Sequence[float], outcome: Sequence[float]) -> ScoreValues:
    """All scores of a forecast.

    Args:
        forecast: the probabilities of two states or more.
        outcome: the share of each in what came, 1 of one of them where that is certain.
    """
    scores: dict[str, float | None] = {}
    for name, rule in _SCORING_RULES.items():
        score = math.fsum(share * rule(forecast, state) for state, share in enumerate(outcome) if share > 0.0)
        scores[name] = score if math.isfinite(score) else None
    return ScoreValues(**scores)


def mean_scores(weighted_scores: Iterable[tuple[ScoreValues, float]]) -> ScoreValues:
    """The mean of scores, each with its weight, of which the sum is above 0; null where one is."""
    weighted = list(weighted_scores)
    total = math.fsum(weight for _, weight in weighted)

    def mean(name: str) -> float | None:
        values = [(getattr(score, name), weight) for score, weight in weighted if weight > 0.0]
        if any(value is None for value, _ in values):
            return None
        return math.fsum(value * weight for value, weight in values) / total

    return ScoreValues(**{name: mean(name) for name in _SCORING_RULES})


def calibration_bins(forecasts: Sequence[tuple[float, bool]]) -> list[CalibrationBin] | None:
    """How often what was forecast came true, in ten bins of which the empty ones are left out.

    Args:
        forecasts: the probability of each question, and whether it came true.

    Returns:
        The bins; None of fewer than `LEAST_FOR_CALIBRATION` questions.
    """
    if len(forecasts) < LEAST_FOR_CALIBRATION:
        return None
    bins: dict[int, list[tuple[float, bool]]] = {}
    for probability, came_true in forecasts:
        bins.setdefault(min(int(probability * _BINS), _BINS - 1), []).append((probability, came_true))
    return [
        CalibrationBin(
            place / _BINS,
            (place + 1) / _BINS,
            len(in_bin),
            math.fsum(probability for probability, _ in in_bin) / len(in_bin),
            sum(came_true for _, came_true in in_bin) / len(in_bin),
        )
        for place, in_bin in sorted(bins.items())
    ]
