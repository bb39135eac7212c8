"""Which key of the format another word is likely to mean: by its letters, by its meaning, and by what stands behind it.

A key is proposed only where it may stand and none of that name stands yet, and where it is merely near also only if
what stands behind it is what belongs there; so a hint that is followed brings no other fault.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from usru_scenarios.model.schema import Model
from usru_scenarios.reading.repairs.common import place_at, value_at, with_value_at
from usru_scenarios.reading.schema_paths import fields_at
from usru_scenarios.written_forms import normalize_name

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
_SYNONYMS = {key: frozenset(words.split()) for key, words in _OTHER_WORDS.items()}
"""By key of the format the words, as names are written, that people put in its place."""


def likely_key(path: KeyPath, data: Any, root: Place) -> str:
    """The key of the format that the one at the end of a path is likely to mean; empty where none is likely."""
    around, parent = path[:-1], value_at(data, path[:-1])
    written = normalize_name(str(path[-1]))
    source = place_at(root, path).source

    def is_taken(key: str) -> bool:
        """Whether the same file has the key: what a file builds on may have it as well."""
        return key in parent and place_at(root, (*around, key)).source is source

    def faults_under_key(key: str) -> list[tuple[str, int]]:
        renamed = {key if name == path[-1] else name: value for name, value in parent.items()}
        return faults_under(data, around, renamed, key)

    free = [key for key in fields_at(around, data) if not is_taken(key)]
    if same := [key for key in free if key.removesuffix("s") == written.removesuffix("s")]:
        return same[0]
    similarity = {key: SequenceMatcher(None, key, written).ratio() for key in free}
    nearest = max(free, key=lambda key: similarity[key], default="")
    synonyms = [key for key in free if written in _SYNONYMS.get(key, ())]
    if nearest and similarity[nearest] >= 0.85 and not synonyms:
        return nearest
    if fitting := [key for key in synonyms if not faults_under_key(key)]:
        return fitting[0]
    if len(synonyms) == 1 and not any(
        kind in _WRONG_TYPES and depth <= len(path) + 2 for kind, depth in faults_under_key(synonyms[0])
    ):
        return synonyms[0]
    near = sorted((key for key in free if similarity[key] >= 0.7), key=lambda key: -similarity[key])
    return next((key for key in near if similarity[key] >= 0.75 or not faults_under_key(key)), "")


_WRONG_TYPES = frozenset(
    {"dict_type", "model_type", "model_attributes_type", "float_type", "string_type", "not_a_number"}
)
"""Faults of values that have no likeness with what belongs under a key."""


def faults_under(data: Any, around: KeyPath, value: dict[str, Any], key: str) -> list[tuple[str, int]]:
    """The faults below a key of a map, if that map stood at a path: what each is and how deep it lies.

    Of a large file the part is read that the map stands in, and nothing of the others.
    """
    part: dict[str, Any] = {"usru": 1, "name": "a", "title": "", "scenarios": {"a": {}}}
    if around:
        section = value_at(data, around[:1])
        part[str(around[0])] = section if len(around) == 1 else {around[1]: section[around[1]]}
        part = with_value_at(part, around, value)
    else:
        part[key] = value[key]
    try:
        Model.model_validate(part)
    except ValidationError as error:
        errors = [(details["type"], details["loc"]) for details in error.errors(include_url=False, include_input=False)]
        return [(kind, len(loc)) for kind, loc in errors if key in loc[len(around) : len(around) + 3]]
    return []
