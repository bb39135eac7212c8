"""Is a contender's answer right? Compared with the exact one, within what chance allows."""

from __future__ import annotations

from functools import cache

import numpy as np

from bench.contenders import plain
from bench.model import Answer, Case, Floats
from usru_scenarios.exact.inference import TooLarge

ERRORS = 5.0
"""How many standard errors an answer may be off: by chance that happens to one number in two million."""

ROUNDING = 1e-9

_REFERENCE_TRIALS = 1 << 13


class WrongAnswer(Exception):  # noqa: N818  # says what is at fault
    """A contender whose answer is not that of the model."""


def check(case: Case, answer: Answer, trials: int) -> None:
    """Compare an answer with the exact one, number by number; a part that the answer lacks is not looked at.

    A probability p that is counted in n trials may be off by `ERRORS` times sqrt(p (1 - p) / n), and by one trial's
    share; one that is carried varies less. Where the model is too large for an exact answer, a
    sampled one of plain numpy takes its place, with its own error. An exact answer, of 0 trials, may be off by
    `ROUNDING`.

    Raises:
        WrongAnswer: with the worst number and by how much it is off.
    """
    truth, known = reference(case)
    rate = (1.0 / trials if trials else 0.0) + (1.0 / known if known else 0.0)
    _compare("shares", answer.shares, truth.shares[-len(answer.shares) :], rate)
    if answer.first is not None and truth.first is not None:
        _compare("first visits", answer.first, truth.first, rate)
    if answer.states is not None and truth.states is not None:
        _compare("states", answer.states, truth.states, rate)
    if answer.moves is not None and truth.moves is not None:
        there = truth.shares[:-1].max(axis=0)[:, None]  # at least so many trials tell of the one after
        _compare("moves", answer.moves, truth.moves, rate / there)


@cache
def reference(case: Case) -> tuple[Answer, int]:
    """The exact answer and 0, or a sampled one and its trials where the model is too large."""
    try:
        return case.truth, 0
    except TooLarge:
        return plain.carried(case)(_REFERENCE_TRIALS, 1), _REFERENCE_TRIALS


def _compare(what: str, found: Floats, truth: Floats, rate: float | Floats) -> None:
    allowed = ROUNDING + ERRORS * np.sqrt(truth * (1.0 - truth) * rate) + rate
    excess = np.nan_to_num(np.abs(found - truth) / allowed, nan=np.inf)
    if excess.max() > 1.0:
        place = np.unravel_index(int(excess.argmax()), excess.shape)
        raise WrongAnswer(f"{what} {tuple(map(int, place))}: {found[place]:.6f}, where {truth[place]:.6f} is right")
