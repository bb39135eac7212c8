"""Time in interleaved rounds, and what is written down of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Variables of the environment that hold numerical libraries to one thread, so that everyone has the same."""

_LEAST = 0.03
"""Seconds that one measurement lasts at least; what is shorter is done several times."""


@dataclass(frozen=True)
class What:
    """What was measured.

    Attributes:
        section: "static", "dynamic", "growth", "startup" or "memory".
        case: the model.
        contender, method: who answered, and how.
        trials, drivers, steps: of the run; 0 trials where it is exact.
    """

    section: str
    case: str
    contender: str
    method: str = ""
    trials: int = 0
    drivers: int = 0
    steps: int = 0


@dataclass(frozen=True)
class Row:
    """A quantity of something that was measured, with its value in each round."""

    what: What
    quantity: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median over the rounds."""
        return statistics.median(self.values)


@dataclass
class Times:
    """Seconds that each round took, of the processor and on the wall."""

    cpu: list[float]
    wall: list[float]


def in_rounds(tasks: Mapping[Key, Callable[[], object]], rounds: int) -> dict[Key, Times]:
    """Time tasks in turns, so that a slow spell of the machine falls on all of them.

    Every round does each task once, beginning with another one; a task that is quick is repeated within its turn, and
    its time divided. All are run once before, which warms them up and tells how quick they are.
    """
    order = list(tasks)
    repeats = {key: _repeats(tasks[key]) for key in order}
    times = {key: Times([], []) for key in order}
    for turn in range(rounds):
        start = turn % max(len(order), 1)
        for key in (*order[start:], *order[:start]):
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(repeats[key]):
                tasks[key]()
            times[key].cpu.append((time.process_time() - cpu) / repeats[key])
            times[key].wall.append((time.perf_counter() - wall) / repeats[key])
    return times


def _repeats(task: Callable[[], object]) -> int:
    start = time.perf_counter()
    task()
    return max(1, min(1000, round(_LEAST / max(time.perf_counter() - start, 1e-6))))
