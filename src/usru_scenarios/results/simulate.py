"""The forecast of a model, in the form of its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.results.common import OfRun, Tabled, Titled, Warned


@dataclass(frozen=True)
class Errors:
    """Monte Carlo standard errors of the quantities of the same names.

    They cover trials that were never drawn (the rule of three): 0 is only the error of what is exact, or the same in
    all trials.

    Attributes:
        by_step: standard error of the probability at each step.
        end: standard error of the probability at the last step.
        mean: standard error of the mean over the steps.
        ever: standard error of the probability that it is ever visited.
        first_visit: standard error of the probability of the first visit, for each step.
    """

    by_step: list[float]
    end: float
    mean: float
    ever: float
    first_visit: list[float]


@dataclass(frozen=True)
class Band:
    """The 90% band that comes from uncertain judgements: 5% and 95%, by step.

    Attributes:
        low: the 5% quantile over the draws of the judgements, at each step.
        high: the 95% quantile over the draws of the judgements, at each step.
    """

    low: list[float]
    high: list[float]


@dataclass(frozen=True)
class ScenarioResult(Titled):
    """The likelihoods of a scenario or of a group of them.

    Attributes:
        by_step: its probability at each step, from 0 to 1.
        end: its probability at the last step.
        mean: the mean of its probability over the steps, which is its expected share of time.
        ever: the probability that it holds at one step or more.
        first_visit: for each step the probability that it holds there for the first time; the sum is `ever`.
        standard_errors: standard errors of the numbers of the same names, from sampling.
        band: the 90% band of `by_step` that comes from uncertain judgements; null where none is uncertain or drawn.
    """

    by_step: list[float]
    end: float
    mean: float
    ever: float
    first_visit: list[float]
    standard_errors: Errors
    band: Band | None = None


@dataclass(frozen=True)
class StatesResult:
    """How likely each state of a driver or consequence is at each step.

    Attributes:
        title: the title of the node; the id where the file has none.
        by_step: for each state its probability at each step.
        standard_errors: for each state the standard error of its probability at each step.
    """

    title: str
    by_step: dict[str, list[float]]
    standard_errors: dict[str, list[float]]


@dataclass(frozen=True)
class ValueErrors:
    """Standard errors of a numeric driver's mean and quantiles.

    Attributes:
        mean: standard error of the mean, at each step.
        quantiles: standard error of each quantile, at each step.
    """

    mean: list[float]
    quantiles: dict[str, list[float]]


@dataclass(frozen=True)
class ValuesResult:
    """Where a numeric driver stands at each step: its mean, and its quantiles by their probabilities.

    Attributes:
        title: the title of the node; the id where the file has none.
        mean: the mean of its value at each step.
        quantiles: quantiles of its value at each step, by their probabilities.
        standard_errors: standard errors of the mean and the quantiles.
    """

    title: str
    mean: list[float]
    quantiles: dict[str, list[float]]
    standard_errors: ValueErrors


@dataclass(frozen=True)
class AheadErrors:
    """Standard errors of the quantities of the same names.

    Attributes:
        now: standard error of the probability at the present step.
        ever: standard error of the probability that it holds at one of the steps from then on.
        share: standard error of the share of time from then on, at most: as if all steps erred alike.
    """

    now: float
    ever: float
    share: float


@dataclass(frozen=True)
class Ahead:
    """The likelihoods of a scenario or a group from the present step on, which is that of the evidence's day.

    Attributes:
        now: its probability at the present step.
        ever: the probability that it holds at the present step or a later one.
        share: the mean of its probability over these steps.
        standard_errors: standard errors of the numbers of the same names.
    """

    now: float
    ever: float
    share: float
    standard_errors: AheadErrors


@dataclass(frozen=True, repr=False)
class Simulation(OfRun, Tabled):
    """The forecast of a model.

    Attributes:
        scenarios: the forecast of each scenario, by id in the order of the file.
        groups: the same for each group of scenarios: to be in it is to be in any of its members.
        transitions: for each scenario the probability of each scenario one step later, pooled over the steps; null
            where it never occurs.
        transition_errors: standard errors of `transitions`: up to 1 where hardly a trial has been in a scenario.
        drivers: for each driver the probabilities of its states at each step, or the mean and quantiles of a numeric
            one.
        consequences: the same for each consequence.
        baseline: for each scenario its share where no driver speaks; they sum to 1.
        ahead: for each scenario and group its likelihoods from the present step on; null where no evidence says which
            that is.
    """

    scenarios: dict[str, ScenarioResult]
    groups: dict[str, ScenarioResult]
    transitions: dict[str, dict[str, float | None]]
    transition_errors: dict[str, dict[str, float | None]]
    drivers: dict[str, StatesResult | ValuesResult]
    consequences: dict[str, StatesResult | ValuesResult]
    baseline: dict[str, float]
    ahead: dict[str, Ahead] | None = None
    warnings: list[Warned] = field(default_factory=list)
    format: Literal["usru.simulation/1.0"] = "usru.simulation/1.0"

    def _key_findings(self) -> Iterator[str]:
        yield from (f"{name} {scenario.end:.3f}" for name, scenario in self.scenarios.items())
