"""Slips in tests/models/slips/coalition.yaml: other lines by their numbers, and what is then said."""

from __future__ import annotations

import re
from typing import NamedTuple

from support.cases import Case, cases

_TAKEN = re.compile(r"([0-9]+)(?:\.\.([0-9]+))? -")
_SAID = re.compile(r"([0-9]+:[0-9]+)(?: and ([0-9]+) more)?, (as before|differently|by hand)")


class Slip(NamedTuple):
    """Lines of the file as a person may write them (None takes one away), and the one fault that is told."""

    lines: dict[int, str | None]
    place: str
    """Line and column of the fault."""
    hint: str
    mended: str
    """What the file says once the fixes are applied: `as before` the slip, `differently`, or nothing (`by hand`)."""
    faults: int = 1


def _slip(case: Case) -> Slip:
    lines: dict[int, str | None] = {}
    for written in case.written:
        if taken := _TAKEN.fullmatch(written):
            lines |= dict.fromkeys(range(int(taken[1]), int(taken[2] or taken[1]) + 1))
        else:
            number, _, line = written.partition("|")
            lines[int(number)] = line
    said = _SAID.fullmatch(case.said)
    assert said, case
    return Slip(lines, said[1], case.hint, said[3], 1 + int(said[2] or 0))


SLIPS = tuple(map(_slip, cases("slips.txt")))
