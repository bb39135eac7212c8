"""Ctrl-C reaches every process of a terminal, but only the one that started the others may say what becomes of them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held() -> Iterator[None]:
    """Hold SIGINT back; one that comes in between is felt afterwards.

    Processes and threads that are started meanwhile never feel any, from their first moment on, for they are born with
    the signals held back that their parent holds. Where a system can't do that, nothing is held.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # it comes with the first process, and its start would let interruptions through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
