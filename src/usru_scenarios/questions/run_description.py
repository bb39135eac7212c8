"""What every answer says of how it was found."""

from __future__ import annotations

import math
from collections.abc import Mapping

from usru_scenarios.model.outline import Outline
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.program import Floats
from usru_scenarios.results.common import Run
from usru_scenarios.version import __version__


def describe_run(
    outline: Outline,
    conditioned: Conditioned,
    *,
    seed: int,
    trials: int = 0,
    effective: float | None = None,
    judgements: int | None = None,
    weights: Mapping[str, Floats] | None = None,
) -> Run:
    """The run of a program under conditions.

    Args:
        outline: what the model calls its parts.
        conditioned: the program, and what is imposed and observed.
        seed: of the random streams.
        trials: how many were drawn; 0 where the answer is exact.
        effective: for how many unweighted trials they stand; None where the answer is exact.
        judgements: over how many draws of the uncertain judgements the answer is an average, 0 at their means; by
            default as many as the program has values for.
        weights: by driver, shape (steps,); by default the program's own.
    """
    weights = conditioned.base.weights if weights is None else weights
    judgements = conditioned.program.draws if judgements is None else judgements
    do, given = conditioned.texts
    return Run(
        trials=trials,
        seed=seed,
        method="sample" if trials else "exact",
        steps=list(conditioned.base.grid.labels),
        profile=outline.profile,
        weights={name: _mean_over_steps(weights[name]) for name in outline.drivers},
        do=do,
        given=given,
        effective_trials=effective,
        usru_version=__version__,
        judgements=judgements,
        judgements_at_means=outline.count_at_means(judgements),
        evidence=outline.evidence,
    )


def _mean_over_steps(values: Floats) -> float:
    """The mean over the steps; of what is the same at all of them that itself, without the rounding of a sum."""
    first = float(values[0])
    return first if bool((values == first).all()) else math.fsum(values.tolist()) / len(values)
