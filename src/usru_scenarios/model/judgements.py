"""Which claims every number of a model rests on (sections 2 and 10 of the format)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.schema import Numeric
from usru_scenarios.model.values import Distribution, Judgement, Keep, OddsPerPoint, Part, Persistence, Weight
from usru_scenarios.names import DIRICHLET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from usru_scenarios.model.families import Floats
    from usru_scenarios.model.schema import Categorical, Event, Model, NumericEvent, Outcome
    from usru_scenarios.names import KeyPath
    from usru_scenarios.timeline import Grid

JudgementRole = Literal[
    "points",
    "weight",
    "prior",
    "initial",
    "persistence",
    "baseline",
    "share",
    "odds_per_point",
    "sd_per_point",
    "parameter",
    "strength",
]
"""What a judgement is about."""

_ASSUMPTION = re.compile(r"A\d+")


def is_assumption(claim: str) -> bool:
    """Whether an id is that of a declared assumption (`A` and digits), which rests on no document."""
    return _ASSUMPTION.fullmatch(claim) is not None


@dataclass(frozen=True)
class JudgementEntry:
    """One judgement of a model: where it stands, what it is about, and the claims that it rests on."""

    path: KeyPath
    role: JudgementRole
    judgement: Judgement | Keep
    sources: tuple[str, ...]
    """Its own, or else those of the nearest block around it that names any."""

    @property
    def is_uncertain(self) -> bool:
        """Whether it is drawn: a distribution, or the strength of a Dirichlet one. Shares of the anchor never are."""
        return self.role == "strength" or (self.role != "share" and isinstance(self.judgement.value, Distribution))

    def mean(self, grid: Grid) -> float:
        """Its number, or the mean of what is drawn; of a persistence per step."""
        return judgement_mean(self.judgement, grid)

    @property
    def is_inferred(self) -> bool:
        """Whether it rests on no claim of a document, only on assumptions or on nothing."""
        return all(map(is_assumption, self.sources))


def judgement_mean(judgement: Judgement | Keep, grid: Grid) -> float:
    """The number of a judgement, or the mean of what is drawn; of a persistence per step of a grid."""
    return judgement.per_step(grid) if isinstance(judgement, Keep) else judgement.mean


def judgements(model: Model) -> Iterator[JudgementEntry]:
    """Every number of the model that is an opinion, in the order of the format.

    Numbers that the file leaves to their defaults are not among them, nor is what stands in `profiles`: a profile's
    numbers are judgements of the model to which it has been applied.
    """
    odds, fields_set = model.odds_per_point, model.model_fields_set
    if "odds_per_point" in fields_set:
        given = {field: getattr(odds, field) for field in ("impacts", "influences") if field in odds.model_fields_set}
        yield from _entries(("odds_per_point",), "odds_per_point", odds.impacts if odds.is_single else given, ())
    if "sd_per_point" in fields_set:
        yield from _entries(("sd_per_point",), "sd_per_point", model.sd_per_point, ())
    for name, scenario in model.scenarios.items():
        yield from _entries(("scenarios", name, "baseline"), "baseline", scenario.baseline, scenario.sources or ())
    yield from _outcome_entries(model.outcome)
    if model.anchor is not None:
        yield from _entries(("anchor", "shares"), "share", model.anchor.shares, model.anchor.sources or ())
    for name, driver in model.drivers.items():
        path, default = ("drivers", name), driver.sources or ()
        yield from _node_entries(path, driver)
        yield from _entries((*path, "weight"), "weight", driver.weight, default)
        yield from _entries((*path, "impacts"), "points", driver.impacts, default)
    for name, rule in model.rules.items():
        path, default = ("rules", name), rule.sources or ()
        yield from _entries((*path, "then"), "points", rule.then, default)
        yield from _entries((*path, "weight"), "weight", rule.weight, default)
    for name, consequence in model.consequences.items():
        yield from _node_entries(("consequences", name), consequence)


def dotted_path(path: KeyPath) -> str:
    """The path of a judgement as one writes it after `--set`; in a file that has it, a dot in a key needs no quotes."""
    return ".".join(map(str, path))


def _entries(path: KeyPath, role: JudgementRole, value: Any, default: tuple[str, ...]) -> Iterator[JudgementEntry]:
    """The judgements of a value at a path: one, none, or those of a map, however deep.

    Those that cite no claims of their own have the default ones.
    """
    if isinstance(value, Persistence | Weight):
        for field in _VALUE_FIELDS[type(value)]:
            yield from _entries(path, role, getattr(value, field), default)
    elif isinstance(value, dict):
        for key, entry in value.items():
            is_strength = key == DIRICHLET and role in ("prior", "initial", "share")
            yield from _entries((*path, key), "strength" if is_strength else role, entry, default)
    elif value is not None:
        yield JudgementEntry(path, role, value, value.sources or default)


def _outcome_entries(outcome: Outcome) -> Iterator[JudgementEntry]:
    path, default = ("outcome",), outcome.sources or ()
    yield from _strength_entries(path, outcome)
    yield from _entries((*path, "persistence"), "persistence", outcome.persistence, default)
    yield from _entries((*path, "initial"), "initial", outcome.initial, default)
    yield from _entries((*path, "lagged_influences"), "points", outcome.lagged_influences, default)
    yield from _event_entries((*path, "events"), outcome.events, default)


def _node_entries(path: KeyPath, node: Categorical | Numeric) -> Iterator[JudgementEntry]:
    default = node.sources or ()
    if isinstance(node, Numeric):
        if node.distribution is not None:
            parameters = {node.distribution.family: dict(enumerate(node.distribution.parameters))}
            yield from _entries((*path, "distribution"), "parameter", parameters, default)
        yield from _entries((*path, "initial"), "initial", node.initial, default)
        yield from _entries((*path, "persistence"), "persistence", node.persistence, default)
    else:
        for name, state in node.states.items():
            yield from _entries((*path, "states", name, "prior"), "prior", state.prior, state.sources or default)
        yield from _strength_entries(path, node)
        yield from _entries((*path, "initial"), "initial", node.initial, default)
        yield from _entries((*path, "persistence"), "persistence", node.persistence, default)
        for key, row in node.prior_given.items():
            yield from _entries((*path, "prior_given", key, "prior"), "prior", row.prior, row.sources or default)
    yield from _entries((*path, "influences"), "points", node.influences, default)
    yield from _entries((*path, "lagged_influences"), "points", node.lagged_influences, default)
    yield from _event_entries((*path, "events"), node.events, default)


def _strength_entries(path: KeyPath, node: Categorical | Outcome) -> Iterator[JudgementEntry]:
    if node.prior is not None:
        yield from _entries((*path, "prior", DIRICHLET), "strength", node.prior.dirichlet, node.sources or ())


def _event_entries(
    path: KeyPath, events: Mapping[int | str, Event | NumericEvent], default: tuple[str, ...]
) -> Iterator[JudgementEntry]:
    for key, event in events.items():
        own_default = event.sources or default
        yield from _entries((*path, key, "points"), "points", event.points, own_default)
        yield from _entries((*path, key, "prior"), "prior", getattr(event, "prior", None), own_default)


def with_values(model: Model, values: Mapping[KeyPath, float | Floats]) -> Model:
    """The model with other numbers in the place of some judgements, whose claims stay.

    Only the parts on the way to a number are made anew, and nothing is validated again.

    Args:
        model: the model.
        values: by the paths of `judgements`. A persistence given as a duration becomes a probability per step. An
            array, shape (draws,), is a value for each draw, for `compilation.compile_model` alone.

    Raises:
        KeyError: there is no judgement at a path.
    """
    branches: dict[str | int, Any] = {}
    for path, value in values.items():
        branch = branches
        for key in path[:-1]:
            branch = branch.setdefault(key, {})
        branch[path[-1]] = value
    changed = _replace_values(model, branches)
    assert isinstance(changed, type(model))
    return changed


def _replace_values(part: Any, branch: Any) -> Any:
    """A part of a model with numbers in the place of some: `branch` leads to them by the keys of their paths."""
    match part:
        case Judgement() | Keep() if not isinstance(branch, dict):
            return part.model_copy(update={"value": branch})
        case OddsPerPoint() if not isinstance(branch, dict):
            both = part.impacts.model_copy(update={"value": branch})
            return part.model_copy(update={"impacts": both, "influences": both})
        case Persistence() | Weight():
            single, keyed = _VALUE_FIELDS[type(part)]
            field = keyed if isinstance(branch, dict) else single
            return part.model_copy(update={field: _replace_values(getattr(part, field), branch)})
        case Distribution() if isinstance(branch, dict) and set(branch) == {part.family}:
            return part.model_copy(update={"parameters": _replace_values(part.parameters, branch[part.family])})
        case dict() if isinstance(branch, dict):
            return {**part, **{key: _replace_values(part[key], below) for key, below in branch.items()}}
        case tuple() if isinstance(branch, dict):
            return tuple(
                _replace_values(part_of_tuple, branch[index]) if index in branch else part_of_tuple
                for index, part_of_tuple in enumerate(part)
            )
        case Part() if isinstance(branch, dict) and branch.keys() <= type(part).model_fields.keys():
            update = {field: _replace_values(getattr(part, field), below) for field, below in branch.items()}
            return part.model_copy(update=update)
    raise KeyError(branch)


_VALUE_FIELDS: dict[type[Part], tuple[str, str]] = {
    Persistence: ("all_states", "by_state"),
    Weight: ("constant", "schedule"),
}
"""The fields of what is written as one number or as a map of them."""


def citations(part: object, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Every claim that a file or a part of it at a path cites, with the place of the citation."""
    entries = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, tuple) else ()
    for key, entry in part.__dict__.items() if isinstance(part, Part) else entries:
        if key == "sources" and isinstance(part, Part) and isinstance(entry, tuple):
            yield from (((*path, key, index), claim) for index, claim in enumerate(entry))
        elif isinstance(entry, Part | dict | tuple):
            yield from citations(entry, (*path, key))
