"""What is written but can never take effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.model.schema import Categorical, Numeric, Outcome
from usru_scenarios.model.values import Judgement
from usru_scenarios.names import HOLD, OUTCOME
from usru_scenarios.reading.checks.calendar import event_steps, redraw_step
from usru_scenarios.reading.checks.context import Context, Finding, NamedNode
from usru_scenarios.reading.checks.occurrence import drawn_steps, is_never_drawn, persistences, possible_states
from usru_scenarios.reading.schema_paths import describe_place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from usru_scenarios.model.schema import Condition
    from usru_scenarios.names import KeyPath
    from usru_scenarios.timeline import Grid


def check_rules_hold(context: Context) -> Iterator[Finding]:
    """A rule can hold at some step in some trial."""
    for name, rule in context.model.rules.items():
        path: KeyPath = ("rules", name)
        wanted = rule.required_count
        impossible = [node for node, condition in rule.when.items() if _is_impossible(context, node, condition)]
        if wanted > len(rule.when):
            message = f"rule '{name}' can never hold: it wants {wanted} of {len(rule.when)} conditions"
            yield Finding("rule_never_holds", message, (*path, "at_least"), of_key=False)
        elif wanted > len(rule.when) - len(impossible):
            place, condition = (*path, "when", impossible[0]), rule.when[impossible[0]]
            finding = _never_holds_finding(context, f"rule '{name}'", "rule_never_holds", place, condition)
            # what nothing draws can still be imposed; a number off its scale can't
            yield finding if condition.comparison is not None else replace(finding, severity="warning")
        elif rule.lag == 1 and context.grid is not None and context.grid.count == 1:
            message = f"rule '{name}' can never hold: it has lag: 1 and the model has one step"
            yield Finding("rule_never_holds", message, (*path, "lag"), of_key=False)
        if not rule.then:
            message = f"rule '{name}' gives no points, so it does nothing"
            yield Finding("empty_rule", message, (*path, "then"), severity="warning")


def _is_impossible(context: Context, node: str, condition: Condition) -> bool:
    """Whether a condition lies off the scale of a number, or wants states that nothing draws.

    Of a variant of the file, as under a profile or --set, only the former: who takes a state away there means to.
    """
    if condition.comparison is not None:
        scale = context.scale(node)
        return scale is not None and not any(map(condition.holds, scale))
    known = context.states(node)
    return (
        context.valid_base is None
        and known is not None
        and all(state in known for state in condition.states)
        and possible_states(context, node).isdisjoint(condition.states)
    )


def _never_holds_finding(context: Context, what: str, code: str, place: KeyPath, condition: Condition) -> Finding:
    """The finding that something can never hold because of its condition on the node that the path ends with."""
    node = place[-1]
    assert isinstance(node, str)
    if (scale := context.scale(node)) is not None:
        low, high = scale
        return Finding(code, f"{what} can never hold: '{node}' goes from {low:g} to {high:g}", place, of_key=False)
    who, states = "the scenario" if node == OUTCOME else f"'{node}'", " or ".join(condition.states)
    message = f"{what} can never hold, unless by an intervention: {who} is never {states}, which nothing draws"
    section = "drivers" if node in context.drivers else "consequences"
    path: KeyPath = ("scenarios",) if node == OUTCOME else (section, node, "states")
    joint_paths = (place, *((*path, state, "baseline" if node == OUTCOME else "prior") for state in condition.states))
    hint = f"give {'it' if len(condition.states) == 1 else 'one of them'} a share above 0, however small"
    if not is_never_drawn(context, node, condition.states):
        hint = f"no draw of {who} can go there: see its 'initial', 'persistence' and 'allowed'"
    return Finding(code, message, place, hint, of_key=False, joint_paths=joint_paths)


def check_rows_hold(context: Context) -> Iterator[Finding]:
    """A row of `prior_given` can hold."""
    for _, path, node in context.categorical_nodes():
        for key, row in node.prior_given.items() if isinstance(node, Categorical) else ():
            for parent, condition in row.when.items():
                if _is_impossible(context, parent, condition):
                    place = (*path, "prior_given", key, "when", parent)
                    finding = _never_holds_finding(context, "this row", "row_never_holds", place, condition)
                    yield replace(finding, severity="warning")


def check_weights_act(context: Context) -> Iterator[Finding]:
    """A weight has something to multiply."""
    for name, driver in context.model.drivers.items():
        if driver.weight is not None and not any(driver.impacts.values()):
            message = f"the weight of '{name}' does nothing: it has no impacts on the scenarios"
            yield Finding("idle_weight", message, ("drivers", name, "weight"), severity="warning")
    for name, rule in context.model.rules.items():
        if rule.weight is not None and OUTCOME not in rule.then:
            message = f"the weight of rule '{name}' does nothing: the rule gives nothing to the scenarios"
            yield Finding("idle_weight", message, ("rules", name, "weight"), severity="warning")


def check_drivers_act(context: Context) -> Iterator[Finding]:
    """A driver has impacts, or something reads it."""
    read: set[str] = set()
    for _, _, node in context.nodes:
        for section in ("influences", "lagged_influences"):
            read.update(parent for parent, rows in getattr(node, section, {}).items() if rows)
        for row in node.prior_given.values() if isinstance(node, Categorical) else ():
            read.update(row.when)
    read.update(name for rule in context.model.rules.values() for name in rule.when if rule.then)
    for name, driver in context.model.drivers.items():
        if name not in read and not any(driver.impacts.values()):
            message = f"the driver '{name}' acts on nothing: it has no impacts, and nothing depends on it"
            yield Finding("idle_driver", message, ("drivers", name), severity="warning")


def check_priors_are_used(context: Context) -> Iterator[Finding]:
    """A node's own priors are drawn from at some step."""
    grid = context.grid
    for name, path, node in context.categorical_nodes() if grid is not None else ():
        assert grid is not None
        own = _path_of_priors(context, path, node)
        forced = {redraw_step(grid, event) for event in node.events.values()}
        if own is None or drawn_steps(context, grid, name, node) - forced:
            continue
        why = (
            _explain_never_drawn(name, frozenset(), grid)
            if node.initial is not None
            else "events decide every step that is drawn"
        )
        whose = "baselines of the scenarios" if name == OUTCOME else f"priors of '{name}'"
        message = f"the {whose} are never used: {why}"
        yield Finding("idle_priors", message, own, _HINT_FOR_PRIORS, severity="warning")


def _path_of_priors(context: Context, path: KeyPath, node: Categorical | Outcome) -> KeyPath | None:
    """Where the priors of a node stand, if it says any."""
    if isinstance(node, Outcome):
        given = any(scenario.baseline is not None for scenario in context.model.scenarios.values())
        return ("scenarios",) if given else None
    if any(state.prior is not None for state in node.states.values()):
        return (*path, "states")
    return (*path, "prior_given") if node.prior_given else None


_HINT_FOR_PRIORS = "take them or 'initial' away, or give the node a persistence below 1"


# Points


_HINT_FOR_POINTS = "give the node a persistence below 1, or an event with a prior"


def check_points_act(context: Context) -> Iterator[Finding]:
    """Points act on draws: a node that is drawn at some steps only, or never again, does not depend on all of them."""
    grid = context.grid
    if grid is None:
        return
    for named in context.nodes:
        if isinstance(named.node, Numeric):
            drawn = frozenset(range(grid.count))
        else:
            drawn = drawn_steps(context, grid, named.name, named.node)
            yield from _check_events_act(grid, named.path, named.node, drawn)
            yield from _check_holds_act(context, grid, named.name, named.path)
        yield from _check_parents_act(context, named, drawn, _explain_never_drawn(named.name, drawn, grid))


def _explain_never_drawn(name: str, drawn: frozenset[int], grid: Grid) -> str:
    who = "the outcome" if name == OUTCOME else f"'{name}'"
    if not drawn and grid.count == 1:
        return f"'initial' decides {who} at the only step"
    if not drawn:
        return f"'initial' decides {who} at the first step, and it is kept from then on"
    return f"{who} is drawn at the first step and kept from then on"


def _check_parents_act(context: Context, named: NamedNode, drawn: frozenset[int], why: str) -> Iterator[Finding]:
    steps = context.grid.count if context.grid else 1
    acts = {"influences": bool(drawn), "lagged_influences": bool(drawn - {0})}
    for section, does in acts.items():
        if not does and _has_points(getattr(named.node, section, {})):
            yield _idle_points_finding((*named.path, section), why, steps, lagged=section == "lagged_influences")
    for rule_name, rule in context.rules_by_target.get(named.name, ()):
        # A rule with a lag has been refused already where there is one step.
        if not acts["lagged_influences" if rule.lag else "influences"] and steps > rule.lag:
            yield _idle_points_finding(("rules", rule_name, "then", named.name), why, steps, lagged=rule.lag == 1)
    if named.name == OUTCOME and not drawn:
        for driver_name, driver in context.model.drivers.items():
            if _has_points(driver.impacts):
                yield _idle_points_finding(("drivers", driver_name, "impacts"), why, steps, lagged=False)


def _has_points(points: Mapping[str, object]) -> bool:
    """Whether there are points other than 0, for something else than `hold`."""
    return any(
        _has_points(entry)
        if isinstance(entry, dict)
        else key != HOLD and isinstance(entry, Judgement) and entry.mean != 0
        for key, entry in points.items()
    )


def _idle_points_finding(path: KeyPath, why: str, steps: int, *, lagged: bool) -> Finding:
    reason = "the model has one step" if lagged and steps == 1 else why
    message = f"the points in {describe_place(path)} never act: {reason}"
    return Finding("points_never_act", message, path, _HINT_FOR_POINTS if steps > 1 else "", severity="warning")


def _check_events_act(
    grid: Grid, path: KeyPath, node: Categorical | Outcome, drawn: frozenset[int]
) -> Iterator[Finding]:
    for key, event in node.events.items():
        covered = event_steps(grid, event)
        if covered is None or not _has_points(event.points or {}) or drawn.intersection(covered):
            continue
        # That `initial` hides the first step is told of every such window.
        if node.initial is None or 0 not in covered:
            message = "the points of this event never act: nothing is drawn at the steps that they cover"
            place = (*path, "events", key, "points")
            yield Finding(
                "points_never_act", message, place, _HINT_FOR_POINTS if grid.count > 1 else "", severity="warning"
            )


def _check_holds_act(context: Context, grid: Grid, name: str, path: KeyPath) -> Iterator[Finding]:
    """Points for `hold` act on the odds of keeping a state, which for a persistence of 0 or 1 are fixed."""
    node = context.node(name)
    if node is None or isinstance(node, Numeric):
        return
    keeps = persistences(context, name, node)
    if grid.count > 1 and not all(keep in (0, 1) for keep in keeps):
        return
    why = f"its persistence is {keeps[0]:g}" if grid.count > 1 else "the model has one step"
    if place := next(_paths_of_holds(context, name, path), None):
        message = f"points for the hold of {'the outcome' if name == OUTCOME else repr(name)} never act: {why}"
        hint = "only a persistence between 0 and 1 can be moved" if grid.count > 1 else ""
        yield Finding("points_never_act", message, place, hint, severity="warning")


def _paths_of_holds(context: Context, name: str, path: KeyPath) -> Iterator[KeyPath]:
    """The places where a node is given points for `hold`."""
    node = context.node(name)
    for section in ("influences", "lagged_influences"):
        yield from _paths_of_holds_in((*path, section), getattr(node, section, {}))
    for key, event in node.events.items() if node else ():
        if isinstance(event.points, dict):
            yield from _paths_of_holds_in((*path, "events", key, "points"), event.points)
    for rule_name, rule in context.rules_by_target.get(name, ()):
        if isinstance(points := rule.then.get(name), dict):
            yield from _paths_of_holds_in(("rules", rule_name, "then", name), points)
    if name == OUTCOME:
        for driver_name, driver in context.model.drivers.items():
            yield from _paths_of_holds_in(("drivers", driver_name, "impacts"), driver.impacts)


def _paths_of_holds_in(path: KeyPath, points: Mapping[str, object]) -> Iterator[KeyPath]:
    for key, entry in points.items():
        if isinstance(entry, dict):
            yield from _paths_of_holds_in((*path, key), entry)
        elif key == HOLD and isinstance(entry, Judgement) and entry.mean != 0:
            yield (*path, key)
