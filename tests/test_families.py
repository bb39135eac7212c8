"""The families of distributions: quantiles, means, and where what is drawn is cut off."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import integrate, stats

import usru_scenarios as us
from support.command import answer
from support.oracle import Json
from support.sampled import text_keys
from usru_scenarios.model.families import (
    EVERYWHERE,
    FamilyValues,
    Floats,
    beta_quantile,
    mean,
    normal_cdf,
    normal_quantile,
    quantile,
    truncated_mean,
)
from usru_scenarios.model.judgements import judgements
from usru_scenarios.model.schema import Model
from usru_scenarios.model.values import Distribution, Judgement, Keep
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.draws import JudgementDraws
from usru_scenarios.program.program import CategoricalNode, NumericNode

SHARES = np.concatenate([(np.arange(400) + 0.5) / 400, [1e-9, 1e-6, 1 - 1e-6, 1 - 1e-9]])

LAWS: list[tuple[FamilyValues, Any]] = [
    (FamilyValues("uniform", (-1.0, 3.0)), stats.uniform(-1, 4)),
    (FamilyValues("triangular", (-1.0, 0.0, 3.0)), stats.triang(0.25, -1, 4)),
    (FamilyValues("triangular", (0.0, 0.0, 3.0)), stats.triang(0.0, 0, 3)),
    (FamilyValues("pert", (-1.0, 0.0, 3.0)), stats.beta(2, 4, -1, 4)),
    (FamilyValues("pert", (1.0, 1.0, 2.0)), stats.beta(1, 5, 1, 1)),
    (FamilyValues("normal", (1.0, 0.5)), stats.norm(1, 0.5)),
    (FamilyValues("normal", (0.0, 2.0), (0.0, math.inf)), stats.halfnorm(0, 2)),
    (FamilyValues("normal", (0.9, 0.2), (0.0, 1.0)), stats.truncnorm(-4.5, 0.5, 0.9, 0.2)),
    (FamilyValues("beta", (0.4, 0.7)), stats.beta(0.4, 0.7)),
    (FamilyValues("beta", (300.0, 20.0)), stats.beta(300, 20)),
]


@pytest.mark.parametrize(("law", "known"), LAWS)
def test_quantiles_are_those_of_each_family(law: FamilyValues, known: Any) -> None:
    parameters = [np.array([one]) for one in law.parameters]
    found = quantile(law.family, parameters, law.limits, SHARES)
    truth = known.ppf(SHARES)
    assert found == pytest.approx(truth, rel=1e-6, abs=1e-9)
    assert found[:400] != pytest.approx(known.ppf(SHARES[:400] + 1e-3), rel=1e-6, abs=1e-9)
    each = [np.full(len(SHARES), one) for one in law.parameters]
    assert quantile(law.family, each, law.limits, SHARES)[:400] == pytest.approx(truth[:400], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("a", "b"), [(0.01, 0.3), (1e-9, 1e-9), (0.5, 40.0), (1e4, 3e4)])
def test_beta_quantiles_hold_in_the_tails(a: float, b: float) -> None:
    part, rest = beta_quantile(np.array([a]), np.array([b]), SHARES)
    truth = stats.beta(a, b).ppf(SHARES)
    seen = truth > 1e-200
    assert part[seen] == pytest.approx(truth[seen], rel=1e-5)
    assert part + rest == pytest.approx(1.0)
    assert rest == pytest.approx(stats.beta(b, a).ppf(1 - SHARES), rel=1e-4, abs=1e-12)


def test_normal_quantiles_have_all_digits() -> None:
    shares = np.concatenate([SHARES, [1e-300, 1e-30, 0.075, 0.925]])
    assert normal_quantile(shares) == pytest.approx(stats.norm.ppf(shares), rel=1e-13)
    assert normal_cdf(np.array([-30.0, 0.0, 2.0])) == pytest.approx(stats.norm.cdf([-30, 0, 2]), rel=1e-12)


@pytest.mark.parametrize(
    ("centre", "sd", "low", "high"),
    [
        (0.0, 1.0, 0.0, math.inf),
        (0.0, 2.0, 0.0, math.inf),
        (0.9, 0.2, 0.0, 1.0),
        (1.5, 0.3, 1.0, math.inf),
        (2.0, 3.0, -math.inf, 1.0),
        (0.5, 1e-4, 0.0, 1.0),
        (0.5, 1e6, 0.0, 1.0),
        (-8.0, 1.0, 0.0, math.inf),
        (30.0, 1.0, 0.0, 1.0),
    ],
)
def test_the_mean_of_a_cut_off_normal_is_that_of_its_closed_form(
    centre: float, sd: float, low: float, high: float
) -> None:
    truth = stats.truncnorm((low - centre) / sd, (high - centre) / sd, centre, sd).mean()
    found = truncated_mean(np.array([centre]), np.array([sd]), low, high)
    assert found == pytest.approx(truth, rel=1e-9)


def test_the_mean_of_a_cut_off_normal_holds_far_in_the_tail() -> None:
    """There it is that of an exponential distribution, to the first order in 1 / distance^2."""
    for distance in (1e2, 1e4, 1e8):
        found = truncated_mean(np.array([-distance]), np.array([1.0]), 0.0, math.inf)
        assert found == pytest.approx(1.0 / distance, rel=3 / distance**2 + 1e-9)


def test_means_over_drawn_parameters_are_integrals() -> None:
    around = FamilyValues(
        "normal", (FamilyValues("uniform", (0.0, 2.0)), FamilyValues("uniform", (0.5, 1.0))), (0.0, math.inf)
    )
    truth, _ = integrate.dblquad(
        lambda sd, centre: stats.truncnorm(-centre / sd, np.inf, centre, sd).mean(), 0, 2, 0.5, 1, epsabs=1e-7
    )
    assert mean(around) == pytest.approx(truth, rel=1e-6)
    at_the_middle = mean(FamilyValues("normal", (1.0, 0.75), (0.0, math.inf)))
    assert mean(around) != pytest.approx(at_the_middle, rel=1e-2)
    share = FamilyValues("beta", (FamilyValues("uniform", (0.5, 4.0)), 2.0))
    assert mean(share) == pytest.approx(integrate.quad(lambda a: a / (a + 2) / 3.5, 0.5, 4)[0], rel=1e-6)
    crossing = FamilyValues(
        "triangular", (FamilyValues("uniform", (0.0, 2.0)), FamilyValues("normal", (1.0, 1.0)), 2.0)
    )
    assert mean(crossing) == pytest.approx(4 / 3, rel=1e-6)
    assert mean(FamilyValues("normal", (FamilyValues("pert", (0.0, 1.0, 5.0)), 0.3), EVERYWHERE)) == pytest.approx(1.5)
    deep = FamilyValues(
        "normal",
        (FamilyValues("normal", (FamilyValues("uniform", (0.0, 1.0)), 0.2), (0.0, math.inf)), 0.5),
        (0.0, math.inf),
    )
    rng = np.random.default_rng(1)
    first = _above_zero(rng, rng.random(400_000), 0.2)
    drawn = _above_zero(rng, first, 0.5)
    assert abs(mean(deep) - drawn.mean()) < 4.5 * drawn.std() / math.sqrt(len(drawn))


def _above_zero(rng: np.random.Generator, centre: Floats, sd: float) -> Floats:
    below = stats.norm.cdf(0, centre, sd)
    return np.asarray(stats.norm.ppf(below + rng.random(len(centre)) * (1 - below), centre, sd))


# --- Every role ------------------------------------------------------------------------------------------------------


def everywhere(normal: list[Any], low: float) -> Json:
    """A model with a judgement that may be cut off in every place that has one."""
    spread = {"normal": normal}
    prior = {"a": {"value": spread}, "b": 0.5}
    return {
        "usru": 1,
        "name": "all",
        "title": "All",
        "time": {"start": 2025, "end": 2027, "step": "year"},
        "odds_per_point": {"normal": [1.1, 0.4]},
        "sd_per_point": spread,
        "scenarios": {"good": {"baseline": spread}, "bad": {"baseline": 0.6}},
        "outcome": {"persistence": {"normal": [0.9, 0.3]}, "initial": {"good": {"value": spread}, "bad": 1}},
        "drivers": {
            "d": {
                "states": {"a": {"prior": spread}, "b": 0.7},
                "weight": spread,
                "persistence": {"a": {"normal": [0.05, 0.4]}, "default": 0.5},
                "events": [{"at": 2026, "prior": prior}],
                "impacts": {"a": {"good": {"normal": [1, 1]}}},
            },
            "e": {
                "states": {"a": 1, "b": 1},
                "prior_given": [{"when": {"d": "a"}, "prior": prior}],
                "weight": {2025: {"value": spread}, 2026: 1},
                "impacts": {"a": {"good": 1}},
            },
            "x": {
                "kind": "numeric",
                "range": [low, 3],
                "distribution": {"uniform": [low, 2]},
                "initial": {"normal": [1.8, 0.5]},
                "impacts": {"0": {"good": 1}},
            },
        },
    }


def test_means_are_those_of_what_is_drawn_whatever_the_judgement_is_about() -> None:
    model = Model.model_validate(text_keys(everywhere([0.1, 1], 0)))
    values = JudgementDraws(model, 3, 4_000).values
    roles = set()
    for judged in judgements(model):
        value = judged.judgement.value
        if not isinstance(value, Distribution):
            continue
        roles.add(judged.role)
        drawn, centre = values[judged.path], judged.mean(model.grid)
        low, high = value.bounds
        assert low <= drawn.min() <= drawn.max() <= high
        # Draws in strata: their average is off by far less than the standard error of independent ones.
        assert centre == pytest.approx(float(drawn.mean()), abs=0.1 * drawn.std() / math.sqrt(len(drawn)))
        uncut = Judgement(value=value).value
        assert isinstance(uncut, Distribution)
        if judged.role != "points":
            assert centre != pytest.approx(uncut.parameters[0].mean, abs=0.01)
    assert roles == {
        "points", "weight", "prior", "baseline", "persistence", "odds_per_point", "sd_per_point", "initial"
    }  # fmt: skip


def test_a_program_at_the_means_has_them_everywhere() -> None:
    program = compile_model(Model.model_validate(text_keys(everywhere([0, 1], 0))))
    half = math.sqrt(2 / math.pi)
    node, numeric = program.nodes["d"], program.nodes["x"]
    assert isinstance(node, CategoricalNode)
    assert isinstance(numeric, NumericNode)
    assert node.prior[0] == pytest.approx(half)
    assert program.outcome.prior == pytest.approx([0.6, half])  # in the order of names
    assert program.weights["d"] == pytest.approx(half)
    assert numeric.sd_per_point == pytest.approx(half)
    inside = stats.truncnorm(-1.8 / 0.5, 0.2 / 0.5, 1.8, 0.5)  # below the upper end of its own distribution
    assert numeric.initial == pytest.approx(inside.mean(), rel=1e-6)
    keep = stats.truncnorm(-0.05 / 0.4, 0.95 / 0.4, 0.05, 0.4)
    assert node.persistence == pytest.approx([keep.mean(), 0.5])
    odds = stats.truncnorm(-0.1 / 0.4, np.inf, 1.1, 0.4)
    assert node.log_odds == pytest.approx(math.log(odds.mean()))


CUT = """usru: 1
name: cut
title: Cut
time: {start: '2025', end: '2028', step: year}
odds_per_point: 1.5
scenarios: {good: {baseline: 0.4}, bad: {baseline: 0.6}}
outcome: {persistence: 0.3}
drivers:
  d:
    states: {a: %s, b: 0.7}
    persistence: 0.5
    impacts: {a: {good: 2}, b: {bad: 1}}
    weight: %s
  e:
    states: {x: 0.5, y: 0.5}
    persistence: 0.8
    influences: {d: {a: {x: 1}}}
    impacts: {x: {good: 1}}
"""


@pytest.mark.parametrize(
    ("prior", "weight", "truth"), [("{prior: {normal: [0, 1]}}", "1", 0.51447), ("0.3", "{normal: [0, 2]}", 0.43723)]
)
def test_an_answer_at_the_means_is_at_those_of_what_is_drawn(
    prior: str, weight: str, truth: float, tmp_path: Any
) -> None:
    (tmp_path / "cut.yaml").write_text(CUT % (prior, weight), encoding="utf-8")
    study = us.load(tmp_path / "cut.yaml")
    assert study.simulate(judgements=0, method="exact").scenarios["good"].end == pytest.approx(truth, abs=5e-6)


# --- Stratified draws ------------------------------------------------------------------------------------------------


def test_each_stratum_has_one_draw() -> None:
    model = Model.model_validate(text_keys(everywhere([0.1, 1], 0)))
    draws = 200
    values = JudgementDraws(model, 7, draws).values
    seen: list[Any] = []
    for judged in judgements(model):
        held = judged.judgement
        if isinstance(held.value, Distribution):
            (low, high), (centre, sd) = held.value.bounds, (one.mean for one in held.value.parameters)
            law = stats.truncnorm((low - centre) / sd, (high - centre) / sd, centre, sd)
            strata = np.floor(law.cdf(values[judged.path]) * draws).astype(int)
            assert sorted(strata) == list(range(draws))
            seen.append(strata)
    for one, other in itertools.combinations(seen, 2):
        assert abs(np.corrcoef(one, other)[0, 1]) < 4.5 / math.sqrt(draws)
    assert len({strata.tobytes() for strata in seen}) == len(seen) > 8


def test_the_shares_of_two_states_under_a_dirichlet_are_stratified_too() -> None:
    raw = {
        "usru": 1,
        "name": "two",
        "title": "Two",
        "scenarios": {"a": {"baseline": 2}, "b": {"baseline": 8}},
        "outcome": {"prior": {"dirichlet": 5}},
    }
    model = Model.model_validate(text_keys(raw))
    share = ("scenarios", "a", "baseline")
    drawn = JudgementDraws(model, 1, 300).values[share]
    assert sorted(np.floor(stats.beta(1, 4).cdf(drawn) * 300).astype(int)) == list(range(300))
    tiny = Model.model_validate(text_keys({**raw, "outcome": {"prior": {"dirichlet": 1e-6}}}))
    drawn = JudgementDraws(tiny, 1, 300).values[share]
    assert np.all((drawn < 1e-6) | (drawn > 1 - 1e-6))
    assert drawn.mean() == pytest.approx(0.2, abs=0.01)


def test_controls_have_mean_zero_and_no_more_of_them_than_the_draws_allow() -> None:
    model = Model.model_validate(text_keys(everywhere([0.1, 1], 0)))
    for draws in (512, 40, 3):
        controls = JudgementDraws(model, 7, draws).controls
        assert controls.shape[1] <= draws / 4
        if draws == 512:
            assert controls.shape[1] > 60
            assert controls.std(axis=0) == pytest.approx(1.0, abs=0.02)
            assert controls.mean(axis=0) == pytest.approx(0.0, abs=0.01)


# --- One value only, and bounds --------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [{"pert": [1, 1, 1]}, {"uniform": [1, 1]}, {"triangular": [1, 1, 1]}])
def test_a_distribution_of_one_value_is_the_value(raw: Json) -> None:
    assert Judgement.model_validate(raw).value == 1.0
    assert Keep.model_validate(raw).value == 1.0
    nested = Judgement.model_validate({"normal": [raw, 0.5]}).value
    assert isinstance(nested, Distribution)
    assert nested.parameters[0].value == 1.0


@pytest.mark.parametrize(
    "raw",
    [
        {"uniform": [2, 1]},
        {"pert": [1, 3, 2]},
        {"triangular": [2, 1, 3]},
        {"normal": [1, 0]},
        {"normal": [1, {"uniform": [-1, 2]}]},
    ],
)
def test_a_distribution_that_contradicts_itself_is_refused(raw: Json) -> None:
    with pytest.raises(ValidationError):
        Judgement.model_validate(raw)


@pytest.mark.parametrize(
    ("weight", "least"), [("{uniform: [{uniform: [-1, 1]}, 3]}", "-1"), ("{pert: [-0.5, 1, 2]}", "-0.5")]
)
def test_what_would_be_drawn_beyond_a_bound_is_refused(weight: str, least: str, tmp_path: Any) -> None:
    path = tmp_path / "cut.yaml"
    path.write_text(CUT % ("0.3", weight), encoding="utf-8")
    ended = answer("validate", str(path))
    assert ended.returncode == 1
    assert f"a weight can't be negative, and this is {least}" in ended.stdout + ended.stderr


def test_parts_that_lie_beyond_a_bound_are_cut_off_there() -> None:
    model = Model.model_validate(text_keys(everywhere([{"normal": [0.1, 2]}, {"uniform": [0.5, 1]}], 0)))
    weight = model.drivers["d"].weight
    assert weight is not None
    assert weight.constant is not None
    drawn = JudgementDraws(model, 1, 4_000).values["drivers", "d", "weight"]
    assert drawn.min() >= 0
    assert (drawn == 0).sum() == 0
    assert weight.constant.mean == pytest.approx(float(drawn.mean()), rel=0.01)


def test_a_numeric_node_must_vary(tmp_path: Any) -> None:
    path = tmp_path / "cut.yaml"
    text = CUT % ("0.3", "1")
    text += "  n: {kind: numeric, range: [0, 2], distribution: {uniform: [1, 1]}, impacts: {0: {good: 1}}}\n"
    path.write_text(text, encoding="utf-8")
    ended = answer("simulate", str(path))
    assert ended.returncode == 1
    assert "the distribution leaves one value only, 1: a numeric node must vary" in ended.stdout + ended.stderr
