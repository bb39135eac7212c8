"""Probabilities of events, and whole forecasts, by enumeration of all trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from support.oracle import Json, Resolution, View, marginals, remembered
from support.reference_models import compiled
from usru_scenarios.exact.inference import ExactForecast, forecast
from usru_scenarios.program.events import All, Compared, Formula, InStates, Not, Some, Timed, timed_parts
from usru_scenarios.program.program import CategoricalNode, Program


def true_in(program: Program, formula: Formula, view: View) -> bool:
    """Whether a condition holds in a trial of the reference."""
    match formula:
        case InStates(name, states):
            node = program.nodes[name]
            assert isinstance(node, CategoricalNode)
            return node.states.index(str(view[name])) in states
        case Compared(name, sign, value):
            x = float(view[name])
            return {"<": x < value, "<=": x <= value, ">": x > value, ">=": x >= value}[sign]
    return by_parts(formula, lambda part: true_in(program, part, view))


def decided(formula: Formula, happened: Mapping[Timed, bool]) -> bool:
    return happened[formula] if isinstance(formula, Timed) else by_parts(formula, lambda part: decided(part, happened))


def by_parts(formula: Formula, is_true: Callable[[Formula], bool]) -> bool:
    """Whether a formula is true, by which of its parts are."""
    match formula:
        case Not(part):
            return not is_true(part)
        case All(parts):
            return all(map(is_true, parts))
        case Some(parts):
            return any(map(is_true, parts))
    raise AssertionError(formula)


def reference(raw: Json, events: Sequence[Formula], resolution: Resolution | None = None, **how: Any) -> list[float]:
    """The probabilities of events by enumerating all trials and what is remembered of their past."""
    program = compiled(raw)
    timed = list(dict.fromkeys(one for event in events for one in timed_parts(event)))

    def remember(memory: tuple[bool, ...], step: int, view: View) -> tuple[bool, ...]:
        after = list(memory)
        for place, one in enumerate(timed):
            if step in one.steps:
                truth = true_in(program, one.predicate, view)
                after[place] = memory[place] and truth if one.mode == "always" else memory[place] or truth
        return tuple(after)

    start = tuple(one.mode == "always" for one in timed)
    if resolution is not None:
        how["resolution"] = resolution
    law = remembered(raw, start, remember, **how)
    return [
        math.fsum(p for memory, p in law.items() if decided(event, dict(zip(timed, memory, strict=True))))
        for event in events
    ]


def assert_forecast(raw: Json, tolerance: float = 1e-12, **how: Any) -> ExactForecast:
    """The forecast of a model is that of the reference in every part."""
    program = compiled(raw, how.get("do"))
    found, wanted = forecast(program), marginals(raw, **how)
    close: Any = {"rtol": 0.0, "atol": tolerance}
    scenarios = program.outcome.states
    visits = [wanted["scenarios"][name] for name in scenarios] + [wanted["groups"][name] for name in program.groups]
    np.testing.assert_allclose(found.scenarios.T, [visit["by_step"] for visit in visits[: len(scenarios)]], **close)
    np.testing.assert_allclose(found.ever, [visit["ever"] for visit in visits], **close)
    np.testing.assert_allclose(found.first_visit.T, [visit["first_visit"] for visit in visits], **close)
    for name, row in zip(scenarios, found.transitions, strict=True):
        expected = wanted["transitions"][name]
        if expected is None:
            assert row.sum() == 0
        else:
            np.testing.assert_allclose(row / row.sum(), [expected[to] for to in scenarios], **close)
    blocks = {**wanted["drivers"], **wanted["consequences"]}
    assert set(blocks) == {*found.shares, *found.values}
    for name, shares in found.shares.items():
        node = program.nodes[name]
        assert isinstance(node, CategoricalNode)
        np.testing.assert_allclose(shares.T, [blocks[name][state] for state in node.states], **close)
    for name, values in found.values.items():
        np.testing.assert_allclose(values.mean, blocks[name]["mean"], **close)
    return found
