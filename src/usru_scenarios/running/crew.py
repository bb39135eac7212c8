"""Worker processes, and how they are handed tasks.

Each worker is a fresh interpreter at the other end of a pipe of its own. It gets a pickled function once, then one task
after another; while it works on one the next waits in its pipe. Results are taken in the order of the blocks, and no
worker runs far ahead of what has been taken, so memory does not grow with the number of blocks.

Why not `concurrent.futures`: its workers hold both ends of the queue that they share, so they outlive a parent that is
killed, and one that dies breaks the whole pool. Here a worker that nobody is left to talk to finds its pipe closed and
goes, and the tasks of a worker that is lost go to a new one: a block gives the same result wherever and however often
it runs.

Why `spawn`: a fork copies the locks of threads that it does not copy (linear algebra has some, and so has the system's
own code on macOS), and a fork server exists on some systems only. A fresh interpreter takes some tenths of a second to
import what it needs. As always with `spawn`, a script that starts workers does so under `if __name__ == "__main__"`.
"""

from __future__ import annotations

import pickle
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any

from usru_scenarios.problems import Problem, UsruError
from usru_scenarios.running.interruptions import held
from usru_scenarios.running.work import Result, Tasks, unpacked

_WAITING = 2
"""Tasks that a worker has at a time: the one that it works on, and the next."""
_AHEAD = 4
"""Tasks for each worker that may be done or under way before the first of them is taken."""
_MOST_LOST = 3
"""Workers that may be lost during one mapping."""


class WorkersLost(UsruError):  # noqa: N818  # says what went wrong
    """Worker processes died, one after the other."""

    exit_status = 101


@dataclass(frozen=True)
class Failure:
    """What a task raised."""

    error: Exception


class Worker:
    """A process, this side of its pipe, and the numbers of the tasks that it has."""

    def __init__(self) -> None:
        self.pipe, theirs = get_context("spawn").Pipe()
        self.process = get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.tasks: deque[int] = deque()

    def end(self) -> None:
        """End the process, whatever it is at, and wait until it is gone."""
        self.process.terminate()
        self.process.join()
        self.process.close()
        self.pipe.close()


class Crew:
    """Workers that stay from one mapping to the next."""

    def __init__(self) -> None:
        self.workers: list[Worker] = []

    def dismiss(self) -> None:
        """End all workers, whatever they are at."""
        while self.workers:
            self.workers.pop().end()

    def hire(self, number: int) -> None:
        """Start workers until there are so many."""
        with held():
            while len(self.workers) < number:
                self.workers.append(Worker())

    def outcomes(self, jobs: int, tasks: Tasks[Result]) -> Iterator[Result]:
        """The results of all tasks in order, by so many workers; these must be idle, and are when this ends by itself.

        Raises:
            WorkersLost: too many workers died.
            Exception: what a task raised.
        """
        self.hire(min(jobs, len(tasks)))
        mapping = _Mapping(self, tasks)
        for number in range(len(tasks)):
            yield from mapping.outcome(number)


class _Mapping:
    """One mapping over a crew.

    Attributes:
        fresh: the first task that nobody has had.
        again: tasks that lost workers had.
        done: by task, its results or what it raised, until its turn comes.
        lost: how many workers died.
    """

    def __init__(self, crew: Crew, tasks: Tasks[Any]) -> None:
        self.crew = crew
        self.tasks = tasks
        self.payload = tasks.payload()
        self.fresh = 0
        self.again: deque[int] = deque()
        self.done: dict[int, list[Any] | Failure] = {}
        self.lost = 0
        for worker in list(crew.workers):
            self._say(worker, self.payload)

    def outcome(self, number: int) -> list[Any]:
        """The results of a task, once those before it have been taken."""
        while number not in self.done:
            self._hand_out(number + _AHEAD * len(self.crew.workers))
            self._collect()
        outcome = self.done.pop(number)
        if isinstance(outcome, Failure):
            raise outcome.error
        return outcome

    def _hand_out(self, end: int) -> None:
        """Give tasks before `end` to the workers that have few."""
        for _ in range(_WAITING):
            for worker in list(self.crew.workers):
                if len(worker.tasks) < _WAITING and (number := self._next(end)) is not None:
                    worker.tasks.append(number)
                    self._say(worker, self.tasks[number])

    def _next(self, end: int) -> int | None:
        if self.again:
            return self.again.popleft()
        if self.fresh == min(end, len(self.tasks)):
            return None
        self.fresh += 1
        return self.fresh - 1

    def _say(self, worker: Worker, message: object) -> None:
        try:
            worker.pipe.send(message)
        except OSError:
            self._replace(worker)

    def _collect(self) -> None:
        """Wait until a worker has sent something, and take it."""
        ready = wait([worker.pipe for worker in self.crew.workers])
        for worker in [worker for worker in self.crew.workers if worker.pipe in ready]:
            try:
                outcome = worker.pipe.recv()
            except (EOFError, OSError):
                self._replace(worker)
            else:
                self.done[worker.tasks.popleft()] = outcome

    def _replace(self, worker: Worker) -> None:
        """Bury a worker that died and give its tasks to others, a new one among them."""
        self.crew.workers.remove(worker)
        self.again.extend(worker.tasks)
        worker.process.join()
        how = worker.process.exitcode
        worker.end()
        self.lost += 1
        if self.lost > _MOST_LOST:
            hint = "the system may have run out of memory; fewer --jobs need less"
            cause = f"signal {-how}" if how is not None and how < 0 else f"exit status {how}"
            raise WorkersLost(
                str(Problem("workers", f"usru: {self.lost} workers died, the last of {cause}", None, hint))
            )
        self.crew.hire(len(self.crew.workers) + 1)
        self._say(self.crew.workers[-1], self.payload)


# The other side of the pipe


def _serve(pipe: Connection) -> None:
    """Do tasks until nobody is there to hand them out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be held back from the start
    payload = b""
    with suppress(EOFError, OSError):
        while True:
            message = pipe.recv()
            if isinstance(message, bytes):
                payload = message
            else:
                pipe.send_bytes(_answer(payload, message))


def _answer(payload: bytes, blocks: Sequence[int]) -> bytes:
    """The pickled results of a task, or what it raised, with the worker's traceback as a note."""
    try:
        function = _function(payload)
        return pickle.dumps([function(block) for block in blocks], protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # noqa: BLE001  # it is raised again where the task came from
        error.add_note(traceback.format_exc())
        return _pickled(error)


@lru_cache(maxsize=1)
def _function(payload: bytes) -> Callable[[int], Any]:
    return unpacked(payload)


def _pickled(error: Exception) -> bytes:
    """An error, or one that says the same where it can't travel."""
    try:
        pickled = pickle.dumps(Failure(error))
        pickle.loads(pickled)  # noqa: S301  # made in the line above
    except Exception:  # noqa: BLE001  # whatever an error's own way of being pickled raises
        return pickle.dumps(Failure(RuntimeError(f"{type(error).__name__}: {error}")))
    return pickled
