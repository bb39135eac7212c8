"""Mutants of a model: which there are, how a sample of them is drawn, and which are noticed."""

from __future__ import annotations

import copy
import csv
import io
import json
import math
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from support.command import HARBOUR, answer, refusal
from support.effort import tries
from support.oracle import Json
from support.tiny import TINY, study_of
from usru_scenarios.problems import ModelError
from usru_scenarios.questions.mutants.population import Mutation, list_mutations, negate
from usru_scenarios.questions.mutants.sample import allocate_to_strata, estimate_noticed_share, sample_mutations
from usru_scenarios.reading.loading import model_digest
from usru_scenarios.results.mutants import KINDS, SIGNS, Mutant, MutantSurvey
from usru_scenarios.schemas import output_schema
from usru_scenarios.settings import ArgumentError, Method
from usru_scenarios.study import Study, load

SMALL: Json = {
    "usru": 1,
    "name": "small",
    "title": "Small",
    "odds_per_point": 3,
    "scenarios": {"good": {}, "bad": {}},
    "drivers": {
        "mood": {
            "states": {"high": 0.5, "low": 0.5},
            "impacts": {"high": {"good": [2, "G1"]}, "low": {"bad": [1, "A1"]}},
        },
        "talks": {"states": {"deal": 0.5, "none": 0.5}, "influences": {"mood": {"high": {"deal": [1, "G2"]}}}},
    },
    "rules": {"both": {"when": {"mood": "high", "talks": "deal"}, "then": {"scenario": {"good": [1, "G3"]}}}},
    "consequences": {
        "trade": {"states": {"up": 0.5, "down": 0.5}, "influences": {"scenario": {"good": {"up": [2, "G4"]}}}}
    },
    "expectations": {
        "mood_matters": {"that": "P(good | do(mood=high)) > P(good | do(mood=low)) + 0.3"},
        "trade_follows": {"that": "P(trade=up | good) > P(trade=up | bad)"},
        "idle": {"that": "P(good) > 0.01"},
    },
}
"""By hand, for odds of 3 to the point: P(good) is .948 where the mood is high and .25 where it is low."""

NOTICED = {
    ("impact", "drivers.mood.impacts.high.good"): ["mood_matters"],  # .213 against .25
    ("impact", "drivers.mood.impacts.low.bad"): ["mood_matters"],  # .948 against .75
    ("influence", "drivers.talks.influences.mood.high.deal"): [],  # .916 against .25
    ("rule_point", "rules.both.then.scenario.good"): [],  # .788 against .25
    ("consequence_influence", "consequences.trade.influences.scenario.good.up"): ["trade_follows"],
    ("rule_deleted", "rules.both"): [],  # .9 against .25
    ("driver_silenced", "drivers.mood"): ["mood_matters"],  # .625 against .5, by the rule
    ("driver_reversed", "drivers.mood"): ["mood_matters"],
    ("consequence_reversed", "consequences.trade"): ["trade_follows"],
    ("rows_swapped", "drivers.mood.impacts: high and low"): ["mood_matters"],
}
"""What reading lets pass, and which expectations notice it."""


def survey_of(study: Study, number: int = 1000, **asked: Any) -> MutantSurvey:
    found = study.check(mutants=number, **asked).mutants
    assert found is not None
    return found


def altered(**sections: Any) -> Json:
    return {**copy.deepcopy(SMALL), **sections}


# What is noticed ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["sample", "exact"])
def test_each_mutant_of_a_small_model_is_noticed_where_it_must_be(tmp_path: Path, method: Method) -> None:
    report = study_of(SMALL, tmp_path).check(mutants=1000, method=method)
    survey = report.mutants
    assert survey is not None
    read = {(one.kind, one.path): one.failed for one in survey.mutants if one.problem is None}
    assert read == NOTICED
    (refused,) = (one for one in survey.mutants if one.problem)
    assert (refused.kind, refused.path, refused.noticed_by) == ("consequence_deleted", "consequences.trade", "reading")
    assert refused.problem is not None
    assert "trade" in refused.problem.message
    assert (survey.all.population, survey.all.made, survey.all.noticed) == (11, 11, 8)
    assert survey.all.share == pytest.approx(8 / 11)
    assert survey.all.standard_error == 0.0
    assert survey.trials == (0 if method == "exact" else 4096)
    signs = survey.sourced_signs
    assert (signs.population, signs.made, signs.noticed, signs.share) == (4, 4, 2, 0.5)
    assert {name: one.mutants for name, one in report.expectations.items()} == {
        "mood_matters": 5,
        "trade_follows": 2,
        "idle": 0,
    }
    assert [one.path for one in survey.unnoticed] == [
        "drivers.talks.influences.mood.high.deal",
        "rules.both.then.scenario.good",
        "rules.both",
    ]


def test_without_the_expectation_nothing_notices(tmp_path: Path) -> None:
    survey = survey_of(study_of(altered(expectations={"idle": SMALL["expectations"]["idle"]}), tmp_path))
    assert {one.noticed_by for one in survey.mutants} == {None}
    assert survey.all.share == 0.0


def test_an_expectation_that_does_not_hold_notices_nothing(tmp_path: Path) -> None:
    raw = altered(expectations={"wrong": {"that": "P(good) < 0.1"}, "right": {"that": "P(good) > 0.5"}})
    report = study_of(raw, tmp_path).check(mutants=1000)
    assert report.mutants is not None
    assert report.mutants.not_counted == ["wrong"]
    assert report.expectations["wrong"].mutants is None
    assert all("wrong" not in one.failed for one in report.mutants.mutants)
    assert (report.expectations["right"].mutants or 0) > 0


def test_what_the_sampling_error_leaves_open_is_not_noticed(tmp_path: Path) -> None:
    """Without the rule the two sides are equal, by construction."""
    raw = altered(
        drivers={"coin": {"states": {"heads": 0.5, "tails": 0.5}}, "other": {"states": {"a": 0.6, "b": 0.4}}},
        rules={"r": {"when": {"coin": "heads"}, "then": {"other": {"a": 1}}}},
        consequences={},
        expectations={"more": {"that": "P(other=a) >= 0.6"}},
    )
    survey = survey_of(study_of(raw, tmp_path), method="sample")
    found = {one.kind: (one.noticed_by, one.failed, one.undecided) for one in survey.mutants}
    assert found["rule_deleted"] == (None, [], ["more"])
    assert found["rule_point"] == ("expectations", ["more"], [])
    exact = survey_of(study_of(raw, tmp_path), method="exact")
    assert {one.kind: one.noticed_by for one in exact.mutants}["rule_deleted"] is None


def test_baselines_are_solved_again_as_an_editor_would(tmp_path: Path) -> None:
    """At the anchor no mutant moves a level; with baselines that stay, most do."""
    level = {"level": {"that": "0.55 < P(good) < 0.65"}}
    raw = altered(expectations=level, rules={}, consequences={})
    raw["scenarios"] = {"good": {"baseline": 0.5003}, "bad": {"baseline": 0.4997}}
    shares = study_of(raw, tmp_path).simulate(method="exact").scenarios
    raw["anchor"] = {"shares": {name: one.end for name, one in shares.items()}}
    assert shares["good"].end == pytest.approx(0.575, abs=0.001)
    anchored = survey_of(study_of(raw, tmp_path))
    assert anchored.anchored
    assert {one.noticed_by for one in anchored.mutants} == {None}
    del raw["anchor"]
    loose = survey_of(study_of(raw, tmp_path))
    assert not loose.anchored
    assert {one.path for one in loose.mutants if one.noticed_by} >= {"drivers.mood.impacts.high.good", "drivers.mood"}


def test_a_mutant_in_a_profile_is_noticed_under_the_profile(tmp_path: Path) -> None:
    lean = {"outcome": {"events": {"lean": {"at": "start", "points": {"good": [1, "G5"]}}}}}
    raw = altered(profiles={"rosy": {"overrides": lean}}, expectations={})
    raw["expectations"]["rosier"] = {"that": "P(good | profile(rosy)) > P(good) + 0.05"}
    raw["outcome"] = {}
    study = study_of(raw, tmp_path)
    turned = [one for one in survey_of(study).mutants if one.kind == "profile_point"]
    assert [(one.path, one.value, one.sources, one.failed) for one in turned] == [
        ("profiles.rosy.overrides.outcome.events.lean.points.good", 1.0, ["G5"], ["rosier"])
    ]


def test_a_model_without_numbers_to_turn_has_no_mutants(tmp_path: Path) -> None:
    raw = {"usru": 1, "name": "none", "title": "None", "scenarios": {"a": {}, "b": {}}}
    survey = survey_of(study_of(raw, tmp_path))
    assert (survey.mutants, survey.kinds, survey.all.share, survey.sourced_signs.standard_error) == ([], {}, None, None)
    done = answer("check", str(study_of(raw, tmp_path).loaded.path), "--mutants")
    assert done.returncode == 0


# Which there are ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "turned"),
    [
        (2, -2),
        (-0.5, 0.5),
        ([2, "G1"], [-2, "G1"]),
        ({"value": 2, "note": "x", "sources": ["G1"]}, {"value": -2, "note": "x", "sources": ["G1"]}),
        ({"pert": [0, 1, 3], "sources": ["G1"]}, {"pert": [-3, -1, 0], "sources": ["G1"]}),
        ([{"uniform": [1, 2]}, "G1"], [{"uniform": [-2, -1]}, "G1"]),
        ({"value": {"triangular": [-1, 0, 2]}}, {"value": {"triangular": [-2, 0, 1]}}),
        ({"normal": [1, 0.5]}, {"normal": [-1, 0.5]}),
        ({"pert": [[0, "G1"], {"uniform": [1, 2]}, 3]}, {"pert": [-3, {"uniform": [-2, -1]}, [0, "G1"]]}),
    ],
)
def test_a_judgement_is_turned_round_in_each_of_its_forms(written: Any, turned: Any) -> None:
    assert negate(written) == turned
    assert negate(turned) == written


def test_the_kinds_of_the_bundled_model_are_complete(bundled: Study) -> None:
    """Each number of points is turned round, and each rule, event and consequence is taken away, once."""
    loaded = bundled.loaded
    every = list_mutations(loaded)
    counts = Counter(one.kind for one in every)
    model = loaded.model
    assert set(counts) == set(KINDS)
    assert counts["rule_deleted"] == len(model.rules)
    assert counts["consequence_deleted"] == len(model.consequences)
    nodes = (*model.drivers.values(), model.outcome, *model.consequences.values())
    assert counts["event_deleted"] == sum(len(node.events) for node in nodes)
    assert counts["driver_silenced"] == counts["driver_reversed"] == len(model.drivers)
    written = [one for one in every if one.kind in SIGNS]
    assert len({one.path for one in written}) == len(written)
    assert all(one.value for one in written)
    assert len({(one.kind, one.path) for one in every}) == len(every)
    assert every == sorted(every, key=lambda one: KINDS.index(one.kind))


@pytest.mark.more
@pytest.mark.parametrize("model", ["us-russia", "brief", HARBOUR])
def test_a_mutant_is_what_its_assignments_make(model: str) -> None:
    study = load(model)
    tree = study.loaded.file.tree
    every = list_mutations(study.loaded)
    tried = every[:: max(1, len(every) // tries(15, 600))]
    for mutation in tried:
        changed = mutation.apply_to(tree).data
        assert changed != tree.data
        overrides = mutation.overrides(tree.data)
        try:
            assert study.varied(overrides=overrides).loaded.sha256 == model_digest(changed), overrides
        except ModelError:
            with pytest.raises(ModelError):
                study.loaded.file.with_tree(mutation.apply_to(tree))
    assert study.loaded.file.tree is tree


def test_what_an_assignment_says_over_again_is_no_mutant(tmp_path: Path) -> None:
    study = study_of(SMALL, tmp_path)
    paths = {one.path for one in list_mutations(study.loaded)}
    set_outside = study.varied(overrides={"drivers.mood.impacts.high.good": 3})
    left = {one.path for one in list_mutations(set_outside.loaded)}
    assert paths - left == {"drivers.mood.impacts.high.good", "drivers.mood", "drivers.mood.impacts: high and low"}
    assert left < paths


# A sample -------------------------------------------------------------------------------------------------------------


def test_each_stratum_gets_one_and_the_rest_goes_by_size() -> None:
    assert allocate_to_strata([100, 50, 1, 1], 4) == [1, 1, 1, 1]
    assert allocate_to_strata([100, 50, 1, 1], 32) == [20, 10, 1, 1]
    assert allocate_to_strata([100, 50, 1, 1], 1000) == [100, 50, 1, 1]
    assert allocate_to_strata([], 5) == []


def test_a_sample_sees_every_kind_and_stands_for_the_whole(bundled: Study) -> None:
    every = list_mutations(bundled.loaded)
    strata = {(one.kind, one.sourced) for one in every}
    for number in (len(strata), 100, 10_000):
        made = sample_mutations(every, number, 1)
        assert len(made.mutations) == min(number, len(every))
        assert {(one.kind, one.sourced) for one in made.mutations} == strata
        assert math.fsum(made.weights) == pytest.approx(len(every))
        assert list(made.mutations) == [one for one in every if one in made.mutations]
    few = sample_mutations(every, 5, 1)
    assert len(few.mutations) == 5
    assert math.fsum(few.weights) == pytest.approx(len(every))
    assert sample_mutations(every, 100, 1) == sample_mutations(every, 100, 1)
    assert sample_mutations(every, 100, 1) != sample_mutations(every, 100, 2)


def made_up(kinds: dict[str, tuple[int, float]]) -> tuple[list[Mutation], set[str]]:
    """Mutations, so many of a kind, of which a share is noticed: the paths of these."""
    every, noticed = [], set()
    for kind, (size, share) in kinds.items():
        for number in range(size):
            every.append(Mutation(kind, f"{kind}.{number}", (), ("G1",)))  # type: ignore[arg-type]
            if number < share * size:
                noticed.add(every[-1].path)
    return every, noticed


def estimates(weighted: bool) -> tuple[float, list[float], list[float]]:
    """The true share, and its estimates and their errors over many seeds."""
    every, noticed = made_up({"impact": (200, 0.1), "influence": (90, 0.5), "rule_deleted": (4, 1.0)})
    shares, errors = [], []
    for seed in range(400):
        made = sample_mutations(every, 12, seed)
        seen = [one.path in noticed for one in made.mutations]
        found = estimate_noticed_share(every, made, seen, lambda _: True)
        assert found.share is not None
        assert found.standard_error is not None
        shares.append(found.share if weighted else found.noticed / found.made)
        errors.append(found.standard_error)
    return len(noticed) / len(every), shares, errors


def test_the_share_is_right_on_average_and_its_error_no_smaller_than_it_is() -> None:
    truth, shares, errors = estimates(weighted=True)
    mean = math.fsum(shares) / len(shares)
    spread = math.sqrt(math.fsum((one - mean) ** 2 for one in shares) / (len(shares) - 1))
    assert abs(mean - truth) < 4.5 * spread / math.sqrt(len(shares))
    assert spread <= math.fsum(errors) / len(errors) <= 1.5 * spread
    assert min(errors) > 0


def test_a_share_that_forgets_the_sizes_of_the_kinds_is_found_out() -> None:
    truth, shares, _ = estimates(weighted=False)
    mean = math.fsum(shares) / len(shares)
    spread = math.sqrt(math.fsum((one - mean) ** 2 for one in shares) / (len(shares) - 1))
    assert abs(mean - truth) > 4.5 * spread / math.sqrt(len(shares))


def test_a_seed_gives_the_same_mutants_and_another_one_others(tmp_path: Path) -> None:
    study = study_of(SMALL, tmp_path)
    one, two, other = (study.check(mutants=4, seed=seed) for seed in (1, 1, 3))
    assert one == two
    assert one.mutants is not None
    assert other.mutants is not None
    assert [mutant.path for mutant in one.mutants.mutants] != [mutant.path for mutant in other.mutants.mutants]
    assert (one.mutants.all.standard_error or 0.0) > 0.0


def test_the_one_page_model_has_mutants_of_its_own() -> None:
    survey = survey_of(load("brief"), 2)
    assert len(survey.mutants) == 2
    assert survey.anchored


# The command and the library ------------------------------------------------------------------------------------------


def small_file(folder: Path) -> str:
    return str(study_of(SMALL, folder).loaded.path)


def test_json_rows_and_pages_tell_the_same(tmp_path: Path) -> None:
    file = small_file(tmp_path)
    done = answer("check", "--json", "--mutants", file)
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert not list(Draft202012Validator(output_schema("check")).iter_errors(found))
    mutants = found["mutants"]["mutants"]
    assert len(mutants) == found["mutants"]["all"]["made"] == 11
    rows = list(csv.DictReader(io.StringIO(answer("check", file, "-f", "csv", "--mutants").stdout)))
    assert [row["path"] for row in rows] == [one["path"] for one in mutants]
    assert [row["noticed_by"] for row in rows] == [one["noticed_by"] or "" for one in mutants]
    for row, one in zip(rows, mutants, strict=True):
        words = shlex.split(row["set"])
        assert (words[::2], words[1::2]) == (["--set"] * len(one["overrides"]), one["overrides"])
        assert row["failed"].split() == one["failed"]
    table = answer("check", file, "--mutants").stdout
    page = answer("check", file, "--mutants", "-f", "md").stdout
    for one in mutants:
        told = one["noticed_by"] is None
        assert (f"\n{one['path']}  " in table) == told == (f"\n- `{one['path']}` " in page)
    assert "--set 'rules.both.then.scenario.good=[-1, G3]'" in table
    assert "73% of the mutants are noticed, 50% of the signs that rest on a document." in " ".join(table.split())
    assert "Expectations that notice none of them\n\nidle\n" in table


def test_what_is_shown_can_be_tried(tmp_path: Path) -> None:
    file = small_file(tmp_path)
    for row in csv.DictReader(io.StringIO(answer("check", file, "-f", "csv", "--mutants").stdout)):
        done = answer("check", file, "--json", *shlex.split(row["set"]))
        if row["noticed_by"] == "reading":
            assert done.returncode == 1
            assert row["problem"] in done.stderr
        else:
            verdicts = json.loads(done.stdout)["expectations"]
            assert [name for name, one in verdicts.items() if one["verdict"] == "fails"] == row["failed"].split()


def test_rows_without_mutants_are_those_of_the_expectations(tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(answer("check", small_file(tmp_path), "-f", "csv").stdout)))
    assert [(row["model"], row["expectation"], row["verdict"]) for row in rows] == [
        ("small", name, "holds") for name in SMALL["expectations"]
    ]


@pytest.mark.parametrize("width", ["40", "60", "80"])
def test_mutants_keep_within_the_width(tmp_path: Path, width: str) -> None:
    done = answer("check", small_file(tmp_path), "--mutants", COLUMNS=width)
    assert max(map(len, done.stdout.splitlines())) <= int(width)
    assert "by\n" in done.stdout


def test_the_library_refuses_it_too(tmp_path: Path) -> None:
    study = study_of(SMALL, tmp_path)
    for wrong in (-1, 1.5, None, "3", 10**9):
        with pytest.raises(ArgumentError, match="mutants"):
            study.check(mutants=wrong)  # type: ignore[arg-type]
    assert study.check(mutants=0).mutants is None
    assert study.check().expectations["idle"].mutants is None


def test_a_model_that_can_not_be_had_exactly_has_no_exact_mutants() -> None:
    assert "sampling only" in refusal("check", HARBOUR, "--mutants", "--method", "exact")


def test_a_mutant_says_what_it_is(tmp_path: Path) -> None:
    (one, *_) = survey_of(study_of(SMALL, tmp_path)).mutants
    assert one == Mutant(
        kind="impact",
        path="drivers.mood.impacts.high.good",
        value=2.0,
        overrides=["drivers.mood.impacts.high.good=[-2, G1]"],
        sources=["G1"],
        sourced=True,
        noticed_by="expectations",
        problem=None,
        failed=["mood_matters"],
        undecided=[],
    )


def test_tiny_has_mutants_of_every_section(tmp_path: Path) -> None:
    kinds = {one.kind for one in list_mutations(study_of(TINY, tmp_path).loaded)}
    assert kinds >= {"impact", "influence", "consequence_influence", "driver_silenced", "rows_swapped"}
