"""How much the tests try: by default what takes less than three minutes on two cores, with `--all`, as in CI, all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

everything = False
"""Whether all is tried. `conftest` says so before any test is read."""


def tries(usual: int, every: int) -> int:
    """How many seeds or examples are tried: `usual` ones, or `every` one where all is tried."""
    return every if everything else usual


def slow_but(quick: Iterable[object], values: Iterable[Any]) -> list[Any]:
    """The values as parameters of a test that is slow for all of them but the quick ones."""
    kept = list(quick)
    return [value if value in kept else pytest.param(value, marks=pytest.mark.slow) for value in values]
