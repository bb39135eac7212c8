"""The commands that tell what a file says: validate, show, sources, schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import usru_scenarios as us
from support.command import GOLDEN, HARBOUR, HERE, answer, refusal
from usru_scenarios.cli.parsers import split_model_and_part
from usru_scenarios.reading.overlays import resolve_path
from usru_scenarios.reading.yaml_source import read
from usru_scenarios.reading.yaml_text import to_yaml
from usru_scenarios.schemas import NAMES

BUNDLED = HERE.parent / "scenarios"
BUNDLED_FILES = sorted(BUNDLED.glob("*.yaml"))


# validate


def test_validate_reports_as_json_what_is_right_and_what_is_wrong(tmp_path: Path) -> None:
    done = answer("validate", HARBOUR, "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["valid"], report["counts"]["drivers"]) == (0, True, 3)
    broken = tmp_path / "broken.yaml"
    broken.write_text("usru: 1\nname: b\ntitle: B\nscenarios: {a: {}, b: {}}\ndrivres: {}\n")
    done = answer("validate", str(broken), "--json")
    fault = json.loads(done.stdout)["problems"][0]
    assert (done.returncode, done.stderr) == (1, "")
    assert (fault["line"], fault["column"], fault["severity"]) == (5, 1, "error")
    assert answer("validate", str(tmp_path / "nothing.yaml"), "--json").returncode == 2


# show


@pytest.mark.parametrize("name", ["", "weather", "traffic", "prices", "open", "storm_and_dispute", "sailor"])
def test_show_is_the_golden_output(name: str) -> None:
    done = answer("show", HARBOUR, *filter(None, [name]))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (GOLDEN / f"show{'-' * bool(name)}{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", ["40", "60", "80", "140"])
def test_show_and_sources_keep_within_the_width(width: str) -> None:
    for command in (["show", HARBOUR], ["show", HARBOUR, "weather"], ["sources", HARBOUR]):
        shown = answer(*command, COLUMNS=width).stdout
        assert max(map(len, shown.splitlines())) <= int(width)


def test_show_names_causes_before_effects_and_normalises() -> None:
    described = json.loads(answer("show", HARBOUR, "--json", "--set", "drivers.weather.states.calm.prior=0.9").stdout)
    order = described["order"]
    assert order.index("weather") < order.index("traffic") < order.index("scenario") < order.index("prices")
    weather = described["drivers"]["weather"]
    assert weather["states"]["calm"]["prior"] == pytest.approx(0.75)
    assert weather["weight"] == pytest.approx([1.5, 1.5 - 0.5 / 3, 1.5 - 1 / 3, 1])
    assert weather["acts_on"] == [name for name in order if name in ("dispute", "traffic", "scenario")]
    assert described["drivers"]["dispute"]["states"]["loud"]["persistence"] == pytest.approx(0.7788, abs=1e-4)
    only = json.loads(answer("show", HARBOUR, "weather", "--json").stdout)
    assert (list(only["drivers"]), only["scenarios"], len(only["events"])) == (["weather"], {}, 2)


def test_show_says_what_points_make_of_a_chance(tmp_path: Path) -> None:
    text = """
usru: 1
name: points
title: Points
time: {start: 2025, end: 2028, step: year}
odds_per_point: {impacts: 1.25, influences: 1.4}
scenarios: {war: 0.5, peace: 0.5}
drivers:
  mood: {states: {good: 1, bad: 1}, weight: {2025-01: 1.5, 2027-01: 0.5}, impacts: {bad: {war: 1}}}
  press: {states: {free: 1, bound: 1}, weight: 0, impacts: {free: {peace: 1}}}
  trade: {states: {high: 1, low: 1}, weight: 2, influences: {mood: {bad: {low: 1}}}}
rules:
  both: {when: {mood: bad, press: bound}, then: {scenario: {war: 1}}, weight: 1.5}
"""
    (tmp_path / "points.yaml").write_text(text, encoding="utf-8")
    effects = json.loads(answer("show", "points.yaml", "--json", folder=tmp_path).stdout)["point_effects"]
    assert [(one["on"], one["weight"], one["of"]) for one in effects] == [
        ("other nodes", 1.0, {}),
        ("scenarios", 0.0, {"press": None}),
        ("scenarios", 0.5, {"mood": "2027"}),
        ("scenarios", 1.5, {"mood": "2025", "both": None}),
    ]
    for one, odds_per_point in zip(effects, (1.4, 1.25, 1.25, 1.25), strict=True):
        for chance, after in one["chances"].items():
            before = float(chance) / (1 - float(chance))
            odds = [before * odds_per_point ** (points * one["weight"]) for points in (1, 2, 3)]
            assert after == pytest.approx([each / (1 + each) for each in odds], rel=1e-12)
    shown = answer("show", "points.yaml", folder=tmp_path).stdout
    assert "influences  32%  40%  48%  58%  66%  73%\n" in shown
    assert "weight 0    25%  25%  25%  50%  50%  50%\n" in shown
    assert "weight 1.5" not in answer("show", "points.yaml", "press", folder=tmp_path).stdout
    only = json.loads(answer("show", "points.yaml", "both", "--json", folder=tmp_path).stdout)["point_effects"]
    assert [(one["weight"], one["of"]) for one in only] == [(1.5, {"both": None})]


def test_points_and_weights_of_any_size_make_a_chance() -> None:
    found = json.loads(answer("show", "brief", "--json", "-w", "sanctions=1000", "--set", "odds_per_point=1e6").stdout)
    assert found["point_effects"][-1]["chances"] == {"0.25": [1.0, 1.0, 1.0], "0.5": [1.0, 1.0, 1.0]}


def test_the_resolved_file_reads_back_as_the_same_model(tmp_path: Path) -> None:
    changes = ["-p", "sailor", "--set", "drivers.weather.persistence=0.25", "-w", "traffic=x3"]
    text = answer("show", HARBOUR, "--resolved", *changes).stdout
    (tmp_path / "resolved.yaml").write_text(text, encoding="utf-8")
    again = us.load(tmp_path / "resolved.yaml")
    whole = json.loads(answer("show", HARBOUR, "--json", *changes).stdout)
    assert again.loaded.model.drivers["weather"].weight is not None
    found = json.loads(answer("show", str(tmp_path / "resolved.yaml"), "--json").stdout)
    for key in ("drivers", "order", "events", "rules", "odds_per_point", "scenarios"):
        assert found[key] == whole[key]


@pytest.mark.parametrize("file", BUNDLED_FILES, ids=lambda file: file.stem)
def test_the_resolved_file_has_the_same_digest_in_its_place(file: Path, tmp_path: Path) -> None:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "seeds").symlink_to(HERE.parent / "seeds")
    target = tmp_path / "scenarios" / file.name
    assert answer("show", str(file), "--resolved", "-o", str(target)).returncode == 0
    assert us.load(target).loaded.sha256 == us.load(file).loaded.sha256


@pytest.mark.parametrize(
    "value",
    [
        *(
            "no",
            "yes",
            "Null",
            "null",
            "~",
            "010",
            "0x1f",
            "1_000",
            ".5",
            "1e-3",
            "12:30",
            "2025-01",
            "",
            " a ",
            "a: b",
        ),
        *("x: y", "- a", "# a", "a #b", "'", '"', "\\", "{", "[1]", "a,b", "@a", "`a", "%a", "é", "😀", "a\nb", "\x07"),
        *("\u2028", "\ufeff"),
    ],
)
def test_yaml_texts_read_back_as_they_were(value: str) -> None:
    data = {"key": value, "list": [value, {"inner": value}], value or "k": {value or "k": {"deep": [value]}}}
    document = read(to_yaml(data), "test")
    assert not document.problems
    assert document.data == data


def test_yaml_numbers_read_back_as_they_were() -> None:
    data = {"numbers": [0, -1, 1.0, 0.1, 1e-7, 1e22, 12345678901234567890, True, None], "empty": {}, "none": []}
    assert read(to_yaml(data), "test").data == data


# sources


@pytest.mark.parametrize("name", ["", "weather", "drivers.weather.impacts", "H2"])
def test_sources_is_the_golden_output(name: str) -> None:
    done = answer("sources", HARBOUR, *filter(None, [name]))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (GOLDEN / f"sources{'-' * bool(name)}{name}.txt").read_text(encoding="utf-8")


def test_sources_counts_documents_that_draw_on_one_another_as_one_voice() -> None:
    found = json.loads(answer("sources", HARBOUR, "--json").stdout)
    assert found["independence"] == {"quay": 7}
    assert found["documents"]["pilot"]["judgements"] == 6
    assert found["roles"]["points"] == {"judgements": 9, "inferred": 6}
    assert found["claims"]["A1"]["assumption"] is True


def test_a_single_word_is_a_model_or_a_part_of_the_bundled_one() -> None:
    assert split_model_and_part(None, None) == ("us-russia", None)
    assert split_model_and_part("sanctions", None) == ("us-russia", "sanctions")
    assert (
        split_model_and_part("drivers.sanctions.impacts.eased.reset", None)[1]
        == "drivers.sanctions.impacts.eased.reset"
    )
    assert split_model_and_part("us-russia", None) == ("us-russia", None)
    assert split_model_and_part("-", None) == ("-", None)
    assert split_model_and_part("my.yaml", None) == ("my.yaml", None)
    assert split_model_and_part(HARBOUR, "weather") == (HARBOUR, "weather")


def test_a_file_of_the_current_folder_stands_for_no_bundled_model(tmp_path: Path) -> None:
    """Neither where none is named nor where one is named by its id; it is written with its folder."""
    minimal = (HERE / "models" / "good" / "minimal.yaml").read_text(encoding="utf-8")
    (tmp_path / "us-russia").write_text(minimal, encoding="utf-8")
    (tmp_path / "sanctions").write_text(minimal, encoding="utf-8")
    for commands in (
        [["validate"], ["validate", "us-russia"]],
        [["show"], ["show", "us-russia"]],
        [["show", "sanctions"]],
    ):
        elsewhere = answer(*commands[0])
        for here in (answer(*command, folder=tmp_path) for command in commands):
            assert (here.returncode, here.stdout, here.stderr) == (0, elsewhere.stdout, elsewhere.stderr)
    assert answer("validate", "./us-russia", folder=tmp_path).stdout.startswith("minimal is valid")
    assert answer("show", "./sanctions", folder=tmp_path).returncode == 0


def test_a_text_can_be_an_id_and_a_path_never_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(us.UnreadableInput, match="us-russia does not exist"):
        us.load(Path("us-russia"))
    Path("us-russia").write_text((HERE / "models" / "good" / "minimal.yaml").read_text(encoding="utf-8"))
    assert us.load(Path("us-russia")).outline.model.name == "minimal"
    assert us.load("us-russia").outline.model.name == us.load().outline.model.name == "us-russia"
    assert us.load("./us-russia").outline.model.name == "minimal"


def test_a_model_may_stand_before_or_after_what_is_asked_of_it() -> None:
    for before, after in (
        (["ask", HARBOUR, "P(open)", "--json"], ["ask", "P(open)", HARBOUR, "--json"]),
        (["explain", HARBOUR, "open", "@", "end", "-n", "500"], ["explain", "open", "@", "end", HARBOUR, "-n", "500"]),
        (["show", "weather", HARBOUR], ["show", HARBOUR, "weather"]),
        (["sources", "weather", HARBOUR], ["sources", HARBOUR, "weather"]),
    ):
        done = answer(*before)
        assert (done.returncode, done.stdout) == (0, answer(*after).stdout)


def test_of_two_words_the_file_is_the_model(tmp_path: Path) -> None:
    minimal = (HERE / "models" / "good" / "minimal.yaml").read_text(encoding="utf-8")
    (tmp_path / "port").write_text(minimal, encoding="utf-8")
    for before, after in (
        (["explain", "port", "peace", "-n", "500"], ["explain", "peace", "port", "-n", "500"]),
        (["show", "port", "peace"], ["show", "peace", "port"]),
    ):
        done = answer(*before, folder=tmp_path)
        assert (done.returncode, done.stdout) == (0, answer(*after, folder=tmp_path).stdout)


# names


def test_names_are_listed_one_a_line() -> None:
    def names(*words: str) -> list[str]:
        return answer("show", HARBOUR, "--names", *words).stdout.splitlines()

    model = us.load(HARBOUR).loaded.model
    assert names("drivers") == list(model.drivers)
    assert names("scenarios") == [*model.scenarios, *model.groups]
    assert names("profiles") == list(model.profiles)
    assert names("rules") == list(model.rules)
    assert names() == [
        *model.drivers, *model.scenarios, *model.groups, *model.profiles, *model.rules
    ]  # fmt: skip
    assert "weather=storm" in names("states")
    assert "drivers.weather.states.storm" in names("paths")
    found = json.loads(answer("show", HARBOUR, "--names", "rules", "--json").stdout)
    assert found["names"] == {"rules": list(model.rules)}
    assert answer("show", HARBOUR, "--names", "rules", "-f", "csv").stdout.count("\n") == 1 + len(model.rules)


def test_every_path_that_is_listed_can_be_set() -> None:
    study = us.load()
    assert len(study.names["paths"]) > 500
    for path in study.names["paths"]:
        value: Any = study.loaded.data
        for key in resolve_path(study.loaded.tree, path):
            value = value[key]


@pytest.mark.parametrize("kind", ["drivers", "states", "profiles"])
def test_a_kind_of_names_is_no_part_and_the_hint_lists_it(kind: str) -> None:
    done = answer("show", kind, HARBOUR)
    assert (done.returncode, f"usru show --names {kind} lists the {kind}" in done.stderr) == (2, True)


@pytest.mark.parametrize("other", ["--resolved", "strike"])
def test_names_alone_are_shown_without_anything_else(other: str) -> None:
    assert f"--names shows names alone, without {other}\n" in refusal("show", HARBOUR, other, "--names", "drivers")


def test_a_schema_that_is_unknown_is_told_with_all_that_there_are() -> None:
    done = answer("schema", "seeds")
    assert all(name in done.stderr for name in NAMES)
    assert all(name in " ".join(answer("schema", "--help", COLUMNS="80").stdout.split()) for name in NAMES)
