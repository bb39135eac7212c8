"""What was likely meant where the shape of a file has a fault, so that it can be said and nothing follows from it.

A repair changes the plain data in the way that its hint proposes to change the text. The file stays refused; but what
is checked from then on is what it would be once the hint is followed, so that one fault is one message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, NamedTuple

from usru_scenarios.model.families import FAMILIES, UNCERTAIN
from usru_scenarios.model.values import NAME, describe
from usru_scenarios.names import HOLD, OUTCOME, RESERVED
from usru_scenarios.problems import Problem, TextEdit, shortened, suggestion
from usru_scenarios.reading.schema_paths import NOUNS, describe_place, fields_at
from usru_scenarios.written_forms import (
    ODD_BLANK,
    Meant,
    called,
    date_hint,
    day_meant,
    distribution_meant,
    duration_meant,
    foreign_letters,
    judgement_meant,
    name_meant,
    number_meant,
    numbers_in,
)

if TYPE_CHECKING:
    from usru_scenarios.names import KeyPath
    from usru_scenarios.reading.pydantic_errors import Fault
    from usru_scenarios.reading.yaml_source import Place


class Repair(NamedTuple):
    """A fault with what it proposes, and the data as they then are at a path."""

    path: KeyPath
    value: Any
    problem: Problem
    kind: str


class _Faulty(NamedTuple):
    """A fault of shape, in the data as they are by now."""

    fault: Fault
    data: Any
    root: Place

    @property
    def path(self) -> KeyPath:
        return self.fault.path

    @property
    def raw(self) -> Any:
        return value_at(self.data, self.path)

    @property
    def place(self) -> Place:
        return place_at(self.root, self.path)

    @property
    def parent(self) -> Any:
        return value_at(self.data, self.path[:-1])

    @property
    def written(self) -> str:
        """The value as it stands in the text, with its quotes."""
        place = self.place
        start, end = region(place)
        return place.source.text[start:end] if not place.value.block else str(self.raw)

    def repair(
        self,
        hint: str,
        value: Any,
        *,
        path: KeyPath | None = None,
        edits: Iterable[TextEdit] = (),
        message: str = "",
        at: Place | None = None,
        of_key: bool = False,
    ) -> Repair:
        """What the fault proposes; its message is that of the fault unless another is given."""
        problem = self.fault.problem
        span = problem.span if at is None else (at.key_span() if of_key else at.span())
        said = Problem(problem.code, message or problem.message, span, hint, fix=tuple(edits))
        return Repair(self.path if path is None else path, value, said, self.fault.kind)

    def rewritten(self, hint: str, value: Any, text: str | None = None, message: str = "") -> Repair:
        """The value written anew in its place."""
        text = flow(value) if text is None else text
        return self.repair(hint, value, edits=replacing(self.place, text) if text else (), message=message)


def value_at(data: Any, path: KeyPath) -> Any:
    """What stands at a path of plain data; None where nothing does."""
    for key in path:
        if key not in _keys_of(data):
            return None
        data = data[key]
    return data


def _is_there(data: Any, path: KeyPath) -> bool:
    return not path or path[-1] in _keys_of(value_at(data, path[:-1]))


def _keys_of(data: Any) -> Iterable[str | int]:
    if isinstance(data, list):
        return range(len(data))
    return data.keys() if isinstance(data, dict) else ()


def place_at(place: Place, path: KeyPath) -> Place:
    """The place of a value, or of what it stands in."""
    for key in path:
        child = place.child(key)
        if child is None:
            break
        place = child
    return place


# Text


def flow(value: Any) -> str:
    """Plain data in one line of YAML."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {flow(one)}' for key, one in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:.10g}"
    text = str(value)
    if re.fullmatch(r"\d{4}-(?:\d\d|Q[1-4])(?:-\d\d)?", text):
        return text
    plain = re.fullmatch(r"[A-Za-z0-9_.][^,\[\]{}#:\"'|&*!%@`<>=?]*", text) and text.strip() == text
    return text if plain and not re.fullmatch(r"[-+.\d][-+.\deE]*|true|false|null", text) else _quoted(text)


def _quoted(text: str) -> str:
    return f'"{text}"' if '"' not in text and "\\" not in text else json.dumps(text, ensure_ascii=False)


def region(place: Place) -> tuple[int, int]:
    """The offsets between which a value stands in its text."""
    source, text = place.source, place.source.text
    start = source.offset(place.value)
    if not place.value.block:
        return start, start + place.value.width
    ends = [region(child)[1] for child in (place.children or {}).values()]
    ends += [source.offset(child.key) + child.key.width for child in (place.children or {}).values() if child.key]
    end = max(ends, default=start)
    if text[start : start + 1] in ("{", "["):
        closing = re.compile(r"[\s,]*[}\]]").match(text, end)
        end = closing.end() if closing else end
    return start, end


def replacing(place: Place, text: str) -> tuple[TextEdit, ...]:
    """Another text in the place of a value."""
    source = place.source
    start, end = region(place)
    if place.value.width == 0 or start == end:
        before = source.text[start - 1 : start]
        return (source.edit(start, end, text if before == " " else f" {text}"),)
    if place.value.block and place.key and place.value.column <= place.key.column:
        text = f"  {text}"
    return (source.edit(start, end, text),)


def _renaming(place: Place, name: str) -> tuple[TextEdit, ...]:
    """Another key in the place of one, with or without its quotes."""
    if place.key is None:
        return ()
    start = place.source.offset(place.key)
    return (place.source.edit(start, start + max(1, place.key.width), name),)


def entry_rewritten(place: Place, instead: object) -> tuple[str, tuple[TextEdit, ...]]:
    """The hint that an entry of a map is written otherwise, key and value, and the change."""
    text = flow(instead)[1:-1] if isinstance(instead, dict) else flow(instead)
    hint = f"write {shortened(text, 200)}"
    if place.key is None:
        return hint, ()
    start, end = place.source.offset(place.key), region(place)[1]
    if isinstance(instead, dict) and _on_own_line(place):
        text = ("\n" + " " * place.key.column).join(f"{key}: {flow(one)}" for key, one in instead.items())
    return hint, (place.source.edit(start, end, text),)


# Numbers, durations, dates


def _number(it: _Faulty) -> Repair | None:
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
        and raw in _states(it.data, str(it.path[-1]))
    ):
        return it.repair(f"write it with its points, such as {{{raw}: 1}}", {raw: 1})
    if meant is None:
        return _factor(it, raw)
    if not _is_exact(it, meant):
        return it.repair(meant.hint, 1)
    return it.rewritten(meant.hint, meant.value, meant.text)


_ROLES = (
    ("min", "low", "least", "from"),
    ("mode", "likely", "likeliest", "mid", "best"),
    ("max", "high", "most", "to"),
)


def _distribution_in_words(it: _Faulty, raw: dict[str, Any]) -> Repair | None:
    """`{Pert: [1, 2, 3]}` and `{min: 1, mode: 2, max: 3}`."""
    if (
        len(raw) == 1
        and (family := str(next(iter(raw))).lower()) in FAMILIES
        and isinstance(next(iter(raw.values())), list)
    ):
        value = {family: next(iter(raw.values()))}
        return it.rewritten(f"write {flow(value)}", value)
    numbers = [next((raw[name] for name in names if name in raw), None) for names in _ROLES]
    given = [one for one in numbers if _is_number(one)]
    if len(given) != len(raw) or numbers[0] is None or numbers[2] is None:
        return None
    value = {"pert" if len(given) == 3 else "uniform": given}
    return it.rewritten(f"write {flow(value)}", value)


def _is_exact(it: _Faulty, meant: Meant) -> bool:
    return bool(meant.text) and not (isinstance(meant.value, dict) and not _takes_distribution(it))


def _takes_distribution(it: _Faulty) -> bool:
    return not any(part in FAMILIES for part in it.path)


def _factor(it: _Faulty, raw: str) -> Repair | None:
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
            edits=replacing(it.place, f"x{factor}"),
        )
    if re.fullmatch(r"[^,]+,\s*[a-z]\w*\s*=.*", raw) and it.place.source.name == "-w":
        return it.repair("repeat -w: one for each", 1)
    return None


def _listed(it: _Faulty) -> Repair | None:
    """A list in the place of a judgement: `[1, 2, 3]` of an uncertain one, `[0,5, P01]` with a decimal comma."""
    path = it.path[:-1] if it.path and isinstance(it.path[-1], int) else it.path
    raw = value_at(it.data, path)
    if not isinstance(raw, list) or len(raw) < 2 or not all(_is_number(one) for one in raw[:2]):
        return None
    place = place_at(it.root, path)
    owner = _Faulty(it.fault, it.data, it.root)
    numbers = [one for one in raw if _is_number(one)]
    between = _between(place, 0, 1)
    at = place.child(0) or place
    if between == "," and isinstance(raw[0], int) and isinstance(raw[1], int) and raw[1] >= 0:
        joined = float(f"{raw[0]}.{raw[1]}")
        value = [joined, *raw[2:]]
        first, last = place.child(0), place.child(1)
        if first is None or last is None:
            return None
        edits = (place.source.edit(region(first)[0], region(last)[1], flow(joined)),)
        message = "expected a number with its claims, found two numbers"
        return owner.repair(
            f"a decimal comma: write {flow(joined)}", value, path=path, edits=edits, message=message, at=at
        )
    if len(numbers) == len(raw) <= 3 and numbers == sorted(numbers):
        uncertain = {"pert" if len(raw) == 3 else "uniform": raw}
        message = f"expected one number, found a list of {len(raw)}"
        hint = f"write {flow(uncertain)} for an uncertain number"
        written = replacing(place, flow(uncertain))
        return owner.repair(hint, uncertain, path=path, edits=written, message=message, at=place)
    return None


def _between(place: Place, left: int, right: int) -> str:
    first, second = place.child(left), place.child(right)
    if first is None or second is None:
        return ""
    return place.source.text[region(first)[1] : region(second)[0]]


def _is_number(raw: object) -> bool:
    return isinstance(raw, int | float) and not isinstance(raw, bool)


def _parameters(it: _Faulty) -> Repair | None:
    """Decimal commas in the parameters of a distribution."""
    raw = it.raw
    family = next((key for key in raw if key in FAMILIES), None) if isinstance(raw, dict) else None
    if family is None:
        if it.path and it.path[-1] in FAMILIES:
            family, raw = str(it.path[-1]), it.parent
            it = _Faulty(it.fault, it.data, it.root)
        else:
            return None
    parameters, wanted = raw[family], FAMILIES[family].size
    path = it.path if it.path[-1] == family else (*it.path, family)
    place = place_at(it.root, path)
    start, end = region(place)
    text = place.source.text[start:end].strip("[]") if isinstance(parameters, list) else str(parameters)
    numbers = _decimal_commas(text, wanted) or numbers_in(text.strip("()[] "), wanted)
    if numbers is None:
        example = {"pert": "[1, 2, 3]", "triangular": "[1, 2, 3]"}.get(family, "[1, 3]")
        order = {"pert": "least, likeliest, most", "triangular": "least, likeliest, most", "uniform": "least, most"}
        said = order.get(family, "mean, standard deviation" if family == "normal" else "its two parameters")
        return it.repair(
            f"write {{{family}: {example}}}: {said}", {**_rest(raw, family), **_stand_in(family)}, path=path[:-1]
        )
    value = [int(one) if one.is_integer() else one for one in numbers]
    commas = "decimal commas: " if "," in text else ""
    return it.repair(
        f"{commas}write {{{family}: {flow(value)}}}", value, path=path, edits=replacing(place, flow(value))
    )


def _unordered(it: _Faulty) -> Repair | None:
    """Parameters from the highest to the lowest."""
    raw = it.raw
    family = next((key for key in raw if key in FAMILIES), None) if isinstance(raw, dict) else None
    if family is None or not isinstance(raw[family], list) or not all(map(_is_number, raw[family])):
        return None
    path = (*it.path, family)
    value = sorted(raw[family])
    edits = replacing(place_at(it.root, path), flow(value))
    return it.repair(f"write {{{family}: {flow(value)}}}", value, path=path, edits=edits)


def _rest(raw: dict[str, Any], family: str) -> dict[str, Any]:
    return {key: one for key, one in raw.items() if key != family}


def _stand_in(family: str) -> dict[str, Any]:
    return {family: [1] * FAMILIES[family].size}


def _decimal_commas(text: str, wanted: int) -> list[float] | None:
    """Numbers of a list whose commas without a blank behind them are decimal ones."""
    pieces = re.split(r",\s+", text.strip())
    if len(pieces) != wanted:
        return None
    values = [number_meant(piece) for piece in pieces]
    return [float(one.text) for one in values if one and one.text] if all(one and one.text for one in values) else None


def _duration(it: _Faulty) -> Repair | None:
    raw = it.raw
    if isinstance(raw, list) and raw and (0 in (it.place.children or {})):
        return _duration(it._replace(fault=replace(it.fault, path=(*it.path, 0))))
    if _is_number(raw):
        if not 1 < raw <= 100:
            return it.repair("a duration is written with its unit, such as '18 months'", 0.5) if raw > 100 else None
        share = flow(float(f"{raw / 100:.10g}"))
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


def _date(it: _Faulty) -> Repair | None:
    of_key = it.fault.of_key
    written = str(it.path[-1]) if of_key else it.written.strip("\"'")
    hint, date = date_hint(written)
    message = f"'{shortened(written)}' is not a date"
    if not hint:
        return None
    if of_key:
        return _renamed(it, date, hint, message) if date else None
    if not date:
        return None
    return it.repair(
        hint, date, edits=replacing(it.place, date) if "'?" in hint and " or " not in hint else (), message=message
    )


def _day(it: _Faulty) -> Repair | None:
    day = day_meant(it.written)
    return it.rewritten(f"did you mean '{day}'?", day) if day else None


def _text(it: _Faulty) -> Repair | None:
    """A number or nothing where text stands: a date with a point, claims in a list of numbers, a bare year."""
    if it.path[-1:] and it.path[-1] in _DATE_KEYS:
        return _date(it)
    if it.path and isinstance(it.path[-1], int):
        return _listed(it) or _id_of_claim(it)
    raw = it.raw
    if isinstance(raw, list) and len(raw) == 1 and isinstance(raw[0], str):
        return it.rewritten(f"write {raw[0]}", raw[0])
    if _is_number(raw) or isinstance(raw, bool):
        text = f'"{it.written}"'
        return it.repair("quote it to make it text", it.written, edits=replacing(it.place, text))
    return None


def _id_of_claim(it: _Faulty) -> Repair | None:
    """A number behind a judgement, where claims stand."""
    if not _is_number(it.raw) or it.path[-1] == 0 or not isinstance(value_at(it.data, (*it.path[:-1], 0)), int | float):
        return None
    message = f"behind a number stand the ids of claims, not {describe(it.raw)}"
    return it.repair("ids begin with a letter, such as G23", "a0", message=message)


# Names

_SECTIONS = frozenset(
    {"scenarios", "groups", "drivers", "rules", "consequences", "profiles", "expectations", "questions"}
)


def _is_definition(path: KeyPath) -> bool:
    return (len(path) == 2 and path[0] in _SECTIONS) or (
        len(path) == 4 and path[0] in ("drivers", "consequences") and path[2] == "states"
    )


def _name(it: _Faulty) -> Repair | None:
    if it.fault.pattern != NAME:
        return _other_id(it)
    of_key = it.fault.of_key
    written = str(it.path[-1]) if of_key else it.raw
    if not isinstance(written, str) or re.fullmatch(NAME, written):
        return None
    if of_key and (found := _without_space(it)):
        return found
    if of_key and it.path[-2:-1] == ("when",) and "=" in written:
        return _conditions(_above(it), it.parent)
    if not of_key and "when" in it.path and (either := re.split(r"\s*,\s*|\s+or\s+", written))[1:]:
        known = _states(it.data, str(it.path[it.path.index("when") + 1]))
        if set(either) <= set(known):
            return it.rewritten(f"write {flow(either)}", either)
    is_new = of_key and _is_definition(it.path)
    name = _likely_name(it, written, is_new=is_new)
    if not name:
        return None
    hint = f"write {name}{_why(written, name)}"
    edits = list(_renaming(it.place, name)) if of_key else list(replacing(it.place, name))
    if is_new:
        data, places = renamed_everywhere(it.data, it.root, written, name)
        # Its own block, too, though nothing else says its name.
        edits += [edit for place, of in places for edit in (_renaming(place, name) if of else replacing(place, name))]
        return it.repair(hint, data, path=(), edits=dict.fromkeys(edits))
    if of_key:
        return _renamed(it, name, hint)
    return it.repair(hint, name, edits=edits)


def _why(written: str, name: str) -> str:
    if odd := ODD_BLANK.search(written):
        return f": it holds a {called(odd[0])}"
    if foreign := foreign_letters(written):
        if re.search("[A-Za-z]", written) and not re.search("[\u00c0-\u024f]", written):
            return f": '{foreign[0]}' is a {called(foreign[0])}, which only looks like a letter from a to z"
        return ": names are small letters a to z, digits and '_'"
    if written[:1].isdigit() and not name[:1].isdigit() and name.endswith(name_meant(written)):
        return ": names begin with a letter"
    return ": names are small letters a to z, digits and '_', and begin with a letter"


def _likely_name(it: _Faulty, written: str, *, is_new: bool) -> str:
    """The name to write: a known or used one where it is near, else made of what stands there."""
    name = name_meant(written)
    taken = set(it.parent or ()) if isinstance(it.parent, dict) else set()
    sought = _unresolved(it.data) if is_new else _defined(it.data)
    if name in sought and re.fullmatch(NAME, name):
        return name
    near = sorted(sought - taken, key=lambda one: -SequenceMatcher(None, one, name).ratio())
    if near and name and SequenceMatcher(None, near[0], name).ratio() >= 0.7:
        return near[0]
    if not name and not is_new:
        return ""
    if not re.match("[a-z]", name):
        name = f"s{name}" if name else f"{NOUNS.get(str(it.path[-2]), 'name')}_{list(it.parent).index(written) + 1}"
    while name in taken or name in RESERVED:
        name = f"{name}_2"
    return name


def _defined(data: Any) -> set[str]:
    """The names that the file gives to something."""
    names: set[str] = {OUTCOME, HOLD}
    for section in _SECTIONS:
        entries = value_at(data, (section,))
        for name, part in entries.items() if isinstance(entries, dict) else ():
            names.add(name)
            states = part.get("states") if isinstance(part, dict) else None
            names |= set(states) if isinstance(states, dict) else set()
    return names


def _unresolved(data: Any) -> set[str]:
    """The names that are used in the file and given to nothing."""
    return {word for word in _words(data) if re.fullmatch(NAME, word)} - _defined(data) - _KEYS


def _words(data: Any, key: str = "") -> Iterator[str]:
    if isinstance(data, dict):
        for name, value in data.items():
            yield str(name)
            yield from _words(value, str(name))
    elif isinstance(data, list):
        for value in data:
            yield from _words(value, key)
    elif isinstance(data, str) and key not in ("title", "summary", "note", "name", "signposts", "asks", "resolves"):
        yield from re.findall(r"\w+", data)


def _all_keys() -> frozenset[str]:
    from usru_scenarios.model import schema, values

    kinds = [kind for module in (schema, values) for kind in vars(module).values() if isinstance(kind, type)]
    parts = [kind for kind in kinds if issubclass(kind, values.Part)]
    return frozenset(name for part in parts for name in part.model_fields) | RESERVED | frozenset(FAMILIES)


_KEYS = _all_keys() | {"month", "quarter", "year", "numeric", "categorical", "P"}


def renamed_everywhere(data: Any, place: Place, old: str, new: str) -> tuple[Any, list[tuple[Place, bool]]]:
    """The data with another name wherever one stands as a key or value, and these places; True of a key."""
    places: list[tuple[Place, bool]] = []

    def walk(raw: Any, at: Place | None) -> Any:
        if isinstance(raw, dict):
            return {_key(key, at): walk(value, at.child(key) if at else None) for key, value in list(raw.items())}
        if isinstance(raw, list):
            return [walk(value, at.child(index) if at else None) for index, value in enumerate(raw)]
        if raw == old and isinstance(raw, str):
            if at is not None:
                places.append((at, False))
            return new
        return raw

    def _key(key: str, at: Place | None) -> str:
        if key != old:
            return key
        if at is not None and (child := at.child(key)) is not None and at.children is not None:
            at.children.setdefault(new, child)
            places.append((child, True))
        return new

    return walk(data, place), places


def _renamed(it: _Faulty, name: str, hint: str, message: str = "") -> Repair | None:
    """A key by another name."""
    parent, place = it.parent, place_at(it.root, it.path[:-1])
    old = it.path[-1]
    if not isinstance(parent, dict) or name in parent or old not in parent:
        return None
    edits = _renaming(it.place, name)
    if place.children is not None:
        place.children.setdefault(name, place.children.get(old, place))
    value = {name if key == old else key: one for key, one in parent.items()}
    return it.repair(hint, value, path=it.path[:-1], edits=edits, message=message)


def _without_space(it: _Faulty) -> Repair | None:
    """`passed:0.5` in braces, which YAML takes for a key without a value."""
    written = str(it.path[-1])
    found_in = re.fullmatch(r"([\w-]+)(\s*[:=]\s*)(\S.*)", written)
    parent = it.parent
    if found_in is None or it.raw is not None or not isinstance(parent, dict) or it.path[-2:-1] == ("when",):
        return None
    key, sign, text = found_in.groups()
    place = it.place
    if place.key is None or key in parent:
        return None
    at = place.source.offset(place.key) + len(key)
    found = number_meant(text)
    value: Any = found.value if found else text
    around = place_at(it.root, it.path[:-1])
    if around.children is not None:
        around.children.setdefault(key, place)
    fresh = {key if name == written else name: value if name == written else one for name, one in parent.items()}
    edits = (place.source.edit(at, at + len(sign), ": "),)
    message = f"a space is missing after ':' in '{shortened(written)}'"
    if "=" in sign:
        message = f"between a key and its value stands ': ', not '=', in '{shortened(written)}'"
    return it.repair(f"write {key}: {text}", fresh, path=it.path[:-1], edits=edits, message=message)


def _without_space_before_bracket(it: _Faulty) -> Repair | None:
    """`hot:{early_election: 1}`, whose key YAML takes to be `hot:{early_election`."""
    found = re.match(r"([\w-]+):[\[{]", str(it.path[-1])) if it.path else None
    place, parent = it.place, it.parent
    if found is None or place.key is None or not isinstance(parent, dict):
        return None
    at = place.source.offset(place.key) + len(found[1]) + 1
    value = {name: one for name, one in parent.items() if name != it.path[-1]}
    message = f"a space is missing after '{found[1]}:'"
    edits = (place.source.edit(at, at, " "),)
    rest = place.source.lines[place.key.line][place.key.column + len(found[1]) + 1 :].strip()
    hint = f"write {found[1]}: {shortened(rest, 100)}"
    return it.repair(hint, value, path=it.path[:-1], edits=edits, message=message, at=place, of_key=True)


def _other_id(it: _Faulty) -> Repair | None:
    """The name of a model."""
    raw = it.raw
    if it.path != ("name",) or not isinstance(raw, str):
        return None
    name = name_meant(raw, joint="-")
    return it.rewritten(f"write {name}", name) if name else None


# Blocks


def _map(it: _Faulty) -> Repair | None:
    """What stands where a map belongs."""
    raw = it.raw
    if raw is None:
        return _empty(it)
    if found := _without_space_before_bracket(it):
        return found
    section = _section(it.path)
    for form in _FORMS.get(section, ()):
        if (found := form(it, raw)) is not None:
            return found
    if isinstance(raw, list) and (merged := _one_map(raw)) is not None:
        return it.rewritten(f"a map has no '- ': write {_short(merged)}", merged)
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


def _short(value: Any) -> str:
    return shortened(flow(value), 200)


def _one_map(raw: list[Any]) -> dict[str, Any] | None:
    """A list of small maps as one map."""
    if not raw or not all(isinstance(one, dict) for one in raw):
        return None
    merged: dict[str, Any] = {}
    for one in raw:
        if merged.keys() & one.keys():
            return None
        merged |= one
    return merged


def _pieces(raw: Any) -> list[str] | None:
    """The names in a list, in a map without values, or in a text with commas."""
    if isinstance(raw, dict) and raw and all(one is None for one in raw.values()):
        raw = list(raw)
    if isinstance(raw, str):
        raw = [piece for piece in re.split(r"\s*[,;/|]\s*|\s+(?:and|or)\s+", raw.strip()) if piece]
    if isinstance(raw, bool):
        raw = [raw]
    if not isinstance(raw, list) or not raw:
        return None
    names = [("true" if one else "false") if isinstance(one, bool) else one for one in raw]
    if not all(isinstance(one, str) for one in names) or len(set(names)) < len(names):
        return None
    return names


def _named_parts(it: _Faulty, raw: Any) -> Repair | None:
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


_TEST = re.compile(r"\s*([A-Za-z]\w*)\s*(==?|<=|>=|<|>|:|\bis\b)\s*(\"?[\w.%,]+\"?)\s*")


def _conditions(it: _Faulty, raw: Any) -> Repair | None:
    """A `when` in the language of queries."""
    if isinstance(raw, list) and (merged := _one_map(raw)) is not None:
        return it.rewritten(f"write {_short(merged)}", merged)
    tests = raw if isinstance(raw, list) else list(raw) if isinstance(raw, dict) else [raw]
    if not all(isinstance(one, str) for one in tests):
        return None
    when: dict[str, Any] = {}
    for test in tests:
        for piece in re.split(r"\s+(?:and|AND)\s+|\s*(?:&&?|,|;)\s*", test.strip()):
            if not _add_test(when, piece):
                return None
    return it.rewritten(f"write {_short(when)}", when) if when else None


def _above(it: _Faulty) -> _Faulty:
    """The same of the map that the value stands in."""
    message = f"{describe_place(it.path[:-1])} must be a map of drivers and states"
    place = place_at(it.root, it.path[:-1])
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


def _statement(it: _Faulty, raw: Any) -> Repair | None:
    """An expectation that is its text alone."""
    if not isinstance(raw, str):
        return None
    text = f"{{that: {_quoted(raw)}}}"
    return it.rewritten(f"write {shortened(text, 200)}", {"that": raw}, text)


def _statements(it: _Faulty, raw: Any) -> Repair | None:
    """Expectations without names."""
    if not isinstance(raw, list) or not all(isinstance(one, str | dict) for one in raw):
        return None
    if any(isinstance(one, dict) and "that" not in one for one in raw):
        return None
    value = {
        f"expectation_{number}": {"that": one} if isinstance(one, str) else one for number, one in enumerate(raw, 1)
    }
    lines = [f"{name}: {{that: {_quoted(one['that'])}}}" for name, one in value.items() if len(one) == 1]
    hint = f"each has a name: write {shortened(lines[0] if lines else 'expectation_1: {that: ...}', 200)}"
    place = it.place
    indent = "\n" + " " * (max(place.value.column, (place.key.column + 2) if place.key else 0))
    shift = " " * (len(indent) - 1 - place.value.column)
    edits = replacing_exactly(place, shift + indent.join(lines)) if len(lines) == len(value) else ()
    return it.repair(hint, value, edits=edits)


def replacing_exactly(place: Place, text: str) -> tuple[TextEdit, ...]:
    """Another text between the ends of a value."""
    return (place.source.edit(*region(place), text),)


def _points_of_row(it: _Faulty, raw: Any) -> Repair | None:
    """`passed: stable` or `passed: 1` below impacts."""
    targets = _targets(it)
    if isinstance(raw, str) and (found := re.fullmatch(r"\s*(\w+)\s*(?:[:=]|\s)?\s*([-+]?[\d.,]+)?\s*", raw)):
        name = found[1] if found[1] in targets else ""
        if name and found[2] and (meant := number_meant(found[2])):
            value: dict[str, Any] = {name: meant.value}
            return it.rewritten(f"write {flow(value)}", value)
        if name:
            return it.repair(f"write it with its points, such as {{{name}: 1}}", {name: 1})
    if _is_number(raw) and targets:
        return it.repair(f"say what the points are for, such as {{{targets[0]}: {raw:g}}}", {targets[0]: 1})
    if isinstance(raw, str) and targets:
        own = value_at(it.data, (*it.path[:2], "influences")) is not None
        states = _states(it.data, str(it.path[-1])) if own and it.path[2] != "impacts" and len(it.path) == 4 else []
        if raw in states:
            return it.repair(f"write the points too, such as {{{raw}: {{{targets[0]}: 1}}}}", {raw: {targets[0]: 1}})
    return None


def _targets(it: _Faulty) -> list[str]:
    """For what points may be given at a path."""
    if it.path[:1] == ("outcome",) or "impacts" in it.path:
        return list(value_at(it.data, ("scenarios",)) or ())
    return _states(it.data, str(it.path[1]))


def _states(data: Any, node: str) -> list[str]:
    if node == OUTCOME:
        return list(value_at(data, ("scenarios",)) or ())
    for section in ("drivers", "consequences"):
        states = value_at(data, (section, node, "states"))
        if isinstance(states, dict):
            return list(states)
    return []


def _then(it: _Faulty, raw: Any) -> Repair | None:
    if isinstance(raw, str):
        scenarios = list(value_at(it.data, ("scenarios",)) or ())
        for name in scenarios:
            if name == raw.strip():
                return it.repair(f"write {{scenario: {{{name}: 1}}}}, with its points", {OUTCOME: {name: 1}})
    return None


def _time(it: _Faulty, raw: Any) -> Repair | None:
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
    return it.rewritten(f"write {flow(value)}", value)


_FORMS: dict[str, tuple[Callable[[_Faulty, Any], Repair | None], ...]] = {
    "states": (_named_parts,),
    "scenarios": (_named_parts,),
    "when": (_conditions,),
    "expectation": (_statement,),
    "expectations": (_statements,),
    "impacts row": (_points_of_row,),
    "influences row": (_points_of_row,),
    "lagged_influences row": (_points_of_row,),
    "then": (_then,),
    "time": (_time,),
}


def _empty(it: _Faulty) -> Repair | None:
    """A key with nothing behind it: what belongs below it isn't indented, or it is left over."""
    parent = it.parent
    if not isinstance(parent, dict) or not it.path or it.place.spoiled:
        return None
    key, around = it.path[-1], it.path[:-1]
    known = set(fields_at(around, it.data))
    names = list(parent)
    after = names[names.index(key) + 1 :]
    moved = []
    for name in after:
        if name in known or not _on_own_line(place_at(it.root, (*around, name))):
            break
        moved.append(name)
    if moved and known:
        return _moved_below(it, parent, moved)
    if key in _REQUIRED or (around and not known):
        return None
    place = it.place
    line = place.source.lines[place.key.line] if place.key else ""
    value = {name: one for name, one in parent.items() if name != key}
    edits: tuple[TextEdit, ...] = ()
    if place.key and line.strip().startswith(str(key)) and not line.strip().split(":", 1)[1].strip():
        start = place.source.starts[place.key.line]
        end = (
            place.source.starts[place.key.line + 1]
            if place.key.line + 1 < len(place.source.starts)
            else start + len(line)
        )
        edits = (place.source.edit(start, end, ""),)
    return it.repair("remove the line, or fill it", value, path=around, edits=edits)


_REQUIRED = frozenset({"scenarios", "states", "when", "then", "shares", "prior"})


def _on_own_line(place: Place) -> bool:
    if place.key is None:
        return False
    return not place.source.lines[place.key.line][: place.key.column].strip()


def _moved_below(it: _Faulty, parent: dict[str, Any], moved: list[str]) -> Repair:
    key, around = it.path[-1], it.path[:-1]
    below = {name: parent[name] for name in moved}
    value = {name: below if name == key else one for name, one in parent.items() if name not in moved}
    edits = [edit for name in moved for edit in _indenting(place_at(it.root, (*around, name)))]
    place, source = it.place, place_at(it.root, around)
    place.children = {name: source.children[name] for name in moved if source.children and name in source.children}
    first = place_at(source, (moved[0],))
    message = f"'{shortened(moved[0])}' stands beside '{key}', which has nothing below it"
    hint = f"indent {_names(moved)} below {key}"
    return it.repair(hint, value, path=around, edits=edits, message=message, at=first, of_key=True)


def _names(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names[:5]) + (", ..." if len(names) > 5 else "")


def _indenting(place: Place, blanks: int = 2) -> Iterator[TextEdit]:
    """The lines of an entry further in."""
    if place.key is None:
        return
    source = place.source
    last = source.mark(region(place)[1], region(place)[1]).line
    for line in range(place.key.line, last + 1):
        if source.lines[line].strip():
            yield source.edit(source.starts[line], source.starts[line], " " * blanks)


def _list(it: _Faulty) -> Repair | None:
    """What stands where a list belongs."""
    raw = it.raw
    if isinstance(raw, dict) and len(it.path) >= 2 and it.path[-1] == "range":
        return None
    names = _pieces(raw)
    if names is None:
        return None
    return it.rewritten(f"write {_short(names)}", names)


def _scale(it: _Faulty) -> Repair | None:
    """A range in other words."""
    raw = it.raw
    text = it.written
    values: list[Any] | None
    if isinstance(raw, dict):
        low, high = (
            next((raw[key] for key in keys if key in raw), None)
            for keys in (("min", "from", "low", "start"), ("max", "to", "high", "end"))
        )
        values = [low, high] if _is_number(low) and _is_number(high) and len(raw) == 2 else None
    else:
        found = distribution_meant(text.strip("\"'"))
        values = next(iter(found.value.values())) if found and isinstance(found.value, dict) else None
        values = values or _decimal_commas(text.strip("[]"), 2) or numbers_in(text.strip("[]()"), 2)
    if not values or len(values) != 2:
        return None
    value = [int(one) if float(one).is_integer() else one for one in values if one is not None]
    return it.rewritten(f"write {flow(value)}", value)


def _distribution(it: _Faulty) -> Repair | None:
    raw = it.raw
    if isinstance(raw, str):
        if found := distribution_meant(raw):
            return it.rewritten(found.hint, found.value, found.text)
        if raw == "uniform" and isinstance(scale := value_at(it.data, (*it.path[:-1], "range")), list):
            return it.rewritten(f"write {{uniform: {flow(scale)}}}", {"uniform": scale})
    return None


_STEPS = {
    **dict.fromkeys(("monthly", "months", "1 month", "m", "monat", "mois"), "month"),
    **dict.fromkeys(("quarterly", "quarters", "3 months", "1 quarter", "q", "quartal", "trimestre"), "quarter"),
    **dict.fromkeys(("yearly", "annual", "annually", "years", "12 months", "1 year", "y", "jahr", "an"), "year"),
}


def _choice(it: _Faulty) -> Repair | None:
    raw = it.raw
    if it.path == ("usru",):
        return it.rewritten("write usru: 1", 1)
    if isinstance(raw, str) and it.path[-1:] == ("step",) and (step := _STEPS.get(raw.strip().lower())):
        return it.rewritten(f"write {step}", step)
    return _number(it) if isinstance(raw, str) else None


def _comparison(it: _Faulty) -> Repair | None:
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


# Keys


_MISSING = {
    "at": "say when: at: 2025-10, or start",
    "when": "say when it holds: when: {driver: state}",
    "then": "say what it gives: then: {scenario: {name: 1}}",
    "that": 'write that: "P(...) > ..."',
    "prior": "say the prior: prior: {state: 0.5, ...}",
    "range": "give it the ends of its scale: range: [0, 1]",
    "states": "give it its states: states: {one: 0.5, other: 0.5}",
    "points": "give it points: points: 1",
    "shares": "give it shares: shares: {scenario: 0.5, ...}",
}
"""What to write where a key is missing."""


def _missing(it: _Faulty) -> Repair | None:
    key = str(it.fault.missing)
    raw = it.raw
    if isinstance(raw, dict) and key in raw:
        return None  # by now
    if it.path == () and isinstance(it.data, dict):
        return _missing_at_the_top(it, key)
    if key == "shares" and isinstance(raw, dict):
        return _anchor(it, raw)
    return None


def hinted(fault: Fault, data: Any) -> Fault:
    """The fault that a key is missing, with what it may be."""
    hint = _MISSING.get(fault.missing, "")
    if not hint or fault.problem.hint:
        return fault
    return replace(fault, problem=replace(fault.problem, hint=_with_names(data, hint, fault.missing)))


def _with_names(data: Any, hint: str, key: str) -> str:
    """The hint with names of the file in it."""
    drivers, scenarios = (list(value_at(data, (part,)) or ()) for part in ("drivers", "scenarios"))
    if key == "when" and drivers and (states := _states(data, drivers[0])):
        return f"say when it holds: when: {{{drivers[0]}: {states[0]}}}"
    if key == "then" and scenarios:
        return f"say what it gives: then: {{scenario: {{{scenarios[0]}: 1}}}}"
    if key == "that" and scenarios:
        return f'write that: "P({scenarios[0]} @ end) > 0.5"'
    return hint


def _missing_at_the_top(it: _Faulty, key: str) -> Repair | None:
    place = it.root
    stem = (
        name_meant(re.sub(r"\.ya?ml$", "", place.source.name.replace("\\", "/").rsplit("/", 1)[-1]), joint="-")
        or "model"
    )
    name = it.data.get("name") if isinstance(it.data.get("name"), str) else stem
    title = str(it.data.get("title") or name)
    values: dict[str, Any] = {
        "usru": 1,
        "name": name_meant(title, joint="-") or stem,
        "title": str(name).replace("-", " "),
    }
    if key == "scenarios":
        hint = "name what may come: scenarios: {one: 0.6, other: 0.4}"
        return Repair((), {**it.data, key: {"unnamed": {}}}, replace(it.fault.problem, hint=hint), "missing")
    if key not in values:
        return None
    text = f"{key}: {flow(values[key])}"
    hint = f"begin it with {text}" if key == "usru" else f"write {text}"
    if not place.value.block:
        return it.repair(hint, {key: values[key], **it.data})
    start = place.source.starts[place.value.line]
    return it.repair(hint, {key: values[key], **it.data}, edits=(place.source.edit(start, start, f"{text}\n"),))


def _anchor(it: _Faulty, raw: dict[str, Any]) -> Repair | None:
    """Shares that stand in the anchor itself."""
    scenarios = value_at(it.data, ("scenarios",))
    shares = {key: one for key, one in raw.items() if isinstance(scenarios, dict) and key in scenarios}
    if not shares:
        return None
    place = it.place
    value = {**{key: one for key, one in raw.items() if key not in shares}, "shares": shares}
    if place.children is not None:
        place.children["shares"] = place.with_children(dict(place.children))
    edits: tuple[TextEdit, ...] = ()
    if len(shares) == len(raw):
        text = flow({"shares": shares})
        edits = replacing(place, text)
    elif place.value.block and all(_on_own_line(place_at(place, (key,))) for key in shares):
        at = next(iter(place_at(place, (key,)) for key in shares))
        lines = [edit for key in shares for edit in _indenting(place_at(place, (key,)))]
        start = at.source.starts[at.key.line] if at.key else 0
        first = next(edit for edit in lines if edit.line == (at.key.line + 1 if at.key else 0))
        blanks = " " * (at.key.column if at.key else 2)
        edits = (
            at.source.edit(start, start, f"{blanks}shares:\n{first.text}"),
            *(one for one in lines if one is not first),
        )
    hint = f"write shares: {_short(shares)}"
    message = "the anchor has its shares in 'shares'"
    return it.repair(hint, value, edits=edits, message=message)


def _unknown(it: _Faulty) -> Repair | None:
    """A key that the format doesn't have there."""
    key, parent = str(it.path[-1]), it.parent
    if not isinstance(parent, dict):
        return None
    if found := _without_space(it):
        return found
    known = fields_at(it.path[:-1], it.data)
    if key in FAMILIES and it.path[-3:-2] == ("states",):
        return _family_of_state(it, key)
    if it.path == ("outcome", "prior_given"):
        hint = "it takes none yet: give points by a rule, {when: ..., then: {scenario: ...}}, or by impacts of drivers"
        value = {name: one for name, one in parent.items() if name != key}
        return it.repair(hint, value, path=it.path[:-1])
    if (
        len(it.path) == 1
        and isinstance(it.raw, dict)
        and "states" in it.raw
        and isinstance(it.data.get("drivers"), dict)
    ):
        return _driver_at_the_top(it, key)
    plain = name_meant(key)
    near = plain if plain in known else re.sub(r"did you mean '(.*)'\?", r"\1", suggestion(key, known))
    is_near = near == plain or SequenceMatcher(None, near, plain).ratio() >= 0.75
    if near and is_near and near not in parent and near in known:
        return _renamed(it, near, f"did you mean '{near}'?")
    return None


def _driver_at_the_top(it: _Faulty, key: str) -> Repair:
    """A driver that is not indented."""
    value = {name: one for name, one in it.data.items() if name != key}
    value["drivers"] = {**it.data["drivers"], key: it.raw}
    place, drivers = it.place, place_at(it.root, ("drivers",))
    if drivers.children is not None:
        drivers.children.setdefault(key, place)
    lines = list(_indenting(place))
    columns = [child.key.column for child in (place.children or {}).values() if child.key]
    edits = lines[:1] if columns and min(columns) > 2 else lines
    message = f"'{shortened(key)}' stands at the top of the file, and looks like a driver"
    return it.repair(f"indent '{shortened(key)}' below drivers", value, path=(), edits=edits, message=message)


def _family_of_state(it: _Faulty, family: str) -> Repair | None:
    """A distribution that no prior can be drawn from."""
    path = it.path[:-1]
    message = f"a prior can't be drawn from '{family}'"
    example = "{pert: [0.2, 0.3, 0.5]}"
    return it.repair(f"it takes {', '.join(UNCERTAIN)}, such as {example}", 1, path=path, message=message)


# Events and rows


def _single_part(it: _Faulty) -> Repair | None:
    """An event or a row of `prior_given` as one map, where a list of them belongs."""
    for size in range(len(it.path), 0, -1):
        path = it.path[:size]
        own = {"events": "at", "prior_given": "when"}.get(str(path[-1]))
        raw = value_at(it.data, path)
        if own is None or not isinstance(raw, dict) or own not in raw:
            continue
        fields = set(fields_at((*path, 0), _changed(it.data, path, [raw])))
        if not set(raw) <= fields and (not set(raw) & fields - {own} or (own == "at" and isinstance(raw["at"], dict))):
            continue
        place = place_at(it.root, path)
        noun = "an event" if own == "at" else "a row"
        edits = _as_list(place)
        inner = place.with_children(dict(place.children or {}))
        place.children = {0: inner}
        hint = "begin with '- '" if place.value.block else f"write {_short([raw])}"
        message = f"{noun} stands in a list"
        return it.repair(hint, [raw], path=path, edits=edits, message=message, at=inner, of_key=True)
    return None


def _changed(data: Any, path: KeyPath, value: Any) -> Any:
    if not path:
        return value
    return {**data, path[0]: _changed(data[path[0]], path[1:], value)} if isinstance(data, dict) else data


def _as_list(place: Place) -> tuple[TextEdit, ...]:
    """A map as the one item of a list."""
    start, end = region(place)
    source = place.source
    if source.text[start : start + 1] == "{":
        return source.edit(start, start, "["), source.edit(end, end, "]")
    children = [child for child in (place.children or {}).values() if child.key]
    if not all(map(_on_own_line, children)):
        return ()
    edits = [edit for child in children for edit in _indenting(child)]
    first = min(edits, key=lambda edit: edit.line)
    column = source.mark(start, start).column
    at = source.starts[first.line - 1] + column
    return (source.edit(at, at, "- "), *(edit for edit in edits if edit is not first))


_MENDERS: dict[str, Callable[[_Faulty], Repair | None]] = {
    **dict.fromkeys(("not_a_number", "float_type", "int_type", "int_from_float", "finite_number"), _number),
    **dict.fromkeys(("unreadable_duration", "not_a_probability"), _duration),
    "unreadable_date": _date,
    "unreadable_day": _day,
    "string_type": _text,
    "string_pattern_mismatch": _name,
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), _map),
    **dict.fromkeys(("tuple_type", "list_type"), _list),
    "not_a_range": _scale,
    "unreadable_distribution": _distribution,
    "wrong_parameters": _parameters,
    "unordered_parameters": _unordered,
    "literal_error": _choice,
    "unreadable_comparison": _comparison,
    "missing": _missing,
    "extra_forbidden": _unknown,
}


def repair_of(fault: Fault, data: Any, place: Place) -> Repair | None:
    """What a fault proposes to write instead, where that can be told."""
    it = _Faulty(fault, data, place)
    if not _is_there(data, fault.path):
        return None  # which a repair before this one has changed
    if it.fault.kind != "extra_forbidden" and it.place.spoiled:
        return None
    mender = _MENDERS.get(fault.kind)
    return _single_part(it) or (mender(it) if mender else None)
