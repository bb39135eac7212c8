"""How the options and arguments of a command are declared, and how their texts become what its function takes.

A parameter of the function is an option or an argument: `Annotated` with an `Option` or `Argument` and, where its value
is no text, with what reads it (see `parsers`). Or it is a group, a `NamedTuple` of such options and of other groups,
which the function gets as one value. So an option that several commands have is said once, and a command gets what is
right in itself.

From a declaration typer makes its command (see `splicing`), which reads any arguments, tells what is wrong with them,
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
        takes: what follows it in words, for messages.
    """

    def __init__(self, *names: str, metavar: str | None = None, help: str = "", takes: str = "") -> None:  # noqa: A002
        self.names, self.metavar, self.help = names, metavar, help
        self.takes = takes or f"a value ({metavar})"


class Argument:
    """An argument, as help shows it."""

    def __init__(self, *, metavar: str, help: str = "") -> None:  # noqa: A002
        self.metavar, self.help = metavar, help


class Alone(NamedTuple):
    """In the annotation of an option: what it means where no value follows it. Typer has no such options."""

    text: str


class Otherwise(NamedTuple):
    """In the annotation of an option: its value where nothing is written, in the place of that of its group."""

    value: Any


class CommandContext:
    """The run of a command: what was asked of it as a whole, and what is closed when it ends."""

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
    """Of a group, the options that a command has.

    Args:
        names: which, in the order in which help shows them; all where none is named.
        without: which it does not have.
        others: those that it has with a help text of its own, or in another form, by name.
    """

    def __init__(self, *names: str, without: Sequence[str] = (), **others: Any) -> None:
        self.names, self.without, self.others = names, without, others

    def of(self, group: type[Any]) -> Iterator[tuple[str, Parameter | _Group]]:
        """The options of a group that the command has, and the context where the group holds it, by name."""
        hints = get_type_hints(group, include_extras=True)
        for name, other in self.others.items():
            hints[name] = _explained(hints[name], other) if isinstance(other, str) else other
        context = [name for name, hint in hints.items() if hint is CommandContext]
        for name in [*context, *self.names] if self.names else group._fields:
            if name not in self.without:
                yield name, _taken(name, hints[name], group._field_defaults.get(name, ...))


def _explained(hint: Any, help_text: str) -> Any:
    """An option with another help text."""
    kind, shown, *reads = get_args(hint)
    other = copy(shown)
    other.help = help_text
    return Annotated[(kind, other, *reads)]


class Parameter:
    """An option or an argument of a command, or its context.

    Args:
        name: of the parameter.
        hint: its type, `Annotated` with how help shows it and what reads its text.
        default: its value where nothing is written; `...` where something must be.
    """

    def __init__(self, name: str, hint: Any, default: Any) -> None:
        self.kind, *about = get_args(hint) or (hint,)
        self.shown = next((one for one in about if isinstance(one, Option | Argument)), None)
        self.name = name
        self.default = next((one.value for one in about if isinstance(one, Otherwise)), default)
        self.names = self.shown.names or (f"--{name}",) if isinstance(self.shown, Option) else ()
        self.is_flag = self.kind is bool
        self.repeats = get_origin(self.kind) is tuple
        self.required = self.default is ...
        self.read: Callable[[str, str], Any] | None = next(filter(callable, about), None)
        self.alone = next((one.text for one in about if isinstance(one, Alone)), None)

    @property
    def options(self) -> list[Parameter]:
        """Itself, as a group has its options."""
        return [self]

    @property
    def written(self) -> str:
        """As messages call it."""
        return self.names[0] if self.names else f"--{self.name}"

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


class _Group:
    """A group, which takes the options and groups that it is made of as one value."""

    def __init__(self, kind: type[Any], part: Subset) -> None:
        self.kind = kind
        self.parts = dict(part.of(kind))

    @property
    def options(self) -> list[Parameter]:
        """All of its options, those of groups within it among them."""
        return [option for part in self.parts.values() for option in part.options]

    def value(self, texts: Mapping[str, Any]) -> Any:
        """The value of what a command line holds; raises `OptionError` as an option does."""
        made = self.kind(**{name: part.value(texts) for name, part in self.parts.items()})
        if hasattr(made, "check"):
            made.check()
        return made


def _taken(name: str, hint: Any, default: Any) -> Parameter | _Group:
    """What a parameter of a function or a field of a group takes: an option, or a group."""
    kind, *about = get_args(hint) or (hint,)
    if isinstance(kind, type) and issubclass(kind, tuple) and not any(isinstance(one, Option) for one in about):
        return _Group(kind, next((one for one in about if isinstance(one, Subset)), Subset()))
    return Parameter(name, hint, default)


def _defaults(function: Callable[..., Any]) -> dict[str, Any]:
    """The defaults of the parameters that have one, as `inspect` tells them, which takes 5 ms to import."""
    made: Any = getattr(function, "__wrapped__", function)
    names = made.__code__.co_varnames[: made.__code__.co_argcount]
    placed = made.__defaults__ or ()
    return dict(zip(names[len(names) - len(placed) :], placed, strict=True)) | (made.__kwdefaults__ or {})


class Declaration:
    """The options and arguments of a function, with those of its groups.

    What is asked of the whole run (`-q`, `--debug`) is noted in the context before any other option is read, and a
    group whose options depend on one another has a method `check`, which is called as soon as it is made.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        hints = get_type_hints(function, include_extras=True)
        defaults = _defaults(function)
        self.function = function
        self._taken = {
            name: _taken(name, hint, defaults.get(name, ...)) for name, hint in hints.items() if name != "return"
        }
        self.parameters = [option for one in self._taken.values() for option in one.options]

    def run(self, **texts: Any) -> Any:
        """Call the function with the values of texts by parameter, as typer gives them."""
        if "context" in texts:
            texts["context"].obj.note(quiet=texts["quiet"], debug=texts["debug"])
        return self.function(**{name: one.value(texts) for name, one in self._taken.items()})

    def plain(self, words: Sequence[str]) -> dict[str, Any] | None:
        """The texts of arguments that can be meant in one way only; None where typer is to read them.

        So can names of options in full, values that are no empty text and begin with no hyphen, and as many arguments
        as there are.
        """
        known = {name: option for option in self.parameters for name in option.names}
        texts: dict[str, Any] = {
            one.name: [] if one.repeats else False if one.is_flag else None for one in self.parameters if one.shown
        }
        arguments: list[str] = []
        rest = iter(words)
        for word in rest:
            name, has_value, value = word.partition("=") if word.startswith("--") else (word, "", "")
            if not word.startswith("-") or word == "-":
                arguments.append(word)
                continue
            option = known.get(name)
            if option is None or option.alone is not None or (option.is_flag and has_value):
                return None
            if option.is_flag:
                texts[option.name] = True
                continue
            text = value if has_value else next(rest, "")
            if not text or text.startswith("-") or (texts[option.name] and not option.repeats):
                return None
            if option.repeats:
                texts[option.name].append(text)
            else:
                texts[option.name] = text
        return texts if "" not in arguments and self._placed(arguments, texts) else None

    def _placed(self, words: Sequence[str], texts: dict[str, Any]) -> bool:
        """Put arguments in their places, where there are as many as can be and must be."""
        places = [one for one in self.parameters if isinstance(one.shown, Argument)]
        if len(places) == 1 and places[0].repeats:
            texts[places[0].name] = list(words)
            return bool(words) or not places[0].required
        texts.update(zip((one.name for one in places), words, strict=False))
        needed = sum(one.required for one in places)
        return needed <= len(words) <= len(places) and not any(one.repeats for one in places)
