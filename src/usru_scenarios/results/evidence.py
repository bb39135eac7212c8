"""What the items of an evidence file did to a forecast, in the form of its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.results.common import OfRun, Tabled, Warned


@dataclass(frozen=True)
class ItemEffect:
    """What an item of an evidence file did, after those that were learned before.

    Attributes:
        text: what the item says.
        learned: the day on which it became known.
        sources: the claims that it rests on.
        probability: how likely the model found it, given the items before; of a hint of which only ratios count, as
            if the state that fits best made it certain.
        standard_error: standard error of this probability.
        surprise: the same as information: the binary logarithm of 1 over the probability, in bits.
        forecast: the probability of each scenario at the last step, once the item is known.
        moved: by how much that changed the probability.
        effective_trials: the number of unweighted trials that are left; null where the method is exact.
    """

    text: str
    learned: str
    sources: list[str]
    probability: float
    standard_error: float
    surprise: float
    forecast: dict[str, float]
    moved: dict[str, float]
    effective_trials: float | None = None


@dataclass(frozen=True)
class Foresight:
    """How well the file, or the file under one of its profiles, foresaw what was seen.

    Attributes:
        log_score: the natural logarithm of the probability of all items together: 0 at the best, lower is worse.
        standard_error: standard error of the log score.
        behind: by how much the log score is below the best one of those that are compared.
    """

    log_score: float
    standard_error: float
    behind: float


@dataclass(frozen=True, repr=False)
class EvidenceReport(OfRun, Tabled):
    """What the items of an evidence file did to the forecast, in the order in which they were learned.

    Attributes:
        scenarios: the titles of the scenarios, by id in the order of the file.
        before: the probability of each scenario at the last step, before any item is known.
        items: what each item that acts did, by id.
        passed_over: the items that do not act, by id, each with the reason.
        log_score: the natural logarithm of the probability of all items together: the sum of those of the items.
        standard_error: standard error of the log score.
        foresight: the log score of the file as it is asked, under the name `as it is`, and under each of its profiles.
    """

    scenarios: dict[str, str]
    before: dict[str, float]
    items: dict[str, ItemEffect]
    passed_over: dict[str, str]
    log_score: float
    standard_error: float
    foresight: dict[str, Foresight]
    warnings: list[Warned] = field(default_factory=list)
    format: Literal["usru.foresight/1.0"] = "usru.foresight/1.0"

    def _key_findings(self) -> Iterator[str]:
        yield f"{len(self.items)} items"
        yield f"log score {self.log_score:.3g}"
