"""What would have to be true: how the drivers' states go together with a scenario at the same step, by method (56)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from usru_scenarios.estimation.estimates import Estimate, ratio, widen_for_unseen
from usru_scenarios.estimation.jackknife import jackknife
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.judgements import JudgementEntry, dotted_path
from usru_scenarios.model.schema import Categorical, Model
from usru_scenarios.model.values import Judgement
from usru_scenarios.names import OUTCOME, KeyPath
from usru_scenarios.program.program import Floats
from usru_scenarios.questions.discretization import Discretization
from usru_scenarios.questions.simulate.error_floors import UnseenTrialBounds
from usru_scenarios.questions.simulate.question import clip_probability
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


def list_state_evidence(
    model: Model,
    readings: Sequence[Discretization],
    sums: EvidenceSums,
    members: Sequence[str],
    judged: Mapping[KeyPath, JudgementEntry],
) -> list[StateEvidence]:
    """Every state of every driver that occurs, the most telling first."""
    states = []
    for reading, counts in zip(readings, sums.counts, strict=True):
        if reading.node == OUTCOME:
            continue
        driver = model.drivers[reading.node]
        given, otherwise, lift = _estimate_states(reading, counts, sums)
        information = _state_information(counts.sum(axis=0), sums)
        for code, state in enumerate(reading.states):
            if not counts[:, 0, code].any():
                continue
            title = driver.states[state].title if isinstance(driver, Categorical) else None
            rows = sorted(driver.impacts, key=float) if reading.is_numeric else [state]
            evidence = StateEvidence(
                driver=reading.node,
                title=driver.title or reading.node,
                state=state,
                state_title=title or state,
                given=clip_probability(given.value[code]),
                otherwise=None if sums.is_certain else clip_probability(otherwise.value[code]),
                ratio=finite_or_none(lift.value[code]),
                information=float(information[code]),
                standard_errors=StateEvidenceErrors(
                    given=float(given.error[code]),
                    otherwise=None if sums.is_certain else float(otherwise.error[code]),
                    ratio=finite_or_none(lift.error[code]),
                ),
                points=list(_cited_points(("drivers", reading.node, "impacts"), rows, members, judged)),
            )
            states.append(evidence)
    return sorted(states, key=lambda state: -state.information)


def _estimate_states(
    reading: Discretization, counts: Floats, sums: EvidenceSums
) -> tuple[Estimate, Estimate, Estimate]:
    """P(state | true), P(state | not true) and the first by the second, each of shape (states,)."""
    given, otherwise = ratio(counts[:, 1], sums.true), ratio(counts[:, 0] - counts[:, 1], sums.false)
    estimates = given, otherwise, _estimate_lift(counts, sums)
    if sums.unseen is None:
        return estimates
    given, otherwise, lift = map(
        widen_for_unseen, estimates, _estimates_with_unseen(reading, counts, sums, sums.unseen)
    )
    return given, otherwise, lift


def _estimates_with_unseen(
    reading: Discretization, counts: Floats, sums: EvidenceSums, unseen: UnseenTrialBounds
) -> tuple[Floats, Floats, Floats]:
    """The same with trials added that are in the state, or in another one, and in which it hardly or mostly comes true.

    Each of shape (4, states); not a number where no trial can be so.
    """
    possible = reading.possible(unseen.support, unseen.step)
    can_be = np.stack([possible, possible.sum() - possible > 0])
    is_inside, chance = (part.reshape(-1, 1) for part in np.broadcast_arrays([[1.0], [0.0]], [unseen.chance]))
    unseen_weight = np.where(np.repeat(can_be, 2, axis=0), unseen.weight, np.nan)
    where_true = counts[:, 1].sum(axis=0) + unseen_weight * is_inside * chance
    overall = counts[:, 0].sum(axis=0) + unseen_weight * is_inside
    true, false = sums.true.sum() + unseen_weight * chance, sums.false.sum() + unseen_weight * (1.0 - chance)
    with np.errstate(divide="ignore", invalid="ignore"):
        given, otherwise = where_true / true, np.maximum(overall - where_true, 0.0) / false
        return given, otherwise, given / otherwise


def _estimate_lift(counts: Floats, sums: EvidenceSums) -> Estimate:
    """P(state | true) / P(state | not true), with the error of method (24), each of shape (states,)."""
    if sums.is_certain:
        nothing = np.full(counts.shape[2], np.nan)
        return Estimate(nothing, nothing)

    def lift(with_true: Floats, without: Floats, true: Floats, false: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            quotient: Floats = (with_true / true[:, None]) / (np.maximum(without, 0.0) / false[:, None])
        return quotient

    return jackknife(lift, counts[:, 1], counts[:, 0] - counts[:, 1], sums.true, sums.false)


def _state_information(counts: Floats, sums: EvidenceSums) -> Floats:
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


def _cited_points(
    path: KeyPath, rows: Sequence[str], members: Sequence[str], judged: Mapping[KeyPath, JudgementEntry]
) -> Iterator[CitedPoints]:
    """What a driver gives to the scenario in a state; of a number, what its knots give."""
    for row in rows:
        for member in members:
            entry = judged.get((*path, row, member))
            if entry is not None and isinstance(entry.judgement, Judgement) and entry.judgement.mean:
                entry_path = dotted_path(entry.path)
                yield CitedPoints(entry_path, entry.judgement.mean, list(entry.sources), entry.is_inferred)


def list_number_evidence(model: Model, sums: EvidenceSums) -> Iterator[NumberEvidence]:
    """The shift of each numeric driver's mean."""
    for name, totals in sums.totals.items():
        given, otherwise, shift = _estimate_means(name, totals, sums)
        known = not sums.is_certain
        yield NumberEvidence(
            driver=name,
            title=model.drivers[name].title or name,
            given=float(given.value),
            otherwise=float(otherwise.value) if known else None,
            shift=float(shift.value) if known else None,
            standard_errors=NumberShiftErrors(
                given=float(given.error),
                otherwise=float(otherwise.error) if known else None,
                shift=finite_or_none(shift.error) if known else None,
            ),
        )


def _estimate_means(name: str, totals: Floats, sums: EvidenceSums) -> tuple[Estimate, Estimate, Estimate]:
    """The mean where it comes true, where it does not, and the difference of the two, each of shape ()."""
    given, otherwise = ratio(totals[:, 1], sums.true), ratio(totals[:, 0] - totals[:, 1], sums.false)
    estimates = given, otherwise, _estimate_shift(totals, sums)
    if sums.unseen is None:
        return estimates
    values, chance = sums.unseen.support.ranges[name][sums.unseen.step][:, None], np.array([sums.unseen.chance])
    unseen_weight, (overall, where_true) = sums.unseen.weight, totals.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        true = (where_true + unseen_weight * values * chance) / (sums.true.sum() + unseen_weight * chance)
        false = (overall - where_true + unseen_weight * values * (1.0 - chance)) / (
            sums.false.sum() + unseen_weight * (1.0 - chance)
        )
    changed = (part.reshape(-1) for part in (true, false, true - false))
    given, otherwise, shift = map(widen_for_unseen, estimates, changed)
    return given, otherwise, shift


def _estimate_shift(totals: Floats, sums: EvidenceSums) -> Estimate:
    """The difference of the two means, with the jackknife's standard error over batches."""

    def shift(totals: Floats, true: Floats, false: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(totals[..., 1] / true - (totals[..., 0] - totals[..., 1]) / false)

    return jackknife(shift, totals, sums.true, sums.false)


def finite_or_none(value: float | Floats) -> float | None:
    """A number as JSON may hold it."""
    return float(value) if math.isfinite(value) else None
