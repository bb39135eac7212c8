"""What matters for the forecast: four questions, each answered apart.

Which driver's uncertainty (`drivers`), which driver moves it (`moves`), which weight and which judgement
(`slopes`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from usru_scenarios.estimation.estimates import Estimate, ratio
from usru_scenarios.light_dataclasses import replace
from usru_scenarios.model.outline import Outline
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.events import Formula
from usru_scenarios.questions.described import describe_run
from usru_scenarios.questions.difference_error_floors import cover_unseen, mean_limits
from usru_scenarios.questions.program_batches import expect_runs
from usru_scenarios.questions.program_edits import PartCache, make_uncached
from usru_scenarios.questions.sensitivity.drivers import driver_uncertainties, exchanging_seconds
from usru_scenarios.questions.sensitivity.likelihood_ratio import tilting_seconds
from usru_scenarios.questions.sensitivity.moves import moves
from usru_scenarios.questions.sensitivity.observed import SensitivityRun, observed_run
from usru_scenarios.questions.sensitivity.perturbed_model import PerturbedModel
from usru_scenarios.questions.sensitivity.slopes import slopes
from usru_scenarios.questions.simulate.question import forecast_warnings
from usru_scenarios.questions.target import parse_target
from usru_scenarios.results.common import Warned
from usru_scenarios.results.sensitivity import QUESTIONS, Question, Sensitivity
from usru_scenarios.sampler.blocks import KernelCache, MapBlocks, Plan, predict_block_seconds
from usru_scenarios.sampler.common_random_numbers import simulate_variants
from usru_scenarios.sampler.likelihood_weighting import program_of_steps
from usru_scenarios.sampler.shared_draws import SharedDraws
from usru_scenarios.settings import RunSettings
from usru_scenarios.work import listener

_NAMED = 6
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
    aim, program = parse_target(of, at, conditioned.base), conditioned.program
    kernels = KernelCache(SharedDraws())  # the program as it is is walked for each of the questions
    run = SensitivityRun(program, aim, Plan(settings.trials, settings.seed), map_blocks, kernels, keep=keep)
    _expect(outline, model, run, conditioned.given, questions)
    observed = observed_run(conditioned, aim, settings, map_blocks, kernels)
    if observed is not None:
        first, run = run.plan, replace(run, plan=observed.plan, observed=observed)
        if run.plan != first:
            _expect(outline, model, run, run.seen, questions)
    plan = run.plan
    drivers, note = driver_uncertainties(outline, run) if "drivers" in questions else (None, "")
    steep = slopes(model, run) if {"weights", "judgements"} & {*questions} else None
    present = _present(run)
    moved, rare = moves(outline, run) if "moves" in questions else (None, [])
    places = aim.places(outline.scenarios, program)
    return Sensitivity(
        model=outline.model,
        run=describe_run(outline, conditioned, seed=plan.seed, trials=plan.trials, effective=run.sampled),
        of=aim.name or None,
        title=outline.title(aim.name),
        at=aim.at(program),
        probability={name: float(present.value[place]) for name, place in places.items()},
        standard_errors={name: float(present.error[place]) for name, place in places.items()},
        drivers=drivers,
        moves=moved,
        weights=steep.weights if steep and "weights" in questions else None,
        judgements=steep.judgements if steep and "judgements" in questions else None,
        left_out=steep.left_out if steep and "judgements" in questions else [],
        claims=steep.claims if steep and "judgements" in questions else {},
        note=note,
        warnings=[*forecast_warnings(outline, program), *_too_rare(rare)],
    )


def _too_rare(states: Sequence[str]) -> list[Warned]:
    """The warning for states in which no driver can be held, since too few trials agree with what is observed."""
    if not states:
        return []
    named = ", ".join([*states[:_NAMED], *(["..."] if len(states) > _NAMED else [])])
    message = f"{named}: not held, since what has been seen hardly ever happens then"
    return [Warned("too_rare", message, count=len(states))]


def _expect(
    outline: Outline, model: PerturbedModel, run: SensitivityRun, seen: Formula | None, questions: Collection[Question]
) -> None:
    """Tell what work the questions are; what turns out to be drawn anew comes on top of it."""
    progress, plan = listener(run.map_blocks), run.plan
    program = program_of_steps(run.program, run.aim.steps(run.program).stop, seen)
    steps = program.steps
    nodes, trials = len(program.nodes), plan.trials_in(0)
    if "drivers" in questions:
        progress.expect(exchanging_seconds(program, steps, trials), plan.blocks)
    if "moves" in questions:
        states = sum(len(driver.states) or 2 for driver in outline.drivers.values())
        if seen is None:
            expect_runs(progress, program, 1 + states, plan)
        else:
            progress.expect(predict_block_seconds(nodes, steps, trials), plan.blocks * (1 + states))
    if {"weights", "judgements"} & {*questions}:
        progress.expect(
            predict_block_seconds(nodes, steps, trials)
            + tilting_seconds(len(model.all), steps, len(program.outcome.states)),
            plan.blocks,
        )
    progress.expect(predict_block_seconds(nodes, steps, trials), plan.blocks)


def _present(run: SensitivityRun) -> Estimate:
    """The probabilities of the cells in the model as it is, given what is observed."""
    aim, observed = run.aim, run.observed
    if observed is None:
        steps = aim.steps(run.program)
        program = program_of_steps(run.program, steps.stop, None)
        visits = simulate_variants([program], run.plan, run.map_blocks, run.kernels, steps)
        found = ratio(aim.gathered(visits.visits[0].mean(axis=1).T).T, visits.trials)
    else:
        found = ratio(observed.sums.of(aim.cells, [range(1)])[:, 0], observed.sums.trials)
    return cover_unseen(found, run.sampled, lambda: mean_limits(run.single_trials.limits), [run.single_trials])
