"""Arrays packed into one run of bytes, each once: what a page reads as typed arrays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from usru_scenarios.program.program import Floats

ArrayType = Literal["uint8", "uint16", "float32"]
ArrayLocation = dict[str, Any]
"""Where an array stands: {at: the byte at which it begins, count: how many numbers, kind: their type}."""

_ALIGNMENT = 8


class Pack:
    """Arrays one after the other, little-endian, each at a multiple of 8 bytes; equal ones are kept once."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._locations: dict[tuple[str, bytes], ArrayLocation] = {}
        self._size = 0

    def put(self, values: npt.NDArray[Any] | Iterable[float], kind: ArrayType) -> ArrayLocation:
        """Where the values stand, first axis slowest."""
        array = np.asarray(values)
        data = np.ascontiguousarray(array.astype(np.dtype(kind).newbyteorder("<"))).tobytes()
        if (kind, data) not in self._locations:
            self._locations[kind, data] = {"at": self._size, "count": int(array.size), "kind": kind}
            padded = data + bytes(-len(data) % _ALIGNMENT)
            self._chunks.append(padded)
            self._size += len(padded)
        return self._locations[kind, data]

    def floats(self, values: Floats) -> ArrayLocation:
        """Where numbers stand that are rounded to 24 bits."""
        return self.put(values, "float32")

    @property
    def data(self) -> bytes:
        """The bytes of all arrays."""
        return b"".join(self._chunks)
