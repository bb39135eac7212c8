"""The scale of a numeric driver: from a latent standard normal to the driver's own distribution, by method (4).

No family needs special functions of its own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from usru_scenarios.light_dataclasses import dataclass, replace

if TYPE_CHECKING:
    from usru_scenarios.model.families import Family, LogDensity

Floats = npt.NDArray[np.float64]

_TABLE_END = 8.5
"""The table ends at this many standard deviations; beyond lies less than 1e-17 of the probability."""
_KNOTS = 8192
"""Intervals of the table: 0.002 standard deviations each, an interpolation error below 1e-6 of the range."""
_CELLS = (512, 512, 512, 32_768)
"""Cells of the integration; all passes but the last only find where the density is."""
_ROUGH_KNOTS, _ROUGH_CELLS = 1024, (512, 512, 512, 4096)
"""For the many tables of drawn parameters: an error below 5e-5 of the range."""
_NEGLIGIBLE = 45.0
"""Log-density below the peak past which nothing is left: exp(-45) is 3e-20."""


@dataclass(frozen=True)
class LatentScale:
    """The map x = F^-1(Phi(z)) from the latent normal to the scale, tabulated.

    Attributes:
        low, high: the declared range.
        values: shape (knots,), x at equally spaced z from -8.5 to 8.5; where judgements are drawn, (draws, knots).
    """

    low: float
    high: float
    values: Floats

    @classmethod
    def of(cls, family: Family, parameters: Floats, scale: tuple[float, float]) -> LatentScale:
        """The scale of a numeric driver's distribution over its range.

        Args:
            family: of the distribution.
            parameters: shape (parameters,), or (draws, parameters). What is drawn out of order or out of the range is
                brought back: they are independent judgements, of which a draw may contradict the others.
            scale: the range.
        """
        if parameters.ndim == 1:
            return cls(*scale, _tabulate(*family.density(parameters.tolist(), *scale)))
        valid_rows = [family.order_parameters(row, *scale) for row in parameters]
        return cls(*scale, np.array([_tabulate(*family.density(row, *scale), rough=True) for row in valid_rows]))

    def select_draws(self, draws: range) -> LatentScale:
        """The scale for some draws of the judgements; itself where it does not depend on them."""
        return self if self.values.ndim == 1 else replace(self, values=self.values[draws.start : draws.stop])

    def __call__(self, latent: Floats, draws: npt.NDArray[np.int64] | None = None) -> Floats:
        """The values of the scale at latent normals, any shape; linear between the knots of the table.

        Where judgements are drawn, `draws` says which draw each latent normal has.
        """
        knots = self.values.shape[-1] - 1
        position = (latent + _TABLE_END) * (knots / (2 * _TABLE_END))
        np.clip(position, 0.0, knots - 1e-9, out=position)
        index = position.astype(np.intp)
        position -= index
        if draws is not None and self.values.ndim == 2:
            index += draws * (knots + 1)
        left = self.values.take(index, mode="wrap")  # all are in range, and this mode does not look
        right = self.values.take(index + 1, mode="wrap")
        right -= left
        right *= position
        right += left
        values: Floats = right
        return values

    def latent(self, value: float | Floats) -> Floats:
        """The latent normal at which the scale has a value; infinite outside of its ends.

        Shape (), or (draws,) where the value or the scale is drawn.
        """
        value = np.asarray(value)
        if value.ndim or self.values.ndim == 2:
            draws = len(value) if value.ndim else len(self.values)
            tables = np.broadcast_to(self.values, (draws, self.values.shape[-1]))
            pairs = zip(tables, np.broadcast_to(value, draws), strict=True)
            return np.array([_interpolate_latent(*pair) for pair in pairs])
        return np.asarray(_interpolate_latent(self.values, float(value)))


def decay_latent(persistence: Floats, latent: Floats) -> Floats:
    """The product of a persistence and a latent normal, of a shape that both broadcast to: method (3).

    Where nothing is kept it is 0, though the normal be infinite: that of a value at an end of the scale is.
    """
    decayed = np.zeros(np.broadcast_shapes(persistence.shape, latent.shape))
    np.multiply(persistence, latent, out=decayed, where=persistence > 0.0)
    return decayed


def _interpolate_latent(table: Floats, value: float) -> float:
    if value <= table[0]:
        return -math.inf
    if value >= table[-1]:
        return math.inf
    return float(np.interp(value, table, np.linspace(-_TABLE_END, _TABLE_END, len(table))))


def _tabulate(log_density: LogDensity, low: float, high: float, *, rough: bool = False) -> Floats:
    """The quantiles at Phi(z) for equally spaced z, by Simpson's rule in each cell of the logit coordinate."""
    first, last = -700.0, 700.0
    all_cells, knots = (_ROUGH_CELLS, _ROUGH_KNOTS) if rough else (_CELLS, _KNOTS)
    for cells in all_cells:
        logits = np.linspace(first, last, 2 * cells + 1)
        log_heights = log_density(logits)
        log_heights -= log_heights.max()
        (relevant,) = np.nonzero(log_heights > -_NEGLIGIBLE)
        first, last = logits[max(relevant[0] - 1, 0)], logits[min(relevant[-1] + 1, len(logits) - 1)]
    density = np.exp(log_heights)
    mass = density[:-2:2] + 4.0 * density[1:-1:2] + density[2::2]
    below = np.concatenate(([0.0], np.cumsum(mass)))
    above = np.concatenate((np.cumsum(mass[::-1])[::-1], [0.0]))
    lower_shares = [0.5 * math.erfc(-z / math.sqrt(2.0)) for z in np.linspace(-_TABLE_END, 0.0, knots // 2 + 1)]
    with np.errstate(divide="ignore"):
        log_shares, edges = np.log(lower_shares), logits[::2]
        lower = np.interp(log_shares, np.log(below / below[-1])[1:], edges[1:])
        upper = np.interp(log_shares, np.log(above / above[0])[-2::-1], edges[-2::-1])
    logit_quantiles = np.concatenate((lower, upper[-2::-1]))
    return low + (high - low) / (1.0 + np.exp(-logit_quantiles))
