"""What the questions answer: plain values with a versioned JSON form.

The attributes of each class are the keys of its JSON. Lists run over the steps. A minor version of a format adds keys,
a major one may change them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class ModelLine:
    """Which model it was: `sha256` is of the resolved model, overlays and overrides included."""

    name: str
    title: str
    sha256: str


@dataclass(frozen=True)
class Run:
    """How the result was found."""

    trials: int
    seed: int
    method: Literal["sample", "exact"]
    steps: list[str]
    profile: str | None
    weights: dict[str, float]
    """By driver; of a schedule, its mean over the steps."""
    do: list[str]
    given: list[str]
    effective_trials: float
    usru_version: str


@dataclass(frozen=True)
class Errors:
    """Monte Carlo standard errors of the quantities of the same names; 0 where they are exact."""

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


@dataclass(frozen=True)
class Warned:
    """A warning: its stable code, its sentence, and where there is one, the file and line that it is about."""

    code: str
    message: str
    path: str | None = None
    line: int | None = None


@dataclass(frozen=True)
class Simulation:
    """The forecast of a model.

    Attributes:
        scenarios, groups: by id, in the order of the file.
        transitions: for each scenario, where it is one step later, pooled over the steps; None where it never occurs.
        transition_errors: the standard errors of `transitions`.
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

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as plain data, `format` first."""
        data = asdict(self)
        return {"format": data.pop("format"), **data}


@dataclass(frozen=True)
class ProbabilityFound:
    """A probability within a statement.

    Attributes:
        text: as asked.
        value, standard_error: the answer and its sampling error, which is 0 where it is exact.
        method: how it was found.
        effective_trials: for how many unweighted trials the ones kept stand; None where it is exact.
        seen: the observations that it is conditioned on.
        imposed: the interventions under which it is read.
        left_out: steps left out of an average, because what is seen is impossible there.
    """

    text: str
    value: float
    standard_error: float
    method: Literal["exact", "sample"]
    effective_trials: float | None
    seen: list[str]
    imposed: list[str]
    left_out: list[str]


@dataclass(frozen=True)
class Verdict:
    """What became of a comparison.

    Attributes:
        holds: True, False, or None where the sampling error spans the bound.
        left, right: the two sides that are closest to changing the verdict; None where one is not a number.
        margin, standard_error: by how much those two hold (below 0: fail), and the sampling error of that.
        step: the step at which they were compared, where the statement is about each of several.
    """

    holds: bool | None
    left: float | None
    right: float | None
    margin: float | None
    standard_error: float | None
    step: str | None


@dataclass(frozen=True)
class Answer:
    """The answer to a query: its value, or for a comparison the verdict, whose margin is the value."""

    model: ModelLine
    query: str
    value: float | None
    standard_error: float | None
    method: Literal["exact", "sample"]
    effective_trials: float | None
    trials: int
    seed: int
    probabilities: list[ProbabilityFound]
    verdict: Verdict | None
    format: Literal["usru.answer/1.0"] = "usru.answer/1.0"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as plain data, `format` first; a comparison adds `holds`, `left` and `right`."""
        data = asdict(self)
        verdict = data.pop("verdict")
        if verdict is not None:
            data |= {name: verdict[name] for name in ("holds", "left", "right", "step")}
        return {"format": data.pop("format"), **data}


@dataclass(frozen=True)
class ExpectationChecked:
    """An expectation and what the model says to it; the verdict's words are for reading, its numbers in `Verdict`."""

    that: str
    title: str | None
    verdict: Literal["holds", "fails", "undecided"]
    left: float | None
    right: float | None
    margin: float | None
    standard_error: float | None
    sources: list[str]
    robust: float | None = None
    """In what share of the perturbed models it holds, where that was asked."""


@dataclass(frozen=True)
class CheckReport:
    """What the model says to each of its expectations."""

    model: ModelLine
    trials: int
    seed: int
    perturbed: int
    expectations: dict[str, ExpectationChecked]
    format: Literal["usru.check/1.0"] = "usru.check/1.0"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as plain data, `format` first."""
        data = asdict(self)
        return {"format": data.pop("format"), **data}


@dataclass(frozen=True)
class Calibration:
    """Baselines that reproduce the anchor.

    Attributes:
        at: the anchor's step.
        anchor: its shares.
        before, shares_before: the file's baselines, normalised, and the shares that they give at that step.
        baselines: those solved, which sum to 1: what the cited drivers do not explain.
        trials, seed: of the draws that it was solved on.
    """

    at: str
    anchor: dict[str, float]
    before: dict[str, float]
    shares_before: dict[str, float]
    baselines: dict[str, float]
    trials: int
    seed: int
    format: Literal["usru.calibration/1.0"] = "usru.calibration/1.0"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as plain data, `format` first."""
        data = asdict(self)
        return {"format": data.pop("format"), **data}
