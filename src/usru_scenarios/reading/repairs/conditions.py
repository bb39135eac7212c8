"""The conditions of a rule in the language of queries, and comparisons with a number."""

from __future__ import annotations

import re
from typing import Any

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.reading.repairs import common
from usru_scenarios.reading.repairs.common import LocatedFault, Repair
from usru_scenarios.reading.schema_paths import describe_place
from usru_scenarios.written_forms import suggest_number

_TEST = re.compile(r"\s*([A-Za-z]\w*)\s*(==?|<=|>=|<|>|:|\bis\b)\s*(\"?[\w.%,]+\"?)\s*")


def repair_conditions(fault: LocatedFault) -> Repair | None:
    """Write a map for a `when` in the language of queries."""
    if (merged := common.merge_maps(fault.value)) is not None:
        return fault.rewrite(merged)
    tests = list(fault.value) if isinstance(fault.value, list | dict) else [fault.value]
    if not all(isinstance(test, str) for test in tests):
        return None
    when: dict[str, Any] = {}
    for test in tests:
        for piece in re.split(r"\s+(?:and|AND)\s+|\s*(?:&&?|,|;)\s*", test.strip()):
            condition = _parse_condition(piece)
            if condition is None or condition[0] in when:
                return None
            when[condition[0]] = condition[1]
    return fault.rewrite(when) if when else None


def fault_of_conditions(fault: LocatedFault) -> LocatedFault:
    """The fault of one condition as a fault of the map that it stands in."""
    path = fault.path[:-1]
    message = f"{describe_place(path)} must be a map of drivers and states"
    problem = replace(fault.details.problem, message=message, span=fault.place_at(path).span(), hint="")
    return fault._replace(details=replace(fault.details, problem=problem, path=path))


def _parse_condition(text: str) -> tuple[str, Any] | None:
    """A node, and its state, states or comparison; None where the text is no condition on one node."""
    tests = [_TEST.fullmatch(part) for part in re.split(r"\s+(?:or|OR)\s+", text.strip().strip("()"))]
    first = tests[0]
    if first is None or not all(test and test[1] == first[1] for test in tests):
        return None
    node, sign, value = first.groups()
    if sign in ("<", ">", "<=", ">="):
        bound = suggest_number(value)
        return None if bound is None or len(tests) > 1 else (node, f"{sign} {bound.text}")
    states = [test[3].strip('"') for test in tests if test]
    return node, states[0] if len(states) == 1 else states


_SIGNS = {
    **{sign: sign for sign in (">=", "<=", ">", "<")},
    **dict.fromkeys(("\u2265", "=>"), ">="),
    **dict.fromkeys(("\u2264", "=<"), "<="),
    **dict.fromkeys(("above", "over"), ">"),
    **dict.fromkeys(("below", "under"), "<"),
}


def repair_comparison(fault: LocatedFault) -> Repair | None:
    """Write a comparison for `"> 70%"`, `"≥ 0,7"` or `above 0.7`."""
    text = fault.value if isinstance(fault.value, str) else ""
    match = re.fullmatch(rf"\s*({'|'.join(_SIGNS)})\s*(.+)", text)
    bound = suggest_number(match[2]) if match else None
    if match and bound and bound.text:
        value = f"{_SIGNS[match[1]]} {bound.text}"
        return fault.rewrite(value, text=f'"{value}"')
    if re.fullmatch(r"==?\s*[a-z]\w*", text):
        return fault.rewrite(text.lstrip("= "), f"write {text.lstrip('= ')}")
    return None
