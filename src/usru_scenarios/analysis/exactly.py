"""How likely is each scenario, without sampling: the forecast of a model that is small enough for exact inference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from usru_scenarios.analysis.forecast import QUANTILES, certain, clean, clean_one, nested, warnings
from usru_scenarios.exact import inference as exact
from usru_scenarios.exact.inference import ExactForecast, ExactValues
from usru_scenarios.language.questions import Intervention, Observation
from usru_scenarios.meaning.events import All
from usru_scenarios.meaning.program import CategoricalNode, Floats, Program
from usru_scenarios.reading.outline import NodeOutline, Outline
from usru_scenarios.results.forecast import Errors, ScenarioResult, Simulation, StatesResult, ValueErrors, ValuesResult
from usru_scenarios.results.run import ModelLine, Run
from usru_scenarios.version import __version__


def forecast_exactly(
    outline: Outline,
    program: Program,
    *,
    seed: int,
    do: Sequence[Intervention] = (),
    given: Sequence[Observation] = (),
) -> Simulation:
    """The same report as by sampling, with standard errors of 0.

    Args:
        outline: what the model calls its parts.
        program: the model, compiled.
        seed: is reported alone.
        do: interventions, which cut nodes off from their causes.
        given: observations: all is reported of the worlds in which they are made.

    Raises:
        ImpossibleEvidence: what is given can't happen.
        exact.TooLarge: it would take more memory or time than the bound.
        exact.NotExact: a numeric node moves from step to step.
    """
    for intervention in do:
        program = intervention.on(program)
    found = _found(program, given)
    moves = _transitions(found)
    return Simulation(
        model=ModelLine(outline.name, outline.title, outline.sha256),
        run=Run(
            trials=0,
            seed=seed,
            method="exact",
            steps=list(program.grid.labels),
            profile=outline.profile,
            weights={name: float(program.weights[name].mean()) for name in outline.drivers},
            do=[intervention.text for intervention in do],
            given=[observation.text for observation in given],
            effective_trials=None,
            judgements_at_means=len(outline.uncertain),
            usru_version=__version__,
        ),
        scenarios=_scenarios(program, found, outline),
        groups=_groups(program, found),
        transitions=nested(moves, program, outline),
        transition_errors=nested(moves * 0.0, program, outline),
        drivers=_nodes(program, found, outline.drivers),
        consequences=_nodes(program, found, outline.consequences),
        baseline=outline.baseline,
        warnings=warnings(outline, program),
    )


def _found(program: Program, given: Sequence[Observation]) -> ExactForecast:
    """The forecast of the worlds in which the observations are made, of all where there are none."""
    if not given:
        return exact.forecast(program)
    try:
        return exact.forecast(program, given=All(tuple(observation.event for observation in given)))
    except exact.NothingObserved:
        from usru_scenarios.analysis.evidence import without_probability

        evidence = [(observation.text, observation.event) for observation in given]
        raise without_probability(program, evidence) from None


def _transitions(found: ExactForecast) -> Floats:
    """The pooled transition matrix, shape (from, to); NaN where a scenario never occurs before the last step."""
    there = found.transitions.sum(axis=1, keepdims=True)
    empty = np.full_like(found.transitions, np.nan)
    moves: Floats = np.divide(found.transitions, there, out=empty, where=there > 0)
    return moves


def _scenarios(program: Program, found: ExactForecast, outline: Outline) -> dict[str, ScenarioResult]:
    index = program.outcome.states.index
    return {name: _visited(found, [index(name)], index(name), title) for name, title in outline.scenarios.items()}


def _groups(program: Program, found: ExactForecast) -> dict[str, ScenarioResult]:
    first = len(program.outcome.states)
    return {
        name: _visited(found, list(members), first + number, name)
        for number, (name, members) in enumerate(program.groups.items())
    }


def _visited(found: ExactForecast, members: list[int], column: int, title: str) -> ScenarioResult:
    """The result of a set of scenarios whose first visits stand in a column."""
    sure = certain(found.scenarios, members)
    by_step = clean(np.where(sure, 1.0, found.scenarios[:, members].sum(axis=1)))
    first_visit = clean(found.first_visit[:, column])
    nothing = [0.0] * len(by_step)
    return ScenarioResult(
        title=title,
        by_step=by_step,
        end=by_step[-1],
        mean=float(np.mean(by_step)),
        ever=1.0 if sure.any() else clean_one(found.ever[column]),
        first_visit=first_visit,
        standard_errors=Errors(nothing, 0.0, 0.0, 0.0, list(nothing)),
    )


def _nodes(
    program: Program, found: ExactForecast, nodes: Mapping[str, NodeOutline]
) -> dict[str, StatesResult | ValuesResult]:
    results: dict[str, StatesResult | ValuesResult] = {}
    for name, part in nodes.items():
        node = program.nodes[name]
        if isinstance(node, CategoricalNode):
            results[name] = _states(part.title, node, part.states, found.shares[name])
        else:
            results[name] = _values(part.title, found.values[name])
    return results


def _states(title: str, node: CategoricalNode, order: Iterable[str], shares: Floats) -> StatesResult:
    columns = {state: node.states.index(state) for state in order}
    by_step = {
        state: clean(np.where(certain(shares, [column]), 1.0, shares[:, column])) for state, column in columns.items()
    }
    return StatesResult(title, by_step, {state: [0.0] * len(series) for state, series in by_step.items()})


def _values(title: str, values: ExactValues) -> ValuesResult:
    quantiles = {f"{share:.2f}": values.quantile(share).tolist() for share in QUANTILES}
    nothing = [0.0] * len(values.mean)
    errors = ValueErrors(nothing, {share: list(nothing) for share in quantiles})
    return ValuesResult(title, values.mean.tolist(), quantiles, errors)
