"""All tests run with `--all`; by default the slow ones do not, unless one is named itself; `--rest` runs the others."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from support import effort
from support.command import HERE, environment
from support.effort import slow_but, tries

FAST = "test_the_same_seed_gives_the_same_report"
MORE = "test_the_bundled_model_says_what_its_documents_say"
SLOW = "test_sabotaged_the_bundled_model_does_not"


def test_more_is_tried_where_everything_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "everything", False)
    assert tries(8, 30) == 8
    monkeypatch.setattr(effort, "everything", True)
    assert tries(8, 30) == 30


def test_all_values_but_the_quick_ones_are_slow() -> None:
    one, two = slow_but(["a"], ["a", "b"])
    assert one == "a"
    assert (two.values, [mark.name for mark in two.marks]) == (("b",), ["slow"])


def test_what_tries_more_with_all_is_marked() -> None:
    """Or it would never try more where all tests run in two parts."""
    sources = {
        path.name: path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py") if path.stem != "test_effort"
    }
    assert sum("@pytest.mark.more\n" in source for source in sources.values()) > 5
    assert {name: found for name, source in sources.items() if (found := unmarked(source))} == {}


@pytest.mark.parametrize(
    "source",
    [
        "@settings(max_examples=tries(1, 2))\ndef test_a(): ...",
        "def test_a():\n    if effort.everything: ...",
        "SEEDS = tries(1, 2) + 1\n@pytest.mark.slow\ndef test_a():\n    assert SEEDS",
    ],
)
def test_sabotaged_what_is_not_marked_is_found(source: str) -> None:
    assert unmarked(source) == (["test_a"] if "slow" not in source else [])
    assert unmarked(source.replace("slow", "parametrize")) == ["test_a"]
    assert unmarked(source.replace("slow", "parametrize").replace("def", "@pytest.mark.more\ndef")) == []


def unmarked(source: str) -> list[str]:
    """The tests of a module that try more where all is tried, and are marked neither `more` nor `slow`."""
    steered, body = {"tries", "effort"}, ast.parse(source).body
    for node in body:
        if isinstance(node, ast.Assign) and steered & names(node.value):
            steered |= set().union(*map(names, node.targets))
    return [
        node.name
        for node in body
        if isinstance(node, ast.FunctionDef) and steered & names(node) and not {"more", "slow"} & names(node)
    ]


def names(tree: ast.AST) -> set[str]:
    """The names and attributes in a piece of code."""
    return {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute)
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "collected"),
    [
        (["test_check.py"], {FAST, MORE}),
        (["test_check.py", "--all"], {FAST, MORE, SLOW}),
        (["test_check.py", "--rest"], {MORE, SLOW}),
        (["test_check.py::{}"], {SLOW}),
    ],
)
def test_what_is_slow_runs_with_all_or_where_it_is_named(arguments: list[str], collected: set[str]) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-n", "0"]
    done = subprocess.run(
        [*command, *(argument.format(SLOW) for argument in arguments)],
        cwd=HERE,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert {name for name in (FAST, MORE, SLOW) if f"::{name}\n" in done.stdout} == collected
