"""What is asked of a scenario file: which one it is, and under which profile, weights and other values it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.reading.locations import STANDARD_INPUT, find_model_file
from usru_scenarios.settings import (
    DEFAULT_MODEL,
    ArgumentError,
    check_flag,
    check_optional_text,
    check_text,
    check_texts,
    format_value,
)


@dataclass(frozen=True)
class Assignment:
    """A value for a driver or rule, whose weight is meant, or for a dotted path as after `--set`."""

    name: str
    value: object
    """Plain data, as a file could hold it."""

    @property
    def text(self) -> str:
        """As a person would write it."""
        return f"{self.name}={json.dumps(self.value)}"


@dataclass(frozen=True)
class Request:
    """A file, found, and how it is read.

    Attributes:
        path: the file; None for standard input.
        name: of the file in messages.
        profile: the profile to apply.
        weights: applied in order; a text is `NAME=VALUE` as after `-w`.
        overrides: applied in order; a text is `PATH=VALUE` as after `--set`.
        sourced_only: set to 0 the points that rest on no claim of a document.
        confined: read nothing but what lies below the folder of the model, links resolved, or comes with the program;
            for standard input or a pipe nothing but the latter.
    """

    path: Path | None
    name: str
    profile: str | None = None
    weights: tuple[str | Assignment, ...] = ()
    overrides: tuple[str | Assignment, ...] = ()
    sourced_only: bool = False
    confined: bool = False

    @classmethod
    def of(
        cls,
        model: object = DEFAULT_MODEL,
        *,
        profile: object = None,
        weights: object = (),
        overrides: object = (),
        sourced_only: object = False,
        confined: object = False,
    ) -> Request:
        """What arguments of any type ask for, in the forms of `usru_scenarios.load`.

        Raises:
            ArgumentError: one of them is of a wrong type.
            UnreadableInput: there is no such file or bundled model.
        """
        if not isinstance(model, str | PathLike):
            raise ArgumentError(f"model takes a path or the id of a bundled model, not {format_value(model)}")
        request = cls(None, "<stdin>", confined=check_flag("confined", confined))
        request = request.with_changes(profile, weights, overrides, check_flag("sourced_only", sourced_only))
        if model == STANDARD_INPUT:
            return request
        path, name = find_model_file(model if isinstance(model, str) else Path(model))
        return replace(request, path=path, name=name)

    def with_changes(self, profile: object, weights: object, overrides: object, sourced_only: object = None) -> Request:
        """The same file under another profile or none, with other weights, and with values set besides.

        Raises:
            ArgumentError: one of them is of a wrong type.
        """
        return replace(
            self,
            profile=check_optional_text("profile", profile),
            weights=_read_assignments("weights", weights),
            overrides=(*self.overrides, *_read_assignments("overrides", overrides)),
            sourced_only=self.sourced_only if sourced_only is None else check_flag("sourced_only", sourced_only),
        )


def _read_assignments(name: str, argument: object) -> tuple[str | Assignment, ...]:
    """Values by name, of which a text is as it would be written; or texts NAME=VALUE."""
    if not isinstance(argument, Mapping):
        return check_texts(name, argument, {"weights": "sanctions=2"}.get(name, "odds_per_point=1.5"))
    assignments: list[str | Assignment] = []
    for key, value in argument.items():
        check_text(f"a key of {name}", key)
        try:
            assignments.append(f"{key}={value}" if isinstance(value, str) else Assignment(key, _to_plain_data(value)))
        except (TypeError, ValueError, RecursionError):
            raise ArgumentError(
                f"{name} has a value for '{key}' that no file can hold: {format_value(value)}"
            ) from None
    return tuple(assignments)


_MAXIMUM_DEPTH, _MAXIMUM_NUMBER = 50, 1e300
"""As in `yaml_source`: how deep a value is nested, and numbers that are larger have no value as floats."""


def _to_plain_data(value: object, depth: int = 0) -> object:
    """A value as a file could hold it; a scalar or array of numpy as plain Python.

    Raises:
        TypeError, ValueError: none could.
    """
    if (to_list := getattr(value, "tolist", None)) is not None:
        value = to_list()
    if depth > _MAXIMUM_DEPTH or (isinstance(value, int | float) and not abs(value) < _MAXIMUM_NUMBER):
        raise ValueError
    if isinstance(value, dict):
        keys = [key if isinstance(key, str) else json.dumps(key) for key in value]
        "".join(keys).encode()  # as below
        return dict(zip(keys, [_to_plain_data(entry, depth + 1) for entry in value.values()], strict=True))
    if isinstance(value, list | tuple):
        return [_to_plain_data(item, depth + 1) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    if not isinstance(value, str):
        raise TypeError
    value.encode()  # refuses what is no text, such as half of a surrogate pair
    return value
