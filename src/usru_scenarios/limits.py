"""The limits of format 1: what a scenario file and a query may have at most.

Hands never write as much. The limits are there so that no sum or product of a file's numbers leaves the range of a
float, and so that a file which was made to annoy is refused at once.
"""

from __future__ import annotations

MOST_STATES = 255
"""A node has at most as many states: the sampler keeps a state in one byte."""

LARGEST_TABLE = 4_000_000
"""Entries of a prior's table that lists all combinations of parents; past it, few cases may have to be told apart."""

MOST_STEPS = 1_200
"""A model has at most as many steps."""

LARGEST_NUMBER = 1e100
"""No number of a file is larger in size: a share, a parameter of a distribution, an end of a range."""

LARGEST_POINTS = 1_000
"""More points in size overflow the odds and can't be meant."""

LARGEST_WEIGHT = 1_000
LARGEST_ODDS = 1e6
"""Of `odds_per_point`."""
LARGEST_SPREAD = 1_000
"""Of `sd_per_point`."""

LONGEST_DURATION = 1e6
"""In months, quarters or years, as written."""

NARROWEST_RANGE = 1e-12
"""The ends of a range differ by at least this part of the larger of them in size, so that numbers between them are."""

LEAST_RANGE = 1e-100
"""The ends of a range differ by at least as much."""

MOST_OPERATIONS = 200
"""In one query, what joins two parts: signs of arithmetic and comparison, `and`, `or`, commas between conditions."""
