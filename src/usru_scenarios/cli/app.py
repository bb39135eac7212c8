"""The whole command line as typer reads it: all commands, what may stand before them, and help."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from usru_scenarios.cli.commands import COMMANDS, GROUPS, command_function, summary
from usru_scenarios.cli.common import USAGE, write_message
from usru_scenarios.cli.splicing import bare_app, make_typer_command, skip_value_conversion
from usru_scenarios.version import __version__


class _Commands(TyperGroup):
    """Makes a command only once it is called or listed: each takes a millisecond, and a run needs one."""

    def get_params(self, ctx: Any) -> list[Any]:
        """As of a command."""
        return skip_value_conversion(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # the signature is typer's
        """The names of all commands."""
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """The commands by what they are for, each with the first line of its description."""
        width = max(map(len, COMMANDS))
        for purpose, names in GROUPS.items():
            with formatter.section(purpose):
                formatter.write_dl([(name.ljust(width), summary(name)) for name in names])

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:  # noqa: ARG002
        """The command of a name."""
        return make_typer_command(command_function(cmd_name)) if cmd_name in COMMANDS else None


def command() -> TyperGroup:
    """The whole command line, ready to read arguments."""
    app = bare_app(cls=_Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
    app.callback()(usru)
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
    _completion: Annotated[
        str | None,
        typer.Option(
            "--install-completion",
            metavar="[SHELL]",
            help="Complete command lines in bash, zsh or fish, by default in yours: put the script where it looks.",
        ),
    ] = None,
    _script: Annotated[
        str | None,
        typer.Option("--show-completion", metavar="[SHELL]", help="Show that script, to be sourced, and exit."),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """How likely is each scenario? From judgements in a file that you can edit to honest likelihoods.

    MODEL is a scenario file, - for standard input, or the name of a bundled model; without one it is us-russia.
    usru help COMMAND, or usru COMMAND --help, says what a command takes.
    """
    context.obj.note(quiet=quiet, debug=debug)
    if context.invoked_subcommand is None:
        write_message(context.get_help())
        raise typer.Exit(USAGE)
