"""Do the expectations of a file hold? Each one holds, fails or is undecided, with both sides and the margin.

All probabilities that can be found in the same trials are drawn together, and programs that differ in what is imposed
are walked together. A sixteenth of the trials comes first and then a quarter, which is enough for what is beyond doubt:
method (26). What the sampling error leaves undecided after all of them takes more, up to a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from itertools import chain

import numpy as np

from usru_scenarios.language.questions import (
    ComparisonStatement,
    Probability,
    distinct_probabilities,
    measure_of_statement,
)
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.model.schema import Expectation, Model
from usru_scenarios.names import Measure
from usru_scenarios.problems import ImpossibleEvidence, TooFewTrials
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.questions import ask
from usru_scenarios.questions.ask import PendingStatement, StatementValue, answer_statement
from usru_scenarios.questions.calibrate import anchor_shares, calibrated_compiler, meets_anchor
from usru_scenarios.questions.perturbation import SPREADS, perturb_model
from usru_scenarios.questions.probability import Estimates, ProbabilityEstimator, group_by_trials
from usru_scenarios.questions.run_description import describe_run
from usru_scenarios.questions.simulate.question import judgements_at_means_warning
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.results.check import CheckReport, ExpectationChecked, Perturbation
from usru_scenarios.results.common import to_warned
from usru_scenarios.sampler.blocks import SECONDS_PER_DRAW, KernelCache, MapBlocks, Plan
from usru_scenarios.sampler.shared_draws import SharedDraws
from usru_scenarios.settings import RunSettings, SampleLimits
from usru_scenarios.work import listener_of

FIRST_TRIALS = 16_384
"""Trials after which a verdict may be close: most expectations are far from their bounds."""

FIRST_DIVISORS = (16, 4)
"""The first draws are by so much fewer, one after another."""

LEAST_FIRST_TRIALS = 1024
"""They are not fewer than these."""

CLEAR_ERRORS = 6.0
"""Standard errors of a margin that leave no doubt after fewer trials: method (26)."""

MOST_TRIALS = 1 << 20
"""What is undecided after as many stays so."""

MOST_DRAWS = 1 << 26
"""Trials times nodes and steps, after which it stays so too: about half a second for each program of a statement."""

ROBUST_TRIALS = 4096
"""Trials in each perturbed model, where the estimates alone decide."""

_ANCHOR_TRIALS = 16_384


@dataclass(frozen=True)
class ExpectationChecker:
    """A model with the expectations that it is held against.

    Attributes:
        loaded: the model.
        statements: its expectations by name.
        program: the model, compiled.
        in_profile: gives the program under a profile.
        settings: as in `probability.ProbabilityEstimator`.
        weights: of the drivers, shape (steps,), uncertain ones at their means.
        map_parts: as `map`; goes through what is to be drawn, and may do so elsewhere and show how far it is.
        conditions: what is imposed and what is observed in all expectations, as written.
        with_evidence: gives a program, judgements at their means, with the hints of the evidence; None without any.
    """

    loaded: Loaded
    statements: Mapping[str, ComparisonStatement]
    program: Program
    in_profile: Callable[[str], Program]
    settings: RunSettings
    weights: Mapping[str, Floats]
    map_parts: MapBlocks = map
    conditions: tuple[list[str], list[str]] = ([], [])
    with_evidence: Callable[[Program], Program] | None = None

    def report(self, robust: int = 0) -> CheckReport:
        """What the model says to each expectation, and in how many of `robust` perturbed models it holds.

        Raises:
            exact.TooLarge, exact.NotExact: an exact answer was asked for that can't be had.
            NoAnchor: the baselines of a perturbed model can't be solved for its anchor.
        """
        models = PerturbedModels(self) if robust else None
        if models is not None:
            listener_of(self.map_parts).expect(models.seconds_each, robust)
        checked = self._check_all()
        if models is not None:
            names_held = list(self.map_parts(models.expectations_held, range(robust)))
            for name, expectation in checked.items():
                checked[name] = replace(expectation, robust=sum(name in names for names in names_held))
        verdicts = [expectation.verdict for expectation in checked.values()]
        outline = self.loaded.outline
        at_means = () if self.settings.judgements else judgements_at_means_warning(outline)
        plan = Plan.of(self.settings.trials, self.settings.seed, self.settings.judgements)
        run = describe_run(
            outline,
            Conditioned(self.program),
            seed=self.settings.seed,
            trials=max((expectation.trials for expectation in checked.values()), default=0),
            judgements=self.settings.judgements,
            weights=self.weights,
        )
        do, given = self.conditions
        run = replace(run, do=do, given=given)
        return CheckReport(
            model=outline.model,
            run=run,
            trials=plan.trials,
            seed=self.settings.seed,
            profile=self.loaded.request.profile,
            judgements=self.settings.judgements,
            judgements_at_means=outline.count_at_means(self.settings.judgements),
            counts={verdict: verdicts.count(verdict) for verdict in ("holds", "fails", "undecided")},
            expectations=checked,
            perturbation=Perturbation(robust, ROBUST_TRIALS, SPREADS, models.anchored) if models else None,
            warnings=[to_warned(problem) for problem in (*self.loaded.warnings, *at_means)],
        )

    @cached_property
    def _kernels(self) -> KernelCache:
        """Compiled laws, which more trials need again."""
        return KernelCache(SharedDraws())

    @property
    def _limits(self) -> SampleLimits:
        limits, trials = self.settings.limits, self.settings.trials
        affordable = MOST_DRAWS // (len(self.program.nodes) * self.program.steps)
        most = min(limits.most_trials, MOST_TRIALS, 1 << max(affordable.bit_length() - 1, 0))
        return replace(limits, most_trials=max(most, trials))

    def _check_all(self) -> dict[str, ExpectationChecked]:
        estimator = ProbabilityEstimator(
            self.program,
            self.in_profile,
            replace(self.settings, limits=self._limits),
            map_blocks=self.map_parts,
            rare_exactly=self.settings.method == "auto",
        )
        if self.settings.method == "exact":
            estimator.require_exact(probabilities_of(self.statements.values(), observed=True))
        decided = self._decide_with_fewer_trials(estimator)
        self._draw_shared(estimator, (statement for name, statement in self.statements.items() if name not in decided))
        decided |= self._decide_in_rounds(estimator, [name for name in self._unobserved() if name not in decided])
        names, labels = list(self.statements), estimator.program.grid.labels

        def check_one(number: int) -> ExpectationChecked:
            name, problem = names[number], None
            statement, outcome = self.statements[name], decided.get(name)
            if outcome is None:
                try:
                    outcome = answer_statement(statement, estimator, labels)
                except (ImpossibleEvidence, TooFewTrials) as error:
                    problem = str(error)
            return _describe_expectation(
                self.loaded.model.expectations[name], measure_of_statement(statement), outcome, problem
            )

        return dict(zip(names, self.map_parts(check_one, range(len(names))), strict=True))

    def _decide_with_fewer_trials(self, estimator: ProbabilityEstimator) -> dict[str, StatementValue]:
        """What fewer trials say beyond doubt, of expectations without observations: these have few trials as it is."""
        decided: dict[str, StatementValue] = {}
        undecided = self._unobserved()
        for trials in (estimator.settings.trials // divisor for divisor in FIRST_DIVISORS):
            if trials < LEAST_FIRST_TRIALS:
                continue
            limits = replace(self._limits, most_trials=trials)
            quick = replace(estimator.with_settings(trials=trials, limits=limits), only_verdicts=True)
            estimates = self._draw_shared(quick, undecided.values())
            estimator.add_known({key: estimate for key, estimate in estimates.items() if estimate.is_exact})
            for name, statement in list(undecided.items()):
                if _is_clear(value := answer_statement(statement, quick, quick.program.grid.labels)):
                    decided[name] = value
                    del undecided[name]
        return decided

    def _unobserved(self) -> dict[str, ComparisonStatement]:
        """The statements that are conditioned on no observations."""
        return {
            name: statement
            for name, statement in self.statements.items()
            if not any(probability.observed or probability.known for probability in distinct_probabilities(statement))
        }

    def _decide_in_rounds(self, estimator: ProbabilityEstimator, names: Iterable[str]) -> dict[str, StatementValue]:
        """Answers of which the first trials are drawn; those that take more are drawn on together, for speed alone."""
        labels = estimator.program.grid.labels
        pending = {name: PendingStatement(self.statements[name], estimator, labels) for name in names}
        decided: dict[str, StatementValue] = {}
        while pending:
            values = {name: each.advance() for name, each in pending.items()}
            decided |= {name: value for name, value in values.items() if value is not None}
            pending = {name: each for name, each in pending.items() if values[name] is None}
            for trials in {each.trials for each in pending.values()}:
                statements = [self.statements[name] for name, each in pending.items() if each.trials == trials]
                self._draw_shared(estimator.with_settings(trials=trials), statements)
        return decided

    def _draw_shared(self, estimator: ProbabilityEstimator, statements: Iterable[ComparisonStatement]) -> Estimates:
        """Find the probabilities of statements that are conditioned on no observations, those together that can be."""
        groups = SharedGroups.of(estimator, probabilities_of(statements, observed=False), self._kernels)
        listener_of(self.map_parts).expect(groups.seconds_each, len(groups.stacks))
        estimates: Estimates = {}
        for part in self.map_parts(groups.estimates_of_stack, range(len(groups.stacks))):
            estimator.add_known(part)
            estimates |= part
        return estimates


@dataclass(frozen=True)
class SharedGroups:
    """What is drawn first, in groups that share their trials; it can be sent to where there is room to draw it.

    Attributes:
        estimator: that finds it.
        stacks: the groups, those together whose programs are walked together.
    """

    estimator: ProbabilityEstimator
    stacks: list[list[list[Probability]]]

    @classmethod
    def of(cls, estimator: ProbabilityEstimator, asked: Iterable[Probability], kernels: KernelCache) -> SharedGroups:
        """The groups of what is asked; all that they need goes along, the programs of their profiles too.

        The program as it stands comes first, with whose draws those of the others have the most in common.
        """
        groups = group_by_trials(asked)
        groups.sort(key=lambda group: (group[0].profile is not None, len(group[0].interventions)))
        profiles = dict.fromkeys(group[0].profile for group in groups if group[0].profile is not None)
        programs = {profile: estimator.in_profile(profile) for profile in profiles}
        sendable = replace(estimator, in_profile=programs.__getitem__, map_blocks=map, kernels=kernels)
        return cls(sendable, sendable.stack_groups(chain.from_iterable(groups), sendable.settings.trials))

    @property
    def seconds_each(self) -> float:
        """What a stack is predicted to take, from the number of draws alone."""
        program = self.estimator.program
        trials = self.estimator.settings.trials * max(map(len, self.stacks), default=0)
        return trials * len(program.nodes) * program.steps * SECONDS_PER_DRAW

    def estimates_of_stack(self, number: int) -> Estimates:
        """The probabilities of a stack."""
        return self.estimator.find(chain.from_iterable(self.stacks[number]))


def _is_clear(value: StatementValue) -> bool:
    """Whether the margin is so many standard errors that more trials are not worth drawing: method (26)."""
    verdict = value.verdict
    if verdict is None or verdict.holds is None or verdict.margin is None or verdict.standard_error is None:
        return False
    return abs(verdict.margin) > CLEAR_ERRORS * verdict.standard_error


def probabilities_of(statements: Iterable[ComparisonStatement], *, observed: bool) -> list[Probability]:
    """The probabilities that statements take, with or without those that are conditioned on observations."""
    every = chain.from_iterable(map(ask.needed_probabilities, statements))
    return [probability for probability in every if observed or not (probability.observed or probability.known)]


def _describe_expectation(
    expectation: Expectation, measure: Measure, value: StatementValue | None, problem: str | None
) -> ExpectationChecked:
    """What became of an expectation; evidence that never happens, or too rarely, leaves it undecided."""
    verdict = value.verdict if value else None
    estimates = value.estimates.values() if value else ()
    holds = verdict.holds if verdict else None
    return ExpectationChecked(
        that=" ".join(expectation.that.split()),
        title=expectation.title,
        verdict="undecided" if holds is None else "holds" if holds else "fails",
        left=verdict.left if verdict else None,
        right=verdict.right if verdict else None,
        margin=verdict.margin if verdict else None,
        standard_error=verdict.standard_error if verdict else None,
        step=verdict.step if verdict else None,
        method="exact" if estimates and all(estimate.is_exact for estimate in estimates) else "sample",
        trials=max((estimate.drawn for estimate in estimates), default=0),
        sources=list(expectation.sources or ()),
        problem=problem,
        compared=verdict.compared if verdict else None,
        measure=measure,
    )


class PerturbedModels:
    """Perturbed models, and which expectations hold in each; like `SharedGroups` it can be sent away."""

    def __init__(self, checker: ExpectationChecker) -> None:
        self.statements = checker.statements
        self.seed = checker.settings.seed
        file, loaded = checker.loaded.as_written(), checker.loaded
        self.file = file.model
        self.with_evidence = checker.with_evidence
        program = compile_model(file.model)
        self.anchored = meets_anchor(file, program)
        """Whether baselines are solved anew; a file that misses its anchor has them moved like any other judgement."""
        asked = probabilities_of(self.statements.values(), observed=True)
        self.models: dict[str | None, Model] = {None: loaded.model}
        for name in {probability.profile for probability in asked if probability.profile is not None}:
            self.models[name] = loaded.with_profile(name).model
        drawn = ROBUST_TRIALS * len(group_by_trials(asked)) + _ANCHOR_TRIALS
        self.seconds_each = drawn * len(program.nodes) * program.steps * SECONDS_PER_DRAW
        """What a perturbed model is predicted to take, from the number of draws alone."""

    def expectations_held(self, number: int) -> frozenset[str]:
        """The expectations that hold in a perturbed model, as the estimates say."""
        file = perturb_model(self.file, self.seed, number)
        target = anchor_shares(file) if self.anchored else None
        compile_calibrated = calibrated_compiler(file, target, Plan(_ANCHOR_TRIALS, self.seed))

        @cache
        def program_in_profile(profile: str | None) -> Program:
            program = compile_calibrated(perturb_model(self.models[profile], self.seed, number))
            return program if self.with_evidence is None else self.with_evidence(program)

        settings = RunSettings(ROBUST_TRIALS, self.seed, "sample")
        estimator = ProbabilityEstimator(program_in_profile(None), program_in_profile, settings)
        estimator.find(probabilities_of(self.statements.values(), observed=False))
        return frozenset(name for name, statement in self.statements.items() if _estimates_hold(statement, estimator))


def _estimates_hold(statement: ComparisonStatement, estimator: ProbabilityEstimator) -> bool:
    """Whether the estimates meet a statement; without an answer they do not."""
    try:
        estimates = estimator.find(probabilities_of([statement], observed=True))
    except (ImpossibleEvidence, TooFewTrials):
        return False
    return bool(np.all(statement.holds(lambda probability: estimates[probability].value)))
