"""What was likely meant where the shape of a file has a fault, so that it can be said and nothing follows from it.

A repair changes the plain data in the way that its hint proposes to change the text. The file stays refused; but what
is checked from then on is what it would be once the hint is followed, so that one fault is one message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from usru_scenarios.reading.repairs.blocks import (
    repair_choice,
    repair_distribution,
    repair_list,
    repair_map,
    repair_scale,
)
from usru_scenarios.reading.repairs.common import LocatedFault, Repair, has_path
from usru_scenarios.reading.repairs.conditions import repair_comparison
from usru_scenarios.reading.repairs.events import repair_dated_event, repair_single_part
from usru_scenarios.reading.repairs.keys import repair_missing, repair_unknown
from usru_scenarios.reading.repairs.levels import repair_level
from usru_scenarios.reading.repairs.names import repair_name
from usru_scenarios.reading.repairs.numbers import (
    repair_date,
    repair_day,
    repair_duration,
    repair_number,
    repair_parameters,
    repair_text,
    repair_unordered,
)

if TYPE_CHECKING:
    from usru_scenarios.reading.places import Place
    from usru_scenarios.reading.pydantic_errors import Fault


_REPAIRS_BY_KIND: dict[str, Callable[[LocatedFault], Repair | None]] = {
    **dict.fromkeys(("not_a_number", "float_type", "int_type", "int_from_float", "finite_number"), repair_number),
    **dict.fromkeys(("unreadable_duration", "not_a_probability"), repair_duration),
    "unreadable_date": repair_date,
    "unreadable_day": repair_day,
    "string_type": repair_text,
    "string_pattern_mismatch": repair_name,
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), repair_map),
    **dict.fromkeys(("tuple_type", "list_type"), repair_list),
    "not_a_range": repair_scale,
    "unreadable_distribution": repair_distribution,
    "wrong_parameters": repair_parameters,
    "unordered_parameters": repair_unordered,
    "literal_error": repair_choice,
    "unreadable_comparison": repair_comparison,
    "missing": repair_missing,
    "extra_forbidden": repair_unknown,
}


IGNORED_ERRORS: tuple[type[Exception], ...] = (AttributeError, LookupError, TypeError, ValueError)
"""Errors in finding a hint, which leave a fault without one: what surrounds it may have any shape too, and the fault
itself is to be told in any case. The tests and the fuzzing pass over none, so that they find them."""


def find_repair(details: Fault, data: Any, place: Place) -> Repair | None:
    """What a fault proposes to write instead; None where that is not known."""
    fault = LocatedFault(details, data, place)
    if not has_path(data, fault.path):
        return None  # which a repair before this one has changed
    if details.kind != "extra_forbidden" and fault.place.has_fault:
        return None
    of_kind = _REPAIRS_BY_KIND.get(details.kind)
    general = (repair_level, repair_single_part, repair_dated_event)
    try:
        repair = next(filter(None, (repair(fault) for repair in general)), None)
        return repair or (of_kind(fault) if of_kind else None)
    except IGNORED_ERRORS:
        return None
