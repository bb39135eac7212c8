"""`usru check`: do the model's claims hold?"""

from __future__ import annotations

from typing import Annotated

import typer

from usru_scenarios.cli import options
from usru_scenarios.cli.arguments import ModelRequest
from usru_scenarios.cli.execution import FINDINGS
from usru_scenarios.cli.output import Destination
from usru_scenarios.cli.terminal import layout
from usru_scenarios.cli.warnings import warn
from usru_scenarios.cli.workers import workers
from usru_scenarios.report import REPORTS, render_report


def check(
    context: typer.Context,
    model: options.Model = options.BUNDLED,
    *,
    robust: Annotated[
        str | None,
        typer.Option("--robust", metavar="N", help="Try also N models with all judgements a little different."),
    ] = None,
    weight: options.Weights = None,
    profile: options.Profile = None,
    assignment: options.Assignments = None,
    sourced_only: options.SourcedOnly = False,
    trials: options.FirstTrials = None,
    seed: options.Seed = None,
    method: options.Method = None,
    judgements: options.Judgements = None,
    form: options.ReportFormat = None,
    as_json: options.Json = False,
    confined: options.Confined = False,
    output: options.Output = None,
    jobs: options.Jobs = None,
    cluster: options.Cluster = None,
    yes: options.Yes = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Do the model's claims hold? Each expectation of the file holds, fails or is undecided; status 1 if not all hold.

    --robust moves points by up to one, weights by up to 30%, priors, initial shares and persistence likewise, and
    solves the baselines for the anchor again each time.
    """
    conduct = options.noted(context, quiet=quiet, debug=debug)
    chosen = options.chosen_format(form, REPORTS, as_json=as_json)
    request = ModelRequest(model, profile, weight, assignment, sourced_only, confined=confined)
    draws = options.draws(trials=trials, seed=seed, method=method, judgements=judgements)
    models = options.count("--robust", robust)
    target = Destination.named(output)
    study = request.build()
    progress = workers(context, conduct, jobs, cluster, yes=yes)
    result = study.check(robust=models or 0, map_parts=progress.map, **draws)
    warn(result.warnings, conduct)
    target.write(render_report(result, "check", chosen, layout(target)))
    if not result.all_hold:
        raise typer.Exit(FINDINGS)
