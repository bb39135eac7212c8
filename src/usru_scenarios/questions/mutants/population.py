"""What can be turned round, taken away or exchanged in a model, one thing at a time: its mutants.

A mutant is a few edits of what the file says, each of which has a form that `--set` takes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain, pairwise
from typing import Any, NamedTuple

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.families import FAMILIES
from usru_scenarios.model.judgements import Judged, dotted, is_assumption, judgements
from usru_scenarios.model.schema import Categorical, Model, Numeric, Outcome
from usru_scenarios.model.values import is_judgement_form
from usru_scenarios.names import KeyPath
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.reading.overlays import Tree
from usru_scenarios.results.mutants import KINDS, Kind

_PLAIN = re.compile(r"(?!(?:true|false|null)$)[A-Za-z][A-Za-z0-9_-]*")
"""Texts that YAML takes for texts without quotes."""

_SECTIONS = ("influences", "lagged_influences")


class Edit(NamedTuple):
    """Another value at a path of the file, in the file's own form; None takes away what stands there."""

    path: KeyPath
    value: Any


@dataclass(frozen=True)
class Mutation:
    """One thing that is changed, as `results.mutants.Mutant` says it."""

    kind: Kind
    path: str
    edits: tuple[Edit, ...]
    sources: tuple[str, ...]
    value: float | None = None

    @property
    def sourced(self) -> bool:
        """Whether a document's claim is among its sources."""
        return not all(map(is_assumption, self.sources))

    def on(self, tree: Tree) -> Tree:
        """A file with the edits made."""
        for edit in self.edits:
            tree = tree.with_value(edit.path, edit.value)
        return tree

    def overrides(self, data: Any) -> list[str]:
        """The edits of a file's plain data as one writes them after `--set`."""
        return [f"{dotted(path)}={_text(_over(found(data, path), value, path))}" for path, value in self.edits]


def _text(value: Any) -> str:
    """A value in one line of YAML, with quotes where they are needed."""
    match value:
        case dict():
            return f"{{{', '.join(f'{_text(key)}: {_text(one)}' for key, one in value.items())}}}"
        case list():
            return f"[{', '.join(map(_text, value))}]"
        case str() if _PLAIN.fullmatch(value):
            return value
    return json.dumps(value, ensure_ascii=False)


def _over(before: Any, after: Any, path: KeyPath) -> Any:
    """A value that leaves nothing of the former one where the two are merged key by key, as points are."""
    both_merge = all(isinstance(one, dict) and not is_judgement_form(one) for one in (before, after))
    if not both_merge or path[-1] == "prior":
        return after
    return {**after, **{key: None for key in before if key not in after}}


_NOTHING = object()


def found(data: Any, path: KeyPath) -> Any:
    """What plain data say at a path; `_NOTHING` where they have no such path."""
    for key in path:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return _NOTHING
    return data


def population(loaded: Loaded) -> list[Mutation]:
    """All mutants of a file, kind by kind and in the order of the file; those that assignments hide are left out."""
    return sorted(_Population(loaded).mutations(), key=lambda one: KINDS.index(one.kind))


class _Population:
    """Lists the mutants of a file that is read without a profile."""

    def __init__(self, loaded: Loaded) -> None:
        itself = loaded.as_written()
        self.loaded = loaded
        self.model: Model = itself.model
        self.written, self.resolved = loaded.file.tree.data, itself.data
        self.judged = list(judgements(self.model))

    def mutations(self) -> Iterator[Mutation]:
        every = chain(
            self._signs(), self._profile_signs(), self._rules(), self._events(), self._drivers(), self._consequences()
        )
        yield from filter(self._acts, chain(every, self._rows()))

    def _acts(self, mutation: Mutation) -> bool:
        """Whether its edits change something that the file says and no assignment from outside says over again."""
        before = [found(self.written, path) for path, _ in mutation.edits]
        return (
            [found(self.resolved, path) for path, _ in mutation.edits]
            == before
            != [value for _, value in mutation.edits]
        )

    @cached_property
    def _nodes(self) -> list[tuple[KeyPath, Categorical | Numeric | Outcome]]:
        return [
            *((("drivers", name), node) for name, node in self.model.drivers.items()),
            (("outcome",), self.model.outcome),
            *((("consequences", name), node) for name, node in self.model.consequences.items()),
        ]

    # One sign

    def _signs(self) -> Iterator[Mutation]:
        for judged in self.judged:
            if judged.role == "points":
                yield from self._sign(self._kind(judged.path), judged, judged.path)

    def _profile_signs(self) -> Iterator[Mutation]:
        for name, profile in self.model.profiles.items():
            for judged in judgements(self.loaded.with_profile(name).model):
                if judged.role == "points" and found(profile.overrides, judged.path) is not _NOTHING:
                    yield from self._sign("profile_point", judged, ("profiles", name, "overrides", *judged.path))

    def _sign(self, kind: Kind, judged: Judged, path: KeyPath) -> Iterator[Mutation]:
        value, raw = judged.mean(self.model.grid), found(self.written, path)
        if value and raw is not _NOTHING:
            yield Mutation(kind, dotted(path), (Edit(path, negated(raw)),), judged.sources, value)

    def _kind(self, path: KeyPath) -> Kind:
        section, *rest = path
        if section == "rules":
            return "rule_point"
        part, *below = rest if section == "outcome" else rest[1:]
        if part == "events":
            return "event_point"
        if section == "consequences":
            return "consequence_influence"
        if self._is_numeric(str(rest[0] if part == "impacts" else below[0])):
            return "curve_point"
        return _KINDS[str(part)]

    def _is_numeric(self, name: str) -> bool:
        return isinstance(dict(self.model.nodes()).get(name), Numeric)

    # Something taken away, or all of it turned round

    def _cited(self, *paths: KeyPath, roles: Iterable[str] = ()) -> tuple[str, ...]:
        """The claims that the numbers below some paths rest on, each once."""
        below = (
            judged.sources
            for path in paths
            for judged in self.judged
            if judged.path[: len(path)] == path and (not roles or judged.role in roles)
        )
        return tuple(dict.fromkeys(chain.from_iterable(below)))

    def _rules(self) -> Iterator[Mutation]:
        for name in self.model.rules:
            path: KeyPath = ("rules", name)
            yield Mutation("rule_deleted", dotted(path), (Edit(path, None),), self._cited(path, roles=("points",)))

    def _events(self) -> Iterator[Mutation]:
        for node, part in self._nodes:
            events: KeyPath = (*node, "events")
            raw = found(self.written, events)
            for key in part.events:
                path: KeyPath = (*events, key)
                rest = [one for place, one in enumerate(raw) if place != key] if isinstance(raw, list) else None
                edit = Edit(events, rest or None) if isinstance(raw, list) else Edit(path, None)
                yield Mutation("event_deleted", dotted(path), (edit,), self._cited(path))

    def _drivers(self) -> Iterator[Mutation]:
        for name in self.model.drivers:
            blocks = list(self._speaking(name))
            speaks = any(one.mean(self.model.grid) for one in self.judged if one.role == "points" and _in(one, blocks))
            if speaks:
                path, sources = f"drivers.{name}", self._cited(*blocks)
                yield Mutation("driver_silenced", path, tuple(Edit(block, None) for block in blocks), sources)
                turned = tuple(Edit(block, negated_all(found(self.written, block))) for block in blocks)
                yield Mutation("driver_reversed", path, turned, sources)

    def _speaking(self, name: str) -> Iterator[KeyPath]:
        """Where a driver gives points to others: its impacts, and its rows among the influences on each node."""
        if self.model.drivers[name].impacts:
            yield ("drivers", name, "impacts")
        for path, node in self._nodes:
            for section in _SECTIONS:
                if name in getattr(node, section, {}):
                    yield (*path, section, name)

    def _consequences(self) -> Iterator[Mutation]:
        for name, node in self.model.consequences.items():
            path: KeyPath = ("consequences", name)
            sources = self._cited(path)
            yield Mutation("consequence_deleted", dotted(path), (Edit(path, None),), sources)
            if turned := tuple(self._reversed(path, node)):
                yield Mutation("consequence_reversed", dotted(path), turned, sources)

    def _reversed(self, path: KeyPath, node: Categorical | Numeric) -> Iterator[Edit]:
        """A consequence that answers the other way: points with the other sign, priors of rows from the other end."""
        for section in _SECTIONS:
            if getattr(node, section):
                yield Edit((*path, section), negated_all(found(self.written, (*path, section))))
        for key in getattr(node, "prior_given", {}):
            row: KeyPath = (*path, "prior_given", key, "prior")
            yield Edit(row, _from_the_other_end(found(self.written, row), list(getattr(node, "states", {}))))

    # Rows

    def _rows(self) -> Iterator[Mutation]:
        """Two neighbouring rows of points, or of priors, that are exchanged."""
        for path, node in self._nodes:
            if getattr(node, "impacts", {}):
                yield from self._swaps((*path, "impacts"))
            for section in _SECTIONS:
                for parent in getattr(node, section, {}):
                    yield from self._swaps((*path, section, parent))
            rows = [(*path, "prior_given", key, "prior") for key in getattr(node, "prior_given", {})]
            yield from self._exchanged((*path, "prior_given"), rows)

    def _swaps(self, block: KeyPath) -> Iterator[Mutation]:
        raw = found(self.written, block)
        yield from self._exchanged(block, [(*block, key) for key in raw] if isinstance(raw, Mapping) else [])

    def _exchanged(self, block: KeyPath, rows: list[KeyPath]) -> Iterator[Mutation]:
        for one, other in pairwise(rows):
            edits = Edit(one, found(self.written, other)), Edit(other, found(self.written, one))
            names = f"{one[len(block)]} and {other[len(block)]}"
            yield Mutation("rows_swapped", f"{dotted(block)}: {names}", edits, self._cited(one, other))


_KINDS: Mapping[str, Kind] = {"impacts": "impact", "influences": "influence", "lagged_influences": "lagged_influence"}


def _in(judged: Judged, blocks: Iterable[KeyPath]) -> bool:
    return any(judged.path[: len(block)] == block for block in blocks)


# Values in the forms of a file ----------------------------------------------------------------------------------------


def negated(raw: Any) -> Any:
    """A judgement in any of its forms, with the other sign; its claims stay."""
    match raw:
        case bool() | str() | None:
            return raw
        case int() | float():
            return -raw if raw else raw
        case [value, *claims]:
            return [negated(value), *claims]
        case {"value": value}:
            return {**raw, "value": negated(value)}
        case dict():
            return {key: _turned(key, part) if key in FAMILIES else part for key, part in raw.items()}
    return raw


def _turned(family: str, parameters: list[Any]) -> list[Any]:
    """The parameters of a distribution that is mirrored at 0."""
    if FAMILIES[family].is_between:
        return [negated(one) for one in reversed(parameters)]
    return [negated(one) if place == FAMILIES[family].place else one for place, one in enumerate(parameters)]


def negated_all(raw: Any) -> Any:
    """Points in maps of maps, each with the other sign."""
    if isinstance(raw, dict) and not is_judgement_form(raw):
        return {key: negated_all(one) for key, one in raw.items()}
    return negated(raw)


def _from_the_other_end(shares: dict[str, Any], states: list[str]) -> dict[str, Any]:
    """Shares by state, given to the states in the opposite order."""
    opposite = dict(zip(states, reversed(states), strict=True))
    return {opposite.get(name, name): share for name, share in shares.items()}
