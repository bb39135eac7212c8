"""Which files a scenario file may bring in beside itself, and how much of them: all that `extends` and `sources` read.

A file from a stranger may name any path. Only regular files are read whose names, and those that links lead to, end in
.yaml or .yml, so that no message shows a line of anything else; confined, only what lies below the folder of the model
or comes with the program. What all files of a model hold together is bounded.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.problems import Problem, Span, UnreadableInput, UnreadableModelError, suggest_name, to_printable
from usru_scenarios.reading.files import (
    ABSENT,
    absolute_path,
    content_digest,
    current_digest,
    is_rereadable,
    list_names,
    read_regular_file,
)
from usru_scenarios.reading.locations import (
    bundled_folder,
    bundled_models,
    bundled_register,
    can_be_model_id,
    display_path,
)
from usru_scenarios.reading.yaml_source import read_content
from usru_scenarios.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from usru_scenarios.reading.places import Document
    from usru_scenarios.source_text import SourceText

MAXIMUM_EXTENDED = 20
"""Files that lie over one another."""
MAXIMUM_REGISTER = 1_000
"""Files of a register."""
MAXIMUM_BYTES_IN_ALL = 8 * 1024 * 1024
MAXIMUM_VALUES_IN_ALL = 400_000
"""In all files of a model: what it extends and its claims included."""

_ENDINGS = (".yaml", ".yml")


@dataclass
class Access:
    """What may be read for one model, and how much of it has been.

    Attributes:
        confined: whether nothing is read but what lies below `folder` or comes with the program.
        folder: that of the model, without links; None where it has none.
        size, values: of what has been read.
        inputs: what has been read, and what was looked for and does not exist.
    """

    confined: bool = False
    folder: Path | None = None
    size: int = 0
    values: int = 0
    inputs: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Path | None, *, confined: bool = False) -> Access:
        """The access of a model in a file; of one from standard input or a pipe, which has no folder, with None."""
        has_folder = confined and model is not None and is_rereadable(model)
        return cls(confined, Path(os.path.realpath(model.parent)) if has_folder and model else None)

    def check_model(self, path: Path, name: str) -> None:
        """Refuse a model that is a link out of its own folder.

        Raises:
            UnreadableInput: it is, and access is confined.
        """
        if self.folder is not None and not self._is_allowed(path):
            raise UnreadableInput(f"{to_printable(name)} leads out of its folder, which --confined does not allow")

    def read_document(self, path: Path, name: str) -> Document:
        """A file of the model.

        Raises:
            UnreadableInput: it may not be read, or can't be.
            UnreadableModelError: it is no text or past the limits, or all files of the model are together.
            ModelError: as in `read`.
        """
        self._check_path(path, name, name)
        if path.suffix not in _ENDINGS or Path(os.path.realpath(path)).suffix not in _ENDINGS:
            raise UnreadableInput(f"{name} is no .yaml or .yml file")
        try:
            content = read_regular_file(path)
        except FileNotFoundError:
            self.inputs[absolute_path(path)] = ABSENT
            raise UnreadableInput(f"{name} does not exist") from None
        except OSError as error:
            raise UnreadableInput(f"{name} can't be read: {error.strerror or error}") from None
        self.inputs[absolute_path(path)] = content_digest(content)
        return self.count_document(read_content(path, content, name))

    def count_document(self, document: Document) -> Document:
        """A document of the model, once it is known that there is not too much of all of them.

        Raises:
            UnreadableModelError: there is.
        """
        self.size += len(document.source.text)
        self.values += document.values
        self.inputs.update(document.inputs)
        if self.size > MAXIMUM_BYTES_IN_ALL or self.values > MAXIMUM_VALUES_IN_ALL:
            message = (
                f"with this file all that the model is made of is more than {MAXIMUM_BYTES_IN_ALL >> 20} MiB "
                f"or {MAXIMUM_VALUES_IN_ALL:,} values"
            )
            raise UnreadableModelError([Problem("too_large", message, Span(document.source.name, 1, 1))])
        return document

    def list_register(self, folder: Path, name: str) -> list[Path]:
        """The files of a register, in the order of their names.

        Raises:
            UnreadableInput: the folder may not be listed, or can't be, or holds too many.
        """
        register = f"the claim register '{name}'"
        self._check_path(folder, name, register)
        try:
            names = list_names(folder)
        except FileNotFoundError:
            self.inputs[absolute_path(folder)] = ABSENT
            raise UnreadableInput(f"there is no folder '{name}' with a claim register") from None
        except NotADirectoryError:
            hint = "name the folder that it lies in; beside a scenario file it needs one of its own, such as claims"
            raise UnreadableInput(f"{register} is a file, not a folder", hint) from None
        except OSError as error:
            raise UnreadableInput(f"{register} can't be read: {error.strerror or error}") from None
        self.inputs[absolute_path(folder)] = content_digest(names)
        paths = [path for path in map(folder.joinpath, names) if path.suffix in _ENDINGS and path.is_file()]
        if len(paths) > MAXIMUM_REGISTER:
            raise UnreadableInput(f"{register} has more than {MAXIMUM_REGISTER:,} files")
        return paths

    def find_extended_file(self, source: SourceText, text: str) -> tuple[Path, str]:
        """The file that `extends` means in a source, and its name: a path, or the id of a bundled model."""
        path = source.folder / text
        if bundled := self._find_bundled(path, text, Path.is_dir):
            return bundled, display_path(bundled)
        return path, _relative_name(source, text)

    def find_register_folder(self, source: SourceText, text: str) -> tuple[Path, str]:
        """The folder that `sources` means in a source, and its name: a path, or that of the bundled models' claims."""
        path = source.folder / text
        if self._find_bundled(path, text, Path.is_file) and (claims := bundled_register()):
            return claims, display_path(claims)
        return path, _relative_name(source, text)

    def _find_bundled(self, path: Path, text: str, is_wrong_kind: Callable[[Path], bool]) -> Path | None:
        """The bundled model whose id a text is; None where the text is a path that leads to what is wanted."""
        bundled = bundled_models().get(text) if can_be_model_id(text) else None
        if bundled is None or (os.path.lexists(path) and not is_wrong_kind(path)):
            return None
        with suppress(OSError):
            self.inputs[absolute_path(path)] = current_digest(str(path))
        return bundled

    def suggest_path(self, source: SourceText, text: str, is_wanted: Callable[[Path], bool]) -> str:
        """The hint for a path in a source that leads nowhere: what is likely meant beside it, or a bundled model."""
        path, bundled, neighbours = source.folder / text, [*bundled_models()], list[str]()
        if bundled and (claims := bundled_register()) and Path(text).name == claims.name:
            return f"did you mean '{DEFAULT_MODEL}'? the claims of the bundled models have its id"
        with suppress(OSError, ValueError):
            if "\0" not in text and self._is_allowed(path):
                names = [name for name in list_names(path.parent) if is_wanted(path.with_name(name))]
                neighbours = [os.path.join(os.path.dirname(text), name) for name in names]  # noqa: PTH118, PTH120  # as written
        hint = suggest_name(text, [*neighbours, *bundled]) or suggest_name(Path(text).stem, bundled)
        return hint or (f"bundled models: {', '.join(bundled)}" if bundled and can_be_model_id(text) else "")

    def _check_path(self, path: Path, name: str, subject: str) -> None:
        if "\0" in str(path):
            raise UnreadableInput(f"'{to_printable(name)}' is no name of a file")
        if not self._is_allowed(path):
            raise UnreadableInput(f"{subject} is outside of the folder of the model, which --confined does not allow")

    def _is_allowed(self, path: Path) -> bool:
        if not self.confined:
            return True
        folders = (bundled_folder(), bundled_register(), self.folder)
        real_path = Path(os.path.realpath(path))
        return any(real_path.is_relative_to(os.path.realpath(folder)) for folder in folders if folder)


def has_yaml_ending(path: Path) -> bool:
    """Whether a path is that of a file that may be read, by its look."""
    return path.name.endswith(_ENDINGS)


def _relative_name(source: SourceText, text: str) -> str:
    """A path that a file names, relative to the folder to which the name of the file itself is relative."""
    return os.path.normpath(os.path.join(os.path.dirname(source.name), text))  # noqa: PTH118, PTH120
