"""How likely is this, if that? Answers statements of the query language, from the probabilities in them.

The statement is worked out once for the estimates and once for their replicates, so that its standard error, by method
(24), knows how the probabilities move together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from usru_scenarios.estimation.bands import PerDraw
from usru_scenarios.estimation.jackknife import jackknife_error
from usru_scenarios.language.questions import (
    ComparisonStatement,
    Evaluated,
    Link,
    Probability,
    Statement,
    distinct_probabilities,
    evaluate,
    measure_of_statement,
)
from usru_scenarios.light_dataclasses import dataclass, field, replace
from usru_scenarios.model.outline import Outline
from usru_scenarios.problems import ImpossibleEvidence, TooFewTrials
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.program import Floats
from usru_scenarios.questions.probability import Estimates, ProbabilityEstimate, ProbabilityEstimator
from usru_scenarios.questions.run_description import describe_run
from usru_scenarios.results.ask import Answer, Answers, BandOfValue, ProbabilityReport, Unanswered, Verdict
from usru_scenarios.results.common import Run

DECIDED_ERRORS = 3.0
"""A comparison is undecided while its margin is within as many standard errors: method (26)."""

_ROUNDING = 1e-12

_LEAST_REDUCTION = 0.8
"""An error that four times as many trials leave above so much of it comes from the draws of the judgements, of which
there are no more: halved it would be by trials. Method (26)."""
_LEAST_TRIALS_TO_COMPARE = 4096
"""Trials from which on errors are known well enough to be compared."""


@dataclass(frozen=True)
class StatementValue:
    """A statement, answered: its value and error, and for a comparison the verdict."""

    value: float
    standard_error: float
    verdict: Verdict | None
    estimates: Estimates

    def band(self, statement: Statement) -> BandOfValue | None:
        """The 90% band of an expression that comes from the draws of the judgements; None where none was drawn."""
        draws = [estimate.draws for estimate in self.estimates.values() if estimate.draws is not None]
        if not draws or isinstance(statement, ComparisonStatement):
            return None

        def values_by_draw(part: int) -> Floats:
            def value_of(probability: Probability) -> Evaluated:
                estimate = self.estimates[probability]
                return estimate.value if estimate.draws is None else estimate.draws.values[part]

            values = np.asarray(evaluate(statement, value_of), dtype=np.float64)
            return np.broadcast_to(values, draws[0].weights.shape)

        weights = np.prod([each.weights / each.weights.mean() for each in draws], axis=0)
        functions = {each.functions.tobytes(): each.functions for each in draws}
        band = PerDraw(np.array([*map(values_by_draw, range(3))]), weights, np.hstack([*functions.values()])).band()
        low, high = float(band.low), float(band.high)
        return BandOfValue(low, high) if math.isfinite(low) else None


@dataclass
class PendingStatement:
    """A statement on its way to an answer; a comparison that stays undecided takes more trials, as long as these help.

    Attributes:
        statement: what is asked.
        estimator: of its probabilities.
        labels: of the steps.
        trials: so many are drawn next.
    """

    statement: Statement
    estimator: ProbabilityEstimator
    labels: Sequence[str]
    trials: int = field(init=False)
    _error_before: float = field(default=math.inf, init=False)

    def __post_init__(self) -> None:
        self.trials = self.estimator.settings.trials

    def advance(self) -> StatementValue | None:
        """The answer from so many trials; None where more are wanted.

        Raises:
            UsruError: as for `ProbabilityEstimator.find`.
        """
        statement = self.statement
        estimates = self.estimator.find(needed_probabilities(statement), self.trials)
        trial_counts = {each.trials for each in estimates.values() if each.trials}
        if len(trial_counts) > 1:
            # what was seen in one of them is rare; the others are compared on the same trials
            self.trials = max(trial_counts)
            return None
        if not isinstance(statement, ComparisonStatement):
            value, error = _work_out(lambda value_of: evaluate(statement, value_of), estimates)
            return StatementValue(value, error, None, estimates)
        verdict = judge(statement, estimates, self.labels)
        error = verdict.standard_error or 0.0
        is_exact = all(each.is_exact for each in estimates.values())
        if verdict.holds is None and not is_exact and self._more_trials_help(error):
            self.trials = min(4 * self.trials, self.estimator.settings.limits.most_trials)
            self._error_before = error
            return None
        margin = math.nan if verdict.margin is None else verdict.margin
        return StatementValue(margin, error, verdict, estimates)

    def _more_trials_help(self, error: float) -> bool:
        """Whether more trials may be drawn and can make the error smaller."""
        settings = self.estimator.settings
        can_tell = settings.judgements > 0 and self.trials > _LEAST_TRIALS_TO_COMPARE
        stays = can_tell and error > _LEAST_REDUCTION * self._error_before
        return self.trials < settings.limits.most_trials and not stays


def answer_statement(statement: Statement, estimator: ProbabilityEstimator, labels: Sequence[str]) -> StatementValue:
    """Answer a statement.

    Raises:
        UsruError: as for `ProbabilityEstimator.find`.
    """
    pending = PendingStatement(statement, estimator, labels)
    while (value := pending.advance()) is None:
        pass
    return value


def needed_probabilities(statement: Statement) -> list[Probability]:
    """The probabilities that a statement is worked out from."""
    return [part for probability in distinct_probabilities(statement) for part in split_cases(probability)]


def split_cases(probability: Probability) -> list[Probability]:
    """Where a comparison looks at cases one by one, each is a probability of its own."""
    if not probability.each:
        return [probability]
    return [replace(probability, cases=(case,), each=False) for case in probability.cases]


def judge(comparison: ComparisonStatement, estimates: Estimates, labels: Sequence[str]) -> Verdict:
    """Whether a comparison holds, told from the pair of sides that is closest to changing it."""
    verdicts = [_judge_link(link, estimates, labels) for link in comparison.links()]
    return min(verdicts, key=_closeness)


def _closeness(verdict: Verdict) -> tuple[int, float]:
    """Failures first, then what is undecided, then by how far the margin is from 0 in standard errors."""
    rank = 2 if verdict.holds else 0 if verdict.holds is False else 1
    margin = math.inf if verdict.margin is None else verdict.margin
    return rank, margin / verdict.standard_error if verdict.standard_error else margin * 1e12


def _judge_link(link: Link, estimates: Estimates, labels: Sequence[str]) -> Verdict:
    left, _ = _work_out(lambda value_of: evaluate(link.left, value_of), estimates)
    right, _ = _work_out(lambda value_of: evaluate(link.right, value_of), estimates)
    margin, error = _work_out(link.margin, estimates)
    if math.isinf(margin):  # clear if no probability rests on trials of which others could say something else
        parts = distinct_probabilities(ComparisonStatement((link.left, link.right), (link.sign,)))
        is_clear = all(estimates[part].least_error == 0.0 for part in parts)
    else:
        is_clear = abs(margin) > DECIDED_ERRORS * error or error == 0.0
    holds = None
    if is_clear and not math.isnan(margin):
        holds = bool(link.holds(lambda probability: estimates[probability].value))
    step = None if link.step is None else labels[link.step]
    return Verdict(holds, _finite(left), _finite(right), _finite(margin), _finite(error), step, link.text)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _work_out(evaluate_with: Callable[..., Evaluated], estimates: Estimates) -> tuple[float, float]:
    """A value that follows from probabilities, and its standard error."""
    value = float(evaluate_with(lambda probability: estimates[probability].value))
    sampled = [each.replicates for each in estimates.values() if each.replicates is not None]
    if not math.isfinite(value):
        return value, math.nan
    if not sampled:
        return value, 0.0

    def replicate(probability: Probability) -> Evaluated:
        estimate = estimates[probability]
        return estimate.value if estimate.replicates is None else estimate.replicates

    replicates = np.broadcast_to(np.asarray(evaluate_with(replicate), dtype=np.float64), sampled[0].shape)
    return value, _error_with_unseen(evaluate_with, estimates, value, jackknife_error(replicates))


def _error_with_unseen(
    evaluate_with: Callable[..., Evaluated], estimates: Estimates, value: float, error: float
) -> float:
    """The standard error of a value, with what trials that were never drawn could add to it: method (27).

    Those that ask the same of the same laws move together, so that nothing is added to the difference of two that are
    equal by construction.
    """
    by_question: dict[Hashable, list[ProbabilityEstimate]] = {}
    for estimate in estimates.values():
        if estimate.least_error > 0.0:
            by_question.setdefault(estimate.question, []).append(estimate)
    unsampled_error = unseen_error = 0.0
    for alike_estimates in by_question.values():

        def pushed(probability: Probability, alike_estimates: list[ProbabilityEstimate] = alike_estimates) -> float:
            estimate = estimates[probability]
            if not any(estimate is other for other in alike_estimates):
                return estimate.value
            return estimate.value + estimate.least_error * (1.0 if estimate.value < 0.5 else -1.0)

        effect = abs(float(evaluate_with(pushed)) - value)
        if effect > _ROUNDING:
            unseen_error = math.hypot(unseen_error, effect)
            unsampled_error = math.hypot(
                unsampled_error, effect if alike_estimates[0].sampling_error < alike_estimates[0].least_error else 0.0
            )
    return max(math.hypot(error, unsampled_error), unseen_error)


def describe_probability(
    probability: Probability, estimate: ProbabilityEstimate, labels: Sequence[str], step: int | None = None
) -> ProbabilityReport:
    """A probability that was found, as a result carries it, and its step where each is asked about by itself."""
    return ProbabilityReport(
        text=probability.text,
        value=estimate.value,
        standard_error=estimate.standard_error,
        method="exact" if estimate.is_exact else "sample",
        effective_trials=estimate.effective_trials,
        step=None if step is None else labels[step],
        seen=list(probability.observed),
        imposed=[intervention.text for intervention in probability.interventions],
        left_out=[labels[step] for step in estimate.left_out],
        time=probability.time(labels),
    )


class QueryRun(NamedTuple):
    """What queries are asked of, and under what.

    Attributes:
        outline: of the model.
        estimator: finds their probabilities.
        weights: of the drivers, shape (steps,), uncertain ones at their means.
        do: the interventions that were given beside the queries, as written.
        given: the observations, likewise.
    """

    outline: Outline
    estimator: ProbabilityEstimator
    weights: Mapping[str, Floats]
    do: Sequence[str]
    given: Sequence[str]

    def describe_run(self, drawn: Sequence[tuple[int, float | None]]) -> Run:
        """How several parts were found: by the most trials of any, and the least that they are worth.

        Args:
            drawn: of each part how many trials were drawn, and what they are worth; 0 and None where it is exact.
        """
        run = describe_run(
            self.outline,
            Conditioned(self.estimator.program),
            trials=max((trials for trials, _ in drawn), default=0),
            seed=self.estimator.settings.seed,
            effective=min((worth for _, worth in drawn if worth is not None), default=None),
            judgements=self.estimator.settings.judgements,
            weights=self.weights,
        )
        return replace(run, do=list(self.do), given=list(self.given))


def answer_query(query: str, statement: Statement, asked: QueryRun) -> Answer:
    """The answer to a query, as it was asked, with all that it took; the statement is under all conditions.

    Raises:
        UsruError: as for `ProbabilityEstimator.find`.
    """
    labels = asked.estimator.program.grid.labels
    outcome = answer_statement(statement, asked.estimator, labels)
    each = statement.each is not None if isinstance(statement, ComparisonStatement) else False
    parts = [
        describe_probability(
            probability, estimate, labels, probability.cases[0].step if each and len(probability.cases) == 1 else None
        )
        for probability, estimate in outcome.estimates.items()
    ]
    verdict = outcome.verdict
    run = asked.describe_run(
        [
            (estimate.drawn, part.effective_trials)
            for estimate, part in zip(outcome.estimates.values(), parts, strict=True)
        ]
    )
    return Answer(
        model=asked.outline.model,
        run=run,
        query=query,
        measure=measure_of_statement(statement),
        value=_finite(outcome.value),
        standard_error=_finite(outcome.standard_error),
        method="exact" if run.effective_trials is None else "sample",
        effective_trials=run.effective_trials,
        trials=run.trials,
        seed=run.seed,
        profile=run.profile,
        do=run.do,
        given=run.given,
        probabilities=parts,
        compares=verdict is not None,
        holds=verdict.holds if verdict else None,
        left=verdict.left if verdict else None,
        right=verdict.right if verdict else None,
        step=verdict.step if verdict else None,
        compared=verdict.compared if verdict else None,
        judgements=run.judgements,
        judgements_at_means=run.judgements_at_means,
        band=outcome.band(statement),
    )


def answer_queries(statements: Sequence[tuple[str, Statement]], asked: QueryRun) -> Answers:
    """The answers to several queries, as they were asked, each as if it had been asked alone.

    Raises:
        UsruError: as for `ProbabilityEstimator.find`, but for what is impossible or too rare.
    """
    asked.estimator.draw_shared(needed_probabilities(statement) for _, statement in statements)
    answers: list[Answer] = []
    unanswered: list[Unanswered] = []
    for number, (query, statement) in enumerate(statements, 1):
        try:
            answers.append(answer_query(query, statement, asked))
        except (ImpossibleEvidence, TooFewTrials) as error:
            unanswered.append(Unanswered(number, query, str(error)))
    run = asked.describe_run([(answer.trials, answer.effective_trials) for answer in answers])
    return Answers(asked.outline.model, run, answers, unanswered)
