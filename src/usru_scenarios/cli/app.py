"""The commands, in the order in which a user meets the questions they answer."""

from __future__ import annotations

from typing import Annotated

import typer
from typer.core import TyperGroup
from typer.main import get_command

from usru_scenarios.cli import ask, calibrate, check, explain, new, schema, show, simulate, sources, validate
from usru_scenarios.cli.conduct import USAGE, complain
from usru_scenarios.cli.options import noted
from usru_scenarios.version import __version__

COMMANDS = (
    simulate.simulate,
    ask.ask,
    explain.explain,
    check.check,
    validate.validate,
    show.show,
    sources.sources,
    schema.schema,
    new.new,
    calibrate.calibrate,
)
"""Each command is a function of the same name in a module of its own; a new one is a module and a line here."""


def command() -> TyperGroup:
    """The whole command line, ready to read arguments."""
    app = typer.Typer(
        add_completion=False,
        invoke_without_command=True,
        rich_markup_mode=None,  # help without markup needs no rich, whose import is half of the start-up time
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(usru)
    for function in COMMANDS:
        app.command()(function)
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    return group


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"usru {__version__}")
        raise typer.Exit


def usru(
    context: typer.Context,
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no warnings.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """How likely is each scenario? From judgements in a file that you can edit to honest likelihoods.

    MODEL is a scenario file, - for standard input, or the name of a bundled model; without one it is us-russia.
    """
    noted(context, quiet=quiet, debug=debug)
    if context.invoked_subcommand is None:
        complain(context.get_help())
        raise typer.Exit(USAGE)
