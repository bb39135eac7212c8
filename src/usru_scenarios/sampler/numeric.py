"""Numeric nodes: a normal autoregression behind the scale, drawn for a whole block of trials at once."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from usru_scenarios.program.latent_scale import decay_latent
from usru_scenarios.program.program import Floats, NumericNode
from usru_scenarios.sampler.restrictions import Restriction
from usru_scenarios.sampler.rng import RandomWords
from usru_scenarios.sampler.tables import BlockStates, Lookup, PiecewiseLinear, RowIndex, added_up


class NumericKernel:
    """Draws the value of a numeric node for every trial of a block."""

    def __init__(self, node: NumericNode, step: int, index: Mapping[str, int]) -> None:
        self.node = node
        self.first = step == 0
        self.imposed = float(node.imposed[step])
        self.window = node.windows[..., step]
        active = [term for term in node.terms if step or not any(parent.lag for parent in term.parents)]
        self.lookups = [
            Lookup(RowIndex(tuple((index[p.node], p) for p in term.parents)), term.points.reshape(1, -1))
            for term in active
        ]
        self.curves = [PiecewiseLinear.of(curve, index[curve.node]) for curve in node.curves if step or not curve.lag]
        self.start = np.asarray(0.0) if node.initial is None else node.scale.latent(node.initial)

    def draw(
        self, block_states: BlockStates, index: int, words: RandomWords, restriction: Restriction | None = None
    ) -> Floats | None:
        """Set `block_states.now[index]` and `block_states.latent[index]`, shape (trials,); else as `Kernel.draw`."""
        inside: Floats | None = None
        shift = self._shift(block_states)
        centre, spread = self._latent(block_states, block_states.latent[index], shift)
        known = self._known(block_states)
        if not spread.any():
            latent = centre + np.zeros(block_states.trials)
        elif restriction is None or known is not None:
            latent = centre + spread * words.normals
        else:
            middle = np.broadcast_to((centre + shift) / spread, block_states.trials)
            normals, inside = self._narrow(restriction, block_states, words, middle, spread)
            latent = centre + spread * normals
        block_states.latent[index] = latent
        scale = self.node.scale
        block_states.now[index] = (
            scale(latent + shift, block_states.drawn) if known is None else np.full(block_states.trials, known)
        )
        if restriction is not None and inside is None:
            inside = restriction.admits(block_states.now[index]).astype(np.float64)
        return inside

    def _known(self, block_states: BlockStates) -> Floats | None:
        """The value where an intervention or `initial` says it, shape () or (trials,)."""
        if not math.isnan(self.imposed):
            return np.asarray(self.imposed)
        return block_states.each(self.node.initial) if self.first and self.node.initial is not None else None

    def _narrow(
        self, restriction: Restriction, block_states: BlockStates, words: RandomWords, centre: Floats, spread: Floats
    ) -> tuple[Floats, Floats]:
        """Standard normals that bring the value within a restriction, and its probability, each of shape (trials,).

        `centre`, shape (trials,), is where the shifted latent normal stands, in units of its `spread`.
        """
        latent = self.node.scale.latent
        low, high = (
            block_states.each(latent(value)) / spread - centre for value in (restriction.low, restriction.high)
        )
        free = restriction.free
        if free is not None:
            low, high = np.where(free, -np.inf, low), np.where(free, np.inf, high)
        upper = low > 0
        low, high = np.where(upper, -high, low), np.where(upper, -low, high)
        below, inside = _normal_cdf(low), _normal_cdf(high) - _normal_cdf(low)
        drawn = _normal_quantile(np.clip(below + words.uniforms * inside, 1e-300, 1.0 - 2.0**-53))
        return np.where(upper, -drawn, drawn), inside

    def _latent(self, block_states: BlockStates, before: Floats | None, shift: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the latent normal given the past, each of shape () or (trials,): method (3).

        It starts as a standard normal, or where an `initial` value comes out.
        """
        if before is None:
            if self.node.initial is None:
                return np.zeros_like(shift), np.asarray(1.0)
            return block_states.each(self.start) - shift, np.asarray(0.0)
        r = block_states.each(self.node.persistence)
        return decay_latent(r, before), np.sqrt(1.0 - r * r)

    def _shift(self, block_states: BlockStates) -> Floats:
        window = block_states.each(self.window)
        if not self.lookups and not self.curves:
            return window * block_states.each(self.node.sd_per_point)
        points = np.empty((1, block_states.trials))
        points[0] = window
        for lookup in self.lookups:
            lookup.combine(block_states, points, np.add)
        for given in added_up(curve.points(block_states) for curve in self.curves).values():
            points += given
        shift: Floats = points[0] * block_states.each(self.node.sd_per_point)
        return shift


def _normal_cdf(values: Floats) -> Floats:
    """Phi, accurate in the lower tail."""
    return 0.5 * np.array([math.erfc(value) for value in (values * -math.sqrt(0.5)).tolist()])


def _normal_quantile(shares: Floats) -> Floats:
    """The inverse of Phi."""
    from statistics import NormalDist

    quantile = NormalDist().inv_cdf
    return np.array([quantile(share) for share in shares.tolist()])
