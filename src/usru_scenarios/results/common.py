"""What all answers say of themselves: which model, how found, and what to be warned of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

from usru_scenarios.problems import Problem


@dataclass(frozen=True)
class ModelLine:
    """Which model it was: `sha256` is of the resolved model, overlays and overrides included."""

    name: str
    title: str
    sha256: str


class JsonResult:
    """A result that has a JSON form."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as plain data, `format` first."""
        data = asdict(cast("Any", self))
        return {"format": data.pop("format"), **data}


class Summarised(JsonResult):
    """A result that is shown in a line, for in full it has thousands of numbers: which they are says `to_dict`."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {', '.join(self._summary())}>"

    def _summary(self) -> Iterator[str]:
        """The model, how it was run, and what was found."""
        if (model := getattr(self, "model", None)) is not None:
            yield str(model.name)
        run = getattr(self, "run", self)
        if (trials := getattr(run, "trials", 0)) != 0:
            yield f"sample of {trials:,} trials"
        else:
            yield "exact"
        found = list(self._found())
        yield from found[:_MOST_SHOWN]
        if len(found) > _MOST_SHOWN:
            yield "..."

    def _found(self) -> Iterator[str]:
        """What was found, the most telling first."""
        yield from ()


_MOST_SHOWN = 6


@dataclass(frozen=True)
class Run:
    """How the result was found."""

    trials: int
    seed: int
    method: Literal["sample", "exact"]
    steps: list[str]
    profile: str | None
    weights: dict[str, float]
    """By driver; of a schedule, its mean over the steps."""
    do: list[str]
    given: list[str]
    effective_trials: float | None
    """For how many unweighted trials the weighted ones stand; None where the method is exact."""
    usru_version: str
    judgements: int = 0
    """How many draws of the uncertain judgements; 0 where there are none, or they are taken at their means."""
    judgements_at_means: int = 0
    """How many uncertain judgements stand at their means; 0 where there are none, or their draws are averaged over."""


@dataclass(frozen=True)
class Warned:
    """A warning: its stable code, its sentence, and where there is one, the file and line that it is about."""

    code: str
    message: str
    path: str | None = None
    line: int | None = None
    count: int = 1
    """For how many of the kind it stands, of which this is the first."""


def warned(problem: Problem) -> Warned:
    """A problem as a result carries it."""
    if problem.span is None:
        return Warned(problem.code, problem.message, count=problem.count)
    return Warned(problem.code, problem.message, problem.span.source, problem.span.line, problem.count)
