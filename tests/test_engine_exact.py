"""The sampler against exact answers: the reference engine, published networks, a textbook chain.

The models of tests/models/exact use every construct of the format between them. Each is sampled once with the
kernels that the program would choose and again with those for large laws, which must draw the same trials.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import product
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from support.kernels import choose_kernels
from support.oracle import Intervention, Json, Resolution, marginals, read_distribution
from support.published import WEATHER, network, oz_driver, oz_scenarios, published
from support.reference_models import model
from support.sampled import (
    ERRORS,
    EXACT_MODELS,
    Estimates,
    Truths,
    changed,
    compiled,
    estimates,
    exact_model,
    misses,
    simulated,
    truths_of,
)
from usru_scenarios.results.simulate import ValuesResult
from usru_scenarios.sampler.blocks import Plan
from usru_scenarios.sampler.forecast import simulate

MODELS = sorted(path.stem for path in EXACT_MODELS.glob("*.yaml"))
TRIALS = 50_000
SEED = 20_250_120

# How finely the reference cuts numeric nodes, and how far that leaves it from the limit of ever finer cuts (found
# by cutting 3 to 10 times as finely, then doubled).
RESOLUTIONS: dict[str, tuple[Resolution, float]] = {
    "numeric_consequences": (Resolution(chain=41, points=(1, 0, -1, -2, -3, -4)), 6e-4),
    "numeric_drift": (Resolution(chain=45), 1e-3),
    "numeric_duration": (Resolution(chain=61), 5e-4),
    "numeric_feedback": (Resolution(fixed=20, chain=15), 2.5e-3),
    "numeric_fixed": (Resolution(fixed=60), 8e-4),
    "priors": (Resolution(fixed=20), 8e-4),
    "rules": (Resolution(fixed=20), 6e-4),
}
KERNELS: dict[str, tuple[int, int | None]] = {"factors": (1, None), "many_factors": (1, 2)}


def resolution(name: str) -> Resolution:
    return RESOLUTIONS[name][0] if name in RESOLUTIONS else Resolution()


def slack(name: str) -> float:
    return RESOLUTIONS[name][1] if name in RESOLUTIONS else 0.0


@cache
def truths(name: str) -> Truths:
    return truths_of(marginals(exact_model(name), resolution=resolution(name)))


@cache
def estimated(name: str) -> Estimates:
    """A run whose laws are drawn by the kernels that are chosen for them."""
    return estimates(exact_model(name), TRIALS, SEED)


def use(monkeypatch: pytest.MonkeyPatch, kernels: str) -> None:
    if kernels != "chosen":
        choose_kernels(monkeypatch, *KERNELS[kernels])


def run_with(monkeypatch: pytest.MonkeyPatch, raw: Json, kernels: str) -> Estimates:
    """A run whose laws are drawn by one kind of kernel."""
    with monkeypatch.context() as patched:
        use(patched, kernels)
        return estimates(raw, TRIALS, SEED)


# --- The reference engine --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_every_estimate_agrees_with_the_reference(name: str) -> None:
    assert misses(estimated(name), truths(name), slack(name)) == {}


@pytest.mark.parametrize("kernels", ["factors", "many_factors"])
@pytest.mark.parametrize("name", MODELS)
def test_kernels_for_large_laws_draw_the_same_worlds(name: str, kernels: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same words pick the same states, but for words within 2^-32 of a threshold."""
    chosen, other = estimated(name), run_with(monkeypatch, exact_model(name), kernels)
    assert chosen.keys() == other.keys()
    for key, (value, error) in chosen.items():
        assert other[key] == pytest.approx((value, error), abs=3 / TRIALS, nan_ok=True), key
    assert misses(other, truths(name), slack(name)) == {}


# Each changes one judgement or one part of a construct.
SABOTAGE: dict[str, dict[str, Any]] = {
    "consequence_feedback": {
        "drivers/mood/lagged_influences/prices/high/hold": 0,
        "drivers/mood/lagged_influences/prices/low/warm": 1,
        "consequences/prices/persistence": 0.8,
        "rules/relief/when/prices": "mid",
        "outcome/persistence/calm": 0.65,
    },
    "consequences": {
        "consequences/prices/influences/scenario/calm/low": 1.8,
        "consequences/prices/persistence": 0.5,
        "consequences/credit/lagged_influences/credit/tight/hold": 0.5,
        "consequences/credit/influences/prices/high/hold": 1,
        "consequences/credit/events/0/prior": {"easy": 1, "tight": 2.5},
        "consequences/verdict/prior_given/1/prior/fine": 0.3,
        "consequences/verdict/prior_given/0/when/scenario": "calm",
        "rules/crunch/then/prices/high": 0,
    },
    "events": {
        "drivers/election/initial": {"ours": 2.8, "theirs": 1},
        "drivers/election/persistence/default": 0.6,
        "drivers/election/events/0/prior/neither": 0.5,
        "drivers/election/events/1/points/hold": -1,
        "drivers/election/events/1/until": "2025-Q3",
        "drivers/war/persistence": "9 months",
        "drivers/war/allowed/settled": ["frozen"],
        "drivers/war/allowed/frozen": ["settled", "fighting"],
        "drivers/war/events/overlap/points/escalating": 0.9,
        "drivers/fuse/persistence/lit": 0.5,
        "drivers/fuse/events/again/points/lit": 0.8,
        "drivers/fuse/events/strike/prior/lit": 0.75,
    },
    "feedback": {
        "drivers/mood/lagged_influences/scenario/crisis/hold": 1.5,
        "drivers/mood/lagged_influences/scenario/calm/warm": 1.2,
        "drivers/mood/impacts/warm/hold": 0,
        "rules/spiral/weight": 1,
        "rules/spiral/then/mood/cold": 0.3,
        "rules/spiral/when/scenario": "crisis",
        "outcome/persistence": 0.47,
        "groups/bad": ["calm", "tense"],
    },
    "inevitable": {"consequences/echo/influences/mood/warm/faint": 1.3},
    "influences": {
        "drivers/mood/lagged_influences/mood/warm/hold": 0,
        "drivers/mood/lagged_influences/talks/dead/hold": 1,
        "drivers/talks/influences/mood/warm/hold": 1,
        "drivers/talks/influences/mood/cold/dead": 0.5,
        "drivers/talks/lagged_influences/arms/many/hold": 2,
        "drivers/talks/lagged_influences/talks/dead/stalled": 1,
        "drivers/arms/influences/talks/moving/few": 1.2,
        "drivers/talks/impacts/dead/hold": 0.5,
        "odds_per_point/influences": 2.0,
        "odds_per_point/impacts": 1.35,
    },
    "numeric_consequences": {
        "consequences/growth/influences/scenario/crisis": -1.5,
        "consequences/growth/events/0/points": -0.8,
        "consequences/growth/persistence": 1,
        "consequences/verdict/influences/growth/-0.2/bad": 1.5,
        "rules/boom/when/growth": "> 0.4",
        "rules/slump/then/growth": -0.8,
    },
    "numeric_drift": {
        "drivers/risk/persistence": 0.65,
        "drivers/risk/initial": 0.23,
        "drivers/risk/events/0/until": "2025-Q2",
        "drivers/risk/events/1/points": -0.7,
        "drivers/risk/influences/mood/cold": 0.6,
        "drivers/mood/lagged_influences/risk/0.3/hold": 1.5,
        "rules/push/then/risk": -1.2,
        "sd_per_point": 0.45,
    },
    "numeric_duration": {
        "drivers/risk/persistence": "1 year",
        "drivers/risk/weight/2027": 2.7,
        "drivers/risk/impacts/0.9/hold": -0.7,
        "outcome/persistence/crisis": 0.68,
    },
    "numeric_feedback": {
        "drivers/risk/lagged_influences/scenario/crisis": 1.1,
        "drivers/risk/lagged_influences/strain/1": 1.4,
        "drivers/risk/persistence": 0.5,
        "consequences/strain/initial": 0.43,
        "consequences/strain/distribution/uniform": [0.1, 0.82],
    },
    "numeric_fixed": {
        "drivers/risk/distribution/pert": [0.2, 0.6, 1.0],
        "drivers/risk/influences/climate/crisis": 2.2,
        "drivers/risk/lagged_influences/climate/crisis": -0.5,
        "drivers/risk/lagged_influences/risk/0.9": 1,
        "drivers/risk/impacts/0.5/calm": 0.5,
        "drivers/risk/impacts/0.5/hold": -0.5,
        "drivers/talks/influences/risk/0.8/hold": 1.5,
        "drivers/talks/lagged_influences/risk/0.6/hold": 2,
        "rules/alarm/when/risk": ">= 0.75",
        "rules/memory/when/risk": "<= 0.3",
        "drivers/risk/weight": 1.4,
        "drivers/risk/persistence": 0.9,
    },
    "once": {"drivers/mood/events/0/points/cold": 0, "drivers/given/impacts/always_so/tense": 0.5},
    "outcome_lumped": {
        "outcome/persistence": "10 months",
        "outcome/events/shock/prior": {"tense": 0.62, "crisis": 0.38},
        "outcome/events/after/points/hold": 1.2,
        "drivers/mood/impacts/cold/hold": -1.3,
        "drivers/arms/lagged_influences/mood/cold/many": 0.8,
        "groups/alone": ["tense"],
    },
    "outcome_moves": {
        "outcome/persistence/crisis": "33 months",
        "outcome/initial": {"calm": 0.51, "tense": 0.49},
        "outcome/allowed/thaw": ["calm", "tense"],
        "outcome/lagged_influences/scenario/crisis/hold": 0.9,
        "outcome/lagged_influences/arms/many/crisis": 0.3,
        "outcome/events/0/prior": {"crisis": 0.32, "thaw": 0.68},
        "outcome/events/1/points/hold": -0.8,
        "drivers/mood/weight": 1.3,
    },
    "priors": {
        "drivers/talks/prior_given/0/when/congress": ["unified"],
        "drivers/talks/prior_given/0/when/pressure": "> 0.65",
        "drivers/talks/prior_given/2/prior/dead": 0.5,
        "drivers/sanctions/prior_given/open/prior/eased": 0.7,
        "drivers/sanctions/prior_given/rest/prior/eased": 0.5,
        "drivers/sanctions/influences/congress/hostile/kept": 0,
        "drivers/pressure/distribution/beta": [2, 3.2],
        "groups/bad": ["tense"],
    },
    "rules": {
        "rules/refused/weight/2025-04": 0.9,
        "rules/refused/then/talks/hold": 1.5,
        "rules/two_of_three/at_least": 3,
        "rules/two_of_three/weight": 0.7,
        "rules/two_of_three/when/pressure": "> 0.45",
        "rules/later/lag": 0,
        "rules/later/then/role/hold": -0.5,
        "rules/later/when/conduct": "intransigent",
        "rules/low/weight": 2.5,
        "rules/low/then/talks/moving": 1,
        "drivers/pressure/distribution/triangular": [0, 0.3, 0.9],
    },
    "stuck": {
        "outcome/allowed/crisis": ["calm"],
        "drivers/peace/allowed/signed": ["far"],
        "drivers/trap/allowed/inside": ["outside"],
    },
    "weights": {
        "drivers/war/weight/2025-08": 1.3,
        "drivers/war/impacts/hot/hold": 0.8,
        "drivers/mood/weight": 0.1,
        "drivers/mood/influences/war/hot/bad": 1.2,
        "drivers/trade/weight": 2.3,
        "rules/both/weight": 1.7,
        "rules/both/then/mood/bad": 0,
    },
}


def test_every_model_has_sabotaged_twins() -> None:
    assert sorted(SABOTAGE) == MODELS


@pytest.mark.parametrize(("name", "path"), [(name, path) for name in MODELS for path in SABOTAGE.get(name, {})])
def test_a_changed_judgement_is_noticed(name: str, path: str) -> None:
    twin = changed(exact_model(name), path, SABOTAGE[name][path])
    if (name, path) == ("rules", "rules/later/lag"):
        # Read in the same step, the rule may not act on what it asks about.
        twin["rules"]["later"]["then"] = {"scenario": {"tense": 1.5}}
    assert misses(estimates(twin, TRIALS, SEED), truths(name), slack(name)) != {}


# --- Interventions ---------------------------------------------------------------------------------------------------

INTERVENTIONS: list[tuple[str, Intervention]] = [
    ("feedback", {"mood": "warm"}),
    ("feedback", {("scenario", 1): "crisis", ("arms", 3): "none"}),
    ("events", {("election", 0): "neither", ("election", 3): "ours", ("war", 2): "settled"}),
    ("outcome_moves", {("scenario", 0): "crisis", ("scenario", 2): "calm"}),
    ("outcome_lumped", {("scenario", 1): "tense", "mood": "cold"}),
    ("consequences", {("prices", 1): "low", "credit": "tight"}),
    ("numeric_fixed", {("risk", 1): 0.75}),
    ("numeric_drift", {("risk", 0): -0.2, ("risk", 2): 0.5}),
]


@pytest.mark.parametrize(("name", "do"), INTERVENTIONS)
def test_interventions_agree_with_the_reference(name: str, do: Intervention) -> None:
    raw = exact_model(name)
    program = compiled(raw)
    for key, value in do.items():
        node, steps = (key, list(range(program.steps))) if isinstance(key, str) else (key[0], [key[1]])
        program = program.intervene(node, value, steps)
    known = truths_of(marginals(raw, do, resolution=resolution(name)))
    assert misses(estimates(raw, TRIALS, SEED, program), known, slack(name)) == {}
    assert misses(estimates(raw, TRIALS, SEED), known, slack(name)) != {}


# --- Distributions ---------------------------------------------------------------------------------------------------


def share_above(distribution: Json | None, threshold: float, **block: Any) -> Json:
    """A driver between 4 and 8 under a point, and a consequence that says whether it is above a threshold."""
    driver = {"kind": "numeric", "range": [4, 8], "events": [{"at": "now", "points": 1}], **block}
    if distribution is not None:
        driver["distribution"] = distribution
    row = {"when": {"u": f"> {threshold}"}, "prior": {"above": 1}}
    return model(
        scenarios={"this": {}},
        drivers={"u": driver},
        consequences={"side": {"states": {"above": 0, "below": 1}, "prior_given": [row]}},
        odds_per_point=1.5,
    )


@pytest.mark.parametrize("threshold", [4.6, 5.5, 7.2])
@pytest.mark.parametrize(
    ("distribution", "twin"),
    [
        (None, {"uniform": [4, 7.8]}),
        ({"uniform": [4.5, 7.5]}, None),
        ({"triangular": [4.2, 5, 8]}, {"triangular": [4.2, 5.5, 8]}),
        ({"pert": [4, 6.5, 8]}, {"pert": [4, 6.3, 8]}),
        ({"beta": [2, 0.7]}, {"beta": [2, 0.8]}),
        ({"normal": [5, 2]}, {"normal": [5.2, 2]}),
        ({"normal": [9, 1]}, {"normal": [9, 1.2]}),
    ],
)
def test_distributions_agree_with_the_reference(distribution: Json, twin: Json, threshold: float) -> None:
    finely = Resolution(points=(1,))
    known = truths_of(marginals(share_above(distribution, threshold), resolution=finely))
    assert misses(estimates(share_above(distribution, threshold), TRIALS, SEED), known, 1e-4) == {}
    assert misses(estimates(share_above(twin, threshold), TRIALS, SEED), known, 1e-4) != {}


QUANTILES = [None, {"triangular": [4.2, 5, 8]}, {"pert": [4, 6.5, 8]}, {"beta": [2, 0.7]}, {"normal": [9, 1]}]


@pytest.mark.parametrize("distribution", QUANTILES)
def test_quantiles_agree_with_scipy(distribution: Json | None) -> None:
    result = simulated(share_above(distribution, 5, events=[]), TRIALS, SEED).drivers["u"]
    assert isinstance(result, ValuesResult)
    exact = read_distribution(distribution, 4, 8)
    for share, (value,) in result.quantiles.items():
        (error,) = result.standard_errors.quantiles[share]
        assert 0 < error < 0.02
        assert abs(value - exact.ppf(float(share))) < ERRORS * error
        assert abs(value - exact.ppf(float(share) + 0.02)) > ERRORS * error


@pytest.mark.parametrize("persistence", [0.3, 0.8])
def test_a_wandering_number_has_the_stated_autocorrelation(persistence: float) -> None:
    """Two standard normals of correlation r agree in sign with probability 1/2 + asin(r) / pi (W. F. Sheppard)."""
    raw: Json = model(
        3,
        scenarios={"high": {}, "low": {}},
        drivers={"u": {"kind": "numeric", "range": [0, 1], "persistence": persistence}},
        odds_per_point=10,
    )
    # Odds of 1e30, which turn about within a millionth of the scale, make the scenario say on which side the driver is.
    raw["drivers"]["u"]["impacts"] = {"0.4999995": {"low": 30}, "0.5000005": {"high": 30}}
    found = estimates(raw, TRIALS, SEED)
    value, error = found["moves", "high", "high"]
    expected = 0.5 + math.asin(persistence) / math.pi
    assert abs(value - expected) < ERRORS * error
    assert abs(value - (0.5 + math.asin(persistence - 0.05) / math.pi)) > ERRORS * error


def test_the_latent_normal_runs_on_under_an_intervention() -> None:
    """A number that stays is back where it was once nobody holds it."""
    raw = share_above(None, 5.5)
    raw |= {"time": {"start": 2000, "end": 2003, "step": "year"}, "sd_per_point": 1}
    raw["drivers"]["u"]["events"] = [{"at": 2002, "points": 1}]
    program = compiled(raw).intervene("u", 4.25, [1])
    draws = simulate(program, Plan(TRIALS, SEED))
    assert (draws.values["u"].least[1], draws.values["u"].most[1]) == (4.25, 4.25)
    value, error = estimates(raw, TRIALS, SEED, program)["u", "mean", 2]
    assert abs(value - (4 + 4 * NormalDist().cdf(1 / math.sqrt(2)))) < ERRORS * error


# --- Published networks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernels", ["chosen", "many_factors"])
@pytest.mark.parametrize("name", ["bn_asia", "bn_cancer"])
def test_networks_have_their_published_marginals(name: str, kernels: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net = published(name)
    use(monkeypatch, kernels)
    found = estimates(network(net), 200_000, SEED)
    for node, law in net["expected_prior_marginals"].items():
        for state, p in law.items():
            value, error = found[node, state, 0]
            assert abs(value - p) <= ERRORS * error + net["tolerance"], (node, state)


@pytest.mark.parametrize(("name", "node", "state"), [("bn_asia", "dysp", "yes"), ("bn_cancer", "xray", "positive")])
def test_a_network_with_a_wrong_row_is_noticed(name: str, node: str, state: str) -> None:
    net = published(name)
    for row in net["nodes"][node]["cpt"]:
        row["p"][state] *= 0.95
    value, error = estimates(network(net), 200_000, SEED)[node, state, 0]
    assert abs(value - net["expected_prior_marginals"][node][state]) > ERRORS * error


# --- Land of Oz ------------------------------------------------------------------------------------------------------

OZ = published("markov_land_of_oz")


@pytest.mark.parametrize("start", WEATHER)
def test_the_land_of_oz_as_the_outcome_is_exact(start: str) -> None:
    found = estimates(oz_scenarios(81, {start: 1}), 2, SEED)
    row = WEATHER.index(start)
    for power, (place, state) in product(("2", "3", "6"), enumerate(WEATHER)):
        assert found[state, "by_step", int(power)].value == pytest.approx(OZ["powers"][power][row][place], abs=1e-8)
    assert [found[state, "end"].value for state in WEATHER] == pytest.approx(OZ["stationary"], abs=1e-9)
    for (a, origin), (b, goal) in product(enumerate(WEATHER), enumerate(WEATHER)):
        assert found["moves", origin, goal].value == pytest.approx(OZ["p"][a][b], abs=1e-9)
    for place, state in enumerate(WEATHER):
        waited = math.fsum(t * found[state, "first_visit", t].value for t in range(81))
        assert waited == pytest.approx(OZ["expected_first_passage"][row][place], abs=1e-6)


@pytest.mark.parametrize("kernels", ["chosen", "factors"])
@pytest.mark.parametrize("start", WEATHER)
def test_the_land_of_oz_as_a_driver(start: str, kernels: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, kernels)
    found = estimates(oz_driver(7, {start: 1}), TRIALS, SEED)
    row = WEATHER.index(start)
    for power, goal in product(range(1, 7), range(3)):
        value, error = found["d", WEATHER[goal], power]
        expected = np.linalg.matrix_power(np.array(OZ["p"]), power)[row, goal]
        assert abs(value - expected) <= ERRORS * error + 1e-9
    other = np.linalg.matrix_power(np.array(OZ["p"]), 2)[(row + 1) % 3]
    off = [abs(found["d", state, 2].value - p) for state, p in zip(WEATHER, other, strict=True)]
    assert max(off) > ERRORS * max(found["d", state, 2].error for state in WEATHER)


def test_more_than_255_comparisons_with_one_number() -> None:
    """A value that reaches k edges is in row k, also where k has more than 8 bits."""
    rows = [{"when": {"n": f"< {row / 400!r}"}, "prior": {"yes": int(row > 300), "no": 1}} for row in range(1, 400)]
    raw: Json = model(
        scenarios={"x": {}, "y": {}},
        drivers={
            "n": {"kind": "numeric", "range": [0, 1], "distribution": {"uniform": [0, 1]}},
            "d": {"states": {"yes": 1, "no": 0}, "prior_given": rows},
        },
        odds_per_point=1.5,
    )
    share = estimates(raw, TRIALS, SEED)["d", "yes", 0]
    assert share.value == pytest.approx(99 / 800, abs=ERRORS * share.error)


@pytest.mark.parametrize("share", [0.0029685290826651123, 1e-9, 0.3])
def test_rounding_makes_no_likelihood_negative(share: float) -> None:
    """A scenario that is never visited: what is left unseen of it is a difference of sums."""
    raw = exact_model("stuck")
    raw["drivers"]["mood"]["states"]["warm"] = share
    for visits in simulated(raw, 512, 1).scenarios.values():
        numbers = [*visits.by_step, visits.end, visits.mean, visits.ever, *visits.first_visit]
        assert all(0.0 <= number <= 1.0 for number in numbers)
