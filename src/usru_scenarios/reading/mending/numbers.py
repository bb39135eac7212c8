"""Numbers, distributions, durations and dates that are written otherwise."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.model.families import FAMILIES, UNCERTAIN
from usru_scenarios.model.values import describe
from usru_scenarios.problems import shortened
from usru_scenarios.reading.mending import faulty
from usru_scenarios.reading.mending.faulty import Faulty, Repair
from usru_scenarios.written_forms import (
    ODD_BLANK,
    Meant,
    date_hint,
    day_meant,
    distribution_meant,
    duration_meant,
    family_meant,
    judgement_meant,
    number_meant,
    number_with_more,
    numbers_in,
)

if TYPE_CHECKING:
    from usru_scenarios.reading.places import Place


def mend_number(it: Faulty) -> Repair | None:
    """What stands where a number belongs."""
    raw = it.raw
    if isinstance(raw, dict):
        return _distribution_in_words(it, raw)
    if not isinstance(raw, str):
        return None
    is_plain = it.fault.kind in ("float_type", "int_type", "int_from_float", "finite_number", "literal_error")
    written = it.written if not ODD_BLANK.search(it.written) else raw
    meant = number_meant(written) if is_plain else judgement_meant(written)
    if (
        meant is None
        and it.path[0] == "rules"
        and it.path[2:3] == ("then",)
        and raw in faulty.states_of(it.data, str(it.path[-1]))
    ):
        return it.repair(f"write it with its points, such as {{{raw}: 1}}", {raw: 1})
    if meant is None and (factor := _factor(it, raw)):
        return factor
    if meant is None and is_plain is False:
        meant = _signs(it, raw) or number_with_more(written)
    if meant is None:
        return it.repair(_wanted(it), 1) if not is_plain and not re.search(r"\d", raw) else None
    within_a_distribution = any(part in FAMILIES for part in it.path)
    if not meant.text or (isinstance(meant.value, dict) and within_a_distribution):
        return it.repair(meant.hint, 1)
    return it.rewritten(meant.hint, meant.value, meant.text)


def _signs(it: Faulty, raw: str) -> Meant | None:
    """`++` and `---` for points, as in a table of a cross-impact analysis."""
    if _wanted(it) != _POINTS or not re.fullmatch(r"\+{1,3}|-{1,3}", raw.strip()):
        return None
    points = len(raw.strip()) * (1 if "+" in raw else -1)
    return Meant(str(points), f"write {points}", float(points))


_POINTS = "points go from -3 (strongly hinders) to 3 (strongly promotes)"


def _wanted(it: Faulty) -> str:
    """What number belongs in its place."""
    path = [str(part) for part in it.path]
    if it.path[-1:] == ("weight",) or "weights" in path:
        return "a weight is a number: 1 as judged, 2 counts double, 0 not at all"
    if {"impacts", "influences", "lagged_influences", "then", "points"} & set(path):
        return _POINTS
    if {"odds_per_point", "sd_per_point", "range", "knots"} & set(path):
        return "write a number, such as 1.5"
    return "write a number from 0 to 1, such as 0.3"


_ROLES = (
    ("min", "low", "least", "from"),
    ("mode", "likely", "likeliest", "mid", "best"),
    ("max", "high", "most", "to"),
)


def _distribution_in_words(it: Faulty, raw: dict[str, Any]) -> Repair | None:
    """`{Pert: [1, 2, 3]}` and `{min: 1, mode: 2, max: 3}`."""
    if len(raw) == 1:
        return _of_one_key(it, *next(iter(raw.items())))
    numbers = [next((raw[name] for name in names if name in raw), None) for names in _ROLES]
    given = [one for one in numbers if is_number(one)]
    if len(given) != len(raw) or numbers[0] is None or numbers[2] is None:
        return None
    value = {"pert" if len(given) == 3 else "uniform": given}
    return it.rewritten(f"write {faulty.flow(value)}", value)


def _of_one_key(it: Faulty, key: str, value: Any) -> Repair | None:
    """A distribution by another name, such as `{gauss: [0, 1]}`, or a number by another key."""
    if is_number(value) and key not in faulty.targets_of(it):
        return it.rewritten(f"write {faulty.flow(value)}", value)
    if not isinstance(value, list) or not all(map(is_number, value)):
        return None
    family = family_meant(key)
    if family in UNCERTAIN and FAMILIES[family].size == len(value):
        return it.rewritten(f"write {faulty.flow({family: value})}", {family: value})
    return it.repair(f"a distribution is one of: {', '.join(UNCERTAIN)}", 1)


def _factor(it: Faulty, raw: str) -> Repair | None:
    """`2x` for a weight."""
    if it.path[-1:] != ("weight",):
        return None
    may_multiply = it.place.source.name == "-w" or it.path[:1] == ("profiles",)
    if not may_multiply and (times := re.fullmatch(r"\s*[x*\u00d7]?\s*(\d+(?:[.,]\d+)?)\s*[x*\u00d7]?\s*", raw)):
        factor = times[1].replace(",", ".")
        hint = f"write {factor}: a weight multiplies by itself; x{factor} is for profiles and -w"
        return it.rewritten(hint, float(factor), factor)
    if found := re.fullmatch(r"\s*(?:(\d+(?:[.,]\d+)?)\s*[x*\u00d7]|[*\u00d7]\s*(\d+(?:[.,]\d+)?))\s*", raw):
        factor = (found[1] or found[2]).replace(",", ".")
        return it.repair(
            f"x{factor} multiplies the weight, {factor} replaces it",
            float(factor),
            edits=faulty.replacing(it.place, f"x{factor}"),
        )
    if re.fullmatch(r"[^,]+,\s*[a-z]\w*\s*=.*", raw) and it.place.source.name == "-w":
        return it.repair("repeat -w: one for each", 1)
    return None


def _listed(it: Faulty) -> Repair | None:
    """A list in the place of a judgement: `[1, 2, 3]` of an uncertain one, `[0,5, P01]` with a decimal comma."""
    path = it.path[:-1] if it.path and isinstance(it.path[-1], int) else it.path
    raw = faulty.value_at(it.data, path)
    if not isinstance(raw, list) or len(raw) < 2 or not all(is_number(one) for one in raw[:2]):
        return None
    place = faulty.place_at(it.root, path)
    owner = Faulty(it.fault, it.data, it.root)
    numbers = [one for one in raw if is_number(one)]
    first, last = place.child(0), place.child(1)
    at = first or place
    whole = isinstance(raw[0], int) and isinstance(raw[1], int) and raw[1] >= 0
    if whole and first is not None and last is not None and _between(first, last) == ",":
        joined = float(f"{raw[0]}.{raw[1]}")
        value = [joined, *raw[2:]]
        edits = (place.source.edit(faulty.region(first)[0], faulty.region(last)[1], faulty.flow(joined)),)
        message = "expected a number with its claims, found two numbers"
        return owner.repair(
            f"a decimal comma: write {faulty.flow(joined)}", value, path=path, edits=edits, message=message, at=at
        )
    if len(numbers) == len(raw) <= 3 and numbers == sorted(numbers):
        uncertain = {"pert" if len(raw) == 3 else "uniform": raw}
        message = f"expected one number, found a list of {len(raw)}"
        hint = f"write {faulty.flow(uncertain)} for an uncertain number"
        written = faulty.replacing(place, faulty.flow(uncertain))
        return owner.repair(hint, uncertain, path=path, edits=written, message=message, at=place)
    return None


def _between(first: Place, last: Place) -> str:
    return first.source.text[faulty.region(first)[1] : faulty.region(last)[0]]


def is_number(raw: object) -> bool:
    """Whether plain data are a number."""
    return isinstance(raw, int | float) and not isinstance(raw, bool)


def mend_parameters(it: Faulty) -> Repair | None:
    """Decimal commas in the parameters of a distribution."""
    raw = it.raw
    family = _family_of(raw)
    if family is None:
        if it.path and it.path[-1] in FAMILIES:
            family, raw = str(it.path[-1]), it.parent
            it = Faulty(it.fault, it.data, it.root)
        else:
            return None
    parameters, wanted = raw[family], FAMILIES[family].size
    path = it.path if it.path[-1] == family else (*it.path, family)
    place = faulty.place_at(it.root, path)
    start, end = faulty.region(place)
    text = place.source.text[start:end].strip("[]") if isinstance(parameters, list) else str(parameters)
    numbers = decimal_commas(text, wanted) or numbers_in(text.strip("()[] "), wanted)
    if numbers is None:
        example = {"pert": "[1, 2, 3]", "triangular": "[1, 2, 3]"}.get(family, "[1, 3]")
        order = {"pert": "least, likeliest, most", "triangular": "least, likeliest, most", "uniform": "least, most"}
        said = order.get(family, "mean, standard deviation" if family == "normal" else "its two parameters")
        value = {**faulty.without(raw, family), family: [1] * wanted}
        return it.repair(f"write {{{family}: {example}}}: {said}", value, path=path[:-1])
    meant = [int(one) if one.is_integer() else one for one in numbers]
    commas = "decimal commas: " if "," in text else ""
    edits = faulty.replacing(place, faulty.flow(meant))
    return it.repair(f"{commas}write {{{family}: {faulty.flow(meant)}}}", meant, path=path, edits=edits)


def mend_unordered(it: Faulty) -> Repair | None:
    """Parameters from the highest to the lowest."""
    raw = it.raw
    family = _family_of(raw)
    if family is None or not isinstance(raw[family], list) or not all(map(is_number, raw[family])):
        return None
    path = (*it.path, family)
    value = sorted(raw[family])
    edits = faulty.replacing(faulty.place_at(it.root, path), faulty.flow(value))
    return it.repair(f"write {{{family}: {faulty.flow(value)}}}", value, path=path, edits=edits)


def _family_of(raw: Any) -> str | None:
    """The family of a distribution that is written as a map."""
    return next((key for key in raw if key in FAMILIES), None) if isinstance(raw, dict) else None


def decimal_commas(text: str, wanted: int) -> list[float] | None:
    """Numbers of a list whose commas without a blank behind them are decimal ones."""
    pieces = re.split(r",\s+", text.strip())
    if len(pieces) != wanted:
        return None
    values = [number_meant(piece) for piece in pieces]
    return [float(one.text) for one in values if one and one.text] if all(one and one.text for one in values) else None


def mend_duration(it: Faulty) -> Repair | None:
    """What stands where a persistence or a duration belongs."""
    raw = it.raw
    if isinstance(raw, list) and raw and (0 in (it.place.children or {})):
        return mend_duration(it._replace(fault=replace(it.fault, path=(*it.path, 0))))
    if is_number(raw):
        if not 1 < raw <= 100:
            return it.repair("a duration is written with its unit, such as '18 months'", 0.5) if raw > 100 else None
        share = faulty.flow(float(f"{raw / 100:.10g}"))
        hint = f"write {share} for {raw:g}%, or for a duration its unit too: '{raw:g} months'"
        return it.rewritten(hint, raw / 100)
    if not isinstance(raw, str):
        return None
    if duration := duration_meant(raw):
        return it.rewritten(duration.hint, duration.value)
    meant = number_meant(it.written) or distribution_meant(raw)
    if meant is None:
        return None
    kept = "a persistence is a number from 0 to 1 or a duration such as '18 months', and this is"
    message = f"{kept} {describe(raw)}"
    if isinstance(meant.value, float) and not 0 <= meant.value <= 1:
        return it.repair(
            f"a duration is written with its unit, such as '{meant.text or '18'} months'", 0.5, message=message
        )
    return it.rewritten(meant.hint, meant.value, meant.text, message)


_DATE_KEYS = frozenset({"at", "until", "start", "end"})


def mend_date(it: Faulty) -> Repair | None:
    """What stands where a date belongs."""
    of_key = it.fault.of_key
    written = str(it.path[-1]) if of_key else it.written.strip("\"'")
    hint, date = date_hint(written)
    message = f"'{shortened(written)}' is not a date"
    if not hint:
        return None
    if of_key:
        return faulty.renamed(it, date, hint, message) if date else None
    if not date:
        return None
    return it.repair(
        hint,
        date,
        edits=faulty.replacing(it.place, date) if "'?" in hint and " or " not in hint else (),
        message=message,
    )


def mend_day(it: Faulty) -> Repair | None:
    """What stands where a day belongs."""
    day = day_meant(it.written)
    return it.rewritten(f"did you mean '{day}'?", day) if day and day != it.raw else None


def mend_text(it: Faulty) -> Repair | None:
    """A number or nothing where text stands: a date with a point, claims in a list of numbers, a bare year."""
    if it.path[-1:] and it.path[-1] in _DATE_KEYS:
        return mend_date(it)
    if it.path and isinstance(it.path[-1], int):
        return _listed(it) or _id_of_claim(it)
    raw = it.raw
    if isinstance(raw, list) and len(raw) == 1 and isinstance(raw[0], str):
        return it.rewritten(f"write {raw[0]}", raw[0])
    if is_number(raw) or isinstance(raw, bool):
        text = f'"{it.written}"'
        return it.repair("quote it to make it text", it.written, edits=faulty.replacing(it.place, text))
    return None


def _id_of_claim(it: Faulty) -> Repair | None:
    """A number behind a judgement, where claims stand."""
    if (
        not is_number(it.raw)
        or it.path[-1] == 0
        or not isinstance(faulty.value_at(it.data, (*it.path[:-1], 0)), int | float)
    ):
        return None
    message = f"behind a number stand the ids of claims, not {describe(it.raw)}"
    return it.repair("ids begin with a letter, such as G23", "a0", message=message)
