"""What is possible at all, and what is the same in every trial: held against the enumeration of all paths."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from support.effort import tries
from support.model_strategies import MODELS, models
from support.oracle import Json, Path, marginals, paths_of
from support.sampled import compiled, simulated
from support.tiny import QUESTIONS, TINY
from usru_scenarios.language.query import parse_statement
from usru_scenarios.language.questions import distinct_probabilities
from usru_scenarios.model.schema import Model
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import Compared, Timed
from usru_scenarios.program.program import CategoricalNode, Program
from usru_scenarios.program.support import EITHER, Support
from usru_scenarios.results.simulate import ValuesResult
from usru_scenarios.study import Study, load


def shares(raw: Json, program: Program) -> dict[tuple[str, int, int], float]:
    """The probability of each state of each node at each step, by enumeration."""
    known = marginals(raw)
    series = {OUTCOME: {name: visits["by_step"] for name, visits in known["scenarios"].items()}}
    series |= known["drivers"] | known["consequences"]
    found = {}
    for name, by_state in series.items():
        node = program.nodes[name]
        assert isinstance(node, CategoricalNode)
        for state, values in by_state.items():
            found.update({(name, step, node.states.index(state)): value for step, value in enumerate(values)})
    return found


@pytest.mark.more
@settings(MODELS, max_examples=tries(12, 60))
@given(raw=models(numeric=False))
def test_what_is_called_impossible_in_a_random_model_has_probability_0(raw: Json) -> None:
    program = compiled(raw)
    support = Support(program)
    for (name, step, state), share in shares(raw, program).items():
        assert support.possible[name][step, state] or share == 0.0, (name, step, state)
    for origin, row in marginals(raw)["transitions"].items():
        for goal, share in (row or {}).items():
            states = program.outcome.states
            move = support.moves[:, states.index(origin), states.index(goal)]
            assert move.any() or share == 0.0


@pytest.mark.more
@settings(MODELS, max_examples=tries(12, 60))
@given(raw=models())
def test_what_does_not_vary_in_a_random_model_has_no_error(raw: Json) -> None:
    """Sampled without the support's help: the errors come from the batches alone."""
    program = compiled(raw)
    support = Support(program)
    found = simulated(raw, 300, 1, program)
    for name, node in {**found.drivers, **found.consequences}.items():
        errors = [node.standard_errors.mean] if isinstance(node, ValuesResult) else list(node.standard_errors.values())
        for step in range(program.steps):
            assert support.varies[name][step] or all(series[step] < 1e-9 for series in errors), (name, step)
    if not program.has_feedback:
        for visits in found.scenarios.values():
            for error, varies in zip(visits.standard_errors.by_step, support.carried_varies, strict=True):
                assert varies or error < 1e-9


def changed(**parts: Any) -> Json:
    """The tiny model with other parts in some of its drivers, or in the outcome."""
    raw = copy.deepcopy(TINY)
    for name, part in parts.items():
        (raw["outcome"] if name == "outcome" else raw["drivers"][name]).update(part)
    return raw


LIMITED: dict[str, Json] = {
    "nothing is": TINY,
    "a state that is only left": changed(talks={"states": {"deal": 0, "none": 1}, "initial": {"deal": 1}}),
    "a state kept for good": changed(mood={"persistence": {"high": 1, "default": 0.5}, "initial": {"high": 1}}),
    "a chain": changed(mood={"allowed": {"high": ["low"], "low": ["low"]}, "initial": {"high": 1}, "persistence": 0}),
    "a forced redraw": changed(mood={"events": [{"at": "2001", "prior": {"low": 1}}], "persistence": 1}),
    "nowhere to go": changed(
        talks={"allowed": {"deal": ["deal"]}, "states": {"deal": 0, "none": 1}, "initial": {"deal": 0.5, "none": 0.5}}
    ),
    "parents": changed(
        mood={"states": {"high": 0, "low": 1}},
        talks={"prior_given": [{"when": {"mood": "low"}, "prior": {"none": 1}}], "initial": {"deal": 1}},
    ),
    "the outcome": changed(outcome={"allowed": {"war": ["war"], "thaw": ["war", "thaw"]}, "initial": {"thaw": 1}}),
}


@pytest.mark.parametrize("raw", LIMITED.values(), ids=LIMITED)
def test_nothing_is_called_possible_that_is_not_where_parents_are_independent(raw: Json) -> None:
    program = compiled(raw)
    support = Support(program)
    for (name, step, state), share in shares(raw, program).items():
        assert bool(support.possible[name][step, state]) == (share > 0.0), (name, step, state)


def paths(raw: Json) -> list[Path]:
    return [path for path, p in paths_of(raw) if p > 0]


@pytest.mark.parametrize("raw", LIMITED.values(), ids=LIMITED)
def test_the_truth_values_of_events_are_those_that_paths_have(raw: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    program, every = compiled(raw), paths(raw)
    support = Support(program)
    told = 0
    for text, asked in QUESTIONS.items():
        if asked.do or asked.profile:
            continue
        (probability,) = distinct_probabilities(parse_statement(text, Model.model_validate(raw), program))
        for case, event in zip(probability.cases, asked.events, strict=True):
            truths = {event(path) for path in every}
            assert support.truths(case.event) >= truths, text
            told += support.truths(case.event) == truths
            with monkeypatch.context() as patch:
                patch.setattr("usru_scenarios.program.support._MOST_COMBINATIONS", 8)  # step by step and part by part
                assert support.truths(case.event) >= truths, text
    assert told >= 30  # of 34: the states of successive steps are taken as independent


def test_interventions_and_observations_are_known() -> None:
    program = compiled(TINY)
    imposed = Support(program.intervene("mood", "high", range(3)))
    assert imposed.possible["mood"].tolist() == [[True, False]] * 3
    seen = Timed("at", range(1, 2), parsed("P(mood=high @ 2001)", program).predicate)
    observed = Support(program, [seen])
    assert observed.possible["mood"].tolist() == [[True, True], [True, False], [True, True]]


def parsed(text: str, program: Program) -> Timed:
    (probability,) = distinct_probabilities(parse_statement(text, Model.model_validate(TINY), program))
    event = probability.cases[0].event
    assert isinstance(event, Timed)
    return event


NUMERIC: list[tuple[str, Callable[[Json], None], str, float, frozenset[bool]]] = [
    ("beyond the range", lambda _n: None, ">", 1.0, frozenset({False})),
    ("within the range", lambda _n: None, ">", 0.5, EITHER),
    ("all of the range", lambda _n: None, ">=", 0.0, frozenset({True})),
    ("kept at its start", lambda n: n.update(initial=0.4), "<", 0.5, frozenset({True})),
    ("loose from its start", lambda n: n.update(initial=0.4, persistence=0.9), "<", 0.5, EITHER),
    (
        "pushed from its start by a window",
        lambda n: n.update(initial=0.4, events=[{"at": 2001, "until": 2002, "points": 2}]),
        "<",
        0.5,
        frozenset({False}),
    ),
    ("pushed by chance", lambda n: n.update(initial=0.4, influences={"mood": {"high": 1}}), "<", 0.5, EITHER),
]


@pytest.mark.parametrize(("what", "change", "sign", "value", "truths"), NUMERIC, ids=[one[0] for one in NUMERIC])
def test_a_number_that_cannot_move_is_known(
    what: str, change: Callable[[Json], None], sign: Any, value: float, truths: frozenset[bool]
) -> None:
    raw = copy.deepcopy(TINY)
    raw["drivers"]["n"] = {"kind": "numeric", "range": [0, 1]}
    change(raw["drivers"]["n"])
    support = Support(compiled(raw))
    assert support.truths(Timed("at", range(2, 3), Compared("n", sign, value))) == truths, what


def test_a_driver_without_weight_does_not_make_the_outcome_vary() -> None:
    program = compiled(TINY)
    assert Support(program).carried_varies.all()
    assert not Support(program.reweight({"mood": 0.0, "talks": 0.0})).carried_varies.any()
    cut = program.intervene("mood", "low", range(3)).intervene("talks", "none", range(1))
    assert np.array_equal(Support(cut).carried_varies, [False, True, True])


ORIGIN_ALONE: Json = {
    "usru": 1,
    "name": "origin-alone",
    "title": "What acts on the outcome is its own last state alone",
    "time": {"start": 2000, "end": 2004, "step": "year"},
    "scenarios": {"calm": 0.3, "storm": 0.7},
    "drivers": {"a": {"states": {"high": 0.3, "low": 0.7}, "impacts": {"high": {"calm": -2.0}}, "weight": 0}},
    "rules": {
        "r": {
            "when": {"scenario": "calm"},
            "lag": 1,
            "then": {"scenario": {"calm": -2.0}},
            "weight": {2000: 0, 2003: 1},
        }
    },
}


@pytest.mark.parametrize("allowed", [{}, {"calm": ["calm", "storm"]}])
def test_an_outcome_on_which_only_its_last_state_acts_is_sampled(allowed: dict[str, list[str]]) -> None:
    """Within the row of one last state the rule is a constant: a table without parents."""
    raw = {**ORIGIN_ALONE, "outcome": {"allowed": allowed}}
    found, truth = simulated(raw, 20_000, 1), marginals(raw)["scenarios"]["calm"]["by_step"]
    likelihood = found.scenarios["calm"]
    for value, error, right in zip(likelihood.by_step, likelihood.standard_errors.by_step, truth, strict=True):
        assert abs(value - right) <= 4.5 * error + 1e-12


def test_what_is_possible_is_the_same_beside_another_program(bundled: Study) -> None:
    """Variants of one program share what is found of laws; a variant of the other's nodes alone has its own."""
    program = bundled.program
    base = Support(program)
    program_2 = program.reweight({"sanctions": 2.0})
    for variant in (
        program,
        program_2,
        *(program.intervene("sanctions", state, range(2, 5)) for state in ("eased", "lifted")),
        load("us-russia", profile="institutional_sceptic").program,
    ):
        alone, beside = Support(variant), Support(variant, shared_with=base)
        for name, possible in alone.possible.items():
            assert np.array_equal(beside.possible[name], possible)
        for state in range(len(program.outcome.states)):
            assert np.array_equal(beside.probability_limits([state]), alone.probability_limits([state]))
    assert not np.array_equal(Support(program_2).probability_limits([0]), base.probability_limits([0]))
