"""When the nodes of a file are drawn, and which of their states can occur at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.model.schema import Categorical, Numeric, Outcome
from usru_scenarios.names import DIRICHLET
from usru_scenarios.reading.checks.calendar import redraw_step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from usru_scenarios.model.values import Judgement
    from usru_scenarios.reading.checks.context import Context
    from usru_scenarios.timeline import Grid


def drawn_steps(context: Context, grid: Grid, name: str, node: Categorical | Outcome) -> frozenset[int]:
    """The steps at which the node may be drawn from its prior and points."""
    first = frozenset() if node.initial is not None else frozenset({0})
    if any(keep != 1 for keep in persistences(context, name, node)):
        return first | frozenset(range(1, grid.count))
    forced = {step for event in node.events.values() if (step := redraw_step(grid, event))}
    return first | forced


def persistences(context: Context, name: str, node: Categorical | Outcome) -> list[float | None]:
    """The persistences of a node, state by state or one for all; None for one that is no fixed number."""
    if node.persistence is None:
        # A driver is kept; the outcome and the consequences are drawn afresh.
        return [1.0 if name in context.drivers else 0.0]
    for_all = node.persistence.all_states
    keeps = [for_all] if for_all is not None else (node.persistence.by_state or {}).values()
    return [keep.value if isinstance(keep.value, int | float) else None for keep in keeps]


def possible_states(context: Context, name: str) -> frozenset[str]:
    """The states of a node that some draw can bring, if nothing is imposed: points can't bring one whose share is 0.

    All of them where the file doesn't tell, as where a part of it is at fault.
    """
    node, grid = context.node(name), context.grid
    states = frozenset(context.states(name) or ())
    if grid is None or node is None or isinstance(node, Numeric):
        return states
    own = _states_of_priors(context, node, states)
    forced = frozenset[str]().union(*(_positive_states(event.prior) for event in node.events.values() if event.prior))
    reached = (own if node.initial is None else _positive_states(node.initial)) | forced
    if not reached <= states:
        return states
    if grid.count == 1 or all(keep == 1 for keep in persistences(context, name, node)):
        return reached
    before = frozenset[str]()
    while reached != before:
        before = reached
        reached = reached.union(*(own.intersection(node.allowed.get(state, states)) for state in before))
    return reached


def is_never_drawn(context: Context, name: str, states: Iterable[str]) -> bool:
    """Whether a draw from a node's own priors could bring none of some states, whatever the present state."""
    node = context.node(name)
    assert node is not None
    assert not isinstance(node, Numeric)
    return _states_of_priors(context, node, frozenset(context.states(name) or ())).isdisjoint(states)


def _states_of_priors(context: Context, node: Categorical | Outcome, states: frozenset[str]) -> frozenset[str]:
    """The states that a draw from the node's own priors can bring, those of its rows among them."""
    parts = context.model.scenarios if isinstance(node, Outcome) else node.states
    given = {
        name: share
        for name, part in parts.items()
        if (share := getattr(part, "baseline" if isinstance(node, Outcome) else "prior")) is not None
    }
    rows = node.prior_given.values() if isinstance(node, Categorical) else ()
    from_rows = frozenset[str]().union(*(_positive_states(row.prior) for row in rows))
    if len(given) < len(states):  # none is given, or a fault is told: then they are equal, unless rows give all
        return states if given or not rows else from_rows
    return from_rows | _positive_states(given)


def _positive_states(shares: Mapping[str, Judgement]) -> frozenset[str]:
    return frozenset(name for name, share in shares.items() if name != DIRICHLET and share.span[1] > 0)
