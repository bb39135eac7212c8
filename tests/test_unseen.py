"""Errors that cover what was never drawn, of what is no mean over trials: sampled against exact inference."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.command import answer
from support.oracle import Json
from support.sabotage import replace_everywhere
from support.tiny import study_of
from test_difference_error_floors import ROUNDING, Told
from test_error_floors import WAR
from usru_scenarios.estimation.estimates import rule_of_three_bound
from usru_scenarios.program.program import Floats
from usru_scenarios.questions.probability import is_faster_exactly
from usru_scenarios.questions.watch.value_of_information import cover_unseen_trials
from usru_scenarios.study import Study

TRIALS = 1_000

RARELY: Json = copy.deepcopy(WAR)
RARELY["scenarios"] = {"war": {"baseline": 0.01}, "peace": {"baseline": 1}}
RARELY["drivers"] = {
    "d": {"states": {"a": 0.0006, "z": 1}, "impacts": {"a": {"war": 6}}},
    "e": {"states": {"x": 0.0008, "y": 1}, "impacts": {"x": {"war": 12}}},
    "sure": {"states": {"on": 1, "off": 0}, "impacts": {"on": {"war": 1}}},
    "n": {"kind": "numeric", "range": [0, 1], "influences": {"d": {"a": 3}}},
}
"""War is above all a matter of two rare states."""

Asked = Callable[[Study, int, pytest.MonkeyPatch], Iterator[Told]]


def sampled(patch: pytest.MonkeyPatch) -> None:
    """Draw trials even where exact inference would be faster."""
    replace_everywhere(patch, is_faster_exactly, lambda *_, **__: False)


def explained(study: Study, seed: int, patch: pytest.MonkeyPatch) -> Iterator[Told]:
    """What the states tell."""
    known = study.explain("war")
    assert known.exact
    with patch.context() as context:
        sampled(context)
        found = study.explain("war", trials=TRIALS, seed=seed)
    assert not found.exact
    truths = {(one.driver, one.state): one for one in known.states}
    for one in found.states:
        for what in ("given", "otherwise", "ratio"):
            yield from told(f"{one.driver}={one.state}", what, one, truths[one.driver, one.state])
    for number, other in zip(found.numbers, known.numbers, strict=True):
        for what in ("given", "otherwise", "shift"):
            yield from told(number.driver, what, number, other)


def drivers(study: Study, seed: int, _: pytest.MonkeyPatch) -> Iterator[Told]:
    """What the rare states of two drivers tell and explain, from the probabilities in their four combinations."""
    found = study.sensitivity(trials=TRIALS, seed=seed, questions=["drivers"], at="start").drivers
    shares = np.array([[0.0006, 1.0]]).T / 1.0006 * np.array([[0.0008, 1.0]]) / 1.0008
    war = 0.01 * 2.0 * 2.0 ** (np.array([[6.0], [0.0]]) + np.array([[12.0, 0.0]]))
    war = war / (1.0 + war)
    mean = (shares * war).sum()
    variance = (shares * (war - mean) ** 2).sum()
    for driver in found or ():
        if driver.driver not in ("d", "e"):
            continue
        axis = int(driver.driver == "d")
        share = shares.sum(axis=axis)
        told = (shares * war).sum(axis=axis) / share
        total = _total(shares, war, 1 - axis) / variance
        bits = sum((share * each * np.log2(each / whole)).sum() for each, whole in ((told, mean), (1 - told, 1 - mean)))
        errors = driver.standard_errors
        yield Told(f"{driver.driver} information", driver.information, errors.information, bits)
        yield Told(f"{driver.driver} shift", driver.shift, errors.shift, (share * np.abs(told - mean)).sum())
        first = (share * (told - mean) ** 2).sum() / variance
        if driver.first_order is not None:
            yield Told(f"{driver.driver} first", driver.first_order, errors.first_order, first)
        if driver.total is not None:
            yield Told(f"{driver.driver} total", driver.total, errors.total, total)


def watched(study: Study, seed: int, patch: pytest.MonkeyPatch) -> Iterator[Told]:
    """What nodes tell about the scenario."""
    known = study.watch(on="2026")
    assert known.run.method == "exact"
    with patch.context() as context:
        sampled(context)
        found = study.watch(on="2026", trials=TRIALS, seed=seed)
    assert found.run.method == "sample"
    nodes = {one.node: one for one in known.nodes}
    for node in found.nodes:
        yield from told(node.node, "information", node, nodes[node.node])
        yield from told(node.node, "expected_move", node, nodes[node.node])
    states = {(one.node, one.state): one for one in known.indicators}
    for one in found.indicators:
        yield from told(one.node, "probability", one, states[one.node, one.state])
        yield from told(one.node, "expected_move", one, states[one.node, one.state])
        yield from told(one.node, "distance", one, states[one.node, one.state])


def distances(study: Study, seed: int, patch: pytest.MonkeyPatch) -> Iterator[Told]:
    """How far states of nodes move the forecast, and nothing else."""
    return (told for told in watched(study, seed, patch) if told.what.endswith("distance"))


def _total(shares: Floats, war: Floats, axis: int) -> float:
    """The variance that a driver on an axis makes where the other one is known, on average over it."""
    other = shares.sum(axis=axis, keepdims=True)
    mean = (shares * war).sum(axis=axis, keepdims=True) / other
    return float((shares * (war - mean) ** 2).sum())


def told(name: str, what: str, found: Any, truth: Any) -> Iterator[Told]:
    """One attribute with its error, if it is a number."""
    if getattr(found, what) is not None:
        yield Told(f"{name} {what}", getattr(found, what), getattr(found.standard_errors, what), getattr(truth, what))


def direct(study: Study, seed: int, _: pytest.MonkeyPatch) -> Iterator[Told]:
    """What the parts give directly."""
    known, found = study.explain("war"), study.explain("war", trials=TRIALS, seed=seed).direct
    assert known.exact
    assert found is not None
    given = {(one.driver, one.state): one.given for one in known.states}
    for driver, state, points in (("d", "a", 6), ("e", "x", 12)):
        (part,) = (one for one in found.parts if one.name == driver)
        rarely = RARELY["drivers"][driver]["states"][state]
        worth = points * math.log(2)  # of war against the only other scenario
        errors = part.standard_errors
        yield Told(f"{driver} everywhere", part.everywhere, errors.everywhere, rarely / (1 + rarely) * worth)
        yield Told(f"{driver} where true", part.where_true, errors.where_true, given[driver, state] * worth)


ASKED: dict[str, Asked] = {each.__name__: each for each in (explained, direct, drivers, watched, distances)}


def missed(raw: Json, folder: Path, asked: str, patch: pytest.MonkeyPatch) -> list[Told]:
    study = study_of(raw, folder)
    return [told for seed in range(6) for told in ASKED[asked](study, seed, patch) if told.misses]


@pytest.mark.parametrize("asked", ASKED)
def test_what_was_never_drawn_is_in_the_errors(asked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And without the floors, the same estimates are not within their errors."""
    assert missed(RARELY, tmp_path, asked, monkeypatch) == []
    replace_everywhere(
        monkeypatch, rule_of_three_bound, lambda drawn, missed=0.0: np.zeros(np.broadcast(drawn, missed).shape)
    )
    monkeypatch.setattr("usru_scenarios.questions.sensitivity.drivers.MOST_MISSED", 0.0)
    replace_everywhere(monkeypatch, cover_unseen_trials, lambda found, *_: found)
    assert missed(RARELY, tmp_path, asked, monkeypatch)


def test_only_what_is_constant_has_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sampled(monkeypatch)
    found = study_of(RARELY, tmp_path).explain("war", trials=TRIALS)
    assert found.direct is not None
    constant = {"sure"}
    for state in found.states:
        errors = state.standard_errors
        assert {(error or 0.0) < ROUNDING for error in (errors.given, errors.otherwise, errors.ratio)} == {
            state.driver in constant
        }
    for part in found.direct.parts:
        assert (part.standard_errors.everywhere < ROUNDING) == (part.name in {*constant, "unexplained"})


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("log(P(d=a @ start))", "no number: P(d=a @ start) is 0% in each of the 50 trials"),
        ("odds(P(d=z @ start))", "no number: P(d=z @ start) is 100% in each of the 50 trials"),
    ],
)
def test_no_number_has_its_reason(query: str, said: str, tmp_path: Path) -> None:
    study_of(RARELY, tmp_path)
    found = answer("ask", query, str(tmp_path / "model.yaml"), "-n", "50", "--method", "sample")
    assert said in found.stdout
