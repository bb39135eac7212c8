"""Neighbouring blocks that are walked together get the digits that each gets when it is walked alone."""

from __future__ import annotations

import numpy as np
import pytest

from support.sampled import compiled, exact_model
from usru_scenarios.program.program import Program
from usru_scenarios.sampler import blocks, joined_kernels
from usru_scenarios.sampler.blocks import BLOCK, BlockRanges, BlockSampler, Plan
from usru_scenarios.sampler.forecast import ForecastSums, Sampler, simulate
from usru_scenarios.study import Study, load

MODELS = ("feedback", "numeric_feedback", "numeric_drift", "influences", "rules", "outcome_moves", "stuck", "weights")
TRIALS = 5 * BLOCK + 300


def alone(monkeypatch: pytest.MonkeyPatch, program: Program, plan: Plan) -> ForecastSums:
    """The sums of blocks that are walked one after the other."""
    with monkeypatch.context() as patch:
        patch.setattr(blocks, "_MOST_JOINED_BLOCKS", 1)
        return simulate(program, plan)


def bytes_of(sums: ForecastSums) -> list[bytes]:
    """All that a forecast is made of."""
    arrays = [sums.trials, sums.visits, sums.moves, sums.stays]
    arrays += [
        part for moments in (sums.moments, sums.visit_moments) for part in vars(moments).values() if part is not None
    ]
    arrays += [part for values in sums.values.values() for part in vars(values).values()]
    return [np.asarray(part).tobytes() for part in arrays if not isinstance(part, dict)]


@pytest.mark.parametrize("name", MODELS)
def test_every_digit_is_that_of_blocks_walked_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program, plan = compiled(exact_model(name)), Plan(TRIALS, 7)
    assert [len(stretch) for stretch in Sampler(program, plan).block_ranges] == [4, 1, 1]
    assert bytes_of(simulate(program, plan)) == bytes_of(alone(monkeypatch, program, plan))


@pytest.fixture(scope="module")
def drawn() -> Program:
    """The bundled model with a numeric driver whose scale, and others whose laws, are drawn."""
    return (
        load(overrides={"drivers.unpredictability.persistence": {"uniform": [0.2, 0.8]}})
        .drawn(7, 512)
        .truncate_after(3)
    )


@pytest.mark.parametrize("rows", [1 << 13, 1])
def test_every_digit_is_that_of_blocks_walked_alone_where_judgements_are_drawn(
    drawn: Program, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By thresholds, and where no block's are tabulated."""
    monkeypatch.setattr("usru_scenarios.sampler.kernels._DRAWN_ROWS", rows)
    plan = Plan.of(4 * BLOCK, 7, 512)
    assert BlockSampler(drawn, plan, draw_outcome=False).range_kernels(range(4)) is not None
    assert bytes_of(simulate(drawn, plan)) == bytes_of(alone(monkeypatch, drawn, plan))


def test_a_draw_that_lies_in_two_blocks_keeps_them_apart(drawn: Program) -> None:
    plan = Plan.of(70_000, 7, 512)
    assert BLOCK % (plan.trials // plan.judgements)
    assert BlockSampler(drawn, plan, draw_outcome=False).blocks_per_walk == 1


def test_blocks_whose_laws_are_compiled_otherwise_are_walked_alone(
    drawn: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan.of(4 * BLOCK, 7, 512)
    found = bytes_of(simulate(drawn, plan))

    def refused(*_: object) -> None:
        raise joined_kernels.IncompatibleKernelsError

    monkeypatch.setattr(joined_kernels.KernelJoiner, "join", refused)
    assert BlockSampler(drawn, plan, draw_outcome=False).range_kernels(range(4)) is None
    assert bytes_of(simulate(drawn, plan)) == found


def test_tables_beside_one_another_in_another_order_would_be_noticed(
    drawn: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan.of(4 * BLOCK, 7, 512)
    join = joined_kernels.KernelJoiner.join
    monkeypatch.setattr(
        joined_kernels.KernelJoiner, "join", lambda self, kernels: join(self, [*kernels[1:], kernels[0]])
    )
    assert bytes_of(simulate(drawn, plan)) != bytes_of(alone(monkeypatch, drawn, plan))


def test_where_a_block_takes_long_there_is_work_to_hand_out(bundled: Study) -> None:
    quick, plan = bundled.program, Plan(8 * BLOCK, 7)
    assert BlockSampler(quick, plan, draw_outcome=True).blocks_per_walk == 4
    slow = load(overrides={"time.end": "2055"}).program
    assert BlockSampler(slow, plan, draw_outcome=True).blocks_per_walk == 1


@pytest.mark.parametrize(
    ("blocks", "full", "together"), [(1, 0, 4), (1, 1, 4), (6, 5, 4), (8, 8, 4), (9, 8, 1), (3, 0, 1)]
)
def test_stretches_are_the_blocks_in_their_order(blocks: int, full: int, together: int) -> None:
    stretches = BlockRanges(blocks, full, together)
    assert [block for stretch in stretches for block in stretch] == list(range(blocks))
    assert all(len(stretch) == 1 for stretch in stretches if stretch.start >= full)
    assert [*stretches] == stretches[:] == [stretches[number] for number in range(len(stretches))]
    assert stretches[-1] == stretches[len(stretches) - 1]
    with pytest.raises(IndexError):
        _ = stretches[len(stretches)]


def test_a_run_without_end_has_its_stretches_at_once() -> None:
    many = BlockRanges(10**15, 10**15, 4)
    assert many[10**14] == range(4 * 10**14, 4 * 10**14 + 4)
