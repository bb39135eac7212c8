"""What was made of a model is kept in the user's cache folder, so that the next run need neither read nor check it.

A file there is named by what was asked for (file, arguments, part) and by the program's own files, so that no other
version ever meets it. It holds a digest of every file that was read and of the names in every folder that was listed,
and is used only while all of them are as they were. What is kept is made of this package's own classes and of numpy's
arrays, and of nothing else that pickle could make. Nothing here ever fails: what can't be written, is damaged or could
have been written by someone else is not used. USRU_CACHE=off keeps nothing.
"""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

MOST_BYTES = 64 * 1024 * 1024
"""Of all that is kept."""

_ARRAYS = frozenset(
    {
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy.core.numeric", "_frombuffer"),
    }
)
"""What numpy's arrays are made again with, under the names of its versions 2 and 1."""

Inputs = dict[str, str]
"""What was read: paths of files and folders, and digests of what they held."""

Made = TypeVar("Made")

_inputs: ContextVar[Inputs | None] = ContextVar("inputs", default=None)


def witness(path: Path, content: bytes) -> None:
    """Note what was read, if anyone asks for it; of a folder, see `names_in`."""
    inputs = _inputs.get()
    if inputs is not None:
        inputs[os.path.abspath(path)] = sha256(content).hexdigest()  # noqa: PTH100  # a link may be bent elsewhere


def names_in(folder: Path) -> bytes:
    """The names of all that is in a folder."""
    return "\0".join(sorted(os.listdir(folder))).encode("utf-8", "surrogateescape")  # noqa: PTH208  # names alone


class Shelf:
    """What is kept of one thing that can be asked for: parts by name, each in a file of its own."""

    def __init__(self, *asked: object) -> None:
        self._asked = asked
        self._inputs: Inputs = {}
        self._digest = cache(_digest)  # all parts are made of the same

    def witnessing(self, read: Callable[[], Made]) -> Callable[[], Made]:
        """The same, but the shelf knows afterwards what was read."""

        def reading() -> Made:
            token = _inputs.set(self._inputs)
            try:
                return read()
            finally:
                _inputs.reset(token)

        return reading

    def part(self, name: str, make: Callable[[], Made]) -> Made:
        """The part as it was kept, or else made anew, and kept if all that it was made of has been witnessed."""
        path = self._path(name)
        if path is None:
            return make()
        try:
            kept = self._found(path)
        except Exception:  # noqa: BLE001  # whatever is the matter with what was kept, it can be made anew
            kept = None
        if kept is not None:
            return cast("Made", kept[0])
        made = make()
        if self._inputs:
            _keep(path, (self._inputs, made))
        return made

    def _path(self, name: str) -> Path | None:
        folder = _folder()
        asked = repr((self._asked, name, sys.version, _program()))
        return folder and folder / f"{sha256(asked.encode('utf-8', 'surrogateescape')).hexdigest()}.kept"

    def _found(self, path: Path) -> tuple[object] | None:
        if not (_is_ours(path.parent) and _is_ours(path)):
            return None
        with path.open("rb") as file:
            inputs, made = _Unpickler(file).load()
        return (made,) if all(self._digest(source) == digest for source, digest in inputs.items()) else None


def _keep(path: Path, content: tuple[Inputs, object]) -> None:
    data = pickle.dumps(content, protocol=5)
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_ours(path.parent) and len(data) <= MOST_BYTES:
            _replace(path, data)
            _tidy(path.parent)


def _folder() -> Path | None:
    """The folder of the entries; None where nothing is to be kept (USRU_CACHE=off, or there is no home)."""
    if os.environ.get("USRU_CACHE", "").lower() == "off":
        return None
    named = os.environ.get("XDG_CACHE_HOME", "")
    try:
        home = Path(named) if Path(named).is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        return None
    return home / "usru"


def _is_ours(path: Path) -> bool:
    """Whether nobody else can have written there; where there are no owners, the folder of the user is taken for it."""
    if not hasattr(os, "getuid"):
        return True
    status = path.stat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


@cache
def _program() -> list[tuple[str, int, int]]:
    """The program's files with their sizes and times, which tell one version from another even while it is edited."""
    found, folders = [], [str(Path(__file__).parents[1])]
    for folder in folders:
        for entry in os.scandir(folder):
            if entry.is_dir():
                folders.append(entry.path)
            elif entry.name.endswith(".py"):
                found.append((entry.path, entry.stat().st_size, entry.stat().st_mtime_ns))
    return sorted(found)


def _digest(path: str) -> str:
    place = Path(path)
    return sha256(names_in(place) if place.is_dir() else place.read_bytes()).hexdigest()


class _Unpickler(pickle.Unpickler):
    """Makes nothing but this package's own classes and arrays."""

    def find_class(self, module: str, name: str) -> Any:
        package = __name__.partition(".")[0]
        if (module, name) in _ARRAYS:
            return super().find_class(module, name)
        if module.startswith(f"{package}.") and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"{module}.{name}")


def _replace(path: Path, content: bytes) -> None:
    """Write a file that other runs see as a whole or not at all."""
    handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _tidy(folder: Path) -> None:
    """Remove the oldest files past the most that are kept."""
    total = 0
    for path in sorted(folder.glob("*.kept"), key=lambda path: path.stat().st_mtime_ns, reverse=True):
        total += path.stat().st_size
        if total > MOST_BYTES:
            path.unlink(missing_ok=True)
