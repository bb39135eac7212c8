"""`usru sources`: what do the judgements rest on?"""

from __future__ import annotations

from typing import Annotated

import typer

from usru_scenarios.cli import options
from usru_scenarios.cli.arguments import ModelRequest
from usru_scenarios.cli.output import Destination
from usru_scenarios.cli.subject import subject
from usru_scenarios.cli.terminal import layout


def sources(
    context: typer.Context,
    model: options.OptionalModel = None,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="A driver, a judgement's path such as drivers.sanctions.persistence, or a claim."
        ),
    ] = None,
    *,
    profile: options.Profile = None,
    as_json: options.Json = False,
    confined: options.Confined = False,
    output: options.Output = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """What do the judgements rest on: claims, assumptions, nothing?"""
    from usru_scenarios.questions.sources import judgement_sources

    options.noted(context, quiet=quiet, debug=debug)
    source, about = subject(model, name)
    target = Destination.named(output)
    found = judgement_sources(ModelRequest(source, profile, confined=confined).build().loaded, about)
    if as_json:
        from usru_scenarios.report.data import to_json

        target.write(to_json(found.to_dict()))
    else:
        from usru_scenarios.report.sources import claims, coverage

        target.write((coverage if about is None else claims)(found, layout(target)))
