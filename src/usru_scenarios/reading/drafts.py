"""The draft of an overlay: it changes nothing yet, and has the likeliest things to change as comments.

A line to be used begins with `#` and no blank behind it; it is valid alone and together with all others. What the
model says already is repeated as it stands there, without its claims, for who changes it is its author.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from usru_scenarios.model.schema import CategoricalDriver, NumericDriver
from usru_scenarios.model.values import is_judgement_form
from usru_scenarios.names import HOLD, OUTCOME
from usru_scenarios.reading.yaml_text import to_flow_yaml

if TYPE_CHECKING:
    from usru_scenarios.model.schema import Model
    from usru_scenarios.reading.loading import Loaded

_MAXIMUM_WEIGHTS = 8
"""Drivers of which the weight alone is offered."""

_COLUMN, _WIDEST = 56, 120
"""Where what a line means begins, and how long a line may be with it."""


class _DraftLine(NamedTuple):
    """A line of an overlay and its meaning; `is_active` unless it is a comment."""

    text: str
    meaning: str = ""
    depth: int = 0
    is_active: bool = False

    def format(self) -> Iterator[str]:
        indent = "  " * self.depth
        line = f"{indent}{'' if self.is_active else '#'}{self.text}"
        if not self.meaning:
            yield line
        elif len(commented := f"{line:<{_COLUMN - 1}} # {self.meaning}") <= _WIDEST:
            yield commented
        else:
            yield f"{indent}# {self.meaning}:"
            yield line


def _entry_line(key: str, value: object, meaning: str = "", depth: int = 0) -> _DraftLine:
    return _DraftLine(f"{key}: {to_flow_yaml(value)}", meaning, depth)


def draft_overlay(loaded: Loaded, *, name: str, extends: str, file: str, schema: str) -> str:
    """The text of an overlay of about a page.

    Args:
        loaded: the model that it extends.
        name: of the model that it makes.
        extends: how the new file names the other.
        file: how the comments call the new file.
        schema: the file with the schema, for the line that editors look for.
    """
    draft = _Draft(loaded.model, loaded.data)
    head = f"""\
# yaml-language-server: $schema={schema}
# A view of your own, laid over {extends}: what it doesn't say is as it is there.
#
#   usru simulate {file}
#   usru compare {extends} {file}
#
# Take the '#' away from a line that begins with one and no blank behind it, and change what it says. Numbers are those
# of {extends}; what is new is called my_... An empty {{}} leaves all as it is, and null removes.

usru: 1
name: {name}
title: {to_flow_yaml(f"{loaded.model.title} (my view)")}
extends: {to_flow_yaml(extends)}
"""
    parts = [
        [text for line in part for text in line.format()]
        for part in (draft.model_lines(), draft.driver_lines(), draft.new_part_lines())
    ]
    return "\n".join([head, *("\n".join([*part, ""]) for part in parts if part)])


class _Draft:
    """What is offered of a model.

    Args:
        model: the model.
        data: the same as plain data.
    """

    def __init__(self, model: Model, data: Mapping[str, Any]) -> None:
        self.model, self.data = model, data
        names = [name for name, driver in model.drivers.items() if any(driver.impacts.values())]
        self.ranked = sorted(names, key=lambda name: -_impact_spread(model.drivers[name], model))
        self.used_names = {
            *(*model.scenarios, *model.groups, *model.drivers, *model.rules, *model.consequences),
            *(*model.profiles, *model.expectations),
        }

    def model_lines(self) -> Iterator[_DraftLine]:
        """What concerns the model as a whole."""
        odds_per_point = _without_claims(self.data.get("odds_per_point", 1.5))
        yield _entry_line("odds_per_point", odds_per_point, "what one point multiplies the odds by")
        outcome = self.data.get("outcome", {})
        if "persistence" in outcome:
            persistence = _without_claims(outcome["persistence"])
            meaning = "how likely a scenario lasts for a step, whatever the drivers do"
            yield _entry_line("outcome", {"persistence": persistence}, meaning)
        if all(scenario.baseline for scenario in self.model.scenarios.values()):
            baselines = _without_claims_by_name(self.data["scenarios"], "baseline")
            yield _entry_line("scenarios", baselines, "baselines: how likely each is where no driver speaks")

    def driver_lines(self) -> Iterator[_DraftLine]:
        """The driver that bears most on the scenarios at length, and the weights of others."""
        if not self.ranked:
            return
        first, *others = self.ranked
        yield _DraftLine("drivers:", is_active=True)
        yield _DraftLine(f"{first}:", depth=1, is_active=True)
        yield _entry_line("title", self.model.drivers[first].title or first, depth=2)._replace(is_active=True)
        yield from (line._replace(depth=2) for line in self._changes_of_driver(first))
        for name in others[:_MAXIMUM_WEIGHTS]:
            yield _entry_line(name, {"weight": self._weight(name)}, self.model.drivers[name].title or "", depth=1)
        if (more := len(others) - _MAXIMUM_WEIGHTS) > 0:
            yield _DraftLine(f" and {more} more", depth=1)

    def _weight(self, name: str) -> Any:
        return _without_claims(self.data["drivers"][name].get("weight", 1))

    def _changes_of_driver(self, name: str) -> Iterator[_DraftLine]:
        driver, data = self.model.drivers[name], self.data["drivers"][name]
        yield _entry_line("weight", self._weight(name), "0 takes its impact on the scenarios away, 2 doubles it")
        if isinstance(driver, CategoricalDriver) and all(state.prior for state in driver.states.values()):
            priors = _without_claims_by_name(data["states"], "prior")
            yield _entry_line("states", priors, "priors: how likely each is in the long run")
        for key, meaning in (
            ("distribution", "where it lies if nothing acts on it"),
            ("initial", "at the first step"),
            ("persistence", "how likely a step leaves it as it is"),
        ):
            if key in data:
                yield _entry_line(key, _without_claims(data[key]), meaning)
        state, _ = self._strongest_points(name)
        impacts = {state: _without_claims(data["impacts"][state])}
        yield _entry_line("impacts", impacts, "points for the scenarios, from -3 (hinders) to +3")
        if driver.influences:
            parent, by_state = next(iter(data["influences"].items()))
            row = dict([next(iter(by_state.items()))])
            yield _entry_line("influences", {parent: _without_claims(row)}, f"points from {parent}")
        yield from self._new_event(name)

    def _new_event(self, name: str) -> Iterator[_DraftLine]:
        driver, grid = self.model.drivers[name], self.model.grid
        used_steps = {grid.steps_of_moment(event.at)[0] for event in driver.events.values()}
        free_steps = [step for step in range(1, grid.count) if step not in used_steps]
        if not free_steps:
            return
        middle = min(free_steps, key=lambda step: abs(step - grid.count // 2))
        event: dict[str, Any] = {"at": grid.labels[middle], "title": "Something that the calendar brings"}
        if isinstance(driver, CategoricalDriver):
            state, meaning = self._strongest_points(name)[0], "drawn anew at that step, from this prior"
            others = [other for other in driver.states if other != state]
            event["prior"] = {state: 0.7, others[0]: 0.3} if others else {state: 1}
        else:
            event["points"], meaning = 1, "a point up at that step"
        present = self.data["drivers"][name].get("events", {})
        events = [*present, event] if isinstance(present, list) and present else {"my_event": event}
        yield _entry_line("events", events, meaning)

    def new_part_lines(self) -> Iterator[_DraftLine]:
        """New parts: a rule, an expectation, a profile."""
        if not self.ranked:
            return
        first, *others = self.ranked
        state, scenario = self._strongest_points(first)
        when = {name: self._condition(name, self._strongest_points(name)[0]) for name in (first, *others[:1])}
        rule = {"title": "Both at once", "when": when, "then": {OUTCOME: {scenario: 1}}}
        yield _entry_line("rules", {self._unused_name("my_rule"): rule}, "points where all of `when` holds")
        is_numeric = isinstance(self.model.drivers[first], NumericDriver)
        event = f"{first}{when[first]}" if is_numeric else f"{first}={state}"
        expectation = {"that": f"P({scenario} | {event}) > P({scenario})", "title": "What has to come out"}
        expectations = {self._unused_name("my_expectation"): expectation}
        yield _entry_line("expectations", expectations, "usru check tells whether it holds")
        profile = {"weights": dict.fromkeys((first, *others[:1]), "x2")}
        yield _entry_line("profiles", {self._unused_name("my_profile"): profile}, "another reading, for -p my_profile")

    def _unused_name(self, name: str) -> str:
        return name if name not in self.used_names else self._unused_name(f"{name}_2")

    def _condition(self, name: str, state: str) -> str:
        """A condition that a driver can meet: a state, or that a number is above the middle of its scale."""
        driver = self.model.drivers[name]
        if not isinstance(driver, NumericDriver):
            return state
        return f"> {(driver.range[0] + driver.range[1]) / 2:g}"

    def _strongest_points(self, name: str) -> tuple[str, str]:
        """The state or knot of a driver that bears most on a scenario, and that scenario."""
        points = {
            (state, scenario): abs(judged.mean)
            for state, row in self.model.drivers[name].impacts.items()
            for scenario, judged in row.items()
        }
        state, scenario = max(points, key=lambda pair: (pair[1] != HOLD, points[pair]))
        return state, scenario if scenario != HOLD else next(iter(self.model.scenarios))


def _impact_spread(driver: CategoricalDriver | NumericDriver, model: Model) -> float:
    """How far apart the states of a driver are in points for the scenarios, at its first weight."""
    rows = list(driver.impacts.values())
    if isinstance(driver, CategoricalDriver) and len(rows) < len(driver.states):
        rows.append({})
    weight = 1.0 if driver.weight is None else driver.weight.at(model.grid.step_starts[0])
    points = [[row[name].mean if name in row else 0.0 for row in rows] for name in model.scenarios]
    return weight * sum(max(of_scenario) - min(of_scenario) for of_scenario in points)


def _without_claims_by_name(parts: Mapping[str, Any], key: str) -> dict[str, Any]:
    """For each part its judgement under a key, which alone may stand for the part."""
    judged = {name: raw[key] if isinstance(raw, dict) and key in raw else raw for name, raw in parts.items()}
    return {name: _without_claims(raw) for name, raw in judged.items()}


def _without_claims(raw: Any) -> Any:
    """Judgements without their claims, in any map of them."""
    if isinstance(raw, list):
        return _without_claims(raw[0])
    if not isinstance(raw, dict):
        return raw
    if "value" in raw:
        return _without_claims(raw["value"])
    if is_judgement_form(raw):
        return {
            key: [_without_claims(entry) for entry in part]
            for key, part in raw.items()
            if isinstance(part, list) and key != "sources"
        }
    return {key: _without_claims(part) for key, part in raw.items()}
