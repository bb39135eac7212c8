"""Whether a file is right, in the form of its JSON."""

from __future__ import annotations

from typing import Literal

from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.problems import Problem, Replacement
from usru_scenarios.results.common import FileRun, JsonResult, ModelLine


@dataclass(frozen=True)
class Diagnostic:
    """A fault or warning of a file with its place; lines and columns count from 1.

    Attributes:
        code: a stable name of the kind of fault or warning, for programs.
        message: what is wrong, in a sentence.
        severity: `error` or `warning`.
        path: the file; null where it is about none.
        line: the line in that file, from 1; null where there is none.
        column: the column in that line, from 1; null where there is none.
        hint: what is likely meant, or what to do; empty where there is nothing to say.
        count: for how many warnings of the kind it stands, of which this is the first.
        fix: the changes of the file that follow the hint, where that takes no thought; else empty.
    """

    code: str
    message: str
    severity: Literal["error", "warning"]
    path: str | None
    line: int | None
    column: int | None
    hint: str
    count: int = 1
    fix: list[Replacement] = field(default_factory=list)


@dataclass(frozen=True)
class Validation(JsonResult):
    """Whether a file is right. `model` is None where it is not; `counts` says how much there is of what.

    Attributes:
        valid: whether the file has no errors; warnings do not count.
        model: the model, by name, title and hash; null where the file has errors.
        counts: how many steps, scenarios, drivers and other parts the model has.
        problems: errors and warnings, each with its place.
    """

    valid: bool
    model: ModelLine | None
    run: FileRun
    counts: dict[str, int]
    problems: list[Diagnostic]
    format: Literal["usru.validation/1.1"] = "usru.validation/1.1"


@dataclass(frozen=True)
class Faults(JsonResult):
    """Why a command has no answer, where JSON was asked for: the last line of standard error.

    Attributes:
        problems: what is wrong, each with its place where it has one.
        exit_status: the exit status of the command.
        format: name and version of this JSON; keys may come within a major version, none goes.
    """

    problems: list[Diagnostic]
    exit_status: int
    format: Literal["usru.faults/1.0"] = "usru.faults/1.0"


def diagnostic(problem: Problem) -> Diagnostic:
    """A problem as plain values."""
    span = problem.span
    return Diagnostic(
        code=problem.code,
        message=problem.message,
        severity=problem.severity,
        path=span.source if span else None,
        line=span.line if span else None,
        column=span.column if span else None,
        hint=problem.hint,
        count=problem.count,
        fix=list(problem.fix),
    )
