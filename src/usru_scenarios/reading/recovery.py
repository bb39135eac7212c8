"""Makes a model of the valid parts of a file with faults, so that these are checked too and all is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.model.schema import Model
from usru_scenarios.reading.pydantic_errors import MORE_FAULTS, Fault, faults_of, locate

if TYPE_CHECKING:
    from usru_scenarios.names import KeyPath
    from usru_scenarios.reading.places import Place

_MAXIMUM_ROUNDS = 8

_STAND_INS = {"usru": 1, "name": "unnamed", "title": "", "scenarios": {"unnamed": {}}}
"""What a file can't be without."""

_NUMBER_FAULTS = frozenset(
    {
        *("not_a_number", "number_too_large", "not_finite", "negative_share", "negative_weight", "negative_spread"),
        *("odds_not_above_one", "not_a_probability", "unreadable_duration", "uncertain_duration", "empty_judgement"),
        *("unreadable_distribution", "wrong_parameters", "unordered_parameters", "not_positive"),
    }
)
"""Faults of a number: any valid number stands in for it. (1 is one everywhere but for the odds, which are above it.)"""

_TEXT_FAULTS = frozenset({"string_type", "string_pattern_mismatch"})
"""Faults of a name or an id: in a list another stands in for it, for without it the list might say something else."""


class RecoveredModel(NamedTuple):
    """The model of the valid parts of some data, or None where these are too few; and the faults of the rest.

    A value whose fault was reported before, such as an alias, gets no second fault; it is left out or replaced like
    the others.
    """

    model: Model | None
    faults: list[Fault]
    is_complete: bool
    """Whether the model is all of the data."""
    data: dict[str, Any]
    """The data as they are once the hints are followed that say what to write."""


def recover_model(data: dict[str, Any], place: Place, validated: dict[str, Any] | None = None) -> RecoveredModel:
    """The model of the valid parts of a file's data.

    `validated` is the same data with parts that are known to be valid already validated.
    """
    try:
        model = Model.model_validate(data if validated is None else validated)
        return RecoveredModel(model, [], is_complete=True, data=data)
    except ValidationError as error:
        data, faults = _apply_repairs(data, place, faults_of(error, data, place))
    removed: set[KeyPath] = set()
    remaining: Any = data
    for _ in range(_MAXIMUM_ROUNDS):
        try:
            return RecoveredModel(Model.model_validate(remaining), faults, not removed and not faults, data)
        except ValidationError as error:
            from usru_scenarios.reading.repairs.keys import with_missing_key_hint

            new_faults = [with_missing_key_hint(fault, data) for fault in faults_of(error, data, place)]
        faults += [fault for fault in new_faults if _is_unreported(fault, place, removed)]
        if any(fault.kind == MORE_FAULTS for fault in new_faults):
            break
        for fault in new_faults:
            if fault.kind != "extra_forbidden":  # an unknown key says nothing of what it stands in
                locate(place, fault.path)[0].has_fault = True
            remaining = _without_fault(remaining, fault, removed)
        if not isinstance(remaining, dict):
            break
    return RecoveredModel(None, faults, is_complete=False, data=data)


def _apply_repairs(data: dict[str, Any], place: Place, faults: list[Fault]) -> tuple[dict[str, Any], list[Fault]]:
    """The data as the hints of its faults have them, and the faults that have such a hint."""
    from usru_scenarios.reading.repairs import find_repair  # not at the top: most files have no fault

    repaired: list[Fault] = []
    for _ in range(_MAXIMUM_ROUNDS):
        changed: list[KeyPath] = []
        for fault in sorted(faults, key=lambda fault: fault.kind != "extra_forbidden"):  # a key may be what is missing
            if any(fault.path[: len(path)] == path and len(path) < len(fault.path) for path in changed if path):
                continue
            if (repair := find_repair(fault, data, place)) is None:
                continue
            changed.append(repair.path)
            repaired.append(replace(fault, problem=repair.problem, kind=repair.kind))
            data = _with_value(data, repair.path, repair.value)
            if repair.path == fault.path and not isinstance(repair.value, dict | list):
                locate(place, fault.path)[0].has_fault = True
        if not changed:
            break
        try:
            Model.model_validate(data)
            break
        except ValidationError as error:
            faults = faults_of(error, data, place)
    return data, repaired


def _is_unreported(fault: Fault, place: Place, removed: set[KeyPath]) -> bool:
    """Whether no fault of the same value was reported before, and the fault does not follow from what was taken out."""
    if fault.kind != "extra_forbidden" and locate(place, fault.path)[0].has_fault:
        return False
    return not any(fault.path[: len(path)] == path or path[: len(fault.path)] == fault.path for path in removed)


def _without_fault(data: Any, fault: Fault, removed: set[KeyPath]) -> Any:
    """The data without what is at fault, or with a valid value in its place; its path is added to `removed`."""
    path = fault.path
    if not isinstance(data, dict):
        return data
    if fault.kind == "missing" and not path:
        return {**_STAND_INS, **data}
    if path not in removed and (stand_in := _stand_in(fault)) is not None:
        removed.add(path)
        return _with_value(data, path, stand_in)
    while path in removed and path:
        path = path[:-1]
    removed.add(path)
    return _with_value(data, path, _NOTHING)


def _stand_in(fault: Fault) -> Any:
    """A valid value in the place of one at fault, where taking that out would bring about other faults; else None."""
    path = fault.path
    if len(path) == 1 and path[0] in _STAND_INS:
        return _STAND_INS[str(path[0])]
    if fault.kind in _NUMBER_FAULTS and path[-1:] not in (("distribution",), ("range",)):
        return 2 if path[:1] == ("odds_per_point",) else 1
    if fault.kind in _TEXT_FAULTS and path and isinstance(path[-1], int):
        return "a0"
    if path[:1] == ("rules",) and path[-1] == "lag":
        return 1  # without a lag a rule might close a circle
    return None


_NOTHING = object()


def _with_value(data: Any, path: KeyPath, value: Any) -> Any:
    """A copy of the data with another value at a path, or with nothing there."""
    if not path:
        return None if value is _NOTHING else value
    key, *rest = path
    if isinstance(data, list) and (rest or value is not _NOTHING):
        return [_with_value(item, tuple(rest), value) if index == key else item for index, item in enumerate(data)]
    if isinstance(data, list):
        # An item is taken out without moving those behind it: the model takes numbered parts for a list.
        data = dict(enumerate(data))
    if not isinstance(data, dict) or (key not in data and (rest or value is _NOTHING)):
        return data
    if not rest and value is _NOTHING:
        return {name: entry for name, entry in data.items() if name != key}
    return {**data, key: _with_value(data.get(key), tuple(rest), value)}
