"""What a run imports, counted: what is never imported can't slow it down, whatever the machine is doing meanwhile."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from support.command import COMMAND, HERE, environment
from support.tiny import TINY

pytestmark = pytest.mark.usefixtures("unmeasured")

_LINE = re.compile(r"^import time: +\d+ \| +\d+ \| *(\S+)$", re.MULTILINE)

HEAVY = frozenset({"dask", "email", "jsonschema", "multiprocessing", "pydantic", "rich", "statistics", "yaml"})
"""Packages that no run needs which prints help, or answers in JSON what an earlier run has read."""


class Bound(NamedTuple):
    """How many modules a run may import: of this package, and of all others but numpy, which counts its own."""

    ours: int
    others: int


# A bound is what is imported now and a little more: a new command is a module, a new Python another few. What goes past
# it is to be imported where it is used. Of the others Python itself brings about 50, typer 60.
HELP = Bound(ours=6, others=65)
MADE_HELP = Bound(ours=47, others=171)
SIMULATE = Bound(ours=74, others=140)
ASK = Bound(ours=89, others=130)
COMPARE = Bound(ours=100, others=140)
SENSITIVITY = Bound(ours=110, others=140)
LOOK = Bound(ours=40, others=120)


def imported(*command: str, **changes: str) -> set[str]:
    """The modules that a process imports: those it tells of as it does so, and those that it has in the end."""
    python = [sys.executable, "-X", "importtime", *command[1:]]
    found = environment(**changes)
    found["PYTHONPATH"] = os.pathsep.join([str(HERE / "support" / "loaded"), found["PYTHONPATH"]])
    done = subprocess.run(python, capture_output=True, text=True, env=found, timeout=120, check=True, cwd=os.curdir)
    (loaded,) = re.findall(r"^loaded: (.*)$", done.stderr, re.MULTILINE)
    return set(_LINE.findall(done.stderr)) | set(loaded.split())


def check(modules: set[str], bound: Bound, *unwanted: str) -> None:
    """None of the heavy packages and of other modules that the run does not need, and not too many altogether."""
    assert not {name for name in modules if name.partition(".")[0] in HEAVY}
    assert not {name for name in modules if name.startswith(tuple(f"usru_scenarios.{part}" for part in unwanted))}
    ours = {name for name in modules if name.partition(".")[0] == "usru_scenarios"}
    assert len(ours) <= bound.ours
    assert len({name for name in modules - ours if name.partition(".")[0] != "numpy"}) <= bound.others


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {"USRU_CACHE": "", "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache"))}


@pytest.mark.parametrize("command", [[], ["simulate"]])
def test_help_imports_next_to_nothing(command: list[str]) -> None:
    modules = imported(*COMMAND, *command, "--help")
    check(modules, HELP, "cli", "problems", "settings")
    assert not modules & {"dataclasses", "inspect", "numpy", "re", "typer", "typing"}


def test_help_that_is_laid_out_anew_imports_no_engine() -> None:
    modules = imported(*COMMAND, "--help", COLUMNS="60")
    check(modules, MADE_HELP, "questions", "exact", "program", "model.schema", "reading", "sampler", "study")
    assert "numpy" not in modules


def test_a_second_simulation_imports_what_it_samples_and_writes_with(cache: dict[str, str]) -> None:
    simulate = (*COMMAND, "simulate", "--json", "--trials", "2")
    assert "pydantic" in imported(*simulate, **cache)
    modules = imported(*simulate, **cache)
    check(
        modules,
        SIMULATE,
        "exact",
        "language",
        "model.schema",
        "reading.loading",
        "sampler.likelihood_weighting",
        "schemas",
    )
    assert "numpy" in modules
    assert not modules & {"dataclasses", "typer"}


def test_a_second_exact_answer_imports_what_it_computes_and_writes_with(cache: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(TINY, sort_keys=False), encoding="utf-8")
    ask = (*COMMAND, "ask", "P(war @ end)", str(file), "--json")
    imported(*ask, **cache)
    check(imported(*ask, **cache), ASK, "questions.simulate.question", "model.schema", "reading.loading", "schemas")
    table = imported(*ask[:-1], **cache)
    assert "usru_scenarios.report.lines" in table
    assert "rich" not in table


def test_a_second_comparison_imports_what_it_samples_and_writes_with(cache: dict[str, str]) -> None:
    compare = (*COMMAND, "compare", "-p", "institutional_sceptic", "--json", "--trials", "64")
    assert "pydantic" in imported(*compare, **cache)
    check(imported(*compare, **cache), COMPARE, "model.schema", "reading.loading", "reading.checks", "schemas")


def test_a_second_sensitivity_imports_what_it_samples_and_writes_with(cache: dict[str, str]) -> None:
    sensitivity = (*COMMAND, "sensitivity", "--json", "--trials", "256")
    assert "pydantic" in imported(*sensitivity, **cache)
    modules = imported(*sensitivity, **cache) - {"statistics"}  # which tells the quantiles of a numeric driver
    check(modules, SENSITIVITY, "model.schema", "program.compilation", "reading.loading", "schemas")


def test_a_second_watch_reads_and_checks_nothing(cache: dict[str, str]) -> None:
    watch = (*COMMAND, "watch", "--json", "--trials", "64")
    imported(*watch, **cache)
    modules = imported(*watch, **cache)
    assert not modules & {"typer", "yaml", "usru_scenarios.reading.checks"}


@pytest.mark.parametrize("command", ["show", "sources", "validate"])
def test_a_second_look_at_a_file_imports_no_engine(command: str, cache: dict[str, str]) -> None:
    assert "pydantic" in imported(*COMMAND, command, "--json", **cache)
    modules = imported(*COMMAND, command, "--json", **cache)
    check(modules, LOOK, "questions", "exact", "program", "model.schema", "reading.loading", "sampler", "estimation")
    assert not modules & {"dataclasses", "inspect", "numpy", "typer"}


def test_sabotaged_what_is_imported_by_its_name_is_found() -> None:
    twin = "import importlib; importlib.import_module('yaml')"
    assert "yaml" in imported(sys.executable, "-c", twin)


@pytest.mark.parametrize("heavy", ["pydantic", "rich.table", "yaml"])
def test_sabotaged_help_that_imports_more_is_found(heavy: str) -> None:
    twin = f"import {heavy}; from usru_scenarios.cli import main; main(['--help'])"
    with pytest.raises(AssertionError):
        check(imported(sys.executable, "-c", twin), MADE_HELP)


def test_sabotaged_too_many_modules_are_found() -> None:
    twin = "import usru_scenarios.cli.app, http.server, xml.dom.minidom, asyncio, unittest.mock, ftplib, pdb"
    with pytest.raises(AssertionError):
        check(imported(sys.executable, "-c", twin) - HEAVY, MADE_HELP)


# How a process begins and ends ----------------------------------------------------------------------------------------

ENDING = """
import atexit, sys
from usru_scenarios import entry
atexit.register(print, "asked for at the end")
sys.argv = ["usru", "simulate", "nonsense"]
if WATCHED:
    sys.setprofile(lambda *_: None)
print("status", entry.main())
"""


@pytest.mark.parametrize("watched", [False, True])
def test_a_process_is_ended_at_once_but_not_where_it_is_watched(*, watched: bool) -> None:
    code = ENDING.replace("WATCHED", str(watched))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=False)
    assert "no bundled model 'nonsense'" in done.stderr
    if watched:
        assert (done.returncode, done.stdout) == (0, "status 2\nasked for at the end\n")
    else:
        assert (done.returncode, done.stdout) == (2, "asked for at the end\n")


COLLECTING = """
import gc
from usru_scenarios.cli.progress import Progress
from usru_scenarios.garbage import postpone_collection
usual = gc.get_threshold()
list(Progress(wanted=False)(str, range(2)))
assert gc.get_freeze_count() == 0, "a process of others is left alone"
postpone_collection()
assert gc.get_threshold()[0] > 50 * usual[0]
list(Progress(wanted=False)(str, range(2)))
assert gc.get_threshold() == usual
assert gc.get_freeze_count() > 1000
"""


def test_the_search_for_garbage_is_put_off_until_work_begins() -> None:
    subprocess.run([sys.executable, "-c", COLLECTING], env=environment(), check=True)
