"""Estimates with standard errors, from sums over batches of trials."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from usru_scenarios.light_dataclasses import dataclass

Floats = npt.NDArray[np.float64]

DRAWS_PER_CONTROL = 4
"""The least number of draws of the judgements for each function that is fitted: with fewer, a fit follows noise."""

_RELATIVE_ROUNDING = 1e-12
"""Sums that differ by no more than this share are the same, but for the rounding of what they are made of."""

_COLLINEAR = 1e-10
"""A control of which no more than this share is left, after those before it are taken away, is made of them."""

_ROWS_AT_ONCE = 16
"""Places of the first axis that a group is folded into at a time."""

_COLUMNS_AT_ONCE = 1 << 10
"""Sums that the controls are fitted to at a time."""

_ROUNDING = 8 * float(np.finfo(np.float64).eps)
"""The share of a sum of squares that is no more than the rounding of what it is made of."""

_UNCHANGED = 1e-10
"""An estimate that is changed by no more than this, or this share of it, is the same."""

_SINGLE_THREAD_SIZE = 1 << 17
"""Multiplications of a matrix product up to which OpenBLAS, MKL and Accelerate keep to one thread."""
_INNER_AT_ONCE = 128
"""Of them, those that go into one entry of it, at most."""


@dataclass(frozen=True)
class Estimate:
    """Ratios of sums over batches, and their standard errors, any shape."""

    value: Floats
    error: Floats


def ratio(numerators: Floats, denominators: Floats) -> Estimate:
    """The ratio of two sums over batches, with its standard error: method (17).

    Args:
        numerators: shape (batches, ...).
        denominators: shape (batches,) or as the numerators.

    Returns:
        Shape (...); where the denominator is 0, both are NaN.
    """
    weights = denominators.reshape(denominators.shape + (1,) * (numerators.ndim - denominators.ndim))
    batches = len(numerators)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = weights.sum(axis=0)
        value = numerators.sum(axis=0) / total
        squares = ((numerators - value * weights) ** 2).sum(axis=0)
        squares = np.where(squares <= _RELATIVE_ROUNDING**2 * (numerators**2).sum(axis=0), 0.0, squares)
        error = np.sqrt(squares * (batches / (batches - 1))) / total
    return Estimate(value, error)


def delta_method_error(residuals: Floats) -> Floats:
    """The standard error of what has residuals of shape (batches, ...), shape (...): method (17)."""
    batches = len(residuals)
    error: Floats = np.sqrt((residuals**2).sum(axis=0) * (batches / (batches - 1)))
    return error


class Controls:
    """Functions of the drawn judgements whose means are 0, factored once for all sums: method (31).

    It takes some ten milliseconds, so that it is done when it is first asked for, and the result is kept with these.

    Attributes:
        functions: shape (draws, controls).
    """

    def __init__(self, functions: Floats) -> None:
        self.functions = functions

    @cached_property
    def factored(self) -> tuple[Floats, Floats]:
        """What `basis` and `means` give, shapes (draws, fitted) and (fitted,).

        A control that is constant, or a sum of multiples of those before it, is left out: it explains nothing more.
        Where there are fewer than `DRAWS_PER_CONTROL` draws for each of the others, nothing is fitted.
        """
        functions, draws = self.functions, self.draws
        constant = np.full((draws, 1), 1.0 / math.sqrt(max(draws, 1)))
        means = functions.mean(axis=0) if draws else np.zeros(functions.shape[1])
        basis, means = orthonormal_basis(np.hstack([constant, functions]), np.append(0.0, means))
        has_too_few_draws = len(means) - 1 > draws // DRAWS_PER_CONTROL
        return (np.zeros((draws, 0)), np.zeros(0)) if has_too_few_draws else (basis[:, 1:], means[1:])

    @property
    def basis(self) -> Floats:
        """Orthonormal columns that span the controls less their means over the draws, shape (draws, fitted)."""
        return self.factored[0]

    @property
    def means(self) -> Floats:
        """What the means of the controls over the draws become in that basis, shape (fitted,)."""
        return self.factored[1]

    @property
    def draws(self) -> int:
        """Of how many draws they are."""
        return len(self.functions)

    @property
    def fitted(self) -> int:
        """How many controls are fitted."""
        return len(self.means)

    def project(self, sums: Floats) -> Floats:
        """The least-squares fit of sums, shape (draws, sums), in the basis: shape (fitted, sums)."""
        return matrix_product(self.basis.T, sums)

    @property
    def dof_correction(self) -> float:
        """By what the variance of what is left is multiplied: method (31)."""
        return (self.draws - 1) / (self.draws - 1 - self.fitted) if self.fitted else 1.0


NO_CONTROLS = Controls(np.zeros((0, 0)))
"""Where no judgement is drawn."""


def orthonormal_basis(columns: Floats, numbers_of_columns: Floats) -> tuple[Floats, Floats]:
    """Orthonormal columns that span the same, each made of those up to its own (Gram and Schmidt).

    Shape (rows, found), and what the numbers carried become, shape (found,).

    Args:
        columns: shape (rows, columns); one that is a sum of multiples of those before it is left out.
        numbers_of_columns: shape (columns,), a number for each, of which the same sums are made.
    """
    basis, numbers = np.empty(columns.shape[::-1]), np.empty(len(numbers_of_columns))
    count = 0
    for column, number in zip(columns.T, numbers_of_columns.tolist(), strict=True):
        remainder, combined = column, number
        for _ in range(2):  # twice is enough (L. Giraud, J. Langou and M. Rozloznik, 2005)
            coefficients = (basis[:count] * remainder).sum(axis=1)
            remainder = remainder - (basis[:count] * coefficients[:, None]).sum(axis=0)
            combined = combined - float((numbers[:count] * coefficients).sum())
        length = math.sqrt(float((remainder * remainder).sum()))
        if length > _COLLINEAR * math.sqrt(float((column * column).sum())):
            basis[count], numbers[count] = remainder / length, combined / length
            count += 1
    return np.ascontiguousarray(basis[:count].T), numbers[:count]


MOST_MISSED = 3.0
"""How many trials may be expected to hit what none has hit: that happens once in 20 times, e^-3 being 0.05."""


def with_error_floor(
    estimate: Estimate,
    effective: float | Floats,
    limits: Callable[[], tuple[Floats, Floats]],
    missed: float = MOST_MISSED,
    *,
    lowest: float = 0.0,
) -> Estimate:
    """An estimate whose error covers what was never drawn.

    Method (27): nothing is added where all trials must agree, and a larger error stays as it is.

    Args:
        estimate: means over trials of something that lies from `lowest` to 1 in each.
        effective: for how many independent trials those of the estimate stand, a number or of a shape that broadcasts.
        limits: gives the least and the largest value of a single trial, of a shape that broadcasts; asked for only
            where it may matter.
        missed: the trials that may be expected to hit what none has hit.
        lowest: 0 of probabilities, -1 of their differences.
    """
    if not may_miss_trials(estimate, effective, missed, lowest=lowest):
        return estimate
    with np.errstate(invalid="ignore"):
        floor = rule_of_three_bound(effective, missed) * largest_deviation(estimate.value, *limits())
        return Estimate(estimate.value, np.maximum(estimate.error, floor))


def may_miss_trials(
    estimate: Estimate, effective: float | Floats, missed: float = MOST_MISSED, *, lowest: float = 0.0
) -> bool:
    """Whether an error is so small that trials never drawn could add to it, if they lie from `lowest` to 1."""
    with np.errstate(invalid="ignore"):
        deviation = np.maximum(estimate.value - lowest, 1.0 - estimate.value)
        return bool(np.any(estimate.error < rule_of_three_bound(effective, missed) * deviation))


def rule_of_three_bound(effective: float | Floats, missed: float | Floats = MOST_MISSED) -> Floats:
    """The share that trials that were never drawn may have among so many: 3 / n, at most 1; any shape."""
    return missed / np.maximum(np.asarray(effective, dtype=np.float64), missed)


def largest_deviation(value: Floats, low: Floats, high: Floats) -> Floats:
    """How far a single trial can lie from a value, given the limits of all, any shape; 0 where they leave no room."""
    deviation: Floats = np.where(high - low > _RELATIVE_ROUNDING, np.maximum(high - value, value - low), 0.0)
    return deviation


def widen_for_unseen(estimate: Estimate, changed: Floats) -> Estimate:
    """An estimate whose error covers what trials that were never drawn could make of it: method (27).

    Args:
        estimate: of any shape; where the value is no number, its error stays.
        changed: shape (kinds, ...), what the estimate is with each kind of such trials added; what is no number, as
            where that kind is impossible, counts for nothing.
    """
    with np.errstate(invalid="ignore"):
        change = np.abs(changed - estimate.value)
        is_changed = np.isfinite(change) & (change > _UNCHANGED * (1.0 + np.abs(estimate.value)))
    floor = np.where(is_changed, change, 0.0).max(axis=0, initial=0.0)
    error = np.where(np.isfinite(estimate.value), np.fmax(estimate.error, floor), estimate.error)
    return Estimate(estimate.value, error)


def with_control_variates(sums: Floats, controls: Controls, *, in_place: bool = False) -> Floats:
    """Sums over draws of the judgements, freed of what is due to these being drawn, of the same shape: method (31).

    Args:
        sums: shape (draws, ...).
        controls: of the same draws.
        in_place: whether the result may take the place of the sums, which are then contiguous.
    """
    if not controls.fitted:
        return sums
    flat = sums.reshape(len(sums), -1)
    adjusted = flat if in_place else np.empty_like(flat)
    for start in range(0, flat.shape[1], _COLUMNS_AT_ONCE):  # in parts, whose working space is small
        columns = slice(start, start + _COLUMNS_AT_ONCE)
        mean = flat[:, columns].mean(axis=0)
        residuals = flat[:, columns] - mean
        coefficients = controls.project(residuals)
        residuals -= matrix_product(controls.basis, coefficients)
        residuals *= math.sqrt(controls.dof_correction)
        np.add(residuals, mean - matrix_product(controls.means[None], coefficients)[0], out=adjusted[:, columns])
    return adjusted.reshape(sums.shape)


def matrix_product(left: Floats, right: Floats) -> Floats:
    """The matrix product, shape (rows, columns), in pieces so small that no library splits one between threads."""
    rows, inner = left.shape
    columns_at_once = max(1, _SINGLE_THREAD_SIZE // max(1, rows * min(inner, _INNER_AT_ONCE)))
    product = np.zeros((rows, right.shape[1]))
    for start in range(0, right.shape[1], columns_at_once):
        columns = slice(start, start + columns_at_once)
        for first in range(0, inner, _INNER_AT_ONCE):
            inner_range = slice(first, first + _INNER_AT_ONCE)
            product[:, columns] += left[:, inner_range] @ right[inner_range, columns]
    return product


SumIndex = tuple[int | slice, ...]
"""Where quantities stand in an array."""


@dataclass
class Moments:
    """What is needed of the sums of many quantities over groups of trials, once these are forgotten: method (18).

    The groups are the draws of the judgements or, without them, batches. With y a quantity's sum over the trials of a
    group and x the sum of their weights, this holds what ratios y / x and their errors are made of.

    Attributes:
        total, squares, products: any one shape, the sums over groups of y, y^2 and x y.
        basis_sums: shape (fitted, ...), the sums of y times the columns of the controls' basis.
        open_groups: by group, shape as `total`, the sums so far where some of its trials are still to come.
        unfolded: the arguments of each `fold`, where that is left to the moments that these are added to: then none of
            the sums above is made, which would be far more numbers to send than those of a few groups.
    """

    total: Floats
    squares: Floats
    products: Floats
    basis_sums: Floats
    open_groups: dict[int, Floats]
    unfolded: list[tuple[int | slice, Floats, Floats, Floats]] | None = None

    @classmethod
    def empty(cls, shape: tuple[int, ...], fitted: int) -> Moments:
        """The moments of no groups."""
        return cls(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros((fitted, *shape)), {})

    @classmethod
    def of_block(cls, shape: tuple[int, ...], fitted: int, groups: int) -> Moments:
        """The moments of no groups, for a block with so many: folded at once if these are more numbers than moments."""
        if groups >= 3 + fitted:
            return cls.empty(shape, fitted)
        nothing = np.zeros(shape)
        return cls(nothing, nothing, nothing, np.zeros((0, *shape)), {}, [])

    def fold(self, at: int | slice, sums: Floats, weights: Floats, basis: Floats) -> None:
        """Take in the sums of whole groups.

        Args:
            at: the place of the quantities on the first axis.
            sums: shape (groups, ...).
            weights: shape (groups,), the sums of the trials' weights.
            basis: shape (groups, fitted), the groups' rows of the controls' basis.
        """
        if self.unfolded is not None:
            self.unfolded.append((at, sums.copy(), weights, basis))  # for the place of the sums is used again
            return
        flat = sums.reshape(len(sums), -1)
        self.total[at] += sums.sum(axis=0)
        self.squares[at] += (sums * sums).sum(axis=0)
        self.products[at] += (flat * weights[:, None]).sum(axis=0).reshape(sums.shape[1:])
        if len(self.basis_sums):
            self.basis_sums[:, at] += matrix_product(basis.T, flat).reshape(-1, *sums.shape[1:])

    def merge(self, other: Moments) -> None:
        """Add the moments of other trials: the same bits, whether they are folded or not."""
        if other.unfolded is None:
            self.total += other.total
            self.squares += other.squares
            self.products += other.products
            self.basis_sums += other.basis_sums
        else:
            for fold in other.unfolded:
                self.fold(*fold)
        for group, sums in other.open_groups.items():
            self.open_groups[group] = self.open_groups[group] + sums if group in self.open_groups else sums

    def fold_open_groups(self, before: int, weights: Floats, basis: Floats) -> None:
        """Fold the open groups that come before one of them; weights and basis as in `fold`, but of all groups."""
        for group in sorted(group for group in self.open_groups if group < before):
            sums, row = self.open_groups.pop(group), slice(group, group + 1)
            for start in range(0, len(sums), _ROWS_AT_ONCE):  # a few at a time, whose working space is small
                at = slice(start, start + _ROWS_AT_ONCE)
                self.fold(at, sums[None, at], weights[row], basis[row])

    def ratio(self, at: SumIndex, weights: Floats, controls: Controls) -> Estimate:
        """The ratios of the sums at some places, of `ever` too: as `ratio` of `with_control_variates`, method (16, 18).

        Args:
            at: the places.
            weights: shape (groups,), of all groups.
            controls: those of the basis.
        """
        groups = len(weights)
        basis_sums, total = self.basis_sums[(slice(None), *at)], self.total[at]
        weight_coefficients = controls.project(weights[:, None])[:, 0] if controls.fitted else np.zeros(0)
        mean, weight_mean = total / groups, float(weights.mean())
        adjusted_mean = mean - np.tensordot(controls.means, basis_sums, axes=1) if controls.fitted else mean
        adjusted_weight = weight_mean - float((controls.means * weight_coefficients).sum())
        weight_squares = float((weights * weights).sum())
        # whole numbers stay such up to the division, so that nothing is lost where all groups are nearly alike
        variance = (groups * self.squares[at] - total * total) / groups - (basis_sums * basis_sums).sum(axis=0)
        covariance = (groups * self.products[at] - total * weights.sum()) / groups
        covariance = covariance - (weight_coefficients.reshape(-1, *(1,) * mean.ndim) * basis_sums).sum(axis=0)
        weight_variance = (groups * weight_squares - float(weights.sum()) ** 2) / groups - float(
            (weight_coefficients * weight_coefficients).sum()
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            value = np.asarray(adjusted_mean / adjusted_weight)
            residual = variance - 2.0 * value * covariance + value * value * weight_variance
            rounding = _ROUNDING * (self.squares[at] + value * value * weight_squares)
            residual = np.where(residual > rounding, residual, 0.0)
            error = np.sqrt(residual * controls.dof_correction * (groups / (groups - 1))) / (groups * adjusted_weight)
        return Estimate(value, error)


def sum_halves(values: Floats) -> Floats:
    """Sums over batches brought to sums over draws of the judgements: shape (2 * draws, ...) to (draws, ...)."""
    return values[::2] + values[1::2]
