"""From a function to a command of typer: groups of options are spliced into it, and texts are read into values.

A parameter of the function is an option or an argument: `Annotated` with how typer shows it and, where its value is
no text, with what reads it (see `parsers`). Or it is a group, a `NamedTuple` of such options, which the function gets
as one value. So an option that several commands have is said once, and a command gets what is right in itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial
from typing import Annotated, Any, NamedTuple, TypeVar, cast, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand
from typer.main import get_command
from typer.models import ArgumentInfo, ParameterInfo

from usru_scenarios.cli.parsers import is_model

Group = TypeVar("Group", bound=tuple[Any, ...])


class Alone(NamedTuple):
    """In the annotation of an option: what it means where no value follows it. Typer has no such options."""

    text: str


class Subset:
    """Of a group, the options that a command has.

    Args:
        names: which, in the order in which help shows them; all where none is named.
        without: which it does not have.
        others: those that it has with a help text of its own, or in another form, by name.
    """

    def __init__(self, *names: str, without: Sequence[str] = (), **others: Any) -> None:
        self.names, self.without, self.others = names, without, others

    def of(self, group: type[Any]) -> Iterator[_Option]:
        """The options of a group that the command has, and the context where the group holds it."""
        hints = get_type_hints(group, include_extras=True)
        for name, other in self.others.items():
            hints[name] = _explained(hints[name], other) if isinstance(other, str) else other
        context = [name for name, hint in hints.items() if hint is typer.Context]
        for name in [*context, *self.names] if self.names else group._fields:
            if name not in self.without:
                yield _Option(name, hints[name], group._field_defaults.get(name, inspect.Parameter.empty))


def _explained(hint: Any, help_text: str) -> Any:
    """An option with another help text."""
    kind, shown, *reads = get_args(hint)
    other = copy(shown)
    other.help = help_text
    return Annotated[(kind, other, *reads)]


class _Option:
    """An option or an argument of a command, or its context.

    Args:
        name: of the parameter.
        hint: its type, `Annotated` with how typer shows it and what reads its text.
        default: its value where nothing is written; `Parameter.empty` where something must be.
    """

    def __init__(self, name: str, hint: Any, default: Any) -> None:
        kind, *about = get_args(hint) or (hint,)
        shown = next((one for one in about if isinstance(one, ParameterInfo)), None)
        self.name, self.default = name, default
        self.written = shown.default if shown and isinstance(shown.default, str) else f"--{name}"
        self.read: Callable[[str, str], Any] | None = next(filter(callable, about), None)
        self.alone = next((one.text for one in about if isinstance(one, Alone)), None)
        if shown is not None:
            kind = kind if kind is bool else list[str] if get_origin(kind) is tuple else str
            told = kind is bool or isinstance(shown, ArgumentInfo)  # a default that help may tell
            if default is not inspect.Parameter.empty and not (told and default not in (None, ())):
                kind, default = kind | None, None
            kind = Annotated[kind, shown]
        self.parameter = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)

    def value(self, texts: Mapping[str, Any]) -> Any:
        """The value of what a command line holds.

        Raises:
            OptionError: it makes no sense.
        """
        match texts[self.name]:
            case None | () | []:
                return self.default
            case str(text) if self.read is not None:
                return self.read(self.written, text)
            case list() | tuple() as several:
                return tuple(text if self.read is None else self.read(self.written, text) for text in several)
            case text:
                return text


class _Taken:
    """What a parameter of a function takes: an option, or those of a group as one value."""

    def __init__(self, name: str, hint: Any, default: Any) -> None:
        kind, *about = get_args(hint) or (hint,)
        self.group = kind if inspect.isclass(kind) and issubclass(kind, tuple) else None
        part = next((one for one in about if isinstance(one, Subset)), Subset())
        self.options = [_Option(name, hint, default)] if self.group is None else list(part.of(kind))

    def value(self, texts: Mapping[str, Any]) -> Any:
        """The value of what a command line holds; raises `OptionError` as an option does."""
        if self.group is None:
            return self.options[0].value(texts)
        made = self.group(**{option.name: option.value(texts) for option in self.options})
        if hasattr(made, "check"):
            made.check()
        return made


def spliced(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with the options of its groups as parameters of its own, all of which take what typer gives.

    What is asked of the whole run (`-q`, `--debug`) is noted in the context before any other option is read, and a
    group whose options depend on one another has a method `check`, which is called as soon as it is made.
    """
    hints = get_type_hints(function, include_extras=True)
    own = inspect.signature(function).parameters.items()
    taken = {name: _Taken(name, hints[name], parameter.default) for name, parameter in own}

    def run(**texts: Any) -> Any:
        if "context" in texts:
            texts["context"].obj.note(quiet=texts["quiet"], debug=texts["debug"])
        return function(**{name: one.value(texts) for name, one in taken.items()})

    parameters = [option.parameter for one in taken.values() for option in one.options]
    run.__name__, run.__doc__ = function.__name__, function.__doc__
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    vars(run)["__signature__"] = inspect.Signature(parameters)
    options = (option for one in taken.values() for option in one.options)
    vars(run)["alone"] = {option.written: option.alone for option in options if option.alone is not None}
    return run


def made(function: Callable[..., Any], **settings: Any) -> TyperCommand:
    """The command that a function describes."""
    app, run = bare_app(), spliced(function)
    app.command(cls=_Command, **settings)(run)
    command = cast("_Command", get_command(app))
    command.alone = vars(run)["alone"]
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
        alone: by option, what it means where no value follows it.
    """

    alone: Mapping[str, str]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As of any command, with the values that were left out."""
        return super().parse_args(ctx, list(with_values(args, self.alone)))

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
