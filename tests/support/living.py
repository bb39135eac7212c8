"""Which processes live."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable


def children() -> set[str]:
    """The living processes that this one has started, but for the one that lists them."""
    listed = subprocess.run(["ps", "-A", "-o", "ppid=,pid=,stat=,args="], capture_output=True, text=True, check=True)
    rows = [line.split(maxsplit=3) for line in listed.stdout.splitlines()]
    return {row[1] for row in rows if row[0] == str(os.getpid()) and row[2][0] != "Z" and not row[3].startswith("ps ")}


def members(group: int) -> list[str]:
    """The living processes of a group."""
    listed = subprocess.run(["ps", "-A", "-o", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    return [row[2] for row in rows if row[0] == str(group) and row[1][0] != "Z"]


def lives(process: int) -> bool:
    """Whether there is a process, be it one that has ended and is not waited for."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def processor_seconds(process: int) -> float:
    """The processor time that a process has taken; some systems tell it in whole seconds."""
    told = subprocess.run(["ps", "-o", "time=", "-p", str(process)], capture_output=True, text=True, check=True).stdout
    return sum(float(part) * 60.0**place for place, part in enumerate(reversed(told.strip().split(":"))))


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
