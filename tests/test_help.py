"""The help texts in the package are those that the commands make, and are written only where they are right."""

from __future__ import annotations

import re
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from docs.generate import helps
from support.command import COMMAND, HERE, answer, in_terminal, shell, usru
from usru_scenarios import entry
from usru_scenarios.cli.commands import COMMANDS, GROUPS, summary

STORED = {path.name: path.read_text("utf-8") for path in Path(entry.HELP).iterdir()}

PINNED = re.findall(r"^typer==(.+)$", (HERE.parent / "constraints" / "tested.txt").read_text("utf-8"), re.MULTILINE)
by_pinned_typer = pytest.mark.skipif(
    version("typer") not in PINNED, reason="typer shows the types of arguments otherwise in other versions"
)


@by_pinned_typer
def test_the_stored_texts_are_those_that_the_commands_make() -> None:
    assert helps() == STORED, "run python docs/generate.py --write"


def test_each_summary_stands_whole_in_one_line_of_its_group() -> None:
    shown = STORED["usru.txt"]
    assert max(map(len, shown.splitlines())) <= entry.WIDTH
    for purpose, names in GROUPS.items():
        section = shown.partition(f"\n{purpose}:\n")[2].partition("\n\n")[0]
        assert [line.split() for line in section.splitlines()] == [[name, *summary(name).split()] for name in names]


def test_a_command_has_a_name_that_the_front_door_knows_for_one() -> None:
    assert [name for name in COMMANDS if not (name.isalpha() and name.islower())] == []


@by_pinned_typer
@pytest.mark.parametrize("columns", ["80", "120", "1000"])
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_the_long_way_writes_what_is_stored(command: str, columns: str) -> None:
    done = answer(*command.split(), "--help", COLUMNS=columns, FORCE_COLOR="1")
    assert (done.returncode, done.stdout, done.stderr) == (0, STORED[entry.help_file(command)], "")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_the_front_door_writes_what_is_stored(command: str) -> None:
    for words in ([*command.split(), "-h"], [*command.split(), "--help"], ["help", *command.split()]):
        done = usru(*words)
        assert (done.returncode, done.stdout, done.stderr) == (0, STORED[entry.help_file(command)], "")


@pytest.mark.parametrize("command", ["", "simulate"])
def test_help_of_a_command_in_words(command: str) -> None:
    done = answer("help", *command.split(), COLUMNS="60")
    assert (done.returncode, done.stdout) == (0, answer(*command.split(), "--help", COLUMNS="60").stdout)
    assert "did you mean 'simulate'?" in answer("help", "simulte").stderr


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("command", ["", "simulate"])
def test_a_terminal_that_is_wide_enough_shows_what_is_stored(command: str, columns: int) -> None:
    shown = in_terminal([*COMMAND, *command.split(), "--help"], columns)
    assert shown.replace("\r\n", "\n") == STORED[entry.help_file(command)]


@by_pinned_typer
def test_without_a_command_help_is_told_as_an_error() -> None:
    done = usru()
    assert (done.returncode, done.stdout, done.stderr) == (2, "", STORED["usru.txt"])
    assert answer(COLUMNS="80").stderr == done.stderr
    assert in_terminal(COMMAND, 80, 2).replace("\r\n", "\n") == done.stderr


@pytest.mark.parametrize(
    ("columns", "changes"), [(60, {}), (60, {"COLUMNS": "60"}), (100, {"COLUMNS": "60"}), (60, {"COLUMNS": "0"})]
)
def test_a_narrow_terminal_is_kept_to(columns: int, changes: dict[str, str]) -> None:
    shown = in_terminal([*COMMAND, "--help"], columns, **changes).replace("\r\n", "\n")
    assert shown == answer("--help", COLUMNS="60").stdout
    assert shown != STORED["usru.txt"]


@pytest.mark.parametrize("columns", ["", "0", "-5", "wide", "200"])
def test_a_width_that_says_nothing_narrower_is_none(columns: str) -> None:
    assert usru("--help", COLUMNS=columns).stdout == STORED["usru.txt"]


@pytest.mark.parametrize(
    "arguments",
    [["simulate", "--help", "-q"], ["--help", "simulate"], ["SIMULATE", "--help"], ["usru", "--help"], ["../x", "-h"]],
)
def test_what_is_no_plain_question_for_help_is_left_to_the_commands(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["usru", *arguments])
    monkeypatch.setattr("usru_scenarios.cli.main", lambda *, forks: 77 if forks else 0)
    assert entry.run() == 77


def test_without_its_file_a_text_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["usru", "--help"])
    monkeypatch.setattr("usru_scenarios.cli.main", lambda *, forks: 77 if forks else 0)
    assert entry.run() == 0
    monkeypatch.setattr(entry, "HELP", str(tmp_path))
    assert entry.run() == 77


@pytest.mark.parametrize(("streams", "status"), [(">/dev/full", 2), (">&-", 2), ("| true; exit ${PIPESTATUS[0]}", 141)])
def test_help_that_cannot_be_written_ends_as_any_output_does(streams: str, status: int) -> None:
    done = shell(f"$usru --help {streams}")
    assert done.returncode in ({status, 0} if status == 141 else {status})
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
