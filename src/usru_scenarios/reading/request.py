"""What is asked of a scenario file: which one it is, and under which profile, weights and other values it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from usru_scenarios.reading.locations import STANDARD_INPUT, found_file
from usru_scenarios.settings import DEFAULT_MODEL, ArgumentError, flag, optional_text, shown, text, texts


@dataclass(frozen=True)
class Request:
    """A file, found, and how it is read.

    Attributes:
        path: the file; None for standard input.
        name: of the file in messages.
        profile: the profile to apply.
        weights: `NAME=VALUE`, as after `-w`, applied in order.
        overrides: `PATH=VALUE`, as after `--set`, applied in order.
        sourced_only: set to 0 the points that rest on no claim of a document.
        confined: read nothing but what lies below the folder of the model, links resolved, or comes with the program;
            for standard input or a pipe nothing but the latter.
    """

    path: Path | None
    name: str
    profile: str | None = None
    weights: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
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
            raise ArgumentError(f"model takes a path or the id of a bundled model, not {shown(model)}")
        asked = cls(None, "<stdin>", confined=flag("confined", confined))
        asked = asked.further(profile, weights, overrides, flag("sourced_only", sourced_only))
        if model == STANDARD_INPUT:
            return asked
        path, name = found_file(model if isinstance(model, str) else Path(model))
        return replace(asked, path=path, name=name)

    def further(self, profile: object, weights: object, overrides: object, sourced_only: object = None) -> Request:
        """The same file under another profile or none, with other weights, and with values set besides.

        Raises:
            ArgumentError: one of them is of a wrong type.
        """
        return replace(
            self,
            profile=optional_text("profile", profile),
            weights=_assignments("weights", weights),
            overrides=(*self.overrides, *_assignments("overrides", overrides)),
            sourced_only=self.sourced_only if sourced_only is None else flag("sourced_only", sourced_only),
        )


def _assignments(name: str, given: object) -> tuple[str, ...]:
    """Assignments as the command line writes them: from values by name, or texts NAME=VALUE."""
    if not isinstance(given, Mapping):
        return texts(name, given, {"weights": "sanctions=2"}.get(name, "odds_per_point=1.5"))
    return tuple(f"{text(f'a key of {name}', key)}={_as_yaml(name, key, value)}" for key, value in given.items())


def _as_yaml(name: str, key: str, value: object) -> str:
    """A value as it is written after `--set`: a text as it stands, all else as JSON, which is YAML."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, allow_nan=False, default=_as_plain)
    except (TypeError, ValueError, RecursionError):
        raise ArgumentError(f"{name} has a value for '{key}' that no file can hold: {shown(value)}") from None


def _as_plain(value: object) -> object:
    """What a scalar or array of numpy holds, as plain Python."""
    if (plain := getattr(value, "tolist", None)) is None:
        raise TypeError
    return plain()
