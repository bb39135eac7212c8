"""Everything that a simulation reports, of the trials in which something was observed: method (39), exactly.

What is observed is an event that is followed in channels, so it may be anything that a query can say of a path. It is
kept open beyond the last step, so that no trial in which it came true leaves the table. First visits are told from the
trials that have not been in a set of scenarios so far: they have channels of their own, and what is still to be
observed from there on is what it is in the channel in which as much of it is left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from usru_scenarios.exact.discretize import ConditionalTable, broadcast_to_axes
from usru_scenarios.exact.formula_states import TRUE, ChannelSplit, FormulaState, simplify_formula
from usru_scenarios.exact.passes import ForwardPass, PassAnswer, StepFactors
from usru_scenarios.exact.variable_elimination import (
    CHANNELS,
    Axes,
    ContractionCost,
    ContractionStep,
    FirstPassage,
    JointRequest,
    ProductChain,
    marginal,
    sum_out,
)
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import All, Formula, InStates, Not, Timed
from usru_scenarios.program.program import Floats

_OBSERVED = 0
"""The number of the event that is observed among those that are followed."""


class Smoothing(ForwardPass):
    """A pass forward and two backward that answer a question about the trials in which something was observed.

    Of the answer, `decided` has for each set of scenarios the probability of not having been in it up to a step, and
    `evidence` the probability that both this and the reports are shares of, at each step on a scale of its own.

    Raises:
        NotExact: see `DiscretizedModel`.
    """

    def _followed_events(self, steps: int) -> tuple[Formula, ...]:
        """What is observed, and each first visit that has not come about, together with what is observed."""
        assert self.question.given is not None, "without observations, a pass forward will do"
        observed = All((self.question.given, _undecidable(steps)))
        return (observed, *(All((_no_visit(members, steps), observed)) for members in self.question.visits))

    def _count_steps(self, steps: int) -> int:
        self.timed_predicates.remove(_undecidable(steps))
        super()._count_steps(steps)
        return steps

    @cached_property
    def cost(self) -> ContractionCost:
        """Predicted from the plan: the tables between the steps and those within a step are held."""
        forward = super().cost
        between = sum(stages[-1].joint_entries[1] for stages in self.plan if stages)
        within = max((sum(stage.joint_entries[0] for stage in stages) for stages in self.plan), default=0)
        entries = max(forward.entries, between + within)
        tables = forward.memory - 8 * 3 * forward.entries
        return ContractionCost(entries, 8 * 3 * entries + 2 * tables, 3 * forward.operations)

    # Running ---------------------------------------------------------------------------------------------------------

    def run(self, *, by_step: bool = True) -> PassAnswer:  # noqa: ARG002  # what is found is about each step
        """Go back through the steps, then forward; within a step back once more, so that little is remembered."""
        scenarios, followed = len(self.model.program.outcome.states), len(self.events)
        answer = PassAnswer(
            np.zeros((followed - 1, self.draws, self.steps)),
            {},
            np.zeros((scenarios, scenarios, self.draws)),
            np.zeros((self.draws, self.steps)),
        )
        unused_answer = PassAnswer(np.zeros((followed, self.draws, self.steps)), {}, answer.pairs)
        tables = self._factors()
        backward_tables = self._backward_tables(tables)
        table = np.ones(len(self._initial_channels()[0]))
        axes: Axes = ()
        for step, (stages, channels) in enumerate(self.stages_by_step):
            stage_tables = self._stage_tables(stages, backward_tables[step], tables)
            for stage, backward_table in zip(stages, stage_tables, strict=True):
                if isinstance(report := stage.task.action, JointRequest):
                    joint = marginal((table * backward_table).sum(axis=0), stage.before, report.axes)
                    # What follows what is summed over the steps, so that each of them has to count alike.
                    total = joint.sum() if report.pairs and self.part is None else 1.0
                    self._report(report, step, joint / (total or 1.0), answer)
                    table = sum_out(table, (CHANNELS, *stage.before), (CHANNELS, *stage.after))
                else:
                    table = self._apply(stage, step, table, unused_answer, tables)
            axes = stages[-1].after if stages else axes
            self._add_evidence(step, channels, axes, (table, backward_tables[step]), answer)
            if step + 1 < self.steps:
                table, scale = self._rescale(table)
                answer.log_scale += math.log(scale)
        return answer

    def _add_evidence(
        self, step: int, channels: Sequence[FormulaState], axes: Axes, tables: tuple[Floats, Floats], answer: PassAnswer
    ) -> None:
        """The probability of what is observed, in all and without a visit up to a step."""
        table, backward_table = tables
        pending = [(number, *event) for number, channel in enumerate(channels) for event in channel.pending]
        open_at = {remainder: number for number, event, remainder in pending if event == _OBSERVED}
        channels_without_visit = [
            {simplify_formula(All((never, remainder))): number for remainder, number in open_at.items()} | open_at
            for never in (_no_visit(members, self.steps) for members in self.question.visits)
        ]
        for number, event, remainder in pending:
            if event == _OBSERVED:
                answer.evidence[:, step] += marginal(table[number] * backward_table[number], axes, self.draws_axis)
            else:
                joint = table[number] * backward_table[channels_without_visit[event - 1][remainder]]
                answer.decided[event - 1, :, step] += marginal(joint, axes, self.draws_axis)

    def _rescale(self, table: Floats) -> tuple[Floats, float]:
        """The table with 1 as its largest entry, and that; parts of a quadrature are added up and keep one scale."""
        most = float(table.max(initial=0.0))
        return (table / most, most) if self.part is None and most > 0.0 else (table, 1.0)

    # Backward --------------------------------------------------------------------------------------------------------

    def _backward_tables(self, tables: StepFactors) -> list[Floats]:
        """After each step, the probability of what is still to be observed, from every entry of the table."""
        stages, channels = self.stages_by_step[-1]
        axes = stages[-1].after if stages else ()
        is_observed = [(_OBSERVED, _undecidable(self.steps)) in channel.pending for channel in channels]
        shape = len(channels), *(axis.size for axis in axes)
        backward_tables = [np.broadcast_to(np.reshape(is_observed, (-1, *(1,) * len(axes))), shape).astype(np.float64)]
        for stages, _ in reversed(self.stages_by_step[1:]):
            after = backward_tables[-1]
            before = self._stage_tables(stages, after, tables)[0] if stages else after
            backward_tables.append(self._rescale(before)[0])
        return backward_tables[::-1]

    def _stage_tables(self, stages: Sequence[ContractionStep], after: Floats, tables: StepFactors) -> list[Floats]:
        """The backward tables before each stage of a step, from that after the last stage."""
        stage_tables = []
        for stage in reversed(stages):
            after = self._adjoint(stage, after, tables)
            stage_tables.append(after)
        return stage_tables[::-1]

    def _adjoint(self, stage: ContractionStep, after: Floats, tables: StepFactors) -> Floats:
        """The backward table before a stage from that after it."""
        before = (CHANNELS, *stage.before)
        result = after
        if stage.contraction is None:
            result = broadcast_to_axes(after, (CHANNELS, *stage.after), (CHANNELS, *stage.unsummed))
        match stage.task.action:
            case ConditionalTable() as conditional if stage.contraction is None:
                (redrawn, hold), _ = tables.prepared_factors(stage)
                axis = 1 + stage.before.index(conditional.law.previous_state)
                result = hold * result + (redrawn * result).sum(axis=axis, keepdims=True)
            case ConditionalTable():
                result = self._multiply_in_adjoint(stage, after)
            case JointRequest() | FirstPassage():
                pass
            case _:
                assert stage.split is not None
                result = _split_adjoint(stage.split, result, stage.task.predicate_axes, before, stage.channels[0])
        return np.broadcast_to(result, (stage.channels[0], *(axis.size for axis in stage.before)))

    def _multiply_in_adjoint(self, stage: ContractionStep, after: Floats) -> Floats:
        """The adjoint of multiplying a conditional table in; the sums that take a stage back are kept."""
        contraction, before = stage.contraction, (CHANNELS, *stage.before)
        assert contraction is not None
        if stage not in self._cached_reversals:
            if not self._keeps_factors:
                self._cached_reversals.clear()
            chain = ProductChain((CHANNELS, *stage.after), contraction.factors, set(before))
            totals = None if contraction.factored is None else contraction.factored.totals_over(stage.before)
            self._cached_reversals[stage] = chain, chain.prepare(stage.factors()), totals
        chain, factors, totals = self._cached_reversals[stage]
        result: Floats = broadcast_to_axes(chain(after, factors), chain.after, before)
        return result if totals is None else result / totals

    @cached_property
    def _cached_reversals(self) -> dict[ContractionStep, tuple[ProductChain, list[Floats], Floats | None]]:
        return {}


def _undecidable(steps: int) -> Timed:
    """A predicate that no step decides, so that an event with it stays open."""
    return Timed("at", range(steps, steps + 1), TRUE)


def _no_visit(members: frozenset[int], steps: int) -> Formula:
    return Timed("always", range(steps), Not(InStates(OUTCOME, members)))


def _split_adjoint(split: ChannelSplit, after: Floats, axes: Axes, before: Axes, channels: int) -> Floats:
    """The adjoint of reading predicates: from each channel what is found in those that its trials go to."""
    result = np.zeros((channels, *(axis.size for axis in before[1:])))
    for (source, target), where in split.routes.items():
        result[source] += broadcast_to_axes(where, axes, before[1:]) * after[target]
    return result
