"""usru: turns expert judgement about the future into honest likelihoods of scenarios.

    import usru_scenarios as us

    study = us.load("us-russia")
    result = study.simulate(trials=10_000)
    result.scenarios["reset"].by_step

Names are imported when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from usru_scenarios.version import __version__

TYPE_CHECKING = False  # as type checkers take it; `typing` itself would be half of what `usru --help` costs
if TYPE_CHECKING:
    from typing import Any

    from usru_scenarios.exact.inference import NotExact, TooLarge
    from usru_scenarios.problems import (
        ImpossibleEvidence,
        ModelError,
        Problem,
        QueryError,
        RequestError,
        TooFewTrials,
        UnreadableInput,
        UsageError,
        UsruError,
    )
    from usru_scenarios.questions.calibrate import NoAnchor
    from usru_scenarios.questions.compare import NotComparable
    from usru_scenarios.questions.page.question import PageData
    from usru_scenarios.results.ask import Answer, Answers
    from usru_scenarios.results.calibrate import Calibration
    from usru_scenarios.results.check import CheckReport
    from usru_scenarios.results.compare import Comparison
    from usru_scenarios.results.evidence import EvidenceReport
    from usru_scenarios.results.explain import Explanation
    from usru_scenarios.results.mutants import MutantSurvey
    from usru_scenarios.results.sensitivity import Sensitivity
    from usru_scenarios.results.show import Overview
    from usru_scenarios.results.simulate import Simulation
    from usru_scenarios.results.sources import DirectionsReport, SourcesReport
    from usru_scenarios.results.sweep import Sweep
    from usru_scenarios.results.validate import Validation
    from usru_scenarios.results.watch import Watch
    from usru_scenarios.settings import ArgumentError, SampleLimits
    from usru_scenarios.study import Study, load

__all__ = [
    "Answer",
    "Answers",
    "ArgumentError",
    "Calibration",
    "CheckReport",
    "Comparison",
    "DirectionsReport",
    "EvidenceReport",
    "Explanation",
    "ImpossibleEvidence",
    "ModelError",
    "MutantSurvey",
    "NoAnchor",
    "NotComparable",
    "NotExact",
    "Overview",
    "PageData",
    "Problem",
    "QueryError",
    "RequestError",
    "SampleLimits",
    "Sensitivity",
    "Simulation",
    "SourcesReport",
    "Study",
    "Sweep",
    "TooFewTrials",
    "TooLarge",
    "UnreadableInput",
    "UsageError",
    "UsruError",
    "Validation",
    "Watch",
    "__version__",
    "load",
]

_HOMES = {
    "Answer": "results.ask",
    "Answers": "results.ask",
    "ArgumentError": "settings",
    "Calibration": "results.calibrate",
    "CheckReport": "results.check",
    "Comparison": "results.compare",
    "DirectionsReport": "results.sources",
    "EvidenceReport": "results.evidence",
    "Explanation": "results.explain",
    "ImpossibleEvidence": "problems",
    "ModelError": "problems",
    "MutantSurvey": "results.mutants",
    "NoAnchor": "questions.calibrate",
    "NotComparable": "questions.compare",
    "NotExact": "exact.inference",
    "Overview": "results.show",
    "PageData": "questions.page.question",
    "Problem": "problems",
    "QueryError": "problems",
    "RequestError": "problems",
    "SampleLimits": "settings",
    "Sensitivity": "results.sensitivity",
    "Simulation": "results.simulate",
    "SourcesReport": "results.sources",
    "Study": "study",
    "Sweep": "results.sweep",
    "TooFewTrials": "problems",
    "TooLarge": "exact.inference",
    "UnreadableInput": "problems",
    "UsageError": "problems",
    "UsruError": "problems",
    "Validation": "results.validate",
    "Watch": "results.watch",
    "load": "study",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """What the library offers, imported or not yet."""
    return sorted(__all__)
