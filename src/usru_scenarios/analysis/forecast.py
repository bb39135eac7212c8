"""How likely is each scenario? Runs a model and makes estimates with standard errors of the sums."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from usru_scenarios.analysis.ask import LEAST_EFFECTIVE, MOST_TRIALS, NOTHING_SEEN, unseen
from usru_scenarios.language.questions import Intervention, Observation
from usru_scenarios.meaning.events import All
from usru_scenarios.meaning.program import CategoricalNode, Floats, NumericNode, Program
from usru_scenarios.model import Categorical, Distribution, Model, Numeric
from usru_scenarios.problems import Problem, TooFewDraws
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.reading.provenance import judgements
from usru_scenarios.results.forecast import Errors, ScenarioResult, Simulation, StatesResult, ValueErrors, ValuesResult
from usru_scenarios.results.run import ModelLine, Run, Warned
from usru_scenarios.sampler.conditioning import simulate_given
from usru_scenarios.sampler.engine import BINS, Draws, MapBlocks, NumericSums, Plan, simulate
from usru_scenarios.sampler.estimates import Estimate, ratio
from usru_scenarios.version import __version__

DEFAULT_TRIALS = 65_536
"""Enough for every standard error of the bundled model to be below .002: at worst 0.5 / sqrt(65536)."""

DEFAULT_SEED = 1

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def forecast(
    loaded: Loaded,
    program: Program,
    *,
    trials: int = DEFAULT_TRIALS,
    seed: int = DEFAULT_SEED,
    do: Sequence[Intervention] = (),
    given: Sequence[Observation] = (),
    map_blocks: MapBlocks = map,
) -> Simulation:
    """Sample a model and report its likelihoods.

    Args:
        loaded: the model and where it came from.
        program: the model, compiled.
        trials: how many worlds to draw, at least 2, so that there is a standard error; more where too few of them agree
            with what is given.
        seed: of the random streams, at least 0.
        do: interventions, which cut nodes off from their causes.
        given: observations, which weigh worlds by how well they agree.
        map_blocks: as in `engine.simulate`.

    Raises:
        ValueError: too few trials or a negative seed.
        ImpossibleEvidence: no world agrees with what is given.
        TooFewDraws: too few worlds do.
    """
    if trials < 2:
        raise ValueError("at least 2 trials are needed, since a single one has no standard error")
    if seed < 0:
        raise ValueError("a seed is a whole number, 0 or above")
    for intervention in do:
        program = intervention.on(program)
    plan, draws = _drawn(program, Plan(trials, seed), given, map_blocks)
    model = loaded.model
    moves, move_errors = _transitions(draws)
    return Simulation(
        model=ModelLine(model.name, model.title, loaded.sha256),
        run=Run(
            trials=plan.trials,
            seed=seed,
            method="sample",
            steps=list(program.grid.labels),
            profile=loaded.profile,
            weights={name: float(program.weights[name].mean()) for name in model.drivers},
            do=[intervention.text for intervention in do],
            given=[observation.text for observation in given],
            effective_trials=draws.effective_trials,
            usru_version=__version__,
        ),
        scenarios=_scenarios(program, draws, model),
        groups=_groups(program, draws),
        transitions=nested(moves, program, model),
        transition_errors=nested(move_errors, program, model),
        drivers=_nodes(program, draws, model.drivers.items()),
        consequences=_nodes(program, draws, model.consequences.items()),
        baseline=baseline(model),
        warnings=warnings(loaded, program),
    )


def _drawn(program: Program, plan: Plan, given: Sequence[Observation], map_blocks: MapBlocks) -> tuple[Plan, Draws]:
    """The sums of a run, drawn on until enough worlds agree with what is given, and the plan of the last run."""
    if not given:
        return plan, simulate(program, plan, map_blocks)
    seen = All(tuple(observation.event for observation in given))
    while True:
        draws = simulate_given(program, seen, plan, map_blocks)
        effective = draws.effective_trials
        if effective >= min(LEAST_EFFECTIVE, plan.trials):
            return plan, draws
        if plan.trials >= (MOST_TRIALS if effective else min(MOST_TRIALS, NOTHING_SEEN)):
            raise _too_few(program, draws, given, plan)
        plan = Plan(min(4 * plan.trials, MOST_TRIALS), plan.seed)


def _too_few(program: Program, draws: Draws, given: Sequence[Observation], plan: Plan) -> Exception:
    evidence = [(observation.text, observation.event) for observation in given]
    if not draws.effective_trials:
        return unseen(program, evidence, plan)
    end = ratio(draws.visits[:, -1, 0], draws.trials)
    what = f"{program.outcome.states[0]} at the end, given {', '.join(text for text, _ in evidence)}"
    return TooFewDraws(draws.effective_trials, float(end.value), float(end.error), what)


def warned(problem: Problem) -> Warned:
    """A problem as a result carries it."""
    if problem.span is None:
        return Warned(problem.code, problem.message)
    return Warned(problem.code, problem.message, problem.span.source, problem.span.line)


def _scenarios(program: Program, draws: Draws, model: Model) -> dict[str, ScenarioResult]:
    series, index = _Series(program, draws), program.outcome.states.index
    return {
        name: series.of([index(name)], index(name), scenario.title or name)
        for name, scenario in model.scenarios.items()
    }


def _groups(program: Program, draws: Draws) -> dict[str, ScenarioResult]:
    series, first = _Series(program, draws), len(program.outcome.states)
    return {
        name: series.of(list(members), first + number, name)
        for number, (name, members) in enumerate(program.groups.items())
    }


class _Series:
    """Estimates over time of scenarios and groups."""

    def __init__(self, program: Program, draws: Draws) -> None:
        self.draws = draws
        self.steps = program.steps

    def of(self, members: list[int], first: int, title: str) -> ScenarioResult:
        """The result of a set of scenarios whose first visits are counted in column `first`."""
        trials = self.draws.trials
        visits = self.draws.visits[:, :, members].sum(axis=2)
        by_step = ratio(visits, trials)
        mean = ratio(visits.sum(axis=1), trials * self.steps)
        first_visit = ratio(self.draws.first[:, :, first], trials)
        ever = ratio(self.draws.first[:, :, first].sum(axis=1), trials)
        return ScenarioResult(
            title=title,
            by_step=clean(by_step.value),
            end=clean(by_step.value)[-1],
            mean=float(mean.value),
            ever=min(float(ever.value), 1.0),
            first_visit=clean(first_visit.value),
            standard_errors=Errors(
                by_step=by_step.error.tolist(),
                end=float(by_step.error[-1]),
                mean=float(mean.error),
                ever=float(ever.error),
                first_visit=first_visit.error.tolist(),
            ),
        )


def clean(values: Floats) -> list[float]:
    """Probabilities without the rounding of sums: never below 0 or above 1."""
    clean: list[float] = np.clip(values, 0.0, 1.0).tolist()
    return clean


def _transitions(draws: Draws) -> tuple[Floats, Floats]:
    """The pooled transition matrix and its standard errors, shape (from, to); NaN where a scenario never occurs."""
    there = draws.moves.sum(axis=2, keepdims=True)
    estimate = ratio(draws.moves, np.broadcast_to(there, draws.moves.shape))
    return np.clip(estimate.value, 0.0, 1.0), estimate.error


def nested(matrix: Floats, program: Program, model: Model) -> dict[str, dict[str, float | None]]:
    """A matrix over the program's scenarios by names, in the order of the file; None for what is no number."""
    index = program.outcome.states.index
    return {
        start: {
            end: None if math.isnan(value := float(matrix[index(start), index(end)])) else value
            for end in model.scenarios
        }
        for start in model.scenarios
    }


def _nodes(
    program: Program, draws: Draws, nodes: Iterable[tuple[str, Categorical | Numeric]]
) -> dict[str, StatesResult | ValuesResult]:
    results: dict[str, StatesResult | ValuesResult] = {}
    for name, part in nodes:
        node = program.nodes[name]
        title = part.title or name
        if isinstance(node, NumericNode):
            results[name] = _values(title, node, draws.values[name], draws.effective_trials)
        elif isinstance(part, Categorical):
            results[name] = _states(title, node, list(part.states), draws.states(name))
    return results


def _states(title: str, node: CategoricalNode, order: list[str], estimate: Estimate) -> StatesResult:
    """The share of each state at each step, in the order of the file."""
    columns = {state: node.states.index(state) for state in order}
    return StatesResult(
        title,
        {state: clean(estimate.value[:, column]) for state, column in columns.items()},
        {state: estimate.error[:, column].tolist() for state, column in columns.items()},
    )


def _values(title: str, node: NumericNode, sums: NumericSums, effective: float) -> ValuesResult:
    """Mean and quantiles of a numeric node; a quantile's error is half the span of the quantiles one error away."""
    trials = sums.bins.sum(axis=1)
    mean = sums.total / trials
    spread = np.sqrt(np.maximum(sums.squares / trials - mean**2, 0.0) / max(effective - 1, 1))
    quantiles, errors = {}, {}
    for share in QUANTILES:
        reach = math.sqrt(share * (1.0 - share) / effective)
        quantiles[f"{share:.2f}"] = _quantile(share, node, sums).tolist()
        above, below = (_quantile(min(max(share + way * reach, 0.0), 1.0), node, sums) for way in (1, -1))
        errors[f"{share:.2f}"] = ((above - below) / 2).tolist()
    return ValuesResult(title, mean.tolist(), quantiles, ValueErrors(spread.tolist(), errors))


def _quantile(share: float, node: NumericNode, sums: NumericSums) -> Floats:
    """The quantile at each step, linear within a bin and never beyond what was seen."""
    edges = np.append(np.linspace(node.scale.low, node.scale.high, BINS + 1), node.scale.high)
    cumulative = np.concatenate((np.zeros((len(sums.bins), 1)), np.cumsum(sums.bins, axis=1)), axis=1)
    found: Floats = np.array([np.interp(share * row[-1], row, edges) for row in cumulative])
    return np.clip(found, sums.least, sums.most)


def baseline(model: Model) -> dict[str, float]:
    """The share of each scenario that the drivers do not explain."""
    shares = {
        name: 1.0 if scenario.baseline is None else scenario.baseline.mean for name, scenario in model.scenarios.items()
    }
    total = math.fsum(shares.values())
    return {name: share / total for name, share in shares.items()}


def warnings(loaded: Loaded, program: Program) -> list[Warned]:
    """What a reader of a forecast should know."""
    return [warned(problem) for problem in (*loaded.warnings, *_independence(program), *_uncertainty(loaded))]


def _uncertainty(loaded: Loaded) -> Iterable[Problem]:
    uncertain = [judged for judged in judgements(loaded.model) if isinstance(judged.judgement.value, Distribution)]
    if uncertain:
        first = ".".join(map(str, uncertain[0].path))
        yield Problem(
            "judgements_at_their_means",
            f"{len(uncertain)} uncertain judgements are taken at their means, the first of them {first}; the band that "
            "they give is not computed",
            severity="warning",
        )


def _independence(program: Program) -> Iterable[Problem]:
    if program.steps > 1 and not program.outcome.persistence.any():
        yield Problem(
            "independent_outcome",
            "the outcome has no persistence: it follows the drivers afresh at every step, so that ever, first visits "
            "and transitions say little",
            hint="give outcome.persistence a value, such as 0.5",
            severity="warning",
        )
