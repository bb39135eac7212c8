"""Every name that is used must be given somewhere, mean one thing, and be of the right kind."""

from __future__ import annotations

from itertools import islice, pairwise
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


def check_names_differ(context: Context) -> Iterator[Finding]:
    """Drivers, rules, scenarios, groups and consequences have different names."""
    first: dict[str, str] = {}
    for section in _NAMESPACE:
        for name in context.names(section):
            if name in first:
                nouns = f"a {NOUNS[first[name]]} and a {NOUNS[section]}"
                message = f"the name '{name}' is given to both {nouns}"
                yield Finding("name_clash", message, (section, name), "rename one", related_path=(first[name], name))
            first.setdefault(name, section)


def _unknown_finding(
    code: str, noun: str, name: str, path: KeyPath, known: Iterable[str], *, whose: str = ""
) -> Finding:
    """The finding that a name is unknown, with the nearest known one; `whose` as in `Finding.unknown_name`."""
    message = f"unknown {noun} '{name}' in {describe_place(path[:-1])}"
    return Finding(code, message, path, _lazy_hint(name, tuple(known)), unknown_name=(whose, name))


def _lazy_hint(name: str, known: Iterable[str]) -> Callable[[], str]:
    """A function that gives the hint with the known name nearest to another, or else with all of them."""
    return lambda: suggest_name(name, known) or list_choices(known)


# Who may be whose parent


def check_influences(context: Context) -> Iterator[Finding]:
    """Influences name drivers and their states, and give points to states of their own node."""
    for name, path, node in context.nodes:
        if isinstance(node, Categorical | Numeric):
            for parent, rows in node.influences.items():
                if parent not in context.drivers and _are_swapped_with(context, parent, rows):
                    message = f"in influences of '{name}' the driver comes first, then its state"
                    yield _swapped_finding(context, message, (*path, "influences", parent))
                    continue
                yield from _check_same_step_parent(context, parent, name, (*path, "influences", parent))
                yield from _check_influence_rows(context, parent, name, rows, (*path, "influences", parent))
        for parent, rows in node.lagged_influences.items():
            place = (*path, "lagged_influences", parent)
            yield from _check_node(context, parent, place)
            yield from _check_influence_rows(context, parent, name, rows, place)


def _are_swapped_with(context: Context, state: str, rows: Mapping[str, Any]) -> bool:
    """Whether rows stand below drivers which all have the state that stands above them."""
    return bool(rows) and all(name in context.drivers and state in (context.states(name) or ()) for name in rows)


def _check_same_step_parent(context: Context, parent: str, child: str, path: KeyPath) -> Iterator[Finding]:
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


def _check_node(context: Context, name: str, path: KeyPath) -> Iterator[Finding]:
    if name not in context.all_nodes:
        yield _unknown_node(context, name, path, context.all_nodes)


def _unknown_node(context: Context, name: str, path: KeyPath, known: Iterable[str]) -> Finding:
    if name in context.scenarios:
        hint = f"'{name}' is a scenario: write 'scenario', and '{name}' as its state"
        message = f"unknown driver '{name}' in {describe_place(path[:-1])}"
        return Finding("unknown_driver", message, path, hint, of_key=True)
    return _unknown_finding("unknown_driver", "driver", name, path, known)


def _check_influence_rows(
    context: Context, parent: str, child: str, rows: Mapping[str, Any], path: KeyPath
) -> Iterator[Finding]:
    swapped = _swapped_keys(context, rows, parent, context.states(child) or ())
    message = f"in {describe_place(path[:-1])} the state of '{parent}' comes first, then that of '{child}'"
    yield from _report_swapped_rows(context, message, path, swapped, rows)
    rows = {state: points for state, points in rows.items() if state not in swapped}
    yield from _check_row_keys(context, parent, rows, path)
    for state, points in rows.items():
        if isinstance(points, dict):
            yield from _check_targets(context, child, points, (*path, state))


def _check_row_keys(context: Context, parent: str, rows: Iterable[str], path: KeyPath) -> Iterator[Finding]:
    if context.is_numeric(parent):
        yield from _check_knots(context, parent, rows, path)
        return
    states = context.states(parent)
    for state in rows if states is not None else ():
        if states is not None and state not in states:
            yield _unknown_state(parent, state, (*path, state), states)


def _unknown_state(node: str, state: str, path: KeyPath, states: Iterable[str]) -> Finding:
    if node == OUTCOME:
        return _unknown_finding("unknown_scenario", "scenario", state, path, states, whose=OUTCOME)
    where = describe_place(path[:-1])
    own = "" if where.endswith(f"'{node}'") else f" of '{node}'"
    message = f"unknown state '{state}'{own} in {where}"
    return Finding("unknown_state", message, path, _lazy_hint(state, states), unknown_name=(node, state))


def _check_knots(context: Context, parent: str, rows: Iterable[str], path: KeyPath) -> Iterator[Finding]:
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


def _check_targets(context: Context, node: str, points: Iterable[str], path: KeyPath) -> Iterator[Finding]:
    """Points are for states of the node, or for `hold`."""
    states = context.states(node)
    for state in points:
        if states is not None and state != HOLD and state not in states:
            yield _unknown_state(node, state, (*path, state), (*states, HOLD))


def check_impacts(context: Context) -> Iterator[Finding]:
    """Impacts stand under the driver's own states or knots, and are on scenarios."""
    for name, driver in context.model.drivers.items():
        path: KeyPath = ("drivers", name, "impacts")
        swapped = _swapped_keys(context, driver.impacts, name, context.scenarios)
        message = f"in impacts of '{name}' the state comes first, then the scenario"
        yield from _report_swapped_rows(context, message, path, swapped, driver.impacts)
        impacts = {state: points for state, points in driver.impacts.items() if state not in swapped}
        if isinstance(driver, NumericDriver):
            yield from _check_knots(context, name, impacts, path)
        else:
            yield from _check_row_keys(context, name, impacts, path)
        for state, points in impacts.items():
            yield from _check_targets(context, OUTCOME, points, (*path, state))


def _swapped_keys(context: Context, rows: Mapping[str, Any], node: str, outer: Iterable[str]) -> list[str]:
    """The keys of rows of points whose two names are swapped: what belongs inside stands outside."""
    states = context.states(node) or ()
    return [
        key
        for key, row in rows.items()
        if key not in states and key in outer and isinstance(row, dict) and row and all(name in states for name in row)
    ]


def _report_swapped_rows(
    context: Context, message: str, path: KeyPath, swapped: list[str], rows: Mapping[str, Any]
) -> Iterator[Finding]:
    """Rows of points whose two names are swapped: one finding where the right rows have keys in common."""
    inner = [name for key in swapped for name in rows[key]]
    if len(swapped) == len(rows) and len(set(inner)) < len(inner):
        yield Finding(
            "names_turned_round", message, path, replacement={path[-1]: _swap_nesting(_value_at(context, path))}
        )
    else:
        yield from (_swapped_finding(context, message, (*path, key)) for key in swapped)


def _swapped_finding(context: Context, message: str, path: KeyPath) -> Finding:
    """The finding that two names are swapped, with the right order."""
    return Finding("names_turned_round", message, path, replacement=_swap_nesting({path[-1]: _value_at(context, path)}))


def _value_at(context: Context, path: KeyPath) -> Any:
    value: Any = context.data
    for key in path:
        value = value[key] if isinstance(value, dict) else {}
    return value


def _swap_nesting(rows: dict[str | int, Any]) -> dict[str, Any]:
    """Rows with their two names in the other order."""
    swapped: dict[str, Any] = {}
    for outer, row in rows.items():
        for inner, value in row.items():
            swapped.setdefault(inner, {})[outer] = value
    return swapped


# Shares, persistence, allowed moves, events


def check_own_states(context: Context) -> Iterator[Finding]:
    """What a node says of its states is about states that it has."""
    for name, path, node in context.categorical_nodes():
        yield from _check_states(context, name, _shared(node.initial), (*path, "initial"))
        by_state = (node.persistence and node.persistence.by_state) or {}
        named = [state for state in by_state if state != "default"]
        yield from _check_states(context, name, named, (*path, "persistence"))
        yield from _check_states(context, name, node.allowed, (*path, "allowed"))
        for state, targets in node.allowed.items():
            for index, target in enumerate(targets):
                yield from _check_states(context, name, [target], (*path, "allowed", state), item=index)
        for key, event in node.events.items():
            yield from _check_states(context, name, _shared(event.prior), (*path, "events", key, "prior"))
            yield from _check_targets(context, name, event.points or (), (*path, "events", key, "points"))


def _shared(shares: Shares | None) -> list[str]:
    """The states that a map of shares names."""
    return [name for name in shares or () if name != DIRICHLET]


def _check_states(
    context: Context, node: str, names: Iterable[str], path: KeyPath, item: int | None = None
) -> Iterator[Finding]:
    states = context.states(node)
    for name in names:
        if states is not None and name not in states:
            below = (*path, name if item is None else item)
            yield _unknown_state(node, name, below, states)


def check_prior_rows(context: Context) -> Iterator[Finding]:
    """Rows of `prior_given` ask same-step parents for states that they have."""
    for name, path, node in context.nodes:
        if not isinstance(node, Categorical):
            continue
        for key, row in node.prior_given.items():
            place = (*path, "prior_given", key)
            for parent, condition in row.when.items():
                yield from _check_same_step_parent(context, parent, name, (*place, "when", parent))
                yield from _check_condition(context, parent, condition, (*place, "when", parent))
            yield from _check_states(context, name, _shared(row.prior), (*place, "prior"))


def _check_condition(context: Context, node: str, condition: Condition, path: KeyPath) -> Iterator[Finding]:
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
    return Finding(code, message, path, _lazy_hint(state, states), of_key=False, unknown_name=(node, state))


# Rules


def check_rules(context: Context) -> Iterator[Finding]:
    """Rules ask nodes for what they have, and give points to nodes that may depend on them."""
    for name, rule in context.model.rules.items():
        path: KeyPath = ("rules", name)
        for node, condition in rule.when.items():
            yield from _check_node(context, node, (*path, "when", node))
            yield from _check_condition(context, node, condition, (*path, "when", node))
        for target, points in rule.then.items():
            if target not in context.all_nodes and isinstance(points, Judgement) and target in context.scenarios:
                message = f"'{target}' is a scenario, and a rule gives points to 'scenario' for it"
                written = context.data["rules"][name]["then"][target]
                yield Finding(
                    "unknown_driver", message, (*path, "then", target), replacement={OUTCOME: {target: written}}
                )
                continue
            yield from _check_node(context, target, (*path, "then", target))
            yield from _check_rule_points(context, target, points, (*path, "then", target))
        if rule.lag == 0:
            yield from _check_same_step_rule(context, rule, path)


_MOST_OPEN_COUNTS = MOST_STATES - 3
"""While a rule's conditions are counted, at most so many numbers of conditions may be left open."""


def check_rule_length(context: Context) -> Iterator[Finding]:
    """The conditions of a rule can be counted: see `auxiliary.at_least_chain`."""
    for name, rule in context.model.rules.items():
        wanted = rule.required_count
        if min(wanted, len(rule.when) - wanted) > _MOST_OPEN_COUNTS:
            message = f"rule '{name}' counts up to {wanted} of {len(rule.when)} conditions, too many to follow"
            hint = f"all but {_MOST_OPEN_COUNTS} of them, or at most {_MOST_OPEN_COUNTS}, can be asked for"
            yield Finding("too_many_conditions", message, ("rules", name, "at_least"), hint, of_key=False)


def _check_same_step_rule(context: Context, rule: Rule, path: KeyPath) -> Iterator[Finding]:
    targets = [target for target in rule.then if target in context.all_nodes]
    for node in rule.when:
        if node not in context.all_nodes:
            continue
        findings = (
            finding
            for target in targets
            if target in context.drivers or (target == OUTCOME and (node == OUTCOME or node in context.consequences))
            for finding in _check_same_step_parent(context, node, target, (*path, "when", node))
        )
        # One finding for each condition is enough, though several targets may forbid it.
        yield from islice(findings, 1)


def _check_rule_points(context: Context, target: str, points: object, path: KeyPath) -> Iterator[Finding]:
    numeric = context.is_numeric(target)
    if isinstance(points, dict):
        if numeric:
            message = f"'{target}' is numeric and has no states: the rule gives it one number, up (+) or down (-)"
            yield Finding("points_of_numeric", message, path, f"such as {target}: 1")
        else:
            yield from _check_targets(context, target, points, path)
    elif isinstance(points, Judgement) and not numeric and (states := context.states(target)):
        noun = "scenario" if target == OUTCOME else "state"
        message = f"the rule gives '{target}' one number; say for which {noun}"
        yield Finding(
            "points_without_state", message, path, f"such as {target}: {{{next(iter(states))}: {points.mean:g}}}"
        )


# Profiles, groups and claims


def check_profiles(context: Context) -> Iterator[Finding]:
    """A profile leaves alone what the file is made of."""
    for name, profile in context.model.profiles.items():
        for key in ("usru", "extends", "profiles"):
            if key in profile.overrides:
                yield Finding(
                    "not_for_profiles", f"a profile can't change '{key}'", ("profiles", name, "overrides", key)
                )


def check_groups(context: Context) -> Iterator[Finding]:
    """Groups have members, which are different scenarios."""
    for name, members in context.model.groups.items():
        if not members:
            yield Finding("empty_group", f"the group '{name}' has no members", ("groups", name))
        for index, member in enumerate(members):
            path: KeyPath = ("groups", name, index)
            if context.scenarios and member not in context.scenarios:
                hint = _lazy_hint(member, context.scenarios)
                message = f"unknown scenario '{member}' in group '{name}'"
                yield Finding("unknown_scenario", message, path, hint, unknown_name=(OUTCOME, member))
            elif member in members[:index]:
                yield Finding("duplicate_member", f"'{member}' is named twice in group '{name}'", path)


def check_claims(context: Context) -> Iterator[Finding]:
    """Every claim that is cited stands in the register."""
    if context.register is None:
        return
    near: dict[tuple[str, str], str] = {}
    for path, claim in citations(context.changed_model()):
        if claim in context.register:
            continue
        near = near or {_comparable_id(name): name for name in sorted(context.register.claims, reverse=True)}
        other = near.get(_comparable_id(claim))
        hint = f"did you mean '{other}'?" if other else f"the register '{context.register_name}' has no such id"
        message = f"unknown claim '{claim}' in {describe_place(path)}"
        yield Finding("unknown_claim", message, path, hint, of_key=False)


def _comparable_id(claim: str) -> tuple[str, str]:
    """What two ids have in common that differ in case or leading zeros only: ids are short and all alike."""
    letters = claim.rstrip("0123456789")
    return letters.upper(), claim[len(letters) :].lstrip("0")
