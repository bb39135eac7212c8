"""When Python looks for objects that hold one another: not while a command starts.

What is imported and recalled then stays to the end. To walk all of it again and again, in search of what could be
freed, takes up to a tenth of a short command. So the search is put off until trials are drawn or the like, and from
then on leaves out what is there already.
"""

from __future__ import annotations

import gc

_POSTPONED_THRESHOLD = 100_000
"""Objects, beyond those freed, before which it does not begin by itself: twice those that a command starts with."""

_default_thresholds = gc.get_threshold()


def postpone_collection() -> None:
    """Let a process of ours start without it."""
    gc.set_threshold(_POSTPONED_THRESHOLD)


def resume_collection() -> None:
    """Let it go on as usual, where it was put off, for what is made from now on."""
    if gc.get_threshold()[0] == _POSTPONED_THRESHOLD:
        gc.freeze()
        gc.set_threshold(*_default_thresholds)
