"""Which driver's uncertainty matters: what the drivers' states tell about the outcome, and how much of it they explain.

All is estimated from the same walk over the trials. In each trial the probability of a scenario is carried along the
drivers, so that what varies between trials is what the drivers explain. Groups of trials in which a driver is in the
same state say what the state tells; exchanging a driver's whole path between trials, the others' left as they are, says
what it alone does to the scenario.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from usru_scenarios.estimation.batches import BatchSums, accumulate, sum_by_batch
from usru_scenarios.estimation.estimates import MOST_MISSED, Estimate
from usru_scenarios.estimation.variance_shares import (
    GroupedSums,
    correlation_ratio,
    differences_per_trial,
    expected_shift,
    mutual_information,
    partners,
    squared_differences,
    sum_by_group,
    total_share,
)
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.outline import Outline
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import Formula, Truth
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.program.support import Support
from usru_scenarios.questions.discretization import Codes, Discretization
from usru_scenarios.questions.sensitivity.observed import ObservedLikelihoods, SensitivityRun
from usru_scenarios.questions.simulate.error_floors import extreme_distributions
from usru_scenarios.results.sensitivity import DriverUncertainty, UncertaintyErrors, VarianceErrors, VarianceShares
from usru_scenarios.sampler.blocks import (
    SECONDS_PER_DRAW,
    BlockSampler,
    KernelCache,
    MapBlocks,
    predict_block_seconds,
    require_memory,
)
from usru_scenarios.sampler.likelihood_weighting import ObservedWalk, program_of_steps
from usru_scenarios.sampler.outcome import FullTransition, LazyTransition, OutcomeKernel, probabilities_after
from usru_scenarios.sampler.tables import BlockStates

NUMERIC_GROUPS = 16
"""Groups that a numeric driver is read in: they keep all but about a hundredth of the variance of a smooth effect."""

_FEWEST_ENTRIES = 1 << 14
"""Batches are large, at most 64, since a driver's paths are exchanged within them, between their sets of trials."""

_LEAST_RANGE = 1e-12
"""Probabilities that vary by no more between trials are the same in all, but for rounding."""

_DRAWN_OFTEN = 20.0
"""Draws of a group by which it is surely not one that is mostly missed."""

_MOST_UNSEEN = 1 << 24
"""About so many numbers tell what trials that were never drawn would add."""

_OUTCOME_DRAWS = 8
"""How many draws of a driver's state the outcome's probabilities take the time of, about."""


def estimate_driver_uncertainties(outline: Outline, run: SensitivityRun) -> tuple[list[DriverUncertainty], str]:
    """Every driver, the one whose state shifts the outcome most first, and why there are no total shares, if not."""
    sampler = (DriverSampler if run.given is None else ObservedDriverSampler)(run, list(outline.drivers))
    uncertainties = sampler.uncertainties(outline, run.map_blocks)
    return sorted(uncertainties, key=lambda uncertainty: (-uncertainty.shift, uncertainty.driver)), sampler.note


def _finite_at(estimate: Estimate, place: int) -> tuple[float | None, float | None]:
    """A value and its error, each None where it is not finite."""
    value, error = float(estimate.value[place]), float(estimate.error[place])
    return value if math.isfinite(value) else None, error if math.isfinite(error) else None


def predict_exchange_seconds(program: Program, steps: int, trials: int) -> float:
    """What a block is predicted to take at most, in which the path of every driver is exchanged."""
    drivers = len(program.upstream([OUTCOME])) - 1
    draws = max(_OUTCOME_DRAWS, 2 * len(program.outcome.states))
    outcome_seconds = _predict_outcome_seconds(drivers, steps, draws, trials)
    return predict_block_seconds(len(program.nodes), steps, trials) + outcome_seconds


def _predict_outcome_seconds(exchanged: int, steps: int, draws: int, trials: int) -> float:
    """What the probabilities of the outcome take: as they are, and once for each driver whose path is exchanged."""
    return (1 + exchanged) * steps * draws * trials * SECONDS_PER_DRAW


class DriverSampler:
    """A program and the plan that its trials are drawn under."""

    def __init__(self, run: SensitivityRun, drivers: Sequence[str]) -> None:
        self.target, self.plan = target, plan = run.target, run.plan
        self.given: tuple[Formula, ...] = () if run.given is None else (run.given,)
        self.steps = target.steps(run.program)
        self.program = program_of_steps(run.program, self.steps.stop, run.given)
        self.exchanges, self.block_sampler = self._make_sampler({*drivers, OUTCOME}, run.kernels)
        outcome_alone = frozenset({OUTCOME})
        self.outcome = BlockSampler(self.program, plan, draw_outcome=False, needed=outcome_alone, kernels=run.kernels)
        self.readings = [
            Discretization.of(self.program.nodes[driver], self.block_sampler.index[driver], NUMERIC_GROUPS)
            for driver in drivers
        ]
        parents = {name for name, _ in self.program.outcome.links} if self.exchanges else set()
        self.exchanged = [reading for reading in self.readings if reading.node in parents]
        entries = len(self.steps) * sum(len(reading.states) for reading in self.readings) * (1 + 2 * len(target.cells))
        self.batches = plan.batches(max(entries, _FEWEST_ENTRIES))
        paths = 8 * len(self.exchanged) * len(self.program.outcome.states) * plan.trials_in(0)
        require_memory(self.block_sampler.bytes + self.batches.bytes(entries) + paths)

    def _make_sampler(self, targets: set[str], kernels: KernelCache) -> tuple[bool, BlockSampler]:
        """Whether paths can be exchanged, for no driver reads the scenario; and what draws the trials."""
        carried = not self.program.downstream(OUTCOME) & targets
        needed = self.program.upstream(targets)
        return carried, BlockSampler(self.program, self.plan, draw_outcome=not carried, needed=needed, kernels=kernels)

    @property
    def note(self) -> str:
        """Why there are no total shares; empty where there are."""
        if self.exchanges:
            return ""
        return (
            "There are no total shares: a driver reads the scenario of the step before, so that its path can't be "
            "exchanged with the others' left as they are; and the likelihoods that vary are those given that scenario "
            "too."
        )

    @property
    def seconds_each(self) -> float:
        """What a block is predicted to take, as in `BlockSampler`."""
        trials = self.plan.trials_in(0)
        outcomes = _predict_outcome_seconds(len(self.exchanged), self.program.steps, _OUTCOME_DRAWS, trials)
        return self.block_sampler.seconds_each + outcomes

    def uncertainties(self, outline: Outline, map_blocks: MapBlocks) -> Iterator[DriverUncertainty]:
        """Walk the trials, and estimate what the uncertainty of each driver matters."""
        places = self.target.places(outline.scenarios, self.program)
        total = self._as_unweighted(accumulate(map_blocks(self.run, range(self.plan.blocks)), self.batches))
        none = np.zeros((self.batches.count, len(self.target.cells))) if self.exchanges else None
        for reading, sums in zip(self.readings, total.grouped, strict=True):
            differences = total.differences.get(reading.node, none)
            yield self._uncertainty(outline.drivers[reading.node].title, reading, sums, differences, places)

    def _uncertainty(
        self,
        title: str,
        reading: Discretization,
        sums: GroupedSums,
        differences: Floats | None,
        places: Mapping[str, int],
    ) -> DriverUncertainty:
        """Estimate it from the sums over a driver's groups and, if any, over its exchanges, shape (batches, cells)."""
        unseen = self.unseen_sums(reading, sums)
        bits, shift, first = (
            mutual_information(sums, unseen),
            expected_shift(sums, unseen),
            correlation_ratio(sums, unseen),
        )
        total: Estimate | None = None
        if differences is not None:
            total = total_share(sums, differences, unseen, self.largest_exchange_differences(reading, sums))

        def shares(place: int) -> VarianceShares:
            first_share, first_error = _finite_at(first, place)
            total_share, total_error = (None, None) if total is None else _finite_at(total, place)
            return VarianceShares(first_share, total_share, VarianceErrors(first_error, total_error))

        together = shares(-1)
        errors = together.standard_errors
        return DriverUncertainty(
            driver=reading.node,
            title=title,
            information=float(bits.value),
            shift=float(shift.value),
            first_order=together.first_order,
            total=together.total,
            by_scenario={name: shares(place) for name, place in places.items()},
            standard_errors=UncertaintyErrors(float(bits.error), float(shift.error), errors.first_order, errors.total),
        )

    @staticmethod
    def _as_unweighted(total: DriverSums) -> DriverSums:
        """The sums of trials that all count alike."""
        return total

    @cached_property
    def _probability_limits(self) -> tuple[Floats, Floats]:
        """The least and the largest probability of each cell in any trial, each of shape (steps, cells)."""
        ends = zip(*map(self.support.probability_limits, self.target.cells), strict=True)
        low, high = (np.stack(end, axis=1)[list(self.steps)] for end in ends)
        return low, high

    @cached_property
    def support(self) -> Support:
        """What is possible with what is observed."""
        return Support(self.program, self.given)

    def unseen_sums(self, reading: Discretization, sums: GroupedSums) -> GroupedSums | None:
        """What trials that were never drawn would add to the sums of a driver: shape (kinds, steps, groups, ...).

        None where all trials agree on the scenarios or on the driver. Of a great many kinds those of the most frequent
        group and of the rarest ones are taken.
        """
        low, high = self._probability_limits
        possible = self._possible_groups(reading)
        if not (high - low > _LEAST_RANGE).any() or not (possible.sum(axis=1) > 1).any():
            return None
        draws = sums.trials.sum(axis=(0, 1))
        mean = sums.sums.sum(axis=(0, 2)) / sums.trials.sum(axis=(0, 2))[:, None]
        kinds = extreme_distributions(mean, low, high)
        order = [int(draws.argmax()), *np.argsort(draws, kind="stable")[:-1].tolist()]
        groups = [group for group in order if possible[:, group].any()]
        groups = groups[: max(2, _MOST_UNSEEN // (len(kinds) * sums.sums[0].size))]
        in_groups = (
            np.eye(len(reading.states))[groups][:, None] * possible * MOST_MISSED
        )  # shape (groups, steps, groups)
        trials = np.repeat(in_groups, len(kinds), axis=0)
        each = np.tile(kinds, (len(groups), 1, 1))[:, :, None]
        return GroupedSums(trials, trials[..., None] * each, trials[..., None] * each**2)

    def _possible_groups(self, reading: Discretization) -> Truth:
        """The possible groups of a driver, shape (steps, groups)."""
        return np.stack([reading.possible(self.support, step) for step in self.steps])

    def largest_exchange_differences(self, reading: Discretization, sums: GroupedSums) -> Floats | None:
        """The largest sum of squared differences that exchanging a driver in trials that were never drawn can make.

        Shape (cells,); None where it has no say, or all groups were drawn often: then so were exchanges between them.
        """
        is_often_drawn = np.where(self._possible_groups(reading), sums.trials.sum(axis=0), np.inf).min() >= _DRAWN_OFTEN
        if is_often_drawn or reading not in self.exchanged or not self.support.outcome_depends_on(reading.node):
            return None
        low, high = self._probability_limits
        squares = ((high - low) ** 2).sum(axis=0)
        return np.asarray(2 * MOST_MISSED * squares)  # a trial and the one that is given its path

    def run(self, block: int) -> DriverSums:
        """The sums of one block."""
        observer = _DriverObserver(self, block)
        self.block_sampler.walk(block, observer)
        return observer.sums


@dataclass
class DriverSums(BatchSums):
    """The sums of a walk.

    Attributes:
        grouped: for each driver, with the axes (batches, steps, groups, cells).
        differences: by driver that acts on the outcome, shape (batches, cells), the squared differences over all steps
            that exchanging its path makes.
    """

    grouped: list[GroupedSums]
    differences: dict[str, Floats]


class _DriverObserver:
    """Watches a block, and carries the outcome along the paths as they are and with one driver's exchanged."""

    def __init__(self, sampler: DriverSampler, block: int) -> None:
        self.sampler = sampler
        self.starts = sampler.batches.starts(block)
        batches, steps, cells = len(self.starts), len(sampler.steps), len(sampler.target.cells)
        self.sums = DriverSums(
            [GroupedSums.zeros((batches, steps, len(reading.states)), cells) for reading in sampler.readings],
            {reading.node: np.zeros((batches, cells)) for reading in sampler.exchanged},
        )
        self.partners = partners(sampler.plan.trials_in(block), self.starts, sampler.plan.set_size)
        self.kernels = sampler.outcome.kernels(block)
        self.place = sampler.block_sampler.index[OUTCOME]
        self.present: Floats | None = None
        self.paths: dict[str, Floats] = {}

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Carry the outcome by a step; at a step that is asked about, add to the sums."""
        assert transition is not None, "the outcome is among the nodes that are needed"
        sampler = self.sampler
        drawn = None if sampler.exchanges else block_states.before[self.place]
        self.present = probabilities_after(transition, self.present, drawn)
        self._advance_exchanged(step, block_states)
        if step in sampler.steps:
            self._add_to_sums(step, block_states)

    def _advance_exchanged(self, step: int, block_states: BlockStates) -> None:
        """Carry the outcome by a step with each driver's path exchanged."""
        for reading in self.sampler.exchanged:
            (kernel,) = self.kernels[step]
            assert isinstance(kernel, OutcomeKernel), "the sampler of the outcome walks it alone"
            transition = kernel.transition(self._exchange_states(block_states, reading.index))
            self.paths[reading.node] = probabilities_after(transition, self.paths.get(reading.node), None)

    def _add_to_sums(self, step: int, block_states: BlockStates) -> None:
        assert self.present is not None, "the outcome has been carried to the step"
        sampler = self.sampler
        at, cells = step - sampler.steps[0], sampler.target.gathered(self.present)
        for reading, sums in zip(sampler.readings, self.sums.grouped, strict=True):
            codes = reading.codes(block_states.now[reading.index])
            for total, part in zip(sums, sum_by_group(codes, cells, len(reading.states), self.starts), strict=True):
                total[:, at] += part
        for driver, path in self.paths.items():
            self.sums.differences[driver] += squared_differences(cells, sampler.target.gathered(path), self.starts)

    def _exchange_states(self, block_states: BlockStates, index: int) -> BlockStates:
        """The trials, but that each has its partner's state of one node, now and before."""
        exchanged = copy.copy(block_states)
        exchanged.now, exchanged.before = list(block_states.now), list(block_states.before)
        for states in (exchanged.now, exchanged.before):
            if states[index] is not None:
                states[index] = states[index].take(self.partners)
        return exchanged


# Under observations --------------------------------------------------------------------------------------------------


@dataclass
class _ObservedDriverSums(DriverSums):
    """The sums of a walk whose trials have weights.

    Attributes:
        weights: shape (batches,), of the trials.
        pairs: shape (batches,), sums over trials of their weight times that of their partner.
        squares: shape (), of the squared weights of all trials.
    """

    OVER_ALL_TRIALS = frozenset({"squares"})

    weights: Floats
    pairs: Floats
    squares: Floats


class ObservedDriverSampler(DriverSampler):
    """The same under observations, method (65): trials count by weights, exchanges by the product of both trials'.

    Sums are brought to the effective sample size, so that what is made of them has the bias, the error and the floor of
    so many trials.
    """

    def __init__(self, run: SensitivityRun, drivers: Sequence[str]) -> None:
        super().__init__(run, drivers)
        cells = 8 * len(self.target.cells) * (len(self.steps) + len(self.exchanged))
        values = self.plan.trials_in(0) * (cells + len(drivers) * len(self.steps))
        require_memory(self.block_sampler.bytes + values)

    def _make_sampler(self, targets: set[str], kernels: KernelCache) -> tuple[bool, BlockSampler]:
        (given,) = self.given
        self.observed_walk = ObservedWalk(self.program, given, self.plan, nodes=targets, kernels=kernels)
        return not self.observed_walk.reads_outcome, self.observed_walk.block_sampler

    @cached_property
    def _probability_limits(self) -> tuple[Floats, Floats]:
        return self.target.single_trials(self.program, self.given).limits

    @staticmethod
    def _as_unweighted(total: DriverSums) -> DriverSums:
        """The sums of as many trials as the weighted ones stand for."""
        assert isinstance(total, _ObservedDriverSums), "the blocks of this sampler give these"
        unit = total.weights.sum() / total.squares
        differences = {
            driver: differences_per_trial(sums, total.pairs, total.weights * unit)
            for driver, sums in total.differences.items()
        }
        return DriverSums([GroupedSums(*(part * unit for part in sums)) for sums in total.grouped], differences)

    def run(self, block: int) -> DriverSums:
        """The sums of one block."""
        observer = _ObservedDriverObserver(self, block)
        return observer.weighted_sums(self.observed_walk.walk(block, observer))


class _ObservedDriverObserver(_DriverObserver):
    """Watches a block, and keeps what there is to sum until the weights of the trials are known."""

    def __init__(self, sampler: ObservedDriverSampler, block: int) -> None:
        super().__init__(sampler, block)
        self.last_observed_step = sampler.observed_walk.last_outcome_observation
        self.likelihoods = ObservedLikelihoods(sampler.observed_walk)
        self.remembered: list[tuple[int, list[Codes], Floats]] = []
        self.squared: dict[str, Floats] = {}

    def observe(self, step: int, block_states: BlockStates, transition: LazyTransition | FullTransition | None) -> None:
        """Carry the outcome by a step; keep a step that is asked about."""
        self.present = self.likelihoods.advance(step, block_states, transition)
        self._advance_exchanged(step, block_states)
        if step in self.sampler.steps:
            self._add_to_sums(step, block_states)

    def _advance_exchanged(self, step: int, block_states: BlockStates) -> None:
        """Carry the outcome by a step with each driver's path exchanged; as far as it was read it stays what it was."""
        if step > self.last_observed_step:
            super()._advance_exchanged(step, block_states)
            return
        assert self.present is not None, "the scenario was drawn"
        self.paths = {reading.node: self.present for reading in self.sampler.exchanged}

    def _add_to_sums(self, step: int, block_states: BlockStates) -> None:
        assert self.present is not None, "the outcome has been carried to the step"
        sampler = self.sampler
        cells = sampler.target.gathered(self.present)
        codes = [reading.codes(block_states.now[reading.index]) for reading in sampler.readings]
        self.remembered.append((step - sampler.steps[0], codes, cells))
        for driver, path in self.paths.items():
            self.squared[driver] = self.squared.get(driver, 0.0) + (cells - sampler.target.gathered(path)) ** 2

    def weighted_sums(self, weights: Floats) -> _ObservedDriverSums:
        """The sums, by the weights of the trials, shape (trials,)."""
        pairs = weights * weights[self.partners]
        for at, codes, cells in self.remembered:
            for number, reading in enumerate(self.sampler.readings):
                parts = sum_by_group(codes[number], cells, len(reading.states), self.starts, weights)
                for total, part in zip(self.sums.grouped[number], parts, strict=True):
                    total[:, at] += part
        for driver, squared in self.squared.items():
            self.sums.differences[driver] += sum_by_batch(pairs * squared, self.starts)
        weight_sums, pair_sums = sum_by_batch(np.stack([weights, pairs]), self.starts).T
        return _ObservedDriverSums(
            self.sums.grouped, self.sums.differences, weight_sums, pair_sums, np.asarray((weights**2).sum())
        )
