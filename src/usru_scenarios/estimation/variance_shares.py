"""What one input tells about an output, from trials of both: information, shifts, and shares of variance.

Trials come in batches, and all estimators start from sums over batches. Sums have the axes (batches, ..., groups,
values): the groups are what the input is read as, the values are the parts of the output (the probability of each
scenario, say), and what lies between, such as steps, is added up or averaged.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation.batches import batch_numbers, sum_by_batch_and_code
from usru_scenarios.estimation.estimates import Estimate, Floats
from usru_scenarios.estimation.jackknife import jackknife

Integers = npt.NDArray[np.integer]

_NO_VARIANCE = 1e-12
"""Below this part of its mean square the variance of a value is the rounding of sums."""


class GroupedSums(NamedTuple):
    """Sums over batches of trials, apart for the groups that an input puts them in.

    Attributes:
        trials: shape (batches, ..., groups), how many there are.
        sums: shape (batches, ..., groups, values), of the output's values.
        squares: as `sums`, of their squares.
    """

    trials: Floats
    sums: Floats
    squares: Floats

    @classmethod
    def zeros(cls, shape: tuple[int, ...], values: int) -> GroupedSums:
        """Those of no trials, of shape (batches, ..., groups)."""
        return cls(np.zeros(shape), np.zeros((*shape, values)), np.zeros((*shape, values)))


def sum_by_group(
    codes: Integers, values: Floats, groups: int, starts: Integers, weights: Floats | None = None
) -> GroupedSums:
    """Sums over batches and groups.

    Args:
        codes: shape (trials,), the group of each trial, from 0 on.
        values: shape (values, trials), the output.
        groups: how many there are.
        starts: shape (batches,), where each batch starts.
        weights: shape (trials,), by which trials count; None where all count alike.
    """
    numbers = batch_numbers(starts, len(codes))

    def sum_groups(numbers_of_trials: Floats | None) -> Floats:
        if weights is not None:
            numbers_of_trials = weights if numbers_of_trials is None else weights * numbers_of_trials
        return sum_by_batch_and_code(codes, numbers_of_trials, groups, numbers, len(starts))

    return GroupedSums(
        sum_groups(None),
        np.stack([sum_groups(value) for value in values], axis=-1),
        np.stack([sum_groups(value**2) for value in values], axis=-1),
    )


def partners(trials: int, starts: Integers, apart: int = 1) -> Integers:
    """For each draw, another one whose input it is given: one of its batch, so that batches stay independent.

    It is so many draws further on, in a circle; in a smaller batch the next one. A draw that is alone in its batch gets
    the one before it. Shape (trials,).

    Args:
        trials: how many draws, at least 2.
        starts: shape (batches,), where each batch starts.
        apart: so many draws that follow each other may be drawn together, and are no partners.
    """
    sizes = np.diff(np.append(starts, trials))
    first, size, distance = (np.repeat(each, sizes) for each in (starts, sizes, np.where(sizes > apart, apart, 1)))
    partner: Integers = first + (np.arange(trials) - first + distance) % size
    alone_in_batch = starts[sizes == 1]
    partner[alone_in_batch] = (alone_in_batch - 1) % trials
    return partner


def mutual_information(sums: GroupedSums, unseen: GroupedSums | None = None) -> Estimate:
    """The mutual information of the groups and an output of which the values are probabilities, in bits: method (42).

    The values of a trial sum to 1. Shape (), the average over the axes between; by noise it may fall below 0.
    """
    return jackknife(_information_of_totals, *sums, unseen=unseen)


def _information_of_totals(trials: Floats, sums: Floats, squares: Floats) -> Floats:
    trials_in_all = trials.sum(axis=-1)
    inside = _entropy_terms(trials, sums, squares).sum(axis=-1)
    outside = _entropy_terms(trials_in_all, sums.sum(axis=-2), squares.sum(axis=-2))
    return _average_axes((inside - outside) / trials_in_all / math.log(2))


def _entropy_terms(trials: Floats, sums: Floats, squares: Floats) -> Floats:
    """Trials times the sum over the values of x ln x, without its bias; shape of `trials`, 0 where there are none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums / trials[..., None]
        logs = sums * np.log(mean)
        spread = squares - sums * mean
        bias = spread / (trials - 1)[..., None] / (2 * mean)
    known = sums > 0
    terms: Floats = np.where(known, logs - np.where(np.isfinite(bias), bias, 0.0), 0.0)
    summed: Floats = terms.sum(axis=-1)
    return summed


def expected_shift(sums: GroupedSums, unseen: GroupedSums | None = None) -> Estimate:
    """The expected total variation between the output's probabilities given the group and without it: method (43).

    Shape (), the average over the axes between.
    """
    halves = map(_split_alternate_batches, (sums.trials, sums.sums))
    unseen_halves = None if unseen is None else [np.stack([part / 2, part / 2], axis=1) for part in unseen[:2]]
    return jackknife(_shift_of_totals, *halves, unseen=unseen_halves)


def _split_alternate_batches(sums: Floats) -> Floats:
    """The sums of every other batch apart: shape (batches, 2, ...), a batch having its sums in one of the two."""
    halves = np.zeros((len(sums), 2, *sums.shape[1:]))
    halves[0::2, 0] = sums[0::2]
    halves[1::2, 1] = sums[1::2]
    return halves


def _shift_of_totals(trials: Floats, sums: Floats) -> Floats:
    trials_in_all = trials.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        shifts = sums - trials[..., None] * (sums.sum(axis=-2, keepdims=True) / trials_in_all[..., None])
        shifts = np.nan_to_num(shifts / trials_in_all[..., None])  # the share of the group times how far it is shifted
    signs = np.sign(shifts[:, ::-1])
    return _average_axes((signs * shifts).sum(axis=(-2, -1)).mean(axis=1)) / 2


def correlation_ratio(sums: GroupedSums, unseen: GroupedSums | None = None) -> Estimate:
    """The first-order share of variance, shape (values + 1,), the last of all values together: method (44).

    NaN where a value has no variance, or every trial is a group of its own.
    """
    return jackknife(_ratio_of_totals, *sums, unseen=unseen)


def _ratio_of_totals(trials: Floats, sums: Floats, squares: Floats) -> Floats:
    within = (squares - _divide_by_trials(sums**2, trials)).sum(axis=-2)
    total = _sum_of_squares(trials, sums, squares)
    group_count = (trials > 0).sum(axis=-1)
    freedom = trials.sum(axis=-1) - group_count
    per_group = np.divide(group_count - 1, freedom, out=np.full(freedom.shape, np.nan), where=freedom > 0)
    noise = within * per_group[..., None]
    return _variance_shares(total - within - noise, total)


def total_share(
    sums: GroupedSums, differences: Floats, unseen: GroupedSums | None = None, moved: Floats | None = None
) -> Estimate:
    """The total share of variance, shape (values + 1,), the last of all values together: method (45).

    NaN as in `correlation_ratio`.

    Args:
        sums: the trials, however they are grouped.
        differences: shape (batches, values), sums of squared differences between the values of a trial and those that
    it has with the input of its partner; over the axes between they are summed.
        unseen: as in `jackknife`, of the trials.
        moved: shape (values,), the largest sum of such differences that they can make; none if the input is not read.
    """
    if unseen is None:
        return jackknife(_total_share_of_totals, differences, *sums)
    largest = np.zeros(differences.shape[1:]) if moved is None else moved
    kinds = len(unseen.trials)
    more = np.concatenate([np.zeros((kinds, len(largest))), np.broadcast_to(largest, (kinds, len(largest)))])
    unseen_twice = (np.concatenate([part, part]) for part in unseen)
    return jackknife(_total_share_of_totals, differences, *sums, unseen=[more, *unseen_twice])


def _total_share_of_totals(differences: Floats, trials: Floats, sums: Floats, squares: Floats) -> Floats:
    trials_in_all = trials.sum(axis=-1)
    trials_in_all = trials_in_all.reshape(len(trials_in_all), -1)[:, :1]
    parts = differences / 2 * (trials_in_all - 1) / trials_in_all
    return _variance_shares(parts, _sum_of_squares(trials, sums, squares))


def squared_differences(values: Floats, exchanged: Floats, starts: Integers) -> Floats:
    """The differences that `total_share` takes, from values of shape (values, trials)."""
    differences: Floats = np.add.reduceat((values - exchanged) ** 2, starts, axis=-1).T
    return differences


def differences_per_trial(differences: Floats, pairs: Floats, trials: Floats) -> Floats:
    """Weighted differences as `total_share` takes them: with their mean over pairs, and its residuals, method (17).

    Shape (batches, values).

    Args:
        differences: shape (batches, values), sums of the weights of pairs times squared differences.
        pairs: shape (batches,), sums of the weights of pairs of a trial and its partner.
        trials: shape (batches,), the weights of the trials of each batch.
    """
    mean = differences.sum(axis=0) / pairs.sum()
    residuals = (differences - mean * pairs[:, None]) * (trials.sum() / pairs.sum())
    per_trial: Floats = residuals + mean * trials[:, None]
    return per_trial


def _sum_of_squares(trials: Floats, sums: Floats, squares: Floats) -> Floats:
    """The sum of squares around the mean, NaN where it is none: shape (..., values)."""
    squares = squares.sum(axis=-2)
    total = squares - _divide_by_trials(sums.sum(axis=-2) ** 2, trials.sum(axis=-1))
    return np.where(total > _NO_VARIANCE * squares, total, 0.0)


def _divide_by_trials(sums: Floats, trials: Floats) -> Floats:
    return np.divide(sums, trials[..., None], out=np.zeros_like(sums), where=trials[..., None] > 0)


def _variance_shares(parts: Floats, total: Floats) -> Floats:
    """Parts of variance by the whole, added up over the axes between; of each value, and of all together."""
    parts, total = (_sum_middle_axes(each) for each in (parts, total))
    parts, total = (np.concatenate((each, each.sum(axis=-1, keepdims=True)), axis=-1) for each in (parts, total))
    return np.divide(parts, total, out=np.full_like(parts, np.nan), where=total > 0)


def _sum_middle_axes(values: Floats) -> Floats:
    """The sums over the axes between the first and the last."""
    summed: Floats = values.reshape(len(values), -1, values.shape[-1]).sum(axis=1)
    return summed


def _average_axes(values: Floats) -> Floats:
    """The averages over all axes but the first."""
    averages: Floats = values.reshape(len(values), -1).mean(axis=1)
    return averages
