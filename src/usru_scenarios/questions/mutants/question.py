"""Would it be noticed if the model said something else? Mutants of its file, read and held against its expectations.

An honest editor of a changed file would have it read, solve its baselines for the anchor again, and see whether its
expectations still hold. So is done with each mutant, on the same random numbers as with the file itself. What reading
refuses goes no further. An expectation notices a mutant that it fails in, beyond the sampling error; one that does not
hold in the file itself notices nothing.
"""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import NamedTuple

from usru_scenarios.language.questions import ComparisonStatement, probabilities
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import ImpossibleEvidence, ModelError, TooFewTrials
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.events import atoms
from usru_scenarios.program.program import Program
from usru_scenarios.questions.ask import answer_statement
from usru_scenarios.questions.calibrate import (
    AnchorShares,
    NoAnchor,
    anchor_shares,
    calibrated_compiler,
    meets_anchor,
    normalised_baselines,
    scenario_shares,
)
from usru_scenarios.questions.check import ExpectationChecker, all_needed_probabilities
from usru_scenarios.questions.mutants.population import Mutation, population
from usru_scenarios.questions.mutants.sample import SampledMutations, noticed_share, sampled
from usru_scenarios.questions.probability import ProbabilityEstimator, group_by_trials
from usru_scenarios.questions.statements import read_expectations
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.results.check import CheckReport
from usru_scenarios.results.common import Warned, to_warned
from usru_scenarios.results.mutants import KINDS, SIGNS, Mutant, MutantCounts, MutantSurvey
from usru_scenarios.sampler.blocks import SECONDS_PER_DRAW, Plan
from usru_scenarios.settings import RunSettings

MUTANT_TRIALS = 4096
"""Trials in each mutant at first."""

MOST_TRIALS = 65_536
"""What is undecided after as many is not noticed."""

_ANCHOR = 16_384


def with_mutants(report: CheckReport, checker: ExpectationChecker, number: int) -> CheckReport:
    """What a model says to its expectations, with what becomes of at most so many of its mutants, one or more."""
    every = population(checker.loaded)
    made = sampled(every, number, checker.settings.seed)
    runner = MutantRunner.of(
        checker, [name for name, one in report.expectations.items() if one.verdict == "holds"], made
    )
    mutants = [
        _mutant(mutation, tried, checker.loaded)
        for mutation, tried in zip(
            made.mutations, checker.map_parts(runner.tried, range(len(made.mutations))), strict=True
        )
    ]
    counted = {
        name: replace(
            one, mutants=sum(name in mutant.failed for mutant in mutants) if name in runner.statements else None
        )
        for name, one in report.expectations.items()
    }
    return replace(report, expectations=counted, mutants=_survey(every, made, mutants, runner, report))


def _survey(
    every: list[Mutation], made: SampledMutations, mutants: list[Mutant], runner: MutantRunner, report: CheckReport
) -> MutantSurvey:
    noticed = [mutant.noticed_by is not None for mutant in mutants]
    counts = Counter((mutant.kind, mutant.noticed_by) for mutant in mutants)
    return MutantSurvey(
        trials=0 if runner.settings.method == "exact" else runner.settings.trials,
        anchored=runner.target is not None,
        kinds={
            kind: MutantCounts(
                population=size,
                made=sum(one.kind == kind for one in mutants),
                by_reading=counts[kind, "reading"],
                by_expectations=counts[kind, "expectations"],
                unnoticed=counts[kind, None],
            )
            for kind in KINDS
            if (size := sum(one.kind == kind for one in every))
        },
        sourced_signs=noticed_share(every, made, noticed, lambda one: one.kind in SIGNS and one.sourced),
        all=noticed_share(every, made, noticed, lambda _: True),
        mutants=mutants,
        not_counted=[name for name in report.expectations if name not in runner.statements],
    )


def _mutant(mutation: Mutation, tried: Tried, loaded: Loaded) -> Mutant:
    return Mutant(
        kind=mutation.kind,
        path=mutation.path,
        value=mutation.value,
        overrides=mutation.overrides(loaded.file.tree.data),
        sources=list(mutation.sources),
        sourced=mutation.sourced,
        noticed_by="reading" if tried.problem else "expectations" if tried.failed else None,
        problem=tried.problem,
        failed=list(tried.failed),
        undecided=list(tried.undecided),
    )


class Tried(NamedTuple):
    """What became of a mutant: the first fault that reading finds, or else which expectations fail or are undecided."""

    problem: Warned | None
    failed: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()


@dataclass(frozen=True)
class MutantRunner:
    """Makes mutants of a file and tries whether they are noticed; it can be sent to where there is room for that.

    Attributes:
        loaded: the model.
        statements: the expectations that hold in it, by name.
        mutations: what makes the mutants.
        settings: of the trials in each.
        target: what baselines are solved for: the shares of the file itself at the step of its anchor, on the same
            trials, so that sampling moves no baseline where the mutant changes nothing there; None where there is no
            anchor, or where the file misses it.
        seconds_each: what a mutant is predicted to take, from the number of draws alone.
    """

    loaded: Loaded
    statements: Mapping[str, ComparisonStatement]
    mutations: tuple[Mutation, ...]
    settings: RunSettings
    target: AnchorShares | None
    seconds_each: float

    @classmethod
    def of(cls, checker: ExpectationChecker, holding: list[str], made: SampledMutations) -> MutantRunner:
        """For the expectations that hold in a model, and on the trials of a mutant too."""
        asked = checker.settings
        settings = RunSettings(
            MUTANT_TRIALS,
            asked.seed,
            "exact" if asked.method == "exact" else "sample",
            limits=replace(asked.limits, most_trials=min(asked.limits.most_trials, MOST_TRIALS)),
        )
        statements = {name: checker.statements[name] for name in holding}
        itself = checker.loaded.as_written()
        program = compile_model(itself.model)
        groups = len(group_by_trials(all_needed_probabilities(statements.values(), observed=True)))
        draws = (settings.trials * groups + _ANCHOR) * len(program.nodes) * program.steps
        target = _met(itself, program, settings.seed)
        runner = cls(checker.loaded, statements, made.mutations, settings, target, draws * SECONDS_PER_DRAW)
        tried = runner._judged(statements, runner._programs(checker.loaded))
        not_holding = {*tried.failed, *tried.undecided}
        return replace(runner, statements={name: one for name, one in statements.items() if name not in not_holding})

    def __getstate__(self) -> dict[str, object]:
        """What is compiled is not sent to another process."""
        return {name: value for name, value in vars(self).items() if name != "_laws"}

    def tried(self, number: int) -> Tried:
        """What becomes of a mutant."""
        file = self.loaded.file
        try:
            other = file.with_tree(self.mutations[number].on(file.tree)).resolve(self.loaded.request)
            under = self._programs(other)
            read, faults = read_expectations(other, under(None), under)
        except ModelError as error:
            faults = [problem for problem in error.problems if problem.severity == "error"]
        except NoAnchor as error:
            return Tried(Warned("no_anchor", error.message))
        if faults:
            return Tried(to_warned(faults[0]))
        changed = cache(lambda profile: self._changed(profile, under(profile)))
        return self._judged({name: read[name] for name in self.statements if _reads(read[name], under, changed)}, under)

    def _judged(self, statements: Mapping[str, ComparisonStatement], under: ProgramOfProfile) -> Tried:
        """Which of some expectations fail or are undecided in a model."""
        estimator = ProbabilityEstimator(under(None), under, self.settings)
        estimator.find(all_needed_probabilities(statements.values(), observed=False))
        verdicts = {name: _holds(statement, estimator) for name, statement in statements.items()}
        failed, undecided = (tuple(n for n, holds in verdicts.items() if holds is one) for one in (False, None))
        return Tried(None, failed, undecided)

    def _changed(self, profile: str | None, program: Program) -> frozenset[str]:
        """The nodes of a mutant whose laws are not those of the file itself: what reads no other one is as it was."""
        before = self._laws(profile)
        return frozenset(name for name, law in _laws_of(program).items() if before.get(name) != law)

    @cached_property
    def _laws(self) -> Callable[[str | None], Mapping[str, bytes]]:
        under = self._programs(self.loaded)
        return cache(lambda profile: _laws_of(under(profile)))

    def _programs(self, loaded: Loaded) -> ProgramOfProfile:
        """What gives the program of a model under a profile, or of the model as it is read."""
        compiled = calibrated_compiler(loaded.as_written().model, self.target, Plan(_ANCHOR, self.settings.seed))
        return cache(lambda profile: compiled((loaded if profile is None else loaded.with_profile(profile)).model))


ProgramOfProfile = Callable[[str | None], Program]
"""Gives the program of a model under a profile, or as the model is read."""


def _laws_of(program: Program) -> dict[str, bytes]:
    """By node all that its draws follow from beside those of the nodes that it reads."""
    laws = {name: pickle.dumps(node) for name, node in program.nodes.items()}
    return {**laws, OUTCOME: laws[OUTCOME] + pickle.dumps(dict(program.weights))}


def _reads(
    statement: ComparisonStatement, under: ProgramOfProfile, nodes: Callable[[str | None], frozenset[str]]
) -> bool:
    """Whether what a statement is about depends on some nodes, in the program that it is read in."""
    return any(
        nodes(part.profile) & under(part.profile).upstream(atom.node for one in part.events() for atom in atoms(one))
        for part in probabilities(statement)
    )


def _met(itself: Loaded, program: Program, seed: int) -> AnchorShares | None:
    if not meets_anchor(itself, program):
        return None
    step = anchor_shares(itself.model).step
    return AnchorShares(scenario_shares(program, step, normalised_baselines(program), Plan(_ANCHOR, seed), map), step)


def _holds(statement: ComparisonStatement, estimator: ProbabilityEstimator) -> bool | None:
    try:
        verdict = answer_statement(statement, estimator, estimator.program.grid.labels).verdict
    except (ImpossibleEvidence, TooFewTrials):
        return None
    return verdict.holds if verdict else None
