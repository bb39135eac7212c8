"""A model at hand, ready to be asked: where the use from Python begins.

Every question imports what answers it when it is asked, for a command asks one and its start-up time counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING

from usru_scenarios.conditioned_file import ConditionedFile, choose_method
from usru_scenarios.described_file import DescribedFile
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.settings import (
    DEFAULT_MODEL,
    DEFAULT_SEED,
    LEAST_SENSITIVITY_TRIALS,
    MOST_MUTANTS,
    MOST_PERTURBED,
    SENSITIVITY_TRIALS,
    ArgumentError,
    Method,
    RunSettings,
    check_callable,
    check_flag,
    check_optional_text,
    check_text,
    check_texts,
    check_texts_by_name,
    check_whole_number,
    format_value,
)
from usru_scenarios.source_text import SourceText

if TYPE_CHECKING:
    from usru_scenarios.questions.compare import Variant
    from usru_scenarios.questions.page.question import PageData
    from usru_scenarios.reading.request import Request
    from usru_scenarios.results.ask import Answer, Answers
    from usru_scenarios.results.calibrate import Calibration
    from usru_scenarios.results.check import CheckReport
    from usru_scenarios.results.compare import Comparison
    from usru_scenarios.results.evidence import EvidenceReport
    from usru_scenarios.results.explain import Explanation
    from usru_scenarios.results.sensitivity import Question, Sensitivity
    from usru_scenarios.results.simulate import Simulation
    from usru_scenarios.results.sweep import Sweep
    from usru_scenarios.results.watch import Watch
    from usru_scenarios.sampler.blocks import MapBlocks


@dataclass(frozen=True, repr=False)
class Study(DescribedFile, ConditionedFile):
    """A loaded model, with the questions that can be asked of it; what it is made of is described at `CompiledFile`.

    Many arguments are those of several questions: what a question does not say of one is as `simulate` says it.
    """

    def __repr__(self) -> str:
        profile = "" if self.request.profile is None else f", profile {self.request.profile}"
        return f"<Study of {self.request.name}{profile}>"

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
        consequences: bool = True,
    ) -> Simulation:
        """How likely is each scenario, step by step?

        Args:
            trials: how many trials to draw, at least 2; by default `settings.DEFAULT_TRIALS`.
            seed: of the random streams; the same seed gives the same result, digit for digit.
            method: "exact", "sample", or "auto": exact where that is predicted to take less time than sampling to a
                standard error of .001, in all draws of the judgements together, and no number of trials is asked for;
                and where too few of these agree with what is given.
            judgements: how many draws of the uncertain judgements, at least 2, or 0 to take them at their means; by
                default `settings.DEFAULT_JUDGEMENTS`.
            do: interventions, "DRIVER=STATE" or "DRIVER=STATE@TIME".
            given: observations, "DRIVER=STATE@TIME".
            map_blocks: runs the blocks of trials; the default runs them one after another.
            consequences: whether the result has them; where it need not, those that nothing else reads are not drawn.

        Raises:
            ArgumentError: an argument makes no sense, whatever the model; a ValueError. So does every other question.
            QueryError: an intervention or observation makes no sense in this model.
            ImpossibleEvidence: what is given can't happen.
            TooFewTrials: too few trials agree with what is given.
            TooLarge, NotExact: an exact forecast was asked for that can't be had.
        """
        settings = self.settled(RunSettings.from_arguments(trials, seed, method, judgements))
        check_callable("map_blocks", map_blocks)
        consequences = check_flag("consequences", consequences)
        conditions = self._read_conditions(do, given)
        rare_exactly = method != "sample"
        result = self._forecast(settings, conditions, map_blocks, rare_exactly=rare_exactly, consequences=consequences)
        if self.evidence is None:
            return result
        from usru_scenarios.questions.evidence.chances import with_ahead

        conditioned = conditions.with_base(self.programs(settings)[0])
        return self._attach_evidence(with_ahead(result, conditioned, self.evidence.now, settings, map_blocks))

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
            trials: of the first draws, where it is sampled; by default `settings.DEFAULT_TRIALS`.
            method: "exact", "sample", or "auto": exact where that is predicted to be the faster way, in all draws of
                the judgements together, and no number of trials is asked for.
            do: as in `simulate`, for every probability in the query.
            given: as in `simulate`, for every probability in the query.

        Raises:
            QueryError: the query can't be understood.
            ImpossibleEvidence, TooFewTrials, TooLarge, NotExact: as in `simulate`.
        """
        settings = self.settled(RunSettings.from_arguments(trials, seed, method, judgements))
        check_callable("map_blocks", map_blocks)
        from usru_scenarios.questions.ask import answer_query

        statement = self._query_reader(do, given)(check_text("query", query))
        return answer_query(query, statement, self._query_run(settings, method, do, given, map_blocks))

    def answers(
        self,
        queries: Sequence[str | SourceText],
        *,
        trials: int | None = None,
        seed: int = DEFAULT_SEED,
        method: Method = "auto",
        judgements: int | None = None,
        do: Sequence[str] = (),
        given: Sequence[str] = (),
        map_blocks: MapBlocks = map,
    ) -> Answers:
        """How likely is each of several things? As `ask` for each, but what can share trials is drawn together.

        Args:
            queries: as for `ask`; a text with a name of its own is called so in messages.

        Raises:
            RequestError: some queries can't be understood; with the faults of all.
            TooLarge, NotExact: as in `simulate`.
        """
        from usru_scenarios.questions.ask import answer_queries

        settings = self.settled(RunSettings.from_arguments(trials, seed, method, judgements))
        check_callable("map_blocks", map_blocks)
        statements = self._read_statements(queries, do, given)
        return answer_queries(statements, self._query_run(settings, method, do, given, map_blocks))

    def explain(
        self,
        question: str,
        *,
        trials: int | None = None,
        seed: int = DEFAULT_SEED,
        method: Method = "auto",
        do: Sequence[str] = (),
        given: Sequence[str] = (),
        map_blocks: MapBlocks = map,
    ) -> Explanation:
        """Why does a scenario come true, and what would have to be true for it?

        Args:
            question: "SCENARIO" or "SCENARIO @ TIME", a scenario or group and one step; by default the last.
            method: of the likelihoods, as in `simulate`; the direct shares and the story are sampled always.
            given: observations, as in `simulate`: it is explained in the trials in which they are made.

        Raises:
            QueryError: the question or an intervention makes no sense in this model.
            ImpossibleEvidence: the scenario never comes true at that step, or what is given can't happen.
            TooFewTrials, TooLarge, NotExact: as in `simulate`.
        """
        from usru_scenarios.questions.explain.question import explain

        settings = self.settled(RunSettings.from_arguments(trials, seed, method, judgements=0))
        check_callable("map_blocks", map_blocks)
        conditions, question = self._read_conditions(do, given), check_text("question", question)
        rare_exactly = method != "sample"
        result = explain(self.loaded, conditions, question, settings, rare_exactly=rare_exactly, map_blocks=map_blocks)
        return self._attach_evidence(result)

    def foresight(
        self,
        *,
        profiles: bool = True,
        trials: int | None = None,
        seed: int = DEFAULT_SEED,
        method: Method = "auto",
        judgements: int | None = None,
        map_blocks: MapBlocks = map,
    ) -> EvidenceReport:
        """How surprising was each item of the evidence (see `knowing`), what did it move, and who foresaw it best?

        Args:
            profiles: whether the profiles of the file are compared.
            trials: for each item, at least 2; by default 16,384.
            seed: of the random streams, which all have in common.

        Raises:
            ArgumentError: the study knows of no evidence.
            ImpossibleEvidence: an item can't happen, given those learned before it.
            TooFewTrials, TooLarge, NotExact: as in `simulate`.
        """
        from usru_scenarios.questions.evidence.question import EVIDENCE_TRIALS, evidence_report

        settings = self.settled(RunSettings.from_arguments(trials, seed, method, judgements, usual=EVIDENCE_TRIALS))
        check_callable("map_blocks", map_blocks)
        if self.evidence is None:
            raise ArgumentError("the study knows of no evidence", "study.knowing(FILE) does")
        program, program_under = self.programs(settings)
        names = self.outline.profiles if check_flag("profiles", profiles) and self.request.profile is None else ()
        return evidence_report(
            self.outline,
            self._apply_conditions(program, ()),
            self.evidence,
            settings,
            profiles={
                name: partial(lambda name: self._apply_conditions(program_under(name), ()), name) for name in names
            },
            weights=self.program.weights,
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
        method: Method = "auto",
        do: Sequence[str] = (),
        given: Sequence[str] = (),
        map_blocks: MapBlocks = map,
    ) -> Watch:
        """Which observations would move the forecast most, in expectation?

        Args:
            on: the step at which something is seen; by default a quarter of the way through.
            horizon: the step whose forecast moves, not before that; by default the last.
            of: the scenario or group that counts; by default all scenarios do.
            trials: how many trials to draw, at least 2; by default none where the model is solved exactly, and
                `settings.DEFAULT_TRIALS` elsewhere.
            given: observations, as in `simulate`: what has been seen already.

        Raises:
            QueryError: a time, a scenario, an intervention or an observation makes no sense in this model.
            ImpossibleEvidence: what is given can't happen.
            TooFewTrials, TooLarge, NotExact: as in `simulate`.
        """
        from usru_scenarios.questions.watch.question import parse_watch, watch

        settings = self.settled(RunSettings.from_arguments(trials, seed, method, judgements=0))
        check_callable("map_blocks", map_blocks)
        texts = [check_optional_text(name, value) for name, value in (("on", on), ("horizon", horizon), ("of", of))]
        conditions = self._read_conditions(do, given)
        result = watch(
            self.loaded,
            conditions,
            parse_watch(self.program, *texts),
            settings,
            items=() if self.evidence is None else self.evidence.items,
            rare_exactly=method != "sample",
            map_blocks=map_blocks,
        )
        return self._attach_evidence(result)

    def sensitivity(
        self,
        of: str | None = None,
        at: str | None = None,
        *,
        questions: Sequence[Question] | None = None,
        trials: int | None = None,
        seed: int = DEFAULT_SEED,
        method: Method = "auto",
        do: Sequence[str] = (),
        given: Sequence[str] = (),
        map_blocks: MapBlocks = map,
    ) -> Sensitivity:
        """What matters: which driver's uncertainty, which driver moves it, which weight, which judgement?

        Args:
            of: a scenario or group; by default the whole distribution of scenarios.
            at: a step, or "mean" for the average over all; by default the last.
            questions: of "drivers", "moves", "weights" and "judgements"; by default all.
            trials: how many trials to draw, at least 100; by default `settings.SENSITIVITY_TRIALS`.
            method: "sample", or "auto", which is the same here: what single trials tell is what it is found from.

        Raises:
            ArgumentError: an exact answer is asked for, which there is none of.
            QueryError: what is asked about, the time, an intervention or an observation makes no sense in this model.
            ImpossibleEvidence: what is given can't happen.
            TooFewTrials: too few trials agree with what is given.
        """
        from usru_scenarios.problems import list_choices, suggest_name
        from usru_scenarios.questions.program_edits import make_uncached
        from usru_scenarios.questions.sensitivity.perturbed_model import PerturbedModel
        from usru_scenarios.questions.sensitivity.question import sensitivity
        from usru_scenarios.results.sensitivity import QUESTIONS

        settings = RunSettings.from_arguments(
            trials, seed, method, judgements=0, usual=SENSITIVITY_TRIALS, least=LEAST_SENSITIVITY_TRIALS
        )
        if settings.method == "exact":
            message = "sensitivity has no exact method: it is found from what single trials tell"
            raise ArgumentError(message, "leave it out; simulate, compare and sweep have one")
        check_callable("map_blocks", map_blocks)
        names = check_texts("questions", QUESTIONS if questions is None else questions, "drivers")
        if unknown := [name for name in names if name not in QUESTIONS]:
            hint = suggest_name(unknown[0], QUESTIONS) or list_choices(QUESTIONS)
            raise ArgumentError(f"no question is called '{unknown[0]}'", hint)
        conditions = self._read_conditions(do, given)
        result = sensitivity(
            self.outline,
            PerturbedModel(lambda: self.loaded, self.program, self._get_or_make),
            conditions,
            self.settled(settings),
            of=check_optional_text("of", of),
            at=check_optional_text("at", at),
            questions=[name for name in QUESTIONS if name in names],
            map_blocks=map_blocks,
            keep=self._get_or_make if conditions.is_unconditional and self.evidence is None else make_uncached,
        )
        return self._attach_evidence(result)

    def check(
        self,
        *,
        robust: int = 0,
        mutants: int = 0,
        trials: int | None = None,
        seed: int = DEFAULT_SEED,
        method: Method = "auto",
        judgements: int | None = None,
        do: Sequence[str] = (),
        given: Sequence[str] = (),
        map_parts: MapBlocks = map,
    ) -> CheckReport:
        """Do the expectations of the file hold?

        Args:
            robust: in how many perturbed models to look besides (see `questions/perturbation.py`).
            mutants: how many mutants of the file to make besides, each with one thing changed, and to see which are
                noticed (see `questions/mutants`); a sample where there are more.
            trials: where it is sampled; fewer where that leaves no doubt, more where an expectation is undecided.
            seed: of the random streams, of the perturbed judgements, and of the sample of mutants.
            judgements: as in `simulate`; perturbed models and mutants have them at their means.
            do: as in `ask`, for every probability in an expectation; not with mutants.
            given: likewise.
            map_parts: as `map`; goes through what is to be drawn.

        Raises:
            ModelError: an expectation can't be understood.
            QueryError: an intervention or observation makes no sense in this model.
            TooLarge, NotExact: as in `simulate`.
        """
        from usru_scenarios.questions.check import FIRST_TRIALS, ExpectationChecker

        settings = self.settled(RunSettings.from_arguments(trials, seed, method, judgements, usual=FIRST_TRIALS))
        robust = check_whole_number("robust", robust, most=MOST_PERTURBED)
        check_callable("map_parts", map_parts)
        mutants = check_whole_number("mutants", mutants, most=MOST_MUTANTS)
        if mutants and (do or given or self.evidence is not None):
            message = "mutants are held against the expectations as the file has them, without do, given and evidence"
            raise ArgumentError(message, "leave out mutants, or the conditions")
        statements, (program, program_under) = self.expectations(), self.programs(settings)
        if do or given or self.evidence is not None:
            add_conditions = self._condition_adder(self._conditions_by_profile(do, given))
            statements = {name: statement.with_conditions(add_conditions) for name, statement in statements.items()}
        checker = ExpectationChecker(
            self.loaded,
            statements,
            program,
            program_under,
            settings,
            self.program.weights,
            map_parts,
            self._read_conditions(do, given).texts,
            None if self.evidence is None else self.evidence.with_reports,
        )
        report = self._attach_evidence(checker.report(robust))
        if not mutants:
            return report
        from usru_scenarios.questions.mutants.question import with_mutants

        return with_mutants(report, checker, mutants)

    def recalibrated(self) -> Study:
        """The same model with the baselines that its anchor asks for: what was set besides may have moved its shares.

        As in `calibrate` neither the profile nor weights from outside count. Baselines get no bands.

        Raises:
            NoAnchor: the model has none, or none that baselines can reproduce.
        """
        from usru_scenarios.reading.request import Assignment

        baselines = self.calibrate().baselines
        assignments = (Assignment(f"scenarios.{name}.baseline", value) for name, value in baselines.items())
        return self._with_request(replace(self.request, overrides=(*self.request.overrides, *assignments)))

    def compare(
        self,
        others: Mapping[str, Study],
        *,
        name: str = "as it is",
        do: Mapping[str, Sequence[str]] | None = None,
        given: Mapping[str, Sequence[str]] | None = None,
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
            given: by name, the observations of each: "DRIVER=STATE@TIME".
            switch: whether what differs is brought into this one piece by piece, to see how much each does.
            trials: of each, at least 2; by default `settings.DEFAULT_TRIALS`.
            seed: of the random streams, which all have in common.
            judgements: as in `simulate`; what is brought in piece by piece has them at their means.

        Raises:
            QueryError: an intervention or observation makes no sense.
            NotComparable: they have no scenario or no step in common.
            ImpossibleEvidence, TooFewTrials, TooLarge, NotExact: as in `simulate`.
        """
        from usru_scenarios.questions.compare import compare
        from usru_scenarios.questions.program_edits import make_uncached

        settings = RunSettings.from_arguments(trials, seed, method, judgements)
        _check_others(others, check_text("name", name))
        studies = {name: self, **others}
        do = check_texts_by_name("do", do, studies, "sanctions=eased")
        given = check_texts_by_name("given", given, studies, "sanctions=eased@end")
        switch = check_flag("switch", switch)
        check_callable("map_blocks", map_blocks)
        settings = max((study.settled(settings) for study in studies.values()), key=lambda settled: settled.judgements)
        variants = [
            study._variant(key, self, do.get(key, ()), given.get(key, ()), settings)  # noqa: SLF001  # as this one
            for key, study in studies.items()
        ]
        if not variants[0].conditioned.is_unconditional:
            variants = [replace(variant, keep=make_uncached) for variant in variants]
        drawn = [variant.on_draws for variant in variants]
        settings = choose_method(settings, [*(variant.conditioned for variant in variants), *drawn])
        answer = partial(compare, variants, switch=switch, map_blocks=map_blocks)
        return self._attach_evidence(self._answer_or_retry_exactly(answer, settings, method, drawn))

    def sweep(
        self,
        variables: Sequence[str] | Mapping[str, Sequence[float]] | str,
        *,
        at: Sequence[str] = (),
        do: Sequence[str] = (),
        given: Sequence[str] = (),
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
            given: observations, as in `simulate`, at every point.
            trials: of each point, at least 2; by default 16,384, and 4,096 with two variables.
            seed: of the random streams, which all points have in common.

        Raises:
            QueryError, RequestError: a variable, time, intervention or observation makes no sense in this model.
            ImpossibleEvidence, TooFewTrials, TooLarge, NotExact: as in `simulate`.
        """
        from usru_scenarios.language.variable import parse_variables
        from usru_scenarios.questions.sweep import GRID_TRIALS, SWEEP_TRIALS, sweep

        parsed = parse_variables(variables)
        usual = GRID_TRIALS if len(parsed) > 1 else SWEEP_TRIALS
        settings = RunSettings.from_arguments(trials, seed, method, judgements=0, usual=usual)
        check_callable("map_blocks", map_blocks)
        times = check_texts("at", at, "end")
        conditions = self._read_conditions(do, given)
        answer = partial(sweep, parsed, self.outline, conditions, lambda: self.loaded, at=times, map_blocks=map_blocks)
        settings = choose_method(settings, [conditions])
        return self._attach_evidence(self._answer_or_retry_exactly(answer, settings, method, [conditions]))

    def page(
        self,
        *,
        carried: int | None = None,
        trials: int | None = None,
        seed: int = DEFAULT_SEED,
        method: Method = "auto",
        judgements: int | None = None,
        do: Sequence[str] = (),
        map_blocks: MapBlocks = map,
    ) -> PageData:
        """What a page carries that answers "what if?" by itself: forecasts, laws and trials of file and profiles.

        Args:
            carried: how many trials a page carries of each of them; by default `CARRIED_TRIALS`.
            trials: of the forecasts, as in `simulate`.
            do: as in `simulate`; it holds in all that the page answers.

        Raises:
            RequestError: the outcome feeds back into its own causes, or an item of the evidence can't be carried.
            QueryError, ImpossibleEvidence, TooFewTrials, TooLarge, NotExact: as in `simulate`.
        """
        from usru_scenarios.questions.page.question import CARRIED_TRIALS, MOST_CARRIED, CarriedReading, page_data

        carried = CARRIED_TRIALS if carried is None else check_whole_number("carried", carried, most=MOST_CARRIED)
        settings = RunSettings.from_arguments(trials, seed, method, judgements)

        def reading(study: Study, title: str) -> CarriedReading:
            conditions = study._read_conditions(do)
            return CarriedReading(
                title,
                study.outline,
                study.sources(),
                study.simulate(
                    trials=trials, seed=seed, method=method, judgements=judgements, do=do, map_blocks=map_blocks
                ),
                lambda seed, draws: conditions.with_base(study.drawn(seed, draws) if draws else study.program),
            )

        def study_under(profile: str | None) -> Study:
            if profile == self.request.profile:
                return self
            request = replace(self.request, profile=profile)
            return Study(request, self.compile_cache, self.loaded.file, self.limits, self.evidence)

        own = study_under(None)
        profiles = [(profile.title or name, study_under(name)) for name, profile in self.loaded.model.profiles.items()]
        changed = [(title, study) for title, study in profiles if study.loaded.sha256 != own.loaded.sha256]
        readings = [reading(study, title) for title, study in [("", own), *changed]]
        return page_data(readings, self.request.profile, trials=carried, seed=settings.seed, evidence=self.evidence)

    def _variant(
        self, name: str, reference: Study, do: Sequence[str], given: Sequence[str], settings: RunSettings
    ) -> Variant:
        from usru_scenarios.compared_files import ComparedFiles
        from usru_scenarios.questions.compare import Variant
        from usru_scenarios.questions.program_edits import make_uncached

        files = ComparedFiles(reference, self)
        conditioned = self._apply_conditions(files.program, do, given)
        drawn = self.drawn(settings.seed, settings.judgements) if settings.judgements else None
        keep = files.get_or_make if conditioned.is_unconditional and not files.has_evidence else make_uncached
        return Variant(name, self.outline, conditioned, drawn, files.differences, files.edits, keep)

    def calibrate(self, *, seed: int = DEFAULT_SEED, map_blocks: MapBlocks = map) -> Calibration:
        """Which baselines reproduce the anchor? Asked of the file without a profile and without other weights.

        Raises:
            NoAnchor: the model has none, or none that baselines can reproduce.
        """
        from usru_scenarios.program.compilation import compile_model
        from usru_scenarios.questions.calibrate import TRIALS, calibrate

        settings = RunSettings.from_arguments(seed=seed, judgements=0, usual=TRIALS)
        check_callable("map_blocks", map_blocks)
        loaded = self.loaded.as_written()
        return calibrate(loaded, compile_model(loaded.model), settings, map_blocks=map_blocks)


def load(
    model: str | PathLike[str] = DEFAULT_MODEL,
    *,
    profile: str | None = None,
    weights: Mapping[str, float | str] | Sequence[str] = (),
    overrides: Mapping[str, object] | Sequence[str] = (),
    sourced_only: bool = False,
    recalibrate: bool = False,
    confined: bool = False,
) -> Study:
    """Load a model.

    Args:
        model: a path, "-" for standard input, or the id of a bundled model.
        profile: a profile of the file to apply.
        weights: by driver or rule, a number or "x1.7" to multiply; or texts "NAME=VALUE".
        overrides: by dotted path, any value of the file; or texts "PATH=VALUE".
        sourced_only: set points that cite no document's claim to 0.
        recalibrate: solve the baselines for the anchor again, as in `Study.recalibrated`.
        confined: read nothing outside of the folder of the model but what comes with the program: for files of others.

    Raises:
        ArgumentError: an argument is of a wrong type; a ValueError.
        ModelError: the file has faults, all of which it lists.
        NoAnchor: the baselines can't be solved again.
        RequestError: the file has no such profile, driver, rule or path.
        UnreadableInput: there is no such file or it can't be read.
    """
    from usru_scenarios.reading.request import Request

    study = Study(
        Request.of(
            model, profile=profile, weights=weights, overrides=overrides, sourced_only=sourced_only, confined=confined
        )
    )
    _ = study.loaded
    return study.recalibrated() if check_flag("recalibrate", recalibrate) else study


def load_cached(request: Request) -> Study:
    """As `load`, but what an earlier run made of the same files is taken from the user's cache folder.

    The outline is there when this returns, so that a file with faults has been refused; anything else is recalled or
    made when it is asked for.
    """
    from usru_scenarios.reading.cache import CompileCache
    from usru_scenarios.reading.files import is_rereadable

    path = request.path
    compile_cache = None
    if path is not None and is_rereadable(path):
        compile_cache = CompileCache(str(path.absolute()), request.name, request.confined)
    study = Study(request, compile_cache)
    _ = study.outline
    return study


def _check_others(others: object, name: str) -> None:
    """Refuse what is no map of studies by name, an empty one, and a study that is called as this one is."""
    if not isinstance(others, Mapping) or not all(isinstance(study, Study) for study in others.values()):
        raise ArgumentError(f"others takes studies by name, not {format_value(others)}", "such as {'eased': study}")
    for other in others:
        check_text("a key of others", other)
    if not others or name in others:
        why = f"has '{name}', which this study is called itself" if others else "is empty: there is nothing to compare"
        raise ArgumentError(f"others {why}", "give each a name of its own")
