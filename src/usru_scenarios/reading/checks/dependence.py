"""Within one step nothing may depend on itself, by however long a way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.model.schema import Categorical, Outcome
from usru_scenarios.names import OUTCOME
from usru_scenarios.reading.checks.context import Context, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from usru_scenarios.names import KeyPath

ParentPaths = dict[str, dict[str, "KeyPath"]]
"""For each node its same-step parents, with the place in the file that makes each one a parent."""


def same_step_parents(context: Context) -> ParentPaths:
    """Who depends on whom in the same step: influences, rows of `prior_given`, and rules without lag."""
    edges: ParentPaths = {name: {} for name in (*context.drivers, *context.consequences)}
    for name, path, node in context.nodes:
        if isinstance(node, Outcome):
            continue
        for parent in node.influences:
            edges[name].setdefault(parent, (*path, "influences", parent))
        if isinstance(node, Categorical):
            for key, row in node.prior_given.items():
                for parent in row.when:
                    edges[name].setdefault(parent, (*path, "prior_given", key, "when", parent))
    for rule_name, rule in context.model.rules.items():
        for target in rule.then if rule.lag == 0 else ():
            for parent in rule.when:
                if target in edges:
                    edges[target].setdefault(parent, ("rules", rule_name, "when", parent))
    return edges


def check_circles(context: Context) -> Iterator[Finding]:
    """The same-step graph has no circle; each one that it has is shown whole, once."""
    edges = _edges_of_circles(context, same_step_parents(context))
    shown: set[str] = set()
    for circle in _find_circles(edges):
        if shown.isdisjoint(circle):
            shown |= set(circle)
            yield _circle_finding(circle, edges)


def _edges_of_circles(context: Context, edges: ParentPaths) -> ParentPaths:
    """The edges that could be part of a circle: of a driver on a later node has been told elsewhere."""
    drivers = set(context.drivers)
    return {
        child: {
            parent: path
            for parent, path in parents.items()
            if parent in edges and parent != OUTCOME and (parent in drivers or child not in drivers)
        }
        for child, parents in edges.items()
    }


def _find_circles(edges: ParentPaths) -> Iterator[list[str]]:
    """Circles met on a walk through the graph, depth first and without recursion; every tangle is met at least once."""
    done: set[str] = set()
    for start in edges:
        trail: dict[str, None] = {}
        walk = [(start, iter(edges[start]))] if start not in done else []
        trail[start] = None
        while walk:
            node, parents = walk[-1]
            parent = next(parents, None)
            if parent is None:
                walk.pop()
                trail.pop(node)
                done.add(node)
            elif parent in trail:
                names = list(trail)
                yield names[names.index(parent) :]
            elif parent not in done:
                trail[parent] = None
                walk.append((parent, iter(edges[parent])))


def _circle_finding(circle: list[str], edges: ParentPaths) -> Finding:
    """Each name of the circle depends on the next, so that influence runs the other way."""
    first = circle[0]
    around = [first, *reversed(circle[1:]), first]
    path = edges[first][circle[1] if len(circle) > 1 else first]
    message = f"influences of one step go round in a circle: {' -> '.join(around)}"
    return Finding("cycle", message, path, "let one of them act with a lag: lagged_influences, or a rule with lag: 1")
