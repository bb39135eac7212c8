"""Which module may import which: packages have an order, and no import goes up it or round in a circle.

`docs/architecture.md` says the order. Imports within a function count as those of a module do. Only what types alone
need (`TYPE_CHECKING`) may make a circle of two modules of one package, for it is imported by no run.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import MappingProxyType

import pytest

SOURCES = Path(__file__).parents[1] / "src"
PACKAGE = "usru_scenarios"

PAGE = SOURCES.parent / "docs" / "architecture.md"


def ground(page: str) -> tuple[str, ...]:
    """The modules that all may import."""
    (found,) = re.findall(r"this table\. (.*?) are\s+ground for all\.", page, re.DOTALL)
    return tuple(re.findall(r"`(\w+)`", found))


def permissions(page: str) -> dict[str, frozenset[str]]:
    """What each package, or module beside packages, may import beside the ground, in the order of the table."""
    found: dict[str, frozenset[str]] = {}
    for name, may in re.findall(r"^\| `(\w+)` \| [^|]* \| ([^|]*) \|$", page, re.MULTILINE):
        assert may in ("nothing", "all above") or re.fullmatch(r"`\w+`(, `\w+`)*", may), may
        found[name] = frozenset(found) if may == "all above" else frozenset(re.findall(r"`(\w+)`", may))
        assert found[name] <= found.keys(), f"{name} may import what stands later"
    return found


GROUND = ground(PAGE.read_text("utf-8"))
MAY = permissions(PAGE.read_text("utf-8"))

Graph = Mapping[str, AbstractSet[str]]


def graph(sources: Mapping[str, str], *, types: bool) -> dict[str, set[str]]:
    """What each module imports of the package; `types` with what is imported for types alone."""
    return {name: {*_imports(source, sources.keys(), types=types)} - {name} for name, source in sources.items()}


def _imports(source: str, known: AbstractSet[str], *, types: bool) -> Iterator[str]:
    for name, inside, for_types in statements(source):
        if types or not for_types:
            yield from [one for one in (f"{name}.{inside}" if f"{name}.{inside}" in known else name,) if one in known]


@functools.cache
def statements(source: str) -> list[tuple[str, str, bool]]:
    """What a module imports: a module, what of it if that is named, whether for types alone."""
    return [*_statements(ast.parse(source), for_types=False)]


def _statements(tree: ast.AST, *, for_types: bool) -> Iterator[tuple[str, str, bool]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.expr):  # holds no statement
            continue
        inside = for_types
        match node:
            case ast.If(test=ast.Name("TYPE_CHECKING")):
                inside = True
            case ast.ImportFrom(module=str(module), names=names):
                yield from ((module, alias.name, for_types) for alias in names)
            case ast.Import(names=names):
                yield from ((alias.name, "", for_types) for alias in names)
        yield from _statements(node, for_types=inside)


@functools.cache
def present() -> Mapping[str, str]:
    """The source of every module, by its name."""
    found = {}
    for path in SOURCES.rglob("*.py"):
        parts = path.relative_to(SOURCES).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text("utf-8")
    return MappingProxyType(found)


def place(module: str) -> str:
    """The package that a module stands in, or the module beside packages; empty for what holds all of them."""
    return (*module.split("."), "")[1]


def wrong_ways(imports: Graph) -> list[str]:
    """The imports that go up, or out of what a package may know."""
    found = []
    for module, others in imports.items():
        here = place(module)
        if here in ("", "entry", "__main__"):
            continue
        allowed = {here, *GROUND, *(() if here in GROUND else MAY[here])}
        found += [f"{module} imports {other}" for other in sorted(others) if place(other) not in allowed]
    return found


def circle(imports: Graph) -> list[str]:
    """The modules of a circle; empty where there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_imports_go_one_way() -> None:
    assert not wrong_ways(graph(present(), types=True))


def test_no_modules_import_one_another_in_a_circle() -> None:
    assert not circle(graph(present(), types=False))


def test_every_package_has_its_place_and_no_other_has() -> None:
    named = {place(module) for module in present()} - {"", "entry", "__main__"}
    assert named == {*GROUND, *MAY}


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("usru_scenarios.exact.inference", "from usru_scenarios.questions import target"),
        ("usru_scenarios.questions.ask", "def late():\n    from usru_scenarios.study import load"),
        ("usru_scenarios.report.ask", "from usru_scenarios.program.program import Program"),
        ("usru_scenarios.names", "import usru_scenarios.model.schema"),
        ("usru_scenarios.model.schema", "if TYPE_CHECKING:\n    from usru_scenarios.reading.loading import Loaded"),
    ],
)
def test_sabotaged_a_wrong_way_is_found(module: str, line: str) -> None:
    sources = {**present(), module: f"{present()[module]}\n{line}\n"}
    (found,) = wrong_ways(graph(sources, types=True))
    assert found.startswith(f"{module} imports usru_scenarios.")


def test_the_page_names_modules_that_are_there() -> None:
    page = PAGE.read_text("utf-8").replace("`tests/", "`../../tests/")
    named = set(re.findall(r"`([\w./]+(?:\.py|/))`", page)) - {"src/usru_scenarios/"}
    assert len(named) > 40
    assert [one for one in sorted(named) if not (SOURCES / PACKAGE / one).exists()] == []


def test_sabotaged_a_circle_by_a_lazy_import_is_found() -> None:
    module = "usru_scenarios.cli.common"
    late = "def late():\n    from usru_scenarios.cli.app import command"
    sources = {**present(), module: f"{present()[module]}\n{late}\n"}
    assert {"usru_scenarios.cli.common", "usru_scenarios.cli.app"} <= set(circle(graph(sources, types=False)))
