"""Signals that end a run: only the process that started the others may say what becomes of them, and it cleans up."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import FrameType

_TERMINATING_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that end a process at once by default, with no time to remove what it has put into temporary folders."""


class Terminated(BaseException):
    """The process was told to end; `number` is that of the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _Pending:
    """How deep `interruptions_held` is nested, and the signal that came meanwhile."""

    depth = 0
    number: int | None = None


@contextmanager
def raising_on_termination() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise `Terminated` in the main thread, as SIGINT raises KeyboardInterrupt.

    A second one ends the process at once. What somebody else handles or ignores (nohup) stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [number for number in _TERMINATING_SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, _terminate)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _terminate(number: int, _frame: FrameType | None) -> None:
    restore_default_handlers()
    if _Pending.depth:
        _Pending.number = number
    else:
        raise Terminated(number)


def restore_default_handlers() -> None:
    """Let SIGTERM and SIGHUP end this process at once again, where `raising_on_termination` has changed that."""
    for number in _TERMINATING_SIGNALS:
        if signal.getsignal(number) is _terminate:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def interruptions_held() -> Iterator[None]:
    """Hold back what would interrupt; what comes in between is felt afterwards.

    Ctrl-C reaches every process of a terminal. Processes and threads that are started meanwhile never get any SIGINT,
    from their first moment on, for they are born with the signals held back that their parent holds. SIGTERM and SIGHUP
    they do get.
    """
    _Pending.depth += 1
    try:
        with _sigint_held():
            yield
    finally:
        _Pending.depth -= 1
    if _Pending.depth == 0 and _Pending.number is not None:
        number, _Pending.number = _Pending.number, None
        raise Terminated(number)


@contextmanager
def _sigint_held() -> Iterator[None]:
    """Hold SIGINT back: from what is started by a mask, from this process, whose other threads have none, by a note."""
    held_signals: list[int] = []
    handler = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread() and callable(handler)
    if is_main:
        signal.signal(signal.SIGINT, lambda number, _: held_signals.append(number))
    if sys.platform != "win32":
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        if sys.platform != "win32":
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if is_main:
            signal.signal(signal.SIGINT, handler)
    if held_signals and callable(handler):
        handler(held_signals[0], None)


def import_uninterrupted(module: str) -> None:
    """Import a module with interruptions held: what Cython makes passes over all that is raised meanwhile."""
    if module not in sys.modules:
        with interruptions_held():
            import_module(module)
