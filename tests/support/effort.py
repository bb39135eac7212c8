"""How much the tests try: by default what takes less than three minutes on two cores, with `--all` all.

With `--rest` only what `--all` adds: the tests marked `slow`, and with all their seeds or examples those marked `more`,
which otherwise try some of them. `.ci/run` runs both parts, and measures the coverage of the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

everything = False
"""Whether all is tried. `conftest` says so before any test is read."""


def tries(usual: int, every: int) -> int:
    """How many seeds or examples a test marked `more` tries: `usual` ones, or `every` one where all is tried."""
    return every if everything else usual


def slow_but(quick: Iterable[object], values: Iterable[Any]) -> list[Any]:
    """The values as parameters of a test that is slow for all of them but the quick ones."""
    kept = list(quick)
    return [value if value in kept else pytest.param(value, marks=pytest.mark.slow) for value in values]
