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

from support.reference_models import at
from usru_scenarios.language.query import parse_assignment, parse_expectation, parse_observation, parse_statement
from usru_scenarios.language.questions import ComparisonStatement, Probability, Statement, evaluate, probabilities
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
        case Not(part):
            return not holds(part, path, step)
        case All(parts):
            return all(holds(part, path, step) for part in parts)
        case Some(parts):
            return any(holds(part, path, step) for part in parts)
    raise AssertionError(formula)


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
    changed = parse_assignment("sanctions=lifted@2025", model(), program()).on(program())
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
    imposed = parse_assignment(before, model(), program()).on(program())
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
    assert [leaf.cases[0].event for leaf in probabilities(comparison)] == [at(7, shifted), at(7, RESET)]


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
    reset, cold, warm = probabilities(chain)
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
    assert [leaf.text for leaf in probabilities(statement)] == ["P(reset)", "P(warm)", "P( reset )"]


# --- Refusals --------------------------------------------------------------------------------------------------------

OF_SANCTIONS = "one of: eased, lifted, maintained"
A_TIME_FOLLOWS = "a time follows @, as in P(reset @ end)"
A_TIME = "a date, start, end, mean, ever, always, each or by"
NO_STEP = "the event is about no single step, so what is observed must say its time"
SAY_WHEN = "add for instance @ start, @ 2025-06, @ by 2026, @ ever or @ always"
SEVERAL_STEPS = "over several steps, say whether at some of them or at all"
NO_MEAN = (
    "queries are about probabilities; simulate -f csv has the mean of each numeric driver at each step, and here "
    "P({}>0.5 @ end) says how likely it is above a value"
)
NO_OVERLAP = "two interventions on one node can't overlap"
OWN_TIME = "give a part a time of its own in parentheses: (reset @ end) and (...)"

# The text, with marks around the place that the carets point to; the message; the hint.
REFUSED: list[tuple[str, str, str]] = [
    # Names
    ("P(reset | «sanctons»=eased)", "unknown driver 'sanctons'", "did you mean 'sanctions'?"),
    ("P(«Sanctions»=eased)", "unknown driver 'Sanctions'", "did you mean 'sanctions'?"),
    ("P(«x»=eased)", "unknown driver 'x'", "one of: imports, sanctions, scenario, talks, unpredictability"),
    ("P(sanctions=«easd»)", "unknown state of 'sanctions': 'easd'", f"did you mean 'eased'? {OF_SANCTIONS}"),
    ("P(sanctions=«deal»)", "unknown state of 'sanctions': 'deal'", OF_SANCTIONS),
    ("P(sanctions=«2»)", "unknown state of 'sanctions': '2'", OF_SANCTIONS),
    ("P(scenario=«q»)", "unknown scenario: 'q'", "one of: cold, frozen, reset, warm"),
    ("P(«resett» @ end)", "unknown scenario 'resett'", "did you mean 'reset'?"),
    ("P(«RESET»)", "unknown scenario 'RESET'", "did you mean 'reset'?"),
    ("P(«q»)", "unknown scenario 'q'", "one of: cold, frozen, reset, warm, thaw"),
    ("P(sanctions=eased or «lifted»)", "unknown scenario 'lifted'", "write sanctions=lifted"),
    ("P(«sanctions»)", "'sanctions' is a driver, not a scenario", f"write sanctions=state, {OF_SANCTIONS}"),
    ("P(«imports»)", "'imports' is a consequence, not a scenario", "write imports=state, one of: high, low"),
    ("P(«unpredictability»)", "'unpredictability' is a number, not a scenario", "compare it: unpredictability>0.5"),
    ("P(«refused»)", "'refused' is a rule, which has no states", "ask about its conditions"),
    ("P(«refused»=yes)", "'refused' is a rule, which has no states", "ask about its conditions"),
    ("P(«reset»=yes)", "'reset' is a scenario", "write reset alone"),
    ("P(«thaw»>0.5)", "'thaw' is a group of scenarios", "write thaw alone"),
    (
        "P(«unpredictability»=0.7)",
        "'unpredictability' is a number and is observed by comparison",
        "compare it: unpredictability>0.7",
    ),
    ("P(«sanctions»>2)", "'sanctions' has states, not numbers", f"write sanctions=state, {OF_SANCTIONS}"),
    ("P(unpredictability>=«2» @ by end)", "'unpredictability' goes from 0 to 1, so it is never >= 2", ""),
    ("P(not unpredictability > «1»)", "'unpredictability' goes from 0 to 1, so it is never > 1", ""),
    ("P(reset | unpredictability < «0.0»)", "'unpredictability' goes from 0 to 1, so it is never < 0.0", ""),
    ("P(reset | unpredictability<=«-1e-9» @ ever)", "'unpredictability' goes from 0 to 1, so it is never <= -1e-9", ""),
    ("P(reset | profile(«septic»))", "unknown profile 'septic'", "did you mean 'sceptic'?"),
    ("P(reset | profile(sunny), profile(«sceptic»))", "a probability has one profile", ""),
    # Events
    ("P(sanctions«==»eased)", "expected '=', found '=='", "a single = tests; write sanctions=eased"),
    ("P(sanctions «!=» eased)", "expected '=', found '!='", "write not sanctions=eased"),
    ("P(sanctions=«(»eased))", "expected a state of 'sanctions', found '('", "write sanctions=one or sanctions=other"),
    ("P(unpredictability>«high»)", "expected a number, found 'high'", ""),
    ("P(unpredictability>70«%»)", "expected a number from 0 to 1, found '%'", "write 0.7 for 70%"),
    ("P(unpredictability«=>»1)", "expected ')', found '=>'", "write >="),
    ("P(«0.2»<u)", "expected an event, found '0.2'", "a comparison names the driver first: unpredictability>0.7"),
    ("P(«)»", "expected an event, found ')'", "such as reset or sanctions=eased"),
    ("P(reset «&&» warm)", "expected ')', found '&&'", "write 'and'"),
    ("P(reset «||» warm)", "expected ')', found '||'", "write 'or'"),
    ("P(reset «AND» warm)", "expected ')', found 'AND'", "write 'and'"),
    ("P(«NOT» reset)", "expected an event, found 'NOT'", "write 'not'"),
    ("P(«!»reset)", "expected an event, found '!'", "write 'not'"),
    ('P(«"»reset")', "expected an event, found '\"'", "names are written without quotes"),
    ("P(reset«,» warm)", "expected ')', found ','", "join events with 'and' or 'or'; conditions follow |"),
    ("P(«hold»)", "expected an event, found 'hold'", "this is a word of the language, not a name"),
    (
        "P(«do»(talks=deal))",
        "expected an event, found 'do'",
        "do( ) is a condition, after | or a comma; an assignment says only what is within it",
    ),
    # Times
    ("P(reset «at» end)", "expected ')', found 'at'", "write @ end"),
    ("P(«ever» reset)", "expected an event, found 'ever'", A_TIME_FOLLOWS),
    ("P(reset @«)»", "expected a time, found ')'", A_TIME),
    ("P(reset @ ..«)»", "expected a time, found ')'", A_TIME),
    ("P(reset @ by«)»", "expected a time, found ')'", A_TIME),
    ("P(reset @ «edn»)", "expected a time, found 'edn'", "did you mean 'end'?"),
    ("P(reset @ «never»)", "expected a time, found 'never'", "'never' is 1 - P(... @ ever)"),
    ("P(reset @ «2031»)", "the date 2031 is off the grid, which runs from 2025-Q1 to 2026-Q4", ""),
    ("P(reset @ 2025..«2025-13»)", "'2025-13' is not a date: there is no month 13", ""),
    ("P(reset @ «2025-q1»)", "'2025-q1' is not a date: did you mean '2025-Q1'?", ""),
    ("P(reset @ «now»)", "'now' has no meaning in a model with 'time': write a date, start or end", ""),
    ("P(reset @ «2026..2025»)", "this range ends before it starts", ""),
    ("P(reset @ ever «and» warm)", "expected ')', found 'and'", OWN_TIME),
    (
        "P(reset @ end «@» start)",
        "expected ')', found '@'",
        "an event has one time; give parts their own in parentheses",
    ),
    ("P((reset @ end) @ «ever»)", "this time binds nothing: all before it has times of its own", ""),
    ("P((reset @ «2025») and warm)", SEVERAL_STEPS, "write 'ever 2025' or 'always 2025'"),
    ("P((reset @ «each») and warm) > 0", "'each' belongs to the whole event of a probability", "write ever or always"),
    (
        "P(((reset @ end) or warm) and cold @ «by 2026»)",
        "'by 2026' can't be read over this mixture of parts with and without a time",
        "give every part a time of its own",
    ),
    (
        "P(reset @ «each 2025»)",
        "'each' has a meaning in a comparison only",
        "compare it: P(reset @ each) > 0.1; or write a range for the average",
    ),
    ("P(reset @ each) > P(cold @ «each 2025»)", "the times with 'each' of one comparison must be the same", ""),
    # Conditions
    (
        "P(reset «given» cold)",
        "expected ')', found 'given'",
        "conditions follow |, as in P(reset | do(sanctions=eased))",
    ),
    ("P(reset | warm «|» cold)", "expected ')', found '|'", "conditions are separated by commas"),
    ("P(reset @ ever | «sanctions=eased»)", NO_STEP, SAY_WHEN),
    ("P(reset @ always 2025 | talks=deal @ end, «sanctions=eased»)", NO_STEP, SAY_WHEN),
    ("P(reset @ by 2026 | «(talks=deal @ end) and cold»)", NO_STEP, SAY_WHEN),
    ("P((reset @ start) or (warm @ end) | «cold»)", NO_STEP, SAY_WHEN),
    ("P(reset @ end | sanctions=eased @ «mean»)", SEVERAL_STEPS, "write 'ever' or 'always'"),
    ("P(reset @ end | cold @ «2025-Q1..»)", SEVERAL_STEPS, "write 'ever 2025-Q1..' or 'always 2025-Q1..'"),
    ("P(reset | do(«thaw»))", "a group can't be imposed, only one of its scenarios", "one of: reset, warm"),
    ("P(reset | do(«talks»))", "'talks' is a driver, not a scenario", "write talks=state, one of: deal, stalled"),
    ("P(reset | do(«not reset»))", "an intervention sets one node", "such as sanctions=eased"),
    (
        "P(reset | do(«unpredictability>0.7»))",
        "an intervention sets a value, not a bound",
        "write unpredictability=0.7",
    ),
    ("P(reset | do(unpredictability=«7»))", "'unpredictability' lies between 0 and 1", ""),
    ("P(reset | do(unpredictability=«nan»))", "'unpredictability' takes a number from 0 to 1", ""),
    ("P(reset | do(talks=deal«,» cold))", "expected ')', found ','", "write one do( ) for each: do(a=b), do(c=d)"),
    *(
        (
            f"P(reset | do(talks=deal @ «{time}»))",
            f"an intervention can't hold '{time}'",
            "name a step or a range, or leave the time out for all steps",
        )
        for time in ("ever", "always 2025", "by 2026", "each", "mean")
    ),
    ("P(reset | do(talks=deal @ 2025), do(«talks=deal @ 2025-Q4..»))", "'talks' is already set at 2025-Q4", NO_OVERLAP),
    ("P(reset | do(scenario=warm), do(«cold»))", "'scenario' is already set at 2025-Q1", NO_OVERLAP),
    # Statements
    ("P(reset @ end« »", "missing ')'", "nothing closes the '(' at column 2"),
    ("\nodds((P(reset)« »\n ", "missing ')'", "nothing closes the '(' at line 2, column 6"),
    ("P(reset) > 50«%»", "expected a number from 0 to 1, found '%'", "write 0.5 for 50%"),
    ("P(reset) «=» 0.5", "expected the end, found '='", "probabilities are compared with < <= > >="),
    ("P(reset) «\u2265» 0.5", "expected the end, found '\u2265'", "write >="),
    (
        "P(reset) > 0.5 «and» P(warm) > 0.5",
        "expected the end, found 'and'",
        "one statement is one comparison or a chain such as 0.1 < P(...) < 0.4",
    ),
    ("P(reset) «@» end", "expected the end, found '@'", "a time stands within P( ), as in P(reset @ end)"),
    ("2 «P»(reset)", "expected the end, found 'P'", "write * for a product"),
    ("(P(reset) «>» 0.5)", "expected ')', found '>'", "a comparison can't stand in parentheses"),
    ("P(reset) >« »", "expected a number or P( ), but the text ends here", "write for instance P(reset @ end)"),
    ("« »", "expected a number or P( ), but the text ends here", "write for instance P(reset @ end)"),
    ("«reset» @ end", "'reset' stands outside P( )", "write P(reset ...) for its probability"),
    ("«prob»(reset)", "unknown function 'prob'", "did you mean 'P'?"),
    ("«logs»(P(reset))", "unknown function 'logs'", "did you mean 'log'?"),
    ("«exp»(P(reset))", "unknown function 'exp'", "one of: P, odds, log"),
    *(
        (f"«{mean}»( mood @ end)", f"there is no mean '{mean}( )'", NO_MEAN.format("mood"))
        for mean in ("E", "mean", "expectation")
    ),
    # Plain English
    *(
        (f"P(reset «{words.partition(' ')[0]}» {words.partition(' ')[2]})", f"expected ')', found '{found}'", hint)
        for words, found, hint in (
            ("before 2026", "before", "write @ by 2025-Q4"),
            ("before 2026-Q1", "before", "write @ by 2025-Q4"),
            ("before 2026-01", "before", "write @ by 2025-12"),
            ("before the end", "before", "a time follows @, as in P(reset @ end)"),
            ("after 2025", "after", "write @ ever 2026-Q1.."),
            ("after 2025-12", "after", "write @ ever 2026-01.."),
            ("since 2026", "since", "write @ 2026.."),
            ("in 2026", "in", "write @ 2026"),
            ("at the end", "at", "write @ end"),
            ("until 2026-Q3", "until", "write @ by 2026-Q3"),
            ("by 2026", "by", "write @ by 2026"),
            ("when talks=deal", "when", "conditions follow |, as in P(reset | do(sanctions=eased))"),
            ("is likely", "is", "a state follows =, as in sanctions=eased"),
        )
    ),
    (
        "P(reset | talks=deal and «do»(talks=deal))",
        "expected an event, found 'do'",
        "do( ) is a condition, after | or a comma; an assignment says only what is within it",
    ),
    (
        "P(reset | do(talks=deal) «and» do(sanctions=eased))",
        "expected ')', found 'and'",
        "separate conditions by a comma: | do(a=b), c=d",
    ),
    (
        "P(reset | do(talks=deal) «or» do(sanctions=eased))",
        "expected ')', found 'or'",
        "conditions all hold: a comma stands between them",
    ),
    ("odds «P»(reset)", "expected '(' after 'odds', found 'P'", ""),
    ("«1e999»", "this number is too large", ""),
]


@pytest.mark.parametrize(("marked", "message", "hint"), REFUSED)
def test_a_refusal_points_to_the_place_and_says_what_to_write(marked: str, message: str, hint: str) -> None:
    before, place, after = re.split("[«»]", marked)
    with pytest.raises(QueryError) as caught:
        read(before + place + after)
    problem = caught.value.problem
    assert (problem.message, problem.hint) == (message, hint)
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
        f"--given:1:1: what is given must say its time\n   1 | talks=deal\n     | ^^^^^^^^^^\n     = {SAY_WHEN}"
        "; only within P( | ) there is an event whose time it can share"
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
        assert probabilities(parse_expectation(expectation.that, *bundled(), source=name))


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
