"""What a file says, as the program understands it, in the form of its JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeVar

from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import Problem, RequestError, list_choices, suggest_name
from usru_scenarios.results.common import FileRun, JsonResult, ModelLine, Tabled, Titled

PartType = TypeVar("PartType")


@dataclass(frozen=True)
class ScenarioPart(Titled):
    """A scenario: the share that no driver explains, and the probability per step of staying in it.

    Attributes:
        summary: its summary; empty where the file has none.
        baseline: its share where no driver speaks; the baselines sum to 1.
        persistence: the probability per step that it is kept without a redraw.
        signposts: by what one knows it, in words.
        sources: the claims that it cites.
    """

    summary: str
    baseline: float
    persistence: float
    signposts: list[str]
    sources: list[str]


@dataclass(frozen=True)
class StatePart(Titled):
    """A state of a node.

    Attributes:
        prior: its share in a redraw without points, normalised; null where the priors depend on other nodes in every
            case.
        initial: its share at the first step; null where the prior decides there too.
        persistence: the probability per step that it is kept without a redraw.
        allowed: where a redraw may go from it; null where anywhere.
    """

    prior: float | None
    initial: float | None
    persistence: float
    allowed: list[str] | None


@dataclass(frozen=True)
class ScalePart:
    """The scale of a numeric node: its distribution in words, and the lag-one correlation of its latent normal.

    Attributes:
        low: the lowest value.
        high: the highest value.
        distribution: the distribution of the value where no points act, in words.
        initial: the value at the first step; null where it is drawn.
        persistence: the lag-one correlation of its latent normal.
    """

    low: float
    high: float
    distribution: str
    initial: float | None
    persistence: float


@dataclass(frozen=True)
class Push:
    """Points that a node gets where another one is in a state (or at a knot of its scale).

    Attributes:
        of: the node that gives the points.
        state: its state, or the knot on its scale.
        lag: 0 for the same step, 1 for the step before.
        points: the points by state of the node that gets them, `hold` included; of a numeric node under `value`.
    """

    of: str
    state: str
    lag: int
    points: dict[str, float]


@dataclass(frozen=True)
class GivenRow:
    """A row of priors that holds under a condition; the first that holds counts.

    Attributes:
        when: the condition, in words.
        prior: the shares of the states where it holds, normalised.
    """

    when: str
    prior: dict[str, float]


@dataclass(frozen=True)
class NodePart(Titled):
    """A driver or consequence as the program understands it.

    Attributes:
        summary: its summary; empty where the file has none.
        role: `driver` or `consequence`.
        states: its states, by id; null for a numeric node.
        scale: its scale and distribution; null for a node with states.
        weight: the weight of its impact on the scenarios at each step; null for a consequence.
        reads: the nodes that it depends on in the same step, rules included.
        reads_before: the nodes that it depends on in the step before, rules included.
        acts_on: the nodes that depend on it, in causal order.
        given: the rows of its priors; the first whose condition holds counts.
        pushes: the points that other nodes give it.
        impacts: the points that it gives to the scenarios, before the weight.
        rules: the rules that ask about it or give it points.
        sources: the claims that it cites.
    """

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
class RulePart(Titled):
    """A joint condition in words, and the points it gives, by node and state.

    Attributes:
        when: its condition, in words.
        lag: 0 where the condition is read in the same step, 1 where in the step before.
        then: the points that it gives, by node and state.
        weight: the weight of the points for the scenarios, at each step.
        sources: the claims that it cites.
    """

    when: str
    lag: int
    then: dict[str, dict[str, float]]
    weight: list[float]
    sources: list[str]


@dataclass(frozen=True)
class EventPart:
    """Something that the calendar brings to a node: a forced redraw from a prior, or points over a window of steps.

    Attributes:
        first: the label of its first step.
        last: the label of its last step.
        node: the node that it acts on.
        title: its title; empty where the file has none.
        prior: the shares of the forced redraw, by state; null where there is none.
        points: the extra points, by state; null where there are none.
    """

    first: str
    last: str
    node: str
    title: str
    prior: dict[str, float] | None
    points: dict[str, float] | None


@dataclass(frozen=True)
class ProfilePart(Titled):
    """A named reading: what it makes of the weights, as written, and the other parts of the file that it changes.

    Attributes:
        summary: its summary; empty where the file has none.
        weights: the weights that it sets, as written, by driver or rule.
        changes: the other parts of the file that it changes, by their dotted paths.
    """

    summary: str
    weights: dict[str, str]
    changes: list[str]


@dataclass(frozen=True)
class QuestionPart:
    """A question whose answer will be known: in words, as a probability of the model, until when, and by what.

    Attributes:
        asks: the question, in words.
        means: what it asks of the model, in the language of queries.
        closes: the day by which it is known.
        resolves: by what it is decided, in words.
        sources: the claims that it cites.
    """

    asks: str
    means: str
    closes: str
    resolves: str
    sources: list[str]


@dataclass(frozen=True)
class PointEffect:
    """What 1, 2 and 3 points make of a chance.

    Attributes:
        on: whose points: those of the scenarios, or of all other nodes.
        weight: the weight that multiplies the points; 1 on other nodes.
        of: the drivers and rules whose points for the scenarios have this weight, each with the step at which it has
            it, null where at every step. Of a weight that changes, the first and the last step are told.
        chances: by the chance without the points, 0.25 and 0.5, the chances with 1, 2 and 3 points.
    """

    on: Literal["scenarios", "other nodes"]
    weight: float
    of: dict[str, str | None]
    chances: dict[str, list[float]]


@dataclass(frozen=True, repr=False)
class Overview(Tabled):
    """A model as the program understands it.

    Attributes:
        summary: the summary of the file; empty where it has none.
        profile: the profile that is applied; null where none is.
        steps: the labels of the steps, in order.
        odds_per_point: by how much one point multiplies the odds: `impacts` of the scenarios, `influences` of all other
            nodes.
        point_effects: what 1, 2 and 3 points make of a chance: on other nodes first, then on the scenarios by weight.
        scenarios: the scenarios, by id in the order of the file.
        groups: the members of each group of scenarios.
        order: all nodes, causes before what they act on in the same step; `scenario` is the outcome.
        drivers: the drivers, by id.
        rules: the rules, by id.
        events: the entries of the calendar.
        consequences: the consequences, by id.
        outcome_pushes: points of the outcome that come from the step before.
        profiles: the profiles of the file, by id.
        expectations: the statements of the expectations, by id.
        questions: the questions, by id.
    """

    model: ModelLine
    run: FileRun
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
    format: Literal["usru.overview/1.1"] = "usru.overview/1.1"

    def _summary_parts(self) -> Iterator[str]:
        yield self.model.name
        for part in ("steps", "scenarios", "drivers"):
            yield f"{len(getattr(self, part))} {part}"

    def only(self, name: str) -> Overview:
        """The description of one driver, consequence, scenario, rule or profile, and nothing of the others.

        Raises:
            RequestError: there is nothing of that name.
        """
        known = [*self.scenarios, *self.order, *self.rules, *self.profiles]
        if name not in known or name == OUTCOME:
            hint = suggest_name(name, known) or list_choices(known)
            raise RequestError([Problem("unknown_name", f"the model has no part '{name}'", None, hint)])
        return replace(
            self,
            scenarios=_only(name, self.scenarios),
            drivers=_only(name, self.drivers),
            rules=_only(name, self.rules),
            consequences=_only(name, self.consequences),
            profiles=_only(name, self.profiles),
            point_effects=[
                replace(effect, of=_only(name, effect.of)) for effect in self.point_effects if name in effect.of
            ],
            order=[name] if name in self.order else [],
            groups={group: members for group, members in self.groups.items() if name in members},
            events=[event for event in self.events if event.node == name],
            outcome_pushes=[],
            expectations={},
            questions={},
        )


@dataclass(frozen=True)
class PartNames(JsonResult):
    """The names of a model.

    Attributes:
        model: which model it was.
        profile: the profile that is applied.
        names: by kind, those that were asked for: `drivers`, `states` (written NODE=STATE), `scenarios` (and groups),
            `profiles`, `rules` and `paths` (as after `--set`).
    """

    model: ModelLine
    run: FileRun
    profile: str | None
    names: dict[str, list[str]]
    format: Literal["usru.names/1.1"] = "usru.names/1.1"


def _only(name: str, parts: Mapping[str, PartType]) -> dict[str, PartType]:
    return {name: parts[name]} if name in parts else {}
