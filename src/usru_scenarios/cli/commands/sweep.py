"""`usru sweep`: how do the likelihoods move over a range of a weight, or of any other number of the file?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from usru_scenarios.cli import options
from usru_scenarios.cli.arguments import ModelRequest
from usru_scenarios.cli.output import Destination
from usru_scenarios.cli.terminal import layout
from usru_scenarios.cli.warnings import warn
from usru_scenarios.cli.workers import workers
from usru_scenarios.problems import listing, suggestion
from usru_scenarios.report import TABULAR, render_report


def sweep(
    context: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="VARIABLE [VARIABLE] [MODEL]",
            help="What to vary, NAME=LOW..HIGH[:POINTS] or NAME=VALUE,VALUE,..., and a model as in other commands.",
        ),
    ],
    *,
    at: Annotated[
        list[str] | None,
        typer.Option("--at", metavar="TIME", help="mean, start, end or a step. Repeatable.  [default: mean and end]"),
    ] = None,
    of: Annotated[
        str | None, typer.Option("--of", metavar="SCENARIO", help="Show this scenario or group alone in table and md.")
    ] = None,
    do: options.Do = None,
    weight: options.Weights = None,
    profile: options.Profile = None,
    assignment: options.Assignments = None,
    sourced_only: options.SourcedOnly = False,
    trials: Annotated[
        str | None,
        typer.Option(
            "--trials",
            "-n",
            metavar="N",
            help="How many trials to draw for each point.  [default: 16384; with two variables 4096]",
        ),
    ] = None,
    seed: options.Seed = None,
    method: options.Method = None,
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
    """Over a range: how do the likelihoods move with a weight or another number, and where does another future lead?

    \b
      usru sweep domestic_opposition=0..3           the weight of a driver or rule, at 11 points
      usru sweep drivers.sanctions.impacts.eased.reset=-3..3:13
                                                    any number of the file, by its path, at 13
      usru sweep odds_per_point=1.2,1.5,2 my-view.yaml
      usru sweep domestic_opposition=0..3 sanctions=0..3
                                                    a grid, with the likeliest future at each point

    An argument with = is a variable, one without is the model. A value that is swept takes the place of what the file,
    the profile, --set and -w say. A prior is a relative weight: as with --set, the others stay and all are normalised.
    Where the likeliest scenario changes, the crossing is sought between the two points, with its standard error.
    """  # noqa: D301  # \b keeps the lines of the examples
    conduct = options.noted(context, quiet=quiet, debug=debug)
    chosen = options.chosen_format(form, TABULAR, as_json=as_json)
    variables, model = asked(words)
    request = ModelRequest(model, profile, weight, assignment, sourced_only, confined=confined)
    draws = options.draws(trials=trials, seed=seed, method=method)
    target = Destination.named(output)
    study = request.recall()
    if of is not None:
        known = [*study.outline.scenarios, *study.program.groups]
        if of not in known:
            raise options.Misuse(f"--of '{of}' is no scenario and no group", suggestion(of, known) or listing(known))
    progress = workers(context, conduct, jobs, cluster, yes=yes)
    result = study.sweep(variables, at=at or (), do=do or (), map_blocks=progress.map, **draws)
    warn(result.warnings, conduct)
    shown = result if of is None or chosen in ("json", "csv") else result.only(of)
    target.write(render_report(shown, "sweep", chosen, layout(target)))


def asked(words: Sequence[str]) -> tuple[list[str], str]:
    """The variables, which have a `=`, and the model.

    Raises:
        Misuse: there is no variable, or more than one model.
    """
    variables = [word for word in words if "=" in word]
    models = [word for word in words if "=" not in word]
    if not variables:
        hint = f"such as usru sweep {words[0]}=0..3"
        raise options.Misuse(f"'{words[0]}' has no values to be varied over", hint)
    if len(models) > 1:
        hint = "usru sweep VARIABLE [VARIABLE] [MODEL], where a variable has a ="
        raise options.Misuse(f"'{models[1]}' is one argument too many", hint)
    return variables, models[0] if models else options.BUNDLED
