"""What is true of every module: a name means one thing in it, and the name of a class one thing in all of them."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

SOURCES = sorted((Path(__file__).parents[1] / "src").rglob("*.py"))


def given_twice(source: str) -> list[str]:
    """The names that the top level of a module gives more than once; the later meaning would be that of all uses."""
    return [name for name, number in Counter(_given(ast.parse(source))).items() if number > 1]


def _given(module: ast.Module) -> list[str]:
    names = []
    for statement in module.body:
        match statement:
            case ast.FunctionDef(name) | ast.ClassDef(name):
                names.append(name)
            case ast.Assign(targets):
                names += [
                    one.id
                    for target in targets
                    for one in ast.walk(target)
                    if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
                ]
            case ast.AnnAssign(ast.Name(name)):
                names.append(name)
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_name_of_a_module_is_given_twice(path: Path) -> None:
    assert given_twice(path.read_text("utf-8")) == []


@pytest.mark.parametrize("again", ["_LIMIT = 2", "_LIMIT: int = 2", "def _LIMIT(): ...", "_OTHER, _LIMIT = 1, 2"])
def test_sabotaged_a_second_meaning_is_found(again: str) -> None:
    assert given_twice(f"_LIMIT = 1\n\ndef limit():\n    return _LIMIT\n\n{again}\n") == ["_LIMIT"]


def classes(sources: Mapping[str, str]) -> list[str]:
    """The names of all classes, one for each time that one is defined, whether published or not."""
    return [name for source in sources.values() for name in re.findall(r"^ *class _*(\w+)[(:\[]", source, re.MULTILINE)]


def test_the_name_of_a_class_has_one_meaning() -> None:
    names = Counter(classes({str(path): path.read_text("utf-8") for path in SOURCES}))
    assert [name for name, number in names.items() if number > 1] == []


def test_sabotaged_a_second_class_is_found() -> None:
    assert sorted(classes({"a": "class Trial: ...", "b": "def f():\n    class _Trial: ..."})) == ["Trial", "Trial"]
