"""What may stand next on a command line: names of the model on it, which the scripts of shells ask for.

Names are those that an earlier run kept of the model on the line, so that an answer takes no longer than help does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from usru_scenarios.cli.parsers import is_model
from usru_scenarios.names import KEPT_NAMES
from usru_scenarios.problems import UsruError
from usru_scenarios.settings import DEFAULT_MODEL

_OPTIONS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("-w", "--weight"), ("weights",)),
    **dict.fromkeys(("-p", "--profile"), ("profiles",)),
    **dict.fromkeys(("--do", "--given"), ("states",)),
    "--set": ("settings",),
    "--of": ("scenarios",),
}
"""The kinds of names that follow options."""

_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "explain": ("scenarios",),
    "sweep": ("weights",),
    **dict.fromkeys(("show", "sources"), ("drivers", "consequences", "scenarios", "rules", "profiles")),
}
"""The kinds of names that stand among the arguments of commands, beside models."""


class _NotKeptError(Exception):
    """No run has kept the names of a model."""


def candidates(command: str, before: str, words: Sequence[str]) -> list[str]:
    """What may stand next: names of the model on the line, and the bundled models where a model may stand.

    Args:
        command: on the line.
        before: the word before.
        words: all words of the line.
    """
    from usru_scenarios.reading.locations import bundled_models

    if before in _OPTIONS:
        return _of_model(words, _OPTIONS[before])
    return [*_of_model(words, _ARGUMENTS.get(command, ())), *bundled_models()]


def _of_model(words: Sequence[str], kinds: Sequence[str]) -> list[str]:
    model = next((word for word in words if is_model(word)), DEFAULT_MODEL)
    try:
        names = _kept(model) if kinds else {}
    except (_NotKeptError, UsruError, OSError):
        return []
    names = {
        **names,
        "weights": [f"{name}=" for kind in ("drivers", "rules") for name in names.get(kind, ())],
        "settings": [f"{path}=" for path in names.get("paths", ())],
    }
    return [name for kind in kinds for name in names.get(kind, ())]


def _kept(model: str) -> dict[str, list[str]]:
    """The names of a model as a run kept them: see `model.ids`."""
    from usru_scenarios.reading.cache import CompileCache
    from usru_scenarios.reading.request import Request

    request = Request.of(model)
    if request.path is None:
        raise _NotKeptError

    def missing() -> dict[str, list[str]]:
        raise _NotKeptError

    return CompileCache(str(request.path.absolute()), request.name, request.confined).get_or_make(KEPT_NAMES, missing)
