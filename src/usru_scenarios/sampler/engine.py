"""The sampler: one kernel for models of one step and of many.

Trials run in blocks. A block walks the steps once; at each it draws every node for all its trials, from the program's
laws compiled to thresholds (`kernels`), and carries the scenario's probabilities along the drawn drivers where nothing
that shapes the outcome reads it back (Rao and Blackwell's improvement), so that only what the drivers leave open costs
precision. Where the outcome feeds back, the scenario is drawn and its probability is read one step ahead.

Randomness (section 12 of the format): each node has a stream of its own for each (seed, block), and within it each
(step, trial) has fixed words, used or not. Blocks are independent and summed in order, whatever maps over them.

What a run returns are sums over *batches* of trials. Every estimate is a ratio of such sums, and every standard error
comes from how the batches differ, so that errors of ratios, groups and differences between runs need nothing more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from usru_scenarios.meaning.distributions import LatentScale
from usru_scenarios.meaning.program import CategoricalNode, Floats, Node, NumericNode, Program
from usru_scenarios.model import OUTCOME
from usru_scenarios.sampler.estimates import Estimate, ratio
from usru_scenarios.sampler.kernels import (
    Factors,
    Kernel,
    Matrix,
    Mixing,
    NumericKernel,
    OutcomeKernel,
    Restriction,
    States,
    Words,
    Worlds,
    draw_scenario,
    kernel,
)

BLOCK = 16_384
"""Trials in a block; part of the format, since it decides which words a trial gets."""

BINS = 2048
"""Bins in which the values of a numeric node are counted at each step."""

_BATCHES = 1024
_LEAST_BATCHES = 64
_BATCH_ENTRIES = 1 << 20


@dataclass(frozen=True)
class Plan:
    """How much to run: the number of trials (>= 1) and the seed (>= 0)."""

    trials: int
    seed: int
    block = BLOCK

    @property
    def blocks(self) -> int:
        """How many blocks the trials fill, the last perhaps in part."""
        return -(-self.trials // BLOCK)

    def trials_in(self, block: int) -> int:
        """The trials of a block."""
        return min(BLOCK, self.trials - block * BLOCK)

    def batch(self, entries: int) -> int:
        """Trials in a batch of which as many numbers are kept: a power of two, so it divides the block or is divided.

        Some thousand batches make errors precise; where a batch is large they are fewer, so that memory stays small.
        """
        most = max(_LEAST_BATCHES, min(_BATCHES, _BATCH_ENTRIES // entries))
        batch = 1
        while -(-self.trials // batch) > most:
            batch *= 2
        return batch


@dataclass
class Draws:
    """The sums of a run, states and scenarios in the program's order.

    Attributes:
        trials: shape (batches,), the trials of each batch; under observations, their weights.
        squares: the sum over trials of their squared weights.
        visits: shape (batches, steps, scenarios), sums of the scenario's probability at each step.
        first: shape (batches, steps, scenarios + groups), sums of the probability that a step is the first visit.
        moves: shape (batches, scenarios, scenarios), sums over steps of P(a at t, b at t + 1).
        counts: for each categorical node but the outcome, shape (steps, states): in how many trials it was there.
        weights: under observations in the place of counts, shape (batches, steps, states): the weight of those trials.
        values: for each numeric node, what was seen of it.
    """

    trials: Floats
    squares: float
    visits: Floats
    first: Floats
    moves: Floats
    counts: dict[str, npt.NDArray[np.int64]]
    values: dict[str, NumericSums]
    weights: dict[str, Floats] = field(default_factory=dict)

    @property
    def effective_trials(self) -> float:
        """For how many unweighted trials the weighted ones stand: (sum w)^2 / sum w^2."""
        return float(self.trials.sum()) ** 2 / self.squares if self.squares else 0.0

    def states(self, name: str) -> Estimate:
        """The share of each state of a node at each step, shape (steps, states), with standard errors."""
        if name in self.weights:
            return ratio(self.weights[name], self.trials)
        share = self.counts[name] / self.counts[name].sum(axis=1, keepdims=True)
        return Estimate(share, np.sqrt(share * (1.0 - share) / self.counts[name].sum(axis=1, keepdims=True)))

    def see(self, step: int, node: Node, values: npt.NDArray[Any]) -> None:
        """Count the states or values of a node at a step, shape (trials,)."""
        if isinstance(node, NumericNode):
            self.values[node.name].see(step, values, node.scale)
            return
        counts = self.counts[node.name][step]
        for state in range(1, len(counts)):
            counts[state] += np.count_nonzero(values == state)
        counts[0] += values.size - counts[1:].sum()

    def add(self, other: Draws, batch: int) -> None:
        """Add the sums of a block, whose batches start at `batch`."""
        at = slice(batch, batch + len(other.trials))
        self.trials[at] += other.trials
        self.squares += other.squares
        self.visits[at] += other.visits
        self.first[at] += other.first
        self.moves[at] += other.moves
        for name, counts in other.counts.items():
            self.counts[name] += counts
        for name, weights in other.weights.items():
            self.weights[name][at] += weights
        for name, values in other.values.items():
            self.values[name].add(values)


@dataclass
class NumericSums:
    """What was seen of a numeric node at each step, trials counted by their weights where they have any.

    Attributes:
        total, squares: shape (steps,), sums of the value and of its square.
        least, most: shape (steps,), the extremes.
        bins: shape (steps, BINS + 1), how many values fell into each equal part of the range; the last is its very top.
    """

    total: Floats
    squares: Floats
    least: Floats
    most: Floats
    bins: Floats

    @classmethod
    def empty(cls, steps: int) -> NumericSums:
        """Nothing seen yet."""
        return cls(
            np.zeros(steps),
            np.zeros(steps),
            np.full(steps, np.inf),
            np.full(steps, -np.inf),
            np.zeros((steps, BINS + 1)),
        )

    def see(self, step: int, values: Floats, scale: LatentScale, weights: Floats | None = None) -> None:
        """Count the values of one step, shape (trials,)."""
        if weights is not None:
            values, weights = values[weights > 0], weights[weights > 0]
            if not len(values):
                return
        weighed = values if weights is None else values * weights
        self.total[step] += weighed.sum()
        self.squares[step] += (weighed * values).sum()
        self.least[step] = min(self.least[step], values.min())
        self.most[step] = max(self.most[step], values.max())
        index = ((values - scale.low) * (BINS / (scale.high - scale.low))).astype(np.intp)
        self.bins[step] += np.bincount(index, weights, minlength=BINS + 1)

    def add(self, other: NumericSums) -> None:
        """Add what another block saw."""
        self.total += other.total
        self.squares += other.squares
        np.minimum(self.least, other.least, out=self.least)
        np.maximum(self.most, other.most, out=self.most)
        self.bins += other.bins


Sums = TypeVar("Sums")


class MapBlocks(Protocol):
    """Applies a function to block numbers: `map`, or one over processes or a cluster."""

    def __call__(self, function: Callable[[int], Sums], blocks: Iterable[int], /) -> Iterable[Sums]:
        """The results, in the order of the blocks."""


def simulate(program: Program, plan: Plan, map_blocks: MapBlocks = map) -> Draws:
    """Run a program.

    Args:
        program: what to run.
        plan: how many trials, and the seed. The same program and plan give the same sums, bit for bit, whatever
            `map_blocks`.
        map_blocks: runs blocks; results must come in the order of the blocks.
    """
    sampler = Sampler(program, plan)
    draws = sampler.nothing()
    for block, part in enumerate(map_blocks(sampler.run, range(plan.blocks))):
        draws.add(part, block * BLOCK // sampler.batch)
    return draws


class Walker:
    """A program compiled for drawing: walks blocks of trials over the steps and shows each step to whoever watches.

    Args:
        program: what to draw.
        seed: of the streams.
        draw_outcome: whether the scenario is drawn too, which other nodes or an observation may need.
        restrictions: by step and node, what a draw is held to; its probability goes into the trial's weight.
        needed: the nodes to draw, all others being left out; by default all.
    """

    def __init__(
        self,
        program: Program,
        seed: int,
        *,
        draw_outcome: bool,
        restrictions: Mapping[tuple[int, str], Restriction] | None = None,
        needed: frozenset[str] | None = None,
    ) -> None:
        self.program = program
        self.seed = seed
        self.draw_outcome = draw_outcome
        self.restrictions = restrictions or {}
        self.needed = [name for name in program.nodes if needed is None or name in needed]
        self.index = {name: index for index, name in enumerate(program.nodes)}

    @cached_property
    def kernels(self) -> list[list[Kernel | OutcomeKernel]]:
        """For each step, the kernels of all nodes in order; a kernel is shared by the steps whose laws are equal."""
        shared: dict[tuple[object, ...], Kernel | OutcomeKernel] = {}
        steps = []
        for step in range(self.program.steps):
            row = []
            for name in self.needed:
                node = self.program.nodes[name]
                regime = self.program.regime(node, step) if isinstance(node, CategoricalNode) else step
                key = (name, regime, (step, name) in self.restrictions)
                if key not in shared:
                    shared[key] = self._kernel(node, step)
                row.append(shared[key])
            steps.append(row)
        return steps

    def _kernel(self, node: Node, step: int) -> Kernel | OutcomeKernel:
        if isinstance(node, NumericNode):
            return NumericKernel(node, step, self.index)
        law = self.program.law(node, step)
        if node.name == OUTCOME:
            return OutcomeKernel(law, self.index)
        return Factors.of(law, self.index) if (step, node.name) in self.restrictions else kernel(law, self.index)

    def walk(self, block: int, trials: int, watcher: Watcher) -> Worlds:
        """Draw a block and show it, step by step; returns the worlds at the last step, with the trials' weights."""
        worlds = Worlds(len(self.index), trials)
        streams = {name: Stream(self.seed, block, name, trials) for name in self.needed}
        for step, kernels in enumerate(self.kernels):
            worlds.advance()
            transition: Mixing | Matrix | None = None
            for name, drawer in zip(self.needed, kernels, strict=True):
                index, words = self.index[name], streams[name].at(step)
                restriction = self.restrictions.get((step, name))
                if isinstance(drawer, OutcomeKernel):
                    transition = drawer.transition(worlds)
                    if self.draw_outcome:
                        draw_scenario(transition, worlds, index, words, restriction)
                else:
                    drawer.draw(worlds, index, words, restriction)
            watcher.see(step, worlds, transition)
        return worlds


class Watcher(Protocol):
    """Sees every step of a block, after all its nodes are drawn."""

    def see(self, step: int, worlds: Worlds, transition: Mixing | Matrix | None) -> None:
        """Take note of a step; the transition is the outcome's, where that is needed."""


class Sampler:
    """A program and the plan that its forecast is drawn under."""

    def __init__(self, program: Program, plan: Plan) -> None:
        self.program = program
        self.plan = plan
        self.walker = Walker(program, plan.seed, draw_outcome=program.outcome_is_read)
        self.sets = [[state] for state in range(len(program.outcome.states))]
        self.sets += [list(members) for members in program.groups.values()]

    @cached_property
    def batch(self) -> int:
        """Trials in a batch, as many as the sums of the forecast leave room for."""
        scenarios = len(self.program.outcome.states)
        return self.plan.batch(self.program.steps * (scenarios + len(self.sets)) + scenarios**2)

    def nothing(self, trials: int | None = None, batch: int | None = None) -> Draws:
        """The sums of no trials, with room for the batches of as many as given, by default those of the plan."""
        program, steps, scenarios = self.program, self.program.steps, len(self.program.outcome.states)
        batches = -(-(trials or self.plan.trials) // (batch or self.batch))
        categorical = {n: node for n, node in program.nodes.items() if isinstance(node, CategoricalNode)}
        return Draws(
            trials=np.zeros(batches),
            squares=0.0,
            visits=np.zeros((batches, steps, scenarios)),
            first=np.zeros((batches, steps, len(self.sets))),
            moves=np.zeros((batches, scenarios, scenarios)),
            counts={
                name: np.zeros((steps, len(node.states)), dtype=np.int64)
                for name, node in categorical.items()
                if name != OUTCOME
            },
            values={name: NumericSums.empty(steps) for name in program.nodes if name not in categorical},
        )

    def run(self, block: int) -> Draws:
        """The sums of one block."""
        trials = self.plan.trials_in(block)
        tally = Tally(self, trials)
        self.walker.walk(block, trials, tally)
        return tally.sums

    @cached_property
    def lumped(self) -> bool:
        """Whether every step keeps all scenarios alike."""
        outcome = self.walker.index[OUTCOME]
        return all(drawer.mixes for row in self.walker.kernels if isinstance(drawer := row[outcome], OutcomeKernel))


class Tally:
    """Makes the sums of a forecast while a block is walked."""

    def __init__(self, sampler: Sampler, trials: int) -> None:
        self.program = sampler.program
        self.sums = sampler.nothing(trials)
        self.edges = batch_edges(trials, sampler.batch)
        self.sums.trials += np.diff(np.append(self.edges, trials))
        self.sums.squares += trials
        self.path: Carried | Drawn = (
            Drawn(sampler.sets) if self.program.feedback else Carried(sampler.sets, lumped=sampler.lumped)
        )

    def see(self, step: int, worlds: Worlds, transition: Mixing | Matrix | None) -> None:
        """Add a step to the sums."""
        assert transition is not None, "a forecast needs the outcome"
        for name, values in zip(self.program.nodes, worlds.now, strict=True):
            if name == OUTCOME:
                self._see_outcome(step, transition, values)
            else:
                self.sums.see(step, self.program.nodes[name], values)

    def _see_outcome(self, step: int, transition: Mixing | Matrix, drawn: States | None) -> None:
        before = self.path.present
        probability, seen = self.path.move(transition, drawn)
        self.sums.visits[:, step] += batched(probability, self.edges)
        self.sums.first[:, step] += batched(seen, self.edges)
        if before is not None:
            for scenario, joint in enumerate(transition.moves(before)):
                self.sums.moves[:, scenario] += batched(joint, self.edges)


def batch_edges(trials: int, batch: int) -> npt.NDArray[np.int64]:
    """Where each batch of a block starts."""
    return np.arange(0, trials, batch)


def batched(values: Floats, edges: npt.NDArray[np.int64]) -> Floats:
    """Sums over batches of trials, which start at `edges`: from shape (things, trials) to (batches, things)."""
    return np.add.reduceat(values, edges, axis=-1).T


class Carried:
    """The outcome's probabilities, carried along the drawn worlds.

    What has not been seen yet is carried too: for each set of scenarios, the probability of having been in none of them
    (a taboo probability), lumped over the others where every step keeps all scenarios alike, apart where not.
    """

    def __init__(self, sets: list[list[int]], *, lumped: bool) -> None:
        self.sets = sets
        self.lumped = lumped
        self.present: Floats | None = None
        self.unseen: list[Floats] = []

    def move(self, transition: Mixing | Matrix, _drawn: States | None) -> tuple[Floats, Floats]:
        """Take a step: the scenarios' probabilities, and those of each set being seen for the first time."""
        if self.present is None:
            return self._start(transition.start())
        self.present = transition.advance(self.present)
        if self.lumped:
            assert isinstance(transition, Mixing)
            seen = _sums(transition.moved, self.sets)
            for unseen, part in zip(self.unseen, seen, strict=True):
                np.multiply(part, unseen, out=part)
                np.subtract(unseen, part, out=unseen)
            return self.present, seen
        left = [unseen.sum(axis=0) for unseen in self.unseen]
        self.unseen = [transition.survive(*pair) for pair in zip(self.unseen, self.sets, strict=True)]
        return self.present, np.array([was - now.sum(axis=0) for was, now in zip(left, self.unseen, strict=True)])

    def moves(self, before: Floats, transition: Mixing | Matrix) -> list[Floats]:
        """For each scenario, the probability of having been there and now in each one, shape (scenarios, trials)."""
        return list(transition.moves(before))

    def _start(self, share: Floats) -> tuple[Floats, Floats]:
        self.present = share
        seen = _sums(share, self.sets)
        for members, part in zip(self.sets, seen, strict=True):
            if self.lumped:
                self.unseen.append(1.0 - part)
            else:
                elsewhere = share.copy()
                elsewhere[members] = 0.0
                self.unseen.append(elsewhere)
        return share, seen


def _sums(probability: Floats, sets: list[list[int]]) -> Floats:
    """The probability of each set of scenarios, shape (sets, trials)."""
    sums = np.empty((len(sets), probability.shape[1]))
    for members, out in zip(sets, sums, strict=True):
        out[:] = probability[members[0]]
        for member in members[1:]:
            np.add(out, probability[member], out=out)
    return sums


class Drawn:
    """The drawn scenario, whose probability is read one step ahead: given the world and the scenario before."""

    def __init__(self, sets: list[list[int]]) -> None:
        self.sets = sets
        self.present: Floats | None = None
        self.unseen: Floats | None = None

    def move(self, transition: Mixing | Matrix, drawn: States | None) -> tuple[Floats, Floats]:
        """As in `Carried`."""
        assert drawn is not None, "where the outcome feeds back, it is drawn"
        probability = transition.start() if self.present is None else transition.advance(self.present)
        self.present = (np.arange(len(probability))[:, None] == drawn).astype(np.float64)
        if self.unseen is None:
            self.unseen = np.ones((len(self.sets), probability.shape[1]))
        seen = self.unseen * _sums(probability, self.sets)
        self.unseen *= 1.0 - _sums(self.present, self.sets)
        return probability, seen


class Stream:
    """The random words of one node in one block: for each step, two words of 32 bits for each trial of a full block."""

    def __init__(self, seed: int, block: int, node: str, trials: int) -> None:
        digest = hashlib.sha256(node.encode()).digest()
        key = [int.from_bytes(digest[start : start + 4], "little") for start in range(0, 16, 4)]
        self._bits = np.random.PCG64DXSM(np.random.SeedSequence(seed, spawn_key=(*key, block)))
        self._next = 0
        self._trials = trials

    def at(self, step: int) -> Words:
        """The words of one step, which are taken from the stream where they are asked for."""

        def take(words: int) -> npt.NDArray[np.uint32]:
            if step * BLOCK != self._next:
                self._bits.advance(step * BLOCK - self._next)
            self._next = step * BLOCK + words * BLOCK // 2
            taken = self._bits.random_raw(words * BLOCK // 2).view(np.uint32).reshape(words, BLOCK)[:, : self._trials]
            return np.maximum(taken, 1)

        return take
