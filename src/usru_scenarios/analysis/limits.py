"""How much more is drawn, and how little is too little: figures that the questions share."""

from __future__ import annotations

MOST_TRIALS = 1 << 22
"""Where too few trials agree with what was seen, or a comparison stays undecided, no more than these are drawn."""

NOTHING_SEEN = 1 << 18
"""Where no world at all agrees with what was seen, no more than these are drawn."""

LEAST_EFFECTIVE = 100.0
"""Below as many effective trials an answer is refused."""

TOP = 10
"""How many of what is ranked are told, unless more or fewer are asked for."""
