"""What stands where a map or a list belongs, and blocks that are not indented."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from usru_scenarios.model.values import NAME
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import Replacement, quote_first, shorten
from usru_scenarios.reading.repairs import common
from usru_scenarios.reading.repairs.common import LocatedFault, Repair
from usru_scenarios.reading.repairs.conditions import repair_conditions
from usru_scenarios.reading.repairs.names import insert_space_before_bracket
from usru_scenarios.reading.repairs.numbers import is_number, parse_decimal_commas, repair_number
from usru_scenarios.reading.schema_paths import fields_at
from usru_scenarios.written_forms import (
    claim_ids_in,
    normalize_name,
    parse_number_list,
    suggest_date,
    suggest_distribution,
    suggest_number,
)

if TYPE_CHECKING:
    from usru_scenarios.names import KeyPath


def repair_map(fault: LocatedFault) -> Repair | None:
    """Write a map in the place of what stands where one belongs."""
    if fault.value is None:
        return _repair_empty(fault)
    if repair := insert_space_before_bracket(fault):
        return repair
    repair_section = _REPAIRS_BY_SECTION.get(_kind_of_map(fault.path))
    if repair_section is not None and (repair := repair_section(fault)):
        return repair
    if (merged := common.merge_maps(fault.value)) is not None:
        return fault.rewrite(merged, f"a map has no '- ': write {common.abbreviate_yaml(merged)}")
    return None


def _kind_of_map(path: KeyPath) -> str:
    """What kind of map belongs at a path, as in `_REPAIRS_BY_SECTION`."""
    keys = [str(part) for part in path]
    if len(keys) == 2 and keys[0] == "expectations":
        return "expectation"
    if len(keys) >= 3 and keys[0] in ("drivers", "outcome", "consequences"):
        below = keys[2:] if keys[0] != "outcome" else keys[1:]
        if below[0] in ("impacts", "influences", "lagged_influences"):
            return below[0] if len(below) == 1 else "row of points"
        if below[0] == "events" and len(below) == 2:
            return "event"
    return keys[-1] if keys else ""


def _listed_names(value: Any) -> list[str] | None:
    """The names in a list, in a map without values, or in a text with commas."""
    if isinstance(value, dict) and value and all(entry is None for entry in value.values()):
        value = list(value)
    if isinstance(value, str):
        value = [piece for piece in re.split(r"\s*[,;/|+&]\s*|\s+(?:and|or)\s+", value.strip()) if piece]
    if isinstance(value, bool):
        value = [value]
    if not isinstance(value, list) or not value:
        return None
    names = [str(item).lower() if isinstance(item, bool) else item for item in value]
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        return None
    return names


def _repair_named_parts(fault: LocatedFault) -> Repair | None:
    """Write a list of states or scenarios as a map."""
    names = [name if re.fullmatch(NAME, name) else normalize_name(name) for name in _listed_names(fault.value) or ()]
    if not names or not all(re.fullmatch(NAME, name) for name in names) or len(set(names)) < len(names):
        return None
    is_scenarios = fault.path == ("scenarios",)
    value = {name: {} for name in names} if is_scenarios else dict.fromkeys(names)
    text = f"{{{', '.join(f'{name}: {{}}' if is_scenarios else f'{name}: ' for name in names)}}}"
    return fault.rewrite(value, text=text)


def _repair_expectation(fault: LocatedFault) -> Repair | None:
    """Write the text of an expectation behind `that`."""
    if not isinstance(fault.value, str):
        return None
    return fault.rewrite({"that": fault.value}, text=f"{{that: {common.quote(fault.value)}}}")


def _repair_expectations(fault: LocatedFault) -> Repair | None:
    """Give names to the expectations of a list."""
    statements = fault.value
    if not isinstance(statements, list) or not all(isinstance(item, str | dict) for item in statements):
        return None
    if any(isinstance(item, dict) and "that" not in item for item in statements):
        return None
    value = {
        f"expectation_{number}": {"that": item} if isinstance(item, str) else item
        for number, item in enumerate(statements, 1)
    }
    lines = [f"{name}: {{that: {common.quote(item['that'])}}}" for name, item in value.items() if len(item) == 1]
    hint = f"each has a name: write {shorten(lines[0] if lines else 'expectation_1: {that: ...}', 200)}"
    place = fault.place
    column = max(place.value.column, place.key.column + 2 if place.key else 0)
    text = " " * (column - place.value.column) + ("\n" + " " * column).join(lines)
    edit = place.source.replacement(*common.text_range(place), text)
    return fault.propose(hint, value, edits=(edit,) if len(lines) == len(value) else ())


def _repair_row_of_points(fault: LocatedFault) -> Repair | None:
    """Write points for states or scenarios where a row is their name or a number alone."""
    row, targets = fault.value, fault.point_targets
    if is_number(row) and targets:
        hint = f"say what the points are for, such as {{{targets[0]}: {row:g}}}"
        return _insert_state(fault, row, targets) or fault.propose(hint, {targets[0]: 1})
    if not isinstance(row, str):
        return None
    match = re.fullmatch(r"\s*(\w+)\s*(?:[:=]|\s)?\s*([-+]?[\d.,]+)?\s*", row)
    if match and match[1] in targets:
        if match[2] and (number := suggest_number(match[2])):
            return fault.rewrite({match[1]: number.value})
        return fault.propose(f"write it with its points, such as {{{match[1]}: 1}}", {match[1]: 1})
    is_influence = len(fault.path) == 4 and fault.path[2] != "impacts"
    has_influences = fault.value_at((*fault.path[:2], "influences")) is not None
    if targets and is_influence and has_influences and row in fault.states_of(fault.path[-1]):
        hint = f"write the points too, such as {{{row}: {{{targets[0]}: 1}}}}"
        return fault.propose(hint, {row: {targets[0]: 1}})
    return None


def _insert_state(fault: LocatedFault, number: float, targets: list[str]) -> Repair | None:
    """Name a state of the driver where a number, or target states with numbers, stand right below it in influences."""
    if fault.path[0] == "outcome" or fault.path[2] == "impacts":
        return None
    parent, path = str(fault.path[3]), fault.path[:4]
    states = fault.states_of(parent)
    points = fault.parent if len(fault.path) > len(path) else {targets[0]: number}
    if not states or set(points) & set(states):
        return None
    if not set(points) <= set(targets) or not all(map(is_number, points.values())):
        return None
    value = {states[0]: points}
    hint = f"say in which state of '{parent}', such as {common.format_yaml(value)}"
    message = f"points of '{parent}' stand below one of its states"
    return fault.propose(hint, value, path=path, message=message, at=fault.place_at(path), of_key=True)


def _repair_shares(fault: LocatedFault) -> Repair | None:
    """Write `{open: 1}` for `prior: open`."""
    states = fault.states_of(fault.path[1]) if len(fault.path) > 1 else []
    if isinstance(fault.value, str) and fault.value.strip() in states:
        return fault.rewrite({fault.value.strip(): 1})
    if is_number(fault.value) and states:
        return fault.propose(f"say of which state, such as {{{states[0]}: {fault.value:g}, ...}}", {states[0]: 1})
    return None


def _repair_then(fault: LocatedFault) -> Repair | None:
    if isinstance(fault.value, str) and (name := fault.value.strip()) in fault.states_of(OUTCOME):
        return fault.propose(f"write {{scenario: {{{name}: 1}}}}, with its points", {OUTCOME: {name: 1}})
    return None


_STEP = re.compile(r"\b(month|quarter|year)(?:s|ly)?\b")


def _repair_time(fault: LocatedFault) -> Repair | None:
    """Write start, end and step for `2025-01 to 2027-01`."""
    if not isinstance(fault.value, str):
        return None
    text = _STEP.sub("", fault.value).strip(" ,")
    dates = [suggest_date(piece)[1] or piece for piece in re.split(r"\s+(?:to|until|-|bis|\u2013)\s+|\.\.+", text)]
    if len(dates) != 2 or not all(re.match(r"\d{4}(-\d\d|-Q\d)?$", date) for date in dates):
        return None
    step = _STEP.search(fault.value)
    return fault.rewrite({"start": dates[0], "end": dates[1], "step": step[1] if step else "quarter"})


_REPAIRS_BY_SECTION: dict[str, Callable[[LocatedFault], Repair | None]] = {
    "states": _repair_named_parts,
    "scenarios": _repair_named_parts,
    "when": repair_conditions,
    "expectation": _repair_expectation,
    "expectations": _repair_expectations,
    "row of points": _repair_row_of_points,
    "then": _repair_then,
    "prior": _repair_shares,
    "initial": _repair_shares,
    "time": _repair_time,
}


def _repair_empty(fault: LocatedFault) -> Repair | None:
    """Indent what belongs below a key that has nothing behind it, or remove the key."""
    parent = fault.parent
    if not isinstance(parent, dict) or not fault.path or fault.place.has_fault:
        return None
    key, around = fault.path[-1], fault.path[:-1]
    known = set(fields_at(around, fault.data))
    names = list(parent) if known else []  # among free keys nothing is looked for
    moved = []
    for name in names[names.index(key) + 1 :] if known else ():
        if name in known or not common.is_on_own_line(fault.place_at((*around, name))):
            break
        moved.append(name)
    if moved:
        return _move_below(fault, parent, moved)
    if key in _REQUIRED or (around and not known):
        return None
    place = fault.place
    edits: tuple[Replacement, ...] = ()
    if place.key:
        start, line = place.source.line_starts[place.key.line], place.source.lines[place.key.line]
        if line.strip().startswith(str(key)) and not line.strip().split(":", 1)[1].strip():
            end = next(iter(place.source.line_starts[place.key.line + 1 :]), start + len(line))
            edits = (place.source.replacement(start, end, ""),)
    return fault.propose("remove the line, or fill it", common.without_key(parent, key), path=around, edits=edits)


_REQUIRED = frozenset({"scenarios", "states", "when", "then", "shares", "prior"})


def _move_below(fault: LocatedFault, parent: dict[str, Any], moved: list[str]) -> Repair:
    """Indent entries that stand beside an empty key and belong below it."""
    key, around = fault.path[-1], fault.path[:-1]
    below = {name: parent[name] for name in moved}
    value = {name: below if name == key else entry for name, entry in parent.items() if name not in moved}
    edits = [edit for name in moved for edit in common.indent_lines(fault.place_at((*around, name)))]
    source = fault.place_at(around)
    fault.place.children = {name: child for name in moved if (child := source.child(name))}
    message = f"'{shorten(moved[0])}' stands beside '{key}', which has nothing below it"
    hint, first = f"indent {quote_first(moved)} below {key}", common.place_at(source, (moved[0],))
    return fault.propose(hint, value, path=around, edits=edits, message=message, at=first, of_key=True)


def repair_list(fault: LocatedFault) -> Repair | None:
    """Write a list in the place of what stands where one belongs."""
    if isinstance(fault.value, dict) and len(fault.path) >= 2 and fault.path[-1] == "range":
        return None
    names = _listed_names(fault.value)
    if fault.path[-1:] == ("sources",) and isinstance(fault.value, str):
        names = claim_ids_in(fault.value) or names
    return None if names is None else fault.rewrite(names)


def repair_scale(fault: LocatedFault) -> Repair | None:
    """Write `[low, high]` for a range in other words."""
    raw, text = fault.value, fault.written_text
    ends: list[Any] | None
    if isinstance(raw, dict):
        ends = [
            next((raw[key] for key in keys if key in raw), None)
            for keys in (("min", "from", "low", "start"), ("max", "to", "high", "end"))
        ]
        if len(raw) != 2 or not all(map(is_number, ends)):
            return None
    else:
        uniform = suggest_distribution(text.strip("\"'"))
        ends = next(iter(uniform.value.values())) if uniform and isinstance(uniform.value, dict) else None
        ends = ends or parse_decimal_commas(text.strip("[]"), 2) or parse_number_list(text.strip("[]()"), 2)
    if not ends or len(ends) != 2:
        return None
    return fault.rewrite([int(end) if float(end).is_integer() else end for end in ends])


def repair_distribution(fault: LocatedFault) -> Repair | None:
    """Write a distribution for a text, or for `uniform` alone one over the range beside it."""
    if not isinstance(fault.value, str):
        return None
    if suggestion := suggest_distribution(fault.value):
        return fault.rewrite(suggestion.value, suggestion.hint, suggestion.text)
    scale = fault.value_at((*fault.path[:-1], "range"))
    return fault.rewrite({"uniform": scale}) if fault.value == "uniform" and isinstance(scale, list) else None


_STEPS = {
    **dict.fromkeys(("monthly", "months", "1 month", "m", "monat", "mois"), "month"),
    **dict.fromkeys(("quarterly", "quarters", "3 months", "1 quarter", "q", "quartal", "trimestre"), "quarter"),
    **dict.fromkeys(("yearly", "annual", "annually", "years", "12 months", "1 year", "y", "jahr", "an"), "year"),
}


def repair_choice(fault: LocatedFault) -> Repair | None:
    """Write a word of a short list, such as the length of a step."""
    if fault.path == ("usru",):
        return fault.rewrite(1, "write usru: 1")
    if not isinstance(fault.value, str):
        return None
    step = _STEPS.get(fault.value.strip().lower()) if fault.path[-1:] == ("step",) else None
    return fault.rewrite(step) if step else repair_number(fault)
