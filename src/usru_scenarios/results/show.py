"""What a file says, as the program understands it, in the form of its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import Problem, RequestError, listing, suggestion
from usru_scenarios.results.common import JsonResult, ModelLine

PartType = TypeVar("PartType")


@dataclass(frozen=True)
class ScenarioPart:
    """A scenario: the share that no driver explains, and the probability per step of staying in it."""

    title: str
    summary: str
    baseline: float
    persistence: float
    signposts: list[str]
    sources: list[str]


@dataclass(frozen=True)
class StatePart:
    """A state of a node.

    Attributes:
        prior: normalised; None where the node's prior depends on others in every case.
        initial: at the first step; None where the prior decides there too.
        persistence: the probability per step of keeping it.
        allowed: where a redraw may go from it; None where anywhere.
    """

    title: str
    prior: float | None
    initial: float | None
    persistence: float
    allowed: list[str] | None


@dataclass(frozen=True)
class ScalePart:
    """The scale of a numeric node: its distribution in words, and the lag-one correlation of its latent normal."""

    low: float
    high: float
    distribution: str
    initial: float | None
    persistence: float


@dataclass(frozen=True)
class Push:
    """Points that a node gets where another one is in a state (or at a knot of its scale).

    Attributes:
        of: the other node.
        state: its state or knot.
        lag: 0 for the same step, 1 for the step before.
        points: by state of the receiving node, `hold` included; a numeric node's are under `value`.
    """

    of: str
    state: str
    lag: int
    points: dict[str, float]


@dataclass(frozen=True)
class GivenRow:
    """A row of priors that holds under a condition; the first that holds counts."""

    when: str
    prior: dict[str, float]


@dataclass(frozen=True)
class NodePart:
    """A driver or consequence as the program understands it.

    Attributes:
        role: what it is.
        states: None for a numeric node, which has a `scale`.
        weight: of the impact on the scenarios at each step; None for a consequence.
        reads: the nodes that it depends on in the same step, `reads_before` in the step before, rules included.
        acts_on: the nodes that depend on it, in causal order.
        pushes: points that other nodes give it.
        impacts: points that it gives to the scenarios, before the weight.
        rules: those that ask about it or give it points.
    """

    title: str
    summary: str
    role: Literal["driver", "consequence"]
    states: dict[str, StatePart] | None
    scale: ScalePart | None
    weight: list[float] | None
    reads: list[str]
    reads_before: list[str]
    acts_on: list[str]
    given: list[GivenRow]
    pushes: list[Push]
    impacts: list[Push]
    rules: list[str]
    sources: list[str]


@dataclass(frozen=True)
class RulePart:
    """A joint condition in words, and the points it gives, by node and state."""

    title: str
    when: str
    lag: int
    then: dict[str, dict[str, float]]
    weight: list[float]
    sources: list[str]


@dataclass(frozen=True)
class EventPart:
    """Something that the calendar brings to a node: a forced redraw from a prior, or points over a window of steps."""

    first: str
    last: str
    node: str
    title: str
    prior: dict[str, float] | None
    points: dict[str, float] | None


@dataclass(frozen=True)
class ProfilePart:
    """A named reading: what it makes of the weights, as written, and the other parts of the file that it changes."""

    title: str
    summary: str
    weights: dict[str, str]
    changes: list[str]


@dataclass(frozen=True)
class QuestionPart:
    """A question whose answer will be known: in words, as a probability of the model, until when, and by what."""

    asks: str
    means: str
    closes: str
    resolves: str
    sources: list[str]


@dataclass(frozen=True)
class PointEffect:
    """What 1, 2 and 3 points make of a chance.

    Attributes:
        on: points of the scenarios, or of all other nodes.
        weight: what multiplies the points; 1 on other nodes.
        of: the drivers and rules whose points for the scenarios have this weight, each with the step at which it has
            it, None where it has it at every step. Of a weight that changes, the first and the last step are told.
        chances: by the chance without the points, 0.25 and 0.5, what they make of it.
    """

    on: Literal["scenarios", "other nodes"]
    weight: float
    of: dict[str, str | None]
    chances: dict[str, list[float]]


@dataclass(frozen=True)
class Overview(JsonResult):
    """A model as the program understands it.

    Attributes:
        odds_per_point: what one point multiplies the odds by: of `impacts` on the outcome, of `influences` elsewhere.
        point_effects: what that means for a chance: first on other nodes, then on the scenarios by weight.
        order: all nodes, causes before what they act on in the same step; `scenario` is the outcome.
        outcome_pushes: points of the outcome that come from the step before.
    """

    model: ModelLine
    summary: str
    profile: str | None
    steps: list[str]
    odds_per_point: dict[str, float]
    point_effects: list[PointEffect]
    scenarios: dict[str, ScenarioPart]
    groups: dict[str, list[str]]
    order: list[str]
    drivers: dict[str, NodePart]
    rules: dict[str, RulePart]
    events: list[EventPart]
    consequences: dict[str, NodePart]
    outcome_pushes: list[Push]
    profiles: dict[str, ProfilePart]
    expectations: dict[str, str]
    questions: dict[str, QuestionPart]
    format: Literal["usru.overview/1.0"] = "usru.overview/1.0"

    def only(self, name: str) -> Overview:
        """The description of one driver, consequence, scenario, rule or profile, and nothing of the others.

        Raises:
            RequestError: there is nothing of that name.
        """
        known = [*self.scenarios, *self.order, *self.rules, *self.profiles]
        if name not in known or name == OUTCOME:
            hint = suggestion(name, known) or listing(known)
            raise RequestError([Problem("unknown_name", f"the model has no part '{name}'", None, hint)])
        return replace(
            self,
            scenarios=_entry(self.scenarios, name),
            drivers=_entry(self.drivers, name),
            rules=_entry(self.rules, name),
            consequences=_entry(self.consequences, name),
            profiles=_entry(self.profiles, name),
            point_effects=[replace(one, of=_entry(one.of, name)) for one in self.point_effects if name in one.of],
            order=[name] if name in self.order else [],
            groups={group: members for group, members in self.groups.items() if name in members},
            events=[event for event in self.events if event.node == name],
            outcome_pushes=[],
            expectations={},
            questions={},
        )


def _entry(parts: Mapping[str, PartType], name: str) -> dict[str, PartType]:
    return {name: parts[name]} if name in parts else {}
