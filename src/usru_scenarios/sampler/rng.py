"""Random words: a stream of its own for each (seed, block, node), with fixed places, stratified in sets of trials.

Methods (7) and (9): of the words that a set of trials has for a node at a step, one lies in each of as many equal parts
of [0, 1), the *strata*, in random order. The words of all sets are those of a few, the *pattern* of the node and step,
each set's moved by random bits of its own: so few random numbers have to be drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from usru_scenarios.interruptions import import_uninterrupted

Floats = npt.NDArray[np.float64]
Halves = npt.NDArray[np.uint16]

BLOCK = 16_384
"""Trials in a block; part of the format, since it decides which words a trial gets."""

_PATTERN_TRIALS = 1024
"""Trials after which the pattern begins anew: so many that it hardly matters which orders its sets happen to have."""
_PATTERN_STEPS = 16
"""Steps whose patterns are drawn at once."""

_HALF_VALUES = 1 << 16
_HALVES_PER_DRAW = 4  # of 16 bits, in a draw of the generator

_ORDER_BITS = 10
"""A set of the pattern picks one of 2^10 random orders of its strata."""


StepWords = tuple[Halves, Halves, Halves]
"""The upper halves of a step's words, shape (trials,), and what the lower ones are made of.

These are the lower halves of the pattern, shape (trials of it,), and by what a block's differ, shape (blocks, 1).
"""

MOST_WORD_BYTES = 1 << 25
"""The most memory for words of the blocks that are walked."""

MOST_UNIFORM_BYTES = 1 << 23
"""The most memory for the words as numbers, which laws without a table ask for."""


class WordMemory:
    """The words of some blocks that were drawn already, as far as there is room for them.

    Walks of several programs over them have the same words, and to make them takes a quarter of a draw.
    """

    def __init__(self) -> None:
        self._words: dict[tuple[str, int], StepWords] = {}
        self._uniforms: dict[tuple[str, int], Floats] = {}
        self._bytes = 0
        self._uniform_bytes = 0

    def words(self, node: str, step: int, make: Callable[[int], StepWords]) -> StepWords:
        """A step's words of a node, made unless known: shapes (trials,), (trials of the pattern,) and (blocks, 1)."""
        if (node, step) in self._words:
            return self._words[node, step]
        words = make(step)
        if self._bytes + words[0].nbytes <= MOST_WORD_BYTES:
            self._words[node, step] = words
            self._bytes += words[0].nbytes
        return words

    def uniforms(self, node: str, step: int, make: Callable[[], Floats]) -> Floats:
        """The words of a node at a step as numbers, shape (trials,), which the caller may overwrite."""
        key = node, step
        if key not in self._uniforms:
            uniforms = make()
            if self._uniform_bytes + uniforms.nbytes > MOST_UNIFORM_BYTES:
                return uniforms
            self._uniforms[key] = uniforms
            self._uniform_bytes += uniforms.nbytes
        return self._uniforms[key].copy()


class RandomStream:
    """The random words of one node, one block after the other, or several neighbouring blocks at a time.

    Args:
        seed, node: whose they are.
        trials: of the run.
        set_size: trials of a set, a power of two up to 64; the last set may have fewer.

    Attributes:
        trials: of the blocks that have begun; only where there is one can it have fewer than `BLOCK`.
    """

    def __init__(self, seed: int, node: str, trials: int, set_size: int = 1) -> None:
        self._run_trials = trials
        self._node = node
        self._memory: WordMemory | None = None
        self._set_size = set_size
        self._key = f"{seed}/{node}/".encode()
        self._generators: list[np.random.SFC64] = []
        self._draws_per_step = BLOCK // set_size // _HALVES_PER_DRAW + 1
        self._next_step = 0
        import_uninterrupted("numpy.random")

    def begin(self, blocks: range, memory: WordMemory | None = None) -> None:
        """Go to the first step of some blocks; the bits of a step of each are those of a full one.

        Args:
            blocks: neighbours.
            memory: of what was drawn of them before.
        """
        self._memory = memory
        self.trials = min(len(blocks) * BLOCK, self._run_trials - blocks.start * BLOCK)
        self._next_step = 0
        while len(self._generators) < len(blocks):
            self._generators.append(np.random.SFC64(_placeholder_seed()))
        del self._generators[len(blocks) :]
        for block, generator in zip(blocks, self._generators, strict=True):
            _seed_generator(generator, self._key + str(block).encode())

    def words_at(self, step: int) -> RandomWords:
        """The words of a step; steps come in their order."""
        return RandomWords(self, step)

    def step_words(self, step: int) -> StepWords:
        """The words of a step: shapes (trials,), (trials of the pattern,) and (blocks, 1)."""
        if self._memory is None:
            return self.make_step_words(step)
        return self._memory.words(self._node, step, self.make_step_words)

    def uniforms(self, step: int, make: Callable[[], Floats]) -> Floats:
        """A step's words as numbers, shape (trials,), made unless they are remembered."""
        return make() if self._memory is None else self._memory.uniforms(self._node, step, make)

    def make_step_words(self, step: int) -> StepWords:
        """Draw the words of a step: shapes (trials,), (trials of the pattern,) and (blocks, 1)."""
        if step > self._next_step:
            for generator in self._generators:
                generator.random_raw((step - self._next_step) * self._draws_per_step, output=False)
        self._next_step = step + 1
        drawn = np.array([generator.random_raw(self._draws_per_step) for generator in self._generators]).view(np.uint16)
        upper, lower = _draw_patterns(self._key, step // _PATTERN_STEPS, self._set_size)[:, step % _PATTERN_STEPS]
        trials = self.trials // len(drawn)
        pattern_trials = -(-trials // _PATTERN_TRIALS) * _PATTERN_TRIALS
        words = drawn[:, : pattern_trials // self._set_size].repeat(self._set_size, axis=1).reshape(-1, _PATTERN_TRIALS)
        words ^= upper
        return words.reshape(-1)[: self.trials], lower, drawn[:, -1:].copy()


@lru_cache(maxsize=128)
def _draw_patterns(key: bytes, part: int, set_size: int) -> Halves:
    """The pattern of a node at some neighbouring steps: shape (halves, steps, trials), the upper half first.

    Args:
        key: names the seed and the node.
        part: which steps: the first, second, ... so many.
        set_size: as in `RandomStream`.
    """
    generator = np.random.SFC64(_placeholder_seed())
    _seed_generator(generator, b"pattern/" + key + str(part).encode())
    size = _PATTERN_STEPS * _PATTERN_TRIALS
    halves = generator.random_raw(2 * size // _HALVES_PER_DRAW).view(np.uint16).reshape(2, -1, set_size)
    picks = generator.random_raw(size // set_size) >> np.uint64(64 - _ORDER_BITS)
    halves[0] >>= np.uint16(set_size.bit_length() - 1)
    halves[0] |= _stratum_starts(set_size).take(picks.astype(np.intp), axis=0)
    return halves.reshape(2, _PATTERN_STEPS, _PATTERN_TRIALS)


def _seed_generator(generator: np.random.SFC64, name: bytes) -> None:
    """Set a generator to the start of the stream of a name."""
    generator.state = {
        "bit_generator": "SFC64",
        "state": {"state": np.frombuffer(hashlib.sha256(name).digest(), dtype="<u8").astype(np.uint64)},
        "has_uint32": 0,
        "uinteger": 0,
    }


@cache
def _placeholder_seed() -> np.random.SeedSequence:
    """A seed for new generators whose state is set next; common to all, since it takes the longest to make."""
    return np.random.SeedSequence(0)


@lru_cache(maxsize=8)
def _stratum_starts(size: int) -> Halves:
    """Where strata start in units of 2^-16, in random orders, the same in every process: shape (orders, strata)."""
    drawn: npt.NDArray[np.uint64] = np.random.SFC64(size).random_raw(size << _ORDER_BITS).reshape(-1, size)
    return (drawn.argsort(axis=1) * (_HALF_VALUES // size)).astype(np.uint16)


class RandomWords:
    """The words of a node at a step, drawn when they are first asked for."""

    __slots__ = ("_step", "_step_words", "_stream")

    def __init__(self, stream: RandomStream, step: int) -> None:
        self._stream = stream
        self._step = step
        self._step_words: StepWords | None = None

    def _get_words(self) -> StepWords:
        if self._step_words is None:
            self._step_words = self._stream.step_words(self._step)
        return self._step_words

    @property
    def upper(self) -> Halves:
        """The upper half of each trial's word, shape (trials,)."""
        return self._get_words()[0]

    def lower(self) -> Halves:
        """The lower halves of the words, shape (trials,)."""
        upper, pattern, changed_by = self._get_words()
        return np.tile(pattern ^ changed_by, BLOCK // _PATTERN_TRIALS).reshape(-1)[: len(upper)]

    def lower_of_trial(self, trial: int) -> int:
        """The lower half of one trial's word, faster than by numpy for a few trials."""
        _, pattern, changed_by = self._get_words()
        return int(pattern[trial % _PATTERN_TRIALS]) ^ int(changed_by[trial // BLOCK, 0])

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
        words: the words, which are the same for all of them.
        programs: how many there are.
    """

    def __init__(self, words: RandomWords, programs: int) -> None:
        self.words = words
        self._programs = programs

    @property
    def upper(self) -> Halves:
        """As in `RandomWords`, shape (programs * trials,)."""
        return np.tile(self.words.upper, self._programs)

    def lower(self) -> Halves:
        """As in `RandomWords`, shape (programs * trials,)."""
        return np.tile(self.words.lower(), self._programs)

    def lower_of_trial(self, trial: int) -> int:
        """As in `RandomWords`."""
        return self.words.lower_of_trial(trial % len(self.words.upper))

    @property
    def uniforms(self) -> Floats:
        """As in `RandomWords`, shape (programs * trials,)."""
        return np.tile(self.words.uniforms, self._programs)

    @property
    def normals(self) -> Floats:
        """As in `RandomWords`, shape (programs * trials,)."""
        return np.tile(self.words.normals, self._programs)


def _normal_quantile(shares: Floats) -> Floats:
    """The inverse of the standard normal's distribution function to 7 digits (AS 241, PPND7), shape (trials,)."""
    off_middle = shares - 0.5
    square = off_middle * off_middle
    np.subtract(0.180625, square, out=square)
    normals = _polynomial((59.109374720, 159.29113202, 50.434271938, 3.3871327179), square)
    normals /= _polynomial((67.187563600, 78.757757664, 17.895169469, 1.0), square)
    normals *= off_middle
    (tail_places,) = (np.abs(off_middle) > 0.425).nonzero()
    tail, side = shares[tail_places], off_middle[tail_places]
    distance = np.sqrt(-np.log(np.minimum(tail, 1.0 - tail)))
    near, far = distance - 1.6, np.maximum(distance - 5.0, 0.0)
    tails = _polynomial((0.17023821103, 1.3067284816, 2.7568153900, 1.4234372777), near)
    tails /= _polynomial((0.12021132975, 0.73700164250, 1.0), near)
    if far.any():
        further = _polynomial((0.017337203997, 0.42868294337, 3.0812263860, 6.6579051150), far)
        further /= _polynomial((0.012258202635, 0.24197894225, 1.0), far)
        tails = np.where(far > 0.0, further, tails)
    normals[tail_places] = np.copysign(tails, side)
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
