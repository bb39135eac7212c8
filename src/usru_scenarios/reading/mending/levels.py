"""A block that is indented too far or too little, and so stands in another map than the one that it belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from usru_scenarios.model.values import NAME
from usru_scenarios.problems import Replacement, first_quoted, shortened
from usru_scenarios.reading.mending import faulty
from usru_scenarios.reading.mending.faulty import Faulty, Repair
from usru_scenarios.reading.mending.likely_keys import faults_under
from usru_scenarios.reading.schema_paths import NOUNS, all_format_keys, describe_place, fields_at

if TYPE_CHECKING:
    from usru_scenarios.names import KeyPath
    from usru_scenarios.reading.places import Place


def mend_level(it: Faulty) -> Repair | None:
    """The faults of a block that would be sound below the entry before it, or further out."""
    for size in range(1, len(it.path) + 1):
        path = it.path[:size]
        place = faulty.place_at(it.root, path)
        if isinstance(path[-1], int) or place.key is None or place.has_fault or not faulty.on_own_line(place):
            continue
        if path[-1] in fields_at(path[:-1], it.data):
            continue
        if found := _below_the_one_before(it, path) or _further_out(it, path):
            return found
    return None


class _Move(NamedTuple):
    """Entries of one map that belong in another."""

    around: KeyPath
    names: list[str]
    home: KeyPath


def _below_the_one_before(it: Faulty, path: KeyPath) -> Repair | None:
    around, key = path[:-1], str(path[-1])
    if key not in all_format_keys():
        return None  # nowhere does a map of fixed keys have it, however many entries stand before it
    parent = faulty.value_at(it.data, around)
    names = list(parent)
    for before in reversed(names[: names.index(key)]):
        home, inner = (*around, before), parent[before]
        place = faulty.place_at(it.root, home)
        if not faulty.on_own_line(place) or not (inner is None or (isinstance(inner, dict) and any(_columns(place)))):
            if before not in all_format_keys():
                return None  # what stands between the two has to move with it
            continue
        known = fields_at(home, faulty.changed_at(it.data, home, inner or {}))
        if before in known:
            continue  # it has slipped itself
        after = names[names.index(before) + 1 :]
        moved = {name: parent[name] for name in takewhile(known.__contains__, after)}
        if key not in moved or moved.keys() & (inner or {}).keys():
            return None
        whole = {**(inner or {}), **moved}
        if len(moved) == 1 and faults_under(it.data, home, whole, key):
            return None
        value = {name: whole if name == before else one for name, one in parent.items() if name not in moved}
        why = "and belongs below it" if inner else "which has nothing below it"
        said = f"'{shortened(next(iter(moved)))}' stands beside '{before}', {why}"
        move = _Move(around, list(moved), home)
        return _moved(it, move, value, said, f"indent {first_quoted(list(moved))} below {before}")
    return None


def _further_out(it: Faulty, path: KeyPath) -> Repair | None:
    around, key = path[:-1], str(path[-1])
    raw = faulty.value_at(it.data, path)
    for size in range(len(around) - 1, -1, -1):
        home, beside = around[:size], around[size]
        if isinstance(beside, int) or not isinstance(there := faulty.value_at(it.data, home), dict) or key in there:
            continue
        known = fields_at(home, it.data)
        is_part = home[-1:] and home[-1] in NOUNS and isinstance(raw, dict) and re.fullmatch(NAME, key)
        if key not in known if known else not is_part:
            continue
        without = faulty.changed_at(it.data, around, faulty.without(faulty.value_at(it.data, around), key))
        there = faulty.value_at(without, home)
        if faults_under(without, home, {**there, key: raw} if known else {key: raw}, key):
            continue
        column = next(_columns(faulty.place_at(it.root, home)), 0)
        said = f"'{shortened(key)}' stands in {describe_place(around)}, and belongs beside '{beside}'"
        hint = f"indent it by {column} blanks, like '{beside}'" if column else "don't indent it"
        return _moved(it, _Move(around, [key], home), {**there, key: raw}, said, hint)
    return None


def _moved(it: Faulty, move: _Move, value: Any, message: str, hint: str) -> Repair:
    """The repair, once the places have moved with what stands there."""
    around, names, home = move
    source, target = faulty.place_at(it.root, around), faulty.place_at(it.root, home)
    first = faulty.place_at(source, (names[0],))
    is_inward = len(home) > len(around)
    edits = _shifted(it, move) if is_inward or _is_last(it.data, (*around, names[-1]), len(home)) else ()
    places: dict[str | int, Place] = dict(target.children or {})
    for name in names:
        if (child := (source.children or {}).pop(name, None)) is not None:
            places[name] = child
    target.children = places
    path = around if is_inward else home
    return it.repair(hint, value, path=path, edits=edits, message=message, at=first, of_key=True)


def _is_last(data: Any, path: KeyPath, size: int) -> bool:
    """Whether nothing stands behind an entry in the maps around it, up to one whose path is so long."""
    return all(list(faulty.value_at(data, path[:end]))[-1] == path[end] for end in range(size + 1, len(path)))


def _columns(place: Place) -> Iterator[int]:
    """Where the keys of a map begin that stand in lines of their own: none of one that is written in braces."""
    return (child.key.column for child in (place.children or {}).values() if child.key and faulty.on_own_line(child))


def _shifted(it: Faulty, move: _Move) -> tuple[Replacement, ...]:
    """The lines of some entries indented as those of another map are."""
    target = faulty.place_at(it.root, move.home)
    places = [faulty.place_at(it.root, (*move.around, name)) for name in move.names]
    keys = [place.key for place in places if place.key]
    column = next(_columns(target), (target.key.column + 2) if target.key else 0)
    source = target.source
    blanks = column - keys[0].column
    edits = []
    for place, key in zip(places, keys, strict=True):
        end = faulty.region(place)[1]
        for line in range(key.line, source.mark(end, end).line + 1):
            start, text = source.starts[line], source.lines[line]
            if text.strip() and blanks > 0:
                edits.append(source.edit(start, start, " " * blanks))
            elif text.strip() and not text[:-blanks].strip():
                edits.append(source.edit(start, start - blanks, ""))
    return tuple(edits)
