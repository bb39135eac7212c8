"""Copies of this process: one that does the second half of a short mapping, and those that are workers (see `pool`).

A fresh interpreter takes a third of a second to start and to import what it needs, as long as half of the default
forecast takes. A fork has all that has been imported and recalled so far, within some milliseconds. But it copies the
locks of threads that it does not copy; so it is made only where there are none: on Linux, of a process that has one
thread and is the command's own. A program that uses the library is never forked.

Of a short mapping, whatever the copy does not deliver is done here after all: where the system starts no process, where
the copy is killed or runs out of memory, and where a block raises an error, which is then raised here. So there is
nothing to tell of a copy that failed. It delivers all that it has found at once, when it is through; until then it
would be held up by a pipe that is full. It ends with the mapping, whatever becomes of that, or by itself where this
process is gone.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from usru_scenarios.interruptions import interruptions_held, restore_default_handlers
from usru_scenarios.running.tasks import Result

_THREADS_FOLDER = "/proc/self/task"
"""A folder with an entry for each thread of this process, also for those that libraries start."""

_LENGTH_BYTES = 8
"""Bytes in front of what is delivered that say how many follow."""

_READ_BYTES = 1 << 20
"""The most bytes that are read at a time."""


def may_fork() -> bool:
    """Whether a copy of this process would be whole, and nobody watches it, such as a profiler, who would miss half."""
    if sys.platform != "linux" or sys.getprofile() is not None:
        return False
    try:
        return len(os.listdir(_THREADS_FOLDER)) == 1  # noqa: PTH208  # to import pathlib for it would take longer
    except OSError:
        return False


class ForkedProcess:
    """A copy of this process that does one thing and ends, and is waited for like a `subprocess.Popen`.

    It is made within `interruptions_held`: Ctrl-C stays held back in it. It reads nothing from the standard streams and
    writes nothing to them, but for the traceback of an error.

    Args:
        function: what it does.
        errors: the file that its standard error goes to, by its number.

    Raises:
        OSError: the system has no process or no memory for it.
    """

    _pid: int

    def __init__(self, function: Callable[[], object], errors: int | None = None) -> None:
        if sys.platform == "win32":
            raise OSError(None, "this system forks no process")
        self.returncode: int | None = None
        self._pid = os.fork()
        if self._pid == 0:
            status = 1
            try:
                _detach(errors)
                function()
                status = 0
            except Exception:  # noqa: BLE001  # as at the end of any process
                traceback.print_exc()
            finally:
                os._exit(status)  # nothing that is to be done at the end of a process is done twice

    def kill(self) -> None:
        """End it, whatever it is at, if it has not ended."""
        if self.returncode is None and sys.platform != "win32":
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    def wait(self) -> int:
        """Wait until it is gone; its exit status, or less than 0 the number of the signal that ended it."""
        if self.returncode is None:
            try:
                self.returncode = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
            except ChildProcessError:  # somebody else has waited for it
                self.returncode = 0
        return self.returncode


def _detach(errors: int | None) -> None:
    """Let a copy end by signals as any process does, and part its standard streams from those of the original."""
    restore_default_handlers()
    null_device = os.open(os.devnull, os.O_RDWR)
    for number, file in enumerate((null_device, null_device, null_device if errors is None else errors)):
        os.dup2(file, number)


def map_with_fork(function: Callable[[int], Result], blocks: Sequence[int]) -> Iterator[Result]:
    """The results in the order of the blocks, the second half of which a copy of this process does meanwhile.

    Raises:
        Exception: what the function raised, for the first block for which it did.
    """
    middle = len(blocks) // 2
    second_half: _ForkedHalf | None = None
    try:
        with suppress(OSError), interruptions_held():
            second_half = _ForkedHalf(function, blocks[middle:])
        yield from map(function, blocks[:middle])
        results = None if second_half is None else second_half.receive()
        yield from map(function, blocks[middle:]) if results is None else results
    finally:
        if second_half is not None:
            second_half.end()


class _ForkedHalf:
    """A copy of this process that does some blocks, and our side of its pipe; made within `interruptions_held`.

    Raises:
        OSError: the system has no process, no memory or no file for it.
    """

    def __init__(self, function: Callable[[int], Any], blocks: Sequence[int]) -> None:
        self._pipe, write_end = os.pipe()
        try:
            self._process = ForkedProcess(partial(_send_results, function, blocks, write_end, self._pipe, os.getpid()))
        except OSError:
            os.close(self._pipe)
            raise
        finally:
            os.close(write_end)

    def receive(self) -> list[Any] | None:
        """Wait for its results; None where it has not got through."""
        received = bytearray()
        while part := os.read(self._pipe, _READ_BYTES):
            received += part
        self._process.wait()
        pickled = memoryview(received)[_LENGTH_BYTES:]
        if len(received) < _LENGTH_BYTES or int.from_bytes(received[:_LENGTH_BYTES], "little") != len(pickled):
            return None
        results: list[Any] = pickle.loads(pickled)  # noqa: S301  # comes from `_send_results`
        return results

    def end(self) -> None:
        """End it, whatever it is at, and wait until it is gone."""
        with interruptions_held():
            os.close(self._pipe)
            self._process.kill()
            self._process.wait()


# The other side of the pipe


def _send_results(function: Callable[[int], Any], blocks: Sequence[int], pipe: int, read_end: int, parent: int) -> None:
    """Do blocks and say what was found; no more of them where the parent is gone."""
    os.close(read_end)
    results = []
    for block in blocks:
        if os.getppid() != parent:
            return
        results.append(function(block))
    pickled = pickle.dumps(results, protocol=pickle.HIGHEST_PROTOCOL)
    with open(pipe, "wb") as file:  # a file by its number
        file.write(len(pickled).to_bytes(_LENGTH_BYTES, "little"))
        file.write(pickled)
