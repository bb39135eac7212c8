"""`usru sensitivity`: which driver, which weight, which judgement matters?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, cast

import typer

from usru_scenarios.cli import options
from usru_scenarios.cli.arguments import ModelRequest
from usru_scenarios.cli.output import Destination
from usru_scenarios.cli.terminal import layout
from usru_scenarios.cli.warnings import warn
from usru_scenarios.cli.workers import workers
from usru_scenarios.problems import listing, suggestion
from usru_scenarios.report import TABULAR, render_report

if TYPE_CHECKING:
    from usru_scenarios.results.sensitivity import Question


def sensitivity(
    context: typer.Context,
    model: options.Model = options.BUNDLED,
    *,
    of: Annotated[
        str | None,
        typer.Option("--of", metavar="SCENARIO", help="A scenario or group.  [default: all scenarios together]"),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="STEP", help="A step, or mean for the average over all.  [default: end]"),
    ] = None,
    question: Annotated[
        list[str] | None,
        typer.Option(
            "--question", metavar="NAME", help="drivers, moves, weights or judgements. Repeatable.  [default: all]"
        ),
    ] = None,
    top: Annotated[
        str | None,
        typer.Option("--top", metavar="N", help="Show so many of each; 0 for all.  [default: 10]"),
    ] = None,
    do: options.Do = None,
    weight: options.Weights = None,
    profile: options.Profile = None,
    assignment: options.Assignments = None,
    sourced_only: options.SourcedOnly = False,
    trials: Annotated[
        str | None,
        typer.Option("--trials", "-n", metavar="N", help="How many trials to draw, as in 1e6.  [default: 16384]"),
    ] = None,
    seed: options.Seed = None,
    form: Annotated[
        str | None,
        typer.Option("--format", "-f", metavar="NAME", help=f"One of {', '.join(TABULAR)}.  [default: table]"),
    ] = None,
    as_json: options.Json = False,
    confined: options.Confined = False,
    output: options.Output = None,
    jobs: options.Jobs = None,
    cluster: options.Cluster = None,
    yes: options.Yes = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Which driver, which weight, which judgement matters?

    Four questions: which driver's uncertainty matters (drivers), which driver moves the outcome where it is held in a
    state (moves), which weight does (weights), and one point of which judgement (judgements).
    """
    from usru_scenarios.settings import LEAST_SENSITIVITY_TRIALS, TOP

    conduct = options.noted(context, quiet=quiet, debug=debug)
    chosen = options.chosen_format(form, TABULAR, as_json=as_json)
    questions, most = asked(question), options.count("--top", top)
    request = ModelRequest(model, profile, weight, assignment, sourced_only, confined=confined)
    draws = options.draws(trials=trials, seed=seed, least=LEAST_SENSITIVITY_TRIALS)
    target = Destination.named(output)
    progress = workers(context, conduct, jobs, cluster, yes=yes)
    result = request.build().sensitivity(
        of,
        at,
        questions=questions,
        do=do or (),
        map_blocks=progress.map,
        **draws,
    )
    warn(result.warnings, conduct)
    paper = replace(layout(target), top=TOP if most is None else most)
    target.write(render_report(result, "sensitivity", chosen, paper))


def asked(names: list[str] | None) -> list[Question] | None:
    """The questions of `--question`; None where there is none.

    Raises:
        Misuse: there is no such question.
    """
    from usru_scenarios.results.sensitivity import QUESTIONS

    for name in names or ():
        if name not in QUESTIONS:
            hint = suggestion(name, QUESTIONS) or listing(QUESTIONS)
            raise options.Misuse(f"--question '{name}' is unknown", hint)
    return cast("list[Question]", names) or None
