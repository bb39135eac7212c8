"""Baselines that reproduce the anchor, in the form of their JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.results.common import OfRun, Tabled


@dataclass(frozen=True, repr=False)
class Calibration(OfRun, Tabled):
    """Baselines that reproduce the anchor.

    Attributes:
        at: the step of the anchor.
        anchor: the shares of the anchor, by scenario; they sum to 1.
        before: the baselines of the file, by scenario, normalised to sum 1.
        shares_before: the probabilities of the scenarios at that step under those baselines.
        baselines: the baselines that reproduce the anchor, by scenario; they sum to 1.
        trials: number of trials that they were solved on; 0 where the shares are exact.
        seed: the seed of the random numbers.
        judgements_at_means: number of uncertain judgements, which stand at their means here.
    """

    at: str
    anchor: dict[str, float]
    before: dict[str, float]
    shares_before: dict[str, float]
    baselines: dict[str, float]
    trials: int
    seed: int
    judgements_at_means: int = 0
    format: Literal["usru.calibration/1.1"] = "usru.calibration/1.1"

    def _key_findings(self) -> Iterator[str]:
        yield from (f"{name} {value:.4f}" for name, value in self.baselines.items())
