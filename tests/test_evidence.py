"""Rare is not impossible, and what is given is given: evidence in every question, exactly and sampled."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from support.command import HERE, answer
from support.oracle import Json, marginals, posterior
from support.reference_models import EVERYTHING, smaller
from support.tiny import TINY, both, limited, study_of
from support.tiny import at as holds
from usru_scenarios.problems import ImpossibleEvidence
from usru_scenarios.results.simulate import StatesResult
from usru_scenarios.study import Study, load

FAULT_TREE = str(HERE / "models" / "fault-tree.yaml")
"""The top event has probability 1e-8, and then all four parts have failed."""


# Rare -----------------------------------------------------------------------------------------------------------------


def test_a_forecast_given_what_is_rare_is_exact() -> None:
    found = load(FAULT_TREE).simulate(given=["top=failed@now"])
    assert found.run.method == "exact"
    for part in ("c0", "c1", "c2", "c3", "top"):
        node = found.drivers[part]
        assert isinstance(node, StatesResult)
        assert node.by_step == {"failed": [1.0], "ok": [0.0]}


def test_what_sampling_does_not_meet_is_found_exactly_unless_sampling_is_asked_for() -> None:
    study, query = limited(load(FAULT_TREE), most_unmet=4096), "P(c0=failed | top=failed)"
    assert study.simulate(given=["top=failed@now"], trials=1024).run.method == "exact"
    assert study.ask(query, trials=1024).value == 1.0
    for sampled in (
        lambda: study.simulate(given=["top=failed@now"], method="sample"),
        lambda: study.ask(query, method="sample"),
    ):
        with pytest.raises(ImpossibleEvidence, match=r"not met in .* trials: possible, but too rare to sample"):
            sampled()


def test_only_what_is_proven_is_called_impossible() -> None:
    study, given = limited(load(FAULT_TREE), most_unmet=4096), ["top=failed@now", "c0=ok@now"]
    with pytest.raises(ImpossibleEvidence, match=r"top=failed@now, given c0=ok@now \(impossible: .* exactly 0\)"):
        study.simulate(given=given)
    with pytest.raises(ImpossibleEvidence, match=r"top=failed@now, given c0=ok@now \(impossible\)"):
        study.simulate(given=given, method="sample", trials=1024)


def test_evidence_against_an_intervention_is_impossible() -> None:
    study = load(FAULT_TREE)
    with pytest.raises(ImpossibleEvidence, match="impossible"):
        study.simulate(do=["c0=ok"], given=["c0=failed@now"])
    assert study.simulate(do=["c0=ok"], given=["c0=ok@now"]).scenarios["one"].end == 0.5


# What is given --------------------------------------------------------------------------------------------------------


def uncertain() -> Json:
    raw = smaller(EVERYTHING)
    raw["drivers"]["mood"]["persistence"] = {"uniform": [0.2, 0.6]}
    return raw


@pytest.mark.parametrize("method", ["exact", "sample", "auto"])
@pytest.mark.parametrize("do", [(), ("law=no @ 2000",)], ids=["", "imposed"])
def test_what_is_given_is_1_or_0(tmp_path: Path, method: Any, do: tuple[str, ...]) -> None:
    """Under drawn judgements too, where sums are steadied; only of the third step, and of all that it says."""
    study = study_of(uncertain() if method == "auto" else smaller(EVERYTHING), tmp_path)
    given = ["power=weak @ 2001", "good or bad @ 2002", "trade=up @ always"]
    found = study.simulate(method=method, do=do, given=given, trials=None if method == "exact" else 2048)
    assert found.run.method == ("exact" if method == "exact" else "sample")
    power, trade = (found.drivers["power"].by_step, found.consequences["trade"].by_step)  # type: ignore[union-attr]
    assert [power[state][1] for state in ("strong", "weak", "none")] == [0.0, 1.0, 0.0]
    assert trade == {"up": [1.0] * 4, "down": [0.0] * 4}
    assert found.groups["calm"].by_step[2] == found.groups["calm"].ever == 1.0
    assert found.scenarios["ugly"].by_step[2] == 0.0
    for step in range(4):
        assert sum(one.by_step[step] for one in found.scenarios.values()) == pytest.approx(1.0, abs=1e-12)


def test_what_is_given_is_1_or_0_in_every_format(tmp_path: Path) -> None:
    file = tmp_path / "uncertain.yaml"
    file.write_text(json.dumps(uncertain()), encoding="utf-8")
    arguments = ("simulate", str(file), "--given", "power=weak @ 2001", "-n", "2048", "-f")
    data = json.loads(answer(*arguments, "json").stdout)
    assert data["drivers"]["power"]["by_step"]["weak"][1] == 1
    rows = csv.reader(io.StringIO(answer(*arguments, "csv").stdout))
    given = [row for row in rows if "weak" in row and "2001" in row]
    assert given
    assert all(set(row) & {"1", "1.0"} for row in given)


def test_the_whole_report_under_observations_is_that_of_the_reference(tmp_path: Path) -> None:
    wanted = marginals(TINY, given=[("talks", 2, "deal"), ("scenario", 1, "thaw")])
    found = study_of(TINY, tmp_path).simulate(given=["talks=deal @ end", "thaw @ 2001"])
    assert (found.run.method, found.run.given) == ("exact", ["talks=deal @ end", "thaw @ 2001"])
    for name, visits in wanted["scenarios"].items():
        assert found.scenarios[name].by_step == pytest.approx(visits["by_step"], abs=1e-12)
        assert found.scenarios[name].mean == pytest.approx(visits["mean"], abs=1e-12)
        assert found.scenarios[name].ever == pytest.approx(visits["ever"], abs=1e-12)
        assert found.scenarios[name].first_visit == pytest.approx(visits["first_visit"], abs=1e-12)
        row = wanted["transitions"][name]
        if row is None:
            assert set(found.transitions[name].values()) == {None}
        else:
            assert found.transitions[name] == pytest.approx(row, abs=1e-12)


def test_exact_and_sampled_forecasts_under_observations_agree(tmp_path: Path) -> None:
    study: Study = study_of(smaller(EVERYTHING), tmp_path)
    given = ["power=weak @ 2001", "trade=up @ end", "not (bad @ ever)"]
    exact = study.simulate(given=given, method="exact")
    sampled = study.simulate(given=given, trials=40_000, seed=11)
    for name, one in sampled.scenarios.items():
        for mine, theirs, error in zip(
            one.by_step, exact.scenarios[name].by_step, one.standard_errors.by_step, strict=True
        ):
            assert mine == pytest.approx(theirs, abs=4.5 * error + 1e-12)


# Watch ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [[], ["talks=deal @ end"], ["trade=up @ 2001", "mood=low @ start"]])
def test_watch_is_exact_where_the_model_is_solved(tmp_path: Path, given: list[str]) -> None:
    observed = {
        "talks=deal @ end": holds(2, "talks", "deal"),
        "trade=up @ 2001": holds(1, "trade", "up"),
        "mood=low @ start": holds(0, "mood", "low"),
    }
    seen = both(*(observed[text] for text in given))
    found = study_of(TINY, tmp_path).watch(on="2001", given=given)
    assert (found.run.method, found.run.trials, found.run.given) == ("exact", 0, given)
    before = {name: posterior(TINY, holds(2, "scenario", name), seen) for name in TINY["scenarios"]}
    assert {name: one.probability for name, one in found.forecast.items()} == pytest.approx(before, abs=1e-12)
    told = {(one.node, one.state): one for one in found.indicators}
    for (node, state), one in told.items():
        observation = holds(1, node, state)
        share = posterior(TINY, observation, seen)
        assert one.probability == pytest.approx(share, abs=1e-12)
        after = {name: posterior(TINY, holds(2, "scenario", name), both(observation, seen)) for name in before}
        assert {name: shifted.seen for name, shifted in one.forecast.items()} == pytest.approx(after, abs=1e-12)
        distance = sum(abs(after[name] - before[name]) for name in before) / 2
        assert one.distance == pytest.approx(distance, abs=1e-12)
        assert one.expected_move == pytest.approx(share * distance, abs=1e-12)
    assert not found.too_rare
    assert {node for node, _ in told} == {"mood", "talks", "trade"}


def test_watch_takes_what_is_rare_exactly() -> None:
    found = load(FAULT_TREE).watch(given=["top=failed@now"])
    assert found.run.method == "exact"
    assert {(one.node, one.state): one.probability for one in found.indicators} == {
        (part, "failed"): 1.0 for part in ("c0", "c1", "c2", "c3", "top")
    }
    assert {one.expected_move for one in found.indicators} == {0.0}
    assert "Exact, without sampling." in answer("watch", FAULT_TREE, "--given", "top=failed@now").stdout


def test_watch_says_what_is_impossible() -> None:
    with pytest.raises(ImpossibleEvidence, match="impossible"):
        load(FAULT_TREE).watch(given=["top=failed@now", "c0=ok@now"])


# Explain --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trials", [None, 40_000])
def test_explain_under_observations(tmp_path: Path, trials: int | None) -> None:
    """Of a step before the last observation, and of an observation of the scenario itself; exactly and sampled."""
    found = study_of(TINY, tmp_path).explain("thaw @ 2001", given=["trade=up @ 2002", "calm @ 2000"], trials=trials)
    seen = both(holds(2, "trade", "up"), holds(0, "scenario", "calm"))
    thaw = holds(1, "scenario", "thaw")
    assert found.run.given == ["trade=up @ 2002", "calm @ 2000"]
    assert found.exact == ([] if trials else ["probability", "states", "numbers"])
    assert found.standard_error == 0.0 or trials
    near = 4.5 * found.standard_error + 1e-12
    assert found.probability == pytest.approx(posterior(TINY, thaw, seen), abs=near)
    for one in found.states:
        state = holds(1, one.driver, one.state)
        near = 4.5 * one.standard_errors.given + 1e-12
        assert one.given == pytest.approx(posterior(TINY, state, both(thaw, seen)), abs=near)
    assert found.direct is not None
    assert found.story is not None
    assert found.story.path["scenario"] == ["calm", "thaw"]


TWO_FAIL: Json = {
    "usru": 1,
    "name": "two-fail",
    "title": "An alarm that takes two failures",
    "scenarios": {"war": {"baseline": 0.2}, "peace": {"baseline": 0.8}},
    "drivers": {
        "c0": {"states": {"failed": 0.02, "ok": 0.98}, "impacts": {"failed": {"war": 1}}},
        "c1": {"states": {"failed": 0.02, "ok": 0.98}},
        "alarm": {
            "states": {"on": 0, "off": 1},
            "prior_given": [{"when": {"c0": "failed", "c1": "failed"}, "prior": {"on": 1}}],
        },
    },
}


def test_explain_draws_on_for_the_direct_shares_and_the_story(tmp_path: Path) -> None:
    """Of the first 65,536 trials some 33 agree with what is given, and 100 are needed, whatever is known exactly."""
    found = study_of(TWO_FAIL, tmp_path).explain("war", given=["alarm=on@now"])
    assert (found.run.trials, found.exact) == (4 * 65_536, ["probability", "states", "numbers"])
    assert found.direct is not None
    assert found.story is not None


def test_explain_finds_exactly_what_sampling_does_not_meet() -> None:
    found = limited(load(FAULT_TREE), most_unmet=4096).explain("one", given=["top=failed@now"], trials=1024)
    assert (found.probability, found.exact, found.direct) == (0.5, ["probability", "states", "numbers"], None)


def test_explain_says_what_is_impossible_and_explains_what_is_rare() -> None:
    rare = load(FAULT_TREE).explain("one", given=["top=failed@now"])
    assert (rare.probability, rare.direct, rare.story) == (0.5, None, None)
    assert {(one.driver, one.state, one.given) for one in rare.states} == {
        (part, "failed", 1.0) for part in ("c0", "c1", "c2", "c3", "top")
    }
    with pytest.raises(ImpossibleEvidence, match="impossible"):
        load(FAULT_TREE).explain("one", given=["top=failed@now", "c0=ok@now"])
    done = answer("explain", "one", FAULT_TREE, "--given", "top=failed@now", "--json")
    assert json.loads(done.stdout)["run"]["given"] == ["top=failed@now"]
