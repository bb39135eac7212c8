"""Compiles a model to arrays: what each node's next state depends on, and how.

A `Program` says exactly what the format means (its sections 3 to 7) and nothing about how it is computed: the sampler
and exact inference both start from it. A node's points are kept as *terms*, one for each judgement block, over the few
parents that the block names; they are multiplied out into tables only where an engine wants them. Weights stay apart
from the points, so that a changed weight changes nothing else, and an intervention is a transform that returns a new
program.

Everything is kept in the order of names, not of the file: reordering a file changes no digit of any result.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from usru_scenarios.meaning.distributions import LatentScale
from usru_scenarios.model import (
    HOLD,
    OUTCOME,
    Categorical,
    CategoricalDriver,
    Condition,
    Event,
    Judgement,
    Model,
    Numeric,
    NumericDriver,
    NumericEvent,
    Outcome,
    Persistence,
    Rule,
    Weight,
)
from usru_scenarios.timeline import Grid

Floats = npt.NDArray[np.float64]
Role = Literal["driver", "outcome", "consequence"]

TABLE_LIMIT = 4_000_000
"""The largest number of entries that the table of one term may have."""


@dataclass(frozen=True, slots=True, order=True)
class Parent:
    """A node that another one reads: its state in the same step (lag 0) or the previous one (lag 1).

    A numeric node that conditions ask about is read through `edges`, which cut its scale: its index is the number of
    edges that its value reaches.
    """

    node: str
    lag: int
    size: int
    edges: tuple[float, ...] = ()


@dataclass(frozen=True)
class Term:
    """Points that a combination of parents gives to the states of a node.

    Attributes:
        parents: whose combination it is.
        points: shape (size of each parent ..., states + 1), the last column for `hold`; for a numeric node
            (size of each parent ..., 1).
        weight: name of the driver or rule whose weight multiplies the points, if any.
    """

    parents: tuple[Parent, ...]
    points: Floats
    weight: str | None = None


@dataclass(frozen=True)
class Curve:
    """Points along the scale of a numeric parent: linear between knots, flat outside.

    Attributes:
        node: the numeric parent.
        lag: 0 or 1, as in `Parent`.
        knots: shape (knots,), rising.
        points: shape (knots, columns), the columns as in `Term`.
        weight: as in `Term`.
    """

    node: str
    lag: int
    knots: Floats
    points: Floats
    weight: str | None = None


@dataclass(frozen=True)
class CategoricalNode:
    """A node with states: a driver, a consequence, or the outcome.

    Attributes:
        states: in the order of their names.
        prior: relative weights, shape (size of each parent ..., states), over `prior_parents`.
        initial: probabilities of the states at the first step, or None.
        forced: for a step with a forced redraw, the relative weights that take the prior's place.
        persistence: shape (states,), the probability of keeping a state over one step.
        allowed: shape (states, states), from and to, or None where a redraw may go anywhere.
        terms, curves: the points of parents, same-step and lagged.
        windows: shape (steps, states + 1), points of event windows.
        log_odds: ln of `odds_per_point`: the log-odds that one point is worth.
        imposed: shape (steps,), the index of the state that an intervention sets, -1 where there is none.
    """

    name: str
    role: Role
    states: tuple[str, ...]
    prior_parents: tuple[Parent, ...]
    prior: Floats
    initial: Floats | None
    forced: Mapping[int, Floats]
    persistence: Floats
    allowed: npt.NDArray[np.bool_] | None
    terms: tuple[Term, ...]
    curves: tuple[Curve, ...]
    windows: Floats
    log_odds: float
    imposed: npt.NDArray[np.int64]

    @property
    def links(self) -> set[tuple[str, int]]:
        """The nodes that it reads, each with its lag; its own persistence is not counted."""
        return _links(self.prior_parents, self.terms, self.curves)


@dataclass(frozen=True)
class NumericNode:
    """A node on a scale: x(t) = F^-1(Phi(z(t) + sd_per_point * points(t))), z a normal autoregression.

    Attributes:
        scale: the map from the latent normal to the scale, F^-1(Phi(z)).
        initial: the value at the first step, or None where z(0) is drawn.
        persistence: lag-one autocorrelation r of z.
        sd_per_point: by how many standard deviations one point moves the latent normal.
        terms, curves: points that parents give; their arrays have one column.
        windows: shape (steps,), points of event windows.
        imposed: shape (steps,), the value that an intervention sets, NaN where there is none.
    """

    name: str
    role: Role
    scale: LatentScale
    initial: float | None
    persistence: float
    sd_per_point: float
    terms: tuple[Term, ...]
    curves: tuple[Curve, ...]
    windows: Floats
    imposed: Floats

    @property
    def links(self) -> set[tuple[str, int]]:
        """The nodes that it reads, each with its lag."""
        return _links((), self.terms, self.curves)


Node = CategoricalNode | NumericNode


def _links(parents: Iterable[Parent], terms: Iterable[Term], curves: Iterable[Curve]) -> set[tuple[str, int]]:
    read = [*parents, *(parent for term in terms for parent in term.parents)]
    return {(parent.node, parent.lag) for parent in read} | {(curve.node, curve.lag) for curve in curves}


@dataclass(frozen=True)
class Law:
    """How a categorical node gets its state at one step, all that does not vary between worlds put together.

    Attributes:
        fixed: shape (states,), the state's probabilities where nothing else matters (imposed, or `initial`), or None.
        prior_parents, prior: as in `CategoricalNode`, with a forced redraw's weights in the prior's place.
        terms: weighted log-odds, as `Term` with points in natural log units.
        curves: the same along numeric parents.
        offset: shape (states + 1,), log-odds of event windows.
        keep: shape (states,), the persistence, or None where the state is drawn anew whatever it was.
        allowed: as in `CategoricalNode`, None where nothing is kept.
    """

    name: str
    size: int
    fixed: Floats | None
    prior_parents: tuple[Parent, ...] = ()
    prior: Floats = field(default_factory=lambda: np.ones(1))
    terms: tuple[Term, ...] = ()
    curves: tuple[Curve, ...] = ()
    offset: Floats = field(default_factory=lambda: np.zeros(1))
    keep: Floats | None = None
    allowed: npt.NDArray[np.bool_] | None = None

    @property
    def own(self) -> Parent:
        """The node's own previous state, as a parent."""
        return Parent(self.name, 1, self.size)

    @cached_property
    def parents(self) -> tuple[Parent, ...]:
        """The categorical (or cut) parents of the conditional table, the own previous state included if it matters."""
        if self.fixed is not None:
            return ()
        own = {self.own} if self.keep is not None else set()
        return tuple(sorted(own | set(self.prior_parents) | {p for term in self.terms for p in term.parents}))

    @property
    def rows(self) -> int:
        """How many combinations the parents have."""
        return math.prod(parent.size for parent in self.parents)

    def table(self) -> Floats:
        """The conditional probabilities of the next state, shape (size of each parent ..., states).

        Raises:
            ValueError: the law has curves, so that no finite table holds it.
        """
        if self.curves:
            raise ValueError(f"{self.name} depends on a numeric node along its whole scale")
        if self.fixed is not None:
            return self.fixed
        logits = log_weights(self, self.parents)
        weights = np.exp(logits[..., : self.size])
        if self.keep is None:
            return _normalised(weights)
        own = self.parents.index(self.own)
        weights = np.moveaxis(weights, own, -2)
        if self.allowed is not None:
            weights = weights * self.allowed
        hold = kept(self.keep, np.moveaxis(logits[..., self.size], own, -1))
        stuck = weights.sum(axis=-1) == 0
        hold = np.where(stuck, 1.0, hold)
        moved = (1.0 - hold)[..., None] * _normalised(weights)
        table: Floats = np.moveaxis(moved + hold[..., None] * np.eye(self.size), -2, own)
        return table


def _normalised(weights: Floats) -> Floats:
    total = weights.sum(axis=-1, keepdims=True)
    shares: Floats = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    return shares


def kept(keep: Floats, log_odds: Floats) -> Floats:
    """The probability of keeping a state whose persistence is `keep`, with points for `hold` worth `log_odds`.

    The odds h / (1 - h) are multiplied by exp(log_odds); 0 and 1 stay. Shapes broadcast.
    """
    with np.errstate(all="ignore"):
        hold: Floats = 1.0 / (1.0 + (1.0 - keep) / keep * np.exp(-log_odds))
    return np.where(keep >= 1.0, 1.0, np.where(keep <= 0.0, 0.0, hold))


def log_weights(law: Law, parents: tuple[Parent, ...]) -> Floats:
    """The log prior plus the log-odds of all terms over `parents`, shape (size of each parent ..., states + 1).

    The last column is the log-odds of `hold`. In each row the largest log-weight of a state is 0, where any is finite.
    """
    sizes = tuple(parent.size for parent in parents)
    logits = np.broadcast_to(law.offset, (*sizes, law.size + 1)).copy()
    with np.errstate(divide="ignore"):
        logits[..., : law.size] += spread(np.log(law.prior), law.prior_parents, parents)
    for term in law.terms:
        logits += spread(term.points, term.parents, parents)
    largest = logits[..., : law.size].max(axis=-1, keepdims=True)
    logits[..., : law.size] -= np.where(np.isfinite(largest), largest, 0.0)  # a row may have nowhere to go
    return logits


def spread(table: Floats, held: tuple[Parent, ...], over: tuple[Parent, ...]) -> Floats:
    """A table over the parents `held`, laid out so that it broadcasts over the parents `over`."""
    order = sorted(range(len(held)), key=lambda axis: over.index(held[axis]))
    shape = [parent.size if parent in held else 1 for parent in over]
    return table.transpose([*order, len(held)]).reshape([*shape, table.shape[-1]])


@dataclass(frozen=True)
class Program:
    """A compiled model.

    Attributes:
        name: the model's.
        grid: its steps.
        nodes: by name, each after the nodes that it reads in the same step.
        weights: by driver or rule, shape (steps,).
        groups: by name, the indices of their member scenarios.
    """

    name: str
    grid: Grid
    nodes: Mapping[str, Node]
    weights: Mapping[str, Floats]
    groups: Mapping[str, tuple[int, ...]]

    @property
    def steps(self) -> int:
        """How many steps the grid has."""
        return self.grid.count

    @property
    def outcome(self) -> CategoricalNode:
        """The node whose states are the scenarios."""
        node = self.nodes[OUTCOME]
        assert isinstance(node, CategoricalNode)
        return node

    def downstream(self, origin: str) -> frozenset[str]:
        """The nodes that a node reaches through others' reading, in any number of steps; its own past aside.

        The node itself is among them where it depends on its own past through other nodes.
        """
        readers: dict[str, set[str]] = {name: set() for name in self.nodes}
        for name, node in self.nodes.items():
            for parent, _ in node.links:
                if not name == parent == origin:
                    readers[parent].add(name)
        reached: set[str] = set()
        frontier = {origin}
        while frontier:
            frontier = {reader for name in frontier for reader in readers[name]} - reached
            reached |= frontier
        return frozenset(reached)

    def upstream(self, names: Iterable[str]) -> frozenset[str]:
        """The nodes that some nodes depend on, in any number of steps, themselves included."""
        reached: set[str] = set()
        frontier = set(names)
        while frontier:
            reached |= frontier
            frontier = {parent for name in frontier for parent, _ in self.nodes[name].links} - reached
        return frozenset(reached)

    @cached_property
    def feedback(self) -> bool:
        """Whether the outcome depends on its own past through other nodes, so that it can't be carried along them."""
        return OUTCOME in self.downstream(OUTCOME)

    @cached_property
    def outcome_is_read(self) -> bool:
        """Whether another node reads the scenario, so that one has to be drawn."""
        return any((OUTCOME, lag) in node.links for n, node in self.nodes.items() if n != OUTCOME for lag in (0, 1))

    def law(self, node: CategoricalNode, step: int) -> Law:
        """How a categorical node gets its state at a step (the order of precedence of section 3)."""
        size = len(node.states)
        if (state := node.imposed[step]) >= 0:
            return Law(node.name, size, np.eye(size)[state])
        if step == 0 and node.initial is not None:
            return Law(node.name, size, node.initial)
        forced = node.forced.get(step)
        keeps = step > 0 and forced is None and bool(np.any(node.persistence > 0) or node.allowed is not None)
        return Law(
            name=node.name,
            size=size,
            fixed=None,
            prior_parents=() if forced is not None else node.prior_parents,
            prior=node.prior if forced is None else forced,
            terms=tuple(
                replace(term, points=term.points * self._log_odds(node, term.weight, step))
                for term in node.terms
                if step > 0 or not any(parent.lag for parent in term.parents)
            ),
            curves=tuple(
                replace(curve, points=curve.points * self._log_odds(node, curve.weight, step))
                for curve in node.curves
                if step > 0 or not curve.lag
            ),
            offset=node.windows[step] * node.log_odds,
            keep=node.persistence if keeps else None,
            allowed=node.allowed if keeps else None,
        )

    def _log_odds(self, node: CategoricalNode, weight: str | None, step: int) -> float:
        return node.log_odds * (1.0 if weight is None else float(self.weights[weight][step]))

    def regime(self, node: CategoricalNode, step: int) -> tuple[object, ...]:
        """A key that is equal for two steps only where the node's laws at them are."""
        if node.imposed[step] >= 0:
            return ("imposed", int(node.imposed[step]))
        if step == 0 and node.initial is not None:
            return ("initial",)
        forced = node.forced.get(step)
        parts: tuple[Term | Curve, ...] = (*node.terms, *node.curves)
        weighted = sorted({part.weight for part in parts if part.weight is not None})
        return (
            min(step, 1),
            None if forced is None else forced.tobytes(),
            node.windows[step].tobytes(),
            tuple(float(self.weights[name][step]) for name in weighted),
        )

    def intervene(self, name: str, value: str | float, steps: Iterable[int]) -> Program:
        """A new program in which a node is set to a state or value at some steps, cut off from its causes there.

        Raises:
            KeyError: there is no such node or state.
        """
        node = self.nodes[name]
        at = np.fromiter(steps, dtype=np.int64)
        changed: Node
        if isinstance(node, CategoricalNode):
            if value not in node.states:
                raise KeyError(value)
            states = node.imposed.copy()
            states[at] = node.states.index(str(value))
            changed = replace(node, imposed=states)
        else:
            values = node.imposed.copy()
            values[at] = float(value)
            changed = replace(node, imposed=values)
        return replace(self, nodes={**self.nodes, name: changed})

    def reweight(self, weights: Mapping[str, float]) -> Program:
        """A new program with some weights replaced by constants."""
        constant = {name: np.full(self.steps, weight) for name, weight in weights.items()}
        return replace(self, weights={**self.weights, **constant})


def compile_model(model: Model) -> Program:
    """Compile a valid model.

    Raises:
        ValueError: a joint condition has more combinations than `TABLE_LIMIT`.
    """
    return _Compiler(model).program()


class _Compiler:
    """Holds what the compilation of every node needs: the model, its grid, and the states of each node by name."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.grid = model.grid
        self.states: dict[str, tuple[str, ...]] = {OUTCOME: tuple(sorted(model.scenarios))}
        self.numeric: set[str] = set()
        for name, node in model.nodes():
            if isinstance(node, Numeric):
                self.numeric.add(name)
            else:
                self.states[name] = tuple(sorted(node.states))
        self.rules = sorted(model.rules.items())

    def program(self) -> Program:
        nodes: dict[str, Node] = {OUTCOME: self._outcome()}
        for name, node in self.model.nodes():
            role: Role = "driver" if name in self.model.drivers else "consequence"
            nodes[name] = (
                self._numeric(name, role, node) if isinstance(node, Numeric) else self._categorical(name, role, node)
            )
        scenarios = self.states[OUTCOME]
        weighted: dict[str, Weight | None] = {
            **{name: driver.weight for name, driver in self.model.drivers.items()},
            **{name: rule.weight for name, rule in self.model.rules.items()},
        }
        return Program(
            name=self.model.name,
            grid=self.grid,
            nodes=_ordered(nodes),
            weights={name: self._weight(weight) for name, weight in weighted.items()},
            groups={
                name: tuple(sorted(scenarios.index(member) for member in members))
                for name, members in self.model.groups.items()
            },
        )

    def _weight(self, weight: Weight | None) -> Floats:
        if weight is None:
            return np.ones(self.grid.count)
        return np.array([weight.at(month) for month in self.grid.step_starts])

    # Nodes -----------------------------------------------------------------------------------------------------------

    def _categorical(self, name: str, role: Role, node: Categorical) -> CategoricalNode:
        states = self.states[name]
        own = [node.states[state].prior for state in states]
        default = 1.0 if role == "driver" else 0.0
        terms, curves = self._influences(node.influences, node.lagged_influences, states)
        prior_parents, prior = self._prior(own, node, states)
        return CategoricalNode(
            name=name,
            role=role,
            states=states,
            prior_parents=prior_parents,
            prior=prior,
            initial=_shares(node.initial, states),
            forced=self._forced(node.events, states),
            persistence=self._persistence(node.persistence, states, default),
            allowed=_allowed(node.allowed, states),
            terms=(*terms, *self._rule_terms(name, states)),
            curves=curves,
            windows=self._windows(node.events, states),
            log_odds=math.log(self.model.odds_per_point.influences.mean),
            imposed=np.full(self.grid.count, -1),
        )

    def _outcome(self) -> CategoricalNode:
        states = self.states[OUTCOME]
        outcome: Outcome = self.model.outcome
        baselines = [self.model.scenarios[state].baseline for state in states]
        terms, curves = self._influences({}, outcome.lagged_influences, states)
        impact_terms, impact_curves = self._impacts(states)
        return CategoricalNode(
            name=OUTCOME,
            role="outcome",
            states=states,
            prior_parents=(),
            prior=np.array([1.0 if share is None else share.mean for share in baselines]),
            initial=_shares(outcome.initial, states),
            forced=self._forced(outcome.events, states),
            persistence=self._persistence(outcome.persistence, states, 0.0),
            allowed=_allowed(outcome.allowed, states),
            terms=(*terms, *impact_terms, *self._rule_terms(OUTCOME, states)),
            curves=(*curves, *impact_curves),
            windows=self._windows(outcome.events, states),
            log_odds=math.log(self.model.odds_per_point.impacts.mean),
            imposed=np.full(self.grid.count, -1),
        )

    def _numeric(self, name: str, role: Role, node: Numeric) -> NumericNode:
        terms, curves = self._influences(node.influences, node.lagged_influences, None)
        default = 1.0 if role == "driver" else 0.0
        return NumericNode(
            name=name,
            role=role,
            scale=LatentScale.of(node.distribution, node.range),
            initial=None if node.initial is None else node.initial.mean,
            persistence=default if node.persistence is None else node.persistence.per_step(self.grid),
            sd_per_point=self.model.sd_per_point.mean,
            terms=(*terms, *self._rule_terms(name, None)),
            curves=curves,
            windows=self._numeric_windows(node.events),
            imposed=np.full(self.grid.count, np.nan),
        )

    # Parts of nodes --------------------------------------------------------------------------------------------------

    def _prior(
        self, own: list[Judgement | None], node: Categorical, states: tuple[str, ...]
    ) -> tuple[tuple[Parent, ...], Floats]:
        """The prior for every combination of the parents that `prior_given` names: the first row that holds."""
        stated = np.array([0.0 if share is None else share.mean for share in own])
        if all(share is None for share in own):
            stated = np.ones(len(states))
        rows = list(node.prior_given.values())
        parents = self._condition_parents([row.when for row in rows], lag=0)
        shape = tuple(parent.size for parent in parents)
        if math.prod(shape) * len(states) > TABLE_LIMIT:
            raise ValueError(f"prior_given asks about {math.prod(shape)} combinations of parents, too many to list")
        table = np.broadcast_to(stated, (*shape, len(states))).copy()
        for row in reversed(rows):
            holds = np.ones(shape, dtype=bool)
            for name, condition in row.when.items():
                holds &= self._holds(name, condition, parents)
            table[holds] = _shares(row.prior, states)
        return parents, table

    def _influences(
        self,
        same_step: Mapping[str, Mapping[str, Mapping[str, Judgement] | Judgement]],
        lagged: Mapping[str, Mapping[str, Mapping[str, Judgement] | Judgement]],
        states: tuple[str, ...] | None,
    ) -> tuple[tuple[Term, ...], tuple[Curve, ...]]:
        terms, curves = [], []
        for lag, influences in ((0, same_step), (1, lagged)):
            for parent, by_state in sorted(influences.items()):
                if parent in self.numeric:
                    curves.append(_curve(parent, lag, by_state, states))
                else:
                    terms.append(self._term(parent, lag, by_state, states))
        return tuple(terms), tuple(curves)

    def _impacts(self, states: tuple[str, ...]) -> tuple[tuple[Term, ...], tuple[Curve, ...]]:
        terms, curves = [], []
        for name, driver in sorted(self.model.drivers.items()):
            if isinstance(driver, NumericDriver) and driver.impacts:
                curves.append(_curve(name, 0, driver.impacts, states, weight=name))
            elif isinstance(driver, CategoricalDriver) and driver.impacts:
                terms.append(self._term(name, 0, driver.impacts, states, weight=name))
        return tuple(terms), tuple(curves)

    def _term(
        self,
        parent: str,
        lag: int,
        by_state: Mapping[str, Mapping[str, Judgement] | Judgement],
        states: tuple[str, ...] | None,
        weight: str | None = None,
    ) -> Term:
        parent_states = self.states[parent]
        points = np.zeros((len(parent_states), _columns(states)))
        for state, given in by_state.items():
            points[parent_states.index(state)] = _points(given, states)
        return Term((Parent(parent, lag, len(parent_states)),), points, weight)

    def _rule_terms(self, target: str, states: tuple[str, ...] | None) -> tuple[Term, ...]:
        return tuple(self._rule_term(name, rule, target, states) for name, rule in self.rules if target in rule.then)

    def _rule_term(self, name: str, rule: Rule, target: str, states: tuple[str, ...] | None) -> Term:
        parents = self._condition_parents([rule.when], rule.lag)
        shape = tuple(parent.size for parent in parents)
        if math.prod(shape) * _columns(states) > TABLE_LIMIT:
            raise ValueError(f"rule {name} has {math.prod(shape)} combinations of conditions, too many to list")
        met = np.zeros(shape, dtype=np.int64)
        for node, condition in rule.when.items():
            met += self._holds(node, condition, parents)
        holds = met >= (len(rule.when) if rule.at_least is None else rule.at_least)
        points = np.where(holds[..., None], _points(rule.then[target], states), 0.0)
        return Term(parents, points, weight=name if target == OUTCOME else None)

    def _condition_parents(self, whens: list[Mapping[str, Condition]], lag: int) -> tuple[Parent, ...]:
        edges: dict[str, set[float]] = {}
        for name, condition in itertools.chain.from_iterable(when.items() for when in whens):
            edges.setdefault(name, set())
            if condition.comparison is not None:
                edges[name].add(_edge(condition))
        return tuple(
            Parent(name, lag, len(cuts) + 1, tuple(sorted(cuts))) if cuts else Parent(name, lag, len(self.states[name]))
            for name, cuts in sorted(edges.items())
        )

    def _holds(self, name: str, condition: Condition, parents: tuple[Parent, ...]) -> npt.NDArray[np.bool_]:
        """Where a condition holds, laid out over `parents`."""
        axis = next(axis for axis, parent in enumerate(parents) if parent.node == name)
        parent = parents[axis]
        if condition.comparison is not None:
            sign, _ = condition.bound()
            reached = np.arange(parent.size) > parent.edges.index(_edge(condition))
            holds = reached if sign in (">", ">=") else ~reached
        else:
            holds = np.isin(np.array(self.states[name]), condition.states)
        return holds.reshape([-1 if other == axis else 1 for other in range(len(parents))])

    def _persistence(self, persistence: Persistence | None, states: tuple[str, ...], default: float) -> Floats:
        if persistence is None:
            return np.full(len(states), default)
        keeps = [persistence.of(state) for state in states]
        return np.array([default if keep is None else keep.per_step(self.grid) for keep in keeps])

    # Events ----------------------------------------------------------------------------------------------------------

    def _forced(self, events: Mapping[int | str, Event], states: tuple[str, ...]) -> dict[int, Floats]:
        forced = {}
        for event in events.values():
            shares = _shares(event.prior, states)
            if shares is not None:
                forced[self._step(event.at)] = shares
        return forced

    def _windows(self, events: Mapping[int | str, Event], states: tuple[str, ...]) -> Floats:
        given = [(self._window(event), event.points) for event in events.values() if event.points is not None]
        return self._summed([(window, _points(points, states)) for window, points in given], len(states) + 1)

    def _numeric_windows(self, events: Mapping[int | str, NumericEvent]) -> Floats:
        given = [(self._window(event), np.array([event.points.mean])) for event in events.values()]
        return self._summed(given, 1)[:, 0]

    def _summed(self, windows: list[tuple[range, Floats]], columns: int) -> Floats:
        """The points of all windows at each step, shape (steps, columns), added in an order that no file decides."""
        total = np.zeros((self.grid.count, columns))
        for window, points in sorted(windows, key=lambda given: (given[0].start, given[0].stop, given[1].tolist())):
            total[window.start : window.stop] += points
        return total

    def _window(self, event: Event | NumericEvent) -> range:
        first = self._step(event.at)
        last = first if event.until is None else self._step(event.until, last=True)
        return range(first, last + 1)

    def _step(self, moment: str, *, last: bool = False) -> int:
        """The step that a moment of the file means; of a date that spans several, the first or the last."""
        return self.grid.moment(moment)[-1 if last else 0]


def _columns(states: tuple[str, ...] | None) -> int:
    return 1 if states is None else len(states) + 1


def _points(given: Mapping[str, Judgement] | Judgement, states: tuple[str, ...] | None) -> Floats:
    """Points as a row: one per state and one for `hold`, or the single one of a numeric node."""
    if states is None:
        assert isinstance(given, Judgement)
        return np.array([given.mean])
    assert not isinstance(given, Judgement)
    row = np.zeros(len(states) + 1)
    for name, judgement in given.items():
        row[len(states) if name == HOLD else states.index(name)] = judgement.mean
    return row


def _curve(
    parent: str,
    lag: int,
    knots: Mapping[str, Mapping[str, Judgement] | Judgement],
    states: tuple[str, ...] | None,
    weight: str | None = None,
) -> Curve:
    at = sorted((float(knot), given) for knot, given in knots.items())
    return Curve(
        parent, lag, np.array([knot for knot, _ in at]), np.array([_points(given, states) for _, given in at]), weight
    )


def _edge(condition: Condition) -> float:
    """The least value that a comparison tells from those below: `> v` and `<= v` cut just above v."""
    sign, value = condition.bound()
    return math.nextafter(value, math.inf) if sign in (">", "<=") else value


def _shares(shares: Mapping[str, Judgement] | None, states: tuple[str, ...]) -> Floats | None:
    """Relative weights of the named states, 0 for the others, normalised."""
    if shares is None:
        return None
    values = np.array([shares[state].mean if state in shares else 0.0 for state in states])
    normalised: Floats = values / values.sum()
    return normalised


def _allowed(allowed: Mapping[str, tuple[str, ...]], states: tuple[str, ...]) -> npt.NDArray[np.bool_] | None:
    if not allowed:
        return None
    return np.array([[to in allowed.get(state, states) for to in states] for state in states])


def _ordered(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """The nodes so that each comes after those it reads in the same step; among equals, by name."""
    waiting = {name: {parent for parent, lag in node.links if lag == 0} for name, node in nodes.items()}
    ready = [name for name, parents in waiting.items() if not parents]
    heapq.heapify(ready)
    ordered: dict[str, Node] = {}
    while ready:
        name = heapq.heappop(ready)
        ordered[name] = nodes[name]
        for reader, parents in waiting.items():
            if name in parents:
                parents.remove(name)
                if not parents:
                    heapq.heappush(ready, reader)
    assert len(ordered) == len(nodes), "a valid model has no cycle in a step"
    return ordered
