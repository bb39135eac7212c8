"""The tasks of the project and what calls them: noxfile.py, .ci/run, pre-commit, the workflow name what there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
WORKFLOW = ROOT / ".github" / "workflows" / "test.yml"
CALLS = re.compile(r"(?:\bnox (?:-s|--session)|^ *tasks) ((?:[a-z]+\b ?)+)", re.MULTILINE)
"""A call of tasks by name, as a person and as .ci/run write it."""


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def tasks() -> set[str]:
    """The names of all tasks."""
    functions = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8")).body
    return {
        node.name
        for node in functions
        if isinstance(node, ast.FunctionDef) and any("session" in ast.unparse(one) for one in node.decorator_list)
    }


def called(text: str) -> set[str]:
    """The tasks that a text calls."""
    return {name for names in CALLS.findall(text) for name in names.split()}


@pytest.mark.parametrize("name", [".ci/run", ".pre-commit-config.yaml", "noxfile.py", "CONTRIBUTING.md"])
def test_only_tasks_that_there_are_are_called(name: str) -> None:
    found = called((ROOT / name).read_text(encoding="utf-8"))
    assert found
    assert found <= tasks()


def test_the_gate_calls_what_must_pass() -> None:
    gate = called((ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    assert gate == {"lint", "types", "docs", "wheel", "newest", "floors", "coverage"}


def test_sabotaged_a_task_that_there_is_not_is_found() -> None:
    assert called("nox -s lint typos -- -x") - tasks() == {"typos"}


# The workflow


def jobs() -> list[dict[str, Any]]:
    """What the matrix of the workflow runs beside all tests, and those."""
    matrix = read(WORKFLOW)["jobs"]["tests"]["strategy"]["matrix"]
    systems, pythons = matrix["system"], matrix["python"]
    all_tests = [{"task": "tests", "python": python, "system": system} for python in pythons for system in systems]
    return [*all_tests, *matrix["include"]]


def test_the_workflow_runs_tasks_that_there_are_on_every_system() -> None:
    assert {job["task"] for job in jobs()} == {"tests", "floors", "newest"} <= tasks()
    for task in ("tests", "floors", "newest"):
        systems = {job["system"].partition("-")[0] for job in jobs() if job["task"] == task}
        assert systems == {"ubuntu", "macos", "windows"}


def test_the_floors_run_on_the_lowest_python_alone() -> None:
    lowest = re.search(r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert lowest
    assert {job["python"] for job in jobs() if job["task"] == "floors"} == {lowest[1]}
    assert lowest[1] in {job["python"] for job in jobs() if job["task"] == "tests"}


def test_every_action_is_pinned_to_a_commit() -> None:
    used = [step["uses"] for job in read(WORKFLOW)["jobs"].values() for step in job["steps"] if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", one) for one in used)


# Before a commit


def test_what_is_looked_at_before_a_commit_is_pinned_as_elsewhere() -> None:
    pins = {}
    for line in (ROOT / "constraints" / "tested.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            requirement = Requirement(line)
            pins[requirement.name] = requirement.specifier
    (own,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    wanted = [Requirement(one) for hook in own["hooks"] for one in hook.get("additional_dependencies", [])]
    assert "ruff" in {one.name for one in wanted}
    for one in wanted:
        assert str(one.specifier).startswith("=="), str(one)
        assert pins.get(one.name, one.specifier) == one.specifier, str(one)


# CONTRIBUTING.md

PAGE = ROOT / "CONTRIBUTING.md"
SOURCE = ROOT / "src" / "usru_scenarios"
CODE = re.compile(r"`([^`\n]+)`|^((?:pytest|python3) .*)$", re.MULTILINE)
FILE = re.compile(r"(?!build/)[\w.-]*/[\w./-]*|[\w.-]+\.(?:py|md|toml|ya?ml|json|txt)")
NAME = re.compile(r"(?:\w+\.)?(\w+)")


def spans(text: str) -> list[str]:
    """What a page sets as code, without the comments of shell lines."""
    return [(inline or line.partition(" #")[0]) for inline, line in CODE.findall(text)]


def missing_files(text: str) -> set[str]:
    """The files and folders that a page names and that are not there, below the top or where the source is."""
    words = {word.partition("::")[0] for span in spans(text) for word in span.split()}
    named = {word for word in words if FILE.fullmatch(word) and not word.startswith(".venv/")}
    return {name for name in named if not any((folder / name).exists() for folder in (ROOT, SOURCE))}


def missing_names(text: str) -> set[str]:
    """The names of functions, classes and tables on a page that no file of the project has."""
    python = [*ROOT.glob("*.py"), *(path for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.py"))]
    others = [ROOT / "pyproject.toml", ROOT / "README.md"]
    known = {word for path in (*python, *others) for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}
    named = [match for span in spans(text) if not FILE.fullmatch(span) and (match := NAME.fullmatch(span))]
    return {match[1] for match in named} - known


def test_all_files_that_the_page_for_contributors_names_are_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len([span for span in spans(text) if FILE.fullmatch(span)]) > 50
    assert missing_files(text) == set()


def test_all_names_of_the_page_for_contributors_are_in_the_code() -> None:
    assert missing_names(PAGE.read_text(encoding="utf-8")) == set()


def test_the_page_for_contributors_has_all_tasks() -> None:
    rows = set(re.findall(r"^\| `nox -s (\w+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert rows == tasks()


@pytest.mark.parametrize(
    "text", ["see `tests/test_aks.py`", "in `questions/swep.py`", "```sh\npytest tests/test_aks.py\n```"]
)
def test_sabotaged_a_file_that_is_not_there_is_found(text: str) -> None:
    assert missing_files(text)


def test_sabotaged_a_name_that_is_not_there_is_found() -> None:
    absent = "quan" + "tyle"
    assert missing_names(f"write `{absent}` and `quantile` of `model/families.py`") == {absent}
