"""What a run of the sampler says, laid out so that it can be held against what is known.

Every reported quantity has a key, such as `("calm", "by_step", 2)` or `("moves", "calm", "crisis")`, under which both
the estimate with its standard error and the exact value are found.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from support.oracle import Json, Marginals, Visits
from usru_scenarios.model.schema import Model
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.program import Program
from usru_scenarios.questions.simulate.question import sample_forecast
from usru_scenarios.reading.loading import make_outline
from usru_scenarios.results.simulate import Simulation, ValuesResult
from usru_scenarios.settings import RunSettings
from usru_scenarios.study import Study

EXACT_MODELS = Path(__file__).parents[1] / "models" / "exact"

Key = tuple[str | int, ...]

Opened = Callable[[Json | str], Study]
"""What the fixture of that name is."""

ERRORS = 4.5
"""How many standard errors an estimate may be off: by chance that happens 7 times in a million."""

ROUNDING = 1e-9


class Estimate(NamedTuple):
    """An estimate and its standard error."""

    value: float
    error: float


Estimates = dict[Key, Estimate]
Truths = dict[Key, float]


@cache
def _read(name: str) -> Json:
    raw: Json = yaml.safe_load((EXACT_MODELS / f"{name}.yaml").read_text(encoding="utf-8"))
    return raw


def exact_model(name: str) -> Json:
    """A model of the folder, free to be changed."""
    return copy.deepcopy(_read(name))


def changed(raw: Json, path: str, value: Any) -> Json:
    """The model with one part replaced; the path has slashes, and goes through lists by number."""
    twin = copy.deepcopy(raw)
    *parents, last = path.split("/")
    part: Any = twin
    for step in parents:
        part = part[_key(part, step)]
    part[_key(part, last)] = value
    return twin


def _key(part: Any, step: str) -> Any:
    if isinstance(part, list):
        return int(step)
    return next((key for key in part if str(key) == step), step)


def text_keys(raw: Any) -> Any:
    """The raw data as the program's own reader gives it: all keys are text."""
    if isinstance(raw, dict):
        return {str(key): text_keys(value) for key, value in raw.items()}
    return [text_keys(value) for value in raw] if isinstance(raw, list) else raw


def compiled(raw: Json) -> Program:
    """The model, validated and compiled."""
    return compile_model(Model.model_validate(text_keys(raw)))


def simulated(raw: Json, trials: int, seed: int, program: Program | None = None) -> Simulation:
    """The forecast of a model, or of a program that was made from it."""
    model = Model.model_validate(text_keys(raw))
    return sample_forecast(make_outline(model), Conditioned(program or compile_model(model)), RunSettings(trials, seed))


def estimates(raw: Json, trials: int, seed: int, program: Program | None = None) -> Estimates:
    """Everything that is reported of a run; a move from where nothing ever was is NaN."""
    result = simulated(raw, trials, seed, program)
    found: Estimates = {}
    for name, visits in {**result.scenarios, **result.groups}.items():
        errors = visits.standard_errors
        for kind in ("end", "mean", "ever"):
            found[name, kind] = Estimate(getattr(visits, kind), getattr(errors, kind))
        for kind in ("by_step", "first_visit"):
            _series(found, (name, kind), getattr(visits, kind), getattr(errors, kind))
    for origin, row in result.transitions.items():
        for goal, move in row.items():
            error = result.transition_errors[origin][goal]
            found["moves", origin, goal] = Estimate(
                math.nan if move is None else move, math.nan if error is None else error
            )
    for name, node in {**result.drivers, **result.consequences}.items():
        if isinstance(node, ValuesResult):
            _series(found, (name, "mean"), node.mean, node.standard_errors.mean)
        else:
            for state, shares in node.by_step.items():
                _series(found, (name, state), shares, node.standard_errors[state])
    return found


def entropy(*shares: float) -> float:
    """Of a distribution, in bits."""
    return -math.fsum(p * math.log2(p) for p in shares if p)


def _series(found: Estimates, key: Key, values: list[float], errors: list[float]) -> None:
    for step, pair in enumerate(zip(values, errors, strict=True)):
        found[*key, step] = Estimate(*pair)


def truths_of(exact: Marginals) -> Truths:
    """The exact values under the keys of the estimates."""
    known: Truths = {}
    for name, visits in {**exact["scenarios"], **exact["groups"]}.items():
        known.update(_visits(name, visits))
    for origin, row in exact["transitions"].items():
        for goal in exact["scenarios"]:
            known["moves", origin, goal] = math.nan if row is None else row[goal]
    for name, by_state in {**exact["drivers"], **exact["consequences"]}.items():
        known.update({(name, state, step): p for state, series in by_state.items() for step, p in enumerate(series)})
    return known


def _visits(name: str, visits: Visits) -> Iterator[tuple[Key, float]]:
    yield (name, "end"), visits["end"]
    yield (name, "mean"), visits["mean"]
    yield (name, "ever"), visits["ever"]
    yield from (((name, "by_step", step), p) for step, p in enumerate(visits["by_step"]))
    yield from (((name, "first_visit", step), p) for step, p in enumerate(visits["first_visit"]))


def misses(found: Estimates, known: Truths, slack: float = 0.0) -> dict[Key, str]:
    """Where an estimate and the truth differ by more than chance, rounding and the slack of the truth itself."""
    assert found.keys() == known.keys(), sorted(map(str, found.keys() ^ known.keys()))
    wrong = {}
    for key, truth in known.items():
        value, error = found[key]
        if math.isnan(truth) and math.isnan(value):
            continue
        if not abs(value - truth) <= ERRORS * error + slack + ROUNDING:
            wrong[key] = f"{value:.6f} +- {error:.6f}, truly {truth:.6f}"
    return wrong


def same(one: Mapping[Key, Estimate], other: Mapping[Key, Estimate]) -> bool:
    """Whether two runs give the same digits everywhere."""
    return one.keys() == other.keys() and all(
        pair == other[key] or (math.isnan(pair.value) and math.isnan(other[key].value)) for key, pair in one.items()
    )
