"""The outcome's law as plain data, and arrays as bytes: points are apart from their weights, which a page can change.

Whatever depends on drawn judgements has an axis for their draws before all others, and says so by `drawn`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from usru_scenarios.names import OUTCOME
from usru_scenarios.program.laws import JUDGEMENTS, PiecewiseCurve, Term
from usru_scenarios.program.program import CategoricalNode, Floats, Program

ArrayType = Literal["uint8", "uint16", "float32"]
ArrayLocation = dict[str, Any]
"""Where an array stands: {at: the byte at which it begins, count: how many numbers, kind: their type}."""

_ALIGNMENT = 8

PathKey = tuple[str, tuple[float, ...] | None]
"""What is carried of a node: its states or, of a numeric one, what its edges cut of it, or (None) its value."""


class Pack:
    """Arrays one after the other, little-endian, each at a multiple of 8 bytes; equal ones are kept once."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._locations: dict[tuple[str, bytes], ArrayLocation] = {}
        self._size = 0

    def put(self, values: npt.NDArray[Any] | Iterable[float], kind: ArrayType) -> ArrayLocation:
        """Where the values stand, first axis slowest."""
        array = np.asarray(values)
        data = np.ascontiguousarray(array.astype(np.dtype(kind).newbyteorder("<"))).tobytes()
        if (kind, data) not in self._locations:
            self._locations[kind, data] = {"at": self._size, "count": int(array.size), "kind": kind}
            padded = data + bytes(-len(data) % _ALIGNMENT)
            self._chunks.append(padded)
            self._size += len(padded)
        return self._locations[kind, data]

    def floats(self, values: Floats) -> ArrayLocation:
        """Where numbers stand that are rounded to 24 bits."""
        return self.put(values, "float32")

    @property
    def data(self) -> bytes:
        """The bytes of all arrays."""
        return b"".join(self._chunks)


def outcome_inputs(outcome: CategoricalNode) -> list[PathKey]:
    """What the outcome reads of other nodes."""
    parents = {parent for term in outcome.terms for parent in term.parents if parent.node not in (JUDGEMENTS, OUTCOME)}
    inputs: set[PathKey] = {(parent.node, parent.edges) for parent in parents}
    return [*sorted(inputs), *sorted({(curve.node, None) for curve in outcome.curves})]


def pack_outcome_law(program: Program, paths: Mapping[PathKey, int], pack: Pack) -> dict[str, Any]:
    """The law of the outcome; `paths` gives the place of what is carried among all that is."""
    node = program.outcome
    assert all(parent.node == JUDGEMENTS for parent in node.prior_parents), "the outcome's baselines are given nothing"
    return {
        "states": len(node.states),
        "steps": program.steps,
        "terms": [_pack_term(term, paths, pack) for term in node.terms],
        "curves": [_pack_curve(curve, paths, pack) for curve in node.curves],
        "logOdds": _pack_table(node.log_odds, 0, pack),
        "prior": _pack_odds(node.prior, pack),
        "initial": None if node.initial is None else _pack_odds(node.initial, pack),
        "forced": {step: _pack_odds(shares, pack) for step, shares in sorted(node.forced.items())},
        "windows": _pack_table(node.windows, 2, pack) if node.windows.any() else None,
        "persistence": _pack_table(node.persistence, 1, pack),
        "allowed": None if node.allowed is None else pack.put(node.allowed, "uint8"),
        "imposed": node.imposed.tolist(),
        "weights": {name: _pack_table(program.weights[name], 1, pack) for name in node.weight_names},
    }


def pack_scenario_likelihoods(likelihoods: Mapping[int, Floats], pack: Pack) -> dict[str, Any]:
    """The likelihoods of scenarios by step, shapes (scenarios,) or (draws, scenarios), where there are any."""
    return (
        {"signs": {step: _pack_table(likelihood, 1, pack) for step, likelihood in sorted(likelihoods.items())}}
        if likelihoods
        else {}
    )


def _pack_table(values: Floats, axes: int, pack: Pack) -> dict[str, Any]:
    return {"drawn": values.ndim > axes, "values": pack.floats(values)}


def _pack_odds(values: Floats, pack: Pack) -> dict[str, Any]:
    """Relative odds, divided by the largest where that is beyond what 4 bytes hold."""
    largest = values.max(axis=-1, keepdims=True)
    return _pack_table(values / largest if largest.max() > np.finfo(np.float32).max else values, 1, pack)


def _pack_term(term: Term, paths: Mapping[PathKey, int], pack: Pack) -> dict[str, Any]:
    """A term: which of its distinct rows of points each combination of its parents has, and these."""
    parents, points = list(term.parents), term.points
    draws_axis = term.draws_axis
    if draws_axis is None:
        points = points[None]
    else:
        points = np.moveaxis(points, draws_axis, 0)
        del parents[draws_axis]
    rows = points.reshape(len(points), -1, points.shape[-1]).swapaxes(0, 1)
    distinct, row_of = np.unique(rows.reshape(len(rows), -1), axis=0, return_inverse=True)
    return {
        "parents": [
            {
                "path": None if parent.node == OUTCOME else paths[parent.node, parent.edges],
                "lag": parent.lag,
                "size": parent.size,
            }
            for parent in parents
        ],
        "rowOf": pack.put(row_of.reshape(-1), "uint16"),
        "rows": len(distinct),
        "points": {
            "drawn": draws_axis is not None,
            "values": pack.floats(distinct.reshape(len(distinct), *rows.shape[1:]).swapaxes(0, 1)),
        },
        "weight": term.weight,
    }


def _pack_curve(curve: PiecewiseCurve, paths: Mapping[PathKey, int], pack: Pack) -> dict[str, Any]:
    return {
        "path": paths[curve.node, None],
        "lag": curve.lag,
        "knots": curve.knots.tolist(),
        "points": _pack_table(curve.points, 2, pack),
        "weight": curve.weight,
    }
