"""What is different, and why? Variants of a model on common random numbers, and what sets their inputs apart.

The trials of all variants use the same random words, so that a difference of two likelihoods is far more precise than
either of them; its standard error comes from how the difference itself varies between batches of trials. Then each
difference between the inputs is brought into the reference alone, on the same words, which tells the large ones from
the small, and how much of the whole no single one explains.

What is observed of a variant weighs its trials; all variants then have as many, and differences keep their precision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from itertools import chain

import numpy as np

from usru_scenarios.estimation.bands import JudgementBand, judgement_band
from usru_scenarios.estimation.estimates import Controls, Estimate, ratio, sum_halves, with_control_variates
from usru_scenarios.light_dataclasses import dataclass, field, replace
from usru_scenarios.model.outline import Outline
from usru_scenarios.problems import ImpossibleEvidence, TooFewTrials, UsageError
from usru_scenarios.program.conditions import Conditioned, Intervention, Observation, apply_interventions
from usru_scenarios.program.events import atoms
from usru_scenarios.program.program import CategoricalNode, Floats, Node, NumericNode, Program
from usru_scenarios.questions.difference_error_floors import (
    Limits,
    SingleTrials,
    UnseenDifferences,
    cover_unseen,
    cover_unseen_variation,
    part_limits,
)
from usru_scenarios.questions.program_batches import ProgramSums, expect_runs, run_conditioned, run_each, share_nodes
from usru_scenarios.questions.program_edits import FileDifferences, PartCache, ProgramEdit, make_uncached
from usru_scenarios.questions.run_description import describe_run
from usru_scenarios.questions.simulate.question import clip_probabilities, forecast_warnings
from usru_scenarios.results.compare import (
    Bands,
    Comparison,
    Effect,
    InputDifference,
    Likelihood,
    LikelihoodChange,
    SeriesErrors,
    Shift,
    Switching,
    VariantCompared,
)
from usru_scenarios.sampler.blocks import MapBlocks, Plan
from usru_scenarios.settings import RunSettings, SampleLimits
from usru_scenarios.work import Listener, listener_of

SWITCHING_TRIALS = 16_384
"""At least as many trials, or all there are, for each input difference that is switched; a quarter of all if more."""

MOST_SWITCHED = 40
"""With more differences than these, those of each part of the file are switched together; with more parts, none."""


VariantCondition = Intervention | Observation


class NotComparable(UsageError):  # noqa: N818  # a public name
    """Variants that have nothing in common that could be compared."""


@dataclass(frozen=True)
class Variant:
    """One of the models that are compared.

    Attributes:
        outline: what the model calls its parts.
        conditioned: the model, compiled, and what is imposed on it.
        drawn: the model with values of its uncertain judgements; None where they stand at their means.
        file_differences: what its file says differently from that of the reference.
        edits: gives, by name of `FileDifferences.grouped`, what brings the differences of a group into the reference,
            None where they make no sense without others.
        keep: gives what follows from the variant and the reference as they are here.
    """

    name: str
    outline: Outline
    conditioned: Conditioned
    drawn: Program | None = None
    file_differences: FileDifferences = field(default_factory=FileDifferences)
    edits: Callable[[bool], Mapping[str, ProgramEdit | None]] = lambda _: {}
    keep: PartCache = make_uncached

    @property
    def program(self) -> Program:
        """The program with what is imposed, judgements at their means."""
        return self.conditioned.program

    @cached_property
    def on_draws(self) -> Conditioned:
        """The program and its conditions, judgements drawn if they are."""
        return self.conditioned if self.drawn is None else self.conditioned.with_base(self.drawn)


def plans(settings: RunSettings) -> tuple[Plan, Plan]:
    """How the variants are drawn, and how what is switched is."""
    trials, seed = settings.trials, settings.seed
    return Plan.of(trials, seed, settings.judgements), Plan(max(trials // 4, min(trials, SWITCHING_TRIALS)), seed)


def compare(
    variants: Sequence[Variant], settings: RunSettings, *, switch: bool = True, map_blocks: MapBlocks = map
) -> Comparison:
    """Compare variants of different names with the first of them: by sampling, unless the method is `exact`.

    With `switch`, input differences are brought into the first one at a time.

    Raises:
        NotComparable: not all variants have a scenario, or a step, in common.
        ImpossibleEvidence: what is observed of a variant can't happen in it.
        TooFewTrials: too few trials of a variant agree with what is observed of it.
        exact.TooLarge, exact.NotExact: an exact comparison was asked for that can't be had.
    """
    plan, switching_plan = (None, None) if settings.method == "exact" else plans(settings)
    common = _SharedParts.of(variants)
    inputs_by_variant = {variant.name: _find_inputs(variants[0], variant) for variant in variants}
    _expect_work(listener_of(map_blocks), variants, plan, switching_plan, inputs_by_variant if switch else {})
    sums_by_variant = _run_variants(variants, common, plan, settings.limits, map_blocks)
    reference = variants[0]
    single_trials = [common.single_trials(variant.on_draws) for variant in variants]
    results = {}
    for variant, series, trials in zip(variants, sums_by_variant, single_trials, strict=True):
        inputs = inputs_by_variant[variant.name]
        controls = _joint_controls([reference, variant], settings.judgements) if settings.judgements else None
        switching, note = None, ""
        if switch and inputs:
            switched = OneAtATimeDifferences(reference, variant, inputs, common)
            switching, note = switched.run(switching_plan, settings.limits, map_blocks)
        own_estimates = _VariantEstimates(series, trials, controls, sampled=plan is not None)
        reference_estimates = (
            None
            if variant is reference
            else _VariantEstimates(sums_by_variant[0], single_trials[0], controls, own_estimates.sampled)
        )
        results[variant.name] = VariantCompared(
            model=variant.outline.model,
            profile=variant.outline.profile,
            do=variant.conditioned.texts[0],
            given=variant.conditioned.texts[1],
            effective_trials=own_estimates.trials or None,
            scenarios=_likelihoods(own_estimates, reference_estimates, common.scenarios, 0),
            groups=_likelihoods(own_estimates, reference_estimates, common.groups, len(common.scenarios)),
            inputs=_by_importance([edit.difference for edit in inputs], switching),
            switching=switching,
            note=note,
        )
    drawn = settings.judgements > 0
    warnings = [forecast_warnings(variant.outline, variant.program, drawn=drawn) for variant in variants]
    run = describe_run(
        reference.outline,
        reference.conditioned,
        seed=settings.seed,
        trials=int(sums_by_variant[0].trials.sum()) if plan else 0,
        effective=sums_by_variant[0].sampled if plan else None,
        judgements=settings.judgements,
        weights=reference.conditioned.base.weights,
    )
    at_means = max(variant.outline.count_at_means(settings.judgements) for variant in variants)
    return Comparison(
        model=reference.outline.model,
        run=replace(run, steps=list(common.labels), judgements_at_means=at_means),
        reference=reference.name,
        variants=results,
        left_out=common.left_out,
        warnings=list(dict.fromkeys(chain.from_iterable(warnings))),
    )


def _expect_work(
    progress: Listener,
    variants: Sequence[Variant],
    plan: Plan | None,
    switching_plan: Plan | None,
    inputs_by_variant: Mapping[str, Sequence[_InputEdit]],
) -> None:
    """Tell what work the comparison is: all variants, and each with what differs brought in piece by piece."""
    expect_runs(progress, variants[0].on_draws.program, len(variants), plan)
    for inputs in inputs_by_variant.values():
        parts, _ = _group_inputs(inputs)
        if 0 < len(parts) <= MOST_SWITCHED:
            expect_runs(progress, variants[0].program, 2 + len(parts), switching_plan)


# What is in common ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _SharedParts:
    """What all variants have.

    Attributes:
        scenarios, groups: titles by id, in the order of the reference.
        labels: of the steps.
        left_out: what some have and others do not.
    """

    scenarios: dict[str, str]
    groups: dict[str, str]
    labels: tuple[str, ...]
    left_out: list[str]

    @classmethod
    def of(cls, variants: Sequence[Variant]) -> _SharedParts:
        scenarios = [variant.outline.scenarios for variant in variants]
        groups = [dict.fromkeys(variant.program.groups) for variant in variants]
        labels = [dict.fromkeys(variant.program.grid.labels) for variant in variants]
        needed: tuple[tuple[str, Sequence[Mapping[str, object]]], ...] = (("scenario", scenarios), ("step", labels))
        for noun, name_sets in needed:
            if not _shared_names(name_sets):
                names = " and ".join(f"'{variant.name}'" for variant in variants[:2])
                known = (
                    f"{variant.name}: {', '.join([*own][:4])}" for variant, own in zip(variants, name_sets, strict=True)
                )
                raise NotComparable(f"the variants, {names} among them, have no {noun} in common", "; ".join(known))
        left_out = [
            f"{noun} {name}"
            for noun, name_sets in (("scenario", scenarios), ("group", groups), ("step", labels))
            for name in dict.fromkeys(name for names_of_variant in name_sets for name in names_of_variant)
            if not all(name in names_of_variant for names_of_variant in name_sets)
        ]
        titles = scenarios[0]
        return cls(
            {name: titles[name] for name in _shared_names(scenarios)},
            {name: name for name in _shared_names(groups)},
            tuple(_shared_names(labels)),
            left_out,
        )

    def reported_sums(self, program: Program, sums: ProgramSums) -> ProgramSums:
        """Sums of what is reported, shape (batches, steps + 1, scenarios + groups): each step, and their mean."""
        single_trials = self.single_trials(Conditioned(program))
        by_step = sums.of(single_trials.members, [range(step, step + 1) for step in single_trials.steps])
        return sums._replace(visits=np.concatenate([by_step, by_step.mean(axis=1, keepdims=True)], axis=1))

    def single_trials(self, conditioned: Conditioned) -> SingleTrials:
        """The scenarios and groups of a program at the steps."""
        program = conditioned.program
        index = program.outcome.states.index
        members = [*([index(name)] for name in self.scenarios), *(list(program.groups[name]) for name in self.groups)]
        steps = [program.grid.labels.index(label) for label in self.labels]
        return SingleTrials(lambda: program, members, steps, conditioned.observed_event.parts)


def _shared_names(name_sets: Sequence[Mapping[str, object]]) -> list[str]:
    """The names that all have, in the order of the first."""
    return [name for name in name_sets[0] if all(name in each for each in name_sets)]


# Likelihoods and their differences ------------------------------------------------------------------------------------


def _run_variants(
    variants: Sequence[Variant], common: _SharedParts, plan: Plan | None, limits: SampleLimits, map_blocks: MapBlocks
) -> list[ProgramSums]:
    """What is reported of each variant."""
    sums = _run_programs([variant.on_draws for variant in variants], plan, limits, map_blocks)
    sums = [common.reported_sums(variant.program, own) for variant, own in zip(variants, sums, strict=True)]
    fewest = min(len(own.trials) for own in sums)
    pairs = zip(variants, sums, strict=True)
    return [_merge_batches(own, fewest) if variant.drawn is None else own for variant, own in pairs]


def _run_programs(
    conditioned: Sequence[Conditioned], plan: Plan | None, limits: SampleLimits, map_blocks: MapBlocks
) -> list[ProgramSums]:
    """The sums of programs; without observations, those with the same scenarios and steps are run together."""
    if any(each.observations for each in conditioned):
        return run_conditioned(conditioned, plan, limits, map_blocks)
    shapes: dict[tuple[int, int], list[int]] = {}
    for number, each in enumerate(conditioned):
        shapes.setdefault((each.program.steps, len(each.program.outcome.states)), []).append(number)
    sums_by_number: dict[int, ProgramSums] = {}
    for numbers in shapes.values():
        programs = [share_nodes(conditioned[number].program, conditioned[numbers[0]].program) for number in numbers]
        sums_by_number |= zip(numbers, run_each(programs, plan, map_blocks), strict=True)
    return [sums_by_number[number] for number in range(len(conditioned))]


def _merge_batches(sums: ProgramSums, batches: int) -> ProgramSums:
    """The same in fewer batches: their sizes are powers of 2, so that some make up one of the others'."""
    starts = np.arange(0, len(sums.trials), -(-len(sums.trials) // batches))
    weights = None if sums.weights is None else np.add.reduceat(sums.weights, starts)
    added = np.add.reduceat(sums.trials, starts), np.add.reduceat(sums.visits, starts)
    return ProgramSums(*added, weights, sums.effective)


@dataclass(frozen=True)
class _VariantEstimates:
    """The estimates for a variant.

    Attributes:
        sums: of what is reported, by step and their mean.
        single_trials: what single trials can say of it.
        controls: where judgements are drawn, by how much they lie off their means.
        sampled: whether trials were drawn.
    """

    sums: ProgramSums
    single_trials: SingleTrials
    controls: Controls | None
    sampled: bool

    @property
    def trials(self) -> float:
        """For how many independent trials those drawn stand; 0 where it is exact."""
        return self.sums.sampled if self.sampled else 0.0

    @property
    def rows(self) -> list[range]:
        """The rows of the limits of single trials whose means are reported."""
        every = range(len(self.single_trials.steps))
        return [*(range(row, row + 1) for row in every), every]

    def estimate(self) -> tuple[Estimate, JudgementBand | None]:
        """Its likelihoods with errors and bands, shape (steps + 1, sets)."""
        estimates, bands = _estimate_ratios(*self.sums.weighted, self.controls)
        if self.trials:
            single = self.single_trials
            estimates = cover_unseen(estimates, self.trials, lambda: part_limits(single.limits, self.rows), [single])
        return estimates, bands

    def difference(self, other: _VariantEstimates) -> tuple[Estimate, JudgementBand | None]:
        """The same of the differences to another one's, by method (10, 17), shape (steps + 1, sets).

        There is no band where something is observed: how likely that is weighs the draws of the judgements of each
        variant in another way.
        """
        differences = _difference_sums(other.sums, self.sums)
        estimates, bands = _estimate_ratios(differences.visits, differences.trials, self.controls)
        if self.single_trials.seen or other.single_trials.seen:
            levels = [_estimate_ratios(*variant.sums.weighted, self.controls)[0].value for variant in (self, other)]
            estimates, bands = Estimate(levels[0] - levels[1], estimates.error), None
        if self.sampled:
            own, others = self.single_trials, other.single_trials
            trials = min(self.trials, other.trials)

            def limits() -> Limits:
                return part_limits(own.difference_limits(others), self.rows)

            estimates = cover_unseen(estimates, trials, limits, [own, others], lowest=-1.0)
        return estimates, bands


def _likelihoods(
    estimates: _VariantEstimates, reference: _VariantEstimates | None, titles: Mapping[str, str], first: int
) -> dict[str, Likelihood]:
    """The likelihoods of scenarios or groups, whose columns begin with `first`."""
    likelihoods, bands = estimates.estimate()
    change = None if reference is None else estimates.difference(reference)
    return {
        name: Likelihood(
            title,
            *_split_times(clip_probabilities(likelihoods.value[:, column])),
            SeriesErrors(*_split_times(likelihoods.error[:, column].tolist())),
            _band_of_column(bands, column),
            None
            if change is None
            else LikelihoodChange(
                *_split_times(change[0].value[:, column].tolist()),
                SeriesErrors(*_split_times(change[0].error[:, column].tolist())),
                _band_of_column(change[1], column),
            ),
        )
        for column, (name, title) in enumerate(titles.items(), start=first)
    }


def _joint_controls(variants: Sequence[Variant], draws: int) -> Controls:
    """By how much the judgements that any of the variants has drawn lie off their means."""
    functions = [variant.on_draws.program.controls.functions for variant in variants]
    columns = {column.tobytes(): column for each in functions for column in each.T}
    return Controls(np.stack(list(columns.values()), axis=1) if columns else np.zeros((draws, 0)))


def _estimate_ratios(
    visits: Floats, trials: Floats, controls: Controls | None
) -> tuple[Estimate, JudgementBand | None]:
    """Ratios, or differences of them, with their errors, and where judgements are drawn their bands."""
    if controls is None:
        return ratio(visits, trials), None
    part, whole = with_control_variates(sum_halves(visits), controls), sum_halves(trials)
    whole = whole if bool((whole == whole[0]).all()) else with_control_variates(whole, controls)
    return ratio(part, whole), judgement_band(visits, trials, controls)


def _band_of_column(bands: JudgementBand | None, column: int) -> Bands | None:
    if bands is None or not np.isfinite(bands.low).all():
        return None
    (*low, least), (*high, most) = bands.low[:, column].tolist(), bands.high[:, column].tolist()
    return Bands(low, high, (least, most))


def _split_times(values: list[float]) -> tuple[list[float], float, float, float]:
    """Values at each step and their mean, in the order of a result: by step, at the start, at the end, the mean."""
    *by_step, mean = values
    return by_step, by_step[0], by_step[-1], mean


# Inputs, and one of them at a time ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _InputEdit:
    """A difference of the files or of the conditions, and the part of the file that it belongs to.

    Attributes:
        removed, added: the condition, where it is one: of the reference alone, or of the variant alone.
    """

    difference: InputDifference
    part: str
    removed: VariantCondition | None = None
    added: VariantCondition | None = None


def _find_inputs(reference: Variant, variant: Variant) -> list[_InputEdit]:
    file_differences, reference_conditions, variant_conditions = (
        variant.file_differences,
        reference.conditioned,
        variant.conditioned,
    )
    inputs = list(map(_InputEdit, file_differences.differences, file_differences.parts))
    conditions: tuple[tuple[str, str, Sequence[VariantCondition], Sequence[VariantCondition]], ...] = (
        ("do", "imposed", reference_conditions.interventions, variant_conditions.interventions),
        ("given", "observed", reference_conditions.observations, variant_conditions.observations),
    )
    for form, verb, *sides in conditions:
        in_reference, in_variant = ({each.text: each for each in side} for side in sides)
        for text in {**in_reference, **in_variant}:
            if (text in in_reference) != (text in in_variant):
                name = f"{form}({text})"
                difference = InputDifference(
                    name, verb if text in in_reference else None, verb if text in in_variant else None
                )
                inputs.append(_InputEdit(difference, name, in_reference.get(text), in_variant.get(text)))
    return inputs


def _group_inputs(inputs: Sequence[_InputEdit]) -> tuple[dict[str, list[_InputEdit]], bool]:
    """What is switched at once: each difference, or all of a part where there are many; and whether it is by part."""
    by_difference = {each.difference.path: [each] for each in inputs}
    if len(by_difference) <= MOST_SWITCHED:
        return by_difference, False
    by_part: dict[str, list[_InputEdit]] = {}
    for each in inputs:
        by_part.setdefault(each.part, []).append(each)
    return by_part, True


def _by_importance(inputs: list[InputDifference], switching: Switching | None) -> list[InputDifference]:
    """The inputs as their effects are ordered, then those without one."""
    order = switching.effects if switching and switching.by == "difference" else {}
    ranks = {path: rank for rank, path in enumerate(order)}
    return sorted(inputs, key=lambda difference: ranks.get(difference.path, len(order)))


@dataclass(frozen=True)
class OneAtATimeDifferences:
    """The differences between two variants, each to be brought into the reference alone."""

    reference: Variant
    variant: Variant
    inputs: list[_InputEdit]
    common: _SharedParts

    def run(
        self, plan: Plan | None, limits_of_trials: SampleLimits, map_blocks: MapBlocks
    ) -> tuple[Switching | None, str]:
        """The effects, by method (54); or why there are none."""
        reference, variant = self.reference.program, self.variant.program
        if reference.grid != variant.grid or reference.outcome.states != variant.outcome.states:
            return None, "the models have different scenarios or steps, so that no input can be switched alone"
        parts, by_part = _group_inputs(self.inputs)
        if len(parts) > MOST_SWITCHED:
            return None, f"{len(parts)} parts of the file differ, too many to switch them one at a time"
        edits = self.variant.edits(by_part)
        switched = {
            name: program
            for name, items in parts.items()
            if (program := self._switch_inputs(items, edits.get(name, ProgramEdit()))) is not None
        }
        conditions = (self.reference.conditioned, self.variant.conditioned, *switched.values())
        programs = [
            Conditioned(share_nodes(each.program, reference), observations=each.observations) for each in conditions
        ]
        try:
            sums = _run_programs(programs, plan, limits_of_trials, map_blocks)
        except (ImpossibleEvidence, TooFewTrials) as error:
            return None, f"no input can be switched alone: {error.message}"
        base, *others = (self.common.reported_sums(each.program, own) for each, own in zip(programs, sums, strict=True))
        part = f"limits of {[*self.common.scenarios]} at {self.common.labels}, by part: {by_part}"
        limits = cache(lambda: self.variant.keep(part, lambda: self._unseen_differences(programs)))
        differences = [_difference_sums(base, own) for own in others]
        explained = sum((each.visits for each in differences[1:]), np.zeros_like(base.visits))
        unexplained_visits = differences[0].visits - explained
        differences.append(ProgramSums(base.trials, unexplained_visits, None, _fewest_effective([base, *others])))
        together, *each, unexplained = (
            self._effect(difference, number, limits, plan) for number, difference in enumerate(differences)
        )
        effects = dict(zip(switched, each, strict=True))
        return Switching(
            trials=int(base.trials.sum()) if plan else 0,
            by="part" if by_part else "difference",
            effects=dict(sorted(effects.items(), key=lambda item: -max(item[1].end, item[1].mean))),
            together=together,
            unexplained=unexplained,
        ), ""

    def _switch_inputs(self, items: Sequence[_InputEdit], edit: ProgramEdit | None) -> Conditioned | None:
        """The reference with some of the differences, of the files by `edit`; None where they need others."""
        reference, removed = self.reference.conditioned, [item.removed for item in items]
        conditions = (*reference.interventions, *reference.observations, *(item.added for item in items))
        kept = [condition for condition in conditions if condition not in removed]
        interventions = [condition for condition in kept if isinstance(condition, Intervention)]
        observations = [condition for condition in kept if isinstance(condition, Observation)]
        if edit is None or any(intervention.node not in reference.base.nodes for intervention in interventions):
            return None
        program = apply_interventions(edit.on(reference.base), interventions)
        # what is observed says states by their numbers in the program that it was read in
        observed_nodes = {atom.node for observation in observations for atom in atoms(observation.event)}
        reference_nodes, variant_nodes = self.reference.program.nodes, self.variant.program.nodes
        if any(
            not _same_states(program.nodes.get(name), nodes.get(name))
            for name in observed_nodes
            for nodes in (reference_nodes, variant_nodes)
        ):
            return None
        return Conditioned(program, observations=tuple(observations))

    def _unseen_differences(self, programs: Sequence[Conditioned]) -> UnseenDifferences:
        """The limits of the differences of the other programs to the first, at the end and in the mean.

        The last are those of what the first difference is more than all others together, between -1 and 1.
        """
        count = len(self.common.scenarios)
        first, *others = (
            replace(each, members=each.members[:count]) for each in map(self.common.single_trials, programs)
        )
        every = range(len(first.steps))
        others = [replace(each, shared_with=first) for each in others]
        limits = [part_limits(each.difference_limits(first), [every[-1:], every]) for each in others]
        (low, high), *alone = limits
        low = low - sum((each[1] for each in alone), np.zeros_like(low))
        high = high - sum((each[0] for each in alone), np.zeros_like(high))
        return UnseenDifferences(first.least_share, (*limits, (np.maximum(low, -1.0), np.minimum(high, 1.0))))

    def _effect(
        self, sums: ProgramSums, number: int, unseen: Callable[[], UnseenDifferences], plan: Plan | None
    ) -> Effect:
        """What becomes of the scenarios at the last step and in the mean."""
        columns = len(self.common.scenarios)
        changes = ratio(sums.visits[:, -2:, :columns], sums.trials)
        signs: Floats = np.sign(changes.value)
        variation = ratio((sums.visits[:, -2:, :columns] * signs).sum(axis=2) / 2, sums.trials)  # its signs as known
        if plan is not None:
            trials = plan.trials if sums.effective is None else sums.effective
            variation = cover_unseen_variation(
                variation, trials, changes.value, lambda: unseen().limits[number], lambda n: unseen().missed_trials(n)
            )
        end, mean = variation.value.tolist()
        return Effect(
            end=end,
            mean=mean,
            standard_errors=Shift(*variation.error.tolist()),
            scenarios={
                name: Shift(*changes.value[:, column].tolist()) for column, name in enumerate(self.common.scenarios)
            },
        )


def _same_states(one: Node | None, other: Node | None) -> bool:
    """Whether two nodes are there and have the same states, or both are numeric."""
    if isinstance(one, CategoricalNode) and isinstance(other, CategoricalNode):
        return one.states == other.states
    return isinstance(one, NumericNode) and isinstance(other, NumericNode)


def _difference_sums(base: ProgramSums, sums: ProgramSums) -> ProgramSums:
    return ProgramSums(base.trials, sums.visits - base.visits, None, _fewest_effective([base, sums]))


def _fewest_effective(sums: Sequence[ProgramSums]) -> float | None:
    """For how many trials the fewest of those stand that agree with what is observed; None where nothing is."""
    return min((each.effective for each in sums if each.effective is not None), default=None)
