"""usru: turns expert judgement about US-Russia relations into honest likelihoods of scenarios.

    import usru_scenarios as us

    study = us.load("us-russia")
    result = study.simulate(trials=10_000)
    result.scenarios["reset"].by_step

Names are imported when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from usru_scenarios.version import __version__

if TYPE_CHECKING:
    from usru_scenarios.problems import ModelError, Problem, UnreadableInput, UsruError
    from usru_scenarios.results.forecast import Simulation
    from usru_scenarios.study import Study, load

__all__ = [
    "ModelError",
    "Problem",
    "Simulation",
    "Study",
    "UnreadableInput",
    "UsruError",
    "__version__",
    "load",
]

_HOMES = {
    "ModelError": "problems",
    "Problem": "problems",
    "Simulation": "results.forecast",
    "Study": "study",
    "UnreadableInput": "problems",
    "UsruError": "problems",
    "load": "study",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
