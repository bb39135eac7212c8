"""Light dataclasses are those of the standard library: in what they do, and to whoever asks what they are."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import pkgutil
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

import usru_scenarios
from support.command import HERE, environment
from usru_scenarios import light_dataclasses

# What they do ---------------------------------------------------------------------------------------------------------

CLASSES = """
from __future__ import annotations
from collections import namedtuple
from functools import cached_property
from typing import ClassVar, Generic, TypeVar

Pair = namedtuple("Pair", "one other")
Kind = TypeVar("Kind")

@dataclass(frozen=True)
class Point:
    x: float
    y: float = 0.0
    note: str = field(default="", compare=False)
    hidden: list[int] = field(default_factory=list, repr=False, compare=False)
    KINDS: ClassVar[tuple[str, ...]] = ("here", "there")

    @cached_property
    def sum(self):
        return self.x + self.y

@dataclass
class Open:
    parts: dict[str, object] = field(default_factory=dict)
    made: int = field(init=False)
    counted: int = field(default=7, init=False)
    listed: list[int] = field(default_factory=lambda: [1], init=False)

    def __post_init__(self):
        self.made = len(self.parts)

@dataclass(frozen=True)
class Alone:
    value: object

@dataclass(frozen=True)
class Nothing:
    pass

@dataclass(frozen=True)
class Deeper(Point):
    y: float = 5.0
    z: float = 1.0

@dataclass(frozen=True, eq=False)
class Same:
    value: object = None

@dataclass(frozen=True, repr=False)
class Unshown:
    value: object = None

@dataclass(frozen=True)
class Hashed:
    value: object = None
    def __hash__(self):
        return 5

@dataclass(frozen=True)
class Held(Generic[Kind]):
    value: Kind

class Plain(Alone):
    def __init__(self, value):
        super().__init__(value)

class Bare(Alone):
    pass
"""

EXPRESSIONS = """
Point(1.0)
Point(1.0, y=2.0, note="a", hidden=[3])
Point(y=1.0)
Point()
Point(1, 2, 3, 4, 5)
Point(1, z=2)
Point(1, x=2)
Point(1.0) == Point(1.0, note="other")
Point(1.0) == Point(1.0, 2.0)
Point(1.0) == Deeper(1.0)
Point(1.0) == 1.0
Point(1.0).__eq__(1.0)
Point(1.0) < Point(2.0)
hash(Point(1.0)) == hash(Point(1.0, note="other"))
len({Point(1.0), Point(1.0, note="other"), Point(2.0)})
Point(1.0).hidden is not Point(1.0).hidden
Point.y, Point.note, Point.KINDS
Point.hidden
setattr(Point(1.0), "x", 2.0)
setattr(Point(1.0), "other", 2.0)
delattr(Point(1.0), "x")
delattr(Point(1.0), "other")
Point(1.0).sum
Point.__match_args__
[x + y for one in [Point(1.0, 2.0)] for x, y in [(one.x, one.y)]]
Open()
Open({"a": 1}), Open({"a": 1}).made
Open() == Open()
Open(made=2)
hash(Open())
Open(Open()).parts
setattr(Open(), "other", 2.0)
Open.counted, Open().counted, Open().listed is not Open().listed
Alone(1) == Alone(1), hash(Alone((1, 2))) == hash(Alone((1, 2)))
hash(Alone([]))
Nothing(), Nothing() == Nothing(), len({Nothing(), Nothing()})
Nothing(1)
Deeper(1.0), Deeper(1.0).y, Deeper.__match_args__
setattr(Deeper(1.0), "x", 2.0)
isinstance(Deeper(1.0), Point)
Same(1) == Same(1), Same(1).__hash__ == Same(1).__hash__
repr(Unshown(1)).startswith("<")
hash(Hashed(1)), Hashed(1) == Hashed(1)
Held[int](1), Held(1)
Plain(1), Plain(1) == Plain(1), Plain(1) == Alone(1)
setattr(Plain(1), "value", 2)
delattr(Plain(1), "value")
vars((lambda one: (setattr(one, "more", 2), one)[1])(Plain(1)))
Bare(3), Bare(3) == Bare(3)
Alone.__init__.__qualname__ if Alone(1) else None
copy.copy(Point(1.0, 2.0)), copy.deepcopy(Open({"a": [1]}))
vars(Point(1.0))
replace(Point(1.0, 2.0), x=5.0)
replace(Point(1.0), z=5.0)
replace(Open({"a": 1}), parts={})
replace(Plain(1), value=2)
asdict(Point(1.0, hidden=[Point(2.0), [3], (4, None), {"a": Alone("b"), 2: True}]))
asdict(Alone(Pair(Alone(1), [2])))
(lambda given: (asdict(Alone(given))["value"] == given, asdict(Alone(given))["value"] is given))([1.0, [2]])
(lambda given: (asdict(Alone(given))["value"] == given, asdict(Alone(given))["value"] is given))({1, 2})
""".strip().splitlines()


def told(library: Any) -> list[str]:
    """What the expressions give, or the error that they end in, with the dataclasses of a library."""
    sys.modules["classes"] = module = ModuleType("classes")  # where the standard library looks for `ClassVar`
    known = vars(module)
    known |= {name: getattr(library, name) for name in ("asdict", "dataclass", "field", "replace")} | {"copy": copy}
    exec(CLASSES, known)
    return [f"{expression}  ->  {_told(expression, known)}" for expression in EXPRESSIONS]


def _told(expression: str, known: dict[str, Any]) -> str:
    try:
        return repr(eval(expression, known))
    except Exception as error:  # noqa: BLE001  # it is what is compared
        return f"{type(error).__name__}: {error}"


def test_they_do_what_those_of_the_standard_library_do() -> None:
    assert told(light_dataclasses) == told(dataclasses)


@pytest.mark.parametrize("wrong", ["frozen", "eq", "repr"])
def test_sabotaged_an_option_without_effect_is_found(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = light_dataclasses.dataclass

    def dataclass(cls: Any = None, /, **options: bool) -> Any:
        return right(cls, **{name: value for name, value in options.items() if name != wrong})

    monkeypatch.setattr(light_dataclasses, "dataclass", dataclass)
    assert told(light_dataclasses) != told(dataclasses)


@pytest.mark.parametrize("name", ["made", "counted"])
def test_what_no_argument_sets_can_not_be_replaced(name: str) -> None:
    told(light_dataclasses)
    one = vars(sys.modules["classes"])["Open"]({"a": 1})
    for replace in (light_dataclasses.replace, dataclasses.replace):
        with pytest.raises((TypeError, ValueError), match=f"field {name} is declared with init=False"):
            replace(one, **{name: 1})


@pytest.mark.skipif(sys.version_info < (3, 13), reason="the standard library has no copy.replace")
def test_copies_are_made_with_other_values() -> None:
    told(light_dataclasses)
    one = vars(sys.modules["classes"])["Deeper"](1.0)
    assert repr(vars(copy)["replace"](one, x=2.0)) == "Deeper(x=2.0, y=5.0, note='', z=1.0)"


def test_threads_may_make_the_first_instances_at_once() -> None:
    for _ in range(50):
        known: dict[str, Any] = {"dataclass": light_dataclasses.dataclass}
        exec("@dataclass(frozen=True)\nclass Pair:\n  one: 'int'\n  other: 'int' = 2", known)
        made: list[object] = []
        at_once = threading.Barrier(4)

        def make(made: list[object] = made, known: dict[str, Any] = known, wait: Any = at_once.wait) -> None:
            wait()
            made.append(known["Pair"](1))

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [repr(one) for one in made] == ["Pair(one=1, other=2)"] * 4


# What they are --------------------------------------------------------------------------------------------------------


def classes() -> Iterator[type]:
    """All dataclasses of the package."""
    for found in pkgutil.walk_packages(usru_scenarios.__path__, "usru_scenarios."):
        if not found.name.endswith("__main__"):
            for one in vars(import_module(found.name)).values():
                if isinstance(one, type) and one.__module__ == found.name and "__dataclass_fields__" in vars(one):
                    yield one


def described(cls: Any) -> list[str]:
    """How a dataclass looks to whoever asks."""
    fields = [
        f"{one.name}: {one.type} {one.init} {one.repr} {one.compare} {one.hash} {one.kw_only} {one.default} "
        f"{one.default_factory is dataclasses.MISSING} {dict(one.metadata)}"
        for one in dataclasses.fields(cls)
    ]
    defaults = [f"{one.name} {getattr(cls, one.name, 'none')}" for one in dataclasses.fields(cls)]
    hashing = "none" if cls.__hash__ is None else "own" if cls.__hash__ is not object.__hash__ else "by identity"
    about = [*fields, *defaults, str(inspect.signature(cls)), repr(cls.__dataclass_params__), hashing]
    about.append(repr(cls.__match_args__))
    about.append(str([name for name in ("__init__", "__repr__", "__eq__", "__setattr__") if name in vars(cls)]))
    return [re.sub(r" at 0x\w+", "", str(one)) for one in about]


def all_described() -> dict[str, list[str]]:
    return {f"{one.__module__}.{one.__qualname__}": described(one) for one in classes()}


OF_THE_STANDARD_LIBRARY = """
import dataclasses, json, sys
import usru_scenarios
sys.modules["usru_scenarios.light_dataclasses"] = dataclasses
from test_light_dataclasses import all_described
print(json.dumps(all_described()))
"""


def test_all_classes_of_the_package_look_like_those_of_the_standard_library() -> None:
    done = subprocess.run(
        [sys.executable, "-c", OF_THE_STANDARD_LIBRARY],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=HERE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert all("__light_definition__" in vars(one) for one in classes())
    found, expected = all_described(), json.loads(done.stdout)
    assert len(expected) > 250
    assert found.keys() == expected.keys()
    for name, one in expected.items():
        assert found[name] == one, name
