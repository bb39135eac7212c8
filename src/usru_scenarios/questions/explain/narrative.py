"""Tells a path step by step: the opening, then what changed, with the events, rules and states that pushed it.

What pushed a node to a new state is told from the file: the points toward that state that parents, rules and event
windows gave at that step, times their weights where they have any; points that loosened its hold on the old
state; and the row of priors that applied. Of a number it is told when it goes high or low.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.judgements import JudgementEntry, is_assumption
from usru_scenarios.model.schema import Categorical, Condition, Event, Model, Numeric, NumericEvent, Outcome, Rule
from usru_scenarios.model.values import Judgement
from usru_scenarios.names import HOLD, OUTCOME, KeyPath
from usru_scenarios.program.program import CategoricalNode, NumericNode, Program
from usru_scenarios.questions.discretization import Discretization
from usru_scenarios.questions.explain.log_odds import window_steps
from usru_scenarios.questions.explain.paths import DrawnPath
from usru_scenarios.questions.show import describe_conditions
from usru_scenarios.results.explain import PathContribution, Story, StoryChange, StoryEvent, StoryMoment, StoryRule

PushKind = Literal["influence", "impact", "rule", "event", "prior", "imposed"]

NUMERIC_VALUE = "value"
"""Stands for the state of a numeric node, which has none, where points are given to it."""


@dataclass(frozen=True)
class CitedCell:
    """Points of the file for one state, and the claims they rest on."""

    points: float
    sources: tuple[str, ...]


GivenCells = tuple[CitedCell | None, CitedCell | None]
"""The points for what a node changes to, and those for `hold`."""


@dataclass(frozen=True)
class PointTable:
    """Points that the file lets one node give to another: by states of the parent, or by knots on its scale."""

    parent: str
    lag: int
    kind: PushKind
    path: KeyPath
    rows: tuple[str, ...]


@dataclass(frozen=True)
class PathDescriber:
    """A path with all that is needed to tell it.

    Attributes:
        model, program: whose path it is.
        readings: the nodes that it is told of.
        judged: every judgement by its path in the file.
        path: what was drawn.
    """

    model: Model
    program: Program
    readings: list[Discretization]
    judged: Mapping[KeyPath, JudgementEntry]
    path: DrawnPath

    def story(self, agreement: float) -> Story:
        """The whole story."""
        steps = range(self.program.steps)
        path = {reading.node: [self.format_state(reading.node, step) for step in steps] for reading in self.readings}
        return Story(
            agreement=agreement,
            opening={node: states[0] for node, states in path.items()},
            moments=[
                StoryMoment(
                    step=self.program.grid.labels[step],
                    probability=self.path.probability[step],
                    events=list(self._events_from(step)),
                    rules=list(self._rules_from(step)),
                    changes=list(self._changes(step)) if step else [],
                )
                for step in steps
            ],
            path=path,
        )

    def format_state(self, node: str, step: int) -> str:
        """The state of a node at a step, or its value to three digits."""
        value = self.path.values[node][step]
        compiled = self.program.nodes[node]
        return compiled.states[int(value)] if isinstance(compiled, CategoricalNode) else f"{value:.3g}"

    # The calendar and the rules --------------------------------------------------------------------------------------

    @cached_property
    def _calendar(self) -> list[tuple[str, int | str, Event | NumericEvent, range]]:
        """Every event of a node that is told of, with its key and its steps."""
        nodes: dict[str, Categorical | Numeric | Outcome] = {**self.model.drivers, OUTCOME: self.model.outcome}
        return [
            (name, key, event, window_steps(self.model.grid, event.at, event.until))
            for name, node in nodes.items()
            for key, event in node.events.items()
        ]

    def _events_from(self, step: int) -> Iterator[StoryEvent]:
        for node, key, event, steps in self._calendar:
            if steps.start == step:
                until = self.model.grid.labels[steps[-1]]
                yield StoryEvent(node, _event_title(key, event), until, list(self._event_sources(node, event)))

    def _event_sources(self, node: str, event: Event | NumericEvent) -> tuple[str, ...]:
        around = self.model.outcome if node == OUTCOME else self.model.drivers[node]
        return event.sources or around.sources or ()

    def _rules_from(self, step: int) -> Iterator[StoryRule]:
        for name, rule in self.model.rules.items():
            is_told = any(target == OUTCOME or target in self.model.drivers for target in rule.then)
            if is_told and self._rule_holds(rule, step) and not self._rule_holds(rule, step - 1):
                when = describe_conditions(rule.when, rule.at_least) + (", a step before" if rule.lag else "")
                yield StoryRule(name, rule.title or name, when, list(rule.sources or ()))

    def _rule_holds(self, rule: Rule, step: int) -> bool:
        """Whether a rule acts at a step."""
        if step < rule.lag:
            return False
        met = sum(self._is_met(node, condition, step - rule.lag) for node, condition in rule.when.items())
        return met >= rule.required_count

    def _is_met(self, node: str, condition: Condition, step: int) -> bool:
        if condition.comparison is None:
            return self.format_state(node, step) in condition.states
        return condition.holds(self.path.values[node][step])

    # Changes ---------------------------------------------------------------------------------------------------------

    def _changes(self, step: int) -> Iterator[StoryChange]:
        for reading in self.readings:
            node, steps = reading.node, self._change_steps[reading.node]
            if step in steps[1:]:
                step_before = steps[steps.index(step) - 1]
                values = self.path.values[node]
                change = _Change(node, step, self.format_state(node, step), 1)
                if reading.is_numeric:
                    change = _Change(node, step, NUMERIC_VALUE, -1 if values[step] < values[step_before] else 1)
                yield StoryChange(
                    node=node,
                    title="The scenario" if node == OUTCOME else self.model.drivers[node].title or node,
                    before=self.format_state(node, step_before),
                    after=self.format_state(node, step),
                    pushes=sorted(self._pushes(change), key=lambda push: -(push.points or 0.0)),
                )

    @cached_property
    def _change_steps(self) -> dict[str, list[int]]:
        """The first step, and those at which each node changes.

        A number changes where it comes into the upper or lower third of its distribution, but not while it only goes to
        and fro between that third and the middle.
        """
        steps_by_node = {}
        for reading in self.readings:
            codes = reading.codes(np.array(self.path.values[reading.node])).tolist()
            steps = [0]
            for step, code in enumerate(codes):
                if code != codes[steps[-1]] and not (reading.is_numeric and code == 1):
                    steps.append(step)
            steps_by_node[reading.node] = steps
        return steps_by_node

    def _pushes(self, change: _Change) -> Iterator[PathContribution]:
        """What pushed a node to its state."""
        node, step = change.node, change.step
        compiled = self.program.nodes[node]
        is_categorical, imposed = isinstance(compiled, CategoricalNode), compiled.imposed[step]
        if imposed >= 0 if is_categorical else not np.isnan(imposed):
            yield PathContribution(node, "imposed", self.format_state(node, step), 0, None, None, [], inferred=False)
            return
        yield from self._pushes_by_parents(change)
        yield from self._pushes_by_rules(change)
        yield from self._pushes_by_events(change)
        if is_categorical and node != OUTCOME:
            yield from self._pushes_by_priors(change)

    def _pushes_by_parents(self, change: _Change) -> Iterator[PathContribution]:
        for table in self._point_tables(change.node):
            if table.rows and table.lag <= change.step:
                weight = float(self.program.weights[table.parent][change.step]) if table.kind == "impact" else 1.0
                step = change.step - table.lag
                cells, state = self._cells_of_parent(table, step, change), self.format_state(table.parent, step)
                yield from change.pushed_by(table.parent, table.kind, state, cells, lag=table.lag, weight=weight)

    def _point_tables(self, node: str) -> Iterator[PointTable]:
        """What the file says that other nodes give to a node."""
        part, path = self.model.outcome if node == OUTCOME else self.model.drivers[node], _node_path(node)
        if not isinstance(part, Outcome):
            for parent, rows in part.influences.items():
                yield PointTable(parent, 0, "influence", (*path, "influences", parent), tuple(rows))
        for parent, rows in part.lagged_influences.items():
            yield PointTable(parent, 1, "influence", (*path, "lagged_influences", parent), tuple(rows))
        if node == OUTCOME:
            for name, driver in self.model.drivers.items():
                yield PointTable(name, 0, "impact", ("drivers", name, "impacts"), tuple(driver.impacts))

    def _cells_of_parent(self, table: PointTable, step: int, change: _Change) -> GivenCells:
        """The points that a parent gives, as `_cells`."""
        if not isinstance(self.program.nodes[table.parent], NumericNode):
            return self._cells(table.path, self.format_state(table.parent, step), change)
        labels = sorted(table.rows, key=float)
        by_knot = [self._cells(table.path, label, change) for label in labels]
        value, knots = self.path.values[table.parent][step], [float(label) for label in labels]
        for_state, for_hold = (_interpolate_cells(cells, knots, value) for cells in zip(*by_knot, strict=True))
        return for_state, for_hold

    def _cells(self, path: KeyPath, row: str, change: _Change) -> GivenCells:
        """The points in a row for a state, or for a number, and those for `hold`; None where there are none."""
        if change.new_state == NUMERIC_VALUE:
            return self._cell_at((*path, row)), None
        return self._cell_at((*path, row, change.new_state)), self._cell_at((*path, row, HOLD))

    def _cell_at(self, path: KeyPath) -> CitedCell | None:
        judged = self.judged.get(path)
        if judged is None or not isinstance(judged.judgement, Judgement):
            return None
        return CitedCell(judged.judgement.mean, judged.sources)

    def _pushes_by_rules(self, change: _Change) -> Iterator[PathContribution]:
        for name, rule in self.model.rules.items():
            if change.node in rule.then and self._rule_holds(rule, change.step):
                weight = float(self.program.weights[name][change.step]) if change.node == OUTCOME else 1.0
                cells = self._cells(("rules", name, "then"), change.node, change)
                yield from change.pushed_by(name, "rule", "holds", cells, lag=rule.lag, weight=weight)

    def _pushes_by_events(self, change: _Change) -> Iterator[PathContribution]:
        node = change.node
        for name, key, event, steps in self._calendar:
            if name != node or change.step not in steps:
                continue
            title = _event_title(key, event)
            if isinstance(event, Event) and event.prior is not None and change.step == steps.start:
                sources = list(self._event_sources(node, event))
                inferred = all(map(is_assumption, sources))
                yield PathContribution(node, "event", title, 0, None, None, sources, inferred)
            if event.points is not None:
                cells = self._cells((*_node_path(node), "events", key), "points", change)
                yield from change.pushed_by(node, "event", title, cells)

    def _pushes_by_priors(self, change: _Change) -> Iterator[PathContribution]:
        """The row of priors that holds, where it makes the new state likely."""
        compiled, part = self.program.nodes[change.node], self.model.drivers[change.node]
        if not isinstance(part, Categorical) or not isinstance(compiled, CategoricalNode):
            return
        rows = () if change.step in compiled.forced else part.prior_given.items()
        for key, row in rows:
            if all(self._is_met(name, condition, change.step) for name, condition in row.when.items()):
                share = row.prior.get(change.new_state)
                total = sum(prior.mean for prior in row.prior.values())
                if share is not None and share.mean * len(compiled.states) > total:
                    judged = self.judged[("drivers", change.node, "prior_given", key, "prior", change.new_state)]
                    when, sources = describe_conditions(row.when), list(judged.sources)
                    yield PathContribution(change.node, "prior", when, 0, None, None, sources, judged.is_inferred)
                return


class _Change(NamedTuple):
    """A change of a node at a step to a state; of a number, upwards (`direction` 1) or downwards (-1)."""

    node: str
    step: int
    new_state: str
    direction: int

    def pushed_by(
        self, of: str, kind: PushKind, state: str, cells: GivenCells, *, lag: int = 0, weight: float = 1.0
    ) -> Iterator[PathContribution]:
        """A push, if there is any: points that go the way of the change, or that loosen the hold on the old state."""
        for_state, for_hold = cells
        points = 0.0 if for_state is None else for_state.points * weight * self.direction
        hold = 0.0 if for_hold is None else min(for_hold.points * weight, 0.0)
        sources: dict[str, None] = {}
        if for_state is not None and points > 0:
            sources |= dict.fromkeys(for_state.sources)
        if for_hold is not None and hold < 0:
            sources |= dict.fromkeys(for_hold.sources)
        if points > 0 or hold < 0:
            inferred = all(map(is_assumption, sources))
            given = points if points > 0 else None
            yield PathContribution(of, kind, state, lag, given, hold or None, list(sources), inferred)


def _interpolate_cells(cells: Sequence[CitedCell | None], knots: Sequence[float], value: float) -> CitedCell | None:
    """The points at a value between knots, which rest on the claims of all of them; None where there are none."""
    points = float(np.interp(value, knots, [0.0 if cell is None else cell.points for cell in cells]))
    sources = dict.fromkeys(source for cell in cells if cell is not None for source in cell.sources)
    return CitedCell(points, tuple(sources)) if points else None


def _node_path(node: str) -> KeyPath:
    return ("outcome",) if node == OUTCOME else ("drivers", node)


def _event_title(key: int | str, event: Event | NumericEvent) -> str:
    return event.title or (key.replace("_", " ") if isinstance(key, str) else f"event {key + 1}")
