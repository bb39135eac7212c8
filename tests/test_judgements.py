"""Uncertain judgements: what is drawn, what follows from it, and the band that it leaves."""

from __future__ import annotations

import json
import math
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy import stats

import usru_scenarios as us
from support.command import answer, refusal
from support.oracle import Json
from support.reference_models import model
from support.sampled import ERRORS, EXACT_MODELS, changed, exact_model, text_keys
from usru_scenarios.estimation.bands import PerDraw, judgement_band
from usru_scenarios.estimation.estimates import Controls, Moments, ratio, with_control_variates
from usru_scenarios.model.families import FAMILIES
from usru_scenarios.model.judgements import JudgementEntry, judgements, with_values
from usru_scenarios.model.schema import Model, Numeric
from usru_scenarios.model.values import Distribution
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.draws import JudgementDraws
from usru_scenarios.program.latent_scale import LatentScale
from usru_scenarios.program.program import CategoricalNode, Floats
from usru_scenarios.report.numbers import format_range
from usru_scenarios.results.simulate import Band, StatesResult
from usru_scenarios.sampler.blocks import Plan
from usru_scenarios.sampler.forecast import ForecastAccumulator, RunningSums, Sampler, simulate
from usru_scenarios.study import Study

CASES = json.loads((Path(__file__).parent / "cases" / "second_order_beta_dirichlet.json").read_text(encoding="utf-8"))

File = Callable[[Json], Study]

COPY = {"lo": {"a": 60, "b": -60}, "hi": {"a": -60, "b": 60}}
"""Impacts with which the scenario is a where the driver is lo, and b where it is hi."""


@pytest.fixture
def study(tmp_path: Path) -> File:
    def load(raw: Json) -> Study:
        path = tmp_path / "model.yaml"
        path.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
        return us.load(path)

    return load


def shares(baselines: list[float], strength: float) -> Json:
    """A model that is nothing but uncertain baselines."""
    return model(
        scenarios={f"s{n}": {"baseline": share} for n, share in enumerate(baselines)},
        outcome={"prior": {"dirichlet": strength}},
        odds_per_point=1.5,
    )


def mirror(prior: Json) -> Json:
    """A model whose outcome is the state of its driver: each trial says yes or no, so a draw of few is noisy."""
    return model(
        scenarios={"a": {}, "b": {}},
        drivers={"x": {"states": {"lo": 0.2, "hi": 0.8}, **prior, "impacts": COPY}},
        odds_per_point=1.5,
    )


def quantile_error(density: float, share: float, draws: int) -> float:
    """The standard error of a sample quantile (W. Feller): sqrt(q (1 - q) / n) by the density there."""
    return math.sqrt(share * (1.0 - share) / draws) / density


# --- What is drawn ---------------------------------------------------------------------------------------------------


def drawn(raw: Any, draws: int = 40_000, path: str = "points") -> Floats:
    """Draws of a judgement in the place of a weight or of points."""
    model = Model.model_validate(
        text_keys(
            {
                "usru": 1,
                "name": "one",
                "title": "One",
                "scenarios": {"a": {}, "b": {}},
                "outcome": {"persistence": raw if path == "persistence" else 0.5},
                "drivers": {
                    "x": {
                        "states": {"on": {}, "off": {}},
                        "weight": raw if path == "weight" else 1,
                        "impacts": {"on": {"a": raw if path == "points" else 1}},
                    }
                },
            }
        )
    )
    values = JudgementDraws(model, 5, draws)
    found = next(one for one in judgements(model) if isinstance(one.judgement.value, Distribution))
    return values.values[found.path]


@pytest.mark.parametrize(
    ("raw", "law"),
    [
        ({"uniform": [-1, 3]}, stats.uniform(-1, 4)),
        ({"triangular": [-1, 0, 3]}, stats.triang(0.25, -1, 4)),
        ({"triangular": [0, 0, 3]}, stats.triang(0.0, 0, 3)),
        ({"pert": [-1, 0, 3]}, stats.beta(2, 4, -1, 4)),
        ({"normal": [1, 0.5]}, stats.norm(1, 0.5)),
    ],
)
def test_each_family_is_drawn_from_its_own_law(raw: Json, law: Any) -> None:
    values = drawn(raw)
    assert stats.kstest(values, law.cdf).pvalue > 1e-4
    assert stats.kstest(values + 0.1, law.cdf).pvalue < 1e-4


def test_a_normal_is_cut_off_where_the_judgement_ends() -> None:
    weights, keeps = drawn({"normal": [0.2, 0.3]}, path="weight"), drawn({"normal": [0.9, 0.2]}, path="persistence")
    assert weights.min() >= 0
    assert stats.kstest(weights, stats.truncnorm(-0.2 / 0.3, np.inf, 0.2, 0.3).cdf).pvalue > 1e-4
    assert 0 <= keeps.min() <= keeps.max() <= 1


def test_parameters_may_be_uncertain_themselves() -> None:
    """A normal around a normal is a normal, wider."""
    values = drawn({"normal": [{"normal": [1, 0.3]}, 0.4]})
    assert stats.kstest(values, stats.norm(1, 0.5).cdf).pvalue > 1e-4


@pytest.mark.parametrize("row", [CASES["dirichlet"]])
def test_priors_under_a_dirichlet_are_drawn_together(row: Json) -> None:
    alpha = row["alpha"]
    model = Model.model_validate(shares([one / sum(alpha) for one in alpha], sum(alpha)))
    values = JudgementDraws(model, 3, 40_000).values
    table = np.array([values["scenarios", name, "baseline"] for name in model.scenarios])
    assert table.sum(axis=0) == pytest.approx(1.0)
    for one, total, mean, sd in zip(table, alpha, row["mean"], row["sd"], strict=True):
        assert abs(one.mean() - mean) < ERRORS * sd / math.sqrt(40_000)
        assert stats.kstest(one, stats.beta(total, sum(alpha) - total).cdf).pvalue > 1e-4


def test_a_judgement_is_drawn_by_its_own_path() -> None:
    """Another uncertain judgement changes none of its values; another seed changes all."""
    raw = exact_model("weights")
    path = "scenarios/" + next(iter(raw["scenarios"])) + "/baseline"
    one = changed(raw, path, {"uniform": [0.2, 0.6]})
    name = next(iter(raw["drivers"]))
    two = changed(one, f"drivers/{name}/weight", {"uniform": [1, 2]})

    def baseline(raw: Json, seed: int, draws: int) -> Floats:
        model = Model.model_validate(text_keys(raw))
        return JudgementDraws(model, seed, draws).values["scenarios", next(iter(model.scenarios)), "baseline"]

    first = baseline(one, 1, 100)
    assert np.array_equal(first, baseline(two, 1, 100))
    assert not np.array_equal(first, baseline(one, 2, 100))


def test_one_number_for_both_kinds_of_points_is_one_judgement() -> None:
    def odds(raw: Any) -> tuple[Floats, Floats]:
        node = {"states": {"on": 1, "off": 1}}
        model = Model.model_validate({**shares([0.5, 0.5], 9), "odds_per_point": raw, "drivers": {"x": node}})
        nodes = compile_model(model, JudgementDraws(model, 1, 5).values).nodes
        outcome, driver = nodes[OUTCOME], nodes["x"]
        assert isinstance(outcome, CategoricalNode)
        assert isinstance(driver, CategoricalNode)
        return outcome.log_odds, driver.log_odds

    assert np.array_equal(*odds({"uniform": [1.2, 1.8]}))
    assert not np.array_equal(*odds({"impacts": {"uniform": [1.2, 1.8]}, "influences": {"uniform": [1.2, 1.8]}}))


# --- Every judgement acts --------------------------------------------------------------------------------------------


def moved(model: Model, judged: JudgementEntry, rng: np.random.Generator, draws: int) -> Floats:
    """Values that a judgement could have."""
    mean = judged.mean(model.grid)
    noise = rng.uniform(-1, 1, draws)
    match judged.role:
        case "points":
            return mean + noise
        case "persistence":
            return np.clip(mean + 0.3 * noise, 0.0, 1.0)
        case "odds_per_point":
            return 1.0 + (mean - 1.0) * (1.0 + 0.5 * noise)
        case "initial" if isinstance(node := dict(model.nodes()).get(str(judged.path[1])), Numeric):
            return np.clip(mean + 0.1 * noise, node.range[0] + 1e-3, node.range[1] - 1e-3)
        case "parameter" | "share":
            return np.full(draws, mean)
        case _:
            return mean * (1.0 + 0.5 * noise)


class NotingFirstVisits(ForecastAccumulator):
    """Keeps the sums of first visits of every batch, step by step, of which a run keeps the moments."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.seen: list[Floats] = []

    def observe(self, *arguments: Any) -> None:
        super().observe(*arguments)
        self.seen.append(self.groups.sums[:, self.sums.columns[OUTCOME]].copy())


@pytest.mark.parametrize("name", sorted(path.stem for path in EXACT_MODELS.glob("*.yaml")))
def test_each_draw_is_the_model_with_its_values(name: str) -> None:
    """Trial by trial: what a drawn program does under one draw, the model with that draw's numbers does."""
    draws, trials = 3, 64
    model = Model.model_validate(text_keys(exact_model(name)))
    rng = np.random.default_rng(sum(map(ord, name)))
    found = [one for one in judgements(model) if one.role not in ("parameter", "share")]
    table = {one.path: moved(model, one, rng, draws) for one in found}
    together = simulate(compile_model(model, table), Plan.of(draws * trials, 9, draws)).by_draws()
    apart, first = [], []
    for draw in range(draws):
        own = with_values(model, {path: float(row[draw]) for path, row in table.items()})
        plan = Plan(draws * trials, 9, initial_trials=128 * trials // 2)
        assert plan.set_size == trials // 2  # sets of half a draw
        sampler = Sampler(compile_model(own), plan)
        noting = NotingFirstVisits(sampler, 0, None)
        sampler.block_sampler.walk(0, noting)
        alone = noting.finish()
        assert alone.trials.tolist() == [trials // 2] * 2 * draws
        mine = slice(2 * draw, 2 * draw + 2)
        for part in ("visits", "moves"):
            whole = getattr(alone, part)[mine].sum(axis=0)
            assert getattr(together, part)[draw] == pytest.approx(whole, abs=1e-6)
        apart.append(alone.visits[mine].sum(axis=0))
        first.append(np.array([sums[mine].sum(axis=0) for sums in noting.seen]))
    whole = ratio(np.array(first), np.full(draws, float(trials)))
    for column in range(whole.value.shape[1]):
        assert together.first_visits(column).value == pytest.approx(whole.value[:, column], abs=1e-6)
        assert together.first_visits(column).error == pytest.approx(whole.error[:, column], abs=1e-6)
    assert name == "inevitable" or any(not np.allclose(one, apart[0]) for one in apart[1:])


def test_the_law_of_a_number_follows_its_drawn_parameters() -> None:
    rows = np.array([[0.1, 0.4, 0.9], [0.2, 0.5, 0.6], [0.3, 0.2, 0.7]])
    scale = LatentScale.of(FAMILIES["pert"], rows, (0.0, 1.0))
    latent, which = np.linspace(-3, 3, 61), np.array([0, 1, 2]).repeat(61)
    for draw, (low, mode, high) in enumerate(np.sort(rows, axis=1)):
        fine = LatentScale.of(FAMILIES["pert"], np.array([low, mode, high]), (0.0, 1.0))(latent)
        assert scale(np.tile(latent, 3), which)[draw * 61 :][:61] == pytest.approx(fine, abs=1e-4)


# --- The band --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", CASES["beta"])
def test_the_band_of_two_uncertain_shares_is_that_of_a_beta(row: Json, study: File) -> None:
    a, b, draws = row["a"], row["b"], 8_000
    result = study(shares([a / (a + b), b / (a + b)], a + b)).simulate(judgements=draws)
    found = result.scenarios["s0"]
    assert isinstance(found.band, Band)
    law = stats.beta(a, b)
    assert abs(found.end - row["mean"]) < ERRORS * found.standard_errors.end + 1e-12
    for share, edge, truth in ((0.05, found.band.low[0], row["q05"]), (0.95, found.band.high[0], row["q95"])):
        assert abs(edge - truth) < ERRORS * quantile_error(float(law.pdf(truth)), share, draws)
        assert abs(edge - law.ppf(share + 0.05)) > ERRORS * quantile_error(float(law.pdf(truth)), share, draws)


def test_the_band_of_many_shares_is_that_of_a_dirichlet(study: File) -> None:
    row, draws = CASES["dirichlet"], 8_000
    alpha = row["alpha"]
    result = study(shares([one / sum(alpha) for one in alpha], sum(alpha))).simulate(judgements=draws)
    for number, (low, high) in enumerate(row["marginal_q05_q95"]):
        band, law = result.scenarios[f"s{number}"].band, stats.beta(alpha[number], sum(alpha) - alpha[number])
        assert band is not None
        assert abs(band.low[0] - low) < ERRORS * quantile_error(float(law.pdf(low)), 0.05, draws)
        assert abs(band.high[0] - high) < ERRORS * quantile_error(float(law.pdf(high)), 0.95, draws)


@pytest.mark.parametrize("each", [16, 64, 256])
def test_fewer_trials_do_not_widen_the_band(each: int, study: File) -> None:
    """The trials of a draw say yes or no: their noise is taken out, whatever is left of it is in the shape."""
    row, draws = CASES["beta"][1], 2_000
    result = study(mirror({"prior": {"dirichlet": row["a"] + row["b"]}})).simulate(
        trials=draws * each, judgements=draws
    )
    band, law = result.scenarios["a"].band, stats.beta(row["a"], row["b"])
    assert band is not None
    width, truth = band.high[0] - band.low[0], row["q95"] - row["q05"]
    slack = ERRORS * math.hypot(
        *(quantile_error(float(law.pdf(row[edge])), share, draws) for edge, share in (("q05", 0.05), ("q95", 0.95)))
    )
    assert abs(width - truth) < slack + 0.03 * truth * math.sqrt(64 / each)


def test_noise_left_in_would_widen_the_band() -> None:
    """The sabotaged twin: without the correction the same draws give a band that is too wide."""
    rng = np.random.default_rng(2)
    chances = rng.beta(5, 20, 2_000)
    halves = rng.binomial(8, np.repeat(chances, 2)).astype(np.float64)
    trials = np.full(4_000, 8.0)
    found = judgement_band(halves[:, None], trials, Controls(np.zeros((2_000, 0))))
    whole = (halves[::2] + halves[1::2]) / 16
    raw = np.quantile(whole, 0.95) - np.quantile(whole, 0.05)
    truth = stats.beta(5, 20).ppf(0.95) - stats.beta(5, 20).ppf(0.05)
    assert abs(float(found.high[0] - found.low[0]) - truth) < 0.1 * truth
    assert raw > 1.4 * truth


def test_where_judgements_do_not_matter_the_band_is_narrow(study: File) -> None:
    """A driver without a way to the outcome is uncertain: the band of the other's noise must vanish."""
    raw = mirror({})
    raw["drivers"]["idle"] = {"states": {"up": 0.5, "down": 0.5}, "prior": {"dirichlet": 4}}
    draws, each = 4_000, 64
    band = study(raw).simulate(trials=draws * each, judgements=draws).scenarios["a"].band
    assert band is not None
    # What is left is the square root of the error of a ratio of two variances, times the uncorrected width.
    assert band.high[0] - band.low[0] < math.sqrt(ERRORS * math.sqrt(4 / draws)) * 3.3 * math.sqrt(0.16 / each)
    uncorrected = PerDraw(
        np.tile(np.random.default_rng(1).binomial(64, 0.2, 500) / 64, (3, 1)), np.ones(500), np.zeros((500, 0))
    ).band()
    assert float(uncorrected.high - uncorrected.low) > 0.1


def test_the_estimate_is_the_average_over_the_draws(study: File) -> None:
    """A scenario under an uncertain weight: the integral of a logistic curve, not its value at the mean."""
    raw = mirror({"initial": {"lo": 1}, "weight": {"uniform": [0, 4]}})
    raw["drivers"]["x"]["impacts"] = {"lo": {"a": 3}}
    log_odds = 3 * math.log(1.5)
    result = study(raw).simulate(judgements=8_000)
    average = math.log((1 + math.exp(4 * log_odds)) / 2) / (4 * log_odds)
    at_the_mean = 1 / (1 + math.exp(-2 * log_odds))
    found = result.scenarios["a"]
    assert abs(found.end - average) < ERRORS * found.standard_errors.end
    assert abs(found.end - at_the_mean) > ERRORS * found.standard_errors.end
    assert found.band is not None
    for share, edge in ((0.05, found.band.low[0]), (0.95, found.band.high[0])):
        weight = math.log(edge / (1 - edge)) / log_odds
        assert abs(weight / 4 - share) < ERRORS * math.sqrt(share * (1 - share) / 8_000)


def bent() -> Json:
    """A model whose outcome is no straight line in its uncertain weight."""
    raw = mirror({"weight": {"uniform": [0, 12]}})
    raw["drivers"]["x"]["impacts"] = {"lo": {"a": 3}}
    return raw


@pytest.mark.parametrize("raw", [mirror({"prior": {"dirichlet": 10}}), bent()])
def test_the_error_counts_draws_and_trials(raw: Json, study: File) -> None:
    """The spread over seeds is what is reported, of the scenarios and of the states.

    Half a draw has 37 trials, of which no whole number is .4: else their strata would leave no error of the states.
    """
    model = study(raw)
    runs = [model.simulate(trials=7_400, judgements=100, seed=seed) for seed in range(60)]
    found = [run.drivers["x"] for run in runs]
    known = [one for one in found if isinstance(one, StatesResult)]
    slack = ERRORS / math.sqrt(2 * len(runs))
    for values, errors in (
        ([run.scenarios["a"].end for run in runs], [run.scenarios["a"].standard_errors.end for run in runs]),
        ([one.by_step["lo"][0] for one in known], [one.standard_errors["lo"][0] for one in known]),
    ):
        assert abs(float(np.mean(errors)) / float(np.std(values, ddof=1)) - 1) < slack
        assert abs(2 * float(np.mean(errors)) / float(np.std(values, ddof=1)) - 1) > slack


def test_known_means_of_the_judgements_steady_the_estimate(study: File) -> None:
    """Which draws there are by chance hardly matters: left alone, 100 of them would add an error of .012."""
    model = study(mirror({"prior": {"dirichlet": 10}}))
    values = [model.simulate(trials=8_000, judgements=100, seed=seed).scenarios["a"].end for seed in range(60)]
    by_draws = math.sqrt(0.2 * 0.8 / 11 / 100)
    assert np.std(values, ddof=1) < 0.6 * by_draws
    assert np.mean(values) == pytest.approx(0.2, abs=ERRORS * 0.6 * by_draws / math.sqrt(60))


def test_controls_take_away_what_they_explain_and_nothing_else() -> None:
    rng = np.random.default_rng(4)
    controls = rng.normal(size=(400, 3))
    noise = rng.normal(size=400)
    plain = 5.0 + controls @ np.array([2.0, -1.0, 0.5])
    known = Controls(controls)
    steady = with_control_variates((plain + noise)[:, None], known)[:, 0]
    assert with_control_variates(plain[:, None], known) == pytest.approx(5.0)
    assert steady.mean() == pytest.approx(5.0, abs=ERRORS / 20)
    assert steady.std() == pytest.approx(noise.std(), rel=0.05)
    assert with_control_variates(noise[:5, None], Controls(controls[:5])) == pytest.approx(
        noise[:5, None]
    )  # too few to fit anything


def _by_lstsq(sums: Floats, controls: Floats) -> Floats:
    """The same by the library's own least squares."""
    draws, fitted = controls.shape
    slopes = np.linalg.lstsq(controls - controls.mean(axis=0), sums - sums.mean(axis=0), rcond=None)[0]
    rest = sums - controls @ slopes
    mean = rest.mean(axis=0)
    steady: Floats = mean + (rest - mean) * math.sqrt((draws - 1) / (draws - 1 - fitted))
    return steady


def _designed() -> tuple[Floats, Floats]:
    """Sums of 512 draws, and 27 controls of widely different sizes that half explain them."""
    rng = np.random.default_rng(11)
    off_mean = rng.normal(size=(512, 27)) * 10.0 ** rng.integers(-3, 3, size=27) + 0.01
    return off_mean @ rng.normal(size=(27, 40)) + rng.normal(size=(512, 40)), off_mean


def test_controls_are_fitted_as_by_least_squares() -> None:
    sums, off_mean = _designed()
    small = 1e-12 * float(np.abs(sums).max())
    assert with_control_variates(sums, Controls(off_mean)) == pytest.approx(
        _by_lstsq(sums, off_mean), rel=1e-12, abs=small
    )
    assert with_control_variates(sums, Controls(off_mean[:, 1:])) != pytest.approx(_by_lstsq(sums, off_mean), rel=1e-3)


def test_controls_that_are_made_of_others_or_are_constant_change_nothing() -> None:
    sums, off_mean = _designed()
    some = off_mean[:, :5]
    more = np.column_stack(
        [some[:, 0], np.zeros(512), some[:, 1:], some @ np.arange(5.0), np.full(512, 0.3), some[:, 2]]
    )
    assert Controls(more).fitted == Controls(some).fitted == 5
    assert with_control_variates(sums, Controls(more)) == pytest.approx(
        with_control_variates(sums, Controls(some)), rel=1e-12
    )
    assert with_control_variates(sums, Controls(np.zeros((512, 4)))) == pytest.approx(sums)
    assert Controls(np.column_stack([some, some[:, 0] + 1e-6 * off_mean[:, 5]])).fitted == 6


def test_what_is_fitted_has_the_same_bytes_whatever_the_threads_of_the_linear_algebra() -> None:
    script = """
import hashlib, numpy as np
from usru_scenarios.estimation.estimates import Controls, with_control_variates
rng = np.random.default_rng(3)
off_mean = rng.normal(size=(1024, 128))
print(hashlib.sha256(with_control_variates(rng.normal(size=(1024, 1200)), Controls(off_mean)).tobytes()).hexdigest())
"""
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads},
            capture_output=True,
            check=True,
        ).stdout
        for threads in ("1", "4")
    }
    assert len(digests) == 1


@pytest.mark.parametrize("fitted", [0, 3])
def test_errors_from_moments_are_those_of_the_sums_that_they_are_made_of(fitted: int) -> None:
    """Groups come in two parts, the third of them cut in two by the boundary."""
    rng = np.random.default_rng(5)
    controls = Controls(rng.normal(size=(60, fitted)))
    weights = rng.uniform(50, 100, size=60)
    sums = weights[:, None, None] * rng.uniform(0, [1.0, 0.1, 1e-3], size=(60, 4, 3))
    sums[..., 1] += 0.3 * weights[:, None] * (1 + np.tanh(controls.basis.sum(axis=1)))[:, None]
    moments = Moments.empty((4, 3), fitted)
    for part, share in ((slice(0, 30), 0.3), (slice(31, 60), 0.7)):
        some = Moments.empty((4, 3), fitted)
        for step in range(4):
            some.fold(step, sums[part, step], weights[part], controls.basis[part])
        some.open_groups[30] = share * sums[30]
        moments.merge(some)
    moments.fold_open_groups(30, weights, controls.basis)
    assert list(moments.open_groups) == [30]
    moments.fold_open_groups(31, weights, controls.basis)
    expected = ratio(with_control_variates(sums, controls), with_control_variates(weights, controls))
    found = moments.ratio((slice(None), slice(None)), weights, controls)
    assert found.value == pytest.approx(expected.value, rel=1e-12)
    assert found.error == pytest.approx(expected.error, rel=1e-10)
    assert found.error != pytest.approx(ratio(sums[:59], weights[:59]).error, rel=1e-3)
    one = moments.ratio((2, 1), weights, controls)
    assert (float(one.value), float(one.error)) == pytest.approx((expected.value[2, 1], expected.error[2, 1]))


def test_moments_that_are_folded_where_they_are_added_have_the_same_bits() -> None:
    rng = np.random.default_rng(6)
    controls = Controls(rng.normal(size=(60, 7)))
    weights, sums = rng.uniform(50, 100, size=60), rng.uniform(0, 100, size=(60, 4, 3))
    runs = []
    for groups in (60, 9, 10):
        moments = Moments.empty((4, 3), 7)
        for first in range(0, 60, 20):
            part, some = slice(first, first + 20), Moments.of_block((4, 3), 7, groups)
            assert (some.unfolded is None) == (groups >= 10), "the moments are ten numbers for each quantity"
            for step, now in enumerate(sums[part].copy().swapaxes(0, 1)):
                some.fold(step, now, weights[part], controls.basis[part])
                now[:] = np.nan  # its place is used again
            some.open_groups[first + 19] = sums[first + 19]
            moments.merge(pickle.loads(pickle.dumps(some)))
        moments.fold_open_groups(60, weights, controls.basis)
        runs.append([part.tobytes() for part in (moments.total, moments.squares, moments.products, moments.basis_sums)])
    assert runs[0] == runs[1] == runs[2]


def test_sums_of_a_block_are_few_where_they_are_sent(bundled: us.Study) -> None:
    """Neither the controls nor the sums along each of them go with them."""
    sampler = Sampler(bundled.drawn(1, 512), Plan.of(1 << 20, 1, 512))
    whole = sampler.empty_sums(sampler.batches.count)
    part = sampler.run(RunningSums(), 0)[0]
    assert len(pickle.dumps(part)) < len(pickle.dumps(whole)) / 3


def test_memory_hardly_grows_with_the_draws(bundled: us.Study) -> None:
    """Of drivers and first visits no sums per draw are kept; of scenarios two for each draw."""
    program = bundled.drawn(1, 64)
    sampler = Sampler(program, Plan.of(1024, 1, 64))
    sums = sampler.empty_sums(sampler.batches.count)
    moments = sums.moments
    assert moments.total.shape == (16, max(part.stop for part in sums.columns.values()))


def test_a_run_that_would_not_fit_into_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usru_scenarios.sampler.blocks.MOST_BYTES", 1 << 20)
    said = refusal("simulate", "-n", "1024", "--method", "sample")
    assert "this run would need some 0.0 GB of memory" in said
    assert "--judgements" in said


# --- In use ----------------------------------------------------------------------------------------------------------


def test_the_means_are_taken_on_request_and_said_so(study: File) -> None:
    model = study(shares([0.3, 0.7], 20))
    means = model.simulate(judgements=0)
    exact = model.simulate(method="exact", judgements=0)
    for result in (means, exact):
        assert result.scenarios["s0"].end == pytest.approx(0.3)
        assert result.scenarios["s0"].band is None
        assert result.run.judgements == 0
        assert "judgements_at_their_means" in {one.code for one in result.warnings}
    drawn_now = model.simulate()
    assert drawn_now.run.judgements == 512
    assert "judgements_at_their_means" not in {one.code for one in drawn_now.warnings}


def test_weights_are_reported_at_their_means(study: File) -> None:
    assert study(mirror({"weight": {"uniform": [1, 2]}})).simulate().run.weights == {"x": 1.5}


def test_a_certain_model_has_no_band(study: File) -> None:
    result = study(mirror({})).simulate()
    assert result.scenarios["a"].band is None
    assert result.run.judgements == 0


def test_set_fixes_an_uncertain_judgement(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(yaml.safe_dump(mirror({"weight": {"uniform": [1, 2]}})), encoding="utf-8")
    assert us.load(path).outline.uncertain == ("drivers.x.weight",)
    assert us.load(path, weights=["x=1.5"]).outline.uncertain == ()


def test_a_query_has_a_band_too(study: File) -> None:
    model = study(mirror({"prior": {"dirichlet": 25}}))
    found = model.ask("P(a)", trials=400_000, judgements=1_000)
    assert found.band is not None
    assert found.band.low == pytest.approx(CASES["beta"][1]["q05"], abs=0.015)
    assert found.band.high == pytest.approx(CASES["beta"][1]["q95"], abs=0.03)
    difference = model.ask("P(a) - P(x=lo)", trials=40_000, judgements=1_000)
    assert difference.value == pytest.approx(0.0, abs=1e-9)
    assert difference.band is not None
    assert difference.band.high - difference.band.low < 1e-9
    assert model.ask("P(a)", method="exact", judgements=0).band is None
    assert model.ask("P(a) > 0.1", judgements=100).band is None


def test_what_is_seen_tells_about_the_judgements(study: File) -> None:
    """A beta prior of a share and one case seen: the next one's chance is (a + 1) / (a + b + 1)."""
    raw = mirror({"prior": {"dirichlet": 2}, "persistence": 0})
    raw["drivers"]["x"]["states"] = {"lo": 0.5, "hi": 0.5}
    raw["time"] = {"start": 2025, "end": 2027, "step": "year"}
    model = study(raw)
    asked = model.ask("P(x=lo @ 2026 | x=lo @ 2025)", trials=64_000, judgements=2_000)
    assert asked.value is not None
    assert asked.standard_error is not None
    assert abs(asked.value - 2 / 3) < ERRORS * asked.standard_error
    assert abs(asked.value - 1 / 2) > ERRORS * asked.standard_error
    result = model.simulate(trials=64_000, judgements=2_000, given=["x=lo@2025"])
    found = result.scenarios["a"]
    assert abs(found.end - 2 / 3) < ERRORS * found.standard_errors.end
    assert found.band is not None
    assert found.band.low[-1] == pytest.approx(stats.beta(2, 1).ppf(0.05), abs=0.05)
    assert found.band.high[-1] == pytest.approx(stats.beta(2, 1).ppf(0.95), abs=0.05)


def test_interventions_and_draws_go_together(study: File) -> None:
    model = study(mirror({"prior": {"dirichlet": 5}}))
    found = model.simulate(do=["x=lo"]).scenarios["a"]
    assert found.end == pytest.approx(1.0)
    assert found.band is not None
    assert found.band.low == pytest.approx([1.0])


@pytest.mark.parametrize("places", ["initial", "event", "row", "states"])
def test_a_strength_stands_beside_the_values_of_any_prior(places: str, study: File) -> None:
    prior = {"lo": 0.2, "hi": 0.8, "dirichlet": 25}
    given: dict[str, Json] = {
        "initial": {"initial": prior},
        "event": {"events": [{"at": "start", "prior": prior}]},
        "row": {"prior_given": [{"when": {"y": "on"}, "prior": prior}]},
        "states": {"prior": {"dirichlet": [25, "A01"]}},
    }
    raw = mirror(given[places])
    raw["time"] = {"start": 2025, "end": 2026, "step": "year"}
    raw["drivers"]["y"] = {"states": {"on": 1, "off": 0}}
    band = study(raw).simulate(trials=256_000, judgements=1_000).scenarios["a"].band
    assert band is not None
    assert band.low[0] == pytest.approx(CASES["beta"][1]["q05"], abs=0.015)
    assert band.high[0] == pytest.approx(CASES["beta"][1]["q95"], abs=0.03)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (mirror({"prior": {"dirichlet": 0}}), "strength must be above 0"),
        (mirror({"initial": {"lo": 1, "dirichlet": -2}}), "0"),
        ({**mirror({}), "outcome": {"prior": {"dirichlet": 3}}}, "the scenarios have no baselines"),
        (mirror({"prior": {"dirichlett": 3}}), "unknown key 'dirichlett'"),
        (mirror({"states": {"dirichlet": 1, "hi": 2}, "impacts": {}}), "reserved"),
    ],
)
def test_a_strength_that_makes_no_sense_is_a_fault(raw: Json, message: str, study: File) -> None:
    with pytest.raises(us.ModelError, match=message):
        study(raw).outline  # noqa: B018


@pytest.mark.parametrize(
    ("number", "message"), [("1", "gives no band"), ("1e6", "is too many"), ("some", "takes a whole number")]
)
def test_a_number_of_draws_that_makes_no_sense_is_refused(number: str, message: str) -> None:
    ended = answer("simulate", "--judgements", number)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert ended.stdout == ""


def test_the_bundled_model_says_what_it_is_unsure_of() -> None:
    data = json.loads(answer("simulate", "--json", "-n", "4096", "--judgements", "64").stdout)
    assert data["run"]["judgements"] == 64
    for one in (*data["scenarios"].values(), *data["groups"].values()):
        assert all(low <= high for low, high in zip(one["band"]["low"], one["band"]["high"], strict=True))
    rows = answer("simulate", "-f", "csv", "-n", "4096", "--judgements", "64").stdout.splitlines()
    assert {"band_low", "band_high"} <= {*rows[0].split(",")}
    table = answer("simulate", "-n", "4096", "--judgements", "64").stdout
    assert "90% band" in table
    assert "64 draws of the judgements" in table


@pytest.mark.parametrize(
    ("low", "high", "decimals", "text"),
    [
        (0.1414, 0.2783, 3, "0.14–0.28"),  # noqa: RUF001
        (0.1414, 0.2783, 1, "0.1–0.3"),  # noqa: RUF001
        (0.00312, 0.00794, 4, "0.003–0.008"),  # noqa: RUF001
        (-0.0142, 0.0251, 4, "-0.01 to 0.03"),
        (0.25, 0.25, 3, "0.250–0.250"),  # noqa: RUF001
    ],
)
def test_a_band_has_no_more_digits_than_it_is_worth(low: float, high: float, decimals: int, text: str) -> None:
    assert format_range(low, high, decimals) == text
