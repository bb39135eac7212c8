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

from usru_scenarios.estimation.batches import BatchSums, accumulated, batched, effective_trials
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
from usru_scenarios.sampler.outcome import FullTransition, LazyTransition
from usru_scenarios.sampler.outcome_paths import DrawnPath, OutcomePath, RaoBlackwellPath
from usru_scenarios.sampler.restrictions import restrictions_of
from usru_scenarios.sampler.tables import BlockStates

Pair = tuple[Formula, Formula]
"""An event, and the observations that it is conditioned on."""

ProgramCases = tuple[Program, Sequence[Pair]]
"""A program, and the cases that are asked of it; their atoms have a time."""

CERTAIN: Formula = All(())
"""The event that always happens: nothing has been observed."""

_REMEMBERED = 64 << 20
"""The most bytes of a block that are remembered until its weights are known; else it is walked twice."""

_SUMMED = 1 << 18
"""Probabilities of cases in each trial that are held at the same time."""

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
    program: Program, cases: Sequence[Pair], plan: Plan, map_blocks: MapBlocks = map, kernels: KernelCache | None = None
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
    sampler.block_sampler.cut(map_blocks, sampler.seconds_a_block)
    parts = map_blocks(sampler.run, range(len(sampler.block_sampler.stretches)))
    return accumulated((one for stretch in parts for (one,) in stretch), sampler.batches[0])


def sample_together(asked: Sequence[ProgramCases], plan: Plan, kernels: KernelCache | None = None) -> list[CaseSums]:
    """The sums of `sample` for each of several programs that are walked together, digit for digit.

    Args:
        asked: programs of the same nodes and outcome, and cases without observations.
        plan: of at most one block (see `programs_together`).
        kernels: as in `BlockSampler`.

    Raises:
        TooManyPartsError: as for `sample`.
    """
    assert plan.blocks == 1, "more than a block of trials takes no longer alone"
    (found,) = CaseSampler(asked, plan, kernels).run(0)
    return found


def programs_together(plan: Plan) -> int:
    """How many programs can be walked together: their trials fill one block at most."""
    return max(1, BLOCK // plan.trials)


def simulate_given(program: Program, given: Formula, plan: Plan, map_blocks: MapBlocks = map) -> ForecastSums:
    """Run a forecast under observations: the sums of `forecast.simulate`, trials counted by their weights."""
    sampler = WeightedForecast(program, given, plan)
    return sampler.forecast.summed(sampler.run, map_blocks, [range(block, block + 1) for block in range(plan.blocks)])


class WeightedForecast:
    """A program, what has been seen, and the plan that its forecast is drawn under."""

    def __init__(self, program: Program, given: Formula, plan: Plan) -> None:
        self.program = program
        self.given = given
        self.plan = plan
        self.forecast = Sampler(program, plan)
        asked = {atom.node for atom in atoms(given)}
        self.carried = not program.has_feedback and not asked & (program.downstream(OUTCOME) | {OUTCOME})
        self.block_sampler = BlockSampler(
            program,
            plan,
            draw_outcome=not self.carried or program.outcome_is_read,
            restrictions=restrictions_of(program, conjuncts(given), carried=self.carried),
        )

    @property
    def seconds_each(self) -> float:
        """What a block is predicted to take, as without observations."""
        return self.forecast.seconds_a_block

    def run(self, running: RunningSums, block: int) -> list[ForecastSums]:
        """The sums of one block: what was drawn is remembered until the weights are known, or drawn again."""
        tracker = EventTracker([(self.program, [(CERTAIN, self.given)])], self.plan.trials_in(block), carried=False)
        recorder = PathRecorder(tracker) if self._fits(block) else None
        drawn = self.block_sampler.walk(block, recorder or tracker)
        _, given = tracker.of[0].probabilities(0)
        sets = self.forecast.sets
        path: OutcomePath = RaoBlackwellPath(sets, lumped=self.forecast.lumped) if self.carried else DrawnPath(sets)
        weights = drawn * given
        beside = running.beside(range(block, block + 1))
        accumulator = ForecastAccumulator(self.forecast, block, beside, weights=weights, path=path)
        if recorder is None:
            self.block_sampler.walk(block, accumulator)
        else:
            for step, seen in enumerate(recorder.steps):
                accumulator.observe(step, *seen)
        return [accumulator.closed()]

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
    """Programs with the cases that are asked of each, compiled for drawing under a plan.

    Args:
        asked: a program, or several that are walked together, of the same nodes and outcome and without observations.
        plan: of the draws.
        kernels: as in `BlockSampler`.

    Raises:
        TooMuchMemoryError: as for `BlockSampler`.
    """

    def __init__(self, asked: Sequence[ProgramCases], plan: Plan, kernels: KernelCache | None = None) -> None:
        every = [case for _, cases in asked for case in cases]
        last = max((part.steps[-1] for case in every for part in _parts(case)), default=0)
        self.asked = [(program.truncate_after(last), cases) for program, cases in asked]
        self.plan = plan
        (first, _), *others = self.asked
        self.carried = carries_outcome(first, every)
        self.batches = [plan.batches(2 * len(cases)) for _, cases in asked]
        seen = set.intersection(*({*conjuncts(given)} for _, given in every))
        kept = sum(batches.bytes(2 * len(cases)) for batches, (_, cases) in zip(self.batches, asked, strict=True))
        self.block_sampler = BlockSampler(
            first,
            plan,
            draw_outcome=not self.carried,
            restrictions=restrictions_of(first, seen, carried=self.carried),
            needed=first.upstream(_nodes(every)).union(*(one.upstream(_nodes(cases)) for one, cases in others)),
            kernels=kernels,
            beside=kept + self.shares_bytes,
            others=[program for program, _ in others],
        )

    @property
    def shares_bytes(self) -> int:
        """What the shares of a carried scenario's probability take at most (see `FlagSplit`)."""
        if not self.carried:
            return 0
        program, _ = self.asked[0]
        shares = np.zeros(program.steps)
        for case in (case for _, cases in self.asked for case in cases):
            about = [part for part in _parts(case) if any(atom.node == OUTCOME for atom in atoms(part.predicate))]
            if about:
                first, last = min(part.steps[0] for part in about), max(part.steps[-1] for part in about)
                shares[first : last + 1] += 1 << min(len(about), _FLAGS)
        return 8 * int(shares.max()) * len(program.outcome.states) * self.plan.trials_in(0)

    @property
    def seconds_each(self) -> float:
        """What a stretch of blocks is predicted to take."""
        return len(self.block_sampler.stretches[0]) * self.seconds_a_block

    @property
    def seconds_a_block(self) -> float:
        """What a block is predicted to take; what is asked about counts as draws."""
        asked = sum(len({part for case in cases for part in _parts(case)}) for _, cases in self.asked)
        return self.block_sampler.seconds_each + asked * self.plan.trials_in(0) * SECONDS_PER_DRAW

    def run(self, number: int) -> list[list[CaseSums]]:
        """The sums of each block of a stretch, for each program."""
        blocks = self.block_sampler.stretches[number]
        trackers = [EventTracker(self.asked, self.plan.trials_in(block), carried=self.carried) for block in blocks]
        drawn = self.block_sampler.walk_together(blocks, trackers)
        of_blocks = np.split(drawn, len(blocks))  # of several programs there is one block
        return [
            self._summed(block, tracker, weights)
            for block, tracker, weights in zip(blocks, trackers, of_blocks, strict=True)
        ]

    def _summed(self, block: int, tracker: EventTracker, drawn: Floats) -> list[CaseSums]:
        """The sums of a block; the weights of its trials have shape (programs * trials,)."""
        by_program = drawn.reshape(len(self.asked), -1)
        return [
            events.summed(weights, batches.starts(block))
            for events, weights, batches in zip(tracker.of, by_program, self.batches, strict=True)
        ]


def carries_outcome(program: Program, cases: Iterable[Pair]) -> bool:
    """Whether the scenario's probability is carried along the drawn drivers, for the cases asked of a program."""
    return not program.has_feedback and not _nodes(cases) & program.downstream(OUTCOME)


def _nodes(cases: Iterable[Pair]) -> frozenset[str]:
    """The nodes that cases ask about."""
    return frozenset(atom.node for case in cases for formula in case for atom in atoms(formula))


def _parts(case: Pair) -> Iterator[Timed]:
    """The timed parts of a case."""
    for formula in case:
        yield from timed_parts(formula)


class EventTracker:
    """Watches a block and keeps the flags of all timed parts.

    Args:
        asked: the programs that are walked, and the cases of each.
        trials: that each of them has in the block.
        carried: whether the scenario's probability is carried, so that parts about it split it.

    Attributes:
        of: what has become of the cases of each program.
    """

    def __init__(self, asked: Sequence[ProgramCases], trials: int, *, carried: bool) -> None:
        program, _ = asked[0]
        self.carried = carried
        self.index = {name: index for index, name in enumerate(program.nodes)}
        self.scenarios = len(program.outcome.states)
        self.of = [
            ProgramEvents(cases, slice(number * trials, (number + 1) * trials), carried=carried)
            for number, (_, cases) in enumerate(asked)
        ]
        self.present: Floats | None = None

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Update the flags with a step."""
        if self.carried and transition is not None:
            self.present = transition.start() if self.present is None else transition.advance(self.present)
        seen = StepView(self, block_states, transition)
        for events in self.of:
            events.observe(step, seen)


class StepView:
    """A step of a block: where predicates hold in it, each worked out once for the trials of all programs."""

    def __init__(
        self, tracker: EventTracker, block_states: BlockStates, transition: LazyTransition | FullTransition | None
    ) -> None:
        self.index = tracker.index
        self.block_states = block_states
        self.transition = transition
        self.present = tracker.present
        self._scenarios = np.arange(tracker.scenarios)[:, None]
        self._truths: dict[Formula, Truth] = {}
        self._shares: dict[Formula, tuple[Floats, Floats]] = {}

    def truth(self, predicate: Formula) -> Truth:
        """Where a predicate about drivers holds, shape (trials,)."""
        if predicate not in self._truths:
            self._truths[predicate] = truth(predicate, self._atom)
        return self._truths[predicate]

    def _atom(self, atom: InStates | Compared) -> Truth:
        """Where an atom holds, shape (trials,)."""
        return atom_truth(atom, self.block_states.now[self.index[atom.node]])

    def in_scenarios(self, predicate: Formula, trials: slice) -> Truth:
        """Where a predicate holds, for each scenario that the outcome may be in: shape (scenarios, trials)."""

        def leaf(atom: InStates | Compared) -> Truth:
            if isinstance(atom, InStates) and atom.node == OUTCOME:
                return atom_truth(atom, self._scenarios)
            return self.truth(atom)[trials][None, :]

        return np.broadcast_to(truth(predicate, leaf), (len(self._scenarios), trials.stop - trials.start))

    def shares(self, predicate: Formula) -> tuple[Floats, Floats]:
        """The probability that a predicate about the scenario alone fails, and that it holds: shape (trials,)."""
        if predicate not in self._shares:
            assert self.present is not None, "the outcome is carried before its probability is split"
            inside = truth(predicate, lambda atom: atom_truth(atom, self._scenarios[:, 0]))
            self._shares[predicate] = self.present[~inside].sum(axis=0), self.present[inside].sum(axis=0)
        return self._shares[predicate]


class ProgramEvents:
    """The cases of one program, with the flags of their timed parts in its trials.

    Args:
        cases: what is asked.
        trials: which of those of the block are the program's.
        carried: as in `EventTracker`.
    """

    def __init__(self, cases: Sequence[Pair], trials: slice, *, carried: bool) -> None:
        self.cases = cases
        self.trials = trials
        self.flags: dict[Timed, Truth] = {}
        self._splits: dict[tuple[Timed, ...], FlagSplit] = {}
        self._by_case: list[FlagSplit] = []
        self._open: dict[int, list[Timed]] = {}
        for case in cases:
            parts = dict.fromkeys(_parts(case))
            hidden = tuple(part for part in parts if carried and _about_scenario(part))
            if hidden not in self._splits:
                self._splits[hidden] = FlagSplit(hidden, trials)
            self._by_case.append(self._splits[hidden])
            for part in parts.keys() - hidden - self.flags.keys():
                self.flags[part] = np.full(trials.stop - trials.start, part.mode == "always")
                for step in part.steps:
                    self._open.setdefault(step, []).append(part)

    def observe(self, step: int, seen: StepView) -> None:
        """Update the flags with a step."""
        for part in self._open.get(step, ()):
            now = seen.truth(part.predicate)[self.trials]
            flag = self.flags[part]
            self.flags[part] = flag & now if part.mode == "always" else flag | now
        for split in self._splits.values():
            if split.first <= step <= split.last and seen.transition is not None:
                split.observe(step, seen)

    def probabilities(self, number: int) -> tuple[Floats, Floats]:
        """Of a case, the probability of event and observations together, and of the observations: shape (trials,)."""
        event, given = self.cases[number]
        both, seen = np.zeros((2, self.trials.stop - self.trials.start))
        for hidden, share in self._by_case[number].shares():
            flags = ChainMap(hidden, self.flags)
            observed = share * truth(given, flags.__getitem__)
            seen += observed
            both += observed * truth(event, flags.__getitem__)
        return both, seen

    def summed(self, drawn: Floats, edges: npt.NDArray[np.int64]) -> CaseSums:
        """The sums of all cases over batches of trials that start at `edges`; `drawn` are the weights of the trials."""
        both, given, squares = [], [], []
        some = max(1, _SUMMED // len(drawn))
        for start in range(0, len(self.cases), some):
            numbers = range(start, min(start + some, len(self.cases)))
            events, seen = (np.stack(part) for part in zip(*map(self.probabilities, numbers), strict=True))
            both.append(batched(events * drawn, edges))
            weights = seen * drawn
            given.append(batched(weights, edges))
            squares.append((weights**2).sum(axis=1))
        return CaseSums(np.concatenate(both, axis=1), np.concatenate(given, axis=1), np.concatenate(squares))


def _about_scenario(part: Timed) -> bool:
    return any(atom.node == OUTCOME for atom in atoms(part.predicate))


class FlagSplit:
    """A carried scenario's probability, split by the flags of a case's timed parts about it.

    The split exists from the first step that a part reads to the last; then only the sums over the scenarios are kept.

    Args:
        parts: the timed parts.
        trials: which of those of the block it is split in.
    """

    def __init__(self, parts: tuple[Timed, ...], trials: slice) -> None:
        if len(parts) > _FLAGS:
            raise TooManyPartsError(f"the question has {len(parts)} timed parts about the scenario; {_FLAGS} at most")
        self.parts = parts
        self.trials = trials
        self.first = min((part.steps[0] for part in parts), default=-1)
        self.last = max((part.steps[-1] for part in parts), default=-1)
        self.mass: list[Floats] = []
        self.settled: list[Floats] = [np.ones(trials.stop - trials.start)] if not parts else []
        self._plain = len(parts) == 1 and {atom.node for atom in atoms(parts[0].predicate)} == {OUTCOME}

    def observe(self, step: int, seen: StepView) -> None:
        """Move the shares by a step and let its truths set flags; only from the first step to the last."""
        if self._plain and self.first == self.last:
            self.settled = [share[self.trials] for share in seen.shares(self.parts[0].predicate)]
            return
        if step == self.first:
            self._start(seen)
        else:
            assert seen.transition is not None, "the outcome moves at every step"
            transition = seen.transition.select_trials(self.trials)
            self.mass = [transition.advance_unvisited(mass, []) for mass in self.mass]
        for bit, part in enumerate(self.parts):
            if step in part.steps:
                self._flag(bit, part, seen.in_scenarios(part.predicate, self.trials))
        if step == self.last:
            self.settled = [mass.sum(axis=0) for mass in self.mass]
            self.mass = []

    def _start(self, seen: StepView) -> None:
        assert seen.present is not None, "the outcome is carried before its shares are split"
        present = np.ascontiguousarray(seen.present[:, self.trials])
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


# Walks of observed trials ---------------------------------------------------------------------------------------------


def asked_nodes(seen: Formula) -> frozenset[str]:
    """The nodes that an observation is about; of a report the auxiliary one that stands for it."""
    return frozenset(atom.node for atom in atoms(seen))


def last_observed(seen: Formula, about: Iterable[str]) -> int:
    """The last step at which something is observed of some nodes; -1 for none."""
    nodes = {*about}
    return max(
        (part.steps[-1] for part in timed_parts(seen) if nodes & {atom.node for atom in atoms(part)}), default=-1
    )


def up_to(program: Program, steps: int, seen: Formula | None) -> Program:
    """A program of so many steps, or of as many as what is observed needs."""
    count = steps if seen is None else max(steps, 1 + last_step(seen))
    return replace(program, grid=replace(program.grid, count=count))


class ObservedWalk:
    """Walks the trials of a program, and gives them weights by what is observed.

    Args:
        program: with what is imposed, up to the last step that is asked about or observed (see `up_to`).
        seen: what is observed.
        plan: of the draws.
        nodes: what is looked at besides the outcome.
        drawn: whether the scenario is to be drawn, whatever is observed.
        kernels, beside: as in `BlockSampler`.

    Attributes:
        told: the last step at which what is observed has read the scenario; -1 for never.
        read: whether what is looked at reads the scenario of the step before.
        carried: whether the scenario is not drawn at all.
    """

    def __init__(
        self,
        program: Program,
        seen: Formula,
        plan: Plan,
        *,
        nodes: Iterable[str] = (),
        drawn: bool = False,
        kernels: KernelCache | None = None,
        beside: int = 0,
    ) -> None:
        self.program = program
        self.seen = seen
        self.plan = plan
        below = program.downstream(OUTCOME)
        self.told = last_observed(seen, below | {OUTCOME})
        self.read = bool(below & {OUTCOME, *nodes})
        self.carried = not drawn and not self.read and self.told < 0
        self.block_sampler = BlockSampler(
            program,
            plan,
            draw_outcome=not self.carried,
            restrictions=restrictions_of(program, conjuncts(seen), carried=self.carried),
            needed=program.upstream({OUTCOME, *nodes, *asked_nodes(seen)}),
            kernels=kernels,
            beside=beside,
        )

    def walk(self, block: int, observer: Observer | None = None) -> Floats:
        """Draw a block and show it; gives the weights of its trials, shape (trials,)."""
        tracker = EventTracker([(self.program, [(CERTAIN, self.seen)])], self.plan.trials_in(block), carried=False)
        drawn = self.block_sampler.walk(block, tracker if observer is None else _Both(tracker, observer))
        _, given = tracker.of[0].probabilities(0)
        return drawn * given


@dataclass(frozen=True)
class _Both:
    """Two observers of the same walk."""

    first: Observer
    second: Observer

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Show the step to both."""
        self.first.observe(step, block_states, transition)
        self.second.observe(step, block_states, transition)
