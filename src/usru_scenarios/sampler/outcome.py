"""The outcome's step in every trial: how likely each scenario is given the one before, carried along or drawn.

Arrays hold trials in their last axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.program.laws import Parent, StepLaw, hold_probability
from usru_scenarios.program.program import Floats
from usru_scenarios.sampler.kernels import (
    Kernel,
    accumulate_in_place,
    count_levels_with_stay,
    draw_state,
    normalise,
    with_move_mask,
)
from usru_scenarios.sampler.restrictions import Restriction
from usru_scenarios.sampler.rng import RandomWords
from usru_scenarios.sampler.tables import BlockStates, LogWeightEvaluator, States

_ZERO: Floats = np.asarray(0.0)
_PRODUCT_TRIALS = 1024
"""Trials whose products are summed by one matrix product: few enough that no library splits it between threads."""
MANY_SCENARIOS = 32
"""From so many scenarios on, moves are summed over several steps at a time."""
_MOST_PENDING = 1 << 21
"""Numbers that are kept until they are."""


class LazyTransition:
    """A step of the outcome in which every scenario is kept with the same probability or redrawn by the same shares.

    Args:
        hold: the probability of keeping, shape () or (trials,).
        weights: of where a redraw goes, shape (scenarios, trials), of any sum above 0.
    """

    def __init__(self, hold: Floats, weights: Floats) -> None:
        self.hold = hold
        self.weights = weights

    @property
    def scenarios(self) -> int:
        """How many there are."""
        return len(self.weights)

    def select_trials(self, trials: slice) -> LazyTransition:
        """The step in some of the trials."""
        if trials == slice(0, self.weights.shape[1]):
            return self
        hold = self.hold[trials] if self.hold.ndim else self.hold
        return LazyTransition(hold, self.weights[:, trials])

    @cached_property
    def total_weight(self) -> Floats:
        """The sum of the weights, shape (trials,)."""
        total: Floats = self.weights.sum(axis=0)
        return total

    @cached_property
    def redraw_shares(self) -> Floats:
        """Where a redraw goes, shape (scenarios, trials)."""
        return self.weights / self.total_weight

    @cached_property
    def flow(self) -> Floats:
        """The probability of a redraw that ends in each scenario, and of keeping: shape (scenarios + 1, trials)."""
        flow = self._empty_flow()
        np.multiply(self.weights, (1.0 - self.hold) / self.total_weight, out=flow[:-1])
        return flow

    def _empty_flow(self) -> Floats:
        """An array for it, shape (scenarios + 1, trials), with the probability of keeping in its place."""
        flow = np.empty((len(self.weights) + 1, self.weights.shape[1]))
        flow[-1] = self.hold
        return flow

    @property
    def redraw_flow(self) -> Floats:
        """The probability of a redraw that ends in each scenario, shape (scenarios, trials)."""
        return self.flow[:-1]

    def start(self) -> Floats:
        """The probabilities at the first step, before which nothing is kept: shape (scenarios, trials)."""
        return self.redraw_shares

    def advance(self, probability: Floats) -> Floats:
        """The scenario's probabilities after the step, shape (scenarios, trials)."""
        if "flow" in vars(self):
            after: Floats = probability * self.hold
            after += self.redraw_flow
            return after
        after, redrawn, flow = np.empty(probability.shape), (1.0 - self.hold) / self.total_weight, self._empty_flow()
        for before_row, weight, moved_row, after_row in zip(probability, self.weights, flow, after, strict=False):
            np.multiply(weight, redrawn, out=moved_row)  # which is in the cache still when it is added
            np.multiply(before_row, self.hold, out=after_row)
            np.add(after_row, moved_row, out=after_row)
        self.flow = flow
        return after

    def moves(self, probability: Floats) -> Iterable[Floats]:
        """For each scenario, the probability of being there and then in each one, shape (scenarios, trials)."""
        redraw_flow = self.redraw_flow
        for scenario, probability_there in enumerate(probability):
            joint = redraw_flow * probability_there
            joint[scenario] += probability_there * self.hold
            yield joint

    def sum_moves(self, probability: Floats, starts: npt.NDArray[np.int64]) -> Floats:
        """The sums of these over batches of trials that start at `starts`: shape (batches, from, to)."""
        sums = batch_products(probability, self.flow, starts)
        sums[:, range(self.scenarios), range(self.scenarios)] += sums[..., -1]
        return sums[..., :-1]

    def next_probabilities(self, states: States) -> Floats:
        """The probabilities after the step for trials that were in `states`: shape (scenarios, trials)."""
        row = self.redraw_flow.copy()
        row[states, np.arange(len(states))] += self.hold
        return row

    def draw(self, before: States, uniforms: Floats) -> States:
        """The states that `uniforms`, overwritten, pick after the step, shape (trials,)."""
        return count_levels_with_stay(uniforms, self.hold, before, accumulate_in_place(self.redraw_flow[:-1].copy()))

    def advance_unvisited(self, unvisited: Floats, members: list[int]) -> Floats:
        """Move the probability of not having been in `members` yet, shape (scenarios, trials), and lose the seen."""
        after: Floats = unvisited * self.hold + unvisited.sum(axis=0) * self.redraw_flow
        after[members] = 0.0
        return after


def batch_products(before: Floats, after: Floats, starts: npt.NDArray[np.int64]) -> Floats:
    """Sums of products over batches of trials that start at `starts`: shape (batches, things of one, of the other)."""
    size, rest = divmod(before.shape[1], len(starts))
    if rest or not np.array_equal(starts, size * np.arange(len(starts))):
        return np.stack([np.add.reduceat(row * after, starts, axis=-1).T for row in before], axis=1)
    cell = size if size <= _PRODUCT_TRIALS else math.gcd(size, _PRODUCT_TRIALS)
    left, right = before.reshape(len(before), -1, cell), after.reshape(len(after), -1, cell)
    sums: Floats = left.swapaxes(0, 1) @ right.transpose(1, 2, 0)
    return sums if cell == size else sums.reshape(len(starts), -1, len(before), len(after)).sum(axis=1)


class BatchedProducts:
    """Sums of moves where there are many scenarios: several steps by one matrix product for each batch.

    Each product is as large as all pairs of scenarios, which takes longer to add up than to work out where a batch has
    few trials.

    Args:
        size: trials of a batch, but for the first and the last.
        offset: trials of the first that are in the block before.
    """

    def __init__(self, size: int, offset: int) -> None:
        self.size = size
        self.offset = offset
        self.steps = -(-_PRODUCT_TRIALS // size)
        self._pending: list[tuple[Floats, Floats]] = []

    def add(self, before: Floats, after: Floats) -> Floats | None:
        """Take in a step; gives the sums when there are enough of them, as `flush`, shape (batches, from, to).

        Args:
            before: shape (scenarios, trials), the probabilities before.
            after: shape (things, trials), of each after, as in `LazyTransition.flow` or without its last row.
        """
        self._pending.append((before, after))
        size = sum(part.size for part in self._pending[0])
        return self.flush() if len(self._pending) >= min(self.steps, max(1, _MOST_PENDING // size)) else None

    def flush(self) -> Floats | None:
        """The sums of the steps that have not been given yet, shape (batches, from, to); None without any."""
        if not self._pending:
            return None
        before, after = (
            np.concatenate([*map(self._split_by_batch, parts)], axis=2) for parts in zip(*self._pending, strict=True)
        )
        self._pending = []
        sums: Floats = before @ after.swapaxes(1, 2)
        scenarios = before.shape[1]
        if after.shape[1] == scenarios:
            return sums
        sums[:, range(scenarios), range(scenarios)] += sums[..., -1]
        return sums[..., :-1]

    def _split_by_batch(self, rows: Floats) -> Floats:
        """Rows of trials by batch, shape (batches, rows, size), with nothing where a batch goes on in another block."""
        padding = -(self.offset + rows.shape[1]) % self.size
        if self.offset or padding:
            rows = np.pad(rows, ((0, 0), (self.offset, padding)))
        return rows.reshape(len(rows), -1, self.size).swapaxes(0, 1)


@dataclass(frozen=True)
class FullTransition:
    """A step of the outcome by its whole transition matrix, shape (from, to, trials)."""

    matrix: Floats

    @property
    def scenarios(self) -> int:
        """How many there are."""
        return len(self.matrix)

    def select_trials(self, trials: slice) -> FullTransition:
        """As in `LazyTransition`."""
        return FullTransition(self.matrix[..., trials])

    def start(self) -> Floats:
        """The probabilities where every scenario before leads to the same ones: shape (scenarios, trials)."""
        start: Floats = self.matrix[0]
        return start

    def advance(self, probability: Floats) -> Floats:
        """As in `LazyTransition`, shape (scenarios, trials)."""
        after: Floats = probability[0] * self.matrix[0]
        for probability_there, row in zip(probability[1:], self.matrix[1:], strict=True):
            after += probability_there * row
        return after

    def moves(self, probability: Floats) -> Iterable[Floats]:
        """As in `LazyTransition`, each of shape (scenarios, trials)."""
        return (probability_there * row for probability_there, row in zip(probability, self.matrix, strict=True))

    def sum_moves(self, probability: Floats, starts: npt.NDArray[np.int64]) -> Floats:
        """As in `LazyTransition`, shape (batches, from, to)."""
        return np.stack([np.add.reduceat(joint, starts, axis=-1).T for joint in self.moves(probability)], axis=1)

    def next_probabilities(self, states: States) -> Floats:
        """As in `LazyTransition`, shape (scenarios, trials)."""
        rows: Floats = np.take_along_axis(self.matrix, states[None, None, :].astype(np.intp), axis=0)[0]
        return rows

    def draw(self, before: States, uniforms: Floats) -> States:
        """As in `LazyTransition`, shape (trials,)."""
        return draw_state(self.next_probabilities(before), uniforms)

    def advance_unvisited(self, unvisited: Floats, members: list[int]) -> Floats:
        """As in `LazyTransition`, shape (scenarios, trials)."""
        after = self.advance(unvisited)
        after[members] = 0.0
        return after


Transition = LazyTransition | FullTransition
"""A step of the outcome in every trial of a block."""


def probabilities_after(transition: Transition, before: Floats | None, drawn: States | None) -> Floats:
    """The scenarios' probabilities in each trial after a step, shape (scenarios, trials); methods (14) and (15).

    Args:
        transition: the step.
        before: the probabilities before it, which are carried along; None at the first step.
        drawn: the scenarios drawn before it, shape (trials,), from which alone the step is taken instead; None where
            they are carried, or at the first step.
    """
    if before is None:
        return transition.start()
    return transition.advance(before) if drawn is None else transition.next_probabilities(drawn)


class OutcomeKernel:
    """Gives the outcome's transition in every trial of a block; a law is multiplied out by what `evaluator` makes."""

    def __init__(self, law: StepLaw, evaluator: Callable[[StepLaw], LogWeightEvaluator]) -> None:
        self.size, self.fixed, self.keep = law.size, law.fixed, law.persistence
        laws = [with_move_mask(law)]
        self.redraws_alike = law.fixed is not None or law.is_uniform_mixture
        if not self.redraws_alike:
            laws = [_law_given_state(laws[0], state) for state in range(law.size)]
        self.evaluators = [] if law.fixed is not None else [evaluator(part) for part in laws]

    def transition(self, block_states: BlockStates) -> Transition:
        """The transition of this step; without a step before, its shares are the start."""
        if self.fixed is not None:
            return LazyTransition(_ZERO, np.broadcast_to(self.fixed[:, None], (self.size, block_states.trials)))
        if self.redraws_alike:
            weights, odds = self.evaluators[0].with_odds(block_states)
            if self.keep is None:
                return LazyTransition(_ZERO, weights)
            hold = block_states.per_trial(self.keep[..., 0])
            if odds is not None:
                odds *= hold
                hold = odds / (odds + (1.0 - hold))
            return LazyTransition(hold, weights)
        return FullTransition(np.stack([self._transition_row(state, block_states) for state in range(self.size)]))

    def _transition_row(self, state: int, block_states: BlockStates) -> Floats:
        weights, odds = self.evaluators[state](block_states)
        share = normalise(weights)
        if self.keep is None:
            return share
        keep = block_states.per_trial(self.keep[..., state])
        share *= 1.0 - (keep if odds is None else hold_probability(keep, odds))
        share[state] += 1.0 - share.sum(axis=0)
        return share


NodeKernel = Kernel | OutcomeKernel
"""What draws a node, or gives the outcome's transition."""


def _law_given_state(law: StepLaw, state: int) -> StepLaw:
    """The law of the trials whose own previous state is known."""

    def slice_table(table: Floats, parents: tuple[Parent, ...]) -> tuple[Floats, tuple[Parent, ...]]:
        if law.previous_state not in parents:
            return table, parents
        axis = parents.index(law.previous_state)
        return np.take(table, state, axis=axis), (*parents[:axis], *parents[axis + 1 :])

    terms = []
    for term in law.terms:
        points, parents = slice_table(term.points, term.parents)
        terms.append(replace(term, points=points, parents=parents))
    prior, prior_parents = slice_table(law.prior, law.prior_parents)
    return replace(law, terms=tuple(terms), prior=prior, prior_parents=prior_parents)


def draw_scenario(
    transition: Transition, block_states: BlockStates, index: int, words: RandomWords, restriction: Restriction | None
) -> Floats | None:
    """Set the outcome in `block_states.now[index]`, shape (trials,); gives the probability of the restriction."""
    before, uniforms = block_states.before[index], words.uniforms
    if restriction is not None:
        share = transition.start() if before is None else transition.next_probabilities(before)
        share, inside = restriction.narrow(share)
        block_states.now[index] = draw_state(share, uniforms)
        return inside
    if before is None:
        block_states.now[index] = draw_state(transition.start(), uniforms)
    else:
        block_states.now[index] = transition.draw(before, uniforms)
    return None
