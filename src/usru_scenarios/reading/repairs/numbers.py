"""Numbers, distributions, durations and dates that are written otherwise."""

from __future__ import annotations

import re
from typing import Any

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.model.families import FAMILIES, JUDGEMENT_FAMILIES
from usru_scenarios.model.values import describe_value
from usru_scenarios.problems import shorten
from usru_scenarios.reading.repairs import common
from usru_scenarios.reading.repairs.common import LocatedFault, Repair
from usru_scenarios.written_forms import (
    ODD_SPACE,
    Suggestion,
    parse_number_list,
    suggest_date,
    suggest_day,
    suggest_distribution,
    suggest_duration,
    suggest_family,
    suggest_judgement,
    suggest_number,
    suggest_number_in_text,
)

_KINDS_OF_CERTAIN_NUMBERS = frozenset({"float_type", "int_type", "int_from_float", "finite_number", "literal_error"})


def repair_number(fault: LocatedFault) -> Repair | None:
    """Write a number, or an uncertain one, in the place of what stands where one belongs."""
    raw = fault.value
    if isinstance(raw, dict):
        return _repair_uncertain_number(fault, raw)
    if not isinstance(raw, str):
        return None
    must_be_certain = fault.details.kind in _KINDS_OF_CERTAIN_NUMBERS
    written = fault.written_text if not ODD_SPACE.search(fault.written_text) else raw
    suggestion = suggest_number(written) if must_be_certain else suggest_judgement(written)
    if suggestion is None:
        in_then = fault.path[0] == "rules" and fault.path[2:3] == ("then",)
        if in_then and raw in fault.states_of(fault.path[-1]):
            return fault.propose(f"write it with its points, such as {{{raw}: 1}}", {raw: 1})
        if repair := _repair_factor(fault, raw):
            return repair
        if must_be_certain:
            return None
        suggestion = _count_signs(fault, raw) or suggest_number_in_text(written)
    if suggestion is None:
        return fault.propose(_describe_number(fault), 1) if not re.search(r"\d", raw) else None
    is_parameter = any(part in FAMILIES for part in fault.path)
    if not suggestion.text or (isinstance(suggestion.value, dict) and is_parameter):
        return fault.propose(suggestion.hint, 1)
    return fault.rewrite(suggestion.value, suggestion.hint, suggestion.text)


def _count_signs(fault: LocatedFault, raw: str) -> Suggestion | None:
    """The points that `++` or `---` means in a table of a cross-impact analysis."""
    if _describe_number(fault) != _POINTS or not re.fullmatch(r"\+{1,3}|-{1,3}", raw.strip()):
        return None
    points = len(raw.strip()) * (1 if "+" in raw else -1)
    return Suggestion(str(points), f"write {points}", float(points))


_POINTS = "points go from -3 (strongly hinders) to 3 (strongly promotes)"


def _describe_number(fault: LocatedFault) -> str:
    """The hint that says what number belongs in the place."""
    path = {str(part) for part in fault.path}
    if fault.path[-1:] == ("weight",) or "weights" in path:
        return "a weight is a number: 1 as judged, 2 counts double, 0 not at all"
    if {"impacts", "influences", "lagged_influences", "then", "points"} & path:
        return _POINTS
    if {"odds_per_point", "sd_per_point", "range", "knots"} & path:
        return "write a number, such as 1.5"
    return "write a number from 0 to 1, such as 0.3"


_ROLES = (
    ("min", "low", "least", "from"),
    ("mode", "likely", "likeliest", "mid", "best"),
    ("max", "high", "most", "to"),
)


def _repair_uncertain_number(fault: LocatedFault, raw: dict[str, Any]) -> Repair | None:
    """Write a distribution for `{Pert: [1, 2, 3]}` or `{min: 1, mode: 2, max: 3}`, or a number for `{x: 1}`."""
    if len(raw) != 1:
        numbers = [next((raw[name] for name in names if name in raw), None) for names in _ROLES]
        given = [number for number in numbers if is_number(number)]
        if len(given) != len(raw) or numbers[0] is None or numbers[2] is None:
            return None
        return fault.rewrite({"pert" if len(given) == 3 else "uniform": given})
    ((key, value),) = raw.items()
    if is_number(value) and key not in fault.point_targets:
        return fault.rewrite(value)
    if not isinstance(value, list) or not all(map(is_number, value)):
        return None
    family = suggest_family(key)
    if family in JUDGEMENT_FAMILIES and FAMILIES[family].parameter_count == len(value):
        return fault.rewrite({family: value})
    return fault.propose(f"a distribution is one of: {', '.join(JUDGEMENT_FAMILIES)}", 1)


def _repair_factor(fault: LocatedFault, raw: str) -> Repair | None:
    """Write a weight, or where that is possible a factor of one, for `2x`."""
    if fault.path[-1:] != ("weight",):
        return None
    is_argument = fault.place.source.name == "-w"
    may_multiply = is_argument or fault.path[:1] == ("profiles",)
    if not may_multiply and (match := re.fullmatch(r"\s*[x*\u00d7]?\s*(\d+(?:[.,]\d+)?)\s*[x*\u00d7]?\s*", raw)):
        factor = match[1].replace(",", ".")
        hint = f"write {factor}: a weight multiplies by itself; x{factor} is for profiles and -w"
        return fault.rewrite(float(factor), hint, factor)
    if match := re.fullmatch(r"\s*(?:(\d+(?:[.,]\d+)?)\s*[x*\u00d7]|[*\u00d7]\s*(\d+(?:[.,]\d+)?))\s*", raw):
        factor = (match[1] or match[2]).replace(",", ".")
        hint = f"x{factor} multiplies the weight, {factor} replaces it"
        return fault.rewrite(float(factor), hint, f"x{factor}")
    if re.fullmatch(r"[^,]+,\s*[a-z]\w*\s*=.*", raw) and is_argument:
        return fault.propose("repeat -w: one for each", 1)
    return None


def _repair_list_of_numbers(fault: LocatedFault) -> Repair | None:
    """Write a judgement for `[1, 2, 3]`, an uncertain one, or `[0,5, P01]`, with a decimal comma."""
    path = fault.path[:-1]
    items = fault.value_at(path)
    if not isinstance(items, list) or len(items) < 2 or not all(map(is_number, items[:2])):
        return None
    place = fault.place_at(path)
    first, second = place.child(0), place.child(1)
    are_whole = isinstance(items[0], int) and isinstance(items[1], int) and items[1] >= 0
    if are_whole and first is not None and second is not None:
        (start, first_end), (second_start, end) = common.text_range(first), common.text_range(second)
        if place.source.text[first_end:second_start] == ",":
            number = float(f"{items[0]}.{items[1]}")
            text = common.format_yaml(number)
            edit = place.source.replacement(start, end, text)
            hint, message = f"a decimal comma: write {text}", "expected a number with its claims, found two numbers"
            return fault.propose(hint, [number, *items[2:]], path=path, edits=(edit,), message=message, at=first)
    if len(items) <= 3 and all(map(is_number, items)) and items == sorted(items):
        uncertain = {"pert" if len(items) == 3 else "uniform": items}
        text = common.format_yaml(uncertain)
        hint, message = f"write {text} for an uncertain number", f"expected one number, found a list of {len(items)}"
        edits = common.replace_value(place, text)
        return fault.propose(hint, uncertain, path=path, edits=edits, message=message, at=place)
    return None


def is_number(raw: object) -> bool:
    """Whether plain data are a number."""
    return isinstance(raw, int | float) and not isinstance(raw, bool)


def repair_parameters(fault: LocatedFault) -> Repair | None:
    """Write as many parameters as a distribution takes, without decimal commas."""
    raw, path, family = fault.value, fault.path, _family_of(fault.value)
    if family is None:
        if not path or path[-1] not in FAMILIES:
            return None
        family, raw = str(path[-1]), fault.parent
    if path[-1:] == (family,):
        path = path[:-1]
    parameters, wanted = raw[family], FAMILIES[family].parameter_count
    place = fault.place_at((*path, family))
    start, end = common.text_range(place)
    text = place.source.text[start:end].strip("[]") if isinstance(parameters, list) else str(parameters)
    numbers = parse_decimal_commas(text, wanted) or parse_number_list(text.strip("()[] "), wanted)
    if numbers is None:
        example = "[1, 2, 3]" if family in ("pert", "triangular") else "[1, 3]"
        order = {
            **dict.fromkeys(("pert", "triangular"), "least, likeliest, most"),
            "uniform": "least, most",
            "normal": "mean, standard deviation",
        }
        hint = f"write {{{family}: {example}}}: {order.get(family, 'its two parameters')}"
        return fault.propose(hint, {**common.without_key(raw, family), family: [1] * wanted}, path=path)
    value = [int(number) if number.is_integer() else number for number in numbers]
    hint = f"{'decimal commas: ' if ',' in text else ''}write {common.format_yaml({family: value})}"
    edits = common.replace_value(place, common.format_yaml(value))
    return fault.propose(hint, value, path=(*path, family), edits=edits)


def repair_unordered(fault: LocatedFault) -> Repair | None:
    """Sort parameters that stand from the highest to the lowest."""
    family = _family_of(fault.value)
    if family is None:
        return None
    path, parameters = (*fault.path, family), fault.value[family]
    if not isinstance(parameters, list) or not all(map(is_number, parameters)):
        return None
    value = sorted(parameters)
    edits = common.replace_value(fault.place_at(path), common.format_yaml(value))
    return fault.propose(f"write {common.format_yaml({family: value})}", value, path=path, edits=edits)


def _family_of(raw: Any) -> str | None:
    """The family of a distribution that is written as a map."""
    return next((key for key in raw if key in FAMILIES), None) if isinstance(raw, dict) else None


def parse_decimal_commas(text: str, wanted: int) -> list[float] | None:
    """So many numbers of a list whose commas without a blank behind them are decimal ones."""
    pieces = re.split(r",\s+", text.strip())
    numbers = [float(number.text) for piece in pieces if (number := suggest_number(piece)) and number.text]
    return numbers if len(numbers) == len(pieces) == wanted else None


def repair_duration(fault: LocatedFault) -> Repair | None:
    """Write a persistence or a duration in the place of what stands where one belongs."""
    raw = fault.value
    if isinstance(raw, list) and raw and (0 in (fault.place.children or {})):
        return repair_duration(fault._replace(details=replace(fault.details, path=(*fault.path, 0))))
    if is_number(raw):
        if raw > 100:
            return fault.propose("a duration is written with its unit, such as '18 months'", 0.5)
        if raw <= 1:
            return None
        share = common.format_yaml(float(f"{raw / 100:.10g}"))
        hint = f"write {share} for {raw:g}%, or for a duration its unit too: '{raw:g} months'"
        return fault.rewrite(raw / 100, hint)
    if not isinstance(raw, str):
        return None
    if duration := suggest_duration(raw):
        return fault.rewrite(duration.value, duration.hint)
    number = suggest_number(fault.written_text) or suggest_distribution(raw)
    if number is None:
        return None
    wanted = "a persistence is a number from 0 to 1 or a duration such as '18 months', and this is"
    message = f"{wanted} {describe_value(raw)}"
    if isinstance(number.value, float) and not 0 <= number.value <= 1:
        hint = f"a duration is written with its unit, such as '{number.text or '18'} months'"
        return fault.propose(hint, 0.5, message=message)
    return fault.rewrite(number.value, number.hint, number.text, message)


_DATE_KEYS = frozenset({"at", "until", "start", "end"})


def repair_date(fault: LocatedFault) -> Repair | None:
    """Write a date in the place of what stands where one belongs."""
    of_key = fault.details.of_key
    written = str(fault.path[-1]) if of_key else fault.written_text.strip("\"'")
    hint, date = suggest_date(written)
    if not date:
        return None
    message = f"'{shorten(written)}' is not a date"
    if of_key:
        return fault.rename_key(date, hint, message)
    edits = common.replace_value(fault.place, date) if "'?" in hint and " or " not in hint else ()
    return fault.propose(hint, date, edits=edits, message=message)


def repair_day(fault: LocatedFault) -> Repair | None:
    """Write a day in the place of what stands where one belongs."""
    day = suggest_day(fault.written_text)
    return fault.rewrite(day, f"did you mean '{day}'?") if day and day != fault.value else None


def repair_text(fault: LocatedFault) -> Repair | None:
    """Write text for a number or nothing: a date with a point, claims in a list of numbers, a bare year."""
    raw = fault.value
    if fault.path[-1:] and fault.path[-1] in _DATE_KEYS:
        return repair_date(fault)
    if fault.path and isinstance(fault.path[-1], int):
        return _repair_list_of_numbers(fault) or _repair_claim_id(fault)
    if isinstance(raw, list) and len(raw) == 1 and isinstance(raw[0], str):
        return fault.rewrite(raw[0], f"write {raw[0]}")
    if is_number(raw) or isinstance(raw, bool):
        return fault.rewrite(fault.written_text, "quote it to make it text", f'"{fault.written_text}"')
    return None


def _repair_claim_id(fault: LocatedFault) -> Repair | None:
    """Ask for the id of a claim where a number stands behind a judgement."""
    judgement = fault.value_at((*fault.path[:-1], 0))
    if not is_number(fault.value) or fault.path[-1] == 0 or not isinstance(judgement, int | float):
        return None
    message = f"behind a number stand the ids of claims, not {describe_value(fault.value)}"
    return fault.propose("ids begin with a letter, such as G23", "a0", message=message)
