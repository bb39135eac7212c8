"""What may stand at each place of a scenario file, derived from the annotations of `model`.

Overlays ask how two files merge, assignments where a path leads, messages what a place is called. All three read it off
the model's own annotations, so that the format is said once.
"""

from __future__ import annotations

from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import Discriminator, Tag

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model import values
from usru_scenarios.model.schema import Model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from usru_scenarios.names import KeyPath


@dataclass(frozen=True)
class Fields:
    """A map with fixed keys, which merge key by key."""

    part: type[values.Part]

    @property
    def entries(self) -> Mapping[str, Any]:
        """The annotation of each key."""
        return _entry_annotations(self.part)


@dataclass(frozen=True)
class Entries:
    """A map with free keys (names of things, states, dates), which merge key by key."""

    annotation: Any
    """Of every entry."""

    @property
    def holds_things(self) -> bool:
        """Whether the entries are things with an identity (drivers, states, rules, ...) and not points or lists."""
        return isinstance(form_of(self.annotation), Fields)


@dataclass(frozen=True)
class Atomic:
    """A value, a list, or a map that is replaced as a whole."""


Form = Fields | Entries | Atomic


@cache
def _entry_annotations(part: type[values.Part]) -> dict[str, Any]:
    hints = get_type_hints(part, include_extras=True)
    return {field.alias or name: hints[name] for name, field in part.model_fields.items()}


def form_of(annotation: Any, raw: object = None) -> Form:
    """What an annotation says of the raw value that stands there; `raw` decides where there are two kinds."""
    annotation, marks = _unwrap(annotation)
    if values.REPLACED_WHOLE in marks:
        return Atomic()
    if values.PART_OF_FILE in marks:
        return Fields(Model)
    if get_origin(annotation) in (Union, UnionType):
        return form_of(_matching_member(get_args(annotation), marks, raw), raw)
    if isinstance(annotation, type) and issubclass(annotation, values.Part):
        return Atomic() if issubclass(annotation, values.Value) else Fields(annotation)
    if get_origin(annotation) is dict:
        return Entries(get_args(annotation)[1])
    return Atomic()


def _matching_member(members: tuple[Any, ...], marks: tuple[Any, ...], raw: object) -> Any:
    """The member of a union that the raw value belongs to."""
    for mark in marks:
        if isinstance(mark, Discriminator) and callable(mark.discriminator):
            tag = Tag(str(mark.discriminator(raw if raw is not None else {})))
            return next((member for member in members if tag in get_args(member)), members[0])
    return members[0]


def entry_annotation(form: Form, key: str) -> Any:
    """The annotation of one entry of a map, or None where no such key is known."""
    match form:
        case Fields():
            return form.entries.get(key)
        case Entries():
            return form.annotation
    return None


def fields_at(path: KeyPath, data: Any, annotation: Any = Model) -> tuple[str, ...]:
    """The keys that the map at a path of the file may have; empty where keys are free or there is no map."""
    for part in path:
        annotation = entry_annotation(form_of(annotation, data), str(part))
        data = data[part] if _has_part(data, part) else None
    plain, _ = _unwrap(annotation)
    if plain is values.OddsPerPoint and not values.is_judgement_form(data):
        return tuple(values.OddsPerPoint.model_fields)
    if is_judgement(annotation):
        return tuple(values.Judgement.model_fields)
    form = form_of(annotation, data)
    return tuple(form.entries) if isinstance(form, Fields) else ()


@cache
def all_format_keys() -> frozenset[str]:
    """All that `fields_at` gives for any place of any file."""
    keys: set[str] = set()
    parts = [values.Part]
    for part in parts:  # subclasses are added on the way
        parts += part.__subclasses__()
        keys |= {key for name, field in part.model_fields.items() for key in (name, field.alias or name)}
    return frozenset(keys)


def _has_part(data: Any, part: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(part, int) and part < len(data)
    return isinstance(data, dict) and part in data


def is_judgement(annotation: Any) -> bool:
    """Whether one judgement, or a map of them by state or date, stands here."""
    return _unwrap(annotation)[0] in (
        values.Judgement,
        values.Keep,
        values.Weight,
        values.Persistence,
        values.OddsPerPoint,
    )


def is_map_of_shares(annotation: Any) -> bool:
    """Whether a map of shares by name stands here."""
    plain, marks = _unwrap(annotation)
    return values.REPLACED_WHOLE in marks and get_origin(plain) is dict and is_judgement(get_args(plain)[1])


def _unwrap(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """An annotation without `None` for an alternative and without its marks, which come second."""
    marks: tuple[Any, ...] = ()
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            marks += tuple(more)
            continue
        members = [member for member in get_args(annotation) if member is not NoneType]
        if get_origin(annotation) in (Union, UnionType) and len(members) == 1:
            annotation = members[0]
            continue
        return annotation, marks


NOUNS = {
    "drivers": "driver",
    "consequences": "consequence",
    "rules": "rule",
    "scenarios": "scenario",
    "groups": "group",
    "profiles": "profile",
    "expectations": "expectation",
    "questions": "question",
    "evidence": "item",
    "resolutions": "resolution",
    "states": "state",
    "events": "event",
    "prior_given": "row",
}
"""What an entry of each map of things is called."""


def describe_place(path: KeyPath) -> str:
    """A part of the file in words, such as `influences of 'sanctions'` or `event 2 of 'us_approach'`."""
    if not path:
        return "the file"
    section, *rest = path
    if section in ("outcome", "anchor"):
        return _describe_inside(f"the {section}", rest)
    if section not in NOUNS or not rest:
        return f"'{section}'"
    name, *rest = rest
    if section == "profiles" and rest[:1] == ["overrides"]:
        return f"{describe_place(tuple(rest[1:])) if rest[1:] else 'overrides'} in profile '{name}'"
    if not rest:
        return f"{NOUNS[str(section)]} '{name}'"
    owner = f"'{name}'" if section in ("drivers", "consequences") else f"{NOUNS[str(section)]} '{name}'"
    return _describe_inside(owner, rest)


def _describe_inside(owner: str, rest: list[str | int]) -> str:
    if not rest:
        return owner
    part, *more = rest
    if part in ("states", "events", "prior_given") and more:
        name = more[0] + 1 if isinstance(more[0], int) else f"'{more[0]}'"
        return f"{NOUNS[str(part)]} {name} of {owner}"
    return f"{part} of {owner}"
