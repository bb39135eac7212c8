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


def _parameter(option: Parameter) -> inspect.Parameter:
    """The parameter of which typer makes an option or an argument."""
    kind, default, shown = option.kind, option.default, option.shown
    if kind is CommandContext:
        kind = typer.Context
    if shown is not None:
        kind = kind if option.is_flag else list[str] if option.repeats else str
        told = option.is_flag or isinstance(shown, Argument)  # a default that help may tell
        if not option.required and not (told and default not in (None, ())):
            kind, default = kind | None, None
        kind = Annotated[kind, _shown(shown)]
    if option.required:
        default = inspect.Parameter.empty
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)


def _shown(one: Option | Argument) -> Any:
    """How typer shows an option or an argument."""
    if isinstance(one, Argument):
        return typer.Argument(metavar=one.metavar, help=one.help)
    return typer.Option(*one.names, metavar=one.metavar, help=one.help)


def spliced(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with the options of its groups as parameters of its own, all of which take what typer gives."""
    declared = Declaration(function)

    def run(**texts: Any) -> Any:
        return declared.run(**texts)

    parameters = [_parameter(option) for option in declared.parameters]
    run.__name__, run.__doc__ = function.__name__, function.__doc__
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    vars(run)["__signature__"] = inspect.Signature(parameters)
    vars(run)["declared"] = declared
    return run


def made(function: Callable[..., Any], **settings: Any) -> TyperCommand:
    """The command that a function describes."""
    app, run = bare_app(), spliced(function)
    app.command(cls=_Command, **settings)(run)
    command = cast("_Command", get_command(app))
    command.declared = vars(run)["declared"]
    return command


def read(group: type[Group], name: str, arguments: list[str]) -> Group:
    """The options of a group, as arguments give them that are those of no command.

    Args:
        group: whose options they are.
        name: who says so where they can't be read.
        arguments: as a shell splits them.

    Raises:
        typer.TyperException: they can't be read.
    """

    def values(options: Any) -> Any:
        return options

    values.__annotations__ = {"options": group}
    command = made(values, add_help_option=False)
    with command.make_context(name, arguments) as context:
        return cast("Group", command.invoke(context))


def bare_app(**more: Any) -> typer.Typer:
    """Help without markup needs no rich, whose import is half of the start-up time."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, **more)


class _Command(TyperCommand):
    """Takes the values of its parameters as they are written.

    Attributes:
        declared: its options.
    """

    declared: Declaration

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As of any command, with the values that were left out.

        Raises:
            OptionError: an option stands where a value of another one must.
        """
        options = self.declared.parameters
        words = list(with_values(args, {one.written: one.alone for one in options if one.alone is not None}))
        refuse_option_as_value(words, options)
        return super().parse_args(ctx, words)

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, with the option that shows help."""
        return taken_as_written(super().get_params(ctx))


def with_values(arguments: Sequence[str], alone: Mapping[str, str]) -> Iterator[str]:
    """Arguments, with the values of options that stand alone: before another option, a model, or nothing at all."""
    for argument, following in zip(arguments, (*arguments[1:], "-"), strict=False):
        yield argument
        if argument == "--":
            alone = {}
        if argument in alone and (following.startswith("-") or is_model(following)):
            yield alone[argument]


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
            shown = known[word].shown
            assert isinstance(shown, Option)
            raise OptionError(f"{word} takes {shown.takes}, not the option {following}", shown.help)


def taken_as_written(parameters: list[Any]) -> list[Any]:
    """Spare parameters typer's own reading of their values, for which it imports pydantic and builds validators.

    Every parameter here is text, a list of texts or a flag, so its value is right as it is written. A value of any
    other kind, or one that is missing, goes typer's way; and so does everything, only later, should the method that
    typer calls for each parameter have another name one day.
    """
    for parameter in parameters:
        usual = getattr(parameter, "process_value", None)
        if usual is not None and not isinstance(usual, partial):
            parameter.process_value = partial(_processed, parameter, usual)
    return parameters


def _processed(parameter: Any, usual: Callable[..., Any], context: Any, value: Any) -> Any:
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
