"""What the library is asked for: every argument is checked in one place, and says no as the command line does."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import usru_scenarios
from support.command import answer
from support.tiny import TINY, study_of
from usru_scenarios.problems import UsruError
from usru_scenarios.settings import DEFAULT_JUDGEMENTS, DEFAULT_TRIALS, MOST_SEED, ArgumentError, RunSettings
from usru_scenarios.study import Study, load

QUERY = "P(war @ end)"
SEEN = """\
usru: 1
kind: evidence
name: seen
model: model.yaml
as_of: 2003-01-01
evidence: {good: {seen: "mood=high @ 2001", learned: 2002-02-01}}
"""
EXPECTING: Any = {**TINY, "expectations": {"one": {"that": "P(war @ end) > 0.1"}}}


def knowing(study: Study, **how: Any) -> Study:
    """A study that knows what has been seen."""
    assert study.request.path is not None
    return study.knowing(**{"evidence": Path(study.request.path).parent / "seen.yaml", **how})


QUESTIONS: dict[str, Callable[..., Any]] = {
    "simulate": lambda study, **how: study.simulate(**how),
    "ask": lambda study, **how: study.ask(**{"query": QUERY, **how}),
    "answers": lambda study, **how: study.answers(**{"queries": [QUERY], **how}),
    "explain": lambda study, **how: study.explain(**{"question": "war", **how}),
    "watch": lambda study, **how: study.watch(**how),
    "sensitivity": lambda study, **how: study.sensitivity(**how),
    "check": lambda study, **how: study.check(**how),
    "compare": lambda study, **how: study.compare(**{"others": {"b": study}, **how}),
    "sweep": lambda study, **how: study.sweep(**{"variables": "mood=0..1:2", **how}),
    "calibrate": lambda study, **how: study.calibrate(**how),
    "sources": lambda study, **how: study.sources(**how),
    "directions": lambda study, **how: study.directions(**how),
    "page": lambda study, **how: study.page(**how),
    "knowing": knowing,
    "foresight": lambda study, **how: knowing(study).foresight(**how),
    "varied": lambda study, **how: study.varied(**how),
    "load": lambda _study, **how: load(**how),
}

NOT_WHOLE: list[Any] = [-1, 1.5, math.nan, math.inf, -math.inf, True, "5", "", b"5", Path("5"), [5], {}, object()]
NOT_WHOLE += [
    np.float64(2.5),
    np.float32("nan"),
    np.bool_(1),
    np.array([3, 4]),
    Decimal("sNaN"),
    Fraction(1, 3),
    3 + 0j,
]
NO_LIST: list[Any] = ["mood=low", "", b"mood=low", None, 3, math.nan, Path("x"), {"mood": "low"}, [3], [None], [b"x"]]
NO_TEXT: list[Any] = [3, math.nan, b"war", Path("war"), ["war"], {}, True, np.float64(2.0)]
NO_FUNCTION: list[Any] = [None, "map", 3, [map]]

TRIALS = {"trials": [*NOT_WHOLE, 0, 1, 10**13, 1e300]}
SEED = {"seed": [*NOT_WHOLE, None, 2**64, 1e30]}
METHOD: dict[str, list[Any]] = {"method": ["exakt", "", None, b"exact", 1, Path("exact"), ["exact"], np.str_("Exact")]}
JUDGEMENTS = {"judgements": [*NOT_WHOLE, 1, 10**5]}
DO = {"do": [*NO_LIST, ["mood"], ["mud=low"], ["mood=law"], ["mood=low@never"], [""]]}
GIVEN = {"given": [*NO_LIST, ["mood"], ["mud=low@end"], [""]]}
MAP = {"map_blocks": NO_FUNCTION}
NAMED: dict[str, list[Any]] = {
    "profile": [*NO_TEXT, "", "gloomi"],
    "weights": [*NO_LIST[:9], [3], {"mood": math.nan}, {"mood": []}, {3: 1.0}, {"mud": 2}, {"mood": -1}],
    "overrides": [
        *["mood=low", "", b"mood=low", None, 3, Path("x"), [3], [""], ["x"], {3: 1}, {"": 1}, {"mud": 1}],
        *[{"odds_per_point": math.nan}, {"odds_per_point": object()}, {"odds_per_point": Path("x")}],
        *[{"odds_per_point": b"2"}, {"odds_per_point": {2: {3}}}, {"odds_per_point": -1}],
    ],
}

AT_MEANS = TRIALS | SEED | METHOD | DO | GIVEN | MAP
ASKED = AT_MEANS | JUDGEMENTS

WRONG: dict[str, dict[str, list[Any]]] = {
    "simulate": ASKED | {"consequences": [None, 1, 0, "yes", "no", [], np.bool_(1)]},
    "ask": ASKED | {"query": [*NO_TEXT, None, "", "P(", "P(peece)"]},
    "answers": ASKED | {"queries": [*NO_LIST, [QUERY, 3], ["P("], ["P(peece)"]]},
    "explain": AT_MEANS | {"question": [*NO_TEXT, None, "", "peece", "war @ never"]},
    "watch": AT_MEANS | {name: [*NO_TEXT, "", "2999"] for name in ("on", "horizon", "of")},
    "sensitivity": AT_MEANS
    | {"method": [*METHOD["method"], "exact"]}
    | {
        "of": [*NO_TEXT, "", "peece"],
        "at": [*NO_TEXT, "", "2999"],
        "questions": [*NO_LIST[:3], *NO_LIST[4:], ["driver"], [""]],
    },
    "sources": {"about": [*NO_TEXT, "", "nobody"]},
    "directions": {"about": [*NO_TEXT, "", "nobody"]},
    "check": TRIALS
    | SEED
    | METHOD
    | JUDGEMENTS
    | DO
    | GIVEN
    | {"robust": [*NOT_WHOLE, None, 10**9], "mutants": [*NOT_WHOLE, None, 10**9], "map_parts": NO_FUNCTION},
    "compare": TRIALS
    | SEED
    | METHOD
    | JUDGEMENTS
    | MAP
    | {
        "given": [3, "mood=low@end", ["mood=low@end"], {"c": ["mood=low@end"]}, {"b": None}, {"b": ["mud=low@end"]}],
        "others": [None, 3, "us-russia", [], {}, {"b": None}, {"b": "us-russia"}, {3: None}, Path("x"), math.nan],
        "name": [*NO_TEXT, None, "b"],
        "switch": [None, 1, "no", math.nan],
        "do": [
            3,
            "mood=low",
            ["mood=low"],
            {"c": ["mood=low"]},
            {"b": "mood=low"},
            {"b": None},
            {"b": ["mud=low"]},
            {3: []},
        ],
    },
    "sweep": TRIALS
    | SEED
    | METHOD
    | DO
    | GIVEN
    | MAP
    | {
        "at": [*NO_LIST, ["2999"], [""]],
        "variables": [
            *[None, 3, b"mood=0..1", Path("x"), [], [3], "", "mood", "mud=0..1", "mood=1..0", ["mood=0..1"] * 3, {}],
            *[{"mood": "0..1"}, {"mood": None}, {"mood": [0, math.nan]}, {"mood": [0, "1"]}, {3: [0, 1]}, {"mood": []}],
        ],
    },
    "calibrate": SEED | MAP,
    "page": TRIALS | SEED | METHOD | JUDGEMENTS | DO | MAP | {"carried": [*NOT_WHOLE, 10**9]},
    "knowing": {
        "evidence": [None, 3, "", "none.yaml", ["none.yaml"], {}, math.nan],
        "as_of": [*NO_TEXT, "", "2025-02-30", "today"],
    },
    "foresight": TRIALS | SEED | METHOD | JUDGEMENTS | MAP | {"profiles": [None, 1, "no", math.nan]},
    "varied": NAMED | {"sourced_only": [1, "no", math.nan]},
    "load": NAMED
    | {"model": [None, 3, b"us-russia", "", "us-rusia", ["us-russia"], Path(), "\0", "\ud800", "x" * 5000, math.nan]}
    | {"sourced_only": [None, 1, "no"], "recalibrate": [None, 1, "no"], "confined": [None, 1, "no"]},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "seen.yaml").write_text(SEEN, encoding="utf-8")
    return study_of(EXPECTING, folder)


@pytest.mark.parametrize(("question", "name"), [(one, name) for one, arguments in WRONG.items() for name in arguments])
def test_an_argument_that_makes_no_sense_is_refused_with_a_sentence(study: Study, question: str, name: str) -> None:
    """By an error of the project, at once: never by another one, from somewhere within, and never by an answer."""
    for value in WRONG[question][name]:
        said = refusal(study, question, name, value)
        assert said is not None, value
        assert len(said) > len("too short")


def refusal(study: Study, question: str, name: str, value: Any) -> str | None:
    """What a question says to an argument that it refuses; None where it answers."""
    try:
        QUESTIONS[question](study, **{name: value})
    except UsruError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("question", "argument"),
    [
        ("simulate", {"trials": 1e5}),
        ("simulate", {"trials": np.int64(5000), "seed": np.uint64(MOST_SEED), "judgements": np.int32(0)}),
        (
            "simulate",
            {"trials": Fraction(400), "seed": Decimal(7), "do": ("mood=low",), "given": iter(["mood=low@end"])},
        ),
        ("sensitivity", {"trials": 100, "questions": ["weights", "drivers"], "do": []}),
        ("sweep", {"variables": {"mood": np.linspace(0, 1, 3)}, "at": ("end", "mean")}),
        ("sweep", {"variables": ["mood=0,1", "talks=0,1"], "trials": 2}),
        ("compare", {"do": {"as it is": ["mood=low"], "b": ()}, "trials": 100}),
        ("page", {"carried": np.int64(3), "trials": 100}),
        ("knowing", {"as_of": "2002-06-30"}),
        (
            "varied",
            {"weights": {"mood": np.float64(2.0), "talks": "x1.5"}, "overrides": {"odds_per_point": np.int64(3)}},
        ),
        ("load", {"model": "us-russia", "weights": ["sanctions=2"]}),
    ],
)
def test_an_argument_that_makes_sense_is_taken(study: Study, question: str, argument: dict[str, Any]) -> None:
    """So the refusals of the test above are no refusals of everything."""
    assert QUESTIONS[question](study, **argument) is not None


def test_whole_numbers_are_taken_in_any_type() -> None:
    settings = RunSettings.from_arguments(1e5, np.int8(3), "sample", Decimal(100))
    assert settings == RunSettings(100_000, 3, "sample", 100)
    assert issubclass(ArgumentError, ValueError)
    assert all(type(one) is int for one in (settings.trials, settings.seed, settings.judgements))
    assert RunSettings.from_arguments() == RunSettings(DEFAULT_TRIALS, 1, "auto", DEFAULT_JUDGEMENTS)
    assert RunSettings.from_arguments(50).method == "sample", "who asks for a number of trials wants them drawn"


@pytest.mark.parametrize(
    ("question", "argument", "said"),
    [
        ("check", {"trials": 0}, "trials 0 is too few"),
        ("ask", {"query": f"{QUERY} > 0.2", "trials": 0, "judgements": 0}, "at least 2 trials"),
        ("ask", {"trials": 1, "judgements": 0}, "trials 1 is too few"),
        ("ask", {"trials": 0}, "trials 0 is too few"),
        ("simulate", {"method": "exakt"}, "did you mean 'exact'"),
        ("ask", {"method": "exakt"}, "did you mean 'exact'"),
        ("compare", {"do": {"as it si": ["mood=low"]}}, "did you mean 'as it is'"),
        ("check", {"seed": -1}, "seed takes a whole number from 0 on, not -1"),
        ("ask", {"seed": -1, "judgements": 0}, "seed takes a whole number from 0 on, not -1"),
        ("simulate", {"trials": 1.5}, "trials takes a whole number"),
        ("simulate", {"trials": True}, "trials takes a whole number"),
        ("simulate", {"do": "mood=low"}, "do takes a list of texts, not 'mood=low'\n    = such as do=['mood=low']"),
        ("simulate", {"given": "mood=low@end"}, "given takes a list of texts"),
        ("sweep", {"at": "end"}, "at takes a list of texts, not 'end'\n    = such as at=['end']"),
        ("sensitivity", {"questions": "drivers"}, "questions takes a list of texts"),
        ("sensitivity", {"questions": ["driver"]}, "did you mean 'drivers'"),
        ("sensitivity", {"trials": 99}, "at least 100 trials"),
        (
            "varied",
            {"weights": "mood=2"},
            "weights takes a list of texts, not 'mood=2'\n    = such as weights=['mood=2']",
        ),
        ("varied", {"profile": "gloomi"}, "did you mean 'gloomy'"),
        ("watch", {"horizon": "2002-Q5"}, "did you mean"),
    ],
)
def test_what_is_wrong_is_said_with_the_likely_right_form(
    study: Study, question: str, argument: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsruError) as caught:
        QUESTIONS[question](study, **argument)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("option", "argument"),
    [
        (("-n", "1"), {"trials": 1}),
        (("--seed", "1e20"), {"seed": 10**20}),
        (("--judgements", "1"), {"judgements": 1}),
        (("--judgements", "20000"), {"judgements": 20000}),
        (("--method", "exakt"), {"method": "exakt"}),
    ],
)
def test_the_command_line_says_the_same_sentence(
    study: Study, option: tuple[str, ...], argument: dict[str, Any]
) -> None:
    with pytest.raises(ArgumentError) as caught:
        study.simulate(**argument)
    done = answer("simulate", *option)
    assert (done.returncode, done.stderr) == (2, f"usru: --{caught.value}\n")


def test_no_question_and_no_argument_is_left_out() -> None:
    """A new argument is tried with wrong values, or this test names it."""
    for question, tried in WRONG.items():
        asked = load if question == "load" else getattr(Study, question)
        assert set(inspect.signature(asked).parameters) - {"self"} == set(tried), question
    public = {name for name, _ in inspect.getmembers(Study, inspect.isfunction) if not name.startswith("_")}
    of_the_file = {"expectations", "questions", "programs", "drawn", "under", "settled", "recalibrated"}
    assert public - set(QUESTIONS) == of_the_file


# What the package shows ----------------------------------------------------------------------------------------------


def test_the_package_shows_what_it_offers() -> None:
    assert dir(usru_scenarios) == sorted(usru_scenarios.__all__)
    assert {"load", "Study", "Simulation", "Answer", "CheckReport", "UsruError"} <= set(dir(usru_scenarios))
    offered = {name: getattr(usru_scenarios, name) for name in usru_scenarios.__all__}
    assert offered["ArgumentError"] is ArgumentError
    answers = {inspect.signature(getattr(Study, name)).return_annotation for name in QUESTIONS if hasattr(Study, name)}
    assert answers <= {*offered, "Self"}, "the type of every answer can be had from the package"


@pytest.mark.parametrize(
    "question", ["simulate", "ask", "explain", "watch", "sensitivity", "check", "compare", "sweep"]
)
def test_a_result_is_shown_in_a_line(study: Study, question: str) -> None:
    shown = repr(QUESTIONS[question](study, trials=200))
    assert "\n" not in shown
    assert len(shown) < 250
    assert "200 trials" in shown
    assert question == "compare" or "tiny" in shown


def test_the_line_of_a_forecast_has_its_ends(study: Study) -> None:
    found = study.simulate(method="exact")
    ends = ", ".join(f"{name} {one.end:.3f}" for name, one in found.scenarios.items())
    assert repr(found) == f"<Simulation of tiny, exact, {ends}>"
    assert (
        repr(study.ask(QUERY, method="exact")) == f"<Answer of tiny, exact, {QUERY} = {found.scenarios['war'].end:.4g}>"
    )
