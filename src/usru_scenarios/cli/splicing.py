"""From the declaration of a command to one of typer: what reads any arguments, and shows help."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Annotated, Any, TypeVar, cast

import typer
from typer.core import TyperCommand
from typer.main import get_command

from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Argument, CommandContext, Declaration, Option, Parameter
from usru_scenarios.cli.parsers import is_model

Group = TypeVar("Group", bound=tuple[Any, ...])


def _typer_parameter(option: Parameter) -> inspect.Parameter:
    """The parameter of which typer makes an option or an argument."""
    kind, default, declaration = option.kind, option.default, option.declaration
    if kind is CommandContext:
        kind = typer.Context
    if declaration is not None:
        kind = kind if option.is_flag else list[str] if option.is_repeatable else str
        shows_default = option.is_flag or isinstance(declaration, Argument)
        if not option.is_required and not (shows_default and default not in (None, ())):
            kind, default = kind | None, None
        kind = Annotated[kind, _typer_declaration(declaration)]
    if option.is_required:
        default = inspect.Parameter.empty
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)


def _typer_declaration(declaration: Option | Argument) -> Any:
    """The same declaration for typer."""
    if isinstance(declaration, Argument):
        return typer.Argument(metavar=declaration.metavar, help=declaration.help)
    return typer.Option(*declaration.names, metavar=declaration.metavar, help=declaration.help)


def typer_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with the options of its groups as parameters of its own, all of which take what typer gives."""
    declaration = Declaration(function)

    def run(**texts: Any) -> Any:
        return declaration.run(**texts)

    parameters = [_typer_parameter(option) for option in declaration.parameters]
    run.__name__, run.__doc__ = function.__name__, function.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    vars(run)["__signature__"] = inspect.Signature(parameters)
    vars(run)["declaration"] = declaration
    return run


def make_typer_command(function: Callable[..., Any], **settings: Any) -> TyperCommand:
    """The typer command that a function declares."""
    app, run = bare_app(), typer_function(function)
    app.command(cls=_Command, **settings)(run)
    command = cast("_Command", get_command(app))
    command.declaration = vars(run)["declaration"]
    return command


def parse_group(group: type[Group], name: str, arguments: list[str]) -> Group:
    """The value of a group, parsed from arguments that are not those of a command.

    Args:
        group: whose options they are.
        name: what messages begin with.
        arguments: as a shell splits them.

    Raises:
        typer.TyperException: they can't be read.
    """

    def values(options: Any) -> Any:
        return options

    values.__annotations__ = {"options": group}
    command = make_typer_command(values, add_help_option=False)
    with command.make_context(name, arguments) as context:
        return cast("Group", command.invoke(context))


def bare_app(**more: Any) -> typer.Typer:
    """An application without markup in help, which needs no rich: its import is half of the start-up time."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, **more)


class _Command(TyperCommand):
    """Takes the values of its parameters as they are written."""

    declaration: Declaration

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As of any command, with the values that were left out.

        Raises:
            OptionError: an option stands where a value of another one must.
        """
        options = self.declaration.parameters
        implied = {option.display_name: option.implied for option in options if option.implied is not None}
        words = list(insert_implied_values(args, implied))
        refuse_option_as_value(words, options)
        return super().parse_args(ctx, words)

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, with the option that shows help."""
        return skip_value_conversion(super().get_params(ctx))


def insert_implied_values(arguments: Sequence[str], implied: Mapping[str, str]) -> Iterator[str]:
    """Arguments, with the values of options that stand alone: before another option, a model, or nothing at all."""
    for argument, following in zip(arguments, (*arguments[1:], "-"), strict=False):
        yield argument
        if argument == "--":
            implied = {}
        if argument in implied and (following.startswith("-") or is_model(following)):
            yield implied[argument]


def refuse_option_as_value(words: Sequence[str], options: Sequence[Parameter]) -> None:
    """Refuse `-p -n`: typer would take what is meant for an option as the value of the one before.

    Raises:
        OptionError: there is such a pair.
    """
    known = {name: option for option in options for name in option.names}
    for word, following in pairwise(words):
        if word == "--":
            return
        if following in known and word in known and not known[word].is_flag:
            option = known[word].declaration
            assert isinstance(option, Option)
            raise OptionError(f"{word} takes {option.takes}, not the option {following}", option.help)


def skip_value_conversion(parameters: list[Any]) -> list[Any]:
    """Spare parameters typer's own reading of their values, for which it imports pydantic and builds validators.

    Every parameter here is text, a list of texts or a flag, so its value is right as it is written. A value of any
    other kind, or one that is missing, goes typer's way; and so does everything, only later, should the method that
    typer calls for each parameter have another name one day.
    """
    for parameter in parameters:
        usual = getattr(parameter, "process_value", None)
        if usual is not None and not isinstance(usual, partial):
            parameter.process_value = partial(_process_value, parameter, usual)
    return parameters


def _process_value(parameter: Any, usual: Callable[..., Any], context: Any, value: Any) -> Any:
    """What `process_value` of a parameter does: the value is read, and handed to the parameter's callback."""
    match value:
        case None | [] if not parameter.required:
            value = () if parameter.multiple or parameter.nargs == -1 else None
        case str() | bool() if isinstance(value, bool) == getattr(parameter, "is_flag", False):
            pass
        case [*texts] if texts and all(isinstance(text, str) for text in texts):
            value = texts
        case _:
            return usual(context, value)
    return value if parameter.callback is None else parameter.callback(context, parameter, value)
