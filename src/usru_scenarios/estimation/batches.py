"""Trials in batches, and sums over them, of which every estimate and its standard error is made; method (21).

Trials come in blocks, which are drawn apart from each other, in this process or in others. A block gives the sums of
its own batches; added up in the order of the blocks they are the sums of the run, whatever has drawn them.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import EllipsisType
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import numpy.typing as npt

from usru_scenarios.light_dataclasses import dataclass

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class TrialBatches:
    """The trials in groups of one size, the last perhaps smaller; blocks need not begin where they do.

    Attributes:
        size: trials of a batch.
        trials: all of them.
        block: trials of a block.
    """

    size: int
    trials: int
    block: int

    @property
    def count(self) -> int:
        """How many there are."""
        return -(-self.trials // self.size)

    @property
    def sizes(self) -> Floats:
        """The trials of each, shape (batches,)."""
        return np.diff(np.append(np.arange(0, self.trials, self.size), self.trials)).astype(np.float64)

    def bytes(self, entries: int) -> int:
        """The memory for sums of so many numbers, those of a block beside those of all."""
        return 8 * (self.count + self.count_in(0)) * entries

    def count_in(self, block: int) -> int:
        """How many there are in a block, those that go on from the one before or into the next included."""
        first = block * self.block
        return -(-(first % self.size + min(self.block, self.trials - first)) // self.size)

    def starts(self, block: int) -> npt.NDArray[np.int64]:
        """Where in a block its batches start, shape (batches,); the first may go on from the block before."""
        first = block * self.block
        return np.maximum(np.arange(-(first % self.size), min(self.block, self.trials - first), self.size), 0)

    def batches_in(self, block: int) -> slice:
        """The batches of a block, the last and the first of neighbours being the same where one goes on."""
        first = block * self.block // self.size
        return slice(first, first + self.count_in(block))

    def whole_in(self, block: int) -> slice:
        """Of the batches of a block, counted from 0, those all of whose trials are in it."""
        first, last = block * self.block, min((block + 1) * self.block, self.trials)
        count = self.count_in(block)
        last_is_whole = last == self.trials or not last % self.size
        return slice(1 if first % self.size else 0, count if last_is_whole else count - 1)


class BatchSums:
    """Sums over trials; what a block gives, and a run.

    A subclass is a dataclass. Its fields hold arrays whose first axis is that of the batches, or lists, tuples and
    dictionaries of them, or further `BatchSums`. Those in `OVER_ALL_TRIALS` are sums over all trials, of any shape.
    """

    OVER_ALL_TRIALS: ClassVar[frozenset[str]] = frozenset()

    def add(self, part: Self, at: slice) -> None:
        """Add the sums of a block, whose batches are at `at`."""
        for name, sums in vars(part).items():
            _add_part(getattr(self, name), sums, ... if name in self.OVER_ALL_TRIALS else at)

    def zeros_like(self, batches: int) -> Self:
        """The sums of no trials, of the same shapes but for the number of batches."""
        rooms = {name: None if name in self.OVER_ALL_TRIALS else batches for name in vars(self)}
        return type(self)(**{name: _zeros_like(sums, rooms[name]) for name, sums in vars(self).items()})


def _add_part(total: Any, part: Any, at: slice | EllipsisType) -> None:
    if isinstance(part, np.ndarray):
        total[at] += part
    elif isinstance(part, BatchSums):
        assert isinstance(at, slice), "what has batches is no sum over all trials"
        total.add(part, at)
    else:
        for key in part if isinstance(part, dict) else range(len(part)):
            _add_part(total[key], part[key], at)


def _zeros_like(part: Any, batches: int | None) -> Any:
    if isinstance(part, np.ndarray):
        return np.zeros(part.shape if batches is None else (batches, *part.shape[1:]), part.dtype)
    if isinstance(part, BatchSums):
        assert batches is not None, "what has batches is no sum over all trials"
        return part.zeros_like(batches)
    if isinstance(part, dict):
        return {key: _zeros_like(part_of_part, batches) for key, part_of_part in part.items()}
    zeros = [_zeros_like(part_of_part, batches) for part_of_part in part]
    return type(part)(*zeros) if hasattr(part, "_fields") else zeros


Sums = TypeVar("Sums", bound=BatchSums)


def accumulate(parts: Iterable[Sums], batches: TrialBatches) -> Sums:
    """The sums of a run from those of its blocks, in their order; there is at least one."""
    total: Sums | None = None
    for block, part in enumerate(parts):
        if total is None:
            total = part.zeros_like(batches.count)
        total.add(part, batches.batches_in(block))
    assert total is not None, "a run has a trial"
    return total


def sum_by_batch(values: Floats, starts: npt.NDArray[np.int64]) -> Floats:
    """Sums over batches of trials, which start at `starts`: from shape (things, trials) to (batches, things)."""
    return np.add.reduceat(values, starts, axis=-1).T


def batch_sizes(starts: npt.NDArray[np.int64], trials: int) -> Floats:
    """How many trials each batch of a block has, shape (batches,)."""
    sizes = np.empty(len(starts))
    np.subtract(starts[1:], starts[:-1], out=sizes[:-1])
    sizes[-1] = trials - starts[-1]
    return sizes


def batch_numbers(starts: Integers, trials: int) -> npt.NDArray[np.intp]:
    """In which batch each trial of a block is, counted from 0, shape (trials,)."""
    return np.searchsorted(starts, np.arange(trials), side="right") - 1


def sum_by_batch_and_code(
    codes: Integers, weights: Floats | None, size: int, numbers: Integers, batches: int
) -> Floats:
    """Sums of weights, or numbers of trials, by batch and code.

    Args:
        codes: shape (trials,), from 0 on.
        weights: shape (trials,); None counts the trials.
        size: how many codes there are.
        numbers: the batch of each trial, as `batch_numbers` gives it.
        batches: how many there are.

    Returns:
        Shape (batches, size).
    """
    return sum_by_code(numbers * size + codes, weights, batches * size).reshape(batches, size)


def sum_by_code(codes: Integers, weights: Floats | None, size: int) -> Floats:
    """Sums of weights, or numbers of trials, by code, of all trials together: shape (size,)."""
    return np.bincount(codes, weights, minlength=size).astype(np.float64)


def effective_trials(weights: Floats, squares: Floats) -> Floats:
    """The effective sample size (sum w)^2 / sum w^2, any shape; 0 where no trial has a weight; method (23).

    Args:
        weights: the sums of the trials' weights.
        squares: those of the squared weights, of the same shape.
    """
    return np.divide(weights * weights, squares, out=np.zeros(np.shape(weights)), where=squares > 0)
