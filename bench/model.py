"""The models that every contender answers, and the tables they are made of.

A model is generated as a scenario file, from a shape and a seed, and loaded as a user's file is. The tables that the
other contenders read are taken from the compiled program, so that all of them answer the same model.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from usru_scenarios import load
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.laws import StepLaw
from usru_scenarios.program.program import CategoricalNode, Program
from usru_scenarios.results.simulate import Simulation, StatesResult
from usru_scenarios.study import Study

Floats = npt.NDArray[np.float64]
Parents = Mapping[int, tuple[int, ...]]

SAME_STEP: Parents = {6: (0,), 7: (1, 2), 8: (3,), 9: (6, 4)}
"""Which drivers a driver reads in the same step, in the static model of ten."""

PREVIOUS: Parents = {0: (1,), 1: (2,), 2: (0, 3), 4: (3,), 5: (4, 6), 6: (5,), 7: (8,), 8: (9, 6), 9: (0,)}
"""Which other drivers a driver reads in the previous step, in the dynamic model of ten."""


@dataclass(frozen=True)
class Shape:
    """What a model looks like.

    Attributes:
        drivers, states, scenarios, steps: how many; every driver has as many states.
        same_step, previous: by driver, the drivers that it reads; in a step only drivers of a lower number.
        feedback: whether the first driver reads the previous scenario, so that scenarios have to be drawn.
    """

    drivers: int
    states: int
    scenarios: int
    steps: int
    same_step: Parents = field(default_factory=dict)
    previous: Parents = field(default_factory=dict)
    feedback: bool = False


STATIC = Shape(10, 3, 4, 1, same_step=SAME_STEP)
DYNAMIC = Shape(10, 3, 4, 24, previous=PREVIOUS)
FEEDBACK = Shape(10, 3, 4, 24, previous=PREVIOUS, feedback=True)


def ring(drivers: int, steps: int) -> Shape:
    """A model of any size, about as dense as `DYNAMIC`: drivers read their neighbour, every third one another too."""
    previous = {d: ((d + 1) % drivers, (d + drivers // 2) % drivers)[: 2 if d % 3 == 0 else 1] for d in range(drivers)}
    return Shape(drivers, 3, 4, steps, previous=previous)


def scenario_file(shape: Shape, seed: int) -> dict[str, Any]:
    """A model of a shape as a scenario file holds it; its judgements are drawn at random."""
    random = np.random.default_rng(seed)
    drivers = [f"d{number:02}" for number in range(shape.drivers)]
    states = [f"s{number}" for number in range(shape.states)]
    scenarios = [f"v{number}" for number in range(shape.scenarios)]
    reach = 11.0 / shape.drivers  # the impacts of all drivers together weigh the same in every model

    def points(names: list[str], spread: float) -> dict[str, float]:
        drawn = np.clip(random.normal(0.0, spread, len(names)), -3.0, 3.0)
        return {name: round(float(point), 2) for name, point in zip(names, drawn, strict=True)}

    def shares(names: list[str]) -> dict[str, float]:
        return {
            name: float(share) for name, share in zip(names, random.dirichlet(np.full(len(names), 3.0)), strict=True)
        }

    def driver(number: int) -> dict[str, Any]:
        parents = [drivers[parent] for parent in shape.same_step.get(number, ())]
        lagged = [drivers[parent] for parent in shape.previous.get(number, ())]
        part: dict[str, Any] = {
            "weight": round(float(random.uniform(0.5, 1.5)), 2),
            "states": shares(states) if not parents else {state: {} for state in states},
            "impacts": {state: points(scenarios, 0.6 * reach) for state in states},
        }
        if parents:
            part["prior_given"] = [
                {"when": dict(zip(parents, row, strict=True)), "prior": shares(states)}
                for row in product(states, repeat=len(parents))
            ]
        if shape.steps > 1:
            part["persistence"] = round(float(random.uniform(0.6, 0.85)), 3)
            influences = {parent: {state: points(states, 1.5) for state in states} for parent in lagged}
            if shape.feedback and number == 0:
                influences[OUTCOME] = {scenario: points(states, 1.5) for scenario in scenarios}
            if influences:
                part["lagged_influences"] = influences
        return part

    raw: dict[str, Any] = {
        "usru": 1,
        "name": "bench",
        "title": f"{shape.drivers} drivers, {shape.steps} steps",
        "odds_per_point": 1.5,
        "scenarios": {name: {"baseline": share} for name, share in shares(scenarios).items()},
        "drivers": {name: driver(number) for number, name in enumerate(drivers)},
    }
    if shape.steps > 1:
        raw["time"] = {"start": "2025-01", "end": _month(shape.steps), "step": "month"}
        raw["outcome"] = {"persistence": 0.5}
    return raw


def _month(after: int) -> str:
    return f"{2025 + after // 12}-{after % 12 + 1:02}"


@dataclass(frozen=True)
class Table:
    """The conditional probabilities of a driver.

    Attributes:
        parents: each as (number of the node, lag); the outcome's number is the number of drivers.
        sizes: how many states each parent has.
        rows: shape (combinations of parents, states), the last parent varying fastest.
    """

    parents: tuple[tuple[int, int], ...]
    sizes: tuple[int, ...]
    rows: Floats


@dataclass(frozen=True)
class Tables:
    """A model as arrays: all that a contender needs to know.

    Attributes:
        steps: how many.
        first, later: the tables of the drivers at the first step, and at every later one.
        base: shape (scenarios,), log weights of the scenarios where no driver speaks.
        scores: shape (drivers, states, scenarios), the log-odds that drivers add.
        keep: the probability that the scenario of the previous step is kept.
    """

    steps: int
    first: tuple[Table, ...]
    later: tuple[Table, ...]
    base: Floats
    scores: Floats
    keep: float

    @property
    def drivers(self) -> int:
        """How many drivers there are."""
        return len(self.first)

    @property
    def states(self) -> int:
        """How many states each driver has."""
        return int(self.scores.shape[1])

    @property
    def scenarios(self) -> int:
        """How many scenarios there are."""
        return len(self.base)

    def at(self, step: int) -> tuple[Table, ...]:
        """The tables of a step."""
        return self.later if step else self.first

    def outcome_given_drivers(self) -> Floats:
        """The scenarios' probabilities where none is kept, shape (combinations, scenarios), the last driver fastest."""
        logits = self.base[None, :]
        for score in self.scores:
            logits = (logits[:, None, :] + score).reshape(-1, self.scenarios)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: Floats = weights / weights.sum(axis=1, keepdims=True)
        return shares


def tables(program: Program) -> Tables:
    """The tables of a compiled program of this module's kind."""
    names = [name for name in program.nodes if name != OUTCOME]
    index = {name: number for number, name in enumerate([*sorted(names), OUTCOME])}
    last = min(1, program.steps - 1)

    def table(name: str, step: int) -> Table:
        law = _law(program, name, step)
        sizes = tuple(parent.size for parent in law.parents)
        parents = tuple((index[parent.node], parent.lag) for parent in law.parents)
        return Table(parents, sizes, law.table().reshape(math.prod(sizes), law.size))

    outcome = _law(program, OUTCOME, 0)
    scores = np.zeros((len(names), len(_node(program, names[0]).states), outcome.size))
    for term in outcome.terms:
        (parent,) = term.parents
        scores[index[parent.node]] += term.points[:, :-1]
    return Tables(
        steps=program.steps,
        first=tuple(table(name, 0) for name in sorted(names)),
        later=tuple(table(name, last) for name in sorted(names)),
        base=np.log(outcome.prior),
        scores=scores,
        keep=float(program.outcome.persistence[0]) if program.steps > 1 else 0.0,
    )


def _node(program: Program, name: str) -> CategoricalNode:
    node = program.nodes[name]
    assert isinstance(node, CategoricalNode)
    return node


def _law(program: Program, name: str, step: int) -> StepLaw:
    return program.law(_node(program, name), step)


@dataclass(frozen=True)
class Answer:
    """What a contender says of a model; None for what it was not asked for.

    Attributes:
        shares: shape (steps, scenarios), the probability of each scenario at each step.
        first: shape (steps, scenarios), the probability that a step is the first visit of a scenario.
        moves: shape (scenarios, scenarios), the transition matrix, pooled over the steps.
        states: shape (steps, drivers, states), the probability of each driver's states at each step.
    """

    shares: Floats
    first: Floats | None = None
    moves: Floats | None = None
    states: Floats | None = None

    @classmethod
    def of_counts(cls, trials: int, shares: Floats, first: Floats, moves: Floats, states: Floats) -> Answer:
        """The answer that counts over trials give, each of the shape of the part that it is named after."""
        pooled = moves / moves.sum(axis=1, keepdims=True) if len(shares) > 1 else None
        return cls(shares / trials, first / trials, pooled, states / trials)


@dataclass(frozen=True, eq=False)
class Case:
    """A model to be answered: as a study of this project, and as tables for all others."""

    name: str
    shape: Shape
    study: Study

    @property
    def program(self) -> Program:
        """The model, compiled."""
        return self.study.program

    @cached_property
    def tables(self) -> Tables:
        """The model as arrays."""
        return tables(self.program)

    @property
    def nodes(self) -> int:
        """The drivers and the outcome."""
        return self.shape.drivers + 1

    @cached_property
    def truth(self) -> Answer:
        """The exact answer."""
        return answer_of(self.study.simulate(method="exact"), self.shape)


def answer_of(simulation: Simulation, shape: Shape) -> Answer:
    """A forecast of this project as an answer."""
    scenarios = [simulation.scenarios[name] for name in sorted(simulation.scenarios)]
    moves = [[simulation.transitions[a][b] for b in sorted(simulation.scenarios)] for a in sorted(simulation.scenarios)]
    states = np.empty((shape.steps, shape.drivers, shape.states))
    for number, name in enumerate(sorted(simulation.drivers)):
        shares = simulation.drivers[name]
        assert isinstance(shares, StatesResult)
        states[:, number] = np.array([shares.by_step[state] for state in sorted(shares.by_step)]).T
    return Answer(
        shares=np.array([scenario.by_step for scenario in scenarios]).T,
        first=np.array([scenario.first_visit for scenario in scenarios]).T,
        moves=np.array(moves, dtype=np.float64) if shape.steps > 1 else None,
        states=states,
    )


@cache
def case(name: str) -> Case:
    """A case by its name: "static", "dynamic", "feedback", "dynamic STEPS" or "ring DRIVERS"."""
    kind, *sizes = name.split()
    if kind == "ring":
        return built(name, ring(int(sizes[0]), DYNAMIC.steps))
    shape = {"static": STATIC, "dynamic": DYNAMIC, "feedback": FEEDBACK}[kind]
    return built(name, replace(shape, steps=int(sizes[0])) if sizes else shape)


def built(name: str, shape: Shape, seed: int = 20240701) -> Case:
    """A case of a shape, loaded from a file as a user's model is."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.yaml"
        file.write_text(json.dumps(scenario_file(shape, seed)), encoding="utf-8")
        return Case(name, shape, load(file))
