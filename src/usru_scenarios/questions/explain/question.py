"""Why does a scenario come true, and what would have to be true for it?

Three answers: what each part of the model gives to it directly (`log_odds`), which states of the drivers go together
with it (`list_state_evidence`), and the likeliest story (`paths` finds a typical path, `narrative` words it).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from usru_scenarios.estimation.estimates import Estimate, ratio
from usru_scenarios.exact.inference import forecast
from usru_scenarios.language.text import parse_single_step
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.model.judgements import judgements
from usru_scenarios.model.schema import Model
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import ImpossibleEvidence, UsruError
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.events import All, Formula
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.questions.discretization import Discretization
from usru_scenarios.questions.explain.log_odds import LogOddsDecomposition, estimate_direct_shares
from usru_scenarios.questions.explain.narrative import PathDescriber
from usru_scenarios.questions.explain.paths import PathSampler, PathSums
from usru_scenarios.questions.explain.state_evidence import EvidenceSums, list_number_evidence, list_state_evidence
from usru_scenarios.questions.impossible import (
    is_impossible,
    too_few_trials_error,
    unmet_evidence_error,
    zero_probability_error,
)
from usru_scenarios.questions.probability import is_faster_exactly
from usru_scenarios.questions.run_description import describe_run
from usru_scenarios.questions.simulate.error_floors import LeastErrors, UnseenTrialBounds, raise_to_least_error
from usru_scenarios.questions.target import find_members
from usru_scenarios.questions.watch.exact_indicators import ExactIndicators, outcome_event
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.reading.register import Register
from usru_scenarios.results.common import Run, to_warned
from usru_scenarios.results.explain import DirectShares, Explanation, StateEvidence, Story
from usru_scenarios.sampler.blocks import MapBlocks, Plan
from usru_scenarios.settings import RunSettings
from usru_scenarios.source_text import SourceText
from usru_scenarios.work import listener_of


@dataclass(frozen=True)
class ExplainedScenario:
    """What is to be explained: a scenario or group, the scenarios that it means, and the step."""

    name: str
    members: tuple[int, ...]
    step: int


def parse_explained(question: str, program: Program) -> ExplainedScenario:
    """Read `SCENARIO` or `SCENARIO @ TIME`; without a time, the last step is meant.

    Raises:
        QueryError: there is no such scenario or group, or the time is not one step of the grid.
    """
    text = SourceText("explain", question)
    name, at, time = question.partition("@")
    place = len(name) - len(name.lstrip()), len(name.rstrip())
    members = find_members(name.strip(), program, text, place)
    step = program.steps - 1
    if at:
        start = len(question) - len(time.lstrip())
        span = start, max(len(question.rstrip()), start + 1)
        several, hint = ", and one is explained at a time", "write a step, such as @ end"
        step = parse_single_step(text, program.grid, several, hint, span=span)
    return ExplainedScenario(name.strip(), members, step)


def explain(
    loaded: Loaded,
    conditioned: Conditioned,
    question: str,
    settings: RunSettings,
    *,
    rare_exactly: bool = True,
    map_blocks: MapBlocks = map,
) -> Explanation:
    """Explain a scenario at a step.

    The question is `SCENARIO` or `SCENARIO @ TIME`, and answered of the trials in which the conditions hold. Where that
    is asked for, or `auto` would solve the model, or too few trials agree with what is given (with `rare_exactly`), the
    probability and what the states and numbers of the drivers tell are exact; the direct shares and the story are
    sampled always.

    Raises:
        QueryError: the question makes no sense in this model.
        ImpossibleEvidence: the scenario, or what is given, never comes true, or was not met.
        TooFewTrials: too few trials agree with what is given.
        exact.TooLarge, exact.NotExact: exact likelihoods were asked for that can't be had.
    """
    target = parse_explained(question, conditioned.base)
    return _Explainer(loaded, conditioned, target, settings, map_blocks).explanation(rare_exactly=rare_exactly)


class _Explainer:
    """One scenario at one step of one program, which is cut off after that step."""

    def __init__(
        self,
        loaded: Loaded,
        conditioned: Conditioned,
        target: ExplainedScenario,
        settings: RunSettings,
        map_blocks: MapBlocks,
    ) -> None:
        self.loaded = loaded
        self.conditioned = conditioned
        self.full_program = conditioned.program
        self.target = target
        self.settings = settings
        self.limits = settings.limits
        self.plan = Plan(settings.trials, settings.seed)
        self.observed_event = conditioned.observed_event
        self.map_blocks = map_blocks
        self.judged = {judged.path: judged for judged in judgements(loaded.model)}
        self.program = replace(self.full_program, grid=replace(self.full_program.grid, count=target.step + 1))
        self.decomposition = LogOddsDecomposition(self.model, self.program, target.members, self.judged)
        self.sampler = self._sampler()

    def _sampler(self) -> PathSampler:
        return PathSampler(
            self.program, frozenset(self.model.drivers), self.decomposition, self.plan, self.observed_event.parts
        )

    @property
    def model(self) -> Model:
        return self.loaded.model

    @property
    def step(self) -> str:
        return self.full_program.grid.labels[self.target.step]

    def explanation(self, *, rare_exactly: bool) -> Explanation:
        """Walk the trials and say what they say."""
        exact = self._exact_evidence_sums() if self._is_exact else None
        listener_of(self.map_blocks).expect(self.sampler.seconds_each, 2 * self.plan.blocks)  # the first two walks
        sums, enough = self._sample()
        if exact is None and not enough and rare_exactly:
            exact = self._exact_evidence_sums()
        if not enough and exact is None:
            raise self._nothing_to_explain_error(sums)
        note = self._find_note(enough=enough)
        states = self.program.outcome.states
        members = [states[member] for member in self.target.members]
        unseen = self._unseen_bounds(sums) if enough else None
        evidence = exact or replace(sums.evidence_sums, unseen=unseen)
        probability = ratio(evidence.true, evidence.trials)
        weights = sums.trials, sums.true
        direct: DirectShares | None = None
        if not note and unseen is not None:
            direct = estimate_direct_shares(self.decomposition, states, sums.part_sums, weights, unseen)
        state_evidence = list_state_evidence(self.model, self.sampler.readings, evidence, members, self.judged)
        story = self._story(sums)
        return Explanation(
            model=self.loaded.outline.model,
            run=self._run(sums),
            scenario=self.target.name,
            title=self.loaded.outline.title(self.target.name),
            step=self.step,
            probability=float(probability.value),
            standard_error=0.0 if exact else self._probability_error(probability, sums),
            direct=direct,
            states=state_evidence,
            numbers=list(list_number_evidence(self.model, evidence)),
            story=story,
            claims=(self.loaded.register or Register()).claim_texts(_cited_claims(direct, state_evidence, story)),
            note=note,
            exact=["probability", "states", "numbers"] if exact else [],
            warnings=[to_warned(problem) for problem in self.loaded.warnings],
        )

    def _probability_error(self, probability: Estimate, sums: PathSums) -> float:
        """The standard error of the sampled probability, with what was never drawn."""
        case = self._explained_event[1], self.conditioned.given
        return raise_to_least_error(
            float(probability.error), float(probability.value), case, self.full_program, sums.effective_trials
        )

    def _unseen_bounds(self, sums: PathSums) -> UnseenTrialBounds:
        """What was never drawn, in the weights of the trials that were."""
        trials, effective = float(sums.trials.sum()), sums.effective_trials
        least_errors = LeastErrors(self.full_program, effective, lambda _: np.zeros(()), self.observed_event.parts)
        return least_errors.unseen(self.target.members, self.target.step, trials / effective)

    def _story(self, sums: PathSums) -> Story | None:
        """A typical path, told; None where none of those drawn led there."""
        typical = self.sampler.find_typical(sums, self.map_blocks)
        if typical is None:
            return None
        path = self.sampler.record(typical)
        describer = PathDescriber(self.model, self.program, self.sampler.readings, self.judged, path)
        return describer.story(typical.agreement)

    # Trials ----------------------------------------------------------------------------------------------------------

    @property
    def _explained_event(self) -> tuple[str, Formula]:
        """What is explained, as it is written and as an event."""
        return f"{self.target.name} @ {self.step}", outcome_event(self.target.members, self.target.step)

    def _sample(self) -> tuple[PathSums, bool]:
        """The sums of the first walk, drawn on until enough trials agree with what is given, and whether they do."""

        def draw(trials: int) -> PathSums:
            self.plan = Plan(trials, self.plan.seed)
            self.sampler = self._sampler()
            return self.sampler.sums(self.map_blocks)

        _, sums, enough = self.limits.sample(
            draw, self.plan.trials, lambda: is_impossible(self.full_program, self.conditioned.evidence)
        )
        return sums, enough and bool(sums.true.any())

    def _find_note(self, *, enough: bool) -> str:
        """Why there are no direct shares; empty where there are."""
        if not enough:
            return f"The observations and what is explained hold together in too few of {self.plan.trials:,} trials."
        return "" if self.decomposition.parts else self.decomposition.reason_missing

    def _nothing_to_explain_error(self, sums: PathSums) -> UsruError:
        """The error for observations that too few trials agree with, or for nothing to explain among those that do."""
        evidence, effective, program = self.conditioned.evidence, sums.effective_trials, self.full_program
        if not sums.trials.any() or (effective < self.limits.least_effective and evidence):
            probability, what = ratio(sums.true, sums.trials), self._explained_event[0]
            return too_few_trials_error(program, evidence, self.plan, effective, chance=probability, what=what)
        error = unmet_evidence_error(self.full_program, [self._explained_event, *evidence], self.plan)
        return ImpossibleEvidence(f"there is nothing to explain: {error}")

    @property
    def _is_exact(self) -> bool:
        """Whether the model is to be solved, or `auto` does: method (41)."""
        if self.settings.method != "auto":
            return self.settings.method == "exact"
        return is_faster_exactly(self.full_program, given=self.conditioned.given)

    def _exact_evidence_sums(self) -> EvidenceSums | None:
        """The probability and what goes together with it, exactly; None where that takes long and isn't asked for.

        Raises:
            ImpossibleEvidence: what is given, or with it what is explained, has no probability.
            exact.TooLarge, exact.NotExact: it is asked for, and can't be had.
        """
        driver_readings = [reading for reading in self.sampler.readings if reading.node != OUTCOME]
        indicators = ExactIndicators(self.conditioned, self.target.step, self.target.step, driver_readings)
        if self.settings.method != "exact" and not indicators.is_light:
            return None
        future, joints = indicators.joint(listener_of(self.map_blocks))
        members = list(self.target.members)
        if not (probability := float(future[members].sum())):
            error = zero_probability_error(self.full_program, [self._explained_event, *self.conditioned.evidence])
            raise ImpossibleEvidence(f"there is nothing to explain: {error}")
        with_it = {
            reading.node: np.stack([joint.sum(axis=1), joint[:, members].sum(axis=1)])
            for reading, joint in zip(driver_readings, joints, strict=True)
        }
        nothing = np.zeros((2, len(self.program.outcome.states)))
        return EvidenceSums(
            trials=_as_two_batches(np.array(1.0)),
            true=_as_two_batches(np.array(min(probability, 1.0))),
            counts=[_as_two_batches(with_it.get(reading.node, nothing)) for reading in self.sampler.readings],
            totals=self._means(driver_readings, probability),
        )

    def _means(self, driver_readings: Sequence[Discretization], probability: float) -> dict[str, Floats]:
        """Of every numeric driver the mean, and the mean where it comes true times how likely that is."""
        numeric = [reading.node for reading in driver_readings if reading.is_numeric]
        if not numeric:
            return {}
        step, progress = self.target.step, listener_of(self.map_blocks)
        explained = All((self._explained_event[1], *self.observed_event.parts))
        overall, true = (
            forecast(self.full_program, given=given, progress=progress).values
            for given in (self.conditioned.given, explained)
        )
        means = {name: [overall[name].mean[step], true[name].mean[step] * probability] for name in numeric}
        return {name: _as_two_batches(np.array(pair)) for name, pair in means.items()}

    def _run(self, sums: PathSums) -> Run:
        trials, seed = self.plan.trials, self.plan.seed
        effective = float(trials) if self.conditioned.given is None else sums.effective_trials
        return describe_run(self.loaded.outline, self.conditioned, seed=seed, trials=trials, effective=effective)


def _as_two_batches(value: Floats) -> Floats:
    """A number known exactly, as the sums of two batches that do not differ."""
    return np.stack([value / 2, value / 2])


def _cited_claims(direct: DirectShares | None, states: Iterable[StateEvidence], story: Story | None) -> Iterator[str]:
    for part in direct.parts if direct else ():
        for cell in part.cells:
            yield from cell.sources
    for state in states:
        for points in state.points:
            yield from points.sources
    for moment in story.moments if story else ():
        for event in moment.events:
            yield from event.sources
        for rule in moment.rules:
            yield from rule.sources
        for change in moment.changes:
            for push in change.pushes:
                yield from push.sources
