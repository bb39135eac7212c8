"""The forecast of a model, in the form of its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from usru_scenarios.results.common import ModelLine, Run, Summarised, Warned


@dataclass(frozen=True)
class Errors:
    """Monte Carlo standard errors of the quantities of the same names.

    They cover trials that were never drawn (the rule of three): 0 is only the error of what is exact, or the same in
    all trials.
    """

    by_step: list[float]
    end: float
    mean: float
    ever: float
    first_visit: list[float]


@dataclass(frozen=True)
class Band:
    """The 90% band that comes from uncertain judgements: 5% and 95%, by step."""

    low: list[float]
    high: list[float]


@dataclass(frozen=True)
class ScenarioResult:
    """The likelihoods of a scenario or of a group of them.

    Attributes:
        title: as in the file.
        by_step: its probability at each step.
        end: at the last step.
        mean: the mean over the steps, its share of time.
        ever: that it is visited at some step.
        first_visit: that a step is the first visit; sums to `ever`.
        standard_errors: of sampling.
        band: of judgement, or None where no judgement is uncertain.
    """

    title: str
    by_step: list[float]
    end: float
    mean: float
    ever: float
    first_visit: list[float]
    standard_errors: Errors
    band: Band | None = None


@dataclass(frozen=True)
class StatesResult:
    """How likely each state of a driver or consequence is at each step."""

    title: str
    by_step: dict[str, list[float]]
    standard_errors: dict[str, list[float]]


@dataclass(frozen=True)
class ValueErrors:
    """Standard errors of a numeric driver's mean and quantiles."""

    mean: list[float]
    quantiles: dict[str, list[float]]


@dataclass(frozen=True)
class ValuesResult:
    """Where a numeric driver stands at each step: its mean, and its quantiles by their probabilities."""

    title: str
    mean: list[float]
    quantiles: dict[str, list[float]]
    standard_errors: ValueErrors


@dataclass(frozen=True, repr=False)
class Simulation(Summarised):
    """The forecast of a model.

    Attributes:
        scenarios, groups: by id, in the order of the file.
        transitions: for each scenario, where it is one step later, pooled over the steps; None where it never occurs.
        transition_errors: the standard errors of `transitions`: up to 1 where hardly a trial has been in a scenario.
        drivers, consequences: by id, in the order of the file.
        baseline: the share of each scenario that the cited drivers do not explain.
    """

    model: ModelLine
    run: Run
    scenarios: dict[str, ScenarioResult]
    groups: dict[str, ScenarioResult]
    transitions: dict[str, dict[str, float | None]]
    transition_errors: dict[str, dict[str, float | None]]
    drivers: dict[str, StatesResult | ValuesResult]
    consequences: dict[str, StatesResult | ValuesResult]
    baseline: dict[str, float]
    warnings: list[Warned] = field(default_factory=list)
    format: Literal["usru.simulation/1.0"] = "usru.simulation/1.0"

    def _found(self) -> Iterator[str]:
        yield from (f"{name} {scenario.end:.3f}" for name, scenario in self.scenarios.items())
