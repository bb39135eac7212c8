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
ASK = "usru ask, exact"


def commands() -> dict[str, list[str]]:
    """What is started, by its name."""
    script = Path(sys.executable).with_name("usru")
    usru = [str(script)] if script.exists() else [sys.executable, "-m", "usru_scenarios"]
    return {
        BASE: [sys.executable, "-c", "import numpy"],
        HELP: [*usru, "--help"],
        SIMULATE: [*usru, "simulate", "--json"],
        ASK: [*usru, "ask", "P(storm @ end)", str(SMALL), "--method", "exact"],
    }


def start(command: list[str]) -> None:
    """Run a command to its end.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    unlike_a_users = ("PYTHONDONTWRITEBYTECODE", *ONE_THREAD)
    keep = {name: value for name, value in os.environ.items() if name not in unlike_a_users}
    subprocess.run(command, env=keep, stdin=subprocess.DEVNULL, capture_output=True, check=True)
