"""How much the tests try: by default what takes less than three minutes on two cores, with `--all`, as in CI, all."""

from __future__ import annotations

everything = False
"""Whether all is tried. `conftest` says so before any test is read."""


def tries(usual: int, every: int) -> int:
    """How many seeds or examples are tried: `usual` ones, or `every` one where all is tried."""
    return every if everything else usual
