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


def brier_score(forecast: Sequence[float], came: int) -> float:
    """The Brier score, 0 to 2, of the probabilities of all states, of which one came."""
    return math.fsum((p - (place == came)) ** 2 for place, p in enumerate(forecast))


def log_score(forecast: Sequence[float], came: int) -> float:
    """The logarithmic score in nats; infinite where what came was held to be impossible."""
    return -math.log(forecast[came]) if forecast[came] > 0.0 else math.inf


def ranked_probability_score(forecast: Sequence[float], came: int) -> float:
    """The ranked probability score over the order of the states, not divided by the number of its terms."""
    steps = list(accumulate(forecast))[:-1]
    return math.fsum((below - (place >= came)) ** 2 for place, below in enumerate(steps))


def baseline_score(forecast: Sequence[float], came: int) -> float:
    """100 where what came was certain, 0 at even odds."""
    return 100.0 * (1.0 - log_score(forecast, came) / math.log(len(forecast)))


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
    return ScoreValues(
        **{
            name: _finite_or_none(
                math.fsum(share * rule(forecast, came) for came, share in enumerate(outcome) if share > 0.0)
            )
            for name, rule in _SCORING_RULES.items()
        }
    )


def _finite_or_none(number: float) -> float | None:
    return number if math.isfinite(number) else None


def mean_scores(found: Iterable[tuple[ScoreValues, float]]) -> ScoreValues:
    """The mean of scores, each with its weight, of which the sum is above 0; null where one is."""
    several = list(found)
    total = math.fsum(weight for _, weight in several)

    def mean(name: str) -> float | None:
        values = [(getattr(one, name), weight) for one, weight in several if weight > 0.0]
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
            len(found),
            math.fsum(probability for probability, _ in found) / len(found),
            sum(came_true for _, came_true in found) / len(found),
        )
        for place, found in sorted(bins.items())
    ]
