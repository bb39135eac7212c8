"""What was made of a model is kept in the user's cache folder, so that the next run need neither read nor check it.

A file there is named by what was asked for (file, arguments, part) and by the program's own files, so that no other
version ever meets it. It holds a digest of every file that was read and of the names in every folder that was listed,
with what was looked for and absent (see `files.Inputs`), and is used only while all of them are as they were. What is
kept is made of this package's own classes, of paths, ranges and numpy's arrays, and of nothing else.
Parts lie in files of their own, so that a run reads what it needs and no more. Nothing here ever fails: what can't be
written, or could have been written by someone else, is not used; nor is what is damaged, for each file begins with a
digest of what follows and of its own name, which is checked before anything is made of it. USRU_CACHE=off keeps
nothing.
"""

from __future__ import annotations

import io
import os
import pickle
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

from usru_scenarios.problems import UnreadableInput
from usru_scenarios.reading.files import Inputs, current_digest, write_atomically

MOST_BYTES = 64 * 1024 * 1024
"""Of all that is kept."""

_ALLOWED = frozenset(
    {
        ("builtins", "range"),
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
"""Ranges of steps, and what numpy's arrays are made again with, under the names of its versions 2 and 1."""

_NEW = ".new-"
"""How the names of files begin that are being written."""
_STALE = 3600.0
"""Seconds after which nobody writes to such a file any more."""

Made = TypeVar("Made")


class CompileCache:
    """What is kept of one thing that can be asked for: parts by name, each in a file of its own."""

    def __init__(self, *asked: object) -> None:
        self._asked = asked
        self._inputs: dict[str, str] = {}  # what the parts so far are made of
        self._read: Inputs = {}
        self._again: dict[str, object] = {}

    def set_inputs(self, inputs: Inputs) -> None:
        """Say what has been read, in a mapping that may grow while parts are made.

        Raises:
            UnreadableInput: a file is no more what it was when a part that was kept of it was used.
        """
        self._read = inputs
        self._note()

    def _note(self) -> None:
        if any(self._inputs.get(source, digest) != digest for source, digest in self._read.items()):
            raise UnreadableInput("a file has changed while it was being read", "run the command again")
        self._inputs.update(self._read)

    def get_or_make(
        self,
        name: str,
        make: Callable[[], Made],
        *,
        max_bytes: int = MOST_BYTES,
        fallback: Made | None = None,
        remember: bool = False,
    ) -> Made:
        """The part as it was kept, or else made anew, and kept if it is known what it was made of.

        Args:
            name: of the part.
            make: makes it.
            max_bytes: the most bytes that it may take up.
            fallback: what is kept where it takes more, and is what later runs get.
            remember: whether it is remembered for as long as this is, since it is asked for again in the same run.
        """
        if remember:
            if name not in self._again:
                self._again[name] = self.get_or_make(name, make, max_bytes=max_bytes, fallback=fallback)
            return cast("Made", self._again[name])
        path = self._path(name)
        if path is None:
            return make()
        try:
            kept = self._kept(path)
        except Exception:  # noqa: BLE001  # whatever is the matter with what was kept, it can be made anew
            kept = None
        if kept is not None:
            return cast("Made", kept[0])
        made = make()
        self._note()
        if self._inputs and not _keep(path, (self._inputs, made), max_bytes) and fallback is not None:
            _keep(path, (self._inputs, fallback), max_bytes)
        return made

    def _present(self, source: str) -> str:
        return self._inputs[source] if source in self._inputs else current_digest(source)

    def _path(self, name: str) -> Path | None:
        folder = _folder()
        asked = repr((self._asked, name, sys.version, _program()))
        return folder and folder / f"{sha256(asked.encode('utf-8', 'surrogateescape')).hexdigest()}.kept"

    def _kept(self, path: Path) -> tuple[object] | None:
        if not (_is_ours(path.parent) and _is_ours(path)):
            return None
        pickled, *buffers = _parts(_opened(path))
        inputs, made = _Unpickler(io.BytesIO(pickled), buffers=buffers).load()
        if any(self._present(source) != digest for source, digest in inputs.items()):
            return None
        self._inputs.update(inputs)
        return (made,)


_FORM = b"usru kept 3\n"
"""What every file begins with; the digest comes next."""

_HEAD = len(_FORM) + sha256().digest_size

_APART = 1 << 12
"""From so many bytes on the numbers of an array stand apart from the pickle, and are used where they have been read."""

_ALIGNED = 64
"""Where in a file they stand, in bytes."""


def _head(path: Path, payload: bytes | memoryview) -> bytes:
    """What stands before what is kept in a file."""
    digest = sha256(path.name.encode() + b"\n")
    digest.update(payload)
    return _FORM + digest.digest()


def _opened(path: Path) -> memoryview:
    """A whole file, if it is what was written there.

    Raises:
        OSError: it can't be read.
        ValueError: it is damaged, of another form, or was written under another name.
    """
    if not path.is_file() or path.stat().st_size > 2 * MOST_BYTES:
        raise ValueError(path.name)
    content = memoryview(bytearray(path.stat().st_size))
    with path.open("rb", buffering=0) as file:
        read = file.readinto(content)
    if read != len(content) or content[:_HEAD] != _head(path, content[_HEAD:]):
        raise ValueError(path.name)
    return content


def _parts(content: memoryview) -> list[memoryview]:
    """What was kept in a file: the pickle, and the arrays that it has apart."""
    count = int.from_bytes(content[_HEAD : _HEAD + 8], "little")
    sizes = content[_HEAD + 8 : _HEAD + 8 + 8 * count]
    parts, start = [], _HEAD + 8 + 8 * count
    for size in (int.from_bytes(sizes[at : at + 8], "little") for at in range(0, 8 * count, 8)):
        start += -start % _ALIGNED
        parts.append(content[start : start + size])
        start += size
    return parts


def _joined(parts: Sequence[bytes | memoryview]) -> bytes:
    """The payload of a file that holds parts, as `_parts` finds them again."""
    written = io.BytesIO()
    written.write(b"".join(number.to_bytes(8, "little") for number in (len(parts), *(len(part) for part in parts))))
    for part in parts:
        written.write(bytes(-(_HEAD + written.tell()) % _ALIGNED))
        written.write(part)
    return written.getvalue()


def _keep(path: Path, content: tuple[Inputs, object], most: int) -> bool:
    """Write what is to be kept, where that can be done; False only if it takes more bytes than it may."""
    with suppress(OSError, pickle.PicklingError, RecursionError, MemoryError):
        payload = _pickled(content)
        if len(payload) > most:
            return False
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_ours(path.parent):
            write_atomically(path, b"".join([_head(path, payload), payload]), beside=_NEW)
            _tidy(path.parent)
    return True


def _pickled(content: object) -> bytes:
    apart: list[memoryview] = []

    def in_band(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes >= _APART:
            apart.append(raw)
        return raw.nbytes < _APART

    written = io.BytesIO()
    pickler = pickle.Pickler(written, protocol=5, buffer_callback=in_band)
    pickler.dispatch_table = {type(Path()): lambda path: (KeptPath, (str(path),))}
    pickler.dump(content)
    return _joined([written.getvalue(), *apart])


class KeptPath:
    """Makes a path again; the reader of what is kept knows no other class than this package's own."""

    def __new__(cls, path: str) -> Path:  # type: ignore[misc]  # that is the point of it
        """The path."""
        return Path(path)


def _folder() -> Path | None:
    """The folder of the entries; None where nothing is to be kept (USRU_CACHE=off, or there is no home).

    A home that is relative to the current folder is none.
    """
    if os.environ.get("USRU_CACHE", "").lower() == "off":
        return None
    named = os.environ.get("XDG_CACHE_HOME", "")
    if Path(named).is_absolute():
        return Path(named) / "usru"
    if os.environ.get("HOME") == "":
        return None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / ".cache" / "usru" if home.is_absolute() else None


def _is_ours(path: Path) -> bool:
    """Whether nobody else can have written there; where there are no owners, the folder of the user is taken for it."""
    if not hasattr(os, "getuid"):
        return True
    status = path.stat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


@cache
def _program() -> str:
    """A digest of the program's files with their sizes and times, so that it is another one even while it is edited."""
    found, folders = [], [str(Path(__file__).parents[1])]
    for folder in folders:
        for entry in os.scandir(folder):
            if entry.is_dir():
                folders.append(entry.path)
            elif entry.name.endswith(".py"):
                found.append((entry.path, entry.stat().st_size, entry.stat().st_mtime_ns))
    return sha256(repr(sorted(found)).encode("utf-8", "surrogateescape")).hexdigest()


class _Unpickler(pickle.Unpickler):
    """Makes nothing but this package's own classes, ranges and arrays."""

    def find_class(self, module: str, name: str) -> Any:
        package = __name__.partition(".")[0]
        if (module, name) in _ALLOWED:
            return super().find_class(module, name)
        if module.startswith(f"{package}.") and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"{module}.{name}")


def _tidy(folder: Path) -> None:
    """Remove the oldest files past the most that are kept, and what runs that were killed left half-written."""
    for path in folder.glob(f"{_NEW}*"):
        if time.time() - path.stat().st_mtime > _STALE:
            path.unlink(missing_ok=True)
    total = 0
    for path in sorted(folder.glob("*.kept"), key=lambda path: path.stat().st_mtime_ns, reverse=True):
        total += path.stat().st_size
        if total > MOST_BYTES:
            path.unlink(missing_ok=True)
