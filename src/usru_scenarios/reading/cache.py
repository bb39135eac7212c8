"""What was made of a model is cached in the user's cache folder, so that the next run need neither read nor check it.

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
import struct
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

MAXIMUM_CACHE_BYTES = 64 * 1024 * 1024
"""Of all that is kept."""

_ALLOWED_NAMES = frozenset(
    {
        ("builtins", "range"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        *((f"numpy.{core}.multiarray", name) for core in ("_core", "core") for name in ("_reconstruct", "scalar")),
        *((f"numpy.{core}.numeric", "_frombuffer") for core in ("_core", "core")),
    }
)
"""Ranges of steps, and what numpy's arrays are made again with, under the names of its versions 2 and 1."""

_TEMPORARY_PREFIX = ".new-"
"""How the names of files begin that are being written."""
_STALE_AFTER = 3600.0
"""Seconds after which nobody writes to such a file any more."""

PartType = TypeVar("PartType")


class CompileCache:
    """What is kept of one thing that can be asked for: parts by name, each in a file of its own."""

    def __init__(self, *key: object) -> None:
        self._key = key
        self._inputs: dict[str, str] = {}  # what the parts so far are made of
        self._current_inputs: Inputs = {}
        self._remembered: dict[str, object] = {}

    def set_inputs(self, inputs: Inputs) -> None:
        """Say what has been read, in a mapping that may grow while parts are made.

        Raises:
            UnreadableInput: a file is no more what it was when a part that was kept of it was used.
        """
        self._current_inputs = inputs
        self._add_inputs()

    def _add_inputs(self) -> None:
        if any(self._inputs.get(source, digest) != digest for source, digest in self._current_inputs.items()):
            raise UnreadableInput("a file has changed while it was being read", "run the command again")
        self._inputs.update(self._current_inputs)

    def get_or_make(
        self,
        name: str,
        make: Callable[[], PartType],
        *,
        max_bytes: int = MAXIMUM_CACHE_BYTES,
        fallback: PartType | None = None,
        remember: bool = False,
    ) -> PartType:
        """The part as it was kept, or else made anew, and kept if it is known what it was made of.

        Args:
            name: of the part.
            make: makes it.
            max_bytes: the most bytes that it may take up.
            fallback: what is kept where it takes more, and is what later runs get.
            remember: whether it is remembered for as long as this is, since it is asked for again in the same run.
        """
        if remember:
            if name not in self._remembered:
                self._remembered[name] = self.get_or_make(name, make, max_bytes=max_bytes, fallback=fallback)
            return cast("PartType", self._remembered[name])
        folder = _cache_folder()
        if folder is None:
            return make()
        key = repr((self._key, name, sys.version, _program_digest())).encode("utf-8", "surrogateescape")
        path = folder / f"{sha256(key).hexdigest()}.kept"
        try:
            cached = self._load(path)
        except Exception:  # noqa: BLE001  # whatever is the matter with what was kept, it can be made anew
            cached = None
        if cached is not None:
            return cast("PartType", cached[0])
        part = make()
        self._add_inputs()
        if self._inputs and not _store(path, (self._inputs, part), max_bytes) and fallback is not None:
            _store(path, (self._inputs, fallback), max_bytes)
        return part

    def _load(self, path: Path) -> tuple[object] | None:
        if not (_is_private(path.parent) and _is_private(path)):
            return None
        pickled, *buffers = _unpack(_read_checked(path))
        inputs, part = _Unpickler(io.BytesIO(pickled), buffers=buffers).load()
        for source, digest in inputs.items():
            if digest != (self._inputs[source] if source in self._inputs else current_digest(source)):
                return None
        self._inputs.update(inputs)
        return (part,)


_SIGNATURE = b"usru kept 3\n"
"""What every file begins with; the digest comes next."""

_HEADER_SIZE = len(_SIGNATURE) + sha256().digest_size

_MINIMUM_BUFFER = 1 << 12
"""From so many bytes on the numbers of an array stand apart from the pickle, and are used where they have been read."""

_ALIGNMENT = 64
"""Where in a file they stand, in bytes."""


def _header(path: Path, payload: bytes | memoryview) -> bytes:
    """What stands before what is kept in a file."""
    digest = sha256(path.name.encode() + b"\n")
    digest.update(payload)
    return _SIGNATURE + digest.digest()


def _read_checked(path: Path) -> memoryview:
    """A whole file, if it is what was written there.

    Raises:
        OSError: it can't be read.
        ValueError: it is damaged, of another form, or was written under another name.
    """
    if not path.is_file() or path.stat().st_size > 2 * MAXIMUM_CACHE_BYTES:
        raise ValueError(path.name)
    content = memoryview(bytearray(path.stat().st_size))
    with path.open("rb", buffering=0) as file:
        size = file.readinto(content)
    if size != len(content) or content[:_HEADER_SIZE] != _header(path, content[_HEADER_SIZE:]):
        raise ValueError(path.name)
    return content


def _unpack(content: memoryview) -> list[memoryview]:
    """The parts of a file: the pickle, and the arrays that stand apart from it."""
    (count,) = struct.unpack_from("<Q", content, _HEADER_SIZE)
    parts, start = [], _HEADER_SIZE + 8 + 8 * count
    for size in struct.unpack_from(f"<{count}Q", content, _HEADER_SIZE + 8):
        start += -start % _ALIGNMENT
        parts.append(content[start : start + size])
        start += size
    return parts


def _pack(parts: Sequence[bytes | memoryview]) -> bytes:
    """The payload of a file that holds parts, as `_unpack` finds them again."""
    payload = io.BytesIO()
    payload.write(struct.pack(f"<{len(parts) + 1}Q", len(parts), *map(len, parts)))
    for part in parts:
        payload.write(bytes(-(_HEADER_SIZE + payload.tell()) % _ALIGNMENT))
        payload.write(part)
    return payload.getvalue()


def _store(path: Path, content: tuple[Inputs, object], max_bytes: int) -> bool:
    """Write a part with its inputs, where that can be done; False only if it takes more bytes than it may."""
    with suppress(OSError, pickle.PicklingError, RecursionError, MemoryError):
        payload = _serialize(content)
        if len(payload) > max_bytes:
            return False
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_private(path.parent):
            write_atomically(path, b"".join([_header(path, payload), payload]), prefix=_TEMPORARY_PREFIX)
            _remove_old_files(path.parent)
    return True


def _serialize(content: object) -> bytes:
    separate: list[memoryview] = []

    def stays_in_pickle(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes >= _MINIMUM_BUFFER:
            separate.append(raw)
        return raw.nbytes < _MINIMUM_BUFFER

    pickled = io.BytesIO()
    pickler = pickle.Pickler(pickled, protocol=5, buffer_callback=stays_in_pickle)
    pickler.dispatch_table = {type(Path()): lambda path: (PickledPath, (str(path),))}
    pickler.dump(content)
    return _pack([pickled.getvalue(), *separate])


class PickledPath:
    """Makes a path again when it is unpickled, for `_Unpickler` allows no classes but this package's own."""

    def __new__(cls, path: str) -> Path:  # type: ignore[misc]  # that is the point of it
        """The path."""
        return Path(path)


def _cache_folder() -> Path | None:
    """The folder of the entries; None where nothing is to be kept (USRU_CACHE=off, or there is no home).

    A home that is relative to the current folder is none.
    """
    if os.environ.get("USRU_CACHE", "").lower() == "off":
        return None
    cache_home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if cache_home.is_absolute():
        return cache_home / "usru"
    if os.environ.get("HOME") == "":
        return None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / ".cache" / "usru" if home.is_absolute() else None


def _is_private(path: Path) -> bool:
    """Whether nobody else can have written there; where there are no owners, the folder of the user is taken for it."""
    if not hasattr(os, "getuid"):
        return True
    status = path.stat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


@cache
def _program_digest() -> str:
    """A digest of the program's files with their sizes and times, so that it is another one even while it is edited."""
    files, folders = [], [str(Path(__file__).parents[1])]
    for folder in folders:
        for entry in os.scandir(folder):
            if entry.is_dir():
                folders.append(entry.path)
            elif entry.name.endswith(".py"):
                files.append((entry.path, entry.stat().st_size, entry.stat().st_mtime_ns))
    return sha256(repr(sorted(files)).encode("utf-8", "surrogateescape")).hexdigest()


class _Unpickler(pickle.Unpickler):
    """Makes nothing but this package's own classes, ranges and arrays."""

    def find_class(self, module: str, name: str) -> Any:
        package = __name__.partition(".")[0]
        if (module, name) in _ALLOWED_NAMES:
            return super().find_class(module, name)
        if module.startswith(f"{package}.") and "." not in name:
            kind = super().find_class(module, name)
            if isinstance(kind, type) and kind.__module__ == module:
                return kind
        raise pickle.UnpicklingError(f"{module}.{name}")


def _remove_old_files(folder: Path) -> None:
    """Remove the oldest files past the most that are kept, and what runs that were killed left half-written."""
    for path in folder.glob(f"{_TEMPORARY_PREFIX}*"):
        if time.time() - path.stat().st_mtime > _STALE_AFTER:
            path.unlink(missing_ok=True)
    total = 0
    for path in sorted(folder.glob("*.kept"), key=lambda path: path.stat().st_mtime_ns, reverse=True):
        total += path.stat().st_size
        if total > MAXIMUM_CACHE_BYTES:
            path.unlink(missing_ok=True)
