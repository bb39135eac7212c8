"""What was likely meant where the shape of a file has a fault, so that it can be said and nothing follows from it.

A repair changes the plain data in the way that its hint proposes to change the text. The file stays refused; but what
is checked from then on is what it would be once the hint is followed, so that one fault is one message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from usru_scenarios.reading.mending.blocks import mend_choice, mend_distribution, mend_list, mend_map, mend_scale
from usru_scenarios.reading.mending.conditions import mend_comparison
from usru_scenarios.reading.mending.events import mend_dated_event, mend_single_part
from usru_scenarios.reading.mending.faulty import Faulty, Repair, is_there
from usru_scenarios.reading.mending.keys import mend_missing, mend_unknown
from usru_scenarios.reading.mending.levels import mend_level
from usru_scenarios.reading.mending.names import mend_name
from usru_scenarios.reading.mending.numbers import (
    mend_date,
    mend_day,
    mend_duration,
    mend_number,
    mend_parameters,
    mend_text,
    mend_unordered,
)

if TYPE_CHECKING:
    from usru_scenarios.reading.places import Place
    from usru_scenarios.reading.pydantic_errors import Fault


_MENDERS: dict[str, Callable[[Faulty], Repair | None]] = {
    **dict.fromkeys(("not_a_number", "float_type", "int_type", "int_from_float", "finite_number"), mend_number),
    **dict.fromkeys(("unreadable_duration", "not_a_probability"), mend_duration),
    "unreadable_date": mend_date,
    "unreadable_day": mend_day,
    "string_type": mend_text,
    "string_pattern_mismatch": mend_name,
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), mend_map),
    **dict.fromkeys(("tuple_type", "list_type"), mend_list),
    "not_a_range": mend_scale,
    "unreadable_distribution": mend_distribution,
    "wrong_parameters": mend_parameters,
    "unordered_parameters": mend_unordered,
    "literal_error": mend_choice,
    "unreadable_comparison": mend_comparison,
    "missing": mend_missing,
    "extra_forbidden": mend_unknown,
}


PASSED_OVER: tuple[type[Exception], ...] = (AttributeError, LookupError, TypeError, ValueError)
"""Errors in finding a hint, which leave a fault without one: what surrounds it may have any shape too, and the fault
itself is to be told in any case. The tests and the fuzzing pass over none, so that they find them."""


def repair_of(fault: Fault, data: Any, place: Place) -> Repair | None:
    """What a fault proposes to write instead, where that can be told."""
    it = Faulty(fault, data, place)
    if not is_there(data, fault.path):
        return None  # which a repair before this one has changed
    if it.fault.kind != "extra_forbidden" and it.place.has_fault:
        return None
    mender = _MENDERS.get(fault.kind)
    try:
        return mend_level(it) or mend_single_part(it) or mend_dated_event(it) or (mender(it) if mender else None)
    except PASSED_OVER:
        return None
