"""A ledger beside the model `talks.yaml`, in a folder of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from support.command import answer


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
