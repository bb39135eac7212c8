"""What pydantic finds wrong with the shape of a file, in our own words and with its place in the text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.model.families import DEFAULT_FAMILY, FAMILIES
from usru_scenarios.model.schema import Model
from usru_scenarios.model.values import describe_value
from usru_scenarios.names import RESERVED
from usru_scenarios.problems import Problem, list_choices, shorten, suggest_name
from usru_scenarios.reading.schema_paths import describe_place, fields_at
from usru_scenarios.timeline import MONTHS, TimeError, parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from usru_scenarios.names import KeyPath
    from usru_scenarios.reading.places import Place

MAXIMUM_FAULTS = 200
"""After so many faults the rest is not shown."""

MORE_FAULTS = "too_many_faults"
"""The code of the problem that says how many more faults there are."""


def more_faults_problem(count: int) -> Problem:
    """Says that so many faults are not shown."""
    return Problem(
        MORE_FAULTS, f"and {count:,} more {'fault' if count == 1 else 'faults'}; these are the first", count=count
    )


_NAME_PATTERNS = {
    "^[a-z][a-z0-9_]*$": ("a name", "names are small letters, digits and '_', and begin with a letter"),
    "^[a-z0-9-]+$": ("the name of a model", "it is made of small letters, digits and hyphens"),
    "^[A-Za-z][A-Za-z0-9_-]*$": ("the id of a claim", "ids are letters and digits, such as G23"),
}

_KEYS_OF_STATES = frozenset({"prior", "hold", "states", "prior_given", "allowed"})
"""What a node with states has, and a numeric one can't."""


_QUOTE = "quote it to make it text"
"""What YAML takes for a number or for nothing is text in quotes."""


@dataclass(frozen=True)
class Fault:
    """A problem of shape, the path of the value that it concerns, and what pydantic calls it."""

    problem: Problem
    path: KeyPath
    kind: str
    of_key: bool = False
    """Whether the last key of the path is at fault, not its value."""
    pattern: str = ""
    """What a name has to look like, where one doesn't."""
    missing: str = ""
    """The key that is missing."""


def locate(place: Place, path: KeyPath) -> tuple[Place, KeyPath]:
    """The place that belongs to a path of the model, and the path of the file that leads to it.

    The model knows one long form where the file may be short (`2`, `[2, G23]`, `{pert: [1, 2, 3]}`), and pydantic's
    paths name branches of unions besides, so a part that the file doesn't have is passed over.
    """
    keys: list[str | int] = []
    shift = 0
    for part in path:
        if part == "[key]":
            break
        children = place.children or {}
        in_list = 0 in children
        key: str | int | None = part
        if isinstance(part, int):
            key, shift = part + shift, 0
        elif in_list and part == "value":
            key = 0
        elif in_list and part == "sources":
            shift = 1
        elif part == "parameters":
            key = next((name for name in children if name in FAMILIES), None)
        if key is not None and (child := children.get(key)) is not None:
            place = child
            keys.append(key)
    return place, tuple(keys)


def faults_of(
    error: ValidationError,
    data: Any,
    place: Place,
    root: Any = Model,
    describe_path: Callable[[KeyPath], str] = describe_place,
) -> list[Fault]:
    """The faults that a validation has found, each once, in the order in which it found them."""
    details = error.errors(include_url=False)
    faults: dict[Problem, Fault] = {}
    for detail in details[:MAXIMUM_FAULTS]:
        fault = _Translation(detail, data, place, root, describe_path).fault()
        faults.setdefault(fault.problem, fault)
    faults = {fault.problem: fault for fault in _merge_missing_keys(faults.values())}
    if len(details) > MAXIMUM_FAULTS:
        more = more_faults_problem(len(details) - MAXIMUM_FAULTS)
        faults[more] = Fault(more, (), MORE_FAULTS)
    return list(faults.values())


def _merge_missing_keys(faults: Iterable[Fault]) -> Iterable[Fault]:
    """The faults, with one for all the keys that a part lacks."""
    merged: dict[KeyPath | int, Fault] = {}
    for number, fault in enumerate(faults):
        key = fault.path if fault.kind == "missing" and fault.path else number
        if key in merged:
            problem = merged[key].problem
            problem = replace(problem, message=f"{problem.message} and no '{fault.missing}'")
            merged[key] = replace(merged[key], problem=problem)
        else:
            merged[key] = fault
    return merged.values()


class _Translation:
    """One error of pydantic, translated into a fault."""

    def __init__(
        self, detail: ErrorDetails, data: Any, root_place: Place, root: Any, describe_path: Callable[[KeyPath], str]
    ) -> None:
        self.detail = detail
        self.kind = detail["type"]
        self.input = detail["input"]
        self.context = detail.get("ctx", {})
        self.loc = detail["loc"]
        self.data = data
        self.root = root
        self.describe_path = describe_path
        self.place, self.path = locate(root_place, self.loc)

    def fault(self) -> Fault:
        of_key = self.loc[-1:] == ("[key]",)
        message, hint = self._message_and_hint()
        place = self.place
        if self.kind == "union_tag_invalid":
            place = place.child("kind") or place
        span = place.key_span() if of_key or self.kind in ("extra_forbidden", "missing") else place.span()
        pattern = str(self.context.get("pattern", "")) if self.kind == "string_pattern_mismatch" else ""
        missing = str(self.loc[-1]) if self.kind == "missing" else ""
        return Fault(Problem(self.kind, message, span, hint), self.path, self.kind, of_key, pattern, missing)

    def _message_and_hint(self) -> tuple[str, str]:
        translate = {
            "extra_forbidden": self._unknown_key,
            "missing": self._missing_key,
            "string_pattern_mismatch": self._invalid_name,
            "literal_error": self._not_among_literals,
            "uncertain_duration": self._uncertain_duration,
            "bool_type": self._not_a_boolean,
        }.get(self.kind, self._wrong_value)
        return translate()

    def _wrong_value(self) -> tuple[str, str]:
        value = describe_value(self.input)
        match self.kind:
            case "model_type" | "model_attributes_type" | "dict_type":
                if self.input is None:
                    return f"{self.describe_path(self.path)} has nothing in it", ""
                return f"{self.describe_path(self.path)} must be a map, not {value}", ""
            case "tuple_type" | "list_type":
                written = str(self.input).lower() if isinstance(self.input, bool) else self.input
                example = f"write [{written}]" if isinstance(self.input, str | int | float) else ""
                return f"expected a list, found {value}", example
            case "string_type":
                hint = _QUOTE if self.input is None or isinstance(self.input, int | float) else ""
                return f"expected text, found {value}", hint
            case "unreadable_condition":
                return self.detail["msg"], _QUOTE if self.input is None else ""
            case "union_tag_invalid":
                return f"unknown kind '{self.context.get('tag')}'", "a driver is categorical or numeric"
            case "too_short":
                return f"{self.describe_path(self.path)} is empty", "name at least one"
            case "too_long":
                maximum = self.context.get("max_length")
                return f"{self.describe_path(self.path)} are more than the {maximum} allowed", ""
            case "greater_than_equal":
                return f"expected a number not below {self.context.get('ge')}, found {value}", ""
            case "int_type" | "int_from_float":
                return f"expected a whole number, found {value}", ""
            case "float_type" | "finite_number":
                return f"expected a number, found {value}", ""
            case "reserved_name":
                reserved = ", ".join(sorted(RESERVED))
                return self.detail["msg"], f"write another, such as {self.input}_1; reserved are {reserved}"
        return self.detail["msg"], ""

    def _not_a_boolean(self) -> tuple[str, str]:
        """Something else than true or false, with what another word or number was likely to mean."""
        word = str(self.input).strip().lower()
        suggested = "true" if word in ("yes", "y", "on", "1") else "false" if word in ("no", "n", "off", "0") else ""
        return f"expected true or false, found {describe_value(self.input)}", f"write {suggested}" if suggested else ""

    def _uncertain_duration(self) -> tuple[str, str]:
        """An uncertain persistence is written by the probability of keeping the state over a step."""
        family, durations = self.context["family"], self.context["parameters"]
        time = self.data.get("time") if isinstance(self.data, dict) else None
        step = MONTHS.get(str(time.get("step"))) if isinstance(time, dict) else None
        if step and FAMILIES[family].is_between and len(durations) == FAMILIES[family].parameter_count:
            numbers = ", ".join(_persistence_of(duration, step) for duration in durations)
        else:
            family, numbers = DEFAULT_FAMILY, "0.4, 0.6, 0.7"
        hint = f"the probability of keeping the state over a step is exp(-step / duration): {{{family}: [{numbers}]}}"
        return self.detail["msg"], hint

    def _unknown_key(self) -> tuple[str, str]:
        key, parent = str(self.loc[-1]), self.path[:-1]
        if self.path == ("judgements",):
            return "the key 'judgements' is reserved for a later format of the file", ""
        known = fields_at(parent, self.data, self.root)
        if "numeric" in self.loc[:4] and len(parent) == 2 and key in _KEYS_OF_STATES:
            return f"'{key}' has no meaning for a numeric driver such as '{parent[-1]}'", list_choices(known)
        message = f"unknown key '{shorten(key)}' in {self.describe_path(parent)}"
        return message, suggest_name(key, known) or list_choices(known)

    def _missing_key(self) -> tuple[str, str]:
        message = f"{self.describe_path(self.path)} has no '{self.loc[-1]}'"
        if len(self.path) < 2:
            return message, ""
        # A thing without its parts is often a misspelt name of another, such as in an overlay.
        parent = self.data
        for part in self.path[:-1]:
            parent = parent[part]
        siblings = [key for key in parent if key != self.path[-1]] if isinstance(parent, dict) else []
        return message, suggest_name(str(self.path[-1]), siblings)

    def _invalid_name(self) -> tuple[str, str]:
        name = self.input if isinstance(self.input, str) else str(self.loc[-2])
        knot = ("a number", "a knot is a number on the driver's scale")
        expected, hint = _NAME_PATTERNS.get(str(self.context.get("pattern")), knot)
        return f"'{shorten(name)}' is not {expected}", hint

    def _not_among_literals(self) -> tuple[str, str]:
        value = describe_value(self.input)
        if self.path == ("usru",):
            return f"'usru' names the format of the file, which must be 1, not {value}", "write usru: 1"
        expected = str(self.context.get("expected", ""))
        literals = expected.replace("'", "").replace(" or ", ", ").split(", ")
        return f"expected {expected}, found {value}", suggest_name(self.input, literals) if isinstance(
            self.input, str
        ) else ""


def _persistence_of(duration: object, step: int) -> str:
    """The probability per step that a duration stands for; all else as it is."""
    try:
        return f"{math.exp(-step / parse_duration(str(duration))):.3g}"
    except TimeError:
        return str(duration)
