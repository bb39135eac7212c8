"""A block that is indented too far or too little, and so stands in another map than the one that it belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from usru_scenarios.model.values import NAME
from usru_scenarios.problems import Replacement, quote_first, shorten
from usru_scenarios.reading.repairs import common
from usru_scenarios.reading.repairs.common import LocatedFault, Repair
from usru_scenarios.reading.repairs.likely_keys import faults_under
from usru_scenarios.reading.schema_paths import NOUNS, all_format_keys, describe_place, fields_at

if TYPE_CHECKING:
    from usru_scenarios.names import KeyPath
    from usru_scenarios.reading.places import Place


def repair_level(fault: LocatedFault) -> Repair | None:
    """Move a block whose faults would be none below the entry before it, or further out."""
    for size in range(1, len(fault.path) + 1):
        path = fault.path[:size]
        place = fault.place_at(path)
        if isinstance(path[-1], int) or place.key is None or place.has_fault or not common.is_on_own_line(place):
            continue
        if path[-1] in fields_at(path[:-1], fault.data):
            continue
        if repair := _move_inward(fault, path) or _move_outward(fault, path):
            return repair
    return None


class _Move(NamedTuple):
    """Entries of one map that belong in another."""

    around: KeyPath
    names: list[str]
    home: KeyPath


def _move_inward(fault: LocatedFault, path: KeyPath) -> Repair | None:
    """Move an entry, and those between, below the entry before them that may have it."""
    around, key = path[:-1], str(path[-1])
    if key not in all_format_keys():
        return None  # nowhere does a map of fixed keys have it, however many entries stand before it
    parent = fault.value_at(around)
    names = list(parent)
    for before in reversed(names[: names.index(key)]):
        home, inner = (*around, before), parent[before]
        place = fault.place_at(home)
        is_block = inner is None or (isinstance(inner, dict) and any(_columns(place)))
        if not common.is_on_own_line(place) or not is_block:
            if before not in all_format_keys():
                return None  # what stands between the two has to move with it
            continue
        known = fields_at(home, common.with_value_at(fault.data, home, inner or {}))
        if before in known:
            continue  # it has slipped itself
        moved = {name: parent[name] for name in takewhile(known.__contains__, names[names.index(before) + 1 :])}
        if key not in moved or moved.keys() & (inner or {}).keys():
            return None
        below = {**(inner or {}), **moved}
        if len(moved) == 1 and faults_under(fault.data, home, below, key):
            return None
        value = {name: below if name == before else entry for name, entry in parent.items() if name not in moved}
        why = "and belongs below it" if inner else "which has nothing below it"
        message = f"'{shorten(next(iter(moved)))}' stands beside '{before}', {why}"
        hint = f"indent {quote_first(list(moved))} below {before}"
        return _move_entries(fault, _Move(around, list(moved), home), value, message, hint)
    return None


def _move_outward(fault: LocatedFault, path: KeyPath) -> Repair | None:
    """Move an entry to the nearest map around its own that may have it."""
    around, key = path[:-1], str(path[-1])
    entry = fault.value_at(path)
    for size in range(len(around) - 1, -1, -1):
        home, neighbour = around[:size], around[size]
        if isinstance(neighbour, int) or not isinstance(target := fault.value_at(home), dict) or key in target:
            continue
        known = fields_at(home, fault.data)
        is_part = home[-1:] and home[-1] in NOUNS and isinstance(entry, dict) and re.fullmatch(NAME, key)
        if key not in known if known else not is_part:
            continue
        data = common.with_value_at(fault.data, around, common.without_key(fault.value_at(around), key))
        target = {**common.value_at(data, home), key: entry}
        if faults_under(data, home, target if known else {key: entry}, key):
            continue
        column = next(_columns(fault.place_at(home)), 0)
        message = f"'{shorten(key)}' stands in {describe_place(around)}, and belongs beside '{neighbour}'"
        hint = f"indent it by {column} blanks, like '{neighbour}'" if column else "don't indent it"
        return _move_entries(fault, _Move(around, [key], home), target, message, hint)
    return None


def _move_entries(fault: LocatedFault, move: _Move, value: Any, message: str, hint: str) -> Repair:
    """The repair that moves some entries, whose places move, too."""
    around, names, home = move
    source, target = fault.place_at(around), fault.place_at(home)
    first = common.place_at(source, (names[0],))
    is_inward = len(home) > len(around)
    edits = _shift_lines(fault, move) if is_inward or _is_last(fault.data, (*around, names[-1]), len(home)) else ()
    places: dict[str | int, Place] = dict(target.children or {})
    for name in names:
        if (child := (source.children or {}).pop(name, None)) is not None:
            places[name] = child
    target.children = places
    path = around if is_inward else home
    return fault.propose(hint, value, path=path, edits=edits, message=message, at=first, of_key=True)


def _is_last(data: Any, path: KeyPath, size: int) -> bool:
    """Whether an entry ends all maps around it, up to the one whose path has so many keys."""
    return all(list(common.value_at(data, path[:end]))[-1] == path[end] for end in range(size + 1, len(path)))


def _columns(place: Place) -> Iterator[int]:
    """The columns of the keys of a map that stand in lines of their own: none of one that is written in braces."""
    children = (place.children or {}).values()
    return (child.key.column for child in children if child.key and common.is_on_own_line(child))


def _shift_lines(fault: LocatedFault, move: _Move) -> tuple[Replacement, ...]:
    """The edits that indent the lines of some entries as those of another map are."""
    target = fault.place_at(move.home)
    places = [fault.place_at((*move.around, name)) for name in move.names]
    keys = [place.key for place in places if place.key]
    column = next(_columns(target), (target.key.column + 2) if target.key else 0)
    source = target.source
    blanks = column - keys[0].column
    edits = []
    for place, key in zip(places, keys, strict=True):
        end = common.text_range(place)[1]
        for line in range(key.line, source.mark(end, end).line + 1):
            start, text = source.line_starts[line], source.lines[line]
            if text.strip() and blanks > 0:
                edits.append(source.replacement(start, start, " " * blanks))
            elif text.strip() and not text[:-blanks].strip():
                edits.append(source.replacement(start, start - blanks, ""))
    return tuple(edits)
