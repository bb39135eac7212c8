"""A page answers as the program does: its sums on its own trials are the sampler's, and what it shows is honest."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from support import effort
from support.page import Case, answers, needs_node, reference
from support.random_models import random_model
from support.reference_models import compiled as compiled_model
from support.reference_models import model
from support.sampled import exact_model
from usru_scenarios.problems import RequestError
from usru_scenarios.program.program import Program
from usru_scenarios.questions.page import trials as page_trials
from usru_scenarios.questions.page.trials import plan_of
from usru_scenarios.study import Study

if TYPE_CHECKING:
    from support.oracle import Json
    from support.sampled import Opened

TRIALS = 512

UNCERTAIN: Json = {
    "usru": 1,
    "name": "uncertain",
    "title": "Uncertain judgements wherever the outcome has any",
    "time": {"start": "2000", "end": "2004", "step": "year"},
    "odds_per_point": {"impacts": {"uniform": [1.5, 2.5]}},
    "scenarios": {"a": {"baseline": {"uniform": [0.2, 0.5]}}, "b": {"baseline": 0.3}, "c": {"baseline": 0.3}},
    "groups": {"both": ["a", "b"]},
    "outcome": {
        "persistence": {"a": {"uniform": [0.2, 0.6]}, "default": 0.4},
        "events": [
            {"at": "2001", "until": "2002", "points": {"b": {"uniform": [0, 2]}, "hold": 1}},
            {"at": "2003", "prior": {"a": {"uniform": [0.1, 0.9]}, "b": 0.5}},
        ],
    },
    "drivers": {
        "d": {
            "states": {"x": {"uniform": [0.2, 0.8]}, "y": 0.5},
            "persistence": 0.5,
            "impacts": {"x": {"a": {"uniform": [0, 2]}, "hold": -1}, "y": {"c": 1}},
            "weight": {"uniform": [0.5, 1.5]},
        },
        "e": {"states": {"u": 1, "v": 1}, "impacts": {"u": {"b": 1}}, "weight": {"2000": 0.5, "2003": 2}},
    },
    "rules": {"r": {"when": {"d": "x", "e": "u"}, "then": {"scenario": {"c": {"uniform": [1, 2]}}}}},
}


def weights_of(program: Program, dice: random.Random) -> dict[str, float]:
    names = program.outcome.weighted
    return {name: dice.uniform(0.0, 3.0) for name in dice.sample(names, dice.randint(0, len(names)))}


@pytest.fixture
def fine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numeric drivers are carried so finely that their rounding is not seen."""
    monkeypatch.setattr(page_trials, "LEVELS", 1 << 16)


def assert_same_sums(study: Study, dice: random.Random, *, judgements: int = 0, cases: int = 3) -> list[bool]:
    """The page's sums are the sampler's under random weights; which chains were lazy."""
    page = study.page(carried=TRIALS, trials=256, judgements=judgements, method="sample")
    plan = plan_of(TRIALS, 1, judgements)
    program = study.drawn(plan.seed, plan.judgements) if judgements else study.program
    moved = [Case({}), *(Case(weights_of(program, dice)) for _ in range(cases))]
    found = answers(page, moved)
    for case, answer in zip(moved, found, strict=True):
        visits, first_visits = reference(program, page, plan, case)
        assert np.abs(visits.ravel() - answer["visits"]).max() < 1e-6 * TRIALS
        assert np.abs(first_visits.ravel() - answer["firstVisits"]).max() < 1e-6 * TRIALS
    return [answer["lazy"] for answer in found]


@pytest.mark.more
@needs_node
@pytest.mark.usefixtures("fine")
def test_sums_of_random_models(opened: Opened) -> None:
    dice = random.Random(5)
    kinds: list[bool] = []
    while len(kinds) < (400 if effort.everything else 24):
        raw = random_model(dice)
        if not compiled_model(raw).feedback:
            kinds += assert_same_sums(opened(raw), dice)
    assert {*kinds} == {True, False}


@needs_node
@pytest.mark.usefixtures("fine")
@pytest.mark.parametrize(
    "name", ["weights", "outcome_moves", "outcome_lumped", "rules", "events", "numeric_drift", "numeric_fixed"]
)
def test_sums_of_models(name: str, opened: Opened) -> None:
    assert_same_sums(opened(exact_model(name)), random.Random(1))


@needs_node
def test_sums_under_draws_of_the_judgements(opened: Opened) -> None:
    assert_same_sums(opened(UNCERTAIN), random.Random(2), judgements=32)


@needs_node
def test_errors_cover_points_that_never_acted(opened: Opened) -> None:
    rare = {"states": {"often": 0.99999, "rarely": 0.00001}, "persistence": 0, "impacts": {"rarely": {"x": 3}}}
    usual = {"states": {"u": 0.5, "v": 0.5}, "impacts": {"u": {"x": 1}}}
    page = opened(model(2, drivers={"rare": rare, "usual": usual})).page(carried=TRIALS, trials=256, method="sample")
    moved, other = answers(page, [Case({"rare": 3.0}), Case({"usual": 3.0})])
    end, usual_end = (answer["shown"][0]["byStep"][-1] for answer in (moved, other))
    assert (end["difference"], end["differenceError"]) == (0.0, 3 / TRIALS)
    assert abs(usual_end["difference"]) > 0.05
    assert 0.0 < usual_end["differenceError"] < 3 / TRIALS


@needs_node
def test_what_is_seen_is_the_share_of_the_trials_that_agree(opened: Opened) -> None:
    study = opened(exact_model("weights"))
    page = study.page(carried=1 << 14, trials=256, method="sample")
    view = page.about["views"][0]
    driver, place = view["drivers"][0], len(view["steps"]) - 1
    state = driver["states"][0]
    seen = {"path": driver["path"], "number": state["number"], "step": place}
    (answer,) = answers(page, [Case({}, 0, [seen])])
    wanted = study.simulate(given=[f"{driver['id']}={state['id']}@{view['steps'][place]}"], method="exact")
    for shown, known in zip(answer["shown"], [*wanted.scenarios.values(), *wanted.groups.values()], strict=True):
        for step, likely in enumerate(known.by_step):
            found = shown["byStep"][step]
            assert abs(found["value"] - likely) <= 4.5 * found["error"] + 1e-9
        assert abs(shown["ever"]["value"] - known.ever) <= 4.5 * shown["ever"]["error"] + 1e-9


def test_a_model_that_feeds_back_is_refused(opened: Opened) -> None:
    with pytest.raises(RequestError, match="outcome feeds back"):
        opened(exact_model("feedback")).page(trials=256)
