"""What files say differently, as the programs of their models: small, and kept between runs of the same comparison.

A model is read, changed and compiled where nothing is kept. Where an earlier run has kept what came of it, a comparison
needs the models no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from usru_scenarios.light_dataclasses import dataclass, field, replace
from usru_scenarios.program.conditions import with_reports_of
from usru_scenarios.program.distance import are_equal
from usru_scenarios.program.program import CategoricalNode, Floats, Node, Program

if TYPE_CHECKING:
    from usru_scenarios.results.compare import InputDifference

Made = TypeVar("Made")


class PartCache(Protocol):
    """Gives a part of what follows from a file and a reference alone, perhaps as an earlier run has kept it."""

    def __call__(self, part: str, make: Callable[[], Made], /) -> Made:
        """The part of that name; `make` makes it."""


def make_uncached(part: str, make: Callable[[], Made], /) -> Made:  # noqa: ARG001  # nothing is kept
    """As `PartCache`, where nothing is kept."""
    return make()


@dataclass(frozen=True)
class ProgramEdit:
    """What makes another program of one.

    Attributes:
        nodes, weights: by name, those that stand in the place of its own; weights of shape (steps,).
        whole: the other program, where more is different.
    """

    nodes: Mapping[str, Node] = field(default_factory=dict)
    weights: Mapping[str, Floats] = field(default_factory=dict)
    whole: Program | None = None

    @classmethod
    def between(cls, base: Program, other: Program) -> ProgramEdit:
        """What makes the second of the first."""
        bare_base, bare_other = (replace(each, nodes={}, weights={}) for each in (base, other))
        have_same_names = _same_states(base, other) and base.weights.keys() == other.weights.keys()
        if not (have_same_names and are_equal(bare_base, bare_other)):
            return cls(whole=other)
        return cls(
            {name: node for name, node in other.nodes.items() if not are_equal(node, base.nodes[name])},
            {name: weight for name, weight in other.weights.items() if not are_equal(weight, base.weights[name])},
        )

    def on(self, base: Program) -> Program:
        """The other program; `base` may have reports (see `conditions.with_reports_of`), which it then has too."""
        if self.whole is not None:
            return with_reports_of(self.whole, base)
        return replace(base, nodes={**base.nodes, **self.nodes}, weights={**base.weights, **self.weights})


def _same_states(one: Program, other: Program) -> bool:
    """Whether two programs have the same nodes in the same order, with the same states."""
    named = [
        [(name, node.states if isinstance(node, CategoricalNode) else None) for name, node in each.nodes.items()]
        for each in (one, other)
    ]
    return named[0] == named[1]


@dataclass(frozen=True)
class FileDifferences:
    """What a file says differently from a reference.

    Attributes:
        differences: the differences, in the order of the format.
        parts: of each, the part of the file that it belongs to.
        all: brings in all of them.
    """

    differences: Sequence[InputDifference] = ()
    parts: Sequence[str] = ()
    all: ProgramEdit = field(default_factory=ProgramEdit)

    def grouped(self, *, by_part: bool) -> dict[str, list[int]]:
        """The differences that are brought in together, by their numbers: each alone, or those of a part."""
        groups: dict[str, list[int]] = {}
        for number, name in enumerate(self.parts if by_part else [difference.path for difference in self.differences]):
            groups.setdefault(name, []).append(number)
        return groups
