"""Every command of the README runs and prints what the README says; every file and Python line in it works.

A block `console` holds commands after `$ ` (going on after `> `) and what they print, standard error included; a line
`...` stands for any lines. A block `yaml` whose first line is a comment with a name is that file. A block `python`
runs on its own.

`USRU_WRITE_README=1 pytest tests/test_readme.py` writes what the commands print into the README, but for `...`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    return BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))


def commands(block: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a console block, each with the lines that it prints."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *printed = part.rstrip("\n").split("\n")
        while printed and printed[0].startswith("> "):
            command += "\n> " + printed.pop(0).removeprefix("> ")
        while printed and not printed[-1]:
            printed.pop()
        yield command, printed


def matches(printed: list[str], wanted: list[str]) -> bool:
    """Whether lines are as wanted, `...` standing for any of them."""
    if not wanted:
        return not printed
    if wanted[0] == "...":
        return any(matches(printed[skipped:], wanted[1:]) for skipped in range(len(printed) + 1))
    return bool(printed) and printed[0].rstrip() == wanted[0].rstrip() and matches(printed[1:], wanted[1:])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place like a fresh checkout, so that commands may write."""
    place = tmp_path_factory.mktemp("readme")
    for folder in ("scenarios", "seeds"):
        shutil.copytree(ROOT / folder, place / folder)
    return place


def run(command: str, place: Path) -> list[str]:
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "USRU_CACHE": "off"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command.replace("\n> ", "\n")],
        cwd=place,
        env=environment,
        text=True,
        capture_output=True,
        check=False,
        timeout=300,
    )
    lines = (done.stdout + done.stderr).rstrip("\n").split("\n")
    return lines if lines != [""] else []


def test_the_readme_as_it_stands(place: Path) -> None:
    ran = 0
    for kind, text in blocks():
        if kind == "yaml" and (name := re.match(r"# ([\w-]+\.yaml)\n", text)):
            (place / name[1]).write_text(text, encoding="utf-8")
        if kind == "console":
            for command, wanted in commands(text):
                printed = run(command, place)
                if os.environ.get("USRU_WRITE_README") and "..." not in wanted:
                    rewrite(command, wanted, printed)
                else:
                    assert matches(printed, wanted), f"$ {command}\n" + "\n".join(printed)
                ran += 1
    assert ran >= 8


def rewrite(command: str, old: list[str], new: list[str]) -> None:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, after = ("\n".join([f"$ {command}", *(line.rstrip() for line in lines)]) + "\n" for lines in (old, new))
    assert before in text, command
    readme.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_the_python_of_the_readme(place: Path) -> None:
    scripts = [text for kind, text in blocks() if kind == "python"]
    assert scripts
    for script in scripts:
        subprocess.run([sys.executable, "-c", script], cwd=place, check=True, timeout=300, stdout=subprocess.DEVNULL)


def test_there_are_exactly_two_commands_to_set_up() -> None:
    setups = [text for kind, text in blocks() if kind == "sh"]
    assert len(setups) == 1
    lines = [line for line in setups[0].splitlines() if line and not line.startswith("#")]
    assert len(lines) == 2
    assert lines[0].endswith("usru simulate")
    assert "pytest" in lines[1]


def test_a_wrong_screenful_would_be_noticed() -> None:
    assert matches(["a", "b", "c"], ["a", "...", "c"])
    assert not matches(["a", "b", "d"], ["a", "...", "c"])
    assert not matches(["a"], [])
