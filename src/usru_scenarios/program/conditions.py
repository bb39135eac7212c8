"""A program under conditions: what is imposed on it (interventions), and what is observed of it (observations)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.program.events import All, Formula, InStates, Timed
from usru_scenarios.program.laws import Parent, leading_draws
from usru_scenarios.program.program import CategoricalNode, Floats, Node, Program


@dataclass(frozen=True)
class Intervention:
    """A node set to a state or value at some steps, cut off from its causes there."""

    node: str
    value: str | float
    steps: range
    text: str
    """As written, without `do( )`."""

    def apply(self, program: Program) -> Program:
        """The program in which it holds."""
        return program.intervene(self.node, self.value, self.steps)


@dataclass(frozen=True)
class Observation:
    """A fact about the path that is observed: an event all of whose atoms have a time."""

    event: Formula
    text: str
    item: str = ""
    """The item of a file of evidence that it comes from, by its id; empty of what is given one by one."""


@dataclass(frozen=True, eq=False)
class VirtualEvidence:
    """A sign of the state that a node is in at a step, such as a report of it, which proves nothing.

    Attributes:
        node: a categorical one.
        step: of the state.
        likelihood: the probability of the sign in each state, shape (states,); where it is drawn with the judgements,
            (draws, states). A factor that all states have in common says nothing of them.
    """

    node: str
    step: int
    likelihood: Floats


REPORTED = 0
"""The state of an auxiliary node for reports in which there is the report that is observed."""


def with_virtual_evidence(program: Program, reports: Iterable[VirtualEvidence]) -> tuple[Program, list[Timed]]:
    """A program with auxiliary nodes that stand for reports, and for each report the event that it is made.

    A report is a consequence of the node that it is about, with two states, made or not: observing it multiplies the
    weight of a trial by its likelihood, in every engine and under every intervention: method (61). Of a node there is
    one such consequence for as many steps as there are reports of, and further ones where several reports are of one
    step; at other steps it is made for certain, and is not observed.
    """
    laws_by_node: dict[str, dict[int, tuple[tuple[Parent, ...], Floats]]] = {}
    events = []
    for report in reports:
        number = 0
        while report.step in laws_by_node.setdefault(name := f"{report.node} reported.{number}", {}):
            number += 1
        likelihood = report.likelihood
        parents = (*leading_draws(likelihood, 1), Parent(report.node, 0, likelihood.shape[-1]))
        laws_by_node[name][report.step] = parents, np.stack([likelihood, 1.0 - likelihood], axis=-1)
        events.append(Timed("at", range(report.step, report.step + 1), InStates(name, frozenset([REPORTED]))))
    nodes = {}
    for name, laws in laws_by_node.items():
        node = auxiliary_node(name, ("reported", "not reported"), program.steps, (), np.ones(2))
        imposed = np.array([-1 if step in laws else REPORTED for step in range(program.steps)])
        nodes[name] = replace(node, imposed=imposed, reports=laws)
    return replace(program, nodes={**program.nodes, **nodes}) if nodes else program, events


def auxiliary_node(
    name: str, states: tuple[str, ...], steps: int, prior_parents: tuple[Parent, ...], prior: Floats
) -> CategoricalNode:
    """A node that no model names: its prior alone says in which state it is, at each step anew."""
    size = len(states)
    return CategoricalNode(
        name=name,
        role="auxiliary",
        states=states,
        prior_parents=prior_parents,
        prior=prior,
        initial=None,
        forced={},
        persistence=np.zeros(size),
        allowed=None,
        terms=(),
        curves=(),
        windows=np.zeros((steps, size + 1)),
        log_odds=np.asarray(0.0),
        imposed=np.full(steps, -1),
    )


def with_reports_of(program: Program, other: Program) -> Program:
    """A program with the reports of another one, on those nodes that have the same states in both."""
    copied: dict[str, Node] = {}
    for name, node in other.nodes.items():
        if isinstance(node, CategoricalNode) and node.reports:
            reported = name.partition(" reported.")[0]
            here, there = program.nodes.get(reported), other.nodes[reported]
            if isinstance(here, CategoricalNode) and isinstance(there, CategoricalNode) and here.states == there.states:
                copied[name] = node
    return replace(program, nodes={**program.nodes, **copied}) if copied else program


def apply_interventions(program: Program, interventions: Iterable[Intervention]) -> Program:
    """The program under interventions, one after another."""
    for intervention in interventions:
        program = intervention.apply(program)
    return program


@dataclass(frozen=True)
class Conditioned:
    """A program under conditions, as every question is given it.

    Attributes:
        base: the program without the interventions, which what varies a program starts from.
        interventions: what is imposed, in the order in which it is.
        observations: what is observed; what is asked is asked of the trials in which all of it holds.
    """

    base: Program
    interventions: tuple[Intervention, ...] = ()
    observations: tuple[Observation, ...] = ()

    @cached_property
    def program(self) -> Program:
        """The program under the interventions."""
        return apply_interventions(self.base, self.interventions)

    @property
    def is_unconditional(self) -> bool:
        """Whether nothing is imposed or observed."""
        return not (self.interventions or self.observations)

    @property
    def observed_event(self) -> All:
        """The observations as one event, with a part for each; always true where there is none."""
        return All(tuple(observation.event for observation in self.observations))

    @property
    def given(self) -> All | None:
        """The same event; None where nothing is observed."""
        return self.observed_event if self.observations else None

    @property
    def evidence(self) -> list[tuple[str, Formula]]:
        """Each observation as it is written, and its event."""
        return [(observation.text, observation.event) for observation in self.observations]

    @property
    def texts(self) -> tuple[list[str], list[str]]:
        """The interventions and the observations, as written, without the items of a file of evidence."""
        observed = [condition.text for condition in self.observations if not condition.item]
        return [condition.text for condition in self.interventions], observed

    def with_base(self, base: Program) -> Conditioned:
        """Another program under the same conditions."""
        return replace(self, base=base)
