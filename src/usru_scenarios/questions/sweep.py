"""How do the likelihoods move with a judgement? One or two weights or other numbers over a range.

All points are run on the same random numbers, so that curves are smooth in what is varied, and the value at which two
scenarios are equally likely is found far more precisely than either likelihood: the root of their difference, whose
standard error is that of the difference there, divided by its slope (the delta method).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, product
from typing import Literal, NamedTuple

import numpy as np

from usru_scenarios.estimation.estimates import ratio
from usru_scenarios.language.text import parse_single_step
from usru_scenarios.language.variable import MOST_POINTS, SOURCE, Variable, too_many_points_error
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.model.judgements import JudgementEntry, judgements, with_values
from usru_scenarios.model.outline import Outline
from usru_scenarios.model.schema import Model
from usru_scenarios.problems import ModelError, Problem, QueryError, RequestError, list_choices, suggest_name
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.conditions import Conditioned, with_reports_of
from usru_scenarios.program.program import Program
from usru_scenarios.questions.difference_error_floors import Limits, SingleTrials, cover_unseen, part_limits
from usru_scenarios.questions.program_batches import ProgramSums, run_conditioned, run_each, share_nodes
from usru_scenarios.questions.run_description import describe_run
from usru_scenarios.questions.simulate.question import forecast_warnings
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.reading.overlays import resolve_path
from usru_scenarios.reading.request import Assignment
from usru_scenarios.results.sweep import Crossing, LikelihoodCurve, Sweep, Swept, Varied
from usru_scenarios.sampler.blocks import MapBlocks, Plan
from usru_scenarios.settings import RunSettings, SampleLimits
from usru_scenarios.source_text import SourceText
from usru_scenarios.timeline import Grid

SWEEP_TRIALS, GRID_TRIALS = 16_384, 4096
"""Trials of each point, for one variable and for two, where the points are many."""

MEAN = "mean"
"""The time that stands for the mean over all steps."""

SCALES = ("odds_per_point", "sd_per_point")
"""Paths of a single key, which could be taken for names of drivers."""

_MOST_REFINED = 20
"""So many crossings are followed up; where more are found, sampling can't tell two scenarios apart."""

_MOST_STEPS = 12
"""Further points that one crossing may take."""

_CLOSE_ENOUGH = 0.5
"""A root is near enough for its last correction where the difference is below this share of its standard error."""

_CLOSE_EXACTLY = 1e-10
"""... or below this, where there is no error."""

_LEAST_INTERVAL = 1e-6
"""... or where the points on both sides are this share of the first interval apart."""

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Axis:
    """A variable, understood.

    Attributes:
        weight: the driver or rule whose weight it is; None where it is another number.
        paths: of the judgements that are set, otherwise.
        present: as in `Varied`.
    """

    variable: Variable
    weight: str | None
    paths: tuple[Path, ...]
    present: float | None


@dataclass(frozen=True)
class SweepBase:
    """What is varied: a program, and the model that it is compiled from where more than weights vary.

    The one place where the programs of a sweep are made: uncertain judgements stand at their means here.
    """

    conditioned: Conditioned
    model: Model | None
    axes: tuple[Axis, ...]

    @property
    def program(self) -> Program:
        """The program under the interventions, nothing varied."""
        return self.conditioned.program

    def program_at(self, values: Sequence[float]) -> Program:
        """The program at a point."""
        weights = {axis.weight: value for axis, value in zip(self.axes, values, strict=True) if axis.weight is not None}
        others = {path: value for axis, value in zip(self.axes, values, strict=True) for path in axis.paths}
        program = self.program
        if others:
            assert self.model is not None
            compiled = with_reports_of(compile_model(with_values(self.model, others)), self.conditioned.base)
            program = share_nodes(self.conditioned.with_base(compiled).program, self.program)
        return program.reweight(weights) if weights else program


@dataclass(frozen=True)
class SweepPrograms:
    """The programs of all points, each made when it is asked for."""

    base: SweepBase
    points: Sequence[Sequence[float]]

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, number: int) -> Program:
        return self.base.program_at(self.points[number])


def sweep(
    variables: Sequence[Variable],
    outline: Outline,
    conditioned: Conditioned,
    load: Callable[[], Loaded],
    settings: RunSettings,
    *,
    at: Sequence[str] = (),
    map_blocks: MapBlocks = map,
) -> Sweep:
    """Vary one or two judgements; each point is sampled, unless the method is `exact`.

    `load` gives the model, and is called where more than weights vary. The times to read, `at`, are each `mean`,
    `start`, `end` or a step; by default they are `mean` and `end`.

    Raises:
        QueryError: a variable or time makes no sense in this model, or there are too many points.
        RequestError: a variable has no place in the file, or its values are out of bounds.
        ImpossibleEvidence, TooFewTrials: what is observed can't happen at a point, or too few trials agree with it.
        exact.TooLarge, exact.NotExact: an exact sweep was asked for that can't be had.
    """
    _check_variables(variables)
    program = conditioned.base
    default_times = ("now",) if not program.grid.months else (MEAN, "end") if program.steps > 1 else ("end",)
    times = {time: _steps_of_time(time, program.grid) for time in at or default_times}
    model, axes = parse_axes(variables, outline, program, load)
    plan = None if settings.method == "exact" else Plan(settings.trials, settings.seed)
    base = SweepBase(conditioned, model, axes)
    sweep_run = _SweepRun(base, outline, times, plan, settings.limits, map_blocks=map_blocks)
    sweep_run.run()
    effective = sweep_run.effective if plan else None
    varied = []
    for variable, axis in zip(variables, axes, strict=True):
        kind: Literal["weight", "path"] = "weight" if variable.name == axis.weight else "path"
        varied.append(Varied(variable.name, kind, list(variable.values), axis.present))
    return Sweep(
        model=outline.model,
        run=describe_run(outline, conditioned, seed=settings.seed, trials=sweep_run.trials, effective=effective),
        variables=varied,
        at=list(times),
        points=[list(point) for point in sweep_run.points],
        scenarios=sweep_run.curves(outline.scenarios, 0),
        groups=sweep_run.curves({name: name for name in base.program.groups}, len(outline.scenarios)),
        likeliest=sweep_run.likeliest(),
        crossings=sweep_run.crossings,
        warnings=forecast_warnings(outline, base.program),
    )


# What is asked --------------------------------------------------------------------------------------------------------


def _check_variables(variables: Sequence[Variable]) -> None:
    if not variables:
        raise QueryError(Problem("no_variable", "there is nothing to vary", hint="such as domestic_opposition=0..3"))
    if len(variables) > 2:
        raise variables[2].error("too_many_variables", "a sweep varies one or two things, and this is the third")
    if (count := math.prod(len(variable.values) for variable in variables)) > MOST_POINTS:
        raise too_many_points_error(SourceText(SOURCE, variables[-1].text), count)


def _steps_of_time(time: str, grid: Grid) -> range:
    """The steps over which a scenario is read.

    Raises:
        QueryError: the time is neither `mean` nor one step.
    """
    if time.strip() == MEAN:
        return range(grid.count)
    hint = "write mean, start, end or a step"
    step = parse_single_step(SourceText("--at", time), grid, ", and one is read at a time", hint)
    return range(step, step + 1)


def parse_axes(
    variables: Sequence[Variable], outline: Outline, program: Program, load: Callable[[], Loaded]
) -> tuple[Model | None, tuple[Axis, ...]]:
    """What the variables mean, and the model that holds their places; None where only weights by name are varied.

    Raises:
        QueryError, RequestError: as for `sweep`.
    """
    by_path = [variable for variable in variables if not _is_weight(variable, outline)]
    axes = {variable: _weight_axis(variable, program) for variable in variables if variable not in by_path}
    model = None
    if by_path:
        model, path_axes = _path_axes(by_path, load())
        axes |= path_axes
    ordered = tuple(axes[variable] for variable in variables)
    first, *others = ({axis.weight, *axis.paths} - {None} for axis in ordered)
    if others and first & others[0]:
        raise variables[1].error("same_variable", "both variables are the same number of the file")
    return model, ordered


def _is_weight(variable: Variable, outline: Outline) -> bool:
    """Whether a variable is the name of a driver or rule, and not a path."""
    name = variable.name
    if name in outline.drivers or name in outline.rules:
        return True
    if "." in name or name in SCALES:
        return False
    if name in outline.consequences:
        message = f"'{name}' is a consequence, which has no weight"
        raise variable.error("unknown_variable", message, "drivers and rules have weights")
    known = [*outline.drivers, *outline.rules, *SCALES]
    hint = suggest_name(name, known) or list_choices(known)
    raise variable.error("unknown_variable", f"unknown driver or rule '{name}'", hint)


def _weight_axis(variable: Variable, program: Program) -> Axis:
    if variable.values[0] < 0:
        message = f"a weight can't be negative, and this is {variable.values[0]:g}"
        raise variable.error("negative_weight", message, of_values=True)
    present = program.weights[variable.name]
    return Axis(variable, variable.name, (), float(present[0]) if np.ptp(present) == 0 else None)


def _path_axes(variables: Sequence[Variable], loaded: Loaded) -> tuple[Model, dict[Variable, Axis]]:
    """The judgements that paths set, and the model in which they are numbers; both ends must be right in the file."""
    low, high = (_with_values(loaded, [(variable, variable.values[end]) for variable in variables]) for end in (0, -1))
    return low.model, {variable: _path_axis(variable, low, high, loaded) for variable in variables}


def _with_values(loaded: Loaded, values: Sequence[tuple[Variable, float]]) -> Loaded:
    """The file with variables at values, held against the format."""
    assignments = tuple(Assignment(variable.name, value) for variable, value in values)
    try:
        return loaded.file.resolve(replace(loaded.request, overrides=(*loaded.request.overrides, *assignments)))
    except ModelError as error:
        faults = [fault for fault in error.problems if fault.severity == "error"]
        for place, fault in enumerate(faults):
            if fault.span and fault.span.source == "--set":
                faults[place] = replace(fault, span=replace(fault.span, source=SOURCE))
        raise RequestError(faults) from None


def _path_axis(variable: Variable, low: Loaded, high: Loaded, loaded: Loaded) -> Axis:
    path = resolve_path(low.tree, variable.name)

    def judgements_below(loaded: Loaded) -> dict[Path, JudgementEntry]:
        every = judgements(loaded.model)
        return {judged.path: judged for judged in every if judged.path[: len(path)] == path[: len(judged.path)]}

    at_low, at_high, at_present = map(judgements_below, (low, high, loaded))
    paths = tuple(key for key, high in at_high.items() if key not in at_low or at_low[key].judgement != high.judgement)
    first, last = variable.values[0], variable.values[-1]
    if not paths:
        message = f"nothing changes between {variable.name}={first:g} and {last:g}"
        hint = "a sweep varies a judgement that is a number: a weight, points, a prior, a persistence, odds_per_point"
        raise variable.error("nothing_varied", message, f"{hint}; -w and --sourced-only have the last word")
    present: set[float | None] = set()
    for key in paths:
        if key not in at_low or at_low[key].judgement.value != first or at_high[key].judgement.value != last:
            message = f"{variable.name} is more than one number"
            raise variable.error("no_number", message, "sweep a path to a single one")
        if key in at_present:
            present.add(at_present[key].mean(loaded.model.grid))
        else:  # what is meant where the file leaves it out, if that is a number
            present.add({"points": 0.0, "weight": 1.0}.get(at_high[key].role))
    section, *rest = paths[0]
    weight = str(rest[0]) if len(paths) == 1 and section in ("drivers", "rules") and rest[1:] == ["weight"] else None
    return Axis(variable, weight, () if weight else paths, present.pop() if len(present) == 1 else None)


# The points -----------------------------------------------------------------------------------------------------------


class _SweepPoint(NamedTuple):
    """A value of the variable, the sums there, and what single trials can say of them.

    Attributes:
        sums: shape (batches, times, scenarios + groups).
        single_trials: at every step.
    """

    value: float
    sums: ProgramSums
    single_trials: SingleTrials

    def limits(self, times: Sequence[range]) -> Limits:
        """The limits of means over times, in single trials."""
        return part_limits(self.single_trials.limits, times)


class _SweepRun:
    """All points of a sweep."""

    def __init__(
        self,
        base: SweepBase,
        outline: Outline,
        times: Mapping[str, range],
        plan: Plan | None,
        limits: SampleLimits,
        *,
        map_blocks: MapBlocks,
    ) -> None:
        self.base = base
        self.times = times
        self.plan = plan
        self.limits = limits
        self.trials = plan.trials if plan else 0
        """The most that were drawn for a point."""
        self.effective = math.inf
        """For how many independent trials those of a point stand, at the least."""
        self.map_blocks = map_blocks
        self.names = list(outline.scenarios)
        self.points = list(product(*(axis.variable.values for axis in base.axes)))
        index = base.program.outcome.states.index
        self.members = [*([index(name)] for name in self.names), *map(list, base.program.groups.values())]
        shape = (len(self.points), len(times), len(self.members))
        self.value, self.error = np.empty(shape), np.empty(shape)
        self.crossings: list[Crossing] = []

    def run(self) -> None:
        """Go through the points, and look for crossings where there is one variable."""
        leader_changes: list[tuple[str, _SweepPoint, _SweepPoint]] = []
        previous: _SweepPoint | None = None
        for number, point in enumerate(self._evaluate(self.points)):
            sums = point.sums
            estimate = ratio(sums.visits, sums.trials)
            if self.plan is not None:
                self.trials = max(self.trials, int(sums.trials.sum()))
                self.effective = min(self.effective, sums.sampled)
                limits = partial(point.limits, list(self.times.values()))
                estimate = cover_unseen(estimate, sums.sampled, limits, [point.single_trials])
            self.value[number], self.error[number] = np.clip(estimate.value, 0.0, 1.0), estimate.error
            if previous is not None and len(self.base.axes) == 1:
                leader_changes += [
                    (time, previous, point)
                    for time in self.times
                    if self._leader(time, previous) != self._leader(time, point)
                ]
            previous = point
        for time, low, high in sorted(leader_changes, key=lambda change: list(self.times).index(change[0])):
            self.crossings += self._find_crossings(time, low, high)

    def curves(self, titles: Mapping[str, str], first: int) -> dict[str, Swept]:
        """The curves of scenarios or groups, whose columns begin with `first`."""
        return {
            name: Swept(
                title,
                {
                    time: LikelihoodCurve(self.value[:, row, column].tolist(), self.error[:, row, column].tolist())
                    for row, time in enumerate(self.times)
                },
            )
            for column, (name, title) in enumerate(titles.items(), start=first)
        }

    def likeliest(self) -> dict[str, list[str]]:
        """The likeliest scenario at each point, by time."""
        leaders = self.value[:, :, : len(self.names)].argmax(axis=2)
        return {time: [self.names[leader] for leader in leaders[:, row]] for row, time in enumerate(self.times)}

    def _evaluate(self, points: Sequence[Sequence[float]]) -> Iterator[_SweepPoint]:
        """Run some points; where something is observed, each has as many trials as it needs."""
        base, observations = self.base, self.base.conditioned.observations
        conditioned = (Conditioned(base.program_at(point), observations=observations) for point in points)
        if observations:
            parts = (run_conditioned([each], self.plan, self.limits, self.map_blocks) for each in conditioned)
            sums_of_points: Iterator[ProgramSums] = chain.from_iterable(parts)
        else:
            sums_of_points = run_each(SweepPrograms(base, points), self.plan, self.map_blocks)
        steps, observed = range(base.program.steps), base.conditioned.observed_event.parts
        for point, sums in zip(points, sums_of_points, strict=True):
            single_trials = SingleTrials(partial(base.program_at, point), self.members, steps, observed)
            visits = sums.of(self.members, list(self.times.values()))
            yield _SweepPoint(point[0], sums._replace(visits=visits), single_trials)

    def _leader(self, time: str, point: _SweepPoint) -> int:
        row = list(self.times).index(time)
        return int(point.sums.visits[:, row, : len(self.names)].sum(axis=0).argmax())

    # Crossings --------------------------------------------------------------------------------------------------------

    def _find_crossings(self, time: str, low: _SweepPoint, high: _SweepPoint) -> Iterator[Crossing]:
        """Where the likeliest scenario changes between two places; more than once where a third one leads between."""
        leader, next_leader = self._leader(time, low), self._leader(time, high)
        if leader == next_leader:
            return
        if len(self.crossings) >= _MOST_REFINED:
            yield Crossing(time, self.names[leader], self.names[next_leader], low.value, high.value, None, None)
            return
        row = list(self.times).index(time)
        gap = _Gap(row, self.times[time], leader, next_leader, sampled=self.plan is not None)
        root, value, error = self._find_root(gap, low, high)
        middle_leader = self._leader(time, root)
        if middle_leader not in (leader, next_leader) and low.value < root.value < high.value:
            yield from self._find_crossings(time, low, root)
            yield from self._find_crossings(time, root, high)
            return
        solution = (value, error) if error <= high.value - low.value else (None, None)
        yield Crossing(time, self.names[leader], self.names[next_leader], low.value, high.value, *solution)

    def _find_root(self, gap: _Gap, low: _SweepPoint, high: _SweepPoint) -> tuple[_SweepPoint, float, float]:
        """The last place looked at, where two scenarios are equally likely, and that value's error: method (53)."""
        (left, _), (right, _) = gap.at(low), gap.at(high)
        slope = (right - left) / (high.value - low.value)
        start, end, point, last_side = low.value, high.value, low, 0
        for _ in range(_MOST_STEPS):
            value = start + (end - start) * (left / (left - right)) if left != right else (start + end) / 2
            (point,) = self._evaluate([[value]])
            difference, error = gap.at(point)
            is_narrow = end - start < _LEAST_INTERVAL * (high.value - low.value)
            if abs(difference) <= max(_CLOSE_ENOUGH * error, _CLOSE_EXACTLY) or is_narrow:
                break
            if difference > 0:
                start, left, right, last_side = point.value, difference, right / 2 if last_side > 0 else right, 1
            else:
                end, right, left, last_side = point.value, difference, left / 2 if last_side < 0 else left, -1
        difference, error = gap.at(point)
        if not slope:
            return point, point.value, math.inf
        return point, min(max(point.value - difference / slope, low.value), high.value), error / abs(slope)


class _Gap(NamedTuple):
    """By how much one scenario is likelier than another at a time, given by its row and its steps."""

    row: int
    steps: range
    leader: int
    follower: int
    sampled: bool

    def at(self, point: _SweepPoint) -> tuple[float, float]:
        """The difference and its standard error."""
        visits = point.sums.visits[:, self.row]
        leader, follower = self.leader, self.follower
        difference = ratio(visits[:, leader] - visits[:, follower], point.sums.trials)

        def limits() -> Limits:
            (low,), (high,) = point.limits([self.steps])
            return np.asarray(low[leader] - high[follower]), np.asarray(high[leader] - low[follower])

        if self.sampled:
            difference = cover_unseen(difference, point.sums.sampled, limits, [point.single_trials], lowest=-1.0)
        return float(difference.value), float(difference.error)
