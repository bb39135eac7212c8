"""How likely is what a query asks about? Finds probabilities, exactly where it pays, else by sampling.

Probabilities that are sampled under one plan rest on common random numbers; each comes with its replicates, without
each batch of trials in turn, so that a statement about several knows how they move together: method (24).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import compress, islice
from operator import itemgetter
from typing import Any

import numpy as np

from usru_scenarios.estimation.bands import PerDraw
from usru_scenarios.estimation.estimates import Controls, rule_of_three_bound, sum_halves, with_control_variates
from usru_scenarios.estimation.jackknife import jackknife_error
from usru_scenarios.exact import inference as exact
from usru_scenarios.language.questions import Case, Probability
from usru_scenarios.light_dataclasses import dataclass, field, replace
from usru_scenarios.problems import ImpossibleEvidence, TooFewTrials, UsruError
from usru_scenarios.program.conditions import Intervention, apply_interventions
from usru_scenarios.program.events import All, Formula, Not, atoms, last_step
from usru_scenarios.program.program import CategoricalNode, Floats, Node, Program
from usru_scenarios.questions.simulate.error_floors import least_standard_error
from usru_scenarios.sampler.blocks import SECONDS_PER_DRAW, KernelCache, MapBlocks, Plan, TooMuchMemoryError
from usru_scenarios.sampler.likelihood_weighting import (
    CERTAIN,
    CaseSums,
    EventCase,
    carries_outcome,
    most_programs_together,
    sample,
    sample_together,
)
from usru_scenarios.settings import RunSettings
from usru_scenarios.work import Listener, listener_of

_ROUNDING = 1e-13
"""A probability that differs by no more between draws of the judgements does not depend on them: that is rounding."""

_ENOUGH_TRIALS = 1000.0
"""A case of an average with fewer effective trials is drawn again by itself, held to what was seen."""
_NEARLY_CERTAIN = 1e-6
"""Probabilities nearer to 1 are found from those of the opposite, which keep their digits."""
_MOST_CASES = 1024
"""Cases that are drawn together at most."""
_TRIALS_TO_COMPARE = 250_000
"""Trials that bring the standard error of a probability near one half to .001."""
_MOST_STATES = 1 << 14
"""With more joint states of the nodes than this, solving all draws of the judgements is not even planned."""
_TRIALS_FOR_BANDS = 1_000_000
"""Trials that bring that of the ends of a band there, about, where judgements are drawn."""


@dataclass(frozen=True)
class ProbabilityEstimate:
    """A probability that was found.

    Attributes:
        value: the estimate.
        replicates: shape (batches,), the estimate without each batch of trials, or each draw of the judgements where it
            is exact in each; None where it is exact altogether.
        draws: where judgements are drawn, the estimate in each draw: by all of its trials, by either half of them.
        least_error: by how much trials that were never drawn could change it; 0 where all trials must agree.
        question: equal for two only where they ask the same of the same laws.
        effective_trials: for how many unweighted trials those kept stand, at the least; None where it is exact.
        left_out: the steps at which what was seen is proven to be impossible.
        trials: asked for it, at first or when more were; 0 where it is exact.
        drawn: those that were drawn, which are as many for each draw of the judgements.
    """

    value: float
    replicates: Floats | None
    effective_trials: float | None
    left_out: tuple[int, ...] = ()
    trials: int = 0
    drawn: int = 0
    draws: PerDraw | None = None
    least_error: float = 0.0
    question: Hashable = None

    @property
    def sampling_error(self) -> float:
        """The standard error that follows from what was drawn."""
        return 0.0 if self.replicates is None else jackknife_error(self.replicates)

    @property
    def is_exact(self) -> bool:
        """Whether no trials were drawn for it."""
        return self.effective_trials is None

    @property
    def standard_error(self) -> float:
        """Of sampling, with what was never drawn."""
        return max(self.sampling_error, self.least_error)


Estimates = dict[Probability, ProbabilityEstimate]


def group_by_trials(probabilities: Iterable[Probability]) -> list[list[Probability]]:
    """Probabilities that can be found in the same trials: those of one program, unless something was seen."""
    groups: dict[object, list[Probability]] = {}
    for probability in dict.fromkeys(probabilities):
        plain = all(case.given is None for case in probability.cases)
        key: object = (probability.profile, probability.interventions) if plain else probability
        groups.setdefault(key, []).append(probability)
    return list(groups.values())


def is_faster_exactly(program: Program, events: Sequence[Formula] = (), *, given: Formula | None = None) -> bool:
    """Whether events, or without any a forecast, take less time exactly than by sampling, as predicted: method (41)."""
    nodes = {*(program.upstream(atom.node for event in events for atom in atoms(event)) if events else program.nodes)}
    trials = _TRIALS_FOR_BANDS if program.draws else _TRIALS_TO_COMPARE
    sampling_seconds = trials * len(nodes) * program.steps * SECONDS_PER_DRAW
    if given is not None:
        nodes |= program.upstream(atom.node for atom in atoms(given))
    if program.draws and math.prod(_count_states(program.nodes[name]) for name in nodes) > _MOST_STATES:
        return False
    try:
        cost = exact.predict_cost(program, events, given=given)
    except (exact.NotExact, exact.TooLarge):
        return False
    return exact.DEFAULT_BOUND.admits(cost) and cost.seconds <= sampling_seconds


def _count_states(node: Node) -> int:
    """How many states a node has; a number counts as more than are planned for."""
    return len(node.states) if isinstance(node, CategoricalNode) else _MOST_STATES + 1


@dataclass
class ProbabilityEstimator:
    """Finds probabilities in a model, each once.

    Attributes:
        program: the model as it stands, interventions of the command line included.
        in_profile: gives the program under a profile.
        settings: of the first draws; `auto` is exact where that is predicted to take less than sampling to an error of
            .001, and the programs have values for as many draws of the uncertain judgements as it says.
        map_blocks: as in `forecast.simulate`.
        rare_exactly: whether what too few of them agree with is found exactly then, where that can be had.
        kernels: compiled laws of the programs, and what walks of them have in common if that is kept.
        only_verdicts: whether verdicts alone are wanted, of few trials: errors may be larger than they need be where
            trials agree, since to look into what is possible takes longer, and nothing is kept by draw of the
            judgements.
    """

    program: Program
    in_profile: Callable[[str], Program]
    settings: RunSettings
    map_blocks: MapBlocks = map
    rare_exactly: bool = False
    kernels: KernelCache = field(default_factory=KernelCache)
    only_verdicts: bool = False
    _found: dict[tuple[Probability, int], ProbabilityEstimate] = field(default_factory=dict)

    def with_settings(self, **changes: Any) -> ProbabilityEstimator:
        """The same with some other settings, which knows what this one has found."""
        return replace(self, settings=replace(self.settings, **changes))

    def find(self, wanted: Iterable[Probability], trials: int | None = None) -> Estimates:
        """The probabilities asked for; those without observations in one model are drawn together.

        Raises:
            ImpossibleEvidence: what was seen can't happen.
            TooFewTrials: too few trials agree with what was seen.
            exact.TooLarge, exact.NotExact: an exact answer was asked for that can't be had.
        """
        count = self.settings.trials if trials is None else trials
        wanted = list(dict.fromkeys(wanted))
        missing = [probability for probability in wanted if (probability, count) not in self._found]
        for stack in self.stack_groups(missing, count):
            for group, sums in zip(stack, self._sums_of_stack(stack, count), strict=True):
                for probability, estimate in zip(group, self._estimate_group(group, count, sums), strict=True):
                    self._found[probability, count] = estimate
        return {probability: self._found[probability, count] for probability in wanted}

    def stack_groups(self, probabilities: Iterable[Probability], trials: int) -> list[list[list[Probability]]]:
        """Probabilities in groups that are found in the same trials, and the groups whose programs are walked together.

        That is for speed alone: each gets the digits that it gets by itself.
        """
        largest = most_programs_together(self._plan(trials))
        similar: dict[object, list[tuple[tuple[int, int], list[Probability]]]] = {}
        for group in group_by_trials(probabilities):
            program = self._program_for(group[0])
            cases = _cases(group)
            separate = largest == 1 or len(cases) > _MOST_CASES or any(case.given is not None for case in cases)
            key: object = tuple(group)
            if not separate and not self._is_solved_exactly(program, cases):
                key = group[0].profile, program.outcome, carries_outcome(program, map(_pair_of_case, cases))
            events = _events(cases)
            read_nodes = program.upstream(atom.node for event in events for atom in atoms(event))
            similar.setdefault(key, []).append(((max(map(last_step, events)), len(read_nodes)), group))
        stacks = []
        for groups in similar.values():
            ordered = [group for _, group in sorted(groups, key=itemgetter(0))]  # those of like size together
            stacks += [ordered[start : start + largest] for start in range(0, len(ordered), largest)]
        return stacks

    def _sums_of_stack(self, stack: Sequence[Sequence[Probability]], trials: int) -> Sequence[list[CaseSums] | None]:
        """The sums of the cases of each group of a stack of several; None where a group is drawn by itself."""
        if len(stack) == 1:
            return [None]
        programs = [(self._program_for(group[0]), list(map(_pair_of_case, _cases(group)))) for group in stack]
        try:
            return [_split_sums(sums) for sums in sample_together(programs, self._plan(trials), self.kernels)]
        except TooMuchMemoryError:
            return [None] * len(stack)

    def _plan(self, trials: int) -> Plan:
        return Plan.of(trials, self.settings.seed, self.settings.judgements)

    def draw_shared(self, statements: Iterable[Sequence[Probability]]) -> None:
        """Draw at once what the probabilities of several statements take of the first trials, each as if by itself.

        What is predicted to be faster exactly is left to `find`, as is what something was seen for: that may be rare.
        """
        shared: list[Probability] = []
        for probabilities in statements:
            unobserved = (each for each in probabilities if not (each.observed or each.known))
            for group in group_by_trials(unobserved):
                if not self._is_solved_exactly(self._program_for(group[0]), _cases(group)):
                    shared += group
        self.add_known(self.with_settings(method="sample").find(shared))

    def add_known(self, estimates: Mapping[Probability, ProbabilityEstimate]) -> None:
        """Take over what another one found with the same first draws."""
        for probability, estimate in estimates.items():
            self._found[probability, self.settings.trials] = estimate

    def require_exact(self, probabilities: Iterable[Probability]) -> None:
        """Find out whether all that is asked for can be had exactly, before any of it is computed.

        Raises:
            exact.TooLarge, exact.NotExact: some of it can't.
        """
        for group in group_by_trials(probabilities):
            exact.require_feasible(self._program_for(group[0]), _events(_cases(group)))

    def _program_for(self, probability: Probability) -> Program:
        """The program that a probability is read in: under its profile and its interventions."""
        program = self.program if probability.profile is None else self.in_profile(probability.profile)
        return apply_interventions(program, probability.interventions)

    def _estimate_group(
        self, group: Sequence[Probability], trials: int, known_sums: list[CaseSums] | None
    ) -> list[ProbabilityEstimate]:
        """Probabilities that are read in one program; `known_sums` are the sums of their cases if they are known."""
        program = self._program_for(group[0])

        def solve_exactly() -> list[ProbabilityEstimate]:
            return [_find_exactly(program, probability, listener_of(self.map_blocks)) for probability in group]

        if self._is_solved_exactly(program, _cases(group)):
            return solve_exactly()
        try:
            return self._sample_group(program, group, trials, known_sums)
        except (ImpossibleEvidence, TooFewTrials):
            if self.rare_exactly:  # and within the bound
                with suppress(exact.NotExact, exact.TooLarge):
                    return solve_exactly()
            raise

    def _is_solved_exactly(self, program: Program, cases: Sequence[Case]) -> bool:
        if self.settings.method != "auto":
            return self.settings.method == "exact"
        return is_faster_exactly(program, _events(cases))

    def _sample_group(
        self, program: Program, group: Sequence[Probability], trials: int, known_sums: list[CaseSums] | None
    ) -> list[ProbabilityEstimate]:
        first_trials = trials
        proven_impossible: dict[Case, bool] = {}

        def can_be_had(probability: Probability, case: Case, sums: CaseSums) -> bool:
            """Whether a case counts in the average: unless it is proven to be impossible, not merely not met."""
            if sums.given.any():
                return True
            if case not in proven_impossible:
                from usru_scenarios.questions.impossible import is_impossible

                proven_impossible[case] = is_impossible(program, list(probability.evidence(case)))
            return not proven_impossible[case]

        def run(trials: int) -> _SampledGroup:
            plan = self._plan(trials)
            known = known_sums if trials == first_trials else None
            sums = self._sums_of_cases(program, _cases(group), plan) if known is None else known
            estimates, rest = [], iter(sums)
            for probability in group:
                own = list(islice(rest, len(probability.cases)))
                counted = [can_be_had(probability, *each) for each in zip(probability.cases, own, strict=True)]
                estimate = _estimate(probability, own, counted, plan, program.controls, by_draw=not self.only_verdicts)
                estimate = replace(estimate, trials=trials, drawn=plan.trials)
                estimates.append(_with_least_error(program, probability, estimate, only_verdicts=self.only_verdicts))
            return _SampledGroup(plan, sums, estimates)

        def some_is_impossible() -> bool:
            return any(all(map(proven_impossible.get, probability.cases)) for probability in group)

        _, sampled, enough = self.settings.limits.sample(run, trials, some_is_impossible)
        if not enough:
            raise _too_few_trials_error(program, group[0], sampled)
        return sampled.estimates

    def _sums_of_cases(self, program: Program, cases: Sequence[Case], plan: Plan) -> list[CaseSums]:
        """The sums of each case; those that too few shared trials agree with are drawn by themselves: method (25)."""
        sums: list[CaseSums] = []
        for start in range(0, len(cases), _MOST_CASES):
            sums += self._sample_cases(program, list(map(_pair_of_case, cases[start : start + _MOST_CASES])), plan)
        if len(cases) > 1:
            for number, case in enumerate(cases):
                if case.given is not None and sums[number].effective_trials[0] < _ENOUGH_TRIALS:
                    sums[number] = sample(program, [_pair_of_case(case)], plan, self.map_blocks, self.kernels)
        return sums

    def _sample_cases(self, program: Program, pairs: Sequence[EventCase], plan: Plan) -> list[CaseSums]:
        """The sums of each case from the same trials; fewer cases at a time where memory is short."""
        try:
            return _split_sums(sample(program, pairs, plan, self.map_blocks, self.kernels))
        except TooMuchMemoryError:
            if len(pairs) == 1:
                raise
        middle = len(pairs) // 2
        halves = pairs[:middle], pairs[middle:]
        return [sums for half in halves for sums in self._sample_cases(program, half, plan)]


@dataclass(frozen=True)
class _SampledGroup:
    """Probabilities that were sampled together, and the sums of all their cases."""

    plan: Plan
    sums: list[CaseSums]
    estimates: list[ProbabilityEstimate]

    @property
    def effective_trials(self) -> float:
        """Of the one with the fewest."""
        return min(each.effective_trials or 0.0 for each in self.estimates)


def _too_few_trials_error(program: Program, probability: Probability, sampled: _SampledGroup) -> UsruError:
    """The error for a group of which `probability` is the first."""
    estimate = sampled.estimates[0]
    if not estimate.effective_trials:
        from usru_scenarios.questions.impossible import unmet_evidence_error

        pairs = zip(probability.cases, sampled.sums, strict=False)
        unmet = (case for case, own in pairs if not own.given.any() and (case.step or 0) not in estimate.left_out)
        case = next(unmet, probability.cases[0])
        at = f" at {program.grid.labels[case.step]}" if case.step is not None and len(probability.cases) > 1 else ""
        evidence = [(f"{text}{at}", event) for text, event in probability.evidence(case)]
        return unmet_evidence_error(program, evidence, sampled.plan)
    unnamed = [text for text in (*probability.observed, *probability.known) if text not in probability.text]
    what = f"{probability.text}, given {', '.join(unnamed)}" if unnamed else probability.text
    return TooFewTrials(estimate.effective_trials, estimate.value, estimate.standard_error, what)


def _cases(group: Iterable[Probability]) -> list[Case]:
    return [case for probability in group for case in probability.cases]


def _events(cases: Iterable[Case]) -> list[Formula]:
    """The events whose probabilities give some cases."""
    return [event for case in cases for event in _events_of_case(case)]


def _events_of_case(case: Case) -> list[Formula]:
    """The events whose probabilities give a case: with what was seen, and what was seen."""
    return [case.event] if case.given is None else [All((case.event, case.given)), case.given]


def _pair_of_case(case: Case) -> tuple[Formula, Formula]:
    return case.event, CERTAIN if case.given is None else case.given


def _split_sums(sums: CaseSums) -> list[CaseSums]:
    """The sums of each case by itself."""
    numbers = range(len(sums.squares))
    return [CaseSums(sums.joint[:, [n]], sums.given[:, [n]], sums.squares[[n]]) for n in numbers]


def _find_exactly(program: Program, probability: Probability, progress: Listener) -> ProbabilityEstimate:
    """A probability without sampling; where judgements are drawn, averaged over their draws."""
    events = [_events_of_case(case) for case in probability.cases]
    values = iter(exact.probabilities_by_draw(program, [event for pair in events for event in pair], progress=progress))
    chances: list[tuple[Floats, Floats]] = []
    left_out: list[int] = []
    for case, pair in zip(probability.cases, events, strict=True):
        both = next(values)
        given = next(values) if len(pair) == 2 else np.ones(len(both))
        if given.any():
            chances.append((_shares_by_draw(program, case, both, given, progress), given))
        else:
            left_out.append(case.step or 0)
    if not chances:
        from usru_scenarios.questions.impossible import zero_probability_error

        raise zero_probability_error(program, list(probability.evidence(probability.cases[0])))
    if program.draws:
        return _average_over_draws(chances, tuple(left_out), program)
    value = math.fsum(float(share[0]) for share, _ in chances) / len(chances)
    return ProbabilityEstimate(value, None, None, tuple(left_out))


def _shares_by_draw(program: Program, case: Case, both: Floats, given: Floats, progress: Listener) -> Floats:
    """The probability of a case in each draw, from those of its pair; 0 where nothing that was seen happens.

    Next to 1 it is told from what is left, by method (40), and may be 1 itself.
    """
    share: Floats = np.divide(both, given, out=np.zeros_like(both), where=given > 0.0)
    if float(both.sum() / given.sum()) < 1.0 - _NEARLY_CERTAIN:
        return np.minimum(share, 1.0)
    (opposite,) = exact.probabilities_by_draw(
        program, [_events_of_case(replace(case, event=Not(case.event)))[0]], progress=progress
    )
    rest: Floats = np.minimum(np.divide(opposite, given, out=np.ones_like(opposite), where=given > 0.0), 1.0)
    return 1.0 - rest


def _average_over_draws(
    chances: Sequence[tuple[Floats, Floats]], left_out: tuple[int, ...], program: Program
) -> ProbabilityEstimate:
    """The average over the draws of the judgements, of which each counts as what was seen is likely in it.

    `chances` are, for each case, its probability in each draw and that of what was seen, each of shape (draws,).
    """
    shares, weights = (np.stack(part, axis=1) for part in zip(*chances, strict=True))
    weighted = shares * weights
    halves = [np.repeat(sums / 2.0, 2, axis=0) for sums in (weighted, weights)]
    draws = PerDraw.of(halves[0], halves[1], program.controls)
    ranges = [float(np.ptp(share[weight > 0.0])) for share, weight in chances]
    if max(ranges) <= _ROUNDING:
        value = math.fsum(float(share[weight > 0.0][0]) for share, weight in chances) / len(chances)
        return ProbabilityEstimate(value, None, None, left_out, draws=draws)
    controlled = (with_control_variates(sums, program.controls) for sums in (weighted, weights))
    value, replicates = _with_replicates(*controlled)
    return ProbabilityEstimate(min(max(value, 0.0), 1.0), replicates, None, left_out, draws=draws)


def _estimate(
    probability: Probability,
    sums: Sequence[CaseSums],
    counted: Sequence[bool],
    plan: Plan,
    controls: Controls,
    *,
    by_draw: bool,
) -> ProbabilityEstimate:
    """The average over the cases that can be had, and its replicates; without effective trials where one is not met."""
    left_out = tuple(case.step or 0 for case, is_kept in zip(probability.cases, counted, strict=True) if not is_kept)
    kept = list(compress(sums, counted))
    if not all(own.given.any() for own in kept) or not kept:
        return ProbabilityEstimate(math.nan, np.zeros(2), 0.0, left_out)
    both = np.concatenate([own.joint for own in kept], axis=1)
    given = np.concatenate([own.given for own in kept], axis=1)
    draws = PerDraw.of(both, given, controls) if plan.judgements and by_draw else None
    if plan.judgements:
        both, given = (with_control_variates(sum_halves(sums), controls) for sums in (both, given))
    value, replicates = _with_replicates(both, given)
    effective = min(float(own.effective_trials[0]) for own in kept)
    return ProbabilityEstimate(value, replicates, effective, left_out, draws=draws)


def _with_replicates(both: Floats, given: Floats) -> tuple[float, Floats]:
    """The average of ratios of sums, and the same without each batch, shape (batches,): method (24, 25).

    Args:
        both: shape (batches, cases), of what is asked together with what was seen.
        given: the same of what was seen.
    """
    totals, given_totals = both.sum(axis=0), given.sum(axis=0)
    others = given_totals - given
    ratios = totals / given_totals
    replicates = np.divide(totals - both, others, out=np.broadcast_to(ratios, others.shape).copy(), where=others > 0)
    return float(ratios.mean()), replicates.mean(axis=1)


def _with_least_error(
    program: Program, probability: Probability, estimate: ProbabilityEstimate, *, only_verdicts: bool
) -> ProbabilityEstimate:
    """A sampled probability that knows by how much trials that were never drawn could change it, or at the most."""
    question = (probability.profile, _interventions_with_effect(program, probability), probability.cases)
    cases = [case for case in probability.cases if (case.step or 0) not in estimate.left_out]
    effective = estimate.effective_trials or 0.0
    least = float(rule_of_three_bound(effective)) * max(estimate.value, 1.0 - estimate.value)
    # if the error is larger, it is no constant, and what is possible need not be looked into
    if not only_verdicts and estimate.sampling_error < least:
        least = least_standard_error([(case.event, case.given) for case in cases], program, estimate.value, effective)
    return replace(estimate, least_error=least, question=question)


def _interventions_with_effect(
    program: Program, probability: Probability
) -> tuple[tuple[str, str | float, range], ...]:
    """The interventions that make a difference to what is asked, those alike that no node tells from each other."""
    if not probability.interventions:
        return ()
    asked_nodes = {atom.node for case in probability.cases for event in _events_of_case(case) for atom in atoms(event)}
    influential = program.influential_nodes(asked_nodes)

    def distinct_value(intervention: Intervention) -> str | float:
        to_the_end = intervention.steps.stop >= program.steps  # else it is left by a law that reads the state
        if intervention.node in asked_nodes or not to_the_end or not isinstance(intervention.value, str):
            return intervention.value
        return program.equivalent_state(intervention.node, intervention.value, influential)

    return tuple(
        (intervention.node, distinct_value(intervention), intervention.steps)
        for intervention in probability.interventions
        if intervention.node in influential
    )
