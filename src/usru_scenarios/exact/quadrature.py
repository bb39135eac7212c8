"""The latent normal of a numeric node as a quadrature, and what it says of the node's value: method (38)."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.program.latent_scale import LatentScale
from usru_scenarios.program.program import Floats

_POINTS_PER_PIECE = 16
"""Points of the quadrature rule on each piece."""
_REACH = 8.0
"""The quadrature ends at this many standard deviations; beyond lies 1e-15 of the probability."""
_LONGEST_PIECE = 2.0
"""The longest piece, in standard deviations."""
FINE_PIECE = 0.05
"""The longest piece where a value is only averaged, which costs little."""


@dataclass(frozen=True)
class SmoothScale:
    """The tabulated map from the latent normal to the scale, read by cubic interpolation.

    A quadrature rule wants smooth integrands, and the straight pieces between the knots of the table have corners.
    """

    scale: LatentScale

    @property
    def _knots(self) -> Floats:
        return np.linspace(-8.5, 8.5, len(self.scale.values))

    def __call__(self, latent: Floats) -> Floats:
        """The values at latent normals, any shape: Lagrange's polynomial through the four nearest knots."""
        table = self.scale.values
        knots = self._knots
        position = (np.clip(latent, knots[0], knots[-1]) - knots[0]) / (knots[1] - knots[0])
        first = np.clip(position.astype(np.intp) - 1, 0, len(table) - 4)
        s = position - first
        value: Floats = (
            -table[first] * (s - 1) * (s - 2) * (s - 3) / 6
            + table[first + 1] * s * (s - 2) * (s - 3) / 2
            - table[first + 2] * s * (s - 1) * (s - 3) / 2
            + table[first + 3] * s * (s - 1) * (s - 2) / 6
        )
        return np.clip(value, table[0], table[-1])

    def latent(self, values: Floats) -> Floats:
        """The latent normals at which the scale has some values, any shape, by bisection; its ends beyond them."""
        knots = self._knots
        right = np.clip(np.searchsorted(self.scale.values, values), 1, len(knots) - 1)
        low, high = knots[right - 1], knots[right]
        for _ in range(50):
            middle = 0.5 * (low + high)
            below = self(middle) < values
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return high


def quadrature(kinks: Iterable[float], longest: float = _LONGEST_PIECE) -> tuple[Floats, Floats]:
    """Points and weights that integrate over the standard normal a function smooth between `kinks`: method (38).

    Args:
        kinks: in any order, repeated or not.
        longest: the longest piece, in standard deviations.

    Returns:
        Two arrays of shape (points,); the weights sum to 1.
    """
    regular = np.arange(-_REACH, _REACH + longest / 2, longest)
    cuts = np.unique([*regular, *(kink for kink in kinks if abs(kink) < _REACH)])
    cuts = cuts[np.append(True, np.diff(cuts) > 1e-12)]
    nodes, node_weights = np.polynomial.legendre.leggauss(_POINTS_PER_PIECE)
    half_widths = np.diff(cuts)[:, None] / 2
    points = (cuts[:-1, None] + half_widths * (1 + nodes)).ravel()
    weights = (half_widths * node_weights).ravel() * np.exp(-0.5 * points**2)
    return points, weights / weights.sum()


@dataclass(frozen=True)
class LatentQuadrature:
    """The latent normal of a numeric node that is drawn once, as the points of a quadrature.

    Attributes:
        name: of the variable that stands for it.
        first_step: the first step at which anything asks for it.
        points, weights: shape (points,), standard normals and their weights.
    """

    name: str
    first_step: int
    points: Floats
    weights: Floats


@dataclass(frozen=True)
class NodeDistribution:
    """How a numeric node is distributed at a step, given the variables that its value is a function of.

    Attributes:
        centre, sd: of the latent normal, before points move it.
        shift: shape (size of each variable ...), by how much points move it; (1,) where the value is known.
        weights: of the quadrature points, shape (points,), along `axis`; one of weight 1 where it is integrated out.
        axis: the axis of the variables that the quadrature points run along, or None.
        fixed_value: the value where it is known whatever the latent normal, or None.
    """

    scale: SmoothScale
    centre: float
    sd: float
    shift: Floats
    weights: Floats
    axis: int | None
    fixed_value: float | None = None

    def below_given(self, value: float, variables: int) -> Floats:
        """P(x <= value) given the states of so many variables, of a shape that broadcasts over theirs.

        Within the stretch of the latent normal that a quadrature point stands for, the normal's own shape is used: the
        result has no error of discretisation where the latent normal is independent of the other variables.
        """
        if self.fixed_value is not None:
            return np.array(float(self.fixed_value <= value))
        edge = float(self.scale.latent(np.array(value))) - self.centre - self.shift
        if self.sd == 0.0:
            return (edge >= 0).astype(np.float64)
        cumulative = _normal_cdf(edge / self.sd)
        shape = [-1 if axis == self.axis else 1 for axis in range(variables)]
        weights = self.weights.reshape(shape)
        cumulative_before = (np.cumsum(self.weights) - self.weights).reshape(shape)
        return np.clip((cumulative - cumulative_before) / weights, 0.0, 1.0)

    def quantile(self, share: float, joint: Floats) -> float:
        """The least value that is not exceeded with probability `share`, by bisection.

        The axes of `joint`, the joint distribution of the variables, are theirs.
        """
        if self.fixed_value is not None:
            return self.fixed_value
        low, high = float(self.scale.scale.values[0]), float(self.scale.scale.values[-1])
        for _ in range(60):
            middle = 0.5 * (low + high)
            below = float((joint * self.below_given(middle, joint.ndim)).sum())
            low, high = (middle, high) if below < share else (low, middle)
        return high


def _normal_cdf(z: Floats) -> Floats:
    return np.array([0.5 * math.erfc(-x / math.sqrt(2.0)) for x in np.ravel(z).tolist()]).reshape(np.shape(z))
