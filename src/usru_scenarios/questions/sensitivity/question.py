"""What matters for the forecast: four questions, each answered apart.

Which driver's uncertainty (`drivers`), which driver moves it (`moves`), which weight and which judgement
(`slopes`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from usru_scenarios.estimation.estimates import Estimate, ratio
from usru_scenarios.model.judgements import judgements
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.program import Program
from usru_scenarios.questions.described import run_of
from usru_scenarios.questions.difference_error_floors import averaged, covered
from usru_scenarios.questions.program_batches import expect_runs
from usru_scenarios.questions.sensitivity.drivers import driver_uncertainties, exchanging_seconds
from usru_scenarios.questions.sensitivity.likelihood_ratio import tilting_seconds
from usru_scenarios.questions.sensitivity.moves import moves
from usru_scenarios.questions.sensitivity.slopes import slopes
from usru_scenarios.questions.simulate.question import warnings
from usru_scenarios.questions.target import Target, parse_target
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.results.sensitivity import QUESTIONS, Question, Sensitivity
from usru_scenarios.sampler.blocks import KernelCache, MapBlocks, Plan, block_seconds
from usru_scenarios.sampler.common_random_numbers import simulate_variants
from usru_scenarios.sampler.shared_draws import SharedDraws
from usru_scenarios.settings import RunSettings
from usru_scenarios.work import Listener, listener


def sensitivity(
    loaded: Loaded,
    conditioned: Conditioned,
    settings: RunSettings,
    *,
    of: str | None = None,
    at: str | None = None,
    questions: Collection[Question] = QUESTIONS,
    map_blocks: MapBlocks = map,
) -> Sensitivity:
    """Say what matters.

    Args:
        loaded: the model and where it came from.
        conditioned: the model, compiled, and the interventions under which all is asked.
        settings: how many trials to draw, and the seed.
        of: a scenario or group; by default the whole distribution of scenarios.
        at: a step, or `mean` for the average over all; by default the last step.
        questions: those that are asked.
        map_blocks: as in `forecast.simulate`.

    Raises:
        QueryError: `of` or `at` makes no sense in this model.
    """
    aim, program = parse_target(of, at, conditioned.base), conditioned.program
    outline, plan = loaded.outline, Plan(settings.trials, settings.seed)
    _expect(listener(map_blocks), loaded, program, aim, plan, questions=questions)
    kernels = KernelCache(SharedDraws())  # the program as it is is walked for each of the questions
    drivers, note = (
        driver_uncertainties(outline, program, aim, plan, map_blocks, kernels=kernels)
        if "drivers" in questions
        else (None, "")
    )
    steep = (
        slopes(loaded, program, aim, plan, map_blocks, kernels=kernels)
        if {"weights", "judgements"} & {*questions}
        else None
    )
    present = _present(program, aim, plan, map_blocks, kernels)
    places = aim.places(outline.scenarios, program)
    return Sensitivity(
        model=outline.model,
        run=run_of(outline, conditioned, seed=plan.seed, trials=plan.trials, effective=float(plan.trials)),
        of=aim.name or None,
        title=outline.title(aim.name),
        at=aim.at(program),
        probability={name: float(present.value[place]) for name, place in places.items()},
        standard_errors={name: float(present.error[place]) for name, place in places.items()},
        drivers=drivers,
        moves=moves(outline, program, aim, plan, map_blocks, kernels=kernels) if "moves" in questions else None,
        weights=steep.weights if steep and "weights" in questions else None,
        judgements=steep.judgements if steep and "judgements" in questions else None,
        left_out=steep.left_out if steep and "judgements" in questions else [],
        claims=steep.claims if steep and "judgements" in questions else {},
        note=note,
        warnings=warnings(outline, program),
    )


def _expect(
    told: Listener, loaded: Loaded, program: Program, aim: Target, plan: Plan, *, questions: Collection[Question]
) -> None:
    """Tell what work the questions are; what turns out to be drawn anew comes on top of it."""
    steps, nodes, trials = aim.steps(program).stop, len(program.nodes), plan.trials_in(0)
    if "drivers" in questions:
        told.expect(exchanging_seconds(program, steps, trials), plan.blocks)
    if "moves" in questions:
        states = sum(len(driver.states) or 2 for driver in loaded.outline.drivers.values())
        expect_runs(told, replace(program, grid=replace(program.grid, count=steps)), 1 + states, plan)
    if {"weights", "judgements"} & {*questions}:
        judged = sum(1 for _ in judgements(loaded.model))
        told.expect(
            block_seconds(nodes, steps, trials) + tilting_seconds(judged, steps, len(program.outcome.states)),
            plan.blocks,
        )
    told.expect(block_seconds(nodes, steps, trials), plan.blocks)


def _present(program: Program, aim: Target, plan: Plan, map_blocks: MapBlocks, kernels: KernelCache) -> Estimate:
    """The probabilities of the cells in the model as it is."""
    steps = aim.steps(program)
    program = replace(program, grid=replace(program.grid, count=steps.stop))
    visits = simulate_variants([program], plan, map_blocks, kernels)
    cells = aim.gathered(visits.visits[0][:, steps.start : steps.stop].mean(axis=1).T)
    said = aim.said(program)
    return covered(ratio(cells.T, visits.trials), plan.trials, lambda: averaged(said.limits), [said])
