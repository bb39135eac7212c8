"""Numeric nodes: a normal autoregression behind the scale, drawn for a whole block of trials at once."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from usru_scenarios.program.latent_scale import decay_latent
from usru_scenarios.program.program import Floats, NumericNode
from usru_scenarios.sampler.restrictions import Restriction
from usru_scenarios.sampler.rng import RandomWords
from usru_scenarios.sampler.tables import BlockStates, Lookup, PiecewiseLinear, RowIndex, sum_by_column


class NumericKernel:
    """Draws the value of a numeric node for every trial of a block."""

    def __init__(self, node: NumericNode, step: int, index: Mapping[str, int]) -> None:
        self.node = node
        self.is_first_step = step == 0
        self.imposed = float(node.imposed[step])
        self.window = node.windows[..., step]
        active = [term for term in node.terms if step or not any(parent.lag for parent in term.parents)]
        self.lookups = [
            Lookup(RowIndex(tuple((index[p.node], p) for p in term.parents)), term.points.reshape(1, -1))
            for term in active
        ]
        self.curves = [PiecewiseLinear.of(curve, index[curve.node]) for curve in node.curves if step or not curve.lag]
        self.initial_latent = np.asarray(0.0) if node.initial is None else node.scale.latent(node.initial)

    def draw(
        self, block_states: BlockStates, index: int, words: RandomWords, restriction: Restriction | None = None
    ) -> Floats | None:
        """Set `block_states.now[index]` and `block_states.latent[index]`, shape (trials,); else as `Kernel.draw`."""
        admitted: Floats | None = None
        shift = self._shift(block_states)
        centre, spread = self._latent_moments(block_states, block_states.latent[index], shift)
        fixed_value = self._fixed_value(block_states)
        if not spread.any():
            latent = centre + np.zeros(block_states.trials)
        elif restriction is None or fixed_value is not None:
            latent = centre + spread * words.normals
        else:
            shifted_centre = np.broadcast_to((centre + shift) / spread, block_states.trials)
            normals, admitted = self._draw_restricted(restriction, block_states, words, shifted_centre, spread)
            latent = centre + spread * normals
        block_states.latent[index] = latent
        scale = self.node.scale
        if fixed_value is None:
            block_states.now[index] = scale(latent + shift, block_states.draw_numbers)
        else:
            block_states.now[index] = np.full(block_states.trials, fixed_value)
        if restriction is not None and admitted is None:
            admitted = restriction.admits(block_states.now[index]).astype(np.float64)
        return admitted

    def _fixed_value(self, block_states: BlockStates) -> Floats | None:
        """The value where an intervention or `initial` says it, shape () or (trials,)."""
        if not math.isnan(self.imposed):
            return np.asarray(self.imposed)
        initial = self.node.initial
        return block_states.per_trial(initial) if self.is_first_step and initial is not None else None

    def _draw_restricted(
        self, restriction: Restriction, block_states: BlockStates, words: RandomWords, centre: Floats, spread: Floats
    ) -> tuple[Floats, Floats]:
        """Standard normals that bring the value within a restriction, and its probability, each of shape (trials,).

        `centre`, shape (trials,), is where the shifted latent normal stands, in units of its `spread`.
        """
        latent = self.node.scale.latent
        low, high = (
            block_states.per_trial(latent(value)) / spread - centre for value in (restriction.low, restriction.high)
        )
        free_trials = restriction.free_trials
        if free_trials is not None:
            low, high = np.where(free_trials, -np.inf, low), np.where(free_trials, np.inf, high)
        is_upper_tail = low > 0
        low, high = np.where(is_upper_tail, -high, low), np.where(is_upper_tail, -low, high)
        below, admitted = _normal_cdf(low), _normal_cdf(high) - _normal_cdf(low)
        normals = _normal_quantile(np.clip(below + words.uniforms * admitted, 1e-300, 1.0 - 2.0**-53))
        return np.where(is_upper_tail, -normals, normals), admitted

    def _latent_moments(self, block_states: BlockStates, before: Floats | None, shift: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the latent normal given the past, each of shape () or (trials,): method (3).

        It starts as a standard normal, or where an `initial` value comes out.
        """
        if before is None:
            if self.node.initial is None:
                return np.zeros_like(shift), np.asarray(1.0)
            return block_states.per_trial(self.initial_latent) - shift, np.asarray(0.0)
        persistence = block_states.per_trial(self.node.persistence)
        return decay_latent(persistence, before), np.sqrt(1.0 - persistence * persistence)

    def _shift(self, block_states: BlockStates) -> Floats:
        window = block_states.per_trial(self.window)
        if not self.lookups and not self.curves:
            return window * block_states.per_trial(self.node.sd_per_point)
        points = np.empty((1, block_states.trials))
        points[0] = window
        for lookup in self.lookups:
            lookup.combine(block_states, points, np.add)
        for curve_points in sum_by_column(curve.points(block_states) for curve in self.curves).values():
            points += curve_points
        shift: Floats = points[0] * block_states.per_trial(self.node.sd_per_point)
        return shift


def _normal_cdf(values: Floats) -> Floats:
    """Phi, accurate in the lower tail."""
    return 0.5 * np.array([math.erfc(value) for value in (values * -math.sqrt(0.5)).tolist()])


def _normal_quantile(shares: Floats) -> Floats:
    """The inverse of Phi."""
    from statistics import NormalDist

    quantile = NormalDist().inv_cdf
    return np.array([quantile(share) for share in shares.tolist()])
