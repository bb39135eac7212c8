"""Proper scores of probabilities over the states of what was forecast, method (63).

Where what came is known by shares alone, each is the mean over these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

from usru_scenarios.results.ledger import CalibrationBin, ScoreValues

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
