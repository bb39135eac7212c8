"""JSON Schemas of the scenario file, as a person may write it, and of every JSON output.

The file's schema is derived from the model's annotations. Where the model brings several written forms to one
long form, pydantic knows only the long one; the written forms of those values are said here.
"""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from usru_scenarios.limits import LARGEST_NUMBER, LARGEST_ODDS, LARGEST_POINTS, LARGEST_SPREAD, LARGEST_WEIGHT
from usru_scenarios.model.families import FAMILIES, UNCERTAIN
from usru_scenarios.model.schema import Model
from usru_scenarios.results.ask import Answer
from usru_scenarios.results.calibrate import Calibration
from usru_scenarios.results.check import CheckReport
from usru_scenarios.results.compare import Comparison
from usru_scenarios.results.explain import Explanation
from usru_scenarios.results.sensitivity import Sensitivity
from usru_scenarios.results.show import Overview
from usru_scenarios.results.simulate import Simulation
from usru_scenarios.results.sources import DirectionsReport, SourcesReport
from usru_scenarios.results.sweep import Sweep
from usru_scenarios.results.validate import Validation
from usru_scenarios.results.watch import Watch

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

OUTPUTS: dict[str, Any] = {
    "simulation": Simulation,
    "answer": Answer,
    "comparison": Comparison,
    "sweep": Sweep,
    "check": CheckReport,
    "calibration": Calibration,
    "explanation": Explanation,
    "sensitivity": Sensitivity,
    "watch": Watch,
    "validation": Validation,
    "overview": Overview,
    "sources": SourcesReport,
    "directions": DirectionsReport,
}
"""The JSON outputs by the name in their `format`."""

NAMES = ("model", *OUTPUTS)


def schema(name: str) -> Schema:
    """The JSON Schema of the scenario file (`model`) or of an output.

    Raises:
        KeyError: there is none of that name.
    """
    return model_schema() if name == "model" else output_schema(name)


def output_schema(name: str) -> Schema:
    """The schema of an output; unknown keys are allowed, since a minor version may add some."""
    found = TypeAdapter(OUTPUTS[name]).json_schema(mode="serialization")
    version = found["properties"]["format"]["const"]
    return {"$schema": DIALECT, "$id": f"urn:{version.replace('.', ':', 1)}", **_lean(found), "title": version}


def model_schema() -> Schema:
    """The schema of a scenario file, format 1, in all its written forms."""
    found = _lean(Model.model_json_schema())
    parts = {**found.pop("$defs"), **_written_forms()}
    for owner in ("Numeric", "NumericDriver"):
        scale = parts[owner]["properties"]["range"]
        scale["description"] = f"The lowest and the highest value, each at most {LARGEST_NUMBER:g} in size."
    parts["State"] = {"anyOf": [_ref("Number"), {"type": "null"}, parts["State"]]}
    parts["Scenario"] = {"anyOf": [_ref("Number"), parts["Scenario"]]}
    for owner in ("Categorical", "CategoricalDriver", "Outcome", "Numeric", "NumericDriver"):
        _list_or_map(parts[owner]["properties"])
    return {
        "$schema": DIALECT,
        "$id": "urn:usru:model:1",
        **found,
        "title": "usru scenario file, format 1",
        "$defs": parts,
    }


def _list_or_map(fields: Schema) -> None:
    """Events and rows may be written as a list or as a map by key."""
    for name in ("events", "prior_given"):
        if name in fields:
            entry = fields[name]["additionalProperties"]
            fields[name] = {"anyOf": [fields[name], {"type": "array", "items": entry}]}


def _lean(node: Any) -> Any:
    """A schema without defaults and without titles that repeat a key, and closed where it says what keys look like."""
    if isinstance(node, list):
        return [_lean(one) for one in node]
    if not isinstance(node, dict):
        return node
    # forms of one thing overlap: a map `{value: 0.5}` is a judgement, though it looks like a map by state
    kept = {"anyOf" if key == "oneOf" else key: _lean(value) for key, value in node.items() if not _is_idle(key, value)}
    return {"additionalProperties": False, **kept} if "patternProperties" in kept else kept


def _is_idle(key: str, value: Any) -> bool:
    """Whether a key is an annotation of no use; a property of that name has a schema, not a text, for a value."""
    return (key == "title" and isinstance(value, str)) or (key == "default" and not _is_schema(value))


def _is_schema(value: Any) -> bool:
    return isinstance(value, dict) and bool({"type", "anyOf", "$ref"} & value.keys())


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _written_forms() -> dict[str, Schema]:
    """The values of a file that may be written in several ways."""
    claim = {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]*$"}
    duration = {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(month|quarter|year)s?\s*$"}
    keep = _judgement(claim, {"anyOf": [{"type": "number"}, duration, _ref("Uncertain")]})
    by_name = {"type": "object", "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$"}, "minProperties": 1}
    number = {"anyOf": [{"type": "number"}, _ref("Uncertain")]}
    return {
        "Number": {
            "description": "A judgement: a number, a list of it and the claims it rests on, or a map with a note. "
            f"Points are at most {LARGEST_POINTS:,} in size, weights {LARGEST_WEIGHT:,}, odds_per_point "
            f"{LARGEST_ODDS:,.0f}, sd_per_point {LARGEST_SPREAD:,}, and any other number {LARGEST_NUMBER:g}.",
            **_judgement(claim, number),
        },
        "Judgement": _ref("Number"),
        "Uncertain": _families(UNCERTAIN),
        "Distribution": _families(tuple(FAMILIES)),
        "Keep": {"description": "A probability per step, or a duration such as '18 months'.", **keep},
        "Persistence": {"anyOf": [_ref("Keep"), {**by_name, "additionalProperties": _ref("Keep")}]},
        "Weight": {"anyOf": [_ref("Number"), {"type": "object", "additionalProperties": _ref("Number")}]},
        "OddsPerPoint": {
            "anyOf": [
                _ref("Number"),
                {
                    "type": "object",
                    "properties": {"impacts": _ref("Number"), "influences": _ref("Number")},
                    "additionalProperties": False,
                },
            ]
        },
        "Condition": {
            "description": "A state, a list of states, or a comparison such as '> 0.7'.",
            "anyOf": [
                {"type": ["string", "boolean"]},
                {"type": "array", "items": {"type": ["string", "boolean"]}, "minItems": 1},
            ],
        },
    }


def _judgement(claim: Schema, value: Schema) -> Schema:
    """The forms of a judgement around its value: alone, with claims, or with claims and a note."""
    with_claims = {"type": "array", "prefixItems": [value], "items": claim, "minItems": 1}
    long = {
        "type": "object",
        "properties": {"value": value, "sources": {"type": "array", "items": claim}, "note": {"type": "string"}},
        "required": ["value"],
        "additionalProperties": False,
    }
    noted = {"type": "object", "properties": {"sources": {"type": "array", "items": claim}, "note": {"type": "string"}}}
    return {"anyOf": [*value["anyOf"], with_claims, long, {"allOf": [noted, _ref("Uncertain")]}]}


def _families(names: tuple[str, ...]) -> Schema:
    """One of the families of distributions with as many parameters as it takes, each of them a judgement."""
    return {
        "type": "object",
        "oneOf": [
            {
                "properties": {
                    name: {
                        "type": "array",
                        "items": _ref("Number"),
                        "minItems": FAMILIES[name].size,
                        "maxItems": FAMILIES[name].size,
                    }
                },
                "required": [name],
            }
            for name in names
        ],
    }
