"""The outcome along the trials of a block: its probabilities at each step, its moves, and its first visits."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from usru_scenarios.program.program import Floats
from usru_scenarios.sampler.outcome import FullTransition, LazyTransition, products
from usru_scenarios.sampler.tables import States


class OutcomePath(Protocol):
    """Follows the outcome along the trials of a block; its moves are those of the transition, or its own."""

    present: Floats | None
    """The scenarios' probabilities now, shape (scenarios, trials); None before the first step."""

    def move(self, transition: LazyTransition | FullTransition, drawn: States | None, /) -> tuple[Floats, Floats]:
        """Take a step: the scenarios' probabilities, shape (scenarios, trials), and those of first visits.

        The latter are of each set of scenarios being visited for the first time, shape (sets, trials).
        """

    def summed_moves(
        self, before: Floats, transition: LazyTransition | FullTransition, edges: npt.NDArray[np.int64]
    ) -> Floats:
        """Sums over batches of the probability of having been in one scenario and now in another.

        Args:
            before: shape (scenarios, trials), takes the place of the probabilities one step ago.
            transition: the step.
            edges: where the batches start.

        Returns:
            Shape (batches, from, to).
        """
        return transition.summed_moves(before, edges)

    def flow(self, transition: LazyTransition | FullTransition, /) -> Floats | None:
        """What `summed_moves` are products with, shape (scenarios or one more, trials); None where they are none."""
        return transition.flow if isinstance(transition, LazyTransition) else None


class RaoBlackwellPath(OutcomePath):
    """The outcome's probabilities, and those of no visit so far, carried along the drawn drivers: method (14, 16)."""

    def __init__(self, sets: list[list[int]], *, lumped: bool) -> None:
        self.sets = sets
        self.lumped = lumped
        self.present: Floats | None = None
        self.unseen: list[Floats] = []

    def move(self, transition: LazyTransition | FullTransition, _drawn: States | None) -> tuple[Floats, Floats]:
        """Carry the outcome on: shapes (scenarios, trials) and (sets, trials)."""
        if self.present is None:
            self.present = transition.start()
            return self.present, _sums(self.present, self.sets)
        self.unseen = self.unseen or [self._unseen_at_first(members) for members in self.sets]
        self.present = transition.advance(self.present)
        if self.lumped:
            assert isinstance(transition, LazyTransition)
            seen = np.empty((len(self.sets), transition.moved.shape[1]))
            for members, unseen, out in zip(self.sets, self.unseen, seen, strict=True):
                np.multiply(_sum(transition.moved, members), unseen, out=out)
                np.subtract(unseen, out, out=unseen)
            return self.present, seen
        left = [unseen.sum(axis=0) for unseen in self.unseen]
        self.unseen = [transition.survive(*pair) for pair in zip(self.unseen, self.sets, strict=True)]
        return self.present, np.array([was - now.sum(axis=0) for was, now in zip(left, self.unseen, strict=True)])

    def _unseen_at_first(self, members: list[int]) -> Floats:
        """The probability of not being in a set at the first step: (trials,), or (scenarios, trials) if not lumped."""
        assert self.present is not None
        if self.lumped:
            elsewhere: Floats = 1.0 - _sum(self.present, members)
        else:
            elsewhere = self.present.copy()
            elsewhere[members] = 0.0
        return elsewhere


def _sums(probability: Floats, sets: list[list[int]]) -> Floats:
    """The probability of each set of scenarios, shape (sets, trials)."""
    sums = np.empty((len(sets), probability.shape[1]))
    for members, out in zip(sets, sums, strict=True):
        out[:] = _sum(probability, members)
    return sums


def _sum(rows: Floats, members: list[int]) -> Floats:
    """The sum of some rows; of a single one, the row itself."""
    first, *others = (rows[member] for member in members)
    whole: Floats = sum(others, first)
    return whole


def one_hot(scenarios: int, drawn: States) -> Floats:
    """The probabilities of scenarios where they are those drawn, shape (scenarios, trials)."""
    found: Floats = (np.arange(scenarios, dtype=drawn.dtype)[:, None] == drawn).astype(np.float64)
    return found


class SampledPath(OutcomePath):
    """The drawn scenario, whose probability is read one step ahead: method (15, 16)."""

    def __init__(self, sets: list[list[int]]) -> None:
        self.sets = sets
        self.present: Floats | None = None
        self.unseen: Floats | None = None

    def move(self, transition: LazyTransition | FullTransition, drawn: States | None) -> tuple[Floats, Floats]:
        """Read the probability one step ahead: shapes (scenarios, trials) and (sets, trials)."""
        assert drawn is not None, "where the outcome feeds back, it is drawn"
        probability = transition.start() if self.present is None else transition.advance(self.present)
        self.present = one_hot(len(probability), drawn)
        if self.unseen is None:
            self.unseen = np.ones((len(self.sets), probability.shape[1]))
        seen, elsewhere = np.empty_like(self.unseen), 1.0 - self.present
        for members, unseen, out in zip(self.sets, self.unseen, seen, strict=True):
            np.multiply(_sum(probability, members), unseen, out=out)
            for member in members:
                np.multiply(unseen, elsewhere[member], out=unseen)
        return probability, seen


class DrawnScenario:
    """The drawn scenario as it is, since what is seen later may bear on it: method (15)."""

    def __init__(self, sets: list[list[int]]) -> None:
        self.sets = sets
        self.present: Floats | None = None
        self.unseen: list[Floats] = []

    def move(self, transition: LazyTransition | FullTransition, drawn: Any) -> tuple[Floats, Floats]:
        """As in `OutcomePath`, of 0 and 1: shapes (scenarios, trials) and (sets, trials)."""
        self.present = one_hot(transition.scenarios, drawn)
        here = [self.present[members].sum(axis=0) for members in self.sets]
        unseen = self.unseen or [np.ones_like(part) for part in here]
        self.unseen = [was * (1.0 - part) for was, part in zip(unseen, here, strict=True)]
        return self.present, np.array([was * part for was, part in zip(unseen, here, strict=True)])

    def summed_moves(
        self, before: Floats, _transition: LazyTransition | FullTransition, edges: npt.NDArray[np.int64]
    ) -> Floats:
        """As in `OutcomePath`, shape (batches, from, to)."""
        assert self.present is not None
        return products(before, self.present, edges)

    def flow(self, _transition: LazyTransition | FullTransition) -> Floats | None:
        """As in `OutcomePath`, shape (scenarios, trials)."""
        return self.present
