"""What people who are no programmers write: each fault is told once, at its cause, with a hint that works."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from types import FrameType

import pytest

from support.command import answer
from support.slips import SLIPS, Slip
from usru_scenarios.problems import ModelError
from usru_scenarios.reading import repairs
from usru_scenarios.reading.loading import Loaded, load
from usru_scenarios.reading.repairs import levels
from usru_scenarios.reading.request import Request
from usru_scenarios.source_text import SourceText
from usru_scenarios.written_forms import (
    normalize_name,
    suggest_date,
    suggest_distribution,
    suggest_duration,
    suggest_number,
    suggest_number_in_text,
)

MODEL = Path(__file__).parent / "models" / "slips"
TEXT = (MODEL / "coalition.yaml").read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with the register that the file names."""
    shutil.copytree(MODEL / "claims", tmp_path / "claims")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def with_lines(lines: dict[int, str | None]) -> str:
    """The file with other lines."""
    numbered = enumerate(TEXT.split("\n"), 1)
    return "\n".join(line for number, old in numbered if (line := lines.get(number, old)) is not None)


def read(text: str) -> Loaded:
    Path("x.yaml").write_text(text, encoding="utf-8")
    return load(Request.of("x.yaml"))


def name_of(slip: Slip) -> str:
    return "; ".join(f"{number} {(line or 'none').strip()}" for number, line in list(slip.lines.items())[:2])


@pytest.mark.parametrize("slip", SLIPS, ids=map(name_of, SLIPS))
@pytest.mark.usefixtures("folder")
def test_a_slip_is_told_once_at_its_cause_with_a_hint_that_works(slip: Slip) -> None:
    text = with_lines(slip.lines)
    with pytest.raises(ModelError) as caught:
        read(text)
    faults = [problem for problem in caught.value.problems if problem.severity == "error"]
    span = faults[0].span
    assert span is not None
    assert (f"{span.line}:{span.column}", faults[0].hint, len(faults)) == (slip.place, slip.hint, slip.faults)
    if slip.mended == "by hand":
        assert not faults[0].fix
        return
    mended = read(SourceText("x.yaml", text).apply_edits(edit for fault in faults for edit in fault.fix))
    assert (mended.sha256 == read(TEXT).sha256) == (slip.mended == "as before")


def shifted(first: int, last: int, blanks: int) -> str:
    """The file with some lines further in, or further out."""
    lines = {number: TEXT.split("\n")[number - 1] for number in range(first, last + 1)}
    moved = {number: " " * blanks + line if blanks > 0 else line[-blanks:] for number, line in lines.items()}
    return with_lines({number: line.rstrip() for number, line in moved.items()})


@pytest.mark.parametrize(
    ("first", "last", "blanks", "place", "hint"),
    [
        (69, 74, 2, "69:5", "indent it by 2 blanks, like 'leader'"),
        (69, 74, 4, "69:7", "indent it by 2 blanks, like 'leader'"),
        (43, 45, -2, "43:3", "indent 'impacts' below budget"),
        (64, 68, -2, "64:3", "indent 'influences', 'impacts' below leader"),
        (40, 45, -2, "40:3", "indent 'title', 'states', 'persistence', 'impacts' below budget"),
        (24, 25, 2, "24:3", "don't indent it"),
        (27, 28, 2, "27:3", "don't indent it"),
        (32, 32, -2, "32:1", "indent 'shares' below anchor"),
        (76, 81, 2, "76:3", "don't indent it"),
        (78, 81, -2, "78:3", "indent 'title', 'when', 'then' below double_crisis"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_block_at_another_level_is_one_fault(first: int, last: int, blanks: int, place: str, hint: str) -> None:
    text = shifted(first, last, blanks)
    with pytest.raises(ModelError) as caught:
        read(text)
    (fault,) = [problem for problem in caught.value.problems if problem.severity == "error"]
    assert fault.span is not None
    assert (f"{fault.span.line}:{fault.span.column}", fault.hint) == (place, hint)
    assert read(SourceText("x.yaml", text).apply_edits(fault.fix)).sha256 == read(TEXT).sha256


@pytest.mark.parametrize(
    ("line", "key", "other", "column"),
    [
        (3, "name", "id", 1),
        (2, "usru", "version", 1),
        (10, "scenarios", "futures", 1),
        (10, "scenarios", "outcomes", 1),
        (30, "anchor", "target", 1),
        (38, "drivers", "factors", 1),
        (38, "drivers", "descriptors", 1),
        (12, "title", "label", 5),
        (13, "baseline", "probability", 5),
        (41, "states", "options", 5),
        (41, "states", "levels", 5),
        (42, "persistence", "inertia", 5),
        (42, "persistence", "half_life", 5),
        (43, "impacts", "effects", 5),
        (43, "impacts", "consequences", 5),
        (64, "influences", "parents", 5),
        (76, "rules", "combinations", 1),
        (79, "when", "if", 5),
        (80, "then", "effect", 5),
    ],
)
@pytest.mark.usefixtures("folder")
def test_another_word_for_a_key_is_one_fault(line: int, key: str, other: str, column: int) -> None:
    written = TEXT.split("\n")[line - 1]
    assert written.strip().startswith(f"{key}:")
    text = with_lines({line: written.replace(f"{key}:", f"{other}:", 1)})
    with pytest.raises(ModelError) as caught:
        read(text)
    (fault,) = [problem for problem in caught.value.problems if problem.severity == "error"]
    assert fault.span is not None
    assert (fault.span.line, fault.span.column, fault.hint) == (line, column, f"did you mean '{key}'?")
    assert read(SourceText("x.yaml", text).apply_edits(fault.fix)).sha256 == read(TEXT).sha256


@pytest.mark.parametrize("key", ["colour", "seed", "influences_of", "effects", "inputs", "sauces"])
@pytest.mark.usefixtures("folder")
def test_no_key_is_proposed_that_stands_there_already_or_takes_something_else(key: str) -> None:
    text = with_lines({61: f"    title: Leader\n    {key}: {{a: {{b: 1}}}}\n    sources: [P01]\n    events: []"})
    with pytest.raises(ModelError) as caught:
        read(text)
    (fault,) = [problem for problem in caught.value.problems if problem.severity == "error"]
    assert fault.hint.startswith("one of: ")


@pytest.mark.parametrize(
    ("lines", "place", "hint"),
    [
        ({7: "time: {start: 2025-01, end: 2026-12, step: quarter}"}, "7:24", "write end: 2027-01"),
        ({65: "      economy: 1", 66: None}, "65:7", "say in which state of 'economy', such as {growing: {strong: 1}}"),
        (
            {65: "      economy: {weak: 1, strong: -1}", 66: None},
            "65:7",
            "say in which state of 'economy', such as {growing: {weak: 1, strong: -1}}",
        ),
        ({66: "        weak: {recession: 1}"}, "66:9", "write recession: {weak: 1}"),
        (
            {44: "      stable: {passed: 1, rejected: -2}", 45: "      early_election: {rejected: 2}"},
            "43:5",
            "write impacts: {passed: {stable: 1}, rejected: {stable: -2, early_election: 2}}",
        ),
        ({51: "      - 2025-10: {good: 0.2, bad: 0.8}"}, "51:9", "write {at: 2025-10, prior: {good: 0.2, bad: 0.8}}"),
        ({51: "      - {Oct 2025: {prior: {good: 1}}}"}, "51:9", "write {at: 2025-10, prior: {good: 1}}"),
        ({51: "      2025-10: {prior: {good: 1}}"}, "51:7", "write event_1: {at: 2025-10, prior: {good: 1}}"),
        ({51: "      2025-10: {good: 1, bad: 3}"}, "51:7", "write event_1: {at: 2025-10, prior: {good: 1, bad: 3}}"),
        (
            {51: "      - at: 2025-10\n      - prior: {good: 0.2, bad: 0.8}"},
            "52:9",
            "write blanks in the place of its '- '",
        ),
        ({51: "      - {at: 2025-10, prior: good}"}, "51:30", "write {good: 1}"),
        ({51: "      - {at: 2025-10, prior: 0.7}"}, "51:30", "say of which state, such as {good: 0.7, ...}"),
        ({79: None, 80: None, 81: None}, "77:3", "say when it holds: when: {budget: passed}"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_faults_of_one_cause_are_one(lines: dict[int, str | None], place: str, hint: str) -> None:
    text = with_lines(lines)
    with pytest.raises(ModelError) as caught:
        read(text)
    (fault,) = [problem for problem in caught.value.problems if problem.severity == "error"]
    assert fault.span is not None
    assert (f"{fault.span.line}:{fault.span.column}", fault.hint) == (place, hint)
    if fault.fix:
        read(SourceText("x.yaml", text).apply_edits(fault.fix))


@pytest.mark.usefixtures("folder")
def test_what_lies_off_the_scale_is_told_by_the_end_that_does() -> None:
    (warning,) = read(with_lines({53: "      bad: {early_election: {pert: [0, 1, 20]}, reshuffle: 1}"})).warnings
    assert warning.message.startswith("20 points lie off the scale")


@pytest.mark.usefixtures("folder")
def test_the_file_itself_is_sound() -> None:
    assert read(TEXT).warnings == ()


def test_json_carries_the_change_that_a_hint_speaks_of(folder: Path) -> None:
    Path("x.yaml").write_text(with_lines({41: "    states: {passed: 0,5, delayed: 0,3, rejected: 0,2}"}), "utf-8")
    said = answer("validate", "x.yaml", "--json", folder=folder)
    (fault,) = json.loads(said.stdout)["problems"]
    assert [one["text"] for one in fault["fix"]] == ["0.5", "0.3", "0.2"]
    assert {(one["line"], one["end_line"]) for one in fault["fix"]} == {(41, 41)}
    assert said.returncode == 1


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("12,5 %", "0.125"),
        ("per cent", None),
        ("1,5", "1.5"),
        ("1 234,5", "1234.5"),
        ("1'234.5", "1234.5"),
        ("1.234.567", "1234567"),
        ("\u00bd", "0.5"),
        ("2 1/2", "2.5"),
        ("\u2212 0,25", "-0.25"),
        ("\uff10\uff0e\uff15", "0.5"),
        ("\u201c0.5\u201d", "0.5"),
        ("1 in 20", "0.05"),
        ("1:4", "0.2"),
        ("0\u00b75", "0.5"),
        ("\u0660\u066b\u0663", "0.3"),
        ("roughly 2", "2"),
        ("three quarters", "0.75"),
        ("2x", None),
        ("1/0", None),
        ("0.5.1", None),
        ("1e400", None),
    ],
)
def test_numbers_as_people_write_them(written: str, meant: str | None) -> None:
    found = suggest_number(written)
    assert (found and found.text) == meant


@pytest.mark.parametrize(
    ("written", "text", "said"),
    [
        ("0.3;", "0.3", "write 0.3"),
        ("(0.3)", "0.3", "write 0.3"),
        ("=0.3", "0.3", "write 0.3"),
        ("0.3 (own guess)", "", "write 0.3; what else there is to say stands behind a '#'"),
        ("30 % // a guess", "", "write 0.3; what else there is to say stands behind a '#'"),
        ("0.3, C1", "", "write [0.3, C1]: the number, then its claims"),
        ("2 (G25, D35)", "", "write [2, G25, D35]: the number, then its claims"),
        ("> 50%", "", "write one number, such as 0.5, or a range, such as {uniform: [low, high]}"),
        ("at least 0,3", "", "write one number, such as 0.3, or a range, such as {uniform: [low, high]}"),
        ("0.3 0.4", None, ""),
        ("2x", None, ""),
        ("likely", None, ""),
    ],
)
def test_a_number_with_more_around_it(written: str, text: str | None, said: str) -> None:
    found = suggest_number_in_text(written)
    assert (found and (found.text, found.hint)) == (None if text is None else (text, said))


@pytest.mark.parametrize(
    ("line", "written", "hint"),
    [
        (41, "{passed: likely, delayed: 0.3, rejected: 0.2}", "write a number from 0 to 1, such as 0.3"),
        (53, "{early_election: --, reshuffle: 1}", "write -2"),
        (53, "{early_election: strong, reshuffle: 1}", "points go from -3 (strongly hinders) to 3 (strongly promotes)"),
        (53, "{early_election: {gauss: [-1, 1]}, reshuffle: 1}", "write {normal: [-1, 1]}"),
        (53, "{early_election: {lognormal: [0, 1]}}", "a distribution is one of: pert, uniform, triangular, normal"),
        (53, "{early_election: {beta: [0, 1]}}", "a distribution is one of: pert, uniform, triangular, normal"),
        (53, "{early_election: {points: -1}}", "write -1"),
        (53, "{early_election: {value: -1, sources: P01 P02}}", "write [P01, P02]"),
        (53, "{early_election: [-1, P01 P02]}", "write P01, P02"),
        (25, "stable + reshuffle", "write [stable, reshuffle]"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_number_is_wanted_is_said_once(line: int, written: str, hint: str) -> None:
    text = with_lines({line: f"{TEXT.split(chr(10))[line - 1].split(':')[0]}: {written}"})
    with pytest.raises(ModelError) as caught:
        read(text)
    (fault,) = [problem for problem in caught.value.problems if problem.severity == "error"]
    assert fault.hint == hint
    if fault.fix:
        read(SourceText("x.yaml", text).apply_edits(fault.fix))


def test_a_comma_that_may_stand_between_thousands_is_asked_about() -> None:
    found = suggest_number("1,500")
    assert found is not None
    assert (found.text, found.hint) == ("", "write 1500, or 1.5 if the comma is a decimal one")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("PERT(0,5; 1; 2)", "{pert: [0.5, 1, 2]}"),
        ("triangle 1 2 3", "{triangular: [1, 2, 3]}"),
        ("between 10% and 30%", "{uniform: [0.1, 0.3]}"),
        ("-1 \u2026 1", "{uniform: [-1, 1]}"),
        ("3 to 1", None),
        ("2 \u00b1 0,5", "{normal: [2, 0.5]}"),
        ("pert(1,2)", None),
    ],
)
def test_distributions_as_people_write_them(written: str, meant: str | None) -> None:
    found = suggest_distribution(written)
    assert (found and found.text) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [("2 Jahre", "2 years"), ("a quarter", "1 quarter"), ("6 wks", "1.4 months"), ("soon", None), ("0 years", None)],
)
def test_durations_as_people_write_them(written: str, meant: str | None) -> None:
    found = suggest_duration(written)
    assert (found and found.text) == meant


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("Sept. 2026", "2026-09"),
        ("2026 March", "2026-03"),
        ("M\u00e4rz 2026", "2026-03"),
        ("\u043c\u0430\u0440\u0442 2026", "2026-03"),
        ("3. Quartal 2026", "2026-Q3"),
        ("Q3-2026", "2026-Q3"),
        ("3/2026", "2026-03"),
        ("31.12.2026", "2026-12"),
        ("December 31st, 2026", "2026-12"),
        ("20261231", "2026-12"),
        ("2026-12-31T10:00:00Z", "2026-12"),
        ("end of 2026", "2026-Q4"),
        ("2026-Q5", ""),
        ("13/2026", ""),
        ("someday", ""),
    ],
)
def test_dates_as_people_write_them(written: str, date: str) -> None:
    assert suggest_date(written)[1] == date


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Early Election", "early_election"),
        ("\u0440\u0430\u0441\u043f\u0430\u0434", "raspad"),
        ("r\u0435form", "reform"),
        ("d\u00e9ficit", "deficit"),
        ("don't-know", "dont_know"),
        ("\u65e5\u672c", ""),
    ],
)
def test_names_as_people_write_them(written: str, name: str) -> None:
    assert normalize_name(written) == name


@pytest.mark.usefixtures("folder")
def test_a_name_that_is_none_is_mended_wherever_it_stands() -> None:
    with pytest.raises(ModelError) as caught:
        read(
            TEXT.replace("early_election:", "early-election:").replace(
                "[stable, reshuffle]", "[stable, early-election]"
            )
        )
    (fault,) = caught.value.problems
    assert fault.hint.startswith("write early_election")
    text = Path("x.yaml").read_text("utf-8")
    assert read(SourceText("x.yaml", text).apply_edits(fault.fix)).model.groups["survives"] == (
        "stable",
        "early_election",
    )


@pytest.mark.usefixtures("folder")
def test_blanks_that_are_none_are_left_alone_in_text() -> None:
    text = TEXT.replace("title: Polls", 'title: "Qui\u00a0: la suite"  # l\u00e0\u00a0: oui')
    assert read(text).model.drivers["polls"].title == "Qui\u00a0: la suite"


@pytest.mark.parametrize(
    "command",
    [
        ("simulate", "x.yaml"),
        ("ask", "x.yaml", "P(stable @ end)"),
        ("explain", "x.yaml", "stable"),
        ("compare", "x.yaml", "--do", "budget=passed"),
    ],
    ids=lambda command: command[0],
)
def test_an_anchor_that_is_missed_and_a_faulty_expectation_are_one_line_each(
    command: tuple[str, ...], folder: Path
) -> None:
    shares = {32: "  shares: {stable: 0.5, reshuffle: 0.25, early_election: 0.15, minority: 0.1}"}
    (folder / "x.yaml").write_text(with_lines({**shares, 36: '  no: {that: "P(stable) > 30%"}'}), encoding="utf-8")
    lines = answer(*command, "-n", "500", folder=folder).stderr.splitlines()
    said = [line for line in lines if line.startswith("x.yaml:")]
    assert [line.split(":")[1] for line in said] == ["32", "36"]
    assert "the anchor says 0.500 for 'stable'" in said[0]
    assert "expected a number from 0 to 1, found '%'" in said[1]
    for changed in (("-w", "budget=2"), ("--set", "odds_per_point=1.6"), ("-q",)):
        again = answer(*command, "-n", "500", *changed, folder=folder).stderr
        assert "the anchor says" not in again
        assert "can't be read" not in again


@pytest.mark.parametrize(
    ("query", "place", "hint"),
    [
        ("P(stable @ 03/2025) > 0.1", 12, "did you mean '2025-03'?"),
        ("P(stable @ by Q3 2025)", 15, "did you mean '2025-Q3'?"),
        ("P(stable @ 2025-Q1..Oct 2025)", 21, "did you mean '2025-10'?"),
        ("P(stable | budget=passed @ 10.2025)", 28, "did you mean '2025-10'?"),
        ("P(stable @ end) > 0,5", 19, "a decimal comma: write 0.5"),
        ("P(stable) > 30 percent", 13, "write 0.3 for 30 percent"),
        ("P(stable) > \u00bd", 13, "write 0.5 for 1/2"),
        ("P(early-election)", 3, "write early_election"),
        ("P(st\u0430ble)", 3, "write stable"),
        ("P(\u201cstable\u201d)", 3, "names are written without quotes"),
        ("P(stable ever)", 10, "write @ ever"),
        ("P(stable @ last)", 12, "write end"),
        ("P(stable @ average)", 12, "write mean"),
        ("P(stable @ 2025 to 2026)", 17, "a range is written with two points, as in 2025..2026"),
        ("P(stable + reshuffle)", 10, "events are joined by 'or' and 'and'"),
        ("P(budget.passed)", 9, "a state follows =, as in sanctions=eased"),
        ("P(budget: passed)", 9, "a state follows =, as in sanctions=eased"),
        ("P(stable); P(minority)", 10, "every query is an argument of its own, in quotes"),
        ("P(stable) between 0.2 and 0.4", 11, "write 0.2 < P(...) < 0.4"),
        ("P(stable) vs P(minority)", 11, "compare with < or >, or subtract"),
        ("P(stable)) > 0.3", 10, "nothing opens this ')'"),
        ("P[stable]", 2, "write it in parentheses, ( )"),
        ("P(stable", 9, "nothing closes the '(' at column 2"),
    ],
)
def test_a_query_as_people_write_it(query: str, place: int, hint: str, folder: Path) -> None:
    (folder / "x.yaml").write_text(TEXT, encoding="utf-8")
    said = answer("ask", "x.yaml", query, folder=folder)
    assert said.returncode == 2
    assert f"query:1:{place}: " in said.stderr
    assert f"= {hint}\n" in said.stderr


@pytest.mark.parametrize(
    ("argument", "hint"),
    [
        (("-w", "budget=50%"), "write 0.5 for 50%"),
        (("-w", "budget=2x"), "x2 multiplies the weight, 2 replaces it"),
        (("-w", "budget=2,polls=3"), "repeat -w: one for each"),
        (("--set", "drivers.budget.persistence=60%"), "write 0.6 for 60%"),
        (("--set", "drivers.migration.states={calm: 0,5, hot: 0,5}"), "a decimal comma: write 0.5"),
        (("--set", "drivers.polls.events.0.at=Q4 2025"), "did you mean '2025-Q4'?"),
    ],
)
def test_an_argument_as_people_write_it(argument: tuple[str, str], hint: str, folder: Path) -> None:
    (folder / "x.yaml").write_text(TEXT, encoding="utf-8")
    said = answer("simulate", "x.yaml", *argument, "-n", "100", folder=folder)
    assert said.returncode == 2
    assert said.stderr.count(f"{argument[0]}:1:") == 1
    assert f"= {hint}\n" in said.stderr


@pytest.mark.parametrize("section", ["scenarios", "drivers", "consequences", "rules", "groups", "profiles"])
@pytest.mark.parametrize("written", ["3", "0.5", "text", "[a, 1]", "[[1]]", "true", "{1: 2}"])
def test_a_section_that_is_no_map_is_told_whatever_else_is_missing(section: str, written: str, folder: Path) -> None:
    """What a hint would name is not there to be named."""
    text = re.sub(rf"(?ms)^{section}:.*?(?=^\S)", "", TEXT)
    further = {"rules": "rules: {r: {}, s: {then: 1}}", "expectations": "expectations: {e: {}, f: 3}"}
    text = re.sub(r"(?ms)^(rules|expectations):.*?(?=^\S|\Z)", "", text)
    added = "\n".join(line for key, line in further.items() if key != section)
    (folder / "x.yaml").write_text(f"{text}\n{section}: {written}\n{added}\n", encoding="utf-8")
    said = answer("validate", "x.yaml", "--json", folder=folder)
    assert said.returncode == 1
    assert json.loads(said.stdout)["problems"]


def test_a_map_in_place_of_a_number_is_told_where_no_node_is_around(folder: Path) -> None:
    text = re.sub(r"(?m)^sd_per_point:.*\n", "", TEXT)
    (folder / "x.yaml").write_text(f"sd_per_point: {{default: 0.6}}\n{text}", encoding="utf-8")
    said = answer("validate", "x.yaml", folder=folder)
    assert said.returncode == 1
    assert "x.yaml:1:15: expected a number, found a map" in said.stderr
    assert "= write 0.6\n" in said.stderr


def calls(text: str) -> int:
    """How many calls of functions it takes to find out which blocks stand at the wrong level."""
    counted = 0

    def count(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal counted
        counted += event == "call" and frame.f_code.co_filename == levels.__file__

    sys.setprofile(count)
    try:
        with pytest.raises(ModelError):
            read(text)
    finally:
        sys.setprofile(None)
    return counted


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("entry", ["  x{}: {{states: 5}}\n", "  x{}: 5\n", "  x{}:\n    states: {{a: 1, b: much}}\n"])
def test_what_a_fault_takes_does_not_grow_with_what_stands_beside_it(entry: str) -> None:
    head = "usru: 1\nname: a\ntitle: A\nscenarios: {a: 0.5, b: 0.5}\ndrivers:\n"
    few, many = (calls(head + "".join(entry.format(number) for number in range(size))) for size in (30, 150))
    assert 0 < many <= 5.5 * few


def test_a_fault_whose_hint_fails_is_still_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = re.sub(r"(?m)^sd_per_point:.*\n", "", TEXT)
    (folder / "x.yaml").write_text(f"sd_per_point: soon\n{text}", encoding="utf-8")

    def fail(_: object) -> None:
        raise IndexError

    monkeypatch.setattr(repairs, "repair_level", fail)
    assert answer("validate", "x.yaml", folder=folder).returncode == 101
    monkeypatch.setattr(repairs, "IGNORED_ERRORS", (LookupError,))
    said = answer("validate", "x.yaml", folder=folder)
    assert (said.returncode, "x.yaml:1:15: " in said.stderr) == (1, True)


BUNDLED = (Path(__file__).parents[1] / "scenarios" / "us-russia.yaml").read_text("utf-8")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "slip", "said"),
    [
        ("  sanctions", "  sanctoins", "nothing names the driver 'sanctoins', and 12 places (lines "),
        ("  us_approach", "  us_aproach", "nothing names the driver 'us_aproach', and 6 places (lines "),
        ("  reset", "  rseet", "nothing names the scenario 'rseet', and "),
        ("      settlement", "      setlement", "nothing names the state 'setlement' of 'ukraine_talks', "),
    ],
)
def test_a_name_that_is_misspelt_where_it_is_given_is_told_there_once(name: str, slip: str, said: str) -> None:
    """Not at each of its many uses, nor at the pushes of claims, nor again under each profile."""
    text = BUNDLED.replace("sources: ../seeds", "sources: us-russia")
    slipped = text.replace(f"\n{name}:\n", f"\n{slip}:\n", 1)
    with pytest.raises(ModelError) as caught:
        read(slipped)
    (fault,) = (problem for problem in caught.value.problems if problem.severity == "error")
    assert fault.message.startswith(said)
    assert fault.message.endswith("which is not there")
    assert fault.hint == f"did you mean '{name.strip()}'?"
    assert SourceText("x.yaml", slipped).apply_edits(fault.fix) == text


@pytest.mark.usefixtures("folder")
def test_uses_of_a_name_that_nothing_has_are_told_where_they_are() -> None:
    """Where more places name what is there, these are the slips."""
    text = BUNDLED.replace("sources: ../seeds", "sources: us-russia")
    slipped = text.replace("when: {sanctions:", "when: {sanctoins:")
    uses = slipped.count("{sanctoins:")
    assert uses > 1
    with pytest.raises(ModelError) as caught:
        read(slipped)
    faults = [problem for problem in caught.value.problems if problem.severity == "error"]
    assert [problem.hint for problem in faults] == ["did you mean 'sanctions'?"] * uses
    assert all(problem.message.startswith("unknown driver 'sanctoins' in ") for problem in faults)
