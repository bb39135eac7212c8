"""Whether files and folders still hold what was read of them, found out by polling."""

from __future__ import annotations

import os
from collections.abc import Callable

from usru_scenarios.reading.files import ABSENT, Inputs, current_digest

INTERVAL = 0.3
"""Seconds between two looks."""
_SETTLING = 0.1
"""Seconds in which a file that is being written must stay the same, before it is read."""
_MAXIMUM_SETTLING = 30
"""So many looks at files that go on changing, and at one that is gone, as it is for a moment while it is replaced."""


_Signature = tuple[int, int, int]
"""Time, size and inode of a file: what differs, without reading it, if it is another one or was written."""


def file_state(path: str) -> str:
    """The digest of what a file or folder holds now; a word of its own where it can't be read."""
    try:
        return current_digest(path)
    except OSError:
        return "unreadable"


class PolledFiles:
    """Notices when what was read changes.

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
        signature = _signature(path)
        if path in self._unchanged and self._unchanged[path] == signature:
            return False
        if file_state(path) != digest:
            return True
        self._unchanged[path] = signature
        return False

    def wait(self, pause: Callable[[float], None]) -> None:
        """Return once something has changed and nothing is being written any more.

        Args:
            pause: waits so many seconds.
        """
        while not self.has_changed():
            pause(INTERVAL)
        before = {path: _signature(path) for path in self._inputs}
        for _ in range(_MAXIMUM_SETTLING):
            pause(_SETTLING)
            now = {path: _signature(path) for path in self._inputs}
            is_missing = any(now[path] is None and digest != ABSENT for path, digest in self._inputs.items())
            if now == before and not is_missing:
                return
            before = now


def _signature(path: str) -> _Signature | None:
    try:
        status = os.stat(path)  # noqa: PTH116  # a text as it stands among the inputs
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
