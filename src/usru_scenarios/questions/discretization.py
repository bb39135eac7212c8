"""Nodes read as one of a few states: those with states as they are, numbers by parts of their own distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.program.events import Truth
from usru_scenarios.program.program import Floats, Node, NumericNode, Program
from usru_scenarios.program.support import Support

Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Discretization:
    """A node read as one of a few states, which have numbers in their order: codes.

    Attributes:
        index: the node's place in `BlockStates`.
        states: what the codes mean.
        edges: the values that part the states of a number; none of a node with states.
    """

    node: str
    index: int
    states: tuple[str, ...]
    edges: tuple[float, ...] = ()

    @classmethod
    def of(cls, node: Node, index: int, parts: int) -> Discretization:
        """A node with this place in `BlockStates`; a number by as many equally likely parts of its distribution."""
        if not isinstance(node, NumericNode):
            return cls(node.name, index, node.states)
        edges = tuple(_quantiles(node, parts).tolist())
        return cls(node.name, index, tuple(f"{part + 1} of {parts}" for part in range(parts)), edges)

    @property
    def is_numeric(self) -> bool:
        """Whether the node is a number."""
        return bool(self.edges)

    def codes(self, values: npt.NDArray[np.generic]) -> Codes:
        """The states of trials, shape (trials,), from their states or values."""
        if self.edges:
            return np.searchsorted(np.array(self.edges), values, side="right").astype(np.uint8)
        return values.astype(np.uint8, copy=False)

    def possible(self, support: Support, step: int) -> Truth:
        """Which of the states are possible at a step, shape (states,)."""
        if self.node in support.possible:
            states: Truth = support.possible[self.node][step]
            return states
        first, last = np.searchsorted(np.asarray(self.edges), support.ranges[self.node][step], side="right")
        parts = np.arange(len(self.states))
        within: Truth = (parts >= first) & (parts <= last)
        return within


def discretizations(program: Program, names: Sequence[str]) -> list[Discretization]:
    """How some nodes are read, in the program's order: numbers by thirds whose names say where they are."""
    return [_discretize(node, index) for index, node in enumerate(program.nodes.values()) if node.name in names]


def _discretize(node: Node, index: int) -> Discretization:
    thirds = Discretization.of(node, index, 3)
    if not thirds.is_numeric:
        return thirds
    low, high = _round_edges(*thirds.edges)
    states = f"< {low:.12g}", f"{low:.12g} to {high:.12g}", f">= {high:.12g}"
    return replace(thirds, states=states, edges=(low, high))


def _quantiles(node: NumericNode, parts: int) -> Floats:
    """What parts the own distribution of a number into equally likely parts, shape (edges,)."""
    return node.scale(np.array([NormalDist().inv_cdf(part / parts) for part in range(1, parts)]))


def _round_edges(low: float, high: float) -> tuple[float, float]:
    """Two edges with as few digits as keep them well apart, so that their names say exactly where they are."""
    digits = max(2 - math.floor(math.log10(high - low)), 0) - 1 if high > low else 12
    return round(low, digits), max(round(high, digits), math.nextafter(round(low, digits), math.inf))
