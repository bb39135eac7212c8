"""Kernels: a node's law at a step, compiled so that a whole block of trials is drawn at once.

A law whose parents have few enough combinations becomes thresholds: the parents' joint state picks a row, and a word is
compared with the row's cumulative probabilities. A larger one, or one that follows a numeric node along its scale, is
multiplied out for each trial (see `tables`). Arrays hold trials in their last axis.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.program.laws import JUDGEMENTS, StepLaw, Term, hold_probability
from usru_scenarios.program.program import Floats
from usru_scenarios.sampler.restrictions import Restriction
from usru_scenarios.sampler.rng import RandomWords, RepeatedWords
from usru_scenarios.sampler.tables import BlockStates, LogWeightEvaluator, RowIndex, States, TableCache

_THRESHOLD_ROWS = 1 << 17
"""The most rows of a threshold table; beyond, gathers would miss the cache more than factors cost."""
_DRAWN_ROWS = 1 << 13
"""The same for a table that only one block uses, since its judgements are drawn: to fill it costs more than factors."""
_THRESHOLDS_PER_GATHER = 4
"""How many thresholds of 16 bits one gather brings."""
_PAIRED_TRIALS = 1 << 13
"""The least number of trials for which a table for two of them at a time is worth making."""


class Kernel(Protocol):
    """Draws a node for every trial of a block."""

    def draw(
        self, block_states: BlockStates, index: int, words: RandomWords, restriction: Restriction | None = None, /
    ) -> Floats | None:
        """Set `block_states.now[index]`; both it and the probability of a restriction, if any, of shape (trials,)."""

    def __hash__(self) -> int:
        """Kernels are told apart where they may draw differently."""


@dataclass(frozen=True)
class KeepAll:
    """Every state is kept."""

    def draw(self, block_states: BlockStates, index: int, _words: object, _restriction: object = None, /) -> None:
        """The state before is the state now."""
        block_states.now[index] = block_states.before[index]


@dataclass(frozen=True)
class FixedState:
    """The same state in every trial."""

    state: int

    def draw(self, block_states: BlockStates, index: int, _words: object, _restriction: object = None, /) -> None:
        """Nothing is left to chance."""
        block_states.now[index] = np.full(block_states.trials, self.state, dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class ThresholdTable:
    """A row for each joint state of the parents; a state is passed when a word exceeds its threshold: method (8).

    The upper halves of words and thresholds are compared. Only where they are equal, once in 65,536 trials, do the
    lower ones decide.

    Attributes:
        reader: packs the parents into a row; without parents there is one row.
        upper: the upper halves of up to four thresholds each, packed into one integer, the first lowest; shape (rows,).
        lower: the lower halves, shape (states - 1, rows).
    """

    reader: RowIndex
    upper: tuple[npt.NDArray[np.unsignedinteger[Any]], ...]
    lower: npt.NDArray[np.uint16]

    @classmethod
    def of(cls, law: StepLaw, index: Mapping[str, int]) -> ThresholdTable:
        """The thresholds of a law without curves."""
        accumulate_in_place = np.cumsum(law.table(), axis=-1).reshape(law.rows, law.size).T[:-1]
        levels = np.clip(np.rint(accumulate_in_place * 2.0**32) - 1.0, 0.0, 2.0**32 - 1.0).astype(np.uint32)
        halves = (levels >> 16).astype(np.uint64)
        starts = range(0, len(halves), _THRESHOLDS_PER_GATHER)
        upper = tuple(_pack_halves(halves[start : start + _THRESHOLDS_PER_GATHER]) for start in starts)
        reader = RowIndex(tuple((index[parent.node], parent) for parent in law.parents))
        return cls(reader, upper, levels.astype(np.uint16))

    def draw(
        self, block_states: BlockStates, index: int, words: RandomWords, restriction: Restriction | None = None
    ) -> None:
        """Count the thresholds that each word exceeds."""
        assert restriction is None, "a node that is held to something is drawn from its factors"
        if self.reader.parents:
            rows: npt.NDArray[Any] = self.reader.packed_rows(block_states)
        else:
            rows = np.zeros(block_states.trials, dtype=np.uint8)
        word = words.upper
        state: States | None = None
        for upper, lower in zip(self._upper_thresholds(rows), self.lower, strict=True):
            exceeds = word > upper
            for trial in _find_trials(word == upper):  # a word of 0 counts as 1: what has probability 0 is never drawn
                exceeds[trial] = max(words.lower_of_trial(trial), 1) > lower[rows[trial]]
            passed = exceeds.view(np.uint8)
            state = passed if state is None else np.add(state, passed, out=state)
        block_states.now[index] = np.zeros(block_states.trials, dtype=np.uint8) if state is None else state

    def _upper_thresholds(self, rows: npt.NDArray[Any]) -> Iterator[npt.NDArray[np.uint16]]:
        """The upper halves of the thresholds of each trial, shape (trials,), one threshold after the other."""
        if rows.dtype == np.uint8 and len(rows) >= _PAIRED_TRIALS and not len(rows) % 2:
            both = rows.view(np.uint16).astype(np.intp)
            yield from (table.take(both, mode="wrap").view(np.uint16) for table in self._paired_tables)
            return
        places, left = rows.astype(np.intp), len(self.lower)
        for table in self.upper:
            packed = table.take(places, mode="wrap")
            yield packed.astype(np.uint16, copy=False)
            for _ in range(1, min(left, _THRESHOLDS_PER_GATHER)):
                packed >>= table.dtype.type(16)
                yield packed.astype(np.uint16)
            left -= _THRESHOLDS_PER_GATHER

    @cached_property
    def _paired_tables(self) -> list[npt.NDArray[np.uint32]]:
        """For each threshold, the upper halves of two neighbouring trials at once, by the rows of both, shape (pairs,).

        Rows of a byte each are read two at a time as a number of 16 bits, so that as many gathers do for twice the
        trials. Whichever byte comes first, the half of the same place is that trial's.
        """
        upper = [_unpack_halves(table, place) for table in self.upper for place in range(_THRESHOLDS_PER_GATHER)]
        tables = []
        for halves in upper[: len(self.lower)]:
            table = np.zeros((len(halves), 256), dtype=np.uint32)
            table[:, : len(halves)] = halves.astype(np.uint32)[:, None] << np.uint32(16) | halves
            tables.append(table.reshape(-1))
        return tables


def _find_trials(holds: npt.NDArray[np.bool_]) -> Iterator[int]:
    """The few trials in which something holds, in order; of none or a few faster than `nonzero`."""
    start = 0
    while start < len(holds) and holds[trial := start + int(holds[start:].argmax())]:
        yield trial
        start = trial + 1


def _unpack_halves(packed: npt.NDArray[np.unsignedinteger[Any]], place: int) -> npt.NDArray[np.uint16]:
    """The numbers at a place among those that `_pack_halves` put into one integer for each row, shape (rows,)."""
    return (packed.astype(np.uint64) >> np.uint64(16 * place)).astype(np.uint16)


def _pack_halves(halves: npt.NDArray[np.uint64]) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Numbers of 16 bits, shape (numbers, rows), in one integer for each row, the first lowest."""
    packed = np.zeros(halves.shape[1], dtype=np.uint64)
    for place, half in enumerate(halves):
        packed |= half << np.uint64(16 * place)
    return packed.astype({1: np.uint16, 2: np.uint32}.get(len(halves), np.uint64))


class FactoredKernel:
    """Weights multiplied out for each trial."""

    def __init__(self, law: StepLaw, index: Mapping[str, int], tables: TableCache | None = None) -> None:
        if law.fixed is not None:  # which is a prior that nothing acts on
            law = replace(law, prior=law.fixed)
        self.evaluator = LogWeightEvaluator(with_move_mask(law), index, tables)
        self.keep = law.persistence
        """Persistence by state, or None where nothing is kept; with draws of the judgements before the states."""
        self.odds = None if law.persistence is None else _odds_of(law.persistence)
        self.may_be_stuck = law.allowed is not None
        """Whether a state may have nowhere to go, and then stays."""
        is_finite = self.odds is None or bool(np.isfinite(self.odds).all())
        self.has_finite_odds = is_finite and not self.evaluator.logarithmic
        """Whether odds are never infinite, so that a state can be drawn from weights."""

    def draw(
        self, block_states: BlockStates, index: int, words: RandomWords, restriction: Restriction | None = None
    ) -> Floats | None:
        """Draw from the mixture of keeping and redrawing, states in order; shapes as in `Kernel.draw`, (trials,)."""
        own = block_states.before[index]
        if restriction is None and self.has_finite_odds:
            weights, odds = self.evaluator.with_odds(block_states)
            stay = None if self.odds is None or own is None else self._keep_odds(block_states, own, odds)
            state = draw_kept_or_redrawn(weights, stay, own, words.uniforms)
            block_states.now[index] = np.where(weights[-1] > 0.0, state, own) if self.may_be_stuck else state
            return None
        probabilities = self.state_probabilities(block_states, own)
        probabilities, admitted = (probabilities, None) if restriction is None else restriction.narrow(probabilities)
        block_states.now[index] = draw_state(probabilities, words.uniforms)
        return admitted

    def state_probabilities(self, block_states: BlockStates, own: States | None) -> Floats:
        """The probabilities of the states after the step, shape (states, trials)."""
        weights, odds = self.evaluator(block_states)
        probabilities = normalise(weights)
        if self.keep is not None and own is not None:
            keep = _values_of_states(self.keep, block_states, own)
            probabilities *= 1.0 - (keep if odds is None else hold_probability(keep, odds))
            probabilities += (1.0 - probabilities.sum(axis=0)) * (np.arange(len(probabilities))[:, None] == own)
        return probabilities

    def _keep_odds(self, block_states: BlockStates, own: States, odds: Floats | None) -> Floats:
        """The odds of keeping."""
        assert self.odds is not None
        stay = _values_of_states(self.odds, block_states, own)
        return stay if odds is None else np.multiply(stay, odds, out=odds)


class StackedKernel:
    """Draws a node in several programs that are walked together, each by its own kernel.

    The kernel of most programs draws it in all, which is one call for many; what others say then takes its place in
    their trials.

    Args:
        kernels: of each program.
    """

    def __init__(self, kernels: Sequence[Kernel]) -> None:
        random_kernels = [kernel for kernel in kernels if not isinstance(kernel, FixedState)]
        self.common_kernel: Kernel = Counter(random_kernels or kernels).most_common(1)[0][0]
        self.other_kernels = {number: kernel for number, kernel in enumerate(kernels) if kernel != self.common_kernel}

    def draw(
        self, block_states: BlockStates, index: int, words: RandomWords, restriction: Restriction | None = None
    ) -> None:
        """As in `Kernel`, of trials of all programs."""
        assert restriction is None, "programs are walked apart where something is observed"
        assert isinstance(words, RepeatedWords), "several programs have the same words"
        trials = block_states.trials // block_states.programs
        places = [slice(number * trials, (number + 1) * trials) for number in self.other_kernels]
        parts = [*map(block_states.select_trials, places)]  # before the latent normals of the step before are gone
        self.common_kernel.draw(block_states, index, words)
        states = block_states.now[index] = block_states.now[index].copy()  # what is kept is that of the step before
        for own, part, compile_kernel in zip(places, parts, self.other_kernels.values(), strict=True):
            compile_kernel.draw(part, index, words.words)
            states[own] = part.now[index]
            if part.latent[index] is not None:
                block_states.latent[index][own] = part.latent[index]


def compile_kernel(law: StepLaw, index: Mapping[str, int], tables: TableCache | None = None) -> Kernel:
    """The fastest kernel of a law; `index` gives each node's place in `BlockStates`, `tables` those already made."""
    if law.fixed is not None and law.fixed.max() == 1.0:
        return FixedState(int(law.fixed.argmax()))
    if law.always_keeps:
        return KeepAll()
    has_draws = any(parent.node == JUDGEMENTS for parent in law.parents)
    if law.curves or law.rows > (min(_DRAWN_ROWS, _THRESHOLD_ROWS) if has_draws else _THRESHOLD_ROWS):
        return FactoredKernel(law, index, tables)
    return ThresholdTable.of(law, index)


def _odds_of(keep: Floats) -> Floats:
    """The odds of a probability; one for all states, shape (), where it is the same for all and not drawn."""
    with np.errstate(divide="ignore"):
        odds: Floats = keep / (1.0 - keep)
    return odds[0] if keep.ndim == 1 and bool(np.all(keep == keep[0])) else odds


def _values_of_states(values: Floats, block_states: BlockStates, own: States) -> Floats:
    """Values by state, shape (), (states,) or (draws, states), of each trial's own state: shape () or (trials,)."""
    if values.ndim < 2:
        return values.take(own, mode="wrap") if values.ndim else values
    assert block_states.draw_numbers is not None, "values for each draw need draws"
    places = block_states.draw_numbers * values.shape[1] + own
    taken: Floats = values.take(places, mode="wrap")  # in a fifth of the time of values[drawn, own]
    return taken


def draw_state(probabilities: Floats, uniforms: Floats) -> States:
    """The states that `uniforms` pick by their probabilities, shape (states, trials), which sum to 1."""
    remainder = uniforms.copy()
    state = np.zeros(len(remainder), dtype=np.uint8)
    for row in probabilities[:-1]:
        remainder -= row
        state += (remainder > 0.0).view(np.uint8)
    return state


def draw_kept_or_redrawn(weights: Floats, keep_odds: Floats | None, own: States | None, uniforms: Floats) -> States:
    """The states that `uniforms` pick from a mixture of keeping and a redraw, shape (trials,): method (8).

    Args:
        weights: of a redraw, shape (states, trials), which become cumulative; where all are 0, what is drawn is void.
        keep_odds: the odds of keeping, shape () or (trials,), or None where nothing is kept.
        own: shape (trials,), or None.
        uniforms: shape (trials,); overwritten.
    """
    *levels, total = accumulate_in_place(weights)
    if keep_odds is None or own is None:
        uniforms *= total
        return _count_levels(uniforms, levels)
    keep_odds = keep_odds * total
    uniforms *= keep_odds + total
    return count_levels_with_stay(uniforms, keep_odds, own, levels)


def accumulate_in_place(weights: Floats) -> Floats:
    """Cumulative sums over the states, in place: shape (states, trials)."""
    for below, weight in pairwise(weights):  # many times faster than `np.cumsum` along the first axis
        np.add(weight, below, out=weight)
    return weights


def count_levels_with_stay(values: Floats, raised_by: Floats, own: States, levels: Iterable[Floats]) -> States:
    """How many levels each value exceeds, shape (trials,), with those from `own` on raised by `raised_by`: method (8).

    Both counts, with all levels raised and with none, bound it: below `own` the one holds, above it the other.
    """
    levels = list(levels)
    passed = _count_levels(values, levels)
    values -= raised_by
    return np.maximum(np.minimum(own, passed), _count_levels(values, levels))


def _count_levels(values: Floats, levels: Iterable[Floats]) -> States:
    """How many levels each value exceeds."""
    passed = [(values > level).view(np.uint8) for level in levels]
    return sum(passed[1:], passed[0]) if passed else np.zeros(len(values), dtype=np.uint8)


def normalise(weights: Floats) -> Floats:
    """Weights of shape (states, trials) brought to sum to 1, in place; all 0 where they are."""
    total = weights.sum(axis=0)
    weights /= np.where(total > 0, total, 1.0)
    return weights


def with_move_mask(law: StepLaw) -> StepLaw:
    """The law with its allowed moves as a term: minus infinity where a redraw may not go."""
    if law.allowed is None or law.persistence is None:
        return law
    mask = np.zeros((law.size, law.size + 1))
    mask[:, : law.size][~law.allowed] = -np.inf
    return replace(law, terms=(*law.terms, Term((law.previous_state,), mask)), allowed=None)
