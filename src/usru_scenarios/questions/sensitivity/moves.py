"""Which driver moves the outcome: every driver held in each of its states in turn: method (46).

To impose a state is to do, not to see: the driver is cut off from its causes, and what it acts on follows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from statistics import NormalDist

import numpy as np

from usru_scenarios.estimation.estimates import ratio
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.model.outline import NodeOutline, Outline
from usru_scenarios.program.events import Formula
from usru_scenarios.program.program import Floats, NumericNode, Program
from usru_scenarios.questions.difference_error_floors import (
    Limits,
    SingleTrials,
    cover_unseen,
    cover_unseen_variation,
    mean_limits,
)
from usru_scenarios.questions.program_batches import ProgramSums, run_each
from usru_scenarios.questions.program_edits import PartCache
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

    def on(self, program: Program) -> Program:
        """The program in which it is."""
        return program.intervene(self.driver, self.value, self.steps)


def moves(outline: Outline, run: SensitivityRun) -> tuple[list[DriverMoves], list[str]]:
    """Every driver, the one with the largest swing first, and the states in which one can't be held.

    A driver is held at every step, but for those up to the last one of which something is observed of it: method (65).
    One that is imposed already, or of which the time that is asked about is observed, is left out; so is a state with
    which too few trials agree with what is observed.

    Args:
        outline: of the model.
        run: the program, what is asked about, and how it is drawn.
    """
    aim, seen = run.aim, run.seen
    steps = aim.steps(run.program)
    program = program_of_steps(run.program, steps.stop, seen)
    holds = {driver: list(_holds(program, driver, part, steps, seen)) for driver, part in outline.drivers.items()}
    programs = [program, *(hold.on(program) for held in holds.values() for hold in held)]
    runs = _runs(programs, run)
    base = next(runs)
    places, parts = aim.places(outline.scenarios, program), () if seen is None else (seen,)
    times, fewest = (range(len(steps)), 0.0) if run.observed is None else (range(1), run.observed.fewest)

    def cells(sums: ProgramSums) -> Floats:
        return sums.of(aim.cells, [times])[:, 0]

    found, rare = [], []
    present = run.single_trials
    for driver, held in holds.items():
        each = list(zip(held, islice(runs, len(held)), strict=True))
        rare += [f"{driver}={hold.state}" for hold, sums in each if sums.sampled < fewest]
        kept = [(hold, sums) for hold, sums in each if sums.sampled >= fewest]
        if kept:
            moved = _HeldStates(
                held=[hold for hold, _ in kept],
                changes=np.stack([cells(sums) - cells(base) for _, sums in kept], axis=1),
                trials=base.trials,
                single_trials=[replace(aim.single_trials(hold.on(program), parts), beside=present) for hold, _ in kept],
                sampled=min(base.sampled, *(sums.sampled for _, sums in kept)),
                keep=run.keep,
            )
            found.append(_moves(outline.drivers[driver].title, moved, present, places, f"{aim.name} at {steps}"))
    return sorted(found, key=lambda one: (-one.swing, one.driver)), rare


def _runs(programs: Sequence[Program], run: SensitivityRun) -> Iterator[ProgramSums]:
    if run.seen is None:
        return run_each(programs, run.plan, run.map_blocks, run.kernels, run.aim.steps(run.program))
    shares = run.aim.shares(programs[0].steps)
    return ObservedPrograms(programs, run.seen, shares, run.plan, run.kernels).sums(run.map_blocks)


def _holds(
    program: Program, driver: str, part: NodeOutline, steps: range, seen: Formula | None
) -> Iterator[FixedDriver]:
    """The states of a driver, or two values of a number; none where an intervention holds it at any step."""
    node = program.nodes[driver]
    held = range(0 if seen is None else 1 + last_observed_step(seen, [driver]), program.steps)
    if held.start >= steps.stop:
        return
    if isinstance(node, NumericNode):
        if np.isnan(node.imposed).all():
            for value, share in zip(_tails(node), TAILS, strict=True):
                yield FixedDriver(node.name, value, held, share)
    elif (node.imposed < 0).all():
        yield from (FixedDriver(node.name, state, held) for state in part.states)


def _tails(node: NumericNode) -> list[float]:
    """The outer quantiles of a number's own distribution, with as many digits as tell them apart, within its range."""
    low, high = node.scale(np.array([NormalDist().inv_cdf(share) for share in TAILS])).tolist()
    digits = 2 - math.floor(math.log10(high - low)) if high > low else 12
    return [min(max(round(value, digits), node.scale.low), node.scale.high) for value in (low, high)]


@dataclass(frozen=True)
class _HeldStates:
    """A driver held in its states.

    Attributes:
        changes: sums of what changes, shape (batches, states, cells).
        trials: shape (batches,).
        single_trials: what single trials can say under each.
        sampled: for how many independent trials those of each stand, at least.
        keep: gives what follows from the program.
    """

    held: Sequence[FixedDriver]
    changes: Floats
    trials: Floats
    single_trials: Sequence[SingleTrials]
    sampled: float
    keep: PartCache

    def limits(self, present: SingleTrials, of: str) -> Limits:
        """The limits of what changes in each state, each of shape (states, cells), for an aim that is named `of`."""
        return self._kept("change", of, lambda: _stacked(said.less(present) for said in self.single_trials))

    def limits_between(self, high: int, low: int, of: str) -> Limits:
        """The limits of the difference between two states, each of shape (cells,)."""
        return self._kept(
            f"{high} beside {low}", of, lambda: mean_limits(self.single_trials[high].less(self.single_trials[low]))
        )

    def _kept(self, what: str, of: str, make: Callable[[], Limits]) -> Limits:
        held = [(one.value, one.steps) for one in self.held]
        return self.keep(f"limits of {what} of {of} with {self.held[0].driver} held in {held}", make)


def _moves(title: str, moved: _HeldStates, present: SingleTrials, places: Mapping[str, int], of: str) -> DriverMoves:
    """What is made of them."""
    held, trials = moved.held, moved.sampled
    change = ratio(moved.changes, moved.trials)
    change = cover_unseen(change, trials, lambda: moved.limits(present, of), [present], lowest=-1.0)
    apart = change.value[:, None] - change.value[None]
    distances = np.abs(apart).sum(axis=-1) / 2
    low, high = sorted(
        map(int, np.unravel_index(distances.argmax(), distances.shape)), key=lambda state: change.value[state, 0]
    )
    contrast = (moved.changes[:, high] - moved.changes[:, low]) @ np.sign(apart[high, low]) / 2
    swing = cover_unseen_variation(
        ratio(contrast, moved.trials),
        trials,
        apart[high, low],
        lambda: moved.limits_between(high, low, of),
        present.missed,
    )
    return DriverMoves(
        driver=held[0].driver,
        title=title,
        swing=float(distances[high, low]),
        standard_error=float(swing.error),
        between=(held[low].state, held[high].state),
        states=[
            MovedState(
                state=hold.state,
                quantile=hold.quantile,
                change={name: float(change.value[number, place]) for name, place in places.items()},
                shift=float(np.abs(change.value[number]).sum() / 2),
                standard_errors={name: float(change.error[number, place]) for name, place in places.items()},
            )
            for number, hold in enumerate(held)
        ],
    )


def _stacked(limits: Iterable[Limits]) -> Limits:
    """The limits of several means over all steps, each of shape (states, cells)."""
    low, high = zip(*map(mean_limits, limits), strict=True)
    return np.stack(low), np.stack(high)
