"""What follows from a model for its judgements with one point more: kept, so that the next run compiles nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.program.program import Node, Program
from usru_scenarios.questions.program_edits import PartCache, make_uncached
from usru_scenarios.questions.sensitivity.perturbations import Perturbations
from usru_scenarios.questions.sensitivity.tilting import NodeTilts

if TYPE_CHECKING:
    from usru_scenarios.reading.loading import Loaded


@dataclass(frozen=True)
class PerturbedModel:
    """A model with what follows from it for other values of its judgements.

    Attributes:
        loaded: gives the model and its claims, where no earlier run has kept what follows.
        program: compiled, under any conditions.
        keep: gives what follows from the model alone.
    """

    loaded: Callable[[], Loaded]
    program: Program
    keep: PartCache = make_uncached

    @cached_property
    def perturbations(self) -> Perturbations:
        """What there is to perturb."""

        def list_all() -> Perturbations:
            from usru_scenarios.questions.sensitivity.one_point import list_perturbations

            return list_perturbations(self.loaded(), self.program)

        return self.keep("perturbations", list_all)

    def node_tilts(self, numbers: Sequence[int]) -> NodeTilts:
        """What some of the judgements, each of a categorical node, do to its law; they are numbered in this order."""

        def compile_tilts() -> NodeTilts:
            from usru_scenarios.questions.sensitivity.law_tilts import compile_node_tilts

            return compile_node_tilts(
                self.loaded().model, [self.perturbations.judgements[number] for number in numbers]
            )

        return self.keep(f"tilts of {numbers}", compile_tilts)

    def changed_nodes(self, numbers: Sequence[int]) -> list[Mapping[str, Node]]:
        """For each of some judgements the nodes that it touches, with its other value."""

        def compile_nodes() -> list[Mapping[str, Node]]:
            from usru_scenarios.questions.sensitivity.one_point import changed_nodes

            model = self.loaded().model
            return [changed_nodes(model, self.perturbations.judgements[number]) for number in numbers]

        return self.keep(f"nodes touched by {numbers}", compile_nodes)
