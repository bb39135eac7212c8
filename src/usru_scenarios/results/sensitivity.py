"""What matters for a forecast, in the form of its JSON: drivers, weights and judgements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from usru_scenarios.results.common import ModelLine, Run, Summarised, Warned
from usru_scenarios.results.slopes import JudgementEffect, LeftOut, WeightSlope

Question = Literal["drivers", "moves", "weights", "judgements"]

QUESTIONS: tuple[Question, ...] = ("drivers", "moves", "weights", "judgements")
"""Which driver's uncertainty matters, which driver moves it, which weight does, and which judgement."""


@dataclass(frozen=True)
class VarianceErrors:
    """Standard errors of the shares of the same names."""

    first_order: float | None
    total: float | None


@dataclass(frozen=True)
class VarianceShares:
    """How much of the variance between trials of a scenario's probability a driver explains.

    Attributes:
        first_order: Var(E[Y | state]) / Var(Y), Y being the probability that the scenario has in a trial given its
            drivers' paths (where a driver reads the scenario, given the scenario of the step before as well): what the
            driver's state at the time tells, its fellows' part in it included where drivers depend on each other. None
            where Y does not vary.
        total: E[Var(Y | all other drivers' paths)] / Var(Y), with the driver's whole path exchanged between trials and
            the others' left as they are: what it does to the scenario directly, alone and jointly with others, as if it
            were independent of them. None where a driver reads the scenario, or Y does not vary.
    """

    first_order: float | None
    total: float | None
    standard_errors: VarianceErrors


@dataclass(frozen=True)
class UncertaintyErrors:
    """Standard errors of the quantities of the same names."""

    information: float
    shift: float
    first_order: float | None
    total: float | None


@dataclass(frozen=True)
class DriverUncertainty:
    """What a driver's state at the time tells about the outcome at the same time.

    Attributes:
        information: their mutual information in bits, without the bias of sampling; it may fall below 0 by about its
            error.
        shift: the expected total variation between the probabilities of the scenarios given the state and without it;
            of one scenario or group the expected absolute change. It may fall below 0 by about its error.
        first_order, total: as in `VarianceShares`, of all scenarios together: the variances are added up.
        by_scenario: the shares of each scenario, or of what was asked about.
    """

    driver: str
    title: str
    information: float
    shift: float
    first_order: float | None
    total: float | None
    by_scenario: dict[str, VarianceShares]
    standard_errors: UncertaintyErrors


@dataclass(frozen=True)
class MovedState:
    """What imposing a state of a driver at every step does.

    Attributes:
        state: the state, or the value of a numeric driver.
        quantile: of a numeric driver's own distribution, 0.05 or 0.95; None of a state.
        change: of each scenario's probability, or of what was asked about, against the model as it is.
        shift: the total variation between the two distributions of scenarios; of one scenario the absolute change.
        standard_errors: of `change`, from common random numbers.
    """

    state: str
    quantile: float | None
    change: dict[str, float]
    shift: float
    standard_errors: dict[str, float]


@dataclass(frozen=True)
class DriverMoves:
    """How far a driver moves the outcome.

    Attributes:
        swing: the largest total variation between the outcomes under two of its states; of one scenario or group, from
            its lowest probability to its highest.
        standard_error: of `swing`.
        between: the two states; of one scenario or group the one that makes it least likely first.
        states: in the order of the file; of a number the lower value first.
    """

    driver: str
    title: str
    swing: float
    standard_error: float
    between: tuple[str, str]
    states: list[MovedState]


@dataclass(frozen=True, repr=False)
class Sensitivity(Summarised):
    """What matters for a scenario, a group or the whole distribution of scenarios at a time.

    Attributes:
        of: the scenario or group; None for all scenarios.
        title: as in the file; of all scenarios empty.
        at: the step, or `mean` for the average over all.
        probability: of each scenario in the model as it is, or of what was asked about.
        standard_errors: of `probability`.
        drivers: which driver's uncertainty matters, the largest shift first.
        moves: which driver moves it, the largest swing first; drivers that are imposed already are left out.
        weights: which weight matters, the largest effect first.
        judgements: which judgement matters, the largest effect of one point more first.
        left_out: the judgements that have no place in that list.
        claims: what the claims cited here say, by their ids.
        note: why total shares of variance are missing; empty where they are not.

    A question that was not asked is None.
    """

    model: ModelLine
    run: Run
    of: str | None
    title: str
    at: str
    probability: dict[str, float]
    standard_errors: dict[str, float]
    drivers: list[DriverUncertainty] | None
    moves: list[DriverMoves] | None
    weights: list[WeightSlope] | None
    judgements: list[JudgementEffect] | None
    left_out: list[LeftOut]
    claims: dict[str, str]
    note: str
    warnings: list[Warned] = field(default_factory=list)
    format: Literal["usru.sensitivity/1.0"] = "usru.sensitivity/1.0"

    def _found(self) -> Iterator[str]:
        yield from (f"{name} {value:.3f}" for name, value in self.probability.items())

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as plain data, `format` first."""
        data = asdict(self)
        return {"format": data.pop("format"), **data}
