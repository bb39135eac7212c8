"""A program under conditions: what is imposed on it (interventions), and what is observed of it (observations)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from usru_scenarios.program.events import All, Formula
from usru_scenarios.program.program import Program


@dataclass(frozen=True)
class Intervention:
    """A node set to a state or value at some steps, cut off from its causes there."""

    node: str
    value: str | float
    steps: range
    text: str
    """As written, without `do( )`."""

    def on(self, program: Program) -> Program:
        """The program in which it holds."""
        return program.intervene(self.node, self.value, self.steps)


@dataclass(frozen=True)
class Observation:
    """A fact about the path that is observed: an event all of whose atoms have a time."""

    event: Formula
    text: str


def imposed(program: Program, interventions: Iterable[Intervention]) -> Program:
    """The program under interventions, one after another."""
    for intervention in interventions:
        program = intervention.on(program)
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
        return imposed(self.base, self.interventions)

    @property
    def seen(self) -> All:
        """What is observed as one event, with a part for each observation; always true where there is none."""
        return All(tuple(observation.event for observation in self.observations))

    @property
    def given(self) -> All | None:
        """The same event; None where nothing is observed."""
        return self.seen if self.observations else None

    @property
    def evidence(self) -> list[tuple[str, Formula]]:
        """Each observation as it is written, and its event."""
        return [(observation.text, observation.event) for observation in self.observations]

    @property
    def texts(self) -> tuple[list[str], list[str]]:
        """What is imposed and what is observed, as written."""
        return [one.text for one in self.interventions], [one.text for one in self.observations]

    def on(self, base: Program) -> Conditioned:
        """Another program under the same conditions."""
        return replace(self, base=base)
