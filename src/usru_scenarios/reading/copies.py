"""Files made of a file for another place: a copy with its comments, and one file with all overlays applied.

What they build on (what they extend, their claims) is named so that it is found from where they lie: a bundled one by
its id, any other by its path relative to the new file.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usru_scenarios.problems import ModelError, Problem
from usru_scenarios.reading.access import Access
from usru_scenarios.reading.locations import bundled_models, bundled_register, can_be_model_id
from usru_scenarios.reading.yaml_scalars import replace_scalars
from usru_scenarios.reading.yaml_source import read
from usru_scenarios.reading.yaml_text import to_flow_yaml, to_yaml
from usru_scenarios.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from usru_scenarios.reading.loading import Loaded
    from usru_scenarios.source_text import SourceText

_RESOLVED_MARK = "# Resolved by usru:"
_RESOLVED_COMMENT = (
    f"{_RESOLVED_MARK} one file with all overlays applied. Where its register is not at hand, claims are not checked.\n"
)

_SCHEMA_LINE = re.compile(r"#\s*yaml-language-server:\s*\$schema=.*")


def is_resolved(source: SourceText) -> bool:
    """Whether a text is a resolved file, by a comment above its first key.

    It has been checked where it was made, together with its claims; elsewhere they may be missing.
    """
    for line in source.lines:
        if line.startswith(_RESOLVED_MARK):
            return True
        if line.strip() and not line.startswith("#"):
            return False
    return False


def resolved_text(loaded: Loaded, folder: Path) -> str:
    """A model as one file in a folder, which reads as the same model wherever it is taken."""
    data = dict(loaded.data)
    place = loaded.tree.place.child("sources")
    if place is not None and isinstance(text := data.get("sources"), str):
        data["sources"] = register_reference(Access().find_register_folder(place.source, text)[0], folder)
    return _RESOLVED_COMMENT + to_yaml(data)


def copied_text(loaded: Loaded, folder: Path, name: str, schema: str) -> str:
    """The text of a model's file for another folder, all of its comments included.

    Args:
        loaded: the model.
        folder: where the copy will lie.
        name: of the model in the copy.
        schema: the file with the schema, for the line that editors look for.

    Raises:
        ModelError: what has to be written anew does not stand on one line.
    """
    source = loaded.source
    document = read(source.text, source.name, source.folder)
    new_values = {"name": name}
    if isinstance(text := document.data.get("extends"), str):
        new_values["extends"] = model_reference(Access().find_extended_file(source, text)[0], folder)
    if isinstance(text := document.data.get("sources"), str):
        new_values["sources"] = register_reference(Access().find_register_folder(source, text)[0], folder)
    places = {key: place for key in new_values if (place := document.place.child(key)) is not None}
    copy = replace_scalars(source, [(place, to_flow_yaml(new_values[key])) for key, place in places.items()])
    copied: Any = {}
    with suppress(ModelError):
        copied = read(copy, source.name).data
    for key, place in places.items():
        if not isinstance(copied, dict) or copied.get(key) != new_values[key]:
            message = f"'{key}' can't be copied: it takes several lines"
            raise ModelError([Problem("not_in_place", message, place.key_span(), "write it on one line")])
    lines = [line for line in copy.split("\n") if not _SCHEMA_LINE.fullmatch(line.rstrip())]
    return "\n".join([f"# yaml-language-server: $schema={schema}", *lines])


def model_reference(model: Path, folder: Path) -> str:
    """How a file in a folder names a model that it extends."""
    ids = {os.path.realpath(path): name for name, path in bundled_models().items()}
    return _relative_reference(model, folder, ids.get(os.path.realpath(model)))


def register_reference(register: Path, folder: Path) -> str:
    """How a file in a folder names the folder of its claims."""
    bundled = bundled_register()
    is_bundled = bundled is not None and os.path.realpath(bundled) == os.path.realpath(register)
    return _relative_reference(register, folder, DEFAULT_MODEL if is_bundled else None)


def _relative_reference(path: Path, folder: Path, model_id: str | None) -> str:
    if model_id is not None and not os.path.lexists(folder / model_id):
        return model_id
    try:
        relative = Path(os.path.relpath(os.path.realpath(path), os.path.realpath(folder))).as_posix()
    except ValueError:  # on another drive
        return os.path.realpath(path)
    return f"./{relative}" if can_be_model_id(relative) and relative in bundled_models() else relative
