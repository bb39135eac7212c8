"""Which model and which of its parts is meant, where the model may be left out."""

from __future__ import annotations

from pathlib import Path

from usru_scenarios.cli.options import BUNDLED


def subject(first: str | None, second: str | None) -> tuple[str, str | None]:
    """The model and the part that one or two words after a command mean.

    With two words the first is the model. A single one is a model if it is `-`, looks like a path, is a file, or is the
    id of a bundled model; otherwise it is a part of the default model.
    """
    if first is None:
        return BUNDLED, None
    if second is not None or _is_model(first):
        return first, second
    return BUNDLED, first


def _is_model(word: str) -> bool:
    from usru_scenarios.reading.finding import bundled_models

    looks_like_path = "/" in word or "\\" in word or word.endswith((".yaml", ".yml"))
    return word == "-" or looks_like_path or word in bundled_models() or Path(word).is_file()
