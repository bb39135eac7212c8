"""What there is to perturb in a model: its weights, and its judgements, each with one point more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.names import KeyPath
from usru_scenarios.results.sensitivity import LeftOut


@dataclass(frozen=True)
class ModelWeight:
    """A weight that acts on the outcome; `scheduled`: whether it is another one at some steps."""

    kind: Literal["driver", "rule"]
    name: str
    title: str
    scheduled: bool


@dataclass(frozen=True)
class PerturbedJudgement:
    """A judgement with one point more.

    Attributes:
        path: where it stands.
        role: what it is about, one of `judgements.JudgementRole`.
        sources: the claims that it rests on.
        inferred: whether none of them is of a document.
        owner: the node whose law it is part of; None where all nodes' are.
        value, changed: its number before and after; a persistence per step.
        change: the change in words.
    """

    path: KeyPath
    role: str
    sources: tuple[str, ...]
    inferred: bool
    owner: str | None
    value: float
    changed: float
    change: str


@dataclass(frozen=True)
class Perturbations:
    """What there is to perturb in a model.

    Attributes:
        scenarios: their ids, in the order of the file.
        weights: of drivers and of rules about the outcome.
        judgements: those that one point more can be given to.
        left_out: all others, by the reason.
        claims: what the claims say that they rest on, by id.
    """

    scenarios: tuple[str, ...]
    weights: tuple[ModelWeight, ...]
    judgements: tuple[PerturbedJudgement, ...]
    left_out: tuple[LeftOut, ...]
    claims: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.judgements) + sum(len(reason.paths) for reason in self.left_out)
