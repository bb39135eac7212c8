"""Random small models and events of them, from a generator."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal

from support.oracle import Json
from support.reference_models import compiled, model
from usru_scenarios.program.events import All, Formula, InStates, Not, Some, Timed
from usru_scenarios.program.program import CategoricalNode, Program


def points(dice: random.Random, states: Sequence[str], *, hold: bool) -> Json:
    names = [*states, "hold"] if hold else list(states)
    return {name: dice.choice([-2, -1, 0.5, 1, 3]) for name in dice.sample(names, dice.randint(1, 2))}


def block(dice: random.Random, states: Sequence[str], readable: Json, lagged: Json) -> Json:
    """A random driver over some states, which may read some nodes (names and states) now and some one step late."""
    raw: Json = {"states": {state: dice.choice([0.1, 0.5, 1, 2]) for state in states}}
    if dice.random() < 0.8:
        raw["persistence"] = dice.choice([0, 0.3, 0.8, {states[0]: 0.9, "default": 0.2}])
    if dice.random() < 0.3:
        raw["initial"] = dict.fromkeys(dice.sample(states, dice.randint(1, len(states))), 1)
    if dice.random() < 0.3:
        raw["allowed"] = {dice.choice(states): dice.sample(states, dice.randint(1, len(states)))}
    for key, nodes in (("influences", readable), ("lagged_influences", lagged)):
        chosen = [name for name in nodes if dice.random() < 0.4]
        if chosen:
            raw[key] = {name: {dice.choice(nodes[name]): points(dice, states, hold=True)} for name in chosen}
    if readable and dice.random() < 0.3:
        name = dice.choice(list(readable))
        raw["prior_given"] = [{"when": {name: dice.choice(readable[name])}, "prior": {states[0]: 1, states[-1]: 2}}]
    if dice.random() < 0.3:
        raw["events"] = [{"at": "2001", "prior": {states[0]: 1, states[-1]: 3}}]
    elif dice.random() < 0.3:
        raw["events"] = [{"at": "2001", "until": "2002", "points": points(dice, states, hold=True)}]
    return raw


def random_model(dice: random.Random) -> Json:
    states = {f"d{number}": ["a", "b", "c"][: dice.randint(2, 3)] for number in range(dice.randint(1, 3))}
    scenarios = ["x", "y", "z"][: dice.randint(2, 3)]
    everything = {**states, "scenario": scenarios}
    raw = model(3, scenarios={name: {"baseline": dice.choice([0.2, 1])} for name in scenarios}, drivers={}, rules={})
    readable: Json = {}
    for name, own in states.items():
        driver = block(dice, own, readable, everything)
        if dice.random() < 0.8:
            driver["impacts"] = {dice.choice(own): points(dice, scenarios, hold=True)}
            driver["weight"] = dice.choice([0, 1, 1.5, {"2000": 0.5, "2002": 2}])
        raw["drivers"][name] = driver
        readable = {**readable, name: own}
    outcome = block(dice, scenarios, {}, everything)
    raw["outcome"] = {key: outcome[key] for key in outcome if key not in ("states", "influences", "prior_given")}
    raw["groups"] = {"g": dice.sample(scenarios, dice.randint(1, len(scenarios)))}
    raw["consequences"] = {"c": block(dice, ["a", "b"], everything, {**everything, "c": ["a", "b"]})}
    if dice.random() < 0.6:
        when = {name: dice.choice(everything[name]) for name in dice.sample(list(everything), 2)}
        target = dice.choice(list(everything))
        then = {target: points(dice, everything[target], hold=True)}
        raw["rules"]["r"] = {"when": when, "lag": 1, "at_least": dice.randint(1, 2), "then": then}
    return raw


def joined(dice: random.Random, parts: tuple[Formula, ...]) -> Formula:
    ways: list[Formula] = [All(parts), Some(parts), Not(parts[0])]
    return dice.choice(ways)


def random_event(dice: random.Random, program: Program, depth: int = 2) -> Formula:
    if depth and dice.random() < 0.6:
        parts = tuple(random_event(dice, program, depth - 1) for _ in range(dice.randint(1, 3)))
        return joined(dice, parts)
    first = dice.randint(0, program.steps - 1)
    modes: list[Literal["at", "ever", "always"]] = ["at", "ever", "always"]
    mode = dice.choice(modes)
    last = first if mode == "at" else dice.randint(first, program.steps - 1)
    return Timed(mode, range(first, last + 1), random_condition(dice, program, 1))


def random_condition(dice: random.Random, program: Program, depth: int) -> Formula:
    if depth and dice.random() < 0.5:
        parts = tuple(random_condition(dice, program, depth - 1) for _ in range(2))
        return joined(dice, parts)
    node = dice.choice(list(program.nodes.values()))
    assert isinstance(node, CategoricalNode)
    return InStates(node.name, frozenset(dice.sample(range(len(node.states)), dice.randint(1, len(node.states)))))


def random_case(dice: random.Random) -> tuple[Json, Program, dict[str | tuple[str, int], str | float]]:
    """A random model, as data and compiled, and what is imposed on it, if anything."""
    raw = random_model(dice)
    program = compiled(raw)
    name = dice.choice([name for name in program.nodes if name != "c"])
    node = program.nodes[name]
    assert isinstance(node, CategoricalNode)
    if dice.random() < 0.4:
        return raw, program, {(name, dice.randint(0, 2)): dice.choice(node.states)}
    return raw, program, {}
