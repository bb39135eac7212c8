"""One forward pass over the joint table of the variables that must be remembered (variable elimination, step by step).

The table has an axis for each variable that something still depends on and a last one for the channels of the events
that are followed (`tracking`). A step is a list of *tasks*: a variable moves, conditions are read, a distribution is
reported. A task multiplies its conditional table in or reads the table; a variable is summed out as soon as no task
needs it any more. In which order the tasks of a step are done decides how large the table grows; the order is searched
for, greedily from many deterministic starts, which is cheap next to what a good order saves (the problem is that of
U. Bertele and F. Brioschi, 1972; no fast way to the best order is known).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from usru_scenarios.events import All, Compared, Formula, InStates, Not, Some, Timed, atoms, timed_parts
from usru_scenarios.finite import Finite, Latent, Laws, Move, Reading, Truths, Wanted, laid_out, relevant, union
from usru_scenarios.model import OUTCOME
from usru_scenarios.program import Floats, Parent
from usru_scenarios.tracking import Channel, Split, split, start

SECONDS_PER_OPERATION = 2e-9
"""The fixed rate by which work is turned into a predicted time; of an ordinary machine, and no clock is asked."""

_CALL = 15_000
"""What one task costs however small its table, in operations."""
_BUILD = 25
"""What an entry of a conditional table costs to build, in operations."""
_ATTEMPTS = 48
"""Starts of the search for an order."""
_MIXING_ROWS = 1024
"""From so many rows on, a table that mixes keeping and redrawing is applied without being multiplied out."""


@dataclass(frozen=True)
class Cost:
    """What an exact computation takes, predicted from the sizes of its tables alone.

    Attributes:
        entries: of the largest table that is held at once.
        memory: bytes, estimated: the largest table three times over, and the conditional tables.
        operations: multiplications with an addition, small tasks rounded up.
    """

    entries: int
    memory: int
    operations: int

    @property
    def seconds(self) -> float:
        """The predicted time: operations at a fixed rate, so that what depends on it does not depend on a clock."""
        return self.operations * SECONDS_PER_OPERATION

    def then(self, other: Cost) -> Cost:
        """The cost of one computation after another."""
        return Cost(
            max(self.entries, other.entries), max(self.memory, other.memory), self.operations + other.operations
        )


NOTHING = Cost(0, 0, 0)


# Questions -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """What one pass is asked for.

    Attributes:
        events: whose probabilities are wanted.
        reported: nodes whose distribution is wanted at every step.
        pairs: whether it is wanted how often a scenario follows another.
        visits: sets of scenarios whose first visits are wanted, of an outcome that `comes_alone`; with nothing else.
    """

    events: tuple[Formula, ...] = ()
    reported: tuple[str, ...] = ()
    pairs: bool = False
    visits: tuple[frozenset[int], ...] = ()

    def halves(self) -> tuple[Question, Question] | None:
        """Two smaller questions in its place, or None where it asks one thing only."""
        if self.events and (self.reported or self.pairs):
            return Question(self.events), Question((), self.reported, self.pairs)
        if self.reported and self.pairs:
            return Question((), self.reported), Question(pairs=True)
        for things, ask in (
            (self.events, lambda part: Question(events=part)),
            (self.reported, lambda part: Question(reported=part)),
            (self.visits, lambda part: Question(visits=part)),
        ):
            if len(things) > 1:
                return ask(things[: len(things) // 2]), ask(things[len(things) // 2 :])
        return None


@dataclass(frozen=True)
class Answer:
    """What a pass finds.

    Attributes:
        decided: shape (events or visits, steps), the probability that an event becomes certain at a step, or that
            this is the first visit; an event's own probability is the sum over the steps.
        reports: for each reported node and step, the joint distribution of the variables that it is a function of.
        pairs: shape (scenarios, scenarios), sums over the steps of P(a at t, b at t + 1).
    """

    decided: Floats
    reports: dict[tuple[str, int], Floats]
    pairs: Floats

    def plus(self, other: Answer) -> Answer:
        """The sum of the answers of two parts of one question."""
        reports = {key: joint + other.reports[key] for key, joint in self.reports.items()}
        return Answer(self.decided + other.decided, reports, self.pairs + other.pairs)


# Order ---------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def order(sizes: tuple[int, ...], live: int, kept: int, tasks: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    """A good order of the tasks of a step: smallest peak of the joint table first, then fewest operations.

    Args:
        sizes: of the variables; sets of variables are given as bits.
        live: the variables that the table has at the start.
        kept: those that it must have at the end.
        tasks: for each, the variables that it uses, and the one of them that it brings in (0: none).
    """
    best: tuple[tuple[int, int], tuple[int, ...]] | None = None
    for attempt in range(1, _ATTEMPTS + 1):
        # Powers modulo a prime: as good as a shuffle here, and the same on every machine.
        ranked = sorted(range(len(tasks)), key=lambda task: (pow(attempt, task + 1, 1_000_003), task))  # noqa: B023
        found = _greedily(sizes, live, kept, tasks, ranked)
        if best is None or found < best:
            best = found
    assert best is not None
    return best[1]


def _greedily(
    sizes: tuple[int, ...], live: int, kept: int, tasks: tuple[tuple[int, int], ...], ranked: list[int]
) -> tuple[tuple[int, int], tuple[int, ...]]:
    """Always the task that leaves the smallest table; among equals the first as ranked. The score, and the order."""
    used = [_bits(uses) for uses, _ in tasks]
    left = [0] * len(sizes)
    for bits in used:
        for bit in bits:
            left[bit] += 1
    entries = peak = math.prod(sizes[bit] for bit in _bits(live))
    operations = 0
    chosen: list[int] = []
    waiting = list(ranked)
    while waiting:
        smallest, task = math.inf, -1
        for candidate in waiting:
            uses, brings = tasks[candidate]
            if uses & ~brings & ~live:
                continue
            after = entries * (sizes[brings.bit_length() - 1] if brings else 1)
            for bit in used[candidate]:
                if left[bit] == 1 and not kept >> bit & 1:
                    after //= sizes[bit]
            if after < smallest:
                smallest, task = after, candidate
        uses, brings = tasks[task]
        operations += entries * (sizes[brings.bit_length() - 1] if brings else 1)
        live |= brings
        for bit in used[task]:
            left[bit] -= 1
        entries = int(smallest)
        peak = max(peak, entries)
        waiting.remove(task)
        chosen.append(task)
    return (peak, operations), tuple(chosen)


def _bits(mask: int) -> list[int]:
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]


# Steps ---------------------------------------------------------------------------------------------------------------

Axes = tuple[Parent, ...]


@dataclass(frozen=True)
class Report:
    """A joint distribution that is read from the channel of all worlds: of a node, or of scenarios in sequence."""

    name: str
    axes: Axes
    pairs: bool = False


@dataclass(frozen=True)
class Avoiding:
    """A move of the outcome, as far as it takes worlds into the sets whose first visits are wanted.

    Worlds that have not been in a set yet get into it by a redraw only, whatever scenario they are in: so neither is
    remembered which one it is, and the probability of not having been there is all that a set needs.
    """

    move: Move
    sets: tuple[frozenset[int], ...]

    def chances(self) -> Floats:
        """The probability of getting into each set, shape (size of each of the redraw's parents ..., sets)."""
        shares, hold = self.move.mixture()
        members = np.array([[float(state in members) for members in self.sets] for state in range(shares.shape[-1])])
        chances: Floats = (shares * (1.0 - hold)) @ members
        return chances


@dataclass(frozen=True)
class Task:
    """One thing to do at a step.

    Attributes:
        what: a move, timed conditions over the same variables and where they hold, a report, or first visits.
        uses: all variables that must be in the table.
        brings: the variable that comes in.
        report: of scenarios in sequence, read in passing while the outcome moves.
    """

    what: Move | dict[Timed, Truths] | Report | Avoiding
    uses: Axes
    brings: Parent | None = None
    report: Report | None = None


@dataclass(frozen=True)
class Stage:
    """A task in its place.

    Attributes:
        before, after: the axes of the table, the channels' not counted.
        channels: how many there are before and after.
        split: what becomes of the channels where conditions are read.
    """

    task: Task
    before: Axes
    after: Axes
    channels: tuple[int, int]
    split: Split | None = None

    @cached_property
    def mixes(self) -> bool:
        """Whether a move mixes keeping and redrawing in place."""
        move = self.task.what
        return (
            isinstance(move, Move)
            and move.mixes
            and move.own in self.before
            and move.own not in self.after
            and move.rows >= _MIXING_ROWS
        )

    @property
    def conditional(self) -> int:
        """The entries of the conditional table."""
        match self.task.what:
            case Move() as move:
                return move.rows * (1 if self.mixes else move.law.size)
            case Avoiding(move, sets):
                return math.prod(parent.size for parent in move.redraw_parents) * max(len(sets), move.law.size)
        return 0

    @property
    def entries(self) -> int:
        """The entries of the largest table."""
        before, after = (math.prod(axis.size for axis in axes) for axes in (self.before, self.after))
        wide = before if self.mixes else after
        return max(before * self.channels[0], wide * self.channels[1], self.conditional)

    @property
    def operations(self) -> int:
        """Multiplications with an addition."""
        before = math.prod(axis.size for axis in self.before) * self.channels[0]
        if self.task.brings is None:
            return _CALL + 2 * before
        return _CALL + before * (3 if self.mixes else self.task.brings.size)


@dataclass(frozen=True)
class Step:
    """What is done at a step.

    Attributes:
        turned: how the axes of the table are ordered anew first.
        stages: the tasks.
    """

    turned: tuple[int, ...]
    stages: list[Stage]


class Pass:
    """A forward pass that answers a question.

    Args:
        laws: of the program.
        question: what is asked.
        part: the name and the part of a latent variable's points that the pass is over; all without it.

    Raises:
        NotExact: see `Finite`.
    """

    def __init__(self, laws: Laws, question: Question, part: tuple[str, slice] | None = None) -> None:
        self.question = question
        self.part = part
        self.timed = list(dict.fromkeys(one for event in question.events for one in timed_parts(event)))
        self.steps = self._length(laws.program.steps)
        self.root = bool(question.reported or question.pairs)
        active = [tuple(one for one in self.timed if step in one.steps) for step in range(self.steps)]
        wanted = Wanted(
            tuple(tuple(atom for one in timed for atom in atoms(one)) for timed in active),
            ((*question.reported, *((OUTCOME,) if question.pairs or question.visits else ())),) * self.steps,
        )
        whole = Finite(laws, wanted)
        self.whole = whole
        self.finite = whole if part is None else whole.narrowed(*part)
        self.active = active

    def _start(self) -> tuple[list[Channel], list[int]]:
        """The channels before the first step, and the events that are certain at once; each visit has a channel."""
        if self.question.visits:
            return [Channel(True, ())] * len(self.question.visits), []
        return start(self.question.events, root=self.root)

    def _length(self, steps: int) -> int:
        """How many steps matter."""
        if any(one.steps and not 0 <= min(one.steps) <= max(one.steps) < steps for one in self.timed):
            raise ValueError(f"an event's time is off the grid of {steps} steps")
        if self.question.reported or self.question.pairs or self.question.visits:
            return steps
        return max((max(one.steps) + 1 for one in self.timed if one.steps), default=1)

    # Planning --------------------------------------------------------------------------------------------------------

    def _readings(self, step: int) -> list[Task]:
        """The tasks of a step that read the table."""
        finite, tasks = self.finite, []
        groups: dict[Axes, dict[Timed, Truths]] = {}
        for one in self.active[step]:
            axes = union(*(finite.reading(atom.node, step).variables for atom in atoms(one)))
            groups.setdefault(axes, {})[one] = _holds(one.condition, finite, step, axes)
        tasks += [Task(conditions, axes) for axes, conditions in groups.items()]
        for name in self.question.reported:
            axes = finite.reading(name, step).variables
            tasks.append(Task(Report(name, axes), axes))
        if self.question.pairs and step:
            axes = union(*(reading.variables for reading in self._sequence(step)))
            tasks.append(Task(Report(OUTCOME, axes, pairs=True), axes))
        if self.question.visits and not finite.copies(OUTCOME, step):
            move = finite.move(OUTCOME, step)
            tasks.append(Task(Avoiding(move, self.question.visits), move.redraw_parents))
        return tasks

    def _sequence(self, step: int) -> tuple[Reading, Reading]:
        """The scenario of the step before, and the one of the step."""
        return self.finite.reading(OUTCOME, step, 1), self.finite.reading(OUTCOME, step)

    @cached_property
    def plan(self) -> list[Step]:
        """What is done at each step, in a good order."""
        finite = self.finite
        readings = [self._readings(step) for step in range(self.steps)]
        wanted = [[(axis.node, axis.lag) for task in tasks for axis in task.uses] for tasks in readings]
        needed = relevant(wanted, finite.sources)
        steps: list[Step] = []
        channels = self._start()[0]
        axes: Axes = ()
        tasks = self._tasks(readings[0], needed[0], 0) if readings else []
        for step in range(self.steps):
            later: list[Task] = []
            kept: set[str] = set()
            if step + 1 < self.steps:
                later = self._tasks(readings[step + 1], needed[step + 1], step + 1)
                kept = {axis.node for task in later for axis in task.uses if axis.lag}
                kept |= {name for name in needed[step + 1] if finite.copies(name, step + 1)}
            axes = tuple(Parent(axis.node, int(not finite.copies(axis.node, step)), axis.size) for axis in axes)
            turned = _turned(axes, tasks)
            stages, channels = self._arranged(tuple(axes[place] for place in turned), tasks, kept, channels, step)
            steps.append(Step(turned, stages))
            axes, tasks = stages[-1].after if stages else axes, later
        return steps

    def _tasks(self, readings: list[Task], needed: set[str], step: int) -> list[Task]:
        """All tasks of a step: the moves of the variables that matter, and the readings."""
        tasks = []
        sequence = next((task.what for task in readings if isinstance(task.what, Report) and task.what.pairs), None)
        passing = sequence if sequence is not None and len(sequence.axes) > 1 else None
        for name in sorted(needed):
            if self.finite.copies(name, step):
                continue
            move = self.finite.move(name, step)
            brings = Parent(name, 0, move.law.size)
            report = passing if name == OUTCOME else None
            uses = union(move.parents, [brings], report.axes if report else ())
            tasks.append(Task(move, uses, brings, report))
        return tasks + [task for task in readings if passing is None or task.what is not passing]

    def _arranged(
        self, axes: Axes, tasks: list[Task], kept: set[str], channels: list[Channel], step: int
    ) -> tuple[list[Stage], list[Channel]]:
        """The tasks in a good order, with the axes that the table has before and after each."""
        everything = union(axes, *(task.uses for task in tasks))
        bit = {axis: 1 << place for place, axis in enumerate(everything)}
        stay = {axis for axis in everything if axis.lag == 0 and axis.node in kept}
        chosen = order(
            tuple(axis.size for axis in everything),
            sum(bit[axis] for axis in axes),
            sum(bit[axis] for axis in stay),
            tuple((sum(bit[a] for a in task.uses), bit[task.brings] if task.brings else 0) for task in tasks),
        )
        stages: list[Stage] = []
        for place, number in enumerate(chosen):
            task = tasks[number]
            needed = stay.union(*(tasks[other].uses for other in chosen[place + 1 :]))
            parting = None
            before = len(channels)
            if isinstance(task.what, dict):
                parting = split(channels, step, task.what, root=self.root)
                channels = parting.channels
            after = _after(axes, task, needed)
            stages.append(Stage(task, axes, after, (before, len(channels)), parting))
            axes = after
        return stages, channels

    @cached_property
    def cost(self) -> Cost:
        """Predicted from the plan."""
        stages = [stage for step in self.plan for stage in step.stages]
        tables: dict[str, int] = {}
        operations = sum(stage.operations for stage in stages)
        built: dict[str, object] = {}
        for stage in stages:
            what = stage.task.what
            if isinstance(what, Move | Avoiding):
                move = what if isinstance(what, Move) else what.move
                tables[move.law.name] = max(tables.get(move.law.name, 0), stage.conditional)
                if built.get(move.law.name) != move.key:
                    operations += stage.conditional * _BUILD
                    built[move.law.name] = move.key
        entries = max((stage.entries for stage in stages), default=1)
        return Cost(entries, 8 * (3 * entries + sum(tables.values())), operations)

    @property
    def widest(self) -> Latent | None:
        """The latent variable with the most points, over parts of which the pass could go."""
        return max(self.finite.latents.values(), key=lambda latent: (len(latent.points), latent.name), default=None)

    # Running ---------------------------------------------------------------------------------------------------------

    def run(self) -> Answer:
        """Go through the steps."""
        scenarios = len(self.finite.program.outcome.states)
        followed = len(self.question.events or self.question.visits)
        answer = Answer(np.zeros((followed, self.steps)), {}, np.zeros((scenarios, scenarios)))
        channels, sure = self._start()
        answer.decided[sure, :1] = 1.0
        table = np.ones(len(channels))
        conditional = _Tables()
        for number, step in enumerate(self.plan):
            table = np.ascontiguousarray(table.transpose((*step.turned, len(step.turned))))
            for stage in step.stages:
                table = self._apply(stage, number, table, answer, conditional)
        return answer

    def _apply(self, stage: Stage, step: int, table: Floats, answer: Answer, conditional: _Tables) -> Floats:
        """Do a task; the table before it may be overwritten."""
        match stage.task.what:
            case Move() as move:
                if stage.mixes:
                    return self._mixed(stage, step, table, conditional.mixture(move), answer)
                return self._moved(stage, step, table, conditional.table(move), answer)
            case Report() as report:
                self._report(report, step, _einsum([(table[..., 0], stage.before)], report.axes), answer)
            case Avoiding() as avoiding:
                axes = (*stage.task.uses, _CHANNELS)
                seen = _aligned(conditional.chances(avoiding), axes, (*stage.before, _CHANNELS)) * table
                answer.decided[:, step] = seen.reshape(-1, seen.shape[-1]).sum(axis=0)
                table -= seen
            case _:
                assert stage.split is not None
                table = _parted(stage, table, stage.split, answer.decided[:, step])
        return _summed(table, stage.before, stage.after)

    def _moved(self, stage: Stage, step: int, table: Floats, law: Floats, answer: Answer) -> Floats:
        """Multiply a conditional table in."""
        task = stage.task
        assert isinstance(task.what, Move)
        assert task.brings is not None
        axes = (*task.what.parents, task.brings)
        if task.report is not None:
            joint = _einsum([(table[..., 0], stage.before), (law, axes)], task.report.axes)
            self._report(task.report, step, joint, answer)
        return _einsum([(table, (*stage.before, _CHANNELS)), (law, axes)], (*stage.after, _CHANNELS))

    def _mixed(self, stage: Stage, step: int, table: Floats, law: tuple[Floats, Floats], answer: Answer) -> Floats:
        """Keep or redraw, in place: p(s') = h p(s') + (1 - h) q(s') sum over s of p(s)."""
        task = stage.task
        move = task.what
        assert isinstance(move, Move)
        assert task.brings is not None
        parents = move.redraw_parents
        redrawn, hold = law
        if task.report is not None:
            joint = _einsum([(table[..., 0], stage.before), (redrawn, (*parents, task.brings))], task.report.axes)
            still = _einsum([(table[..., 0], stage.before), (hold[..., 0], parents)], (move.own,))
            self._report(task.report, step, joint + np.diag(still), answer)
        place = stage.before.index(move.own)
        over = (*stage.before[:place], task.brings, *stage.before[place + 1 :])
        everywhere = table.sum(axis=place, keepdims=True)
        table *= laid_out(np.broadcast_to(hold, redrawn.shape), (*parents, task.brings), over)[..., None]
        table += laid_out(redrawn, (*parents, task.brings), over)[..., None] * everywhere
        return _summed(table, over, stage.after)

    def _report(self, report: Report, step: int, joint: Floats, answer: Answer) -> None:
        if report.pairs:
            over = union(*(reading.variables for reading in self._sequence(step)))
            at = tuple(laid_out(reading.states, reading.variables, over) for reading in self._sequence(step))
            np.add.at(answer.pairs, tuple(np.broadcast_arrays(*at, joint)[:2]), joint)
        else:
            answer.reports[report.name, step] = self._in_full(joint, report.axes)

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


@dataclass
class _Tables:
    """The conditional tables of the steps just passed, one for each variable, kept while the law stays the same."""

    tables: dict[str, tuple[object, Floats]] = field(default_factory=dict)
    mixtures: dict[str, tuple[object, tuple[Floats, Floats]]] = field(default_factory=dict)
    visits: tuple[object, Floats] = (None, np.zeros(0))

    def table(self, move: Move) -> Floats:
        """The conditional probabilities, as `Move.table`."""
        name = move.law.name
        if self.tables.get(name, (None,))[0] != move.key:
            self.tables[name] = (move.key, move.table())
        return self.tables[name][1]

    def mixture(self, move: Move) -> tuple[Floats, Floats]:
        """The redraw's shares times the chance of a redraw, and the chance to keep, as `Move.mixture`."""
        name = move.law.name
        if self.mixtures.get(name, (None,))[0] != move.key:
            shares, hold = move.mixture()
            self.mixtures[name] = (move.key, (shares * (1.0 - hold), hold))
        return self.mixtures[name][1]

    def chances(self, avoiding: Avoiding) -> Floats:
        """The probabilities of first visits, as `Avoiding.chances`."""
        if self.visits[0] != avoiding.move.key:
            self.visits = (avoiding.move.key, avoiding.chances())
        return self.visits[1]


_CHANNELS = Parent("(channels)", 0, 0)


def _turned(axes: Axes, tasks: Sequence[Task]) -> tuple[int, ...]:
    """The axes in order of how many tasks involve their nodes, most first.

    Sums run fastest over the last axes of a table where these take no part.
    """
    involved = Counter(name for task in tasks for name in {axis.node for axis in task.uses})
    return tuple(sorted(range(len(axes)), key=lambda place: (-involved[axes[place].node], place)))


def _after(axes: Axes, task: Task, needed: Iterable[Parent]) -> Axes:
    """The axes after a task: a variable that moves takes the place of its former self, any other comes last."""
    still = set(needed)
    brought = task.brings if task.brings in still else None
    own = None if task.brings is None else Parent(task.brings.node, 1, task.brings.size)
    after: list[Parent] = []
    for axis in axes:
        if axis == own and brought is not None:
            after.append(brought)
        if axis in still:
            after.append(axis)
    return tuple(after) if brought is None or brought in after else (*after, brought)


def _einsum(parts: Sequence[tuple[Floats, Axes]], wanted: Axes) -> Floats:
    """A sum of products; axes are told apart by their parents, and those that are not wanted are summed out."""
    numbers: dict[Parent, int] = {}
    operands: list[Floats | list[int]] = []
    for array, axes in parts:
        operands += [array, [numbers.setdefault(axis, len(numbers)) for axis in axes]]
    result: Floats = np.einsum(*operands, [numbers[axis] for axis in wanted])
    return result


def _aligned(array: Floats, held: Axes, over: Axes) -> Floats:
    """An array over the axes `held`, laid out so that it broadcasts over the axes `over`."""
    moved = array.transpose(sorted(range(len(held)), key=lambda place: over.index(held[place])))
    sizes = iter(moved.shape)
    return moved.reshape([next(sizes) if axis in held else 1 for axis in over])


def _summed(table: Floats, before: Axes, after: Axes) -> Floats:
    """The table without the axes that nothing needs any more; the others are in the same order."""
    gone = tuple(place for place, axis in enumerate(before) if axis not in after)
    return table.sum(axis=gone) if gone else table


def _parted(stage: Stage, table: Floats, parting: Split, decided: Floats) -> Floats:
    """The worlds in their channels after conditions were read; what has become certain is added to `decided`."""
    axes = stage.task.uses
    if parting.decided:
        joint = _einsum([(table, (*stage.before, _CHANNELS))], (*axes, _CHANNELS))
        for (channel, event), where in parting.decided.items():
            decided[event] += joint[..., channel][where].sum()
    before, after = stage.channels
    if before == after and parting.stays:
        left = np.zeros((*(axis.size for axis in axes), after))
        for (channel, _), where in parting.routes.items():
            left[..., channel] = where
        if not left.all():
            table *= np.stack([laid_out(left[..., channel], axes, stage.before) for channel in range(after)], axis=-1)
        return table
    result = np.zeros((*table.shape[:-1], after))
    for (source, target), where in parting.routes.items():
        part = table[..., source]
        result[..., target] += part if where.all() else part * laid_out(where, axes, stage.before)
    return result


def _holds(condition: Formula, finite: Finite, step: int, over: Axes) -> Truths:
    """Where a condition holds, over variables of its step."""
    shape = [axis.size for axis in over]
    match condition:
        case InStates(node, states):
            reading = finite.reading(node, step)
            truth = np.isin(reading.states, sorted(states))
        case Compared(node):
            reading = finite.reading(node, step)
            truth = _compare(condition, reading)
        case Not(part):
            return ~_holds(part, finite, step, over)
        case All(parts):
            held = [_holds(part, finite, step, over) for part in parts]
            return np.logical_and.reduce(held) if held else np.ones(shape, dtype=np.bool_)
        case Some(parts):
            held = [_holds(part, finite, step, over) for part in parts]
            return np.logical_or.reduce(held) if held else np.zeros(shape, dtype=np.bool_)
        case Timed():
            raise ValueError("a condition within a time has no time of its own")
    return np.broadcast_to(laid_out(truth, reading.variables, over), shape).astype(np.bool_)


def _compare(atom: Compared, reading: Reading) -> Truths:
    assert reading.values is not None, f"{atom.node} has states and no values to compare"
    result: Truths
    match atom.sign:
        case "<":
            result = reading.values < atom.value
        case "<=":
            result = reading.values <= atom.value
        case ">":
            result = reading.values > atom.value
        case ">=":
            result = reading.values >= atom.value
    return result
