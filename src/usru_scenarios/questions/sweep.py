"""How do the likelihoods move with a judgement? One or two weights or other numbers over a range.

All points are run on the same random numbers, so that curves are smooth in what is varied, and the value at which two
scenarios are equally likely is found far more precisely than either likelihood: the root of their difference, whose
standard error is that of the difference there, divided by its slope (the delta method).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np

from usru_scenarios.estimation.estimates import Estimate, ratio
from usru_scenarios.language.text import one_step
from usru_scenarios.language.variable import MOST_POINTS, SOURCE, Variable, too_many
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.model.judgements import JudgementEntry, JudgementRole, judgements, with_values
from usru_scenarios.model.outline import Outline
from usru_scenarios.model.schema import Model
from usru_scenarios.problems import ModelError, Problem, QueryError, RequestError, listing, suggestion
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.conditions import Conditioned, with_reports_of
from usru_scenarios.program.program import Program
from usru_scenarios.questions.described import describe_run
from usru_scenarios.questions.difference_error_floors import Limits, SingleTrials, cover_unseen, part_limits
from usru_scenarios.questions.program_batches import ProgramSums, run_conditioned, run_each, share_nodes
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

    @property
    def is_named(self) -> bool:
        """Whether it is written as the name of a driver or rule."""
        return self.variable.name == self.weight


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

    def conditioned_at(self, values: Sequence[float]) -> Conditioned:
        """The program at a point, and what is observed."""
        return Conditioned(self.at(values), observations=self.conditioned.observations)

    def at(self, values: Sequence[float]) -> Program:
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
        return self.base.at(self.points[number])


def sweep(
    variables: Sequence[Variable],
    outline: Outline,
    conditioned: Conditioned,
    loaded: Callable[[], Loaded],
    settings: RunSettings,
    *,
    at: Sequence[str] = (),
    map_blocks: MapBlocks = map,
) -> Sweep:
    """Vary one or two judgements; each point is sampled, unless the method is `exact`.

    The model is asked of `loaded` where more than weights vary. The times to read, `at`, are each `mean`, `start`,
    `end` or a step; by default they are `mean` and `end`.

    Raises:
        QueryError: a variable or time makes no sense in this model, or there are too many points.
        RequestError: a variable has no place in the file, or its values are out of bounds.
        ImpossibleEvidence, TooFewTrials: what is observed can't happen at a point, or too few trials agree with it.
        exact.TooLarge, exact.NotExact: an exact sweep was asked for that can't be had.
    """
    _check_variables(variables)
    base, program = conditioned.base, conditioned.program
    times = {one: _steps_of_time(one, base.grid) for one in at or _default_times(base)}
    model, axes = parse_axes(variables, outline, base, loaded)
    plan = None if settings.method == "exact" else Plan(settings.trials, settings.seed)
    sweep_run = _SweepRun(
        SweepBase(conditioned, model, axes), outline, times, plan, settings.limits, map_blocks=map_blocks
    )
    sweep_run.run()
    effective = sweep_run.effective if plan else None
    return Sweep(
        model=outline.model,
        run=describe_run(outline, conditioned, seed=settings.seed, trials=sweep_run.trials, effective=effective),
        variables=[
            Varied(axis.variable.name, "weight" if axis.is_named else "path", list(axis.variable.values), axis.present)
            for axis in axes
        ],
        at=list(times),
        points=[list(point) for point in sweep_run.points],
        scenarios=sweep_run.curves(outline.scenarios, 0),
        groups=sweep_run.curves({name: name for name in program.groups}, len(outline.scenarios)),
        likeliest=sweep_run.likeliest(),
        crossings=sweep_run.crossings,
        warnings=forecast_warnings(outline, program),
    )


# What is asked --------------------------------------------------------------------------------------------------------


def _check_variables(variables: Sequence[Variable]) -> None:
    if not variables:
        raise QueryError(Problem("no_variable", "there is nothing to vary", hint="such as domestic_opposition=0..3"))
    if len(variables) > 2:
        raise variables[2].error("too_many_variables", "a sweep varies one or two things, and this is the third")
    if (points := math.prod(len(one.values) for one in variables)) > MOST_POINTS:
        raise too_many(SourceText(SOURCE, variables[-1].text), points)


def _default_times(program: Program) -> tuple[str, ...]:
    return ("now",) if not program.grid.months else (MEAN, "end") if program.steps > 1 else ("end",)


def _steps_of_time(time: str, grid: Grid) -> range:
    """The steps over which a scenario is read.

    Raises:
        QueryError: the time is neither `mean` nor one step.
    """
    if time.strip() == MEAN:
        return range(grid.count)
    hint = "write mean, start, end or a step"
    step = one_step(SourceText("--at", time), grid, ", and one is read at a time", hint)
    return range(step, step + 1)


def parse_axes(
    variables: Sequence[Variable], outline: Outline, program: Program, loaded: Callable[[], Loaded]
) -> tuple[Model | None, tuple[Axis, ...]]:
    """What the variables mean, and the model that holds their places; None where only weights by name are varied.

    Raises:
        QueryError, RequestError: as for `sweep`.
    """
    paths = [one for one in variables if not _is_weight(one, outline)]
    weights = {one: _weight_axis(one, program) for one in variables if one not in paths}
    if not paths:
        model, axes = None, weights
    else:
        model, others = _path_axes(paths, loaded())
        axes = {**weights, **others}
    ordered = tuple(axes[one] for one in variables)
    if len(ordered) == 2 and not {ordered[0].weight, *ordered[0].paths}.isdisjoint(
        {ordered[1].weight, *ordered[1].paths} - {None}
    ):
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
    raise variable.error(
        "unknown_variable", f"unknown driver or rule '{name}'", suggestion(name, known) or listing(known)
    )


def _weight_axis(variable: Variable, program: Program) -> Axis:
    if variable.values[0] < 0:
        message = f"a weight can't be negative, and this is {variable.values[0]:g}"
        raise variable.error("negative_weight", message, of_values=True)
    present = program.weights[variable.name]
    return Axis(variable, variable.name, (), float(present[0]) if np.ptp(present) == 0 else None)


def _path_axes(variables: Sequence[Variable], loaded: Loaded) -> tuple[Model, dict[Variable, Axis]]:
    """The judgements that paths set, and the model in which they are numbers; both ends must be right in the file."""
    low, high = (_with_values(loaded, [(one, one.values[end]) for one in variables]) for end in (0, -1))
    return low.model, {one: _path_axis(one, low, high, loaded) for one in variables}


def _with_values(loaded: Loaded, values: Sequence[tuple[Variable, float]]) -> Loaded:
    """The file with variables at values, held against the format."""
    further = tuple(Assignment(one.name, value) for one, value in values)
    try:
        return loaded.file.resolve(replace(loaded.request, overrides=(*loaded.request.overrides, *further)))
    except ModelError as error:
        raise RequestError(
            replace(one, span=replace(one.span, source=SOURCE)) if one.span and one.span.source == "--set" else one
            for one in error.problems
            if one.severity == "error"
        ) from None


def _path_axis(variable: Variable, low: Loaded, high: Loaded, loaded: Loaded) -> Axis:
    way = resolve_path(low.tree, variable.name)
    before, after, present = (
        {judged.path: judged for judged in judgements(each.model) if judged.path[: len(way)] == way[: len(judged.path)]}
        for each in (low, high, loaded)
    )
    first, last = variable.values[0], variable.values[-1]
    paths = tuple(
        path for path, judged in after.items() if path not in before or before[path].judgement != judged.judgement
    )
    if not paths:
        message = f"nothing changes between {variable.name}={first:g} and {last:g}"
        hint = "a sweep varies a judgement that is a number: a weight, points, a prior, a persistence, odds_per_point"
        raise variable.error("nothing_varied", message, f"{hint}; -w and --sourced-only have the last word")
    if any(
        path not in before or before[path].judgement.value != first or after[path].judgement.value != last
        for path in paths
    ):
        raise variable.error("no_number", f"{variable.name} is more than one number", "sweep a path to a single one")
    now = {_present_value(present.get(path), after[path].role, loaded.model.grid) for path in paths}
    section, *rest = paths[0]
    weight = str(rest[0]) if len(paths) == 1 and section in ("drivers", "rules") and rest[1:] == ["weight"] else None
    return Axis(variable, weight, () if weight else paths, now.pop() if len(now) == 1 else None)


def _present_value(judged: JudgementEntry | None, role: JudgementRole, grid: Grid) -> float | None:
    """The value of a judgement; of one that the file leaves out, what is meant then, if that is a number."""
    if judged is None:
        return {"points": 0.0, "weight": 1.0}.get(role)
    return judged.mean(grid)


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


class _SweepRun:
    """All points of a sweep."""

    def __init__(
        self,
        ground: SweepBase,
        outline: Outline,
        times: Mapping[str, range],
        plan: Plan | None,
        limits: SampleLimits,
        *,
        map_blocks: MapBlocks,
    ) -> None:
        self.base = ground
        self.times = times
        self.plan = plan
        self.limits = limits
        self.trials = plan.trials if plan else 0
        """The most that were drawn for a point."""
        self.effective = math.inf
        """For how many independent trials those of a point stand, at the least."""
        self.map_blocks = map_blocks
        self.names = list(outline.scenarios)
        self.points = list(product(*(axis.variable.values for axis in ground.axes)))
        program = ground.program
        index = program.outcome.states.index
        self.members = [*([index(name)] for name in self.names), *(list(one) for one in program.groups.values())]
        shape = (len(self.points), len(times), len(self.members))
        self.value, self.error = np.empty(shape), np.empty(shape)
        self.crossings: list[Crossing] = []

    def run(self) -> None:
        """Go through the points, and look for crossings where there is one variable."""
        changes: list[tuple[str, _SweepPoint, _SweepPoint]] = []
        before: _SweepPoint | None = None
        for number, here in enumerate(self._points_with_sums(self.points)):
            sums = here.sums
            found = ratio(sums.visits, sums.trials)
            if self.plan is not None:
                self.trials = max(self.trials, int(sums.trials.sum()))
                self.effective = min(self.effective, sums.sampled)
                found = self._cover_unseen(found, here)
            self.value[number], self.error[number] = np.clip(found.value, 0.0, 1.0), found.error
            if before is not None and len(self.base.axes) == 1:
                changes += [
                    (time, before, here)
                    for time in self.times
                    if self._likeliest_at(time, before) != self._likeliest_at(time, here)
                ]
            before = here
        for time, low, high in sorted(changes, key=lambda change: list(self.times).index(change[0])):
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

    def _sums_at(self, points: Sequence[Sequence[float]]) -> Iterator[ProgramSums]:
        """The sums at some points; where something is observed, each has as many trials as it needs."""
        if not self.base.conditioned.observations:
            yield from run_each(SweepPrograms(self.base, points), self.plan, self.map_blocks)
            return
        for point in points:
            yield from run_conditioned([self.base.conditioned_at(point)], self.plan, self.limits, self.map_blocks)

    def _points_with_sums(self, points: Sequence[Sequence[float]]) -> Iterator[_SweepPoint]:
        """Some points, with what single trials can say there."""
        ground, times = self.base, list(self.times.values())
        for point, sums in zip(points, self._sums_at(points), strict=True):
            steps, seen = range(ground.program.steps), ground.conditioned.observed_event.parts
            said = SingleTrials(partial(ground.at, point), self.members, steps, seen)
            yield _SweepPoint(point[0], sums._replace(visits=sums.of(self.members, times)), said)

    def _cover_unseen(self, found: Estimate, here: _SweepPoint) -> Estimate:
        times = list(self.times.values())
        return cover_unseen(
            found, here.sums.sampled, lambda: part_limits(here.single_trials.limits, times), [here.single_trials]
        )

    def _likeliest_at(self, time: str, place: _SweepPoint) -> int:
        row = list(self.times).index(time)
        return int(place.sums.visits[:, row, : len(self.names)].sum(axis=0).argmax())

    # Crossings --------------------------------------------------------------------------------------------------------

    def _find_crossings(self, time: str, low: _SweepPoint, high: _SweepPoint) -> Iterator[Crossing]:
        """Where the likeliest scenario changes between two places; more than once where a third one leads between."""
        before, after = self._likeliest_at(time, low), self._likeliest_at(time, high)
        if before == after:
            return
        if len(self.crossings) >= _MOST_REFINED:
            yield Crossing(time, self.names[before], self.names[after], low.value, high.value, None, None)
            return
        row = list(self.times).index(time)
        gap = _Gap(row, self.times[time], before, after, sampled=self.plan is not None)
        place, value, error = self._find_root(gap, low, high)
        between = self._likeliest_at(time, place)
        if between not in (before, after) and low.value < place.value < high.value:
            yield from self._find_crossings(time, low, place)
            yield from self._find_crossings(time, place, high)
            return
        known = error <= high.value - low.value
        yield Crossing(
            time,
            self.names[before],
            self.names[after],
            low.value,
            high.value,
            value if known else None,
            error if known else None,
        )

    def _find_root(self, gap: _Gap, low: _SweepPoint, high: _SweepPoint) -> tuple[_SweepPoint, float, float]:
        """The last place looked at, where two scenarios are equally likely, and that value's error: method (53)."""
        (left, _), (right, _) = gap.at(low), gap.at(high)
        slope = (right - left) / (high.value - low.value)
        start, end, place, side = low.value, high.value, low, 0
        for _ in range(_MOST_STEPS):
            value = start + (end - start) * (left / (left - right)) if left != right else (start + end) / 2
            (place,) = self._points_with_sums([[value]])
            found, error = gap.at(place)
            if abs(found) <= max(_CLOSE_ENOUGH * error, _CLOSE_EXACTLY) or end - start < _LEAST_INTERVAL * (
                high.value - low.value
            ):
                break
            if found > 0:
                start, left, right, side = place.value, found, right / 2 if side > 0 else right, 1
            else:
                end, right, left, side = place.value, found, left / 2 if side < 0 else left, -1
        found, error = gap.at(place)
        if not slope:
            return place, place.value, math.inf
        return place, min(max(place.value - found / slope, low.value), high.value), error / abs(slope)


class _Gap(NamedTuple):
    """By how much one scenario is likelier than another at a time, given by its row and its steps."""

    row: int
    steps: range
    before: int
    after: int
    sampled: bool

    def at(self, place: _SweepPoint) -> tuple[float, float]:
        """The difference and its standard error."""
        visits = place.sums.visits[:, self.row]
        found = ratio(visits[:, self.before] - visits[:, self.after], place.sums.trials)
        if self.sampled:
            found = cover_unseen(
                found, place.sums.sampled, lambda: self._limits(place.single_trials), [place.single_trials], lowest=-1.0
            )
        return float(found.value), float(found.error)

    def _limits(self, said: SingleTrials) -> Limits:
        (low,), (high,) = part_limits(said.limits, [self.steps])
        one, other = self.before, self.after
        return np.asarray(low[one] - high[other]), np.asarray(high[one] - low[other])
