"""Maps blocks over processes of this machine, where that is worth it."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Self

from usru_scenarios.running.tasks import Result, Tasks, listed, predicted

if TYPE_CHECKING:
    from usru_scenarios.running.pool import WorkerPool

WORTHWHILE = 2.0
"""Predicted seconds of work from which on processes are started; a fifth of it is what they take to start."""


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Processes:
    """Worker processes, started when a mapping is first worth it and kept for the next ones.

    Its `map` is a `MapBlocks`. Use it as a context, or close it: then no process is left.

    Args:
        jobs: how many processes there may be (>= 1); with one, everything runs here.
        worthwhile: predicted seconds of work below which a mapping runs here; by default `WORTHWHILE`.
    """

    def __init__(self, jobs: int, worthwhile: float | None = None) -> None:
        self.jobs = jobs
        self.worthwhile = WORTHWHILE if worthwhile is None else worthwhile
        self._crew: WorkerPool | None = None
        self._busy = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers, whatever they are at."""
        pool, self._crew = self._crew, None
        if pool is not None:
            pool.stop()

    def map(self, function: Callable[[int], Result], blocks: Iterable[int]) -> Generator[Result, None, None]:
        """The results in the order of the blocks.

        A mapping within another one runs here: the workers are at work.

        Raises:
            LostWorkersError: too many workers died.
            Exception: what the function raised, for the first block for which it did.
        """
        blocks, seconds = listed(blocks), predicted(function)
        jobs = min(self.jobs, len(blocks))
        if self._busy or jobs < 2 or seconds is None or seconds * len(blocks) < self.worthwhile:
            yield from map(function, blocks)
            return
        self._busy = True
        try:
            yield from self._over(jobs, Tasks.of(function, blocks, seconds, jobs))
        except BaseException:  # an interruption too, and a caller that wants no more: workers may be in mid-task
            self.close()
            raise
        finally:
            self._busy = False

    def _over(self, jobs: int, tasks: Tasks[Result]) -> Iterator[Result]:
        from usru_scenarios.running.pool import WorkerPool

        if self._crew is None:
            self._crew = WorkerPool()
        yield from self._crew.outcomes(jobs, tasks)
