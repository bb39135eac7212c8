"""A fault of shape with the data and the text around it, and what is written in the place of a value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import Problem, Replacement, shortened

if TYPE_CHECKING:
    from usru_scenarios.names import KeyPath
    from usru_scenarios.reading.places import Place
    from usru_scenarios.reading.pydantic_errors import Fault


class Repair(NamedTuple):
    """A fault with what it proposes, and the data as they then are at a path."""

    path: KeyPath
    value: Any
    problem: Problem
    kind: str


class Faulty(NamedTuple):
    """A fault of shape, in the data as they are by now."""

    fault: Fault
    data: Any
    root: Place

    @property
    def path(self) -> KeyPath:
        """The keys that lead to it."""
        return self.fault.path

    @property
    def raw(self) -> Any:
        """The value at fault."""
        return value_at(self.data, self.path)

    @property
    def place(self) -> Place:
        """Where it stands in the text."""
        return place_at(self.root, self.path)

    @property
    def parent(self) -> Any:
        """What it stands in."""
        return value_at(self.data, self.path[:-1])

    @property
    def written(self) -> str:
        """The value as it stands in the text, with its quotes."""
        place = self.place
        start, end = region(place)
        return place.source.text[start:end] if not place.value.block else str(self.raw)

    def repair(
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
        """What the fault proposes; its message is that of the fault unless another is given."""
        problem = self.fault.problem
        span = problem.span if at is None else (at.key_span() if of_key else at.span())
        said = Problem(problem.code, message or problem.message, span, hint, fix=tuple(edits))
        return Repair(self.path if path is None else path, value, said, self.fault.kind)

    def rewritten(self, hint: str, value: Any, text: str | None = None, message: str = "") -> Repair:
        """The value written anew in its place."""
        text = flow(value) if text is None else text
        return self.repair(hint, value, edits=replacing(self.place, text) if text else (), message=message)


def value_at(data: Any, path: KeyPath) -> Any:
    """What stands at a path of plain data; None where nothing does."""
    for key in path:
        if key not in _keys_of(data):
            return None
        data = data[key]
    return data


def names_in(data: Any, section: str) -> list[str]:
    """The names that a section defines; none where it is no map and no list of texts."""
    raw = value_at(data, (section,))
    return [name for name in raw if isinstance(name, str)] if isinstance(raw, dict | list) else []


def is_there(data: Any, path: KeyPath) -> bool:
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


def flow(value: Any) -> str:
    """Plain data in one line of YAML."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {flow(one)}' for key, one in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
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
    return text if plain and not re.fullmatch(r"[-+.\d][-+.\deE]*|true|false|null", text) else quoted(text)


def quoted(text: str) -> str:
    """The text in quotes."""
    return f'"{text}"' if '"' not in text and "\\" not in text else json.dumps(text, ensure_ascii=False)


def region(place: Place) -> tuple[int, int]:
    """The offsets between which a value stands in its text."""
    source, text = place.source, place.source.text
    start = source.offset(place.value)
    if not place.value.block:
        return start, start + place.value.width
    ends = [region(child)[1] for child in (place.children or {}).values()]
    ends += [source.offset(child.key) + child.key.width for child in (place.children or {}).values() if child.key]
    end = max(ends, default=start)
    if text[start : start + 1] in ("{", "["):
        closing = re.compile(r"[\s,]*[}\]]").match(text, end)
        end = closing.end() if closing else end
    return start, end


def replacing(place: Place, text: str) -> tuple[Replacement, ...]:
    """Another text in the place of a value."""
    source = place.source
    start, end = region(place)
    if place.value.width == 0 or start == end:
        before = source.text[start - 1 : start]
        return (source.edit(start, end, text if before == " " else f" {text}"),)
    if place.value.block and place.key and place.value.column <= place.key.column:
        text = f"  {text}"
    return (source.edit(start, end, text),)


def renaming(place: Place, name: str) -> tuple[Replacement, ...]:
    """Another key in the place of one, with or without its quotes."""
    if place.key is None:
        return ()
    start = place.source.offset(place.key)
    return (place.source.edit(start, start + max(1, place.key.width), name),)


def entry_rewritten(place: Place, instead: object) -> tuple[str, tuple[Replacement, ...]]:
    """The hint that an entry of a map is written otherwise, key and value, and the change."""
    text = flow(instead)[1:-1] if isinstance(instead, dict) else flow(instead)
    hint = f"write {shortened(text, 200)}"
    if place.key is None:
        return hint, ()
    start, end = place.source.offset(place.key), region(place)[1]
    if isinstance(instead, dict) and on_own_line(place):
        text = ("\n" + " " * place.key.column).join(f"{key}: {flow(one)}" for key, one in instead.items())
    return hint, (place.source.edit(start, end, text),)


def renamed(it: Faulty, name: str, hint: str, message: str = "") -> Repair | None:
    """A key by another name."""
    parent, place = it.parent, place_at(it.root, it.path[:-1])
    old = it.path[-1]
    if not isinstance(parent, dict) or name in parent or old not in parent:
        return None
    edits = renaming(it.place, name)
    if place.children is not None:
        place.children.setdefault(name, place.children.get(old, place))
    value = {name if key == old else key: one for key, one in parent.items()}
    return it.repair(hint, value, path=it.path[:-1], edits=edits, message=message)


def short(value: Any) -> str:
    """Plain data in one line, cut short."""
    return shortened(flow(value), 200)


def one_map(raw: list[Any]) -> dict[str, Any] | None:
    """A list of small maps as one map."""
    if not raw or not all(isinstance(one, dict) for one in raw):
        return None
    merged: dict[str, Any] = {}
    for one in raw:
        if merged.keys() & one.keys():
            return None
        merged |= one
    return merged


def targets_of(it: Faulty) -> list[str]:
    """For what points may be given at a path; empty where for nothing."""
    if it.path[:1] == ("outcome",) or "impacts" in it.path:
        return names_in(it.data, "scenarios")
    return states_of(it.data, str(it.path[1])) if len(it.path) > 1 else []


def states_of(data: Any, node: str) -> list[str]:
    """The states of a node; the scenarios of the outcome."""
    if node == OUTCOME:
        return names_in(data, "scenarios")
    for section in ("drivers", "consequences"):
        states = value_at(data, (section, node, "states"))
        if isinstance(states, dict):
            return list(states)
    return []


def on_own_line(place: Place) -> bool:
    """Whether nothing stands before the key in its line."""
    if place.key is None:
        return False
    return not place.source.lines[place.key.line][: place.key.column].strip()


def without(raw: Mapping[str, Any], key: str | int) -> dict[str, Any]:
    """A map without one of its keys."""
    return {name: one for name, one in raw.items() if name != key}


def indenting(place: Place) -> Iterator[Replacement]:
    """The lines of an entry further in."""
    if place.key is None:
        return
    source = place.source
    last = source.mark(region(place)[1], region(place)[1]).line
    for line in range(place.key.line, last + 1):
        if source.lines[line].strip():
            yield source.edit(source.starts[line], source.starts[line], "  ")


def changed_at(data: Any, path: KeyPath, value: Any) -> Any:
    """A copy of the data with another value at a path."""
    if not path:
        return value
    return {**data, path[0]: changed_at(data[path[0]], path[1:], value)} if isinstance(data, dict) else data
