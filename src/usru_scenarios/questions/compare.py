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

import numpy as np

from usru_scenarios.estimation.bands import JudgementBand, judgement_band
from usru_scenarios.estimation.estimates import Controls, Estimate, over_draws, ratio, with_control_variates
from usru_scenarios.light_dataclasses import dataclass, field, replace
from usru_scenarios.model.outline import Outline
from usru_scenarios.problems import ImpossibleEvidence, TooFewTrials, UsageError
from usru_scenarios.program.conditions import Conditioned, Intervention, Observation, apply_interventions
from usru_scenarios.program.events import atoms
from usru_scenarios.program.program import CategoricalNode, Floats, Node, NumericNode, Program
from usru_scenarios.questions.described import describe_run
from usru_scenarios.questions.difference_error_floors import (
    Limits,
    SingleTrials,
    UnseenDifferences,
    cover_unseen,
    cover_unseen_variation,
    mean_limits_by_part,
)
from usru_scenarios.questions.program_batches import ProgramSums, expect_runs, run_conditioned, run_each, share_nodes
from usru_scenarios.questions.program_edits import FileDifferences, PartCache, ProgramEdit, make_uncached
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
from usru_scenarios.work import Listener, listener

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
        apart: what its file says differently from that of the reference.
        edits: gives, by name of `FileDifferences.grouped`, what brings the differences of a group into the reference,
            None where they make no sense without others.
        keep: gives what follows from the variant and the reference as they are here.
    """

    name: str
    outline: Outline
    conditioned: Conditioned
    drawn: Program | None = None
    apart: FileDifferences = field(default_factory=FileDifferences)
    edits: Callable[[bool], Mapping[str, ProgramEdit | None]] = lambda _: {}
    keep: PartCache = make_uncached

    @property
    def program(self) -> Program:
        """The program with what is imposed, judgements at their means."""
        return self.conditioned.program

    @cached_property
    def in_draws(self) -> Conditioned:
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
    plan, few = (None, None) if settings.method == "exact" else plans(settings)
    common = _SharedParts.of(variants)
    inputs_of = {one.name: _find_inputs(variants[0], one) for one in variants}
    _expect_work(listener(map_blocks), variants, plan, few, inputs_of if switch else {})
    found = _reported_sums(variants, common, plan, settings.limits, map_blocks)
    reference = variants[0]
    said = [common.said(variant.in_draws) for variant in variants]
    results = {}
    for variant, series, own in zip(variants, found, said, strict=True):
        inputs = inputs_of[variant.name]
        controls = _joint_controls([reference, variant], settings.judgements) if settings.judgements else None
        switching, note = None, ""
        if switch and inputs:
            switched = OneAtATimeDifferences(reference, variant, inputs, common)
            switching, note = switched.run(few, settings.limits, map_blocks)
        here = _VariantEstimates(series, own, controls, sampled=plan is not None)
        first = None if variant is reference else _VariantEstimates(found[0], said[0], controls, here.sampled)
        results[variant.name] = VariantCompared(
            model=variant.outline.model,
            profile=variant.outline.profile,
            do=variant.conditioned.texts[0],
            given=variant.conditioned.texts[1],
            effective_trials=here.trials or None,
            scenarios=_likelihoods(here, first, common.scenarios, 0),
            groups=_likelihoods(here, first, common.groups, len(common.scenarios)),
            inputs=_by_importance([one.told for one in inputs], switching),
            switching=switching,
            note=note,
        )
    drawn = settings.judgements > 0
    told = {warning: None for one in variants for warning in forecast_warnings(one.outline, one.program, drawn=drawn)}
    run = describe_run(
        reference.outline,
        reference.conditioned,
        seed=settings.seed,
        trials=int(found[0].trials.sum()) if plan else 0,
        effective=found[0].sampled if plan else None,
        judgements=settings.judgements,
        weights=reference.conditioned.base.weights,
    )
    at_means = max(one.outline.count_at_means(settings.judgements) for one in variants)
    return Comparison(
        model=reference.outline.model,
        run=replace(run, steps=list(common.labels), judgements_at_means=at_means),
        reference=reference.name,
        variants=results,
        left_out=common.left_out,
        warnings=list(told),
    )


def _expect_work(
    progress: Listener,
    variants: Sequence[Variant],
    plan: Plan | None,
    few: Plan | None,
    switched: Mapping[str, Sequence[_InputEdit]],
) -> None:
    """Tell what work the comparison is: all variants, and each with what differs brought in piece by piece."""
    expect_runs(progress, variants[0].in_draws.program, len(variants), plan)
    for inputs in switched.values():
        parts, _ = _group_inputs(inputs)
        if 0 < len(parts) <= MOST_SWITCHED:
            expect_runs(progress, variants[0].program, 2 + len(parts), few)


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
        scenarios = [one.outline.scenarios for one in variants]
        groups = [dict.fromkeys(one.program.groups) for one in variants]
        labels = [dict.fromkeys(one.program.grid.labels) for one in variants]
        needed: tuple[tuple[str, Sequence[Mapping[str, object]]], ...] = (("scenario", scenarios), ("step", labels))
        for noun, kinds in needed:
            if not _shared_names(kinds):
                names = " and ".join(f"'{one.name}'" for one in variants[:2])
                hint = "; ".join(
                    f"{one.name}: {', '.join(list(kind)[:4])}" for one, kind in zip(variants, kinds, strict=True)
                )
                raise NotComparable(f"the variants, {names} among them, have no {noun} in common", hint)
        left_out = [
            f"{noun} {name}"
            for noun, kinds in (("scenario", scenarios), ("group", groups), ("step", labels))
            for name in dict.fromkeys(name for kind in kinds for name in kind)
            if not all(name in kind for kind in kinds)
        ]
        titles = scenarios[0]
        return cls(
            {name: titles[name] for name in _shared_names(scenarios)},
            {name: name for name in _shared_names(groups)},
            tuple(_shared_names(labels)),
            left_out,
        )

    def quantities(self, program: Program, sums: ProgramSums) -> ProgramSums:
        """Sums of what is reported, shape (batches, steps + 1, scenarios + groups): each step, and their mean."""
        said = self.said(Conditioned(program))
        by_step = sums.of(said.members, [range(step, step + 1) for step in said.steps])
        return sums._replace(visits=np.concatenate([by_step, by_step.mean(axis=1, keepdims=True)], axis=1))

    def said(self, conditioned: Conditioned) -> SingleTrials:
        """The scenarios and groups of a program at the steps."""
        program = conditioned.program
        index = program.outcome.states.index
        members = [*([index(name)] for name in self.scenarios), *(list(program.groups[name]) for name in self.groups)]
        steps = [program.grid.labels.index(label) for label in self.labels]
        return SingleTrials(lambda: program, members, steps, conditioned.observed_event.parts)

    def scenarios_said(self, conditioned: Conditioned) -> SingleTrials:
        """The same of the scenarios alone."""
        said = self.said(conditioned)
        return replace(said, members=said.members[: len(self.scenarios)])


def _shared_names(kinds: Sequence[Mapping[str, object]]) -> list[str]:
    """The names that all have, in the order of the first."""
    return [name for name in kinds[0] if all(name in kind for kind in kinds)]


# Likelihoods and their differences ------------------------------------------------------------------------------------


def _reported_sums(
    variants: Sequence[Variant], common: _SharedParts, plan: Plan | None, limits: SampleLimits, map_blocks: MapBlocks
) -> list[ProgramSums]:
    """What is reported of each variant."""
    sums = _run_programs([one.in_draws for one in variants], plan, limits, map_blocks)
    found = [common.quantities(one.program, each) for one, each in zip(variants, sums, strict=True)]
    fewest = min(len(each.trials) for each in found)
    return [
        _merge_batches(each, fewest) if one.drawn is None else each for one, each in zip(variants, found, strict=True)
    ]


def _run_programs(
    conditioned: Sequence[Conditioned], plan: Plan | None, limits: SampleLimits, map_blocks: MapBlocks
) -> list[ProgramSums]:
    """The sums of programs; without observations, those with the same scenarios and steps are run together."""
    if any(one.observations for one in conditioned):
        return run_conditioned(conditioned, plan, limits, map_blocks)
    shapes: dict[tuple[int, int], list[int]] = {}
    for number, one in enumerate(conditioned):
        shapes.setdefault((one.program.steps, len(one.program.outcome.states)), []).append(number)
    found: dict[int, ProgramSums] = {}
    for numbers in shapes.values():
        programs = [share_nodes(conditioned[number].program, conditioned[numbers[0]].program) for number in numbers]
        found |= zip(numbers, run_each(programs, plan, map_blocks), strict=True)
    return [found[number] for number in range(len(conditioned))]


def _merge_batches(sums: ProgramSums, batches: int) -> ProgramSums:
    """The same in fewer batches: their sizes are powers of 2, so that some make up one of the others'."""
    starts = np.arange(0, len(sums.trials), -(-len(sums.trials) // batches))
    weights = None if sums.weights is None else np.add.reduceat(sums.weights, starts)
    added = np.add.reduceat(sums.trials, starts), np.add.reduceat(sums.visits, starts)
    return ProgramSums(*added, weights, sums.effective)


@dataclass(frozen=True)
class _VariantEstimates:
    """What was found of a variant.

    Attributes:
        sums: of what is reported, by step and their mean.
        said: what single trials can say of it.
        controls: where judgements are drawn, by how much they lie off their means.
        sampled: whether trials were drawn.
    """

    sums: ProgramSums
    said: SingleTrials
    controls: Controls | None
    sampled: bool

    @property
    def trials(self) -> float:
        """For how many independent trials those drawn stand; 0 where it is exact."""
        return self.sums.sampled if self.sampled else 0.0

    @property
    def rows(self) -> list[range]:
        """The rows of what is said whose means are reported."""
        every = range(len(self.said.steps))
        return [*(range(row, row + 1) for row in every), every]

    def estimate(self) -> tuple[Estimate, JudgementBand | None]:
        """Its likelihoods with errors and bands, shape (steps + 1, sets)."""
        found, bands = _estimate_ratios(*self.sums.weighted, self.controls)
        if self.trials:
            found = cover_unseen(
                found, self.trials, lambda: mean_limits_by_part(self.said.limits, self.rows), [self.said]
            )
        return found, bands

    def less(self, other: _VariantEstimates) -> tuple[Estimate, JudgementBand | None]:
        """The same of the differences to another one's, by method (10, 17), shape (steps + 1, sets).

        There is no band where something is observed: how likely that is weighs the draws of the judgements of each
        variant in another way.
        """
        apart = _difference_sums(other.sums, self.sums)
        found, bands = _estimate_ratios(apart.visits, apart.trials, self.controls)
        if self.said.seen or other.said.seen:
            levels = [_estimate_ratios(*one.sums.weighted, self.controls)[0].value for one in (self, other)]
            found, bands = Estimate(levels[0] - levels[1], found.error), None
        if self.sampled:
            said, trials = (self.said, other.said), min(self.trials, other.trials)
            found = cover_unseen(
                found, trials, lambda: mean_limits_by_part(said[0].less(said[1]), self.rows), said, lowest=-1.0
            )
        return found, bands


def _likelihoods(
    told: _VariantEstimates, reference: _VariantEstimates | None, titles: Mapping[str, str], first: int
) -> dict[str, Likelihood]:
    """The likelihoods of scenarios or groups, whose columns begin with `first`."""
    value, bands = told.estimate()
    apart = None if reference is None else told.less(reference)
    return {
        name: Likelihood(
            title,
            *_split_times(clip_probabilities(value.value[:, column])),
            SeriesErrors(*_split_times(value.error[:, column].tolist())),
            _band_of_column(bands, column),
            None
            if apart is None
            else LikelihoodChange(
                *_split_times(apart[0].value[:, column].tolist()),
                SeriesErrors(*_split_times(apart[0].error[:, column].tolist())),
                _band_of_column(apart[1], column),
            ),
        )
        for column, (name, title) in enumerate(titles.items(), start=first)
    }


def _joint_controls(variants: Sequence[Variant], draws: int) -> Controls:
    """By how much the judgements that any of the variants has drawn lie off their means."""
    columns = {column.tobytes(): column for one in variants for column in one.in_draws.program.controls.functions.T}
    return Controls(np.stack(list(columns.values()), axis=1) if columns else np.zeros((draws, 0)))


def _estimate_ratios(
    visits: Floats, trials: Floats, controls: Controls | None
) -> tuple[Estimate, JudgementBand | None]:
    """Ratios, or differences of them, with their errors, and where judgements are drawn their bands."""
    if controls is None:
        return ratio(visits, trials), None
    steady, whole = with_control_variates(over_draws(visits), controls), over_draws(trials)
    whole = whole if bool((whole == whole[0]).all()) else with_control_variates(whole, controls)
    return ratio(steady, whole), judgement_band(visits, trials, controls)


def _band_of_column(found: JudgementBand | None, column: int) -> Bands | None:
    if found is None or not np.isfinite(found.low).all():
        return None
    (*low, least), (*high, most) = found.low[:, column].tolist(), found.high[:, column].tolist()
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
        gone, new: the condition, where it is one: of the reference alone, or of the variant alone.
    """

    told: InputDifference
    part: str
    gone: VariantCondition | None = None
    new: VariantCondition | None = None


def _find_inputs(reference: Variant, variant: Variant) -> list[_InputEdit]:
    files, one, other = variant.apart, reference.conditioned, variant.conditioned
    found = [_InputEdit(told, part) for told, part in zip(files.told, files.parts, strict=True)]
    conditions: tuple[tuple[str, str, Sequence[VariantCondition], Sequence[VariantCondition]], ...] = (
        ("do", "imposed", one.interventions, other.interventions),
        ("given", "observed", one.observations, other.observations),
    )
    for form, said, *sides in conditions:
        here, there = ({each.text: each for each in side} for side in sides)
        for text in {**here, **there}:
            if (text in here) != (text in there):
                name = f"{form}({text})"
                told = InputDifference(name, said if text in here else None, said if text in there else None)
                found.append(_InputEdit(told, name, here.get(text), there.get(text)))
    return found


def _group_inputs(inputs: Sequence[_InputEdit]) -> tuple[dict[str, list[_InputEdit]], bool]:
    """What is switched at once: each difference, or all of a part where there are many; and whether it is by part."""
    alone = {one.told.path: [one] for one in inputs}
    if len(alone) <= MOST_SWITCHED:
        return alone, False
    parts: dict[str, list[_InputEdit]] = {}
    for one in inputs:
        parts.setdefault(one.part, []).append(one)
    return parts, True


def _by_importance(inputs: list[InputDifference], switching: Switching | None) -> list[InputDifference]:
    """The inputs as their effects are ordered, then those without one."""
    order = list(switching.effects) if switching and switching.by == "difference" else []
    return sorted(inputs, key=lambda one: order.index(one.path) if one.path in order else len(order))


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
        one, other = self.reference.program, self.variant.program
        if one.grid != other.grid or one.outcome.states != other.outcome.states:
            return None, "the models have different scenarios or steps, so that no input can be switched alone"
        parts, by_part = _group_inputs(self.inputs)
        if len(parts) > MOST_SWITCHED:
            return None, f"{len(parts)} parts of the file differ, too many to switch them one at a time"
        edits = self.variant.edits(by_part)
        switched = {
            name: program
            for name, items in parts.items()
            if (program := self._with(items, edits.get(name, ProgramEdit()))) is not None
        }
        under = (self.reference.conditioned, self.variant.conditioned, *switched.values())
        programs = [Conditioned(share_nodes(each.program, one), observations=each.observations) for each in under]
        try:
            found = _run_programs(programs, plan, limits_of_trials, map_blocks)
        except (ImpossibleEvidence, TooFewTrials) as error:
            return None, f"no input can be switched alone: {error.message}"
        base, whole, *rest = (
            self.common.quantities(each.program, sums) for each, sums in zip(programs, found, strict=True)
        )
        left = sum((sums.visits - base.visits for sums in rest), np.zeros_like(base.visits))
        first, *others = (self.common.scenarios_said(each) for each in programs)
        part = f"limits of {[*self.common.scenarios]} at {self.common.labels}, by part: {by_part}"
        limits = cache(
            lambda: self.variant.keep(
                part, lambda: _unseen_limits([first, *(replace(each, beside=first) for each in others)])
            )
        )
        moved = [_difference_sums(base, sums) for sums in (whole, *rest)]
        moved.append(ProgramSums(base.trials, moved[0].visits - left, None, _fewest_effective([base, whole, *rest])))
        together, *each, unexplained = (self._effect(sums, number, limits, plan) for number, sums in enumerate(moved))
        effects = dict(zip(switched, each, strict=True))
        return Switching(
            trials=int(base.trials.sum()) if plan else 0,
            by="part" if by_part else "difference",
            effects=dict(sorted(effects.items(), key=lambda item: -max(item[1].end, item[1].mean))),
            together=together,
            unexplained=unexplained,
        ), ""

    def _with(self, items: Sequence[_InputEdit], edit: ProgramEdit | None) -> Conditioned | None:
        """The reference with some of the differences, of the files by `edit`; None where they need others."""
        reference, gone, new = self.reference.conditioned, [one.gone for one in items], [one.new for one in items]
        do = [one for one in (*reference.interventions, *new) if isinstance(one, Intervention) and one not in gone]
        seen = [one for one in (*reference.observations, *new) if isinstance(one, Observation) and one not in gone]
        if edit is None or any(one.node not in reference.base.nodes for one in do):
            return None
        program = apply_interventions(edit.on(reference.base), do)
        # what is observed says states by their numbers in the program that it was read in
        asked = {atom.node for one in seen for atom in atoms(one.event)}
        here, there = self.reference.program.nodes, self.variant.program.nodes
        if any(not _same_states(program.nodes.get(name), nodes.get(name)) for name in asked for nodes in (here, there)):
            return None
        return Conditioned(program, observations=tuple(seen))

    def _effect(
        self, apart: ProgramSums, number: int, unseen: Callable[[], UnseenDifferences], plan: Plan | None
    ) -> Effect:
        """What becomes of the scenarios at the last step and in the mean."""
        columns = len(self.common.scenarios)
        moved = ratio(apart.visits[:, -2:, :columns], apart.trials)
        signs: Floats = np.sign(moved.value)
        variation = ratio((apart.visits[:, -2:, :columns] * signs).sum(axis=2) / 2, apart.trials)  # its signs as known
        if plan is not None:
            trials = plan.trials if apart.effective is None else apart.effective
            variation = cover_unseen_variation(
                variation, trials, moved.value, lambda: unseen().limits[number], lambda trials: unseen().missed(trials)
            )
        end, mean = variation.value.tolist()
        return Effect(
            end=end,
            mean=mean,
            standard_errors=Shift(*variation.error.tolist()),
            scenarios={
                name: Shift(*moved.value[:, column].tolist()) for column, name in enumerate(self.common.scenarios)
            },
        )


def _same_states(one: Node | None, other: Node | None) -> bool:
    """Whether two nodes are there and have the same states, or both are numeric."""
    if isinstance(one, CategoricalNode) and isinstance(other, CategoricalNode):
        return one.states == other.states
    return isinstance(one, NumericNode) and isinstance(other, NumericNode)


def _unseen_limits(said: Sequence[SingleTrials]) -> UnseenDifferences:
    """The limits of the differences of all others to the first, at the end and in the mean; last, of the remainder."""
    every = range(len(said[0].steps))
    limits = [mean_limits_by_part(one.less(said[0]), [every[-1:], every]) for one in said[1:]]
    return UnseenDifferences(said[0].least_share, (*limits, _remainder_limits(limits)))


def _remainder_limits(limits: Sequence[Limits]) -> Limits:
    """The limits of what the first differences are more than all others together, between -1 and 1."""
    (low, high), *others = limits
    low = low - sum((one[1] for one in others), np.zeros_like(low))
    high = high - sum((one[0] for one in others), np.zeros_like(high))
    return np.maximum(low, -1.0), np.minimum(high, 1.0)


def _difference_sums(base: ProgramSums, other: ProgramSums) -> ProgramSums:
    return ProgramSums(base.trials, other.visits - base.visits, None, _fewest_effective([base, other]))


def _fewest_effective(sums: Sequence[ProgramSums]) -> float | None:
    """For how many trials the fewest of those stand that agree with what is observed; None where nothing is."""
    return min((one.effective for one in sums if one.effective is not None), default=None)
