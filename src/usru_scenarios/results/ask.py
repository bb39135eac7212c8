"""The answer to a query, in the form of its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from usru_scenarios.results.common import ModelLine, Summarised


@dataclass(frozen=True)
class ProbabilityReport:
    """A probability within a statement.

    Attributes:
        text: as asked.
        value, standard_error: the answer and its sampling error: of trials, or where it is exact of the draws of the
            judgements; 0 where it is exact and no judgement is drawn.
        method: how it was found.
        effective_trials: for how many unweighted trials the ones kept stand; None where it is exact.
        step: at which it is read, where a comparison looks at the steps one by one.
        seen: the observations that it is conditioned on.
        imposed: the interventions under which it is read.
        left_out: steps left out of an average, because what is seen is proven to be impossible there.
    """

    text: str
    value: float
    standard_error: float
    method: Literal["exact", "sample"]
    effective_trials: float | None
    step: str | None
    seen: list[str]
    imposed: list[str]
    left_out: list[str]


@dataclass(frozen=True)
class Verdict:
    """What became of a comparison.

    Attributes:
        holds: True, False, or None where the sampling error spans the bound.
        left, right: the two sides that are closest to changing the verdict; None where one is not a number.
        margin, standard_error: by how much those two hold (below 0: fail), and the sampling error of that.
        step: the step at which they were compared, where the statement is about each of several.
    """

    holds: bool | None
    left: float | None
    right: float | None
    margin: float | None
    standard_error: float | None
    step: str | None


@dataclass(frozen=True)
class BandOfValue:
    """The 90% band that comes from uncertain judgements: 5% and 95%."""

    low: float
    high: float


@dataclass(frozen=True, repr=False)
class Answer(Summarised):
    """The answer to a query.

    Attributes:
        query: as asked.
        value: of the query; of a comparison, the margin by which it holds (below 0: fails). None where it is no number.
        standard_error: of sampling, of trials or of draws of the judgements; 0 where it is exact and none is drawn.
        method: "sample" where any of its probabilities is sampled.
        effective_trials: for how many unweighted trials the ones kept stand, at the least; None where it is exact.
        trials, seed: how many trials were drawn at the most (0 where it is exact), and from which streams.
        profile, do, given: what was asked for beside the query, and applies to every probability in it.
        probabilities: those of the query, one after the other.
        compares: whether the query is a comparison.
        holds: whether it does; None where the sampling error leaves that open. Only of a comparison, as the next:
        left, right: the two sides that are closest to changing the verdict; None where one is not a number.
        step: the step at which they were compared, where the statement is about each of several.
        judgements: how many draws of the uncertain judgements; 0 where there are none or they are at their means.
        judgements_at_means: how many uncertain judgements stand at their means; 0 where there are none, or their draws
            are averaged over.
        band: of the value, over those draws; None where there are none, and of a comparison.
    """

    model: ModelLine
    query: str
    value: float | None
    standard_error: float | None
    method: Literal["exact", "sample"]
    effective_trials: float | None
    trials: int
    seed: int
    profile: str | None
    do: list[str]
    given: list[str]
    probabilities: list[ProbabilityReport]
    compares: bool = False
    holds: bool | None = None
    left: float | None = None
    right: float | None = None
    step: str | None = None
    judgements: int = 0
    judgements_at_means: int = 0
    band: BandOfValue | None = None
    format: Literal["usru.answer/1.0"] = "usru.answer/1.0"

    def _found(self) -> Iterator[str]:
        verdict = {True: "holds: ", False: "fails: ", None: "undecided: "}[self.holds] if self.compares else ""
        value = "no number" if self.value is None else f"{self.value:.4g}"
        yield f"{verdict}{' '.join(self.query.split())[:60]} = {value}"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as plain data, `format` first; what only a comparison has is left out where there is none."""
        data = super().to_dict()
        if not data.pop("compares"):
            for name in ("holds", "left", "right", "step"):
                del data[name]
        return data
