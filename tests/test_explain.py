"""Why a scenario comes true: shares by hand, conditional probabilities by enumeration, and a story that could be."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import yaml

from support import oracle
from support.command import answer
from support.effort import slow_but
from support.oracle import Json, View
from support.reports import md, table
from support.sampled import ERRORS, EXACT_MODELS, Opened, changed, exact_model
from support.schemas import assert_follows
from usru_scenarios.exact.inference import NotExact
from usru_scenarios.model.schema import Categorical
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import ImpossibleEvidence, QueryError
from usru_scenarios.program.program import CategoricalNode
from usru_scenarios.report import Layout
from usru_scenarios.results.explain import DirectPart, DirectShares, Explanation
from usru_scenarios.sampler.blocks import BlockSampler, Plan
from usru_scenarios.sampler.outcome import FullTransition, LazyTransition
from usru_scenarios.sampler.tables import BlockStates
from usru_scenarios.study import Study, load

TWO = """
usru: 1
name: two
title: Two drivers, one step
odds_per_point: 2
scenarios: {good: {baseline: 0.6}, bad: {baseline: 0.4}}
drivers:
  war:
    weight: 1.5
    states: {over: 0.75, rages: 0.25}
    impacts: {over: {good: 2}, rages: {bad: [1, A01]}}
  talks:
    states: {held: 0.5, none: 0.5}
    impacts: {held: {good: [1, G07]}}
"""

Views = tuple[tuple[tuple[str, str | float], ...], ...]


@pytest.fixture(scope="module")
def reset(bundled: Study) -> Explanation:
    return bundled.explain("reset", trials=20_000)


def direct(found: Explanation) -> DirectShares:
    assert found.direct is not None
    return found.direct


def part(found: Explanation, name: str, kind: str | None = None) -> DirectPart:
    (one,) = (one for one in direct(found).parts if one.name == name and kind in (None, one.kind))
    return one


# Direct shares -------------------------------------------------------------------------------------------------------


def test_shares_by_hand_in_a_world_that_is_certain(opened: Opened) -> None:
    """War over and talks held: l(good) - l(bad) = ln 2 (1.5 x 2) + ln 2 (1) + ln(.6 / .4)."""
    certain = TWO.replace("over: 0.75, rages: 0.25", "over: 1, rages: 0").replace(
        "held: 0.5, none: 0.5", "held: 1, none: 0"
    )
    found = opened(certain).explain("good", trials=100)
    assert part(found, "war").everywhere == pytest.approx(2.0794, abs=5e-5)
    assert part(found, "talks").everywhere == pytest.approx(0.6931, abs=5e-5)
    assert part(found, "unexplained").everywhere == pytest.approx(0.4055, abs=5e-5)
    assert direct(found).everywhere == pytest.approx(3.1781, abs=5e-5)
    assert found.probability == pytest.approx(24 / 25)
    assert direct(found).standard_errors.everywhere == pytest.approx(0.0, abs=1e-9)


def test_alternatives_count_by_how_likely_they_are(opened: Opened) -> None:
    """Beside good stand bad (.3 x 2 for its point) and ugly (.2), so they count 3 : 1."""
    three = {
        **yaml.safe_load(TWO),
        "scenarios": {"good": {"baseline": 0.5}, "bad": {"baseline": 0.3}, "ugly": {"baseline": 0.2}},
        "drivers": {"war": {"states": {"rages": 1}, "impacts": {"rages": {"good": 1, "bad": 1}}}},
    }
    found = opened(three).explain("good", trials=100)
    assert part(found, "war").everywhere == pytest.approx(math.log(2) * (1 - 0.75))
    assert part(found, "unexplained").everywhere == pytest.approx(
        math.log(0.5) - 0.75 * math.log(0.3) - 0.25 * math.log(0.2)
    )


def test_averages_by_hand(opened: Opened) -> None:
    """With talks left out: good has 12 / 13 where the war is over and .3466 where it rages, .7789 in all."""
    found = opened(TWO).explain("good", trials=50_000)
    alone = opened({**yaml.safe_load(TWO), "drivers": {"war": yaml.safe_load(TWO)["drivers"]["war"]}}).explain("good")
    war = part(alone, "war")
    assert abs(war.everywhere - 1.2997) < ERRORS * war.standard_errors.everywhere + 5e-5
    assert abs(war.where_true - 1.7325) < ERRORS * war.standard_errors.where_true + 5e-5
    assert abs(war.everywhere - 1.3497) > ERRORS * war.standard_errors.everywhere + 5e-5, "the check sees errors"
    assert abs(alone.probability - 0.7789) < ERRORS * alone.standard_error + 5e-5
    assert part(found, "talks").everywhere == pytest.approx(math.log(2) / 2, abs=0.02)


def test_cells_carry_their_claims(opened: Opened) -> None:
    found = opened(TWO).explain("good", trials=1000)
    (talks,) = part(found, "talks").cells
    assert (talks.path, talks.state, talks.scenario, talks.sources) == (
        "drivers.talks.impacts.held.good",
        "held",
        "good",
        ["G07"],
    )
    assert not talks.inferred
    cells = {cell.path: cell for cell in part(found, "war").cells}
    assert cells["drivers.war.impacts.rages.bad"].inferred
    assert cells["drivers.war.impacts.rages.bad"].everywhere < 0, "points for the alternative count against"


MODELS = ["feedback", "consequence_feedback", "outcome_moves", "events", "rules", "weights", "numeric_feedback"]


@pytest.mark.parametrize("name", MODELS)
def test_parts_sum_to_the_whole_and_cells_to_the_parts(opened: Opened, name: str) -> None:
    study = opened(exact_model(name))
    for scenario in (*study.loaded.model.scenarios, *study.loaded.model.groups):
        try:
            found = study.explain(scenario, trials=2000)
        except ImpossibleEvidence:
            continue
        if found.direct is None:
            assert found.note
            continue
        for average in ("everywhere", "where_true"):
            parts = [getattr(one, average) for one in found.direct.parts]
            assert math.fsum(parts) == pytest.approx(getattr(found.direct, average), abs=1e-9)
            for one in found.direct.parts:
                if one.cells or one.kind != "unexplained":
                    carried = math.fsum(getattr(cell, average) for cell in one.cells)
                    assert carried == pytest.approx(getattr(one, average), abs=1e-9), one.name


def test_parts_of_the_bundled_model_sum_to_the_whole(reset: Explanation) -> None:
    assert math.fsum(one.where_true for one in direct(reset).parts) == pytest.approx(direct(reset).where_true)
    for one in direct(reset).parts:
        assert math.fsum(cell.where_true for cell in one.cells) == pytest.approx(one.where_true, abs=1e-9)


def test_a_weight_of_0_gives_a_share_of_0(opened: Opened) -> None:
    found = opened(changed(yaml.safe_load(TWO), "drivers/war/weight", 0)).explain("good", trials=2000)
    assert (part(found, "war").everywhere, part(found, "war").where_true) == (0.0, 0.0)
    assert part(found, "talks").everywhere > 0


def test_a_group_of_one_is_its_scenario(opened: Opened) -> None:
    study = opened({**yaml.safe_load(TWO), "groups": {"fine": ["good"]}})
    one, other = study.explain("good", trials=500), study.explain("fine", trials=500)
    assert one.direct == other.direct
    assert one.states == other.states


def test_a_scenario_that_is_set_has_no_shares(opened: Opened) -> None:
    study = opened(TWO)
    found = study.explain("good", trials=500, do=["scenario=good"])
    assert found.direct is None
    assert "set" in found.note
    assert found.probability == 1.0
    assert all(state.otherwise is None and state.ratio is None for state in found.states)
    assert found.note in " ".join(table(found, Layout()).split())


# Against enumeration -------------------------------------------------------------------------------------------------


def shares_of_states(raw: Json, step: int, members: set[str]) -> dict[tuple[str, str, bool], float]:
    """P(driver is in a state | the scenario comes true, or not, at the step), by enumeration."""
    law = oracle.trials(raw, resolution=oracle.Resolution(fixed=20))[step]
    totals: dict[bool, float] = defaultdict(float)
    joint: dict[tuple[str, str, bool], float] = defaultdict(float)
    for view, p in law:
        true = str(view[OUTCOME]) in members
        totals[true] += p
        for name in raw["drivers"]:
            joint[name, str(view[name]), true] += p
    return {key: p / totals[key[2]] for key, p in joint.items()}


def misses(found: Explanation, truth: dict[tuple[str, str, bool], float]) -> list[str]:
    wrong = []
    numeric = {number.driver for number in found.numbers}
    for state in (one for one in found.states if one.driver not in numeric):
        for true, value, error in (
            (True, state.given, state.standard_errors.given),
            (False, state.otherwise, state.standard_errors.otherwise),
        ):
            assert value is not None
            assert error is not None
            expected = truth.get((state.driver, state.state, true), 0.0)
            if abs(value - expected) > ERRORS * error + RESOLVED:
                wrong.append(f"{state.driver}={state.state}, {true}: {value:.4f} +- {error:.4f}, truly {expected:.4f}")
    return wrong


RESOLVED = 8e-4
"""What the enumeration of a numeric driver in 20 cells leaves open."""

ENUMERATED = ["feedback", "consequence_feedback", "outcome_moves", "priors", "weights", "influences"]


@pytest.mark.parametrize("name", slow_but({*ENUMERATED} - {"priors"}, ENUMERATED))
@pytest.mark.parametrize("step", [1, 3])
def test_states_against_enumeration(opened: Opened, name: str, step: int) -> None:
    raw = exact_model(name)
    study = opened(raw)
    label = study.program.grid.labels[step]
    for scenario in raw["scenarios"]:
        found = study.explain(f"{scenario} @ {label}", trials=60_000)
        assert misses(found, shares_of_states(raw, step, {scenario})) == []


def test_enumeration_notices_another_model(opened: Opened) -> None:
    raw = exact_model("feedback")
    twin = changed(raw, "drivers/mood/lagged_influences/scenario/crisis/cold", 1.2)
    found = opened(twin).explain("crisis", trials=200_000)
    assert misses(found, shares_of_states(raw, 4, {"crisis"})) != []


def test_shares_of_a_model_that_feeds_back_against_enumeration(opened: Opened) -> None:
    """The rule of the step before reads the scenario itself; its share and the drivers' are summed out."""
    raw = exact_model("feedback")
    found = opened(raw).explain("crisis @ 2025-Q3", trials=100_000)
    assert [kind for kind in (one.kind for one in direct(found).parts) if kind == "rule"] == ["rule"]
    truth = feedback_shares(raw)
    averages: dict[str, DirectPart | DirectShares] = {one.name: one for one in direct(found).parts}
    for name, one in {**averages, "whole": direct(found)}.items():
        for average, expected in zip(("everywhere", "where_true"), truth[name], strict=True):
            error = getattr(one.standard_errors, average)
            assert abs(getattr(one, average) - expected) < ERRORS * error + 1e-9, (name, average)


_NO_VIEWS: Views = ()


def feedback_shares(raw: Json) -> dict[str, tuple[float, float]]:
    """The averages of every part for crisis at step 2, from the joint law of steps 1 and 2."""

    def keep(memory: Views, step: int, view: View) -> Views:
        return (*memory, tuple(view.items())) if step in (1, 2) else memory

    point = math.log(2)
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    weights = [0.0, 0.0]
    for memory, p in oracle.remembered(raw, _NO_VIEWS, keep).items():
        before, now = (dict[str, Any](view) for view in memory)
        parts = {
            "mood": {"warm": {"calm": 1.5}, "cold": {"crisis": 1.0}}[now["mood"]],
            "arms": {"many": {"tense": 1.0, "crisis": 1.0}, "none": {"calm": 1.0}, "few": {}}[now["arms"]],
            "spiral": {"crisis": 1.4} if before[OUTCOME] != "calm" and before["arms"] == "many" else {},
        }
        logs = {
            name: {state: points.get(state, 0.0) * point for state in raw["scenarios"]}
            for name, points in parts.items()
        }
        logs["unexplained"] = {state: math.log(share["baseline"]) for state, share in raw["scenarios"].items()}
        total = {state: sum(log[state] for log in logs.values()) for state in raw["scenarios"]}
        odds = {state: math.exp(total[state]) for state in ("calm", "tense")}
        logs["whole"] = total
        for name, log in logs.items():
            contrast = log["crisis"] - sum(odds[state] * log[state] for state in odds) / sum(odds.values())
            for number, weight in enumerate((p, p * (now[OUTCOME] == "crisis"))):
                sums[name][number] += weight * contrast
        weights[0] += p
        weights[1] += p * (now[OUTCOME] == "crisis")
    return {name: (one[0] / weights[0], one[1] / weights[1]) for name, one in sums.items()}


def test_numbers_shift_as_they_should(opened: Opened) -> None:
    """A number that drives the scenario alone: P(x >= .67 | crisis) and the mean, by integrating over a uniform x."""
    found = opened(
        "usru: 1\nname: number\ntitle: A number\nodds_per_point: 2\nscenarios: {calm: {}, crisis: {}}\n"
        "drivers: {risk: {kind: numeric, range: [0, 1], impacts: {0.0: {}, 1.0: {crisis: 3}}}}\n"
    ).explain("crisis", trials=60_000)
    x = np.linspace(0, 1, 200_001)
    crisis = 1 / (1 + 2.0 ** (-3 * x))
    (number,) = found.numbers
    assert number.shift is not None
    assert number.standard_errors.shift is not None
    shift = np.average(x, weights=crisis) - np.average(x, weights=1 - crisis)
    assert abs(number.shift - shift) < ERRORS * number.standard_errors.shift
    (high,) = (state for state in found.states if state.state == ">= 0.67")
    assert abs(high.given - np.average(x >= 0.67, weights=crisis)) < ERRORS * high.standard_errors.given
    assert part(found, "risk").everywhere == pytest.approx(3 * math.log(2) / 2, abs=0.02)


def test_a_rare_state_does_not_crowd_out_a_telling_one(opened: Opened) -> None:
    found = opened(
        "usru: 1\nname: rare\ntitle: Rare\nodds_per_point: 2\nscenarios: {calm: {}, crisis: {}}\ndrivers:\n"
        "  comet: {states: {none: 0.998, falls: 0.002}, impacts: {falls: {crisis: 9}}}\n"
        "  war: {states: {off: 0.5, on: 0.5}, impacts: {on: {crisis: 2}}}\n"
    ).explain("crisis", trials=20_000)
    ratios = {(state.driver, state.state): state.ratio or math.inf for state in found.states}
    assert ratios["comet", "falls"] > ratios["war", "on"]
    assert [state.driver for state in found.states[:2]] == ["war", "war"]


# The story -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("question", ["reset", "deterioration @ 2026-Q4", "chill"])
def test_the_story_is_a_possible_path(bundled: Study, question: str) -> None:
    found, model = bundled.explain(question, trials=4000), bundled.loaded.model
    story = found.story
    assert story is not None
    members = model.groups.get(found.scenario, (found.scenario,))
    assert story.path[OUTCOME][-1] in members
    assert story.moments[-1].step == found.step
    for name, driver in model.drivers.items():
        if isinstance(driver, Categorical):
            for before, after in zip(story.path[name], story.path[name][1:], strict=False):
                assert before == after or after in driver.allowed.get(before, driver.states)
    assert consistent(found)


def consistent(found: Explanation) -> bool:
    """Whether the opening and the changes together tell the path of every node with states."""
    assert found.story is not None
    state = dict(found.story.opening)
    for number, moment in enumerate(found.story.moments):
        for change in moment.changes:
            assert state[change.node] == change.before
            state[change.node] = change.after
        for node, path in found.story.path.items():
            if not path[number][0].isdigit():
                assert state[node] == path[number], (moment.step, node)
    return True


def test_pushes_are_the_points_of_the_file(bundled: Study) -> None:
    """Every push toward a scenario is an impact times its weight, with the claims of that cell."""
    program = bundled.program
    stories = [bundled.explain(name, trials=2_000).story for name in ("deterioration", "status_quo", "chill")]
    moments = [(n, moment) for story in stories if story is not None for n, moment in enumerate(story.moments)]
    changes = [(n, change) for n, moment in moments for change in moment.changes if change.node == OUTCOME]
    pushes = [(step, change, push) for step, change in changes for push in change.pushes if push.kind == "impact"]
    assert pushes
    for step, change, push in pushes:
        impacts: Any = bundled.loaded.model.drivers[push.of].impacts
        if push.points is not None and push.state in impacts:
            cell = impacts[push.state][change.after]
            assert push.points == pytest.approx(cell.mean * program.weights[push.of][step])
            assert set(cell.sources or ()) <= set(push.sources)


class Collector:
    """Keeps every path of a block, the scenario included."""

    def __init__(self) -> None:
        self.steps: list[list[Any]] = []

    def observe(
        self, _step: int, block_states: BlockStates, _transition: LazyTransition | FullTransition | None
    ) -> None:
        self.steps.append(block_states.now[:-1])  # the last is no node's


def test_the_story_is_the_medoid(opened: Opened) -> None:
    """Of all drawn paths that lead there, none agrees better with the others, found by comparing all pairs."""
    study = opened(exact_model("feedback"))
    found = study.explain("crisis", trials=400, seed=5)
    collector = Collector()
    program = study.program
    BlockSampler(program, Plan(400, 5), draw_outcome=True).walk(0, collector)
    paths = np.array(collector.steps).transpose(2, 0, 1)
    outcome = list(program.nodes).index(OUTCOME)
    led = paths[paths[:, -1, outcome] == program.outcome.states.index("crisis")]
    agreement = (led[:, None] == led[None]).mean(axis=(1, 2, 3))
    story = found.story
    assert story is not None
    assert story.agreement == pytest.approx(agreement.max())
    states = [node.states for node in program.nodes.values() if isinstance(node, CategoricalNode)]
    told = [
        [names.index(story.path[node][step]) for node, names in zip(program.nodes, states, strict=True)]
        for step in range(program.steps)
    ]
    assert any((path == np.array(told)).all() for path in led[agreement > agreement.max() - 1e-12])


def test_what_is_imposed_is_told_so(bundled: Study) -> None:
    found = bundled.explain("deterioration", trials=2000, do=["russian_conduct=unacceptable_action @ 2028-Q4"])
    assert found.story is not None
    kinds = [
        [push.kind for push in change.pushes]
        for change in found.story.moments[-1].changes
        if change.node == "russian_conduct"
    ]
    assert kinds == [["imposed"]]
    assert found.run.do == ["russian_conduct=unacceptable_action @ 2028-Q4"]


def test_without_a_drawn_path_there_is_no_story(opened: Opened) -> None:
    found = opened(changed(yaml.safe_load(TWO), "scenarios/good/baseline", 1e-9)).explain("good", trials=50)
    assert found.story is None
    assert "None of the drawn trials led there" in table(found, Layout())


# Asking --------------------------------------------------------------------------------------------------------------


def test_the_same_question_gives_the_same_answer(bundled: Study) -> None:
    def backwards(function: Callable[[int], Any], blocks: Any) -> list[Any]:
        return [function(block) for block in reversed(blocks)][::-1]

    one = bundled.explain("reset", trials=20_000)
    assert one == bundled.explain("reset", trials=20_000, map_blocks=backwards)
    assert one.to_dict() == load("us-russia").explain("reset @ end", trials=20_000).to_dict()
    assert one.probability != bundled.explain("reset", trials=20_000, seed=2).probability


def test_the_probability_is_that_of_the_forecast(bundled: Study, reset: Explanation) -> None:
    forecast = bundled.simulate(trials=20_000, method="sample", judgements=0)
    assert reset.probability == pytest.approx(forecast.scenarios["reset"].end, abs=1e-12)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("rest", "did you mean 'reset'"),
        ("reset @ 2026", "has 4 steps"),
        ("reset @ 1999", "off the grid"),
        ("reset @", "explain:1:8"),
        ("sanctions", "no scenario"),
    ],
)
def test_a_question_without_meaning_is_refused_in_place(bundled: Study, question: str, said: str) -> None:
    with pytest.raises(QueryError, match=said.replace("(", r"\(")):
        bundled.explain(question, trials=100)


def test_what_never_comes_true_is_refused(opened: Opened) -> None:
    study = opened(changed(yaml.safe_load(TWO), "scenarios/good/baseline", 0))
    with pytest.raises(ImpossibleEvidence, match="good @ now"):
        study.explain("good", trials=100)


def test_json_follows_its_schema(reset: Explanation) -> None:
    assert_follows(json.loads(json.dumps(reset.to_dict(), allow_nan=False)), "explanation", direct={})


@pytest.mark.parametrize("width", [60, 80, 140])
def test_text_keeps_to_its_width_and_its_numbers_whole(reset: Explanation, width: int) -> None:
    drawn = table(reset, Layout(width=width))
    assert max(map(len, drawn.splitlines())) <= width
    assert "…" not in drawn
    lines = drawn.splitlines()
    for one in direct(reset).parts[:3]:
        given = f"{round(one.where_true, 2) + 0.0:+.2f}"  # never -0.00
        assert any(line.startswith(one.name) and given in line for line in lines)
    (row,) = (line for line in lines if line.startswith("unexplained"))
    assert row.split()[1:] == [
        f"{part(reset, 'unexplained').everywhere:+.2f}",
        f"{part(reset, 'unexplained').where_true:+.2f}",
    ]
    assert {"D35", "inferred"} <= set(drawn.replace("(", " ").replace(")", " ").replace(",", " ").split())
    assert Counter(drawn)["\x1b"] == 0


def test_markdown_says_what_the_named_claims_say(reset: Explanation) -> None:
    said = md(reset, Layout())
    assert "\n- D35: " in said
    named, listed = said.split("## What the claims say")
    assert all(line[2:5] in named for line in listed.splitlines() if line.startswith("- "))


@pytest.mark.parametrize("words", [["reset @ 2025-Q2"], ["reset", "@", "2025-Q2"], ["reset", "@2025-Q2", "us-russia"]])
def test_the_command_takes_the_time_in_one_word_or_more(words: list[str]) -> None:
    done = answer("explain", *words, "-n", "500", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads(done.stdout)
    assert (data["format"], data["scenario"], data["step"]) == ("usru.explanation/1.0", "reset", "2025-Q2")


def test_the_command_imposes_states() -> None:
    done = answer("explain", "reset", "--do", "ukraine_talks=settlement", "-n", "500", "--json")
    assert json.loads(done.stdout)["run"]["do"] == ["ukraine_talks=settlement"]


def test_the_command_refuses_what_it_cannot_read() -> None:
    assert answer("explain", "reset", "us-russia", "more").returncode == 2
    refused = answer("explain", "reset @ 1999")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "^^^^" in refused.stderr


def test_what_was_seen_at_some_step_holds_no_later_draw_of_the_trials_that_have_shown_it(opened: Opened) -> None:
    """Of `rules`, in which violence by February may have come in January already: then February is free."""
    study = opened(exact_model("rules"))
    known = study.ask("P(bad @ end | conduct=violent @ by 2025-02)", method="exact").value
    found = study.explain("bad", given=["conduct=violent @ by 2025-02"], trials=150_000)
    assert known is not None
    assert found.exact == []
    assert abs(found.probability - known) < ERRORS * found.standard_error
    assert found.standard_error < 0.001


# How it is found, and as rows of data ---------------------------------------------------------------------------------


def test_exactly_or_by_sampling_as_is_asked_for() -> None:
    """Both ways agree; the exact one draws trials for the direct shares and the story alone."""
    study = load(EXACT_MODELS / "consequences.yaml")
    exact, sampled = (study.explain("crisis", method=method) for method in ("exact", "sample"))
    assert (exact.exact, exact.standard_error) == (["probability", "states", "numbers"], 0.0)
    assert sampled.exact == []
    assert sampled.standard_error > 0.0
    assert exact.probability == pytest.approx(study.simulate(method="exact").scenarios["crisis"].end, rel=1e-12)
    assert abs(exact.probability - sampled.probability) < ERRORS * sampled.standard_error
    assert exact.direct is not None
    assert exact.direct == study.explain("crisis", method="exact", trials=65_536).direct
    found = {(state.driver, state.state): state for state in sampled.states}
    for state in exact.states:
        drawn = found[state.driver, state.state]
        assert abs(state.given - drawn.given) < ERRORS * drawn.standard_errors.given


def test_exact_likelihoods_that_cannot_be_had_are_refused(bundled: Study) -> None:
    """The bundled model has a number that moves from step to step; status 2 on the command line."""
    with pytest.raises(NotExact, match="unpredictability"):
        bundled.explain("reset", method="exact")
    with pytest.raises(NotExact, match="unpredictability"):
        bundled.watch(method="exact")
    assert answer("explain", "reset", "--method", "exact", "-q").returncode == 2
    assert answer("watch", "--method", "exact", "-q").returncode == 2


def test_nothing_is_solved_where_sampling_is_asked_for(opened: Opened) -> None:
    """No draw can be held to an alternative, and next to no trial meets this one: `auto` solves the model."""
    rare = TWO.replace("{over: 0.75, rages: 0.25}", "{over: 0.000000001, rages: 1}")
    study = opened(rare)
    given = ["(war=over @ now) or ((war=over @ now) and (talks=held @ now))"]
    assert "probability" in study.explain("good", given=given).exact
    assert study.watch(given=given).run.trials == 0
    with pytest.raises(ImpossibleEvidence, match="too rare to sample"):
        study.explain("good", given=given, method="sample")
    with pytest.raises(ImpossibleEvidence, match="too rare to sample"):
        study.watch(given=given, method="sample")


def test_the_rows_hold_the_numbers_of_the_parts(opened: Opened) -> None:
    """By kind: the probability, the parts and their numbers, which add up, the states, and the story."""
    found = opened(TWO).explain("good", trials=4_000)
    rows = found.to_rows()
    assert {(row["scenario"], row["step"], row["date"]) for row in rows} == {("good", "now", None)}
    kinds = defaultdict(list)
    for row in rows:
        kinds[row["kind"]].append(row)
    (chance,), (whole, *parts) = kinds["probability"], kinds["directly"]
    assert (chance["value"], chance["value_error"]) == (found.probability, found.standard_error)
    assert [part["name"] for part in parts] == ["war", "talks", "unexplained"]
    for column in ("value", "where_true"):
        total = math.fsum(float(part[column] or 0.0) for part in parts)
        assert total == pytest.approx(float(whole[column] or 0.0))
    (talks,) = (row for row in kinds["number"] if row["name"] == "talks")
    assert (talks["path"], talks["points"], talks["for"]) == ("drivers.talks.impacts.held.good", 1.0, "good")
    assert (talks["sources"], talks["inferred"]) == ("G07", False)
    assert len(kinds["state"]) == len(found.states)
    assert [row["at"] for row in kinds["story"]] == ["now"]
