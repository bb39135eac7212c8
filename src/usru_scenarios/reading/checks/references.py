"""Every name that is used must be given somewhere, mean one thing, and be of the right kind."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from usru_scenarios.limits import MOST_STATES
from usru_scenarios.model.judgements import citations
from usru_scenarios.model.schema import Categorical, Condition, Numeric, NumericDriver, Rule
from usru_scenarios.model.values import Judgement
from usru_scenarios.names import DIRICHLET, HOLD, OUTCOME
from usru_scenarios.problems import list_choices, suggest_name
from usru_scenarios.reading.checks.context import Context, Finding
from usru_scenarios.reading.schema_paths import NOUNS, describe_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from usru_scenarios.model.values import Shares
    from usru_scenarios.names import KeyPath

_LEAST_GAP = 1e-9
"""The least distance between two knots, as a share of the scale: below it the slope between them means nothing."""

_NAMESPACE = ("scenarios", "groups", "drivers", "rules", "consequences")


def one_namespace(context: Context) -> Iterator[Finding]:
    """Drivers, rules, scenarios, groups and consequences have different names."""
    first: dict[str, str] = {}
    for section in _NAMESPACE:
        for name in context.names(section):
            if name in first:
                nouns = f"a {NOUNS[first[name]]} and a {NOUNS[section]}"
                message = f"the name '{name}' is given to both {nouns}"
                yield Finding("name_clash", message, (section, name), "rename one", also=(first[name], name))
            first.setdefault(name, section)


def _unknown(code: str, noun: str, name: str, path: KeyPath, known: Iterable[str], *, whose: str = "") -> Finding:
    """The finding that a name is unknown, with the nearest known one."""
    message = f"unknown {noun} '{name}' in {describe_place(path[:-1])}"
    return Finding(code, message, path, _likely(name, tuple(known)), refers=(whose, name))


def _likely(name: str, known: Iterable[str]) -> Callable[[], str]:
    """The known name nearest to another, or else all of them, once that is shown."""
    return lambda: suggest_name(name, known) or list_choices(known)


# Who may be whose parent


def influences(context: Context) -> Iterator[Finding]:
    """Influences name drivers and their states, and give points to states of their own node."""
    for name, path, node in context.nodes:
        if isinstance(node, Categorical | Numeric):
            for parent, rows in node.influences.items():
                if parent not in context.drivers and _are_drivers(context, parent, rows):
                    message = f"in influences of '{name}' the driver comes first, then its state"
                    yield _turned(context, message, (*path, "influences", parent))
                    continue
                yield from _same_step_parent(context, parent, name, (*path, "influences", parent))
                yield from _rows(context, parent, name, rows, (*path, "influences", parent))
        for parent, rows in node.lagged_influences.items():
            place = (*path, "lagged_influences", parent)
            yield from _any_node(context, parent, place)
            yield from _rows(context, parent, name, rows, place)


def _are_drivers(context: Context, state: str, rows: Mapping[str, Any]) -> bool:
    """Whether rows stand below drivers which all have the state that stands above them."""
    return bool(rows) and all(name in context.drivers and state in (context.states(name) or ()) for name in rows)


def _same_step_parent(context: Context, parent: str, child: str, path: KeyPath) -> Iterator[Finding]:
    """A driver depends in the same step on drivers only; a consequence also on the outcome and on consequences."""
    of_consequence = child in context.consequences
    if parent in context.drivers or (of_consequence and (parent == OUTCOME or parent in context.consequences)):
        return
    if parent == OUTCOME or parent in context.consequences:
        code = "depends_on_outcome" if parent == OUTCOME else "depends_on_consequence"
        later = "the outcome" if parent == OUTCOME else f"the consequence '{parent}'"
        what = "the outcome" if child == OUTCOME else f"the driver '{child}'"
        message = f"{later} is drawn after {what}, which can't depend on it in the same step"
        if parent == child:
            message = f"{what} can't depend on itself in the same step"
        yield Finding(code, message, path, "let it depend on the step before: lagged_influences, or a rule with lag: 1")
        return
    known = context.all_nodes if of_consequence else context.drivers
    yield _unknown_node(context, parent, path, known)


def _any_node(context: Context, name: str, path: KeyPath) -> Iterator[Finding]:
    if name not in context.all_nodes:
        yield _unknown_node(context, name, path, context.all_nodes)


def _unknown_node(context: Context, name: str, path: KeyPath, known: Iterable[str]) -> Finding:
    if name in context.scenarios:
        hint = f"'{name}' is a scenario: write 'scenario', and '{name}' as its state"
        message = f"unknown driver '{name}' in {describe_place(path[:-1])}"
        return Finding("unknown_driver", message, path, hint, of_key=True)
    return _unknown("unknown_driver", "driver", name, path, known)


def _rows(context: Context, parent: str, child: str, rows: Mapping[str, Any], path: KeyPath) -> Iterator[Finding]:
    turned = _turned_round(context, rows, parent, context.states(child) or ())
    message = f"in {describe_place(path[:-1])} the state of '{parent}' comes first, then that of '{child}'"
    yield from _turned_rows(context, message, path, turned, rows)
    rows = _but(rows, turned)
    yield from _parent_states(context, parent, rows, path)
    for state, points in rows.items():
        if isinstance(points, dict):
            yield from _targets(context, child, points, (*path, state))


def _parent_states(context: Context, parent: str, rows: Iterable[str], path: KeyPath) -> Iterator[Finding]:
    if context.is_numeric(parent):
        yield from _knots(context, parent, rows, path)
        return
    states = context.states(parent)
    for state in rows if states is not None else ():
        if states is not None and state not in states:
            yield _unknown_state(parent, state, (*path, state), states)


def _unknown_state(node: str, state: str, path: KeyPath, states: Iterable[str]) -> Finding:
    if node == OUTCOME:
        return _unknown("unknown_scenario", "scenario", state, path, states, whose=OUTCOME)
    where = describe_place(path[:-1])
    own = "" if where.endswith(f"'{node}'") else f" of '{node}'"
    message = f"unknown state '{state}'{own} in {where}"
    return Finding("unknown_state", message, path, _likely(state, states), refers=(node, state))


def _knots(context: Context, parent: str, rows: Iterable[str], path: KeyPath) -> Iterator[Finding]:
    """Under a numeric node stand knots: different numbers on its scale."""
    scale, seen = context.scale(parent), dict[float, str]()
    for text in rows:
        try:
            knot = float(text)
        except ValueError:
            message = f"'{text}' is not a number: the points of the numeric '{parent}' stand at knots on its scale"
            yield Finding("not_a_knot", message, (*path, text), "such as {0.0: {...}, 1.0: {...}}")
            continue
        if knot in seen:
            message = f"the knot {text} of '{parent}' stands here a second time, the first as {seen[knot]}"
            yield Finding("duplicate_knot", message, (*path, text))
        elif scale and not scale[0] <= knot <= scale[1]:
            message = f"the knot {text} lies outside the range of '{parent}', which is {scale[0]:g} to {scale[1]:g}"
            yield Finding("knot_off_range", message, (*path, text))
        seen.setdefault(knot, text)
    if scale:
        for (lower, below), (upper, above) in pairwise(sorted(seen.items())):
            if upper - lower < _LEAST_GAP * (scale[1] - scale[0]):
                message = f"the knots {below} and {above} of '{parent}' are too close: no slope lies between them"
                yield Finding("duplicate_knot", message, (*path, above), "one of them, or a number further away")


def _targets(context: Context, node: str, points: Iterable[str], path: KeyPath) -> Iterator[Finding]:
    """Points are for states of the node, or for `hold`."""
    states = context.states(node)
    for state in points:
        if states is not None and state != HOLD and state not in states:
            yield _unknown_state(node, state, (*path, state), (*states, HOLD))


def impacts(context: Context) -> Iterator[Finding]:
    """Impacts stand under the driver's own states or knots, and are on scenarios."""
    for name, driver in context.model.drivers.items():
        path: KeyPath = ("drivers", name, "impacts")
        turned = _turned_round(context, driver.impacts, name, context.scenarios)
        message = f"in impacts of '{name}' the state comes first, then the scenario"
        yield from _turned_rows(context, message, path, turned, driver.impacts)
        impacts = _but(driver.impacts, turned)
        if isinstance(driver, NumericDriver):
            yield from _knots(context, name, impacts, path)
        else:
            yield from _parent_states(context, name, impacts, path)
        for state, points in impacts.items():
            yield from _targets(context, OUTCOME, points, (*path, state))


def _but(entries: Mapping[str, Any], left_out: Iterable[str]) -> dict[str, Any]:
    return {name: entry for name, entry in entries.items() if name not in left_out}


def _turned_round(context: Context, rows: Mapping[str, Any], node: str, outer: Iterable[str]) -> list[str]:
    """The keys of rows which have the two names of points in the other order: what belongs inside stands outside."""
    states = context.states(node) or ()
    return [
        key
        for key, row in rows.items()
        if key not in states and key in outer and isinstance(row, dict) and row and all(name in states for name in row)
    ]


def _turned_rows(
    context: Context, message: str, path: KeyPath, turned: list[str], rows: Mapping[str, Any]
) -> Iterator[Finding]:
    """Rows of points whose two names stand in the wrong order: one finding where the right rows have keys in common."""
    right: dict[str, dict[str, Any]] = {}
    for key in turned:
        for outer, points in rows[key].items():
            right.setdefault(outer, {})[key] = points
    if len(turned) == len(rows) and len(right) < sum(len(rows[key]) for key in turned):
        yield Finding("names_turned_round", message, path, instead={path[-1]: _other_way(_data_at(context, path))})
    else:
        yield from (_turned(context, message, (*path, key)) for key in turned)


def _turned(context: Context, message: str, path: KeyPath) -> Finding:
    """That two names stand in the wrong order, with the right one."""
    return Finding("names_turned_round", message, path, instead=_other_way({path[-1]: _data_at(context, path)}))


def _data_at(context: Context, path: KeyPath) -> Any:
    found: Any = context.data
    for key in path:
        found = found[key] if isinstance(found, dict) else {}
    return found


def _other_way(rows: dict[str | int, Any]) -> dict[str, Any]:
    """Rows with their two names in the other order."""
    right: dict[str, Any] = {}
    for outer, row in rows.items():
        for inner, value in row.items():
            right.setdefault(inner, {})[outer] = value
    return right


# Shares, persistence, allowed moves, events


def own_states(context: Context) -> Iterator[Finding]:
    """What a node says of its states is about states that it has."""
    for name, path, node in context.categorical():
        yield from _states_of(context, name, _shared(node.initial), (*path, "initial"))
        by_state = (node.persistence and node.persistence.by_state) or {}
        named = [state for state in by_state if state != "default"]
        yield from _states_of(context, name, named, (*path, "persistence"))
        yield from _states_of(context, name, node.allowed, (*path, "allowed"))
        for state, targets in node.allowed.items():
            for index, target in enumerate(targets):
                yield from _states_of(context, name, [target], (*path, "allowed", state), item=index)
        for key, event in node.events.items():
            yield from _states_of(context, name, _shared(event.prior), (*path, "events", key, "prior"))
            yield from _targets(context, name, event.points or (), (*path, "events", key, "points"))


def _shared(shares: Shares | None) -> list[str]:
    """The states that a map of shares names."""
    return [name for name in shares or () if name != DIRICHLET]


def _states_of(
    context: Context, node: str, names: Iterable[str], path: KeyPath, item: int | None = None
) -> Iterator[Finding]:
    states = context.states(node)
    for name in names:
        if states is not None and name not in states:
            below = (*path, name if item is None else item)
            yield _unknown_state(node, name, below, states)


def prior_rows(context: Context) -> Iterator[Finding]:
    """Rows of `prior_given` ask same-step parents for states that they have."""
    for name, path, node in context.nodes:
        if not isinstance(node, Categorical):
            continue
        for key, row in node.prior_given.items():
            place = (*path, "prior_given", key)
            for parent, condition in row.when.items():
                yield from _same_step_parent(context, parent, name, (*place, "when", parent))
                yield from _condition(context, parent, condition, (*place, "when", parent))
            yield from _states_of(context, name, _shared(row.prior), (*place, "prior"))


def _condition(context: Context, node: str, condition: Condition, path: KeyPath) -> Iterator[Finding]:
    """A state is asked of a categorical node, a comparison of a numeric one."""
    if context.is_numeric(node):
        if condition.comparison is None:
            message = f"'{node}' is numeric and has no states; compare it with a number"
            yield Finding("state_of_numeric", message, path, 'such as "> 0.7"', of_key=False)
        return
    states = context.states(node)
    if states is None:
        return
    if condition.comparison is not None:
        message = f"'{node}' has states and can't be compared with a number"
        yield Finding("comparison_of_states", message, path, list_choices(states), of_key=False)
    for index, state in enumerate(condition.states):
        if state not in states:
            yield _unknown_condition(node, state, (*path, index), states)


def _unknown_condition(node: str, state: str, path: KeyPath, states: Iterable[str]) -> Finding:
    noun, code = ("scenario", "unknown_scenario") if node == OUTCOME else ("state", "unknown_state")
    own = "" if node == OUTCOME else f" of '{node}'"
    message = f"unknown {noun} '{state}'{own} in {describe_place(path[:-2])}"
    return Finding(code, message, path, _likely(state, states), of_key=False, refers=(node, state))


# Rules


def rules(context: Context) -> Iterator[Finding]:
    """Rules ask nodes for what they have, and give points to nodes that may depend on them."""
    for name, rule in context.model.rules.items():
        path: KeyPath = ("rules", name)
        for node, condition in rule.when.items():
            yield from _any_node(context, node, (*path, "when", node))
            yield from _condition(context, node, condition, (*path, "when", node))
        for target, points in rule.then.items():
            if target not in context.all_nodes and isinstance(points, Judgement) and target in context.scenarios:
                message = f"'{target}' is a scenario, and a rule gives points to 'scenario' for it"
                written = context.data["rules"][name]["then"][target]
                yield Finding("unknown_driver", message, (*path, "then", target), instead={OUTCOME: {target: written}})
                continue
            yield from _any_node(context, target, (*path, "then", target))
            yield from _given(context, target, points, (*path, "then", target))
        if rule.lag == 0:
            yield from _same_step_rule(context, rule, path)


_MOST_OPEN = MOST_STATES - 3
"""While a rule's conditions are counted, at most so many numbers of conditions may be left open."""


def long_rules(context: Context) -> Iterator[Finding]:
    """The conditions of a rule can be counted: see `auxiliary.at_least_chain`."""
    for name, rule in context.model.rules.items():
        wanted = rule.required_count
        if min(wanted, len(rule.when) - wanted) > _MOST_OPEN:
            message = f"rule '{name}' counts up to {wanted} of {len(rule.when)} conditions, too many to follow"
            hint = f"all but {_MOST_OPEN} of them, or at most {_MOST_OPEN}, can be asked for"
            yield Finding("too_many_conditions", message, ("rules", name, "at_least"), hint, of_key=False)


def _same_step_rule(context: Context, rule: Rule, path: KeyPath) -> Iterator[Finding]:
    targets = [target for target in rule.then if target in context.all_nodes]
    for node in rule.when:
        if node not in context.all_nodes:
            continue
        # One finding for each condition is enough, though several targets may forbid it.
        if found := next(
            (fault for target in targets for fault in _same_step_rule_edge(context, node, target, path)), None
        ):
            yield found


def _same_step_rule_edge(context: Context, node: str, target: str, path: KeyPath) -> Iterator[Finding]:
    if node == target == OUTCOME or (target == OUTCOME and node in context.consequences) or target in context.drivers:
        yield from _same_step_parent(context, node, target, (*path, "when", node))


def _given(context: Context, target: str, points: object, path: KeyPath) -> Iterator[Finding]:
    numeric = context.is_numeric(target)
    if isinstance(points, dict):
        if numeric:
            message = f"'{target}' is numeric and has no states: the rule gives it one number, up (+) or down (-)"
            yield Finding("points_of_numeric", message, path, f"such as {target}: 1")
        else:
            yield from _targets(context, target, points, path)
    elif isinstance(points, Judgement) and not numeric and (states := context.states(target)):
        noun = "scenario" if target == OUTCOME else "state"
        message = f"the rule gives '{target}' one number; say for which {noun}"
        yield Finding(
            "points_without_state", message, path, f"such as {target}: {{{next(iter(states))}: {points.mean:g}}}"
        )


# Profiles, groups and claims


def profiles(context: Context) -> Iterator[Finding]:
    """A profile leaves alone what the file is made of."""
    for name, profile in context.model.profiles.items():
        for key in ("usru", "extends", "profiles"):
            if key in profile.overrides:
                yield Finding(
                    "not_for_profiles", f"a profile can't change '{key}'", ("profiles", name, "overrides", key)
                )


def groups(context: Context) -> Iterator[Finding]:
    """Groups have members, which are different scenarios."""
    for name, members in context.model.groups.items():
        if not members:
            yield Finding("empty_group", f"the group '{name}' has no members", ("groups", name))
        for index, member in enumerate(members):
            path: KeyPath = ("groups", name, index)
            if context.scenarios and member not in context.scenarios:
                hint = _likely(member, context.scenarios)
                message = f"unknown scenario '{member}' in group '{name}'"
                yield Finding("unknown_scenario", message, path, hint, refers=(OUTCOME, member))
            elif member in members[:index]:
                yield Finding("duplicate_member", f"'{member}' is named twice in group '{name}'", path)


def claims(context: Context) -> Iterator[Finding]:
    """Every claim that is cited stands in the register."""
    if context.register is None:
        return
    near: dict[tuple[str, str], str] = {}
    for path, claim in citations(context.fresh()):
        if claim in context.register:
            continue
        near = near or {_bare_id(name): name for name in sorted(context.register.claims, reverse=True)}
        other = near.get(_bare_id(claim))
        hint = f"did you mean '{other}'?" if other else f"the register '{context.register_name}' has no such id"
        message = f"unknown claim '{claim}' in {describe_place(path)}"
        yield Finding("unknown_claim", message, path, hint, of_key=False)


def _bare_id(claim: str) -> tuple[str, str]:
    """Ids are short and all alike: near is what differs in case or in leading zeros only."""
    letters = claim.rstrip("0123456789")
    return letters.upper(), claim[len(letters) :].lstrip("0")
