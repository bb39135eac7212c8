"""The tasks of the project, each in an environment of its own: `nox -l` lists them, `nox -s NAME` does one.

What follows `--` goes to the program that a task runs: `nox -s tests -- tests/test_ask.py`. A task runs on the Python
that nox runs on, or on the one given with `-P`. The environments are below build/nox and kept; `-R` takes them as they
are, without a look at the packages.
"""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path
from zipfile import ZipFile

import nox

nox.needs_version = ">=2025.11.12"
nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"
nox.options.envdir = "build/nox"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests"]

PINS = runpy.run_path("constraints/refresh.py")
PROJECT = nox.project.load_toml("pyproject.toml")["project"]
LOWEST = PROJECT["requires-python"].removeprefix(">=")
TESTED = f".[{','.join(PINS['EXTRAS'])}]"
MODULES = ["eslint.config.mjs", *map(str, sorted([*Path("src").rglob("*.mjs"), *Path("tests").rglob("*.mjs")]))]
QUICK = [
    f"tests/test_{name}.py"
    for name in ("yaml_source", "loading", "dependencies", "cli_conduct", "cli_reading", "render_simulation")
]


def install(session: nox.Session, *wanted: str, pins: str = "tested") -> None:
    """Install these at pinned versions; this project itself so that its source is used where it lies."""
    session.install("-c", f"constraints/{pins}.txt", *wanted)


@nox.session
def lint(session: nox.Session) -> None:
    """Format, lint, and in a git checkout what pre-commit looks at besides."""
    install(session, "ruff", "pre-commit")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    if shutil.which("npx"):
        session.run("npx", "--yes", "prettier@3.10.1", "--print-width", "120", "--check", *MODULES, external=True)
        session.run("npx", "--yes", "eslint@9.39.5", *MODULES, external=True)
    else:
        session.warn("there is no npx: the modules of the page are not looked at")
    if Path(".git").exists():
        own = {"SKIP": "ruff-format,ruff-check,mypy", "PRE_COMMIT_HOME": str(Path("build/pre-commit").absolute())}
        session.run("pre-commit", "run", "--all-files", env=own)


@nox.session
def types(session: nox.Session) -> None:
    """Check the types, strictly, of the tests and of this file too; of src as on Windows as well."""
    install(session, "-e", f"{TESTED[:-1]},tasks]")
    session.run("mypy", *session.posargs)
    session.run("mypy", "--platform", "win32", "src")
    session.run("mypy", "noxfile.py")


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests, the slow ones too, at the pinned versions."""
    install(session, "-e", TESTED)
    session.run("pytest", "-n", "auto", *(session.posargs or ["--all"]))


def in_two_parts(session: nox.Session, *reports: str) -> None:
    """Run all tests: first measure what the usual ones reach, then the rest, which measuring would slow down."""
    session.run("pytest", "-n", "auto", "--cov", *reports)
    session.run("pytest", "-n", "auto", "--rest")


@nox.session
def coverage(session: nox.Session) -> None:
    """Run all tests; build/coverage/index.html shows which lines and branches of src all but the slow ones reach."""
    install(session, "-e", TESTED)
    in_two_parts(session, "--cov-report=term", "--cov-report=html")


@nox.session(python=LOWEST)
def floors(session: nox.Session) -> None:
    """Run all tests at the lowest versions that pyproject.toml names, measured as `coverage` does."""
    install(session, "-e", TESTED, pins="floors")
    if session.posargs:
        session.run("pytest", "-n", "auto", *session.posargs)
    else:
        in_two_parts(session)


@nox.session
def newest(session: nox.Session) -> None:
    """Run a quick part of the tests at the newest versions published, above the bounds of pyproject.toml too."""
    session.install("--upgrade", *PINS["names"]())
    session.install("--no-deps", "-e", ".")
    session.run("python", "constraints/refresh.py", "--compare")
    session.run("pytest", "-n", "auto", *(session.posargs or QUICK))


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the source archive, of that the wheel, and run what it installs from another folder."""
    built = Path("build/wheel").absolute()
    session.run("uv", "build", "--quiet", "--clear", "--out-dir", str(built), external=True)
    (file,) = built.glob("*.whl")
    folder = Path("src/usru_scenarios/help")
    with ZipFile(file) as archive:
        missing = {f"usru_scenarios/help/{path.name}" for path in folder.iterdir()} - {*archive.namelist()}
    if missing:
        session.error(f"the wheel lacks {', '.join(sorted(missing))}")
    install(session, "--reinstall-package", PROJECT["name"], str(file))
    session.chdir(built)
    session.run("usru", "validate")
    session.run("usru", "simulate", "--trials", "2000")
    session.run("usru", "simulate", "brief")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site of the documentation in build/site, warnings as errors."""
    install(session, "-e", ".[docs]")
    session.run("sphinx-build", "-q", "-E", "-W", "--keep-going", "-c", "docs", ".", "build/site")


@nox.session
def pins(session: nox.Session) -> None:
    """Compare the outputs of all commands with the hashes of tests/pins.json."""
    install(session, "-e", TESTED)
    without_avx512 = {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR", "OPENBLAS_CORETYPE": "Haswell"}
    session.run("python", "tests/pins.py", *(session.posargs or ["-j", "2"]), env=without_avx512)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Look for inputs that are not taken well: ten minutes, or what tests/fuzz.py is asked for."""
    install(session, "-e", TESTED)
    session.run("python", "tests/fuzz.py", *(session.posargs or ["--minutes", "10", "--out", "build/fuzz"]))


@nox.session
def bench(session: nox.Session) -> None:
    """Measure time and memory beside other programs: quickly, or what `python -m bench` is asked for."""
    install(session, "-e", ".[bench]")
    session.run("python", "-m", "bench", *(session.posargs or ["--quick"]))
