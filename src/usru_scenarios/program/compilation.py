"""Compiles a model, as a file states it, to a `Program`.

It stands apart from the program, which knows nothing of files: what is compiled may be kept, and used without them.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from usru_scenarios.limits import LARGEST_TABLE
from usru_scenarios.model import schema
from usru_scenarios.model.families import FAMILIES
from usru_scenarios.model.judgements import judgement_mean, with_values
from usru_scenarios.model.values import Judgement, Keep, Persistence, PointRows, Weight
from usru_scenarios.names import HOLD, OUTCOME, KeyPath
from usru_scenarios.program.auxiliary import HOLDS, ChainStage, at_least_chain, first_row_chain
from usru_scenarios.program.conditions import auxiliary_node
from usru_scenarios.program.events import Truth
from usru_scenarios.program.latent_scale import LatentScale
from usru_scenarios.program.laws import Parent, PiecewiseCurve, Term, draws_parent, leading_draws, normalise_rows
from usru_scenarios.program.program import CategoricalNode, Floats, Node, NodeRole, NumericNode, Program

_ZERO: Floats = np.asarray(0.0)

RULE_ROWS = 4_096
"""The most combinations of a rule's conditions that are listed; those of more conditions auxiliary nodes count."""


def compile_model(model: schema.Model, values: Mapping[KeyPath, Floats] | None = None) -> Program:
    """Compile a valid model.

    Args:
        model: the model.
        values: of some judgements by their paths, shape () or, for each draw, (draws,); a persistence as its
            probability per step. The others have the value of the file, uncertain ones their mean.

    Raises:
        TooManyCasesError: the rows of a `prior_given` ask about more combinations of parents than can be told apart,
            which `reading` refuses.
        KeyError: there is no judgement at a path.
    """
    return _Compiler(with_values(model, values) if values else model).compile_program()


def compile_node(model: schema.Model, name: str) -> Node:
    """A driver or consequence of a valid model alone, as `compile_model` has it."""
    return _Compiler(model).compile_node(name, dict(model.nodes())[name])


class _Compiler:
    """Holds what the compilation of every node needs: the model, its grid, and the states of each node by name."""

    def __init__(self, model: schema.Model) -> None:
        self.model = model
        self.grid = model.grid
        self.states: dict[str, tuple[str, ...]] = {OUTCOME: tuple(sorted(model.scenarios))}
        self.numeric: set[str] = set()
        for name, node in model.nodes():
            if isinstance(node, schema.Numeric):
                self.numeric.add(name)
            else:
                self.states[name] = tuple(sorted(node.states))
        self.rules = sorted(model.rules.items())
        self.auxiliary: dict[str, CategoricalNode] = {}
        self.rule_masks: dict[str, tuple[Truth, tuple[Parent, ...]]] = {}

    def compile_program(self) -> Program:
        nodes: dict[str, Node] = {OUTCOME: self._compile_outcome()}
        nodes |= {name: self.compile_node(name, node) for name, node in self.model.nodes()}
        nodes |= self.auxiliary
        scenarios = self.states[OUTCOME]
        weighted: dict[str, Weight | None] = {
            **{name: driver.weight for name, driver in self.model.drivers.items()},
            **{name: rule.weight for name, rule in self.model.rules.items()},
        }
        return Program(
            name=self.model.name,
            grid=self.grid,
            nodes=_order_nodes(nodes),
            weights={name: self._weight_by_step(weight) for name, weight in weighted.items()},
            groups={
                name: tuple(sorted(scenarios.index(member) for member in members))
                for name, members in self.model.groups.items()
            },
        )

    def compile_node(self, name: str, node: schema.Categorical | schema.Numeric) -> Node:
        role: NodeRole = "driver" if name in self.model.drivers else "consequence"
        if isinstance(node, schema.Numeric):
            return self._compile_numeric(name, role, node)
        return self._compile_categorical(name, role, node)

    def value(self, judgement: Judgement | Keep) -> Floats:
        """The value of a judgement, shape (), or (draws,) where it is drawn; of a persistence per step."""
        return np.asarray(judgement_mean(judgement, self.grid))

    def _weight_by_step(self, weight: Weight | None) -> Floats:
        if weight is None:
            return np.ones(self.grid.count)
        mixtures = [weight.judgements_at(month) for month in self.grid.step_starts]
        return self._stack_values(
            [sum((share * self.value(judgement) for judgement, share in mixture), _ZERO) for mixture in mixtures]
        )

    # Nodes -----------------------------------------------------------------------------------------------------------

    def _compile_categorical(self, name: str, role: NodeRole, node: schema.Categorical) -> CategoricalNode:
        states = self.states[name]
        prior = self._prior(name, [node.states[state].prior for state in states], node, states)
        points = self._collect_points(name, _influences(node.influences, node.lagged_influences), states)
        odds = self.model.odds_per_point.influences
        return self._build_categorical(name, role, node, prior=prior, points=points, odds=odds)

    def _compile_outcome(self) -> CategoricalNode:
        states, outcome = self.states[OUTCOME], self.model.outcome
        prior = self._own_prior([self.model.scenarios[state].baseline for state in states])
        impacts = [(name, 0, driver.impacts, name) for name, driver in sorted(self.model.drivers.items())]
        points = self._collect_points(OUTCOME, [*_influences({}, outcome.lagged_influences), *impacts], states)
        odds = self.model.odds_per_point.impacts
        return self._build_categorical(OUTCOME, "outcome", outcome, prior=prior, points=points, odds=odds)

    def _build_categorical(
        self,
        name: str,
        role: NodeRole,
        node: schema.Categorical | schema.Outcome,
        *,
        prior: tuple[tuple[Parent, ...], Floats],
        points: tuple[tuple[Term, ...], tuple[PiecewiseCurve, ...]],
        odds: Judgement,
    ) -> CategoricalNode:
        """A node with states, from its prior, the points that others give, and the odds that one point is worth."""
        states, (terms, curves) = self.states[name], points
        return CategoricalNode(
            name=name,
            role=role,
            states=states,
            prior_parents=prior[0],
            prior=prior[1],
            initial=self._normalised_shares(node.initial, states),
            forced=self._forced_redraws(node.events, states),
            persistence=self._persistence_row(node.persistence, states, 1.0 if role == "driver" else 0.0),
            allowed=_allowed_mask(node.allowed, states),
            terms=terms,
            curves=curves,
            windows=self._window_points(node.events, states),
            log_odds=np.log(self.value(odds)),
            imposed=np.full(self.grid.count, -1),
        )

    def _compile_numeric(self, name: str, role: NodeRole, node: schema.Numeric) -> NumericNode:
        terms, curves = self._collect_points(name, _influences(node.influences, node.lagged_influences), None)
        default = 1.0 if role == "driver" else 0.0
        return NumericNode(
            name=name,
            role=role,
            scale=self._latent_scale(node),
            initial=None if node.initial is None else self.value(node.initial),
            persistence=np.asarray(default if node.persistence is None else self.value(node.persistence)),
            sd_per_point=self.value(self.model.sd_per_point),
            terms=terms,
            curves=curves,
            windows=self._window_points(node.events, None)[..., 0],
            imposed=np.full(self.grid.count, np.nan),
        )

    # Parts of nodes --------------------------------------------------------------------------------------------------

    def _prior(
        self, name: str, own: list[Judgement | None], node: schema.Categorical, states: tuple[str, ...]
    ) -> tuple[tuple[Parent, ...], Floats]:
        """The prior for every combination of the parents that `prior_given` names: the first row that holds."""
        own_parents, own_prior = self._own_prior(own)
        rows = list(node.prior_given.values())
        if not rows:
            return own_parents, own_prior
        parents = self._condition_parents([row.when for row in rows], lag=0)
        priors = [shares for row in rows if (shares := self._normalised_shares(row.prior, states)) is not None]
        draws = max(len(shares_of_row) if shares_of_row.ndim == 2 else 0 for shares_of_row in (own_prior, *priors))
        if math.prod(parent.size for parent in parents) * len(states) > LARGEST_TABLE:
            deciding_rows, parents = self._add_first_row_nodes(name, rows, parents)
            masks: list[Truth] = [deciding_rows == row for row in range(len(rows))]
        else:
            masks = [self._count_met(row.when, parents) == len(row.when) for row in rows]
        shape = tuple(parent.size for parent in parents)
        table = np.empty((*((draws,) if draws else ()), *shape, len(states)))
        table[:] = own_prior.reshape(*own_prior.shape[:-1], *(1,) * len(shape), len(states))
        for holds, prior in reversed(list(zip(masks, priors, strict=True))):
            table[..., holds, :] = prior[..., None, :]
        return (*((draws_parent(draws),) if draws else ()), *parents), table

    def _count_met(self, when: Mapping[str, schema.Condition], parents: tuple[Parent, ...]) -> npt.NDArray[np.int64]:
        """How many of some conditions hold, shape (size of each parent ...)."""
        counts = np.zeros(tuple(parent.size for parent in parents), dtype=np.int64)
        for name, condition in when.items():
            axis = next(axis for axis, parent in enumerate(parents) if parent.node == name)
            shape = [-1 if other == axis else 1 for other in range(len(parents))]
            counts += self._parent_mask(condition, parents[axis]).reshape(shape)
        return counts

    def _add_first_row_nodes(
        self, name: str, rows: list[schema.PriorRow], parents: tuple[Parent, ...]
    ) -> tuple[npt.NDArray[np.intp], tuple[Parent, ...]]:
        """The number of the row that decides, -1 where none does, by the states of the auxiliary node that finds it."""
        place = {parent.node: position for position, parent in enumerate(parents)}
        masks = [
            {place[node]: self._parent_mask(condition, parents[place[node]]) for node, condition in row.when.items()}
            for row in rows
        ]
        chain = first_row_chain([parent.size for parent in parents], masks)
        return np.array(chain.states), (self._add_chain_nodes(f"{name}.prior", chain.stages, parents, lag=0),)

    def _own_prior(self, own: list[Judgement | None]) -> tuple[tuple[Parent, ...], Floats]:
        """The prior that the states have of themselves."""
        if all(share is None for share in own):
            return (), np.ones(len(own))
        stated = self._stack_values([None if share is None else self.value(share) for share in own])
        return leading_draws(stated, 1), stated

    def _stack_values(self, values: list[Floats | None]) -> Floats:
        """Values, 0 where there is none, in one row: shape (values,), or (draws, values) where any is drawn."""
        return np.stack(np.broadcast_arrays(*(_ZERO if value is None else value for value in values)), axis=-1)

    def _normalised_shares(self, shares: Mapping[str, Judgement] | None, states: tuple[str, ...]) -> Floats | None:
        """Relative odds of the named states, 0 for the others, normalised: shape (states,) or (draws, states)."""
        if shares is None:
            return None
        values = [self.value(shares[state]) if state in shares else None for state in states]
        return normalise_rows(self._stack_values(values))

    def _points_row(self, points: Mapping[str, Judgement] | Judgement, states: tuple[str, ...] | None) -> Floats:
        """Points as a row: one per state and one for `hold`, or the single one of a numeric node; draws before."""
        if states is None:
            assert isinstance(points, Judgement)
            return self.value(points)[..., None]
        assert not isinstance(points, Judgement)
        return self._stack_values([self.value(points[name]) if name in points else None for name in (*states, HOLD)])

    def _latent_scale(self, node: schema.Numeric) -> LatentScale:
        if node.distribution is None:
            return LatentScale.of(FAMILIES["uniform"], np.array(node.range), node.range)
        parameters = self._stack_values([self.value(parameter) for parameter in node.distribution.parameters])
        return LatentScale.of(node.distribution.family_definition, parameters, node.range)

    def _collect_points(
        self, name: str, parent_points: Iterable[tuple[str, int, PointRows, str | None]], states: tuple[str, ...] | None
    ) -> tuple[tuple[Term, ...], tuple[PiecewiseCurve, ...]]:
        """The points that a node has from parents, each with lag, rows and weight, and from rules: terms and curves."""
        terms, curves = [], []
        for parent, lag, rows, weight in parent_points:
            if not rows:
                continue  # a parent that is named, and no points yet
            if parent in self.numeric:
                curves.append(self._curve(parent, lag, rows, states, weight))
            else:
                terms.append(self._term(parent, lag, rows, states, weight))
        terms += [self._rule_term(rule_name, rule, name, states) for rule_name, rule in self.rules if name in rule.then]
        return tuple(terms), tuple(curves)

    def _term(
        self, parent: str, lag: int, by_state: PointRows, states: tuple[str, ...] | None, weight: str | None
    ) -> Term:
        parent_states = self.states[parent]
        nothing = np.zeros(_count_columns(states))
        rows = [self._points_row(by_state[state], states) if state in by_state else nothing for state in parent_states]
        points = np.stack(np.broadcast_arrays(*rows), axis=-2)
        own_parent = Parent(parent, lag, len(parent_states))
        return Term((*leading_draws(points, 2), own_parent), points, weight)

    def _rule_term(self, name: str, rule: schema.Rule, target: str, states: tuple[str, ...] | None) -> Term:
        if name not in self.rule_masks:
            self.rule_masks[name] = self._rule_mask(name, rule)
        holds, parents = self.rule_masks[name]
        row = self._points_row(rule.then[target], states)
        if row.ndim == 2:
            row, parents = row.reshape(len(row), *(1,) * holds.ndim, -1), (draws_parent(len(row)), *parents)
        points = np.where(holds[..., None], row, 0.0)
        return Term(parents, points, weight=name if target == OUTCOME else None)

    def _rule_mask(self, name: str, rule: schema.Rule) -> tuple[Truth, tuple[Parent, ...]]:
        """The mask of a rule, shape (size of each parent ...), and the parents: of a long rule the node that counts."""
        parents = self._condition_parents([rule.when], rule.lag)
        if math.prod(parent.size for parent in parents) <= RULE_ROWS:
            return self._count_met(rule.when, parents) >= rule.required_count, parents
        masks = [self._parent_mask(rule.when[parent.node], parent) for parent in parents]
        chain = at_least_chain(rule.required_count, masks)
        return np.array(chain.states) == HOLDS, (self._add_chain_nodes(name, chain.stages, parents, rule.lag),)

    def _add_chain_nodes(
        self, name: str, stages: Sequence[ChainStage], parents: tuple[Parent, ...], lag: int
    ) -> Parent:
        """The last of the auxiliary nodes that read the parents stage by stage; those of a lag are read in its place.

        Their names are none that a file can give, so that each has its own randomness, which it has no use for.
        """
        before: tuple[Parent, ...] = ()
        for number, stage in enumerate(stages):
            stage_parents = tuple(parents[position]._replace(lag=0) for position in stage.parents)
            prior = np.eye(stage.size)[stage.next_states if before else stage.next_states[0]]
            states = tuple(map(str, range(stage.size)))
            node = auxiliary_node(f"{name}.{number}", states, self.grid.count, (*before, *stage_parents), prior)
            self.auxiliary[node.name] = node
            before = (Parent(node.name, 0, stage.size),)
        return before[0]._replace(lag=lag)

    def _curve(
        self, parent: str, lag: int, knots: PointRows, states: tuple[str, ...] | None, weight: str | None
    ) -> PiecewiseCurve:
        points_by_knot = sorted((float(knot), given) for knot, given in knots.items())
        points = np.stack(
            np.broadcast_arrays(*(self._points_row(given, states) for _, given in points_by_knot)), axis=-2
        )
        return PiecewiseCurve(parent, lag, np.array([knot for knot, _ in points_by_knot]), points, weight)

    def _condition_parents(self, whens: list[Mapping[str, schema.Condition]], lag: int) -> tuple[Parent, ...]:
        edges: dict[str, set[float]] = {}
        for name, condition in itertools.chain.from_iterable(when.items() for when in whens):
            edges.setdefault(name, set())
            if condition.comparison is not None:
                edges[name].add(_cut_point(condition))
        return tuple(
            Parent(name, lag, len(cuts) + 1, tuple(sorted(cuts))) if cuts else Parent(name, lag, len(self.states[name]))
            for name, cuts in sorted(edges.items())
        )

    def _parent_mask(self, condition: schema.Condition, parent: Parent) -> Truth:
        """The states of a parent, or parts of its scale, in which a condition holds, shape (size,)."""
        if condition.comparison is not None:
            sign, _ = condition.bound()
            reached = np.arange(parent.size) > parent.edges.index(_cut_point(condition))
            return reached if sign in (">", ">=") else ~reached
        return np.isin(np.array(self.states[parent.node]), condition.states)

    def _persistence_row(self, persistence: Persistence | None, states: tuple[str, ...], default: float) -> Floats:
        if persistence is None:
            return np.full(len(states), default)
        keeps = [persistence.of(state) for state in states]
        return self._stack_values([np.asarray(default) if keep is None else self.value(keep) for keep in keeps])

    # Events ----------------------------------------------------------------------------------------------------------

    def _forced_redraws(self, events: Mapping[int | str, schema.Event], states: tuple[str, ...]) -> dict[int, Floats]:
        return {
            self.grid.steps_of_moment(event.at)[0]: shares
            for event in events.values()
            if (shares := self._normalised_shares(event.prior, states)) is not None
        }

    def _window_points(
        self, events: Mapping[int | str, schema.Event | schema.NumericEvent], states: tuple[str, ...] | None
    ) -> Floats:
        """The points of all windows at each step, shape (steps, columns), added in an order that no file decides."""
        windows = []
        for event in events.values():
            if event.points is not None:
                first = self.grid.steps_of_moment(event.at)[0]
                last = first if event.until is None else self.grid.steps_of_moment(event.until)[-1]
                windows.append((range(first, last + 1), self._points_row(event.points, states)))
        draws = max((len(points) for _, points in windows if points.ndim == 2), default=0)
        total = np.zeros((*((draws,) if draws else ()), self.grid.count, _count_columns(states)))
        for window, points in sorted(windows, key=lambda given: (given[0].start, given[0].stop, given[1].tobytes())):
            total[..., window.start : window.stop, :] += points[..., None, :]
        return total


def _influences(
    same_step: Mapping[str, PointRows], lagged: Mapping[str, PointRows]
) -> list[tuple[str, int, PointRows, str | None]]:
    """The parents that give points, each with its lag, the points and no weight."""
    by_lag = enumerate((same_step, lagged))
    return [(parent, lag, rows, None) for lag, influences in by_lag for parent, rows in sorted(influences.items())]


def _count_columns(states: tuple[str, ...] | None) -> int:
    return 1 if states is None else len(states) + 1


def _cut_point(condition: schema.Condition) -> float:
    """The least value that a comparison tells from those below: `> v` and `<= v` cut just above v."""
    sign, value = condition.bound()
    return math.nextafter(value, math.inf) if sign in (">", "<=") else value


def _allowed_mask(allowed: Mapping[str, tuple[str, ...]], states: tuple[str, ...]) -> Truth | None:
    if not allowed:
        return None
    return np.array([[to in allowed.get(state, states) for to in states] for state in states])


def _order_nodes(nodes: Mapping[str, Node]) -> dict[str, Node]:
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
