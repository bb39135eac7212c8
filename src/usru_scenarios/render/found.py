"""How an answer was found and under which conditions, in the same words everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Condition(NamedTuple):
    """A condition of an answer: of which kind, as written, and what the kind means."""

    kind: str
    text: str
    meaning: str


def conditions(imposed: Iterable[str], seen: Iterable[str]) -> list[Condition]:
    """What was imposed and what was seen, each once."""
    return [
        *(Condition("imposed", text, "cut off from its causes") for text in dict.fromkeys(imposed)),
        *(Condition("seen", text, "tells about causes as well as effects") for text in dict.fromkeys(seen)),
    ]


def how(
    trials: int, seed: int, effective_trials: float | None, *, conditioned: bool, judgements: int | None = None
) -> str:
    """A sentence without its full stop: by how many worlds, and how many of them count where something was seen."""
    if not trials:
        return "Exact, without sampling"
    kept = f" (what is seen leaves the worth of {effective_trials:,.0f})" if conditioned and effective_trials else ""
    drawn = f" under {judgements:,} draws of the judgements" if judgements else ""
    return f"{trials:,} trials{drawn}{kept}, seed {seed}"
