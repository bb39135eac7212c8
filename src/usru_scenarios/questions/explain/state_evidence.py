"""What would have to be true: how the drivers' states go together with a scenario at the same step, by method (56)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from usru_scenarios.estimation.estimates import Estimate, covering_unseen, ratio
from usru_scenarios.estimation.jackknife import jackknife
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.judgements import JudgementEntry, dotted_path
from usru_scenarios.model.schema import Categorical, Model
from usru_scenarios.model.values import Judgement
from usru_scenarios.names import OUTCOME, KeyPath
from usru_scenarios.program.program import Floats
from usru_scenarios.questions.discretization import Discretization
from usru_scenarios.questions.simulate.question import clip_probability
from usru_scenarios.questions.unseen import UnseenTrialBounds
from usru_scenarios.results.explain import (
    CitedPoints,
    NumberEvidence,
    NumberShiftErrors,
    StateEvidence,
    StateEvidenceErrors,
)


@dataclass(frozen=True)
class EvidenceSums:
    """Sums at the step that is explained, over batches of trials.

    Attributes:
        trials: shape (batches,), how many.
        true: shape (batches,), the probability in them that the scenario comes true.
        counts: for each reading, shape (batches, 2, states): trials in a state, and where the scenario comes true.
        totals: for each numeric reading by its node, shape (batches, 2): the same for the value.
        unseen: trials that were never drawn; None where nothing was drawn, but found exactly.
    """

    trials: Floats
    true: Floats
    counts: Sequence[Floats]
    totals: Mapping[str, Floats]
    unseen: UnseenTrialBounds | None = None

    @property
    def false(self) -> Floats:
        """Shape (batches,), the probability that it does not come true."""
        return self.trials - self.true

    @property
    def is_certain(self) -> bool:
        """Whether it comes true in all trials but for the rounding of sums."""
        return float(self.false.sum()) <= 1e-9 * float(self.trials.sum())


def state_evidence(
    model: Model,
    found: Sequence[Discretization],
    sums: EvidenceSums,
    members: Sequence[str],
    judged: Mapping[KeyPath, JudgementEntry],
) -> list[StateEvidence]:
    """Every state of every driver that occurs, the most telling first."""
    states = [
        state
        for reading, counts in zip(found, sums.counts, strict=True)
        if reading.node != OUTCOME
        for state in _states(model, reading, counts, sums, members=members, judged=judged)
    ]
    return sorted(states, key=lambda state: -state.information)


def _states(
    model: Model,
    reading: Discretization,
    counts: Floats,
    sums: EvidenceSums,
    *,
    members: Sequence[str],
    judged: Mapping[KeyPath, JudgementEntry],
) -> Iterator[StateEvidence]:
    """The states of one driver."""
    driver = model.drivers[reading.node]
    given, otherwise, lift = _told(reading, counts, sums)
    information = _information(counts.sum(axis=0), sums)
    for code, state in enumerate(reading.states):
        if not counts[:, 0, code].any():
            continue
        part = driver.states[state] if isinstance(driver, Categorical) else None
        yield StateEvidence(
            driver=reading.node,
            title=driver.title or reading.node,
            state=state,
            state_title=(part.title if part is not None else None) or state,
            given=clip_probability(given.value[code]),
            otherwise=None if sums.is_certain else clip_probability(otherwise.value[code]),
            ratio=finite(lift.value[code]),
            information=float(information[code]),
            standard_errors=StateEvidenceErrors(
                given=float(given.error[code]),
                otherwise=None if sums.is_certain else float(otherwise.error[code]),
                ratio=finite(lift.error[code]),
            ),
            points=list(_points(driver.impacts, reading, state, members, judged)),
        )


def _told(reading: Discretization, counts: Floats, sums: EvidenceSums) -> tuple[Estimate, Estimate, Estimate]:
    """P(state | true), P(state | not true) and the first by the second, each of shape (states,)."""
    found = ratio(counts[:, 1], sums.true), ratio(counts[:, 0] - counts[:, 1], sums.false), _lift(counts, sums)
    if sums.unseen is None:
        return found
    given, otherwise, lift = map(covering_unseen, found, _with_unseen(reading, counts, sums, sums.unseen))
    return given, otherwise, lift


def _with_unseen(
    reading: Discretization, counts: Floats, sums: EvidenceSums, unseen: UnseenTrialBounds
) -> tuple[Floats, Floats, Floats]:
    """The same with trials added that are in the state, or in another one, and in which it hardly or mostly comes true.

    Each of shape (4, states); not a number where no trial can be so.
    """
    possible = reading.possible(unseen.support, unseen.step)
    can_be = np.stack([possible, possible.sum() - possible > 0])
    inside, chance = (part.reshape(-1, 1) for part in np.broadcast_arrays([[1.0], [0.0]], [unseen.chance]))
    more = np.where(np.repeat(can_be, 2, axis=0), unseen.weight, np.nan)
    here, anyhow = counts[:, 1].sum(axis=0) + more * inside * chance, counts[:, 0].sum(axis=0) + more * inside
    true, false = sums.true.sum() + more * chance, sums.false.sum() + more * (1.0 - chance)
    with np.errstate(divide="ignore", invalid="ignore"):
        given, otherwise = here / true, np.maximum(anyhow - here, 0.0) / false
        return given, otherwise, given / otherwise


def _lift(counts: Floats, sums: EvidenceSums) -> Estimate:
    """P(state | true) / P(state | not true), with the error of method (24), each of shape (states,)."""
    if sums.is_certain:
        nothing = np.full(counts.shape[2], np.nan)
        return Estimate(nothing, nothing)

    def lift(with_true: Floats, without: Floats, true: Floats, false: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            quotient: Floats = (with_true / true[:, None]) / (np.maximum(without, 0.0) / false[:, None])
        return quotient

    return jackknife(lift, counts[:, 1], counts[:, 0] - counts[:, 1], sums.true, sums.false)


def _information(counts: Floats, sums: EvidenceSums) -> Floats:
    """The mutual information of each state and the scenario, in bits, shape (states,): method (56)."""
    trials, true = float(sums.trials.sum()), float(sums.true.sum())
    rest = trials - true
    inside = np.maximum(np.stack([counts[1], counts[0] - counts[1]]), 0.0)
    outside = np.maximum(np.array([[true], [rest]]) - inside, 0.0)
    bits = np.zeros(counts.shape[1])
    for joint, share in ((inside, counts[0]), (outside, trials - counts[0])):
        independent = np.outer([true, rest], share) / trials
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = joint / trials * np.log2(joint / independent)
        bits += np.where((joint > 0) & (independent > 0), terms, 0.0).sum(axis=0)  # where one is 0, both are
    return np.maximum(bits, 0.0)


def _points(
    impacts: Mapping[str, object],
    reading: Discretization,
    state: str,
    members: Sequence[str],
    judged: Mapping[KeyPath, JudgementEntry],
) -> Iterator[CitedPoints]:
    """What a state gives to the scenario; of a number, what its knots give."""
    for row in sorted(impacts, key=float) if reading.is_numeric else [state]:
        for member in members:
            found = judged.get(("drivers", reading.node, "impacts", row, member))
            if found is not None and isinstance(found.judgement, Judgement) and found.judgement.mean:
                path = dotted_path(found.path)
                yield CitedPoints(path, found.judgement.mean, list(found.sources), found.is_inferred)


def number_evidence(model: Model, sums: EvidenceSums) -> Iterator[NumberEvidence]:
    """The shift of each numeric driver's mean."""
    for name, totals in sums.totals.items():
        given, otherwise, shift = _means(name, totals, sums)
        known = not sums.is_certain
        yield NumberEvidence(
            driver=name,
            title=model.drivers[name].title or name,
            given=float(given.value),
            otherwise=float(otherwise.value) if known else None,
            shift=float(shift.value) if known else None,
            standard_errors=NumberShiftErrors(
                float(given.error), float(otherwise.error) if known else None, finite(shift.error) if known else None
            ),
        )


def _means(name: str, totals: Floats, sums: EvidenceSums) -> tuple[Estimate, Estimate, Estimate]:
    """The mean where it comes true, where it does not, and the difference of the two, each of shape ()."""
    found = ratio(totals[:, 1], sums.true), ratio(totals[:, 0] - totals[:, 1], sums.false), _shift(totals, sums)
    if sums.unseen is None:
        return found
    values, chance = sums.unseen.support.ranges[name][sums.unseen.step][:, None], np.array([sums.unseen.chance])
    more, (anyhow, here) = sums.unseen.weight, totals.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        true = (here + more * values * chance) / (sums.true.sum() + more * chance)
        false = (anyhow - here + more * values * (1.0 - chance)) / (sums.false.sum() + more * (1.0 - chance))
    changed = (part.reshape(-1) for part in (true, false, true - false))
    given, otherwise, shift = map(covering_unseen, found, changed)
    return given, otherwise, shift


def _shift(totals: Floats, sums: EvidenceSums) -> Estimate:
    """The difference of the two means, with the jackknife's standard error over batches."""

    def shift(both: Floats, true: Floats, false: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(both[..., 1] / true - (both[..., 0] - both[..., 1]) / false)

    return jackknife(shift, totals, sums.true, sums.false)


def finite(value: float | Floats) -> float | None:
    """A number as JSON may hold it."""
    return float(value) if math.isfinite(value) else None
