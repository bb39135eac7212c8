"""How much more is drawn, and how little is too little, by method (23): what the questions share."""

from __future__ import annotations

MOST_TRIALS = 1 << 22
"""Where too few trials agree with what was seen, or a comparison stays undecided, no more than these are drawn."""

NOTHING_SEEN = 1 << 18
"""Where no trial at all agrees with what was seen, no more than these are drawn."""

LEAST_EFFECTIVE = 100.0
"""Below as many effective trials an answer is refused."""


def enough(effective: float, trials: int) -> bool:
    """Whether so many trials, or what they are worth, agree with what was observed: all of them where few are drawn."""
    return effective >= min(LEAST_EFFECTIVE, trials)


def further(trials: int, effective: float, most: int | None = None) -> int | None:
    """How many trials to draw next where too few agreed with what was observed; None where no more are drawn.

    Args:
        trials: drawn so far.
        effective: for how many unweighted trials those stand that agreed.
        most: where drawing ends; by default at `MOST_TRIALS`.
    """
    most = MOST_TRIALS if most is None else most
    return None if trials >= (most if effective else min(most, NOTHING_SEEN)) else min(4 * trials, most)


TOP = 10
"""How many of what is ranked are told, unless more or fewer are asked for."""
