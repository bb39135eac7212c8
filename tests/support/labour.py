"""Work of a known amount, in a module of its own, so that workers can find it."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from usru_scenarios.problems import TooFewTrials
from usru_scenarios.threads import VARIABLES


class Stubborn(Exception):  # noqa: N818
    """An error that can't be pickled."""

    def __reduce__(self) -> str:
        raise TypeError("no")


@dataclass(frozen=True)
class Labour:
    """Its methods are what is mapped.

    Attributes:
        seconds_each: what a call is said to take.
        faults: the blocks that raise an error.
        mark: where files are left.
    """

    seconds_each: float = 0.1
    faults: tuple[int, ...] = ()
    mark: str = ""

    def double(self, block: int) -> int:
        if block in self.faults:
            raise TooFewTrials(block, 0.25, 0.1, f"of block {block}")
        return 2 * block

    def add(self, more: int, block: int) -> int:
        return more + block

    def add_one(self, block: int) -> int:
        return block + 1

    def where(self, _block: int) -> int:
        time.sleep(0.05)  # so that there is something to share
        return os.getpid()

    def threads(self, _block: int) -> dict[str, str | None]:
        return {name: os.environ.get(name) for name in VARIABLES}

    def leave(self, block: int) -> int:
        (Path(self.mark) / str(block)).touch()
        return block

    def refuse(self, block: int) -> int:
        raise Stubborn(f"no to {block}")

    def die_once(self, block: int) -> int:
        if block == 7 and not (grave := Path(self.mark)).exists():
            grave.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return block

    def die(self, block: int) -> int:
        if block == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        return block

    def say_and_die(self, said: str, _block: int) -> int:
        os.write(2, said.encode())
        os._exit(3)

    def exhaust(self, block: int) -> int:
        if block == 5:
            raise MemoryError
        return block
