"""One statement has one verdict, what stands at the means says so, and what is printed as a path can be set."""

from __future__ import annotations

import copy
import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

from support.command import HERE, answer
from support.oracle import Json
from support.random_models import random_model
from support.reference_models import model
from support.sampled import text_keys
from support.tiny import TINY, study_of
from usru_scenarios.model.judgements import dotted_path, judgements
from usru_scenarios.model.schema import Model
from usru_scenarios.model.values import Duration
from usru_scenarios.problems import ModelError
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.questions.simulate.question import forecast_warnings
from usru_scenarios.reading.loading import make_outline
from usru_scenarios.schemas import schema
from usru_scenarios.study import Study, load

BOUND = "P(good | d=a) > 0.95"

ONE_UNCERTAIN: Json = model(
    odds_per_point=1.5,
    scenarios={"good": {"baseline": 1}, "bad": {"baseline": 1}},
    drivers={"d": {"states": {"a": 1, "b": 1}, "impacts": {"a": {"good": {"uniform": [0, 20]}}}}},
    expectations={"one": {"that": BOUND}},
    anchor={"at": "now", "shares": {"good": 0.5, "bad": 0.5}},
    profiles={"known": {"overrides": {"drivers": {"d": {"impacts": {"a": {"good": 10}}}}}}},
)

AVERAGE = (math.log1p(1.5**20) - math.log(2)) / (20 * math.log(1.5))
"""The mean of 1 / (1 + 1.5 ** -x) for x uniform on [0, 20], by its antiderivative: 0.91465."""

AT_MEAN = 1.0 / (1.0 + 1.5**-10)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return study_of(ONE_UNCERTAIN, tmp_path_factory.mktemp("one"))


# One verdict ----------------------------------------------------------------------------------------------------------


def test_check_and_ask_average_over_the_same_draws(one: Study) -> None:
    """At the mean of the judgement the statement holds; sabotaged so, the average is 16 errors off."""
    checked, asked = one.check().expectations["one"], one.ask(BOUND)
    assert (checked.verdict, asked.holds) == ("fails", False)
    for left, error in ((checked.left, checked.standard_error), (asked.left, asked.standard_error)):
        assert left is not None
        assert error is not None
        assert abs(left - AVERAGE) <= 4.5 * max(error, 1e-4)
        assert abs(AT_MEAN - AVERAGE) > 15 * max(error, 1e-4)
    assert checked.margin == pytest.approx(asked.value, abs=4.5 * max(checked.standard_error or 0.0, 1e-9))


def test_at_the_means_only_where_that_is_asked(one: Study) -> None:
    checked, asked = one.check(judgements=0), one.ask(BOUND, judgements=0)
    assert (checked.expectations["one"].verdict, asked.holds) == ("holds", True)
    assert checked.expectations["one"].left == pytest.approx(AT_MEAN)
    assert (checked.judgements, checked.judgements_at_means) == (asked.judgements, asked.judgements_at_means) == (0, 1)
    drawn = one.check()
    assert (drawn.judgements, drawn.judgements_at_means) == (512, 0)


def test_a_profile_that_fixes_the_judgement_has_nothing_to_draw(one: Study) -> None:
    known = one.varied(profile="known")
    for found in (known.check(), known.check(judgements=0)):
        assert found.expectations["one"].verdict == "holds"
        assert (found.judgements, found.judgements_at_means) == (0, 0)


def test_the_command_takes_judgements_and_says_what_it_did(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text(json.dumps(ONE_UNCERTAIN))
    drawn, means = answer("check", str(file)), answer("check", str(file), "--judgements", "0")
    assert (drawn.returncode, means.returncode) == (1, 0)
    assert "draws of the judgements" in drawn.stdout
    assert "0 undecided, with the uncertain judgement at its mean." in means.stdout
    assert "is taken at its mean" not in means.stderr, "it was asked for"
    assert "at its mean" not in drawn.stdout + drawn.stderr


# At the means ---------------------------------------------------------------------------------------------------------

AT_MEANS = {
    "simulate": ["simulate", "--judgements", "0"],
    "exact": ["simulate", "--method", "exact", "--judgements", "0"],
    "ask": ["ask", BOUND, "--judgements", "0"],
    "check": ["check", "--judgements", "0"],
    "compare": ["compare", "--do", "d=a", "--judgements", "0"],
    "sweep": ["sweep", "d=0..1:2"],
    "sensitivity": ["sensitivity", "-n", "200"],
    "watch": ["watch", "-n", "200"],
    "explain": ["explain", "good", "-n", "200"],
    "calibrate": ["calibrate"],
}
SCHEMAS = {"simulate": "simulation", "exact": "simulation", "ask": "answer", "compare": "comparison"}
SCHEMAS |= {"explain": "explanation", "calibrate": "calibration"}


@pytest.mark.parametrize("question", AT_MEANS)
@pytest.mark.parametrize("form", ["table", "md", "json"])
def test_every_answer_at_the_means_says_so(question: str, form: str, tmp_path: Path) -> None:
    """In its text and in its data; and not where the file has no uncertain judgement."""
    if question == "calibrate" and form == "md":
        pytest.skip("calibrate has no Markdown")
    certain = copy.deepcopy(ONE_UNCERTAIN)
    certain["drivers"]["d"]["impacts"]["a"]["good"] = 10
    for number, raw in ((1, ONE_UNCERTAIN), (0, certain)):
        file = tmp_path / f"{number}.yaml"
        file.write_text(json.dumps(raw))
        how = [] if form == "table" else ["--json"] if form == "json" else ["-f", form]
        done = answer(*AT_MEANS[question], str(file), *how)
        assert done.returncode in (0, 1), done.stderr
        if form == "json":
            data = json.loads(done.stdout)
            assert data.get("run", data)["judgements_at_means"] == number
        else:
            assert (" ".join(done.stdout.split()).count("uncertain judgement at its mean") > 0) == bool(number)


@pytest.mark.parametrize("question", AT_MEANS)
def test_the_schemas_have_the_key(question: str) -> None:
    assert '"judgements_at_means"' in json.dumps(schema(SCHEMAS.get(question, question)))


# Paths ----------------------------------------------------------------------------------------------------------------

ROWS: Json = {**copy.deepcopy(TINY), "odds_per_point": {"impacts": 2, "influences": 1.7}}
ROWS["drivers"]["talks"]["prior_given"] = {
    "first": {"when": {"mood": "high"}, "prior": {"deal": 0.5, "none": 0.5}},
    "second": {"when": {"mood": "low"}, "prior": {"deal": 1, "none": 2}},
}


def models() -> dict[str, Json]:
    found = {"tiny": TINY, "rows": ROWS}
    for odds in (None, 1.5, {"pert": [1.2, 1.5, 2]}, {"impacts": 1.5}, {"impacts": 1.5, "influences": 1.5}):
        raw = copy.deepcopy(TINY)
        raw["odds_per_point"] = odds
        found[f"odds {json.dumps(odds)}"] = (
            raw if odds is not None else {k: v for k, v in raw.items() if k[:4] != "odds"}
        )
    return found | {f"random {seed}": random_model(random.Random(seed)) for seed in range(12)}


@pytest.mark.parametrize("name", models())
def test_every_path_of_a_judgement_is_one_that_can_be_set(name: str, tmp_path: Path) -> None:
    """Set to the value that it has, and it is the same model."""
    settable(study_of(text_keys(models()[name]), tmp_path), every=1)


def test_so_is_every_path_of_the_bundled_and_the_whole_model(bundled: Study) -> None:
    settable(load(HERE / "models" / "good" / "everything.yaml"), every=7)
    settable(bundled, every=101)


def settable(study: Study, every: int) -> None:
    for judged in list(judgements(study.loaded.model))[::every]:
        held = judged.judgement.value
        value = held.text if isinstance(held, Duration) else judged.judgement.mean if judged.is_uncertain else held  # type: ignore[union-attr]
        cited = [value, *judged.sources] if judged.judgement.sources else value
        again = study.varied(overrides={dotted_path(judged.path): cited}).loaded
        if not judged.is_uncertain and judged.judgement.note is None:
            assert again.model == study.loaded.model, judged.path
            assert again.sha256 == study.loaded.sha256 or judged.judgement.sources, judged.path


def test_sensitivity_and_warnings_name_one_scalar_by_its_own_path(tmp_path: Path) -> None:
    raw = {**copy.deepcopy(TINY), "odds_per_point": {"uniform": [1.2, 2.2]}}
    study = study_of(raw, tmp_path)
    found = study.sensitivity(questions=["judgements"], trials=1000)
    assert found.judgements is not None
    paths = [effect.path for effect in found.judgements]
    assert [path for path in paths if path.startswith("odds")] == ["odds_per_point"]
    (said,) = [one.message for one in found.warnings if one.code == "judgements_at_their_means"]
    assert "the uncertain judgement odds_per_point is" in said
    assert study.outline.uncertain == ("odds_per_point",)
    for effect in found.judgements:
        study.varied(overrides={effect.path: effect.value})


def test_one_more_of_the_one_scalar_moves_impacts_and_influences_together(tmp_path: Path) -> None:
    """A tenth more log-odds for every point: as a model whose number is that, on the same draws."""
    raw = {**copy.deepcopy(TINY), "odds_per_point": 2}
    found = study_of(raw, tmp_path).sensitivity(questions=["judgements"], trials=2000)
    (effect,) = [one for one in found.judgements or () if one.path == "odds_per_point"]
    assert effect.changed == pytest.approx(2**1.1)
    (tmp_path / "more").mkdir()
    more = study_of({**raw, "odds_per_point": 2**1.1}, tmp_path / "more").sensitivity(
        questions=["drivers"], trials=2000
    )
    for name, change in effect.by_scenario.items():
        assert change.value == pytest.approx(more.probability[name] - found.probability[name], abs=1e-12)


# The outcome that follows the drivers afresh --------------------------------------------------------------------------

FOLLOWS = {"nothing said": {}, "persistence 0": {"persistence": 0}, "first shares": {"initial": {"calm": 1}}}
FOLLOWS |= {"a forced redraw": {"events": {"strike": {"at": "2001", "prior": {"war": 1}}}}}
REMEMBERS: dict[str, Any] = {
    "persistence": {"persistence": 0.1},
    "persistence of one state": {"persistence": {"war": 0.1, "default": 0}},
    "allowed": {"allowed": {"thaw": ["thaw", "calm"]}},
    "its own past": {"lagged_influences": {"scenario": {"war": {"war": 1}}}},
}


def told(outcome: Any, **more: Any) -> bool:
    raw = {**copy.deepcopy(TINY), "outcome": outcome, **more}
    model = Model.model_validate(text_keys(raw))
    found = forecast_warnings(make_outline(model), compile_model(model))
    return "independent_outcome" in {one.code for one in found}


@pytest.mark.parametrize("name", FOLLOWS)
def test_an_outcome_without_memory_is_warned_of(name: str) -> None:
    assert told(FOLLOWS[name])


def test_points_for_hold_are_no_memory_where_there_is_no_persistence() -> None:
    raw = copy.deepcopy(TINY)
    raw["drivers"]["mood"]["impacts"]["high"]["hold"] = 3
    assert told({}, drivers=raw["drivers"])
    assert not told({"persistence": 0.2}, drivers=raw["drivers"])


@pytest.mark.parametrize("name", REMEMBERS)
def test_an_outcome_with_a_memory_is_not(name: str) -> None:
    assert not told(REMEMBERS[name])


def test_a_rule_about_the_scenario_before_is_a_memory() -> None:
    rule = {"when": {"scenario": "war"}, "lag": 1, "then": {"scenario": {"war": 1}}}
    assert not told({}, rules={"stays": rule})


# Durations ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ({"pert": ["1 year", "2 years", "3 years"]}, "{pert: [0.368, 0.607, 0.717]}"),
        ({"high": {"uniform": ["1 year", "18 months"]}, "low": 0.5}, "{uniform: [0.368, 0.513]}"),
        ({"value": {"triangular": [0.2, "2 years", 0.7]}, "note": "hm"}, "{triangular: [0.2, 0.607, 0.7]}"),
        ([{"pert": ["1 year", "2 years", "3 years"]}, "A1"], "{pert: [0.368, 0.607, 0.717]}"),
        ({"normal": ["2 years", "6 months"]}, "{pert: [0.4, 0.6, 0.7]}"),
    ],
)
def test_durations_that_are_uncertain_are_refused_where_they_stand(written: Any, hint: str, tmp_path: Path) -> None:
    raw = copy.deepcopy(TINY)
    raw["drivers"]["mood"]["persistence"] = written
    with pytest.raises(ModelError) as caught:
        study_of(raw, tmp_path)
    (problem,) = caught.value.problems
    assert problem.message == "durations can't be uncertain: write numbers per step"
    assert problem.hint.endswith(hint)
    assert problem.span is not None
    assert problem.span.text[problem.span.column - 1] in "[{"


def test_states_may_be_called_as_distributions_are(tmp_path: Path) -> None:
    raw = copy.deepcopy(TINY)
    raw["drivers"]["mood"] = {
        "states": {"pert": 0.3, "normal": 0.7},
        "persistence": {"pert": ["2 years"], "normal": ["18 months", "A1"]},
    }
    raw["drivers"]["talks"].pop("influences")
    raw["profiles"] = {}
    kept = study_of(raw, tmp_path).program.nodes["mood"].persistence
    assert sorted(kept.tolist()) == pytest.approx(sorted([math.exp(-1 / 2), math.exp(-1 / 1.5)]))
