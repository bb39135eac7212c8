"""How an answer was found and under which conditions, in the same words everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from usru_scenarios.results.common import Run


class ShownCondition(NamedTuple):
    """A condition of an answer: of which kind, as written, and what the kind means."""

    kind: str
    text: str
    meaning: str


def conditions(imposed: Iterable[str], seen: Iterable[str]) -> list[ShownCondition]:
    """What was imposed and what was seen, each once."""
    return [
        *(ShownCondition("intervention", text, "cut off from its causes") for text in dict.fromkeys(imposed)),
        *(ShownCondition("observation", text, "evidence about its causes too") for text in dict.fromkeys(seen)),
    ]


def at_means(judgements: int, lead: str = ", ") -> str:
    """That so many uncertain judgements stand at their means, as a part of a sentence; nothing where none does."""
    if judgements <= 1:
        return f"{lead}the uncertain judgement at its mean" if judgements else ""
    return f"{lead}{judgements:,} uncertain judgements at their means"


def exactly(judgements: int | None, seed: int) -> str:
    """That nothing was sampled, and in how many draws of the judgements it was found; the beginning of a sentence."""
    if not judgements:
        return "Exact, without sampling"
    return f"Exact in each of {judgements:,} draws of the judgements, seed {seed}"


def how(
    trials: int,
    seed: int,
    effective_trials: float | None,
    *,
    conditioned: bool,
    judgements: int | None = None,
    judgements_at_means: int = 0,
) -> str:
    """A sentence without its full stop: by how many trials, and how many of them count where something was seen."""
    if not trials:
        return f"{exactly(judgements, seed)}{at_means(judgements_at_means)}"
    kept = f" (effective sample size {effective_trials:,.0f})" if conditioned and effective_trials else ""
    drawn = f" under {judgements:,} draws of the judgements" if judgements else ""
    return f"{trials:,} trials{drawn}{kept}, seed {seed}{at_means(judgements_at_means)}"


def how_run(run: Run) -> str:
    """The same of a run."""
    return how(
        run.trials,
        run.seed,
        run.effective_trials,
        conditioned=bool(run.given),
        judgements=run.judgements,
        judgements_at_means=run.judgements_at_means,
    )
