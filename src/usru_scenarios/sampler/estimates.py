"""Estimates with standard errors, from sums over batches of trials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """Ratios of sums over batches, and their standard errors, any shape."""

    value: Floats
    error: Floats


def ratio(numerators: Floats, denominators: Floats) -> Estimate:
    """The ratio of two sums over batches, with the standard error of the delta method.

    Args:
        numerators: shape (batches, ...).
        denominators: shape (batches,) or as the numerators.

    With residuals d = y - r x, the squared error of r = sum y / sum x is B / (B - 1) * sum d^2 / (sum x)^2 over B
    batches (W. G. Cochran, Sampling Techniques, 1977, section 2.11). Where the denominator is 0, both are NaN.
    """
    shaped = denominators.reshape(denominators.shape + (1,) * (numerators.ndim - denominators.ndim))
    batches = len(numerators)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = shaped.sum(axis=0)
        value = numerators.sum(axis=0) / total
        residuals = numerators - value * shaped
        error = np.sqrt((residuals**2).sum(axis=0) * (batches / (batches - 1))) / total
    return Estimate(value, error)
