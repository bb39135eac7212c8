"""Models with every construct, and events of them, for the tests of exact inference."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.oracle import Json
from usru_scenarios.model.schema import Model
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.events import Formula, InStates, Timed
from usru_scenarios.program.program import CategoricalNode, Program

CASES = Path(__file__).parents[1] / "cases"


def case(name: str) -> Any:
    return json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))


def model(steps: int = 1, **parts: Any) -> Json:
    """A model of so many yearly steps with two scenarios, unless the parts say otherwise."""
    base: Json = {"usru": 1, "name": "test", "title": "Test", "scenarios": {"x": {}, "y": {}}, "odds_per_point": 2}
    if steps > 1:
        base["time"] = {"start": 2000, "end": 2000 + steps, "step": "year"}
    return base | copy.deepcopy(parts)


def compiled(raw: Json, do: Mapping[str | tuple[str, int], str | float] | None = None) -> Program:
    program = compile_model(Model.model_validate(raw))
    for key, value in (do or {}).items():
        name, steps = (key, range(program.steps)) if isinstance(key, str) else (key[0], range(key[1], key[1] + 1))
        program = program.intervene(name, value, steps)
    return program


def is_in(program: Program, name: str, *states: str) -> InStates:
    node = program.nodes[name]
    assert isinstance(node, CategoricalNode)
    return InStates(name, frozenset(node.states.index(state) for state in states))


def at(step: int, condition: Formula) -> Timed:
    return Timed("at", range(step, step + 1), condition)


SCENARIOS: Json = {"good": {"baseline": 0.5}, "bad": {"baseline": 0.3}, "ugly": {"baseline": 0.2}}


EVERYTHING: Json = model(
    4,
    odds_per_point={"impacts": 1.7, "influences": 2.2},
    scenarios=SCENARIOS,
    groups={"calm": ["good", "bad"], "all": ["good", "bad", "ugly"]},
    outcome={
        "persistence": {"good": 0.6, "default": 0.3},
        "allowed": {"ugly": ["bad", "ugly"]},
        "events": [{"at": "2001", "points": {"good": 1, "hold": -1}}, {"at": "2002", "prior": {"bad": 1, "ugly": 3}}],
        "lagged_influences": {"mood": {"high": {"hold": 1, "good": 0.5}}, "scenario": {"bad": {"good": -1}}},
    },
    drivers={
        "mood": {
            "weight": {"2000": 1, "2003": 2.5},
            "states": {"high": 0.3, "low": 0.7},
            "persistence": 0.4,
            "lagged_influences": {
                "scenario": {"ugly": {"low": 1.5, "hold": -1}},
                "mood": {"high": {"high": 0.5}},
                "power": {"strong": {"high": 1}},
            },
            "events": [
                {"at": "2002", "prior": {"high": 0.9, "low": 0.1}},
                {"at": "2001", "until": "2003", "points": {"high": 1}},
            ],
            "impacts": {"high": {"good": 2, "ugly": -1}, "low": {"hold": -2}},
        },
        "power": {
            "states": {"strong": {"prior": 0.2}, "weak": {"prior": 0.5}, "none": {"prior": 0.3}},
            "initial": {"weak": 0.6, "none": 0.4},
            "persistence": {"weak": 0.9, "default": 0.2},
            "allowed": {"none": ["weak"]},
            "influences": {"mood": {"high": {"strong": 2, "hold": 1}}},
            "impacts": {"strong": {"good": 1}, "none": {"ugly": 1}},
        },
        "law": {
            "states": {"yes": {}, "no": {}},
            "prior_given": [
                {"when": {"mood": "high", "power": ["strong", "weak"]}, "prior": {"yes": 0.8, "no": 0.2}},
                {"when": {"mood": "low"}, "prior": {"yes": 0.1, "no": 0.9}},
                {"when": {"power": "none"}, "prior": {"no": 1}},
            ],
            "persistence": "18 months",
        },
        "fixed": {"states": {"on": 0.25, "off": 0.75}, "impacts": {"on": {"bad": 1.5}}},
    },
    rules={
        "both": {"when": {"mood": "high", "law": "yes"}, "then": {"scenario": {"good": 1.2}}, "weight": 0.7},
        "two_of_three": {
            "when": {"mood": "low", "power": "none", "scenario": ["bad", "ugly"]},
            "lag": 1,
            "at_least": 2,
            "then": {"law": {"no": 1, "hold": -0.5}, "scenario": {"ugly": 1}},
        },
    },
    consequences={
        "trade": {
            "states": {"up": 0.5, "down": 0.5},
            "influences": {"scenario": {"good": {"up": 2}}, "law": {"yes": {"down": 1}}},
        },
        "trust": {
            "states": {"up": {}, "down": {}},
            "persistence": 0.7,
            "influences": {"trade": {"up": {"up": 1, "hold": -1}}},
            "lagged_influences": {"scenario": {"ugly": {"down": 2}}},
        },
    },
)


def without_feedback() -> Json:
    """The same model, but the outcome comes alone: the drivers do not read it and all scenarios are kept alike."""
    raw = copy.deepcopy(EVERYTHING)
    raw["outcome"] = {"persistence": 0.45, "lagged_influences": {"mood": {"high": {"hold": 1, "good": 0.5}}}}
    del raw["drivers"]["mood"]["lagged_influences"]["scenario"]
    raw["rules"]["two_of_three"]["when"].pop("scenario")
    return raw


def fed_back(scenarios: int, groups: int) -> Json:
    """Scenarios whose past a driver reads, and groups of two of them each: every first visit is followed by itself."""
    names = [f"x{number}" for number in range(scenarios)]
    pairs = itertools.islice(itertools.combinations(names, 2), groups)
    return model(
        2,
        scenarios={name: {"baseline": number + 1} for number, name in enumerate(names)},
        outcome={"persistence": 0.5},
        drivers={
            "d": {
                "states": {"a": 1, "z": 1},
                "persistence": 0.5,
                "impacts": {"a": {"x3": 3}},
                "lagged_influences": {"scenario": {"x3": {"a": 1}}},
            }
        },
        groups={f"g{number}": list(pair) for number, pair in enumerate(pairs)},
    )


def two_states(steps: int, **parts: Any) -> Json:
    """A driver that starts in `a`, whose redraws give `a` with .2."""
    block = {"states": {"a": 0.2, "b": 0.8}, "initial": {"a": 1}, "persistence": 0.6} | parts
    return model(steps, drivers={"d": block})


def smaller(raw: Json) -> Json:
    """The model without two of its nodes, so that the reference can remember the past of many conditions."""
    small = copy.deepcopy(raw)
    del small["drivers"]["fixed"], small["consequences"]["trust"]
    return small


NUMERIC: Json = model(
    odds_per_point=2.5,
    sd_per_point=0.4,
    drivers={
        "cause": {"states": {"on": 0.3, "off": 0.7}},
        "temper": {
            "kind": "numeric",
            "range": [0, 1],
            "distribution": {"pert": [0.2, 0.65, 1.0]},
            "influences": {"cause": {"on": 1.5}},
            "impacts": {"0.3": {"x": 2}, "0.6": {"x": -1, "y": 0.5}, "0.9": {"y": 3}},
            "weight": 1.2,
        },
        "act": {
            "states": {"yes": {}, "no": {}},
            "prior_given": [
                {"when": {"temper": "> 0.7"}, "prior": {"yes": 0.9, "no": 0.1}},
                {"when": {"temper": "<= 0.4"}, "prior": {"yes": 0.3, "no": 0.7}},
                {"when": {"temper": "<= 1"}, "prior": {"yes": 0.5, "no": 0.5}},
            ],
            "impacts": {"yes": {"x": 1}},
        },
    },
)
