"""Which key of the format another word is likely to mean: by its letters, by its meaning, and by what stands behind it.

A key is proposed only where it may stand and none of that name stands yet, and where it is merely near also only if
what stands behind it is what belongs there; so a hint that is followed brings no other fault.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from usru_scenarios.model.schema import Model
from usru_scenarios.reading.mending.faulty import changed_at, place_at, value_at
from usru_scenarios.reading.schema_paths import fields_at
from usru_scenarios.written_forms import name_meant

if TYPE_CHECKING:
    from usru_scenarios.names import KeyPath
    from usru_scenarios.reading.places import Place

_OTHER_WORDS = {
    "usru": "version format format_version usru_version schema_version",
    "name": "id model slug identifier",
    "title": "label heading caption headline full_name display_name name",
    "summary": "description desc abstract explanation definition about details text comment comments notes "
    "remark remarks",
    "note": "comment comments notes remark remarks todo memo",
    "by": "author authors expert experts judge judged_by judges who",
    "sources": "source claims claim references reference refs citations evidence register cites based_on",
    "authors": "author by expert experts judges made_by written_by",
    "date": "as_of judged created updated year",
    "extends": "base inherits parent include import extend from overlays template",
    "time": "timeline horizon period grid timeframe span dates",
    "scenarios": "futures outcomes results alternatives worlds endings possibilities end_states",
    "drivers": "factors variables nodes descriptors forces uncertainties causes influences parameters",
    "rules": "combinations interactions conditions",
    "consequences": "effects indicators follow_ups outputs",
    "expectations": "checks assertions tests expected constraints statements sanity_checks",
    "profiles": "views perspectives readings personas variants",
    "groups": "sets clusters families",
    "anchor": "target targets start_shares",
    "odds_per_point": "odds point_odds odds_ratio points scale",
    "states": "values options levels outcomes choices categories possibilities cases priors prior probabilities",
    "persistence": "inertia stickiness duration stability half_life autocorrelation lasts memory stays continuity "
    "keep kept",
    "weight": "importance factor w strength relevance weighting multiplier",
    "impacts": "effect effects affects consequences points pushes scores scenarios outcome",
    "influences": "depends_on parents causes influenced_by inputs dependencies because driven_by influenced",
    "events": "shocks calendar dates happenings schedule",
    "initial": "start today now current starts first",
    "kind": "type",
    "range": "scale bounds limits min_max",
    "allowed": "transitions moves",
    "baseline": "prior probability chance likelihood p prob share weight base",
    "prior": "probability chance likelihood p prob baseline state states shares distribution weight",
    "at": "date time when on year day start from",
    "until": "to end till through",
    "points": "impacts effects influences effect",
    "when": "if condition conditions where given on for",
    "then": "effect effects impacts points do gives result results consequence",
    "lag": "delay after",
    "at_least": "minimum least",
    "that": "expect assertion query statement p check test claim expression must hold",
    "weights": "weight w",
    "overrides": "set changes override values",
    "asks": "question text",
    "means": "query that probability",
    "closes": "deadline by date until closing",
    "resolves": "resolution criteria",
    "value": "val number points mean estimate",
    "shares": "share probabilities scenarios values",
    "step": "steps interval frequency resolution unit",
    "start": "begin begins beginning from since first",
    "end": "until to till last stop horizon",
}
_MEANT = {key: frozenset(words.split()) for key, words in _OTHER_WORDS.items()}
"""By key of the format the words, as names are written, that people put in its place."""


def likely_key(path: KeyPath, data: Any, root: Place) -> str:
    """The key of the format that is meant by the one at the end of a path; empty where none is likely."""
    parent = value_at(data, path[:-1])
    written = name_meant(str(path[-1]))
    text = place_at(root, path).source

    def stands_already(key: str) -> bool:
        """Whether the same file has it: what a file builds on may have it as well."""
        return key in parent and place_at(root, (*path[:-1], key)).source is text

    free = [key for key in fields_at(path[:-1], data) if not stands_already(key)]
    if plain := [key for key in free if key.removesuffix("s") == written.removesuffix("s")]:
        return plain[0]
    likeness = {key: SequenceMatcher(None, key, written).ratio() for key in free}
    nearest = max(free, key=lambda key: likeness[key], default="")
    if nearest and likeness[nearest] >= 0.85 and not any(written in _MEANT.get(key, ()) for key in free):
        return nearest
    by_word = [key for key in free if written in _MEANT.get(key, ())]
    if fitting := [key for key in by_word if _fits(path, key, data)]:
        return fitting[0]
    if len(by_word) == 1 and not _is_of_other_form(path, by_word[0], data):
        return by_word[0]
    near = [key for key in free if likeness[key] >= 0.7]
    near.sort(key=lambda key: -likeness[key])
    return next((key for key in near if likeness[key] >= 0.75 or _fits(path, key, data)), "")


def _fits(path: KeyPath, key: str, data: Any) -> bool:
    """Whether what stands at a path would be without a fault under another key."""
    return not _faults(path, key, data)


def _is_of_other_form(path: KeyPath, key: str, data: Any) -> bool:
    """Whether what stands at a path has no likeness with what belongs under another key."""
    deep = len(path) - 1
    return any(kind in _FORM and length <= deep + 3 for kind, length in _faults(path, key, data))


_FORM = frozenset({"dict_type", "model_type", "model_attributes_type", "float_type", "string_type", "not_a_number"})


def _faults(path: KeyPath, key: str, data: Any) -> list[tuple[str, int]]:
    """The faults under another key: what each is and how deep it lies."""
    parent = value_at(data, path[:-1])
    return faults_under(
        data, path[:-1], {key if name == path[-1] else name: value for name, value in parent.items()}, key
    )


def faults_under(data: Any, around: KeyPath, value: dict[str, Any], key: str) -> list[tuple[str, int]]:
    """The faults below a key of a map, if that map stood at a path: what each is and how deep it lies.

    Of a large file the part is read that the map stands in, and nothing of the others.
    """
    part: dict[str, Any] = {"usru": 1, "name": "a", "title": "", "scenarios": {"a": {}}}
    if around:
        whole = value_at(data, around[:1])
        part[str(around[0])] = whole if len(around) == 1 else {around[1]: whole[around[1]]}
        part = changed_at(part, around, value)
    else:
        part[key] = value[key]
    try:
        Model.model_validate(part)
    except ValidationError as error:
        found = [(one["type"], one["loc"]) for one in error.errors(include_url=False, include_input=False)]
        return [(kind, len(loc)) for kind, loc in found if key in loc[len(around) : len(around) + 3]]
    return []
