"""Walks over the same block draw once what they have in common, and every walk gets the digits that it gets alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace

import numpy as np
import pytest

from support.sampled import compiled, exact_model
from usru_scenarios.language.query import parse_statement
from usru_scenarios.language.questions import distinct_probabilities
from usru_scenarios.program.program import CategoricalNode, Floats, Program
from usru_scenarios.questions.probability import ProbabilityEstimator
from usru_scenarios.sampler import rng
from usru_scenarios.sampler.blocks import BLOCK, KernelCache, Plan
from usru_scenarios.sampler.common_random_numbers import VariantSampler, VariantSums
from usru_scenarios.sampler.kernels import ThresholdTable
from usru_scenarios.sampler.shared_draws import SharedDraws, WalkDraws
from usru_scenarios.sampler.tables import BlockStates, CurveMemory, PiecewiseLinear
from usru_scenarios.settings import RunSettings
from usru_scenarios.study import Study, load

PLAN = Plan(BLOCK + 1_000, 7)
DRAWN = Plan(1_024, 7, 64)
MODELS = ("feedback", "numeric_feedback", "influences", "rules", "outcome_moves", "outcome_lumped", "stuck", "weights")


def variants(program: Program) -> list[Program]:
    """A program, and each driver held in each of its states, at all steps or from the second on."""
    held = [program]
    for name, node in program.nodes.items():
        if isinstance(node, CategoricalNode) and node.role == "driver":
            for state in node.states:
                held += [program.intervene(name, state, range(first, program.steps)) for first in (0, 1)]
    return held


def summed(programs: list[Program], plan: Plan, draws: SharedDraws | None) -> list[VariantSums]:
    """The sums of the blocks, one after the other."""
    sampler = VariantSampler(programs, plan, KernelCache(draws))
    return [sampler.run(block) for block in range(plan.blocks)]


def same(one: list[VariantSums], other: list[VariantSums]) -> bool:
    return all(
        np.array_equal(a, b)
        for left, right in zip(one, other, strict=True)
        for a, b in zip(left.visits, right.visits, strict=True)
    )


@pytest.mark.parametrize("name", MODELS)
def test_every_digit_is_that_of_a_walk_alone(name: str) -> None:
    programs = variants(compiled(exact_model(name)))
    assert same(summed(programs, PLAN, SharedDraws()), summed(programs, PLAN, None))


def test_every_digit_is_that_of_a_walk_alone_where_judgements_are_drawn(bundled: Study) -> None:
    program = bundled.drawn(7, 64).truncate_after(3)
    programs = [program, *(program.intervene("sanctions", state, range(3)) for state in ("lifted", "eased"))]
    plan = Plan(2 * 64 * 150, 7, 64)
    assert plan.blocks > 1
    assert same(summed(programs, plan, SharedDraws()), summed(programs, plan, None))


@pytest.mark.parametrize("most_bytes", [0, 20_000, 200_000])
def test_what_there_is_no_room_for_is_drawn_again(most_bytes: int) -> None:
    programs = variants(compiled(exact_model("feedback")))
    assert same(summed(programs, PLAN, SharedDraws(most_bytes)), summed(programs, PLAN, None))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The places of nodes that were drawn from thresholds."""
    places: list[int] = []
    draw = ThresholdTable.draw

    def counted(self: ThresholdTable, *args: object, **named: object) -> None:
        places.append(args[1])  # type: ignore[arg-type]
        draw(self, *args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(ThresholdTable, "draw", counted)
    return places


def test_what_walks_have_in_common_is_drawn_once(drawn: list[int]) -> None:
    program = compiled(exact_model("influences"))
    plan = replace(PLAN, trials=1_000)
    summed([program], plan, SharedDraws())
    alone = len(drawn)
    drawn.clear()
    summed([program, *[replace(program, nodes={**program.nodes})] * 2], plan, SharedDraws())
    assert len(drawn) == alone > 0


def test_a_walk_that_forgets_what_a_node_reads_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sabotaged twin: were a node told by its law alone, what is downstream of an intervention would not move."""

    def key(self: WalkDraws, place: tuple[int, str], kernel: object, reads: object) -> Hashable:  # noqa: ARG001
        return place, id(kernel)

    programs = variants(compiled(exact_model("feedback")))
    right = summed(programs, PLAN, None)
    monkeypatch.setattr(WalkDraws, "_draw_key", key)
    assert not same(summed(programs, PLAN, SharedDraws()), right)


def test_draws_that_are_held_to_observations_are_nobody_elses(bundled: Study) -> None:
    study = bundled
    asked = [
        "P(dialogue=summit @ end)",
        "P(dialogue=summit @ end | sanctions=eased @ 2025-Q2)",
        "P(dialogue=summit @ end | sanctions=lifted @ 2025-Q2)",
    ]
    statements = [parse_statement(text, study.outline, study.program) for text in asked]
    wanted = [one for statement in statements for one in distinct_probabilities(statement)]

    def found(kernels: KernelCache) -> list[float]:
        settings = RunSettings(2_000, 1, "sample")
        estimator = ProbabilityEstimator(study.program, lambda _: study.program, settings, kernels=kernels)
        return [one.value for one in estimator.find(wanted).values()]

    for order in (wanted, wanted[::-1]):
        wanted = order
        assert found(KernelCache(SharedDraws())) == found(KernelCache())


@pytest.mark.parametrize(("room", "least", "most"), [(1 << 24, 0.5, 0.5), (10 * BLOCK, 0.6, 0.9), (0, 1.0, 1.0)])
def test_words_are_made_once_as_far_as_there_is_room(
    room: int, least: float, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two programs that have no node in common, and so draw nothing alike."""
    program = compiled(exact_model("feedback"))
    programs = [program, replace(program, nodes={name: replace(node) for name, node in program.nodes.items()})]
    made: list[int] = []
    make = rng.RandomStream.make_step_words

    def counted(stream: rng.RandomStream, step: int) -> rng.StepWords:
        made.append(step)
        return make(stream, step)

    monkeypatch.setattr(rng, "MOST_WORD_BYTES", room)
    monkeypatch.setattr(rng, "MOST_UNIFORM_BYTES", 0)
    monkeypatch.setattr(rng.RandomStream, "make_step_words", counted)
    alone, calls = summed(programs, PLAN, None), len(made)
    made.clear()
    assert same(summed(programs, PLAN, SharedDraws()), alone)
    assert least * calls <= len(made) <= most * calls


@pytest.fixture
def along(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what was worked out along values of numeric nodes."""
    sizes: list[int] = []
    make = PiecewiseLinear.points

    def counted(self: PiecewiseLinear, block_states: BlockStates) -> dict[int, Floats]:
        sizes.append(block_states.trials)
        return make(self, block_states)

    monkeypatch.setattr(PiecewiseLinear, "points", counted)
    return sizes


def test_curves_along_values_that_walks_have_in_common_are_followed_once(bundled: Study, along: list[int]) -> None:
    program = bundled.program.truncate_after(2)
    plan = Plan(500, 7)
    held = [program, *(program.intervene("sanctions", state, range(3)) for state in ("lifted", "eased", "tightened"))]
    apart = summed(held, plan, None)
    every = len(along)
    along.clear()
    assert same(summed(held, plan, SharedDraws()), apart)
    assert len(along) * len(held) == every


def test_curves_along_other_values_are_followed_again(bundled: Study, along: list[int]) -> None:
    program = bundled.program.truncate_after(2)
    held = [program, *(program.intervene("unpredictability", value, range(3)) for value in (20.0, 80.0))]
    apart = summed(held, Plan(500, 7), None)
    every = len(along)
    along.clear()
    assert same(summed(held, Plan(500, 7), SharedDraws()), apart)
    assert len(along) == every


def test_curves_without_room_are_followed_again(bundled: Study, along: list[int]) -> None:
    program = bundled.program.truncate_after(2)
    held = [program, program.intervene("sanctions", "lifted", range(3))]
    apart = summed(held, Plan(500, 7), None)
    every = len(along)
    along.clear()
    assert same(summed(held, Plan(500, 7), SharedDraws(0)), apart)
    assert len(along) == every


def test_curves_of_other_values_taken_for_these_go_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sabotaged twin: what is made along values is told by the curves alone."""

    def once(_: CurveMemory, key: object, __: object, make: Callable[[], dict[int, Floats]]) -> dict[int, Floats]:
        return made.setdefault(key, make())

    made: dict[object, dict[int, Floats]] = {}
    program = load().program.truncate_after(2)
    held = [program, program.intervene("unpredictability", 80.0, range(3))]
    right = summed(held, Plan(500, 7), None)
    monkeypatch.setattr(CurveMemory, "get_or_make", once)
    assert not same(summed(held, Plan(500, 7), SharedDraws()), right)


def with_nothing_in_common() -> list[Program]:
    """Programs that say the same, and have nodes that no table holds."""
    program = load().program.truncate_after(2)
    return [program, replace(program, nodes={name: replace(node) for name, node in program.nodes.items()})]


@pytest.fixture
def numbered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many words were made numbers, one time after the other."""
    sizes: list[int] = []
    make = rng.RandomWords._uniforms  # noqa: SLF001

    def counted(words: rng.RandomWords) -> Floats:
        made = make(words)
        sizes.append(len(made))
        return made

    monkeypatch.setattr(rng.RandomWords, "_uniforms", counted)
    return sizes


@pytest.mark.parametrize("room", [1 << 23, 0])
def test_words_are_made_numbers_once_as_far_as_there_is_room(
    room: int, numbered: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rng, "MOST_UNIFORM_BYTES", room)
    plan = Plan(500, 7)
    alone = summed(with_nothing_in_common(), plan, None)
    every = len(numbered)
    numbered.clear()
    assert same(summed(with_nothing_in_common(), plan, SharedDraws()), alone)
    assert len(numbered) == (every // 2 if room else every)


def test_numbers_that_a_draw_has_overwritten_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sabotaged twin: what is remembered is given out itself."""

    def given(memory: rng.WordMemory, node: str, step: int, make: Callable[[], Floats]) -> Floats:
        return memory._uniforms.setdefault((node, step), make())  # noqa: SLF001

    right = summed(with_nothing_in_common(), Plan(500, 7), None)
    monkeypatch.setattr(rng.WordMemory, "uniforms", given)
    assert not same(summed(with_nothing_in_common(), Plan(500, 7), SharedDraws()), right)
