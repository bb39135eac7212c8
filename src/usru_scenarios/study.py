"""A model at hand, ready to be asked: the library's front door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from usru_scenarios.analysis.forecast import DEFAULT_SEED, DEFAULT_TRIALS, forecast
from usru_scenarios.engine import MapBlocks
from usru_scenarios.loading import Loaded
from usru_scenarios.loading import load as load_file
from usru_scenarios.program import Program, compile_model
from usru_scenarios.results import Simulation


@dataclass(frozen=True)
class Study:
    """A loaded model, with the questions that can be asked of it.

    Attributes:
        loaded: the model, its claims, its warnings and where it came from.
    """

    loaded: Loaded

    @cached_property
    def program(self) -> Program:
        """The model, compiled."""
        return compile_model(self.loaded.model)

    def simulate(
        self, *, trials: int = DEFAULT_TRIALS, seed: int = DEFAULT_SEED, map_blocks: MapBlocks = map
    ) -> Simulation:
        """How likely is each scenario, step by step?

        Args:
            trials: how many worlds to draw, at least 2.
            seed: of the random streams; the same seed gives the same result, digit for digit.
            map_blocks: runs the blocks of trials; the default runs them one after another.
        """
        return forecast(self.loaded, self.program, trials=trials, seed=seed, map_blocks=map_blocks)


def load(
    model: str | Path = "us-russia",
    *,
    profile: str | None = None,
    weights: Mapping[str, float | str] | Sequence[str] = (),
    overrides: Mapping[str, object] | Sequence[str] = (),
    sourced_only: bool = False,
) -> Study:
    """Load a model.

    Args:
        model: a path, "-" for standard input, or the id of a bundled model.
        profile: a profile of the file to apply.
        weights: by driver or rule, a number or "x1.7" to multiply; or texts "NAME=VALUE".
        overrides: by dotted path, any value of the file; or texts "PATH=VALUE".
        sourced_only: set points that cite no document's claim to 0.

    Raises:
        ModelError: the file has faults, all of which it lists.
        UnreadableInput: there is no such file or it can't be read.
    """
    return Study(
        load_file(
            model,
            profile=profile,
            weights=_assignments(weights),
            assignments=_assignments(overrides),
            sourced_only=sourced_only,
        )
    )


def _assignments(given: Mapping[str, object] | Sequence[str]) -> Sequence[str]:
    """Assignments as the command line writes them."""
    import json

    if isinstance(given, Mapping):
        return [f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in given.items()]
    return given
