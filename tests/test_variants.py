"""Variants of a model on the same random numbers get the digits that each would get alone."""

from __future__ import annotations

import numpy as np
import pytest

from support.sampled import compiled, exact_model
from usru_scenarios.names import OUTCOME
from usru_scenarios.sampler.blocks import BLOCK, Plan
from usru_scenarios.sampler.common_random_numbers import VariantSampler, simulate_variants
from usru_scenarios.sampler.forecast import Sampler, simulate

PLAN = Plan(BLOCK + 3_000, 7)


@pytest.mark.parametrize("name", ["feedback", "outcome_moves", "numeric_drift", "outcome_lumped"])
def test_each_variant_is_as_if_alone(name: str) -> None:
    program = compiled(exact_model(name))
    weight = next(iter(program.weights))
    driver = next(name for name in program.nodes if name != OUTCOME and hasattr(program.nodes[name], "states"))
    imposed = program.intervene(driver, program.nodes[driver].states[0], range(program.steps))  # type: ignore[union-attr]
    variants = [program, program.reweight({weight: 3.0}), imposed]
    together = simulate_variants(variants, PLAN)
    for variant, visits in zip(variants, together.visits, strict=True):
        alone = simulate(variant, PLAN)
        assert visits.sum(axis=0) == pytest.approx(alone.visits.sum(axis=0), abs=1e-7)
    assert together.trials.sum() == PLAN.trials
    assert not np.allclose(together.visits[0], together.visits[2])


def test_variants_of_the_outcome_alone_share_one_walk() -> None:
    program = compiled(exact_model("numeric_drift"))
    weights = [program.reweight({name: 2.0}) for name in program.weights]
    assert len(VariantSampler([program, *weights], PLAN).groups) == 1


def test_variants_of_what_feeds_back_are_walked_apart() -> None:
    program = compiled(exact_model("feedback"))
    assert len(VariantSampler([program, program.reweight(dict.fromkeys(program.weights, 2.0))], PLAN).groups) == 2


def test_laws_are_compiled_once_for_all_variants() -> None:
    program = compiled(exact_model("numeric_drift"))
    sampler = Sampler(program, PLAN)
    before = sampler.block_sampler.kernels(0)
    again = sampler.block_sampler.kernels(1)
    assert all(
        one is other
        for row, other_row in zip(before, again, strict=True)
        for one, other in zip(row, other_row, strict=True)
    )


def test_sums_of_some_steps_are_those_of_all() -> None:
    variants = [compiled(exact_model("influences")), compiled(exact_model("influences")).reweight({})]
    every, some = simulate_variants(variants, PLAN), simulate_variants(variants, PLAN, steps=[0, 2])
    assert np.array_equal(every.trials, some.trials)
    for all_steps, chosen in zip(every.visits, some.visits, strict=True):
        assert np.array_equal(all_steps[:, [0, 2]], chosen)
