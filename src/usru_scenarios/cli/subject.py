"""Which model and which of its parts is meant, where the model may be left out."""

from __future__ import annotations

import os
from pathlib import Path

from usru_scenarios.cli.options import BUNDLED


def subject(first: str | None, second: str | None) -> tuple[str, str | None]:
    """The model and the part that one or two words after a command mean.

    A word is a model if it can be nothing else (see `is_model`). Of two words the one that is, and else the first, is
    the model; a single one that is not is a part of the default model.
    """
    if first is None:
        return BUNDLED, None
    if second is not None:
        return (second, first) if is_model(second) and not is_model(first) else (first, second)
    if is_model(first) or (_is_file(first) and not _is_of_default(first)):
        return first, None
    return BUNDLED, first


def is_model(word: str) -> bool:
    """Whether a word can only be a model: standard input, a bundled model, or a path by its look."""
    from usru_scenarios.reading.locations import bundled_models

    if word == "-" or word in bundled_models():
        return True
    return word.endswith((".yaml", ".yml")) or (("/" in word or os.sep in word) and _may_be_path(word))


def _may_be_path(word: str) -> bool:
    """Whether a word with a separator is a path, and no arithmetic of a query."""
    return word.startswith(("/", "./", "../", "~")) or not set(word) & set("()|<>=@")


def _is_file(word: str) -> bool:
    try:
        return Path(word).is_file()
    except (OSError, ValueError):
        return False


def _is_of_default(word: str) -> bool:
    """Whether a word names a part or a claim of the default model, which a file of this name does not replace."""
    from usru_scenarios.study import load

    loaded = load(BUNDLED).loaded
    model = loaded.model
    parts = {*model.scenarios, *model.groups, *model.drivers, *model.rules, *model.consequences, *model.profiles}
    return word.partition(".")[0] in parts | {*loaded.data} or (loaded.register is not None and word in loaded.register)
