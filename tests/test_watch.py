"""What to watch: by hand, by enumeration, over seeds, and as people read it."""

from __future__ import annotations

import csv
import io
import json
import math
import pickle
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

import jsonschema
import numpy as np
import pytest
import yaml

from support import oracle
from support.command import HARBOUR, answer
from support.oracle import Json, View
from support.reports import md, table
from support.sabotage import replace_everywhere
from support.sampled import ERRORS, EXACT_MODELS, Opened, changed, compiled, entropy, exact_model
from support.schemas import assert_follows
from support.tiny import limited
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import ImpossibleEvidence, QueryError, TooFewTrials
from usru_scenarios.questions.watch.indicators import CarriedForecast, IndicatorSampler
from usru_scenarios.questions.watch.value_of_information import JointSums, estimate_effects
from usru_scenarios.report import Layout
from usru_scenarios.results.watch import Indicator, Watch, WatchedNode
from usru_scenarios.sampler.blocks import Plan
from usru_scenarios.schemas import schema
from usru_scenarios.study import Study, load

TWO = """
usru: 1
name: two
title: Two drivers, one step
odds_per_point: 2
scenarios: {good: {baseline: 0.6, title: Good times, signposts: [markets rise]}, bad: {baseline: 0.4}}
groups: {either: [good, bad]}
drivers:
  war:
    title: The war
    states:
      over: {prior: 0.75, title: Over, signposts: [a treaty is signed, troops go home]}
      rages: 0.25
    impacts: {over: {good: 1}, rages: {bad: 1}}
  weather:
    states: {sun: 0.5, rain: 0.5}
"""


@pytest.fixture(scope="module")
def bundled() -> Watch:
    return load("us-russia").watch(trials=20_000)


def indicator(found: Watch, node: str, state: str) -> Indicator:
    (one,) = (one for one in found.indicators if (one.node, one.state) == (node, state))
    return one


def node(found: Watch, name: str) -> WatchedNode:
    (one,) = (one for one in found.nodes if one.node == name)
    return one


# By hand -------------------------------------------------------------------------------------------------------------


def test_two_drivers_by_hand(opened: Opened) -> None:
    """Good is 3/4 where the war is over (odds 1.2 : .4) and 3/7 where it rages (.6 : .8), so .6696 in all.

    Over moves it by .0804 in 3/4 of the trials, raging by .2411 in 1/4: .0603 each. The weather says nothing.
    """
    found = opened(TWO).watch(trials=50_000)
    assert (found.on, found.horizon) == ("now", "now")
    good = found.forecast["good"]
    assert abs(good.probability - 0.669643) < ERRORS * good.standard_error
    for state, probability, seen in (("over", 0.75, 0.75), ("rages", 0.25, 3 / 7)):
        one = indicator(found, "war", state)
        errors = one.standard_errors
        assert abs(one.probability - probability) < ERRORS * errors.probability
        assert one.forecast["good"].seen == pytest.approx(seen, abs=1e-9)
        assert abs(one.distance - abs(seen - 0.669643)) < ERRORS * errors.distance
        assert abs(one.expected_move - 0.060268) < ERRORS * errors.expected_move < 0.002
        assert not one.within_noise
    bits = entropy(0.669643, 0.330357) - 0.75 * entropy(3 / 4, 1 / 4) - 0.25 * entropy(3 / 7, 4 / 7)
    war = node(found, "war")
    assert abs(war.expected_move - 0.120536) < ERRORS * war.standard_errors.expected_move
    assert abs(war.information - bits) < ERRORS * war.standard_errors.information < 0.01
    assert indicator(found, "war", "over").speaks_for == indicator(found, "war", "rages").speaks_against == "good"


def test_a_number_by_hand(opened: Opened) -> None:
    """A number that drives the scenario alone: P(crisis | x >= .67), by integrating over a uniform x."""
    found = opened(
        "usru: 1\nname: number\ntitle: A number\nodds_per_point: 2\nscenarios: {calm: {}, crisis: {}}\n"
        "drivers: {risk: {kind: numeric, range: [0, 1], impacts: {0.0: {}, 1.0: {crisis: 3}}}}\n"
    ).watch(trials=60_000)
    x = np.linspace(0, 1, 200_001)
    crisis = 1 / (1 + 2.0 ** (-3 * x))
    high = indicator(found, "risk", ">= 0.67")
    shifted = high.forecast["crisis"]
    assert abs(high.probability - 0.33) < ERRORS * high.standard_errors.probability
    assert abs(shifted.seen - crisis[x >= 0.67].mean()) < ERRORS * shifted.standard_errors.seen
    assert abs(shifted.shift - crisis[x >= 0.67].mean() + crisis.mean()) < ERRORS * shifted.standard_errors.shift


# Against enumeration -------------------------------------------------------------------------------------------------


class Truth(NamedTuple):
    """The joint law of what is seen and what comes, P(node in state at one step and scenario at another)."""

    joint: Mapping[tuple[str, str], Mapping[str, float]]
    future: Mapping[str, float]

    def seen(self, name: str, state: str, scenario: str) -> float:
        return self.joint[name, state].get(scenario, 0.0) / math.fsum(self.joint[name, state].values())

    def move(self, name: str, state: str, members: Iterable[str] | None = None) -> float:
        here = math.fsum(self.joint[name, state].values())
        changes = {one: self.joint[name, state].get(one, 0.0) - here * p for one, p in self.future.items()}
        if members is not None:
            return abs(math.fsum(changes[one] for one in members))
        return math.fsum(map(abs, changes.values())) / 2

    def states(self, name: str) -> list[str]:
        return [state for one, state in self.joint if one == name]

    def information(self, name: str) -> float:
        rows = [self.joint[name, state] for state in self.states(name)]
        return (
            entropy(*self.future.values())
            + entropy(*(math.fsum(row.values()) for row in rows))
            - entropy(*(p for row in rows for p in row.values()))
        )


Fits = Callable[[int, View], bool]


def enumerated(raw: Json, on: int, horizon: int, fits: Fits = lambda _t, _view: True, **how: Any) -> Truth:
    """The same from every trial and what is remembered of its past."""
    nothing: tuple[Any, ...] = (True, (), "")

    def keep(memory: tuple[Any, ...], step: int, view: View) -> tuple[Any, ...]:
        fitting, seen, future = memory
        return (
            fitting and fits(step, view),
            tuple((name, state) for name, state in view.items() if name != OUTCOME) if step == on else seen,
            str(view[OUTCOME]) if step == horizon else future,
        )

    joint: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    totals: dict[str, float] = defaultdict(float)
    law = {memory: p for memory, p in oracle.remembered(raw, nothing, keep, **how).items() if memory[0]}
    whole = math.fsum(law.values())
    for (_, seen, future), p in law.items():
        totals[future] += p / whole
        for name, state in seen:
            joint[name, str(state)][future] += p / whole
    return Truth(joint, totals)


def misses(found: Watch, truth: Truth, members: Iterable[str] | None = None, slack: float = 1e-9) -> list[str]:
    """Where an estimate and the truth differ by more than chance."""
    wrong: list[str] = []
    numeric = {one.node for one in found.indicators if not one.state[0].isalpha()}

    def hold(what: str, value: float, error: float, known: float) -> None:
        if not abs(value - known) <= ERRORS * error + slack:
            wrong.append(f"{what}: {value:.5f} +- {error:.5f}, truly {known:.5f}")

    for name, expected in found.forecast.items():
        if name in truth.future:
            hold(name, expected.probability, expected.standard_error, truth.future[name])
    for one in (one for one in found.indicators if one.node not in numeric):
        at, errors = f"{one.node}={one.state}", one.standard_errors
        probability = math.fsum(truth.joint[one.node, one.state].values())
        move = truth.move(one.node, one.state, members)
        hold(at, one.probability, errors.probability, probability)
        hold(f"{at} move", one.expected_move, errors.expected_move, move)
        hold(f"{at} distance", one.distance, errors.distance, move / probability)
        for scenario in truth.future:
            shifted, seen = one.forecast[scenario], truth.seen(one.node, one.state, scenario)
            hold(f"{at} {scenario}", shifted.seen, shifted.standard_errors.seen, seen)
            hold(f"{at} {scenario} shift", shifted.shift, shifted.standard_errors.shift, seen - truth.future[scenario])
    for whole in (whole for whole in found.nodes if whole.node not in numeric):
        moves = math.fsum(truth.move(whole.node, state, members) for state in truth.states(whole.node))
        hold(whole.node, whole.expected_move, whole.standard_errors.expected_move, moves)
        if members is None:
            bits = truth.information(whole.node)
            hold(f"{whole.node} bits", whole.information, whole.standard_errors.information, bits)
    return wrong


TRIALS = 40_000

CASES = [
    *(("consequences", on, horizon) for on, horizon in ((0, 3), (1, 1), (2, 3))),
    *(("feedback", on, horizon) for on, horizon in ((0, 1), (1, 4), (2, 2))),
    *(("consequence_feedback", on, horizon) for on, horizon in ((1, 2), (0, 3), (3, 3))),
    ("outcome_moves", 1, 3),
    ("events", 1, 3),
    ("outcome_lumped", 1, 2),
]


@pytest.mark.parametrize(("name", "on", "horizon"), CASES)
def test_against_enumeration(name: str, on: int, horizon: int) -> None:
    study = load(EXACT_MODELS / f"{name}.yaml")
    labels = study.program.grid.labels
    found = study.watch(on=labels[on], horizon=labels[horizon], trials=TRIALS)
    assert misses(found, enumerated(exact_model(name), on, horizon)) == []


def test_a_number_that_follows_the_scenario_against_enumeration() -> None:
    """The verdict on a number that reads the scenario: nothing of it goes by the drivers alone, for there are none."""
    study = load(EXACT_MODELS / "numeric_consequences.yaml")
    found = study.watch(on="2026", horizon="2027", trials=TRIALS)
    resolution = oracle.Resolution(chain=25, fixed=25)
    assert misses(found, enumerated(exact_model("numeric_consequences"), 1, 2, resolution=resolution), slack=2e-3) == []


def test_enumeration_notices_another_model(opened: Opened) -> None:
    twin = changed(exact_model("consequences"), "consequences/prices/influences/scenario/calm/low", 1.0)
    found = opened(twin).watch(on="2026", trials=200_000)
    assert misses(found, enumerated(exact_model("consequences"), 1, 3)) != []


def test_a_scenario_given_the_drivers_alone_would_be_wrong_for_what_follows_from_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Blind(CarriedForecast):
        def __init__(self, _known: int) -> None:
            super().__init__(-1)

    replace_everywhere(monkeypatch, CarriedForecast, Blind)
    found = load(EXACT_MODELS / "consequences.yaml").watch(on="2026", trials=TRIALS)
    wrong = misses(found, enumerated(exact_model("consequences"), 1, 3))
    assert any("prices" in one for one in wrong)
    assert not any("mood" in one for one in wrong), "a driver is not downstream of the scenario"


def test_against_the_exact_engine() -> None:
    study = load(EXACT_MODELS / "consequences.yaml")
    found = study.watch(on="2026", horizon="2028", trials=TRIALS)
    for state in ("low", "high"):
        shifted = indicator(found, "prices", state).forecast["crisis"]
        exact = study.ask(f"P(crisis @ 2028 | prices={state} @ 2026)", method="exact").value
        assert exact is not None
        assert abs(shifted.seen - exact) < ERRORS * shifted.standard_errors.seen


@pytest.mark.parametrize("of", ["crisis", "either"])
def test_one_scenario_or_group_against_enumeration(opened: Opened, of: str) -> None:
    raw = exact_model("consequence_feedback")
    raw["groups"] = {"either": ["crisis"]}
    found = opened(raw).watch(on="2026", horizon="2028", of=of, trials=TRIALS)
    assert found.of == of
    assert misses(found, enumerated(raw, 1, 3), ["crisis"]) == []
    for one in (one for one in found.indicators if not one.within_noise):
        assert one.forecast[of].shift == pytest.approx(one.forecast["crisis"].shift)
        assert one.expected_move == pytest.approx(one.probability * abs(one.forecast[of].shift), abs=1e-3)


OBSERVED = {
    "a driver before": ("consequences", ["mood=cold @ 2025"], lambda t, view: t != 0 or view["mood"] == "cold"),
    "a consequence between": ("consequences", ["prices=high @ 2027"], lambda t, v: t != 2 or v["prices"] == "high"),
    "the scenario at the end": ("consequences", ["calm @ end"], lambda t, view: t != 3 or view[OUTCOME] == "calm"),
    "the scenario before": ("feedback", ["crisis @ start"], lambda t, view: t != 0 or view[OUTCOME] == "crisis"),
    "later than all": ("feedback", ["arms=many @ end"], lambda t, view: t != 4 or view["arms"] == "many"),
}


@pytest.mark.parametrize("what", OBSERVED)
def test_after_observations_against_enumeration(what: str) -> None:
    name, given, fits = OBSERVED[what]
    study = load(EXACT_MODELS / f"{name}.yaml")
    labels = study.program.grid.labels
    horizon = 3 if name == "consequences" else 2
    found = study.watch(on=labels[1], horizon=labels[horizon], given=given, trials=TRIALS)
    assert misses(found, enumerated(exact_model(name), 1, horizon, fits)) == []
    assert found.run.given == given
    assert misses(found, enumerated(exact_model(name), 1, horizon)) != [], "what is observed matters"


def test_under_interventions_against_enumeration() -> None:
    study = load(EXACT_MODELS / "feedback.yaml")
    found = study.watch(on="start", do=["mood=warm @ 2025-Q1", "scenario=calm @ 2025-Q2"], trials=TRIALS)
    do = {("mood", 0): "warm", (OUTCOME, 1): "calm"}
    assert misses(found, enumerated(exact_model("feedback"), 0, 4, do=do)) == []
    assert indicator(found, "mood", "warm").expected_move == pytest.approx(0.0, abs=1e-12)


def test_what_can_not_be_is_refused(opened: Opened) -> None:
    study = opened(changed(yaml.safe_load(TWO), "drivers/weather/states", {"sun": 1, "rain": 0}))
    with pytest.raises(ImpossibleEvidence, match="weather=rain"):
        study.watch(given=["weather=rain @ now"], trials=100)


def test_what_is_too_rare_is_refused(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = changed(yaml.safe_load(TWO), "drivers/weather/states", {"sun": 1, "rain": 1})
    raw["drivers"] |= {f"d{n}": {"states": {"on": 0.01, "off": 0.99}} for n in range(2)}
    event = " or ".join(f"(d0=on and d1=on and weather={state})" for state in ("sun", "rain"))
    study = limited(opened(raw), most_trials=100_000)
    assert study.watch(given=[f"({event}) @ now"], trials=100).run.method == "exact"
    monkeypatch.setattr("usru_scenarios.questions.watch.exact_indicators._SECONDS", 0.0)
    with pytest.raises(TooFewTrials):
        study.watch(given=[f"({event}) @ now"], trials=100)


# Errors and noise ----------------------------------------------------------------------------------------------------


def runs(study: Study, seeds: int, **how: Any) -> list[Watch]:
    return [study.watch(trials=2_000, seed=seed, **how) for seed in range(1, seeds + 1)]


@cache
def runs_of(name: str) -> list[Watch]:
    """Of a model of the folder."""
    return runs(load(EXACT_MODELS / f"{name}.yaml"), 40)


def calibrated(values: list[float], errors: list[float]) -> None:
    """Whether the spread over seeds is the error that is told, both known to some 10 %."""
    assert 0.7 < stdev(values) / fmean(errors) < 1.4, (stdev(values), fmean(errors))


@pytest.mark.parametrize(
    ("name", "node_name", "state", "scenario"),
    [
        ("consequences", "prices", "low", "calm"),
        ("consequences", "mood", "warm", "calm"),
        ("feedback", "arms", "many", "crisis"),
    ],
)
def test_errors_over_seeds(name: str, node_name: str, state: str, scenario: str) -> None:
    found = runs_of(name)
    seen = [indicator(one, node_name, state) for one in found]
    whole = [node(one, node_name) for one in found]
    told: list[tuple[list[float], list[float]]] = [
        ([one.probability for one in seen], [one.standard_errors.probability for one in seen]),
        ([one.expected_move for one in seen], [one.standard_errors.expected_move for one in seen]),
        ([one.distance for one in seen], [one.standard_errors.distance for one in seen]),
        ([one.forecast[scenario].seen for one in seen], [one.forecast[scenario].standard_errors.seen for one in seen]),
        (
            [one.forecast[scenario].shift for one in seen],
            [one.forecast[scenario].standard_errors.shift for one in seen],
        ),
        ([one.expected_move for one in whole], [one.standard_errors.expected_move for one in whole]),
        ([one.information for one in whole], [one.standard_errors.information for one in whole]),
    ]
    for values, errors in told:
        calibrated(values, errors)
        with pytest.raises(AssertionError):
            calibrated(values, [error / 2 for error in errors])


NOTHING_TOLD = """
usru: 1
name: nothing
title: A driver that nothing reads
time: {start: 2025, end: 2029, step: year}
scenarios: {calm: {}, tense: {}, crisis: {}}
outcome: {persistence: 0.5}
drivers:
  mood: {states: {warm: 0.4, cold: 0.6}, persistence: 0.5, impacts: {warm: {calm: 3}}}
  comet: {states: {seen: 0.3, unseen: 0.7}, persistence: 0.5}
consequences:
  coin: {states: {heads: 0.5, tails: 0.5}}
"""


def test_what_tells_nothing_moves_nothing(opened: Opened) -> None:
    found = runs(opened(NOTHING_TOLD), 30)
    for name, state in (("comet", "seen"), ("coin", "heads")):
        for one in (indicator(one, name, state) for one in found):
            assert one.expected_move < ERRORS * one.standard_errors.expected_move
            assert one.within_noise
            assert one.speaks_for is one.speaks_against is None
            assert one.signposts == []
    assert not any(indicator(one, "mood", "warm").within_noise for one in found)


def test_noise_is_no_move_on_average() -> None:
    """Over runs, the corrected moves of what tells nothing go to 0, as half the summed sizes of its shifts does not."""
    program = compiled(yaml.safe_load(NOTHING_TOLD))
    sets = [[0], [1], [2]]
    corrected, plain, bits = [], [], []
    for seed in range(120):
        look = IndicatorSampler(program, 1, 3, (), Plan(1_000, seed))
        sums = look.sums(map)
        number = next(number for number, one in enumerate(look.readings) if one.node == "comet")
        counts = JointSums(sums.joint[number], sums.future[0], sums.weight)
        told = estimate_effects(counts, sums.future[0], sums.seen_squares[number], sets, sets)
        corrected.append(float(told.move.value[0]))
        plain.append(float(told.probability.value[0] * np.abs(told.shift.value[0]).sum() / 2))
        bits.append(float(told.information.value))

    def is_nothing(values: list[float]) -> None:
        assert abs(fmean(values)) < ERRORS * stdev(values) / math.sqrt(len(values))

    is_nothing(corrected)
    is_nothing(bits)
    with pytest.raises(AssertionError):
        is_nothing(plain)


def test_a_rare_state_does_not_crowd_out_a_telling_one(opened: Opened) -> None:
    found = opened(
        "usru: 1\nname: rare\ntitle: Rare\nodds_per_point: 2\nscenarios: {calm: {}, crisis: {}}\ndrivers:\n"
        "  comet: {states: {none: 0.99, falls: 0.01}, impacts: {falls: {crisis: 9}}}\n"
        "  meteor: {states: {none: 0.999, falls: 0.001}, impacts: {falls: {crisis: 9}}}\n"
        "  war: {states: {off: 0.5, on: 0.5}, impacts: {on: {crisis: 2}}}\n"
    ).watch(trials=20_000)
    assert indicator(found, "comet", "falls").distance > indicator(found, "war", "on").distance
    assert [one.node for one in found.indicators[:2]] == ["war", "war"]
    assert found.too_rare == ["meteor=falls"]
    assert "meteor=falls" in table(found, Layout())


def test_the_same_seed_gives_the_same_digits_wherever_blocks_run() -> None:
    study = load(EXACT_MODELS / "consequence_feedback.yaml")

    def elsewhere(function: Callable[[int], Any], blocks: Iterable[int]) -> list[Any]:
        shipped = pickle.dumps(function)
        return [pickle.loads(shipped)(block) for block in blocks]  # our own

    assert study.watch(trials=TRIALS) == study.watch(trials=TRIALS, map_blocks=elsewhere)
    assert study.watch(trials=TRIALS) != study.watch(trials=TRIALS, seed=2)


def test_exactly_or_by_sampling_as_is_asked_for() -> None:
    study = load(EXACT_MODELS / "consequences.yaml")
    exact, sampled = (study.watch(on="2026", method=method) for method in ("exact", "sample"))
    assert (exact.run.trials, exact.run.method) == (0, "exact")
    assert (sampled.run.trials, sampled.run.method) == (65_536, "sample")
    for one in sampled.indicators:
        found = indicator(exact, one.node, one.state)
        assert abs(one.probability - found.probability) < ERRORS * one.standard_errors.probability
        for name, shifted in one.forecast.items():
            assert abs(shifted.shift - found.forecast[name].shift) < ERRORS * shifted.standard_errors.shift


# What is asked, and what is told -------------------------------------------------------------------------------------


def test_times_that_are_not_asked_for() -> None:
    study = load(EXACT_MODELS / "feedback.yaml")
    assert (study.watch(trials=200).on, study.watch(trials=200).horizon) == ("2025-Q2", "2026-Q1")
    early = study.watch(trials=200, horizon="start")
    assert (early.on, early.horizon) == ("2025-Q1", "2025-Q1")


def test_the_bundled_model_is_sighted_after_a_year(bundled: Watch) -> None:
    assert (bundled.on, bundled.horizon) == ("2026-Q1", "2028-Q4")
    settled = indicator(bundled, "ukraine_talks", "settlement")
    assert (settled.speaks_for, settled.signposts_of) == ("reset", "state")
    assert settled.signposts == ["a signed text with monitors and a timetable"]
    assert set(settled.sources) <= set(bundled.claims)
    assert [one.code for one in bundled.warnings] == ["judgements_at_their_means"]


def test_signposts_of_the_state_come_before_those_of_the_scenario(opened: Opened) -> None:
    found = opened(TWO).watch(trials=5_000)
    over, rages = indicator(found, "war", "over"), indicator(found, "war", "rages")
    assert (over.signposts, over.signposts_of) == (["a treaty is signed", "troops go home"], "state")
    assert (rages.signposts, rages.signposts_of) == ([], None), "bad has no signposts"
    shown = table(found, Layout())
    assert "The war: Over" in shown
    assert "- a treaty is signed" in shown
    assert "markets rise" not in shown, "the state has words of its own"
    plain = opened(TWO.replace(", signposts: [a treaty is signed, troops go home]", "")).watch(trials=5_000)
    assert (indicator(plain, "war", "over").signposts, indicator(plain, "war", "over").signposts_of) == (
        ["markets rise"],
        "scenario",
    )
    assert "Signposts of the scenarios they speak for\n\nGood times\n  - markets rise" in table(plain, Layout())


def test_the_rest_is_counted(opened: Opened) -> None:
    found = opened(TWO).watch(trials=5_000)
    assert "And 3 more, 2 of them within sampling error: --top 0 for all." in table(found, Layout(top=1))
    assert "The war: rages" not in table(found, Layout(top=1))
    assert all(f"\n{rank}  " in table(found, Layout()) for rank in range(1, 5))
    assert md(found, Layout(top=1)).count("**") == 2


def test_json_follows_its_schema(bundled: Watch) -> None:
    assert_follows(json.loads(json.dumps(bundled.to_dict(), allow_nan=False)), "watch", indicators=[{}])


@pytest.mark.parametrize("width", [60, 80, 100, 140])
@pytest.mark.parametrize("of", [None, "thaw"])
def test_text_keeps_to_its_width_and_its_numbers_whole(bundled: Watch, width: int, of: str | None) -> None:
    found = bundled if of is None else load("us-russia").watch(of=of, trials=5_000)
    drawn = table(found, Layout(width=width))
    lines = drawn.splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in drawn
    assert "\x1b" not in drawn
    for rank, one in enumerate(found.indicators, 1):
        (line,) = (line for line in lines if line.startswith(f"{rank:2} "))
        assert line.split()[-2:] == [f"{100 * one.probability:.0f}%", f"{100 * one.expected_move:.1f}"]


def test_a_group_is_told_first(bundled: Watch) -> None:
    found = load("us-russia").watch(of="thaw", trials=5_000)
    first = found.indicators[0]
    before, after = found.forecast["thaw"].probability, first.forecast["thaw"].seen
    assert f"thaw {100 * before:.0f}% -> {100 * after:.0f}%, for " in " ".join(table(found, Layout(width=140)).split())
    assert "thaw" not in bundled.forecast


def test_markdown_says_what_the_named_claims_say(bundled: Watch) -> None:
    said = md(bundled, Layout())
    for claim in bundled.indicators[0].sources:
        assert f"\n- {claim}: " in said
    rows = [line for line in said.splitlines() if line.startswith("| ")]
    assert len({line.count(" | ") for line in rows[: len(bundled.indicators) + 2]}) == 1


def test_rows_of_data() -> None:
    done = answer("watch", HARBOUR, "--of", "open", "-n", "3000", "--top", "1", "-f", "csv", "-q")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert (done.returncode, done.stderr) == (0, "")
    assert {row["scenario"] for row in rows} == {"open", "shut"}
    assert {row["node"] for row in rows} == {"weather", "traffic", "dispute", "prices"}
    for row in rows:
        assert float(row["seen"]) - float(row["forecast"]) == pytest.approx(float(row["shift"]), abs=1e-6)
        assert (row["on"], row["horizon"]) == ("2025-Q2", "2025-Q4")


def test_the_command(tmp_path: Path) -> None:
    target = tmp_path / "watch.json"
    options = ("--on", "2025-Q2", "--for", "2025-Q3", "-w", "weather=2", "-p", "sailor")
    done = answer(
        "watch",
        HARBOUR,
        *options,
        "--do",
        "dispute=loud",
        "--given",
        "shut@start",
        "-n",
        "2000",
        "--json",
        "-o",
        str(target),
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    data = json.loads(target.read_text(encoding="utf-8"))
    assert (data["format"], data["on"], data["horizon"]) == ("usru.watch/1.1", "2025-Q2", "2025-Q3")
    assert (data["run"]["do"], data["run"]["given"], data["run"]["profile"]) == (
        ["dispute=loud"],
        ["shut@start"],
        "sailor",
    )
    assert "intervention  dispute=loud" in answer("watch", HARBOUR, "--do", "dispute=loud", "-n", "2000").stdout


def test_a_model_with_nothing_to_look_at(opened: Opened) -> None:
    study = opened("usru: 1\nname: bare\ntitle: Bare\nscenarios: {good: {}, bad: {}}\n")
    found = study.watch(trials=100)
    assert (found.indicators, found.nodes) == ([], [])
    assert (study.watch().run.method, study.watch().indicators) == ("exact", [])
    assert "No state" in table(found, Layout())
    assert "No state" in md(found, Layout())
    with pytest.raises(QueryError, match="--on"):
        study.watch(on="2025")
    with pytest.raises(ValueError, match="2 trials"):
        study.watch(trials=1)


def test_few_worlds_tell_nothing(opened: Opened) -> None:
    found = opened(TWO).watch(trials=50)
    assert found.indicators == []
    assert len(found.too_rare) == 4
    jsonschema.validate(json.loads(json.dumps(found.to_dict(), allow_nan=False)), schema("watch"))
    assert replace(found, warnings=[]).to_dict()["warnings"] == []


# Signs that are open --------------------------------------------------------------------------------------------------


def partly_told(generator: np.random.Generator) -> tuple[float, JointSums]:
    """A state that moves one scenario for sure and, as far as the trials tell, two others one way or the other.

    In each trial the first scenario's probability is known; the rest is the second's or the third's as a coin says
    whose bias depends on the state. Returns the true distance of the first state, and the counts of 2,048 trials.
    """
    share, certain, open_ = generator.uniform(0.2, 0.6), generator.uniform(-0.02, 0.02), generator.normal(0, 0.03)
    here = generator.random(2_048) < share
    first = 0.3 + certain * here
    second = generator.random(2_048) < 0.5 + open_ * here
    future = np.stack([first, (1 - first) * second, (1 - first) * ~second], axis=1)
    given = [0.3 + certain, (0.7 - certain) * (0.5 + open_), (0.7 - certain) * (0.5 - open_)]
    distance = 0.5 * (1 - share) * sum(abs(one - other) for one, other in zip(given, (0.3, 0.35, 0.35), strict=True))
    both = np.stack([future * here[:, None], future * ~here[:, None]], axis=1)
    return distance, JointSums(
        *(part.reshape(64, 32, *part.shape[1:]).sum(axis=1) for part in (both, future, here + ~here))
    )


def test_distances_are_within_their_errors_where_signs_are_open() -> None:
    """And never below a shift that is certain. With the signs taken as known the errors would be far too small."""
    generator = np.random.default_rng(11)
    sets = [(0,), (1,), (2,)]
    scores, naive = [], []
    for _ in range(400):
        truth, counts = partly_told(generator)
        found = estimate_effects(counts, counts.future, np.full(2, 900.0), sets, sets)
        shifts = np.where(found.is_clear[0], np.abs(found.shift.value[0]), 0.0)
        assert found.distance.value[0] >= shifts.max() - 1e-12
        off = abs(float(found.distance.value[0]) - truth)
        scores.append(off / float(found.distance.error[0]))
        signed = np.sign(found.shift.value[0]) @ found.shift.error[0] / 2
        naive.append(off / max(abs(float(signed)), 1e-9))
    assert max(scores) < ERRORS
    assert max(naive) > ERRORS


def test_what_few_worlds_show_has_an_error() -> None:
    """A state that three of 640 trials were in, each with the same scenario to come: others may have another one."""
    both = np.zeros((64, 2, 2))
    both[:, 1, :] = 5.0
    both[:3, 0, 0], both[:3, 1, 1] = 1.0, 4.0
    counts = JointSums(both, both.sum(axis=1), both.sum(axis=(1, 2)))
    found = estimate_effects(counts, counts.future, both.sum(axis=(0, 2)), [(0,), (1,)], [(0,), (1,)])
    assert found.if_seen.value[0].tolist() == [1.0, 0.0]
    assert (found.if_seen.error[0] >= 0.9).all()
    assert (found.shift.error[0] >= 0.9).all()
    assert (found.shift.error[1] < 0.05).all()
    assert found.probability.value[0] == pytest.approx(3 / 640)
    assert found.probability.error[0] > 2 / 640
