"""Runs of next to no trials and draws: no warning of numpy, no number that is none."""

from __future__ import annotations

import json
import warnings

import pytest

from support.command import HARBOUR, HERE, answer
from support.reference_models import model
from usru_scenarios.settings import SampleLimits

EVERYTHING = str(HERE / "models" / "good" / "everything.yaml")
DRAWN = ("--judgements", "2")


@pytest.mark.parametrize("model", [EVERYTHING, HARBOUR])
@pytest.mark.parametrize("trials", ["2", "3"])
@pytest.mark.parametrize(
    "asked",
    [
        ("simulate", "--method", "sample"),
        ("simulate", *DRAWN),
        ("check", "--robust", "2", "--mutants", "2"),
        ("watch",),
        ("compare", "-w", "DRIVER=2", *DRAWN),
    ],
    ids=" ".join,
)
def test_next_to_no_trials_give_no_warning(asked: tuple[str, ...], trials: str, model: str) -> None:
    driver = "mood" if model == EVERYTHING else "weather"
    asked = tuple(part.replace("DRIVER", driver) for part in asked)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = answer(*asked, model, "-n", trials, "--json", "--jobs", "1")
    assert found.returncode in (0, 1), found.stderr
    assert "Warning" not in found.stderr
    assert "NaN" not in found.stdout
    assert found.stdout.startswith("{")


def test_what_cannot_happen_is_not_drawn_for() -> None:
    """Where it is proven that no trial can agree, no more than the first are drawn; where it is not, more are."""
    drawn: list[int] = []

    class Nothing:
        effective_trials = 0.0

    def run(trials: int) -> Nothing:
        drawn.append(trials)
        return Nothing()

    limits = SampleLimits(most_trials=1000, most_unmet=500)
    assert limits.sample(run, 100, lambda: True)[::2] == (100, False)
    assert drawn == [100]
    assert limits.sample(run, 100, lambda: False)[::2] == (1000, False)
    assert drawn == [100, 100, 400, 1000]


@pytest.mark.parametrize("persistence", [0, 0.5])
def test_a_number_that_starts_below_its_distribution_is_kept_as_far_as_it_is(persistence: float) -> None:
    """Where nothing is kept it is drawn afresh after the start, though its latent normal was infinite there."""
    raw = model(
        time={"start": 2025, "end": 2028, "step": "year"},
        scenarios={"fine": {"baseline": 0.6}, "bad": {"baseline": 0.4}},
        drivers={
            "growth": {
                "kind": "numeric",
                "range": [0, 1],
                "distribution": {"uniform": [{"uniform": [0.2, 0.8]}, 1]},
                "initial": 0.4,
                "persistence": persistence,
                "impacts": {0: {"bad": 1}, 1: {"fine": 1}},
            }
        },
        odds_per_point=1.5,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = answer("simulate", "-", "--json", "--judgements", "0", stdin=json.dumps(raw))
    assert found.returncode == 0, found.stderr
    means = json.loads(found.stdout)["drivers"]["growth"]["mean"]
    assert means == pytest.approx([0.4, *([0.75, 0.75] if not persistence else [0.5, 0.5])], abs=0.02)
