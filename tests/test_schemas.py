"""`usru schema`: what editors and other programs are told of files and outputs is what the program itself holds to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from support.command import GOLDEN, HARBOUR, HERE, answer, refusal
from support.documents import blocks
from support.schemas import errors, faults, plain_data, validator
from usru_scenarios import schemas
from usru_scenarios.limits import LARGEST_NUMBER
from usru_scenarios.model.evidence import EvidenceFile
from usru_scenarios.model.families import FAMILIES
from usru_scenarios.model.schema import Model
from usru_scenarios.reading.register import SourceDocument
from usru_scenarios.reading.schema_paths import Entries, Fields, entry_annotation, form_of
from usru_scenarios.reading.yaml_source import read

ROOT = HERE.parent
MODELS = HERE / "models"
EVERYTHING = MODELS / "good" / "everything.yaml"
MODEL, CLAIMS, EVIDENCE = schemas.schema("model"), schemas.schema("claims"), schemas.schema("evidence")
PARTS: dict[str, Any] = {"model": Model, "claims": SourceDocument, "evidence": EvidenceFile}
REGISTERS = [*(ROOT / "seeds").glob("*.yaml"), *(GOLDEN / "register").glob("*.yaml"), *MODELS.glob("*/claims/*.yaml")]


# What keys mean


def keys(node: Any, *place: str) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Each key that a schema knows by name, with the way to it and what the schema says of it."""
    if not isinstance(node, dict | list):
        return
    for name, part in (
        node.items() if isinstance(node, dict) else ((str(number), one) for number, one in enumerate(node))
    ):
        if name == "properties" and place[-1:] != ("properties",):
            yield from (((*place, name, key), one) for key, one in part.items())
        yield from keys(part, *place, name)


def mute(schema: dict[str, Any]) -> list[str]:
    """The keys of which a schema says nothing."""
    return ["/".join(place) for place, one in keys(schema) if not one.get("description")]


@pytest.mark.parametrize("name", schemas.NAMES)
def test_every_key_has_a_description(name: str) -> None:
    schema = schemas.schema(name)
    assert mute(schema) == []
    for place, one in keys(schema):
        text, _, example = one["description"].partition(" Example: ")
        assert re.fullmatch(r"[A-Z0`][^\n]{8,330}\.", text), (place, text)
        assert not re.search(r"\bNone\b|\bTrue\b|\bFalse\b|  ", text), (place, text)
        assert not example or re.fullmatch("`[^`]+`", example), (place, example)


def test_sabotaged_a_key_without_a_description_is_noticed() -> None:
    @dataclass
    class Silent:
        """A part with two keys.

        Attributes:
            said: what it is.
        """

        said: int
        unsaid: int

    found = TypeAdapter(Silent).json_schema(schema_generator=schemas.DocumentedSchema)
    assert mute(found) == ["properties/unsaid"]
    assert found["description"] == "A part with two keys."
    assert found["properties"]["said"]["description"] == "What it is."


def test_docstrings_speak_of_keys_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is renamed leaves no description behind."""
    seen: dict[type, set[str]] = {}

    def look(_: object, found: dict[str, Any], part: type) -> dict[str, Any]:
        seen[part] = {*found["properties"]}
        return found

    monkeypatch.setattr(schemas.DocumentedSchema, "_add_descriptions", look)
    for name in schemas.NAMES:
        TypeAdapter(PARTS.get(name) or schemas.OUTPUTS[name]).json_schema(
            schema_generator=schemas.DocumentedSchema, mode="validation" if name in PARTS else "serialization"
        )
    assert len(seen) > 80
    for part, names in seen.items():
        alone = type("_", (), {"__doc__": part.__doc__})
        assert set(schemas.describe_keys(alone)) <= names, part


@pytest.mark.parametrize("schema", [MODEL, CLAIMS, EVIDENCE], ids=["model", "claims", "evidence"])
def test_the_example_of_a_key_is_one_that_may_stand_there(schema: dict[str, Any]) -> None:
    shown = 0
    for place, one in keys(schema):
        example = one["description"].partition(" Example: ")[2].strip("`")
        if example:
            data = read(example.encode(), "example").data
            assert list(data) == [place[-1]], example
            at_place = validator(json.dumps(schema)).evolve(schema={"$ref": schema["$id"] + "#/" + "/".join(place)})
            assert not list(at_place.iter_errors(data[place[-1]])), example
            assert list(at_place.iter_errors({"no": {"such": {"form": [[]]}}})), example
            shown += 1
    assert shown > 5


def test_the_schema_says_the_limits_and_families() -> None:
    text = json.dumps(MODEL)
    assert "Points are at most 1,000 in size, weights 1,000, odds_per_point 1,000,000" in text
    said = MODEL["$defs"]["NumericDriver"]["properties"]["range"]["description"]
    assert float(said.partition("at most ")[2].split()[0]) == LARGEST_NUMBER
    for name, family in FAMILIES.items():
        (told,) = {one["description"] for place, one in keys(MODEL["$defs"]["Distribution"]) if place[-1] == name}
        assert len(told.partition("]")[0].split(",")) == family.parameter_count


# Files


def test_a_scenario_file_is_what_is_meant_without_a_name() -> None:
    assert json.loads(answer("schema").stdout) == json.loads(answer("schema", "model").stdout) == MODEL


@pytest.mark.parametrize("wrong", ["seeds", "modle", "nothing-like-it"])
def test_names_of_schemas_are_told(wrong: str) -> None:
    assert set(schemas.NAMES) <= set(re.findall(r"\w+", refusal("schema", wrong)))


def test_help_names_every_schema_in_its_order() -> None:
    (listed,) = re.findall(r"(?s)\bNAME\b.*?(Of what:.*?)\[default: model\]", answer("schema", "--help").stdout)
    shown = re.sub(r"\([^)]*\)|or of an output:", ",", listed.partition("Of what:")[2].replace(".", ","))
    assert tuple(one for part in shown.split(",") if (one := part.strip())) == schemas.NAMES


FILES = [
    *(ROOT / "scenarios").glob("*.yaml"),
    Path(HARBOUR),
    *(file for folder in (".", "exact", "good", "rare") for file in (MODELS / folder).glob("*.yaml")),
]


def test_good_files_and_overlays_validate() -> None:
    data = {file: plain_data(file) for file in FILES}
    assert any("extends" in one for one in data.values())
    assert len(data) > 10
    found = {file.name: errors(MODEL, one) for file, one in data.items()}
    assert not {name: wrong for name, wrong in found.items() if wrong}


@pytest.mark.parametrize("option", [[], ["--from", "us-russia"], ["--extend", "us-russia"]], ids=["", "from", "extend"])
def test_what_new_writes_validates(option: list[str], tmp_path: Path) -> None:
    assert answer("new", str(tmp_path / "mine.yaml"), *option).returncode == 0
    (schema,) = tmp_path.glob("*.schema.json")
    assert json.loads(schema.read_text(encoding="utf-8")) == MODEL
    assert errors(MODEL, plain_data(tmp_path / "mine.yaml")) == []
    for file in tmp_path.glob("*/*.yaml"):
        named = file.with_name(file.read_text(encoding="utf-8").partition("$schema=")[2].partition("\n")[0])
        assert json.loads(named.read_text(encoding="utf-8")) == CLAIMS
        assert errors(CLAIMS, plain_data(file)) == []
    assert any(tmp_path.glob("*/*.yaml")) == (not option)


def test_registers_validate() -> None:
    sound = [file for file in REGISTERS if "broken" not in file.parts]
    assert len(sound) > 5
    assert not {file.name: wrong for file in sound if (wrong := errors(CLAIMS, plain_data(file)))}


@pytest.mark.parametrize("page", ["format", "queries"])
def test_examples_of_the_pages_validate(page: str) -> None:
    fragments = [one for one in blocks(ROOT / "docs" / f"{page}.md") if one.language == "yaml"]
    for block in fragments:
        data = read(block.text.encode(), page).data
        if "fault" not in block.options and "claims/" not in block.text:
            schema = EVIDENCE if "evidence" in data else MODEL
            assert errors(schema, {"extends": "base.yaml", **data} if "over=" in block.options else data) == []
    assert len(fragments) >= 2


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["drivres"], {}),
        (["usru"], 2),
        (["title"], None),
        (["drivers", "weather", "persistence"], "soon"),
        (["drivers", "weather", "states"], None),
        (["drivers", "weather", "states", "Calm"], 0.5),
        (["drivers", "weather", "impacts", "calm", "open"], ["H2", 1]),
        (["drivers", "traffic", "distribution"], {"pert": [1, 2]}),
        (["time", "step"], "week"),
        (["profiles", "sailor", "weights", "weather"], "y2"),
        (["profiles", "sailor", "overrides", "drivres"], {}),
        (["profiles", "sailor", "overrides", "profiles"], {}),
        (["profiles", "sailor", "overrides", "drivers"], {"weather": {"wieght": 2}}),
    ],
)
def test_what_is_wrong_is_refused(path: list[str], value: object) -> None:
    data = plain_data(Path(HARBOUR))
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert errors(MODEL, data)


@pytest.mark.parametrize("key", ["usru", "name", "title", "scenarios"])
def test_a_file_must_have_what_an_overlay_need_not(key: str) -> None:
    data = plain_data(Path(HARBOUR))
    del data[key]
    assert errors(MODEL, data)
    assert errors(MODEL, {**data, "extends": "base.yaml"}) == []


@pytest.mark.parametrize("file", ["unknown_keys", "wrong_types", "list_at_the_top", "empty", "uncertain", "priors"])
def test_broken_files_are_refused(file: str) -> None:
    assert errors(MODEL, plain_data(MODELS / "broken" / f"{file}.yaml"))


@pytest.mark.parametrize(
    "claims",
    [
        {"title": "A", "claim": {}},
        {"claims": {"G1": {"where": "p. 1"}}},
        {"claims": {"G1": {"claim": "a", "push": "-> +b"}}},
        {"claims": {"1G": {"claim": "a"}}},
        {"claims": [{"claim": "a"}]},
        [],
    ],
)
def test_wrong_claims_are_refused(claims: object) -> None:
    assert errors(CLAIMS, claims)


def test_a_claim_in_its_short_forms_validates() -> None:
    claim = {"claim": "a", "where": 3, "bears_on": "talks", "pushes": "-> +thaw"}
    assert errors(CLAIMS, {"independence": 2024, "claims": {"G1": claim}}) == []


# Overlays


def merged(data: Any, annotation: Any = Model, *path: str) -> Iterator[tuple[tuple[str, ...], bool]]:
    """The ways to all maps of a file that an overlay merges key by key, and whether their keys are fixed."""
    form = form_of(annotation, data)
    if not isinstance(data, dict) or not isinstance(form, Fields | Entries):
        return
    yield path, isinstance(form, Fields)
    for key, part in data.items():
        yield from merged(part, entry_annotation(form, key), *path, key)


def laid_over(path: tuple[str, ...], last: dict[str, Any]) -> dict[str, Any]:
    data = last
    for key in reversed(path):
        data = {key: data}
    return {"extends": "base.yaml", **data}


def test_an_overlay_may_change_or_remove_one_thing_anywhere() -> None:
    whole = plain_data(EVERYTHING)
    ways = list(merged(whole))
    assert len(ways) > 80
    refused, checked = [], validator(json.dumps(MODEL))
    for path, _ in ways:
        there = whole
        for key in path:
            there = there[key]
        for key, value in there.items():
            kind = {"kind": there["kind"]} if "kind" in there and key != "kind" else {}
            for change in (value, None):
                refused += [(path, key, wrong) for wrong in faults(checked, laid_over(path, {**kind, key: change}))]
    assert refused == []


def test_a_mistyped_key_of_an_overlay_is_flagged_anywhere() -> None:
    taken = [path for path, fixed in merged(plain_data(EVERYTHING)) if fixed and not errors(MODEL, wrong_at(path))]
    assert taken == []


def wrong_at(path: tuple[str, ...]) -> dict[str, Any]:
    return laid_over(path, {"sumary": "a key that no part has"})


@pytest.mark.parametrize(
    ("change", "right"),
    [
        ({"drivers": {"d": {"weight": 2}}}, True),
        ({"drivers": {"d": {"weight": None}, "e": None}}, True),
        ({"drivers": {"d": {"states": {"x": 0.3, "y": None, "z": {}}}}}, True),
        ({"drivers": {"d": {"range": [0, 2]}}}, True),
        ({"drivers": {"d": {"impacts": {"x": {"a": None}, "y": None}}}}, True),
        ({"time": None, "scenarios": {"a": None}}, True),
        ({"scenarios": {"a": [0.3, "G1"]}}, True),
        ({"profiles": {"p": {"overrides": {"drivers": {"d": None}}, "weights": {"d": "x2"}}}}, True),
        ({"drivers": {"d": {"wieght": 2}}}, False),
        ({"drivers": {"d": {"weight": "heavy"}}}, False),
        ({"drivers": {"d": {"initial": {"x": None}}}}, False),
        ({"drivers": {"d": {"kind": "numeric", "states": {}}}}, False),
        ({"drivers": {"d": {"range": [0]}}}, False),
        ({"drivers": []}, False),
        ({"rules": {"r": {"wehn": {}}}}, False),
        ({"drvers": {}}, False),
    ],
)
def test_what_an_overlay_may_say(change: dict[str, Any], right: bool) -> None:
    assert (errors(MODEL, {"extends": "us-russia", **change}) == []) == right
    assert errors(MODEL, change)


# Outputs


OUTPUTS = [
    ("simulation", ["simulate", "-n", "2000"]),
    ("simulation", ["simulate", "--given", "weather=storm @ end"]),
    ("answer", ["ask", "P(open @ end | weather=storm)"]),
    ("answer", ["ask", "P(open @ each) > 0.2", "-n", "500"]),
    ("answers", ["ask", "P(open @ end)", "P(open @ each) > 0.2", "-n", "500"]),
    ("comparison", ["compare", "-p", "sailor", "-n", "500"]),
    ("sweep", ["sweep", "weather=0..2:3", "-n", "500"]),
    ("check", ["check", "--robust", "2", "--mutants", "4"]),
    ("calibration", ["calibrate", str(ROOT / "scenarios" / "brief.yaml")]),
    ("explanation", ["explain", "open", "@", "end", "-n", "500"]),
    ("sensitivity", ["sensitivity", "-n", "500"]),
    ("watch", ["watch", "-n", "500"]),
    ("foresight", ["evidence", str(MODELS / "evidence" / "harbour.yaml"), "-n", "500"]),
    ("validation", ["validate"]),
    ("validation", ["validate", str(GOLDEN / "register" / "pilot.yaml")]),
    ("names", ["show", "--names"]),
    ("overview", ["show"]),
    ("overview", ["show", str(EVERYTHING)]),
    ("sources", ["sources"]),
    ("directions", ["sources", "--directions"]),
]


OF_A_LEDGER = {"forecast", "history", "attribution", "score", "verification"}
"""The outputs that need a ledger: see test_ledger.py."""


def test_all_outputs_are_tried() -> None:
    assert {name for name, _ in OUTPUTS} | OF_A_LEDGER | {"faults"} == {*schemas.OUTPUTS}


@pytest.mark.parametrize(("name", "command"), OUTPUTS, ids=lambda one: one if isinstance(one, str) else "")
def test_outputs_hold_to_their_schemas(name: str, command: list[str]) -> None:
    model = [] if any(one.endswith(".yaml") for one in command) else [HARBOUR]
    data = json.loads(answer(*command, *model, "--json", "-q").stdout)
    schema = schemas.schema(name)
    assert errors(schema, data) == []
    assert data["format"] == schema["title"]
    assert set(data) == set(schema["properties"]) or name == "answer"
    assert errors(schema, {**data, "format": "usru.other/1.0"})
    for key in schema["required"]:
        assert errors(schema, {one: value for one, value in data.items() if one != key}), key
    assert errors(schema, {**data, "added_by_a_minor_version": 1}) == []


@pytest.mark.parametrize(
    ("command", "code", "place"),
    [
        (["simulate", "nowhere.yaml", "--json"], "unreadable_input", (None, None)),
        (["ask", "P(opne)", HARBOUR, "-f", "json"], "unknown_name", ("query", 3)),
        (["simulate", HARBOUR, "--given", "weather=storm", "--format=ndjson"], "needs_time", ("--given", 1)),
        (["simulate", HARBOUR, "-n", "many", "--json"], "option", (None, None)),
        (["simulate", HARBOUR, "--nothing", "--json"], "no_such_option", (None, None)),
        (["simulat", "--json"], "usage", (None, None)),
        (["ask", "P(open | weather=calm @ end, weather=storm @ end)", HARBOUR, "--json"], "impossible_evidence", None),
    ],
)
def test_faults_are_json_where_json_was_asked_for(command: list[str], code: str, place: tuple[Any, Any] | None) -> None:
    done = answer(*command)
    (line,) = done.stderr.splitlines()
    found = json.loads(line)
    assert (done.stdout, found["exit_status"]) == ("", done.returncode)
    assert done.returncode == (1 if place is None else 2)
    assert errors(schemas.schema("faults"), found) == []
    (one,) = found["problems"]
    assert one["code"] == code
    assert (one["path"], one["column"]) == (place or (None, None))
    in_words = answer(*(part for part in command if "json" not in part and part != "-f")).stderr
    assert all(said in in_words for said in (one["message"], one["hint"]))


def test_all_faults_of_a_file_are_told_as_json_with_their_places(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    text = Path(HARBOUR).read_text(encoding="utf-8").replace("sources: register\n", "")
    file.write_text(
        text.replace("persistence: 0.5", "persistence: 60%").replace("loud: {}", "loud: []"), encoding="utf-8"
    )
    done = answer("simulate", str(file), "--json")
    told = json.loads(done.stderr.splitlines()[-1])["problems"]
    examined = json.loads(answer("validate", str(file), "--json").stdout)["problems"]
    assert len(told) > 1
    assert told == [one for one in examined if one["severity"] == "error"]
