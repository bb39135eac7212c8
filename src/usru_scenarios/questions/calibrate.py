"""Which baselines reproduce the anchor? They are what the cited drivers do not explain."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.model.schema import Model
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import Problem, UsruError
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.events import InStates, Timed
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.questions.run_description import describe_run
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.reading.places import Place
from usru_scenarios.reading.pydantic_errors import locate
from usru_scenarios.reading.yaml_scalars import replace_scalars
from usru_scenarios.results.calibrate import Calibration
from usru_scenarios.sampler.blocks import MapBlocks, Plan
from usru_scenarios.sampler.forecast import simulate
from usru_scenarios.settings import DEFAULT_SEED, RunSettings
from usru_scenarios.work import listener_of

TRIALS = 262_144
"""Trials of each evaluation: standard errors of the shares below .001."""

ROUGH_TRIALS = 16_384
"""Trials of the first evaluations, which bring the baselines near."""

WARNING_TRIALS = 65_536
"""Trials for the question whether a file meets its anchor."""

TOLERANCE = 0.005
"""By how much a file's shares may miss its anchor without a warning."""

_CLOSE_GAP = 1e-7
_ACCEPTED_GAP = 2e-4
"""Where the scenario is drawn its shares move in small jumps, so that the anchor can't be met to more digits."""
_MOST_ROUNDS = 400
_MOST_IDLE_ROUNDS, _PROGRESS = 10, 0.95
"""Rounds in which the gap to the anchor must shrink to this share of itself, lest there be nothing to hope for."""


class NoAnchor(UsruError):  # noqa: N818  # a public name
    """The model has no anchor, or one that its baselines can't reproduce."""


class AnchorShares(NamedTuple):
    """The shares that the scenarios are to have, shape (scenarios,), and the step at which."""

    shares: Floats
    step: int


def calibrate(loaded: Loaded, program: Program, settings: RunSettings, *, map_blocks: MapBlocks = map) -> Calibration:
    """Solve the baselines for the anchor of a file, read without a profile or weights from outside.

    Where the shares are sampled, each evaluation takes as many trials as the settings say.

    Raises:
        NoAnchor: there is none, or no baselines reproduce it.
    """
    from usru_scenarios.questions.probability import is_faster_exactly

    model = loaded.model
    target = anchor_shares(model)
    until, events = _program_until(target.step, program), _scenarios_at(target.step, program)
    plan = None if is_faster_exactly(until, events) else Plan(settings.trials, settings.seed)  # method (41)
    before = normalised_baselines(program)
    baselines = solve_baselines(program, target, plan, map_blocks)
    trials = plan.trials if plan else 0
    conditioned = Conditioned(program)
    return Calibration(
        model=loaded.outline.model,
        run=describe_run(loaded.outline, conditioned, seed=settings.seed, trials=trials, effective=trials or None),
        at=program.grid.labels[target.step],
        anchor=_by_scenario(model, program, target.shares),
        before=_by_scenario(model, program, before),
        shares_before=_by_scenario(model, program, scenario_shares(program, target.step, before, plan, map_blocks)),
        baselines=_by_scenario(model, program, baselines),
        trials=trials,
        seed=settings.seed,
        judgements_at_means=loaded.outline.count_at_means(0),
    )


def solve_baselines(program: Program, target: AnchorShares, plan: Plan | None, map_blocks: MapBlocks = map) -> Floats:
    """The baselines, shape (scenarios,), that meet a target; exactly without a plan of the draws of each evaluation.

    Raises:
        NoAnchor: none do.
    """
    baselines = np.where(program.outcome.prior > 0, normalised_baselines(program), target.shares)

    def fit(plan: Plan | None, map_blocks: MapBlocks, close: float) -> tuple[Floats, Floats]:
        shares_under = partial(scenario_shares, program, target.step, plan=plan, map_blocks=map_blocks)
        return _fit_baselines(target.shares, baselines, shares_under, close)

    if plan is not None:
        baselines, _ = fit(Plan(min(ROUGH_TRIALS, plan.trials), plan.seed), map, _ACCEPTED_GAP)
    baselines, reached = fit(plan, map_blocks, _CLOSE_GAP)
    if np.abs(reached - target.shares).max() > _ACCEPTED_GAP:
        shares = ", ".join(f"{name} {share:.3f}" for name, share in zip(program.outcome.states, reached, strict=True))
        raise NoAnchor(
            f"no baselines reproduce the anchor at {program.grid.labels[target.step]}: the nearest shares are {shares}",
            "does an event or an initial state decide that step?",
        )
    return baselines


def _fit_baselines(
    target: Floats, baselines: Floats, shares_under: Callable[[Floats], Floats], close: float
) -> tuple[Floats, Floats]:
    """The best baselines that are found from others, and the shares that they give, shape (scenarios,): method (58)."""
    reached = shares_under(baselines)
    least_gap = float(np.abs(reached - target).max())
    best, milestone_gap, idle_rounds = (baselines, reached), least_gap, 0
    for _ in range(_MOST_ROUNDS):
        if least_gap < close or idle_rounds > _MOST_IDLE_ROUNDS:
            break
        baselines = baselines * np.clip(target / np.maximum(reached, 1e-12), 0.01, 100.0)
        baselines /= baselines.sum()
        reached = shares_under(baselines)
        gap = float(np.abs(reached - target).max())
        if gap < least_gap:
            best, least_gap = (baselines, reached), gap
        milestone_gap, idle_rounds = (gap, 0) if gap < _PROGRESS * milestone_gap else (milestone_gap, idle_rounds + 1)
    return best


def anchor_warning(loaded: Loaded, program: Program) -> Problem | None:
    """The warning that a file, read without a profile, misses its own anchor by more than `TOLERANCE`, or None."""
    if loaded.model.anchor is None:
        return None
    target, step = anchor_shares(loaded.model)
    reached = scenario_shares(program, step, normalised_baselines(program), Plan(WARNING_TRIALS, DEFAULT_SEED), map)
    gap = np.abs(reached - target)
    worst = int(gap.argmax())
    if gap[worst] <= TOLERANCE:
        return None
    return Problem(
        "anchor_missed",
        f"the anchor says {target[worst]:.3f} for '{program.outcome.states[worst]}' at {program.grid.labels[step]}, "
        f"the model {reached[worst]:.3f}: off by {gap[worst]:.3f}, more than {TOLERANCE}",
        loaded.find_span(("anchor", "shares", program.outcome.states[worst])),
        "'usru calibrate' solves the baselines for the anchor",
        "warning",
    )


def meets_anchor(loaded: Loaded, program: Program) -> bool:
    """Whether a file has an anchor, and no `anchor_warning`."""
    return loaded.model.anchor is not None and anchor_warning(loaded, program) is None


def anchor_shares(model: Model) -> AnchorShares:
    """What the anchor says.

    Raises:
        NoAnchor: there is none.
    """
    if model.anchor is None:
        raise NoAnchor(
            "the model has no anchor to solve its baselines for",
            "add for instance anchor: {at: start, shares: {...}} with a share for each scenario",
        )
    shares = np.array([model.anchor.shares[name].mean for name in sorted(model.scenarios)])
    return AnchorShares(shares / shares.sum(), model.grid.steps_of_moment(model.anchor.at)[0])


def calibrated_compiler(file: Model, target: AnchorShares | None, plan: Plan) -> Callable[[Model], Program]:
    """What compiles readings of a file with baselines that are solved for a target, if there is one.

    A reading that has baselines of its own, as under a profile, keeps them.

    Raises:
        NoAnchor: no baselines meet the target.
    """
    baselines = None if target is None else solve_baselines(compile_model(file), target, plan)

    def compile_calibrated(model: Model) -> Program:
        program, scenarios = compile_model(model), model.scenarios.items()
        has_own_baselines = any(
            scenario.baseline != file.scenarios[name].baseline for name, scenario in scenarios if name in file.scenarios
        )
        return program if baselines is None or has_own_baselines else with_baselines(program, baselines)

    return compile_calibrated


def normalised_baselines(program: Program) -> Floats:
    """The baselines of a program, brought to sum to 1, shape (scenarios,)."""
    baselines: Floats = program.outcome.prior / program.outcome.prior.sum()
    return baselines


def with_baselines(program: Program, baselines: Floats) -> Program:
    """The program with other baselines, shape (scenarios,)."""
    return replace(program, nodes={**program.nodes, OUTCOME: replace(program.outcome, prior=baselines)})


def scenario_shares(program: Program, step: int, baselines: Floats, plan: Plan | None, map_blocks: MapBlocks) -> Floats:
    """The scenarios' probabilities at a step under other baselines, shape (scenarios,); exact without a plan."""
    shorter = _program_until(step, with_baselines(program, baselines))
    if plan is None:
        from usru_scenarios.exact import inference as exact

        return np.array(exact.probabilities(shorter, _scenarios_at(step, shorter), progress=listener_of(map_blocks)))
    sums = simulate(shorter, plan, map_blocks)
    shares: Floats = sums.visits[:, step].sum(axis=0) / sums.trials.sum()
    return shares


def _program_until(step: int, program: Program) -> Program:
    """The program up to a step, without the groups."""
    return replace(program.truncate_after(step), groups={})


def _scenarios_at(step: int, program: Program) -> list[Timed]:
    """That each of the scenarios holds at a step."""
    return [
        Timed("at", range(step, step + 1), InStates(OUTCOME, frozenset({state})))
        for state in range(len(program.outcome.states))
    ]


def _by_scenario(model: Model, program: Program, values: Floats) -> dict[str, float]:
    """Values by scenario, in the order of the file."""
    by_name: Mapping[str, float] = dict(zip(program.outcome.states, values.tolist(), strict=True))
    return {name: by_name[name] for name in model.scenarios}


class NotInPlaceError(UsruError):
    """The baselines can't be changed where they stand; the message says why, and what to do."""

    exit_status = 2


def rewrite_baselines(loaded: Loaded, baselines: Mapping[str, float]) -> str:
    """The text of a file with other baselines, by scenario, and every other character as it is.

    Raises:
        NotInPlaceError: a baseline is not there, is uncertain, or stands in another file.
    """
    text = {name: f"{value!r}" for name, value in round_baselines(baselines).items()}
    entries = ", ".join(f"{name}: {{baseline: {value}}}" for name, value in text.items())
    if not any(scenario.baseline for scenario in loaded.model.scenarios.values()):
        hint = f"give each scenario one, then --write keeps them up to date: {{{entries}}}"
        span = loaded.find_span(("scenarios",))
        raise NotInPlaceError(str(Problem("no_baseline", "the scenarios have no baseline to change", span, hint)))
    numbers = {name: _baseline_place(loaded, name) for name in text}
    home = loaded.source
    other_files = sorted({place.source.name for place in numbers.values() if place.source is not home})
    if other_files:
        message = f"the baselines stand in {' and '.join(other_files)}, which {home.name} extends"
        hint = f"usru calibrate {other_files[0]} --write, or add to {home.name}: scenarios: {{{entries}}}"
        raise NotInPlaceError(str(Problem("other_file", message, None, hint)))
    return replace_scalars(home, ((place, text[name]) for name, place in numbers.items()))


def _baseline_place(loaded: Loaded, name: str) -> Place:
    """Where the number of a baseline stands, whichever way it is written."""
    place = locate(loaded.tree.place, ("scenarios", name, "baseline", "value"))[0]
    if place.children:
        message = f"the baseline of '{name}' is uncertain; a solved one is a number"
        raise NotInPlaceError(str(Problem("uncertain_baseline", message, place.key_span(), "write its mean instead")))
    return place


def round_baselines(baselines: Mapping[str, float]) -> dict[str, float]:
    """Baselines as they are written into a file: to four decimals, or four digits where they are small."""
    return {
        name: round(value, 4 if value >= 0.1 else 3 - math.floor(math.log10(value))) if value > 0 else 0.0
        for name, value in baselines.items()
    }
