"""What stands where a map or a list belongs, and blocks that are not indented."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from usru_scenarios.model.values import NAME
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import Replacement, first_quoted, shortened
from usru_scenarios.reading.mending import faulty
from usru_scenarios.reading.mending.conditions import conditions
from usru_scenarios.reading.mending.faulty import Faulty, Repair
from usru_scenarios.reading.mending.names import without_space_before_bracket
from usru_scenarios.reading.mending.numbers import decimal_commas, is_number, mend_number
from usru_scenarios.reading.schema_paths import fields_at
from usru_scenarios.written_forms import date_hint, distribution_meant, ids_in, name_meant, number_meant, numbers_in

if TYPE_CHECKING:
    from usru_scenarios.names import KeyPath


def mend_map(it: Faulty) -> Repair | None:
    """What stands where a map belongs."""
    raw = it.raw
    if raw is None:
        return _empty(it)
    if found := without_space_before_bracket(it):
        return found
    section = _section(it.path)
    for form in _FORMS.get(section, ()):
        if (found := form(it, raw)) is not None:
            return found
    if isinstance(raw, list) and (merged := faulty.one_map(raw)) is not None:
        return it.rewritten(f"a map has no '- ': write {faulty.short(merged)}", merged)
    return None


def _section(path: KeyPath) -> str:
    """What kind of map belongs at a path."""
    named = [str(part) for part in path]
    if len(named) == 2 and named[0] == "expectations":
        return "expectation"
    if len(named) >= 3 and named[0] in ("drivers", "outcome", "consequences"):
        below = named[2:] if named[0] != "outcome" else named[1:]
        if below[0] in ("impacts", "influences", "lagged_influences"):
            return below[0] if len(below) == 1 else f"{below[0]} row"
        if below[0] == "events" and len(below) == 2:
            return "event"
    return named[-1] if named else ""


def _pieces(raw: Any) -> list[str] | None:
    """The names in a list, in a map without values, or in a text with commas."""
    if isinstance(raw, dict) and raw and all(one is None for one in raw.values()):
        raw = list(raw)
    if isinstance(raw, str):
        raw = [piece for piece in re.split(r"\s*[,;/|+&]\s*|\s+(?:and|or)\s+", raw.strip()) if piece]
    if isinstance(raw, bool):
        raw = [raw]
    if not isinstance(raw, list) or not raw:
        return None
    names = [("true" if one else "false") if isinstance(one, bool) else one for one in raw]
    if not all(isinstance(one, str) for one in names) or len(set(names)) < len(names):
        return None
    return names


def _named_parts(it: Faulty, raw: Any) -> Repair | None:
    """States or scenarios as a list of names."""
    names = _pieces(raw)
    if names is None:
        return None
    names = [name if re.fullmatch(NAME, name) else name_meant(name) for name in names]
    if not all(re.fullmatch(NAME, name) for name in names) or len(set(names)) < len(names):
        return None
    value = {name: {} for name in names} if it.path == ("scenarios",) else dict.fromkeys(names)
    text = f"{{{', '.join(f'{name}: {{}}' if it.path == ('scenarios',) else f'{name}: ' for name in names)}}}"
    return it.rewritten(f"write {shortened(text, 200)}", value, text)


def _statement(it: Faulty, raw: Any) -> Repair | None:
    """An expectation that is its text alone."""
    if not isinstance(raw, str):
        return None
    text = f"{{that: {faulty.quoted(raw)}}}"
    return it.rewritten(f"write {shortened(text, 200)}", {"that": raw}, text)


def _statements(it: Faulty, raw: Any) -> Repair | None:
    """Expectations without names."""
    if not isinstance(raw, list) or not all(isinstance(one, str | dict) for one in raw):
        return None
    if any(isinstance(one, dict) and "that" not in one for one in raw):
        return None
    value = {
        f"expectation_{number}": {"that": one} if isinstance(one, str) else one for number, one in enumerate(raw, 1)
    }
    lines = [f"{name}: {{that: {faulty.quoted(one['that'])}}}" for name, one in value.items() if len(one) == 1]
    hint = f"each has a name: write {shortened(lines[0] if lines else 'expectation_1: {that: ...}', 200)}"
    place = it.place
    indent = "\n" + " " * (max(place.value.column, (place.key.column + 2) if place.key else 0))
    shift = " " * (len(indent) - 1 - place.value.column)
    written = place.source.edit(*faulty.region(place), shift + indent.join(lines))
    edits = (written,) if len(lines) == len(value) else ()
    return it.repair(hint, value, edits=edits)


def _points_of_row(it: Faulty, raw: Any) -> Repair | None:
    """`passed: stable` or `passed: 1` below impacts."""
    targets = faulty.targets_of(it)
    if isinstance(raw, str) and (found := re.fullmatch(r"\s*(\w+)\s*(?:[:=]|\s)?\s*([-+]?[\d.,]+)?\s*", raw)):
        name = found[1] if found[1] in targets else ""
        if name and found[2] and (meant := number_meant(found[2])):
            value: dict[str, Any] = {name: meant.value}
            return it.rewritten(f"write {faulty.flow(value)}", value)
        if name:
            return it.repair(f"write it with its points, such as {{{name}: 1}}", {name: 1})
    if is_number(raw) and (found_in := _of_no_state(it, raw, targets)):
        return found_in
    if is_number(raw) and targets:
        return it.repair(f"say what the points are for, such as {{{targets[0]}: {raw:g}}}", {targets[0]: 1})
    if isinstance(raw, str) and targets:
        own = faulty.value_at(it.data, (*it.path[:2], "influences")) is not None
        states = (
            faulty.states_of(it.data, str(it.path[-1])) if own and it.path[2] != "impacts" and len(it.path) == 4 else []
        )
        if raw in states:
            return it.repair(f"write the points too, such as {{{raw}: {{{targets[0]}: 1}}}}", {raw: {targets[0]: 1}})
    return None


def _of_no_state(it: Faulty, raw: Any, targets: list[str]) -> Repair | None:
    """A number, or target states with numbers, right below a driver in influences: of which state is not said."""
    if it.path[0] == "outcome" or it.path[2] == "impacts" or not targets:
        return None
    parent, row = str(it.path[3]), it.path[:4]
    states = faulty.states_of(it.data, parent)
    points = it.parent if len(it.path) > len(row) else {targets[0]: raw}
    if (
        not states
        or not set(points) <= set(targets)
        or set(points) & set(states)
        or not all(map(is_number, points.values()))
    ):
        return None
    value = {states[0]: points}
    hint = f"say in which state of '{parent}', such as {faulty.flow(value)}"
    place = faulty.place_at(it.root, row)
    message = f"points of '{parent}' stand below one of its states"
    return it.repair(hint, value, path=row, message=message, at=place, of_key=True)


def _one_state(it: Faulty, raw: Any) -> Repair | None:
    """`prior: open` for what is sure."""
    states = faulty.states_of(it.data, str(it.path[1])) if len(it.path) > 1 else []
    if isinstance(raw, str) and raw.strip() in states:
        return it.rewritten(f"write {{{raw.strip()}: 1}}", {raw.strip(): 1})
    if is_number(raw) and states:
        return it.repair(f"say of which state, such as {{{states[0]}: {raw:g}, ...}}", {states[0]: 1})
    return None


def _then(it: Faulty, raw: Any) -> Repair | None:
    if isinstance(raw, str) and (name := raw.strip()) in faulty.names_in(it.data, "scenarios"):
        return it.repair(f"write {{scenario: {{{name}: 1}}}}, with its points", {OUTCOME: {name: 1}})
    return None


def _time(it: Faulty, raw: Any) -> Repair | None:
    """`2025-01 to 2027-01`."""
    if not isinstance(raw, str):
        return None
    text = re.sub(r"\bmonth|quarter|year\b", "", raw)
    dates = [
        date_hint(piece)[1] or piece for piece in re.split(r"\s+(?:to|until|-|bis|\u2013)\s+|\.\.+", text.strip(" ,"))
    ]
    if len(dates) != 2 or not all(re.match(r"\d{4}(-\d\d|-Q\d)?$", date) for date in dates):
        return None
    step = next((one for one in ("month", "quarter", "year") if one in raw), "quarter")
    value = {"start": dates[0], "end": dates[1], "step": step}
    return it.rewritten(f"write {faulty.flow(value)}", value)


_FORMS: dict[str, tuple[Callable[[Faulty, Any], Repair | None], ...]] = {
    "states": (_named_parts,),
    "scenarios": (_named_parts,),
    "when": (conditions,),
    "expectation": (_statement,),
    "expectations": (_statements,),
    "impacts row": (_points_of_row,),
    "influences row": (_points_of_row,),
    "lagged_influences row": (_points_of_row,),
    "then": (_then,),
    "prior": (_one_state,),
    "initial": (_one_state,),
    "time": (_time,),
}


def _empty(it: Faulty) -> Repair | None:
    """A key with nothing behind it: what belongs below it isn't indented, or it is left over."""
    parent = it.parent
    if not isinstance(parent, dict) or not it.path or it.place.has_fault:
        return None
    key, around = it.path[-1], it.path[:-1]
    known = set(fields_at(around, it.data))
    names = list(parent) if known else []  # among free keys nothing is looked for
    after = names[names.index(key) + 1 :] if known else []
    moved = []
    for name in after:
        if name in known or not faulty.on_own_line(faulty.place_at(it.root, (*around, name))):
            break
        moved.append(name)
    if moved:
        return _moved_below(it, parent, moved)
    if key in _REQUIRED or (around and not known):
        return None
    place = it.place
    line = place.source.lines[place.key.line] if place.key else ""
    value = faulty.without(parent, key)
    edits: tuple[Replacement, ...] = ()
    if place.key and line.strip().startswith(str(key)) and not line.strip().split(":", 1)[1].strip():
        start = place.source.starts[place.key.line]
        end = next(iter(place.source.starts[place.key.line + 1 :]), start + len(line))
        edits = (place.source.edit(start, end, ""),)
    return it.repair("remove the line, or fill it", value, path=around, edits=edits)


_REQUIRED = frozenset({"scenarios", "states", "when", "then", "shares", "prior"})


def _moved_below(it: Faulty, parent: dict[str, Any], moved: list[str]) -> Repair:
    key, around = it.path[-1], it.path[:-1]
    below = {name: parent[name] for name in moved}
    value = {name: below if name == key else one for name, one in parent.items() if name not in moved}
    edits = [edit for name in moved for edit in faulty.indenting(faulty.place_at(it.root, (*around, name)))]
    place, source = it.place, faulty.place_at(it.root, around)
    place.children = {name: source.children[name] for name in moved if source.children and name in source.children}
    first = faulty.place_at(source, (moved[0],))
    message = f"'{shortened(moved[0])}' stands beside '{key}', which has nothing below it"
    hint = f"indent {first_quoted(moved)} below {key}"
    return it.repair(hint, value, path=around, edits=edits, message=message, at=first, of_key=True)


def mend_list(it: Faulty) -> Repair | None:
    """What stands where a list belongs."""
    raw = it.raw
    if isinstance(raw, dict) and len(it.path) >= 2 and it.path[-1] == "range":
        return None
    names = _pieces(raw)
    if it.path[-1:] == ("sources",) and isinstance(raw, str):
        names = ids_in(raw) or names
    if names is None:
        return None
    return it.rewritten(f"write {faulty.short(names)}", names)


def mend_scale(it: Faulty) -> Repair | None:
    """A range in other words."""
    raw = it.raw
    text = it.written
    values: list[Any] | None
    if isinstance(raw, dict):
        low, high = (
            next((raw[key] for key in keys if key in raw), None)
            for keys in (("min", "from", "low", "start"), ("max", "to", "high", "end"))
        )
        values = [low, high] if is_number(low) and is_number(high) and len(raw) == 2 else None
    else:
        found = distribution_meant(text.strip("\"'"))
        values = next(iter(found.value.values())) if found and isinstance(found.value, dict) else None
        values = values or decimal_commas(text.strip("[]"), 2) or numbers_in(text.strip("[]()"), 2)
    if not values or len(values) != 2:
        return None
    value = [int(one) if float(one).is_integer() else one for one in values if one is not None]
    return it.rewritten(f"write {faulty.flow(value)}", value)


def mend_distribution(it: Faulty) -> Repair | None:
    """A distribution as text, or `uniform` alone over the range beside it."""
    raw = it.raw
    if isinstance(raw, str):
        if found := distribution_meant(raw):
            return it.rewritten(found.hint, found.value, found.text)
        if raw == "uniform" and isinstance(scale := faulty.value_at(it.data, (*it.path[:-1], "range")), list):
            return it.rewritten(f"write {{uniform: {faulty.flow(scale)}}}", {"uniform": scale})
    return None


_STEPS = {
    **dict.fromkeys(("monthly", "months", "1 month", "m", "monat", "mois"), "month"),
    **dict.fromkeys(("quarterly", "quarters", "3 months", "1 quarter", "q", "quartal", "trimestre"), "quarter"),
    **dict.fromkeys(("yearly", "annual", "annually", "years", "12 months", "1 year", "y", "jahr", "an"), "year"),
}


def mend_choice(it: Faulty) -> Repair | None:
    """A word of a short list, such as the length of a step."""
    raw = it.raw
    if it.path == ("usru",):
        return it.rewritten("write usru: 1", 1)
    if isinstance(raw, str) and it.path[-1:] == ("step",) and (step := _STEPS.get(raw.strip().lower())):
        return it.rewritten(f"write {step}", step)
    return mend_number(it) if isinstance(raw, str) else None
