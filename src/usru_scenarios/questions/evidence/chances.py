"""How likely several events are given what has been seen, and how likely that was: in the same trials, or exactly.

With a forecast read from the present step on, where evidence says which that is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from usru_scenarios.estimation.estimates import rule_of_three_bound, sum_halves, with_control_variates
from usru_scenarios.estimation.jackknife import jackknife_error
from usru_scenarios.exact import inference as exact
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import TooFewTrials
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.events import All, Formula, InStates, Timed
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.questions.impossible import DrawnSums, is_impossible, unmet_evidence_error, zero_probability_error
from usru_scenarios.questions.probability import is_faster_exactly
from usru_scenarios.questions.simulate.order import enforce_order_ahead
from usru_scenarios.results.simulate import Ahead, AheadErrors, Simulation
from usru_scenarios.sampler.blocks import MapBlocks, Plan
from usru_scenarios.sampler.likelihood_weighting import CERTAIN, CaseSums, sample
from usru_scenarios.settings import RunSettings
from usru_scenarios.work import listener_of


@dataclass(frozen=True)
class Chances:
    """Sums that give the probabilities of events given what was seen.

    Attributes:
        joint: shape (batches, events), sums of the weight of trials with the event and what was seen; where it is
            exact, their probabilities, a batch for each draw of the judgements, or one.
        given: shape (batches,), the same with what was seen.
        trials: how many were drawn; 0 where it is exact.
        effective_trials: for how many unweighted ones they stand; None where it is exact.
        total: what `given` sums up to where nothing was seen.
    """

    joint: Floats
    given: Floats
    trials: int
    effective_trials: float | None
    total: float

    @property
    def values(self) -> Floats:
        """The probability of each event given what was seen, shape (events,)."""
        return np.asarray(np.clip(self.joint.sum(axis=0) / self.given.sum(), 0.0, 1.0))

    @property
    def errors(self) -> Floats:
        """Their standard errors, shape (events,): method (24)."""
        without_each = self.joint / self.given[:, None]
        if len(self.joint) > 1:
            given_rest = (self.given.sum() - self.given)[:, None]
            all_batches = np.broadcast_to(self.values, self.joint.shape)
            sums = self.joint.sum(axis=0) - self.joint
            without_each = np.divide(sums, given_rest, out=all_batches.copy(), where=given_rest > 0.0)
        return np.array([jackknife_error(column) for column in without_each.T])

    @property
    def log_probability(self) -> float:
        """The natural logarithm of the probability of what was seen, of virtual evidence that of being reported."""
        return math.log(float(self.given.sum()) / self.total)

    def log_probability_after(self, before: Chances) -> tuple[float, float]:
        """The logarithm of the probability of what was seen, given what was seen before, and its standard error."""
        log_ratio = self.log_probability - before.log_probability
        if len(self.given) == len(before.given):
            return log_ratio, jackknife_error(self._logs_without_each - before._logs_without_each)
        return log_ratio, math.hypot(
            jackknife_error(self._logs_without_each), jackknife_error(before._logs_without_each)
        )

    @property
    def _logs_without_each(self) -> Floats:
        """The logarithm of the probability of what was seen, without each batch, shape (batches,)."""
        if len(self.given) == 1:
            return np.asarray(np.log(self.given / self.total))
        given_rest = (self.given.sum() - self.given) * len(self.given) / (len(self.given) - 1)
        return np.asarray(np.log(np.where(given_rest > 0.0, given_rest, self.given.sum()) / self.total))


def estimate_chances(
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
    formulas = [event if given is None else All((event, given)) for event in events]
    formulas += [] if given is None else [given]
    method = settings.method
    if method == "exact" or (method == "auto" and is_faster_exactly(program, formulas)):
        by_draw = exact.probabilities_by_draw(program, formulas, progress=listener_of(map_blocks)).T
        joint, given_sums = by_draw[:, : len(events)], np.ones(len(by_draw)) if given is None else by_draw[:, -1]
        if not given_sums.any():
            raise zero_probability_error(program, conditioned.evidence)
        return Chances(*_with_control_variates(joint, given_sums, program), 0, None, float(len(by_draw)))

    def run(trials: int) -> DrawnSums[CaseSums]:
        plan = Plan.of(trials, settings.seed, settings.judgements)
        sums = sample(program, [(event, given or CERTAIN) for event in events], plan, map_blocks)
        return DrawnSums(plan, sums, float(sums.effective_trials[0]))

    _, drawn_sums, enough = settings.limits.sample(
        run, settings.trials, lambda: is_impossible(program, conditioned.evidence)
    )
    plan, sums = drawn_sums.plan, drawn_sums.sums
    if not drawn_sums.effective_trials:
        raise unmet_evidence_error(program, conditioned.evidence, plan)
    joint, given_sums = sums.joint, sums.given[:, 0]
    if plan.judgements:
        joint, given_sums = _with_control_variates(sum_halves(joint), sum_halves(given_sums), program)
    result = Chances(joint, given_sums, plan.trials, drawn_sums.effective_trials, float(plan.trials))
    if not enough:
        last = conditioned.evidence[-1][0]
        raise TooFewTrials(drawn_sums.effective_trials, float(result.values[0]), float(result.errors[0]), last)
    return result


def _with_control_variates(joint: Floats, given_sums: Floats, program: Program) -> tuple[Floats, Floats]:
    """Sums over draws, corrected by the controls of the draws as those of a forecast are; as they are of no draws.

    So what is found here is a mean over the draws by the same shares as there, and keeps the order to it that
    probabilities have: what is told of some steps is never more likely than what is told of all.
    """
    if not program.draws:
        return joint, given_sums
    return with_control_variates(joint, program.controls), with_control_variates(given_sums, program.controls)


def with_ahead(
    result: Simulation, conditioned: Conditioned, now: int, settings: RunSettings, map_blocks: MapBlocks = map
) -> Simulation:
    """A forecast with what it says from a step on: whether scenarios hold from then on takes the same trials once more.

    Raises:
        ImpossibleEvidence, TooFewTrials, TooLarge, NotExact: as for the forecast.
    """
    program, rows = conditioned.program, {**result.scenarios, **result.groups}
    members = {**program.groups, **{name: (program.outcome.states.index(name),) for name in result.scenarios}}
    ahead = range(now, program.steps)
    events = [Timed("ever", ahead, InStates(OUTCOME, frozenset(members[name]))) for name in rows]
    settings = replace(settings, method=result.run.method, trials=result.run.trials or settings.trials)
    chances = estimate_chances(conditioned, events, settings, map_blocks)
    values, errors = chances.values, chances.errors
    if chances.effective_trials is not None:
        unseen_bound = float(rule_of_three_bound(chances.effective_trials))
        errors = np.maximum(errors, unseen_bound * np.maximum(values, 1.0 - values))
    parts = {}
    for (name, row), ever, error in zip(rows.items(), values.tolist(), errors.tolist(), strict=True):
        step_errors = row.standard_errors.by_step[now:]
        share = math.fsum(row.by_step[now:]) / len(ahead)
        share_error = math.fsum(step_errors) / len(ahead)
        part = Ahead(row.by_step[now], ever, share, AheadErrors(step_errors[0], error, share_error))
        parts[name] = enforce_order_ahead(part, row, now)
    return replace(result, ahead=parts)
