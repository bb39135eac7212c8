"""Makes the pins anew from what is published today: `python3 constraints/refresh.py`.

    tested.txt  the newest versions that the bounds in pyproject.toml let in, of all extras and of what they need
    floors.txt  the lowest versions that pyproject.toml names of what the tests use, and the newest of what these need

Both hold for every Python from 3.11 on and every system; where one needs a package that another does not, a marker
says so. uv works them out; it is installed into a folder that is removed again.

With --names it prints the names of what the tests use, without bounds, to install the newest of all; with --compare,
which packages that this Python has are of other versions than tested.txt says.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHON = "3.11"
HEADER = "# Made by `python3 constraints/refresh.py`, which says what it holds; not edited by hand.\n"
EXTRAS = ("dev", "peers", "cluster", "pictures")
"""What the tests use."""
MADE = {
    "tested.txt": ["--all-extras", "--resolution", "highest"],
    "floors.txt": [*(f"--extra={extra}" for extra in EXTRAS), "--resolution", "lowest-direct"],
}


def main(arguments: list[str]) -> None:
    """Do what the arguments ask for."""
    match arguments:
        case []:
            refresh()
        case ["--names"]:
            sys.stdout.write("".join(f"{name}\n" for name in names()))
        case ["--compare"]:
            sys.stdout.write("".join(f"{line}\n" for line in differences() or ["all as pinned"]))
        case _:
            sys.exit(__doc__)


def refresh() -> None:
    """Write both files, and say what changed."""
    with tempfile.TemporaryDirectory() as folder:
        python = _environment(Path(folder))
        subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)
        for name, options in MADE.items():
            path = ROOT / "constraints" / name
            before = pins(path)
            path.write_text(HEADER + _compiled(python, options), encoding="utf-8")
            for line in changes(before, pins(path)):
                sys.stdout.write(f"{name}: {line}\n")


def _environment(folder: Path) -> str:
    venv.create(folder, with_pip=True)
    return str(folder / ("Scripts" if sys.platform == "win32" else "bin") / "python")


def _compiled(python: str, options: list[str]) -> str:
    """What uv writes: a line for each package, with one version for all Pythons where there is one."""
    command = [python, "-m", "uv", "pip", "compile", "pyproject.toml", *options, "--universal"]
    command += ["--python-version", PYTHON, "--fork-strategy", "fewest", "--strip-extras"]
    command += ["--no-annotate", "--no-header", "--no-emit-index-url", "--no-emit-find-links"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def pins(path: Path) -> dict[str, str]:
    """The versions that a file pins, by normalised names of packages; none where there is no such file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found = (re.match(r"([\w.-]+)==([^\s;]+)", line) for line in lines)
    return {normal(match[1]): match[2] for match in found if match}


def requirements() -> dict[str, list[str]]:
    """What pyproject.toml asks for, by extra; what is always needed under the name of no extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


def names() -> list[str]:
    """The packages that the tests use, without bounds."""
    asked = requirements()
    wanted = [line for extra in ("", *EXTRAS) for line in asked[extra]]
    return sorted({normal(re.split("[^\\w.-]", line, maxsplit=1)[0]) for line in wanted})


def differences() -> list[str]:
    """What is installed in another version than tested.txt says."""
    pinned = pins(ROOT / "constraints" / "tested.txt")
    installed = {normal(found.name): found.version for found in distributions()}
    shared = pinned.keys() & installed
    return changes({name: pinned[name] for name in shared}, {name: installed[name] for name in shared})


def normal(name: str) -> str:
    """A package's name as the registry compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What is pinned otherwise than before, a line each."""
    names = sorted({*before, *after})
    return [
        f"{name} {before.get(name, 'not pinned')} -> {after.get(name, 'not pinned')}"
        for name in names
        if before.get(name) != after.get(name)
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
