"""Estimators of information and of shares of variance: on functions with closed forms, and against another project."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from support.command import HERE
from support.sampled import ERRORS
from usru_scenarios.estimation import variance_shares
from usru_scenarios.estimation.estimates import Estimate

Floats = npt.NDArray[np.float64]
Function = Callable[[Floats], Floats]

DRAWS, BATCH = 1 << 16, 512
STARTS = np.arange(0, DRAWS, BATCH)
ISHIGAMI = json.loads((HERE / "cases" / "sobol_ishigami.json").read_text(encoding="utf-8"))
FACTORS = np.array([0.0, 1.0, 4.5, 9.0])
"""Of Sobol's G function: the first input matters most."""


def ishigami(inputs: Floats) -> Floats:
    one, two, three = 2 * math.pi * inputs - math.pi
    value: Floats = np.sin(one) + 7 * np.sin(two) ** 2 + 0.1 * three**4 * np.sin(one)
    return value


def g_function(inputs: Floats) -> Floats:
    value: Floats = np.prod((np.abs(4 * inputs - 2) + FACTORS[:, None]) / (1 + FACTORS[:, None]), axis=0)
    return value


def g_shares() -> tuple[Floats, Floats]:
    """First-order and total shares: each factor has the partial variance 1 / 3 / (1 + a)^2 (I. M. Sobol, 1993)."""
    partial = 1 / (3 * (1 + FACTORS) ** 2)
    whole = np.prod(1 + partial) - 1
    return partial / whole, partial * np.prod(1 + partial) / (1 + partial) / whole


def uniform(inputs: int) -> Floats:
    return np.random.default_rng(20).uniform(size=(inputs, DRAWS))


BINS = 64


def first_order(function: Function, inputs: Floats, number: int) -> Estimate:
    codes = (inputs[number] * BINS).astype(np.int64)
    return variance_shares.correlation_ratio(variance_shares.sum_by_group(codes, function(inputs)[None], BINS, STARTS))


def total(function: Function, inputs: Floats, number: int) -> Estimate:
    values = function(inputs)[None]
    exchanged = inputs.copy()
    exchanged[number] = inputs[number][variance_shares.partners(DRAWS, STARTS)]
    alone = variance_shares.sum_by_group(np.zeros(DRAWS, dtype=np.int64), values, 1, STARTS)
    return variance_shares.total_share(
        alone, variance_shares.squared_differences(values, function(exchanged)[None], STARTS)
    )


def holds(found: Estimate, truth: float, slack: float = 0.0) -> bool:
    return bool(np.all(np.abs(found.value - truth) < ERRORS * found.error + slack))


BINNED = 2e-3
"""The variance within one of the bins, which no reading in bins can explain."""


@pytest.mark.parametrize("number", range(3))
def test_shares_of_the_ishigami_function(number: int) -> None:
    inputs = uniform(3)
    assert holds(first_order(ishigami, inputs, number), ISHIGAMI["S1"][number], BINNED)
    assert holds(total(ishigami, inputs, number), ISHIGAMI["ST"][number])
    assert not holds(total(ishigami, inputs, number), ISHIGAMI["ST"][number] + 0.05)


def test_an_input_that_acts_only_with_another_has_no_share_of_its_own() -> None:
    found = first_order(ishigami, uniform(3), 2)
    assert holds(found, 0.0)
    assert found.error[0] < 1e-3
    assert not holds(first_order(ishigami, uniform(3), 0), 0.0, 0.1)


@pytest.mark.parametrize("number", range(4))
def test_shares_of_the_g_function(number: int) -> None:
    inputs = uniform(4)
    first, whole = g_shares()
    assert holds(first_order(g_function, inputs, number), first[number], BINNED)
    assert holds(total(g_function, inputs, number), whole[number])


def test_shares_against_salib() -> None:
    """Its estimates from its own draws, with its own 95% intervals."""
    sample: Any = pytest.importorskip("SALib.sample.sobol", reason="SALib, in the extra peers, is not installed")
    analyze: Any = pytest.importorskip("SALib.analyze.sobol")
    problem = {"num_vars": 4, "names": list("abcd"), "bounds": [[0.0, 1.0]] * 4}
    drawn = sample.sample(problem, 4096, calc_second_order=False, seed=1)
    theirs = analyze.analyze(problem, g_function(drawn.T), calc_second_order=False, seed=1)
    for number in range(4):
        slack = 2.5 * theirs["S1_conf"][number] + BINNED
        assert holds(first_order(g_function, uniform(4), number), theirs["S1"][number], slack)
        assert holds(total(g_function, uniform(4), number), theirs["ST"][number], 2.5 * theirs["ST_conf"][number])


def test_an_input_that_is_not_read_has_a_total_share_of_exactly_0() -> None:
    assert total(lambda inputs: g_function(inputs[:4]), uniform(5), 4).value.tolist() == [0.0, 0.0]


def test_shares_of_several_values_are_those_of_summed_variances() -> None:
    """Two values, one of three times the spread of the other: 9 parts of variance of x and 1 part of y."""
    x, y = uniform(2) - 0.5
    codes = ((x + 0.5) * 64).astype(np.int64)
    found = variance_shares.correlation_ratio(variance_shares.sum_by_group(codes, np.stack([3 * x, y]), 64, STARTS))
    assert found.value == pytest.approx([1.0, 0.0, 0.9], abs=0.01)


def test_what_does_not_vary_has_no_shares() -> None:
    values = np.full((1, DRAWS), 0.3)
    found = variance_shares.sum_by_group(np.arange(DRAWS) % 2, values, 2, STARTS)
    assert np.isnan(variance_shares.correlation_ratio(found).value).all()
    assert np.isnan(variance_shares.total_share(found, np.zeros((len(STARTS), 1))).value).all()
    assert float(variance_shares.mutual_information(found).value) == pytest.approx(0.0, abs=1e-12)
    assert float(variance_shares.expected_shift(found).value) == pytest.approx(0.0, abs=1e-12)


# Information and shifts ----------------------------------------------------------------------------------------------

JOINT = np.array([[0.30, 0.10, 0.05], [0.10, 0.25, 0.20]])


def counts(joint: Floats, draws: int, seed: int) -> variance_shares.GroupedSums:
    """Draws of a pair of which the second is told as a value of 0 or 1 for each of its states."""
    cells = np.random.default_rng(seed).choice(joint.size, size=draws, p=joint.ravel())
    codes, states = np.divmod(cells, joint.shape[1])
    values = (np.arange(joint.shape[1])[:, None] == states).astype(np.float64)
    return variance_shares.sum_by_group(codes, values, len(joint), np.arange(0, draws, max(draws // 64, 1)))


def true_information(joint: Floats) -> float:
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    return float((joint * np.log2(joint / apart)).sum())


def true_shift(joint: Floats) -> float:
    return float(np.abs(joint - joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)).sum() / 2)


def test_information_and_shift_of_a_table() -> None:
    found = counts(JOINT, 40_000, 1)
    assert holds(variance_shares.mutual_information(found), true_information(JOINT))
    assert holds(variance_shares.expected_shift(found), true_shift(JOINT))
    assert not holds(variance_shares.mutual_information(found), true_information(JOINT) * 1.3)
    assert not holds(variance_shares.expected_shift(found), true_shift(JOINT) * 1.2)


def test_of_counts_the_correction_is_that_of_miller_and_madow() -> None:
    """Plug-in information less (groups - 1)(values - 1) / 2n nats, but for terms of the order of 1 / n^2."""
    found = counts(JOINT, 2000, 2)
    table = found.sums.sum(axis=0) / 2000
    correction = (2 - 1) * (3 - 1) / (2 * 2000) / math.log(2)
    assert float(variance_shares.mutual_information(found).value) == pytest.approx(
        true_information(table) - correction, abs=correction / 100
    )


def test_where_nothing_is_told_0_is_expected() -> None:
    """Over many small samples the means are 0; without the corrections they would be far above."""
    nothing = np.outer([0.5, 0.3, 0.2], [0.6, 0.4])
    samples = [counts(nothing, 256, seed) for seed in range(200)]
    for estimator in (variance_shares.mutual_information, variance_shares.expected_shift):
        values = np.array([float(estimator(sample).value) for sample in samples])
        assert abs(values.mean()) < ERRORS * values.std() / math.sqrt(len(values))
    naive = np.array([true_information(sample.sums.sum(axis=0) / 256 + 1e-12) for sample in samples])
    with pytest.raises(AssertionError):
        assert abs(naive.mean()) < ERRORS * naive.std() / math.sqrt(len(naive))


def test_standard_errors_are_those_of_repeated_samples() -> None:
    samples = [counts(JOINT, 4096, seed) for seed in range(150)]
    for estimator in (
        variance_shares.mutual_information,
        variance_shares.expected_shift,
        variance_shares.correlation_ratio,
    ):
        found = [estimator(sample) for sample in samples]
        spread = np.std([np.ravel(one.value)[-1] for one in found])
        told = np.mean([np.ravel(one.error)[-1] for one in found])
        assert told == pytest.approx(spread, rel=0.25)


@pytest.mark.parametrize(("draws", "batch"), [(64, 8), (65, 8), (66, 8), (7, 7), (5, 1), (2, 1), (3, 2)])
def test_partners_are_others_of_the_same_batch(draws: int, batch: int) -> None:
    starts = np.arange(0, draws, batch)
    found = variance_shares.partners(draws, starts)
    assert (found != np.arange(draws)).all()
    together = found // batch == np.arange(draws) // batch
    alone = draws % batch == 1
    assert together[: draws - 1 if alone else draws].all() or batch == 1
    assert len(set(found[: draws - alone])) == draws - alone


def test_partners_are_of_other_sets_where_a_batch_has_some() -> None:
    starts = np.arange(0, 68, 16)
    found = variance_shares.partners(68, starts, 8)
    assert (found != np.arange(68)).all()
    assert (found // 16 == np.arange(68) // 16).all()
    assert (found // 8 != np.arange(68) // 8)[:64].all()
    assert len(set(found)) == 68
