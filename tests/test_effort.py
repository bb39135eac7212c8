"""All tests run with `--all`; by default the slow ones do not, unless one is named itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from support import effort
from support.command import HERE, environment
from support.effort import slow_but, tries


def test_more_is_tried_where_everything_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "everything", False)
    assert tries(8, 30) == 8
    monkeypatch.setattr(effort, "everything", True)
    assert tries(8, 30) == 30


def test_all_values_but_the_quick_ones_are_slow() -> None:
    one, two = slow_but(["a"], ["a", "b"])
    assert one == "a"
    assert (two.values, [mark.name for mark in two.marks]) == (("b",), ["slow"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "collected"),
    [(["test_check.py"], False), (["test_check.py", "--all"], True), (["test_check.py::{}"], True)],
)
def test_what_is_slow_runs_with_all_or_where_it_is_named(arguments: list[str], collected: bool) -> None:
    name = "test_sabotaged_the_bundled_model_does_not"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-n", "0"]
    done = subprocess.run(
        [*command, *(argument.format(name) for argument in arguments)],
        cwd=HERE,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (name in done.stdout) == collected
