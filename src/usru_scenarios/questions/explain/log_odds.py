"""What each part of a model gives directly to a scenario: the parts of the log-odds of a redraw, by method (55).

The baseline's part is "unexplained": what the cited drivers leave over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation.estimates import covering_unseen, ratio
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.judgements import JudgementEntry, dotted_path
from usru_scenarios.model.schema import Model
from usru_scenarios.model.values import Judgement
from usru_scenarios.names import OUTCOME, KeyPath
from usru_scenarios.program.laws import PiecewiseCurve, StepLaw, Term
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.program.support import Support
from usru_scenarios.questions.unseen import UnseenTrialBounds
from usru_scenarios.results.explain import CarriedCell, ContributionErrors, DirectPart, DirectShares
from usru_scenarios.sampler.tables import BlockStates, RowIndex
from usru_scenarios.timeline import Grid

RowIndices = npt.NDArray[np.intp]
PartKind = Literal["driver", "rule", "lagged", "events", "unexplained"]

HOLDS = "holds"
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

    def possible(self, support: Support, step: int) -> RowIndices:  # noqa: ARG002
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

    def possible(self, support: Support, step: int) -> RowIndices:
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

    def possible(self, support: Support, step: int) -> RowIndices:
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
        places: which row acts.
        cells: the numbers of the file that it is made of.
    """

    name: str
    title: str
    kind: PartKind
    log_odds: Floats
    places: OnlyRow | JointRows | KnotRows
    cells: tuple[CitedNumber, ...]

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
        self.missing = self._missing(program.law(outcome, program.steps - 1))
        if not self.missing:
            self.parts = list(_Decomposer(model, program, judged).all())

    def _missing(self, law: StepLaw) -> str:
        """Why there is no contrast, or nothing."""
        if law.fixed is not None:
            return "At this step the scenario is set, by 'outcome.initial' or by an intervention; no driver has a say."
        if not law.prior[self.members].any():
            return "A redraw never lands here, since the baseline is 0; it is kept from the start or imposed."
        if not self.others or not law.prior[self.others].any():
            return "There is no alternative that a redraw could land in."
        return ""

    def sign(self, block_states: BlockStates) -> Floats:
        """What a log-weight counts for in the contrast: a(s), or -c(r), shape (scenarios, trials)."""
        logits = np.zeros((len(self.members) + len(self.others), block_states.trials))
        for part in self.parts:
            for rows, share in part.places(block_states):
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

    @property
    def step(self) -> int:
        return self.program.steps - 1

    def all(self) -> Iterator[Contribution]:
        law = self.program.law(self.program.outcome, self.step)
        for term in law.terms:
            yield self._of_term(term)
        for curve in law.curves:
            yield self._of_curve(curve)
        windows = self._in_windows(law)
        if windows.cells:
            yield windows
        yield self._unexplained(law)

    def _of_term(self, term: Term) -> Contribution:
        scenarios = len(self.program.outcome.states)
        flat = term.points.reshape(-1, scenarios + 1)[:, :scenarios]
        index = {name: number for number, name in enumerate(self.program.nodes)}
        reader = RowIndex(tuple((index[parent.node], parent) for parent in term.parents))
        if term.weight in self.model.rules:
            holds: RowIndices = np.asarray(flat.any(axis=1), dtype=np.intp)
            gives = flat[holds.argmax()] * bool(holds.any())
            then = self._cells(1, HOLDS, ("rules", term.weight, "then", OUTCOME), self._worth(term.weight))
            table = np.stack([np.zeros(scenarios), gives])
            return Contribution(*self._called(term.weight, "rule"), table, JointRows(reader, holds), tuple(then))
        (parent,) = term.parents  # as all influences and impacts have
        name, kind, path = self._acting(term.weight, parent.node)
        cells = self._by_row(self._states(parent.node), path, term.weight)
        return Contribution(*self._called(name, kind), flat, JointRows(reader, np.arange(len(flat))), cells)

    def _of_curve(self, curve: PiecewiseCurve) -> Contribution:
        name, kind, path = self._acting(curve.weight, curve.node)
        index = list(self.program.nodes).index(curve.node)
        given: Mapping[str, object] = (
            self.model.outcome.lagged_influences[name] if kind == "lagged" else self.model.drivers[name].impacts
        )
        cells = self._by_row(sorted(given, key=float), path, curve.weight)
        scenarios = len(self.program.outcome.states)
        places = KnotRows(curve.node, index, curve.lag, curve.knots)
        return Contribution(*self._called(name, kind), curve.points[:, :scenarios], places, cells)

    def _by_row(self, labels: Sequence[str], path: KeyPath, weight: str | None) -> tuple[CitedNumber, ...]:
        """The points of all rows of a block."""
        worth = self._worth(weight)
        return tuple(cell for row, one in enumerate(labels) for cell in self._cells(row, one, (*path, one), worth))

    def _acting(self, weight: str | None, parent: str) -> tuple[str, PartKind, KeyPath]:
        """Impacts carry their driver's weight, lagged influences on the outcome none."""
        if weight is None:
            return parent, "lagged", ("outcome", "lagged_influences", parent)
        return weight, "driver", ("drivers", weight, "impacts")

    def _worth(self, weight: str | None) -> float:
        """The log-odds of one point."""
        factor = 1.0 if weight is None else float(self.program.weights[weight][self.step])
        return float(self.program.outcome.log_odds) * factor

    def _states(self, name: str) -> Sequence[str]:
        return getattr(self.program.nodes[name], "states", ())

    def _called(self, name: str, kind: PartKind) -> tuple[str, str, PartKind]:
        parts = {**dict(self.model.nodes()), **self.model.rules}
        title = parts[name].title if name in parts else "The scenario itself" if name == OUTCOME else None
        return name, title or name, kind

    def _cells(self, row: int, label: str | None, path: KeyPath, worth: float) -> Iterator[CitedNumber]:
        """The points that stand directly below a path, by scenario."""
        for scenario, state in enumerate(self.program.outcome.states):
            found = self.judged.get((*path, state))
            if found is not None and isinstance(found.judgement, Judgement) and found.judgement.mean:
                points = found.judgement.mean
                yield CitedNumber(row, label, scenario, found, points, points * worth)

    def _in_windows(self, law: StepLaw) -> Contribution:
        scenarios = len(self.program.outcome.states)
        cells = [
            cell
            for key, event in self.model.outcome.events.items()
            if self.step in window(self.model.grid, event.at, event.until)
            for cell in self._cells(0, event.title, ("outcome", "events", key, "points"), self._worth(None))
        ]
        return Contribution("events", "The calendar", "events", law.offset[None, :scenarios], OnlyRow(), tuple(cells))

    def _unexplained(self, law: StepLaw) -> Contribution:
        with np.errstate(divide="ignore"):
            log_odds = np.log(law.prior)
        cells = [
            CitedNumber(0, None, scenario, found, found.judgement.mean, float(log_odds[scenario]))
            for scenario, state in enumerate(self.program.outcome.states)
            if (found := self._prior(state)) is not None
            and isinstance(found.judgement, Judgement)
            and found.judgement.mean > 0
        ]
        return Contribution(
            "unexplained", "What no driver explains", "unexplained", log_odds[None], OnlyRow(), tuple(cells)
        )

    def _prior(self, scenario: str) -> JudgementEntry | None:
        """The baseline, or the share of an event that takes its place at this step."""
        if self.step not in self.program.outcome.forced:
            return self.judged.get(("scenarios", scenario, "baseline"))
        keys = [
            key
            for key, event in self.model.outcome.events.items()
            if event.prior is not None and window(self.model.grid, event.at, None)[0] == self.step
        ]
        return self.judged.get(("outcome", "events", keys[0], "prior", scenario))


def window(grid: Grid, at: str, until: str | None) -> range:
    """The steps that an event of the file covers."""
    first = grid.moment(at)[0]
    return range(first, (first if until is None else grid.moment(until)[-1]) + 1)


# Estimates -----------------------------------------------------------------------------------------------------------


def shares(
    contrast: LogOddsDecomposition,
    scenarios: Sequence[str],
    sums: Sequence[Floats],
    weights: tuple[Floats, Floats],
    unseen: UnseenTrialBounds,
) -> DirectShares:
    """The averages of each part and of the whole.

    Args:
        contrast: the parts.
        scenarios: the names of the outcome's states.
        sums: for each part, shape (batches, 2, rows, scenarios): sums of what its log-weights count for, over all
            trials, and over those in which the scenario comes true.
        weights: shape (batches,) each: the trials, and the probability that it comes true in them.
        unseen: trials that were never drawn.
    """
    values = [(part.finite * one).sum(axis=(2, 3)) for part, one in zip(contrast.parts, sums, strict=True)]
    limits = [_limits(contrast, part, unseen) for part in contrast.parts]
    whole = _averages(np.sum(values, axis=0), weights, np.sum(limits, axis=0), unseen)
    parts = [
        DirectPart(
            part.name,
            part.title,
            part.kind,
            *_averages(value, weights, ends, unseen),
            _carried(part, scenarios, one, weights),
        )
        for part, value, one, ends in zip(contrast.parts, values, sums, limits, strict=True)
    ]
    parts.sort(key=lambda part: (part.kind == "unexplained", -max(abs(part.everywhere), abs(part.where_true))))
    return DirectShares(*whole, parts)


def _limits(contrast: LogOddsDecomposition, part: Contribution, unseen: UnseenTrialBounds) -> Floats:
    """The least and the largest that a part can give in a single trial, shape (2,)."""
    rows = part.log_odds[part.places.possible(unseen.support, unseen.step)]
    drawn = np.isfinite(contrast.parts[-1].log_odds[0])  # the others have no baseline, so that no redraw lands there
    inside, outside = (rows[:, [one for one in side if drawn[one]]] for side in (contrast.members, contrast.others))
    least, most = inside.min(axis=1) - outside.max(axis=1), inside.max(axis=1) - outside.min(axis=1)
    return np.array([least.min(), most.max()])


def _averages(
    values: Floats, weights: tuple[Floats, Floats], limits: Floats, unseen: UnseenTrialBounds
) -> tuple[float, float, ContributionErrors]:
    more = np.array([[1.0], [1.0]]), np.array(unseen.chance)[:, None]
    everywhere, where_true = (
        covering_unseen(
            ratio(values[:, number], weights[number]),
            (
                (values[:, number].sum() + unseen.weight * share * limits)
                / (weights[number].sum() + unseen.weight * share)
            ).reshape(-1),
        )
        for number, share in enumerate(more)
    )
    errors = ContributionErrors(float(everywhere.error), float(where_true.error))
    return float(everywhere.value) + 0.0, float(where_true.value) + 0.0, errors  # + 0.0 leaves no minus zero


def _carried(
    part: Contribution, scenarios: Sequence[str], sums: Floats, weights: tuple[Floats, Floats]
) -> list[CarriedCell]:
    """What each number of the file carries on average, the heaviest first."""
    counted = sums.sum(axis=0)
    averages = [counted[number] / total.sum() for number, total in enumerate(weights)]
    cells = [
        CarriedCell(
            path=dotted_path(cell.judged.path),
            points=cell.value,
            sources=list(cell.judged.sources),
            inferred=cell.judged.is_inferred,
            state=cell.label,
            scenario=scenarios[cell.scenario],
            everywhere=float(averages[0][cell.row, cell.scenario]) * cell.log_odds,
            where_true=float(averages[1][cell.row, cell.scenario]) * cell.log_odds,
        )
        for cell in part.cells
    ]
    return sorted(cells, key=lambda cell: -max(abs(cell.everywhere), abs(cell.where_true)))
