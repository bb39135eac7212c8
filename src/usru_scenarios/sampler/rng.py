"""Random words: a stream of its own for each (seed, block, node), with fixed places: method (7)."""

from __future__ import annotations

import hashlib
import math
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BLOCK = 16_384
"""Trials in a block; part of the format, since it decides which words a trial gets."""

_HALVES_PER_DRAW = 4  # of 16 bits, in a draw of the generator

_PLACES = np.arange(BLOCK, dtype=np.uint32) * np.uint32(0x9E3779B9)
"""The trials of a block, spread over all numbers of 32 bits."""


class RandomStream:
    """The random bits of one node, one block after the other.

    Args:
        seed, node: whose they are.
        normals: whether a step needs a normal for each trial, which takes twice the bits.
    """

    def __init__(self, seed: int, node: str, *, normals: bool) -> None:
        self.trials = 0
        self._key = f"{seed}/{node}/".encode()
        self._bits = np.random.SFC64(0)
        self._draws = (2 if normals else 1) * BLOCK // _HALVES_PER_DRAW + 1
        self._next = 0

    def begin(self, block: int, trials: int) -> None:
        """Go to the first step of a block that has so many trials; the bits of a step are those of a full one."""
        self.trials = trials
        self._next = 0
        digest = hashlib.sha256(self._key + str(block).encode()).digest()
        self._bits.state = {
            "bit_generator": "SFC64",
            "state": {"state": np.frombuffer(digest, dtype="<u8").astype(np.uint64)},
            "has_uint32": 0,
            "uinteger": 0,
        }

    def at(self, step: int) -> RandomWords:
        """The words of a step; steps come in their order."""
        return RandomWords(self, step)

    def halves(self, step: int) -> npt.NDArray[np.uint16]:
        """All bits of a step, by 16: shape (numbers,)."""
        if step > self._next:
            self._bits.random_raw((step - self._next) * self._draws, output=False)
        self._next = step + 1
        return self._bits.random_raw(self._draws).view(np.uint16)


class RandomWords:
    """The words of a node at a step, drawn when they are first asked for."""

    def __init__(self, stream: RandomStream, step: int) -> None:
        self._stream = stream
        self._step = step

    @cached_property
    def _halves(self) -> npt.NDArray[np.uint16]:
        return self._stream.halves(self._step)

    @property
    def upper(self) -> npt.NDArray[np.uint16]:
        """The upper half of each trial's word, shape (trials,)."""
        return self._halves[: self._stream.trials]

    def lower(self, trials: slice | npt.NDArray[np.intp] = slice(None)) -> npt.NDArray[np.uint32]:
        """The lower halves of the words of some trials, by default of all, shape (trials,)."""
        mixed = _PLACES[: self._stream.trials][trials] ^ self._halves[-2:].view(np.uint32)
        mixed ^= mixed >> np.uint32(16)
        mixed *= np.uint32(0x85EBCA6B)
        mixed ^= mixed >> np.uint32(13)
        mixed *= np.uint32(0xC2B2AE35)
        mixed >>= np.uint32(16)  # the finaliser's last mixing leaves the upper half as it is
        return mixed

    @property
    def uniforms(self) -> Floats:
        """The words as numbers above 0 and below 1, shape (trials,)."""
        uniforms: Floats = (self.lower() | np.uint32(1)) * np.float64(2.0**-32)
        uniforms += self.upper * 2.0**-16
        return uniforms

    @property
    def normals(self) -> Floats:
        """Standard normals, shape (trials,): method (9)."""
        words = self._halves[: 2 * BLOCK].view(np.uint32)
        radius: Floats = (words[: BLOCK // 2] + np.float64(0.5)) * 2.0**-32
        np.log(radius, out=radius)
        radius *= -2.0
        np.sqrt(radius, out=radius)
        angle = words[BLOCK // 2 :].astype(np.float32)
        angle *= np.float32(2.0 * math.pi * 2.0**-32)
        normals = np.empty(BLOCK)
        np.multiply(radius, np.cos(angle), out=normals[: BLOCK // 2])
        np.multiply(radius, np.sin(angle), out=normals[BLOCK // 2 :])
        return normals[: self._stream.trials]
