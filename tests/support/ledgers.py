"""A ledger beside the model `talks.yaml`, in a folder of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from support.command import answer

MONEY = "  money: {states: {scarce: 0.3, ample: 0.7}, persistence: 0.8, impacts: {scarce: {thaw: 1.5}}}\n"
"""A driver more, to follow `tiny.TALKS`."""

REOPEN = """\
questions:
  reopen: {asks: Are they open at the end?, means: "P(talks=open @ 2025-Q4)", closes: 2025-12-31, resolves: a round}
"""
"""A question about `tiny.TALKS`, to follow it."""

SEEN = """\
usru: 1
kind: evidence
name: seen
model: talks.yaml
as_of: 2025-12-10
evidence:
  opened: {seen: "talks=open @ 2025-Q1", learned: 2025-02-10}
  budget: {about: money @ 2025-Q3, likelihood: {scarce: 3, ample: 1}, learned: 2025-08-05}
"""
"""What is seen of both drivers."""


def laid_out(place: Path, **files: str) -> Path:
    """A folder with these YAML files, by their names without the ending."""
    for name, text in files.items():
        (place / f"{name}.yaml").write_text(text)
    return place


def file(place: Path) -> Path:
    return place / "forecasts" / "forecasts.jsonl"


def record(place: Path, day: str, *options: str, model: str = "talks.yaml") -> subprocess.CompletedProcess[str]:
    """Record what a model says on a day."""
    done = answer("ledger", "record", model, "--date", day, *options, folder=place)
    assert done.returncode == 0, done.stderr
    return done


def asked(place: Path, *words: str, statuses: tuple[int, ...] = (0,)) -> dict[str, Any]:
    """What a command of the ledger answers, which ends with one of these."""
    done = answer("ledger", *words, "--json", folder=place)
    assert done.returncode in statuses, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def recorded(place: Path) -> list[dict[str, Any]]:
    """The records that stand in the ledger."""
    return [json.loads(line) for line in file(place).read_text("utf-8-sig").splitlines() if line.strip()]
