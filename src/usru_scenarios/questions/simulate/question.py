"""How likely is each scenario? Runs a model and makes estimates with standard errors of the sums."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from usru_scenarios.estimation.bands import VALUES_AT_ONCE, JudgementBand, concatenate_bands, judgement_band
from usru_scenarios.estimation.estimates import Estimate, ratio, rule_of_three_bound
from usru_scenarios.model.outline import NodeOutline, Outline
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import Problem
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.events import Truth
from usru_scenarios.program.program import CategoricalNode, Floats, NumericNode, Program
from usru_scenarios.program.support import Support
from usru_scenarios.questions.run_description import describe_run
from usru_scenarios.questions.simulate.error_floors import LeastErrors, state_shares
from usru_scenarios.questions.simulate.order import enforce_order
from usru_scenarios.results.common import Run, Warned, to_warned
from usru_scenarios.results.simulate import (
    Band,
    Errors,
    ScenarioResult,
    Simulation,
    StatesResult,
    ValueErrors,
    ValuesResult,
)
from usru_scenarios.sampler.blocks import KernelCache, MapBlocks, Plan
from usru_scenarios.sampler.forecast import BINS, ForecastSums, NumericSums, simulate
from usru_scenarios.settings import MOST_JUDGEMENTS, RunSettings

NEGLIGIBLE_WIDTH = 0.01
"""A band that is no wider is as good as none, however rough."""
MOST_HIDDEN = 0.05
"""By how much a band may be too narrow for what can't be told from noise before that is worth a warning."""
ROUGH_ERROR, GOOD_ERROR = 0.25, 0.1
"""The error of a band's width, as a share of it, from which on it is called rough, and at which it is good."""

_LEAST_TRIALS = 30
"""So many trials on the rarer side of an edge tell how the share below it varies."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class SeriesEstimates(NamedTuple):
    """Estimates over time of a set of scenarios, each of shape (steps,), those of the mean and `ever` ().

    Attributes:
        certain_steps: where it holds for certain: see `certain_steps`.
        band: what the judgements leave open of it by step; None where they are not drawn, or that can't be told.
    """

    certain_steps: Truth
    by_step: Estimate
    mean: Estimate
    ever: Estimate
    first_visit: Estimate
    band: JudgementBand | None


class ValueEstimates(NamedTuple):
    """The mean of a numeric node and its `QUANTILES`, each of shape (steps,)."""

    mean: Estimate
    quantiles: list[Estimate]


class ForecastEstimates(NamedTuple):
    """All that a forecast reports, scenarios and states in the program's order, whichever way it was found.

    Attributes:
        transitions: the pooled transition matrix, shape (from, to); NaN where a scenario never occurs.
        series: of each of `reported_sets`.
        states: by node with states, the share of each at each step, shape (steps, states).
        values: by numeric node.
    """

    transitions: Estimate
    series: list[SeriesEstimates]
    states: dict[str, Estimate]
    values: dict[str, ValueEstimates]


def reported_sets(program: Program) -> list[list[int]]:
    """The sets of scenarios that a forecast is of: each scenario by itself, then the groups."""
    return [*([state] for state in range(len(program.outcome.states))), *map(list, program.groups.values())]


def build_simulation(
    estimates: ForecastEstimates, outline: Outline, program: Program, run: Run, plan: Plan, *, consequences: bool
) -> Simulation:
    """The answer that estimates make, perhaps of consequences too; the plan has no trials where they are exact."""
    index, count = program.outcome.states.index, len(program.outcome.states)
    scenarios, groups = enforce_order(
        {name: _scenario_result(title, estimates.series[index(name)]) for name, title in outline.scenarios.items()},
        dict(zip(program.groups, map(_scenario_result, program.groups, estimates.series[count:]), strict=True)),
        program,
    )
    bands = [series.band for series in estimates.series if series.band is not None]
    return Simulation(
        model=outline.model,
        run=run,
        scenarios=scenarios,
        groups=groups,
        transitions=_matrix_by_name(np.clip(estimates.transitions.value, 0.0, 1.0), program, outline),
        transition_errors=_matrix_by_name(estimates.transitions.error, program, outline),
        drivers=_node_results(estimates, program, outline.drivers),
        consequences=_node_results(estimates, program, outline.consequences if consequences else {}),
        baseline=outline.baseline,
        warnings=forecast_warnings(outline, program, drawn=program.draws > 0)
        + [to_warned(problem) for problem in band_warnings(bands, plan)],
    )


def _scenario_result(title: str, series: SeriesEstimates) -> ScenarioResult:
    by_step, band = clip_probabilities(np.where(series.certain_steps, 1.0, series.by_step.value)), series.band
    return ScenarioResult(
        title=title,
        by_step=by_step,
        end=by_step[-1],
        mean=1.0 if series.certain_steps.all() else clip_probability(series.mean.value),
        ever=1.0 if series.certain_steps.any() else clip_probability(series.ever.value),
        first_visit=clip_probabilities(series.first_visit.value),
        standard_errors=Errors(
            by_step=series.by_step.error.tolist(),
            end=float(series.by_step.error[-1]),
            mean=float(series.mean.error),
            ever=float(series.ever.error),
            first_visit=series.first_visit.error.tolist(),
        ),
        band=None if band is None else Band(clip_probabilities(band.low), clip_probabilities(band.high)),
    )


def _node_results(
    estimates: ForecastEstimates, program: Program, nodes: Mapping[str, NodeOutline]
) -> dict[str, StatesResult | ValuesResult]:
    """Where drivers or consequences are, their states in the order of the file."""
    results: dict[str, StatesResult | ValuesResult] = {}
    for name, outline in nodes.items():
        node = program.nodes[name]
        if isinstance(node, CategoricalNode):
            columns, share = {state: node.states.index(state) for state in outline.states}, estimates.states[name]
            results[name] = StatesResult(
                outline.title,
                {state: clip_probabilities(share.value[:, column]) for state, column in columns.items()},
                {state: share.error[:, column].tolist() for state, column in columns.items()},
            )
        else:
            mean, quantiles = estimates.values[name]
            by_share = dict(zip((f"{share:.2f}" for share in QUANTILES), quantiles, strict=True))
            results[name] = ValuesResult(
                outline.title,
                mean.value.tolist(),
                {share: each.value.tolist() for share, each in by_share.items()},
                ValueErrors(mean.error.tolist(), {share: each.error.tolist() for share, each in by_share.items()}),
            )
    return results


def with_certain_shares(estimate: Estimate, shares: Floats) -> Estimate:
    """Estimates of shares of states that are 1 where no other state has any of these shares; see `certain_steps`.

    Both are of shape (steps, states).
    """
    occurs = shares != 0.0
    return Estimate(np.where(occurs & (occurs.sum(axis=1, keepdims=True) == 1), 1.0, estimate.value), estimate.error)


def sample_forecast(
    outline: Outline,
    conditioned: Conditioned,
    settings: RunSettings,
    *,
    weights: Mapping[str, Floats] | None = None,
    support: Callable[[], Support] | None = None,
    kernels: KernelCache | None = None,
    map_blocks: MapBlocks = map,
    consequences: bool = True,
) -> Simulation:
    """Sample a model and report its likelihoods; more is drawn where too few trials agree with what is observed.

    The program has values for as many draws of the judgements as the settings ask for. `weights` are reported alone, by
    driver, shape (steps,), by default the program's own; `support` gives what is possible in the program, where an
    earlier run may have found it; `kernels` are used where nothing is observed. Without `consequences`, those that
    nothing else reads are not drawn.

    Raises:
        ImpossibleEvidence: no trial agrees with what is given.
        TooFewTrials: too few trials do.
    """
    program = conditioned.program
    nodes = None if consequences else program.upstream([OUTCOME, *outline.drivers])
    plan, halves = _draw_sums(conditioned, settings, kernels, map_blocks, nodes)
    sums = halves.by_draws() if settings.judgements else halves
    trials, effective = plan.trials, sums.effective_trials
    run = describe_run(outline, conditioned, seed=settings.seed, trials=trials, effective=effective, weights=weights)
    names = (*outline.drivers, *(outline.consequences if consequences else ()))
    estimates = _estimate_forecast(conditioned, sums, halves, support, names)
    return build_simulation(estimates, outline, program, run, plan, consequences=consequences)


def _draw_sums(
    conditioned: Conditioned,
    settings: RunSettings,
    kernels: KernelCache | None,
    map_blocks: MapBlocks,
    nodes: Collection[str] | None,
) -> tuple[Plan, ForecastSums]:
    """The sums of a run, drawn on until enough trials agree with what is given, and the plan of the last run."""
    program, given = conditioned.program, conditioned.given
    plan = Plan.of(settings.trials, settings.seed, settings.judgements)
    if given is None:
        return plan, simulate(program, plan, map_blocks, kernels, nodes)
    from usru_scenarios.questions.impossible import is_impossible, too_few_trials_error
    from usru_scenarios.sampler.likelihood_weighting import simulate_given

    trials, sums, enough = settings.limits.sample(
        lambda trials: simulate_given(program, given, plan.with_trials(trials), map_blocks),
        plan.trials,
        lambda: is_impossible(program, conditioned.evidence),
    )
    plan = plan.with_trials(trials)
    if not enough:
        end = ratio(sums.visits[:, -1, 0], sums.trials)
        what = f"{program.outcome.states[0]} at the end"
        raise too_few_trials_error(program, conditioned.evidence, plan, sums.effective_trials, chance=end, what=what)
    return plan, sums


def _estimate_forecast(
    conditioned: Conditioned,
    sums: ForecastSums,
    halves: ForecastSums,
    support: Callable[[], Support] | None,
    names: Iterable[str],
) -> ForecastEstimates:
    """What the sums of a run say, by method (16), of some nodes too.

    Where judgements are drawn, `sums` have a batch for each draw, and `halves` two.
    """
    program, observed = conditioned.program, conditioned.observed_event.parts
    states = cache(sums.state_shares)  # which both the errors and the answer are made of

    def shares_of(name: str) -> Floats:
        return state_shares(sums, name) if name == OUTCOME else states(name).value

    floors = LeastErrors(program, sums.effective_trials, shares_of, observed, support)
    visited = sums.visits.sum(axis=0)

    def series(column: int, members: list[int]) -> SeriesEstimates:
        visits = sums.visits[:, :, members].sum(axis=2)
        return SeriesEstimates(
            certain_steps=certain_steps(visited, members),
            by_step=floors.by_step(members, ratio(visits, sums.trials)),
            mean=floors.mean(members, ratio(visits.sum(axis=1), sums.trials * program.steps)),
            ever=floors.ever(members, sums.ever_visited(column)),
            first_visit=floors.first_visit(members, sums.first_visits(column)),
            band=_band_of_members(halves, members) if halves.has_draws else None,
        )

    presence = sums.moves.sum(axis=2, keepdims=True)
    moves = ratio(sums.moves, np.broadcast_to(presence, sums.moves.shape))
    return ForecastEstimates(
        transitions=floors.transitions(moves, presence.sum(axis=0)[:, 0] / sums.trials.sum()),
        series=[series(column, members) for column, members in enumerate(reported_sets(program))],
        states={
            name: with_certain_shares(floors.states(name, states(name)), states(name).value)
            for name in names
            if name not in sums.values
        },
        values={name: _estimate_values(name, sums, floors) for name in names if name in sums.values},
    )


def _band_of_members(halves: ForecastSums, members: list[int]) -> JudgementBand | None:
    """What the uncertain judgements leave open of a set of scenarios; None where fewer than two draws agree."""
    band = concatenate_bands(
        judgement_band(
            halves.visits[:, start : start + VALUES_AT_ONCE, members].sum(axis=2), halves.trials, halves.controls
        )
        for start in range(0, halves.visits.shape[1], VALUES_AT_ONCE)
    )
    return band if np.isfinite(band.low).all() else None


def band_warnings(bands: Sequence[JudgementBand], plan: Plan) -> Iterable[Problem]:
    """Whether bands that are wide enough to matter are worth their name, and what would make them so: method (33)."""
    by_trials = by_draws = 0.0
    for band in bands:
        width = np.where(band.high - band.low > NEGLIGIBLE_WIDTH, band.high - band.low, np.inf)
        hidden = float(band.hidden.max()) / MOST_HIDDEN
        by_trials = max(by_trials, float((band.by_trials / width).max()), hidden * ROUGH_ERROR)
        by_draws = max(by_draws, float((band.by_draws / width).max()))
    if math.hypot(by_trials, by_draws) <= ROUGH_ERROR:
        return
    if by_trials > by_draws:
        trials = _round_up(plan.trials * by_trials / GOOD_ERROR)
        why, advice = "how wide they are is in part sampling error", f"-n {trials} trials make them sharper"
    else:
        draws = min(_round_up(plan.judgements * (by_draws / GOOD_ERROR) ** 2), MOST_JUDGEMENTS)
        why = f"{plan.judgements} draws of the judgements leave their ends open"
        advice = f"--judgements {draws} makes them sharper"
        if plan.trials:
            trials = _round_up(plan.trials * draws / plan.judgements)
            advice += f", with as many trials for each draw (-n {trials})"
    yield Problem("rough_band", f"the bands of judgement are rough: {why}; {advice}", severity="warning")


def _round_up(number: float) -> int:
    """The next number above of one digit, then zeros."""
    unit: int = 10 ** int(math.log10(number))
    return math.ceil(number / unit) * unit


def certain_steps(shares: Floats, members: Sequence[int]) -> Truth:
    """Where a set of states holds for certain, shape (steps,): none of the others has any share.

    Ratios of sums that are equal but for their rounding would bring what was observed near 1, and not to it.

    Args:
        shares: shape (steps, states), in any unit.
        members: the columns of the states.
    """
    others = np.delete(shares, members, axis=1)
    return np.asarray(shares.any(axis=1) & ~others.any(axis=1))


def clip_probabilities(values: Floats) -> list[float]:
    """Probabilities without the rounding of sums: never below 0 or above 1."""
    clipped: list[float] = np.clip(values, 0.0, 1.0).tolist()
    return clipped


def clip_probability(value: Floats | float) -> float:
    """A probability without the rounding of sums, likewise."""
    return min(max(float(value), 0.0), 1.0)


def _matrix_by_name(matrix: Floats, program: Program, outline: Outline) -> dict[str, dict[str, float | None]]:
    """A matrix over the program's scenarios by names, in the order of the file; None for what is no number."""
    index = program.outcome.states.index
    return {
        start: {
            end: None if math.isnan(value := float(matrix[index(start), index(end)])) else value
            for end in outline.scenarios
        }
        for start in outline.scenarios
    }


def _estimate_values(name: str, sums: ForecastSums, least: LeastErrors) -> ValueEstimates:
    """Mean and quantiles of a numeric node; method (20).

    Both cover trials that were never drawn: these could shift the mean, and by their share a quantile.
    """
    node, sums_of_values, mean_estimate = least.program.nodes[name], sums.values[name], sums.mean(name)
    assert isinstance(node, NumericNode)
    # sums round: where all values were the same, their mean is that value, without an error
    mean = np.clip(node.scale.low + mean_estimate.value, sums_of_values.least, sums_of_values.most)
    error = np.where(sums_of_values.least < sums_of_values.most, mean_estimate.error, 0.0)
    missed = rule_of_three_bound(least.trials)
    share_error = _share_errors(sums, name)
    shares: list[Floats] = []
    for share in QUANTILES:
        reach = np.maximum(share_error(share), missed)
        shares += [np.clip(each, 0.0, 1.0) for each in (np.full_like(reach, share), share + reach, share - reach)]
    values = iter(_quantiles(np.array(shares), node, sums_of_values))
    quantiles = [
        Estimate(value, least.values(name, value, (above - below) / 2))
        for value, above, below in zip(values, values, values, strict=True)
    ]
    return ValueEstimates(Estimate(mean, least.values(name, mean, error)), quantiles)


def _share_errors(sums: ForecastSums, name: str) -> Callable[[float], Floats]:
    """The standard error of the share of values below that which this share is below, shape (steps,).

    Known at a few edges, relative to that of independent trials it is linear between them; at a step where no edge
    has values on both of its sides, it is that of independent trials.
    """
    below = sums.shares_below(name)
    variances = below.value * (1.0 - below.value)
    is_known = np.minimum(below.value, 1.0 - below.value) * sums.effective_trials >= _LEAST_TRIALS
    relative_variances = np.divide(below.error**2, variances, out=np.zeros_like(variances), where=is_known)

    def error(share: float) -> Floats:
        by_step = [
            np.interp(share, shares[known], parts[known]) if known.any() else 1.0 / sums.effective_trials
            for shares, parts, known in zip(below.value, relative_variances, is_known, strict=True)
        ]
        return np.sqrt(share * (1.0 - share) * np.array(by_step))

    return error


def _quantiles(shares: Floats, node: NumericNode, numbers: NumericSums) -> Floats:
    """Quantiles at each step, from shape (shares, steps) to the same; linear within a bin, never beyond what was seen.

    Steps are looked at one by one: all of their bins would be much to hold.
    """
    edges = np.append(np.linspace(node.scale.low, node.scale.high, BINS + 1), node.scale.high)
    cumulative = (np.append(0.0, np.cumsum(row)) for row in numbers.bins)
    quantiles = [np.interp(each * row[-1], row, edges) for each, row in zip(shares.T, cumulative, strict=True)]
    clipped: Floats = np.clip(np.array(quantiles).T, numbers.least, numbers.most)
    return clipped


def forecast_warnings(outline: Outline, program: Program, *, drawn: bool = False) -> list[Warned]:
    """What a reader of a forecast should know; whether its uncertain judgements are drawn is one such thing."""
    uncertain = () if drawn else judgements_at_means_warning(outline)
    return [to_warned(problem) for problem in (*outline.warnings, *_independence_warning(program), *uncertain)]


def judgements_at_means_warning(outline: Outline) -> Iterable[Problem]:
    """The warning that an answer takes uncertain judgements at their means."""
    if number := len(outline.uncertain):
        first = outline.uncertain[0]
        message = f"the uncertain judgement {first} is taken at its mean; the band that it gives is not computed"
        if number > 1:
            message = (
                f"{number} uncertain judgements are taken at their means, the first of them {first}; the band that "
                "they give is not computed"
            )
        yield Problem("judgements_at_their_means", message, severity="warning")


def _independence_warning(program: Program) -> Iterable[Problem]:
    """The warning that the outcome has no memory of its own.

    It has one through a persistence (without any, points for `hold` do nothing), through moves that are not allowed, or
    through its own past among its priors, influences and rules.
    """
    outcome = program.outcome
    remembers = outcome.persistence.any() or outcome.allowed is not None or (OUTCOME, 1) in program.model_links(OUTCOME)
    if program.steps > 1 and not remembers:
        yield Problem(
            "independent_outcome",
            "the outcome has no persistence: it follows the drivers afresh at every step, so that ever, first visits "
            "and transitions say little",
            hint="give outcome.persistence a value, such as 0.5",
            severity="warning",
        )
