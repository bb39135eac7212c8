"""Do the model's claims hold? Each expectation holds, fails or is undecided, with both sides and the margin.

All probabilities that can be found in the same worlds are drawn together, few worlds at first; what the sampling error
leaves undecided takes more, up to a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from usru_scenarios.analysis.ask import Found, Method, Outcome, Prober, answer, split, together
from usru_scenarios.analysis.calibrate import anchor_warning, anchored, solved, with_baselines
from usru_scenarios.analysis.forecast import DEFAULT_SEED, warned
from usru_scenarios.analysis.perturb import SPREADS, perturbed
from usru_scenarios.language.questions import Comparison, Probability, probabilities
from usru_scenarios.meaning.program import Floats, Program, compile_model
from usru_scenarios.model import Expectation
from usru_scenarios.problems import ImpossibleEvidence, TooFewDraws
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.results.check import CheckReport, ExpectationChecked, Perturbation
from usru_scenarios.results.run import ModelLine
from usru_scenarios.sampler.engine import MapBlocks, Plan

FIRST_TRIALS = 16_384
"""Trials of the first draws: most expectations are far from their bounds."""

MOST_TRIALS = 1 << 20
"""What is undecided after as many stays so."""

ROBUST_TRIALS = 4096
"""Trials in each perturbed model, where the estimates alone decide."""

_ANCHOR_TRIALS = 16_384


@dataclass(frozen=True)
class Checking:
    """A model with the expectations that it is held against.

    Attributes:
        loaded: the model.
        statements: its expectations by name.
        program: the model, compiled.
        in_profile: gives the program under a profile.
        trials, seed, method: as in `ask.Prober`.
        map_parts: as `map`; goes through what is to be drawn, and may show how far it is.
    """

    loaded: Loaded
    statements: Mapping[str, Comparison]
    program: Program
    in_profile: Callable[[str], Program]
    trials: int = FIRST_TRIALS
    seed: int = DEFAULT_SEED
    method: Method = "auto"
    map_parts: MapBlocks = map

    def report(self, robust: int = 0) -> CheckReport:
        """What the model says to each expectation, and in how many of `robust` perturbed models it holds.

        Raises:
            exact.TooLarge, exact.NotExact: an exact answer was asked for that can't be had.
            NoAnchor: the baselines of a perturbed model can't be solved for its anchor.
        """
        checked = self._checked()
        survey = Survey(self) if robust else None
        if survey is not None:
            held = list(self.map_parts(survey.held, range(robust)))
            for name, one in checked.items():
                checked[name] = replace(one, robust=sum(name in names for names in held))
        verdicts = [one.verdict for one in checked.values()]
        model = self.loaded.model
        return CheckReport(
            model=ModelLine(model.name, model.title, self.loaded.sha256),
            trials=self.trials,
            seed=self.seed,
            profile=self.loaded.profile,
            counts={verdict: verdicts.count(verdict) for verdict in ("holds", "fails", "undecided")},
            expectations=checked,
            perturbation=Perturbation(robust, ROBUST_TRIALS, SPREADS, survey.anchored) if survey else None,
            warnings=[warned(problem) for problem in self.loaded.warnings],
        )

    def _checked(self) -> dict[str, ExpectationChecked]:
        prober = Prober(self.program, self.in_profile, self.trials, self.seed, self.method)
        prober.most_trials = max(MOST_TRIALS, self.trials)
        groups = together(wanted(self.statements.values(), observed=False))

        def draw(number: int) -> None:
            prober.find(groups[number])

        for _ in self.map_parts(draw, range(len(groups))):
            pass
        expectations, names = self.loaded.model.expectations, list(self.statements)

        def judged(number: int) -> ExpectationChecked:
            name = names[number]
            return _checked(expectations[name], self.statements[name], prober)

        return dict(zip(names, self.map_parts(judged, range(len(names))), strict=True))


def wanted(statements: Iterable[Comparison], *, observed: bool) -> list[Probability]:
    """The probabilities that statements take, with or without those that are conditioned on observations."""
    return [
        part
        for statement in statements
        for probability in probabilities(statement)
        for part in split(probability)
        if observed or not part.observed
    ]


def _checked(expectation: Expectation, statement: Comparison, prober: Prober) -> ExpectationChecked:
    """What became of an expectation; evidence that never happens, or too rarely, leaves it undecided."""
    problem, outcome = None, None
    try:
        outcome = answer(statement, prober, prober.program.grid.labels)
    except (ImpossibleEvidence, TooFewDraws) as error:
        problem = str(error)
    return _told(expectation, outcome, problem)


def _told(expectation: Expectation, outcome: Outcome | None, problem: str | None) -> ExpectationChecked:
    verdict = outcome.verdict if outcome else None
    found = outcome.found.values() if outcome else ()
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
        method="exact" if found and all(one.replicates is None for one in found) else "sample",
        trials=max((one.trials for one in found), default=0),
        sources=list(expectation.sources or ()),
        problem=problem,
    )


class Survey:
    """Perturbed models, and which expectations hold in each."""

    def __init__(self, checking: Checking) -> None:
        self.checking = checking
        self.file = checking.loaded.by_itself()
        program = compile_model(self.file.model)
        self.anchored = self.file.model.anchor is not None and anchor_warning(self.file, program) is None
        """Whether baselines are solved anew; a file that misses its anchor has them moved like any other judgement."""

    def held(self, number: int) -> frozenset[str]:
        """The expectations that hold in a perturbed model, as the estimates say."""
        baselines = self._baselines(number) if self.anchored else None

        @cache
        def under(profile: str | None) -> Program:
            loaded = self.checking.loaded if profile is None else self.checking.loaded.under(profile)
            program = compile_model(perturbed(loaded.model, self.checking.seed, number))
            return program if baselines is None or not self._shared(loaded) else with_baselines(program, baselines)

        prober = Prober(under(None), under, ROBUST_TRIALS, self.checking.seed, "sample")
        statements = self.checking.statements
        prober.find(wanted(statements.values(), observed=False))
        return frozenset(name for name, statement in statements.items() if _holds(statement, prober))

    def _baselines(self, number: int) -> Floats:
        model = perturbed(self.file.model, self.checking.seed, number)
        program = compile_model(model)
        return solved(program, anchored(model, program), Plan(_ANCHOR_TRIALS, self.checking.seed))

    def _shared(self, loaded: Loaded) -> bool:
        """Whether a reading of the file has the file's own baselines."""
        return all(
            scenario.baseline == self.file.model.scenarios[name].baseline
            for name, scenario in loaded.model.scenarios.items()
            if name in self.file.model.scenarios
        )


def _holds(statement: Comparison, prober: Prober) -> bool:
    """Whether the estimates meet a statement; without an answer they do not."""
    try:
        found: dict[Probability, Found] = prober.find(wanted([statement], observed=True))
    except (ImpossibleEvidence, TooFewDraws):
        return False
    return bool(np.all(statement.holds(lambda probability: found[probability].value)))
