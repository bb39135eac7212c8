"""Which baselines reproduce the anchor? They are what the cited drivers do not explain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from usru_scenarios.engine import MapBlocks, Plan, simulate
from usru_scenarios.model import OUTCOME, Model
from usru_scenarios.problems import Problem, UsruError
from usru_scenarios.program import Floats, Program
from usru_scenarios.results import Calibration

TRIALS = 262_144
"""Trials of each evaluation: standard errors of the shares below .001."""

TOLERANCE = 0.005
"""By how much a file's shares may miss its anchor without a warning."""

_CLOSE = 1e-7
_ROUNDS = 400


class NoAnchor(UsruError):  # noqa: N818  # says what is at fault
    """The model has no anchor, or one that its baselines can't reproduce."""


def calibrate(model: Model, program: Program, *, seed: int = 1, map_blocks: MapBlocks = map) -> Calibration:
    """Solve the baselines for the anchor.

    The shares at the anchor's step rise with their own baselines alone, so each round multiplies every baseline by how
    much its share falls short: iterative proportional fitting, on the same draws in every round.

    Args:
        model: the file's own model, without a profile or changed weights.
        program: the same, compiled.
        seed: of the draws.
        map_blocks: as in `engine.simulate`.

    Raises:
        NoAnchor: there is none, or no baselines reproduce it.
    """
    wanted, step = _anchor(model, program)
    before = _baselines(program)
    baselines = np.where(before > 0, before, wanted)
    reached = shares(program, step, baselines, seed, map_blocks)
    for _ in range(_ROUNDS):
        if np.abs(reached - wanted).max() < _CLOSE:
            break
        baselines = baselines * wanted / np.maximum(reached, 1e-300)
        baselines /= baselines.sum()
        reached = shares(program, step, baselines, seed, map_blocks)
    else:
        raise NoAnchor(
            f"no baselines reproduce the anchor at {program.grid.labels[step]}: the nearest shares are "
            f"{_listed(program, reached)}\n    = does an event or an initial state decide that step?"
        )
    return Calibration(
        at=program.grid.labels[step],
        anchor=_named(model, program, wanted),
        before=_named(model, program, before),
        shares_before=_named(model, program, shares(program, step, before, seed, map_blocks)),
        baselines=_named(model, program, baselines),
        trials=TRIALS,
        seed=seed,
    )


def anchor_warning(model: Model, program: Program, seed: int = 1) -> Problem | None:
    """The warning that a file misses its own anchor by more than `TOLERANCE`, or None."""
    if model.anchor is None:
        return None
    wanted, step = _anchor(model, program)
    reached = shares(program, step, _baselines(program), seed, map)
    gap = np.abs(reached - wanted)
    worst = int(gap.argmax())
    if gap[worst] <= TOLERANCE:
        return None
    return Problem(
        "anchor_missed",
        f"the anchor says {wanted[worst]:.3f} for '{program.outcome.states[worst]}' at {program.grid.labels[step]}, "
        f"the model {reached[worst]:.3f}: off by {gap[worst]:.3f}, more than {TOLERANCE}",
        hint="usru calibrate solves the baselines for the anchor",
        severity="warning",
    )


def _anchor(model: Model, program: Program) -> tuple[Floats, int]:
    """The anchor's shares in the order of the program, and its step."""
    if model.anchor is None:
        raise NoAnchor(
            "the model has no anchor to solve its baselines for\n"
            "    = add for instance anchor: {at: start, shares: {...}} with a share for each scenario"
        )
    given = np.array([model.anchor.shares[state].mean for state in program.outcome.states])
    return given / given.sum(), program.grid.moment(model.anchor.at)[0]


def _baselines(program: Program) -> Floats:
    normalised: Floats = program.outcome.prior / program.outcome.prior.sum()
    return normalised


def shares(program: Program, step: int, baselines: Floats, seed: int, map_blocks: MapBlocks) -> Floats:
    """The scenarios' probabilities at a step under other baselines, shape (scenarios,)."""
    outcome = replace(program.outcome, prior=baselines)
    shorter = replace(
        program, grid=replace(program.grid, count=step + 1), nodes={**program.nodes, OUTCOME: outcome}, groups={}
    )
    draws = simulate(shorter, Plan(TRIALS, seed), map_blocks)
    reached: Floats = draws.visits[:, step].sum(axis=0) / draws.trials.sum()
    return reached


def _named(model: Model, program: Program, values: Floats) -> dict[str, float]:
    """Values by scenario, in the order of the file."""
    by_name: Mapping[str, float] = dict(zip(program.outcome.states, values.tolist(), strict=True))
    return {name: by_name[name] for name in model.scenarios}


def _listed(program: Program, values: Floats) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in zip(program.outcome.states, values, strict=True))


def rounded(baselines: Mapping[str, float]) -> dict[str, float]:
    """Baselines as they are written into a file: to four decimals, or four digits where they are small."""
    return {
        name: round(value, 4 if value >= 0.1 else 3 - math.floor(math.log10(value))) if value > 0 else 0.0
        for name, value in baselines.items()
    }
