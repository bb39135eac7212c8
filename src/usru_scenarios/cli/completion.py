"""What may stand next on a command line: names of the model on it, which the scripts of shells ask for.

Names are those that an earlier run kept of the model on the line, so that an answer takes no longer than help does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from usru_scenarios.cli.parsers import is_model
from usru_scenarios.names import CACHED_NAMES
from usru_scenarios.problems import UsruError
from usru_scenarios.settings import DEFAULT_MODEL

_KINDS_BY_OPTION: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("-w", "--weight"), ("weights",)),
    **dict.fromkeys(("-p", "--profile"), ("profiles",)),
    **dict.fromkeys(("--do", "--given"), ("states",)),
    "--set": ("settings",),
    "--of": ("scenarios",),
}
"""The kinds of names that follow options."""

_KINDS_BY_COMMAND: Mapping[str, tuple[str, ...]] = {
    "explain": ("scenarios",),
    "sweep": ("weights",),
    **dict.fromkeys(("show", "sources"), ("drivers", "consequences", "scenarios", "rules", "profiles")),
}
"""The kinds of names that stand among the arguments of commands, beside models."""


class _NotCachedError(Exception):
    """No run has kept the names of a model."""


def find_candidates(command: str, before: str, words: Sequence[str]) -> list[str]:
    """Find the words that may stand next: names of the model on the line, and bundled models where one may stand.

    Args:
        command: on the line.
        before: the word before.
        words: all words of the line.
    """
    from usru_scenarios.reading.locations import bundled_models

    if before in _KINDS_BY_OPTION:
        return _names_of_model(words, _KINDS_BY_OPTION[before])
    return [*_names_of_model(words, _KINDS_BY_COMMAND.get(command, ())), *bundled_models()]


def _names_of_model(words: Sequence[str], kinds: Sequence[str]) -> list[str]:
    model = next((word for word in words if is_model(word)), DEFAULT_MODEL)
    try:
        names = _cached_names(model) if kinds else {}
    except (_NotCachedError, UsruError, OSError):
        return []
    names = {
        **names,
        "weights": [f"{name}=" for kind in ("drivers", "rules") for name in names.get(kind, ())],
        "settings": [f"{path}=" for path in names.get("paths", ())],
    }
    return [name for kind in kinds for name in names.get(kind, ())]


def _cached_names(model: str) -> dict[str, list[str]]:
    """The names of a model as a run kept them: see `model.outline`."""
    from usru_scenarios.reading.cache import CompileCache
    from usru_scenarios.reading.request import Request

    request = Request.of(model)
    if request.path is None:
        raise _NotCachedError

    def missing() -> dict[str, list[str]]:
        raise _NotCachedError

    return CompileCache(str(request.path.absolute()), request.name, request.confined).get_or_make(CACHED_NAMES, missing)
