"""Standard errors that cover what was never drawn: sampled forecasts of models with rare states against enumeration."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings

from support.effort import tries
from support.model_strategies import MODELS, models
from support.oracle import Json, marginals
from support.sabotage import replace_everywhere
from support.sampled import ERRORS, Key, compiled, estimates, truths_of
from support.tiny import study_of
from usru_scenarios.estimation import estimates as pure
from usru_scenarios.estimation.estimates import Estimate, with_error_floor

RARE = {path.stem: path for path in sorted((Path(__file__).parent / "models" / "rare").glob("*.json"))}

WAR: Json = {
    "usru": 1,
    "name": "rare",
    "title": "Rare",
    "time": {"start": "2025", "end": "2028", "step": "year"},
    "outcome": {"persistence": 0.5},
    "scenarios": {"war": {"baseline": 0.00001}, "peace": {"baseline": 1}},
    "drivers": {
        "d": {
            "states": {"a": 1, "z": 1},
            "persistence": 0.5,
            "impacts": {"a": {"war": 1}},
            "lagged_influences": {"scenario": {"war": {"a": 1}}},
        }
    },
}


def misses(raw: Json, trials: int, seed: int) -> Iterator[tuple[Key, float, float, float]]:
    """Where an estimate lies more than 4.5 of its own standard errors from the truth: what, estimate, error, truth."""
    found, known = estimates(raw, trials, seed, compiled(raw)), truths_of(marginals(raw))
    for key, truth in known.items():
        value, error = found[key]
        if not (math.isnan(truth) or math.isnan(value) or abs(value - truth) <= ERRORS * error + 1e-10):
            yield key, value, error, truth


def without_floors(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pure, "MOST_MISSED", 0.0)
    replace_everywhere(patch, pure.with_error_floor, lambda found, *_, **__: found)


SEEDS = {"random-24": 215, "random-63": 63, "random-461": 5, "random-536": 536, "random-743": 743}


@pytest.mark.parametrize("name", RARE)
def test_known_models_with_rare_states_are_within_their_errors(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each at a seed at which the draws alone say an error that the truth exceeds many times."""
    raw = json.loads(RARE[name].read_text(encoding="utf-8"))
    assert list(misses(raw, 16_384, SEEDS[name])) == []
    without_floors(monkeypatch)
    assert list(misses(raw, 16_384, SEEDS[name]))


def test_a_scenario_that_is_hardly_ever_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [miss for seed in range(1, 4) for miss in misses(WAR, 20_000, seed)] == []
    without_floors(monkeypatch)
    assert [miss for seed in range(1, 4) for miss in misses(WAR, 20_000, seed)]


TRIALS = (60, 500, 4_000)


def are_within_their_errors(raw: Json) -> None:
    assert [miss for seed, trials in enumerate(TRIALS) for miss in misses(raw, trials, seed)] == []


@pytest.mark.more
@settings(MODELS, max_examples=tries(8, 30))
@given(raw=models(numeric=False))
def test_random_models_are_within_their_errors_at_any_number_of_trials(raw: Json) -> None:
    are_within_their_errors(raw)


def test_random_models_are_not_within_the_errors_of_their_draws_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin of the test before: without what was never drawn, it fails; at which model does not matter."""
    without_floors(monkeypatch)
    once = settings(MODELS, max_examples=30, phases=[Phase.generate])
    drawn = once(given(models(numeric=False))(are_within_their_errors))
    with pytest.raises(AssertionError):
        drawn()


def test_the_rule_of_three() -> None:
    limits = np.array([0.0, 0.2, 0.0]), np.array([1.0, 0.4, 0.0])
    found = Estimate(np.array([0.9, 0.25, 0.0]), np.array([0.0, 0.001, 0.0]))
    floors = with_error_floor(found, 300.0, lambda: limits).error
    assert floors == pytest.approx([0.9 * 3 / 300, 0.15 * 3 / 300, 0.0])  # the third can be nothing else
    large = Estimate(np.array([0.5]), np.array([0.1]))
    assert with_error_floor(large, 300.0, lambda: pytest.fail("not asked for")) is large
    few = with_error_floor(Estimate(np.array([0.9]), np.array([0.0])), 0.5, lambda: (np.zeros(1), np.ones(1)))
    assert few.error == pytest.approx([0.9])  # never more than what is possible


# Queries --------------------------------------------------------------------------------------------------------------


def asked(raw: Json, folder: Path, query: str, trials: int = 2_000, seed: int = 1) -> tuple[float, float]:
    found = study_of(raw, folder).ask(query, trials=trials, seed=seed, method="sample")
    assert found.value is not None
    assert found.standard_error is not None
    return found.value, found.standard_error


@pytest.mark.parametrize(
    "query",
    [
        "P(war @ end)",
        "P(peace @ always)",
        "1 - P(peace @ end)",
        "P(war @ ever | d=a @ start)",
        "P(war or d=a @ end) - P(d=a @ end)",  # neither of them is rare; what they differ by is
        "P(war @ end | do(d=a)) - P(war @ end)",
    ],
)
def test_a_query_about_what_was_never_drawn_has_an_error(query: str, tmp_path: Path) -> None:
    study = study_of(WAR, tmp_path)
    truth = study.ask(query, method="exact").value
    assert truth is not None
    value, error = asked(WAR, tmp_path, query, seed=3)
    assert 0.0 < error < 0.01
    assert abs(value - truth) <= ERRORS * error


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("P(d=a or d=z @ end)", 1),
        ("P(war and peace @ end)", 0),
        ("P(d=a @ end | not d=z @ end)", 1),
        ("P(d=a @ end | do(d=a))", 1),
        ("P(d=a @ end) - P(d=a @ end)", 0),
    ],
)
def test_what_is_certain_has_no_error(query: str, value: float, tmp_path: Path) -> None:
    assert asked(WAR, tmp_path, query) == (value, 0.0)


@pytest.mark.parametrize("seed", [1, 3])
def test_explain_and_watch_cover_what_was_never_drawn(seed: int, tmp_path: Path) -> None:
    study = study_of(WAR, tmp_path)
    truth = study.ask("P(war @ end)", method="exact").value
    assert truth is not None
    explained = study.explain("war", trials=2_000, seed=seed)
    watched = study.watch(trials=2_000, seed=seed).forecast["war"]
    for value, error in (
        (explained.probability, explained.standard_error),
        (watched.probability, watched.standard_error),
    ):
        assert value != pytest.approx(truth, rel=0.1)
        assert abs(value - truth) <= ERRORS * error < 0.01


def test_a_comparison_that_rests_on_what_was_never_drawn_is_undecided(tmp_path: Path) -> None:
    """The truth is 1.25e-5: two thousand trials without a war leave it open whether there is one in ten thousand."""
    study = study_of(WAR, tmp_path)
    found = study.ask("P(war @ end) > 0.0000001", trials=2_000, seed=3, method="sample")
    assert found.holds is not False
