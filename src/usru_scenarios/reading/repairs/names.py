"""Names that are no names, and keys without a blank behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from usru_scenarios.model import schema, values
from usru_scenarios.model.families import FAMILIES
from usru_scenarios.model.values import NAME
from usru_scenarios.names import HOLD, OUTCOME, RESERVED
from usru_scenarios.problems import Replacement, shorten
from usru_scenarios.reading.repairs import common
from usru_scenarios.reading.repairs.common import LocatedFault, Repair
from usru_scenarios.reading.repairs.conditions import fault_of_conditions, repair_conditions
from usru_scenarios.reading.schema_paths import NOUNS
from usru_scenarios.written_forms import (
    ODD_SPACE,
    claim_ids_in,
    describe_character,
    non_ascii_letters,
    normalize_name,
    suggest_number,
)

if TYPE_CHECKING:
    from usru_scenarios.reading.places import Place


_SECTIONS = frozenset(
    {"scenarios", "groups", "drivers", "rules", "consequences", "profiles", "expectations", "questions"}
)


def repair_name(fault: LocatedFault) -> Repair | None:
    """Write a name in the place of what stands where one belongs."""
    if fault.details.pattern != NAME:
        return _repair_id(fault)
    path, of_key = fault.path, fault.details.of_key
    written = str(path[-1]) if of_key else fault.value
    if not isinstance(written, str) or re.fullmatch(NAME, written):
        return None
    if of_key and (repair := insert_space_after_colon(fault)):
        return repair
    if of_key and path[-2:-1] == ("when",) and "=" in written:
        return repair_conditions(fault_of_conditions(fault))
    if not of_key and "when" in path:
        states = re.split(r"\s*,\s*|\s+or\s+", written)
        if len(states) > 1 and set(states) <= set(fault.states_of(path[path.index("when") + 1])):
            return fault.rewrite(states, f"write {common.format_yaml(states)}")
    is_state = len(path) == 4 and path[0] in ("drivers", "consequences") and path[2] == "states"
    is_definition = of_key and (is_state or (len(path) == 2 and path[0] in _SECTIONS))
    name = _likely_name(fault, written, is_definition=is_definition)
    if not name:
        return None
    hint = f"write {name}{_explain_name(written, name)}"
    if is_definition:
        # Its own block, too, though nothing else says its name.
        data, edits = rename_everywhere(fault.data, fault.root, written, name)
        edits = [*common.replace_key(fault.place, name), *edits]
        return fault.propose(hint, data, path=(), edits=dict.fromkeys(edits))
    if of_key:
        return fault.rename_key(name, hint)
    return fault.propose(hint, name, edits=common.replace_value(fault.place, name))


def _explain_name(written: str, name: str) -> str:
    """The end of a hint: why a name is written otherwise."""
    if odd := ODD_SPACE.search(written):
        return f": it holds a {describe_character(odd[0])}"
    letters = non_ascii_letters(written)
    if letters and re.search("[A-Za-z]", written) and not re.search("[\u00c0-\u024f]", written):
        return f": '{letters[0]}' is a {describe_character(letters[0])}, which only looks like a letter from a to z"
    if not letters and written[:1].isdigit() and not name[:1].isdigit() and name.endswith(normalize_name(written)):
        return ": names begin with a letter"
    return f": names are small letters a to z, digits and '_'{'' if letters else ', and begin with a letter'}"


def _likely_name(fault: LocatedFault, written: str, *, is_definition: bool) -> str:
    """The name to write: a known or used one where it is near, else made of what stands there."""
    name = normalize_name(written)
    taken = set(fault.parent or ()) if isinstance(fault.parent, dict) else set()
    known = _undefined_names(fault.data) if is_definition else _defined_names(fault.data)
    if name in known and re.fullmatch(NAME, name):
        return name
    near = sorted(known - taken, key=lambda other: (-SequenceMatcher(None, other, name).ratio(), other))
    if near and name and SequenceMatcher(None, near[0], name).ratio() >= 0.7:
        return near[0]
    if not name and not is_definition:
        return ""
    if not re.match("[a-z]", name):
        noun = NOUNS.get(str(fault.path[-2]), "name")
        name = f"s{name}" if name else f"{noun}_{list(fault.parent).index(written) + 1}"
    while name in taken or name in RESERVED:
        name = f"{name}_2"
    return name


def _defined_names(data: Any) -> set[str]:
    """The names that the file gives to something."""
    names: set[str] = {OUTCOME, HOLD}
    for section in _SECTIONS:
        entries = common.value_at(data, (section,))
        for name, part in entries.items() if isinstance(entries, dict) else ():
            names.add(name)
            states = part.get("states") if isinstance(part, dict) else None
            names |= set(states) if isinstance(states, dict) else set()
    return names


def _undefined_names(data: Any) -> set[str]:
    """The names that are used in the file and given to nothing."""
    return {word for word in words_of(data) if re.fullmatch(NAME, word)} - _defined_names(data) - _KEYS


_TEXTS = frozenset({"title", "summary", "note", "by", "name", "signposts", "asks", "resolves"})
"""Keys whose values are texts for readers, in which nothing is named."""


def words_of(data: Any, key: str = "") -> Iterator[str]:
    """The words of a file in which something may be named, its keys among them."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield str(name)
            yield from words_of(value, str(name))
    elif isinstance(data, list):
        for value in data:
            yield from words_of(value, key)
    elif isinstance(data, str) and key not in _TEXTS:
        yield from re.findall(r"\w+", data)


_KEYS = frozenset(
    {"month", "quarter", "year", "numeric", "categorical", "P", *RESERVED, *FAMILIES}.union(
        *(
            part.model_fields
            for module in (schema, values)
            for part in vars(module).values()
            if isinstance(part, type) and issubclass(part, values.Part)
        )
    )
)
"""All words of the format."""


def rename_everywhere(data: Any, place: Place, old: str, new: str) -> tuple[Any, list[Replacement]]:
    """The data with another name wherever one stands as a key or value, and the edits."""
    edits: list[Replacement] = []

    def rename(value: Any, place: Place | None) -> Any:
        if isinstance(value, dict):
            return {rename_key(key, place): rename(entry, child(place, key)) for key, entry in list(value.items())}
        if isinstance(value, list):
            return [rename(item, child(place, index)) for index, item in enumerate(value)]
        if not isinstance(value, str) or value != old:
            return value
        edits.extend(common.replace_value(place, new) if place is not None else ())
        return new

    def rename_key(key: str, place: Place | None) -> str:
        if key != old:
            return key
        if place is not None and place.children is not None and (entry := place.child(key)) is not None:
            place.children.setdefault(new, entry)
            edits.extend(common.replace_key(entry, new))
        return new

    def child(place: Place | None, key: str | int) -> Place | None:
        return place.child(key) if place else None

    return rename(data, place), edits


def insert_space_after_colon(fault: LocatedFault) -> Repair | None:
    """Write `passed: 0.5` for `passed:0.5` in braces, which YAML takes for a key without a value."""
    written, parent, place = str(fault.path[-1]), fault.parent, fault.place
    match = re.fullmatch(r"([\w-]+)(\s*[:=]\s*)(\S.*)", written)
    if not match or fault.value is not None or not isinstance(parent, dict) or fault.path[-2:-1] == ("when",):
        return None
    key, sign, text = match.groups()
    if place.key is None or key in parent:
        return None
    start = place.source.offset(place.key) + len(key)
    number = suggest_number(text)
    around = fault.place_at(fault.path[:-1])
    if around.children is not None:
        around.children.setdefault(key, place)
    changed = {**parent, written: number.value if number else text}
    value = {key if name == written else name: entry for name, entry in changed.items()}
    edits = (place.source.replacement(start, start + len(sign), ": "),)
    message = f"a space is missing after ':' in '{shorten(written)}'"
    if "=" in sign:
        message = f"between a key and its value stands ': ', not '=', in '{shorten(written)}'"
    return fault.propose(f"write {key}: {text}", value, path=fault.path[:-1], edits=edits, message=message)


def insert_space_before_bracket(fault: LocatedFault) -> Repair | None:
    """Write `hot: {a: 1}` for `hot:{a: 1}`, whose key YAML takes to be `hot:{a`."""
    match = re.match(r"([\w-]+):[\[{]", str(fault.path[-1])) if fault.path else None
    place, parent = fault.place, fault.parent
    if match is None or place.key is None or not isinstance(parent, dict):
        return None
    start = place.source.offset(place.key) + len(match[1]) + 1
    value = common.without_key(parent, fault.path[-1])
    message = f"a space is missing after '{match[1]}:'"
    edits = (place.source.replacement(start, start, " "),)
    rest = place.source.lines[place.key.line][place.key.column + len(match[1]) + 1 :].strip()
    hint = f"write {match[1]}: {shorten(rest, 100)}"
    return fault.propose(hint, value, path=fault.path[:-1], edits=edits, message=message, at=place, of_key=True)


def _repair_id(fault: LocatedFault) -> Repair | None:
    """Write the name of a model, or several ids of claims for one text."""
    if not isinstance(fault.value, str):
        return None
    ids = claim_ids_in(fault.value)
    if len(ids) > 1 and isinstance(fault.path[-1], int):
        text = ", ".join(ids)
        return fault.propose(f"write {text}", ids[0], edits=common.replace_value(fault.place, text))
    name = normalize_name(fault.value, separator="-") if fault.path == ("name",) else ""
    return fault.rewrite(name, f"write {name}") if name else None
