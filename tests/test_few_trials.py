"""Runs of next to no trials and draws: no warning of numpy, no number that is none."""

from __future__ import annotations

import warnings

import pytest

from support.command import HARBOUR, HERE, answer

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
