"""A compiled file under conditions: queries are read under them, and the engine is chosen that answers.

Conditions are what is imposed and observed as it is written, beside the evidence that a study knows of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from usru_scenarios.compiled_file import CompiledFile
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.problems import ImpossibleEvidence, Problem, TooFewTrials
from usru_scenarios.settings import ArgumentError, Method, RunSettings, shown, text, texts
from usru_scenarios.source_text import SourceText
from usru_scenarios.work import listener

if TYPE_CHECKING:
    from usru_scenarios.language.questions import Probability
    from usru_scenarios.language.questions import Statement as Asked
    from usru_scenarios.program.conditions import Conditioned
    from usru_scenarios.program.events import Formula
    from usru_scenarios.program.program import Program
    from usru_scenarios.questions.ask import QueryRun
    from usru_scenarios.questions.evidence.items import Evidence
    from usru_scenarios.results.check import CheckReport
    from usru_scenarios.results.compare import Comparison
    from usru_scenarios.results.explain import Explanation
    from usru_scenarios.results.sensitivity import Sensitivity
    from usru_scenarios.results.simulate import Simulation
    from usru_scenarios.results.sweep import Sweep
    from usru_scenarios.results.watch import Watch
    from usru_scenarios.sampler.blocks import MapBlocks
    from usru_scenarios.work import Listener

Result = TypeVar("Result")


Known = TypeVar("Known", "CheckReport", "Comparison", "Explanation", "Sensitivity", "Simulation", "Sweep", "Watch")


@dataclass(frozen=True)
class ConditionedFile(CompiledFile):
    """A compiled file with what answers questions about it under conditions."""

    def _conditions(self, profile: str | None, do: Sequence[str], given: Sequence[str] = ()) -> Conditioned:
        """Interventions and observations, read in the program of a profile; each where the ones before it hold."""
        do, given = texts("do", do, "sanctions=eased"), texts("given", given, "sanctions=eased@end")
        program = self.program if profile is None else self.under(profile)
        return self._conditioned(program, do, given)

    def _conditioned(self, base: Program, do: Sequence[str], given: Sequence[str] = ()) -> Conditioned:
        """A program under conditions as they are written."""
        from usru_scenarios.program.conditions import Conditioned

        under = Conditioned(base)
        if do or given:
            from usru_scenarios.language.query import parse_assignment, parse_observation

            for one in do:
                imposed = parse_assignment(one, self.outline, under.program)
                under = replace(under, interventions=(*under.interventions, imposed))
            observed = [parse_observation(one, self.outline, under.program) for one in given]
            under = replace(under, observations=tuple(observed))
        if self.evidence is not None:
            known = self.evidence.observations(base, self.outline)
            under = replace(under, observations=(*under.observations, *known))
        return under

    def _query_run(
        self, settings: RunSettings, method: Method, do: Sequence[str], given: Sequence[str], map_blocks: MapBlocks
    ) -> QueryRun:
        """What queries are asked of, under conditions as they are written."""
        from usru_scenarios.questions.ask import QueryRun
        from usru_scenarios.questions.probability import ProbabilityEstimator

        program, in_profile = self.programs(settings)
        kernels = self._kernels(settings)
        estimator = ProbabilityEstimator(
            program, in_profile, settings, map_blocks, rare_exactly=method != "sample", kernels=kernels
        )
        return QueryRun(self.outline, estimator, self.program.weights, do, given)

    def _reader(self, do: Sequence[str], given: Sequence[str]) -> Callable[[str | SourceText], Asked]:
        """What reads queries under conditions, which hold for every probability in them."""
        from usru_scenarios.language.query import parse_statement
        from usru_scenarios.language.questions import conditioned

        conditions = self._in_profiles(do, given)
        further = self._further(conditions)

        def read(query: str | SourceText) -> Asked:
            written, source = (query.text, query.name) if isinstance(query, SourceText) else (query, "query")
            statement = parse_statement(
                text("query", written),
                self.outline,
                conditions(None).program,
                source=source,
                in_profile=lambda profile: conditions(profile).program,
            )
            return conditioned(statement, further)

        return read

    def _statements(self, queries: object, do: Sequence[str], given: Sequence[str]) -> list[tuple[str, Asked]]:
        """Several queries, each as it is written and as it is read under conditions.

        Raises:
            ArgumentError: they are no list.
            RequestError: some can't be understood; with the faults of all.
        """
        from usru_scenarios.problems import QueryError, RequestError

        if not isinstance(queries, Iterable) or isinstance(queries, str | bytes | Mapping):
            raise ArgumentError(f"queries takes a list of texts, not {shown(queries)}", 'such as ["P(reset @ end)"]')
        read = self._reader(do, given)
        statements: list[tuple[str, Asked]] = []
        faults: list[Problem] = []
        for query in queries:
            try:
                statements.append((query.text.strip() if isinstance(query, SourceText) else query, read(query)))
            except QueryError as error:
                faults.append(error.problem)
        if faults:
            raise RequestError(faults)
        return statements

    def _in_profiles(self, do: Sequence[str], given: Sequence[str]) -> Callable[[str | None], Conditioned]:
        """What gives the conditions as they are read in the program of a profile."""
        return cache(lambda profile: self._conditions(profile, do, given))

    @staticmethod
    def _further(conditions: Callable[[str | None], Conditioned]) -> Callable[[Probability], Probability]:
        """What lays conditions on a probability, in the program of its profile, beside those that it has."""

        def further(probability: Probability) -> Probability:
            outside = conditions(probability.profile)
            return probability.further(outside.interventions, outside.observations)

        return further

    @cached_property
    def is_faster_exactly(self) -> bool:
        """Whether a forecast without conditions is predicted to take less time exactly than by sampling."""
        return self._made("faster exactly", lambda: _is_faster_exactly(self.program))

    def _is_exact(self, settings: RunSettings, conditions: Conditioned) -> bool:
        """Whether a forecast under conditions is found exactly, method (41); not where it would not be at the means."""
        if settings.method != "auto":
            return settings.method == "exact"
        if conditions.interventions or conditions.observations:
            settled = _is_faster_exactly(conditions.program, conditions.given)
            if not settled or not settings.judgements:
                return settled
            return _is_faster_exactly(self._whole(settings, conditions), conditions.given)
        return self.is_faster_exactly and (not settings.judgements or self._faster_in_draws(settings))

    def _faster_in_draws(self, settings: RunSettings) -> bool:
        """As `is_faster_exactly`, in each draw of the judgements."""
        seed, draws = settings.seed, settings.judgements
        part = f"faster exactly in each draw {seed} {draws}"
        return self._made(part, lambda: _is_faster_exactly(self.drawn(seed, draws)))

    def _whole(self, settings: RunSettings, conditions: Conditioned) -> Program:
        """The program with what is imposed, and with the draws of the judgements if there are any."""
        return conditions.with_base(self.programs(settings)[0]).program if settings.judgements else conditions.program

    @staticmethod
    def _solves(program: Program, conditions: Conditioned) -> bool:
        """Whether a forecast under conditions can be had exactly at all."""
        from usru_scenarios.exact import inference as exact

        try:
            return exact.DEFAULT_BOUND.admits(exact.cost(program, given=conditions.given))
        except exact.NotExact:
            return False

    def _simulated(
        self,
        settings: RunSettings,
        conditions: Conditioned,
        map_blocks: MapBlocks,
        *,
        rare_exactly: bool,
        consequences: bool = True,
    ) -> Simulation:
        """The forecast under conditions; exact after too few trials where that is wanted."""
        if self._is_exact(settings, conditions):
            return self._exactly(settings, conditions, listener(map_blocks), consequences=consequences)
        from usru_scenarios.questions.simulate.question import sample_forecast

        free = not conditions.interventions and not conditions.observations
        try:
            return sample_forecast(
                self.outline,
                conditions.with_base(self.programs(settings)[0]),
                settings,
                weights=self.program.weights,
                support=partial(self._support, settings) if free else None,
                kernels=(self._lasting_kernels if free else self._kernels)(settings),
                map_blocks=map_blocks,
                consequences=consequences,
            )
        except (ImpossibleEvidence, TooFewTrials):
            if rare_exactly and self._solves(self._whole(settings, conditions), conditions):
                return self._exactly(settings, conditions, listener(map_blocks), consequences=consequences)
            raise

    def _exactly(
        self, settings: RunSettings, conditions: Conditioned, progress: Listener, *, consequences: bool
    ) -> Simulation:
        from usru_scenarios.questions.simulate.exact import forecast_exactly

        return forecast_exactly(
            self.outline,
            conditions.with_base(self.programs(settings)[0]),
            seed=settings.seed,
            weights=self.program.weights,
            progress=progress,
            consequences=consequences,
        )

    def _else_exactly(
        self,
        found: Callable[[RunSettings], Result],
        settings: RunSettings,
        method: Method,
        conditioned: Iterable[Conditioned],
    ) -> Result:
        """An answer; where too few trials agree with what is observed, exactly if it can be had and may be.

        Args:
            found: gives it.
            settings: with the method that is tried first.
            method: that is asked for.
            conditioned: all that is to be solved.
        """
        try:
            return found(settings)
        except (ImpossibleEvidence, TooFewTrials):
            if method == "sample" or not all(self._solves(one.program, one) for one in conditioned):
                raise
            return found(replace(settings, method="exact"))

    def _knowing(self, found: Known) -> Known:
        """An answer with the evidence that it takes for given, and what is odd about that."""
        return found if self.evidence is None else _with_evidence(found, self.evidence)


def _with_evidence(found: Known, evidence: Evidence) -> Known:
    from usru_scenarios.results.common import to_warned

    warnings = [*found.warnings, *map(to_warned, evidence.warnings)]
    return replace(found, run=replace(found.run, evidence=evidence.used), warnings=warnings)


def with_method(settings: RunSettings, *stages: Sequence[Conditioned]) -> RunSettings:
    """Settings with how several programs are run: exactly where that is faster for each by method (41).

    Those of a stage are looked at only where it is so for all of the stages before.
    """
    if settings.method != "auto":
        return settings
    faster = all(all(_is_faster_exactly(one.program, one.given) for one in stage) for stage in stages)
    return replace(settings, method="exact" if faster else "sample")


def _is_faster_exactly(program: Program, given: Formula | None = None) -> bool:
    from usru_scenarios.questions.probability import is_faster_exactly

    return is_faster_exactly(program, given=given)
