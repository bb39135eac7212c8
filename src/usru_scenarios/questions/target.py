"""What a question about the whole forecast is asked of: some scenarios or all, at one step or on average over all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from usru_scenarios.language.text import parse_single_step
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.problems import list_choices, suggest_name
from usru_scenarios.program.events import Formula
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.questions.difference_error_floors import SingleTrials
from usru_scenarios.source_text import SourceText

MEAN = "mean"
"""The time that stands for the average over all steps."""


@dataclass(frozen=True)
class Target:
    """What is looked at, and when.

    Attributes:
        members: the scenarios whose common probability counts, by number; None where every scenario counts by itself.
        name: of the scenario or group; empty where there is none.
        step: the number of the step, or None for the mean over all steps.
        cells: sets of scenarios that share out all of them: each by itself, or the members and the rest. Half the sum
            of the absolute changes of their probabilities is the total variation; of two it is the change of the first.
    """

    members: tuple[int, ...] | None
    name: str
    step: int | None
    cells: tuple[tuple[int, ...], ...] = ()

    def shares(self, steps: int) -> Floats:
        """How much each step counts, up to the last one that does; shape (steps looked at,), sum 1."""
        if self.step is None:
            return np.full(steps, 1.0 / steps)
        alone: Floats = np.eye(self.step + 1)[self.step]
        return alone

    def steps(self, program: Program) -> range:
        """The steps that count."""
        return range(program.steps) if self.step is None else range(self.step, self.step + 1)

    def single_trials(self, program: Program, seen: Sequence[Formula] = ()) -> SingleTrials:
        """What single trials of a program, of those that agree with what is seen, say of the cells when it counts."""
        return SingleTrials(lambda: program, self.cells, self.steps(program), seen)

    def at(self, program: Program) -> str:
        """The label of the step, or `mean`."""
        return MEAN if self.step is None else program.grid.labels[self.step]

    def places(self, scenarios: Iterable[str], program: Program) -> dict[str, int]:
        """Which cell each thing that is reported is: scenarios, in the order given, or what alone was asked about."""
        return {self.name: 0} if self.name else {name: program.outcome.states.index(name) for name in scenarios}

    def gathered(self, probability: Floats) -> Floats:
        """The probability of each cell, shape (cells, ...), from that of each scenario, shape (scenarios, ...)."""
        return np.array([probability[list(cell)].sum(axis=0) for cell in self.cells])


def parse_target(of: str | None, at: str | None, program: Program) -> Target:
    """Read what `--of` and `--at` say: a scenario or group, and a step or `mean`; by default all and the last step.

    Raises:
        QueryError: there is no such scenario or group, or the time is neither `mean` nor one step of the grid.
    """
    step = _step("end" if at is None else at, program)
    numbers = range(len(program.outcome.states))
    if of is None:
        return Target(None, "", step, tuple((number,) for number in numbers))
    members = find_members(of.strip(), program, SourceText("--of", of), (0, len(of)))
    return Target(members, of.strip(), step, (members, tuple(number for number in numbers if number not in members)))


def find_members(name: str, program: Program, text: SourceText, place: tuple[int, int]) -> tuple[int, ...]:
    """The scenarios that a scenario or a group of them means, by number; `place` is where its name stands in the text.

    Raises:
        QueryError: there is no such scenario or group.
    """
    members_by_name = {state: (number,) for number, state in enumerate(program.outcome.states)} | dict(program.groups)
    if name not in members_by_name:
        message = f"'{name}' is no scenario and no group of scenarios"
        raise text.error(
            "unknown_name", message, *place, suggest_name(name, members_by_name) or list_choices(members_by_name)
        )
    return members_by_name[name]


def _step(text: str, program: Program) -> int | None:
    if text.strip() == MEAN:
        return None
    several = f": name one of them, or {MEAN} for the average over all"
    hint = f"write a step, such as end, or {MEAN} for the average over all steps"
    near = [MEAN, "start", "end", *program.grid.labels]
    return parse_single_step(SourceText("--at", text), program.grid, several, hint, near=near)
