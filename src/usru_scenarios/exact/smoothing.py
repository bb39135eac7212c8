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
from usru_scenarios.exact.formula_states import TRUE, ChannelSplit, FormulaState, simplified
from usru_scenarios.exact.passes import ForwardPass, PassAnswer, StepFactors
from usru_scenarios.exact.variable_elimination import (
    CHANNELS,
    Axes,
    ContractionCost,
    ContractionStep,
    FirstPassage,
    JointRequest,
    ProductChain,
    read,
    summed,
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

    def _followed(self, steps: int) -> tuple[Formula, ...]:
        """What is observed, and each first visit that has not come about, together with what is observed."""
        assert self.question.given is not None, "without observations, a pass forward will do"
        seen = All((self.question.given, _beyond(steps)))
        return (seen, *(All((_never(members, steps), seen)) for members in self.question.visits))

    def _length(self, steps: int) -> int:
        self.timed.remove(_beyond(steps))
        super()._length(steps)
        return steps

    @cached_property
    def cost(self) -> ContractionCost:
        """Predicted from the plan: the tables between the steps and those within a step are held."""
        forward = super().cost
        between = sum(stages[-1].held[1] for stages in self.plan if stages)
        within = max((sum(stage.held[0] for stage in stages) for stages in self.plan), default=0)
        entries = max(forward.entries, between + within)
        tables = forward.memory - 8 * 3 * forward.entries
        return ContractionCost(entries, 8 * 3 * entries + 2 * tables, 3 * forward.operations)

    # Running ---------------------------------------------------------------------------------------------------------

    def run(self, *, by_step: bool = True) -> PassAnswer:  # noqa: ARG002  # what is found is about each step
        """Go back through the steps, then forward; within a step back once more, so that little is remembered."""
        scenarios, followed = len(self.finite.program.outcome.states), len(self.events)
        found = PassAnswer(
            np.zeros((followed - 1, self.draws, self.steps)),
            {},
            np.zeros((scenarios, scenarios, self.draws)),
            np.zeros((self.draws, self.steps)),
        )
        nothing = PassAnswer(np.zeros((followed, self.draws, self.steps)), {}, found.pairs)
        tables = self._tables()
        ahead = self._ahead(tables)
        table = np.ones(len(self._start()[0]))
        axes: Axes = ()
        for step, (stages, channels) in enumerate(self.arrangement):
            for stage, rest in zip(stages, self._within(stages, ahead[step], tables), strict=True):
                if isinstance(report := stage.task.what, JointRequest):
                    self._told(report, step, read((table * rest).sum(axis=0), stage.before, report.axes), found)
                    table = summed(table, (CHANNELS, *stage.before), (CHANNELS, *stage.after))
                else:
                    table = self._apply(stage, step, table, nothing, tables)
            axes = stages[-1].after if stages else axes
            self._visits(step, channels, axes, (table, ahead[step]), found)
            if step + 1 < self.steps:
                table, scale = self._scaled(table)
                found.log_scale += math.log(scale)
        return found

    def _told(self, report: JointRequest, step: int, joint: Floats, found: PassAnswer) -> None:
        """Report; what follows what is summed over the steps, so each of them has to count alike."""
        total = joint.sum() if report.pairs and self.part is None else 1.0
        self._report(report, step, joint / (total or 1.0), found)

    def _visits(
        self, step: int, channels: Sequence[FormulaState], axes: Axes, tables: tuple[Floats, Floats], found: PassAnswer
    ) -> None:
        """The probability of what is observed, in all and without a visit up to a step."""
        table, rest = tables
        open_at = {left: place for place, one in enumerate(channels) for event, left in one.pending if not event}
        without = [
            {simplified(All((never, left))): place for left, place in open_at.items()} | open_at
            for never in (_never(members, self.steps) for members in self.question.visits)
        ]
        for place, channel in enumerate(channels):
            for event, left in channel.pending:
                if event == _OBSERVED:
                    found.evidence[:, step] += read(table[place] * rest[place], axes, self.drawn)
                else:
                    both = table[place] * rest[without[event - 1][left]]
                    found.decided[event - 1, :, step] += read(both, axes, self.drawn)

    def _scaled(self, table: Floats) -> tuple[Floats, float]:
        """The table with 1 as its largest entry, and that; parts of a quadrature are added up and keep one scale."""
        most = float(table.max(initial=0.0))
        return (table / most, most) if self.part is None and most > 0.0 else (table, 1.0)

    # Backward --------------------------------------------------------------------------------------------------------

    def _ahead(self, tables: StepFactors) -> list[Floats]:
        """After each step, the probability of what is still to be observed, from every entry of the table."""
        stages, channels = self.arrangement[-1]
        last = stages[-1].after if stages else ()
        seen = [(_OBSERVED, _beyond(self.steps)) in channel.pending for channel in channels]
        shape = len(channels), *(axis.size for axis in last)
        ahead = [np.broadcast_to(np.reshape(seen, (-1, *(1,) * len(last))), shape).astype(np.float64)]
        for stages, _ in reversed(self.arrangement[1:]):
            ahead.append(self._scaled(self._within(stages, ahead[-1], tables)[0] if stages else ahead[-1])[0])
        return ahead[::-1]

    def _within(self, stages: Sequence[ContractionStep], after: Floats, tables: StepFactors) -> list[Floats]:
        """The same before each stage of a step, from that after the last one."""
        rests = []
        for stage in reversed(stages):
            after = self._adjoint(stage, after, tables)
            rests.append(after)
        return rests[::-1]

    def _adjoint(self, stage: ContractionStep, after: Floats, tables: StepFactors) -> Floats:
        """From the probabilities of what is still to be observed after a stage those before it."""
        before = (CHANNELS, *stage.before)
        rest = (
            broadcast_to_axes(after, (CHANNELS, *stage.after), (CHANNELS, *stage.over))
            if stage.moving is None
            else after
        )
        match stage.task.what:
            case ConditionalTable() as move if stage.moving is None:
                (redrawn, hold), _ = tables.of(stage)
                rest = hold * rest + (redrawn * rest).sum(axis=1 + stage.before.index(move.own), keepdims=True)
            case ConditionalTable():
                rest = self._returned(stage, after)
            case JointRequest() | FirstPassage():
                pass
            case _:
                assert stage.split is not None
                rest = _joined(stage.split, rest, stage.task.over, before, stage.channels[0])
        return np.broadcast_to(rest, (stage.channels[0], *(axis.size for axis in stage.before)))

    def _returned(self, stage: ContractionStep, after: Floats) -> Floats:
        """The adjoint of multiplying a conditional table in."""
        assert stage.moving is not None
        chain, factors, totals = self._reverse(stage)
        rest: Floats = broadcast_to_axes(chain(after, factors), chain.after, (CHANNELS, *stage.before))
        return rest if totals is None else rest / totals

    def _reverse(self, stage: ContractionStep) -> tuple[ProductChain, list[Floats], Floats | None]:
        """The sums that take a stage back, their factors laid out, and what halves are divided by."""
        moving = stage.moving
        assert moving is not None
        if stage not in self._reversed:
            if not self._light:
                self._reversed.clear()
            chain = ProductChain((CHANNELS, *stage.after), moving.factors, {CHANNELS, *stage.before})
            totals = None
            if moving.halves is not None:
                held = [parent for half in moving.halves.parents for parent in half]
                totals = broadcast_to_axes(moving.halves.totals(), held, stage.before)
            self._reversed[stage] = chain, chain.laid(stage.factors()), totals
        return self._reversed[stage]

    @cached_property
    def _reversed(self) -> dict[ContractionStep, tuple[ProductChain, list[Floats], Floats | None]]:
        return {}


def _beyond(steps: int) -> Timed:
    """What no step decides: an event that waits for it stays open."""
    return Timed("at", range(steps, steps + 1), TRUE)


def _never(members: frozenset[int], steps: int) -> Formula:
    return Timed("always", range(steps), Not(InStates(OUTCOME, members)))


def _joined(split: ChannelSplit, after: Floats, axes: Axes, before: Axes, channels: int) -> Floats:
    """The adjoint of reading predicates: from each channel what is found in those that its trials go to."""
    rest = np.zeros((channels, *(axis.size for axis in before[1:])))
    for (source, target), where in split.routes.items():
        rest[source] += broadcast_to_axes(where, axes, before[1:]) * after[target]
    return rest
