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
from functools import cache, cached_property, partial

from usru_scenarios.language.questions import ComparisonStatement, distinct_probabilities
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
from usru_scenarios.questions.check import ExpectationChecker, probabilities_of
from usru_scenarios.questions.mutants.population import Mutation, list_mutations
from usru_scenarios.questions.mutants.sample import SampledMutations, estimate_noticed_share, sample_mutations
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

_ANCHOR_TRIALS = 16_384


def with_mutants(report: CheckReport, checker: ExpectationChecker, number: int) -> CheckReport:
    """What a model says to its expectations, with what becomes of at most so many of its mutants, one or more."""
    population = list_mutations(checker.loaded)
    sample = sample_mutations(population, number, checker.settings.seed)
    holding = [name for name, expectation in report.expectations.items() if expectation.verdict == "holds"]
    runner = MutantRunner.of(checker, holding, sample)
    mutants = list(checker.map_parts(runner.try_mutant, range(len(sample.mutations))))
    expectations = dict(report.expectations)
    for name in runner.statements:
        expectations[name] = replace(expectations[name], mutants=sum(name in mutant.failed for mutant in mutants))
    return replace(report, expectations=expectations, mutants=_summarize(population, sample, mutants, runner, report))


def _summarize(
    population: list[Mutation],
    sample: SampledMutations,
    mutants: list[Mutant],
    runner: MutantRunner,
    report: CheckReport,
) -> MutantSurvey:
    """Count the mutants by kind and by what notices them."""
    noticed = [mutant.noticed_by is not None for mutant in mutants]
    estimate_share = partial(estimate_noticed_share, population, sample, noticed)
    counts = Counter((mutant.kind, mutant.noticed_by) for mutant in mutants)
    return MutantSurvey(
        trials=0 if runner.settings.method == "exact" else runner.settings.trials,
        anchored=runner.target is not None,
        kinds={
            kind: MutantCounts(
                population=size,
                made=sum(mutant.kind == kind for mutant in mutants),
                by_reading=counts[kind, "reading"],
                by_expectations=counts[kind, "expectations"],
                unnoticed=counts[kind, None],
            )
            for kind in KINDS
            if (size := sum(mutation.kind == kind for mutation in population))
        },
        sourced_signs=estimate_share(lambda mutation: mutation.kind in SIGNS and mutation.sourced),
        all=estimate_share(lambda _: True),
        mutants=mutants,
        not_counted=[name for name in report.expectations if name not in runner.statements],
    )


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
    def of(cls, checker: ExpectationChecker, holding: list[str], sample: SampledMutations) -> MutantRunner:
        """For the expectations that hold in a model, and on the trials of a mutant too."""
        check_settings = checker.settings
        settings = RunSettings(
            MUTANT_TRIALS,
            check_settings.seed,
            "exact" if check_settings.method == "exact" else "sample",
            limits=replace(check_settings.limits, most_trials=min(check_settings.limits.most_trials, MOST_TRIALS)),
        )
        statements = {name: checker.statements[name] for name in holding}
        itself = checker.loaded.as_written()
        program = compile_model(itself.model)
        groups = len(group_by_trials(probabilities_of(statements.values(), observed=True)))
        draws = (settings.trials * groups + _ANCHOR_TRIALS) * len(program.nodes) * program.steps
        target = _anchor_target(itself, program, settings.seed)
        runner = cls(checker.loaded, statements, sample.mutations, settings, target, draws * SECONDS_PER_DRAW)
        failed, undecided = runner._check_expectations(statements, runner._program_by_profile(checker.loaded))
        for name in (*failed, *undecided):
            del statements[name]
        return runner

    def __getstate__(self) -> dict[str, object]:
        """What is compiled is not sent to another process."""
        return {name: value for name, value in vars(self).items() if name != "_laws_by_profile"}

    def try_mutant(self, number: int) -> Mutant:
        """Make a mutant, and say whether reading or an expectation notices it."""
        mutation = self.mutations[number]
        problem: Warned | None = None
        failed: list[str] = []
        undecided: list[str] = []
        try:
            failed, undecided = self._check_mutant(mutation)
        except ModelError as error:
            problem = to_warned(next(problem for problem in error.problems if problem.severity == "error"))
        except NoAnchor as error:
            problem = Warned("no_anchor", error.message)
        return Mutant(
            kind=mutation.kind,
            path=mutation.path,
            value=mutation.value,
            overrides=mutation.overrides(self.loaded.file.tree.data),
            sources=list(mutation.sources),
            sourced=mutation.sourced,
            noticed_by="reading" if problem else "expectations" if failed else None,
            problem=problem,
            failed=failed,
            undecided=undecided,
        )

    def _check_mutant(self, mutation: Mutation) -> tuple[list[str], list[str]]:
        """Read a mutant, and find which expectations that depend on what it changes fail or are undecided in it.

        Raises:
            ModelError: it can't be read.
            NoAnchor: no baselines reproduce its anchor.
        """
        file = self.loaded.file
        loaded = file.with_tree(mutation.apply_to(file.tree)).resolve(self.loaded.request)
        program_under = self._program_by_profile(loaded)
        expectations, faults = read_expectations(loaded, program_under(None), program_under)
        if faults:
            raise ModelError(faults)

        @cache
        def changed_nodes(profile: str | None) -> frozenset[str]:
            """The nodes whose laws are not those of the file itself: what reads no other one is as it was."""
            before = self._laws_by_profile(profile)
            laws = _pickle_laws(program_under(profile))
            return frozenset(name for name, law in laws.items() if before.get(name) != law)

        statements = {
            name: expectations[name]
            for name in self.statements
            if _depends_on(expectations[name], program_under, changed_nodes)
        }
        return self._check_expectations(statements, program_under)

    def _check_expectations(
        self, statements: Mapping[str, ComparisonStatement], program_under: ProgramByProfile
    ) -> tuple[list[str], list[str]]:
        """Find which of some expectations fail, and which are undecided, in a model."""
        estimator = ProbabilityEstimator(program_under(None), program_under, self.settings)
        estimator.find(probabilities_of(statements.values(), observed=False))
        verdicts = {name: _expectation_holds(statement, estimator) for name, statement in statements.items()}
        failed = [name for name, holds in verdicts.items() if holds is False]
        return failed, [name for name, holds in verdicts.items() if holds is None]

    @cached_property
    def _laws_by_profile(self) -> Callable[[str | None], Mapping[str, bytes]]:
        program_under = self._program_by_profile(self.loaded)
        return cache(lambda profile: _pickle_laws(program_under(profile)))

    def _program_by_profile(self, loaded: Loaded) -> ProgramByProfile:
        """Return a function that gives the program of a model under a profile, or of the model as it is read."""
        compiled = calibrated_compiler(loaded.as_written().model, self.target, Plan(_ANCHOR_TRIALS, self.settings.seed))
        return cache(lambda profile: compiled((loaded if profile is None else loaded.with_profile(profile)).model))


ProgramByProfile = Callable[[str | None], Program]
"""Gives the program of a model under a profile, or as the model is read."""


def _pickle_laws(program: Program) -> dict[str, bytes]:
    """By node all that its draws depend on, beside the draws of the nodes that it reads, as bytes to compare."""
    laws = {name: pickle.dumps(node) for name, node in program.nodes.items()}
    return {**laws, OUTCOME: laws[OUTCOME] + pickle.dumps(dict(program.weights))}


def _depends_on(
    statement: ComparisonStatement, program_under: ProgramByProfile, nodes: Callable[[str | None], frozenset[str]]
) -> bool:
    """Whether what a statement is about depends on some nodes, in the program that it is read in."""
    return any(
        nodes(part.profile)
        & program_under(part.profile).upstream(atom.node for event in part.events() for atom in atoms(event))
        for part in distinct_probabilities(statement)
    )


def _anchor_target(itself: Loaded, program: Program, seed: int) -> AnchorShares | None:
    """What baselines are solved for, as in `MutantRunner.target`."""
    if not meets_anchor(itself, program):
        return None
    step = anchor_shares(itself.model).step
    return AnchorShares(
        scenario_shares(program, step, normalised_baselines(program), Plan(_ANCHOR_TRIALS, seed), map), step
    )


def _expectation_holds(statement: ComparisonStatement, estimator: ProbabilityEstimator) -> bool | None:
    try:
        verdict = answer_statement(statement, estimator, estimator.program.grid.labels).verdict
    except (ImpossibleEvidence, TooFewTrials):
        return None
    return verdict.holds if verdict else None
