"""Bands of uncertain judgements: they keep to what is possible and hardly move with the seed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import usru_scenarios as us
from usru_scenarios.estimation.bands import JudgementBand, PerDraw, judgement_band
from usru_scenarios.estimation.estimates import Controls
from usru_scenarios.model.families import Floats
from usru_scenarios.questions.simulate.question import band_warnings
from usru_scenarios.sampler.blocks import Plan
from usru_scenarios.study import Study

SKEWED = """usru: 1
name: skewed
title: Skewed
time: {start: '2025', end: '2028', step: year}
odds_per_point: %s
scenarios: {good: {baseline: %s}, bad: {baseline: 0.6}}
outcome: {persistence: 0.3}
drivers:
  d:
    states: {a: 0.3, b: 0.7}
    persistence: 0.5
    impacts: {a: {good: 2}, b: {bad: 1}}
    weight: %s
  e:
    states: {x: 0.5, y: 0.5}
    persistence: %s
    influences: {d: {a: {x: 1}}}
    impacts: {x: {good: 1}}
  still:
    states: {up: 0.5, down: 0.5}
    persistence: %s
    impacts: {up: {good: 1}}
"""

CASES: dict[str, tuple[tuple[str, ...], tuple[float, float], tuple[float, float]]] = {
    # The judgements of the file; what is true, by enumeration of all paths for values in equal steps; what is possible.
    "odds": (("{uniform: [1.01, 4]}", "0.4", "1", "0.8", "0.5"), (0.4160, 0.4854), (0.401, 0.4854)),
    "weight": (("1.5", "0.4", "{uniform: [0, 10]}", "0.8", "0.5"), (0.312, 0.449), (0.310, 0.453)),
    "baseline": (("1.5", "{uniform: [0, 3]}", "1", "0.8", "0.5"), (0.247, 0.835), (0.009, 0.841)),
}


def study(tmp_path: Path, numbers: tuple[str, ...], *, still: bool = False) -> Study:
    text = SKEWED % numbers
    path = tmp_path / "skewed.yaml"
    path.write_text(text if still else text[: text.index("  still:")], encoding="utf-8")
    return us.load(path)


def end(found: Any) -> tuple[float, float]:
    assert found.band is not None
    return found.band.low[-1], found.band.high[-1]


@pytest.mark.parametrize("name", CASES)
def test_a_sampled_band_of_a_skewed_judgement_is_the_true_one(name: str, tmp_path: Path) -> None:
    numbers, truth, possible = CASES[name]
    model = study(tmp_path, numbers)
    ends = [end(model.simulate(seed=seed, method="sample", trials=100_000).scenarios["good"]) for seed in range(1, 4)]
    for low, high in ends:
        assert low == pytest.approx(truth[0], abs=0.008)
        assert high == pytest.approx(truth[1], abs=0.005)
        assert low > possible[0] - 0.004
        assert high < possible[1] + 0.004
    assert np.std(ends, axis=0).max() < 0.005


def test_a_judgement_on_which_nothing_depends_has_no_band(tmp_path: Path) -> None:
    """The state of a driver has the same law at every step, however long it is kept."""
    model = study(tmp_path, ("1.5", "0.4", "1", "0.8", "{uniform: [0, 1]}"), still=True)
    for seed in (1, 2):
        result = model.simulate(seed=seed, method="sample", trials=50_000)
        low, high = end(result.scenarios["good"])
        assert high - low < 0.003
        assert "rough_band" not in {one.code for one in result.warnings}


@pytest.mark.parametrize("name", CASES)
def test_of_a_small_model_it_has_no_noise(name: str, tmp_path: Path) -> None:
    """Exact in each draw: the ends are those of the judgement's own 5% and 95%, whatever the seed."""
    numbers, truth, possible = CASES[name]
    model = study(tmp_path, numbers)
    results = [model.simulate(seed=seed) for seed in range(1, 4)]
    for result in results:
        assert result.run.method == "exact"
        low, high = end(result.scenarios["good"])
        assert (low, high) == pytest.approx(truth, abs=0.005)  # a stratum of 512 is as wide, at the steepest
        assert possible[0] - 5e-5 <= low < high <= possible[1] + 5e-5  # they are rounded
        assert "rough_band" not in {one.code for one in result.warnings}
    assert np.std([end(result.scenarios["good"]) for result in results], axis=0).max() < 0.003


def test_exactly_what_nothing_depends_on_has_no_width(tmp_path: Path) -> None:
    result = study(tmp_path, ("1.5", "0.4", "1", "0.8", "{uniform: [0, 1]}"), still=True).simulate()
    assert (result.run.method, result.run.judgements) == ("exact", 512)
    low, high = end(result.scenarios["good"])
    assert high - low < 1e-12
    assert result.scenarios["good"].standard_errors.end == 0.0


# --- How noise is told apart -----------------------------------------------------------------------------------------


def polynomials(shares: Floats) -> Floats:
    columns = [np.polynomial.legendre.Legendre.basis(degree)(2 * shares - 1) for degree in range(1, 7)]
    return np.stack([*columns], axis=-1).reshape(len(shares), -1)


def sampled(chances: Floats, trials: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Sums over two halves of the trials of each draw, of trials that say yes or no."""
    halves = rng.binomial(trials // 2, np.repeat(chances, 2)).astype(np.float64)
    return halves[:, None], np.full(len(halves), trials / 2)


def test_more_trials_and_more_draws_bring_the_band_to_the_truth() -> None:
    """Of a chance that is bent in one judgement; the sabotaged twin knows nothing of the judgement."""
    rng = np.random.default_rng(1)
    truth = np.quantile(1 / (1 + np.exp(-4 * np.linspace(0, 1, 10_001))), [0.05, 0.95])
    errors: list[float] = []
    blind: list[float] = []
    for draws, trials in ((128, 50), (512, 200), (2_048, 2_000)):
        shares = (rng.permutation(draws) + rng.random(draws)) / draws
        sums = sampled(1 / (1 + np.exp(-4 * shares)), trials, rng)
        known = Controls(polynomials(shares))
        for functions, found in ((known, errors), (Controls(np.zeros((draws, 0))), blind)):
            band = judgement_band(*sums, functions)
            found.append(max(abs(band.low[0] - truth[0]), abs(band.high[0] - truth[1])))
    assert errors[0] < 0.06
    assert errors[1] < 0.02
    assert errors[2] < 0.003
    assert blind[1] > 1.5 * errors[1]


def test_what_two_judgements_do_together_is_in_the_band() -> None:
    """Nothing of it is a sum of functions of single judgements, which are all that is fitted."""
    rng = np.random.default_rng(2)
    draws = 2_000
    one, other = ((rng.permutation(draws) + rng.random(draws)) / draws for _ in range(2))
    chances = 0.5 + 0.4 * (2 * one - 1) * (2 * other - 1)
    band = judgement_band(*sampled(chances, 100, rng), Controls(np.hstack([polynomials(one), polynomials(other)])))
    assert band.low[0] == pytest.approx(np.quantile(chances, 0.05), abs=0.03)
    assert band.high[0] == pytest.approx(np.quantile(chances, 0.95), abs=0.03)
    assert band.by_trials[0] > 0


def test_noise_alone_gives_no_band_and_the_uncorrected_one_would() -> None:
    rng = np.random.default_rng(3)
    draws = 512
    functions = Controls(np.hstack([polynomials(rng.random(draws)) for _ in range(10)]))
    widths = []
    for _ in range(20):
        numerators, trials = sampled(np.full(draws, 0.3), 100, rng)
        band = judgement_band(numerators, trials, functions)
        widths.append(float(band.high[0] - band.low[0]))
    raw = (numerators[::2] + numerators[1::2])[:, 0] / 100
    assert np.quantile(raw, 0.95) - np.quantile(raw, 0.05) > 0.13
    assert np.median(widths) < 0.02
    assert max(widths) < 0.05


def test_the_band_stays_within_the_range_of_the_draws() -> None:
    rng = np.random.default_rng(4)
    shares = (rng.permutation(200) + rng.random(200)) / 200
    chances = (shares > 0.93).astype(np.float64)  # a polynomial overshoots on both sides of a step
    band = judgement_band(*sampled(chances, 50, rng), Controls(polynomials(shares)))
    assert 0.0 <= band.low[0] <= band.high[0] <= 1.0
    exact = np.repeat(chances, 2)[:, None]
    found = judgement_band(exact, np.ones(400), Controls(polynomials(shares)))
    assert (found.low[0], found.high[0]) == pytest.approx((0.0, 1.0), abs=1e-12)


def test_draws_count_by_their_weights() -> None:
    """Under observations: of a share that is uniform, weighed by itself, the square is uniform."""
    rng = np.random.default_rng(5)
    draws = 1_000
    shares = (rng.permutation(draws) + rng.random(draws)) / draws
    for trials in (40, 4_000):
        halves = np.repeat(shares, 2)
        weights = halves * trials / 2
        worlds = rng.binomial(trials // 2, halves)[:, None] * halves[:, None]
        band = judgement_band(worlds, weights, Controls(polynomials(shares)))
        assert band.low[0] == pytest.approx(math.sqrt(0.05), abs=0.03)
        assert band.high[0] == pytest.approx(math.sqrt(0.95), abs=0.015)
        assert band.low[0] != pytest.approx(0.05, abs=0.1)
    nothing = PerDraw(np.full((3, 10), np.nan), np.zeros(10), np.zeros((10, 0))).band()
    assert math.isnan(float(nothing.low))


# --- The warning -----------------------------------------------------------------------------------------------------


def rough(width: float, by_trials: float, by_draws: float, hidden: float = 0.0) -> list[str]:
    band = JudgementBand(*(np.array([[one]]) for one in (0.3, 0.3 + width, by_trials, by_draws, hidden)))
    return [problem.message for problem in band_warnings([band], Plan(102_400, 1, 512))]


def test_a_rough_band_is_told_with_what_would_help() -> None:
    (message,) = rough(0.1, 0.05, 0.001)
    assert "in part sampling error; -n 600000 trials make them sharper" in message
    (message,) = rough(0.1, 0.001, 0.03)
    assert "512 draws of the judgements leave their ends open; --judgements 5000 makes them sharper" in message
    assert "(-n 1000000)" in message
    assert not rough(0.1, 0.02, 0.01)
    assert not rough(0.009, 0.05, 0.05)
    assert "-n" in rough(0.009, 0.0, 0.0, 0.06)[0]
    assert not rough(0.009, 0.0, 0.0, 0.04)


def test_the_advice_of_a_rough_band_helps(tmp_path: Path) -> None:
    model = study(tmp_path, ("1.5", "{uniform: [0.3, 0.5]}", "{uniform: [0.5, 1.5]}", "0.8", "0.5"))
    first = model.simulate(method="sample", trials=64, judgements=8)
    (told,) = (one.message for one in first.warnings if one.code == "rough_band")
    assert "--judgements" in told or "-n" in told
    better = model.simulate(method="sample", trials=200_000, judgements=512)
    assert not [one for one in better.warnings if one.code == "rough_band"]
