"""`usru validate`: is the file right?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from usru_scenarios.cli import options
from usru_scenarios.cli.arguments import ModelRequest
from usru_scenarios.cli.execution import complain
from usru_scenarios.cli.output import Destination
from usru_scenarios.problems import ModelError

if TYPE_CHECKING:
    from usru_scenarios.results.descriptions import Validation


def validate(
    context: typer.Context,
    model: options.Model = options.BUNDLED,
    *,
    weight: options.Weights = None,
    profile: options.Profile = None,
    assignment: options.Assignments = None,
    as_json: options.Json = False,
    confined: options.Confined = False,
    output: options.Output = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Is the file right? Tells every fault and warning with its place."""
    conduct = options.noted(context, quiet=quiet, debug=debug)
    request = ModelRequest(model, profile, weight, assignment, confined=confined)
    target = Destination.named(output)
    if as_json:
        _emit_json(request, target)
        return
    from usru_scenarios.questions.validate import examined, valid

    study = request.build()
    warnings = examined(study)
    if not conduct.quiet:
        for warning in warnings:
            complain(str(warning))
    target.write(_in_words(valid(study.loaded, warnings)))


def _emit_json(request: ModelRequest, target: Destination) -> None:
    """The report as JSON, which holds the faults too, so that nothing need be read from standard error."""
    from usru_scenarios.questions.validate import examined, invalid, valid
    from usru_scenarios.report.data import to_json

    try:
        study = request.build()
        report, status = valid(study.loaded, examined(study)), 0
    except ModelError as error:
        report, status = invalid(error.problems), error.exit_status
    target.write(to_json(report.to_dict()))
    if status:
        raise typer.Exit(status)


def _in_words(report: Validation) -> str:
    """One line: that the file is valid, and how much there is of what."""
    assert report.model is not None
    parts = ", ".join(f"{number} {_noun(name, number)}" for name, number in report.counts.items() if number)
    warnings = sum(problem.count for problem in report.problems)
    told = f"; {warnings:,} {_noun('warnings', warnings)}" if warnings else ""
    return f"{report.model.name} is valid: {parts}{told}\n"


def _noun(plural: str, number: int) -> str:
    return plural.removesuffix("s") if number == 1 else plural
