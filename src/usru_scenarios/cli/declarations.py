"""How the options and arguments of a command are declared, and how their texts become what its function takes.

A parameter of the function is an option or an argument: `Annotated` with an `Option` or `Argument` and, where its value
is no text, with the function that parses it (see `parsers`). Or it is a group, a `NamedTuple` of such options and of
other groups, which the function gets as one value. So an option that several commands have is declared once, and a
command gets valid values.

From a declaration typer makes its command (see `splicing`), which reads any arguments, reports what is wrong with them,
and shows help. Arguments that are plain are read here, which spares a run the import of typer: a fifth of what a short
one takes. Plain is what can be meant in one way only; typer reads it likewise, which a test shows for every option.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from copy import copy
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self, TypeVar, get_args, get_origin, get_type_hints

from usru_scenarios.cli.common import CommandState

if TYPE_CHECKING:
    from types import TracebackType

Resource = TypeVar("Resource")


class Option:
    """An option, as help shows it; by default it is called as its parameter is.

    Args:
        names: of the option.
        metavar: what follows it.
        help: what it does.
        takes: what follows it, as messages call it.
    """

    def __init__(self, *names: str, metavar: str | None = None, help: str = "", takes: str = "") -> None:  # noqa: A002
        self.names, self.metavar, self.help = names, metavar, help
        self.takes = takes or f"a value ({metavar})"


class Argument:
    """An argument, as help shows it."""

    def __init__(self, *, metavar: str, help: str = "") -> None:  # noqa: A002
        self.metavar, self.help = metavar, help


class ImpliedValue(NamedTuple):
    """In the annotation of an option: the text that is meant where no value follows it. Typer has no such options."""

    text: str


class DefaultValue(NamedTuple):
    """In the annotation of an option: its default, in the place of that of its group."""

    value: Any


class CommandContext:
    """The run of a command: its state, and the resources that are released when it ends."""

    def __init__(self, state: CommandState) -> None:
        self.obj = state
        self._resources = ExitStack()

    def with_resource(self, resource: AbstractContextManager[Resource]) -> Resource:
        """The resource, which is released when the command ends."""
        return self._resources.enter_context(resource)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return self._resources.__exit__(kind, error, traceback)


class Subset:
    """The options of a group that a command has.

    Args:
        names: which, in the order in which help shows them; all where none is named.
        without: which it does not have.
        changed: by name, the help text or the annotation of those that are different here.
    """

    def __init__(self, *names: str, without: Sequence[str] = (), **changed: Any) -> None:
        self.names, self.without, self.changed = names, without, changed

    def select_from(self, group: type[Any]) -> Iterator[tuple[str, Parameter | _Group]]:
        """The options of a group that the command has, and the context where the group holds it, by name."""
        hints = get_type_hints(group, include_extras=True)
        for name, change in self.changed.items():
            hints[name] = _with_help(hints[name], change) if isinstance(change, str) else change
        context = [name for name, hint in hints.items() if hint is CommandContext]
        for name in [*context, *self.names] if self.names else group._fields:
            if name not in self.without:
                yield name, _parameter_or_group(name, hints[name], group._field_defaults.get(name, ...))


def _with_help(hint: Any, help_text: str) -> Any:
    """An option with another help text."""
    kind, declaration, *rest = get_args(hint)
    declaration = copy(declaration)
    declaration.help = help_text
    return Annotated[(kind, declaration, *rest)]


class Parameter:
    """An option or an argument of a command, or its context.

    Args:
        name: of the parameter.
        hint: its type, `Annotated` with its declaration and the function that parses its text.
        default: its value where nothing is written; `...` where something must be.
    """

    def __init__(self, name: str, hint: Any, default: Any) -> None:
        self.kind, *annotations = get_args(hint) or (hint,)
        self.declaration = next((item for item in annotations if isinstance(item, Option | Argument)), None)
        self.name = name
        self.default = next((item.value for item in annotations if isinstance(item, DefaultValue)), default)
        self.names = self.declaration.names or (f"--{name}",) if isinstance(self.declaration, Option) else ()
        self.is_flag = self.kind is bool
        self.is_repeatable = get_origin(self.kind) is tuple
        self.is_required = self.default is ...
        self.parser: Callable[[str, str], Any] | None = next(filter(callable, annotations), None)
        self.implied = next((item.text for item in annotations if isinstance(item, ImpliedValue)), None)

    @property
    def options(self) -> list[Parameter]:
        """Itself, as a group has its options."""
        return [self]

    @property
    def display_name(self) -> str:
        """The name by which messages call it."""
        return self.names[0] if self.names else f"--{self.name}"

    def parse_value(self, texts: Mapping[str, Any]) -> Any:
        """Its value, parsed from the texts of a command line by parameter.

        Raises:
            OptionError: it makes no sense.
        """
        parser = self.parser
        match texts[self.name]:
            case None | () | []:
                return self.default
            case str(text) if parser is not None:
                return parser(self.display_name, text)
            case list() | tuple() as several:
                return tuple(text if parser is None else parser(self.display_name, text) for text in several)
            case text:
                return text


class _Group:
    """A group of options and of other groups, which make one value."""

    def __init__(self, kind: type[Any], subset: Subset) -> None:
        self.kind = kind
        self.parts = dict(subset.select_from(kind))

    @property
    def options(self) -> list[Parameter]:
        """All of its options, those of groups within it among them."""
        return [option for part in self.parts.values() for option in part.options]

    def parse_value(self, texts: Mapping[str, Any]) -> Any:
        """Its value, parsed and checked; raises `OptionError` as an option does."""
        value = self.kind(**{name: part.parse_value(texts) for name, part in self.parts.items()})
        if hasattr(value, "check"):
            value.check()
        return value


def _parameter_or_group(name: str, hint: Any, default: Any) -> Parameter | _Group:
    """The option or the group that a parameter of a function, or a field of a group, declares."""
    kind, *annotations = get_args(hint) or (hint,)
    if isinstance(kind, type) and issubclass(kind, tuple) and not any(isinstance(item, Option) for item in annotations):
        return _Group(kind, next((item for item in annotations if isinstance(item, Subset)), Subset()))
    return Parameter(name, hint, default)


def _parameter_defaults(function: Callable[..., Any]) -> dict[str, Any]:
    """The defaults of the parameters that have one, as `inspect` finds them, which takes 5 ms to import."""
    unwrapped: Any = getattr(function, "__wrapped__", function)
    names = unwrapped.__code__.co_varnames[: unwrapped.__code__.co_argcount]
    positional = unwrapped.__defaults__ or ()
    return dict(zip(names[len(names) - len(positional) :], positional, strict=True)) | (unwrapped.__kwdefaults__ or {})


class Declaration:
    """The options and arguments of a function, with those of its groups.

    Flags of the whole run (`-q`, `--debug`) are noted in the context before any other option is read, and a group whose
    options depend on one another has a method `check`, which is called as soon as it is made.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        hints = get_type_hints(function, include_extras=True)
        hints.pop("return", None)
        defaults = _parameter_defaults(function)
        self.function = function
        self._parts = {name: _parameter_or_group(name, hint, defaults.get(name, ...)) for name, hint in hints.items()}
        self.parameters = [option for part in self._parts.values() for option in part.options]

    def run(self, **texts: Any) -> Any:
        """Call the function with the values of texts by parameter, as typer gives them."""
        if "context" in texts:
            texts["context"].obj.note(quiet=texts["quiet"], debug=texts["debug"])
        return self.function(**{name: part.parse_value(texts) for name, part in self._parts.items()})

    def parse_plain(self, words: Sequence[str]) -> dict[str, Any] | None:
        """The texts of arguments that can be meant in one way only; None where typer is to read them.

        So can names of options in full, values that are no empty text and begin with no hyphen, and as many arguments
        as there are.
        """
        known = {name: option for option in self.parameters for name in option.names}
        texts: dict[str, Any] = {
            option.name: [] if option.is_repeatable else False if option.is_flag else None
            for option in self.parameters
            if option.declaration
        }
        arguments: list[str] = []
        rest = iter(words)
        for word in rest:
            name, has_value, value = word.partition("=") if word.startswith("--") else (word, "", "")
            if not word.startswith("-") or word == "-":
                arguments.append(word)
                continue
            option = known.get(name)
            if option is None or option.implied is not None or (option.is_flag and has_value):
                return None
            if option.is_flag:
                texts[option.name] = True
                continue
            text = value if has_value else next(rest, "")
            if not text or text.startswith("-") or (texts[option.name] and not option.is_repeatable):
                return None
            if option.is_repeatable:
                texts[option.name].append(text)
            else:
                texts[option.name] = text
        return texts if "" not in arguments and self._assign_arguments(arguments, texts) else None

    def _assign_arguments(self, words: Sequence[str], texts: dict[str, Any]) -> bool:
        """Add arguments to the texts by parameter; whether there are as many as can be and must be."""
        parameters = [parameter for parameter in self.parameters if isinstance(parameter.declaration, Argument)]
        if len(parameters) == 1 and parameters[0].is_repeatable:
            texts[parameters[0].name] = list(words)
            return bool(words) or not parameters[0].is_required
        texts.update(zip((parameter.name for parameter in parameters), words, strict=False))
        least = sum(parameter.is_required for parameter in parameters)
        return least <= len(words) <= len(parameters) and not any(item.is_repeatable for item in parameters)
