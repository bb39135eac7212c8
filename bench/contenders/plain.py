"""Plain numpy, as a practitioner writes it: all trials at once, a table of probabilities looked up for each of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bench.contenders import Run
from bench.model import Answer, Case, Floats, Tables

Ints = npt.NDArray[np.int64]


def drawn(case: Case) -> Run:
    """Draws the scenario and counts."""
    tables = case.tables

    def run(trials: int, seed: int) -> Answer:
        random, worlds, tally = np.random.default_rng(seed), _Worlds(tables, trials), _Tally(tables, trials)
        scenario: Ints | None = None
        unseen = np.ones((trials, tables.scenarios), dtype=bool)
        for step in range(tables.steps):
            drivers = worlds.advance(random, step, scenario)
            probability = _softmax(_logits(tables, drivers))
            if scenario is not None:
                probability = tables.keep * np.eye(tables.scenarios)[scenario] + (1 - tables.keep) * probability
            fresh = _choose(random, probability)
            if scenario is not None:
                pairs = np.bincount(scenario * tables.scenarios + fresh, minlength=tables.scenarios**2)
                tally.moves += pairs.reshape(tables.scenarios, tables.scenarios)
            tally.shares[step] = np.bincount(fresh, minlength=tables.scenarios)
            for state in range(tables.scenarios):
                new = (fresh == state) & unseen[:, state]
                tally.first[step, state] = new.sum()
                unseen[new, state] = False
            tally.observe(step, drivers)
            scenario = fresh
        return tally.answer()

    return run


def carried(case: Case) -> Run:
    """Carries the scenario's probabilities along the drawn drivers."""
    tables = case.tables

    def run(trials: int, seed: int) -> Answer:
        random, worlds, tally = np.random.default_rng(seed), _Worlds(tables, trials), _Tally(tables, trials)
        present: Floats | None = None
        unseen = np.ones((trials, tables.scenarios))
        for step in range(tables.steps):
            drivers = worlds.advance(random, step, None)
            moved = _softmax(_logits(tables, drivers))
            if present is None:
                present = moved
            else:
                moved = (1 - tables.keep) * moved
                tally.moves += present.T @ moved + tables.keep * np.diag(present.sum(axis=0))
                present = tables.keep * present + moved
            tally.shares[step] = present.sum(axis=0)
            seen = unseen * moved
            tally.first[step] = seen.sum(axis=0)
            unseen -= seen
            tally.observe(step, drivers)
        return tally.answer()

    return run


def exact(case: Case) -> Run:
    """The joint table of all drivers, times the scenarios' probabilities in each of its cells; for one step."""
    tables = case.tables

    def run(_trials: int, _seed: int) -> Answer:
        joint = np.ones(1)
        for number, table in enumerate(tables.first):
            shape = [tables.states if (axis, 0) in table.parents else 1 for axis in range(number)]
            order = sorted(range(len(table.parents)), key=lambda axis: table.parents[axis])
            rows = table.rows.reshape(*table.sizes, tables.states).transpose(*order, len(table.parents))
            joint = joint.reshape((tables.states,) * number)[..., None] * rows.reshape(*shape, tables.states)
        return Answer((joint.reshape(-1) @ tables.outcome_given_drivers())[None])

    return run


def _choose(random: np.random.Generator, probability: Floats) -> Ints:
    """A state for each trial, probability of shape (trials, states)."""
    chosen: Ints = (random.random((len(probability), 1)) > probability.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return chosen


def _logits(tables: Tables, drivers: Ints) -> Floats:
    logits: Floats = tables.base + sum(score[drivers[:, number]] for number, score in enumerate(tables.scores))
    return logits


def _softmax(logits: Floats) -> Floats:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = weights / weights.sum(axis=1, keepdims=True)
    return shares


class _Worlds:
    """The drivers of all trials, shape (trials, drivers)."""

    def __init__(self, tables: Tables, trials: int) -> None:
        self.tables = tables
        self.now: Ints = np.zeros((trials, tables.drivers), dtype=np.int64)

    def advance(self, random: np.random.Generator, step: int, scenario: Ints | None) -> Ints:
        before, self.now = self.now, np.empty_like(self.now)
        for number, table in enumerate(self.tables.at(step)):
            index = tuple(
                scenario if parent == self.tables.drivers else (before if lag else self.now)[:, parent]
                for parent, lag in table.parents
            )
            rows = table.rows.reshape(*table.sizes, self.tables.states)
            probability = rows[index] if index else np.broadcast_to(rows, (len(before), self.tables.states))
            self.now[:, number] = _choose(random, probability)
        return self.now


class _Tally:
    """Sums over trials, shaped as in `PassAnswer`."""

    def __init__(self, tables: Tables, trials: int) -> None:
        self.trials = trials
        self.shares = np.zeros((tables.steps, tables.scenarios))
        self.first = np.zeros((tables.steps, tables.scenarios))
        self.moves = np.zeros((tables.scenarios, tables.scenarios))
        self.states = np.zeros((tables.steps, tables.drivers, tables.states))

    def observe(self, step: int, drivers: Ints) -> None:
        for number in range(drivers.shape[1]):
            self.states[step, number] = np.bincount(drivers[:, number], minlength=self.states.shape[2])

    def answer(self) -> Answer:
        return Answer(
            self.shares / self.trials,
            self.first / self.trials,
            self.moves / self.moves.sum(axis=1, keepdims=True) if len(self.shares) > 1 else None,
            self.states / self.trials,
        )
