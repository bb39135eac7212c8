"""An event or a row of `prior_given` in another form."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any

from usru_scenarios.problems import Replacement
from usru_scenarios.reading.mending import faulty
from usru_scenarios.reading.mending.faulty import Faulty, Repair
from usru_scenarios.reading.schema_paths import fields_at
from usru_scenarios.written_forms import date_hint

if TYPE_CHECKING:
    from usru_scenarios.names import KeyPath
    from usru_scenarios.reading.places import Place


def mend_single_part(it: Faulty) -> Repair | None:
    """An event or a row of `prior_given` as one map, where a list of them belongs."""
    for size in range(len(it.path), 0, -1):
        path = it.path[:size]
        own = {"events": "at", "prior_given": "when"}.get(str(path[-1]))
        raw = faulty.value_at(it.data, path)
        if own is None or not isinstance(raw, dict) or own not in raw:
            continue
        fields = set(fields_at((*path, 0), faulty.changed_at(it.data, path, [raw])))
        if not set(raw) <= fields and (not set(raw) & fields - {own} or (own == "at" and isinstance(raw["at"], dict))):
            continue
        place = faulty.place_at(it.root, path)
        noun = "an event" if own == "at" else "a row"
        edits = _as_list(place)
        inner = place.with_children(dict(place.children or {}))
        place.children = {0: inner}
        hint = "begin with '- '" if place.value.block else f"write {faulty.short([raw])}"
        message = f"{noun} stands in a list"
        return it.repair(hint, [raw], path=path, edits=edits, message=message, at=inner, of_key=True)
    return None


def mend_dated_event(it: Faulty) -> Repair | None:
    """An event under its date, in a map or a list, and one that is written as two items of a list."""
    size = next((end for end, part in enumerate(it.path, 1) if part == "events"), 0)
    if not 2 < size < len(it.path):
        return None
    events, own = it.path[:size], it.path[size]
    raw = faulty.value_at(it.data, events)
    place = faulty.place_at(it.root, (*events, own))
    if isinstance(own, int) and isinstance(raw, list):
        event = raw[own]
        if own and isinstance(event, dict) and "at" not in event and it.fault.kind == "missing":
            return _one_of_two(it, raw, events, own)
        if isinstance(event, dict) and len(event) == 1 and (value := _dated(it, *next(iter(event.items())))):
            edits = faulty.replacing(place, faulty.flow(value))
            message = "an event has its date in 'at'"
            return it.repair(
                f"write {faulty.short(value)}", value, path=(*events, own), edits=edits, message=message, at=place
            )
    elif isinstance(own, str) and isinstance(raw, dict) and (value := _dated(it, own, raw.get(own))):
        name = next(name for number in count(1) if (name := f"event_{number}") not in raw)
        hint, edits = faulty.entry_rewritten(place, {name: value})
        fresh = {name if key == own else key: value if key == own else one for key, one in raw.items()}
        around = faulty.place_at(it.root, events)
        if around.children is not None:
            around.children.setdefault(name, place)
        message = "an event has a name, and its date in 'at'"
        return it.repair(hint, fresh, path=events, edits=edits, message=message, at=place, of_key=True)
    return None


def _dated(it: Faulty, written: str, raw: Any) -> dict[str, Any] | None:
    """The event that stands under a date."""
    date = date_hint(written)[1] or written
    if not re.fullmatch(r"\d{4}(?:-\d\d|-Q[1-4])?(?:-\d\d)?", date) or not isinstance(raw, dict) or "at" in raw:
        return None
    is_prior = raw and set(raw) <= {*faulty.states_of(it.data, str(it.path[1])), "dirichlet"}
    return {"at": date, "prior": raw} if is_prior else {"at": date, **raw}


def _one_of_two(it: Faulty, raw: list[Any], events: KeyPath, second: int) -> Repair | None:
    """One event for two items of a list, the second of which says what the first lacks."""
    before, own = raw[second - 1], raw[second]
    if not isinstance(before, dict) or before.keys() & own.keys() or {"prior", "points"} <= before.keys() | {"at"}:
        return None
    place = faulty.place_at(it.root, (*events, second))
    start = place.source.text.rfind("-", 0, faulty.region(place)[0])
    edits = (place.source.edit(start, start + 1, " "),)
    value = [*raw[: second - 1], {**before, **own}, *raw[second + 1 :]]
    message = f"'{next(iter(own))}' begins an event of its own, and belongs to the one before it"
    return it.repair(
        "write blanks in the place of its '- '", value, path=events, edits=edits, message=message, at=place
    )


def _as_list(place: Place) -> tuple[Replacement, ...]:
    """A map as the one item of a list."""
    start, end = faulty.region(place)
    source = place.source
    if source.text[start : start + 1] == "{":
        return source.edit(start, start, "["), source.edit(end, end, "]")
    children = [child for child in (place.children or {}).values() if child.key]
    if not all(map(faulty.on_own_line, children)):
        return ()
    edits = [edit for child in children for edit in faulty.indenting(child)]
    first = min(edits, key=lambda edit: edit.line)
    column = source.mark(start, start).column
    at = source.starts[first.line - 1] + column
    return (source.edit(at, at, "- "), *(edit for edit in edits if edit is not first))
