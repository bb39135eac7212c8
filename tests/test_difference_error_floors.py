"""Errors that cover what was never drawn, of what programs are compared for: sampled against exact inference."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import Phase, given, settings

from support.effort import tries
from support.model_strategies import MODELS, models
from support.oracle import Json
from support.sabotage import replace_everywhere
from support.sampled import ERRORS, compiled
from support.tiny import study_of
from test_error_floors import WAR
from usru_scenarios.estimation import estimates as pure
from usru_scenarios.exact import inference as exact
from usru_scenarios.model.judgements import judgements, with_values
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.distance import largest_differences
from usru_scenarios.program.program import CategoricalNode, Floats, Program
from usru_scenarios.results.compare import Likelihood
from usru_scenarios.study import Study

TRIALS = 1_000
ROUNDING = 1e-9


class Told(NamedTuple):
    """What was sampled, and what it is truly."""

    what: str
    value: float
    error: float | None
    truth: float

    @property
    def misses(self) -> bool:
        assert self.error is not None
        return not abs(self.value - self.truth) <= ERRORS * self.error + ROUNDING


def without_floors(patch: pytest.MonkeyPatch) -> None:
    """The errors that the draws alone tell."""
    replace_everywhere(
        patch, pure.rule_of_three_bound, lambda drawn, missed=0.0: np.zeros(np.broadcast(drawn, missed).shape)
    )


def likely(program: Program) -> Floats:
    """The probabilities of the scenarios, shape (steps, scenarios)."""
    return np.asarray(exact.forecast(program).scenarios)


# What is compared -----------------------------------------------------------------------------------------------------


def comparisons(study: Study, seed: int) -> Iterator[Told]:
    """Every likelihood of each driver's weight gone, and of each driver held in its last state at the end."""
    for driver, outline in study.outline.drivers.items():
        twin = study.varied(weights={driver: 0.0})
        state = list(outline.states)[-1]
        do = {"held": [f"{driver}={state}@end"]}
        others = {"light": twin, "held": study}
        sampled = study.compare(others, do=do, trials=TRIALS, seed=seed, judgements=0)
        known = study.compare(others, do=do, method="exact", switch=False)
        for name, variant in sampled.variants.items():
            for scenario, found in variant.scenarios.items():
                truth = known.variants[name].scenarios[scenario]
                yield from likelihoods(f"{driver} {name} {scenario}", found, truth)


def likelihoods(what: str, found: Likelihood, truth: Likelihood) -> Iterator[Told]:
    pairs = [(found, truth), (found.difference, truth.difference)]
    for number, (one, other) in enumerate(pairs):
        if one is not None and other is not None:
            errors = one.standard_errors
            for step, values in enumerate(zip(one.by_step, errors.by_step, other.by_step, strict=True)):
                yield Told(f"{what} {number} {step}", *values)
            yield Told(f"{what} {number} mean", one.mean, errors.mean, other.mean)


def sweeps(study: Study, seed: int) -> Iterator[Told]:
    """The likelihoods over weights of the first driver."""
    what = [f"{next(iter(study.outline.drivers))}=0,1,3"]
    found, known = (study.sweep(what, trials=TRIALS, seed=seed), study.sweep(what, method="exact"))
    for name, swept in found.scenarios.items():
        for time, curve in swept.curves.items():
            truths = known.scenarios[name].curves[time].probability
            for values in zip(curve.probability, curve.standard_errors, truths, strict=True):
                yield Told(f"{name} {time}", *values)


def moves(study: Study, seed: int) -> Iterator[Told]:
    """What it does to hold each driver in each of its states."""
    found = study.sensitivity(trials=TRIALS, seed=seed, questions=["moves"])
    program, states = study.program, study.program.outcome.states
    before = likely(program)[-1]
    for name, value in found.probability.items():
        yield Told(name, value, found.standard_errors[name], before[states.index(name)])
    for driver in found.moves or ():
        for state in driver.states:
            after = likely(program.intervene(driver.driver, state.state, range(program.steps)))[-1] - before
            for name, change in state.change.items():
                error = state.standard_errors[name]
                yield Told(f"{driver.driver}={state.state} {name}", change, error, after[states.index(name)])


H = 1e-4


def weights(study: Study, seed: int) -> Iterator[Told]:
    """The derivatives for the weights."""
    found = study.sensitivity(trials=TRIALS, seed=seed, questions=["weights"])
    program, states = study.program, study.program.outcome.states
    for one in found.weights or ():
        if one.scheduled:
            continue
        ends = [likely(program.reweight({one.name: max(one.weight, H) + way * H}))[-1] for way in (-1, 1)]
        slope = (ends[1] - ends[0]) / (2 * H)
        for name, change in one.derivative.items():
            yield Told(f"{one.name} {name}", change.value, change.standard_error, slope[states.index(name)])


def effects(study: Study, seed: int) -> Iterator[Told]:
    """What one point more of each judgement does."""
    found = study.sensitivity(trials=TRIALS, seed=seed, questions=["judgements"])
    model, states = study.loaded.model, study.program.outcome.states
    paths = {".".join(map(str, judged.path)): judged.path for judged in judgements(model)}
    before = likely(study.program)[-1]
    for one in found.judgements or ():
        if one.path not in paths:
            continue
        after = likely(compile_model(with_values(model, {paths[one.path]: one.changed})))[-1] - before
        for name, change in one.by_scenario.items():
            yield Told(f"{one.path} {name}", change.value, change.standard_error, after[states.index(name)])


ASKED = {each.__name__: each for each in (comparisons, sweeps, moves, weights, effects)}


def missed(raw: Json, folder: Path, asked: str, seeds: Sequence[int]) -> list[Told]:
    study = study_of(raw, folder)
    return [told for seed in seeds for told in ASKED[asked](study, seed) if told.misses]


@pytest.mark.more
@settings(MODELS, max_examples=tries(1, 3), phases=(Phase.generate,))
@given(raw=models(numeric=False))
def test_what_is_compared_of_random_models_is_within_its_errors(raw: Json) -> None:
    with TemporaryDirectory() as folder:
        for asked in ASKED:
            assert missed(raw, Path(folder), asked, [1]) == []


RARELY: Json = copy.deepcopy(WAR)
RARELY["drivers"]["d"]["states"] = {"a": 0.0004, "z": 1}
RARELY["drivers"]["d"]["impacts"] = {"a": {"war": 15}}
RARELY["drivers"]["e"] = {"states": {"x": 0.0005, "y": 1}, "impacts": {"x": {"war": 12}}}
"""War is a matter of two rare states."""


@pytest.mark.parametrize("asked", ASKED)
def test_what_was_never_drawn_is_in_the_errors(asked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And without the floors, the same estimates are not within their errors."""
    assert missed(RARELY, tmp_path, asked, range(3)) == []
    without_floors(monkeypatch)
    assert missed(RARELY, tmp_path, asked, range(3))


def with_more(raw: Json, what: str) -> Json:
    """A model with a part more than another, like one that it has."""
    found, (scenario, driver) = copy.deepcopy(raw), (next(iter(raw[part])) for part in ("scenarios", "drivers"))
    states = found["drivers"][driver]["states"]
    if what == "state":
        states["more"] = next(iter(states.values()))
    elif what == "driver":
        found["drivers"]["more"] = {"states": {"on": 1, "off": 1}, "impacts": {"on": {scenario: 1}}}
    else:
        found["scenarios"][what] = copy.deepcopy(found["scenarios"][scenario])
    return found


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("what", ["a scenario", "z scenario", "state", "driver"])
def test_models_of_other_scenarios_states_and_drivers_are_compared(what: str, turned: bool, tmp_path: Path) -> None:
    """In the order of names a scenario more stands before or behind those that both have."""
    ways = []
    for number, raw in enumerate((RARELY, with_more(RARELY, what.replace(" ", "_")))):
        (folder := tmp_path / str(number)).mkdir()
        ways.append(study_of(raw, folder))
    one, other = reversed(ways) if turned else ways
    for seed in range(3):
        sampled = one.compare({"other": other}, trials=TRIALS, seed=seed, judgements=0)
        known = one.compare({"other": other}, method="exact", switch=False)
        told = [
            each
            for name, variant in sampled.variants.items()
            for scenario, found in variant.scenarios.items()
            for each in likelihoods(f"{name} {scenario}", found, known.variants[name].scenarios[scenario])
        ]
        assert len({each.what for each in told}) > 2 * 2 * one.program.steps
        assert [each for each in told if each.misses] == []


def test_scenarios_that_differ_by_their_names_alone_may_be_wholly_apart() -> None:
    programs = [compiled(raw) for raw in (RARELY, json.loads(json.dumps(RARELY).replace('"war"', '"wart"')))]
    assert np.all(largest_differences(*programs) == 1.0)
    assert np.all(largest_differences(programs[0], compiled(RARELY)) == 0.0)


def test_nothing_but_what_is_constant_has_no_error(tmp_path: Path) -> None:
    study = study_of(RARELY, tmp_path)
    found = study.compare({"held": study}, do={"held": ["d=a@2026"]}, trials=500, switch=False)
    difference = found.variants["held"].scenarios["war"].difference
    assert difference is not None
    errors = difference.standard_errors
    assert errors.by_step[0] == 0.0, "what is imposed later does not reach the first step"
    assert min(*errors.by_step[1:], errors.mean) > 0.0
    idle = copy.deepcopy(RARELY) | {"name": "idle"}
    idle["drivers"]["idle"] = {"states": {"on": 1, "off": 1}}
    study = study_of(idle, tmp_path)
    (moved,) = (one for one in study.sensitivity(trials=500, questions=["moves"]).moves or () if one.driver == "idle")
    assert moved.standard_error == 0.0
    assert {error for state in moved.states for error in state.standard_errors.values()} == {0.0}


@pytest.mark.more
@settings(MODELS, max_examples=tries(4, 12), phases=(Phase.generate,))
@given(raw=models(numeric=False))
def test_no_difference_is_beyond_its_bound(raw: Json) -> None:
    """The bound holds in every trial, so that it holds for the exact probabilities."""
    program = compiled(raw)
    before = likely(program)
    others = [program.reweight({name: 0.4}) for name in program.weights]
    others += [
        program.intervene(name, node.states[0], [2])
        for name, node in program.nodes.items()
        if isinstance(node, CategoricalNode) and name not in {OUTCOME, *program.downstream(OUTCOME)}
    ]
    for other in others:
        apart = np.abs(likely(other) - before).sum(axis=1) / 2
        assert np.all(apart <= largest_differences(program, other) + ROUNDING)


def test_the_bound_of_a_difference_is_met() -> None:
    """Where nothing else moves the outcome, as tanh(d / 4) with d the log-odds: here ln 3."""
    raw: Json = copy.deepcopy(WAR) | {"scenarios": {"war": {"baseline": 1}, "peace": {"baseline": math.sqrt(3)}}}
    raw["outcome"], raw["drivers"] = {}, {"d": {"states": {"a": 1}, "impacts": {"a": {"war": 1}}}}
    raw["odds_per_point"] = 3
    program = compiled(raw)
    other = program.reweight({"d": 0.0})
    bound = largest_differences(program, other)
    assert bound == pytest.approx(np.abs(likely(other) - likely(program))[:, 0])
    assert bound == pytest.approx(np.tanh(math.log(3) / 4))


def test_the_forecast_that_a_observation_moves_has_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """War is never drawn from a baseline of 0.00001, though it can happen."""
    study = study_of(WAR, tmp_path)
    truth = study.ask("P(war @ end)", method="exact").value
    assert truth is not None

    def is_within() -> bool:
        found = study.watch(trials=2_000, seed=1).forecast["war"]
        return abs(found.probability - truth) <= ERRORS * found.standard_error < 0.01

    assert is_within()
    without_floors(monkeypatch)
    assert not is_within()
