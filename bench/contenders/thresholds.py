"""What the compiled contenders read: a driver's table as thresholds of random words, the outcome as factors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bench.model import Floats, Tables

GROUP = 5
"""Drivers whose weights are multiplied out into one table."""


def words(rows: Floats) -> npt.NDArray[np.uint32]:
    """Thresholds of 32 bits, shape (rows, states - 1): the state is the number of them that a random word reaches."""
    scaled = np.round(np.cumsum(rows, axis=1)[:, :-1] * 2.0**32)
    return np.minimum(scaled, 2.0**32 - 1).astype(np.uint32)


def factors(tables: Tables) -> Floats:
    """Relative weights of the scenarios, shape (groups, scenarios, states ** GROUP); their product is the weight.

    A group's combinations are numbered with its last driver varying fastest; a group that is not full uses the first
    of its entries alone.
    """
    groups = -(-tables.drivers // GROUP)
    weights = np.ones((groups, tables.scenarios, tables.states**GROUP))
    for group in range(groups):
        logits = (tables.base if group == 0 else np.zeros(tables.scenarios))[None, :]
        for score in tables.scores[group * GROUP : (group + 1) * GROUP]:
            logits = (logits[:, None, :] + score).reshape(-1, tables.scenarios)
        weights[group, :, : len(logits)] = np.exp(logits).T
    return weights
