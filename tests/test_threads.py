"""Libraries of linear algebra start one thread in the command and in workers, unless the user has said otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from support.command import COMMAND, HERE, environment
from support.effort import slow_but
from support.labour import Labour
from usru_scenarios.cli import main
from usru_scenarios.running.processes import Processes
from usru_scenarios.threads import OPENMP, VARIABLES, single_thread_variables

ONE = dict.fromkeys(VARIABLES, "1")

_NUMPY = """
import json, os
os.write(1, json.dumps(dict(os.environ)).encode())
os._exit(0)
"""
"""A module in numpy's place, which shows the environment in which numpy would be loaded."""


def script() -> list[str]:
    """The command that is installed, started by its entry point."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, function = project["scripts"]["usru"].split(":")
    return [sys.executable, "-c", f"import sys; from {module} import {function}; sys.exit({function}())"]


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def seen_by_numpy(command: list[str], folder: Path, **changes: str) -> dict[str, str]:
    """What numpy would be told, of the variables that matter."""
    (folder / "numpy.py").write_text(_NUMPY, encoding="utf-8")
    found = environment(**changes)
    found["PYTHONPATH"] = os.pathsep.join([str(folder), found["PYTHONPATH"]])
    done = subprocess.run(
        [*command, "simulate", "--json"], env=found, cwd=HERE.parent, capture_output=True, check=True, timeout=60
    )
    return {name: value for name, value in json.loads(done.stdout).items() if name in VARIABLES}


@pytest.mark.parametrize("command", [COMMAND, script()], ids=["python -m", "usru"])
def test_the_command_starts_one_thread(command: list[str], tmp_path: Path) -> None:
    assert seen_by_numpy(command, tmp_path) == ONE


@pytest.mark.parametrize("command", [COMMAND, script()], ids=["python -m", "usru"])
@pytest.mark.parametrize("name", slow_but(VARIABLES[1:2], VARIABLES[1:]))
def test_a_setting_of_the_user_stays(command: list[str], name: str, tmp_path: Path) -> None:
    assert seen_by_numpy(command, tmp_path, **{name: "3"}) == {**ONE, name: "3"}


def test_the_variable_of_openmp_speaks_for_all(tmp_path: Path) -> None:
    assert seen_by_numpy(COMMAND, tmp_path, **{OPENMP: "3"}) == {OPENMP: "3"}


def test_an_empty_setting_is_one() -> None:
    assert "MKL_NUM_THREADS" not in single_thread_variables({"MKL_NUM_THREADS": ""})


def test_an_interruption_of_the_start_is_silent(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt", encoding="utf-8")
    found = environment()
    found["PYTHONPATH"] = os.pathsep.join([str(tmp_path), found["PYTHONPATH"]])
    done = subprocess.run(
        [*COMMAND, "--version"], env=found, cwd=HERE.parent, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_the_library_changes_nothing_of_the_environment(tmp_path: Path) -> None:
    use = (
        "import os; before = dict(os.environ)\n"
        "import usru_scenarios as us\n"
        "us.load('us-russia').simulate(trials=512)\n"
        "assert dict(os.environ) == before"
    )
    subprocess.run([sys.executable, "-c", use], env=environment(), cwd=tmp_path, check=True, timeout=60)


def test_nor_does_the_command_line_within_another_program(capsys: pytest.CaptureFixture[str]) -> None:
    before = dict(os.environ)
    assert main(["schema", "simulation"]) == 0
    assert capsys.readouterr().out
    assert dict(os.environ) == before


def test_workers_start_one_thread_each_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    with Processes(2, worthwhile=0.0) as pool:
        seen = list(pool.map(Labour().threads, range(8)))
    assert seen == [{**ONE, "OPENBLAS_NUM_THREADS": "3"}] * 8
