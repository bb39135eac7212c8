"""Baselines that reproduce the anchor, in the form of their JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from usru_scenarios.results.common import ModelLine, Summarised


@dataclass(frozen=True, repr=False)
class Calibration(Summarised):
    """Baselines that reproduce the anchor.

    Attributes:
        at: the anchor's step.
        anchor: its shares.
        before, shares_before: the file's baselines, normalised, and the shares that they give at that step.
        baselines: those solved, which sum to 1: what the cited drivers do not explain.
        trials, seed: of the draws that it was solved on; 0 trials where the shares are exact.
        judgements_at_means: how many uncertain judgements stand at their means.
    """

    model: ModelLine
    at: str
    anchor: dict[str, float]
    before: dict[str, float]
    shares_before: dict[str, float]
    baselines: dict[str, float]
    trials: int
    seed: int
    judgements_at_means: int = 0
    format: Literal["usru.calibration/1.0"] = "usru.calibration/1.0"

    def _found(self) -> Iterator[str]:
        yield from (f"{name} {value:.4f}" for name, value in self.baselines.items())
