"""What matters given what has been observed: trials that count by their weights, method (22, 65).

A trial's weight is known when the last observation has been drawn, which may be after the step that is asked about. So
programs go on to that step, and what is asked of a trial is one number for each scenario: its probability at the step,
or its mean over all of them. The probability is carried along the drivers as long as nothing that is observed has read
the scenario; up to the last step at which something has, it is that of the scenario that was drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice

import numpy as np

from usru_scenarios.estimation.batches import BatchSums, accumulate, effective_trials, sum_by_batch
from usru_scenarios.estimation.estimates import ratio
from usru_scenarios.light_dataclasses import dataclass, field, replace
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.events import Formula
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.questions.difference_error_floors import SingleTrials
from usru_scenarios.questions.impossible import DrawnSums, is_impossible, too_few_trials_error
from usru_scenarios.questions.program_batches import ProgramSums
from usru_scenarios.questions.program_edits import PartCache, make_uncached
from usru_scenarios.questions.target import Target
from usru_scenarios.sampler.blocks import KernelCache, MapBlocks, Plan
from usru_scenarios.sampler.likelihood_weighting import ObservedWalk, program_of_steps
from usru_scenarios.sampler.outcome import FullTransition, LazyTransition, probabilities_after
from usru_scenarios.sampler.outcome_paths import one_hot
from usru_scenarios.sampler.tables import BlockStates
from usru_scenarios.settings import RunSettings


class ObservedLikelihoods:
    """The probabilities of the scenarios in each trial of a block, given its path and, so far as it was read, theirs.

    Args:
        walk: of the trials.
    """

    def __init__(self, walk: ObservedWalk) -> None:
        self.walk = walk
        self.outcome = walk.block_sampler.index[OUTCOME]
        self.present: Floats | None = None

    def advance(
        self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None
    ) -> Floats:
        """Those after a step, shape (scenarios, trials)."""
        assert transition is not None, "the outcome is among the nodes that are walked"
        if step <= self.walk.last_outcome_observation:
            self.present = one_hot(transition.scenarios, block_states.now[self.outcome])
        else:
            before = block_states.before[self.outcome] if self.walk.reads_outcome else None
            self.present = probabilities_after(transition, self.present, before)
        return self.present


# The scenarios of some programs --------------------------------------------------------------------------------------


@dataclass
class _ObservedSums(BatchSums):
    """The sums of one program.

    Attributes:
        weights: shape (batches,), of the trials.
        visits: shape (batches, scenarios), of weight times what is asked of the trial.
        squares: shape (), of the squared weights.
    """

    OVER_ALL_TRIALS = frozenset({"squares"})

    weights: Floats
    visits: Floats
    squares: Floats


class _TargetObserver:
    """Watches a block: what is asked of each trial, shape (scenarios, trials)."""

    def __init__(self, walk: ObservedWalk, shares: Floats) -> None:
        self.likelihoods = ObservedLikelihoods(walk)
        self.shares = shares
        self.target_values: Floats = np.zeros(())

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Add a step."""
        present = self.likelihoods.advance(step, block_states, transition)
        if step < len(self.shares) and self.shares[step]:
            self.target_values = self.target_values + self.shares[step] * present


class ObservedPrograms:
    """Programs of the same scenarios and steps, each with its own weights of the trials that all have in common.

    Args:
        programs: with what is imposed on each, up to the last step that is asked about or observed.
        given: what is observed.
        shares: how much each step counts, shape (steps that count,).
        plan: of the draws of each.
        kernels: as in `BlockSampler`.
    """

    def __init__(
        self, programs: Sequence[Program], given: Formula, shares: Floats, plan: Plan, kernels: KernelCache
    ) -> None:
        self.programs = programs
        self.given = given
        self.shares = shares
        self.plan = plan
        self.batches = plan.batches(1 + len(programs[0].outcome.states))
        self.kernels = kernels
        self._current_walk: tuple[int, ObservedWalk] | None = None

    @property
    def seconds_each(self) -> float:
        """What a block of one of them is predicted to take, as in `BlockSampler`."""
        return self._walk(0).block_sampler.seconds_each

    @property
    def pieces(self) -> int:
        """How many blocks there are of all of them."""
        return len(self.programs) * self.plan.blocks

    def sums(self, map_blocks: MapBlocks) -> Iterator[ProgramSums]:
        """Of each program, at the one time that is asked about: sums of shape (batches, 1, scenarios)."""
        parts = iter(map_blocks(self.run, range(self.pieces)))
        for _ in self.programs:
            yield self._program_sums(accumulate(islice(parts, self.plan.blocks), self.batches))

    def _program_sums(self, sums: _ObservedSums) -> ProgramSums:
        trials, visits = self.batches.sizes, sums.visits[:, None]
        if not sums.weights.any():
            return ProgramSums(trials, np.zeros_like(visits), sums.weights, 0.0)
        effective = float(effective_trials(sums.weights.sum(), sums.squares))
        return ProgramSums.observed(trials, sums.weights, visits, effective)

    def run(self, piece: int) -> _ObservedSums:
        """The sums of one block of one program."""
        number, block = divmod(piece, self.plan.blocks)
        walk = self._walk(number)
        observer = _TargetObserver(walk, self.shares)
        weights = walk.walk(block, observer)
        edges = self.batches.starts(block)
        return _ObservedSums(
            sum_by_batch(weights[None], edges)[:, 0],
            sum_by_batch(weights * observer.target_values, edges),
            np.asarray((weights**2).sum()),
        )

    def _walk(self, number: int) -> ObservedWalk:
        if self._current_walk is None or self._current_walk[0] != number:
            self._current_walk = (
                number,
                ObservedWalk(self.programs[number], self.given, self.plan, kernels=self.kernels),
            )
        return self._current_walk[1]


@dataclass(frozen=True)
class ObservedRun:
    """How much is drawn so that enough trials agree with what is observed.

    Attributes:
        given: what is observed.
        plan: of all that is asked.
        sums: of the program as it is, under that plan.
        effective: for how many unweighted trials its trials stand.
        fewest: fewer effective trials of another program say too little.
    """

    given: Formula
    plan: Plan
    sums: ProgramSums
    effective: float
    fewest: float


@dataclass(frozen=True)
class SensitivityRun:
    """A program of which it is asked what matters, and how its trials are drawn.

    Attributes:
        program: the model with its interventions.
        target: what is asked about.
        plan: how many trials, at least 2, and the seed; without draws of the judgements.
        map_blocks: as in `forecast.simulate`.
        kernels: compiled laws, and what walks of the program have in common: as in `BlockSampler`.
        observed: what is observed, and how much is drawn for it; None where nothing is.
        keep: gives what follows from the program.
    """

    program: Program
    target: Target
    plan: Plan
    map_blocks: MapBlocks = map
    kernels: KernelCache = field(default_factory=KernelCache)
    observed: ObservedRun | None = None
    keep: PartCache = make_uncached

    @property
    def given(self) -> Formula | None:
        """What is observed."""
        return None if self.observed is None else self.observed.given

    @cached_property
    def single_trials(self) -> SingleTrials:
        """What single trials can say of what is asked; all questions have what is found of it in common."""
        program = program_of_steps(self.program, self.target.steps(self.program).stop, self.given)
        return replace(self.target.single_trials(program, () if self.given is None else (self.given,)), keep=self.keep)

    @property
    def sampled(self) -> float:
        """For how many unweighted trials those stand that count."""
        return float(self.plan.trials) if self.observed is None else self.observed.effective


def draw_observed(
    conditioned: Conditioned, target: Target, settings: RunSettings, map_blocks: MapBlocks, kernels: KernelCache
) -> ObservedRun | None:
    """Draw until enough trials agree with what is observed; None where nothing is.

    Raises:
        ImpossibleEvidence: what is observed can't happen, or was never met.
        TooFewTrials: too few trials agree with it.
    """
    given = conditioned.given
    if given is None:
        return None
    first_plan = Plan(settings.trials, settings.seed)
    shares = target.shares(conditioned.program.steps)
    program = program_of_steps(conditioned.program, len(shares), given)

    def run(trials: int) -> DrawnSums[ProgramSums]:
        plan = first_plan.with_trials(trials)
        (sums,) = ObservedPrograms([program], given, shares, plan, kernels).sums(map_blocks)
        return DrawnSums(plan, sums, sums.sampled)

    limits, evidence = settings.limits, conditioned.evidence
    _, drawn, enough = limits.sample(run, first_plan.trials, lambda: is_impossible(conditioned.program, evidence))
    if not enough:
        place = target.cells[0]
        probability = ratio(drawn.sums.visits[:, 0, list(place)].sum(axis=1), drawn.sums.trials)
        what = f"{target.name or program.outcome.states[0]} @ {target.at(conditioned.program)}"
        raise too_few_trials_error(
            conditioned.program, evidence, drawn.plan, drawn.effective_trials, chance=probability, what=what
        )
    fewest = min(limits.least_effective, first_plan.trials)
    return ObservedRun(given, drawn.plan, drawn.sums, drawn.effective_trials, fewest)
