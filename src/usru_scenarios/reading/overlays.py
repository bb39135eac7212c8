"""Files merged with what they extend, profiles, and assignments from outside (section 8 of the format).

Everything here works on plain data together with its places, before the shape is checked, so that a fault of the merged
model can be shown in the file, profile or argument that the piece came from. Nothing is changed in place: what an
overlay leaves alone is the same object afterwards.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.schema import SHORT_FOR, Model, expand_short_form
from usru_scenarios.model.values import Distribution, describe_value, is_judgement_form
from usru_scenarios.problems import ModelError, Problem, UnreadableInput, list_choices, suggest_name
from usru_scenarios.reading.access import MAXIMUM_EXTENDED, has_yaml_ending
from usru_scenarios.reading.places import Place
from usru_scenarios.reading.request import Assignment
from usru_scenarios.reading.schema_paths import (
    NOUNS,
    Atomic,
    Entries,
    Fields,
    Form,
    describe_place,
    entry_annotation,
    form_of,
    is_judgement,
    is_map_of_shares,
)
from usru_scenarios.reading.yaml_source import read_value
from usru_scenarios.source_text import Mark, SourceText

if TYPE_CHECKING:
    from usru_scenarios.model.values import Part
    from usru_scenarios.names import KeyPath
    from usru_scenarios.reading.access import Access
    from usru_scenarios.reading.places import Document


class Tree(NamedTuple):
    """Plain data and where every piece of it stands."""

    data: Any
    place: Place

    def child(self, key: str | int) -> Tree:
        """One entry of a map, or one item of a list."""
        return Tree(self.data[key], self.place.child(key) or self.place)

    def with_entry(self, key: str | int, value: Tree) -> Tree:
        """The same map or list with one entry changed or added."""
        data = list(self.data) if isinstance(self.data, list) else dict(self.data)
        data[key] = value.data  # type: ignore[index]  # an int for a list, a text for a map
        return Tree(data, self.place.with_children({**(self.place.children or {}), key: value.place}))

    def with_value(self, path: KeyPath, value: Any) -> Tree:
        """The same with another value where one stands now, without the key of one that is None."""
        if not path:
            return Tree(value, self.place)
        key, *rest = path
        if value is None and not rest:
            return self.without(str(key))
        return self.with_entry(key, self.child(key).with_value(tuple(rest), value))

    def without(self, key: str) -> Tree:
        """The same map without one entry."""
        data = {name: value for name, value in self.data.items() if name != key}
        children = {name: place for name, place in (self.place.children or {}).items() if name != key}
        return Tree(data, self.place.with_children(children))


# Extended files


def merge_extended(
    document: Document, access: Access, annotation: type[Part] = Model
) -> tuple[Tree, list[Problem], bool]:
    """A file merged into the one that it extends, which is merged into the one that it extends in turn, and so on.

    The last value says whether all of them could be read. What may stand where is said by the annotation.
    """
    chain, problems, is_complete = _read_chain(document, access)
    tree = Tree(chain[-1].data, chain[-1].place)
    for overlay in reversed(chain[:-1]):
        tree = merge(tree, Tree(overlay.data, overlay.place).without("extends"), problems, annotation)
    if isinstance(tree.data, dict) and isinstance(tree.data.get("extends"), str):
        tree = tree.without("extends")
    return tree, problems, is_complete


def _read_chain(document: Document, access: Access) -> tuple[list[Document], list[Problem], bool]:
    """A file and those that it extends, one after the other; the faults up to there, and whether all could be read."""
    chain, problems = [document], list(document.problems)
    real_paths = [os.path.realpath(document.source.folder / Path(document.source.name).name)]
    while isinstance(chain[-1].data, dict) and isinstance(text := chain[-1].data.get("extends"), str):
        source = chain[-1].source
        span = (chain[-1].place.child("extends") or chain[-1].place).span()
        path, name = access.find_extended_file(source, text)
        real_path = os.path.realpath(path) if "\0" not in str(path) else ""
        if real_path in real_paths:
            circle = [extended.source.name for extended in chain[real_paths.index(real_path) :]]
            message = f"'extends' goes round in a circle: {' -> '.join([*circle, circle[0]])}"
            return chain, [*problems, Problem("circular_extends", message, span)], False
        if len(chain) > MAXIMUM_EXTENDED:
            message = f"more than {MAXIMUM_EXTENDED} files extend one another"
            return chain, [*problems, Problem("too_many_files", message, span)], False
        try:
            extended = access.read_document(path, name)
        except ModelError as error:
            return chain, [*problems, *error.problems], False
        except UnreadableInput as error:
            hint = access.suggest_path(source, text, has_yaml_ending)
            return chain, [*problems, Problem("missing_file", f"nothing to extend: {error}", span, hint)], False
        problems += extended.problems
        if not isinstance(extended.data, dict):
            message = f"the file to extend, {name}, is no map of keys but {describe_value(extended.data)}"
            return chain, [*problems, Problem("not_a_map", message, span)], False
        real_paths.append(real_path)
        chain.append(extended)
    return chain, problems, True


# Merging

_MAXIMUM_SUGGESTED = 100
"""Faults to which the nearest name is sought, which takes a while where there are many names."""


def merge(base: Tree, overlay: Tree, problems: list[Problem], annotation: Any = Model, path: KeyPath = ()) -> Tree:
    """One tree merged into another, as the annotation of their place says; `null` removes."""
    base, overlay = _expand_short_form(base, annotation), _expand_short_form(overlay, annotation)
    if not isinstance(base.data, dict) or not isinstance(overlay.data, dict):
        return overlay
    form = form_of(annotation, {**base.data, **overlay.data})
    if isinstance(form, Atomic):
        return overlay
    if not overlay.data:
        return base
    data, children = dict(base.data), dict(base.place.children or {})
    for key, value in overlay.data.items():
        entry, place = entry_annotation(form, key), overlay.place.child(key) or overlay.place
        if value is None and not place.has_fault:
            if key in data:
                del data[key]
                children.pop(key, None)
                continue
            near = suggest_name(key, data) if len(problems) < _MAXIMUM_SUGGESTED else ""
            hint = near or "null removes what the file below has; an empty state is {}"
            message = f"there is no '{key}' to remove in {describe_place(path)}"
            problems.append(Problem("nothing_to_remove", message, place.key_span(), hint))
            continue
        new = Tree(value, place)
        if key in data and entry is not None:
            below = Tree(data[key], children.get(key) or base.place)
            new = merge(below, new, problems, entry, (*path, key))
        data[key], children[key] = new
    return Tree(data, base.place.with_children(children))


def _expand_short_form(tree: Tree, annotation: Any) -> Tree:
    """`crisis: 0.3` counts as `crisis: {prior: 0.3}` before merging."""
    form = None if annotation is None else form_of(annotation)
    if not isinstance(form, Fields) or form.part not in SHORT_FOR:
        return tree
    long_form = expand_short_form(form.part, tree.data)
    if long_form is tree.data:
        return tree
    place = Place(tree.place.source, tree.place.value, tree.place.key, tree.place.children)
    return Tree(long_form, tree.place.with_children({SHORT_FOR[form.part]: place}))


# Profiles


def apply_profile(tree: Tree, name: str, problems: list[Problem]) -> Tree:
    """The file with one of its profiles applied: its overrides first, then its weights."""
    profile = tree.child("profiles").child(name)
    if not isinstance(profile.data, dict):
        return tree
    sources = profile.child("sources") if isinstance(profile.data.get("sources"), list) else None
    if isinstance(profile.data.get("overrides"), dict):
        overrides = profile.child("overrides")
        tree = merge(tree, _cite_everywhere(overrides, sources, Model) if sources else overrides, problems)
    if isinstance(profile.data.get("weights"), dict):
        weights = profile.child("weights")
        for node in weights.data:
            weight = weights.child(node)
            tree = _set_weight(tree, node, _cite(weight, sources) if sources else weight, problems)
    return tree


def _cite_everywhere(tree: Tree, sources: Tree, annotation: Any) -> Tree:
    """Numbers of a profile rest on the profile's sources where neither they nor a block around them name any."""
    tree = _expand_short_form(tree, annotation)
    if is_judgement(annotation) and is_judgement_form(tree.data):
        return _cite(tree, sources)
    if not isinstance(tree.data, dict):
        return tree
    if is_judgement(annotation) or is_map_of_shares(annotation):
        for key in tree.data:
            tree = tree.with_entry(key, _cite(tree.child(key), sources))
        return tree
    form = form_of(annotation, tree.data)
    if isinstance(form, Atomic) or (isinstance(form, Fields) and "sources" in tree.data and form.part is not Model):
        return tree
    for key in tree.data:
        if (entry := entry_annotation(form, key)) is not None:
            tree = tree.with_entry(key, _cite_everywhere(tree.child(key), sources, entry))
    return tree


def _cite(tree: Tree, sources: Tree) -> Tree:
    """A judgement that cites these sources, unless it has its own."""
    raw = tree.data
    if raw is None or (isinstance(raw, list) and len(raw) != 1) or (isinstance(raw, dict) and "sources" in raw):
        return tree
    if isinstance(raw, dict) and "value" in raw:
        return tree.with_entry("sources", sources)
    value = tree.child(0) if isinstance(raw, list) else tree
    places = [value.place, *(sources.child(index).place for index in range(len(sources.data)))]
    return Tree([value.data, *sources.data], tree.place.with_children(dict(enumerate(places))))


# Weights

_FACTOR = re.compile(r"x\s*(\d+\.?\d*|\.\d+)")


def _set_weight(tree: Tree, name: str, weight: Tree, problems: list[Problem]) -> Tree:
    """The file with another weight of a driver or rule: a number, a schedule, or `x1.7` times the present one."""
    known: list[str] = []
    for section in ("drivers", "rules"):
        parts = tree.data.get(section)
        known += parts if isinstance(parts, dict) else ()
        if isinstance(parts, dict) and isinstance(parts.get(name), dict):
            part = tree.child(section).child(name)
            part = part.with_entry("weight", _multiplied_weight(part, weight))
            return tree.with_entry(section, tree.child(section).with_entry(name, part))
    if name not in known:
        consequences = tree.data.get("consequences")
        message, hint = f"unknown driver or rule '{name}'", ""
        if isinstance(consequences, dict) and name in consequences:
            message, hint = f"'{name}' is a consequence, which has no weight", "drivers and rules have weights"
        hint = hint or suggest_name(name, known) or list_choices(known)
        problems.append(Problem("unknown_weight", message, weight.place.key_span(), hint))
    return tree


def _multiplied_weight(part: Tree, weight: Tree) -> Tree:
    """The weight that a part is to have, which may be a multiple of its present one."""
    raw = weight.data
    text = raw[0] if isinstance(raw, list) and raw else raw.get("value") if isinstance(raw, dict) else raw
    match = _FACTOR.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        return weight
    present = part.child("weight") if part.data.get("weight") is not None else Tree(1, weight.place)
    return Tree(_multiply(present.data, float(match[1])), present.place)


def _multiply(raw: Any, factor: float) -> Any:
    """A weight in any of its forms, times a factor; one that can't be read stays, for the shape's check to refuse."""
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return raw * factor
    if isinstance(raw, list) and raw:
        return [_multiply(raw[0], factor), *raw[1:]]
    if not isinstance(raw, dict):
        return raw
    if "value" in raw:
        return {**raw, "value": _multiply(raw["value"], factor)}
    if not is_judgement_form(raw):
        return {date: _multiply(weight, factor) for date, weight in raw.items()}
    try:
        return Distribution.model_validate(raw).mean * factor
    except ValidationError:
        return raw


# Assignments


def apply_assignment(tree: Tree, argument: str | Assignment, problems: list[Problem]) -> Tree:
    """The file with one value set, from a value or from `PATH=VALUE`; `null` removes.

    A path is made of keys with dots between them; a key that holds a dot is quoted, or found among the keys that exist.
    """
    try:
        path, value = _read_assignment(argument, "--set", problems)
        return _PathAssignment(value.place.source, _split_path(path), value).apply(tree)
    except ModelError as error:
        problems += error.problems
        return tree


def apply_weight(tree: Tree, argument: str | Assignment, problems: list[Problem]) -> Tree:
    """The file with another weight of a driver or rule, from a value or `NAME=VALUE`, which may be `x1.7`."""
    try:
        name, value = _read_assignment(argument, "-w", problems)
    except ModelError as error:
        problems += error.problems
        return tree
    value.place.key = Mark(0, 0, len(name))
    return _set_weight(tree, name.strip(), value, problems)


_EXPECTED = {
    "--set": ("expected PATH=VALUE", "such as --set drivers.us_approach.persistence=0.9 (null removes)"),
    "-w": ("expected NAME=VALUE", "such as -w us_approach=2 or -w us_approach=x1.5"),
}


def _read_assignment(argument: str | Assignment, option: str, problems: list[Problem]) -> tuple[str, Tree]:
    """What an argument of an option names and the value, with its places in the text that a person would write.

    Raises:
        ModelError: it can't be read.
    """
    if isinstance(argument, Assignment):
        source, column = SourceText(option, argument.text), len(argument.name) + 1
        return argument.name, Tree(argument.value, _place_of_json(source, argument.value, column))
    source = SourceText(option, argument)
    equals = _find_equals_sign(argument) if option == "--set" else argument.find("=")
    if equals < 0 or not argument[equals + 1 :].strip() or (option == "-w" and not argument[:equals].strip()):
        message, hint = _EXPECTED[option]
        raise ModelError([Problem("unreadable_assignment", message, source.span(Mark(0, 0, len(argument))), hint)])
    value = read_value(source, equals + 1)
    problems += value.problems
    return argument[:equals], Tree(value.data, value.place)


def _place_of_json(source: SourceText, value: Any, column: int) -> Place:
    """Where a value and those inside it stand in one line of JSON."""
    place = Place(source, Mark(0, column, len(json.dumps(value))))
    place.children = {}
    column += 1
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        mark = Mark(0, column, len(json.dumps(key))) if isinstance(value, dict) else None
        column += mark.width + 2 if mark else 0
        child = _place_of_json(source, entry, column)
        child.key = mark
        place.children[key] = child
        column += child.value.width + 2
    return place


# Paths


class _PathPart(NamedTuple):
    """One part of a dotted path."""

    text: str
    column: int
    quoted: bool


_PART = re.compile(r"""\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<plain>[^."']*))\s*(?:\.|$)""")


def _split_path(path: str) -> list[_PathPart]:
    parts: list[_PathPart] = []
    column = 0
    while column < len(path):
        match = _PART.match(path, column)
        if match is None or match.end() == column:
            return [*parts, _PathPart(path[column:], column, quoted=False)]
        kind = match.lastgroup or "plain"
        text = match[kind].strip() if kind == "plain" else match[kind]
        parts.append(_PathPart(text, match.start(kind), kind != "plain"))
        column = match.end()
    return parts or [_PathPart("", 0, quoted=False)]


def _find_equals_sign(argument: str) -> int:
    """The column of the first `=` that is not in quotes; -1 where there is none."""
    quote = ""
    for column, character in enumerate(argument):
        if character == quote:
            quote = ""
        elif not quote and character in "\"'":
            quote = character
        elif not quote and character == "=":
            return column
    return -1


def _longest_key(parts: list[_PathPart], index: int, data: dict[str, Any]) -> tuple[str, int]:
    """The key meant at a part and the index after it: the longest run of parts that is a key that exists."""
    if not parts[index].quoted:
        for after in range(len(parts), index, -1):
            if (key := ".".join(part.text for part in parts[index:after])) in data:
                return key, after
    return parts[index].text, index + 1


def resolve_path(tree: Tree, path: str) -> KeyPath:
    """The keys that a path means as it is written after `--set`; below what the file has, key by key."""
    parts, keys, data = _split_path(path), list[str | int](), tree.data
    index = 0
    while index < len(parts):
        key: str | int = parts[index].text
        after = index + 1
        if isinstance(data, dict):
            key, after = _longest_key(parts, index, data)
        elif isinstance(data, list) and parts[index].text.isdecimal():
            key = int(parts[index].text)
        known = key in data if isinstance(data, dict) else isinstance(key, int) and key < len(data)
        data = data[key] if known else None
        keys.append(key)
        index = after
    return tuple(keys)


@dataclass(frozen=True)
class _PathAssignment:
    """A value that is to be set at a path; `index` below is that of the part of the path that comes next."""

    source: SourceText
    parts: list[_PathPart]
    value: Tree

    def apply(self, tree: Tree) -> Tree:
        if self.parts[0].text == "extends":
            raise self._error(0, "'extends' can't be set: the files are laid over each other already")
        return self._set(tree, Model, 0, ())

    def _set(self, tree: Tree, annotation: Any, index: int, path: KeyPath) -> Tree:
        if index == len(self.parts):
            self.value.place.key = self._mark(index - 1)
            if annotation is None:
                return self.value
            problems: list[Problem] = []
            merged = merge(tree, self.value, problems, annotation, path)
            if problems:
                raise ModelError(problems)
            return merged
        long_form = _expand_short_form(tree, annotation)
        changed = self._set_entry(long_form, annotation, index, path)
        return tree if changed.data == long_form.data else changed  # what is short and stays as it is stays short

    def _set_entry(self, tree: Tree, annotation: Any, index: int, path: KeyPath) -> Tree:
        if isinstance(tree.data, list):
            return self._set_item(tree, annotation, index, path)
        if not isinstance(tree.data, dict):
            dotted = ".".join(map(str, path))
            message = f"{dotted} is {describe_value(tree.data)}; there is nothing below it"
            raise self._error(index, message, f"write {dotted}" if dotted else "")
        form = form_of(annotation, tree.data)
        key, after = _longest_key(self.parts, index, tree.data)
        entry = entry_annotation(form, key)
        is_last = after == len(self.parts)
        if key in tree.data:
            if is_last and self.value.data is None:
                return tree.without(key)
            return tree.with_entry(key, self._set(tree.child(key), entry, after, (*path, key)))
        self._check_new_key(tree, form, index, after, path)
        start = Tree({}, Place(self.source, self._mark(index)))
        new = self.value if is_last else self._set(start, entry, after, (*path, key))
        new.place.key = self._mark(index)
        return tree.with_entry(key, new)

    def _set_item(self, tree: Tree, annotation: Any, index: int, path: KeyPath) -> Tree:
        text = self.parts[index].text
        if not text.isdecimal() or int(text) >= len(tree.data):
            items = f"0 to {len(tree.data) - 1}" if tree.data else "none, for it is empty"
            message = f"'{text}' is no item of the list {'.'.join(map(str, path))}"
            raise self._error(index, message, f"its items are {items}")
        item = int(text)
        if index + 1 == len(self.parts) and self.value.data is None:
            raise self._error(index, "an item of a list can't be removed", "set the whole list")
        form = form_of(annotation, {})
        entry = form.annotation if isinstance(form, Entries) else None
        return tree.with_entry(item, self._set(tree.child(item), entry, index + 1, (*path, item)))

    def _check_new_key(self, tree: Tree, form: Form, index: int, after: int, path: KeyPath) -> None:
        """A new key may stand only where the format allows one; a new thing only as a whole, not by a path into it."""
        text = self.parts[index].text
        if self.value.data is None:
            hint = suggest_name(text, tree.data) or list_choices(tree.data)
            raise self._error(index, f"there is no '{text}' to remove in {describe_place(path)}", hint)
        if isinstance(form, Fields) and text not in form.entries:
            section = "" if path else self._suggest_section(tree.data)
            hint = section or suggest_name(text, form.entries) or list_choices(form.entries)
            raise self._error(index, f"unknown key '{text}' in {describe_place(path)}", hint)
        is_named = isinstance(form, Entries) and form.holds_things
        if after < len(self.parts) and (is_named or isinstance(form, Atomic)):
            noun = NOUNS.get(str(path[-1]), "key") if path else "key"
            hint = suggest_name(text, tree.data) or list_choices(tree.data)
            raise self._error(index, f"unknown {noun} '{text}' in {'.'.join(map(str, path))}", hint)

    def _suggest_section(self, data: dict[str, Any]) -> str:
        """The hint for a path that begins with a name that stands in a section of the file."""
        name, path = self.parts[0].text, ".".join(part.text for part in self.parts)
        sections = [key for key, entries in data.items() if isinstance(entries, dict) and name in entries]
        return f"did you mean {' or '.join(f'{section}.{path}' for section in sections)}?" if sections else ""

    def _mark(self, index: int) -> Mark:
        part = self.parts[index]
        return Mark(0, part.column, max(1, len(part.text)))

    def _error(self, index: int, message: str, hint: str = "") -> ModelError:
        return ModelError([Problem("unknown_path", message, self.source.span(self._mark(index)), hint)])
