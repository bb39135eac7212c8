"""An event or a row of `prior_given` in another form."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any

from usru_scenarios.problems import Replacement
from usru_scenarios.reading.repairs import common
from usru_scenarios.reading.repairs.common import LocatedFault, Repair
from usru_scenarios.reading.schema_paths import fields_at
from usru_scenarios.written_forms import suggest_date

if TYPE_CHECKING:
    from usru_scenarios.names import KeyPath
    from usru_scenarios.reading.places import Place


def repair_single_part(fault: LocatedFault) -> Repair | None:
    """Make a list of one event or row of `prior_given` that stands where a list of them belongs."""
    for size in range(len(fault.path), 0, -1):
        path = fault.path[:size]
        required = {"events": "at", "prior_given": "when"}.get(str(path[-1]))
        part = fault.value_at(path)
        if required is None or not isinstance(part, dict) or required not in part:
            continue
        fields = set(fields_at((*path, 0), common.with_value_at(fault.data, path, [part])))
        is_part = bool(set(part) & fields - {required}) and not (required == "at" and isinstance(part["at"], dict))
        if not set(part) <= fields and not is_part:
            continue
        place = fault.place_at(path)
        edits = _make_list(place)
        item = place.with_children(dict(place.children or {}))
        place.children = {0: item}
        hint = "begin with '- '" if place.value.block else f"write {common.abbreviate_yaml([part])}"
        message = f"{'an event' if required == 'at' else 'a row'} stands in a list"
        return fault.propose(hint, [part], path=path, edits=edits, message=message, at=item, of_key=True)
    return None


def repair_dated_event(fault: LocatedFault) -> Repair | None:
    """Write the date of an event in `at` where it is the event's key, and one event for two items of a list."""
    size = next((end for end, part in enumerate(fault.path, 1) if part == "events"), 0)
    if not 2 < size < len(fault.path):
        return None
    path, key = fault.path[:size], fault.path[size]
    events, place = fault.value_at(path), fault.place_at((*path, key))
    if isinstance(key, int) and isinstance(events, list):
        event = events[key]
        if key and isinstance(event, dict) and "at" not in event and fault.details.kind == "missing":
            return _join_items(fault, events, path, key)
        if isinstance(event, dict) and len(event) == 1 and (value := _dated_event(fault, *next(iter(event.items())))):
            hint, message = f"write {common.abbreviate_yaml(value)}", "an event has its date in 'at'"
            edits = common.replace_value(place, common.format_yaml(value))
            return fault.propose(hint, value, path=(*path, key), edits=edits, message=message, at=place)
    elif isinstance(key, str) and isinstance(events, dict) and (value := _dated_event(fault, key, events.get(key))):
        name = next(name for number in count(1) if (name := f"event_{number}") not in events)
        hint, edits = common.rewrite_entry(place, {name: value})
        changed = {name if other == key else other: value if other == key else events[other] for other in events}
        around = fault.place_at(path)
        if around.children is not None:
            around.children.setdefault(name, place)
        message = "an event has a name, and its date in 'at'"
        return fault.propose(hint, changed, path=path, edits=edits, message=message, at=place, of_key=True)
    return None


def _dated_event(fault: LocatedFault, written: str, event: Any) -> dict[str, Any] | None:
    """The event that stands under a date."""
    date = suggest_date(written)[1] or written
    if not re.fullmatch(r"\d{4}(?:-\d\d|-Q[1-4])?(?:-\d\d)?", date) or not isinstance(event, dict) or "at" in event:
        return None
    is_prior = event and set(event) <= {*fault.states_of(fault.path[1]), "dirichlet"}
    return {"at": date, "prior": event} if is_prior else {"at": date, **event}


def _join_items(fault: LocatedFault, events: list[Any], path: KeyPath, second: int) -> Repair | None:
    """Make one event of two items of a list, the second of which says what the first lacks."""
    before, event = events[second - 1], events[second]
    if not isinstance(before, dict) or before.keys() & event.keys() or {"prior", "points"} <= before.keys() | {"at"}:
        return None
    place = fault.place_at((*path, second))
    start = place.source.text.rfind("-", 0, common.text_range(place)[0])
    edits = (place.source.replacement(start, start + 1, " "),)
    value = [*events[: second - 1], {**before, **event}, *events[second + 1 :]]
    hint = "write blanks in the place of its '- '"
    message = f"'{next(iter(event))}' begins an event of its own, and belongs to the one before it"
    return fault.propose(hint, value, path=path, edits=edits, message=message, at=place)


def _make_list(place: Place) -> tuple[Replacement, ...]:
    """The edits that make a map the one item of a list."""
    start, end = common.text_range(place)
    source = place.source
    if source.text[start : start + 1] == "{":
        return source.replacement(start, start, "["), source.replacement(end, end, "]")
    children = [child for child in (place.children or {}).values() if child.key]
    if not all(map(common.is_on_own_line, children)):
        return ()
    edits = [edit for child in children for edit in common.indent_lines(child)]
    first = min(edits, key=lambda edit: edit.line)
    offset = source.line_starts[first.line - 1] + source.mark(start, start).column
    return (source.replacement(offset, offset, "- "), *(edit for edit in edits if edit is not first))
