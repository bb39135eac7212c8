"""JSON Schemas of the scenario file and the claim register, as a person may write them, and of every JSON output.

They are derived from the annotations of the model and of the results; what a key means is said in the docstring of the
class that has it, which editors show and docs/format.md tabulates. Where the model brings several written forms to one
long form, pydantic knows only the long one; the written forms of those values are said here.
"""

from __future__ import annotations

import inspect
import json
import re
from importlib import import_module
from typing import Any, NamedTuple, get_args, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema

from usru_scenarios.limits import LARGEST_NUMBER, LARGEST_ODDS, LARGEST_POINTS, LARGEST_SPREAD, LARGEST_WEIGHT
from usru_scenarios.model.evidence import EvidenceFile
from usru_scenarios.model.families import FAMILIES, JUDGEMENT_FAMILIES
from usru_scenarios.model.schema import Model
from usru_scenarios.model.values import NAME, REPLACED_WHOLE_KEY, Judgement, OddsPerPoint, Value
from usru_scenarios.results import CLASSES

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

OUTPUTS: dict[str, Any] = {
    name: getattr(import_module(f"usru_scenarios.results.{module}"), kind) for name, (module, kind) in CLASSES.items()
}
"""The JSON outputs by the name in their `format`."""

NAMES = ("model", "claims", "evidence", *OUTPUTS)


def schema(name: str) -> Schema:
    """The JSON Schema of a scenario file (`model`), a file of the claim register, an evidence file or an output.

    Raises:
        KeyError: there is none of that name.
    """
    of_files = {"model": model_schema, "claims": claims_schema, "evidence": evidence_schema}
    return of_files[name]() if name in of_files else output_schema(name)


class NotAResultError(ValueError):
    """Data is no output of this program, or not one that it can read; `hint` says what may help."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


_NAMED_FORMAT = re.compile(r"usru\.(\w+)/(\d+)\.(\d+)")


def parse_result(data: object) -> tuple[str, Any]:
    """The name of an output and the result that its JSON says: what `to_dict` of a result gives back.

    Later minor versions of a format are read, as far as this version knows their keys.

    Raises:
        NotAResultError: the data is no output, of another major version, or lacks something.
    """
    written = data.get("format") if isinstance(data, dict) else None
    match = _NAMED_FORMAT.fullmatch(written) if isinstance(written, str) else None
    if not isinstance(data, dict) or match is None:
        raise NotAResultError("it is no result of usru", "such as that of usru simulate --json")
    kind = OUTPUTS.get(name := match[1])
    if kind is None:
        raise NotAResultError(f"there is no output '{name}'", ", ".join(OUTPUTS))
    (version,) = get_args(get_type_hints(kind)["format"])
    if match[2] != version.rpartition("/")[2].partition(".")[0]:
        raise NotAResultError(f"it is of the format {written}, which this version can't read", f"it reads {version}")
    try:
        return name, TypeAdapter(kind).validate_python({**data, "format": version})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise NotAResultError(
            f"it is no {version}: at {place}, {first['msg'].lower()}", "was it changed by hand?"
        ) from None


def output_schema(name: str) -> Schema:
    """The schema of an output; unknown keys are allowed, since some may come."""
    found = TypeAdapter(OUTPUTS[name]).json_schema(mode="serialization", schema_generator=DocumentedSchema)
    found["properties"].pop("compares", None)  # JSON says it by having `holds`
    version = found["properties"]["format"]["const"]
    return {"$schema": DIALECT, "$id": f"urn:{version.replace('.', ':', 1)}", **_simplify(found), "title": version}


def claims_schema() -> Schema:
    """The schema of one file of the claim register: a document, or the list of assumptions."""
    from usru_scenarios.reading.register import SourceDocument

    found = _simplify(SourceDocument.model_json_schema(schema_generator=DocumentedSchema))
    return {"$schema": DIALECT, "$id": "urn:usru:claims:1", **found}


def evidence_schema() -> Schema:
    """The schema of an evidence file, in all its written forms; of one that `extends` another as in `model_schema`."""
    whole = _simplify(EvidenceFile.model_json_schema(schema_generator=DocumentedSchema))
    values = _written_forms()
    parts = {**whole.pop("$defs"), "File": whole, **values}
    parts["SoughtSign"] = {"anyOf": [{"type": "string"}, parts["SoughtSign"]], REPLACED_WHOLE_KEY: True}
    return _file_schema("urn:usru:evidence:1", "An evidence file of usru, format 1.", parts, set(values))


def _file_schema(name: str, what: str, parts: Schema, values: set[str]) -> Schema:
    """The schema of a file, or of one that is laid over another if it has the key `extends`.

    Args:
        name: of the schema.
        what: the file is.
        parts: of the file, by name; `File` is all of it.
        values: the names of those that overlays replace whole.
    """
    merged_parts = {name for name, part in parts.items() if not part.get(REPLACED_WHOLE_KEY) and name not in values}
    overlays = {f"{name}Overlay": _overlay_schema(parts[name], merged_parts) for name in merged_parts}
    if "Profile" in parts:
        keys = overlays["FileOverlay"]["properties"]
        allowed = {name: key for name, key in keys.items() if name not in ("usru", "extends", "profiles")}
        overlays["Overrides"] = {**overlays["FileOverlay"], "properties": allowed}
    return {
        "$schema": DIALECT,
        "$id": name,
        "description": what,
        "if": {"required": ["extends"]},
        "then": _ref("FileOverlay"),
        "else": _ref("File"),
        "$defs": _reachable_parts(_remove_marks(parts | dict(sorted(overlays.items()))), "File", "FileOverlay"),
    }


def model_schema() -> Schema:
    """The schema of a scenario file, format 1, in all its written forms.

    A file that `extends` another is laid over it: no key must be there, and `null` removes what the other file has.
    """
    whole = _simplify(Model.model_json_schema(schema_generator=DocumentedSchema))
    values = _written_forms()
    parts = {**whole.pop("$defs"), "File": whole, **values}
    for name, short in (("State", [_ref("Number"), {"type": "null"}]), ("Scenario", [_ref("Number")])):
        parts[name] = {"description": parts[name].pop("description"), "anyOf": [*short, parts[name]]}
    for owner in ("Categorical", "CategoricalDriver", "Outcome", "Numeric", "NumericDriver"):
        _allow_lists(parts[owner]["properties"])
    _complete_profile(parts["Profile"]["properties"])
    return _file_schema("urn:usru:model:1", "A scenario file of usru, format 1.", parts, set(values))


def _reachable_parts(parts: Schema, *names: str) -> Schema:
    """Those parts of a schema that the named ones lead to, in their order."""
    reached, pending = set(names), [*names]
    while pending:
        referenced = set(re.findall(r"#/\$defs/(\w+)", json.dumps(parts[pending.pop()])))
        pending += referenced - reached
        reached |= referenced
    return {name: part for name, part in parts.items() if name in reached}


# What keys mean


class KeyDescription(NamedTuple):
    """What a key means, and an example of it as YAML; empty where there is none."""

    text: str
    example: str

    @property
    def full_text(self) -> str:
        """The text with the example."""
        return f"{self.text} Example: `{self.example}`" if self.example else self.text


_SECTION = re.compile(r"^Attributes:\n((?:    .*(?:\n|\Z)|\n(?=    ))*)", re.MULTILINE)
_ENTRY = re.compile(r"^    (\w+(?:, \w+)*): (.*(?:\n {8,}.*)*)", re.MULTILINE)
_EXAMPLE = re.compile(r"(?P<text>.*?)(?: Example: `(?P<example>.*)`)?")


def describe_keys(part: type) -> dict[str, KeyDescription]:
    """What the keys of a part or a result mean, from the `Attributes` of its docstring and of its bases' docstrings."""
    descriptions: dict[str, KeyDescription] = {}
    for base in (base for base in reversed(part.__mro__) if base is not BaseModel):
        section = _SECTION.search(inspect.cleandoc(base.__dict__.get("__doc__") or ""))
        for names, text in _ENTRY.findall(section[1]) if section else ():
            descriptions |= dict.fromkeys(names.split(", "), _parse_description(" ".join(text.split())))
    return descriptions


def _parse_description(text: str) -> KeyDescription:
    match = _EXAMPLE.fullmatch(text)
    assert match is not None
    return KeyDescription(match["text"][:1].upper() + match["text"][1:], match["example"] or "")


def _describe_class(part: type) -> str:
    """What a part or a result is: its docstring without its attributes."""
    return " ".join(inspect.cleandoc(part.__doc__ or "").partition("Attributes:\n")[0].split())


class DocumentedSchema(GenerateJsonSchema):
    """Schemas whose keys have descriptions; those of values, which overlays replace whole, are marked."""

    def model_schema(self, schema: Any) -> Schema:
        """Of a part of a file."""
        described = self._add_descriptions(super().model_schema(schema), schema["cls"])
        return {**described, REPLACED_WHOLE_KEY: True} if issubclass(schema["cls"], Value) else described

    def dataclass_schema(self, schema: Any) -> Schema:
        """Of a part of a result."""
        return self._add_descriptions(super().dataclass_schema(schema), schema["cls"])

    def _add_descriptions(self, found: Schema, part: type) -> Schema:
        texts = describe_keys(part)
        keys = found.get("properties", {})
        documented = {name: _with_description(one, texts[name]) if name in texts else one for name, one in keys.items()}
        return {**found, "description": _describe_class(part), "properties": documented}


def _with_description(key: Schema, text: KeyDescription) -> Schema:
    return {**key, "description": text.full_text}


# Overlays


def _overlay_schema(node: Any, merged_parts: set[str]) -> Any:
    """A part as a file that is laid over another may have it: no key must be there, and any may be null.

    Values, and maps and lists that are replaced whole, are as they are elsewhere.
    """
    if not isinstance(node, dict) or node.get(REPLACED_WHOLE_KEY) or node.get("type") == "array":
        return node
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return {**node, **_ref(f"{name}Overlay")} if name in merged_parts else node
    overlay = {key: value for key, value in node.items() if key not in ("required", "minProperties")}
    if "anyOf" in overlay:
        overlay["anyOf"] = [_overlay_schema(form, merged_parts) for form in overlay["anyOf"]]
    for key in ("properties", "patternProperties"):
        if key in overlay:
            overlay[key] = {name: _or_null(_overlay_schema(form, merged_parts)) for name, form in overlay[key].items()}
    if isinstance(entry := overlay.get("additionalProperties"), dict):
        overlay["additionalProperties"] = _or_null(_overlay_schema(entry, merged_parts))
    return overlay


def _or_null(node: Schema) -> Schema:
    """The same or null, with its description where editors look for it."""
    forms = node.get("anyOf", [{key: value for key, value in node.items() if key != "description"}])
    description = {key: node[key] for key in ("description",) if key in node}
    return {**description, "anyOf": [*forms, *([] if {"type": "null"} in forms else [{"type": "null"}])]}


def _remove_marks(node: Any) -> Any:
    """A schema without the marks of what overlays replace whole."""
    if isinstance(node, list):
        return [_remove_marks(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: _remove_marks(value) for key, value in node.items() if key != REPLACED_WHOLE_KEY}


# Written forms


def _allow_lists(fields: Schema) -> None:
    """Allow events and rows to be written as a list, too."""
    for name in ("events", "prior_given"):
        if name in fields:
            description = {"description": fields[name].pop("description")}
            entry = fields[name]["additionalProperties"]
            fields[name] = {**description, "anyOf": [fields[name], {"type": "array", "items": entry}]}


def _complete_profile(profile: Schema) -> None:
    """Add to the schema of a profile the forms of what it changes in the file."""
    factor = {"type": "string", "pattern": r"^\s*x\s*(\d+(\.\d*)?|\.\d+)\s*$"}
    times = KeyDescription("`x` and what the present weight is multiplied by.", "value: x1.7")
    weight = {"anyOf": [_ref("Weight"), factor, *_schemas_with_claims(factor, times)]}
    profile["weights"] = {**profile["weights"], "patternProperties": {NAME: weight}}
    profile["overrides"] = {"description": profile["overrides"]["description"], **_ref("Overrides")}


def _simplify(node: Any) -> Any:
    """A schema without defaults and without titles that repeat a key, and closed where it says what keys look like."""
    if isinstance(node, list):
        return [_simplify(item) for item in node]
    if not isinstance(node, dict):
        return node
    # forms of one thing overlap: a map `{value: 0.5}` is a judgement, though it looks like a map by state
    schema = {
        "anyOf" if key == "oneOf" else key: _simplify(value)
        for key, value in node.items()
        if not _is_redundant(key, value)
    }
    if "patternProperties" in schema:
        entries = {pattern: _describe_entry(entry) for pattern, entry in schema["patternProperties"].items()}
        return {"additionalProperties": False, **schema, "patternProperties": entries}
    if "additionalProperties" in schema:
        schema["additionalProperties"] = _describe_entry(schema["additionalProperties"])
    return schema


def _is_redundant(key: str, value: Any) -> bool:
    """Whether a key is an annotation of no use; a property of that name has a schema, not a text, for a value."""
    is_schema = isinstance(value, dict) and bool({"type", "anyOf", "$ref"} & value.keys())
    return (key == "title" and isinstance(value, str)) or (key == "default" and not is_schema)


def _describe_entry(node: Any) -> Any:
    """The schema of an entry of a map by name, with what it is."""
    name = node.get("$ref", "").rpartition("/")[2] if isinstance(node, dict) else ""
    return {**node, "description": _ENTRY_DESCRIPTIONS[name]} if name in _ENTRY_DESCRIPTIONS else node


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


_ENTRY_DESCRIPTIONS = {
    "Judgement": "A judgement: a number, a list of it and the claims it rests on, or a map with a note. "
    f"Points are at most {LARGEST_POINTS:,} in size, weights {LARGEST_WEIGHT:,}, odds_per_point {LARGEST_ODDS:,.0f}, "
    f"sd_per_point {LARGEST_SPREAD:,}, and any other number {LARGEST_NUMBER:g}.",
    "Keep": "A probability per step, or a duration such as `18 months`.",
    "Condition": "A state, a list of states, or a comparison such as `> 0.7`.",
}
"""What an entry of a map is whose keys are names, by the part that it is.

It does not stand in that part, where editors would show it instead of what the key means that has the part for a value.
"""

_CLAIM = {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]*$"}

_PARAMETERS = {
    "uniform": "`[low, high]`: all values between are equally likely.",
    "triangular": "`[low, mode, high]`: the density rises and falls in straight lines.",
    "pert": "`[low, mode, high]`: a smooth density around the mode, a beta distribution of shape 4.",
    "normal": "`[mean, sd]`: a normal distribution, cut off at the bounds of the number.",
    "beta": "`[a, b]`: a beta distribution, stretched over the range of the node.",
}
"""What the parameters of each family are."""


def _written_forms() -> dict[str, Schema]:
    """The values of a file that may be written in several ways."""
    duration = {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(month|quarter|year)s?\s*$"}
    by_name = {"type": "object", "propertyNames": {"pattern": NAME}, "minProperties": 1}
    odds = {
        name: _with_description(_ref("Number"), text)
        for name, text in describe_keys(OddsPerPoint).items()
        if name in OddsPerPoint.model_fields
    }
    return {
        "Number": _judgement_schema({"anyOf": [{"type": "number"}, _ref("Uncertain")]}),
        "Judgement": _ref("Number"),
        "Uncertain": _distribution_schema(JUDGEMENT_FAMILIES),
        "Distribution": _distribution_schema(tuple(FAMILIES)),
        "Keep": _judgement_schema({"anyOf": [{"type": "number"}, duration, _ref("Uncertain")]}),
        "Persistence": {"anyOf": [_ref("Keep"), {**by_name, "additionalProperties": _describe_entry(_ref("Keep"))}]},
        "Weight": {
            "anyOf": [_ref("Number"), {"type": "object", "additionalProperties": _describe_entry(_ref("Judgement"))}]
        },
        "OddsPerPoint": {
            "anyOf": [_ref("Number"), {"type": "object", "properties": odds, "additionalProperties": False}]
        },
        "Condition": {
            "anyOf": [
                {"type": ["string", "boolean"]},
                {"type": "array", "items": {"type": ["string", "boolean"]}, "minItems": 1},
            ]
        },
    }


def _judgement_schema(value: Schema) -> Schema:
    """The forms of a judgement around its value: alone, with claims, or with claims and remarks."""
    noted = {"type": "object", "properties": _remark_properties()}
    return {
        "anyOf": [
            *value["anyOf"],
            *_schemas_with_claims(value, describe_keys(Judgement)["value"]),
            {"allOf": [noted, _ref("Uncertain")]},
        ]
    }


def _schemas_with_claims(value: Schema, text: KeyDescription) -> list[Schema]:
    """A value with claims, as a list, and with claims and remarks, as a map in which it means what is said."""
    return [
        {"type": "array", "prefixItems": [value], "items": _CLAIM, "minItems": 1},
        {
            "type": "object",
            "properties": {"value": _with_description(value, text), **_remark_properties()},
            "required": ["value"],
            "additionalProperties": False,
        },
    ]


def _remark_properties() -> dict[str, Schema]:
    texts = describe_keys(Judgement)
    kinds: dict[str, Schema] = {
        "sources": {"type": "array", "items": _CLAIM},
        "note": {"type": "string"},
        "by": {"type": "string"},
        "date": {"type": ["string", "integer"]},
    }
    return {name: _with_description(kind, texts[name]) for name, kind in kinds.items()}


def _distribution_schema(names: tuple[str, ...]) -> Schema:
    """One of the families of distributions with as many parameters as it takes, each of them a judgement."""
    return {
        "type": "object",
        "oneOf": [
            {
                "properties": {
                    name: {
                        "description": _PARAMETERS[name],
                        "type": "array",
                        "items": _ref("Number"),
                        "minItems": FAMILIES[name].parameter_count,
                        "maxItems": FAMILIES[name].parameter_count,
                    }
                },
                "required": [name],
            }
            for name in names
        ],
    }
