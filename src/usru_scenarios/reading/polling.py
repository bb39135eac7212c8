"""Whether files and folders are still what was read of them, found out by looking at them again and again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

from usru_scenarios.reading.files import ABSENT, Inputs, current_digest

INTERVAL = 0.3
"""Seconds between two looks."""
_SETTLING = 0.1
"""Seconds in which a file that is being written must stay the same, before it is read."""
_MOST_SETTLING = 30
"""So many looks at files that go on changing, and at one that is gone, as it is for a moment while it is replaced."""

_UNREADABLE = "unreadable"


class _Signature(NamedTuple):
    """What tells without reading it that a file is another one, or was written."""

    modified: int
    size: int
    node: int


def file_state(path: str) -> str:
    """The digest of what a file or folder holds now; a word of its own where it can't be read."""
    try:
        return current_digest(path)
    except OSError:
        return _UNREADABLE


class PolledFiles:
    """Looks after what was read.

    Args:
        inputs: what was read, and what was looked for and does not exist; of an unreadable file its `file_state`.
    """

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._unchanged: dict[str, _Signature | None] = {}

    def has_changed(self) -> bool:
        """Whether anything holds something else than what was read; what looks untouched is not read again."""
        return any(self._differs(path, digest) for path, digest in self._inputs.items())

    def _differs(self, path: str, digest: str) -> bool:
        now = _signature(path)
        if path in self._unchanged and self._unchanged[path] == now:
            return False
        if file_state(path) != digest:
            return True
        self._unchanged[path] = now
        return False

    def wait(self, pause: Callable[[float], None]) -> None:
        """Return once something has changed and nothing is being written any more.

        Args:
            pause: waits so many seconds.
        """
        while not self.has_changed():
            pause(INTERVAL)
        before = _signatures(self._inputs)
        for _ in range(_MOST_SETTLING):
            pause(_SETTLING)
            now = _signatures(self._inputs)
            lost = any(now[path] is None and digest != ABSENT for path, digest in self._inputs.items())
            if now == before and not lost:
                return
            before = now


def _signatures(paths: Iterable[str]) -> dict[str, _Signature | None]:
    return {path: _signature(path) for path in paths}


def _signature(path: str) -> _Signature | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # a text as it stands among the inputs
    except OSError:
        return None
    return _Signature(found.st_mtime_ns, found.st_size, found.st_ino)
