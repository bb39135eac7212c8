"""What is said of columns below a table is said where they stand; and how small errors are told."""

from __future__ import annotations

import pytest

from support.command import HARBOUR, answer
from usru_scenarios.report.document import Column, Legend, Report, Table, footer_lines, join_footer_line
from usru_scenarios.report.likelihoods import format_error_bound, format_error_phrase

SAID = {
    "Band: 90%": "90% band",
    "Bands are those": "90% band",
    "start, end: in": "start",
    "ever: in at least": "ever",
    "share of time: average": "of time",
    "± for each": "±",
    "± is one standard error of the margin": "±",
    "Margin: by how much": "margin",
    "Surprise: the same": "bits",
}
"""A part of each legend, and what stands in the head of its column."""

COMMANDS = {
    "simulate": ("simulate", HARBOUR, "-n", "256", "-q"),
    "compare": ("compare", HARBOUR, "-w", "weather=2", "-n", "256", "-q"),
    "check": ("check", HARBOUR, "-n", "256", "-q"),
    "evidence": ("evidence", "tests/models/evidence/harbour.yaml", "-n", "256", "-q"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_legends_speak_of_columns_that_are_there(command: str) -> None:
    """At every width; each legend of the widest table is left out of a narrower one with its column."""
    told: dict[str, set[bool]] = {}
    for width in (40, 44, 48, 54, 60, 70, 80, 140):
        shown = answer(*COMMANDS[command], COLUMNS=str(width)).stdout
        above, _, below = shown.rpartition("\n\n")
        below = " ".join(below.split())
        for legend, head in SAID.items():
            assert (legend not in below) or any(head in line for line in above.split("\n")), (width, legend)
            if legend in below:
                told.setdefault(legend, set()).add(True)
    assert told


def test_a_legend_that_stays_without_its_column_would_be_noticed() -> None:
    columns = [Column("a"), Column("b" * 30, "number", rank=1)]
    line = ("First. ", Legend("Of b.", ("b" * 30,), "Without b."))
    made = Report("title", "", [Table(columns, [("x", "1")])], [line])
    assert footer_lines(made) == footer_lines(made, 60) == ["First. Of b."]
    assert footer_lines(made, 20) == ["First. Without b."]
    assert join_footer_line(line) == "First. Of b."


def test_small_errors_are_told_in_words() -> None:
    assert format_error_bound(0.0004) == "at most 0.04 points"
    assert format_error_bound(0.00001) == "below 0.01 points"
    assert format_error_bound(0.00001, " percentage points") == "below 0.01 percentage points"
    assert format_error_bound(0.0) == "none"
    assert (format_error_phrase(0.0004), format_error_phrase(0.00001), format_error_phrase(0.0)) == (
        "0.04 points",
        "below 0.01 points",
        "none",
    )
