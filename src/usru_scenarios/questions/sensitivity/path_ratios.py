"""How much likelier the path of a trial is under other judgements of its drivers: method (49), step by step.

At a step the ratio of likelihoods depends on the states that a node reads, on its own before and on its own now. Where
these have few combinations it is worked out for each of them, once for all steps that have the law, and looked up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from usru_scenarios.program.laws import Parent
from usru_scenarios.program.program import Floats
from usru_scenarios.questions.sensitivity.tilting import LawEvaluator, RowPacker, codes_in_trials
from usru_scenarios.sampler.tables import BlockStates

MOST_ROWS = 1 << 14
"""The most combinations of states that ratios are worked out for: beyond, most would be met in no trial."""


class RatioTable(NamedTuple):
    """The ratios under all judgements of a law, by what they depend on.

    Attributes:
        parents: what the law reads, its own state before included, and its own state now.
        columns: by judgement, shape (rows,).
    """

    parents: tuple[Parent, ...]
    columns: Mapping[int, Floats]

    @classmethod
    def of(cls, evaluator: LawEvaluator, most_rows: int) -> RatioTable | None:
        """That of a law; None where it has too many rows, or follows a numeric node along its scale."""
        parents = (*evaluator.parents, evaluator.own)
        if evaluator.curves or evaluator.tilts.curves or math.prod(parent.size for parent in parents) > most_rows:
            return None
        rows = _enumerate_rows(parents, evaluator.index)
        if rows is None:
            return None
        columns: dict[int, Floats] = {}
        with np.errstate(divide="ignore", invalid="ignore"):  # in rows that can't be
            for judgement, ratio in _trial_ratios(evaluator, rows):
                columns[judgement] = columns[judgement] * ratio if judgement in columns else ratio
        return cls(parents, columns)


def _enumerate_rows(parents: Sequence[Parent], index: Mapping[str, int]) -> RowPacker | None:
    """Each combination of states of some parents as if it were a trial; None where one is read in several ways."""
    if len({(parent.node, parent.lag) for parent in parents}) < len(parents):
        return None
    sizes = [parent.size for parent in parents]
    block_states = BlockStates(len(index), math.prod(sizes))
    for parent, states in zip(parents, np.indices(sizes, dtype=np.uint8).reshape(len(sizes), -1), strict=True):
        values = np.array([parent.edges[0] - 1.0, *parent.edges])[states] if parent.edges else states
        (block_states.before if parent.lag else block_states.now)[index[parent.node]] = values
    return RowPacker(block_states, index)


def _trial_ratios(evaluator: LawEvaluator, rows: RowPacker) -> Iterator[tuple[int, Floats]]:
    """The ratios of the trials of some rows under each judgement that acts in any of them, shape (trials,)."""
    drawn = evaluator.drawn_transition(rows.block_states)
    ratios: dict[object, Floats] = {}
    for tilt, codes in codes_in_trials(evaluator.tilts.tables, rows):
        if tilt.kind not in ratios:
            ratios[tilt.kind] = drawn.ratio(tilt.log_odds)
        for judgement, acts in tilt.trials_of_each(codes):
            yield judgement, ratios[tilt.kind] if acts is None else np.where(acts, ratios[tilt.kind], 1.0)
    for curve_tilt in evaluator.tilts.curves:
        yield curve_tilt.judgement, drawn.ratio(curve_tilt.log_odds_in_trials(rows))


class RatioTables:
    """The tables of the laws of a walk, each made when it is first asked for.

    Args:
        uses: by law, in how many trials of the walk it is read at all steps together.
    """

    def __init__(self, uses: Mapping[LawEvaluator, int]) -> None:
        self._uses = uses
        self._tables: dict[LawEvaluator, RatioTable | None] = {}

    def __reduce__(self) -> tuple[type[RatioTables], tuple[Mapping[LawEvaluator, int]]]:
        """None are sent to another process: they are soon made again."""
        return RatioTables, (self._uses,)

    def of(self, evaluator: LawEvaluator) -> RatioTable | None:
        """That of a law; None where there is none, or it would have more rows than are looked up."""
        if evaluator not in self._tables:
            self._tables[evaluator] = RatioTable.of(evaluator, min(MOST_ROWS, self._uses[evaluator]))
        return self._tables[evaluator]


class PathRatios:
    """The ratios of the paths of a block.

    Args:
        judgements: the numbers of the judgements.
        tables: of the laws.
        start: of each trial, shape (trials,): 1, or its weight.

    Attributes:
        ratios: shape (judgements, trials).
    """

    def __init__(self, judgements: Sequence[int], tables: RatioTables, start: Floats) -> None:
        self._place = {judgement: place for place, judgement in enumerate(judgements)}
        self._tables = tables
        self.ratios: Floats = np.repeat(start[None], len(judgements), axis=0)
        self._looked_up = np.empty(len(start))

    def follow(self, evaluator: LawEvaluator, rows: RowPacker) -> None:
        """Multiply by what the states of a node at a step give."""
        table = self._tables.of(evaluator)
        if table is None:
            for judgement, ratio in _trial_ratios(evaluator, rows):
                self.ratios[self._place[judgement]] *= ratio
            return
        at = rows.of(table.parents)
        for judgement, column in table.columns.items():
            column.take(at, out=self._looked_up, mode="wrap")  # rows are in range; of the modes, the fastest
            self.ratios[self._place[judgement]] *= self._looked_up
