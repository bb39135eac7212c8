"""A difference split over what makes it: Shapley values, which sum to it whatever works together.

The value of a factor is the mean, over all orders in which the factors can be brought in, of what bringing it in then
changes, method (64); where the orders disagree, the factors work together, and the range over the orders says by how
much.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import permutations
from typing import NamedTuple


class ShapleyValue(NamedTuple):
    """What a factor does.

    Attributes:
        value: its Shapley value.
        low: the least over the orders.
        high: the most over the orders.
    """

    value: float
    low: float
    high: float


def shapley_values(factors: Sequence[str], value: Callable[[frozenset[str]], float]) -> dict[str, ShapleyValue]:
    """What each factor contributes to the difference between all factors and none.

    Args:
        factors: few, for all of their orders are gone through.
        value: of a set of factors; asked once for each set.
    """
    known: dict[frozenset[str], float] = {}

    def of(chosen: frozenset[str]) -> float:
        if chosen not in known:
            known[chosen] = value(chosen)
        return known[chosen]

    found: dict[str, list[float]] = {factor: [] for factor in factors}
    for order in permutations(factors):
        for place, factor in enumerate(order):
            before = frozenset(order[:place])
            found[factor].append(of(before | {factor}) - of(before))
    return {name: ShapleyValue(math.fsum(one) / len(one), min(one), max(one)) for name, one in found.items()}
