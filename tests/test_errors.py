"""Errors: each says what is wrong, what would be right, and how a command ends with it."""

from __future__ import annotations

import pickle
from importlib import import_module
from pathlib import Path

import pytest

import usru_scenarios as us
from usru_scenarios.problems import UsruError

SOURCES = Path(us.__file__).parent


def errors() -> set[type[UsruError]]:
    """All errors of the package."""
    for path in SOURCES.rglob("*.py"):
        if "class " in path.read_text("utf-8") and path.name != "__main__.py":
            import_module(".".join(path.relative_to(SOURCES.parent).with_suffix("").parts))
    found, open_ = set[type[UsruError]](), [UsruError]
    while open_:
        found.update(more := open_.pop().__subclasses__())
        open_ += more
    return {kind for kind in found if kind.__module__.startswith("usru_scenarios.")}


def test_a_call_that_makes_no_sense_is_no_file_that_cant_be_read() -> None:
    assert not {kind for kind in errors() if issubclass(kind, us.UsageError) and issubclass(kind, us.UnreadableInput)}
    for kind in (us.ArgumentError, us.QueryError, us.RequestError, us.NotComparable):
        assert issubclass(kind, us.UsageError)
    assert issubclass(us.ArgumentError, ValueError)


def test_every_status_is_one_that_the_command_line_promises() -> None:
    one = {"ModelError", "ImpossibleEvidence", "TooFewTrials", "NoAnchor", "NothingObservedError"}
    assert {kind.__name__ for kind in errors() if kind.exit_status == 1} == one
    assert {kind.exit_status for kind in errors()} == {1, 2, 101}


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (us.UsageError("no", "yes"), "yes"),
        (us.ArgumentError("no"), ""),
        (us.TooFewTrials(7.0, 0.2, 0.1, "it"), "ask for more with -n, or for something less rare"),
    ],
)
def test_a_hint_stands_below_the_message_and_comes_through_a_pipe(error: UsruError, hint: str) -> None:
    assert str(error) == (f"{error.message}\n    = {hint}" if hint else error.message)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.message, again.hint) == (type(error), str(error), error.message, hint)
