"""Trials are drawn in blocks, each of which goes over the steps once: one way for models of one step and of many.

At each step of a block every node is drawn for all its trials, from the program's laws compiled to kernels, and the
step is shown to an observer, which makes sums of it. Randomness: each node has a stream of its own for each (seed,
block), and within it each (step, trial) has fixed words, used or not, stratified in sets of trials: method (7). Sets
are independent, and so are batches, which are made of whole ones. Sums of blocks are added in their order, whatever
maps over them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property, partial
from threading import RLock
from typing import Protocol, TypeVar, overload

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation.batches import TrialBatches
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import UsruError
from usru_scenarios.program.laws import JUDGEMENTS
from usru_scenarios.program.program import Floats, Node, NumericNode, Program
from usru_scenarios.sampler import rng
from usru_scenarios.sampler.kernels import FactoredKernel, StackedKernel, compile_kernel
from usru_scenarios.sampler.numeric import NumericKernel
from usru_scenarios.sampler.outcome import NodeKernel, OutcomeKernel, Transition, draw_scenario
from usru_scenarios.sampler.restrictions import RestrictedDraws, Restriction
from usru_scenarios.sampler.rng import RepeatedWords
from usru_scenarios.sampler.shared_draws import NodeInputs, SharedDraws
from usru_scenarios.sampler.tables import BlockStates, LogWeightEvaluator, TableCache
from usru_scenarios.work import least_pieces

BLOCK = rng.BLOCK
"""Trials in a block; part of the format, since it decides which words a trial gets."""

SECONDS_PER_DRAW = 1e-8
"""Sampling's time for a trial, node and step: a fixed rate, so that no choice that rests on it depends on a clock."""

_FEW_SCENARIOS = 8
"""Of more scenarios than these, the law of each takes as long as a draw."""

_SECONDS_PER_CALL = 4e-5
"""Predicted time for a node and step of a block beside its draws, the compiling of the law included."""

MOST_BYTES = 1 << 30
"""A run that would hold more is refused."""

_RETAINED, _PAGE = 3 << 20, 1 << 9
"""Numbers of 8 bytes in an array that is made and dropped before a block is walked. From then on glibc keeps as much
freed memory, which would else go back to the system at every step and be asked for, page by page, at the next.

A second one, smaller by a page, then comes out of what is kept, and numpy asks the system for large pages (of 2 MB) for
it, as for all large arrays. What is drawn later lies in them: the system hands out ten pages instead of five thousand,
each of which takes it some microseconds. Where a system knows no such things, nothing is lost."""

_MOST_JOINED_BLOCKS = 4
"""The most blocks that are walked together: their small integers just fit into the cache of a core."""
_MOST_JOINED_SECONDS = 0.5
_MOST_JOINED_BYTES = 1 << 25
"""The most time and memory that blocks which are walked together may take, by prediction."""

_MOST_BATCHES = 1024
_LEAST_BATCHES = 64
_MOST_BATCH_ENTRIES = 1 << 20
_SET_SIZES = (64, 32, 16, 8, 4, 2, 1)
"""Trials that a set of those can have whose words are stratified: parts of a block, so that none is in two."""
_LEAST_SETS = 128
"""The least number of sets: errors come from between batches, which are made of whole ones."""


@dataclass(frozen=True)
class Plan:
    """How much to run: the number of trials (>= 1), the seed (>= 0), and for how many draws of the judgements.

    With uncertain judgements each draw of them has as many trials, one after the other, in two halves that tell how
    much of what a draw gives is noise: the trials must be twice a multiple of the draws (see `of`).

    Attributes:
        initial_trials: of a run that is drawn on, the trials that it had at first; 0 for those that it has.
    """

    trials: int
    seed: int
    judgements: int = 0
    initial_trials: int = 0

    @classmethod
    def of(cls, trials: int, seed: int, judgements: int) -> Plan:
        """At least as many trials, for draws of the judgements that have the same number each.

        Half a draw has up to an eighth more, that it is made of larger sets of trials (see `set_size`).
        """
        if not judgements:
            return cls(trials, seed)
        half = -(-trials // (2 * judgements))
        unit = next(size for size in _SET_SIZES if size == 1 or 8 * size <= half)
        return cls(2 * judgements * unit * -(-half // unit), seed, judgements)

    def with_trials(self, trials: int) -> Plan:
        """The same with other trials, at least so many; without judgements those that both have are the same."""
        if self.judgements:
            return Plan.of(trials, self.seed, self.judgements)
        return replace(self, trials=trials, initial_trials=self.initial_trials or self.trials)

    @cached_property
    def set_size(self) -> int:
        """Trials of a set, of whose words one lies in each of as many parts of [0, 1): method (7).

        It follows from the trials and judgements alone, so that all that is asked under a plan has the same words.
        """
        if not self.judgements:
            most = (self.initial_trials or self.trials) // _LEAST_SETS
            return next(size for size in _SET_SIZES if size <= max(most, 1))
        half = self.trials // (2 * self.judgements)
        return next(size for size in _SET_SIZES if not half % size)

    @property
    def blocks(self) -> int:
        """How many blocks the trials fill, the last perhaps in part."""
        return -(-self.trials // BLOCK)

    def trials_in(self, block: int) -> int:
        """The trials of a block."""
        return min(BLOCK, self.trials - block * BLOCK)

    def judgements_in(self, block: int) -> npt.NDArray[np.int64]:
        """Which draw of the judgements each trial of a block has, shape (trials,)."""
        return (block * BLOCK + np.arange(self.trials_in(block))) // (self.trials // self.judgements)

    def batches(self, entries: int) -> TrialBatches:
        """The batches, of each of which so many numbers are kept: method (21).

        Some thousand make errors precise; where much is kept they are fewer, so that memory stays small. A draw of the
        judgements has two. They hold whole sets of trials (see `set_size`), so that they are independent.
        """
        if self.judgements:
            return TrialBatches(self.trials // (2 * self.judgements), self.trials, BLOCK)
        most = max(_LEAST_BATCHES, min(_MOST_BATCHES, _MOST_BATCH_ENTRIES // entries))
        size = self.set_size
        while -(-self.trials // size) > most:
            size *= 2
        return TrialBatches(size, self.trials, BLOCK)


Sums = TypeVar("Sums")
AnyObserver = TypeVar("AnyObserver", bound="Observer")

StepKernels = list[list[NodeKernel]]
"""For each step, the kernels of all nodes that are drawn, in order."""

FindKernels = Callable[[range], StepKernels | None]
"""The kernels of neighbouring blocks that are walked together; None where they are not at hand."""


@dataclass(frozen=True)
class CompiledProgram:
    """A program and a plan, with the kernels of all nodes where they are at hand.

    Attributes:
        find_kernels: gives the kernels of blocks; called only for those that a sampler of this program and plan walks.
    """

    program: Program
    plan: Plan
    find_kernels: FindKernels

    def finder_for(self, program: Program, plan: Plan, needed: Sequence[str]) -> FindKernels:
        """A function to find the kernels of some nodes of a program that may end earlier; without any for another."""
        own_nodes, other_nodes = self.program.nodes, program.nodes
        if plan != self.plan or program.weights is not self.program.weights or [*own_nodes] != [*other_nodes]:
            return _no_kernels
        if any(node is not other_nodes[name] for name, node in own_nodes.items()):
            return _no_kernels
        places = [place for place, name in enumerate(own_nodes) if name in needed]

        @cache
        def find_needed(blocks: range) -> StepKernels | None:
            by_step = self.find_kernels(blocks if plan.judgements else range(plan.blocks))
            if by_step is None or (len(needed) == len(own_nodes) and program.steps == self.program.steps):
                return by_step
            return [[kernels[place] for place in places] for kernels in by_step[: program.steps]]

        return find_needed


def _no_kernels(_blocks: range) -> None:
    """No kernels are at hand."""


class MapBlocks(Protocol):
    """Applies a function to block numbers: `map`, or one over processes or a cluster; it may be a `work.Listener`."""

    def __call__(self, function: Callable[[int], Sums], blocks: Iterable[int], /) -> Iterable[Sums]:
        """The results, in the order of the blocks."""


class KernelCache:
    """Compiled laws, shared by the samplers of programs that have nodes in common: each law is compiled once.

    Args:
        shared_draws: where the programs are walked one after the other, what walks over a block have in common.
        tables: those already made.
        compiled_program: a program with all of its kernels, where an earlier run has kept them.
    """

    def __init__(
        self,
        shared_draws: SharedDraws | None = None,
        tables: TableCache | None = None,
        compiled_program: CompiledProgram | None = None,
    ) -> None:
        self.shared_draws = shared_draws
        self.compiled_program = compiled_program
        self._kernels: dict[tuple[Node, object, bool], NodeKernel] = {}
        self._kernels_by_step: dict[tuple[Node, int, int], tuple[object, list[NodeKernel]]] = {}
        self._tables = tables or TableCache()
        self._last_block: tuple[range, dict[Node, Node], KernelCache] | None = None
        self.walk_lock = RLock()
        """Held by whoever walks a block: streams, shared draws and kernels are those of one walk at a time."""

    def for_block(self, draws: range) -> tuple[dict[Node, Node], KernelCache]:
        """The nodes for some draws of the judgements (`CategoricalNode.select_draws`), and the kernels made of them.

        Those of the block before are forgotten; tables in which nothing is drawn are kept.
        """
        if self._last_block is None or self._last_block[0] != draws:
            self._last_block = draws, {}, KernelCache(tables=TableCache(self._tables))
        return self._last_block[1:]

    def copy(self) -> KernelCache:
        """A copy with the same kernels, to which more can be added; the shared draws and the lock stay common."""
        other = KernelCache(self.shared_draws, self._tables.copy())
        other._kernels.update(self._kernels)
        other._kernels_by_step.update(self._kernels_by_step)
        other.walk_lock = self.walk_lock
        return other

    def independent_copy(self) -> KernelCache:
        """A cache of the same kernels, present and future, for walks that may be under way at the same time."""
        other = KernelCache(tables=self._tables)
        other._kernels = self._kernels
        return other

    def __reduce__(self) -> tuple[type[KernelCache], tuple[SharedDraws | None]]:
        """None are sent to another process: the nodes are others there, and kernels are soon compiled again."""
        return KernelCache, (self.shared_draws,)

    def kernel(
        self, program: Program, node: Node, step: int, index: Mapping[str, int], *, restricted: bool
    ) -> NodeKernel:
        """The kernel of a node at a step; `index` gives each node's place in `BlockStates`."""
        key = (node, program.law_key(node, step), restricted)
        if key not in self._kernels:
            self._kernels[key] = self._compile(program, node, step, index, restricted=restricted)
        return self._kernels[key]

    def kernels_by_step(self, program: Program, node: Node, index: Mapping[str, int]) -> list[NodeKernel]:
        """The kernels of an unrestricted node at all steps; most programs have most nodes in common."""
        key = node, id(program.weights), program.steps
        if key not in self._kernels_by_step:
            kernels = [self.kernel(program, node, step, index, restricted=False) for step in range(program.steps)]
            self._kernels_by_step[key] = program.weights, kernels  # the weights keep their identity while they are here
        return self._kernels_by_step[key][1]

    def _compile(
        self, program: Program, node: Node, step: int, index: Mapping[str, int], *, restricted: bool
    ) -> NodeKernel:
        if isinstance(node, NumericNode):
            return NumericKernel(node, step, index)
        law = program.law(node, step)
        if node.name == OUTCOME:
            varying = program.varying_weights
            return OutcomeKernel(law, lambda law: LogWeightEvaluator(law, index, self._tables, varying))
        return FactoredKernel(law, index, self._tables) if restricted else compile_kernel(law, index, self._tables)


class BlockRanges(Sequence[range]):
    """The ranges of blocks that are walked together, in the order of the blocks; a run may have millions of them.

    Args:
        blocks: how many there are.
        full: how many of them have all their trials; each of the others is a range of its own.
        blocks_per_walk: how many of the full ones make a range; the last range perhaps fewer.
    """

    def __init__(self, blocks: int, full: int, blocks_per_walk: int) -> None:
        self._joined_ranges = range(0, full, blocks_per_walk)
        self._single_blocks = range(full, blocks)

    def __len__(self) -> int:
        return len(self._joined_ranges) + len(self._single_blocks)

    @overload
    def __getitem__(self, number: int, /) -> range: ...
    @overload
    def __getitem__(self, number: slice, /) -> list[range]: ...
    def __getitem__(self, number: int | slice, /) -> range | list[range]:
        if isinstance(number, slice):
            return [self[place] for place in range(len(self))[number]]
        number = range(len(self))[number]
        if number < len(self._joined_ranges):
            start = self._joined_ranges[number]
            return range(start, min(start + self._joined_ranges.step, self._joined_ranges.stop))
        start = self._single_blocks[number - len(self._joined_ranges)]
        return range(start, start + 1)


class BlockSampler:
    """A program compiled for drawing: walks blocks of trials over the steps and shows each step to whoever watches.

    Args:
        program: what to draw.
        plan: whose streams.
        draw_outcome: whether the scenario is drawn too, which other nodes or an observation may need.
        restrictions: by step and node, what a draw is held to; its probability goes into the trial's weight.
        needed: the nodes to draw, all others being left out; by default all.
        kernels: those already compiled for programs that this one has nodes in common with.
        observer_bytes: what the observers keep.
        other_programs: of the same nodes, steps and outcome, which are walked together with it: their trials stand
            beside its own, and are the same as if each were walked alone. Then nothing is restricted.

    Raises:
        TooMuchMemoryError: a block would take more than `MOST_BYTES`.
    """

    def __init__(
        self,
        program: Program,
        plan: Plan,
        *,
        draw_outcome: bool,
        restrictions: Mapping[tuple[int, str], Restriction] | None = None,
        needed: frozenset[str] | None = None,
        kernels: KernelCache | None = None,
        observer_bytes: int = 0,
        other_programs: Sequence[Program] = (),
    ) -> None:
        self.program = program
        self.programs = (program, *other_programs)
        self.plan = plan
        self.draw_outcome = draw_outcome
        self.restrictions = restrictions or {}
        self.needed = [name for name in program.nodes if needed is None or name in needed]
        self.index = {name: index for index, name in enumerate((*program.nodes, JUDGEMENTS))}
        self._least_pieces = 1
        self.kernel_cache = KernelCache() if kernels is None else kernels
        self.streams = {name: rng.RandomStream(plan.seed, name, plan.trials, plan.set_size) for name in self.needed}
        require_memory(self.bytes + observer_bytes)

    def __getstate__(self) -> dict[str, object]:
        """Kernels are not sent to another process."""
        compiled = ("_permanent_kernels", "_find_compiled_kernels")
        return {name: value for name, value in vars(self).items() if name not in compiled}

    @cached_property
    def blocks_per_walk(self) -> int:
        """How many neighbouring blocks are walked at a time: each call of numpy then draws for all of their trials.

        It changes no digit. There are fewer where that would take long, so that there is work to hand out, or much
        memory, or where pieces are wanted (see `split_for`); one where more than states is drawn of a block, or a draw
        of the judgements lies in two blocks.
        """
        plan = self.plan
        if self.restrictions or len(self.programs) > 1 or self.kernel_cache.shared_draws is not None:
            return 1
        if plan.judgements and BLOCK % (plan.trials // plan.judgements):
            return 1
        most = min(_MOST_JOINED_BLOCKS, int(_MOST_JOINED_SECONDS / self.seconds_each), _MOST_JOINED_BYTES // self.bytes)
        most = max(1, most)
        if self._least_pieces == 1:
            return most
        full = plan.trials // BLOCK
        ranges = self._least_pieces * -(-full // (self._least_pieces * most))
        return max(1, -(-full // max(1, ranges)))

    def split_for(self, map_blocks: MapBlocks, seconds: float) -> None:
        """Have as many block ranges as what maps over them wants (see `work.least_pieces`); called first.

        Args:
            map_blocks: what maps.
            seconds: what a block is predicted to take.
        """
        self._least_pieces = least_pieces(map_blocks, seconds * self.plan.blocks)

    @cached_property
    def block_ranges(self) -> BlockRanges:
        """The blocks, by those that are walked together; one that is not full stands alone."""
        return BlockRanges(self.plan.blocks, self.plan.trials // BLOCK, self.blocks_per_walk)

    def range_kernels(self, blocks: range) -> StepKernels | None:
        """As `kernels`, of neighbouring blocks; None where theirs are too different to be made one."""
        if (compiled := self._find_compiled_kernels(blocks)) is not None:
            return compiled
        if len(blocks) == 1 or not self.plan.judgements:
            return self.kernels(blocks.start)
        from usru_scenarios.sampler.joined_kernels import IncompatibleKernelsError, KernelJoiner

        by_block = [self.kernels(block) for block in blocks]
        joiner, numeric_kernels = KernelJoiner(), self._numeric_kernels(blocks)
        try:
            return [
                [
                    numeric_kernels[name][step] if name in numeric_kernels else joiner.join(kernels)
                    for name, kernels in zip(self.needed, zip(*of_step, strict=True), strict=True)
                ]
                for step, of_step in enumerate(zip(*by_block, strict=True))
            ]
        except IncompatibleKernelsError:
            return None

    def _numeric_kernels(self, blocks: range) -> dict[str, list[NodeKernel]]:
        """The kernels of numeric nodes by step, which are compiled alike however many draws a block has."""
        first, last = self.plan.judgements_in(blocks.start)[0], self.plan.judgements_in(blocks[-1])[-1]
        program, block_cache = self.program.select_draws(range(int(first), int(last) + 1)), KernelCache()
        return {
            name: self._compile_by_step(self.program, program, name, block_cache)
            for name in self.needed
            if isinstance(program.nodes[name], NumericNode)
        }

    def kernels(self, block: int) -> StepKernels:
        """For each step, the kernels of all nodes in order; a kernel is shared by the steps whose laws are equal."""
        if (compiled := self._find_compiled_kernels(range(block, block + 1))) is not None:
            return compiled
        if not self.plan.judgements:
            return self._permanent_kernels
        drawn = self.plan.judgements_in(block)
        draws = range(int(drawn[0]), int(drawn[-1]) + 1)
        nodes, block_cache = self.kernel_cache.for_block(draws)
        return self._compile_kernels([program.select_draws(draws, nodes) for program in self.programs], block_cache)

    @cached_property
    def _find_compiled_kernels(self) -> FindKernels:
        compiled_program = self.kernel_cache.compiled_program
        if compiled_program is None or self.restrictions or len(self.programs) > 1:
            return _no_kernels
        return compiled_program.finder_for(self.program, self.plan, self.needed)

    @cached_property
    def _permanent_kernels(self) -> StepKernels:
        return self._compile_kernels(self.programs, self.kernel_cache)

    def _compile_kernels(self, programs: Sequence[Program], block_cache: KernelCache) -> StepKernels:
        by_node = [self._compile_node(name, programs, block_cache) for name in self.needed]
        return [[by_step[step] for by_step in by_node] for step in range(self.program.steps)]

    def _compile_node(self, name: str, programs: Sequence[Program], block_cache: KernelCache) -> list[NodeKernel]:
        """The kernels of a node by step; where programs differ in it, each has its own."""
        by_law: dict[tuple[Node, int], list[NodeKernel]] = {}
        laws = []
        for full_program, program in zip(self.programs, programs, strict=True):
            laws.append((full_program.nodes[name], id(full_program.weights)))
            if laws[-1] not in by_law:
                is_permanent = program.nodes[name] is full_program.nodes[name]
                kernels = self.kernel_cache if is_permanent else block_cache
                by_law[laws[-1]] = self._compile_by_step(full_program, program, name, kernels)
        if len(by_law) == 1:
            return by_law[laws[0]]
        return [*map(cache(_stack_kernels), zip(*(by_law[law] for law in laws), strict=True))]

    def _compile_by_step(
        self, full_program: Program, program: Program, name: str, kernels: KernelCache
    ) -> list[NodeKernel]:
        """The kernels of a node of a program by step; `program` is the whole one or has what is drawn of a block."""
        if full_program is program and not self.restrictions:
            return kernels.kernels_by_step(program, program.nodes[name], self.index)
        by_regime: dict[object, NodeKernel] = {}
        by_step = []
        for step in range(program.steps):
            restricted = (step, name) in self.restrictions
            regime = full_program.law_key(full_program.nodes[name], step), restricted
            if regime not in by_regime:
                node = program.nodes[name]
                by_regime[regime] = kernels.kernel(program, node, step, self.index, restricted=restricted)
            by_step.append(by_regime[regime])
        return by_step

    @cached_property
    def _inputs(self) -> dict[str, NodeInputs]:
        """The places and lags of what each node's draw reads: first the node itself, with lag 1."""
        return {
            name: (
                (self.index[name], 1),
                *sorted((self.index[input_name], lag) for input_name, lag in self.program.nodes[name].links),
            )
            for name in self.needed
        }

    @property
    def seconds_each(self) -> float:
        """Predicted seconds for a block, from the number of draws alone."""
        extra_scenarios = max(0, len(self.program.outcome.states) - _FEW_SCENARIOS) if OUTCOME in self.needed else 0
        trials = len(self.programs) * self.plan.trials_in(0)
        return predict_block_seconds(len(self.needed) + extra_scenarios, self.program.steps, trials)

    @property
    def bytes(self) -> int:
        """Predicted memory for the trials of a block, and for the moves of the outcome in them."""
        scenarios = len(self.program.outcome.states) if OUTCOME in self.needed else 0
        move_numbers = scenarios * (3 if self.lumped else scenarios + 3)
        return 8 * len(self.programs) * self.plan.trials_in(0) * (len(self.needed) + move_numbers)

    @cached_property
    def lumped(self) -> bool:
        """Whether every step keeps all scenarios alike, and needs no whole matrix (see `outcome.LazyTransition`)."""
        outcome = self.program.outcome
        reads_itself = any(name == OUTCOME for name, _ in outcome.links)
        keep = outcome.persistence
        return not reads_itself and outcome.allowed is None and bool(np.all(keep == keep[..., :1]))

    def walk(self, block: int, observer: Observer) -> Floats:
        """Draw a block and show it, step by step.

        Returns:
            The weights of the trials, of all programs, shape (trials,): the probability of what their draws were
            restricted to, given each trial's past.
        """
        with self.kernel_cache.walk_lock:
            return self._walk(range(block, block + 1), self.kernels(block), observer)

    def walk_together(
        self,
        blocks: range,
        observers: Sequence[AnyObserver],
        join_observers: Callable[[Sequence[AnyObserver]], Observer] | None = None,
    ) -> Floats:
        """Draw one of the `block_ranges`, and show each block to an observer of its own; gives what `walk` does.

        The weights are of the trials of all blocks, shape (trials,).

        Args:
            blocks: the range.
            observers: of each of its blocks.
            join_observers: makes one observer of all; by default one that shows each its block.
        """
        with self.kernel_cache.walk_lock:
            kernels = self.range_kernels(blocks)
            if kernels is not None:
                join = join_observers or _BlockwiseObserver
                return self._walk(blocks, kernels, observers[0] if len(observers) == 1 else join(observers))
        return np.concatenate([self.walk(block, observer) for block, observer in zip(blocks, observers, strict=True)])

    def _walk(self, blocks: range, by_step: StepKernels, observer: Observer) -> Floats:
        np.empty(_RETAINED)
        np.empty(_RETAINED - _PAGE)
        trials = sum(map(self.plan.trials_in, blocks))
        draw_numbers = np.concatenate([*map(self.plan.judgements_in, blocks)]) if self.plan.judgements else None
        if draw_numbers is not None:
            draw_numbers -= draw_numbers[0]
        block_states = BlockStates(len(self.index), trials, draw_numbers, len(self.programs))
        restricted_draws = RestrictedDraws(self.restrictions, self.program, trials)
        weights = np.ones(block_states.trials)
        shared_draws, word_memory, walk_draws = self.kernel_cache.shared_draws, None, None
        if shared_draws is not None:
            word_memory = shared_draws.word_memory((self.plan, blocks))
            if len(self.programs) == 1:
                walk_draws = shared_draws.begin_walk((self.plan, blocks, self.draw_outcome), block_states)
        for stream in self.streams.values():
            stream.begin(blocks, word_memory)
        for step, kernels in enumerate(by_step):
            block_states.advance()
            if walk_draws is not None:
                walk_draws.advance()
            transition: Transition | None = None
            for name, node_kernel in zip(self.needed, kernels, strict=True):
                restriction = restricted_draws.restriction_at(step, name) if self.restrictions else None
                if walk_draws is None or restriction is not None:
                    node_transition, admitted = self._draw_node(step, name, node_kernel, block_states, restriction)
                    if admitted is not None:
                        weights *= admitted
                else:
                    draw = partial(self._draw_node, step, name, node_kernel, block_states, None)
                    node_transition = walk_draws.draw_once((step, name), node_kernel, self._inputs[name], draw)
                transition = transition or node_transition
            restricted_draws.advance(step, block_states)
            observer.observe(step, block_states, transition)
        return weights

    def _draw_node(
        self, step: int, name: str, node_kernel: NodeKernel, block_states: BlockStates, restriction: Restriction | None
    ) -> tuple[Transition | None, Floats | None]:
        """Draw a node at a step; gives the outcome's transition, and the probability of a restriction, (trials,)."""
        index, words = self.index[name], self.streams[name].words_at(step)
        if len(self.programs) > 1:
            words = RepeatedWords(words, len(self.programs))
        if not isinstance(node_kernel, OutcomeKernel):
            return None, node_kernel.draw(block_states, index, words, restriction)
        transition, admitted = node_kernel.transition(block_states), None
        if self.draw_outcome:
            admitted = draw_scenario(transition, block_states, index, words, restriction)
        return transition, admitted


def _stack_kernels(kernels: tuple[NodeKernel, ...]) -> NodeKernel:
    """The kernel of a node in several programs that are walked together, from that of each."""
    if len(set(kernels)) == 1:
        return kernels[0]
    node_kernels = [kernel for kernel in kernels if not isinstance(kernel, OutcomeKernel)]
    assert len(node_kernels) == len(kernels), "programs that are walked together have the same outcome"
    return StackedKernel(node_kernels)


def predict_block_seconds(nodes: int, steps: int, trials: int) -> float:
    """Predicted seconds for the nodes and steps of a block of trials."""
    return nodes * steps * (trials * SECONDS_PER_DRAW + _SECONDS_PER_CALL)


class Observer(Protocol):
    """Sees every step of a block, after all its nodes are drawn."""

    def observe(self, step: int, block_states: BlockStates, transition: Transition | None) -> None:
        """Take note of a step; the transition is the outcome's, where that is needed."""


class _BlockwiseObserver:
    """Shows a step of several blocks to an observer of each, as that of a block alone."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self.of_blocks = [(slice(n * BLOCK, (n + 1) * BLOCK), observer) for n, observer in enumerate(observers)]

    def observe(self, step: int, block_states: BlockStates, transition: Transition | None) -> None:
        """As in `Observer`."""
        for trials, observer in self.of_blocks:
            block_transition = None if transition is None else transition.select_trials(trials)
            observer.observe(step, block_states.select_trials(trials), block_transition)


class TooMuchMemoryError(UsruError):
    """What a run keeps would not fit into memory."""

    exit_status = 2


def require_memory(needed: int) -> None:
    """Let a run start only where what it is predicted to hold, in bytes, is within bounds.

    Raises:
        TooMuchMemoryError: it would take more than `MOST_BYTES`.
    """
    if needed > MOST_BYTES:
        message = f"usru: this run would need some {needed / 1e9:.1f} GB of memory"
        hint = "fewer draws of the judgements (--judgements), steps or scenarios need less"
        raise TooMuchMemoryError(message, hint)
