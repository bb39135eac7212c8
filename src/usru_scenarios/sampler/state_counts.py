"""In how many trials of each group the nodes are in each of their states, for all nodes of a step at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation.batches import Floats

_FEW_WORDS = 8
"""The most words of bits in a batch that are added up one after the other, for all batches at a time."""


class StateCounts:
    """Counts the states of nodes in the trials of neighbouring blocks.

    The first state of a node is what its others leave of a group, so that it needs no counting.

    Args:
        columns: of some nodes, where their states stand among the quantities that are summed.
        starts: where in the trials the groups start.
        trials: of each group, shape (groups,).
    """

    def __init__(self, columns: Mapping[str, slice], starts: npt.NDArray[np.int64], trials: Floats) -> None:
        self.starts = starts
        self.trials = trials
        sizes = [part.stop - part.start - 1 for part in columns.values()]
        self._first_columns = [part.start for part in columns.values()]
        self._other_columns = [column for part in columns.values() for column in range(part.start + 1, part.stop)]
        stops = np.cumsum(sizes, dtype=np.int64).tolist()
        self._rows = {name: slice(stop - size, stop) for name, size, stop in zip(columns, sizes, stops, strict=True)}
        self._rows_by_state = [
            (
                [node for node, size in enumerate(sizes) if size > state],
                [stop - size + state for stop, size in zip(stops, sizes, strict=True) if size > state],
            )
            for state in range(max(sizes, default=0))
        ]  # for the first of the other states, the second, ...: the nodes that have it, and the rows of it
        self._states = {size: np.arange(1, size + 1, dtype=np.uint8)[:, None] for size in sizes}
        self._in_state = np.empty((sum(sizes), int(trials.sum())), dtype=np.bool_)

    def record(self, name: str, states: npt.NDArray[np.uint8]) -> None:
        """Take in the states of a node, shape (trials,)."""
        rows = self._rows[name]
        np.equal(states, self._states[rows.stop - rows.start], out=self._in_state[rows])

    def write(self, sums: Floats) -> None:
        """Write how many trials were in each state that was noted, shape (groups, quantities)."""
        first_counts = np.repeat(self.trials[None], len(self._first_columns), axis=0)
        if self._other_columns:
            counts = sums[:, self._other_columns] = count_by_batch(self._in_state, self.starts)
            for nodes, rows in self._rows_by_state:  # many times faster than `reduceat` over the states of each node
                first_counts[nodes] -= counts.T[rows]
        sums[:, self._first_columns] = first_counts.T


def count_by_batch(holds: npt.NDArray[np.bool_], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.integer[Any]]:
    """In how many trials of each batch some things hold, from shape (things, trials) to (batches, things).

    Bits are counted where a word of them, of 8 to 64, never lies in two batches.
    """
    batch_bits = int(np.bitwise_or.reduce(starts)) | holds.shape[-1] | 64
    word_bits = batch_bits & -batch_bits
    if word_bits < 8:
        return np.add.reduceat(holds.view(np.uint8), starts, axis=-1, dtype=np.uint16).T
    by_word: npt.NDArray[np.uint8] = np.bitwise_count(np.packbits(holds, axis=-1).view(f"u{word_bits // 8}"))
    words_per_batch, rest = divmod(by_word.shape[1], len(starts))
    is_even = not rest and np.array_equal(starts, words_per_batch * word_bits * np.arange(len(starts)))
    if words_per_batch > _FEW_WORDS or not is_even:
        return np.add.reduceat(by_word, starts // word_bits, axis=-1, dtype=np.uint16).T
    sums = by_word[:, ::words_per_batch].astype(np.uint16)  # of few words: ten times faster than `reduceat`
    for word in range(1, words_per_batch):
        sums += by_word[:, word::words_per_batch]
    return sums.T
