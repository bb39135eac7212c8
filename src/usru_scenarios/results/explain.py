"""Why a scenario comes true, in the form of its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from usru_scenarios.results.common import ModelLine, Run, Summarised, Warned


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
class ContributionErrors:
    """Standard errors of the two averages of the same names."""

    everywhere: float
    where_true: float


@dataclass(frozen=True)
class DirectPart:
    """What one part of the model gives directly to the log-odds of a scenario against its alternatives.

    Attributes:
        name: of the driver or rule; of the parent whose state of the step before acts; `events`; or `unexplained`.
        kind: which of these; `unexplained` is the baseline's part, or that of an event which takes the prior's place.
        everywhere: its average over all trials.
        where_true: its average over the trials in which the scenario comes true.
        cells: the numbers that carry it, the heaviest first.
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
    """The log-odds of a scenario against its alternatives in a redraw, and the parts that add up to it."""

    everywhere: float
    where_true: float
    standard_errors: ContributionErrors
    parts: list[DirectPart]


@dataclass(frozen=True)
class StateEvidenceErrors:
    """Standard errors of the numbers of the same names; None where there is none."""

    given: float
    otherwise: float | None
    ratio: float | None


@dataclass(frozen=True)
class StateEvidence:
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
    standard_errors: StateEvidenceErrors
    points: list[CitedPoints]


@dataclass(frozen=True)
class NumberShiftErrors:
    """Standard errors of the means of the same names and of their difference."""

    given: float
    otherwise: float | None
    shift: float | None


@dataclass(frozen=True)
class NumberEvidence:
    """The mean of a numeric driver where a scenario comes true, where it does not, and how far apart they are."""

    driver: str
    title: str
    given: float
    otherwise: float | None
    shift: float | None
    standard_errors: NumberShiftErrors


@dataclass(frozen=True)
class PathContribution:
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
    pushes: list[PathContribution]


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


@dataclass(frozen=True, repr=False)
class Explanation(Summarised):
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
        exact: the names of the attributes that were found exactly; all others are sampled.
    """

    model: ModelLine
    run: Run
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

    def _found(self) -> Iterator[str]:
        yield f"{self.scenario} at {self.step} {self.probability:.3f}"
