"""The scales of numeric drivers against the distributions of scipy."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from support.oracle import Json, read_distribution
from usru_scenarios.model.values import Distribution
from usru_scenarios.program.latent_scale import Floats, LatentScale

stats: Any = importlib.import_module("scipy.stats")

# Without the far tails, where a value may move by much for no probability at all.
LATENT = np.linspace(-6, 6, 2401)

CASES: list[tuple[Json | None, tuple[float, float]]] = [
    (None, (0, 1)),
    (None, (-3, 5)),
    ({"uniform": [1, 2]}, (0, 4)),
    ({"triangular": [0, 0.3, 1]}, (0, 1)),
    ({"triangular": [0, 0, 1]}, (0, 1)),
    ({"triangular": [0, 1e-300, 1]}, (0, 1)),
    ({"triangular": [10, 30, 30]}, (0, 40)),
    ({"pert": [0.2, 0.65, 1.0]}, (0, 1)),
    ({"pert": [0, 0, 1]}, (0, 1)),
    ({"pert": [-5, 5, 5]}, (-5, 5)),
    ({"beta": [2, 5]}, (0, 1)),
    ({"beta": [0.5, 0.5]}, (0, 1)),
    ({"beta": [0.3, 3]}, (2, 4)),
    ({"beta": [1, 1]}, (0, 1)),
    ({"beta": [400, 100]}, (0, 1)),
    ({"normal": [0.5, 0.2]}, (0, 1)),
    ({"normal": [0, 10]}, (-1, 1)),
    ({"normal": [0.3, 0.001]}, (0, 1)),
    ({"normal": [2, 0.5]}, (0, 1)),
    ({"normal": [-1, 0.25]}, (0, 1)),
]


def scale_of(raw: Json | None, bounds: tuple[float, float]) -> LatentScale:
    distribution = Distribution.model_validate({"uniform": bounds} if raw is None else raw)
    parameters = np.array([one.mean for one in distribution.parameters])
    return LatentScale.of(distribution.family_definition, parameters, bounds)


def quantiles(raw: Json | None, bounds: tuple[float, float]) -> Floats:
    """The true quantiles at the latent normals; from above the median counted from the top, where floats are dense."""
    exact = read_distribution(raw, *bounds)
    below, above = stats.norm.cdf(LATENT), stats.norm.sf(LATENT)
    true: Floats = np.where(LATENT < 0, exact.ppf(below), exact.isf(above))
    return true


@pytest.mark.parametrize(("raw", "bounds"), CASES)
def test_quantiles_agree_with_scipy(raw: Json | None, bounds: tuple[float, float]) -> None:
    off = np.abs(scale_of(raw, bounds)(LATENT) - quantiles(raw, bounds)) / (bounds[1] - bounds[0])
    assert off.max() < 1e-5


@pytest.mark.parametrize(
    ("raw", "twin"),
    [
        ({"pert": [0.2, 0.65, 1.0]}, {"pert": [0.2, 0.6501, 1.0]}),
        ({"beta": [2, 5]}, {"beta": [2, 5.001]}),
        ({"normal": [0.5, 0.2]}, {"normal": [0.5, 0.2001]}),
        ({"triangular": [0, 0.3, 1]}, {"triangular": [0, 0.3001, 1]}),
    ],
)
def test_a_slightly_different_distribution_is_noticed(raw: Json, twin: Json) -> None:
    assert np.abs(scale_of(twin, (0, 1))(LATENT) - quantiles(raw, (0, 1))).max() > 1e-5


@pytest.mark.parametrize(("raw", "bounds"), CASES)
def test_the_scale_rises_and_stays_within_the_range(raw: Json | None, bounds: tuple[float, float]) -> None:
    values = scale_of(raw, bounds)(np.linspace(-40, 40, 100_001))
    assert np.all(np.diff(values) >= 0)
    assert bounds[0] <= values[0] <= values[-1] <= bounds[1]


@pytest.mark.parametrize(("raw", "bounds"), CASES)
def test_latent_is_the_inverse(raw: Json | None, bounds: tuple[float, float]) -> None:
    scale = scale_of(raw, bounds)
    for value in scale(np.linspace(-3, 3, 61)):
        back = scale(np.array([scale.latent(float(value))]))[0]
        assert back == pytest.approx(value, abs=1e-9 * (bounds[1] - bounds[0]))


def test_latent_of_the_uniform_is_the_normal_quantile() -> None:
    scale = scale_of(None, (0, 1))
    for share in (1e-6, 0.01, 0.3, 0.5, 0.62, 0.99, 1 - 1e-6):
        assert scale.latent(share) == pytest.approx(NormalDist().inv_cdf(share), abs=1e-5)


@pytest.mark.parametrize(
    ("raw", "bounds", "mean"),
    [
        ({"pert": [0.2, 0.65, 1.0]}, (0, 1), lambda: (0.2 + 4 * 0.65 + 1.0) / 6),
        ({"beta": [0.2, 3]}, (2, 4), lambda: 2 + 2 * 0.2 / 3.2),
        ({"triangular": [10, 30, 30]}, (0, 40), lambda: 70 / 3),
        ({"normal": [2, 0.5]}, (0, 1), lambda: stats.truncnorm(-4, -2, 2, 0.5).mean()),
    ],
)
def test_means_agree_with_closed_forms(raw: Json, bounds: tuple[float, float], mean: Callable[[], float]) -> None:
    """The integral of the scale over the latent normal, by the trapezium rule."""
    latent = np.linspace(-8.5, 8.5, 200_001)
    density = np.exp(-0.5 * latent**2)
    found = (scale_of(raw, bounds)(latent) * density).sum() / density.sum()
    assert found == pytest.approx(mean(), abs=1e-5 * (bounds[1] - bounds[0]))
