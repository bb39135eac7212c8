"""Many programs on common random numbers, a few at a time: method (10).

The sums of a program are kept by batches of trials, and the batches of all programs hold the same trials. So whatever
is made of several of them (a difference, a crossing) has a standard error of its own that knows how they move together.

Where something is observed, each program weighs the trials in its own way. Its ratios of weighted sums are then brought
to sums that have these ratios as their means and their residuals (method (17)) around them, so that what is made of
several of them is made, and has its error, as without observations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, partial
from itertools import islice
from typing import NamedTuple, Protocol

import numpy as np

from usru_scenarios.estimation.batches import TrialBatches, accumulate
from usru_scenarios.estimation.estimates import ratio
from usru_scenarios.exact import inference as exact
from usru_scenarios.light_dataclasses import replace
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.distance import are_equal
from usru_scenarios.program.program import Floats, Node, Program
from usru_scenarios.questions.impossible import DrawnSums, is_impossible, too_few_trials_error, zero_probability_error
from usru_scenarios.sampler.blocks import BLOCK, MOST_BYTES, KernelCache, MapBlocks, Plan, predict_block_seconds
from usru_scenarios.sampler.common_random_numbers import VariantSampler, VariantSums
from usru_scenarios.sampler.forecast import Sampler, simulate
from usru_scenarios.sampler.likelihood_weighting import simulate_given
from usru_scenarios.sampler.shared_draws import SharedDraws
from usru_scenarios.settings import SampleLimits
from usru_scenarios.work import Listener

PORTION = 8
"""Programs that are run together, or fewer where memory is short: they share what they have in common, and their sums
are held at the same time."""


_CARRYING = 10
"""Carrying the probabilities of the scenarios along takes about as long as so many draws."""


class Programs(Protocol):
    """Programs in an order; each may be made when it is asked for."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, number: int, /) -> Program:
        """One of them."""


class ProgramSums(NamedTuple):
    """The sums of one program.

    Attributes:
        trials: shape (batches,), the trials of each batch.
        visits: shape (batches, steps, scenarios), sums of the scenario's probability, scenarios in the program's order;
            under observations as `observed` makes them.
        weights: under observations, shape (batches,), the trials of each batch by their weights, 1 in the mean.
        effective: for how many unweighted trials those stand that agree with what is observed; None without, and where
            nothing is sampled.
    """

    trials: Floats
    visits: Floats
    weights: Floats | None = None
    effective: float | None = None

    @classmethod
    def observed(cls, trials: Floats, weights: Floats, visits: Floats, effective: float | None) -> ProgramSums:
        """Sums with the means and the residuals, method (17), of ratios of weighted sums.

        Args:
            trials: shape (batches,), of each batch.
            weights: shape (batches,), the sums of their weights.
            visits: shape (batches, steps, scenarios), sums of weight times probability.
            effective: as the attribute.
        """
        scale = trials.sum() / weights.sum()
        mean = visits.sum(axis=0) / weights.sum()
        residuals = (visits - mean * weights[:, None, None]) * scale
        return cls(trials, mean * trials[:, None, None] + residuals, weights * scale, effective)

    @property
    def weighted(self) -> tuple[Floats, Floats]:
        """The sums of weight times what is summed, shape (batches, steps, scenarios), and of the weights, (batches,).

        They are the numerators and denominators of ratios.
        """
        if self.weights is None:
            return self.visits, self.trials
        mean = self.visits.sum(axis=0) / self.trials.sum()
        return self.visits + mean * (self.weights - self.trials).reshape(-1, *(1,) * mean.ndim), self.weights

    @property
    def sampled(self) -> float:
        """For how many independent trials these stand."""
        return float(self.trials.sum()) if self.effective is None else self.effective

    def of(self, members: Sequence[Sequence[int]], times: Sequence[range]) -> Floats:
        """Sums for sets of scenarios and times, shape (batches, times, sets); over several steps, their mean."""
        by_set = np.stack([self.visits[:, :, list(each)].sum(axis=2) for each in members], axis=2)
        return np.stack([by_set[:, time.start : time.stop].mean(axis=1) for time in times], axis=1)


def expect_runs(progress: Listener, program: Program, programs: int, plan: Plan | None) -> None:
    """Tell what work `run_each` will be for so many programs like this one."""
    if plan is None:
        progress.expect(exact.predict_cost(program).seconds, programs)
    else:
        portions = _ProgramBatches([program] * programs, plan)
        progress.expect(portions.seconds_each, portions.portions * plan.blocks)


def run_each(
    programs: Programs,
    plan: Plan | None,
    map_blocks: MapBlocks = map,
    kernels: KernelCache | None = None,
    steps: Sequence[int] | None = None,
) -> Iterator[ProgramSums]:
    """The sums of programs that have the same scenarios and steps, in their order.

    Args:
        programs: each is asked for when its turn comes.
        plan: of the draws; None for exact probabilities, which stand in two equal batches, so that errors are 0.
        map_blocks: goes through portions of programs and blocks of trials.
        kernels: compiled laws, and what walks of such programs have in common.
        steps: those of which sums are kept where there is a plan; by default all.

    Raises:
        exact.TooLarge, exact.NotExact: there is no exact answer.
    """
    if plan is None:
        yield from map_blocks(partial(_solve_program, programs), range(len(programs)))
        return
    portions = _ProgramBatches(programs, plan, kernels, steps)
    parts = iter(map_blocks(portions.run, range(portions.portions * plan.blocks)))
    for _ in range(portions.portions):
        sums = accumulate(islice(parts, plan.blocks), portions.batches)
        yield from (ProgramSums(sums.trials, visits) for visits in sums.visits)


def run_conditioned(
    conditioned: Sequence[Conditioned], plan: Plan | None, limits: SampleLimits, map_blocks: MapBlocks = map
) -> list[ProgramSums]:
    """The sums of programs in the trials in which what is observed of each holds; they may have different scenarios.

    All are drawn with the same number of trials: more where too few agree with what is observed of one of them.

    Args:
        conditioned: the programs, of one number of draws of the judgements if they have any.
        plan: of the first draws; None for exact probabilities, as in `run_each`.
        limits: of the trials that are drawn further.
        map_blocks: goes through programs, or through blocks of trials.

    Raises:
        ImpossibleEvidence: what is observed can't happen in one of them.
        TooFewTrials: too few trials agree with it.
        exact.TooLarge, exact.NotExact: there is no exact answer.
    """
    if plan is None:
        return list(map_blocks(partial(_solve, conditioned), range(len(conditioned))))

    def run(trials: int) -> DrawnSums[list[ProgramSums]]:
        drawn_plan = plan.with_trials(trials)
        sums = [_sample_sums(each, drawn_plan, map_blocks) for each in conditioned]
        return DrawnSums(drawn_plan, sums, min(each.sampled for each in sums))

    def impossible() -> bool:
        return any(is_impossible(each.program, each.evidence) for each in conditioned)

    _, run_sums, enough = limits.sample(run, plan.trials, impossible)
    if not enough:
        fewest = min(range(len(conditioned)), key=lambda number: run_sums.sums[number].sampled)
        program, sums = conditioned[fewest].program, run_sums.sums[fewest]
        chance, what = ratio(sums.visits[:, -1, 0], sums.trials), f"{program.outcome.states[0]} at the end"
        evidence, drawn_plan = conditioned[fewest].evidence, run_sums.plan
        raise too_few_trials_error(program, evidence, drawn_plan, run_sums.effective_trials, chance=chance, what=what)
    return run_sums.sums


def _sample_sums(conditioned: Conditioned, plan: Plan, map_blocks: MapBlocks) -> ProgramSums:
    """The sums of one program under a plan."""
    program, given = conditioned.program, conditioned.given
    if given is None:
        sums = simulate(program, plan, map_blocks)
        return ProgramSums(sums.trials, sums.visits)
    sums = simulate_given(program, given, plan, map_blocks)
    trials = Sampler(program, plan).batches.sizes
    if not sums.trials.any():
        return ProgramSums(trials, np.zeros_like(sums.visits), sums.trials, 0.0)
    return ProgramSums.observed(trials, sums.trials, sums.visits, sums.effective_trials)


class _ProgramBatches:
    """Programs and their plan, cut into portions of programs and blocks of trials."""

    def __init__(
        self, programs: Programs, plan: Plan, kernels: KernelCache | None = None, steps: Sequence[int] | None = None
    ) -> None:
        self.programs = programs
        self.plan = plan
        self.steps = steps
        fitting = MOST_BYTES // 2 // VariantSampler.bytes_per_program(programs[0], plan) if len(programs) else PORTION
        self.portion = max(1, min(PORTION, fitting))
        self.portions = -(-len(programs) // self.portion)
        self._current: tuple[int, VariantSampler] | None = None
        self._kernels = kernels or KernelCache(SharedDraws() if len(programs) > 1 else None)

    @cached_property
    def batches(self) -> TrialBatches:
        """Those of each program."""
        return VariantSampler.batches_of(self.programs[0], self.plan)

    def run(self, item: int) -> VariantSums:
        """The sums of one block for one portion."""
        portion, block = divmod(item, self.plan.blocks)
        return self._sampler(portion).run(block)

    def _sampler(self, portion: int) -> VariantSampler:
        if self._current is None or self._current[0] != portion:
            numbers = range(portion * self.portion, min((portion + 1) * self.portion, len(self.programs)))
            kernels = self._kernels if not portion else self._kernels.copy()  # what others compile goes with them
            programs = [self.programs[number] for number in numbers]
            self._current = portion, VariantSampler(programs, self.plan, kernels, self.steps)
        return self._current[1]

    @property
    def seconds_each(self) -> float:
        """What an item is predicted to take, from the number of draws alone."""
        first = self.programs[0]
        programs, nodes = min(self.portion, len(self.programs)), len(first.nodes)
        drawn_nodes = (
            nodes * (1 + programs) // 2
        )  # some are drawn once for all programs, how many is known when they are made
        carried_cost = programs * max(_CARRYING, 2 * len(first.outcome.states))
        return predict_block_seconds(drawn_nodes + carried_cost, first.steps, min(self.plan.trials, BLOCK))


def _solve_program(programs: Programs, number: int) -> ProgramSums:
    """The probabilities of one of some programs, as `_solve` gives them."""
    return _solve([Conditioned(programs[number])], 0)


def _solve(conditioned: Sequence[Conditioned], number: int) -> ProgramSums:
    """The probabilities of one of some programs, in the trials in which what is observed of it holds.

    They stand in two batches that say the same, or two of each draw of the judgements.
    """
    program, given = conditioned[number].program, conditioned[number].given
    try:
        solution = exact.forecast(program, given=given)
    except exact.NothingObservedError:
        raise zero_probability_error(program, conditioned[number].evidence) from None
    probabilities = solution.scenarios if program.draws else solution.scenarios[None]
    if given is None:
        probabilities = np.repeat(np.clip(probabilities, 0.0, 1.0), 2, axis=0)
        return ProgramSums(np.ones(len(probabilities)), probabilities)
    weights = np.repeat(solution.weights, 2)
    probabilities = np.clip(np.where(solution.weights[:, None, None] > 0.0, probabilities, 0.0), 0.0, 1.0)
    visits = np.repeat(probabilities, 2, axis=0) * weights[:, None, None]
    return ProgramSums.observed(np.ones(len(weights)), weights, visits, None)


# Nodes in common ------------------------------------------------------------------------------------------------------


def share_nodes(program: Program, reference: Program) -> Program:
    """The program with the nodes of the reference where they say the same, so that both are drawn as one.

    Only where both have the same nodes in the same order: what is compiled for a node knows the places of the others.
    """
    if list(program.nodes) != list(reference.nodes):
        return program
    pairs: Iterable[tuple[str, Node]] = program.nodes.items()
    return replace(
        program,
        nodes={name: reference.nodes[name] if are_equal(node, reference.nodes[name]) else node for name, node in pairs},
    )
