"""What a sweep varies, as text: `NAME_OR_PATH=LOW..HIGH[:POINTS]` or `NAME_OR_PATH=VALUE,VALUE,...`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.problems import QueryError
from usru_scenarios.settings import ArgumentError, check_text, check_texts, format_value
from usru_scenarios.source_text import SourceText

DEFAULT_POINTS = 11
"""Values of a range that says no number of points: its ends, and tenths between them."""

MOST_POINTS = 100_000
"""Values that a sweep may have, all combinations of two variables counted."""

SOURCE = "sweep"
"""What messages call the place of a variable."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\s*\.\.\s*({_NUMBER})(?:\s*:\s*(\d+))?")
_EXAMPLE = "write LOW..HIGH, LOW..HIGH:POINTS or values with commas, as in sanctions=0..3:13 or sanctions=0,1,2"


@dataclass(frozen=True)
class Variable:
    """Something to be varied.

    Attributes:
        name: of a driver or rule, whose weight is meant, or a path as after `--set`.
        values: in rising order, at least two.
        text: as written.
    """

    name: str
    values: tuple[float, ...]
    text: str

    def error(self, code: str, message: str, hint: str = "", *, of_values: bool = False) -> QueryError:
        """An error about the name, or about the values."""
        start = len(self.text) - len(self.text.lstrip())
        end = start + len(self.name)
        if of_values:
            start, end = self.text.rindex("=") + 1, len(self.text)
        return SourceText(SOURCE, self.text).error(code, message, start, end, hint)


def parse_variable(written: str) -> Variable:
    """Read a variable.

    Raises:
        QueryError: the text is none; or its range runs backwards, has one value alone, or more than `MOST_POINTS`.
    """
    text = SourceText(SOURCE, written)
    at = written.rfind("=")  # values have none, and a quoted key may
    if at < 0 or not written[:at].strip():
        raise text.error("unreadable_variable", "expected NAME=VALUES", 0, len(written), _EXAMPLE)
    return _make_variable(text, at, _parse_values(text, at + 1))


def make_variable(name: str, values: Sequence[float]) -> Variable:
    """A variable with values at hand, in messages as it would be written.

    Raises:
        QueryError: as for `parse_variable`.
    """
    text = SourceText(SOURCE, f"{name}={','.join(map(repr, values))}")
    if not name.strip():
        raise text.error("unreadable_variable", "expected NAME=VALUES", 0, len(text.text), _EXAMPLE)
    if not values:
        at = len(text.text)
        raise text.error("unreadable_variable", "a value is missing", at, at + 1, _EXAMPLE)
    if len(values) > MOST_POINTS:
        raise too_many_points_error(text, len(values))
    return _make_variable(text, len(name), tuple(sorted(set(values))))


def parse_variables(variables: object) -> list[Variable]:
    """What a sweep varies.

    Raises:
        ArgumentError: it is of a wrong type, or a value is no finite number.
        QueryError: a text is no variable.
    """
    if isinstance(variables, Mapping):
        by_name = {
            check_text("a key of variables", name): _check_numbers(name, values) for name, values in variables.items()
        }
        return [make_variable(name, values) for name, values in by_name.items()]
    written = (variables,) if isinstance(variables, str) else check_texts("variables", variables, "sanctions=0..3")
    return [parse_variable(one) for one in written]


def _check_numbers(name: str, values: object) -> list[float]:
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise ArgumentError(f"variables takes a list of numbers for '{name}', not {format_value(values)}")
    numbers = list(values)
    for one in numbers:
        if isinstance(one, bool) or not isinstance(one, Real) or not math.isfinite(one):
            raise ArgumentError(f"variables takes finite numbers for '{name}', not {format_value(one)}")
    return [float(one) for one in numbers]


def _make_variable(text: SourceText, at: int, values: tuple[float, ...]) -> Variable:
    """A variable whose name ends at an offset, if it has two values."""
    if len(values) < 2:
        message = "a sweep takes at least two values"
        raise text.error("unreadable_variable", message, at + 1, len(text.text), _EXAMPLE)
    return Variable(text.text[:at].strip(), values, text.text)


def _parse_values(text: SourceText, start: int) -> tuple[float, ...]:
    written = text.text[start:].strip()
    if (match := _RANGE.fullmatch(written)) is not None:
        low, high = float(match[1]), float(match[2])
        points = int(match[3] or DEFAULT_POINTS)
        if not low < high or not math.isfinite(high - low):
            message = f"the range from {match[1]} to {match[2]} does not rise"
            raise text.error("unreadable_variable", message, start, len(text.text), _EXAMPLE)
        if points > MOST_POINTS:
            raise too_many_points_error(text, points)
        return tuple(low + (high - low) * place / max(points - 1, 1) for place in range(points - 1)) + (high,) * (
            points > 0
        )
    parts = [part.strip() for part in written.split(",")]
    for part in parts:
        if re.fullmatch(_NUMBER, part) is None or not math.isfinite(float(part)):
            at = text.text.find(part, start) if part else start
            message = f"'{part}' is not a number" if part else "a value is missing"
            raise text.error("unreadable_variable", message, at, at + max(len(part), 1), _EXAMPLE)
    if len(parts) > MOST_POINTS:
        raise too_many_points_error(text, len(parts))
    return tuple(sorted({float(part) for part in parts}))


def too_many_points_error(text: SourceText, points: int) -> QueryError:
    """The refusal of a sweep that would not end."""
    message = f"{points:,} points are too many: a sweep has at most {MOST_POINTS:,}"
    return text.error("too_many_points", message, 0, len(text.text), "fewer points, as in sanctions=0..3:13")
