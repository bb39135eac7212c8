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
from usru_scenarios.sampler.kernels import FactoredKernel, Kernel, ThresholdTable
from usru_scenarios.sampler.outcome import OutcomeKernel
from usru_scenarios.sampler.tables import LogWeightEvaluator, Lookup, PiecewiseLinear, RowIndex

AnyKernel = Kernel | OutcomeKernel
Part = TypeVar("Part")
Array = npt.NDArray[Any]


class UnlikeError(Exception):
    """Kernels of blocks differ in more than what their draws of the judgements are."""


class KernelJoiner:
    """Puts kernels of neighbouring blocks together; what several laws share is put together once."""

    def __init__(self) -> None:
        self._kernels: dict[tuple[int, ...], AnyKernel] = {}
        self._arrays: dict[object, tuple[Sequence[Array], Array]] = {}

    def joined(self, kernels: Sequence[AnyKernel]) -> AnyKernel:
        """A kernel for the trials of all blocks, from that of each.

        Raises:
            UnlikeError: the blocks have kernels of several kinds.
        """
        key = tuple(map(id, kernels))  # of kernels that whoever has this keeps meanwhile
        if key not in self._kernels:
            self._kernels[key] = self._joined(kernels)
        return self._kernels[key]

    def _joined(self, kernels: Sequence[AnyKernel]) -> AnyKernel:
        first = kernels[0]
        if all(each == first for each in kernels):
            return first
        if _all(kernels, ThresholdTable):
            return self._thresholds(kernels)
        if _all(kernels, FactoredKernel):
            return self._factored(kernels)
        if _all(kernels, OutcomeKernel):
            return self._outcome(kernels)
        raise UnlikeError

    def _thresholds(self, kernels: Sequence[ThresholdTable]) -> ThresholdTable:
        reader = _reader([each.reader for each in kernels])
        drawn = _is_drawn(reader)
        return ThresholdTable(
            reader,
            tuple(self._by_row(parts, drawn=drawn) for parts in _by_place([each.upper for each in kernels])),
            self._by_row([each.lower for each in kernels], drawn=drawn),
        )

    def _factored(self, kernels: Sequence[FactoredKernel]) -> FactoredKernel:
        whole = copy.copy(_same(kernels, lambda each: (each.confined, each.simple)))
        whole.evaluator = self._evaluator([each.evaluator for each in kernels])
        whole.keep = self._by_draw([each.keep for each in kernels], 1)
        whole.odds = self._by_draw([each.odds for each in kernels], 1)
        return whole

    def _outcome(self, kernels: Sequence[OutcomeKernel]) -> OutcomeKernel:
        whole = copy.copy(_same(kernels, lambda each: (each.size, each.mixes)))
        whole.fixed = self._by_draw([each.fixed for each in kernels], 1)
        whole.keep = self._by_draw([each.keep for each in kernels], 1)
        whole.evaluators = [self._evaluator(parts) for parts in _by_place([each.evaluators for each in kernels])]
        return whole

    def _evaluator(self, evaluators: Sequence[LogWeightEvaluator]) -> LogWeightEvaluator:
        whole = copy.copy(_same(evaluators, lambda each: (each.holds, each.logarithmic)))
        whole.lookups = [self._lookup(parts) for parts in _by_place([each.lookups for each in evaluators])]
        whole.curves = [self._curve(parts) for parts in _by_place([each.curves for each in evaluators])]
        return whole

    def _lookup(self, lookups: Sequence[Lookup]) -> Lookup:
        reader = _reader([each.reader for each in lookups])
        return Lookup(reader, self._by_row([each.columns for each in lookups], drawn=_is_drawn(reader)))

    def _curve(self, curves: Sequence[PiecewiseLinear]) -> PiecewiseLinear:
        first = _same(curves, lambda each: (each.index, each.lag, each.knots.tobytes()))
        return replace(
            first,
            first=self._by_draw([each.first for each in curves], 1, last=True),
            slopes=self._by_draw([each.slopes for each in curves], 2, last=True),
        )

    def _by_row(self, tables: Sequence[Array], *, drawn: bool) -> Array:
        """Tables whose last axis is that of the rows, which go by draw where the judgements are among the parents."""
        return self._beside(tables, -1) if drawn else _alike(tables)

    def _by_draw(self, values: Sequence[Any], plain: int, *, last: bool = False) -> Any:
        """Values that may be drawn: then they have an axis more than they have plain, first or last; or None."""
        if values[0] is None or values[0].ndim <= plain:
            return _alike(values)
        return self._beside(values, -1 if last else 0)

    def _beside(self, arrays: Sequence[Array], axis: int) -> Array:
        key = axis, *((each.__array_interface__["data"], each.shape) for each in arrays)
        if key not in self._arrays:
            if len({(each.ndim, each.dtype) for each in arrays}) > 1:
                raise UnlikeError
            self._arrays[key] = arrays, np.concatenate(arrays, axis=axis)
        return self._arrays[key][1]


def _all(kernels: Sequence[AnyKernel], kind: type[Part]) -> TypeGuard[Sequence[Part]]:
    return all(type(each) is kind for each in kernels)


def _same(parts: Sequence[Part], told: Callable[[Part], object]) -> Part:
    """The first of some parts, where all say the same of themselves."""
    if len({told(each) for each in parts}) > 1:
        raise UnlikeError
    return parts[0]


def _by_place(lists: Sequence[Sequence[Part]]) -> Iterable[tuple[Part, ...]]:
    """What stands at the same place in each of some lists, place by place."""
    _same(lists, len)
    return zip(*lists, strict=True)


def _alike(arrays: Sequence[Any]) -> Any:
    """The first of some arrays, or None, where all are equal."""
    first = arrays[0]
    if not all(each is first or (each is not None and np.array_equal(each, first)) for each in arrays):
        raise UnlikeError
    return first


def _is_drawn(reader: RowIndex) -> bool:
    return any(parent.node == JUDGEMENTS for _, parent in reader.parents)


def _reader(readers: Sequence[RowIndex]) -> RowIndex:
    """What reads the rows of tables beside one another: the judgements are the slowest parent, and have all draws."""
    if not _is_drawn(readers[0]):
        return _same(readers, lambda each: each.parents)
    (place, _), *others = readers[0].parents
    if any(parent.node != JUDGEMENTS for parent in (reader.parents[0][1] for reader in readers)):
        raise UnlikeError
    _same(readers, lambda each: each.parents[1:])
    draws = sum(reader.parents[0][1].size for reader in readers)
    judgements = readers[0].parents[0][1]._replace(size=draws)
    return RowIndex(((place, judgements), *others))
