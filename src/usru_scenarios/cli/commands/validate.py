"""`usru validate`: is the file right?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from usru_scenarios.cli.common import Ended
from usru_scenarios.cli.declarations import Subset
from usru_scenarios.cli.options import Model, ModelOptions
from usru_scenarios.cli.session import TextSession
from usru_scenarios.problems import ModelError
from usru_scenarios.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from usru_scenarios.results.validate import Validation


def validate(
    model: Model = DEFAULT_MODEL,
    *,
    changes: Annotated[ModelOptions, Subset(without=("sourced_only",))],
    session: TextSession,
) -> None:
    """Is the file right? Tells every fault and warning with its place."""
    try:
        report, warnings = session.load(model, changes).validation
    except ModelError as error:
        if not session.as_json:
            raise
        from usru_scenarios.questions.validate import invalid

        session.emit_json(invalid(error.problems).to_dict())
        raise Ended(error.exit_status) from None
    if session.as_json:
        session.emit_json(report.to_dict())
        return
    for warning in warnings:
        session.say(str(warning))
    session.output.write(_in_words(report))


def _in_words(report: Validation) -> str:
    """One line: that the file is valid, and how much there is of what."""
    assert report.model is not None
    parts = ", ".join(f"{number} {_noun(name, number)}" for name, number in report.counts.items() if number)
    warnings = sum(problem.count for problem in report.problems)
    told = f"; {warnings:,} {_noun('warnings', warnings)}" if warnings else ""
    return f"{report.model.name} is valid: {parts}{told}\n"


def _noun(plural: str, number: int) -> str:
    return plural.removesuffix("s") if number == 1 else plural
