"""How far an observation moves a forecast: estimates from the sums of `indicators`, by method (47)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation.estimates import (
    MOST_MISSED,
    Estimate,
    delta_method_error,
    rule_of_three_bound,
    widen_for_unseen,
)
from usru_scenarios.estimation.jackknife import jackknife
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.program.events import Truth
from usru_scenarios.program.program import Floats

Sets = Sequence[Sequence[int]]

CLEAR = 4.0
"""Standard errors by which a shift must exceed 0 to be told from noise: by chance that happens once in 16,000 times."""

_ROUNDING = 1e-12


@dataclass(frozen=True)
class IndicatorEffects:
    """What seeing each state of a node would do; columns are the sets of scenarios that are reported.

    Attributes:
        probability: of each state, shape (states,).
        trials: for how many unweighted trials those stand in which it was seen, shape (states,).
        shift: from the forecast to the forecast given the state, shape (states, columns).
        if_seen: the forecast given the state, shape (states, columns).
        is_clear: where a shift is told from noise, shape (states, columns).
        move: the expected move, shape (states,). This and the next three may be below 0 by noise.
        distance: how far the observation moves the forecast, shape (states,).
        node_move: the expected move of the node, shape ().
        information: of the node, in bits, shape ().
    """

    probability: Estimate
    trials: Floats
    shift: Estimate
    if_seen: Estimate
    is_clear: npt.NDArray[np.bool_]
    move: Estimate
    distance: Estimate
    node_move: Estimate
    information: Estimate


@dataclass(frozen=True)
class JointSums:
    """Sums over batches of trials: of a node's states together with the scenarios to come.

    Attributes:
        joint: shape (batches, states, scenarios), the scenarios' probabilities in the trials in which a state was seen.
        future: shape (batches, scenarios), the same in all trials.
        weight: shape (batches,), the trials.
    """

    joint: Floats
    future: Floats
    weight: Floats

    @property
    def states(self) -> Floats:
        """The trials in which each state was seen, shape (batches, states)."""
        seen: Floats = self.joint.sum(axis=2)
        return seen

    def sum_by_set(self, sets: Sets) -> tuple[Floats, Floats]:
        """`joint` and `future` by sets of scenarios: shapes (batches, states, sets) and (batches, sets)."""
        return sum_by_set(self.joint, sets), sum_by_set(self.future, sets)


def estimate_effects(counts: JointSums, forecast: Floats, squares: Floats, sets: Sets, cells: Sets) -> IndicatorEffects:
    """Estimate what the sums of a node say.

    Args:
        counts: the sums.
        forecast: shape (batches, scenarios), the future as it is foreseen with the least noise. What is seen is told as
            this forecast and the shift from it, for the noise that both ways of foreseeing share cancels in the shift.
        squares: shape (states,), sums of the squared weights of the trials in which a state was seen.
        sets: those of scenarios that are reported.
        cells: those that share out all scenarios and count for the move.
    """
    weight = counts.weight.sum()
    states = counts.states
    total = states.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        trials = np.where(squares > 0, total**2 / squares, 0.0)
    share = total / weight
    share_residuals = (states - share * counts.weight[:, None]) / weight
    share_error = np.maximum(delta_method_error(share_residuals), _unseen_share_error(share, trials))
    shift, residuals = _shifts(counts, sets)
    forecast_by_set = sum_by_set(forecast, sets)
    level = forecast_by_set.sum(axis=0) / weight
    forecast_residuals = (forecast_by_set - level * counts.weight[:, None]) / weight
    covariance, noise = _covariance(counts, sets)
    cell_covariance, cell_noise = _covariance(counts, cells)
    is_told = np.abs(cell_covariance) > CLEAR * delta_method_error(cell_noise) + _ROUNDING
    crossed_moves = _crossed_moves(counts, cells)
    told = np.where(is_told, cell_covariance, 0.0)  # what the shifts that are told from noise say
    least_moves = 0.5 * (np.abs(told).sum(axis=1) + np.abs(told.sum(axis=1)))
    move = np.where(least_moves > 0.0, np.maximum(crossed_moves, least_moves), crossed_moves)
    drift = 0.5 * np.where(is_told, np.sign(cell_covariance) * cell_noise, 0.0).sum(axis=2)
    doubt = 0.5 * np.where(is_told, 0.0, delta_method_error(cell_noise)).sum(axis=1)
    doubt = np.hypot(doubt, np.abs(0.5 * np.abs(cell_covariance).sum(axis=1) - crossed_moves))
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = move / share
        distance_residuals = (drift - distance * share_residuals) / share
        distance_error = np.hypot(delta_method_error(distance_residuals), doubt / share)
    if_seen = np.clip(level + shift, 0.0, 1.0)
    missed = _unseen_likelihood_error(if_seen, trials)
    return IndicatorEffects(
        probability=Estimate(np.clip(share, 0.0, 1.0), share_error),
        trials=trials,
        shift=Estimate(shift, np.maximum(delta_method_error(residuals), missed)),
        if_seen=Estimate(if_seen, np.maximum(delta_method_error(residuals + forecast_residuals[:, None, :]), missed)),
        is_clear=np.abs(covariance) > CLEAR * delta_method_error(noise) + _ROUNDING,
        move=Estimate(move, np.hypot(delta_method_error(drift), doubt)),
        distance=Estimate(distance, distance_error),
        node_move=Estimate(move.sum(), np.hypot(delta_method_error(drift.sum(axis=1)), doubt.sum())),
        information=jackknife(mutual_information, counts.sum_by_set(cells)[0], corrected=True),
    )


_FEW_TRIALS = 20.0
"""A state that was seen in fewer trials may go together with what none of them shows, as likely as three of them."""


def _unseen_share_error(share: Floats, trials: Floats) -> Floats:
    """What trials that were never drawn could add to the share of each state, shape (states,): method (27).

    None where a state was seen always or never, which may be so by construction.
    """
    drawn = float(np.sum(trials))
    return np.where((share > 0.0) & (share < 1.0), rule_of_three_bound(drawn) * np.maximum(share, 1.0 - share), 0.0)


def _unseen_likelihood_error(likelihoods: Floats, trials: Floats) -> Floats:
    """The same of the likelihoods once a state has been seen, shape (states, sets), by the trials in which it was."""
    missed = rule_of_three_bound(trials, np.where(trials < _FEW_TRIALS, MOST_MISSED, 1.0))
    error: Floats = missed[:, None] * np.maximum(likelihoods, 1.0 - likelihoods)
    return error


def cover_unseen_trials(
    effects: IndicatorEffects, counts: JointSums, cells: Sets, possible: Truth, kinds: Floats
) -> IndicatorEffects:
    """What the sums of a node say, with errors that cover trials that were never drawn.

    Args:
        effects: what the sums say.
        counts: the sums.
        cells: those that share out all scenarios and count for the move.
        possible: shape (states,), which of them can be seen.
        kinds: shape (kinds, cells), the probabilities of the cells in such trials, times their weight.
    """
    if possible.sum() < 2:
        return effects
    drawn = float(np.sum(effects.trials))
    share = effects.probability.value
    unseen_share = np.where(possible, rule_of_three_bound(drawn) * np.maximum(share, 1.0 - share), 0.0)
    total = counts.sum_by_set(cells)[0].sum(axis=0)
    states = np.eye(len(possible))[possible]
    added = (states[:, None, :, None] * kinds[None, :, None, :]).reshape(-1, *total.shape)
    moves, changed_moves = _expected_moves(total), _expected_moves(total + added)
    distance_change = _distances(changed_moves, total + added) - _distances(moves, total)
    node_move = effects.node_move.value + (changed_moves.sum(axis=1) - moves.sum())
    return replace(
        effects,
        probability=Estimate(share, np.maximum(effects.probability.error, unseen_share)),
        move=widen_for_unseen(effects.move, effects.move.value + (changed_moves - moves)),
        distance=widen_for_unseen(effects.distance, effects.distance.value + distance_change),
        node_move=widen_for_unseen(effects.node_move, node_move),
        information=widen_for_unseen(
            effects.information,
            effects.information.value + (mutual_information(total + added) - mutual_information(total)),
        ),
    )


def _expected_moves(joint: Floats) -> Floats:
    """The expected moves, shape (..., states), from weights of states and cells, shape (..., states, cells)."""
    joint = joint / joint.sum(axis=(-2, -1), keepdims=True)
    dependence = joint - joint.sum(axis=-1, keepdims=True) * joint.sum(axis=-2, keepdims=True)
    moves: Floats = 0.5 * np.abs(dependence).sum(axis=-1)
    return moves


def _distances(moves: Floats, joint: Floats) -> Floats:
    """How far each state moves the forecast, shape (..., states), from expected moves; no number where none is seen."""
    states = joint.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        distances: Floats = moves * states.sum(axis=-1, keepdims=True) / states
    return distances


def sum_by_set(probability: Floats, sets: Sets) -> Floats:
    """Sums over sets of scenarios, shape (..., sets), from shape (..., scenarios)."""
    return np.stack([probability[..., list(members)].sum(axis=-1) for members in sets], axis=-1)


def _shifts(counts: JointSums, sets: Sets) -> tuple[Floats, Floats]:
    """P(set | state) - P(set), shape (states, sets), and what each batch gives to its error."""
    both, future = counts.sum_by_set(sets)
    states, weight = counts.states, counts.weight.sum()
    total = states.sum(axis=0)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        given, level = both.sum(axis=0) / total, future.sum(axis=0) / weight
        inside = (both - given * states[:, :, None]) / total
    outside = (future - level * counts.weight[:, None]) / weight
    return given - level, inside - outside[:, None, :]


def _covariance(counts: JointSums, sets: Sets) -> tuple[Floats, Floats]:
    """P(state, set) - P(state) P(set), shape (states, sets), and what each batch gives to its error."""
    both, future = counts.sum_by_set(sets)
    states, weight = counts.states, counts.weight.sum()
    if not weight:
        return np.zeros(both.shape[1:]), np.zeros(both.shape)
    joint, share, level = both.sum(axis=0) / weight, states.sum(axis=0)[:, None] / weight, future.sum(axis=0) / weight
    value = joint - share * level
    linear = both - states[:, :, None] * level - share * future[:, None, :]
    return value, (linear + (share * level - value) * counts.weight[:, None, None]) / weight


def _crossed_moves(counts: JointSums, cells: Sets) -> Floats:
    """The expected moves, shape (states,), by two halves of the batches: method (43)."""
    halves = (JointSums(counts.joint[n::2], counts.future[n::2], counts.weight[n::2]) for n in (0, 1))
    first, second = (_covariance(half, cells)[0] for half in halves)
    crossed = 0.5 * (np.sign(first) * second + np.sign(second) * first)
    moves: Floats = 0.5 * crossed.sum(axis=1)
    return moves


def mutual_information(joint: Floats) -> Floats:
    """The mutual information of the last two axes, in bits, from weights of any sum: shape (..., x, y) to (...)."""
    joint = np.maximum(joint, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        joint = joint / joint.sum(axis=(-2, -1), keepdims=True)
        independent = joint.sum(axis=-1, keepdims=True) * joint.sum(axis=-2, keepdims=True)
        terms = joint * np.log2(joint / independent)
    information: Floats = np.where(joint > 0, terms, 0.0).sum(axis=(-2, -1))
    return information
