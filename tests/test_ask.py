"""Answers to statements against the enumeration of all paths, published numbers, and one another.

Where sampling is involved a sabotaged twin shows that the comparison can fail.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from support.command import answer as usru
from support.oracle import Json, Marginals, Resolution, marginals, posterior
from support.published import kidney_stones, published
from support.reference_models import case
from support.sampled import ERRORS
from support.tiny import MODELS, QUESTIONS, TINY, Asked, at, gloomy, limited, study_of
from usru_scenarios.exact.inference import NotExact, TooLarge
from usru_scenarios.problems import ImpossibleEvidence, QueryError, TooFewTrials, UsruError
from usru_scenarios.results.ask import Answer
from usru_scenarios.results.simulate import Simulation, StatesResult
from usru_scenarios.schemas import output_schema
from usru_scenarios.study import Study

TRIALS = 16_384


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Study]:
    return cache(lambda name: study_of(MODELS[name](), tmp_path_factory.mktemp(name)))


@cache
def truth(model: str, query: str) -> float:
    return QUESTIONS[query].truth(MODELS[model]())


def number(answer: Answer) -> float:
    assert answer.value is not None
    return answer.value


def error(answer: Answer) -> float:
    assert answer.standard_error is not None
    return answer.standard_error


# Every construct ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("query", QUESTIONS)
def test_exact_answers_are_those_of_the_enumeration(studies: Callable[[str], Study], model: str, query: str) -> None:
    found = studies(model).ask(query, method="exact")
    assert number(found) == pytest.approx(truth(model, query), abs=1e-9)
    assert (found.method, found.standard_error, found.effective_trials, found.trials) == ("exact", 0.0, None, 0)


def off(
    studies: Callable[[str], Study], truths: Callable[[str, str], float], models: Iterable[str] = MODELS
) -> dict[tuple[str, str], str]:
    """The questions whose sampled answers are further from a truth than chance and rounding explain."""
    wrong = {}
    for model in models:
        for query in QUESTIONS:
            found = studies(model).ask(query, trials=TRIALS, method="sample")
            wanted = truths(model, query)
            if not abs(number(found) - wanted) <= ERRORS * error(found) + 1e-9:
                wrong[model, query] = f"{found.value} +- {found.standard_error}, truly {wanted}"
    return wrong


def test_sampled_answers_are_within_their_errors(studies: Callable[[str], Study]) -> None:
    assert not off(studies, truth)


def test_sabotaged_sampled_answers_are_not(studies: Callable[[str], Study]) -> None:
    def other(model: str, query: str) -> float:
        raw = MODELS[model]()
        raw["drivers"]["mood"]["states"] = {"high": 0.35, "low": 0.65}
        return QUESTIONS[query].truth(raw)

    missed = off(studies, other, ["carried"])
    assert len(missed) > len(QUESTIONS) / 2


def test_a_step_that_initial_decides_is_observed_with_its_own_shares(tmp_path: Path) -> None:
    raw = stuck()
    raw["drivers"]["law"]["initial"] = {"draft": 0.2, "passed": 0.5, "dead": 0.3}
    found = study_of(raw, tmp_path).ask("P(law=passed @ start | not law=dead @ start)", trials=TRIALS, method="sample")
    assert abs(number(found) - 0.5 / 0.7) <= ERRORS * error(found)
    assert abs(number(found) - 0.5) > ERRORS * error(found)  # as it would be, were they alike


def numeric(persistence: float = 1.0) -> Json:
    raw = {**TINY, "time": {"start": "2000", "end": "2002", "step": "year"}, "profiles": {}, "consequences": {}}
    rough = {"kind": "numeric", "range": [0, 1], "distribution": {"pert": [0, 0.4, 1]}, "persistence": persistence}
    rough["impacts"] = {"0.0": {"thaw": 1}, "1.0": {"war": 2}}
    raw["drivers"] = {"mood": TINY["drivers"]["mood"], "rough": rough}
    return raw


NUMERIC: Mapping[str, Asked] = {
    "P(rough>0.6 @ start | war @ end)": Asked((lambda p: float(p[0]["rough"]) > 0.6,), (at(1, "scenario", "war"),)),
    "P(war @ end | rough<0.2 @ start)": Asked((at(1, "scenario", "war"),), (lambda p: float(p[0]["rough"]) < 0.2,)),
    "P(war @ end | rough>=0.3 @ always, rough<0.5 @ ever)": Asked(
        (at(1, "scenario", "war"),),
        (lambda p: all(float(x["rough"]) >= 0.3 for x in p) and any(float(x["rough"]) < 0.5 for x in p),),
    ),
    "P(war @ end | do(rough=0.9))": Asked((at(1, "scenario", "war"),), do={"rough": 0.9}),
}


@pytest.mark.parametrize("query", NUMERIC)
def test_thresholds_of_numbers_that_stay(tmp_path: Path, query: str) -> None:
    raw, asked = numeric(), NUMERIC[query]
    cells = Resolution(thresholds={"rough": [0.2, 0.3, 0.5, 0.6]})
    wanted = posterior(raw, asked.events[0], asked.given[0], asked.do, cells)
    study = study_of(raw, tmp_path)
    assert number(study.ask(query, method="exact")) == pytest.approx(wanted, abs=1e-4)
    found = study.ask(query, trials=TRIALS, method="sample")
    assert abs(number(found) - wanted) <= ERRORS * error(found) + 1e-4


def test_thresholds_of_numbers_that_move_are_sampled_only(tmp_path: Path) -> None:
    study = study_of(numeric(0.5), tmp_path)
    with pytest.raises(NotExact, match="rough moves"):
        study.ask("P(war @ end | rough>0.6 @ start)", method="exact")
    seen = study.ask("P(rough>0.6 @ start | rough>0.6 @ end)", trials=TRIALS)
    assert seen.method == "sample"
    assert number(seen) - 4 * error(seen) > number(study.ask("P(rough>0.6 @ start)"))


def test_seeing_is_not_doing(tmp_path: Path) -> None:
    known = published("causal_kidney_stones")
    study = study_of(kidney_stones(), tmp_path)
    for arm in "ab":
        for condition, kind in ((f"treatment={arm}", "see"), (f"do(treatment={arm})", "do")):
            query = f"P(result=healed @ now | {condition})"
            assert number(study.ask(query, method="exact")) == pytest.approx(known[kind][arm], abs=1e-9)
            found = study.ask(query, trials=TRIALS, method="sample")
            assert abs(number(found) - known[kind][arm]) <= ERRORS * error(found)
    for condition, sign in (("treatment={}", "<"), ("do(treatment={})", ">")):
        sides = (f"P(result=healed @ now | {condition.format(arm)})" for arm in "ab")
        assert study.ask(f" {sign} ".join(sides)).holds


def crossed(odds_per_point: float) -> Json:
    """Published odds that points change, one driver for each; and two pairs of chances with the bounds of both at once.

    `d<n>` has the n-th chance, which what always holds gives points; `twice` and `turned` are given two odds ratios in
    one order and the other. `a<n>` has the first chance of the n-th pair, `least<n>` and `most<n>` the second: together
    with the first as seldom and as often as can be.
    """
    known = case("crossimpact_odds_and_frechet")
    sure: Json = {"states": {"on": {}}}

    def moved(p: float, *ratios: float) -> Json:
        points = [math.log2(ratio) for ratio in ratios]
        influences = {f"sure{n}": {"on": {"yes": one}} for n, one in enumerate(points)}
        return {"states": {"yes": p, "no": 1 - p}, "influences": influences}

    def given_a(n: int, p_a: float, p_b: float, both: float) -> Json:
        shares = {"yes": both / p_a, "no": (p_b - both) / (1 - p_a)}
        rows = [{"when": {f"a{n}": a}, "prior": {"yes": p, "no": 1 - p}} for a, p in shares.items()]
        return {"states": {"yes": {}, "no": {}}, "prior_given": rows}

    drivers: Json = {"sure0": sure, "sure1": sure, "twice": moved(0.2, 3, 0.5), "turned": moved(0.2, 0.5, 3)}
    drivers |= {f"d{n}": moved(one["p"], one["odds_ratio"]) for n, one in enumerate(known["odds_updates"])}
    for n, one in enumerate(known["frechet"]):
        p_a, p_b, (least, most) = one["P_A"], one["P_B"], one["joint_bounds"]
        drivers[f"a{n}"] = {"states": {"yes": p_a, "no": 1 - p_a}}
        drivers |= {f"least{n}": given_a(n, p_a, p_b, least), f"most{n}": given_a(n, p_a, p_b, most)}
    head = {"usru": 1, "name": "crossed", "title": "Crossed", "odds_per_point": odds_per_point}
    return {**head, "scenarios": {"this": {}}, "drivers": drivers}


def test_points_multiply_published_odds_and_joint_events_keep_to_their_bounds(tmp_path: Path) -> None:
    """Odds ratios: M. Turoff (1972); bounds of two events at once: M. Fréchet (1935)."""
    known = case("crossimpact_odds_and_frechet")
    right = {f"P(d{n}=yes)": one["p_new"] for n, one in enumerate(known["odds_updates"])}
    ordered = float(known["order_invariance"].rpartition("-> ")[2])
    right |= {"P(twice=yes)": ordered, "P(turned=yes)": ordered}
    for n, one in enumerate(known["frechet"]):
        for name, both in zip(("least", "most"), one["joint_bounds"], strict=True):
            right[f"P({name}{n}=yes)"] = one["P_B"]
            right[f"P(a{n}=yes and {name}{n}=yes)"] = both
            right[f"P(a{n}=yes or {name}{n}=yes)"] = one["P_A"] + one["P_B"] - both
    answers = study_of(crossed(2), tmp_path).answers(list(right), method="exact").answers
    assert [one.value for one in answers] == pytest.approx(list(right.values()), abs=1e-9)
    sabotaged = study_of(crossed(2.2), tmp_path).answers(list(right), method="exact").answers
    off = [query for one, (query, p) in zip(sabotaged, right.items(), strict=True) if number(one) != pytest.approx(p)]
    assert off == [query for query in right if query.startswith(("P(d", "P(tw", "P(tu"))]


# Errors of sampling ---------------------------------------------------------------------------------------------------

SPREAD = [
    "P(war @ end)",
    "P(talks=deal @ ever)",
    "P(mood=high @ start | war @ end)",
    "P(war @ end | mood=high and talks=deal @ 2001)",
    "P(war | mood=high)",
    "P(war @ end | do(mood=high)) - P(war @ end | do(mood=low))",
    "P(war @ end) / P(war @ start)",
    "log(odds(P(thaw @ end | talks=deal @ ever)))",
]


@pytest.mark.parametrize("query", SPREAD)
def test_errors_are_the_spread_over_seeds(studies: Callable[[str], Study], query: str) -> None:
    answers = [studies("feedback").ask(query, trials=2048, seed=seed, method="sample") for seed in range(60)]
    spread = float(np.std([number(one) for one in answers], ddof=1))
    told = math.sqrt(sum(error(one) ** 2 for one in answers) / len(answers))
    assert told == pytest.approx(spread, rel=0.25)
    assert told != pytest.approx(spread * 2, rel=0.25)  # the same comparison can fail


def test_what_is_rare_in_one_side_is_compared_on_the_same_worlds(studies: Callable[[str], Study]) -> None:
    rare = "mood=high and talks=deal and thaw and trade=down @ start"
    query = f"P(war @ end | {rare}) - P(war @ end)"
    found = studies("feedback").ask(query, trials=4096, method="sample")
    kept = {part.text: part.effective_trials for part in found.probabilities}
    assert found.trials > 4096
    assert kept["P(war @ end)"] == found.trials
    wanted = number(studies("feedback").ask(query, method="exact"))
    assert abs(number(found) - wanted) <= ERRORS * error(found)


def test_the_same_seed_gives_the_same_answer_and_another_another(studies: Callable[[str], Study]) -> None:
    query = "P(mood=high @ start | war @ end)"
    one, same, other = (studies("carried").ask(query, trials=4096, seed=seed) for seed in (3, 3, 4))
    assert one == same
    assert one.value != other.value


# What can't be answered -----------------------------------------------------------------------------------------------


def stuck() -> Json:
    raw = {**TINY, "profiles": {}}
    raw["drivers"] = {
        **TINY["drivers"],
        "law": {
            "states": {"draft": 0.5, "passed": 0.3, "dead": 0.2},
            "initial": {"draft": 1},
            "persistence": 0.5,
            "allowed": {"passed": ["passed"], "dead": ["dead"]},
        },
    }
    return raw


@pytest.mark.parametrize("method", ["exact", "sample"])
@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ("mood=high @ start, law=passed @ start, war @ end", "law=passed @ start ("),
        ("law=passed @ 2001, mood=high @ 2001, law=dead @ end", "law=passed @ 2001, given"),
        ("war @ end, law=dead @ 2001, law=draft @ end", "law=dead @ 2001, given"),
    ],
)
def test_impossible_evidence_names_the_observation(tmp_path: Path, method: Any, conditions: str, message: str) -> None:
    with pytest.raises(ImpossibleEvidence) as caught:
        limited(study_of(stuck(), tmp_path), most_unmet=4096).ask(f"P(war @ end | {conditions})", method=method)
    assert f"the observation is impossible: {message}" in str(caught.value)
    assert ("exactly" in str(caught.value)) == (method == "exact")


def test_steps_where_the_evidence_is_impossible_are_left_out_by_name(tmp_path: Path) -> None:
    study = study_of(stuck(), tmp_path)
    exact, sampled = (study.ask("P(war | law=passed)", method=method) for method in ("exact", "sample"))
    assert exact.probabilities[0].left_out == sampled.probabilities[0].left_out == ["2000"]
    raw = stuck()
    wanted = sum(posterior(raw, at(step, "scenario", "war"), at(step, "law", "passed")) for step in (1, 2)) / 2
    assert number(exact) == pytest.approx(wanted, abs=1e-9)
    assert abs(number(sampled) - wanted) <= ERRORS * error(sampled)


def test_a_step_at_which_the_evidence_is_merely_rare_is_not_left_out(tmp_path: Path) -> None:
    """It would change what the average is of. What is about two nodes at once is not weighed but kept or dropped."""
    raw = stuck()
    raw["drivers"]["law"]["initial"] = {"draft": 1 - 1e-7, "passed": 1e-7}
    study = limited(study_of(raw, tmp_path), most_unmet=4096)
    found = study.ask("P(war | law=passed and mood=high)", trials=1000)
    assert found.probabilities[0].left_out == []
    assert number(found) == pytest.approx(number(study.ask("P(war | law=passed and mood=high)", method="exact")))
    with pytest.raises(ImpossibleEvidence, match=r"at 2000 was not met in 4,096 trials: possible, but too rare"):
        study.ask("P(war | law=passed and mood=high)", trials=1024, method="sample")


RARE = "P(mood=high @ end | mood=high and talks=deal and thaw and trade=down @ start)"
"""About several nodes at once, so that trials are kept or dropped."""


def test_too_few_draws_are_refused_with_the_estimate(studies: Callable[[str], Study]) -> None:
    study = limited(studies("feedback"), most_trials=2048, least_effective=400.0)
    with pytest.raises(TooFewTrials, match=r"too few: \d+ effective trials for P\(mood=high @ end") as caught:
        study.ask(RARE, trials=1024, method="sample")
    wanted = number(studies("feedback").ask(RARE, method="exact"))
    assert 0 < caught.value.effective_trials < 400
    assert caught.value.standard_error > 0
    assert abs(caught.value.estimate - wanted) <= ERRORS * caught.value.standard_error


def test_too_long_a_question_is_refused(studies: Callable[[str], Study]) -> None:
    parts = " or ".join(
        f"({name} @ {year})" for name in ("war", "thaw", "calm", "not war") for year in (2000, 2001, 2002)
    )
    with pytest.raises(UsruError, match="timed parts about the scenario"):
        studies("carried").ask(f"P({parts})", method="sample")


# Conditions beside the query ------------------------------------------------------------------------------------------


def test_conditions_beside_the_query_are_conditions_of_every_probability(studies: Callable[[str], Study]) -> None:
    study = studies("feedback")
    outside = study.ask(
        "P(war @ end | mood=high @ start) - P(war @ end | profile(gloomy))",
        do=["talks=none @ end"],
        given=["quiet @ start", "talks=deal @ 2001"],
        method="exact",
    )
    within = study.ask(
        "P(war @ end | mood=high @ start, do(talks=none @ end), quiet @ start, talks=deal @ 2001)"
        " - P(war @ end | profile(gloomy), do(talks=none @ end), quiet @ start, talks=deal @ 2001)",
        method="exact",
    )
    assert number(outside) == pytest.approx(number(within), abs=1e-12)
    assert (outside.do, outside.given) == (["talks=none @ end"], ["quiet @ start", "talks=deal @ 2001"])
    assert outside.probabilities[0].seen == ["mood=high @ start", "quiet @ start", "talks=deal @ 2001"]
    assert outside.probabilities[1].imposed == ["talks=none @ end"]


def test_conditions_beside_the_query_do_not_overlap_those_within(studies: Callable[[str], Study]) -> None:
    with pytest.raises(QueryError, match="already set at 2000"):
        studies("carried").ask("P(war | do(talks=deal))", do=["talks=none @ start"])


def test_each_step_is_told(studies: Callable[[str], Study]) -> None:
    found = studies("carried").ask("P(war @ each 2001..) > 0.5", method="exact")
    assert [part.step for part in found.probabilities] == ["2001", "2002"]
    assert (found.holds, found.step in ("2001", "2002")) == (False, True)
    assert found.left == max((part.value for part in found.probabilities), key=lambda value: -value)


# Comparisons ----------------------------------------------------------------------------------------------------------


def test_a_comparison_is_exact_where_its_sides_are(studies: Callable[[str], Study]) -> None:
    found = studies("carried").ask("P(war @ end) < P(quiet @ end) < 1", method="exact")
    assert found.holds
    assert found.value == pytest.approx((found.right or 0) - (found.left or 0))
    assert not studies("carried").ask("P(war @ end) > P(war @ end)", method="exact").holds


def test_what_the_sampling_error_spans_is_undecided(studies: Callable[[str], Study]) -> None:
    study = limited(studies("carried"), most_trials=8192)
    wanted = number(study.ask("P(talks=deal @ ever)", method="exact"))
    near = study.ask(f"P(talks=deal @ ever) > {wanted + 0.001}", trials=2048, method="sample")
    assert (near.holds, near.trials) == (None, 8192)
    far = study.ask(f"P(talks=deal @ ever) > {wanted + 0.2}", trials=2048, method="sample")
    assert (far.holds, far.trials) == (False, 2048)


def test_a_probability_that_no_trial_showed_is_not_decided_to_be_none(tmp_path: Path) -> None:
    raw = {**TINY, "profiles": {}}
    raw["drivers"] = {**TINY["drivers"], "comet": {"states": {"hit": 1e-9, "miss": 1}}}
    study = limited(study_of(raw, tmp_path), most_trials=4096)
    assert study.ask("P(comet=hit @ start) > 0", trials=2048, method="sample").holds is None
    assert study.ask("P(comet=hit @ start) > 0", method="exact").holds
    assert study.ask("P(comet=hit @ start) < 0.5", trials=2048, method="sample").holds


@pytest.mark.parametrize("factor", ["1e308", "1e-300", "-1e308"])
def test_errors_of_numbers_near_the_limits(studies: Callable[[str], Study], factor: str) -> None:
    study = studies("carried")
    plain = study.ask("P(mood=high @ end)", trials=2_000, method="sample")
    scaled = study.ask(f"{factor} * P(mood=high @ end)", trials=2_000, method="sample")
    assert scaled.standard_error == pytest.approx(abs(float(factor)) * (plain.standard_error or math.nan), rel=1e-12)
    shifted = study.ask(f"{factor} - P(mood=high @ end)", trials=2_000, method="sample")
    assert shifted.standard_error is not None


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("P(mood=high @ end) / 1e308", r"[\d.]+e-309 ± \de-31\d"),
        ("P(mood=high @ end) * 1e300", r"[\d.]+e\+299 ± \de\+29\d"),
        ("P(mood=high @ end) < 1e300", r"holds: left 0\.\d+, right 1e\+300, margin \+1e\+300"),
    ],
)
def test_numbers_near_the_limits_are_written_with_a_power_of_ten(tmp_path: Path, query: str, line: str) -> None:
    path = tmp_path / "carried.yaml"
    path.write_text(json.dumps(TINY), "utf-8")
    found = usru("ask", query, str(path), "-n", "64", "--method", "sample")
    assert any(re.fullmatch(line, one) for one in found.stdout.splitlines()), found


def test_what_is_no_number_has_no_error(studies: Callable[[str], Study]) -> None:
    for query in ("P(mood=high @ end) * 1e308 * 1e308", "P(mood=high @ end) / 0", "log(0 - P(mood=high @ end))"):
        found = studies("carried").ask(query, trials=2_000, method="sample")
        assert (found.value, found.standard_error) == (None, None)


def test_numbers_alone_are_answered(studies: Callable[[str], Study]) -> None:
    assert number(studies("carried").ask("1 + 2 * 3")) == 7
    assert studies("carried").ask("1 < 2").holds
    assert studies("carried").ask("1 / 0").value is None


# A forecast under conditions ------------------------------------------------------------------------------------------


def pairs(found: Simulation, known: Marginals) -> Iterator[tuple[str, float, float, float]]:
    """What, its estimate, the error of that, and the truth."""
    for name, wanted in {**known["scenarios"], **known["groups"]}.items():
        one = found.scenarios[name] if name in found.scenarios else found.groups[name]
        for key in ("end", "mean", "ever"):
            yield f"{name} {key}", getattr(one, key), getattr(one.standard_errors, key), wanted[key]
        for key in ("by_step", "first_visit"):
            values, errors = getattr(one, key), getattr(one.standard_errors, key)
            for step, truth_ in enumerate(wanted[key]):  # type: ignore[literal-required]
                yield f"{name} {key} {step}", values[step], errors[step], truth_
    for start, row in known["transitions"].items():
        for end, truth_ in (row or {}).items():
            value, spread = found.transitions[start][end], found.transition_errors[start][end]
            yield f"{start} to {end}", value or 0.0, spread or 0.0, truth_
    for name, states in {**known["drivers"], **known["consequences"]}.items():
        node = found.drivers[name] if name in found.drivers else found.consequences[name]
        assert isinstance(node, StatesResult)
        for state, series in states.items():
            for step, truth_ in enumerate(series):
                yield f"{name}={state} {step}", node.by_step[state][step], node.standard_errors[state][step], truth_


GIVEN: Mapping[str, tuple[list[str], list[tuple[str, int, Any]]]] = {
    "a driver": (["talks=deal @ 2001"], [("talks", 1, "deal")]),
    "late": (["mood=low @ end", "talks=deal @ end"], [("mood", 2, "low"), ("talks", 2, "deal")]),
    "the scenario": (["war @ 2001", "quiet @ end"], [("scenario", 1, "war"), ("scenario", 2, ["calm", "thaw"])]),
    "a consequence": (["trade=up @ always"], [("trade", step, "up") for step in range(3)]),
    "the start": (["talks=deal @ start"], [("talks", 0, "deal")]),
}


def wide(found: Simulation, known: Marginals) -> list[str]:
    return [
        f"{what}: {value} +- {spread}, truly {wanted}"
        for what, value, spread, wanted in pairs(found, known)
        if not abs(value - wanted) <= ERRORS * spread + 1e-9
    ]


@pytest.mark.parametrize("seen", GIVEN)
@pytest.mark.parametrize("model", MODELS)
def test_a_forecast_under_observations(studies: Callable[[str], Study], model: str, seen: str) -> None:
    texts, facts = GIVEN[seen]
    study = studies(model)
    found = study.simulate(given=texts, trials=TRIALS)
    assert not wide(found, marginals(MODELS[model](), given=facts))
    assert found.run.given == texts
    assert wide(found, marginals(gloomy(MODELS[model]()), given=facts))  # the same comparison can fail
    imposed = study.simulate(given=texts, do=["mood=high @ start"], trials=TRIALS)
    assert not wide(imposed, marginals(MODELS[model](), do={("mood", 0): "high"}, given=facts))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("do", [{}, {"mood": "high"}, {("talks", 1): "deal", ("scenario", 0): "war"}])
def test_an_exact_forecast(studies: Callable[[str], Study], model: str, do: Mapping[Any, str]) -> None:
    texts = [f"{key}={s}" if isinstance(key, str) else f"{key[0]}={s} @ {2000 + key[1]}" for key, s in do.items()]
    found = studies(model).simulate(method="exact", do=texts)
    for what, value, spread, wanted in pairs(found, marginals(MODELS[model](), do=do)):
        assert value == pytest.approx(wanted, abs=1e-9), what
        assert spread == 0.0, what
    assert (found.run.method, found.run.trials, found.run.effective_trials) == ("exact", 0, None)
    assert found.run.do == texts


def test_an_exact_forecast_of_a_number(tmp_path: Path) -> None:
    study = study_of(numeric(), tmp_path)
    found, drawn = study.simulate(method="exact"), study.simulate(trials=TRIALS)
    rough, sampled = found.to_dict()["drivers"]["rough"], drawn.to_dict()["drivers"]["rough"]
    assert rough["mean"] == pytest.approx([1.6 / 6 + 1 / 6] * 2, abs=1e-6)
    for share, values in rough["quantiles"].items():
        assert values == pytest.approx(sampled["quantiles"][share], abs=0.02)
    assert not any(rough["standard_errors"]["mean"])


def test_the_method_is_chosen_by_work(studies: Callable[[str], Study], tmp_path: Path) -> None:
    study = studies("carried")
    assert study.simulate().run.method == "exact"
    assert study.simulate(trials=100).run.method == "sample"
    assert study.simulate(given=["war @ end"]).run.method == "exact"
    assert study.simulate(given=["war @ end"], trials=100).run.method == "sample"
    assert study_of(numeric(0.5), tmp_path).simulate().run.method == "sample"
    assert (study.ask("P(war)").method, study.ask("P(war)", trials=100).method) == ("exact", "sample")


def test_too_large_is_refused_with_what_it_takes(tmp_path: Path) -> None:
    raw = {**TINY, "profiles": {}}
    raw["drivers"] = {
        f"d{number}": {
            "states": dict.fromkeys("abcde", 1.0),
            "persistence": 0.5,
            "lagged_influences": {f"d{other}": {"a": {"b": 1}} for other in range(number)},
            "impacts": {"a": {"war": 1}},
        }
        for number in range(14)
    }
    study = study_of(raw, tmp_path)
    with pytest.raises(TooLarge, match=r"of memory .* and "):
        study.ask("P(war @ end)", method="exact")
    assert study.ask("P(war @ end)").method == "sample"


def test_a_forecast_under_what_can_not_be(tmp_path: Path) -> None:
    study = limited(study_of(stuck(), tmp_path), most_trials=2048)
    with pytest.raises(ImpossibleEvidence, match=r"law=passed @ 2001, given law=dead @ end"):
        study.simulate(given=["law=passed @ 2001", "law=dead @ end"], trials=1024)
    study = limited(study, most_trials=2048, least_effective=1500.0)
    seen = ["mood=high and talks=deal @ end"]
    with pytest.raises(TooFewTrials, match="too few"):
        study.simulate(given=seen, trials=1024, method="sample")
    assert study.simulate(given=seen, trials=1024).run.method == "exact"


# The command ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(study_of(MODELS["feedback"](), tmp_path).loaded.path)


def test_ask_says_what_it_found_and_how(file: str) -> None:
    done = usru("ask", "P(war @ end | do(mood=high), talks=deal @ 2001)", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "intervention  mood=high" in done.stdout
    assert "observation   talks=deal @ 2001" in done.stdout
    assert "Exact" in done.stdout
    done = usru("ask", "P(war @ end | talks=deal @ 2001) > P(war @ end)", file, "-n", "4096", "-q")
    assert "fails: left " in done.stdout
    assert "4,096 trials (effective sample size " in done.stdout
    done = usru("ask", "P(war @ end) > 2", file, "-f", "md")
    assert (done.returncode, "**fails" in done.stdout) == (0, True)


@pytest.mark.parametrize("query", ["P(war @ end | mood=high @ start)", "P(war @ each) > 0.9 * P(calm @ each)", "1/0"])
def test_ask_json_is_as_its_schema_says(file: str, query: str) -> None:
    done = usru("ask", query, file, "--json", "-n", "2000", "--seed", "7")
    found = json.loads(done.stdout)
    validator = Draft202012Validator(output_schema("answer"))
    assert not list(validator.iter_errors(found))
    assert found["format"] == "usru.answer/1.1"
    assert {"query", "value", "standard_error", "method", "effective_trials"} <= found.keys()
    assert ({"holds", "left", "right"} <= found.keys()) == (">" in query)
    assert usru("ask", query, file, "--json", "-n", "2000", "--seed", "7").stdout == done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ask", "P(wra @ end)"], "query:1:3: unknown scenario 'wra'\n   1 | P(wra @ end)\n     |   ^^^\n"),
        (["ask", "P(war)", "--do", "mood=hihg"], "--do:1:6: unknown state of 'mood': 'hihg'\n   1 | mood=hihg\n"),
        (["simulate", "--do", "moody=high"], "--do:1:1: unknown driver 'moody'\n   1 | moody=high\n     | ^^^^^\n"),
        (["simulate", "--given", "war"], "--given:1:1: what is given must say its time\n   1 | war\n     | ^^^\n"),
        (["ask", "P(war)", "--method", "exakt"], "usru: --method 'exakt' is unknown\n    = did you mean 'exact'?"),
    ],
)
def test_faults_point_into_what_was_written(file: str, arguments: list[str], message: str) -> None:
    command, *query = arguments
    place = 1 if command == "ask" else 0
    done = usru(command, *query[:place], file, *query[place:])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)


def test_findings_end_with_status_one(file: str, tmp_path: Path) -> None:
    done = usru("ask", "P(war | scenario=thaw @ start, war @ start)", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the observation is impossible" in done.stderr
    raw = {**TINY, "drivers": {**TINY["drivers"], "comet": {"states": {"hit": 1.5e-5, "miss": 1}}}}
    (tmp_path / "rare.yaml").write_text(json.dumps(raw), encoding="utf-8")
    rare = "P(war @ end | mood=high and comet=hit @ start)"
    done = usru("ask", rare, str(tmp_path / "rare.yaml"), "-n", "5e6", "--method", "sample")
    assert (done.returncode, done.stderr.startswith("too few: ")) == (1, True)
    assert "the estimate so far is" in done.stderr


def test_simulate_says_what_was_imposed_and_seen(file: str) -> None:
    arguments = ("simulate", file, "--do", "mood=high @ 2001", "--given", "talks=deal @ end", "-n", "4096")
    text, markdown, data = (usru(*arguments, "-f", form).stdout for form in ("table", "md", "json"))
    for shown in (text, markdown):
        assert "mood=high @ 2001" in shown
        assert "intervention" in shown
        assert "talks=deal @ end" in shown
        assert "observation" in shown
        assert "effective sample size" in shown
    run = json.loads(data)["run"]
    assert (run["do"], run["given"], run["method"]) == (["mood=high @ 2001"], ["talks=deal @ end"], "sample")
    assert 0 < run["effective_trials"] < 4096
    exact = usru("simulate", file, "--method", "exact", "--json")
    found = json.loads(exact.stdout)
    assert (found["run"]["method"], found["scenarios"]["war"]["standard_errors"]["ever"]) == ("exact", 0.0)
    assert not list(Draft202012Validator(output_schema("simulation")).iter_errors(found))
    assert "Exact, without sampling" in usru("simulate", file).stdout


def test_a_model_from_standard_input_is_asked_under_its_profiles(file: str) -> None:
    text = Path(file).read_text(encoding="utf-8")
    query = "P(war @ end | profile(gloomy))"
    assert usru("ask", query, "-", stdin=text).stdout == usru("ask", query, file).stdout


# Any question ---------------------------------------------------------------------------------------------------------

moments = st.sampled_from(["start", "end", "2000", "2001", "2002", "1999"])
times = st.one_of(
    moments,
    st.builds("{} {}..{}".format, st.sampled_from(["", "ever", "always", "each"]), moments, moments),
    st.sampled_from(["mean", "ever", "always", "each", "by 2001", "by end"]),
)
atoms = st.sampled_from(
    ["war", "quiet", "thaw", "mood=high", "talks=deal", "trade=up", "scenario=calm", "mood=hgih", "mood>0.5"]
)
events = st.recursive(
    atoms,
    lambda part: st.one_of(
        st.builds("not {}".format, part),
        st.builds("({} {} {})".format, part, st.sampled_from(["and", "or"]), part),
        st.builds("({} @ {})".format, part, times),
    ),
    max_leaves=5,
)
conditions = st.one_of(
    events,
    st.builds("{} @ {}".format, events, times),
    st.builds("do({})".format, st.one_of(atoms, st.builds("{} @ {}".format, atoms, times))),
    st.just("profile(gloomy)"),
)
chances = st.builds(
    lambda event, time, given: f"P({event}{time}{' | ' if given else ''}{', '.join(given)})",
    events,
    st.one_of(st.just(""), st.builds(" @ {}".format, times)),
    st.lists(conditions, max_size=3),
)
expressions = st.recursive(
    st.one_of(chances, chances, st.sampled_from(["0.5", "2"])),
    lambda part: st.one_of(
        st.builds("({} {} {})".format, part, st.sampled_from("+-*/"), part),
        st.builds("{}({})".format, st.sampled_from(["odds", "log", "-"]), part),
    ),
    max_leaves=3,
)
statements = st.one_of(
    expressions, st.builds("{} {} {}".format, expressions, st.sampled_from(["<", "<=", ">", ">="]), expressions)
)


@settings(derandomize=True, deadline=None, max_examples=250, database=None)
@given(statements, st.sampled_from(["exact", "sample", "auto"]), st.sampled_from(sorted(MODELS)))
def test_any_question_gets_a_number_or_a_refusal(query: str, method: Any, model: str) -> None:
    try:
        found = _study(model).ask(query, trials=512 if method == "sample" else None, method=method)
    except UsruError:
        return
    for part in found.probabilities:
        assert 0.0 <= part.value <= 1.0
    assert found.value is None or math.isfinite(found.value)
    json.dumps(found.to_dict(), allow_nan=False)


@cache
def _study(model: str) -> Study:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return limited(study_of(MODELS[model](), Path(folder)), most_trials=1024, least_effective=20.0)


def test_a_band_is_shown_where_an_uncertain_judgement_matters(tmp_path: Path) -> None:
    model = tmp_path / "sky.yaml"
    model.write_text(
        "usru: 1\nname: sky\ntitle: Sky\nscenarios: {good: 0.6, bad: 0.4}\ndrivers:\n"
        "  mood: {states: {up: 0.5, down: 0.5}, impacts: {up: {good: {pert: [0, 1, 3]}}}}\n"
        "  sky: {states: {blue: 0.5, grey: 0.5}}\n",
        "utf-8",
    )
    said = {asked: usru("ask", *asked, str(model), "-q").stdout for asked in (("P(good)",), ("P(sky=blue)",))}
    assert ["90% band" in text for text in said.values()] == [True, False]
    assert "90% band" in usru("ask", "P(good)", "P(sky=blue)", str(model), "-q").stdout
    assert "90% band" not in usru("ask", "P(sky=grey)", "P(sky=blue)", str(model), "-q").stdout
