"""Words are stratified in sets of trials, and reported errors are what the estimates vary by for all that."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from itertools import chain
from typing import Any

import numpy as np
import pytest
import yaml

import usru_scenarios as us
from support.oracle import Json
from support.sampled import ERRORS, Key, Opened
from usru_scenarios.estimation.batches import TrialBatches
from usru_scenarios.program.program import Floats
from usru_scenarios.results.simulate import ValuesResult
from usru_scenarios.sampler.blocks import BLOCK, Plan
from usru_scenarios.sampler.rng import RandomStream
from usru_scenarios.settings import DEFAULT_JUDGEMENTS, DEFAULT_TRIALS
from usru_scenarios.study import Study

STEPS = 4
SETS = [(2 * BLOCK + 5, 64), (50_003, 8), (301, 2), (77, 1), (4_096, 32)]
"""Trials of a run, and of a set; what is left over is a smaller set."""
PATTERN = 1_024


def words(trials: int, set_size: int, node: str = "a", seed: int = 3) -> Floats:
    """The uniforms of a node, shape (steps, trials), drawn block by block."""
    stream = RandomStream(seed, node, trials, set_size)
    parts = []
    for block in range(-(-trials // BLOCK)):
        stream.begin(range(block, block + 1))
        parts.append(np.array([stream.words_at(step).uniforms for step in range(STEPS)]))
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize(("trials", "set_size"), SETS)
def test_a_set_has_a_word_in_each_stratum(trials: int, set_size: int) -> None:
    found = words(trials, set_size)
    whole = trials // set_size * set_size
    strata = np.sort(np.floor(found[:, :whole] * set_size).reshape(STEPS, -1, set_size), axis=-1)
    assert (strata == np.arange(set_size)).all()
    left = np.sort(np.floor(found[:, whole:] * set_size), axis=-1)  # some of those of a whole set
    assert (np.diff(left, axis=-1) > 0).all()


@pytest.mark.parametrize("set_size", [64, 8])
def test_sets_repeat_a_pattern_that_is_turned_over_by_bits_of_their_own(set_size: int) -> None:
    upper = np.floor(words(4 * BLOCK, set_size) * 2**16).astype(int).reshape(STEPS, -1, PATTERN)
    turned = (upper ^ upper[:, :1]).reshape(STEPS, -1, set_size)
    assert (turned == turned[..., :1]).all()
    bits = turned[:, PATTERN // set_size :, 0]
    assert chi_square(np.bincount(bits.ravel() >> 10, minlength=64)) < ERRORS
    assert chi_square(np.bincount(bits.ravel() & 63, minlength=64)) < ERRORS
    other = np.floor(words(4 * BLOCK, set_size, "b") * 2**16).astype(int).reshape(STEPS, -1, PATTERN)
    assert (upper[0, 0] != upper[1, 0]).any()
    assert (upper[0, 0] != other[0, 0]).any()


@pytest.mark.parametrize(("trials", "set_size"), SETS)
def test_kernels_see_the_upper_half_of_the_same_words(trials: int, set_size: int) -> None:
    stream = RandomStream(3, "a", trials, set_size)
    stream.begin(range(1))
    first = words(trials, set_size)[:, : stream.trials]
    assert (stream.words_at(0).upper == np.floor(first[0] * 2**16)).all()
    assert (stream.words_at(2).upper == np.floor(first[2] * 2**16)).all()  # steps may be left out


def test_blocks_that_are_drawn_alone_have_the_same_words() -> None:
    whole = words(3 * BLOCK, 64)
    stream = RandomStream(3, "a", 3 * BLOCK, 64)
    for block in (2, 0, 1):
        stream.begin(range(block, block + 1))
        assert (stream.words_at(0).uniforms == whole[0, block * BLOCK : (block + 1) * BLOCK]).all()


def test_blocks_that_are_drawn_together_have_the_words_of_each() -> None:
    whole = words(3 * BLOCK, 64)
    stream = RandomStream(3, "a", 3 * BLOCK, 64)
    stream.begin(range(1, 3))
    own = whole[:, BLOCK:]
    assert (stream.words_at(0).uniforms == own[0]).all()
    some = np.array([5, BLOCK - 1, BLOCK, 2 * BLOCK - 1])
    later = stream.words_at(2)
    lower = np.array([later.lower_of_trial(trial) for trial in some.tolist()])
    assert (lower | 1 == own[2, some] * 2**32 % 2**16).all()


def chi_square(counts: np.ndarray[Any, Any]) -> float:
    """By how many standard deviations counts are more uneven than those of what is alike likely."""
    expected = counts.sum() / counts.size
    freedom = counts.size - 1
    return float((((counts - expected) ** 2).sum() / expected - freedom) / math.sqrt(2 * freedom))


@pytest.mark.parametrize("place", [0, 1, 63])
def test_the_word_of_a_place_in_its_set_is_uniform(place: int) -> None:
    """It is in any stratum alike, and anywhere in it: over sets, nodes and steps."""
    found = np.concatenate([words(2 * BLOCK, 64, node)[:, place::64].ravel() for node in "abcdefgh"])
    assert chi_square(np.bincount((found * 64).astype(int), minlength=64)) < ERRORS
    assert chi_square(np.bincount((found * 64 % 1 * 64).astype(int), minlength=64)) < ERRORS


@pytest.mark.parametrize(
    "pair",
    [
        lambda one, _: (one[0], one[1]),  # steps
        lambda one, other: (one[0], other[0]),  # nodes
        lambda one, other: (one[0], other[1]),
        lambda one, _: (one[2, :-64], one[2, 64:]),  # neighbouring sets
    ],
)
def test_words_of_nodes_steps_and_sets_are_independent(pair: Callable[[Floats, Floats], tuple[Floats, Floats]]) -> None:
    first, second = pair(words(8 * BLOCK, 64, "a"), words(8 * BLOCK, 64, "b"))
    cells = (first * 16).astype(int) * 16 + (second * 16).astype(int)
    # Both have a sixteenth of their words in each row and column of the table, which leaves 15 x 15 to chance.
    counts = np.bincount(cells, minlength=256)
    expected = len(first) / 256
    assert abs(((counts - expected) ** 2).sum() / expected - 225) < ERRORS * math.sqrt(2 * 225)


@pytest.mark.parametrize(
    ("trials", "judgements", "planned", "set_size"),
    [
        (100, 0, 100, 1),
        (1_000, 0, 1_000, 4),
        (65_536, 0, 65_536, 64),
        (10**9 + 1, 0, 10**9 + 1, 64),
        (65_536, 512, 65_536, 64),
        (1_024, 512, 1_024, 1),
        (10_000, 100, 10_400, 4),
        (100_000, 512, 106_496, 8),
    ],
)
def test_batches_are_whole_sets(trials: int, judgements: int, planned: int, set_size: int) -> None:
    plan = Plan.of(trials, 1, judgements)
    assert (plan.trials, plan.set_size) == (planned, set_size)
    assert Plan.of(plan.trials, 1, judgements) == plan
    for entries in (1, 1_000, 10**6):
        batches = plan.batches(entries)
        assert batches.size % set_size == 0
        assert batches.count >= 33 or batches.size == 1
    if not judgements:
        assert plan.with_trials(4 * trials).set_size == set_size  # the first trials keep their words


# Errors ---------------------------------------------------------------------------------------------------------------

TRIALS = 2_560
"""So few that what is left to chance is more than what was never drawn might make of it."""


def dynamic() -> Json:
    """Persistence, an influence, a number that acts and is acted on, and a consequence."""
    raw: Json = yaml.safe_load(
        """
        usru: 1
        name: dynamic
        title: Dynamic
        time: {start: 2025, end: 2027, step: year}
        odds_per_point: 2
        outcome: {persistence: 0.5}
        scenarios: {calm: {baseline: 0.45}, tense: {baseline: 0.35}, crisis: {baseline: 0.2}}
        groups: {bad: [tense, crisis]}
        drivers:
          mood:
            states: {warm: 0.37, cold: 0.63}
            persistence: 0.6
            impacts: {warm: {calm: 2}, cold: {crisis: 1.5}}
          arms:
            states: {many: 0.29, few: 0.48, none: 0.23}
            persistence: 0.4
            influences: {mood: {cold: {many: 1.3}}}
            impacts: {many: {tense: 1, crisis: 1}}
          price:
            kind: numeric
            range: [0, 10]
            distribution: {triangular: [0, 3, 10]}
            persistence: 0.5
            influences: {arms: {many: 1}}
            impacts: {2: {calm: 0.5}, 8: {crisis: 1}}
        """
    )
    return raw


def uncertain() -> Json:
    """The same with a judgement that is drawn."""
    raw = dynamic()
    raw["drivers"]["mood"]["impacts"]["warm"]["calm"] = {"uniform": [0.5, 3.5]}
    return raw


Runs = dict[Key, tuple[Floats, Floats]]


def runs(study: Study, judgements: int, seeds: int) -> Runs:
    """Values and reported errors by what they are of, the last part being the kind, each of shape (seeds,)."""
    found: dict[Key, list[tuple[float, float]]] = {}
    for seed in range(seeds):
        result = study.simulate(trials=TRIALS, seed=seed, judgements=judgements)
        for name, each in {**result.scenarios, **result.groups}.items():
            errors = each.standard_errors
            for kind in ("mean", "ever"):
                found.setdefault((name, kind), []).append((getattr(each, kind), getattr(errors, kind)))
            for step, pair in enumerate(zip(each.by_step, errors.by_step, strict=True)):
                found.setdefault((name, step, "by step"), []).append(pair)
        for name, node in result.drivers.items():
            if isinstance(node, ValuesResult):
                kind, series = "number", {"mean": (node.mean, node.standard_errors.mean)}
            else:
                kind, series = "states", {s: (node.by_step[s], node.standard_errors[s]) for s in node.by_step}
            for state, (values, told) in series.items():
                for step, pair in enumerate(zip(values, told, strict=True)):
                    found.setdefault((name, state, step, kind), []).append(pair)
    return {key: (np.array(each)[:, 0], np.array(each)[:, 1]) for key, each in found.items()}


def wrong(found: Runs, seeds: int) -> dict[Key, float]:
    """What is reported as a multiple of the spread, where that is off: of a kind by 15%, or of a single estimate.

    The price at the start is left out: it follows from single words, so evenly that its error is that of what was never
    drawn.
    """
    factors = {
        key: float(np.sqrt((errors**2).mean()) / values.std(ddof=1))
        for key, (values, errors) in found.items()
        if key != ("price", "mean", 0, "number")
    }
    slack = ERRORS / math.sqrt(2 * seeds)
    off = {key: factor for key, factor in factors.items() if not 1 / (1 + slack) < factor < 1 + slack}
    for kind in ("mean", "ever", "by step", "states", "number"):
        middle = float(np.mean([factor for key, factor in factors.items() if key[-1] == kind]))
        if abs(middle - 1) > 0.15:
            off[(kind,)] = middle
    return off


@pytest.mark.parametrize("seeds", [40, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("judgements", [0, 64])
def test_reported_errors_are_what_estimates_vary_by(judgements: int, seeds: int, opened: Opened) -> None:
    study = opened(uncertain() if judgements else dynamic())
    assert wrong(runs(study, judgements, seeds), seeds) == {}


def test_errors_from_between_parts_of_sets_would_be_noticed(monkeypatch: pytest.MonkeyPatch, opened: Opened) -> None:
    monkeypatch.setattr(Plan, "batches", lambda plan, _entries: TrialBatches(1, plan.trials, BLOCK))
    off = wrong(runs(opened(dynamic()), 0, 40), 40)
    assert {("mean",), ("ever",), ("by step",), ("states",), ("number",)} <= off.keys()


def test_estimates_have_no_bias(opened: Opened) -> None:
    """Over seeds they come to what exact inference says, to within a small part of the error of one run."""
    raw = dynamic()
    del raw["drivers"]["price"]
    study = opened(raw)
    exact, seeds = study.simulate(method="exact"), 40
    drawn = [study.simulate(trials=TRIALS, seed=seed, judgements=0) for seed in range(seeds)]
    for name, truth in exact.scenarios.items():
        for kind in ("end", "mean", "ever"):
            values = np.array([getattr(run.scenarios[name], kind) for run in drawn])
            assert abs(values.mean() - getattr(truth, kind)) < ERRORS * values.std(ddof=1) / math.sqrt(seeds)


@pytest.mark.parametrize(("trials", "judgements"), [(16_384, 0), (DEFAULT_TRIALS, DEFAULT_JUDGEMENTS)])
def test_strata_halve_the_variance(trials: int, judgements: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the bundled model, of the scenarios over time: as reported, which is what it is."""
    study = us.load("us-russia")

    def variance() -> float:
        run = study.simulate(trials=trials, judgements=judgements)
        return float(np.mean([np.square(one.standard_errors.by_step).mean() for one in run.scenarios.values()]))

    stratified = variance()
    monkeypatch.setattr(Plan, "set_size", 1)
    assert variance() > 2.0 * stratified


def test_the_default_forecast_of_the_bundled_model_is_as_precise_as_is_said(bundled: us.Study) -> None:
    """Every standard error is below .002, and those of scenarios are below .001."""
    found = bundled.simulate()
    assert largest_error({**found.scenarios, **found.groups}) < 0.001
    assert largest_error({**found.drivers, **found.consequences}) < 0.002


def largest_error(parts: Mapping[str, Any]) -> float:
    """The largest of all numbers below `standard_errors`."""

    def numbers(data: Any) -> Iterator[float]:
        if isinstance(data, int | float):
            yield float(data)
        elif data is not None:
            data = vars(data) if is_dataclass(data) else data
            for one in data.values() if isinstance(data, dict) else data:
                yield from numbers(one)

    return max(chain.from_iterable(numbers(one.standard_errors) for one in parts.values()))
