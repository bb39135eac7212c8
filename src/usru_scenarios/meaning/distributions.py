"""The scale of a numeric driver: from a latent standard normal to the driver's own distribution.

Every family is reached in the same way: its log-density on the support is integrated in logit coordinates, where it is
smooth and falls off at both ends whatever its shape at the edges, and the resulting quantiles are tabulated against the
latent normal. No family needs special functions of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from usru_scenarios.model import Distribution

Floats = npt.NDArray[np.float64]

_REACH = 8.5
"""The table ends at this many standard deviations; beyond lies less than 1e-17 of the probability."""
_KNOTS = 8192
"""Intervals of the table: 0.002 standard deviations each, an interpolation error below 1e-6 of the range."""
_CELLS = (512, 512, 512, 32_768)
"""Cells of the integration; all passes but the last only find where the density is."""
_NEGLIGIBLE = 45.0
"""Log-density below the peak past which nothing is left: exp(-45) is 3e-20."""


@dataclass(frozen=True)
class LatentScale:
    """The map x = F^-1(Phi(z)) from the latent normal to the scale, tabulated.

    Attributes:
        low, high: the declared range.
        values: shape (knots,), x at equally spaced z from -8.5 to 8.5.
    """

    low: float
    high: float
    values: Floats

    @classmethod
    def of(cls, distribution: Distribution | None, scale: tuple[float, float]) -> LatentScale:
        """The scale of a numeric driver's `distribution` (default: uniform on its range)."""
        return cls(*scale, _tabulate(*_log_density(distribution, *scale)))

    def __call__(self, latent: Floats) -> Floats:
        """The values of the scale at latent normals, any shape; linear between the knots of the table."""
        position = (latent + _REACH) * (_KNOTS / (2 * _REACH))
        np.clip(position, 0.0, _KNOTS - 1e-9, out=position)
        index = position.astype(np.intp)
        position -= index
        left = self.values.take(index)
        right = self.values.take(index + 1)
        right -= left
        right *= position
        right += left
        return right

    def latent(self, value: float) -> float:
        """The latent normal at which the scale has a value; infinite for a value outside its support."""
        if value <= self.values[0]:
            return -math.inf
        if value >= self.values[-1]:
            return math.inf
        return float(np.interp(value, self.values, np.linspace(-_REACH, _REACH, _KNOTS + 1)))


LogDensity = Callable[[Floats], Floats]


def _log_density(distribution: Distribution | None, low: float, high: float) -> tuple[LogDensity, float, float]:
    """A log-density (up to a constant) over a share of the way from 0 to 1 through a support, and that support."""
    if distribution is None:
        return _beta(1.0, 1.0), low, high
    a, b, *rest = (parameter.mean for parameter in distribution.parameters)
    match distribution.family:
        case "uniform":
            return _beta(1.0, 1.0), a, b
        case "beta":
            return _beta(a, b), low, high
        case "pert":
            width = rest[0] - a
            return _beta(1.0 + 4.0 * (b - a) / width, 1.0 + 4.0 * (rest[0] - b) / width), a, rest[0]
        case "triangular":
            mode = (b - a) / (rest[0] - a)
            return _triangle(mode), a, rest[0]
        case "normal":
            low, high = _normal_support(a, b, low, high)
            return _bell((a - low) / (high - low), b / (high - low)), low, high


def _beta(a: float, b: float) -> LogDensity:
    """The density of x^(a-1) (1-x)^(b-1), times the x (1-x) of the logit coordinate, in that coordinate."""
    return lambda logit: -a * np.logaddexp(0.0, -logit) - b * np.logaddexp(0.0, logit)


def _triangle(mode: float) -> LogDensity:
    def log_density(logit: Floats) -> Floats:
        share, rest = 1.0 / (1.0 + np.exp(-logit)), 1.0 / (1.0 + np.exp(logit))
        height = np.where(share < mode, share * (1.0 - mode), rest * mode) if 0 < mode < 1 else (rest, share)[int(mode)]
        return np.log(height) + _beta(1.0, 1.0)(logit)

    return log_density


def _bell(mean: float, sd: float) -> LogDensity:
    def log_density(logit: Floats) -> Floats:
        share = 1.0 / (1.0 + np.exp(-logit))
        return -0.5 * ((share - mean) / sd) ** 2 + _beta(1.0, 1.0)(logit)

    return log_density


def _normal_support(mean: float, sd: float, low: float, high: float) -> tuple[float, float]:
    """The part of the range in which a truncated normal has any weight to speak of."""
    left, right = max(low, mean - 9.5 * sd), min(high, mean + 9.5 * sd)
    if left < right:
        return left, right
    edge, distance = (low, low - mean) if mean < low else (high, mean - high)
    reach = min(high - low, _NEGLIGIBLE * sd * sd / distance)
    return (edge, edge + reach) if mean < low else (edge - reach, edge)


def _tabulate(log_density: LogDensity, low: float, high: float) -> Floats:
    """The quantiles at Phi(z) for equally spaced z, by Simpson's rule in each cell of the logit coordinate."""
    first, last = -700.0, 700.0
    for cells in _CELLS:
        logits = np.linspace(first, last, 2 * cells + 1)
        height = log_density(logits)
        height -= height.max()
        (inside,) = np.nonzero(height > -_NEGLIGIBLE)
        first, last = logits[max(inside[0] - 1, 0)], logits[min(inside[-1] + 1, len(logits) - 1)]
    density = np.exp(height)
    mass = density[:-2:2] + 4.0 * density[1:-1:2] + density[2::2]
    below = np.concatenate(([0.0], np.cumsum(mass)))
    above = np.concatenate((np.cumsum(mass[::-1])[::-1], [0.0]))
    half = [0.5 * math.erfc(-z / math.sqrt(2.0)) for z in np.linspace(-_REACH, 0.0, _KNOTS // 2 + 1)]
    with np.errstate(divide="ignore"):
        wanted, edges = np.log(half), logits[::2]
        lower = np.interp(wanted, np.log(below / below[-1])[1:], edges[1:])
        upper = np.interp(wanted, np.log(above / above[0])[-2::-1], edges[-2::-1])
    share = np.concatenate((lower, upper[-2::-1]))
    return low + (high - low) / (1.0 + np.exp(-share))
