"""What the uncertain judgements leave open: how far an estimate lies apart between their draws, by method (32)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation.estimates import (
    DRAWS_PER_CONTROL,
    Controls,
    matrix_product,
    orthonormal_basis,
    sum_halves,
)
from usru_scenarios.light_dataclasses import dataclass

Floats = npt.NDArray[np.float64]

_NOISE_ERRORS, _CERTAIN_ERRORS = 2.0, 3.0
"""Below so many standard errors something counts as noise, from so many on it counts in full; between them in part."""
VALUES_AT_ONCE = 256
"""How many values are worked on at once: few, so that memory stays small."""
_EDGE = 1.645
"""A normal distribution has 5 % beyond so many standard deviations."""
_EDGE_ERROR = 2.1
"""sqrt(q (1 - q)) / density of a normal distribution at q = .05: times sd / sqrt(n) the error of a sample quantile."""


@dataclass(frozen=True)
class JudgementBand:
    """How far something lies apart between draws of the judgements, any shape.

    Attributes:
        low, high: its 5 % and 95 % quantiles over the draws.
        by_trials: the standard error of the width between them that comes of there being so many trials and no more.
        by_draws: the same that comes of there being so many draws.
        hidden: by how much wider the band would be with one standard error of what can't be told from noise.
    """

    low: Floats
    high: Floats
    by_trials: Floats
    by_draws: Floats
    hidden: Floats


@dataclass(frozen=True)
class PerDraw:
    """An estimate in each draw of the judgements.

    Attributes:
        values: shape (3, draws, ...): by all trials of the draw, by the first half of them, by the second; NaN where
            there is none.
        weights: shape (draws,), by how much a draw counts.
        functions: shape (draws, columns), of the judgements: those that controls are made of.
    """

    values: Floats
    weights: Floats
    functions: Floats

    @classmethod
    def of(cls, numerators: Floats, denominators: Floats, controls: Controls) -> PerDraw:
        """The ratio of two sums, averaged over the columns, of shape (2 * draws, columns)."""
        values = _ratios_by_draw(numerators, denominators).mean(axis=2)
        return cls(values, sum_halves(denominators).mean(axis=1), controls.basis)

    def band(self, share: float = 0.9) -> JudgementBand:
        """The band of the values, freed of noise, by method (32); `share` of the draws lies in it."""
        shape = self.values.shape[2:]
        flat = self.values.reshape(*self.values.shape[:2], -1)
        has_values = np.isfinite(flat).all(axis=(0, 2)) & (self.weights > 0)
        if np.count_nonzero(has_values) < 2:
            undefined = np.full(shape, np.nan)
            return JudgementBand(undefined, undefined, undefined, undefined, undefined)
        draw_basis = _DrawBasis(self.weights, self.functions, has_values)
        band = concatenate_bands(
            JudgementBand(*_VarianceSplit(flat[:, has_values, start : start + VALUES_AT_ONCE], draw_basis).band(share))
            for start in range(0, flat.shape[2], VALUES_AT_ONCE)
        )
        return JudgementBand(*(part.reshape(shape) for part in vars(band).values()))


class _DrawBasis:
    """The draws that are told apart: what each counts, and orthonormal functions of the judgements under that.

    Args:
        weights: shape (draws,).
        functions: shape (draws, columns), of the judgements; orthonormal already where all draws count alike.
        has_values: shape (draws,), which draws have an estimate.
    """

    def __init__(self, weights: Floats, functions: Floats, has_values: npt.NDArray[np.bool_]) -> None:
        weights, functions = weights[has_values], functions[has_values]
        self.weights = (weights / weights.sum())[:, None]
        self.roots = np.sqrt(self.weights)
        self.draws = 1.0 / float((self.weights**2).sum())
        most_functions = int(self.draws) // DRAWS_PER_CONTROL
        if has_values.all() and np.all(weights == weights[0]):
            self.basis = functions[:, :most_functions]
        else:
            columns = np.hstack([self.roots, self.roots * functions[:, :most_functions]])
            self.basis = orthonormal_basis(columns, np.zeros(columns.shape[1]))[0][:, 1:]


class _VarianceSplit:
    """Estimates by draw, taken apart into what the judgements make of them and noise.

    Args:
        values: shape (3, draws, things), as in `PerDraw`.
        draw_basis: of the draws.
    """

    def __init__(self, values: Floats, draw_basis: _DrawBasis) -> None:
        self.values, first, second = values
        self.weights, self.roots = draw_basis.weights, draw_basis.roots
        self.basis, self.draws = draw_basis.basis, draw_basis.draws
        self.mean = (self.weights * self.values).sum(axis=0)
        self.off_mean = self.values - self.mean
        self.noise = ((first - second) / 2) ** 2

    def band(self, share: float) -> tuple[Floats, ...]:
        """The fields of `JudgementBand`, each of shape (things,)."""
        fit, fit_error, columns = self._fit()
        rest, rest_error, unseen = self._shrink_rest(self.off_mean - fit, columns)
        denoised = np.clip(self.mean + fit + rest, self.values.min(axis=0), self.values.max(axis=0))
        low, high = _weighted_quantiles(denoised, self.weights, ((1 - share) / 2, (1 + share) / 2))
        variance = (self.weights * (fit + rest) ** 2).sum(axis=0)
        error = np.hypot(fit_error, rest_error)
        by_trials = np.divide((high - low) * error, 2.0 * variance, out=np.zeros_like(error), where=variance > 0)
        by_draws = _EDGE_ERROR * np.sqrt(2.0 * (self.weights * rest**2).sum(axis=0) / self.draws)
        hidden = np.hypot(high - low, 2.0 * _EDGE * np.sqrt(unseen)) - (high - low)
        return low, high, by_trials, by_draws, hidden

    def _fit(self) -> tuple[Floats, Floats, Floats]:
        """The fit, shape (draws, things), the error of its variance, and how many columns it takes, (things,)."""
        coefficients = matrix_product(self.basis.T, self.roots * self.off_mean)
        residuals = self.off_mean - matrix_product(self.basis, coefficients) / self.roots
        basis_squares = self.basis.T**2
        squares = np.maximum(residuals**2 * self.draws / max(self.draws - 1 - self.basis.shape[1], 1.0), self.noise)
        errors = np.sqrt(matrix_product(basis_squares, self.weights * squares))
        shrinkage = _shrinkage_factor(np.abs(coefficients), errors)
        fit = matrix_product(self.basis, shrinkage * coefficients) / self.roots
        by_noise = matrix_product(basis_squares, self.weights * self.noise)
        return fit, np.sqrt(4.0 * ((shrinkage * coefficients) ** 2 * by_noise).sum(axis=0)), (shrinkage > 0).sum(axis=0)

    def _shrink_rest(self, rest: Floats, columns: Floats) -> tuple[Floats, Floats, Floats]:
        """What the fit leaves, shrunk to what is no noise; the error of its variance where it counts, and where not."""
        variance = (self.weights * rest**2).sum(axis=0) * self.draws / np.maximum(self.draws - 1 - columns, 1.0)
        noise = (self.weights * self.noise).sum(axis=0)
        error = np.sqrt(2.0 * (variance**2 + noise**2) / self.draws) * (noise > 0)
        true_variance = np.maximum(variance - noise, 0.0)
        true_variance *= _shrinkage_factor(true_variance, error)
        ratio = np.divide(true_variance, variance, out=np.zeros_like(variance), where=variance > 0)
        return rest * np.sqrt(ratio), error * (true_variance > 0), error * (true_variance == 0)


def _shrinkage_factor(size: Floats, error: Floats) -> Floats:
    """How much of something counts, from 0 to 1, by how many standard errors it has."""
    errors_from_zero = np.divide(size, error, out=np.full(np.shape(size), np.inf), where=error > 0)
    factor: Floats = np.clip((errors_from_zero - _NOISE_ERRORS) / (_CERTAIN_ERRORS - _NOISE_ERRORS), 0.0, 1.0)
    return factor


def judgement_band(numerators: Floats, denominators: Floats, controls: Controls) -> JudgementBand:
    """The 90% band of ratios of sums over the draws of the judgements.

    Args:
        numerators: shape (2 * draws, ...), two batches of trials for each draw.
        denominators: shape (2 * draws,).
        controls: of the draws.
    """
    weights = denominators.reshape(denominators.shape + (1,) * (numerators.ndim - 1))
    return PerDraw(_ratios_by_draw(numerators, weights), sum_halves(denominators), controls.basis).band()


def _ratios_by_draw(numerators: Floats, denominators: Floats) -> Floats:
    """Ratios of sums by all trials of a draw, by the first half of them, and by the second, shape (3, draws, ...)."""
    halves = ((numerators[half::2], denominators[half::2]) for half in range(2))
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = ((sum_halves(numerators), sum_halves(denominators)), *halves)
        return np.array([part / total for part, total in parts])


def concatenate_bands(parts: Iterable[JudgementBand]) -> JudgementBand:
    """The spreads of several things, one after the other along their first axis."""
    return JudgementBand(*(np.concatenate(part) for part in zip(*(vars(each).values() for each in parts), strict=True)))


def _weighted_quantiles(values: Floats, weights: Floats, shares: Sequence[float]) -> Iterable[Floats]:
    """Quantiles of each column, shape (columns,) each: linear between the midpoints of the weights' steps.

    Where all weights are alike, as they mostly are, columns are sorted without a record of their order, which takes a
    tenth of the time.

    Args:
        values: shape (rows, columns).
        weights: shape (rows, 1).
        shares: which quantiles.
    """
    if np.all(weights == weights[0]):
        values, weights = np.sort(values.T).T, np.broadcast_to(weights, values.shape)
    else:
        order = np.argsort(values, axis=0, kind="stable")
        values = np.take_along_axis(values, order, axis=0)
        weights = np.take_along_axis(np.broadcast_to(weights, values.shape), order, axis=0)
    places = np.cumsum(weights, axis=0) - weights / 2
    columns = list(zip(places.T, values.T, strict=True))
    quantiles: Floats = np.array([np.interp(shares, place, value) for place, value in columns])
    return quantiles.T
