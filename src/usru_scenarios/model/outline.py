"""How a model is called and what it calls its parts, beside its numbers: titles in their order, and names by kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.problems import Problem
from usru_scenarios.results.common import EvidenceUsed, ModelLine


@dataclass(frozen=True)
class NodeOutline:
    """A driver or consequence: its title, and its states in the order of the file, none of a numeric one."""

    title: str
    states: tuple[str, ...]


@dataclass(frozen=True)
class Outline:
    """How a model is called, what it calls its parts, and what its reader is to be warned of.

    Little enough to be kept between runs.

    Attributes:
        model: its name, its title, and the SHA-256 of what it says (see `reading.loading.model_digest`).
        profile: the profile that is applied.
        scenarios: their titles by id.
        baseline: the share of each scenario that the drivers do not explain, by id.
        drivers, consequences: by id. All of these are in the order of the file.
        rules, profiles: ids.
        uncertain: the dotted paths of judgements that are distributions.
        warnings: of the file.
        evidence: the evidence file that is taken into account.
    """

    model: ModelLine
    profile: str | None
    scenarios: dict[str, str]
    baseline: dict[str, float]
    drivers: dict[str, NodeOutline]
    consequences: dict[str, NodeOutline]
    rules: tuple[str, ...]
    profiles: tuple[str, ...]
    uncertain: tuple[str, ...]
    warnings: tuple[Problem, ...]
    evidence: EvidenceUsed | None = None

    def count_at_means(self, draws: int) -> int:
        """How many uncertain judgements an answer takes at their means: none where it averages over draws of them."""
        return 0 if draws else len(self.uncertain)

    def title(self, name: str) -> str:
        """The title of a scenario, or the name of a group of them."""
        return self.scenarios.get(name, name)


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
