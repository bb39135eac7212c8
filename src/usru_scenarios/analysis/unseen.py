"""Worlds that may exist and were never drawn, and what they could make of an estimate that is no mean over worlds.

By the rule of three (`sampler.estimates.floored`) worlds of a kind of which none was drawn may weigh as much as three
of those drawn. Of a ratio, an information or a share of variance the error is therefore at least the most by which it
changes when three worlds of one kind are added to the sums that it is made of. Where all worlds are of one kind,
nothing is added, and the error may be 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from usru_scenarios.meaning.program import Floats
from usru_scenarios.meaning.support import Support
from usru_scenarios.meaning.truth import Truth
from usru_scenarios.sampler.estimates import Estimate

_ROUNDING = 1e-10
"""An estimate that is changed by no more than this, or this share of it, is the same."""


@dataclass(frozen=True)
class Unseen:
    """Worlds that were never drawn, as they can be at a step.

    Attributes:
        support: what is possible.
        step: the step.
        chance: the least and the largest probability, in any world, of what is asked about.
        weight: how much they weigh, in the weights of the worlds that were drawn.
    """

    support: Support
    step: int
    chance: tuple[float, float]
    weight: float

    def possible(self, node: str, edges: Sequence[float] = ()) -> Truth:
        """The possible states of a node, or parts of its scale between edges: shape (states,)."""
        return possible_at(self.support, self.step, node, edges)


def possible_at(support: Support, step: int, node: str, edges: Sequence[float] = ()) -> Truth:
    """The possible states of a node at a step, or parts of its scale between edges: shape (states,)."""
    if node in support.possible:
        states: Truth = support.possible[node][step]
        return states
    first, last = np.searchsorted(np.asarray(edges), support.ranges[node][step], side="right")
    parts = np.arange(len(edges) + 1)
    within: Truth = (parts >= first) & (parts <= last)
    return within


def covering_unseen(found: Estimate, changed: Floats) -> Estimate:
    """An estimate whose error covers what worlds that were never drawn could make of it.

    Args:
        found: of any shape; where the value is no number, its error stays.
        changed: shape (kinds, ...), what the estimate is with each kind of such worlds added; what is no number, as
            where that kind is impossible, counts for nothing.
    """
    with np.errstate(invalid="ignore"):
        apart = np.abs(changed - found.value)
        counts = np.isfinite(apart) & (apart > _ROUNDING * (1.0 + np.abs(found.value)))
    least = np.where(counts, apart, 0.0).max(axis=0, initial=0.0)
    return Estimate(found.value, np.where(np.isfinite(found.value), np.fmax(found.error, least), found.error))
