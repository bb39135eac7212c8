"""The contenders, each in a module of its own, and what they have in common."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from bench.model import Answer, Case

Method = Literal["carried", "drawn", "exact", "exact, all nodes"]
"""How an answer is found.

carried: drivers are drawn, the scenario's probability is carried along them (Rao and Blackwell's improvement).
drawn: the scenario is drawn too, and counted.
exact: the scenarios' probabilities without sampling; "all nodes": those of every driver as well.
"""

Run = Callable[[int, int], Answer]
"""Answers a case, given the number of trials and the seed, both of which an exact one leaves aside."""


class Unavailable(Exception):  # noqa: N818  # says what is at fault
    """A contender that can't run here, and why."""


@dataclass(frozen=True)
class Contender:
    """Someone who answers a case.

    Attributes:
        name: as tables show it.
        method: see `Method`.
        prepare: builds all that may be built once for a model, and returns what is timed; raises `Unavailable`.
        trials: by the case's name, how many trials one timed run makes; 0 where it is exact. Only these cases are run.
    """

    name: str
    method: Method
    prepare: Callable[[Case], Run]
    trials: dict[str, int]


def optional(module: str) -> Any:
    """A package that need not be installed.

    Raises:
        Unavailable: it is not.
    """
    try:
        with warnings.catch_warnings(record=True):  # what a peer deprecates is its own affair
            return importlib.import_module(module)
    except ImportError as error:
        raise Unavailable(f"{module.partition('.')[0]} is not installed") from error
