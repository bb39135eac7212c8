"""Every command of the README runs and prints what the README says; every file and Python line in it works.

A block `console` holds commands after `$ ` (going on after `> `) and what they print, standard error included; a line
`...` stands for any lines. A block `yaml` whose first line is a comment with a name is that file. A block `python`
runs on its own.

Some commands that take long or are much like another run with `--all` only. The others run in a shell, as a reader does
it, but for most calls of `usru` alone, which without `--all` are answered within this process.

`USRU_WRITE_README=1 pytest tests/test_readme.py` writes what the commands print into the README, but for `...`.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import effort
from support.command import answer
from support.documents import blocks, commands, console, matches, rewrite

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
WRITES = bool(os.environ.get("USRU_WRITE_README"))
LONG = (
    *(f"usru {name}" for name in ("check", "compare", "sensitivity")),
    *(f"usru simulate -{option}" for option in ("p", "w", "-set")),
    *(f'usru ask "P({query}' for query in ("reset @ end |", "deterioration")),
)
"""How commands begin that run with `--all` only; no other depends on them."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place like a fresh checkout, so that commands may write."""
    place = tmp_path_factory.mktemp("readme")
    for folder in ("scenarios", "seeds"):
        shutil.copytree(ROOT / folder, place / folder)
    return place


def run(command: str, place: Path, *, as_a_reader: bool) -> list[str]:
    changes = {"COLUMNS": "80", "NO_COLOR": "1", "USRU_CACHE": str(place / "cache")}
    done = (
        answer(*shlex.split(command)[1:], folder=place, **changes)
        if is_alone(command) and not as_a_reader
        else shell(command, place, changes)
    )
    lines = (done.stdout + done.stderr).rstrip("\n").split("\n")
    return lines if lines != [""] else []


def is_alone(command: str) -> bool:
    """Whether a shell and a process of its own would add nothing: pipes have them, and the first command."""
    words = list(shlex.shlex(command, posix=True, punctuation_chars=True))
    return words[0] == "usru" and len(words) > 2 and "|" not in words


def shell(command: str, place: Path, changes: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **changes, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-c", command.replace("\n> ", "\n")],
        cwd=place,
        env=environment,
        text=True,
        capture_output=True,
        check=False,
        timeout=300,
    )


@pytest.mark.more
def test_the_readme_as_it_stands(place: Path) -> None:
    ran, written = 0, {}
    for number, block in enumerate(blocks(README)):
        if block.language == "yaml" and (name := re.match(r"# ([\w-]+\.yaml)\n", block.text)):
            (place / name[1]).write_text(block.text, encoding="utf-8")
        if block.language == "console":
            asked = [
                (command, wanted, run(command, place, as_a_reader=effort.everything or WRITES))
                for command, wanted in commands(block.text)
                if effort.everything or WRITES or not command.startswith(LONG)
            ]
            written[number] = console(
                (command, wanted if "..." in wanted else found) for command, wanted, found in asked
            )
            for command, wanted, found in asked:
                assert WRITES or matches(found, wanted), "\n".join([f"$ {command}", *found])
            ran += len(asked)
    assert ran >= 8
    if WRITES:
        rewrite(README, written)


def test_the_python_of_the_readme(place: Path) -> None:
    scripts = [block.text for block in blocks(README) if block.language == "python"]
    assert scripts
    for script in scripts:
        subprocess.run([sys.executable, "-c", script], cwd=place, check=True, timeout=300, stdout=subprocess.DEVNULL)


def test_there_are_exactly_two_commands_to_set_up() -> None:
    setups = [block.text for block in blocks(README) if block.language == "sh"]
    assert len(setups) == 1
    lines = [line for line in setups[0].splitlines() if line and not line.startswith("#")]
    assert len(lines) == 2
    assert lines[0].endswith("usru simulate")
    assert "pytest" in lines[1]


def test_a_wrong_screenful_would_be_noticed() -> None:
    assert matches(["a", "b", "c"], ["a", "...", "c"])
    assert not matches(["a", "b", "d"], ["a", "...", "c"])
    assert not matches(["a"], [])
