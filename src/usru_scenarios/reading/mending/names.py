"""Names that are no names, and keys without a blank behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from usru_scenarios.model.families import FAMILIES
from usru_scenarios.model.values import NAME
from usru_scenarios.names import HOLD, OUTCOME, RESERVED
from usru_scenarios.problems import shortened
from usru_scenarios.reading.mending import faulty
from usru_scenarios.reading.mending.conditions import above, conditions
from usru_scenarios.reading.mending.faulty import Faulty, Repair
from usru_scenarios.reading.schema_paths import NOUNS
from usru_scenarios.written_forms import ODD_BLANK, called, foreign_letters, ids_in, name_meant, number_meant

if TYPE_CHECKING:
    from usru_scenarios.names import KeyPath
    from usru_scenarios.reading.places import Place


_SECTIONS = frozenset(
    {"scenarios", "groups", "drivers", "rules", "consequences", "profiles", "expectations", "questions"}
)


def _is_definition(path: KeyPath) -> bool:
    return (len(path) == 2 and path[0] in _SECTIONS) or (
        len(path) == 4 and path[0] in ("drivers", "consequences") and path[2] == "states"
    )


def mend_name(it: Faulty) -> Repair | None:
    """What stands where a name belongs."""
    if it.fault.pattern != NAME:
        return _other_id(it)
    of_key = it.fault.of_key
    written = str(it.path[-1]) if of_key else it.raw
    if not isinstance(written, str) or re.fullmatch(NAME, written):
        return None
    if of_key and (found := without_space(it)):
        return found
    if of_key and it.path[-2:-1] == ("when",) and "=" in written:
        return conditions(above(it), it.parent)
    if not of_key and "when" in it.path and (either := re.split(r"\s*,\s*|\s+or\s+", written))[1:]:
        known = faulty.states_of(it.data, str(it.path[it.path.index("when") + 1]))
        if set(either) <= set(known):
            return it.rewritten(f"write {faulty.flow(either)}", either)
    is_new = of_key and _is_definition(it.path)
    name = _likely_name(it, written, is_new=is_new)
    if not name:
        return None
    hint = f"write {name}{_why(written, name)}"
    edits = list(faulty.renaming(it.place, name)) if of_key else list(faulty.replacing(it.place, name))
    if is_new:
        data, places = renamed_everywhere(it.data, it.root, written, name)
        # Its own block, too, though nothing else says its name.
        edits += [
            edit
            for place, of in places
            for edit in (faulty.renaming(place, name) if of else faulty.replacing(place, name))
        ]
        return it.repair(hint, data, path=(), edits=dict.fromkeys(edits))
    if of_key:
        return faulty.renamed(it, name, hint)
    return it.repair(hint, name, edits=edits)


def _why(written: str, name: str) -> str:
    if odd := ODD_BLANK.search(written):
        return f": it holds a {called(odd[0])}"
    if foreign := foreign_letters(written):
        if re.search("[A-Za-z]", written) and not re.search("[\u00c0-\u024f]", written):
            return f": '{foreign[0]}' is a {called(foreign[0])}, which only looks like a letter from a to z"
        return ": names are small letters a to z, digits and '_'"
    if written[:1].isdigit() and not name[:1].isdigit() and name.endswith(name_meant(written)):
        return ": names begin with a letter"
    return ": names are small letters a to z, digits and '_', and begin with a letter"


def _likely_name(it: Faulty, written: str, *, is_new: bool) -> str:
    """The name to write: a known or used one where it is near, else made of what stands there."""
    name = name_meant(written)
    taken = set(it.parent or ()) if isinstance(it.parent, dict) else set()
    sought = _unresolved(it.data) if is_new else _defined(it.data)
    if name in sought and re.fullmatch(NAME, name):
        return name
    near = sorted(sought - taken, key=lambda one: -SequenceMatcher(None, one, name).ratio())
    if near and name and SequenceMatcher(None, near[0], name).ratio() >= 0.7:
        return near[0]
    if not name and not is_new:
        return ""
    if not re.match("[a-z]", name):
        name = f"s{name}" if name else f"{NOUNS.get(str(it.path[-2]), 'name')}_{list(it.parent).index(written) + 1}"
    while name in taken or name in RESERVED:
        name = f"{name}_2"
    return name


def _defined(data: Any) -> set[str]:
    """The names that the file gives to something."""
    names: set[str] = {OUTCOME, HOLD}
    for section in _SECTIONS:
        entries = faulty.value_at(data, (section,))
        for name, part in entries.items() if isinstance(entries, dict) else ():
            names.add(name)
            states = part.get("states") if isinstance(part, dict) else None
            names |= set(states) if isinstance(states, dict) else set()
    return names


def _unresolved(data: Any) -> set[str]:
    """The names that are used in the file and given to nothing."""
    return {word for word in words(data) if re.fullmatch(NAME, word)} - _defined(data) - _KEYS


_TEXTS = frozenset({"title", "summary", "note", "by", "name", "signposts", "asks", "resolves"})
"""Keys whose values are texts for readers, in which nothing is named."""


def words(data: Any, key: str = "") -> Iterator[str]:
    """The words of a file in which something may be named, its keys among them."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield str(name)
            yield from words(value, str(name))
    elif isinstance(data, list):
        for value in data:
            yield from words(value, key)
    elif isinstance(data, str) and key not in _TEXTS:
        yield from re.findall(r"\w+", data)


def _all_keys() -> frozenset[str]:
    from usru_scenarios.model import schema, values

    kinds = [kind for module in (schema, values) for kind in vars(module).values() if isinstance(kind, type)]
    parts = [kind for kind in kinds if issubclass(kind, values.Part)]
    return frozenset(name for part in parts for name in part.model_fields) | RESERVED | frozenset(FAMILIES)


_KEYS = _all_keys() | {"month", "quarter", "year", "numeric", "categorical", "P"}


def renamed_everywhere(data: Any, place: Place, old: str, new: str) -> tuple[Any, list[tuple[Place, bool]]]:
    """The data with another name wherever one stands as a key or value, and these places; True of a key."""
    places: list[tuple[Place, bool]] = []

    def walk(raw: Any, at: Place | None) -> Any:
        if isinstance(raw, dict):
            return {_key(key, at): walk(value, at.child(key) if at else None) for key, value in list(raw.items())}
        if isinstance(raw, list):
            return [walk(value, at.child(index) if at else None) for index, value in enumerate(raw)]
        if raw == old and isinstance(raw, str):
            if at is not None:
                places.append((at, False))
            return new
        return raw

    def _key(key: str, at: Place | None) -> str:
        if key != old:
            return key
        if at is not None and (child := at.child(key)) is not None and at.children is not None:
            at.children.setdefault(new, child)
            places.append((child, True))
        return new

    return walk(data, place), places


def without_space(it: Faulty) -> Repair | None:
    """`passed:0.5` in braces, which YAML takes for a key without a value."""
    written = str(it.path[-1])
    found_in = re.fullmatch(r"([\w-]+)(\s*[:=]\s*)(\S.*)", written)
    parent = it.parent
    if found_in is None or it.raw is not None or not isinstance(parent, dict) or it.path[-2:-1] == ("when",):
        return None
    key, sign, text = found_in.groups()
    place = it.place
    if place.key is None or key in parent:
        return None
    at = place.source.offset(place.key) + len(key)
    found = number_meant(text)
    value: Any = found.value if found else text
    around = faulty.place_at(it.root, it.path[:-1])
    if around.children is not None:
        around.children.setdefault(key, place)
    fresh = {key if name == written else name: value if name == written else one for name, one in parent.items()}
    edits = (place.source.edit(at, at + len(sign), ": "),)
    message = f"a space is missing after ':' in '{shortened(written)}'"
    if "=" in sign:
        message = f"between a key and its value stands ': ', not '=', in '{shortened(written)}'"
    return it.repair(f"write {key}: {text}", fresh, path=it.path[:-1], edits=edits, message=message)


def without_space_before_bracket(it: Faulty) -> Repair | None:
    """`hot:{early_election: 1}`, whose key YAML takes to be `hot:{early_election`."""
    found = re.match(r"([\w-]+):[\[{]", str(it.path[-1])) if it.path else None
    place, parent = it.place, it.parent
    if found is None or place.key is None or not isinstance(parent, dict):
        return None
    at = place.source.offset(place.key) + len(found[1]) + 1
    value = faulty.without(parent, it.path[-1])
    message = f"a space is missing after '{found[1]}:'"
    edits = (place.source.edit(at, at, " "),)
    rest = place.source.lines[place.key.line][place.key.column + len(found[1]) + 1 :].strip()
    hint = f"write {found[1]}: {shortened(rest, 100)}"
    return it.repair(hint, value, path=it.path[:-1], edits=edits, message=message, at=place, of_key=True)


def _other_id(it: Faulty) -> Repair | None:
    """The name of a model, or several ids of claims in one text."""
    raw = it.raw
    if isinstance(raw, str) and len(ids := ids_in(raw)) > 1 and isinstance(it.path[-1], int):
        return it.repair(f"write {', '.join(ids)}", ids[0], edits=faulty.replacing(it.place, ", ".join(ids)))
    if it.path != ("name",) or not isinstance(raw, str):
        return None
    name = name_meant(raw, joint="-")
    return it.rewritten(f"write {name}", name) if name else None
