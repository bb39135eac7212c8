"""A bar on standard error for runs that take a while, drawn around whatever runs the blocks of trials."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from operator import length_hint
from threading import Event, Lock, Thread
from typing import Protocol, Self, TypeVar

from usru_scenarios.cli.common import write_message
from usru_scenarios.garbage import resume_collection
from usru_scenarios.problems import UsruError
from usru_scenarios.running.tasks import predict_seconds
from usru_scenarios.work import one_piece

Result = TypeVar("Result")

MOST_SECONDS = 3_600.0
"""A run that is predicted to take longer is started only where `--yes` says so."""

LONG_SECONDS = 10.0
"""A run that is predicted to take longer is announced, where no bar shows it."""

_WIDTH = 30


class MapFunction(Protocol):
    """`map` over numbers, or one that does the same elsewhere."""

    def __call__(self, function: Callable[[int], Result], blocks: Iterable[int], /) -> Iterable[Result]:
        """The results in the order of the numbers."""


class LongRunError(UsruError):
    """A run is predicted to take longer than anybody would start by mistake."""

    exit_status = 2

    def __init__(self, seconds: float) -> None:
        message = f"usru: the run is predicted to take some {format_duration(seconds)}"
        super().__init__(message, "--yes starts it all the same; fewer trials (-n) or steps take less")


class Progress:
    """Maps a function over block numbers as `map` does, and shows how far it is; a `work.Listener` and `work.Sharing`.

    Args:
        wanted: whether anything is to be shown.
        inner: does the mapping.
        at_once: how many blocks are worked at together.
        least_pieces: as in `work.Sharing`, of what does the mapping.
        yes: whether a run is started however long it is predicted to take.
        patience: seconds that pass before a bar appears.
        tick: seconds between two looks at a block that takes long.
    """

    def __init__(
        self,
        *,
        wanted: bool,
        inner: MapFunction = map,
        at_once: int = 1,
        least_pieces: Callable[[float], int] = one_piece,
        yes: bool = False,
        patience: float = 1.0,
        tick: float = 0.5,
    ) -> None:
        self.patience = patience
        self.tick = tick
        self.inner = inner
        self.at_once = at_once
        self.yes = yes
        self.least_pieces = least_pieces
        self.is_working = False
        self.seconds_expected = self.seconds_started = 0.0
        self.visible = wanted and sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self.silent = self.visible or not wanted

    def expect(self, seconds_each: float, count: int = 1) -> None:
        """Be told that so many pieces of work are ahead; together with what else is, they are refused if too long.

        Raises:
            LongRunError: all that is expected is predicted to take more than an hour.
        """
        self.seconds_expected += seconds_each * count / max(1, min(self.at_once, count))
        self._refuse_if_too_long(self.seconds_expected)

    def __call__(self, function: Callable[[int], Result], blocks: Iterable[int], /) -> Iterator[Result]:
        """The results in the order of the blocks, one at a time; a mapping within another one shows nothing.

        Raises:
            LongRunError: with what has been done before it, it is predicted to take more than an hour.
        """
        if self.is_working:
            yield from self.inner(function, blocks)
            return
        total = length_hint(blocks)
        each = (predict_seconds(function) or 0.0) / max(1, min(self.at_once, total))
        with self._show_while_working(each, total) as shown:
            for result in self.inner(function, blocks):
                yield result
                shown.step()

    @contextmanager
    def unmapped_work(self, seconds: float) -> Iterator[None]:
        """Show work that is no mapping while it goes on.

        Raises:
            LongRunError: with what has been done before it, it is predicted to take more than an hour.
        """
        if self.is_working:
            yield
            return
        with self._show_while_working(seconds, 1):
            yield

    @contextmanager
    def _show_while_working(self, each: float, total: int) -> Iterator[_Bar]:
        before, after = self.seconds_started, self.seconds_started + each * total
        self._refuse_if_too_long(after)
        self._announce(max(self.seconds_expected, after))
        resume_collection()
        self.is_working, self.seconds_started = True, after
        try:
            whole = max(self.seconds_expected, after)
            showing = _Bar(total, each, self.patience, self.tick, before=before, whole=whole, visible=self.visible)
            with showing as shown:
                yield shown
        finally:
            self.is_working = False

    def _announce(self, seconds: float) -> None:
        """Say once, where nobody could see a bar, that a run takes long."""
        if not self.silent and seconds > LONG_SECONDS:
            self.silent = True
            write_message(f"usru: the run is predicted to take some {format_duration(seconds)}")

    def _refuse_if_too_long(self, seconds: float) -> None:
        if seconds > MOST_SECONDS and not self.yes:
            raise LongRunError(seconds)


class _Bar:
    """A bar that moves with every block and, where blocks take long, as they are predicted to go on.

    Args:
        total: the number of blocks.
        each: predicted seconds until another one is done.
        patience: as of `Progress`.
        tick: likewise.
        before: predicted seconds of what was done before.
        whole: predicted seconds of all, what comes later included.
        visible: whether anything is shown at all.
    """

    def __init__(
        self, total: int, each: float, patience: float, tick: float, *, before: float, whole: float, visible: bool
    ) -> None:
        self.total = total
        self.patience = patience
        self.tick = tick
        self.each = each if whole else 1.0
        self.before = before
        self.whole = whole or float(total)
        self.seconds_predicted = whole
        self.visible = visible
        self.done = 0
        self.begin = self.last = time.monotonic()
        self.drawn = False
        self._lock = Lock()
        self._over = Event()
        self._clock: Thread | None = None

    def __enter__(self) -> Self:
        if self.visible and self.each > self.patience and self.seconds_predicted:
            self._clock = Thread(target=self._tick, daemon=True)
            self._clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._clock is not None:
            self._clock.join()
        if self.drawn:
            _write_to_stderr("\r\x1b[2K")

    def step(self) -> None:
        """Another block is done."""
        with self._lock:
            self.done += 1
            self.last = time.monotonic()
            self._show(self.done)

    def _tick(self) -> None:
        while not self._over.wait(self.tick):
            with self._lock:
                since = time.monotonic() - self.last
                self._show(self.done + since / (since + self.each))

    def _show(self, done: float) -> None:
        """Show the share of the whole run, and what is left of it at the pace of this mapping."""
        spent = time.monotonic() - self.begin
        share = (self.before + self.each * done) / self.whole
        foreseen = self.seconds_predicted * (1.0 - share)
        if self.visible and (spent > self.patience or foreseen > self.patience) and 0.0 < share < 1.0:
            self.drawn = True
            pace = spent / (self.each * done) if self.done and self.each else 1.0
            left = (1.0 - share) * self.whole * pace if self.done else max(self.whole - self.before - spent, 0.0)
            _write_to_stderr(format_bar(share, left))


def format_bar(share: float, left: float) -> str:
    """A line that overwrites itself: how much is done, and about how many seconds are left."""
    filled = int(share * _WIDTH)
    return f"\r\x1b[2K{'━' * filled}{'╌' * (_WIDTH - filled)} {share:4.0%}  about {max(1, round(left))} s left"


def format_duration(seconds: float) -> str:
    """A long time in words, such as `3 hours`."""
    for unit, length in (("years", 365.25 * 86_400), ("days", 86_400.0), ("hours", 3_600.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"


def _write_to_stderr(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
