"""How likely is what a query asks about? Finds probabilities, exactly where it pays, else by sampling.

Probabilities that are sampled under one plan rest on common random numbers; each comes with its replicates, without
each batch of trials in turn, so that a statement about several knows how they move together: method (24).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress

import numpy as np

from usru_scenarios.estimation.bands import PerDraw
from usru_scenarios.estimation.estimates import Controls, over_draws, rule_of_three_bound, with_control_variates
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
from usru_scenarios.work import Listener, listener

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


def group_by_trials(wanted: Iterable[Probability]) -> list[list[Probability]]:
    """Probabilities that can be found in the same trials: those of one program, unless something was seen."""
    groups: dict[object, list[Probability]] = {}
    for probability in dict.fromkeys(wanted):
        plain = all(case.given is None for case in probability.cases)
        groups.setdefault((probability.profile, probability.interventions) if plain else probability, []).append(
            probability
        )
    return list(groups.values())


def is_faster_exactly(program: Program, events: Sequence[Formula] = (), *, given: Formula | None = None) -> bool:
    """Whether events, or without any a forecast, take less time exactly than by sampling, as predicted: method (41)."""
    asked = program.upstream(atom.node for event in events for atom in atoms(event)) if events else program.nodes
    trials = _TRIALS_FOR_BANDS if program.draws else _TRIALS_TO_COMPARE
    sampling = trials * len(asked) * program.steps * SECONDS_PER_DRAW
    read = {*asked, *program.upstream(atom.node for atom in atoms(given))} if given is not None else asked
    if program.draws and math.prod(_count_states(program.nodes[name]) for name in read) > _MOST_STATES:
        return False
    try:
        cost = exact.predict_cost(program, events, given=given)
    except (exact.NotExact, exact.TooLarge):
        return False
    return exact.DEFAULT_BOUND.admits(cost) and cost.seconds <= sampling


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
        only_verdicts: whether verdicts alone are wanted, of few trials: errors may be larger than they need be where trials
            agree, since to look into what is possible takes longer, and nothing is kept by draw of the judgements.
    """

    program: Program
    in_profile: Callable[[str], Program]
    settings: RunSettings
    map_blocks: MapBlocks = map
    rare_exactly: bool = False
    kernels: KernelCache = field(default_factory=KernelCache)
    only_verdicts: bool = False
    _found: dict[tuple[Probability, int], ProbabilityEstimate] = field(default_factory=dict)

    def find(self, wanted: Iterable[Probability], trials: int | None = None) -> dict[Probability, ProbabilityEstimate]:
        """The probabilities asked for; those without observations in one model are drawn together.

        Raises:
            ImpossibleEvidence: what was seen can't happen.
            TooFewTrials: too few trials agree with what was seen.
            exact.TooLarge, exact.NotExact: an exact answer was asked for that can't be had.
        """
        amount = self.settings.trials if trials is None else trials
        wanted = list(dict.fromkeys(wanted))
        for stack in self.stack_groups((one for one in wanted if (one, amount) not in self._found), amount):
            for group, drawn in zip(stack, self._sums_of_stack(stack, amount), strict=True):
                for probability, found in zip(group, self._estimate_group(group, amount, drawn), strict=True):
                    self._found[probability, amount] = found
        return {probability: self._found[probability, amount] for probability in wanted}

    def stack_groups(self, wanted: Iterable[Probability], trials: int) -> list[list[list[Probability]]]:
        """Probabilities in groups that are found in the same trials, and the groups whose programs are walked together.

        That is for speed alone: each gets the digits that it gets by itself.
        """
        most = most_programs_together(self._plan(trials))
        alike: dict[object, list[tuple[tuple[int, int], list[Probability]]]] = {}
        for group in group_by_trials(wanted):
            program = self._program_of(group[0])
            cases = _cases(group)
            alone = most == 1 or len(cases) > _MOST_CASES or any(case.given is not None for case in cases)
            key: object = tuple(group)
            if not alone and not self._is_solved_exactly(program, cases):
                key = group[0].profile, program.outcome, carries_outcome(program, map(_pair_of_case, cases))
            events = [event for case in cases for event in _events_of_case(case)]
            read = program.upstream(atom.node for event in events for atom in atoms(event))
            alike.setdefault(key, []).append(((max(map(last_step, events)), len(read)), group))
        stacks = []
        for groups in alike.values():
            ordered = [group for _, group in sorted(groups, key=lambda one: one[0])]  # those of like size together
            stacks += [ordered[start : start + most] for start in range(0, len(ordered), most)]
        return stacks

    def _sums_of_stack(self, stack: Sequence[Sequence[Probability]], trials: int) -> Sequence[list[CaseSums] | None]:
        """The sums of the cases of each group of a stack of several; None where a group is drawn by itself."""
        if len(stack) == 1:
            return [None]
        asked = [(self._program_of(group[0]), [_pair_of_case(case) for case in _cases(group)]) for group in stack]
        try:
            return [_split_sums(sums) for sums in sample_together(asked, self._plan(trials), self.kernels)]
        except TooMuchMemoryError:
            return [None] * len(stack)

    def _plan(self, trials: int) -> Plan:
        return Plan.of(trials, self.settings.seed, self.settings.judgements)

    def draw_shared(self, statements: Iterable[Sequence[Probability]]) -> None:
        """Draw at once what the probabilities of several statements take of the first trials, each as if by itself.

        What is predicted to be faster exactly is left to `find`, as is what something was seen for: that may be rare.
        """
        drawn: list[Probability] = []
        for wanted in statements:
            for group in group_by_trials(one for one in wanted if not (one.observed or one.known)):
                if not self._is_solved_exactly(self._program_of(group[0]), _cases(group)):
                    drawn += group
        sampling = replace(self, settings=replace(self.settings, method="sample"))
        self.add_known(sampling.find(drawn))

    def add_known(self, found: Mapping[Probability, ProbabilityEstimate]) -> None:
        """Take over what another one found with the same first draws."""
        self._found.update({(probability, self.settings.trials): one for probability, one in found.items()})

    def require_exact(self, wanted: Iterable[Probability]) -> None:
        """Find out whether all that is asked for can be had exactly, before any of it is computed.

        Raises:
            exact.TooLarge, exact.NotExact: some of it can't.
        """
        for group in group_by_trials(wanted):
            exact.require_feasible(
                self._program_of(group[0]), [event for case in _cases(group) for event in _events_of_case(case)]
            )

    def _program_of(self, probability: Probability) -> Program:
        """The program that a probability is read in: under its profile and its interventions."""
        program = self.program if probability.profile is None else self.in_profile(probability.profile)
        return apply_interventions(program, probability.interventions)

    def _estimate_group(
        self, group: Sequence[Probability], trials: int, drawn: list[CaseSums] | None
    ) -> list[ProbabilityEstimate]:
        """Probabilities that are read in one program; `drawn` are the sums of their cases if they are known."""
        program = self._program_of(group[0])

        def solved() -> list[ProbabilityEstimate]:
            return [_find_exactly(program, probability, listener(self.map_blocks)) for probability in group]

        if self._is_solved_exactly(program, _cases(group)):
            return solved()
        try:
            return self._sample_group(program, group, trials, drawn)
        except (ImpossibleEvidence, TooFewTrials):
            if self.rare_exactly:  # and within the bound
                with suppress(exact.NotExact, exact.TooLarge):
                    return solved()
            raise

    def _is_solved_exactly(self, program: Program, cases: Sequence[Case]) -> bool:
        if self.settings.method != "auto":
            return self.settings.method == "exact"
        return is_faster_exactly(program, [event for case in cases for event in _events_of_case(case)])

    def _sample_group(
        self, program: Program, group: Sequence[Probability], trials: int, drawn: list[CaseSums] | None
    ) -> list[ProbabilityEstimate]:
        possible, first = _PossibleCases(program), trials

        def run(trials: int) -> _SampledGroup:
            plan = self._plan(trials)
            sums = drawn if drawn is not None and trials == first else self._sums_of_cases(program, _cases(group), plan)
            found, start = [], 0
            for probability in group:
                part = slice(start, start + len(probability.cases))
                counted = possible.counted_cases(probability, sums[part])
                estimate = _estimate(
                    probability, sums[part], counted, plan, program.controls, by_draw=not self.only_verdicts
                )
                estimate = replace(estimate, trials=trials, drawn=plan.trials)
                found.append(_with_least_error(program, probability, estimate, rough=self.only_verdicts))
                start = part.stop
            return _SampledGroup(plan, sums, found)

        def impossible() -> bool:
            return any(all(map(possible.proven.get, probability.cases)) for probability in group)

        _, sampled, enough = self.settings.limits.sample(run, trials, impossible)
        if not enough:
            raise _too_few_trials_error(program, group[0], sampled)
        return sampled.estimates

    def _sums_of_cases(self, program: Program, cases: Sequence[Case], plan: Plan) -> list[CaseSums]:
        """The sums of each case; those that too few shared trials agree with are drawn by themselves: method (25)."""
        found: list[CaseSums] = []
        for start in range(0, len(cases), _MOST_CASES):
            part = [_pair_of_case(case) for case in cases[start : start + _MOST_CASES]]
            found += self._sample_halving(program, part, plan)
        if len(cases) > 1:
            for number, case in enumerate(cases):
                if case.given is not None and found[number].effective_trials[0] < _ENOUGH_TRIALS:
                    found[number] = sample(program, [_pair_of_case(case)], plan, self.map_blocks, self.kernels)
        return found

    def _sample_halving(self, program: Program, part: Sequence[EventCase], plan: Plan) -> list[CaseSums]:
        """The sums of each case from the same trials; fewer cases at a time where memory is short."""
        try:
            return _split_sums(sample(program, part, plan, self.map_blocks, self.kernels))
        except TooMuchMemoryError:
            if len(part) == 1:
                raise
        middle = len(part) // 2
        return [one for half in (part[:middle], part[middle:]) for one in self._sample_halving(program, half, plan)]


@dataclass
class _PossibleCases:
    """Which cases of an average can be had at all: those left out are proven to be impossible, not merely not met."""

    program: Program
    proven: dict[Case, bool] = field(default_factory=dict)

    def counted_cases(self, probability: Probability, sums: Sequence[CaseSums]) -> list[bool]:
        """For each case, whether it counts in the average."""
        return [
            bool(part.given.any()) or not self._is_impossible(probability, case)
            for case, part in zip(probability.cases, sums, strict=True)
        ]

    def _is_impossible(self, probability: Probability, case: Case) -> bool:
        if case not in self.proven:
            from usru_scenarios.questions.impossible import is_impossible

            self.proven[case] = is_impossible(self.program, list(probability.evidence(case)))
        return self.proven[case]


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
    """Of the first of the probabilities."""
    found = sampled.estimates[0]
    if not found.effective_trials:
        from usru_scenarios.questions.impossible import unmet_evidence_error

        pairs = zip(probability.cases, sampled.sums, strict=False)
        unmet = [case for case, part in pairs if not part.given.any() and (case.step or 0) not in found.left_out]
        case = unmet[0] if unmet else probability.cases[0]
        at = f" at {program.grid.labels[case.step]}" if case.step is not None and len(probability.cases) > 1 else ""
        return unmet_evidence_error(
            program, [(f"{text}{at}", event) for text, event in probability.evidence(case)], sampled.plan
        )
    unsaid = [text for text in (*probability.observed, *probability.known) if text not in probability.text]
    what = f"{probability.text}, given {', '.join(unsaid)}" if unsaid else probability.text
    return TooFewTrials(found.effective_trials, found.value, found.standard_error, what)


def _cases(group: Iterable[Probability]) -> list[Case]:
    return [case for probability in group for case in probability.cases]


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
    left_out = []
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
    return ProbabilityEstimate(
        math.fsum(float(share[0]) for share, _ in chances) / len(chances), None, None, tuple(left_out)
    )


def _shares_by_draw(program: Program, case: Case, both: Floats, given: Floats, progress: Listener) -> Floats:
    """The probability of a case in each draw, from those of its pair; 0 where nothing that was seen happens.

    Next to 1 it is told from what is left, by method (40), and may be 1 itself.
    """
    share: Floats = np.divide(both, given, out=np.zeros_like(both), where=given > 0.0)
    if float(both.sum() / given.sum()) < 1.0 - _NEARLY_CERTAIN:
        return np.minimum(share, 1.0)
    (left,) = exact.probabilities_by_draw(
        program, [_events_of_case(replace(case, event=Not(case.event)))[0]], progress=progress
    )
    rest: Floats = np.minimum(np.divide(left, given, out=np.ones_like(left), where=given > 0.0), 1.0)
    return 1.0 - rest


def _average_over_draws(
    chances: Sequence[tuple[Floats, Floats]], left_out: tuple[int, ...], program: Program
) -> ProbabilityEstimate:
    """The average over the draws of the judgements, of which each counts as what was seen is likely in it.

    `chances` are, for each case, its probability in each draw and that of what was seen, each of shape (draws,).
    """
    shares, given = (np.stack(part, axis=1) for part in zip(*chances, strict=True))
    both = shares * given
    halves = [np.repeat(sums / 2.0, 2, axis=0) for sums in (both, given)]
    draws = PerDraw.of(halves[0], halves[1], program.controls)
    spans = [float(np.ptp(share[seen > 0.0])) for share, seen in chances]
    if max(spans) <= _ROUNDING:
        value = math.fsum(float(share[seen > 0.0][0]) for share, seen in chances) / len(chances)
        return ProbabilityEstimate(value, None, None, left_out, draws=draws)
    value, replicates = _with_replicates(*(with_control_variates(sums, program.controls) for sums in (both, given)))
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
    left_out = tuple(case.step or 0 for case, counts in zip(probability.cases, counted, strict=True) if not counts)
    kept = [part for part, counts in zip(sums, counted, strict=True) if counts]
    if not all(part.given.any() for part in kept) or not kept:
        return ProbabilityEstimate(math.nan, np.zeros(2), 0.0, left_out)
    both = np.concatenate([part.joint for part in kept], axis=1)
    given = np.concatenate([part.given for part in kept], axis=1)
    draws = PerDraw.of(both, given, controls) if plan.judgements and by_draw else None
    if plan.judgements:
        both, given = (with_control_variates(over_draws(sums), controls) for sums in (both, given))
    value, replicates = _with_replicates(both, given)
    effective = min(float(part.effective_trials[0]) for part in kept)
    return ProbabilityEstimate(value, replicates, effective, left_out, draws=draws)


def _with_replicates(both: Floats, given: Floats) -> tuple[float, Floats]:
    """The average of ratios of sums, and the same without each batch, shape (batches,): method (24, 25).

    Args:
        both: shape (batches, cases), of what is asked together with what was seen.
        given: the same of what was seen.
    """
    totals, seen = both.sum(axis=0), given.sum(axis=0)
    rest = seen - given
    replicates = np.divide(totals - both, rest, out=np.broadcast_to(totals / seen, rest.shape).copy(), where=rest > 0)
    return float((totals / seen).mean()), replicates.mean(axis=1)


def _with_least_error(
    program: Program, probability: Probability, found: ProbabilityEstimate, *, rough: bool
) -> ProbabilityEstimate:
    """A sampled probability that knows by how much trials that were never drawn could change it, or `only_verdicts` at most."""
    question = (probability.profile, _interventions_with_effect(program, probability), probability.cases)
    cases = [case for case in probability.cases if (case.step or 0) not in found.left_out]
    effective = found.effective_trials or 0.0
    least = float(rule_of_three_bound(effective)) * max(found.value, 1.0 - found.value)
    if (
        not rough and found.sampling_error < least
    ):  # else it is no constant, and what is possible need not be looked into
        least = least_standard_error([(case.event, case.given) for case in cases], program, found.value, effective)
    return replace(found, least_error=least, question=question)


def _interventions_with_effect(
    program: Program, probability: Probability
) -> tuple[tuple[str, str | float, range], ...]:
    """The interventions that make a difference to what is asked, those alike that no node tells from each other."""
    if not probability.interventions:
        return ()
    asked = {atom.node for case in probability.cases for event in _events_of_case(case) for atom in atoms(event)}
    read = program.influential_nodes(asked)

    def value(one: Intervention) -> str | float:
        to_the_end = one.steps.stop >= program.steps  # else it is left by a law that reads the state
        if one.node in asked or not to_the_end or not isinstance(one.value, str):
            return one.value
        return program.equivalent_state(one.node, one.value, read)

    return tuple((one.node, value(one), one.steps) for one in probability.interventions if one.node in read)
