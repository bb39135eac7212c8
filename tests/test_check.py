"""Expectations: verdicts, their numbers, faults at their places; and models with all judgements moved."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from support.command import HARBOUR, HERE, answer, refusal
from support.effort import tries
from support.oracle import Json, marginals
from support.reference_models import model
from support.sampled import EXACT_MODELS, exact_model, text_keys
from support.tiny import TINY, gloomy, limited, study_of
from usru_scenarios.exact import inference
from usru_scenarios.model.judgements import judgements, with_values
from usru_scenarios.model.schema import Model
from usru_scenarios.model.values import Keep
from usru_scenarios.names import KeyPath
from usru_scenarios.problems import ModelError
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.questions import ask, check
from usru_scenarios.questions.ask import StatementValue
from usru_scenarios.questions.check import FIRST_TRIALS
from usru_scenarios.questions.perturbation import (
    ODDS_SPREAD,
    PERSISTENCE_SPREAD,
    POINTS_SPREAD,
    SPREADS,
    WEIGHT_SPREAD,
    perturb_model,
)
from usru_scenarios.results.ask import Verdict
from usru_scenarios.schemas import output_schema
from usru_scenarios.study import Study, load

BUNDLED = HERE.parent / "scenarios" / "us-russia.yaml"


def expecting(folder: Path, raw: Json = TINY, **expectations: Any) -> Study:
    blocks = {name: {"that": that} if isinstance(that, str) else that for name, that in expectations.items()}
    return study_of({**raw, "expectations": blocks}, folder)


# Verdicts -------------------------------------------------------------------------------------------------------------


def test_verdicts_have_both_sides_and_the_margin(tmp_path: Path) -> None:
    known = marginals(TINY)["scenarios"]
    report = expecting(
        tmp_path,
        war_wanes={"that": "P(war @ start) > P(war @ end)", "sources": ["G1", "A2"], "title": "War wanes"},
        war_rules="P(war @ end) >= 0.9",
        moods="P(war @ end | mood=high @ start) < P(war @ end)",
        steps="P(war @ each) > P(thaw @ each)",
    ).check(method="exact")
    one = report.expectations["war_wanes"]
    first, last = known["war"]["by_step"][0], known["war"]["end"]
    assert one.left == pytest.approx(first)
    assert one.right == pytest.approx(last)
    assert one.margin == pytest.approx(first - last)
    assert (one.title, one.sources, one.standard_error, one.method) == ("War wanes", ["G1", "A2"], 0.0, "exact")
    assert {name: one.verdict for name, one in report.expectations.items()} == {
        "war_wanes": "holds" if first > last else "fails",
        "war_rules": "fails",
        "moods": "holds",
        "steps": report.expectations["steps"].verdict,
    }
    margins = [war - thaw for war, thaw in zip(known["war"]["by_step"], known["thaw"]["by_step"], strict=True)]
    assert report.expectations["steps"].margin == pytest.approx(min(margins))
    assert report.expectations["steps"].step == str(2000 + margins.index(min(margins)))
    assert not report.all_hold


def test_sampled_verdicts_are_the_exact_ones(tmp_path: Path) -> None:
    study = expecting(
        tmp_path,
        a="P(war @ ever) > P(thaw @ ever)",
        b="P(mood=high @ start | war @ end) < P(mood=high @ start)",
        c="P(war @ end | do(mood=high)) > P(war @ end | do(mood=low))",
        d="P(war @ end | profile(gloomy)) > P(war @ end)",
        e="odds(P(war @ each)) < 5 * odds(P(quiet @ each))",
    )
    exact, sampled = study.check(method="exact").expectations, study.check(method="sample").expectations
    assert {name: one.verdict for name, one in sampled.items()} == {name: one.verdict for name, one in exact.items()}
    for name, one in sampled.items():
        right = exact[name].margin
        if one.step != exact[name].step:  # the sides that are closest in standard errors, which an exact answer has not
            right = study.ask(f"5 * odds(P(quiet @ {one.step})) - odds(P(war @ {one.step}))", method="exact").value
        assert one.margin == pytest.approx(right, abs=4.5 * (one.standard_error or 0.0) + 1e-9)
        whole = check.FIRST_TRIALS
        # of the observed there are few as it is
        fewer = [] if name == "b" else [whole // each for each in check.FIRST_DIVISORS]
        assert one.trials in (*fewer, whole)


@pytest.mark.parametrize(
    ("holds", "margin", "error", "clear"),
    [
        (True, 0.061, 0.01, True),
        (True, 0.059, 0.01, False),
        (False, -0.061, 0.01, True),
        (False, -0.059, 0.01, False),
        (None, 0.02, 0.01, False),
        (True, None, None, False),
    ],
)
def test_beyond_doubt_is_what_six_errors_tell(
    holds: bool | None, margin: float | None, error: float | None, *, clear: bool
) -> None:
    verdict = Verdict(holds, 0.5, 0.5, margin, error, None)
    assert check._is_clear(StatementValue(margin or 0.0, error or 0.0, verdict, {})) == clear  # noqa: SLF001


def test_fewer_trials_decide_only_what_is_beyond_doubt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = expecting(tmp_path, war="P(war @ end) > 0").check(method="exact").expectations["war"].left
    assert truth is not None
    near: dict[str, Any] = {
        f"war{n}": f"P(war @ end) > {truth * (1 - part):.9f}" for n, part in enumerate((0.5, 0.05, 0.01, 0.001))
    }
    study = limited(expecting(tmp_path, **near), most_trials=65_536)
    found = study.check(method="sample").expectations
    few, full = check.FIRST_TRIALS // check.FIRST_DIVISORS[0], check.FIRST_TRIALS
    assert few in {one.trials for one in found.values()} != {few}
    for one in found.values():
        assert one.margin is not None
        assert one.standard_error is not None
        assert one.trials >= full or abs(one.margin) > check.CLEAR_ERRORS * one.standard_error
    monkeypatch.setattr(check, "CLEAR_ERRORS", math.inf)
    after_all = study.check(method="sample").expectations
    assert all(one.trials >= full for one in after_all.values())
    assert {name: one.verdict for name, one in found.items()} == {name: one.verdict for name, one in after_all.items()}
    for name, one in found.items():
        if one.trials >= full:
            assert one == after_all[name]


def test_few_trials_are_not_made_fewer(tmp_path: Path) -> None:
    trials = check.LEAST_FIRST_TRIALS * min(check.FIRST_DIVISORS) - 1
    found = expecting(tmp_path, far="P(war) < 0.999").check(method="sample", trials=trials)
    assert found.expectations["far"].trials == trials


def test_only_what_is_undecided_takes_more_trials(tmp_path: Path) -> None:
    raw = {**TINY, "profiles": {}}
    raw["drivers"] = {**TINY["drivers"], "coin": {"states": {"heads": 0.5, "tails": 0.5}}}
    study = expecting(
        tmp_path, raw, fair="P(coin=heads @ start) > 0.5", near="P(coin=heads @ start) > 0.498", far="P(war) < 0.99"
    )
    found = limited(study, most_trials=65_536).check(trials=1024, seed=3).expectations
    assert {name: one.verdict for name, one in found.items()} == {"fair": "undecided", "near": "holds", "far": "holds"}
    assert (found["fair"].trials, found["far"].trials) == (65_536, 1024)
    assert found["near"].trials > 1024
    exact = study.check().expectations
    assert [one.verdict for one in exact.values()] == ["fails", "holds", "holds"]


def test_what_few_draws_of_the_judgements_leave_undecided_takes_no_more_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = {**TINY, "profiles": {}}
    uncertain = {"heads": {"uniform": [0.2, 0.8]}, "tails": 0.5}
    raw["drivers"] = {**TINY["drivers"], "coin": {"states": uncertain}}
    study = limited(expecting(tmp_path, raw, fair="P(coin=heads @ start) > 0.45"), most_trials=1 << 20)

    def trials() -> int:
        (one,) = study.check(trials=1024, method="sample", judgements=2).expectations.values()
        assert one.verdict == "undecided"
        return one.trials

    assert trials() <= 1 << 15
    monkeypatch.setattr(ask, "_LEAST_REDUCTION", math.inf)
    assert trials() == 1 << 20


def test_an_expectation_about_a_number_beyond_its_range_is_refused_at_the_number(tmp_path: Path) -> None:
    numeric = {"kind": "numeric", "range": [0, 1]}
    raw = {**TINY, "drivers": {**TINY["drivers"], "erratic": numeric}}
    with pytest.raises(ModelError) as refused:
        expecting(tmp_path, raw, high="P(erratic > 1.5 @ end) < 0.1").check()
    (problem,) = refused.value.problems
    assert problem.message == "'erratic' goes from 0 to 1, so it is never > 1.5"
    assert problem.span is not None
    assert problem.span.width == 3


def test_evidence_that_never_happens_leaves_one_expectation_undecided(tmp_path: Path) -> None:
    study = expecting(tmp_path, fine="P(war) < 1", absurd="P(war @ end | (talks=deal @ end), talks=none @ end) > 0.5")
    for method in ("exact", "sample"):
        report = study.check(method=method)
        assert report.counts == {"holds": 1, "fails": 0, "undecided": 1}
        assert "the observation is impossible" in (report.expectations["absurd"].problem or "")
        assert report.expectations["absurd"].margin is None


def test_a_profile_is_checked_as_the_model(tmp_path: Path) -> None:
    raw = {**TINY, "expectations": {"high": {"that": "P(mood=high @ start) > 0.2"}}}
    assert study_of(raw, tmp_path).check().all_hold
    report = study_of(raw, tmp_path, profile="gloomy").check()
    assert (report.all_hold, report.profile) == (False, "gloomy")
    assert report.expectations["high"].left == pytest.approx(0.05)


def test_the_same_seed_gives_the_same_report(tmp_path: Path) -> None:
    study = expecting(tmp_path, a="P(war @ ever) > P(thaw @ ever)", b="P(war) > 0.1")
    one, two, other = (study.check(trials=512, seed=seed, robust=3) for seed in (5, 5, 6))
    assert one == two
    assert one.expectations["a"].left != other.expectations["a"].left


# The bundled model ----------------------------------------------------------------------------------------------------


OF_BUNDLED = tries(5_000, FIRST_TRIALS)


@pytest.mark.more
def test_the_bundled_model_says_what_its_documents_say() -> None:
    """With judgements at their means; the README has the same over draws of them."""
    report = load(BUNDLED).check(judgements=0, trials=OF_BUNDLED)
    assert len(report.expectations) == 166
    assert report.all_hold, [name for name, one in report.expectations.items() if one.verdict != "holds"]
    assert all(one.sources for one in report.expectations.values())


@pytest.mark.slow
def test_sabotaged_the_bundled_model_does_not() -> None:
    wrong = load(BUNDLED, overrides={"drivers.domestic_opposition.impacts.hard.deterioration": -3})
    report = wrong.check(judgements=0, trials=OF_BUNDLED)
    failed = {name for name, one in report.expectations.items() if one.verdict == "fails"}
    assert failed == {"opposition_hurts"}


# Faults ---------------------------------------------------------------------------------------------------------------

FAULTS = """\
usru: 1
name: faults
title: Faults
scenarios: {war: {}, peace: {}}
drivers: {mood: {states: {high: {}, low: {}}}}
expectations:
  one: {that: "P(war @ now) > P(piece @ now)"}
  two:
    that: >-
      P(war @ now | do(mood=high))
      < P(war @ now |
         do(mood=hihg))
  three: {that: 'P(peace | mood=''high'') > 0'}
  four: {that: P(war)}
  five: {that: "P(war | profile(sunny)) > 0"}
  fine: {that: "P(war) > 0"}
"""

TOLD = [
    (7, "                                 ^^^^^", "unknown scenario 'piece'"),
    (12, "                  ^^^^", "unknown state of 'mood': 'hihg'"),
    (13, "                                  ^", "expected a state of 'mood'"),
    (14, "                ^^^^^^", "an expectation says what must hold"),
    (15, "                                    ^^^^^", "unknown profile 'sunny'"),
]


def test_faults_of_expectations_stand_where_they_are_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(FAULTS)
    for command in ("validate", "check"):
        blocks = refusal(command, str(file), status=1).split(f"{file}:")[1:]
        for block, (line, carets, message) in zip(blocks, TOLD, strict=True):
            place, rest = block.split(": ", 1)
            assert place.startswith(f"{line}:")
            assert rest.startswith(message)
            drawn = rest.splitlines()
            column = int(place.split(":")[1])
            assert drawn[2].split("| ", 1)[1] == " " * (column - 1) + carets.strip()
            assert drawn[1].split("| ", 1)[1] == FAULTS.splitlines()[line - 1]
    problems = json.loads(answer("validate", str(file), "--json").stdout)["problems"]
    assert [(problem["line"], problem["severity"]) for problem in problems] == [(line, "error") for line, *_ in TOLD]
    with pytest.raises(ModelError):
        load(file).check()
    assert answer("simulate", str(file)).returncode == 0  # they are no part of what is run


# The command ----------------------------------------------------------------------------------------------------------


def test_check_tells_what_fails_and_ends_with_status_one(tmp_path: Path) -> None:
    study = expecting(
        tmp_path, a="P(war) > 0.01", b={"that": "P(war @ each) > 0.9", "title": "War rules", "sources": ["G7"]}
    )
    file = str(study.loaded.path)
    done = answer("check", file)
    assert (done.returncode, done.stderr) == (1, "")
    assert "1 hold, 1 fail, 0 undecided." in done.stdout
    assert "War rules\n         P(war @ each) > 0.9\n         the sides are those of 200" in done.stdout
    assert done.stdout.index("fails  b") < done.stdout.index("holds  a")
    assert "'usru sources G7' shows what the claim says" in done.stdout
    markdown = answer("check", file, "-f", "md")
    assert (markdown.returncode, "| fails | `b` |" in markdown.stdout) == (1, True)
    found = json.loads(answer("check", file, "--json", "--robust", "2", "-n", "100").stdout)
    assert not list(Draft202012Validator(output_schema("check")).iter_errors(found))
    assert found["format"] == "usru.check/1.1"
    assert found["expectations"]["b"]["verdict"] == "fails"
    assert found["expectations"]["b"]["sources"] == ["G7"]
    assert found["perturbation"]["models"] == 2
    assert expecting(tmp_path, a="P(war) > 0.01").loaded.path is not None
    assert answer("check", file).returncode == 0


def test_a_file_without_expectations_has_none_that_fail(tmp_path: Path) -> None:
    done = answer("check", str(study_of(TINY, tmp_path).loaded.path))
    assert (done.returncode, "it has no expectations" in done.stdout) == (0, True)


@pytest.mark.parametrize("width", ["40", "60", "80", "140"])
def test_check_keeps_within_the_width(tmp_path: Path, width: str) -> None:
    study = expecting(tmp_path, a_name_that_is_rather_long_for_an_expectation="P(war) > 0.9", b="P(war) < 1")
    done = answer("check", str(study.loaded.path), "--robust", "1", "-n", "64", COLUMNS=width)
    assert max(map(len, done.stdout.splitlines())) <= int(width)


def test_check_refuses_what_makes_no_sense() -> None:
    for arguments in (("--robust", "many"), ("--robust=us-russia",), ("--robust", "1.5", "--json")):
        assert "--robust takes a whole number" in refusal("check", HARBOUR, *arguments)
    assert "no such option: -5" in answer("check", HARBOUR, "--robust", "-5").stderr


def test_robust_alone_is_a_hundred_models_wherever_it_stands(tmp_path: Path) -> None:
    file = str(expecting(tmp_path, one_push(0.5), a="P(good) > 0").loaded.path)
    for arguments in (
        ("--robust", file),
        (file, "--robust"),
        (file, "--robust", "--seed", "1"),
        ("--robust", "--", file),
    ):
        found = json.loads(answer("check", "--json", *arguments).stdout)
        assert (found["perturbation"]["models"], found["expectations"]["a"]["robust"]) == (100, 100)
    for arguments in (("--robust", "3", file), (file, "--robust=3")):
        assert json.loads(answer("check", "--json", *arguments).stdout)["perturbation"]["models"] == 3


# Perturbed models -----------------------------------------------------------------------------------------------------


def one_push(points: float) -> Json:
    return model(
        scenarios={"bad": {}, "good": {}},
        drivers={"d": {"states": {"on": {}}, "impacts": {"on": {"good": points}}}},
        odds_per_point=1.5,
    )


def test_robust_counts_the_models_in_which_an_expectation_holds(tmp_path: Path) -> None:
    study = expecting(
        tmp_path, one_push(0.5), always="P(good @ now) > 0", never="P(good @ now) > 1", sometimes="P(good @ now) > 0.5"
    )
    report = study.check(robust=40, seed=2)
    moved = [perturb_model(study.loaded.model, 2, number) for number in range(40)]
    points = [model.drivers["d"].impacts["on"]["good"].mean for model in moved]
    expected = sum(value > 0 for value in points)
    assert 20 < expected < 40
    assert {name: one.robust for name, one in report.expectations.items()} == {
        "always": 40,
        "never": 0,
        "sometimes": expected,
    }
    assert report.perturbation is not None
    assert (report.perturbation.models, report.perturbation.anchored) == (40, False)
    assert report.perturbation.spreads == SPREADS
    assert study.check(seed=2).expectations["always"].robust is None


def test_baselines_are_solved_for_the_anchor_in_every_perturbed_model(tmp_path: Path) -> None:
    raw = one_push(3) | {"anchor": {"shares": {"good": 0.2, "bad": 0.8}}, "odds_per_point": 2}
    raw["scenarios"] = {"good": {"baseline": 1}, "bad": {"baseline": 32}}
    raw["profiles"] = {"same": {"title": "Same"}, "own": {"overrides": {"scenarios": {"good": {"baseline": 64}}}}}
    anchored = {
        "met": "0.199 < P(good @ now) < 0.201",
        "met_in_profile": "0.199 < P(good @ now | profile(same)) < 0.201",
        "own": "P(good @ now | profile(own)) > 0.5",
    }
    report = expecting(tmp_path, raw, **anchored).check(robust=12)
    assert report.perturbation is not None
    assert report.perturbation.anchored
    assert [one.robust for one in report.expectations.values()] == [12, 12, 12]
    raw["scenarios"] = {"good": {"baseline": 1}, "bad": {"baseline": 20}}  # misses its anchor: an opinion like others
    report = expecting(tmp_path, raw, met="0.199 < P(good @ now) < 0.201").check(robust=12)
    assert report.perturbation is not None
    assert not report.perturbation.anchored
    assert (report.expectations["met"].robust or 0) < 6


def test_what_has_no_answer_does_not_hold_in_a_perturbed_model(tmp_path: Path) -> None:
    study = expecting(tmp_path, absurd="P(war @ end | talks=deal @ end, talks=none @ end) < 2", fine="P(war) < 1")
    assert [one.robust for one in study.check(robust=2).expectations.values()] == [0, 2]


MODELS = [*sorted(path.stem for path in EXACT_MODELS.glob("*.yaml")), "bundled"]


def model_named(name: str) -> Model:
    return load(BUNDLED).loaded.model if name == "bundled" else Model.model_validate(text_keys(exact_model(name)))


@pytest.mark.parametrize("name", MODELS)
def test_a_perturbed_model_is_a_model(name: str) -> None:
    model = model_named(name)
    moved = perturb_model(model, 4, 0)
    compile_model(moved)
    before, after = list(judgements(model)), list(judgements(moved))
    assert [(one.path, one.role, one.sources) for one in before] == [(one.path, one.role, one.sources) for one in after]
    changed = 0
    for one, other in zip(before, after, strict=True):
        old, new = (
            judged.judgement.per_step(model.grid) if isinstance(judged.judgement, Keep) else judged.judgement.mean
            for judged in (one, other)
        )
        changed += old != new
        match one.role:
            case "points":
                assert abs(new - old) <= (POINTS_SPREAD if old else 0.0)
            case "weight":
                assert old * (1 - WEIGHT_SPREAD) <= new <= old * (1 + WEIGHT_SPREAD)
            case "share":
                assert new == old
            case "persistence":
                assert (new == old) if old in (0.0, 1.0) else 0.0 < new < 1.0
            case "odds_per_point":
                assert old ** (1 - ODDS_SPREAD) <= new <= old ** (1 + ODDS_SPREAD)
            case "prior" | "initial" | "baseline":
                assert (new == 0.0) == (old == 0.0)
    assert changed > 0.6 * len([one for one in before if one.role != "share"])


def test_judgements_move_by_themselves(tmp_path: Path) -> None:
    raw = {**TINY, "profiles": {}}
    model = study_of(raw, tmp_path).loaded.model
    larger = {**raw, "drivers": {"another": {"states": {"x": 0.4, "y": 0.6}}, **dict(reversed(raw["drivers"].items()))}}
    other = study_of(larger, tmp_path).loaded.model
    values = {judged.path: judged.judgement for judged in judgements(perturb_model(model, 1, 7))}
    found = {judged.path: judged.judgement for judged in judgements(perturb_model(other, 1, 7))}
    assert values == {path: judgement for path, judgement in found.items() if "another" not in path}
    assert values != {judged.path: judged.judgement for judged in judgements(perturb_model(model, 1, 8))}
    assert values != {judged.path: judged.judgement for judged in judgements(perturb_model(model, 2, 7))}


def test_the_moves_have_the_spreads_that_they_say() -> None:
    model = Model.model_validate(
        {
            **one_push(2),
            "drivers": {"d": {"states": {"a": 0.5, "b": 0.5}, "persistence": 0.5, "impacts": {"a": {"good": 2}}}},
        }
    )
    moved = [perturb_model(model, 1, number).drivers["d"] for number in range(2000)]
    shifts = [driver.impacts["a"]["good"].mean - 2 for driver in moved]
    assert abs(sum(shifts) / 2000) < 4.5 * (1 / 3) ** 0.5 / 2000**0.5
    assert sum(shift**2 for shift in shifts) / 2000 == pytest.approx(1 / 3, abs=0.04)
    odds = [keep / (1 - keep) for driver in moved if (keep := _kept(driver)) is not None]
    assert sum(value < 1 for value in odds) / 2000 == pytest.approx(0.5, abs=0.05)
    assert sum(0.67 < value < 1 / 0.67 for value in odds) / 2000 == pytest.approx(0.683, abs=0.05)  # one sd is exp(0.4)
    assert PERSISTENCE_SPREAD == 0.4


def _kept(driver: Any) -> float | None:
    value = driver.persistence.all_states.value
    return value if isinstance(value, float) else None


# Other values in the place of judgements ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_values_are_put_where_the_judgements_are(name: str) -> None:
    model, draw = model_named(name), random.Random(name)
    before = list(judgements(model))
    values = {judged.path: draw.random() for judged in before}
    after = with_values(model, values)
    assert {judged.path: judged.judgement.value for judged in judgements(after)} == values
    assert [judged.judgement.sources for judged in judgements(after)] == [judged.judgement.sources for judged in before]
    one = before[len(before) // 2].path
    assert {
        judged.path
        for judged, other in zip(before, judgements(with_values(model, {one: 0.123})), strict=True)
        if judged != other
    } == {one}
    assert with_values(model, {}) == model
    assert list(judgements(model)) == before


def test_a_value_goes_nowhere_else() -> None:
    model = Model.model_validate(text_keys(exact_model("influences")))
    paths: list[KeyPath] = [("drivers", "nobody", "persistence"), ("title",), ("drivers",), ("nothing", "there")]
    for path in paths:
        with pytest.raises(KeyError):
            with_values(model, {path: 1.0})


def test_a_changed_value_is_that_of_a_changed_file(tmp_path: Path) -> None:
    changed = study_of({**TINY, "profiles": {}}, tmp_path).loaded.model
    shares = {"high": 0.05, "low": 0.95}
    values: dict[KeyPath, float] = {
        ("drivers", "mood", "states", name, "prior"): share for name, share in shares.items()
    }
    by_hand = gloomy({**TINY, "profiles": {}})
    del by_hand["drivers"]["talks"]["weight"]
    assert with_values(changed, values) == study_of(by_hand, tmp_path).loaded.model


def test_what_can_not_be_had_exactly_is_refused_before_anything_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(*_: object) -> None:
        raise AssertionError("an answer was found")

    monkeypatch.setattr(inference, "probabilities", found)
    with pytest.raises(inference.NotExact):
        load("us-russia").check(method="exact")
