"""Maps blocks over processes of this machine, where that is worth it.

There are two ways. Work of seconds goes to workers (`pool`), any number of them, which take a part of a second to start
where they are no forks of this process. Work of a tenth of a second or more is shared with one fork (`fork`), where
this process may be forked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Self

from usru_scenarios.running.tasks import Result, Tasks, as_sequence, predict_seconds

if TYPE_CHECKING:
    from usru_scenarios.running.pool import WorkerPool

WORKER_SECONDS = 2.0
"""Predicted seconds of work from which on processes are started; a fifth of it is what they take to start."""

FORK_SECONDS = 0.1
"""Predicted seconds of work from which on it is shared with a fork; an eighth of it is what that takes."""


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
        worthwhile: predicted seconds of work below which no worker is started; by default `WORKER_SECONDS`.
        forks: whether this process is one's own and may be forked: shorter work is then shared, too.
    """

    def __init__(self, jobs: int, worthwhile: float | None = None, *, forks: bool = False) -> None:
        self.jobs = jobs
        self.worthwhile = WORKER_SECONDS if worthwhile is None else worthwhile
        self.forks = forks
        self._pool: WorkerPool | None = None
        self._busy = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers, whatever they are at."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()

    def map(self, function: Callable[[int], Result], blocks: Iterable[int]) -> Generator[Result, None, None]:
        """The results in the order of the blocks.

        A mapping within another one runs here: the workers are at work.

        Raises:
            LostWorkersError: too many workers died.
            Exception: what the function raised, for the first block for which it did.
        """
        blocks, seconds = as_sequence(blocks), predict_seconds(function)
        may_share = not self._busy and min(self.jobs, len(blocks)) > 1
        results = self._map_elsewhere(function, blocks, seconds) if may_share and seconds is not None else None
        if results is None:
            yield from map(function, blocks)
            return
        self._busy = True
        try:
            yield from results
        except BaseException:  # an interruption too, and a caller that wants no more: workers may be in mid-task
            self.close()
            raise
        finally:
            self._busy = False

    def least_pieces(self, seconds: float) -> int:
        """As in `work.Sharing`: two for what is shared with a fork; what goes to workers has many."""
        return 2 if self._is_shared(seconds) else 1

    def _is_shared(self, seconds: float) -> bool:
        """Whether a mapping of so many predicted seconds is shared with a fork."""
        if self._busy or not self.forks or self.jobs < 2 or not FORK_SECONDS <= seconds < self.worthwhile:
            return False
        from usru_scenarios.running.fork import may_fork

        return may_fork()

    def _map_elsewhere(
        self, function: Callable[[int], Result], blocks: Sequence[int], seconds: float
    ) -> Iterator[Result] | None:
        """The results of `map` where other processes do some of the work; else None."""
        total = seconds * len(blocks)
        if total >= self.worthwhile:
            from usru_scenarios.running.pool import WorkerPool

            if self._pool is None:
                self._pool = WorkerPool(forks=self.forks)
            jobs = min(self.jobs, len(blocks))
            return self._pool.results(jobs, Tasks.of(function, blocks, seconds, jobs))
        if not self._is_shared(total):
            return None
        from usru_scenarios.running.fork import map_with_fork

        return map_with_fork(function, blocks)
