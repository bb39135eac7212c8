"""One forward pass over the joint table of the variables that must be remembered, which answers a question.

`ForwardPass.plan` says step by step which tasks are done in which order, `cost` what they take, and `run` does them.
What has no bearing on the question is left out: a step knows no variable that nothing asked for depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cached_property, partial
from typing import TypeVar

import numpy as np

from usru_scenarios.exact.discretize import (
    ConditionalTable,
    DiscretizedModel,
    EffectiveLaws,
    StateFunction,
    Truths,
    broadcast_to_axes,
    relevant,
    union,
)
from usru_scenarios.exact.formula_states import FormulaState, split_by_predicates, start
from usru_scenarios.exact.quadrature import LatentQuadrature
from usru_scenarios.exact.variable_elimination import (
    BUILD,
    CHANNELS,
    Axes,
    ContractionCost,
    ContractionStep,
    EliminationTask,
    FirstPassage,
    JointRequest,
    order,
    read,
    split_channels,
    summed,
)
from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import Compared, Formula, InStates, Timed, atom_truth, atoms, timed_parts, truth
from usru_scenarios.program.laws import JUDGEMENTS, Parent
from usru_scenarios.program.program import Floats

Thing = TypeVar("Thing")

# Questions -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PassQuestion:
    """What one pass is asked for.

    Attributes:
        events: whose probabilities are wanted.
        reported: nodes whose distribution is wanted at every step.
        pairs: whether it is wanted how often a scenario follows another.
        visits: sets of scenarios whose first visits are wanted, with nothing else; only without observations, and where
            all scenarios are kept alike and a redraw reads no state of its own, method (37).
        given: what has been observed: everything is asked of the trials in which it comes true. None for all trials.
    """

    events: tuple[Formula, ...] = ()
    reported: tuple[str, ...] = ()
    pairs: bool = False
    visits: tuple[frozenset[int], ...] = ()
    given: Formula | None = None

    def halves(self) -> tuple[PassQuestion, PassQuestion] | None:
        """Two smaller questions in its place, or None where it asks one thing only."""
        asks = partial(PassQuestion, given=self.given)
        if self.events and (self.reported or self.pairs):
            return asks(self.events), asks((), self.reported, self.pairs)
        if self.reported and self.pairs:
            return asks((), self.reported), asks(pairs=True)
        return (
            _halved(self.events, lambda part: asks(events=part))
            or _halved(self.reported, lambda part: asks(reported=part))
            or _halved(self.visits, lambda part: asks(visits=part))
        )


def _halved(
    things: tuple[Thing, ...], ask: Callable[[tuple[Thing, ...]], PassQuestion]
) -> tuple[PassQuestion, PassQuestion] | None:
    middle = len(things) // 2
    return (ask(things[:middle]), ask(things[middle:])) if middle else None


@dataclass
class PassAnswer:
    """What a pass finds: in each draw of the judgements, or, where nothing depends on them, in one.

    Attributes:
        decided: shape (events or visits, draws, steps), the probability that an event becomes certain at a step, or
            that this is the first visit; an event's own probability is the sum over the steps, which alone is kept
            where no more is wanted: then the last axis has one place.
        reports: for each reported node and step, shape (size of each variable ..., draws), the joint distribution of
            the variables that it is a function of.
        pairs: shape (scenarios, scenarios, draws), sums over the steps of P(a at t, b at t + 1).
        evidence: where something was observed, shape (draws, steps): see `smoothing`.
        log_scale: what the logarithm of the evidence at the last step lacks.
    """

    decided: Floats
    reports: dict[tuple[str, int], Floats]
    pairs: Floats
    evidence: Floats = field(default_factory=lambda: np.zeros((1, 0)))
    log_scale: float = 0.0

    def plus(self, other: PassAnswer) -> PassAnswer:
        """The sum of the answers of two parts of one question."""
        reports = {key: joint + other.reports[key] for key, joint in self.reports.items()}
        return PassAnswer(
            self.decided + other.decided,
            reports,
            self.pairs + other.pairs,
            self.evidence + other.evidence,
            self.log_scale,
        )


# Passes --------------------------------------------------------------------------------------------------------------


_KEPT = 1 << 18
"""Conditional tables of a pass are kept for when it is run again where they have no more entries than this."""


class ForwardPass:
    """A forward pass that answers a question; over a part of a latent variable's points if one is named.

    Raises:
        NotExact: see `DiscretizedModel`.
    """

    def __init__(self, laws: EffectiveLaws, question: PassQuestion, part: tuple[str, slice] | None = None) -> None:
        self.question = question
        self.part = part
        self.events = self._followed(laws.program.steps)
        self.timed = list(dict.fromkeys(one for event in self.events for one in timed_parts(event)))
        self.steps = self._length(laws.program.steps)
        self.root = question.given is None and bool(question.reported or question.pairs)
        active = [tuple(one for one in self.timed if step in one.steps) for step in range(self.steps)]
        read = [[atom for one in timed for atom in atoms(one)] for timed in active]
        followed = (OUTCOME,) if question.pairs or question.visits else ()
        whole = DiscretizedModel(laws, read, (*question.reported, *followed))
        self.whole = whole
        self.finite = whole if part is None else whole.narrowed(*part)
        self.drawn = whole.drawn
        self.draws = whole.drawn[0].size if whole.drawn else 1
        self.active = active
        self._arrangements: dict[Hashable, tuple[list[ContractionStep], list[FormulaState]]] = {}
        self._kept = StepFactors(every=True)

    def _followed(self, _steps: int) -> tuple[Formula, ...]:
        """The events whose trials are kept apart in channels."""
        return self.question.events

    def _start(self) -> tuple[list[FormulaState], list[int]]:
        """The channels before the first step, and the events that are certain at once; each visit has a channel."""
        if self.question.visits and self.question.given is None:
            return [FormulaState(True, ())] * len(self.question.visits), []
        return start(self.events, root=self.root)

    def _length(self, steps: int) -> int:
        """How many steps matter."""
        if any(one.steps and not 0 <= min(one.steps) <= max(one.steps) < steps for one in self.timed):
            raise ValueError(f"an event's time is off the grid of {steps} steps")
        if self.question.reported or self.question.pairs or self.question.visits:
            return steps
        return max((max(one.steps) + 1 for one in self.timed if one.steps), default=1)

    # Planning --------------------------------------------------------------------------------------------------------

    def _readings(self, step: int) -> list[EliminationTask]:
        """The tasks of a step that read the table."""
        finite, tasks = self.finite, []
        groups: dict[Axes, dict[Timed, Truths]] = {}
        for one in self.active[step]:
            axes = union(*(finite.reading(atom.node, step).variables for atom in atoms(one)))
            groups.setdefault(axes, {})[one] = _holds(one.predicate, finite, step, axes)
        drawn = self.drawn
        tasks += [EliminationTask(predicates, (*axes, *drawn), drawn=drawn) for axes, predicates in groups.items()]
        for name in self.question.reported:
            axes = (*finite.reading(name, step).variables, *drawn)
            tasks.append(EliminationTask(JointRequest(name, axes), axes))
        if self.question.pairs and step:
            axes = (*union(*(reading.variables for reading in self._sequence(step))), *drawn)
            tasks.append(EliminationTask(JointRequest(OUTCOME, axes, pairs=True), axes))
        if self.question.visits and self.question.given is None and not finite.copies(OUTCOME, step):
            move = finite.move(OUTCOME, step)
            tasks.append(EliminationTask(FirstPassage(move, self.question.visits), union(move.redraw_parents, drawn)))
        return tasks

    def _sequence(self, step: int) -> tuple[StateFunction, StateFunction]:
        """The scenario of the step before, and the one of the step."""
        return self.finite.reading(OUTCOME, step, 1), self.finite.reading(OUTCOME, step)

    @property
    def plan(self) -> list[list[ContractionStep]]:
        """What is done at each step, in a good order; steps at which the same is done share their stages."""
        return [stages for stages, _ in self.arrangement]

    @cached_property
    def arrangement(self) -> list[tuple[list[ContractionStep], list[FormulaState]]]:
        """The plan, with the channels that there are after each step."""
        finite = self.finite
        readings = [self._readings(step) for step in range(self.steps)]
        wanted = [[(axis.node, axis.lag) for task in tasks for axis in task.uses] for tasks in readings]
        needed = relevant(wanted, finite.sources)
        steps: list[tuple[list[ContractionStep], list[FormulaState]]] = []
        channels = self._start()[0]
        axes: Axes = ()
        tasks = self._tasks(readings[0], needed[0], 0) if readings else []
        for step in range(self.steps):
            later: list[EliminationTask] = []
            kept: set[str] = set()
            if step + 1 < self.steps:
                later = self._tasks(readings[step + 1], needed[step + 1], step + 1)
                kept = {axis.node for task in later for axis in task.uses if axis.lag}
                kept |= {name for name in needed[step + 1] if finite.copies(name, step + 1)}
            elif self.question.given is not None:
                kept = {axis.node for axis in self.drawn}  # what was observed is told in each draw at the end too
            axes = tuple(Parent(axis.node, int(not finite.copies(axis.node, step)), axis.size) for axis in axes)
            stages, channels = self._arranged(axes, tasks, frozenset(kept), channels, step)
            steps.append((stages, channels))
            axes, tasks = stages[-1].after if stages else axes, later
        return steps

    def _tasks(self, readings: list[EliminationTask], needed: set[str], step: int) -> list[EliminationTask]:
        """All tasks of a step: the moves of the variables that matter, and the readings."""
        tasks = []
        sequence = next(
            (task.what for task in readings if isinstance(task.what, JointRequest) and task.what.pairs), None
        )
        several = sequence is not None and len(sequence.axes) - len(self.drawn) > 1
        passing = sequence if several and self.question.given is None else None
        for name in sorted(needed):
            if self.finite.copies(name, step):
                continue
            move = self.finite.move(name, step)
            brings = Parent(name, 0, move.law.size)
            report = passing if name == OUTCOME else None
            uses = union(move.parents, [brings], report.axes if report else ())
            tasks.append(EliminationTask(move, uses, brings, report))
        return tasks + [task for task in readings if passing is None or task.what is not passing]

    def _arranged(
        self, axes: Axes, tasks: list[EliminationTask], kept: frozenset[str], channels: list[FormulaState], step: int
    ) -> tuple[list[ContractionStep], list[FormulaState]]:
        """The tasks in a good order, with the axes that the table has before and after each."""
        if any(isinstance(task.what, dict) for task in tasks):
            return self._placed(axes, tasks, kept, channels, step)
        same = axes, tuple(tasks), kept, len(channels)
        if same not in self._arrangements:
            self._arrangements[same] = self._placed(axes, tasks, kept, channels, step)
        return self._arrangements[same][0], channels

    def _placed(
        self, axes: Axes, tasks: list[EliminationTask], kept: frozenset[str], channels: list[FormulaState], step: int
    ) -> tuple[list[ContractionStep], list[FormulaState]]:
        everything = union(axes, *(task.uses for task in tasks))
        bit = {axis: 1 << place for place, axis in enumerate(everything)}
        stay = {axis for axis in everything if axis.lag == 0 and axis.node in kept}
        chosen = order(
            tuple(axis.size for axis in everything),
            sum(bit[axis] for axis in axes),
            sum(bit[axis] for axis in stay),
            tuple((sum(bit[a] for a in task.uses), bit[task.brings] if task.brings else 0) for task in tasks),
        )
        stages: list[ContractionStep] = []
        for place, number in enumerate(chosen):
            task = tasks[number]
            needed = stay.union(*(tasks[other].uses for other in chosen[place + 1 :]))
            parting = None
            before = len(channels)
            if isinstance(task.what, dict):
                parting = split_by_predicates(channels, step, task.what, root=self.root)
                channels = parting.channels
            stages.append(ContractionStep.of(task, axes, needed, (before, len(channels)), parting))
            axes = stages[-1].after
        return stages, channels

    @cached_property
    def cost(self) -> ContractionCost:
        """Predicted from the plan."""
        stages = [stage for step in self.plan for stage in step]
        tables: dict[str, int] = {}
        operations = sum(stage.operations for stage in stages)
        built: dict[str, ConditionalTable] = {}
        for stage in stages:
            if isinstance(stage.task.what, ConditionalTable | FirstPassage):
                move = stage.move
                tables[move.law.name] = max(tables.get(move.law.name, 0), stage.conditional)
                if built.get(move.law.name) is not move:
                    operations += stage.conditional * BUILD
                    built[move.law.name] = move
        entries = max((stage.entries for stage in stages), default=1)
        return ContractionCost(entries, 8 * (3 * entries + sum(tables.values())), operations)

    @property
    def widest(self) -> LatentQuadrature | None:
        """The latent variable with the most points, over parts of which the pass could go."""
        latents = [latent for latent in self.finite.latents.values() if latent.name != JUDGEMENTS]
        return max(latents, key=lambda latent: (len(latent.points), latent.name), default=None)

    # Running ---------------------------------------------------------------------------------------------------------

    def run(self, *, by_step: bool = True) -> PassAnswer:
        """Go through the steps.

        Args:
            by_step: whether it is wanted at which step events become certain; of a thousand events over a thousand
                steps that is gigabytes in 512 draws.
        """
        scenarios = len(self.finite.program.outcome.states)
        followed = len(self.question.events or self.question.visits)
        shape = followed, self.draws, self.steps if by_step else 1
        answer = PassAnswer(np.zeros(shape), {}, np.zeros((scenarios, scenarios, self.draws)))
        channels, sure = self._start()
        answer.decided[sure, :, :1] = 1.0 if self.part is None else self.finite.latents[self.part[0]].weights.sum()
        table = np.ones(len(channels))
        tables = self._tables()
        for number, stages in enumerate(self.plan):
            for stage in stages:
                table = self._apply(stage, number, table, answer, tables)
        return answer

    def possible(self) -> bool:
        """Whether any event comes true on a path of positive probability, however small: no number is ever lost."""
        answer = PassAnswer(np.zeros((len(self.events), self.draws, 1)), {}, np.zeros(0))
        channels, sure = self._start()
        table, tables = np.ones(len(channels)), self._tables()
        for number, stages in enumerate(self.plan):
            for stage in stages:
                table = (self._apply(stage, number, table, answer, tables) > 0.0).astype(np.float64)
        return bool(sure) or bool((answer.decided > 0.0).any())

    def _tables(self) -> StepFactors:
        return self._kept if self._light else StepFactors(every=False)

    @cached_property
    def _light(self) -> bool:
        """Whether the conditional tables of all steps can be kept."""
        stages = {stage for step in self.plan for stage in step}
        return sum(stage.conditional for stage in stages) <= _KEPT

    def _apply(
        self, stage: ContractionStep, step: int, table: Floats, answer: PassAnswer, tables: StepFactors
    ) -> Floats:
        """Do a task; the table before it may be overwritten."""
        place = min(step, answer.decided.shape[2] - 1)
        match stage.task.what:
            case ConditionalTable():
                return (self._mixed if stage.mixes else self._moved)(stage, step, table, tables, answer)
            case JointRequest() as report:
                self._report(report, step, read(table[0], stage.before, report.axes), answer)
            case FirstPassage():
                ((chances,), _) = tables.of(stage)
                seen = chances * table
                at = read(seen, (CHANNELS, *stage.before), (CHANNELS, *self.drawn))
                answer.decided[:, :, place] += at.reshape(len(seen), self.draws)
                table -= seen
            case _:
                assert stage.split is not None
                table = split_channels(stage, table, stage.split, answer.decided[:, :, place])
        return summed(table, (CHANNELS, *stage.before), (CHANNELS, *stage.after))

    def _moved(
        self, stage: ContractionStep, step: int, table: Floats, tables: StepFactors, answer: PassAnswer
    ) -> Floats:
        """Multiply a conditional table in."""
        moving, report = stage.moving, stage.task.report
        assert moving is not None
        factors, passing = tables.of(stage)
        if moving.halves is not None:
            held = [parent for half in moving.halves.parents for parent in half]
            table = table / broadcast_to_axes(moving.halves.totals(), held, stage.before)
        if report is not None and stage.passing is not None:
            joint = stage.passing(table[0], passing)
            self._report(report, step, read(joint, stage.passing.after, report.axes), answer)
        return moving.chain(table, factors)

    def _mixed(
        self, stage: ContractionStep, step: int, table: Floats, tables: StepFactors, answer: PassAnswer
    ) -> Floats:
        """Keep or redraw, in place: method (37)."""
        move, report = stage.task.what, stage.task.report
        assert isinstance(move, ConditionalTable)
        (redrawn, hold), passing = tables.of(stage)
        fresh = redrawn * table.sum(axis=1 + stage.before.index(move.own), keepdims=True)
        joint = None if stage.passing is None else stage.passing(table[0], passing)
        table *= hold
        if joint is not None and report is not None and stage.passing is not None:
            still = read(table[0], stage.before, (move.own, *self.drawn))
            kept = np.diag(still) if still.ndim == 1 else np.eye(len(still))[..., None] * still
            self._report(report, step, read(joint, stage.passing.after, report.axes) + kept, answer)
        table += fresh
        return summed(table, (CHANNELS, *stage.over), (CHANNELS, *stage.after))

    def _report(self, report: JointRequest, step: int, joint: Floats, answer: PassAnswer) -> None:
        if report.pairs:
            over = union(*(reading.variables for reading in self._sequence(step)))
            at = tuple(broadcast_to_axes(reading.states, reading.variables, over) for reading in self._sequence(step))
            by_draw = joint if self.drawn else joint[..., None]
            np.add.at(answer.pairs, tuple(np.broadcast_arrays(*at, by_draw[..., 0])[:2]), by_draw)
        else:
            # A copy: what is read without a sum may be a view of the table, which later tasks overwrite.
            full = self._in_full(joint.copy(), report.axes)
            answer.reports[report.name, step] = full if self.drawn else full[..., None]

    def _in_full(self, joint: Floats, axes: Axes) -> Floats:
        """A distribution over part of the points of a latent variable as one over all of them, 0 elsewhere."""
        if self.part is None or all(axis.node != self.part[0] for axis in axes):
            return joint
        name, part = self.part
        place = next(place for place, axis in enumerate(axes) if axis.node == name)
        shape = list(joint.shape)
        shape[place] = len(self.whole.latents[name].points)
        full = np.zeros(shape)
        full[(*[slice(None)] * place, part)] = joint
        return full


class StepFactors:
    """The factors of stages, laid out for their sums: of every stage, or of the last one of each variable."""

    def __init__(self, *, every: bool) -> None:
        self._every = every
        self._factors: dict[str, tuple[Hashable, list[Floats]]] = {}
        self._laid: dict[str, dict[ContractionStep, tuple[list[Floats], list[Floats]]]] = {}

    def of(self, stage: ContractionStep) -> tuple[list[Floats], list[Floats]]:
        """What a stage needs; shapes as in `ContractionStep.laid`."""
        name = stage.move.law.name
        laid = self._laid.setdefault(name, {})
        if stage not in laid:
            if self._factors.get(name, (None,))[0] != stage.source:
                self._factors[name] = stage.source, stage.factors()
            if not self._every:
                laid.clear()
            laid[stage] = stage.laid(self._factors[name][1])
        return laid[stage]


# Conditions ----------------------------------------------------------------------------------------------------------


def _holds(predicate: Formula, finite: DiscretizedModel, step: int, over: Axes) -> Truths:
    """Where a predicate holds, over variables of its step."""

    def at(atom: InStates | Compared | Timed) -> Truths:
        if isinstance(atom, Timed):
            raise ValueError("a predicate within a time has no time of its own")  # noqa: TRY004  # the query is at fault
        reading = finite.reading(atom.node, step)
        found = atom_truth(atom, reading.states if reading.values is None else reading.values)
        return broadcast_to_axes(found, reading.variables, over)

    return np.broadcast_to(truth(predicate, at), [axis.size for axis in over])
