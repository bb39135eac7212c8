"""Variants of a model side by side, in the form of its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from usru_scenarios.results.common import ModelLine, Summarised, Warned

InputValue = float | str | dict[str, float] | None
"""A number, a map of shares, or anything else of a file in words; None where a variant has nothing there."""


@dataclass(frozen=True)
class SharedRun:
    """How all variants were run: on the same random numbers.

    Attributes:
        trials: trials of each variant; 0 where the method is exact.
        steps: those that all variants have.
        judgements: how many draws of the uncertain judgements; 0 where there are none, or they are at their means.
        judgements_at_means: how many uncertain judgements stand at their means, in the variant with the most; 0 where
            there are none, or their draws are averaged over.
    """

    trials: int
    seed: int
    method: Literal["sample", "exact"]
    steps: list[str]
    usru_version: str
    judgements: int = 0
    judgements_at_means: int = 0


@dataclass(frozen=True)
class SeriesErrors:
    """Standard errors of the quantities of the same names; 0 where they are exact and no judgement is drawn."""

    by_step: list[float]
    start: float
    end: float
    mean: float


@dataclass(frozen=True)
class Bands:
    """The 90% bands that come from uncertain judgements, each the 5% and the 95% over their draws.

    Attributes:
        low, high: at each step.
        mean: of the mean over the steps.
    """

    low: list[float]
    high: list[float]
    mean: tuple[float, float]

    def at(self, time: str) -> tuple[float, float]:
        """The band at the `start`, at the `end`, or of the `mean`."""
        if time == "mean":
            return self.mean
        step = 0 if time == "start" else -1
        return self.low[step], self.high[step]


@dataclass(frozen=True)
class LikelihoodChange:
    """By how much a likelihood differs from the reference's.

    Attributes:
        by_step, start, end: at each step, at the first and at the last.
        mean: in the mean over the steps.
        standard_errors: of the differences themselves, from the random numbers that both have in common.
        band: of the differences themselves, both having the same draws of judgements that both have; None where no
            judgement is drawn.
    """

    by_step: list[float]
    start: float
    end: float
    mean: float
    standard_errors: SeriesErrors
    band: Bands | None


@dataclass(frozen=True)
class Likelihood:
    """How likely a scenario or group is in a variant.

    Attributes:
        by_step, start, end: at each step, at the first and at the last.
        mean: the mean over the steps, its share of time.
        standard_errors: of sampling.
        band: of judgement; None where no judgement is drawn.
        difference: to the reference; None for the reference itself.
    """

    title: str
    by_step: list[float]
    start: float
    end: float
    mean: float
    standard_errors: SeriesErrors
    band: Bands | None
    difference: LikelihoodChange | None


@dataclass(frozen=True)
class InputDifference:
    """Something that two models say differently.

    Attributes:
        path: where it stands, as one writes it after `--set`; `*` stands for all the shares that are compared as one,
            `do(...)` for an intervention.
        reference, variant: what each says.
    """

    path: str
    reference: InputValue
    variant: InputValue


@dataclass(frozen=True)
class Shift:
    """By how much a scenario's likelihood moves, at the last step and in the mean over the steps."""

    end: float
    mean: float


@dataclass(frozen=True)
class Effect:
    """What becomes of the forecast.

    Attributes:
        end, mean: the total variation distance from the reference, half the sum of all absolute differences, at the
            last step and in the mean over the steps.
        standard_errors: of these two.
        scenarios: by how much each is more or less likely.
    """

    end: float
    mean: float
    standard_errors: Shift
    scenarios: dict[str, Shift]


@dataclass(frozen=True)
class Switching:
    """What the input differences do one at a time: each alone is brought into the reference, all others at their means.

    Attributes:
        trials: of each; 0 where the method is exact.
        by: whether single differences are switched, or all those of a part of the file together, because there are
            many.
        effects: by path of the difference or part, the largest effect first. What can't stand alone in the reference
            is missing.
        together: the effect of all at once, which is the variant.
        unexplained: what remains of it beyond the sum of the effects, because differences work together.
    """

    trials: int
    by: Literal["difference", "part"]
    effects: dict[str, Effect]
    together: Effect
    unexplained: Effect


@dataclass(frozen=True)
class VariantCompared:
    """A variant, and what sets it apart from the first one.

    Attributes:
        model: which model it is, resolved.
        profile: the profile that is applied.
        do: what is imposed.
        scenarios, groups: by id, in the order of the reference.
        inputs: what differs from the reference, the most important first where they are switched one at a time.
        switching: None for the reference, and where it was not asked for or makes no sense.
        note: why there is no switching, in words.
    """

    model: ModelLine
    profile: str | None
    do: list[str]
    scenarios: dict[str, Likelihood]
    groups: dict[str, Likelihood]
    inputs: list[InputDifference]
    switching: Switching | None
    note: str


@dataclass(frozen=True, repr=False)
class Comparison(Summarised):
    """Variants side by side.

    Attributes:
        reference: the name of the variant that the others are compared with.
        variants: by name, the reference first.
        left_out: scenarios, groups and steps that not all variants have, which are not compared.
    """

    run: SharedRun
    reference: str
    variants: dict[str, VariantCompared]
    left_out: list[str]
    warnings: list[Warned] = field(default_factory=list)
    format: Literal["usru.comparison/1.0"] = "usru.comparison/1.0"

    def _found(self) -> Iterator[str]:
        yield from (name[:40] for name in self.variants)
