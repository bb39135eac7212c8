"""Whole commands on the bundled model: beside busy processes, against an earlier version, on two cores, to an error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from bench import startup

IDLE, BUSY = "usru simulate --json, idle", "usru simulate --json, beside two busy processes"
JOBS = "usru simulate -n {:,} --jobs {}"
SLOWER = {
    "usru check, a statement": ["check", "-q"],
    "usru sensitivity": ["sensitivity", "-q"],
    "usru compare -p institutional_sceptic": ["compare", "-p", "institutional_sceptic", "-q"],
}
EARLIER = "{}, the earlier version"

_BUSY = "while True: pass"


def processor_seconds(command: list[str], **changes: str) -> float:
    """The processor time of a command and of all that it starts, in s.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    before = os.times()
    subprocess.run(
        command, env=startup.environment(**changes), stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def in_turns(tasks: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, tuple[float, ...]]:
    """What each task measures of itself, in interleaved rounds after one that warms up."""
    for task in tasks.values():
        task()
    turns = [{name: task() for name, task in tasks.items()} for _ in range(rounds)]
    return {name: tuple(turn[name] for turn in turns) for name in tasks}


def busy_and_idle() -> dict[str, Callable[[], float]]:
    """The processor time of a run by itself and beside two processes that never rest."""
    command = [*startup.usru(), "simulate", "--json"]

    def busy() -> float:
        with _busy():
            return processor_seconds(command)

    return {IDLE: partial(processor_seconds, command), BUSY: busy}


def slower(earlier: Path | None) -> dict[str, Callable[[], float]]:
    """The processor time of the slower questions on one core, also in the sources of an earlier version.

    Of `check` it is that of a statement: the bundled model of each version has statements of its own.
    """
    module = [sys.executable, "-m", "usru_scenarios"]
    tasks: dict[str, Callable[[], float]] = {}

    def each(program: list[str], arguments: list[str], **changes: str) -> Callable[[], float]:
        parts = _statements(program, **changes) if arguments[0] == "check" else 1
        return lambda: processor_seconds([*program, *arguments, "--jobs", "1"], **changes) / parts

    for name, arguments in SLOWER.items():
        tasks[name] = each(startup.usru(), arguments)
        if earlier is not None:
            tasks[EARLIER.format(name)] = each(module, arguments, PYTHONPATH=str(earlier / "src"))
    return tasks


def _statements(program: list[str], **changes: str) -> int:
    """How many statements the bundled model is held against."""
    done = subprocess.run(
        [*program, "check", "--json", "--jobs", "1"],
        env=startup.environment(**changes),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    return len(json.loads(done.stdout)["expectations"])


def on_cores(trials: int) -> dict[str, Callable[[], float]]:
    """The wall time of a long run in one process and in two."""

    def wall(jobs: int) -> float:
        began = time.perf_counter()
        startup.start([*startup.usru(), "simulate", "-q", "--json", "-n", str(trials), "--jobs", str(jobs)])
        return time.perf_counter() - began

    return {JOBS.format(trials, jobs): partial(wall, jobs) for jobs in (1, 2)}


@contextmanager
def _busy() -> Iterator[None]:
    """Two processes that take all the time they get."""
    with ExitStack() as stack:
        for _ in range(2):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", _BUSY]))
            stack.callback(process.kill)
        time.sleep(0.2)
        yield
