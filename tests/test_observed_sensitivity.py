"""What matters given what is observed: against exact inference, enumeration and programs that are wrong on purpose."""

from __future__ import annotations

import json
import math
import pickle
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from support.command import answer
from support.effort import slow_but, tries
from support.oracle import Json, paths_of
from support.oracle import Path as Course
from support.sampled import ERRORS, EXACT_MODELS
from support.tiny import TINY, feeding_back, kept_by_state, limited, study_of
from usru_scenarios.exact import inference as exact
from usru_scenarios.model.judgements import judgements, with_values
from usru_scenarios.problems import ImpossibleEvidence, TooFewTrials
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.conditions import with_reports_of
from usru_scenarios.program.program import Floats, Program
from usru_scenarios.questions.sensitivity.pathwise_sums import CovarianceSums
from usru_scenarios.results.sensitivity import ProbabilityChange, Sensitivity
from usru_scenarios.sampler.likelihood_weighting import ObservedWalk
from usru_scenarios.study import Study, load

TRIALS = 16_384
ROUNDING = 1e-8

SEEN = """
usru: 1
kind: evidence
name: seen
model: model.yaml
as_of: 2001-06-30
evidence:
  wire: {about: mood @ 2000, likelihood: {high: 3, low: 1}, learned: 2001-02-12}
  calm_streets: {signpost: {of: war, at: 2001, found: false, if_so: 0.8, if_not: 0.3}, learned: 2001-03-01}
  harbour: {seen: "trade=down @ 2001", learned: 2001-04-01}
"""


def _likelihood(path: Course) -> float:
    """The same by hand: of a hint only the ratios count."""
    wire = 3.0 if path[0]["mood"] == "high" else 1.0
    streets = 0.2 if path[1]["scenario"] == "war" else 0.7
    return wire * streets * (path[1]["trade"] == "down")


def knowing(raw: Json, folder: Path) -> Study:
    """The tiny model with that evidence."""
    file = folder / "seen.yaml"
    file.write_text(SEEN, encoding="utf-8")
    return study_of(raw, folder).knowing(file)


class Case(NamedTuple):
    """What is asked of which model, given what: of the tiny one as it is or changed, or of one of the folder."""

    model: Callable[[], Json] | str
    at: str
    given: tuple[str, ...] = ()
    do: tuple[str, ...] = ()
    file: bool = False

    def study(self, folder: Path) -> Study:
        if isinstance(self.model, str):
            return load(EXACT_MODELS / f"{self.model}.yaml")
        return knowing(self.model(), folder) if self.file else study_of(self.model(), folder)


CASES = {
    "drivers": Case(lambda: TINY, "mean", ("talks=deal@2001",)),
    "later": Case(lambda: TINY, "2000", ("talks=deal@2001", "mood=high@ever")),
    "consequence": Case(lambda: TINY, "end", ("trade=up@2001", "mood=high@2000")),
    "scenario": Case(kept_by_state, "mean", ("war@2001",)),
    "imposed": Case(kept_by_state, "end", ("talks=deal@2001",), ("mood=low@2000",)),
    "matrix": Case(kept_by_state, "2001", ("mood=high@ever", "talks=none@2002")),
    "hints": Case(lambda: TINY, "end", file=True),
    "hints before": Case(lambda: TINY, "2000", file=True),
    "hints that feed back": Case(feeding_back, "mean", file=True),
    "feedback": Case("feedback", "mean", ("arms=many@2025-Q2", "tense@2025-Q3")),
    "consequence that feeds back": Case("consequence_feedback", "end", ("prices=high@2026",)),
    "events": Case("events", "mean", ("election=ours@2025-Q3",)),
    "rules": Case("rules", "end", ("talks=stalled@2025-02",)),
    "weights": Case("weights", "mean", ("war=hot@2025-Q2",)),
}

QUICK = ("drivers", "later", "consequence", "scenario", "hints")


# Weights and judgements: exact inference ------------------------------------------------------------------------------


class _Truth:
    """What exact inference says of a case."""

    def __init__(self, case: Case, study: Study) -> None:
        self.study = study
        self.conditioned = study._read_conditions(case.do, case.given)  # noqa: SLF001  # what `sensitivity` asks
        labels = list(self.conditioned.base.grid.labels)
        end = labels[-1] if case.at == "end" else case.at
        self.step = None if case.at == "mean" else labels.index(end)
        self.present = self.of(self.conditioned.base)

    def of(self, base: Program) -> Floats:
        """The likelihoods that a program gives, its own states in their order: shape (scenarios,)."""
        program = with_reports_of(self.conditioned.with_base(base).program, self.study.program)
        by_step: Floats = exact.forecast(program, given=self.conditioned.observed_event).scenarios
        found: Floats = by_step.mean(axis=0) if self.step is None else by_step[self.step]
        return found

    def effects(self, found: Sensitivity) -> Iterator[tuple[str, ProbabilityChange, float]]:
        """Each effect and derivative that is reported, with the exact one."""
        model, base = self.study.loaded.model, self.conditioned.base
        paths = {".".join(map(str, judged.path)): judged.path for judged in judgements(model)}
        states = base.outcome.states
        for name, value in found.probability.items():
            level = ProbabilityChange(value, found.standard_errors[name])
            yield f"P({name})", level, float(self.present[states.index(name)])
        for effect in found.judgements or ():
            changed = compile_model(with_values(model, {paths[effect.path]: effect.changed}))
            truth = self.of(changed) - self.present
            for name, change in effect.by_scenario.items():
                yield f"{effect.path} on {name}", change, float(truth[states.index(name)])
        for weight in found.weights or ():
            now, small = base.weights[weight.name], 1e-4
            ends = [now * (1 + sign * small) if weight.scheduled else now + sign * small for sign in (1, -1)]
            up, down = (self.of(replace(base, weights={**base.weights, weight.name: end})) for end in ends)
            for name, change in weight.derivative.items():
                yield f"{weight.name} on {name}", change, float((up - down)[states.index(name)] / (2 * small))


def _told(found: Sensitivity) -> Iterator[tuple[str, ProbabilityChange]]:
    """Each effect and derivative that is reported, by the names of `_Truth.effects`."""
    for effect in found.judgements or ():
        yield from ((f"{effect.path} on {name}", change) for name, change in effect.by_scenario.items())
    for weight in found.weights or ():
        yield from ((f"{weight.name} on {name}", change) for name, change in weight.derivative.items())


def _asked(case: Case, study: Study, **how: Any) -> Sensitivity:
    how = {"questions": ["weights", "judgements"], "trials": TRIALS, **how}
    return study.sensitivity(None, case.at, given=case.given, do=case.do, **how)


def _misses(pairs: Iterable[tuple[str, ProbabilityChange, float]]) -> dict[str, str]:
    return {
        name: f"{change.value:.6f} +- {change.standard_error:.6f}, truly {truth:.6f}"
        for name, change, truth in pairs
        if abs(change.value - truth) > ERRORS * change.standard_error + (ROUNDING if "." in name else 1e-6)
    }


@pytest.mark.parametrize("name", slow_but(QUICK, CASES))
def test_effects_and_derivatives_agree_with_exact_inference(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    study = case.study(tmp_path)
    found = _asked(case, study)
    assert not _misses(_Truth(case, study).effects(found))
    assert found.run.effective_trials is not None
    assert found.run.effective_trials < TRIALS


SOME = ("consequence", "hints that feed back", "later")


@pytest.mark.parametrize("name", slow_but(SOME[:2], SOME))
def test_without_the_derivative_of_what_the_evidence_is_worth_they_are_wrong(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P(E) moves with a judgement, too: whoever divides by that of the model as it is sees another change."""

    def apart(sums: CovarianceSums) -> CovarianceSums:
        return replace(sums, weight_changes=np.zeros_like(sums.weight_changes))

    whole, each = CovarianceSums.ratio_effects, CovarianceSums.effects
    monkeypatch.setattr(CovarianceSums, "ratio_effects", lambda sums, walk: whole(apart(sums), walk))
    monkeypatch.setattr(CovarianceSums, "effects", lambda sums, walk, shares: each(apart(sums), walk, shares))
    case = CASES[name]
    study = case.study(tmp_path)
    missed = _misses(_Truth(case, study).effects(_asked(case, study)))
    assert any("drivers" in path for path in missed)
    assert name == "later" or any(path.startswith(("mood on", "talks on")) for path in missed)


@pytest.mark.more
def test_errors_say_how_far_off_the_estimates_are(tmp_path: Path) -> None:
    case = CASES["consequence"]
    study = case.study(tmp_path)
    runs = [_asked(case, study, trials=8192, seed=seed) for seed in range(1, tries(12, 48) + 1)]
    right = {name: truth for name, _, truth in _Truth(case, study).effects(runs[0])}
    scores = [
        (change.value - right[name]) / change.standard_error
        for run in runs
        for name, change in _told(run)
        if change.standard_error > ROUNDING
    ]
    assert 0.75 < math.sqrt(np.mean(np.square(scores))) < 1.15


def test_judgements_that_are_drawn_anew_are_drawn_under_the_same_observations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("usru_scenarios.questions.sensitivity.slopes.LEAST_SHARE", math.inf)
    for name in ("drivers", "hints"):
        case = CASES[name]
        study = case.study(tmp_path)
        found = _asked(case, study, questions=["judgements"])
        assert {one.method for one in found.judgements or ()} <= {"drawn anew", "none"}
        assert not _misses(_Truth(case, study).effects(found))


# Drivers: enumeration -------------------------------------------------------------------------------------------------


def _weighed(raw: Json, given: Callable[[Course], float]) -> list[tuple[Course, float]]:
    """All paths with their probabilities given what is observed."""
    paths = paths_of(raw)
    weights = [p * float(given(path)) for path, p in paths]
    whole = math.fsum(weights)
    return [(path, weight / whole) for (path, _), weight in zip(paths, weights, strict=True) if weight]


def _tells(paths: list[tuple[Course, float]], steps: range, driver: str) -> tuple[float, float]:
    """Information and expected shift, averaged over steps."""
    bits = shift = 0.0
    for step in steps:
        joint: dict[tuple[str, str], float] = defaultdict(float)
        own: dict[str, float] = defaultdict(float)
        theirs: dict[str, float] = defaultdict(float)
        for path, p in paths:
            state, scenario = str(path[step][driver]), str(path[step]["scenario"])
            joint[state, scenario] += p
            own[state] += p
            theirs[scenario] += p
        for (state, one), (scenario, other) in product(own.items(), theirs.items()):
            p = joint.get((state, scenario), 0.0)
            bits += p * math.log2(p / one / other) if p > 0 else 0.0
            shift += abs(p - one * other) / 2
    return bits / len(steps), shift / len(steps)


TOLD: dict[str, tuple[tuple[str, ...], Callable[[Course], float]]] = {
    "driver": (("talks=deal@2001",), lambda path: path[1]["talks"] == "deal"),
    "scenario": (("war@2001", "mood=low@2002"), lambda path: path[1]["scenario"] == "war" and path[2]["mood"] == "low"),
    "file": ((), _likelihood),
}


def _drivers(raw: Json, told: str, folder: Path, **how: Any) -> Sensitivity:
    study = knowing(raw, folder) if told == "file" else study_of(raw, folder)
    return study.sensitivity(questions=["drivers"], given=TOLD[told][0], **{"trials": 40_000, **how})


def _off(found: Sensitivity, raw: Json, told: str, at: str) -> list[str]:
    paths = _weighed(raw, TOLD[told][1])
    steps = range(3) if at == "mean" else range(int(at) - 2000, int(at) - 1999)
    off = []
    for one in found.drivers or ():
        bits, shift = _tells(paths, steps, one.driver)
        if abs(one.information - bits) > ERRORS * one.standard_errors.information + 1e-9:
            off.append(f"{one.driver}: {one.information} bits, truly {bits}")
        if abs(one.shift - shift) > ERRORS * one.standard_errors.shift + 5e-4:
            off.append(f"{one.driver}: shift {one.shift}, truly {shift}")
    return off


@pytest.mark.parametrize("told", TOLD)
@pytest.mark.parametrize("raw", [TINY, feeding_back(), kept_by_state()], ids=["carried", "drawn", "matrix"])
@pytest.mark.parametrize("at", slow_but(["2002"], ["2000", "2002", "mean"]))
def test_what_drivers_tell_agrees_with_the_enumeration(told: str, raw: Json, at: str, tmp_path: Path) -> None:
    assert not _off(_drivers(raw, told, tmp_path, at=at), raw, told, at)


def test_trials_that_all_count_alike_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = ObservedWalk.walk

    def unweighed(observed: ObservedWalk, *args: Any) -> Floats:
        return np.sign(walk(observed, *args))

    monkeypatch.setattr(ObservedWalk, "walk", unweighed)
    assert _off(_drivers(TINY, "file", tmp_path, at="2002"), TINY, "file", "2002")


def _shares(
    paths: list[tuple[Course, float]], every: list[tuple[Course, float]], scenario: str, driver: str, told: int = 0
) -> tuple[float, float]:
    """First-order and total share at the end, of the likelihood given the paths of both drivers.

    Args:
        paths: those that are left.
        every: all paths of the model, of which a mixed one may be no more among those left.
        scenario: whose likelihood.
        driver: whose shares.
        told: up to this step, which it leaves out, the likelihood is given the scenario too.
    """
    names = ("mood", "talks")

    def by_drivers(some: list[tuple[Course, float]], wanted: str | None = None) -> dict[tuple[Any, ...], float]:
        found: dict[tuple[Any, ...], float] = defaultdict(float)
        for path, p in some:
            key = tuple(tuple(str(view[name]) for view in path) for name in names)
            key += (tuple(str(view["scenario"]) for view in path[:told]),)
            found[key] += p * (wanted is None or path[-1]["scenario"] == wanted)
        return found

    weight, whole, true = by_drivers(paths), by_drivers(every), by_drivers(every, scenario)
    given = {key: true[key] / p for key, p in whole.items()}
    mean = math.fsum(p * given[key] for key, p in weight.items())
    variance = math.fsum(p * (given[key] - mean) ** 2 for key, p in weight.items())
    place = names.index(driver)
    ends: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    own: dict[Any, float] = defaultdict(float)
    for key, p in weight.items():
        ends[key[place][-1]][0] += p
        ends[key[place][-1]][1] += p * given[key]
        own[key[place]] += p
    first = math.fsum(p * (both / p - mean) ** 2 for p, both in ends.values())
    total = 0.0
    for key, p in weight.items():
        for mine, q in own.items():
            mixed = tuple(mine if at == place else part for at, part in enumerate(key))
            total += p * q * (given[key] - given[mixed]) ** 2 / 2
    return first / variance, total / variance


MIXED = ("(mood=high or talks=deal) @ 2001",), lambda path: path[1]["mood"] == "high" or path[1]["talks"] == "deal"
READ = ("war @ 2000",), lambda path: path[0]["scenario"] == "war"


@pytest.mark.parametrize(("seen", "told"), [(MIXED, 0), (READ, 1)], ids=["drivers", "scenario"])
@pytest.mark.parametrize("raw", [TINY, kept_by_state()], ids=["carried", "matrix"])
def test_shares_of_variance_agree_with_the_enumeration(raw: Json, seen: Any, told: int, tmp_path: Path) -> None:
    given, agrees = seen
    paths = _weighed(raw, agrees)
    every = _weighed(raw, lambda _path: 1.0)
    found = study_of(raw, tmp_path).sensitivity(questions=["drivers"], given=given, trials=60_000)
    for one in found.drivers or ():
        for scenario in raw["scenarios"]:
            shares = one.by_scenario[scenario]
            first, total = _shares(paths, every, scenario, one.driver, told)
            assert shares.first_order == pytest.approx(first, abs=ERRORS * (shares.standard_errors.first_order or 0))
            assert shares.total == pytest.approx(total, abs=ERRORS * (shares.standard_errors.total or 0))
    shares = next(one for one in found.drivers or () if one.driver == "mood").by_scenario["thaw"]
    _, unweighed = _shares(every, every, "thaw", "mood", told)
    assert shares.total != pytest.approx(unweighed, abs=ERRORS * (shares.standard_errors.total or 0))


# Moves: what `ask` says exactly ---------------------------------------------------------------------------------------


def _moved(case: Case, study: Study, found: Sensitivity) -> Iterator[tuple[str, ProbabilityChange, float]]:
    """Each change, with what `ask` says of the driver held after what was observed of it."""
    labels = list(study.program.grid.labels)
    when = {"2000": "2000", "end": labels[-1]}[case.at]

    def likely(scenario: str, *do: str) -> float:
        value = study.ask(f"P({scenario} @ {when})", method="exact", given=case.given, do=do).value
        assert value is not None
        return value

    for driver in found.moves or ():
        about = [one.partition("@")[2] for one in case.given if one.startswith(driver.driver)]
        after = f" @ {labels[labels.index(max(about)) + 1]}..{labels[-1]}" if about else ""
        for state in driver.states:
            for scenario, change in state.change.items():
                truth = likely(scenario, f"{driver.driver}={state.state}{after}") - likely(scenario)
                told = ProbabilityChange(change, state.standard_errors[scenario])
                yield f"{driver.driver}={state.state} on {scenario}", told, truth


MOVED = {
    "consequence": Case(lambda: TINY, "end", ("trade=up@2001", "mood=high@2000")),
    "scenario": Case(feeding_back, "end", ("war@2001",)),
    "hints": Case(lambda: TINY, "end", file=True),
    "hints that feed back": Case(feeding_back, "end", file=True),
    "before": Case(lambda: TINY, "2000", ("talks=deal@2001",)),
}


@pytest.mark.parametrize("name", MOVED)
def test_moves_are_what_ask_says_exactly(name: str, tmp_path: Path) -> None:
    case = MOVED[name]
    study = case.study(tmp_path)
    found = _asked(case, study, questions=["moves"])
    assert not _misses(_moved(case, study, found))
    assert [one.driver for one in found.moves or ()] == (["mood"] if name == "before" else ["mood", "talks"])


def test_moves_without_the_weights_of_what_is_held_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = ObservedWalk.walk
    monkeypatch.setattr(ObservedWalk, "walk", lambda observed, *args: np.sign(walk(observed, *args)))
    case = MOVED["hints"]
    study = case.study(tmp_path)
    assert _misses(_moved(case, study, _asked(case, study, questions=["moves"])))


def test_a_state_with_which_what_is_seen_hardly_happens_is_left_out(tmp_path: Path) -> None:
    raw = json.loads(json.dumps(TINY))
    raw["drivers"]["talks"] |= {"persistence": 0.0, "prior_given": [{"when": {"mood": "low"}, "prior": {"none": 1.0}}]}
    found = study_of(raw, tmp_path).sensitivity(questions=["moves"], given=["talks=deal@2001"], trials=2048)
    (mood,) = (one for one in found.moves or () if one.driver == "mood")
    assert [state.state for state in mood.states] == ["high"]
    (told,) = (one for one in found.warnings if one.code == "too_rare")
    assert told.message.startswith("mood=low: not held")


# What is said, and refused --------------------------------------------------------------------------------------------


def test_all_questions_at_once_are_what_each_says_and_name_the_evidence(tmp_path: Path) -> None:
    study = knowing(feeding_back(), tmp_path)
    whole = study.sensitivity(trials=2048)
    for question in ("drivers", "moves", "weights", "judgements"):
        assert getattr(whole, question) == getattr(study.sensitivity(questions=[question], trials=2048), question)
    assert whole.run.evidence is not None
    assert whole.run.evidence.items == ["wire", "calm_streets", "harbour"]
    assert "a driver reads the scenario" in whole.note
    plain = study_of(feeding_back(), tmp_path).sensitivity(trials=2048)
    assert (plain.run.evidence, plain.run.effective_trials) == (None, 2048.0)


def test_more_is_drawn_where_few_agree_and_what_never_happens_is_refused(tmp_path: Path) -> None:
    study = study_of(TINY, tmp_path)
    rare = ["(talks=deal and mood=high and war) @ ever"]
    found = study.sensitivity(questions=["weights"], given=rare, trials=128)
    assert found.run.trials > 128
    assert (found.run.effective_trials or 0) >= 100
    with pytest.raises(TooFewTrials, match=r"war @ 2002, given .talks=deal and"):
        limited(study, most_trials=128).sensitivity("war", given=rare, trials=128)
    with pytest.raises(ImpossibleEvidence, match="impossible"):
        study.sensitivity(given=["mood=high@2000", "mood=low@2000"], trials=128)


def test_the_same_digits_whoever_maps_the_blocks(tmp_path: Path) -> None:
    study = knowing(TINY, tmp_path)

    def shipped(function: Callable[[int], Any], blocks: Iterable[int]) -> Iterable[Any]:
        return [pickle.loads(pickle.dumps(function))(block) for block in blocks]

    trials = 20_000
    assert study.sensitivity(trials=trials) == study.sensitivity(trials=trials, map_blocks=shipped)


def test_on_the_command_line(tmp_path: Path) -> None:
    knowing(TINY, tmp_path)

    def asked(*arguments: str) -> subprocess.CompletedProcess[str]:
        return answer(*arguments, "-n", "500", folder=tmp_path)

    told = asked("sensitivity", "model.yaml", "--evidence", "seen.yaml", "--json")
    assert told.returncode == 0
    run: Mapping[str, Any] = json.loads(told.stdout)["run"]
    assert run["evidence"]["name"] == "seen"
    said = asked("sensitivity", "model.yaml", "--evidence", "seen.yaml", "--as-of", "2001-02-20")
    assert "1 item up to 2001-02-20" in said.stdout
    assert "effective sample size" in said.stdout
    assert "A driver of which something has been seen is held after that" in said.stdout
    given = asked("sensitivity", "model.yaml", "--given", "talks=deal@2001")
    assert "given" in given.stdout
    drawn = asked("plot", "sensitivity", "model.yaml", "--evidence", "seen.yaml", "-f", "vega")
    plain = asked("plot", "sensitivity", "model.yaml", "-f", "vega")
    assert drawn.returncode == 0
    assert drawn.stdout != plain.stdout
    assert asked("sensitivity", "model.yaml", "--as-of", "2001-02-20").returncode == 2
