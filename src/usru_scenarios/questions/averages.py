"""Averages over the draws of uncertain judgements, of what is known exactly in each of them: method (34)."""

from __future__ import annotations

import numpy as np

from usru_scenarios.estimation.bands import JudgementBand, PerDraw
from usru_scenarios.estimation.estimates import Controls, Estimate, ratio, with_control_variates
from usru_scenarios.program.program import Floats

_ALIKE = 1e-13
"""What differs by no more between draws is the same in all of them: the rest is rounding."""


class DrawAverages:
    """What averages over the draws of the judgements are made of, and the bands that were found.

    Where judgements are not drawn, what is known is its own average.

    Args:
        weights: shape (draws,), how likely what was observed is in each draw; of one draw where none is drawn.
        controls: of the program.
    """

    def __init__(self, weights: Floats, controls: Controls) -> None:
        self.drawn = controls.draws > 0
        self.weights = weights
        self.controls = controls
        self.bands: list[JudgementBand] = []

    def mean(self, values: Floats) -> Floats:
        """The plain average over the draws, each by its weight: shape (...) for values of shape (draws, ...)."""
        return np.asarray(np.tensordot(self.weights, values, axes=1) / self.weights.sum()) if self.drawn else values

    def of(self, values: Floats) -> Estimate:
        """The average of values of shape (draws, ...), with the error of there being these draws and no others."""
        if not self.drawn:
            return Estimate(values, np.zeros(np.shape(values)))
        weights = self.weights.reshape(-1, *(1,) * (values.ndim - 1))
        return self.ratio(values * weights, np.broadcast_to(weights, values.shape))

    def ratio(self, parts: Floats, wholes: Floats) -> Estimate:
        """The ratio of two averages; NaN where the second is 0. What is the same in all draws has no error.

        Args:
            parts: shape (draws, ...), times the weights.
            wholes: of a shape that broadcasts to that of the parts.
        """
        wholes = np.broadcast_to(wholes, parts.shape)
        if not self.drawn:
            value = np.divide(parts, wholes, out=np.full(parts.shape, np.nan), where=wholes > 0.0)
            return Estimate(value, value * 0.0)
        found = ratio(with_control_variates(parts, self.controls), with_control_variates(wholes, self.controls))
        plain = ratio(parts, wholes).value
        unlike = np.abs(parts - plain * wholes) > _ALIKE * np.abs(wholes).max(axis=0)
        alike = ~unlike.any(axis=0)
        return Estimate(np.where(alike, plain, found.value), np.where(alike, plain * 0.0, found.error))

    def band(self, values: Floats) -> JudgementBand | None:
        """The band of values of shape (draws, ...); None where nothing is drawn, or fewer than two draws count."""
        if not self.drawn:
            return None
        found = PerDraw(np.array([values] * 3), self.weights, self.controls.basis).spread()
        if not np.isfinite(found.low).all():
            return None
        self.bands.append(found)
        return found
