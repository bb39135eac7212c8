"""The completion of command lines in bash, zsh and fish, as these ask for it, and where it is put."""

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

SHELLS = [
    pytest.param(one, marks=pytest.mark.skipif(shutil.which(one) is None, reason=f"there is no {one}"))
    for one in ("bash", "zsh", "fish")
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model that has been compiled before, and the script."""
    found = tmp_path_factory.mktemp("completion")
    alone = Path(HARBOUR).read_text(encoding="utf-8").replace("sources: register\n", "")
    (found / "port.yaml").write_text(alone, encoding="utf-8")
    (found / "new.yaml").write_text(alone, encoding="utf-8")
    (found / "usru").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m usru_scenarios "$@"\n')
    (found / "usru").chmod(0o755)
    for shell in ("bash", "zsh", "fish"):
        (found / f"completes.{shell}").write_text(answer("--show-completion", shell).stdout, encoding="utf-8")
    done = answer("validate", "port.yaml", folder=found, USRU_CACHE="", XDG_CACHE_HOME=str(found / "cache"))
    assert done.returncode == 0
    return found


ASKED = {
    "bash": 'source ./completes.bash; COMP_LINE="$1" COMP_POINT=${#1}; _usru; printf "%s\\n" "${COMPREPLY[@]}"',
    "zsh": """
        compdef() { : }
        compadd() { while [[ $1 != -- ]]; do shift; done; print -l -- ${(M)@[2,-1]:#$words[CURRENT]*} }
        _files() { print -l -- ${(M)$(print -l -- *):#$words[CURRENT]*} }
        source ./completes.zsh
        words=(${(z)1}); if [[ $1 == *" " ]]; then words+=(""); fi; CURRENT=$#words
        _usru""",
    "fish": 'source ./completes.fish; complete -C "$argv[1]"',
}
"""What a shell is to do that offers what it would where the cursor stands at the end of a line.

Outside of its editor zsh has no completion: what the script hands over is printed, if it begins as the word does.
"""


def completed(folder: Path, line: str, shell: str = "bash") -> list[str]:
    """What a shell would offer where the cursor stands at the end of a line."""
    paths = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "XDG_CACHE_HOME": str(folder / "cache")}
    name = [] if shell == "fish" else [shell]
    done = subprocess.run(
        [shell, "-c", ASKED[shell], *name, line],
        cwd=folder,
        env=environment(USRU_CACHE="", HOME=str(folder), **paths),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert not done.stderr
    return [one.split("\t")[0] for one in done.stdout.split("\n") if one]


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_and_options_are_completed(folder: Path, shell: str) -> None:
    assert set(completed(folder, "usru s", shell)) == {name for name in COMMANDS if name.startswith("s")}
    assert completed(folder, "usru help va", shell) == ["validate"]
    assert completed(folder, "usru simulate --pro", shell) == ["--profile"]
    assert "--queries" in completed(folder, "usru ask --", shell)
    assert "--queries" not in completed(folder, "usru simulate --", shell)


@pytest.mark.parametrize("shell", SHELLS)
def test_names_are_those_of_the_model_on_the_line(folder: Path, shell: str) -> None:
    model = us.load(HARBOUR).loaded.model
    assert completed(folder, "usru simulate port.yaml -p ", shell) == list(model.profiles)
    weights = {f"{one}=" for one in (*model.drivers, *model.rules)}
    assert set(completed(folder, "usru simulate port.yaml -w ", shell)) == weights
    assert completed(folder, "usru simulate port.yaml --do wea", shell) == ["weather=calm", "weather=storm"]
    path = "drivers.weather.pers"
    assert completed(folder, f"usru simulate port.yaml --set {path}", shell) == ["drivers.weather.persistence="]
    assert set(model.scenarios) <= set(completed(folder, "usru explain port.yaml ", shell))


def test_bash_breaks_words_at_signs(folder: Path) -> None:
    assert completed(folder, "usru simulate port.yaml --do weather=s") == ["storm"]


@pytest.mark.parametrize("shell", SHELLS)
def test_models_are_completed_and_files(folder: Path, shell: str) -> None:
    assert completed(folder, "usru simulate us-", shell) == ["us-russia"]
    assert completed(folder, "usru simulate po", shell) == ["port.yaml"]
    assert sorted(completed(folder, "usru simulate port.yaml -o comp", shell)) == [
        f"completes.{one}" for one in ("bash", "fish", "zsh")
    ]


def test_of_a_model_that_no_run_has_read_no_names_are_known(folder: Path) -> None:
    assert completed(folder, "usru simulate new.yaml -p ") == []


def test_names_are_found_without_what_a_run_needs(folder: Path) -> None:
    asked = [sys.executable, "-X", "importtime", "-m", "usru_scenarios", "--complete", "simulate", "-p", "port.yaml"]
    found = environment(USRU_CACHE="", XDG_CACHE_HOME=str(folder / "cache"))
    done = subprocess.run(asked, cwd=folder, env=found, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == list(us.load(HARBOUR).loaded.model.profiles)
    for heavy in ("numpy", "pydantic", "typer", "yaml", "rich"):
        assert f"| {heavy}\n" not in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_put_where_the_shell_looks_and_never_twice(
    shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("usru_scenarios.cli.completion_scripts._BASH_COMPLETIONS", ())
    rc = {"bash": tmp_path / ".bashrc", "zsh": tmp_path / ".zshrc"}.get(shell)
    if rc is not None:
        rc.write_text("# what stands there stays", encoding="utf-8")
    own = {"HOME": str(tmp_path), "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": "", "ZDOTDIR": "", "SHELL": f"/bin/{shell}"}
    first, second = (answer("--install-completion", folder=None, **own) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0)
    (script,) = (one for one in tmp_path.rglob("*usru*") if one.is_file())
    assert script.read_text(encoding="utf-8") == answer("--show-completion", shell).stdout
    assert f"The script is in {script}." in first.stdout
    assert f"{script} is there already." in second.stdout
    if rc is None:
        return
    assert str(rc) in first.stdout
    assert str(rc) not in second.stdout
    lines = rc.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# what stands there stays"
    assert len(lines) == len(set(lines)) == (2 if shell == "bash" else 3)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
def test_zsh_loads_the_script_that_was_put_there(tmp_path: Path) -> None:
    own = {"HOME": str(tmp_path), "ZDOTDIR": str(tmp_path)}
    answer("--install-completion", "zsh", folder=None, **own)
    asked = ["zsh", "-i", "-c", 'print -- "${_comps[usru]}"']
    done = subprocess.run(asked, env=environment(**own), capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["_usru"]


def test_bash_reads_a_folder_of_scripts_where_its_package_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("usru_scenarios.cli.completion_scripts._BASH_COMPLETIONS", (str(tmp_path),))
    done = answer("--install-completion", "bash", HOME=str(tmp_path), XDG_DATA_HOME="")
    assert (tmp_path / ".local/share/bash-completion/completions/usru").exists()
    assert not (tmp_path / ".bashrc").exists()
    assert done.returncode == 0


def test_an_unknown_shell_is_a_wrong_call() -> None:
    wrong, unsaid = answer("--show-completion", "zhs"), answer("--install-completion", SHELL="")
    assert (wrong.returncode, unsaid.returncode) == (2, 2)
    assert "did you mean 'zsh'?" in wrong.stderr
    assert "--install-completion bash" in unsaid.stderr
