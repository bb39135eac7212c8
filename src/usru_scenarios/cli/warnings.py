"""The warnings of a model, in short, on standard error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from usru_scenarios.cli.execution import complain
from usru_scenarios.problems import printable

if TYPE_CHECKING:
    from usru_scenarios.cli.execution import CommandState
    from usru_scenarios.results.common import Warned


def warn(warnings: Iterable[Warned], conduct: CommandState) -> None:
    """Say each warning in a line, unless silence was asked for; `usru validate` says them at length."""
    if conduct.quiet:
        return
    for warning in warnings:
        place = f"{warning.path}:{warning.line}: " if warning.path else ""
        complain(printable(f"{place}warning: {warning.message}"))
