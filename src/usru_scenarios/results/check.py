"""What became of the expectations, in the form of its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from usru_scenarios.results.common import ModelLine, Summarised, Warned
from usru_scenarios.results.mutants import MutantSurvey


@dataclass(frozen=True)
class ExpectationChecked:
    """An expectation and what the model says to it.

    Attributes:
        that: the statement.
        title: in words, where the file has some.
        verdict: undecided where the sampling error spans the bound, or there is no answer.
        left, right: the two sides that are closest to changing the verdict; None where one is not a number.
        margin, standard_error: by how much they hold (below 0: fail), and the sampling error of that.
        step: the step at which they were compared, where the statement is about each of several.
        method: how it was found.
        trials: the trials that it took; 0 where it is exact.
        sources: the claims behind it.
        problem: why there is no answer, in words; None where there is one.
        robust: in how many of the perturbed models it holds; None where that was not asked.
        mutants: how many of the mutants it notices; None where that was not asked, or it does not hold as it is.
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
    robust: int | None = None
    mutants: int | None = None


@dataclass(frozen=True)
class Perturbation:
    """How judgements were jittered.

    Attributes:
        models: how many perturbed models there were.
        trials: drawn in each of them; verdicts there are those of the estimates.
        spreads: for each kind of judgement, by how much it is moved, in words.
        anchored: whether baselines were solved anew for the anchor in each.
    """

    models: int
    trials: int
    spreads: dict[str, str]
    anchored: bool


@dataclass(frozen=True, repr=False)
class CheckReport(Summarised):
    """What the model says to each of its expectations.

    Attributes:
        trials, seed: trials of the first draws and their streams; what stays undecided takes more.
        profile: under which the expectations were read.
        judgements: how many draws of the uncertain judgements; 0 where there are none, or they are at their means.
        judgements_at_means: how many uncertain judgements stand at their means; 0 where there are none, or their draws
            are averaged over.
        counts: how many expectations there are of each verdict.
        perturbation: None where no perturbed models were asked for.
        mutants: None where no mutants were.
    """

    model: ModelLine
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
    format: Literal["usru.check/1.0"] = "usru.check/1.0"

    @property
    def uncertain(self) -> bool:
        """Whether judgements of the model are uncertain, drawn or not."""
        return bool(self.judgements or self.judgements_at_means)

    @property
    def all_hold(self) -> bool:
        """Whether no expectation fails or is undecided."""
        return self.counts["holds"] == len(self.expectations)

    def _found(self) -> Iterator[str]:
        yield from (f"{number} {verdict}" for verdict, number in self.counts.items())
