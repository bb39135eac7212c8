"""Variants of a model side by side, in the form of its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.results.common import ModelLine, OfRun, Tabled, Titled, Warned
from usru_scenarios.results.simulate import Band

InputValue = float | str | dict[str, float] | None
"""A number, a map of shares, or anything else of a file in words; None where a variant has nothing there."""


@dataclass(frozen=True)
class SeriesErrors:
    """Standard errors of the quantities of the same names; 0 where they are exact and no judgement is drawn.

    Attributes:
        by_step: standard error of the number at each step.
        start: standard error of the number at the first step.
        end: standard error of the number at the last step.
        mean: standard error of the mean over the steps.
    """

    by_step: list[float]
    start: float
    end: float
    mean: float


@dataclass(frozen=True)
class Bands(Band):
    """The 90% bands that come from uncertain judgements, each the 5% and the 95% over their draws.

    Attributes:
        mean: both quantiles of the mean over the steps.
    """

    mean: tuple[float, float]

    def at(self, time: str) -> tuple[float, float]:
        """The band at the `start`, at the `end`, or of the `mean`."""
        if time == "mean":
            return self.mean
        step = 0 if time == "start" else -1
        return self.low[step], self.high[step]


@dataclass(frozen=True)
class Series:
    """A number at each step and at the times that are compared; the classes that inherit it say which number it is."""

    by_step: list[float]
    start: float
    end: float
    mean: float
    standard_errors: SeriesErrors
    band: Bands | None


@dataclass(frozen=True)
class LikelihoodChange(Series):
    """By how much a likelihood differs from the reference's.

    Attributes:
        by_step: the difference of the probabilities at each step, this variant minus the reference.
        start: the difference at the first step.
        end: the difference at the last step.
        mean: the difference of the means over the steps.
        standard_errors: of the differences themselves, on the random numbers that both variants share.
        band: the 90% band of the differences themselves, on the draws of judgements that both share; null where none is
            drawn, or something is observed.
    """


@dataclass(frozen=True)
class Likelihood(Series, Titled):
    """How likely a scenario or group is in a variant.

    Attributes:
        by_step: its probability at each step, from 0 to 1.
        start: its probability at the first step.
        end: its probability at the last step.
        mean: the mean of its probability over the steps, which is its expected share of time.
        standard_errors: standard errors of the numbers of the same names, from sampling.
        band: the 90% band that comes from uncertain judgements; null where none is drawn.
        difference: by how much it differs from the reference; null in the reference itself.
    """

    difference: LikelihoodChange | None


@dataclass(frozen=True)
class InputDifference:
    """Something that two models say differently.

    Attributes:
        path: where it stands, as one writes it after `--set`; `*` stands for all the shares that are compared as one,
            `do(...)` for an intervention, `given(...)` for an observation.
        reference: what the reference has there: a number, a map of shares, or a text; null where it has nothing.
        variant: what the variant has there, likewise.
    """

    path: str
    reference: InputValue
    variant: InputValue


@dataclass(frozen=True)
class Shift:
    """By how much a scenario's likelihood moves, at the last step and in the mean over the steps.

    Attributes:
        end: that of the last step.
        mean: that of the mean over the steps.
    """

    end: float
    mean: float


@dataclass(frozen=True)
class Effect:
    """What becomes of the forecast.

    Attributes:
        end: total variation distance from the reference at the last step: half the sum of the absolute differences,
            from 0 to 1.
        mean: the same in the mean over the steps.
        standard_errors: standard errors of these two.
        scenarios: for each scenario by how much its probability changes.
    """

    end: float
    mean: float
    standard_errors: Shift
    scenarios: dict[str, Shift]


@dataclass(frozen=True)
class Switching:
    """What the input differences do one at a time: each alone is brought into the reference, all others at their means.

    Attributes:
        trials: number of trials of each; 0 where the method is exact.
        by: `difference` where single differences are brought in, `part` where all those of a part of the file are
            together, because there are many.
        effects: the effect of each, by path, the largest first; what can't stand alone in the reference is missing.
        together: the effect of all at once, which is that of the variant.
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
        model: the model of the variant, by name, title and hash.
        profile: the profile that is applied; null where none is.
        do: the interventions of the variant, as written after `--do`.
        given: its observations, as written after `--given`.
        effective_trials: the number of unweighted trials that those of the variant are worth; null where the method is
            exact.
        scenarios: how likely each scenario is, by id in the order of the reference.
        groups: the same for each group of scenarios.
        inputs: what the file says differently from the reference, the most important first where they are switched one
            at a time.
        switching: what the differences do one at a time; null for the reference, and where it was not asked for or
            makes no sense.
        note: why there is no switching, in words; empty where there is nothing to say.
    """

    model: ModelLine
    profile: str | None
    do: list[str]
    given: list[str]
    effective_trials: float | None
    scenarios: dict[str, Likelihood]
    groups: dict[str, Likelihood]
    inputs: list[InputDifference]
    switching: Switching | None
    note: str


@dataclass(frozen=True, repr=False)
class Comparison(OfRun, Tabled):
    """Variants side by side.

    Attributes:
        model: that of the reference.
        run: of the reference, on whose random numbers all variants were run; `steps` are those that all have, and
            `judgements_at_means` is that of the variant with the most.
        reference: the name of the variant that the others are compared with.
        variants: the variants by name, the reference first.
        left_out: scenarios, groups and steps that not all variants have, which are not compared.
    """

    reference: str
    variants: dict[str, VariantCompared]
    left_out: list[str]
    warnings: list[Warned] = field(default_factory=list)
    format: Literal["usru.comparison/1.2"] = "usru.comparison/1.2"

    def _key_findings(self) -> Iterator[str]:
        yield from (name[:40] for name in self.variants)
