"""Programs that are walked together get the digits that each gets when it is walked alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from support.sampled import compiled, exact_model
from usru_scenarios.language.query import parse_statement
from usru_scenarios.language.questions import distinct_probabilities
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import All, Compared, Formula, InStates, Not, Timed
from usru_scenarios.program.program import CategoricalNode, NumericNode, Program
from usru_scenarios.questions.probability import ProbabilityEstimator
from usru_scenarios.sampler import kernels
from usru_scenarios.sampler.blocks import BLOCK, Plan
from usru_scenarios.sampler.likelihood_weighting import (
    CERTAIN,
    CaseSums,
    ProgramCases,
    most_programs_together,
    sample,
    sample_together,
)
from usru_scenarios.settings import RunSettings
from usru_scenarios.study import Study, load

PLAN = Plan(700, 7)
MODELS = ("feedback", "numeric_feedback", "influences", "rules", "outcome_moves", "outcome_lumped", "stuck", "weights")


def variants(program: Program) -> list[Program]:
    """Each driver held in its first state or at a value, at all steps, from the second on, and at the first alone."""
    spans = (range(program.steps), range(1, program.steps), range(1))
    drivers = {name: node for name, node in program.nodes.items() if node.role == "driver"}
    values = {
        name: node.states[0] if isinstance(node, CategoricalNode) else middle(node) for name, node in drivers.items()
    }
    return [*(program.intervene(name, value, steps) for name, value in values.items() for steps in spans), program]


def middle(node: NumericNode) -> float:
    """A value that is exceeded half of the time, about."""
    return float(np.median(node.scale.values))


def cases(program: Program) -> list[tuple[Formula, Formula]]:
    """Events about all nodes, at a step and over several, and about the scenario and a driver together."""
    every = range(program.steps)
    predicates: list[Formula] = [
        InStates(name, frozenset({0})) if isinstance(node, CategoricalNode) else Compared(name, ">", middle(node))
        for name, node in program.nodes.items()
        if node.role in ("driver", "outcome")
    ]
    mixed = All((predicates[0], Not(InStates(OUTCOME, frozenset({0, 1})))))
    events: list[Formula] = [
        timed
        for predicate in (*predicates, mixed)
        for timed in (
            Timed("at", every[-1:], predicate),
            Timed("at", every[:1], predicate),
            Timed("ever", every, predicate),
            Timed("always", every, predicate),
        )
    ]
    return [*((event, CERTAIN) for event in events), (All((events[0], events[-1])), CERTAIN)]


def alone(asked: Sequence[ProgramCases], plan: Plan) -> list[CaseSums]:
    return [sample(program, some, plan) for program, some in asked]


def same(one: Sequence[CaseSums], other: Sequence[CaseSums]) -> bool:
    return all(
        np.array_equal(getattr(left, name), getattr(right, name))
        for left, right in zip(one, other, strict=True)
        for name in ("joint", "given", "squares")
    )


@pytest.mark.parametrize("name", MODELS)
def test_every_digit_is_that_of_a_walk_alone(name: str) -> None:
    programs = variants(compiled(exact_model(name)))
    asked = [(program, cases(program)) for program in programs]
    found = sample_together(asked, PLAN)
    assert same(found, alone(asked, PLAN))
    assert not same(found, [found[-1]] * len(found))  # what is imposed tells


def test_every_digit_is_that_of_a_walk_alone_where_judgements_are_drawn(bundled: Study) -> None:
    program = bundled.drawn(7, 64).truncate_after(3)
    scenario: list[tuple[Formula, Formula]] = [(Timed("at", range(3, 4), InStates(OUTCOME, frozenset({1}))), CERTAIN)]
    programs = [
        program.intervene("sanctions", "lifted", range(4)),
        program.intervene("unpredictability", 0.9, range(1)),
        program.intervene("sanctions", "eased", range(2, 4)),
    ]
    asked = [*((one, scenario) for one in programs), (program.truncate_after(1), cases(program.truncate_after(1)))]
    plan = Plan.of(1024, 7, 64)
    assert same(sample_together(asked, plan), alone(asked, plan))


def test_a_latent_normal_is_that_of_the_step_before_in_each_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most programs' kernel draws for all; one that sees what it has drawn goes on from another normal."""
    program = load().program.truncate_after(2)
    node = program.nodes["unpredictability"]
    assert isinstance(node, NumericNode)
    above: list[tuple[Formula, Formula]] = [
        (Timed("at", range(2, 3), Compared("unpredictability", ">", middle(node))), CERTAIN)
    ]
    held = [program.intervene("unpredictability", value, range(1)) for value in (0.1, 0.9)]
    asked = [(one, above) for one in (*held, program)]
    whole = alone(asked, PLAN)
    assert same(sample_together(asked, PLAN), whole)
    draw = kernels.StackedKernel.draw

    def late(self: kernels.StackedKernel, block_states: object, *rest: object) -> None:
        self.common_kernel.draw(block_states, *rest)  # type: ignore[arg-type]
        draw(self, block_states, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(kernels.StackedKernel, "draw", late)
    assert not same(sample_together(asked, PLAN), whole)


def test_they_fill_one_block() -> None:
    assert [most_programs_together(Plan(trials, 1)) for trials in (100, 1024, BLOCK // 2 + 1, 3 * BLOCK)] == [
        163,
        16,
        1,
        1,
    ]


def test_what_is_asked_together_is_answered_as_if_alone(bundled: Study) -> None:
    study = bundled
    queries = [
        "P(reset @ end | do(sanctions=lifted))",
        "P(reset @ ever | do(sanctions=tightened))",
        "P(sanctions=eased @ mean | do(us_approach=relapse))",
        "P(reset @ start)",
        "P(domestic_opposition=hard @ 2026-Q1 | do(unpredictability=0.9))",
        "P(reset @ end | reset @ 2026-Q1)",
    ]
    asked = [
        one
        for query in queries
        for one in distinct_probabilities(
            parse_statement(query, study.loaded.model, study.program, in_profile=study.under)
        )
    ]
    settings = RunSettings(1024, 3, "sample")

    def estimator() -> ProbabilityEstimator:
        return ProbabilityEstimator(study.program, study.under, settings)

    assert [len(stack) for stack in estimator().stack_groups(asked, 1024)] == [5, 1]
    together = estimator().find(asked)
    for one in asked:
        (found,) = estimator().find([one]).values()
        assert (found.value, found.standard_error) == (together[one].value, together[one].standard_error)
        assert found.trials == together[one].trials
