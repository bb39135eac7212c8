"""Which driver moves the outcome: every driver held in each of its states in turn: method (46).

To impose a state is to do, not to see: the driver is cut off from its causes, and what it acts on follows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from statistics import NormalDist

import numpy as np

from usru_scenarios.estimation.estimates import ratio
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.model.outline import NodeOutline, Outline
from usru_scenarios.program.program import Floats, NumericNode, Program
from usru_scenarios.questions.difference_error_floors import (
    Limits,
    SingleTrials,
    cover_unseen,
    cover_unseen_variation,
    mean_limits,
)
from usru_scenarios.questions.program_batches import ProgramSums, run_each
from usru_scenarios.questions.sensitivity.observed import ObservedPrograms, SensitivityRun
from usru_scenarios.results.sensitivity import DriverMoves, MovedState
from usru_scenarios.sampler.likelihood_weighting import last_observed_step, program_of_steps

TAILS = (0.05, 0.95)
"""The quantiles of its own distribution at which a numeric driver is held."""


@dataclass(frozen=True)
class FixedDriver:
    """A driver held in a state, or at a value, at some steps."""

    driver: str
    value: str | float
    steps: range
    quantile: float | None = None

    @property
    def state(self) -> str:
        """The state, or the value as text."""
        return self.value if isinstance(self.value, str) else f"{self.value:.12g}"

    def intervene_in(self, program: Program) -> Program:
        """The program in which it is held."""
        return program.intervene(self.driver, self.value, self.steps)


def estimate_driver_moves(outline: Outline, run: SensitivityRun) -> tuple[list[DriverMoves], list[str]]:
    """Every driver, the one with the largest swing first, and the states in which one can't be held.

    A driver is held at every step, but for those up to the last one of which something is observed of it: method (65).
    One that is imposed already, or of which the time that is asked about is observed, is left out; so is a state with
    which too few trials agree with what is observed.

    Args:
        outline: of the model.
        run: the program, what is asked about, and how it is drawn.
    """
    target, steps = run.target, run.target.steps(run.program)
    program = program_of_steps(run.program, steps.stop, run.given)
    fixed_by_driver = {name: list(_list_fixed(program, name, part, run)) for name, part in outline.drivers.items()}
    all_sums = _simulate(
        [program, *(fixed.intervene_in(program) for each in fixed_by_driver.values() for fixed in each)], run
    )
    base = next(all_sums)
    times, fewest = (range(len(steps)), 0.0) if run.observed is None else (range(1), run.observed.fewest)

    def cells(sums: ProgramSums) -> Floats:
        return sums.of(target.cells, [times])[:, 0]

    moves, rare_states = [], []
    for name, part in outline.drivers.items():
        pairs = list(zip(fixed_by_driver[name], islice(all_sums, len(fixed_by_driver[name])), strict=True))
        rare_states += [f"{name}={fixed.state}" for fixed, sums in pairs if sums.sampled < fewest]
        pairs = [(fixed, sums) for fixed, sums in pairs if sums.sampled >= fewest]
        if pairs:
            changes = _DriverChanges(
                run=run,
                fixed=[fixed for fixed, _ in pairs],
                programs=[fixed.intervene_in(program) for fixed, _ in pairs],
                changes=np.stack([cells(sums) - cells(base) for _, sums in pairs], axis=1),
                trials=base.trials,
                sampled=min(base.sampled, *(sums.sampled for _, sums in pairs)),
            )
            moves.append(changes.to_result(part.title, target.places(outline.scenarios, program)))
    return sorted(moves, key=lambda move: (-move.swing, move.driver)), rare_states


def _simulate(programs: Sequence[Program], run: SensitivityRun) -> Iterator[ProgramSums]:
    if run.given is None:
        return run_each(programs, run.plan, run.map_blocks, run.kernels, run.target.steps(run.program))
    shares = run.target.shares(programs[0].steps)
    return ObservedPrograms(programs, run.given, shares, run.plan, run.kernels).sums(run.map_blocks)


def _list_fixed(program: Program, driver: str, outline: NodeOutline, run: SensitivityRun) -> Iterator[FixedDriver]:
    """The states of a driver, or two values of a number; none where an intervention holds it at any step."""
    node = program.nodes[driver]
    steps = range(0 if run.given is None else 1 + last_observed_step(run.given, [driver]), program.steps)
    if steps.start >= run.target.steps(program).stop:
        return
    if isinstance(node, NumericNode):
        if np.isnan(node.imposed).all():
            for value, share in zip(_tail_values(node), TAILS, strict=True):
                yield FixedDriver(node.name, value, steps, share)
    elif (node.imposed < 0).all():
        yield from (FixedDriver(node.name, state, steps) for state in outline.states)


def _tail_values(node: NumericNode) -> list[float]:
    """The outer quantiles of a number's own distribution, with as many digits as tell them apart, within its range."""
    low, high = node.scale(np.array([NormalDist().inv_cdf(share) for share in TAILS])).tolist()
    digits = 2 - math.floor(math.log10(high - low)) if high > low else 12
    return [min(max(round(value, digits), node.scale.low), node.scale.high) for value in (low, high)]


@dataclass(frozen=True)
class _DriverChanges:
    """What changes where a driver is held in each of its states.

    Attributes:
        run: the program as it is, and what is asked about.
        fixed, programs: the states, and the program in which each is imposed.
        changes: sums of what changes, shape (batches, states, cells).
        trials: shape (batches,).
        sampled: for how many independent trials those of each stand, at least.
    """

    run: SensitivityRun
    fixed: Sequence[FixedDriver]
    programs: Sequence[Program]
    changes: Floats
    trials: Floats
    sampled: float

    @cached_property
    def single_trials(self) -> list[SingleTrials]:
        """What single trials can say under each."""
        given = () if self.run.given is None else (self.run.given,)
        single_trials = (self.run.target.single_trials(program, given) for program in self.programs)
        return [replace(each, shared_with=self.run.single_trials) for each in single_trials]

    def limits(self) -> Limits:
        """The limits of what changes in each state, each of shape (states, cells)."""

        def stack_limits() -> Limits:
            limits = (mean_limits(each.difference_limits(self.run.single_trials)) for each in self.single_trials)
            low, high = zip(*limits, strict=True)
            return np.stack(low), np.stack(high)

        return self._cached_limits("change", stack_limits)

    def limits_between(self, high: int, low: int) -> Limits:
        """The limits of the difference between two states, each of shape (cells,)."""
        high_trials, low_trials = self.single_trials[high], self.single_trials[low]
        return self._cached_limits(
            f"{high} beside {low}", lambda: mean_limits(high_trials.difference_limits(low_trials))
        )

    def _cached_limits(self, quantity: str, make: Callable[[], Limits]) -> Limits:
        held = [(fixed.value, fixed.steps) for fixed in self.fixed]
        target = f"{self.run.target.name} at {self.run.target.steps(self.run.program)}"
        return self.run.keep(f"limits of {quantity} of {target} with {self.fixed[0].driver} held in {held}", make)

    def to_result(self, title: str, places: Mapping[str, int]) -> DriverMoves:
        """The changes with their errors, and the swing between the two states that are farthest from one another."""
        present = self.run.single_trials
        change = cover_unseen(ratio(self.changes, self.trials), self.sampled, self.limits, [present], lowest=-1.0)
        differences = change.value[:, None] - change.value[None]
        distances = np.abs(differences).sum(axis=-1) / 2
        low, high = sorted(
            map(int, np.unravel_index(distances.argmax(), distances.shape)), key=lambda state: change.value[state, 0]
        )
        contrast = (self.changes[:, high] - self.changes[:, low]) @ np.sign(differences[high, low]) / 2
        swing = cover_unseen_variation(
            ratio(contrast, self.trials),
            self.sampled,
            differences[high, low],
            lambda: self.limits_between(high, low),
            present.missed_trials,
        )
        return DriverMoves(
            driver=self.fixed[0].driver,
            title=title,
            swing=float(distances[high, low]),
            standard_error=float(swing.error),
            between=(self.fixed[low].state, self.fixed[high].state),
            states=[
                MovedState(
                    state=fixed.state,
                    quantile=fixed.quantile,
                    change={name: float(change.value[number, place]) for name, place in places.items()},
                    shift=float(np.abs(change.value[number]).sum() / 2),
                    standard_errors={name: float(change.error[number, place]) for name, place in places.items()},
                )
                for number, fixed in enumerate(self.fixed)
            ],
        )
