"""How likely is each scenario, without sampling: the forecast of a model that is small enough for exact inference.

Where judgements are uncertain it is found in each draw of them and averaged over the draws, so that bands have no noise
and the only error is that of there being so many draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from usru_scenarios.estimation.estimates import Estimate
from usru_scenarios.exact import inference as exact
from usru_scenarios.exact.inference import ExactForecast, ExactValues
from usru_scenarios.model.outline import NodeOutline, Outline
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.program import CategoricalNode, Floats, Program
from usru_scenarios.questions.averages import DrawAverages
from usru_scenarios.questions.described import run_of
from usru_scenarios.questions.simulate.order import in_order
from usru_scenarios.questions.simulate.question import QUANTILES, certain, clean, clean_one, doubts, nested, warnings
from usru_scenarios.results.common import warned
from usru_scenarios.results.simulate import (
    Band,
    Errors,
    ScenarioResult,
    Simulation,
    StatesResult,
    ValueErrors,
    ValuesResult,
)
from usru_scenarios.sampler.blocks import Plan
from usru_scenarios.work import UNCONCERNED, Listener


def forecast_exactly(
    outline: Outline,
    conditioned: Conditioned,
    *,
    seed: int,
    weights: Mapping[str, Floats] | None = None,
    told: Listener = UNCONCERNED,
    consequences: bool = True,
) -> Simulation:
    """The same report as by sampling, without its noise: standard errors are 0, or those of the draws of judgements.

    Args:
        outline: what the model calls its parts.
        conditioned: the model, compiled, perhaps with values of its uncertain judgements, and the conditions: all is
            reported of the trials in which what is observed holds.
        seed: is reported alone.
        weights: what is reported of them, by driver, shape (steps,); by default the program's own.
        told: of the work while it is done.
        consequences: whether they are reported.

    Raises:
        ImpossibleEvidence: what is given can't happen.
        exact.TooLarge: it would take more memory or time than the bound.
        exact.NotExact: a numeric node moves from step to step, or depends on drawn judgements itself.
    """
    program = conditioned.program
    found = _ExactParts(_forecast(conditioned, told), program)
    moves = found.transitions()
    scenarios, groups = in_order(found.scenarios(outline), found.groups(), program)
    return Simulation(
        model=outline.model,
        run=run_of(outline, conditioned, seed=seed, judgements=program.draws, weights=weights),
        scenarios=scenarios,
        groups=groups,
        transitions=nested(moves.value, program, outline),
        transition_errors=nested(moves.error, program, outline),
        drivers=found.nodes(outline.drivers),
        consequences=found.nodes(outline.consequences) if consequences else {},
        baseline=outline.baseline,
        warnings=[
            *warnings(outline, program, drawn=program.draws > 0),
            *map(warned, doubts(found.averages.bands, Plan(0, seed, program.draws))),
        ],
    )


def _forecast(conditioned: Conditioned, told: Listener) -> ExactForecast:
    """The forecast of the trials in which the observations are made, of all where there are none."""
    try:
        return exact.forecast(conditioned.program, given=conditioned.given, told=told)
    except exact.NothingObservedError:
        from usru_scenarios.questions.impossible import without_probability

        raise without_probability(conditioned.program, conditioned.evidence) from None


class _ExactParts:
    """The parts of a report, from a forecast in each draw of the judgements or in none."""

    def __init__(self, found: ExactForecast, program: Program) -> None:
        self.found = found
        self.program = program
        self.averages = DrawAverages(found.weights, program.controls)

    def transitions(self) -> Estimate:
        """The pooled transition matrix, shape (from, to); NaN where a scenario never occurs before the last step."""
        sums = self.found.transitions
        moves = self.averages.ratio(sums, sums.sum(axis=-1, keepdims=True))
        return Estimate(np.clip(moves.value, 0.0, 1.0), moves.error)

    def scenarios(self, outline: Outline) -> dict[str, ScenarioResult]:
        """The likelihoods of the scenarios."""
        index = self.program.outcome.states.index
        return {name: self._visited([index(name)], index(name), title) for name, title in outline.scenarios.items()}

    def groups(self) -> dict[str, ScenarioResult]:
        """The likelihoods of the groups."""
        first = len(self.program.outcome.states)
        return {
            name: self._visited(list(members), first + number, name)
            for number, (name, members) in enumerate(self.program.groups.items())
        }

    def _visited(self, members: list[int], column: int, title: str) -> ScenarioResult:
        """The result of a set of scenarios whose first visits stand in a column."""
        found, averages = self.found, self.averages
        sure = certain(averages.mean(found.scenarios), members)
        visits = found.scenarios[..., members].sum(axis=-1)
        shares = averages.of(visits)
        by_step = clean(np.where(sure, 1.0, shares.value))
        first_visit = averages.of(found.first_visit[..., column])
        ever = averages.of(found.ever[..., column])
        band = averages.band(visits)
        return ScenarioResult(
            title=title,
            by_step=by_step,
            end=by_step[-1],
            mean=float(np.mean(by_step)),
            ever=1.0 if sure.any() else clean_one(ever.value),
            first_visit=clean(first_visit.value),
            standard_errors=Errors(
                by_step=shares.error.tolist(),
                end=float(shares.error[-1]),
                mean=float(averages.of(visits.mean(axis=-1)).error),
                ever=float(ever.error),
                first_visit=first_visit.error.tolist(),
            ),
            band=None if band is None else Band(clean(band.low), clean(band.high)),
        )

    def nodes(self, nodes: Mapping[str, NodeOutline]) -> dict[str, StatesResult | ValuesResult]:
        """Where drivers or consequences are."""
        results: dict[str, StatesResult | ValuesResult] = {}
        for name, part in nodes.items():
            node = self.program.nodes[name]
            if isinstance(node, CategoricalNode):
                results[name] = self._states(part.title, node, part.states, self.found.shares[name])
            else:
                results[name] = self._values(part.title, self.found.values[name])
        return results

    def _states(self, title: str, node: CategoricalNode, order: Iterable[str], shares: Floats) -> StatesResult:
        columns = {state: node.states.index(state) for state in order}
        pooled, found = self.averages.mean(shares), self.averages.of(shares)
        by_step = {
            state: clean(np.where(certain(pooled, [column]), 1.0, found.value[:, column]))
            for state, column in columns.items()
        }
        return StatesResult(
            title, by_step, {state: found.error[:, column].tolist() for state, column in columns.items()}
        )

    def _values(self, title: str, values: ExactValues) -> ValuesResult:
        """Mean and quantiles of a numeric node: method (20) with the errors of method (34)."""
        mean = self.averages.of(values.mean)
        quantiles, errors = {}, {}
        for share in QUANTILES:
            value = values.quantile(share)
            error = self.averages.of(values.below(value)).error if self.program.draws else np.zeros(len(value))
            above, below = (
                values.quantile(np.clip(share + way * error, 0.0, 1.0)) if error.any() else value for way in (1, -1)
            )
            quantiles[f"{share:.2f}"] = value.tolist()
            errors[f"{share:.2f}"] = ((above - below) / 2).tolist()
        return ValuesResult(title, mean.value.tolist(), quantiles, ValueErrors(mean.error.tolist(), errors))
