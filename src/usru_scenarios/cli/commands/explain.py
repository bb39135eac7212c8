"""`usru explain`: why does a scenario come true, and what would have to be true for it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from usru_scenarios.cli import options
from usru_scenarios.cli.arguments import ModelRequest
from usru_scenarios.cli.output import Destination
from usru_scenarios.cli.subject import is_model
from usru_scenarios.cli.terminal import layout
from usru_scenarios.cli.warnings import warn
from usru_scenarios.cli.workers import workers
from usru_scenarios.report import REPORTS, render_report


def explain(
    context: typer.Context,
    question: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENARIO [@ TIME] [MODEL]",
            help="A scenario or group, the step (the last one if left out), and a model as in other commands.",
        ),
    ],
    *,
    do: options.Do = None,
    given: options.Given = None,
    weight: options.Weights = None,
    profile: options.Profile = None,
    assignment: options.Assignments = None,
    sourced_only: options.SourcedOnly = False,
    trials: options.Trials = None,
    seed: options.Seed = None,
    form: options.ReportFormat = None,
    as_json: options.Json = False,
    confined: options.Confined = False,
    output: options.Output = None,
    jobs: options.Jobs = None,
    yes: options.Yes = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Why? What would have to be true for a scenario, and how would it come about?"""
    conduct = options.noted(context, quiet=quiet, debug=debug)
    chosen = options.chosen_format(form, REPORTS, as_json=as_json)
    scenario, model = asked(question)
    request = ModelRequest(model, profile, weight, assignment, sourced_only, confined=confined)
    draws = options.draws(trials=trials, seed=seed)
    target = Destination.named(output)
    progress = workers(context, conduct, jobs, yes=yes)
    result = request.build().explain(scenario, do=do or (), given=given or (), map_blocks=progress.map, **draws)
    warn(result.warnings, conduct)
    target.write(render_report(result, "explain", chosen, layout(target)))


def asked(words: Sequence[str]) -> tuple[str, str]:
    """The question and the model, whether the time stands in one argument with the scenario or in others.

    Raises:
        Misuse: there are more words than that.
    """
    if len(words) > 1 and is_model(words[0]) and not is_model(words[-1]):
        words = [*words[1:], words[0]]
    question, *rest = words
    if rest and (rest[0].startswith("@") or question.rstrip().endswith("@")):
        question += f" {rest.pop(0)}"
    if rest and question.rstrip().endswith("@"):
        question += f" {rest.pop(0)}"
    if len(rest) > 1:
        raise options.Misuse(f"'{rest[1]}' is one argument too many", "usru explain SCENARIO [@ TIME] [MODEL]")
    return question, rest[0] if rest else options.BUNDLED
