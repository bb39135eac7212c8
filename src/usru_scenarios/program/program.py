"""A model as arrays: what each node's next state depends on, and how.

A `Program` says exactly what the format means (its sections 3 to 7) and nothing about how it is computed: the sampler
and exact inference both start from it. Weights stay apart from the points, so that a changed weight changes nothing
else, and an intervention is a transform that returns a new program.

Everything is kept in the order of names, not of the file: reordering a file changes no digit of any result.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation.estimates import NO_CONTROLS, Controls
from usru_scenarios.light_dataclasses import dataclass, field, replace
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.latent_scale import LatentScale
from usru_scenarios.program.laws import (
    JUDGEMENTS,
    Parent,
    PiecewiseCurve,
    StepLaw,
    Term,
    leading_draws,
    replace_if_changed,
    select_table_draws,
    select_value_draws,
)
from usru_scenarios.timeline import Grid

Floats = npt.NDArray[np.float64]
NodeRole = Literal["driver", "outcome", "consequence", "auxiliary"]
"""What a node is. An auxiliary one is none of the model's: it counts how many conditions hold (see `auxiliary`)."""

_CACHED_LAWS = 32
"""Laws of a node that are remembered."""


@dataclass(frozen=True, eq=False)
class CategoricalNode:
    """A node with states: a driver, a consequence, or the outcome.

    Attributes:
        states: in the order of their names.
        prior: relative odds, shape (size of each parent ..., states), over `prior_parents`.
        initial: probabilities of the states at the first step, shape (states,), or None.
        forced: for a step with a forced redraw, the relative odds that take the prior's place, shape (states,).
        persistence: shape (states,), the probability of keeping a state over one step.
        allowed: shape (states, states), from and to, or None where a redraw may go anywhere.
        terms, curves: the points of parents, same-step and lagged.
        windows: shape (steps, states + 1), points of event windows.
        log_odds: ln of `odds_per_point`: the log-odds that one point is worth, shape ().
        imposed: shape (steps,), the index of the state that an intervention sets, -1 where there is none.
        reports: of an auxiliary node that stands for virtual evidence (see `conditions`), by step the parents and the
            probabilities of its states, shape (size of each parent ..., states).

    Where judgements are drawn, a table of points or priors has them for a parent, and every other array that depends on
    them has an axis for the draws before all others.
    """

    name: str
    role: NodeRole
    states: tuple[str, ...]
    prior_parents: tuple[Parent, ...]
    prior: Floats
    initial: Floats | None
    forced: Mapping[int, Floats]
    persistence: Floats
    allowed: npt.NDArray[np.bool_] | None
    terms: tuple[Term, ...]
    curves: tuple[PiecewiseCurve, ...]
    windows: Floats
    log_odds: Floats
    imposed: npt.NDArray[np.int64]
    reports: Mapping[int, tuple[tuple[Parent, ...], Floats]] = field(default_factory=dict)

    def select_draws(self, draws: range) -> CategoricalNode:
        """The node for some draws of the judgements; itself where it does not depend on them."""
        prior, prior_parents = select_table_draws(self.prior, self.prior_parents, draws)
        reports = self.reports.items()
        return replace_if_changed(
            self,
            reports={step: select_table_draws(table, parents, draws)[::-1] for step, (parents, table) in reports},
            prior=prior,
            prior_parents=prior_parents,
            initial=None if self.initial is None else select_value_draws(self.initial, 1, draws),
            forced={step: select_value_draws(shares, 1, draws) for step, shares in self.forced.items()},
            persistence=select_value_draws(self.persistence, 1, draws),
            terms=tuple(term.select_draws(draws) for term in self.terms),
            curves=tuple(curve.select_draws(draws) for curve in self.curves),
            windows=select_value_draws(self.windows, 2, draws),
            log_odds=select_value_draws(self.log_odds, 0, draws),
        )

    @cached_property
    def law_kinds(self) -> tuple[tuple[int, bool], ...]:
        """For each step a number that it shares with those at which the law is the same but for the weights.

        With it, whether the law is settled, so that nothing else acts on it.
        """
        return _number_kinds(map(self._law_kind, range(len(self.imposed))))

    def _law_kind(self, step: int) -> tuple[bool, object]:
        """Whether the law at a step is settled, and what it is made of."""
        if self.imposed[step] >= 0:
            return True, ("imposed", int(self.imposed[step]))
        if step in self.reports:
            return True, ("report", step)
        if step == 0 and self.initial is not None:
            return True, "initial"
        forced = self.forced.get(step)
        return False, (
            min(step, 1),
            forced if forced is None else forced.tobytes(),
            self.windows[..., step, :].tobytes(),
        )

    @cached_property
    def cached_laws(self) -> dict[object, StepLaw]:
        """Its laws by their keys, as far as `Program.law` remembers them."""
        return {}

    def __getstate__(self) -> dict[str, object]:
        """Without the laws, which are soon made again."""
        return {name: value for name, value in vars(self).items() if name != "cached_laws"}

    @cached_property
    def weight_names(self) -> list[str]:
        """The drivers and rules whose weights multiply points of it."""
        parts: tuple[Term | PiecewiseCurve, ...] = (*self.terms, *self.curves)
        return sorted({part.weight for part in parts if part.weight is not None})

    @cached_property
    def links(self) -> frozenset[tuple[str, int]]:
        """The nodes that it reads, each with its lag; its own persistence is not counted."""
        reported = (parent for parents, _ in self.reports.values() for parent in parents)
        return _collect_links((*self.prior_parents, *reported), self.terms, self.curves)

    @property
    def parent_tables(self) -> tuple[Term, ...]:
        """All that it reads of others' states, as terms: points, priors and reports."""
        reports = (Term(parents, table) for parents, table in self.reports.values())
        return (*self.terms, Term(self.prior_parents, self.prior), *reports)

    @cached_property
    def influences(self) -> frozenset[tuple[str, str | None]]:
        """The nodes that make a difference to it at some step, each with the weight that multiplies it, if any."""
        return _collect_influences(self.parent_tables, self.curves) if np.any(self.imposed < 0) else frozenset()


@dataclass(frozen=True, eq=False)
class NumericNode:
    """A node on a scale, a function of a latent normal autoregression z: method (3).

    Attributes:
        scale: the map from the latent normal to the scale, F^-1(Phi(z)).
        initial: the value at the first step, shape (), or None where z(0) is drawn.
        persistence: lag-one autocorrelation r of z, shape ().
        sd_per_point: by how many standard deviations one point moves the latent normal, shape ().
        terms, curves: points that parents give; their arrays have one column.
        windows: shape (steps,), points of event windows.
        imposed: shape (steps,), the value that an intervention sets, NaN where there is none.

    Drawn judgements are as in `CategoricalNode`.
    """

    name: str
    role: NodeRole
    scale: LatentScale
    initial: Floats | None
    persistence: Floats
    sd_per_point: Floats
    terms: tuple[Term, ...]
    curves: tuple[PiecewiseCurve, ...]
    windows: Floats
    imposed: Floats

    def select_draws(self, draws: range) -> NumericNode:
        """The node for some draws of the judgements; itself where it does not depend on them."""
        return replace_if_changed(
            self,
            scale=self.scale.select_draws(draws),
            initial=None if self.initial is None else select_value_draws(self.initial, 0, draws),
            persistence=select_value_draws(self.persistence, 0, draws),
            sd_per_point=select_value_draws(self.sd_per_point, 0, draws),
            terms=tuple(term.select_draws(draws) for term in self.terms),
            curves=tuple(curve.select_draws(draws) for curve in self.curves),
            windows=select_value_draws(self.windows, 1, draws),
        )

    @cached_property
    def law_kinds(self) -> tuple[tuple[int, bool], ...]:
        """As in `CategoricalNode`; there are no weights that could act."""
        return _number_kinds(
            (True, (min(step, 1), self.windows[..., step].tobytes(), self.imposed[step].tobytes()))
            for step in range(len(self.imposed))
        )

    @cached_property
    def links(self) -> frozenset[tuple[str, int]]:
        """The nodes that it reads, each with its lag."""
        return _collect_links((), self.terms, self.curves)

    @property
    def parent_tables(self) -> tuple[Term, ...]:
        """As in `CategoricalNode`."""
        return self.terms

    @cached_property
    def influences(self) -> frozenset[tuple[str, str | None]]:
        """As in `CategoricalNode`."""
        return _collect_influences(self.terms, self.curves) if np.isnan(self.imposed).any() else frozenset()


Node = CategoricalNode | NumericNode


def _number_kinds(kinds: Iterable[tuple[bool, object]]) -> tuple[tuple[int, bool], ...]:
    """Kinds of laws by numbers, each with whether it is settled."""
    numbered: dict[object, tuple[int, bool]] = {}
    return tuple(numbered.setdefault(kind, (len(numbered), kind[0])) for kind in kinds)


def _collect_links(
    parents: Iterable[Parent], terms: Iterable[Term], curves: Iterable[PiecewiseCurve]
) -> frozenset[tuple[str, int]]:
    parents_read = [*parents, *(parent for term in terms for parent in term.parents)]
    links = ((parent.node, parent.lag) for parent in parents_read if parent.node != JUDGEMENTS)
    return frozenset((*links, *((curve.node, curve.lag) for curve in curves)))


def _collect_influences(terms: Iterable[Term], curves: Iterable[PiecewiseCurve]) -> frozenset[tuple[str, str | None]]:
    """The parents along whose states, or scale, the points differ, each with the weight of these points."""
    along_states = (
        (parent.node, term.weight)
        for term in terms
        for axis, parent in enumerate(term.parents)
        if parent.node != JUDGEMENTS and np.ptp(term.points, axis=axis).any()
    )
    along_scale = ((curve.node, curve.weight) for curve in curves if np.ptp(curve.points, axis=-2).any())
    return frozenset((*along_states, *along_scale))


def _transitive_closure(start: Iterable[str], neighbours_of: Callable[[str], Iterable[str]]) -> frozenset[str]:
    """The names, those beyond them, and so on."""
    reached, frontier = set[str](), set(start)
    while frontier:
        reached |= frontier
        frontier = {other for name in frontier for other in neighbours_of(name)} - reached
    return frozenset(reached)


@dataclass(frozen=True, eq=False)
class Program:
    """A compiled model.

    Attributes:
        name: the model's.
        grid: its steps.
        nodes: by name, each after the nodes that it reads in the same step.
        weights: by driver or rule, shape (steps,).
        groups: by name, the indices of their member scenarios.
        controls: functions of the drawn judgements of mean 0; none where none is drawn.
    """

    name: str
    grid: Grid
    nodes: Mapping[str, Node]
    weights: Mapping[str, Floats]
    groups: Mapping[str, tuple[int, ...]]
    controls: Controls = NO_CONTROLS

    @property
    def steps(self) -> int:
        """How many steps the grid has."""
        return self.grid.count

    @property
    def draws(self) -> int:
        """For how many draws of the uncertain judgements it has values; 0 where none is drawn."""
        return self.controls.draws

    @property
    def outcome(self) -> CategoricalNode:
        """The node whose states are the scenarios."""
        node = self.nodes[OUTCOME]
        assert isinstance(node, CategoricalNode)
        return node

    @cached_property
    def model_nodes(self) -> tuple[str, ...]:
        """The nodes that the model names, in order: all but the auxiliary ones."""
        return tuple(name for name, node in self.nodes.items() if node.role != "auxiliary")

    @cached_property
    def varying_weights(self) -> frozenset[str]:
        """The drivers and rules whose weights change over time."""
        weights = self.weights.items()
        return frozenset(name for name, weight in weights if bool(np.any(weight != weight[..., :1])))

    def model_links(self, name: str) -> set[tuple[str, int]]:
        """The `links` of a node, with those of auxiliary nodes in the place of these nodes."""
        links = set(self.nodes[name].links)
        while auxiliary := {link for link in links if self.nodes[link[0]].role == "auxiliary"}:
            behind = {(parent, lag) for node, lag in auxiliary for parent, _ in self.nodes[node].links}
            links = links - auxiliary | behind
        return links

    def downstream(self, origin: str) -> frozenset[str]:
        """The nodes that a node reaches through others' reading, in any number of steps; its own past aside.

        The node itself is among them where it depends on its own past through other nodes.
        """
        readers: dict[str, set[str]] = {name: set() for name in self.nodes}
        for name, node in self.nodes.items():
            for parent, _ in node.links:
                if not name == parent == origin:
                    readers[parent].add(name)
        return _transitive_closure(readers[origin], readers.__getitem__)

    def influential_nodes(self, names: Iterable[str]) -> frozenset[str]:
        """The nodes that make a difference to some nodes, these themselves included.

        Points that are the same whatever the parent's state, above all 0, make no difference, nor do those whose weight
        is 0 at all steps: an intervention on such a parent leaves every trial as it was.
        """
        return _transitive_closure(
            names, lambda name: (parent for parent, weight in self.nodes[name].influences if self._has_effect(weight))
        )

    def _has_effect(self, weight: str | None) -> bool:
        """Whether the weight of points, if they have one, is not 0 throughout."""
        return weight is None or bool(np.any(self.weights[weight]))

    def equivalent_state(self, name: str, state: str, readers: Iterable[str]) -> str:
        """The first state of a categorical node that some nodes read as they read another: that one stands for both."""
        node = self.nodes[name]
        assert isinstance(node, CategoricalNode)
        tables = [
            np.moveaxis(term.points, axis, 0)
            for reader in readers
            for term in self.nodes[reader].parent_tables
            if self._has_effect(term.weight)
            for axis, parent in enumerate(term.parents)
            if parent.node == name
        ]
        index = node.states.index(state)
        return next(other for n, other in enumerate(node.states) if all(np.array_equal(p[n], p[index]) for p in tables))

    def upstream(self, names: Iterable[str]) -> frozenset[str]:
        """The nodes that some nodes depend on, in any number of steps, themselves included."""
        return _transitive_closure(names, lambda name: (parent for parent, _ in self.nodes[name].links))

    @cached_property
    def has_feedback(self) -> bool:
        """Whether the outcome depends on its own past through other nodes, so that it can't be carried along them."""
        return OUTCOME in self.downstream(OUTCOME)

    @cached_property
    def outcome_is_read(self) -> bool:
        """Whether another node reads the scenario, so that one has to be drawn."""
        return any((OUTCOME, lag) in node.links for n, node in self.nodes.items() if n != OUTCOME for lag in (0, 1))

    def law(self, node: CategoricalNode, step: int) -> StepLaw:
        """How a categorical node gets its state at a step (the order of precedence of section 3).

        The law of a node follows from its key, whatever the program: so those without draws of the judgements, which
        take little, are made once for all programs and steps that have them in common.
        """
        if self.draws:
            return self._build_law(node, step)
        key = self.law_key(node, step)
        if key not in node.cached_laws:
            if len(node.cached_laws) >= _CACHED_LAWS:
                node.cached_laws.clear()
            node.cached_laws[key] = self._build_law(node, step)
        return node.cached_laws[key]

    def _build_law(self, node: CategoricalNode, step: int) -> StepLaw:
        size = len(node.states)
        if (state := node.imposed[step]) >= 0:
            return StepLaw(node.name, size, np.eye(size)[state])
        if (report := node.reports.get(step)) is not None:
            return StepLaw(node.name, size, None, *report, offset=np.zeros(size + 1))
        if step == 0 and node.initial is not None:
            if node.initial.ndim == 1:
                return StepLaw(node.name, size, node.initial)
            return StepLaw(
                node.name, size, None, leading_draws(node.initial, 1), node.initial, offset=np.zeros(size + 1)
            )
        prior, prior_parents = node.prior, node.prior_parents
        if (forced := node.forced.get(step)) is not None:
            prior, prior_parents = forced, leading_draws(forced, 1)
        terms = [
            term.multiply_points(self._log_odds_per_point(node, term.weight, step))
            for term in node.terms
            if step > 0 or not any(parent.lag for parent in term.parents)
        ]
        window = node.windows[..., step, :]
        if window.ndim == 2 or (node.log_odds.ndim and window.any()):
            terms.append(Term(leading_draws(window, 1), window).multiply_points(node.log_odds))
        is_certain = window.ndim == 1 and not node.log_odds.ndim
        can_keep = step > 0 and forced is None and bool(np.any(node.persistence > 0) or node.allowed is not None)
        return StepLaw(
            name=node.name,
            size=size,
            fixed=None,
            prior_parents=prior_parents,
            prior=prior,
            terms=tuple(terms),
            curves=tuple(
                curve.multiply_points(self._log_odds_per_point(node, curve.weight, step))
                for curve in node.curves
                if step > 0 or not curve.lag
            ),
            offset=window * node.log_odds if is_certain else np.zeros(size + 1),
            persistence=node.persistence if can_keep else None,
            allowed=node.allowed if can_keep else None,
        )

    def _log_odds_per_point(self, node: CategoricalNode, weight: str | None, step: int) -> Floats:
        return node.log_odds if weight is None else node.log_odds * self.weights[weight][..., step]

    def truncate_after(self, step: int) -> Program:
        """The program up to a step, which it includes; all nodes stay the same objects."""
        return replace(self, grid=replace(self.grid, count=step + 1))

    def restrict_to(self, names: Collection[str]) -> Program:
        """The program of some nodes, which read no others; they stay the same objects."""
        return replace(self, nodes={name: node for name, node in self.nodes.items() if name in names})

    def select_draws(self, draws: range, replacements: dict[Node, Node] | None = None) -> Program:
        """The program for some draws of the judgements; nodes that do not depend on them stay the same objects.

        For all of them it is the program itself.

        Args:
            draws: which.
            replacements: the nodes of other programs with what they are for these draws; what is found is added.
        """
        if draws == range(self.draws):
            return self
        replacements = {} if replacements is None else replacements
        for node in self.nodes.values():
            if node not in replacements:
                replacements[node] = node.select_draws(draws)
        nodes = {name: replacements[node] for name, node in self.nodes.items()}
        weights = {name: select_value_draws(weight, 1, draws) for name, weight in self.weights.items()}
        outcome_parts: tuple[Term | PiecewiseCurve, ...] = (*self.outcome.terms, *self.outcome.curves)
        weight_names = {part.weight for part in outcome_parts}
        if nodes[OUTCOME] is self.outcome and any(
            weights[name] is not self.weights[name] for name in weight_names if name
        ):
            nodes[OUTCOME] = replacements[self.outcome] = replace(self.outcome)
        controls = Controls(self.controls.functions[draws.start : draws.stop])
        return replace(self, nodes=nodes, weights=weights, controls=controls)

    def law_key(self, node: Node, step: int) -> tuple[object, ...]:
        """A key that is equal for two steps only where the node's laws at them are; it tells nothing of other nodes."""
        kind, is_settled = node.law_kinds[step]
        if is_settled or isinstance(node, NumericNode):
            return (kind,)
        return kind, *(self.weights[name][..., step].tobytes() for name in node.weight_names)

    def intervene(self, name: str, value: str | float, steps: Iterable[int]) -> Program:
        """A new program in which a node is set to a state or value at some steps, cut off from its causes there.

        Raises:
            KeyError: there is no such node or state.
        """
        node = self.nodes[name]
        places = np.fromiter(steps, dtype=np.int64)
        changed: Node
        if isinstance(node, CategoricalNode):
            if value not in node.states:
                raise KeyError(value)
            states = node.imposed.copy()
            states[places] = node.states.index(str(value))
            changed = replace(node, imposed=states)
        else:
            values = node.imposed.copy()
            values[places] = float(value)
            changed = replace(node, imposed=values)
        return replace(self, nodes={**self.nodes, name: changed})

    def reweight(self, weights: Mapping[str, float]) -> Program:
        """A new program with some weights replaced by constants."""
        constant = {name: np.full(self.steps, weight) for name, weight in weights.items()}
        return replace(self, weights={**self.weights, **constant})
