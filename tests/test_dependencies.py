"""The program needs nothing of its dependencies but what they publish, and says truly which versions it needs."""

from __future__ import annotations

import ast
import inspect
import re
import runpy
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from support.command import HARBOUR, HERE, answer
from usru_scenarios.cli import app, splicing
from usru_scenarios.cli.commands import COMMANDS, command_function
from usru_scenarios.cli.splicing import typer_function
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


PUBLISHED = frozenset({"_asdict", "_field_defaults", "_fields", "_make", "_replace"})
"""Names of a `NamedTuple`, which begin with `_` to be none of its fields."""


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in PUBLISHED


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
    for function in (app.usru, *map(command_function, COMMANDS)):
        taken = typer_function(function)
        hints = get_type_hints(taken, include_extras=True)
        found += [(f"{function.__name__}.{name}", hints[name]) for name in inspect.signature(taken).parameters]
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
    for module in (app, splicing):
        monkeypatch.setattr(module, "skip_value_conversion", lambda parameters: parameters)
    assert vars(answer(*arguments)) == vars(ours)


def test_the_version_is_told() -> None:
    assert answer("--version").stdout == f"usru {__version__}\n"


class Renamed:
    """A parameter of a typer whose parameters have no such method."""


def test_a_parameter_without_the_method_is_left_alone() -> None:
    parameter = Renamed()
    assert splicing.skip_value_conversion([parameter]) == [parameter]
    assert not vars(parameter)


# Versions

CONSTRAINTS = ROOT / "constraints"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def asked() -> list[tuple[str, Requirement]]:
    """Every dependency, with the extra that has it; no extra is ``."""
    extras = {"": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
    return [(extra, Requirement(line)) for extra, lines in extras.items() for line in lines]


def pinned(name: str) -> dict[str, Version]:
    """What a file of constraints pins for this Python, by normalised names."""
    found: dict[str, Version] = {}
    for line in (CONSTRAINTS / name).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            requirement = Requirement(line)
            (pin,) = requirement.specifier
            assert pin.operator == "==", line
            found[canonicalize_name(requirement.name)] = Version(pin.version)
    return found


def floor(requirement: Requirement) -> Version:
    """The lowest version that a dependency may have."""
    (lowest,) = (bound.version for bound in requirement.specifier if bound.operator == ">=")
    return Version(lowest)


def refresh(name: str) -> Any:
    """What constraints/refresh.py has of this name."""
    return runpy.run_path(str(CONSTRAINTS / "refresh.py"))[name]


@pytest.mark.parametrize(("extra", "requirement"), asked(), ids=str)
def test_pins_keep_to_the_bounds_of_every_dependency(extra: str, requirement: Requirement) -> None:
    name = canonicalize_name(requirement.name)
    assert requirement.specifier.contains(pinned("tested.txt")[name])
    if extra in ("", *refresh("EXTRAS")):
        assert pinned("floors.txt")[name] == floor(requirement)


@pytest.mark.parametrize("requirement", [one for extra, one in asked() if not extra], ids=str)
def test_what_every_user_installs_has_an_upper_bound(requirement: Requirement) -> None:
    assert any(bound.operator == "<" for bound in requirement.specifier)


@pytest.mark.parametrize("name", pinned("tested.txt"))
def test_what_a_pinned_package_needs_is_pinned_too(name: str) -> None:
    pins = pinned("tested.txt")
    try:
        here = distribution(name)
    except PackageNotFoundError:
        pytest.skip("not installed")
    if Version(here.version) != pins[name]:
        pytest.skip("installed in another version")
    for one in map(Requirement, here.requires or ()):
        if one.marker is None or one.marker.evaluate({"extra": ""}):
            assert one.specifier.contains(pins[canonicalize_name(one.name)], prereleases=True), str(one)


def test_the_readme_installs_the_pinned_versions_for_the_tests_alone() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first, second = re.findall("^python3 -m venv .*$", readme, re.MULTILINE)
    assert "-c constraints/tested.txt" in second
    assert "constraints" not in first


def test_what_is_installed_is_compared_with_the_pins() -> None:
    done = subprocess.run(
        [sys.executable, str(CONSTRAINTS / "refresh.py"), "--compare"], capture_output=True, text=True, check=True
    )
    found = {line.partition(" ")[0] for line in done.stdout.splitlines()} - {"all"}
    for name, pin in pinned("tested.txt").items():
        try:
            here = distribution(name).version
        except PackageNotFoundError:
            continue
        assert (Version(here) != pin) == (name in found), name


def test_sabotaged_pins_are_told_apart() -> None:
    changes = refresh("changes")
    assert changes({"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "1"}) == ["b 2 -> 3", "c not pinned -> 1"]
