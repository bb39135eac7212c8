from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.cases import Case, cases
from usru_scenarios.problems import RequestError, UsruError
from usru_scenarios.reading.loading import Loaded, load
from usru_scenarios.reading.request import Request

BASE = """\
usru: 1
name: base
title: A base
time: {start: 2025, end: 2028, step: year}
odds_per_point: {impacts: 1.2, influences: 1.4}
scenarios: {good: {baseline: 1}, bad: {baseline: 2}}
groups: {any: [good, bad]}
drivers:
  talks:
    weight: 1.5
    states: {on: 0.4, off: {prior: 0.6, title: Off}}
    initial: {on: 1}
    persistence: {on: 0.5, off: 0.6}
    events: [{at: 2026, points: {on: 1}}, {at: 2027, points: {off: 1}}]
    prior_given: {first: {when: {mood: "> 0.5"}, prior: {on: 1}}}
    impacts: {on: {good: 2, bad: -1}, off: {bad: [1, G1]}}
  mood:
    kind: numeric
    range: [0, 1]
    impacts: {0.0: {good: -1}, 0.5: {good: 0}, 1.0: {good: 1}}
    weight: {2025-01: 1, 2026-01: [2, G1]}
rules:
  both: {when: {talks: on, mood: "> 0.7"}, then: {scenario: {good: 1}}}
"""


def loaded(tmp_path: Path, overlay: str = "", **options: Any) -> Loaded:
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "over.yaml").write_text(f"extends: base.yaml\n{overlay}")
    return load(Request.of(tmp_path / "over.yaml", **options))


def talks(tmp_path: Path, overlay: str = "", **options: Any) -> dict[str, Any]:
    part = loaded(tmp_path, overlay, **options).data["drivers"]["talks"]
    assert isinstance(part, dict)
    return part


# What merges and what is replaced


@pytest.mark.parametrize(
    ("overlay", "key", "value"),
    [
        (
            "states: {on: {title: On}}",
            "states",
            {"on": {"prior": 0.4, "title": "On"}, "off": {"prior": 0.6, "title": "Off"}},
        ),
        ("states: {off: 0.9}", "states", {"on": 0.4, "off": {"prior": 0.9, "title": "Off"}}),
        ("initial: {off: 1}", "initial", {"off": 1}),
        ("persistence: {default: 0.1}", "persistence", {"default": 0.1}),
        ("weight: {2025: 1}", "weight", {"2025": 1}),
        ("impacts: {on: {good: 3}}", "impacts", {"on": {"good": 3, "bad": -1}, "off": {"bad": [1, "G1"]}}),
        ("impacts: {on: {good: null}}", "impacts", {"on": {"bad": -1}, "off": {"bad": [1, "G1"]}}),
        (
            "impacts: {off: {bad: {value: 2, note: n}}}",
            "impacts",
            {"on": {"good": 2, "bad": -1}, "off": {"bad": {"value": 2, "note": "n"}}},
        ),
        ("events: [{at: 2026, points: {off: 1}}]", "events", [{"at": 2026, "points": {"off": 1}}]),
        (
            "prior_given: {first: {when: {mood: '< 0.5'}}, second: {when: {mood: '> 0.9'}, prior: {off: 1}}}",
            "prior_given",
            {
                "first": {"when": {"mood": "< 0.5"}, "prior": {"on": 1}},
                "second": {"when": {"mood": "> 0.9"}, "prior": {"off": 1}},
            },
        ),
    ],
)
def test_maps_merge_and_values_are_replaced(tmp_path: Path, overlay: str, key: str, value: Any) -> None:
    assert talks(tmp_path, f"drivers: {{talks: {{{overlay}}}}}\n")[key] == value


def test_top_level_parts(tmp_path: Path) -> None:
    data = loaded(tmp_path, "odds_per_point: 1.3\ngroups: {any: [good]}\nrules: {both: null}\ntime: {end: 2029}\n").data
    assert data["odds_per_point"] == 1.3
    assert data["groups"] == {"any": ["good"]}
    assert data["rules"] == {}
    assert data["time"] == {"start": 2025, "end": 2029, "step": "year"}
    assert "extends" not in data


def test_points_of_a_rule_merge_by_what_they_are(tmp_path: Path) -> None:
    overlay = "rules: {both: {when: {talks: off}, then: {scenario: {bad: 1}}}}\n"
    assert loaded(tmp_path, overlay).data["rules"]["both"] == {
        "when": {"talks": "off"},
        "then": {"scenario": {"good": 1, "bad": 1}},
    }


def test_a_chain_of_files_and_their_places(tmp_path: Path) -> None:
    folder = tmp_path / "sub"
    folder.mkdir()
    (folder / "top.yaml").write_text("extends: ../over.yaml\ndrivers: {talks: {weight: 3}}\n")
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "over.yaml").write_text("extends: base.yaml\ndrivers: {talks: {weight: 2, initial: {off: 1}}}\n")
    result = load(Request.of(folder / "top.yaml"))
    assert result.data["drivers"]["talks"]["weight"] == 3
    places = {key: result.find_span(("drivers", "talks", key)) for key in ("weight", "initial", "states")}
    names = {key: Path(place.source).name for key, place in places.items() if place}
    assert names == {"weight": "top.yaml", "initial": "over.yaml", "states": "base.yaml"}


# Profiles


PROFILES = """\
profiles:
  glad:
    weights: {talks: x2, mood: x2, both: 3}
    overrides:
      drivers:
        talks: {states: {on: 0.7}, impacts: {on: {good: 3, bad: null}}}
        mood: {sources: [D2], impacts: {1.0: {good: 2}}}
    sources: [D1]
"""


def test_a_profile_changes_weights_and_parts(tmp_path: Path) -> None:
    data = loaded(tmp_path, PROFILES, profile="glad").data
    talks, mood = data["drivers"]["talks"], data["drivers"]["mood"]
    assert talks["weight"] == 3.0
    assert mood["weight"] == {"2025-01": 2, "2026-01": [4, "G1"]}
    assert data["rules"]["both"]["weight"] == [3, "D1"]
    assert talks["states"]["on"] == {"prior": [0.7, "D1"]}
    assert talks["impacts"]["on"] == {"good": [3, "D1"]}
    assert mood["impacts"]["1.0"] == {"good": 2}  # the block has sources of its own


def test_the_order_is_file_profile_set_weight(tmp_path: Path) -> None:
    one = talks(tmp_path, PROFILES, profile="glad", weights=["talks=x0.5"])
    assert one["weight"] == 1.5
    two = talks(tmp_path, PROFILES, profile="glad", overrides=["drivers.talks.weight=7"])
    assert two["weight"] == 7
    three = talks(tmp_path, PROFILES, profile="glad", overrides=["drivers.talks.weight=7"], weights=["talks=x2"])
    assert three["weight"] == 14


def test_an_uncertain_weight_is_multiplied_by_its_mean(tmp_path: Path) -> None:
    overlay = "drivers: {talks: {weight: {uniform: [1, 2]}}}\n"
    assert talks(tmp_path, overlay, weights=["talks=x2"])["weight"] == 3
    assert loaded(tmp_path, weights=["mood={2025: 1, 2027: 2}"]).data["drivers"]["mood"]["weight"] == {
        "2025": 1,
        "2027": 2,
    }


# Assignments


@pytest.mark.parametrize(
    ("argument", "path", "value"),
    [
        ("drivers.talks.weight=2", ("drivers", "talks", "weight"), 2),
        ("drivers.talks.states.on.prior=3", ("drivers", "talks", "states", "on"), {"prior": 3}),
        ("drivers.talks.states.off=3", ("drivers", "talks", "states", "off"), {"prior": 3, "title": "Off"}),
        ("drivers.mood.impacts.0.5.good=2", ("drivers", "mood", "impacts", "0.5"), {"good": 2}),
        ('drivers.mood.impacts."0.25".good=2', ("drivers", "mood", "impacts", "0.25"), {"good": 2}),
        ("drivers.mood.weight.2026-01=5", ("drivers", "mood", "weight"), {"2025-01": 1, "2026-01": 5}),
        ("drivers.talks.initial.off=1", ("drivers", "talks", "initial"), {"on": 1, "off": 1}),
        ("drivers.talks.events.1.points.on=2", ("drivers", "talks", "events", 1, "points"), {"off": 1, "on": 2}),
        ("drivers.talks.impacts.on.good=null", ("drivers", "talks", "impacts", "on"), {"bad": -1}),
        ("drivers.talks.impacts.on={good: 1}", ("drivers", "talks", "impacts", "on"), {"good": 1, "bad": -1}),
        ("drivers.talks.influences.mood.0.on=1", ("drivers", "talks", "influences"), {"mood": {"0": {"on": 1}}}),
        ("drivers.new={states: {a: {}, b: {}}}", ("drivers", "new"), {"states": {"a": {}, "b": {}}}),
        ("drivers.talks.impacts.off.bad.0=3", ("drivers", "talks", "impacts", "off"), {"bad": [3, "G1"]}),
        ("summary=a = b", ("summary",), "a = b"),
        ("time.end=2029", ("time", "end"), 2029),
    ],
)
def test_one_value_can_be_set(tmp_path: Path, argument: str, path: tuple[str | int, ...], value: Any) -> None:
    (tmp_path / "base.yaml").write_text(BASE)
    data: Any = load(Request.of(tmp_path / "base.yaml", overrides=[argument])).data
    for part in path:
        data = data[part]
    assert data == value


@pytest.mark.parametrize("case", cases("refused_assignments.txt"), ids=lambda case: case.written[0])
def test_an_assignment_without_a_place(tmp_path: Path, case: Case) -> None:
    (tmp_path / "base.yaml").write_text(BASE)
    with pytest.raises(RequestError) as caught:
        load(Request.of(tmp_path / "base.yaml", overrides=case.written))
    problem = caught.value.problems[0]
    assert case.said in problem.message
    assert case.hint in problem.hint
    assert problem.span is not None
    assert (problem.span.source, problem.span.text) == ("--set", *case.written)
    assert caught.value.exit_status == 2


def test_all_arguments_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        loaded(tmp_path, overrides=["x=1", "y=1"], weights=["tals=1", "talks", "talks=["])
    assert [problem.span and problem.span.source for problem in caught.value.problems] == ["--set"] * 2 + ["-w"] * 3


def test_a_value_that_does_not_fit_is_shown_in_its_argument(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        loaded(tmp_path, overrides=["drivers.talks.states.on.prior=-3"], weights=["talks=-1"])
    assert [str(problem.span) for problem in caught.value.problems] == ["--set:1:31", "-w:1:7"]
    assert caught.value.exit_status == 2


def test_an_unknown_profile(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="did you mean 'glad'"):
        loaded(tmp_path, PROFILES, profile="gladd")


VALUES: list[tuple[str, Any]] = [
    ("drivers.talks.weight", 2.5),
    ("drivers.talks.weight", None),
    ("drivers.talks.weight", {"pert": [1, 2, 3]}),
    ("drivers.talks.weight", -1),
    ("drivers.talks.weight", True),
    ("drivers.talks.weight", [0.5, "A01"]),
    ("drivers.talks.states", {"on": {"prior": 0.5, "titel": "On"}, "off": {"prior": "much"}}),
    ("drivers.talks.states", {"on": {"prior": [0.5, {"x": []}]}, "of": {}}),
    ("drivers.talks", []),
    ("drivers.nothing.weight", 1e22),
    ("titel", 'quoted "words" and a dash \u2013'),
]


@pytest.mark.parametrize(("path", "value"), VALUES)
def test_a_value_is_set_as_its_text_is_with_faults_at_the_same_places(tmp_path: Path, path: str, value: Any) -> None:
    def outcome(overrides: Any) -> str:
        try:
            return loaded(tmp_path, overrides=overrides).sha256
        except UsruError as error:
            return str(error)

    held = [value] if isinstance(value, str) else value  # a text is taken as it would be written
    assert outcome({path: held}) == outcome([f"{path}={json.dumps(held)}"])
