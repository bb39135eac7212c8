"""What the ledger of forecasts holds and says, in the form of its JSON."""

from __future__ import annotations

from typing import Literal

from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.results.common import JsonResult, ModelLine, OfRun, Run, Titled
from usru_scenarios.results.compare import InputValue
from usru_scenarios.results.simulate import Band, StatesResult, ValuesResult


@dataclass(frozen=True)
class RecordedErrors:
    """Monte Carlo standard errors of the numbers of the same names.

    Attributes:
        by_step: standard error of the probability at each step.
        mean: standard error of the mean over the steps.
        ever: standard error of the probability that it is ever visited.
    """

    by_step: list[float]
    mean: float
    ever: float


@dataclass(frozen=True)
class RecordedScenario(Titled):
    """The likelihoods of a scenario or group, as they are recorded.

    Attributes:
        by_step: its probability at each step, from 0 to 1.
        mean: the mean of its probability over the steps.
        ever: the probability that it holds at one step or more.
        standard_errors: standard errors of the numbers of the same names, from sampling.
        band: the 90% band of `by_step` that comes from uncertain judgements; null where none is drawn.
    """

    by_step: list[float]
    mean: float
    ever: float
    standard_errors: RecordedErrors
    band: Band | None = None


@dataclass(frozen=True)
class RecordedQuestion:
    """How likely it is that what a question asks comes true.

    Attributes:
        asks: the question, for readers.
        means: what it asks of the model, in the language of queries.
        closes: the day by which it is known.
        probability: the probability that it comes true; null where what it is conditional on is impossible.
        standard_error: standard error of the probability, from sampling; null likewise.
        low: the 5% quantile over the draws of the judgements; null where none is drawn.
        high: the 95% quantile likewise.
    """

    asks: str
    means: str
    closes: str
    probability: float | None
    standard_error: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class AskedSettings:
    """What was asked of the run, from which the same answer follows; null where it was left open.

    Attributes:
        trials: number of trials.
        seed: the seed of the random numbers.
        method: `auto`, `sample` or `exact`.
        judgements: number of draws of the uncertain judgements.
    """

    trials: int | None
    seed: int
    method: Literal["auto", "sample", "exact"]
    judgements: int | None


@dataclass(frozen=True)
class ForecastRecord(JsonResult):
    """A forecast as a line of the ledger holds it; its numbers have six digits that count.

    Attributes:
        date: the day of the forecast.
        message: what is said of it; empty where nothing is.
        asked: what was asked of the run.
        scenarios: the likelihoods of each scenario, by id in the order of the file.
        groups: the same for each group of scenarios.
        drivers: for each driver the probabilities of its states at each step, or the mean and quantiles of a numeric
            one.
        consequences: the same for each consequence.
        questions: the likelihood of each question of the file, by id.
        prev: SHA-256 of the line before, without its line break; null in the first line.
    """

    date: str
    message: str
    model: ModelLine
    run: Run
    asked: AskedSettings
    scenarios: dict[str, RecordedScenario]
    groups: dict[str, RecordedScenario]
    drivers: dict[str, StatesResult | ValuesResult]
    consequences: dict[str, StatesResult | ValuesResult]
    questions: dict[str, RecordedQuestion]
    prev: str | None = None
    format: Literal["usru.forecast/1.0"] = "usru.forecast/1.0"


@dataclass(frozen=True)
class LedgerFault:
    """Something that is wrong with the ledger.

    Attributes:
        code: a stable name of the kind: `unreadable`, `torn`, `conflict`, `merged`, `broken`, `no_model`, `differs`.
        line: the line of the ledger that it is about, from 1.
        message: what is wrong.
        hint: what helps; may be empty.
    """

    code: str
    line: int
    message: str
    hint: str = ""


@dataclass(frozen=True)
class RecordLine:
    """Which record it is.

    Attributes:
        number: its line in the ledger, from 1, by which it is called.
        date: the day of the forecast.
        message: what is said of it.
        model: the model, by name, title and hash.
        profile: the profile that was applied; null where none was.
    """

    number: int
    date: str
    message: str
    model: ModelLine
    profile: str | None


@dataclass(frozen=True)
class RecordedPoint:
    """What a record says of something.

    Attributes:
        number: which record it is.
        probability: the probability, from 0 to 1.
        standard_error: its standard error, from sampling.
        low: the lower end of its 90% band from uncertain judgements; null where there is none.
        high: the upper end likewise.
        step: the label of the step in that record; null of what is about several steps, and of a question.
    """

    number: int
    probability: float
    standard_error: float
    low: float | None = None
    high: float | None = None
    step: str | None = None


@dataclass(frozen=True)
class RecordedResolution:
    """How a question came out.

    Attributes:
        came_true: whether what it asks came true.
        resolved: the day on which that was known.
    """

    came_true: bool
    resolved: str


@dataclass(frozen=True)
class RecordedSeries:
    """What the records say of something over time.

    Attributes:
        kind: whether it is a scenario, group, state or question.
        title: its title, or what the question asks.
        points: what each record that knows it says, in the order of their days.
        resolution: how a question came out, by an evidence file; null where none says so.
    """

    kind: Literal["scenario", "group", "state", "question"]
    title: str
    points: list[RecordedPoint]
    resolution: RecordedResolution | None = None


@dataclass(frozen=True)
class History(OfRun, JsonResult):
    """The recorded forecasts over time.

    Attributes:
        model: that of the last record.
        run: how the last record was found.
        at: the step, or the measure, at which scenarios and states are read; a question has its own time.
        records: the records, in the order of their days.
        series: what they say, by what it is about.
        skipped: lines that can't be read.
    """

    at: str
    records: list[RecordLine]
    series: dict[str, RecordedSeries]
    skipped: list[LedgerFault] = field(default_factory=list)
    format: Literal["usru.history/1.1"] = "usru.history/1.1"


@dataclass(frozen=True)
class Recomputed:
    """Whether the model of a record gives its numbers again.

    Attributes:
        number: which record it is.
        verdict: `same`: every digit that is recorded; `within_errors`: as near as sampling errors allow; `differs`;
            `not_recomputed`.
        largest: the largest difference of a likelihood; null where it was not recomputed.
        reason: why it was not recomputed, or what differs most; empty where there is nothing to say.
    """

    number: int
    verdict: Literal["same", "within_errors", "differs", "not_recomputed"]
    largest: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Verification(JsonResult):
    """Whether the ledger is whole, and its models give their numbers again.

    Attributes:
        model: that of the last record that can be read; null where there is none.
        run: how the last record was found, likewise.
        whole: whether no fault was found.
        lines: number of lines of the ledger.
        records: the records that can be read, in the order of the file.
        recomputed: what became of each when it was computed again.
        faults: all that is wrong.
        done: what was mended; empty where nothing was.
    """

    model: ModelLine | None
    run: Run | None
    whole: bool
    lines: int
    records: list[RecordLine]
    recomputed: list[Recomputed]
    faults: list[LedgerFault]
    done: str = ""
    format: Literal["usru.verification/1.0"] = "usru.verification/1.0"


@dataclass(frozen=True)
class ScoreValues:
    """Scores of a forecast, or means of them; each is null where it is infinite or cannot be had.

    Attributes:
        brier: the Brier score, the sum of squared differences over all states: from 0, the best, to 2.
        log: the logarithmic score in nats, minus the logarithm of the probability of what came: 0 is best.
        rps: the ranked probability score, the sum of squared differences of the cumulative probabilities in the order
            of the states, not divided by their number: 0 is best.
        baseline: the baseline score, 100 where what came was certain, 0 at even odds, below 0 where it was held to be
            less likely than that.
    """

    brier: float | None
    log: float | None
    rps: float | None
    baseline: float | None


@dataclass(frozen=True)
class ScoredForecasts:
    """How good the forecasts of somebody were.

    Attributes:
        resolutions: number of resolutions that are scored.
        time_weighted: the mean over the days from the first record to the resolution, of the forecast of each day.
        last: of the last forecast before the resolution.
    """

    resolutions: int
    time_weighted: ScoreValues
    last: ScoreValues


@dataclass(frozen=True)
class ScoredResolution:
    """Something that was forecast, and how it came out.

    Attributes:
        kind: a `question`, or the scenario at a `step`.
        title: what the question asks, or the step.
        known: the day on which it was known.
        outcome: the states, in the order of the file, with what came: 1, or shares where it was judged by likelihoods.
        records: numbers of the records that are scored: those of days before it was known.
        last: the last forecast, by state.
        scores: by whose forecast it is: `recorded`, `first record kept`, `first model`, `profile NAME`, `even odds`.
    """

    kind: Literal["question", "step"]
    title: str
    known: str
    outcome: dict[str, float]
    records: list[int]
    last: dict[str, float]
    scores: dict[str, ScoredForecasts]


@dataclass(frozen=True)
class CalibrationBin:
    """Forecasts of about the same probability.

    Attributes:
        low: the lowest probability of the bin.
        high: the probability below which it ends; the last bin holds 1.
        forecasts: number of questions whose last forecast lies in it.
        mean_forecast: the mean of these forecasts.
        share_true: the share of these questions that came true.
    """

    low: float
    high: float
    forecasts: int
    mean_forecast: float
    share_true: float


@dataclass(frozen=True)
class LedgerScore(OfRun, JsonResult):
    """How good the recorded forecasts were.

    Attributes:
        model: that of the last record.
        run: how the last record was found.
        evidence: the name of the evidence file that says how things came out.
        as_of: the day up to which it counts.
        resolutions: what was forecast and is known, by the id of the question or the label of the step.
        means: for `question` and `step` the means over the resolutions, by whose forecast it is.
        calibration: how often questions came true by how likely they were found last; null where there are too few.
        needed: number of resolved questions from which calibration is told.
        unscored: what is known but can't be scored, with the reason.
        skipped: lines that can't be read.
    """

    evidence: str
    as_of: str
    resolutions: dict[str, ScoredResolution]
    means: dict[str, dict[str, ScoredForecasts]]
    calibration: list[CalibrationBin] | None
    needed: int
    unscored: dict[str, str]
    skipped: list[LedgerFault] = field(default_factory=list)
    format: Literal["usru.score/1.0"] = "usru.score/1.0"


@dataclass(frozen=True)
class AttributedChange:
    """Why a forecast moved: four parts whose sum is the change.

    Attributes:
        before: the recorded probability of the first record.
        after: that of the second.
        change: the difference.
        judgement: what the model does: its numbers, weights, profile and interventions.
        evidence: what was observed, on the command line and by an evidence file.
        time: that another step is read; 0 where both records are read at the same one.
        noise: what is left: other trials, another seed, another version of the program.
        ranges: for each of the first three the least and the most over the orders in which they can be brought in.
    """

    before: float
    after: float
    change: float
    judgement: float
    evidence: float
    time: float
    noise: float
    ranges: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class ObservationEffect:
    """What an observation does when it is added to those before it, in the later model.

    Attributes:
        item: the id of an item of evidence, an observation as written, or what was withdrawn, in words.
        effects: by how much each probability changes.
    """

    item: str
    effects: dict[str, float]


@dataclass(frozen=True)
class NumberEffect:
    """What a number of the model does alone, brought into the earlier model without what was observed.

    Attributes:
        path: where it stands, as one writes it after `--set`.
        before: what the earlier model says there; null where it has nothing.
        after: what the later one says there, likewise.
        effects: by how much the probability of each scenario changes; empty where that was not asked for or cannot be
            said.
    """

    path: str
    before: InputValue
    after: InputValue
    effects: dict[str, float]


@dataclass(frozen=True)
class Attribution(OfRun, JsonResult):
    """Why two recorded forecasts differ.

    Attributes:
        model: that of the later record.
        run: how the later record was found.
        earlier: the first record.
        later: the second.
        at: the step, or the measure, at which scenarios and states are read.
        changes: why each probability moved.
        items: what each observation does that only the later record has, in the order in which they were learned.
        numbers: what the models say differently, the most important first where that is known.
        note: why something could not be told; empty where all could.
        quiet: the ids of those of the items that say that nothing happened.
    """

    earlier: RecordLine
    later: RecordLine
    at: str
    changes: dict[str, AttributedChange]
    items: list[ObservationEffect]
    numbers: list[NumberEffect]
    note: str = ""
    quiet: list[str] = field(default_factory=list)
    format: Literal["usru.attribution/1.0"] = "usru.attribution/1.0"
