"""What walks over the same block have in common is drawn once: method (10).

The words of a node at a step follow from seed, block and node. So where its law is the same and all that it reads was
drawn alike, its states are the same, in whatever program. The first walk over a block is remembered, within a bound in
bytes; those that follow, under the same plan, take from it what they would draw alike. The words
themselves are the same in all of them, whatever the laws, and are made once as well.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from itertools import count

import numpy as np

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.sampler.kernels import FixedState
from usru_scenarios.sampler.outcome import Transition
from usru_scenarios.sampler.rng import WordMemory
from usru_scenarios.sampler.tables import BlockStates, CurveMemory

MOST_BYTES = 1 << 26
"""The most memory for the draws of all blocks; those of the earliest are forgotten first."""

NodeInputs = Sequence[tuple[int, int]]
"""The nodes that one reads, by their places in `BlockStates`, each with its lag."""


@dataclass(frozen=True, eq=False)
class NodeDraw:
    """What was drawn of a node at a step.

    Attributes:
        draw_id: no other draw has it; it stands for the states where what was drawn from them is told apart.
        states, latent: as in `BlockStates`, shape (trials,), or None.
        transition: of the outcome, as compiled, or None.
    """

    draw_id: int
    states: object
    latent: object
    transition: Transition | None

    @property
    def bytes(self) -> int:
        """The most memory that it takes."""
        parts = (self.states, self.latent, *(() if self.transition is None else vars(self.transition).values()))
        return sum(part.nbytes for part in parts if isinstance(part, np.ndarray))


class SharedDraws:
    """The first walk over each block, as far as there is room for it; in another process nothing has been drawn yet."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.draw_ids = count(1)
        self._most_bytes = most_bytes
        self._blocks: dict[Hashable, dict[Hashable, NodeDraw]] = {}
        self._bytes: dict[Hashable, int] = {}
        self._curves: dict[Hashable, CurveMemory] = {}
        self._words: tuple[Hashable, WordMemory] = None, WordMemory()

    def __reduce__(self) -> tuple[type[SharedDraws], tuple[int]]:
        return SharedDraws, (self._most_bytes,)

    def begin_walk(self, block: Hashable, block_states: BlockStates) -> WalkDraws:
        """For a walk; `block` names all that the words of the block and its draws of the judgements follow from."""
        is_first = block not in self._blocks
        if is_first:
            self._blocks[block], self._curves[block] = {}, CurveMemory(partial(self._make_room, block))
        block_states.curve_memory = self._curves[block]
        return WalkDraws(self, block, block_states, is_first=is_first)

    def word_memory(self, block: Hashable) -> WordMemory:
        """The words of some blocks, named as for `begin_walk`, whoever walks them; those of others are forgotten."""
        if self._words[0] != block:
            self._words = block, WordMemory()
        return self._words[1]

    def draws_of_block(self, block: Hashable) -> dict[Hashable, NodeDraw]:
        """The draws of a block."""
        return self._blocks.get(block, {})

    def remember(self, block: Hashable, key: Hashable, draw: NodeDraw) -> None:
        """Add a draw of a block if there is room for it."""
        if self._make_room(block, draw.bytes):
            self._blocks[block][key] = draw
            if draw.latent is not None:
                assert isinstance(draw.states, np.ndarray), "a node that has latent normals was drawn"
                self._curves[block].track(draw.states)

    def _make_room(self, block: Hashable, more: int) -> bool:
        """Whether there is room for so many bytes more of a block, once those of earlier ones are forgotten."""
        while sum(self._bytes.values()) + more > self._most_bytes and self._bytes.keys() - {block}:
            earliest = next(other for other in self._bytes if other != block)
            del self._bytes[earliest], self._blocks[earliest], self._curves[earliest]
        fits = self._bytes.get(block, 0) + more <= self._most_bytes
        if fits:
            self._bytes[block] = self._bytes.get(block, 0) + more
        return fits


class WalkDraws:
    """What a walk over a block has drawn, and what it need not draw.

    Args:
        shared: what other walks have drawn.
        block, block_states: the block, and its trials in this walk.
        is_first: whether it is the walk that is remembered.
    """

    def __init__(self, shared: SharedDraws, block: Hashable, block_states: BlockStates, *, is_first: bool) -> None:
        self.shared = shared
        self.block = block
        self.block_states = block_states
        self.is_first = is_first
        self.now = [0] * len(block_states.now)
        self.before = self.now

    def advance(self) -> None:
        """Begin a new step; what is drawn otherwise than by `draw_once` is like nothing else."""
        self.before, self.now = self.now, [next(self.shared.draw_ids)] * len(self.now)

    def draw_once(
        self,
        place: tuple[int, str],
        kernel: Hashable,
        inputs: NodeInputs,
        draw: Callable[[], tuple[Transition | None, object]],
    ) -> Transition | None:
        """Draw a node, unless another walk has drawn it alike; gives the outcome's transition, where it is that.

        Args:
            place: the step and the node.
            kernel: that draws it.
            inputs: what it reads besides its words, itself first.
            draw: sets it in the trials of the block.
        """
        key, (index, _) = self._draw_key(place, kernel, inputs), inputs[0]
        earlier_draw = None if self.is_first else self.shared.draws_of_block(self.block).get(key)
        if earlier_draw is not None:
            self.now[index] = earlier_draw.draw_id
            self.block_states.now[index], self.block_states.latent[index] = earlier_draw.states, earlier_draw.latent
            return copy.copy(earlier_draw.transition)
        transition, _ = draw()
        self.now[index] = draw_id = next(self.shared.draw_ids)
        if self.is_first:
            states, latent = self.block_states.now[index], self.block_states.latent[index]
            self.shared.remember(self.block, key, NodeDraw(draw_id, states, latent, copy.copy(transition)))
        return transition

    def _draw_key(self, place: tuple[int, str], kernel: Hashable, inputs: NodeInputs) -> Hashable:
        """A key for all that the states of a node follow from; kernels compiled separately count as different."""
        if isinstance(kernel, FixedState):
            return place, kernel
        return place, kernel, *(self.before[index] if lag else self.now[index] for index, lag in inputs)
