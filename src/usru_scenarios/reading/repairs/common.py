"""A fault of shape with the data and the text around it, and edits that write something else in its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import Problem, Replacement, shorten

if TYPE_CHECKING:
    from usru_scenarios.names import KeyPath
    from usru_scenarios.reading.places import Place
    from usru_scenarios.reading.pydantic_errors import Fault


class Repair(NamedTuple):
    """A problem whose hint says what to write, and the value at a path of the data once that is done."""

    path: KeyPath
    value: Any
    problem: Problem
    kind: str


class LocatedFault(NamedTuple):
    """A fault of shape, the present data of the file, and the place of its top."""

    details: Fault
    data: Any
    root: Place

    @property
    def path(self) -> KeyPath:
        """The keys that lead to the fault."""
        return self.details.path

    @property
    def value(self) -> Any:
        """The value at fault."""
        return value_at(self.data, self.path)

    @property
    def place(self) -> Place:
        """Where the value stands in the text."""
        return self.place_at(self.path)

    @property
    def parent(self) -> Any:
        """The map or list that the value stands in."""
        return value_at(self.data, self.path[:-1])

    @property
    def written_text(self) -> str:
        """The value as it stands in the text, with its quotes."""
        place = self.place
        start, end = text_range(place)
        return place.source.text[start:end] if not place.value.block else str(self.value)

    @property
    def point_targets(self) -> list[str]:
        """The states or scenarios that may be given points at the path; empty where there are none."""
        if self.path[:1] == ("outcome",) or "impacts" in self.path:
            return names_in_section(self.data, "scenarios")
        return self.states_of(self.path[1]) if len(self.path) > 1 else []

    def value_at(self, path: KeyPath) -> Any:
        """The value at another path of the file; None where there is none."""
        return value_at(self.data, path)

    def place_at(self, path: KeyPath) -> Place:
        """The place of a value at another path, or of the nearest part around it."""
        return place_at(self.root, path)

    def states_of(self, node: str | int) -> list[str]:
        """The states of a node; the scenarios of the outcome."""
        return states_of(self.data, node)

    def propose(
        self,
        hint: str,
        value: Any,
        *,
        path: KeyPath | None = None,
        edits: Iterable[Replacement] = (),
        message: str = "",
        at: Place | None = None,
        of_key: bool = False,
    ) -> Repair:
        """Another value at the path, or at the given one; the message is that of the fault unless another is given."""
        problem = self.details.problem
        span = problem.span if at is None else (at.key_span() if of_key else at.span())
        proposed = Problem(problem.code, message or problem.message, span, hint, fix=tuple(edits))
        return Repair(self.path if path is None else path, value, proposed, self.details.kind)

    def rewrite(self, value: Any, hint: str = "", text: str | None = None, message: str = "") -> Repair:
        """Another value written in the place of the present one."""
        text = format_yaml(value) if text is None else text
        edits = replace_value(self.place, text) if text else ()
        return self.propose(hint or f"write {shorten(text, 200)}", value, edits=edits, message=message)

    def rename_key(self, name: str, hint: str, message: str = "") -> Repair | None:
        """The last key of the path by another name."""
        parent, place, old = self.parent, self.place_at(self.path[:-1]), self.path[-1]
        if not isinstance(parent, dict) or name in parent or old not in parent:
            return None
        edits = replace_key(self.place, name)
        if place.children is not None:
            place.children.setdefault(name, place.children.get(old, place))
        value = {name if key == old else key: entry for key, entry in parent.items()}
        return self.propose(hint, value, path=self.path[:-1], edits=edits, message=message)


def value_at(data: Any, path: KeyPath) -> Any:
    """What stands at a path of plain data; None where nothing does."""
    for key in path:
        if key not in _keys_of(data):
            return None
        data = data[key]
    return data


def names_in_section(data: Any, section: str) -> list[str]:
    """The names that a section defines; none where it is no map and no list of texts."""
    entries = value_at(data, (section,))
    return [name for name in entries if isinstance(name, str)] if isinstance(entries, dict | list) else []


def has_path(data: Any, path: KeyPath) -> bool:
    """Whether something stands at the path, be it nothing."""
    return not path or path[-1] in _keys_of(value_at(data, path[:-1]))


def _keys_of(data: Any) -> Iterable[str | int]:
    if isinstance(data, list):
        return range(len(data))
    return data.keys() if isinstance(data, dict) else ()


def place_at(place: Place, path: KeyPath) -> Place:
    """The place of a value, or of what it stands in."""
    for key in path:
        child = place.child(key)
        if child is None:
            break
        place = child
    return place


def format_yaml(value: Any) -> str:
    """Plain data in one line of YAML."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {format_yaml(entry)}' for key, entry in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(format_yaml, value))}]"
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:.10g}"
    text = str(value)
    if re.fullmatch(r"\d{4}-(?:\d\d|Q[1-4])(?:-\d\d)?", text):
        return text
    plain = re.fullmatch(r"[A-Za-z0-9_.][^,\[\]{}#:\"'|&*!%@`<>=?]*", text) and text.strip() == text
    return text if plain and not re.fullmatch(r"[-+.\d][-+.\deE]*|true|false|null", text) else quote(text)


def quote(text: str) -> str:
    """The text in quotes."""
    return f'"{text}"' if '"' not in text and "\\" not in text else json.dumps(text, ensure_ascii=False)


def text_range(place: Place) -> tuple[int, int]:
    """The offsets between which a value stands in its text."""
    source, text = place.source, place.source.text
    start = source.offset(place.value)
    if not place.value.block:
        return start, start + place.value.width
    children = (place.children or {}).values()
    ends = [text_range(child)[1] for child in children]
    ends += [source.offset(child.key) + child.key.width for child in children if child.key]
    end = max(ends, default=start)
    if text[start : start + 1] in ("{", "["):
        closing = re.compile(r"[\s,]*[}\]]").match(text, end)
        end = closing.end() if closing else end
    return start, end


def replace_value(place: Place, text: str) -> tuple[Replacement, ...]:
    """Another text in the place of a value."""
    source = place.source
    start, end = text_range(place)
    if place.value.width == 0 or start == end:
        before = source.text[start - 1 : start]
        return (source.replacement(start, end, text if before == " " else f" {text}"),)
    if place.value.block and place.key and place.value.column <= place.key.column:
        text = f"  {text}"
    return (source.replacement(start, end, text),)


def replace_key(place: Place, name: str) -> tuple[Replacement, ...]:
    """Another key in the place of one, with or without its quotes."""
    if place.key is None:
        return ()
    start = place.source.offset(place.key)
    return (place.source.replacement(start, start + max(1, place.key.width), name),)


def rewrite_entry(place: Place, entry: object) -> tuple[str, tuple[Replacement, ...]]:
    """The hint to write another entry, key and value, in the place of one of a map, and the edit."""
    text = format_yaml(entry)[1:-1] if isinstance(entry, dict) else format_yaml(entry)
    hint = f"write {shorten(text, 200)}"
    if place.key is None:
        return hint, ()
    start, end = place.source.offset(place.key), text_range(place)[1]
    if isinstance(entry, dict) and is_on_own_line(place):
        text = ("\n" + " " * place.key.column).join(f"{key}: {format_yaml(value)}" for key, value in entry.items())
    return hint, (place.source.replacement(start, end, text),)


def abbreviate_yaml(value: Any) -> str:
    """Plain data in one line, cut short."""
    return shorten(format_yaml(value), 200)


def merge_maps(maps: Any) -> dict[str, Any] | None:
    """A list of maps as one map; None of anything else, or where two have a key in common."""
    if not isinstance(maps, list) or not maps or not all(isinstance(part, dict) for part in maps):
        return None
    merged = {key: value for part in maps for key, value in part.items()}
    return merged if len(merged) == sum(map(len, maps)) else None


def states_of(data: Any, node: str | int) -> list[str]:
    """The states of a node; the scenarios of the outcome."""
    if node == OUTCOME:
        return names_in_section(data, "scenarios")
    for section in ("drivers", "consequences"):
        states = value_at(data, (section, str(node), "states"))
        if isinstance(states, dict):
            return list(states)
    return []


def is_on_own_line(place: Place) -> bool:
    """Whether nothing stands before the key in its line."""
    return place.key is not None and not place.source.lines[place.key.line][: place.key.column].strip()


def without_key(entries: Mapping[str, Any], key: str | int) -> dict[str, Any]:
    """A map without one of its keys."""
    return {name: value for name, value in entries.items() if name != key}


def indent_lines(place: Place) -> Iterator[Replacement]:
    """The edits that move the lines of an entry two blanks further in."""
    if place.key is None:
        return
    source = place.source
    last = source.mark(text_range(place)[1], text_range(place)[1]).line
    for line in range(place.key.line, last + 1):
        if source.lines[line].strip():
            yield source.replacement(source.line_starts[line], source.line_starts[line], "  ")


def with_value_at(data: Any, path: KeyPath, value: Any) -> Any:
    """A copy of the data with another value at a path."""
    if not path:
        return value
    return {**data, path[0]: with_value_at(data[path[0]], path[1:], value)} if isinstance(data, dict) else data
