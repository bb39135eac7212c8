"""What the arguments ask of a model before any question is put: its file, profile, weights and other values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from usru_scenarios.study import Study


@dataclass(frozen=True)
class ModelRequest:
    """A model with what is to be changed in it."""

    model: str
    profile: str | None = None
    weights: list[str] | None = None
    assignments: list[str] | None = None
    sourced_only: bool = False
    confined: bool = False

    def build(self) -> Study:
        """The model, loaded and ready to be asked."""
        from usru_scenarios.study import load

        return self._through(load)

    def recall(self) -> Study:
        """The same from an earlier run where that is possible, for what needs the program and the outline alone."""
        from usru_scenarios.study import recalled

        return self._through(recalled)

    def _through(self, door: Callable[..., Study]) -> Study:
        return door(
            self.model,
            profile=self.profile,
            weights=self.weights or (),
            overrides=self.assignments or (),
            sourced_only=self.sourced_only,
            confined=self.confined,
        )
