"""Data against JSON Schemas, by a validator that is not ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from jsonschema import Draft202012Validator

from usru_scenarios.reading.yaml_source import read
from usru_scenarios.schemas import schema as output_schema


def plain_data(file: Path) -> Any:
    return read(file.read_bytes(), str(file)).data


def errors(schema: dict[str, Any], data: Any) -> list[str]:
    return list(faults(validator(json.dumps(schema)), data))


def faults(against: Draft202012Validator, data: Any) -> Iterator[str]:
    yield from (f"{error.json_path}: {error.message}" for error in against.iter_errors(data))


@cache
def validator(schema: str) -> Draft202012Validator:
    """Checked once, which takes a second for that of the scenario file."""
    Draft202012Validator.check_schema(json.loads(schema))
    return Draft202012Validator(json.loads(schema))


def assert_follows(data: dict[str, Any], output: str, **wrong: Any) -> None:
    """That an answer is as the schema of its output says, begins with its format, and is not with something wrong."""
    jsonschema.validate(data, output_schema(output))
    assert next(iter(data)) == "format"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**data, **wrong}, output_schema(output))
