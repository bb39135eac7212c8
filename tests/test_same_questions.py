"""Probabilities that are equal by construction: what is imposed makes no difference to what is asked."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.model_strategies import models
from support.oracle import Json
from support.tiny import TINY, limited, study_of
from usru_scenarios.questions import check
from usru_scenarios.results.check import ExpectationChecked

TRIALS = 1024
DEAL = "P(war @ end | do(talks=deal)) {} P(war @ end | do(talks=none))"
SENT = "P(war @ end | do(talks=sent)) {} P(war @ end | do(talks=none))"
MOOD = "P(talks=deal | do(mood=high)) {} P(talks=deal | do(mood=low))"
CUT = "P(war @ end | do(talks=deal), do(mood=high)) {} P(war @ end | do(talks=deal), do(mood=low))"


def model(*, points: float = 0.0, weight: float = 1.0, influence: float = 0.0, impact: float = 0.0) -> Json:
    """The tiny model, with three states of `talks`, two of which may be read alike, and points that may be 0."""
    raw = copy.deepcopy(TINY) | {"profiles": {}}
    mood, talks = raw["drivers"]["mood"], raw["drivers"]["talks"]
    mood["impacts"] = {"low": {"war": impact}}
    talks |= {"states": {"deal": 0.25, "none": 0.6, "sent": 0.15}, "weight": weight}
    talks["initial"] = {"deal": 0.1, "none": 0.8, "sent": 0.1}
    talks["impacts"] = {"deal": {"war": -2}, "sent": {"war": points}}
    talks["influences"] = {"mood": {"high": {"deal": influence}}}
    return raw


def checked(folder: Path, raw: Json, that: str) -> ExpectationChecked:
    study = study_of({**raw, "expectations": {"one": {"that": that}}}, folder)
    (one,) = limited(study, most_trials=4 * TRIALS).check(trials=TRIALS, method="sample").expectations.values()
    return one


@pytest.mark.parametrize(
    ("raw", "that"),
    [(model(impact=1.0), SENT), (model(weight=0.0, impact=1.0), DEAL), (model(), MOOD), (model(influence=1.0), CUT)],
    ids=["states that are read alike", "a weight of 0", "points of 0", "a node that is cut off from it"],
)
def test_sides_that_are_equal_by_construction_are_told_apart_from_the_first_trials_on(
    raw: Json, that: str, tmp_path: Path
) -> None:
    for sign, verdict in ((">", "fails"), (">=", "holds")):
        one = checked(tmp_path, raw, that.format(sign))
        assert (one.verdict, one.margin, one.standard_error, one.trials) == (verdict, 0.0, 0.0, TRIALS)


@pytest.mark.parametrize(
    ("raw", "that"),
    [
        (model(points=1e-7, impact=1.0), SENT),
        (model(weight=1e-7, impact=1.0), DEAL),
        (model(influence=1e-7), MOOD),
        (model(influence=1.0), CUT.replace("do(talks=deal), ", "")),
    ],
)
def test_those_that_only_nearly_are_have_an_error(raw: Json, that: str, tmp_path: Path) -> None:
    one = checked(tmp_path, raw, that.format(">"))
    assert one.standard_error is not None
    assert one.standard_error > 0.0
    assert one.trials > TRIALS or one.verdict == "fails"


def test_a_state_that_is_left_again_is_not_another(tmp_path: Path) -> None:
    """Imposed at the first step alone, the state is where the node goes on from."""
    that = "P(war @ end | do(talks=sent @ start)) > P(war @ end | do(talks=none @ start))"
    one = checked(tmp_path, model(impact=1.0), that)
    assert one.standard_error is not None
    assert one.standard_error > 0.0


@given(raw=models(numeric=False), data=st.data())
@settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
def test_no_error_is_said_only_where_the_exact_answer_is_the_same(raw: Json, data: st.DataObject) -> None:
    node = data.draw(st.sampled_from(sorted(raw["drivers"])))
    states = sorted(raw["drivers"][node]["states"])
    one, other = (data.draw(st.sampled_from(states)) for _ in range(2))
    scenario = data.draw(st.sampled_from(sorted(raw["scenarios"])))
    at = data.draw(st.sampled_from(("", " @ 2001")))
    query = f"P({scenario} @ end | do({node}={one}{at})) - P({scenario} @ end | do({node}={other}{at}))"
    with tempfile.TemporaryDirectory() as folder:
        study = study_of(raw, Path(folder))
        found = study.ask(query, method="sample", trials=64)
        assert found.standard_error is not None
        if found.standard_error == 0.0:
            assert study.ask(query, method="exact").value == pytest.approx(found.value, abs=1e-12)


def test_a_statement_takes_no_more_draws_than_may_be_spent_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = {**TINY, "profiles": {}}
    raw["drivers"] = {**TINY["drivers"], "coin": {"states": {"heads": 0.5, "tails": 0.5}}}
    fair = {"fair": {"that": "P(coin=heads @ start) > 0.5"}}
    study = study_of({**raw, "expectations": fair}, tmp_path)

    def trials() -> int:
        return study.check(trials=TRIALS, method="sample").expectations["fair"].trials

    draws = 5 * 4  # nodes and steps
    monkeypatch.setattr(check, "MOST_DRAWS", 4 * TRIALS * draws)
    assert trials() == 4 * TRIALS
    monkeypatch.setattr(check, "MOST_DRAWS", 16 * TRIALS * draws)
    assert trials() == 16 * TRIALS
