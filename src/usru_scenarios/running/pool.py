"""Worker processes, and how they are handed tasks.

Each worker is a process at the other end of a pipe of its own. It gets a pickled function once, then one task after
another; while it works on one the next waits in its pipe. Results are taken in the order of the blocks, and no worker
runs far ahead of what has been taken, so memory does not grow with the number of blocks.

Why not `concurrent.futures`: its workers hold both ends of the queue that they share, so they outlive a parent that is
killed, and one that dies breaks the whole pool. Here a worker whose parent is gone finds its pipe closed and ends, and
the tasks of a worker that is lost go to a new one: a block gives the same result wherever and however often it runs.

A worker is a fork of this process where that may be (see `fork`), else a fresh interpreter: a fork copies the locks of
threads that it does not copy (linear algebra has some, and so has the system's own code on macOS).

Why not `multiprocessing`: it starts interpreters with the current folder in front of the path of modules, so that a
file there called signal.py would run in each of them. Here they are started with `-P`, look for modules where this
process does but for the current folder, and what they write to standard error is kept: it is what can be told of one
that died.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from multiprocessing.connection import Pipe, wait
from pathlib import Path
from typing import IO, Any

from usru_scenarios.interruptions import interruptions_held
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.problems import UsruError, reports_lack_of_memory, to_one_line, to_printable
from usru_scenarios.running import fork
from usru_scenarios.running.fork import ForkedProcess
from usru_scenarios.running.tasks import Result, Tasks, unpickle_function
from usru_scenarios.threads import single_thread_variables

if sys.platform == "win32":
    from multiprocessing.connection import PipeConnection as Connection
else:
    from multiprocessing.connection import Connection

_TASKS_AT_A_TIME = 2
"""Tasks that a worker has at a time: the one that it works on, and the next."""
_TASKS_AHEAD = 4
"""Tasks for each worker that may be done or under way before the first of them is taken."""
_MOST_LOST_WORKERS = 3
"""Workers that may be lost during one mapping."""
_MOST_ERROR_BYTES = 4096
"""Bytes of what a worker wrote last to standard error that are read."""

_WORKER_CODE = """\
import sys
sys.path[:] = sys.argv[2:]
from usru_scenarios.running.pool import serve
serve(int(sys.argv[1]))
"""
"""What a worker runs."""


class LostWorkersError(UsruError):
    """Worker processes died, one after the other; `exit_status` tells a lack of memory from a fault of the program."""

    exit_status = 101


class NoWorkersError(UsruError):
    """The system starts no processes."""

    exit_status = 2


@dataclass(frozen=True)
class Failure:
    """What a task raised."""

    error: Exception


class Worker:
    """A process, this side of its pipe, and the numbers of the tasks that it has.

    Args:
        others: where it is to be a fork, this side of the pipes of the other workers; None for a fresh interpreter.

    Raises:
        OSError: the system has no process, no memory or no file for it.
    """

    def __init__(self, others: Sequence[Connection] | None) -> None:
        self.pipe, worker_end = Pipe()
        self._errors = _open_scratch_file()
        self.tasks: deque[int] = deque()
        self.process: subprocess.Popen[bytes] | ForkedProcess
        try:
            if others is None:
                self.process = _start_interpreter(worker_end, self._errors)
            else:
                errors = None if self._errors is None else self._errors.fileno()
                self.process = ForkedProcess(partial(_serve_in_fork, worker_end, (self.pipe, *others)), errors)
        except BaseException:
            self._close_files()
            raise
        finally:
            worker_end.close()

    def end(self) -> None:
        """End the process, whatever it is at, and wait until it is gone."""
        self.process.kill()
        self.process.wait()
        self._close_files()

    def error_output(self) -> str:
        """What it has written to standard error, or the end of it."""
        if self._errors is None:
            return ""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - _MOST_ERROR_BYTES))
        return self._errors.read().decode("utf-8", errors="replace")

    def _close_files(self) -> None:
        self.pipe.close()
        if self._errors is not None:
            self._errors.close()


def _start_interpreter(pipe: Connection, errors: IO[bytes] | None) -> subprocess.Popen[bytes]:
    """A new interpreter that serves at a pipe."""
    return subprocess.Popen(  # noqa: S603  # this interpreter
        [sys.executable, *_interpreter_flags(), "-c", _WORKER_CODE, str(pipe.fileno()), *_module_folders()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=errors or subprocess.DEVNULL,
        env={**os.environ, **single_thread_variables(os.environ)},
        **_handover_options(pipe),
    )


def _open_scratch_file() -> IO[bytes] | None:
    """A file without a name, if there is a folder for one."""
    try:
        return tempfile.TemporaryFile()
    except OSError:
        return None


def _interpreter_flags() -> list[str]:
    """How the interpreter is started: as this one was, and without the current folder on its path."""
    warning_options = [f"-W{option}" for option in sys.warnoptions]
    if sys.flags.isolated:
        return ["-I", *warning_options]
    return [
        "-P",
        *(["-E"] if sys.flags.ignore_environment else []),
        *(["-s"] if sys.flags.no_user_site else []),
        *warning_options,
    ]


def _module_folders() -> list[str]:
    """Where workers look for modules: where this process does but for the current folder, and where this package is."""
    home = str(Path(__file__).parents[2])
    return [*(entry for entry in sys.path if entry and entry != home and not _is_current_folder(entry)), home]


def _is_current_folder(folder: str) -> bool:
    try:
        return os.path.samefile(folder, os.curdir)  # noqa: PTH121  # any text may stand on the path
    except (OSError, ValueError):
        return False


def _handover_options(pipe: Connection) -> dict[str, Any]:
    """Arguments of `Popen` that hand a pipe over, and nothing else that is open."""
    if sys.platform == "win32":
        os.set_handle_inheritable(pipe.fileno(), True)
        return {"startupinfo": subprocess.STARTUPINFO(lpAttributeList={"handle_list": [pipe.fileno()]})}
    return {"pass_fds": (pipe.fileno(),)}


class WorkerPool:
    """Workers that stay from one mapping to the next.

    Args:
        forks: whether this process is one's own, so that they may be forks of it.
    """

    def __init__(self, *, forks: bool = False) -> None:
        self._forks = forks
        self.workers: list[Worker] = []

    def stop(self) -> None:
        """End all workers, whatever they are at."""
        while self.workers:
            self.workers.pop().end()

    def start(self, number: int) -> None:
        """Start workers until there are so many.

        Raises:
            NoWorkersError: they can't be started.
        """
        try:
            with interruptions_held():
                while len(self.workers) < number:
                    forked = self._forks and fork.may_fork()
                    self.workers.append(Worker([worker.pipe for worker in self.workers] if forked else None))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise NoWorkersError(to_one_line(f"usru: no worker can be started: {reason}"), _ALONE_HINT) from error

    def results(self, jobs: int, tasks: Tasks[Result]) -> Iterator[Result]:
        """The results of all tasks in order, by so many workers; these must be idle, and are when this ends by itself.

        Raises:
            NoWorkersError: they can't be started.
            LostWorkersError: too many workers died.
            Exception: what a task raised.
        """
        self.start(min(jobs, len(tasks)))
        mapping = _Mapping(self, tasks)
        for number in range(len(tasks)):
            yield from mapping.results_of(number)


class _Mapping:
    """One mapping over the workers of a pool.

    Attributes:
        next_new: the first task that no worker has been given.
        returned: tasks that lost workers had.
        outcomes: by task, its results or what it raised, until its turn comes.
        lost_workers: how many workers died.
    """

    def __init__(self, pool: WorkerPool, tasks: Tasks[Any]) -> None:
        self.pool = pool
        self.tasks = tasks
        self.payload = tasks.pickled_function()
        self.next_new = 0
        self.returned: deque[int] = deque()
        self.outcomes: dict[int, list[Any] | Failure] = {}
        self.lost_workers = 0
        for worker in list(pool.workers):
            self._send(worker, self.payload)

    def results_of(self, number: int) -> list[Any]:
        """The results of a task, once those before it have been taken."""
        while number not in self.outcomes:
            self._hand_out(number + _TASKS_AHEAD * len(self.pool.workers))
            self._collect()
        outcome = self.outcomes.pop(number)
        if isinstance(outcome, Failure):
            raise outcome.error
        return outcome

    def _hand_out(self, end: int) -> None:
        """Give tasks before `end` to the workers that have few."""
        for _ in range(_TASKS_AT_A_TIME):
            for worker in list(self.pool.workers):
                if len(worker.tasks) < _TASKS_AT_A_TIME and (number := self._next_task(end)) is not None:
                    worker.tasks.append(number)
                    self._send(worker, self.tasks[number])

    def _next_task(self, end: int) -> int | None:
        if self.returned:
            return self.returned.popleft()
        if self.next_new == min(end, len(self.tasks)):
            return None
        self.next_new += 1
        return self.next_new - 1

    def _send(self, worker: Worker, message: object) -> None:
        try:
            worker.pipe.send(message)
        except OSError:
            self._replace(worker)

    def _collect(self) -> None:
        """Wait until a worker has sent something, and take it."""
        ready = wait([worker.pipe for worker in self.pool.workers])
        for worker in [worker for worker in self.pool.workers if worker.pipe in ready]:
            try:
                outcome = worker.pipe.recv()
            except (EOFError, OSError):
                self._replace(worker)
            else:
                self.outcomes[worker.tasks.popleft()] = outcome

    def _replace(self, worker: Worker) -> None:
        """Remove a worker that died and give its tasks to others, a new one among them."""
        self.pool.workers.remove(worker)
        self.returned.extend(worker.tasks)
        returncode, error_output = worker.process.wait(), worker.error_output()
        worker.end()
        self.lost_workers += 1
        if self.lost_workers > _MOST_LOST_WORKERS:
            raise _lost_workers_error(self.lost_workers, returncode, error_output)
        self.pool.start(len(self.pool.workers) + 1)
        self._send(self.pool.workers[-1], self.payload)


_ALONE_HINT = "--jobs 1 does without workers"
_MEMORY_HINT = "fewer --jobs need less memory; --jobs 1 needs the least"


def _lost_workers_error(number: int, returncode: int, error_output: str) -> LostWorkersError:
    """That workers died, and why the last one did: by what it said, or by how it ended."""
    lines = [line.strip() for line in error_output.splitlines() if line.strip()]
    last = f': "{to_printable(lines[-1])[:200]}"' if lines else ""
    lacks_memory = reports_lack_of_memory(error_output)
    if lacks_memory:
        cause, hint = f"for want of memory{last}", _MEMORY_HINT
    elif returncode == -getattr(signal, "SIGKILL", 9):
        cause, hint = "killed (signal 9), as a system does that runs out of memory", _MEMORY_HINT
        lacks_memory = True
    else:
        ending = f"signal {-returncode}" if returncode < 0 else f"exit status {returncode}"
        cause, hint = f"with {ending}{last}", _ALONE_HINT
    error = LostWorkersError(to_one_line(f"usru: {number} workers died, the last one {cause}"), hint)
    error.exit_status = 2 if lacks_memory else 101
    if error_output:
        error.add_note(f"The worker's standard error:\n{error_output}")
    return error


# The other side of the pipe


def serve(handle: int) -> None:
    """Do tasks in a fresh interpreter until the pipe is closed; `handle` is that of the pipe."""
    _serve(Connection(handle))


def _serve_in_fork(pipe: Connection, inherited: Sequence[Connection]) -> None:
    """Do the same in a fork: the ends of pipes that it has inherited would keep others from seeing them close."""
    for end in inherited:
        end.close()
    _serve(pipe)


def _serve(pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be held back from the start
    payload = b""
    with suppress(EOFError, OSError):
        while True:
            message = pipe.recv()
            if isinstance(message, bytes):
                payload = message
            else:
                pipe.send_bytes(_run_task(payload, message))


_unpickle_once = lru_cache(maxsize=1)(unpickle_function)


def _run_task(payload: bytes, blocks: Sequence[int]) -> bytes:
    """The pickled results of a task, or what it raised, with the worker's traceback as a note."""
    try:
        function = _unpickle_once(payload)
        return pickle.dumps([function(block) for block in blocks], protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # noqa: BLE001  # it is raised again where the task came from
        error.add_note(traceback.format_exc())
        return _pickle_error(error)


def _pickle_error(error: Exception) -> bytes:
    """An error, or one that says the same where it can't be pickled."""
    try:
        pickled = pickle.dumps(Failure(error))
        pickle.loads(pickled)  # noqa: S301  # made in the line above
    except Exception:  # noqa: BLE001  # whatever an error's own way of being pickled raises
        return pickle.dumps(Failure(RuntimeError(f"{type(error).__name__}: {error}")))
    return pickled
