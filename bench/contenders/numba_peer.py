"""numba: one loop over trials, compiled when it is first called; its own generator, thresholds and factors."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from bench.contenders import Run, optional
from bench.contenders.thresholds import GROUP, factors, words
from bench.model import Answer, Case


def drawn(case: Case) -> Run:
    """Draws the scenario and counts."""
    return _runner(case, carried=False)


def carried(case: Case) -> Run:
    """Carries the scenario's probabilities along the drawn drivers."""
    return _runner(case, carried=True)


def _runner(case: Case, *, carried: bool) -> Run:
    loop, tables = _loop(), case.tables
    every = (tables.first, tables.later)
    most = max(1, *(len(table.parents) for step in every for table in step))
    count = np.zeros((2, tables.drivers), dtype=np.int64)
    parents = np.zeros((2, tables.drivers, most, 3), dtype=np.int64)
    threshold = np.zeros(
        (2, tables.drivers, max(len(table.rows) for step in every for table in step), tables.states - 1), np.uint32
    )
    for later, step in enumerate(every):
        for driver, table in enumerate(step):
            count[later, driver] = len(table.parents)
            for place, ((node, lag), size) in enumerate(zip(table.parents, table.sizes, strict=True)):
                parents[later, driver, place] = node, size, lag
            threshold[later, driver, : len(table.rows)] = words(table.rows)
    weights = np.ascontiguousarray(factors(tables).transpose(0, 2, 1))

    def run(trials: int, seed: int) -> Answer:
        shares = np.zeros((tables.steps, tables.scenarios))
        first = np.zeros((tables.steps, tables.scenarios))
        moves = np.zeros((tables.scenarios, tables.scenarios))
        states = np.zeros((tables.steps, tables.drivers, tables.states))
        state = np.random.SeedSequence(seed).generate_state(4, np.uint64)
        loop(trials, state, carried, count, parents, threshold, weights, tables.keep, shares, first, moves, states)
        return Answer.of_counts(trials, shares, first, moves, states)

    return run


@cache
def _loop() -> Any:
    return optional("numba").njit(_trials)


def _trials(  # noqa: PLR0912, PLR0915, PLR0917  # numba compiles one function as a whole
    trials: Any,
    state: Any,
    carried: Any,
    count: Any,
    parents: Any,
    threshold: Any,
    weights: Any,
    keep: Any,
    shares: Any,
    first: Any,
    moves: Any,
    states: Any,
) -> None:
    """Run trials one after the other, adding to the four sums, with words of xoshiro256+ (Blackman and Vigna, 2018)."""
    steps, scenarios = shares.shape
    drivers = count.shape[1]
    thresholds = threshold.shape[3]
    groups = weights.shape[0]
    s0, s1, s2, s3 = state
    before = np.zeros(drivers + 1, np.int64)
    now = np.zeros(drivers + 1, np.int64)
    weight = np.empty(scenarios)
    present = np.empty(scenarios)
    unseen = np.empty(scenarios)
    word = np.uint64(0)
    for _ in range(trials):
        unseen[:] = 1.0
        spare = False
        for step in range(steps):
            before, now = now, before
            later = min(step, 1)
            for node in range(drivers + 1):
                if spare:
                    u = np.uint32(word & np.uint64(0xFFFFFFFF))
                else:
                    word = s0 + s3
                    shifted = s1 << np.uint64(17)
                    s2 ^= s0
                    s3 ^= s1
                    s1 ^= s2
                    s0 ^= s3
                    s2 ^= shifted
                    s3 = (s3 << np.uint64(45)) | (s3 >> np.uint64(19))
                    u = np.uint32(word >> np.uint64(32))
                spare = not spare
                if node == drivers:
                    break
                row = 0
                for place in range(count[later, node]):
                    parent, size, lag = parents[later, node, place]
                    row = row * size + (before[parent] if lag else now[parent])
                reached = 0
                for place in range(thresholds):
                    reached += u >= threshold[later, node, row, place]
                now[node] = reached
                states[step, node, reached] += 1.0
            weight[:] = 1.0
            for group in range(groups):
                key = 0
                for driver in range(group * GROUP, min((group + 1) * GROUP, drivers)):
                    key = key * (thresholds + 1) + now[driver]
                for scenario in range(scenarios):
                    weight[scenario] *= weights[group, key, scenario]
            total = 0.0
            for scenario in range(scenarios):
                total += weight[scenario]
            stay = keep if step else 0.0
            if carried:
                for scenario in range(scenarios):
                    weight[scenario] *= (1.0 - stay) / total
                for scenario in range(scenarios):
                    if step:
                        for other in range(scenarios):
                            moves[scenario, other] += present[scenario] * weight[other]
                        moves[scenario, scenario] += stay * present[scenario]
                for scenario in range(scenarios):
                    present[scenario] = weight[scenario] + (stay * present[scenario] if step else 0.0)
                    shares[step, scenario] += present[scenario]
                    seen = unseen[scenario] * weight[scenario]
                    first[step, scenario] += seen
                    unseen[scenario] -= seen
            else:
                chosen = (u * 2.0**-32 - stay) / (1.0 - stay)
                if chosen < 0.0:
                    now[drivers] = before[drivers]
                else:
                    chosen *= total
                    reached = 0
                    below = 0.0
                    for scenario in range(scenarios - 1):
                        below += weight[scenario]
                        reached += chosen >= below
                    now[drivers] = reached
                scenario = now[drivers]
                shares[step, scenario] += 1.0
                first[step, scenario] += unseen[scenario]
                unseen[scenario] = 0.0
                if step:
                    moves[before[drivers], scenario] += 1.0
