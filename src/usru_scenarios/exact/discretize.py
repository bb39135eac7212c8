"""A program's laws brought to finitely many states, which is what exact inference sums over.

Whatever is known in advance (an imposed state, a sure `initial`), kept for good (persistence 1) or without effect
(points of 0) is taken out of the conditional tables here, so that a table has no more axes than it needs.

A numeric node becomes a function of *variables* with finitely many states: of the points of a quadrature over its
latent normal (`latent`), and of the states of its parents, whose points move it. So what others read of it, comparisons
and curves, are points over these variables.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from usru_scenarios.exact.quadrature import FINE_PIECE, LatentQuadrature, NodeDistribution, SmoothScale, quadrature
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.problems import UsruError
from usru_scenarios.program.events import Compared, InStates
from usru_scenarios.program.latent_scale import decay_latent
from usru_scenarios.program.laws import (
    JUDGEMENTS,
    Parent,
    PiecewiseCurve,
    StepLaw,
    Term,
    broadcast_over_parents,
    draws_parent,
    hold_probability,
    log_weights,
)
from usru_scenarios.program.program import CategoricalNode, Floats, NumericNode, Program

Indices = npt.NDArray[np.intp]
Kind = TypeVar("Kind", bound=np.generic)
Atom = InStates | Compared

_MOST_TABLE_ENTRIES = 1 << 24
"""The most entries of the table of one judgement block once numeric nodes are multiplied out."""
LARGE_TABLE_ROWS = 1024
"""The least rows of a conditional table that is not multiplied out where there is another way."""
_WIDEST_LOG_RANGE = 600.0
"""The most by which the log-weights of both halves of a row may differ: exp(-700) is the least that a float holds."""

_MOST_HALF_ROWS = 1 << 20
"""Halves with more rows are not made: a model that has them is past what is solved exactly anyway."""


class NotExact(UsruError):  # noqa: N818  # a public name
    """The model has numeric nodes that no finite sum follows; the message names the node."""

    exit_status = 2


# Reading -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StateFunction:
    """A node's state or value as a function of variables.

    Attributes:
        variables: as parents of the step at which it is read, in order, none of them cut.
        states: shape (size of each variable ...), for a categorical node.
        values: the same for a numeric one.
    """

    variables: tuple[Parent, ...]
    states: Indices
    values: Floats | None = None

    def index(self, edges: tuple[float, ...]) -> Indices:
        """The index into a table over the node: its state, or how many edges its value reaches; shape as `states`."""
        if self.values is None:
            return self.states
        return np.asarray(np.searchsorted(np.array(edges), self.values, side="right"))

    @cached_property
    def key(self) -> Hashable:
        """Equal for two readings only where they are the same function."""
        return self.variables, self.states.tobytes(), None if self.values is None else self.values.tobytes()


def broadcast_to_axes(
    array: npt.NDArray[Kind], array_axes: Sequence[Parent], axes: Sequence[Parent]
) -> npt.NDArray[Kind]:
    """An array over `array_axes`, transposed and reshaped to broadcast over `axes`: shape (size or 1 of each ...)."""
    rank = {axis: place for place, axis in enumerate(axes)}
    places: list[int] = sorted(range(len(array_axes)), key=lambda place: rank[array_axes[place]])
    transposed = array.transpose(places)
    sizes = iter(transposed.shape)
    return transposed.reshape([next(sizes) if axis in array_axes else 1 for axis in axes])


def union(*groups: Iterable[Parent]) -> tuple[Parent, ...]:
    """All variables of some groups, each once, in order."""
    return tuple(sorted({parent for group in groups for parent in group}))


# Laws ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FactoredTable:
    """The conditional table of a state that is drawn anew, as the normalised product of two smaller tables.

    It exists where no judgement block spans both halves of the parents: method (37).

    Attributes:
        parents: of either half.
        odds: f and g, each of shape (size of each parent of the half ..., states).
    """

    parents: tuple[tuple[Parent, ...], tuple[Parent, ...]]
    odds: tuple[Floats, Floats]

    @property
    def all_parents(self) -> tuple[Parent, ...]:
        """Those of the first half and of the second."""
        return (*self.parents[0], *self.parents[1])

    def totals(self) -> Floats:
        """What the products are divided by, shape (size of each parent of the first half and the second ...)."""
        first, second = (odds.reshape(-1, odds.shape[-1]) for odds in self.odds)
        return (first @ second.T).reshape([parent.size for parent in self.all_parents])

    def totals_over(self, axes: Sequence[Parent]) -> Floats:
        """The totals, laid out to broadcast over some axes: shape (size or 1 of each ...)."""
        return broadcast_to_axes(self.totals(), self.all_parents, axes)

    def shares(self) -> Floats:
        """The table multiplied out, shape (size of each parent of the first half and the second ..., states)."""
        first, second = (odds.reshape(-1, odds.shape[-1]) for odds in self.odds)
        totals = self.totals()
        shares: Floats = first[:, None, :] * second
        return shares.reshape(*totals.shape, -1) / totals[..., None]


def factored_table(law: StepLaw, parents: Sequence[Parent]) -> FactoredTable | None:
    """Two halves of about as many rows each over some parents, or None where there are none that help.

    Args:
        law: over variables only; what it says of keeping a state has no part in this.
        parents: in the order that is best kept.
    """
    blocks = [law.prior_parents, *(term.parents for term in law.terms)]
    clusters: list[tuple[Parent, ...]] = [(parent,) for parent in parents]
    for block in blocks:
        joined = [cluster for cluster in clusters if not set(block).isdisjoint(cluster)]
        if len(joined) > 1:
            clusters[clusters.index(joined[0])] = tuple(parent for cluster in joined for parent in cluster)
            clusters = [cluster for cluster in clusters if cluster not in joined[1:]]
    ordered = [parent for cluster in clusters for parent in cluster]
    cut_positions = [sum(len(cluster) for cluster in clusters[:count]) for count in range(1, len(clusters))]
    if not cut_positions:
        return None
    half_rows = [max(_count_rows(ordered[:cut]), _count_rows(ordered[cut:])) for cut in cut_positions]
    if min(half_rows) * law.size > _count_rows(parents) or min(half_rows) > _MOST_HALF_ROWS:
        return None
    cut = cut_positions[half_rows.index(min(half_rows))]
    halves = tuple(ordered[:cut]), tuple(ordered[cut:])
    logits = [
        _half_log_weights(law, halves[0], also_without_parents=True),
        _half_log_weights(law, halves[1], also_without_parents=False),
    ]
    if sum(float(-table[np.isfinite(table)].min(initial=0.0)) for table in logits) > _WIDEST_LOG_RANGE:
        return None
    return FactoredTable(halves, (np.exp(logits[0]), np.exp(logits[1])))


def _count_rows(parents: Iterable[Parent]) -> int:
    return math.prod(parent.size for parent in parents)


def _half_log_weights(law: StepLaw, parents: tuple[Parent, ...], *, also_without_parents: bool) -> Floats:
    """The part of a law's log-weights that stands over some parents, shape (size of each ..., states)."""

    def belongs(block: tuple[Parent, ...]) -> bool:
        return set(block) <= set(parents) if block else also_without_parents

    prior_here = belongs(law.prior_parents)
    half = replace(
        law,
        prior_parents=law.prior_parents if prior_here else (),
        prior=law.prior if prior_here else np.ones(law.size),
        terms=tuple(term for term in law.terms if belongs(term.parents)),
        offset=law.offset if also_without_parents else np.zeros(law.size + 1),
    )
    return log_weights(half, parents)[..., : law.size]


@dataclass(frozen=True, eq=False)
class ConditionalTable:
    """How a variable gets its state at a step.

    Attributes:
        law: over variables only.
        known_state: the state before, where the law depends on it and it is known.
    """

    law: StepLaw
    known_state: int | None

    @cached_property
    def parents(self) -> tuple[Parent, ...]:
        """The variables of the conditional table."""
        is_known = self.known_state is not None
        return tuple(parent for parent in self.law.parents if not (is_known and parent == self.law.previous_state))

    @cached_property
    def rows(self) -> int:
        """How many combinations the parents have."""
        return _count_rows(self.parents)

    def table(self) -> Floats:
        """The conditional probabilities, shape (size of each parent ..., states)."""
        table = self.law.table()
        if self.known_state is None:
            return table
        return np.asarray(table.take(self.known_state, axis=self.law.parents.index(self.law.previous_state)))

    def factored(self, rank: Mapping[Parent, int]) -> FactoredTable | None:
        """The conditional table as two halves, where it is large, nothing is kept and the halves are much smaller.

        The parents are best kept in the order of `rank`; those without a rank come last.
        """
        law = self.law
        if self.rows < LARGE_TABLE_ROWS or law.persistence is not None or law.fixed is not None:
            return None
        return factored_table(law, sorted(self.parents, key=lambda parent: rank.get(parent, len(rank))))

    @cached_property
    def is_mixture(self) -> bool:
        """Whether the table mixes keeping the state before with a redraw that does not depend on it."""
        return self.law.persistence is not None and self.known_state is None and self.law.is_uniform_mixture

    @property
    def redraw_parents(self) -> tuple[Parent, ...]:
        """The variables that a redraw depends on where it does not depend on the state before."""
        return tuple(parent for parent in self.law.parents if parent != self.law.previous_state)

    def mixture(self) -> tuple[Floats, Floats]:
        """The shares of a redraw, shape (size of each of `redraw_parents` ..., states), and the chance of keeping.

        The latter has as many axes, the last of size 1, and so has any other that it is the same along.
        """
        law, parents = self.law, self.redraw_parents
        hold = np.zeros((1,) * (len(parents) + 1))
        if law.persistence is not None:
            for term in law.terms:
                if term.points[..., law.size].any():
                    hold = hold + broadcast_over_parents(term.points[..., law.size :], term.parents, parents)
            keep = broadcast_over_parents(law.persistence[..., :1], law.persistence_parents[:-1], parents)
            hold = hold_probability(keep, hold + law.offset[law.size])
        is_large = law.fixed is None and _count_rows(parents) >= LARGE_TABLE_ROWS
        if is_large and (factored := factored_table(law, parents)) is not None:
            order = [factored.all_parents.index(parent) for parent in parents]
            return factored.shares().transpose(*order, len(order)), hold
        return replace(law, persistence=None).table(), hold


Links = Callable[[str, int], Iterable[tuple[str, int]]]
"""Which nodes a node reads at a step, each with its lag."""


def relevant_nodes(wanted_by_step: Sequence[Iterable[tuple[str, int]]], links: Links) -> list[set[str]]:
    """Which nodes matter at each step for the nodes that are wanted there (each with a lag of 0 or 1)."""
    needed_by_step: list[set[str]] = [set() for _ in wanted_by_step]
    needed_before: set[str] = set()
    for step in range(len(wanted_by_step) - 1, -1, -1):
        unvisited = sorted(needed_before | {name for name, lag in wanted_by_step[step] if lag == 0})
        needed_before = {name for name, lag in wanted_by_step[step] if lag == 1}
        while unvisited:
            name = unvisited.pop()
            if name in needed_by_step[step]:
                continue
            needed_by_step[step].add(name)
            for parent, lag in links(name, step):
                if lag:
                    needed_before.add(parent)
                else:
                    unvisited.append(parent)
    return needed_by_step


class EffectiveLaws:
    """The laws of a program at each node and step, without points that have no effect."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._laws: dict[int, StepLaw] = {}
        self._law_numbers: dict[tuple[str, int], int] = {}
        self._numbers: dict[Hashable, int] = {}

    def law(self, name: str, step: int) -> StepLaw:
        """The program's law without terms that give no points."""
        key = self.law_number(name, step)
        if key not in self._laws:
            node = self.program.nodes[name]
            assert isinstance(node, CategoricalNode)
            law = self.program.law(node, step)
            columns = law.size if law.persistence is None else law.size + 1
            self._laws[key] = replace(
                law,
                terms=tuple(term for term in law.terms if term.points[..., :columns].any()),
                curves=tuple(curve for curve in law.curves if curve.points[..., :columns].any()),
            )
        return self._laws[key]

    def law_number(self, name: str, step: int) -> int:
        """A number that two steps or nodes share only where their laws are the same."""
        if (name, step) not in self._law_numbers:
            node = self.program.nodes[name]
            assert isinstance(node, CategoricalNode)
            key = (name, self.program.law_key(node, step))
            self._law_numbers[name, step] = self._numbers.setdefault(key, len(self._numbers))
        return self._law_numbers[name, step]

    def keeps_state(self, name: str, step: int) -> bool:
        """Whether a node keeps its state for certain at a step."""
        return self.law(name, step).always_keeps

    @staticmethod
    def settled_value(node: NumericNode, step: int) -> float | None:
        """A numeric node's value where it is set by an intervention or by `initial`.

        Raises:
            NotExact: it is uncertain.
        """
        if not math.isnan(node.imposed[step]):
            return float(node.imposed[step])
        if step or node.initial is None:
            return None
        if node.initial.ndim:
            raise _uncertain_node_error(node)
        return float(node.initial)

    @staticmethod
    def active_points(node: NumericNode, step: int) -> tuple[list[Term], list[PiecewiseCurve]]:
        """The terms and the curves of a numeric node that act at a step."""
        terms = [term for term in node.terms if step or not any(parent.lag for parent in term.parents)]
        curves = [curve for curve in node.curves if step or not curve.lag]
        return [term for term in terms if term.points.any()], [curve for curve in curves if curve.points.any()]

    def links(self, name: str, step: int) -> list[tuple[str, int]]:
        """The nodes that a node's state or value depends on at a step, each with its lag; the judgements among them."""
        if name == JUDGEMENTS:
            return [(name, 1)] if step else []
        node = self.program.nodes[name]
        if isinstance(node, NumericNode):
            if self.settled_value(node, step) is not None:
                return []
            terms, curves = self.active_points(node, step)
            return [*((p.node, p.lag) for t in terms for p in t.parents), *((c.node, c.lag) for c in curves)]
        if self.keeps_state(name, step):
            return [(name, 1)]
        law = self.law(name, step)
        draws = [(JUDGEMENTS, 0)] if any(curve.points.ndim > 2 for curve in law.curves) else []
        return [*((parent.node, parent.lag) for parent in law.parents), *((c.node, c.lag) for c in law.curves), *draws]


class DiscretizedModel:
    """A program's laws over variables, as far as they matter for what is wanted.

    Where anything wanted depends on drawn judgements, their draws are a variable like the others, which never changes
    and has a weight of 1 in every draw: what is read together with it is found in each draw by itself.

    Args:
        laws: of the program.
        atoms: for each step, the atoms of the predicates that are read there.
        nodes: those whose distribution is reported at each step.

    Attributes:
        draws_axis: that variable; none where nothing depends on it.

    Raises:
        NotExact: a numeric node that matters moves along several steps, or in a way that no finite sum follows, or
            depends on uncertain judgements itself.
    """

    def __init__(self, laws: EffectiveLaws, atoms: Sequence[Sequence[Atom]], nodes: Sequence[str]) -> None:
        self.laws = laws
        self.program = program = laws.program
        self.comparisons = [atom for read_atoms in atoms for atom in read_atoms if isinstance(atom, Compared)]
        self.conditional_tables: dict[Hashable, ConditionalTable] = {}
        self.readings: dict[tuple[str, int, int], StateFunction] = {}
        self.latents: dict[str, LatentQuadrature] = {}
        self.distributions: dict[tuple[str, int], NodeDistribution] = {}
        wanted_nodes = [[*(atom.node for atom in read_atoms), *nodes] for read_atoms in atoms]
        self.needed_nodes = relevant_nodes([[(name, 0) for name in names] for names in wanted_nodes], laws.links)
        self.draws_axis: tuple[Parent, ...] = ()
        if any(JUDGEMENTS in needed for needed in self.needed_nodes):
            self.draws_axis = (draws_parent(program.draws),)
            points, weights = np.arange(float(program.draws)), np.ones(program.draws)
            self.latents[JUDGEMENTS] = LatentQuadrature(JUDGEMENTS, 0, points, weights)
        self.certain_states = self._find_certain_states()
        for node in program.nodes.values():
            if isinstance(node, NumericNode):
                places = [step for step, needed in enumerate(self.needed_nodes) if node.name in needed]
                uncertain_steps = [step for step in places if laws.settled_value(node, step) is None]
                if uncertain_steps and node.select_draws(range(1)) is not node:
                    raise _uncertain_node_error(node)
                if uncertain_steps:
                    self._add_quadrature(node, uncertain_steps)

    def with_latent_part(self, name: str, part: slice) -> DiscretizedModel:
        """The same with some of the points of a latent variable only: results add up over the parts."""
        other = copy.copy(self)
        latent = self.latents[name]
        narrow = replace(latent, points=latent.points[part], weights=latent.weights[part])
        other.latents = {**self.latents, name: narrow}
        other.conditional_tables, other.readings, other.distributions = {}, {}, {}
        return other

    def keeps_state(self, name: str, step: int) -> bool:
        """Whether a variable keeps its state for certain at a step."""
        if name in self.latents:
            return step > self.latents[name].first_step
        return self.laws.keeps_state(name, step)

    def sources(self, name: str, step: int) -> list[tuple[str, int]]:
        """The variables that a variable depends on at a step, each with its lag."""
        if self.keeps_state(name, step):
            return [(name, 1)]
        return [(parent.node, parent.lag) for parent in self.conditional_table(name, step).parents]

    def _find_certain_states(self) -> list[dict[str, int]]:
        """For each step, the states of the categorical nodes that are certain in advance."""
        certain_by_step: list[dict[str, int]] = []
        for step, needed in enumerate(self.needed_nodes):
            certain: dict[str, int] = {}
            for name in sorted(needed):
                if name == JUDGEMENTS or isinstance(self.program.nodes[name], NumericNode):
                    continue
                law = self.laws.law(name, step)
                if law.size == 1:
                    certain[name] = 0
                elif law.fixed is not None and np.count_nonzero(law.fixed) == 1:
                    certain[name] = int(law.fixed.argmax())
                elif step and self.keeps_state(name, step) and name in certain_by_step[-1]:
                    certain[name] = certain_by_step[-1][name]
            certain_by_step.append(certain)
        return certain_by_step

    # Numeric nodes ---------------------------------------------------------------------------------------------------

    def _breakpoints(self, name: str) -> list[float]:
        """The values of a numeric node at which its readers have corners or jumps: knots, and edges of comparisons."""
        places = [atom.value for atom in self.comparisons if atom.node == name]
        for step, needed in enumerate(self.needed_nodes):
            for reader in sorted(needed - {JUDGEMENTS}):
                node = self.program.nodes[reader]
                if isinstance(node, NumericNode):
                    terms, curves = self.laws.active_points(node, step)
                    parents = [parent for term in terms for parent in term.parents]
                else:
                    law = self.laws.law(reader, step)
                    curves = [*law.curves]
                    parents = [*law.prior_parents, *(parent for term in law.terms for parent in term.parents)]
                places += [edge for parent in parents if parent.node == name for edge in parent.edges]
                places += [float(knot) for curve in curves if curve.node == name for knot in curve.knots]
        return sorted(set(places))

    def _add_quadrature(self, node: NumericNode, uncertain_steps: list[int]) -> None:
        """Find the quadrature of a node that others read; one that is only reported needs none."""
        breakpoints = self._breakpoints(node.name)
        if not breakpoints:
            return
        if len(uncertain_steps) > 1 and node.persistence != 1.0:
            raise NotExact(
                f"the numeric node {node.name} moves from step to step (persistence {node.persistence:.3g}) and matters"
                f" at {len(uncertain_steps)} steps: that is followed by sampling only"
            )
        kinks: set[float] = set()
        for step in uncertain_steps:
            variables, shift = self._latent_shift(node, step)
            if any(variable.node in self.latents for variable in variables):
                raise NotExact(
                    f"the numeric node {node.name} depends on another one that is uncertain: that is followed by"
                    " sampling only"
                )
            centre, sd = self._latent_moments(node, step)
            if sd > 0:
                edges = SmoothScale(node.scale).latent(np.array(breakpoints))
                kinks.update(((edges[:, None] - centre - np.unique(shift)) / sd).ravel().tolist())
        if sd > 0:
            points, weights = quadrature(sorted(kinks))
            name = _latent_name(node)
            self.latents[name] = LatentQuadrature(name, uncertain_steps[0], points, weights)

    def _latent_moments(self, node: NumericNode, step: int) -> tuple[float, float]:
        """Mean and standard deviation of the latent normal at a step (section 5: z(t) = r z(t-1) + noise)."""
        if node.initial is None:
            return 0.0, 1.0
        variables, shift = self._latent_shift(node, 0)
        if variables:
            raise NotExact(
                f"the numeric node {node.name} starts from a value while points of uncertain nodes act on it: that is"
                " followed by sampling only"
            )
        start = float(SmoothScale(node.scale).latent(np.array(node.initial))) - float(shift)
        decay = float(node.persistence) ** step
        return float(decay_latent(np.asarray(decay), np.asarray(start))), math.sqrt(1.0 - decay * decay)

    def _latent_shift(self, node: NumericNode, step: int) -> tuple[tuple[Parent, ...], Floats]:
        """The shift of the latent normal by points: the variables that it depends on, and the shift over them."""
        own_terms, curves = self.laws.active_points(node, step)
        terms = self._terms_over_variables(own_terms, curves, step)
        variables = union(*(term.parents for term in terms))
        shift = np.full([variable.size for variable in variables], node.windows[step])
        for term in terms:
            shift = shift + broadcast_to_axes(term.points[..., 0], term.parents, variables)
        return variables, np.asarray(shift * node.sd_per_point)

    def _value_function(self, node: NumericNode, step: int) -> StateFunction:
        """The value at a step, as a function of variables of that step and the one before."""
        scale = SmoothScale(node.scale)
        none = np.zeros(1)
        if (settled := self.laws.settled_value(node, step)) is not None:
            self.distributions[node.name, step] = NodeDistribution(scale, 0.0, 0.0, none, np.ones(1), None, settled)
            return StateFunction((), np.array(0), np.array(settled))
        variables, shift = self._latent_shift(node, step)
        centre, sd = self._latent_moments(node, step)
        latent = self.latents.get(_latent_name(node))
        if latent is not None:
            variable = Parent(latent.name, 0, len(latent.points))
            axes = union(variables, [variable])
            axis = axes.index(variable)
            shift = broadcast_to_axes(shift, variables, axes)
            z = centre + sd * broadcast_to_axes(latent.points, [variable], axes)
            self.distributions[node.name, step] = NodeDistribution(scale, centre, sd, shift, latent.weights, axis)
            return StateFunction(axes, np.zeros(1, dtype=np.intp), scale(z + shift))
        self.distributions[node.name, step] = NodeDistribution(scale, centre, sd, shift, np.ones(1), None)
        points, weights = quadrature((), FINE_PIECE) if sd > 0 else (none, np.ones(1))
        values: Floats = scale(centre + sd * points + shift[..., None]) @ weights
        if sd == 0 and node.persistence == 1.0 and node.initial is not None:
            # Nothing moved it: the value is the stated one to the last digit, which a comparison may ask about.
            values = np.where(shift == self._latent_shift(node, 0)[1], node.initial, values)
        return StateFunction(variables, np.zeros(1, dtype=np.intp), values)

    # Reading ---------------------------------------------------------------------------------------------------------

    def reading(self, name: str, step: int, lag: int = 0) -> StateFunction:
        """A node's state or value, `lag` steps before `step`, as a function of the variables of `step`."""
        key = (name, step, lag)
        if key not in self.readings:
            self.readings[key] = self._make_reading(name, step, lag)
        return self.readings[key]

    def _make_reading(self, name: str, step: int, lag: int) -> StateFunction:
        node = self.program.nodes.get(name)
        if isinstance(node, NumericNode):
            value = self._value_function(node, step) if lag == 0 else self.reading(name, step - 1)
            return value if lag == 0 else self._lagged_reading(name, value, step)
        if name in self.certain_states[step - lag]:
            return StateFunction((), np.array(self.certain_states[step - lag][name]))
        size = len(node.states) if node is not None else len(self.latents[name].points)
        if lag and self.keeps_state(name, step):
            lag = 0
        return StateFunction((Parent(name, lag, size),), np.arange(size))

    def _lagged_reading(self, name: str, value: StateFunction, step: int) -> StateFunction:
        """A value of the previous step as a function of the variables of this one."""
        if any(variable.lag for variable in value.variables):
            raise NotExact(
                f"the numeric node {name} is read one step later than it reads others one step back: that is followed"
                " by sampling only"
            )
        lagged_variables = [self.reading(variable.node, step, 1).variables[0] for variable in value.variables]
        ordered = tuple(sorted(lagged_variables))
        assert value.values is not None
        order = [lagged_variables.index(variable) for variable in ordered]
        return StateFunction(ordered, value.states, value.values.transpose(order))

    def _terms_over_variables(self, terms: Iterable[Term], curves: Iterable[PiecewiseCurve], step: int) -> list[Term]:
        """Terms and curves as terms over the variables that their parents are functions of."""
        substituted = [(term, *self._substitute_table(term.parents, term.points, step)) for term in terms]
        over_variables = [replace(term, parents=parents, points=points) for term, parents, points in substituted]
        return over_variables + [self._curve_term(curve, step) for curve in curves]

    def _substitute_table(
        self, parents: tuple[Parent, ...], table: Floats, step: int
    ) -> tuple[tuple[Parent, ...], Floats]:
        """A table over parents as a table over the variables that they are functions of."""
        readings = [self.reading(parent.node, step, parent.lag) for parent in parents]
        variables = union(*(reading.variables for reading in readings))
        if variables == parents:
            return parents, table
        if math.prod(variable.size for variable in variables) * table.shape[-1] > _MOST_TABLE_ENTRIES:
            names = ", ".join(parent.node for parent in parents)
            raise NotExact(f"too many numeric nodes act together to be multiplied out: {names}")
        indices = [
            broadcast_to_axes(reading.index(parent.edges), reading.variables, variables)
            for parent, reading in zip(parents, readings, strict=True)
        ]
        shape = [variable.size for variable in variables]
        return variables, np.broadcast_to(table[tuple(indices)], (*shape, table.shape[-1])).copy()

    def _curve_term(self, curve: PiecewiseCurve, step: int) -> Term:
        """The points along a numeric parent as points over the variables that its value is a function of."""
        reading = self.reading(curve.node, step, curve.lag)
        assert reading.values is not None
        if curve.points.ndim > 2:
            tables = [self._curve_term(replace(curve, points=points), step).points for points in curve.points]
            return Term((draws_parent(len(tables)), *reading.variables), np.stack(tables))
        columns = [np.interp(reading.values, curve.knots, column) for column in curve.points.T]
        return Term(reading.variables, np.stack(columns, axis=-1))

    # Moves -----------------------------------------------------------------------------------------------------------

    def conditional_table(self, name: str, step: int) -> ConditionalTable:
        """How a variable gets its state at a step."""
        if name in self.latents:
            if name not in self.conditional_tables:
                weights = self.latents[name].weights
                self.conditional_tables[name] = ConditionalTable(StepLaw(name, len(weights), weights), None)
            return self.conditional_tables[name]
        law = self.laws.law(name, step)
        known_state = self.certain_states[step - 1].get(name) if law.persistence is not None else None
        read_parents = [*law.prior_parents, *(parent for term in law.terms for parent in term.parents)]
        reading_keys = [self.reading(parent.node, step, parent.lag).key for parent in read_parents]
        reading_keys += [self.reading(curve.node, step, curve.lag).key for curve in law.curves]
        key = (self.laws.law_number(name, step), known_state, tuple(reading_keys))
        if key not in self.conditional_tables:
            self.conditional_tables[key] = ConditionalTable(self._substitute_law(law, step), known_state)
        return self.conditional_tables[key]

    def _substitute_law(self, law: StepLaw, step: int) -> StepLaw:
        prior_parents, prior = self._substitute_table(law.prior_parents, law.prior, step)
        terms = self._terms_over_variables(law.terms, law.curves, step)
        return replace(law, prior_parents=prior_parents, prior=prior, terms=tuple(terms), curves=())


def _uncertain_node_error(node: NumericNode) -> NotExact:
    return NotExact(
        f"the numeric node {node.name} depends on uncertain judgements itself: their draws are followed by sampling"
        " only; '--judgements 0' takes them at their means"
    )


def _latent_name(node: NumericNode) -> str:
    """A name that no node of a file can have."""
    return f"{node.name} (latent)"
