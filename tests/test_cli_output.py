"""`-o`: a file is replaced as a whole or not at all, and devices and pipes are written to."""

from __future__ import annotations

import csv
import io
import json
import stat
import subprocess
from pathlib import Path

import pytest

from support.command import HARBOUR, answer, refusal, shell
from usru_scenarios.cli import parsers
from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.output import Destination, OutputError

RUN = ("simulate", HARBOUR, "-n", "2000")


def test_a_file_gets_what_standard_output_would_have_got(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    done = answer(*RUN, "--json", "-o", str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert file.read_text(encoding="utf-8") == answer(*RUN, "--json").stdout
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


def test_a_file_never_gets_colour(tmp_path: Path) -> None:
    file = tmp_path / "result.txt"
    answer(*RUN, "-o", str(file), FORCE_COLOR="1")
    assert "\x1b" not in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ["simulate", "no-such-model"],
        ["simulate", HARBOUR, "-p", "nobody"],
        ["simulate", HARBOUR, "--set", "drivers.weather.persistence=2"],
    ],
)
def test_a_failed_run_leaves_the_old_file_whole(tmp_path: Path, arguments: list[str]) -> None:
    file = tmp_path / "result.txt"
    file.write_text("old")
    assert answer(*arguments, "-o", str(file)).returncode in (1, 2)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_disk_that_fills_up_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "result.txt"
    file.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="no space left on device"):
        Destination.from_option(str(file)).write("new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_unwritable_places_are_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place, reason in (
        (tmp_path / "missing" / "x", "there is no such folder"),
        (tmp_path / "file" / "x", "there is no such folder"),
        (tmp_path, "it is a folder"),
    ):
        assert f"{place} can't be written: {reason}" in refusal(*RUN, "-o", str(place))


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file)
    Destination.from_option(str(link)).write("new")
    assert link.is_symlink()
    assert file.read_text() == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_devices_and_pipes_are_written_to_and_not_replaced(tmp_path: Path) -> None:
    done = shell("$usru simulate $harbour -n 2000 -f csv -o /dev/stdout | head -1")
    assert done.stdout.startswith("model,model_hash,profile,kind,id,title,state,step,date,")
    fifo = tmp_path / "fifo"
    done = shell(f"mkfifo {fifo}; $usru simulate $harbour -n 2000 -f csv -o {fifo} & head -1 {fifo}; wait; ls {fifo}")
    assert done.stdout.startswith("model,model_hash,profile,kind,id,title,state,step,date,")
    assert fifo.is_fifo()
    assert shell("$usru validate $harbour -o -").stdout.startswith("harbour is valid")


@pytest.mark.parametrize(
    ("text", "number"), [("1e6", 10**6), ("1_000_000", 10**6), ("1.5e3", 1500), ("2E+1", 20), ("007", 7)]
)
def test_counts_as_people_write_them(text: str, number: int) -> None:
    assert parsers.parse_setting("--trials", text) == number


@pytest.mark.parametrize("text", ["", "1e-3", "1__0", "_1", "0x10", "٣", "1.5", "inf", "nan", "1e1000"])
def test_what_is_no_count(text: str) -> None:
    with pytest.raises(OptionError):
        parsers.parse_setting("--trials", text)


def written(command: list[str], name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return answer(*command, "-o", str(folder / name))


SIMULATE = ["simulate", HARBOUR, "-n", "500"]


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.json", "json"),
        ("a.ndjson", "ndjson"),
        ("a.jsonl", "ndjson"),
        ("A.CSV", "csv"),
        ("a.md", "md"),
        ("a.txt", "table"),
        ("a", "table"),
    ],
)
def test_the_ending_of_a_file_names_its_format(name: str, form: str, tmp_path: Path) -> None:
    done = written(SIMULATE, name, tmp_path)
    assert done.returncode == 0
    assert (tmp_path / name).read_text(encoding="utf-8") == answer(*SIMULATE, "-f", form).stdout


def test_what_is_asked_for_counts_more_than_an_ending_and_is_told(tmp_path: Path) -> None:
    done = written([*SIMULATE, "--json"], "a.csv", tmp_path)
    assert done.returncode == 0
    assert done.stderr == "warning: a.csv gets json, as -f says, and not csv, as its ending does\n"
    assert (tmp_path / "a.csv").read_text(encoding="utf-8").startswith("{")
    assert written([*SIMULATE, "-f", "md", "-q"], "a.csv", tmp_path).stderr == ""
    assert written([*SIMULATE, "-f", "csv"], "a.data", tmp_path).stderr == ""


@pytest.mark.parametrize(
    ("command", "name", "said"),
    [
        (SIMULATE, "a.xlsx", "the ending .xlsx names no format of this answer\n    = one of: .json, .ndjson,"),
        (SIMULATE, "a.jsn", "did you mean '.json'?"),
        (["validate", HARBOUR], "a.md", "this answer has no format md, which a.md ends with"),
        (["show", HARBOUR, "--resolved"], "a.json", "--resolved and the format json contradict each other"),
    ],
)
def test_an_ending_that_names_no_format_of_the_answer_is_refused(
    command: list[str], name: str, said: str, tmp_path: Path
) -> None:
    done = written(command, name, tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_file_itself_is_written_by_its_ending(tmp_path: Path) -> None:
    assert written(["show", HARBOUR], "a.yaml", tmp_path).returncode == 0
    assert written(["show", HARBOUR, "--resolved"], "b", tmp_path).returncode == 0
    assert (tmp_path / "a.yaml").read_text("utf-8") == (tmp_path / "b").read_text("utf-8")
    assert answer("show", HARBOUR, "-f", "yaml").stdout == answer("show", HARBOUR, "--resolved").stdout
    assert answer("validate", str(tmp_path / "a.yaml")).returncode == 0


@pytest.mark.parametrize(
    ("command", "columns", "rows"),
    [
        (["ask", "P(open @ end)", HARBOUR, "-n", "500"], ["query", "value", "standard_error"], 1),
        (["validate", HARBOUR], ["model", "profile", "severity", "code", "message", "path", "line"], 0),
        (["show", HARBOUR], ["kind", "id", "title"], None),
        (["show", HARBOUR, "weather"], ["kind", "id", "title"], 1),
        (["sources", HARBOUR], ["name", "judgements"], None),
        (["sources", HARBOUR, "weather"], ["path", "value", "inferred"], None),
        (["calibrate", "brief"], ["scenario", "anchor", "baseline"], None),
        (["check", HARBOUR], ["expectation", "verdict"], None),
    ],
)
def test_lists_and_answers_have_rows(command: list[str], columns: list[str], rows: int | None) -> None:
    """The same in CSV and NDJSON, which only know no numbers from texts and have nothing for null."""
    table = list(csv.DictReader(io.StringIO(answer(*command, "-f", "csv").stdout)))
    objects = [json.loads(line) for line in answer(*command, "-f", "ndjson").stdout.splitlines()]
    assert len(table) == len(objects)
    assert (len(table) == rows) if rows is not None else table
    for cells, one in zip(table, objects, strict=True):
        assert set(columns) <= set(cells)
        assert list(cells) == list(one)
        assert list(cells.values()) == [
            "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            for value in one.values()
        ]
