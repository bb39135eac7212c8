"""What a file may hold: half-written edits, `true` for a name, floods of warnings, large numbers, who judged."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from support.command import answer
from usru_scenarios.limits import LARGEST_NUMBER, MOST_OPERATIONS
from usru_scenarios.problems import ModelError, Problem, QueryError
from usru_scenarios.results.simulate import ValuesResult
from usru_scenarios.study import load

HEAD = "usru: 1\nname: t\ntitle: T\n"
TWO = "scenarios: {a: {}, b: {}}\n"
YEARS = "time: {start: 2000, end: 2003, step: year}\n"


def written(folder: Path, text: str) -> Path:
    """A scenario file of the text behind the usual head."""
    path = folder / "model.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return path


def faults(folder: Path, text: str) -> list[Problem]:
    """What is wrong with a file."""
    with pytest.raises(ModelError) as caught:
        load(written(folder, text))
    return list(caught.value.problems)


def warnings(folder: Path, text: str) -> list[Problem]:
    """What a valid file is warned of."""
    return list(load(written(folder, text)).loaded.warnings)


# Half-written edits


@pytest.mark.parametrize("section", ["influences", "lagged_influences"])
@pytest.mark.parametrize("node", ["{states: {x: 1, y: 1}, persistence: 0.5", "{kind: numeric, range: [0, 1]"])
def test_a_numeric_parent_without_knots_gives_no_points(section: str, node: str, tmp_path: Path) -> None:
    model = YEARS + TWO + "drivers:\n  n: {kind: numeric, range: [0, 1]}\n"
    half = load(written(tmp_path, f"{model}  m: {node}, {section}: {{n: {{}}}}}}\n")).simulate(trials=400)
    without = load(written(tmp_path, f"{model}  m: {node}}}\n")).simulate(trials=400)
    assert half.drivers == without.drivers


@pytest.mark.parametrize(
    "text",
    [
        (
            "drivers: {n: {kind: numeric, range: [? [a]\n: b\n, 1]}, q: {states: {x: 1, y: 1}, impacts: {x: {a: 1}}}}\n"
            "profiles: {p: {overrides: {drivers: {q: {persistence: 0.5}}}}}\n"
        ),
        (
            "drivers: {n: *n, q: {states: {x: 1, y: 1}}}\nrules: {r: {when: {q: x}, then: {n: 1}}}\n"
            "profiles: {p: {weights: {n: 2}}, r: {overrides: {rules: {r: {lag: 1}}}}}\n"
        ),
        (
            "rules: {<<: 1, r: {when: {q: x}, then: {scenario: {a: 1}}}}\ndrivers: {q: {states: {x: .inf, y: !t 1}}}\n"
            "profiles: {p: {overrides: {drivers: {q: {states: {x: 2}}}}}}\n"
        ),
    ],
)
def test_a_broken_value_and_a_profile_that_has_to_do_with_it(text: str, tmp_path: Path) -> None:
    told = faults(tmp_path, TWO + text)
    assert all(problem.span is not None for problem in told)


# Names


ASKED = """
scenarios: {true: {baseline: 0.5}, false: {baseline: 0.5}}
groups: {both: [true, false]}
outcome:
  persistence: {true: 0.5, default: 0.1}
  initial: {true: 1}
  allowed: {true: [true, false]}
  lagged_influences: {smoker: {true: {true: 1}}}
drivers:
  smoker:
    states: {true: 0.3, false: 0.7}
    initial: {true: 0.5, false: 0.5}
    persistence: {true: 0.5, false: 0.2}
    allowed: {true: [true], false: [true, false]}
    impacts: {true: {true: 1}}
    events: [{at: 2001, prior: {true: 1}}, {at: 2002, points: {false: 1}}]
    lagged_influences: {smoker: {false: {true: 1, hold: 1}}}
  cancer:
    states: {yes: {}, no: {}}
    prior_given:
      - {when: {smoker: true}, prior: {yes: 0.1, no: 0.9}}
      - {when: {smoker: [false]}, prior: {yes: 0.01, no: 0.99}}
rules:
  r: {when: {smoker: true, cancer: [yes]}, lag: 1, then: {scenario: {true: 1}}}
profiles:
  p: {overrides: {drivers: {smoker: {states: {true: 0.9}, allowed: {true: [false]}}}}}
expectations:
  e: {that: "P(true | smoker=true @ end) < 2"}
"""


def test_true_and_false_are_names_like_any_other(tmp_path: Path) -> None:
    """With `yes` and `no`, which are text, the model is the same, to the last digit."""
    bare, quoted = tmp_path / "bare.yaml", tmp_path / "quoted.yaml"
    bare.write_text(HEAD + YEARS + ASKED)
    quoted.write_text(
        (HEAD + YEARS + ASKED)
        .replace("true", "'true'")
        .replace("false", "'false'")
        .replace("smoker='true' @", "smoker=true @")
        .replace("P('true' ", "P(true ")
    )
    found = [
        answer(
            "simulate",
            "-q",
            "--json",
            str(path),
            "-n",
            "400",
            "--profile",
            "p",
            "--do",
            "cancer=yes",
            "--given",
            "smoker=true @ 2001",
        )
        for path in (bare, quoted)
    ]
    assert [one.returncode for one in found] == [0, 0], found[1].stderr
    results = [json.loads(one.stdout) for one in found]
    assert results[0]["scenarios"] == results[1]["scenarios"]
    assert results[0]["drivers"]["smoker"]["by_step"]["true"][1] == pytest.approx(1)
    assert answer("ask", "-q", "P(cancer=yes | do(smoker=true))", str(bare)).returncode == 0
    assert answer("validate", "--set", "drivers.smoker.initial={true: 1}", str(bare)).returncode == 0


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("drivers: {d: {states: {null: 1, x: 1}}}", "null"),
        ("drivers: {d: {states: {x: 1}, allowed: {x: [~]}}}", "~"),
        ("drivers: {d: {states: {x: 1}}}\nrules: {r: {when: {d: null}, then: {scenario: {a: 1}}}}", "null"),
        ("drivers: {d: {states: {x: 1}}}\nrules: {r: {when: {d: [null]}, then: {scenario: {a: 1}}}}", "null"),
        ("groups: {g: [a, null]}", "null"),
    ],
)
def test_null_is_no_name_until_it_is_quoted(text: str, place: str, tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, TWO + text)
    assert fault.span is not None
    assert fault.span.text[fault.span.column - 1 :].startswith(place)
    assert "quote it to make it text" in fault.hint


# Many of a kind


def off_scale(count: int) -> str:
    """A driver with so many impacts of 4 points, each in a line of its own."""
    impacts = "".join(f"      s{number}: {{a: 4}}\n" for number in range(count))
    states = ", ".join(f"s{number}: 1" for number in range(count))
    return f"{TWO}drivers:\n  d:\n    states: {{{states}}}\n    impacts:\n{impacts}"


@pytest.mark.parametrize("count", [2, 250])
def test_warnings_of_a_kind_are_one_with_their_number_and_the_first_place(count: int, tmp_path: Path) -> None:
    path = written(tmp_path, off_scale(count))
    done = answer("validate", str(path))
    assert done.returncode == 0
    assert done.stderr.startswith(f"{path}:9:15: warning: {count} points lie off the scale, which goes from -3 to +3")
    assert done.stderr.count("warning: ") == 1
    assert done.stdout.endswith(f"; {count} warnings\n")
    (told,) = json.loads(answer("validate", "--json", str(path)).stdout)["problems"]
    assert (told["code"], told["count"], told["line"]) == ("points_off_scale", count, 9)
    simulated = answer("simulate", "--json", "-n", "100", str(path))
    assert simulated.stderr.count("warning: ") == 1
    assert json.loads(simulated.stdout)["warnings"][0]["count"] == count


def test_a_warning_alone_is_told_as_it_is(tmp_path: Path) -> None:
    (told,) = warnings(tmp_path, off_scale(1))
    assert (told.message, told.count) == ("4 points lie off the scale, which goes from -3 to +3", 1)


def test_others_of_a_kind_are_told_by_their_lines(tmp_path: Path) -> None:
    drivers = "".join(f"  d{number}: {{states: {{x: 1, y: 1}}, weight: 2}}\n" for number in range(3))
    told = [one for one in warnings(tmp_path, f"{TWO}drivers:\n{drivers}") if one.code == "idle_weight"]
    assert [one.count for one in told] == [3]
    assert "the weight of 'd0' does nothing" in told[0].message
    assert told[0].message.endswith("(and 2 more like it, in lines 7, 8)")


@pytest.mark.parametrize(("kind", "more"), [("shape", 398), ("names", 100)])
def test_more_faults_than_are_shown_are_counted(kind: str, more: int, tmp_path: Path) -> None:
    """Those of the shape are two for each entry but two: no number, and, but for the states that are there, no name."""
    one = "a: x" if kind == "shape" else "nowhere: 1"
    impacts = "".join(f"      s{number}: {{{one}}}\n" for number in range(300))
    states = ", ".join(f"s{number}: 1" for number in range(2))
    if kind == "names":
        impacts = "".join(f"      t{number}: {{a: 1}}\n" for number in range(300))
    told = faults(tmp_path, f"{TWO}drivers:\n  d:\n    states: {{{states}}}\n    impacts:\n{impacts}")
    assert len(told) == 201
    assert told[-1].message == f"and {more} more faults; these are the first"
    assert len({one.span for one in told}) == 201


# Messages


LONG = "y" * 5_000


@pytest.mark.parametrize(
    "text",
    [
        f"groups: {{g: [a, {LONG}]}}",
        f"drivers: {{d: {{states: {{{LONG}: 1}}, influences: {{{LONG}: {{x: {{x: 1}}}}}}}}}}",
        f"drivers: {{d: {{states: {{x: 1}}, persistence: {LONG}, events: [{{at: {LONG}, points: {{x: 1}}}}]}}}}",
        f"{LONG}: 1",
        f"outcome: {{persistence: {'9' * 290}}}",
        f"drivers: {{d: {{states: {{x: 1}}}}}}\nrules: {{r: {{when: {{d: [{LONG}]}}, then: {{scenario: {{a: 1}}}}}}}}",
        f"? {'word ' * 1_000}\n: 1",
    ],
)
def test_messages_quote_the_beginning_of_what_is_long(text: str, tmp_path: Path) -> None:
    for fault in faults(tmp_path, TWO + text):
        assert max(map(len, fault.message.split())) <= 100, fault.message
        assert len(fault.message) <= 600, fault.message
        assert max(map(len, str(fault).splitlines())) <= 700


@pytest.mark.parametrize(
    "text",
    [
        'name: "a\\nb"\ntitle: T\nusru: 1\nscenarios: {a: {}}',
        'usru: 1\nname: t\ntitle: T\nscenarios: {a: {}}\n"\\e[31mred\\n": 1',
        'usru: 1\nname: t\ntitle: T\nscenarios: {a: {}}\ngroups: {g: ["a\\rb"]}',
        'usru: 1\nname: t\ntitle: T\nscenarios: {a: {}}\noutcome: {persistence: "1\\nyeer"}',
    ],
)
def test_a_message_is_one_line_without_control_characters(text: str, tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(text)
    with pytest.raises(ModelError) as caught:
        load(path)
    for fault in caught.value.problems:
        assert fault.message.isprintable()
        assert fault.hint.isprintable()


@pytest.mark.parametrize(
    "query",
    [
        "P(" + " or ".join(["a"] * 10_000) + ")",
        "P(" + " and ".join(["a"] * 10_000) + ")",
        "P(a | " + ", ".join(["a @ end"] * 10_000) + ")",
        " < ".join(["P(a)"] * 10_000),
        " + ".join(["1"] * 10_000),
    ],
)
def test_a_query_of_too_many_parts_is_refused_at_once(query: str, tmp_path: Path) -> None:
    study = load(written(tmp_path, TWO))
    with pytest.raises(QueryError, match=f"more than {MOST_OPERATIONS} operations"):
        study.ask(query)


# Numbers


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("drivers: {n: {kind: numeric, range: [0, 1e300]}}", "[0, 1e300]"),
        ("drivers: {n: {kind: numeric, range: [-1e101, 0]}}", "[-1e101"),
        ("drivers: {n: {kind: numeric, range: [0, 1e-320]}}", "[0, 1e-320"),
        ("drivers: {n: {kind: numeric, range: [1e15, 1000000000000001]}}", "[1e15"),
        ("drivers: {d: {states: {x: 1e308, y: 1e308}}}", "1e308"),
        ("drivers: {d: {states: {x: 1, y: 1}, initial: {x: 1e308, y: 1e308}}}", "1e308"),
        ("drivers: {d: {states: {x: {prior: {normal: [0, 1e308]}}, y: 1}}}", "1e308"),
        ("drivers: {d: {states: {x: 1, y: 1}, weight: 1001, impacts: {x: {a: 1}}}}", "1001"),
        ("drivers: {d: {states: {x: 1, y: 1}, impacts: {x: {a: -1001}}}}", "-1001"),
        ("odds_per_point: 1e7", "1e7"),
        ("odds_per_point: {pert: [1.1, 1.2, {triangular: [1e308, 1.2e308, 1.3e308]}]}", "1e308"),
        ("sd_per_point: 1e4", "1e4"),
        ("outcome: {persistence: 1" + "0" * 250 + " years}", "1000"),
        ("drivers: {d: {states: {x: 1, y: 1}, weight: {2001: 1, 99999: 2}, impacts: {x: {a: 1}}}}", "99999"),
    ],
)
def test_a_number_past_the_limits_is_refused_in_its_place(text: str, place: str, tmp_path: Path) -> None:
    told = faults(tmp_path, TWO + YEARS + text)
    assert any(
        fault.span is not None and fault.span.text[fault.span.column - 1 :].startswith(place) for fault in told
    ), [str(fault) for fault in told]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("method", ["exact", "sample"])
@pytest.mark.parametrize(
    ("low", "high"),
    [(-LARGEST_NUMBER, LARGEST_NUMBER), (0, LARGEST_NUMBER), (0, 1e-99), (1e15, 1e15 + 1e4), (2024.9999, 2025.0001)],
)
def test_a_wide_or_narrow_range_is_computed_like_any_other(
    low: float, high: float, method: Any, tmp_path: Path
) -> None:
    """A uniform number is in the middle on average, and its quantiles are where they are."""
    path = written(tmp_path, f"{TWO}drivers: {{n: {{kind: numeric, range: [{low!r}, {high!r}]}}}}\n")
    found = load(path).simulate(trials=20_480, method=method).drivers["n"]
    assert isinstance(found, ValuesResult)
    width = high - low
    assert abs(found.mean[0] - (low + high) / 2) <= 0.01 * width
    error = found.standard_errors.mean[0]
    # of one step, whose words are stratified, nearly all that is left is what 3 trials that were never drawn could add
    assert error == 0 if method == "exact" else error == pytest.approx(3 / 20_480 * width / 2, rel=0.05)
    assert abs(found.quantiles["0.05"][0] - (low + 0.05 * width)) <= 0.01 * width


# What is odd


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("drivers: {d: {states: {x: 0.35, y: 0.45, z: 0.02}, impacts: {x: {a: 1}}}}", "the priors of 'd' {} 0.82,"),
        ("scenarios: {a: {baseline: 0.7}, b: 0.7}", "the baselines {} 1.4,"),
        ("outcome: {initial: {a: 0.5}}", "the shares in initial of the outcome {} 0.5,"),
        ("outcome: {events: [{at: now, prior: {a: 0.5, b: 0.4}}]}", "the shares in event 1 of the outcome {} 0.9,"),
        ("anchor: {at: now, shares: {a: 0.5, b: 0.506}}", "the shares of the anchor {} 1.006,"),
    ],
)
def test_what_looks_like_chances_and_does_not_sum_to_1_is_remarked_on(text: str, said: str, tmp_path: Path) -> None:
    (told,) = warnings(tmp_path, f"{'' if 'scenarios' in text else TWO}{text}\n")
    assert told.code == "shares_off_one"
    assert told.message.startswith(said.format("look like chances and sum to"))
    assert told.span is not None


@pytest.mark.parametrize(
    "shares",
    ["{x: 1, y: 2, z: 3}", "{x: 40, y: 60}", "{x: 0.333, y: 0.333, z: 0.333}", "{x: 1, y: 1}", "{x: 0.1, y: 0.2}"],
)
def test_relative_weights_are_no_chances(shares: str, tmp_path: Path) -> None:
    assert warnings(tmp_path, f"{TWO}drivers: {{d: {{states: {shares}, impacts: {{x: {{a: 1}}}}}}}}\n") == []


def test_sums_off_one_are_one_warning_with_their_number(tmp_path: Path) -> None:
    drivers = "".join(f"  d{n}: {{states: {{x: 0.5, y: 0.3}}, impacts: {{x: {{a: 1}}}}}}\n" for n in range(30))
    (told,) = warnings(tmp_path, f"{TWO}drivers:\n{drivers}")
    assert told.count == 30
    assert told.message.startswith("30 maps of shares look like chances and do not sum to 1: the priors of 'd0' sum to")


@pytest.mark.parametrize("how", ["overlay", "--set", "profile"])
def test_what_is_laid_over_one_of_the_shares_is_meant(how: str, tmp_path: Path) -> None:
    """Whoever changes one prior of a file leaves it to the others to make room."""
    profile = "profiles: {p: {overrides: {drivers: {d: {states: {x: 0.7}}}}}}\n"
    path = written(
        tmp_path, f"{TWO}drivers: {{d: {{states: {{x: 0.5, y: 0.5}}, impacts: {{x: {{a: 1}}}}}}}}\n{profile}"
    )
    over = tmp_path / "over.yaml"
    over.write_text("extends: model.yaml\ndrivers: {d: {states: {x: 0.7}}}\n")
    asked = {"overlay": [str(over)], "profile": [str(path), "--profile", "p"]}
    done = answer("validate", *asked.get(how, [str(path), "--set", "drivers.d.states.x=0.7"]))
    assert (done.returncode, done.stderr) == (0, "")


INITIAL = "{states: {x: 1, y: 1}, initial: {x: 1}, impacts: {x: {a: 1}}"


@pytest.mark.parametrize(
    ("driver", "codes"),
    [
        ("{states: {x: 1, y: 1}}", ["idle_driver"]),
        (f"{INITIAL}}}", ["idle_priors"]),
        (f"{INITIAL}, persistence: 0.5}}", []),
        (f"{INITIAL}, events: [{{at: 2001, prior: {{x: 1}}}}]}}", ["idle_priors"]),
        ("{states: {x: {}, y: {}}, initial: {x: 1}, impacts: {x: {a: 1}}}", []),
        ("{kind: numeric, range: [0, 1]}", ["idle_driver"]),
    ],
)
def test_what_can_have_no_effect_is_remarked_on(driver: str, codes: list[str], tmp_path: Path) -> None:
    told = warnings(tmp_path, f"{YEARS}{TWO}drivers: {{d: {driver}}}\n")
    assert [one.code for one in told] == codes


@pytest.mark.parametrize(
    "reader",
    [
        "drivers: {d: {states: {x: 1}}, e: {states: {y: {}}, influences: {d: {x: {y: 1}}}, impacts: {y: {a: 1}}}}",
        "drivers: {d: {states: {x: 1}}}\nrules: {r: {when: {d: x}, then: {scenario: {a: 1}}}}",
        "drivers: {d: {states: {x: 1}}}\noutcome: {lagged_influences: {d: {x: {a: 1}}}}",
        "drivers: {d: {states: {x: 1}}}\nconsequences: {c: {states: {u: 1, v: 1}, influences: {d: {x: {u: 1}}}}}",
        (
            "drivers: {d: {states: {x: 1}}}\n"
            "consequences: {c: {states: {u: 1, v: 1}, prior_given: [{when: {d: x}, prior: {u: 1}}]}}"
        ),
    ],
)
def test_a_driver_that_something_reads_is_not(reader: str, tmp_path: Path) -> None:
    assert warnings(tmp_path, f"{YEARS}{TWO}{reader}\n") == []


def test_a_number_alone_is_a_scenario_s_baseline(tmp_path: Path) -> None:
    long = load(written(tmp_path, "scenarios: {war: {baseline: 0.2}, peace: {baseline: [0.8]}}\n")).simulate(trials=2)
    short = load(written(tmp_path, "scenarios: {war: 0.2, peace: [0.8]}\n")).simulate(trials=2)
    assert short.scenarios == long.scenarios
    assert short.scenarios["war"].end == pytest.approx(0.2)
    over = tmp_path / "over.yaml"
    over.write_text("extends: model.yaml\nscenarios: {war: {title: War}, peace: 0.3}\n")
    assert load(over).simulate(trials=2).scenarios["war"].end == pytest.approx(0.4)
    done = answer("simulate", "--json", str(over), "--set", "scenarios.war=0.1")
    assert json.loads(done.stdout)["scenarios"]["war"]["end"] == pytest.approx(0.25)


def test_baselines_written_short_are_solved_in_their_place(tmp_path: Path) -> None:
    text = "scenarios: {war: 0.2, peace: 0.8}\nanchor: {at: now, shares: {war: 0.25, peace: 0.75}}\n"
    path = written(tmp_path, text)
    assert answer("calibrate", "--write", str(path)).returncode == 0
    assert "scenarios: {war: 0.25, peace: 0.75}" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("lag", ["0", "1", "0.0", "1.0"])
def test_a_whole_number_may_be_written_with_a_point(lag: str, tmp_path: Path) -> None:
    driver = "drivers: {d: {states: {x: 1, y: 1}, persistence: 0.5, impacts: {x: {a: 1}}}}\n"
    rule = f"rules: {{r: {{when: {{d: x}}, lag: {lag}, at_least: 1.0, then: {{scenario: {{a: 1}}}}}}}}\n"
    found = load(written(tmp_path, TWO + YEARS + driver + rule)).loaded.model.rules["r"]
    assert (found.lag, found.at_least) == (float(lag), 1)


# Who judged, and when -------------------------------------------------------------------------------------------------


JUDGED = """\
usru: 1
name: judged
title: Judged
scenarios:
  good: {baseline: {value: 0.4, by: A. B., date: 2025-03}}
  bad: 0.6
drivers:
  mood:
    states: {up: {uniform: [0.4, 0.6], by: C. D.}, down: 0.5}
    weight: {value: 2, date: 2025-03-17}
    persistence: {value: 2 years, by: C. D., date: 2024}
    impacts: {up: {good: {value: 1, by: mod, date: 2025-Q1, note: "a remark"}}}
"""


def test_a_judgement_says_who_judged_and_when(tmp_path: Path) -> None:
    file = tmp_path / "judged.yaml"
    file.write_text(JUDGED, encoding="utf-8")
    report = json.loads(answer("sources", str(file), "mood", "--json").stdout)
    assert {one["path"]: (one["by"], one["date"]) for one in report["judgements"]} == {
        "drivers.mood.states.up.prior": ("C. D.", None),
        "drivers.mood.states.down.prior": (None, None),
        "drivers.mood.persistence": ("C. D.", "2024"),
        "drivers.mood.weight": (None, "2025-03-17"),
        "drivers.mood.impacts.up.good": ("mod", "2025-Q1"),
    }
    lines = answer("sources", str(file), "mood", COLUMNS="120").stdout.splitlines()
    assert lines[2:4] == [
        "drivers.mood.states.up.prior  uniform 0.4, 0.6  nothing  inferred  judged by C. D.",
        "drivers.mood.states.down.prior  0.5  nothing  inferred",
    ]
    assert lines[4].endswith("  judged by C. D. of 2024")
    plain = tmp_path / "plain.yaml"
    plain.write_text(re.sub(r", (by|date): [^,}]*", "", JUDGED), encoding="utf-8")
    assert "by:" not in plain.read_text("utf-8")
    same = [json.loads(answer("simulate", str(one), "--json").stdout)["scenarios"] for one in (file, plain)]
    assert same[0] == same[1]
    assert "Their inputs are the same" in answer("compare", str(file), str(plain), "-q").stdout


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("date: last March", "'last March' is not a date: write 2025-01, 2025-Q1, 2025 or 2025-01-20"),
        ("by: [A. B., C. D.]", "expected text, found a list"),
        ("expert: A. B.", "unknown key 'expert' in impacts of 'mood'"),
    ],
)
def test_what_is_wrong_about_who_judged_is_told_in_its_place(written: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "judged.yaml"
    file.write_text(JUDGED.replace("by: mod", written).replace(", date: 2025-Q1", ""), encoding="utf-8")
    told = answer("validate", "judged.yaml", folder=tmp_path).stderr
    assert told.startswith("judged.yaml:12:")
    assert said in told
    assert told.count("judged.yaml:") == 1
    assert ("did you mean 'by'?" in told) is written.startswith("expert")


# States that nothing draws --------------------------------------------------------------------------------------------

_WANTED = """
usru: 1
name: wanted
title: A rule on a state
scenarios: {good: 1, bad: 1}
drivers: {a: {states: {x: 1, y: 1}, impacts: {x: {good: 1}}}}
rules: {r: {when: {a: y}, then: {scenario: {good: 1}}}}
profiles: {without: {overrides: {drivers: {a: {states: {y: 0}}}}}}
"""


def test_who_takes_a_state_away_from_a_rule_means_to(tmp_path: Path) -> None:
    """Of a file in which nothing draws what a rule wants that is told; not of a profile, an overlay or --set."""
    (tmp_path / "wanted.yaml").write_text(_WANTED, encoding="utf-8")
    (tmp_path / "over.yaml").write_text(
        "usru: 1\nname: over\ntitle: Over\nextends: wanted.yaml\ndrivers: {a: {states: {y: 0}}}\n", encoding="utf-8"
    )
    (tmp_path / "idle.yaml").write_text(_WANTED.replace("y: 1}, imp", "y: 0}, imp"), encoding="utf-8")
    for options in (("-p", "without"), ("--set", "drivers.a.states.y=0"), ("--set", "drivers.a.states.y.prior=0")):
        assert "never" not in answer("validate", "wanted.yaml", *options, folder=tmp_path).stderr
    assert "never" not in answer("validate", "over.yaml", folder=tmp_path).stderr
    idle = answer("validate", "idle.yaml", folder=tmp_path)
    assert idle.returncode == 0
    said = "rule 'r' can never hold, unless by an intervention: 'a' is never y, which nothing draws"
    assert said in idle.stderr + idle.stdout
    for shares in ("y: 0.001}, imp", "y: {uniform: [0, 1]}}, imp"):
        (tmp_path / "mended.yaml").write_text(_WANTED.replace("y: 1}, imp", shares), encoding="utf-8")
        assert "never" not in answer("validate", "mended.yaml", folder=tmp_path).stderr
