"""A model whose paths can all be enumerated, and questions about it in the language of queries and as plain predicates.

The predicates look at whole paths, so what a query means is said twice, by different people's code.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path as File
from types import MappingProxyType
from typing import Any, NamedTuple

from support.oracle import Json, Path, posterior
from usru_scenarios.settings import SampleLimits
from usru_scenarios.study import Study, load

Predicate = Callable[[Path], bool]
Do = Mapping[str | tuple[str, int], str | float]

TALKS = """\
usru: 1
name: talks
title: Two powers
time: {start: 2025-01, end: 2026-01, step: quarter}
scenarios: {thaw: 0.5, freeze: 0.5}
groups: {any: [thaw, freeze]}
drivers:
  talks: {states: {open: 0.5, closed: 0.5}, persistence: 0.5, impacts: {open: {thaw: 1}}}
"""
"""Small enough to be exact, and so the same on every machine."""

TINY: Json = {
    "usru": 1,
    "name": "tiny",
    "title": "Tiny",
    "time": {"start": "2000", "end": "2003", "step": "year"},
    "odds_per_point": 2,
    "scenarios": {"calm": {"baseline": 0.5}, "thaw": {"baseline": 0.2}, "war": {"baseline": 0.3}},
    "groups": {"quiet": ["calm", "thaw"]},
    "outcome": {"persistence": 0.4},
    "drivers": {
        "mood": {
            "states": {"high": 0.3, "low": 0.7},
            "persistence": 0.6,
            "impacts": {"high": {"thaw": 2}, "low": {"war": 1}},
        },
        "talks": {
            "states": {"deal": 0.25, "none": 0.75},
            "initial": {"deal": 0.1, "none": 0.9},
            "persistence": 0.5,
            "influences": {"mood": {"high": {"deal": 1.5}}},
            "impacts": {"deal": {"war": -2}},
        },
    },
    "consequences": {
        "trade": {
            "states": {"up": 0.5, "down": 0.5},
            "influences": {"scenario": {"thaw": {"up": 2}, "war": {"down": 1}}},
        }
    },
    "profiles": {
        "gloomy": {
            "weights": {"talks": 0.5},
            "overrides": {"drivers": {"mood": {"states": {"high": {"prior": 0.05}, "low": {"prior": 0.95}}}}},
        }
    },
}


def feeding_back() -> Json:
    """The same, but war spoils the mood, so that the scenario can't be carried along the drivers."""
    raw = copy.deepcopy(TINY)
    raw["drivers"]["mood"]["lagged_influences"] = {"scenario": {"war": {"low": 2}}}
    return raw


def kept_by_state() -> Json:
    """The same, but each scenario is kept with a probability of its own, so that a whole matrix is carried."""
    raw = copy.deepcopy(TINY)
    raw["outcome"] = {"persistence": {"war": 0.7, "default": 0.2}, "allowed": {"thaw": ["thaw", "calm"]}}
    return raw


MODELS: Mapping[str, Callable[[], Json]] = {
    "carried": lambda: copy.deepcopy(TINY),
    "feedback": feeding_back,
    "matrix": kept_by_state,
}


def gloomy(raw: Json) -> Json:
    """A model under the profile of that name, by hand."""
    changed = copy.deepcopy(raw)
    changed["drivers"]["mood"]["states"] = {"high": 0.05, "low": 0.95}
    changed["drivers"]["talks"]["weight"] = 0.5
    return changed


def study_of(raw: Json, folder: File, **how: Any) -> Study:
    """The model, written to a file and loaded as a user's is."""
    file = folder / "model.yaml"
    file.write_text(json.dumps(raw), encoding="utf-8")
    return load(file, **how)


def limited(study: Study, **limits: Any) -> Study:
    """The same, but other numbers of trials are too few or too many: see `SampleLimits`."""
    return replace(study, limits=SampleLimits(**limits))


class Asked(NamedTuple):
    """A probability as predicates on paths: averaged over several where a range was asked about."""

    events: tuple[Predicate, ...]
    given: tuple[Predicate, ...] = (lambda _path: True,)
    do: Do = MappingProxyType({})
    profile: bool = False

    def truth(self, raw: Json) -> float:
        """The answer, by enumeration of all paths."""
        model = gloomy(raw) if self.profile else raw
        given = self.given * (len(self.events) if len(self.given) == 1 else 1)
        values = [posterior(model, *pair, self.do) for pair in zip(self.events, given, strict=True)]
        return sum(values) / len(values)


def at(step: int, node: str, *states: str) -> Predicate:
    return lambda path: path[step][node] in states


def ever(node: str, *states: str, steps: range = range(3)) -> Predicate:
    return lambda path: any(path[step][node] in states for step in steps)


def always(node: str, *states: str, steps: range = range(3)) -> Predicate:
    return lambda path: all(path[step][node] in states for step in steps)


def both(*parts: Predicate) -> Predicate:
    return lambda path: all(part(path) for part in parts)


def each(node: str, *states: str, steps: range = range(3)) -> tuple[Predicate, ...]:
    return tuple(at(step, node, *states) for step in steps)


QUESTIONS: Mapping[str, Asked] = {
    # Events and times
    "P(war @ start)": Asked((at(0, "scenario", "war"),)),
    "P(quiet @ 2001)": Asked((at(1, "scenario", "calm", "thaw"),)),
    "P(war)": Asked(each("scenario", "war")),
    "P(thaw @ 2001..)": Asked(each("scenario", "thaw", steps=range(1, 3))),
    "P(war @ ever)": Asked((ever("scenario", "war"),)),
    "P(quiet @ ever 2001..2002)": Asked((ever("scenario", "calm", "thaw", steps=range(1, 3)),)),
    "P(war @ by 2001)": Asked((ever("scenario", "war", steps=range(2)),)),
    "P(quiet @ always)": Asked((always("scenario", "calm", "thaw"),)),
    "P(not war @ ever)": Asked((ever("scenario", "calm", "thaw"),)),
    "P(mood=high and war @ end)": Asked((both(at(2, "mood", "high"), at(2, "scenario", "war")),)),
    "P(mood=high or war @ end)": Asked((lambda p: p[2]["mood"] == "high" or p[2]["scenario"] == "war",)),
    "P((talks=deal @ ever) and (war @ end))": Asked((both(ever("talks", "deal"), at(2, "scenario", "war")),)),
    "P(not (mood=high and thaw) @ always)": Asked(
        (lambda p: all(not (now["mood"] == "high" and now["scenario"] == "thaw") for now in p),)
    ),
    "P(trade=up @ end)": Asked((at(2, "trade", "up"),)),
    "P(trade=up and thaw @ ever)": Asked(
        (lambda p: any(now["trade"] == "up" and now["scenario"] == "thaw" for now in p),)
    ),
    # Observations: late evidence informs early states, several go together, and thresholds of kinds of time
    "P(mood=high @ start | war @ end)": Asked((at(0, "mood", "high"),), (at(2, "scenario", "war"),)),
    "P(mood=high @ start | trade=up @ end)": Asked((at(0, "mood", "high"),), (at(2, "trade", "up"),)),
    "P(war @ end | mood=high @ start)": Asked((at(2, "scenario", "war"),), (at(0, "mood", "high"),)),
    "P(war @ 2001 | talks=deal @ always 2001..)": Asked(
        (at(1, "scenario", "war"),), (always("talks", "deal", steps=range(1, 3)),)
    ),
    "P(war @ end | talks=deal @ ever)": Asked((at(2, "scenario", "war"),), (ever("talks", "deal"),)),
    "P(talks=deal @ start | talks=deal @ by 2001)": Asked(
        (at(0, "talks", "deal"),), (ever("talks", "deal", steps=range(2)),)
    ),
    "P(thaw @ 2001 | mood=high @ start, talks=none @ 2001, quiet @ end)": Asked(
        (at(1, "scenario", "thaw"),),
        (both(at(0, "mood", "high"), at(1, "talks", "none"), at(2, "scenario", "calm", "thaw")),),
    ),
    "P(mood=high @ 2001 | war @ ever)": Asked((at(1, "mood", "high"),), (ever("scenario", "war"),)),
    "P(mood=high @ start | war or thaw @ always)": Asked(
        (at(0, "mood", "high"),), (always("scenario", "war", "thaw"),)
    ),
    "P(war @ end | mood=high and talks=deal @ 2001)": Asked(
        (at(2, "scenario", "war"),), (both(at(1, "mood", "high"), at(1, "talks", "deal")),)
    ),
    "P(talks=deal @ start | not talks=none @ start)": Asked((at(0, "talks", "deal"),), (at(0, "talks", "deal"),)),
    "P(war | mood=high)": Asked(each("scenario", "war"), each("mood", "high")),
    "P(war @ ever | mood=high @ start)": Asked((ever("scenario", "war"),), (at(0, "mood", "high"),)),
    # Interventions on drivers, the scenario and consequences; at a step, over a range, throughout; several
    "P(war @ end | do(mood=high))": Asked((at(2, "scenario", "war"),), do={"mood": "high"}),
    "P(mood=high @ end | do(mood=high @ start))": Asked((at(2, "mood", "high"),), do={("mood", 0): "high"}),
    "P(mood=high @ start | do(talks=deal))": Asked((at(0, "mood", "high"),), do={"talks": "deal"}),
    "P(war | do(talks=deal @ 2000..2001))": Asked(
        each("scenario", "war"), do={("talks", 0): "deal", ("talks", 1): "deal"}
    ),
    "P(mood=low @ end | do(war @ 2001))": Asked((at(2, "mood", "low"),), do={("scenario", 1): "war"}),
    "P(war @ end | do(scenario=thaw @ start))": Asked((at(2, "scenario", "war"),), do={("scenario", 0): "thaw"}),
    "P(thaw @ end | do(trade=up))": Asked((at(2, "scenario", "thaw"),), do={"trade": "up"}),
    "P(war @ end | do(mood=low), do(talks=deal @ end))": Asked(
        (at(2, "scenario", "war"),), do={"mood": "low", ("talks", 2): "deal"}
    ),
    # Both, where evidence is weighed in the intervened model; and a profile
    "P(mood=high @ start | do(talks=deal @ 2001), war @ end)": Asked(
        (at(0, "mood", "high"),), (at(2, "scenario", "war"),), {("talks", 1): "deal"}
    ),
    "P(mood=high @ start | talks=deal @ 2001, do(mood=low @ end))": Asked(
        (at(0, "mood", "high"),), (at(1, "talks", "deal"),), {("mood", 2): "low"}
    ),
    "P(war @ end | profile(gloomy))": Asked((at(2, "scenario", "war"),), profile=True),
    "P(mood=high @ start | profile(gloomy), do(talks=none), war @ 2001)": Asked(
        (at(0, "mood", "high"),), (at(1, "scenario", "war"),), {"talks": "none"}, profile=True
    ),
}
