"""Baselines for an anchor: closed forms, what changes in a file and what does not, and the warning."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from support.command import HERE, answer, refusal
from support.effort import slow_but
from support.sampled import exact_model, text_keys
from support.systems import may_be_forbidden
from support.tiny import study_of
from usru_scenarios.questions.calibrate import NoAnchor, round_baselines
from usru_scenarios.reading import locations
from usru_scenarios.reading.loading import load as load_file
from usru_scenarios.reading.request import Request
from usru_scenarios.reading.yaml_scalars import span_within
from usru_scenarios.reading.yaml_source import read
from usru_scenarios.schemas import output_schema
from usru_scenarios.study import load

BUNDLED = HERE.parent / "scenarios" / "us-russia.yaml"


def one_driver(**parts: Any) -> dict[str, Any]:
    return {
        "usru": 1,
        "name": "one",
        "title": "One",
        "odds_per_point": 2,
        "scenarios": {"good": {"baseline": 0.5}, "bad": {"baseline": 0.5}},
        "anchor": {"shares": {"good": 0.2, "bad": 0.8}},
        "drivers": {"d": {"states": {"on": 1.0}, "impacts": {"on": {"good": 3}}}},
        **parts,
    }


# Solving --------------------------------------------------------------------------------------------------------------


def test_one_driver_that_is_sure_has_a_closed_form(tmp_path: Path) -> None:
    # odds of the anchor 1 to 4, three points are worth 8: the baselines' odds are 1 to 32
    found = study_of(one_driver(), tmp_path).calibrate()
    assert found.baselines == pytest.approx({"good": 1 / 33, "bad": 32 / 33}, abs=1e-6)
    assert found.shares_before == pytest.approx({"good": 8 / 9, "bad": 1 / 9}, abs=1e-9)
    assert found.before == {"good": 0.5, "bad": 0.5}
    assert (found.at, found.anchor) == ("now", {"good": 0.2, "bad": 0.8})


def test_one_driver_that_is_not_sure(tmp_path: Path) -> None:
    raw = one_driver()
    raw["drivers"]["d"]["states"] = {"on": 0.3, "off": 0.7}

    def share(odds: float) -> float:
        return 0.3 * 8 * odds / (8 * odds + 1) + 0.7 * odds / (odds + 1)

    low, high = 0.0, 1.0
    for _ in range(60):
        low, high = (low, (low + high) / 2) if share((low + high) / 2) > 0.2 else ((low + high) / 2, high)
    found = study_of(raw, tmp_path).calibrate()
    assert found.baselines["good"] == pytest.approx(low / (1 + low), abs=1e-6)
    assert found.baselines["good"] != pytest.approx(1 / 33, abs=1e-2)


def test_a_model_that_is_solved_exactly_meets_its_anchor_exactly() -> None:
    found = load("brief").calibrate()
    assert found.trials == 0
    assert found.shares_before != pytest.approx(found.anchor, abs=1e-6)  # by the digits that stand in the file
    solved = {f"scenarios.{name}.baseline": baseline for name, baseline in found.baselines.items()}
    after = load("brief", overrides=solved).simulate(method="exact", judgements=0)
    assert {name: one.by_step[0] for name, one in after.scenarios.items()} == pytest.approx(found.anchor, abs=1e-6)
    assert load("brief").calibrate(seed=2).baselines == found.baselines


def anchored_at_the_end(name: str) -> dict[str, Any]:
    """A model of the folder whose scenarios are to end up unlike what the file makes of them."""
    raw: dict[str, Any] = text_keys(exact_model(name))
    parts = range(2, 2 + len(raw["scenarios"]))
    raw["outcome"] = {key: part for key, part in raw.get("outcome", {}).items() if key in ("persistence", "allowed")}
    shares = {scenario: part / sum(parts) for scenario, part in zip(raw["scenarios"], parts, strict=True)}
    return raw | {"anchor": {"at": "end", "shares": shares}}


@pytest.mark.parametrize("name", slow_but(["numeric_feedback"], ["feedback", "numeric_feedback"]))
def test_an_anchor_at_a_later_step(tmp_path: Path, name: str) -> None:
    raw = anchored_at_the_end(name)
    for scenario, share in study_of(raw, tmp_path).calibrate().baselines.items():
        raw["scenarios"][scenario] = {**(raw["scenarios"][scenario] or {}), "baseline": share}
    found = study_of(raw, tmp_path).simulate(trials=65_536, seed=9)
    assert {name: one.end for name, one in found.scenarios.items()} == pytest.approx(raw["anchor"]["shares"], abs=0.01)


def test_an_anchor_that_the_allowed_moves_forbid(tmp_path: Path) -> None:
    with pytest.raises(NoAnchor, match="the nearest shares are calm 0"):
        study_of(anchored_at_the_end("outcome_moves"), tmp_path).calibrate()


def test_an_anchor_that_nothing_can_meet(tmp_path: Path) -> None:
    raw = one_driver(outcome={"events": [{"at": "start", "prior": {"good": 1, "bad": 1}}]})
    with pytest.raises(NoAnchor, match=r"no baselines reproduce .* good 0\.889"):
        study_of(raw, tmp_path).calibrate()
    del raw["anchor"]
    with pytest.raises(NoAnchor, match="has no anchor"):
        study_of(raw, tmp_path).calibrate()


def test_the_file_itself_is_calibrated_whatever_weights_are_asked_for(tmp_path: Path) -> None:
    raw = one_driver(profiles={"p": {"weights": {"d": 3}}})
    plain = study_of(raw, tmp_path).calibrate()
    assert study_of(raw, tmp_path, profile="p", weights=["d=0.1"]).calibrate().baselines == plain.baselines
    other = study_of(raw, tmp_path, overrides={"drivers.d.impacts.on.good": 0}).calibrate()
    assert other.baselines == pytest.approx({"good": 0.2, "bad": 0.8}, abs=1e-6)


def test_baselines_are_solved_again_for_what_is_left_of_the_points(tmp_path: Path) -> None:
    study_of(one_driver(), tmp_path)
    path = tmp_path / "model.yaml"
    assert load(path, sourced_only=True).simulate().scenarios["good"].by_step[0] == pytest.approx(0.5)
    again = load(path, sourced_only=True, recalibrate=True)
    assert again.simulate().scenarios["good"].by_step[0] == pytest.approx(0.2, abs=1e-6)
    assert again.calibrate().before == pytest.approx({"good": 0.2, "bad": 0.8}, abs=1e-6)
    half = load(path, overrides={"drivers.d.impacts.on.good": 1}, recalibrate=True)
    assert half.calibrate().before == pytest.approx({"good": 1 / 9, "bad": 8 / 9}, abs=1e-6)


def test_weights_and_profile_do_not_count_where_baselines_are_solved_again_but_then_act(tmp_path: Path) -> None:
    raw = one_driver(profiles={"twice": {"weights": {"d": 2}}})
    study_of(raw, tmp_path)
    path = tmp_path / "model.yaml"
    for asked in ({"weights": {"d": 2}}, {"profile": "twice"}):
        found = load(path, recalibrate=True, **asked)
        assert found.calibrate().before == pytest.approx({"good": 1 / 33, "bad": 32 / 33}, abs=1e-6)
        assert found.simulate().scenarios["good"].by_step[0] == pytest.approx(64 / (64 + 32), abs=1e-6)


def test_a_command_solves_them_again_or_says_that_there_is_no_anchor(tmp_path: Path) -> None:
    study_of(one_driver(), tmp_path)
    path = str(tmp_path / "model.yaml")
    done = answer("simulate", path, "--sourced-only", "--recalibrate", "--json")
    assert json.loads(done.stdout)["scenarios"]["good"]["by_step"][0] == pytest.approx(0.2, abs=1e-6)
    bare, again = "bare: --sourced-only", "again: --sourced-only --recalibrate"
    sides = json.loads(answer("compare", path, "--variant", bare, "--variant", again, "--json").stdout)["variants"]
    shares = {name: side["scenarios"]["good"]["by_step"][0] for name, side in sides.items()}
    assert shares == pytest.approx({"as it is": 8 / 9, "bare": 0.5, "again": 0.2}, abs=1e-6)
    compared = json.loads(answer("compare", path, "--sourced-only", "--recalibrate", "--json").stdout)
    assert [*compared["variants"]] == ["as it is", "sourced only, recalibrated"]
    told = answer("report", path, "--recalibrate").stdout
    assert "- changed: baselines are solved for the anchor again (" in told
    without = {name: value for name, value in one_driver().items() if name != "anchor"}
    study_of(without, tmp_path)
    done = answer("simulate", path, "--recalibrate")
    assert done.returncode == 1
    assert "no anchor" in done.stderr


def test_baselines_are_shown_as_they_are_written_into_a_file() -> None:
    shown = answer("calibrate", "brief").stdout
    solved = load("brief").calibrate().baselines
    for line, (name, value) in zip(shown.splitlines()[5:9], round_baselines(solved).items(), strict=True):
        assert float(line.split()[-1]) == value, name
    assert "sum to 1" in shown


def test_rounded_baselines_keep_their_digits() -> None:
    assert round_baselines({"a": 0.123456, "b": 0.0123456, "c": 0.0000123456, "d": 0.0}) == {
        "a": 0.1235,
        "b": 0.01235,
        "c": 0.00001235,
        "d": 0.0,
    }


# Writing --------------------------------------------------------------------------------------------------------------

HEAD = """\
# my file: 'quotes', "quotes", tabs\tand   blanks
usru: 1
name: "written"
title: 'It''s written'   # kept
odds_per_point: 2
"""
TAIL = """
anchor: {shares: {a: 0.1, b: 0.2, c: 0.3, d: 0.25, e: 0.15}}   # why not
drivers: {push: {states: {on: 1}, impacts: {on: {a: 3, b: -1}}}}
# the end"""

SCENARIOS = """\
scenarios:
  a: {title: "ä, €, 日本", baseline: 0.30, summary: "baseline: 0.30"}   # 0.30
  b:
    baseline:   [ 0.25 , A01 ]     # a list
    summary: baseline is 0.25
  c: {baseline: {value: 1.5e-1, note: "0.15 it is", sources: [A01]}}
  d:
    baseline:
      - .2

      - A01
  'e': {baseline: {sources: [A01],
     value: 0.10}}
"""

WRITTEN = """\
scenarios:
  a: {title: "ä, €, 日本", baseline: A, summary: "baseline: 0.30"}   # 0.30
  b:
    baseline:   [ B , A01 ]     # a list
    summary: baseline is 0.25
  c: {baseline: {value: C, note: "0.15 it is", sources: [A01]}}
  d:
    baseline:
      - D

      - A01
  'e': {baseline: {sources: [A01],
     value: E}}
"""


def solved_text() -> str:
    # odds a : b : c : d : e = 0.1 / 8 : 0.2 * 2 : 0.3 : 0.25 : 0.15, as three points are worth 8 and minus one 1 / 2
    odds = {"A": 0.1 / 8, "B": 0.4, "C": 0.3, "D": 0.25, "E": 0.15}
    text = WRITTEN
    for name, value in round_baselines({name: part / sum(odds.values()) for name, part in odds.items()}).items():
        for mark in (f" {name},", f" {name} ", f" {name}\n", f" {name}}}"):
            text = text.replace(mark, mark.replace(name, str(value)))
    return text


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_exactly_the_numbers_change(tmp_path: Path, line_end: str, mark: str) -> None:
    file = tmp_path / "m.yaml"
    file.write_bytes((mark + HEAD + SCENARIOS + TAIL).replace("\n", line_end).encode())
    file.chmod(0o640)
    before = answer("validate", str(file))
    assert (before.returncode, "the anchor says" in before.stderr) == (0, True)
    done = answer("calibrate", str(file), "--write")
    assert (done.returncode, done.stderr) == (0, f"wrote the baselines to {file}\n")
    assert file.read_bytes().decode() == (mark + HEAD + solved_text() + TAIL).replace("\n", line_end)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["m.yaml"]
    after = answer("validate", str(file))
    assert (after.returncode, after.stderr) == (0, "")
    again = answer("calibrate", str(file), "--write")
    assert again.stderr == f"{file} has these baselines already\n"


def test_without_write_the_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(HEAD + SCENARIOS + TAIL, encoding="utf-8")
    done = answer("calibrate", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert "what the cited drivers do not explain" in done.stdout
    assert file.read_text(encoding="utf-8") == HEAD + SCENARIOS + TAIL


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    file, link = tmp_path / "m.yaml", tmp_path / "link.yaml"
    file.write_text(HEAD + SCENARIOS + TAIL, encoding="utf-8")
    link.symlink_to(file.name)
    assert answer("calibrate", str(link), "--write", "-q").returncode == 0
    assert link.is_symlink()
    assert file.read_text(encoding="utf-8") == HEAD + solved_text() + TAIL


def test_json_is_as_its_schema_says(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(HEAD + SCENARIOS + TAIL, encoding="utf-8")
    found = json.loads(answer("calibrate", str(file), "--json").stdout)
    assert not list(Draft202012Validator(output_schema("calibration")).iter_errors(found))
    assert sum(found["baselines"].values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("scenarios", "message"),
    [
        ("scenarios: {a: {}, b: {}, c: {}, d: {}, e: {}}\n", "the scenarios have no baseline to change"),
        (SCENARIOS.replace(" 0.30,", " {pert: [0.1, 0.3, 0.4]},", 1), "the baseline of 'a' is uncertain"),
    ],
)
def test_what_can_not_be_changed_in_place_is_refused(tmp_path: Path, scenarios: str, message: str) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(HEAD + scenarios + TAIL, encoding="utf-8")
    assert message in refusal("calibrate", str(file), "--write")
    assert file.read_text(encoding="utf-8") == HEAD + scenarios + TAIL


def test_what_to_add_is_said_where_there_is_nothing_to_change(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(json.dumps(one_driver(scenarios={"good": {}, "bad": {}})))
    done = answer("calibrate", str(file), "--write")
    assert "{good: {baseline: 0.0303}, bad: {baseline: 0.9697}}" in done.stderr


def test_baselines_of_an_extended_file_are_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(HEAD + SCENARIOS + TAIL, encoding="utf-8")
    over = tmp_path / "over.yaml"
    over.write_text("extends: base.yaml\nscenarios: {a: {baseline: 0.5}}\n")
    done = answer("calibrate", str(over), "--write")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"the baselines stand in {tmp_path / 'base.yaml'}, which {over} extends" in done.stderr
    assert over.read_text() == "extends: base.yaml\nscenarios: {a: {baseline: 0.5}}\n"
    added = done.stderr.split("scenarios: ")[1].strip()
    over.write_text(f"extends: base.yaml\nscenarios: {added}\n")
    assert answer("validate", str(over)).stderr == ""
    assert answer("calibrate", str(over), "--write").stderr.endswith("already\n")


def test_standard_input_has_no_file_to_change() -> None:
    text = HEAD + SCENARIOS + TAIL
    assert "standard input" in refusal("calibrate", "-", "--write", stdin=text)
    assert answer("calibrate", "-", stdin=text).returncode == 0


def test_a_file_of_the_installed_package_is_not_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(HEAD + SCENARIOS + TAIL, encoding="utf-8")
    monkeypatch.setattr(locations, "is_installed", lambda path: path == file)
    assert "make a copy first: usru new ./m.yaml --from m" in refusal("calibrate", str(file), "--write")
    assert file.read_text(encoding="utf-8") == HEAD + SCENARIOS + TAIL


def test_what_is_installed() -> None:
    assert locations.is_installed(Path(locations.__file__).parents[1] / "bundled" / "scenarios" / "us-russia.yaml")
    assert not locations.is_installed(BUNDLED)


@may_be_forbidden
def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(HEAD + SCENARIOS + TAIL, encoding="utf-8")
    tmp_path.chmod(0o500)
    done = answer("calibrate", str(file), "--write")
    tmp_path.chmod(0o700)
    assert (done.returncode, file.read_text(encoding="utf-8")) == (2, HEAD + SCENARIOS + TAIL)


def test_the_bundled_file_meets_its_anchor() -> None:
    """Within what its warning allows; the next test says how closely."""
    assert answer("validate").stderr == ""


@pytest.mark.slow
def test_the_baselines_of_the_bundled_file_are_those_that_are_found() -> None:
    found = load(BUNDLED).calibrate()
    assert max(abs(found.anchor[name] - share) for name, share in found.shares_before.items()) < 5e-4


# The warning ----------------------------------------------------------------------------------------------------------


def test_the_warning_is_told_in_words_and_as_json(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text("\n".join([*HEAD.splitlines(), *SCENARIOS.splitlines(), *TAIL.splitlines()]), encoding="utf-8")
    said = answer("validate", str(file))
    assert said.stdout.endswith("; 1 warning\n")
    assert ": warning: the anchor says 0." in said.stderr
    (problem,) = json.loads(answer("validate", str(file), "--json").stdout)["problems"]
    assert (problem["code"], problem["severity"]) == ("anchor_missed", "warning")
    assert load_file(Request.of(file)).source.lines[problem["line"] - 1].startswith("anchor:")


@pytest.mark.parametrize(("share", "warned"), [(0.2, False), (0.204, False), (0.207, True)])
def test_the_warning_begins_beyond_the_tolerance(tmp_path: Path, share: float, warned: bool) -> None:
    raw = one_driver(scenarios={"good": {"baseline": 1}, "bad": {"baseline": 32}})
    raw["anchor"] = {"shares": {"good": share, "bad": 1 - share}}
    file = tmp_path / "m.yaml"
    file.write_text(json.dumps(raw))
    assert bool(answer("validate", str(file)).stderr) == warned


def test_weights_and_profiles_from_outside_are_no_fault_of_the_file(tmp_path: Path) -> None:
    raw = one_driver(
        scenarios={"good": {"baseline": 1}, "bad": {"baseline": 32}}, profiles={"p": {"weights": {"d": 3}}}
    )
    file = tmp_path / "m.yaml"
    file.write_text(json.dumps(raw))
    assert answer("validate", str(file), "-p", "p", "-w", "d=2").stderr == ""
    assert "the anchor says" in answer("validate", str(file), "--set", "drivers.d.impacts.on.good=0").stderr


# Places in scalars ----------------------------------------------------------------------------------------------------

TEXTS = {
    "plain": "that: one two",
    "single": "that: 'it''s one two'",
    "double": 'that: "\\"one\\" \\u0041 \\t \\x42 two"',
    "folded": "that: >-\n    one\n    and  two\n\n    three",
    "literal": "that: |2-\n    one\n   two",
    "plain lines": "that: one\n  two\n   three",
    "double lines": 'that: "one\n   and \\\n   two"',
    "flow": "that: {x: 1, that: [one,   two ]}",
}


@pytest.mark.parametrize("form", TEXTS)
def test_a_piece_of_a_scalar_is_found_however_it_is_written(form: str) -> None:
    document = read(TEXTS[form], "t.yaml")
    data, place = document.data["that"], document.place.child("that")
    assert place is not None
    if form == "flow":
        inner = place.at(("that", 1))
        assert inner is not None
        data, place = data["that"][1], inner
    for word in ("two", "three"):
        if word in data:
            start = data.index(word)
            span = span_within(place, data, start, start + len(word))
            assert span.text[span.column - 1 : span.column - 1 + span.width] == word


@pytest.mark.parametrize("text", ['that: ""', "that: ''", "that: |\n\n", "that: >-\n"])
def test_a_piece_of_an_empty_scalar_is_the_scalar(text: str) -> None:
    place = read(text, "t.yaml").place.child("that")
    assert place is not None
    assert span_within(place, "", 0, 1) == place.span()
