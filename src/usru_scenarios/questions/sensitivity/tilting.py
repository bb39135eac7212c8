"""What changed judgements do to a node's law: tilts of the odds between its states, and of its hold, by method (49).

A judgement stands in one place of a law, so that another value of it multiplies the odds of some states, or of keeping
the present one, by a factor wherever some combination of parents holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.program.laws import Parent, StepLaw, hold_probability
from usru_scenarios.program.program import Floats
from usru_scenarios.sampler.tables import BlockStates, LogWeightEvaluator, RowIndex, States, TableCache

_NOTHING: Floats = np.asarray(0.0)

Codes = npt.NDArray[Any]
"""Small whole numbers, in as few bytes as hold them."""

Tilting = Mapping[int, float | Floats]
"""Log-odds that are added, by column, a state or the number of states for `hold`: in all trials, or shape (trials,)."""


@dataclass(frozen=True, eq=False)
class RowTilt:
    """The same log-odds, which several judgements add where their own combinations of parents hold.

    Attributes:
        parents: whose combinations they are.
        log_odds: what is added.
        judgements: the numbers of the judgements.
        codes: shape (rows,), by combination of parents, which of the judgements act; 0 where none does.
        acting: shape (judgements, codes), which act under each code.
    """

    parents: tuple[Parent, ...]
    log_odds: Mapping[int, float]
    judgements: tuple[int, ...]
    codes: Codes
    acting: npt.NDArray[np.bool_]

    @cached_property
    def kind(self) -> tuple[tuple[int, float], ...]:
        """Equal for tilts that add the same log-odds."""
        return tuple(self.log_odds.items())

    @cached_property
    def key(self) -> tuple[object, ...]:
        """Equal for tilts whose codes are the same in every trial."""
        return self.parents, self.codes.tobytes()

    @cached_property
    def one_code_each(self) -> bool:
        """Whether each code but 0 is that of one judgement, in their order."""
        return np.array_equal(self.acting[:, 1:], np.eye(len(self.judgements), dtype=np.bool_))

    def trials_of_each(self, codes: Codes) -> Iterator[tuple[int, npt.NDArray[np.bool_] | None]]:
        """The judgements with the trials in which each acts, from the codes of the trials: shape (trials,).

        None stands for all trials, where no parent tells them apart.
        """
        for judgement, acting, own in zip(self.judgements, self.acting, self._codes_of, strict=True):
            if not self.parents:
                yield judgement, None
            else:
                yield judgement, codes == own[0] if len(own) == 1 else acting.take(codes)

    @cached_property
    def _codes_of(self) -> list[npt.NDArray[np.intp]]:
        """The codes under which each judgement acts."""
        return [np.flatnonzero(acting) for acting in self.acting]


@dataclass(frozen=True)
class CurveTilt:
    """Log-odds that one judgement adds along the scale of a numeric parent: linear between knots, flat outside.

    Attributes:
        judgement: its number.
        node, lag: the parent, and how many steps before its state counts.
        knots: shape (knots,), on that scale.
        points: shape (knots,), by column.
    """

    judgement: int
    node: str
    lag: int
    knots: Floats
    points: Mapping[int, Floats]

    def log_odds_in_trials(self, rows: RowPacker) -> Tilting:
        """The log-odds in each trial, shape (trials,) by column."""
        along = rows.along(self.node, self.lag, self.knots)
        return {column: along.interpolate(points) for column, points in self.points.items()}


@dataclass(frozen=True, eq=False)
class LawTilts:
    """All that changed judgements do to a law."""

    tables: tuple[RowTilt, ...] = ()
    curves: tuple[CurveTilt, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.tables or self.curves)


NodeTilts = Mapping[str, Sequence[LawTilts]]
"""By node, what is done to its law at each step."""


# Laws in trials ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RedrawLaw:
    """The law of a node in each trial.

    Attributes:
        share: shape (states, trials), where a redraw goes; 0 for all where it can go nowhere.
        hold: shape (trials,) or (), the probability that the present state is kept.
    """

    share: Floats
    hold: Floats

    def tilted_by(self, tilting: Tilting) -> RedrawLaw:
        """The tilted law."""
        size = len(self.share)
        factors = {column: np.exp(added) for column, added in tilting.items() if column < size}
        share = self.share
        if factors:
            share = share / self.total(factors)
            for column, factor in factors.items():
                share[column] *= factor
        if size not in tilting:
            return RedrawLaw(share, self.hold)
        factor = np.exp(tilting[size])
        return RedrawLaw(share, self.hold * factor / (1.0 + self.hold * (factor - 1.0)))

    def total(self, factors: Mapping[int, float | Floats]) -> Floats:
        """The sum of the shares once some are multiplied by factors, shape (trials,)."""
        return 1.0 + sum((self.share[column] * (factor - 1.0) for column, factor in factors.items()), _NOTHING)

    def row(self, before: States | None) -> Floats:
        """The probabilities of the states after the step, shape (states, trials)."""
        if before is None:
            return self.share
        row: Floats = self.share * (1.0 - self.hold)
        row[before, np.arange(len(before))] += self.hold
        return row


@dataclass(frozen=True)
class DrawnTransition:
    """A law and the states that were drawn from it.

    Attributes:
        law: what they were drawn from.
        states: shape (trials,).
        redraw_probability: shape (trials,), the probability that the state came of a redraw.
    """

    law: RedrawLaw
    states: States
    redraw_probability: Floats

    @classmethod
    def of(cls, law: RedrawLaw, states: States, before: States | None) -> DrawnTransition:
        """What was drawn, given the states before."""
        trials = np.arange(len(states))
        redraw_probability = law.share[states, trials] * (1.0 - law.hold)
        probability = redraw_probability if before is None else redraw_probability + law.hold * (states == before)
        return cls(
            law,
            states,
            np.divide(redraw_probability, probability, out=np.ones_like(redraw_probability), where=probability > 0),
        )

    def ratio(self, tilting: Tilting) -> Floats:
        """The likelihood of the drawn states under the tilted law, divided by that under the law; shape (trials,)."""
        size = len(self.law.share)
        factors = {column: np.exp(added) for column, added in tilting.items() if column < size}
        ratio: Floats = np.ones(len(self.states))
        if factors:
            for column, factor in factors.items():
                ratio = np.where(self.states == column, factor, ratio)
            ratio /= self.law.total(factors)
            ratio -= 1.0
            ratio *= self.redraw_probability
            ratio += 1.0
        if size in tilting:
            more = np.exp(tilting[size]) - 1.0
            ratio += (1.0 - self.redraw_probability) * more
            ratio /= 1.0 + self.law.hold * more
        return ratio

    def score(self, slopes: Floats) -> Floats:
        """The derivative of its logarithm along `slopes`, shape (states + 1, trials): method (51), shape (trials,)."""
        added = slopes[self.states, np.arange(len(self.states))] - (self.law.share * slopes[:-1]).sum(axis=0)
        score: Floats = self.redraw_probability * added + ((1.0 - self.redraw_probability) - self.law.hold) * slopes[-1]
        return score


class LawEvaluator:
    """Tells the law of a node at a step in every trial, with what changed judgements do to it.

    Args:
        law, tilts: the law, and what changes it.
        index: each node's place in `BlockStates`.
        tables: those already made, as in `LogWeightEvaluator`.
    """

    def __init__(
        self, law: StepLaw, tilts: LawTilts, index: Mapping[str, int], tables: TableCache | None = None
    ) -> None:
        self.tilts = tilts
        self.node = index[law.name]
        self.keep = law.persistence
        self.allowed = law.allowed
        self.parents = law.parents
        self.curves = bool(law.curves)
        self.own = Parent(law.name, 0, law.size)
        self._weighted_law = law if law.fixed is None else replace(law, prior=law.fixed)
        self.index = index
        self._tables = tables

    def __getstate__(self) -> dict[str, object]:
        """What is soon made again is not sent to another process."""
        return {**{name: value for name, value in vars(self).items() if name != "evaluator"}, "_tables": None}

    @cached_property
    def evaluator(self) -> LogWeightEvaluator:
        """Multiplies out the law."""
        return LogWeightEvaluator(self._weighted_law, self.index, self._tables)

    def law(self, block_states: BlockStates) -> RedrawLaw:
        """The law."""
        share, odds = self.evaluator(block_states)
        before = block_states.before[self.node]
        if self.keep is not None and self.allowed is not None:
            share *= self.allowed.T[:, before]
        total = share.sum(axis=0)
        if self.keep is None:
            share /= total
            return RedrawLaw(share, np.asarray(0.0))
        hold = self.keep.take(before)
        if odds is not None:
            hold = hold_probability(hold, odds)
        is_empty = total <= 0.0
        share /= np.where(is_empty, 1.0, total)
        return RedrawLaw(share, np.where(is_empty, 1.0, hold))

    def drawn_transition(self, block_states: BlockStates) -> DrawnTransition:
        """The law and what was drawn from it."""
        before = block_states.before[self.node] if self.keep is not None else None
        return DrawnTransition.of(self.law(block_states), block_states.now[self.node], before)


class KnotInterpolation:
    """Where values lie between knots, for any points at these: linear between, flat outside, as `np.interp`.

    Args:
        values: shape (trials,).
        knots: shape (knots,), rising.
    """

    def __init__(self, values: Floats, knots: Floats) -> None:
        self._knots = knots
        self._interval = sum((values >= knot).view(np.uint8) for knot in knots).astype(np.intp)
        self._distance = values - knots.take(np.maximum(self._interval - 1, 0), mode="wrap")

    def interpolate(self, points: Floats) -> Floats:
        """Points in each trial, shape (trials,), from those at the knots."""
        slopes = np.concatenate([[0.0], np.diff(points) / np.diff(self._knots), [0.0]])
        values: Floats = slopes.take(self._interval, mode="wrap")
        values *= self._distance
        values += np.concatenate([points[:1], points]).take(self._interval, mode="wrap")
        return values


class RowPacker:
    """Packs parents into rows, once for each group of parents in the trials of a step."""

    def __init__(self, block_states: BlockStates, index: Mapping[str, int]) -> None:
        self.block_states = block_states
        self.index = index
        self._packed: dict[tuple[Parent, ...], npt.NDArray[np.intp]] = {}
        self._along: dict[tuple[str, int, bytes], KnotInterpolation] = {}

    def of(self, parents: tuple[Parent, ...]) -> npt.NDArray[np.intp]:
        """The rows of the parents' tables, shape (trials,)."""
        if parents not in self._packed:
            reader = RowIndex(tuple((self.index[parent.node], parent) for parent in parents))
            self._packed[parents] = (
                reader.rows(self.block_states) if parents else np.zeros(self.block_states.trials, dtype=np.intp)
            )
        return self._packed[parents]

    def along(self, node: str, lag: int, knots: Floats) -> KnotInterpolation:
        """Where the values of a numeric node lie between knots."""
        key = node, lag, knots.tobytes()
        if key not in self._along:
            values = (self.block_states.before if lag else self.block_states.now)[self.index[node]]
            self._along[key] = KnotInterpolation(values, knots)
        return self._along[key]


def codes_in_trials(tilts: Iterable[RowTilt], rows: RowPacker) -> Iterator[tuple[RowTilt, Codes]]:
    """Tilts with who acts in each trial, as a code of shape (trials,)."""
    for tilt in tilts:
        yield tilt, tilt.codes.take(rows.of(tilt.parents))
