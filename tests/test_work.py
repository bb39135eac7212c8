"""How much is done for an answer, counted and never timed: a guard against work that creeps back in.

What start-up imports is counted in test_startup.py.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import usru_scenarios as us
from support.kernels import choose_kernels
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.program import CategoricalNode, Program
from usru_scenarios.sampler import blocks
from usru_scenarios.sampler.blocks import BLOCK, KernelCache, Plan
from usru_scenarios.sampler.common_random_numbers import VariantSampler
from usru_scenarios.sampler.forecast import ForecastSums, RunningSums, Sampler
from usru_scenarios.sampler.rng import RandomStream

SAMPLER = str(Path(blocks.__file__).parent)

MOST_LINES = 130
"""Lines of the sampler that are run for each node and step of a block: each is a pass over an array, or a few."""


@pytest.fixture(scope="module")
def program() -> Program:
    return us.load("us-russia").program


def is_drawn(program: Program, name: str, step: int) -> bool:
    """Whether a node's state at a step is left to chance."""
    node = program.nodes[name]
    if not isinstance(node, CategoricalNode):
        return True
    law = program.law(node, step)
    if law.fixed is not None:
        return bool(law.fixed.max() < 1)
    return law.persistence is None or bool((law.persistence < 1).any())


def steps_with_words(program: Program, monkeypatch: pytest.MonkeyPatch) -> int:
    """For how many nodes and steps a block takes words from a generator."""
    taken = 0
    drawn = RandomStream.step_words

    def counted(self: RandomStream, step: int) -> Any:
        nonlocal taken
        taken += 1
        return drawn(self, step)

    monkeypatch.setattr(RandomStream, "step_words", counted)
    Sampler(program, Plan(BLOCK, 1)).run(RunningSums(), 0)
    return taken


def test_words_are_drawn_only_where_something_is_left_to_chance(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = sum(is_drawn(program, name, step) for name in program.nodes for step in range(program.steps))
    assert wanted < len(program.nodes) * program.steps  # Congress stands still between elections
    assert steps_with_words(program, monkeypatch) == wanted


def test_what_is_imposed_takes_no_words(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    held = program.intervene("sanctions", "eased", range(program.steps))
    wanted = sum(is_drawn(program, name, step) for name in program.nodes for step in range(program.steps))
    assert steps_with_words(held, monkeypatch) == wanted - program.steps


def lines_run(work: Callable[[], object]) -> int:
    """How many lines of the sampler are run."""
    lines = 0

    def local(_frame: FrameType, event: str, _value: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return local

    def calls(frame: FrameType, _event: str, _value: object) -> Any:
        return local if frame.f_code.co_filename.startswith(SAMPLER) else None

    before = sys.gettrace()
    sys.settrace(calls)
    try:
        work()
    finally:
        sys.settrace(before)
    return lines


def lines_each(program: Program) -> float:
    """Lines for each node and step of a block whose laws are compiled."""
    sampler = Sampler(program, Plan(2 * BLOCK - 1, 1))  # so that blocks stand alone
    sampler.run(RunningSums(), 0)
    return lines_run(lambda: sampler.run(RunningSums(), 1)) / (len(program.nodes) * program.steps)


def test_a_step_of_a_node_takes_few_passes(program: Program) -> None:
    assert lines_each(program) < MOST_LINES


def test_laws_that_are_multiplied_out_for_each_trial_would_be_noticed(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_kernels(monkeypatch, 0)
    assert lines_each(program) > MOST_LINES


def summed_nothing(program: Program, trials: int) -> ForecastSums:
    """Room for the sums of a run."""
    sampler = Sampler(program, Plan(trials, 1))
    return sampler.empty_sums(sampler.batches.count)


def test_the_number_of_trials_changes_no_sum(program: Program) -> None:
    """A run's memory is that of its batches and one block, however many trials there are."""
    small, large = (summed_nothing(program, trials) for trials in (1 << 20, 1 << 40))
    for part in ("visits", "moves"):
        assert getattr(small, part).nbytes == getattr(large, part).nbytes


def compiled(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> list[str]:
    """The nodes whose laws are compiled, as often as they are."""
    names: list[str] = []
    make = KernelCache._compile  # noqa: SLF001  # counted where it is called

    def counted(self: KernelCache, program: Program, node: Any, *rest: Any, **options: Any) -> Any:
        names.append(node.name)
        return make(self, program, node, *rest, **options)

    monkeypatch.setattr(KernelCache, "_compile", counted)
    work()
    return names


def test_equal_laws_are_compiled_once(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two blocks and sixteen steps: a law for the first step, one for the others, and those of events."""
    sampler = Sampler(program, Plan(2 * BLOCK - 1, 1))
    names = compiled(monkeypatch, lambda: [sampler.run(RunningSums(), block) for block in range(2)])
    assert {names.count(name) for name in program.nodes if name not in (OUTCOME, "unpredictability")} <= {1, 2, 3, 4}
    assert names.count(OUTCOME) <= program.steps  # the weight of the war changes every quarter


def test_variants_of_weights_compile_nothing_but_the_outcome(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    variants = [program, *(program.reweight({"sanctions": weight}) for weight in (0.0, 0.5, 2.0))]
    names = compiled(monkeypatch, lambda: VariantSampler(variants, Plan(BLOCK, 1)).run(0))
    assert names.count(OUTCOME) <= len(variants) * program.steps
    assert {names.count(name) for name in program.upstream([OUTCOME]) - {OUTCOME}} <= {1, 2, 3, 4}


CHOICES = "P(reset @ 2025-Q2) + P(reset @ 2025-Q2 | do(sanctions=eased)) + P(reset @ 2025-Q2 | do(sanctions=lifted))"


@pytest.mark.parametrize("judgements", [0, 64])
def test_programs_that_differ_by_what_is_imposed_share_their_laws(
    judgements: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = us.load("us-russia")
    names = compiled(monkeypatch, lambda: study.ask(CHOICES, trials=2048, method="sample", judgements=judgements))
    shared = study.program.upstream([OUTCOME]) - {"sanctions"}
    assert {names.count(name) for name in shared} <= {1, 2}  # two steps
    assert names.count("sanctions") > 2


def test_nothing_is_drawn_after_the_last_step_that_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: set[int] = set()
    drawn = RandomStream.step_words

    def noted(self: RandomStream, step: int) -> Any:
        steps.add(step)
        return drawn(self, step)

    monkeypatch.setattr(RandomStream, "step_words", noted)
    us.load("us-russia").ask("P(reset @ by 2025-Q3 | sanctions=eased @ 2025-Q1)", trials=2048, method="sample")
    assert steps == {0, 1, 2}
