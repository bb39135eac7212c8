"""pgmpy, a library of graphical models in Python; several steps are its dynamic Bayesian network."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np

from bench.contenders import Run, optional
from bench.model import Answer, Case, Floats, Table


def drawn(case: Case) -> Run:
    """Forward sampling of one step; the scenarios are counted."""
    model, tables = _network(case), case.tables

    def run(trials: int, seed: int) -> Answer:
        frame = _quietly(model.simulate, trials, seed=seed, show_progress=False)
        return Answer(_counted(frame["outcome"], tables.scenarios)[None] / trials)

    return run


def exact(case: Case) -> Run:
    """Variable elimination, for one step."""
    model = _network(case)
    inference = optional("pgmpy.inference")

    def run(_trials: int, _seed: int) -> Answer:
        found = _quietly(inference.VariableElimination(model).query, ["outcome"], show_progress=False)
        return Answer(np.asarray(found.values)[None])

    return run


def dynamic(case: Case) -> Run:
    """Forward sampling of a dynamic network; the scenarios are counted."""
    tables = case.tables
    model = optional("pgmpy.models").DynamicBayesianNetwork()
    names = [*(f"d{number}" for number in range(tables.drivers)), "outcome"]
    now = [(name, 1) for name in names]
    cpds = []
    for lag in (1, 0):  # the first step is slice 0, of which all later ones are told by slice 1
        slice_ = 1 - lag
        for number, table in enumerate(tables.at(slice_)):
            parents = [(names[parent], slice_ - back) for parent, back in table.parents]
            model.add_edges_from((parent, (names[number], slice_)) for parent in parents)
            cpds.append(_cpd((names[number], slice_), table, parents))
        drivers = [(name, slice_) for name in names[:-1]]
        model.add_edges_from((driver, ("outcome", slice_)) for driver in drivers)
        fresh = tables.outcome_given_drivers()
        sizes = (tables.states,) * tables.drivers
        if slice_ == 0:
            cpds.append(_cpd(("outcome", 0), Table((), sizes, fresh), drivers))
        else:
            model.add_edge(("outcome", 0), ("outcome", 1))
            kept = tables.keep * np.eye(tables.scenarios) + (1 - tables.keep) * fresh[:, None, :]
            rows = kept.reshape(-1, tables.scenarios)
            cpds.append(_cpd(now[-1], Table((), (*sizes, tables.scenarios), rows), [*drivers, ("outcome", 0)]))
    model.add_cpds(*cpds)
    _quietly(model.initialize_initial_state)

    def run(trials: int, seed: int) -> Answer:
        frame = _quietly(model.simulate, trials, tables.steps, seed=seed, show_progress=False)
        shares = [_counted(frame[("outcome", step)], tables.scenarios) for step in range(tables.steps)]
        return Answer(np.array(shares) / trials)

    return run


def _network(case: Case) -> Any:
    """The network of one step."""
    tables = case.tables
    names = [f"d{number}" for number in range(tables.drivers)]
    edges = [(names[parent], names[d]) for d, table in enumerate(tables.first) for parent, _ in table.parents]
    model = optional("pgmpy.models").DiscreteBayesianNetwork([*edges, *((name, "outcome") for name in names)])
    for name, table in zip(names, tables.first, strict=True):
        model.add_cpds(_cpd(name, table, [names[parent] for parent, _ in table.parents]))
    sizes = (tables.states,) * tables.drivers
    model.add_cpds(_cpd("outcome", Table((), sizes, tables.outcome_given_drivers()), names))
    return model


def _cpd(name: Any, table: Table, parents: list[Any]) -> Any:
    tabular = optional("pgmpy.factors.discrete").TabularCPD
    rows: Floats = table.rows.T
    if not parents:
        return tabular(name, len(rows), rows)
    return tabular(name, len(rows), rows, parents, list(table.sizes))


def _counted(column: Any, size: int) -> Floats:
    """How often each state stands in a column of samples."""
    counts = column.value_counts()
    return np.array([float(counts.get(state, 0)) for state in range(size)])


def _quietly(function: Any, *arguments: Any, **options: Any) -> Any:
    """Call a function without its progress notes."""
    logging.getLogger("pgmpy").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **options)
