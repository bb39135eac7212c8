"""In which direction claims push: how pushes are read, of which numbers they speak, and what is told of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import usru_scenarios as us
from support.cases import Case, cases
from support.command import HERE, answer
from usru_scenarios import schemas
from usru_scenarios.model.directions import ClaimPush, Direction, cited_directions
from usru_scenarios.model.judgements import dotted_path, is_assumption, with_values
from usru_scenarios.problems import ModelError, Problem
from usru_scenarios.reading.register import read_register
from usru_scenarios.results.sources import DirectionsReport
from usru_scenarios.study import load

BUNDLED = sorted(path.stem for path in (HERE.parent / "scenarios").glob("*.yaml"))

MODEL = """\
usru: 1
name: small
title: A small model
sources: claims
time: {start: 2025-01, end: 2026-01, step: quarter}
scenarios: {thaw: {}, chill: {}}
outcome:
  persistence: 0.5
  lagged_influences: {talks: {open: {thaw: [1, G1], hold: [1, G1]}}}
  events: {lean: {at: 2025-01, points: {thaw: [1, G1]}}}
drivers:
  talks:
    states: {open: 0.5, stuck: 0.3, closed: 0.2}
    persistence: 0.5
    influences: {will: {1.0: {open: [1, G1]}}}
    lagged_influences: {scenario: {chill: {closed: [1, G1]}}}
    events: [{at: 2025-04, points: {closed: [1, G1]}}]
    impacts: {open: {thaw: [1, G1], hold: [1, G1]}, closed: {thaw: [{pert: [-3, -2, 1]}, G1]}}
  will:
    kind: numeric
    range: [0, 2]
    influences: {mood: {good: [1, G1]}}
    events: {push: {at: 2025-04, points: [1, G1]}}
    impacts: {0: {thaw: [-1, G1]}, 2: {thaw: [1, G1]}}
  mood: {states: {good: 0.5, bad: 0.5}, impacts: {good: {chill: [-1, G1]}}}
rules:
  both:
    when: {talks: [open, stuck], will: "> 0.5", mood: good}
    lag: 1
    then: {scenario: {thaw: [2, G1]}, talks: {hold: [1, G1]}, will: [1, G1]}
consequences:
  prices: {states: {low: 0.5, high: 0.5}, influences: {scenario: {thaw: {low: [1, G1]}}, talks: {open: {low: [1, G1]}}}}
profiles:
  wary: {overrides: {outcome: {events: {lean: {points: {thaw: [-1, G1]}}}}}}
"""

SPOKEN = {
    "-> +thaw": [
        "outcome.lagged_influences.talks.open.thaw",
        "outcome.events.lean.points.thaw",
        "drivers.talks.impacts.open.thaw",
        "drivers.talks.impacts.closed.thaw",
        "drivers.will.impacts.0.thaw",
        "drivers.will.impacts.2.thaw",
        "rules.both.then.scenario.thaw",
    ],
    "talks=open -> +thaw": [
        "outcome.lagged_influences.talks.open.thaw",
        "drivers.talks.impacts.open.thaw",
        "rules.both.then.scenario.thaw",
    ],
    "talks=closed|stuck -> +scenario=thaw": ["drivers.talks.impacts.closed.thaw", "rules.both.then.scenario.thaw"],
    "talks=closed -> +thaw": ["drivers.talks.impacts.closed.thaw"],
    "talks = open & mood = good -> + thaw": ["rules.both.then.scenario.thaw"],
    "talks=open & mood=bad -> +thaw": [],
    "talks=open & mood=good & will=1 -> +thaw": ["rules.both.then.scenario.thaw"],
    "will=2.0 -> +thaw": ["drivers.will.impacts.2.thaw", "rules.both.then.scenario.thaw"],
    "will=0 -> -thaw": ["drivers.will.impacts.0.thaw"],
    "will=.5 -> +thaw": [],
    "-> -scenario=hold": ["outcome.lagged_influences.talks.open.hold", "drivers.talks.impacts.open.hold"],
    "-> +talks=hold": ["rules.both.then.talks.hold"],
    "will=1 -> +talks=open": ["drivers.talks.influences.will.1.0.open"],
    "scenario=chill -> +talks=closed": ["drivers.talks.lagged_influences.scenario.chill.closed"],
    "-> +talks=closed": [
        "drivers.talks.lagged_influences.scenario.chill.closed",
        "drivers.talks.events.0.points.closed",
    ],
    "-> +will": ["drivers.will.influences.mood.good", "drivers.will.events.push.points", "rules.both.then.will"],
    "mood=good -> +will": ["drivers.will.influences.mood.good", "rules.both.then.will"],
    "scenario=thaw -> +prices=low": ["consequences.prices.influences.scenario.thaw.low"],
    "-> -chill": ["drivers.mood.impacts.good.chill"],
}
"""The numbers of the small model that a push speaks of."""


def written(folder: Path, *pushes: str, model: str = MODEL, **more: str) -> Path:
    """The small model, whose claim G1 has some pushes; `more` are files beside it."""
    (folder / "claims").mkdir(exist_ok=True)
    listed = "".join(f"\n      - '{push}'" for push in pushes)
    text = f"claims:\n  G1:\n    claim: It is so.\n    pushes:{listed or ' []'}\n  G2: {{claim: a}}\n"
    (folder / "claims/one.yaml").write_text(text)
    for name, content in more.items():
        (folder / f"{name}.yaml").write_text(content)
    path = folder / "model.yaml"
    path.write_text(model)
    return path


def problems_of(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(ModelError) as caught:
        load(path)
    return caught.value.problems


def spoken(model: us.Study, pushes: Sequence[ClaimPush]) -> list[str]:
    found = cited_directions(model.loaded.model, {"G1": tuple(pushes)})
    return [dotted_path(one.cell.entry.path) for one in found if one.pushes]


# Reading


@pytest.mark.parametrize("case", cases("refused_pushes.txt"), ids=lambda case: case.written[0])
def test_a_push_that_means_nothing_is_a_fault_at_its_place(case: Case, tmp_path: Path) -> None:
    (problem,) = problems_of(written(tmp_path, *case.written))
    assert problem.span is not None
    assert (f"{problem.span.column}: {problem.message}", problem.hint) == (case.said, case.hint)
    assert problem.span.source.endswith("claims/one.yaml")
    assert problem.span.line == 5


def test_pushes_beside_one_that_cannot_be_read_are_read(tmp_path: Path) -> None:
    written(tmp_path, "-> +thaw", "-> thaw")
    register, (problem,) = read_register(tmp_path / "claims", "claims")
    assert problem.code == "unreadable_push"
    assert problem.span is not None
    assert (problem.span.line, problem.span.column) == (6, 13)
    assert [push.text for push in register.pushes["G1"]] == ["-> +thaw"]


def test_one_push_may_stand_alone_and_pushes_are_texts(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("claims: {G1: {claim: a, pushes: -> +thaw}, G2: {claim: b, pushes: [1]}}\n")
    register, problems = read_register(tmp_path, "claims")
    assert [push.target for push in register.pushes["G1"]] == ["thaw"]
    assert [f"{one.span}: {one.message}" for one in problems] == [
        "claims/one.yaml:1:68: expected text, found the number 1"
    ]


def test_pushes_of_other_models_are_passed_over_and_counted(tmp_path: Path) -> None:
    foreign = ["sanctions=eased -> +thaw", "talks=frozen -> +thaw", "will=low -> +thaw", "-> +reset", "-> +talks"]
    path = written(tmp_path, *foreign)
    report = load(path).directions()
    assert [(one.push, one.unknown, one.line) for one in report.skipped] == list(
        zip(foreign, ["sanctions", "frozen", "low", "reset", "talks"], range(5, 10), strict=True)
    )
    table = answer("sources", str(path), "--directions").stdout
    assert "5 of 5 pushes are passed over: the model has no sanctions, frozen" in table
    alternatives = load(written(tmp_path, "talks=frozen|open -> +thaw"))
    assert alternatives.directions().skipped == []
    assert "carried" in alternatives.directions().verdicts


# Of which numbers a push speaks


@pytest.mark.parametrize("push", SPOKEN)
def test_a_push_speaks_of_the_numbers_with_its_target_and_its_cause(push: str, tmp_path: Path) -> None:
    study = load(written(tmp_path))
    written(tmp_path, push)
    register, problems = read_register(tmp_path / "claims", "claims")
    assert problems == []
    assert sorted(spoken(study, register.pushes["G1"])) == sorted(SPOKEN[push])


# What is told


def test_a_number_against_its_claim_is_an_error_at_its_place(tmp_path: Path) -> None:
    path = written(tmp_path, "mood=good -> +chill")
    (problem,) = problems_of(path)
    assert problem.code == "contradicted_number"
    assert problem.message == "-1 cites G1, which pushes the other way"
    assert problem.hint.startswith("G1 says 'mood=good -> +chill' at ")
    assert "claims/one.yaml:5:9: " in problem.hint
    assert problem.span is not None
    assert problem.span.text[problem.span.column - 1 :].startswith("[-1, G1]")
    for command in (["validate"], ["simulate", "-n", "100"], ["sources", "--directions"], ["show"]):
        done = answer(command[0], str(path), *command[1:])
        assert done.returncode == 1, command
        assert "which pushes the other way" in done.stdout + done.stderr


def test_one_claim_of_several_is_enough_to_carry_a_number(tmp_path: Path) -> None:
    both = MODEL.replace("good: {chill: [-1, G1]}", "good: {chill: [-1, G1, G3]}")
    claims = "claims: {G3: {claim: a, pushes: 'mood=good -> -chill'}}\n"
    path = written(tmp_path, "mood=good -> +chill", model=both)
    (tmp_path / "claims/two.yaml").write_text(claims)
    (number,) = load(path).directions("drivers.mood.impacts").numbers
    assert (number.claims, number.verdict) == ({"G1": "+", "G3": "-"}, "carried")
    (tmp_path / "claims/two.yaml").write_text(claims.replace("-chill", "+chill"))
    assert problems_of(path)[0].message == "-1 cites G1 and G3, which push the other way"


def test_the_sign_of_an_uncertain_number_is_that_of_its_mean_and_zero_has_none(tmp_path: Path) -> None:
    uncertain = "closed: {thaw: [{pert: [-3, -2, 1]}, G1]}"
    path = written(tmp_path, "talks=closed -> +thaw")
    assert problems_of(path)[0].message.startswith("-1.67 cites G1")
    for value, verdict in (("{pert: [-1, 0, 1]}", "zero"), ("0", "zero"), ("{pert: [-1, 0, 1.5]}", "carried")):
        path.write_text(MODEL.replace(uncertain, f"closed: {{thaw: [{value}, G1]}}"))
        (number,) = load(path).directions("drivers.talks.impacts.closed").numbers
        assert (number.verdict, number.claims) == (verdict, {"G1": "+"})


def test_a_number_without_sources_is_judged_by_those_of_its_block(tmp_path: Path) -> None:
    block = MODEL.replace("impacts: {good: {chill: [-1, G1]}}", "sources: [G1], impacts: {good: {chill: -1}}")
    assert problems_of(written(tmp_path, "-> +chill", model=block))[0].message.startswith("-1 cites G1")


def test_a_profile_is_judged_by_what_it_cites(tmp_path: Path) -> None:
    path = written(tmp_path, "-> +thaw", model=MODEL.replace("closed: {thaw: [{pert: [-3, -2, 1]}, G1]}", "closed: {}"))
    path.write_text(path.read_text().replace("0: {thaw: [-1, G1]}, ", ""))
    (problem,) = problems_of(path)
    assert problem.span is not None
    assert problem.span.line == MODEL[: MODEL.index("wary:")].count("\n") + 1


@pytest.mark.parametrize(
    ("change", "is_refused"),
    [("-1", False), ("[-1, G1]", True), ("[-1, G2]", False), ("{value: -1, sources: [G1]}", True), ("1", False)],
)
def test_a_changed_number_is_its_authors_own_unless_it_cites(change: str, is_refused: bool, tmp_path: Path) -> None:
    """In a file over the model, and after --set; a number that inherits the claims of the file below is no claim's."""
    block = MODEL.replace("good: {chill: [-1, G1]}", "good: {chill: [1, G1]}")
    block = block.replace("  mood: {", "  mood: {sources: [G1], ")
    path = written(tmp_path, "mood=good -> +chill", model=block)
    over = "usru: 1\nname: over\ntitle: Over\nextends: model.yaml\ndrivers: {mood: {impacts: {good: {chill: %s}}}}\n"
    (tmp_path / "over.yaml").write_text(over % change)
    for status, done in (
        (1, answer("validate", str(tmp_path / "over.yaml"))),
        (2, answer("ask", str(path), "P(chill)", "--set", f"drivers.mood.impacts.good.chill={change}")),
    ):
        assert done.returncode == status * is_refused, done.stderr
        assert ("which pushes the other way" in done.stdout + done.stderr) == is_refused
    if change == "-1":
        (number,) = load(tmp_path / "over.yaml").directions("drivers.mood.impacts").numbers
        assert number.verdict == "contradicted"
        table = answer("sources", str(tmp_path / "over.yaml"), "--directions").stdout
        assert "Against the claims that they cite" in table


def test_a_weight_and_sourced_only_contradict_no_claim(tmp_path: Path) -> None:
    path = written(tmp_path, "mood=good -> -chill")
    assert load(path, weights=["mood=0"]).directions().verdicts
    assert load(path, sourced_only=True).directions().verdicts


# Outputs


def test_directions_have_one_row_for_each_number_in_all_formats(tmp_path: Path) -> None:
    path = str(written(tmp_path, "talks=open & mood=good -> +thaw", "will=0 -> -thaw"))
    report = json.loads(answer("sources", path, "--directions", "--json").stdout)
    schema = schemas.schema("directions")
    Draft202012Validator.check_schema(schema)
    assert not list(Draft202012Validator(schema).iter_errors(report))
    assert report["format"] == "usru.directions/1.1"
    numbers = {one["path"]: one for one in report["numbers"]}
    assert numbers["rules.both.then.scenario.thaw"] == {
        "path": "rules.both.then.scenario.thaw",
        "value": 2.0,
        "sign": "+",
        "cause": "talks=open|stuck & will> 0.5 & mood=good",
        "target": "thaw",
        "claims": {"G1": "+"},
        "verdict": "carried",
    }
    assert report["verdicts"] == {"undirected": len(numbers) - 2, "carried": 2}
    rows = list(csv.DictReader(io.StringIO(answer("sources", path, "--directions", "-f", "csv").stdout)))
    assert {row["path"]: (row["sign"], row["says"], row["verdict"]) for row in rows} == {
        name: (one["sign"], one["claims"]["G1"], one["verdict"]) for name, one in numbers.items()
    }
    table = answer("sources", path, "--directions").stdout
    markdown = answer("sources", path, "--directions", "-f", "md").stdout
    for shown in (table, markdown):
        assert "No cited claim speaks of these" in shown
    assert "| drivers.talks.impacts.open.hold | 1 | G1 nothing |" in markdown
    assert answer("sources", path, "talks", "--directions", "--json").stdout.count('"path"') == 6


def test_claims_without_pushes_leave_all_numbers_undirected(tmp_path: Path) -> None:
    done = answer("sources", str(written(tmp_path)), "--directions")
    assert "No claim of the model's register states a direction." in done.stdout


# The bundled models


@cache
def bundled(name: str) -> us.Study:
    return us.load(name)


@cache
def bundled_directions(name: str) -> dict[str, Direction]:
    loaded = bundled(name).loaded
    assert loaded.register is not None
    return {dotted_path(one.cell.entry.path): one for one in cited_directions(loaded.model, loaded.register.pushes)}


@cache
def under_profiles(name: str) -> list[DirectionsReport]:
    """Of a bundled model under each of its profiles."""
    return [load(name, profile=profile).directions() for profile in bundled(name).loaded.model.profiles]


@pytest.mark.parametrize("name", BUNDLED)
def test_no_bundled_number_is_without_a_claim_of_its_sign(name: str) -> None:
    found = bundled_directions(name)
    assert {path: one.verdict for path, one in found.items() if one.verdict not in ("carried", "inferred")} == {}
    assert all(one.verdicts.keys() == {"carried", "inferred"} for one in under_profiles(name))


def test_every_push_of_the_bundled_register_names_what_the_whole_model_has() -> None:
    assert bundled("us-russia").directions().skipped == []


@pytest.mark.parametrize("name", BUNDLED)
def test_every_document_claim_that_a_number_cites_says_the_direction_of_one(name: str) -> None:
    """In the model as it stands, or under a profile."""
    found = list(bundled_directions(name).values())
    cited = {claim for one in found if one.cell.entry.judgement.sources for claim in one.claims}
    heard = {claim for one in found for claim, said in one.claims.items() if said != "none"}
    numbers = [one for report in under_profiles(name) for one in report.numbers]
    heard |= {claim for one in numbers for claim, said in one.claims.items() if said != "none"}
    assert {claim for claim in cited - heard if not is_assumption(claim)} == set()


@pytest.mark.parametrize("name", BUNDLED)
def test_a_sign_turned_round_is_told_wherever_claims_do_not_push_both_ways(name: str) -> None:
    loaded = bundled(name).loaded
    assert loaded.register is not None
    before = bundled_directions(name)
    signed = {path: one for path, one in before.items() if one.verdict == "carried"}
    turned = with_values(loaded.model, {one.cell.entry.path: -one.cell.value for one in signed.values()})
    after = {dotted_path(one.cell.entry.path): one for one in cited_directions(turned, loaded.register.pushes)}
    for path, one in signed.items():
        is_disputed = len({push.sign for _, push in one.pushes}) > 1
        assert after[path].verdict == ("carried" if is_disputed else "contradicted"), path
    assert len(signed) > 25
    assert sum(one.verdict == "contradicted" for one in after.values()) > 0.9 * len(signed)


@pytest.mark.parametrize("number", ["eased: [3, G70, G71]", "escalation: [2, G49, C23]", "reset: [2, D35]"])
def test_a_bundled_sign_turned_round_in_the_file_is_refused(number: str, tmp_path: Path) -> None:
    """Of an influence, and of what rules give to a driver and to the outcome."""
    text = (HERE.parent / "scenarios/us-russia.yaml").read_text(encoding="utf-8")
    assert text.count(number) == 1
    text = text.replace(number, number.replace("[", "[-")).replace("sources: ../seeds", f"sources: {HERE.parent}/seeds")
    (tmp_path / "us-russia.yaml").write_text(text, encoding="utf-8")
    (problem,) = problems_of(tmp_path / "us-russia.yaml")
    assert problem.code == "contradicted_number"
