"""Dates, durations and the grid of steps of a model (section 2 of the format)."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Literal

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.limits import LONGEST_DURATION, MOST_STEPS
from usru_scenarios.problems import shorten

StepLength = Literal["month", "quarter", "year"]

MONTHS: dict[str, int] = {"month": 1, "quarter": 3, "year": 12}
"""Length of each kind of step, in months."""

_DATE = r"(?P<year>\d{4})(?:-(?:Q(?P<quarter>[1-4])|(?P<month>\d{2})(?:-(?P<day>\d{2}))?))?"
_DURATION = r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>month|quarter|year)s?"


class TimeError(ValueError):
    """A date, duration or grid that can't be read or lies off the grid; the message says which and why."""


@dataclass(frozen=True)
class Date:
    """A month, quarter or year: its first month, counted from January of year 0, and its length in months."""

    month: int
    length: int
    text: str


def parse_date(text: str) -> Date:
    """Read `2025-01`, `2025-Q1`, `2025` or a full date (whose day is ignored).

    Raises:
        TimeError: the text is none of these.
    """
    match = re.fullmatch(_DATE, text.strip())
    if match is None:
        from usru_scenarios.written_forms import suggest_date  # few texts are no dates

        hint = suggest_date(text)[0] or "write 2025-01, 2025-Q1, 2025 or 2025-01-20"
        raise TimeError(f"'{shorten(text)}' is not a date: {hint}")
    year = 12 * int(match["year"])
    if match["quarter"]:
        return Date(year + 3 * (int(match["quarter"]) - 1), 3, text)
    if match["month"] is None:
        return Date(year, 12, text)
    if not 1 <= int(match["month"]) <= 12:
        raise TimeError(f"'{text}' is not a date: there is no month {match['month']}")
    if match["day"] and not 1 <= int(match["day"]) <= 31:
        raise TimeError(f"'{text}' is not a date: there is no day {match['day']}")
    return Date(year + int(match["month"]) - 1, 1, text)


def period_before(date: Date) -> str:
    """The month that ends where a month begins, or the quarter that ends where a quarter or year begins."""
    return _format_period(date.month - 1, min(date.length, 3))


def period_after(date: Date) -> str:
    """The month that begins where a month ends, or the quarter that begins where a quarter or year ends."""
    return _format_period(date.month + date.length, min(date.length, 3))


def _format_period(month: int, length: int) -> str:
    """The month, quarter or year that contains a month; the month alone where a year begins in another than January."""
    year, number = _year_and_month(month)
    if length == 3:
        return f"{year:04d}-Q{(number + 2) // 3}"
    return f"{year:04d}" if length == 12 and number == 1 else f"{year:04d}-{number:02d}"


def parse_day(text: str) -> str:
    """Read a day, such as `2027-06-30`; days in this form are in the order of their texts.

    Raises:
        TimeError: the text is no day of the calendar.
    """
    day = re.fullmatch(_DATE, text.strip())
    if day is None or day["day"] is None:
        raise TimeError(f"'{shorten(text)}' is no day: write for instance 2027-06-30")
    if int(day["day"]) > (last := _days_in_month(parse_date(text).month)) or int(day["day"]) < 1:
        raise TimeError(f"'{shorten(text)}' is no day: {text.strip()[:7]} has days 01 to {last}")
    return text.strip()


def _days_in_month(month: int) -> int:
    """How many days a month has, counted as in `Date`."""
    from calendar import monthrange

    return monthrange(*_year_and_month(month))[1]


def _year_and_month(month: int) -> tuple[int, int]:
    return month // 12, month % 12 + 1


def parse_duration(text: str) -> float:
    """Read `18 months`, `6 quarters` or `1.5 years` as a number of months > 0.

    Raises:
        TimeError: the text is none of these, or the duration is 0.
    """
    match = re.fullmatch(_DURATION, text.strip())
    if match is None or float(match["number"]) == 0:
        raise TimeError(
            f"'{shorten(text)}' is not a duration: write for instance '18 months', '6 quarters' or '2 years'"
        )
    if float(match["number"]) > LONGEST_DURATION:
        raise TimeError(
            f"'{shorten(text)}' is longer than a duration can be, which is {LONGEST_DURATION:,.0f} {match['unit']}s"
        )
    return float(match["number"]) * MONTHS[match["unit"]]


@dataclass(frozen=True)
class Grid:
    """The steps of a model: `count` equal steps from `start` (a month as in `Date`), or the single step `now`."""

    start: int
    months: int
    """Length of a step in months; 0 for the single step `now`."""
    count: int

    @classmethod
    def single(cls) -> Grid:
        """The grid of a model without `time`: one step, called `now`."""
        return cls(start=0, months=0, count=1)

    @classmethod
    def between(cls, start: str, end: str, step: StepLength) -> Grid:
        """The grid from `start` up to `end`, which is not part of it.

        Raises:
            TimeError: a date can't be read, the end is not after the start, quarters start in another month than
                1, 4, 7 or 10, the steps do not fill the time, or there are too many.
        """
        first, last, months = parse_date(start).month, parse_date(end).month, MONTHS[step]
        if last <= first:
            raise TimeError(f"the end {end} is not after the start {start}; the end is the first moment not covered")
        if step == "quarter" and first % 3:
            raise TimeError(f"quarters start in months 1, 4, 7 and 10, not at {start}")
        if (last - first) % months:
            raise TimeError(f"from {start} to {end} is not a whole number of {step}s")
        count = (last - first) // months
        if count > MOST_STEPS:
            raise TimeError(f"from {start} to {end} are {count} {step}s, more than the {MOST_STEPS} steps allowed")
        return cls(first, months, count)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The name of each step: `now`, `2025-01`, `2025-Q1` or `2025`."""
        if not self.months:
            return ("now",)
        return tuple(_format_period(month, self.months) for month in self.step_starts)

    @cached_property
    def step_starts(self) -> tuple[int, ...]:
        """The month in which each step starts, counted as in `Date`."""
        return tuple(self.start + self.months * step for step in range(self.count))

    def first_day(self, step: int) -> str | None:
        """The first day of a step, as `2027-04-01`; None without a calendar."""
        if not self.months:
            return None
        return f"{_format_period(self.step_starts[step], 1)}-01"

    def last_day(self, step: int) -> str | None:
        """The last day of a step, as `2027-06-30`; None without a calendar."""
        if not self.months:
            return None
        month = self.step_starts[step] + self.months - 1
        return f"{_format_period(month, 1)}-{_days_in_month(month)}"

    def _steps_of_date(self, text: str) -> range:
        """The steps that a date means: all that start within a coarser one, the one that contains a finer one."""
        if not self.months:
            raise TimeError(f"the date {text} has no meaning in a model without 'time', whose one step is called now")
        date = parse_date(text)
        if date.length < self.months:
            first = last = (date.month - self.start) // self.months
        else:
            first = -((self.start - date.month) // self.months)
            last = (date.month + date.length - 1 - self.start) // self.months
        first, last = max(first, 0), min(last, self.count - 1)
        if first > last:
            raise TimeError(f"the date {text} is off the grid, which runs from {self.labels[0]} to {self.labels[-1]}")
        return range(first, last + 1)

    def steps_of_moment(self, text: str) -> range:
        """The steps that a date or one of the words `start`, `end` and `now` means.

        A date means all steps that start within it, or the one that it lies in.

        Raises:
            TimeError: the date can't be read or is off the grid; or it is `now` in a model with time.
        """
        if text == "start":
            return range(1)
        if text == "end":
            return range(self.count - 1, self.count)
        if text == "now" and not self.months:
            return range(1)
        if text == "now":
            raise TimeError("'now' has no meaning in a model with 'time': write a date, start or end")
        return self._steps_of_date(text)
