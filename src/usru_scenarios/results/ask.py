"""The answer to a query, in the form of its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.names import Measure
from usru_scenarios.results.common import OfRun, Tabled


@dataclass(frozen=True)
class ProbabilityReport:
    """A probability within a statement.

    Attributes:
        text: the probability as it was asked.
        value: the answer, from 0 to 1.
        standard_error: standard error of `value`: from the trials, or where it is exact from the draws of the
            judgements; 0 where it is exact and no judgement is drawn.
        method: `exact` or `sample`.
        effective_trials: the number of unweighted trials that the ones kept are worth; null where it is exact.
        step: the step at which it is read, where a comparison looks at the steps one by one; else null.
        seen: the observations that it is conditioned on.
        imposed: the interventions under which it is read.
        left_out: steps left out of an average, because what is observed is impossible there.
        time: the steps that it is about, in words, such as `average over 2025-Q1 to 2028-Q4`; empty where there is one
            step, or its parts have different times.
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
    time: str = ""


@dataclass(frozen=True)
class Verdict:
    """What became of a comparison.

    Attributes:
        holds: True, False, or None where the sampling error spans the bound.
        left, right: the two sides that are closest to changing the verdict; None where one is not a number.
        margin, standard_error: by how much those two hold (below 0: fail), and the sampling error of that.
        step: the step at which they were compared, where the statement is about each of several.
        compared: those two sides as they are written, with the sign between them.
    """

    holds: bool | None
    left: float | None
    right: float | None
    margin: float | None
    standard_error: float | None
    step: str | None
    compared: str = ""


@dataclass(frozen=True)
class BandOfValue:
    """The 90% band that comes from uncertain judgements: 5% and 95%.

    Attributes:
        low: the 5% quantile over the draws of the judgements.
        high: the 95% quantile over the draws of the judgements.
    """

    low: float
    high: float


@dataclass(frozen=True, repr=False)
class Answer(OfRun, Tabled):
    """The answer to a query.

    Attributes:
        query: the query as it was asked.
        measure: whether the value, or each side of a comparison, is a `probability`, a `difference` of some, or another
            `number`, such as a ratio or a logarithm.
        value: the number that the query comes to; of a comparison, the margin by which it holds (below 0: fails). null
            where it is no number.
        standard_error: standard error of `value`: from the trials or the draws of the judgements; 0 where it is exact
            and no judgement is drawn.
        method: `sample` where any probability of the query is sampled, else `exact`.
        effective_trials: the number of unweighted trials that the ones kept are worth, the least of all probabilities;
            null where it is exact.
        trials: the number of trials drawn, the most of all probabilities; 0 where it is exact.
        seed: the seed of the random numbers.
        profile: the profile of the file that was applied; null where none was.
        do: the interventions that hold for every probability, as written after `--do`.
        given: the observations that hold for every probability, as written after `--given`.
        probabilities: the probabilities of the query, one after the other.
        compares: whether the query is a comparison; the JSON has it in that `holds` is there.
        holds: whether the comparison holds; null where the sampling error leaves that open. Only of a comparison.
        left: the left one of the two sides that are closest to changing the verdict; null where it is no number. Only
            of a comparison.
        right: the right one of these two sides, likewise.
        step: the step at which they were compared, where the statement is about each of several; else null. Only of a
            comparison.
        compared: these two sides as they are written, with the sign between them. Only of a comparison.
        judgements: number of draws of the uncertain judgements; 0 where there are none, or they stand at their means.
        judgements_at_means: number of uncertain judgements that stand at their means; 0 where there are none, or their
            draws are averaged over.
        band: the 90% band of `value` that comes from uncertain judgements; null where none is drawn, and of a
            comparison.
    """

    query: str
    measure: Measure
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
    compared: str | None = None
    judgements: int = 0
    judgements_at_means: int = 0
    band: BandOfValue | None = None
    format: Literal["usru.answer/1.1"] = "usru.answer/1.1"

    def _key_findings(self) -> Iterator[str]:
        verdict = {True: "holds: ", False: "fails: ", None: "undecided: "}[self.holds] if self.compares else ""
        value = "no number" if self.value is None else f"{self.value:.4g}"
        yield f"{verdict}{' '.join(self.query.split())[:60]} = {value}"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as plain data, `format` first; what only a comparison has is left out where there is none."""
        data = super().to_dict()
        if not data.pop("compares"):
            for name in ("holds", "left", "right", "step", "compared"):
                del data[name]
        return data


@dataclass(frozen=True)
class Unanswered:
    """A query of several that has no answer.

    Attributes:
        number: which of the queries it is, from 1.
        query: the query as asked.
        problem: why it has none.
    """

    number: int
    query: str
    problem: str


@dataclass(frozen=True, repr=False)
class Answers(OfRun, Tabled):
    """The answers to several queries.

    Attributes:
        model: which model it was.
        run: how all were found: the most trials of any answer, and the least that they are worth; each answer has its
            own besides.
        answers: those that were found, in the order of the queries.
        unanswered: queries that have no answer.
        format: the form of this output and its version.
    """

    answers: list[Answer]
    unanswered: list[Unanswered]
    format: Literal["usru.answers/1.1"] = "usru.answers/1.1"

    def in_order(self) -> Iterator[Answer | Unanswered]:
        """All queries with what became of them, as they were asked."""
        unanswered = {query.number: query for query in self.unanswered}
        answers = iter(self.answers)
        for number in range(1, len(self.answers) + len(self.unanswered) + 1):
            yield unanswered[number] if number in unanswered else next(answers)

    def _summary_parts(self) -> Iterator[str]:
        yield self.model.name
        for answer in self.answers:
            yield from answer._key_findings()  # noqa: SLF001  # a result as this one

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as plain data, `format` first."""
        return {**super().to_dict(), "answers": [answer.to_dict() for answer in self.answers]}
