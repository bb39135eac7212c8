"""What other values of judgements do to laws, by method (49), from one model that is compiled with all of them.

All judgements of all nodes are compiled at once, as if they were drawn: in draw i, the i-th of each node has its other
value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from usru_scenarios.model.schema import Model
from usru_scenarios.names import KeyPath
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.laws import JUDGEMENTS, Parent, PiecewiseCurve, StepLaw
from usru_scenarios.program.program import CategoricalNode, Floats
from usru_scenarios.questions.sensitivity.perturbations import UnitPerturbation
from usru_scenarios.questions.sensitivity.tilting import CurveTilt, LawTilts, NodeTilts, RowTilt

_DIGITS = 12
"""Decimals of log-odds that are told apart."""


def node_tilts(model: Model, cells: Sequence[UnitPerturbation]) -> NodeTilts:
    """What judgements do to the laws of their nodes.

    Args:
        model: theirs.
        cells: the judgements, each of a categorical node, numbered in their order.
    """
    of_node: dict[str, list[int]] = {}
    draw: dict[KeyPath, int] = {}
    for number, cell in enumerate(cells):
        assert cell.owner is not None, "a judgement of all nodes tilts no single law"
        own = of_node.setdefault(cell.owner, [])
        own.append(number)
        draw[cell.path] = len(own)
    draws = 1 + max(map(len, of_node.values()), default=0)
    values = {cell.path: np.where(np.arange(draws) == draw[cell.path], cell.changed, cell.value) for cell in cells}
    program = compile_model(model, values)
    found: dict[str, list[LawTilts]] = {}
    for name, numbers in of_node.items():
        node = program.nodes[name]
        assert isinstance(node, CategoricalNode), "only laws of states are tilted"
        tilts = _NodeTilter(numbers)
        by_regime: dict[tuple[object, ...], LawTilts] = {}
        for step in range(program.steps):
            regime = program.law_key(node, step)
            if regime not in by_regime:
                by_regime[regime] = tilts.of(program.law(node, step))
            found.setdefault(name, []).append(by_regime[regime])
    return found


class _NodeTilter:
    """Tells what judgements do to the laws of their node; most tables of it say the same at all steps.

    Args:
        cells: the numbers of the judgements.
    """

    def __init__(self, cells: Sequence[int]) -> None:
        self.cells = cells
        self._made: dict[tuple[object, ...], list[RowTilt]] = {}

    def of(self, law: StepLaw) -> LawTilts:
        """What they do to a law."""
        if law.always_keeps:
            return LawTilts()
        tables = [tilt for parents, added in _tables(law, len(self.cells)) for tilt in self._grouped(parents, added)]
        curves = [tilt for curve in law.curves if curve.points.ndim == 3 for tilt in _curve_tilts(curve, self.cells)]
        return LawTilts(tuple(tables), tuple(curves))

    def _grouped(self, parents: tuple[Parent, ...], added: Floats) -> list[RowTilt]:
        key = parents, added.tobytes()
        if key not in self._made:
            self._made[key] = list(_grouped(parents, added, self.cells))
        return self._made[key]


def _tables(law: StepLaw, cells: int) -> Iterator[tuple[tuple[Parent, ...], Floats]]:
    """The parts of a law that differ between draws, with what each draw adds, shape (cells, rows ..., states + 1)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        for held, table in (
            (law.prior_parents, np.log(law.prior)),
            *((term.parents, term.points) for term in law.terms),
        ):
            axis = next((axis for axis, parent in enumerate(held) if parent.node == JUDGEMENTS), None)
            if axis is not None:
                parents = (*held[:axis], *held[axis + 1 :])
                yield parents, _added(np.moveaxis(table, axis, 0), cells, law.size)
        if law.persistence is not None and law.persistence.ndim == 2:
            odds = np.log(law.persistence) - np.log1p(-law.persistence)
            padded = np.zeros((*odds.shape, law.size + 1))
            padded[..., law.size] = odds
            added = _added(padded, cells, law.size)
            alike = (added == added[:, :1]).all(axis=(1, 2))[:, None]
            yield (), np.where(alike, added[:, 0], 0.0)
            yield (law.previous_state,), np.where(alike[..., None], 0.0, added)


def _added(table: Floats, cells: int, size: int) -> Floats:
    """What draws add to the first of them, with 0 for `hold` where the table is silent about it.

    What is added to all states alike changes nothing, so most of them are brought to 0. So is what stays impossible.
    """
    added: Floats = np.zeros((cells, *table.shape[1:-1], size + 1))
    added[..., : table.shape[-1]] = table[1 : cells + 1] - table[0]
    added[np.isnan(added)] = 0.0
    middle = np.sort(added[..., :size], axis=-1)[..., (size - 1) // 2]
    added[..., :size] -= middle[..., None]
    rounded: Floats = added.round(_DIGITS)
    return rounded


def _grouped(parents: tuple[Parent, ...], added: Floats, cells: Sequence[int]) -> Iterator[RowTilt]:
    """The tilts of one table: for each row of log-odds that occurs, who adds it and where."""
    flat = added.reshape(len(cells), -1, added.shape[-1])
    cell, row = np.nonzero(flat.any(axis=-1))
    kinds, kind = np.unique(flat[cell, row], axis=0, return_inverse=True)
    for number, log_odds in enumerate(kinds):
        among = kind.reshape(-1) == number
        adding = np.zeros(flat.shape[:2], dtype=bool)
        adding[cell[among], row[among]] = True
        who = np.flatnonzero(adding.any(axis=1))
        nobody = np.zeros((1, len(who)), dtype=bool)
        patterns, codes = np.unique(np.concatenate([nobody, adding[who].T]), axis=0, return_inverse=True)
        assert not patterns[0].any(), "patterns are in order, the one without any first"
        small = codes.reshape(-1)[1:].astype(np.uint8 if len(patterns) <= 1 << 8 else np.uint32)
        acts = {column: float(added_odds) for column, added_odds in enumerate(log_odds) if added_odds}
        yield RowTilt(parents, acts, tuple(cells[one] for one in who.tolist()), small, patterns.T)


def _curve_tilts(curve: PiecewiseCurve, cells: Sequence[int]) -> Iterator[CurveTilt]:
    added = (curve.points[1 : len(cells) + 1] - curve.points[0]).round(_DIGITS)
    for cell, points in zip(cells, added, strict=True):
        if points.any():
            columns = {int(column): points[:, column] for column in np.flatnonzero(points.any(axis=0))}
            yield CurveTilt(cell, curve.node, curve.lag, curve.knots, columns)
