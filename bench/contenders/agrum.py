"""pyAgrum, a library of graphical models in C++; several steps are unrolled into one network."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bench.contenders import Run, Unavailable, optional
from bench.model import Answer, Case, Floats

LARGEST = 1 << 26
"""Entries of the largest clique that is tried, half a gigabyte."""


def drawn(case: Case) -> Run:
    """Samples whole trials, of which the scenarios are counted."""
    gum = _gum()
    tables, network = case.tables, _unrolled(gum, case)
    columns = [_name(tables.drivers, step) for step in range(tables.steps)]

    def run(trials: int, seed: int) -> Answer:
        gum.initRandom(seed)
        generator = gum.BNDatabaseGenerator(network)
        generator.setTopologicalVarOrder()
        generator.drawSamples(trials)
        frame = generator.to_pandas()
        counts = [
            np.bincount(frame[column].to_numpy().astype(np.int64), minlength=tables.scenarios) for column in columns
        ]
        return Answer(np.array(counts) / trials)

    return run


def exact(case: Case) -> Run:
    """Lazy propagation for the scenarios at the last step."""
    return _propagation(case, all_nodes=False)


def exact_all(case: Case) -> Run:
    """Lazy propagation for every node at every step."""
    return _propagation(case, all_nodes=True)


def _propagation(case: Case, *, all_nodes: bool) -> Run:
    gum = _gum()
    tables, network = case.tables, _unrolled(gum, case)
    if (largest := _largest_clique(gum, network)) > LARGEST:
        raise Unavailable(
            f"unrolled over {tables.steps} steps, its junction tree has a clique of {largest:.1e} entries"
        )

    def posteriors(engine: Any, node: int, steps: range) -> Floats:
        return np.array([engine.posterior(_name(node, step)).tolist() for step in steps])

    def run(_trials: int, _seed: int) -> Answer:
        engine = gum.LazyPropagation(network)
        steps = range(tables.steps) if all_nodes else range(tables.steps - 1, tables.steps)
        if not all_nodes:
            engine.setTargets({_name(tables.drivers, steps[0])})
        engine.makeInference()
        shares = posteriors(engine, tables.drivers, steps)
        if not all_nodes:
            return Answer(shares)
        return Answer(shares, states=np.stack([posteriors(engine, d, steps) for d in range(tables.drivers)], axis=1))

    return run


def _gum() -> Any:
    gum = optional("pyagrum")
    gum.setNumberOfThreads(1)
    return gum


def _name(node: int, step: int) -> str:
    return f"n{node}_{step}"


def _unrolled(gum: Any, case: Case) -> Any:
    """The network with a variable for every node at every step."""
    tables, network = case.tables, gum.BayesNet()
    for step in range(tables.steps):
        for driver, table in enumerate(tables.at(step)):
            network.add(gum.RangeVariable(_name(driver, step), "", 0, tables.states - 1))
            parents = [_name(parent, step - lag) for parent, lag in table.parents]
            _fill(network, _name(driver, step), parents, table.rows.reshape(*table.sizes, tables.states))
        outcome, drivers = _name(tables.drivers, step), [_name(driver, step) for driver in range(tables.drivers)]
        network.add(gum.RangeVariable(outcome, "", 0, tables.scenarios - 1))
        fresh = tables.outcome_given_drivers().reshape(*[tables.states] * tables.drivers, tables.scenarios)
        if step == 0:
            _fill(network, outcome, drivers, fresh)
        else:
            kept = tables.keep * np.eye(tables.scenarios) + (1 - tables.keep) * fresh[..., None, :]
            _fill(network, outcome, [*drivers, _name(tables.drivers, step - 1)], kept)
    return network


def _fill(network: Any, name: str, parents: list[str], table: Floats) -> None:
    """Give a node its parents and its table, whose axes are the parents in this order and the node's states."""
    for parent in parents:
        network.addArc(parent, name)
    cpt = network.cpt(name)
    order = [parents.index(parent) for parent in reversed(cpt.names[1:])]
    cpt[:] = np.ascontiguousarray(table.transpose(*order, len(parents)))


def _largest_clique(gum: Any, network: Any) -> float:
    """The entries of the largest clique of the junction tree that would be used."""
    tree = gum.JunctionTreeGenerator().junctionTree(network)
    return max(
        math.prod(float(network.variable(node).domainSize()) for node in tree.clique(clique)) for clique in tree.nodes()
    )
