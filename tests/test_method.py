"""The estimators give what their formulas on the page of the method say, written out here once more and plainly."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from usru_scenarios.estimation import variance_shares
from usru_scenarios.estimation.bands import PerDraw
from usru_scenarios.estimation.estimates import Controls, Moments, ratio, with_control_variates
from usru_scenarios.estimation.jackknife import jackknife

Floats = npt.NDArray[np.float64]

DRAWS = 64
RNG = np.random.default_rng(5)
U = np.stack([(RNG.permutation(DRAWS) + RNG.random(DRAWS)) / DRAWS for _ in range(3)], axis=1)
COLUMNS = np.stack(
    [
        math.sqrt(2 * degree + 1) * np.polynomial.legendre.Legendre.basis(degree)(2 * U[:, one] - 1)
        for degree in (1, 2)
        for one in range(3)
    ],
    axis=1,
)
"""Method (31): the controls of three judgements."""
Y = np.exp(U @ np.array([1.0, 0.5, -1.0])) + 0.1 * RNG.random(DRAWS)
X = 1.0 + 0.2 * U[:, 0]


def freed(values: Floats) -> Floats:
    """Method (31), by least squares in the place of orthonormal columns."""
    centred = COLUMNS - COLUMNS.mean(axis=0)
    slopes = np.linalg.lstsq(centred, values - values.mean(), rcond=None)[0]
    stretch = (DRAWS - 1) / (DRAWS - 1 - COLUMNS.shape[1])
    rest = values - values.mean() - centred @ slopes
    return np.asarray(values.mean() - COLUMNS.mean(axis=0) @ slopes + math.sqrt(stretch) * rest)


def ratio_of(numerators: Floats, denominators: Floats) -> tuple[float, float]:
    """Method (17)."""
    value = numerators.sum() / denominators.sum()
    batches = len(numerators)
    squares = ((numerators - value * denominators) ** 2).sum()
    return float(value), math.sqrt(batches / (batches - 1) * squares) / float(denominators.sum())


def test_a_ratio_and_its_error() -> None:
    found = ratio(Y, X)
    assert (float(found.value), float(found.error)) == pytest.approx(ratio_of(Y, X), rel=1e-12)


def test_what_controls_take_away() -> None:
    controls = Controls(COLUMNS)
    assert controls.fitted == 6
    found = with_control_variates(np.stack([Y, X], axis=1), controls)
    assert found[:, 0] == pytest.approx(freed(Y), rel=1e-10)
    assert found[:, 1] == pytest.approx(freed(X), rel=1e-10)


def test_moments_give_the_same_ratio_and_error() -> None:
    controls = Controls(COLUMNS)
    moments = Moments.empty((1,), controls.fitted)
    moments.fold(slice(None), Y[:, None], X, controls.basis)
    found = moments.ratio((0,), X, controls)
    assert (float(found.value), float(found.error)) == pytest.approx(ratio_of(freed(Y), freed(X)), rel=1e-9)


def test_leaving_out_one_batch_at_a_time() -> None:
    found = jackknife(lambda y, x: y / x, Y, X)
    without = np.array([(Y.sum() - y) / (X.sum() - x) for y, x in zip(Y, X, strict=True)])
    error = math.sqrt((DRAWS - 1) / DRAWS * ((without - without.mean()) ** 2).sum())
    assert (float(found.value), float(found.error)) == pytest.approx((Y.sum() / X.sum(), error), rel=1e-9)


def counted(errors: Floats | float) -> Floats:
    """Method (32): how much of something counts that has so many standard errors."""
    return np.clip(np.asarray(errors) - 2.0, 0.0, 1.0)


def quantile(values: Floats, weights: Floats, share: float) -> float:
    order = np.argsort(values)
    return float(np.interp(share, np.cumsum(weights[order]) - weights[order] / 2, values[order]))


@pytest.mark.parametrize("noise", [0.01, 0.1, 0.5])
def test_a_band_freed_of_noise(noise: float) -> None:
    """Method (32), with the basis made by a QR decomposition."""
    one, other = (Y + noise * np.random.default_rng(seed).standard_normal(DRAWS) for seed in (6, 7))
    weights = 1.0 + np.random.default_rng(8).random(DRAWS)
    whole = (one + other) / 2
    band = PerDraw(np.array([whole, one, other]), weights, Controls(COLUMNS).basis).band()

    share = weights / weights.sum()
    effective = 1.0 / (share**2).sum()
    root = np.sqrt(share)
    mean = (share * whole).sum()
    basis = np.linalg.qr(np.column_stack([root, root[:, None] * (COLUMNS - COLUMNS.mean(axis=0))]))[0][:, 1:]
    squared_noise = ((one - other) / 2) ** 2
    along = basis.T @ (root * (whole - mean))
    left = whole - mean - basis @ along / root
    squares = np.maximum(left**2 * effective / (effective - 1 - basis.shape[1]), squared_noise)
    part = counted(np.abs(along) / np.sqrt((basis**2).T @ (share * squares)))
    fit = basis @ (part * along) / root
    rest = whole - mean - fit
    between = (share * rest**2).sum() * effective / (effective - 1 - np.count_nonzero(part))
    within = (share * squared_noise).sum()
    beyond = max(between - within, 0.0)
    believed = counted(beyond / math.sqrt(2 * (between**2 + within**2) / effective))
    shrunk = rest * math.sqrt(believed * beyond / between)
    found = np.clip(mean + fit + shrunk, whole.min(), whole.max())

    ends = quantile(found, share, 0.05), quantile(found, share, 0.95)
    assert (float(band.low), float(band.high)) == pytest.approx(ends, rel=1e-9)
    by_draws = 2.1 * math.sqrt(2 * (share * shrunk**2).sum() / effective)
    assert float(band.by_draws) == pytest.approx(by_draws, rel=1e-9)


# What a driver tells --------------------------------------------------------------------------------------------------

TRIALS, GROUPS = 2_000, 3
CODES = RNG.integers(0, GROUPS, TRIALS)
CHANCES = np.array([[0.2, 0.3, 0.5], [0.4, 0.4, 0.2], [0.25, 0.35, 0.4]])
P = CHANCES[CODES].T + 0.05 * RNG.standard_normal(TRIALS) * np.array([[1.0], [-1.0], [0.0]])
STARTS = np.arange(0, TRIALS, 100)
SUMS = variance_shares.sum_by_group(CODES, P, GROUPS, STARTS)


def test_information_without_its_bias() -> None:
    """Method (42)."""

    def term(values: Floats) -> float:
        mean, number = values.mean(), len(values)
        return float(number * (mean * math.log(mean) - values.var(ddof=1) / (2 * number * mean)))

    nats = sum(term(row[group == CODES]) for row in P for group in range(GROUPS)) - sum(term(row) for row in P)
    assert float(variance_shares.mutual_information(SUMS).value) == pytest.approx(nats / TRIALS / math.log(2), rel=1e-9)


def test_the_shift_by_two_halves() -> None:
    """Method (43); each half has as many trials as the other."""
    halves = []
    for half in (0, 1):
        own = (np.arange(TRIALS) // 100) % 2 == half
        there = np.arange(GROUPS)[:, None] == CODES[own]
        halves.append((there[:, None] * P[:, own]).mean(axis=2) - np.outer(there.mean(axis=1), P[:, own].mean(axis=1)))
    crossed = (np.sign(halves[0]) * halves[1] + np.sign(halves[1]) * halves[0]) / 2
    assert float(variance_shares.expected_shift(SUMS).value) == pytest.approx(crossed.sum() / 2, rel=1e-9)


def test_shares_of_variance() -> None:
    """Method (44) and (45)."""
    total = ((P - P.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    within = sum(
        ((P[:, group == CODES] - P[:, group == CODES].mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
        for group in range(GROUPS)
    )
    first = (total - within - (GROUPS - 1) * within / (TRIALS - GROUPS)) / total
    assert variance_shares.correlation_ratio(SUMS).value[:-1] == pytest.approx(first, rel=1e-9)
    exchanged = CHANCES[CODES[variance_shares.partners(TRIALS, STARTS)]].T
    shares = ((P - exchanged) ** 2).mean(axis=1) / 2 / (total / (TRIALS - 1))
    assert variance_shares.total_share(SUMS, variance_shares.squared_differences(P, exchanged, STARTS)).value[
        :-1
    ] == pytest.approx(shares, rel=1e-9)
