"""Exact inference in each draw of the judgements: by themselves, and what is made of them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import usru_scenarios as us
from support.command import answer
from support.effort import slow_but
from support.oracle import Json
from support.random_models import random_event, random_model
from support.sampled import ERRORS, EXACT_MODELS, exact_model, text_keys
from usru_scenarios.estimation.estimates import Controls
from usru_scenarios.exact import inference as exact
from usru_scenarios.exact.inference import ExactForecast
from usru_scenarios.model.judgements import judgements, with_values
from usru_scenarios.model.schema import Model
from usru_scenarios.model.values import Keep
from usru_scenarios.names import KeyPath
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.events import All, Formula
from usru_scenarios.program.program import Floats, NumericNode, Program
from usru_scenarios.results.simulate import StatesResult
from usru_scenarios.settings import Method

DRAWS = 7

NAMES = sorted(path.stem for path in EXACT_MODELS.glob("*.yaml"))


class Drawn:
    """Some judgements of a model, each with a value of its own in each draw."""

    def __init__(self, raw: Json, dice: random.Random, share: float) -> None:
        self.model = Model.model_validate(text_keys(raw))
        numeric = {name for name, node in compile_model(self.model).nodes.items() if isinstance(node, NumericNode)}
        self.values: dict[KeyPath, Floats] = {}
        for one in judgements(self.model):
            if numeric.isdisjoint(map(str, one.path)) and one.role != "sd_per_point" and dice.random() < share:
                factors = np.array([dice.uniform(0.5, 1.5) for _ in range(DRAWS)])
                mean = one.mean(self.model.grid)
                self.values[one.path] = mean**factors if isinstance(one.judgement, Keep) else mean * factors

    def whole(self) -> Program:
        """The program with the values of all draws."""
        return replace(compile_model(self.model, self.values), controls=Controls(np.zeros((DRAWS, 0))))

    def alone(self, draw: int) -> Program:
        """The program with the numbers of one draw written in."""
        return compile_model(with_values(self.model, {path: float(each[draw]) for path, each in self.values.items()}))


def assert_alike(found: ExactForecast, each: list[ExactForecast], chances: Floats, tolerance: float = 1e-12) -> None:
    """In each draw what the model says with that draw's numbers, where what is given can happen there."""
    close = partial(pytest.approx, abs=tolerance)
    assert found.weights == pytest.approx(chances / chances.mean(), rel=1e-9)
    for draw, alone in enumerate(each):
        assert found.scenarios[draw] == close(alone.scenarios)
        assert found.ever[draw] == close(alone.ever)
        assert found.first_visit[draw] == close(alone.first_visit)
        for name, shares in alone.shares.items():
            assert found.shares[name][draw] == close(shares)
        for name, values in alone.values.items():
            assert found.values[name].mean[draw] == close(values.mean)
            middle = values.quantile(0.5)
            assert found.values[name].below(middle)[draw] == close(values.below(middle)[0])
        ours, theirs = (moves / (moves.sum() or 1.0) for moves in (found.transitions[draw], alone.transitions))
        assert ours == close(theirs)


def changed_by(program: Program, name: str, dice: random.Random) -> Program:
    node = program.nodes[name]
    assert not isinstance(node, NumericNode)
    return program.intervene(name, node.states[dice.randrange(len(node.states))], [dice.randrange(program.steps)])


@pytest.mark.parametrize("name", slow_but({*NAMES} - {"priors", "rules"}, NAMES))
def test_each_draw_is_the_model_with_its_numbers(name: str) -> None:
    drawn = Drawn(exact_model(name), random.Random(name), share=(0.2, 1.0)[NAMES.index(name) % 2])
    try:
        each = [exact.forecast(drawn.alone(draw)) for draw in range(DRAWS)]
    except exact.NotExact:
        with pytest.raises(exact.NotExact):
            exact.forecast(drawn.whole())
        return
    assert_alike(exact.forecast(drawn.whole()), each, np.ones(DRAWS))


def asked_at_random(dice: random.Random) -> tuple[Callable[[Program], Program], Drawn, Formula]:
    """A model with judgements drawn, what is done to it, and an event."""
    drawn = Drawn(random_model(dice), dice, dice.choice([0.1, 0.5, 1.0]))
    program = compile_model(drawn.model)
    names, seed = sorted(program.model_nodes), dice.random()
    name = dice.choice(names) if dice.random() < 0.4 else None

    def imposed(program: Program) -> Program:
        return program if name is None else changed_by(program, name, random.Random(seed))

    return imposed, drawn, random_event(dice, program)


@pytest.mark.parametrize("portion", [1 << 18, 64])
@pytest.mark.parametrize("seed", slow_but(range(4), range(12)))
def test_so_it_is_of_random_models(seed: int, portion: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "_PORTION_ENTRIES", portion)
    dice = random.Random(seed)
    imposed, drawn, event = asked_at_random(dice)
    whole, alone = imposed(drawn.whole()), [imposed(drawn.alone(draw)) for draw in range(DRAWS)]
    other = random_event(dice, whole)
    events = [event, All((event, other)), other]
    found = exact.probabilities_by_draw(whole, events)
    assert found.shape == (3, DRAWS)
    assert pytest.approx(np.array([exact.probabilities(one, events) for one in alone]), abs=1e-12) == found.T
    assert_alike(exact.forecast(whole), [exact.forecast(one) for one in alone], np.ones(DRAWS))
    assert exact.is_possible(whole, event) == any(exact.is_possible(one, event) for one in alone)
    if not found[0].any():
        with pytest.raises(exact.NothingObservedError):
            exact.forecast(whole, given=event)
    elif found[0].all():
        each = [exact.forecast(one, given=event) for one in alone]
        assert_alike(exact.forecast(whole, given=event), each, found[0], tolerance=1e-10)


# --- What is reported of it ------------------------------------------------------------------------------------------

SMALL = """usru: 1
name: small
title: Small
time: {start: '2025', end: '2028', step: year}
odds_per_point: {uniform: [1.2, 2.5]}
scenarios: {good: {baseline: 0.4}, bad: {baseline: {uniform: [0.3, 0.9]}}, worse: {baseline: 0.2}}
groups: {low: [bad, worse]}
outcome: {persistence: {uniform: [0.1, 0.6]}}
drivers:
  d:
    states: {a: 0.3, b: 0.7}
    prior: {dirichlet: 20}
    persistence: 0.5
    impacts: {a: {good: 2}, b: {bad: {pert: [0, 1, 3]}}}
rules:
  r: {when: {d: a, scenario: bad}, lag: 1, then: {d: {b: 1}}}
consequences:
  c: {states: {x: 0.5, y: 0.5}, influences: {scenario: {good: {x: 2}}}}
expectations: {one: {that: "P(good @ end | c=x @ 2025) > 0.5"}}
"""

ALTERED = SMALL.replace("good: 2}", "good: 2.6}")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> us.Study:
    return written(SMALL, tmp_path_factory.mktemp("small"))


def written(text: str, folder: Path) -> us.Study:
    path = folder / "model.yaml"
    path.write_text(text, encoding="utf-8")
    return us.load(path)


def numbers(result: us.Simulation) -> dict[str, tuple[float, float]]:
    """Everything that is estimated, by a name of its own, each with its standard error."""
    found: dict[str, tuple[float, float]] = {}

    def put(name: str, values: list[float], errors: list[float]) -> None:
        found.update({f"{name} {place}": pair for place, pair in enumerate(zip(values, errors, strict=True))})

    for name, one in {**result.scenarios, **result.groups}.items():
        errors = one.standard_errors
        put(name, [*one.by_step, one.ever, one.mean], [*errors.by_step, errors.ever, errors.mean])
        put(f"{name} first", one.first_visit, errors.first_visit)
    for name, node in {**result.drivers, **result.consequences}.items():
        if isinstance(node, StatesResult):
            for state, shares in node.by_step.items():
                put(f"{name} {state}", shares, node.standard_errors[state])
        else:
            put(name, node.mean, node.standard_errors.mean)
            for share, values in node.quantiles.items():
                put(f"{name} {share}", values, node.standard_errors.quantiles[share])
    for start, row in result.transitions.items():
        for end, move in row.items():
            error = result.transition_errors[start][end]
            assert move is not None
            assert error is not None
            found[f"{start} to {end}"] = move, error
    return found


def clear(one: us.Simulation, other: us.Simulation) -> list[str]:
    """What differs by more than its errors."""
    both = zip(numbers(one).items(), numbers(other).values(), strict=True)
    return [name for (name, (a, e)), (b, f) in both if abs(a - b) > ERRORS * math.hypot(e, f) + 1e-12]


@pytest.mark.parametrize("conditions", [{}, {"do": ["d=a@2026"]}, {"given": ["c=x@2025", "d=b@end"]}])
def test_sampling_says_the_same_within_its_errors(small: us.Study, conditions: dict[str, Any]) -> None:
    exactly = small.simulate(**conditions)
    assert (exactly.run.method, exactly.run.trials, exactly.run.judgements) == ("exact", 0, 512)
    assert exactly.run.effective_trials is None
    sampled = small.simulate(**conditions, trials=60_000, seed=2)
    assert sampled.run.method == "sample"
    assert clear(exactly, sampled) == []
    for name, one in exactly.scenarios.items():
        theirs = sampled.scenarios[name].band
        assert one.band is not None
        assert theirs is not None
        assert one.band.low == pytest.approx(theirs.low, abs=0.03)
        assert one.band.high == pytest.approx(theirs.high, abs=0.03)


def test_sabotaged_points_are_told_apart(small: us.Study, tmp_path: Path) -> None:
    assert clear(written(ALTERED, tmp_path).simulate(), small.simulate(trials=60_000, seed=2))


def test_errors_are_those_of_the_draws(small: us.Study) -> None:
    """Of other draws the averages differ as the errors say, and the ends of the bands hardly."""
    runs = [small.simulate(seed=seed, judgements=128) for seed in range(10)]
    for name in ("good", "bad", "low"):
        each = [{**run.scenarios, **run.groups}[name] for run in runs]
        for spread, stated in (
            (np.std([one.end for one in each], ddof=1), np.mean([one.standard_errors.end for one in each])),
            (np.std([one.ever for one in each], ddof=1), np.mean([one.standard_errors.ever for one in each])),
        ):
            assert 0.4 < spread / stated < 1.9
            assert 0.0 < stated < 0.003
        ends = [(one.band.low[-1], one.band.high[-1]) for one in each if one.band is not None]
        assert np.std(ends, axis=0).max() < 0.02


def test_ask_check_simulate_and_compare_say_one_thing(small: us.Study) -> None:
    forecast = small.simulate(given=["c=x@2025"]).scenarios["good"]
    asked = small.ask("P(good @ end | c=x @ 2025)")
    assert (asked.method, asked.judgements, asked.trials, asked.effective_trials) == ("exact", 512, 0, None)
    assert asked.value == pytest.approx(forecast.end, abs=1e-12)
    assert asked.standard_error == pytest.approx(forecast.standard_errors.end, rel=0.02)
    assert asked.band is not None
    assert forecast.band is not None
    assert (asked.band.low, asked.band.high) == pytest.approx((forecast.band.low[-1], forecast.band.high[-1]))
    (checked,) = small.check().expectations.values()
    assert (checked.left, checked.method, checked.trials) == (asked.value, "exact", 0)
    plain = small.simulate().scenarios["good"]
    compared = small.compare({"altered": small}, do={"altered": ["d=a"]}, switch=False)
    assert (compared.run.method, compared.run.judgements) == ("exact", 512)
    one = compared.variants["as it is"].scenarios["good"]
    assert one.by_step == pytest.approx(plain.by_step, abs=1e-12)
    assert one.band is not None
    assert plain.band is not None
    assert one.band.low == pytest.approx(plain.band.low, abs=1e-12)


def test_at_the_means_only_on_request(small: us.Study) -> None:
    means = small.simulate(judgements=0)
    assert (means.run.method, means.run.judgements, means.run.judgements_at_means) == ("exact", 0, 5)
    assert means.scenarios["good"].band is None
    drawn = small.simulate(method="exact")
    assert (drawn.run.judgements, drawn.run.judgements_at_means) == (512, 0)
    assert "judgements_at_their_means" not in {one.code for one in drawn.warnings}


def test_a_number_with_uncertain_judgements_of_its_own_is_sampled(tmp_path: Path) -> None:
    number = "drivers:\n  n: {kind: numeric, range: [0, 1], persistence: {uniform: [0, 1]}}"
    model = written(SMALL.replace("drivers:", number), tmp_path)
    with pytest.raises(us.NotExact, match=r"n depends on uncertain judgements itself.*--judgements 0"):
        model.simulate(method="exact")
    assert model.simulate().run.method == "sample"


def test_the_text_says_it_plainly(tmp_path: Path) -> None:
    written(SMALL, tmp_path)
    file = str(tmp_path / "model.yaml")
    for command in (["simulate"], ["ask", "P(good)"], ["check"], ["compare", "--do", "d=a"]):
        done = answer(command[0], *command[1:], file)
        assert "Exact in each of 512 draws of the judgements, seed 1" in " ".join(done.stdout.split()), command


@pytest.mark.parametrize("method", ["auto", "sample"])
def test_a_driver_may_be_called_judgements(tmp_path: Path, method: Method) -> None:
    def likelihood(name: str) -> float:
        path = tmp_path / f"{name}.yaml"
        path.write_text(
            "usru: 1\nname: m\ntitle: M\nscenarios: {good: 1, bad: {baseline: {uniform: [1, 2]}}}\n"
            f"drivers: {{{name}: {{states: {{a: 1, b: 3}}, impacts: {{a: {{good: {{uniform: [0, 2]}}}}}}}}}}\n"
        )
        return us.load(path).simulate(method=method, trials=None if method == "auto" else 20_000).scenarios["good"].end

    assert likelihood("judgements") == pytest.approx(likelihood("judgement"), abs=0.01)
