"""One forward pass over the joint table of the variables that must be remembered, which answers a question.

`ForwardPass.plan` says step by step which tasks are done in which order, `cost` what they take, and `run` does them.
What has no bearing on the question is left out: a step knows no variable that nothing asked for depends on.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cached_property, partial

import numpy as np

from usru_scenarios.exact.discretize import (
    ConditionalTable,
    DiscretizedModel,
    EffectiveLaws,
    StateFunction,
    broadcast_to_axes,
    relevant_nodes,
    union,
)
from usru_scenarios.exact.formula_states import FormulaState, initial_channels, split_by_predicates
from usru_scenarios.exact.quadrature import LatentQuadrature
from usru_scenarios.exact.variable_elimination import (
    BUILD_COST,
    CHANNELS,
    Axes,
    ContractionCost,
    ContractionStep,
    EliminationTask,
    FirstPassage,
    JointRequest,
    elimination_order,
    marginal,
    split_channels,
    sum_out,
)
from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import (
    Compared,
    Formula,
    InStates,
    Timed,
    Truth,
    atom_truth,
    atoms,
    timed_parts,
    truth,
)
from usru_scenarios.program.laws import JUDGEMENTS, Parent
from usru_scenarios.program.program import Floats

# Questions -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PassQuestion:
    """What one pass is asked for.

    Attributes:
        events: whose probabilities are wanted.
        reported_nodes: nodes whose distribution is wanted at every step.
        pairs: whether it is wanted how often a scenario follows another.
        visits: sets of scenarios whose first visits are wanted, with nothing else; only without observations, and where
            all scenarios are kept alike and a redraw reads no state of its own, method (37).
        given: what has been observed: everything is asked of the trials in which it comes true. None for all trials.
    """

    events: tuple[Formula, ...] = ()
    reported_nodes: tuple[str, ...] = ()
    pairs: bool = False
    visits: tuple[frozenset[int], ...] = ()
    given: Formula | None = None

    def split(self) -> tuple[PassQuestion, PassQuestion] | None:
        """Two smaller questions in its place, or None where it asks one thing only."""
        ask = partial(PassQuestion, given=self.given)
        if self.events and (self.reported_nodes or self.pairs):
            return ask(self.events), ask((), self.reported_nodes, self.pairs)
        if self.reported_nodes and self.pairs:
            return ask((), self.reported_nodes), ask(pairs=True)
        for field_name in ("events", "reported_nodes", "visits"):
            values = getattr(self, field_name)
            if middle := len(values) // 2:
                return ask(**{field_name: values[:middle]}), ask(**{field_name: values[middle:]})
        return None


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

    def add(self, other: PassAnswer) -> PassAnswer:
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


_MOST_CACHED_ENTRIES = 1 << 18
"""Conditional tables of a pass are kept for when it is run again where they have no more entries than this."""


class ForwardPass:
    """A forward pass that answers a question; over a part of a latent variable's points if one is named.

    Raises:
        NotExact: see `DiscretizedModel`.
    """

    def __init__(self, laws: EffectiveLaws, question: PassQuestion, part: tuple[str, slice] | None = None) -> None:
        self.question = question
        self.part = part
        self.events = self._followed_events(laws.program.steps)
        self.timed_predicates = list(
            dict.fromkeys(predicate for event in self.events for predicate in timed_parts(event))
        )
        self.steps = self._count_steps(laws.program.steps)
        self.wants_all_trials = question.given is None and bool(question.reported_nodes or question.pairs)
        active = [
            tuple(predicate for predicate in self.timed_predicates if step in predicate.steps)
            for step in range(self.steps)
        ]
        read_atoms = [[atom for predicate in timed for atom in atoms(predicate)] for timed in active]
        followed = (OUTCOME,) if question.pairs or question.visits else ()
        whole_model = DiscretizedModel(laws, read_atoms, (*question.reported_nodes, *followed))
        self.whole_model = whole_model
        self.model = whole_model if part is None else whole_model.with_latent_part(*part)
        self.draws_axis = whole_model.draws_axis
        self.draws = whole_model.draws_axis[0].size if whole_model.draws_axis else 1
        self.active_predicates = active
        self._arrangements: dict[Hashable, tuple[list[ContractionStep], list[FormulaState]]] = {}
        self._cached_factors = StepFactors(every=True)

    def _followed_events(self, _steps: int) -> tuple[Formula, ...]:
        """The events whose trials are kept apart in channels."""
        return self.question.events

    def _initial_channels(self) -> tuple[list[FormulaState], list[int]]:
        """The channels before the first step, and the events that are certain at once; each visit has a channel."""
        if self.question.visits and self.question.given is None:
            return [FormulaState(True, ())] * len(self.question.visits), []
        return initial_channels(self.events, wants_all_trials=self.wants_all_trials)

    def _count_steps(self, steps: int) -> int:
        """How many steps matter."""
        if any(
            timed.steps and not 0 <= min(timed.steps) <= max(timed.steps) < steps for timed in self.timed_predicates
        ):
            raise ValueError(f"an event's time is off the grid of {steps} steps")
        if self.question.reported_nodes or self.question.pairs or self.question.visits:
            return steps
        return max((max(timed.steps) + 1 for timed in self.timed_predicates if timed.steps), default=1)

    # Planning --------------------------------------------------------------------------------------------------------

    def _reading_tasks(self, step: int) -> list[EliminationTask]:
        """The tasks of a step that read the table."""
        model, tasks = self.model, []
        groups: dict[Axes, dict[Timed, Truth]] = {}
        for predicate in self.active_predicates[step]:
            axes = union(*(model.reading(atom.node, step).variables for atom in atoms(predicate)))
            groups.setdefault(axes, {})[predicate] = _predicate_mask(predicate.predicate, model, step, axes)
        draws = self.draws_axis
        tasks += [EliminationTask(predicates, (*axes, *draws), draws_axis=draws) for axes, predicates in groups.items()]
        for name in self.question.reported_nodes:
            axes = (*model.reading(name, step).variables, *draws)
            tasks.append(EliminationTask(JointRequest(name, axes), axes))
        if self.question.pairs and step:
            axes = (*union(*(reading.variables for reading in self._scenario_pair(step))), *draws)
            tasks.append(EliminationTask(JointRequest(OUTCOME, axes, pairs=True), axes))
        if self.question.visits and self.question.given is None and not model.keeps_state(OUTCOME, step):
            conditional = model.conditional_table(OUTCOME, step)
            tasks.append(
                EliminationTask(
                    FirstPassage(conditional, self.question.visits), union(conditional.redraw_parents, draws)
                )
            )
        return tasks

    def _scenario_pair(self, step: int) -> tuple[StateFunction, StateFunction]:
        """The scenario of the step before, and the one of the step."""
        return self.model.reading(OUTCOME, step, 1), self.model.reading(OUTCOME, step)

    @property
    def plan(self) -> list[list[ContractionStep]]:
        """What is done at each step, in a good order; steps at which the same is done share their stages."""
        return [stages for stages, _ in self.stages_by_step]

    @cached_property
    def stages_by_step(self) -> list[tuple[list[ContractionStep], list[FormulaState]]]:
        """The plan, with the channels that there are after each step."""
        model = self.model
        reading_tasks = [self._reading_tasks(step) for step in range(self.steps)]
        wanted = [[(axis.node, axis.lag) for task in tasks for axis in task.variables] for tasks in reading_tasks]
        needed = relevant_nodes(wanted, model.sources)
        steps: list[tuple[list[ContractionStep], list[FormulaState]]] = []
        channels = self._initial_channels()[0]
        axes: Axes = ()
        tasks = self._step_tasks(reading_tasks[0], needed[0], 0) if reading_tasks else []
        for step in range(self.steps):
            next_tasks: list[EliminationTask] = []
            kept: set[str] = set()
            if step + 1 < self.steps:
                next_tasks = self._step_tasks(reading_tasks[step + 1], needed[step + 1], step + 1)
                kept = {axis.node for task in next_tasks for axis in task.variables if axis.lag}
                kept |= {name for name in needed[step + 1] if model.keeps_state(name, step + 1)}
            elif self.question.given is not None:
                kept = {axis.node for axis in self.draws_axis}  # what was observed is told in each draw at the end too
            axes = tuple(Parent(axis.node, int(not model.keeps_state(axis.node, step)), axis.size) for axis in axes)
            stages, channels = self._arrange(axes, tasks, frozenset(kept), channels, step)
            steps.append((stages, channels))
            axes, tasks = stages[-1].after if stages else axes, next_tasks
        return steps

    def _step_tasks(self, reading_tasks: list[EliminationTask], needed: set[str], step: int) -> list[EliminationTask]:
        """All tasks of a step: the moves of the variables that matter, and the readings."""
        tasks = []
        requests = [
            task.action for task in reading_tasks if isinstance(task.action, JointRequest) and task.action.pairs
        ]
        has_several_axes = bool(requests) and len(requests[0].axes) - len(self.draws_axis) > 1
        in_passing = requests[0] if has_several_axes and self.question.given is None else None
        for name in sorted(needed):
            if self.model.keeps_state(name, step):
                continue
            conditional = self.model.conditional_table(name, step)
            new_variable = Parent(name, 0, conditional.law.size)
            report = in_passing if name == OUTCOME else None
            variables = union(conditional.parents, [new_variable], report.axes if report else ())
            tasks.append(EliminationTask(conditional, variables, new_variable, report))
        return tasks + [task for task in reading_tasks if in_passing is None or task.action is not in_passing]

    def _arrange(
        self, axes: Axes, tasks: list[EliminationTask], kept: frozenset[str], channels: list[FormulaState], step: int
    ) -> tuple[list[ContractionStep], list[FormulaState]]:
        """The tasks in a good order, with the axes that the table has before and after each."""
        if any(isinstance(task.action, dict) for task in tasks):
            return self._order_stages(axes, tasks, kept, channels, step)
        key = axes, tuple(tasks), kept, len(channels)
        if key not in self._arrangements:
            self._arrangements[key] = self._order_stages(axes, tasks, kept, channels, step)
        return self._arrangements[key][0], channels

    def _order_stages(
        self, axes: Axes, tasks: list[EliminationTask], kept: frozenset[str], channels: list[FormulaState], step: int
    ) -> tuple[list[ContractionStep], list[FormulaState]]:
        all_axes = union(axes, *(task.variables for task in tasks))
        bit = {axis: 1 << position for position, axis in enumerate(all_axes)}
        kept_axes = {axis for axis in all_axes if axis.lag == 0 and axis.node in kept}
        task_order = elimination_order(
            tuple(axis.size for axis in all_axes),
            sum(bit[axis] for axis in axes),
            sum(bit[axis] for axis in kept_axes),
            tuple(
                (sum(bit[a] for a in task.variables), bit[task.new_variable] if task.new_variable else 0)
                for task in tasks
            ),
        )
        stages: list[ContractionStep] = []
        for position, number in enumerate(task_order):
            task = tasks[number]
            needed = kept_axes.union(*(tasks[other].variables for other in task_order[position + 1 :]))
            split = None
            before = len(channels)
            if isinstance(task.action, dict):
                split = split_by_predicates(channels, step, task.action, wants_all_trials=self.wants_all_trials)
                channels = split.channels
            stages.append(ContractionStep.of(task, axes, needed, (before, len(channels)), split))
            axes = stages[-1].after
        return stages, channels

    @cached_property
    def cost(self) -> ContractionCost:
        """Predicted from the plan."""
        stages = [stage for step in self.plan for stage in step]
        largest_tables: dict[str, int] = {}
        operations = sum(stage.operations for stage in stages)
        last_built: dict[str, ConditionalTable] = {}
        for stage in stages:
            if isinstance(stage.task.action, ConditionalTable | FirstPassage):
                conditional, size = stage.conditional_table, stage.conditional_entries
                name = conditional.law.name
                largest_tables[name] = max(largest_tables.get(name, 0), size)
                if last_built.get(name) is not conditional:
                    operations += size * BUILD_COST
                    last_built[name] = conditional
        entries = max((stage.entries for stage in stages), default=1)
        return ContractionCost(entries, 8 * (3 * entries + sum(largest_tables.values())), operations)

    @property
    def widest_latent(self) -> LatentQuadrature | None:
        """The latent variable with the most points, over parts of which the pass could go."""
        latents = [latent for latent in self.model.latents.values() if latent.name != JUDGEMENTS]
        return max(latents, key=lambda latent: (len(latent.points), latent.name), default=None)

    # Running ---------------------------------------------------------------------------------------------------------

    def run(self, *, by_step: bool = True) -> PassAnswer:
        """Go through the steps.

        Args:
            by_step: whether it is wanted at which step events become certain; of a thousand events over a thousand
                steps that is gigabytes in 512 draws.
        """
        scenarios = len(self.model.program.outcome.states)
        event_count = len(self.question.events or self.question.visits)
        shape = event_count, self.draws, self.steps if by_step else 1
        answer = PassAnswer(np.zeros(shape), {}, np.zeros((scenarios, scenarios, self.draws)))
        channels, certain = self._initial_channels()
        answer.decided[certain, :, :1] = 1.0 if self.part is None else self.model.latents[self.part[0]].weights.sum()
        table = np.ones(len(channels))
        tables = self._factors()
        for number, stages in enumerate(self.plan):
            for stage in stages:
                table = self._apply(stage, number, table, answer, tables)
        return answer

    def is_possible(self) -> bool:
        """Whether any event comes true on a path of positive probability, however small: no number is ever lost."""
        answer = PassAnswer(np.zeros((len(self.events), self.draws, 1)), {}, np.zeros(0))
        channels, certain = self._initial_channels()
        table, tables = np.ones(len(channels)), self._factors()
        for number, stages in enumerate(self.plan):
            for stage in stages:
                table = (self._apply(stage, number, table, answer, tables) > 0.0).astype(np.float64)
        return bool(certain) or bool((answer.decided > 0.0).any())

    def _factors(self) -> StepFactors:
        return self._cached_factors if self._keeps_factors else StepFactors(every=False)

    @cached_property
    def _keeps_factors(self) -> bool:
        """Whether the conditional tables of all steps can be kept."""
        stages = {stage for step in self.plan for stage in step}
        return sum(stage.conditional_entries for stage in stages) <= _MOST_CACHED_ENTRIES

    def _apply(
        self, stage: ContractionStep, step: int, table: Floats, answer: PassAnswer, tables: StepFactors
    ) -> Floats:
        """Do a task; the table before it may be overwritten."""
        column = min(step, answer.decided.shape[2] - 1)
        match stage.task.action:
            case ConditionalTable():
                apply_table = self._keep_or_redraw if stage.is_mixture else self._multiply_in
                return apply_table(stage, step, table, tables, answer)
            case JointRequest() as report:
                self._report(report, step, marginal(table[0], stage.before, report.axes), answer)
            case FirstPassage():
                ((chances,), _) = tables.prepared_factors(stage)
                entering = chances * table
                by_draw = marginal(entering, (CHANNELS, *stage.before), (CHANNELS, *self.draws_axis))
                answer.decided[:, :, column] += by_draw.reshape(len(entering), self.draws)
                table -= entering
            case _:
                assert stage.split is not None
                table = split_channels(stage, table, stage.split, answer.decided[:, :, column])
        return sum_out(table, (CHANNELS, *stage.before), (CHANNELS, *stage.after))

    def _multiply_in(
        self, stage: ContractionStep, step: int, table: Floats, tables: StepFactors, answer: PassAnswer
    ) -> Floats:
        """Multiply a conditional table in."""
        contraction, report = stage.contraction, stage.task.report
        assert contraction is not None
        factors, report_factors = tables.prepared_factors(stage)
        if contraction.factored is not None:
            table = table / contraction.factored.totals_over(stage.before)
        if report is not None and stage.report_chain is not None:
            joint = stage.report_chain(table[0], report_factors)
            self._report(report, step, marginal(joint, stage.report_chain.after, report.axes), answer)
        return contraction.chain(table, factors)

    def _keep_or_redraw(
        self, stage: ContractionStep, step: int, table: Floats, tables: StepFactors, answer: PassAnswer
    ) -> Floats:
        """Keep or redraw, in place: method (37)."""
        conditional, report = stage.task.action, stage.task.report
        assert isinstance(conditional, ConditionalTable)
        (redrawn, hold), report_factors = tables.prepared_factors(stage)
        redrawn_table = redrawn * table.sum(axis=1 + stage.before.index(conditional.law.previous_state), keepdims=True)
        joint = None if stage.report_chain is None else stage.report_chain(table[0], report_factors)
        table *= hold
        if joint is not None and report is not None and stage.report_chain is not None:
            kept_table = marginal(table[0], stage.before, (conditional.law.previous_state, *self.draws_axis))
            diagonal = np.diag(kept_table) if kept_table.ndim == 1 else np.eye(len(kept_table))[..., None] * kept_table
            self._report(report, step, marginal(joint, stage.report_chain.after, report.axes) + diagonal, answer)
        table += redrawn_table
        return sum_out(table, (CHANNELS, *stage.unsummed), (CHANNELS, *stage.after))

    def _report(self, report: JointRequest, step: int, joint: Floats, answer: PassAnswer) -> None:
        if report.pairs:
            axes = union(*(reading.variables for reading in self._scenario_pair(step)))
            indices = tuple(
                broadcast_to_axes(reading.states, reading.variables, axes) for reading in self._scenario_pair(step)
            )
            by_draw = joint if self.draws_axis else joint[..., None]
            np.add.at(answer.pairs, tuple(np.broadcast_arrays(*indices, by_draw[..., 0])[:2]), by_draw)
        else:
            # A copy: what is read without a sum may be a view of the table, which later tasks overwrite.
            full = self._expand_part(joint.copy(), report.axes)
            answer.reports[report.name, step] = full if self.draws_axis else full[..., None]

    def _expand_part(self, joint: Floats, axes: Axes) -> Floats:
        """A distribution over part of the points of a latent variable as one over all of them, 0 elsewhere."""
        if self.part is None or all(axis.node != self.part[0] for axis in axes):
            return joint
        name, part = self.part
        axis_number = next(axis_number for axis_number, axis in enumerate(axes) if axis.node == name)
        shape = list(joint.shape)
        shape[axis_number] = len(self.whole_model.latents[name].points)
        full = np.zeros(shape)
        full[(*[slice(None)] * axis_number, part)] = joint
        return full


class StepFactors:
    """The factors of stages, laid out for their sums: of every stage, or of the last one of each variable."""

    def __init__(self, *, every: bool) -> None:
        self._every = every
        self._factors: dict[str, tuple[Hashable, list[Floats]]] = {}
        self._prepared: dict[str, dict[ContractionStep, tuple[list[Floats], list[Floats]]]] = {}

    def prepared_factors(self, stage: ContractionStep) -> tuple[list[Floats], list[Floats]]:
        """The factors of a stage; shapes as in `ContractionStep.prepare`."""
        name = stage.conditional_table.law.name
        prepared = self._prepared.setdefault(name, {})
        if stage not in prepared:
            if self._factors.get(name, (None,))[0] != stage.factors_key:
                self._factors[name] = stage.factors_key, stage.factors()
            if not self._every:
                prepared.clear()
            prepared[stage] = stage.prepare(self._factors[name][1])
        return prepared[stage]


# Conditions ----------------------------------------------------------------------------------------------------------


def _predicate_mask(predicate: Formula, model: DiscretizedModel, step: int, axes: Axes) -> Truth:
    """The truth of a predicate over variables of its step."""

    def atom_mask(atom: InStates | Compared | Timed) -> Truth:
        if isinstance(atom, Timed):
            raise ValueError("a predicate within a time has no time of its own")  # noqa: TRY004  # the query is at fault
        reading = model.reading(atom.node, step)
        mask = atom_truth(atom, reading.states if reading.values is None else reading.values)
        return broadcast_to_axes(mask, reading.variables, axes)

    return np.broadcast_to(truth(predicate, atom_mask), [axis.size for axis in axes])
