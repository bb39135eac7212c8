"""What happens to ledgers: other systems, links, git, models that change their parts, days that make no sense.

Whatever it is, a sentence says where it is and what helps, and nothing that was recorded is lost.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support import ledgers
from support.command import answer, refusal
from support.ledgers import file, recorded
from support.systems import on_unix
from support.tiny import TALKS

MODEL, GROWN = TALKS + ledgers.REOPEN, TALKS + ledgers.MONEY + ledgers.REOPEN
"""The model, and the same with a driver more."""

OTHER = """\
usru: 1
name: trade
title: Trade between them
time: {start: 2025-01, end: 2027-01, step: year}
scenarios: {boom: 0.7, bust: 0.3}
"""

SEEN = f"{ledgers.SEEN}resolutions:\n  reopen: {{came_true: true, resolved: 2025-12-05}}\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return ledgers.laid_out(tmp_path, talks=MODEL, seen=SEEN, trade=OTHER)


def record(place: Path, day: str, *options: str, model: str = "talks.yaml") -> str:
    """What is said of a record that is made."""
    return ledgers.record(place, day, *options, model=model).stderr


def found(place: Path, *words: str) -> dict[str, Any]:
    return ledgers.asked(place, *words, statuses=(0, 1))


def refused(place: Path, *words: str, status: int = 2) -> str:
    return refusal("ledger", *words, folder=place, status=status)


# Other systems and editors


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.replace(b"\n", b"\n\n", 1) + b"\n \n",
    ],
    ids=["CRLF", "BOM", "empty lines"],
)
def test_what_editors_do_to_line_breaks_changes_no_record(place: Path, spoilt: Any) -> None:
    for day in ("2025-01-20", "2025-04-01"):
        record(place, day)
    file(place).write_bytes(spoilt(file(place).read_bytes()))
    record(place, "2025-07-01")
    data = found(place, "verify")
    assert (data["faults"], data["whole"], len(data["records"])) == ([], True, 3)
    before = file(place).read_bytes()
    assert found(place, "verify", "--relink")["done"] == ""
    assert file(place).read_bytes() == before


def test_a_line_that_was_put_in_is_no_merge(place: Path) -> None:
    for day in ("2025-01-20", "2025-04-01"):
        record(place, day)
    first, second = file(place).read_text().splitlines(keepends=True)
    file(place).write_text(first + "to do\n" + second)
    messages = [(one["code"], one["line"], one["message"]) for one in found(place, "verify")["faults"]]
    assert messages[0][:2] == ("unreadable", 2)
    assert messages[1] == ("broken", 3, "the record follows line 1, not line 2: what is between was put in")


def test_a_record_of_a_later_version_says_so(place: Path) -> None:
    record(place, "2025-01-20")
    line = file(place).read_text()
    newer = line.replace("usru.forecast/1.0", "usru.forecast/2.0")
    minor = line.replace("usru.forecast/1.0", "usru.forecast/1.3").replace('"method":"auto"', '"method":"new"')
    file(place).write_text(line + newer + minor)
    faults = [one for one in found(place, "verify")["faults"] if one["code"] == "unreadable"]
    assert [one["line"] for one in faults] == [2, 3]
    assert all("a later version of usru" in one["hint"] for one in faults)


@pytest.mark.parametrize(
    ("part", "value", "reason"),
    [
        ("model", {"sha256": "../../secret"}, "model.sha256 is no SHA-256"),
        ("run", {"steps": ["soon"]}, "run.steps: 'soon' is not a date"),
        ("run", {"steps": []}, "run.steps is empty"),
    ],
)
def test_a_record_of_nonsense_is_left_out(place: Path, part: str, value: dict[str, Any], reason: str) -> None:
    record(place, "2025-01-20")
    (data,) = recorded(place)
    data[part] |= value
    with file(place).open("a") as ledger:
        ledger.write(json.dumps(data) + "\n")
    for words in (["history"], ["history", "--at", "now"]):
        (skipped,) = found(place, *words)["skipped"]
        assert (skipped["line"], reason in skipped["message"]) == (2, True), skipped


# The disk


def test_a_link_leads_to_the_ledger_and_stays_a_link(place: Path) -> None:
    record(place, "2025-01-20")
    base = file(place).read_bytes()
    file(place).rename(place / "real.jsonl")
    file(place).symlink_to(place / "real.jsonl")
    record(place, "2025-04-01")
    ours = (place / "real.jsonl").read_bytes()[len(base) :]
    (place / "real.jsonl").write_bytes(base)
    record(place, "2025-07-01")
    (place / "real.jsonl").write_bytes((place / "real.jsonl").read_bytes() + ours)
    assert found(place, "verify", "--relink")["whole"]
    assert file(place).is_symlink()
    assert [one["date"] for one in recorded(place)] == ["2025-01-20", "2025-04-01", "2025-07-01"]


@on_unix
def test_a_link_in_a_circle_and_pipes_are_refused_at_once(place: Path) -> None:
    record(place, "2025-01-20")
    file(place).unlink()
    file(place).symlink_to("forecasts.jsonl")
    assert "symbolic links" in refused(place, "history")
    file(place).unlink()
    os.mkfifo(file(place))
    for words in (["history"], ["verify"], ["why"], ["record", "talks.yaml"]):
        assert "it is no regular file" in refused(place, *words)


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file may grow larger, as on a full disk."""
    import resource  # on Unix alone

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@on_unix
def test_where_there_is_no_room_nothing_is_recorded(place: Path) -> None:
    record(place, "2025-01-20")
    before = file(place).read_bytes()
    with files_up_to(len(before) + 100):
        told = refused(place, "record", "talks.yaml", "--date", "2025-04-01")
    assert "nothing was recorded; make room and record it again" in told
    assert file(place).read_bytes() == before
    record(place, "2025-04-01")
    assert found(place, "verify")["whole"]


@on_unix
def test_a_folder_that_may_not_be_written_is_told(place: Path) -> None:
    record(place, "2025-01-20")
    before = file(place).read_bytes()
    for path in (file(place), file(place).parent):
        path.chmod(0o555 if path.is_dir() else 0o444)
    with as_nobody(place):
        told = refused(place, "record", "talks.yaml", "--date", "2025-04-01")
        assert found(place, "history")["records"]
    assert "permission denied" in told
    assert "--ledger names another folder" in told
    assert file(place).read_bytes() == before


@contextmanager
def as_nobody(place: Path) -> Iterator[None]:
    """Without the rights of the administrator, where tests have them."""
    if os.geteuid() != 0:
        yield
        return
    opened = [folder for folder in place.parents if folder.stat().st_mode & 0o005 != 0o005 and folder != Path("/")]
    modes = [folder.stat().st_mode for folder in opened]
    for folder in opened:
        folder.chmod(0o755)
    place.chmod(0o755)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        for folder, mode in zip(opened, modes, strict=True):
            folder.chmod(mode)


@pytest.mark.parametrize("stands", ["forecasts", "forecasts/models"])
def test_a_file_where_a_folder_is_needed_is_told(place: Path, stands: str) -> None:
    (place / stands).parent.mkdir(exist_ok=True)
    (place / stands).touch()
    assert "a file stands where the ledger needs a folder" in refused(place, "record", "talks.yaml")
    assert "the folder that it is to lie in must be there" in refused(place, "record", "talks.yaml", "--ledger", "a/b")


def test_a_model_that_was_removed_is_told_with_what_helps(place: Path) -> None:
    for day, weight in (("2025-01-20", "1"), ("2025-04-01", "2")):
        record(place, day, "-w", f"talks={weight}")
    gone = place / "forecasts" / "models" / f"{recorded(place)[1]['model']['sha256']}.yaml"
    gone.unlink()
    for words in (["why"], ["score", "--evidence", "seen.yaml"]):
        told = refused(place, *words)
        assert f"there is no forecasts/models/{gone.name}" in told
        assert f"git log -- forecasts/models/{gone.name}" in told


# Git


def git(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    settings = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", "-c", "core.autocrlf=false"]
    return subprocess.run(["git", *settings, *words], cwd=place, capture_output=True, text=True, check=False)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("union", [False, True])
def test_two_branches_that_git_merges_become_one_chain(place: Path, union: bool) -> None:
    record(place, "2025-01-20")
    if union:
        (place / ".gitattributes").write_text("forecasts.jsonl merge=union\n")
    git(place, "init", "-q", "-b", "main")
    for branch, day, weight in (("main", "2025-04-01", "2"), ("other", "2025-03-01", "3")):
        git(place, "add", "-A")
        git(place, "commit", "-qm", branch)
        if branch == "other":
            git(place, "checkout", "-qb", "other", "HEAD~1")
        record(place, day, "-w", f"talks={weight}")
    git(place, "add", "-A")
    git(place, "commit", "-qm", "the other view")
    git(place, "checkout", "-q", "main")
    merged = git(place, "merge", "-q", "other")
    assert (merged.returncode == 0) == union, merged.stdout + merged.stderr
    codes = {one["code"] for one in found(place, "verify")["faults"]}
    assert codes == ({"merged"} if union else {"merged", "conflict"})
    if not union:
        told = refused(place, "record", "talks.yaml")
        assert "forecasts/forecasts.jsonl:2: a conflict of git was left in the ledger" in told
    assert found(place, "verify", "--relink")["whole"]
    assert [one["date"] for one in recorded(place)] == ["2025-01-20", "2025-03-01", "2025-04-01"]


# Days


def test_a_record_knows_what_had_been_learned_by_its_day(place: Path) -> None:
    (place / "talks.yaml").write_text(GROWN)
    told = record(place, "2025-04-01", "--evidence", "seen.yaml")
    assert "knowing 1 item of seen up to 2025-04-01" in told
    assert recorded(place)[0]["run"]["evidence"]["items"] == ["opened"]
    told = record(place, "2026-02-01", "--evidence", "seen.yaml")
    assert "knowing 2 items of seen up to 2025-12-10" in told
    told = refused(
        place, "record", "talks.yaml", "--date", "2025-04-01", "--evidence", "seen.yaml", "--as-of", "2025-09-01"
    )
    assert "--as-of 2025-09-01 is after the day of the record, 2025-04-01" in told


def test_a_day_after_the_model_is_doubted_and_has_no_now(place: Path) -> None:
    assert "after the last step" not in record(place, "2024-11-01") + record(place, "2025-12-31")
    assert "warning: 2093-01-01 is after the last step of the model, 2025-Q4" in record(place, "2093-01-01")
    told = refused(place, "why", "--at", "now")
    assert "the day of number 3, 2093-01-01, lies in no step of its model" in told
    assert found(place, "why")["changes"]["thaw"]["change"] == 0.0


# Models that are other ones


def test_records_of_two_models_are_told_apart(place: Path) -> None:
    record(place, "2025-01-20", "-w", "talks=2")
    record(place, "2025-04-01")
    told = record(place, "2025-07-01", model="trade.yaml")
    assert "the record before it is of talks and this one of trade" in told
    assert "--ledger DIR keeps them apart" in told
    done = answer("ledger", "history", "--json", folder=place)
    assert [one["number"] for one in json.loads(done.stdout)["records"]] == [3]
    assert "2 records of talks left out: this is about trade" in done.stderr
    assert [one["number"] for one in found(place, "history", "thaw")["records"]] == [1, 2]
    assert "there is one record of trade alone" in refused(place, "why")
    assert found(place, "why", "1")["later"]["number"] == 2
    told = refused(place, "why", "1", "3")
    assert "number 1 is of talks and number 3 of trade, which have no scenario in common" in told
    assert "number 3 does not know 'thaw'" in refused(place, "why", "1", "3", "--of", "thaw")
    (place / "seen.yaml").write_text(SEEN.replace("  budget", "  # budget"))
    assert found(place, "score", "--evidence", "seen.yaml")["resolutions"]["reopen"]["records"] == [1, 2]
    assert found(place, "verify")["whole"]


def test_why_where_the_later_model_has_a_driver_more_and_evidence_of_it(place: Path) -> None:
    record(place, "2025-01-20")
    (place / "talks.yaml").write_text(GROWN)
    record(place, "2025-12-10", "--evidence", "seen.yaml", "--given", "money=ample@2025-Q1")
    data = found(place, "why")
    for change in data["changes"].values():
        parts = [change[part] for part in ("judgement", "evidence", "time", "noise")]
        assert sum(parts) == pytest.approx(change["change"], abs=1e-15)
        assert change["noise"] == pytest.approx(0.0, abs=1e-6)
    assert [one["item"] for one in data["items"]] == ["money=ample@2025-Q1", "opened", "budget"]
    assert data["items"][2]["effects"]["thaw"] != 0.0
    assert "Budget counts in one of the models alone" in data["note"]
    assert "unknown driver 'money'" in data["note"]
    assert found(place, "why", "2", "1")["changes"]["thaw"]["change"] == -data["changes"]["thaw"]["change"]


def test_why_where_the_later_model_has_another_scenario(place: Path) -> None:
    record(place, "2025-01-20")
    (place / "talks.yaml").write_text(MODEL.replace("freeze: 0.5}", "freeze: 0.3, storm: 0.2}"))
    record(place, "2025-04-01")
    data = found(place, "why")
    assert list(data["changes"]) == ["thaw", "freeze"]
    assert "Storm: known to number 2 alone" in data["note"]
    assert "number 1 does not know 'storm'" in refused(place, "why", "--of", "storm")


def test_the_first_model_is_scored_with_what_it_has_a_word_for(place: Path) -> None:
    record(place, "2025-01-20")
    (place / "talks.yaml").write_text(GROWN)
    record(place, "2025-09-01", "--evidence", "seen.yaml")
    scores = found(place, "score", "--evidence", "seen.yaml")["resolutions"]["reopen"]["scores"]
    assert scores["first model"]["last"]["brier"] < scores["first record kept"]["last"]["brier"]
    told = answer("ledger", "score", "--evidence", "seen.yaml", folder=place).stderr
    assert told == "budget is left out of a model that has no word for it: unknown name 'money'\n"
