"""What became of the expectations, in the form of its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.names import Measure
from usru_scenarios.results.common import OfRun, Tabled, Warned
from usru_scenarios.results.mutants import MutantSurvey


@dataclass(frozen=True)
class ExpectationChecked:
    """An expectation and what the model says to it.

    Attributes:
        that: the statement, as in the file.
        title: its title; null where the file has none.
        verdict: `holds`, `fails`, or `undecided` where the sampling error spans the bound or there is no answer.
        left: the left one of the two sides that are closest to changing the verdict; null where it is no number.
        right: the right one of these two sides, likewise.
        margin: by how much the comparison holds; below 0 where it fails; null where there is no number.
        standard_error: standard error of `margin`.
        step: the step at which they were compared, where the statement is about each of several; else null.
        method: `exact` or `sample`.
        trials: number of trials that it took; 0 where it is exact.
        sources: the claims that the expectation cites.
        problem: why there is no answer, in words; null where there is one.
        compared: the two sides as they are written, with the sign between them; null where there is no answer.
        measure: whether each side is a `probability`, a `difference` of some, or another `number`, such as a ratio.
        robust: in how many of the perturbed models it holds; null where these were not asked for.
        mutants: how many of the mutants it notices; null where these were not asked for, or it does not hold in the
            file as it is.
    """

    that: str
    title: str | None
    verdict: Literal["holds", "fails", "undecided"]
    left: float | None
    right: float | None
    margin: float | None
    standard_error: float | None
    step: str | None
    method: Literal["exact", "sample"]
    trials: int
    sources: list[str]
    problem: str | None = None
    compared: str | None = None
    measure: Measure = "probability"
    robust: int | None = None
    mutants: int | None = None


@dataclass(frozen=True)
class Perturbation:
    """How judgements were jittered.

    Attributes:
        models: number of perturbed models.
        trials: number of trials drawn in each; the verdicts there are those of the estimates.
        spreads: for each kind of judgement by how much it is moved, in words.
        anchored: whether the baselines were solved anew for the anchor in each.
    """

    models: int
    trials: int
    spreads: dict[str, str]
    anchored: bool


@dataclass(frozen=True, repr=False)
class CheckReport(OfRun, Tabled):
    """What the model says to each of its expectations.

    Attributes:
        trials: number of trials of the first draws; what stays undecided takes more.
        seed: the seed of the random numbers.
        profile: the profile under which the expectations were read; null where there is none.
        counts: how many expectations there are of each verdict.
        expectations: what became of each expectation, by id in the order of the file.
        perturbation: how judgements were moved for `robust`; null where no perturbed models were asked for.
        mutants: which changes of the file would be noticed; null where no mutants were asked for.
        judgements: number of draws of the uncertain judgements; 0 where there are none, or they stand at their means.
        judgements_at_means: number of uncertain judgements that stand at their means; 0 where there are none, or their
            draws are averaged over.
    """

    trials: int
    seed: int
    profile: str | None
    counts: dict[str, int]
    expectations: dict[str, ExpectationChecked]
    perturbation: Perturbation | None = None
    mutants: MutantSurvey | None = None
    judgements: int = 0
    judgements_at_means: int = 0
    warnings: list[Warned] = field(default_factory=list)
    format: Literal["usru.check/1.1"] = "usru.check/1.1"

    @property
    def uncertain(self) -> bool:
        """Whether judgements of the model are uncertain, drawn or not."""
        return bool(self.judgements or self.judgements_at_means)

    @property
    def all_hold(self) -> bool:
        """Whether no expectation fails or is undecided."""
        return self.counts["holds"] == len(self.expectations)

    def _key_findings(self) -> Iterator[str]:
        yield from (f"{number} {verdict}" for verdict, number in self.counts.items())
