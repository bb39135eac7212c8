"""Files and folders as bytes, read within bounds and without ever waiting for a pipe."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from itertools import islice
from pathlib import Path

MAXIMUM_BYTES = 2 * 1024 * 1024
"""Of one file."""
MAXIMUM_NAMES = 20_000
"""In a folder that is listed."""

Inputs = Mapping[str, str]
"""What was read or looked for: absolute paths of files and folders, and the digests of what they held."""

ABSENT = ""
"""In the place of the digest of what does not exist."""

_READ_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def is_rereadable(path: Path) -> bool:
    """Whether a path names a file that can be read again: not a pipe, a device or what is open under a number."""
    return path.is_file() and not os.path.abspath(path).startswith(("/dev/", "/proc/"))  # noqa: PTH100  # as written


def read_regular_file(path: Path) -> bytes:
    """What a regular file holds, up to one byte more than is ever used.

    Raises:
        OSError: there is none, or it can't be read; a pipe, a device or a folder is none.
    """
    handle = os.open(path, _READ_FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(None, "it is no regular file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(MAXIMUM_BYTES + 1)
    finally:
        os.close(handle)


def write_atomically(path: Path, data: bytes, *, prefix: str = ".usru-", mode: int | None = None) -> None:
    """Write a file of which nobody ever sees a part: a new one beside it takes its place.

    Args:
        path: of the file, which may be there already.
        data: what it is to hold.
        prefix: how the name of the new file begins.
        mode: the permissions of a file that is to be on the disk when this returns; None for one that may get lost.

    Raises:
        OSError: it can't be written; the old file is as it was.
    """
    with _temporary_file(path, data, prefix, mode) as temporary:
        temporary.replace(path)


@contextmanager
def open_locked(path: Path, flags: int) -> Iterator[int]:
    """Open a file and, where it is written, lock it.

    Who else opens it so waits, and then has what has been put in its place meanwhile.

    Args:
        path: of the file.
        flags: as of `os.open`.

    Raises:
        OSError: there is none, or it can't be opened; a pipe, a device or a folder is none.
    """
    while True:
        handle = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o644)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(None, "it is no regular file")
            if flags & os.O_RDWR:
                _lock(handle)
            if os.path.samestat(os.fstat(handle), os.stat(path)):  # noqa: PTH116  # another may be in its place by now
                yield handle
                return
        finally:
            os.close(handle)  # ends the lock


def _lock(handle: int) -> None:
    """Wait until nobody else writes."""
    if sys.platform == "win32":
        from msvcrt import LK_LOCK, locking

        locking(handle, LK_LOCK, 1 << 30)
    else:
        from fcntl import LOCK_EX, flock

        flock(handle, LOCK_EX)


def write_all_or_none(files: Mapping[Path, bytes], mode: Callable[[Path], int]) -> None:
    """Write files of which nobody ever sees a part, with the folders that they lie in; none where one can't be written.

    Args:
        files: what each is to hold; some may be there already.
        mode: the permissions of each.

    Raises:
        OSError: one can't be written, which its `filename` names.
    """
    path = Path()
    with ExitStack() as cleanup:
        temporaries: dict[Path, Path] = {}
        try:
            for path, data in files.items():
                if path.is_dir():
                    raise IsADirectoryError(None, "it is a folder")
                if not path.parent.exists():
                    path.parent.mkdir()
                    cleanup.callback(_remove_if_empty, path.parent)
                temporaries[path] = cleanup.enter_context(_temporary_file(path, data, ".usru-", mode(path)))
            for path, temporary in temporaries.items():
                temporary.replace(path)
        except OSError as error:  # which may name the temporary file
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # with something in it, it stays
        folder.rmdir()


@contextmanager
def _temporary_file(path: Path, data: bytes, prefix: str, mode: int | None) -> Iterator[Path]:
    """A new file beside a path, which is removed unless it is given another name."""
    import tempfile  # what is only read needs none of it

    handle, name = tempfile.mkstemp(prefix=prefix, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if mode is not None:
                file.flush()
                os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def list_names(folder: Path) -> list[str]:
    """The names of all that is in a folder, in order.

    Raises:
        OSError: it can't be listed, or holds more than `MAXIMUM_NAMES`.
    """
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in islice(entries, MAXIMUM_NAMES + 1))
    if len(names) > MAXIMUM_NAMES:
        raise OSError(None, f"it holds more than {MAXIMUM_NAMES:,} names")
    return names


def absolute_path(path: Path) -> str:
    """A path as a key of `Inputs`: links stay, since one may be made to lead elsewhere."""
    return os.path.abspath(path)  # noqa: PTH100


def content_digest(content: bytes | list[str]) -> str:
    """The SHA-256 of the bytes of a file or the names in a folder, in hexadecimal."""
    data = content if isinstance(content, bytes) else "\0".join(content).encode("utf-8", "surrogateescape")
    return sha256(data).hexdigest()


def current_digest(path: str) -> str:
    """The digest of what a file or folder holds now.

    Raises:
        OSError: it can't be read.
    """
    file = Path(path)
    if not os.path.lexists(file):
        return ABSENT
    return content_digest(list_names(file) if file.is_dir() else read_regular_file(file))
