"""What does the model say? The file as the program understands it: normalised, per step, causes before effects."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model import schema
from usru_scenarios.model.values import Distribution, Judgement, PointRows
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.program import CategoricalNode, NumericNode, Program
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.results.common import FileRun
from usru_scenarios.results.show import (
    EventPart,
    GivenRow,
    NodePart,
    Overview,
    PointEffect,
    ProfilePart,
    Push,
    QuestionPart,
    RulePart,
    ScalePart,
    ScenarioPart,
    StatePart,
)

VALUE = "value"
"""Stands for the state of a numeric node, which has none, where points are listed by state."""


def describe_model(loaded: Loaded, program: Program) -> Overview:
    """Describe a model, all parts in the order of the file but `order`, which is causal."""
    describer = _Describer(loaded.model, program)
    model = loaded.model
    return Overview(
        model=loaded.outline.model,
        run=FileRun(loaded.outline.profile),
        summary=model.summary or "",
        profile=loaded.request.profile,
        steps=list(program.grid.labels),
        odds_per_point={
            "impacts": model.odds_per_point.impacts.mean,
            "influences": model.odds_per_point.influences.mean,
        },
        point_effects=list(describer.point_effects()),
        scenarios=dict(describer.scenarios()),
        groups={name: list(members) for name, members in model.groups.items()},
        order=list(program.model_nodes),
        drivers={name: describer.node(name, driver) for name, driver in model.drivers.items()},
        rules={name: describer.rule(name, rule) for name, rule in model.rules.items()},
        events=sorted(describer.events(), key=lambda event: program.grid.labels.index(event.first)),
        consequences={name: describer.node(name, node) for name, node in model.consequences.items()},
        outcome_pushes=list(_pushes(model.outcome.lagged_influences, 1)),
        profiles={
            name: ProfilePart(
                title=profile.title or name,
                summary=profile.summary or "",
                weights={driver: str(weight) for driver, weight in profile.weights.items()},
                changes=sorted(".".join(path) for path in _changed_paths(profile.overrides)),
            )
            for name, profile in model.profiles.items()
        },
        expectations={name: expectation.that for name, expectation in model.expectations.items()},
        questions={
            name: QuestionPart(
                asks=question.asks,
                means=question.means,
                closes=question.closes,
                resolves=question.resolves,
                sources=list(question.sources or ()),
            )
            for name, question in model.questions.items()
        },
    )


@dataclass(frozen=True)
class _Describer:
    """Holds a model and its program side by side."""

    model: schema.Model
    program: Program

    def point_effects(self) -> Iterator[PointEffect]:
        """What points make of chances: on other nodes, then on the scenarios, by the weights that are in use."""
        odds = self.model.odds_per_point
        yield PointEffect("other nodes", 1.0, {}, _effects_on_chances(odds.influences.mean))
        names_by_weight: dict[float, dict[str, str | None]] = {}
        for name, weights in self._weights_of_impacts():
            for weight, step in _first_and_last(weights, self.program.grid.labels):
                names_by_weight.setdefault(weight, {})[name] = step
        for weight, names in sorted(names_by_weight.items()):
            yield PointEffect("scenarios", weight, names, _effects_on_chances(odds.impacts.mean, weight))

    def _weights_of_impacts(self) -> Iterator[tuple[str, list[float]]]:
        """The weight per step of whatever gives points to the scenarios; of the outcome's own points it is 1."""
        model = self.model
        for name, driver in model.drivers.items():
            if driver.impacts:
                yield name, self.program.weights[name].tolist()
        for name, rule in model.rules.items():
            if OUTCOME in rule.then:
                yield name, self.program.weights[name].tolist()
        if model.outcome.lagged_influences or any(event.points for event in model.outcome.events.values()):
            yield OUTCOME, [1.0]

    def scenarios(self) -> Iterator[tuple[str, ScenarioPart]]:
        outcome = self.program.outcome
        total = math.fsum(outcome.prior)
        for name, scenario in self.model.scenarios.items():
            index = outcome.states.index(name)
            yield (
                name,
                ScenarioPart(
                    title=scenario.title or name,
                    summary=scenario.summary or "",
                    baseline=float(outcome.prior[index]) / total,
                    persistence=float(outcome.persistence[index]),
                    signposts=list(scenario.signposts),
                    sources=list(scenario.sources or ()),
                ),
            )

    def node(self, name: str, part: schema.Categorical | schema.Numeric) -> NodePart:
        node = self.program.nodes[name]
        is_driver = name in self.model.drivers
        impacts = part.impacts if isinstance(part, schema.CategoricalDriver | schema.NumericDriver) else {}
        prior_rows = part.prior_given.values() if isinstance(part, schema.Categorical) else ()
        links = {other: self.program.model_links(other) for other in self.program.model_nodes}
        return NodePart(
            title=part.title or name,
            summary=part.summary or "",
            role="driver" if is_driver else "consequence",
            states=_states(node, part)
            if isinstance(node, CategoricalNode) and isinstance(part, schema.Categorical)
            else None,
            scale=_scale(node, part) if isinstance(node, NumericNode) and isinstance(part, schema.Numeric) else None,
            weight=self.program.weights[name].tolist() if is_driver else None,
            reads=[other for other in links if (other, 0) in links[name]],
            reads_before=[other for other in links if (other, 1) in links[name] and other != name],
            acts_on=[other for other in links if other != name and name in dict(links[other])],
            given=[GivenRow(describe_conditions(row.when), normalised_shares(row.prior)) for row in prior_rows],
            pushes=[*_pushes(part.influences, 0), *_pushes(part.lagged_influences, 1)],
            impacts=list(_pushes({name: impacts}, 0)),
            rules=[key for key, rule in self.model.rules.items() if name in rule.when or name in rule.then],
            sources=list(part.sources or ()),
        )

    def rule(self, name: str, rule: schema.Rule) -> RulePart:
        return RulePart(
            title=rule.title or name,
            when=describe_conditions(rule.when, rule.at_least),
            lag=rule.lag,
            then={node: _by_state(points) for node, points in rule.then.items()},
            weight=self.program.weights[name].tolist(),
            sources=list(rule.sources or ()),
        )

    def events(self) -> Iterator[EventPart]:
        for name, node in self.model.nodes():
            yield from self._events_of(name, node.events.items())
        yield from self._events_of(OUTCOME, self.model.outcome.events.items())

    def _events_of(
        self, node: str, events: Iterable[tuple[int | str, schema.Event | schema.NumericEvent]]
    ) -> Iterator[EventPart]:
        grid = self.program.grid
        for key, event in events:
            first = grid.steps_of_moment(event.at)[0]
            last = first if event.until is None else grid.steps_of_moment(event.until)[-1]
            prior = event.prior if isinstance(event, schema.Event) else None
            yield EventPart(
                first=grid.labels[first],
                last=grid.labels[last],
                node=node,
                title=event.title or (key.replace("_", " ") if isinstance(key, str) else ""),
                prior=None if prior is None else normalised_shares(prior),
                points=None if event.points is None else _by_state(event.points),
            )


def _first_and_last(weights: list[float], steps: Sequence[str]) -> list[tuple[float, str | None]]:
    """The weight at the first and at the last step, or the one that holds throughout."""
    first, last = weights[0], weights[-1]
    return [(first, None)] if set(weights) == {first} else [(first, steps[0]), (last, steps[-1])]


def _effects_on_chances(odds_per_point: float, weight: float = 1.0) -> dict[str, list[float]]:
    """What 1, 2 and 3 points make of 25% and of 50%: each multiplies the odds by `odds_per_point ** weight`."""
    return {
        f"{chance:g}": [
            _probability_from_log_odds(math.log(chance / (1 - chance)) + points * weight * math.log(odds_per_point))
            for points in (1, 2, 3)
        ]
        for chance in (0.25, 0.5)
    }


def _probability_from_log_odds(log_odds: float) -> float:
    """The chance with these log-odds, for any size of them."""
    part = math.exp(-abs(log_odds))
    return (1.0 if log_odds >= 0 else part) / (1.0 + part)


def _states(node: CategoricalNode, part: schema.Categorical) -> dict[str, StatePart]:
    own = {name: state.prior for name, state in part.states.items()}
    if any(own.values()):
        prior: dict[str, float | None] = {**normalised_shares({name: share for name, share in own.items() if share})}
    else:
        prior = dict.fromkeys(own, None if part.prior_given else 1 / len(own))
    parts = {}
    for name, state in part.states.items():
        index = node.states.index(name)
        parts[name] = StatePart(
            title=state.title or name,
            prior=prior.get(name),
            initial=None if node.initial is None else float(node.initial[index]),
            persistence=float(node.persistence[index]),
            allowed=list(part.allowed[name]) if name in part.allowed else None,
        )
    return parts


def _scale(node: NumericNode, part: schema.Numeric) -> ScalePart:
    return ScalePart(
        low=part.range[0],
        high=part.range[1],
        distribution="uniform on the range" if part.distribution is None else describe_distribution(part.distribution),
        initial=None if node.initial is None else float(node.initial),
        persistence=float(node.persistence),
    )


def describe_distribution(distribution: Distribution) -> str:
    """A distribution such as `pert 0.2, 0.63, 1`."""
    parameters = ", ".join(f"{parameter.mean:g}" for parameter in distribution.parameters)
    return f"{distribution.family} {parameters}"


def normalised_shares(shares: Mapping[str, Judgement]) -> dict[str, float]:
    """Relative odds as shares that sum to 1."""
    total = math.fsum(share.mean for share in shares.values())
    return {name: share.mean / total for name, share in shares.items()}


def _pushes(influences: Mapping[str, PointRows], lag: int) -> Iterator[Push]:
    for parent, by_state in influences.items():
        for state, points in by_state.items():
            yield Push(parent, state, lag, _by_state(points))


def _by_state(points: Mapping[str, Judgement] | Judgement) -> dict[str, float]:
    if isinstance(points, Judgement):
        return {VALUE: points.mean}
    return {name: judgement.mean for name, judgement in points.items()}


def describe_conditions(when: Mapping[str, schema.Condition], at_least: int | None = None) -> str:
    """The conditions of a rule or of a row of priors, in words."""
    parts = [_describe_condition(name, condition) for name, condition in when.items()]
    if at_least is not None and at_least < len(parts):
        return f"at least {at_least} of: {'; '.join(parts)}"
    return join_words(parts, "and")


def _describe_condition(name: str, condition: schema.Condition) -> str:
    if condition.comparison is not None:
        return f"{name} {condition.comparison.strip()}"
    return f"{name} is {join_words(list(condition.states), 'or')}"


def join_words(parts: list[str], last: str) -> str:
    """`a, b and c`, with the word that joins the last two."""
    return f" {last} ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else ""


def _changed_paths(overrides: Mapping[str, object], depth: int = 3) -> Iterator[tuple[str, ...]]:
    """The parts of the file that a profile lays something over, as paths of at most `depth` keys."""
    for key, value in overrides.items():
        if depth > 1 and isinstance(value, Mapping) and value:
            yield from ((key, *rest) for rest in _changed_paths(value, depth - 1))
        else:
            yield (key,)
