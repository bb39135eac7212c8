"""What each part of a model gives directly to a scenario: the parts of the log-odds of a redraw, by method (55).

The baseline's part is "unexplained": what the cited drivers leave over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation.estimates import ratio, widen_for_unseen
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.judgements import JudgementEntry, dotted_path
from usru_scenarios.model.schema import Model
from usru_scenarios.model.values import Judgement
from usru_scenarios.names import OUTCOME, KeyPath
from usru_scenarios.program.laws import PiecewiseCurve, StepLaw, Term
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.program.support import Support
from usru_scenarios.questions.simulate.error_floors import UnseenTrialBounds
from usru_scenarios.results.explain import CarriedCell, ContributionErrors, DirectPart, DirectShares
from usru_scenarios.sampler.tables import BlockStates, RowIndex
from usru_scenarios.timeline import Grid

RowIndices = npt.NDArray[np.intp]
PartKind = Literal["driver", "rule", "lagged", "events", "unexplained"]

HOLDS_ROW = "holds"
"""The row of a rule in which it holds."""


@dataclass(frozen=True)
class OnlyRow:
    """The only row acts in every trial.

    As the others that pick rows, it gives those that act in the trials of a block, shape (trials,), each time with the
    shares with which they do, which sum to 1; and those that can act in any trial.
    """

    def __call__(self, block_states: BlockStates) -> Iterator[tuple[RowIndices, Floats | float]]:
        """Row 0 with a share of 1, shape (trials,)."""
        yield np.zeros(block_states.trials, dtype=np.intp), 1.0

    def possible_rows(self, support: Support, step: int) -> RowIndices:  # noqa: ARG002
        """Row 0, shape (1,)."""
        return np.zeros(1, dtype=np.intp)


@dataclass(frozen=True)
class JointRows:
    """The joint state of some parents picks a row; combinations that give the same points share one.

    Attributes:
        row_of: shape (combinations,), of the table's rows.
    """

    reader: RowIndex
    row_of: RowIndices

    def __call__(self, block_states: BlockStates) -> Iterator[tuple[RowIndices, Floats | float]]:
        """The row of each trial's parents with a share of 1, shape (trials,)."""
        yield self.row_of[self.reader.rows(block_states)], 1.0

    def possible_rows(self, support: Support, step: int) -> RowIndices:
        """The rows that can act at a step in any trial, shape (rows,)."""
        parents = [parent for _, parent in self.reader.parents]
        rows = self.row_of.reshape([parent.size for parent in parents])
        for axis, parent in enumerate(parents):
            if step >= parent.lag:
                rows = rows.take(support.possible_indices(parent, step - parent.lag), axis=axis)
        return np.unique(rows)


@dataclass(frozen=True)
class KnotRows:
    """A value between two knots, shape (knots,), acts as both, each by how near it is."""

    node: str
    index: int
    lag: int
    knots: Floats

    def __call__(self, block_states: BlockStates) -> Iterator[tuple[RowIndices, Floats | float]]:
        """The rows of the knots on either side and their shares, shape (trials,) each."""
        values = (block_states.before if self.lag else block_states.now)[self.index]
        place = np.interp(values, self.knots, np.arange(len(self.knots)))
        below = np.minimum(place.astype(np.intp), max(len(self.knots) - 2, 0))
        yield below, 1.0 - (place - below)
        if len(self.knots) > 1:
            yield below + 1, place - below

    def possible_rows(self, support: Support, step: int) -> RowIndices:
        """The rows that can act at a step in any trial, shape (rows,)."""
        ends = np.interp(support.ranges[self.node][max(step - self.lag, 0)], self.knots, np.arange(len(self.knots)))
        return np.arange(int(np.floor(ends[0])), int(np.ceil(ends[1])) + 1)


@dataclass(frozen=True)
class CitedNumber:
    """A number of the file that acts in a row of a part: its own value, and the log-odds it gives to a scenario."""

    row: int
    label: str | None
    scenario: int
    judged: JudgementEntry
    value: float
    log_odds: float


@dataclass(frozen=True)
class Contribution:
    """One summand of the outcome's log-weights at a step.

    Attributes:
        log_odds: shape (rows, scenarios), the weight included; minus infinity for a scenario without a baseline.
        row_picker: which row acts.
        numbers: those of the file that it is made of.
    """

    name: str
    title: str
    kind: PartKind
    log_odds: Floats
    row_picker: OnlyRow | JointRows | KnotRows
    numbers: tuple[CitedNumber, ...]

    @property
    def finite(self) -> Floats:
        """The log-odds with 0 for minus infinity, which no trial ever counts: shape (rows, scenarios)."""
        return np.where(np.isfinite(self.log_odds), self.log_odds, 0.0)


class LogOddsDecomposition:
    """The parts of the outcome's redraw at the last step of a program, and the scenarios it is about."""

    def __init__(
        self, model: Model, program: Program, members: tuple[int, ...], judged: Mapping[KeyPath, JudgementEntry]
    ) -> None:
        outcome = program.outcome
        self.members = list(members)
        self.others = [state for state in range(len(outcome.states)) if state not in members]
        self.parts: list[Contribution] = []
        self.reason_missing = self._find_reason_missing(program.law(outcome, program.steps - 1))
        if not self.reason_missing:
            self.parts = list(_Decomposer(model, program, judged, program.steps - 1).contributions())

    def _find_reason_missing(self, law: StepLaw) -> str:
        """Why there is no contrast; empty where there is one."""
        if law.fixed is not None:
            return "At this step the scenario is set, by 'outcome.initial' or by an intervention; no driver has a say."
        if not law.prior[self.members].any():
            return "A redraw never lands here, since the baseline is 0; it is kept from the start or imposed."
        if not self.others or not law.prior[self.others].any():
            return "There is no alternative that a redraw could land in."
        return ""

    def signs(self, block_states: BlockStates) -> Floats:
        """What a log-weight counts for in the contrast: a(s), or -c(r), shape (scenarios, trials)."""
        logits = np.zeros((len(self.members) + len(self.others), block_states.trials))
        for part in self.parts:
            for rows, share in part.row_picker(block_states):
                logits += part.log_odds.T[:, rows] * share
        signs = np.empty_like(logits)
        signs[self.members] = _softmax(logits[self.members])
        signs[self.others] = -_softmax(logits[self.others])
        return signs


def _softmax(logits: Floats) -> Floats:
    weights: Floats = np.exp(logits - logits.max(axis=0))
    weights /= weights.sum(axis=0)
    return weights


@dataclass(frozen=True)
class _Decomposer:
    """Finds the parts of the redraw at the last step of a program, with the numbers of the file behind each."""

    model: Model
    program: Program
    judged: Mapping[KeyPath, JudgementEntry]
    step: int

    def contributions(self) -> Iterator[Contribution]:
        law = self.program.law(self.program.outcome, self.step)
        yield from map(self._from_term, law.terms)
        yield from map(self._from_curve, law.curves)
        windows = self._from_windows(law)
        if windows.numbers:
            yield windows
        yield self._from_baselines(law)

    def _from_term(self, term: Term) -> Contribution:
        scenarios = len(self.program.outcome.states)
        flat = term.points.reshape(-1, scenarios + 1)[:, :scenarios]
        index = {name: number for number, name in enumerate(self.program.nodes)}
        reader = RowIndex(tuple((index[parent.node], parent) for parent in term.parents))
        if term.weight in self.model.rules:
            holds: RowIndices = np.asarray(flat.any(axis=1), dtype=np.intp)
            table = np.stack([np.zeros(scenarios), flat[holds.argmax()] * bool(holds.any())])
            numbers = self._cited_numbers(("rules", term.weight, "then", OUTCOME), term.weight, 1, HOLDS_ROW)
            return self._contribution(term.weight, "rule", table, JointRows(reader, holds), numbers)
        (parent,) = term.parents  # as all influences and impacts have
        rows = getattr(self.program.nodes[parent.node], "states", ())
        return self._from_parent(term, parent.node, rows, flat, JointRows(reader, np.arange(len(flat))))

    def _from_curve(self, curve: PiecewiseCurve) -> Contribution:
        name, outcome = curve.node, self.model.outcome
        knots: Mapping[str, object] = (
            outcome.lagged_influences[name] if curve.weight is None else self.model.drivers[curve.weight].impacts
        )
        row_picker = KnotRows(name, list(self.program.nodes).index(name), curve.lag, curve.knots)
        log_odds = curve.points[:, : len(self.program.outcome.states)]
        return self._from_parent(curve, name, sorted(knots, key=float), log_odds, row_picker)

    def _from_parent(
        self,
        part: Term | PiecewiseCurve,
        parent: str,
        labels: Sequence[str],
        log_odds: Floats,
        row_picker: JointRows | KnotRows,
    ) -> Contribution:
        """What a node gives by rows: impacts, with the weight of their driver, or lagged influences, without."""
        path: KeyPath = ("drivers", parent, "impacts")
        if part.weight is None:
            path = ("outcome", "lagged_influences", parent)
        numbers = (
            number
            for row, label in enumerate(labels)
            for number in self._cited_numbers((*path, label), part.weight, row, label)
        )
        return self._contribution(parent, "driver" if part.weight else "lagged", log_odds, row_picker, numbers)

    def _contribution(
        self,
        name: str,
        kind: PartKind,
        log_odds: Floats,
        row_picker: JointRows | KnotRows,
        numbers: Iterable[CitedNumber],
    ) -> Contribution:
        parts = {**dict(self.model.nodes()), **self.model.rules}
        title = parts[name].title if name in parts else "The scenario itself" if name == OUTCOME else None
        return Contribution(name, title or name, kind, log_odds, row_picker, tuple(numbers))

    def _cited_numbers(self, path: KeyPath, weight: str | None, row: int, label: str | None) -> Iterator[CitedNumber]:
        """The points that stand directly below a path, by scenario."""
        factor = 1.0 if weight is None else float(self.program.weights[weight][self.step])
        log_odds_per_point = float(self.program.outcome.log_odds) * factor
        for scenario, state in enumerate(self.program.outcome.states):
            entry = self.judged.get((*path, state))
            if entry is not None and isinstance(entry.judgement, Judgement) and entry.judgement.mean:
                points = entry.judgement.mean
                yield CitedNumber(row, label, scenario, entry, points, points * log_odds_per_point)

    def _from_windows(self, law: StepLaw) -> Contribution:
        scenarios = len(self.program.outcome.states)
        numbers = [
            number
            for key, event in self.model.outcome.events.items()
            if self.step in window_steps(self.model.grid, event.at, event.until)
            for number in self._cited_numbers(("outcome", "events", key, "points"), None, 0, event.title)
        ]
        return Contribution("events", "The calendar", "events", law.offset[None, :scenarios], OnlyRow(), tuple(numbers))

    def _from_baselines(self, law: StepLaw) -> Contribution:
        with np.errstate(divide="ignore"):
            log_odds = np.log(law.prior)
        numbers = []
        for scenario, state in enumerate(self.program.outcome.states):
            entry = self._find_prior(state)
            if entry is not None and isinstance(entry.judgement, Judgement) and entry.judgement.mean > 0:
                mean = entry.judgement.mean
                numbers.append(CitedNumber(0, None, scenario, entry, mean, float(log_odds[scenario])))
        title = "What no driver explains"
        return Contribution("unexplained", title, "unexplained", log_odds[None], OnlyRow(), tuple(numbers))

    def _find_prior(self, scenario: str) -> JudgementEntry | None:
        """The baseline, or the share of an event that takes its place at this step."""
        if self.step not in self.program.outcome.forced:
            return self.judged.get(("scenarios", scenario, "baseline"))
        keys = [
            key
            for key, event in self.model.outcome.events.items()
            if event.prior is not None and window_steps(self.model.grid, event.at, None)[0] == self.step
        ]
        return self.judged.get(("outcome", "events", keys[0], "prior", scenario))


def window_steps(grid: Grid, at: str, until: str | None) -> range:
    """The steps that an event of the file covers."""
    first = grid.steps_of_moment(at)[0]
    return range(first, (first if until is None else grid.steps_of_moment(until)[-1]) + 1)


# Estimates -----------------------------------------------------------------------------------------------------------


def estimate_direct_shares(
    decomposition: LogOddsDecomposition,
    scenarios: Sequence[str],
    sums: Sequence[Floats],
    weights: tuple[Floats, Floats],
    unseen: UnseenTrialBounds,
) -> DirectShares:
    """The averages of each part and of the whole.

    Args:
        decomposition: the parts.
        scenarios: the names of the outcome's states.
        sums: for each part, shape (batches, 2, rows, scenarios): sums of what its log-weights count for, over all
            trials, and over those in which the scenario comes true.
        weights: shape (batches,) each: the trials, and the probability that it comes true in them.
        unseen: trials that were never drawn.
    """
    values, limits, parts = [], [], []
    for part, part_sums in zip(decomposition.parts, sums, strict=True):
        values.append((part.finite * part_sums).sum(axis=(2, 3)))
        limits.append(_contribution_limits(decomposition, part, unseen))
        averages = _average_contribution(values[-1], weights, limits[-1], unseen)
        cells = _carried_cells(part, scenarios, part_sums, weights)
        parts.append(DirectPart(part.name, part.title, part.kind, *averages, cells))
    parts.sort(key=lambda part: (part.kind == "unexplained", -max(abs(part.everywhere), abs(part.where_true))))
    return DirectShares(*_average_contribution(np.sum(values, axis=0), weights, np.sum(limits, axis=0), unseen), parts)


def _contribution_limits(decomposition: LogOddsDecomposition, part: Contribution, unseen: UnseenTrialBounds) -> Floats:
    """The least and the largest that a part can give in a single trial, shape (2,)."""
    rows = part.log_odds[part.row_picker.possible_rows(unseen.support, unseen.step)]
    has_baseline = np.isfinite(decomposition.parts[-1].log_odds[0])  # a redraw lands in no other scenario
    members, others = (
        rows[:, [scenario for scenario in side if has_baseline[scenario]]]
        for side in (decomposition.members, decomposition.others)
    )
    least, most = members.min(axis=1) - others.max(axis=1), members.max(axis=1) - others.min(axis=1)
    return np.array([least.min(), most.max()])


def _average_contribution(
    values: Floats, weights: tuple[Floats, Floats], limits: Floats, unseen: UnseenTrialBounds
) -> tuple[float, float, ContributionErrors]:
    """The average over all trials, that over those in which the scenario comes true, and their errors."""
    averages = []
    for number, chance in enumerate((np.array([[1.0], [1.0]]), np.array(unseen.chance)[:, None])):
        added = unseen.weight * chance
        changed = (values[:, number].sum() + added * limits) / (weights[number].sum() + added)
        averages.append(widen_for_unseen(ratio(values[:, number], weights[number]), changed.reshape(-1)))
    everywhere, where_true = averages
    errors = ContributionErrors(float(everywhere.error), float(where_true.error))
    return float(everywhere.value) + 0.0, float(where_true.value) + 0.0, errors  # + 0.0 leaves no minus zero


def _carried_cells(
    part: Contribution, scenarios: Sequence[str], sums: Floats, weights: tuple[Floats, Floats]
) -> list[CarriedCell]:
    """What each number of the file carries on average, the heaviest first."""
    totals = sums.sum(axis=0)
    everywhere, where_true = (totals[number] / total.sum() for number, total in enumerate(weights))
    cells = [
        CarriedCell(
            path=dotted_path(number.judged.path),
            points=number.value,
            sources=list(number.judged.sources),
            inferred=number.judged.is_inferred,
            state=number.label,
            scenario=scenarios[number.scenario],
            everywhere=float(everywhere[number.row, number.scenario]) * number.log_odds,
            where_true=float(where_true[number.row, number.scenario]) * number.log_odds,
        )
        for number in part.numbers
    ]
    return sorted(cells, key=lambda cell: -max(abs(cell.everywhere), abs(cell.where_true)))
