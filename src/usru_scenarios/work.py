"""What a question and what maps over its blocks tell one another: how much work there is, and how it is best cut.

A bar wants to know how much is ahead and how much is done; what shares work with another process needs some to share.

Work is told in seconds that follow from what is counted, at fixed rates: no clock is asked. A question says all that it
will do before it does any of it, so that a run that would take too long can be refused before it starts.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, runtime_checkable


@runtime_checkable
class Listener(Protocol):
    """Who is told of work, such as a bar of progress."""

    def expect(self, seconds_each: float, count: int = 1) -> None:
        """Announce pieces of work, which may be done side by side.

        Raises:
            Exception: what the listener raises where that is too much.
        """

    def unmapped_work(self, seconds: float) -> AbstractContextManager[None]:
        """While the context lasts, work is done that is no mapping; it counts as what is expected."""


class _NullListener:
    """A listener that takes no notice."""

    def expect(self, seconds_each: float, count: int = 1) -> None:
        """Take no notice."""

    def unmapped_work(self, seconds: float) -> AbstractContextManager[None]:  # noqa: ARG002  # as of `Listener`
        """Take no notice."""
        return nullcontext()


NO_LISTENER: Listener = _NullListener()


@runtime_checkable
class Sharing(Protocol):
    """What maps, and shares out even work that is soon done."""

    def least_pieces(self, seconds: float) -> int:
        """Into how many pieces work of so many predicted seconds is to be cut at least."""


def one_piece(seconds: float) -> int:  # noqa: ARG001  # as of `Sharing`
    """As in `Sharing`, where nothing is shared."""
    return 1


def least_pieces(map_blocks: object, seconds: float) -> int:
    """Into how many pieces work is to be cut at least, by what maps it."""
    return map_blocks.least_pieces(seconds) if isinstance(map_blocks, Sharing) else one_piece(seconds)


def listener_of(map_blocks: object) -> Listener:
    """Who is to be told of the work that something maps: itself where it listens, as the builtin `map` does not."""
    return map_blocks if isinstance(map_blocks, Listener) else NO_LISTENER
