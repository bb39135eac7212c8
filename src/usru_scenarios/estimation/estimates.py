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
"""So many draws of the judgements it takes for each function of them that is fitted: else the fit follows the noise."""

_SAME = 1e-12
"""Sums that differ by no more than this share are the same, but for the rounding of what they are made of."""

_COLLINEAR = 1e-10
"""A control of which no more than this share is left, after those before it are taken away, is made of them."""

_PLACES = 16
"""Places of the first axis that a group is folded into at a time."""

_COLUMNS = 1 << 10
"""Sums that the controls are fitted to at a time."""

_ROUNDING = 8 * float(np.finfo(np.float64).eps)
"""The share of a sum of squares that is no more than the rounding of what it is made of."""

_UNCHANGED = 1e-10
"""An estimate that is changed by no more than this, or this share of it, is the same."""

_PIECE = 1 << 17
"""Multiplications of a matrix product up to which OpenBLAS, MKL and Accelerate keep to one thread."""
_INNER = 128
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
    shaped = denominators.reshape(denominators.shape + (1,) * (numerators.ndim - denominators.ndim))
    batches = len(numerators)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = shaped.sum(axis=0)
        value = numerators.sum(axis=0) / total
        squares = ((numerators - value * shaped) ** 2).sum(axis=0)
        squares = np.where(squares <= _SAME**2 * (numerators**2).sum(axis=0), 0.0, squares)
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
        basis, means = orthonormal(np.hstack([constant, functions]), np.append(0.0, means))
        few = len(means) - 1 > draws // DRAWS_PER_CONTROL
        return (np.zeros((draws, 0)), np.zeros(0)) if few else (basis[:, 1:], means[1:])

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

    def along(self, sums: Floats) -> Floats:
        """The least-squares fit of sums, shape (draws, sums), in the basis: shape (fitted, sums)."""
        return product(self.basis.T, sums)

    @property
    def dof_correction(self) -> float:
        """By what the variance of what is left is multiplied: method (31)."""
        return (self.draws - 1) / (self.draws - 1 - self.fitted) if self.fitted else 1.0


NO_CONTROLS = Controls(np.zeros((0, 0)))
"""Where no judgement is drawn."""


def orthonormal(columns: Floats, carried: Floats) -> tuple[Floats, Floats]:
    """Orthonormal columns that span the same, each made of those up to its own (Gram and Schmidt).

    Shape (rows, found), and what the numbers carried become, shape (found,).

    Args:
        columns: shape (rows, columns); one that is a sum of multiples of those before it is left out.
        carried: shape (columns,), a number for each, of which the same sums are made.
    """
    basis, numbers = np.empty(columns.shape[::-1]), np.empty(len(carried))
    found = 0
    for column, number in zip(columns.T, carried.tolist(), strict=True):
        rest, made = column, number
        for _ in range(2):  # twice is enough (L. Giraud, J. Langou and M. Rozloznik, 2005)
            along = (basis[:found] * rest).sum(axis=1)
            rest = rest - (basis[:found] * along[:, None]).sum(axis=0)
            made = made - float((numbers[:found] * along).sum())
        length = math.sqrt(float((rest * rest).sum()))
        if length > _COLLINEAR * math.sqrt(float((column * column).sum())):
            basis[found], numbers[found] = rest / length, made / length
            found += 1
    return np.ascontiguousarray(basis[:found].T), numbers[:found]


MOST_MISSED = 3.0
"""How many trials may be expected to hit what none has hit: that happens once in 20 times, e^-3 being 0.05."""


def with_error_floor(
    found: Estimate,
    effective: float | Floats,
    limits: Callable[[], tuple[Floats, Floats]],
    missed: float = MOST_MISSED,
    *,
    lowest: float = 0.0,
) -> Estimate:
    """An estimate whose error covers what was never drawn.

    Method (27): nothing is added where all trials must agree, and a larger error stays as it is.

    Args:
        found: means over trials of something that lies from `lowest` to 1 in each.
        effective: for how many independent trials those of the estimate stand, a number or of a shape that broadcasts.
        limits: gives the least and the largest value of a single trial, of a shape that broadcasts; asked for only
            where it may matter.
        missed: the trials that may be expected to hit what none has hit.
        lowest: 0 of probabilities, -1 of their differences.
    """
    if not in_doubt(found, effective, missed, lowest=lowest):
        return found
    with np.errstate(invalid="ignore"):
        least = rule_of_three_bound(effective, missed) * farthest(found.value, *limits())
        return Estimate(found.value, np.maximum(found.error, least))


def in_doubt(found: Estimate, effective: float | Floats, missed: float = MOST_MISSED, *, lowest: float = 0.0) -> bool:
    """Whether an error is so small that trials never drawn could add to it, if they lie from `lowest` to 1."""
    with np.errstate(invalid="ignore"):
        far = np.maximum(found.value - lowest, 1.0 - found.value)
        return bool(np.any(found.error < rule_of_three_bound(effective, missed) * far))


def rule_of_three_bound(effective: float | Floats, missed: float | Floats = MOST_MISSED) -> Floats:
    """The share that trials that were never drawn may have among so many: 3 / n, at most 1; any shape."""
    return missed / np.maximum(np.asarray(effective, dtype=np.float64), missed)


def farthest(value: Floats, low: Floats, high: Floats) -> Floats:
    """How far a single trial can lie from a value, given the limits of all, any shape; 0 where they leave no room."""
    far: Floats = np.where(high - low > _SAME, np.maximum(high - value, value - low), 0.0)
    return far


def covering_unseen(found: Estimate, changed: Floats) -> Estimate:
    """An estimate whose error covers what trials that were never drawn could make of it: method (27).

    Args:
        found: of any shape; where the value is no number, its error stays.
        changed: shape (kinds, ...), what the estimate is with each kind of such trials added; what is no number, as
            where that kind is impossible, counts for nothing.
    """
    with np.errstate(invalid="ignore"):
        apart = np.abs(changed - found.value)
        counts = np.isfinite(apart) & (apart > _UNCHANGED * (1.0 + np.abs(found.value)))
    least = np.where(counts, apart, 0.0).max(axis=0, initial=0.0)
    return Estimate(found.value, np.where(np.isfinite(found.value), np.fmax(found.error, least), found.error))


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
    steady = flat if in_place else np.empty_like(flat)
    for start in range(0, flat.shape[1], _COLUMNS):  # in parts, whose working space is small
        columns = slice(start, start + _COLUMNS)
        mean = flat[:, columns].mean(axis=0)
        rest = flat[:, columns] - mean
        along = controls.along(rest)
        rest -= product(controls.basis, along)
        rest *= math.sqrt(controls.dof_correction)
        np.add(rest, mean - product(controls.means[None], along)[0], out=steady[:, columns])
    return steady.reshape(sums.shape)


def product(one: Floats, other: Floats) -> Floats:
    """The matrix product, shape (rows, columns), in pieces so small that no library splits one between threads."""
    rows, inner = one.shape
    width = max(1, _PIECE // max(1, rows * min(inner, _INNER)))
    found = np.zeros((rows, other.shape[1]))
    for start in range(0, other.shape[1], width):
        columns = slice(start, start + width)
        for first in range(0, inner, _INNER):
            along = slice(first, first + _INNER)
            found[:, columns] += one[:, along] @ other[along, columns]
    return found


SumIndex = tuple[int | slice, ...]
"""Where quantities stand in an array."""


@dataclass
class Moments:
    """What is needed of the sums of many quantities over groups of trials, once these are forgotten: method (18).

    The groups are the draws of the judgements or, without them, batches. With y a quantity's sum over the trials of a
    group and x the sum of their weights, this holds what ratios y / x and their errors are made of.

    Attributes:
        total, squares, products: any one shape, the sums over groups of y, y^2 and x y.
        along: shape (fitted, ...), the sums of y times the columns of the controls' basis.
        open: by group, shape as `total`, the sums so far where some of its trials are still to come.
        unfolded: the arguments of each `fold`, where that is left to the moments that these are added to: then none of
            the sums above is made, which would be far more numbers to send than those of a few groups.
    """

    total: Floats
    squares: Floats
    products: Floats
    along: Floats
    open: dict[int, Floats]
    unfolded: list[tuple[int | slice, Floats, Floats, Floats]] | None = None

    @classmethod
    def empty(cls, shape: tuple[int, ...], fitted: int) -> Moments:
        """Those of no groups."""
        return cls(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros((fitted, *shape)), {})

    @classmethod
    def of_block(cls, shape: tuple[int, ...], fitted: int, groups: int) -> Moments:
        """Those of no groups, to be added to others once so many of them are known: folded if that makes them fewer."""
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
        if len(self.along):
            self.along[:, at] += product(basis.T, flat).reshape(-1, *sums.shape[1:])

    def add(self, other: Moments) -> None:
        """Add the moments of other trials: the same bits, whether they are folded or not."""
        if other.unfolded is None:
            self.total += other.total
            self.squares += other.squares
            self.products += other.products
            self.along += other.along
        else:
            for fold in other.unfolded:
                self.fold(*fold)
        for group, sums in other.open.items():
            self.open[group] = self.open[group] + sums if group in self.open else sums

    def close(self, before: int, weights: Floats, basis: Floats) -> None:
        """Fold the open groups that come before one of them; weights and basis as in `fold`, but of all groups."""
        for group in sorted(group for group in self.open if group < before):
            sums, own = self.open.pop(group), slice(group, group + 1)
            for start in range(0, len(sums), _PLACES):  # a few at a time, whose working space is small
                at = slice(start, start + _PLACES)
                self.fold(at, sums[None, at], weights[own], basis[own])

    def ratio(self, at: SumIndex, weights: Floats, controls: Controls) -> Estimate:
        """The ratios of the sums at some places, of `ever` too: as `ratio` of `with_control_variates`, method (16, 18).

        Args:
            at: the places.
            weights: shape (groups,), of all groups.
            controls: those of the basis.
        """
        groups = len(weights)
        along, total = self.along[(slice(None), *at)], self.total[at]
        own = controls.along(weights[:, None])[:, 0] if controls.fitted else np.zeros(0)
        mean, own_mean = total / groups, float(weights.mean())
        steady = mean - np.tensordot(controls.means, along, axes=1) if controls.fitted else mean
        own_steady = own_mean - float((controls.means * own).sum())
        own_squares = float((weights * weights).sum())
        # whole numbers stay such up to the division, so that nothing is lost where all groups are nearly alike
        apart = (groups * self.squares[at] - total * total) / groups - (along * along).sum(axis=0)
        together = (groups * self.products[at] - total * weights.sum()) / groups
        together = together - (own.reshape(-1, *(1,) * mean.ndim) * along).sum(axis=0)
        own_apart = (groups * own_squares - float(weights.sum()) ** 2) / groups - float((own * own).sum())
        with np.errstate(invalid="ignore", divide="ignore"):
            value = np.asarray(steady / own_steady)
            left = apart - 2.0 * value * together + value * value * own_apart
            left = np.where(left > _ROUNDING * (self.squares[at] + value * value * own_squares), left, 0.0)
            error = np.sqrt(left * controls.dof_correction * (groups / (groups - 1))) / (groups * own_steady)
        return Estimate(value, error)


def over_draws(values: Floats) -> Floats:
    """Sums over batches brought to sums over draws of the judgements: shape (2 * draws, ...) to (draws, ...)."""
    return values[::2] + values[1::2]
