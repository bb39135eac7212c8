"""Which file is meant: by its path, or by the id of a bundled model."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from usru_scenarios.problems import UnreadableInput, suggest_name, to_one_line, to_printable

STANDARD_INPUT = "-"


def bundled_folder(candidates: Iterable[Path] | None = None) -> Path | None:
    """The folder of the bundled models: in the package when it was installed from a wheel, else beside the source."""
    package = Path(__file__).resolve().parents[1]
    if candidates is None:
        candidates = (package / "bundled" / "scenarios", package.parents[1] / "scenarios")
    return next((folder for folder in candidates if folder.is_dir()), None)


def bundled_models(candidates: Iterable[Path] | None = None) -> dict[str, Path]:
    """The bundled models by their id, which is the file's name without its ending."""
    folder = bundled_folder(candidates)
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))} if folder else {}


def bundled_register() -> Path | None:
    """The folder of the claims that the bundled models rest on."""
    folder = bundled_folder()
    return folder.parent / "seeds" if folder else None


def can_be_model_id(text: str) -> bool:
    """Whether a text in a file could be the id of a bundled model, by its look: a plain name."""
    return bool(text) and not set(text) & {"/", "\\", ".", "\0"}


def is_bundled(path: Path) -> bool:
    """Whether a file is one of the bundled models."""
    folder = bundled_folder()
    return folder is not None and path.resolve().parent == folder.resolve()


def is_installed(path: Path) -> bool:
    """Whether a file is one of the bundled models inside of the installed package, which is nobody's to edit."""
    return path.resolve().is_relative_to(Path(__file__).resolve().parents[1])


def find_model_file(source: str | Path) -> tuple[Path, str]:
    """The file that is meant, and its name in messages.

    A text that is the id of a bundled model means that model, whatever lies in the current folder; any other one, and
    a `Path`, is the path of a file.

    Raises:
        UnreadableInput: there is none.
    """
    if not str(source):
        raise UnreadableInput("the name of a model is empty", "name a file, or a bundled model such as us-russia")
    path = Path(source)
    if isinstance(source, Path):
        return path, str(source)
    bundled = bundled_models()
    if source in bundled:
        return bundled[source], display_path(bundled[source])
    with suppress(OSError, ValueError):  # a text that can't be a path (too long, with a NUL) is that of no file
        if path.is_dir():
            raise UnreadableInput(to_printable(f"{source} is a folder, not a file"))
        if path.exists():
            return path, source
    known = [*bundled, *list_yaml_files(path)]
    hint = suggest_name(source, known) or (f"bundled models: {', '.join(bundled)}" if bundled else "")
    raise UnreadableInput(to_one_line(f"there is no file and no bundled model '{source}'"), to_one_line(hint))


def display_path(path: Path) -> str:
    """The path as a person at the present folder would write it."""
    try:
        relative = os.path.relpath(path)
    except (OSError, ValueError):  # the present folder is gone, or on another drive
        return str(path)
    return str(path) if relative.startswith("..") else relative


def list_yaml_files(path: Path) -> list[str]:
    """The files of YAML in the folder of a path, as it is written; none where there is no such folder."""
    try:
        files = [entry for entry in path.parent.iterdir() if entry.suffix in (".yaml", ".yml")]
        return sorted(str(path.parent / file.name) for file in files)
    except (OSError, ValueError):
        return []
