"""The mutants of a model: one thing in it is turned round, taken away or exchanged at a time.

A mutant is a few edits of what the file says, each of which has a form that `--set` takes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import chain, pairwise
from typing import Any, NamedTuple

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.families import FAMILIES
from usru_scenarios.model.judgements import JudgementEntry, dotted_path, is_assumption, judgements
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

    def apply_to(self, tree: Tree) -> Tree:
        """A file with the edits made."""
        for edit in self.edits:
            tree = tree.with_value(edit.path, edit.value)
        return tree

    def overrides(self, data: Any) -> list[str]:
        """The edits of a file's plain data as one writes them after `--set`."""
        return [f"{dotted_path(edit.path)}={_format_yaml(_replacing_value(data, edit))}" for edit in self.edits]


def _format_yaml(value: Any) -> str:
    """A value in one line of YAML, with quotes where they are needed."""
    match value:
        case dict():
            return f"{{{', '.join(f'{_format_yaml(key)}: {_format_yaml(part)}' for key, part in value.items())}}}"
        case list():
            return f"[{', '.join(map(_format_yaml, value))}]"
        case str() if _PLAIN.fullmatch(value):
            return value
    return json.dumps(value, ensure_ascii=False)


def _replacing_value(data: Any, edit: Edit) -> Any:
    """A value that leaves nothing of the former one where the two are merged key by key, as points are."""
    before, after = value_at(data, edit.path), edit.value
    are_merged = all(isinstance(value, dict) and not is_judgement_form(value) for value in (before, after))
    if not are_merged or edit.path[-1] == "prior":
        return after
    return {**after, **{key: None for key in before if key not in after}}


_ABSENT = object()


def value_at(data: Any, path: KeyPath) -> Any:
    """What plain data say at a path; `_ABSENT` where they have no such path."""
    for key in path:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return data


def list_mutations(loaded: Loaded) -> list[Mutation]:
    """All mutants of a file, kind by kind and in the order of the file; those that assignments hide are left out."""
    return sorted(_MutationLister(loaded).mutations(), key=lambda mutation: KINDS.index(mutation.kind))


class _MutationLister:
    """Lists the mutants of a file that is read without a profile."""

    def __init__(self, loaded: Loaded) -> None:
        itself = loaded.as_written()
        self.loaded = loaded
        self.model: Model = itself.model
        self.written_data, self.resolved_data = loaded.file.tree.data, itself.data
        self.judged = list(judgements(self.model))

    def mutations(self) -> Iterator[Mutation]:
        mutations = chain(
            self._reversed_signs(),
            self._reversed_profile_signs(),
            self._deleted_rules(),
            self._deleted_events(),
            self._silenced_and_reversed_drivers(),
            self._deleted_and_reversed_consequences(),
            self._swapped_rows(),
        )
        yield from filter(self._changes_file, mutations)

    def _changes_file(self, mutation: Mutation) -> bool:
        """Whether its edits change something that the file says and no assignment from outside replaces."""
        before = [value_at(self.written_data, path) for path, _ in mutation.edits]
        resolved = [value_at(self.resolved_data, path) for path, _ in mutation.edits]
        return resolved == before != [value for _, value in mutation.edits]

    @cached_property
    def _nodes(self) -> list[tuple[KeyPath, Categorical | Numeric | Outcome]]:
        return [
            *((("drivers", name), node) for name, node in self.model.drivers.items()),
            (("outcome",), self.model.outcome),
            *((("consequences", name), node) for name, node in self.model.consequences.items()),
        ]

    # One sign

    def _reversed_signs(self) -> Iterator[Mutation]:
        for judged in self.judged:
            if judged.role == "points":
                yield from self._reversed_sign(self._kind(judged.path), judged, judged.path)

    def _reversed_profile_signs(self) -> Iterator[Mutation]:
        for name, profile in self.model.profiles.items():
            overrides: KeyPath = ("profiles", name, "overrides")
            for judged in judgements(self.loaded.with_profile(name).model):
                if judged.role == "points" and value_at(profile.overrides, judged.path) is not _ABSENT:
                    yield from self._reversed_sign("profile_point", judged, (*overrides, *judged.path))

    def _reversed_sign(self, kind: Kind, judged: JudgementEntry, path: KeyPath) -> Iterator[Mutation]:
        value, raw = judged.mean(self.model.grid), value_at(self.written_data, path)
        if value and raw is not _ABSENT:
            yield Mutation(kind, dotted_path(path), (Edit(path, negate(raw)),), judged.sources, value)

    def _kind(self, path: KeyPath) -> Kind:
        section, *rest = path
        if section == "rules":
            return "rule_point"
        part, *below = rest if section == "outcome" else rest[1:]
        if part == "events":
            return "event_point"
        if section == "consequences":
            return "consequence_influence"
        giver = str(rest[0] if part == "impacts" else below[0])
        if isinstance(dict(self.model.nodes()).get(giver), Numeric):
            return "curve_point"
        return _KIND_OF[str(part)]

    # Something taken away, or all of it turned round

    def _judged_below(self, *paths: KeyPath) -> list[JudgementEntry]:
        """The numbers below some paths."""
        return [judged for path in paths for judged in self.judged if judged.path[: len(path)] == path]

    def _claims(self, *paths: KeyPath) -> tuple[str, ...]:
        """The claims that the numbers below some paths rest on, each once."""
        return tuple(dict.fromkeys(claim for judged in self._judged_below(*paths) for claim in judged.sources))

    def _deleted_rules(self) -> Iterator[Mutation]:
        for name in self.model.rules:
            path: KeyPath = ("rules", name)
            yield Mutation("rule_deleted", dotted_path(path), (Edit(path, None),), self._claims((*path, "then")))

    def _deleted_events(self) -> Iterator[Mutation]:
        for node, part in self._nodes:
            events: KeyPath = (*node, "events")
            raw = value_at(self.written_data, events)
            for key in part.events:
                path: KeyPath = (*events, key)
                edit = Edit(path, None)
                if isinstance(raw, list):
                    edit = Edit(events, [event for place, event in enumerate(raw) if place != key] or None)
                yield Mutation("event_deleted", dotted_path(path), (edit,), self._claims(path))

    def _silenced_and_reversed_drivers(self) -> Iterator[Mutation]:
        for name in self.model.drivers:
            blocks = list(self._point_blocks(name))
            if any(judged.mean(self.model.grid) for judged in self._judged_below(*blocks) if judged.role == "points"):
                path, sources = f"drivers.{name}", self._claims(*blocks)
                yield Mutation("driver_silenced", path, tuple(Edit(block, None) for block in blocks), sources)
                edits = tuple(Edit(block, negate_all(value_at(self.written_data, block))) for block in blocks)
                yield Mutation("driver_reversed", path, edits, sources)

    def _point_blocks(self, name: str) -> Iterator[KeyPath]:
        """Where a driver gives points to others: its impacts, and its rows among the influences on each node."""
        if self.model.drivers[name].impacts:
            yield ("drivers", name, "impacts")
        for path, node in self._nodes:
            for section in _SECTIONS:
                if name in getattr(node, section, {}):
                    yield (*path, section, name)

    def _deleted_and_reversed_consequences(self) -> Iterator[Mutation]:
        for name, node in self.model.consequences.items():
            path: KeyPath = ("consequences", name)
            sources = self._claims(path)
            yield Mutation("consequence_deleted", dotted_path(path), (Edit(path, None),), sources)
            if edits := tuple(self._reversing_edits(path, node)):
                yield Mutation("consequence_reversed", dotted_path(path), edits, sources)

    def _reversing_edits(self, path: KeyPath, node: Categorical | Numeric) -> Iterator[Edit]:
        """A consequence that answers the other way: points with the other sign, priors of rows from the other end."""
        for section in _SECTIONS:
            if getattr(node, section):
                yield Edit((*path, section), negate_all(value_at(self.written_data, (*path, section))))
        for key in getattr(node, "prior_given", {}):
            row: KeyPath = (*path, "prior_given", key, "prior")
            yield Edit(row, _reverse_shares(value_at(self.written_data, row), list(getattr(node, "states", {}))))

    # Rows

    def _swapped_rows(self) -> Iterator[Mutation]:
        """Two neighbouring rows of points, or of priors, that are exchanged."""
        for path, node in self._nodes:
            blocks: list[KeyPath] = [(*path, "impacts")] if getattr(node, "impacts", {}) else []
            blocks += [(*path, section, parent) for section in _SECTIONS for parent in getattr(node, section, {})]
            for block in blocks:
                raw = value_at(self.written_data, block)
                if isinstance(raw, Mapping):
                    yield from self._swapped_neighbours(block, [(*block, key) for key in raw])
            rows: list[KeyPath] = [(*path, "prior_given", key, "prior") for key in getattr(node, "prior_given", {})]
            yield from self._swapped_neighbours((*path, "prior_given"), rows)

    def _swapped_neighbours(self, block: KeyPath, rows: list[KeyPath]) -> Iterator[Mutation]:
        for first, second in pairwise(rows):
            edits = Edit(first, value_at(self.written_data, second)), Edit(second, value_at(self.written_data, first))
            names = f"{first[len(block)]} and {second[len(block)]}"
            yield Mutation("rows_swapped", f"{dotted_path(block)}: {names}", edits, self._claims(first, second))


_KIND_OF: Mapping[str, Kind] = {"impacts": "impact", "influences": "influence", "lagged_influences": "lagged_influence"}


# Values in the forms of a file ----------------------------------------------------------------------------------------


def negate(raw: Any) -> Any:
    """A judgement in any of its forms, with the other sign; its claims stay."""
    match raw:
        case bool() | str() | None:
            return raw
        case int() | float():
            return -raw if raw else raw
        case [value, *claims]:
            return [negate(value), *claims]
        case {"value": value}:
            return {**raw, "value": negate(value)}
        case dict():
            return {key: _mirrored_parameters(key, part) if key in FAMILIES else part for key, part in raw.items()}
    return raw


def _mirrored_parameters(family: str, parameters: list[Any]) -> list[Any]:
    """The parameters of a distribution that is mirrored at 0."""
    if FAMILIES[family].is_between:
        return [negate(number) for number in reversed(parameters)]
    return [negate(number) if place == FAMILIES[family].location else number for place, number in enumerate(parameters)]


def negate_all(raw: Any) -> Any:
    """Points in maps of maps, each with the other sign."""
    if isinstance(raw, dict) and not is_judgement_form(raw):
        return {key: negate_all(part) for key, part in raw.items()}
    return negate(raw)


def _reverse_shares(shares: dict[str, Any], states: list[str]) -> dict[str, Any]:
    """Shares by state, given to the states in the opposite order."""
    opposite = dict(zip(states, reversed(states), strict=True))
    return {opposite.get(name, name): share for name, share in shares.items()}
