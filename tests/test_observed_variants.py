"""Observations for variants, sweeps and checks: the oracle's values, precision of differences, and what is said."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.command import HARBOUR, answer
from support.oracle import posterior
from support.sabotage import replace_everywhere
from support.sampled import ERRORS
from support.tiny import TINY, at, feeding_back, limited, study_of
from usru_scenarios.problems import ImpossibleEvidence, TooFewTrials
from usru_scenarios.questions.program_batches import run_conditioned
from usru_scenarios.results.compare import Comparison
from usru_scenarios.settings import ArgumentError
from usru_scenarios.study import Study

SEEN = at(1, "talks", "deal")
GIVEN = ("talks=deal@2001",)
GLOOMY = {**TINY, "drivers": {**TINY["drivers"], "talks": {**TINY["drivers"]["talks"], "weight": 3}}}
"""The same with another weight."""


def _compared(study: Study, **how: Any) -> Comparison:
    given = {"as it is": GIVEN, "heavier": GIVEN}
    return study.compare({"heavier": study.varied(weights={"talks": 3})}, given=given, **how)


def _truth(scenario: str, step: int) -> tuple[float, float]:
    one, other = (posterior(raw, at(step, "scenario", scenario), SEEN) for raw in (TINY, GLOOMY))
    return other, other - one


def test_exact_variants_under_observations_are_those_of_the_enumeration(tmp_path: Path) -> None:
    found = _compared(study_of(TINY, tmp_path), method="exact")
    for name, one in found.variants["heavier"].scenarios.items():
        for step in range(3):
            level, apart = _truth(name, step)
            assert one.by_step[step] == pytest.approx(level, abs=1e-12)
            assert one.difference is not None
            assert one.difference.by_step[step] == pytest.approx(apart, abs=1e-12)
            assert one.difference.standard_errors.by_step[step] == pytest.approx(0, abs=1e-12)


def _scores(study: Study) -> list[float]:
    """By how many of their standard errors sampled likelihoods and differences are off, over some seeds."""
    scores = []
    for seed in range(1, 9):
        found = _compared(study, method="sample", trials=4096, seed=seed)
        for name, one in found.variants["heavier"].scenarios.items():
            assert one.difference is not None
            level, apart = _truth(name, 2)
            scores += [
                (one.end - level) / one.standard_errors.end,
                (one.difference.end - apart) / one.difference.standard_errors.end,
            ]
    return scores


def test_sampled_variants_under_observations_are_right_within_their_errors(tmp_path: Path) -> None:
    scores = _scores(study_of(TINY, tmp_path))
    assert max(map(abs, scores)) < ERRORS
    assert 0.5 < math.sqrt(np.mean(np.square(scores))) < 1.5


def test_a_variant_whose_observation_is_forgotten_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(conditioned: Any, *others: Any) -> Any:
        first, *rest = conditioned
        return run_conditioned([first, *(type(one)(one.base, one.interventions) for one in rest)], *others)

    replace_everywhere(monkeypatch, run_conditioned, forgetful)
    assert max(map(abs, _scores(study_of(TINY, tmp_path)))) > 3 * ERRORS


@pytest.mark.parametrize("raw", [TINY, feeding_back()], ids=["carried", "drawn"])
def test_each_variant_is_what_simulate_says_of_it(raw: Any, tmp_path: Path) -> None:
    study = study_of(raw, tmp_path)
    given = ("scenario=war@2000", *GIVEN)
    how: dict[str, Any] = {"method": "sample", "trials": 4096}
    seen = {"as it is": given, "heavier": given}
    found = study.compare({"heavier": study.varied(weights={"talks": 3})}, given=seen, **how)
    alone = study.varied(weights={"talks": 3}).simulate(given=given, **how)
    for name, one in found.variants["heavier"].scenarios.items():
        assert one.by_step == pytest.approx(alone.scenarios[name].by_step, abs=1e-12)
        assert one.standard_errors.end == pytest.approx(alone.scenarios[name].standard_errors.end, rel=1e-6)
    assert found.variants["heavier"].effective_trials == pytest.approx(alone.run.effective_trials)
    swept = study.sweep({"talks": [1, 3]}, at=["end"], given=given, **how)
    for name, each in swept.scenarios.items():
        assert each.curves["end"].probability[1] == pytest.approx(alone.scenarios[name].end, abs=1e-12)


def test_uncertain_judgements_have_the_band_of_simulate_and_no_band_of_differences(tmp_path: Path) -> None:
    raw = json.loads(json.dumps(TINY))
    raw["drivers"]["talks"]["impacts"]["deal"]["war"] = {"uniform": [-3, -1]}
    study = study_of(raw, tmp_path)
    ways: list[dict[str, Any]] = [{"method": "sample", "trials": 8192, "judgements": 64}]
    for how in [*ways, {"method": "exact", "judgements": 64}]:
        found, alone = _compared(study, **how), study.simulate(given=GIVEN, **how)
        for name, one in found.variants["as it is"].scenarios.items():
            band = alone.scenarios[name].band
            assert one.band is not None
            assert band is not None
            assert [*one.band.low, *one.band.high] == pytest.approx([*band.low, *band.high], abs=1e-9)
            assert one.end == pytest.approx(alone.scenarios[name].end, abs=1e-9)
            other = found.variants["heavier"].scenarios[name].difference
            assert other is not None
            assert other.band is None


def test_a_difference_on_common_trials_is_more_precise_than_either_side(tmp_path: Path) -> None:
    found = _compared(study_of(TINY, tmp_path), method="sample", trials=16_384)
    thaw = found.variants["heavier"].scenarios["calm"]
    assert thaw.difference is not None
    assert thaw.difference.standard_errors.end < thaw.standard_errors.end


def test_what_is_observed_of_one_variant_alone_is_an_input_of_its_own(tmp_path: Path) -> None:
    study = study_of(TINY, tmp_path)
    found = study.compare({"seen": study.varied(weights={"talks": 3})}, given={"seen": GIVEN}, method="exact")
    one = found.variants["seen"]
    assert [each.path for each in one.inputs] == ["given(talks=deal@2001)", "drivers.talks.weight"]
    assert one.switching is not None
    alone, before = (posterior(TINY, at(2, "scenario", "war"), *given) for given in ((SEEN,), (lambda _: True,)))
    shift = one.switching.effects["given(talks=deal@2001)"].scenarios["war"].end
    assert shift == pytest.approx(alone - before, abs=1e-12)


def test_too_little_and_impossible_evidence_are_refused(tmp_path: Path) -> None:
    study = limited(study_of(TINY, tmp_path), most_trials=64, most_unmet=64)
    rare = {"as it is": ("trade=up@2000", "talks=deal@2002")}
    with pytest.raises(TooFewTrials):
        study.compare({"other": study}, given=rare, method="sample", trials=64)
    with pytest.raises(ImpossibleEvidence):
        study.sweep("talks=0..1:2", given=("talks=deal@2001", "talks=none@2001"), method="sample", trials=64)
    found = study.compare({"other": study.varied(weights={"talks": 3})}, given=rare)
    assert found.run.method == "exact"


@pytest.mark.parametrize("method", ["sample", "exact"])
def test_expectations_are_checked_of_what_is_seen(method: Any, tmp_path: Path) -> None:
    that = {"that": "P(war @ end) < 0.3"}
    study = study_of({**TINY, "expectations": {"little_war": that}}, tmp_path)
    truth = [posterior(TINY, at(2, "scenario", "war"), given) for given in (lambda _path: True, SEEN)]
    assert truth[1] < 0.3 < truth[0]
    found = study.check(given=GIVEN, method=method)
    one = found.expectations["little_war"]
    assert (study.check(method=method).expectations["little_war"].verdict, one.verdict) == ("fails", "holds")
    assert one.left == pytest.approx(truth[1], abs=ERRORS * (one.standard_error or 0) + 1e-12)
    assert found.run.given == list(GIVEN)
    imposed = study.check(do=["talks=deal"], method="exact").expectations["little_war"].left
    assert imposed == pytest.approx(study.ask("P(war @ end | do(talks=deal))", method="exact").value, abs=1e-12)
    with pytest.raises(ArgumentError, match="mutants"):
        study.check(given=GIVEN, mutants=3)


def test_commands_take_observations_and_say_so() -> None:
    given = ("--given", "weather=storm@2025-04", "-n", "2048")
    compared = answer("compare", HARBOUR, "-w", "weather=2", *given)
    assert compared.returncode == 0
    assert "weather=2 against as it is" in compared.stdout
    assert "weather=storm@2025-04" in compared.stdout
    assert "effective sample size" in compared.stdout
    alone = json.loads(answer("compare", HARBOUR, *given, "--json").stdout)
    assert [one["given"] for one in alone["variants"].values()] == [[], ["weather=storm@2025-04"]]
    own = answer("compare", HARBOUR, "--variant", "seen: --given weather=storm@2025-04", "-n", "2048", "--json")
    assert json.loads(own.stdout)["variants"]["seen"]["given"] == ["weather=storm@2025-04"]
    swept = answer("sweep", HARBOUR, "weather=0..2:2", *given)
    assert "effective sample size" in swept.stdout
    assert "weather=storm@2025-04" in swept.stdout
    assert "weather=storm@2025-04" in answer("check", HARBOUR, *given).stdout
