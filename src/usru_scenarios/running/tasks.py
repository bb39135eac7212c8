"""How much work a mapping is, and how it is cut into tasks and shipped.

What maps over blocks is a method of a compiled object, such as a sampler bound to its program and plan. The object
predicts by counting what one call takes (see `Predicting`), so that whether work is handed out never depends on a
clock; a function that predicts nothing is not handed out at all. It is sent as its pickle: arrays, no files.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import MethodType
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from usru_scenarios.light_dataclasses import dataclass

Result = TypeVar("Result")

TASK_SECONDS = 0.25
"""The least that a task is predicted to take: then handing it out costs next to nothing."""

_TASKS_PER_WORKER = 4
"""Tasks are made smaller where there would be fewer, so that all workers end at about the same time."""


@runtime_checkable
class Predicting(Protocol):
    """An object whose methods are mapped, and which knows how much work they are."""

    @property
    def seconds_each(self) -> float:
        """Predicted seconds for one call, from counts alone."""


def predict_seconds(function: Callable[..., object]) -> float | None:
    """The seconds that one call of a function is predicted to take; None where it does not say."""
    while isinstance(function, partial):
        function = function.func
    if isinstance(function, MethodType) and isinstance(function.__self__, Predicting):
        return function.__self__.seconds_each
    return None


def as_sequence(blocks: Iterable[int]) -> Sequence[int]:
    """The block numbers as a sequence, which a range already is."""
    return blocks if isinstance(blocks, Sequence) else tuple(blocks)


@dataclass(frozen=True)
class Tasks(Generic[Result]):
    """A mapping, cut into tasks: ranges of neighbouring blocks.

    Attributes:
        function: what is applied to each block.
        blocks: the numbers of the blocks.
        size: how many of them a task has, the last one perhaps fewer.
    """

    function: Callable[[int], Result]
    blocks: Sequence[int]
    size: int

    @classmethod
    def of(
        cls, function: Callable[[int], Result], blocks: Sequence[int], seconds_each: float, workers: int
    ) -> Tasks[Result]:
        """Tasks of about `TASK_SECONDS`, or less where there would be too few for so many workers."""
        full_size = max(1, round(TASK_SECONDS / max(seconds_each, 1e-9)))
        fair_size = -(-len(blocks) // (_TASKS_PER_WORKER * workers))
        return cls(function, blocks, max(1, min(full_size, fair_size)))

    def __len__(self) -> int:
        return (len(self.blocks) + self.size - 1) // self.size

    def __getitem__(self, number: int) -> Sequence[int]:
        """The blocks of a task."""
        return self.blocks[number * self.size : (number + 1) * self.size]

    def pickled_function(self) -> bytes:
        """The function, ready to be shipped."""
        return pickle.dumps(self.function, protocol=pickle.HIGHEST_PROTOCOL)


def unpickle_function(payload: bytes) -> Callable[[int], Any]:
    """The function, where it arrives."""
    function: Callable[[int], Any] = pickle.loads(payload)  # noqa: S301  # comes from `Tasks.pickled_function`, through a pipe or cluster of one's own
    return function
