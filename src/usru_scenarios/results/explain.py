"""Why a scenario comes true, in the form of its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.results.common import OfDriver, OfRun, Tabled, Warned


@dataclass(frozen=True)
class CitedPoints:
    """Points of the file and the claims that they rest on.

    Attributes:
        path: where the points stand in the file, as one writes it after `--set`.
        points: the points as they stand there, without the weight.
        sources: the claims that they cite.
        inferred: whether no claim of a document is among these.
    """

    path: str
    points: float
    sources: list[str]
    inferred: bool


@dataclass(frozen=True)
class CarriedCell(CitedPoints):
    """A number of the file (for a baseline, the share) and the log-odds that it carries, weight included.

    Attributes:
        state: the state that the points belong to, the knot of a scale, or `holds` of a rule; null where the number
            always acts.
        scenario: the scenario that the points are for: the one explained, or an alternative, whose points count against
            it.
        everywhere: the log-odds that the number gives, weight included, averaged over all trials.
        where_true: the same, averaged over the trials in which the scenario comes true.
    """

    state: str | None
    scenario: str
    everywhere: float
    where_true: float


@dataclass(frozen=True)
class ContributionErrors:
    """Standard errors of the two averages of the same names.

    Attributes:
        everywhere: standard error of the average over all trials.
        where_true: standard error of the average over the trials in which the scenario comes true.
    """

    everywhere: float
    where_true: float


@dataclass(frozen=True)
class DirectPart:
    """What one part of the model gives directly to the log-odds of a scenario against its alternatives.

    Attributes:
        name: the driver or rule; the parent whose state of the step before acts; `events`; or `unexplained`.
        title: its title; the name where the file has none.
        kind: which of these it is; `unexplained` is the part of the baseline, or of an event which takes the place of
            the prior.
        everywhere: its log-odds, averaged over all trials.
        where_true: its log-odds, averaged over the trials in which the scenario comes true.
        standard_errors: standard errors of the two averages.
        cells: the numbers of the file that it is made of, the heaviest first.
    """

    name: str
    title: str
    kind: Literal["driver", "rule", "lagged", "events", "unexplained"]
    everywhere: float
    where_true: float
    standard_errors: ContributionErrors
    cells: list[CarriedCell]


@dataclass(frozen=True)
class DirectShares:
    """The log-odds of a scenario against its alternatives in a redraw, and the parts that add up to it.

    Attributes:
        everywhere: the log-odds of the scenario in a redraw, averaged over all trials.
        where_true: the same, averaged over the trials in which the scenario comes true.
        standard_errors: standard errors of the two averages.
        parts: the parts of the model that add up to it.
    """

    everywhere: float
    where_true: float
    standard_errors: ContributionErrors
    parts: list[DirectPart]


@dataclass(frozen=True)
class StateEvidenceErrors:
    """Standard errors of the numbers of the same names; None where there is none.

    Attributes:
        given: standard error of the probability where the scenario comes true.
        otherwise: standard error of the probability where it does not; null where it always does.
        ratio: standard error of the ratio of the two; null where there is none.
    """

    given: float
    otherwise: float | None
    ratio: float | None


@dataclass(frozen=True)
class StateEvidence(OfDriver):
    """How a driver's state goes together with a scenario at the same step.

    Attributes:
        state: the state, or of a numeric driver a third of its distribution, such as `< 0.5`.
        state_title: the title of the state; the id where the file has none.
        given: the probability of the state where the scenario comes true.
        otherwise: the probability of the state where it does not; null where it always comes true.
        ratio: `given` divided by `otherwise`; null where the latter is 0 or null.
        information: the mutual information of the state and the scenario, in bits.
        standard_errors: standard errors of the numbers of the same names.
        points: points of the file that the state gives to the scenario directly; empty where it works through other
            drivers alone.
    """

    state: str
    state_title: str
    given: float
    otherwise: float | None
    ratio: float | None
    information: float
    standard_errors: StateEvidenceErrors
    points: list[CitedPoints]


@dataclass(frozen=True)
class NumberShiftErrors:
    """Standard errors of the means of the same names and of their difference.

    Attributes:
        given: standard error of the mean where the scenario comes true.
        otherwise: standard error of the mean where it does not; null where it always does.
        shift: standard error of the difference of the two means; null where there is none.
    """

    given: float
    otherwise: float | None
    shift: float | None


@dataclass(frozen=True)
class NumberEvidence(OfDriver):
    """The mean of a numeric driver where a scenario comes true, where it does not, and how far apart they are.

    Attributes:
        driver: the numeric driver.
        given: the mean of its value where the scenario comes true.
        otherwise: the mean of its value where it does not; null where it always comes true.
        shift: `given` minus `otherwise`; null where there is none.
        standard_errors: standard errors of the numbers of the same names.
    """

    given: float
    otherwise: float | None
    shift: float | None
    standard_errors: NumberShiftErrors


@dataclass(frozen=True)
class PathContribution:
    """What pushed a node toward where it went.

    Attributes:
        of: the driver, scenario, rule or event that pushed, or the node itself for a row of its priors.
        kind: which of these it is; `imposed` is an intervention.
        state: the state of that driver; of a row of priors its condition; of an event its title.
        lag: 0 where it acts in the same step, 1 where it acts from the step before.
        points: points toward the new state, weight included; null where it acts by other means than points.
        hold: points on the hold of the old state where they loosen it; else null.
        sources: the claims that these points cite.
        inferred: whether no claim of a document is among these.
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
    """A node that moved, from and to a state or (of a numeric driver) a value, and what pushed it, most first.

    Attributes:
        node: the node that moved.
        title: its title; the id where the file has none.
        before: its state or value at the step before.
        after: its state or value at this step.
        pushes: what pushed it, the most first.
    """

    node: str
    title: str
    before: str
    after: str
    pushes: list[PathContribution]


@dataclass(frozen=True)
class StoryEvent:
    """An entry of the file's calendar that begins at a step; `until` is its last step.

    Attributes:
        node: the node that the event acts on.
        title: the title of the event.
        until: the label of its last step.
        sources: the claims that it cites.
    """

    node: str
    title: str
    until: str
    sources: list[str]


@dataclass(frozen=True)
class StoryRule:
    """A rule that begins to hold at a step.

    Attributes:
        rule: the rule that begins to hold.
        title: its title; the id where the file has none.
        when: its condition in words.
        sources: the claims that it cites.
    """

    rule: str
    title: str
    when: str
    sources: list[str]


@dataclass(frozen=True)
class StoryMoment:
    """What happens at one step of a story; nothing but the probability where nothing changes.

    Attributes:
        step: the label of the step.
        probability: the probability of the explained scenario at this step, given the states up to it along the path.
        events: entries of the calendar that begin at this step.
        rules: rules that begin to hold at this step.
        changes: nodes that move at this step.
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
        agreement: the share of its states that another path to the scenario has too, on average.
        opening: the state or value of every node at the first step.
        moments: what happens at each step.
        path: for each node its state or value at each step.
    """

    agreement: float
    opening: dict[str, str]
    moments: list[StoryMoment]
    path: dict[str, list[str]]


@dataclass(frozen=True, repr=False)
class Explanation(OfRun, Tabled):
    """Why a scenario, or a group of them, comes true at a step.

    Attributes:
        scenario: the scenario or group that is explained.
        title: its title; the id where the file has none.
        step: the label of the step at which it is explained.
        probability: the probability that it holds at that step.
        standard_error: standard error of `probability`.
        direct: what each part of the model gives to it directly; null where nothing is redrawn, as `note` says.
        states: states of drivers and how they go together with it, the most telling first.
        numbers: numeric drivers and where they stand with it and without it.
        story: one path that led to it; null where none of the drawn ones did.
        claims: what the claims cited here say, by their ids.
        note: why `direct` is missing; empty where it is not.
        exact: the keys whose numbers are exact; all others are sampled.
    """

    scenario: str
    title: str
    step: str
    probability: float
    standard_error: float
    direct: DirectShares | None
    states: list[StateEvidence]
    numbers: list[NumberEvidence]
    story: Story | None
    claims: dict[str, str]
    note: str
    exact: list[str] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)
    format: Literal["usru.explanation/1.0"] = "usru.explanation/1.0"

    def _key_findings(self) -> Iterator[str]:
        yield f"{self.scenario} at {self.step} {self.probability:.3f}"
