"""How likely is each scenario, without sampling: the forecast of a model that is small enough for exact inference.

Where judgements are uncertain it is found in each draw of them and averaged over the draws, so that bands have no noise
and the only error is that of there being so many draws.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from usru_scenarios.estimation.bands import JudgementBand, PerDraw
from usru_scenarios.estimation.estimates import Controls, Estimate, ratio, with_control_variates
from usru_scenarios.exact import inference as exact
from usru_scenarios.exact.inference import ExactForecast, ExactValues
from usru_scenarios.model.outline import Outline
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.questions.run_description import describe_run
from usru_scenarios.questions.simulate.question import (
    QUANTILES,
    ForecastEstimates,
    SeriesEstimates,
    ValueEstimates,
    build_simulation,
    certain_steps,
    reported_sets,
    with_certain_shares,
)
from usru_scenarios.results.simulate import Simulation
from usru_scenarios.sampler.blocks import Plan
from usru_scenarios.work import NO_LISTENER, Listener

_ROUNDING = 1e-13
"""What differs by no more between draws is the same in all of them: the rest is rounding."""


def forecast_exactly(
    outline: Outline,
    conditioned: Conditioned,
    *,
    seed: int,
    weights: Mapping[str, Floats] | None = None,
    progress: Listener = NO_LISTENER,
    consequences: bool = True,
) -> Simulation:
    """The same report as by sampling, without its noise: standard errors are 0, or those of the draws of judgements.

    The seed is reported alone, as are `weights`: by driver, shape (steps,); by default the program's own. Consequences
    are left out where they are not wanted.

    Raises:
        ImpossibleEvidence: what is given can't happen.
        exact.TooLarge: it would take more memory or time than the bound.
        exact.NotExact: a numeric node moves from step to step, or depends on drawn judgements itself.
    """
    program = conditioned.program
    exact_forecast = _exact_forecast(conditioned, progress)
    run = describe_run(outline, conditioned, seed=seed, weights=weights)
    estimates = _estimate_forecast(exact_forecast, program, DrawAverages(exact_forecast.weights, program.controls))
    plan = Plan(0, seed, program.draws)
    return build_simulation(estimates, outline, program, run, plan, consequences=consequences)


def _exact_forecast(conditioned: Conditioned, progress: Listener) -> ExactForecast:
    """The forecast of the trials in which the observations are made, of all where there are none."""
    try:
        return exact.forecast(conditioned.program, given=conditioned.given, progress=progress)
    except exact.NothingObservedError:
        from usru_scenarios.questions.impossible import zero_probability_error

        raise zero_probability_error(conditioned.program, conditioned.evidence) from None


def _estimate_forecast(exact_forecast: ExactForecast, program: Program, averages: DrawAverages) -> ForecastEstimates:
    """The parts of an answer, from a forecast in each draw of the judgements or in none."""
    mean_shares = averages.mean(exact_forecast.scenarios)

    def series(column: int, members: list[int]) -> SeriesEstimates:
        visits, sure = exact_forecast.scenarios[..., members].sum(axis=-1), certain_steps(mean_shares, members)
        by_step = averages.estimate(visits)
        mean = np.clip(np.where(sure, 1.0, by_step.value), 0.0, 1.0).mean()
        return SeriesEstimates(
            certain_steps=sure,
            by_step=by_step,
            mean=Estimate(mean, averages.estimate(visits.mean(axis=-1)).error),
            ever=averages.estimate(exact_forecast.ever[..., column]),
            first_visit=averages.estimate(exact_forecast.first_visit[..., column]),
            band=averages.band(visits),
        )

    moves = exact_forecast.transitions
    return ForecastEstimates(
        transitions=averages.ratio(moves, moves.sum(axis=-1, keepdims=True)),
        series=[series(column, members) for column, members in enumerate(reported_sets(program))],
        states={
            name: with_certain_shares(averages.estimate(shares), averages.mean(shares))
            for name, shares in exact_forecast.shares.items()
        },
        values={name: _estimate_values(node_values, averages) for name, node_values in exact_forecast.values.items()},
    )


def _estimate_values(values: ExactValues, averages: DrawAverages) -> ValueEstimates:
    """Mean and quantiles of a numeric node: method (20) with the errors of method (34)."""
    quantiles = []
    for share in QUANTILES:
        value = values.quantile(share)
        error = averages.estimate(values.below(value)).error if averages.drawn else np.zeros(len(value))
        above, below = (
            values.quantile(np.clip(share + sign * error, 0.0, 1.0)) if error.any() else value for sign in (1, -1)
        )
        quantiles.append(Estimate(value, (above - below) / 2))
    return ValueEstimates(averages.estimate(values.mean), quantiles)


class DrawAverages:
    """Averages over the draws of uncertain judgements, of what is known exactly in each of them: method (34).

    Where judgements are not drawn, what is known is its own average.

    Args:
        weights: shape (draws,), how likely what was observed is in each draw; of one draw where none is drawn.
        controls: of the program.
    """

    def __init__(self, weights: Floats, controls: Controls) -> None:
        self.drawn = controls.draws > 0
        self.weights = weights
        self.controls = controls

    def mean(self, values: Floats) -> Floats:
        """The plain average over the draws, each by its weight: shape (...) for values of shape (draws, ...)."""
        return np.asarray(np.tensordot(self.weights, values, axes=1) / self.weights.sum()) if self.drawn else values

    def estimate(self, values: Floats) -> Estimate:
        """The average of values of shape (draws, ...), with the error of there being these draws and no others."""
        if not self.drawn:
            return Estimate(values, np.zeros(np.shape(values)))
        weights = self.weights.reshape(-1, *(1,) * (values.ndim - 1))
        return self.ratio(values * weights, np.broadcast_to(weights, values.shape))

    def ratio(self, parts: Floats, wholes: Floats) -> Estimate:
        """The ratio of two averages; NaN where the second is 0. What is the same in all draws has no error.

        Args:
            parts: shape (draws, ...), times the weights.
            wholes: of a shape that broadcasts to that of the parts.
        """
        wholes = np.broadcast_to(wholes, parts.shape)
        if not self.drawn:
            value = np.divide(parts, wholes, out=np.full(parts.shape, np.nan), where=wholes > 0.0)
            return Estimate(value, value * 0.0)
        controlled = ratio(with_control_variates(parts, self.controls), with_control_variates(wholes, self.controls))
        plain = ratio(parts, wholes).value
        differs = np.abs(parts - plain * wholes) > _ROUNDING * np.abs(wholes).max(axis=0)
        is_same = ~differs.any(axis=0)
        return Estimate(np.where(is_same, plain, controlled.value), np.where(is_same, plain * 0.0, controlled.error))

    def band(self, values: Floats) -> JudgementBand | None:
        """The band of values of shape (draws, ...); None where nothing is drawn, or fewer than two draws count."""
        if not self.drawn:
            return None
        band = PerDraw(np.array([values] * 3), self.weights, self.controls.basis).band()
        return band if np.isfinite(band.low).all() else None
