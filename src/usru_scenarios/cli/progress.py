"""A bar on standard error for runs that take a while, drawn around whatever runs the blocks of trials."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from operator import length_hint
from typing import Protocol, TypeVar

Result = TypeVar("Result")

PATIENCE = 1.0
"""Seconds that pass before a bar appears."""

_WIDTH = 30


class MapAny(Protocol):
    """`map` over numbers, or one that does the same elsewhere."""

    def __call__(self, function: Callable[[int], Result], blocks: Iterable[int], /) -> Iterable[Result]:
        """The results in the order of the numbers."""


class Progress:
    """Maps a function over block numbers as `map` does, and shows how far it is.

    Args:
        wanted: whether anything is to be shown.
        inner: does the mapping.
    """

    def __init__(self, *, wanted: bool, inner: MapAny = map) -> None:
        self.inner = inner
        self.at_work = False
        self.visible = wanted and sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def map(self, function: Callable[[int], Result], blocks: Iterable[int]) -> Iterator[Result]:
        """The results in the order of the blocks, one at a time; a mapping within another one shows nothing."""
        if self.at_work:
            yield from self.inner(function, blocks)
            return
        total = length_hint(blocks)
        begin = time.monotonic()
        shown = False
        self.at_work = True
        try:
            for done, result in enumerate(self.inner(function, blocks), start=1):
                yield result
                spent = time.monotonic() - begin
                if self.visible and spent > PATIENCE and done < total:
                    shown = True
                    _draw(bar(done / total, spent))
        finally:
            self.at_work = False
            if shown:
                _draw("\r\x1b[2K")


def bar(share: float, spent: float) -> str:
    """A line that overwrites itself: how much is done, and about how many seconds are left."""
    filled = int(share * _WIDTH)
    left = spent / share - spent
    return f"\r\x1b[2K{'━' * filled}{'╌' * (_WIDTH - filled)} {share:4.0%}  about {max(1, round(left))} s left"


def _draw(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
