"""What matters for the forecast: four questions, each with an answer of its own.

Which driver's uncertainty (`drivers`), which driver moves it (`moves`), which weight and which judgement (`slopes`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from usru_scenarios.estimation.estimates import Estimate, ratio
from usru_scenarios.light_dataclasses import replace
from usru_scenarios.model.outline import Outline
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.events import Formula
from usru_scenarios.questions.difference_error_floors import cover_unseen, mean_limits
from usru_scenarios.questions.program_batches import expect_runs
from usru_scenarios.questions.program_edits import PartCache, make_uncached
from usru_scenarios.questions.run_description import describe_run
from usru_scenarios.questions.sensitivity.drivers import estimate_driver_uncertainties, predict_exchange_seconds
from usru_scenarios.questions.sensitivity.likelihood_ratio import predict_tilting_seconds
from usru_scenarios.questions.sensitivity.moves import estimate_driver_moves
from usru_scenarios.questions.sensitivity.observed import SensitivityRun, draw_observed
from usru_scenarios.questions.sensitivity.perturbed_model import PerturbedModel
from usru_scenarios.questions.sensitivity.slopes import estimate_slopes
from usru_scenarios.questions.simulate.question import forecast_warnings
from usru_scenarios.questions.target import parse_target
from usru_scenarios.results.common import Warned
from usru_scenarios.results.sensitivity import QUESTIONS, Question, Sensitivity
from usru_scenarios.sampler.blocks import KernelCache, MapBlocks, Plan, predict_block_seconds
from usru_scenarios.sampler.common_random_numbers import simulate_variants
from usru_scenarios.sampler.likelihood_weighting import program_of_steps
from usru_scenarios.sampler.shared_draws import SharedDraws
from usru_scenarios.settings import RunSettings
from usru_scenarios.work import listener_of

_MOST_NAMED = 6
"""States that are named in a warning."""


def sensitivity(
    outline: Outline,
    model: PerturbedModel,
    conditioned: Conditioned,
    settings: RunSettings,
    *,
    of: str | None = None,
    at: str | None = None,
    questions: Collection[Question] = QUESTIONS,
    map_blocks: MapBlocks = map,
    keep: PartCache = make_uncached,
) -> Sensitivity:
    """Say what matters.

    Args:
        outline: what the model calls its parts.
        model: what follows from it for its weights and judgements.
        conditioned: the model, compiled, and the conditions under which all is asked.
        settings: how many trials to draw (more where too few of them agree with what is given), and the seed.
        of: a scenario or group; by default the whole distribution of scenarios.
        at: a step, or `mean` for the average over all; by default the last step.
        questions: those that are asked.
        map_blocks: as in `forecast.simulate`.
        keep: gives what follows from the conditioned model.

    Raises:
        QueryError: `of` or `at` makes no sense in this model.
        ImpossibleEvidence: what is given can't happen.
        TooFewTrials: too few trials agree with what is given.
    """
    target, program = parse_target(of, at, conditioned.base), conditioned.program
    kernels = KernelCache(SharedDraws())  # the program as it is is walked for each of the questions
    run = SensitivityRun(program, target, Plan(settings.trials, settings.seed), map_blocks, kernels, keep=keep)
    _announce_work(outline, model, run, conditioned.given, questions)
    observed = draw_observed(conditioned, target, settings, map_blocks, kernels)
    if observed is not None:
        first_plan, run = run.plan, replace(run, plan=observed.plan, observed=observed)
        if run.plan != first_plan:
            _announce_work(outline, model, run, run.given, questions)
    plan = run.plan
    drivers, note = estimate_driver_uncertainties(outline, run) if "drivers" in questions else (None, "")
    slopes = estimate_slopes(model, run) if {"weights", "judgements"} & {*questions} else None
    of_judgements = slopes if "judgements" in questions else None
    probabilities = _estimate_present(run)
    driver_moves, rare_states = estimate_driver_moves(outline, run) if "moves" in questions else (None, [])
    places = target.places(outline.scenarios, program)
    return Sensitivity(
        model=outline.model,
        run=describe_run(outline, conditioned, seed=plan.seed, trials=plan.trials, effective=run.sampled),
        of=target.name or None,
        title=outline.title(target.name),
        at=target.at(program),
        probability={name: float(probabilities.value[place]) for name, place in places.items()},
        standard_errors={name: float(probabilities.error[place]) for name, place in places.items()},
        drivers=drivers,
        moves=driver_moves,
        weights=slopes.weights if slopes and "weights" in questions else None,
        judgements=of_judgements.judgements if of_judgements else None,
        left_out=of_judgements.left_out if of_judgements else [],
        claims=of_judgements.claims if of_judgements else {},
        note=note,
        warnings=[*forecast_warnings(outline, program), *_warn_of_rare_states(rare_states)],
    )


def _warn_of_rare_states(states: Sequence[str]) -> list[Warned]:
    """The warning for states in which no driver can be held, since too few trials agree with what is observed."""
    if not states:
        return []
    named = ", ".join([*states[:_MOST_NAMED], *(["..."] if len(states) > _MOST_NAMED else [])])
    message = f"{named}: not held, since what has been seen hardly ever happens then"
    return [Warned("too_rare", message, count=len(states))]


def _announce_work(
    outline: Outline, model: PerturbedModel, run: SensitivityRun, given: Formula | None, questions: Collection[Question]
) -> None:
    """Tell what work the questions are; what turns out to be drawn anew comes on top of it."""
    progress, plan = listener_of(run.map_blocks), run.plan
    program = program_of_steps(run.program, run.target.steps(run.program).stop, given)
    steps = program.steps
    nodes, trials = len(program.nodes), plan.trials_in(0)
    if "drivers" in questions:
        progress.expect(predict_exchange_seconds(program, steps, trials), plan.blocks)
    if "moves" in questions:
        states = sum(len(driver.states) or 2 for driver in outline.drivers.values())
        if given is None:
            expect_runs(progress, program, 1 + states, plan)
        else:
            progress.expect(predict_block_seconds(nodes, steps, trials), plan.blocks * (1 + states))
    if {"weights", "judgements"} & {*questions}:
        progress.expect(
            predict_block_seconds(nodes, steps, trials)
            + predict_tilting_seconds(len(model.perturbations), steps, len(program.outcome.states)),
            plan.blocks,
        )
    progress.expect(predict_block_seconds(nodes, steps, trials), plan.blocks)


def _estimate_present(run: SensitivityRun) -> Estimate:
    """The probabilities of the cells in the model as it is, given what is observed."""
    target, observed = run.target, run.observed
    if observed is None:
        steps = target.steps(run.program)
        program = program_of_steps(run.program, steps.stop, None)
        visits = simulate_variants([program], run.plan, run.map_blocks, run.kernels, steps)
        present = ratio(target.gathered(visits.visits[0].mean(axis=1).T).T, visits.trials)
    else:
        present = ratio(observed.sums.of(target.cells, [range(1)])[:, 0], observed.sums.trials)
    return cover_unseen(present, run.sampled, lambda: mean_limits(run.single_trials.limits), [run.single_trials])
