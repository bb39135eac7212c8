"""The least standard errors of several programs' probabilities, and of their differences, by method (27, 29)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from usru_scenarios.estimation.estimates import (
    Estimate,
    largest_deviation,
    may_miss_trials,
    rule_of_three_bound,
    with_error_floor,
)
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.distance import are_equal, largest_differences
from usru_scenarios.program.events import Formula
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.program.support import Support
from usru_scenarios.questions.program_edits import PartCache, make_uncached
from usru_scenarios.questions.simulate.error_floors import LeastErrors, least_share, missed_trials

Limits = tuple[Floats, Floats]


@dataclass(frozen=True)
class SingleTrials:
    """What single trials of a program can say of sets of scenarios.

    Attributes:
        make_program: gives the program, which is asked for only where it matters.
        members: the sets.
        steps: at which they are read.
        seen: what is observed: then of trials that agree with it.
        shared_with: those of a program that it has nodes in common with, of which it takes what it would find alike.
        keep: gives what follows from the program alone.
    """

    make_program: Callable[[], Program]
    members: Sequence[Sequence[int]]
    steps: Sequence[int]
    seen: Sequence[Formula] = ()
    shared_with: SingleTrials | None = None
    keep: PartCache = make_uncached

    @cached_property
    def program(self) -> Program:
        """The program."""
        return self.make_program()

    @cached_property
    def support(self) -> Support:
        """What is possible in it, of what the scenarios depend on."""
        above = self.program.restrict_to(self.program.upstream([OUTCOME]))
        return Support(above, shared_with=None if self.shared_with is None else self.shared_with.support)

    @cached_property
    def limits(self) -> Limits:
        """The least and the largest probability in any trial, each of shape (steps, sets)."""
        limits_of = self.support.probability_limits
        if self.seen:  # nothing else is known of the trials
            program = self.program
            limits_of = LeastErrors(program, 0.0, lambda _: np.zeros((program.steps, 0)), self.seen).likelihood_limits
        low, high = zip(*map(limits_of, self.members), strict=True)
        steps = list(self.steps)
        return np.stack(low, axis=1)[steps], np.stack(high, axis=1)[steps]

    def missed_trials(self, trials: float) -> float:
        """How many draws may be expected to hit a trial that none has hit, as in `LeastErrors.missed_count`."""
        return missed_trials(self.least_share, trials)

    @cached_property
    def least_share(self) -> float:
        """As `error_floors.least_share`; 0 where something is observed, which may have any."""
        if self.seen:
            return 0.0
        return self.keep(f"least share of {self.program.steps} steps", lambda: least_share(self.program))

    def difference_limits(self, other: SingleTrials) -> Limits:
        """The limits of the difference to another's in the same trials, each of shape (steps, sets): method (29).

        Where something is observed of either, trials that are alike may be weighed in different ways.
        """
        if self.seen or other.seen:
            same = self.seen == other.seen and are_equal(self.program, other.program)
            most = np.full((len(self.steps), 1), 0.0 if same else 1.0)
        else:
            most = largest_differences(self.program, other.program)[list(self.steps)][:, None]
        if not most.any():
            return np.zeros((len(most), len(self.members))), np.zeros((len(most), len(self.members)))
        low, high = self.limits[0] - other.limits[1], self.limits[1] - other.limits[0]
        return np.maximum(low, -most), np.minimum(high, most)


def mean_limits(limits: Limits) -> Limits:
    """The limits of means over all rows, each of shape (sets,)."""
    return limits[0].mean(axis=0), limits[1].mean(axis=0)


def part_limits(limits: Limits, parts: Sequence[Sequence[int]]) -> Limits:
    """The limits of means over some of the rows, each of shape (parts, sets)."""
    low, high = (np.stack([end[list(part)].mean(axis=0) for part in parts]) for end in limits)
    return low, high


def cover_unseen(
    found: Estimate, trials: float, limits: Callable[[], Limits], programs: Sequence[SingleTrials], lowest: float = 0.0
) -> Estimate:
    """Probabilities, or their differences, whose errors cover what was never drawn.

    Args:
        found: means over trials.
        trials: for how many independent trials those drawn stand.
        limits: gives what single ones can say; asked for only where it may matter.
        programs: those that the estimates come from.
        lowest: as in `estimates.with_error_floor`.
    """
    if not may_miss_trials(found, trials, lowest=lowest):
        return found
    missed = max(each.missed_trials(trials) for each in programs)
    return with_error_floor(found, trials, limits, missed, lowest=lowest)


class UnseenDifferences(NamedTuple):
    """What trials that were never drawn could add to differences of programs to the same one.

    Attributes:
        least_share: as in `SingleTrials`, of that one.
        limits: of each difference, what single trials can say of it at some times, each of shape (times, sets).
    """

    least_share: float
    limits: tuple[Limits, ...]

    def missed_trials(self, trials: float) -> float:
        """As in `SingleTrials`, of that one."""
        return missed_trials(self.least_share, trials)


def cover_unseen_variation(
    estimate: Estimate, trials: float, changes: Floats, limits: Callable[[], Limits], missed: Callable[[float], float]
) -> Estimate:
    """The same of half the sum of absolute differences, which no trial can change by more than 1.

    Args:
        estimate: of any shape.
        trials: for how many independent trials those drawn stand.
        changes: the differences, on the last axis.
        limits: gives theirs; asked for only where it may matter.
        missed: as `SingleTrials.missed_trials`, of the program that they are differences to.
    """
    if not np.any(estimate.error < rule_of_three_bound(trials)):
        return estimate
    missed_share = rule_of_three_bound(trials, missed(trials))
    farthest_shift = np.minimum(largest_deviation(changes, *limits()).sum(axis=-1) / 2, 1.0)
    return Estimate(estimate.value, np.maximum(estimate.error, missed_share * farthest_shift))
