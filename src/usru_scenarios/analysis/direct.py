"""What each part of a model gives directly to a scenario: the parts of the log-odds of a redraw.

In a world at a step, a redraw of the outcome picks scenario s with a probability in proportion to exp(l(s)), where the
log-weight l(s) is a sum: the log of the baseline of s, the points of each driver's impact and of each rule that holds
(times their weights), of lagged influences and of event windows, all times the log of `odds_per_point`. For a set S of
scenarios (one, or the members of a group) the contrast in that world is

    L = sum over s in S of a(s) l(s)  -  sum over r outside S of c(r) l(r)

where a(s) is the redraw's probability of s given that it lands in S (1 where S is a single scenario) and c(r) that of r
given that it does not: the alternatives count by how likely each of them is there. L is linear in l, so it is the
sum of the same contrast taken of each part alone, and so are its averages over worlds. The baseline's part is
"unexplained": what the cited drivers leave over.

What persistence keeps, and where `allowed` forbids a move, is no part of it: L speaks of a redraw that may go anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from usru_scenarios.analysis.unseen import Unseen
from usru_scenarios.meaning.program import Curve, Floats, Law, Program, Term
from usru_scenarios.meaning.support import Support
from usru_scenarios.model import Judgement, Model
from usru_scenarios.names import OUTCOME
from usru_scenarios.reading.provenance import Judged, dotted
from usru_scenarios.reading.yaml_source import KeyPath
from usru_scenarios.results.explanation import CarriedCell, DirectPart, DirectShares, PullErrors
from usru_scenarios.sampler.estimates import covering_unseen, ratio
from usru_scenarios.sampler.tables import Reader, Worlds
from usru_scenarios.timeline import Grid

Rows = npt.NDArray[np.intp]
Kind = Literal["driver", "rule", "lagged", "events", "unexplained"]

HOLDS = "holds"
"""The row of a rule in which it holds."""


class Places(Protocol):
    """Tells which rows of a table act in each world."""

    def __call__(self, worlds: Worlds) -> Iterator[tuple[Rows, Floats | float]]:
        """Rows, shape (trials,), and the shares with which they act, which sum to 1 over what is given."""

    def possible(self, support: Support, step: int) -> Rows:
        """The rows that can act at a step in any world."""


@dataclass(frozen=True)
class Always:
    """The only row acts in every world."""

    def __call__(self, worlds: Worlds) -> Iterator[tuple[Rows, Floats | float]]:
        """As in `Places`."""
        yield np.zeros(worlds.trials, dtype=np.intp), 1.0

    def possible(self, support: Support, step: int) -> Rows:  # noqa: ARG002
        """As in `Places`."""
        return np.zeros(1, dtype=np.intp)


@dataclass(frozen=True)
class Joint:
    """The joint state of some parents picks a row; combinations that give the same points share one."""

    reader: Reader
    row_of: Rows

    def __call__(self, worlds: Worlds) -> Iterator[tuple[Rows, Floats | float]]:
        """As in `Places`."""
        yield self.row_of[self.reader.rows(worlds)], 1.0

    def possible(self, support: Support, step: int) -> Rows:
        """As in `Places`."""
        parents = [parent for _, parent in self.reader.parents]
        rows = self.row_of.reshape([parent.size for parent in parents])
        for axis, parent in enumerate(parents):
            if step >= parent.lag:
                rows = rows.take(support.indices(parent, step - parent.lag), axis=axis)
        return np.unique(rows)


@dataclass(frozen=True)
class Along:
    """A value between two knots acts as both, each by how near it is."""

    node: str
    index: int
    lag: int
    knots: Floats

    def __call__(self, worlds: Worlds) -> Iterator[tuple[Rows, Floats | float]]:
        """As in `Places`."""
        values = (worlds.before if self.lag else worlds.now)[self.index]
        place = np.interp(values, self.knots, np.arange(len(self.knots)))
        below = np.minimum(place.astype(np.intp), max(len(self.knots) - 2, 0))
        yield below, 1.0 - (place - below)
        if len(self.knots) > 1:
            yield below + 1, place - below

    def possible(self, support: Support, step: int) -> Rows:
        """As in `Places`."""
        ends = np.interp(support.ranges[self.node][max(step - self.lag, 0)], self.knots, np.arange(len(self.knots)))
        return np.arange(int(np.floor(ends[0])), int(np.ceil(ends[1])) + 1)


@dataclass(frozen=True)
class Cell:
    """A number of the file that acts in a row of a part: its own value, and the log-odds it gives to a scenario."""

    row: int
    label: str | None
    scenario: int
    judged: Judged
    value: float
    log_odds: float


@dataclass(frozen=True)
class Part:
    """One summand of the outcome's log-weights at a step.

    Attributes:
        log_odds: shape (rows, scenarios), the weight included; minus infinity for a scenario without a baseline.
        places: which row acts.
        cells: the numbers of the file that it is made of.
    """

    name: str
    title: str
    kind: Kind
    log_odds: Floats
    places: Places
    cells: tuple[Cell, ...]

    @property
    def finite(self) -> Floats:
        """The log-odds with 0 for minus infinity, which no world ever counts."""
        return np.where(np.isfinite(self.log_odds), self.log_odds, 0.0)


class Contrast:
    """The parts of the outcome's redraw at the last step of a program, and the scenarios it is about."""

    def __init__(
        self, model: Model, program: Program, members: tuple[int, ...], judged: Mapping[KeyPath, Judged]
    ) -> None:
        outcome = program.outcome
        self.members = list(members)
        self.others = [state for state in range(len(outcome.states)) if state not in members]
        self.parts: list[Part] = []
        self.missing = self._missing(program.law(outcome, program.steps - 1))
        if not self.missing:
            self.parts = list(_Parts(model, program, judged).all())

    def _missing(self, law: Law) -> str:
        """Why there is no contrast, or nothing."""
        if law.fixed is not None:
            return "At this step the scenario is set, by 'outcome.initial' or by an intervention; no driver has a say."
        if not law.prior[self.members].any():
            return "A redraw never lands here, since the baseline is 0; it is kept from the start or imposed."
        if not self.others or not law.prior[self.others].any():
            return "There is no alternative that a redraw could land in."
        return ""

    def sign(self, worlds: Worlds) -> Floats:
        """What a log-weight counts for in the contrast: a(s), or -c(r), shape (scenarios, trials)."""
        logits = np.zeros((len(self.members) + len(self.others), worlds.trials))
        for part in self.parts:
            for rows, share in part.places(worlds):
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
class _Parts:
    """Finds the parts of the redraw at the last step of a program, with the numbers of the file behind each."""

    model: Model
    program: Program
    judged: Mapping[KeyPath, Judged]

    @property
    def step(self) -> int:
        return self.program.steps - 1

    def all(self) -> Iterator[Part]:
        law = self.program.law(self.program.outcome, self.step)
        for term in law.terms:
            yield self._of_term(term)
        for curve in law.curves:
            yield self._of_curve(curve)
        windows = self._in_windows(law)
        if windows.cells:
            yield windows
        yield self._unexplained(law)

    def _of_term(self, term: Term) -> Part:
        scenarios = len(self.program.outcome.states)
        flat = term.points.reshape(-1, scenarios + 1)[:, :scenarios]
        index = {name: number for number, name in enumerate(self.program.nodes)}
        reader = Reader(tuple((index[parent.node], parent) for parent in term.parents))
        if term.weight in self.model.rules:
            holds: Rows = np.asarray(flat.any(axis=1), dtype=np.intp)
            gives = flat[holds.argmax()] * bool(holds.any())
            then = self._cells(1, HOLDS, ("rules", term.weight, "then", OUTCOME), self._worth(term.weight))
            table = np.stack([np.zeros(scenarios), gives])
            return Part(*self._called(term.weight, "rule"), table, Joint(reader, holds), tuple(then))
        (parent,) = term.parents  # as all influences and impacts have
        name, kind, path = self._acting(term.weight, parent.node)
        states = self._states(parent.node)
        cells = [
            cell
            for row, state in enumerate(states)
            for cell in self._cells(row, state, (*path, state), self._worth(term.weight))
        ]
        return Part(*self._called(name, kind), flat, Joint(reader, np.arange(len(flat))), tuple(cells))

    def _of_curve(self, curve: Curve) -> Part:
        name, kind, path = self._acting(curve.weight, curve.node)
        index = list(self.program.nodes).index(curve.node)
        given: Mapping[str, object] = (
            self.model.outcome.lagged_influences[name] if kind == "lagged" else self.model.drivers[name].impacts
        )
        cells = [
            cell
            for row, knot in enumerate(sorted(given, key=float))
            for cell in self._cells(row, knot, (*path, knot), self._worth(curve.weight))
        ]
        scenarios = len(self.program.outcome.states)
        places = Along(curve.node, index, curve.lag, curve.knots)
        return Part(*self._called(name, kind), curve.points[:, :scenarios], places, tuple(cells))

    def _acting(self, weight: str | None, parent: str) -> tuple[str, Kind, KeyPath]:
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

    def _called(self, name: str, kind: Kind) -> tuple[str, str, Kind]:
        parts = {**dict(self.model.nodes()), **self.model.rules}
        title = parts[name].title if name in parts else "The scenario itself" if name == OUTCOME else None
        return name, title or name, kind

    def _cells(self, row: int, label: str | None, path: KeyPath, worth: float) -> Iterator[Cell]:
        """The points that stand directly below a path, by scenario."""
        for scenario, state in enumerate(self.program.outcome.states):
            found = self.judged.get((*path, state))
            if found is not None and isinstance(found.judgement, Judgement) and found.judgement.mean:
                points = found.judgement.mean
                yield Cell(row, label, scenario, found, points, points * worth)

    def _in_windows(self, law: Law) -> Part:
        scenarios = len(self.program.outcome.states)
        cells = [
            cell
            for key, event in self.model.outcome.events.items()
            if self.step in window(self.model.grid, event.at, event.until)
            for cell in self._cells(0, event.title, ("outcome", "events", key, "points"), self._worth(None))
        ]
        return Part("events", "The calendar", "events", law.offset[None, :scenarios], Always(), tuple(cells))

    def _unexplained(self, law: Law) -> Part:
        with np.errstate(divide="ignore"):
            log_odds = np.log(law.prior)
        cells = [
            Cell(0, None, scenario, found, found.judgement.mean, float(log_odds[scenario]))
            for scenario, state in enumerate(self.program.outcome.states)
            if (found := self._prior(state)) is not None
            and isinstance(found.judgement, Judgement)
            and found.judgement.mean > 0
        ]
        return Part("unexplained", "What no driver explains", "unexplained", log_odds[None], Always(), tuple(cells))

    def _prior(self, scenario: str) -> Judged | None:
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
    contrast: Contrast, scenarios: Sequence[str], sums: Sequence[Floats], weights: tuple[Floats, Floats], unseen: Unseen
) -> DirectShares:
    """The averages of each part and of the whole.

    Args:
        contrast: the parts.
        scenarios: the names of the outcome's states.
        sums: for each part, shape (batches, 2, rows, scenarios): sums of what its log-weights count for, over all
            worlds, and over those in which the scenario comes true.
        weights: shape (batches,) each: the worlds, and the probability that it comes true in them.
        unseen: worlds that were never drawn.
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


def _limits(contrast: Contrast, part: Part, unseen: Unseen) -> Floats:
    """The least and the largest that a part can give in a single world, shape (2,)."""
    rows = part.log_odds[part.places.possible(unseen.support, unseen.step)]
    drawn = np.isfinite(contrast.parts[-1].log_odds[0])  # the others have no baseline, so that no redraw lands there
    inside, outside = (rows[:, [one for one in side if drawn[one]]] for side in (contrast.members, contrast.others))
    least, most = inside.min(axis=1) - outside.max(axis=1), inside.max(axis=1) - outside.min(axis=1)
    return np.array([least.min(), most.max()])


def _averages(
    values: Floats, weights: tuple[Floats, Floats], limits: Floats, unseen: Unseen
) -> tuple[float, float, PullErrors]:
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
    errors = PullErrors(float(everywhere.error), float(where_true.error))
    return float(everywhere.value) + 0.0, float(where_true.value) + 0.0, errors  # + 0.0 leaves no minus zero


def _carried(part: Part, scenarios: Sequence[str], sums: Floats, weights: tuple[Floats, Floats]) -> list[CarriedCell]:
    """What each number of the file carries on average, the heaviest first."""
    counted = sums.sum(axis=0)
    averages = [counted[number] / total.sum() for number, total in enumerate(weights)]
    cells = [
        CarriedCell(
            path=dotted(cell.judged.path),
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
