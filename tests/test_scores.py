"""Proper scores of forecasts: against published values, against another project's, and by what makes them proper.

scoringrules is in the extra `peers`; without it the test that needs it says that it is skipped.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from usru_scenarios.ledger.score import all_scores, calibration_bins, mean_scores
from usru_scenarios.results.ledger import ScoreValues

MATCHES = [
    ((1, 0, 0), 0, 0.0),
    ((0.9, 0.1, 0), 0, 0.005),
    ((0.8, 0.1, 0.1), 0, 0.025),
    ((0.5, 0.25, 0.25), 0, 0.15625),
    ((0.35, 0.3, 0.35), 1, 0.1225),
    ((0.6, 0.3, 0.1), 1, 0.185),
    ((0.6, 0.25, 0.15), 0, 0.09125),
    ((0.6, 0.15, 0.25), 0, 0.11125),
    ((0.57, 0.33, 0.1), 0, 0.09745),
    ((0.6, 0.2, 0.2), 0, 0.1),
]
"""Ten forecasts of home win, draw and away win, what came, and the ranked score divided by one less than the states.

A. C. Constantinou and N. E. Fenton, 2012, Solving the problem of inadequate scoring rules for assessing probabilistic
football forecast models, doi:10.1515/1559-0410.1418; the scores as https://docs.pena.lt/y/metrics/rps.html has them.
"""


def certain(came: int, states: int) -> list[float]:
    return [float(place == came) for place in range(states)]


def score(forecast: tuple[float, ...], came: int) -> ScoreValues:
    return all_scores(forecast, certain(came, len(forecast)))


def yes(probability: float, *, came: bool = True) -> ScoreValues:
    """The scores of a question."""
    return score((probability, 1.0 - probability), 0 if came else 1)


# Published values


@pytest.mark.parametrize(("forecast", "came", "half"), MATCHES)
def test_ranked_scores_of_matches(forecast: tuple[float, ...], came: int, half: float) -> None:
    """Here they are not divided by the number of their terms, which is 2."""
    assert score(forecast, came).rps == pytest.approx(2 * half, abs=1e-12)


def test_mean_scores_of_matches() -> None:
    """https://penaltyblog.readthedocs.io/en/latest/metrics/briar.html, and ignorance_score, in bits, beside it."""
    mean = mean_scores([(score(forecast, came), 1.0) for forecast, came, _ in MATCHES])
    assert mean.brier == pytest.approx(0.30838, abs=1e-12)
    assert mean.log == pytest.approx(0.7969725334773428 * math.log(2), rel=1e-12)


def test_single_scores_of_a_library() -> None:
    """The tests and the documentation of scoringrules (tests/test_brier.py, `rps_score`, `brier_score`)."""
    assert score((0.01, 0.32, 0.44, 0.23), 2).rps == pytest.approx(0.1619)
    assert score((0.1, 0.2, 0.3, 0.4), 2).rps == pytest.approx(0.26)
    assert yes(0.481, came=False).log == pytest.approx(0.6558514, abs=5e-8)
    assert yes(0.271, came=False).brier == pytest.approx(2 * 0.073441)  # of both answers, here
    assert yes(0.2).brier == pytest.approx(2 * 0.64)


def test_a_score_of_several_answers() -> None:
    """Cultivate Labs, https://www.cultivatelabs.com/prediction-markets-guide/ (ordinal scoring, before it orders)."""
    assert score((0.15, 0.45, 0.25, 0.15), 2).brier == pytest.approx(0.81)


@pytest.mark.parametrize(
    ("probability", "came", "baseline"),
    [
        (0.9, True, 84.79969066),
        (0.1, True, -232.19280949),
        (0.9, False, -232.19280949),
        (2**-0.5, True, 50.0),
        (2**-1.5, True, -50.0),
    ],
)
def test_baseline_scores(probability: float, came: bool, baseline: float) -> None:
    """Metaculus/metaculus, tests/unit/test_scoring/test_score_math.py."""
    assert yes(probability, came=came).baseline == pytest.approx(baseline, abs=5e-9)


def test_ends_of_the_baseline_score() -> None:
    """https://www.metaculus.com/help/scores-faq/#baseline-score: between .1% and 99.9%; the last has eight options."""
    assert yes(0.999).baseline == pytest.approx(99.9, abs=0.05)
    assert yes(0.001).baseline == pytest.approx(-897, abs=0.5)
    assert score((0.001, *[0.999 / 7] * 7), 0).baseline == pytest.approx(-232, abs=0.5)


def test_days_weigh_as_they_do_elsewhere() -> None:
    """https://www.metaculus.com/help/scores-faq/#time-averaging: five days, of the first of which nothing is said."""
    days = [(yes(0.5), 1.0), (yes(0.4), 1.0), (yes(0.7), 2.0), (yes(0.8), 1.0)]
    assert [round(one.baseline or 0.0) for one, _ in days] == [0, -32, 49, 68]
    assert round(mean_scores(days).baseline or 0.0) == 27


# Another project's


@pytest.mark.parametrize("states", [2, 3, 7])
def test_scores_as_another_project_has_them(states: int) -> None:
    peer: Any = pytest.importorskip("scoringrules", reason="scoringrules, in the extra peers, is not installed")
    rng = np.random.default_rng(states)
    forecasts = rng.dirichlet(np.ones(states), 200)
    came = rng.integers(states, size=200)
    found = [score(tuple(one), int(place)) for one, place in zip(forecasts.tolist(), came, strict=True)]
    each = peer.brier_score(np.eye(states)[came], forecasts)
    assert [one.brier for one in found] == pytest.approx(each.sum(axis=1).tolist(), rel=1e-12)
    assert [one.rps for one in found] == pytest.approx(peer.rps_score(came + 1, forecasts).tolist(), rel=1e-12)
    said = forecasts[np.arange(200), came]
    assert [one.log for one in found] == pytest.approx(peer.log_score(np.ones(200), said).tolist(), rel=1e-12)


# What they are


def test_bounds_of_the_scores() -> None:
    assert yes(1.0) == ScoreValues(0.0, 0.0, 0.0, 100.0)
    assert yes(0.0) == ScoreValues(2.0, None, 1.0, None)
    even = score((0.25,) * 4, 2)
    assert even.log == pytest.approx(math.log(4))
    assert even.baseline == pytest.approx(0.0)


@pytest.mark.parametrize("rule", ["brier", "log", "rps"])
def test_the_scores_are_proper(rule: str) -> None:
    """Who says what she believes does best by her own expectation."""
    rng = np.random.default_rng(5)
    for _ in range(30):
        believed, said = rng.dirichlet(np.ones(3), 2).tolist()
        assert getattr(all_scores(believed, believed), rule) <= getattr(all_scores(said, believed), rule) + 1e-12


def test_judged_outcomes_are_scored_by_their_mean() -> None:
    forecast, shares = [0.5, 0.3, 0.2], [0.6, 0.4, 0.0]
    each = [all_scores(forecast, certain(came, 3)) for came in range(3)]
    for rule in ("brier", "log", "rps", "baseline"):
        right = sum(share * getattr(one, rule) for share, one in zip(shares, each, strict=True))
        assert getattr(all_scores(forecast, shares), rule) == pytest.approx(right)


def test_days_weigh() -> None:
    assert mean_scores([(yes(1.0), 3), (yes(0.5), 1)]).brier == pytest.approx(0.125)
    assert mean_scores([(yes(1.0), 3), (yes(0.0), 1)]).log is None


def test_calibration_needs_twenty_questions() -> None:
    assert calibration_bins([(0.5, True)] * 19) is None
    bins = calibration_bins([(0.21, True)] * 3 + [(0.25, False)] * 9 + [(1.0, True)] * 8)
    assert bins is not None
    assert [(one.low, one.forecasts, one.share_true) for one in bins] == [(0.2, 12, 0.25), (0.9, 8, 1.0)]
    assert bins[0].mean_forecast == pytest.approx(0.24)
