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
    from usru_scenarios.model.values import Shares
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
    yield from _scale_entries(model)
    for name, scenario in model.scenarios.items():
        if scenario.baseline is not None:
            path: KeyPath = ("scenarios", name, "baseline")
            yield _make_entry(path, "baseline", scenario.baseline, scenario.sources or ())
    yield from _outcome_entries(model)
    if model.anchor is not None:
        yield from _share_entries(("anchor", "shares"), "share", model.anchor.shares, model.anchor.sources or ())
    for name, driver in model.drivers.items():
        path, around = ("drivers", name), driver.sources or ()
        yield from _node_entries(path, driver)
        yield from _single_or_keyed_entries((*path, "weight"), "weight", driver.weight, around)
        yield from _points_entries((*path, "impacts"), driver.impacts, around)
    for name, rule in model.rules.items():
        path, around = ("rules", name), rule.sources or ()
        yield from _points_entries((*path, "then"), rule.then, around)
        yield from _single_or_keyed_entries((*path, "weight"), "weight", rule.weight, around)
    for name, consequence in model.consequences.items():
        yield from _node_entries(("consequences", name), consequence)


def dotted_path(path: KeyPath) -> str:
    """The path of a judgement as one writes it after `--set`; in a file that has it, a dot in a key needs no quotes."""
    return ".".join(map(str, path))


def _scale_entries(model: Model) -> Iterator[JudgementEntry]:
    given, odds = model.model_fields_set, model.odds_per_point
    if "odds_per_point" in given:
        if odds.is_single:
            yield _make_entry(("odds_per_point",), "odds_per_point", odds.impacts, ())
        else:
            for field in ("impacts", "influences"):
                if field in odds.model_fields_set:
                    yield _make_entry(("odds_per_point", field), "odds_per_point", getattr(odds, field), ())
    if "sd_per_point" in given:
        yield _make_entry(("sd_per_point",), "sd_per_point", model.sd_per_point, ())


def _make_entry(
    path: KeyPath, role: JudgementRole, judgement: Judgement | Keep, around: tuple[str, ...]
) -> JudgementEntry:
    return JudgementEntry(path, role, judgement, judgement.sources or around)


def _outcome_entries(model: Model) -> Iterator[JudgementEntry]:
    outcome, path = model.outcome, ("outcome",)
    around = outcome.sources or ()
    yield from _strength_entry(path, outcome, around)
    yield from _single_or_keyed_entries((*path, "persistence"), "persistence", outcome.persistence, around)
    yield from _share_entries((*path, "initial"), "initial", outcome.initial or {}, around)
    yield from _points_entries((*path, "lagged_influences"), outcome.lagged_influences, around)
    yield from _event_entries((*path, "events"), outcome.events, around)


def _node_entries(path: KeyPath, node: Categorical | Numeric) -> Iterator[JudgementEntry]:
    around = node.sources or ()
    if isinstance(node, Numeric):
        yield from _numeric_entries(path, node, around)
    else:
        yield from _categorical_entries(path, node, around)
    yield from _points_entries((*path, "influences"), node.influences, around)
    yield from _points_entries((*path, "lagged_influences"), node.lagged_influences, around)
    yield from _event_entries((*path, "events"), node.events, around)


def _numeric_entries(path: KeyPath, node: Numeric, around: tuple[str, ...]) -> Iterator[JudgementEntry]:
    if node.distribution is not None:
        for index, parameter in enumerate(node.distribution.parameters):
            yield _make_entry((*path, "distribution", node.distribution.family, index), "parameter", parameter, around)
    if node.initial is not None:
        yield _make_entry((*path, "initial"), "initial", node.initial, around)
    if node.persistence is not None:
        yield _make_entry((*path, "persistence"), "persistence", node.persistence, around)


def _categorical_entries(path: KeyPath, node: Categorical, around: tuple[str, ...]) -> Iterator[JudgementEntry]:
    for name, state in node.states.items():
        if state.prior is not None:
            covered = state.sources or around
            yield _make_entry((*path, "states", name, "prior"), "prior", state.prior, covered)
    yield from _strength_entry(path, node, around)
    yield from _share_entries((*path, "initial"), "initial", node.initial or {}, around)
    yield from _single_or_keyed_entries((*path, "persistence"), "persistence", node.persistence, around)
    for key, row in node.prior_given.items():
        covered = row.sources or around
        yield from _share_entries((*path, "prior_given", key, "prior"), "prior", row.prior, covered)


def _share_entries(
    path: KeyPath, role: JudgementRole, shares: Shares, around: tuple[str, ...]
) -> Iterator[JudgementEntry]:
    for name, share in shares.items():
        yield _make_entry((*path, name), "strength" if name == DIRICHLET else role, share, around)


def _strength_entry(path: KeyPath, node: Categorical | Outcome, around: tuple[str, ...]) -> Iterator[JudgementEntry]:
    if node.prior is not None:
        yield _make_entry((*path, "prior", DIRICHLET), "strength", node.prior.dirichlet, around)


def _single_or_keyed_entries(
    path: KeyPath, role: JudgementRole, part: Persistence | Weight | None, around: tuple[str, ...]
) -> Iterator[JudgementEntry]:
    """A persistence or weight: one number, or one for each state or from each date on."""
    if part is None:
        return
    one, by_key = (getattr(part, field) for field in _SINGLE_AND_KEYED_FIELDS[type(part)])
    if one is not None:
        yield _make_entry(path, role, one, around)
    for key, judgement in (by_key or {}).items():
        yield _make_entry((*path, key), role, judgement, around)


def _points_entries(path: KeyPath, points: Mapping[str, object], around: tuple[str, ...]) -> Iterator[JudgementEntry]:
    """The points in maps of maps, however deep: impacts, influences, what a rule gives."""
    for key, entry in points.items():
        if isinstance(entry, Judgement):
            yield _make_entry((*path, key), "points", entry, around)
        elif isinstance(entry, dict):
            yield from _points_entries((*path, key), entry, around)


def _event_entries(
    path: KeyPath, events: Mapping[int | str, Event] | Mapping[int | str, NumericEvent], around: tuple[str, ...]
) -> Iterator[JudgementEntry]:
    for key, event in events.items():
        covered = event.sources or around
        if isinstance(event.points, Judgement):
            yield _make_entry((*path, key, "points"), "points", event.points, covered)
        elif event.points is not None:
            yield from _points_entries((*path, key, "points"), event.points, covered)
        if (prior := getattr(event, "prior", None)) is not None:
            yield from _share_entries((*path, key, "prior"), "prior", prior, covered)


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
            one, by_key = _SINGLE_AND_KEYED_FIELDS[type(part)]
            field = by_key if isinstance(branch, dict) else one
            return part.model_copy(update={field: _replace_values(getattr(part, field), branch)})
        case Distribution() if isinstance(branch, dict) and set(branch) == {part.family}:
            return part.model_copy(update={"parameters": _replace_values(part.parameters, branch[part.family])})
        case dict() if isinstance(branch, dict):
            return {**part, **{key: _replace_values(part[key], below) for key, below in branch.items()}}
        case tuple() if isinstance(branch, dict):
            return tuple(
                _replace_values(one, branch[index]) if index in branch else one for index, one in enumerate(part)
            )
        case Part() if isinstance(branch, dict) and branch.keys() <= type(part).model_fields.keys():
            update = {field: _replace_values(getattr(part, field), below) for field, below in branch.items()}
            return part.model_copy(update=update)
    raise KeyError(branch)


_SINGLE_AND_KEYED_FIELDS: dict[type[Part], tuple[str, str]] = {
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
