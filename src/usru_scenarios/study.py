"""A model at hand, ready to be asked: the library's front door.

Every question imports what answers it when it is asked, for a command asks one and its start-up time counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from usru_scenarios.analysis.limits import (
    DEFAULT_JUDGEMENTS,
    DEFAULT_SEED,
    DEFAULT_TRIALS,
    MOST_JUDGEMENTS,
    SENSITIVITY_TRIALS,
    Method,
)

if TYPE_CHECKING:
    from usru_scenarios.analysis.compare import Variant
    from usru_scenarios.language.questions import Comparison as Statement
    from usru_scenarios.language.questions import Intervention, Observation, Probability
    from usru_scenarios.meaning.program import Program
    from usru_scenarios.reading.cache import Shelf
    from usru_scenarios.reading.loading import Loaded
    from usru_scenarios.reading.outline import Outline
    from usru_scenarios.results.answer import Answer
    from usru_scenarios.results.calibration import Calibration
    from usru_scenarios.results.check import CheckReport
    from usru_scenarios.results.comparison import Comparison
    from usru_scenarios.results.explanation import Explanation
    from usru_scenarios.results.forecast import Simulation
    from usru_scenarios.results.sensitivity import Question, Sensitivity
    from usru_scenarios.results.sweep import Sweep
    from usru_scenarios.results.watch import Watch
    from usru_scenarios.sampler.engine import MapBlocks

Part = TypeVar("Part")


@dataclass(frozen=True)
class Study:
    """A loaded model, with the questions that can be asked of it.

    Attributes:
        read: gives the model, its claims, its warnings and where it came from, once they are asked for.
        shelf: where what is made of the model is kept between runs, if it is.
    """

    read: Callable[[], Loaded]
    shelf: Shelf | None = None

    @cached_property
    def loaded(self) -> Loaded:
        """The model, its claims, its warnings and where it came from.

        Raises:
            ModelError, UnreadableInput: as for `load`, where the model was recalled and its file is another by now.
        """
        return self.read()

    @cached_property
    def outline(self) -> Outline:
        """What the model calls its parts."""
        return self._made("outline", lambda: self.loaded.outline)

    @cached_property
    def program(self) -> Program:
        """The model, compiled."""
        return self._made("program", lambda: _compiled(self.loaded))

    @cached_property
    def faster_exactly(self) -> bool:
        """Whether a forecast without conditions is predicted to take less time exactly than by sampling."""
        return self._made("faster exactly", lambda: _is_faster_exactly(self.program))

    def drawn(self, seed: int, draws: int) -> Program:
        """The model compiled with values of its uncertain judgements for as many draws."""
        return self._made(f"drawn {seed} {draws}", lambda: _drawn(self.loaded, seed, draws))

    def _made(self, part: str, make: Callable[[], Part]) -> Part:
        """What is made of the model; taken from the shelf where an earlier run put it there."""
        return make() if self.shelf is None else self.shelf.part(part, make)

    def draws(self, judgements: int | None, method: Method) -> int:
        """How many draws of the uncertain judgements an answer is to have: none where there are no such judgements.

        Raises:
            ValueError: a single draw, which has no band, or an absurd number.
        """
        if not self.outline.uncertain or method == "exact" or judgements == 0:
            return 0
        wanted = DEFAULT_JUDGEMENTS if judgements is None else judgements
        if not 2 <= wanted <= MOST_JUDGEMENTS:
            raise ValueError(f"a band takes 2 to {MOST_JUDGEMENTS} draws of the judgements")
        return wanted

    def under(self, profile: str) -> Program:
        """The program under a profile of the file.

        Raises:
            ModelError, RequestError: as for `load`.
        """
        if profile not in self._under:
            self._under[profile] = _compiled(self.loaded.under(profile))
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
        judgements: int | None = None,
        do: Sequence[str] = (),
        given: Sequence[str] = (),
        map_blocks: MapBlocks = map,
    ) -> Simulation:
        """How likely is each scenario, step by step?

        Args:
            trials: how many worlds to draw, at least 2; by default `DEFAULT_TRIALS`.
            seed: of the random streams; the same seed gives the same result, digit for digit.
            method: "exact", "sample", or "auto": exact where that is predicted to take less time than sampling to a
                standard error of .001, nothing is observed, no judgement is drawn, and no number of trials is asked
                for.
            judgements: how many draws of the uncertain judgements, at least 2, or 0 to take them at their means, as
                "exact" does; by default `DEFAULT_JUDGEMENTS`.
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
            from usru_scenarios.exact.inference import NotExact

            raise NotExact(
                "a whole forecast under observations is found by sampling only\n"
                "    = ask for single probabilities with 'usru ask', or leave --method to auto"
            )
        draws = self.draws(judgements, method)
        auto = method == "auto" and trials is None and not given and not draws
        faster = self.faster_exactly if auto and not do else auto and _is_faster_exactly(conditions.program)
        if method == "exact" or faster:
            from usru_scenarios.analysis.exactly import forecast_exactly

            return forecast_exactly(self.outline, self.program, seed=seed, do=conditions.imposed)
        from usru_scenarios.analysis.forecast import forecast

        return forecast(
            self.outline,
            self.drawn(seed, draws) if draws else self.program,
            trials=DEFAULT_TRIALS if trials is None else trials,
            seed=seed,
            judgements=draws,
            weights=self.program.weights,
            do=conditions.imposed,
            given=conditions.seen,
            map_blocks=map_blocks,
        )

    def _conditions(self, profile: str | None, do: tuple[str, ...], given: tuple[str, ...]) -> _Conditions:
        """Interventions and observations, read in the program of a profile; each where the ones before it hold."""
        program = self.program if profile is None else self.under(profile)
        if not do and not given:
            return _Conditions(program, [], [])
        from usru_scenarios.language.query import parse_assignment, parse_observation

        imposed = []
        for text in do:
            imposed.append(parse_assignment(text, self.outline, program))
            program = imposed[-1].on(program)
        return _Conditions(program, imposed, [parse_observation(text, self.outline, program) for text in given])

    def ask(
        self,
        query: str,
        *,
        trials: int | None = None,
        seed: int = DEFAULT_SEED,
        method: Method = "auto",
        judgements: int | None = None,
        do: Sequence[str] = (),
        given: Sequence[str] = (),
        map_blocks: MapBlocks = map,
    ) -> Answer:
        """How likely is this, if that? Answers a statement such as "P(reset @ end | do(sanctions=eased))".

        Args:
            query: a probability, arithmetic over probabilities, or comparisons of it.
            trials: of the first draws, where it is sampled; by default `DEFAULT_TRIALS`.
            seed: of the random streams.
            method: "exact", "sample", or "auto": exact where that is predicted to be the faster way, no judgement is
                drawn and no number of trials is asked for.
            judgements: as in `simulate`.
            do: as in `simulate`, for every probability in the query.
            given: as in `simulate`, for every probability in the query.
            map_blocks: as in `simulate`.

        Raises:
            QueryError: the query can't be understood.
            ImpossibleEvidence, TooFewDraws, TooLarge, NotExact: as in `simulate`.
        """
        from usru_scenarios.analysis.ask import Prober, answered
        from usru_scenarios.language.query import parse_statement
        from usru_scenarios.language.questions import conditioned

        @cache
        def conditions(profile: str | None) -> _Conditions:
            return self._conditions(profile, tuple(do), tuple(given))

        def further(probability: Probability) -> Probability:
            outside = conditions(probability.profile)
            return probability.further(outside.imposed, outside.seen)

        statement = parse_statement(
            query,
            self.outline,
            conditions(None).program,
            in_profile=lambda profile: conditions(profile).program,
        )
        draws = self.draws(judgements, method)
        sampled = method == "auto" and (trials is not None or draws > 0)
        prober = Prober(
            self.drawn(seed, draws) if draws else self.program,
            (lambda profile: _drawn(self.loaded.under(profile), seed, draws)) if draws else self.under,
            trials=DEFAULT_TRIALS if trials is None else trials,
            seed=seed,
            judgements=draws,
            method="sample" if sampled else method,
            map_blocks=map_blocks,
        )
        return answered(query, conditioned(statement, further), self.outline, prober, do=do, given=given)

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
        from usru_scenarios.analysis.explain import explain

        return explain(
            self.loaded,
            self.program,
            question,
            trials=DEFAULT_TRIALS if trials is None else trials,
            seed=seed,
            do=self._conditions(None, tuple(do), ()).imposed,
            map_blocks=map_blocks,
        )

    def watch(
        self,
        *,
        on: str | None = None,
        horizon: str | None = None,
        of: str | None = None,
        trials: int | None = None,
        seed: int = DEFAULT_SEED,
        do: Sequence[str] = (),
        given: Sequence[str] = (),
        map_blocks: MapBlocks = map,
    ) -> Watch:
        """Which sightings would move the forecast most, in expectation?

        Args:
            on: the step at which something is seen; by default a quarter of the way through.
            horizon: the step whose forecast moves, not before that; by default the last.
            of: the scenario or group that counts; by default all scenarios do.
            trials: how many worlds to draw, at least 2; by default `DEFAULT_TRIALS`.
            seed: of the random streams.
            do: interventions, as in `simulate`.
            given: observations, as in `simulate`: what has been seen already.
            map_blocks: as in `simulate`.

        Raises:
            QueryError: a time, a scenario, an intervention or an observation makes no sense in this model.
            ImpossibleEvidence: what is given can't happen.
            TooFewDraws: too few worlds agree with what is given.
        """
        from usru_scenarios.analysis.watch import parse_watch, watch

        conditions = self._conditions(None, tuple(do), tuple(given))
        return watch(
            self.loaded,
            conditions.program,
            parse_watch(self.program, on, horizon, of),
            trials=DEFAULT_TRIALS if trials is None else trials,
            seed=seed,
            do=conditions.imposed,
            given=conditions.seen,
            map_blocks=map_blocks,
        )

    def sensitivity(
        self,
        of: str | None = None,
        at: str | None = None,
        *,
        questions: Sequence[Question] | None = None,
        trials: int | None = None,
        seed: int = DEFAULT_SEED,
        do: Sequence[str] = (),
        map_blocks: MapBlocks = map,
    ) -> Sensitivity:
        """What matters: which driver's uncertainty, which driver moves it, which weight, which judgement?

        Args:
            of: a scenario or group; by default the whole distribution of scenarios.
            at: a step, or "mean" for the average over all; by default the last.
            questions: of "drivers", "moves", "weights" and "judgements"; by default all.
            trials: how many worlds to draw, at least 100; by default `SENSITIVITY_TRIALS`.
            seed: of the random streams.
            do: interventions, as in `simulate`.
            map_blocks: as in `simulate`.

        Raises:
            QueryError: what is asked about, the time or an intervention makes no sense in this model.
        """
        from usru_scenarios.analysis.sensitivity import sensitivity
        from usru_scenarios.results.sensitivity import QUESTIONS

        return sensitivity(
            self.loaded,
            self.program,
            of=of,
            at=at,
            questions=QUESTIONS if questions is None else questions,
            trials=SENSITIVITY_TRIALS if trials is None else trials,
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
        from usru_scenarios.analysis.check import FIRST_TRIALS, Checking

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

    def expectations(self) -> dict[str, Statement]:
        """The expectations of the file by name.

        Raises:
            ModelError: some can't be understood; with all of their faults.
        """
        from usru_scenarios.analysis.expectations import read_expectations
        from usru_scenarios.problems import ModelError

        statements, faults = read_expectations(self.loaded, self.program, self.under)
        if faults:
            raise ModelError(faults)
        return statements

    def varied(
        self,
        *,
        profile: str | None = None,
        weights: Mapping[str, float | str] | Sequence[str] = (),
        overrides: Mapping[str, object] | Sequence[str] = (),
    ) -> Study:
        """The same file under another profile or none, with other weights, and with values set besides; not read again.

        Args:
            profile: as for `load`.
            weights: as for `load`.
            overrides: as for `load`, besides those that the file is loaded with.

        Raises:
            ModelError, RequestError: as for `load`.
        """
        again = self.loaded.read_again(profile, _assignments(weights), _assignments(overrides))
        return Study(lambda: again)

    def compare(
        self,
        others: Mapping[str, Study],
        *,
        name: str = "as it is",
        do: Mapping[str, Sequence[str]] | None = None,
        switch: bool = True,
        trials: int | None = None,
        seed: int = DEFAULT_SEED,
        method: Method = "auto",
        judgements: int | None = None,
        map_blocks: MapBlocks = map,
    ) -> Comparison:
        """What is different in other models or under interventions, and what makes the difference?

        Args:
            others: by name, what this one is compared with: see `varied`; it may be this one itself.
            name: of this one.
            do: by name, the interventions on each: "DRIVER=STATE" or "DRIVER=STATE@TIME".
            switch: whether what differs is brought into this one piece by piece, to see how much each does.
            trials: of each, at least 2; by default `DEFAULT_TRIALS`.
            seed: of the random streams, which all have in common.
            method: as in `simulate`.
            judgements: as in `simulate`; what is brought in piece by piece has them at their means.
            map_blocks: as in `simulate`.

        Raises:
            QueryError: an intervention makes no sense.
            NotComparable: they have no scenario or no step in common.
            TooLarge, NotExact: as in `simulate`.
        """
        from usru_scenarios.analysis.compare import compare, program_of
        from usru_scenarios.analysis.inputs import differences

        imposed = do or {}
        draws = max(study.draws(judgements, method) for study in (self, *others.values()))
        variants = [self._variant(name, self.program, imposed, seed, draws)]
        for other, study in others.items():
            apart = differences(self.loaded.model, study.loaded.model)
            program = program_of(study.loaded.model, apart, self.program)
            variants.append(study._variant(other, program, imposed, seed, draws))  # noqa: SLF001  # a study as this one
        return compare(
            variants,
            trials=trials,
            seed=seed,
            judgements=draws,
            method="sample" if draws else self._found(method, trials, [one.program for one in variants]),
            switch=switch,
            map_blocks=map_blocks,
        )

    def sweep(
        self,
        variables: Sequence[str] | Mapping[str, Sequence[float]] | str,
        *,
        at: Sequence[str] = (),
        do: Sequence[str] = (),
        trials: int | None = None,
        seed: int = DEFAULT_SEED,
        method: Method = "auto",
        map_blocks: MapBlocks = map,
    ) -> Sweep:
        """How do the likelihoods move with one or two judgements?

        Args:
            variables: one or two texts such as "domestic_opposition=0..3" (a driver or rule, whose weight is meant),
                "drivers.sanctions.persistence=0.5..1:6" (a path) or "odds_per_point=1.2,1.5,2"; or values by name.
            at: the times at which scenarios are read: "mean" (the share of time), "start", "end" or a step; by default
                "mean" and "end".
            do: interventions, as in `simulate`.
            trials: of each point, at least 2; by default 16,384, and 4,096 with two variables.
            seed: of the random streams, which all points have in common.
            method: as in `simulate`.
            map_blocks: as in `simulate`.

        Raises:
            QueryError, RequestError: a variable, time or intervention makes no sense in this model.
            TooLarge, NotExact: as in `simulate`.
        """
        from usru_scenarios.analysis.sweep import sweep
        from usru_scenarios.language.variable import parse_variable

        if isinstance(variables, Mapping):
            variables = [f"{name}={','.join(map(repr, map(float, values)))}" for name, values in variables.items()]
        written = [variables] if isinstance(variables, str) else variables
        return sweep(
            [parse_variable(one) for one in written],
            self.outline,
            self.program,
            lambda: self.loaded,
            at=at,
            do=(conditions := self._conditions(None, tuple(do), ())).imposed,
            trials=trials,
            seed=seed,
            method=self._found(method, trials, [conditions.program]),
            map_blocks=map_blocks,
        )

    def _variant(self, name: str, program: Program, do: Mapping[str, Sequence[str]], seed: int, draws: int) -> Variant:
        from usru_scenarios.analysis.compare import Variant
        from usru_scenarios.language.query import parse_assignment

        imposed, base = [], program
        for text in do.get(name, ()):
            imposed.append(parse_assignment(text, self.outline, program))
            program = imposed[-1].on(program)
        return Variant(name, self.loaded, base, self.drawn(seed, draws) if draws else None, tuple(imposed))

    def _found(self, method: Method, trials: int | None, programs: Sequence[Program]) -> Method:
        """How several programs are run: exactly where that is asked for, or is predicted to be faster for each."""
        if method != "auto":
            return method
        from usru_scenarios.analysis.ask import faster_exactly

        return "exact" if trials is None and all(map(faster_exactly, programs)) else "sample"

    def calibrate(self, *, seed: int = DEFAULT_SEED, map_blocks: MapBlocks = map) -> Calibration:
        """Which baselines reproduce the anchor? Asked of the file without a profile and without other weights.

        Raises:
            NoAnchor: the model has none, or none that baselines can reproduce.
        """
        from usru_scenarios.analysis.calibrate import calibrate
        from usru_scenarios.meaning.compiling import compile_model

        itself = self.loaded.by_itself()
        return calibrate(itself, compile_model(itself.model), seed=seed, map_blocks=map_blocks)


def _compiled(loaded: Loaded) -> Program:
    from usru_scenarios.meaning.compiling import compile_model

    return compile_model(loaded.model)


def _drawn(loaded: Loaded, seed: int, draws: int) -> Program:
    from usru_scenarios.meaning.compiling import compile_model
    from usru_scenarios.meaning.drawing import Drawing

    drawing = Drawing(loaded.model, seed, draws)
    return replace(compile_model(loaded.model, drawing), controls=drawing.controls)


def _is_faster_exactly(program: Program) -> bool:
    from usru_scenarios.analysis.ask import faster_exactly

    return faster_exactly(program)


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
    study = Study(_Request(model, profile, _assignments(weights), _assignments(overrides), sourced_only))
    _ = study.loaded
    return study


def recalled(
    model: str | Path = "us-russia",
    *,
    profile: str | None = None,
    weights: Mapping[str, float | str] | Sequence[str] = (),
    overrides: Mapping[str, object] | Sequence[str] = (),
    sourced_only: bool = False,
) -> Study:
    """As `load`, but what an earlier run made of the same files is taken from the user's cache folder.

    Meant for commands that need no more than the program and the outline; anything else is read when it is asked for.
    """
    from usru_scenarios.reading.cache import Shelf
    from usru_scenarios.reading.finding import STANDARD_INPUT, found_file

    request = _Request(model, profile, _assignments(weights), _assignments(overrides), sourced_only)
    if model == STANDARD_INPUT:
        return Study(request)
    path, name = found_file(model)
    shelf = Shelf(str(path.absolute()), name, request)
    return Study(shelf.witnessing(request), shelf)


@dataclass(frozen=True)
class _Request:
    """What is asked of a file, in the form of the command line."""

    model: str | Path
    profile: str | None
    weights: tuple[str, ...]
    overrides: tuple[str, ...]
    sourced_only: bool

    def __call__(self) -> Loaded:
        from usru_scenarios.reading.loading import load

        return load(
            self.model,
            profile=self.profile,
            weights=self.weights,
            assignments=self.overrides,
            sourced_only=self.sourced_only,
        )


def _assignments(given: Mapping[str, object] | Sequence[str]) -> tuple[str, ...]:
    """Assignments as the command line writes them."""
    if isinstance(given, Mapping):
        return tuple(
            f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in given.items()
        )
    return tuple(given)
