"""Thresholds that are read for two neighbouring trials at a time give the same states, and so do words that tie."""

from __future__ import annotations

import numpy as np
import pytest

from support.sampled import compiled, exact_model
from usru_scenarios.sampler import kernels
from usru_scenarios.sampler.blocks import BLOCK, Plan
from usru_scenarios.sampler.forecast import simulate
from usru_scenarios.sampler.rng import RandomStream, RepeatedWords

PLAN = Plan(3 * BLOCK, 11)
MODELS = ("feedback", "influences", "rules", "outcome_moves", "weights")


def visits(name: str) -> bytes:
    """How often each scenario was visited, and each state met."""
    sums = simulate(compiled(exact_model(name)), PLAN)
    return sums.visits.tobytes() + sums.moments.total.tobytes()


@pytest.mark.parametrize("name", MODELS)
def test_states_are_those_of_trials_that_are_read_one_by_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = visits(name)
    monkeypatch.setattr(kernels, "_PAIRED_TRIALS", 2 * PLAN.trials)
    assert visits(name) == found


def test_neighbours_that_change_places_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = visits("influences")
    pairs = kernels.ThresholdTable._paired_tables.func  # type: ignore[attr-defined]  # noqa: SLF001
    monkeypatch.setattr(
        kernels.ThresholdTable,
        "_paired_tables",
        property(lambda table: [pair << np.uint32(16) | pair >> np.uint32(16) for pair in pairs(table)]),
    )
    assert visits("influences") != found


def test_the_lower_half_of_one_word_is_that_of_all() -> None:
    stream = RandomStream(3, "node", 2 * BLOCK)
    stream.begin(range(2))
    words = stream.words_at(0)
    twice = RepeatedWords(words, 2)
    for trial in (0, 1, BLOCK - 1, BLOCK, 2 * BLOCK - 1):
        assert words.lower_of_trial(trial) == words.lower()[trial] == twice.lower()[2 * BLOCK + trial]
        assert twice.lower_of_trial(2 * BLOCK + trial) == words.lower_of_trial(trial)


def test_a_word_that_ties_is_settled_by_its_lower_half(monkeypatch: pytest.MonkeyPatch) -> None:
    found = visits("influences")
    monkeypatch.setattr("usru_scenarios.sampler.rng.RandomWords.lower_of_trial", lambda _words, _trial: 0)
    assert visits("influences") != found
