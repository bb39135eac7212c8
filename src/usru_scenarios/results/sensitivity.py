"""What matters for a forecast, in the form of its JSON: drivers, weights and judgements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.results.common import OfDriver, OfRun, Tabled, Warned

Question = Literal["drivers", "moves", "weights", "judgements"]

QUESTIONS: tuple[Question, ...] = get_args(Question)
"""Which driver's uncertainty matters, which driver moves it, which weight does, and which judgement."""


@dataclass(frozen=True)
class ProbabilityChange:
    """By how much a probability changes, and the sampling error of that.

    Attributes:
        value: the probability, or by how much it changes.
        standard_error: standard error of `value`, from sampling.
    """

    value: float
    standard_error: float


@dataclass(frozen=True)
class WeightSlope:
    """What a weight does to the scenarios.

    Attributes:
        kind: `driver` or `rule`: whose weight it is.
        name: the id of the driver or rule.
        title: its title; the id where the file has none.
        weight: its present weight; of a schedule, the mean over the steps.
        scheduled: whether the weight is a schedule, which is scaled as a whole.
        derivative: by scenario, the change of the probability for each unit of weight, at the present weight; of a
            schedule, for each unit of a factor on all of it.
        elasticity: by scenario, by how many percent the probability changes for one percent of weight; null where the
            probability is 0.
        aimed: the derivative for what was asked about; null where that is every scenario.
        aimed_elasticity: the elasticity for what was asked about; null where that is every scenario.
        size: what it is ranked by: the derivative for what was asked about without its sign, else in total variation,
            half the sum over the scenarios.
    """

    kind: Literal["driver", "rule"]
    name: str
    title: str
    weight: float
    scheduled: bool
    derivative: dict[str, ProbabilityChange]
    elasticity: dict[str, ProbabilityChange | None]
    aimed: ProbabilityChange | None
    aimed_elasticity: ProbabilityChange | None
    size: ProbabilityChange


@dataclass(frozen=True)
class JudgementEffect:
    """What one point more of a judgement does to the scenarios.

    Attributes:
        path: where the judgement stands in the file, as one writes it after `--set`.
        role: what kind of judgement it is.
        value: its present value; a persistence is the probability per step, an uncertain judgement is at its mean.
        changed: the value that it is changed to, as `--set` takes it.
        change: what was done to it, in words, such as `+1 point` or `odds x1.4`.
        by_scenario: by scenario, by how much the probability changes.
        aimed: the change for what was asked about; null where that is every scenario.
        size: what it is ranked by, as in the weights.
        method: how the change was found; `none` where nothing that the scenarios depend on changes.
        sources: the claims that it cites.
        inferred: whether no claim of a document is among these.
    """

    path: str
    role: str
    value: float
    changed: float
    change: str
    by_scenario: dict[str, ProbabilityChange]
    aimed: ProbabilityChange | None
    size: ProbabilityChange
    method: Literal["likelihood ratio", "carried along", "drawn anew", "none"]
    sources: list[str]
    inferred: bool


@dataclass(frozen=True)
class LeftOut:
    """Judgements that have no place in the list, and why.

    Attributes:
        why: the reason, in words.
        paths: the judgements, by their dotted paths.
    """

    why: str
    paths: list[str]


@dataclass(frozen=True)
class Slopes:
    """Which weight matters, and which judgement.

    Attributes:
        name: the scenario or group that was asked about; empty where it is every scenario.
        step: the label of the step, or "mean" for the mean over all of them.
        probabilities: by scenario, at present.
        aimed: the present probability of what was asked about; None where that is every scenario.
        weights: those that change the most first.
        judgements: those that change the most first.
        left_out: the judgements that are not in the list.
        claims: what the claims cited here say, by their ids.
    """

    name: str
    step: str
    probabilities: dict[str, ProbabilityChange]
    aimed: ProbabilityChange | None
    weights: list[WeightSlope]
    judgements: list[JudgementEffect]
    left_out: list[LeftOut]
    claims: dict[str, str]


@dataclass(frozen=True)
class VarianceErrors:
    """Standard errors of the shares of the same names.

    Attributes:
        first_order: standard error of the first-order share; null where there is none.
        total: standard error of the total share; null where there is none.
    """

    first_order: float | None
    total: float | None


@dataclass(frozen=True)
class VarianceShares:
    """How much of the variance between trials of a scenario's probability a driver explains.

    Attributes:
        first_order: share of the variance between trials that the driver's state at the time tells: Var(E[Y | state]) /
            Var(Y), Y being the scenario's probability given its drivers' paths (and its own step before, where a driver
            reads it); what other drivers have in common with it is included. null where Y does not vary.
        total: share of the variance that the driver makes directly, alone and jointly with others: E[Var(Y | all other
            drivers' paths)] / Var(Y), its whole path exchanged between trials and the others' left as they are. null
            where a driver reads the scenario, or Y does not vary.
        standard_errors: standard errors of the shares of the same names.
    """

    first_order: float | None
    total: float | None
    standard_errors: VarianceErrors


@dataclass(frozen=True)
class UncertaintyErrors:
    """Standard errors of the quantities of the same names.

    Attributes:
        information: standard error of the mutual information, in bits.
        shift: standard error of the expected change.
        first_order: standard error of the first-order share; null where there is none.
        total: standard error of the total share; null where there is none.
    """

    information: float
    shift: float
    first_order: float | None
    total: float | None


@dataclass(frozen=True)
class DriverUncertainty(OfDriver):
    """What a driver's state at the time tells about the outcome at the same time.

    Attributes:
        information: the mutual information of its state and the outcome in bits, without the bias of sampling; it may
            fall below 0 by about its error.
        shift: the expected total variation between the probabilities of the scenarios given the state and without it;
            of one scenario or group the expected absolute change. It may fall below 0 by about its error.
        first_order: first-order share of variance of all scenarios together (the variances are added up), as in
            `by_scenario`.
        total: total share of variance, likewise.
        by_scenario: the shares of variance of each scenario, or of what was asked about.
        standard_errors: standard errors of the numbers of the same names.
    """

    information: float
    shift: float
    first_order: float | None
    total: float | None
    by_scenario: dict[str, VarianceShares]
    standard_errors: UncertaintyErrors


@dataclass(frozen=True)
class MovedState:
    """What imposing a state of a driver at every step does; under observations after the last that tells of the driver.

    Attributes:
        state: the state that is imposed, or the value of a numeric driver.
        quantile: of a numeric driver the quantile of its own distribution that is imposed, 0.05 or 0.95; null of a
            state.
        change: by how much the probability of each scenario, or of what was asked about, changes against the model as
            it is.
        shift: the total variation between the two distributions of scenarios; of one scenario the absolute change.
        standard_errors: standard errors of `change`, on common random numbers.
    """

    state: str
    quantile: float | None
    change: dict[str, float]
    shift: float
    standard_errors: dict[str, float]


@dataclass(frozen=True)
class DriverMoves(OfDriver):
    """How far a driver moves the outcome.

    Attributes:
        swing: the largest total variation between the outcomes under two of its states; of one scenario or group, from
            its lowest probability to its highest.
        standard_error: standard error of `swing`.
        between: the two states of `swing`; of one scenario or group the one that makes it least likely first.
        states: what each state does, in the order of the file; of a number the lower value first.
    """

    swing: float
    standard_error: float
    between: tuple[str, str]
    states: list[MovedState]


@dataclass(frozen=True, repr=False)
class Sensitivity(OfRun, Tabled):
    """What matters for a scenario, a group or the whole distribution of scenarios at a time.

    Attributes:
        of: the scenario or group that was asked about; null for all scenarios.
        title: its title; empty of all scenarios.
        at: the label of the step, or `mean` for the mean over all steps.
        probability: the probability of each scenario in the model as it is, or of what was asked about.
        standard_errors: standard errors of `probability`.
        drivers: which driver's uncertainty matters, the largest shift first; null where that was not asked.
        moves: which driver moves the outcome, the largest swing first, without those that are imposed already and,
            under observations, without states in which what is observed hardly happens; null where that was not asked.
        weights: which weight matters, the largest effect first; null where that was not asked.
        judgements: which judgement matters, the largest effect of one point more first; null where that was not asked.
        left_out: the judgements that have no place in that list, and why.
        claims: what the claims cited here say, by their ids.
        note: why total shares of variance are missing; empty where they are not.

    A question that was not asked is None.
    """

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

    def _key_findings(self) -> Iterator[str]:
        yield from (f"{name} {value:.3f}" for name, value in self.probability.items())
