from __future__ import annotations

import pytest

from usru_scenarios.timeline import Grid, StepLength, TimeError, parse_date, parse_duration


@pytest.mark.parametrize(
    ("text", "month", "length"),
    [
        ("2025-01", 24300, 1),
        ("2025-12-31", 24311, 1),
        ("2025-Q1", 24300, 3),
        ("2025-Q4", 24309, 3),
        ("2025", 24300, 12),
        (" 2025-02 ", 24301, 1),
    ],
)
def test_dates(text: str, month: int, length: int) -> None:
    date = parse_date(text)
    assert (date.month, date.length) == (month, length)


@pytest.mark.parametrize(
    "text", ["", "soon", "2025-13", "2025-00", "2025-Q5", "25-01", "2025-01-32", "2025-1", "2025/01"]
)
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(TimeError, match="is not a date"):
        parse_date(text)


@pytest.mark.parametrize(
    ("text", "months"), [("18 months", 18), ("1 month", 1), ("6 quarters", 18), ("1.5 years", 18), ("2years", 24)]
)
def test_durations(text: str, months: float) -> None:
    assert parse_duration(text) == months


@pytest.mark.parametrize("text", ["", "0 months", "18", "-1 month", "3 weeks", "a year"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(TimeError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("start", "end", "step", "labels"),
    [
        ("2025-11", "2026-02", "month", ("2025-11", "2025-12", "2026-01")),
        ("2025-Q4", "2026-07", "quarter", ("2025-Q4", "2026-Q1", "2026-Q2")),
        ("2025", "2027", "year", ("2025", "2026")),
        ("2025-07", "2027-07", "year", ("2025-07", "2026-07")),
    ],
)
def test_labels_of_steps(start: str, end: str, step: StepLength, labels: tuple[str, ...]) -> None:
    assert Grid.between(start, end, step).labels == labels


@pytest.mark.parametrize(
    ("start", "end", "step", "message"),
    [
        ("2025-01", "2025-01", "month", "not after the start"),
        ("2025-02", "2026-02", "quarter", "quarters start in months"),
        ("2025-01", "2025-06", "quarter", "not a whole number of quarters"),
        ("1900", "2001-01", "month", "more than the 1200 steps"),
    ],
)
def test_grids_that_can_not_be(start: str, end: str, step: StepLength, message: str) -> None:
    with pytest.raises(TimeError, match=message):
        Grid.between(start, end, step)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("2025-01", range(1)),
        ("2025-03-31", range(1)),
        ("2025", range(4)),
        ("2026", range(4, 6)),
        ("2026-Q2", range(5, 6)),
        ("start", range(1)),
        ("end", range(5, 6)),
    ],
)
def test_moments_of_a_grid(text: str, steps: range) -> None:
    assert Grid.between("2025-01", "2026-07", "quarter").steps_of_moment(text) == steps


@pytest.mark.parametrize("text", ["2024-12", "2024", "2026-07", "2027", "now", "later"])
def test_moments_off_the_grid(text: str) -> None:
    with pytest.raises(TimeError):
        Grid.between("2025-01", "2026-07", "quarter").steps_of_moment(text)


def test_one_step_called_now() -> None:
    grid = Grid.single()
    assert grid.labels == ("now",)
    assert grid.steps_of_moment("now") == grid.steps_of_moment("start") == grid.steps_of_moment("end") == range(1)
    with pytest.raises(TimeError, match="without 'time'"):
        grid.steps_of_moment("2025-01")
