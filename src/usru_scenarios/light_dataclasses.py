"""Dataclasses that take next to no time to define: what is made of a class is made when it is first asked for.

The standard library writes and compiles six functions for every dataclass as it is imported, which takes a third of a
millisecond. A command imports some seventy, makes instances of thirty, and compares those of three. So here all
classes share functions that are there already, but for `__init__`, which is written out when the first instance is
made: then an instance takes no longer to make.

Types are checked as those of the standard library. Its own functions (`fields`, `replace`, `is_dataclass`) and whoever
else knows dataclasses, such as pydantic, take these for its own: what they look at is made by it, when they do. Of its
options there are those that are used here.
"""

from __future__ import annotations

from operator import attrgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import asdict, dataclass, field, replace
    from typing import Any

__all__ = ["asdict", "dataclass", "field", "replace"]


class _Missing:
    """No value is given."""


class _Field:
    """The options of a field, as of `dataclasses.field`."""

    def __init__(
        self,
        *,
        default: Any = _Missing,
        default_factory: Any = _Missing,
        init: bool = True,
        repr: bool = True,  # noqa: A002  # as there
        compare: bool = True,
    ) -> None:
        self.default, self.default_factory = default, default_factory
        self.init, self.repr, self.compare = init, repr, compare


class _Definition:
    """The fields and options that a class was defined with.

    Attributes:
        fields: by name, those that it inherits first.
        frozen, eq, repr: as for `dataclasses.dataclass`.
    """

    def __init__(self, fields: dict[str, _Field], *, frozen: bool, eq: bool, repr: bool) -> None:  # noqa: A002
        self.fields, self.frozen, self.eq, self.repr = fields, frozen, eq, repr

    def make_init(self, cls: type) -> Callable[..., None]:
        """The `__init__` of the class, written out and compiled."""
        namespace: dict[str, Any] = {"_set": object.__setattr__, "_missing": _Missing}
        parameters, body = ["self"], []
        for name, field in self.fields.items():
            value = name
            if field.default_factory is not _Missing:
                namespace[f"_new_{name}"] = field.default_factory
                parameters += [f"{name}=_missing"] * field.init
                value = f"_new_{name}() if {name} is _missing else {name}" if field.init else f"_new_{name}()"
            elif not field.init:
                continue  # whoever defined it sets it
            elif field.default is _Missing:
                parameters.append(name)
            else:
                namespace[f"_usual_{name}"] = field.default
                parameters.append(f"{name}=_usual_{name}")
            body.append(f"_set(self, '{name}', {value})" if self.frozen else f"self.{name} = {value}")
        body.append("self.__post_init__()" if hasattr(cls, "__post_init__") else "pass")
        exec(f"def __init__({', '.join(parameters)}):\n  " + "\n  ".join(body), namespace)  # noqa: S102  # as dataclasses do
        init: Callable[..., None] = namespace["__init__"]
        init.__qualname__ = f"{cls.__qualname__}.__init__"
        return init

    def standard_twin(self, cls: type) -> type:
        """A dataclass of the standard library with the same fields and options."""
        import dataclasses

        annotations = {
            name: kind for base in cls.__mro__[-2::-1] for name, kind in getattr(base, "__annotations__", {}).items()
        }
        fields = []
        for name, field in self.fields.items():
            options = {option: value for option, value in vars(field).items() if value is not _Missing}
            fields.append((name, annotations[name], dataclasses.field(**options)))
        return dataclasses.make_dataclass(cls.__name__, fields, frozen=self.frozen, eq=self.eq, repr=self.repr)


_DEFINITION = "__light_definition__"
"""Where a class has its definition."""


def _dataclass(cls: Any = None, /, *, frozen: bool = False, eq: bool = True, repr: bool = True) -> Any:  # noqa: A002
    """As `dataclasses.dataclass`."""
    if cls is None:
        return lambda cls: _dataclass(cls, frozen=frozen, eq=eq, repr=repr)
    definition = _Definition(_fields_of(cls), frozen=frozen, eq=eq, repr=repr)
    methods: dict[str, Any] = {"__init__": _make_first_init(cls, definition)}
    if repr:
        methods["__repr__"] = _repr
    if eq:
        methods["__eq__"], methods["__hash__"] = _make_comparison(definition)
    if frozen:
        methods["__setattr__"], methods["__delattr__"] = _refuse_to_set, _refuse_to_delete
    methods["__replace__"] = _replace  # which `copy.replace` asks for, from Python 3.13 on
    methods["__match_args__"] = tuple(name for name, field in definition.fields.items() if field.init)
    class_attributes = vars(cls)
    for name, method in methods.items():
        if name not in class_attributes:
            setattr(cls, name, method)
    for name, attribute in _STANDARD_ATTRIBUTES.items():
        setattr(cls, name, attribute)
    setattr(cls, _DEFINITION, definition)
    return cls


def _fields_of(cls: type) -> dict[str, _Field]:
    """The fields of a class; its attributes of their names are or become their defaults."""
    fields: dict[str, _Field] = {}
    for base in cls.__mro__[:0:-1]:
        if _DEFINITION in vars(base):
            fields.update(getattr(base, _DEFINITION).fields)
    for name, kind in cls.__annotations__.items():
        if kind.startswith("ClassVar"):
            continue
        given = getattr(cls, name, _Missing)
        if not isinstance(given, _Field):
            fields[name] = _Field(default=given)
            continue
        fields[name] = given
        if given.default is _Missing:
            delattr(cls, name)
        else:
            setattr(cls, name, given.default)
    return fields


def _make_first_init(cls: Any, definition: _Definition) -> Callable[..., None]:
    def __init__(self: Any, *values: Any, **by_name: Any) -> None:  # noqa: N807
        cls.__init__ = definition.make_init(cls)
        cls.__init__(self, *values, **by_name)

    return __init__


def _repr(self: Any) -> str:
    names = (name for name, field in getattr(self, _DEFINITION).fields.items() if field.repr)
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"


def _make_comparison(definition: _Definition) -> tuple[Callable[[Any, Any], bool], Callable[[Any], int] | None]:
    """`__eq__` and `__hash__` of a class."""
    names = [name for name, field in definition.fields.items() if field.compare]
    values: Callable[[Any], object]
    if len(names) > 1:
        values = attrgetter(*names)  # gives a tuple
    else:

        def values(instance: Any) -> object:
            return tuple(getattr(instance, name) for name in names)

    def __eq__(self: Any, other: Any) -> bool:  # noqa: N807
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(values(self))

    return __eq__, __hash__ if definition.frozen else None


def _refuse_to_set(self: Any, name: str, value: Any) -> None:
    _refuse(self, name, "assign to")
    object.__setattr__(self, name, value)


def _refuse_to_delete(self: Any, name: str) -> None:
    _refuse(self, name, "delete")
    object.__delattr__(self, name)


def _refuse(self: Any, name: str, change: str) -> None:
    """Refuse to change a frozen instance; one of a class that inherits and is no dataclass may have more attributes."""
    if _DEFINITION in vars(type(self)) or name in getattr(self, _DEFINITION).fields:
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot {change} field {name!r}")


class _StandardAttribute:
    """An attribute of all dataclasses that the standard library makes, for a class of which somebody wants to know."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, _: object, owner: type) -> Any:
        cls: Any = next(base for base in owner.__mro__ if vars(base).get(self.name) is self)
        twin: Any = getattr(cls, _DEFINITION).standard_twin(cls)
        cls.__dataclass_fields__, cls.__dataclass_params__ = twin.__dataclass_fields__, twin.__dataclass_params__
        return getattr(cls, self.name)


class _InitSignature:
    """The signature of a class that has its own `__init__`; one that inherits it is looked at as all classes are."""

    def __get__(self, _: object, owner: type) -> Any:
        import inspect

        definition: Any = vars(owner).get(_DEFINITION)
        return None if definition is None else inspect.signature(definition.standard_twin(owner))


_STANDARD_ATTRIBUTES = {
    "__dataclass_fields__": _StandardAttribute("__dataclass_fields__"),
    "__dataclass_params__": _StandardAttribute("__dataclass_params__"),
    "__signature__": _InitSignature(),
}


def _replace(value: Any, /, **changes: Any) -> Any:
    """As `dataclasses.replace`."""
    for name, field in getattr(value, _DEFINITION).fields.items():
        if field.init:
            if name not in changes:
                changes[name] = getattr(value, name)
        elif name in changes:
            raise ValueError(f"field {name} is declared with init=False, it cannot be specified with replace()")
    return type(value)(**changes)


_PLAIN = frozenset({bool, float, int, str, type(None)})


def _asdict(value: Any) -> Any:
    """As `dataclasses.asdict`."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is list:
        return [item if type(item) in _PLAIN else _asdict(item) for item in value]
    if kind is dict:
        return {_asdict(key): _asdict(item) for key, item in value.items()}
    if (definition := getattr(kind, _DEFINITION, None)) is not None:
        return {name: _asdict(getattr(value, name)) for name in definition.fields}
    if isinstance(value, tuple):
        parts = map(_asdict, value)
        return kind(*parts) if hasattr(kind, "_fields") else kind(parts)
    from copy import deepcopy

    return deepcopy(value)


if not TYPE_CHECKING:
    asdict, dataclass, field, replace = _asdict, _dataclass, _Field, _replace
