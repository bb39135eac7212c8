"""An event or a row of `prior_given` in another form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.problems import TextEdit
from usru_scenarios.reading.mending.faulty import (
    Faulty,
    Repair,
    changed_at,
    indenting,
    on_own_line,
    place_at,
    region,
    short,
    value_at,
)
from usru_scenarios.reading.schema_paths import fields_at

if TYPE_CHECKING:
    from usru_scenarios.reading.yaml_source import Place


def mend_single_part(it: Faulty) -> Repair | None:
    """An event or a row of `prior_given` as one map, where a list of them belongs."""
    for size in range(len(it.path), 0, -1):
        path = it.path[:size]
        own = {"events": "at", "prior_given": "when"}.get(str(path[-1]))
        raw = value_at(it.data, path)
        if own is None or not isinstance(raw, dict) or own not in raw:
            continue
        fields = set(fields_at((*path, 0), changed_at(it.data, path, [raw])))
        if not set(raw) <= fields and (not set(raw) & fields - {own} or (own == "at" and isinstance(raw["at"], dict))):
            continue
        place = place_at(it.root, path)
        noun = "an event" if own == "at" else "a row"
        edits = _as_list(place)
        inner = place.with_children(dict(place.children or {}))
        place.children = {0: inner}
        hint = "begin with '- '" if place.value.block else f"write {short([raw])}"
        message = f"{noun} stands in a list"
        return it.repair(hint, [raw], path=path, edits=edits, message=message, at=inner, of_key=True)
    return None


def _as_list(place: Place) -> tuple[TextEdit, ...]:
    """A map as the one item of a list."""
    start, end = region(place)
    source = place.source
    if source.text[start : start + 1] == "{":
        return source.edit(start, start, "["), source.edit(end, end, "]")
    children = [child for child in (place.children or {}).values() if child.key]
    if not all(map(on_own_line, children)):
        return ()
    edits = [edit for child in children for edit in indenting(child)]
    first = min(edits, key=lambda edit: edit.line)
    column = source.mark(start, start).column
    at = source.starts[first.line - 1] + column
    return (source.edit(at, at, "- "), *(edit for edit in edits if edit is not first))
