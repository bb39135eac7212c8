"""`usru schema`: the JSON Schemas of the scenario file and of the JSON outputs."""

from __future__ import annotations

from typing import Annotated

import typer

from usru_scenarios.cli import options
from usru_scenarios.cli.output import Destination

_LISTED = (
    "model (the scenario file), or of an output: simulation, answer, comparison, sweep, check, calibration, "
    "explanation, sensitivity, watch, validation, overview, sources"
)


def schema(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"Of what: {_LISTED}.")] = "model",
    *,
    output: options.Output = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """What may a file or an output hold? Its JSON Schema."""
    from usru_scenarios import schemas
    from usru_scenarios.problems import listing, suggestion
    from usru_scenarios.report.data import to_json

    options.noted(context, quiet=quiet, debug=debug)
    if name not in schemas.NAMES:
        raise options.Misuse(f"there is no schema '{name}'", suggestion(name, schemas.NAMES) or listing(schemas.NAMES))
    Destination.named(output).write(to_json(schemas.schema(name)))
