"""Keys that the format does not have, or that are missing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.model.families import FAMILIES, JUDGEMENT_FAMILIES
from usru_scenarios.problems import Replacement, list_choices, shorten
from usru_scenarios.reading.repairs import common
from usru_scenarios.reading.repairs.common import LocatedFault, Repair
from usru_scenarios.reading.repairs.likely_keys import likely_key
from usru_scenarios.reading.repairs.names import insert_space_after_colon
from usru_scenarios.reading.schema_paths import fields_at
from usru_scenarios.written_forms import normalize_name

if TYPE_CHECKING:
    from usru_scenarios.reading.pydantic_errors import Fault


_MISSING = {
    "at": "say when: at: 2025-10, or start",
    "when": "say when it holds: when: {driver: state}",
    "then": "say what it gives: then: {scenario: {name: 1}}",
    "that": 'write that: "P(...) > ..."',
    "prior": "say the prior: prior: {state: 0.5, ...}",
    "range": "give it the ends of its scale: range: [0, 1]",
    "states": "give it its states: states: {one: 0.5, other: 0.5}",
    "points": "give it points: points: 1",
    "shares": "give it shares: shares: {scenario: 0.5, ...}",
}
"""What to write where a key is missing."""


def repair_missing(fault: LocatedFault) -> Repair | None:
    """Write a key that must be there."""
    key, part = fault.details.missing, fault.value
    if isinstance(part, dict) and key in part:
        return None  # by now
    if fault.path == () and isinstance(fault.data, dict):
        return _add_top_key(fault, key)
    if key == "shares" and isinstance(part, dict):
        return _group_shares(fault, part)
    return None


def with_missing_key_hint(fault: Fault, data: Any) -> Fault:
    """The fault that a key is missing, with what to write there."""
    hint = _MISSING.get(fault.missing, "")
    if not hint or fault.problem.hint:
        return fault
    drivers, scenarios = (common.names_in_section(data, section) for section in ("drivers", "scenarios"))
    if fault.missing == "when" and drivers and (states := common.states_of(data, drivers[0])):
        hint = f"say when it holds: when: {{{drivers[0]}: {states[0]}}}"
    elif fault.missing == "then" and scenarios:
        hint = f"say what it gives: then: {{scenario: {{{scenarios[0]}: 1}}}}"
    elif fault.missing == "that" and scenarios:
        hint = f'write that: "P({scenarios[0]} @ end) > 0.5"'
    return replace(fault, problem=replace(fault.problem, hint=hint))


def _add_top_key(fault: LocatedFault, key: str) -> Repair | None:
    """Write `usru`, `name`, `title` or `scenarios` at the top of the file."""
    if key == "scenarios":
        problem = replace(fault.details.problem, hint="name what may come: scenarios: {one: 0.6, other: 0.4}")
        return Repair((), {**fault.data, key: {"unnamed": {}}}, problem, "missing")
    place = fault.root
    file_name = place.source.name.replace("\\", "/").rsplit("/", 1)[-1]
    stem = normalize_name(re.sub(r"\.ya?ml$", "", file_name), separator="-") or "model"
    name = fault.data.get("name") if isinstance(fault.data.get("name"), str) else stem
    title = str(fault.data.get("title") or name)
    values: dict[str, Any] = {
        "usru": 1,
        "name": normalize_name(title, separator="-") or stem,
        "title": str(name).replace("-", " "),
    }
    if key not in values:
        return None
    text = f"{key}: {common.format_yaml(values[key])}"
    hint = f"begin it with {text}" if key == "usru" else f"write {text}"
    start = place.source.line_starts[place.value.line]
    edits = (place.source.replacement(start, start, f"{text}\n"),) if place.value.block else ()
    return fault.propose(hint, {key: values[key], **fault.data}, edits=edits)


def _group_shares(fault: LocatedFault, anchor: dict[str, Any]) -> Repair | None:
    """Write shares that stand in the anchor itself below `shares`."""
    scenarios = fault.value_at(("scenarios",))
    shares = {key: share for key, share in anchor.items() if isinstance(scenarios, dict) and key in scenarios}
    if not shares:
        return None
    place = fault.place
    value = {**{key: entry for key, entry in anchor.items() if key not in shares}, "shares": shares}
    children = [common.place_at(place, (key,)) for key in shares]
    if place.children is not None:
        place.children["shares"] = place.with_children(dict(place.children))
    edits: tuple[Replacement, ...] = ()
    if len(shares) == len(anchor):
        edits = common.replace_value(place, common.format_yaml({"shares": shares}))
    elif place.value.block and all(map(common.is_on_own_line, children)) and children[0].key:
        column, source = children[0].key.column, children[0].source
        first, *others = [edit for child in children for edit in common.indent_lines(child)]
        start = source.line_starts[first.line - 1]
        edits = (source.replacement(start, start, f"{' ' * column}shares:\n{first.text}"), *others)
    hint = f"write shares: {common.abbreviate_yaml(shares)}"
    return fault.propose(hint, value, edits=edits, message="the anchor has its shares in 'shares'")


def repair_unknown(fault: LocatedFault) -> Repair | None:
    """Rename, move or take away a key that the format doesn't have there."""
    key, parent, around = str(fault.path[-1]), fault.parent, fault.path[:-1]
    if not isinstance(parent, dict):
        return None
    if repair := insert_space_after_colon(fault):
        return repair
    if key in FAMILIES and around[-2:-1] == ("states",):
        message = f"a prior can't be drawn from '{key}'"
        hint = f"it takes {', '.join(JUDGEMENT_FAMILIES)}, such as {{pert: [0.2, 0.3, 0.5]}}"
        return fault.propose(hint, 1, path=around, message=message)
    if fault.path == ("outcome", "prior_given"):
        hint = "it takes none yet: give points by a rule, {when: ..., then: {scenario: ...}}, or by impacts of drivers"
        return fault.propose(hint, common.without_key(parent, key), path=around)
    looks_like_driver = not around and isinstance(fault.value, dict) and "states" in fault.value
    if looks_like_driver and isinstance(fault.data.get("drivers"), dict):
        return _move_below_drivers(fault, key)
    if likely := likely_key(fault.path, fault.data, fault.root):
        return fault.rename_key(likely, f"did you mean '{likely}'?")
    if fault.details.problem.hint.startswith("did you mean"):
        return fault.propose(list_choices(fields_at(around, fault.data)), common.without_key(parent, key), path=around)
    return None


def _move_below_drivers(fault: LocatedFault, key: str) -> Repair:
    """Indent a driver that stands at the top of the file."""
    value = {**common.without_key(fault.data, key), "drivers": {**fault.data["drivers"], key: fault.value}}
    place, drivers = fault.place, fault.place_at(("drivers",))
    if drivers.children is not None:
        drivers.children.setdefault(key, place)
    lines = list(common.indent_lines(place))
    columns = [child.key.column for child in (place.children or {}).values() if child.key]
    edits = lines[:1] if columns and min(columns) > 2 else lines
    message = f"'{shorten(key)}' stands at the top of the file, and looks like a driver"
    return fault.propose(f"indent '{shorten(key)}' below drivers", value, path=(), edits=edits, message=message)
