"""The language of queries: what its texts mean in a small model, and where and how it refuses what means nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.cases import Case, cases
from support.enumerated import by_parts
from support.reference_models import at
from usru_scenarios.language.query import parse_assignment, parse_expectation, parse_observation, parse_statement
from usru_scenarios.language.questions import (
    ComparisonStatement,
    Probability,
    Statement,
    distinct_probabilities,
    evaluate,
)
from usru_scenarios.language.text import MAXIMUM_DEPTH
from usru_scenarios.limits import MOST_OPERATIONS
from usru_scenarios.model.schema import Model
from usru_scenarios.problems import QueryError, Span
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.conditions import Intervention
from usru_scenarios.program.events import All, Compared, Formula, InStates, Not, Some, Timed
from usru_scenarios.program.program import Program
from usru_scenarios.reading.loading import load
from usru_scenarios.reading.request import Request

BUNDLED = Path(__file__).parents[1] / "scenarios" / "us-russia.yaml"

RAW: dict[str, Any] = {
    "usru": 1,
    "name": "small",
    "title": "Small",
    "time": {"start": "2025-01", "end": "2027-01", "step": "quarter"},
    "scenarios": {"cold": {}, "frozen": {}, "reset": {}, "warm": {}},
    "groups": {"thaw": ["reset", "warm"]},
    "drivers": {
        "sanctions": {"states": {"eased": {}, "lifted": {}, "maintained": {}}},
        "talks": {"states": {"deal": {}, "stalled": {}}},
        "unpredictability": {"kind": "numeric", "range": [0, 1]},
    },
    "rules": {"refused": {"when": {"talks": "stalled"}, "then": {"scenario": {"cold": 1}}}},
    "consequences": {"imports": {"states": {"high": {}, "low": {}}}},
    "profiles": {"sceptic": {"weights": {"talks": 0.5}}, "sunny": {"overrides": {"scenarios": {"ally": {}}}}},
}
STEPS = 8


@cache
def model() -> Model:
    return Model.model_validate(RAW)


@cache
def program() -> Program:
    return compile_model(model())


@cache
def one_step() -> tuple[Model, Program]:
    timeless = Model.model_validate({key: part for key, part in RAW.items() if key != "time"})
    return timeless, compile_model(timeless)


def read(text: str) -> Statement:
    return parse_statement(text, model(), program())


def probability(text: str) -> Probability:
    statement = read(text)
    assert isinstance(statement, Probability)
    return statement


def only_event(text: str) -> Formula:
    (case,) = probability(text).cases
    return case.event


COLD, FROZEN, RESET, WARM = (InStates("scenario", frozenset([state])) for state in range(4))
THAW = InStates("scenario", frozenset([2, 3]))
EASED, LIFTED, MAINTAINED = (InStates("sanctions", frozenset([state])) for state in range(3))
DEAL = InStates("talks", frozenset([0]))
ERRATIC = Compared("unpredictability", ">", 0.7)


# --- Events ----------------------------------------------------------------------------------------------------------

CONDITIONS: Mapping[str, Formula] = {
    "reset": RESET,
    "thaw": THAW,
    "scenario=reset": RESET,
    "sanctions=lifted": LIFTED,
    "imports=low": InStates("imports", frozenset([1])),
    "unpredictability>0.7": ERRATIC,
    "unpredictability <= 7e-1": Compared("unpredictability", "<=", 0.7),
    "unpredictability>-.5": Compared("unpredictability", ">", -0.5),
    "unpredictability >= +1.": Compared("unpredictability", ">=", 1.0),
    "not reset": Not(RESET),
    "not not reset": Not(Not(RESET)),
    "reset or warm or cold": Some((RESET, WARM, COLD)),
    "reset or (warm or cold)": Some((RESET, WARM, COLD)),
    "reset and sanctions=eased or warm": Some((All((RESET, EASED)), WARM)),
    "warm or reset and sanctions=eased": Some((WARM, All((RESET, EASED)))),
    "(warm or reset) and sanctions=eased": All((Some((WARM, RESET)), EASED)),
    "not reset and sanctions=eased": All((Not(RESET), EASED)),
    "not (reset and sanctions=eased)": Not(All((RESET, EASED))),
    "not reset or warm": Some((Not(RESET), WARM)),
    "((reset))": RESET,
    "  sanctions\n=\teased\n and reset ": All((EASED, RESET)),
}


@pytest.mark.parametrize("text", CONDITIONS)
def test_an_event_is_read_by_precedence_and_its_time_binds_all_of_it(text: str) -> None:
    assert only_event(f"P({text} @ start)") == at(0, CONDITIONS[text])
    assert only_event(f"P({text} @ ever)") == Timed("ever", range(STEPS), CONDITIONS[text])


def ever(condition: Formula, steps: range = range(STEPS)) -> Timed:
    return Timed("ever", steps, condition)


def always(condition: Formula, steps: range = range(STEPS)) -> Timed:
    return Timed("always", steps, condition)


OWN_TIMES: Mapping[str, Formula] = {
    "(talks=deal @ ever) and (reset @ end)": All((ever(DEAL), at(7, RESET))),
    "(talks=deal @ ever) and reset @ end": All((ever(DEAL), at(7, RESET))),
    "((talks=deal @ ever) and (reset @ end))": All((ever(DEAL), at(7, RESET))),
    "not (reset @ ever)": Not(ever(RESET)),
    "(reset @ start) or not (warm and thaw @ always)": Some((at(0, RESET), Not(always(All((WARM, THAW)))))),
    "((cold @ start) or cold) and ((reset @ end) or warm) @ 2025-Q2": All(
        (Some((at(0, COLD), at(1, COLD))), Some((at(7, RESET), at(1, WARM))))
    ),
    # What has no time of its own stays together under the outer one: at one and the same step.
    "(talks=deal @ start) and reset and sanctions=eased @ ever": All((at(0, DEAL), ever(All((RESET, EASED))))),
    "(talks=deal @ start) and reset and sanctions=eased @ always": All((at(0, DEAL), always(RESET), always(EASED))),
    "(talks=deal @ start) or reset or sanctions=eased @ ever": Some((at(0, DEAL), ever(RESET), ever(EASED))),
    "(talks=deal @ start) or reset or sanctions=eased @ always": Some((at(0, DEAL), always(Some((RESET, EASED))))),
    "(talks=deal @ start) and (warm @ end) or reset @ ever": Some((All((at(0, DEAL), at(7, WARM))), ever(RESET))),
    "not ((talks=deal @ start) and reset) @ ever": Not(All((at(0, DEAL), always(RESET)))),
    "not ((talks=deal @ start) or reset) @ always": Not(Some((at(0, DEAL), ever(RESET)))),
}


@pytest.mark.parametrize("text", OWN_TIMES)
def test_a_part_in_parentheses_keeps_its_own_time(text: str) -> None:
    assert only_event(f"P({text})") == OWN_TIMES[text]


World = dict[str, int]
NODES = ("scenario", "sanctions", "talks", "imports")

# Of two parts with a time, a and b, and two without, c and d: the text, and what it says at a step.
A, B, C, D = "(cold @ start)", "(sanctions=eased @ end)", "talks=deal", "imports=low"
Mixture = Callable[[bool, bool, bool, bool], bool]
MIXTURES: Mapping[str, Mixture] = {
    f"{A} and {C} and {D}": lambda a, _, c, d: a and c and d,
    f"{A} or {C} or {D}": lambda a, _, c, d: a or c or d,
    f"not ({A} and ({C} or not {D}))": lambda a, _, c, d: not (a and (c or not d)),
    f"({A} or {B}) and not {C}": lambda a, b, c, _: (a or b) and not c,
    f"{A} or {B} and {C}": lambda a, b, c, _: a or (b and c),
    f"not ({A} and not {B} or {C} and {D})": lambda a, b, c, d: not ((a and not b) or (c and d)),
}


@pytest.mark.parametrize("text", MIXTURES)
@pytest.mark.parametrize(("mode", "quantifier"), [("ever", any), ("always", all)])
def test_a_time_over_parts_with_times_takes_them_as_constants(
    text: str, mode: str, quantifier: Callable[[Iterable[bool]], bool]
) -> None:
    """Against the definition: the whole is true at some step, or at every one, the timed parts being what they are."""
    lowered = only_event(f"P({text} @ {mode})")
    verdicts = set()
    for drawn in np.random.default_rng(7).integers(0, [4, 3, 2, 2], (300, 2, 4)):
        path: list[World] = [dict(zip(NODES, drawn[step % 2].tolist(), strict=True)) for step in range(STEPS)]
        a, b = path[0]["scenario"] == 0, path[-1]["sanctions"] == 0
        expected = quantifier(MIXTURES[text](a, b, now["talks"] == 0, now["imports"] == 1) for now in path)
        assert holds(lowered, path) == expected
        verdicts.add(expected)
    assert verdicts == {True, False}


def holds(formula: Formula, path: list[World], step: int = 0) -> bool:
    """Whether a formula holds on a path."""
    match formula:
        case InStates(node, states):
            return path[step][node] in states
        case Timed("always", steps, condition):
            return all(holds(condition, path, step) for step in steps)
        case Timed(_, steps, condition):
            return any(holds(condition, path, step) for step in steps)
    return by_parts(formula, lambda part: holds(part, path, step))


# --- Times -----------------------------------------------------------------------------------------------------------

AT_STEPS = {
    "": range(8),
    "@ mean": range(8),
    "@ start": range(1),
    "@ end": range(7, 8),
    "@ 2025-Q2": range(1, 2),
    "@ 2025-05": range(1, 2),
    "@ 2025-05-09": range(1, 2),
    "@ 2025": range(4),
    "@ 2025-Q2..2026-Q1": range(1, 5),
    "@2025-04..2026": range(1, 8),
    "@ 2026 ..": range(4, 8),
    "@ ..2025": range(4),
    "@ 2025-Q3..end": range(2, 8),
    "@ start .. 2025-Q3": range(3),
}


@pytest.mark.parametrize("text", AT_STEPS)
def test_a_range_is_a_case_for_each_of_its_steps(text: str) -> None:
    cases = probability(f"P(reset {text})").cases
    assert [case.step for case in cases] == list(AT_STEPS[text])
    assert [case.event for case in cases] == [at(step, RESET) for step in AT_STEPS[text]]
    assert {case.given for case in cases} == {None}


PATH_TIMES = {
    "ever": ("ever", range(8)),
    "ever 2025": ("ever", range(4)),
    "ever 2026..": ("ever", range(4, 8)),
    "ever ..2026-Q1": ("ever", range(5)),
    "ever end": ("ever", range(7, 8)),
    "always": ("always", range(8)),
    "always 2025-Q2..2025-Q3": ("always", range(1, 3)),
    "by 2025-Q3": ("ever", range(3)),
    "by 2025": ("ever", range(4)),
    "by end": ("ever", range(8)),
}


@pytest.mark.parametrize("text", PATH_TIMES)
def test_ever_always_and_by_are_one_case_about_the_path(text: str) -> None:
    (case,) = probability(f"P(reset @ {text})").cases
    mode, steps = PATH_TIMES[text]
    assert isinstance(case.event, Timed)
    assert (case.event.mode, case.event.steps, case.step) == (mode, steps, None)


def test_without_time_there_is_one_step_called_now() -> None:
    for text in ("P(reset)", "P(reset @ now)", "P(reset @ start)", "P(reset @ end)", "P(reset @ mean)"):
        statement = parse_statement(text, *one_step())
        assert isinstance(statement, Probability)
        assert [case.event for case in statement.cases] == [at(0, RESET)]


# --- Conditions ------------------------------------------------------------------------------------------------------


def test_an_observation_without_a_time_is_read_at_the_step_of_the_event() -> None:
    for time, steps in (("@ 2025", range(4)), ("@ end", range(7, 8)), ("", range(8)), ("@ 2025-Q1..", range(8))):
        cases = probability(f"P(reset {time} | sanctions=eased)").cases
        assert [case.given for case in cases] == [at(step, EASED) for step in steps]


def test_an_observation_with_a_time_is_a_fact_whatever_the_step_of_the_event() -> None:
    asked = probability("P(reset @ 2025 | sanctions=eased @ end, talks=deal, unpredictability>0.7 @ always 2026)")
    erratic = always(ERRATIC, range(4, 8))
    assert [case.given for case in asked.cases] == [All((at(7, EASED), at(step, DEAL), erratic)) for step in range(4)]
    assert asked.observed == ("sanctions=eased @ end", "talks=deal", "unpredictability>0.7 @ always 2026")


def test_observations_are_told_apart_though_they_are_one_event() -> None:
    two = probability("P(reset @ end | sanctions=eased and talks=deal, thaw @ by 2025)")
    assert list(two.evidence(two.cases[0])) == [
        ("sanctions=eased and talks=deal", at(7, All((EASED, DEAL)))),
        ("thaw @ by 2025", ever(THAW, range(4))),
    ]
    one = probability("P(reset @ end | (sanctions=eased @ start) and (talks=deal @ end))")
    assert list(one.evidence(one.cases[0])) == [(one.observed[0], All((at(0, EASED), at(7, DEAL))))]
    none = probability("P(reset @ end)")
    assert list(none.evidence(none.cases[0])) == []


def test_what_is_observed_beside_ever_has_a_time() -> None:
    asked = probability("P(reset @ by 2025 | (sanctions=eased @ start) or (talks=deal @ ever), cold @ 2026-Q1)")
    assert [case.given for case in asked.cases] == [All((Some((at(0, EASED), ever(DEAL))), at(4, COLD)))]


INTERVENTIONS: Mapping[str, tuple[str, str | float, range]] = {
    "sanctions=eased": ("sanctions", "eased", range(8)),
    "sanctions=eased @ 2025-Q3": ("sanctions", "eased", range(2, 3)),
    "sanctions = eased@2025": ("sanctions", "eased", range(4)),
    "sanctions=eased @ 2025-Q2..2026-Q1": ("sanctions", "eased", range(1, 5)),
    "sanctions=eased @ ..2026-Q1": ("sanctions", "eased", range(5)),
    "imports=low @ end": ("imports", "low", range(7, 8)),
    "unpredictability=0.9": ("unpredictability", 0.9, range(8)),
    "unpredictability=1": ("unpredictability", 1.0, range(8)),
    "scenario=reset @ start": ("scenario", "reset", range(1)),
    "reset @ start": ("scenario", "reset", range(1)),
}


@pytest.mark.parametrize("text", INTERVENTIONS)
def test_an_intervention_sets_one_node_at_some_steps(text: str) -> None:
    expected = Intervention(*INTERVENTIONS[text], text=text)
    assert probability(f"P(cold | do({text}))").interventions == (expected,)
    assert parse_assignment(text, model(), program()) == expected


def test_an_intervention_changes_the_program() -> None:
    changed = parse_assignment("sanctions=lifted@2025", model(), program()).apply(program())
    assert changed.nodes["sanctions"].imposed.tolist() == [1, 1, 1, 1, -1, -1, -1, -1]


def test_interventions_on_one_node_may_follow_one_another() -> None:
    asked = probability("P(reset @ end | do(sanctions=lifted @ 2025), do(sanctions=eased @ 2026), do(talks=deal))")
    assert [(one.node, one.steps) for one in asked.interventions] == [
        ("sanctions", range(4)),
        ("sanctions", range(4, 8)),
        ("talks", range(8)),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [("sanctions=lifted@2025", "sanctions=eased"), ("unpredictability=1@end", "unpredictability=0")],
)
def test_what_is_imposed_from_outside_is_not_overlapped_either(before: str, after: str) -> None:
    imposed = parse_assignment(before, model(), program()).apply(program())
    with pytest.raises(QueryError, match="is already set at 202"):
        parse_assignment(after, model(), imposed)
    with pytest.raises(QueryError, match="is already set at 202"):
        parse_statement(f"P(reset | do({after}))", model(), imposed)


def test_all_kinds_of_conditions_go_together() -> None:
    asked = probability("P( reset @end | do(talks=deal),profile(sceptic) ,\n sanctions=eased @ start )")
    assert asked.text == "P( reset @end | do(talks=deal),profile(sceptic) , sanctions=eased @ start )"
    assert asked.profile == "sceptic"
    assert [one.text for one in asked.interventions] == ["talks=deal"]
    assert asked.observed == ("sanctions=eased @ start",)


def test_a_profile_may_change_what_the_names_mean() -> None:
    sunny = compile_model(Model.model_validate({**RAW, "scenarios": {**RAW["scenarios"], "ally": {}}}))
    text = "P(reset @ end | profile(sunny)) > P(reset @ end)"
    comparison = parse_expectation(text, model(), program(), in_profile={"sunny": sunny}.__getitem__)
    shifted = InStates("scenario", frozenset([3]))
    assert [leaf.cases[0].event for leaf in distinct_probabilities(comparison)] == [at(7, shifted), at(7, RESET)]


OBSERVATIONS: Mapping[str, Formula] = {
    "sanctions=eased@2025-Q3": at(2, EASED),
    "sanctions=eased@end": at(7, EASED),
    "reset@ever": ever(RESET),
    "reset @ by 2025": ever(RESET, range(4)),
    "unpredictability>0.7 @ always 2026": always(ERRATIC, range(4, 8)),
    "(reset @ start) or (warm @ end)": Some((at(0, RESET), at(7, WARM))),
}


@pytest.mark.parametrize("text", OBSERVATIONS)
def test_what_is_given_from_outside_has_a_time(text: str) -> None:
    observation = parse_observation(text, model(), program())
    assert (observation.event, observation.text) == (OBSERVATIONS[text], text)


# --- Statements ------------------------------------------------------------------------------------------------------

ARITHMETIC = {
    "2": 2.0,
    "1 + 2 * 3": 7.0,
    "(1 + 2) * 3": 9.0,
    "8 - 3 - 2": 3.0,
    "8 / 4 / 2": 1.0,
    "-2 * -3": 6.0,
    "--2": 2.0,
    "2 - -1": 3.0,
    "1.5e-1 + .5 + 2.": 2.65,
    "odds(0.8)": 4.0,
    "log(odds(0.5)) + 1": 1.0,
    "P(reset)": 0.25,
    "P(reset @ end) * 4 - P(warm)": 1.5,
    "P(reset @ end)/P(warm)": 1.0,
}
GIVEN_VALUES = {"P(reset)": 0.25, "P(reset @ end)": 0.5, "P(warm)": 0.5}


def value(text: str) -> Any:
    statement = read(text)
    assert not isinstance(statement, ComparisonStatement)
    return evaluate(statement, lambda leaf: GIVEN_VALUES[leaf.text])


@pytest.mark.parametrize("text", ARITHMETIC)
def test_arithmetic_has_the_usual_precedence(text: str) -> None:
    assert value(text) == pytest.approx(ARITHMETIC[text])


def test_what_is_undefined_is_infinite_or_no_number() -> None:
    assert value("1 / 0") == math.inf
    assert value("odds(1)") == math.inf
    assert value("log(0)") == -math.inf
    assert math.isnan(value("odds(1) - odds(1)"))
    assert math.isnan(value("log(-1)"))


def test_a_statement_is_worked_out_for_all_replicates_at_once() -> None:
    shares = np.random.default_rng(3).uniform(0.1, 0.9, (2, 50))
    values = {"P(reset)": shares[0], "P(warm)": shares[1]}
    statement = read("log(odds(P(reset))) - 2 * P(warm) / P(reset)")
    assert not isinstance(statement, ComparisonStatement)
    expected = [math.log(r / (1 - r)) - 2 * w / r for r, w in shares.T]
    assert evaluate(statement, lambda leaf: values[leaf.text]) == pytest.approx(expected)
    chain = parse_expectation("0.3 < P(reset) <= P(warm)", model(), program())
    assert chain.holds(lambda leaf: values[leaf.text]).tolist() == [0.3 < r <= w for r, w in shares.T]


def test_a_chain_links_neighbours() -> None:
    chain = parse_expectation("0.1 < P(reset) >= P(warm) - 0.1 > -1", model(), program())
    values = {"P(reset)": 0.4, "P(warm)": 0.7}
    links = list(chain.links())
    assert [link.sign for link in links] == ["<", ">=", ">"]
    assert [link.margin(lambda leaf: values[leaf.text]) for link in links] == pytest.approx([0.3, -0.2, 1.6])
    assert [bool(link.holds(lambda leaf: values[leaf.text])) for link in links] == [True, False, True]
    assert not chain.holds(lambda leaf: values[leaf.text])


@pytest.mark.parametrize(("sign", "expected"), [("<", False), ("<=", True), (">", False), (">=", True)])
def test_equal_sides_meet_what_allows_equality(sign: str, expected: bool) -> None:
    chain = parse_expectation(f"P(reset) {sign} 0.5", model(), program())
    assert bool(chain.holds(lambda _: 0.5)) is expected


def test_each_compares_step_by_step() -> None:
    text = "P(reset @ each 2025 | talks=deal) + 0.1 > P(cold @ each 2025) > P(warm)"
    chain = parse_expectation(text, model(), program())
    assert chain.each == range(4)
    reset, cold, warm = distinct_probabilities(chain)
    assert (reset.each, cold.each, warm.each) == (True, True, False)
    assert [case.given for case in reset.cases] == [at(step, DEAL) for step in range(4)]
    links = list(chain.links())
    assert [link.step for link in links] == [0, 0, 1, 1, 2, 2, 3, 3]

    def of_step(leaf: Probability) -> float:
        assert not leaf.each
        if leaf.text == warm.text:
            assert len(leaf.cases) == STEPS
            return 0.1
        (case,) = leaf.cases
        assert case.step is not None
        return 0.05 * case.step + (0.2 if case in reset.cases else 0.25)

    margins = [link.margin(of_step) for link in links]
    assert margins == pytest.approx([0.05, 0.15, 0.05, 0.2, 0.05, 0.25, 0.05, 0.3])
    assert chain.holds(of_step)
    assert not chain.holds(lambda leaf: of_step(leaf) + (leaf.cases[0].event == at(2, COLD)))


def test_each_alone_is_every_step() -> None:
    assert parse_expectation("P(reset @ each) < 0.1", model(), program()).each == range(STEPS)


def test_the_same_probability_is_asked_once() -> None:
    statement = read("P(reset) * P(warm) + P(reset)/P( reset )")
    assert [leaf.text for leaf in distinct_probabilities(statement)] == ["P(reset)", "P(warm)", "P( reset )"]


# --- Refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases("refused_queries.txt"), ids=lambda case: case.written[0])
def test_a_refusal_points_to_the_place_and_says_what_to_write(case: Case) -> None:
    """Marks stand around the place."""
    before, place, after = re.split("[«»]", case.written[0])
    with pytest.raises(QueryError) as caught:
        read(before + place + after)
    problem = caught.value.problem
    assert (problem.message, problem.hint) == (case.said, case.hint)
    start = len(before.rpartition("\n")[2])
    assert problem.span == Span("query", 1 + before.count("\n"), 1 + start, len(place))
    assert problem.span.text.startswith(place.strip(), start)
    assert caught.value.exit_status == 2


def test_a_refusal_is_drawn_as_a_compiler_draws_it() -> None:
    with pytest.raises(QueryError) as caught:
        read("P(reset | sanctons=eased)")
    assert str(caught.value) == (
        "query:1:11: unknown driver 'sanctons'\n"
        "   1 | P(reset | sanctons=eased)\n"
        "     |           ^^^^^^^^\n"
        "     = did you mean 'sanctions'?"
    )


def test_a_refusal_shows_the_line_of_a_query_of_several_lines() -> None:
    text = "P(reset)\n\t> P(sanctions=eased\n  or sanctions=easy\n)"
    with pytest.raises(QueryError) as caught:
        parse_expectation(text, model(), program(), source="file")
    assert str(caught.value) == (
        "file:3:16: unknown state of 'sanctions': 'easy'\n"
        "   3 |   or sanctions=easy\n"
        "     |                ^^^^\n"
        "     = did you mean 'eased'? one of: eased, lifted, maintained"
    )


def test_assignments_and_observations_are_refused_under_their_own_names() -> None:
    with pytest.raises(QueryError) as assigned:
        parse_assignment("talks=dael@end", model(), program())
    assert str(assigned.value).startswith("--do:1:7: unknown state of 'talks': 'dael'\n")
    with pytest.raises(QueryError) as observed:
        parse_observation("talks=deal", model(), program())
    assert str(observed.value) == (
        "--given:1:1: what is given must say its time\n   1 | talks=deal\n     | ^^^^^^^^^^\n"
        "     = add for instance @ start, @ 2025-06, @ by 2026, @ ever or @ always; only "
        "within P( | ) there is an event whose time it can share"
    )


@pytest.mark.parametrize(
    "text", ["talks=deal@2025", "talks=deal@mean", "talks=deal@each", "talks=deal@end, reset@end", ""]
)
def test_what_is_given_is_one_fact(text: str) -> None:
    with pytest.raises(QueryError):
        parse_observation(text, model(), program())


def test_an_expectation_compares() -> None:
    with pytest.raises(QueryError, match="an expectation says what must hold"):
        parse_expectation("P(reset @ end)", model(), program())


def test_a_date_has_no_meaning_without_time() -> None:
    with pytest.raises(QueryError, match="the date 2025 has no meaning in a model without 'time'"):
        parse_statement("P(reset @ 2025)", *one_step())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(" * (MAXIMUM_DEPTH + 1), "nested more than"),
        ("P(" + "(" * 10_000, "nested more than"),
        ("P(" + "not " * 10_000 + "reset)", "nested more than"),
        ("-" * 10_000 + "1", "nested more than"),
        ("odds(" * 10_000, "nested more than"),
        ("1" + "+1" * 10_000, "more than 200 operations"),
    ],
)
def test_texts_made_to_exhaust_the_stack_are_refused(text: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        read(text)


def test_long_statements_within_the_bounds_are_worked_out() -> None:
    assert value("1" + "-1" * MOST_OPERATIONS) == 1 - MOST_OPERATIONS
    assert value("(" * (MAXIMUM_DEPTH - 1) + "1" + ")" * (MAXIMUM_DEPTH - 1)) == 1
    joined = "P(" + "reset or " * MOST_OPERATIONS + "reset @ end)"
    assert only_event(joined) == at(7, Some((RESET,) * (MOST_OPERATIONS + 1)))


# --- Anything at all -------------------------------------------------------------------------------------------------

PIECES = [
    *("P(", "(", ")", ")", "|", ",", "@", "..", "do(", "profile(", "odds(", "log("),
    *("reset", "thaw", "talks=deal", "sanctions", "=eased", "unpredictability", "> 0.7", "sceptic"),
    *("not", "and", "or", "end", "ever", "always", "each", "by", "mean", "2025", "2025-Q3"),
    *("+", "-", "*", "/", "3", "<", "<=", ">", ">=", "==", "%", "never", "\n", "\u2265"),
]


def refusal(parse: Callable[[str, Model, Program], object], text: str) -> QueryError | None:
    try:
        parse(text, model(), program())
    except QueryError as error:
        return error
    return None


@settings(deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join)))
def test_any_text_is_understood_or_refused(text: str) -> None:
    for parse in (parse_statement, parse_assignment, parse_observation):
        error = refusal(parse, text)
        assert error is None or (error.problem.span is not None and str(error))


def sound_events() -> st.SearchStrategy[str]:
    """Events that have a meaning at a step, whatever stands around them."""
    atoms = ["reset", "thaw", "talks=deal", "sanctions = eased", "unpredictability>=.7", "(cold @ by 2025)"]
    return st.recursive(
        st.sampled_from(atoms),
        lambda part: st.one_of(
            part.map("not {}".format),
            part.map("( {} )".format),
            st.tuples(part, st.sampled_from(["and", "or", " and\n"]), part).map(" ".join),
        ),
        max_leaves=8,
    )


@settings(deadline=None)
@given(
    sound_events(),
    st.sampled_from(["end", "start", "2025-Q3"]),
    st.sampled_from(["", "| talks=deal", "| do(talks=deal)"]),
)
def test_a_probability_means_the_same_as_it_is_shown(event: str, time: str, conditions: str) -> None:
    asked = probability(f"P(reset or {event} @ {time} {conditions})")
    assert len(asked.cases) == 1
    assert probability(asked.text) == asked


# --- The bundled model -----------------------------------------------------------------------------------------------


@cache
def bundled() -> tuple[Model, Program]:
    loaded = load(Request.of(BUNDLED)).model
    return loaded, compile_model(loaded)


def test_the_expectations_of_the_bundled_model_are_understood() -> None:
    expectations = bundled()[0].expectations
    assert expectations
    for name, expectation in expectations.items():
        assert distinct_probabilities(parse_expectation(expectation.that, *bundled(), source=name))


SAYINGS = [
    "P(deterioration | domestic_opposition=hard) >= 1.2 * P(deterioration)",
    "P(reset or limited_cooperation @ start) > 0.5",
    (
        "P(sanctions=eased @ by 2026-Q4 | do(congress_control=unified_republican)) "
        "> P(sanctions=eased @ by 2026-Q4 | do(congress_control=opposition))"
    ),
    "P(status_quo @ start) < P(reset @ start) > P(deterioration @ start)",
    "P(chill @ end) >= P(chill @ start) + 0.05",
    "P(sanctions=eased @ each 2025-Q1..2026-Q4) > P(sanctions=lifted @ each 2025-Q1..2026-Q4)",
    (
        "P(ukraine_talks=escalation @ by 2025-Q4 | do(us_ukraine_role=ultimatum), do(kyiv_stance=intransigent),\n"
        "do(russian_conduct=intransigent)) > 1.5 * P(ukraine_talks=escalation @ by 2025-Q4 |\n"
        "do(us_ukraine_role=ultimatum), do(kyiv_stance=guarded), do(russian_conduct=guarded))"
    ),
    (
        "3 * (P(reset @ 2025-Q1..2026-Q4 | do(dialogue=summit)) - P(reset @ 2025-Q1..2026-Q4 | do(dialogue=working)))"
        " < P(reset @ 2025-Q1..2026-Q4 | do(ukraine_talks=settlement)) - P(reset @ 2025-Q1..2026-Q4)"
    ),
    (
        "log(odds(P(reset @ 2025-Q1..2026-Q4 | do(us_approach=deal_seeking))))"
        " + log(odds(P(reset @ 2025-Q1..2026-Q4))) > log(odds(P(reset @ 2025 | do(russian_conduct=compromise_ready))))"
    ),
    (
        "P(us_approach=deal_seeking @ always 2025-Q1..2025-Q4 | do(unpredictability=0.9))"
        " < P(us_approach=deal_seeking @ always 2025-Q1..2025-Q4 | do(unpredictability=0.3))"
    ),
    "0.05 < P(us_approach=relapse @ 2026-Q4) < 0.35",
    "P(china_wedge=russia_distances @ each) < 0.1",
    (
        "odds(P(deterioration @ 2025-Q1 | do(ukraine_talks=escalation @ 2025-Q1))) / odds(P(deterioration @ 2025-Q1))"
        " > odds(P(deterioration @ end | do(ukraine_talks=escalation @ end))) / odds(P(deterioration @ end))"
    ),
    "P(dialogue=working or dialogue=summit @ each 2025) >= 0.85",
    "P(reset @ start | profile(dmitriev_optimist)) > P(reset @ start) > P(reset @ start | profile(kremlin_detached))",
    "P(status_quo @ each | profile(institutional_sceptic)) > P(reset @ each | profile(institutional_sceptic))",
    "P(reset @ 2028-Q4 | reset @ 2025-Q4) < 0.6",
    "P((ukraine_talks=settlement @ ever) and (reset @ end)) > 0",
]


@pytest.mark.parametrize("text", SAYINGS)
def test_what_one_wants_to_say_of_the_bundled_model_can_be_said(text: str) -> None:
    comparison = parse_expectation(text, *bundled())
    assert comparison.holds(lambda _: 0.5).shape == ()


@pytest.mark.parametrize("comparison", [">= 1", "<= 0", "> 0", "< 1", ">= 0", "<= 1", "< 2", ">= -0.5"])
def test_a_comparison_at_an_end_of_the_range_or_that_always_holds_is_read(comparison: str) -> None:
    """What a value can be is asked of it, and what it always is says nothing, which does no harm."""
    observed = parse_observation(f"unpredictability {comparison} @ end", model(), program())
    assert observed.text == f"unpredictability {comparison} @ end"


def test_what_is_given_beyond_the_range_of_a_number_is_refused_at_the_number() -> None:
    with pytest.raises(QueryError) as refused:
        parse_observation("unpredictability > 1.5 @ by 2026", model(), program())
    assert refused.value.problem.message == "'unpredictability' goes from 0 to 1, so it is never > 1.5"
    assert refused.value.problem.span is not None
    assert refused.value.problem.span.column == len("unpredictability > ") + 1
