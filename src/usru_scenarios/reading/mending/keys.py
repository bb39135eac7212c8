"""Keys that the format does not have, or that are missing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.model.families import FAMILIES, UNCERTAIN
from usru_scenarios.problems import Replacement, listing, shortened
from usru_scenarios.reading.mending import faulty
from usru_scenarios.reading.mending.faulty import Faulty, Repair
from usru_scenarios.reading.mending.likely_keys import likely_key
from usru_scenarios.reading.mending.names import without_space
from usru_scenarios.reading.schema_paths import fields_at
from usru_scenarios.written_forms import name_meant

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


def mend_missing(it: Faulty) -> Repair | None:
    """A key that must be there."""
    key = str(it.fault.missing)
    raw = it.raw
    if isinstance(raw, dict) and key in raw:
        return None  # by now
    if it.path == () and isinstance(it.data, dict):
        return _missing_at_the_top(it, key)
    if key == "shares" and isinstance(raw, dict):
        return _anchor(it, raw)
    return None


def hinted(fault: Fault, data: Any) -> Fault:
    """The fault that a key is missing, with what it may be."""
    hint = _MISSING.get(fault.missing, "")
    if not hint or fault.problem.hint:
        return fault
    return replace(fault, problem=replace(fault.problem, hint=_with_names(data, hint, fault.missing)))


def _with_names(data: Any, hint: str, key: str) -> str:
    """The hint with names of the file in it."""
    drivers, scenarios = (faulty.names_in(data, section) for section in ("drivers", "scenarios"))
    if key == "when" and drivers and (states := faulty.states_of(data, drivers[0])):
        return f"say when it holds: when: {{{drivers[0]}: {states[0]}}}"
    if key == "then" and scenarios:
        return f"say what it gives: then: {{scenario: {{{scenarios[0]}: 1}}}}"
    if key == "that" and scenarios:
        return f'write that: "P({scenarios[0]} @ end) > 0.5"'
    return hint


def _missing_at_the_top(it: Faulty, key: str) -> Repair | None:
    place = it.root
    stem = (
        name_meant(re.sub(r"\.ya?ml$", "", place.source.name.replace("\\", "/").rsplit("/", 1)[-1]), joint="-")
        or "model"
    )
    name = it.data.get("name") if isinstance(it.data.get("name"), str) else stem
    title = str(it.data.get("title") or name)
    values: dict[str, Any] = {
        "usru": 1,
        "name": name_meant(title, joint="-") or stem,
        "title": str(name).replace("-", " "),
    }
    if key == "scenarios":
        hint = "name what may come: scenarios: {one: 0.6, other: 0.4}"
        return Repair((), {**it.data, key: {"unnamed": {}}}, replace(it.fault.problem, hint=hint), "missing")
    if key not in values:
        return None
    text = f"{key}: {faulty.flow(values[key])}"
    hint = f"begin it with {text}" if key == "usru" else f"write {text}"
    if not place.value.block:
        return it.repair(hint, {key: values[key], **it.data})
    start = place.source.starts[place.value.line]
    return it.repair(hint, {key: values[key], **it.data}, edits=(place.source.edit(start, start, f"{text}\n"),))


def _anchor(it: Faulty, raw: dict[str, Any]) -> Repair | None:
    """Shares that stand in the anchor itself."""
    scenarios = faulty.value_at(it.data, ("scenarios",))
    shares = {key: one for key, one in raw.items() if isinstance(scenarios, dict) and key in scenarios}
    if not shares:
        return None
    place = it.place
    value = {**{key: one for key, one in raw.items() if key not in shares}, "shares": shares}
    if place.children is not None:
        place.children["shares"] = place.with_children(dict(place.children))
    edits: tuple[Replacement, ...] = ()
    if len(shares) == len(raw):
        text = faulty.flow({"shares": shares})
        edits = faulty.replacing(place, text)
    elif place.value.block and all(faulty.on_own_line(faulty.place_at(place, (key,))) for key in shares):
        at = next(iter(faulty.place_at(place, (key,)) for key in shares))
        lines = [edit for key in shares for edit in faulty.indenting(faulty.place_at(place, (key,)))]
        start = at.source.starts[at.key.line] if at.key else 0
        first = next(edit for edit in lines if edit.line == (at.key.line + 1 if at.key else 0))
        blanks = " " * (at.key.column if at.key else 2)
        edits = (
            at.source.edit(start, start, f"{blanks}shares:\n{first.text}"),
            *(one for one in lines if one is not first),
        )
    hint = f"write shares: {faulty.short(shares)}"
    message = "the anchor has its shares in 'shares'"
    return it.repair(hint, value, edits=edits, message=message)


def mend_unknown(it: Faulty) -> Repair | None:
    """A key that the format doesn't have there."""
    key, parent = str(it.path[-1]), it.parent
    if not isinstance(parent, dict):
        return None
    if found := without_space(it):
        return found
    known = fields_at(it.path[:-1], it.data)
    if key in FAMILIES and it.path[-3:-2] == ("states",):
        return _family_of_state(it, key)
    if it.path == ("outcome", "prior_given"):
        hint = "it takes none yet: give points by a rule, {when: ..., then: {scenario: ...}}, or by impacts of drivers"
        value = faulty.without(parent, key)
        return it.repair(hint, value, path=it.path[:-1])
    if (
        len(it.path) == 1
        and isinstance(it.raw, dict)
        and "states" in it.raw
        and isinstance(it.data.get("drivers"), dict)
    ):
        return _driver_at_the_top(it, key)
    if near := likely_key(it.path, it.data, it.root):
        return faulty.renamed(it, near, f"did you mean '{near}'?")
    if it.fault.problem.hint.startswith("did you mean"):
        value = faulty.without(parent, key)
        return it.repair(listing(known), value, path=it.path[:-1])
    return None


def _driver_at_the_top(it: Faulty, key: str) -> Repair:
    """A driver that is not indented."""
    value = {**faulty.without(it.data, key), "drivers": {**it.data["drivers"], key: it.raw}}
    place, drivers = it.place, faulty.place_at(it.root, ("drivers",))
    if drivers.children is not None:
        drivers.children.setdefault(key, place)
    lines = list(faulty.indenting(place))
    columns = [child.key.column for child in (place.children or {}).values() if child.key]
    edits = lines[:1] if columns and min(columns) > 2 else lines
    message = f"'{shortened(key)}' stands at the top of the file, and looks like a driver"
    return it.repair(f"indent '{shortened(key)}' below drivers", value, path=(), edits=edits, message=message)


def _family_of_state(it: Faulty, family: str) -> Repair | None:
    """A distribution that no prior can be drawn from."""
    path = it.path[:-1]
    message = f"a prior can't be drawn from '{family}'"
    example = "{pert: [0.2, 0.3, 0.5]}"
    return it.repair(f"it takes {', '.join(UNCERTAIN)}, such as {example}", 1, path=path, message=message)
