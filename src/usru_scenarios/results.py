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
    effective_trials: float | None
    """For how many unweighted trials the weighted ones stand; None where the method is exact."""
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
        step: at which it is read, where a comparison looks at the steps one by one.
        seen: the observations that it is conditioned on.
        imposed: the interventions under which it is read.
        left_out: steps left out of an average, because what is seen is impossible there.
    """

    text: str
    value: float
    standard_error: float
    method: Literal["exact", "sample"]
    effective_trials: float | None
    step: str | None
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
    """The answer to a query.

    Attributes:
        query: as asked.
        value: of the query; of a comparison, the margin by which it holds (below 0: fails). None where it is no number.
        standard_error: of sampling; 0 where it is exact.
        method: "sample" where any of its probabilities is sampled.
        effective_trials: for how many unweighted trials the ones kept stand, at the least; None where it is exact.
        trials, seed: how many worlds were drawn at the most (0 where it is exact), and from which streams.
        profile, do, given: what was asked for beside the query, and applies to every probability in it.
        probabilities: those of the query, one after the other.
        compares: whether the query is a comparison.
        holds: whether it does; None where the sampling error leaves that open. Only of a comparison, as the next:
        left, right: the two sides that are closest to changing the verdict; None where one is not a number.
        step: the step at which they were compared, where the statement is about each of several.
    """

    model: ModelLine
    query: str
    value: float | None
    standard_error: float | None
    method: Literal["exact", "sample"]
    effective_trials: float | None
    trials: int
    seed: int
    profile: str | None
    do: list[str]
    given: list[str]
    probabilities: list[ProbabilityFound]
    compares: bool = False
    holds: bool | None = None
    left: float | None = None
    right: float | None = None
    step: str | None = None
    format: Literal["usru.answer/1.0"] = "usru.answer/1.0"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as plain data, `format` first; what only a comparison has is left out where there is none."""
        data = asdict(self)
        if not data.pop("compares"):
            for name in ("holds", "left", "right", "step"):
                del data[name]
        return {"format": data.pop("format"), **data}


@dataclass(frozen=True)
class ExpectationChecked:
    """An expectation and what the model says to it.

    Attributes:
        that: the statement.
        title: in words, where the file has some.
        verdict: undecided where the sampling error spans the bound, or there is no answer.
        left, right: the two sides that are closest to changing the verdict; None where one is not a number.
        margin, standard_error: by how much they hold (below 0: fail), and the sampling error of that.
        step: the step at which they were compared, where the statement is about each of several.
        method: how it was found.
        trials: the worlds that it took; 0 where it is exact.
        sources: the claims behind it.
        problem: why there is no answer, in words; None where there is one.
        robust: in how many of the perturbed models it holds; None where that was not asked.
    """

    that: str
    title: str | None
    verdict: Literal["holds", "fails", "undecided"]
    left: float | None
    right: float | None
    margin: float | None
    standard_error: float | None
    step: str | None
    method: Literal["exact", "sample"]
    trials: int
    sources: list[str]
    problem: str | None = None
    robust: int | None = None


@dataclass(frozen=True)
class Perturbation:
    """How judgements were jittered.

    Attributes:
        models: how many perturbed models there were.
        trials: drawn in each of them; verdicts there are those of the estimates.
        spreads: for each kind of judgement, by how much it is moved, in words.
        anchored: whether baselines were solved anew for the anchor in each.
    """

    models: int
    trials: int
    spreads: dict[str, str]
    anchored: bool


@dataclass(frozen=True)
class CheckReport:
    """What the model says to each of its expectations.

    Attributes:
        trials, seed: worlds of the first draws and their streams; what stays undecided takes more.
        profile: under which the expectations were read.
        counts: how many expectations there are of each verdict.
        perturbation: None where only the model as it stands was asked.
    """

    model: ModelLine
    trials: int
    seed: int
    profile: str | None
    counts: dict[str, int]
    expectations: dict[str, ExpectationChecked]
    perturbation: Perturbation | None = None
    warnings: list[Warned] = field(default_factory=list)
    format: Literal["usru.check/1.0"] = "usru.check/1.0"

    @property
    def all_hold(self) -> bool:
        """Whether no expectation fails or is undecided."""
        return self.counts["holds"] == len(self.expectations)

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

    model: ModelLine
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


@dataclass(frozen=True)
class CitedPoints:
    """Points of the file and the claims that they rest on.

    Attributes:
        path: where they stand, as one writes it after `--set`.
        points: as they stand there, without the weight.
        sources: the claims.
        inferred: whether no claim of a document is among them.
    """

    path: str
    points: float
    sources: list[str]
    inferred: bool


@dataclass(frozen=True)
class CarriedCell(CitedPoints):
    """A number of the file (for a baseline, the share) and the log-odds that it carries, weight included.

    Attributes:
        state: the state, the knot of a scale, or `holds` of a rule; None where the number always acts.
        scenario: which scenario it speaks of: the one explained, or an alternative, whose points count against it.
        everywhere, where_true: as in `DirectPart`.
    """

    state: str | None
    scenario: str
    everywhere: float
    where_true: float


@dataclass(frozen=True)
class PullErrors:
    """Standard errors of the two averages of the same names."""

    everywhere: float
    where_true: float


@dataclass(frozen=True)
class DirectPart:
    """What one part of the model gives directly to the log-odds of a scenario against its alternatives.

    Attributes:
        name: of the driver or rule; of the parent whose state of the step before acts; `events`; or `unexplained`.
        kind: which of these; `unexplained` is the baseline's part, or that of an event which takes the prior's place.
        everywhere: its average over all worlds.
        where_true: its average over the worlds in which the scenario comes true.
        cells: the numbers that carry it, the heaviest first.
    """

    name: str
    title: str
    kind: Literal["driver", "rule", "lagged", "events", "unexplained"]
    everywhere: float
    where_true: float
    standard_errors: PullErrors
    cells: list[CarriedCell]


@dataclass(frozen=True)
class DirectShares:
    """The log-odds of a scenario against its alternatives in a redraw, and the parts that add up to it."""

    everywhere: float
    where_true: float
    standard_errors: PullErrors
    parts: list[DirectPart]


@dataclass(frozen=True)
class TellingErrors:
    """Standard errors of the numbers of the same names; None where there is none."""

    given: float
    otherwise: float | None
    ratio: float | None


@dataclass(frozen=True)
class TellingState:
    """How a driver's state goes together with a scenario at the same step.

    Attributes:
        state: the state, or of a numeric driver a third of its distribution, such as `< 0.5`.
        given: the probability of the state where the scenario comes true.
        otherwise: where it does not; None where it always comes true.
        ratio: the first by the second; None where the second is 0.
        information: what the state tells about the scenario, their mutual information in bits.
        points: what it gives to the scenario directly; none where it works through other drivers alone.
    """

    driver: str
    title: str
    state: str
    state_title: str
    given: float
    otherwise: float | None
    ratio: float | None
    information: float
    standard_errors: TellingErrors
    points: list[CitedPoints]


@dataclass(frozen=True)
class ShiftErrors:
    """Standard errors of the means of the same names and of their difference."""

    given: float
    otherwise: float | None
    shift: float | None


@dataclass(frozen=True)
class TellingNumber:
    """The mean of a numeric driver where a scenario comes true, where it does not, and how far apart they are."""

    driver: str
    title: str
    given: float
    otherwise: float | None
    shift: float | None
    standard_errors: ShiftErrors


@dataclass(frozen=True)
class StoryPush:
    """What pushed a node toward where it went.

    Attributes:
        of: a driver, the scenario, a rule, an event, or the node itself for a row of its priors.
        kind: which of these; `imposed` is an intervention.
        state: the state of that driver; of a row of priors, its condition; of an event, its title.
        lag: 1 where it acts from the step before.
        points: toward the new state, weight included; None where it acts by other means than points.
        hold: points on the hold of the old state where they loosen it, else None.
    """

    of: str
    kind: Literal["influence", "impact", "rule", "event", "prior", "imposed"]
    state: str
    lag: int
    points: float | None
    hold: float | None
    sources: list[str]
    inferred: bool


@dataclass(frozen=True)
class StoryChange:
    """A node that moved, from and to a state or (of a numeric driver) a value, and what pushed it, most first."""

    node: str
    title: str
    before: str
    after: str
    pushes: list[StoryPush]


@dataclass(frozen=True)
class StoryEvent:
    """An entry of the file's calendar that begins at a step; `until` is its last step."""

    node: str
    title: str
    until: str
    sources: list[str]


@dataclass(frozen=True)
class StoryRule:
    """A rule that begins to hold at a step."""

    rule: str
    title: str
    when: str
    sources: list[str]


@dataclass(frozen=True)
class StoryMoment:
    """What happens at one step of a story; nothing but the probability where nothing changes.

    Attributes:
        probability: of the explained scenario at this step, given the states up to it along the path.
    """

    step: str
    probability: float
    events: list[StoryEvent]
    rules: list[StoryRule]
    changes: list[StoryChange]


@dataclass(frozen=True)
class Story:
    """A path that was drawn and led to the scenario: of all those, the one most like the others.

    Attributes:
        agreement: the share of its states that another such path has too, on average.
        opening: the state or value of every node at the first step.
        moments: one for each step.
        path: for each node, its state or value at each step.
    """

    agreement: float
    opening: dict[str, str]
    moments: list[StoryMoment]
    path: dict[str, list[str]]


@dataclass(frozen=True)
class Explanation:
    """Why a scenario, or a group of them, comes true at a step.

    Attributes:
        scenario: the scenario or group.
        step: the label of the step.
        probability: that it holds then.
        direct: what each part of the model gives to it directly; None where nothing is redrawn, as `note` says.
        states: the drivers' states, the most telling first, with those that speak against it.
        numbers: the numeric drivers.
        story: None where none of the drawn paths led to it.
        claims: what the claims cited here say, by their ids.
        note: why `direct` is missing; empty where it is not.
    """

    model: ModelLine
    run: Run
    scenario: str
    title: str
    step: str
    probability: float
    standard_error: float
    direct: DirectShares | None
    states: list[TellingState]
    numbers: list[TellingNumber]
    story: Story | None
    claims: dict[str, str]
    note: str
    warnings: list[Warned] = field(default_factory=list)
    format: Literal["usru.explanation/1.0"] = "usru.explanation/1.0"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as plain data, `format` first."""
        data = asdict(self)
        return {"format": data.pop("format"), **data}
