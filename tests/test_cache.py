"""What is kept between runs changes no answer, is found stale whenever it is, and never makes a run fail."""

from __future__ import annotations

import os
import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from command import answer
from usru_scenarios.problems import Span
from usru_scenarios.reading import cache
from usru_scenarios.reading.cache import Shelf, witness

FILE = """\
usru: 1
name: m
title: M
sources: register
scenarios: {a: {baseline: [2, C1]}, b: {baseline: [1, C1]}}
"""
CLAIM = "title: T\nclaims:\n  C1: {claim: a thing}\n"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "register").mkdir()
    (tmp_path / "register" / "one.yaml").write_text(CLAIM, encoding="utf-8")
    (tmp_path / "m.yaml").write_text(FILE, encoding="utf-8")
    return tmp_path / "m.yaml"


@pytest.fixture
def ask(model: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def ask(*arguments: str, keep: str = "") -> subprocess.CompletedProcess[str]:
        home = str(tmp_path / "home")
        return answer("ask", "P(a)", str(model), "--json", *arguments, USRU_CACHE=keep, XDG_CACHE_HOME=home)

    return ask


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "home" / "usru").glob("*"))


Ask = Callable[..., subprocess.CompletedProcess[str]]


def test_the_second_answer_is_the_first(ask: Ask, model: Path) -> None:
    first = ask()
    assert first.returncode == 0
    files = kept(model.parent)
    assert files
    second = ask()
    assert (second.stdout, second.stderr) == (first.stdout, first.stderr)
    assert kept(model.parent) == files
    assert second.stdout == ask(keep="off").stdout


def test_nothing_is_kept_where_that_is_switched_off(ask: Ask, model: Path) -> None:
    assert ask(keep="off").returncode == 0
    assert kept(model.parent) == []


def test_a_changed_file_is_read(ask: Ask, model: Path) -> None:
    first = ask()
    model.write_text(FILE.replace("[2, C1]", "[8, C1]"), encoding="utf-8")
    assert '"value": 0.888888' in ask().stdout
    assert '"value": 0.666666' in first.stdout
    assert '"value": 0.5' in ask("--set", "scenarios.a.baseline=1").stdout


def test_a_changed_register_is_read(ask: Ask, model: Path) -> None:
    assert ask().returncode == 0
    (model.parent / "register" / "one.yaml").write_text(CLAIM.replace("C1", "C2"), encoding="utf-8")
    assert "unknown claim 'C1'" in ask().stderr


def test_a_new_file_of_the_register_is_read(ask: Ask, model: Path) -> None:
    assert ask().returncode == 0
    (model.parent / "register" / "two.yaml").write_text(CLAIM, encoding="utf-8")
    assert "the claim 'C1' stands here a second time" in ask().stderr


@pytest.mark.parametrize("rubbish", [b"", b"rubbish", pickle.dumps(({}, os.getcwd)), pickle.dumps(3)])
def test_what_is_damaged_is_made_anew(ask: Ask, model: Path, rubbish: bytes) -> None:
    first = ask()
    files = kept(model.parent)
    for file in files:
        file.write_bytes(rubbish)
    assert ask().stdout == first.stdout
    assert all(file.read_bytes() != rubbish for file in files)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="there are no owners")
def test_what_others_could_have_written_is_not_used(ask: Ask, model: Path) -> None:
    ask()
    folder = model.parent / "home" / "usru"
    before = [file.stat().st_mtime_ns for file in kept(model.parent)]
    folder.chmod(0o777)
    assert ask().returncode == 0
    assert [file.stat().st_mtime_ns for file in kept(model.parent)] == before


def test_a_cache_folder_that_cannot_be_is_done_without(ask: Ask, model: Path) -> None:
    (model.parent / "home").write_text("a file", encoding="utf-8")
    assert ask().returncode == 0


# The shelf itself


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("USRU_CACHE", raising=False)
    return tmp_path


def made_on_shelf(file: Path, asked: str = "this", part: str = "part") -> bool:
    """Whether a part was made, and not found on the shelf."""
    shelf, made = Shelf(asked), []

    def make() -> Span:
        shelf.witnessing(lambda: witness(file, file.read_bytes()))()
        made.append(True)
        return Span(file.read_text(encoding="utf-8"), 1, 1)

    assert shelf.part(part, make).source == file.read_text(encoding="utf-8")
    return bool(made)


def test_a_part_is_made_once_for_what_is_asked_and_what_was_read(home: Path) -> None:
    file = home / "a"
    file.write_text("one", encoding="utf-8")
    assert [made_on_shelf(file), made_on_shelf(file)] == [True, False]
    assert [made_on_shelf(file, "that"), made_on_shelf(file, part="other")] == [True, True]
    file.write_text("two", encoding="utf-8")
    assert [made_on_shelf(file), made_on_shelf(file)] == [True, False]
    file.unlink()
    file.write_text("two", encoding="utf-8")
    assert not made_on_shelf(file)


def test_another_version_of_the_program_finds_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / "a"
    file.write_text("one", encoding="utf-8")
    made_on_shelf(file)
    monkeypatch.setattr(cache, "_program", lambda: [("a newer one", 1, 1)])
    assert made_on_shelf(file)


def test_what_is_kept_stays_small(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / "a"
    file.write_text("x" * 100, encoding="utf-8")
    monkeypatch.setattr(cache, "MOST_BYTES", 1_000)
    for number in range(20):
        assert made_on_shelf(file, f"{number}")
    assert 1 <= len(kept(home)) <= 4
    assert not made_on_shelf(file, "19")
    assert made_on_shelf(file, "0")


class Trap:
    """What would run a command if it were made from a pickle."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("exit 3",)


@pytest.mark.parametrize("held", [Trap(), os.getcwd, cache.names_in, Path()])
def test_nothing_but_classes_of_the_package_and_arrays_is_made(home: Path, held: object) -> None:
    file = home / "a"
    file.write_text("one", encoding="utf-8")
    made_on_shelf(file)
    (entry,) = kept(home)
    entry.write_bytes(pickle.dumps(({}, held)))
    assert made_on_shelf(file)
