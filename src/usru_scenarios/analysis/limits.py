"""How much is drawn, and how little is too little: figures that the questions share."""

from __future__ import annotations

from typing import Literal

Method = Literal["auto", "sample", "exact"]
"""How an answer is found; `auto` is exactly where that is predicted to be faster."""

DEFAULT_TRIALS = 81_920
"""Five blocks: every error of the bundled model is then below .002, that of a state as likely as not the largest."""

DEFAULT_SEED = 1

DEFAULT_JUDGEMENTS = 512
"""Draws of the uncertain judgements: enough for the ends of a band to be known to a tenth of its half width."""

MOST_JUDGEMENTS = 10_000
"""More draws of the judgements sharpen nothing that a reader of a band could see."""

MOST_TRIALS = 1 << 22
"""Where too few trials agree with what was seen, or a comparison stays undecided, no more than these are drawn."""

NOTHING_SEEN = 1 << 18
"""Where no world at all agrees with what was seen, no more than these are drawn."""

LEAST_EFFECTIVE = 100.0
"""Below as many effective trials an answer is refused."""

TOP = 10
"""How many of what is ranked are told, unless more or fewer are asked for."""

SENSITIVITY_TRIALS = 16_384
"""Enough for changes of the bundled model to be known to about .001 and shares of variance to .005."""

LEAST_TRIALS = 100
"""With fewer, neither information nor a share of variance could be told from noise."""
