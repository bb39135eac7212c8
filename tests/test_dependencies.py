"""The program needs nothing of its dependencies but what they publish, and says truly which versions it needs."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
import typer

from command import HARBOUR, HERE, answer
from usru_scenarios.cli import app
from usru_scenarios.version import __version__

ROOT = HERE.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))

# Private names


def private_names(source: str) -> list[str]:
    """Names of others that begin with `_`, as a module imports them or reads them by a text; ruff finds `a._b`."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                found += [alias.name for alias in node.names]
            case ast.ImportFrom(module=str(module)):
                found += [f"{module}.{alias.name}" for alias in node.names]
            case ast.Call(func=ast.Name("getattr" | "hasattr" | "setattr"), args=[_, ast.Constant(str(name)), *_]):
                found.append(name)
            case ast.Call(keywords=keywords):
                found += [keyword.arg for keyword in keywords if keyword.arg]
            case ast.Subscript(value=ast.Call(func=ast.Name("vars")), slice=ast.Constant(str(name))):
                found.append(name)
    return [name for name in found if any(map(is_private, name.split("."))) and not name.startswith("usru_scenarios.")]


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_no_private_name_of_a_dependency_is_used(path: Path) -> None:
    assert not private_names(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "source",
    [
        "from typer._click import Context",
        "import numpy._core.multiarray",
        "from typer.core import _main",
        "vars(parameter)['_runtime_param'] = 1",
        "getattr(parameter, '_runtime_param')",
        "Console(_environ={})",
    ],
)
def test_sabotaged_a_private_name_is_found(source: str) -> None:
    assert private_names(source)


# Typer


def parameters() -> list[tuple[str, Any]]:
    """The name and type of every parameter of every command."""
    found = []
    for function in (app.usru, *app.COMMANDS):
        hints = get_type_hints(function, include_extras=True)
        found += [(f"{function.__name__}.{name}", hints[name]) for name in inspect.signature(function).parameters]
    return found


@pytest.mark.parametrize(("name", "annotated"), parameters())
def test_every_parameter_is_text_or_a_flag(name: str, annotated: Any) -> None:
    """Else its value could not be taken as it is written."""
    kind = get_args(annotated)[0] if get_origin(annotated) is Annotated else annotated
    assert kind in (str, str | None, list[str], list[str] | None, bool, typer.Context), name


ARGUMENTS = [
    ["--version"],
    [
        "simulate",
        HARBOUR,
        "--json",
        "-n",
        "200",
        "--set",
        "drivers.weather.persistence=0.2",
        "--do",
        "weather=storm",
        "-q",
    ],
    ["ask", "P(open @ end)", HARBOUR, "--json", "-n", "200"],
    ["ask"],
    ["compare", HARBOUR, HARBOUR, "-n", "200", "--json", "--variant", "x: --set drivers.weather.persistence=0.2"],
    ["simulate", "--seed"],
    ["simulate", "--json=1"],
    ["nonsense"],
    ["simulate", "--help"],
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=" ".join)
def test_values_that_typer_reads_are_the_same(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """To take them as they are written only spares time: a typer that has no such method any more does as well."""
    ours = answer(*arguments)
    monkeypatch.setattr(app, "_taken_as_written", lambda parameters: parameters)
    assert vars(answer(*arguments)) == vars(ours)


def test_the_version_is_told() -> None:
    assert answer("--version").stdout == f"usru {__version__}\n"


class Renamed:
    """A parameter of a typer whose parameters have no such method."""


def test_a_parameter_without_the_method_is_left_alone() -> None:
    parameter = Renamed()
    assert app._taken_as_written([parameter]) == [parameter]  # noqa: SLF001
    assert not vars(parameter)
