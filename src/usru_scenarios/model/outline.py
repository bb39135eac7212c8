"""How a model is called and what it calls its parts, beside its numbers: the one place for titles and their order."""

from __future__ import annotations

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
