"""Evidence files for variants, sweeps and checks: the values of enumeration and of `simulate`, and what is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.command import HARBOUR, answer
from support.oracle import Json, posterior
from support.oracle import Path as Trials
from support.sabotage import replace_everywhere
from support.sampled import ERRORS
from support.tiny import TINY, study_of
from usru_scenarios.program.conditions import with_reports_of
from usru_scenarios.settings import ArgumentError
from usru_scenarios.study import Study

SEEN = Path(__file__).parent / "models" / "evidence" / "harbour.yaml"

ITEMS: Json = {
    "deal": {"seen": "talks=deal @ 2001", "learned": "2001-06-01"},
    "press": {"about": "mood @ 2001", "likelihood": {"high": 3, "low": 1}, "learned": "2001-07-01"},
    "ties": {"about": "scenario @ 2002", "likelihood": {"calm": 2, "thaw": 0.5, "war": 1}, "learned": "2002-03-01"},
}
CHANGES: dict[str, dict[str, Any]] = {
    "weight": {"weights": {"talks": 3}},
    "number": {"overrides": {"outcome.persistence": 0.7}},
}
"""A change of a weight, for which the program is not compiled again, and of another number, for which it is."""


def likelihood(path: Trials) -> float:
    """Of the items, by hand, in a path."""
    return (
        (path[1]["talks"] == "deal")
        * {"high": 3, "low": 1}[str(path[1]["mood"])]
        * {"calm": 2, "thaw": 0.5, "war": 1}[str(path[2]["scenario"])]
    )


def changed(change: str) -> Json:
    """The file with a change."""
    raw: Json = json.loads(json.dumps(TINY))
    if change == "weight":
        raw["drivers"]["talks"]["weight"] = 3
    else:
        raw["outcome"]["persistence"] = 0.7
    return raw


def truth(raw: Json, scenario: str, step: int) -> float:
    return posterior(raw, lambda path: path[step]["scenario"] == scenario, likelihood)


def studies(change: str, folder: Path) -> tuple[Study, Study]:
    """The file and a variant of it, which know the same."""
    study, file = study_of(TINY, folder), folder / "seen.yaml"
    head = {"usru": 1, "kind": "evidence", "name": "seen", "model": "model.yaml", "as_of": "2002-12-31"}
    file.write_text(json.dumps({**head, "evidence": ITEMS}), encoding="utf-8")
    return study.knowing(file), study.varied(**CHANGES[change]).knowing(file)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("method", ["exact", "sample"])
def test_variants_are_those_of_enumeration(method: Any, change: str, tmp_path: Path) -> None:
    one, other = studies(change, tmp_path)
    found = one.compare({"other": other}, method=method, trials=None if method == "exact" else 16_384)
    assert found.run.evidence is not None
    assert found.run.evidence.items == list(ITEMS)
    variant = found.variants["other"]
    for name, each in variant.scenarios.items():
        assert each.difference is not None
        for step in range(3):
            level, before = truth(changed(change), name, step), truth(TINY, name, step)
            assert abs(each.by_step[step] - level) < ERRORS * each.standard_errors.by_step[step] + 1e-12
            error = each.difference.standard_errors.by_step[step]
            assert abs(each.difference.by_step[step] - (level - before)) < ERRORS * error + 1e-12
    assert variant.switching is not None
    (effect,) = variant.switching.effects.values()
    shift = truth(changed(change), "war", 2) - truth(TINY, "war", 2)
    assert effect.scenarios["war"].end == pytest.approx(shift, abs=1e-12 if method == "exact" else 0.02)


def test_what_is_known_of_one_variant_alone_is_a_difference(tmp_path: Path) -> None:
    one, other = studies("number", tmp_path)
    found = study_of(TINY, tmp_path).compare({"other": other}, method="exact").variants["other"].scenarios["war"]
    assert found.end == pytest.approx(truth(changed("number"), "war", 2), abs=1e-12)
    without = posterior(TINY, lambda path: path[2]["scenario"] == "war")
    assert found.difference is not None
    assert found.difference.end == pytest.approx(found.end - without, abs=1e-12)
    assert one.compare({"other": other}, method="exact").variants["other"].scenarios["war"].end == found.end


@pytest.mark.parametrize(("change", "variable"), [("weight", "talks"), ("number", "outcome.persistence")])
@pytest.mark.parametrize("method", ["exact", "sample"])
def test_points_of_a_sweep_are_what_simulate_says_there(
    method: Any, change: str, variable: str, tmp_path: Path
) -> None:
    one, other = studies(change, tmp_path)
    how: dict[str, Any] = {"method": method, "trials": None if method == "exact" else 4096}
    values = [0.5, 3 if change == "weight" else 0.7]
    found, alone = one.sweep({variable: values}, at=["end"], **how), other.simulate(**how)
    assert found.run.evidence == alone.run.evidence
    for name, each in found.scenarios.items():
        assert each.curves["end"].probability[1] == pytest.approx(alone.scenarios[name].end, abs=1e-12)


def test_a_sweep_that_forgets_the_hints_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_everywhere(monkeypatch, with_reports_of, lambda program, _: program)
    one, _ = studies("number", tmp_path)
    with pytest.raises(KeyError):
        one.sweep({"outcome.persistence": [0.5, 0.7]}, at=["end"], method="sample", trials=256)


@pytest.mark.parametrize("method", ["exact", "sample"])
def test_expectations_are_checked_of_what_is_known(method: Any, tmp_path: Path) -> None:
    that = {"that": "P(war @ end) < 0.2"}
    raw = {**TINY, "expectations": {"little_war": that}}
    known = studies("weight", tmp_path)[0]
    study = study_of(raw, tmp_path)
    assert study.check(method=method).expectations["little_war"].verdict == "fails"
    study = study.knowing(tmp_path / "seen.yaml")
    one = study.check(method=method).expectations["little_war"]
    right = truth(TINY, "war", 2)
    assert one.verdict == ("holds" if right < 0.2 else "fails")
    assert one.left == pytest.approx(right, abs=ERRORS * (one.standard_error or 0) + 1e-12)
    assert known.simulate(method="exact").scenarios["war"].end == pytest.approx(right, abs=1e-12)
    perturbed = study.check(robust=8, method=method)
    assert perturbed.run.evidence is not None
    with pytest.raises(ArgumentError, match="evidence"):
        study.check(mutants=3)


def test_perturbed_models_hear_the_hints(tmp_path: Path) -> None:
    """An expectation far from its bound without the evidence, and far on the other side of it with it."""
    sure = {"ties": {"about": "scenario @ 2002", "likelihood": {"war": 1000, "default": 1}, "learned": "2002-03-01"}}
    raw = {**TINY, "expectations": {"war_it_is": {"that": "P(war @ end) > 0.9"}}}
    study, file = study_of(raw, tmp_path), tmp_path / "seen.yaml"
    head = {"usru": 1, "kind": "evidence", "name": "seen", "model": "model.yaml", "as_of": "2002-12-31"}
    file.write_text(json.dumps({**head, "evidence": sure}), encoding="utf-8")
    assert study.check(robust=6).expectations["war_it_is"].robust == 0
    assert study.knowing(file).check(robust=6).expectations["war_it_is"].robust == 6


def test_commands_take_a_file_and_a_day_and_say_so() -> None:
    known = ("--evidence", str(SEEN), "--as-of", "2025-06-30", "-n", "2048")
    said = "evidence  seen-at-the-harbour, 2 items up to 2025-06-30"
    for words in (("compare", HARBOUR, "-w", "weather=2"), ("sweep", HARBOUR, "weather=0..2:2"), ("check", HARBOUR)):
        assert said in answer(*words, *known).stdout
        alone = answer(*words, "--as-of", "2025-06-30")
        assert alone.stderr == "usru: --as-of has no meaning without --evidence\n    = add --evidence FILE\n"
    assert "effective sample size" in answer("compare", HARBOUR, "-w", "weather=2", *known).stdout
    compared = json.loads(answer("compare", HARBOUR, "-w", "weather=2", *known, "--json").stdout)
    alone = json.loads(answer("simulate", HARBOUR, "-w", "weather=2", *known, "--json").stdout)
    ends = {name: one["end"] for name, one in compared["variants"]["weather=2"]["scenarios"].items()}
    assert ends == pytest.approx({name: one["end"] for name, one in alone["scenarios"].items()}, abs=1e-12)
    assert [one["given"] for one in compared["variants"].values()] == [[], []]
    assert compared["run"]["evidence"]["items"] == ["storms", "quarrel"]


@pytest.mark.parametrize("words", [("compare", HARBOUR, "-w", "weather=2"), ("sweep", HARBOUR, "weather=0..2:2")])
def test_their_pictures_say_what_they_know(words: tuple[str, ...]) -> None:
    drawn = answer("plot", *words, "--evidence", str(SEEN), "-n", "256", "-f", "vega")
    assert "evidence seen-at-the-harbour, 3 items up to 2025-08-15" in drawn.stdout


QUESTIONS = {
    "simulate": (),
    "explain": ("open",),
    "sensitivity": (),
    "watch": (),
    "check": (),
    "compare": ("-w", "weather=2"),
    "sweep": ("weather=0..1:2",),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_is_odd_about_evidence_stands_among_the_warnings_and_is_said_once(question: str, tmp_path: Path) -> None:
    """In the data of every question that has warnings, and in one line of standard error."""
    file = tmp_path / "odd.yaml"
    head = {"usru": 1, "kind": "evidence", "name": "odd", "model": HARBOUR, "as_of": "2025-08-15"}
    item = {"about": "dispute @ 2025-Q1", "likelihood": {"default": 1}, "learned": "2025-02-01"}
    file.write_text(json.dumps({**head, "evidence": {"echo": item}}), encoding="utf-8")
    done = answer(question, HARBOUR, *QUESTIONS[question], "--evidence", str(file), "-n", "256", "--json")
    found = json.loads(done.stdout)
    (odd,) = (one for one in found["warnings"] if one["message"].startswith("echo tells nothing"))
    assert (odd["path"], odd["line"]) == (str(file), 1)
    assert found["run"]["evidence"]["items"] == ["echo"]
    assert done.stderr.count("echo tells nothing") == 1
