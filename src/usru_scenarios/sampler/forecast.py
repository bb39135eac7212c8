"""The sums of a forecast, by batches of trials: method (21).

The scenario's probabilities are carried along the drawn drivers where nothing that shapes the outcome reads it back,
so that only what the drivers leave open costs precision: method (14). Where the outcome feeds back, the scenario is
drawn and its probability is read one step ahead: method (15).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, partial
from itertools import accumulate, chain
from typing import Any

import numpy as np
import numpy.typing as npt

from usru_scenarios.estimation.batches import TrialBatches, batch_sizes, effective_trials, sum_by_batch
from usru_scenarios.estimation.estimates import (
    NO_CONTROLS,
    Controls,
    Estimate,
    Moments,
    SumIndex,
    sum_halves,
    with_control_variates,
)
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.latent_scale import LatentScale
from usru_scenarios.program.program import CategoricalNode, Floats, Node, NumericNode, Program
from usru_scenarios.sampler.blocks import (
    BLOCK,
    SECONDS_PER_DRAW,
    BlockRanges,
    BlockSampler,
    KernelCache,
    MapBlocks,
    Plan,
    require_memory,
)
from usru_scenarios.sampler.outcome import MANY_SCENARIOS, BatchedProducts, Transition
from usru_scenarios.sampler.outcome_paths import OutcomePath, RaoBlackwellPath, SampledPath
from usru_scenarios.sampler.state_counts import StateCounts, count_by_batch
from usru_scenarios.sampler.tables import BlockStates, States

BINS = 2048
"""Bins in which the values of a numeric node are counted at each step."""

EDGES = np.array([-1.6449, -1.0364, -0.6745, -0.3853, 0.0, 0.3853, 0.6745, 1.0364, 1.6449])
"""Latent normals of the quantiles at .05, .15, .25, .35, .5, ..., .95: the share below them is known by groups."""

_PRODUCT_COST = 16
"""Sums of a scenario in a trial that take as long as one matrix product over all scenarios."""


@dataclass
class ForecastSums:
    """The sums of a run, states and scenarios in the program's order.

    Of many quantities only the `Moments` over groups of trials are kept, so that memory does not grow with the number
    of groups: of the shares of nodes' states, the sums of numeric nodes, and first visits. A group is a draw of the
    judgements, or a batch.

    Attributes:
        trials: shape (batches,), the trials of each batch; under observations, their weights.
        squares: the sum over trials of their squared weights.
        visits: shape (batches, steps, scenarios), sums of the scenario's probability at each step.
        moves: shape (batches, scenarios, scenarios), sums over steps of P(a at t, b at t + 1).
        stays: shape (scenarios,), sums over trials of the square of (weight times the expected number of steps before
            the last at which the trial is in the scenario).
        values: for each numeric node, what was seen of it.
        controls: of the draws of the judgements; none without, nor of the sums of a block.
        has_draws: whether judgements are drawn, so that there are two batches for each draw.
        columns: where the quantities of a node stand in `moments`; those of the outcome are its first visits, those of
            a numeric node its value and whether it lies below each of its edges.
        edges: for each numeric node, shape (edges,), numbers of bins: about where `EDGES` are on its scale.
        moments: at each step, shape (steps, quantities); numbers above the low end of their range.
        visit_moments: of the first visits at all steps together, shape (scenarios + groups,).
        kept_group_weights: shape (groups,), the weights of the groups, where the batches no longer tell them.
    """

    trials: Floats
    squares: float
    visits: Floats
    moves: Floats
    stays: Floats
    values: dict[str, NumericSums]
    controls: Controls
    has_draws: bool
    columns: dict[str, slice]
    edges: dict[str, npt.NDArray[np.uint16]]
    moments: Moments
    visit_moments: Moments
    kept_group_weights: Floats | None = None

    @property
    def effective_trials(self) -> float:
        """For how many unweighted trials the weighted ones stand: method (23)."""
        return float(effective_trials(self.trials.sum(), np.asarray(self.squares)))

    @property
    def group_weights(self) -> Floats:
        """The weights of the groups of trials, shape (groups,)."""
        if self.kept_group_weights is not None:
            return self.kept_group_weights
        return sum_halves(self.trials) if self.has_draws else self.trials

    def state_shares(self, name: str) -> Estimate:
        """The share of each state of a node at each step, shape (steps, states): method (18, 19)."""
        return self._ratio(self.moments, (slice(None), self.columns[name]))

    def mean(self, name: str) -> Estimate:
        """How far the mean of a numeric node lies above the low end of its range: (steps,)."""
        return self._ratio(self.moments, (slice(None), self.columns[name].start))

    def shares_below(self, name: str) -> Estimate:
        """How likely it is that a numeric node is below each of its edges, shape (steps, edges)."""
        columns = self.columns[name]
        return self._ratio(self.moments, (slice(None), slice(columns.start + 1, columns.stop)))

    def first_visits(self, column: int) -> Estimate:
        """The probability that each step is the first visit to a scenario or group, shape (steps,)."""
        return self._ratio(self.moments, (slice(None), self.columns[OUTCOME].start + column))

    def ever_visited(self, column: int) -> Estimate:
        """The probability that a scenario or group is visited at any step, shape (): method (16, 18)."""
        return self._ratio(self.visit_moments, (column,))

    def _ratio(self, moments: Moments, place: SumIndex) -> Estimate:
        return moments.ratio(place, self.group_weights, self.controls)

    def by_draws(self) -> ForecastSums:
        """The sums with one batch for each draw of the judgements, in the place of two: method (30, 31)."""

        def sum_by_draw(sums: Floats) -> Floats:
            return with_control_variates(sum_halves(sums), self.controls, in_place=True)

        trials, visits, moves = map(sum_by_draw, (self.trials, self.visits, self.moves))
        return replace(self, trials=trials, visits=visits, moves=moves, kept_group_weights=self.group_weights)

    def observe(self, step: int, node: Node, values: npt.NDArray[Any], groups: TrialGroups) -> None:
        """Take note of the states or values of a node at a step, shape (trials,)."""
        columns = self.columns[node.name]
        if isinstance(node, NumericNode):
            bins = self.values[node.name].observe(step, values, node.scale, groups.weights)
            groups.set_sums(slice(columns.start, columns.start + 1), values[None] - node.scale.low)
            groups.set_counts(slice(columns.start + 1, columns.stop), bins < self.edges[node.name][:, None])
        else:
            groups.set_counts(columns, values == np.arange(len(node.states), dtype=np.uint8)[:, None])

    def add(self, other: ForecastSums, batches: slice) -> None:
        """Add the sums of a block, whose batches are at `batches`; blocks come in their order."""
        self.trials[batches] += other.trials
        self.squares += other.squares
        if not np.may_share_memory(other.visits, self.visits):
            self.visits[batches] += other.visits
        self.moves[batches] += other.moves
        self.stays += other.stays
        for name, values in other.values.items():
            if values is not self.values[name]:
                self.values[name].add(values)
        last_group = (batches.stop - 1) // (2 if self.has_draws else 1)
        for own, added in ((self.moments, other.moments), (self.visit_moments, other.visit_moments)):
            if added is not own:
                own.merge(added)
            own.fold_open_groups(last_group, self.group_weights, self.controls.basis)

    def finish(self) -> ForecastSums:
        """Fold the last groups, once all blocks have been added; gives these sums."""
        for moments in (self.moments, self.visit_moments):
            moments.fold_open_groups(len(self.trials), self.group_weights, self.controls.basis)
        return self


class TrialGroups:
    """The groups of trials of a block, and what is put together of each of them at a step.

    Args:
        batches: the groups, as batches of all trials.
        block: which block.
        quantities: of how many quantities there are moments.
        basis: of the controls, a row for each group.
        weights: shape (trials,), of the block's trials, where they have any.
    """

    def __init__(
        self, batches: TrialBatches, block: int, quantities: int, basis: Floats, weights: Floats | None = None
    ) -> None:
        self.weights = weights
        self.starts = batches.starts(block)
        self.batches = batches.batches_in(block)
        self.whole_groups = batches.whole_in(block)
        trials = min(BLOCK, batches.trials - block * BLOCK)
        self.trials: Floats
        if weights is None:
            self.trials = batch_sizes(self.starts, trials)
        else:
            self.trials = sum_by_batch(weights[None], self.starts)[:, 0]
        self.basis = basis[self.batches][self.whole_groups]
        self.sums = np.empty((len(self.starts), quantities))

    def set_sums(self, columns: slice, values: Floats) -> None:
        """Note values, shape (columns, trials)."""
        self.sums[:, columns] = sum_by_batch(values if self.weights is None else values * self.weights, self.starts)

    def set_counts(self, columns: slice, holds: npt.NDArray[np.bool_]) -> None:
        """Note in which trials some things hold, shape (columns, trials)."""
        if self.weights is None:
            self.sums[:, columns] = count_by_batch(holds, self.starts)
        else:
            self.set_sums(columns, holds.astype(np.float64))

    def fold_into(self, moments: Moments, step: int | slice, sums: Floats) -> None:
        """Add sums, shape (groups, quantities), to the moments of a step, or of all that there is."""
        if self.whole_groups.start < self.whole_groups.stop:
            moments.fold(step, sums[self.whole_groups], self.trials[self.whole_groups], self.basis)
        for row in {0, len(sums) - 1} - {*range(self.whole_groups.start, self.whole_groups.stop)}:
            group = self.batches.start + row
            if group not in moments.open_groups:
                moments.open_groups[group] = np.zeros_like(moments.total)
            moments.open_groups[group][step] += sums[row]


@dataclass
class NumericSums:
    """What was seen of a numeric node at each step, trials counted by their weights where they have any.

    Attributes:
        total, squares: shape (steps,), sums of how far the value lies above the low end of the range, and its square:
            so no digit is lost where a range is narrow and far from 0.
        least, most: shape (steps,), the extremes.
        bins: shape (steps, BINS + 1), how many values fell into each equal part of the range; the last is its very top.
    """

    total: Floats
    squares: Floats
    least: Floats
    most: Floats
    bins: Floats

    @classmethod
    def empty(cls, steps: int) -> NumericSums:
        """Nothing seen yet."""
        return cls(
            np.zeros(steps),
            np.zeros(steps),
            np.full(steps, np.inf),
            np.full(steps, -np.inf),
            np.zeros((steps, BINS + 1)),
        )

    def observe(
        self, step: int, values: Floats, scale: LatentScale, weights: Floats | None = None
    ) -> npt.NDArray[np.uint16]:
        """Count the values of one step, shape (trials,), and tell the bin of each, of the same shape."""
        above = values - scale.low
        bins = (above * (BINS / (scale.high - scale.low))).astype(np.uint16)
        counted = bins
        if weights is not None:
            weighted = weights > 0
            values, above, counted, weights = values[weighted], above[weighted], bins[weighted], weights[weighted]
        if len(values):
            self.least[step] = min(self.least[step], values.min())
            self.most[step] = max(self.most[step], values.max())
            weighted_above = above if weights is None else above * weights
            self.total[step] += weighted_above.sum()
            self.squares[step] += (weighted_above * above).sum()
            self.bins[step] += np.bincount(counted, weights, minlength=BINS + 1)
        return bins

    def add(self, other: NumericSums) -> None:
        """Add what another block saw."""
        self.total += other.total
        self.squares += other.squares
        np.minimum(self.least, other.least, out=self.least)
        np.maximum(self.most, other.most, out=self.most)
        self.bins += other.bins


def simulate(
    program: Program,
    plan: Plan,
    map_blocks: MapBlocks = map,
    kernels: KernelCache | None = None,
    nodes: Collection[str] | None = None,
) -> ForecastSums:
    """Run a program.

    Args:
        program: what to run.
        plan: how many trials, and the seed. The same program and plan give the same sums, bit for bit, whatever
            `map_blocks`.
        map_blocks: runs blocks; results must come in the order of the blocks.
        kernels: as in `BlockSampler`.
        nodes: as in `Sampler`.
    """
    sampler = Sampler(program, plan, kernels, nodes)
    sampler.block_sampler.split_for(map_blocks, sampler.seconds_per_block)
    return sampler.sum_blocks(sampler.run, map_blocks, len(sampler.block_ranges))


@dataclass
class RunningSums:
    """The sums of a run as far as blocks have been added, with which a block that is next shares what it can.

    In another process than the run's there are none.

    Attributes:
        sums: with room for all batches of the run.
        blocks: how many have been added.
    """

    sums: ForecastSums | None = None
    blocks: int = 0

    def __reduce__(self) -> tuple[type[RunningSums], tuple[()]]:
        return RunningSums, ()

    def sums_shared_with(self, blocks: range) -> ForecastSums | None:
        """The sums that some blocks can add to directly; None before it is their turn."""
        return self.sums if blocks.start == self.blocks else None


class Sampler:
    """A program and the plan that its forecast is drawn under.

    Args:
        kernels: as in `BlockSampler`.
        nodes: those that are drawn and counted, which read no others; the outcome is one of them. By default all.
    """

    def __init__(
        self, program: Program, plan: Plan, kernels: KernelCache | None = None, nodes: Collection[str] | None = None
    ) -> None:
        self.program = program
        self.plan = plan
        drawn = program if nodes is None else program.restrict_to(nodes)
        self.nodes = drawn.nodes
        self.block_sampler = BlockSampler(
            program, plan, draw_outcome=drawn.outcome_is_read, needed=frozenset(drawn.nodes), kernels=kernels
        )
        self.scenario_sets = [[state] for state in range(len(program.outcome.states))]
        self.scenario_sets += [list(members) for members in program.groups.values()]
        self.controls = program.controls if plan.judgements else NO_CONTROLS

    def sum_blocks(
        self, run: Callable[[RunningSums, int], Sequence[ForecastSums]], map_blocks: MapBlocks, range_count: int
    ) -> ForecastSums:
        """The sums of the plan from those of its blocks.

        What has no axis for batches is added up at once by the blocks that run in this process: they come one after the
        other, and sums of their own would take as much memory again.

        Args:
            run: gives the sums of each block of a range, by its number.
            map_blocks: as in `simulate`.
            range_count: how many ranges there are.

        Raises:
            TooMuchMemoryError: it would take more than `MOST_BYTES`.
        """
        batches = self.batches
        require_memory(self.bytes)
        running = RunningSums(total := self.empty_sums(batches.count))
        parts = map_blocks(partial(run, running), range(range_count))
        for block, part in enumerate(chain.from_iterable(parts)):
            total.add(part, batches.batches_in(block))
            running.blocks = block + 1
        return total.finish()

    @property
    def bytes(self) -> int:
        """Predicted memory for a run: for its sums, those of a block beside them, and a block's trials."""
        steps, scenarios, sets = self.program.steps, len(self.program.outcome.states), len(self.scenario_sets)
        states = sum(len(node.states) for node in self.nodes.values() if isinstance(node, CategoricalNode))
        numeric = sum(isinstance(node, NumericNode) for node in self.nodes.values())
        by_batch = steps * scenarios + scenarios**2
        batches = self.batches.count + self.batches.count_in(0) * (not self.plan.judgements)
        quantities = (3 + self.controls.fitted) * steps * (states + sets + (1 + len(EDGES)) * numeric)
        values = numeric * steps * BINS
        observed_bytes = self.plan.trials_in(0) * (len(self.block_ranges[0]) * states + len(EDGES) * numeric)
        return self.block_sampler.bytes + 8 * (batches * by_batch + quantities + values) + observed_bytes

    @cached_property
    def batches(self) -> TrialBatches:
        """The batches of trials, as many as the sums of the forecast leave room for."""
        scenarios = len(self.program.outcome.states)
        return self.plan.batches(self.program.steps * scenarios + scenarios**2)

    def empty_sums(
        self, batches: int, *, shared_sums: ForecastSums | None = None, at: slice | None = None
    ) -> ForecastSums:
        """The sums of no trials.

        Args:
            batches: how many there is room for.
            shared_sums: sums of other blocks, with which these share all that is added to once a step or has no axis
                for batches. What is summed over the steps is not shared: sums of blocks are added in one order,
                whether they are made in this process or in others.
            at: where the batches of these are among those; None for all of them.
        """
        steps, scenarios, fitted = self.program.steps, len(self.program.outcome.states), self.controls.fitted
        columns, drawn = self._columns(), self.plan.judgements > 0
        quantities = max(part.stop for part in columns.values())
        if shared_sums is not None:
            visits, values = shared_sums.visits[at], shared_sums.values
            moments, visit_moments = shared_sums.moments, shared_sums.visit_moments
        else:
            groups = batches // (2 if drawn else 1)
            make_moments = Moments.empty if at is None else partial(Moments.of_block, groups=groups)
            visits = np.zeros((batches, steps, scenarios))
            values = {
                name: NumericSums.empty(steps) for name, node in self.nodes.items() if isinstance(node, NumericNode)
            }
            moments = make_moments((steps, quantities), fitted)
            visit_moments = make_moments((len(self.scenario_sets),), fitted)
        return ForecastSums(
            trials=np.zeros(batches),
            squares=0.0,
            visits=visits,
            values=values,
            moments=moments,
            visit_moments=visit_moments,
            moves=np.zeros((batches, scenarios, scenarios)),
            stays=np.zeros(scenarios),
            controls=self.controls if at is None else NO_CONTROLS,
            has_draws=drawn,
            columns=columns,
            edges=self.edges,
        )

    @cached_property
    def edges(self) -> dict[str, npt.NDArray[np.uint16]]:
        """As in `ForecastSums`, each of shape (edges,); where judgements are drawn, those of the average scale."""
        edges = {}
        for name, node in self.nodes.items():
            if isinstance(node, NumericNode):
                tables = node.scale.values
                scale = replace(node.scale, values=tables if tables.ndim == 1 else tables.mean(axis=0))
                edges[name] = np.rint((scale(EDGES) - scale.low) * (BINS / (scale.high - scale.low))).astype(np.uint16)
        return edges

    def _columns(self) -> dict[str, slice]:
        """Where the quantities of the nodes stand among the moments of a step; first visits under the outcome."""
        sizes = {
            name: len(node.states) if isinstance(node, CategoricalNode) else 1 + len(EDGES)
            for name, node in self.nodes.items()
        }
        sizes[OUTCOME] = len(self.scenario_sets)
        stops = accumulate(sizes.values())
        return {name: slice(stop - size, stop) for (name, size), stop in zip(sizes.items(), stops, strict=True)}

    def trial_groups(self, block: int, columns: Mapping[str, slice], weights: Floats | None = None) -> TrialGroups:
        """The groups of a block."""
        batches = replace(self.batches, size=2 * self.batches.size) if self.plan.judgements else self.batches
        quantities = max(part.stop for part in columns.values())
        return TrialGroups(batches, block, quantities, self.controls.basis, weights)

    @cached_property
    def block_ranges(self) -> BlockRanges:
        """The blocks by those that are walked together; each alone where a batch lies in two of them."""
        if BLOCK % self.batches.size:
            return BlockRanges(self.plan.blocks, 0, 1)
        return self.block_sampler.block_ranges

    def run(self, running: RunningSums, number: int) -> list[ForecastSums]:
        """The sums of each block of one of the ranges, to be added to those of the run."""
        blocks = self.block_ranges[number]
        shared_sums = running.sums_shared_with(blocks)
        accumulators = [ForecastAccumulator(self, block, shared_sums) for block in blocks]
        self.block_sampler.walk_together(blocks, accumulators, BlockRangeObserver)
        return [accumulator.finish() for accumulator in accumulators]

    @property
    def seconds_each(self) -> float:
        """Predicted seconds for one of the ranges."""
        return len(self.block_ranges[0]) * self.seconds_per_block

    @property
    def seconds_per_block(self) -> float:
        """As `seconds_each` in `BlockSampler`, with half a draw for each sum that is carried along."""
        scenarios, sets = len(self.program.outcome.states), len(self.scenario_sets)
        carried_sums = scenarios * (scenarios + sets)
        if self.block_sampler.lumped:
            carried_sums = scenarios * min(scenarios + sets, _PRODUCT_COST)
        elif not self.program.has_feedback:
            carried_sums = max(carried_sums, scenarios**2 * sets)  # each set has its own way through the whole matrix
        return (
            self.block_sampler.seconds_each
            + carried_sums * self.program.steps * self.plan.trials_in(0) * SECONDS_PER_DRAW / 2
        )


class ForecastAccumulator:
    """Makes the sums of a forecast while a block is walked.

    Args:
        sampler: whose forecast.
        block: which block.
        shared_sums: the sums that those of the block are to be added to, if they can be shared.
        weights: shape (trials,), of the block's trials, where they have any.
        path: follows the outcome; by default as it is best followed where nothing has been observed.
    """

    def __init__(
        self,
        sampler: Sampler,
        block: int,
        shared_sums: ForecastSums | None,
        *,
        weights: Floats | None = None,
        path: OutcomePath | None = None,
    ) -> None:
        self.program = sampler.program
        self.weights = weights
        batches = sampler.batches
        self.starts = batches.starts(block)
        self.sums = sampler.empty_sums(len(self.starts), shared_sums=shared_sums, at=batches.batches_in(block))
        if weights is None:
            trials = sampler.plan.trials_in(block)
            self.sums.trials += batch_sizes(self.starts, trials)
            self.sums.squares += trials
        else:
            self.sums.trials += sum_by_batch(weights[None], self.starts)[:, 0]
            self.sums.squares += float((weights**2).sum())
        self.groups = sampler.trial_groups(block, self.sums.columns, weights)
        self.visit_sums: Floats = np.zeros((len(self.groups.starts), len(sampler.scenario_sets)))
        self.time_in_scenarios: Floats | None = None
        has_many_scenarios = len(self.program.outcome.states) >= MANY_SCENARIOS
        self.batched_moves = BatchedProducts(batches.size, block * BLOCK % batches.size) if has_many_scenarios else None
        self.path: OutcomePath = path or (
            SampledPath(sampler.scenario_sets)
            if self.program.has_feedback
            else RaoBlackwellPath(sampler.scenario_sets, lumped=sampler.block_sampler.lumped)
        )

    def observe(self, step: int, block_states: BlockStates, transition: Transition | None) -> None:
        """Add a step to the sums."""
        values = dict(zip(self.program.nodes, block_states.now, strict=False))
        for name in self.counted_columns:
            self.state_counts.record(name, values[name])
        self.state_counts.write(self.groups.sums)
        self.add_step(step, values, transition)

    def add_step(self, step: int, values: Mapping[str, Any], transition: Transition | None) -> None:
        """Add a step to the sums, of which `groups.sums` have the states of `counted_columns`.

        Args:
            step: the step.
            values: the states or values of all others, shape (trials,); None of an outcome that is not drawn.
            transition: of the outcome.
        """
        assert transition is not None, "a forecast needs the outcome"
        for name in self.other_nodes:
            if name == OUTCOME:
                self._observe_outcome(step, transition, values[name])
            else:
                self.sums.observe(step, self.program.nodes[name], values[name], self.groups)
        self.groups.fold_into(self.sums.moments, step, self.groups.sums)

    @cached_property
    def counted_columns(self) -> dict[str, slice]:
        """The columns of the nodes whose states are counted for all of them at a time: all with states, unweighed."""
        nodes = self.program.nodes
        return {
            name: columns
            for name, columns in self.sums.columns.items()
            if self.weights is None and name != OUTCOME and isinstance(nodes[name], CategoricalNode)
        }

    @cached_property
    def other_nodes(self) -> list[str]:
        """All other nodes of the forecast."""
        return [name for name in self.sums.columns if name not in self.counted_columns]

    @cached_property
    def state_counts(self) -> StateCounts:
        """Counts the states of the nodes of `counted_columns`."""
        return StateCounts(self.counted_columns, self.groups.starts, self.groups.trials)

    def finish(self) -> ForecastSums:
        """The sums, when all steps have been seen."""
        if self.time_in_scenarios is not None:
            self.sums.stays += (self.time_in_scenarios**2).sum(axis=1)
        if self.batched_moves is not None and (moves := self.batched_moves.flush()) is not None:
            self.sums.moves += moves
        self.groups.fold_into(self.sums.visit_moments, slice(None), self.visit_sums)
        return self.sums

    def _observe_outcome(self, step: int, transition: Transition, drawn: States | None) -> None:
        before = self.path.probabilities
        if before is not None and self.weights is not None:
            before = before * self.weights
        probability, first_visits = self.path.advance(transition, drawn)
        columns = self.sums.columns[OUTCOME]
        self.groups.set_sums(columns, first_visits)
        self.visit_sums += self.groups.sums[:, columns]
        if before is not None:
            if self.time_in_scenarios is None:
                self.time_in_scenarios = before.copy()
            else:
                self.time_in_scenarios += before
            if not self._batch_moves(before, transition):
                moves = self.path.sum_moves(before, transition, self.starts)
                self.sums.moves += moves
                self.sums.visits[:, step] += moves.sum(axis=1)
                return
        weighted = probability if self.weights is None else probability * self.weights
        self.sums.visits[:, step] += sum_by_batch(weighted, self.starts)

    def _batch_moves(self, before: Floats, transition: Transition) -> bool:
        """Take the moves of a step together with those of others, where that is worth it."""
        flow = None if self.batched_moves is None else self.path.flow(transition)
        if self.batched_moves is None or flow is None:
            return False
        if (moves := self.batched_moves.add(before, flow)) is not None:
            self.sums.moves += moves
        return True


class BlockRangeObserver:
    """Shows blocks that are walked together to the accumulator of each, once states are counted in all of them."""

    def __init__(self, accumulators: Sequence[ForecastAccumulator]) -> None:
        first, groups = accumulators[0], [each.groups for each in accumulators]
        self.accumulators = accumulators
        self.names = [*first.program.nodes]
        starts = np.concatenate([each.starts + number * BLOCK for number, each in enumerate(groups)])
        self.state_counts = StateCounts(first.counted_columns, starts, np.concatenate([each.trials for each in groups]))
        self.sums = np.concatenate([each.sums for each in groups])
        stops = [*accumulate(len(each.sums) for each in groups)]
        for each, stop in zip(groups, stops, strict=True):
            each.sums = self.sums[stop - len(each.sums) : stop]

    def observe(self, step: int, block_states: BlockStates, transition: Transition | None) -> None:
        """As in `Observer`."""
        values = dict(zip(self.names, block_states.now, strict=False))
        first = self.accumulators[0]
        for name in first.counted_columns:
            self.state_counts.record(name, values[name])
        self.state_counts.write(self.sums)
        for number, accumulator in enumerate(self.accumulators):
            trials = slice(number * BLOCK, (number + 1) * BLOCK)
            block_values: dict[str, Any] = {
                name: None if (range_values := values[name]) is None else range_values[trials]
                for name in first.other_nodes
            }
            accumulator.add_step(step, block_values, None if transition is None else transition.select_trials(trials))
