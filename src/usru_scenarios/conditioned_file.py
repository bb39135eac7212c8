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
from usru_scenarios.settings import ArgumentError, Method, RunSettings, check_text, check_texts, format_value
from usru_scenarios.source_text import SourceText
from usru_scenarios.work import listener_of

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

Answered = TypeVar(
    "Answered", "CheckReport", "Comparison", "Explanation", "Sensitivity", "Simulation", "Sweep", "Watch"
)


@dataclass(frozen=True)
class ConditionedFile(CompiledFile):
    """A compiled file with what answers questions about it under conditions."""

    def _read_conditions(self, do: Sequence[str], given: Sequence[str] = (), profile: str | None = None) -> Conditioned:
        """Interventions and observations, read in the program of a profile; each where the ones before it hold."""
        do, given = check_texts("do", do, "sanctions=eased"), check_texts("given", given, "sanctions=eased@end")
        program = self.program if profile is None else self.under(profile)
        return self._apply_conditions(program, do, given)

    def _apply_conditions(self, program: Program, do: Sequence[str], given: Sequence[str] = ()) -> Conditioned:
        """A program under conditions as they are written, and under the evidence."""
        from usru_scenarios.program.conditions import Conditioned

        with_conditions = Conditioned(program)
        if do or given:
            from usru_scenarios.language.query import parse_assignment, parse_observation

            for text in do:
                intervention = parse_assignment(text, self.outline, with_conditions.program)
                with_conditions = replace(with_conditions, interventions=(*with_conditions.interventions, intervention))
            observations = tuple(parse_observation(text, self.outline, with_conditions.program) for text in given)
            with_conditions = replace(with_conditions, observations=observations)
        if self.evidence is not None:
            observations = (*with_conditions.observations, *self.evidence.observations(program, self.outline))
            with_conditions = replace(with_conditions, observations=observations)
        return with_conditions

    def _query_run(
        self, settings: RunSettings, method: Method, do: Sequence[str], given: Sequence[str], map_blocks: MapBlocks
    ) -> QueryRun:
        """What answers queries, with the conditions that hold for all of them as they are written."""
        from usru_scenarios.questions.ask import QueryRun
        from usru_scenarios.questions.probability import ProbabilityEstimator

        program, program_under = self.programs(settings)
        estimator = ProbabilityEstimator(
            program,
            program_under,
            settings,
            map_blocks,
            rare_exactly=method != "sample",
            kernels=self._kernel_cache(settings),
        )
        return QueryRun(self.outline, estimator, self.program.weights, do, given)

    def _query_reader(self, do: Sequence[str], given: Sequence[str]) -> Callable[[str | SourceText], Asked]:
        """Return a function that reads a query and adds conditions to every probability in it."""
        from usru_scenarios.language.query import parse_statement
        from usru_scenarios.language.questions import with_conditions

        conditions_under = self._conditions_by_profile(do, given)
        add_conditions = self._condition_adder(conditions_under)

        def read(query: str | SourceText) -> Asked:
            text, source = (query.text, query.name) if isinstance(query, SourceText) else (query, "query")
            statement = parse_statement(
                check_text("query", text),
                self.outline,
                conditions_under(None).program,
                source=source,
                in_profile=lambda profile: conditions_under(profile).program,
            )
            return with_conditions(statement, add_conditions)

        return read

    def _read_statements(self, queries: object, do: Sequence[str], given: Sequence[str]) -> list[tuple[str, Asked]]:
        """Several queries, each as it is written and as it is read under conditions.

        Raises:
            ArgumentError: they are no list.
            RequestError: some can't be understood; with the faults of all.
        """
        from usru_scenarios.problems import QueryError, RequestError

        if not isinstance(queries, Iterable) or isinstance(queries, str | bytes | Mapping):
            message = f"queries takes a list of texts, not {format_value(queries)}"
            raise ArgumentError(message, 'such as ["P(reset @ end)"]')
        read = self._query_reader(do, given)
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

    def _conditions_by_profile(self, do: Sequence[str], given: Sequence[str]) -> Callable[[str | None], Conditioned]:
        """Return a function that reads the conditions in the program of a profile."""
        return cache(partial(self._read_conditions, do, given))

    @staticmethod
    def _condition_adder(conditions_under: Callable[[str | None], Conditioned]) -> Callable[[Probability], Probability]:
        """Return a function that adds conditions, read in the program of its profile, to those of a probability."""

        def add_conditions(probability: Probability) -> Probability:
            conditions = conditions_under(probability.profile)
            return probability.further(conditions.interventions, conditions.observations)

        return add_conditions

    @cached_property
    def is_faster_exactly(self) -> bool:
        """Whether a forecast without conditions is predicted to take less time exactly than by sampling."""
        return self._get_or_make("faster exactly", lambda: _is_faster_exactly(self.program))

    def _is_exact(self, settings: RunSettings, conditions: Conditioned) -> bool:
        """Whether a forecast under conditions is found exactly, method (41); not where it would not be at the means."""
        if settings.method != "auto":
            return settings.method == "exact"
        if conditions.interventions or conditions.observations:
            faster = _is_faster_exactly(conditions.program, conditions.given)
            if not faster or not settings.judgements:
                return faster
            return _is_faster_exactly(self._conditioned_program(settings, conditions), conditions.given)
        if not settings.judgements or not self.is_faster_exactly:
            return self.is_faster_exactly
        seed, draws = settings.seed, settings.judgements
        part = f"faster exactly in each draw {seed} {draws}"
        return self._get_or_make(part, lambda: _is_faster_exactly(self.drawn(seed, draws)))

    def _conditioned_program(self, settings: RunSettings, conditions: Conditioned) -> Program:
        """The program with what is imposed, and with the draws of the judgements if there are any."""
        return conditions.with_base(self.programs(settings)[0]).program if settings.judgements else conditions.program

    @staticmethod
    def _can_be_exact(program: Program, conditions: Conditioned) -> bool:
        """Whether a forecast under conditions can be had exactly at all."""
        from usru_scenarios.exact import inference as exact

        try:
            return exact.DEFAULT_BOUND.admits(exact.predict_cost(program, given=conditions.given))
        except exact.NotExact:
            return False

    def _forecast(
        self,
        settings: RunSettings,
        conditions: Conditioned,
        map_blocks: MapBlocks,
        *,
        rare_exactly: bool,
        consequences: bool = True,
    ) -> Simulation:
        """The forecast under conditions; exact where too few trials agree with them and `rare_exactly` says so."""
        if self._is_exact(settings, conditions):
            return self._forecast_exactly(settings, conditions, listener_of(map_blocks), consequences=consequences)
        from usru_scenarios.questions.simulate.question import sample_forecast

        has_conditions = bool(conditions.interventions or conditions.observations)
        try:
            return sample_forecast(
                self.outline,
                conditions.with_base(self.programs(settings)[0]),
                settings,
                weights=self.program.weights,
                support=None if has_conditions else partial(self._support, settings),
                kernels=self._kernel_cache(settings) if has_conditions else self._forecast_kernels(settings),
                map_blocks=map_blocks,
                consequences=consequences,
            )
        except (ImpossibleEvidence, TooFewTrials):
            if rare_exactly and self._can_be_exact(self._conditioned_program(settings, conditions), conditions):
                return self._forecast_exactly(settings, conditions, listener_of(map_blocks), consequences=consequences)
            raise

    def _forecast_exactly(
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

    def _answer_or_retry_exactly(
        self,
        answer: Callable[[RunSettings], Result],
        settings: RunSettings,
        method: Method,
        programs: Iterable[Conditioned],
    ) -> Result:
        """An answer; where too few trials agree with what is observed, exactly if it can be had and may be.

        Args:
            answer: gives it.
            settings: with the method that is tried first.
            method: that is asked for.
            programs: all that are to be solved.
        """
        try:
            return answer(settings)
        except (ImpossibleEvidence, TooFewTrials):
            if method == "sample" or not all(self._can_be_exact(item.program, item) for item in programs):
                raise
            return answer(replace(settings, method="exact"))

    def _attach_evidence(self, result: Answered) -> Answered:
        """A result with the evidence that it takes for given, and the warnings of that."""
        return result if self.evidence is None else _with_evidence(result, self.evidence)


def _with_evidence(result: Answered, evidence: Evidence) -> Answered:
    from usru_scenarios.results.common import to_warned

    warnings = [*result.warnings, *map(to_warned, evidence.warnings)]
    return replace(result, run=replace(result.run, evidence=evidence.summary), warnings=warnings)


def choose_method(settings: RunSettings, programs: Iterable[Conditioned]) -> RunSettings:
    """Settings with how several programs are run: exactly where that is faster for each by method (41).

    The programs are looked at in their order, up to the first one for which it is not.
    """
    if settings.method != "auto":
        return settings
    is_faster = all(_is_faster_exactly(with_conditions.program, with_conditions.given) for with_conditions in programs)
    return replace(settings, method="exact" if is_faster else "sample")


def _is_faster_exactly(program: Program, given: Formula | None = None) -> bool:
    from usru_scenarios.questions.probability import is_faster_exactly

    return is_faster_exactly(program, given=given)
