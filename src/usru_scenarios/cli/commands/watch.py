"""`usru watch`: which sightings would move the forecast most?"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from usru_scenarios.cli import options
from usru_scenarios.cli.arguments import ModelRequest
from usru_scenarios.cli.output import Destination
from usru_scenarios.cli.terminal import layout
from usru_scenarios.cli.warnings import warn
from usru_scenarios.cli.workers import workers
from usru_scenarios.report import TABULAR, render_report


def watch(
    context: typer.Context,
    model: options.Model = options.BUNDLED,
    *,
    on: Annotated[
        str | None,
        typer.Option(metavar="STEP", help="When something is seen.  [default: a quarter of the way through]"),
    ] = None,
    horizon: Annotated[
        str | None, typer.Option("--for", metavar="STEP", help="When the forecast is for.  [default: end]")
    ] = None,
    of: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Rank by one scenario or group.  [default: all scenarios together]"),
    ] = None,
    top: Annotated[
        str | None,
        typer.Option(metavar="N", help="Show so many; 0 for all, as in csv and json.  [default: 10]"),
    ] = None,
    do: options.Do = None,
    given: options.Given = None,
    weight: options.Weights = None,
    profile: options.Profile = None,
    assignment: options.Assignments = None,
    sourced_only: options.SourcedOnly = False,
    trials: options.Trials = None,
    seed: options.Seed = None,
    form: Annotated[
        str | None,
        typer.Option("--format", "-f", metavar="NAME", help=f"One of {', '.join(TABULAR)}.  [default: table]"),
    ] = None,
    as_json: options.Json = False,
    confined: options.Confined = False,
    output: options.Output = None,
    jobs: options.Jobs = None,
    yes: options.Yes = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """What to watch? The sightings that would move the forecast most, in expectation."""
    from usru_scenarios.settings import TOP

    conduct = options.noted(context, quiet=quiet, debug=debug)
    chosen = options.chosen_format(form, TABULAR, as_json=as_json)
    most = options.count("--top", top)
    request = ModelRequest(model, profile, weight, assignment, sourced_only, confined=confined)
    draws = options.draws(trials=trials, seed=seed)
    target = Destination.named(output)
    progress = workers(context, conduct, jobs, yes=yes)
    result = request.build().watch(
        on=on,
        horizon=horizon,
        of=of,
        do=do or (),
        given=given or (),
        map_blocks=progress.map,
        **draws,
    )
    warn(result.warnings, conduct)
    paper = replace(layout(target), top=TOP if most is None else most)
    target.write(render_report(result, "watch", chosen, paper))
