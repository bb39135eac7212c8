"""The conditions of a rule in the language of queries, and comparisons with a number."""

from __future__ import annotations

import re
from typing import Any

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.reading.mending import faulty
from usru_scenarios.reading.mending.faulty import Faulty, Repair
from usru_scenarios.reading.schema_paths import describe_place
from usru_scenarios.written_forms import number_meant

_TEST = re.compile(r"\s*([A-Za-z]\w*)\s*(==?|<=|>=|<|>|:|\bis\b)\s*(\"?[\w.%,]+\"?)\s*")


def conditions(it: Faulty, raw: Any) -> Repair | None:
    """A `when` in the language of queries."""
    if isinstance(raw, list) and (merged := faulty.one_map(raw)) is not None:
        return it.rewritten(f"write {faulty.short(merged)}", merged)
    tests = raw if isinstance(raw, list) else list(raw) if isinstance(raw, dict) else [raw]
    if not all(isinstance(one, str) for one in tests):
        return None
    when: dict[str, Any] = {}
    for test in tests:
        for piece in re.split(r"\s+(?:and|AND)\s+|\s*(?:&&?|,|;)\s*", test.strip()):
            if not _add_test(when, piece):
                return None
    return it.rewritten(f"write {faulty.short(when)}", when) if when else None


def above(it: Faulty) -> Faulty:
    """The same of the map that the value stands in."""
    message = f"{describe_place(it.path[:-1])} must be a map of drivers and states"
    place = faulty.place_at(it.root, it.path[:-1])
    problem = replace(it.fault.problem, message=message, span=place.span(), hint="")
    return it._replace(fault=replace(it.fault, problem=problem, path=it.path[:-1]))


def _add_test(when: dict[str, Any], piece: str) -> bool:
    either = [_TEST.fullmatch(one) for one in re.split(r"\s+(?:or|OR)\s+", piece.strip().strip("()"))]
    tests = [test for test in either if test is not None]
    if len(tests) < len(either) or len({test[1] for test in tests}) != 1:
        return False
    node = tests[0][1]
    if node in when:
        return False
    if tests[0][2] in ("<", ">", "<=", ">="):
        bound = number_meant(tests[0][3])
        if bound is None or len(tests) > 1:
            return False
        when[node] = f"{tests[0][2]} {bound.text}"
        return True
    states = [test[3].strip('"') for test in tests]
    when[node] = states[0] if len(states) == 1 else states
    return True


def mend_comparison(it: Faulty) -> Repair | None:
    """A comparison such as `"> 70%"`, `"≥ 0,7"` or `above 0.7`."""
    raw = it.raw if isinstance(it.raw, str) else ""
    signs = {
        "\u2265": ">=",
        "\u2264": "<=",
        "=>": ">=",
        "=<": "<=",
        "above": ">",
        "over": ">",
        "below": "<",
        "under": "<",
    }
    found = re.fullmatch(r"\s*(\u2265|\u2264|=>|=<|>=|<=|>|<|above|over|below|under)\s*(.+)", raw)
    meant = number_meant(found[2]) if found else None
    if found is None or meant is None or not meant.text:
        if raw[:1] == "=" and re.fullmatch(r"==?\s*[a-z]\w*", raw):
            state = raw.lstrip("= ")
            return it.rewritten(f"write {state}", state)
        return None
    value = f"{signs.get(found[1], found[1])} {meant.text}"
    return it.rewritten(f'write "{value}"', value, f'"{value}"')
