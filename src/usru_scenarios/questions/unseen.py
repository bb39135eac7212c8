"""Trials that may exist and were never drawn, and what they could make of an estimate that is no mean: method (27).

Where all trials are of one kind, nothing is added, and the error may be 0.
"""

from __future__ import annotations

import numpy as np

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.program.program import Floats
from usru_scenarios.program.support import Support


@dataclass(frozen=True)
class UnseenTrialBounds:
    """Trials that were never drawn, as they can be at a step.

    Attributes:
        support: what is possible.
        step: the step.
        chance: the least and the largest probability, in any trial, of what is asked about.
        weight: how much they weigh, in the weights of the trials that were drawn.
    """

    support: Support
    step: int
    chance: tuple[float, float]
    weight: float


def extreme_distributions(mean: Floats, low: Floats, high: Floats) -> Floats:
    """Kinds of trials, in each of which one cell is as likely or unlikely as it can be; the others share the rest.

    Args:
        mean: shape (..., cells), the probabilities of cells that share out all scenarios, on average.
        low: the same shape, the least in any trial.
        high: the largest.

    Returns:
        Shape (2 cells, ..., cells): first the least of each cell, then the largest.
    """
    cells = mean.shape[-1]
    own = np.eye(cells, dtype=np.bool_).reshape(cells, *(1,) * (mean.ndim - 1), cells)
    rest = np.where(own, 0.0, mean)
    total = rest.sum(axis=-1, keepdims=True)
    share = np.divide(rest, total, out=np.where(own, 0.0, np.ones_like(rest) / max(cells - 1, 1)), where=total > 0)

    def kinds(ends: Floats) -> Floats:
        return np.where(own, ends, share * (1.0 - np.where(own, ends, 0.0).sum(axis=-1, keepdims=True)))

    return np.concatenate([kinds(low), kinds(high)])
