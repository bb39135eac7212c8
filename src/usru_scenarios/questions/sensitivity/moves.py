"""Which driver moves the outcome: every driver held in each of its states in turn: method (46).

To impose a state is to do, not to see: the driver is cut off from its causes, and what it acts on follows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from statistics import NormalDist

import numpy as np

from usru_scenarios.estimation.estimates import ratio
from usru_scenarios.model.outline import NodeOutline, Outline
from usru_scenarios.program.program import Floats, Node, NumericNode, Program
from usru_scenarios.questions.difference_error_floors import Limits, SingleTrials, averaged, covered, variation_covered
from usru_scenarios.questions.program_batches import ProgramSums, run_each
from usru_scenarios.questions.target import Target
from usru_scenarios.results.sensitivity import DriverMoves, MovedState
from usru_scenarios.sampler.blocks import KernelCache, MapBlocks, Plan

TAILS = (0.05, 0.95)
"""The quantiles of its own distribution at which a numeric driver is held."""


@dataclass(frozen=True)
class FixedDriver:
    """A driver held in a state, or at a value, at every step."""

    driver: str
    value: str | float
    quantile: float | None = None

    @property
    def state(self) -> str:
        """The state, or the value as text."""
        return self.value if isinstance(self.value, str) else f"{self.value:.12g}"

    def on(self, program: Program) -> Program:
        """The program in which it is."""
        return program.intervene(self.driver, self.value, range(program.steps))


def moves(
    outline: Outline,
    program: Program,
    aim: Target,
    plan: Plan,
    map_blocks: MapBlocks = map,
    *,
    kernels: KernelCache | None = None,
) -> list[DriverMoves]:
    """Every driver, the one with the largest swing first; a driver that is imposed already is left out.

    Args:
        outline: what the model calls its parts.
        program: the model with its interventions.
        aim: what is asked about.
        plan: how many trials, and the seed.
        map_blocks: as in `forecast.simulate`.
        kernels: compiled laws, and what walks of the program have in common: as in `BlockSampler`.
    """
    steps = aim.steps(program)
    program = replace(program, grid=replace(program.grid, count=steps.stop))
    holds = {driver: list(_holds(program.nodes[driver], part)) for driver, part in outline.drivers.items()}
    programs = [program, *(hold.on(program) for held in holds.values() for hold in held)]
    runs = run_each(programs, plan, map_blocks, kernels)
    base = next(runs)
    places = aim.places(outline.scenarios, program)

    def cells(run: ProgramSums) -> Floats:
        return run.of(aim.cells, [steps])[:, 0]

    found = []
    present = aim.said(program)
    for driver, held in holds.items():
        changes = [cells(run) - cells(base) for run in islice(runs, len(held))]
        if changes:
            said = [aim.said(hold.on(program)) for hold in held]
            moved = _HeldStates(held, np.stack(changes, axis=1), base.trials, said)
            found.append(_moves(outline.drivers[driver].title, moved, present, places))
    return sorted(found, key=lambda one: (-one.swing, one.driver))


def _holds(node: Node, part: NodeOutline) -> Iterator[FixedDriver]:
    """The states of a driver, or two values of a number; none where an intervention holds it at any step."""
    if isinstance(node, NumericNode):
        if np.isnan(node.imposed).all():
            for value, share in zip(_tails(node), TAILS, strict=True):
                yield FixedDriver(node.name, value, share)
    elif (node.imposed < 0).all():
        yield from (FixedDriver(node.name, state) for state in part.states)


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
        said: what single trials can say under each.
    """

    held: Sequence[FixedDriver]
    changes: Floats
    trials: Floats
    said: Sequence[SingleTrials]


def _moves(title: str, moved: _HeldStates, present: SingleTrials, places: Mapping[str, int]) -> DriverMoves:
    """What is made of them."""
    held, trials = moved.held, float(moved.trials.sum())
    change = ratio(moved.changes, moved.trials)
    change = covered(
        change, trials, lambda: _stacked(said.less(present) for said in moved.said), [present], lowest=-1.0
    )
    apart = change.value[:, None] - change.value[None]
    distances = np.abs(apart).sum(axis=-1) / 2
    low, high = sorted(
        map(int, np.unravel_index(distances.argmax(), distances.shape)), key=lambda state: change.value[state, 0]
    )
    contrast = (moved.changes[:, high] - moved.changes[:, low]) @ np.sign(apart[high, low]) / 2
    swing = variation_covered(
        ratio(contrast, moved.trials),
        trials,
        apart[high, low],
        lambda: averaged(moved.said[high].less(moved.said[low])),
        [present],
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
    low, high = zip(*map(averaged, limits), strict=True)
    return np.stack(low), np.stack(high)
