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
from usru_scenarios.results.ledger import ForecastRecord, LedgerScore, ScoredForecasts, ScoredResolution

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
