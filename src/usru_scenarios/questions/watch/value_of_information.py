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
        seen: the forecast given the state, shape (states, columns).
        clear: where a shift is told from noise, shape (states, columns).
        move: the expected move, shape (states,). This and the next three may be below 0 by noise.
        distance: how far the observation moves the forecast, shape (states,).
        whole: the expected move of the node, shape ().
        information: of the node, in bits, shape ().
    """

    probability: Estimate
    trials: Floats
    shift: Estimate
    seen: Estimate
    clear: npt.NDArray[np.bool_]
    move: Estimate
    distance: Estimate
    whole: Estimate
    information: Estimate


@dataclass(frozen=True)
class JointSums:
    """Sums over batches of trials: of a node's states together with the scenarios to come.

    Attributes:
        both: shape (batches, states, scenarios), the scenarios' probabilities in the trials in which a state was seen.
        future: shape (batches, scenarios), the same in all trials.
        weight: shape (batches,), the trials.
    """

    both: Floats
    future: Floats
    weight: Floats

    @property
    def states(self) -> Floats:
        """The trials in which each state was seen, shape (batches, states)."""
        seen: Floats = self.both.sum(axis=2)
        return seen

    def sum_by_set(self, sets: Sets) -> tuple[Floats, Floats]:
        """`both` and `future` by sets of scenarios: shapes (batches, states, sets) and (batches, sets)."""
        return sum_by_set(self.both, sets), sum_by_set(self.future, sets)

    def half(self, number: int) -> JointSums:
        """Every other batch, from the first (0) or the second (1) on."""
        return JointSums(self.both[number::2], self.future[number::2], self.weight[number::2])


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
    share = total / weight
    share_residuals = (states - share * counts.weight[:, None]) / weight
    shift, residuals = _shifts(counts, sets)
    before = sum_by_set(forecast, sets)
    level = before.sum(axis=0) / weight
    ahead = (before - level * counts.weight[:, None]) / weight
    covariance, noise = _covariance(counts, sets)
    cell_covariance, cell_noise = _covariance(counts, cells)
    told = np.abs(cell_covariance) > CLEAR * delta_method_error(cell_noise) + _ROUNDING
    crossed = _crossed_moves(counts, cells)
    least = _least_moves(np.where(told, cell_covariance, 0.0))
    move = np.where(least > 0.0, np.maximum(crossed, least), crossed)
    drift = 0.5 * np.where(told, np.sign(cell_covariance) * cell_noise, 0.0).sum(axis=2)
    doubt = 0.5 * np.where(told, 0.0, delta_method_error(cell_noise)).sum(axis=1)
    doubt = np.hypot(doubt, np.abs(0.5 * np.abs(cell_covariance).sum(axis=1) - crossed))
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = move / share
        distance_residuals = (drift - distance * share_residuals) / share
        distance_error = np.hypot(delta_method_error(distance_residuals), doubt / share)
        trials = np.where(squares > 0, total**2 / squares, 0.0)
    likely = np.clip(level + shift, 0.0, 1.0)
    missed = _unseen_likelihood_error(likely, trials)
    return IndicatorEffects(
        probability=Estimate(
            np.clip(share, 0.0, 1.0),
            np.maximum(delta_method_error(share_residuals), _unseen_share_error(share, trials)),
        ),
        trials=trials,
        shift=Estimate(shift, np.maximum(delta_method_error(residuals), missed)),
        seen=Estimate(likely, np.maximum(delta_method_error(residuals + ahead[:, None, :]), missed)),
        clear=np.abs(covariance) > CLEAR * delta_method_error(noise) + _ROUNDING,
        move=Estimate(move, np.hypot(delta_method_error(drift), doubt)),
        distance=Estimate(distance, distance_error),
        whole=Estimate(move.sum(), np.hypot(delta_method_error(drift.sum(axis=1)), doubt.sum())),
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


def _unseen_likelihood_error(likely: Floats, trials: Floats) -> Floats:
    """The same of the likelihoods once a state has been seen, shape (states, sets), by the trials in which it was."""
    least: Floats = rule_of_three_bound(trials, np.where(trials < _FEW_TRIALS, MOST_MISSED, 1.0))[:, None] * np.maximum(
        likely, 1.0 - likely
    )
    return least


def cover_unseen_trials(
    found: IndicatorEffects, counts: JointSums, cells: Sets, possible: Truth, kinds: Floats
) -> IndicatorEffects:
    """What the sums of a node say, with errors that cover trials that were never drawn.

    Args:
        found: what the sums say.
        counts: the sums.
        cells: those that share out all scenarios and count for the move.
        possible: shape (states,), which of them can be seen.
        kinds: shape (kinds, cells), the probabilities of the cells in such trials, times their weight.
    """
    if possible.sum() < 2:
        return found
    drawn = float(np.sum(found.trials))
    share = found.probability.value
    unseen = np.where(possible, rule_of_three_bound(drawn) * np.maximum(share, 1.0 - share), 0.0)
    total = counts.sum_by_set(cells)[0].sum(axis=0)
    states = np.eye(len(possible))[possible]
    added = (states[:, None, :, None] * kinds[None, :, None, :]).reshape(-1, *total.shape)
    moves, changed = _expected_moves(total), _expected_moves(total + added)
    apart = _distances(changed, total + added) - _distances(moves, total)
    whole = found.whole.value + (changed.sum(axis=1) - moves.sum())
    return replace(
        found,
        probability=Estimate(share, np.maximum(found.probability.error, unseen)),
        move=widen_for_unseen(found.move, found.move.value + (changed - moves)),
        distance=widen_for_unseen(found.distance, found.distance.value + apart),
        whole=widen_for_unseen(found.whole, whole),
        information=widen_for_unseen(
            found.information, found.information.value + (mutual_information(total + added) - mutual_information(total))
        ),
    )


def _expected_moves(joint: Floats) -> Floats:
    """The expected moves, shape (..., states), from weights of states and cells, shape (..., states, cells)."""
    joint = joint / joint.sum(axis=(-2, -1), keepdims=True)
    apart = joint - joint.sum(axis=-1, keepdims=True) * joint.sum(axis=-2, keepdims=True)
    moves: Floats = 0.5 * np.abs(apart).sum(axis=-1)
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
    one, other = (_covariance(counts.half(number), cells)[0] for number in (0, 1))
    crossed = 0.5 * (np.sign(one) * other + np.sign(other) * one)
    moves: Floats = 0.5 * crossed.sum(axis=1)
    return moves


def _least_moves(told: Floats) -> Floats:
    """What the shifts that are told from noise say at the least of the moves, shape (states,): method (47)."""
    least: Floats = 0.5 * (np.abs(told).sum(axis=1) + np.abs(told.sum(axis=1)))
    return least


def mutual_information(joint: Floats) -> Floats:
    """The mutual information of the last two axes, in bits, from weights of any sum: shape (..., x, y) to (...)."""
    joint = np.maximum(joint, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        joint = joint / joint.sum(axis=(-2, -1), keepdims=True)
        independent = joint.sum(axis=-1, keepdims=True) * joint.sum(axis=-2, keepdims=True)
        terms = joint * np.log2(joint / independent)
    information: Floats = np.where(joint > 0, terms, 0.0).sum(axis=(-2, -1))
    return information
