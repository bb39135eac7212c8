"""Section 12 of the format: who gets which random numbers, and that nothing else decides a digit."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import pytest

from support.effort import slow_but
from support.kernels import choose_kernels
from support.oracle import Json
from support.reference_models import model
from support.sampled import ERRORS, EXACT_MODELS, Key, changed, compiled, estimates, exact_model, same
from usru_scenarios.program.program import Program
from usru_scenarios.sampler.blocks import BLOCK, Plan
from usru_scenarios.sampler.forecast import ForecastSums, RunningSums, Sampler, simulate
from usru_scenarios.sampler.state_counts import count_by_batch

Sums = TypeVar("Sums")

MODELS = sorted(path.stem for path in EXACT_MODELS.glob("*.yaml"))
SEED = 7
TRIALS = BLOCK + 3_617
"""A full block and a part of one."""


def arrays(draws: ForecastSums) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    for name in ("trials", "visits", "moves"):
        yield name, getattr(draws, name)
    for moments in (draws.moments, draws.visit_moments):
        for part in ("total", "squares", "products"):
            yield part, getattr(moments, part)
    for name, sums in draws.values.items():
        for part in ("total", "squares", "least", "most", "bins"):
            yield f"{name}.{part}", getattr(sums, part)


def counts(draws: ForecastSums, name: str) -> np.ndarray[Any, Any]:
    """In how many trials a node was in each of its states, shape (steps, states)."""
    counted: np.ndarray[Any, Any] = draws.moments.total[:, draws.columns[name]]
    return counted


def identical(one: ForecastSums, other: ForecastSums) -> bool:
    """Bit for bit."""
    return [(name, array.shape, array.tobytes()) for name, array in arrays(one)] == [
        (name, array.shape, array.tobytes()) for name, array in arrays(other)
    ]


def run(raw: Json, trials: int = TRIALS, seed: int = SEED) -> ForecastSums:
    return simulate(compiled(raw), Plan(trials, seed))


# --- The same plan ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_the_same_plan_gives_the_same_draws(name: str) -> None:
    assert identical(run(exact_model(name)), run(exact_model(name)))


def test_another_seed_gives_other_draws() -> None:
    raw = exact_model("feedback")
    drawn = [run(raw, seed=seed) for seed in (0, 1, 2, 2**32, 2**64 + 1)]
    for number, one in enumerate(drawn):
        assert not any(identical(one, other) for other in drawn[:number])


def backwards(function: Callable[[int], Sums], blocks: Iterable[int], /) -> list[Sums]:
    return [function(block) for block in reversed(list(blocks))][::-1]


def elsewhere(function: Callable[[int], Sums], blocks: Iterable[int], /) -> list[Sums]:
    with ProcessPoolExecutor(2) as pool:
        return list(pool.map(function, blocks))


@pytest.mark.parametrize("map_blocks", [backwards, elsewhere])
@pytest.mark.parametrize("name", ["feedback", "numeric_drift"])
def test_who_runs_the_blocks_does_not_matter(name: str, map_blocks: Any) -> None:
    program, plan = compiled(exact_model(name)), Plan(2 * BLOCK + 5, SEED)
    assert identical(simulate(program, plan), simulate(program, plan, map_blocks))


# --- Trials ----------------------------------------------------------------------------------------------------------


def rebatched(values: np.ndarray[Any, Any], size: int) -> np.ndarray[Any, Any]:
    """Sums over whole batches of so many rows."""
    whole = len(values) // size
    summed: np.ndarray[Any, Any] = values[: whole * size].reshape(whole, size, *values.shape[1:]).sum(axis=1)
    return summed


@pytest.mark.parametrize("name", ["feedback", "outcome_moves", "numeric_feedback"])
def test_the_first_trials_of_a_longer_run_are_those_of_a_shorter(name: str) -> None:
    """A thousand trials are batches of four, whose sums over batches of the longer run's size must come out."""
    program, plan = compiled(exact_model(name)), Plan(1_000, SEED)
    short, long = (simulate(program, plan.with_trials(trials)) for trials in (1_000, TRIALS))
    assert short.trials.tolist() == [4.0] * 250
    size = int(long.trials[0]) // 4
    assert size > 1
    for part in ("visits", "moves"):
        summed = rebatched(getattr(short, part), size)
        assert getattr(long, part)[: len(summed)] == pytest.approx(summed, abs=1e-9)
        assert getattr(long, part)[1 : len(summed)] != pytest.approx(summed[:-1], abs=1e-9)


@pytest.mark.parametrize("name", ["feedback", "numeric_drift"])
def test_a_block_does_not_depend_on_how_many_follow(name: str) -> None:
    program = compiled(exact_model(name))
    plan = Plan(BLOCK, SEED)
    (alone, *_), (first, *_) = (
        Sampler(program, plan.with_trials(trials)).run(RunningSums(), 0) for trials in (BLOCK, 40_000)
    )
    assert np.array_equal(alone.moments.total, first.moments.total)
    for node, sums in alone.values.items():
        assert np.array_equal(sums.bins, first.values[node].bins)


@pytest.mark.parametrize("trials", [1, 2, 3, 100, 1_023, 1_025, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 77])
def test_every_trial_is_counted_once(trials: int) -> None:
    raw = exact_model("feedback")
    draws = run(raw, trials)
    assert draws.trials.sum() == trials
    assert draws.trials.min() >= 1
    assert draws.visits.sum(axis=(0, 2)) == pytest.approx([trials] * 5)
    assert draws.moves.sum() == pytest.approx(4 * trials)
    for name in raw["drivers"]:
        assert counts(draws, name).sum(axis=1).tolist() == [trials] * 5


def test_blocks_are_independent() -> None:
    """The same numbers in every block would make the error of the mean too small, and blocks alike."""
    program = compiled(exact_model("feedback"))
    sampler = Sampler(program, Plan(8 * BLOCK, SEED))
    blocks = [sums for number in range(len(sampler.block_ranges)) for sums in sampler.run(RunningSums(), number)]
    assert len({counts(sums, "mood").tobytes() for sums in blocks}) == 8


# --- What is left alone ----------------------------------------------------------------------------------------------


def with_another_driver(raw: Json) -> Json:
    twin = copy.deepcopy(raw)
    # Its name comes first of all, its impacts are large, and it reads a driver.
    twin["drivers"]["aardvark"] = {
        "states": {"yes": 0.5, "no": 0.5},
        "persistence": 0.3,
        "influences": {"mood": {"warm": {"yes": 1}}},
        "impacts": {"yes": {"crisis": 2}},
    }
    return twin


@pytest.mark.parametrize("name", ["weights", "outcome_lumped", "outcome_moves", "consequences"])
def test_a_driver_added_leaves_the_others_alone(name: str) -> None:
    raw = exact_model(name)
    if name == "weights":
        raw["drivers"]["mood"]["states"] = {"warm": 0.5, "bad": 0.5}
        raw["drivers"]["mood"]["impacts"] = {}
    one, other = run(raw), run(with_another_driver(raw))
    for driver in raw["drivers"]:
        assert np.array_equal(counts(one, driver), counts(other, driver))
    assert not np.array_equal(one.visits, other.visits)


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [("weights", "drivers/war/weight", 0.1), ("weights", "rules/both/weight", 9), ("rules", "rules/low/weight", 0)],
)
def test_a_weight_changed_leaves_all_drivers_alone(name: str, path: str, value: float) -> None:
    raw = exact_model(name)
    one, other = run(raw), run(changed(raw, path, value))
    for driver in raw["drivers"]:
        assert np.array_equal(counts(one, driver), counts(other, driver))
    for driver, sums in one.values.items():
        assert np.array_equal(sums.bins, other.values[driver].bins)
    assert not np.array_equal(one.visits, other.visits)


def test_a_driver_s_own_change_leaves_what_does_not_read_it_alone() -> None:
    raw = exact_model("influences")
    one, other = run(raw), run(changed(raw, "drivers/arms/persistence", 0.1))
    assert np.array_equal(counts(one, "mood")[0], counts(other, "mood")[0])
    assert not np.array_equal(counts(one, "arms"), counts(other, "arms"))


def turned(raw: Any) -> Any:
    """All maps in the opposite order; lists, whose order may mean something, stay."""
    if isinstance(raw, dict):
        return {key: turned(raw[key]) for key in reversed(raw)}
    return [turned(value) for value in raw] if isinstance(raw, list) else raw


def shuffled(raw: Any) -> Any:
    """All maps in the order of their keys' endings, which is none of the two."""
    if isinstance(raw, dict):
        return {key: shuffled(raw[key]) for key in sorted(raw, key=lambda key: str(key)[::-1])}
    return [shuffled(value) for value in raw] if isinstance(raw, list) else raw


def reordered(raw: Any, how: Callable[[Any], Any]) -> Any:
    """The model with its maps in another order, but for rows, of which the first that holds counts."""
    twin = how(raw)
    for driver, block in twin["drivers"].items():
        if "prior_given" in block:
            block["prior_given"] = copy.deepcopy(raw["drivers"][driver]["prior_given"])
    return twin


@pytest.mark.parametrize("how", [turned, shuffled])
@pytest.mark.parametrize("name", MODELS)
def test_the_order_of_the_file_decides_no_digit(name: str, how: Callable[[Any], Any]) -> None:
    raw = exact_model(name)
    raw.setdefault("drivers", {})
    assert same(estimates(raw, 3_000, SEED), estimates(reordered(raw, how), 3_000, SEED))


def test_the_order_of_events_and_group_members_decides_no_digit() -> None:
    """Three windows over one step, whose sum in floats depends on the order in which they are added."""
    raw = exact_model("outcome_lumped")
    windows = [{"at": 2025, "until": 2026, "points": {"crisis": points}} for points in (0.1, 0.2, 0.3)]
    estimated = []
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        twin = copy.deepcopy(raw)
        twin["outcome"]["events"] = [raw["outcome"]["events"]["shock"], *(windows[number] for number in order)]
        twin["groups"] = {"bad": ["tense", "crisis"] if order[0] else ["crisis", "tense"]}
        estimated.append(estimates(twin, 3_000, SEED))
    assert same(estimated[0], estimated[1])
    assert same(estimated[0], estimated[2])


def renamed(raw: Any, old: str, new: str) -> Any:
    if isinstance(raw, dict):
        return {new if key == old else key: renamed(value, old, new) for key, value in raw.items()}
    if isinstance(raw, list):
        return [renamed(value, old, new) for value in raw]
    return raw


@pytest.mark.parametrize(("name", "new"), [("feedback", "zeal"), ("outcome_moves", "ardour")])
def test_renaming_a_driver_changes_nothing_but_the_draws(name: str, new: str) -> None:
    raw = exact_model(name)
    one = {
        (new if key[0] == "mood" else key[0], *key[1:]): found for key, found in estimates(raw, 50_000, SEED).items()
    }

    def apart(twin: Json) -> list[Key]:
        other = estimates(twin, 50_000, SEED)
        return [
            key
            for key, (value, error) in one.items()
            if abs(value - other[key].value) > ERRORS * math.hypot(error, other[key].error) + 1e-9
        ]

    assert apart(renamed(raw, "mood", new)) == []
    assert not same(one, estimates(renamed(raw, "mood", new), 50_000, SEED))
    assert apart(changed(renamed(raw, "mood", new), f"drivers/{new}/persistence", 0.9)) != []


# --- Common random numbers -------------------------------------------------------------------------------------------


def correlation(one: ForecastSums, other: ForecastSums) -> float:
    """Of the batches' shares of time in the first scenario."""
    return float(np.corrcoef(one.visits.sum(axis=1)[:-1, 0], other.visits.sum(axis=1)[:-1, 0])[0, 1])


@pytest.mark.parametrize(("name", "least"), [("weights", 0.9), ("outcome_lumped", 0.9), ("feedback", 0.6)])
def test_variants_are_compared_on_common_random_numbers(name: str, least: float) -> None:
    raw = exact_model(name)
    driver = next(iter(raw["drivers"]))
    heavier = changed(raw, f"drivers/{driver}/weight", 1.3)
    plain = changed(raw, f"drivers/{driver}/weight", 1.0)
    assert correlation(run(plain), run(heavier)) > least
    assert abs(correlation(run(plain), run(heavier, seed=SEED + 1))) < 0.2


# --- Words -----------------------------------------------------------------------------------------------------------


def dice(states: Json, steps: int, **parts: Any) -> Program:
    """A driver that is drawn anew at every step, along with one whose state makes its law a table."""
    raw: Json = model(
        steps,
        scenarios={"this": {}, "that": {}},
        drivers={
            "parent": {"states": {"a": 1, "b": 1}, "persistence": 0},
            "die": {
                "states": states,
                "persistence": 0,
                "influences": {"parent": {"a": dict.fromkeys(states, 1)}},
                **parts,
            },
        },
        odds_per_point=1.5,
    )
    return compiled(raw)


KERNELS = pytest.mark.parametrize("rows", [1 << 17, 1], ids=["thresholds", "factors"])


@KERNELS
@pytest.mark.parametrize("impossible", ["a", "m", "z"])
def test_a_state_of_prior_0_is_never_drawn(impossible: str, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    choose_kernels(monkeypatch, rows)
    states = {state: 0 if state == impossible else 0.3 for state in "amxz"}
    counted = counts(simulate(dice(states, 4), Plan(250_000, SEED)), "die").sum(axis=0)
    assert counted[sorted(states).index(impossible)] == 0
    assert counted.sum() == 1_000_000


@KERNELS
@pytest.mark.parametrize("certain", ["a", "m", "z"])
def test_a_state_of_probability_1_is_always_drawn(certain: str, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    choose_kernels(monkeypatch, rows)
    states = {state: int(state == certain) for state in "amz"}
    counted = counts(simulate(dice(states, 4), Plan(250_000, SEED)), "die").sum(axis=0)
    assert counted[sorted(states).index(certain)] == 1_000_000


@KERNELS
@pytest.mark.parametrize("rare", slow_but(["m"], ["a", "m", "z"]))
def test_rare_states_are_about_as_frequent_as_they_should_be(
    rare: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_kernels(monkeypatch, rows)
    states = {state: 1e-6 if state == rare else (1 - 1e-6) / 2 for state in "amz"}
    counted = counts(simulate(dice(states, 32), Plan(1_000_000, SEED)), "die").sum(axis=0)
    assert abs(counted[sorted(states).index(rare)] - 32) < ERRORS * np.sqrt(32)


@pytest.mark.parametrize("lag", [1, 2, 3])
def test_words_of_nodes_and_steps_are_independent(lag: int) -> None:
    """Pairs of draws of one node over time, and of two nodes in a step, are as frequent as products say."""
    scenarios = ["x", "y"]
    fair: Json = {"states": {"x": 1, "y": 1}, "persistence": 0}
    raw: Json = model(
        12,
        scenarios={"same": {}, "different": {}},
        drivers={"d": fair, "e": fair, "one_ago": fair, "two_ago": fair},
        odds_per_point=10,
    )
    # Each copies the one before it, so that the last is `d` as many steps ago as the lag says.
    chain = ["d", "one_ago", "two_ago"]
    for before, after in pairwise(chain):
        copy_of = {state: {state: 40} for state in scenarios}
        raw["drivers"][after] = fair | {"lagged_influences": {before: copy_of}}
    read = {1: ("d", "one_ago"), 2: ("d", "two_ago"), 3: ("d", "e")}[lag]
    raw["rules"] = {
        f"both_{state}": {"when": dict.fromkeys(read, state), "then": {"scenario": {"same": 80}}} for state in scenarios
    }
    raw["scenarios"] = {"same": {"baseline": 1e-40}, "different": {"baseline": 1}}
    value, error = estimates(raw, 60_000, SEED)["same", "mean"]
    assert abs(value - 0.5) < ERRORS * error
    assert error < 0.001


def test_the_estimates_of_a_run_do_not_depend_on_what_is_reported() -> None:
    """Groups are sums over the same draws."""
    raw = exact_model("feedback")
    found = estimates(raw, TRIALS, SEED)
    raw["groups"] = {}
    alone = estimates(raw, TRIALS, SEED)
    assert all(found[key] == estimate for key, estimate in alone.items())


@pytest.mark.parametrize(
    ("trials", "edges"),
    [
        (1_024, [*range(0, 1_024, 128)]),
        (1_024, [*range(0, 1_024, 32)]),
        (1_024, [0]),
        (1_024, [0, 192, 384, 576, 768, 960]),
        (960, [0, 64, 256, 448, 640, 832]),
        (1_000, [0, 500]),
        (256, [0, 192]),
    ],
)
def test_trials_are_counted_by_batch_however_batches_lie(trials: int, edges: list[int]) -> None:
    holds = np.random.default_rng(1).random((3, trials)) < 0.3
    parts = [part.sum(axis=1) for part in np.split(holds, edges[1:], axis=1)]
    assert np.array_equal(count_by_batch(holds, np.array(edges)), np.array(parts))
