"""Walks worlds up to the step that is explained: what they say about a scenario there, and which path is typical.

Blocks of worlds are walked twice, and one of them a third time, so that memory is that of a block however many there
are. The first walk makes the sums of all estimates, and counts the states at every step of the worlds that lead to the
scenario. The second finds among these the path that agrees best, on average, with another one of them: the medoid under
the Hamming distance, which those counts are enough to find. The third writes that path down.

The scenario is always drawn, since a path needs one. Estimates do not use the drawn one where its probability can be
carried along the drivers; where a driver, or the outcome itself, reads the scenario of the step before, its
probability given the world is read one step ahead instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from usru_scenarios.analysis.direct import Contrast
from usru_scenarios.analysis.telling import Codes, Tellings, readings
from usru_scenarios.meaning.events import All, Formula, atoms, conjuncts, timed_parts
from usru_scenarios.meaning.program import Floats, Program
from usru_scenarios.names import OUTCOME
from usru_scenarios.sampler.conditioning import CERTAIN, Witness, restrictions_of
from usru_scenarios.sampler.engine import MapBlocks, Plan, Walker, batched
from usru_scenarios.sampler.outcome import Matrix, Mixing
from usru_scenarios.sampler.tables import Worlds


@dataclass
class Sums:
    """The sums of the first walk; axes as in `Tellings` and `direct.shares`.

    Attributes:
        parts: for each part of the contrast.
        passed: for each reading, shape (steps, states): in how many of the worlds that led there it was in a state.
        arrived: the number of these worlds, each counted by its weight.
        squares: of the weights of all worlds, summed.
    """

    worlds: Floats
    true: Floats
    counts: list[Floats]
    totals: dict[str, Floats]
    parts: list[Floats]
    passed: list[Floats]
    arrived: float
    squares: float = 0.0

    def add(self, other: Sums, at: slice) -> None:
        """Add the sums of a block, whose batches are at `at`."""
        self.worlds[at] += other.worlds
        self.true[at] += other.true
        for mine, theirs in zip([*self.counts, *self.parts], [*other.counts, *other.parts], strict=True):
            mine[at] += theirs
        for name, totals in other.totals.items():
            self.totals[name][at] += totals
        for passed, more in zip(self.passed, other.passed, strict=True):
            np.add(passed, more, out=passed)
        self.arrived += other.arrived
        self.squares += other.squares

    @property
    def effective_trials(self) -> float:
        """For how many unweighted worlds the weighted ones stand."""
        return float(self.worlds.sum()) ** 2 / self.squares if self.squares else 0.0

    @property
    def tellings(self) -> Tellings:
        """Those that speak of the drivers' states."""
        return Tellings(self.worlds, self.true, self.counts, self.totals)


@dataclass(frozen=True)
class Found:
    """Where the typical path is: its block and trial, and its average agreement with a path like it."""

    block: int
    trial: int
    agreement: float


@dataclass(frozen=True)
class Path:
    """A path as it was drawn.

    Attributes:
        values: for each node, its state (by number) or value at each step.
        probability: at each step, the scenario's probability given the states up to it.
    """

    values: Mapping[str, list[float]]
    probability: list[float]


class Traveller:
    """A program that ends at the step to explain, and the plan that its worlds are drawn under.

    Where something was observed, worlds are weighted by how well they agree with it: each block is walked once more
    beforehand, up to the last observation, for the weights. An observation of what the scenario reaches tells of the
    scenario, which is then taken as it was drawn and not as it was foreseen.
    """

    def __init__(
        self,
        program: Program,
        drivers: frozenset[str],
        contrast: Contrast,
        plan: Plan,
        given: Sequence[Formula] = (),
    ) -> None:
        self.program = program
        self.contrast = contrast
        self.plan = plan
        self.given = All(tuple(given))
        self.readings = readings(program, [*drivers, OUTCOME])
        observed = max((part.steps[-1] for part in timed_parts(self.given)), default=0)
        self.whole = replace(program, grid=replace(program.grid, count=max(program.steps, observed + 1)))
        asked = {atom.node for atom in atoms(self.given)}
        self.walker = Walker(
            self.whole,
            plan,
            draw_outcome=True,
            needed=program.upstream([*drivers, OUTCOME, *asked]),
            restrictions=restrictions_of(self.whole, conjuncts(self.given), carried=False),
        )
        reads_itself = (OUTCOME, 1) in program.outcome.links
        reached = program.downstream(OUTCOME)
        self.told = bool(asked & {OUTCOME, *reached})
        self.carried = not reads_itself and not reached & {*drivers, OUTCOME}
        entries = sum(part.log_odds.size for part in contrast.parts)
        self.batches = plan.batches(2 * (1 + entries + sum(len(reading.states) + 1 for reading in self.readings)))

    def survey(self, map_blocks: MapBlocks) -> Sums:
        """The first walk."""
        total = self.nothing(self.batches.count)
        for block, part in enumerate(map_blocks(self._survey, range(self.plan.blocks))):
            total.add(part, self.batches.at(block))
        return total

    def nothing(self, batches: int) -> Sums:
        """The sums of no worlds, with room for so many batches."""
        return Sums(
            worlds=np.zeros(batches),
            true=np.zeros(batches),
            counts=[np.zeros((batches, 2, len(reading.states))) for reading in self.readings],
            totals={reading.node: np.zeros((batches, 2)) for reading in self.readings if reading.is_numeric},
            parts=[np.zeros((batches, 2, *part.log_odds.shape)) for part in self.contrast.parts],
            passed=[np.zeros((self.program.steps, len(one.states))) for one in self.readings],
            arrived=0.0,
        )

    @property
    def seconds_each(self) -> float:
        """What a block is predicted to take, as in `engine.Walker`."""
        return self.walker.seconds_each

    def weights(self, block: int) -> Floats | None:
        """The weight of each world of a block; None where nothing was observed."""
        if not self.given.parts:
            return None
        witness = Witness(self.whole, [(CERTAIN, self.given)], self.plan.trials_in(block), carried=False)
        worlds = self.walker.walk(block, witness)
        weights: Floats = worlds.weight * witness.probabilities(0)[1]
        return weights

    def _survey(self, block: int) -> Sums:
        surveyor = _Surveyor(self, block)
        self.walker.walk(block, surveyor)
        return surveyor.sums

    def typical(self, sums: Sums, map_blocks: MapBlocks) -> Found | None:
        """The second walk: the typical path, the first drawn among equals; None where no path leads there."""
        if not sums.arrived:
            return None
        shares = [passed / sums.arrived for passed in sums.passed]
        best: Found | None = None
        for found in map_blocks(partial(self._match, shares), range(self.plan.blocks)):
            if found is not None and (best is None or found.agreement > best.agreement):
                best = found
        return best

    def _match(self, shares: list[Floats], block: int) -> Found | None:
        matcher = _Matcher(self, shares, self.plan.trials_in(block))
        self.walker.walk(block, matcher)
        weights = self.weights(block)
        counts = matcher.arrived if weights is None else matcher.arrived & (weights > 0.0)
        agreement = np.where(counts, matcher.agreement, -np.inf)
        trial = int(agreement.argmax())
        if agreement[trial] < 0:
            return None
        return Found(block, trial, float(agreement[trial]) / (len(self.readings) * self.program.steps))

    def write_down(self, found: Found) -> Path:
        """The third walk."""
        writer = _Writer(self, found.trial)
        self.walker.walk(found.block, writer)
        return Path(writer.values, writer.probability)

    def arrives(self, worlds: Worlds) -> npt.NDArray[np.bool_]:
        """Whether the drawn scenario is what is explained, shape (trials,)."""
        return np.isin(worlds.now[self.walker.index[OUTCOME]], self.contrast.members)


class _Foresight:
    """Follows the scenario's probability in each world."""

    def __init__(self, traveller: Traveller) -> None:
        self.carried = traveller.carried
        self.outcome = traveller.walker.index[OUTCOME]
        self.members = traveller.contrast.members
        self.present: Floats | None = None

    def see(self, worlds: Worlds, transition: Mixing | Matrix | None) -> None:
        """Take a step."""
        assert transition is not None, "the outcome is among the nodes that are drawn"
        before = worlds.before[self.outcome]
        if self.present is None:
            self.present = transition.start()
        else:
            self.present = transition.advance(self.present) if self.carried else transition.row(before)

    @property
    def probability(self) -> Floats:
        """That what is explained holds now, shape (trials,)."""
        assert self.present is not None, "a step has been seen"
        probability: Floats = np.clip(self.present[self.members].sum(axis=0), 0.0, 1.0)
        return probability


class _Surveyor:
    """Watches a block for the first walk."""

    def __init__(self, traveller: Traveller, block: int) -> None:
        self.traveller = traveller
        self.trials = traveller.plan.trials_in(block)
        self.foresight = _Foresight(traveller)
        self.edges = traveller.batches.starts(block)
        self.sums = traveller.nothing(len(self.edges))
        self.batches = np.searchsorted(self.edges, np.arange(self.trials), side="right") - 1
        self.codes: list[list[Codes]] = []
        weights = traveller.weights(block)
        self.weights = np.ones(self.trials) if weights is None else weights

    def see(self, step: int, worlds: Worlds, transition: Mixing | Matrix | None) -> None:
        """Remember the states of a step; at the last one, make the sums."""
        if step >= self.traveller.program.steps:
            return
        self.foresight.see(worlds, transition)
        self.codes.append([reading.codes(worlds.now[reading.index]) for reading in self.traveller.readings])
        if step == self.traveller.program.steps - 1:
            arrived = self.traveller.arrives(worlds)
            true = self.weights * (arrived if self.traveller.told else self.foresight.probability)
            self.sums.worlds += batched(self.weights[None], self.edges)[:, 0]
            self.sums.squares += float((self.weights**2).sum())
            self.sums.true += batched(true[None], self.edges)[:, 0]
            self._states(worlds, true)
            self._parts(worlds, true)
            self._paths(arrived & (self.weights > 0.0))

    def _states(self, worlds: Worlds, true: Floats) -> None:
        for reading, codes, counts in zip(self.traveller.readings, self.codes[-1], self.sums.counts, strict=True):
            for number, weights in enumerate((self.weights, true)):
                counts[:, number] += self._counted(codes, weights, len(reading.states))
            if reading.is_numeric:
                values = worlds.now[reading.index]
                self.sums.totals[reading.node] += batched(np.stack([values * self.weights, values * true]), self.edges)

    def _parts(self, worlds: Worlds, true: Floats) -> None:
        contrast = self.traveller.contrast
        if not contrast.parts:
            return
        signs = contrast.sign(worlds)
        for part, sums in zip(contrast.parts, self.sums.parts, strict=True):
            for rows, share in part.places(worlds):
                for scenario, sign in enumerate(signs):
                    pull = sign * share
                    sums[:, 0, :, scenario] += self._counted(rows, pull * self.weights, sums.shape[2])
                    sums[:, 1, :, scenario] += self._counted(rows, pull * true, sums.shape[2])

    def _counted(self, codes: npt.NDArray[Any], weights: Floats | None, size: int) -> Floats:
        """Sums of weights by batch and code, shape (batches, size)."""
        batches = len(self.edges)
        counted = np.bincount(self.batches * size + codes, weights, minlength=batches * size)
        return counted.reshape(batches, size).astype(np.float64)

    def _paths(self, arrived: npt.NDArray[np.bool_]) -> None:
        weights = self.weights[arrived]
        self.sums.arrived += float(weights.sum())
        for step, row in enumerate(self.codes):
            for codes, passed in zip(row, self.sums.passed, strict=True):
                passed[step] += np.bincount(codes[arrived], weights, minlength=passed.shape[1])


class _Matcher:
    """Watches a block for the second walk: with what share of the others does each path agree, summed over nodes."""

    def __init__(self, traveller: Traveller, shares: list[Floats], trials: int) -> None:
        self.readings = traveller.readings
        self.shares = shares
        self.agreement = np.zeros(trials)
        self.traveller = traveller
        self.arrived = np.zeros(trials, dtype=np.bool_)

    def see(self, step: int, worlds: Worlds, _transition: Mixing | Matrix | None) -> None:
        """Add a step."""
        if step >= self.traveller.program.steps:
            return
        self.arrived = self.traveller.arrives(worlds)
        for reading, shares in zip(self.readings, self.shares, strict=True):
            self.agreement += shares[step].take(reading.codes(worlds.now[reading.index]))


class _Writer:
    """Watches a block for the third walk and writes down one of its paths."""

    def __init__(self, traveller: Traveller, trial: int) -> None:
        self.traveller = traveller
        self.foresight = _Foresight(traveller)
        self.trial = trial
        self.index = {name: traveller.walker.index[name] for name in traveller.walker.needed}
        self.values: dict[str, list[float]] = {name: [] for name in self.index}
        self.probability: list[float] = []

    def see(self, step: int, worlds: Worlds, transition: Mixing | Matrix | None) -> None:
        """Write a step down."""
        if step >= self.traveller.program.steps:
            return
        self.foresight.see(worlds, transition)
        self.probability.append(float(self.foresight.probability[self.trial]))
        for name, index in self.index.items():
            self.values[name].append(float(worlds.now[index][self.trial]))
