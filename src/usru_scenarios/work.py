"""How much work is ahead and how much is done, told by who does it to who listens, such as a bar of progress.

Work is told in seconds that follow from what is counted, at fixed rates: no clock is asked. A question says all that it
will do before it does any of it, so that a run that would take too long can be refused before it starts. Nobody listens
unless `listening` says so; then what is told goes nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Protocol

    class Listener(Protocol):
        """Who is told."""

        def expect(self, seconds_each: float, count: int) -> None:
            """So many pieces of work are ahead, which may be done side by side."""

        def stretch(self, seconds: float) -> AbstractContextManager[None]:
            """While the context lasts, work is done that takes so long and is told no further."""


_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """While the context lasts, this one is told what work is ahead and done."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def expect(seconds_each: float, count: int = 1) -> None:
    """Say that so many pieces of work are ahead, each of which takes so long.

    Raises:
        Exception: what the listener raises where that is too much.
    """
    if (listener := _LISTENER.get()) is not None:
        listener.expect(seconds_each, count)


@contextmanager
def stretch(seconds: float) -> Iterator[None]:
    """While the context lasts, work is done that is no mapping; it counts as what is expected."""
    listener = _LISTENER.get()
    if listener is None:
        yield
        return
    with listener.stretch(seconds):
        yield
