"""How far what is seen moves a forecast, exactly: the numbers of `value_of_information` without sampling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from usru_scenarios.estimation.estimates import Estimate
from usru_scenarios.exact import inference as exact
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.events import All, Compared, Formula, InStates, Timed
from usru_scenarios.program.program import Floats
from usru_scenarios.questions.discretization import Discretization
from usru_scenarios.questions.impossible import zero_probability_error
from usru_scenarios.questions.watch.value_of_information import IndicatorEffects, Sets, mutual_information, sum_by_set
from usru_scenarios.work import Listener

_SECONDS = 10.0
"""Nothing that is predicted to take longer is found exactly, by the fixed rate of counted work."""

_ROUNDING = 1e-12


@dataclass(frozen=True)
class ExactIndicators:
    """A node's states at one step together with the scenarios at a later one, given what was observed.

    Attributes:
        conditioned: the program, and what was observed.
        on, horizon: the two steps.
        readings: the nodes, read as states.
    """

    conditioned: Conditioned
    on: int
    horizon: int
    readings: Sequence[Discretization]

    @property
    def is_light(self) -> bool:
        """Whether it is within the bound and predicted to take few seconds."""
        try:
            cost = exact.predict_cost(self.conditioned.program, self._events)
        except exact.NotExact:
            return False
        return exact.DEFAULT_BOUND.admits(cost) and cost.seconds <= _SECONDS

    @property
    def _events(self) -> list[Formula]:
        """The scenarios, and each state of each node with each of them, all with what was observed."""
        scenarios = [outcome_event([scenario], self.horizon) for scenario in range(self._scenarios)]
        states = [_event_at(self.on, predicate) for reading in self.readings for predicate in _state_events(reading)]
        observed = self.conditioned.observed_event
        events: list[Formula] = [All((scenario, observed)) for scenario in scenarios]
        return events + [All((state, scenario, observed)) for state in states for scenario in scenarios]

    @property
    def _scenarios(self) -> int:
        return len(self.conditioned.program.outcome.states)

    def joint(self, progress: Listener) -> tuple[Floats, list[Floats]]:
        """The scenarios' probabilities, shape (scenarios,), and of each node with its states, (states, scenarios).

        Raises:
            ImpossibleEvidence: what was observed has no probability.
        """
        events, program = self._events, self.conditioned.program
        probabilities = np.array(exact.probabilities(program, events, progress=progress)).reshape(-1, self._scenarios)
        total = probabilities[0].sum()
        if not total:
            raise zero_probability_error(program, self.conditioned.evidence)
        probabilities /= total
        edges = np.cumsum([1, *(len(reading.states) for reading in self.readings)])
        return probabilities[0], [probabilities[start:end] for start, end in pairwise(edges.tolist())]


def outcome_event(members: Iterable[int], step: int) -> Timed:
    """The event that one of some scenarios holds at a step."""
    return _event_at(step, InStates(OUTCOME, frozenset(members)))


def _event_at(step: int, predicate: Formula) -> Timed:
    return Timed("at", range(step, step + 1), predicate)


def _state_events(reading: Discretization) -> list[Formula]:
    """What each state of a reading says of its node."""
    if not reading.edges:
        return [InStates(reading.node, frozenset([code])) for code in range(len(reading.states))]
    low, high = reading.edges
    below, above = Compared(reading.node, "<", low), Compared(reading.node, ">=", high)
    return [below, All((Compared(reading.node, ">=", low), Compared(reading.node, "<", high))), above]


def exact_effects(joint: Floats, future: Floats, sets: Sets, cells: Sets) -> IndicatorEffects:
    """What seeing each state of a node would do, without errors.

    Args:
        joint: shape (states, scenarios), which sums to 1.
        future: shape (scenarios,), of the scenarios alone.
        sets: those of scenarios that are reported.
        cells: those that share out all scenarios and count for the move.
    """
    share = np.where(joint.any(axis=1) & (np.count_nonzero(joint.any(axis=1)) == 1), 1.0, joint.sum(axis=1))
    level = sum_by_set(future, sets)
    covariance, cell_covariance = (_covariance(joint, share, future, groups) for groups in (sets, cells))
    move = 0.5 * np.abs(cell_covariance).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        if_seen = sum_by_set(joint, sets) / share[:, None]
        # What nothing else can follow, follows for certain: its share is 1 whatever the rounding of sums.
        if_seen = np.where(sum_by_set(joint, _complements(sets, len(future))) == 0.0, 1.0, if_seen)
        distance = move / share
    return IndicatorEffects(
        probability=_without_error(np.clip(share, 0.0, 1.0)),
        trials=np.where(share > 0.0, np.inf, 0.0),
        shift=_without_error(if_seen - level),
        if_seen=_without_error(np.clip(if_seen, 0.0, 1.0)),
        is_clear=covariance != 0.0,
        move=_without_error(move),
        distance=_without_error(distance),
        node_move=_without_error(np.asarray(move.sum())),
        information=_without_error(np.maximum(mutual_information(sum_by_set(joint, cells)), 0.0)),
    )


def _covariance(joint: Floats, share: Floats, future: Floats, sets: Sets) -> Floats:
    """P(state, set) - P(state) P(set), shape (states, sets); what is rounding of sums alone is 0."""
    covariance = sum_by_set(joint, sets) - share[:, None] * sum_by_set(future, sets)
    return np.where(np.abs(covariance) > _ROUNDING * share[:, None], covariance, 0.0)


def _complements(sets: Sets, scenarios: int) -> Sets:
    return [[scenario for scenario in range(scenarios) if scenario not in members] for members in sets]


def _without_error(value: Floats) -> Estimate:
    return Estimate(value, np.zeros_like(value))
