"""`usru validate`: is the file right?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from usru_scenarios.cli.common import CommandEnd
from usru_scenarios.cli.declarations import Subset
from usru_scenarios.cli.options import Model, ModelOptions
from usru_scenarios.cli.session import Session, reading_subset
from usru_scenarios.problems import ModelError
from usru_scenarios.report import LIST_FORMATS, Builders, Layout, lazy_builder
from usru_scenarios.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from usru_scenarios.results.validate import Validation


def validate(
    model: Model = DEFAULT_MODEL,
    *,
    changes: Annotated[ModelOptions, Subset(without=("sourced_only", "recalibrate"))],
    session: Annotated[Session, reading_subset(LIST_FORMATS)],
) -> None:
    """Is the file right? Every fault and warning with its place."""
    try:
        report, warnings = session.load(model, changes).validation
    except ModelError as error:
        if session.format == "table":
            raise
        from usru_scenarios.questions.validate import report_invalid

        session.emit(report_invalid(error.problems), builders=_BUILDERS)
        raise CommandEnd(error.exit_status) from None
    for warning in warnings if session.format == "table" else ():
        session.say(str(warning))
    session.emit(report, builders=_BUILDERS)


def _describe_validation(report: Validation, _layout: Layout) -> str:
    """One line: that the file is valid, and how much there is of what."""
    assert report.model is not None
    parts = ", ".join(f"{number} {_noun(name, number)}" for name, number in report.counts.items() if number)
    warnings = sum(problem.count for problem in report.problems)
    suffix = f"; {warnings:,} {_noun('warnings', warnings)}" if warnings else ""
    return f"{report.model.name} is valid: {parts}{suffix}\n"


def _noun(plural: str, number: int) -> str:
    return plural.removesuffix("s") if number == 1 else plural


_BUILDERS = Builders(rows=lazy_builder("inventory.problem_rows"), text=_describe_validation)
