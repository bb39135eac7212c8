"""Kernels of neighbouring blocks made one, so that the blocks are walked together.

Each block has kernels of its own, with tables for its draws of the judgements; how a law is compiled depends on how
many there are. So they are compiled as for each block alone, and tables of neighbours are put beside one another: every
trial reads the same numbers as in a block by itself, and has the same states, bit for bit.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeGuard, TypeVar

import numpy as np
import numpy.typing as npt

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.program.laws import JUDGEMENTS
from usru_scenarios.sampler.kernels import FactoredKernel, ThresholdTable
from usru_scenarios.sampler.outcome import NodeKernel, OutcomeKernel
from usru_scenarios.sampler.tables import LogWeightEvaluator, Lookup, PiecewiseLinear, RowIndex

Part = TypeVar("Part")
Array = npt.NDArray[Any]


class IncompatibleKernelsError(Exception):
    """Kernels of blocks differ in more than what their draws of the judgements are."""


class KernelJoiner:
    """Puts kernels of neighbouring blocks together; what several laws share is put together once."""

    def __init__(self) -> None:
        self._kernels: dict[tuple[int, ...], NodeKernel] = {}
        self._arrays: dict[object, tuple[Sequence[Array], Array]] = {}

    def join(self, kernels: Sequence[NodeKernel]) -> NodeKernel:
        """A kernel for the trials of all blocks, from that of each.

        Raises:
            IncompatibleKernelsError: the blocks have kernels of several kinds.
        """
        key = tuple(map(id, kernels))  # of kernels that whoever has this keeps meanwhile
        if key not in self._kernels:
            self._kernels[key] = self._join(kernels)
        return self._kernels[key]

    def _join(self, kernels: Sequence[NodeKernel]) -> NodeKernel:
        first = kernels[0]
        if all(kernel == first for kernel in kernels):
            return first
        if _are_all(kernels, ThresholdTable):
            return self._join_thresholds(kernels)
        if _are_all(kernels, FactoredKernel):
            return self._join_factored(kernels)
        if _are_all(kernels, OutcomeKernel):
            return self._join_outcomes(kernels)
        raise IncompatibleKernelsError

    def _join_thresholds(self, kernels: Sequence[ThresholdTable]) -> ThresholdTable:
        reader = _join_readers([each.reader for each in kernels])
        drawn = _reads_judgements(reader)
        return ThresholdTable(
            reader,
            tuple(self._join_rows(parts, has_draws=drawn) for parts in _zip_lists([each.upper for each in kernels])),
            self._join_rows([each.lower for each in kernels], has_draws=drawn),
        )

    def _join_factored(self, kernels: Sequence[FactoredKernel]) -> FactoredKernel:
        joined = copy.copy(_require_same(kernels, lambda each: (each.may_be_stuck, each.has_finite_odds)))
        joined.evaluator = self._join_evaluators([each.evaluator for each in kernels])
        joined.keep = self._join_draws([each.keep for each in kernels], 1)
        joined.odds = self._join_draws([each.odds for each in kernels], 1)
        return joined

    def _join_outcomes(self, kernels: Sequence[OutcomeKernel]) -> OutcomeKernel:
        joined = copy.copy(_require_same(kernels, lambda each: (each.size, each.redraws_alike)))
        joined.fixed = self._join_draws([each.fixed for each in kernels], 1)
        joined.keep = self._join_draws([each.keep for each in kernels], 1)
        joined.evaluators = [*map(self._join_evaluators, _zip_lists([each.evaluators for each in kernels]))]
        return joined

    def _join_evaluators(self, evaluators: Sequence[LogWeightEvaluator]) -> LogWeightEvaluator:
        joined = copy.copy(_require_same(evaluators, lambda each: (each.has_hold, each.logarithmic)))
        joined.lookups = [self._join_lookups(parts) for parts in _zip_lists([each.lookups for each in evaluators])]
        joined.curves = [self._join_curves(parts) for parts in _zip_lists([each.curves for each in evaluators])]
        return joined

    def _join_lookups(self, lookups: Sequence[Lookup]) -> Lookup:
        reader = _join_readers([each.reader for each in lookups])
        return Lookup(reader, self._join_rows([each.columns for each in lookups], has_draws=_reads_judgements(reader)))

    def _join_curves(self, curves: Sequence[PiecewiseLinear]) -> PiecewiseLinear:
        first = _require_same(curves, lambda each: (each.index, each.lag, each.knots.tobytes()))
        return replace(
            first,
            first_points=self._join_draws([each.first_points for each in curves], 1, draws_last=True),
            slopes=self._join_draws([each.slopes for each in curves], 2, draws_last=True),
        )

    def _join_rows(self, tables: Sequence[Array], *, has_draws: bool) -> Array:
        """Tables whose last axis is that of the rows, which go by draw where the judgements are among the parents."""
        return self._concatenate(tables, -1) if has_draws else _require_equal(tables)

    def _join_draws(self, values: Sequence[Any], plain_axes: int, *, draws_last: bool = False) -> Any:
        """Values that may be drawn: then they have an axis more than they have plain, first or last; or None."""
        if values[0] is None or values[0].ndim <= plain_axes:
            return _require_equal(values)
        return self._concatenate(values, -1 if draws_last else 0)

    def _concatenate(self, arrays: Sequence[Array], axis: int) -> Array:
        key = axis, *((each.__array_interface__["data"], each.shape) for each in arrays)
        if key not in self._arrays:
            if len({(each.ndim, each.dtype) for each in arrays}) > 1:
                raise IncompatibleKernelsError
            self._arrays[key] = arrays, np.concatenate(arrays, axis=axis)
        return self._arrays[key][1]


def _are_all(kernels: Sequence[NodeKernel], kind: type[Part]) -> TypeGuard[Sequence[Part]]:
    return all(type(each) is kind for each in kernels)


def _require_same(parts: Sequence[Part], properties: Callable[[Part], object]) -> Part:
    """The first of some parts, where all say the same of themselves."""
    if len({properties(each) for each in parts}) > 1:
        raise IncompatibleKernelsError
    return parts[0]


def _zip_lists(lists: Sequence[Sequence[Part]]) -> Iterable[tuple[Part, ...]]:
    """The entries of lists of equal lengths, place by place."""
    _require_same(lists, len)
    return zip(*lists, strict=True)


def _require_equal(arrays: Sequence[Any]) -> Any:
    """The first of some arrays, or None, where all are equal."""
    first = arrays[0]
    if not all(each is first or (each is not None and np.array_equal(each, first)) for each in arrays):
        raise IncompatibleKernelsError
    return first


def _reads_judgements(reader: RowIndex) -> bool:
    return any(parent.node == JUDGEMENTS for _, parent in reader.parents)


def _join_readers(readers: Sequence[RowIndex]) -> RowIndex:
    """A reader of joined tables: the judgements are the slowest parent, and have the draws of all blocks."""
    if not _reads_judgements(readers[0]):
        return _require_same(readers, lambda each: each.parents)
    (place, _), *others = readers[0].parents
    if any(parent.node != JUDGEMENTS for parent in (reader.parents[0][1] for reader in readers)):
        raise IncompatibleKernelsError
    _require_same(readers, lambda each: each.parents[1:])
    draws = sum(reader.parents[0][1].size for reader in readers)
    judgements = readers[0].parents[0][1]._replace(size=draws)
    return RowIndex(((place, judgements), *others))
