"""What the code cites stands on its page: formulas of the method, sections of the format; and arrays have shapes."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import sys
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path

import pytest

from docs.generate import ENTRY, PACKAGE, citations, located, numbers

ROOT = Path(__file__).parents[1]
METHOD = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
FORMAT = (ROOT / "docs" / "format.md").read_text(encoding="utf-8")

_SECTIONS = re.compile(r"\b[Ss]ections? (\d+(?:(?:, | and | to )\d+)*)\b(?!\.\d)")


def entries(page: str) -> dict[int, str]:
    """The text of each entry of the method, by its number."""
    return {int(found[1]): found[0] for found in ENTRY.finditer(page)}


@cache
def texts(folder: Path) -> dict[str, str]:
    """The modules of a folder by their paths in it."""
    paths = sorted(folder.rglob("*.py"))
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths}


@cache
def parse(text: str) -> ast.Module:
    """A module, parsed once."""
    return ast.parse(text)


@cache
def nodes(text: str) -> list[ast.AST]:
    """All that a module is made of."""
    return [*ast.walk(parse(text))]


# Formulas -------------------------------------------------------------------------------------------------------------


def test_entries_are_numbered_in_order_and_say_all_that_one_asks() -> None:
    found = entries(METHOD)
    assert list(found) == list(range(1, len(found) + 1))
    for number, text in found.items():
        parts = re.findall(r"^- (\w+): \S", text, re.MULTILINE)
        assert (number, parts) == (number, ["Use", "Assumes", "Error", "Source", "Code"])
        assert re.search(r"^ {4}\S", text, re.MULTILINE), f"({number}) has no formula"


def test_what_is_cited_is_on_the_page_and_the_page_says_where_it_is_cited() -> None:
    cited = {number for text in texts(PACKAGE).values() for number in citations(text)}
    assert cited == entries(METHOD).keys()
    assert located(METHOD) == METHOD, "run python docs/generate.py --write"


def test_a_module_that_cites_no_more_is_noticed() -> None:
    told = METHOD.replace("`estimation/bands.py`", "`estimation/ribbons.py`")
    assert told != METHOD
    assert located(told) == METHOD


def test_a_page_that_cites_another_of_its_entries_has_it() -> None:
    """In the page itself, and in the text between its entries."""
    within = {int(number) for number in re.findall(r"(?<!\w)\((\d{1,2})\)", METHOD)}
    assert within <= entries(METHOD).keys()


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_pages_cite_entries_that_are_there(page: Path) -> None:
    assert citations(page.read_text(encoding="utf-8")) <= entries(METHOD).keys()


# Sections of the format -----------------------------------------------------------------------------------------------


def cited_sections(text: str) -> set[int]:
    """The sections that a module cites; those of a book come after its author's name and a year."""
    without_books = re.sub(r"\b\d{4}, (?:section|chapter) [\w.]+", "", text)
    return {number for cited in _SECTIONS.findall(without_books) for number in numbers(cited)}


def test_sections_that_are_cited_are_those_of_the_format() -> None:
    headings = {int(number) for number in re.findall(r"^## (\d+)\. ", FORMAT, re.MULTILINE)}
    assert headings == set(range(1, len(headings) + 1))
    cited = [
        (path, number)
        for folder in (PACKAGE, ROOT / "tests")
        for path, text in texts(folder).items()
        for number in cited_sections(text)
    ]
    assert len(cited) > 50
    assert [one for one in cited if one[1] not in headings] == []


# Names ----------------------------------------------------------------------------------------------------------------

_QUOTED = re.compile(r"(?<![`\w])`([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)`")


def written_names(sources: dict[str, str]) -> set[str]:
    """All names that stand in the code of modules, in texts that are no docstrings too, and their own."""
    own = {part for path in sources for part in Path(path).with_suffix("").parts}
    return own.union(*(names_in(text) for text in sources.values()))


@cache
def names_in(text: str) -> frozenset[str]:
    """The names in the code of a module."""
    found: set[str] = set()
    plain = {id(node.value) for node in nodes(text) if isinstance(node, ast.Expr)}
    for node in nodes(text):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.keyword(arg=str(name)):
                found.add(name)
            case ast.Constant(value=str(value)) if id(node) not in plain:
                found.update(re.findall(r"\w+", value))
    return frozenset(found)


def defined_names(path: str, text: str) -> AbstractSet[str]:
    """The names that a module defines; those of the package itself are in its table of homes."""
    return written_names({path: text}) if path.endswith("__init__.py") else top_names(text)


@cache
def top_names(text: str) -> frozenset[str]:
    """The names that a module defines at its top."""
    found: set[str] = set()
    for node in parse(text).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Assign(targets=targets):
                found.update(target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
    return frozenset(found)


def members(sources: dict[str, str]) -> dict[tuple[str, ...], set[str]]:
    """What modules define and folders hold, by each end of their paths: `("sampler", "rng")` and `("rng",)`."""
    found: dict[tuple[str, ...], set[str]] = {}
    for path, text in sources.items():
        parts = (PACKAGE.name, *Path(path).with_suffix("").parts)
        home = parts[:-1] if parts[-1] == "__init__" else parts
        inside: list[tuple[tuple[str, ...], AbstractSet[str]]] = [(home, defined_names(path, text))]
        inside += [(home[:end], {home[end]}) for end in range(1, len(home))]
        for whole, held in inside:
            for start in range(len(whole)):
                found.setdefault(whole[start:], set()).update(held)
    return found


def is_elsewhere(quoted: str, held: dict[tuple[str, ...], set[str]]) -> bool:
    """Whether a dotted name begins with modules or folders, and the last of them has no such name."""
    parts = tuple(quoted.split("."))
    home = next((end for end in range(len(parts) - 1, 0, -1) if parts[:end] in held), 0)
    return bool(home) and parts[home] not in held[parts[:home]]


def strange_names(sources: dict[str, str]) -> list[tuple[str, str]]:
    """What docstrings quote as a name that no code and no module of Python has, or not where they say, by module."""
    known, held = written_names(sources), members(sources)

    def is_strange(quoted: str) -> bool:
        if is_elsewhere(quoted, held):
            return True
        return not set(quoted.split(".")) <= known and quoted.partition(".")[0] not in sys.stdlib_module_names

    return [(path, quoted) for path, text in sources.items() for quoted in quoted_names(text) if is_strange(quoted)]


@cache
def quoted_names(text: str) -> list[str]:
    """What the docstrings of a module quote as names."""
    return [
        quoted
        for node in nodes(text)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for quoted in _QUOTED.findall(node.value.value)
    ]


_ENTRY = re.compile(r" {4}((?:\*{0,2}[A-Za-z_]\w*, )*\*{0,2}[A-Za-z_]\w*): ")


def described_entries(docstring: str, section: str) -> list[str]:
    """The names that a section of a docstring (`Args`, `Attributes`) describes."""
    lines = iter(inspect.cleandoc(docstring).splitlines())
    names: list[str] = []
    for line in itertools.dropwhile(lambda line: line != f"{section}:", lines):
        if line and not line.startswith(" ") and line != f"{section}:":
            break
        if entry := _ENTRY.match(line):
            names += [name.lstrip("*") for name in entry[1].split(", ")]
    return names


def parameters(function: ast.FunctionDef) -> set[str]:
    """The names of all parameters of a function."""
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]
    return {parameter.arg for parameter in every}


def attributes(definition: ast.ClassDef) -> set[str]:
    """The names of the fields, methods and properties of a class, of what it sets in itself, and of what makes it."""
    names: set[str] = set()
    for node in ast.walk(definition):
        match node:
            case ast.FunctionDef(name=name):
                names.add(name)
                names |= parameters(node) if name in ("__init__", "__new__") else set()
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                names.add(name)
            case ast.keyword(arg="alias", value=ast.Constant(value=str(name))):
                names.add(name)
    return names


def entries_of_nothing(sources: dict[str, str]) -> list[tuple[str, str]]:
    """What docstrings describe as a parameter or attribute and is none, by class or function."""
    definitions = [node for text in sources.values() for node in nodes(text)]
    classes = {node.name: node for node in definitions if isinstance(node, ast.ClassDef)}

    @cache
    def with_bases(definition: ast.ClassDef) -> list[ast.ClassDef]:
        """A class and all that it derives from."""
        bases = [classes[base.id] for base in definition.bases if isinstance(base, ast.Name) and base.id in classes]
        return [definition, *itertools.chain.from_iterable(map(with_bases, bases))]

    def known_attributes(definition: ast.ClassDef) -> set[str]:
        """Those of a class, of its bases, and of what derives from it, of which it may speak for all."""
        related = [*with_bases(definition), *(each for each in classes.values() if definition in with_bases(each))]
        return set().union(*map(attributes, related))

    wrong: list[tuple[str, str]] = []
    for node in definitions:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and (docstring := ast.get_docstring(node)):
            known = parameters(node) if isinstance(node, ast.FunctionDef) else known_attributes(node)
            sections = ("Args",) if isinstance(node, ast.FunctionDef) else ("Args", "Attributes")
            names = [name for section in sections for name in described_entries(docstring, section)]
            wrong += [(node.name, name) for name in names if name not in known]
    return wrong


_DESCRIBED = "        trials: how many.\n        seed: of them.\n"


def test_what_a_docstring_describes_is_a_parameter_or_attribute() -> None:
    assert entries_of_nothing(texts(PACKAGE)) == []


@pytest.mark.parametrize(
    "source",
    [
        f'def draw(trials: int) -> None:\n    """Draw.\n\n    Args:\n{_DESCRIBED}    """',
        f'class Run:\n    """A run.\n\n    Attributes:\n{_DESCRIBED}    """\n    trials: int',
    ],
)
def test_sabotaged_an_entry_of_yesterday_is_found(source: str) -> None:
    assert [name for _, name in entries_of_nothing({"a.py": source})] == ["seed"]


def test_docstrings_name_what_is_there() -> None:
    assert strange_names(texts(PACKAGE)) == []


def test_sabotaged_a_docstring_with_a_name_of_yesterday_is_found() -> None:
    sources = {**texts(PACKAGE), "names.py": '"""As in `names.Prober` and `OUTCOME`."""\n'}
    assert ("names.py", "names.Prober") in strange_names(sources)
    assert ("names.py", "OUTCOME") not in strange_names(sources)


@pytest.mark.parametrize(
    ("quoted", "fault"),
    [
        ("estimates.with_error_floor", False),
        ("estimation.estimates.with_error_floor", False),
        ("usru_scenarios.estimation.estimates", False),
        ("sampler.estimates.with_error_floor", True),  # a module of another folder
        ("forecast.with_error_floor", True),  # a name of another module
        ("estimates.Floats.shape", False),
        ("Support.truths", False),  # no module
    ],
)
def test_a_name_is_looked_for_in_the_module_that_is_said(quoted: str, *, fault: bool) -> None:
    sources = {**texts(PACKAGE), "names.py": f'"""As in `{quoted}`."""\n'}
    assert (("names.py", quoted) in strange_names(sources)) == fault


# Shapes ---------------------------------------------------------------------------------------------------------------

_TUPLE = re.compile(r"\((?:[a-z0-9][a-z0-9_ +*.-]*,\s*)+(?:[a-z0-9][a-z0-9_ +*.-]*)?\)")


def names(annotation: ast.expr) -> set[str]:
    """All names in an annotation, quoted ones too."""
    found: set[str] = set()
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.update(re.findall(r"\w+", node.value))
    return found


Parsed = tuple[dict[str, ast.Module], dict[str, set[str]]]
"""Modules, and the names of array types in each."""


@cache
def package() -> Parsed:
    """The package, parsed once."""
    return parsed(texts(PACKAGE))


def parsed(sources: dict[str, str]) -> Parsed:
    """Modules, and the names that stand for arrays, or for tuples, lists or unions with arrays in them."""
    trees = {path: parse(text) for path, text in sources.items()}
    known = {path: {"NDArray", "ndarray"} for path in trees}
    while sum(_learn(tree, known[path], known) for path, tree in trees.items()):
        pass
    return trees, known


def _learn(tree: ast.Module, own: set[str], known: dict[str, set[str]]) -> bool:
    """Add the aliases of a module to its names; whether any is new."""
    new = aliases(tree, own, known) - own
    own.update(new)
    return bool(new)


def aliases(tree: ast.Module, own: set[str], known: dict[str, set[str]]) -> set[str]:
    """The aliases of array types that a module defines or imports."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("usru_scenarios."):
            home = node.module.removeprefix("usru_scenarios.").replace(".", "/") + ".py" if node.module else ""
            found.update(alias.asname or alias.name for alias in node.names if alias.name in known.get(home, ()))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript | ast.BinOp):
            is_function = isinstance(node.value, ast.Subscript) and "Callable" in names(node.value.value)
            if names(node.value) & own and not is_function:
                targets = [target.id for target in node.targets if isinstance(target, ast.Name)]
                found.update(name for name in targets if name[:1].isupper())
    return found


def functions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """The public functions and methods of a module."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from functions(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name == "__call__"):
            yield f"{prefix}{node.name}", node


def of_result(docstring: str) -> str:
    """What a docstring says of the result: all but its arguments and errors."""
    kept, result = [], True
    for line in docstring.splitlines():
        if line and not line.startswith(" "):
            result = line not in ("Args:", "Raises:")
        if result:
            kept.append(line)
    return "\n".join(kept)


def says_a_shape(docstring: str) -> bool:
    """Whether it names the axes, such as `(trials,)`, or speaks of a shape."""
    said = of_result(docstring)
    return bool(re.search(r"\b[Ss]hapes?\b", said) or _TUPLE.search(said))


def without_a_shape(modules: Parsed) -> tuple[int, list[str]]:
    """How many public functions give arrays, and those of them that do not say in which shape."""
    trees, known = modules
    giving = [
        (f"{path}: {name}", ast.get_docstring(node) or "")
        for path, tree in trees.items()
        for name, node in functions(tree.body)
        if node.returns is not None and names(node.returns) & known[path]
    ]
    return len(giving), [place for place, docstring in giving if not says_a_shape(docstring)]


def own_words(node: ast.ClassDef) -> str:
    """What a class says of itself and, below them, of its fields."""
    said = [part.value for part in node.body if isinstance(part, ast.Expr)]
    return "\n".join(one.value for one in said if isinstance(one, ast.Constant) and isinstance(one.value, str))


def holding_without_a_shape(modules: Parsed) -> tuple[int, list[str]]:
    """How many classes have fields that are arrays, and those of them that do not say in which shape."""
    trees, known = modules
    holding = [
        (f"{path}: {node.name}", own_words(node))
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any(isinstance(part, ast.AnnAssign) and names(part.annotation) & known[path] for part in node.body)
    ]
    return len(holding), [place for place, text in holding if not re.search(r"\b[Ss]hapes?\b", text)]


def test_what_holds_arrays_says_their_shapes() -> None:
    number, silent = holding_without_a_shape(package())
    assert number > 40
    assert silent == []


def test_what_gives_an_array_says_its_shape() -> None:
    number, silent = without_a_shape(package())
    assert number > 120
    assert silent == []


@pytest.mark.parametrize(
    ("result", "docstring", "fault"),
    [
        ("Floats", "The mean.", True),
        ("Floats", "The mean, shape (trials,).", False),
        ("tuple[Floats, int]", "The mean, (trials, steps), and how many.", False),
        ("Limits", "Both ends (the least and the most).", True),
        ("Floats", "The mean.\n\n    Args:\n        of: shape (trials,).\n    ", True),
        ("float", "The mean.", False),
    ],
)
def test_a_missing_shape_is_noticed(result: str, docstring: str, fault: bool) -> None:
    ground = "import numpy.typing as npt\nFloats = npt.NDArray[float]\n"
    other = "from usru_scenarios.ground import Floats\nLimits = tuple[Floats, Floats]\n"
    text = f'{other}def f(of) -> {result}:\n    """{docstring}"""\n'
    assert without_a_shape(parsed({"ground.py": ground, "other.py": text}))[1] == (["other.py: f"] if fault else [])


def test_a_field_without_a_shape_is_noticed() -> None:
    text = 'import numpy.typing as npt\nclass C:\n    """A thing{}."""\n    x: npt.NDArray[float]\n'
    assert holding_without_a_shape(parsed({"c.py": text.format("")})) == (1, ["c.py: C"])
    assert holding_without_a_shape(parsed({"c.py": text.format(" of shape (3,)")})) == (1, [])


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("by method (7)", {7}),
        ("method (7, 9)", {7, 9}),
        ("method (7 to 9)", {7, 8, 9}),
        ("the method (which is 7)", set()),
    ],
)
def test_citations_are_read(text: str, cited: set[int]) -> None:
    assert citations(text) == cited


def test_sections_are_read() -> None:
    assert cited_sections("sections 3 to 5 and 9, section 12") == {3, 4, 5, 9, 12}
    assert cited_sections("N. L. Johnson, 1994, section 10.1") == set()
