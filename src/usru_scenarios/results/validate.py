"""Whether a file is right, in the form of its JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from usru_scenarios.results.common import JsonResult, ModelLine


@dataclass(frozen=True)
class Diagnostic:
    """A fault or warning of a file with its place; lines and columns count from 1."""

    code: str
    message: str
    severity: Literal["error", "warning"]
    path: str | None
    line: int | None
    column: int | None
    hint: str
    count: int = 1
    """For how many warnings of the kind it stands, of which this is the first."""


@dataclass(frozen=True)
class Validation(JsonResult):
    """Whether a file is right. `model` is None where it is not; `counts` says how much there is of what."""

    valid: bool
    model: ModelLine | None
    counts: dict[str, int]
    problems: list[Diagnostic]
    format: Literal["usru.validation/1.0"] = "usru.validation/1.0"
