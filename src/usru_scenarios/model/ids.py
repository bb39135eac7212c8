"""The names of a model by kind, as they are written on the command line and in queries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_PROSE_KEYS = frozenset(
    {"title", "summary", "sources", "signposts", "text", "note", "notes", "by", "extends", "asks", "resolves"}
)
"""Keys whose values are no judgements."""


def model_names(data: dict[str, Any]) -> dict[str, list[str]]:
    """The names of a model, each kind in the order of the file, from what it says as plain data: see `names.KINDS`."""
    drivers, consequences, scenarios, groups, profiles, rules = (
        data.get(key) or {} for key in ("drivers", "consequences", "scenarios", "groups", "profiles", "rules")
    )
    nodes = {**drivers, **consequences}
    return {
        "drivers": list(drivers),
        "states": [f"{name}={state}" for name, node in nodes.items() for state in node.get("states", ())],
        "scenarios": [*scenarios, *groups],
        "profiles": list(profiles),
        "rules": list(rules),
        "paths": list(_value_paths(data, "")),
        "consequences": list(consequences),
    }


def _value_paths(data: Any, before: str) -> Iterator[str]:
    """The paths of all values but prose; a list is one value."""
    if not isinstance(data, dict) or not data:
        yield before
        return
    for key, value in data.items():
        if key not in _PROSE_KEYS:
            part = key if _PLAIN_KEY.fullmatch(key) else f'"{key}"'
            yield from _value_paths(value, f"{before}.{part}" if before else part)
