"""The completion of command lines in bash, as bash itself asks for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import usru_scenarios as us
from support.command import HARBOUR, answer, environment
from usru_scenarios.cli.commands import COMMANDS

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model that has been compiled before, and the script."""
    found = tmp_path_factory.mktemp("completion")
    alone = Path(HARBOUR).read_text(encoding="utf-8").replace("sources: register\n", "")
    (found / "port.yaml").write_text(alone, encoding="utf-8")
    (found / "new.yaml").write_text(alone, encoding="utf-8")
    (found / "usru").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m usru_scenarios "$@"\n')
    (found / "usru").chmod(0o755)
    (found / "usru.bash").write_text(answer("--show-completion").stdout, encoding="utf-8")
    done = answer("validate", "port.yaml", folder=found, USRU_CACHE="", XDG_CACHE_HOME=str(found / "cache"))
    assert done.returncode == 0
    return found


def completed(folder: Path, line: str) -> list[str]:
    """What bash would offer where the cursor stands at the end of a line."""
    asked = 'source ./usru.bash; COMP_LINE="$1" COMP_POINT=${#1}; _usru; printf "%s\\n" "${COMPREPLY[@]}"'
    paths = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "XDG_CACHE_HOME": str(folder / "cache")}
    done = subprocess.run(
        ["bash", "-c", asked, "bash", line],
        cwd=folder,
        env=environment(USRU_CACHE="", **paths),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.split()


def test_commands_and_options_are_completed(folder: Path) -> None:
    assert completed(folder, "usru s") == [name for name in COMMANDS if name.startswith("s")]
    assert completed(folder, "usru help va") == ["validate"]
    assert completed(folder, "usru simulate --pro") == ["--profile"]
    assert "--queries" in completed(folder, "usru ask --")
    assert "--queries" not in completed(folder, "usru simulate --")


def test_names_are_those_of_the_model_on_the_line(folder: Path) -> None:
    model = us.load(HARBOUR).loaded.model
    assert completed(folder, "usru simulate port.yaml -p ") == list(model.profiles)
    assert set(completed(folder, "usru simulate port.yaml -w ")) == {
        f"{one}=" for one in (*model.drivers, *model.rules)
    }
    assert completed(folder, "usru simulate port.yaml --do wea") == ["weather=calm", "weather=storm"]
    assert completed(folder, "usru simulate port.yaml --do weather=s") == ["storm"]
    assert completed(folder, "usru simulate port.yaml --set drivers.weather.pers") == ["drivers.weather.persistence="]
    assert set(model.scenarios) <= set(completed(folder, "usru explain port.yaml "))


def test_models_are_completed_and_files(folder: Path) -> None:
    assert completed(folder, "usru simulate us") == ["us-russia"]
    assert completed(folder, "usru simulate po") == ["port.yaml"]
    assert completed(folder, "usru simulate port.yaml -o us") == ["usru", "usru.bash"]


def test_of_a_model_that_no_run_has_read_no_names_are_known(folder: Path) -> None:
    assert completed(folder, "usru simulate new.yaml -p ") == []


def test_names_are_found_without_what_a_run_needs(folder: Path) -> None:
    asked = [sys.executable, "-X", "importtime", "-m", "usru_scenarios", "--complete", "simulate", "-p", "port.yaml"]
    found = environment(USRU_CACHE="", XDG_CACHE_HOME=str(folder / "cache"))
    done = subprocess.run(asked, cwd=folder, env=found, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == list(us.load(HARBOUR).loaded.model.profiles)
    for heavy in ("numpy", "pydantic", "typer", "yaml", "rich"):
        assert f"| {heavy}\n" not in done.stderr
