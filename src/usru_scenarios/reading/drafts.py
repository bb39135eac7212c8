"""A file to go on from: an overlay that changes nothing yet, with the likeliest things to change as comments.

A line that is meant to be used begins with `#` and no blank behind it; it is right in itself and beside all others.
What the model says already is said as it stands there, without its claims, for who changes it is its author.
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

_MOST_WEIGHTS = 8
"""Drivers of which the weight alone is offered."""

_COLUMN, _WIDEST = 56, 120
"""Where what a line means begins, and how long a line may be with it."""


class _Line(NamedTuple):
    """A line of an overlay, and what it means; `in_use` unless it is a comment."""

    text: str
    means: str = ""
    depth: int = 0
    in_use: bool = False

    def drawn(self) -> Iterator[str]:
        indent = "  " * self.depth
        line = f"{indent}{'' if self.in_use else '#'}{self.text}"
        if not self.means:
            yield line
        elif len(beside := f"{line:<{_COLUMN - 1}} # {self.means}") <= _WIDEST:
            yield beside
        else:
            yield f"{indent}# {self.means}:"
            yield line


def draft_overlay(loaded: Loaded, *, name: str, extends: str, file: str, schema: str) -> str:
    """The text of an overlay of about a page.

    Args:
        loaded: the model that it is laid over.
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
        [drawn for line in part for drawn in line.drawn()] for part in (draft.whole(), draft.drivers(), draft.new())
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
        spreads = {
            name: _spread(driver, model) for name, driver in model.drivers.items() if any(driver.impacts.values())
        }
        self.ranked = sorted(spreads, key=lambda name: -spreads[name])
        self.taken = {
            *(*model.scenarios, *model.groups, *model.drivers, *model.rules, *model.consequences),
            *(*model.profiles, *model.expectations),
        }

    def whole(self) -> Iterator[_Line]:
        """What is said of the model as a whole."""
        outcome = self.data.get("outcome", {})
        yield _Line(
            f"odds_per_point: {to_flow_yaml(_bare(self.data.get('odds_per_point', 1.5)))}",
            "what one point multiplies the odds by",
        )
        if "persistence" in outcome:
            kept = to_flow_yaml({"persistence": _bare(outcome["persistence"])})
            yield _Line(f"outcome: {kept}", "how likely a scenario lasts for a step, whatever the drivers do")
        if all(scenario.baseline for scenario in self.model.scenarios.values()):
            odds = {name: _bare(_entry(scenario, "baseline")) for name, scenario in self.data["scenarios"].items()}
            yield _Line(f"scenarios: {to_flow_yaml(odds)}", "baselines: how likely each is where no driver speaks")

    def drivers(self) -> Iterator[_Line]:
        """The driver that bears most on the scenarios at length, and the weights of others."""
        if not self.ranked:
            return
        first, *others = self.ranked
        yield _Line("drivers:", in_use=True)
        yield _Line(f"{first}:", depth=1, in_use=True)
        yield _Line(f"title: {to_flow_yaml(self.model.drivers[first].title or first)}", depth=2, in_use=True)
        yield from (line._replace(depth=2) for line in self._driver(first))
        for name in others[:_MOST_WEIGHTS]:
            yield _Line(
                f"{name}: {to_flow_yaml({'weight': self._weight(name)})}", self.model.drivers[name].title or "", depth=1
            )
        if (left := len(others) - _MOST_WEIGHTS) > 0:
            yield _Line(f" and {left} more", depth=1)

    def _weight(self, name: str) -> Any:
        return _bare(self.data["drivers"][name].get("weight", 1))

    def _driver(self, name: str) -> Iterator[_Line]:
        driver, data = self.model.drivers[name], self.data["drivers"][name]
        yield _Line(
            f"weight: {to_flow_yaml(self._weight(name))}", "0 takes its impact on the scenarios away, 2 doubles it"
        )
        if isinstance(driver, CategoricalDriver) and all(state.prior for state in driver.states.values()):
            priors = {state: _bare(_entry(raw, "prior")) for state, raw in data["states"].items()}
            yield _Line(f"states: {to_flow_yaml(priors)}", "priors: how likely each is in the long run")
        for key, means in (
            ("distribution", "where it lies if nothing acts on it"),
            ("initial", "at the first step"),
            ("persistence", "how likely a step leaves it as it is"),
        ):
            if key in data:
                yield _Line(f"{key}: {to_flow_yaml(_bare(data[key]))}", means)
        state, _ = self._strongest(name)
        points = to_flow_yaml({state: _bare(data["impacts"][state])})
        yield _Line(f"impacts: {points}", "points for the scenarios, from -3 (hinders) to +3")
        if driver.influences:
            parent, by_state = next(iter(data["influences"].items()))
            row = dict([next(iter(by_state.items()))])
            yield _Line(f"influences: {to_flow_yaml({parent: _bare(row)})}", f"points from {parent}")
        yield from self._event(name)

    def _event(self, name: str) -> Iterator[_Line]:
        driver, grid = self.model.drivers[name], self.model.grid
        used = {grid.steps_of_moment(event.at)[0] for event in driver.events.values()}
        free = [step for step in range(1, grid.count) if step not in used]
        if not free:
            return
        middle = min(free, key=lambda step: abs(step - grid.count // 2))
        event: dict[str, Any] = {"at": grid.labels[middle], "title": "Something that the calendar brings"}
        if isinstance(driver, CategoricalDriver):
            state, means = self._strongest(name)[0], "drawn anew at that step, from this prior"
            rest = [one for one in driver.states if one != state]
            event["prior"] = {state: 0.7, rest[0]: 0.3} if rest else {state: 1}
        else:
            event["points"], means = 1, "a point up at that step"
        present = self.data["drivers"][name].get("events", {})
        added = [*present, event] if isinstance(present, list) and present else {"my_event": event}
        yield _Line(f"events: {to_flow_yaml(added)}", means)

    def new(self) -> Iterator[_Line]:
        """What is said besides: a rule, an expectation, a profile."""
        if not self.ranked:
            return
        first, *others = self.ranked
        state, scenario = self._strongest(first)
        when = {first: self._condition(first, state)}
        for other in others[:1]:
            when[other] = self._condition(other, self._strongest(other)[0])
        rule = {"title": "Both at once", "when": when, "then": {OUTCOME: {scenario: 1}}}
        yield _Line(f"rules: {to_flow_yaml({self._free('my_rule'): rule})}", "points where all of `when` holds")
        is_numeric = isinstance(self.model.drivers[first], NumericDriver)
        event = f"{first}{self._condition(first, state)}" if is_numeric else f"{first}={state}"
        said = {"that": f"P({scenario} | {event}) > P({scenario})", "title": "What has to come out"}
        yield _Line(
            f"expectations: {to_flow_yaml({self._free('my_expectation'): said})}", "usru check tells whether it holds"
        )
        profile = {"weights": dict.fromkeys((first, *others[:1]), "x2")}
        yield _Line(
            f"profiles: {to_flow_yaml({self._free('my_profile'): profile})}", "another reading, for -p my_profile"
        )

    def _free(self, name: str) -> str:
        return name if name not in self.taken else self._free(f"{name}_2")

    def _condition(self, name: str, state: str) -> str:
        """A condition that a driver can meet: a state, or that a number is above the middle of its scale."""
        driver = self.model.drivers[name]
        if not isinstance(driver, NumericDriver):
            return state
        return f"> {(driver.range[0] + driver.range[1]) / 2:g}"

    def _strongest(self, name: str) -> tuple[str, str]:
        """The state or knot of a driver that bears most on a scenario, and that scenario."""
        points = {
            (state, scenario): abs(judged.mean)
            for state, row in self.model.drivers[name].impacts.items()
            for scenario, judged in row.items()
        }
        state, scenario = max(points, key=lambda pair: (pair[1] != HOLD, points[pair]))
        return state, scenario if scenario != HOLD else next(iter(self.model.scenarios))


def _spread(driver: CategoricalDriver | NumericDriver, model: Model) -> float:
    """How far apart the states of a driver are in points for the scenarios, at its first weight."""
    rows = list(driver.impacts.values())
    if isinstance(driver, CategoricalDriver) and len(rows) < len(driver.states):
        rows.append({})
    weight = 1.0 if driver.weight is None else driver.weight.at(model.grid.step_starts[0])
    points = [[row[name].mean if name in row else 0.0 for row in rows] for name in model.scenarios]
    return weight * sum(max(each) - min(each) for each in points)


def _entry(raw: Any, key: str) -> Any:
    """What stands under the key of a part that a judgement alone is a short form of."""
    return raw[key] if isinstance(raw, dict) and key in raw else raw


def _bare(raw: Any) -> Any:
    """Judgements without their claims, in any map of them."""
    if isinstance(raw, list):
        return _bare(raw[0])
    if not isinstance(raw, dict):
        return raw
    if "value" in raw:
        return _bare(raw["value"])
    if is_judgement_form(raw):
        return {
            key: [_bare(one) for one in part]
            for key, part in raw.items()
            if isinstance(part, list) and key != "sources"
        }
    return {key: _bare(part) for key, part in raw.items()}
