"""Exact answers against another project's engine, pyAgrum, on random models unrolled over their steps.

pyAgrum is in the extra `peers`; without it these tests say that they are skipped.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import assume, given, settings

from support.effort import tries
from support.model_strategies import models
from support.sampled import compiled
from usru_scenarios.exact.inference import probabilities
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import All, Formula, InStates, Timed
from usru_scenarios.program.program import CategoricalNode, Program

gum: Any = pytest.importorskip("pyagrum", reason="pyAgrum, in the extra peers, is not installed")

Json = dict[str, Any]
TOLERANCE = 1e-6


def unrolled(program: Program) -> Any:
    """The Bayesian network with a variable for every node at every step."""
    network = gum.BayesNet("unrolled")
    for step, (name, node) in itertools.product(range(program.steps), program.nodes.items()):
        assert isinstance(node, CategoricalNode)
        law = program.law(node, step)
        network.add(gum.LabelizedVariable(f"{name}@{step}", "", len(node.states)))
        names = [f"{parent.node}@{step - parent.lag}" for parent in law.parents]
        for parent in names:
            network.addArc(parent, f"{name}@{step}")
        table = law.table()
        for row in itertools.product(*(range(parent.size) for parent in law.parents)):
            network.cpt(f"{name}@{step}")[dict(zip(names, row, strict=True))] = table[row].tolist()
    return network


def at(step: int, name: str, state: int) -> Formula:
    return Timed("at", range(step, step + 1), InStates(name, frozenset({state})))


def worst_difference(program: Program, other: Program) -> float:
    """The largest difference between our posteriors and the peer's in an equal or other program.

    What is seen is the likeliest scenario at the last step; smoothing back to the first is asked for as well.
    """
    last = program.steps - 1
    size = len(program.outcome.states)
    shares = probabilities(program, [at(last, OUTCOME, state) for state in range(size)])
    seen = max(range(size), key=shares.__getitem__)
    peer = gum.LazyPropagation(unrolled(other))
    peer.setEvidence({f"{OUTCOME}@{last}": seen})
    peer.makeInference()
    worst = 0.0
    for step, (name, node) in itertools.product({0, last}, program.nodes.items()):
        assert isinstance(node, CategoricalNode)
        events: list[Formula] = [
            All((at(step, name, state), at(last, OUTCOME, seen))) for state in range(len(node.states))
        ]
        theirs = peer.posterior(f"{name}@{step}").tolist()
        ours = [joint / shares[seen] for joint in probabilities(program, events)]
        worst = max([worst, *(abs(one - two) for one, two in zip(ours, theirs, strict=True))])
    return worst


@pytest.mark.more
@given(models(numeric=False))
@settings(max_examples=tries(8, 25), deadline=None, derandomize=True)
def test_posteriors_are_the_peers(raw: Json) -> None:
    program = compiled(raw)
    assume(program.steps <= 4)
    assume(all(isinstance(node, CategoricalNode) and len(node.states) > 1 for node in program.nodes.values()))
    assert worst_difference(program, program) < TOLERANCE


def test_a_sabotaged_model_differs_from_the_peer() -> None:
    raw: Json = {
        "usru": 1,
        "name": "m",
        "title": "M",
        "time": {"start": "2025-01", "end": "2025-04", "step": "month"},
        "scenarios": {"calm": {}, "storm": {}},
        "drivers": {
            "wind": {"states": {"low": 0.7, "high": 0.3}, "persistence": 0.5, "impacts": {"high": {"storm": 3}}}
        },
    }
    program = compiled(raw)
    assert worst_difference(program, program) < TOLERANCE
    raw["drivers"]["wind"]["impacts"]["high"]["storm"] = -3
    assert worst_difference(program, compiled(raw)) > 0.1
