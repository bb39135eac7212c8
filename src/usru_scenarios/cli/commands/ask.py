"""`usru ask`: how likely is this, if that?"""

from __future__ import annotations

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


def ask(
    context: typer.Context,
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help='Such as "P(reset @ end | do(ukraine_talks=settlement))".')
    ],
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
    form: options.ReportFormat = None,
    as_json: options.Json = False,
    confined: options.Confined = False,
    output: options.Output = None,
    jobs: options.Jobs = None,
    yes: options.Yes = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """How likely is this, if that? One probability, or a comparison of several.

    An answer is an answer: a comparison that fails, or that sampling can't decide, ends with status 0 (see check).
    """
    from usru_scenarios.results.common import warned

    conduct = options.noted(context, quiet=quiet, debug=debug)
    chosen = options.chosen_format(form, REPORTS, as_json=as_json)
    if is_model(query) and not is_model(model):
        query, model = model, query
    request = ModelRequest(model, profile, weight, assignment, sourced_only, confined=confined)
    draws = options.draws(trials=trials, seed=seed, method=method, judgements=judgements)
    target = Destination.named(output)
    study = request.recall()
    progress = workers(context, conduct, jobs, yes=yes)
    result = study.ask(query, do=do or (), given=given or (), map_blocks=progress.map, **draws)
    warn(map(warned, study.outline.warnings), conduct)
    target.write(render_report(result, "ask", chosen, layout(target)))
