"""How a categorical node gets its state at one step, as arrays: what it reads, the points that add up, and the law.

Points are kept as *terms*, one for each judgement block, over the few parents that the block names; they are multiplied
out into tables only where an engine wants them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from usru_scenarios.light_dataclasses import dataclass, field, replace

Floats = npt.NDArray[np.float64]

JUDGEMENTS = "(judgements)"
"""The name, no id of a model, under which a node reads which draw of the uncertain judgements its trial has."""

ProgramPart = TypeVar("ProgramPart")


class Parent(NamedTuple):
    """A node that another one reads: its state in the same step (lag 0) or the previous one (lag 1).

    A tuple, since laws are compiled by looking parents up in sets and sorting them, thousands of times a run.

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

    @property
    def draws_axis(self) -> int | None:
        """Which axis of the points is that of the draws of the judgements; None where they are the same in all."""
        return _draws_axis(self.parents)

    def select_draws(self, draws: range) -> Term:
        """The term for some draws of the judgements."""
        points, parents = select_table_draws(self.points, self.parents, draws)
        return replace_if_changed(self, points=points, parents=parents)

    def multiply_points(self, factor: Floats) -> Term:
        """The term with its points multiplied by a factor of shape () or, drawn, (draws,)."""
        if not factor.ndim:
            return Term(self.parents, self.points * factor, self.weight)
        draws = draws_parent(len(factor))
        if draws in self.parents:
            axes = [-1 if parent == draws else 1 for parent in self.parents]
            return Term(self.parents, self.points * factor.reshape(*axes, 1), self.weight)
        points = self.points * factor.reshape(-1, *(1,) * self.points.ndim)
        return Term((draws, *self.parents), points, self.weight)


@dataclass(frozen=True)
class PiecewiseCurve:
    """Points along the scale of a numeric parent: method (5).

    Attributes:
        node: the numeric parent.
        lag: 0 or 1, as in `Parent`.
        knots: shape (knots,), rising.
        points: shape (knots, columns), the columns as in `Term`; where judgements are drawn, (draws, knots, columns).
        weight: as in `Term`.
    """

    node: str
    lag: int
    knots: Floats
    points: Floats
    weight: str | None = None

    def select_draws(self, draws: range) -> PiecewiseCurve:
        """The curve for some draws of the judgements."""
        return replace_if_changed(self, points=select_value_draws(self.points, 2, draws))

    def multiply_points(self, factor: Floats) -> PiecewiseCurve:
        """The curve with its points multiplied by a factor of shape () or, drawn, (draws,)."""
        return replace(self, points=self.points * (factor[:, None, None] if factor.ndim else factor))


@dataclass(frozen=True)
class StepLaw:
    """How a categorical node gets its state at one step, in all trials alike: method (1, 2).

    Attributes:
        fixed: shape (states,), the state's probabilities where nothing else matters (imposed, or `initial`), or None.
        prior_parents, prior: as in `CategoricalNode`, with a forced redraw's weights in the prior's place.
        terms: weighted log-odds, as `Term` with points in natural log units.
        curves: the same along numeric parents.
        offset: shape (states + 1,), log-odds of event windows.
        persistence: shape (states,), or None where the state is drawn anew whatever it was; where judgements are drawn,
            (draws, states).
        allowed: as in `CategoricalNode`, None where nothing is kept.
    """

    name: str
    size: int
    fixed: Floats | None
    prior_parents: tuple[Parent, ...] = ()
    prior: Floats = field(default_factory=lambda: np.ones(1))
    terms: tuple[Term, ...] = ()
    curves: tuple[PiecewiseCurve, ...] = ()
    offset: Floats = field(default_factory=lambda: np.zeros(1))
    persistence: Floats | None = None
    allowed: npt.NDArray[np.bool_] | None = None

    @property
    def previous_state(self) -> Parent:
        """The node's own previous state, as a parent."""
        return Parent(self.name, 1, self.size)

    @property
    def persistence_parents(self) -> tuple[Parent, ...]:
        """The parents that `persistence` is laid out over."""
        if self.persistence is None:
            return ()
        return (
            (self.previous_state,)
            if self.persistence.ndim == 1
            else (draws_parent(len(self.persistence)), self.previous_state)
        )

    @cached_property
    def parents(self) -> tuple[Parent, ...]:
        """The categorical (or cut) parents of the conditional table, the own previous state included if it matters."""
        if self.fixed is not None:
            return ()
        own_and_read = (
            *self.persistence_parents,
            *self.prior_parents,
            *(p for term in self.terms for p in term.parents),
        )
        return tuple(sorted(set(own_and_read)))

    @property
    def rows(self) -> int:
        """How many combinations the parents have."""
        return math.prod(parent.size for parent in self.parents)

    @cached_property
    def always_keeps(self) -> bool:
        """Whether every state is kept for certain."""
        return self.persistence is not None and bool(np.all(self.persistence >= 1.0))

    @property
    def is_uniform_mixture(self) -> bool:
        """Whether all states are kept with the same probability, and a redraw does not depend on the state before."""
        read_parents = {*self.prior_parents, *(parent for term in self.terms for parent in term.parents)}
        is_uniform = self.persistence is None or bool(np.all(self.persistence == self.persistence[..., :1]))
        return self.previous_state not in read_parents and self.allowed is None and is_uniform

    def prior_term(self) -> Term:
        """The prior as a term: its logarithms, and nothing for keeping."""
        with np.errstate(divide="ignore"):
            log = np.log(self.prior)
        return Term(self.prior_parents, np.concatenate([log, np.zeros((*log.shape[:-1], 1))], axis=-1))

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
        if self.persistence is None:
            return normalise_rows(weights)
        axis = self.parents.index(self.previous_state)
        weights = np.moveaxis(weights, axis, -2)
        if self.allowed is not None:
            weights = weights * self.allowed
        keep = broadcast_over_parents(self.persistence[..., None], self.persistence_parents, self.parents)[..., 0]
        hold_chance = np.moveaxis(hold_probability(keep, logits[..., self.size]), axis, -1)
        has_no_target = weights.sum(axis=-1) == 0
        hold_chance = np.where(has_no_target, 1.0, hold_chance)
        redrawn = (1.0 - hold_chance)[..., None] * normalise_rows(weights)
        table: Floats = np.moveaxis(redrawn + hold_chance[..., None] * np.eye(self.size), -2, axis)
        return table


def normalise_rows(weights: Floats) -> Floats:
    """Weights divided by the sums of their rows, or 0 where such a sum is: the same shape (..., columns)."""
    total = weights.sum(axis=-1, keepdims=True)
    shares: Floats = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    return shares


def hold_probability(persistence: Floats, log_odds: Floats) -> Floats:
    """The probability of keeping a state whose persistence is `persistence`, with points for `hold` worth `log_odds`.

    Shapes broadcast; 0 and 1 stay: method (2).
    """
    with np.errstate(all="ignore"):
        probability: Floats = 1.0 / (1.0 + (1.0 - persistence) / persistence * np.exp(-log_odds))
    return np.where(persistence >= 1.0, 1.0, np.where(persistence <= 0.0, 0.0, probability))


def log_weights(law: StepLaw, parents: tuple[Parent, ...]) -> Floats:
    """The log prior plus the log-odds of all terms, shape (size of each parent ..., states + 1): method (1).

    The last column is the log-odds of `hold`. In each row the largest log-weight of a state is 0, where any is finite.
    """
    sizes = tuple(parent.size for parent in parents)
    logits = np.broadcast_to(law.offset, (*sizes, law.size + 1)).copy()
    with np.errstate(divide="ignore"):
        logits[..., : law.size] += broadcast_over_parents(np.log(law.prior), law.prior_parents, parents)
    for term in law.terms:
        logits += broadcast_over_parents(term.points, term.parents, parents)
    largest = logits[..., : law.size].max(axis=-1, keepdims=True)
    logits[..., : law.size] -= np.where(np.isfinite(largest), largest, 0.0)  # a row may have nowhere to go
    return logits


def broadcast_over_parents(table: Floats, table_parents: tuple[Parent, ...], parents: tuple[Parent, ...]) -> Floats:
    """A table over the parents `table_parents`, laid out so that it broadcasts over the parents `parents`.

    Shape (size or 1 of each parent ..., columns).
    """
    order = sorted(range(len(table_parents)), key=lambda axis: parents.index(table_parents[axis]))
    shape = [parent.size if parent in table_parents else 1 for parent in parents]
    return table.transpose([*order, len(table_parents)]).reshape([*shape, table.shape[-1]])


# What is drawn of judgements ------------------------------------------------------------------------------------------


def select_value_draws(values: Floats, own_axes: int, draws: range) -> Floats:
    """Values for some draws of the judgements, where they have an axis for these before `own_axes` of their own.

    Shape (draws, ...), or (...) where they are the same in all draws.
    """
    return values[draws.start : draws.stop] if values.ndim > own_axes else values


def _draws_axis(parents: Iterable[Parent]) -> int | None:
    return next((axis for axis, parent in enumerate(parents) if parent.node == JUDGEMENTS), None)


def select_table_draws(table: Floats, parents: tuple[Parent, ...], draws: range) -> tuple[Floats, tuple[Parent, ...]]:
    """A table, shape (size of each parent ..., columns), and its parents for some draws of the judgements."""
    axis = _draws_axis(parents)
    if axis is None:
        return table, parents
    places = (slice(None),) * axis
    return table[(*places, slice(draws.start, draws.stop))], (
        *parents[:axis],
        draws_parent(len(draws)),
        *parents[axis + 1 :],
    )


def draws_parent(draws: int) -> Parent:
    """The draws of the judgements as a parent."""
    return Parent(JUDGEMENTS, 0, draws)


def leading_draws(values: Floats, own_axes: int) -> tuple[Parent, ...]:
    """The draws as a parent, where values have an axis for them before `own_axes` of their own; else none."""
    return (draws_parent(len(values)),) if values.ndim > own_axes else ()


def replace_if_changed(part: ProgramPart, **new_fields: object) -> ProgramPart:
    """The part with other fields; itself where they are the same objects, or tuples and maps of the same objects."""
    changed_fields = {name: value for name, value in new_fields.items() if not _is_same(value, getattr(part, name))}
    return replace(part, **changed_fields) if changed_fields else part  # type: ignore[type-var]


def _is_same(one: object, other: object) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(value, other[key]) for key, value in one.items())
    if isinstance(one, tuple) and isinstance(other, tuple):
        return one is other or (len(one) == len(other) and all(map(_is_same, one, other)))
    return one is other
