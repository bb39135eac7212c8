"""Words with a meaning of their own in models and queries, for those who need not know what a file is."""

from __future__ import annotations

from typing import Literal

KeyPath = tuple[str | int, ...]
"""The way from the top of a document to one of its values: keys of maps, positions in lists."""

OUTCOME = "scenario"
"""The name of the outcome node, whose states are the scenarios."""

HOLD = "hold"
"""In the place of a state, points for `hold` act on the odds of keeping the present state."""

DIRICHLET = "dirichlet"
"""Beside the values of a prior, the strength of the Dirichlet distribution that they are drawn from."""

RESERVED = frozenset(
    {"scenario", "hold", "start", "end", "now", "mean", "ever", "always", "never", "each", "by"}
    | {"or", "and", "not", "do", "profile", "default", "dirichlet"}
)
"""Words of the query language and of the format, which can't be names."""

KINDS = ("drivers", "states", "scenarios", "profiles", "rules", "paths")
"""The kinds of names of a model; states are written NODE=STATE, and paths as after `--set`."""

Measure = Literal["probability", "difference", "number"]
"""What a value is: a probability, a difference of some, or another number, such as a ratio or a logarithm."""

CACHED_NAMES = "names"
"""What the names of a file are kept as between runs, for the completion of command lines."""
