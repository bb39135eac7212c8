"""The outcome along the trials of a block: its probabilities at each step, its moves, and its first visits."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from usru_scenarios.program.program import Floats
from usru_scenarios.sampler.outcome import LazyTransition, Transition, batch_products
from usru_scenarios.sampler.tables import States


class OutcomePath(Protocol):
    """Follows the outcome along the trials of a block; its moves are those of the transition, or its own."""

    probabilities: Floats | None
    """The scenarios' probabilities now, shape (scenarios, trials); None before the first step."""

    def advance(self, transition: Transition, drawn: States | None, /) -> tuple[Floats, Floats]:
        """Take a step: the scenarios' probabilities, shape (scenarios, trials), and those of first visits.

        The latter are of each set of scenarios being visited for the first time, shape (sets, trials).
        """

    def sum_moves(self, before: Floats, transition: Transition, starts: npt.NDArray[np.int64]) -> Floats:
        """Sums over batches of the probability of having been in one scenario and now in another.

        Args:
            before: shape (scenarios, trials), takes the place of the probabilities one step ago.
            transition: the step.
            starts: where the batches start.

        Returns:
            Shape (batches, from, to).
        """
        return transition.sum_moves(before, starts)

    def flow(self, transition: Transition, /) -> Floats | None:
        """What `sum_moves` are products with, shape (scenarios or one more, trials); None where they are none."""
        return transition.flow if isinstance(transition, LazyTransition) else None


class RaoBlackwellPath(OutcomePath):
    """The outcome's probabilities, and those of no visit so far, carried along the drawn drivers: method (14, 16)."""

    def __init__(self, sets: list[list[int]], *, lumped: bool) -> None:
        self.sets = sets
        self.lumped = lumped
        self.probabilities: Floats | None = None
        self.unvisited: list[Floats] = []

    def advance(self, transition: Transition, _drawn: States | None) -> tuple[Floats, Floats]:
        """Carry the outcome on: shapes (scenarios, trials) and (sets, trials)."""
        if self.probabilities is None:
            self.probabilities = transition.start()
            return self.probabilities, _set_probabilities(self.probabilities, self.sets)
        self.unvisited = self.unvisited or [self._initially_unvisited(members) for members in self.sets]
        self.probabilities = transition.advance(self.probabilities)
        if self.lumped:
            assert isinstance(transition, LazyTransition)
            first_visits = np.empty((len(self.sets), transition.redraw_flow.shape[1]))
            for members, unvisited, out in zip(self.sets, self.unvisited, first_visits, strict=True):
                np.multiply(_sum_rows(transition.redraw_flow, members), unvisited, out=out)
                np.subtract(unvisited, out, out=unvisited)
            return self.probabilities, first_visits
        unvisited_before = [unvisited.sum(axis=0) for unvisited in self.unvisited]
        self.unvisited = [transition.advance_unvisited(*pair) for pair in zip(self.unvisited, self.sets, strict=True)]
        return self.probabilities, np.array(
            [before - now.sum(axis=0) for before, now in zip(unvisited_before, self.unvisited, strict=True)]
        )

    def _initially_unvisited(self, members: list[int]) -> Floats:
        """The probability of not being in a set at the first step: (trials,), or (scenarios, trials) if not lumped."""
        assert self.probabilities is not None
        if self.lumped:
            elsewhere: Floats = 1.0 - _sum_rows(self.probabilities, members)
        else:
            elsewhere = self.probabilities.copy()
            elsewhere[members] = 0.0
        return elsewhere


def _set_probabilities(probability: Floats, sets: list[list[int]]) -> Floats:
    """The probability of each set of scenarios, shape (sets, trials)."""
    sums = np.empty((len(sets), probability.shape[1]))
    for members, out in zip(sets, sums, strict=True):
        out[:] = _sum_rows(probability, members)
    return sums


def _sum_rows(rows: Floats, members: list[int]) -> Floats:
    """The sum of some rows; of a single one, the row itself."""
    first, *others = (rows[member] for member in members)
    total: Floats = sum(others, first)
    return total


def one_hot(scenarios: int, drawn: States) -> Floats:
    """The probabilities of scenarios where they are those drawn, shape (scenarios, trials)."""
    probabilities: Floats = (np.arange(scenarios, dtype=drawn.dtype)[:, None] == drawn).astype(np.float64)
    return probabilities


class SampledPath(OutcomePath):
    """The drawn scenario, whose probability is read one step ahead: method (15, 16)."""

    def __init__(self, sets: list[list[int]]) -> None:
        self.sets = sets
        self.probabilities: Floats | None = None
        self.unvisited: Floats | None = None

    def advance(self, transition: Transition, drawn: States | None) -> tuple[Floats, Floats]:
        """Read the probability one step ahead: shapes (scenarios, trials) and (sets, trials)."""
        assert drawn is not None, "where the outcome feeds back, it is drawn"
        probability = transition.start() if self.probabilities is None else transition.advance(self.probabilities)
        self.probabilities = one_hot(len(probability), drawn)
        if self.unvisited is None:
            self.unvisited = np.ones((len(self.sets), probability.shape[1]))
        first_visits, elsewhere = np.empty_like(self.unvisited), 1.0 - self.probabilities
        for members, unvisited, out in zip(self.sets, self.unvisited, first_visits, strict=True):
            np.multiply(_sum_rows(probability, members), unvisited, out=out)
            for member in members:
                np.multiply(unvisited, elsewhere[member], out=unvisited)
        return probability, first_visits


class DrawnOutcomePath:
    """The drawn scenario as it is, since what is seen later may bear on it: method (15)."""

    def __init__(self, sets: list[list[int]]) -> None:
        self.sets = sets
        self.probabilities: Floats | None = None
        self.unvisited: list[Floats] = []

    def advance(self, transition: Transition, drawn: Any) -> tuple[Floats, Floats]:
        """As in `OutcomePath`, of 0 and 1: shapes (scenarios, trials) and (sets, trials)."""
        self.probabilities = one_hot(transition.scenarios, drawn)
        visits = [self.probabilities[members].sum(axis=0) for members in self.sets]
        unvisited = self.unvisited or [np.ones_like(visit) for visit in visits]
        self.unvisited = [before * (1.0 - visit) for before, visit in zip(unvisited, visits, strict=True)]
        return self.probabilities, np.array([before * visit for before, visit in zip(unvisited, visits, strict=True)])

    def sum_moves(self, before: Floats, _transition: Transition, starts: npt.NDArray[np.int64]) -> Floats:
        """As in `OutcomePath`, shape (batches, from, to)."""
        assert self.probabilities is not None
        return batch_products(before, self.probabilities, starts)

    def flow(self, _transition: Transition) -> Floats | None:
        """As in `OutcomePath`, shape (scenarios, trials)."""
        return self.probabilities
