"""`usru simulate`: how likely is each scenario?"""

from __future__ import annotations

from typing import Annotated

import typer

from usru_scenarios.cli import options
from usru_scenarios.cli.arguments import ModelRequest
from usru_scenarios.cli.output import Destination
from usru_scenarios.cli.terminal import layout
from usru_scenarios.cli.warnings import warn
from usru_scenarios.cli.workers import workers
from usru_scenarios.report import SIMULATION, WIDE, render_simulation


def simulate(
    context: typer.Context,
    model: options.Model = options.BUNDLED,
    *,
    do: options.Do = None,
    given: options.Given = None,
    weight: options.Weights = None,
    profile: options.Profile = None,
    assignment: options.Assignments = None,
    sourced_only: options.SourcedOnly = False,
    trials: options.Trials = None,
    seed: options.Seed = None,
    method: options.Method = None,
    judgements: options.Judgements = None,
    form: Annotated[
        str | None,
        typer.Option("--format", "-f", metavar="NAME", help=f"One of {', '.join(SIMULATION)}.  [default: table]"),
    ] = None,
    as_json: options.Json = False,
    wide: Annotated[bool, typer.Option("--wide", help="With csv or ndjson: the steps in columns.")] = False,
    confined: options.Confined = False,
    output: options.Output = None,
    jobs: options.Jobs = None,
    cluster: options.Cluster = None,
    yes: options.Yes = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """How likely is each scenario, step by step?"""
    conduct = options.noted(context, quiet=quiet, debug=debug)
    chosen = options.chosen_format(form, SIMULATION, as_json=as_json)
    if wide and chosen not in WIDE:
        raise options.Misuse(f"--wide has no meaning for the format {chosen}", "add -f csv or -f ndjson")
    request = ModelRequest(model, profile, weight, assignment, sourced_only, confined=confined)
    draws = options.draws(trials=trials, seed=seed, method=method, judgements=judgements)
    target = Destination.named(output)
    study = request.recall()
    progress = workers(context, conduct, jobs, cluster, yes=yes)
    result = study.simulate(do=do or (), given=given or (), map_blocks=progress.map, **draws)
    warn(result.warnings, conduct)
    target.write(render_simulation(result, chosen, layout(target, wide=wide)))
