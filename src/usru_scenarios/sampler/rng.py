"""Random words: a stream of its own for each (seed, block, node), with fixed places, stratified in sets of trials.

Methods (7) and (9): of the words that a set of trials has for a node at a step, one lies in each of as many equal parts
of [0, 1), the *strata*, in random order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from usru_scenarios.interruptions import import_whole

Floats = npt.NDArray[np.float64]

BLOCK = 16_384
"""Trials in a block; part of the format, since it decides which words a trial gets."""

_PARTS = 1 << 16
_HALVES = 4  # of 16 bits, in a draw of the generator
_BITS = BLOCK // _HALVES + 1
"""Draws of the generator in a step that give 16 bits for each trial, and the key of the lower halves."""

_PLACES = np.arange(BLOCK, dtype=np.uint32) * np.uint32(0x9E3779B9)
"""The trials of a block, spread over all numbers of 32 bits."""

_ORDER_BITS = 10
"""A set picks one of 2^10 random orders of its strata."""


StepWords = tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint32]]
"""The upper halves of a step's words, shape (trials,), and the key of the lower ones, shape (blocks, 1)."""

MOST_WORD_BYTES = 1 << 25
"""What may be remembered of the words of the blocks that are walked."""

MOST_UNIFORM_BYTES = 1 << 23
"""The same of what they are as numbers, which laws that no table holds ask for."""


class WordMemory:
    """The words of some blocks that were drawn already, as far as there is room for them.

    Walks of several programs over them have the same words, and to make them takes a third of a draw.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], StepWords] = {}
        self._uniforms: dict[tuple[str, int], Floats] = {}
        self._bytes = 0
        self._uniform_bytes = 0

    def recalled(self, node: str, step: int) -> StepWords | None:
        """Those of a node at a step, as `RandomStream.drawn` gives them: shapes (trials,) and (blocks, 1)."""
        return self._known.get((node, step))

    def remember(self, node: str, step: int, words: StepWords) -> None:
        """Keep them, if there is room."""
        upper, key = words
        if self._bytes + upper.nbytes <= MOST_WORD_BYTES:
            self._known[node, step] = upper, key.copy()  # which is a part of all that was drawn
            self._bytes += upper.nbytes

    def uniforms(self, node: str, step: int, make: Callable[[], Floats]) -> Floats:
        """Those of a node at a step as numbers, shape (trials,), which the caller may overwrite."""
        place = node, step
        if place not in self._uniforms:
            made = make()
            if self._uniform_bytes + made.nbytes > MOST_UNIFORM_BYTES:
                return made
            self._uniforms[place] = made
            self._uniform_bytes += made.nbytes
        return self._uniforms[place].copy()


class RandomStream:
    """The random words of one node, one block after the other, or several neighbouring blocks at a time.

    Args:
        seed, node: whose they are.
        trials: of the run.
        set_size: trials of a set, a power of two; the last set may have fewer.

    Attributes:
        trials: of the blocks that have begun; only where there is one can it have fewer than `BLOCK`.
    """

    def __init__(self, seed: int, node: str, trials: int, set_size: int = 1) -> None:
        self._run = trials
        self._node = node
        self._memory: WordMemory | None = None
        self._set_size = set_size
        self._key = f"{seed}/{node}/".encode()
        self._bits: list[np.random.SFC64] = []
        self._draws = _BITS + (BLOCK // set_size // 2 if set_size > 1 else 0)
        self._next = 0
        import_whole("numpy.random")

    def begin(self, blocks: range, memory: WordMemory | None = None) -> None:
        """Go to the first step of some blocks; the bits of a step of each are those of a full one.

        Args:
            blocks: neighbours.
            memory: of what was drawn of them before.
        """
        self._memory = memory
        self.trials = min(len(blocks) * BLOCK, self._run - blocks.start * BLOCK)
        self._next = 0
        while len(self._bits) < len(blocks):
            self._bits.append(np.random.SFC64(_unused()))
        del self._bits[len(blocks) :]
        for block, bits in zip(blocks, self._bits, strict=True):
            digest = hashlib.sha256(self._key + str(block).encode()).digest()
            bits.state = {
                "bit_generator": "SFC64",
                "state": {"state": np.frombuffer(digest, dtype="<u8").astype(np.uint64)},
                "has_uint32": 0,
                "uinteger": 0,
            }

    def at(self, step: int) -> RandomWords:
        """The words of a step; steps come in their order."""
        return RandomWords(self, step)

    def drawn(self, step: int) -> StepWords:
        """The upper halves of a step's words, shape (trials,), and the key of the lower ones, shape (blocks, 1)."""
        if self._memory is None:
            return self.made(step)
        words = self._memory.recalled(self._node, step)
        if words is None:
            words = self.made(step)
            self._memory.remember(self._node, step, words)
        return words

    def uniforms(self, step: int, make: Callable[[], Floats]) -> Floats:
        """A step's words as numbers, shape (trials,), made unless they are remembered."""
        return make() if self._memory is None else self._memory.uniforms(self._node, step, make)

    def made(self, step: int) -> StepWords:
        """The same, not remembered; shapes (trials,) and (blocks, 1)."""
        if step > self._next:
            for bits in self._bits:
                bits.random_raw((step - self._next) * self._draws, output=False)
        self._next = step + 1
        first, *others = (bits.random_raw(self._draws) for bits in self._bits)
        drawn: npt.NDArray[np.uint64] = np.array([first, *others]) if others else first[None]
        halves = drawn[:, :_BITS].view(np.uint16)
        upper = halves[:, : self.trials // len(drawn)]
        if self._set_size > 1:
            upper = self._stratified(upper, drawn[:, _BITS:].view(np.uint32))
        return np.ascontiguousarray(upper).reshape(-1), halves[:, -2:].view(np.uint32)

    def _stratified(self, halves: npt.NDArray[np.uint16], picks: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint16]:
        """The bits of each trial, moved into a stratum of its own, in an order that 32 bits of each set pick.

        The strata of a set are moved on in a circle, so that each trial's is uniform though the orders are few.

        Args:
            halves: shape (blocks, trials), overwritten.
            picks: shape (blocks, sets of a full block).

        Returns:
            Shape (blocks, trials).
        """
        blocks, trials = halves.shape
        size, rest = self._set_size, trials % self._set_size
        left = halves[:, trials - rest :].astype(np.uint32)
        picks = picks[:, : trials // size + (rest > 0)]
        whole = trials - rest
        width = _PARTS // size
        own = picks[:, : whole // size]
        starts = _starts(size).take(own >> np.uint32(32 - _ORDER_BITS), axis=0).reshape(blocks, whole)
        moved_on = own.astype(np.uint16) & np.uint16(-width % _PARTS)
        starts += moved_on.repeat(size, axis=1)  # in half the time of adding one number to each row of a set
        starts += halves[:, :whole] >> np.uint16(size.bit_length() - 1)
        if not rest:
            return starts
        halves[:, :whole] = starts
        order = _orders(rest)[picks[:, -1] >> np.uint32(32 - _ORDER_BITS)]
        moved = (picks[:, -1:] & np.uint32(0xFFFF)) * np.uint32(rest) >> np.uint32(16)
        halves[:, whole:] = (((order + moved) % np.uint32(rest) << np.uint32(16)) + left) // np.uint32(rest)
        return halves


@cache
def _unused() -> np.random.SeedSequence:
    """What generators are made of before their state is set: one for all, for to make it takes the longest."""
    return np.random.SeedSequence(0)


@lru_cache(maxsize=8)
def _orders(size: int) -> npt.NDArray[np.uint32]:
    """Random orders of the strata, the same in every process, shape (orders, strata)."""
    drawn: npt.NDArray[np.uint64] = np.random.SFC64(size).random_raw(size << _ORDER_BITS).reshape(-1, size)
    return drawn.argsort(axis=1).astype(np.uint32)


@lru_cache(maxsize=8)
def _starts(size: int) -> npt.NDArray[np.uint16]:
    """Where the strata start, in these orders, in units of 2^-16: shape (orders, strata)."""
    return (_orders(size) * np.uint32(_PARTS // size)).astype(np.uint16)


class RandomWords:
    """The words of a node at a step, drawn when they are first asked for."""

    __slots__ = ("_drawn", "_step", "_stream")

    def __init__(self, stream: RandomStream, step: int) -> None:
        self._stream = stream
        self._step = step
        self._drawn: tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint32]] | None = None

    def _words(self) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint32]]:
        if self._drawn is None:
            self._drawn = self._stream.drawn(self._step)
        return self._drawn

    @property
    def upper(self) -> npt.NDArray[np.uint16]:
        """The upper half of each trial's word, shape (trials,)."""
        return self._words()[0]

    def lower(self) -> npt.NDArray[np.uint32]:
        """The lower halves of the words, shape (trials,)."""
        upper, keys = self._words()
        mixed: npt.NDArray[np.uint32] = (_PLACES[: len(upper)] ^ keys).reshape(-1)
        mixed ^= mixed >> np.uint32(16)
        mixed *= np.uint32(0x85EBCA6B)
        mixed ^= mixed >> np.uint32(13)
        mixed *= np.uint32(0xC2B2AE35)
        mixed >>= np.uint32(16)  # the finaliser's last mixing leaves the upper half as it is
        return mixed

    def lower_of(self, trial: int) -> int:
        """The same of one trial, which is quicker than to ask numpy for a few."""
        block, place = divmod(trial, BLOCK)
        mixed = int(_PLACES[place]) ^ int(self._words()[1][block, 0])
        mixed ^= mixed >> 16
        mixed = mixed * 0x85EBCA6B & 0xFFFFFFFF
        mixed ^= mixed >> 13
        return (mixed * 0xC2B2AE35 & 0xFFFFFFFF) >> 16

    @property
    def uniforms(self) -> Floats:
        """The words as numbers above 0 and below 1, shape (trials,), which the caller may overwrite."""
        return self._stream.uniforms(self._step, self._uniforms)

    def _uniforms(self) -> Floats:
        words = self.upper.astype(np.uint32)
        words <<= np.uint32(16)
        words |= self.lower()
        words |= np.uint32(1)
        uniforms = words.astype(np.float64)
        uniforms *= 2.0**-32
        return uniforms

    @property
    def normals(self) -> Floats:
        """Standard normals, shape (trials,): method (9)."""
        return _normal_quantile(self.uniforms)


class RepeatedWords(RandomWords):
    """The words of a node at a step for each of several programs that are walked together.

    Args:
        one: the words, which are the same for all of them.
        programs: how many there are.
    """

    def __init__(self, one: RandomWords, programs: int) -> None:
        self.one = one
        self._programs = programs

    @property
    def upper(self) -> npt.NDArray[np.uint16]:
        """As in `RandomWords`, shape (programs * trials,)."""
        return np.tile(self.one.upper, self._programs)

    def lower(self) -> npt.NDArray[np.uint32]:
        """As in `RandomWords`, shape (programs * trials,)."""
        return np.tile(self.one.lower(), self._programs)

    def lower_of(self, trial: int) -> int:
        """As in `RandomWords`."""
        return self.one.lower_of(trial % len(self.one.upper))

    @property
    def uniforms(self) -> Floats:
        """As in `RandomWords`, shape (programs * trials,)."""
        return np.tile(self.one.uniforms, self._programs)

    @property
    def normals(self) -> Floats:
        """As in `RandomWords`, shape (programs * trials,)."""
        return np.tile(self.one.normals, self._programs)


def _normal_quantile(shares: Floats) -> Floats:
    """The inverse of the standard normal's distribution function to 7 digits (AS 241, PPND7), shape (trials,)."""
    off_middle = shares - 0.5
    square = off_middle * off_middle
    np.subtract(0.180625, square, out=square)
    normals = _polynomial((59.109374720, 159.29113202, 50.434271938, 3.3871327179), square)
    normals /= _polynomial((67.187563600, 78.757757664, 17.895169469, 1.0), square)
    normals *= off_middle
    (beyond,) = (np.abs(off_middle) > 0.425).nonzero()
    tail, side = shares[beyond], off_middle[beyond]
    distance = np.sqrt(-np.log(np.minimum(tail, 1.0 - tail)))
    near, far = distance - 1.6, np.maximum(distance - 5.0, 0.0)
    tails = _polynomial((0.17023821103, 1.3067284816, 2.7568153900, 1.4234372777), near)
    tails /= _polynomial((0.12021132975, 0.73700164250, 1.0), near)
    if far.any():
        further = _polynomial((0.017337203997, 0.42868294337, 3.0812263860, 6.6579051150), far)
        further /= _polynomial((0.012258202635, 0.24197894225, 1.0), far)
        tails = np.where(far > 0.0, further, tails)
    normals[beyond] = np.copysign(tails, side)
    return normals


def _polynomial(coefficients: tuple[float, ...], at: Floats) -> Floats:
    """A polynomial, the highest power first, by Horner's rule."""
    first, second, *rest = coefficients
    value = at * first
    value += second
    for coefficient in rest:
        value *= at
        value += coefficient
    return value
