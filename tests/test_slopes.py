"""Which weight matters, and which judgement: against closed forms, exact inference and models drawn anew."""

from __future__ import annotations

import csv
import io
import json
import math
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from support.command import answer
from support.effort import slow_but
from support.reference_models import model
from support.sampled import ERRORS, EXACT_MODELS, text_keys
from usru_scenarios.exact import inference as exact
from usru_scenarios.model.judgements import judgements, with_values
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.questions.sensitivity import slopes as slopes_module
from usru_scenarios.questions.sensitivity.observed import SensitivityRun
from usru_scenarios.questions.sensitivity.perturbed_model import PerturbedModel
from usru_scenarios.questions.sensitivity.slopes import estimate_slopes
from usru_scenarios.questions.target import Target
from usru_scenarios.reading.loading import Loaded, load
from usru_scenarios.reading.request import Request
from usru_scenarios.report import Layout, render_report
from usru_scenarios.results.common import ModelLine, Run
from usru_scenarios.results.sensitivity import JudgementEffect, ProbabilityChange, Sensitivity, Slopes
from usru_scenarios.sampler.blocks import BLOCK, Plan
from usru_scenarios.sampler.common_random_numbers import simulate_variants

EVERY = Target(None, "", None)
PLAN = Plan(BLOCK, 3)
ROUNDING = 1e-9

FINITE = sorted(path.stem for path in EXACT_MODELS.glob("*.yaml") if not path.stem.startswith("numeric"))
"""The models whose changed twins can be computed exactly."""

CONTAINED = {"consequences", "feedback", "outcome_lumped", "priors", "rules"}
"""Those whose constructs the others have too: the first two are put together in `consequence_feedback`."""


def of_folder(name: str) -> Loaded:
    return load(Request.of(EXACT_MODELS / f"{name}.yaml"))


def of_text(folder: Path, raw: Mapping[str, Any]) -> Loaded:
    path = folder / "model.yaml"
    path.write_text(yaml.safe_dump(text_keys(raw), sort_keys=False), encoding="utf-8")
    return load(Request.of(path))


def asked(loaded: Loaded, aim: Target = EVERY, plan: Plan = PLAN, program: Program | None = None) -> Slopes:
    program = program or compile_model(loaded.model)
    return estimate_slopes(PerturbedModel(lambda: loaded, program), SensitivityRun(program, aim, plan))


def at_aim(program: Program, aim: Target) -> Floats:
    """The scenarios' probabilities, exactly; shape (scenarios,)."""
    by_step = exact.forecast(program).scenarios
    found: Floats = by_step.mean(axis=0) if aim.step is None else by_step[aim.step]
    return found


Probabilities = Callable[[Program], Floats]
Step = Callable[[JudgementEffect], float]


def effects(
    loaded: Loaded, result: Slopes, probabilities: Probabilities, to: Step = lambda effect: effect.changed
) -> Iterator[tuple[str, ProbabilityChange, float]]:
    """Every effect that is reported, with what the model says whose judgement has another value."""
    paths = {".".join(map(str, judged.path)): judged.path for judged in judgements(loaded.model)}
    program = compile_model(loaded.model)
    present, states = probabilities(program), program.outcome.states
    for effect in result.judgements:
        changed = compile_model(with_values(loaded.model, {paths[effect.path]: to(effect)}))
        truth = probabilities(changed) - present
        for scenario, change in effect.by_scenario.items():
            yield f"{effect.path} on {scenario}", change, float(truth[states.index(scenario)])


def derivatives(
    loaded: Loaded, result: Slopes, probabilities: Probabilities
) -> Iterator[tuple[str, ProbabilityChange, float]]:
    """Every derivative that is reported, with the central difference."""
    program, small = compile_model(loaded.model), 1e-4
    for weight in result.weights:
        now = program.weights[weight.name]
        ends = [now * (1 + sign * small) if weight.scheduled else now + sign * small for sign in (1, -1)]
        up, down = (probabilities(replace(program, weights={**program.weights, weight.name: end})) for end in ends)
        for scenario, change in weight.derivative.items():
            slope = (up - down)[program.outcome.states.index(scenario)] / (2 * small)
            yield f"{weight.name} on {scenario}", change, float(slope)


def misses(pairs: Iterable[tuple[str, ProbabilityChange, float]], slack: float = ROUNDING) -> dict[str, str]:
    """Where an estimate and the truth differ by more than chance and rounding."""
    return {
        name: f"{change.value:.6f} +- {change.standard_error:.6f}, truly {truth:.6f}"
        for name, change, truth in pairs
        if abs(change.value - truth) > ERRORS * change.standard_error + slack
    }


# Closed forms --------------------------------------------------------------------------------------------------------

STATIC: dict[str, Any] = model(
    scenarios={"good": {"baseline": 0.5}, "fair": {"baseline": 0.3}, "bad": {"baseline": 0.2}},
    groups={"bearable": ["good", "fair"]},
    drivers={
        "mood": {
            "weight": 1.5,
            "states": {"up": 0.6, "down": 0.4},
            "impacts": {"up": {"good": 1.0}, "down": {"bad": 2.0}},
        },
        "noise": {"weight": 0, "states": {"on": 0.5, "off": 0.5}, "impacts": {"on": {"bad": 1.0}}},
    },
)
"""One driver, one moment."""


def static(points: float = 1.0, weight: float = 1.5, up: float = 0.6, good: float = 0.5) -> Floats:
    """The probabilities of good, fair and bad in that model, by hand."""
    high = np.array([good * 2 ** (points * weight), 0.3, 0.2])
    low = np.array([good, 0.3, 0.2 * 2 ** (2 * weight)])
    found: Floats = up * high / high.sum() + (1 - up) * low / low.sum()
    return found


def values(changes: Mapping[str, ProbabilityChange | None]) -> list[float]:
    return [change.value for name in ("good", "fair", "bad") if (change := changes[name]) is not None]


def test_one_point_of_a_static_model_by_hand(tmp_path: Path) -> None:
    result = asked(of_text(tmp_path, STATIC))
    by_path = {effect.path: effect for effect in result.judgements}
    known = {
        "drivers.mood.impacts.up.good": static(points=2.0),
        "scenarios.good.baseline": static(good=1.0),
        "drivers.mood.states.up.prior": static(up=1.2 / 1.6),
    }
    for path, truth in known.items():
        pairs = zip(by_path[path].by_scenario.values(), truth - static(), strict=True)
        assert not misses((path, change, float(one)) for change, one in pairs)
    assert by_path["scenarios.good.baseline"].change == "odds x2"
    assert by_path["scenarios.good.baseline"].changed == 1.0
    with pytest.raises(AssertionError):
        assert values(by_path["scenarios.good.baseline"].by_scenario) == pytest.approx(static(up=0.75) - static(), 0.1)


def test_derivative_and_elasticity_of_a_static_model_by_hand(tmp_path: Path) -> None:
    (weight,) = (one for one in asked(of_text(tmp_path, STATIC)).weights if one.name == "mood")
    high, low = (np.array(shares) / sum(shares) for shares in ([0.5 * 2**1.5, 0.3, 0.2], [0.5, 0.3, 0.2 * 2**3]))
    gives_high, gives_low = np.array([math.log(2), 0, 0]), np.array([0, 0, 2 * math.log(2)])
    slope = 0.6 * high * (gives_high - high @ gives_high) + 0.4 * low * (gives_low - low @ gives_low)
    names = list(weight.derivative)
    assert not misses((name, weight.derivative[name], float(one)) for name, one in zip(names, slope, strict=True))
    relative = [change for change in weight.elasticity.values() if change is not None]
    truth = 1.5 * slope / static()
    assert not misses((name, change, float(one)) for name, change, one in zip(names, relative, truth, strict=True))


def test_what_cannot_matter_is_exactly_zero(tmp_path: Path) -> None:
    result = asked(of_text(tmp_path, STATIC))
    of_noise = [effect for effect in result.judgements if effect.path.startswith("drivers.noise.impacts")]
    assert of_noise
    for effect in of_noise:
        assert values(effect.by_scenario) == [0.0, 0.0, 0.0]
        assert effect.size == ProbabilityChange(0.0, 0.0)
    priors = [effect for effect in result.judgements if effect.path.startswith("drivers.noise.states")]
    assert all(abs(effect.size.value) <= ERRORS * effect.size.standard_error + ROUNDING for effect in priors)
    (mute,) = (weight for weight in result.weights if weight.name == "noise")
    assert max(map(abs, values(mute.derivative))) > 0.01  # at weight 0 a unit more still would matter
    assert values(mute.elasticity) == [0.0, 0.0, 0.0]
    below = {effect.method for effect in asked(of_folder("consequences")).judgements if "consequences" in effect.path}
    assert below == {"none"}


def test_what_is_imposed_has_no_judgement_left(tmp_path: Path) -> None:
    loaded = of_text(tmp_path, STATIC)
    program = compile_model(loaded.model).intervene("mood", "up", [0])
    by_path = {effect.path: effect for effect in asked(loaded, program=program).judgements}
    assert by_path["drivers.mood.states.up.prior"].size.value == pytest.approx(0.0, abs=1e-12)
    assert by_path["drivers.mood.impacts.down.bad"].size.value == pytest.approx(0.0, abs=1e-12)
    high = np.array([2**1.5 * 0.5, 0.3, 0.2]), np.array([2**3 * 0.5, 0.3, 0.2])
    truth = high[1] / high[1].sum() - high[0] / high[0].sum()
    assert values(by_path["drivers.mood.impacts.up.good"].by_scenario) == pytest.approx(truth)


def test_a_group_is_the_sum_of_its_members_and_decides_the_order(tmp_path: Path) -> None:
    loaded = of_text(tmp_path, STATIC)
    program = compile_model(loaded.model)
    result = asked(loaded, Target(program.groups["bearable"], "bearable", 0))
    ranked = [(one.derivative, one.aimed, one.size) for one in result.weights]
    ranked += [(one.by_scenario, one.aimed, one.size) for one in result.judgements]
    for by_scenario, aimed, size in ranked:
        assert aimed is not None
        assert aimed.value == pytest.approx(by_scenario["good"].value + by_scenario["fair"].value)
        assert size.value == pytest.approx(abs(aimed.value))
    sizes = [effect.size.value for effect in result.judgements]
    assert sizes == sorted(sizes, reverse=True)
    (mood,) = (weight for weight in result.weights if weight.name == "mood")
    assert mood.aimed is not None
    assert mood.aimed_elasticity is not None
    assert result.aimed is not None
    assert mood.aimed_elasticity.value == pytest.approx(1.5 * mood.aimed.value / result.aimed.value)


# Exact inference and models drawn anew -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", slow_but({*FINITE} - CONTAINED, FINITE))
def test_effects_agree_with_exact_inference(name: str) -> None:
    loaded = of_folder(name)
    last = compile_model(loaded.model).steps - 1
    aim = replace(EVERY, step=last if FINITE.index(name) % 2 else None)
    result = asked(loaded, aim)
    assert not misses(effects(loaded, result, lambda program: at_aim(program, aim)))
    assert not misses(derivatives(loaded, result, lambda program: at_aim(program, aim)), slack=1e-6)


@pytest.mark.parametrize("name", ["feedback", "weights"])
def test_two_points_are_not_one(name: str) -> None:
    loaded = of_folder(name)
    result = asked(loaded)

    def further(effect: JudgementEffect) -> float:
        return effect.changed + (effect.changed - effect.value)

    with pytest.raises(AssertionError):
        assert not misses(effects(loaded, result, lambda program: at_aim(program, EVERY), further))


@pytest.mark.parametrize("name", ["numeric_consequences", "numeric_feedback"])
def test_effects_of_numeric_models_agree_with_models_drawn_anew(name: str) -> None:
    loaded = of_folder(name)
    anew = Plan(4 * BLOCK, 77)

    def probabilities(program: Program) -> Floats:
        visits = simulate_variants([program], anew).visits[0].sum(axis=0)
        found: Floats = visits.mean(axis=0) / anew.trials
        return found

    found = asked(loaded)
    again = {effect.path: effect for effect in found.judgements}
    noise = max(effect.size.standard_error for effect in again.values())
    assert "drawn anew" in {effect.method for effect in again.values()}
    assert not misses(effects(loaded, found, probabilities), slack=ERRORS * noise + 1e-6)


def test_where_the_draws_say_too_little_the_model_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = of_folder("events")
    monkeypatch.setattr(slopes_module, "LEAST_SHARE", 1.1)
    result = asked(loaded)
    assert {effect.method for effect in result.judgements} == {"drawn anew", "none"}
    assert not misses(effects(loaded, result, lambda program: at_aim(program, EVERY)))


def test_derivatives_agree_with_differences_on_common_random_numbers() -> None:
    loaded = of_folder("feedback")
    program, small = compile_model(loaded.model), 0.1
    names = list(program.weights)
    moved = [
        program.reweight({name: float(program.weights[name][0]) + sign * small}) for name in names for sign in (1, -1)
    ]
    plan = Plan(2 * BLOCK, 5)
    visits = np.array(simulate_variants(moved, plan).visits)
    apart = (visits[::2] - visits[1::2]).mean(axis=2) / (2 * small)
    slope, error = apart.sum(axis=1) / plan.trials, apart.std(axis=1, ddof=1) * math.sqrt(apart.shape[1]) / plan.trials
    found = {weight.name: weight for weight in asked(loaded, plan=Plan(2 * BLOCK, 6)).weights if not weight.scheduled}
    for number, name in enumerate(names):
        for place, scenario in enumerate(program.outcome.states):
            if name in found:
                change = found[name].derivative[scenario]
                bound = ERRORS * math.hypot(change.standard_error, error[number, place]) + 1e-3
                assert abs(change.value - slope[number, place]) < bound


@pytest.mark.parametrize("name", slow_but(["feedback"], ["weights", "feedback"]))
def test_standard_errors_say_how_far_off_the_estimates_are(name: str) -> None:
    loaded = of_folder(name)
    seeds = range(20)
    runs = [asked(loaded, plan=Plan(1024, seed)) for seed in seeds]
    found: dict[str, list[ProbabilityChange]] = {}
    for run in runs:
        for effect in run.judgements:
            found.setdefault(effect.path, []).append(next(iter(effect.by_scenario.values())))
        for weight in run.weights:
            found.setdefault(weight.name, []).append(next(iter(weight.derivative.values())))
    ratios = [
        np.std([change.value for change in changes], ddof=1) / np.mean([change.standard_error for change in changes])
        for changes in found.values()
        if min(change.standard_error for change in changes) > ROUNDING
    ]
    assert len(ratios) > 10
    assert 0.85 < float(np.mean(ratios)) < 1.15
    assert max(ratios) < 1.0 + ERRORS / math.sqrt(2 * (len(seeds) - 1))


# Conduct -------------------------------------------------------------------------------------------------------------


def test_the_same_digits_whoever_maps_the_blocks() -> None:
    loaded = of_folder("events")
    program = compile_model(loaded.model)

    def shipped(function: Callable[[int], Any], blocks: Iterable[int]) -> Iterable[Any]:
        return [pickle.loads(pickle.dumps(function))(block) for block in blocks]

    plan = Plan(BLOCK + 5_000, 4)
    model = PerturbedModel(lambda: loaded, program)
    one, other = (estimate_slopes(model, SensitivityRun(program, EVERY, plan, mapped)) for mapped in (map, shipped))
    assert one == other


def test_weights_alone_are_the_same() -> None:
    loaded = of_folder("weights")
    program = compile_model(loaded.model)
    model = PerturbedModel(lambda: loaded, program)
    alone = estimate_slopes(model, SensitivityRun(program, EVERY, Plan(2048, 1)), of_judgements=False)
    assert alone.judgements == []
    for one, other in zip(alone.weights, asked(loaded, plan=Plan(2048, 1)).weights, strict=True):
        assert values_of(one.derivative) == pytest.approx(values_of(other.derivative))


def values_of(changes: Mapping[str, ProbabilityChange]) -> list[float]:
    return [change.value for change in changes.values()]


def test_every_judgement_is_listed_or_left_out_with_a_reason() -> None:
    loaded = load(Request.of(Path(__file__).parent / "models" / "good" / "everything.yaml"))
    result = asked(loaded, plan=Plan(1024, 1))
    listed = [effect.path for effect in result.judgements]
    left = [path for one in result.left_out for path in one.paths]
    assert sorted([*listed, *left]) == sorted(".".join(map(str, judged.path)) for judged in judgements(loaded.model))
    assert all(one.why for one in result.left_out)
    assert {claim for effect in result.judgements for claim in effect.sources} >= set(result.claims)


# Reports -------------------------------------------------------------------------------------------------------------


def report(loaded: Loaded, result: Slopes) -> Sensitivity:
    model = loaded.model
    run = Run(1024, 1, "sample", list(model.grid.labels), None, {}, [], [], 1024.0, "0")
    present = {name: change.value for name, change in result.probabilities.items()}
    if result.name and result.aimed is not None:
        present = {result.name: result.aimed.value}
    return Sensitivity(
        model=ModelLine(model.name, model.title, ""),
        run=run,
        of=result.name or None,
        title="",
        at=result.step,
        probability=present,
        standard_errors=dict.fromkeys(present, 0.0),
        drivers=None,
        moves=None,
        weights=result.weights,
        judgements=result.judgements,
        left_out=result.left_out,
        claims=result.claims,
        note="",
    )


@pytest.mark.parametrize("of", ["", "bearable"])
@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_numbers_are_whole_at_every_width(tmp_path: Path, of: str, width: int) -> None:
    loaded = of_text(tmp_path, STATIC)
    aim = Target(compile_model(loaded.model).groups[of], of, 0) if of else EVERY
    result = report(loaded, asked(loaded, aim))
    layout = Layout(width=width)
    text = render_report(result, "table", layout)
    assert max(map(len, text.splitlines())) <= width
    assert result.judgements is not None
    for effect in result.judgements:
        shown = f"{100 * effect.aimed.value:+.1f}" if effect.aimed else f"{100 * effect.size.value:.1f}"
        assert shown.strip("+-0.") == "" or shown in text
        assert effect.path.split(".")[-1] in text
    assert "…" not in text


def test_rows_hold_every_change(tmp_path: Path) -> None:
    loaded = of_text(tmp_path, STATIC)
    found = asked(loaded)
    rows = list(csv.reader(io.StringIO(render_report(report(loaded, found), "csv", Layout()))))
    assert len(rows) == 1 + len(found.weights) * 7 + len(found.judgements) * 4
    assert {len(row) for row in rows} == {12}
    lines = render_report(report(loaded, found), "md", Layout()).splitlines()
    assert sum(line.startswith("| `") for line in lines) == len(found.judgements)


def test_no_elasticity_is_told_of_a_likelihood_next_to_the_least_float(tmp_path: Path) -> None:
    raw = yaml.safe_load((EXACT_MODELS / "consequences.yaml").read_text(encoding="utf-8"))
    raw["scenarios"]["tense"]["baseline"] = 1e-320
    path = tmp_path / "model.yaml"
    path.write_text(yaml.safe_dump(text_keys(raw)), encoding="utf-8")
    done = answer("sensitivity", str(path), "-n", "256", "--jobs", "1", "--json", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    for weight in json.loads(done.stdout)["weights"]:
        assert weight["elasticity"].get("tense") is None
        assert weight["elasticity"]["calm"] is not None
