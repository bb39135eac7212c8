"""A model at hand, ready to be asked: the library's front door."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from usru_scenarios.analysis.ask import Method, Prober, answered
from usru_scenarios.analysis.calibrate import calibrate
from usru_scenarios.analysis.forecast import DEFAULT_SEED, DEFAULT_TRIALS, forecast
from usru_scenarios.engine import MapBlocks
from usru_scenarios.loading import Loaded
from usru_scenarios.loading import load as load_file
from usru_scenarios.program import Program, compile_model
from usru_scenarios.query import parse_assignment, parse_observation, parse_statement
from usru_scenarios.questions import Intervention
from usru_scenarios.results import Answer, Calibration, Simulation


@dataclass(frozen=True)
class Study:
    """A loaded model, with the questions that can be asked of it.

    Attributes:
        loaded: the model, its claims, its warnings and where it came from.
        request: what it was loaded with, so that it can be loaded under another profile.
    """

    loaded: Loaded
    request: Request

    @cached_property
    def program(self) -> Program:
        """The model, compiled."""
        return compile_model(self.loaded.model)

    def under(self, profile: str) -> Program:
        """The program under a profile of the file."""
        return replace(self.request, profile=profile).load().program

    def simulate(
        self,
        *,
        trials: int = DEFAULT_TRIALS,
        seed: int = DEFAULT_SEED,
        do: Sequence[str] = (),
        given: Sequence[str] = (),
        map_blocks: MapBlocks = map,
    ) -> Simulation:
        """How likely is each scenario, step by step?

        Args:
            trials: how many worlds to draw, at least 2.
            seed: of the random streams; the same seed gives the same result, digit for digit.
            do: interventions, "DRIVER=STATE" or "DRIVER=STATE@TIME".
            given: observations, "DRIVER=STATE@TIME".
            map_blocks: runs the blocks of trials; the default runs them one after another.

        Raises:
            QueryError: an intervention or observation makes no sense in this model.
            ImpossibleEvidence: what is given can't happen.
            TooFewDraws: too few worlds agree with what is given.
        """
        program, interventions = self._imposed(do)
        return forecast(
            self.loaded,
            self.program,
            trials=trials,
            seed=seed,
            do=interventions,
            given=[parse_observation(text, self.loaded.model, program) for text in given],
            map_blocks=map_blocks,
        )

    def _imposed(self, do: Sequence[str]) -> tuple[Program, list[Intervention]]:
        """The program with interventions, and these; each is read where the ones before it hold."""
        program, interventions = self.program, []
        for text in do:
            interventions.append(parse_assignment(text, self.loaded.model, program))
            program = interventions[-1].on(program)
        return program, interventions

    def ask(
        self,
        query: str,
        *,
        trials: int = DEFAULT_TRIALS,
        seed: int = DEFAULT_SEED,
        method: Method = "auto",
        map_blocks: MapBlocks = map,
    ) -> Answer:
        """How likely is this, if that? Answers a statement such as "P(reset @ end | do(sanctions=eased))".

        Args:
            query: a probability, arithmetic over probabilities, or comparisons of it.
            trials: of the first draws, where it is sampled.
            seed: of the random streams.
            method: "exact", "sample", or "auto": exact where that is predicted to be the faster way.
            map_blocks: as in `simulate`.

        Raises:
            QueryError: the query can't be understood.
            ImpossibleEvidence, TooFewDraws: as in `simulate`.
        """
        statement = parse_statement(query, self.loaded.model, self.program, in_profile=self.under)
        return answered(query, statement, self.loaded, self._prober(trials, seed, method, map_blocks))

    def _prober(self, trials: int, seed: int, method: Method, map_blocks: MapBlocks) -> Prober:
        return Prober(self.program, self.under, trials=trials, seed=seed, method=method, map_blocks=map_blocks)

    def calibrate(self, *, seed: int = DEFAULT_SEED, map_blocks: MapBlocks = map) -> Calibration:
        """Which baselines reproduce the anchor?

        Raises:
            NoAnchor: the model has none, or none that baselines can reproduce.
        """
        return calibrate(self.loaded.model, self.program, seed=seed, map_blocks=map_blocks)


@dataclass(frozen=True)
class Request:
    """Which model to load, and how."""

    model: str | Path
    profile: str | None
    weights: tuple[str, ...]
    assignments: tuple[str, ...]
    sourced_only: bool

    def load(self) -> Study:
        """The study of the model.

        Raises:
            ModelError, UnreadableInput: as for `load`.
        """
        loaded = load_file(
            self.model,
            profile=self.profile,
            weights=self.weights,
            assignments=self.assignments,
            sourced_only=self.sourced_only,
        )
        return Study(loaded, self)


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
    return Request(model, profile, _assignments(weights), _assignments(overrides), sourced_only).load()


def _assignments(given: Mapping[str, object] | Sequence[str]) -> tuple[str, ...]:
    """Assignments as the command line writes them."""
    if isinstance(given, Mapping):
        return tuple(
            f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in given.items()
        )
    return tuple(given)
