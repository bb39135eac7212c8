"""Files laid over files, profiles, and assignments from outside (section 8 of the format).

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
    describe_place,
    entry_annotation,
    form_of,
    is_judgement,
    is_map_of_shares,
    short_form_part,
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
    """A file laid over the file that it extends, which is laid over the one that that one extends, and so on.

    The last value says whether all of them could be read. What may stand where is said by the annotation.
    """
    chain, problems, is_whole = _chain(document, access)
    tree = Tree(chain[-1].data, chain[-1].place)
    for over in reversed(chain[:-1]):
        tree = merge(tree, Tree(over.data, over.place).without("extends"), problems, annotation)
    if isinstance(tree.data, dict) and isinstance(tree.data.get("extends"), str):
        tree = tree.without("extends")
    return tree, problems, is_whole


def _chain(document: Document, access: Access) -> tuple[list[Document], list[Problem], bool]:
    chain, problems = [document], list(document.problems)
    seen = [os.path.realpath(document.source.folder / Path(document.source.name).name)]
    while isinstance(chain[-1].data, dict) and isinstance(text := chain[-1].data.get("extends"), str):
        here = chain[-1]
        span = (here.place.child("extends") or here.place).span()
        path, name = access.find_extended_file(here.source, text)
        if (real := _real(path)) in seen:
            circle = [one.source.name for one in chain[seen.index(real) :]]
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
            hint = access.suggest_path(here.source, text, has_yaml_ending)
            return chain, [*problems, Problem("missing_file", f"nothing to extend: {error}", span, hint)], False
        problems += extended.problems
        if not isinstance(extended.data, dict):
            message = f"the file to extend, {name}, is no map of keys but {describe_value(extended.data)}"
            return chain, [*problems, Problem("not_a_map", message, span)], False
        seen.append(real)
        chain.append(extended)
    return chain, problems, True


def _real(path: Path) -> str:
    return os.path.realpath(path) if "\0" not in str(path) else ""


# Merging


def merge(base: Tree, over: Tree, problems: list[Problem], annotation: Any = Model, path: KeyPath = ()) -> Tree:
    """One tree laid over another, as the annotation of their place says; `null` removes."""
    base, over = _long(base, annotation), _long(over, annotation)
    if not isinstance(base.data, dict) or not isinstance(over.data, dict):
        return over
    form = form_of(annotation, {**base.data, **over.data})
    if isinstance(form, Atomic):
        return over
    if not over.data:
        return base
    data, children = dict(base.data), dict(base.place.children or {})
    for key, value in over.data.items():
        within, place = entry_annotation(form, key), over.place.child(key) or over.place
        if value is None and not place.has_fault:
            if key in data:
                del data[key]
                children.pop(key, None)
            else:
                problems.append(_nothing_to_remove(key, data if len(problems) < _SUGGESTED else {}, place, path))
            continue
        piece = Tree(value, place)
        if key in data and within is not None:
            below = Tree(data[key], children.get(key) or base.place)
            piece = merge(below, piece, problems, within, (*path, key))
        data[key], children[key] = piece
    return Tree(data, base.place.with_children(children))


_SUGGESTED = 100
"""Faults to which the nearest name is sought, which takes a while where there are many names."""


def _long(tree: Tree, annotation: Any) -> Tree:
    """`crisis: 0.3` counts as `crisis: {prior: 0.3}` before merging."""
    part = None if annotation is None else short_form_part(annotation)
    if part is None or (long := expand_short_form(part, tree.data)) is tree.data:
        return tree
    place = Place(tree.place.source, tree.place.value, tree.place.key, tree.place.children)
    return Tree(long, tree.place.with_children({SHORT_FOR[part]: place}))


def _nothing_to_remove(key: str, known: dict[str, Any], place: Place, path: KeyPath) -> Problem:
    hint = suggest_name(key, known) or "null removes what the file below has; an empty state is {}"
    return Problem(
        "nothing_to_remove", f"there is no '{key}' to remove in {describe_place(path)}", place.key_span(), hint
    )


# Profiles


def apply_profile(tree: Tree, name: str, problems: list[Problem]) -> Tree:
    """The file with one of its profiles applied: its overrides first, then its weights."""
    profile = tree.child("profiles").child(name)
    if not isinstance(profile.data, dict):
        return tree
    cover = profile.child("sources") if isinstance(profile.data.get("sources"), list) else None
    if isinstance(profile.data.get("overrides"), dict):
        overrides = profile.child("overrides")
        tree = merge(tree, _covered(overrides, cover, Model) if cover else overrides, problems)
    if isinstance(profile.data.get("weights"), dict):
        weights = profile.child("weights")
        for node in weights.data:
            weight = weights.child(node)
            tree = _weighted(tree, node, _citing(weight, cover) if cover else weight, problems)
    return tree


def _covered(tree: Tree, cover: Tree, annotation: Any) -> Tree:
    """Numbers of a profile rest on the profile's sources where neither they nor a block around them name any."""
    tree = _long(tree, annotation)
    if is_judgement(annotation) and is_judgement_form(tree.data):
        return _citing(tree, cover)
    if not isinstance(tree.data, dict):
        return tree
    if is_judgement(annotation) or is_map_of_shares(annotation):
        for key in tree.data:
            tree = tree.with_entry(key, _citing(tree.child(key), cover))
        return tree
    form = form_of(annotation, tree.data)
    if isinstance(form, Atomic) or (isinstance(form, Fields) and "sources" in tree.data and form.part is not Model):
        return tree
    for key in tree.data:
        if (within := entry_annotation(form, key)) is not None:
            tree = tree.with_entry(key, _covered(tree.child(key), cover, within))
    return tree


def _citing(tree: Tree, cover: Tree) -> Tree:
    """A judgement with the sources of `cover` beside it, unless it has its own."""
    raw = tree.data
    if raw is None or (isinstance(raw, list) and len(raw) != 1) or (isinstance(raw, dict) and "sources" in raw):
        return tree
    if isinstance(raw, dict) and "value" in raw:
        return tree.with_entry("sources", cover)
    value = tree.child(0) if isinstance(raw, list) else tree
    places = [value.place, *(cover.child(index).place for index in range(len(cover.data)))]
    return Tree([value.data, *cover.data], tree.place.with_children(dict(enumerate(places))))


# Weights

_FACTOR = re.compile(r"x\s*(\d+\.?\d*|\.\d+)")


def _weighted(tree: Tree, node: str, weight: Tree, problems: list[Problem]) -> Tree:
    """The file with another weight of a driver or rule: a number, a schedule, or `x1.7` times the present one."""
    holders = [(section, tree.data.get(section)) for section in ("drivers", "rules")]
    for section, things in holders:
        if isinstance(things, dict) and isinstance(things.get(node), dict):
            things_tree = tree.child(section)
            thing = things_tree.child(node)
            changed = thing.with_entry("weight", _times_present(thing, weight))
            return tree.with_entry(section, things_tree.with_entry(node, changed))
    if not any(isinstance(things, dict) and node in things for _, things in holders):
        problems.append(_unknown_weight(node, tree.data, weight))
    return tree


def _unknown_weight(node: str, data: dict[str, Any], weight: Tree) -> Problem:
    known = [name for section in ("drivers", "rules") if isinstance(names := data.get(section), dict) for name in names]
    if isinstance(consequences := data.get("consequences"), dict) and node in consequences:
        message = f"'{node}' is a consequence, which has no weight"
        return Problem("unknown_weight", message, weight.place.key_span(), "drivers and rules have weights")
    hint = suggest_name(node, known) or list_choices(known)
    return Problem("unknown_weight", f"unknown driver or rule '{node}'", weight.place.key_span(), hint)


def _times_present(thing: Tree, weight: Tree) -> Tree:
    raw = weight.data
    written = raw[0] if isinstance(raw, list) and raw else raw.get("value") if isinstance(raw, dict) else raw
    match = _FACTOR.fullmatch(written.strip()) if isinstance(written, str) else None
    if match is None:
        return weight
    present = thing.child("weight") if thing.data.get("weight") is not None else Tree(1, weight.place)
    return Tree(_scaled(present.data, float(match[1])), present.place)


def _scaled(raw: Any, factor: float) -> Any:
    """A weight in any of its forms, times a factor; one that can't be read stays, for the shape's check to refuse."""
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, int | float):
        return raw * factor
    if isinstance(raw, list) and raw:
        return [_scaled(raw[0], factor), *raw[1:]]
    if isinstance(raw, dict) and "value" in raw:
        return {**raw, "value": _scaled(raw["value"], factor)}
    if isinstance(raw, dict) and is_judgement_form(raw):
        try:
            return Distribution.model_validate(raw).mean * factor
        except ValidationError:
            return raw
    return {date: _scaled(one, factor) for date, one in raw.items()} if isinstance(raw, dict) else raw


# Assignments


def apply_assignment(tree: Tree, argument: str | Assignment, problems: list[Problem]) -> Tree:
    """The file with one value set, from a value or from `PATH=VALUE`; `null` removes.

    A path is made of keys with dots between them; a key that holds a dot is quoted, or found among the keys that exist.
    """
    try:
        path, value = _read(argument, "--set", problems)
        return _PathAssignment(value.place.source, _path_parts(path), value).applied(tree)
    except ModelError as error:
        problems += error.problems
        return tree


_EXPECTED = {
    "--set": ("expected PATH=VALUE", "such as --set drivers.us_approach.persistence=0.9 (null removes)"),
    "-w": ("expected NAME=VALUE", "such as -w us_approach=2 or -w us_approach=x1.5"),
}


def _read(argument: str | Assignment, option: str, problems: list[Problem]) -> tuple[str, Tree]:
    """What an argument of an option names and the value, with its places in the text that a person would write.

    Raises:
        ModelError: it can't be read.
    """
    if isinstance(argument, Assignment):
        source, at = SourceText(option, argument.text), len(argument.name) + 1
        return argument.name, Tree(argument.value, _value_place(source, argument.value, at))
    source = SourceText(option, argument)
    equals = _equals(argument) if option == "--set" else argument.find("=")
    if equals < 0 or not argument[equals + 1 :].strip() or (option == "-w" and not argument[:equals].strip()):
        message, hint = _EXPECTED[option]
        raise ModelError([Problem("unreadable_assignment", message, source.span(Mark(0, 0, len(argument))), hint)])
    value = read_value(source, equals + 1)
    problems += value.problems
    return argument[:equals], Tree(value.data, value.place)


def _value_place(source: SourceText, value: Any, column: int) -> Place:
    """Where a value and those inside it stand in one line of JSON."""
    place = Place(source, Mark(0, column, len(json.dumps(value))))
    place.children = {}
    column += 1
    for key, one in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        mark = Mark(0, column, len(json.dumps(key))) if isinstance(value, dict) else None
        column += mark.width + 2 if mark else 0
        place.children[key] = _value_place(source, one, column)
        place.children[key].key = mark
        column += len(json.dumps(one)) + 2
    return place


def resolve_path(tree: Tree, path: str) -> KeyPath:
    """The way in a file that a path means as it is written after `--set`; below what the file has, key by key."""
    parts, keys, data = _path_parts(path), list[str | int](), tree.data
    while parts:
        key: str | int = parts[0].text
        after = 1
        if isinstance(data, dict):
            key, after = _longest_key(parts, 0, data)
        elif isinstance(data, list) and parts[0].text.isdecimal():
            key = int(parts[0].text)
        known = key in data if isinstance(data, dict) else isinstance(key, int) and key < len(data)
        data = data[key] if known else None
        keys.append(key)
        parts = parts[after:]
    return tuple(keys)


def _longest_key(parts: list[_PathPart], at: int, data: dict[str, Any]) -> tuple[str, int]:
    """The key meant at a part and the part after it: the longest run of parts that is a key that exists."""
    if not parts[at].quoted:
        for after in range(len(parts), at, -1):
            if (key := ".".join(part.text for part in parts[at:after])) in data:
                return key, after
    return parts[at].text, at + 1


def apply_weight(tree: Tree, argument: str | Assignment, problems: list[Problem]) -> Tree:
    """The file with another weight of a driver or rule, from a value or `NAME=VALUE`, which may be `x1.7`."""
    try:
        name, value = _read(argument, "-w", problems)
    except ModelError as error:
        problems += error.problems
        return tree
    value.place.key = Mark(0, 0, len(name))
    return _weighted(tree, name.strip(), value, problems)


class _PathPart(NamedTuple):
    """One part of a dotted path."""

    text: str
    column: int
    quoted: bool


_PART = re.compile(r"""\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<plain>[^."']*))\s*(?:\.|$)""")


def _equals(argument: str) -> int:
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


def _path_parts(path: str) -> list[_PathPart]:
    parts: list[_PathPart] = []
    column = 0
    while column < len(path):
        match = _PART.match(path, column)
        if match is None or match.end() == column:
            return [*parts, _PathPart(path[column:], column, quoted=False)]
        kind = match.lastgroup or "plain"
        parts.append(
            _PathPart(match[kind].strip() if kind == "plain" else match[kind], match.start(kind), kind != "plain")
        )
        column = match.end()
    return parts or [_PathPart("", 0, quoted=False)]


@dataclass(frozen=True)
class _PathAssignment:
    """A value on its way down a path."""

    source: SourceText
    parts: list[_PathPart]
    value: Tree

    def applied(self, tree: Tree) -> Tree:
        if self.parts[0].text == "extends":
            raise self._fault(0, "'extends' can't be set: the files are laid over each other already")
        return self._down(tree, Model, 0, ())

    def _down(self, tree: Tree, annotation: Any, at: int, path: KeyPath) -> Tree:
        if at == len(self.parts):
            return self._laid_over(tree, annotation, path)
        long = _long(tree, annotation)
        below = self._below(long, annotation, at, path)
        return tree if below.data == long.data else below  # what is short and stays as it is stays short

    def _below(self, tree: Tree, annotation: Any, at: int, path: KeyPath) -> Tree:
        if isinstance(tree.data, list):
            return self._into_list(tree, annotation, at, path)
        if not isinstance(tree.data, dict):
            whole = ".".join(map(str, path))
            message = f"{whole} is {describe_value(tree.data)}; there is nothing below it"
            raise self._fault(at, message, f"write {whole}" if whole else "")
        form = form_of(annotation, tree.data)
        key, after = _longest_key(self.parts, at, tree.data)
        within = entry_annotation(form, key)
        if key in tree.data:
            if after == len(self.parts) and self.value.data is None:
                return tree.without(key)
            return tree.with_entry(key, self._down(tree.child(key), within, after, (*path, key)))
        self._check_new(tree, form, at, after, path)
        start = Tree({}, Place(self.source, self._mark(at)))
        below = self.value if after == len(self.parts) else self._down(start, within, after, (*path, key))
        below.place.key = self._mark(at)
        return tree.with_entry(key, below)

    def _laid_over(self, tree: Tree, annotation: Any, path: KeyPath) -> Tree:
        self.value.place.key = self._mark(len(self.parts) - 1)
        problems: list[Problem] = []
        result = merge(tree, self.value, problems, annotation, path) if annotation is not None else self.value
        if problems:
            raise ModelError(problems)
        return result

    def _into_list(self, tree: Tree, annotation: Any, at: int, path: KeyPath) -> Tree:
        text = self.parts[at].text
        if not text.isdecimal() or int(text) >= len(tree.data):
            items = f"0 to {len(tree.data) - 1}" if tree.data else "none, for it is empty"
            raise self._fault(
                at, f"'{text}' is no item of the list {'.'.join(map(str, path))}", f"its items are {items}"
            )
        index = int(text)
        if at + 1 == len(self.parts) and self.value.data is None:
            raise self._fault(at, "an item of a list can't be removed", "set the whole list")
        form = form_of(annotation, {})
        within = entry_annotation(form, text) if isinstance(form, Entries) else None
        return tree.with_entry(index, self._down(tree.child(index), within, at + 1, (*path, index)))

    def _check_new(self, tree: Tree, form: Fields | Entries | Atomic, at: int, after: int, path: KeyPath) -> None:
        """A new key may stand only where the format allows one; a new thing only as a whole, not by a path into it."""
        text = self.parts[at].text
        if self.value.data is None:
            hint = suggest_name(text, tree.data) or list_choices(tree.data)
            raise self._fault(at, f"there is no '{text}' to remove in {describe_place(path)}", hint)
        if isinstance(form, Fields) and text not in form.entries:
            hint = (
                self._in_section(tree.data, at, path) or suggest_name(text, form.entries) or list_choices(form.entries)
            )
            raise self._fault(at, f"unknown key '{text}' in {describe_place(path)}", hint)
        deep = after < len(self.parts)
        if deep and (isinstance(form, Atomic) or (isinstance(form, Entries) and form.holds_things)):
            noun = NOUNS.get(str(path[-1]), "key") if path else "key"
            hint = suggest_name(text, tree.data) or list_choices(tree.data)
            raise self._fault(at, f"unknown {noun} '{text}' in {'.'.join(map(str, path))}", hint)

    def _in_section(self, data: dict[str, Any], at: int, path: KeyPath) -> str:
        """The hint for a path that begins with a name that stands in a section of the file."""
        name = self.parts[at].text
        found = () if path else [key for key, held in data.items() if isinstance(held, dict) and name in held]
        written = ".".join(part.text for part in self.parts)
        return f"did you mean {' or '.join(f'{section}.{written}' for section in found)}?" if found else ""

    def _mark(self, at: int) -> Mark:
        part = self.parts[at]
        return Mark(0, part.column, max(1, len(part.text)))

    def _fault(self, at: int, message: str, hint: str = "") -> ModelError:
        return ModelError([Problem("unknown_path", message, self.source.span(self._mark(at)), hint)])
