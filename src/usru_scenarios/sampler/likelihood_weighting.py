"""Sampling under observations: how likely events are, given what has been observed; method (22).

An event's memory is a *flag* for each of its timed parts. Flags of parts about drivers are known in each trial; parts
about a carried scenario split its probability by flag.
"""

from __future__ import annotations

import copy
from collections import ChainMap
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation.batches import BatchSums, accumulate, effective_trials, sum_by_batch
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import UsruError
from usru_scenarios.program.events import (
    All,
    Compared,
    Formula,
    InStates,
    Timed,
    Truth,
    atom_truth,
    atoms,
    conjuncts,
    last_step,
    timed_parts,
    truth,
)
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.sampler.blocks import BLOCK, SECONDS_PER_DRAW, BlockSampler, KernelCache, MapBlocks, Observer, Plan
from usru_scenarios.sampler.forecast import ForecastAccumulator, ForecastSums, RunningSums, Sampler
from usru_scenarios.sampler.outcome import Transition
from usru_scenarios.sampler.outcome_paths import DrawnOutcomePath, OutcomePath, RaoBlackwellPath
from usru_scenarios.sampler.restrictions import restrictions_of
from usru_scenarios.sampler.tables import BlockStates

EventCase = tuple[Formula, Formula]
"""An event, and the observations that it is conditioned on."""

ProgramCases = tuple[Program, Sequence[EventCase]]
"""A program, and the cases that are asked of it; their atoms have a time."""

CERTAIN: Formula = All(())
"""The event that always happens: nothing has been observed."""

_MOST_REMEMBERED_BYTES = 64 << 20
"""The most bytes of a block that are remembered until its weights are known; else it is walked twice."""

_MOST_PROBABILITIES = 1 << 18
"""Probabilities of cases in each trial that are held at the same time."""

_MOST_FLAGS = 10
"""The most timed parts about a carried scenario in one case: 2^10 shares of its probability are kept apart."""


class TooManyPartsError(UsruError):
    """An event asks about more timed parts of the scenario's path than can be kept apart."""

    exit_status = 2


@dataclass
class CaseSums(BatchSums):
    """The sums of a run over the same trials, for several cases.

    Attributes:
        joint: shape (batches, cases), sums of the weight of trials with the event and the observations.
        given: shape (batches, cases), the same with the observations.
        squares: shape (cases,), sums over trials of the squared weight with the observations.
    """

    OVER_ALL_TRIALS = frozenset({"squares"})

    joint: Floats
    given: Floats
    squares: Floats

    @property
    def effective_trials(self) -> Floats:
        """For how many unweighted trials the weighted ones stand, shape (cases,): method (23)."""
        return effective_trials(self.given.sum(axis=0), self.squares)


def sample(
    program: Program,
    cases: Sequence[EventCase],
    plan: Plan,
    map_blocks: MapBlocks = map,
    kernels: KernelCache | None = None,
) -> CaseSums:
    """Sum the weights of trials for every case; the probability of a case is the ratio of `both` to `given`.

    Args:
        program: in which the cases are read.
        cases: what is asked; their atoms have a time.
        plan: of the draws.
        map_blocks: as in `forecast.simulate`.
        kernels: as in `BlockSampler`.

    Raises:
        TooManyPartsError: an event is too long for the scenario to be carried.
    """
    sampler = CaseSampler([(program, cases)], plan, kernels)
    sampler.block_sampler.split_for(map_blocks, sampler.seconds_per_block)
    parts = map_blocks(sampler.run, range(len(sampler.block_sampler.block_ranges)))
    return accumulate((sums for range_sums in parts for (sums,) in range_sums), sampler.batches[0])


def sample_together(
    program_cases: Sequence[ProgramCases], plan: Plan, kernels: KernelCache | None = None
) -> list[CaseSums]:
    """The sums of `sample` for each of several programs that are walked together, digit for digit.

    Args:
        program_cases: programs of the same nodes and outcome, and cases without observations.
        plan: of at most one block (see `most_programs_together`).
        kernels: as in `BlockSampler`.

    Raises:
        TooManyPartsError: as for `sample`.
    """
    assert plan.blocks == 1, "more than a block of trials takes no longer alone"
    (sums,) = CaseSampler(program_cases, plan, kernels).run(0)
    return sums


def most_programs_together(plan: Plan) -> int:
    """How many programs can be walked together: their trials fill one block at most."""
    return max(1, BLOCK // plan.trials)


def simulate_given(program: Program, given: Formula, plan: Plan, map_blocks: MapBlocks = map) -> ForecastSums:
    """Run a forecast under observations: the sums of `forecast.simulate`, trials counted by their weights."""
    sampler = WeightedForecast(program, given, plan)
    return sampler.forecast.sum_blocks(sampler.run, map_blocks, plan.blocks)


class WeightedForecast:
    """A program, what has been seen, and the plan that its forecast is drawn under."""

    def __init__(self, program: Program, given: Formula, plan: Plan) -> None:
        self.program = program
        self.given = given
        self.plan = plan
        self.forecast = Sampler(program, plan)
        outcome_nodes = program.downstream(OUTCOME) | {OUTCOME}
        self.carried = not program.has_feedback and not observed_nodes(given) & outcome_nodes
        self.block_sampler = BlockSampler(
            program,
            plan,
            draw_outcome=not self.carried or program.outcome_is_read,
            restrictions=restrictions_of(program, conjuncts(given), carried=self.carried),
        )

    @property
    def seconds_each(self) -> float:
        """Predicted seconds for a block, as without observations."""
        return self.forecast.seconds_per_block

    def run(self, running: RunningSums, block: int) -> list[ForecastSums]:
        """The sums of one block: what was drawn is remembered until the weights are known, or drawn again."""
        recorder = PathRecorder() if self._fits_memory(block) else None
        weights = _walk_observed(self.block_sampler, self.given, block, recorder)
        sets = self.forecast.scenario_sets
        path: OutcomePath = (
            RaoBlackwellPath(sets, lumped=self.block_sampler.lumped) if self.carried else DrawnOutcomePath(sets)
        )
        shared_sums = running.sums_shared_with(range(block, block + 1))
        accumulator = ForecastAccumulator(self.forecast, block, shared_sums, weights=weights, path=path)
        if recorder is None:
            self.block_sampler.walk(block, accumulator)
        else:
            for step, observed in enumerate(recorder.steps):
                accumulator.observe(step, *observed)
        return [accumulator.finish()]

    def _fits_memory(self, block: int) -> bool:
        """Whether a block is small enough to be remembered."""
        scenarios = len(self.program.outcome.states)
        bytes_per_trial = len(self.program.nodes) + 8 * (2 * scenarios + 2)
        return self.program.steps * self.plan.trials_in(block) * bytes_per_trial <= _MOST_REMEMBERED_BYTES


class PathRecorder:
    """Remembers the states of all nodes at each step of a block, and how the outcome moves."""

    def __init__(self) -> None:
        self.steps: list[tuple[BlockStates, Transition | None]] = []

    def observe(self, step: int, block_states: BlockStates, transition: Transition | None) -> None:  # noqa: ARG002  # as in `Observer`
        """Remember a step."""
        self.steps.append((copy.copy(block_states), transition))


class CaseSampler:
    """Programs with the cases that are asked of each, compiled for drawing under a plan.

    Args:
        program_cases: a program, or several of the same nodes and outcome, without observations, walked together.
        plan: of the draws.
        kernels: as in `BlockSampler`.

    Raises:
        TooMuchMemoryError: as for `BlockSampler`.
    """

    def __init__(self, program_cases: Sequence[ProgramCases], plan: Plan, kernels: KernelCache | None = None) -> None:
        all_cases = [case for _, cases in program_cases for case in cases]
        last = max((part.steps[-1] for case in all_cases for part in _parts_of_case(case)), default=0)
        self.program_cases = [(program.truncate_after(last), cases) for program, cases in program_cases]
        self.plan = plan
        (first, _), *others = self.program_cases
        self.carried = carries_outcome(first, all_cases)
        self.batches = [plan.batches(2 * len(cases)) for _, cases in program_cases]
        observations = set.intersection(*({*conjuncts(given)} for _, given in all_cases))
        sums_bytes = sum(plan.batches(2 * len(cases)).bytes(2 * len(cases)) for _, cases in program_cases)
        self.block_sampler = BlockSampler(
            first,
            plan,
            draw_outcome=not self.carried,
            restrictions=restrictions_of(first, observations, carried=self.carried),
            needed=first.upstream(_nodes_of_cases(all_cases)).union(
                *(other.upstream(_nodes_of_cases(cases)) for other, cases in others)
            ),
            kernels=kernels,
            observer_bytes=sums_bytes + self.shares_bytes,
            other_programs=[program for program, _ in others],
        )

    @property
    def shares_bytes(self) -> int:
        """The most memory that the shares of a carried scenario's probability take (see `FlagSplit`)."""
        if not self.carried:
            return 0
        program, _ = self.program_cases[0]
        shares = np.zeros(program.steps)
        for case in (case for _, cases in self.program_cases for case in cases):
            scenario_parts = [*filter(_is_about_scenario, _parts_of_case(case))]
            if scenario_parts:
                first = min(part.steps[0] for part in scenario_parts)
                last = max(part.steps[-1] for part in scenario_parts)
                shares[first : last + 1] += 1 << min(len(scenario_parts), _MOST_FLAGS)
        return 8 * int(shares.max()) * len(program.outcome.states) * self.plan.trials_in(0)

    @property
    def seconds_each(self) -> float:
        """Predicted seconds for a range of blocks."""
        return len(self.block_sampler.block_ranges[0]) * self.seconds_per_block

    @property
    def seconds_per_block(self) -> float:
        """Predicted seconds for a block; each timed part that is asked about counts as a draw."""
        asked_parts = sum(
            len({part for case in cases for part in _parts_of_case(case)}) for _, cases in self.program_cases
        )
        return self.block_sampler.seconds_each + asked_parts * self.plan.trials_in(0) * SECONDS_PER_DRAW

    def run(self, number: int) -> list[list[CaseSums]]:
        """The sums of each block of a range, for each program."""
        blocks = self.block_sampler.block_ranges[number]
        trackers = [
            EventTracker(self.program_cases, self.plan.trials_in(block), carried=self.carried) for block in blocks
        ]
        draw_weights = self.block_sampler.walk_together(blocks, trackers)
        of_blocks = np.split(draw_weights, len(blocks))  # of several programs there is one block
        return [
            self._sum_block(block, tracker, weights)
            for block, tracker, weights in zip(blocks, trackers, of_blocks, strict=True)
        ]

    def _sum_block(self, block: int, tracker: EventTracker, draw_weights: Floats) -> list[CaseSums]:
        """The sums of a block; the weights of its trials have shape (programs * trials,)."""
        by_program = draw_weights.reshape(len(self.program_cases), -1)
        return [
            events.sum_cases(weights, batches.starts(block))
            for events, weights, batches in zip(tracker.events_by_program, by_program, self.batches, strict=True)
        ]


def carries_outcome(program: Program, cases: Iterable[EventCase]) -> bool:
    """Whether the scenario's probability is carried along the drawn drivers, for the cases asked of a program."""
    return not program.has_feedback and not _nodes_of_cases(cases) & program.downstream(OUTCOME)


def _nodes_of_cases(cases: Iterable[EventCase]) -> frozenset[str]:
    """The nodes that cases ask about."""
    return frozenset(atom.node for case in cases for formula in case for atom in atoms(formula))


def _parts_of_case(case: EventCase) -> Iterator[Timed]:
    """The timed parts of a case."""
    for formula in case:
        yield from timed_parts(formula)


class EventTracker:
    """Watches a block and keeps the flags of all timed parts.

    Args:
        program_cases: the programs that are walked, and the cases of each.
        trials: that each of them has in the block.
        carried: whether the scenario's probability is carried, so that parts about it split it.

    Attributes:
        events_by_program: what has become of the cases of each program.
    """

    def __init__(self, program_cases: Sequence[ProgramCases], trials: int, *, carried: bool) -> None:
        program, _ = program_cases[0]
        self.carried = carried
        self.index = {name: index for index, name in enumerate(program.nodes)}
        self.scenarios = len(program.outcome.states)
        self.events_by_program = [
            ProgramEvents(cases, slice(number * trials, (number + 1) * trials), carried=carried)
            for number, (_, cases) in enumerate(program_cases)
        ]
        self.scenario_probabilities: Floats | None = None

    def observe(self, step: int, block_states: BlockStates, transition: Transition | None) -> None:
        """Update the flags with a step."""
        if self.carried and transition is not None:
            before = self.scenario_probabilities
            self.scenario_probabilities = transition.start() if before is None else transition.advance(before)
        step_view = StepView(self, block_states, transition)
        for events in self.events_by_program:
            events.observe(step, step_view)


class StepView:
    """A step of a block: where predicates hold in it, each worked out once for the trials of all programs."""

    def __init__(self, tracker: EventTracker, block_states: BlockStates, transition: Transition | None) -> None:
        self.index = tracker.index
        self.block_states = block_states
        self.transition = transition
        self.scenario_probabilities = tracker.scenario_probabilities
        self._scenarios = np.arange(tracker.scenarios)[:, None]
        self._truths: dict[Formula, Truth] = {}
        self._split_probabilities: dict[Formula, tuple[Floats, Floats]] = {}

    def truth(self, predicate: Formula) -> Truth:
        """Where a predicate about drivers holds, shape (trials,)."""
        if predicate not in self._truths:
            self._truths[predicate] = truth(predicate, self._atom_truth)
        return self._truths[predicate]

    def _atom_truth(self, atom: InStates | Compared) -> Truth:
        """Where an atom holds, shape (trials,)."""
        return atom_truth(atom, self.block_states.now[self.index[atom.node]])

    def truth_by_scenario(self, predicate: Formula, trials: slice) -> Truth:
        """Where a predicate holds, for each scenario that the outcome may be in: shape (scenarios, trials)."""

        def truth_of(atom: InStates | Compared) -> Truth:
            if isinstance(atom, InStates) and atom.node == OUTCOME:
                return atom_truth(atom, self._scenarios)
            return self.truth(atom)[trials][None, :]

        return np.broadcast_to(truth(predicate, truth_of), (len(self._scenarios), trials.stop - trials.start))

    def fail_and_hold_probabilities(self, predicate: Formula) -> tuple[Floats, Floats]:
        """The probability that a predicate about the scenario alone fails, and that it holds: shape (trials,)."""
        if predicate not in self._split_probabilities:
            probabilities = self.scenario_probabilities
            assert probabilities is not None, "the outcome is carried before its probability is split"
            inside = truth(predicate, lambda atom: atom_truth(atom, self._scenarios[:, 0]))
            self._split_probabilities[predicate] = probabilities[~inside].sum(axis=0), probabilities[inside].sum(axis=0)
        return self._split_probabilities[predicate]


class ProgramEvents:
    """The cases of one program, with the flags of their timed parts in its trials.

    Args:
        cases: what is asked.
        trials: which of those of the block are the program's.
        carried: as in `EventTracker`.
    """

    def __init__(self, cases: Sequence[EventCase], trials: slice, *, carried: bool) -> None:
        self.cases = cases
        self.trials = trials
        self.flags: dict[Timed, Truth] = {}
        self._splits: dict[tuple[Timed, ...], FlagSplit] = {}
        self._split_by_case: list[FlagSplit] = []
        self._parts_by_step: dict[int, list[Timed]] = {}
        for case in cases:
            parts = dict.fromkeys(_parts_of_case(case))
            scenario_parts = tuple(part for part in parts if carried and _is_about_scenario(part))
            if scenario_parts not in self._splits:
                self._splits[scenario_parts] = FlagSplit(scenario_parts, trials)
            self._split_by_case.append(self._splits[scenario_parts])
            for part in parts.keys() - scenario_parts - self.flags.keys():
                self.flags[part] = np.full(trials.stop - trials.start, part.mode == "always")
                for step in part.steps:
                    self._parts_by_step.setdefault(step, []).append(part)

    def observe(self, step: int, step_view: StepView) -> None:
        """Update the flags with a step."""
        for part in self._parts_by_step.get(step, ()):
            holds_now = step_view.truth(part.predicate)[self.trials]
            flag = self.flags[part]
            self.flags[part] = flag & holds_now if part.mode == "always" else flag | holds_now
        for split in self._splits.values():
            if split.first <= step <= split.last and step_view.transition is not None:
                split.observe(step, step_view)

    def probabilities(self, number: int) -> tuple[Floats, Floats]:
        """Of a case, the probability of event and observations together, and of the observations: shape (trials,)."""
        event, given = self.cases[number]
        joint, observed = np.zeros((2, self.trials.stop - self.trials.start))
        for scenario_flags, share in self._split_by_case[number].shares():
            flags = ChainMap(scenario_flags, self.flags)
            share_observed = share * truth(given, flags.__getitem__)
            observed += share_observed
            joint += share_observed * truth(event, flags.__getitem__)
        return joint, observed

    def sum_cases(self, draw_weights: Floats, starts: npt.NDArray[np.int64]) -> CaseSums:
        """The sums of all cases over batches of trials with these weights; the batches start at `starts`."""
        joint, given, squares = [], [], []
        cases_at_once = max(1, _MOST_PROBABILITIES // len(draw_weights))
        for start in range(0, len(self.cases), cases_at_once):
            numbers = range(start, min(start + cases_at_once, len(self.cases)))
            events, observed = (np.stack(part) for part in zip(*map(self.probabilities, numbers), strict=True))
            joint.append(sum_by_batch(events * draw_weights, starts))
            weights = observed * draw_weights
            given.append(sum_by_batch(weights, starts))
            squares.append((weights**2).sum(axis=1))
        return CaseSums(np.concatenate(joint, axis=1), np.concatenate(given, axis=1), np.concatenate(squares))


def _is_about_scenario(part: Timed) -> bool:
    return any(atom.node == OUTCOME for atom in atoms(part.predicate))


class FlagSplit:
    """A carried scenario's probability, split by the flags of a case's timed parts about it.

    The split exists from the first step that a part reads to the last; then only the sums over the scenarios are kept.

    Args:
        parts: the timed parts.
        trials: which of those of the block it is split in.
    """

    def __init__(self, parts: tuple[Timed, ...], trials: slice) -> None:
        if len(parts) > _MOST_FLAGS:
            message = f"the question has {len(parts)} timed parts about the scenario; {_MOST_FLAGS} at most"
            raise TooManyPartsError(message)
        self.parts = parts
        self.trials = trials
        self.first = min((part.steps[0] for part in parts), default=-1)
        self.last = max((part.steps[-1] for part in parts), default=-1)
        self.open_shares: list[Floats] = []
        self.final_shares: list[Floats] = [np.ones(trials.stop - trials.start)] if not parts else []
        self._is_scenario_only = len(parts) == 1 and {atom.node for atom in atoms(parts[0].predicate)} == {OUTCOME}

    def observe(self, step: int, step_view: StepView) -> None:
        """Move the shares by a step and let its truths set flags; only from the first step to the last."""
        if self._is_scenario_only and self.first == self.last:
            shares = step_view.fail_and_hold_probabilities(self.parts[0].predicate)
            self.final_shares = [share[self.trials] for share in shares]
            return
        if step == self.first:
            self._start_shares(step_view)
        else:
            assert step_view.transition is not None, "the outcome moves at every step"
            transition = step_view.transition.select_trials(self.trials)
            self.open_shares = [transition.advance_unvisited(mass, []) for mass in self.open_shares]
        for bit, part in enumerate(self.parts):
            if step in part.steps:
                self._set_flag(bit, part, step_view.truth_by_scenario(part.predicate, self.trials))
        if step == self.last:
            self.final_shares = [mass.sum(axis=0) for mass in self.open_shares]
            self.open_shares = []

    def _start_shares(self, step_view: StepView) -> None:
        assert step_view.scenario_probabilities is not None, "the outcome is carried before its shares are split"
        probabilities = np.ascontiguousarray(step_view.scenario_probabilities[:, self.trials])
        initial_flags = sum(1 << bit for bit, part in enumerate(self.parts) if part.mode == "always")
        self.open_shares = [
            probabilities.copy() if flags == initial_flags else np.zeros_like(probabilities)
            for flags in range(1 << len(self.parts))
        ]

    def _set_flag(self, bit: int, part: Timed, holds: Truth) -> None:
        """Move what changes its flag: up where an event comes about, down where it no longer always holds."""
        for flags in range(1 << len(self.parts)):
            if flags >> bit & 1:
                continue
            low, high = self.open_shares[flags], self.open_shares[flags | 1 << bit]
            moved = high * ~holds if part.mode == "always" else low * holds
            if part.mode == "always":
                moved = -moved
            low -= moved
            high += moved

    def shares(self) -> Iterator[tuple[dict[Timed, Truth], Floats]]:
        """The flags of the parts, and the probability that they stand so in each trial, shape (trials,)."""
        for flags, share in enumerate(self.final_shares):
            yield {part: np.array(bool(flags >> bit & 1)) for bit, part in enumerate(self.parts)}, share


# Walks of observed trials ---------------------------------------------------------------------------------------------


def observed_nodes(observations: Formula) -> frozenset[str]:
    """The nodes that an observation is about; of a report the auxiliary one that stands for it."""
    return frozenset(atom.node for atom in atoms(observations))


def last_observed_step(observations: Formula, nodes_read: Iterable[str]) -> int:
    """The last step at which something is observed of some nodes; -1 for none."""
    nodes = {*nodes_read}
    return max(
        (part.steps[-1] for part in timed_parts(observations) if nodes & {atom.node for atom in atoms(part)}),
        default=-1,
    )


def program_of_steps(program: Program, steps: int, observations: Formula | None) -> Program:
    """A program of so many steps, or of as many as what is observed needs."""
    count = steps if observations is None else max(steps, 1 + last_step(observations))
    return replace(program, grid=replace(program.grid, count=count))


class ObservedWalk:
    """Walks the trials of a program, and gives them weights by what is observed.

    Args:
        program: with what is imposed, up to the last step that is asked about or observed (see `program_of_steps`).
        observations: what is observed.
        plan: of the draws.
        nodes: what is looked at besides the outcome.
        draw_outcome: whether the scenario is to be drawn, whatever is observed.
        kernels, observer_bytes: as in `BlockSampler`.

    Attributes:
        last_outcome_observation: the last step at which what is observed has read the scenario; -1 for never.
        reads_outcome: whether what is looked at reads the scenario of the step before.
        carried: whether the scenario is not drawn at all.
    """

    def __init__(
        self,
        program: Program,
        observations: Formula,
        plan: Plan,
        *,
        nodes: Iterable[str] = (),
        draw_outcome: bool = False,
        kernels: KernelCache | None = None,
        observer_bytes: int = 0,
    ) -> None:
        self.program = program
        self.observations = observations
        self.plan = plan
        below = program.downstream(OUTCOME)
        self.last_outcome_observation = last_observed_step(observations, below | {OUTCOME})
        self.reads_outcome = bool(below & {OUTCOME, *nodes})
        self.carried = not draw_outcome and not self.reads_outcome and self.last_outcome_observation < 0
        self.block_sampler = BlockSampler(
            program,
            plan,
            draw_outcome=not self.carried,
            restrictions=restrictions_of(program, conjuncts(observations), carried=self.carried),
            needed=program.upstream({OUTCOME, *nodes, *observed_nodes(observations)}),
            kernels=kernels,
            observer_bytes=observer_bytes,
        )

    def walk(self, block: int, observer: Observer | None = None) -> Floats:
        """Draw a block and show it; gives the weights of its trials, shape (trials,)."""
        return _walk_observed(self.block_sampler, self.observations, block, observer)


def _walk_observed(sampler: BlockSampler, observations: Formula, block: int, observer: Observer | None) -> Floats:
    """Draw a block and show it; gives the weights of its trials by what is observed, shape (trials,)."""
    tracker = EventTracker([(sampler.program, [(CERTAIN, observations)])], sampler.plan.trials_in(block), carried=False)
    draw_weights = sampler.walk(block, tracker if observer is None else _ObserverPair(tracker, observer))
    _, given = tracker.events_by_program[0].probabilities(0)
    return draw_weights * given


@dataclass(frozen=True)
class _ObserverPair:
    """Two observers of the same walk."""

    first: Observer
    second: Observer

    def observe(self, step: int, block_states: BlockStates, transition: Transition | None) -> None:
        """Show the step to both."""
        self.first.observe(step, block_states, transition)
        self.second.observe(step, block_states, transition)
