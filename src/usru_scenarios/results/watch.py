"""What to watch: the observations that would move the forecast most, in the form of its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.results.common import OfRun, Tabled, Titled, Warned


@dataclass(frozen=True)
class Expected(Titled):
    """A scenario, or the group that is asked about, as it is forecast before anything is sighted.

    Attributes:
        probability: its probability at the horizon, from 0 to 1.
        standard_error: standard error of `probability`.
    """

    probability: float
    standard_error: float


@dataclass(frozen=True)
class ExpectedShiftErrors:
    """Standard errors of the numbers of the same names.

    Attributes:
        seen: standard error of the probability once the state is seen.
        shift: standard error of the shift.
    """

    seen: float
    shift: float


@dataclass(frozen=True)
class Shifted:
    """What an observation makes of the forecast of one scenario or group.

    Attributes:
        seen: its probability at the horizon once the state is seen.
        shift: `seen` minus the forecast without the observation.
        standard_errors: standard errors of the numbers of the same names.
    """

    seen: float
    shift: float
    standard_errors: ExpectedShiftErrors


@dataclass(frozen=True)
class IndicatorErrors:
    """Standard errors of the numbers of the same names.

    Attributes:
        probability: standard error of the probability of the state.
        expected_move: standard error of the expected move.
        distance: standard error of the distance.
    """

    probability: float
    expected_move: float
    distance: float


KnownVerdict = Literal["seen", "either", "ruled_out", "found", "not_found", "for", "against"]
"""What is known of a state: see `KnownAlready`."""


@dataclass(frozen=True)
class KnownAlready:
    """What is given that tells of a state itself, at the date of observation or at another step.

    Attributes:
        item: the item of the evidence file, by its id; null of what is observed one by one (`--given`).
        learned: the day on which it was learned; null likewise.
        verdict: `seen` in the state; `either` in it or in another one; `ruled_out`; a sign of it was `found` or was
            looked for in vain (`not_found`); a hint `for` it, being one of the states that fit the hint best, or
            `against` it, one of those that fit least.
        at: the step of the state, or a range of steps; before it `ever` or `always`, if a fact says so.
    """

    item: str | None
    learned: str | None
    verdict: KnownVerdict
    at: str


@dataclass(frozen=True)
class OfNode:
    """What is found of a node that can be looked at, which its first keys name.

    Attributes:
        node: the driver or consequence.
        title: its title; the id where the file has none.
        role: `driver` or `consequence`.
    """

    node: str
    title: str
    role: Literal["driver", "consequence"]


@dataclass(frozen=True)
class Indicator(OfNode):
    """A state that may be seen at the date of observation, and what it would say about the future.

    Attributes:
        node: the driver or consequence that is looked at.
        state: its state, or of a numeric node a third of its distribution, such as `< 0.5`.
        state_title: the title of the state; the id where the file has none.
        probability: the probability that the state holds at the step of the observation.
        expected_move: `probability` times `distance`: what to expect the observation to do. Corrected for noise; what
            that brings below 0 is told as 0.
        distance: by how much the observation moves the forecast: half the sum of the absolute shifts of all scenarios
            (their total variation), or the absolute shift of what is asked about. Corrected likewise.
        standard_errors: standard errors of the numbers of the same names.
        within_noise: whether no scenario's shift is clearly told from the noise of sampling.
        speaks_for: the scenario whose probability it clearly raises most; null where there is none.
        speaks_against: the scenario whose probability it clearly lowers most; null where there is none.
        forecast: what it makes of each scenario, and of the group that is asked about.
        signposts: by what one knows the state, in words; where the file has none, those of `speaks_for`.
        signposts_of: whose signposts these are: of the `state` or of the `scenario`; null where there are none.
        sources: the claims that the state's own numbers cite.
        known: what is given that tells of the state itself, in the order in which it was learned.
    """

    state: str
    state_title: str
    probability: float
    expected_move: float
    distance: float
    standard_errors: IndicatorErrors
    within_noise: bool
    speaks_for: str | None
    speaks_against: str | None
    forecast: dict[str, Shifted]
    signposts: list[str]
    signposts_of: Literal["state", "scenario"] | None
    sources: list[str]
    known: list[KnownAlready] = field(default_factory=list)


@dataclass(frozen=True)
class NodeErrors:
    """Standard errors of the numbers of the same names.

    Attributes:
        expected_move: standard error of the expected move.
        information: standard error of the mutual information, in bits.
    """

    expected_move: float
    information: float


@dataclass(frozen=True)
class WatchedNode(OfNode):
    """What it is worth to look at a node at the date of observation, whatever is seen.

    Attributes:
        expected_move: the expected moves of its states, summed.
        information: the mutual information of its state then and the scenario to come, or of what is asked about, in
            bits; corrected for noise.
        standard_errors: standard errors of the numbers of the same names.
    """

    expected_move: float
    information: float
    standard_errors: NodeErrors


@dataclass(frozen=True, repr=False)
class Watch(OfRun, Tabled):
    """The early-warning indicators of a model.

    Attributes:
        on: the label of the step of the observation.
        horizon: the label of the step whose forecast moves.
        of: the scenario or group that is asked about; null for the whole distribution of scenarios.
        forecast: each scenario at the horizon, and the group that is asked about, before any observation.
        indicators: all states that were met often enough, the one of which most is to be expected first.
        too_rare: `node=state` of what was met in too few trials to tell anything.
        nodes: all drivers and consequences, the one of which most is to be expected first.
        claims: what the claims cited here say, by their ids.
    """

    on: str
    horizon: str
    of: str | None
    forecast: dict[str, Expected]
    indicators: list[Indicator]
    too_rare: list[str]
    nodes: list[WatchedNode]
    claims: dict[str, str]
    warnings: list[Warned] = field(default_factory=list)
    format: Literal["usru.watch/1.1"] = "usru.watch/1.1"

    def _key_findings(self) -> Iterator[str]:
        yield f"on {self.on} for {self.horizon}"
        for indicator in self.indicators:
            yield f"{indicator.node}={indicator.state} {indicator.expected_move:.3f}"
