"""Variants side by side: differences against closed forms and their spread, and inputs switched one at a time."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len

from support.command import HARBOUR, answer
from support.oracle import Json
from support.reference_models import model
from support.sabotage import replace_everywhere
from support.sampled import ERRORS, Opened, changed, exact_model
from support.schemas import assert_follows
from support.tiny import TINY
from usru_scenarios.model.schema import Model
from usru_scenarios.problems import UsruError
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.distance import are_equal
from usru_scenarios.questions.compare import NotComparable
from usru_scenarios.questions.differences import find_differences, program_from_base, with_edits
from usru_scenarios.questions.program_edits import ProgramEdit
from usru_scenarios.reading.yaml_source import read_file
from usru_scenarios.report import TABULAR_FORMATS, Layout, render_report
from usru_scenarios.results.compare import Comparison, Effect, VariantCompared
from usru_scenarios.study import Study, load

CERTAIN: Json = model(
    scenarios={"a": {"baseline": 0.2}, "b": {"baseline": 0.8}},
    drivers={"push": {"states": {"on": 1}, "impacts": {"on": {"a": 1}}}},
)
"""Nothing is random."""

STEPS: Json = model(
    4,
    scenarios={"a": {}, "b": {}},
    groups={"both": ["a", "b"]},
    drivers={
        "coin": {
            "states": {"heads": 0.5, "tails": 0.5},
            "persistence": 0,
            "events": {
                "early": {"at": "2001", "prior": {"heads": 0.5, "tails": 0.5}},
                "late": {"at": "2003", "prior": {"heads": 0.5, "tails": 0.5}},
            },
            "impacts": {"heads": {"a": 60}, "tails": {"b": 60}},
        },
        "idle": {"states": {"up": 0.5, "down": 0.5}, "persistence": 0.5},
    },
)
"""Each event rules over one step."""


@pytest.fixture(scope="module")
def compared(bundled: Study) -> Comparison:
    study = bundled
    others = {"sceptic": study.varied(profile="institutional_sceptic"), "summit": study}
    return study.compare(others, name="file", do={"summit": ["dialogue=summit"]}, trials=2000)


def other(found: Comparison) -> VariantCompared:
    (name,) = (name for name in found.variants if name != found.reference)
    return found.variants[name]


def effects(found: Comparison) -> dict[str, Effect]:
    switching = other(found).switching
    assert switching is not None
    return switching.effects


# Differences ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["feedback", "outcome_moves", "numeric_drift"])
def test_what_is_the_same_differs_by_exactly_nothing(opened: Opened, name: str) -> None:
    study = opened(exact_model(name))
    found = study.compare({"again": opened(exact_model(name))}, trials=3000, method="sample")
    again = other(found)
    assert again.inputs == []
    for one in (*again.scenarios.values(), *again.groups.values()):
        assert one.difference is not None
        assert set(one.difference.by_step) == {0.0}
        assert one.difference.mean == one.difference.standard_errors.mean == 0.0
        assert one.standard_errors.end > 0


@pytest.mark.parametrize("method", ["sample", "exact"])
def test_where_nothing_is_random_differences_are_those_of_two_softmaxes(opened: Opened, method: Any) -> None:
    study = opened(CERTAIN)
    found = study.compare({"three": study.varied(weights={"push": 3})}, method=method)
    difference = other(found).scenarios["a"].difference
    assert difference is not None
    assert difference.end == pytest.approx(8 * 0.2 / (8 * 0.2 + 0.8) - 2 * 0.2 / (2 * 0.2 + 0.8), abs=1e-12)
    assert difference.standard_errors.end == pytest.approx(0, abs=1e-12)
    (effect,) = effects(found).values()
    assert effect.end == pytest.approx(abs(difference.end))
    assert effect.scenarios["b"].end == pytest.approx(-difference.end)


def standardised(study: Study, twin: Study) -> tuple[float, float]:
    """The mean square of a difference's distance from the truth in standard errors, over many seeds: about 1.

    The second one is in errors as of two independent runs.
    """
    truth = other(study.compare({"twin": twin}, method="exact", switch=False)).scenarios["war"].difference
    assert truth is not None
    paired, apart = [], []
    for seed in range(RUNS):
        found = study.compare({"twin": twin}, trials=400, seed=seed, switch=False)
        one = other(found).scenarios["war"]
        assert one.difference is not None
        error, first = one.difference.standard_errors.mean, found.variants[found.reference].scenarios["war"]
        squares = (one.difference.mean - truth.mean) ** 2
        paired.append(squares / error**2)
        apart.append(squares / (one.standard_errors.mean**2 + first.standard_errors.mean**2))
    return float(np.mean(paired)), float(np.mean(apart))


RUNS = 100


def test_a_difference_has_its_own_standard_error(opened: Opened) -> None:
    study = opened(TINY)
    twin = opened(changed(TINY, "drivers/mood/impacts/low/war", 1.5))
    spread = ERRORS * math.sqrt(2 / RUNS)  # of a mean of squares of RUNS standard normals
    paired, apart = standardised(study, twin)
    assert paired == pytest.approx(1, abs=spread)
    assert apart != pytest.approx(1, abs=spread)  # errors as of two independent runs are far too large


def test_a_difference_is_far_more_precise_than_that_of_independent_runs(compared: Comparison) -> None:
    first = compared.variants[compared.reference].scenarios
    for name, one in compared.variants["sceptic"].scenarios.items():
        assert one.difference is not None
        independent = math.hypot(one.standard_errors.end, first[name].standard_errors.end)
        assert one.difference.standard_errors.end < 0.6 * independent


def test_a_variant_is_as_if_alone(compared: Comparison) -> None:
    alone = load("us-russia", profile="institutional_sceptic").simulate(trials=2000)
    for name, one in compared.variants["sceptic"].scenarios.items():
        assert one.by_step == pytest.approx(alone.scenarios[name].by_step, abs=1e-9)
        assert one.standard_errors.mean == pytest.approx(alone.scenarios[name].standard_errors.mean, rel=0.2)


def test_blocks_may_run_in_any_order(opened: Opened) -> None:
    def backwards(function: Callable[[int], Any], blocks: Iterable[int]) -> list[Any]:
        return [function(block) for block in reversed(list(blocks))][::-1]

    study = opened(TINY)
    others = {"gloomy": study.varied(profile="gloomy"), "held": study}
    one, other = (
        study.compare(others, name="file", do={"held": ["mood=low"]}, trials=40_000, map_blocks=run)
        for run in (map, backwards)
    )
    assert one == other


# Inputs ---------------------------------------------------------------------------------------------------------------


def moved() -> Json:
    raw = changed(STEPS, "drivers/coin/events/early/prior", {"heads": 0.9, "tails": 0.1})
    raw = changed(raw, "drivers/coin/events/late/prior", {"heads": 0.7, "tails": 0.3})
    return changed(raw, "drivers/idle/states", {"up": 0.9, "down": 0.1})


@pytest.mark.parametrize("method", ["exact", "sample"])
def test_importance_of_what_adds_up(opened: Opened, method: Any) -> None:
    """P(a) is that of heads: +0.4 at one of four steps, +0.2 at the last; what acts on nothing does nothing."""
    found = opened(STEPS).compare({"moved": opened(moved())}, method=method)
    early, late, idle = (
        effects(found)[path]
        for path in ("drivers.coin.events.early.prior", "drivers.coin.events.late.prior", "drivers.idle.states.*.prior")
    )
    slack = {"exact": 0.0, "sample": ERRORS}[method]
    for effect, end, mean in ((early, 0.0, 0.1), (late, 0.2, 0.05)):
        assert abs(effect.end - end) <= slack * effect.standard_errors.end + 1e-9
        assert abs(effect.mean - mean) <= slack * effect.standard_errors.mean + 1e-9
    assert (early.end, early.standard_errors.end) == (0.0, 0.0)
    assert (idle.end, idle.mean, idle.standard_errors.mean) == (0.0, 0.0, 0.0)
    assert list(effects(found))[-1] == "drivers.idle.states.*.prior"
    assert [one.path for one in other(found).inputs] == list(effects(found))
    switching = other(found).switching
    assert switching is not None
    assert switching.unexplained.end == pytest.approx(0, abs=1e-9)
    assert abs(switching.together.mean - 0.15) <= slack * switching.together.standard_errors.mean + 1e-9


def test_what_works_together_alone_is_left_unexplained(opened: Opened) -> None:
    """Two weights that push the same way: near 1 there is less to gain, so the sum of both alone is too much."""
    raw = {**CERTAIN, "drivers": {**CERTAIN["drivers"], "pull": CERTAIN["drivers"]["push"]}}
    study = opened(raw)
    found = study.compare({"both": study.varied(weights={"push": 5, "pull": 5})}, method="exact")
    switching = other(found).switching
    assert switching is not None
    one = 64 * 0.2 / (64 * 0.2 + 0.8)
    all_ = 1024 * 0.2 / (1024 * 0.2 + 0.8)
    base = 4 * 0.2 / (4 * 0.2 + 0.8)
    assert switching.together.end == pytest.approx(all_ - base)
    assert switching.unexplained.end == pytest.approx(abs(all_ - base - 2 * (one - base)))


def test_inputs_are_named_by_path_with_both_values(opened: Opened) -> None:
    raw = changed(STEPS, "drivers/coin/impacts/heads/a", [50, "A01"])
    raw["odds_per_point"] = {"impacts": 2, "influences": 3}
    raw["drivers"]["coin"] |= {"weight": {"2000": 1, "2002": 2}, "title": "Another name", "persistence": "18 months"}
    raw["drivers"]["new"] = {"states": {"x": 1}, "impacts": {"x": {"a": 1}}}
    raw["drivers"]["idle"]["influences"] = {"new": {"x": {"up": 1}}}
    raw["rules"] = {"more": {"when": {"coin": "heads"}, "then": {"scenario": {"b": 1}}}}
    found = opened(STEPS).compare({"raw": opened(raw)}, trials=500)
    inputs = {one.path: (one.reference, one.variant) for one in other(found).inputs}
    assert inputs == {
        "odds_per_point.influences": (2.0, 3.0),
        "drivers.coin.persistence": (0.0, "18 months"),
        "drivers.coin.weight": (1.0, {"2000": 1.0, "2002": 2.0}),
        "drivers.coin.impacts.heads.a": (60.0, 50.0),
        "drivers.idle.influences.new.x.up": (0.0, 1.0),
        "drivers.new": (None, "present"),
        "rules.more": (None, "present"),
    }
    assert set(inputs) - set(effects(found)) == {"drivers.idle.influences.new.x.up"}, "it speaks of what is not there"


def test_points_of_0_are_as_none(opened: Opened) -> None:
    found = opened(CERTAIN).compare({"twin": opened(changed(CERTAIN, "drivers/push/impacts/on/b", 0))}, trials=10)
    assert other(found).inputs == []


def test_interventions_are_inputs(compared: Comparison) -> None:
    (one,) = compared.variants["summit"].inputs
    assert (one.path, one.reference, one.variant) == ("do(dialogue=summit)", None, "imposed")
    switching = compared.variants["summit"].switching
    assert switching is not None
    assert switching.effects["do(dialogue=summit)"] == switching.together


def test_weights_alone_are_neither_read_nor_compiled_again(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError

    study = opened(STEPS)
    twin, expected = study.varied(weights={"coin": 0.01}), study.varied(weights={"coin": 0.01}).program.weights["coin"]
    assert study.program
    for function in (compile_model, read_file):
        replace_everywhere(monkeypatch, function, refuse)
    found = study.compare({"less": twin}, trials=500)
    assert expected[0] == 0.01
    assert [one.path for one in other(found).inputs] == ["drivers.coin.weight"]
    with pytest.raises(AssertionError):
        study.compare({"set": study.varied(overrides={"drivers.coin.persistence": 0.5})}, trials=500)


def test_a_file_that_leaves_a_weight_out_is_compared_with_one_that_has_it(opened: Opened) -> None:
    study = opened(STEPS)
    twice = study.varied(weights={"coin": 2})
    found = twice.compare({"once": study}, trials=500)
    assert [(one.path, one.reference, one.variant) for one in other(found).inputs] == [("drivers.coin.weight", 2, 1)]


def many(drivers: int, prior: float) -> Json:
    names = [f"d{number}" for number in range(drivers)]
    states = {"x": prior, "y": 1}
    impacts = {"x": {"a": prior}, "y": {"a": -prior}}
    return {**CERTAIN, "drivers": {name: {"states": states, "impacts": impacts} for name in names}}


def test_many_differences_are_switched_part_by_part_and_more_not_at_all(opened: Opened) -> None:
    found = opened(many(20, 0.5)).compare({"other": opened(many(20, 0.6))}, trials=100)
    switching = other(found).switching
    assert switching is not None
    assert (switching.by, len(switching.effects), len(other(found).inputs)) == ("part", 20, 60)
    assert "switched together" in render_report(found, "table", Layout())
    found = opened(many(41, 0.5)).compare({"other": opened(many(41, 0.6))}, trials=100)
    assert (other(found).switching, "too many" in other(found).note) == (None, True)


# Different models -----------------------------------------------------------------------------------------------------


def test_what_not_all_have_is_left_out(opened: Opened) -> None:
    raw = {**STEPS, "scenarios": {"a": {}, "c": {}}, "groups": {"every": ["a", "c"]}}
    raw = {**raw, "time": {"start": "2001", "end": "2005", "step": "year"}}
    raw["drivers"] = {"coin": {"states": {"heads": 1}, "impacts": {"heads": {"a": 60}}}}
    found = opened(STEPS).compare({"raw": opened(raw)}, trials=500)
    assert found.run.steps == ["2001", "2002", "2003"]
    assert set(found.left_out) == {"scenario b", "scenario c", "group both", "group every", "step 2000", "step 2004"}
    assert list(other(found).scenarios) == ["a"]
    assert other(found).scenarios["a"].by_step == pytest.approx([1, 1, 1])
    assert "different scenarios or steps" in other(found).note
    assert "Not in all of them" in render_report(found, "table", Layout())


def test_nothing_in_common_is_refused(opened: Opened) -> None:
    with pytest.raises(NotComparable, match="no step in common"):
        opened(STEPS).compare({"certain": opened(CERTAIN)})
    with pytest.raises(NotComparable, match="no scenario in common"):
        opened(CERTAIN).compare({"other": opened({**CERTAIN, "scenarios": {"x": {}}, "drivers": {}})})


# Output ---------------------------------------------------------------------------------------------------------------


def test_json_follows_its_schema(compared: Comparison) -> None:
    assert_follows(json.loads(render_report(compared, "json", Layout())), "comparison", variants=[])


def test_rows_hold_what_the_json_holds(compared: Comparison) -> None:
    rows = list(csv.DictReader(io.StringIO(render_report(compared, "csv", Layout()))))
    assert len(rows) == 3 * 6 * 17
    found = {(row["variant"], row["id"], row["at"]): row for row in rows}
    row, one = found["sceptic", "thaw", "2028-Q4"], compared.variants["sceptic"].groups["thaw"]
    assert one.difference is not None
    assert float(row["probability"]) == one.end
    assert float(row["difference"]) == one.difference.end
    assert float(row["difference_error"]) == one.difference.standard_errors.end
    assert found["file", "reset", "mean"]["difference"] == ""


@pytest.mark.parametrize("width", [60, 80, 140])
def test_the_table_keeps_to_its_width_and_its_numbers_whole(compared: Comparison, width: int) -> None:
    text = render_report(compared, "table", Layout(width=width))
    assert max(map(cell_len, text.splitlines())) <= width
    assert "…" not in text
    for one in compared.variants["sceptic"].scenarios.values():
        assert one.difference is not None
        assert f"{100 * one.difference.end:+.0f}" in text
        assert f"{100 * one.difference.mean:+.0f}" in text
    switching = compared.variants["sceptic"].switching
    assert switching is not None
    assert all(f"{100 * effect.mean:.1f}" in text for effect in switching.effects.values())
    assert (text.count("±") > 1) == (width == 140)


def test_markdown_has_every_error(compared: Comparison) -> None:
    text = render_report(compared, "md", Layout())
    assert text.count("± (one standard error)") == 2 * 3
    assert "| `drivers.us_approach.weight` |" in text


@pytest.mark.parametrize("form", TABULAR_FORMATS)
def test_every_format_of_a_model_without_time(opened: Opened, form: str) -> None:
    study = opened(CERTAIN)
    text = render_report(study.compare({"more": study.varied(weights={"push": 3})}), form, Layout())
    assert text.endswith("\n")
    assert "of time" not in text


# The command ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    """The file of a small model with the profile `gloomy`."""
    file = tmp_path / "tiny.yaml"
    file.write_text(json.dumps(TINY), encoding="utf-8")
    return str(file)


def names(*arguments: str) -> list[str]:
    done = answer("compare", *arguments, "-n", "50", "--json", "-q")
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout)["variants"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-p", "gloomy"], ["base", "gloomy"]),
        (["-p", "gloomy", "-p", "base"], ["gloomy", "base"]),
        (["-w", "mood=2", "--do", "talks=deal"], ["as it is", "mood=2, do(talks=deal)"]),
        (["-p", "gloomy", "--sourced-only"], ["as it is", "sourced only"]),
        (["--variant", "late: --do talks=deal@2002", "--variant", "-w mood=x2"], ["as it is", "late", "mood=x2"]),
        (["--variant", "a: -p gloomy", "--set", "outcome.persistence=0.5"], ["as it is", "a"]),
    ],
)
def test_variants_are_named_by_what_sets_them_apart(tiny: str, arguments: list[str], expected: list[str]) -> None:
    assert names(tiny, *arguments) == expected


def test_two_of_one_name_are_refused(tiny: str) -> None:
    refused = answer("compare", tiny, tiny)
    assert (refused.returncode, "two variants are called 'as it is'" in refused.stderr) == (2, True)


def test_models_are_taken_under_every_profile(tiny: str) -> None:
    twin = Path(tiny).with_name("twin.yaml")
    twin.write_text(json.dumps(changed(TINY, "outcome/persistence", 0.5)), encoding="utf-8")
    expected = ["tiny, base", "tiny, gloomy", "twin, base", "twin, gloomy"]
    assert names(tiny, str(twin), "-p", "base", "-p", "gloomy") == expected


def test_base_is_a_profile_where_the_file_has_one(tiny: str) -> None:
    raw = {**TINY, "profiles": {**TINY["profiles"], "base": {"weights": {"mood": 2}}}}
    Path(tiny).write_text(json.dumps(raw), encoding="utf-8")
    done = answer("compare", tiny, "-p", "base", "-p", "gloomy", "-n", "50", "--json")
    assert json.loads(done.stdout)["variants"]["base"]["profile"] == "base"


def test_too_few_trials_are_refused(opened: Opened) -> None:
    study = opened(CERTAIN)
    with pytest.raises(ValueError, match="at least 2 trials"):
        study.compare({"x": study}, trials=1)
    with pytest.raises(UsruError):
        study.compare({"x": study}, do={"x": ["push=off"]})


@pytest.mark.parametrize("draws", ["2", "3", "8"])
def test_so_few_draws_that_nothing_can_be_fitted(draws: str) -> None:
    """One of the variants has the only uncertain judgement."""
    change = "weather={uniform: [0, 2]}"
    done = answer("compare", HARBOUR, "-n", "2", "--judgements", draws, "--jobs", "1", "--json", "-w", change)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run"]["judgements"] == int(draws)


@pytest.mark.parametrize("profile", ["institutional_sceptic", "putin_confident", "dmitriev_optimist"])
def test_each_difference_alone_makes_the_program_that_its_model_compiles_to(bundled: Study, profile: str) -> None:
    """Weights and first states are changed in the reference's program; all else is compiled."""
    base, other = bundled, load(profile=profile)
    apart = find_differences(base.loaded.model, other.loaded.model)
    assert {one.initial_of is not None for one in apart if one.weight_of is None} >= {True}
    for one in apart:
        model = with_edits(base.loaded.model, [one])
        assert model is not None
        made, right = program_from_base(model, [one], base.program), compile_model(model)
        edit = ProgramEdit.between(base.program, made)
        assert edit.whole is None
        assert len(edit.nodes) + len(edit.weights) == 1
        for each in (made, edit.on(base.program)):
            assert [*each.nodes] == [*right.nodes]
            assert all(are_equal(each.nodes[name], right.nodes[name]) for name in right.nodes)
            assert are_equal(each.weights, right.weights)
        assert not (are_equal(made.nodes, base.program.nodes) and are_equal(made.weights, base.program.weights))


def test_programs_of_other_steps_states_or_nodes_take_the_place_of_the_whole() -> None:
    """None of that is a node in the place of another one."""
    base = compile_model(Model.model_validate(STEPS))
    coin = STEPS["drivers"]["coin"]
    changes: list[Json] = [
        {"time": {**STEPS["time"], "end": "2005"}},
        {"drivers": {**STEPS["drivers"], "idle": {"states": {"up": 0.5, "down": 0.4, "left": 0.1}}}},
        {"drivers": {"coin": coin}},
    ]
    for change in changes:
        other = compile_model(Model.model_validate({**STEPS, **change}))
        edit = ProgramEdit.between(base, other)
        assert edit.whole is other
        assert edit.on(base) is other
