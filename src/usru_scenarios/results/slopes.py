"""What a little more would change: of each weight, and of each judgement; in the form of their JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ProbabilityChange:
    """By how much a probability changes, and the sampling error of that."""

    value: float
    standard_error: float


@dataclass(frozen=True)
class WeightSlope:
    """What a weight does to the scenarios.

    Attributes:
        kind, name, title: whose weight it is.
        weight: its present value; of a schedule, the mean over the steps.
        scheduled: whether it is a schedule, which is scaled as a whole.
        derivative: by scenario, the change of the probability for each unit of weight, at the present weight; of a
            schedule, for each unit of a factor on all of it.
        elasticity: by scenario, by how many percent the probability changes for one percent of weight; None where
            the probability is 0.
        aimed: the derivative for what was asked about; None where that is every scenario.
        aimed_elasticity: likewise.
        size: what it is ranked by: the derivative for what was asked about without its sign, else in total variation,
            half the sum over the scenarios.
    """

    kind: Literal["driver", "rule"]
    name: str
    title: str
    weight: float
    scheduled: bool
    derivative: dict[str, ProbabilityChange]
    elasticity: dict[str, ProbabilityChange | None]
    aimed: ProbabilityChange | None
    aimed_elasticity: ProbabilityChange | None
    size: ProbabilityChange


@dataclass(frozen=True)
class JudgementEffect:
    """What one point more of a judgement does to the scenarios.

    Attributes:
        path: where it stands in the file, as `--set` takes it.
        role: what it is about.
        value, changed: its present value, and the one with a point more, as `--set` takes it; a persistence is the
            probability per step, an uncertain judgement is at its mean.
        change: what was done to it, in words, such as "+1 point" or "odds x1.4".
        by_scenario: by how much the probability of each scenario changes.
        aimed: the change for what was asked about; None where that is every scenario.
        size: what it is ranked by, as in `WeightSlope`.
        method: how it was found; "none" where nothing that the scenarios depend on changes.
        sources: the claims behind it.
        inferred: whether it rests on no claim of a document.
    """

    path: str
    role: str
    value: float
    changed: float
    change: str
    by_scenario: dict[str, ProbabilityChange]
    aimed: ProbabilityChange | None
    size: ProbabilityChange
    method: Literal["likelihood ratio", "carried along", "drawn anew", "none"]
    sources: list[str]
    inferred: bool


@dataclass(frozen=True)
class LeftOut:
    """Judgements that have no place in the list, and why."""

    why: str
    paths: list[str]


@dataclass(frozen=True)
class Slopes:
    """Which weight matters, and which judgement.

    Attributes:
        name: the scenario or group that was asked about; empty where it is every scenario.
        step: the label of the step, or "mean" for the mean over all of them.
        probabilities: by scenario, at present.
        aimed: the present probability of what was asked about; None where that is every scenario.
        weights, judgements: those that change the most first.
        left_out: the judgements that are not in the list.
        claims: what the claims cited here say, by their ids.
    """

    name: str
    step: str
    probabilities: dict[str, ProbabilityChange]
    aimed: ProbabilityChange | None
    weights: list[WeightSlope]
    judgements: list[JudgementEffect]
    left_out: list[LeftOut]
    claims: dict[str, str]
