"""What did each item of an evidence file do to the forecast, how surprising was it, and who foresaw it best?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import Problem
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.events import InStates, Timed
from usru_scenarios.questions.evidence.chances import Chances, estimate_chances
from usru_scenarios.questions.run_description import describe_run
from usru_scenarios.results.common import Warned, to_warned
from usru_scenarios.results.evidence import EvidenceReport, Foresight, ItemEffect

if TYPE_CHECKING:
    from usru_scenarios.model.outline import Outline
    from usru_scenarios.program.program import Floats, Program
    from usru_scenarios.questions.evidence.items import Evidence, LearnedItem
    from usru_scenarios.sampler.blocks import MapBlocks
    from usru_scenarios.settings import RunSettings

ODD_SHARE = 0.01
"""An item that is less likely than this share of what it is at best, given those before, is warned of."""

AS_IT_IS = "as it is"
"""What the file is called beside its profiles."""

EVIDENCE_TRIALS = 16_384


def evidence_report(
    outline: Outline,
    conditioned: Conditioned,
    evidence: Evidence,
    settings: RunSettings,
    *,
    profiles: Mapping[str, Callable[[], Conditioned]],
    weights: Mapping[str, Floats] | None = None,
    map_blocks: MapBlocks = map,
) -> EvidenceReport:
    """What each item did, and how well the file and its profiles foresaw all of them, on the same random numbers.

    The conditions have an observation for each item, in the order in which they were learned; `profiles` gives the same
    under each profile that is compared. `weights` are reported alone, by driver, shape (steps,); by default the
    program's own.

    Raises:
        ImpossibleEvidence: an item can't happen, given those before.
        TooFewTrials: too few trials agree with what was seen up to an item.
    """

    def chances_after(count: int, given: Conditioned = conditioned) -> Chances:
        """The chances of the scenarios at the end after so many items."""
        observed, states = replace(given, observations=given.observations[:count]), given.program.outcome.states
        end = range(given.program.steps - 1, given.program.steps)
        events = [Timed("at", end, InStates(OUTCOME, frozenset([state]))) for state in range(len(states))]
        return estimate_chances(observed, events, settings, map_blocks)

    before = chances_after(0)
    steps = [before]
    items: dict[str, ItemEffect] = {}
    warnings = list(map(to_warned, (*outline.warnings, *evidence.warnings)))
    for number, item in enumerate(evidence.items, 1):
        steps.append(chances_after(number))
        log, error = steps[-1].log_probability_after(steps[-2])
        forecasts = (_by_scenario(outline, conditioned.program, step) for step in steps[-2:])
        effect = _item_effect(item, (log, error), *forecasts)
        items[item.name] = replace(effect, effective_trials=steps[-1].effective_trials)
        if math.exp(log) < ODD_SHARE * item.best_likelihood:
            warnings.append(_odd_item_warning(item.name, math.exp(log)))
    last = steps[-1]
    score, error = last.log_probability_after(before)
    scores = {AS_IT_IS: (score, error)}
    for name, conditioned_under in profiles.items():
        given = conditioned_under()
        after = chances_after(len(conditioned.observations), given)
        scores[name] = after.log_probability_after(chances_after(0, given))
    best = max(score for score, _ in scores.values())
    return EvidenceReport(
        model=outline.model,
        run=describe_run(
            outline,
            conditioned,
            seed=settings.seed,
            trials=last.trials,
            effective=last.effective_trials,
            weights=weights,
        ),
        scenarios=outline.scenarios,
        before=_by_scenario(outline, conditioned.program, before),
        items=items,
        passed_over=dict(evidence.passed_over),
        log_score=score,
        standard_error=error,
        foresight={name: Foresight(score, error, best - score) for name, (score, error) in scores.items()},
        warnings=warnings,
    )


def _by_scenario(outline: Outline, program: Program, chances: Chances) -> dict[str, float]:
    by_state = dict(zip(program.outcome.states, chances.values.tolist(), strict=True))
    return {name: by_state[name] for name in outline.scenarios}


def _item_effect(
    item: LearnedItem, log: tuple[float, float], before: dict[str, float], after: dict[str, float]
) -> ItemEffect:
    """What an item did, without how many trials are left.

    Args:
        item: the item.
        log: the logarithm of its probability given the items before, and the standard error.
        before: the probability of each scenario at the end without it.
        after: the same with it.
    """
    probability = min(math.exp(log[0]), 1.0)
    return ItemEffect(
        text=item.text,
        learned=item.learned,
        sources=list(item.sources),
        probability=probability,
        standard_error=probability * log[1],
        surprise=max(-log[0] / math.log(2.0), 0.0),
        forecast=after,
        moved={name: after[name] - before[name] for name in after},
    )


def _odd_item_warning(name: str, probability: float) -> Warned:
    message = (
        f"{name} is odd: the model gives it {100.0 * probability:.2g}% after what was learned before; mend the model,"
        " or doubt the report"
    )
    return to_warned(Problem("odd_evidence", message, severity="warning"))
