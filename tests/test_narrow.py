"""Narrow terminals: names are broken where their parts join, and what a table loses is told where that matters."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from support.command import answer
from usru_scenarios.report.document import (
    Column,
    StyledText,
    Table,
    break_long_names,
    describe_dropped_columns,
    drop_columns,
    insert_breaks,
)

SCENARIO = "a_scenario_whose_identifier_is_longer_than_forty_characters"
DRIVER = "a_driver_whose_identifier_is_longer_than_forty_characters"
MODEL: dict[str, Any] = {
    "usru": 1,
    "name": "long",
    "title": "Long names",
    "time": {"start": 2025, "end": 2027, "step": "year"},
    "scenarios": {SCENARIO: 1, "other": 1},
    "outcome": {"persistence": 0.5},
    "drivers": {DRIVER: {"states": {"yes": 1, "no": 1}, "persistence": 0.5, "impacts": {"yes": {"other": 1}}}},
    "expectations": {"an_expectation_with_a_long_name_too": {"that": f"P(other | {DRIVER}=yes) > P(other)"}},
}
COMMANDS = {
    "simulate": (),
    "explain": ("other",),
    "watch": (),
    "sensitivity": ("-n", "200", "--question", "drivers", "--question", "moves"),
    "compare": ("--do", f"{DRIVER}=yes"),
    "check": (),
    "sweep": (f"{DRIVER}=0..2:2",),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("width", [50, 60, 80])
def test_long_names_are_broken_where_their_parts_join(command: str, width: int, tmp_path: Path) -> None:
    """Nothing is cut, no line is too long, and no part of a name in a table stands in two lines."""
    (tmp_path / "long.yaml").write_text(json.dumps(MODEL), encoding="utf-8")
    words = (command, *COMMANDS[command], "long.yaml", "-q")
    shown = answer(*words, folder=tmp_path, COLUMNS=str(width)).stdout
    assert shown
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= width
    parts = {part for name in (SCENARIO, DRIVER, *MODEL["expectations"]) for part in name.split("_")}
    broken_ones = {part for word in re.findall("[a-z]+(?:_[a-z]*)+", shown) for part in word.split("_")} - parts
    assert broken_ones <= {"", "yes"}


def test_a_word_is_broken_behind_what_joins_its_parts() -> None:
    """Each line as full as its parts allow; what has no parts is left to the terminal."""
    assert insert_breaks("one_two_three four", 8) == "one_two_ three four"
    assert insert_breaks("P(aa=bb_cc)", 6) == "P(aa= bb_cc)"
    assert insert_breaks("indivisible", 5) == "indivisible"
    assert insert_breaks("short_name", 10) == "short_name"


def test_a_table_says_which_columns_it_has_no_room_for() -> None:
    """Of those whose absence matters; the others go in silence, as the page on the command line says."""
    numbers = [
        Column(head, "number", rank=place, drop_noted=place > 1) for place, head in enumerate(("one", "two", "three"))
    ]
    columns = [Column("name", takes_rest=True, folds=True), *numbers]
    table = Table(columns, [(StyledText("a"), "1.00", "2.00", "3.00")])
    assert describe_dropped_columns(table, drop_columns(table, 80)) == ""
    assert describe_dropped_columns(table, drop_columns(table, 18)) == "No room for three: a wider terminal or --json."
    assert describe_dropped_columns(table, drop_columns(table, 12)) == "No room for three: a wider terminal or --json."
    assert break_long_names(table, 80) == table
