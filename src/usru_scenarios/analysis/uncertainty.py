"""Which driver's uncertainty matters: what the drivers' states tell about the outcome, and how much of it they explain.

All is estimated from the same walk over the worlds. In each world the probability of a scenario is carried along the
drivers, so that what varies between worlds is what the drivers explain. Groups of worlds in which a driver is in the
same state say what the state tells; exchanging a driver's whole path between worlds, the others' left as they are, says
what it alone does to the scenario.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from usru_scenarios.analysis.aim import Aim
from usru_scenarios.analysis.variance import (
    Grouped,
    correlation_ratio,
    expected_shift,
    grouped,
    information,
    partners,
    squared_differences,
    total_share,
)
from usru_scenarios.meaning.program import Floats, Node, NumericNode, Program
from usru_scenarios.names import OUTCOME
from usru_scenarios.reading.outline import Outline
from usru_scenarios.results.sensitivity import (
    DriverUncertainty,
    UncertaintyErrors,
    VarianceErrors,
    VarianceShares,
)
from usru_scenarios.sampler.engine import BLOCK, SECONDS_PER_DRAW, Kernels, MapBlocks, Plan, Walker
from usru_scenarios.sampler.estimates import Estimate
from usru_scenarios.sampler.outcome import Matrix, Mixing, OutcomeKernel
from usru_scenarios.sampler.tables import Worlds

BINS = 16
"""Groups that a numeric driver is read in: they keep all but about a hundredth of the variance of a smooth effect."""

_FEWEST_ENTRIES = 1 << 13
"""Batches are large, at most 128, since a driver's paths are exchanged within them."""

_OUTCOME_DRAWS = 8
"""How many draws of a driver's state the outcome's probabilities take the time of, about."""


def uncertainties(
    outline: Outline, program: Program, aim: Aim, plan: Plan, map_blocks: MapBlocks = map
) -> tuple[list[DriverUncertainty], str]:
    """Every driver, the one whose state shifts the outcome most first, and why total shares are missing, if they are.

    Args:
        outline: what the model calls its parts.
        program: the model with its interventions.
        aim: what is asked about.
        plan: how many worlds, and the seed.
        map_blocks: as in `engine.simulate`.
    """
    survey = Survey(program, list(outline.drivers), aim, plan)
    found = survey.found(map_blocks)
    places = aim.places(outline.scenarios, program)
    drivers = [
        _uncertainty(outline.drivers[reading.driver].title, reading.driver, sums, exchanged, places)
        for reading, sums, exchanged in found
    ]
    return sorted(drivers, key=lambda driver: (-driver.shift, driver.driver)), survey.note


def _uncertainty(
    title: str, driver: str, sums: Grouped, differences: Floats | None, places: Mapping[str, int]
) -> DriverUncertainty:
    bits, shift, first = information(sums), expected_shift(sums), correlation_ratio(sums)
    total = None if differences is None else total_share(sums, differences)

    def shares(place: int) -> VarianceShares:
        return VarianceShares(
            _number(first, place),
            None if total is None else _number(total, place),
            VarianceErrors(_error(first, place), None if total is None else _error(total, place)),
        )

    together = shares(-1)
    return DriverUncertainty(
        driver=driver,
        title=title,
        information=float(bits.value),
        shift=float(shift.value),
        first_order=together.first_order,
        total=together.total,
        by_scenario={name: shares(place) for name, place in places.items()},
        standard_errors=UncertaintyErrors(
            float(bits.error),
            float(shift.error),
            together.standard_errors.first_order,
            together.standard_errors.total,
        ),
    )


def _number(found: Estimate, place: int) -> float | None:
    return float(found.value[place]) if math.isfinite(found.value[place]) else None


def _error(found: Estimate, place: int) -> float | None:
    return float(found.error[place]) if math.isfinite(found.error[place]) else None


@dataclass(frozen=True)
class Reading:
    """A driver read as one of a few groups: its states, or equal parts of a number's own distribution."""

    driver: str
    index: int
    groups: int
    edges: Floats | None = None

    @classmethod
    def of(cls, node: Node, index: int) -> Reading:
        """How a driver with this place in `Worlds` is read."""
        if not isinstance(node, NumericNode):
            return cls(node.name, index, len(node.states))
        quantiles = np.array([NormalDist().inv_cdf(part / BINS) for part in range(1, BINS)])
        return cls(node.name, index, BINS, node.scale(quantiles))

    def codes(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.integer]:
        """The groups of worlds, shape (trials,), from the driver's states or values."""
        if self.edges is None:
            return values.astype(np.int64)
        return np.searchsorted(self.edges, values, side="right")


class Survey:
    """A program and the plan that its worlds are drawn under."""

    def __init__(self, program: Program, drivers: Sequence[str], aim: Aim, plan: Plan) -> None:
        self.aim = aim
        self.steps = aim.steps(program)
        self.plan = plan
        self.program = program.until(self.steps[-1])
        targets = {*drivers, OUTCOME}
        self.carried = not self.program.downstream(OUTCOME) & targets
        kernels = Kernels()
        self.walker = Walker(
            self.program, plan, draw_outcome=not self.carried, needed=self.program.upstream(targets), kernels=kernels
        )
        only = frozenset({OUTCOME})
        self.outcome = Walker(self.program, plan, draw_outcome=False, needed=only, kernels=kernels)
        self.readings = [Reading.of(self.program.nodes[driver], self.walker.index[driver]) for driver in drivers]
        read = {name for name, _ in self.program.outcome.links}
        self.exchanged = [reading for reading in self.readings if reading.driver in read] if self.carried else []
        entries = len(self.steps) * sum(reading.groups for reading in self.readings) * (1 + 2 * len(aim.cells))
        self.batches = plan.batches(max(entries, _FEWEST_ENTRIES))

    @property
    def note(self) -> str:
        """Why there are no total shares; empty where there are."""
        if self.carried:
            return ""
        return (
            "There are no total shares: a driver reads the scenario of the step before, so that its path can't be "
            "exchanged with the others' left as they are; and the likelihoods that vary are those given that scenario "
            "too."
        )

    @property
    def seconds_each(self) -> float:
        """What a block is predicted to take, as in `engine.Walker`."""
        outcomes = (1 + len(self.exchanged)) * self.program.steps * _OUTCOME_DRAWS * BLOCK * SECONDS_PER_DRAW
        return self.walker.seconds_each + outcomes

    def found(self, map_blocks: MapBlocks) -> Iterator[tuple[Reading, Grouped, Floats | None]]:
        """For each driver the sums over its groups, and over its exchanges where these can be made."""
        total = self.nothing(self.batches.count)
        for block, part in enumerate(map_blocks(self.run, range(self.plan.blocks))):
            total.add(part, self.batches.at(block))
        none = np.zeros((self.batches.count, len(self.aim.cells))) if self.carried else None
        for reading, sums in zip(self.readings, total.grouped, strict=True):
            yield reading, sums, total.differences.get(reading.driver, none)

    def nothing(self, batches: int) -> Sums:
        """The sums of no worlds, with room for so many batches."""
        steps, cells = len(self.steps), len(self.aim.cells)
        shapes = [(batches, steps, reading.groups) for reading in self.readings]
        return Sums(
            [Grouped(np.zeros(shape), np.zeros((*shape, cells)), np.zeros((*shape, cells))) for shape in shapes],
            {reading.driver: np.zeros((batches, cells)) for reading in self.exchanged},
        )

    def run(self, block: int) -> Sums:
        """The sums of one block."""
        surveyor = _Surveyor(self, block)
        self.walker.walk(block, surveyor)
        return surveyor.sums


@dataclass
class Sums:
    """The sums of a walk.

    Attributes:
        grouped: for each driver, with the axes (batches, steps, groups, cells).
        differences: by driver that acts on the outcome, shape (batches, cells), the squared differences over all steps
            that exchanging its path makes.
    """

    grouped: list[Grouped]
    differences: dict[str, Floats]

    def add(self, other: Sums, at: slice) -> None:
        """Add the sums of a block, whose batches are at `at`."""
        for mine, theirs in zip(self.grouped, other.grouped, strict=True):
            for total, part in zip(mine, theirs, strict=True):
                total[at] += part
        for name, differences in other.differences.items():
            self.differences[name][at] += differences


class _Surveyor:
    """Watches a block, and carries the outcome along the paths as they are and with one driver's exchanged."""

    def __init__(self, survey: Survey, block: int) -> None:
        self.survey = survey
        self.starts = survey.batches.starts(block)
        self.sums = survey.nothing(len(self.starts))
        self.partners = partners(survey.plan.trials_in(block), self.starts)
        self.kernels = survey.outcome.kernels(block)
        self.place = survey.walker.index[OUTCOME]
        self.present: Floats | None = None
        self.paths: dict[str, Floats] = {}

    def see(self, step: int, worlds: Worlds, transition: Mixing | Matrix | None) -> None:
        """Carry the outcome by a step; at a step that is asked about, add to the sums."""
        assert transition is not None, "the outcome is among the nodes that are needed"
        survey = self.survey
        self.present = self._carried(self.present, transition, worlds)
        for reading in survey.exchanged:
            moved = self._transition(step, self._exchanged(worlds, reading.index))
            self.paths[reading.driver] = self._carried(self.paths.get(reading.driver), moved, worlds)
        if step not in survey.steps:
            return
        at, cells = step - survey.steps[0], survey.aim.gathered(self.present)
        for reading, sums in zip(survey.readings, self.sums.grouped, strict=True):
            codes = reading.codes(worlds.now[reading.index])
            for total, part in zip(sums, grouped(codes, cells, reading.groups, self.starts), strict=True):
                total[:, at] += part
        for driver, path in self.paths.items():
            self.sums.differences[driver] += squared_differences(cells, survey.aim.gathered(path), self.starts)

    def _carried(self, before: Floats | None, transition: Mixing | Matrix, worlds: Worlds) -> Floats:
        """The scenarios' probabilities, shape (scenarios, trials); where the scenario is drawn, read one step ahead."""
        if before is None:
            return transition.start()
        return transition.advance(before) if self.survey.carried else transition.row(worlds.before[self.place])

    def _transition(self, step: int, worlds: Worlds) -> Mixing | Matrix:
        (kernel,) = self.kernels[step]
        assert isinstance(kernel, OutcomeKernel)
        return kernel.transition(worlds)

    def _exchanged(self, worlds: Worlds, index: int) -> Worlds:
        """The worlds, but that each has its partner's state of one node, now and before."""
        exchanged = copy.copy(worlds)
        exchanged.now, exchanged.before = list(worlds.now), list(worlds.before)
        for states in (exchanged.now, exchanged.before):
            if states[index] is not None:
                states[index] = states[index][self.partners]
        return exchanged
