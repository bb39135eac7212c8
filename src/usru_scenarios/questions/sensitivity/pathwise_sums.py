"""The sums of a walk from which the effects of judgements and weights follow: methods (49) to (51)."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation.batches import BatchSums
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.program.program import Floats


@dataclass(frozen=True)
class EffectEstimates:
    """Effects of some things on the scenarios, and how they vary between batches.

    Attributes:
        value: shape (things, scenarios).
        residuals: shape (batches, things, scenarios), what each batch's sums are off, to first order; sum 0.
        count: the trials.
    """

    value: Floats
    residuals: Floats
    count: float


@dataclass
class CovarianceSums(BatchSums):
    """Sums over batches that give effects of some things on the scenarios, each as a covariance or a plain mean.

    Attributes:
        with_visits: shape (batches, things, scenarios), sums of probability times (W - 1), or of the effect itself;
            each step by how much it counts.
        weight_changes: shape (batches, steps, things), sums of W - 1 at the steps that count; 0 where the effect is
            plain.
        weight_squares: shape (things,), sums of W squared at the last step; 0 where the effect is plain.
        weight_totals: shape (things,), sums of W at the last step.
    """

    OVER_ALL_TRIALS = frozenset({"weight_squares", "weight_totals"})

    with_visits: Floats
    weight_changes: Floats
    weight_squares: Floats
    weight_totals: Floats

    @classmethod
    def zeros(cls, batches: int, steps: int, things: int, scenarios: int) -> CovarianceSums:
        """The sums of no trials."""
        return cls(
            np.zeros((batches, things, scenarios)),
            np.zeros((batches, steps, things)),
            np.zeros(things),
            np.zeros(things),
        )

    def effects(self, sums: PathwiseSums, shares: Floats) -> EffectEstimates:
        """The effects; `shares` is how much each of the steps counts that `weight_changes` is about."""
        trials, visits = sums.trials, sums.visits
        count = trials.sum()
        mean, change = visits.sum(axis=0) / count, self.weight_changes.sum(axis=0) / count
        centre = np.einsum("t,tc,tk->kc", shares, mean, change)
        value = self.with_visits.sum(axis=0) / count - centre
        residuals = self.with_visits - (value - centre) * trials[:, None, None]
        if self.weight_changes.any():
            residuals -= np.einsum("tc,btk->bkc", shares[:, None] * mean, self.weight_changes, optimize=True)
            residuals -= np.einsum("tk,btc->bkc", shares[:, None] * change, visits, optimize=True)
        return EffectEstimates(value, residuals, count)

    def ratio_effects(self, sums: PathwiseSums) -> EffectEstimates:
        """The effects given what is observed, by method (65): E[f W] / E[W] - E[f], at the one time that counts.

        The mean of W is not known then to be 1: how much likelier W makes what is observed is part of the effect. Where
        the effect is plain, no weight changes.
        """
        trials, visits = sums.trials, sums.visits[:, 0]
        count = trials.sum()
        weights = trials[:, None] + self.weight_changes[:, 0]
        mean, weight_totals = visits.sum(axis=0) / count, weights.sum(axis=0)
        changed = visits[:, None] + self.with_visits
        value = changed.sum(axis=0) / weight_totals[:, None]
        residuals = (changed - value * weights[..., None]) * (count / weight_totals)[:, None]
        residuals -= (visits - mean * trials[:, None])[:, None]
        return EffectEstimates(value - mean, residuals, count)

    def effective_share(self, trials: float) -> Floats:
        """For what share of the trials the weighted ones stand, shape (things,): (sum W)^2 / (n sum W^2)."""
        totals, squares = self.weight_totals, self.weight_squares
        return np.divide(totals**2, trials * squares, out=np.ones_like(totals), where=squares > 0)


@dataclass
class PathwiseSums(BatchSums):
    """The sums of a walk.

    Attributes:
        trials: shape (batches,); under observations the weights of the trials.
        visits: shape (batches, steps, scenarios), sums of the scenario's probability at the steps that count; under
            observations of what is asked of a trial, as if at one step.
        judgements, weights: of the judgements and of the weights.
    """

    trials: Floats
    visits: Floats
    judgements: CovarianceSums
    weights: CovarianceSums


class BlockSums(NamedTuple):
    """The sums of a block, and what tells its trials apart.

    Attributes:
        edges: shape (batches,), where each batch starts.
        weights: of the trials, shape (trials,), or () where all count alike.
        trials: how many there are.
    """

    sums: PathwiseSums
    edges: npt.NDArray[np.int64]
    weights: Floats
    trials: int


def sum_products(first: Floats, second: Floats, edges: npt.NDArray[np.int64]) -> Floats:
    """Sums over batches of products, of shape (things, trials) each; shape (batches, things, other things)."""
    trials, batches = first.shape[1], len(edges)
    if trials == batches * (size := trials // batches) and (edges == np.arange(0, trials, size)).all():
        by_batch = [values.reshape(len(values), batches, size).swapaxes(0, 1) for values in (first, second)]
        sum_products: Floats = by_batch[0] @ by_batch[1].swapaxes(1, 2)
        return sum_products
    bounds = [*edges.tolist(), trials]
    return np.array([first[:, low:high] @ second[:, low:high].T for low, high in pairwise(bounds)])
