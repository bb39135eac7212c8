"""A model at hand, ready to be asked: the library's front door."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from usru_scenarios.analysis.ask import Method, Prober, answered, faster_exactly
from usru_scenarios.analysis.calibrate import calibrate
from usru_scenarios.analysis.check import FIRST_TRIALS, Checking
from usru_scenarios.analysis.exactly import forecast_exactly
from usru_scenarios.analysis.expectations import read_expectations
from usru_scenarios.analysis.explain import explain
from usru_scenarios.analysis.forecast import DEFAULT_SEED, DEFAULT_TRIALS, forecast
from usru_scenarios.exact.inference import NotExact
from usru_scenarios.language.query import parse_assignment, parse_observation, parse_statement
from usru_scenarios.language.questions import Comparison, Intervention, Observation, Probability, conditioned
from usru_scenarios.meaning.program import Program, compile_model
from usru_scenarios.problems import ModelError
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.reading.loading import load as load_file
from usru_scenarios.results.answer import Answer
from usru_scenarios.results.calibration import Calibration
from usru_scenarios.results.check import CheckReport
from usru_scenarios.results.explanation import Explanation
from usru_scenarios.results.forecast import Simulation
from usru_scenarios.sampler.engine import MapBlocks


@dataclass(frozen=True)
class Study:
    """A loaded model, with the questions that can be asked of it.

    Attributes:
        loaded: the model, its claims, its warnings and where it came from.
    """

    loaded: Loaded

    @cached_property
    def program(self) -> Program:
        """The model, compiled."""
        return compile_model(self.loaded.model)

    def under(self, profile: str) -> Program:
        """The program under a profile of the file.

        Raises:
            ModelError, RequestError: as for `load`.
        """
        if profile not in self._under:
            self._under[profile] = compile_model(self.loaded.under(profile).model)
        return self._under[profile]

    @cached_property
    def _under(self) -> dict[str, Program]:
        return {}

    def simulate(
        self,
        *,
        trials: int | None = None,
        seed: int = DEFAULT_SEED,
        method: Method = "auto",
        do: Sequence[str] = (),
        given: Sequence[str] = (),
        map_blocks: MapBlocks = map,
    ) -> Simulation:
        """How likely is each scenario, step by step?

        Args:
            trials: how many worlds to draw, at least 2; by default `DEFAULT_TRIALS`.
            seed: of the random streams; the same seed gives the same result, digit for digit.
            method: "exact", "sample", or "auto": exact where that is predicted to take less time than sampling to a
                standard error of .001, nothing is observed, and no number of trials is asked for.
            do: interventions, "DRIVER=STATE" or "DRIVER=STATE@TIME".
            given: observations, "DRIVER=STATE@TIME".
            map_blocks: runs the blocks of trials; the default runs them one after another.

        Raises:
            QueryError: an intervention or observation makes no sense in this model.
            ImpossibleEvidence: what is given can't happen.
            TooFewDraws: too few worlds agree with what is given.
            TooLarge, NotExact: an exact forecast was asked for that can't be had.
        """
        conditions = self._conditions(None, tuple(do), tuple(given))
        if method == "exact" and given:
            raise NotExact(
                "a whole forecast under observations is found by sampling only\n"
                "    = ask for single probabilities with 'usru ask', or leave --method to auto"
            )
        auto = method == "auto" and trials is None and not given
        if method == "exact" or (auto and faster_exactly(conditions.program)):
            return forecast_exactly(self.loaded, self.program, seed=seed, do=conditions.imposed)
        return forecast(
            self.loaded,
            self.program,
            trials=DEFAULT_TRIALS if trials is None else trials,
            seed=seed,
            do=conditions.imposed,
            given=conditions.seen,
            map_blocks=map_blocks,
        )

    def _conditions(self, profile: str | None, do: tuple[str, ...], given: tuple[str, ...]) -> _Conditions:
        """Interventions and observations, read in the program of a profile; each where the ones before it hold."""
        program, imposed = self.program if profile is None else self.under(profile), []
        for text in do:
            imposed.append(parse_assignment(text, self.loaded.model, program))
            program = imposed[-1].on(program)
        return _Conditions(program, imposed, [parse_observation(text, self.loaded.model, program) for text in given])

    def ask(
        self,
        query: str,
        *,
        trials: int | None = None,
        seed: int = DEFAULT_SEED,
        method: Method = "auto",
        do: Sequence[str] = (),
        given: Sequence[str] = (),
        map_blocks: MapBlocks = map,
    ) -> Answer:
        """How likely is this, if that? Answers a statement such as "P(reset @ end | do(sanctions=eased))".

        Args:
            query: a probability, arithmetic over probabilities, or comparisons of it.
            trials: of the first draws, where it is sampled; by default `DEFAULT_TRIALS`.
            seed: of the random streams.
            method: "exact", "sample", or "auto": exact where that is predicted to be the faster way, and no number of
                trials is asked for.
            do: as in `simulate`, for every probability in the query.
            given: as in `simulate`, for every probability in the query.
            map_blocks: as in `simulate`.

        Raises:
            QueryError: the query can't be understood.
            ImpossibleEvidence, TooFewDraws, TooLarge, NotExact: as in `simulate`.
        """

        @cache
        def conditions(profile: str | None) -> _Conditions:
            return self._conditions(profile, tuple(do), tuple(given))

        def further(probability: Probability) -> Probability:
            outside = conditions(probability.profile)
            return probability.further(outside.imposed, outside.seen)

        statement = parse_statement(
            query,
            self.loaded.model,
            conditions(None).program,
            in_profile=lambda profile: conditions(profile).program,
        )
        prober = Prober(
            self.program,
            self.under,
            trials=DEFAULT_TRIALS if trials is None else trials,
            seed=seed,
            method="sample" if method == "auto" and trials is not None else method,
            map_blocks=map_blocks,
        )
        return answered(query, conditioned(statement, further), self.loaded, prober, do=do, given=given)

    def explain(
        self,
        question: str,
        *,
        trials: int | None = None,
        seed: int = DEFAULT_SEED,
        do: Sequence[str] = (),
        map_blocks: MapBlocks = map,
    ) -> Explanation:
        """Why does a scenario come true, and what would have to be true for it?

        Args:
            question: "SCENARIO" or "SCENARIO @ TIME", a scenario or group and one step; by default the last.
            trials: how many worlds to draw, at least 2; by default `DEFAULT_TRIALS`.
            seed: of the random streams.
            do: interventions, as in `simulate`.
            map_blocks: as in `simulate`.

        Raises:
            QueryError: the question or an intervention makes no sense in this model.
            ImpossibleEvidence: the scenario never comes true at that step.
        """
        return explain(
            self.loaded,
            self.program,
            question,
            trials=DEFAULT_TRIALS if trials is None else trials,
            seed=seed,
            do=self._conditions(None, tuple(do), ()).imposed,
            map_blocks=map_blocks,
        )

    def check(
        self,
        *,
        robust: int = 0,
        trials: int | None = None,
        seed: int = DEFAULT_SEED,
        method: Method = "auto",
        map_parts: MapBlocks = map,
    ) -> CheckReport:
        """Do the expectations of the file hold?

        Args:
            robust: in how many perturbed models to look besides (see `analysis.perturb`).
            trials: of the first draws, where it is sampled; more are made where an expectation is undecided.
            seed: of the random streams, and of the perturbed judgements.
            method: as in `ask`.
            map_parts: as `map`; goes through what is to be drawn.

        Raises:
            ModelError: an expectation can't be understood.
            TooLarge, NotExact: as in `simulate`.
        """
        return Checking(
            self.loaded,
            self.expectations(),
            self.program,
            self.under,
            trials=FIRST_TRIALS if trials is None else trials,
            seed=seed,
            method="sample" if method == "auto" and trials is not None else method,
            map_parts=map_parts,
        ).report(robust)

    def expectations(self) -> dict[str, Comparison]:
        """The expectations of the file by name.

        Raises:
            ModelError: some can't be understood; with all of their faults.
        """
        statements, faults = read_expectations(self.loaded, self.program, self.under)
        if faults:
            raise ModelError(faults)
        return statements

    def calibrate(self, *, seed: int = DEFAULT_SEED, map_blocks: MapBlocks = map) -> Calibration:
        """Which baselines reproduce the anchor? Asked of the file without a profile and without other weights.

        Raises:
            NoAnchor: the model has none, or none that baselines can reproduce.
        """
        itself = self.loaded.by_itself()
        return calibrate(itself, compile_model(itself.model), seed=seed, map_blocks=map_blocks)


@dataclass(frozen=True)
class _Conditions:
    """What is imposed and seen, and the program with what is imposed."""

    program: Program
    imposed: list[Intervention]
    seen: list[Observation]


def load(
    model: str | Path = "us-russia",
    *,
    profile: str | None = None,
    weights: Mapping[str, float | str] | Sequence[str] = (),
    overrides: Mapping[str, object] | Sequence[str] = (),
    sourced_only: bool = False,
) -> Study:
    """Load a model.

    Args:
        model: a path, "-" for standard input, or the id of a bundled model.
        profile: a profile of the file to apply.
        weights: by driver or rule, a number or "x1.7" to multiply; or texts "NAME=VALUE".
        overrides: by dotted path, any value of the file; or texts "PATH=VALUE".
        sourced_only: set points that cite no document's claim to 0.

    Raises:
        ModelError: the file has faults, all of which it lists.
        UnreadableInput: there is no such file or it can't be read.
    """
    loaded = load_file(
        model,
        profile=profile,
        weights=_assignments(weights),
        assignments=_assignments(overrides),
        sourced_only=sourced_only,
    )
    return Study(loaded)


def _assignments(given: Mapping[str, object] | Sequence[str]) -> tuple[str, ...]:
    """Assignments as the command line writes them."""
    if isinstance(given, Mapping):
        return tuple(
            f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in given.items()
        )
    return tuple(given)
