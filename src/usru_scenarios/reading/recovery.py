"""Makes do with a file whose shape has faults, so that its sound parts can be checked too and all is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.model.schema import Model
from usru_scenarios.reading.pydantic_errors import MORE_FAULTS, Fault, faults_of, locate

if TYPE_CHECKING:
    from usru_scenarios.names import KeyPath
    from usru_scenarios.reading.places import Place

_ROUNDS = 8

_STAND_INS: dict[KeyPath, Any] = {("usru",): 1, ("name",): "unnamed", ("title",): "", ("scenarios",): {"unnamed": {}}}
"""What a file can't be without."""

_NUMBER_FAULTS = frozenset(
    {
        *("not_a_number", "number_too_large", "not_finite", "negative_share", "negative_weight", "negative_spread"),
        *("odds_not_above_one", "not_a_probability", "unreadable_duration", "uncertain_duration", "empty_judgement"),
        *("unreadable_distribution", "wrong_parameters", "unordered_parameters", "not_positive"),
    }
)
"""Faults of a number: any sound number stands in for it. (1 is one everywhere but for the odds, which are above it.)"""

_TEXT_FAULTS = frozenset({"string_type", "string_pattern_mismatch"})
"""Faults of a name or an id: in a list another stands in for it, for without it the list might say something else."""


class RecoveredModel(NamedTuple):
    """The model of what is sound in some data, or None where too little is; and the faults of the rest.

    Of what has been told already, such as an alias in the place of a value, there is no fault; it is missing or stood
    in for all the same.
    """

    model: Model | None
    faults: list[Fault]
    is_whole: bool
    """Whether the model is all of the data."""
    data: dict[str, Any]
    """The data as they are once the hints are followed that say what to write."""


def recover_model(data: dict[str, Any], place: Place, attempt: Any = None) -> RecoveredModel:
    """What is sound of the data of a file.

    `attempt` is the same data with parts that are known to be sound already validated.
    """
    rest: Any = data if attempt is None else attempt
    try:
        return RecoveredModel(Model.model_validate(rest), [], is_whole=True, data=data)
    except ValidationError as error:
        data, faults = _mended(data, place, faults_of(error, data, place))
    touched: set[KeyPath] = set()
    rest = data
    for _ in range(_ROUNDS):
        try:
            is_whole = not touched and not faults
            return RecoveredModel(Model.model_validate(rest), faults, is_whole, data)
        except ValidationError as error:
            from usru_scenarios.reading.repairs.keys import with_missing_key_hint

            found = [with_missing_key_hint(fault, data) for fault in faults_of(error, data, place)]
        faults += [fault for fault in found if not _is_told(fault, place) and not _follows(fault, touched)]
        if any(fault.kind == MORE_FAULTS for fault in found):
            break
        for fault in found:
            _mark_invalid(place, fault)
            rest = _without(rest, fault, touched)
        if not isinstance(rest, dict):
            break
    return RecoveredModel(None, faults, is_whole=False, data=data)


def _mended(data: dict[str, Any], place: Place, found: list[Fault]) -> tuple[dict[str, Any], list[Fault]]:
    """The data as the hints of its faults have them, and the faults that have such a hint."""
    from usru_scenarios.reading.repairs import find_repair  # not at the top: most files have no fault

    faults: list[Fault] = []
    for _ in range(_ROUNDS):
        changed: list[KeyPath] = []
        for fault in sorted(found, key=lambda fault: fault.kind != "extra_forbidden"):  # a key may be what is missing
            if any(fault.path[: len(path)] == path and len(path) < len(fault.path) for path in changed if path):
                continue
            if (repair := find_repair(fault, data, place)) is None:
                continue
            changed.append(repair.path)
            faults.append(replace(fault, problem=repair.problem, kind=repair.kind))
            data = _changed(data, repair.path, repair.value)
            if repair.path == fault.path and not isinstance(repair.value, dict | list):
                locate(place, fault.path)[0].has_fault = True
        if not changed:
            break
        try:
            Model.model_validate(data)
            break
        except ValidationError as error:
            found = faults_of(error, data, place)
    return data, faults


def _follows(fault: Fault, touched: set[KeyPath]) -> bool:
    """Whether a fault is there only because of what was taken out before."""
    return any(fault.path[: len(path)] == path or path[: len(fault.path)] == fault.path for path in touched)


def _is_told(fault: Fault, place: Place) -> bool:
    """Whether a fault of the same value has been told already, such as that an alias stands there."""
    return fault.kind != "extra_forbidden" and locate(place, fault.path)[0].has_fault


def _mark_invalid(place: Place, fault: Fault) -> None:
    """Nothing more is to be said of this value; an unknown key, though, says nothing of what it stands in."""
    if fault.kind not in ("extra_forbidden", MORE_FAULTS):
        locate(place, fault.path)[0].has_fault = True


def _without(data: Any, fault: Fault, touched: set[KeyPath]) -> Any:
    path = fault.path
    if not isinstance(data, dict):
        return data
    if fault.kind == "missing" and not path:
        for key, stand_in in _STAND_INS.items():
            data = data if key[0] in data else _changed(data, key, stand_in)
        return data
    if path not in touched and (stand_in := _stand_in(fault)) is not None:
        touched.add(path)
        return _changed(data, path, stand_in)
    while path in touched and path:
        path = path[:-1]
    touched.add(path)
    return _changed(data, path, _REMOVED)


def _stand_in(fault: Fault) -> Any:
    """A sound value in the place of one at fault, where taking that out would bring about other faults; else None."""
    if fault.path in _STAND_INS:
        return _STAND_INS[fault.path]
    if fault.kind in _NUMBER_FAULTS and fault.path[-1:] not in (("distribution",), ("range",)):
        return 2 if fault.path[:1] == ("odds_per_point",) else 1
    if fault.kind in _TEXT_FAULTS and fault.path and isinstance(fault.path[-1], int):
        return "a0"
    if fault.path[:1] == ("rules",) and fault.path[-1] == "lag":
        return 1  # without a lag a rule might close a circle
    return None


_REMOVED = object()


def _changed(data: Any, path: KeyPath, value: Any) -> Any:
    """A copy of the data with another value at a path, or with nothing there."""
    if not path:
        return None if value is _REMOVED else value
    key, *rest = path
    if isinstance(data, list) and (rest or value is not _REMOVED):
        return [_changed(item, tuple(rest), value) if index == key else item for index, item in enumerate(data)]
    if isinstance(data, list):
        # An item is taken out without moving those behind it: the model takes numbered parts for a list.
        data = dict(enumerate(data))
    if not isinstance(data, dict) or (key not in data and (rest or value is _REMOVED)):
        return data
    if not rest and value is _REMOVED:
        return {name: entry for name, entry in data.items() if name != key}
    return {**data, key: _changed(data.get(key), tuple(rest), value)}
