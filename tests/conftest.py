"""What holds for every process of the tests, and which of them run.

A test that takes seconds, of many seeds or of a long run, is marked `slow`. It runs with `--all`, as in CI, or where it
is named itself (`pytest tests/test_a.py::test_b`).
"""

from __future__ import annotations

import os
import signal
import threading

import pytest

from support import effort

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    # A shell lets what it runs in the background ignore Ctrl-C, and so would the commands whose interruption is tested.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run slow tests too, and all seeds and examples of the others")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes seconds; runs with --all, or where it is named itself")
    effort.everything = config.getoption("--all")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    named = any("::" in argument for argument in config.args)
    if effort.everything or named:
        return
    slow = [item for item in items if "slow" in item.keywords]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if "slow" not in item.keywords]


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave what a test starts out of the coverage, which imports modules of its own and nearly doubles the time."""
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
        monkeypatch.delenv(name)
