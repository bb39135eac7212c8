"""What holds for every process of the tests, and which of them run.

A test that takes seconds, of many seeds or of a long run, is marked `slow`. It runs with `--all` or `--rest`, or where
it is named itself (`pytest tests/test_a.py::test_b`); see `support.effort`.
"""

from __future__ import annotations

import gc
import itertools
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

import usru_scenarios as us
from support import effort
from usru_scenarios.reading import repairs

if TYPE_CHECKING:  # these take most of a second to import, which only some tests need
    from support.oracle import Json
    from support.sampled import Opened

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    # A shell lets what it runs in the background ignore Ctrl-C, and so would the commands whose interruption is tested.
    signal.signal(signal.SIGINT, signal.default_int_handler)


os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each of hundreds of processes would compile the program anew


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run slow tests too, and all seeds and examples of the others")
    parser.addoption("--rest", action="store_true", help="run only what --all adds")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes seconds; runs with --all or --rest, or where it is named itself")
    config.addinivalue_line("markers", "more: tries more seeds or examples with --all, and runs with --rest again")
    repairs.IGNORED_ERRORS = ()  # an error in finding a hint is found
    effort.everything = config.getoption("--all") or config.getoption("--rest")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--rest"):
        kept = [item for item in items if {"slow", "more"} & {*item.keywords}]
    elif effort.everything or any("::" in argument for argument in config.args):
        return
    else:
        kept = [item for item in items if "slow" not in item.keywords]
    chosen = {*kept}
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = kept


def pytest_collection_finish() -> None:
    """Look no more for garbage in what was collected: over and over, that takes a sixth of the time of all tests.

    Earlier versions of hypothesis look there for what holds a function, and warn where they do not find it.
    """
    gc.set_threshold(50_000)
    if hypothesis.__version_info__ >= (6, 110):
        gc.freeze()


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave what a test starts out of the coverage, which imports modules of its own and nearly doubles the time."""
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Loads a model given as raw data or as text, from a file of its own."""
    import yaml

    from support.sampled import text_keys

    numbers = itertools.count()

    def open_model(model: Json | str) -> us.Study:
        path = tmp_path / f"model{next(numbers)}.yaml"
        text = model if isinstance(model, str) else yaml.safe_dump(text_keys(model), sort_keys=False)
        path.write_text(text, encoding="utf-8")
        return us.load(path)

    return open_model


@pytest.fixture(scope="session")
def bundled() -> us.Study:
    return us.load("us-russia")
