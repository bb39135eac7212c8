"""`usru simulate`: how likely is each scenario?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from usru_scenarios.cli import options
from usru_scenarios.cli.output import Target
from usru_scenarios.cli.progress import Progress
from usru_scenarios.cli.request import ModelRequest
from usru_scenarios.cli.terminal import layout
from usru_scenarios.cli.warnings import warn
from usru_scenarios.render import SIMULATION, WIDE, render_simulation

if TYPE_CHECKING:
    from usru_scenarios.results import Simulation
    from usru_scenarios.study import Study


def simulate(
    context: typer.Context,
    model: options.Model = options.BUNDLED,
    *,
    weight: options.Weights = None,
    profile: options.Profile = None,
    assignment: options.Assignments = None,
    sourced_only: options.SourcedOnly = False,
    trials: options.Trials = None,
    seed: options.Seed = None,
    form: Annotated[
        str | None,
        typer.Option("--format", "-f", metavar="NAME", help=f"One of {', '.join(SIMULATION)}.  [default: table]"),
    ] = None,
    as_json: options.Json = False,
    wide: Annotated[bool, typer.Option("--wide", help="With csv or ndjson: the steps in columns.")] = False,
    output: options.Output = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """How likely is each scenario, step by step?"""
    conduct = options.noted(context, quiet=quiet, debug=debug)
    chosen = options.chosen_format(form, SIMULATION, as_json=as_json)
    if wide and chosen not in WIDE:
        raise options.Misuse(f"--wide has no meaning for the format {chosen}", "add -f csv or -f ndjson")
    request = ModelRequest(model, profile, weight, assignment, sourced_only)
    amount = options.trials(trials), options.seed(seed)
    target = Target.named(output)
    result = execute(request.build(), *amount, Progress(wanted=not conduct.quiet))
    warn(result.warnings, conduct)
    target.write(render_simulation(result, chosen, layout(target, wide=wide)))


def execute(study: Study, trials: int | None, seed: int | None, progress: Progress) -> Simulation:
    """The question, answered; None leaves the number of trials or the seed to its default."""
    from usru_scenarios.analysis.forecast import DEFAULT_SEED, DEFAULT_TRIALS

    return study.simulate(
        trials=DEFAULT_TRIALS if trials is None else trials,
        seed=DEFAULT_SEED if seed is None else seed,
        map_blocks=progress.map,
    )
