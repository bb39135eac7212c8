"""Standard errors of what follows from sums over batches in any way, by leaving out a batch at a time: method (24)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from usru_scenarios.estimation.estimates import Estimate, Floats, widen_for_unseen

_REPLICATES = 1 << 22
"""About so many numbers of replicates are held at once."""


def jackknife(
    estimator: Callable[..., Floats], *sums: Floats, unseen: Sequence[Floats] | None = None, corrected: bool = False
) -> Estimate:
    """An estimate from sums over batches, with the standard error of leaving out one batch at a time: method (24).

    Args:
        estimator: takes totals, each with an axis of replicates before its own, and gives (replicates, ...).
        sums: each of shape (batches, ...).
        unseen: what trials that were never drawn would add to each of the sums, each of shape (kinds, ...); the error
            is at least the most by which a kind of them changes the estimate.
        corrected: whether the estimate is freed of its bias of the order 1 / batches, as the replicates tell it.
    """
    totals = [part.sum(axis=0) for part in sums]
    batches = len(sums[0])
    value = estimator(*(total[None] for total in totals))[0]
    replicates = _estimates_with_changes(estimator, totals, [-part for part in sums])
    mean = replicates.mean(axis=0)
    with np.errstate(invalid="ignore"):
        squares = ((replicates - mean) ** 2).sum(axis=0)
    if corrected:
        value = batches * value - (batches - 1) * mean
    estimate = Estimate(value, np.sqrt(squares * ((batches - 1) / batches)))
    if unseen is None:
        return estimate
    return widen_for_unseen(estimate, _estimates_with_changes(estimator, totals, unseen))


def _estimates_with_changes(
    estimator: Callable[..., Floats], totals: Sequence[Floats], changes: Sequence[Floats]
) -> Floats:
    """The estimates with each of some changes made to the totals, shape (changes, ...), a few at a time."""
    at_once = max(1, _REPLICATES // sum(total.size for total in totals))
    return np.concatenate(
        [
            estimator(*(total + each[first : first + at_once] for total, each in zip(totals, changes, strict=True)))
            for first in range(0, len(changes[0]), at_once)
        ]
    )


def jackknife_error(replicates: Floats) -> float:
    """The standard error of an estimate from its values without each batch: method (24).

    Infinite where a value is not finite, or differences are too large for a number; the squares are of differences in
    units of the largest, so that they neither overflow nor vanish.
    """
    batches = len(replicates)
    if not np.isfinite(replicates).all():
        return math.inf
    with np.errstate(over="ignore"):
        differences = replicates - replicates[0]
    largest = float(np.abs(differences).max())
    if not 0.0 < largest < math.inf:
        return largest
    differences /= largest
    variance = (batches - 1) / batches * ((differences - differences.mean()) ** 2).sum()
    return largest * math.sqrt(variance)
