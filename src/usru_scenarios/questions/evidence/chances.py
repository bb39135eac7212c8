"""How likely several events are given what has been seen, and how likely that was: in the same trials, or exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from usru_scenarios.estimation.estimates import over_draws, with_control_variates
from usru_scenarios.estimation.jackknife import jackknife_error
from usru_scenarios.exact import inference as exact
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.problems import TooFewTrials
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.events import All, Formula
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.questions.impossible import DrawnSums, is_impossible, unmet_evidence_error, zero_probability_error
from usru_scenarios.questions.probability import is_faster_exactly
from usru_scenarios.sampler.blocks import MapBlocks, Plan
from usru_scenarios.sampler.likelihood_weighting import CERTAIN, CaseSums, sample
from usru_scenarios.settings import RunSettings
from usru_scenarios.work import listener


@dataclass(frozen=True)
class Chances:
    """What was found.

    Attributes:
        both: shape (batches, events), sums of the weight of trials with the event and what was seen; where it is exact,
            their probabilities, a batch for each draw of the judgements, or one.
        given: shape (batches,), the same with what was seen.
        trials: how many were drawn; 0 where it is exact.
        effective_trials: for how many unweighted ones they stand; None where it is exact.
        whole: what `given` sums up to where nothing was seen.
    """

    both: Floats
    given: Floats
    trials: int
    effective_trials: float | None
    whole: float

    @property
    def values(self) -> Floats:
        """The probability of each event given what was seen, shape (events,)."""
        return np.asarray(np.clip(self.both.sum(axis=0) / self.given.sum(), 0.0, 1.0))

    @property
    def errors(self) -> Floats:
        """Their standard errors, shape (events,): method (24)."""
        return np.array([jackknife_error(one) for one in self._without_each(self.both).T])

    @property
    def log(self) -> float:
        """The natural logarithm of the probability of what was seen, of virtual evidence that of being reported."""
        return math.log(float(self.given.sum()) / self.whole)

    def log_after(self, before: Chances) -> tuple[float, float]:
        """The logarithm of the probability of what was seen, given what was seen before, and its standard error."""
        own, earlier = (math.log(one.given.sum() / one.whole) for one in (self, before))
        if len(self.given) == len(before.given):
            return own - earlier, jackknife_error(self._logs - before._logs)
        return own - earlier, math.hypot(jackknife_error(self._logs), jackknife_error(before._logs))

    @property
    def _logs(self) -> Floats:
        """The logarithm of the probability of what was seen, without each batch, shape (batches,)."""
        if len(self.given) == 1:
            return np.asarray(np.log(self.given / self.whole))
        rest = (self.given.sum() - self.given) * len(self.given) / (len(self.given) - 1)
        return np.asarray(np.log(np.where(rest > 0.0, rest, self.given.sum()) / self.whole))

    def _without_each(self, both: Floats) -> Floats:
        """The probabilities without each batch, shape (batches, events)."""
        if len(both) == 1:
            return np.asarray(both / self.given[:, None])
        rest = (self.given.sum() - self.given)[:, None]
        whole = np.broadcast_to(self.values, self.both.shape)
        return np.asarray(np.divide(both.sum(axis=0) - both, rest, out=whole.copy(), where=rest > 0.0))


def chances(
    conditioned: Conditioned, events: Sequence[Formula], settings: RunSettings, map_blocks: MapBlocks = map
) -> Chances:
    """How likely one or more events are given what is observed, and how likely that is.

    The program has draws of the judgements where the settings ask for them.

    Raises:
        ImpossibleEvidence: what is observed can't happen.
        TooFewTrials: too few trials agree with it.
        TooLarge, NotExact: an exact answer was asked for that can't be had.
    """
    program, given = conditioned.program, conditioned.given
    asked = [event if given is None else All((event, given)) for event in events]
    asked += [] if given is None else [given]
    method = settings.method
    if method == "exact" or (method == "auto" and is_faster_exactly(program, asked)):
        found = exact.by_draw(program, asked, progress=listener(map_blocks)).T
        both, seen = found[:, : len(events)], np.ones(len(found)) if given is None else found[:, -1]
        if not seen.any():
            raise zero_probability_error(program, conditioned.evidence)
        return Chances(*_freed(both, seen, program), 0, None, float(len(found)))

    def run(trials: int) -> DrawnSums[CaseSums]:
        plan = Plan.of(trials, settings.seed, settings.judgements)
        sums = sample(program, [(event, given or CERTAIN) for event in events], plan, map_blocks)
        return DrawnSums(plan, sums, float(sums.effective_trials[0]))

    _, drawn, enough = settings.limits.sample(
        run, settings.trials, lambda: is_impossible(program, conditioned.evidence)
    )
    plan, sums = drawn.plan, drawn.sums
    if not drawn.effective_trials:
        raise unmet_evidence_error(program, conditioned.evidence, plan)
    both, seen = sums.both, sums.given[:, 0]
    if plan.judgements:
        both, seen = _freed(over_draws(both), over_draws(seen), program)
    result = Chances(both, seen, plan.trials, drawn.effective_trials, float(plan.trials))
    if not enough:
        last = conditioned.evidence[-1][0]
        raise TooFewTrials(drawn.effective_trials, float(result.values[0]), float(result.errors[0]), last)
    return result


def _freed(both: Floats, seen: Floats, program: Program) -> tuple[Floats, Floats]:
    """Sums over draws, freed of what is due to these being drawn, as those of a forecast are; as they are of no draws.

    So what is found here is a mean over the draws by the same shares as there, and keeps the order to it that
    probabilities have: what is told of some steps is never more likely than what is told of all.
    """
    if not program.draws:
        return both, seen
    return with_control_variates(both, program.controls), with_control_variates(seen, program.controls)
