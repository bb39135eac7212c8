"""How likelihoods are written where people read them: in percent, differences and errors in points of percent.

Data has them from 0 to 1. Ratios, odds and logarithms are no likelihoods and stay numbers (see `numbers`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from usru_scenarios.report.numbers import READABLE, round_up_error

ERROR_MEANING = "± is one standard error of sampling"
"""The meaning of an error, as a part of a sentence."""

BAND_HEAD = "90% band"

_EXACT_DECIMALS, _MAX_DECIMALS = 1, 2
"""Decimals of a percentage that has no error, and the most that one has."""
_MIN_ERROR = 0.01
"""In points; errors below it are of no use to anybody."""
_MIN_ANSWER_ERROR = 0.0001
"""In points; no answer has more decimals: an average over draws that were solved exactly would have a dozen."""
_MIN_PERCENT = 1e-7
"""In percent: smaller numbers have a power of ten, and what is nearer to 100 than that is 100."""
ROUNDING = 1e-9
"""Smaller differences are rounding."""
_NOISE_ERRORS = 6.58
"""A band that comes from one judgement and is narrower than so many standard errors is taken for noise, by method (32):
it is 1.645 of them wide on either side where the effect of the judgement is two of them."""


def percent_decimals(error: float, most: int = _MAX_DECIMALS) -> int:
    """As many decimals of a percentage as keep the last one worth more than one standard error (0 to 1)."""
    if error <= 0.0:
        return _EXACT_DECIMALS
    return min(max(math.floor(-math.log10(100.0 * error)), 0), most)


def format_percent(value: float, places: int) -> str:
    """A likelihood from 0 to 1 in percent; one that rounds to 0 or 100 and is neither, as a bound."""
    least = 10.0**-places
    text = f"{100.0 * value:.{places}f}"
    if value > ROUNDING and float(text) == 0.0:
        return f"<{least:.{places}f}%"
    if value < 1.0 - ROUNDING and float(text) == 100.0:
        return f">{100.0 - least:.{places}f}%"
    return f"{text.removeprefix('-') if float(text) == 0.0 else text}%"


def format_points(value: float, places: int) -> str:
    """A difference of likelihoods with its sign, in points; without a sign where rounding leaves nothing."""
    text = f"{100.0 * value:+.{places}f}"
    return text[1:] if float(text) == 0.0 else text


def format_distance(value: float, places: int) -> str:
    """A distance between likelihoods, in points, which has no sign: below 0 it is sampling error."""
    return f"{max(100.0 * value, 0.0):.{places}f}"


def format_small_distance(value: float) -> str:
    """A small distance in points, with two decimals, or as a bound."""
    return f"{100.0 * value:.2f}" if 100.0 * value >= _MIN_ERROR else f"less than {_MIN_ERROR}"


def format_error(value: float) -> str:
    """A standard error in points, with one digit that counts, rounded up; what is too small to matter as a bound.

    `none` where nothing was sampled, or all that was is the same.
    """
    if value <= 0.0:
        return "none"
    return round_up_error(100.0 * value) if 100.0 * value > _MIN_ERROR else f"<{_MIN_ERROR}"


def format_error_bound(largest: float, unit: str = " points") -> str:
    """A bound of standard errors within a sentence: `at most 0.04 points`, `below 0.01 points`, or `none`."""
    if largest <= 0.0:
        return format_error(largest)
    return f"{_format_bound(largest, 'at most ')}{unit}"


def format_error_phrase(value: float) -> str:
    """A standard error within a sentence: `0.04 points`, `below 0.01 points`, or `none`."""
    return f"{_format_bound(value)} points" if value > 0.0 else format_error(value)


def _format_bound(error: float, prefix: str = "") -> str:
    text = format_error(error)
    return f"below {text.removeprefix('<')}" if text.startswith("<") else f"{prefix}{text}"


def format_likelihood(value: float, standard_error: float) -> str:
    """A likelihood and its standard error, with as many decimals as that has: `20.53% ± 0.04 points`."""
    return f"{format_rounded_percent(value, standard_error)} ± {format_answer_error(standard_error)} points"


def format_answer_error(standard_error: float) -> str:
    """The standard error, in points, of an answer that is asked for by itself; a tiny one as a bound."""
    return round_up_error(100.0 * standard_error) if is_error_shown(standard_error) else f"<{_MIN_ANSWER_ERROR}"


def is_error_shown(standard_error: float) -> bool:
    """Whether a standard error is large enough to settle the decimals of an answer."""
    return 100.0 * standard_error >= _MIN_ANSWER_ERROR


def format_rounded_percent(value: float, standard_error: float) -> str:
    """A likelihood in percent with as many decimals as its standard error has; as if exact where that is tiny."""
    error_text = round_up_error(100.0 * standard_error)
    if "e" in error_text or not is_error_shown(standard_error):
        return format_exact_percent(value)
    return format_percent(value, len(error_text.partition(".")[2]))


def format_exact_percent(value: float) -> str:
    """A likelihood that has no error, such as `24.84%`, `0.0012%` or `99.9988%`: two digits count near both ends."""
    return f"{format_exact_number(100.0 * value, min(abs(value), abs(1.0 - value)) * 100.0)}%"


def format_exact_number(number: float, rest: float) -> str:
    """A number without error: two decimals at most, or as many as give two digits to `rest`, which is a part of it."""
    if rest == abs(number) < _MIN_PERCENT:
        return f"{number + 0.0:.2g}"
    places = 1 - math.floor(math.log10(rest)) if _MIN_PERCENT <= rest < 0.1 else 2
    return f"{number:.{places}f}".rstrip("0").rstrip(".")


def format_band(low: float, high: float, places: int, standard_error: float = 0.0) -> str:
    """A band of a likelihood, such as `14-28%`; one that can't be told from noise as a bound, `below 0.1 points`.

    Its ends are known to some twentieth of its width, which is all the decimals they get.

    Args:
        low: from 0 to 1.
        high: likewise.
        places: the most decimals of its ends.
        standard_error: of sampling, of what the band is about.
    """
    ends = _format_ends(low, high, places, standard_error, lambda value, few: f"{100.0 * value:.{few}f}")
    return ends if isinstance(ends, str) else f"{ends[0]}\u2013{ends[1]}%"


def format_difference_band(low: float, high: float, places: int, standard_error: float = 0.0) -> str:
    """A band of a difference, likewise, in points with their signs: `-2 to +4`."""
    ends = _format_ends(low, high, places, standard_error, format_points)
    return ends if isinstance(ends, str) else f"{ends[0]} to {ends[1]}"


def _format_ends(
    low: float, high: float, places: int, standard_error: float, format_value: Callable[[float, int], str]
) -> tuple[str, str] | str:
    """Both ends of a band; or a bound of its width where they can't be told apart."""
    width = high - low
    noise = _NOISE_ERRORS * standard_error
    if width > noise and width > ROUNDING:
        few = min(places, max(math.floor(-math.log10(5.0 * width)), 0))
        ends = (format_value(low, few), format_value(high, few))
        if ends[0] != ends[1]:
            return ends
    return f"below {round_up_error(max(100.0 * max(width, noise), 10.0**-places))} points"


def format_number_with_error(value: float, standard_error: float) -> str:
    """A number that is no likelihood and its standard error, with as many decimals as that has."""
    if standard_error <= 0.0:
        return f"{value:.6g}"
    error_text = round_up_error(standard_error)
    if "e" in error_text or abs(value) >= READABLE[1]:
        return f"{value:.6g} ± {error_text}"
    return f"{value:.{len(error_text.partition('.')[2])}f} ± {error_text}"
