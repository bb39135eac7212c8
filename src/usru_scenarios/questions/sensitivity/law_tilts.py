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
from usru_scenarios.questions.sensitivity.perturbations import PerturbedJudgement
from usru_scenarios.questions.sensitivity.tilting import CurveTilt, LawTilts, NodeTilts, RowTilt

_DECIMALS = 12
"""Decimals of log-odds that are told apart."""


def compile_node_tilts(model: Model, judgements: Sequence[PerturbedJudgement]) -> NodeTilts:
    """What judgements do to the laws of their nodes.

    Args:
        model: theirs.
        judgements: each of a categorical node, numbered in their order.
    """
    numbers_by_node: dict[str, list[int]] = {}
    draw: dict[KeyPath, int] = {}
    for number, judgement in enumerate(judgements):
        assert judgement.owner is not None, "a judgement of all nodes tilts no single law"
        numbers = numbers_by_node.setdefault(judgement.owner, [])
        numbers.append(number)
        draw[judgement.path] = len(numbers)
    draws = 1 + max(map(len, numbers_by_node.values()), default=0)
    values = {
        judgement.path: np.where(np.arange(draws) == draw[judgement.path], judgement.changed, judgement.value)
        for judgement in judgements
    }
    program = compile_model(model, values)
    tilts_by_node: dict[str, list[LawTilts]] = {}
    for name, numbers in numbers_by_node.items():
        node = program.nodes[name]
        assert isinstance(node, CategoricalNode), "only laws of states are tilted"
        known: dict[tuple[object, ...], list[RowTilt]] = {}
        by_regime: dict[tuple[object, ...], LawTilts] = {}
        for step in range(program.steps):
            regime = program.law_key(node, step)
            if regime not in by_regime:
                by_regime[regime] = _tilt_law(program.law(node, step), numbers, known)
            tilts_by_node.setdefault(name, []).append(by_regime[regime])
    return tilts_by_node


def _tilt_law(law: StepLaw, judgements: Sequence[int], known: dict[tuple[object, ...], list[RowTilt]]) -> LawTilts:
    """What judgements do to a law; `known` has the tilts of tables, most of which are the same at all steps."""
    if law.always_keeps:
        return LawTilts()
    tables: list[RowTilt] = []
    for parents, added in _differing_tables(law, len(judgements)):
        key = parents, added.tobytes()
        if key not in known:
            known[key] = list(_group_by_log_odds(parents, added, judgements))
        tables += known[key]
    curves = [tilt for curve in law.curves if curve.points.ndim == 3 for tilt in _curve_tilts(curve, judgements)]
    return LawTilts(tuple(tables), tuple(curves))


def _differing_tables(law: StepLaw, judgements: int) -> Iterator[tuple[tuple[Parent, ...], Floats]]:
    """The parts of a law that differ between draws, with what each draw adds: (judgements, rows ..., states + 1)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        for all_parents, table in (
            (law.prior_parents, np.log(law.prior)),
            *((term.parents, term.points) for term in law.terms),
        ):
            axis = next((axis for axis, parent in enumerate(all_parents) if parent.node == JUDGEMENTS), None)
            if axis is not None:
                parents = (*all_parents[:axis], *all_parents[axis + 1 :])
                yield parents, _added_log_odds(np.moveaxis(table, axis, 0), judgements, law.size)
        if law.persistence is not None and law.persistence.ndim == 2:
            odds = np.log(law.persistence) - np.log1p(-law.persistence)
            padded = np.zeros((*odds.shape, law.size + 1))
            padded[..., law.size] = odds
            added = _added_log_odds(padded, judgements, law.size)
            alike = (added == added[:, :1]).all(axis=(1, 2))[:, None]
            yield (), np.where(alike, added[:, 0], 0.0)
            yield (law.previous_state,), np.where(alike[..., None], 0.0, added)


def _added_log_odds(table: Floats, judgements: int, size: int) -> Floats:
    """What draws add to the first of them, with 0 for `hold` where the table is silent about it.

    What is added to all states alike changes nothing, so most of them are brought to 0. So is what stays impossible.
    """
    added: Floats = np.zeros((judgements, *table.shape[1:-1], size + 1))
    added[..., : table.shape[-1]] = table[1 : judgements + 1] - table[0]
    added[np.isnan(added)] = 0.0
    middle = np.sort(added[..., :size], axis=-1)[..., (size - 1) // 2]
    added[..., :size] -= middle[..., None]
    rounded: Floats = added.round(_DECIMALS)
    return rounded


def _group_by_log_odds(parents: tuple[Parent, ...], added: Floats, judgements: Sequence[int]) -> Iterator[RowTilt]:
    """The tilts of one table: for each row of log-odds that occurs, which judgements add it and where."""
    flat = added.reshape(len(judgements), -1, added.shape[-1])
    judgement, row = np.nonzero(flat.any(axis=-1))
    kinds, kind = np.unique(flat[judgement, row], axis=0, return_inverse=True)
    for number, log_odds in enumerate(kinds):
        among = kind.reshape(-1) == number
        adding = np.zeros(flat.shape[:2], dtype=bool)
        adding[judgement[among], row[among]] = True
        acting = np.flatnonzero(adding.any(axis=1))
        nobody = np.zeros((1, len(acting)), dtype=bool)
        patterns, codes = np.unique(np.concatenate([nobody, adding[acting].T]), axis=0, return_inverse=True)
        assert not patterns[0].any(), "patterns are in order, the one without any first"
        short_codes = codes.reshape(-1)[1:].astype(np.uint8 if len(patterns) <= 1 << 8 else np.uint32)
        acts = {column: float(added_odds) for column, added_odds in enumerate(log_odds) if added_odds}
        yield RowTilt(parents, acts, tuple(judgements[place] for place in acting.tolist()), short_codes, patterns.T)


def _curve_tilts(curve: PiecewiseCurve, judgements: Sequence[int]) -> Iterator[CurveTilt]:
    added = (curve.points[1 : len(judgements) + 1] - curve.points[0]).round(_DECIMALS)
    for judgement, points in zip(judgements, added, strict=True):
        if points.any():
            columns = {int(column): points[:, column] for column in np.flatnonzero(points.any(axis=0))}
            yield CurveTilt(judgement, curve.node, curve.lag, curve.knots, columns)
