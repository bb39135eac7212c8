"""Evidence files: what they mean in both engines, against enumeration and Bayes by hand, and what is wrong in them."""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.command import answer
from support.oracle import Json, paths_of, posterior
from support.oracle import Path as Trials
from support.sabotage import replace_everywhere
from support.sampled import ERRORS
from support.tiny import MODELS, TINY, gloomy, study_of
from support.tiny import at as holds
from support.tiny import ever as at_some
from usru_scenarios.problems import ImpossibleEvidence, ModelError, UnreadableInput
from usru_scenarios.program import conditions
from usru_scenarios.program.conditions import VirtualEvidence, with_virtual_evidence
from usru_scenarios.program.events import All, InStates, Not, Some, Timed
from usru_scenarios.program.program import Program
from usru_scenarios.questions.evidence.items import settled_at
from usru_scenarios.reading.evidence import read_evidence
from usru_scenarios.reading.evidence_item import append_item, lock_evidence_file
from usru_scenarios.report import Layout
from usru_scenarios.report.simulate import rows as rows_of
from usru_scenarios.results.ask import Answer
from usru_scenarios.results.simulate import StatesResult
from usru_scenarios.settings import ArgumentError
from usru_scenarios.study import Study, load

HEAD = {"usru": 1, "kind": "evidence", "name": "seen", "model": "model.yaml", "as_of": "2002-12-31"}

ITEMS: Json = {
    "deal_at_last": {"seen": "talks=deal @ ever 2000..2001", "learned": "2001-06-01"},
    "press": {"about": "mood @ 2001", "likelihood": {"high": 3, "low": 1}, "learned": "2001-07-01"},
    "rumour": {"about": "mood @ 2001", "likelihood": {"low": 5, "default": 4}, "learned": "2001-08-01"},
    "embassies": {
        "signpost": {"of": "thaw", "at": "2001", "found": False, "if_so": 0.7, "if_not": 0.1},
        "learned": "2001-09-01",
    },
    "harbours": {
        "signpost": {"of": "trade.up", "at": "2002", "found": True, "if_so": 0.6, "if_not": 0.2},
        "learned": "2002-02-01",
    },
    "ties": {"about": "scenario @ 2002", "likelihood": {"calm": 2, "thaw": 0.5, "war": 1}, "learned": "2002-03-01"},
    "silence": {
        "quiet": {
            "from": "2000",
            "to": "2001",
            "of": [{"of": "talks.deal", "if_so": 0.4}, "thaw", {"of": "war", "if_not": 0.2}],
            "if_so": 0.6,
            "if_not": 0.1,
        },
        "learned": "2002-04-01",
    },
}
"""All kinds of items about all kinds of nodes, two of them about one state."""


def likelihood(path: Trials) -> float:
    """The same, by hand, of a path."""
    embassies = 0.7 if path[1]["scenario"] == "thaw" else 0.1
    return (
        any(path[step]["talks"] == "deal" for step in (0, 1))
        * {"high": 3, "low": 1}[str(path[1]["mood"])]
        * {"high": 4, "low": 5}[str(path[1]["mood"])]
        * (1 - embassies)
        * {"up": 0.6, "down": 0.2}[str(path[2]["trade"])]
        * {"calm": 2, "thaw": 0.5, "war": 1}[str(path[2]["scenario"])]
        * silence(path)
    )


def silence(path: Trials) -> float:
    """The probability that no sign was found in the first two years."""
    return math.prod(
        (1 - (0.4 if now["talks"] == "deal" else 0.1))
        * (1 - (0.6 if now["scenario"] == "thaw" else 0.1))
        * (1 - (0.6 if now["scenario"] == "war" else 0.2))
        for now in path[:2]
    )


def written(items: Json, folder: Path, **head: Any) -> Path:
    file = folder / "seen.yaml"
    file.write_text(json.dumps({**HEAD, **head, "evidence": items}), encoding="utf-8")
    return file


def knowing(raw: Json, items: Json, folder: Path, **head: Any) -> Study:
    """A model that knows of some items."""
    return study_of(raw, folder).knowing(written(items, folder, **head))


def number(answer: Answer) -> tuple[float, float]:
    """The value of an answer and its standard error, 0 of an exact one."""
    assert answer.value is not None
    return answer.value, answer.standard_error or 0.0


def faults(raw: Json, folder: Path, text: str) -> list[str]:
    """What is wrong with an evidence file: line and code of each fault."""
    file = folder / "seen.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError) as error:
        study_of(raw, folder).knowing(file)
    return [f"{one.span.line if one.span else 0} {one.code}" for one in error.value.problems]


# What it means --------------------------------------------------------------------------------------------------------

ASKED: Mapping[str, Callable[[Trials], bool]] = {
    "P(war @ end)": lambda path: path[2]["scenario"] == "war",
    "P(thaw @ 2001)": lambda path: path[1]["scenario"] == "thaw",
    "P(mood=high @ start)": lambda path: path[0]["mood"] == "high",
    "P(talks=deal @ end)": lambda path: path[2]["talks"] == "deal",
    "P(trade=up @ 2001)": lambda path: path[1]["trade"] == "up",
    "P(war @ ever)": lambda path: any(now["scenario"] == "war" for now in path),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("do", [(), ("mood=low @ 2001",)], ids=["", "imposed"])
def test_it_means_what_enumeration_finds(name: str, do: tuple[str, ...], tmp_path: Path) -> None:
    raw = MODELS[name]()
    study = knowing(raw, ITEMS, tmp_path)
    imposed: dict[str | tuple[str, int], str | float] = {("mood", 1): "low"} if do else {}
    for query, event in ASKED.items():
        truth = posterior(raw, event, likelihood, imposed)
        assert study.ask(query, method="exact", do=do).value == pytest.approx(truth, abs=1e-12), query
        value, error = number(study.ask(query, method="sample", trials=16_384, do=do))
        assert abs(value - truth) < ERRORS * error, query


@pytest.mark.parametrize("method", ["exact", "sample"])
@pytest.mark.parametrize("name", MODELS)
def test_a_forecast_is_that_of_enumeration(method: Any, name: str, tmp_path: Path) -> None:
    raw = MODELS[name]()
    study = knowing(raw, ITEMS, tmp_path)
    found = study.simulate(method=method, trials=None if method == "exact" else 16_384)
    war, mood = found.scenarios["war"], found.drivers["mood"]
    assert isinstance(mood, StatesResult)
    for step in range(3):
        truth = posterior(raw, lambda path, step=step: path[step]["scenario"] == "war", likelihood)  # type: ignore[misc]
        assert abs(war.by_step[step] - truth) < ERRORS * war.standard_errors.by_step[step] + 1e-12
        truth = posterior(raw, lambda path, step=step: path[step]["mood"] == "low", likelihood)  # type: ignore[misc]
        assert abs(mood.by_step["low"][step] - truth) < ERRORS * mood.standard_errors["low"][step] + 1e-12
    ever = posterior(raw, ASKED["P(war @ ever)"], likelihood)
    assert abs(war.ever - ever) < ERRORS * war.standard_errors.ever + 1e-12
    assert found.run.given == []
    assert found.run.evidence is not None
    assert found.run.evidence.items == list(ITEMS)


@pytest.mark.parametrize("method", ["exact", "sample"])
def test_the_comparison_with_enumeration_can_fail(method: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that takes a sign that was not found for one that was is noticed."""

    def confused(program: Program, reports: list[VirtualEvidence]) -> tuple[Program, list[Timed]]:
        return with_virtual_evidence(
            program, [VirtualEvidence(one.node, one.step, 1.0 - one.likelihood / 1.001) for one in reports]
        )

    raw = MODELS["carried"]()
    study = knowing(raw, ITEMS, tmp_path)
    replace_everywhere(monkeypatch, conditions.with_virtual_evidence, confused)
    truth = posterior(raw, ASKED["P(war @ end)"], likelihood)
    value, error = number(study.ask("P(war @ end)", method=method, trials=None if method == "exact" else 16_384))
    assert abs(value - truth) > ERRORS * error + 1e-9


def test_bayes_by_hand(tmp_path: Path) -> None:
    """At the first step nothing but the prior counts: .3 * 3 / (.3 * 3 + .7)."""
    items = {"press": {"about": "mood @ 2000", "likelihood": {"high": 3, "low": 1}, "learned": "2000-05-05"}}
    study = knowing(TINY, items, tmp_path)
    assert study.ask("P(mood=high @ start)").value == pytest.approx(0.9 / 1.6, abs=1e-12)
    items["press"]["likelihood"] = {"high": 300, "low": 100}
    assert knowing(TINY, items, tmp_path).ask("P(mood=high @ start)").value == pytest.approx(0.9 / 1.6, abs=1e-12)


def test_an_uncertain_likelihood_counts_by_its_mean_and_gives_a_band(tmp_path: Path) -> None:
    raw = copy.deepcopy(TINY)
    raw["drivers"]["mood"]["impacts"]["high"]["thaw"] = {"uniform": [1, 3]}
    items = {
        "press": {
            "about": "mood @ 2000",
            "likelihood": {"high": {"uniform": [1, 5]}, "low": 1},
            "learned": "2000-05-05",
        }
    }
    found = knowing(raw, items, tmp_path).ask("P(mood=high @ start)", method="exact")
    assert found.value == pytest.approx(0.9 / 1.6, abs=0.002)
    assert found.band is not None
    low, high = 0.3 * 1.2 / (0.3 * 1.2 + 0.7), 0.3 * 4.8 / (0.3 * 4.8 + 0.7)
    assert [found.band.low, found.band.high] == pytest.approx([low, high], abs=0.02)


def test_of_a_group_the_item_that_tells_most_acts(tmp_path: Path) -> None:
    one = {"about": "mood @ 2000", "likelihood": {"high": 3, "low": 1}, "learned": "2000-05-05", "independence": "wire"}
    two = {**one, "likelihood": {"high": 1, "low": 4}, "learned": "2000-05-06"}
    study = knowing(TINY, {"one": one, "two": two}, tmp_path)
    assert study.evidence is not None
    assert [item.name for item in study.evidence.items] == ["two"]
    assert study.evidence.passed_over == {"one": "of the group wire, of which two tells more"}
    assert study.ask("P(mood=high @ start)").value == pytest.approx(0.3 / 3.1, abs=1e-12)
    before = study_of(TINY, tmp_path).knowing(tmp_path / "seen.yaml", as_of="2000-05-05")
    assert before.ask("P(mood=high @ start)").value == pytest.approx(0.9 / 1.6, abs=1e-12)


def test_what_was_learned_later_does_not_count(tmp_path: Path) -> None:
    study = study_of(TINY, tmp_path)
    file = written(ITEMS, tmp_path)
    early = study.knowing(file, as_of="2001-07-15")
    assert early.evidence is not None
    assert [item.name for item in early.evidence.items] == ["deal_at_last", "press"]
    assert (early.evidence.step, early.evidence.now) == ("2001", 1)
    assert early.evidence.passed_over["ties"] == "learned on 2002-03-01, after 2001-07-15"
    with pytest.raises(ArgumentError, match=r"--as-of 2003-01-01 is after the file's own day, 2002-12-31"):
        study.knowing(file, as_of="2003-01-01")
    with pytest.raises(ArgumentError, match="is no day"):
        study.knowing(file, as_of="2001")


def test_impossible_evidence_names_its_item(tmp_path: Path) -> None:
    raw = copy.deepcopy(TINY)
    raw["drivers"]["mood"]["initial"] = {"high": 1}
    items = {
        "fine": {"seen": "talks=none @ 2000", "learned": "2000-02-01"},
        "odd": {"seen": "mood=low @ 2000", "learned": "2000-02-01"},
    }
    with pytest.raises(ImpossibleEvidence, match=r"odd \(mood=low @ 2000\)"):
        knowing(raw, items, tmp_path).simulate()


def test_when_an_event_is_settled() -> None:
    ever, always = (Timed(mode, range(1, 4), InStates("a", frozenset([0]))) for mode in ("ever", "always"))
    at = Timed("at", range(2, 3), InStates("a", frozenset([0])))
    assert [settled_at(one) for one in (ever, always, at, Not(ever), Not(always))] == [1, 3, 2, 3, 1]
    assert settled_at(All((ever, at))) == 2
    assert settled_at(Some((always, at))) == 2
    assert settled_at(Not(All((always, at)))) == 1


def test_values_of_other_judgements_stay_the_same(tmp_path: Path) -> None:
    """Evidence that tells nothing changes no digit of a sampled answer."""
    items = {"idle": {"about": "mood @ 2001", "likelihood": {"default": 7}, "learned": "2001-02-01"}}
    plain, aware = study_of(TINY, tmp_path), knowing(TINY, items, tmp_path)
    found = [study.simulate(method="sample", trials=4096).scenarios["war"].by_step for study in (plain, aware)]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


def silent(span: Mapping[str, Any], **head: Any) -> Json:
    return {"still": {"quiet": {"from": "2000", "to": "2001", **span}, "learned": "2001-02-01", **head}}


@pytest.mark.parametrize("name", MODELS)
def test_a_span_of_one_sign_is_the_same_as_single_ones(name: str, tmp_path: Path) -> None:
    """Digit for digit exactly, and with the same random numbers."""
    raw = MODELS[name]()
    span = silent({"of": ["war"], "if_so": 0.7, "if_not": 0.2})
    sign = {"of": "war", "found": False, "if_so": 0.7, "if_not": 0.2}
    single = {f"in_{year}": {"signpost": {**sign, "at": year}, "learned": "2001-02-01"} for year in ("2000", "2001")}
    whole, apart = knowing(raw, span, tmp_path), knowing(raw, single, tmp_path)
    for query in ASKED:
        assert whole.ask(query, method="exact").value == pytest.approx(
            apart.ask(query, method="exact").value, abs=1e-12
        )
    found = [study.simulate(method="sample", trials=4096).scenarios["war"] for study in (whole, apart)]
    np.testing.assert_allclose(found[0].by_step, found[1].by_step, rtol=1e-12)
    chances = [
        [item.probability for item in study.foresight(method="exact").items.values()] for study in (whole, apart)
    ]
    assert math.prod(chances[0]) == pytest.approx(math.prod(chances[1]), abs=1e-12)


@pytest.mark.parametrize("method", ["exact", "sample"])
def test_a_state_would_not_have_been_missed_unless_it_is_said(method: Any, tmp_path: Path) -> None:
    study = knowing(TINY, silent({"of": ["talks.deal"]}), tmp_path)
    found = study.ask("P(talks=deal @ ever 2000..2001)", method=method, trials=None if method == "exact" else 4096)
    assert found.value == 0.0
    fact = {"fact": {"seen": "not talks=deal @ always 2000..2001", "learned": "2001-02-01"}}
    for query in ASKED:
        truth = knowing(TINY, fact, tmp_path).ask(query, method="exact").value
        assert knowing(TINY, silent({"of": ["talks.deal"]}), tmp_path).ask(
            query, method="exact"
        ).value == pytest.approx(truth, abs=1e-12)


def test_without_names_all_signposts_of_the_model_were_looked_for(tmp_path: Path) -> None:
    raw = copy.deepcopy(TINY)
    raw["scenarios"]["thaw"]["signposts"] = ["leaders meet"]
    raw["drivers"]["mood"]["states"]["high"] = {"prior": 0.3, "signposts": ["flags"]}
    likely = {"if_so": 0.6, "if_not": 0.1}
    named = knowing(raw, silent({"of": ["mood.high", "thaw"], **likely}), tmp_path).ask("P(war @ end)", method="exact")
    every = knowing(raw, silent(likely), tmp_path)
    assert every.ask("P(war @ end)", method="exact").value == pytest.approx(named.value, abs=1e-12)
    assert every.evidence is not None
    assert every.evidence.items[0].text == "no sign of thaw or mood.high @ 2000..2001"
    with pytest.raises(ModelError, match="without 'of' this is about all signposts of the model"):
        knowing(raw, silent({}), tmp_path)
    with pytest.raises(ModelError, match="the model has no signposts"):
        knowing(TINY, silent(likely), tmp_path)


def test_an_uncertain_likelihood_of_a_span_is_one_judgement(tmp_path: Path) -> None:
    """In each draw it is the same at all steps: the average is over the square, not the square of the average."""
    raw = copy.deepcopy(TINY)
    raw["drivers"]["mood"]["impacts"]["high"]["thaw"] = {"uniform": [1, 3]}
    raw["drivers"]["mood"]["persistence"] = 0.999999
    raw["drivers"]["mood"].pop("initial", None)
    span = {"of": ["mood.high"], "if_so": {"uniform": [0.2, 1.0]}, "if_not": 0}
    found = knowing(raw, silent(span), tmp_path).ask("P(mood=high @ start)", method="exact", judgements=2048)
    missed = (0.8**3 - 0) / 3 / 0.8  # the mean of (1 - u) ** 2
    assert found.value == pytest.approx(0.3 * missed / (0.3 * missed + 0.7), abs=0.002)


def test_many_signs_are_no_surprise_because_they_are_many(tmp_path: Path) -> None:
    span = {"of": ["mood.high", "mood.low", "talks.deal"], "to": "2002", "if_so": 0.6, "if_not": 0.55}
    found = knowing(TINY, silent(span, learned="2002-02-01"), tmp_path).foresight()
    assert found.items["still"].probability < 0.01
    assert not [one for one in found.warnings if one.code == "odd_evidence"]


SPANS = """\
usru: 1
kind: evidence
name: seen
model: model.yaml
as_of: 2002-12-31
evidence:
  a: {quiet: {from: 2001, to: 2000, of: [talks.deal]}, learned: 2001-02-01}
  b: {quiet: {from: 2000, to: 2007, of: [mod.high]}, learned: 2001-02-01}
  c: {quiet: {from: 2000, to: 2001, of: [war]}, learned: 2001-02-01}
  d: {quiet: {from: 2000, to: 2001, of: [{of: war, if_so: 1.2}], if_not: 0.1}, learned: 2001-02-01}
  e: {quiet: {from: 2000, to: 2001, of: [mood.high, mood.low]}, learned: 2001-02-01}
  f: {quiet: {from: 2000, of: []}, learned: 2001-02-01}
  g: {quiet: {from: 2000, to: 2001, of: [{state: mood.low}]}, learned: 2001-02-01}
  h: {quiet: {from: 2000, to: 2001, of: [mood.low]}, learned: 2000-02-01}
  i: {quiet: {from: 2000, to: 2001, of: mood.low}, learned: 2001-02-01}
  j: {quiet: {from: 2000, to: 2001, of: [mood.low]}, seen: "mood=high @ 2000", learned: 2001-02-01}
  k: {quiet: {from: 2000, to: 2001, of: [talks.dael, talks]}, learned: 2001-02-01}
"""


def test_faults_of_spans_are_told_with_their_places(tmp_path: Path) -> None:
    assert faults(TINY, tmp_path, SPANS) == [
        "7 empty_span",
        "8 time",
        "8 unknown_name",
        "9 missing_likelihood",
        "10 not_a_probability",
        "11 impossible_sign",
        "12 missing",
        "12 no_signs",
        "13 missing",
        "13 extra_forbidden",
        "14 learned_early",
        "15 tuple_type",
        "16 one_kind",
        "17 unknown_state",
        "17 unknown_state",
    ]


# What is wrong --------------------------------------------------------------------------------------------------------

WRONG = """\
usru: 1
kind: evidence
name: Seen
model: model.yaml
as_of: 2002-13-31
evidence:
  a: {seen: "mod=high @ 2001", learned: 2001-02-01}
  b: {about: mood @ 2000..2001, likelihood: {hgh: 1, low: 0}, learned: 2001-02-01}
  c: {about: mood, likelihood: {high: 1, low: 2}, learned: 2001-02-01}
  d: {about: mood @ 2001, likelihood: {high: 1}, learned: 2000-02-01}
  e: {signpost: {of: peace, at: 2001, found: yes, if_so: 1.2, if_not: 0}, learned: 2001-02-01}
  f: {signpost: {of: peace, at: 2001, found: true, if_so: 1, if_not: 0}, learned: 2001-02-01}
  g: {signpost: {of: mood.high, at: 2001, found: true, if_so: 0, if_not: 0}, learned: 2001-02-01}
  h: {seen: "mood=high @ 2001", about: mood @ 2001, learned: 2001-02-01}
  i: {seen: "mood=high @ 2001", learned: 2000-02-01}
  j: {seen: "mood=high", learned: 2001-02-01}
  k: {about: war @ 2001, likelihood: {default: 1}, learned: 2001-02-01}
resolutions:
  nothing: {came_true: true, resolved: 2002-01-01}
"""


def test_all_faults_are_told_at_once_with_their_places(tmp_path: Path) -> None:
    assert faults(TINY, tmp_path, WRONG) == [
        "3 string_pattern_mismatch",
        "5 unreadable_day",
        "7 unknown_name",
        "8 not_above_0",
        "9 needs_time",
        "10 missing_likelihood",
        "10 learned_early",
        "11 bool_type",
        "11 not_a_probability",
        "12 unknown_state",
        "13 impossible_sign",
        "14 one_kind",
        "15 learned_early",
        "16 needs_time",
        "17 unknown_name",
        "19 unknown_question",
    ]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("", "seen.yaml:1:1: the file has no 'model'"),
        ('model: ""', "seen.yaml:4:8: 'model' names none"),
        ("model: [mine]", "seen.yaml:4:8: expected text, found a list"),
    ],
)
def test_a_file_about_no_model_is_told_what_it_lacks(model: str, said: str, tmp_path: Path) -> None:
    study_of(TINY, tmp_path)
    text = f"usru: 1\nkind: evidence\nname: seen\n{model}\nas_of: 2001-02-03\nevidence: {{}}\n"
    (tmp_path / "seen.yaml").write_text(text, encoding="utf-8")
    adding = ("--add", "seen: mood=high @ 2000", "--learned", "2000-02-03")
    for options in ((), ("model.yaml",), adding, ("model.yaml", *adding)):
        told = answer("evidence", "seen.yaml", *options, folder=tmp_path)
        assert (told.returncode, told.stdout) == (1, "")
        assert told.stderr.startswith(said)
        assert told.stderr.count("seen.yaml:") == 1


def test_a_model_that_is_not_there_is_told_where_it_is_named(tmp_path: Path) -> None:
    study_of(TINY, tmp_path)
    text = "usru: 1\nkind: evidence\nname: seen\nmodel: modle.yaml\nas_of: 2001-02-03\nevidence:\n"
    (tmp_path / "seen.yaml").write_text(f"{text}  met: {{seen: mood=high @ 2000, learned: 2000-02-03}}\n", "utf-8")
    for options in ((), ("--add", "seen: talks=deal @ 2000", "--learned", "2000-02-03")):
        told = answer("evidence", "seen.yaml", *options, folder=tmp_path)
        assert (told.returncode, told.stdout) == (1, "")
        assert told.stderr.startswith("seen.yaml:4:8: there is no file and no bundled model 'modle.yaml'\n")
        assert told.stderr.endswith("    = did you mean 'model.yaml'?\n")
    assert answer("evidence", "seen.yaml", "model.yaml", folder=tmp_path).returncode == 0
    (tmp_path / "modle.yaml").write_text("usru: 1\nname: t\ntitle: T\n", encoding="utf-8")
    assert answer("evidence", "seen.yaml", folder=tmp_path).stderr.startswith(
        "modle.yaml:1:1: the file has no 'scenarios'"
    )


def test_an_item_known_ahead_may_be_learned_early(tmp_path: Path) -> None:
    items = {"term": {"seen": "mood=high @ always 2000..2002", "learned": "2000-01-01", "known_ahead": True}}
    study = knowing(TINY, items, tmp_path, as_of="2000-03-01")
    assert study.ask("P(mood=high @ end)").value == 1.0


def test_null_withdraws_an_item_of_the_file_below(tmp_path: Path) -> None:
    study = study_of(TINY, tmp_path)
    written(ITEMS, tmp_path)
    over = tmp_path / "over.yaml"
    over.write_text(
        "extends: seen.yaml\nname: over\nevidence:\n  press: null\n  ties: {likelihood: {default: 1}}\n"
        "  rumour: {learned: 2001-08-02}\n",
        encoding="utf-8",
    )
    found = study.knowing(over).evidence
    assert found is not None
    assert [item.name for item in found.items] == [name for name in ITEMS if name != "press"]
    over.write_text("extends: seen.yaml\nevidence: {pres: null}\n", encoding="utf-8")
    with pytest.raises(ModelError, match="there is no 'pres' to remove") as error:
        study.knowing(over)
    assert "did you mean 'press'?" in str(error.value)


def test_a_scenario_file_is_no_evidence(tmp_path: Path) -> None:
    study = study_of(TINY, tmp_path)
    with pytest.raises(ModelError, match="is a scenario file, and no evidence file"):
        study.knowing(tmp_path / "model.yaml")


def test_what_items_cite_is_in_the_register(tmp_path: Path) -> None:
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "news.yaml").write_text("title: News\nclaims:\n  E01: {claim: They met.}\n")
    item = {"seen": "talks=deal @ 2001", "learned": "2001-02-01", "sources": ["E01"]}
    assert knowing(TINY, {"met": item}, tmp_path, sources="claims").evidence is not None
    with pytest.raises(ModelError, match="'E02' is no claim of the register"):
        knowing(TINY, {"met": {**item, "sources": ["E02"]}}, tmp_path, sources="claims")
    sign = {"of": "talks.deal", "if_so": [0.7, "E04"], "sources": ["E01", "E03"]}
    silent = {"quiet": {"from": "2001", "to": "2001", "of": [sign], "sources": ["E02"]}, "learned": "2002-01-01"}
    with pytest.raises(ModelError) as error:
        knowing(TINY, {"silent": silent}, tmp_path, sources="claims")
    assert re.findall(r"'(E\d+)' is no claim", str(error.value)) == ["E04", "E03", "E02"]
    with pytest.raises(ModelError, match="there is no folder"):
        knowing(TINY, {"met": item}, tmp_path, sources="clams")


@pytest.mark.parametrize("method", ["exact", "sample"])
@pytest.mark.parametrize("name", MODELS)
def test_a_forecast_is_read_from_the_present_step_on(name: str, method: Any, tmp_path: Path) -> None:
    raw = MODELS[name]()
    items = {one: item for one, item in ITEMS.items() if one not in ("harbours", "ties", "silence")}
    study = knowing(raw, items, tmp_path, as_of="2001-11-11")
    found = study.simulate(method=method, trials=None if method == "exact" else 16_384)
    assert found.ahead is not None

    def seen(path: Trials) -> float:
        return math.prod(CHANCES[item](path) for item in items)

    for part, members in (("war", ("war",)), ("quiet", ("calm", "thaw"))):
        ahead, errors = found.ahead[part], found.ahead[part].standard_errors
        now, end = (posterior(raw, holds(step, "scenario", *members), seen) for step in (1, 2))
        ever = posterior(raw, at_some("scenario", *members, steps=range(1, 3)), seen)
        assert abs(ahead.now - now) < ERRORS * errors.now + 1e-12
        assert abs(ahead.share - (now + end) / 2) < ERRORS * errors.share + 1e-12
        assert abs(ahead.ever - ever) < ERRORS * errors.ever + 1e-12
    assert study_of(raw, tmp_path).simulate().ahead is None


# What each item did ---------------------------------------------------------------------------------------------------

CHANCES: Mapping[str, Callable[[Trials], float]] = {
    "deal_at_last": lambda path: float(any(path[step]["talks"] == "deal" for step in (0, 1))),
    "press": lambda path: {"high": 1.0, "low": 1 / 3}[str(path[1]["mood"])],
    "rumour": lambda path: {"high": 0.8, "low": 1.0}[str(path[1]["mood"])],
    "embassies": lambda path: 1 - (0.7 if path[1]["scenario"] == "thaw" else 0.1),
    "harbours": lambda path: {"up": 0.6, "down": 0.2}[str(path[2]["trade"])],
    "ties": lambda path: {"calm": 1, "thaw": 0.25, "war": 0.5}[str(path[2]["scenario"])],
    "silence": silence,
}
"""The probability of each item on a path, by hand: of ratios, the largest is 1."""


def enumerated(raw: Json) -> dict[str, tuple[float, float]]:
    """For each item its probability given those before, and the probability of war at the end once it is known."""
    weights, found = paths_of(raw), {}
    for name, likely in CHANCES.items():
        before = sum(weight for _, weight in weights)
        weights = [(path, weight * likely(path)) for path, weight in weights]
        after = sum(weight for _, weight in weights)
        war = sum(weight for path, weight in weights if path[2]["scenario"] == "war")
        found[name] = after / before, war / after
    return found


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("method", ["exact", "sample"])
def test_the_surprise_of_each_item_is_that_of_enumeration(name: str, method: Any, tmp_path: Path) -> None:
    raw = MODELS[name]()
    found = knowing(raw, ITEMS, tmp_path).foresight(method=method, trials=None if method == "exact" else 16_384)
    truth = enumerated(raw)
    assert list(found.items) == list(truth)
    for item, (probability, war) in truth.items():
        effect = found.items[item]
        assert abs(effect.probability - probability) < ERRORS * effect.standard_error + 1e-12, item
        assert effect.forecast["war"] == pytest.approx(war, abs=1e-12 if method == "exact" else 0.03), item
        assert effect.surprise == pytest.approx(-math.log2(effect.probability))
    score = sum(math.log(probability) for probability, _ in truth.values())
    assert abs(found.log_score - score) < ERRORS * found.standard_error + 1e-12
    assert sum(math.log(one.probability) for one in found.items.values()) == pytest.approx(found.log_score)
    gloom = sum(math.log(probability) for probability, _ in enumerated(gloomy(raw)).values())
    there = found.foresight["gloomy"]
    assert abs(there.log_score - gloom) < ERRORS * there.standard_error + 1e-12
    assert min(one.behind for one in found.foresight.values()) == 0.0


def test_odd_evidence_is_warned_of(tmp_path: Path) -> None:
    odd = {"signpost": {"of": "mood.high", "at": "2000", "found": True, "if_so": 0.02, "if_not": 0.001}}
    found = knowing(TINY, {"odd": {**odd, "learned": "2000-02-02"}}, tmp_path).foresight()
    chance = 0.3 * 0.02 + 0.7 * 0.001
    assert found.items["odd"].probability == pytest.approx(chance)
    assert [one.message for one in found.warnings if one.code == "odd_evidence"] == [
        "odd is odd: the model gives it 0.67% after what was learned before; mend the model, or doubt the report"
    ]


def test_the_command_has_all_formats(tmp_path: Path) -> None:
    study_of(TINY, tmp_path)
    written(ITEMS, tmp_path)
    table = answer("evidence", "seen.yaml", folder=tmp_path).stdout
    assert re.search(r"^press +2001-07-01 +\d+\.\d% ", table, re.MULTILINE)
    assert "Who foresaw it best" in table
    data = json.loads(answer("evidence", "seen.yaml", "--json", folder=tmp_path).stdout)
    assert data["format"] == "usru.foresight/1.0"
    assert data["run"]["evidence"]["items"] == list(ITEMS)
    rows = answer("evidence", "seen.yaml", "-f", "csv", folder=tmp_path).stdout.splitlines()
    assert len(rows) == 1 + 3 * len(ITEMS)
    assert "| press" in answer("evidence", "seen.yaml", "-f", "md", folder=tmp_path).stdout
    early = answer("simulate", "model.yaml", "--evidence", "seen.yaml", "--as-of", "2001-07-15", folder=tmp_path)
    assert "evidence  seen, 2 items up to 2001-07-15  what has been seen" in early.stdout
    none = answer("simulate", "model.yaml", "--as-of", "2001-07-15", folder=tmp_path)
    assert none.stderr == "usru: --as-of has no meaning without --evidence\n    = add --evidence FILE\n"


SLIPS = """\
usru: 1
kind: evidence
name: seen
model: model.yaml
as_of: 2002-02-30
evidence:
  a: {seen: "mood=high @ 2001", learned: 2001-5-2}
  b: {about: mood @ 2001, likelihood: {high: 75%, low: 25%}, learned: 2001-05-02}
  c: {signpost: {of: deal, at: 2001, found: no, if_so: 0.6, if_not: 0.2}, learned: 2001-05-02}
  d: {signpost: {of: deal, at: 2001, found: false, if_so: 0.6, if_not: 0.2}, learned: 2001-05-02}
  e: {quiet: {from: 2000, to: 2001, of: talks.deal}, learned: 2001-05-02}
"""


def test_slips_of_the_hand_get_the_right_form(tmp_path: Path) -> None:
    file = tmp_path / "seen.yaml"
    file.write_text(SLIPS, encoding="utf-8")
    with pytest.raises(ModelError) as error:
        study_of(TINY, tmp_path).knowing(file)
    assert [f"{one.span.line if one.span else 0} {one.message} ({one.hint})" for one in error.value.problems] == [
        "5 '2002-02-30' is no day: 2002-02 has days 01 to 28 ()",
        "7 '2001-5-2' is no day: write for instance 2027-06-30 (did you mean '2001-05-02'?)",
        "8 expected a number, found the text '75%' (write 0.75 for 75%)",
        "8 expected a number, found the text '25%' (write 0.25 for 25%)",
        "9 expected true or false, found the text 'no' (write false)",
        "10 there is no scenario 'deal' (write talks.deal)",
        "11 expected a list, found the text 'talks.deal' (write [talks.deal])",
    ]
    with pytest.raises(UnreadableInput, match="does not exist") as missing:
        read_evidence(tmp_path / "sen.yaml")
    assert "did you mean" in (missing.value.hint or "")


# Items that are added -------------------------------------------------------------------------------------------------

KEPT = """\
# What was seen.
usru: 1
kind: evidence
name: seen
model: model.yaml   # beside this one
as_of: 2002-12-31
evidence:
    # the first year
    one:   {seen: "mood=high @ 2000", learned: 2000-03-01}   # a map in braces

    # more to come

resolutions: {}
"""


def add(folder: Path, item: str, *further: str) -> tuple[int, str]:
    done = answer("evidence", "seen.yaml", "--add", item, "--learned", "2001-02-12", *further, folder=folder)
    assert not done.stdout
    return done.returncode, done.stderr


def test_an_item_is_added_and_all_else_stays(tmp_path: Path) -> None:
    study_of(TINY, tmp_path)
    file = tmp_path / "seen.yaml"
    file.write_text(KEPT, encoding="utf-8")
    assert add(tmp_path, "seen: talks=deal @ 2001") == (0, "seen.yaml: talks_deal_2001 added\n")
    item = '    talks_deal_2001:\n      seen: "talks=deal @ 2001"\n      learned: "2001-02-12"\n'
    more = KEPT.replace("    # more to come\n", f"    # more to come\n{item}")
    assert file.read_text(encoding="utf-8") == more
    assert add(tmp_path, "talks=deal @ 2001") == (0, "seen.yaml: talks_deal_2001 is there already\n")
    assert file.read_text(encoding="utf-8") == more
    late = answer("evidence", "seen.yaml", "--add", "mood=low @ 2002", "--learned", "2003-01-01", folder=tmp_path)
    assert late.stderr == ("seen.yaml: mood_low_2002 added; it does not count before 'as_of' is 2003-01-01 or later\n")
    hint = "{about: talks @ 2001, likelihood: {deal: 3, default: 1}}"
    assert add(tmp_path, hint)[1] == "seen.yaml: talks_2001 added\n"
    known = study_of(TINY, tmp_path).knowing(file).evidence
    assert known is not None
    assert [one.name for one in known.items] == ["one", "talks_deal_2001", "talks_2001"]


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("seen: tlks=deal @ 2001", "did you mean 'talks'?"),
        ("seen: talks=deal @ 2002", "which begins on 2002-01-01, and was learned before"),
        ("[1, 2]", "expected an item"),
        ("seen: talks=deal @ 2001, learnd: 3", "seen"),
    ],
)
def test_an_item_at_fault_is_not_added(item: str, said: str, tmp_path: Path) -> None:
    study_of(TINY, tmp_path)
    (tmp_path / "seen.yaml").write_text(KEPT, encoding="utf-8")
    status, told = add(tmp_path, item)
    assert status in (1, 2)
    assert said in told
    assert (tmp_path / "seen.yaml").read_text(encoding="utf-8") == KEPT


@pytest.mark.parametrize("evidence", ["", "evidence: {}\n", "evidence: {}  # none yet\n"])
def test_the_first_item_is_added(evidence: str, tmp_path: Path) -> None:
    study_of(TINY, tmp_path)
    head = "".join(f"{key}: {value}\n" for key, value in HEAD.items())
    (tmp_path / "seen.yaml").write_text(head + evidence.rstrip("\n"), encoding="utf-8")
    assert add(tmp_path, "talks=deal @ 2001") == (0, "seen.yaml: talks_deal_2001 added\n")
    text = (tmp_path / "seen.yaml").read_text(encoding="utf-8")
    assert text.startswith(head)
    assert text.count("evidence:") == 1
    assert "# none yet" in text or "#" not in evidence


def test_a_file_without_a_map_of_items_takes_none(tmp_path: Path) -> None:
    study_of(TINY, tmp_path)
    head = "".join(f"{key}: {value}\n" for key, value in HEAD.items())
    (tmp_path / "seen.yaml").write_text(f"{head}evidence: none\n", encoding="utf-8")
    status, told = add(tmp_path, "talks=deal @ 2001")
    assert (status, "'evidence' must be a map, not the text 'none'" in told) == (1, True)


def test_items_in_braces_are_left_to_the_hand(tmp_path: Path) -> None:
    study_of(TINY, tmp_path)
    written(ITEMS, tmp_path)
    status, told = add(tmp_path, "talks=deal @ 2001")
    assert (status, "the items stand in braces" in told) == (1, True)


def test_items_of_every_kind_are_added_also_in_braces(tmp_path: Path) -> None:
    study_of(TINY, tmp_path)
    file = tmp_path / "seen.yaml"
    file.write_text(KEPT, encoding="utf-8")
    for item, name in (
        ("quiet: {from: 2000, to: 2001, of: [talks.deal]}", "quiet_2000_2001"),
        ("{quiet: {from: 2000, to: 2001, of: [{of: war, if_so: 0.5, if_not: 0.1}]}, note: none}", "quiet_2000_2001_2"),
        ("{signpost: {of: thaw, at: 2001, found: true, if_so: 0.5, if_not: 0.1}, independence: a}", "thaw_2001"),
        ("{about: mood @ 2001, likelihood: {high: 2, default: 1}, known_ahead: true}", "mood_2001"),
        ("{seen: mood=high @ 2001}", "mood_high_2001"),
    ):
        assert add(tmp_path, item) == (0, f"seen.yaml: {name} added\n")
    text = file.read_text(encoding="utf-8")
    assert [line for line in text.splitlines(keepends=True) if line in KEPT.splitlines(keepends=True)] == (
        KEPT.splitlines(keepends=True)
    )
    known = study_of(TINY, tmp_path).knowing(file).evidence
    assert known is not None
    assert len(known.items) == 6


def test_an_item_may_say_itself_when_it_was_learned(tmp_path: Path) -> None:
    study_of(TINY, tmp_path)
    (tmp_path / "seen.yaml").write_text(KEPT, encoding="utf-8")
    item = "{seen: talks=deal @ 2001, learned: 2001-03-04}"
    done = answer("evidence", "seen.yaml", "--add", item, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "seen.yaml: talks_deal_2001 added\n")
    status, told = add(tmp_path, "{seen: talks=deal @ 2002, learned: 2002-03-04}")
    assert (status, "was learned on 2002-03-04, and --learned 2001-02-12" in told) == (2, True)
    none = answer("evidence", "seen.yaml", "--add", "talks=deal @ 2002", folder=tmp_path)
    assert (none.returncode, "the day on which it became known" in none.stderr) == (2, True)


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    study_of(TINY, tmp_path)
    file = tmp_path / "seen.yaml"
    file.write_text(KEPT, encoding="utf-8")

    def one_more(number: int) -> None:
        with lock_evidence_file(str(file)):
            item = f"{{about: mood @ 2001, likelihood: {{high: {number}, low: 1}}}}"
            append_item(read_evidence(file), item, "2001-02-12").write()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one_more, range(2, 10)))
    known = study_of(TINY, tmp_path).knowing(file).evidence
    assert known is not None
    assert len(known.items) == 9


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study_of(TINY, tmp_path)
    file = tmp_path / "seen.yaml"
    file.write_text(KEPT, encoding="utf-8")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    made = append_item(read_evidence(file), "talks=deal @ 2001", "2001-02-12")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UnreadableInput, match="can't be written: no space left on device"):
        made.write()
    assert file.read_text(encoding="utf-8") == KEPT
    assert sorted(one.name for one in tmp_path.iterdir()) == ["model.yaml", "seen.yaml"]


def test_what_is_changed_meanwhile_is_not_written_over_and_a_link_stays_one(tmp_path: Path) -> None:
    study_of(TINY, tmp_path)
    file = tmp_path / "seen.yaml"
    file.write_text(KEPT, encoding="utf-8")
    made = append_item(read_evidence(file), "talks=deal @ 2001", "2001-02-12")
    file.write_text(KEPT + "# by hand\n", encoding="utf-8")
    with pytest.raises(ModelError, match="has been changed meanwhile"):
        made.write()
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    append_item(read_evidence(link), "talks=deal @ 2001", "2001-02-12").write()
    assert link.is_symlink()
    assert "talks_deal_2001" in file.read_text(encoding="utf-8")


# What is odd ----------------------------------------------------------------------------------------------------------


def odd(items: Json, folder: Path, **head: Any) -> list[str]:
    found = knowing(TINY, items, folder, **head).evidence
    assert found is not None
    return [f"{one.code}: {one.message}" for one in found.warnings]


def hint(about: str, **likelihood: float) -> Json:
    return {"about": about, "likelihood": likelihood, "learned": "2001-05-05"}


def test_items_that_tell_nothing_are_warned_of(tmp_path: Path) -> None:
    found = odd({"idle": hint("mood @ 2001", default=3), "faint": hint("mood @ 2001", high=1.02, low=1)}, tmp_path)
    assert found == [
        "tells_nothing: idle tells nothing: it is as likely in each state",
        "tells_nothing: faint tells next to nothing: it is at most 1.02 times as likely in one state as in another",
    ]
    assert odd({"fine": hint("mood @ 2001", high=1.2, low=1)}, tmp_path) == []


def test_items_that_contradict_each_other_are_warned_of(tmp_path: Path) -> None:
    pair = {"one": hint("mood @ 2001", high=3, low=1), "two": hint("mood @ 2001", high=1, low=2)}
    assert odd(pair, tmp_path) == [
        "contradiction: one and two contradict each other: of mood @ 2001 one speaks for high, the other for low"
    ]
    assert odd({**pair, "two": {**pair["two"], "about": "mood @ 2000"}}, tmp_path) == []
    assert odd({**pair, "two": hint("mood @ 2001", high=1, low=1.2)}, tmp_path) == []
    group = {name: {**item, "independence": "wire"} for name, item in pair.items()}
    assert odd(group, tmp_path) == []
    fact = {"fact": {"seen": "mood=low @ always 2000..2001", "learned": "2001-02-02"}, "one": pair["one"]}
    said = "it is a fact that mood is low @ 2001, and a hint speaks against it"
    assert odd(fact, tmp_path) == [f"contradiction: fact and one contradict each other: {said}"]


def test_facts_that_exclude_each_other_are_warned_of_when_one_is_added(tmp_path: Path) -> None:
    study_of(TINY, tmp_path)
    (tmp_path / "seen.yaml").write_text(KEPT, encoding="utf-8")
    status, told = add(tmp_path, "seen: mood=low @ 2000")
    assert status == 0
    assert "one and mood_low_2000 contradict each other: of mood @ 2000 one says high, the other low" in told
    assert "contradict" not in add(tmp_path, "seen: mood=low @ 2001")[1]


def test_a_sign_that_is_counted_twice_is_warned_of(tmp_path: Path) -> None:
    first = silent({"of": [{"of": "mood.high", "if_so": 0.6}]})["still"]
    both = {"a": first, "b": {**first, "quiet": {**first["quiet"], "from": "2001"}}}
    said = "counted_twice: a and b both say that no sign of mood.high was found, which counts twice"
    assert odd(both, tmp_path) == [said.replace("mood.high", "mood.high @ 2001")]
    apart = {"a": {**first, "quiet": {**first["quiet"], "to": "2000"}}, "b": both["b"]}
    assert odd(apart, tmp_path) == []


def test_days_beyond_the_model_are_warned_of(tmp_path: Path) -> None:
    late = {"late": {**hint("mood @ 2001", high=2, low=1), "learned": "2010-01-01"}}
    assert odd(late, tmp_path, as_of="2020-01-01") == [
        "beyond_the_model: 2020-01-01 is long after the last step of the model, 2002, at which the forecast is read",
        "beyond_the_model: late was learned on 2010-01-01, long after the model ends on 2002-12-31: is the year right?",
    ]
    assert odd({}, tmp_path, as_of="1999-01-01") == [
        "beyond_the_model: 1999-01-01 is before the first step of the model, 2000: the forecast is read from that on"
    ]


def test_another_model_than_the_one_that_is_named_is_warned_of(tmp_path: Path) -> None:
    """Not the same file by another path, a copy that is called the same, or a page that is laid over it."""
    study_of(TINY, tmp_path)
    file = written({}, tmp_path)
    (tmp_path / "copy.yaml").write_text((tmp_path / "model.yaml").read_text())
    (tmp_path / "over.yaml").write_text("extends: model.yaml\nname: mine\n")
    (tmp_path / "far.yaml").write_text(json.dumps({**TINY, "name": "far"}))
    for name in ("model.yaml", "copy.yaml", "over.yaml"):
        known = load(tmp_path / name).knowing(file).evidence
        assert known is not None
        assert not known.warnings
    known = load(tmp_path / "far.yaml").knowing(file).evidence
    assert known is not None
    assert [str(one.message) for one in known.warnings] == ["this is about tiny, and far is asked"]
    lost = load(tmp_path / "far.yaml").knowing(written({}, tmp_path, model="lost.yaml")).evidence
    assert lost is not None
    assert [one.message for one in lost.warnings] == [
        "this names the model lost.yaml, which can't be read, and far is asked"
    ]
    wrong = written({"a": hint("moon @ 2001", full=2)}, tmp_path)
    with pytest.raises(ModelError, match="this is about tiny, and far is asked"):
        load(tmp_path / "far.yaml").knowing(wrong)


@pytest.mark.parametrize(
    "words",
    [
        ("simulate", "model.yaml"),
        ("ask", "P(war @ end)", "model.yaml"),
        ("compare", "model.yaml", "-w", "talks=2"),
        ("sweep", "model.yaml", "talks=0..2:2"),
        ("check", "model.yaml"),
        ("explain", "war", "model.yaml"),
        ("watch", "model.yaml"),
    ],
)
def test_every_command_tells_what_is_odd_unless_it_is_to_be_quiet(words: tuple[str, ...], tmp_path: Path) -> None:
    study_of(TINY, tmp_path)
    written({"idle": hint("mood @ 2001", default=3)}, tmp_path)
    said = "seen.yaml:1: warning: idle tells nothing: it is as likely in each state\n"
    assert answer(*words, "--evidence", "seen.yaml", folder=tmp_path).stderr.count(said) == 1
    assert "warning" not in answer(*words, "--evidence", "seen.yaml", "-q", folder=tmp_path).stderr
    assert answer("evidence", "seen.yaml", folder=tmp_path).stderr == said


def test_rows_say_what_is_from_now_on(tmp_path: Path) -> None:
    items = {one: item for one, item in ITEMS.items() if one not in ("harbours", "ties", "silence")}
    study = knowing(TINY, items, tmp_path, as_of="2001-11-11")
    columns, *rows = rows_of(study.simulate(), Layout())
    found = [dict(zip(columns, row, strict=True)) for row in rows]
    ahead = study.simulate().ahead
    assert ahead is not None
    war = next(row for row in found if row["id"] == "war")
    assert (war["now"], war["ever_from_now"], war["share_from_now"]) == ("2001", ahead["war"].ever, ahead["war"].share)
    assert next(row for row in found if row["id"] == "mood")["now"] is None
    columns, *_ = rows_of(study_of(TINY, tmp_path).simulate(), Layout())
    assert "now" not in columns
    page = answer("simulate", "model.yaml", "--evidence", "seen.yaml", "-f", "md", folder=tmp_path).stdout
    assert "now (2001)" in page
    assert "ever: in at least one step from now on" in page
