"""What differs between two programs, and how far apart it can bring the scenarios of a trial: method (29)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cached_property

import numpy as np

from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.laws import JUDGEMENTS, StepLaw, hold_probability
from usru_scenarios.program.program import CategoricalNode, Floats, NumericNode, Program

PointTables = dict[object, Floats]
"""Log-odds by what picks a row of them, shape (rows ..., states + 1)."""


def largest_differences(first: Program, second: Program) -> Floats:
    """The most by which the probability of any set of scenarios can differ in a trial, shape (steps,): method (29).

    It is 0 where nothing that the outcome depends on differs up to then, and 1 where other states can differ: then the
    drivers of a trial may be others. Between programs whose scenarios differ it is 1.
    """
    above = first.upstream([OUTCOME])
    if first.grid != second.grid or above != second.upstream([OUTCOME]) or [*first.nodes] != [*second.nodes]:
        return np.ones(first.steps)
    if first.outcome.states != second.outcome.states:  # what stands in the same place is another scenario
        return np.ones(first.steps)
    return _ForwardComparison(first, second, above).differences


class _ForwardComparison:
    """Goes forward through the steps of two programs with the same nodes.

    Attributes:
        differences: shape (steps,), of the outcome.
        may_differ: by node and step, whether it may be in another state.
    """

    def __init__(self, one: Program, other: Program, above: frozenset[str]) -> None:
        self.first, self.second = one, other
        self.differences = np.zeros(one.steps)
        self.may_differ = {name: [False] * one.steps for name in above}
        self._law_pairs: dict[object, _LawPair] = {}
        names = [name for name in one.nodes if name in above]
        changed = {name for name in names if not self._is_unchanged(name)}
        if changed:
            self._compare_steps(names, changed)

    def _is_unchanged(self, name: str) -> bool:
        here, there = self.first.nodes[name], self.second.nodes[name]
        names = here.weight_names if isinstance(here, CategoricalNode) else ()
        return here is there and all(
            are_equal(self.first.weights[weight], self.second.weights[weight]) for weight in names
        )

    def _compare_steps(self, names: Sequence[str], changed: set[str]) -> None:
        for step in range(self.first.steps):
            for name in names:
                if name not in changed and not self._reads_difference({*self.first.nodes[name].links, (name, 1)}, step):
                    continue
                if name == OUTCOME:
                    self.differences[step] = self._outcome_difference(step)
                    self.may_differ[name][step] = bool(self.differences[step] > 0.0)
                else:
                    self.may_differ[name][step] = self._node_may_differ(name, step)

    def _reads_difference(self, links: Iterable[tuple[str, int]], step: int) -> bool:
        return any(self.may_differ[name][step - lag] for name, lag in links if step >= lag)

    def _node_may_differ(self, name: str, step: int) -> bool:
        here, there = self.first.nodes[name], self.second.nodes[name]
        if isinstance(here, CategoricalNode) and isinstance(there, CategoricalNode):
            laws = self._law_pair(here, there, step)
            return not laws.is_equal or self._reads_difference(laws.links, step)
        if isinstance(here, NumericNode) and isinstance(there, NumericNode):
            if not np.isnan(here.imposed[step]) and here.imposed[step] == there.imposed[step]:
                return False
            links = {*here.links, *there.links, (name, 1)}
            return not _is_same_numeric(here, there, step) or self._reads_difference(links, step)
        return True

    def _law_pair(self, here: CategoricalNode, there: CategoricalNode, step: int) -> _LawPair:
        key = (here.name, self.first.law_key(here, step), self.second.law_key(there, step))
        if key not in self._law_pairs:
            self._law_pairs[key] = _LawPair(self.first.law(here, step), self.second.law(there, step))
        return self._law_pairs[key]

    def _outcome_difference(self, step: int) -> float:
        laws = self._law_pair(self.first.outcome, self.second.outcome, step)
        if self._reads_difference({link for link in laws.links if link[0] != OUTCOME}, step):
            return 1.0
        difference = laws.difference
        if step and (OUTCOME, 1) in laws.links:
            difference += self.differences[step - 1] * laws.carried_share
        return min(difference, 1.0)


@dataclass(frozen=True, eq=False)
class _LawPair:
    """The laws of a node at a step in both programs, and what of them is the same at all steps that have them."""

    first: StepLaw
    second: StepLaw

    @cached_property
    def is_equal(self) -> bool:
        """Whether they say the same."""
        return are_equal(self.first, self.second)

    @cached_property
    def links(self) -> set[tuple[str, int]]:
        """The nodes that either law reads, each with its lag."""
        return _law_links(self.first) | _law_links(self.second)

    @cached_property
    def difference(self) -> float:
        """The most by which a set's probability after a step can differ, all else being equal."""
        if self.is_equal:
            return 0.0
        law, changed = self.first, self.second
        if law.fixed is not None and changed.fixed is not None:
            return float(np.abs(changed.fixed - law.fixed).sum() / 2)
        if law.fixed is not None or changed.fixed is not None or not are_equal(law.allowed, changed.allowed):
            return 1.0
        if (law.persistence is None) != (changed.persistence is None):
            return 1.0
        states = hold = 0.0
        tables, others = _log_odds_tables(law), _log_odds_tables(changed)
        for key in {**tables, **others}:
            before, after = tables.get(key), others.get(key)
            if before is not None and after is not None and np.array_equal(before, after):
                continue  # as most are, where one judgement or weight is another
            if before is not None and after is not None and before.shape[:-1] != after.shape[:-1]:
                return 1.0
            tilt = _subtract_log_odds(after, before)
            states += float(np.ptp(tilt[..., :-1], axis=-1).max(initial=0.0))
            hold += float(np.abs(tilt[..., -1]).max(initial=0.0))
        if law.persistence is None:
            return float(np.tanh(states / 4)) if math.isfinite(states) else 1.0
        assert changed.persistence is not None, "both keep, or neither"
        if law.persistence.shape != changed.persistence.shape:
            return 1.0
        with np.errstate(divide="ignore", invalid="ignore"):
            odds = [np.log(keep) - np.log1p(-keep) for keep in (law.persistence, changed.persistence)]
        hold += float(np.abs(_subtract_log_odds(odds[1], odds[0])).max(initial=0.0))
        bound = float(np.tanh(states / 4) + np.tanh(hold / 4))
        return min(bound, 1.0) if math.isfinite(bound) else 1.0

    @cached_property
    def carried_share(self) -> float:
        """How much of a difference before a step is left after it, at the most."""
        return max(_carried_share(self.first), _carried_share(self.second))


def _law_links(law: StepLaw) -> set[tuple[str, int]]:
    """The nodes that a law reads, each with its lag."""
    if law.fixed is not None:
        return set()
    links = {(parent.node, parent.lag) for parent in law.parents if parent.node != JUDGEMENTS}
    return links | {(curve.node, curve.lag) for curve in law.curves}


def _is_same_numeric(here: NumericNode, there: NumericNode, step: int) -> bool:
    if here is there:
        return True
    this_step = slice(step, step + 1)
    pairs = ((here.windows, there.windows), (here.imposed, there.imposed))
    if not all(are_equal(one[..., this_step], other[..., this_step]) for one, other in pairs):
        return False
    return are_equal(here, replace(there, windows=here.windows, imposed=here.imposed))


def _carried_share(law: StepLaw) -> float:
    """How much of a difference before a step is left after it, at the most."""
    blocks = (law.prior_parents, *(term.parents for term in law.terms))
    if law.allowed is not None or any(law.previous_state in parents for parents in blocks):
        return 1.0
    if law.persistence is None:
        return 0.0
    hold = sum(float(table[..., -1].max(initial=0.0)) for table in _log_odds_tables(law).values())
    return float(hold_probability(law.persistence.max(), np.asarray(hold)))


def _log_odds_tables(law: StepLaw) -> PointTables:
    """The log-odds that a law adds up, those that the same parents pick together."""
    tables: PointTables = {(): law.offset}
    terms = ((term.parents, term.points) for term in (law.prior_term(), *law.terms))
    curves = (((curve.node, curve.lag, curve.knots.tobytes()), curve.points) for curve in law.curves)
    for key, table in itertools.chain[tuple[tuple[object, ...], Floats]](terms, curves):
        tables[key] = tables[key] + table if key in tables else table
    return tables


def _subtract_log_odds(first: Floats | None, second: Floats | None) -> Floats:
    """The difference of log-odds, 0 where both are the same infinite number; what is missing adds nothing."""
    if first is None or second is None:
        return np.asarray(first if first is not None else -second if second is not None else 0.0)
    with np.errstate(invalid="ignore"):
        return np.where(first == second, 0.0, first - second)


# What is the same -----------------------------------------------------------------------------------------------------


def are_equal(first: object, second: object) -> bool:
    """Whether two parts of programs say the same, number by number."""
    if first is second:
        return True
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return np.array_equal(first, second, equal_nan=first.dtype.kind == "f")
    if type(first) is not type(second):
        return False
    if is_dataclass(first):
        return all(are_equal(getattr(first, part.name), getattr(second, part.name)) for part in fields(first))
    if isinstance(first, tuple) and isinstance(second, tuple):
        return len(first) == len(second) and all(map(are_equal, first, second))
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(are_equal(first[key], second[key]) for key in first)
    return first == second
