"""The wall time of whole commands, against that of a bare interpreter that imports numpy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.measure import ONE_THREAD

SMALL = Path(__file__).parent / "small.yaml"
BASE = 'python -c "import numpy"'
HELP = "usru --help"
SIMULATE = "usru simulate --json"

BOUNDS = {
    HELP: 0.3,
    "usru simulate --help": 0.3,
    SIMULATE: 4.0,
    "usru ask, exact": 2.0,
    "usru ask, sampled": 4.0,
    "usru show": 2.5,
    "usru sources": 2.5,
    "usru validate": 2.5,
}
"""How many times as long as `BASE` each command may take; a model is read again, not for the first time."""


def usru() -> list[str]:
    """How the command is started."""
    script = Path(sys.executable).with_name("usru")
    return [str(script)] if script.exists() else [sys.executable, "-m", "usru_scenarios"]


def commands() -> dict[str, list[str]]:
    """What is started, by its name."""
    special = {
        "usru ask, exact": ["ask", "P(storm @ end)", str(SMALL), "--method", "exact"],
        "usru ask, sampled": ["ask", "P(reset @ end)"],
    }
    started = {name: [*usru(), *special.get(name, name.split()[1:])] for name in BOUNDS}
    return {BASE: [sys.executable, "-c", "import numpy"], **started}


def environment(**changes: str) -> dict[str, str]:
    """That of a user, who pins no threads."""
    unlike_a_users = ("PYTHONDONTWRITEBYTECODE", *ONE_THREAD)
    return {name: value for name, value in os.environ.items() if name not in unlike_a_users} | changes


def start(command: list[str]) -> None:
    """Run a command to its end.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    subprocess.run(command, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, check=True)
