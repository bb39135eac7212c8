"""What to watch? The states whose observation at a date would move the forecast most, in expectation.

To sight is to observe, not to impose: a state that is seen tells of what brought it about as well as of what it brings
about. `indicators` draws the trials, `value_of_information` makes the estimates; here they become a list, with the
file's own words for what to look out for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import compress
from typing import Literal

import numpy as np

from usru_scenarios.estimation.estimates import Estimate, ratio, rule_of_three_bound
from usru_scenarios.language.text import parse_single_step
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.judgements import judgements
from usru_scenarios.model.outline import Outline
from usru_scenarios.model.schema import Categorical, Numeric, State
from usru_scenarios.names import OUTCOME, KeyPath
from usru_scenarios.problems import ImpossibleEvidence, TooFewTrials, list_choices
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.program import Program
from usru_scenarios.questions.difference_error_floors import SingleTrials, cover_unseen, mean_limits
from usru_scenarios.questions.discretization import Discretization, discretizations
from usru_scenarios.questions.evidence.items import LearnedItem
from usru_scenarios.questions.impossible import DrawnSums, is_impossible, too_few_trials_error
from usru_scenarios.questions.probability import is_faster_exactly
from usru_scenarios.questions.run_description import describe_run
from usru_scenarios.questions.simulate.error_floors import LeastErrors, extreme_distributions, raise_to_least_error
from usru_scenarios.questions.simulate.question import clip_probability, forecast_warnings
from usru_scenarios.questions.target import parse_target
from usru_scenarios.questions.watch.exact_indicators import ExactIndicators, exact_effects, outcome_event
from usru_scenarios.questions.watch.indicators import IndicatorSampler, IndicatorSums
from usru_scenarios.questions.watch.known import KnownByState, known_by_state
from usru_scenarios.questions.watch.value_of_information import (
    IndicatorEffects,
    JointSums,
    Sets,
    cover_unseen_trials,
    estimate_effects,
    sum_by_set,
)
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.reading.register import Register
from usru_scenarios.results.watch import (
    Expected,
    ExpectedShiftErrors,
    Indicator,
    IndicatorErrors,
    NodeErrors,
    Shifted,
    Watch,
    WatchedNode,
)
from usru_scenarios.sampler.blocks import MapBlocks, Plan
from usru_scenarios.settings import RunSettings, SampleLimits
from usru_scenarios.source_text import SourceText
from usru_scenarios.work import Listener, listener_of


@dataclass(frozen=True)
class WatchedNodes:
    """What is asked.

    Attributes:
        on: the step of the observation.
        horizon: the step whose forecast moves.
        of: the scenario or group that counts; None where all scenarios do.
        cells: sets of scenarios that share out all of them, as in `target.Target`.
    """

    on: int
    horizon: int
    of: str | None
    cells: tuple[tuple[int, ...], ...]


def parse_watch(program: Program, on: str | None, horizon: str | None, of: str | None) -> WatchedNodes:
    """Read what `--on`, `--for` and `--of` say.

    By default the observation is a quarter of the way through the steps (one year into four), or at the horizon where
    that is earlier; the horizon is the last step.

    Raises:
        QueryError: a time is not one step of the grid, the horizon is before the observation, or there is no such
            scenario or group.
    """
    last = program.steps - 1 if horizon is None else _parse_step(horizon, "--for", program)
    first = min(program.steps // 4, last) if on is None else _parse_step(on, "--on", program)
    if last < first:
        earlier, later = program.grid.labels[last], program.grid.labels[first]
        message = f"the forecast of {earlier} can't move by an observation at {later}, which is after it"
        place = SourceText("--for", horizon or "")
        raise place.error("time", message, 0, len(place.text), f"turned round: --on {earlier} --for {later}")
    target = parse_target(of, None, program)
    return WatchedNodes(first, last, target.name or None, target.cells)


def _parse_step(text: str, option: str, program: Program) -> int:
    labels = program.grid.labels
    return parse_single_step(
        SourceText(option, text),
        program.grid,
        ", and one is meant",
        list_choices(labels),
        near=("start", "end", *labels),
    )


def watch(
    loaded: Loaded,
    conditioned: Conditioned,
    question: WatchedNodes,
    settings: RunSettings,
    *,
    items: Sequence[LearnedItem] = (),
    rare_exactly: bool = True,
    map_blocks: MapBlocks = map,
) -> Watch:
    """Rank what may be seen by how far it is expected to move the forecast.

    More trials are drawn where too few of them agree with what is given (and, with `rare_exactly`, it is found exactly
    in the end); `auto` draws none where that is predicted to take longer than exact inference. `items` are those of an
    evidence file that is among what has been observed.

    Raises:
        ImpossibleEvidence: no trial agrees with what is given.
        TooFewTrials: too few trials do.
        exact.TooLarge, exact.NotExact: an exact answer was asked for that can't be had.
    """
    outline, program = loaded.outline, conditioned.program
    estimates = _estimate_nodes(outline, conditioned, question, settings, map_blocks, rare_exactly=rare_exactly)
    known = known_by_state(conditioned, items, [reading for reading, _ in estimates.effects])
    builder = _ReportBuilder(loaded, question, estimates, settings.limits, known)
    return Watch(
        model=outline.model,
        run=describe_run(
            outline, conditioned, seed=settings.seed, trials=estimates.trials, effective=estimates.effective_trials
        ),
        on=program.grid.labels[question.on],
        horizon=program.grid.labels[question.horizon],
        of=question.of,
        forecast=builder.forecast,
        indicators=builder.indicators,
        too_rare=builder.too_rare,
        nodes=builder.nodes,
        claims=(loaded.register or Register()).claim_texts(
            claim for indicator in builder.indicators for claim in indicator.sources
        ),
        warnings=forecast_warnings(outline, program),
    )


@dataclass(frozen=True)
class _NodeEstimates:
    """What was found of every node.

    Attributes:
        sets: the sets of scenarios that are reported, by name.
        before: of each set, before any observation.
        effects: each node as it is read, and what seeing its states would do.
        trials, effective_trials: as in `Run`.
    """

    sets: dict[str, tuple[int, ...]]
    before: Estimate
    effects: list[tuple[Discretization, IndicatorEffects]]
    trials: int
    effective_trials: float | None


def _estimate_nodes(
    outline: Outline,
    conditioned: Conditioned,
    question: WatchedNodes,
    settings: RunSettings,
    map_blocks: MapBlocks,
    *,
    rare_exactly: bool,
) -> _NodeEstimates:
    """Exactly where that is asked for, predicted to be faster by method (41), or too few trials agree; else sampled."""
    program, observed = conditioned.program, conditioned.observed_event
    states = program.outcome.states
    sets: dict[str, tuple[int, ...]] = {name: (states.index(name),) for name in outline.scenarios}
    if question.of is not None:
        sets.setdefault(question.of, question.cells[0])
    readings = discretizations(program, [name for name in program.model_nodes if name != OUTCOME])
    exactly = ExactIndicators(conditioned, question.on, question.horizon, readings)
    is_faster = settings.method == "auto" and is_faster_exactly(program, given=conditioned.given) and exactly.is_light
    if is_faster or settings.method == "exact":
        return _estimate_exactly(exactly, question, sets, listener_of(map_blocks))
    try:
        sampler, sums = _draw_sums(conditioned, question, settings, map_blocks)
    except (ImpossibleEvidence, TooFewTrials):
        if not rare_exactly or not exactly.is_light:
            raise
        return _estimate_exactly(exactly, question, sets, listener_of(map_blocks))
    columns, effective = list(sets.values()), sums.effective_trials
    least = LeastErrors(program, effective, lambda _: np.zeros(()), observed.parts)
    effects = [
        (reading, _node_effects(number, sampler, sums, question, columns=columns, least=least))
        for number, reading in enumerate(sampler.readings)
    ]
    forecast = ratio(sum_by_set(sums.future[0], columns), sums.weight)
    if conditioned.given is None:
        single = SingleTrials(lambda: program, columns, [question.horizon])
        forecast = cover_unseen(forecast, sampler.plan.trials, lambda: mean_limits(single.limits), [single])
    errors = []
    for members, value, error in zip(columns, forecast.value.tolist(), forecast.error.tolist(), strict=True):
        case = outcome_event(members, question.horizon), conditioned.given
        errors.append(raise_to_least_error(error, value, case, program, effective))
    forecast = Estimate(forecast.value, np.array(errors))
    return _NodeEstimates(sets, forecast, effects, sampler.plan.trials, effective)


def _node_effects(
    number: int,
    sampler: IndicatorSampler,
    sums: IndicatorSums,
    question: WatchedNodes,
    *,
    columns: Sets,
    least: LeastErrors,
) -> IndicatorEffects:
    """What seeing the states of a node would do, its number among those that are read."""
    reading, foresight = sampler.readings[number], sampler.foresight_of[number]
    counts = JointSums(sums.joint[number], sums.future[foresight], sums.weight)
    effects = estimate_effects(counts, sums.future[0], sums.seen_squares[number], columns, question.cells)
    future = counts.sum_by_set(question.cells)[1].sum(axis=0)
    limits = least.cell_limits(question.cells, question.horizon, drawn=bool(foresight))
    weight = float(rule_of_three_bound(sums.effective_trials) * future.sum())
    possible = reading.possible(least.support, question.on)
    kinds = weight * extreme_distributions(future / future.sum(), *limits)
    return cover_unseen_trials(effects, counts, question.cells, possible, kinds)


def _estimate_exactly(
    indicators: ExactIndicators, question: WatchedNodes, sets: dict[str, tuple[int, ...]], progress: Listener
) -> _NodeEstimates:
    future, joints = indicators.joint(progress)
    columns = list(sets.values())
    forecast = np.array([future[list(members)].sum() for members in columns])
    effects = [
        (reading, exact_effects(joint, future, columns, question.cells))
        for reading, joint in zip(indicators.readings, joints, strict=True)
    ]
    return _NodeEstimates(sets, Estimate(forecast, np.zeros_like(forecast)), effects, 0, None)


def _draw_sums(
    conditioned: Conditioned, question: WatchedNodes, settings: RunSettings, map_blocks: MapBlocks
) -> tuple[IndicatorSampler, IndicatorSums]:
    """The sums of a run, drawn on until enough trials agree with what is given."""
    program, seen = conditioned.program, conditioned.observed_event.parts

    def run(trials: int) -> DrawnSums[tuple[IndicatorSampler, IndicatorSums]]:
        plan = Plan(trials, settings.seed)
        sampler = IndicatorSampler(program, question.on, question.horizon, seen, plan)
        sums = sampler.sums(map_blocks)
        return DrawnSums(plan, (sampler, sums), sums.effective_trials)

    evidence = conditioned.evidence
    _, drawn, enough = settings.limits.sample(run, settings.trials, lambda: is_impossible(program, evidence))
    sampler, sums = drawn.sums
    if not enough:
        chance, what = ratio(sums.future[0][:, 0], sums.weight), program.outcome.states[0]
        raise too_few_trials_error(program, evidence, drawn.plan, drawn.effective_trials, chance=chance, what=what)
    return sampler, sums


class _ReportBuilder:
    """Puts estimates into the words of a file."""

    def __init__(
        self, loaded: Loaded, question: WatchedNodes, looked: _NodeEstimates, limits: SampleLimits, known: KnownByState
    ) -> None:
        self.model = loaded.model
        self.title = loaded.outline.title
        self.judged = list(judgements(loaded.model))
        self.question = question
        self.before = looked.before
        self.columns = list(looked.sets)
        self.effects = looked.effects
        self.limits = limits
        self.known = known

    @cached_property
    def forecast(self) -> dict[str, Expected]:
        """The scenarios in the order of the file, and what is asked about, before any observation."""
        before = self.before
        return {
            name: Expected(self.title(name), clip_probability(before.value[column]), float(error))
            for column, (name, error) in enumerate(zip(self.columns, before.error, strict=True))
        }

    @cached_property
    def indicators(self) -> list[Indicator]:
        """Every state that was seen often enough, the one of which most is to be expected first."""
        indicators = [
            self._indicator(reading, effects, code)
            for reading, effects in self.effects
            for code in range(len(reading.states))
            if effects.trials[code] >= self.limits.least_effective
        ]
        return sorted(indicators, key=_rank)

    @property
    def too_rare(self) -> list[str]:
        """The states that were seen, but not often enough."""
        return [
            f"{reading.node}={state}"
            for reading, effects in self.effects
            for state, trials in zip(reading.states, effects.trials, strict=True)
            if 0 < trials < self.limits.least_effective
        ]

    @property
    def nodes(self) -> list[WatchedNode]:
        """Every node, the one of which most is to be expected first."""
        nodes = [
            WatchedNode(
                node=reading.node,
                title=self._node(reading.node).title or reading.node,
                role=self._role(reading.node),
                expected_move=max(float(effects.node_move.value), 0.0),
                information=max(float(effects.information.value), 0.0),
                standard_errors=NodeErrors(float(effects.node_move.error), float(effects.information.error)),
            )
            for reading, effects in self.effects
        ]
        return sorted(nodes, key=_rank)

    def _node(self, name: str) -> Categorical | Numeric:
        return self.model.drivers.get(name) or self.model.consequences[name]

    def _role(self, name: str) -> Literal["driver", "consequence"]:
        return "driver" if name in self.model.drivers else "consequence"

    def _indicator(self, reading: Discretization, effects: IndicatorEffects, code: int) -> Indicator:
        node, state = self._node(reading.node), reading.states[code]
        part = node.states[state] if isinstance(node, Categorical) else None
        shifts = {}
        for column, name in enumerate(self.columns):
            seen, shift = effects.if_seen, effects.shift
            errors = ExpectedShiftErrors(float(seen.error[code, column]), float(shift.error[code, column]))
            shifts[name] = Shifted(float(seen.value[code, column]), float(shift.value[code, column]), errors)
        clear = list(compress(self.columns, effects.is_clear[code]))
        scenarios = [name for name in clear if name in self.model.scenarios]
        scenarios.sort(key=lambda name: shifts[name].shift)
        speaks_for = next((name for name in scenarios[-1:] if shifts[name].shift > 0), None)
        words, origin = self._signposts(part, speaks_for)
        return Indicator(
            node=reading.node,
            title=node.title or reading.node,
            role=self._role(reading.node),
            state=state,
            state_title=(part.title if part is not None else None) or state,
            probability=float(effects.probability.value[code]),
            expected_move=max(float(effects.move.value[code]), 0.0),
            distance=clip_probability(effects.distance.value[code]),
            standard_errors=IndicatorErrors(
                float(effects.probability.error[code]),
                float(effects.move.error[code]),
                float(effects.distance.error[code]),
            ),
            within_noise=not clear if self.question.of is None else self.question.of not in clear,
            speaks_for=speaks_for,
            speaks_against=next((name for name in scenarios[:1] if shifts[name].shift < 0), None),
            forecast=shifts,
            signposts=words,
            signposts_of=origin,
            sources=list(self._sources(reading.node, state, part)),
            known=self.known.get((reading.node, state), []),
        )

    def _signposts(
        self, part: State | None, speaks_for: str | None
    ) -> tuple[list[str], Literal["state", "scenario"] | None]:
        """By what one knows a state, or else the scenario that it speaks for."""
        if part is not None and part.signposts:
            return list(part.signposts), "state"
        if speaks_for is not None and (texts := self.model.scenarios[speaks_for].signposts):
            return list(texts), "scenario"
        return [], None

    def _sources(self, name: str, state: str, part: State | None) -> Iterable[str]:
        """The claims that a state's own numbers rest on, each once; those of its node where it has none."""
        node = self._node(name)
        claims = list(part.sources or ()) if part is not None else []
        for judged in self.judged:
            if judged.path[1:2] == (name,) and _is_about_state(judged.path, None if part is None else state):
                claims += judged.sources
        return dict.fromkeys(claims or (node.sources or ()))


def _rank(ranked: Indicator | WatchedNode) -> float:
    """Most first; two that differ by the rounding of sums alone, as both states of a node do, keep their order."""
    return -round(ranked.expected_move, 12)


def _is_about_state(path: KeyPath, state: str | None) -> bool:
    """Whether a number of a node is about a state: its prior, what it gives to the scenarios, a consequence's points.

    Without a state, the node is a number, and what it gives along its scale counts.
    """
    if state is None:
        return path[2:3] in (("distribution",), ("impacts",))
    return path[2:4] in (("states", state), ("impacts", state)) or (path[0] == "consequences" and path[-1] == state)
