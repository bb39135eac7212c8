"""A page answers as the program does: its sums on its own trials are the sampler's, and what it shows is honest."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from support import effort
from support.page import Case, answers, needs_node, reference
from support.random_models import random_model
from support.reference_models import compiled as compiled_model
from support.reference_models import model
from support.sampled import ERRORS, exact_model
from support.tiny import TINY, kept_by_state, study_of
from usru_scenarios.problems import RequestError
from usru_scenarios.program.program import Program
from usru_scenarios.questions.page import trials as page_trials
from usru_scenarios.questions.page.question import PageData
from usru_scenarios.questions.page.trials import plan_carried_trials
from usru_scenarios.results.simulate import Simulation
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
    names = program.outcome.weight_names
    return {name: dice.uniform(0.0, 3.0) for name in dice.sample(names, dice.randint(0, len(names)))}


@pytest.fixture
def fine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numeric drivers are carried so finely that their rounding is not seen."""
    monkeypatch.setattr(page_trials, "LEVELS", 1 << 16)


def assert_same_sums(study: Study, dice: random.Random, *, judgements: int = 0) -> list[bool]:
    """The page's sums are the sampler's under random weights; which chains were lazy."""
    page = study.page(carried=TRIALS, trials=256, judgements=judgements, method="sample")
    plan = plan_carried_trials(TRIALS, 1, judgements)
    program = study.drawn(plan.seed, plan.judgements) if judgements else study.program
    moved = [Case({}), *(Case(weights_of(program, dice)) for _ in range(3))]
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
        if not compiled_model(raw).has_feedback:
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
def test_odds_beyond_what_four_bytes_hold_are_relative(opened: Opened) -> None:
    raw = json.loads(json.dumps(TINY))
    for scenario, share in zip(raw["scenarios"].values(), (5e99, 2e99, 3e99), strict=True):
        scenario["baseline"] = share
    huge, usual = (opened(one).page(carried=TRIALS, method="exact") for one in (raw, TINY))
    found, wanted = (answers(page, [Case({"mood": 2.0})])[0]["visits"] for page in (huge, usual))
    assert found == pytest.approx(wanted, abs=1e-4 * TRIALS)


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


# Evidence ------------------------------------------------------------------------------------------------------------

HEADER = "usru: 1\nkind: evidence\nname: seen\nmodel: model.yaml\nas_of: 2001-06-30\nevidence:\n"
ITEMS = {
    "wire": "{about: mood @ 2000, likelihood: {high: 4, low: 1}, learned: 2001-02-12}",
    "talks_held": '{seen: "talks=deal @ 2001", learned: 2001-02-12}',
    "streets": "{signpost: {of: war, at: 2001, found: false, if_so: 0.9, if_not: 0.2}, learned: 2001-03-01}",
    "embassy": "{about: scenario @ 2000, likelihood: {thaw: 3, default: 1}, learned: 2001-03-01}",
    "harbour": '{seen: "trade=down @ 2001", learned: 2001-04-01}',
    "either": '{seen: "(war or mood=low) @ 2001", learned: 2001-04-01}',
}


def knowing(raw: Json, folder: Path, *items: str) -> Study:
    lines = [f"  {item}: {ITEMS[item]}\n" for item in items]
    (folder / "seen.yaml").write_text(HEADER + "".join(lines), encoding="utf-8")
    return study_of(raw, folder).knowing(folder / "seen.yaml")


def numbers(shown: Any) -> Iterator[tuple[float, float]]:
    """The numbers of a row of a page, with their errors."""
    for one in (*shown["byStep"], shown["mean"], shown["ever"]):
        yield one["value"], one["error"]


def known(found: Simulation, name: str) -> list[float]:
    assert found.ahead is not None
    ahead = found.ahead[name]
    return [*found.scenarios[name].by_step, ahead.share, ahead.ever]


MOVED = {"mood": 2.5, "talks": 0.2}
TOLD = {
    "drivers": (TINY, ("wire", "talks_held")),
    "scenario": (TINY, ("wire", "streets", "embassy")),
    "matrix": (kept_by_state(), ("wire", "streets")),
}


def scores(page: PageData, study: Study, folder: Path) -> list[float]:
    """By how many standard errors the numbers under moved weights are off, with and without more that is seen."""
    view = page.about["views"][0]
    driver = next(one for one in view["drivers"] if one["id"] == "mood")
    high = next(one["number"] for one in driver["states"] if one["id"] == "high")
    more = [{"path": driver["path"], "number": high, "step": 2}]
    moved = study.varied(weights=MOVED).knowing(folder / "seen.yaml")
    truths = [moved.simulate(method="exact", given=given) for given in ((), ("mood=high@2002",))]
    found = answers(page, [Case(MOVED), Case(MOVED, 0, more)])
    return [
        (value - truth) / max(error, 1e-6)
        for answer, simulated in zip(found, truths, strict=True)
        for scenario, shown in zip(view["scenarios"], answer["shown"], strict=True)
        if not scenario["group"]
        for (value, error), truth in zip(numbers(shown), known(simulated, scenario["id"]), strict=True)
    ]


@needs_node
@pytest.mark.parametrize("told", TOLD)
def test_under_evidence_moves_are_what_simulate_says(told: str, tmp_path: Path) -> None:
    raw, items = TOLD[told]
    study = knowing(raw, tmp_path, *items)
    page = study.page(carried=1 << 14, judgements=0)
    off = scores(page, study, tmp_path)
    assert max(map(abs, off)) < ERRORS
    assert math.sqrt(np.mean(np.square(off))) < 2.0
    gloomy = study.varied(profile="gloomy").knowing(tmp_path / "seen.yaml")
    for place, reading in enumerate((study, gloomy)):
        (still,) = answers(page, [Case({}, place)])
        view, forecast = page.about["views"][place], reading.simulate(judgements=0)
        assert view["now"] == 1
        for scenario, shown in zip(view["scenarios"], still["shown"], strict=True):
            if not scenario["group"]:
                wanted = known(forecast, scenario["id"])
                assert [value for value, _ in numbers(shown)] == pytest.approx(wanted, abs=1e-12)


@needs_node
@pytest.mark.parametrize(("told", "part", "key"), [("drivers", "sample", "trialWeights"), ("scenario", "law", "signs")])
def test_a_page_that_forgets_what_was_seen_is_noticed(told: str, part: str, key: str, tmp_path: Path) -> None:
    raw, items = TOLD[told]
    study = knowing(raw, tmp_path, *items)
    page = study.page(carried=1 << 14, judgements=0)
    for view in page.about["views"]:
        del view[part][key]
    assert max(map(abs, scores(page, study, tmp_path))) > 2 * ERRORS


@pytest.mark.more
@needs_node
def test_under_evidence_errors_hold_with_draws_of_the_judgements(tmp_path: Path) -> None:
    """Against long runs of the command: some draws of the judgements make what was seen likelier than others."""
    raw: Json = json.loads(json.dumps(TINY))
    raw["drivers"]["mood"]["states"] = {"high": {"uniform": [0.1, 0.6]}, "low": 0.6}
    raw["drivers"]["mood"]["impacts"]["high"]["thaw"] = {"uniform": [0, 3]}
    study = knowing(raw, tmp_path, "wire", "talks_held", "streets")
    moved = study.varied(weights=MOVED).knowing(tmp_path / "seen.yaml")
    truth = moved.simulate(method="exact", judgements=2048, seed=77)
    off = []
    for seed in range(1, effort.tries(8, 32) + 1):
        page = study.page(carried=4096, seed=seed, judgements=256, method="exact")
        (answer,) = answers(page, [Case(MOVED)])
        for scenario, shown in zip(page.about["views"][0]["scenarios"], answer["shown"], strict=True):
            if not scenario["group"]:
                end, own = shown["byStep"][-1], truth.scenarios[scenario["id"]].standard_errors.end
                off.append((end["value"] - truth.scenarios[scenario["id"]].end) / math.hypot(end["error"], own))
    assert 0.5 < math.sqrt(np.mean(np.square(off))) < 1.5


@pytest.mark.parametrize("item", ["harbour", "either"])
def test_what_a_page_cannot_weigh_is_refused_by_name(item: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=f"no page can be made with {item}"):
        knowing(TINY, tmp_path, "wire", item).page(trials=256)


def test_a_model_that_feeds_back_is_refused(opened: Opened) -> None:
    with pytest.raises(RequestError, match="outcome feeds back"):
        opened(exact_model("feedback")).page(trials=256)
