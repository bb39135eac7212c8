"""What has been seen already is marked in what to watch: facts, hints, signs, and what is observed one by one."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import jsonschema

from support.command import answer
from usru_scenarios.schemas import schema

MODEL: dict[str, Any] = {
    "usru": 1,
    "name": "yard",
    "title": "A yard",
    "time": {"start": "2025-01", "end": "2026-01", "step": "quarter"},
    "scenarios": {"built": 1, "idle": 1},
    "drivers": {
        "crew": {
            "states": {"full": 1, "half": 1, "gone": 1},
            "persistence": 0.5,
            "impacts": {"full": {"built": 2}, "gone": {"idle": 2}},
        },
        "crane": {"states": {"up": 1, "down": 1}, "persistence": 0.5, "impacts": {"up": {"built": 1}}},
        "cost": {"kind": "numeric", "range": [0, 3], "impacts": {"0": {"built": 1}, "3": {"idle": 1}}},
        "mood": {"states": {"good": 1, "bad": 1}, "persistence": 0.5, "impacts": {"good": {"built": 1}}},
    },
}

ITEMS: dict[str, Any] = {
    "seen_full": {"seen": "crew=full @ 2025-Q1", "learned": "2025-01-10"},
    "not_gone": {"seen": "not crew=gone @ ever 2025-Q1..2025-Q2", "learned": "2025-06-30"},
    "one_of_two": {"seen": "(crew=half @ 2025-Q2) or (crane=up @ 2025-Q2)", "learned": "2025-07-01"},
    "rumour": {"about": "crew @ 2025-Q2", "likelihood": {"full": 3, "half": 2, "gone": 1}, "learned": "2025-07-02"},
    "no_sound": {"quiet": {"from": "2025-Q2", "to": "2025-Q3", "of": [{"of": "crane.up", "if_so": 0.5, "if_not": 0}]},
                 "learned": "2025-10-01"},
    "shadow": {"signpost": {"of": "crane.down", "at": "2025-Q3", "found": True, "if_so": 0.6, "if_not": 0.2},
               "learned": "2025-10-02"},
    "bill": {"seen": "cost > 2.5 @ 2025-Q3", "learned": "2025-10-03"},
    "later": {"seen": "mood=good @ 2025-Q4", "learned": "2025-12-31"},
}  # fmt: skip

KNOWN = {
    ("crew", "full"): ["seen 2025-Q1 seen_full", "for 2025-Q2 rumour"],
    ("crew", "half"): ["either 2025-Q2 one_of_two"],
    ("crew", "gone"): ["ruled_out ever 2025-Q1..2025-Q2 not_gone", "against 2025-Q2 rumour"],
    ("crane", "up"): ["either 2025-Q2 one_of_two", "not_found 2025-Q2..2025-Q3 no_sound"],
    ("crane", "down"): ["found 2025-Q3 shadow"],
    ("cost", ">= 2"): ["seen 2025-Q3 bill"],
}
"""By hand: what each item says of which state. The numeric driver is read in thirds of 0 to 3."""


def watched(folder: Path, *options: str) -> str:
    """What `watch` answers of the yard with its evidence, the observation at the last step."""
    model, seen = folder / "yard.yaml", folder / "seen.yaml"
    model.write_text(json.dumps(MODEL), encoding="utf-8")
    head = {"usru": 1, "kind": "evidence", "name": "seen", "model": "yard.yaml", "as_of": "2025-12-31"}
    seen.write_text(json.dumps({**head, "evidence": ITEMS}), encoding="utf-8")
    given = ("--as-of", "2025-11-01", "--given", "mood=bad @ 2025-Q1", "--on", "end", "--top", "0", "-n", "20000", "-q")
    found = answer("watch", str(model), "--evidence", str(seen), *given, *options)
    assert (found.returncode, found.stderr) == (0, "")
    return found.stdout


def test_each_state_says_what_is_known_of_it(tmp_path: Path) -> None:
    """Of what `--as-of` leaves out nothing is said; what `--given` says has no item."""
    found = json.loads(watched(tmp_path, "--json"))
    jsonschema.validate(found, schema("watch"))
    assert found["format"] == "usru.watch/1.1"
    marks = {
        (one["node"], one["state"]): [f"{known['verdict']} {known['at']} {known['item']}" for known in one["known"]]
        for one in found["indicators"]
        if one["known"]
    }
    assert marks == {**KNOWN, ("mood", "bad"): ["seen 2025-Q1 None"]}
    days = {known["item"]: known["learned"] for one in found["indicators"] for known in one["known"]}
    learned: dict[str | None, str | None] = {name: item["learned"] for name, item in ITEMS.items() if name != "later"}
    assert days == {**learned, None: None}


def test_the_table_and_the_rows_say_it_too(tmp_path: Path) -> None:
    """Each mark in the words of its kind, below its state."""
    shown = watched(tmp_path)
    assert "known: seen 2025-Q1 (seen_full), hint for it 2025-Q2 (rumour)\n" in shown
    assert "known: ruled out ever 2025-Q1..2025-Q2 (not_gone),\n" in shown
    assert "hint against it 2025-Q2 (rumour)\n" in shown
    assert "known: this or another seen 2025-Q2 (one_of_two),\n" in shown
    assert "no sign found 2025-Q2..2025-Q3 (no_sound)\n" in shown
    assert "known: sign found 2025-Q3 (shadow)\n" in shown
    assert "known: seen 2025-Q1 (--given)\n" in shown
    rows = {
        (row["node"], row["state"]): row["known"] for row in csv.DictReader(io.StringIO(watched(tmp_path, "-f", "csv")))
    }
    assert rows["crew", "full"] == "seen:seen_full for:rumour"
    assert rows["mood", "bad"] == "seen:given"
    assert rows["mood", "good"] == ""
    assert "known: sign found 2025-Q3 (shadow) |" in watched(tmp_path, "-f", "md").replace("\\_", "_")
