"""Tells a path step by step: the opening, then what changed, with the events, rules and states that pushed it.

What pushed a node to a new state is told from the file: the points toward that state that parents, rules and event
windows gave at that step, times their weights where they have any; points that loosened its hold on the old
state; and the row of priors that applied. Of a number it is told when it goes high or low.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Literal

import numpy as np

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.judgements import JudgementEntry, is_assumption
from usru_scenarios.model.schema import Categorical, Condition, Event, Model, Numeric, NumericEvent, Outcome, Rule
from usru_scenarios.model.values import Judgement
from usru_scenarios.names import HOLD, OUTCOME, KeyPath
from usru_scenarios.program.program import CategoricalNode, NumericNode, Program
from usru_scenarios.questions.discretization import Discretization
from usru_scenarios.questions.explain.log_odds import window
from usru_scenarios.questions.explain.paths import DrawnPath
from usru_scenarios.questions.show import describe_conditions
from usru_scenarios.results.explain import PathContribution, Story, StoryChange, StoryEvent, StoryMoment, StoryRule

PushKind = Literal["influence", "impact", "rule", "event", "prior", "imposed"]

VALUE = "value"
"""Stands for the state of a numeric node, which has none, where points are given to it."""


@dataclass(frozen=True)
class CitedCell:
    """Points of the file for one state, the claims they rest on, and the weight they are multiplied by."""

    points: float
    sources: tuple[str, ...]
    weight: float = 1.0


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
        told = {reading.node: [self.shown(reading.node, step) for step in steps] for reading in self.readings}
        return Story(
            agreement=agreement,
            opening={node: states[0] for node, states in told.items()},
            moments=[self._moment(step) for step in steps],
            path=told,
        )

    def shown(self, node: str, step: int) -> str:
        """The state of a node at a step, or its value to three digits."""
        value = self.path.values[node][step]
        compiled = self.program.nodes[node]
        return compiled.states[int(value)] if isinstance(compiled, CategoricalNode) else f"{value:.3g}"

    def _moment(self, step: int) -> StoryMoment:
        return StoryMoment(
            step=self.program.grid.labels[step],
            probability=self.path.probability[step],
            events=list(self._events(step)),
            rules=list(self._rules(step)),
            changes=list(self._changes(step)) if step else [],
        )

    # The calendar and the rules --------------------------------------------------------------------------------------

    @cached_property
    def _calendar(self) -> list[tuple[str, int | str, Event | NumericEvent, range]]:
        """Every event of a node that is told of, with its key and its steps."""
        nodes: dict[str, Categorical | Numeric | Outcome] = {**self.model.drivers, OUTCOME: self.model.outcome}
        return [
            (name, key, event, window(self.model.grid, event.at, event.until))
            for name, node in nodes.items()
            for key, event in node.events.items()
        ]

    def _events(self, step: int) -> Iterator[StoryEvent]:
        for node, key, event, steps in self._calendar:
            if steps.start == step:
                until = self.model.grid.labels[steps[-1]]
                yield StoryEvent(node, _event_title(key, event), until, list(self._event_sources(node, event)))

    def _event_sources(self, node: str, event: Event | NumericEvent) -> tuple[str, ...]:
        around = self.model.outcome if node == OUTCOME else self.model.drivers[node]
        return event.sources or around.sources or ()

    def _rules(self, step: int) -> Iterator[StoryRule]:
        for name, rule in self.model.rules.items():
            told = any(target == OUTCOME or target in self.model.drivers for target in rule.then)
            if told and self._holds(rule, step) and not self._holds(rule, step - 1):
                when = describe_conditions(rule.when, rule.at_least) + (", a step before" if rule.lag else "")
                yield StoryRule(name, rule.title or name, when, list(rule.sources or ()))

    def _holds(self, rule: Rule, step: int) -> bool:
        """Whether a rule acts at a step."""
        if step < rule.lag:
            return False
        met = sum(self._meets(node, condition, step - rule.lag) for node, condition in rule.when.items())
        return met >= rule.required_count

    def _meets(self, node: str, condition: Condition, step: int) -> bool:
        if condition.comparison is None:
            return self.shown(node, step) in condition.states
        return condition.holds(self.path.values[node][step])

    # Changes ---------------------------------------------------------------------------------------------------------

    def _changes(self, step: int) -> Iterator[StoryChange]:
        for reading in self.readings:
            told = self._told[reading.node]
            if step in told[1:]:
                before = told[told.index(step) - 1]
                values = self.path.values[reading.node]
                pushes = self._pushes(
                    reading.node, step, -1 if reading.is_numeric and values[step] < values[before] else 1
                )
                yield StoryChange(
                    node=reading.node,
                    title=self._title(reading.node),
                    before=self.shown(reading.node, before),
                    after=self.shown(reading.node, step),
                    pushes=sorted(pushes, key=lambda push: -(push.points or 0.0)),
                )

    @cached_property
    def _told(self) -> dict[str, list[int]]:
        """The steps at which each node is told of: the first, and those at which it changes.

        A number is told of anew where it comes into the upper or lower third of its distribution, but not while it only
        goes to and fro between that third and the middle.
        """
        told = {}
        for reading in self.readings:
            codes = reading.codes(np.array(self.path.values[reading.node])).tolist()
            steps = [0]
            for step, code in enumerate(codes):
                if code != codes[steps[-1]] and not (reading.is_numeric and code == 1):
                    steps.append(step)
            told[reading.node] = steps
        return told

    def _title(self, node: str) -> str:
        return "The scenario" if node == OUTCOME else self.model.drivers[node].title or node

    def _pushes(self, node: str, step: int, way: int) -> Iterator[PathContribution]:
        """What pushed a node to its state at a step; a number up (`way` 1) or down (-1)."""
        compiled = self.program.nodes[node]
        if self._imposed(node, step):
            yield PathContribution(node, "imposed", self.shown(node, step), 0, None, None, [], inferred=False)
            return
        numeric = isinstance(compiled, NumericNode)
        toward = VALUE if numeric else self.shown(node, step)
        old = "" if numeric else self.shown(node, step - 1)
        yield from self._by_parents(node, step, toward, way)
        yield from self._by_rules(node, step, toward, way)
        yield from self._by_events(node, step, toward, way)
        if isinstance(compiled, CategoricalNode) and old:
            yield from self._by_priors(node, step, toward)

    def _imposed(self, node: str, step: int) -> bool:
        compiled = self.program.nodes[node]
        value = compiled.imposed[step]
        return bool(value >= 0) if isinstance(compiled, CategoricalNode) else not np.isnan(value)

    def _by_parents(self, node: str, step: int, toward: str, way: int) -> Iterator[PathContribution]:
        for block in self._blocks(node):
            if block.rows and block.lag <= step:
                weight = float(self.program.weights[block.parent][step]) if block.kind == "impact" else 1.0
                before = step - block.lag
                state, cells = self.shown(block.parent, before), self._given(block, before, toward, weight)
                yield from _push(block.parent, block.kind, cells, state=state, lag=block.lag, way=way)

    def _blocks(self, node: str) -> Iterator[PointTable]:
        """What the file says that other nodes give to a node."""
        part = self.model.outcome if node == OUTCOME else self.model.drivers[node]
        path: KeyPath = ("outcome",) if node == OUTCOME else ("drivers", node)
        if not isinstance(part, Outcome):
            for parent, rows in part.influences.items():
                yield PointTable(parent, 0, "influence", (*path, "influences", parent), tuple(rows))
        for parent, rows in part.lagged_influences.items():
            yield PointTable(parent, 1, "influence", (*path, "lagged_influences", parent), tuple(rows))
        if node == OUTCOME:
            for name, driver in self.model.drivers.items():
                yield PointTable(name, 0, "impact", ("drivers", name, "impacts"), tuple(driver.impacts))

    def _given(self, block: PointTable, step: int, toward: str, weight: float) -> GivenCells:
        """The points that a parent gives, as `_cells`."""
        if not isinstance(self.program.nodes[block.parent], NumericNode):
            return self._cells(block.path, self.shown(block.parent, step), toward, weight)
        knots = sorted(block.rows, key=float)
        by_knot = [self._cells(block.path, knot, toward, weight) for knot in knots]
        value, at = self.path.values[block.parent][step], [float(knot) for knot in knots]
        gives, holds = (_between(cells, at, value, weight) for cells in zip(*by_knot, strict=True))
        return gives, holds

    def _cells(self, path: KeyPath, row: str, toward: str, weight: float) -> GivenCells:
        """The points in a row for a state, or for a number, and those for `hold`; None where there are none."""
        if toward == VALUE:
            return self._at((*path, row), weight), None
        return self._at((*path, row, toward), weight), self._at((*path, row, HOLD), weight)

    def _at(self, path: KeyPath, weight: float) -> CitedCell | None:
        found = self.judged.get(path)
        if found is None or not isinstance(found.judgement, Judgement):
            return None
        return CitedCell(found.judgement.mean, found.sources, weight)

    def _by_rules(self, node: str, step: int, toward: str, way: int) -> Iterator[PathContribution]:
        for name, rule in self.model.rules.items():
            if node in rule.then and self._holds(rule, step):
                weight = float(self.program.weights[name][step]) if node == OUTCOME else 1.0
                cells = self._cells(("rules", name, "then"), node, toward, weight)
                yield from _push(name, "rule", cells, state="holds", lag=rule.lag, way=way)

    def _by_events(self, node: str, step: int, toward: str, way: int) -> Iterator[PathContribution]:
        home: KeyPath = ("outcome",) if node == OUTCOME else ("drivers", node)
        for name, key, event, steps in self._calendar:
            if name != node or step not in steps:
                continue
            path, title = (*home, "events", key), _event_title(key, event)
            if isinstance(event, Event) and event.prior is not None and step == steps.start:
                sources = self._event_sources(node, event)
                yield PathContribution(node, "event", title, 0, None, None, list(sources), _is_inferred(sources))
            if event.points is not None:
                cells = self._cells(path, "points", toward, 1.0)
                yield from _push(node, "event", cells, state=title, lag=0, way=way)

    def _by_priors(self, node: str, step: int, toward: str) -> Iterator[PathContribution]:
        """The row of priors that holds, where it makes the new state likely."""
        compiled = self.program.nodes[node]
        if node == OUTCOME or not isinstance(compiled, CategoricalNode) or step in compiled.forced:
            return
        part = self.model.drivers[node]
        for key, row in part.prior_given.items() if isinstance(part, Categorical) else ():
            if all(self._meets(name, condition, step) for name, condition in row.when.items()):
                share = row.prior.get(toward)
                if share is not None and share.mean * len(compiled.states) > sum(
                    one.mean for one in row.prior.values()
                ):
                    found = self.judged[("drivers", node, "prior_given", key, "prior", toward)]
                    when, sources = describe_conditions(row.when), list(found.sources)
                    yield PathContribution(node, "prior", when, 0, None, None, sources, found.is_inferred)
                return


def _between(
    cells: Sequence[CitedCell | None], knots: Sequence[float], value: float, weight: float
) -> CitedCell | None:
    """The points at a value between knots, which rest on the claims of all of them; None where there are none."""
    points = float(np.interp(value, knots, [0.0 if cell is None else cell.points for cell in cells]))
    sources = dict.fromkeys(source for cell in cells if cell is not None for source in cell.sources)
    return CitedCell(points, tuple(sources), weight) if points else None


def _push(of: str, kind: PushKind, cells: GivenCells, *, state: str, lag: int, way: int) -> Iterator[PathContribution]:
    """A push, if there is any: points that go the way of the change, or that loosen the hold on the old state."""
    gives, holds = cells
    points = 0.0 if gives is None else gives.points * gives.weight * way
    hold = 0.0 if holds is None else min(holds.points * holds.weight, 0.0)
    sources: dict[str, None] = {}
    if gives is not None and points > 0:
        sources |= dict.fromkeys(gives.sources)
    if holds is not None and hold < 0:
        sources |= dict.fromkeys(holds.sources)
    if points > 0 or hold < 0:
        inferred = _is_inferred(sources)
        yield PathContribution(
            of, kind, state, lag, points if points > 0 else None, hold or None, list(sources), inferred
        )


def _is_inferred(sources: Mapping[str, None] | tuple[str, ...]) -> bool:
    return all(map(is_assumption, sources))


def _event_title(key: int | str, event: Event | NumericEvent) -> str:
    return event.title or (key.replace("_", " ") if isinstance(key, str) else f"event {key + 1}")
