"""Sampling under observations: how likely events are, given what has been observed; method (22).

An event's memory is a *flag* for each of its timed parts. Flags of parts about drivers are known in each trial; parts
about a carried scenario split its probability by flag.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from usru_scenarios.estimation.batches import BatchSums, accumulated, batched, effective_trials
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import UsruError
from usru_scenarios.program.events import All, Compared, Formula, InStates, Timed, atoms, conjuncts, timed_parts
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.program.truth import Truth, holds, truth
from usru_scenarios.sampler.blocks import BLOCK, SECONDS_PER_DRAW, BlockSampler, KernelCache, MapBlocks, Plan
from usru_scenarios.sampler.forecast import ForecastAccumulator, ForecastSums, RunningSums, Sampler
from usru_scenarios.sampler.outcome import FullTransition, LazyTransition
from usru_scenarios.sampler.outcome_paths import DrawnScenario, OutcomePath, RaoBlackwellPath
from usru_scenarios.sampler.restrictions import restrictions_of
from usru_scenarios.sampler.tables import BlockStates

Pair = tuple[Formula, Formula]
"""An event, and the observations that it is conditioned on."""

CERTAIN: Formula = All(())
"""The event that always happens: nothing has been observed."""

_REMEMBERED = 64 << 20
"""The most bytes of a block that are remembered until its weights are known; else it is walked twice."""

_FLAGS = 10
"""The most timed parts about a carried scenario in one case: 2^10 shares of its probability are kept apart."""


class TooManyPartsError(UsruError):
    """An event asks about more timed parts of the scenario's path than can be kept apart."""

    exit_status = 2


@dataclass
class CaseSums(BatchSums):
    """The sums of a run over the same trials, for several cases.

    Attributes:
        both: shape (batches, cases), sums of the weight of trials with the event and the observations.
        given: shape (batches, cases), the same with the observations.
        squares: shape (cases,), sums over trials of the squared weight with the observations.
    """

    WHOLE = frozenset({"squares"})

    both: Floats
    given: Floats
    squares: Floats

    @property
    def effective_trials(self) -> Floats:
        """For how many unweighted trials the weighted ones stand, shape (cases,): method (23)."""
        return effective_trials(self.given.sum(axis=0), self.squares)


def sample(
    program: Program,
    cases: Sequence[Pair],
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
    sampler = CaseSampler(program, cases, plan, kernels)
    return accumulated(map_blocks(sampler.run, range(plan.blocks)), sampler.batches)


def simulate_given(program: Program, given: Formula, plan: Plan, map_blocks: MapBlocks = map) -> ForecastSums:
    """Run a forecast under observations: the sums of `forecast.simulate`, trials counted by their weights."""
    sampler = WeightedForecast(program, given, plan)
    return sampler.forecast.summed(sampler.run, map_blocks)


class WeightedForecast:
    """A program, what has been seen, and the plan that its forecast is drawn under."""

    def __init__(self, program: Program, given: Formula, plan: Plan) -> None:
        self.program = program
        self.given = given
        self.plan = plan
        self.forecast = Sampler(program, plan)
        asked = {atom.node for atom in atoms(given)}
        self.carried = not program.feedback and not asked & (program.downstream(OUTCOME) | {OUTCOME})
        self.block_sampler = BlockSampler(
            program,
            plan,
            draw_outcome=not self.carried or program.outcome_is_read,
            restrictions=restrictions_of(program, conjuncts(given), carried=self.carried),
        )

    @property
    def seconds_each(self) -> float:
        """What a block is predicted to take, as without observations."""
        return self.forecast.seconds_each

    def run(self, running: RunningSums, block: int) -> ForecastSums:
        """The sums of one block: what was drawn is remembered until the weights are known, or drawn again."""
        tracker = EventTracker(self.program, [(CERTAIN, self.given)], self.plan.trials_in(block), carried=False)
        recorder = PathRecorder(tracker) if self._fits(block) else None
        drawn = self.block_sampler.walk(block, recorder or tracker)
        _, given = tracker.probabilities(0)
        sets = self.forecast.sets
        path: OutcomePath = RaoBlackwellPath(sets, lumped=self.forecast.lumped) if self.carried else DrawnScenario(sets)
        weights = drawn * given
        accumulator = ForecastAccumulator(self.forecast, block, running, weights=weights, path=path)
        if recorder is None:
            self.block_sampler.walk(block, accumulator)
        else:
            for step, seen in enumerate(recorder.steps):
                accumulator.observe(step, *seen)
        return accumulator.closed()

    def _fits(self, block: int) -> bool:
        """Whether a block is small enough to be remembered."""
        scenarios = len(self.program.outcome.states)
        each = len(self.program.nodes) + 8 * (2 * scenarios + 2)
        return self.program.steps * self.plan.trials_in(block) * each <= _REMEMBERED


class PathRecorder:
    """Remembers the states of all nodes at each step of a block, and how the outcome moves.

    Args:
        tracker: follows the observations meanwhile.
    """

    def __init__(self, tracker: EventTracker) -> None:
        self.tracker = tracker
        self.steps: list[tuple[BlockStates, LazyTransition | FullTransition | None]] = []

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Remember a step."""
        self.tracker.observe(step, block_states, transition)
        self.steps.append((copy.copy(block_states), transition))


class CaseSampler:
    """A program with the cases that are asked of it, compiled for drawing under a plan."""

    def __init__(self, program: Program, cases: Sequence[Pair], plan: Plan, kernels: KernelCache | None = None) -> None:
        parts = (part for case in cases for formula in case for part in timed_parts(formula))
        self.program = program = program.until(max((part.steps[-1] for part in parts), default=0))
        self.cases = cases
        self.plan = plan
        asked = {atom.node for case in cases for formula in case for atom in atoms(formula)}
        below = program.downstream(OUTCOME)
        self.carried = not program.feedback and not asked & below
        self.batches = plan.batches(2 * len(cases))
        seen = set.intersection(*({*conjuncts(given)} for _, given in cases))
        restrictions = restrictions_of(program, seen, carried=self.carried)
        self.block_sampler = BlockSampler(
            program,
            plan,
            draw_outcome=not self.carried,
            restrictions=restrictions,
            needed=program.upstream(asked),
            kernels=kernels,
            beside=self.batches.bytes(2 * len(cases)) + self.shares_bytes,
        )

    @property
    def shares_bytes(self) -> int:
        """What the shares of a carried scenario's probability take at most (see `FlagSplit`)."""
        if not self.carried:
            return 0
        shares = np.zeros(self.program.steps)
        for case in self.cases:
            parts = {part for formula in case for part in timed_parts(formula)}
            about = [part for part in parts if any(atom.node == OUTCOME for atom in atoms(part.predicate))]
            if about:
                first, last = min(part.steps[0] for part in about), max(part.steps[-1] for part in about)
                shares[first : last + 1] += 1 << min(len(about), _FLAGS)
        return 8 * int(shares.max()) * len(self.program.outcome.states) * self.plan.trials_in(0)

    @property
    def seconds_each(self) -> float:
        """As in `BlockSampler`, with what is asked about counted as draws."""
        asked = len({part for case in self.cases for formula in case for part in timed_parts(formula)})
        return self.block_sampler.seconds_each + asked * BLOCK * SECONDS_PER_DRAW

    def run(self, block: int) -> CaseSums:
        """The sums of one block."""
        trials = self.plan.trials_in(block)
        tracker = EventTracker(self.program, self.cases, trials, carried=self.carried)
        drawn = self.block_sampler.walk(block, tracker)
        edges = self.batches.starts(block)
        both, given, squares = [], [], np.zeros(len(self.cases))
        for number in range(len(self.cases)):
            event, seen = tracker.probabilities(number)
            weights = drawn * seen
            both.append(batched((drawn * event)[None], edges))
            given.append(batched(weights[None], edges))
            squares[number] = (weights**2).sum()
        return CaseSums(np.concatenate(both, axis=1), np.concatenate(given, axis=1), squares)


class EventTracker:
    """Watches a block and keeps the flags of all timed parts."""

    def __init__(self, program: Program, cases: Sequence[Pair], trials: int, *, carried: bool) -> None:
        self.program = program
        self.cases = cases
        self.index = {name: index for index, name in enumerate(program.nodes)}
        self.trials = trials
        self.present: Floats | None = None
        self.carried = carried
        parts = {part for case in cases for formula in case for part in timed_parts(formula)}
        self.open = sorted((part for part in parts if not self._hidden(part)), key=repr)
        self.flags: dict[Timed, Truth] = {part: np.full(trials, part.mode == "always") for part in self.open}
        self.splits = [FlagSplit(self, tuple(self._hidden_parts(case))) for case in cases]

    def _hidden(self, part: Timed) -> bool:
        return self.carried and any(atom.node == OUTCOME for atom in atoms(part.predicate))

    def _hidden_parts(self, case: Pair) -> Iterable[Timed]:
        return dict.fromkeys(part for formula in case for part in timed_parts(formula) if self._hidden(part))

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Update the flags with a step."""
        for part in self.open:
            if step in part.steps:
                now = truth(part.predicate, lambda atom: self._atom(atom, block_states))
                flag = self.flags[part]
                self.flags[part] = flag & now if part.mode == "always" else flag | now
        if self.carried and transition is not None:
            self.present = transition.start() if self.present is None else transition.advance(self.present)
            for split in self.splits:
                split.observe(step, block_states, transition)

    def _atom(self, atom: InStates | Compared, block_states: BlockStates) -> Truth:
        """Where an atom holds, shape (trials,)."""
        return holds(atom, block_states.now[self.index[atom.node]])

    def holds(self, predicate: Formula, block_states: BlockStates) -> Truth:
        """Where a predicate holds, for each scenario that the outcome may be in: shape (scenarios, trials)."""
        scenarios = np.arange(len(self.program.outcome.states))[:, None]

        def leaf(atom: InStates | Compared) -> Truth:
            if isinstance(atom, InStates) and atom.node == OUTCOME:
                return holds(atom, scenarios)
            return self._atom(atom, block_states)[None, :]

        return np.broadcast_to(truth(predicate, leaf), (len(scenarios), self.trials))

    def probabilities(self, number: int) -> tuple[Floats, Floats]:
        """Of a case, the probability of event and observations together, and of the observations: shape (trials,)."""
        event, given = self.cases[number]
        both, seen = np.zeros(self.trials), np.zeros(self.trials)
        for hidden, share in self.splits[number].shares():
            flags = {**self.flags, **hidden}
            observed = share * truth(given, flags.__getitem__)
            seen += observed
            both += observed * truth(event, flags.__getitem__)
        return both, seen


class FlagSplit:
    """A carried scenario's probability, split by the flags of a case's timed parts about it.

    The split exists from the first step that a part reads to the last; then only the sums over the scenarios are kept.
    """

    def __init__(self, tracker: EventTracker, parts: tuple[Timed, ...]) -> None:
        if len(parts) > _FLAGS:
            raise TooManyPartsError(f"the question has {len(parts)} timed parts about the scenario; {_FLAGS} at most")
        self.tracker = tracker
        self.parts = parts
        self.first = min((part.steps[0] for part in parts), default=-1)
        self.last = max((part.steps[-1] for part in parts), default=-1)
        self.mass: list[Floats] = []
        self.settled: list[Floats] = [np.ones(tracker.trials)] if not parts else []

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition) -> None:
        """Move the shares by a step and let its truths set flags."""
        if not self.parts or not self.first <= step <= self.last:
            return
        if step == self.first:
            self._start()
        else:
            self.mass = [transition.survive(mass, []) for mass in self.mass]
        for bit, part in enumerate(self.parts):
            if step in part.steps:
                self._flag(bit, part, self.tracker.holds(part.predicate, block_states))
        if step == self.last:
            self.settled = [mass.sum(axis=0) for mass in self.mass]
            self.mass = []

    def _start(self) -> None:
        present = self.tracker.present
        assert present is not None, "the outcome is carried before its shares are split"
        begin = sum(1 << bit for bit, part in enumerate(self.parts) if part.mode == "always")
        self.mass = [
            present.copy() if flags == begin else np.zeros_like(present) for flags in range(1 << len(self.parts))
        ]

    def _flag(self, bit: int, part: Timed, holds: Truth) -> None:
        """Move what changes its flag: up where an event comes about, down where it no longer always holds."""
        for flags in range(1 << len(self.parts)):
            if flags >> bit & 1:
                continue
            low, high = self.mass[flags], self.mass[flags | 1 << bit]
            moved = high * ~holds if part.mode == "always" else low * holds
            if part.mode == "always":
                moved = -moved
            low -= moved
            high += moved

    def shares(self) -> Iterator[tuple[dict[Timed, Truth], Floats]]:
        """The flags of the parts, and the probability that they stand so in each trial, shape (trials,)."""
        for flags, share in enumerate(self.settled):
            yield {part: np.array(bool(flags >> bit & 1)) for bit, part in enumerate(self.parts)}, share
