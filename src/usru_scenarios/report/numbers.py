"""How numbers are written where people read them."""

from __future__ import annotations

import math
from itertools import pairwise

_FEWEST_DECIMALS, _MOST_DECIMALS = 1, 4

READABLE = (1e-300, 1e15)
"""Numbers of other sizes are written with a power of ten: their digits would be mostly zeros."""


def decimals_for(error: float) -> int:
    """As many decimals as keep the last one worth more than one standard error."""
    if error <= 0:
        return 3
    return min(max(math.floor(-math.log10(error)), _FEWEST_DECIMALS), _MOST_DECIMALS)


def round_up_error(error: float) -> str:
    """A standard error with one digit that counts, rounded up, so that `at most` stays true."""
    if error <= 0:
        return "0"
    if not READABLE[0] <= error < READABLE[1]:
        mantissa, power = f"{error:.9e}".split("e")
        bound = math.ceil(float(mantissa))
        return f"{bound}e{power}" if bound < 10 else f"1e{int(power) + 1:+03d}"
    digits = -math.floor(math.log10(error))
    bound = math.ceil(round(error * 10**digits, 9)) / 10**digits
    return f"{bound:.{max(digits if bound < 10 ** (1 - digits) else digits - 1, 0)}f}"


def format_range(low: float, high: float, decimals: int) -> str:
    """A band, such as 0.14 to 0.28 in as few signs as it takes.

    Its ends are known to some twentieth of its width, which is all the decimals it gets: two, or more where it is
    narrow.
    """
    decimals = min(decimals, max(decimals_for((high - low) / 20), 2))
    dash = "–" if low >= 0 else " to "  # noqa: RUF001  # an en dash, as between any two numbers
    return f"{low:.{decimals}f}{dash}{high:.{decimals}f}"


def format_number(number: float) -> str:
    """A judgement as a person would write it: no more decimals than it needs, at most four."""
    text = f"{number:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def align_decimals(numbers: list[float | None], missing: str = "") -> list[str]:
    """The numbers of a column with the same decimals, two to three of them."""
    known = [number for number in numbers if number is not None]
    decimals = 2 if all(abs(number - round(number, 2)) < 1e-9 or _is_computed(number) for number in known) else 3
    return [missing if number is None else f"{number:.{decimals}f}" for number in numbers]


def _is_computed(number: float) -> bool:
    """Whether a number has so many decimals that it was computed and not written, such as a third."""
    return abs(number - round(number, 4)) > 1e-9


def format_signed(points: float) -> str:
    """Points with their sign, as in +2 or -0.5."""
    return f"{'+' if points > 0 else ''}{format_number(points)}"


BLOCKS = "▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉"


def sparkline(values: list[float], top: float, width: int) -> str:
    """Values from 0 to `top` as a row of small columns; where there are more than `width`, means of neighbours."""
    if len(values) > width:
        edges = [round(column * len(values) / width) for column in range(width + 1)]
        values = [math.fsum(values[low:high]) / (high - low) for low, high in pairwise(edges)]
    steps = len(BLOCKS) - 1
    return "".join(BLOCKS[round(min(value / top, 1.0) * steps) if top > 0 else 0] for value in values)


def bar(value: float, top: float, width: int) -> str:
    """A value from 0 to `top` as a bar of at most `width` characters, to an eighth of one."""
    eighths = round(min(value / top, 1.0) * width * 8) if top > 0 else 0
    full, part = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[part] if part else "")
