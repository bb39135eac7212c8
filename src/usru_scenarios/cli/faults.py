"""Why a command has no answer, as JSON, for programs that asked for JSON: a line on standard error."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise

from usru_scenarios.problems import ModelError, Problem, QueryError, UsruError, to_one_line
from usru_scenarios.results.validate import Faults, diagnostic


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether arguments of a command ask for JSON, however wrong they may be otherwise."""
    as_format = any(one in ("-f", "--format") and other in ("json", "ndjson") for one, other in pairwise(arguments))
    return as_format or not {"--json", "-fjson", "--format=json", "-fndjson", "--format=ndjson"}.isdisjoint(arguments)


def line(error: Exception, message: str, status: int) -> str:
    """The line that tells an error.

    Args:
        error: what ended the command.
        message: what people are told.
        status: the exit status.
    """
    found = Faults([diagnostic(one) for one in _problems(error, message)], status)
    return json.dumps(found.to_dict(), allow_nan=False)


def _problems(error: Exception, message: str) -> Sequence[Problem]:
    if isinstance(error, ModelError):
        return error.problems
    if isinstance(error, QueryError):
        return [error.problem]
    code = re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__.removesuffix("Error")).lower()
    if isinstance(error, UsruError):
        return [
            Problem(code or "error", to_one_line(error.message.removeprefix("usru: ")), hint=to_one_line(error.hint))
        ]
    said, _, hint = message.partition("\n")
    return [Problem(code, said.removeprefix("usru: "), hint=hint.strip().removeprefix("= "))]
