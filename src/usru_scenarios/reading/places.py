"""What a text says as plain data, with the place of every key and value."""

from __future__ import annotations

from typing import Any

from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.names import KeyPath
from usru_scenarios.problems import Problem, Span
from usru_scenarios.reading.files import Inputs
from usru_scenarios.source_text import Mark, SourceText


class Place:
    """Where a value and its key stand, with the places of the values inside it."""

    __slots__ = ("children", "has_fault", "key", "source", "value")

    def __init__(
        self, source: SourceText, value: Mark, key: Mark | None = None, children: dict[str | int, Place] | None = None
    ) -> None:
        self.source = source
        self.value = value
        self.key = key
        self.children = children
        self.has_fault = False
        """Whether a fault of the value has been reported already, so that nothing more is to be said of it."""

    def key_span(self) -> Span:
        """The place of the key, or of the value where there is no key (the top, an item of a list)."""
        return self.source.span(self.key or self.value)

    def span(self) -> Span:
        """The place of the value; of the key where the value takes several lines."""
        return self.key_span() if self.value.block else self.source.span(self.value)

    def child(self, part: str | int) -> Place | None:
        """The place of one value inside this one."""
        return self.children.get(part) if self.children else None

    def with_children(self, children: dict[str | int, Place]) -> Place:
        """The same place with other values inside."""
        return Place(self.source, self.value, self.key, children)

    def at(self, path: KeyPath) -> Place | None:
        """The place of the value at a path below this one."""
        place: Place | None = self
        for part in path:
            place = place.child(part) if place else None
        return place


@dataclass(frozen=True)
class Document:
    """A text that has been read: plain data (dicts with text for keys, lists, scalars), places, and faults found."""

    source: SourceText
    data: Any
    place: Place
    problems: tuple[Problem, ...] = ()
    values: int = 0
    """How many values and keys it holds."""
    inputs: Inputs = field(default_factory=dict)
    """The file that it was read from."""
