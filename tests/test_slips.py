"""What people who are no programmers write: each fault is told once, at its cause, with a hint that works."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from support.command import answer
from support.slips import SLIPS, Slip
from usru_scenarios.problems import ModelError
from usru_scenarios.reading.loading import Loaded, load
from usru_scenarios.reading.request import Request
from usru_scenarios.source_text import SourceText
from usru_scenarios.written_forms import (
    date_hint,
    distribution_meant,
    duration_meant,
    name_meant,
    number_meant,
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
    mended = read(SourceText("x.yaml", text).edited(edit for fault in faults for edit in fault.fix))
    assert (mended.sha256 == read(TEXT).sha256) == (slip.mended == "as before")


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
        ("roughly 2", "2"),
        ("three quarters", "0.75"),
        ("2x", None),
        ("1/0", None),
        ("0.5.1", None),
        ("1e400", None),
    ],
)
def test_numbers_as_people_write_them(written: str, meant: str | None) -> None:
    found = number_meant(written)
    assert (found and found.text) == meant


def test_a_comma_that_may_stand_between_thousands_is_asked_about() -> None:
    found = number_meant("1,500")
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
    found = distribution_meant(written)
    assert (found and found.text) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [("2 Jahre", "2 years"), ("a quarter", "1 quarter"), ("6 wks", "1.4 months"), ("soon", None), ("0 years", None)],
)
def test_durations_as_people_write_them(written: str, meant: str | None) -> None:
    found = duration_meant(written)
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
    assert date_hint(written)[1] == date


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
    assert name_meant(written) == name


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
    assert read(SourceText("x.yaml", text).edited(fault.fix)).model.groups["survives"] == ("stable", "early_election")


@pytest.mark.usefixtures("folder")
def test_blanks_that_are_none_are_left_alone_in_text() -> None:
    text = TEXT.replace("title: Polls", 'title: "Qui\u00a0: la suite"  # l\u00e0\u00a0: oui')
    assert read(text).model.drivers["polls"].title == "Qui\u00a0: la suite"
